"""Two vectors of which the first has a diagonal block."""

from __future__ import annotations

from matdiff.calculus.quadratic import LONGEST, Sandwich
from matdiff.codegen.recipes import Call, Hessian
from matdiff.codegen.sideforms import side
from matdiff.core.node import Node, number
from matdiff.ops.algebra import SCALE, is_op, matmul, product_nodes, scale
from matdiff.ops.structure import Diag


def schur(first: Hessian, second: Hessian, across: Node) -> Call | None:
    """Two vectors of which the first has a diagonal block: its Schur complement; `across` is the block H₁₂."""
    sides = []
    for H in (first, second):
        if H.X.kind != "vector" or H.X.attributes or H.parts is None:
            return None
        terms = [(p.factor, p.left) for p in H.parts if isinstance(p, Sandwich)]
        if len(terms) < len(H.parts):
            return None
        sides.append(side(terms, H.X.rows, H.known, H.X))
    one, other = sides
    if not one.diagonal or one.diag is None:
        return None
    u, M, v = rimmed(across)
    return Call("Schur", (one.diag, u, M, v, other.call()))


def rimmed(B: Node) -> tuple[Node, Node, Node]:
    """u, M, v with B = Diag(u) M Diag(v): of a matrix that is given only the products with it are scaled."""
    u: Node = number(1)
    v: Node = number(1)
    while B.op is SCALE:
        u, B = scale(u, B.children[0]), B.children[1]
    factors = list(product_nodes(B, LONGEST) or [B])
    if len(factors) > 1 and is_op(factors[0], Diag):
        u = scale(u, factors.pop(0).children[0])
    if len(factors) > 1 and is_op(factors[-1], Diag):
        v = factors.pop().children[0]
    if any(is_op(f, Diag) for f in factors):
        return number(1), B, number(1)
    M = factors[0]
    for f in factors[1:]:
        M = matmul(M, f)
    return u, M, v
