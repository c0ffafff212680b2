"""Functions that every engine is tried on: their text, and what they are in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.linalg
import scipy.special


@dataclass(frozen=True)
class Case:
    """`value` takes arrays by the names of its parameters.

    `near` says where arrays are drawn: `+` positive, `1` between -1 and 1, `inv` close to 3I.  `lacks` names what is
    refused: `jacobian`, `hessian`.
    """

    text: str
    declare: str
    wrt: str
    value: Callable[..., Any]
    near: Mapping[str, str] = field(default_factory=dict)
    lacks: frozenset[str] = frozenset()


CASES: list[Case] = []


def case(text: str, declare: str, wrt: str, value: Callable[..., Any], lacks: str = "", **near: str) -> None:
    CASES.append(Case(text, declare, wrt, value, near, frozenset(lacks.split())))


def mats(*names: str) -> str:
    return "; ".join(f"{name}: n×n" for name in names)


SQUARE = mats("A", "X")


# scalars of matrices and vectors

case("tr(A*X*B)", "A: m×n; X: n×p; B: p×m", "X", lambda A, X, B: np.trace(A @ X @ B))
case("tr(X'*A*X*B)", "A: n×n; X: n×p; B: p×p", "X", lambda A, X, B: np.trace(X.T @ A @ X @ B))
case("trace(X)^2*t", "X: n×n; t: scalar", "t", lambda X, t: np.trace(X) ** 2 * t)
case("det(X)", "X: n×n", "X", np.linalg.det)
case("det(t*eye(n) - A)", "t: scalar; A: n×n", "t", lambda t, A: np.linalg.det(t * np.eye(len(A)) - A))
case("logdet(A + X*X')", "A: n×n spd; X: n×m", "X", lambda A, X: np.linalg.slogdet(A + X @ X.T)[1])
case("log(det(X))", "X: n×n spd", "X", lambda X: np.linalg.slogdet(X)[1])
case("logdet(A + X*X')^2*sin(t)", "A: n×n spd; X: n×m; t: scalar", "X,t", lambda A, X, t: (
    np.linalg.slogdet(A + X @ X.T)[1] ** 2 * np.sin(t)
))  # fmt: skip
case("P = X'*A; lambda_max(P*X)^2 + norm(x)^3", "A: m×m symmetric; X: m×n; x: n", "x", lambda A, X, x: (
    np.linalg.eigvalsh(X.T @ A @ X)[-1] ** 2 + np.linalg.norm(x) ** 3
))  # fmt: skip
case("tr(inv((A^2*X)^2)*B) + tr(((X*A)^-2)'*B)", "A: n×n; X: n×n; B: n×n", "X", lambda A, X, B: (
    np.trace(np.linalg.matrix_power(np.linalg.inv(A @ A @ X), 2) @ B)
    + np.trace(np.linalg.matrix_power(np.linalg.inv(X @ A), 2).T @ B)
), A="inv", X="inv")  # fmt: skip
case("logdet((X'*X)^2) + det((A*X')^2)/100", "A: n×n; X: n×n", "X", lambda A, X: (
    4 * np.linalg.slogdet(X)[1] + np.linalg.det(A @ X.T) ** 2 / 100
), A="inv", X="inv")  # fmt: skip
case("Diag(x)*A*Diag(x)*b + inv(Diag(x))*b", "A: n×n; x: n positive; b: n", "x", lambda A, x, b: (
    x * (A @ (x * b)) + b / x
))  # fmt: skip
case("sum(X.^2 .* A)", "X: m×n; A: m×n", "X", lambda X, A: np.sum(X**2 * A))
case("vdot(x, X*y)*vdot(X*x, y)", "X: n×n; x: n; y: n", "X", lambda X, x, y: (x @ X @ y) * ((X @ x) @ y))
case("mean(exp(X))", "X: m×n", "X", lambda X: np.mean(np.exp(X)))
case("prod(cosh(X))", "X: m×n", "X", lambda X: np.prod(np.cosh(X)))
case("norm(A*x - b)", "A: m×n; x: n; b: m", "x", lambda A, x, b: np.linalg.norm(A @ x - b))
case("norm(X)*norm2(x)*normF(X)", "X: m×n; x: n", "X", lambda X, x: np.sum(X * X) * np.linalg.norm(x))
case("‖A*x - b‖²/2", "A: m×n; x: n; b: m", "x", lambda A, x, b: np.sum((A @ x - b) ** 2) / 2)
case("‖x‖_2 + ‖x‖_1 + ‖X*x‖", "x: n; X: m×n", "x", lambda x, X: (
    np.linalg.norm(x) + np.sum(np.abs(x)) + np.linalg.norm(X @ x)
))  # fmt: skip
case("norm1(X) + ‖X‖_F", "X: m×n", "X", lambda X: np.sum(np.abs(X)) + np.linalg.norm(X))
case("norminf(X*x)", "x: n; X: m×n", "x", lambda x, X: np.max(np.abs(X @ x)))
case("nuclear(X)", "X: n×n", "X", lambda X: np.linalg.norm(X, "nuc"), X="inv")
case("nuclear(X)", "X: 4×2", "X", lambda X: np.linalg.norm(X, "nuc"))
case("logsumexp(A*x) + logsumexp(A)", "A: m×n; x: n", "x", lambda A, x: (
    scipy.special.logsumexp(A @ x) + scipy.special.logsumexp(A)
))  # fmt: skip
case("logsumexp(X)", "X: m×n", "X", scipy.special.logsumexp)
case("<A, X*X'>", "A: m×m; X: m×n", "X", lambda A, X: np.sum(A * (X @ X.T)))
case("⟨x, X*y⟩", "x: m; X: m×n; y: n", "X", lambda x, X, y: x @ X @ y)
case("lambda_max(X)", "X: n×n symmetric", "X", lambda X: np.linalg.eigvalsh(X)[-1])
case("lambda_min(X'*X)", "X: n×n", "X", lambda X: np.linalg.eigvalsh(X.T @ X)[0])
case("eigval(A + X*X', 2)", "A: n×n symmetric; X: n×m", "X", lambda A, X: np.linalg.eigvalsh(A + X @ X.T)[1])
case("sigma_max(X)", "X: m×n", "X", lambda X: np.linalg.norm(X, 2))
case("sigma(X, 2)", "X: n×m", "X", lambda X: np.linalg.svd(X, compute_uv=False)[1])
case("cond2(X)", "X: n×n", "X", np.linalg.cond, X="inv")
case("det(A)*x'*inv(A)*x", "A: n×n; x: n", "A", lambda A, x: np.linalg.det(A) * x @ np.linalg.solve(A, x), A="inv")
case("x'*A*x/2 + b'*x + c", "x: n; A: n×n; b: n; c: scalar", "x", lambda x, A, b, c: x @ A @ x / 2 + b @ x + c)
case("n*x'*x + m", "x: n; y: m", "x", lambda x, y: len(x) * x @ x + len(y))
case("pi*x'*x", "x: n", "x", lambda x: np.pi * x @ x)
case("(x'*A*x)/(x'*x)", "x: n; A: n×n symmetric", "x", lambda x, A: x @ A @ x / (x @ x))
case("x'*A*y", "x: m; A: m×n; y: n", "y", lambda x, A, y: x @ A @ y)

# matrices of matrices

case("inv(X)", "X: n×n", "X", np.linalg.inv, X="inv")
case("A \\ b", "A: n×n; b: n", "A", np.linalg.solve, A="inv")
case("X⁻¹*A*X⁻ᵀ", SQUARE, "X", lambda A, X: np.linalg.inv(X) @ A @ np.linalg.inv(X).T, X="inv")
case("pinv(X)", "X: m×n", "X", np.linalg.pinv)
case("adj(X)", "X: n×n", "X", lambda X: np.linalg.det(X) * np.linalg.inv(X), X="inv")
case("tr(A*cof(X))", SQUARE, "X", lambda A, X: np.linalg.det(X) * np.trace(A @ np.linalg.inv(X).T), X="inv")
case("expm(X)", "X: n×n", "X", scipy.linalg.expm)
case("tr(A*expm(t*X))", f"{SQUARE}; t: scalar", "X", lambda A, X, t: np.trace(A @ scipy.linalg.expm(t * X)))
case("tr(expm(X))", "X: n×n", "X", lambda X: np.trace(scipy.linalg.expm(X)))
case("cosm(X)", "X: n×n", "X", scipy.linalg.cosm)
case("tr(A*sinm(X))", SQUARE, "X", lambda A, X: np.trace(A @ scipy.linalg.sinm(X)))
case("tr(coshm(X))", "X: n×n", "X", lambda X: np.trace(scipy.linalg.coshm(X)))
case("tr(A*sinhm(X))", SQUARE, "X", lambda A, X: np.trace(A @ scipy.linalg.sinhm(X)))
case("tr(A*logm(X))", SQUARE, "X", lambda A, X: np.trace(A @ scipy.linalg.logm(X)).real, X="inv")
case("sqrtm(X)", "X: n×n", "X", lambda X: scipy.linalg.sqrtm(X).real, X="inv")
case("tr(A*X^(1/2))", SQUARE, "X", lambda A, X: np.trace(A @ scipy.linalg.sqrtm(X)).real, X="inv")
case("kron(X, A)", "X: m×n; A: n×m", "X", np.kron)
case("tr(kron(A, X)*B)", "A: m×m; X: n×n; B: m*n×m*n", "X", lambda A, X, B: np.trace(np.kron(A, X) @ B))
case("x ⊗ y", "x: m; y: n", "x", np.kron)
case("vec(A*X)", "A: m×n; X: n×p", "X", lambda A, X: (A @ X).ravel(order="F"))
case("unvec(x, m, n)*y", "x: m*n; y: n; z: m", "x", lambda x, y, z: x.reshape(len(z), len(y), order="F") @ y)
case("diag(x)*A", "x: m; A: m×n", "x", lambda x, A: x[:, None] * A)
case("diag(X)'*x", "X: n×n; x: n", "X", lambda X, x: np.diag(X) @ x)
case("Diag(x) + Diag(X)", "x: n; X: n×n", "X", lambda x, X: np.diag(x) + np.diag(np.diag(X)))
case("vech(X)", "X: 3×3", "X", lambda X: X.T[np.triu_indices(len(X))])
case("x'*vech(S)", "x: 6; S: 3×3 symmetric", "S", lambda x, S: x @ S.T[np.triu_indices(len(S))])
case("det(unvech(x, 3))", "x: 6", "x", lambda x: np.linalg.det(x[np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])]))
case("tril(X)*triu(X)", "X: n×n", "X", lambda X: np.tril(X) @ np.triu(X))
case("norm(sym(X) + A*skew(X))^2", SQUARE, "X", lambda A, X: np.sum(((X + X.T) / 2 + A @ (X - X.T) / 2) ** 2))
case("chol(X)", "X: n×n spd", "X", np.linalg.cholesky)
case("chol(A + X*X')", "A: n×n spd; X: n×m", "X", lambda A, X: np.linalg.cholesky(A + X @ X.T))
case("dot(A*x, y)^2", "A: m×n; x: n; y: m", "x", lambda x, A, y: (A @ x @ y) ** 2)
case("outer(x, A*x)", "A: m×n; x: n", "x", lambda x, A: x[:, None] * (A @ x)[None])
case("rowsum(X)'*A*colsum(X)", "X: m×n; A: m×n", "X", lambda X, A: X.sum(1) @ A @ X.sum(0))
case("rowmean(X)'*A*colmean(X) + colsum(A*mean(X, 1)) + colmean(A'*mean(X, 2))", "X: m×n; A: m×n", "X", lambda X, A: (
    X.mean(1) @ A @ X.mean(0) + np.sum(A @ X.mean(0)) + np.mean(A.T @ X.mean(1))
))  # fmt: skip
case("sum(X, 2)'*A*sum(X, 1) + sum(X, axis=1)'*A*sum(X, dim=0)", "X: m×n; A: m×n", "X", lambda X, A: (
    2 * X.sum(1) @ A @ X.sum(0)
))  # fmt: skip
case("y'*rownorm(A*X) + colnorm(X)'*x", "A: m×n; X: n×p; y: m; x: p", "X", lambda A, X, y, x: (
    y @ np.linalg.norm(A @ X, axis=1) + np.linalg.norm(X, axis=0) @ x
))  # fmt: skip
case("norm21(A*X - B)", "A: m×n; X: n×p; B: m×p", "X", lambda A, X, B: np.linalg.norm(A @ X - B, axis=1).sum())
case("hcat(A, X)", "A: m×n; X: m×p", "X", lambda A, X: np.hstack([A, X]))
case("vcat(A, X*X')", "A: p×m; X: m×n", "X", lambda A, X: np.vstack([A, X @ X.T]))
case("norm([A, x; y', t])^2", "A: m×n; x: m; y: n; t: scalar", "t", lambda A, x, y, t: (
    np.sum(A * A) + x @ x + y @ y + t * t
))  # fmt: skip
case("det([X, x; x', t])", "X: n×n; x: n; t: scalar", "x", lambda X, x, t: (
    np.linalg.det(np.block([[X, x[:, None]], [x[None, :], np.array([[t]])]]))
))  # fmt: skip
case("[x; t*y]", "x: n; y: m; t: scalar", "t", lambda x, y, t: np.concatenate([x, t * y]))
case("tr(A*lyap(X, B))", mats("A", "X", "B"), "X", lambda A, X, B: (
    np.trace(A @ scipy.linalg.solve_continuous_lyapunov(X, -B))
), X="inv")  # fmt: skip
case("A*lyap(B, S)", "A: m×n; B: n×n spd; S: n×n symmetric", "S", lambda A, B, S: (
    A @ scipy.linalg.solve_continuous_lyapunov(B, -S)
))  # fmt: skip
case("khatrirao(A, X)", "A: m×n; X: p×n", "X", scipy.linalg.khatri_rao)
case("norm(khatrirao(X, A)*B - C)^2", "X: m×n; A: p×n; B: n×m; C: m*p×m", "X", lambda X, A, B, C: (
    np.sum((scipy.linalg.khatri_rao(X, A) @ B - C) ** 2)
))  # fmt: skip
case("x'*(A \\ b)", "x: n; A: p×n; b: p", "A", lambda x, A, b: x @ np.linalg.lstsq(A, b)[0])
case("tr(A/X*B) + x'*A/X*x", "A: n×n; X: n×n; B: n×n; x: n", "X", lambda A, X, B, x: (
    np.trace(A @ np.linalg.inv(X) @ B) + x @ A @ np.linalg.solve(X, x)
), X="inv")  # fmt: skip
case("logdet(unvech(x) + A)", "x: 6; A: 3×3 spd", "x", lambda x, A: (
    np.linalg.slogdet(x[np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])] + A)[1]
), x="1")  # fmt: skip
case("sylvester(A, X, B)", "A: m×m spd; X: n×n spd; B: m×n", "X", scipy.linalg.solve_sylvester)
case("tr(A*sylvester(X, X, B))", mats("A", "X", "B"), "X", lambda A, X, B: (
    np.trace(A @ scipy.linalg.solve_sylvester(X, X, B))
), X="inv")  # fmt: skip
case("frechet_expm(X, A)", SQUARE, "X", lambda X, A: scipy.linalg.expm_frechet(X, A, compute_expm=False))
case("frechet(cosm, X, A)", SQUARE, "X", lambda X, A: scipy.linalg.expm_frechet(1j * X, 1j * A)[1].real)
case("frechet(expm, X, A)", SQUARE, "X", lambda X, A: scipy.linalg.expm_frechet(X, A, compute_expm=False))
case("X^3", "X: n×n", "X", lambda X: X @ X @ X)
case("tr(A*X^-2)", SQUARE, "X", lambda A, X: np.trace(A @ np.linalg.inv(X @ X)), X="inv")
case("tr(A*X^k)", f"{SQUARE}; k: scalar", "X", lambda A, X, k: (
    np.trace(A @ scipy.linalg.fractional_matrix_power(X, k)).real
), X="inv", k="+")  # fmt: skip
case("X^t", "X: n×n spd; t: scalar", "X", lambda X, t: scipy.linalg.fractional_matrix_power(X, t))
case("tr(A*S^t) + logdet(S^t)", "A: n×n; S: n×n spd; t: scalar", "S,t", lambda A, S, t: (
    np.trace(A @ scipy.linalg.fractional_matrix_power(S, t)) + t * np.linalg.slogdet(S)[1]
))  # fmt: skip
case("x'*S^(3/2)*x + tr(S^-0.3)", "x: n; S: n×n spd", "S", lambda x, S: (
    x @ scipy.linalg.fractional_matrix_power(S, 1.5) @ x + np.trace(scipy.linalg.fractional_matrix_power(S, -0.3))
))  # fmt: skip
case(
    "det(X^k)*tr(X^k*A*X^-k)", f"{SQUARE}; k: scalar", "X", lambda A, X, k: np.linalg.det(X) ** k * np.trace(A), X="inv"
)
case("frechet(mpower, X, A, t)*x", f"{SQUARE}; t: scalar; x: n", "t", lambda X, A, t, x: (
    scipy.linalg.fractional_matrix_power(np.block([[X, A], [0 * X, X]]), t)[: len(X), len(X) :] @ x
), X="inv", t="+")  # fmt: skip
case("(A*X)' .* B", "A: m×n; X: n×p; B: p×m", "X", lambda A, X, B: (A @ X).T * B)
case("A*X - X*A' + 2*X", SQUARE, "X", lambda A, X: A @ X - X @ A.T + 2 * X)
case("-X ./ (1 .+ X.^2)", "X: m×n", "X", lambda X: -X / (1 + X**2))
case("t .+ A .- s", "t: scalar; A: m×n; s: scalar", "s", lambda t, A, s: t + A - s)
case("2 A(x + y)/t", "A: m×n; x: n; y: n; t: scalar", "t", lambda A, x, y, t: 2 * A @ (x + y) / t, t="+")
case("x*y'", "x: m; y: n", "y", np.outer)
case("x'*A", "x: m; A: m×n", "x", lambda x, A: (x @ A)[None, :])
case("polar(X)", "X: n×n", "X", lambda X: scipy.linalg.polar(X)[0], X="inv")
case("tr(A*polar(X))", "A: 2×4; X: 4×2", "X", lambda A, X: np.trace(A @ scipy.linalg.polar(X)[0]))
case(
    "sum(exp(eigvals(X^2 + X'^2)))",
    "X: n×n upper",
    "X",
    lambda X: np.sum(np.exp(np.linalg.eigvalsh(X @ X + (X @ X).T))),
)
case("sigma_max(W*(A .* X))", "W: m×m skew; A: m×n; X: m×n", "X", lambda W, A, X: np.linalg.norm(W @ (A * X), 2))
case(
    "logdet(I - W^2)*tr(W*S*W)",
    "W: n×n skew; S: n×n symmetric",
    "W",
    lambda W, S: np.linalg.slogdet(np.eye(len(W)) - W @ W)[1] * np.trace(W @ S @ W),
)
case(
    "norm1(colsum([cosh(x*g'), x*g']*[A; B]))",
    "x: n; g: m; A: m×m; B: m×m",
    "x",
    lambda x, g, A, B: np.abs((np.hstack([np.cosh(np.outer(x, g)), np.outer(x, g)]) @ np.vstack([A, B])).sum(0)).sum(),
)
case("x[n]*B[:,n]'*B[n,:]*x[1]", "x: n; B: n×n", "x", lambda x, B: x[-1] * (B[:, -1] @ B[-1]) * x[0])
case("eigvals(X)", "X: n×n symmetric", "X", np.linalg.eigvalsh)
case("tr(A*eigvecs(X)*diag(eigvals(X).^3)*eigvecs(X)')", "A: n×n; X: n×n symmetric", "X", lambda A, X: (
    np.trace(A @ X @ X @ X)
))  # fmt: skip
case("svdvals(X)", "X: 3×2", "X", lambda X: np.linalg.svd(X, compute_uv=False))
case("sum(eiggaps(x).*A)", "x: 3; A: 3×3", "x", lambda x, A: sum(
    A[i, j] / (x[j] - x[i]) for i in range(3) for j in range(3) if i != j
))  # fmt: skip
case("unkron_left(X, A, 2, 3)", "X: 4×6; A: 2×2", "X", lambda X, A: np.einsum("iajb,ab->ij", X.reshape(2, 2, 3, 2), A))
case("unkron_right(A, X, 2, 2)", "X: 4×6; A: 2×3", "X", lambda X, A: (
    np.einsum("iajb,ij->ab", X.reshape(2, 2, 3, 2), A)
))  # fmt: skip
case("peak(A)'*X", "A: m×n; X: m×p", "X", lambda A, X: (np.abs(A) == np.max(np.abs(A))).T.astype(float) @ X)

# entry by entry

for word, function, where in [
    ("exp", np.exp, ""),
    ("log", np.log, "+"),
    ("sqrt", np.sqrt, "+"),
    ("abs", np.abs, ""),
    ("sign", np.sign, ""),
    ("heaviside", lambda x: np.heaviside(x, 0), ""),
    ("sin", np.sin, ""),
    ("cos", np.cos, ""),
    ("tan", np.tan, "1"),
    ("asin", np.arcsin, "1"),
    ("acos", np.arccos, "1"),
    ("atan", np.arctan, ""),
    ("sinh", np.sinh, ""),
    ("cosh", np.cosh, ""),
    ("tanh", np.tanh, ""),
    ("sigmoid", scipy.special.expit, ""),
    ("softplus", lambda x: np.logaddexp(0, x), ""),
    ("relu", lambda x: np.maximum(x, 0), ""),
    ("erf", scipy.special.erf, ""),
    ("lgamma", scipy.special.gammaln, "+"),
    ("digamma", scipy.special.digamma, "+"),
    ("trigamma", lambda x: scipy.special.polygamma(1, x), "+"),
]:
    case(f"{word}(x)", "x: n", "x", lambda x, f=function: f(x), x=where)
    case(f"A'*{word}(X)", "A: m×p; X: m×n", "X", lambda A, X, f=function: A.T @ f(X), X=where)
    case(f"{word}(t)^2", "t: scalar", "t", lambda t, f=function: f(t) ** 2, t=where)
case("y'*softmax(A*x)", "A: m×n; x: n; y: m", "x", lambda A, x, y: y @ scipy.special.softmax(A @ x))
case("softmax(x)", "x: n", "x", scipy.special.softmax)
case("y'*softmax(x'*A + b')'", "y: n; x: m; A: m×n; b: n", "A", lambda y, x, A, b: y @ scipy.special.softmax(x @ A + b))
case("softmax(x')", "x: n", "x", lambda x: scipy.special.softmax(x)[None, :])
case("tr(B'*softmax(A*X, 2)) + sum(softmax(X, 1).^2)", "A: m×n; X: n×p; B: m×p", "X", lambda A, X, B: (
    np.sum(B * scipy.special.softmax(A @ X, 1)) + np.sum(scipy.special.softmax(X, 0) ** 2)
))  # fmt: skip
case("rowsoftmax(X)*x + colsoftmax(X)*x", "X: m×n; x: n", "X", lambda X, x: (
    (scipy.special.softmax(X, 1) + scipy.special.softmax(X, 0)) @ x
))  # fmt: skip
case("y'*logsumexp(X*A, 2) + logsumexp(X, 1)'*x - sum(A'.*X)", "X: m×n; A: n×m; x: n; y: m", "X", lambda X, A, x, y: (
    y @ scipy.special.logsumexp(X @ A, 1) + scipy.special.logsumexp(X, 0) @ x - np.sum(A.T * X)
))  # fmt: skip
case("rowlogsumexp(X)*collogsumexp(X)'", "X: m×n", "X", lambda X: (
    np.outer(scipy.special.logsumexp(X, 1), scipy.special.logsumexp(X, 0))
))  # fmt: skip
case("max(A*x)^2 + min(x)*max(A)", "A: m×n; x: n", "x", lambda A, x: np.max(A @ x) ** 2 + np.min(x) * np.max(A))
case("max(X) - 2*min(X)", "X: m×n", "X", lambda X: np.max(X) - 2 * np.min(X))
case("max(A*x, y) + min(y, x) + min(x, t).*max(t, y)", "A: n×n; x: n; y: n; t: scalar", "x,t", lambda A, x, y, t: (
    np.maximum(A @ x, y) + np.minimum(y, x) + np.minimum(x, t) * np.maximum(t, y)
))  # fmt: skip
case("sum(min(A*x, 0)) + max(s, t)*min(s, t) + sum(max(x, 1))", "A: m×n; x: n; s: scalar; t: scalar", "x,s", lambda A, x, s, t: (  # noqa: E501
    np.sum(np.minimum(A @ x, 0)) + s * t + np.sum(np.maximum(x, 1))
))  # fmt: skip
case("y'*rowmax(A*X) + colmin(X)'*x", "A: m×n; X: n×p; x: p; y: m", "X", lambda A, X, x, y: (
    y @ (A @ X).max(1) + X.min(0) @ x
))  # fmt: skip
case("rowmin(X)*colmax(X)'", "X: m×n", "X", lambda X: np.outer(X.min(1), X.max(0)))
case("largest(A)'*X + rowlargest(A)'*X", "A: m×n; X: m×p", "X", lambda A, X: (
    ((A.max() == A).astype(float) + (A.max(1)[:, None] == A)).T @ X
))  # fmt: skip
case("polygamma(2, x)", "x: n", "x", lambda x: scipy.special.polygamma(2, x), x="+")
case("sum(max(X*x, 0)) + sum(max(0, x))", "X: m×n; x: n", "x", lambda X, x: (
    np.sum(np.maximum(X @ x, 0)) + np.sum(np.maximum(x, 0))
))  # fmt: skip
case("x.^t", "x: n positive; t: scalar", "x", lambda x, t: x**t)
case("sum(x.^t)", "x: n positive; t: scalar", "t", lambda x, t: np.sum(x**t))
case("sum(X.^A)", "X: m×n positive; A: m×n", "A", lambda X, A: np.sum(X**A))
case("s^t", "s: scalar positive; t: scalar", "t", lambda s, t: s**t)
case(
    "sum(x .* x.^a + x.^a .* x.^b ./ x)",
    "x: n positive; a: n; b: n",
    "x",
    lambda x, a, b: np.sum(x ** (a + 1) + x ** (a + b - 1)),
)
case(
    "sum(x.^a .* x)*t^(s + 1)*t^s*t",
    "x: n positive; a: n; t: scalar positive; s: scalar",
    "t",
    lambda x, a, t, s: np.sum(x ** (a + 1)) * t ** (2 * s + 2),
)
case("1 ./ x + x.^-1.5", "x: n", "x", lambda x: 1 / x + x**-1.5, x="+")
case("σ(x) ⊙ x", "x: n", "x", lambda x: scipy.special.expit(x) * x)
case("sum(log(1 .+ exp(-y .* (A*x))))", "y: m; A: m×n; x: n", "x", lambda y, A, x: (
    np.sum(np.logaddexp(0, -y * (A @ x)))
))  # fmt: skip

# indexing, constants

case("x[2]*x", "x: n", "x", lambda x: x[1] * x)
case("A[1,2]*X[2,1] + X[1,:]'*x", "A: m×n; X: m×n; x: n", "X", lambda A, X, x: A[0, 1] * X[1, 0] + X[0] @ x)
case("X[:,2] + X[:,1]*t", "X: m×n; t: scalar", "X", lambda X, t: X[:, 1] + X[:, 0] * t)
case("inv(X)[1,2]", "X: n×n", "X", lambda X: np.linalg.inv(X)[0, 1], X="inv")
case("A*X[1:2,2:n]", "A: m×2; X: m×n", "X", lambda A, X: A @ X[:2, 1:])
case("norm(x[2:3])^2*x", "x: n", "x", lambda x: np.sum(x[1:3] ** 2) * x)
case("x'*e(n,2) + sum(x)*ones(n)'*x", "x: n", "x", lambda x: x[1] + np.sum(x) ** 2)
case("X + eye(n) + ones(n,n) - zeros(n,n)*X", "X: n×n", "X", lambda X: X + np.eye(len(X)) + 1)
case("K(m,n)*vec(X)", "X: m×n", "X", lambda X: X.T.ravel(order="F"))
case("vector(1)'*A*x", "A: m×n; x: n", "x", lambda A, x: np.sum(A @ x))
case("norm(X - matrix(1))^2", "X: m×n", "X", lambda X: np.sum((X - 1) ** 2))
case("x'*D(2)*y", "x: 4; y: 3", "y", lambda x, y: x @ np.array([y[0], y[1], y[1], y[2]]))

# definitions

case("r = A*x - b\nr'*r/2", "A: m×n; x: n; b: m", "x", lambda A, x, b: np.sum((A @ x - b) ** 2) / 2)
case("B = X*A; C = B*B'; tr(C) + logdet(C + eye(m))", "X: m×n; A: n×p", "X", lambda X, A: (
    np.sum((X @ A) ** 2) + np.linalg.slogdet(X @ A @ A.T @ X.T + np.eye(len(X)))[1]
))  # fmt: skip
case(
    "s(t) = t/(1+exp(-t)); sum(s(X*x))", "X: m×n; x: n", "X", lambda X, x: np.sum((X @ x) * scipy.special.expit(X @ x))
)
case("u = X*x; v = u + u; v*v'", "X: m×n; x: n", "x", lambda X, x: 4 * np.outer(X @ x, X @ x))
case("f = x'*x; f*log(f)", "x: n", "x", lambda x: x @ x * np.log(x @ x))

# structured variables

case("tr(A*X) + logdet(X)", "A: n×n; X: n×n spd", "X", lambda A, X: np.trace(A @ X) + np.linalg.slogdet(X)[1])
case("x'*S*x", "x: n; S: n×n symmetric", "S", lambda x, S: x @ S @ x)
case("tr(A*S*A'*S)", "A: n×n; S: n×n symmetric", "S", lambda A, S: np.trace(A @ S @ A.T @ S))
case("tr(A*W*W)", "A: n×n; W: n×n skew", "W", lambda A, W: np.trace(A @ W @ W))
case("det(B + D*A)", "A: n×n; B: n×n; D: n×n diagonal", "D", lambda A, B, D: np.linalg.det(B + D @ A))
case("norm(A*L*L')^2", "A: n×n; L: n×n lower", "L", lambda A, L: np.sum((A @ L @ L.T) ** 2))
case("tr(A*inv(U))", "A: n×n; U: n×n upper", "U", lambda A, U: np.trace(A @ np.linalg.inv(U)), U="inv")
case("tr(A*Q*B*Q')", "A: n×n; B: n×n; Q: n×n orthogonal", "Q", lambda A, B, Q: (
    np.trace(A @ Q @ B @ Q.T)
), lacks="hessian")  # fmt: skip
case("x'*A*x", "A: n×n symmetric; x: n unit", "x", lambda A, x: x @ A @ x)
case("sum(log(x)) + logdet(D)", "x: n positive; D: n×n diagonal positive", "D", lambda x, D: (
    np.sum(np.log(x)) + np.sum(np.log(np.diag(D)))
))  # fmt: skip
case("A*S*A'", "A: m×n; S: n×n symmetric", "S", lambda A, S: A @ S @ A.T)
case("inv(S)", "S: n×n spd", "S", np.linalg.inv)

# several variables

case("norm(X - U*V')^2", "X: m×n; U: m×p; V: n×p", "U,V", lambda X, U, V: np.sum((X - U @ V.T) ** 2))
case("x'*A*x + t^2*b'*x", "x: n; A: n×n; t: scalar; b: n", "x,A,t", lambda x, A, t, b: x @ A @ x + t**2 * b @ x)
case("t*A*x", "t: scalar; A: m×n; x: n", "t,A,x", lambda t, A, x: t * A @ x)
case("logdet(S) + x'*inv(S)*x", "S: n×n spd; x: n", "S,x", lambda S, x: (
    np.linalg.slogdet(S)[1] + x @ np.linalg.solve(S, x)
))  # fmt: skip

# factors, eigenvectors by their indices, the normal law


def singular_vectors(X: Any) -> tuple[Any, Any]:
    """U and V, with the largest entries of the columns of V positive."""
    U, _, Vt = np.linalg.svd(X, full_matrices=False)
    signs = np.array([np.sign(v[np.argmax(np.abs(v))]) for v in Vt])
    return U * signs, Vt.T * signs


def positive_qr(X: Any) -> tuple[Any, Any]:
    """By the Cholesky factor of X'X."""
    if len(X) < X.shape[1]:
        raise np.linalg.LinAlgError("the columns are not independent")
    R = np.linalg.cholesky(X.T @ X).T
    return X @ np.linalg.inv(R), R


def log_density(x: Any, m: Any, S: Any) -> Any:
    """Of the normal law with mean m and covariance S."""
    r = x - m
    return -(len(x) * np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + r @ np.linalg.solve(S, r)) / 2


case("(x'*eigvec(X, 2))^2", "x: n; X: n×n symmetric", "X", lambda x, X: (x @ np.linalg.eigh(X)[1][:, 1]) ** 2)
case("eigval(X, n - 1)*sigma(A, n - 1)", "A: n×n; X: n×n symmetric", "X", lambda A, X: (
    np.linalg.eigvalsh(X)[1] * np.linalg.svd(A)[1][1]
))  # fmt: skip
case("tr(A*reduced_resolvent(X, 1))", "A: n×n; X: n×n symmetric", "X", lambda A, X: (
    np.trace(A @ np.linalg.pinv(np.linalg.eigvalsh(X)[0] * np.eye(len(X)) - X, rcond=1e-9))
))  # fmt: skip
case("svd_U(X)*A", "X: 4×2; A: 2×2", "X", lambda X, A: singular_vectors(X)[0] @ A)
case("tr(A*svd_U(X)) + tr(B*svd_V(X))", "X: 4×2; A: 2×4; B: 2×2", "X", lambda X, A, B: (
    np.trace(A @ singular_vectors(X)[0]) + np.trace(B @ singular_vectors(X)[1])
))  # fmt: skip
case("tr(A*lu_L(X)) + norm(lu_U(X))^2", SQUARE, "X", lambda A, X: (
    np.trace(A @ scipy.linalg.lu(X)[1]) + np.sum(scipy.linalg.lu(X)[2] ** 2)
), X="inv")  # fmt: skip
case("lu_L(X)*x", "X: n×n; x: n", "X", lambda X, x: scipy.linalg.lu(X)[1] @ x, X="inv")
case("tr(A*qr_Q(X)) + sum(qr_R(X).^3)", "A: n×p; X: p×n", "X", lambda A, X: (
    np.trace(A @ positive_qr(X)[0]) + np.sum(positive_qr(X)[1] ** 3)
))  # fmt: skip
case("qr_Q(X)*x", "X: p×n; x: n", "X", lambda X, x: positive_qr(X)[0] @ x)
case("y'*normcdf(A*x)", "A: m×n; x: n; y: m", "x", lambda A, x, y: y @ scipy.special.ndtr(A @ x))
case("lognormalpdf(A*x, y, S)", "A: m×n; x: n; y: m; S: m×m spd", "x,S", lambda A, x, y, S: log_density(A @ x, y, S))
case("normalpdf(x, y, S)", "x: n; y: n; S: n×n spd", "x,S", lambda x, y, S: np.exp(log_density(x, y, S)))
