"""Equations, functionals and differential equations as textbooks write them, with what was derived beside each."""

from __future__ import annotations

import numpy as np
import pytest

import matdiff as md

EQUATIONS = [
    # equations and function, variable, declarations, adjoint equation, gradient
    ("g(p,x) = 0 for x; c'*x", "p", "g: (k, n) -> n; p: k; x: n", "∂₂g(p, x)ᵀ v = c", "−∂₁g(p, x)ᵀ v"),
    ("r(u, m) = 0 for u; J(u, m)", "m", "r: (n, k) -> n; J: (n, k) -> scalar; u: n; m: k",
     "∂₁r(u, m)ᵀ v = ∇₁J(u, m)", "∇₂J(u, m) − ∂₂r(u, m)ᵀ v"),
    ("X*X = A for X; tr(X)", "A", "A: n×n spd; X: n×n spd", "V X + X V = I", "½(V + Vᵀ)"),
    ("x^2 + y^2 = a, x - y = b for x, y; x*y", "a", "x, y, b: scalar; a: scalar positive",
     "2x v₁ + v₂ = y; 2y v₁ − v₂ = x", "v₁"),
    ("Diag(x)*A*x = b for x; sum(log(x))", "b", "x: n positive; A: n×n positive; b: n positive",
     "(A x) ⊙ v + Aᵀ(x ⊙ v) = 1 ./ x", "v"),
    (r"\log x + x = p \text{ for } x; x^2", "p", "x, p: scalar positive", "v/x + v = 2x", "v"),
    ("Q*x + A'*λ + q = 0, A*x - b = 0 for x, λ; c'*x", "b", "Q: n×n spd; λ: m; A: m×n",
     "Q v₁ + Aᵀ v₂ = c; A v₁ = 0", "v₂"),
    ("A*X*A' - X + Q = 0 for X; tr(X)", "Q", None, "Aᵀ V A − V = I", "−V"),
    (r"A^\top X + X A = -Q \text{ for } X; \operatorname{tr}(X B B^\top)", "B", "A: n×n; B: n×m; Q: n×n",
     "A V + V Aᵀ = B Bᵀ", "(X + Xᵀ) B"),
    ("(K + Diag(exp(m)))*u = f for u; norm(P*u - d)^2/2", "m", "P: k×n; K: n×n",
     "(K + Diag(exp(m)))ᵀ v = Pᵀ(P u − d)", "−exp(m) ⊙ v ⊙ u"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "declare", "equation", "gradient"), EQUATIONS, ids=lambda v: str(v)[:40])
def test_equations(text, wrt, declare, equation, gradient):
    d = md.derive(text, wrt=wrt, declare=declare)
    said = d.adjoint_equation
    assert "; ".join(map(str, said if isinstance(said, tuple) else (said,))) == equation
    assert str(d.gradient) == gradient
    assert d.verify().passed is True and d.verify(order=2).passed is True


def test_the_verification_sees_a_wrong_gradient_by_unknown_functions():
    d = md.derive("g(p,x) = 0 for x; c'*x", wrt="p", declare="g: (k, n) -> n; p: k; x: n")
    (p,) = d.wrt
    d.adjoints.gradients[p] = d.adjoints.gradients[p] * -1
    assert d.verify().passed is False


def test_an_implicit_function_against_optimistix():
    jax, optimistix = pytest.importorskip("jax"), pytest.importorskip("optimistix")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    rng = np.random.default_rng(0)
    A, b, c = 4 * np.eye(3) + rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3)

    def value(A):
        solver = optimistix.Newton(rtol=1e-12, atol=1e-12)
        return c @ optimistix.root_find(lambda x, A: A @ x + x**3 - b, solver, jnp.zeros(3), args=A).value

    d = md.derive("A*x + x.^3 = b for x; c'*x", wrt="A")
    assert np.allclose(d.gradient.evaluate(A=A, b=b, c=c), jax.jit(jax.grad(value))(A), rtol=1e-9, atol=1e-11)


def test_a_hessian_of_many_directions_is_that_of_each():
    rng = np.random.default_rng(1)
    given = {"A": 5 * np.eye(4) + rng.normal(size=(4, 4)), "B": rng.normal(size=(4, 3)), "p": rng.normal(size=3)}
    d = md.derive("A*x + x.^3 = B*p for x; A*y = x.^2 for y; y'*y", wrt="p")
    each = np.stack([d.hvp(e, **given) for e in np.eye(3)], axis=1)
    assert np.allclose(d.hessian_matrix(**given), each, rtol=1e-12, atol=1e-14)


U, Y, Q = "u: function of x", "y: function of x", "q: n function of t"
FUNCTIONALS = [
    (r"\int_0^1 \sqrt{1 + y'(x)^2} \, dx", "y", Y, "−y''/sqrt(1 + y'²)³", "y'/sqrt(1 + y'²)"),
    (r"J[y] = \int_0^1 (y'^2 + 12 x y)\,dx", "y", Y, "2(6x − y'')", "2y'"),
    (r"\int_0^1 \left(\frac{\mathrm{d}u}{\mathrm{d}x}\right)^2 \mathrm{d}x", "u", U, "−2u''", "2u'"),
    (r"S = \int_0^T \left(\tfrac12 m \dot{q}^2 - V(q)\right) dt", "q",
     "q: function of t; m: scalar; V: scalar -> scalar", "−V'(q) − q'' m", "q' m"),
    ("int(F(u, D(u), x), x, a, b)", "u", U + "; F: (scalar, scalar, scalar) -> scalar",
     "∂₁F(u, u', x) − u' ∂₂∂₁F(u, u', x) − u'' ∂₂∂₂F(u, u', x) − ∂₃∂₂F(u, u', x)", "∂₂F(u, u', x)"),
    (r"\int_a^b L(q, \dot{q})\,dt", "q", Q + "; L: (n, n) -> scalar",
     "∇₁L(q, q') − ∇₂∇₁L(q, q')ᵀ q' − ∇₂∇₂L(q, q') q''", "∇₂L(q, q')"),
    (r"\int_0^1 \lVert u' \rVert^2\,dt", "u", "u: n function of t", "−2u''", "2u'"),
    (r"\int_0^1 y\,dx + \lambda \left(\int_0^1 \sqrt{1+y'^2}\,dx - L\right)", "y", Y + "; lambda, L: scalar",
     "1 − y'' lambda/sqrt(1 + y'²)³", "y' lambda/sqrt(1 + y'²)"),
    ("int(sqrt(D(r)^2 + r^2), t, 0, 1)", "r", "r: function of t", "r (2r'² + r² − r r'')/sqrt(r'² + r²)³",
     "r'/sqrt(r'² + r²)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "declare", "gradient", "boundary"), FUNCTIONALS, ids=lambda v: v[:40])
def test_functionals(text, wrt, declare, gradient, boundary):
    d = md.vary(text, wrt, declare, ends="free")
    assert (str(d.gradient), str(d.boundary)) == (gradient, boundary)
    assert d.verify().passed is True


def test_an_equation_has_no_number_in_common():
    assert str(md.vary("int((D(D(u)) + u)^2, x, 0, 1)", "u", U, ends="fixed").euler_lagrange) == "2u'' + u + u'''' = 0"


def test_a_lagrangian_is_handed_over():
    d = md.vary("int(F(u, D(u)), x, 0, 1)", "u", U + "; F: (scalar, scalar) -> scalar", ends="free")
    F = (lambda u, p: p**2 + u, [lambda u, p: 1.0, lambda u, p: 2 * p])
    u, du = (lambda x: x**2, lambda x: 2 * x), (lambda x: x, lambda x: 1.0)
    assert np.isclose(d.value(u, F=F), 4 / 3 + 1 / 3)
    assert np.isclose(d.variation(u, du, F=F), 2 + 1 / 2)


FLOWS = [
    ("u' = A*u", "u", "A", {"final": "norm(u(T) - y)^2"}, "v' = −Aᵀ v,   v(T) = 2(y − u(T))"),
    (r"\frac{du}{dt} = -k u", "u", "k", {"declare": "u,k: scalar", "initial": "1", "final": "u"},
     "v' = k v,   v(T) = −1"),
    ("r*u(t)*(1 - u(t)/K)", "u", "r", {"declare": "u,r,K: scalar", "initial": "u_0", "objective": "u^2"},
     "v' = 2u − r v + 2r u v/K,   v(T) = 0"),
    ("A(p)*u", "u", "p", {"declare": "A: k -> n×n; p: k; u: n", "final": "c'*u"}, "v' = −A(p)ᵀ v,   v(T) = −c"),
    ("[x[2]; -k*x[1]]", "x", "k", {"declare": "x: 2; k: scalar", "final": "x[1]"},
     "v' = [k v[2]; −v[1]],   v(T) = −e(2,1)"),
    ("A'*P + P*A - P*B*B'*P + Q", "P", "Q",
     {"declare": "P: n×n; B: n×m", "initial": "0", "final": "tr(P)", "until": "1/4"},
     "V' = V (Pᵀ B Bᵀ − Aᵀ) + (B Bᵀ Pᵀ − A) V,   V(1/4) = −I"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "state", "wrt", "rest", "adjoint"), FLOWS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_differential_equations(text, state, wrt, rest, adjoint):
    d = md.ode(text, state, wrt, **rest)
    assert str(d.adjoint) == adjoint
    assert d.verify().passed is True


def test_a_right_hand_side_is_handed_over():
    d = md.ode("f(u,p)", "u", "p", "f: (scalar, scalar) -> scalar; u, p: scalar", 2, final="u^2", until=1)
    f = (lambda u, p: -p * u, (lambda u, p: -p, lambda u, p: -u))
    value, slope = d.solve(f=f, p=0.7)
    assert np.isclose(value, 4 * np.exp(-1.4), rtol=1e-10) and np.isclose(slope, -8 * np.exp(-1.4), rtol=1e-9)


def test_source_for_jax_integrates_by_diffrax():
    jax = pytest.importorskip("jax")
    pytest.importorskip("diffrax")
    jax.config.update("jax_enable_x64", True)
    d = md.ode("p[1] + p[2]*u + p[3]*u^2", "u", "p", "p: 3; u: scalar", 0, "(u - t^3)^2", until=1)
    space = {}
    exec(d.source("jax"), space)
    p = np.array([0.3, 0.2, -0.1])
    value, gradient = jax.jit(lambda p: space["value_and_grad"](p=p))(p)
    expected, by = d.solve(p=p)
    assert np.isclose(value, expected, rtol=1e-9) and np.allclose(gradient, by, rtol=1e-8)
