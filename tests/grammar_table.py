"""The productions of the random generator: how an expression is written, and what NumPy says it is.

A goal is a kind with dimensions: `s` a scalar, `v n` a vector, `M m n` a matrix; `+` has positive entries, `1`
entries between -1 and 1; `sym`, `spd` and `inv` are symmetric, positive definite and well-conditioned matrices.
In a template `{0:2}` is the first part, in parentheses unless it binds at least as tightly as level 2:
sums 1, products 2, minus 3, powers 4, postfix 5, atoms 6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.special

SUM, PRODUCT, MINUS, POWER, POSTFIX, ATOM = range(1, 7)


@dataclass(frozen=True)
class Production:
    """`goal` is made of `parts` by `template`; `value` takes the parts' arrays, after the sizes it asks for."""

    goal: tuple[str, ...]
    template: str
    parts: tuple[tuple[str, ...], ...]
    value: Callable[..., Any]
    level: int = ATOM
    sizes: tuple[str, ...] = ()
    weight: float = 1.0


def rule(
    goal: str,
    template: str,
    parts: str,
    value: Any,
    level: int = ATOM,
    sizes: str = "",
    weight: float = 1.0,
) -> Production:
    split = tuple(tuple(p.split()) for p in parts.split(",") if p.strip())
    return Production(tuple(goal.split()), template, split, value, level, tuple(sizes), weight)


ELEMENTWISE: list[tuple[str, str, str, Callable[..., Any]]] = [
    ("exp({0})", "1", "+", np.exp),
    ("log({0})", "+", "", np.log),
    ("sqrt({0})", "+", "+", np.sqrt),
    ("abs({0})", "", "", np.abs),
    ("sign({0})", "", "", np.sign),
    ("sin({0})", "", "1", np.sin),
    ("cos({0})", "", "1", np.cos),
    ("tan({0})", "1", "", np.tan),
    ("asin({0})", "1", "", np.arcsin),
    ("acos({0})", "1", "", np.arccos),
    ("atan({0})", "", "", np.arctan),
    ("sinh({0})", "1", "", np.sinh),
    ("cosh({0})", "1", "+", np.cosh),
    ("tanh({0})", "", "1", np.tanh),
    ("sigmoid({0})", "", "+", scipy.special.expit),
    ("softplus({0})", "", "+", lambda x: np.logaddexp(0, x)),
    ("relu({0})", "", "", lambda x: np.maximum(x, 0)),
    ("max({0}, 0)", "", "", lambda x: np.maximum(x, 0)),
    ("erf({0})", "", "1", scipy.special.erf),
    ("lgamma({0})", "+", "", scipy.special.gammaln),
    ("digamma({0})", "+", "", scipy.special.digamma),
    ("trigamma({0})", "+", "+", lambda x: scipy.special.polygamma(1, x)),
    ("polygamma(2, {0})", "+", "", lambda x: scipy.special.polygamma(2, x)),
    ("swish({0})", "", "", lambda x: x * scipy.special.expit(x)),
]
"""Text, the sign that the argument needs, the sign of the value, and the function."""

ENTRYWISE: list[tuple[str, str, str, Callable[..., Any], int, float]] = [
    ("{0:1} + {1:2}", "", "", lambda a, b: a + b, SUM, 3.0),
    ("{0:1} - {1:2}", "", "", lambda a, b: a - b, SUM, 2.0),
    ("-{0:3}", "", "", lambda a: -a, MINUS, 1.0),
    ("{0:2} .* {1:3}", "", "", lambda a, b: a * b, PRODUCT, 2.0),
    ("{0:2} ./ {1:3}", " +", "", lambda a, b: a / b, PRODUCT, 1.0),
    ("{0:5}.^2", "", "", lambda a: a**2, POWER, 1.0),
    ("{0:5}.^-1", "+", "+", lambda a: 1 / a, POWER, 0.5),
    ("{0:5}.^1.5", "+", "+", lambda a: a**1.5, POWER, 0.5),
    ("{0:5}.^{1:5}", "+1", "+", lambda a, b: a**b, POWER, 0.5),
    ("1 .+ {0:5}.^2", "", "+", lambda a: 1 + a**2, SUM, 0.7),
    ("1 ./ (2 .+ {0:2})", "1", "+", lambda a: 1 / (2 + a), PRODUCT, 0.7),
]
"""Sums and products of equal shapes; the signs of the parts, one character each."""

SHAPES = {"s": "s", "v": "v n", "M": "M m n"}


def entrywise() -> list[Production]:
    found = []
    for letter, shape in SHAPES.items():
        dims = shape[1:]
        for template, needs, gives, value in ELEMENTWISE:
            found.append(rule(f"{letter}{gives}{dims}", template, f"{letter}{needs}{dims}", value, weight=0.25))
        for text, signs, gives, function, level, weight in ENTRYWISE:
            arity = text.count(":")
            parts = ",".join(letter + sign.strip() + dims for sign in (signs or " " * arity).ljust(arity))
            found.append(rule(f"{letter}{gives}{dims}", text, parts, function, level, weight=weight))
    return found


def bordered(A: Any, x: Any, y: Any, s: Any) -> Any:
    return np.block([[A, x[:, None]], [y[None, :], np.array([[s]])]])


def eig(S: Any) -> Any:
    return np.linalg.eigvalsh((S + S.T) / 2)


SCALARS = [
    rule("s", "tr({0})", "M n n", np.trace, weight=3),
    rule("s", "sum({0})", "M m n", np.sum),
    rule("s", "sum({0})", "v n", np.sum),
    rule("s", "mean({0})", "M m n", np.mean),
    rule("s", "mean({0})", "v n", np.mean, weight=0.5),
    rule("s", "det({0})", "M1 n n", np.linalg.det),
    rule("s", "det({0})", "inv n n", np.linalg.det),
    rule("s", "logdet({0})", "spd n n", lambda S: np.linalg.slogdet(S)[1], weight=2),
    rule("s", "log(det({0}))", "spd n n", lambda S: np.linalg.slogdet(S)[1]),
    rule("s", "norm({0})", "v n", np.linalg.norm),
    rule("s", "norm({0})", "M m n", np.linalg.norm),
    rule("s", "norm2({0})", "v n", np.linalg.norm, weight=0.3),
    rule("s", "normF({0})^2", "M m n", lambda A: np.sum(A * A), POWER),
    rule("s", "‖{0}‖²", "v n", lambda x: x @ x, POWER),
    rule("s", "‖{0}‖_F", "M m n", np.linalg.norm, weight=0.5),
    rule("s", "‖{0}‖_1", "v n", lambda x: np.sum(np.abs(x)), weight=0.5),
    rule("s", "norm1({0})", "M m n", lambda x: np.sum(np.abs(x)), weight=0.5),
    rule("s", "norminf({0})", "M m n", lambda x: np.max(np.abs(x)), weight=0.5),
    rule("s", "norminf({0})", "v n", lambda x: np.max(np.abs(x)), weight=0.3),
    rule("s", "logsumexp({0})", "M m n", scipy.special.logsumexp),
    rule("s", "logsumexp({0})", "v n", scipy.special.logsumexp),
    rule("s", "nuclear({0})", "M n n", lambda A: np.linalg.norm(A, "nuc"), weight=0.5),
    rule("s", "<{0}, {1}>", "M m n, M m n", np.vdot),
    rule("s", "<{0}, {1}>", "v n, v n", np.vdot, weight=0.5),
    rule("s", "{0:5}'*{1:3}", "v n, v n", np.vdot, PRODUCT, weight=2),
    rule("s", "{0:5}' * {1:3} * {2:3}", "v m, M m n, v n", lambda x, A, y: x @ A @ y, PRODUCT, weight=2),
    rule("s", "lambda_max({0})", "sym n n", lambda S: eig(S)[-1]),
    rule("s", "lambda_min({0})", "sym n n", lambda S: eig(S)[0]),
    rule("s", "eigval({0}, 2)", "sym n n", lambda S: eig(S)[1]),
    rule("s", "sigma_max({0})", "M m n", lambda A: np.linalg.norm(A, 2)),
    rule("s", "sigma({0}, 2)", "M n n", lambda A: np.linalg.svd(A, compute_uv=False)[1], weight=0.5),
    rule("s", "cond2({0})", "inv n n", np.linalg.cond, weight=0.5),
    rule("s", "tr(kron({0}, {1}))", "M n n, M m m", lambda A, B: np.trace(A) * np.trace(B), weight=0.5),
    rule("s", "norm({0:2} ⊗ {1:3})", "v n, v m", lambda x, y: np.linalg.norm(x) * np.linalg.norm(y), weight=0.5),
    rule(
        "s",
        "vec({0})' * kron({1}, {2}) * vec({3})",
        "M n m, M m m, M n n, M n m",
        lambda V, A, B, W: np.sum(V * (B @ W @ A.T)),
        PRODUCT,
        weight=0.6,
    ),
    rule("s", "kron({0}, {1})' * vec({2})", "v n, v m, M m n", lambda x, y, A: y @ A @ x, PRODUCT, weight=0.6),
    rule("s", "tr(K({m},{n}) * kron({0}, {1}))", "M n m, M m n", lambda A, B: np.trace(A @ B), weight=0.5),
    rule("s", "norm([{0}, {1}; {2:5}', {3}])", "M m n, v m, v n, s", lambda *b: np.linalg.norm(bordered(*b))),
    rule("s", "logsumexp([{0}; {1}; {0:2}*{1:3}])", "s, s", lambda a, b: np.logaddexp(np.logaddexp(a, b), a * b)),
    rule("s", "norm(sym({0})[1:2,1:2])", "M n n", lambda A: np.linalg.norm((A + A.T)[:2, :2] / 2)),
    rule("s", "tanh({0})[2]", "v n", lambda x: np.tanh(x[1])),
    rule("s", "sym({0})[1,2]", "M n n", lambda A: (A[0, 1] + A[1, 0]) / 2),
    rule("s", "vcat({0}, {1})[2:3]' * [1; 2]", "v n, v m", lambda x, y: np.concatenate([x, y])[1:3] @ [1, 2], PRODUCT),
    rule("s", "{n} * {0:3}", "s", lambda n, s: n * s, PRODUCT, "n", weight=0.5),
    rule("s", "{0:2} {1:6}", "s, s", lambda a, b: a * b, PRODUCT),
    rule("s", "{0:2} * {1:3}", "s, s", lambda a, b: a * b, PRODUCT),
    rule("s", "{0:2} / {1:3}", "s, s+", lambda a, b: a / b, PRODUCT),
    rule("s", "{0:5}^2", "s", lambda a: a**2, POWER),
    rule("s", "{0:5}^3", "s", lambda a: a**3, POWER, weight=0.5),
    rule("s", "{0:5}^{1:5}", "s+, s1", lambda a, b: a**b, POWER, weight=0.5),
    rule("s+", "{0:5}^-1.5", "s+", lambda a: a**-1.5, POWER, weight=0.5),
    rule("s+", "1 + {0:5}^2", "s", lambda a: 1 + a**2, SUM),
    rule("s+", "1 + norm({0})^2", "v n", lambda x: 1 + x @ x, SUM),
    rule("s+", "2 + norm({0})", "M m n", lambda A: 2 + np.linalg.norm(A), SUM),
    rule("s+", "tr({0})", "spd n n", np.trace),
    rule("s+", "det({0})", "spd n n", np.linalg.det),
    rule("s+", "sum({0})", "v+ n", np.sum),
    rule("s+", "{0:2} * {1:3}", "s+, s+", lambda a, b: a * b, PRODUCT),
    rule("s+", "{0:5}' * {1:3} * {0:3}", "v+ n, spd n n", lambda x, S: x @ S @ x, PRODUCT, weight=0.5),
    rule("s1", "{0:2} / (1 + {0:5}^2)", "s", lambda a: a / (1 + a * a), PRODUCT),
    rule("s1", "0.5", "", lambda: 0.5),
    rule("s+", "pi", "", lambda: np.pi, weight=0.3),
    rule("s+", "2/3", "", lambda: 2 / 3, PRODUCT),
    rule("s+", "3", "", lambda: 3.0),
]

VECTORS = [
    rule("v m", "{0:2} * {1:3}", "M m n, v n", lambda A, x: A @ x, PRODUCT, weight=3),
    rule("v m", "{0:2} {1:6}", "M m n, v n", lambda A, x: A @ x, PRODUCT),
    rule("v n", "{0:5}' * {1:3}", "M m n, v m", lambda A, x: A.T @ x, PRODUCT),
    rule("v n", "{0:2} \\ {1:3}", "inv n n, v n", np.linalg.solve, PRODUCT),
    rule("v n", "{0:2} * {1:3}", "s, v n", lambda s, x: s * x, PRODUCT),
    rule("v n", "{0:2} / {1:3}", "v n, s+", lambda x, s: x / s, PRODUCT),
    rule("v n", "{0:1} .+ {1:2}", "s, v n", lambda s, x: s + x, SUM),
    rule("v n", "{0:1} .- {1:2}", "v n, s", lambda x, s: x - s, SUM),
    rule("v n", "diag({0})", "M n n", lambda A: np.diag(A).copy()),
    rule("v m", "rowsum({0})", "M m n", lambda A: A.sum(1)),
    rule("v n", "colsum({0})", "M m n", lambda A: A.sum(0)),
    rule("v n", "eigvals({0})", "sym n n", eig),
    rule("v n", "svdvals({0})", "M n n", lambda A: np.linalg.svd(A, compute_uv=False), weight=0.5),
    rule("v n", "sym({0})[:,1]", "M n n", lambda A: (A + A.T)[:, 0] / 2, weight=0.5),
    rule("v n", "tanh({0})[2,:]", "M m n", lambda A: np.tanh(A[1]), weight=0.5),
    rule(
        "v m",
        "[{0}, {1}] * [{2}; {3}]",
        "M m n, M m p, v n, v p",
        lambda A, B, x, y: A @ x + B @ y,
        PRODUCT,
    ),
    rule("v n", "vcat({0}, {1})[1:{n}]", "v n, v m", lambda x, y: x, weight=0.5),
    rule("v n", "{0:2} * e({n},2)", "M n n", lambda A: A[:, 1], PRODUCT, weight=0.5),
    rule("v+ n", "softmax({0})", "v n", scipy.special.softmax),
    rule("v+ n", "ones({n})", "", lambda n: np.ones(n), sizes="n", weight=0.5),
    rule("v+ n", "{0:2} * {1:3}", "s+, v+ n", lambda s, x: s * x, PRODUCT),
    rule("v+ n", "{0:2} * {1:3}", "M+ n m, v+ m", lambda A, x: A @ x, PRODUCT),
    rule("v1 n", "{0:2} / (1 + norm({0}))", "v n", lambda x: x / (1 + np.linalg.norm(x)), PRODUCT),
]

MATRICES = [
    rule("M m n", "{0:2} * {1:3}", "M m p, M p n", lambda A, B: A @ B, PRODUCT, weight=3),
    rule("M m n", "{0:2} {1:6}", "M m p, M p n", lambda A, B: A @ B, PRODUCT),
    rule("M m n", "{0:5}'", "M n m", lambda A: A.T, POSTFIX, weight=2),
    rule("M m n", "{0:5}ᵀ * {1:3}", "M p m, M p n", lambda A, B: A.T @ B, PRODUCT),
    rule("M m n", "{0:2} * {1:3}", "s, M m n", lambda s, A: s * A, PRODUCT),
    rule("M m n", "{0:2} / {1:3}", "M m n, s+", lambda A, s: A / s, PRODUCT),
    rule("M m n", "{0:1} .+ {1:2}", "s, M m n", lambda s, A: s + A, SUM),
    rule("M m n", "{0:2} * {1:5}'", "v m, v n", np.outer, PRODUCT),
    rule("M m n", "Diag({0}) * {1:3}", "v m, M m n", lambda v, A: v[:, None] * A, PRODUCT),
    rule("M m n", "{0:2} * diag({1})", "M m n, v n", lambda A, v: A * v, PRODUCT),
    rule("M m n", "{0:2} \\ {1:3}", "inv m m, M m n", np.linalg.solve, PRODUCT),
    rule("M m n", "ones({m},{n})", "", lambda m, n: np.ones((m, n)), sizes="mn", weight=0.3),
    rule("M m n", "unvec(vec({0}), {m}, {n})", "M m n", lambda A: A, weight=0.5),
    rule("M m n", "unvec(kron({0}, {1}), {m}, {n})", "v n, v m", lambda x, y: np.outer(y, x), weight=0.5),
    rule("M m n", "[{0}, {1}] * [{2}; {3}]", "M m n, M m p, M n n, M p n", lambda A, B, C, D: A @ C + B @ D, PRODUCT),
    rule(
        "M m n",
        "sylvester({0}, {1}, {2})",
        "spd m m, spd n n, M m n",
        scipy.linalg.solve_sylvester,
        weight=0.5,
    ),
    rule("M n n", "inv({0})", "inv n n", np.linalg.inv, weight=2),
    rule("M n n", "{0:5}⁻¹", "inv n n", np.linalg.inv, POSTFIX),
    rule("M n n", "{0:5}^-T", "inv n n", lambda A: np.linalg.inv(A).T, POSTFIX, weight=0.5),
    rule("M n n", "expm({0})", "M1 n n", scipy.linalg.expm),
    rule("M n n", "{0:6}^2", "M n n", lambda A: A @ A, POWER),
    rule("M n n", "{0:6}^3", "M1 n n", lambda A: A @ A @ A, POWER, weight=0.5),
    rule("M n n", "{0:6}^-2", "inv n n", lambda A: np.linalg.inv(A @ A), POWER, weight=0.5),
    rule("M n n", "adj({0})", "inv n n", lambda A: np.linalg.det(A) * np.linalg.inv(A), weight=0.5),
    rule("M n n", "cof({0})", "inv n n", lambda A: np.linalg.det(A) * np.linalg.inv(A).T, weight=0.5),
    rule("M n n", "pinv({0})", "inv n n", np.linalg.pinv, weight=0.5),
    rule("M n n", "polar({0})", "inv n n", lambda A: scipy.linalg.polar(A)[0], weight=0.3),
    rule("M n n", "tril({0})", "M n n", np.tril),
    rule("M n n", "triu({0})", "M n n", np.triu),
    rule("M n n", "skew({0})", "M n n", lambda A: (A - A.T) / 2),
    rule("M n n", "chol({0})", "spd n n", np.linalg.cholesky),
    rule(
        "M n n",
        "frechet(expm, {0}, {1})",
        "M1 n n, M1 n n",
        lambda A, V: scipy.linalg.expm_frechet(A, V, compute_expm=False),
        weight=0.3,
    ),
    rule("sym n n", "{0:1} + {0:5}'", "M n n", lambda A: A + A.T, SUM),
    rule("sym n n", "sym({0})", "M n n", lambda A: (A + A.T) / 2),
    rule("sym n n", "{0:2} * {0:5}'", "M n m", lambda A: A @ A.T, PRODUCT),
    rule("sym n n", "{0:2} * {0:5}'", "v n", lambda x: np.outer(x, x), PRODUCT),
    rule("sym n n", "{0:5}' * {1:3} * {0:3}", "M m n, sym m m", lambda A, S: A.T @ S @ A, PRODUCT),
    rule("sym n n", "{0:1} - {1:2}", "sym n n, sym n n", lambda A, B: A - B, SUM),
    rule("sym n n", "Diag({0})", "v n", np.diag),
    rule("sym n n", "Diag({0})", "M n n", lambda A: np.diag(np.diag(A))),
    rule("sym n n", "logm({0})", "spd n n", lambda S: scipy.linalg.logm(S).real),
    rule("sym n n", "{0:2} * {1:3}", "s, sym n n", lambda s, A: s * A, PRODUCT),
    rule("inv n n", "expm({0})", "M1 n n", scipy.linalg.expm),
    rule(
        "inv n n",
        "eye({n}) + {0:2} / (2 + 2*norm({0}))",
        "M n n",
        lambda n, A: np.eye(n) + A / (2 + 2 * np.linalg.norm(A)),
        SUM,
        "n",
    ),
    rule("inv n n", "3*eye({n}) + {0:2}", "M1 n n", lambda n, A: 3 * np.eye(n) + A, SUM, "n"),
    rule("spd n n", "eye({n}) + {0:2} * {0:5}'", "M n m", lambda n, A: np.eye(n) + A @ A.T, SUM, "n", weight=2),
    rule("spd n n", "{0:1} + {1:2} * {1:5}'", "spd n n, v n", lambda S, x: S + np.outer(x, x), SUM),
    rule("spd n n", "{0:1} + {1:2}", "spd n n, spd n n", lambda A, B: A + B, SUM),
    rule("spd n n", "inv({0})", "spd n n", np.linalg.inv),
    rule("spd n n", "sqrtm({0})", "spd n n", lambda S: scipy.linalg.sqrtm(S).real),
    rule("spd n n", "{0:6}^(1/2)", "spd n n", lambda S: scipy.linalg.sqrtm(S).real, POWER, weight=0.3),
    rule("spd n n", "{0:2} * {1:3}", "s+, spd n n", lambda s, S: s * S, PRODUCT),
    rule("spd n n", "{0:2} .* {1:3}", "spd n n, spd n n", lambda A, B: A * B, PRODUCT, weight=0.5),
    rule("spd n n", "{0:5}' * {1:3} * {0:3}", "inv n n, spd n n", lambda A, S: A.T @ S @ A, PRODUCT),
    rule("spd n n", "Diag({0})", "v+ n", np.diag),
    rule("spd n n", "eye({n})", "", np.eye, sizes="n", weight=0.3),
    rule("M1 m n", "{0:2} / (1 + norm({0}))", "M m n", lambda A: A / (1 + np.linalg.norm(A)), PRODUCT),
]

PRODUCTIONS = [p for p in (*entrywise(), *SCALARS, *VECTORS, *MATRICES) if p.weight]

SUBKINDS = {
    "s": ("s", "s+", "s1"),
    "v": ("v", "v+", "v1"),
    "M": ("M", "M+", "M1", "sym", "spd", "inv"),
    "sym": ("sym", "spd"),
    "inv": ("inv", "spd"),
}
"""What a goal is also reached by."""
