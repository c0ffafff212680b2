"""What `evaluate.py` measures: each function as text, as JAX code, and its derivatives as an expert writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs
from scipy.special import expit

Array = Any
Arrays = dict[str, Array]


@dataclass(frozen=True)
class Problem:
    """`make(size)` gives the arrays; `gradient` and `hessian` are the limit; `jax(jnp, **arrays)` is the function."""

    name: str
    text: str
    wrt: str
    declare: str
    make: Callable[[Any, Any], Arrays]
    gradient: Callable[..., Any]
    jax: Callable[..., Any]
    sizes: tuple[Any, ...]
    hessian: Callable[..., Any] | None = None
    hessian_sizes: tuple[Any, ...] = ()


def kron(A: Array, B: Array) -> Array:
    """The Kronecker product in one pass, faster than NumPy's own for small factors; never copied."""
    K = np.multiply(A[:, None, :, None], B[:, None, :], order="C")
    return K.reshape(A.shape[0] * B.shape[0], -1)


# logistic regression


def logistic_data(rng: Any, size: Any) -> Arrays:
    m, n = size
    return {"X": rng.normal(size=(m, n)), "y": np.sign(rng.normal(size=m)), "w": rng.normal(size=n) / n**0.5}


def logistic_gradient(X: Array, y: Array, w: Array) -> Array:
    return -(X.T @ (y * expit(-y * (X @ w))))


def logistic_hessian(X: Array, y: Array, w: Array) -> Array:
    s = expit(-y * (X @ w))
    Z = np.sqrt(s * (1 - s) * y * y)[:, None] * X
    return Z.T @ Z


# ridge


def ridge_data(rng: Any, size: Any) -> Arrays:
    m, n = size
    return {"X": rng.normal(size=(m, n)), "y": rng.normal(size=m), "w": rng.normal(size=n), "λ": 0.3}


def ridge_gradient(X: Array, y: Array, w: Array, λ: float) -> Array:
    return X.T @ (X @ w - y) + λ * w


def ridge_hessian(X: Array, y: Array, w: Array, λ: float) -> Array:
    H = X.T @ X
    H.flat[:: H.shape[0] + 1] += λ
    return H


# matrix factorisation


def factor_data(rng: Any, size: Any) -> Arrays:
    m, n, k = size
    M = (rng.random((m, n)) < 0.3).astype(float)
    return {"X": rng.normal(size=(m, n)), "U": rng.normal(size=(m, k)), "V": rng.normal(size=(n, k)), "M": M}


def factor_gradient(X: Array, U: Array, V: Array, M: Array) -> Any:
    R = U @ V.T
    R -= X
    return {"U": 2 * (R @ V), "V": 2 * (R.T @ U)}


def factor_hessian(X: Array, U: Array, V: Array, M: Array) -> Array:
    m, k = U.shape
    H = np.zeros((k, m, k, m))
    np.einsum("iaja->aij", H)[:] = 2 * (V.T @ V)
    return H.reshape(m * k, m * k)


def masked_gradient(X: Array, U: Array, V: Array, M: Array) -> Any:
    R = U @ V.T
    R -= X
    R *= M
    R *= M
    return {"U": 2 * (R @ V), "V": 2 * (R.T @ U)}


def masked_hessian(X: Array, U: Array, V: Array, M: Array) -> Array:
    m, k = U.shape
    pairs = (V[:, :, None] * V[:, None, :]).reshape(-1, k * k)
    H = np.zeros((k, m, k, m))
    np.einsum("iaja->aij", H)[:] = (2 * (M * M) @ pairs).reshape(m, k, k)
    return H.reshape(m * k, m * k)


# two layers


def network_data(rng: Any, size: Any) -> Arrays:
    k, n, m = size
    return {
        "W": rng.normal(size=(k, n)) / n,
        "X": rng.normal(size=(n, m)),
        "w": rng.normal(size=k),
        "y": rng.normal(size=m),
    }


def network_gradient(W: Array, X: Array, w: Array, y: Array) -> Array:
    T = W @ X
    np.tanh(T, out=T)
    r = w @ T - y
    np.multiply(T, T, out=T)
    np.subtract(1, T, out=T)
    T *= r
    T *= w[:, None]
    return T @ X.T


def network_hessian(W: Array, X: Array, w: Array, y: Array) -> Array:
    k, n = W.shape
    T = np.tanh(W @ X)
    S = 1 - T * T
    r = w @ T - y
    Z = (X[:, None, :] * (w[:, None] * S)[None]).reshape(n * k, -1)
    H = Z @ Z.T
    C = -2 * w[:, None] * r * T * S
    np.einsum("iaja->aij", H.reshape(n, k, n, k))[:] += (C[:, None, :] * X) @ X.T
    return H


# Gaussian log-likelihood by S


def gauss_data(rng: Any, size: Any) -> Arrays:
    n = size
    B, D = rng.normal(size=(n, n)), rng.normal(size=(n, n))
    return {"S": B @ B.T / n + np.eye(n), "C": D @ D.T / n, "N": 7.0}


def inverse_of_spd(S: Array) -> Array:
    P = dpotri(dpotrf(S.T, lower=0)[0], lower=0)[0]
    return P + np.triu(P, 1).T


def gauss_gradient(S: Array, C: Array, N: float) -> Array:
    P = inverse_of_spd(S)
    G = P @ C @ P
    np.subtract(N * P, G, out=G)
    G *= 0.5
    return G


def gauss_hessian(S: Array, C: Array, N: float) -> Array:
    P = inverse_of_spd(S)
    G = P @ C @ P
    H = kron(G - N * P, P)
    H += kron(P, G)
    H *= 0.5
    return H


# Gaussian process


def process_data(rng: Any, size: Any) -> Arrays:
    n = size
    x = rng.random(n)
    return {"K": np.exp(-((x[:, None] - x) ** 2) * 5) + 1e-3 * np.eye(n), "y": rng.normal(size=n), "s": 0.5}


def process_gradient(K: Array, y: Array, s: float) -> float:
    A = K.copy()
    A.flat[:: len(A) + 1] += s
    U = dpotrf(A.T, lower=0, overwrite_a=1)[0]
    a = dpotrs(U, y, lower=0)[0]
    P = dpotri(U, lower=0)[0]
    return (np.trace(P) - a @ a) / 2


def process_hessian(K: Array, y: Array, s: float) -> float:
    A = K.copy()
    A.flat[:: len(A) + 1] += s
    U = dpotrf(A.T, lower=0, overwrite_a=1)[0]
    a = dpotrs(U, y, lower=0)[0]
    b = dpotrs(U, a, lower=0)[0]
    P = np.triu(dpotri(U, lower=0)[0])
    d = P.diagonal()
    return a @ b - np.vdot(P, P) + d @ d / 2


# log-sum-exp


def lse_data(rng: Any, size: Any) -> Arrays:
    m, n = size
    return {"A": rng.normal(size=(m, n)), "x": rng.normal(size=n), "b": rng.normal(size=m)}


def lse_gradient(A: Array, x: Array, b: Array) -> Array:
    z = A @ x + b
    z -= z.max()
    np.exp(z, out=z)
    return A.T @ (z / z.sum())


def lse_hessian(A: Array, x: Array, b: Array) -> Array:
    z = A @ x + b
    z -= z.max()
    np.exp(z, out=z)
    z /= z.sum()
    Z = np.sqrt(z)[:, None] * A
    v = A.T @ z
    H = Z.T @ Z
    H -= np.outer(v, v)
    return H


# Rayleigh quotient


def rayleigh_data(rng: Any, size: Any) -> Arrays:
    B = rng.normal(size=(size, size))
    return {"A": B + B.T, "x": rng.normal(size=size)}


def rayleigh_gradient(A: Array, x: Array) -> Array:
    Ax = A @ x
    q = x @ x
    return (Ax - (x @ Ax / q) * x) * (2 / q)


def rayleigh_hessian(A: Array, x: Array) -> Array:
    Ax = A @ x
    q = x @ x
    r = x @ Ax / q
    B = np.outer(Ax - r * x, (2 / q) * x)
    H = A - B
    H -= B.T
    H.flat[:: len(x) + 1] -= r
    H *= 2 / q
    return H


# log det X'X


def gram_data(rng: Any, size: Any) -> Arrays:
    return {"X": rng.normal(size=size)}


def gram_gradient(X: Array) -> Array:
    G = X @ inverse_of_spd(X.T @ X)
    G *= 2
    return G


def gram_hessian(X: Array) -> Array:
    m, n = X.shape
    P = inverse_of_spd(X.T @ X)
    XP = X @ P
    E = -(XP @ X.T)
    E.flat[:: m + 1] += 1
    H = np.multiply(P[:, None, :, None], E[None, :, None, :], order="C")
    H -= np.multiply(XP.T[:, None, None, :], XP[None, :, :, None], order="C")
    H *= 2
    return H.reshape(m * n, m * n)


# tr(A X B X') and ‖AXB − C‖²


def trace_data(rng: Any, size: Any) -> Arrays:
    m, n = size
    return {"A": rng.normal(size=(m, m)), "X": rng.normal(size=(m, n)), "B": rng.normal(size=(n, n))}


def trace_gradient(A: Array, X: Array, B: Array) -> Array:
    G = A @ X @ B
    G += A.T @ X @ B.T
    return G


def trace_hessian(A: Array, X: Array, B: Array) -> Array:
    H = kron(B, A.T)
    H += kron(B.T, A)
    return H


def procrustes_data(rng: Any, size: Any) -> Arrays:
    m, n, p, q = size
    shapes = {"A": (m, n), "X": (n, p), "B": (p, q), "C": (m, q)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def procrustes_gradient(A: Array, X: Array, B: Array, C: Array) -> Array:
    R = A @ X @ B
    R -= C
    return 2 * (A.T @ R @ B.T)


def procrustes_hessian(A: Array, X: Array, B: Array, C: Array) -> Array:
    return kron(2 * (B @ B.T), A.T @ A)


PROBLEMS = (
    Problem(
        "logistic regression", "sum(softplus(-y .* (X*w)))", "w", "X: m×n; y: m; w: n",
        logistic_data, logistic_gradient,
        lambda np, jax, X, y, w: np.sum(jax.nn.softplus(-y * (X @ w))),
        ((400, 20), (4000, 200), (30000, 500)), logistic_hessian, ((200, 20), (2000, 200), (10000, 500)),
    ),
    Problem(
        "ridge", "norm(X*w - y)^2/2 + λ/2*norm(w)^2", "w", "X: m×n; y: m; w: n; λ: scalar",
        ridge_data, ridge_gradient,
        lambda np, jax, X, y, w, λ: np.sum((X @ w - y) ** 2) / 2 + λ / 2 * np.sum(w**2),
        ((500, 50), (4000, 200), (30000, 500)), ridge_hessian, ((200, 20), (2000, 200), (10000, 500)),
    ),
    Problem(
        "factorisation", "norm(X - U*V')^2", "U,V", "X: m×n; U: m×k; V: n×k",
        factor_data, factor_gradient,
        lambda np, jax, X, U, V, M: np.sum((X - U @ V.T) ** 2),
        ((60, 60, 5), (400, 400, 20), (2000, 2000, 20)), factor_hessian, ((40, 40, 4), (200, 200, 8), (400, 400, 10)),
    ),
    Problem(
        "masked factorisation", "norm(M .* (X - U*V'))^2", "U,V", "X: m×n; M: m×n; U: m×k; V: n×k",
        factor_data, masked_gradient,
        lambda np, jax, X, U, V, M: np.sum((M * (X - U @ V.T)) ** 2),
        ((60, 60, 5), (400, 400, 20), (2000, 2000, 20)), masked_hessian, ((30, 30, 3), (100, 100, 8), (300, 300, 10)),
    ),
    Problem(
        "two layers", "norm(w'*tanh(W*X) - y')^2/2", "W", "X: n×m; W: k×n; w: k; y: m",
        network_data, network_gradient,
        lambda np, jax, W, X, w, y: np.sum((w @ np.tanh(W @ X) - y) ** 2) / 2,
        ((10, 20, 100), (50, 100, 500), (200, 200, 4000)), network_hessian, ((4, 6, 50), (10, 20, 200), (20, 50, 1000)),
    ),
    Problem(
        "Gaussian by S", "N/2*logdet(S) + tr(inv(S)*C)/2", "S", "S: n×n spd; C: n×n symmetric; N: scalar",
        gauss_data, gauss_gradient,
        lambda np, jax, S, C, N: N / 2 * np.linalg.slogdet(S)[1] + np.trace(np.linalg.solve(S, C)) / 2,
        (25, 200, 800), gauss_hessian, (6, 16, 40),
    ),
    Problem(
        "GP marginal likelihood", "y'*inv(K + s*eye(n))*y/2 + logdet(K + s*eye(n))/2", "s",
        "K: n×n spd; y: n; s: scalar positive",
        process_data, process_gradient,
        lambda np, jax, K, y, s: y @ np.linalg.solve(K + s * np.eye(len(y)), y) / 2
        + np.linalg.slogdet(K + s * np.eye(len(y)))[1] / 2,
        (25, 200, 800), process_hessian, (25, 200, 800),
    ),
    Problem(
        "log-sum-exp", "logsumexp(A*x + b)", "x", "A: m×n; x: n; b: m",
        lse_data, lse_gradient,
        lambda np, jax, A, x, b: jax.nn.logsumexp(A @ x + b),
        ((400, 20), (4000, 200), (30000, 500)), lse_hessian, ((200, 20), (2000, 200), (10000, 500)),
    ),
    Problem(
        "Rayleigh quotient", "x'*A*x/(x'*x)", "x", "A: n×n symmetric; x: n",
        rayleigh_data, rayleigh_gradient,
        lambda np, jax, A, x: x @ A @ x / (x @ x),
        (100, 800, 4000), rayleigh_hessian, (60, 400, 2000),
    ),
    Problem(
        "logdet(X'X)", "logdet(X'*X)", "X", "X: m×n",
        gram_data, gram_gradient,
        lambda np, jax, X: np.linalg.slogdet(X.T @ X)[1],
        ((60, 20), (800, 100), (4000, 400)), gram_hessian, ((8, 4), (25, 15), (50, 30)),
    ),
    Problem(
        "tr(A X B X')", "tr(A*X*B*X')", "X", "A: m×m; X: m×n; B: n×n",
        trace_data, trace_gradient,
        lambda np, jax, A, X, B: np.sum((A @ X @ B) * X),
        ((30, 20), (200, 200), (1000, 800)), trace_hessian, ((8, 6), (30, 20), (60, 40)),
    ),
    Problem(
        "‖AXB − C‖²", "norm(A*X*B - C)^2", "X", "A: m×n; X: n×p; B: p×q; C: m×q",
        procrustes_data, procrustes_gradient,
        lambda np, jax, A, X, B, C: np.sum((A @ X @ B - C) ** 2),
        ((30, 20, 20, 30), (200, 150, 150, 200), (900, 700, 700, 900)), procrustes_hessian,
        ((20, 8, 6, 20), (60, 30, 20, 60), (80, 60, 40, 80)),
    ),
)  # fmt: skip
