"""Solvers of large Hessians in single precision, refined: exact as in double or to 1e-10, and definite where H is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from matdiff.codegen import solvers as S
from matdiff.codegen.checks import symmetric_up_to

n = 400
rng = np.random.default_rng(5)


def spd(power: float, size: int = n) -> np.ndarray:
    """Symmetric of condition 10^power, its eigenvalues graded."""
    Q = np.linalg.qr(rng.normal(size=(size, size)))[0]
    A = Q * np.logspace(0, -power, size) @ Q.T
    return (A + A.T) / 2


def indefinite() -> np.ndarray:
    A = rng.normal(size=(n, n))
    return A + A.T


tall, wide = rng.normal(size=(700, n)) / 20, rng.normal(size=(320, 900)) / 20
weights = rng.uniform(0.5, 2, 700)
line = np.linspace(0.5, 2, 900)
x = rng.normal(size=n)
x /= np.linalg.norm(x)
SOLVERS: dict[str, tuple[Any, bool]] = {
    # a solver, and whether H is positive definite
    **{f"full, condition 1e{k}": (S.OneSided(None, spd(k), [], []), True) for k in (1, 3, 5, 7, 9, 12)},
    "full, large numbers": (S.OneSided(None, 1e30 * spd(3), [], []), True),
    "full, too large": (S.OneSided(None, 1e60 * spd(3), [], []), True),
    "full, too small": (S.OneSided(None, 1e-60 * spd(3), [], []), True),
    "full, indefinite": (S.OneSided(None, indefinite(), [], []), False),
    "full, one negative": (S.OneSided(None, spd(1) - 1.5 * np.outer(x, x), [], []), False),
    "full and diagonal": (S.OneSided(rng.uniform(1, 2, n), spd(2), [], []), True),
    "tall gram": (S.OneSided(0.1, None, [(2.0, tall, weights)], []), True),
    "tall gram and rank one": (S.OneSided(0.1, None, [(2.0, tall, None)], [(3.0, x, x)]), True),
    "tall gram, ill-conditioned": (S.OneSided(None, None, [(1.0, tall * np.logspace(0, -4, n), None)], []), True),
    "wide gram": (S.OneSided(0.5, None, [(1.0, wide, None)], []), True),
    "wide gram, small diagonal": (S.OneSided(1e-3, None, [(1.0, wide, None)], []), True),
    "wide gram, tiny diagonal": (S.OneSided(1e-9, None, [(1.0, wide, None)], []), True),
    "wide gram, weights, rank one": (S.OneSided(line, None, [(2.0, wide, weights[:320])], [(3.0, line, line)]), True),
    "wide gram, a weight of 0": (S.OneSided(line, None, [(1.0, wide, np.maximum(weights[:320] - 1, 0))], []), True),
    "wide gram, weights of both signs": (S.OneSided(0.5, None, [(1.0, wide, 1 - weights[:320])], []), False),
    "columns of several": (S.OneSided(None, spd(3), [], []), True),
}


def matrix(solver: Any, size: int) -> np.ndarray:
    return np.stack([solver.apply(e) for e in np.eye(size)], axis=1)


@pytest.mark.parametrize("name", SOLVERS)
def test_one_side(name: str) -> None:
    solver, definite = SOLVERS[name]
    size = 900 if name.startswith("wide") else n
    H = matrix(solver, size)
    s = rng.normal(size=(size, 3) if name.startswith("columns") else size)
    r = H @ s
    found, dense = solver.solve(r), np.linalg.solve(H, r)
    assert np.linalg.norm(found - s) <= 10 * np.linalg.norm(dense - s) + 1e-10 * np.linalg.norm(s)
    assert bool(solver.definite) == definite
    again = solver.solve(2 * r)
    np.testing.assert_allclose(again, 2 * found, rtol=0, atol=1e-12 * np.abs(found).max() * np.linalg.cond(H))


@pytest.mark.parametrize("gap", [1.0, 1e-3, -0.5])
def test_the_sphere(gap: float) -> None:
    """A Hessian on the tangent space alone, well, badly or not at all convex there."""
    Q = np.linalg.qr(np.concatenate([x[:, None], rng.normal(size=(n, n - 1))], axis=1))[0]
    values = np.concatenate([[-3.0, gap], np.linspace(1, 3, n - 2)])
    M = Q * values @ Q.T
    M = (M + M.T) / 2
    y = Q[:, 0]
    for base in (M, S.OneSided(None, M, [], [])):
        solver = S.Sphere(base, y)
        s = rng.normal(size=n)
        s -= y * (y @ s)
        found = solver.solve(M @ s)
        np.testing.assert_allclose(found, s, rtol=0, atol=1e-9)
        assert bool(solver.definite) == (gap > 0) and abs(y @ found) < 1e-12


@pytest.mark.parametrize("definite", [True, False])
def test_the_complement(definite: bool) -> None:
    m = 350
    B, a = rng.normal(size=(m, n)) / 20, rng.uniform(1, 2, m)
    base = S.OneSided(None, spd(1) + (4.0 if definite else -0.5) * np.eye(n), [], [])
    solver = S.Schur(a, 1.0, B, 1.0, base)
    one, two = rng.normal(size=m), rng.normal(size=n)
    first, second = solver.solve(solver.apply((one, two)))
    np.testing.assert_allclose(first, one, rtol=0, atol=1e-10)
    np.testing.assert_allclose(second, two, rtol=0, atol=1e-10)
    assert bool(solver.definite) == definite


@pytest.mark.parametrize("scale", [1.0, 1e6], ids=["one scale", "rows and columns of several"])
def test_the_complement_by_products(scale: float) -> None:
    """Few products on the scaled complement: nothing is factored, and the digits stay."""
    m, size = 350, 320
    a, b = np.geomspace(1, scale, m), np.geomspace(1, np.sqrt(scale) / 20, size)
    M = rng.normal(size=(m, size)) / 60
    solver = S.Schur(a, np.sqrt(a), M, np.sqrt(b), S.OneSided(b, None, [], []))
    one, two = rng.normal(size=m) / np.sqrt(a), rng.normal(size=size) / np.sqrt(b)
    first, second = solver.solve(solver.apply((one, two)))
    assert solver.solver is None and solver.definite is True
    np.testing.assert_allclose(first * np.sqrt(a), one * np.sqrt(a), rtol=0, atol=1e-9)
    np.testing.assert_allclose(second * np.sqrt(b), two * np.sqrt(b), rtol=0, atol=1e-9)


def test_a_large_matrix_is_symmetric_or_not() -> None:
    """What two products compare is what a look at every entry finds."""
    A = indefinite()
    for off, fine in ((0.0, True), (1e-9, True), (1e-6, False), (np.nan, False), (np.inf, False)):
        for i, j in ((3, 390), (390, 3)):
            for order in ("C", "F"):
                B = np.array(A, order=order)
                B[i, j] += off
                assert symmetric_up_to(B, 1e-8) == fine
    for bad in (np.nan, np.inf):
        B = A.copy()
        B[5, 5] = B[7, 8] = B[8, 7] = bad
        assert not symmetric_up_to(B, 1e-8)


@pytest.mark.parametrize("power", [5, 7, 9])
@pytest.mark.parametrize("by_gram", [False, True], ids=["full", "gram"])
def test_a_small_eigenvalue_apart_from_the_others(power: int, by_gram: bool) -> None:
    """The right-hand side H s has little of its eigenvector, s has as much as of any other."""
    size = 600
    Q = np.linalg.qr(rng.normal(size=(size, size)))[0]
    root = Q * np.sqrt(np.append(np.linspace(1, 2, size - 1), 10.0**-power)) @ Q.T
    H = root @ root
    H = (H + H.T) / 2
    solver = S.OneSided(1e-12, None, [(1.0, root, None)], []) if by_gram else S.OneSided(None, H, [], [])
    s = rng.normal(size=size)
    assert np.linalg.norm(solver.solve(H @ s) - s) <= 10.0 ** (power - 13) * np.linalg.norm(s)
