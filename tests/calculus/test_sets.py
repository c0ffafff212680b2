"""Curved sets: gradients and Hessians against formulas written by hand, and against Pymanopt with its autodiff."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.codegen.evaluate import evaluate
from matdiff.core.node import symbol
from matdiff.core.op import differential_symbol
from matdiff.core.shape import Dim
from matdiff.ops.sets import AFFINE, CURVED, CurvedSet
from matdiff.verify import sets
from matdiff.verify.convergence import taylor

Array = Any
rng = np.random.default_rng(7)
n, p = 5, 2


def sym(M: Array) -> Array:
    return (M + M.T) / 2


def spd(k: int) -> Array:
    M = rng.normal(size=(k, k))
    return M @ M.T / k + np.eye(k)


A, D, E = sym(rng.normal(size=(n, n))), spd(n), spd(n)
B, C, Q = rng.normal(size=(4, n)), rng.normal(size=(4, p)), rng.normal(size=(n, n))
N, Y, Z = np.diag([2.0, 1.0]), rng.normal(size=(n, 7)), rng.normal(size=(p, 7))
b, M = rng.normal(size=n), Y @ Y.T
inv, diag = np.linalg.inv, np.diag


def orthonormal(k: int) -> Array:
    return np.linalg.qr(rng.normal(size=(n, k)))[0]


def unit_columns(rows: int, cols: int) -> Array:
    X = rng.normal(size=(rows, cols))
    return X / np.linalg.norm(X, axis=0)


def stiefel(X: Array, Z: Array) -> Array:
    return Z - X @ sym(X.T @ Z)


BY_HAND: dict[str, tuple[Callable[..., Array], Callable[..., Array], Callable[..., Array]]] = {
    "unit": (
        lambda x, z: z - x * (x @ z),
        lambda x, g: g - x * (x @ g),
        lambda x, v, g, h: h - x * (x @ h) - (x @ g) * v,
    ),
    "orthonormal": (stiefel, stiefel, lambda X, V, G, H: stiefel(X, H - V @ sym(X.T @ G))),
    "orthogonal": (stiefel, stiefel, lambda X, V, G, H: stiefel(X, H - V @ sym(X.T @ G))),
    "grassmann": (
        lambda X, Z: Z - X @ X.T @ Z,
        lambda X, G: G - X @ X.T @ G,
        lambda X, V, G, H: H - X @ X.T @ H - V @ X.T @ G,
    ),
    "unit columns": (
        lambda X, Z: Z - X @ diag(diag(X.T @ Z)),
        lambda X, G: G - X @ diag(diag(X.T @ G)),
        lambda X, V, G, H: H - X @ diag(diag(X.T @ H)) - V @ diag(diag(X.T @ G)),
    ),
    "simplex": (lambda x, z: z - z.mean(), lambda x, g: g - g.mean(), lambda x, v, g, h: h - h.mean()),
    "spd": (
        lambda S, Z: sym(Z),
        lambda S, G: S @ sym(G) @ S,
        lambda S, V, G, H: S @ sym(H) @ S + sym(V @ sym(G) @ S),
    ),
}
"""Projection of a direction, gradient and Hessian from those of all of space: AMS 2008, Boumal 2023."""

POINTS: dict[str, Callable[[], Array]] = {
    "unit": lambda: unit_columns(n, 1)[:, 0],
    "orthonormal": lambda: orthonormal(p),
    "grassmann": lambda: orthonormal(p),
    "orthogonal": lambda: orthonormal(n),
    "unit columns": lambda: unit_columns(n, p),
    "simplex": lambda: rng.dirichlet(np.ones(n)) * 0.9 + 0.1 / n,
    "spd": lambda: spd(n),
}


@dataclass(frozen=True)
class Problem:
    """A function on a set, its gradient and Hessian in all of space by hand, and the function in a NumPy-like xp."""

    name: str
    word: str
    text: str
    arrays: dict[str, Array]
    G: Callable[[Array], Array]
    H: Callable[[Array, Array], Array]
    cost: Callable[[Any, Array], Any] | None = None

    @property
    def derivation(self) -> md.Derivation:
        shape = "n" if self.word in ("unit", "simplex") else "n×n" if self.word in ("orthogonal", "spd") else "n×p"
        said = {"A": "n×n symmetric", "D": "n×n spd", "E": "n×n spd", "N": "p×p diagonal", "L": "p×p symmetric"}
        lets = [f"{name}: {said[name]}" for name in self.arrays if name in said] + [f"X: {shape} {self.word}"]
        metric = "affine" if self.word == "spd" else "euclidean"
        return md.derive(self.text, wrt="X", declare=lets, metric=metric)


def log_distance(S: Array) -> tuple[Array, Array, Array]:
    """Eigenvalues and vectors of D S D, and log."""
    w, q = np.linalg.eigh(D @ S @ D)
    return w, q, 2 * np.log(w) / w


def karcher_H(S: Array, V: Array) -> Array:
    w, q, g = log_distance(S)
    slope = 2 * (1 - np.log(w)) / w**2
    apart = w[:, None] - w[None, :] + np.eye(n)
    K = (g[:, None] - g[None, :]) / apart + diag(slope)
    return D @ q @ (K * (q.T @ D @ V @ D @ q)) @ q.T @ D


def karcher_G(S: Array) -> Array:
    _, q, g = log_distance(S)
    return D @ q @ diag(g) @ q.T @ D


def ratio_G(X: Array) -> Array:
    a, d = np.trace(X.T @ A @ X), np.trace(X.T @ D @ X)
    return 2 * A @ X / d - 2 * a * D @ X / d**2


def ratio_H(X: Array, V: Array) -> Array:
    a, d = np.trace(X.T @ A @ X), np.trace(X.T @ D @ X)
    da, dd = 2 * np.trace(X.T @ A @ V), 2 * np.trace(X.T @ D @ V)
    first = 2 * A @ V / d - 2 * A @ X * dd / d**2
    return first - 2 * (da * D @ X + a * D @ V) / d**2 + 4 * a * dd * D @ X / d**3


L = sym(rng.normal(size=(p, p)))
PROBLEMS = [
    Problem("pca", "orthonormal", "-tr(X'*A*X)", {"A": A}, lambda X: -2 * A @ X, lambda X, V: -2 * A @ V,
            lambda xp, X: -xp.trace(X.T @ A @ X)),
    Problem("pca-subspace", "grassmann", "-tr(X'*A*X)", {"A": A}, lambda X: -2 * A @ X, lambda X, V: -2 * A @ V,
            lambda xp, X: -xp.trace(X.T @ A @ X)),
    Problem("rayleigh", "unit", "X'*A*X", {"A": A}, lambda x: 2 * A @ x, lambda x, v: 2 * A @ v,
            lambda xp, x: x @ A @ x),
    Problem("procrustes", "orthonormal", "norm(B*X - C)^2", {"B": B, "C": C}, lambda X: 2 * B.T @ (B @ X - C),
            lambda X, V: 2 * B.T @ B @ V, lambda xp, X: xp.sum((B @ X - C) ** 2)),
    Problem("rotation", "orthogonal", "norm(B*X - Q)^2", {"B": B, "Q": Q[:4]}, lambda X: 2 * B.T @ (B @ X - Q[:4]),
            lambda X, V: 2 * B.T @ B @ V, lambda xp, X: xp.sum((B @ X - Q[:4]) ** 2)),
    Problem("brockett", "orthonormal", "tr(X'*A*X*N)", {"A": A, "N": N}, lambda X: 2 * A @ X @ N,
            lambda X, V: 2 * A @ V @ N, lambda xp, X: xp.trace(X.T @ A @ X @ N)),
    Problem("brockett-rotation", "orthogonal", "tr(X'*A*X*D)", {"A": A, "D": D}, lambda X: 2 * A @ X @ D,
            lambda X, V: 2 * A @ V @ D, lambda xp, X: xp.trace(X.T @ A @ X @ D)),
    Problem("linear", "orthonormal", "tr(B*X*C')", {"B": B, "C": C}, lambda X: B.T @ C, lambda X, V: 0 * V,
            lambda xp, X: xp.sum((B.T @ C) * X)),
    Problem("subspace", "grassmann", "norm(Y - X*X'*Y)^2", {"Y": Y},
            lambda X: -4 * M @ X + 2 * M @ X @ X.T @ X + 2 * X @ X.T @ M @ X,
            lambda X, V: -4 * M @ V + 2 * M @ V @ X.T @ X + 2 * M @ X @ (V.T @ X + X.T @ V)
            + 2 * V @ X.T @ M @ X + 2 * X @ (V.T @ M @ X + X.T @ M @ V),
            lambda xp, X: xp.sum((Y - X @ X.T @ Y) ** 2)),
    Problem("trace-ratio", "grassmann", "tr(X'*A*X)/tr(X'*D*X)", {"A": A, "D": D}, ratio_G, ratio_H,
            lambda xp, X: xp.trace(X.T @ A @ X) / xp.trace(X.T @ D @ X)),
    Problem("logdet", "orthonormal", "logdet(X'*D*X)", {"D": D}, lambda X: 2 * D @ X @ inv(X.T @ D @ X),
            lambda X, V: 2 * D @ V @ inv(X.T @ D @ X)
            - 2 * D @ X @ inv(X.T @ D @ X) @ (V.T @ D @ X + X.T @ D @ V) @ inv(X.T @ D @ X),
            lambda xp, X: xp.linalg.slogdet(X.T @ D @ X)[1]),
    Problem("ica", "orthogonal", "sum((X'*Y).^4)", {"Y": Y}, lambda X: 4 * Y @ ((X.T @ Y) ** 3).T,
            lambda X, V: 12 * Y @ ((X.T @ Y) ** 2 * (V.T @ Y)).T, lambda xp, X: xp.sum((X.T @ Y) ** 4)),
    Problem("kurtosis", "unit", "sum((Y'*X).^4)", {"Y": Y}, lambda x: 4 * Y @ (Y.T @ x) ** 3,
            lambda x, v: 12 * Y @ ((Y.T @ x) ** 2 * (Y.T @ v)), lambda xp, x: xp.sum((Y.T @ x) ** 4)),
    Problem("log-rayleigh", "unit", "log(X'*D*X)", {"D": D}, lambda x: 2 * D @ x / (x @ D @ x),
            lambda x, v: 2 * D @ v / (x @ D @ x) - 4 * D @ x * (x @ D @ v) / (x @ D @ x) ** 2,
            lambda xp, x: xp.log(x @ D @ x)),
    Problem("dictionary", "unit columns", "norm(Y - X*Z)^2", {"Y": Y, "Z": Z}, lambda X: 2 * (X @ Z - Y) @ Z.T,
            lambda X, V: 2 * V @ Z @ Z.T, lambda xp, X: xp.sum((Y - X @ Z) ** 2)),
    Problem("max-cut", "unit columns", "tr(L*X'*X)", {"L": L}, lambda X: 2 * X @ L, lambda X, V: 2 * V @ L,
            lambda xp, X: xp.trace(L @ X.T @ X)),
    Problem("gaussian", "spd", "logdet(X) + tr(inv(X)*D)", {"D": D}, lambda S: inv(S) - inv(S) @ D @ inv(S),
            lambda S, V: -inv(S) @ V @ inv(S) + inv(S) @ V @ inv(S) @ D @ inv(S) + inv(S) @ D @ inv(S) @ V @ inv(S),
            lambda xp, S: xp.linalg.slogdet(S)[1] + xp.trace(xp.linalg.inv(S) @ D)),
    Problem("karcher", "spd", "sum(log(eigvals(D*X*D)).^2)", {"D": D}, karcher_G, karcher_H,
            lambda xp, S: xp.sum(xp.log(xp.linalg.eigvalsh(D @ S @ D)) ** 2)),
    Problem("two-traces", "spd", "tr(X*D) + tr(inv(X)*E)", {"D": D, "E": E}, lambda S: D - inv(S) @ E @ inv(S),
            lambda S, V: inv(S) @ V @ inv(S) @ E @ inv(S) + inv(S) @ E @ inv(S) @ V @ inv(S),
            lambda xp, S: xp.trace(S @ D) + xp.trace(xp.linalg.inv(S) @ E)),
    Problem("distance", "spd", "norm(X - D)^2", {"D": D}, lambda S: 2 * (S - D), lambda S, V: 2 * V,
            lambda xp, S: xp.sum((S - D) ** 2)),
    Problem("portfolio", "simplex", "X'*D*X - b'*X", {"D": D, "b": b}, lambda x: 2 * D @ x - b, lambda x, v: 2 * D @ v),
    Problem("entropy", "simplex", "X'*log(X)", {}, lambda x: np.log(x) + 1, lambda x, v: v / x),
]  # fmt: skip
each = pytest.mark.parametrize("q", PROBLEMS, ids=lambda q: q.name)


def close(a: Array, b: Array) -> bool:
    return bool(np.abs(a - b).max() <= 1e-10 * max(1.0, np.abs(b).max()))


@each
def test_gradient_and_hessian_are_those_by_hand(q: Problem) -> None:
    project, gradient, hessian = BY_HAND[q.word]
    d, X = q.derivation, POINTS[q.word]()
    V, G = project(X, rng.normal(size=X.shape)), q.G(X)
    want = hessian(X, V, G, q.H(X, V))
    assert close(d.gradient.evaluate(X=X, **q.arrays), gradient(X, G))
    assert close(d.hvp(V, X=X, **q.arrays), want)
    assert close(d.hessian_operator.evaluate(X=X, dX=V, **q.arrays), want)
    assert close(np.asarray(d.jvp(V, X=X, **q.arrays)), np.vdot(G, V))
    if q.word in ("unit", "simplex"):
        assert close(d.hessian.evaluate(X=X, **q.arrays) @ V, want)
        assert close(d.hessian.evaluate(X=X, **q.arrays), d.hessian.evaluate(X=X, **q.arrays).T)


@each
def test_both_are_verified_along_curves_of_second_order(q: Problem) -> None:
    d = q.derivation
    for order in (1, 2):
        found = d.verify(order=order)
        assert found.passed, str(found)
    table = taylor(d)
    assert table.passed, str(table)
    assert len(table.remainders) == 3


@each
def test_functions_for_pymanopt_are_what_its_autodiff_gives(q: Problem) -> None:
    pymanopt = pytest.importorskip("pymanopt")
    jnp = pytest.importorskip("jax.numpy")
    if q.cost is None:
        pytest.skip("Pymanopt has no simplex with this metric")
    handed = q.derivation.pymanopt(**q.arrays)
    sizes = {"orthonormal": (n, p), "grassmann": (n, p), "unit columns": (n, p)}.get(q.word, (n,))
    space = CURVED.get("oblique" if q.word == "unit columns" else q.word, AFFINE)
    manifold = getattr(pymanopt.manifolds, space.manopt)(*sizes)
    ours = handed.problem(manifold)
    theirs = pymanopt.Problem(manifold, pymanopt.function.jax(manifold)(lambda X: q.cost(jnp, X)))
    np.random.seed(3)
    X = manifold.random_point()
    V = manifold.random_tangent_vector(X)
    assert close(np.asarray(ours.cost(X)), np.asarray(theirs.cost(X)))
    assert close(ours.riemannian_gradient(X), theirs.riemannian_gradient(X))
    assert close(ours.riemannian_hessian(X, V), theirs.riemannian_hessian(X, V))
    cost, gradient, hessian = handed
    assert close(gradient(X), ours.riemannian_gradient(X))
    assert close(hessian(X, V), ours.riemannian_hessian(X, V))
    assert close(np.asarray(cost(X)), np.asarray(ours.cost(X)))
    assert close(handed.euclidean_gradient(X), theirs.euclidean_gradient(X))


def test_several_variables_are_a_product_of_sets() -> None:
    pytest.importorskip("pymanopt")
    W = rng.normal(size=(5, 4))
    d = md.derive("norm(W - U*diag(s)*V')^2", wrt="U,s,V", declare="U: m×2 orthonormal; V: n×2 orthonormal; s: 2")
    found = d.pymanopt(W=W).problem()
    np.random.seed(1)
    point = found.manifold.random_point()
    V = found.manifold.random_tangent_vector(point)
    U, s, R = point
    residual = U @ diag(s) @ R.T - W
    by_hand = [2 * residual @ R @ diag(s), 2 * diag(U.T @ residual @ R), 2 * residual.T @ U @ diag(s)]
    for got, want in zip(
        found.riemannian_gradient(point), found.manifold.euclidean_to_riemannian_gradient(point, by_hand), strict=True
    ):
        assert close(got, want)
    slope = sum(np.vdot(g, v) for g, v in zip(by_hand, V, strict=True))
    assert close(np.asarray(slope), np.asarray(d.jvp(dict(zip("UsV", V, strict=True)), W=W, U=U, s=s, V=R)))
    assert d.verify(order=2).passed


def test_rotations_take_the_skew_matrix_and_stiefel_the_direction() -> None:
    pymanopt = pytest.importorskip("pymanopt")
    d = md.derive("tr(X'*A*X*D)", wrt="X", declare="A: n×n symmetric; D: n×n spd; X: n×n orthogonal")
    handed, X = d.pymanopt(A=A, D=D), orthonormal(n)
    skew = rng.normal(size=(n, n))
    skew = skew - skew.T
    square = handed.problem(pymanopt.manifolds.Stiefel(n, n))
    assert close(X @ handed.gradient(X), square.riemannian_gradient(X))
    assert close(X @ handed.hessian(X, skew), square.riemannian_hessian(X, X @ skew))


RECORDS: list[CurvedSet] = [*CURVED.values(), AFFINE]
every = pytest.mark.parametrize("space", RECORDS, ids=lambda s: f"{s.word}")
DIMENSIONS = {"unit": 3, "orthogonal": 6, "orthonormal": 5, "grassmann": 4, "oblique": 6, "simplex": 3, "spd": 10}
"""Of the sets of 4-vectors, 4×4 and 4×2 matrices."""


def variable(space: CurvedSet) -> tuple[Any, Array]:
    rows, cols = Dim.of(4), Dim.of(1 if space.kind == "vector" else 4 if space.square else 2)
    X = symbol("X", space.kind, rows, cols, frozenset({space.word}))
    shape = (4,) if space.kind == "vector" else (4, cols.number)
    return X, space.onto(np, rng.normal(size=shape))


@every
def test_a_record_agrees_with_itself(space: CurvedSet) -> None:
    """Formula and arrays project alike, onto as many directions as the set has dimensions, symmetrically."""
    X, x = variable(space)
    Z = differential_symbol(X)
    free = symbol("Z", X.kind, X.rows, X.cols)
    assert space.member(np, x)
    assert not space.member(np, x + 0.1) or space is AFFINE
    columns = []
    for unit in np.eye(x.size):
        z = unit.reshape(x.shape)
        got = evaluate(space.project(X, free), (X, free), {"X": x, "Z": z})
        assert np.allclose(got, space.projected(np, x, z), atol=1e-14)
        assert np.allclose(space.outside(np, x, np.asarray(got)), 0, atol=1e-14)
        columns.append(np.ravel(got))
    P = np.array(columns)
    assert np.allclose(P, P.T) and np.allclose(P @ P, P)
    assert np.linalg.matrix_rank(P) == DIMENSIONS[space.word]
    assert Z is not free


@every
def test_a_curve_stays_in_its_set_and_has_no_acceleration_inside(space: CurvedSet) -> None:
    X, x = variable(space)
    v = space.projected(np, x, rng.normal(size=x.shape))
    v = v / np.linalg.norm(v)

    def c(t: float) -> Array:
        return sets.move(X, x, v, t, affine=True)

    assert space.member(np, c(0.1)) and np.allclose(c(0.0), x)
    assert np.allclose((c(1e-5) - c(-1e-5)) / 2e-5, v, atol=1e-8)
    bend = (c(1e-3) - 2 * x + c(-1e-3)) / 1e-6
    inside = space.projected(np, x, bend)
    if space is AFFINE:
        inside = inside - v @ np.linalg.solve(x, v)
    assert np.linalg.norm(inside) <= 1e-5


@pytest.mark.parametrize("word", [w for w, s in CURVED.items() if s.bend is not None])
def test_a_hessian_without_its_bending_does_not_verify(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    q = next(q for q in PROBLEMS if q.word in (word, CURVED[word].written))
    monkeypatch.setitem(CURVED, word, CURVED[word]._replace(bend=None))
    assert q.derivation.verify(order=2).passed is False


REFUSED = {
    "X: n×p orthogonal; tr(X'*X)": "X: n×p orthonormal",
    "X: 2×3 orthonormal; tr(X'*X)": "3 columns of length 2",
    "X: n orthonormal; X'*X": "only a matrix can be",
    "X: n×p simplex; tr(X'*X)": "only a vector can be",
    "X: n×p unit; tr(X'*X)": "unit columns",
    "X: n×p orthonormal positive; tr(X'*X)": "cannot be both",
    "X: n×p grassmann orthonormal; tr(X'*X)": "cannot be both",
    "X: n simplex unit; X'*X": "cannot be both",
    "X: n×p grassmann; tr(C'*X)": "not one of the subspace",
    "X: n×p grassmann; norm1(X)": "not one of the subspace",
    "X: n×p grassmann; tr(X'*A*X*N)": "not one of the subspace",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_set_or_no_function_on_it_is_refused(text: str) -> None:
    with pytest.raises(md.MatdiffError) as refused:
        md.derive(text, wrt="X")
    assert REFUSED[text] in str(refused.value)


SPELLED = {
    "X: n×p stiefel": "X: n×p orthonormal",
    "X: n×p orthonormal columns": "X: n×p orthonormal",
    "X: n×p unit columns": "X: n×p unit columns",
    "X: n×p oblique": "X: n×p unit columns",
    "X: n×n orthonormal": "X: n×n orthogonal",
}


@pytest.mark.parametrize("said", SPELLED)
def test_sets_have_other_names(said: str) -> None:
    d = md.derive("norm(X)^4 + norm(A*X)^2", wrt="X", declare=said)
    assert d.types.startswith(SPELLED[said]) or SPELLED[said] in d.types
    assert md.derive("norm(X)^4 + norm(A*X)^2", wrt="X", declare=d.types).gradient == d.gradient


@pytest.mark.parametrize("word", BY_HAND)
def test_a_direction_outside_the_tangent_space_is_refused(word: str) -> None:
    q = next(q for q in PROBLEMS if q.word == word)
    X, d = POINTS[word](), q.derivation
    V = BY_HAND[word][0](X, rng.normal(size=X.shape))
    off = V + 1e-3 * (X if word != "spd" else np.triu(np.ones((n, n)), 1))
    for act in (d.jvp, d.hvp, lambda W, **arrays: d.hessian_operator.evaluate(dX=W, **arrays)):
        act(V, X=X, **q.arrays)
        with pytest.raises(md.DomainError):
            act(off, X=X, **q.arrays)
    with pytest.raises(md.DomainError, match="X is declared"):
        d.hvp(V, X=X + 1e-3 * np.arange(X.size).reshape(X.shape), **q.arrays)


CLAIMS = {
    ("X: n×p orthonormal; A: n×n symmetric; tr(X'*A*X)", "2*(A*X - X*X'*A*X)"): "",
    ("X: n×p orthonormal; A: n×n symmetric; tr(X'*A*X)", "2*A*X"): "this is the Euclidean gradient; project it",
    ("X: n×p grassmann; A: n×n symmetric; tr(X'*A*X)", "2*A*X"): "this is the Euclidean gradient; project it",
    ("X: n×n orthogonal; A: n×n; tr(A'*X)", "A"): "this is the Euclidean gradient; project it",
    ("X: n×p unit columns; norm(A*X - B)^2", "2*A'*(A*X - B)"): "this is the Euclidean gradient; project it",
    ("X: n unit; X'*A*X", "(A + A')*X"): "this is the Euclidean gradient; project it",
    ("X: n simplex; b'*X", "b"): "this is the Euclidean gradient; project it",
    ("X: n simplex; b'*X", "b - mean(b)*ones(n)"): "",
}


@pytest.mark.parametrize(("text", "claim"), CLAIMS)
def test_the_euclidean_gradient_is_told_apart(text: str, claim: str) -> None:
    found = md.derive(text, wrt="X").verify(claim=claim)
    says = CLAIMS[text, claim]
    assert found.passed is (not says), str(found)
    assert says in found.message


def test_claims_about_the_affine_metric_and_about_hessians() -> None:
    d = md.derive("logdet(S) + tr(inv(S)*C)", wrt="S", declare="S: n×n spd; C: n×n symmetric", metric="affine")
    assert d.verify(claim="S - C").passed
    assert "Euclidean gradient" in d.verify(claim="inv(S) - inv(S)*C*inv(S)").message
    d = md.derive("x'*A*x", wrt="x", declare="x: n unit; A: n×n symmetric")
    P = "(I - x*x')"
    assert d.verify(claim=f"2*{P}*(A - (x'*A*x)*I)*{P}", order=2).passed
    assert d.verify(claim="2*(A*dx - (x'*A*dx)*x - (x'*A*x)*dx)", order=2).passed
    assert d.verify(claim="2*dx'*A*dx - 2*(x'*A*x)*(dx'*dx)", order=2).passed
    for wrong in ("2*A", "2*A*dx"):
        assert "Euclidean Hessian" in d.verify(claim=wrong, order=2).message


def test_the_steps_name_the_conversions() -> None:
    for q in PROBLEMS:
        d = q.derivation
        (space,) = d.curved.values()
        rules = [step.rule for step in d.steps]
        assert space.law in rules or space is AFFINE  # what is symmetric already is not projected
        assert not space.raising or rules[-1] == space.raising
        further = d.hessian_steps
        along = next(step for step in further if step.relation == "⇒ H[dX] =")
        assert along.rule == space.bending and along.after == d.hessian_operator.value
        assert (further[-1].relation == "⇒ H =") is (space.kind == "vector")


def test_the_metric_belongs_to_positive_definite_variables() -> None:
    with pytest.raises(md.UnsupportedError, match="affine metric belongs"):
        md.derive("logdet(S)", wrt="S", declare="S: n×n symmetric", metric="affine")
    with pytest.raises(md.ParseError, match="no metric"):
        md.derive("logdet(S)", wrt="S", declare="S: n×n spd", metric="fisher")
    with pytest.raises(md.UnsupportedError, match="scalar functions"):
        md.derive("inv(S)", wrt="S", declare="S: n×n spd", metric="affine")
    with pytest.raises(md.UnsupportedError, match="affine one"):
        md.derive("logdet(S)", wrt="S", declare="S: 3×3 spd").pymanopt()
    plain, bent = (md.derive("logdet(S)", wrt="S", declare="S: n×n spd", metric=m) for m in ("euclidean", "affine"))
    assert (str(plain.gradient), str(bent.gradient)) == ("S⁻¹", "S")
    assert str(bent.hessian_operator.value) == "zeros(n,n)"
