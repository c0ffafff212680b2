"""Functionals: gradients as books print them, boundary terms, values against SciPy's quadrature and differences."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.integrate import quad

import matdiff as md
from matdiff.cli.app import run
from matdiff.errors import DomainError, MatdiffError

U = "u: function of x"
PI = np.pi

GRADIENTS = [
    # functional, declarations, gradient, boundary
    ("int(sqrt(1 + D(u)^2), x, 0, 1)", U, "−u''/sqrt(1 + u'²)³", "u'/sqrt(1 + u'²)"),
    (r"\int_0^1 \sqrt{1+u'^2}\,dx", U, "−u''/sqrt(1 + u'²)³", "u'/sqrt(1 + u'²)"),
    ("int(sin(u), x, 0, 1)", U, "cos(u)", "0"),
    ("int(u'^2/2 + u^4/4, x, 0, 1)", U, "u³ − u''", "u'"),
    ("int(u''^2/2 - q*u, x, 0, L)", U + "; q, L: scalar", "u'''' − q", "−u'''"),
    ("int(u*u', x, 0, 1)", U, "0", "u"),
    ("int(x*D(u)^2, x, 0, 1)", U, "−2(u'' x + u')", "2u' x"),
    ("int(u^2,x,0,1) + int(D(u)^2,x,0,1)/3 - 2*int(u,x,0,1)", U, "2u − 2 − 2/3 u''", "2/3 u'"),
    ("int(D(u)'*D(u)/2 - u^T*A*u, t, 0, 1)", "u: n function of t; A: n×n symmetric", "−2A u − u''", "u'"),
    (r"\int_0^{\pi} \left(\frac{u'^2}{2} - \cos u\right) \mathrm{d}x", U, "sin(u) − u''", "u'"),
    (r"\frac12\int_{a}^{b} y'^2 \, dt", "y: function of t", "−y''", "y'"),
    ("int(a*u'^2 + w*u, x, 0, 1)", U + "; a: function of x; w: function of x", "w − 2u'' a − 2u' a'", "2u' a"),
]


@pytest.mark.parametrize(("text", "declare", "gradient", "boundary"), GRADIENTS, ids=lambda v: v[:40])
def test_gradient_and_boundary(text, declare, gradient, boundary):
    d = md.vary(text, text.partition("y'")[1][:1] or "u", declare, ends="free")
    assert str(d.gradient) == gradient
    assert str(d.boundary) == boundary
    assert d.verify().passed is True


MATRICES = "U: n×m function of t; M: n×n symmetric; K: n×n symmetric"
GENERAL = [
    # functional, what varies, declarations, gradient, boundary
    ("int(tr(D(U)'*D(U))/2, t, 0, 1)", "U", "U: n×n function of t", "−U''", "U'"),
    ("int(norm(D(U))^2/2 + logdet(U), t, 0, T)", "U", "U: n×n function of t", "U⁻ᵀ − U''", "U'"),
    ("int(tr(D(U)'*M*D(U))/2 - tr(U^T*K*U)/2, t, 0, T)", "U", MATRICES, "−K U − M U''", "M U'"),
    (r"\int_0^1 \operatorname{tr}(\dot{U}^\top C \dot{U} U) dt", "U", "U: n×n function of t; C: n×n", None, None),
    ("int(tr(inv(U)*D(U)*inv(U)*D(U)), t, 0, 1)", "U", "U: n×n function of t", None, None),
    ("int(D(u)^2/2 + u^4/4, x, -inf, inf)", "u", U, "u³ − u''", "u'"),
    ("int(x^2*D(u)^2, x, 0, ∞)", "u", U, None, None),
    (r"\int_{-\infty}^{\infty} \frac{u''^2}{2} + u^2 \, dx", "u", U, None, "−u'''"),
    ("int(F(u, D(u), x), x, a, b)", "u", U, None, "∂₂F(u, u', x)"),
    (r"\int_0^T L(q(t), \dot{q}(t), t)\,dt", "q", "q: n function of t", None, "∇₂L(q, q', t)"),
]


@pytest.mark.parametrize(("text", "wrt", "declare", "gradient", "boundary"), GENERAL, ids=lambda v: str(v)[:40])
def test_matrices_infinite_ends_and_unknown_lagrangians(text, wrt, declare, gradient, boundary):
    d = md.vary(text, wrt, declare, ends="free")
    assert gradient is None or str(d.gradient) == gradient
    assert boundary is None or str(d.boundary) == boundary
    assert d.verify().passed is True


def test_at_infinity_the_boundary_term_is_0_by_decay(capsys):
    assert run(["vary", "int(D(u)^2/2 + u^2, x, -inf, inf)", "--wrt", "u", "--let", U]) == 0
    assert "u' du → 0   as x → ±∞" in capsys.readouterr().out
    half = r"\int_0^\infty \frac12 u'^2 + u^2\,dx"
    assert run(["vary", half, "--wrt", "u", "--let", U, "--ends", "free", "--ascii"]) == 0
    out = capsys.readouterr().out
    assert "D(u) = 0   at x = 0\n" in out and "D(u)*du -> 0   as x -> inf" in out


def test_values_over_infinite_intervals_and_of_matrices():
    d = md.vary("int(D(u)^2/2 + u^2, x, -inf, inf)", "u", U)
    u = (lambda x: np.exp(-x * x), lambda x: -2 * x * np.exp(-x * x))
    assert np.isclose(d.value(u), 3 / 2 * np.sqrt(PI / 2), rtol=1e-12)
    assert np.isclose(d.variation(u, u), 2 * d.value(u), rtol=1e-12)
    with pytest.raises(MatdiffError, match="derivatives up to the order 1"):
        d.value(u[0])
    with pytest.raises(DomainError, match="converge"):
        d.value((lambda x: 1.0, lambda x: 0.0))
    d = md.vary("int(tr(D(U)'*D(U))/2 + logdet(U), x, 0, 1)", "U", "U: n×n function of x", ends="free")
    matrix = lambda x: np.array([[2 + x, x * x], [0.3 * x, 3.0]])  # noqa: E731
    direct, _ = quad(lambda x: (1.09 + 4 * x * x) / 2 + np.log(np.linalg.det(matrix(x))), 0, 1, epsabs=1e-13)
    assert np.isclose(d.value(matrix), direct, rtol=1e-11)


EQUATIONS = [
    ("int(sqrt(1 + D(u)^2), x, 0, 1)", U, "u'' = 0"),
    ("2*pi*int(u*sqrt(1 + u'^2), x, a, b)", U, "1 + u'² − u'' u = 0"),
    ("int(k*u'^2/2 - sin(u), x, 0, 1)", U + "; k: scalar", "cos(u) + u'' k = 0"),
    ("int(D(u)'*D(u)/2 - u^T*A*u/2, t, 0, 1)", "u: n function of t; A: n×n symmetric", "A u + u'' = 0"),
    ("int(u^2, x, 0, 1)", U, "u = 0"),
    ("int(u*u', x, 0, 1)", U, "0 = 0"),
    ("int(u, x, 0, 1)", U, "1 = 0"),
]


@pytest.mark.parametrize(("text", "declare", "equation"), EQUATIONS, ids=lambda v: v[:40])
def test_euler_lagrange_equations_are_without_denominators(text, declare, equation):
    assert str(md.vary(text, "u", declare, ends="fixed").euler_lagrange) == equation


def test_minimal_surfaces_have_the_gradient_of_books():
    d = md.vary("2*pi*int(u*sqrt(1 + u'^2), x, a, b)", "u", U, ends="fixed")
    assert str(d.gradient) == "2pi (1 + u'² − u'' u)/sqrt(1 + u'²)³"


HARD = [
    ("int(sqrt((1 + D(u)^2)/(2*g*u)), x, 0, 1)", U + "; g: scalar"),
    ("2*pi*int(u*sqrt(1 + u'^2), x, a, b)", U),
    ("int(norm(D(u)), x, 0, 1)", "u: n function of x"),
    ("int(u'^2*u''^2 + x*u*u', x, 0, 1)", U),
    ("int(exp(-x)*(D(u,2) + u)^2, x, 0, 2)", U),
    ("int(log(u)*D(u)^2, x, 1, 2)", U),
    ("int(u''''*u, x, 0, 1)", U),
    ("int(D(u)^T*M*D(u) + c'*u*x, x, 0, 1)", "u: 3 function of x; M: 3×3"),
]


@pytest.mark.parametrize("ends", ["fixed", "free"])
@pytest.mark.parametrize(("text", "declare"), HARD, ids=lambda v: v[:40])
def test_gradients_agree_with_differences_of_the_integral(text, declare, ends):
    found = md.vary(text, "u", declare, ends=ends).verify()
    assert found.passed is True and found.points == 2, str(found)


def test_the_verification_sees_a_wrong_gradient():
    d = md.vary("int(sqrt(1 + D(u)^2), x, 0, 1)", "u", U, ends="free")
    (u,) = d.functional.wrt
    d.functional.gradients[u] = d.functional.gradients[u] * -1
    assert d.verify().passed is False
    d = md.vary("int(D(u)^2, x, 0, 1)", "u", U, ends="free")
    d.functional.boundaries[u].clear()
    assert d.verify().passed is False


def arc(x):
    return 0.4 * np.sin(PI * x) + 0.1 * np.sin(2 * PI * x)


def slope(x):
    return 0.4 * PI * np.cos(PI * x) + 0.2 * PI * np.cos(2 * PI * x)


def test_the_reference_variation_of_arc_length():
    d = md.vary("int(sqrt(1 + D(u)^2), x, 0, 1)", "u", U, ends="fixed")
    du = lambda x: x * (1 - x) * np.exp(x)  # noqa: E731
    dslope = lambda x: (1 - x - x * x) * np.exp(x)  # noqa: E731
    direct, _ = quad(lambda x: slope(x) * dslope(x) / np.sqrt(1 + slope(x) ** 2), 0, 1, epsabs=1e-13)
    for given in ((arc, du), ((arc, slope), (du, dslope))):
        found = d.variation(*given)
        assert abs(found - 0.4600374) < 6e-8
        assert np.isclose(found, direct, rtol=1e-10)
    length, _ = quad(lambda x: np.sqrt(1 + slope(x) ** 2), 0, 1, epsabs=1e-13)
    assert np.isclose(d.value(arc), length, rtol=1e-11)


def test_values_of_vectors_with_parameters():
    d = md.vary("int(D(u)'*M*D(u)/2 + s*x, x, 0, T)", "u", "u: n function of x; s, T: scalar", ends="free")
    M = np.array([[2.0, 1.0], [0.0, 3.0]])
    u, du = (lambda x: np.array([x, x**2])), (lambda x: np.array([1 + x, x**3]))
    v, dv = (lambda x: np.array([1, 2 * x])), (lambda x: np.array([1, 3 * x**2]))
    expected, _ = quad(lambda x: v(x) @ (M + M.T) @ dv(x) / 2, 0, 1.5)
    assert np.isclose(d.variation(u, du, M=M, s=2.0, T=1.5), expected, rtol=1e-10)
    with pytest.raises(MatdiffError, match="M is missing"):
        d.variation(u, du, s=2.0, T=1.5)
    with pytest.raises(DomainError, match="the first must be less"):
        d.variation(u, du, M=M, s=2.0, T=-1.0)


def test_several_functions_give_dicts():
    d = md.vary("int(D(u)*D(w) + u*w, x, 0, 1)", "u,w", U + "; w: function of x", ends="free")
    assert {n: str(g) for n, g in d.gradient.items()} == {"u": "w − w''", "w": "u − u''"}
    assert {n: str(b) for n, b in d.boundary.items()} == {"u": "w'", "w": "u'"}
    pair = {"u": np.sin, "w": np.cos}
    found = d.variation(pair, {"u": np.exp, "w": lambda x: x})
    expected, _ = quad(lambda x: -np.exp(x) * np.sin(x) + np.cos(x) + np.exp(x) * np.cos(x) + np.sin(x) * x, 0, 1)
    assert np.isclose(found, expected, rtol=1e-10)


def test_second_variation():
    d = md.vary("int(sqrt(1 + D(u)^2), x, 0, 1)", "u", U, ends="fixed")
    assert str(d.second_variation) == "du'²/sqrt(1 + u'²)³"
    assert str(d.differential) == "u' du'/sqrt(1 + u'²)"


def test_derivatives_in_ascii_are_those_that_are_typed():
    d = md.vary("int(D(u)'*D(u)/2 + c'*D(u,2), x, 0, 1)", "u", "u: n function of x", ends="free")
    assert d.gradient.text(ascii=True) == "-D(u,2)"
    assert d.lagrangian.text(ascii=True) == "D(u)'*D(u)/2 + c'*D(u,2)"
    assert d.gradient.latex() == "-u''"


def test_data_of_fixed_ends_are_checked():
    d = md.vary("int(D(u,2)^2, x, 0, 1)", "u", U, ends="fixed")
    with pytest.raises(DomainError, match="du is not 0 at x = 1"):
        d.variation(np.sin, lambda x: x)
    with pytest.raises(DomainError, match="du' is not 0 at x = 0"):
        d.variation(np.sin, lambda x: x * (1 - x))
    assert np.isclose(d.variation(lambda x: x**2, lambda x: x**2 * (1 - x) ** 2), 0, atol=1e-9)


def test_what_has_no_integral_is_refused():
    d = md.vary("int(D(u)^2/u, x, 0, 1)", "u", U, ends="free")
    with pytest.raises(DomainError, match=r"converge|finite"):
        d.value((lambda x: x, lambda x: 1.0))
    with pytest.raises(MatdiffError, match="not be smooth"):
        d.value(lambda x: abs(x - 0.4))


@pytest.mark.parametrize(
    ("text", "functions"),
    [
        ("int(sqrt(1 + D(u)^2), x, 0, 1)", "u: function of x"),
        ("int(D(u)*D(v) + u^2, s, 0, 1)", "u: function of s; v: function of s"),
        (r"\int_0^1 \sqrt{1 + u'^2}\,dx", "u: function of x"),
        (r"\int_0^1 \frac{m}{2}\dot{u}^2 \,\mathrm{d}t", "u: function of t"),
    ],
)
def test_what_is_varied_is_a_function_undeclared(text, functions):
    d, said = md.vary(text, "u", ends="fixed"), md.vary(text, "u", functions, ends="fixed")
    assert d.gradient == said.gradient and not said.notes
    assert all("is read as a scalar function of" in note for note in d.notes)
    assert len(d.notes) == functions.count("function")


WRONG = [
    ("int(u*v', x, 0, 1)", "u", "", "free", "v is no function here"),
    (r"\int_0^1 u v'\,dx", "u", "", "free", "v is no function here"),
    (r"\int_0^1 u \dot v\,dt", "u", "", "free", "v is no function here"),
    ("int(k'*u, x, 0, 1)", "u", "k: scalar", "free", "k is no function here"),
    ("int(D(u)^2, x, 0, 2*oo)", "u", "", "fixed", "infinity is no number"),
    ("int(D(u)^2, x, a - inf, 0)", "u", "a: scalar", "fixed", "infinity is no number"),
    ("∫_0^2pi u^2 dx", "u", "", "free", "where does the end"),
    (r"\int_0^12 u^2 \,dx", "u", "", "free", "where does the end"),
    ("int_0^1u^2 dx", "u", "", "free", "where does the end"),
    ("int(u (1 - x), x, 0, 1)", "u", U, "free", "or a product"),
    ("int(D(u)(x), x, 0, 1)", "u", U, "free", "or a product"),
    ("int(u^2, x, inf, 0)", "u", U, "free", "the wrong way"),
    ("int(u^2, x, 0, inf)", "u", U, None, "what holds at the ends"),
    ("int(u^2, x, -inf, inf) + c", "u", U, None, "under no integral"),
    ("int(tr(S), x, 0, 1)", "S", "S: n×n symmetric function of x", "free", "without structure"),
    ("int(tr(U'*U), x, 0, 1)", "U", "U: n×n function of x", "free", "or its transpose"),
    ("int(V(x)*u^2, x, 0, 1)", "u", U, "free", "a function of x or a product"),
    ("int(norm(D(u))^2, x, 0, 1)", "u", None, "free", "u is not declared as a function"),
    ("int(D(u)^2, x, 0, 1) + int(u^2, s, 0, 1)", "u", None, "free", "u is not declared as a function"),
    ("int(u^2, x, 0, 1)", "u", "u: scalar", "free", "u is not declared as a function"),
    ("int(u^2, x, 0, 1)", "x", None, "free", "x is not declared as a function"),
    ("int(u^2, x, 0, 1)", "w", U, "free", "w is not declared as a function"),
    ("int(u^2, x, 0, 1)", "u", U, None, "what holds at the ends"),
    ("int(u^2, x, 0, 1)", "u", U, "loose", "fixed or free"),
    ("int(u^2, y, 0, 1)", "u", U, "free", "the integral is over y"),
    ("int(w^2, x, 0, 1)", "u", U + "; w: scalar", "free", "u does not stand in the integral"),
    ("int(u^2, x, 0)", "u", U, "free", "int takes an integrand"),
    ("u^2", "u", U, "free", "no integral"),
    ("int(u^2, x, 0, 1)^2", "u", U, "free", "no multiple of an integral"),
    ("int(u^2, x, 0, 1) + u", "u", U, "free", "under no integral"),
    ("x*int(u^2, x, 0, 1)", "u", U, "free", "x stands outside"),
    ("int(u^2, x, 0, 1) + int(u, x, 0, 2)", "u", U, "free", "different ranges"),
    ("int(u^2, x, 0, u)", "u", U, "free", "u stands outside"),
    ("int(u(0)^2, x, 0, 1)", "u", U, "free", "the value of a function or a product"),
    ("int(D(u^2), x, 0, 1)", "u", U, "free", "an unknown function alone"),
    ("int(u_x^2, x, 0, 1)", "u", U, "free", "is u_x the derivative of u"),
    (r"\int_0^1 u'^2", "u", U, "free", "differential that ends the integral"),
    (r"\int u'^2 dx", "u", U, "free", "no ends"),
    (r"\int_0^1 u dx + \int_0^2 u' dx", "u", U, "free", "different ranges"),
    (r"\int_0^1 u + \int_0^1 u' dx", "u", U, "free", "differential that ends the integral"),
    (r"\int_0^1 u'^2 dx", "u", "u: n function of x", "free", "or its transpose"),
    ("int(u_dot^2, x, 0, 1)", "u", U, "free", "is u_dot the derivative of u"),
    ("int(u'*u, x, 0, 1)", "u", "u: n function of x", "free", "or its transpose"),
    ("int(A*u, x, 0, 1)", "u", "u: n function of x", "free", "not a scalar"),
    ("int(D(u)', x, 0, 1)", "u", U, "free", "one more derivative or a transpose"),
    ("int(D(u,0)^2, x, 0, 1)", "u", U, "free", "whole number"),
    ("int(D(u,9)^2, x, 0, 1)", "u", U, "free", "up to the order 4"),
    ("r = u'; int(r^2, x, 0, 1)", "u", U, "free", "a definition holds"),
    ("int(u^2, x, 0, 1)", "u", "u: n×n function of x", "free", "not a scalar"),
    ("int(u^2, x, 0, 1)", "u", "u: function of", "free", "declared with its variable"),
    ("int(int(u, x, 0, 1)*u, x, 0, 1)", "u", U, "free", "inside an integral"),
    ("int(u^2 + x'*x, x, 0, 1)", "u", U + "; x: 3", "free", "x, the variable of integration"),
]


TYPED = [
    ("int_0^1 (u'^2/2 - f*u) dx", "int(u'^2/2 - f*u, x, 0, 1)"),
    ("integral_a^b sqrt(1 + u'^2) dx", "int(sqrt(1 + u'^2), x, a, b)"),
    ("∫_0^12 u^2 dx", "int(u^2, x, 0, 12)"),
    ("int_-1^(2*pi) u^2 dx", "int(u^2, x, -1, 2*pi)"),
    ("int_0.5^a1 u''^2 dx", "int(u''^2, x, 0.5, a1)"),
    ("int_-infinity^infinity exp(-x^2)*u^2 dx", "int(exp(-x^2)*u^2, x, -inf, inf)"),
    ("J = int_0^1 u'^2 dx + int_0^1 u^2 dx", "int(u'^2 + u^2, x, 0, 1)"),
]


@pytest.mark.parametrize(("typed", "meant"), TYPED)
def test_integrals_are_read_as_they_are_typed(typed: str, meant: str) -> None:
    found, other = (md.vary(text, wrt="u", ends="free").functional for text in (typed, meant))
    assert (found.lagrangian, found.low, found.high) == (other.lagrangian, other.low, other.high)


@pytest.mark.parametrize(("text", "wrt", "declare", "ends", "said"), WRONG)
def test_what_is_refused(text, wrt, declare, ends, said):
    with pytest.raises(MatdiffError, match=said) as refused:
        md.vary(text, wrt, declare, ends=ends)
    assert "^" in str(refused.value).split("\n", 1)[1]


@pytest.mark.parametrize(
    "letter", [r"\mathcal{L}(x, u, u')", r"\mathcal L\left(x, u, \dot{u}\right)", r"\mathscr{L}(x, u(x), u'(x))"]
)
def test_the_curled_letter_of_a_lagrangian(letter):
    assert str(md.vary(rf"\int_0^1 {letter} \,dx", "u", "u: function of x", "free")) == str(
        md.vary("int(L(x, u, u'), x, 0, 1)", "u", "u: function of x", "free")
    )


def test_derive_points_to_vary():
    with pytest.raises(MatdiffError, match="matdiff vary"):
        md.derive("int(sqrt(1 + x^2), x, 0, 1)", "x", "x: scalar")
    with pytest.raises(MatdiffError, match="matdiff vary"):
        md.derive(r"\int_0^1 x \,dx", "x", "x: scalar")


def test_the_command(capsys):
    arguments = ["vary", "int(sqrt(1 + D(u)^2), x, 0, 1)", "--wrt", "u", "--let", U]
    assert run([*arguments, "--ends", "fixed"]) == 0
    said = capsys.readouterr().out
    for line in (
        "df = [u' du/sqrt(1 + u'²)] from 0 to 1 + ∫_0^1 −u'' du/sqrt(1 + u'²)³ dx",
        "∇f = −u''/sqrt(1 + u'²)³",
        "\n  u'' = 0\n",
        "du = 0   at x = 0, 1",
        "verified: differences of the integral agree",
    ):
        assert line in said
    assert run([*arguments, "--ends", "free"]) == 0
    assert "u'/sqrt(1 + u'²) = 0   at x = 0, 1" in capsys.readouterr().out
    assert run([*arguments, "--ends", "free", "--format", "json", "--ascii"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["gradient"] == "-D(u,2)/sqrt(1 + D(u)^2)^3" and record["verification"]["passed"] is True
    assert run([*arguments, "--ends", "free", "--ascii"]) == 0
    assert "\nEuler-Lagrange equation\n  D(u,2) = 0\n" in capsys.readouterr().out
    for form in ("latex", "markdown"):
        assert run([*arguments, "--ends", "free", "--format", form]) == 0
        assert r"\nabla f &= \frac{-u''}" in capsys.readouterr().out.replace(r"-\frac{u''}", r"\frac{-u''}")
    assert run(arguments) == 2
    assert "what holds at the ends" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["int(sqrt(1 + u'^2)/u, x, 1, 2)", "int(u*sqrt(1 + u'^2), x, 1, 2)", HARD[0][0],
                                  "int(sqrt(u^2 + u'^2), x, 1, 2)", "int(exp(-x)*u'^2/u - u/x, x, 1, 2)"])  # fmt: skip
def test_the_equation_holds_where_the_gradient_is_zero(text):
    d = md.vary(text, "u", U + "; g: scalar", ends="fixed")
    at = {"u": 1.3, "u'": 0.7, "x": 1.4, "g": 9.81}

    def sides(second):
        return [e.evaluate(**at, **{"u''": second}) for e in (d.gradient, d.euler_lagrange.left)]

    (g0, n0), (g1, n1) = sides(0.0), sides(1.0)
    assert abs(g0 / (g0 - g1) - n0 / (n0 - n1)) < 1e-12
