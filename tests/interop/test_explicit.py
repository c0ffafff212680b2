"""The component view: derivatives entry by entry, against SymPy's own differentiation."""

from itertools import product

import pytest
import sympy as sp

import matdiff as md
from matdiff.interop.entries import value
from matdiff.interop.explicit import derivatives, entries, explicit, named, render

p, q, r, s = sp.symbols("p q r s", real=True)


def test_the_square_of_a_matrix():
    """The lecture notes' example: X = [p, r; q, s], its columns stacked in the order p, q, r, s."""
    d = md.derive("X^2", wrt="X", declare="X: 2×2")
    assert explicit(d) == sp.Matrix([[2 * p, r, q, 0], [q, p + s, 0, q], [r, 0, p + s, r], [0, r, q, 2 * s]])
    assert render(d).splitlines() == [
        "X =",
        "  [p  r]",
        "  [q  s]",
        "",
        "value =",
        "  [p^2 + q*r  p*r + r*s]",
        "  [p*q + q*s  q*r + s^2]",
        "",
        "Jacobian =",
        "  [2*p      r      q    0]",
        "  [  q  p + s      0    q]",
        "  [  r      0  p + s    r]",
        "  [  0      r      q  2*s]",
    ]


FUNCTIONS = [
    ("inv(X)", "X", "X: 2×2"),
    ("det(X)*inv(X)'", "X", "X: 3×3"),
    ("logdet(X)", "X", "X: 2×2"),
    ("X^3", "X", "X: 2×2"),
    ("A*X*B", "X", "A: 3×2; X: 2×2; B: 2×1"),
    ("X*X'", "X", "X: 2×3"),
    ("A⊗X", "X", "A: 2×2; X: 2×1"),
    ("x'*A*x", "x", "A: 2×2; x: 2"),
    ("exp(A*x)", "x", "A: 2×2; x: 2"),
    ("softmax(x)", "x", "x: 3"),
    ("x/norm(x)", "x", "x: 3"),
    ("sum(log(X))", "X", "X: 2×2 positive"),
    ("[X, b]'*c", "X", "X: 2×2; b: 2; c: 2"),
    ("X[1,:]*X[2,1] + X[:,2]", "X", "X: 2×2"),
    ("vec(tril(X)) + vec(X')", "X", "X: 2×2"),
    ("vech(X*X)", "X", "X: 2×2"),
    ("t*X", "t", "t: scalar; X: 2×2"),
    ("t^3 + sin(t)", "t", "t: scalar"),
    ("diag(X)'*x + tr(X.*Y)", "X", "X: 2×2; x: 2; Y: 2×2"),
]


@pytest.mark.parametrize(("f", "wrt", "declare"), FUNCTIONS)
def test_against_sympy(f, wrt, declare):
    d = md.derive(f, wrt=wrt, declare=declare)
    arrays = named(d)
    F, X = value(d.function.node, arrays), arrays[d.wrt[0]]
    found = explicit(d)
    if d.wrt[0].kind == "scalar":
        expected = sp.diff(F, X)
    elif d.function.kind == "scalar":
        expected = sp.Matrix(*X.shape, lambda i, j: sp.diff(F, X[i, j]))
    else:
        expected = sp.Matrix([list(c) for c in [[sp.diff(f_, x) for x in X.T] for f_ in F.T]])
    difference = sp.Matrix([found - expected]) if d.wrt[0].kind == "scalar" else found - expected
    assert difference.applyfunc(sp.simplify).is_zero_matrix


def test_structured_variables():
    S = named(md.derive("S*S", wrt="S", declare="S: 2×2 symmetric"))
    assert next(iter(S.values())) == sp.Matrix([[p, q], [q, r]])
    for attribute, expected in {
        "lower": [[p, 0], [q, r]],
        "upper": [[p, q], [0, r]],
        "diagonal": [[p, 0], [0, q]],
        "skew": [[0, -p], [p, 0]],
    }.items():
        found = named(md.derive("M*M", wrt="M", declare=f"M: 2×2 {attribute}"))
        assert next(iter(found.values())) == sp.Matrix(expected), attribute


def test_own_functions():
    J = explicit(md.derive("h(W*x)", wrt="x", declare="h: elementwise; W: 2×2; x: 2"))
    assert str(J[0, 1]) == "w12*h'(w11*x1 + w12*x2)"


REFUSED = [
    ("tr(A*X)", "X", "X: n×n", "needs numbers for dimensions"),
    ("X*X", "X", "X: 20×20", "400 entries"),
    ("X*X", "X", "X: 5×5", "25×25 has 625 entries"),
    ("expm(X)", "X", "X: 2×2", "expm has no formula"),
    ("det(X)", "X", "X: 6×6", "up to 4 rows"),
    ("A*B", "A,B", "A: 2×2; B: 2×2", "one variable"),
]


@pytest.mark.parametrize(("f", "wrt", "declare", "why"), REFUSED)
def test_refusals(f, wrt, declare, why):
    with pytest.raises(md.UnsupportedError, match=why):
        explicit(md.derive(f, wrt=wrt, declare=declare))


def test_on_the_command_line():
    import subprocess
    import sys

    def run(*arguments):
        command = [sys.executable, "-m", "matdiff", "derive", "X^2", "--wrt", "X", "--no-verify", "--explicit"]
        return subprocess.run([*command, *arguments], capture_output=True, encoding="utf-8", check=False)

    done = run("--let", "X: 2×2")
    assert done.returncode == 0
    assert done.stdout.endswith(render(md.derive("X^2", wrt="X", declare="X: 2×2")) + "\n")
    assert run().returncode == 2 and "needs numbers" in run().stderr


SECOND = [
    ("x'*A*x", "x", "A: 2×2; x: 2"),
    ("logdet(X)", "X", "X: 2×2"),
    ("tr(X^3)", "X", "X: 2×2"),
    ("t^3*sin(t)", "t", "t: scalar"),
    ("x'*A*y", "x,y", "A: 2×2; x: 2; y: 2"),
    ("norm(U*v - b)^2", "U,v", "U: 2×2; v: 2; b: 2"),
    ("s*x'*x", "s,x", "s: scalar; x: 2"),
]


@pytest.mark.parametrize(("f", "wrt", "declare"), SECOND)
def test_hessians_and_several_variables_against_sympy(f, wrt, declare):
    d = md.derive(f, wrt=wrt, declare=declare)
    arrays = named(d)
    f_ = value(d.function.node, arrays)
    flat = {X.name: [arrays[X]] if X.kind == "scalar" else list(arrays[X].T) for X in d.wrt}
    assert len({e for each in flat.values() for e in each}) == sum(map(len, flat.values()))
    for label, e in derivatives(d, 2):
        names = label.split(" by ")[1].split(",") if " by " in label else [wrt] * (1 + (label[0] in "Hs"))
        f_ = sp.Matrix([f_])[0]
        truth = [sp.diff(f_, *pair) for pair in product(*(flat[n] for n in names))]
        found = entries(e, arrays)
        found = [found] if e.kind == "scalar" else list(found.T if len(names) == 1 else found)
        assert [sp.simplify(a - b) for a, b in zip(found, truth, strict=True)] == [0] * len(truth), label
    shown = render(d, 2)
    assert "value =" in shown and ("Hessian" in shown or "second derivative" in shown)
