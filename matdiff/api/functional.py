"""Functionals from text: int(L, x, a, b) or a LaTeX integral, with D(u), u' and u'' for the derivatives of u."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matdiff.api.derivation import Derivation
from matdiff.api.expr import Expr
from matdiff.api.integrals import Piece, argument, at_time, latex_integral, latex_integrals, unnamed
from matdiff.api.reading import texts
from matdiff.api.wrt import as_typed, chosen_names
from matdiff.calculus.variations import INFINITY, Functional, endless, jet
from matdiff.core.node import Node, Symbol, describe, number, symbol, symbols
from matdiff.errors import MatdiffError, ParseError, ShapeError, UnsupportedError
from matdiff.graph.rewrite import substitute
from matdiff.inference import declared_symbol, infer
from matdiff.inference.names import check_defined
from matdiff.ops.algebra import scale
from matdiff.text.declarations import read_declaration, refuse_complex
from matdiff.text.moving import derivatives
from matdiff.text.parser import parse_declarations, parse_program
from matdiff.text.statements import Statement, split
from matdiff.text.tree import Declaration, Program, Span, Tree, walk

DOTS = {"dot": 1, "ddot": 2}
"""The derivatives that LaTeX has commands for."""
DEEPEST = 4
"""Highest derivative of an unknown function in an integrand."""

ENDLESS = ("inf", "infty", "infinity", "oo", "Inf")
"""What an end at infinity is called."""
INFINITE = re.compile(r"\s*([+−-]?)\s*(?:\\infty|∞|inf|infty|Inf|infinity|oo)\s*")

BY = re.compile(
    r",\s*([A-Za-z]\w*)\s*,[^,()]+,[^,]+\)|(?<![A-Za-z\\])(?:\\mathrm\s*\{\s*)?d\}?\s*([A-Za-z])\s*[.}]?\s*$"
)
"""The variable of int(…, x, a, b), and of the dx at the end of a text in LaTeX."""

DERIVED = re.compile(r"(?<![A-Za-z\\])D\s*\(\s*([A-Za-z]\w*)\s*[,)]")
NORMS = re.compile(r"norm|\\\||‖|\\Vert|\\[lr]Vert")

EXAMPLE = 'declare it: --let "u: function of x", declare="u: function of x"'


@dataclass(frozen=True)
class Told:
    """What declarations say: the functions with their variable, and the rest."""

    functions: dict[str, tuple[Symbol, str]]
    rest: list[Declaration]


def reading(
    text: str, wrt: str | Sequence[str], declare: Any, dialect: str
) -> tuple[Functional, tuple[Symbol, ...], tuple[str, ...], bool]:
    """The functional of a text, its variables, notes, and whether several functions were asked for."""
    body, told = declared(text, texts(declare))
    names, known = chosen_names(wrt)
    if known:
        raise ParseError("wrt names a function here", hint='for instance wrt="u"')
    guessed = functions_of(body, names, told)
    told.functions.update(guessed)
    names = as_typed(names, list(told.functions))
    for name in names:
        if name not in told.functions:
            raise ParseError(f"{name} is not declared as a function", text=text, span=whole(text), hint=unsaid(name))
    functional, variables, notes, several = Reader(text, body, told, dialect).functional(names)
    remarks = [
        f"{n} is read as a scalar function of {x}; of vectors it is declared, {n}: n function of {x}"
        for n, (_, x) in guessed.items()
    ]
    return functional, variables, (*remarks, *notes), several


def functions_of(text: str, names: list[str], told: Told) -> dict[str, tuple[Symbol, str]]:
    r"""The functions where none is declared: those varied and those under D, scalars by the variable of integration.

    None where that has no one name, as in int(L, x, 0, 1) or \int_0^1 L\,dx, and where a norm tells of vectors.
    """
    by = {a or b for a, b in BY.findall(text)}
    wanted = dict.fromkeys((*names, *DERIVED.findall(text)))
    said = {d.name for d in told.rest}
    if told.functions or len(by) != 1 or NORMS.search(text):
        return {}
    (x,) = by
    return {n: (symbol(n, "scalar"), x) for n in wanted if n.isidentifier() and n != x and n not in said}


def claimed(text: str, d: Any) -> Node:
    """An expression in x, u, u', … of a functional, and du, du', ….  Raises MatdiffError for what it does not know."""
    F = d.functional
    told = Told({u.name: (u, F.x.name) for u in F.functions}, [])
    for u, pairs in F.directions.items():
        du = next(iter(pairs.values()))
        told.functions[du.name] = symbol(du.name, u.kind, u.rows, u.cols), F.x.name
    reader = Reader.__new__(Reader)
    reader.text, reader.told, reader.x, reader.body, reader.infinity = text, told, F.x.name, text, "∞"
    reader.by = F.x.name
    reader.program = reader.parsed(text, "auto")
    tree = reader.jets(reader.function(reader.program))
    known = {v.name: v for v in d.variables}
    known |= {jet(u, k).name: jet(u, k) for u, _ in told.functions.values() for k in range(2 * DEEPEST + 1)}
    found = infer(replace(reader.program, function=tree, declarations=[]), [], known, ()).function
    if strange := next((s for s in symbols(found) if s.name not in known), None):
        raise ParseError(f"{strange.name} is not known here", text=text, span=whole(text))
    moved: dict[Symbol, Node] = {}
    for pairs in F.directions.values():
        for k, dv in enumerate(pairs.values()):
            moved[jet(told.functions[next(iter(pairs.values())).name][0], k)] = dv
    return substitute(found, moved)


def unsaid(name: str) -> str:
    return EXAMPLE.replace("u: ", f"{name}: ") if len(name) < 40 else EXAMPLE


def whole(text: str) -> Span:
    return 0, len(text)


def declared(text: str, given: list[str]) -> tuple[str, Told]:
    """The text with blanks for its declarations of functions, and what these and the given ones say."""
    told = Told({}, [])
    for said in given:
        kept = functions_in(said, told)
        told.rest.extend(parse_declarations(kept) if kept.strip() else [])
        refuse_complex(told.rest)
    return functions_in(text, told), told


def functions_in(text: str, told: Told) -> str:
    """`u: function of x` is taken note of, and blank in what comes back."""
    if not isinstance(text, str):
        raise ParseError(f"a text is wanted, not {type(text).__name__}")
    kept = text
    for s in split(text, "plain"):
        if s.kind != "declaration" or "function" not in text[s.mark + 1 : s.end].split():
            continue
        for d in function_declaration(text, s):
            u = function_symbol(d, text, (s.start, s.end))
            if d.name in told.functions:
                raise ParseError(f"{d.name} is declared twice", text=text, span=(s.start, s.end))
            told.functions[d.name] = u, d.of
        end = s.end + (text[s.end : s.end + 1] == ";")
        kept = kept[: s.start] + " " * (end - s.start) + kept[end:]
    return kept


def function_declaration(text: str, s: Statement) -> list[Declaration]:
    """What `u, v: n function of x` declares.  Raises ParseError where no variable is told."""
    hint = "u: function of x"
    try:
        found = read_declaration(text, s.start, s.mark, s.end, functions=True)
    except ParseError:
        found = []
    if not found or not found[0].of:
        raise ParseError("a function is declared with its variable", text=text, span=(s.start, s.end), hint=hint)
    return found


def function_symbol(d: Declaration, text: str, span: Span) -> Symbol:
    sized = not d.dims and not {"vector", "matrix"}.isdisjoint(d.words)
    if len(d.dims) > 2 or set(d.words) - {"scalar", "vector", "matrix", "positive"} or sized:
        raise UnsupportedError(
            f"the function {d.name} has scalars, vectors or matrices of named sizes for values, without structure",
            text=text,
            span=span,
            hint=f"{d.name}: function of x; {d.name}: n function of x; {d.name}: n×m function of x",
        )
    u = declared_symbol(d)
    return symbol(u.name, u.kind, u.rows, u.cols)


_word = re.compile(r"(?<![\\\w])(?:int|integral)(?=\s*_)")
_endless = re.compile(rf"(?<=\^)\+?(?:{'|'.join(ENDLESS)})(?!\w)")


def in_signs(text: str) -> str:
    """The text with the sign of the integral where it is typed in words, with its ends behind it: int_0^1 L dx."""
    if not _word.search(text):
        return text
    text = _word.sub(lambda found: "∫".ljust(len(found[0])), text)
    return _endless.sub(lambda found: "∞".ljust(len(found[0])), text)


class Reader:
    """One text of a functional."""

    def __init__(self, text: str, body: str, told: Told, dialect: str) -> None:
        self.text, self.told = text, told
        self.x = ""
        self.infinity = next((c for c in "ωΩηκζξ" if c not in text), "∞")
        self.body = body = in_signs(unnamed(body))
        told.rest.extend(lagrangians(body, told, text))
        by = {x for _, x in told.functions.values()}
        self.by = next(iter(by), "x")
        letter = next(c for c in "JKMNQRWZ" if c not in text and c not in told.functions)
        several = latex_integrals(body, text, by, letter) if dialect != "plain" else None
        piece = latex_integral(body, text, by) if dialect != "plain" and several is None else None
        if several is not None:
            self.main = self.sum(*several, letter)
        elif piece is None:
            self.program = self.parsed(body, dialect)
            self.low = self.high = Tree("number")
            self.main = self.plain()
        else:
            self.main = self.latex(piece)

    def refused(self, message: str, span: Span, hint: str = "", kind: type[MatdiffError] = ParseError) -> MatdiffError:
        return kind(message, text=self.text, span=span, hint=hint)

    def latex(self, piece: Piece) -> Tree:
        r"""The integrand of \int_a^b … dx, by the coefficient in front of it."""
        self.x = piece.by
        self.program = self.parsed(piece.body, "latex")
        self.low, self.high = (self.expression(part) for part in (piece.low, piece.high))
        main = self.function(self.program)
        sign = piece.front.strip()
        if sign in ("", "+"):
            return main
        if sign in ("-", "−"):
            return Tree("neg", (main,), span=main.span)
        if "=" in sign:
            raise self.refused("this integral has a name", whole(self.text), "write the integral alone")
        front = self.expression(piece.front)
        self.fixed(front)
        return Tree("*", (front, main), span=(front.span[0], main.span[1]))

    def sum(self, outer: str, pieces: list[Piece], letter: str) -> Tree:
        """The integrands of several integrals over the same range, with their coefficients."""
        self.program = self.parsed(outer, "latex")
        main = self.function(self.program)
        places = sorted((t for t in walk(main) if t.head == "name" and t.value == letter), key=lambda t: t.span)
        if len(places) != len(pieces):
            raise self.refused(
                "a sum of integrals is not understood here", whole(self.text), "int(L, x, 0, 1) + int(…)"
            )
        calls: dict[int, Tree] = {}
        for t, piece in zip(places, pieces, strict=True):
            args = (piece.body, piece.by, piece.low, piece.high)
            calls[id(t)] = Tree("call", tuple(self.expression(a) for a in args), "int", t.span)
        made: dict[int, Tree] = {}
        for t in walk(main):
            made[id(t)] = calls.get(id(t)) or replace_args(t, [made[id(a)] for a in t.args])
        return self.integrand(made[id(main)])

    def expression(self, text: str) -> Tree:
        """One of the texts of an integral; an end at infinity is no expression of the language."""
        if found := INFINITE.fullmatch(text):
            whole = (found.start() + len(text) - len(text.lstrip()), len(text.rstrip()))
            infinity = Tree("name", (), ENDLESS[0], whole)
            return Tree("neg", (infinity,), span=whole) if found[1] in ("-", "−") else infinity
        return self.function(self.parsed(text, "latex"))

    def parsed(self, body: str, dialect: str) -> Program:
        """A program of the text.  That u(x) is not read is told in the words of functionals."""
        try:
            over = {name: (x,) for name, (_, x) in self.told.functions.items()}
            return parse_program(body.replace("∞", self.infinity), dialect, self.told.rest, over)
        except ParseError as error:
            error.text = self.text
            place = self.text[slice(*error.span)] if error.span else ""
            name = place.partition("(")[0].rstrip("'′’ ").lstrip("\\")
            if "(" in place and name in self.told.functions:
                error.hint = f"{name} is understood at the variable of integration: write {name}, D({name}) alone"
            elif name and re.fullmatch(
                rf"\\?{re.escape(name)}\s*\(\s*{re.escape(self.x or self.by)}\s*\)", place.strip()
            ):
                error.hint = (
                    f"declare {name}: function of {self.x or self.by}, which stays as it is, or write a product with *"
                )
            raise

    def function(self, program: Program) -> Tree:
        if program.function is None:
            message = "a functional is one integral, and there is no expression"
            raise self.refused(message, whole(self.text), "write the integral alone, without a name")
        return program.function

    def plain(self) -> Tree:
        """The integrand: the text with L for each int(L, x, a, b), which must all be over the same."""
        return self.integrand(self.function(self.program))

    def integrand(self, tree: Tree) -> Tree:
        found = [t for t in walk(tree) if t.head == "call" and t.value == "int"]
        if not found:
            hint = "a functional is an integral, int(L, x, 0, 1)"
            raise self.refused("there is no integral here", whole(self.text), hint)
        ranges = set()
        for call in found:
            if len(call.args) != 4 or call.args[1].head != "name":
                hint = "int(sqrt(1 + D(u)^2), x, 0, 1)"
                raise self.refused("int takes an integrand, its variable and the two ends", call.span, hint)
            L, x, low, high = call.args
            if any(t.head == "call" and t.value == "int" for t in walk(L)):
                raise self.refused("an integral inside an integral", call.span, kind=UnsupportedError)
            self.x, self.low, self.high = str(x.value), low, high
            ranges.add((self.x, *(said(t) for t in (low, high))))
        if len(ranges) > 1:
            hint = "write one integral, or integrals over the same variable and ends"
            raise self.refused("the integrals are over different ranges", whole(self.text), hint, UnsupportedError)
        return self.linear(tree)

    def linear(self, tree: Tree) -> Tree:
        """A sum of multiples of integrals with the integrands in their places."""
        if tree.head == "call" and tree.value == "int":
            return tree.args[0]
        inside = [any(t.head == "call" and t.value == "int" for t in walk(a)) for a in tree.args]
        constant = [not has and self.constant(a) for a, has in zip(tree.args, inside, strict=True)]
        if tree.head in ("+", "neg") and any(inside) and all(a or b for a, b in zip(inside, constant, strict=True)):
            pairs = zip(tree.args, inside, strict=True)
            return replace_args(tree, [self.linear(a) if has else self.spread(a) for a, has in pairs])
        if (tree.head == "*" and sum(inside) == 1) or (tree.head == "/" and inside == [True, False]):
            for a, has in zip(tree.args, inside, strict=True):
                if not has:
                    self.fixed(a)
            pairs = zip(tree.args, inside, strict=True)
            return replace_args(tree, [self.linear(a) if has else a for a, has in pairs])
        hint = "a functional is a sum of multiples of integrals"
        loose = next((a for a, has in zip(tree.args, inside, strict=True) if not has), tree)
        place = loose.span if tree.head in ("+", "neg") else tree.span
        what = "this stands under no integral" if tree.head in ("+", "neg") else "this is no multiple of an integral"
        raise self.refused(what, place, hint, UnsupportedError)

    def constant(self, tree: Tree) -> bool:
        """Whether neither functions nor their variable stand in it, as the λ L of λ (∫ … dx − L)."""
        return not any(t.head == "name" and (t.value == self.x or t.value in self.told.functions) for t in walk(tree))

    def spread(self, tree: Tree) -> Tree:
        """A constant as an integrand: divided by the length of the range."""
        if any(t.head == "name" and t.value in self.endless for e in (self.low, self.high) for t in walk(e)):
            hint = "a functional is a sum of multiples of integrals"
            raise self.refused("this stands under no integral", tree.span, hint, UnsupportedError)
        width = Tree("+", (self.high, Tree("neg", (self.low,), span=tree.span)), span=tree.span)
        return Tree("/", (tree, width), span=tree.span)

    def fixed(self, tree: Tree) -> None:
        """Raises what a factor of an integral or an end of it may not hold."""
        for t in walk(tree):
            if t.head == "name" and (t.value == self.x or t.value in self.told.functions):
                raise self.refused(f"{t.value} stands outside the integral", t.span, "put it inside: int(…)")

    def functional(self, names: list[str]) -> tuple[Functional, tuple[Symbol, ...], tuple[str, ...], bool]:
        self.variable()
        tree = self.jets(self.main)
        for d in self.program.definitions:
            if any(t.head == "name" and t.value in self.told.functions for t in walk(d.body)):
                raise self.refused("a definition holds an unknown function", d.span, "write it out in the integrand")
        for end in (self.low, self.high):
            self.fixed(end)
        declared: list[Declaration] = [*self.told.rest, *self.program.declarations]
        self.named = {*(d.name for d in declared), *(d.name for d in self.program.definitions)}
        scalars = [self.x, *(str(t.value) for e in (self.low, self.high) for t in walk(e) if t.head == "name")]
        known = {d.name for d in declared}
        bounds = {"pi", *(self.endless if any(map(self.infinite, (self.low, self.high))) else ())}
        wanted = [n for n in dict.fromkeys(scalars) if n not in known | bounds]
        declared += [Declaration(n, (), ("scalar",)) for n in wanted]
        jets = {jet(u, k).name: jet(u, k) for u, _ in self.told.functions.values() for k in range(DEEPEST + 1)}
        bare = replace(self.program, declarations=[])
        typed = infer(replace(bare, function=tree), declared, jets, names)
        if typed.function.kind != "scalar" and all(u.kind == "scalar" for u, _ in self.told.functions.values()):
            free = typed.variables.keys() - jets.keys() - {d.name for d in declared}
            declared += [Declaration(n, (), ("scalar",)) for n in sorted(free)]
            typed = infer(replace(bare, function=tree), declared, jets, names)
        self.moving(tree, typed.variables)
        L = typed.function
        if L.kind != "scalar":
            raise self.refused(f"the integrand is {describe(L)}, not a scalar", self.main.span, kind=ShapeError)
        check_defined(L, {})
        low, high = (self.end(e, bare, declared, typed.variables) for e in (self.low, self.high))
        if low is INFINITY or (endless(high) and high is not INFINITY):
            raise self.refused("the integral runs the wrong way", self.low.span, "its first end is the lesser one")
        x = typed.variables.get(self.x) or symbol(self.x, "scalar")
        if x.kind != "scalar":
            raise self.refused(f"{self.x}, the variable of integration, is {describe(x)}", whole(self.text))
        order = [u for u, _ in self.told.functions.values()]
        there = {s.name.rstrip("'") for s in symbols(L)}
        wrt = tuple(self.told.functions[n][0] for n in names)
        used = tuple(u for u in order if u.name in there or u in wrt)
        if absent := [u.name for u in wrt if u.name not in there]:
            hint = f"it is a functional of {', '.join(sorted(there & self.told.functions.keys())) or 'no function'}"
            raise self.refused(f"{absent[0]} does not stand in the integral", whole(self.text), hint)
        ends = [v for e in (low, high) if not endless(e) for v in symbols(e)]
        own = [v for v in typed.variables.values() if v.name not in jets]
        variables = tuple(dict.fromkeys((*used, x, *own, *ends)))
        functional = Functional(L, x, low, high, used, wrt)
        notes = dict.fromkeys(typed.remarks)
        moving = tuple(s for s in symbols(L) if s.name in jets)
        notes |= dict.fromkeys(Derivation(Expr(L), moving, "", True).notes)
        _ = functional.gradients
        return functional, variables, tuple(notes), len(names) > 1

    @property
    def endless(self) -> tuple[str, ...]:
        """The names of infinity; ∞ is a letter that stands for it while a text is parsed."""
        return (*ENDLESS, *((self.infinity,) if "∞" in self.text else ()))

    def infinite(self, tree: Tree) -> int:
        """1 for an end at infinity, −1 for one at minus infinity, else 0; a declared `oo` is a name as others."""
        sign = 1
        while tree.head in ("neg", "+") and len(tree.args) == 1:
            sign, tree = (-sign if tree.head == "neg" else sign), tree.args[0]
        return sign if tree.head == "name" and tree.value in self.endless and tree.value not in self.named else 0

    def end(self, tree: Tree, bare: Program, declared: list[Declaration], known: Mapping[str, Symbol]) -> Node:
        if sign := self.infinite(tree):
            return INFINITY if sign > 0 else scale(number(-1), INFINITY)
        endless = [t for t in walk(tree) if t.head == "name" and t.value in self.endless and t.value not in self.named]
        if endless:
            hint = "an end is inf or -inf, or an expression of numbers"
            raise self.refused("infinity is no number that is reckoned with", endless[0].span, hint)
        said = [d for d in declared if d.name not in known]
        program = replace(bare, function=tree, definitions=[])
        found = infer(program, said, {n: s for n, s in known.items() if any(t.value == n for t in walk(tree))})
        if found.function.kind != "scalar":
            what = f"an end of the integral is {describe(found.function)}"
            raise self.refused(what, tree.span, "declare it scalar", ShapeError)
        return found.function

    def moving(self, tree: Tree, known: Mapping[str, Symbol]) -> None:
        """Raises ParseError at the derivative of what is no function: a scalar that would be taken as it stands."""
        for name, t in derivatives(walk(tree), self.text):
            v = known.get(str(t.value) if t.head == "name" else name)
            if v is not None and v.kind == "scalar" and not (t.head == "name" and t.value in self.named):
                hint = f"declare {name}: function of {self.x}"
                raise self.refused(f"{name} is no function here, whose derivative this would be", t.span, hint)

    def variable(self) -> None:
        """The variable of integration is that of every function, and has no other meaning."""
        for name, (_, x) in self.told.functions.items():
            if x != self.x:
                hint = f"declare {name}: function of {self.x}"
                message = f"{name} is declared a function of {x}, but the integral is over {self.x}"
                raise self.refused(message, whole(self.text), hint)
        if self.x in self.told.functions:
            raise self.refused(f"{self.x} is a function, and the variable of integration", whole(self.text))

    def jets(self, root: Tree) -> Tree:
        """The integrand with one name for each derivative of an unknown function."""
        self.normed = {id(a) for t in walk(root) if t.head == "norm" or str(t.value).startswith("norm") for a in t.args}
        made: dict[Tree, Tree] = {}
        orders: dict[Tree, tuple[str, int]] = {}
        for t in walk(root):
            name = self.derivative(t, orders)
            if name is not None:
                self.applied(t, name[0])
                orders[t] = name
                made[t] = Tree("name", (), name[0] + "'" * name[1], t.span)
            elif t.head == "call" and t.value == "D" and self.holds(t, orders, made):
                hint = "write it out: D(u^2) is 2*u*D(u)"
                raise self.refused("D is taken of an unknown function alone", t.span, hint, UnsupportedError)
            else:
                self.confusions(t)
                made[t] = replace_args(t, [made[a] for a in t.args])
        return made[root]

    def applied(self, t: Tree, name: str) -> None:
        """Raises where parentheses after a function may be its argument, u'(x), and not a factor, u (1 - u)."""
        text = self.program.text
        found = argument(text, t.span[1])
        if found is None:
            return
        words, end = found
        if not words & self.told.functions.keys():
            shown = text[t.span[0] : t.span[1]]
            hint = f"{name} is understood at {self.x}: write {shown} alone; a product is {shown}*(…)"
            raise self.refused(f"is this {name} at a place, or a product?", (t.span[0], end), hint)

    def holds(self, call: Tree, orders: Mapping[Tree, Any], made: Mapping[Tree, Tree]) -> bool:
        """Whether an unknown function, or the variable of integration, stands in a call of D."""
        return any(t in orders or t.value == self.x for t in walk(call))

    def derivative(self, t: Tree, orders: Mapping[Tree, tuple[str, int]]) -> tuple[str, int] | None:
        """The unknown function that a tree is a derivative of, and of which order."""
        if t.head == "name" and t.value in self.told.functions:
            return str(t.value), 0
        if t.head == "name":
            name, _, dots = str(t.value).rpartition("_")
            if name in self.told.functions and dots in DOTS and f"\\{dots}" in self.body[slice(*t.span)]:
                return name, DOTS[dots]
        if t.head == "call" and t.value == "D" and t.args and t.args[0] in orders:
            name, k = orders[t.args[0]]
            if len(t.args) > 2 or (len(t.args) == 2 and not whole_number(t.args[1])):
                raise self.refused("D(u,k) is the k-th derivative, k a whole number", t.span, "D(u), D(u,2)")
            return self.checked(name, k + (int(t.args[1].value) if len(t.args) == 2 else 1), t)
        if t.head == "'" and t.args[0] in orders:
            return self.ticked(t, *orders[t.args[0]], typed=t.args[0].head == "call")
        return None

    def ticked(self, t: Tree, name: str, k: int, typed: bool) -> tuple[str, int] | None:
        """u' of a scalar u is its derivative; of a vector a ' may be a transpose, and that is not guessed."""
        mark = self.program.text[t.args[0].span[1] : t.span[1]]
        u, _ = self.told.functions[name]
        if any(c in mark for c in "Tᵀ⊤") or r"\top" in mark or (typed and u.kind != "scalar"):
            return None
        if u.kind != "scalar" and id(t) not in self.normed:
            hint = f"the derivative is D({name}), the transpose {name}^T"
            raise self.refused(f"is {name}' the derivative of {name} or its transpose?", t.span, hint)
        if typed:
            raise self.refused("is this ' one more derivative or a transpose?", t.span, f"write D({name},{k + 1})")
        return self.checked(name, k + 1, t)

    def checked(self, name: str, k: int, t: Tree) -> tuple[str, int]:
        if k > DEEPEST:
            raise self.refused(f"derivatives go up to the order {DEEPEST} here", t.span, kind=UnsupportedError)
        return name, k

    def confusions(self, t: Tree) -> None:
        """Raises for u_x and \\dot u, which are names of their own, where they look like derivatives."""
        if t.head == "call" and t.value in self.told.functions:
            raise self.refused(f"{t.value} is understood at {self.x}", t.span, f"write {t.value} alone")
        if t.head != "name":
            return
        head, mark, below = str(t.value).partition("_")
        if head in self.told.functions and mark and below in (self.x, self.x * 2, "dot", "ddot"):
            hint = f"write D({head}), D({head},2) or {head}', {head}''"
            raise self.refused(f"is {t.value} the derivative of {head}?", t.span, hint)


LETTER = re.compile(
    r"(?:\\(?:mathcal|mathscr)\s*(?:\{\s*(?P<braced>[A-Z])\s*\}|(?P<curled>[A-Z]))|(?<![\w\\])(?P<plain>[A-Za-zΑ-ω]))"
    r"\s*(?:\\left\s*|\\[bB]igg?l?\s*)?\("
)
MEANT = {"D", "K", "E", "I"}
"""Letters with a meaning of their own before parentheses."""


def lagrangians(body: str, told: Told, text: str) -> list[Declaration]:
    """F(u, u', x) that nothing declares, each argument a function, a derivative of one, or their variable: declared."""
    variables = {x for _, x in told.functions.values()}
    taken = {*told.functions, *(d.name for d in told.rest), *MEANT}
    found: dict[str, str] = {}
    for name, (_, x) in told.functions.items():
        body = at_time(body, name, x)
    for place in LETTER.finditer(body):
        name = place["braced"] or place["curled"] or place["plain"]
        args = [re.sub(r"\\(?:right|[bB]igg?r?)\s*\Z", "", arg) for arg in arguments(body, place.end())]
        if name in taken or name in found or len(args) < 2 or re.search(rf"(?<!\w){name}\s*:", body):
            continue
        sizes = []
        for arg in args:
            inside = re.fullmatch(
                r"\s*(?:D\(\s*(\w+)\s*(?:,\s*\d\s*)?\)|\\d?dot\s*\{?\s*(\w+)\s*\}?|(\w+?)['′]*)\s*", arg
            )
            of = next(filter(None, inside.groups()), "") if inside else ""
            if of in told.functions:
                sizes.append("×".join(map(str, told.functions[of][0].shape)) or "scalar")
            elif of in variables:
                sizes.append("scalar")
        if len(sizes) == len(args):
            found[name] = f"{name}: ({', '.join(sizes)}) -> scalar"
    return parse_declarations("; ".join(found.values())) if found else []


def arguments(text: str, at: int) -> list[str]:
    """The arguments that begin at a place behind a parenthesis; none where it is not closed."""
    depth, start, found = 0, at, []
    for i in range(at, len(text)):
        c = text[i]
        if depth == 0 and c in ",)":
            found.append(text[start:i])
            start = i + 1
            if c == ")":
                return found
        depth += (c in "([{") - (c in ")]}")
    return []


def whole_number(t: Tree) -> bool:
    return t.head == "number" and isinstance(t.value, int) and t.value > 0


def replace_args(tree: Tree, args: list[Tree]) -> Tree:
    same = len(args) == len(tree.args) and all(a is b for a, b in zip(args, tree.args, strict=True))
    return tree if same else replace(tree, args=tuple(args))


def said(tree: Tree) -> tuple[Any, ...]:
    """A tree as far as equal texts go."""
    return tuple((t.head, t.value, len(t.args)) for t in walk(tree))
