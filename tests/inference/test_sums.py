r"""Sums over an index as they are typed, \sum_{i=1}^N and sum_i(…): values and gradients against loops."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from random_sums import check
from sum_losses import LOSSES as WRITTEN
from sum_losses import REFUSED as NOT_WRITTEN
from sum_losses import handed

import matdiff as md

N, M, D, H = 5, 4, 3, 2
SHAPES: dict[str, tuple[int, ...]] = {
    "X": (N, D), "Y": (N, H), "y": (N,), "w": (D,), "b": (), "lambda": (), "tau": (), "s": (N,), "mu": (D,),
    "A": (D, D),
    "U": (N, D), "V": (M, D), "T": (N, M), "W": (N, N), "R": (N, M), "Omega": (N, M), "C": (M, D), "D": (N, N),
    "x": (N,), "p": (N,), "q": (N,), "alpha": (N,), "W_1": (H, D), "W_2": (H, H), "P": (N, D), "Q": (N, D), "h": (),
    "L": (N, N), "B": (D, D), "m": (), "z": (D,),
}  # fmt: skip
POSITIVE = {"p", "q", "lambda", "tau", "h", "s", "m"}


def drawn(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    out: dict[str, Any] = {n: rng.normal(size=shape) for n, shape in SHAPES.items()}
    out.update({n: np.abs(out[n]) + 0.5 for n in POSITIVE})
    out["Omega"] = (out["Omega"] > 0).astype(float)
    out["Sigma"] = np.cov(rng.normal(size=(D, 20))) + np.eye(D)
    out["y"] = np.sign(out["y"]) * (0.5 + np.abs(out["y"]))
    return {n: float(v) if np.ndim(v) == 0 else v for n, v in out.items()}


def each(*lengths: int) -> Any:
    return np.ndindex(*lengths)


def sq(v: Any) -> Any:
    return np.sum(np.square(v))


def sigmoid(t: Any) -> Any:
    return 1 / (1 + np.exp(-t))


Loop = Callable[[Any], Any]
LOSSES: dict[str, tuple[str, str, str, Loop]] = {
    "logistic": (
        r"\frac1N\sum_{i=1}^N \log(1+e^{-y_i w^\top x_i})", "w", "−Xᵀ(y ⊙ σ(−y ⊙ (X w)))/N",
        lambda a: sum(np.log(1 + np.exp(-a.y[i] * (a.w @ a.X[i]))) for i in range(N)) / N,
    ),
    "least squares": (
        r"\sum_i (y_i - w^\top x_i)^2", "w", "2Xᵀ(X w − y)",
        lambda a: sum((a.y[i] - a.w @ a.X[i]) ** 2 for i in range(N)),
    ),
    "ridge": (
        r"\frac{1}{2}\sum_{i=1}^N (y_i - \mathbf{w}^\top\mathbf{x}_i - b)^2 + \frac{\lambda}{2}\|\mathbf{w}\|^2", "w",
        "Xᵀ(X w − y .+ b) + lambda w",
        lambda a: sum((a.y[i] - a.w @ a.X[i] - a.b) ** 2 for i in range(N)) / 2 + a["lambda"] / 2 * sq(a.w),
    ),
    "ridge by entries": (
        r"\sum_{i=1}^N (y_i - w^\top x_i)^2 + \lambda\sum_{j=1}^d w_j^2", "w", "2(Xᵀ(X w − y) + lambda w)",
        lambda a: sum((a.y[i] - a.w @ a.X[i]) ** 2 for i in range(N)) + a["lambda"] * sum(w**2 for w in a.w),
    ),
    "weighted": (
        r"\sum_{i=1}^N s_i (y_i - w^\top x_i)^2", "w", "−2Xᵀ((y − X w) ⊙ s)",
        lambda a: sum(a.s[i] * (a.y[i] - a.w @ a.X[i]) ** 2 for i in range(N)),
    ),
    "hinge": (
        r"\sum_{i=1}^N \max(0, 1 - y_i w^\top x_i)", "w", "−Xᵀ(y ⊙ heaviside(1 .- y ⊙ (X w)))",
        lambda a: sum(max(0, 1 - a.y[i] * (a.w @ a.X[i])) for i in range(N)),
    ),
    "pseudo-Huber": (
        r"\sum_i \left(\sqrt{1 + (y_i - w^\top x_i)^2} - 1\right)", "w", "",
        lambda a: sum(np.sqrt(1 + (a.y[i] - a.w @ a.X[i]) ** 2) - 1 for i in range(N)),
    ),
    "softmax cross-entropy": (
        r"\sum_{i=1}^N \left(\log\sum_{k=1}^M e^{c_k^\top x_i} - \sum_{k=1}^M t_{ik} c_k^\top x_i\right)", "C", "",
        lambda a: sum(
            np.log(sum(np.exp(a.C[k] @ a.X[i]) for k in range(M))) - sum(a.T[i, k] * a.C[k] @ a.X[i] for k in range(M))
            for i in range(N)
        ),
    ),
    "Gaussian log-likelihood": (
        r"\frac{N}{2}\log\det\Sigma + \frac12\sum_{i=1}^N (x_i-\mu)^\top\Sigma^{-1}(x_i-\mu)", "mu", "",
        lambda a: N / 2 * np.linalg.slogdet(a.Sigma)[1]
        + sum((a.X[i] - a.mu) @ np.linalg.inv(a.Sigma) @ (a.X[i] - a.mu) for i in range(N)) / 2,
    ),
    "k-means": (
        r"\sum_{i=1}^N\sum_{k=1}^M r_{ik}\|x_i-c_k\|^2", "C", "",
        lambda a: sum(a.R[i, k] * sq(a.X[i] - a.C[k]) for i, k in each(N, M)),
    ),
    "Laplacian": (
        r"\sum_{i,j} w_{ij}\|x_i-x_j\|^2", "X", "2(Diag((W + Wᵀ) ones(N)) − W − Wᵀ) X",
        lambda a: sum(a.W[i, j] * sq(a.X[i] - a.X[j]) for i, j in each(N, N)),
    ),
    "stress": (
        r"\sum_{i<j}(d_{ij} - \|x_i-x_j\|)^2", "X", "",
        lambda a: sum((a.D[i, j] - np.sqrt(sq(a.X[i] - a.X[j]))) ** 2 for i, j in each(N, N) if i < j),
    ),
    "matrix factorisation": (
        r"\sum_{(i,j)\in\Omega}(t_{ij}-u_i^\top v_j)^2", "U", "−2((T − U Vᵀ) ⊙ Omega) V",
        lambda a: sum(a.Omega[i, j] * (a.T[i, j] - a.U[i] @ a.V[j]) ** 2 for i, j in each(N, M)),
    ),
    "quadratic form": (
        r"\sum_{i,j} w_{ij}x_i x_j", "x", "(W + Wᵀ) x",
        lambda a: sum(a.W[i, j] * a.x[i] * a.x[j] for i, j in each(N, N)),
    ),
    "entropy": (r"\sum_i p_i\log p_i", "p", "log(p) .+ 1", lambda a: sum(a.p[i] * np.log(a.p[i]) for i in range(N))),
    "divergence": (
        r"\sum_{i=1}^N p_i\log\frac{p_i}{q_i}", "q", "−p ./ q",
        lambda a: sum(a.p[i] * np.log(a.p[i] / a.q[i]) for i in range(N)),
    ),
    "product": (r"\prod_i p_i", "p", "prod(p) ./ p", lambda a: np.prod([a.p[i] for i in range(N)])),
    "traces": (
        r"\sum_{i=1}^N \operatorname{tr}(A x_i x_i^\top B)", "A", "Bᵀ Xᵀ X",
        lambda a: sum(np.trace(a.A @ np.outer(a.X[i], a.X[i]) @ a.B) for i in range(N)),
    ),
    "network": (
        r"\sum_{i=1}^N \|y_i - W_2\tanh(W_1 x_i)\|^2", "W_1", "",
        lambda a: sum(sq(a.Y[i] - a.W_2 @ np.tanh(a.W_1 @ a.X[i])) for i in range(N)),
    ),
    "InfoNCE": (
        r"-\sum_{i=1}^N \log\frac{e^{u_i^\top x_i/\tau}}{\sum_{j=1}^N e^{u_i^\top x_j/\tau}}", "U", "",
        lambda a: -sum(
            np.log(np.exp(a.U[i] @ a.X[i] / a.tau) / sum(np.exp(a.U[i] @ a.X[j] / a.tau) for j in range(N)))
            for i in range(N)
        ),
    ),
    "triplets": (
        r"\sum_{i=1}^N \max(0, \|x_i-p_i\|^2 - \|x_i-q_i\|^2 + m)", "X", "",
        lambda a: sum(max(0, sq(a.X[i] - a.P[i]) - sq(a.X[i] - a.Q[i]) + a.m) for i in range(N)),
    ),
    "kernels": (
        r"\sum_{i,j} \alpha_i\alpha_j \exp\left(-\frac{\|x_i-x_j\|^2}{2h^2}\right)", "alpha", "",
        lambda a: sum(a.alpha[i] * a.alpha[j] * np.exp(-sq(a.X[i] - a.X[j]) / (2 * a.h**2)) for i, j in each(N, N)),
    ),
    "density": (
        r"\log\sum_{i=1}^N e^{-\|z - x_i\|^2/2}", "z", "",
        lambda a: np.log(sum(np.exp(-sq(a.z - a.X[i]) / 2) for i in range(N))),
    ),
    "shifted": (
        r"\sum_{i=1}^{n-1}(x_{i+1}-x_i)^2", "x", "", lambda a: sum((a.x[i + 1] - a.x[i]) ** 2 for i in range(N - 1)),
    ),
    "autoregression": (
        r"\sum_{t=2}^{T}\|x_t - A x_{t-1}\|^2", "A", "",
        lambda a: sum(sq(a.X[t] - a.A @ a.X[t - 1]) for t in range(1, N)),
    ),
    "exclusion": (
        r"\sum_{i=1}^N\sum_{j\neq i} \frac{1}{\|x_i-x_j\|}", "X", "",
        lambda a: sum(1 / np.sqrt(sq(a.X[i] - a.X[j])) for i, j in each(N, N) if i != j),
    ),
    "nested": (
        r"\sum_{i=1}^N \left(y_i - \sum_{j=1}^d x_{ij} w_j\right)^2", "w", "2Xᵀ(X w − y)",
        lambda a: sum((a.y[i] - sum(a.X[i, j] * a.w[j] for j in range(D))) ** 2 for i in range(N)),
    ),
    "triangle": (
        r"\sum_{i=1}^n\sum_{j=i+1}^n w_{ij}(x_i - x_j)^2", "x", "",
        lambda a: sum(a.W[i, j] * (a.x[i] - a.x[j]) ** 2 for i, j in each(N, N) if j > i),
    ),
    "dual": (
        r"\sum_i \alpha_i - \frac12\sum_{i,j}\alpha_i\alpha_j y_i y_j x_i^\top x_j", "alpha",
        "1 .- (X Xᵀ(alpha ⊙ y)) ⊙ y",
        lambda a: sum(a.alpha)
        - sum(a.alpha[i] * a.alpha[j] * a.y[i] * a.y[j] * (a.X[i] @ a.X[j]) for i, j in each(N, N)) / 2,
    ),
    "Brier": (
        r"\frac1N\sum_{i=1}^N(\sigma(w^\top x_i) - y_i)^2", "w", "2Xᵀ(σ(X w) ⊙ (1 .- σ(X w)) ⊙ (σ(X w) − y))/N",
        lambda a: sum((sigmoid(a.w @ a.X[i]) - a.y[i]) ** 2 for i in range(N)) / N,
    ),
    "plain text": (
        "sum_i((y_i - w'*x_i)^2) + sum(p_i^2, i=1..N)", "p", "2p",
        lambda a: sum((a.y[i] - a.w @ a.X[i]) ** 2 + a.p[i] ** 2 for i in range(N)),
    ),
    "plain pairs": (
        "sum_ij(w_ij*x_i*x_j) + prod_i(p_i)", "x", "(W + Wᵀ) x",
        lambda a: sum(a.W[i, j] * a.x[i] * a.x[j] for i, j in each(N, N)) + np.prod(a.p),
    ),
    "indices in brackets": (
        "sum(W[i,j]*x[i]*x[j+1], i=1..N, j=1..N-1); W: N×N; x: N", "x", "",
        lambda a: sum(a.W[i, j] * a.x[i] * a.x[j + 1] for i in range(N) for j in range(N - 1)),
    ),
    "definitions in place": (
        r"r_i = y_i - w^\top x_i; \sum_{i=1}^N r_i^2", "w", "2Xᵀ(X w − y)",
        lambda a: sum((a.y[i] - a.w @ a.X[i]) ** 2 for i in range(N)),
    ),
    "members above": (
        r"\sum_{i=1}^N (y^{(i)} - w^\top x^{(i)})^2", "w", "2Xᵀ(X w − y)",
        lambda a: sum((a.y[i] - a.w @ a.X[i]) ** 2 for i in range(N)),
    ),
}  # fmt: skip


class Arrays(dict[str, Any]):
    __getattr__ = dict.__getitem__


@pytest.mark.parametrize("name", LOSSES)
def test_values_and_gradients_are_those_of_the_loops(name: str) -> None:
    text, by, printed, loop = LOSSES[name]
    if "[i,j]" in text:
        text = "; ".join(reversed(text.split("; ")))
    d = md.derive(text, wrt=by)
    a = Arrays(drawn(sum(map(ord, name))))
    if printed:
        assert d.gradient.text() == printed
    value = d.function.evaluate(**{v.name: a[v.name] for v in d.function.variables})
    np.testing.assert_allclose(value, loop(a), rtol=1e-9)
    gradient = d.gradient.evaluate(**{v.name: a[v.name] for v in d.gradient.variables})
    direction = np.random.default_rng(1).normal(size=np.shape(a[by]))
    step = 1e-5
    ends = [loop(Arrays({**a, by: a[by] + sign * step * direction})) for sign in (1, -1)]
    np.testing.assert_allclose(np.sum(gradient * direction), (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-7)
    assert any(" are the " in remark for remark in d.remarks)


@pytest.mark.parametrize("name", WRITTEN)
def test_losses_as_papers_write_them(name: str) -> None:
    case = WRITTEN[name]
    d = md.derive(case.text, wrt=case.wrt, declare=case.declare or None)
    arrays = case.arrays(seed=len(name))
    value = d.function.evaluate(**{v.name: handed(arrays[case.given(v.name)]) for v in d.function.variables})
    np.testing.assert_allclose(value, case.loop(arrays), rtol=1e-8)
    gradient = d.gradient.evaluate(**{v.name: handed(arrays[case.given(v.name)]) for v in d.gradient.variables})
    by = case.given(d.wrt[0].name)
    direction = np.random.default_rng(1).normal(size=np.shape(arrays[by]))
    if "spd" in d.wrt[0].attributes:
        direction = direction + direction.T
    ends = [case.loop(type(arrays)({**arrays, by: arrays[by] + step * direction})) for step in (1e-5, -1e-5)]
    np.testing.assert_allclose(np.sum(gradient * direction), (ends[0] - ends[1]) / 2e-5, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("text", NOT_WRITTEN)
def test_losses_that_are_refused_say_why(text: str) -> None:
    by, reason = NOT_WRITTEN[text]
    with pytest.raises(md.MatdiffError) as caught:
        md.derive(text, wrt=by)
    assert reason in str(caught.value)


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_random_sums(first: int) -> None:
    """`python tests/random_sums.py --count 2000` does more."""
    said = [check(seed) for seed in range(first, first + 20)]
    assert said.count("ok") >= 15


SAID = {
    r"\sum_{i=1}^N (y_i - w^\top x_i)^2": ("x_i are the rows of X: N×n", "y_i are the entries of y: N"),
    r"\sum_{i,j} a_{ij} x_i x_j": ("a_ij are the entries of A: N×N", "x_i and x_j are the entries of x: N"),
    r"\frac1N\sum_i x_i^2": ("N is read as the number of terms: declare `N: scalar` if it is a variable",),
    r"\sum_i \sigma(w^\top x_i)": ("σ(…) is read as the sigmoid 1/(1 + exp(−…))",),
    r"\sum_i \|x_i - \bar x\|^2": ("x_bar is a variable of its own, not the mean of the x_i",),
    "X: N×d; sum_i(norm(x_i)^2)": ("x_i are the rows of X: N×d",),
    "A: n×n symmetric; sum_ij(A_ij*x_i*x_j)": ("A_ij are the entries of A: n×n symmetric",),
    "x_i: d; sum_i(norm(x_i)^2)": ("x_i are the rows of X: N×d",),
}


@pytest.mark.parametrize("text", SAID)
def test_what_members_are_read_as_is_said(text: str) -> None:
    remarks = md.derive(text, wrt="x_i").remarks
    assert set(SAID[text]) <= set(remarks)


REFUSED = {
    (r"\sum_i y_i - x_i", "y"): "the index i stands outside its sum",
    (r"\sum_i a_{ij} x_i", "x"): "the index j stands outside its sum",
    ("sum_i(x_i^2) + i", "x"): "the index i stands outside its sum",
    (r"\sum_j A_{kj} x_j", "x"): "the index k stands outside its sum",
    (r"\sum_{i\in B} x_i^2", "x"): "a sum over a set that nothing declares",
    (r"\sum_{i=1}^n (x_{i+1}-x_i)^2", "x"): "goes past the last member",
    (r"\sum_{i=1}^n (x_i-x_{i-1})^2", "x"): "begins before the first member",
    (r"\sum_i (x_{i+1}-x_i)^2", "x"): "a sum with a shifted index needs its limits",
    (r"\sum_{i=0}^{n-1} x_i^2", "x"): "begins before the first member",
    (r"\sum_i x_i^2 + x_1", "x"): "is x_1 one of the x_i?",
    (r"\sum_{i=1}^N \sum_{j=1}^{N_i} x_{ij}", "x"): "the range of j depends on an index",
    (r"\sum_{i=1}^N \sum_{j=1}^{i+2} x_{ij}", "x"): "the range of j depends on an index",
    (r"\sum_{i=1}^\infty x_i", "x"): "a sum without an end",
    ("sum(x_i^2, i=1..N, i=1..M)", "x"): "i is the index twice",
    (r"\sum_i e_i^\top A e_i", "A"): "columns of the identity",
    (r"\sum (y_i - w^\top x_i)^2", "w"): "has no index",
    (r"\sum_{i=2}^n i x_i", "x"): "the index i stands as a number here",
    (r"\sum_i\sum_i x_i", "x"): "nothing tells how far the index i runs",
    (r"\sum_i x_{i1}^2", "x"): "has an index and a number",
    (r"\sum_i \det(A_i X)", "X"): "three axes",
    (r"\sum_{i,j,k} \tanh(a_{ij} b_{jk})", "a"): "tanh of a part that depends on i, j, k together",
    (r"\sum_i \tanh(x_i - x_j)^\top x_i \sum_j y_j", "y"): "the index j stands outside its sum",
    (r"\sum_i \|x_i\|^2 + \operatorname{tr}(X^\top X)", "X"): "is X the matrix with the rows x_i?",
    (r"\sum_i \|x_i\|^2", "x_new"): "x_new is one of the members of X",
    (r"\sum_i x_i y", "y"): "either x_i or y must be a scalar",
    (r"\sum_{i<j<k} x_i x_j x_k", "x"): "what this sum runs over cannot be read",
    (r"\prod_{(i,j)\in\Omega} a_{ij}", "a"): "a product over a set of pairs",
    (r"\prod_{i<j} (x_i - x_j)", "x"): "three axes",
    (r"\sum_{i=1}^N x_i^2 + \sum_{i=1}^M x_i", "x"): "x_i runs to N and to M",
    ("x: 5; sum(x_i^2, i=1..N)", "x"): "the index i runs to N, and x_i has 5 members",
    ("N: scalar; sum(x_i^2, i=1..N)", "x"): "N is declared, and the limit of a sum",
    ("i: scalar; sum_i(x_i^2)", "x"): "i is declared, and the index of a sum",
    ("norm(x, i=1..3)", "x"): "a range stands behind what is summed",
    (r"\sum x_i^2", "x"): "has no index",
    (r"\sum_i x_i = 1", "x"): "left of `=` a single name is wanted",
    (r"\sum_i x_i^{(j)}", "x"): "outside its sum",
    (r"\sum_{i,j} x_i^{(j)}", "x"): "an index above and one below",
}


@pytest.mark.parametrize(("text", "by"), REFUSED)
def test_what_is_not_read_is_refused(text: str, by: str) -> None:
    with pytest.raises(md.MatdiffError) as caught:
        md.derive(text, wrt=by)
    assert REFUSED[text, by] in str(caught.value)


def test_excluded_pairs_touch_no_gradient() -> None:
    d = md.derive(r"\sum_{i\neq j} \frac{1}{\|x_i-x_j\|}", wrt="X")
    assert np.isfinite(d.gradient.evaluate(X=drawn(0)["X"])).all()


def test_hessians_are_in_matrix_notation() -> None:
    d = md.derive(r"\sum_{i=1}^N (y_i - w^\top x_i)^2", wrt="w")
    assert d.hessian.text() == "2Xᵀ X"


def test_without_sums_nothing_is_loaded_for_them() -> None:
    code = "import sys, matdiff as md; md.derive('sum(x.^2)', wrt='x'); print('matdiff.graph.lift' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


MEMBERS = {
    ("sum_i((y_i - w'*x_i)^2)", "x_k"): "2(wᵀ x_k − y_k) w",
    (r"\sum_{i=1}^N\log(1+e^{-y_iw^\top x_i})", "x_k"): "−y_k σ(−y_k wᵀ x_k) w",
    (r"\sum_i x_i\log x_i", "x_k"): "log(x_k) + 1",
    (r"\prod_i x_i", "x_k"): "prod(x)/x_k",
    (r"\sum_i\sum_k r_{ik}\|x_i-\mu_k\|^2", r"\mu_l"): "",
    (r"\sum_{i,j} w_{ij}\|x_i-x_j\|^2", "x_k"): "",
    (r"\sum_{i=1}^{n-1}(x_{i+1}-x_i)^2", "x_k"): "",
    (r"\sum_{(i,j)\in\Omega}(t_{ij}-u_i^\top v_j)^2", "u_k"): "",
    (r"\sum_i (y_i-w^\top x_i)^2", "w_j"): "2(X w − y)ᵀ X e_j",
}


@pytest.mark.parametrize(("text", "by"), MEMBERS)
def test_by_one_member(text: str, by: str) -> None:
    d = md.derive(text, wrt=by)
    if MEMBERS[text, by]:
        assert d.gradient.text() == MEMBERS[text, by]
    assert d.verify().passed is True
    assert d.verify(order=2).passed is True


def test_the_number_of_a_member_counts_from_1() -> None:
    d = md.derive("sum_i((y_i - w'*x_i)^2)", wrt="x_k")
    arrays = {"X": np.arange(6.0).reshape(3, 2), "y": np.arange(3.0), "w": np.ones(2)}
    whole = md.derive("sum_i((y_i - w'*x_i)^2)", wrt="X").gradient.evaluate(**arrays)
    np.testing.assert_allclose(d.gradient.evaluate(**arrays, k=3), whole[2])
    for wrong in (0, 4, 1.0, True, None):
        with pytest.raises(md.MatdiffError, match="k"):
            d.gradient.evaluate(**arrays, **({} if wrong is None else {"k": wrong}))
    assert d.notes[-1] == "y_k is entry k of y, x_k is row k of X; k counts from 1"


NAMED = {
    r"c_k = \sum_j A_{kj} x_j": ("A x", "the function is c, all c_k"),
    r"C_{ij} = \sum_k A_{ik} B_{kj}": ("A B", "the function is C, all C_ij"),
    "c_k = sum_j(A_kj*x_j)": ("A x", "the function is c, all c_k"),
    r"z_i = \sum_j a_{ij} x_j; L = \sum_i (z_i - t_i)^2": ("‖A x − t‖²", "t_i are the entries of t: N"),
    r"L = \sum_i (z_i - t_i)^2; z_i = \sum_j a_{ij} x_j": ("‖A x − t‖²", "t_i are the entries of t: N"),
    r"\sum_i z_i^\top z_i'": ("tr(Z Z_primeᵀ)", "z_i' is a name of its own, z_prime_i"),
    r"\beta_0 + \sum_j \beta_j x_j": (
        "beta₀ + betaᵀ x", "beta_0 is a variable of its own, none of the beta_j, which count from 1",
    ),
    "sum_i(x_i)^2": ("sum(x)²", "sum_i(…)^2 is the power of the sum: sum_i((…)^2) has it inside"),
    "sum_i (x_i)^2": ("‖x‖²", "x_i are the entries of x: N"),
    "∑_i x_i^2": ("‖x‖²", "x_i are the entries of x: N"),
    r"\sum_i \begin{cases} x_i & x_i>0 \\ 0 & x_i \le 0\end{cases}": (
        "heaviside(x)ᵀ x", "the last of the cases is read as all that remains",
    ),
    r"-\frac1N\sum_i x_i": ("−sum(x)/N", "x_i are the entries of x: N"),
    r"\sum_i\sum_{j\neq i} A_{j|i} x_i": ("", "A_ji are the entries of A: N×N"),
    r"\sum_i \log\Gamma(x_i + r)": ("sum(lgamma(x .+ r))", "x_i are the entries of x: N"),
    r"\sum_i \log\Phi(x_i)": ("", "Φ(…) is read as the distribution function of the standard normal law"),
}  # fmt: skip


@pytest.mark.parametrize("text", NAMED)
def test_what_else_is_read_is_said(text: str) -> None:
    printed, said = NAMED[text]
    e = md.parse(text)
    if printed and "z_i^" not in text:
        assert e.text() == printed
    variable = next(v.name for v in e.variables if v.name in ("x", "Z", "beta", "A"))
    assert said in md.derive(text, wrt=variable).remarks


BEGINNERS = {
    "sum i (x_i^2)": "functions take parentheses",
    "sum(x_i^2)": "declare `x_i: scalar`",
    "sum_i(x_i^2": "unclosed `(`",
    r"\sum x_i": "this \\sum has no index",
    r"\sum_{i=0}^n x_i": "Indices count from 1",
    r"\sum_{i=1}^{10} x_i^2; x: 5": "The sum may run to 5.",
    r"\sum_{i=1}^n x_{ij} w_j": "or name all of these: c_j = …",
    r"\sum_{x\in X} x^2": "a sum over a set that nothing declares",
    r"\sum_{x} p(x)\log p(x)": "is p(x) a function of x or a product?",
    r"\begin{cases} x^2 & x>0 \\ 0 \end{cases}": "this case has no condition",
    r"\begin{cases} 1 & x \text{ is big} \\ 0 & \text{otherwise}\end{cases}": "conditions are comparisons",
    r"\begin{cases} 1 & x>0 \\ 0 & \text{otherwise}": "these cases do not end",
    r"\sum_i \mathbb{1}[i \in S] x_i": "begins a relation",
    r"\sum_i\sum_j x_i y_j + \mathbb{1}[i \neq j]": "It stands as a factor right behind its sum",
    r"\arg\min_w \sum_i (y_i-w^\top x_i)^2": "Write only the function that is minimised",
    r"\max_{x} \sum_i a_i x": "an optimisation problem",
    r"\nabla_w \sum_i (y_i - w^\top x_i)^2": "the derivative is what is computed",
    r"L = \sum_i x_i = 0": "`=` inside an expression",
    "sum_i x_i*x_k": "is x_k one of the x_i?",
    "c = sum_j(A_kj*x_j)": "or name all of these: c_k = …",
    r"\sum_i x_i \cdot w": "is this the inner product of two vectors?",
    r"\log a \sum_i x_i": "Put parentheses around its argument",
    r"\sum_i A_i^{-1}": "declare `A: N` if the A_i are scalars",
    r"\sum_{j: t_j \to t_i} x_j": "what this sum runs over cannot be read",
    r"\sum_i \max_{k\neq i} x_k": "\\max_… is an optimisation problem",
    r"\sum_i \phi(x_i)": "a function of x_i or a product?",
    r"\sum_{i=1}^n\sum_{j=1}^{n_i} x_{ij}": "the range of j depends on an index",
    r"\sum_{i=1}^\infty x_i": "Sums are finite",
    r"\alpha KL(x)": "there is no function KL",
    "F.softmax(x)": "the dimension 1 or 2",
    r"\sum_{u,i} (r_{ui} - b_u - b_i)^2": "are b_u and b_i entries of one array, or users and items?",
    r"\sum_{i,j} a_i a_j K(x_i, x_j)": "K is a matrix here and no function of members",
    r"\sum_{\langle i,j\rangle} x_i x_j": "what this sum runs over cannot be read",
}


@pytest.mark.parametrize("text", BEGINNERS)
def test_messages_to_beginners(text: str) -> None:
    with pytest.raises(md.MatdiffError) as caught:
        md.derive(text, wrt="x")
    assert BEGINNERS[text] in str(caught.value)


def test_products_of_arrays_in_numpy_and_mathematica_go_entry_by_entry() -> None:
    for text in ("np.sum(np.log(1+np.exp(-y*(X@w))))", "Total[Log[1+Exp[-y*(X.w)]]]"):
        d = md.derive(text, wrt="w")
        assert d.gradient.text() == "−Xᵀ(y ⊙ σ(−y ⊙ (X w)))"
        assert any("goes entry by entry" in remark for remark in d.remarks)
    with pytest.raises(md.MatdiffError, match="goes entry by entry"):
        md.parse("np.sum(A*(X@w))", declare="A: m×n")


@pytest.mark.parametrize("text", ["det(A'*A)", "det(A*B)", "det(A*B*A)", "det(A)^2"])
def test_determinants_of_products_have_derivatives_at_singular_matrices(text: str) -> None:
    d = md.derive(text, wrt="A", declare="A: 2×2; B: 2×2")
    at = {"A": np.array([[1.0, 2.0], [2.0, 4.0]]), "B": np.array([[1.0, 2.0], [3.0, 5.0]])}
    V = np.array([[0.3, -0.7], [0.2, 0.9]])
    given = {v.name: at[v.name] for v in d.function.variables}
    f = [d.function.evaluate(**{**given, "A": at["A"] + h * V}) for h in (1e-3, -1e-3, 0)]
    g = d.gradient.evaluate(**{v.name: at[v.name] for v in d.gradient.variables})
    H = d.hessian.evaluate(**{v.name: at[v.name] for v in d.hessian.variables})
    v = V.flatten("F")
    assert np.isclose(np.sum(g * V), (f[0] - f[1]) / 2e-3, atol=1e-3)
    assert np.isclose(v @ H @ v, (f[0] - 2 * f[2] + f[1]) / 1e-6, atol=1e-3)


def test_powers_with_an_exponent_that_counts_are_powers() -> None:
    """x¹ + x² + x³ is defined for x < 0 too, where exp(i·log x) is not."""
    d = md.derive(r"\sum_{i=1}^3 x^i", wrt="x")
    assert d.evaluate(x=-2.0) == pytest.approx(-2 + 4 - 8)
    assert d.gradient.evaluate(x=-2.0) == pytest.approx(1 - 4 + 12)
    d = md.derive(r"\sum_i \sum_{j \ne i} x_i^{a_j}", wrt="x")
    x, a = np.array([-1.0, 2.0, -3.0]), np.array([2.0, 3.0, 1.0])
    loop = [sum(a[j] * x[i] ** (a[j] - 1) for j in range(3) if j != i) for i in range(3)]
    assert np.allclose(d.gradient.evaluate(x=x, a=a), loop, rtol=1e-12)


def test_no_part_is_called_as_a_size_is() -> None:
    d = md.derive(r"\sum_{i<j} |x_i - x_j|^{p_i}", wrt="x")
    assert "N = " not in d.text() and "where M = " in d.text()
