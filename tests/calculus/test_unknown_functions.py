"""Unknown functions of arrays: what is printed, against JAX with functions handed over, read back, named mistakes."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import matdiff as md

LAW = "chain rule (outputs left, inputs right)"

PRINTED: dict[tuple[str, str, str], tuple[str, ...]] = {
    ("g(h(x))", "x", "h: n -> p; g: p -> m"): ("g'(h(x)) h'(x)",),
    ("phi(h(x))", "x", "h: n -> p; phi: p -> scalar"): (
        "h'(x)ᵀ ∇phi(h(x))",
        "h''(x)*[∇phi(h(x))] + h'(x)ᵀ ∇²phi(h(x)) h'(x)",
    ),
    ("f(x(t))", "t", "x: scalar -> n; f: n -> scalar"): (
        "∇f(x(t))ᵀ x'(t)",
        "x'(t)ᵀ ∇²f(x(t)) x'(t) + ∇f(x(t))ᵀ x''(t)",
    ),
    ("f(x,w)", "x", "f: (n, k) -> scalar"): ("∇₁f(x, w)", "∇₁∇₁f(x, w)"),
    ("f(x(t),t)", "t", "x: scalar -> n; f: (n, scalar) -> scalar"): ("∇₁f(x(t), t)ᵀ x'(t) + ∂₂f(x(t), t)",),
    ("x'*A(p)*x", "p", "A: k -> n×n"): ("A'(p)*[x xᵀ]", "A''(p)*[x xᵀ]"),
    ("logdet(A(t))", "t", "A: scalar -> n×n"): ("tr(A(t)⁻¹ A'(t))", "tr(A(t)⁻¹(A''(t) − A'(t) A(t)⁻¹ A'(t)))"),
    ("phi(X)", "X", "phi: m×n -> scalar"): ("∇phi(X)",),
    ("tr(C*F(X))", "X", "F: m×n -> k×k"): ("F'(X)*[Cᵀ]",),
    ("s(q(t))", "t", "q: scalar -> scalar; s: scalar -> scalar"): ("s'(q(t)) q'(t)",),
    ("L(y(z(w,x,b)),t)", "w", "L: (m, m) -> scalar; y: m -> m; z: (k, n, m) -> m"): (
        "∂₁z(w, x, b)ᵀ y'(z(w, x, b))ᵀ ∇₁L(y(z(w, x, b)), t)",
    ),
    ("norm(h(x))^2/2", "x", r"h: R^n \to \mathbb{R}^p"): ("h'(x)ᵀ h(x)", "h''(x)*[h(x)] + h'(x)ᵀ h'(x)"),
    ("f(x,y)", "x", "f: R^n × R^m -> R"): ("∇₁f(x, y)", "∇₁∇₁f(x, y)"),
    ("f(x,Y)", "x", r"f: \mathbb{R}^n \times \mathbb{R}^{m\times k} \to \mathbb{R}"): ("∇₁f(x, Y)",),
    (r"\frac12 f(x)^2", "x", r"f\colon \mathbb{R}^n \to \mathbb{R}"): ("f(x) ∇f(x)",),
}
SIGNED = {
    ("f: R^n -> R; f(x) = x'*A*x", "x"): "x: n; A: n×n",
    ("f: R^n × R^m -> R; f(x, y) = x'*A*y; x: n", "x"): "x: n; A: n×m; y: m",
    ("f(x, y) := x'*A*y", "x"): "x: m; A: m×n; y: n",
    (r"f: \mathbb{R}^d \to \mathbb{R},\quad f(w) = \lVert X w - y\rVert^2", "w"): "X: n×d; w: d; y: n",
    (r"f\colon \mathbb{R}^n \to \mathbb{R}; f(x)", "x"): "x: n; f: n -> scalar",
}
"""What a signature says of the function that is given behind it."""
WRONGLY_SIGNED = {
    ("f: R^n -> R; f(x) = A*x", "x"): "the value of f is declared as a scalar, but this is a vector of length m",
    (
        "f: n -> m; f(x) = 2*x",
        "x",
    ): "the value of f is declared as a vector of length m, but this is a vector of length n",
    (r"f: \mathbb{R}^n \to \mathbb{R}, f(x) = A x", "x"): "the value of f is declared as a scalar",
    ("f: R^n -> R; f(x, y) = x'*y", "x"): "f is declared with 1 argument, not 2",
    ("f: R^n -> R; f(x) = x'*x; x: m", "x"): "f is declared as a function of n",
}


def answers(d: Any, count: int) -> list[Any]:
    first = d.gradient if d.function.kind == "scalar" else d.jacobian
    return [first] if count == 1 else [first, d.hessian]


@pytest.mark.parametrize("text, wrt, declare", PRINTED)
def test_what_is_printed_is_verified(text: str, wrt: str, declare: str) -> None:
    d = md.derive(text, wrt=wrt, declare=declare)
    said = PRINTED[text, wrt, declare]
    assert tuple(map(str, answers(d, len(said)))) == said
    assert d.verify().passed
    assert len(said) == 1 or d.verify(order=2).passed


@pytest.mark.parametrize("text, wrt", SIGNED)
def test_a_signature_says_what_the_names_of_the_function_are(text: str, wrt: str) -> None:
    d = md.derive(text, wrt=wrt)
    assert d.types == SIGNED[text, wrt] and d.verify().passed


@pytest.mark.parametrize("text, wrt", WRONGLY_SIGNED)
def test_a_function_must_have_the_values_of_its_signature(text: str, wrt: str) -> None:
    with pytest.raises(md.MatdiffError, match=re.escape(WRONGLY_SIGNED[text, wrt])):
        md.derive(text, wrt=wrt)


def test_the_steps_name_the_chain_rule_in_its_order() -> None:
    d = md.derive("g(h(x))", wrt="x", declare="h: n -> p; g: p -> m")
    assert str(d.differential) == "g'(h(x)) h'(x) dx"
    assert [s.rule for s in d.steps] == [LAW, LAW]


def test_the_multivariate_chain_rule_has_its_intermediate_variables() -> None:
    d = md.derive("u = h(x); v = g(x); f(u,v)", wrt="x", declare="h: n -> p; g: n -> q; f: (p, q) -> scalar")
    lines = [str(s) for s in d.steps]
    assert any("∇₁f(u, v)ᵀ du + ∇₂f(u, v)ᵀ dv" in line for line in lines)
    assert d.verify().passed


# against JAX, with functions that are handed over


@cache
def jax_functions() -> tuple[Any, dict[str, Callable[..., Any]]]:
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    jax.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(0)
    A, B, P, Q, W = (jnp.asarray(rng.normal(size=s)) for s in ((3, 4), (2, 3), (5, 5), (4, 2), (4, 4)))
    known: dict[str, Callable[..., Any]] = {
        "h": lambda x: jnp.tanh(A @ x),
        "g": lambda y: jnp.sin(B @ y) + y[:2] ** 2,
        "phi": lambda y: jnp.sum(jnp.cos(y)) + y[0] * y[1] ** 2,
        "x": lambda t: jnp.sin(t * jnp.arange(1.0, 5.0)),
        "q": lambda x: jnp.exp(-jnp.sum(x**2)),
        "M": lambda x: W + jnp.outer(jnp.sin(x), jnp.cos(x)) * x[0],
        "R": lambda t: 5 * jnp.eye(4) + jnp.sin(t * W),
        "F": lambda X: jnp.tanh(P[:4, :4] @ X @ Q),
        "G": lambda X: jnp.sum(jnp.sin(X @ P[:4, :4]) ** 2) + X[0, 0] * X[1, 1],
        "v": lambda X: jnp.sin(X @ jnp.arange(4.0)),
        "f": lambda x, w, t: jnp.sum(jnp.sin(x) * t) * jnp.sum(w**3) + x[0] * w[1] * t**2,
        "k": lambda x, w: jnp.tanh(A @ x) * jnp.sum(jnp.sin(w)) + w[:3] * x[1],
    }
    return jax, known


DECLARED = (
    "h: 4 -> 3; g: 3 -> 2; phi: 3 -> scalar; x: scalar -> 4; q: 4 -> scalar; M: 4 -> 4×4; R: scalar -> 4×4;"
    "F: 4×4 -> 4×2; G: 4×4 -> scalar; v: 4×4 -> 4; f: (4, 3, scalar) -> scalar; k: (4, 3) -> 3"
)
SHAPES = {"z": (4,), "w": (3,), "X": (4, 4), "t": (), "C": (2, 4), "u": (2,), "y": (3,)}
LETTERS = "; ".join(f"{n}: {'×'.join(map(str, s)) or 'scalar'}" for n, s in SHAPES.items())

COMPOSED: dict[tuple[str, str], Callable[..., Any]] = {
    ("g(h(z))", "z"): lambda k, z, **_: k["g"](k["h"](z)),
    ("phi(h(z))", "z"): lambda k, z, **_: k["phi"](k["h"](z)),
    ("q(x(t))", "t"): lambda k, t, **_: k["q"](k["x"](t)),
    ("h(x(t))", "t"): lambda k, t, **_: k["h"](k["x"](t)),
    ("z'*M(z)*z", "z"): lambda k, z, **_: z @ k["M"](z) @ z,
    ("z'*inv(R(t))*z", "t"): lambda k, t, z, **_: z @ __import__("jax").numpy.linalg.solve(k["R"](t), z),
    ("tr(C*F(X))", "X"): lambda k, X, C, **_: (C @ k["F"](X)).trace(),
    ("G(X)", "X"): lambda k, X, **_: k["G"](X),
    ("G(X'*X)", "X"): lambda k, X, **_: k["G"](X.T @ X),
    ("q(v(X))", "X"): lambda k, X, **_: k["q"](k["v"](X)),
    ("f(z,w,t)", "z"): lambda k, z, w, t, **_: k["f"](z, w, t),
    ("f(z,w,t)", "t"): lambda k, z, w, t, **_: k["f"](z, w, t),
    ("f(x(t),w,t)", "t"): lambda k, t, w, **_: k["f"](k["x"](t), w, t),
    ("f(z,h(z),q(z))", "z"): lambda k, z, **_: k["f"](z, k["h"](z), k["q"](z)),
    ("phi(k(z,w))", "z"): lambda k, z, w, **_: k["phi"](k["k"](z, w)),
    ("y'*k(z,h(z))*q(z)", "z"): lambda k, z, y, **_: y @ k["k"](z, k["h"](z)) * k["q"](z),
    ("k(z,w)", "w"): lambda k, z, w, **_: k["k"](z, w),
}


@cache
def handed() -> dict[str, tuple[Any, ...]]:
    """(value, derivative, second derivative) of each, by JAX; each compiled when it is first called."""
    jax, known = jax_functions()
    many = {"f": 3, "k": 2}
    out: dict[str, tuple[Any, ...]] = {}
    for name, fn in known.items():
        if name not in many:
            first = jax.jacfwd(fn)
            out[name] = tuple(map(jax.jit, (fn, first, jax.jacfwd(first))))
            continue
        slots = range(many[name])
        firsts = [jax.jit(jax.jacfwd(fn, argnums=i)) for i in slots]
        out[name] = (jax.jit(fn), firsts, [[jax.jit(jax.jacfwd(one, argnums=j)) for j in slots] for one in firsts])
    return out


@pytest.mark.parametrize("text, wrt", COMPOSED)
def test_they_verify_themselves(text: str, wrt: str) -> None:
    d = md.derive(text, wrt=wrt, declare=[DECLARED, LETTERS])
    assert d.verify(order=2 if d.kind == "gradient" else 1).passed is True


@pytest.mark.share(2)
@pytest.mark.parametrize("text, wrt", COMPOSED)
def test_values_are_those_of_jax(text: str, wrt: str) -> None:
    jax, known = jax_functions()
    given = handed()
    rng = np.random.default_rng(1)
    arrays = {n: rng.normal(size=s) if s else 0.7 for n, s in SHAPES.items()}
    d = md.derive(text, wrt=wrt, declare=[DECLARED, LETTERS])

    def composed(value: Any) -> Any:
        return COMPOSED[text, wrt](known, **{**arrays, wrt: value})

    everything = {**arrays, **given}
    V = rng.normal(size=np.shape(arrays[wrt]))
    truth, along = jax.jit(lambda at, v: jax.jvp(composed, (at,), (v,)))(arrays[wrt], V)
    assert np.allclose(d.jvp(V, **everything), along, rtol=1e-10, atol=1e-12)
    if np.ndim(truth):
        Y = rng.normal(size=truth.shape)
        (pulled,) = jax.jit(lambda at: jax.vjp(composed, at)[1](Y))(arrays[wrt])
        assert np.allclose(d.vjp(Y, **everything), pulled, rtol=1e-10, atol=1e-12)
        return
    gradient, product = jax.jit(lambda at, v: jax.jvp(jax.grad(composed), (at,), (v,)))(arrays[wrt], V)
    assert np.allclose(d.gradient.evaluate(**everything), gradient, rtol=1e-10, atol=1e-12)
    assert np.allclose(d.hvp(V, **everything), product, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("text, wrt", COMPOSED)
def test_every_derivative_reads_back_in_every_notation(text: str, wrt: str) -> None:
    d = md.derive(text, wrt=wrt, declare=[DECLARED, LETTERS])
    answers = [d.differential, d.operator.value, d.adjoint.value, d.bilinear.value]
    for e in answers:
        for written in (e.text(defined=False), e.text(ascii=True), e.latex()):
            assert md.parse(written, declare=e.types) == e, written
        assert e.text(ascii=True).isascii()
        assert pickle.loads(pickle.dumps(e)) == e


# mistakes in claims, and texts that are refused

CHAIN = "h: n -> n; g: n -> n; phi: n -> scalar"
WRONG = {
    ("g(h(x))", "h'(x)*g'(h(x))"): "the factors of the chain rule stand in the wrong order",
    ("phi(g(h(x)))", "g'(h(x))'*h'(x)'*∇phi(g(h(x)))"): "the factors of the chain rule stand in the wrong order",
    ("phi(h(x))", "h'(x)*∇phi(h(x))"): "a transpose is missing",
    ("g(h(x))", "g'(h(x))'*h'(x)"): "a transpose is missing",
    ("phi(h(x))", "∇phi(h(x))"): "the factor h'(x)ᵀ is missing",
    ("phi(h(x))", "h'(x)'*∇phi(x)"): "∇phi(x) is taken at the wrong place",
    ("phi(h(x))", "2*h'(x)'*∇phi(h(x))"): "factor",
}


@pytest.mark.parametrize("text, claim", WRONG)
def test_a_wrong_claim_is_named(text: str, claim: str) -> None:
    found = md.check_claim(text, claim, wrt="x", declare=CHAIN)
    assert found.passed is False
    assert WRONG[text, claim] in found.reason


@pytest.mark.parametrize("claim", ["g'(h(x))*h'(x)", "(h'(x)'*g'(h(x))')'", "g'(h(x))*h'(x) + 0*g'(x)"])
def test_a_right_claim_is_right(claim: str) -> None:
    assert md.check_claim("g(h(x))", claim, wrt="x", declare=CHAIN).passed


REFUSED = {
    ("phi(h(x))", "h: n -> p"): "is phi(h(x)) a function of h(x) or a product?",
    ("y(z(w,x))", "z: (k, n) -> m; x: n"): "is y(z(w,x)) a function of z(w,x) or a product?",
    ("h'(x)*g'(h(x))", "h: n -> p; g: p -> m"): "wrong order: outputs left, inputs right, g'(h(x))*h'(x)",
    ("h(y)", "h: n -> p; y: m"): "h takes n, not y (a vector of length m)",
    ("h(x,x)", "h: n -> p"): "h takes 1 argument (n), not 2",
    ("h'(X)", "h: n×n -> n×n"): "h' has more axes than a matrix",
    ("h''(x)", "h: n -> p"): "write h''(…)[V]",
    ("phi'(x)", "phi: n -> scalar"): "write ∇phi(…)",
    ("∂₃f(x,x)", "f: (n, n) -> scalar"): "∂₃f does not say by which of its 2 arguments",
    ("f'(x,x)", "f: (n, n) -> scalar"): "write ∂₁f(…)",
    ("h'''(x)", "h: n -> p"): "third derivatives of unknown functions",
    ("h*x", "h: n -> p"): "h is a function",
    ("h'(X)[V)", "h: n×n -> n×n"): "does not close `[`",
    ("h'(X)[V", "h: n×n -> n×n"): "unclosed `[`",
    ("h'(X)[v]", "h: n×n -> n×n; v: n"): "does not take v (a vector of length n)",
    ("f(x,x)", "f: (n, m) -> scalar; x: n"): "f takes m, not x (a vector of length n)",
    ("D(x)", "D: n -> n"): "is a constant of the language",
    ("h(x)", "h: n -> p spd"): "have sizes alone",
    ("h(x)", "h: n -> p -> m"): "a function has one arrow",
    ("h(x)", "h: -> p"): "a shape is missing beside the arrow",
    ("h(x)", "h: n -> 0"): "dimensions are at least 1",
    ("h(x)", "h: a×b×c -> n"): "is no shape",
    ("norm(x)", "norm: n -> m"): "norm is reserved",
    ("h(x)", "h: n -> m; h: n -> k"): "h is declared twice",
    ("f(x,t)", ""): "`f: (n, m) -> scalar`",
    ("g(x)", ""): "(of arrays: `g: n -> m`)",
}


@pytest.mark.parametrize("text, declare", REFUSED)
def test_what_has_no_meaning_is_refused_at_its_place(text: str, declare: str) -> None:
    with pytest.raises(md.MatdiffError) as caught:
        md.derive(text, wrt="x", declare=declare)
    assert REFUSED[text, declare] in str(caught.value)
    assert "^" in str(caught.value)


def test_functions_from_python() -> None:
    g, h = md.function("g", "p", "m"), md.function("h", "n", "p")
    x = md.vector("x", "n")
    d = md.derive(g(h(x)), wrt=x)
    assert str(d.jacobian) == "g'(h(x)) h'(x)"
    assert d.jacobian.types == "x: n; h: n -> p; g: p -> m"
    assert g(h(x)) == md.parse("g(h(x))", declare="g: p -> m; h: n -> p")
    f = md.function("f", ("n", "n×n", "scalar"), "scalar")
    assert str(md.derive(f(x, md.matrix("A", "n", "n"), md.scalar("t")), wrt="A").gradient) == "∇₂f(x, A, t)"
    with pytest.raises(md.ShapeError):
        g(x)
    for wrong in (("f", 3.5, "n"), ("f x", "n", "m"), ("norm", "n", "m"), ("f", "n", "spd"), (1, "n", "m")):
        with pytest.raises(md.MatdiffError):
            md.function(*wrong)  # type: ignore[arg-type]


def test_what_is_not_handed_over_is_asked_for() -> None:
    d = md.derive("g(h(x))", wrt="x", declare="h: n -> p; g: p -> m")
    x, A = np.ones(3), np.ones((2, 3))
    for given, says in (
        ({}, "h is an unknown function"),
        ({"h": lambda x: A @ x, "g": np.sin}, "g' is asked for"),
        ({"h": (lambda x: A @ x, lambda x: A), "g": (np.sin, np.cos)}, "has a value with 1 axes, not m×p"),
        (
            {"h": (lambda x: A @ x, lambda x: A), "g": (np.sin, lambda y: np.ones((4, 5)))},
            "value_of_g_1 is a matrix m×p",
        ),
    ):
        with pytest.raises(md.MatdiffError, match=says.replace("(", "\\(")):
            d.jacobian.evaluate(x=x, **given)
    with pytest.raises(md.UnsupportedError, match="unknown function"):
        d.jacobian.source()


def test_a_composition_of_which_nothing_is_known_is_one_of_scalars() -> None:
    """Backpropagation through L(y(z(w, x, b)), t), without declarations."""
    d = md.derive("L(y(z(w,x,b)),t)", wrt="w")
    assert d.gradient.text() == "∂₁L(y(z(w, x, b)), t) y'(z(w, x, b)) ∂₁z(w, x, b)" and d.verify().passed
    assert any("read as unknown functions of scalars" in remark for remark in d.remarks)


@pytest.mark.parametrize(
    "text", ["f(x,y)", "f(g(x))", "KL(p,q)", "L(KL(p,q))", "L(z(x,y))+1", "L(z(x,x))", "L(D(x,y))", "L(x,y)(z)"]
)
def test_what_may_be_a_product_or_a_function_with_a_name_is_no_unknown_function(text: str) -> None:
    with pytest.raises(md.MatdiffError):
        md.parse(text)
