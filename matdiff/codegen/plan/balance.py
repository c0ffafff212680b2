"""Exponentials of a matrix, each row or each column by its own peak, where no other form keeps the value.

Where E = eᵘ stands between Kronecker products and vec, as in Hessians, the power of e that a row has cannot be
followed through the expression.  But it need not be: if the value stays what it is when every row of E takes a factor
of its own, and log(E y) takes its logarithm, then E may be e^(u − m) with the peak m of each row.  Whether it stays
is tried with random arrays, as an identity of rational functions is (Schwartz 1980).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matdiff.codegen.kernels import kernel, run
from matdiff.codegen.plan.exponentials import Over, Sum, spread
from matdiff.codegen.plan.peaks import Peak
from matdiff.core.node import Node, Symbol, symbol, symbols, topological
from matdiff.errors import MatdiffError
from matdiff.graph.rewrite import substitute
from matdiff.ops.elementwise import exp, log
from matdiff.ops.structure import Diag

SIDES: tuple[Over, ...] = ("rows", "columns")
EXP = kernel(
    "exp_of_small", "(...)->(...)", "np.exp({0})", julia="exp.({0})", gives=frozenset({"positive"}), c="exp({0})"
)
"""eᵘ, which is not shifted again."""
ROW_EXP = kernel(
    "row_exp",
    "(m,n)->(m,n)",
    "row_exp({0})",
    julia="row_exp({0})",
    jax="jnp.exp({0} - jnp.max({0}, axis=1, keepdims=True))",
    torch="torch.exp({0} - torch.amax({0}, 1, keepdim=True))",
    gives=frozenset({"positive"}),
    c="-> row_exp({m0}, {n0}, {0}, {out})",
)
"""e^(u − m) with the largest entry m of each row."""
SIZES = (3, 2, 4, 5)
"""The sizes of arrays that are tried, by turns."""
LARGEST = 50_000
"""The most entries of a value that is tried."""
TOLERANCE = 1e-9
evaluators: dict[str, Callable[[Sequence[Node], Mapping[Symbol, Any]], Sequence[Any]]] = {}
"""The values of nodes as code gives them; filled by `matdiff.codegen`, whose planner this module is part of."""


def balanced(roots: Sequence[Node], total: Sum) -> list[Node] | None:
    """The roots with the exponentials of a sum over rows, or over columns, computed from each row's peak, or each
    column's; None where the roots are not the same then.
    """
    over = next(o for o in total.exponents.values() if o in SIDES)
    if total.constant or any(u.kind != "matrix" and o != "nothing" for u, o in total.exponents.items()):
        return None
    free = {u: symbol(f"_E{k}", u.kind, u.rows, u.cols) for k, u in enumerate(total.exponents)}
    g = symbol("_g", "vector", total.log.rows)
    moved = {u: spread_product(g, S, over) for u, S in free.items()}
    if not same(rescaled(roots, free, None), rescaled(roots, moved, -log(g))):
        return None
    peaks = Peak(total.exponents).log
    small = {u: from_peak(u, peaks, over, alone=len(free) == 1) for u in free}
    return rescaled(roots, small, peaks)


def spread_product(g: Node, S: Node, over: Over) -> Node:
    """Every row of S, or column, times the entry of g; of a vector every entry."""
    if S.kind == "vector":
        return g * S
    return Diag(g) @ S if over == "rows" else S @ Diag(g)


def from_peak(u: Node, peaks: Node, over: Over, alone: bool) -> Node:
    """e^(u − m)."""
    if not alone:
        rest = u - spread(peaks, u, "left" if over == "rows" else "right")
        return run(EXP, (rest,), u.kind, u.rows, u.cols)
    X = u if over == "rows" else u.T
    new = run(ROW_EXP, (X,), "matrix", X.rows, X.cols)
    return new if over == "rows" else new.T


def rescaled(roots: Sequence[Node], new: Mapping[Node, Node], shift: Node | None) -> list[Node]:
    """The roots with other values eᵘ, and log a + shift for the logarithms of vectors that they stand in."""
    values: dict[Node, Node] = {exp(u): made for u, made in new.items()}
    found, above = dict(values), set(values)
    for node in topological(*roots):
        if any(c in above for c in node.children):
            above.add(node)
            if shift is not None and node.op is log and node.kind == "vector" and node.rows is shift.rows:
                found[node] = log(substitute(node.children[0], values, into_bodies=True)) + shift
    return [substitute(r, found, into_bodies=True) for r in roots]


def same(plain: Sequence[Node], moved: Sequence[Node]) -> bool:
    """Do two lists have the same values at random arrays?"""
    import numpy as np

    values = tried([*plain, *moved])
    if values is None or not all(np.isfinite(v).all() for v in values):
        return False
    pairs = zip(values[: len(plain)], values[len(plain) :], strict=True)
    return all(np.abs(a - b).max(initial=0) <= TOLERANCE * np.abs(a).max(initial=0) for a, b in pairs)


def tried(nodes: Sequence[Node]) -> list[Any] | None:
    """The values at arrays of entries between a half and one and a half; None where they cannot be computed."""
    import numpy as np

    names = sorted({name for n in topological(*nodes) for d in (n.rows, n.cols) for name in d.names})
    sizes = {name: SIZES[k % len(SIZES)] for k, name in enumerate(names)}
    if any(n.rows.evaluate(sizes) * n.cols.evaluate(sizes) > LARGEST for n in topological(*nodes)):
        return None
    rng = np.random.default_rng(0)
    try:
        arrays = {
            v: np.asarray(rng.uniform(0.5, 1.5, [d.evaluate(sizes) for d in v.shape]))[()]
            for v in dict.fromkeys(symbols(*nodes))
        }
        with np.errstate(all="ignore"):
            return list(map(np.asarray, evaluators["numpy"](nodes, arrays)))
    except (MatdiffError, ArithmeticError, ValueError):
        return None
