"""Solves by factors in single precision: as exact as those in double, or in double, or refused as those are."""

from __future__ import annotations

import numpy as np
import pytest

import matdiff as md
from matdiff.codegen.refined import LEAST, SOLVES, Factors, SingleLU, Splitting

n = LEAST
rng = np.random.default_rng(3)
R = rng.normal(size=(n, n))


class Singular(Exception):
    pass


def singular() -> Exception:
    return Singular()


def conditioned(power: float) -> np.ndarray:
    """A random matrix of condition 10^power, its singular values graded."""
    U, V = (np.linalg.qr(rng.normal(size=(n, n)))[0] for _ in range(2))
    return U * np.logspace(0, -power, n) @ V


def wilkinson() -> np.ndarray:
    """Elimination in it grows by 2^(n − 1) (Higham 2002, sec. 9.3)."""
    A = np.eye(n) + np.tril(-np.ones((n, n)), -1)
    A[:, -1] = 1
    return A


def one_large() -> np.ndarray:
    """No number of single precision is as large."""
    A = R.copy()
    A[0, 0] = 1e39
    return A


down = np.logspace(0, -8, n)
MATRICES = {
    # name: matrix, whether single precision will do (None: either)
    "dominant": (R + 100 * np.eye(n), True),
    "nearly diagonal": (R + np.diag(np.where(np.arange(n) % 2, 400.0, -1000.0)), True),
    "random": (R, None),
    **{f"condition 1e{k}": (conditioned(k), None if 4 <= k <= 6 else k < 4) for k in (2, 4, 6, 8, 10, 12, 14)},
    "scaled rows": (down[:, None] * R, False),
    "scaled columns": (R * down, False),
    "graded": (down[:, None] ** 0.5 * R * down**0.5, False),
    "tiny": (1e-40 * R, False),
    "small": (1e-30 * (R + 100 * np.eye(n)), True),
    "huge": (1e40 * R, False),
    "growing": (wilkinson(), None),
}


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize("columns", [(), (3,), (n,)], ids=["one", "few", "many"])
def test_as_exact_as_in_double(name: str, adjoint: bool, columns: tuple[int, ...]) -> None:
    A, single = MATRICES[name]
    M = A.T if adjoint else A
    x = rng.normal(size=(n, *columns))
    b = M @ x
    factors = Factors(A, singular)
    assert single is None or (factors.single is not None) == single
    found, double = factors.solve(b, adjoint), np.linalg.solve(M, b)
    assert np.linalg.norm(found - x) <= 10 * np.linalg.norm(double - x)
    backward = np.linalg.norm(M @ found - b) / (np.linalg.norm(M) * np.linalg.norm(found))
    assert backward <= 1e-15 or name == "growing"


@pytest.mark.parametrize(
    "A",
    [
        np.zeros((n, n)),
        np.ones((n, n)),
        np.concatenate([R[:, 1:].sum(axis=1, keepdims=True), R[:, 1:]], axis=1),
        1 / (1.0 + np.add.outer(np.arange(n), np.arange(n))),
        one_large(),
        conditioned(17),
        n * np.eye(n) - np.ones((n, n)),
    ],
    ids=["zero", "rank 1", "a sum of columns", "Hilbert", "one large entry", "condition 1e17", "complete graph"],
)
def test_singular_is_singular(A: np.ndarray) -> None:
    with pytest.raises(Singular):
        Factors(A, singular).solve(A @ np.ones(n))


def test_nearly_diagonal_matrices_are_factored_at_the_second_thought() -> None:
    A = MATRICES["nearly diagonal"][0]
    factors = Factors(A, singular)
    for adjoint in [False, True] * (SOLVES // 2):
        factors.solve(R[0], adjoint)
        assert isinstance(factors.single, Splitting)
    factors.solve(R[0])
    assert isinstance(factors.single, SingleLU)
    # A consistent system whose matrix is singular: Jacobi's iteration would end at one of its solutions.
    with pytest.raises(Singular):
        Factors(n * np.eye(n) - np.ones((n, n)), singular).solve(R[0] - R[0].mean())


def test_factors_of_a_matrix_nearby_serve_or_are_made_again() -> None:
    A = R + 100 * np.eye(n)
    x = rng.normal(size=n)
    first = Factors(A, singular)
    for near in (A + 0.01 * np.eye(n), A + 50 * np.eye(n), 1e3 * R):
        found = Factors(near, singular, first)
        np.testing.assert_allclose(found.solve(near @ x), x, rtol=0, atol=1e-11)
        assert found.borrowed == (near[0, 0] == A[0, 0] + 0.01)
    np.testing.assert_allclose(Factors(A, singular).step(A @ x), x, rtol=1e-3, atol=1e-3)


def test_large_equations() -> None:
    """A linear system, and one by Newton's method with old factors, beside small steps by hand."""
    A, p = R + 100 * np.eye(n), rng.normal(size=n)
    b = rng.normal(size=n)
    value, gradient = md.derive("A = A_0 + Diag(p); A*x = b for x; norm(x)^2", wrt="p").value_and_grad(A_0=A, p=p, b=b)
    x = np.linalg.solve(A + np.diag(p), b)
    assert value == pytest.approx(x @ x, rel=1e-14)
    np.testing.assert_allclose(gradient, -2 * x * np.linalg.solve((A + np.diag(p)).T, x), rtol=1e-12, atol=1e-18)

    d = md.derive("A*x + 90*x.^3 = B*q for x; norm(x)^2/2", wrt="q")
    B, q = 100 * rng.normal(size=(n, 3)), np.array([0.3, -1.0, 0.5])
    x = d.solve(A=A, B=B, q=q)
    np.testing.assert_allclose(A @ x + 90 * x**3, B @ q, rtol=0, atol=1e-11)
    J = A + np.diag(270 * x**2)
    moved = np.linalg.solve(J, B)
    adjoint = np.linalg.solve(J.T, x)
    H = moved.T @ ((1 - 540 * x * adjoint)[:, None] * moved)
    np.testing.assert_allclose(d.hessian_matrix(A=A, B=B, q=q), H, rtol=1e-11, atol=1e-11 * np.abs(H).max())
    np.testing.assert_allclose(d.hvp(q, A=A, B=B, q=q), H @ q, rtol=0, atol=1e-11 * np.abs(H).max())
