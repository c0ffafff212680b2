"""Laws of matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import permutations, product
from math import prod
from typing import Any

from matdiff.core.node import Node, number
from matdiff.ops.algebra import scale, size, transpose
from matdiff.ops.constants import is_eye, ones
from matdiff.ops.elementwise import (
    digamma,
    log,
    pi,
)
from matdiff.ops.linalg import det, inv, logdet
from matdiff.ops.random.arrays import covariance, parted, root
from matdiff.ops.random.law import Legs, Part, law
from matdiff.ops.random.quadrature import hermite, laguerre
from matdiff.ops.reductions import prod as prod_
from matdiff.ops.reductions import sum_, tr
from matdiff.ops.structure import tril


def _matrix_normal_cumulant(legs: Sequence[Legs], M: Node, U: Node, V: Node) -> Iterator[Part]:
    if len(legs) == 2:
        (i, j), (k, m) = legs
        s, first, same = covariance(U, i, k)
        t, second, alike = covariance(V, j, m)
        yield scale(s, t), (*first, *second), (*same, *alike)


def _matrix_normal_sample(rng: Any, shape: Any, M: Any, U: Any, V: Any) -> Any:
    import numpy as np

    return M + np.linalg.cholesky(U) @ rng.standard_normal(shape) @ np.linalg.cholesky(V).T


def _matrix_normal_axes(
    count: int, shape: Sequence[int], M: Any, U: Any, V: Any
) -> tuple[list[tuple[Any, Any]], Callable[[Any], Any]]:
    import numpy as np

    K, L = np.linalg.cholesky(U), np.linalg.cholesky(V)
    return [hermite(count, 0.0, 1.0)] * prod(shape), lambda z: M + K @ z.reshape(-1, *shape) @ L.T


def _matrix_normal_density(X: Node, M: Node, U: Node, V: Node) -> Node:
    m, n = size(X.rows), size(X.cols)
    D = X - M
    square = tr(((inv(V) @ D.T) @ inv(U)) @ D)
    return -square / 2 - n / 2 * logdet(U) - m / 2 * logdet(V) - m * n / 2 * log(2 * pi)


MATRIX_NORMAL = law(
    "matrix normal",
    "matrixnormal matnormal mn",
    "matrix covariance covariance",
    "matrixnormal(M, U, V) has mean M, covariance U of rows and V of columns: E[(X−M) A (X−M)ᵀ] = tr(VA) U",
    _matrix_normal_sample,
    shape="matrix",
    mean=lambda X, M, U, V: M,
    cumulant=_matrix_normal_cumulant,
    density=_matrix_normal_density,
    drawn=lambda E, M, U, V: M + (root(U, E.rows) @ E) @ transpose(root(V, E.cols)),
    standard=(0, "I", "I"),
    base="Z",
    axes=_matrix_normal_axes,
)


def cycles(legs: Sequence[Legs], S: Node) -> Iterator[Part]:
    """The connected pairings of the two Gaussian vectors in each factor: Σ over cycles and directions."""
    first, *others = legs
    s, A = parted(S)
    factor: Node = number(1)
    for _ in legs:
        factor = scale(s, factor)
    for order in permutations(others):
        for turned in product((False, True), repeat=len(others)):
            ring = [first, *((b, a) if t else (a, b) for (a, b), t in zip(order, turned, strict=True))]
            links = [(ring[k][1], ring[(k + 1) % len(ring)][0]) for k in range(len(ring))]
            yield (factor, (), tuple(links)) if is_eye(A) else (factor, tuple((A, link) for link in links), ())


def _wishart_cumulant(legs: Sequence[Legs], n: Node, V: Node) -> Iterator[Part]:
    for c, arrays, same in cycles(legs, V):
        yield scale(n, c), arrays, same


def _bartlett(rng: Any, shape: Any, n: Any) -> Any:
    """The lower triangular A of Bartlett's decomposition: A Aᵀ is Wishart(n, I)."""
    import numpy as np

    count, p, _ = shape
    A = np.tril(rng.standard_normal(shape), -1)
    for i in range(p):
        A[:, i, i] = np.sqrt(rng.chisquare(n - i, count))
    return A


TILT = 2
"""By how much the shape of a χ² is lowered, so that its rule is exact for these negative powers as well."""


def _chi_squared(count: int, degrees: float) -> tuple[Any, Any]:
    a = degrees / 2
    if a <= TILT + 0.25:
        return laguerre(count, a, 0.5)
    x, w = laguerre(count, a - TILT, 0.5)
    w = w * x**TILT
    return x, w / w.sum()


def _wishart_axes(
    count: int, shape: Sequence[int], n: Any, V: Any
) -> tuple[list[tuple[Any, Any]], Callable[[Any], Any]]:
    import numpy as np

    p = shape[0]
    below = np.tril_indices(p, -1)
    L = np.linalg.cholesky(V)

    def arrays(z: Any) -> Any:
        A = np.zeros((len(z), p, p))
        A[:, range(p), range(p)] = np.sqrt(z[:, :p])
        A[:, below[0], below[1]] = z[:, p:]
        B = L @ A
        return B @ B.transpose(0, 2, 1)

    rules = [_chi_squared(count, float(n) - i) for i in range(p)] + [hermite(count, 0.0, 1.0)] * (p * (p - 1) // 2)
    return rules, arrays


def _inverse_wishart_axes(
    count: int, shape: Sequence[int], n: Any, S: Any
) -> tuple[list[tuple[Any, Any]], Callable[[Any], Any]]:
    import numpy as np

    rules, arrays = _wishart_axes(count, shape, n, np.linalg.inv(S))
    return rules, lambda z: np.linalg.inv(arrays(z))


def _wishart_sample(rng: Any, shape: Any, n: Any, V: Any) -> Any:
    import numpy as np

    L = np.linalg.cholesky(V) @ _bartlett(rng, shape, n)
    return L @ L.transpose(0, 2, 1)


def _inverse_wishart_sample(rng: Any, shape: Any, n: Any, S: Any) -> Any:
    import numpy as np

    return np.linalg.inv(_wishart_sample(rng, shape, n, np.linalg.inv(S)))


def _wishart_density(W: Node, n: Node, V: Node) -> Node:
    """Up to the multivariate gamma function of n, which is constant in V."""
    p = size(W.rows)
    return (n - p - 1) / 2 * logdet(W) - tr(inv(V) @ W) / 2 - n / 2 * logdet(V)


SPELT = 6
"""Up to so many rows a product over rows is written out."""


def over_rows(W: Node, f: Callable[[Node], Node], fold: Callable[[Node], Node]) -> Node:
    """The product or sum of f(i) over the rows i of W, written out where they are few."""
    n = W.rows.number
    if n is not None and n <= SPELT:
        terms = [f(number(i)) for i in range(1, n + 1)]
        total = terms[0]
        for t in terms[1:]:
            total = total * t if fold is prod_ else total + t
        return total
    return fold(f(tril(ones("matrix", W.rows, W.rows)) @ ones("vector", W.rows)))


def _log_chi(W: Node, n: Node) -> Node:
    """E[log det G] of G ~ wishart(n, I): the sum of E[log χ²] with n, n − 1, … degrees of freedom (Muirhead 1982)."""
    total = over_rows(W, lambda i: digamma((n + 1 - i) / 2), sum_)
    return size(W.rows) * log(number(2)) + total


WISHART = law(
    "wishart",
    "w wish",
    "dof covariance",
    "wishart(n, V) has n degrees of freedom and mean n V",
    _wishart_sample,
    shape="matrix",
    mean=lambda W, n, V: scale(n, V),
    determinant=lambda W, n, V: (det(V) * over_rows(W, lambda i: n + 1 - i, prod_), ""),
    logdeterminant=lambda W, n, V: logdet(V) + _log_chi(W, n),
    cumulant=_wishart_cumulant,
    density=_wishart_density,
    drawn=lambda G, n, V: (root(V, G.rows) @ G) @ transpose(root(V, G.rows)),
    standard=(None, "I"),
    base="G",
    free=(0,),
    axes=_wishart_axes,
    most=5,
)


def inverse_wishart_factors(p: Node, n: Node) -> tuple[Node, Node]:
    """n − p − 1, and (n − p)(n − p − 1)(n − p − 3)."""
    first = n - p - 1
    return first, (n - p) * first * (n - p - 3)


def _inverse_wishart_cumulant(legs: Sequence[Legs], n: Node, S: Node) -> Iterator[Part]:
    """Of two: (2 S S/(n − p − 1) + S S + S S)/((n − p)(n − p − 1)(n − p − 3)) (von Rosen 1988, corollary 3.1)."""
    if len(legs) == 2:
        p = size(S.rows)
        first, second = inverse_wishart_factors(p, n)
        (i, j), (k, m) = legs
        terms = (
            (2 / (first * second), ((i, j), (k, m))),
            (1 / second, ((i, k), (j, m))),
            (1 / second, ((i, m), (j, k))),
        )
        for c, pairs in terms:
            factor = c
            arrays: list[tuple[Node, Legs]] = []
            same: list[Legs] = []
            for pair in pairs:
                s, found, alike = covariance(S, *pair)
                factor = scale(s, factor)
                arrays += found
                same += alike
            yield factor, tuple(arrays), tuple(same)


def _inverse_wishart_density(Z: Node, n: Node, S: Node) -> Node:
    """Up to the multivariate gamma function of n, which is constant in S."""
    return n / 2 * logdet(S) - (n + size(Z.rows) + 1) / 2 * logdet(Z) - tr(S @ inv(Z)) / 2


INVERSE_WISHART = law(
    "inverse wishart",
    "inversewishart invwishart iw invwish",
    "dof covariance",
    "invwishart(n, S) is the inverse of wishart(n, S⁻¹) and has mean S/(n − p − 1)",
    _inverse_wishart_sample,
    shape="matrix",
    mean=lambda Z, n, S: scale(1 / inverse_wishart_factors(size(Z.rows), n)[0], S),
    determinant=lambda Z, n, S: (
        det(S) / over_rows(Z, lambda i: n - 1 - i, prod_),
        "{0} > {rows} + 1",
    ),
    logdeterminant=lambda Z, n, S: logdet(S) - _log_chi(Z, n),
    cumulant=_inverse_wishart_cumulant,
    density=_inverse_wishart_density,
    drawn=lambda G, n, S: (root(S, G.rows) @ G) @ transpose(root(S, G.rows)),
    standard=(None, "I"),
    base="G",
    free=(0,),
    axes=_inverse_wishart_axes,
    exists=("{0} > {rows} + 1", "{0} > {rows} + 3"),
    most=2,
)
