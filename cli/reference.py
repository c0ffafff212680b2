"""What the record of one function says, and its rules run on symbols: d logdet(X) = tr(X⁻¹ dX)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import matdiff.ops  # noqa: F401  (fills the tables)
from matdiff.api.expr import Expr
from matdiff.api.proofs import arguments
from matdiff.calculus.adjoint import adjoint
from matdiff.calculus.differential import apply_rule, apply_rules
from matdiff.core.node import Apply, Node, Symbol, symbol, topological
from matdiff.core.op import (
    Joint,
    Macro,
    Nonlinear,
    Op,
    Record,
    differential_symbol,
    parameters,
    registry,
    words,
)
from matdiff.errors import MatdiffError
from matdiff.graph.rewrite import inline
from matdiff.report.book import BookExpr, book
from matdiff.report.notation import bookish, statements
from matdiff.simplify.forms import shortest
from matdiff.simplify.normal import normal

DOMAINS = {
    "positive": "positive entries",
    "inside": "entries between −1 and 1",
    "nonzero": "anything but 0",
    "whole": "whole numbers from 0 on",
    "invertible": "invertible matrices",
    "posdet": "matrices with a positive determinant",
    "spd": "symmetric positive definite matrices",
    "symmetric": "symmetric matrices",
    "index": "an index from 1 on",
    "distinct": "symmetric matrices without a double eigenvalue",
    "fullrank": "matrices of full rank",
    "fullcolumns": "matrices of full column rank",
    "minors": "square matrices whose leading principal minors are not 0",
    "distinct_singular": "matrices with distinct singular values, none of them 0",
    "exponent": "a whole exponent, or matrices without eigenvalues on the negative axis or 0",
    "spectrum": "matrices without eigenvalues on the negative axis or 0",
}
"""The words of records for where a function is defined, as a reader takes them."""

CONSTANTS = {
    "I": "I, eye(n): the identity matrix; a bare I has the size that fits",
    "eye": "eye(n): the n×n identity matrix; I where the size follows",
    "ones": "ones(n), ones(m,n): a vector or a matrix of ones",
    "zeros": "zeros(n), zeros(m,n): a vector or a matrix of zeros",
    "vector": "vector(1): a vector of ones, of the length that fits",
    "matrix": "matrix(1): a matrix of ones, of the shape that fits",
    "e": "e(n,i), or unit(n,i): the i-th unit vector of length n",
    "K": "K(m,n), or commutation(m,n): the commutation matrix, K(m,n)*vec(A) = vec(A') for A: m×n",
    "D": "D(n), or duplication(n): the duplication matrix, D(n)*vech(S) = vec(S) for a symmetric S: n×n",
    "pi": "pi: 3.14159…",
    "dX": "dX: the differential of X, as d.differential prints it",
    "h'": "h'(x): the derivative of an elementwise function of one's own, declared `h: elementwise`",
}
"""What is called or written like a function and has no record."""


def records() -> dict[str, list[Record]]:
    """The functions by what a call says, and those with a sign of their own (matmul, power …) by their names."""
    spoken = {record.name for found in words.values() for record in found}
    rest: dict[str, list[Record]] = {name: [op] for name, op in registry.items() if name not in spoken}
    return dict(sorted({**words, **rest}.items(), key=lambda item: item[0].lower()))


def found(name: str) -> dict[str, list[Record]]:
    """The functions that a name means; frechet(expm,A,V) is a family."""
    known = records()
    return {n: found for n, found in known.items() if n == name or (n.startswith(f"{name}_") and name == "frechet")}


def law(record: Record) -> str:
    return getattr(record, "law", "") or record.summary


def domain(record: Record) -> str:
    return ", ".join(DOMAINS.get(w, w) for w in getattr(record, "domain", ()) if w)


def not_smooth(record: Record) -> str:
    return str(getattr(record, "smooth", "")).format("the argument", "the second argument")


def formulas(record: Record) -> list[str]:
    """The rules run on symbols; nothing where the signature does not say enough to make some (the k of Xᵏ)."""
    try:
        args, params = arguments(record)
        if isinstance(record, Macro):
            given = [*(a.name for a in args), *(p for p in parameters(record.signature) if p.isdigit())]
            return [f"{record.name}({', '.join(given)}) = {text(record.expand(*args, *params))}"]
        return [said for slot in range(len(args)) if (said := statement(record, slot, args, params))]
    except (MatdiffError, IndexError, ValueError):
        return []


def statement(op: Op, slot: int, args: tuple[Symbol, ...], params: tuple[Any, ...]) -> str:
    """The one rule of one argument: its differential, or what it is moved to across the pairing."""
    rule = op.rule(slot)
    if isinstance(rule, Nonlinear):
        value = op.build(args, params)
        dX = differential_symbol(args[slot])
        written = Expr(value).text()
        written = written if written.startswith(f"{op.name}(") else f"({written})"
        return f"d {written} = {text(apply_rule(value, slot, dX))}".replace("d (", "d(")
    if rule is None:
        return ""
    V = symbol("V" if args[slot].kind == "matrix" else "v", args[slot].kind, args[slot].rows, args[slot].cols)
    moving = (*args[:slot], V, *args[slot + 1 :])
    value = op.build(moving, params)
    Y = symbol("Y" if value.kind == "matrix" else "y", value.kind, value.rows, value.cols)
    place = (slot,) if isinstance(rule, Joint) else ()
    moved = rule.adjoint(Y, *place, *moving, *params)
    return f"⟨{Y.name}, {Expr(value).text()}⟩ = ⟨{text(moved)}, {V.name}⟩"


def adjoints(only: Op | None = None) -> list[tuple[str, ...]]:
    """Of every function that has rules (or of one), by each argument, the adjoint of its differential at a Y."""
    found: list[tuple[str, ...]] = []
    for op in [only] if only is not None else sorted(registry.values(), key=lambda op: op.name.lower()):
        try:
            args, params = arguments(op)
            value = op.build(args, params)
        except (MatdiffError, IndexError, ValueError):
            continue
        for slot, X in enumerate(args):
            with suppress(MatdiffError, IndexError, ValueError):
                found.append((Expr(value).text(), X.name, text(pulled(value, slot, X))))
    return found


def pulled(value: Apply, slot: int, X: Symbol) -> Node:
    """F'(X)*[Y] of one application by one argument.  Raises UnsupportedError where it has no rule for that."""
    dX = differential_symbol(X)
    assert isinstance(dX, Symbol)
    Y = symbol("Y" if value.kind == "matrix" else "y", value.kind, value.rows, value.cols)
    moved = apply_rules(value, [slot], {X: dX})
    return adjoint(moved, Y, [dX])[dX]


def text(node: Node) -> str:
    """An expression as books write it, and behind it what its names are: qᵀ dS q, where S q = λ q, ‖q‖ = 1."""
    e = Expr(shortest(normal(inline(node))))
    if not bookish(e.node):
        return e.text()
    taken = (n.name for n in topological(e.node) if isinstance(n, Symbol))
    *said, body = statements(BookExpr(e, book([e], taken)).text())
    return f"{body}, where {'; '.join(said)}" if said else body
