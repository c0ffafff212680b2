"""Q Diag(f(λ)) Qᵀ is f(S) for the eigenvalues λ and eigenvectors Q of S: smooth also where eigenvalues coincide."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from matdiff.core.node import Apply, Node, topological
from matdiff.core.op import registry
from matdiff.ops.algebra import ADD, HADAMARD, POWER, SCALE, add, matmul, mpow, scale, transpose
from matdiff.ops.constants import eye, is_ones
from matdiff.ops.linalg import inv
from matdiff.ops.matrix_functions import sqrtm
from matdiff.ops.spectral import EXCHANGE, eigvals, eigvecs, svdvals
from matdiff.ops.structure import Diag
from matdiff.simplify.context import Context
from matdiff.simplify.terms import WINDOW, Factor, base_and_exponent, entrywise_factors


def spectral(parts: list[Factor], context: Context) -> list[Factor]:
    """The factors with every Q Diag(f(λ)) Qᵀ written as f(S), where the language has that function."""
    for i in range(len(parts) - 2):
        Q, one = parts[i]
        if one == 1 and Q.op is eigvecs:
            width = 5 if parts[i + 1][0].op is EXCHANGE else 3
            found = of_values(parts[i : i + width], context)
            if found is not None:
                return [*parts[:i], *found, *parts[i + width :]]
    return parts


def of_values(run: list[Factor], context: Context) -> list[Factor] | None:
    """The f(S) of a run Q Diag(f(λ)) Qᵀ; in the run of singular values these stand in descending order."""
    nodes, middle = [node for node, _ in run], run[len(run) // 2][0]
    turned = [transpose(node) if node is nodes[-1] else context.known.transposed(node) for node in reversed(nodes)]
    if len(run) % 2 == 0 or middle.op is not Diag or any(a is not b for a, b in outside(nodes, turned)):
        return None
    S, v = nodes[0].children[0], middle.children[0]
    known: dict[Node, Node] = {eigvals.build((S,)): S} if len(run) == 3 else singular(S, v, context)
    found: list[Factor] = []
    for f in entrywise_factors(v):
        base, exponent = base_and_exponent(f)
        one = power_of(base, exponent, known)
        if one is None:
            return None
        found.append(one)
    return found


def outside(nodes: list[Node], turned: list[Node]) -> Iterator[tuple[Node, Node]]:
    """The factors to the left of the middle beside those that mirror them."""
    return zip(nodes[: len(nodes) // 2], turned, strict=False)


def singular(S: Node, v: Node, context: Context) -> dict[Node, Node]:
    """The singular values of an X with XᵀX = S, and the root of S that has them as eigenvalues."""
    found: dict[Node, Node] = {}
    for node in topological(v):
        if node.op is svdvals:
            (X,) = node.children
            if context.product(context.known.transposed(X), X) is S:
                found[node] = sqrtm(S)
    return found


def power_of(base: Node, exponent: object, known: dict[Node, Node]) -> Factor | None:
    """One factor f(λ)ᵖ as a factor f(S)ᵖ, for a whole p or half of one."""
    S = matrix_of(base, known)
    twice = exponent * 2 if isinstance(exponent, (int, Fraction)) else None
    if S is None or twice is None or twice != int(twice):
        return None
    if S.op is sqrtm and twice % 4 == 0:
        return S.children[0], int(twice) // 4
    return (S, int(twice) // 2) if twice % 2 == 0 else (sqrtm(S), int(twice))


def matrix_of(v: Node, known: dict[Node, Node]) -> Node | None:
    """f(S) for the vector f(λ); None where it is more than the language has matrix functions for."""
    order = topological(v)
    if len(order) > WINDOW:
        return None
    made: dict[Node, Node] = dict(known)
    for node in order:
        if node not in made:
            one = node if node.kind == "scalar" else eye(node.rows) if is_ones(node) else applied(node, made)
            if one is not None:
                made[node] = one
    return made.get(v)


def applied(node: Node, made: dict[Node, Node]) -> Node | None:
    """One function of what is known."""
    if not isinstance(node, Apply) or any(a not in made for a in node.args):
        return None
    args = [made[a] for a in node.args]
    if node.op is ADD:
        return add(*args)
    if node.op is SCALE:
        return scale(*args)
    if node.op is HADAMARD:
        return matmul(*args)
    if node.op.whole in registry:
        return registry[node.op.whole](*args)
    exponent = base_and_exponent(node)[1] if node.op is POWER else None
    if not isinstance(exponent, int):
        return None
    return mpow(args[0], exponent) if exponent > 0 else mpow(inv(args[0]), -exponent)
