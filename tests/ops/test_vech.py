"""vech, the duplication matrix, and Jacobians by the free entries of structured variables."""

import numpy as np
import pytest

import matdiff as md
from matdiff.core.shape import Dim, signature, triangular

RNG = np.random.default_rng(0)
JACOBIANS = [
    ("inv(S)", "S", "S: n×n symmetric", "−(S⁻¹ ⊗ S⁻¹) D(n)"),
    ("vech(inv(S))", "S", "S: n×n symmetric", "−pinv(D(n))(S⁻¹ ⊗ S⁻¹) D(n)"),
    ("logdet(S)", "S", "S: n×n spd", "vec(S⁻¹)ᵀ D(n)"),
    ("L*L'", "L", "L: n×n lower", "(I + K(n,n))(L ⊗ eye(n)) Diag(vec(tril(ones(n,n)))) D(n)"),
    ("A*X", "X", None, "eye(p) ⊗ A"),
]


@pytest.mark.parametrize(("f", "wrt", "declare", "answer"), JACOBIANS)
def test_printed(f, wrt, declare, answer):
    J = md.derive(f, wrt=wrt, declare=declare).jacobian_free
    assert str(J) == answer
    assert md.parse(answer, declare=J.types) == J


def free(attribute: str, n: int) -> list[np.ndarray]:
    """The unit directions of the free entries, in their order."""
    out = []
    for j in range(n):
        for i in range(j, n):
            E = np.zeros((n, n))
            E[i, j] = 1
            if attribute in ("symmetric", "spd"):
                E[j, i] = 1
            if attribute == "diagonal" and i != j:
                continue
            out.append(E.T if attribute == "upper" else E)
    return out


@pytest.mark.parametrize("attribute", ["symmetric", "spd", "lower", "upper", "diagonal"])
@pytest.mark.parametrize("f", ["A*S*B", "vech(S*S)", "tr(A*S)", "S*x"])
def test_columns_are_the_free_entries(f, attribute):
    d = md.derive(f, wrt="S", declare=f"A: n×n; B: n×n; x: n; S: n×n {attribute}")
    n = 3
    arrays = {"A": RNG.normal(size=(n, n)), "B": RNG.normal(size=(n, n)), "x": RNG.normal(size=n), "S": np.eye(n)}
    J = d.jacobian_free.evaluate(**arrays)
    columns = [np.ravel(d.jvp(E, **arrays), order="F") for E in free(attribute, n)]
    assert np.allclose(J, np.stack(columns, 1))


def test_variables_without_free_entries():
    for attribute in ("skew", "orthogonal"):
        with pytest.raises(md.UnsupportedError, match="entries of S are not free"):
            md.derive("A*S", wrt="S", declare=f"A: n×n; S: n×n {attribute}").jacobian_free  # noqa: B018


def test_vech_and_unvech():
    X = RNG.normal(size=(3, 3))
    x = md.parse("vech(X)").evaluate(X=X)
    assert np.allclose(x, [X[0, 0], X[1, 0], X[2, 0], X[1, 1], X[2, 1], X[2, 2]])
    S = md.parse("unvech(x, 3)").evaluate(x=x)
    assert np.allclose(S, np.tril(X) + np.tril(X, -1).T)
    assert np.allclose(md.parse("unvec(D(3)*x, 3, 3)").evaluate(x=x), S)
    assert md.parse("vech(X) - x").types == "X: n×n; x: n*(n+1)/2"
    for f in ("norm(vech(X) - x)^2", "norm(unvech(x, n)*b)^2"):
        d = md.derive(f, wrt="X" if "X" in f else "x", declare="b: n")
        assert d.verify().passed and d.verify(order=2).passed
    with pytest.raises(md.ShapeError):
        md.parse("unvech(x, n)*b").evaluate(x=np.ones(5), b=np.ones(2))


def test_dimensions_with_halves():
    n = Dim.of("n")
    half = triangular(n)
    assert str(half) == "n*(n+1)/2" and half.evaluate({"n": 4}) == 10 and half.whole
    assert str(half + n) == "n*n/2+3*n/2" and (half + n).whole
    assert half + half is n * n + n
    assert triangular(Dim.of(4)) is Dim.of(10)
    assert half.substitute({"n": Dim.of(3)}) is Dim.of(6)
    assert signature("(n,n)->(n*n/2+n/2)")[1] == (half,)
    assert md.parse("x", declare="x: n*n/2+3*n/2").types == "x: n*n/2+3*n/2"
    for bad in ("x: n/2", "x: n/0", "x: (n*n+1)/2"):
        with pytest.raises(md.ParseError, match=r"dimension|whole"):
            md.parse("x", declare=bad)
