"""To SymPy's matrix expressions and back."""

import numpy as np
import pytest
import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

import matdiff as md

ROUND_TRIPS = [
    ("tr(A*X*B)", None),
    ("x'*A*x", None),
    ("logdet(X) + det(X)", None),
    ("inv(X)*A", "A: n×m; X: n×n"),
    ("X^3 - X^-2 + 2*X*X'", None),
    ("A.*B", None),
    ("A⊗B", None),
    ("exp(x) + sigmoid(A*x) + softplus(x) - relu(x)", "A: n×n"),
    ("sum(X)", None),
    ("mean(x)", None),
    ("norm(x) + norm(X)^2", None),
    ("t*X + I", "t: scalar; X: n×n"),
    ("x.^2 + 1 ./ x", None),
    ("[A, b; b', t]", "A: n×n; b: n; t: scalar"),
    ("diag(X)'*x", None),
    ("diag(x)*X", None),
    ("x*y'", None),
    ("1/(1 + exp(-t)) + log(t)", "t: scalar positive"),
    ("h(W*x - b)", "h: elementwise; W: m×n; b: m"),
    ("A[1,2]*x[3]", None),
    ("pi*x/2 + exp(1)*x + 0.1*x", None),
    ("zeros(m,n) + A", "A: m×n"),
    ("vech(X)'*x", None),
    ("A*x", "A: 2×3"),
]


def same(a, b):
    """Equal, but for the order of sums and products, which is SymPy's own."""
    if a == b:
        return True
    rng = np.random.default_rng(0)
    size = {"m": 3, "n": 4, "p": 2}
    arrays = {}
    for v in b.variables:
        shape = tuple(d.evaluate(size) for d in v.shape)
        arrays[v.name] = 1 + rng.random(shape) + (5 * np.eye(*shape) if len(shape) == 2 else 0)
    first, second = (e.evaluate(**{v.name: arrays[v.name] for v in e.variables}) for e in (a, b))
    return np.allclose(first, second, rtol=1e-12)


@pytest.mark.parametrize(("text", "declare"), ROUND_TRIPS)
def test_round_trip(text, declare):
    e = md.parse(text, declare=declare)
    if "vech" in text:
        with pytest.raises(md.UnsupportedError, match="SymPy has no matrix expression for vech"):
            e.to_sympy()
        return
    back = md.from_sympy(e.to_sympy())
    assert same(back, e)
    assert md.parse(str(back), declare=back.types) == back


m, n = sp.symbols("m n", integer=True, positive=True)
A, B, X = sp.MatrixSymbol("A", m, n), sp.MatrixSymbol("B", n, m), sp.MatrixSymbol("X", n, n)
x, b = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("b", m, 1)
t = sp.Symbol("t", real=True)

FROM_SYMPY = [
    (sp.Trace(A * B), "tr(A*B)"),
    (x.T * X * x, "x'*X*x"),
    ((A * x - b).T * (A * x - b), "(A*x - b)'*(A*x - b)"),
    (X.I * x, "inv(X)*x"),
    (sp.Inverse(X.T * X), "inv(X'*X)"),
    (X**3, "X^3"),
    (X**-2, "inv(X)^2"),
    (X ** sp.Rational(1, 2), "X^(1/2)"),
    (X**t, "X^t"),
    (sp.HadamardProduct(A, A), "A.*A"),
    (sp.HadamardPower(A, 2), "A.^2"),
    (sp.KroneckerProduct(A, B), "A⊗B"),
    (X.applyfunc(sp.sin), "sin(X)"),
    (x.applyfunc(lambda s: s / (1 + sp.exp(-s))), "x./(1 .+ exp(-x))"),
    (sp.log(sp.Determinant(X)), "logdet(X)"),
    (t * X + 2 * sp.Identity(n), "t*X + 2*I"),
    (A - sp.OneMatrix(m, n), "A - ones(m,n)"),
    (A + sp.ZeroMatrix(m, n), "A"),
    (sp.DiagMatrix(x) * X, "diag(x)*X"),
    (sp.DiagonalOf(X), "diag(X)"),
    (X[0, 1] * t, "X[1,2]*t"),
    (sp.sqrt(sp.Trace(A.T * A)), "norm(A)"),
    (sp.sqrt(t), "sqrt(t)"),
    (sp.BlockMatrix([[X, x], [x.T, sp.ZeroMatrix(1, 1)]]), "[X, x; x', 0]"),
    (sp.Function("h")(t), "h(t)"),
]


@pytest.mark.parametrize(("e", "text"), FROM_SYMPY)
def test_reading(e, text):
    declare = ["A: m×n; B: n×m; X: n×n; x: n; b: m; t: scalar", *(["h: elementwise"] if text == "h(t)" else [])]
    found, wanted = md.from_sympy(e), md.parse(text, declare=declare)
    assert found == wanted if text == "h(t)" else same(found, wanted)


def test_values_agree():
    rng = np.random.default_rng(0)
    X3, x3 = sp.MatrixSymbol("X", 3, 3), sp.MatrixSymbol("x", 3, 1)
    e = sp.Trace(X3.I * x3 * x3.T) * X3.T + 2 * X3 * X3
    arrays = {"X": rng.normal(size=(3, 3)) + 3 * np.eye(3), "x": rng.normal(size=3)}
    plain = e.subs({X3: sp.Matrix(arrays["X"]), x3: sp.Matrix(arrays["x"])}).doit()
    assert np.allclose(md.from_sympy(e).evaluate(**arrays), np.array(plain, dtype=float))


def test_attributes_and_deriving():
    e = md.from_sympy(x.T * X * x, declare="X: n×n symmetric")
    assert str(md.derive(e, wrt="x").gradient) == "2X x"
    gradient = md.derive("logdet(X)", wrt="X").gradient.to_sympy()
    assert gradient == sp.Inverse(sp.Transpose(X)) or str(gradient) in ("(X**(-1)).T", "X.T**(-1)")
    with pytest.raises(md.ShapeError, match="X is n×n in SymPy"):
        md.from_sympy(X, declare="X: m×n")


UNSUPPORTED = [
    (sp.Adjoint(sp.MatrixSymbol("C", n, n)), "Adjoint"),
    (sp.Integral(t, t), "Integral"),
    (sp.gamma(t), "gamma"),
    (sp.I * t, "ImaginaryUnit"),
    (sp.MatrixSymbol("Y", sp.sqrt(n), n), "no dimension"),
]


@pytest.mark.parametrize(("e", "word"), UNSUPPORTED)
def test_refused_by_name(e, word):
    with pytest.raises(md.UnsupportedError, match=word):
        md.from_sympy(e)


def test_refused_to_sympy():
    for text, word in [("expm(X)", "expm"), ("x.^y", "power"), ("K(m,n)*vec(A)", "K|vec"), ("chol(S)", "chol")]:
        with pytest.raises(md.UnsupportedError, match=word):
            md.parse(text).to_sympy()


def test_elementwise_functions_are_lambdas():
    found = md.parse("sigmoid(x)").to_sympy()
    assert isinstance(found, ElementwiseApplyFunction)
    s = sp.Symbol("s")
    assert found.function(s) == 1 / (1 + sp.exp(-s))


def test_sympy_is_imported_on_use():
    import subprocess
    import sys

    code = "import sys, matdiff as md; md.derive('tr(A*X)', wrt='X').gradient; assert 'sympy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


n = sp.Symbol("n", integer=True, positive=True)
i, j, k = sp.symbols("i j k", integer=True)
A, B = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("B", n, n)
x, y, t = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("y", n, 1), sp.Symbol("t", positive=True)
over_i, over_j = (i, 0, n - 1), (j, 0, n - 1)
SUMS = [
    sp.Sum(x[i, 0] ** 2, over_i),
    sp.Sum(A[i, j] * x[i, 0] * x[j, 0], over_i, over_j),
    sp.Sum((y[i, 0] - sp.Sum(A[i, j] * x[j, 0], over_j)) ** 2, over_i),
    sp.Sum(sp.exp(x[i, 0]) * y[i, 0], over_i) + sp.Sum(x[i, 0], (i, 0, n - 2)),
    sp.Sum((x[i + 1, 0] - x[i, 0]) ** 2, (i, 0, n - 2)),
    sp.Sum(A[i, i] * i, over_i),
    sp.Sum(A[i, j] * B[j, k] * A[k, i], over_i, over_j, (k, 0, n - 1)),
    sp.Sum(t**i * x[i, 0], over_i),
    sp.Product(x[i, 0], over_i),
    sp.Sum(sp.Max(x[i, 0], y[i, 0]), over_i),
    sp.Sum(A[i, 0] * x[i, 0], over_i) + sp.Sum(A[1, j] * x[j, 0], over_j),
    sp.log(sp.Sum(sp.exp(x[i, 0]), over_i)),
    (x.T * A * x)[0, 0],
]


@pytest.mark.parametrize("e", SUMS, ids=str)
@pytest.mark.parametrize("size", [2, 3])
def test_sums_over_an_index_are_those_of_sympy(e, size):
    rng = np.random.default_rng(size)
    arrays = {v: rng.uniform(0.5, 1.5, size=(size, size) if v in (A, B) else size) for v in (A, B, x, y)}
    found = md.from_sympy(e)
    given = {v.name: a for v, a in arrays.items()} | {"t": 0.7}
    value = found.evaluate(**{v.name: given[v.name] for v in found.variables})
    explicit = e.subs(n, size).doit().subs(t, 0.7)
    for v, a in arrays.items():
        there = sp.MatrixSymbol(v.name, *(d.subs(n, size) for d in v.shape))
        numbers = a if a.ndim == 2 else a[:, None]
        explicit = explicit.xreplace({there[p, q]: sp.Float(numbers[p, q]) for p, q in np.ndindex(*numbers.shape)})
    assert abs(float(explicit) - value) < 1e-10


def test_matrices_of_entries_and_functions_of_whole_matrices():
    assert md.from_sympy(sp.exp(A)) == md.parse("expm(A)", declare="A: n×n")
    assert md.from_sympy(sp.ImmutableDenseMatrix([[t, 1], [1, t]])).text() == "[t, 1; 1, t]"
    assert md.from_sympy(sp.Max(t, 1)).evaluate(t=3.0) == 3.0


@pytest.mark.parametrize(
    ("e", "reason"),
    [
        (sp.Sum(sp.Sum(x[j, 0], (j, 0, i)), over_i), "depends on an index"),
        (sp.Sum(x[2 * i, 0], over_i), "no index plus a number"),
        (sp.sin(A), "no function of entries in SymPy"),
        (sp.Heaviside(sp.Symbol("s", real=True)), "no counterpart"),
    ],
    ids=str,
)
def test_what_sums_and_functions_do_not_come_in(e, reason):
    with pytest.raises(md.MatdiffError, match=reason):
        md.from_sympy(e)


def test_parts_of_matrices_go_out() -> None:
    part = md.parse("X[1:2,2:3]*y", declare="X: 3×3; y: 2").to_sympy().as_explicit()
    X, y = sp.MatrixSymbol("X", 3, 3), sp.MatrixSymbol("y", 2, 1)
    assert part == sp.Matrix([X[i, 1] * y[0, 0] + X[i, 2] * y[1, 0] for i in (0, 1)])
    blocks = md.derive(md.from_sympy(sp.Trace(sp.BlockMatrix([[X, X.T], [X.T, X]]))), wrt="X")
    assert str(blocks.gradient) == "2 eye(3)" and blocks.verify().passed
