"""What `evaluate.py` measures: each function as text, as JAX code, and its derivatives as an expert writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg.lapack import dgetrf, dgetrs, dpotrf, dpotri, dpotrs
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


# functions whose derivatives in plain matrix form take an order of operations more than by hand


def normal(*shapes: tuple[str, str]) -> Callable[[Any, Any], Arrays]:
    """Arrays of independent normal entries: names, and their sizes by letter, in the order m, n."""

    def make(rng: Any, size: Any) -> Arrays:
        sizes = dict(zip("mn", size, strict=False))
        return {name: rng.normal(size=tuple(sizes[d] for d in dims)) for name, dims in shapes}

    return make


def cubic_gradient(a: Array, X: Array, b: Array) -> Array:
    p, q = X.T @ a, X @ b
    G = np.outer(a, X.T @ q)
    G += np.outer(q, p)
    G += np.outer(X @ p, b)
    return G


def fit_gradient(X: Array, y: Array, b: Array) -> Array:
    U = dpotrf(X.T @ X, lower=0)[0]
    w, z = dpotrs(U, X.T @ y, lower=0)[0], dpotrs(U, b, lower=0)[0]
    G = np.outer(y - X @ w, z)
    G -= np.outer(X @ z, w)
    return G


def residual_gradient(X: Array, y: Array) -> Array:
    U = dpotrf(X.T @ X, lower=0)[0]
    w = dpotrs(U, X.T @ y, lower=0)[0]
    return np.outer(X @ w - y, 2 * w)


def quotient_gradient(A: Array, B: Array, x: Array) -> Array:
    Ax, Bx = A @ x, B @ x
    q = x @ Bx
    return (Ax + x @ A - (x @ Ax / q) * (Bx + x @ B)) / q


def quotient_hessian(A: Array, B: Array, x: Array) -> Array:
    Bx = B @ x
    q = x @ Bx
    r = x @ A @ x / q
    b = Bx + x @ B
    H = A - r * B
    H -= np.outer((A @ x + x @ A - r * b) / q, b)
    return (H + H.T) / q


def weights_data(rng: Any, size: Any) -> Arrays:
    m, n = size
    return {"X": rng.normal(size=(m, n)), "w": rng.random(m) + 0.5}


def weights_gradient(X: Array, w: Array) -> Any:
    Z = np.sqrt(w)[:, None] * X
    G = X @ inverse_of_spd(Z.T @ Z)
    leverage = np.einsum("ij,ij->i", G, X)
    G *= 2 * w[:, None]
    return {"w": leverage, "X": G}


def commuting_gradient(x: Array, A: Array, y: Array) -> Any:
    R = x[:, None] * A
    R -= A * y
    return {"x": 2 * np.einsum("ij,ij->i", R, A), "y": -2 * np.einsum("ij,ij->j", R, A)}


def commuting_hessian(x: Array, A: Array, y: Array) -> Array:
    return np.diag(2 * np.einsum("ij,ij->i", A, A))


def quartic_gradient(x: Array, A: Array) -> Array:
    s = x * x
    return 2 * x * (A @ s + s @ A)


def quartic_hessian(x: Array, A: Array) -> Array:
    s = x * x
    H = A + A.T
    g = H @ s
    H *= 4 * x[:, None]
    H *= x
    H.flat[:: len(x) + 1] += 2 * g
    return H


def design_data(rng: Any, size: Any) -> Arrays:
    m, n = size
    return {"A": rng.normal(size=(m, n)), "x": rng.random(n) + 0.5}


def design_gradient(A: Array, x: Array) -> Array:
    Z = np.sqrt(x) * A
    V = inverse_of_spd(Z @ Z.T) @ A
    return -np.einsum("ij,ij->j", V, V)


def design_hessian(A: Array, x: Array) -> Array:
    Z = np.sqrt(x) * A
    V = inverse_of_spd(Z @ Z.T) @ A
    H = V.T @ V
    H *= A.T @ V
    H *= 2
    return H


def power_gradient(X: Array) -> Array:
    return 4 * (X @ X @ X).T


def power_hessian(X: Array) -> Array:
    n = len(X)
    S = X @ X
    H = np.multiply(4 * X.T[None, :, :, None], X[:, None, None, :], order="C")
    np.einsum("ijki->ijk", H)[:] += 4 * S.T[None, :, :]
    np.einsum("ijjk->ijk", H)[:] += 4 * S[:, None, :]
    return H.reshape(n * n, n * n)


def system_gradient(A: Array, b: Array, c: Array) -> Array:
    lu, p, _ = dgetrf(A)
    u = dgetrs(lu, p, b)[0]
    return np.outer(dgetrs(lu, p, c - u, trans=1)[0], 2 * u)


def system_hessian(A: Array, b: Array, c: Array) -> Array:
    n = len(A)
    P = np.linalg.inv(A)
    u = P @ b
    G = np.outer((u - c) @ P, 2 * u)
    H = kron(np.outer(2 * u, u), P.T @ P)
    for C, D in ((G.T[:, None, None, :], P.T[None, :, :, None]), (G[None, :, :, None], P[:, None, None, :])):
        H += np.multiply(C, D, order="C").reshape(n * n, n * n)
    return H


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
    Problem(
        "a'XX'Xb", "a'*X*X'*X*b", "X", "a: m; X: m×n; b: n",
        normal(("a", "m"), ("X", "mn"), ("b", "n")), cubic_gradient,
        lambda np, jax, a, X, b: a @ (X @ (X.T @ (X @ b))),
        ((30, 20), (500, 300), (3000, 2000)),
    ),
    Problem(
        "least-squares fit", "b'*inv(X'*X)*X'*y", "X", "X: m×n; y: m; b: n",
        normal(("X", "mn"), ("y", "m"), ("b", "n")), fit_gradient,
        lambda np, jax, X, y, b: b @ np.linalg.solve(X.T @ X, X.T @ y),
        ((30, 5), (1000, 50), (4000, 200)),
    ),
    Problem(
        "projected residual", "y'*(eye(m) - X*inv(X'*X)*X')*y", "X", "X: m×n; y: m",
        normal(("X", "mn"), ("y", "m")), residual_gradient,
        lambda np, jax, X, y: y @ y - y @ X @ np.linalg.solve(X.T @ X, X.T @ y),
        ((30, 5), (1000, 50), (4000, 200)),
    ),
    Problem(
        "x'Ax/x'Bx", "x'*A*x/(x'*B*x)", "x", "A: m×m; B: m×m; x: m",
        normal(("A", "mm"), ("B", "mm"), ("x", "m")), quotient_gradient,
        lambda np, jax, A, B, x: x @ A @ x / (x @ B @ x),
        ((40,), (400,), (3000,)), quotient_hessian, ((40,), (400,), (2000,)),
    ),
    Problem(
        "logdet(X'WX)", "logdet(X'*Diag(w)*X)", "w,X", "X: m×n; w: m positive",
        weights_data, weights_gradient,
        lambda np, jax, X, w: np.linalg.slogdet(X.T @ (w[:, None] * X))[1],
        ((60, 20), (800, 100), (4000, 400)),
    ),
    Problem(
        "‖Diag(x)A − A Diag(y)‖²", "norm(Diag(x)*A - A*Diag(y))^2", "x,y", "x: m; A: m×m; y: m",
        normal(("x", "m"), ("A", "mm"), ("y", "m")), commuting_gradient,
        lambda np, jax, x, A, y: np.sum((x[:, None] * A - A * y) ** 2),
        ((40,), (300,), (2000,)), commuting_hessian, ((20,), (300,), (2000,)),
    ),
    Problem(
        "x'Diag(x)A Diag(x)x", "x'*Diag(x)*A*Diag(x)*x", "x", "x: m; A: m×m",
        normal(("x", "m"), ("A", "mm")), quartic_gradient,
        lambda np, jax, x, A: (x * x) @ A @ (x * x),
        ((40,), (400,), (3000,)), quartic_hessian, ((40,), (400,), (2000,)),
    ),
    Problem(
        "tr((A Diag(x) A')⁻¹)", "tr(inv(A*Diag(x)*A'))", "x", "A: m×n; x: n positive",
        design_data, design_gradient,
        lambda np, jax, A, x: np.trace(np.linalg.inv(A @ (x[:, None] * A.T))),
        ((5, 30), (50, 500), (300, 3000)), design_hessian, ((5, 30), (50, 500), (100, 2000)),
    ),
    Problem(
        "tr(X⁴)", "tr(X^4)", "X", "X: m×m",
        normal(("X", "mm")), power_gradient,
        lambda np, jax, X: np.trace(X @ X @ X @ X),
        ((20,), (200,), (800,)), power_hessian, ((6,), (20,), (45,)),
    ),
    Problem(
        "‖A⁻¹b − c‖²", "norm(inv(A)*b - c)^2", "A", "A: m×m; b: m; c: m",
        normal(("A", "mm"), ("b", "m"), ("c", "m")), system_gradient,
        lambda np, jax, A, b, c: np.sum((np.linalg.solve(A, b) - c) ** 2),
        ((20,), (200,), (1000,)), system_hessian, ((6,), (20,), (45,)),
    ),
)  # fmt: skip
