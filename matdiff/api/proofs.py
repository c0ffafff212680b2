"""Why a function's rule holds: a few lines, each checked with numbers that come from values of the function alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from matdiff.api.expr import Expr
from matdiff.api.reading import parse
from matdiff.calculus.differential import apply_rules, differentials
from matdiff.calculus.expression import Typeset
from matdiff.calculus.markers import D, d
from matdiff.core.node import Apply, Node, Symbol, symbol, symbols, topological
from matdiff.core.op import (
    Joint,
    Linear,
    Nonlinear,
    Op,
    Record,
    differential_symbol,
    parameters,
    registry,
    typed,
    words,
)
from matdiff.core.shape import ONE, Dim, Spec, signature
from matdiff.errors import MatdiffError, ParseError, UnsupportedError
from matdiff.graph.rewrite import inline, substitute
from matdiff.ops.algebra import add, inner, is_op
from matdiff.simplify.normal import normal

SYMMETRIC = {"symmetric", "distinct", "spd"}
EXAMPLE = 2
"""The index that a function is shown with: eigval(S, 2)."""

POINTS = 2
"""Random points at which each line is checked."""
TRIED = 60
STEP = 1e-3
"""How long dX is beside X."""
TOLERANCE = 1e-6
"""Of what is compared, relative to its parts: differences of values are good to some nine digits of it."""


@dataclass(frozen=True)
class Line(Typeset):
    """`left = right`, by the `reason`; d(u) is the differential of u.  `holds` is None where it was not checked."""

    left: Expr
    right: Expr
    reason: str
    holds: bool | None
    zero: str = ""

    def text(self, ascii: bool = False) -> str:
        right = self.zero or self.right.text(ascii=ascii, defined=False)
        return f"{self.left.text(ascii=ascii, defined=False)} = {right}"

    def latex(self) -> str:
        return f"{self.left.latex(defined=False)} = {self.zero or self.right.latex(defined=False)}"

    def __str__(self) -> str:
        return f"{self.text()}   [{self.reason}]"


@dataclass(frozen=True)
class Proof:
    """The proof of a function's law: `where` names parts that its lines have in common."""

    name: str
    law: str
    where: tuple[tuple[str, Expr], ...]
    lines: tuple[Line, ...]

    @property
    def holds(self) -> bool | None:
        """Do all lines hold?  None where one could not be checked."""
        seen = [line.holds for line in self.lines]
        return False if False in seen else None if None in seen else True

    def __str__(self) -> str:
        where = [f"where {name} = {e.text(defined=False)}" for name, e in self.where]
        return "\n".join(
            [f"{self.name}: {self.law}", *(f"  {w}" for w in where), *(f"  {line}" for line in self.lines)]
        )


def proof(function: str | Op) -> Proof:
    """The proof of the rule of a function.

    Raises ParseError for a name of none, UnsupportedError for a function that has no proof of its own.

    >>> print(proof("inv"))
    inv: d(X⁻¹) = −X⁻¹ dX X⁻¹
      X⁻¹ X = I   [what an inverse is]
      d(X⁻¹) X + X⁻¹ dX = 0   [product rule]
      d(X⁻¹) = −X⁻¹ dX X⁻¹   [times X⁻¹ from the right]
    """
    op = named(function) if isinstance(function, str) else function
    if registry.get(op.name) is None:
        raise UnsupportedError(f"{op.name} has no proof here: it is of complex arrays")
    return _proof(op)


def named(name: str) -> Op:
    """The function that goes by a name.  Raises ParseError where none does."""
    found = registry.get(name) or next((r for r in words.get(name, []) if isinstance(r, Op)), None)
    if found is None:
        near = words.get(name)
        hint = "it stands for other functions: matdiff rules says for which" if near else "matdiff rules lists them"
        raise ParseError(f"there is no function {name} with a rule of its own", hint=hint)
    return found


@lru_cache(maxsize=256)
def _proof(op: Op) -> Proof:
    try:
        args, params = arguments(op)
        value = op.build(args, params)
    except (MatdiffError, IndexError, ValueError):
        args, params, value = (), (), None
    if op.proof:
        args, where, found = written(op, args)
        value = value if value is not None and set(symbols(value)) <= set(args) else None
    elif value is None:
        raise UnsupportedError(f"{op.name} has no proof here: its signature does not say what it takes")
    else:
        where, found = (), list(made(op, args, params, value))
    if not found:
        raise UnsupportedError(f"{op.name} has no proof here", hint=f"its source: {op.source}" if op.source else "")
    verdicts = checked(found, args, value)
    lines = tuple(
        Line(Expr(a), Expr(b), reason, holds, zero) for (a, b, reason, zero), holds in zip(found, verdicts, strict=True)
    )
    return Proof(op.name, op.law or op.summary, where, lines)


Step = tuple[Node, Node, str, str]
"""Left, right, reason, and how the right is written where it is 0 or I."""


def made(op: Op, args: tuple[Symbol, ...], params: tuple[Any, ...], value: Apply) -> Iterator[Step]:
    """The lines that linearity or the definition gives."""
    directions: dict[Node, Node] = {a: differential_symbol(a) for a in args}
    rules = [op.rule(i) for i in range(len(args))]
    if op.definition is not None and not all(isinstance(r, (Linear, Joint)) for r in rules):
        body = op.definition(*args, *params)
        yield value, body, "what it is", ""
        raw = differentials(body, {a: directions[a] for a in args}).get(body)
        if raw is not None:
            yield d(value), normal(raw), "the rules of its parts", ""
            own = normal(apply_rules(value, list(range(len(args))), directions))
            if own is not normal(raw):
                yield d(value), own, "the same, shorter", ""
        return
    moved = [add(a, directions[a]) for a in args]
    if len(args) > 1 and all(isinstance(r, Joint) for r in rules):
        both = op.build(tuple(directions[a] for a in args), params)
        yield op.build(tuple(moved), params), add(value, both), "linear in all arguments together", ""
        yield d(value), both, "the change is linear already", ""
        return
    for i, a in enumerate(args):
        if not isinstance(rules[i], (Linear, Joint)):
            continue
        along = op.build((*args[:i], directions[a], *args[i + 1 :]), params)
        shifted = op.build((*args[:i], moved[i], *args[i + 1 :]), params)
        yield shifted, add(value, along), f"linear in {a.name}" if len(args) > 1 else "linear", ""
        if any(isinstance(r, Nonlinear) for r in rules):
            direction = differential_symbol(a)
            doubled = op.build((*args[:i], add(direction, direction), *args[i + 1 :]), params)
            yield doubled, add(along, along), f"and so to every multiple in {a.name}", ""
    if len(args) == 1 and isinstance(rules[0], (Linear, Joint)):
        yield d(value), op.build((directions[args[0]],), params), "the change is linear already", ""
        yield from _adjoint(op, args[0], params)
    elif all(isinstance(r, Linear) for r in rules):
        terms = [op.build((*args[:i], directions[a], *args[i + 1 :]), params) for i, a in enumerate(args)]
        yield d(value), add(*terms), "what is of second order is dropped", ""


def _adjoint(op: Op, a: Symbol, params: tuple[Any, ...]) -> Iterator[Step]:
    """⟨Y, f(V)⟩ = ⟨f*Y, V⟩."""
    rule = op.rule(0)
    assert isinstance(rule, (Linear, Joint))
    V = symbol("V" if a.kind == "matrix" else "v", a.kind, a.rows, a.cols, a.attributes)
    value = op.build((V,), params)
    Y = symbol("Y" if value.kind == "matrix" else "y", value.kind, value.rows, value.cols)
    place = (0,) if isinstance(rule, Joint) else ()
    moved = normal(rule.adjoint(Y, *place, V, *params))
    if moved.kind == V.kind:
        yield inner(Y, value), inner(moved, V), "its adjoint", ""


def written(op: Op, args: Sequence[Symbol]) -> tuple[tuple[Symbol, ...], tuple[tuple[str, Expr], ...], list[Step]]:
    """The lines of the record, read; the variables, which its first line may declare otherwise; the parts it names."""
    text = list(op.proof)
    first = text.pop(0).removeprefix("let ").split("; ") if text[0].startswith("let ") else []
    shapes = {
        name.strip(): shape.strip() for part in first if "=" not in part for name, _, shape in [part.partition(":")]
    }
    lets = "".join(f"{part}; " for part in first if "=" in part)
    known = {a.name: a for a in args if a.name not in shapes}
    known |= {v.name: v for name, shape in shapes.items() for v in parse(name, f"{name}: {shape}").variables}
    declared = "; ".join(_declaration(v) for a in known.values() for v in (a, differential_symbol(a)))
    reader = Reader(
        declared, lets, {v.name: v for a in known.values() if isinstance(v := differential_symbol(a), Symbol)}
    )
    found: list[Step] = []
    for line in text:
        equation, _, reason = line.partition(" | ")
        left, sign, right = equation.partition(" = ")
        if not sign or not reason:
            raise ParseError(f"{line!r} is no line of a proof", hint='"left = right | reason"')
        a = reader.read(left)
        if right == "0":
            found.append((a, reader.read(f"0*({left})"), reason, "0"))
        elif right == "I":
            found.append((a, reader.read(f"({left}) - (({left}) - I)"), reason, "I"))
        else:
            found.append((a, reader.read(right), reason, ""))
    where = tuple((name.strip(), Expr(reader.read(name.strip()).children[0])) for name in _names(lets))
    return tuple(known.values()), where, found


def _names(lets: str) -> list[str]:
    return [part.partition("=")[0] for part in lets.split(";") if "=" in part]


def _declaration(v: Node) -> str:
    assert isinstance(v, Symbol)
    dims = "×".join(map(str, v.shape)) or "scalar"
    return f"{v.name}: {dims} {' '.join(sorted(v.attributes))}".strip()


class Reader:
    """Reads the language with d(…) in it: each is a name of its own while it is read."""

    def __init__(self, declared: str, lets: str, directions: Mapping[str, Symbol]) -> None:
        self.declared, self.lets, self.directions = declared, lets, directions

    def read(self, text: str) -> Node:
        marks: dict[str, Node] = {}
        declared = [self.declared]
        while (at := re.search(r"(?<!\w)d\(", text)) is not None:
            end = _closing(text, at.end() - 1)
            u = self.read(text[at.end() : end])
            name = f"change_{len(marks) + 1}"
            marks[name] = u
            declared.append(_declaration(symbol(name, u.kind, u.rows, u.cols)))
            text = text[: at.start()] + name + text[end + 1 :]
        node = parse(self.lets * bool(self._needs(text)) + text, declared).node
        found: dict[Node, Node] = {v: d(marks[v.name]) for v in symbols(node) if v.name in marks}
        found |= {v: self.directions[v.name] for v in symbols(node) if v.name in self.directions}
        return substitute(node, found, into_bodies=True) if found else node

    def _needs(self, text: str) -> bool:
        return any(re.search(rf"(?<!\w){name.strip()}(?!\w)", text) for name in _names(self.lets))


def _closing(text: str, start: int) -> int:
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i
    raise ParseError(f"a parenthesis is not closed in {text!r}")


# the check


def checked(lines: Sequence[Step], args: Sequence[Symbol], value: Node | None) -> list[bool | None]:
    """Whether each line holds at random points; d(u) is there the extrapolated difference of values of u."""
    import numpy as np

    from matdiff.verify import sampling

    rng = np.random.default_rng(0)
    roots = [inline(n) for a, b, *_ in lines for n in (a, b)]
    sizes = list(dict.fromkeys(s for s in symbols(*roots, *([value] if value is not None else [])) if s.of is None))
    root = value if value is not None else next(r for r in roots if not is_op(r, D))
    verdicts: list[bool | None] = [None] * len(lines)
    seen = 0
    for way in islice(sampling.ways(root, sizes, {}), TRIED):
        arrays = sampling.point(sizes, way, rng)
        try:
            found = [_holds(a, b, args, arrays, rng) for a, b, *_ in lines]
        except (MatdiffError, ArithmeticError, ValueError):
            continue
        verdicts = [h if v is None else v and h for v, h in zip(verdicts, found, strict=True)]
        seen += 1
        if seen == POINTS:
            break
    return verdicts


def _holds(left: Node, right: Node, args: Sequence[Symbol], at: Mapping[Symbol, Any], rng: Any) -> bool:
    import numpy as np

    from matdiff.codegen.evaluate import evaluate
    from matdiff.verify import sets

    left, right = inline(left), inline(right)
    small = STEP * max(1e-3, min(1.0, *(float(np.min(np.abs(a), initial=1.0)) for a in at.values())))
    moves = {}
    for a in (a for a in args if a in at):
        V = sets.direction(a, at[a], rng)
        moves[a] = V * (STEP if a.kind == "matrix" else small)
    arrays = {v.name: x for v, x in at.items()}
    arrays |= {differential_symbol(a).name: V for a, V in moves.items()}  # type: ignore[attr-defined]
    marks: dict[Node, Node] = {}
    for node in topological(left, right):
        if is_op(node, D):
            u = node.children[0]
            name = symbol(f"change_{len(marks)}", u.kind, u.rows, u.cols)
            marks[node] = name
            arrays[name.name] = _difference(u, at, moves)
    pair = [substitute(n, marks) for n in (left, right)]
    known = (*at, *map(differential_symbol, moves), *marks.values())
    one, other = (np.asarray(x) for x in evaluate(pair, known, arrays))  # type: ignore[arg-type]
    parts = [float(np.linalg.norm(arrays[v.name])) for v in marks.values()]  # type: ignore[attr-defined]
    changed = [float(np.linalg.norm(V)) for V in moves.values()]
    sides = [float(np.linalg.norm(one)), float(np.linalg.norm(other))]
    size = max([*parts, *changed, sides[0]] if marks else sides)
    return bool(np.linalg.norm(one - other) <= TOLERANCE * size)


def _difference(u: Node, at: Mapping[Symbol, Any], moves: Mapping[Symbol, Any]) -> Any:
    """The change of u along dX to first order, from four values."""
    import numpy as np

    from matdiff.codegen.evaluate import evaluate

    def value(h: float) -> Any:
        moved = {v.name: x + h * moves[v] if v in moves else x for v, x in at.items()}
        return np.asarray(evaluate(u, tuple(at), moved))

    first, second = ((value(h) - value(-h)) / (2 * h) for h in (0.2, 0.1))
    return (4 * second - first) / 3


# the symbols that a function is shown with


def arguments(record: Record) -> tuple[tuple[Symbol, ...], tuple[Any, ...]]:
    """Symbols and parameters that fit the signature."""
    inputs, output = signature(record.signature)
    domains = (*getattr(record, "domain", ()), *[""] * len(inputs))
    args = []
    for i, spec in enumerate(inputs):
        symmetric = domains[i] in SYMMETRIC
        letter = "S" if symmetric else "X" if len(inputs) == 1 else "ABC"[i]
        if domains[i] == "index":
            args.append(symbol("i", "scalar", ONE, ONE, frozenset({"index"})))
            continue
        args.append(argument(spec, letter, symmetric))
    dims = {name for spec in (*inputs, output) for d in spec or () for name in d.names}
    given = (p for p in parameters(record.signature) if not p.isdigit())
    return tuple(args), tuple(Dim.of(p) if p in dims else EXAMPLE for p in given)


def argument(spec: Spec, letter: str, symmetric: bool) -> Symbol:
    kind, rows, cols = typed((Dim.of("n"),) if spec is None else spec, {})
    attributes = frozenset({"symmetric"}) if symmetric else frozenset()
    return symbol(letter if kind == "matrix" else letter.lower(), kind, rows, cols, attributes)


__all__ = ["Line", "Proof", "argument", "arguments", "proof"]
