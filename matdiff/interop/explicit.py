"""Derivatives entry by entry, through SymPy, for small numeric dimensions; importing this module imports SymPy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sympy as sp

from matdiff.core.node import Node, Symbol, symbol, topological
from matdiff.core.op import differential_symbol
from matdiff.errors import UnsupportedError
from matdiff.graph.properties import closure
from matdiff.interop.entries import value

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation
    from matdiff.calculus.expression import Expression

LARGEST = 256
"""Most entries of the derivative, and of any array on the way."""
LETTERS = "pqrsuv"
"""Names for the entries of the variable where there are few, down the columns: X = [p, r; q, s]."""


def explicit(d: Derivation) -> Any:
    """The derivative as a SymPy matrix: the gradient of a scalar function, else the Jacobian J, vec(dF) = J vec(dX).

    Raises UnsupportedError for dimensions that are not numbers or too large, and for functions, by their names,
    whose entries SymPy has no formulas for.

    >>> from matdiff import derive
    >>> explicit(derive("X^2", wrt="X", declare="X: 2×2"))
    Matrix([
    [2*p,     r,     q,   0],
    [  q, p + s,     0,   q],
    [  r,     0, p + s,   r],
    [  0,     r,     q, 2*s]])
    """
    if d.several:
        raise UnsupportedError("this is for one variable", hint="`render` shows the derivatives by several")
    return entries(answer(d), named(d))


def render(d: Derivation, order: int = 1) -> str:
    """The entries of the variables, the value and the derivatives in them; with `order` 2 the Hessian as well."""
    arrays = named(d)
    parts = [(X.name, arrays[X]) for X in d.wrt if X.kind != "scalar"]
    with suppress(UnsupportedError):
        parts.append(("value", entries(d.function, arrays)))
    parts += [(label, entries(e, arrays)) for label, e in derivatives(d, order)]
    if order > 1 and d.kind != "gradient":
        parts += second(d, arrays)
    return "\n\n".join("\n".join([f"{label} =", *rows(M)]) for label, M in parts)


def derivatives(d: Derivation, order: int) -> Iterator[tuple[str, Expression]]:
    """Each derivative with its label."""
    word = "gradient" if d.function.kind == "scalar" else "Jacobian"
    if d.several:
        yield from ((f"{word} by {x}", e) for x, e in answer(d).items())
    else:
        yield "derivative" if d.wrt[0].kind == "scalar" else word, answer(d)
    if order > 1 and d.kind != "gradient":
        return
    if order > 1 and d.several:
        yield from ((f"Hessian by {x},{z}", e) for (x, z), e in d.hessian.items())
    elif order > 1:
        yield "second derivative" if d.wrt[0].kind == "scalar" else "Hessian", d.hessian


STEMS = ("hk", "uv", "yz")
"""Letters for the entries of two directions; the first pair that no variable has."""


def second(d: Derivation, arrays: dict[Symbol, Any]) -> Iterator[tuple[str, Any]]:
    """The bilinear form of a function that is not scalar, entry by entry, and before it the two directions."""
    taken = {s.name[0] for a in arrays.values() for s in getattr(a, "free_symbols", ())}
    stems = next((pair for pair in STEMS if taken.isdisjoint(pair)), STEMS[-1])
    both = dict(arrays)
    for X in d.wrt:
        for k, stem in enumerate(stems, 1):
            dX = differential_symbol(X, k)
            assert isinstance(dX, Symbol)
            name = stem if not d.several else f"{stem}_{X.name}"
            places = list(free(X))
            own = replace_name(X, name)
            labels = [name] if X.kind == "scalar" else indexed(own, places, set())
            both[dX] = filled(own, dict(zip(places, labels, strict=True)))
            yield dX.name, both[dX]
    forms = d.bilinear.items() if d.several else [((), d.bilinear)]
    for pair, form in forms:
        label = f"second derivative by {','.join(pair)}" if pair else "second derivative, at dX₁ and dX₂ bilinear"
        label = label.replace("dX", f"d{d.wrt[0].name}") if not pair else label
        yield label, entries(form.value, both)


def replace_name(X: Symbol, name: str) -> Symbol:
    """A symbol of the shape and attributes of another; a direction is not positive."""
    return symbol(name, X.kind, X.rows, X.cols, X.attributes - {"positive", "nonnegative", "spd"} | tangent_of(X))


def tangent_of(X: Symbol) -> frozenset[str]:
    return frozenset({"symmetric"}) if "symmetric" in closure(X.attributes) else frozenset()


def answer(d: Derivation) -> Any:
    return d.gradient if d.function.kind == "scalar" else d.jacobian


def entries(e: Expression, arrays: dict[Symbol, Any]) -> Any:
    """An expression entry by entry."""
    check(e.node)
    found = value(e.node, arrays)
    return found.applyfunc(plain) if e.kind != "scalar" else plain(found)


def check(root: Node) -> None:
    """Raises UnsupportedError where a dimension is not a number, or an array has too many entries."""
    for node in topological(root):
        if node.rows.number is None or node.cols.number is None:
            raise UnsupportedError(
                f"the component view needs numbers for dimensions, but there is {node.rows}×{node.cols}",
                hint='declare them: "X: 2×2"',
            )
        if node.rows.number * node.cols.number > LARGEST:
            raise UnsupportedError(
                f"the component view is for small dimensions: {node.rows}×{node.cols} has "
                f"{node.rows.number * node.cols.number} entries, and at most {LARGEST} are written out"
            )


def named(d: Derivation) -> dict[Symbol, Any]:
    """Every variable as a matrix of SymPy symbols; those of a structured one repeat or vanish as it says."""
    variables = [*d.wrt, *(v for v in d.function.variables if v not in d.wrt)]
    taken = {v.name for v in variables}
    out: dict[Symbol, Any] = {}
    for v in variables:
        check(v)
        places = list(free(v))
        few = (
            v in d.wrt
            and not d.several
            and v.kind == "matrix"
            and len(places) <= 4
            and not taken & set(LETTERS[: len(places)])
        )
        names = list(LETTERS[: len(places)]) if few else indexed(v, places, taken)
        out[v] = filled(v, dict(zip(places, names, strict=True)))
    return out


def free(v: Symbol) -> Iterator[tuple[int, int]]:
    """The places of the free entries, down the columns."""
    known = closure(v.attributes)
    for j in range(v.cols.number or 0):
        for i in range(v.rows.number or 0):
            hidden = (
                (known & {"symmetric", "lower"} and i < j)
                or ("upper" in known and i > j)
                or ("skew" in known and i <= j)
                or ("diagonal" in known and i != j)
            )
            if not hidden:
                yield i, j


def indexed(v: Symbol, places: Sequence[tuple[int, int]], taken: set[str]) -> list[str]:
    """`x1`, `a12`: the name in lower case where that is free."""
    if v.kind == "scalar":
        return [v.name]
    stem = v.name.lower() if v.name.lower() not in taken else v.name
    comma = "_" if max(v.rows.number or 0, v.cols.number or 0) > 9 else ""
    vector = v.kind != "matrix"
    return [f"{stem}{i + 1 + (j if vector else 0)}{'' if vector else f'{comma}{j + 1}'}" for i, j in places]


def filled(v: Symbol, names: dict[tuple[int, int], str]) -> Any:
    known = closure(v.attributes)
    positive = {"positive": True} if "positive" in known else {"real": True}

    def at(i: int, j: int) -> Any:
        if (i, j) in names:
            return sp.Symbol(names[i, j], **positive)
        mirrored = sp.Symbol(names[j, i], **positive) if (j, i) in names else sp.Integer(0)
        return mirrored if "symmetric" in known else -mirrored if "skew" in known else sp.Integer(0)

    return at(0, 0) if v.kind == "scalar" else sp.Matrix(v.rows.number, v.cols.number, at)


def plain(e: Any) -> Any:
    """A polynomial multiplied out, a rational function factored; anything else simplified while it is small."""
    if e.is_rational_function():
        return sp.factor(e) if sp.denom(sp.together(e)) != 1 else sp.expand(sp.together(e))
    return sp.simplify(e) if sp.count_ops(e) < 100 else e


def rows(M: Any) -> list[str]:
    """A matrix as lines with its columns flush right."""
    if not hasattr(M, "tolist"):
        return [f"  {text(M)}"]
    cells = [[text(e) for e in row] for row in M.tolist()]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  [" + "  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) + "]" for row in cells]


def text(e: Any) -> str:
    return str(e).replace("**", "^")
