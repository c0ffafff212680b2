"""Laws of vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import factorial, prod
from typing import Any

from matdiff.core.node import Node, number
from matdiff.core.shape import Dim
from matdiff.ops.algebra import matmul, scale, size, transpose
from matdiff.ops.constants import is_eye, zeros_like
from matdiff.ops.elementwise import (
    digamma,
    lgamma,
    log,
    pi,
    sqrt,
)
from matdiff.ops.linalg import chol, inv, logdet
from matdiff.ops.random.law import Leg, Legs, Part, law, rising, rounded, spread
from matdiff.ops.random.quadrature import hermite
from matdiff.ops.reductions import sum_


def covariance(S: Node, i: Leg, j: Leg) -> Part:
    """S between two axes; of a multiple of I a factor, and the axes equal."""
    s, A = parted(S)
    return (s, (), ((i, j),)) if is_eye(A) else (s, ((A, (i, j)),), ())


def parted(S: Node) -> tuple[Node, Node]:
    """s and A of s·A."""
    from matdiff.ops.algebra import SCALE, is_op

    return (S.children[0], S.children[1]) if is_op(S, SCALE) else (number(1), S)


def _normal_cumulant(legs: Sequence[Legs], m: Node, S: Node) -> Iterator[Part]:
    if len(legs) == 2:
        (i,), (j,) = legs
        yield covariance(S, i, j)


def root(S: Node, side: Dim) -> Node:
    """An L with S = L Lᵀ: of a product that shows it the L, of a multiple of I the root of the factor."""
    from matdiff.ops.algebra import MATMUL, is_op

    s, A = parted(S)
    if is_eye(A):
        return A if s is number(1) else scale(sqrt(s), A)
    if is_op(S, MATMUL) and S.children[1] is transpose(S.children[0]) and S.children[0].kind == "matrix":
        return S.children[0]
    return chol(S)


def _normal_sample(rng: Any, shape: Any, m: Any, S: Any) -> Any:
    import numpy as np

    L = np.linalg.cholesky(S + 1e-300 * np.eye(len(S))) if np.any(S) else S
    return m + rng.standard_normal(shape) @ L.T


def _normal_axes(
    count: int, shape: Sequence[int], m: Any, S: Any
) -> tuple[list[tuple[Any, Any]], Callable[[Any], Any]]:
    import numpy as np

    L = np.linalg.cholesky(S)
    return [hermite(count, 0.0, 1.0)] * shape[0], lambda z: m + z @ L.T


def _quadratic(x: Node, S: Node) -> Node:
    return (x.T @ inv(S)) @ x


MULTINORMAL = law(
    "multivariate normal",
    "multivariatenormal mvn mvnormal",
    "vector covariance",
    "normal(m, S) has mean m and covariance S",
    _normal_sample,
    shape="vector",
    mean=lambda x, m, S: m,
    critical=lambda m, S: number(1),
    cumulant=_normal_cumulant,
    density=lambda x, m, S: -_quadratic(x - m, S) / 2 - logdet(S) / 2 - size(x.rows) / 2 * log(2 * pi),
    drawn=lambda e, m, S: m + root(S, e.rows) @ e,
    standard=(0, "I"),
    base="ε",
    axes=_normal_axes,
)


def set_partitions(items: Sequence[Any]) -> Iterator[list[list[Any]]]:
    """All ways to cut a sequence into blocks."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for blocks in set_partitions(rest):
        yield [[first], *blocks]
        for k, block in enumerate(blocks):
            yield [*blocks[:k], [first, *block], *blocks[k + 1 :]]


def _by_moments(legs: Sequence[Legs], block: Callable[[Sequence[Leg]], list[Part]]) -> Iterator[Part]:
    """The joint cumulant Σ (−1)^(b−1) (b−1)! Π E[block] over all partitions (McCullagh 1987, §2.3)."""
    for blocks in set_partitions([leg for (leg,) in legs]):
        b = len(blocks)
        for chosen in product(*map(block, blocks)):
            factor: Node = number((-1) ** (b - 1) * factorial(b - 1))
            for f, _, _ in chosen:
                factor = scale(f, factor)
            arrays = tuple(a for _, more, _ in chosen for a in more)
            yield factor, arrays, tuple(e for _, _, alike in chosen for e in alike)


def _alike(block: Sequence[Leg]) -> tuple[Legs, ...]:
    return (tuple(block),) if len(block) > 1 else ()


def _multinomial_cumulant(legs: Sequence[Legs], n: Node, p: Node) -> Iterator[Part]:
    """n times that of one draw, of which a product of entries is p where all are the same, else 0."""
    for f, arrays, same in _by_moments(legs, lambda block: [(number(1), ((p, (block[0],)),), _alike(block))]):
        yield scale(n, f), arrays, same


def _dirichlet_cumulant(legs: Sequence[Legs], alpha: Node) -> Iterator[Part]:
    """From E[x_i x_j …] = α_i α_j …/(a(a + 1)…) with rising powers of equal ones, a = Σ α."""
    total = sum_(alpha)

    def block(of: Sequence[Leg]) -> list[Part]:
        front = 1 / rising(total, len(of))
        found: list[Part] = []
        for cut in set_partitions(list(of)):
            weight = prod(factorial(len(c) - 1) for c in cut)
            arrays = tuple((alpha, (c[0],)) for c in cut)
            found.append((scale(number(weight), front), arrays, tuple(e for c in cut for e in _alike(c))))
        return found

    yield from _by_moments(legs, block)


def pairings(items: Sequence[Leg]) -> Iterator[tuple[Legs, ...]]:
    """All ways to cut an even number of things into pairs."""
    if not items:
        yield ()
        return
    first, *rest = items
    for k, other in enumerate(rest):
        for more in pairings([*rest[:k], *rest[k + 1 :]]):
            yield ((first, other), *more)


def sphere_cumulant(legs: Sequence[Legs], x: Dim) -> Iterator[Part]:
    """Of 2k entries the k-th cumulant of the sequence 1/n, 1/(n(n+2)), … times all pairings."""
    if len(legs) % 2:
        return
    n = size(x)
    c = [1 / prod((n + 2 * i for i in range(1, k)), start=n) for k in (1, 2, 3)]
    weights = [c[0], c[1] - c[0] ** 2, c[2] - 3 * c[0] * c[1] + 2 * c[0] ** 3]
    for same in pairings([leg for (leg,) in legs]):
        yield weights[len(legs) // 2 - 1], (), same


def _on_sphere(rng: Any, shape: Any) -> Any:
    import numpy as np

    z = rng.standard_normal(shape)
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


MULTINOMIAL = law(
    "multinomial",
    "",
    "count chances",
    "multinomial(k, p) counts k draws by kind, of probabilities p; multinomial(1, p) is one draw",
    lambda rng, shape, n, p: rng.multinomial(rounded(n), p / p.sum(), shape[0]) * 1.0,
    shape="vector",
    mean=lambda x, n, p: scale(n, p),
    cumulant=_multinomial_cumulant,
    density=lambda x, n, p: lgamma(n + 1) - sum_(lgamma(x + 1)) + matmul(transpose(x), log(p)),
    discrete=True,
    most=5,
)
DIRICHLET = law(
    "dirichlet",
    "dir",
    "weights",
    "dirichlet(α) has mean α/sum(α)",
    lambda rng, shape, alpha: rng.dirichlet(alpha, shape[0]),
    shape="vector",
    mean=lambda x, alpha: alpha / sum_(alpha),
    cumulant=_dirichlet_cumulant,
    density=lambda x, alpha: lgamma(sum_(alpha)) - sum_(lgamma(alpha)) + matmul(transpose(alpha - 1), log(x)),
    logarithm=lambda alpha: digamma(alpha) - spread(digamma(sum_(alpha)), alpha),
    most=4,
)
SPHERE = law(
    "sphere",
    "unitsphere uniformsphere",
    "",
    "sphere() is uniform on the unit sphere",
    _on_sphere,
    shape="vector",
    mean=lambda x: zeros_like(x),
    most=6,
)
