"""Julia, and Octave and MATLAB in one dialect: source text for languages of column-major arrays counted from 1.

One writer serves both.  A function's code is its record's field `julia`; Octave's is the same without the dots after
names (`exp.(x)`), and the field `octave` where it is another.  What a language lacks is brought along from
`helpers.jl` and `helpers.m`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from importlib.resources import files
from textwrap import wrap
from typing import NamedTuple

from matdiff.codegen.emit.module import Key
from matdiff.codegen.emit.names import Names, identifier
from matdiff.codegen.emit.pieces import ATOM, MAX_DEPTH, MAX_INLINE, POWER, PRODUCT, SUM, UNARY, Code
from matdiff.codegen.emit.pieces import literal as python_literal
from matdiff.codegen.emit.sizes import Recipe, recipes
from matdiff.codegen.emit.writer import Writer, ordered
from matdiff.codegen.plan.determinants import adjugates
from matdiff.codegen.plan.distribute import distributed
from matdiff.codegen.plan.network import shortcuts
from matdiff.codegen.plan.products import plan_with, smooth
from matdiff.codegen.plan.sharing import mirrored
from matdiff.codegen.plan.stability import stable
from matdiff.codegen.plan.variants import unified
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, Value, describe, topological
from matdiff.core.op import Op, registry
from matdiff.core.shape import ONE, ZERO, Dim, signature
from matdiff.errors import ShapeError, UnsupportedError
from matdiff.graph.rewrite import defined
from matdiff.ops.algebra import TRANSPOSE, is_op
from matdiff.ops.unknown import Unknown
from matdiff.printing.names import ascii_name

Functions = Mapping[str, tuple[Node | Mapping[str, Node] | Mapping[Key, Node] | Sequence[Node], str]]

WIDTH = 100
"""Comments are filled to here."""
LARGE_INT = 2**31
"""Whole numbers from here on are written as floats, so that Julia's do not overflow."""

_field = re.compile(r"\{(\w+)\}")
_called = re.compile(r"(?<![\w.'])([A-Za-z_]\w*)\.?\(")
_used = re.compile(r"(?<![\w.'])([A-Za-z_]\w*)(?=\.?\()|(?:@|\()([a-z_]\w*)(?=[,)])")
_said = re.compile(r'^ *%.*$|"""[\s\S]*?"""', re.MULTILINE)
_twice = re.compile(r"\b(sum|max|min|prod|mean)\(\1\((.*)\)\)$")
"""Over all entries of a matrix: of a vector it takes one."""

_inside = r"[^()]*(?:\([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*\)[^()]*)*"
_call = re.compile(rf"[\w.]*\({_inside}\)(?:\[\w+\])?'?")


class Language(NamedTuple):
    """Its name, that in messages, the file of what it lacks, and the brackets around indices."""

    name: str
    title: str
    helpers: str
    brackets: tuple[str, str]


KEYWORDS = {
    "julia": """baremodule begin break catch const continue do else elseif end export false finally for function
        global if import let local macro module quote return struct true try using while in isa where mutable abstract
        type primitive pi im Inf NaN I""",
    "octave": """break case catch continue do else elseif end end_try_catch end_unwind_protect endfor endfunction endif
        endparfor endswitch endwhile for function global if otherwise parfor persistent return switch try until
        unwind_protect unwind_protect_cleanup while classdef spmd methods properties events enumeration arguments
        pi Inf NaN ans true false nargin nargout varargin varargout""",
}
JULIA = Language("julia", "Julia", "helpers.jl", ("[", "]"))
OCTAVE = Language("octave", "Octave", "helpers.m", ("(", ")"))
LANGUAGES = {language.name: language for language in (JULIA, OCTAVE)}


def code_of(op: Op, language: Language) -> str:
    """The template of a function; UnsupportedError where it has none here."""
    if isinstance(op, Unknown):
        hint = f"evaluate takes it as a function of arrays: evaluate({op.of.base}=…)"
        raise UnsupportedError(f"{op.of.base} is an unknown function, which has no code", hint=hint)
    if language is OCTAVE and op.octave:
        return op.octave
    if not op.julia:
        fields = "julia or octave" if language is OCTAVE else "julia"
        raise UnsupportedError(
            f"{language.title} has no {op.name}",
            hint=f"give its record the field {fields}, or a definition by other functions",
        )
    return op.julia if language is JULIA else undotted(op.julia)


def undotted(code: str) -> str:
    """Julia's calls of every entry as Octave has them.

    >>> undotted("exp.({0} .+ 1) .* {1}")
    'exp({0} + 1) .* {1}'
    """
    plain = re.sub(r" \.([+-]) ", r" \1 ", re.sub(r"(\w)\.\(", r"\1(", code))
    return plain.replace("c_ -> ", "@(c_) ")


def planned(roots: Sequence[Node], language: Language) -> list[Node]:
    """The roots as they are computed: stable forms, systems solved, products in their cheapest order.

    Unlike for the libraries of Python, Kronecker products are formed, and two systems with one matrix factor it twice.
    """
    ready = adjugates(distributed(mirrored(shortcuts(stable(smooth([expanded(r, language) for r in roots]))))))
    return unified(plan_with(ready, {})[0])


def expanded(root: Node, language: Language) -> Node:
    """The root with functions that have no code, but a definition, written by what defines them."""
    lacking = (n.op for n in topological(root) if isinstance(n, Apply) and not has_code(n.op, language))
    if not any(op.definition is not None for op in lacking):
        return root
    return defined(root, lambda op: has_code(op, language))


def has_code(op: Op, language: Language) -> bool:
    return op.name in FORMS or bool(op.julia or (op.octave and language is OCTAVE))


def sources(functions: Functions, variables: Sequence[Symbol], name: str) -> str:
    """A file with functions that all take the same arrays: what each computes, and what is said of it."""
    return Module(LANGUAGES[name], functions, variables).text()


class Module:
    """A file: its functions, the helpers that they call, the variables in one order."""

    def __init__(self, language: Language, functions: Functions, variables: Sequence[Symbol]) -> None:
        self.language = language
        self.functions = functions
        roots = [r for node, _ in functions.values() for r in nodes_of(node)]
        for v in {n for n in topological(*roots) if isinstance(n, Symbol)}:
            if any(word in v.attributes for word in COMPLEX):
                raise UnsupportedError(
                    f"{language.title} is written for real variables, and {v.name} is complex",
                    hint="complex variables have code for NumPy, JAX and PyTorch",
                )
        self.variables = self.needed(variables, roots)

    def needed(self, variables: Sequence[Symbol], roots: Sequence[Node]) -> list[Symbol]:
        """The variables that the functions take, those besides that a size is to be read off."""
        order = topological(*roots)
        found = ordered(variables, order)
        dims = {d for n in order for d in (n.rows, n.cols, *getattr(n, "dims", ()))}
        dims |= {p for n in order if isinstance(n, Apply) for p in n.params if isinstance(p, Dim)}
        names = {name for d in dims for name in d.names}
        for v in variables:
            if recipes(found, names) is not None:
                break
            found += [v] * (v not in found)
        return sorted(found, key=lambda v: variables.index(v) if v in variables else len(variables))

    def text(self) -> str:
        parts = [self.function(name, *said) for name, said in self.functions.items()]
        known = helpers(self.language)
        wanted = list(called("\n".join(parts), known))
        parts += [known[w] for w in wanted]
        body = "\n\n".join(parts) + "\n"
        return self.head(body) + body

    def head(self, body: str) -> str:
        """Julia's packages; for Octave and MATLAB a script that hands out its functions.

        MATLAB lets nothing but a file's own text call the functions of a script.  The handles are anonymous, since
        Octave takes `@gradient` for its own function of that name until the script has defined another.
        """
        if self.language is JULIA:
            return "using LinearAlgebra\n" + "using SpecialFunctions\n" * bool(special(body)) + "\n"
        names = [octave_word(n) for n in self.functions]
        if len(names) == 1:
            return ""
        arguments = ", ".join(Columns(self.language, self.variables).inputs.values())
        fields = "\n".join(f"derivatives.{n} = @(varargin) {n}(varargin{{:}});" for n in names)
        return (
            f"% A script: once it has run, derivatives.{names[0]}({arguments}) is one of its functions, in MATLAB and\n"
            f"% in Octave, where {names[0]}({arguments}) calls it too.\n{fields}\n\n"
        )

    def function(self, name: str, node: object, doc: str) -> str:
        roots, keys = nodes_of(node), tuple(node) if isinstance(node, Mapping) else None
        writer = Columns(self.language, self.variables)
        values = writer.values(planned(roots, self.language))
        lines = [*writer.preamble(values), *writer.lines]
        if self.language is JULIA:
            return self.julia(name, doc, writer, [*lines, *packed_julia(values, keys, isinstance(node, Node))])
        return self.octave(name, doc, writer, lines, values, keys)

    def julia(self, name: str, doc: str, writer: Columns, lines: list[str]) -> str:
        text = self.described(doc, writer).replace("\\", "\\\\").replace('"', "'").replace("$", "\\$")
        arguments = ", ".join(writer.inputs.values())
        body = "\n".join(f"    {line}" for line in lines)
        return f'"""\n{text}\n"""\nfunction {julia_word(name)}({arguments})\n{body}\nend'

    def octave(
        self, name: str, doc: str, writer: Columns, lines: list[str], values: list[str], keys: tuple[Key, ...] | None
    ) -> str:
        results, last = packed_octave(name, values, keys, writer)
        said = "\n".join(f"% {line}".rstrip() for line in self.described(doc, writer).split("\n"))
        arguments = ", ".join(writer.inputs.values())
        head = results[0] if len(results) == 1 else f"[{', '.join(results)}]"
        body = "\n".join(f"  {line}" for line in [*lines, *last])
        return f"function {head} = {octave_word(name)}({arguments})\n{said}\n{body}\nend"

    def described(self, doc: str, writer: Columns) -> str:
        takes = "; ".join(f"{p}: {describe(v)}" for v, p in writer.inputs.items())
        rows = [*doc.splitlines(), f"Takes {takes}."] if takes else doc.splitlines()
        clean = ("".join(c if c.isprintable() else " " for c in row) for row in rows)
        return "\n".join(part for row in clean for part in wrap(row, WIDTH, break_long_words=False))


COMPLEX = frozenset({"complex", "hermitian", "hpd", "unitary"})


def nodes_of(node: object) -> list[Node]:
    if isinstance(node, Node):
        return [node]
    return list(node.values()) if isinstance(node, Mapping) else list(node)  # type: ignore[call-overload]


def packed_julia(values: list[str], keys: tuple[Key, ...] | None, single: bool) -> list[str]:
    """The lines that return results: a tuple; what has names in named tuples, Hessians in dictionaries by pairs."""
    if single:
        return [f"return {values[0]}"]
    groups: list[tuple[str, list[str], str]] = []
    if keys is None:
        groups = [("", [v], "") for v in values]
    else:
        told = list(zip(keys, values, strict=True))
        named = [f"{julia_word(k)} = {v}" for k, v in told if k and isinstance(k, str)]
        pairs = [f"(:{julia_word(k[0])}, :{julia_word(k[1])}) => {v}" for k, v in told if isinstance(k, tuple)]
        groups = [("", [v], "") for k, v in told if k == ""]
        groups += [("(", named, ")")] * bool(named) + [("Dict(", pairs, ")")] * bool(pairs)
    parts = [
        left + ", ".join(items) + ("," * (len(items) == 1 and left == "(")) + right for left, items, right in groups
    ]
    if len(parts) == 1 and keys is not None:
        whole = f"return {parts[0]}"
        left, items, right = groups[0]
        return [whole] if len(whole) <= WIDTH else [f"return {left}", *(f"    {i}," for i in items), right]
    whole = f"return ({', '.join(parts)}{',' * (len(parts) == 1)})"
    if len(whole) <= WIDTH:
        return [whole]
    lines = ["return ("]
    for part, (left, items, right) in zip(parts, groups, strict=True):
        short = len(part) <= WIDTH or len(items) == 1
        lines += [f"    {part},"] if short else [f"    {left}", *(f"        {i}," for i in items), f"    {right},"]
    return [*lines, ")"]


def packed_octave(
    name: str, values: list[str], keys: tuple[Key, ...] | None, writer: Columns
) -> tuple[list[str], list[str]]:
    """The names of the results, and the lines that give them values; what has names is in structures."""
    parts = name.removeprefix("value_and_") if name.startswith("value_and_") else "gradient"
    words = {"value": "value", "first": parts, "second": "hessian"}
    if keys is None:
        found = (
            list(words.values()) if 1 < len(values) <= len(words) else [f"result{i + 1}" for i in range(len(values))]
        )
        names = [writer.names.fresh(w) for w in (found if len(values) > 1 else ["result"])[: len(values)]]
        return names, [f"{n} = {v};" for n, v in zip(names, values, strict=True)]
    of = ["value" if k == "" else "second" if isinstance(k, tuple) else "first" for k in keys]
    used = list(dict.fromkeys(of))
    made = {kind: writer.names.fresh(words[kind] if len(used) > 1 else "result") for kind in used}
    lines = []
    for k, v, kind in zip(keys, values, of, strict=True):
        field = "" if k == "" else f".{'_'.join(map(octave_word, (k,) if isinstance(k, str) else k))}"
        lines.append(f"{made[kind]}{field} = {v};")
    return list(made.values()), lines


@cache
def helpers(language: Language) -> dict[str, str]:
    """The functions that a file may bring along, by their names."""
    text = files(__package__).joinpath(language.helpers).read_text("utf-8")
    parts = re.split(r"\n{2,}(?=function |\"\"\"|% )", text.strip())
    found = {}
    for part in parts:
        name = re.search(r"^function (?:[^=\n(]*= )?(\w+)\(", part, re.MULTILINE)
        if name is not None:
            found[name[1]] = part
    return found


def called(text: str, known: Mapping[str, str]) -> list[str]:
    """The helpers that a text calls or hands over, and those that they call, in the order of the file."""
    found: set[str] = set()
    waiting = [text]
    while waiting:
        for names in _used.findall(_said.sub("", waiting.pop())):
            for name in names:
                if name in known and name not in found:
                    found.add(name)
                    waiting.append(known[name])
    return [name for name in known if name in found]


def special(body: str) -> bool:
    """Does a Julia file call what is in SpecialFunctions?"""
    return re.search(r"\b(?:erf|loggamma|digamma|polygamma)\.?\(", body) is not None


@cache
def reserved(language: Language, records: int) -> frozenset[str]:
    """Words that no variable may go by: keywords, and what the templates of so many records, and helpers, call."""
    assert records == len(registry)
    texts = [FORM_WORDS[language.name], *(code for op in registry.values() for code in (op.julia, op.octave))]
    words = {w for text in texts for w in _called.findall(text)}
    return frozenset(KEYWORDS[language.name].split()) | words | set(helpers(language))


FORM_WORDS = {
    "julia": """Matrix( Diagonal( I( dot( sum( vec( reshape( hcat( vcat( sqrt( fill( float( copy( size( length( expect(
        zeros( ones( Dict( round(""",
    "octave": """eye( zeros( ones( diag( sum( reshape( realsqrt( realpow( size( expect( column( array( number( round(
        sqrt( varargin( derivatives(""",
}
"""What is called beside the functions of records."""


def octave_word(name: str) -> str:
    """A name as Octave and MATLAB take it: λ is lambda, x' is x_."""
    word = re.sub(r"\W", "_", ascii_name(name), flags=re.ASCII)
    return word if word[:1].isalpha() else f"v{word}"


def julia_word(name: str) -> str:
    word = identifier(name)
    return word if not word.startswith("_") else f"v{word}"


class Columns(Writer):
    """An emission of one function."""

    def __init__(self, language: Language, variables: Sequence[Symbol]) -> None:
        self.language = language
        self.is_julia = language is JULIA
        spelled = julia_word if self.is_julia else octave_word
        super().__init__(Names((), spelled, reserved(language, len(registry))))
        self.end = "" if self.is_julia else ";"
        self.inputs = {v: self.names.fresh(v.name) for v in variables}
        self.whole: set[Node] = set()
        """Numbers made of nothing but numbers and sizes, which are whole in Julia."""

    # nodes

    def values(self, roots: Sequence[Node]) -> list[str]:
        """The code of the results, after the lines that they need."""
        order = topological(*roots)
        self.uses = self.count(order, roots)
        for node in order:
            if node.kind == "scalar" and self.of_sizes(node):
                self.whole.add(node)
            self.code[node] = self.node_code(node)
        return [self.result(root).text for root in roots]

    def of_sizes(self, node: Node) -> bool:
        if isinstance(node, Apply):
            return all(a in self.whole for a in node.args)
        return isinstance(node, (Number, Constant)) or (isinstance(node, Symbol) and node.body in self.whole)

    def result(self, root: Node) -> Code:
        code = self.code[root]
        if not self.is_julia:
            return code
        if root in self.whole:
            return Code(f"float({code.text})")
        if root.kind in ("row", "matrix") and code.text.endswith("'"):
            return Code(f"Matrix({code.text})")
        if isinstance(root, Symbol) and root.body is None and root.kind != "scalar":
            return Code(f"copy({code.text})")
        return code

    def repeats(self, node: Node, child: Node) -> int:
        if isinstance(node, Apply) and node.op.name not in FORMS:
            fields = Counter(_field.findall(code_of(node.op, self.language)))
            return max(1, *(fields[str(i)] for i, a in enumerate(node.args) if a is child))
        return 1

    def node_code(self, node: Node) -> Code:
        if not isinstance(node, Apply):
            return self.leaf(node)
        form = FORMS.get(node.op.name)
        return self.kept(node, form(self, node) if form else self.templated(node))

    def literal(self, value: Value) -> Code:
        if isinstance(value, int) and abs(value) >= LARGE_INT:
            value = Fraction(value)
            text = repr(float(value)) if abs(value) < 2**1023 else "Inf" if value > 0 else "-Inf"
            return Code(text, UNARY if text.startswith("-") else ATOM)
        code = python_literal(value)
        text = code.text.replace("np.inf", "Inf").replace("np.nan", "NaN")
        return Code(text, code.precedence, code.depth)

    def constant(self, node: Constant) -> Code:
        sizes = [self.size(d) for d in node.dims]
        match node.name:
            case "pi":
                return Code("pi")
            case "size":
                return self.size_code(node.dims[0])
            case "I":
                n = sizes[0]
                return Code(f"Matrix(1.0I, {n}, {n})" if self.is_julia else f"eye({n})")
            case "zeros" | "ones":
                rows, cols = self.size(node.rows), self.size(node.cols)
                flat = node.kind == "vector" and self.is_julia
                return Code(f"{node.name}({rows})" if flat else f"{node.name}({rows}, {cols})")
            case "e":
                return Code(f"unit({sizes[0]}, {node.index})")
            case "K":
                return Code(f"commutation({sizes[0]}, {sizes[1]})")
            case _:
                return Code(f"duplication({sizes[0]})")

    def templated(self, node: Apply) -> Code:
        """A function from the template in its record."""
        text = code_of(node.op, self.language)
        if not self.is_julia and node.args[0].kind in ("vector", "row"):
            text = _twice.sub(r"\1(\2)", text)
        inputs, _ = signature(node.op.signature)
        free = {a.kind for a, spec in zip(node.args, inputs, strict=False) if spec is None}
        fields: dict[str, Code] = {}
        for i, a in enumerate(node.args):
            spec = inputs[min(i, len(inputs) - 1)]
            square = len(spec) == 2 if spec is not None else len(free) > 1
            fields[str(i)] = self.as_kind(a, "matrix" if square else "vector" if spec and len(spec) == 1 else a.kind)
        for i, p in enumerate(node.params):
            fields[f"p{i}"] = self.size_code(p) if isinstance(p, Dim) else self.literal(int(p))
        if self.is_julia and node.op.elementwise and node.kind == "scalar":
            text = re.sub(r"(\w)\.\(", r"\1(", text)
        return self.filled(text, fields)

    def filled(self, text: str, fields: Mapping[str, Code]) -> Code:
        parts = _field.split(text)
        out = []
        used = [fields[f] for f in parts[1::2]]
        for i, part in enumerate(parts):
            if not i % 2:
                out.append(part)
                continue
            before, after = parts[i - 1][-2:], parts[i + 1][:1]
            apart = before[-1:] == "(" or before == ", "
            out.append(fields[part].at(0 if apart and after in (")", ",") else ATOM))
        whole = "".join(out)
        precedence = fields["0"].precedence if text == "{0}" else ATOM if _call.fullmatch(text) else 0
        return Code(whole, precedence, 1 + max((c.depth for c in used), default=0))

    # pieces

    def binary(self, left: Code, sign: str, right: Code, precedence: int) -> Code:
        text = f"{left.at(precedence)} {sign} {right.at(precedence + 1)}"
        return Code(text, precedence, 1 + max(left.depth, right.depth))

    def call(self, function: str, *args: Code) -> Code:
        return Code(f"{function}({', '.join(a.text for a in args)})", ATOM, 1 + max(a.depth for a in args))

    def transposed(self, code: Code) -> Code:
        return Code(f"{code.at(ATOM)}'", ATOM, code.depth + 1)

    def as_kind(self, a: Node, want: str) -> Code:
        """A value of one kind where another is wanted: Octave has columns n×1, Julia vectors besides matrices."""
        code = self.code[a]
        if a.kind == want or (want == "vector" and a.kind == "matrix"):
            return code
        if want == "vector" and a.kind == "row":
            return self.call("vec", code) if self.is_julia else self.transposed(code)
        if not self.is_julia:
            return code
        if a.kind == "scalar" and want in ("vector", "matrix", "row"):
            return Code(f"[{code.text}]" if want == "vector" else f"fill({code.text}, 1, 1)", ATOM, code.depth + 1)
        if a.kind == "vector" and want == "matrix":
            return Code(f"reshape({code.text}, :, 1)", ATOM, code.depth + 1)
        return code

    def indexed(self, code: Code, *places: str) -> Code:
        left, right = self.language.brackets
        base = code if self.is_julia else self.named(code)
        return Code(f"{base.at(ATOM)}{left}{', '.join(places)}{right}", ATOM, base.depth + 1)

    # sizes

    def size_code(self, dim: Dim) -> Code:
        found = super().size_code(dim)
        return Code(found.text.replace("//", "÷" if self.is_julia else "/"), found.precedence, found.depth)

    def span(self, low: Dim, high: Dim, size: Dim) -> str:
        if low is ZERO and high is size:
            return ":"
        return f"{self.size(low + ONE)}:{self.size(high)}"

    def preamble(self, results: Sequence[str]) -> list[str]:
        """The lines that make real arrays of the inputs, read sizes off their shapes, and hold shapes to these."""
        shown = {v: self.sized(v) for v in self.inputs}
        found = recipes(list(self.inputs), self.sizes)
        if found is None:
            raise ShapeError(
                f"the sizes {', '.join(sorted(self.sizes))} do not follow from the shapes of the variables",
                hint="give them as numbers in the declarations",
            )
        if self.is_julia:
            lines = [f"{p} = float({p})" for p in self.inputs.values()]
        else:
            make = {"scalar": "number", "vector": "column"}
            lines = [f"{p} = {make.get(v.kind, 'array')}({p}, '{p}');" for v, p in self.inputs.items()]
        checks = [s for v, s in shown.items() if s and not self.given(v, found)]
        said = "\n".join([*checks, *self.lines, *results])
        read: list[str] = []
        done: set[str] = set()
        for name, recipe in found.items():
            if name in done:
                continue
            both = [k for k, other in found.items() if other.variable is recipe.variable and other.plain]
            p = self.inputs[recipe.variable]
            if recipe.plain and len(both) == 2 and recipe.variable.kind == "matrix":
                first, second = sorted(both, key=lambda k: found[k].axis)
                left, right = ("", "") if self.is_julia else ("[", "]")
                pair = f"{self.sizes[first]}, {self.sizes[second]}"
                read.append(f"{left}{pair}{right} = size({p}){self.end}")
                done.update(both)
            else:
                read.append(f"{self.sizes[name]} = {self.quotient(recipe)}{self.end}")
        kept: list[str] = []
        for line in reversed(read):
            names = line.partition(" = ")[0].strip("[]").split(", ")
            if any(re.search(rf"(?<!\w){re.escape(n)}(?!\w)", said) for n in names):
                kept.append(line)
                said += f"\n{line.partition(' = ')[2]}"
        return [*lines, *reversed(kept), *checks]

    def given(self, v: Symbol, found: Mapping[str, Recipe]) -> bool:
        """Are its sizes what is read off it, so that they cannot be others?"""
        dims = {"scalar": (), "vector": (v.rows,)}.get(v.kind, (v.rows, v.cols))
        own = {d.name for d in dims if d.name and found[d.name].variable is v and found[d.name].plain}
        return v.kind in ("matrix", "vector") and len(own) == len(dims) and not (self.is_julia and v.kind == "vector")

    def sized(self, v: Symbol) -> str:
        """The line that holds the shape of a variable to its sizes."""
        p = self.inputs[v]
        try:
            rows, cols = self.size(v.rows), self.size(v.cols)
        except ShapeError:
            return ""
        if self.is_julia:
            shape = {"scalar": "()", "vector": f"({rows},)"}.get(v.kind, f"({rows}, {cols})")
            return f'expect({p}, {shape}, "{p}")'
        return "" if v.kind == "scalar" else f"expect({p}, {rows}, {cols}, '{p}');"

    def quotient(self, recipe: Recipe) -> str:
        """(size - rest)/factor, or the root of a quadratic polynomial."""
        p, axis = self.inputs[recipe.variable], recipe.axis + 1
        kind = recipe.variable.kind
        axis = 2 if kind == "row" else axis
        text = f"length({p})" if kind == "vector" and self.is_julia else f"size({p}, {axis})"
        if recipe.square:
            return self.root(recipe, text)
        code = Code(text)
        if recipe.rest.terms:
            code = Code(f"{text} - {self.size_code(recipe.rest).at(PRODUCT)}", SUM)
        if recipe.factor is ONE:
            return code.text
        return f"{code.at(PRODUCT)} {'÷' if self.is_julia else '/'} {self.size_code(recipe.factor).at(ATOM)}"

    def root(self, recipe: Recipe, got: str) -> str:
        """The n of a n² + b n + c = got, a perfect square under the root."""
        b, c = (d.terms[0][1] if d.terms else 0 for d in (recipe.factor, recipe.rest))
        a = recipe.square
        inside = f"{b * b} + {4 * a} * ({got} - {c})" if c else f"{b * b} + {4 * a} * {got}"
        top = f"sqrt({inside}) - {b}"
        return f"round(Int, ({top}) / {2 * a})" if self.is_julia else f"round(({top}) / {2 * a})"


# how each construct of the core vocabulary is written


def do_add(w: Columns, node: Apply) -> Code:
    """A sum; a number beside arrays stands for itself in every entry."""
    mixed = node.kind != "scalar" and any(a.kind == "scalar" for a in node.args)
    dot = "." if w.is_julia and mixed else ""
    total: Code | None = None
    for a in node.args:
        if total is not None and (total.depth > MAX_DEPTH + 2 or len(total.text) > MAX_INLINE + 30):
            total = w.named(total)
        negated = None if total is None else w.negated(a)
        if total is None:
            total = w.as_kind(a, a.kind if a.kind == "scalar" else node.kind)
        elif negated is not None:
            total = w.binary(total, f"{dot}-", shaped(w, negated, a, node), SUM)
        else:
            total = w.binary(total, f"{dot}+", w.as_kind(a, a.kind if a.kind == "scalar" else node.kind), SUM)
    assert total is not None
    return total


def shaped(w: Columns, code: Code, a: Node, node: Node) -> Code:
    if w.is_julia and a.kind == "vector" and node.kind == "matrix":
        return Code(f"reshape({code.text}, :, 1)", ATOM, code.depth + 1)
    return code


def do_matmul(w: Columns, node: Apply) -> Code:
    a, b = node.args
    x, y = w.code[a], w.code[b]
    if w.is_julia and a.kind == "row" and b.kind == "vector":
        inside = w.code[a.children[0]] if is_op(a, TRANSPOSE) and a.children[0].kind == "vector" else x
        return w.call("dot", inside, y)
    if w.is_julia and a.kind == "vector" and b.kind == "vector":
        x, y = w.as_kind(a, "matrix"), w.as_kind(b, "matrix")
    return w.binary(x, "*", y, PRODUCT)


def do_scale(w: Columns, node: Apply) -> Code:
    s, a = node.args
    x = w.code[a]
    if isinstance(s, Number):
        if s.value == -1:
            return Code(f"-{x.at(UNARY)}", UNARY, x.depth + 1)
        if isinstance(s.value, Fraction) and abs(s.value.numerator) == 1 and s.value.denominator < LARGE_INT:
            x = x if s.value > 0 else Code(f"-{x.at(UNARY)}", UNARY, x.depth + 1)
            return w.binary(x, "/", Code(str(s.value.denominator)), PRODUCT)
    if (below := w.reciprocal(s)) is not None:
        return w.binary(x, "/", below, PRODUCT)
    if (below := w.reciprocal(a)) is not None:
        return w.binary(w.code[s], "/" if a.kind == "scalar" else "./", below, PRODUCT)
    return w.binary(w.code[s], "*", x, PRODUCT)


def do_hadamard(w: Columns, node: Apply) -> Code:
    a, b = node.args
    dot = "" if node.kind == "scalar" else "."
    x, y = (w.as_kind(c, c.kind if c.kind == "scalar" else node.kind) for c in (a, b))
    if a.kind == b.kind == node.kind:
        if (below := w.reciprocal(b)) is not None:
            return w.binary(x, f"{dot}/", below, PRODUCT)
        if (below := w.reciprocal(a)) is not None:
            return w.binary(y, f"{dot}/", below, PRODUCT)
    return w.binary(x, f"{dot}*", y, PRODUCT)


def do_inner(w: Columns, node: Apply) -> Code:
    a, b = node.args
    x, y = w.code[a], w.code[b]
    if a.kind == b.kind == "scalar":
        return w.binary(x, "*", y, PRODUCT)
    if w.is_julia:
        return w.call("dot", x, y)
    if a.kind == b.kind == "vector":
        return w.binary(w.transposed(x), "*", y, PRODUCT)
    return Code(f"sum(sum({w.binary(x, '.*', y, PRODUCT).text}))", ATOM, 2 + max(x.depth, y.depth))


def do_transpose(w: Columns, node: Apply) -> Code:
    (a,) = node.args
    if a.kind == "scalar":
        return w.code[a]
    return w.as_kind(a, "vector") if a.kind == "row" and node.kind == "vector" else w.transposed(w.code[a])


def do_power(w: Columns, node: Apply) -> Code:
    a, p = node.args
    base, dot = w.code[a], "" if node.kind == "scalar" else "."
    value = p.value if isinstance(p, Number) else None
    if value == -1:
        return w.binary(Code("1"), f"{dot}/", base, PRODUCT)
    if value is not None and abs(value) in (Fraction(1, 2), 0.5):
        root = w.call(f"sqrt{dot}" if w.is_julia else "realsqrt", base)
        return root if value > 0 else w.binary(Code("1"), f"{dot}/", root, PRODUCT)
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if not whole and not w.is_julia:
        return w.call("realpow", base, w.code[p])
    if w.is_julia and a in w.whole:
        base = Code(f"float({base.text})", ATOM, base.depth + 1)
    left, right = base.at(ATOM), w.code[p].at(ATOM)
    return Code(f"{left} {dot}^ {right}", POWER, 1 + max(base.depth, w.code[p].depth))


def do_mpow(w: Columns, node: Apply) -> Code:
    return Code(f"{w.code[node.args[0]].at(ATOM)} ^ {node.params[0]}", POWER, w.code[node.args[0]].depth + 1)


def do_entry(w: Columns, node: Apply) -> Code:
    (a,), (i, j) = node.args, node.params
    x = w.code[a]
    if a.kind == "scalar":
        return x
    if a.kind in ("vector", "row"):
        return w.indexed(x, str(i if a.kind == "vector" else j))
    return w.indexed(x, str(i), str(j))


def do_getrow(w: Columns, node: Apply) -> Code:
    """A row or a column of anything, as a vector."""
    (a,), (i,) = node.args, node.params
    row = node.op.name == "getrow"
    if a.kind == "scalar":
        return w.as_kind(a, "vector")
    if a.kind == "matrix":
        made = w.indexed(w.code[a], str(i), ":") if row else w.indexed(w.code[a], ":", str(i))
        return w.transposed(made) if row and not w.is_julia else made
    if (a.kind == "row") == row:
        return w.as_kind(a, "vector")
    return w.indexed(w.code[a], f"{i}:{i}")


def do_slice(w: Columns, node: Apply) -> Code:
    (a,), (r0, r1, c0, c1) = node.args, node.params
    if a.kind == "scalar":
        return w.as_kind(a, node.kind)
    rows, cols = w.span(r0, r1, a.rows), w.span(c0, c1, a.cols)
    if a.kind == "vector":
        return w.indexed(w.code[a], rows)
    if a.kind == "row" and node.kind == "vector":
        made = w.indexed(w.code[a], cols)
        return made if w.is_julia else w.transposed(made)
    return w.indexed(w.code[a], rows if a.kind == "matrix" else ":", cols)


def do_hcat(w: Columns, node: Apply) -> Code:
    """Blocks beside or below each other."""
    across = node.op.name == "hcat"
    codes = [w.code[a] for a in node.args]
    depth = 1 + max(c.depth for c in codes)
    if w.is_julia:
        if not across and node.kind != "vector":
            codes = [w.as_kind(a, "matrix") for a in node.args]
        return Code(f"{'hcat' if across else 'vcat'}({', '.join(c.text for c in codes)})", ATOM, depth)
    return Code(f"[{(', ' if across else '; ').join(c.text for c in codes)}]", ATOM, depth)


def do_add_diagonal(w: Columns, node: Apply) -> Code:
    a, s = node.args
    x = w.code[a]
    if s.kind != "scalar":
        return w.binary(x, "+", w.call("Diagonal" if w.is_julia else "diag", w.as_kind(s, "vector")), SUM)
    unit = Code("I" if w.is_julia else f"eye({w.size(node.rows)})")
    if isinstance(s, Number) and s.value == 1:
        return w.binary(x, "+", unit, SUM)
    if (negated := w.negated(s)) is not None:
        return w.binary(x, "-", w.binary(negated, "*", unit, PRODUCT), SUM)
    return w.binary(x, "+", w.binary(w.code[s], "*", unit, PRODUCT), SUM)


def do_solve(w: Columns, node: Apply) -> Code:
    """A \\ B; a row stands for its transpose."""
    a, b = node.args
    made = w.binary(w.code[a], "\\", w.as_kind(b, "vector" if b.kind == "row" else b.kind), PRODUCT)
    return w.transposed(made) if b.kind == "row" else made


def do_scale_rows(w: Columns, node: Apply) -> Code:
    """Rows, or columns, times the entries of a vector."""
    rows = node.op.name == "scale_rows"
    v, A = node.args if rows else node.args[::-1]
    x = w.code[v]
    if (v.kind == "row") is rows and v.kind != "scalar":
        x = w.transposed(x)
    return w.binary(*((x, ".*", w.code[A]) if rows else (w.code[A], ".*", x)), PRODUCT)


do_plus = do_add
do_getcol = do_getrow
do_vcat = do_hcat
do_scale_columns = do_scale_rows
FORMS = {name.removeprefix("do_"): form for name, form in list(globals().items()) if name.startswith("do_")}
"""How functions of the core vocabulary are written, by their names."""
