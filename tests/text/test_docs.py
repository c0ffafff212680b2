"""The language page: every row of its tables, every block and every list of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import matdiff as md
import matdiff.api.reading
import matdiff.ops
from matdiff.codegen.evaluate import evaluate
from matdiff.core.op import words
from matdiff.inference.declarations import ATTRIBUTES
from matdiff.ops.sets import AFFINE, CURVED

PAGE = (Path(__file__).resolve().parents[2] / "grammar" / "LANGUAGE.md").read_text(encoding="utf-8")
DECLARED = "A: n×n; B: n×n; x: n; y: n; t: scalar"
SIZE = {"n": 3}
SETS = ("set", "tangent directions", "gradient", "Hessian")


def tables() -> dict[tuple[str, ...], list[list[str]]]:
    """The rows of all tables by their heads; tables with the same head are one."""
    found: dict[tuple[str, ...], list[list[str]]] = {}
    head: tuple[str, ...] = ()
    for line in PAGE.splitlines():
        cells = [c.strip() for c in line.split("|")[1:-1]] if line.startswith("|") else []
        if not cells:
            head = ()
        elif not head:
            head = tuple(cells)
            found.setdefault(head, [])
        elif not set("".join(cells)) <= {"-"}:
            found[head].append(cells)
    return found


TABLES = tables()


def code(cell: str) -> str:
    return cell.strip("`")


def rows(*head: str) -> list[list[str]]:
    return [[code(c) for c in row] for row in TABLES[head]]


def value(text: str, dialect: str = "auto"):
    """The value of a text at positive definite A and positive x, the same for all; and what it says of t."""
    rng = np.random.default_rng(1)
    A, B = (M @ M.T + np.eye(3) for M in rng.normal(size=(2, 3, 3)))
    x, y = rng.uniform(0.5, 2, size=(2, 3))
    return md.parse(text, declare=DECLARED, dialect=dialect).evaluate(A=A, B=B, x=x, y=y, t=0.7)


@pytest.mark.parametrize(("text", "same"), rows("text", "the same"))
def test_two_ways_to_say_it(text, same):
    assert f"`{DECLARED}`" in PAGE
    assert np.allclose(value(text), value(same), rtol=1e-12)
    assert np.shape(value(text)) == np.shape(value(same))


@pytest.mark.parametrize(("text", "same"), rows("LaTeX", "the same"))
def test_latex(text, same):
    if same.startswith("refused"):
        with pytest.raises(md.MatdiffError, match="index"):
            md.parse(text)
        return
    assert np.allclose(value(text, "latex"), value(same), rtol=1e-12)


@pytest.mark.parametrize(("text", "wrt", "gradient"), rows("function", "by", "gradient"))
def test_gradients(text, wrt, gradient):
    d = md.derive(text, wrt=wrt)
    verification = d.verify(claim=gradient)
    assert verification.passed, verification.message


@pytest.mark.parametrize(("text", "because"), rows("text", "because"))
def test_refusals(text, because):
    with pytest.raises(md.MatdiffError) as caught:
        md.parse(text)
    assert because in str(caught.value)


@pytest.mark.parametrize(("text", "types", "said"), rows("text", "read as", "said"))
def test_what_reading_chooses_is_said(text, types, said):
    if types == "refused":
        with pytest.raises(md.MatdiffError) as caught:
            md.parse(text)
        assert said in str(caught.value)
        return
    first = types.partition(":")[0]
    variable = "x" if re.search(r"\bx: ", types) else first
    d = md.derive(text, wrt=variable)
    assert d.types == types
    assert any(said in note for note in d.notes)


@pytest.mark.parametrize(("text", "declare", "same", "said"), rows("typed", "with", "read as", "and it is said"))
def test_what_reading_decides(text, declare, same, said):
    if same == "refused":
        with pytest.raises(md.MatdiffError) as caught:
            md.parse(text, declare)
        assert said in str(caught.value)
        return
    typed = matdiff.api.reading.read(text, declare, "auto", {})
    assert said in " ".join(typed.remarks) if said else not typed.remarks
    given = {s.name: sample(s) for s in typed.variables.values()}
    found = (md.parse(text, declare), md.parse(same, typed.declarations))
    assert np.allclose(*(e.evaluate(**given) for e in found), rtol=1e-12)


def sample(s):
    """Positive numbers; of a square matrix a symmetric positive definite one."""
    rng = np.random.default_rng(len(s.name))
    sizes = [{"m": 2, "n": 3}[str(d)] for d in s.shape]
    M = rng.uniform(0.5, 1.5, size=sizes)
    return M @ M.T + 3 * np.eye(3) if sizes == [3, 3] else M if sizes else float(M)


@pytest.mark.parametrize(
    ("text", "wrt", "gradient", "equation"), rows("equations and function", "by", "gradient", "adjoint equation")
)
def test_equations(text, wrt, gradient, equation):
    d = md.derive(text, wrt=wrt)
    assert d.verify(claim=gradient).passed
    assert d.adjoint_equation.text(ascii=True) == equation
    assert d.verify().passed


@pytest.mark.parametrize(("text", "because"), rows("equations", "refused, since"))
def test_refused_equations(text, because):
    with pytest.raises(md.MatdiffError) as caught:
        md.derive(text, wrt="b")
    assert because in str(caught.value)


@pytest.mark.parametrize("program", re.findall(r"^```matdiff\n(.*?)^```$", PAGE, re.M | re.S))
def test_blocks_are_programs(program):
    assert md.parse(program).kind == "scalar"


def test_every_attribute_is_explained():
    said = {a for row in TABLES["attribute", "meaning", "also holds"] for a in re.findall(r"`([\w ]+)`", row[0])}
    assert said == {name for a in ATTRIBUTES for name in names_of(a)}


def names_of(attribute):
    """What a declaration may call it."""
    space = CURVED.get(attribute)
    return {attribute} if space is None else {space.written, attribute, *space.also}


@pytest.mark.parametrize(("names", "condition", "gradient", "hessian"), TABLES[SETS])
def test_every_curved_set_is_what_the_page_says(names, condition, gradient, hessian):
    """The row's formulas, read in the language, beside what the record makes of the same gradient and Hessian."""
    rng = np.random.default_rng(2)
    for word in re.findall(r"`([^`]+)`", names):
        space = AFFINE if word == "spd" else next(s for s in CURVED.values() if s.written == word)
        shape = (4,) if space.kind == "vector" else (4, 4) if space.square else (4, 2)
        X, G, H = space.onto(np, rng.normal(size=shape)), *rng.normal(size=(2, *shape))
        V = space.projected(np, X, rng.normal(size=shape))
        declared = "; ".join(f"{name}: {'×'.join(map(str, shape))}" for name in "XGHVxSP")
        arrays = {"X": X, "G": G, "H": H, "V": V, "x": X, "S": X}
        x, g, h, v = (md.parse(name, declare=declared).node for name in "XGHV")
        own = space.project(x, g) if space.raised is None else space.raised(x, space.project(x, g))
        for node, formula in ((own, gradient), (space.hessian(x, v, g, h), hessian)):
            outside, inside = taken_apart(code(formula).replace("H[V]", "H"))
            if inside:
                arrays["P"] = space.projected(np, X, md.parse(inside, declare=declared).evaluate(**arrays))
            want = md.parse(outside, declare=declared).evaluate(**arrays)
            assert np.allclose(evaluate(node, (x, g, h, v), arrays), want, atol=1e-12)


def taken_apart(formula):
    """P for a P(…) at the beginning, and what stands in it."""
    if not formula.startswith("P("):
        return formula, ""
    depth = 0
    for i, c in enumerate(formula):
        depth += (c == "(") - (c == ")")
        if c == ")" and depth == 0:
            return f"P{formula[i + 1 :]}", formula[2:i]
    raise AssertionError(formula)


STEPS = rows(
    "recurrence", "state", "wrt", "declared", "initial", "objective", "final", "adjoint recurrence", "gradient"
)


@pytest.mark.parametrize(("rhs", "state", "wrt", "declare", "initial", "objective", "final", "back", "gradient"), STEPS)
def test_recurrences(rhs, state, wrt, declare, initial, objective, final, back, gradient):
    d = md.recurrence(rhs, state, wrt, *(text or None for text in (declare, initial, objective, final)))
    assert d.adjoint.text(ascii=True) == back
    assert d.gradient.text(ascii=True) == gradient


ODE = rows("equation", "state", "wrt", "declared", "initial", "objective", "final", "adjoint equation", "gradient")


@pytest.mark.parametrize("row", ODE, ids=lambda row: row[0])
def test_differential_equations(row):
    rhs, state, wrt, *rest, adjoint, gradient = row
    d = md.ode(rhs, state, wrt, *(text or None for text in rest))
    assert d.adjoint.text(ascii=True) == adjoint
    assert d.gradient.text(ascii=True) == gradient


@pytest.mark.parametrize("row", rows("functional", "declared", "gradient", "boundary"), ids=lambda row: row[0])
def test_functionals(row):
    text, declared, gradient, boundary = row
    d = md.vary(text, "u", declared, ends="free")
    assert d.gradient.text(ascii=True) == gradient
    assert d.boundary.text(ascii=True) == boundary


@pytest.mark.parametrize("row", rows("function", "laws", "by", "mean", "its derivative"), ids=lambda row: row[0])
def test_random_functions(row):
    text, laws, by, mean, gradient = row
    r = md.random(text, by or None, laws or None)
    assert r.expectation.text(ascii=True) == mean
    assert not by or r.gradient.text(ascii=True) == gradient


def test_laws():
    from matdiff.ops.random import laws

    listed = [re.fullmatch(r"(\w+)\((.*)\)", law) for law, _ in rows("law", "its parameters")]
    assert {m[1] for m in listed if m} == {
        found.name.replace("inverse ", "inv").replace("multivariate ", "").replace(" ", "") for found in laws.values()
    }
    for m in listed:
        assert m is not None
        assert len(laws[m[1]].takes) == (m[2].count(",") + 1 if m[2] else 0)


def test_every_function_is_listed():
    listed = {name for row in TABLES["kind", "functions"] for name in re.findall(r"`(\w+)`", row[1])}
    spoken = {"trace", "unvech"}  # another name, and the inverse that goes with vech
    assert listed <= set(words)
    assert set(words) - listed <= spoken | ANSWERS


FRECHET = {"frechet_expm", "frechet_logm", "frechet_cosm", "frechet_sinm", "frechet_mpower"}
ANSWERS = {*FRECHET, "eiggaps", "lastcols", "peak", "polar", "unkron_left", "unkron_right"}
"""Functions that nobody types, but that answers are written with."""


def test_kinds_by_name():
    for name, kind in (("A", "matrix"), ("W1", "matrix"), ("x", "vector"), ("w_2", "vector"), ("α", "scalar")):
        assert md.parse(name).kind == kind
    assert md.parse("lambda*x").types == "lambda: scalar; x: n"
    with pytest.raises(md.ParseError, match="declare"):
        md.parse("weights")
    assert "t: scalar" in md.parse("det(t*I - A)").types
    assert "c: scalar" in md.parse("x'*A*x/2 + b'*x + c").types
    assert md.parse("n*x'*x", declare="x: n").evaluate(x=np.ones(3)) == 9.0


def test_lines_that_go_on():
    assert md.parse("x'*\nA*x") == md.parse("x'*A*x")
    assert md.parse("tr(A\n*B)") == md.parse("tr(A*B)")
    assert md.parse("A: n×n  # a matrix\n# nothing\ntr(A)") == md.parse("tr(A)")


def test_names_and_sizes():
    assert md.parse("K*x").types == "K: m×n; x: n"
    assert md.parse("e'*x").types == "e: n; x: n"
    for reserved in ("I", "pi", "tr"):
        with pytest.raises(md.ParseError, match="reserved"):
            md.parse("x'*x", declare=f"{reserved}: n×n")
    with pytest.raises(md.ShapeError):
        md.parse("tr(A)", declare="A: m×n")
    with pytest.raises(md.ParseError, match="declared"):
        md.parse("A: m×n; A = B + C; A")


def test_limits():
    for text in ("x" * 100_001, "(" * 1100 + "x" + ")" * 1100):
        with pytest.raises(md.MatdiffError):
            md.parse(text)


@pytest.mark.parametrize("attribute", ["symmetric", "spd", "diagonal"])
def test_what_is_symmetric(attribute):
    assert md.parse("lambda_max(S)", declare=f"S: n×n {attribute}").kind == "scalar"


def test_the_gradient_lies_in_the_tangent_space():
    assert md.derive("tr(A*S)", wrt="S", declare="S: n×n symmetric").verify(claim="(A + A')/2").passed


@pytest.mark.parametrize(("text", "wrt"), [("sum(abs(x))", "x"), ("sum(relu(x))", "x"), ("eigval(A'*A, 1)", "A")])
def test_what_is_not_smooth_is_said(text, wrt):
    assert "not differentiable" in md.derive(text, wrt=wrt).notes[0]


def test_definitions():
    assert md.parse("s(t) = t/(1+exp(-t)); s(x)").evaluate(x=np.zeros(2)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("function", "declare", "verdict", "because"), rows("function of", "declared", "verdict", "because")
)
def test_convexity(function, declare, verdict, because):
    text, wrt = (part.strip("` ") for part in function.split("` by `"))
    found = md.convex(text, wrt, declare or None)
    assert found.verdict == verdict
    assert found.condition == (because if verdict == "unknown" else "")


@pytest.mark.parametrize(("a", "b"), rows("equal", "to"))
def test_equal_expressions(a, b):
    assert md.equal(a, b, declare=DECLARED).equal


@pytest.mark.parametrize(("a", "b"), rows("different", "from"))
def test_different_expressions(a, b):
    assert not md.equal(a, b, declare=DECLARED).equal
