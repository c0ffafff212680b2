"""Numerical methods, the Taylor test, the plot of errors, and the check of every step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import matdiff as md
from matdiff.api.derivation import Derivation
from matdiff.api.expr import Expr
from matdiff.core.node import number
from matdiff.ops.constants import is_zero
from matdiff.solution.steps import check_steps
from matdiff.verify.convergence import errors, taylor
from matdiff.verify.methods import METHODS
from tests.simplify.test_textbook import IDENTITIES, derivation

FUNCTIONS = [
    ("logdet(X'*X)", "X", "X: m×n"),
    ("tr(A*Q*B*Q')", "Q", "A: n×n; B: n×n; Q: n×n orthogonal"),
    ("softmax(A*x)", "x", None),
    ("sum(h(A*x))", "x", "h: elementwise; A: m×n"),
    ("tr(expm(X))", "X", "X: n×n"),
    ("norm(A*x - b)", "x", None),
    ("t^3", "t", "t: scalar"),
]


def wrong(d: Derivation) -> Derivation:
    changed = replace(d)
    changed.__dict__["gradient"] = Expr(number(1.001) * d.gradient.node, d.gradient.variables)
    return changed


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("function", "wrt", "declare"), FUNCTIONS)
def test_methods(function: str, wrt: str, declare: str | None, method: str) -> None:
    d = md.derive(function, wrt, declare)
    v = d.verify(method=method)
    assert v.passed is True, str(v)
    assert v.method == method and v.relative_error is not None
    assert v.relative_error < (1e-5 if method in ("forward", "backward") else 1e-8)
    if d.kind == "gradient":
        assert wrong(d).verify(method=method).passed is False


def test_the_complex_step_has_all_digits_and_names_what_it_cannot() -> None:
    v = md.derive("logdet(X)", "X", "X: n×n").verify(method="complex")
    assert v.relative_error is not None and v.relative_error < 1e-13
    assert str(v).startswith("verified: the complex step agrees")
    for function, name in [("norm1(x)", "norm1"), ("sum(abs(x))", "abs"), ("sum(relu(x))", "relu")]:
        with pytest.raises(md.UnsupportedError, match=name):
            md.derive(function, "x", "x: n").verify(method="complex")


@pytest.mark.parametrize(("function", "wrt", "declare"), FUNCTIONS)
def test_taylor(function: str, wrt: str, declare: str | None) -> None:
    d = md.derive(function, wrt, declare)
    found = taylor(d)
    assert found.passed, str(found)
    assert found.settled(0) == pytest.approx(1, abs=0.3)
    if d.kind == "gradient":
        assert not taylor(wrong(d)).passed


def test_taylor_table() -> None:
    found = taylor(md.derive("logdet(X'*X)", "X", "X: m×n"))
    assert found.settled(1) == pytest.approx(2, abs=0.2)
    assert found.settled(2) == pytest.approx(3, abs=0.3)
    head, *rows, verdict = str(found).splitlines()
    assert "|f(X+hV) − f(X)|" in head and "H[V]" in head and len(rows) == 6
    assert verdict.startswith("Taylor test: the remainders fall as they should")
    assert taylor(md.derive("norm1(A*x - b)", "x", "A: m×n; b: m")).passed


def test_error_curves(tmp_path: Path) -> None:
    plot = errors(md.derive("logdet(X'*X)", "X", "X: m×n"))
    forward, central = plot.curves
    assert 1e-10 < plot.steps[forward.best] < 1e-6 < 1e-7 + plot.steps[central.best] < 1e-2
    assert central.errors[central.best] < forward.errors[forward.best]
    text = str(plot)
    assert "●" in text and "◆ best step" in text and len(text.splitlines()) == 21
    assert plot.text(ascii=True).isascii()
    pytest.importorskip("matplotlib")
    for name in ("v.png", "v.svg"):
        plot.save(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    with pytest.raises(md.UnsupportedError, match=r"v\.txt"):
        plot.save(tmp_path / "v.txt")


# every step


QUESTIONS = sorted({(e["text"], e["declare"], e["wrt"]) for e in IDENTITIES})


@pytest.mark.share(2)
@pytest.mark.parametrize("part", range(8))
def test_every_step_of_every_textbook_case_holds(part: int) -> None:
    wrong = []
    for text, declare, wrt in QUESTIONS[part::8]:
        d = derivation(text, declare, wrt)
        wrong += [(text, str(s), ok) for s, ok in zip(d.steps, check_steps(d), strict=True) if ok is not True]
    assert not wrong


def test_wrong_steps_are_seen() -> None:
    d = md.derive("tr(X'*A*X)", "X")
    for i, step in enumerate(d.steps):
        bent = replace(step, after=Expr(number(1.001) * step.after.node, step.after.variables))
        steps = (*d.steps[:i], bent, *d.steps[i + 1 :])
        assert [k for k, ok in enumerate(check_steps(d, steps)) if ok is False] == [i]


def test_steps_in_a_weighted_inner_product() -> None:
    d = md.derive("x'*A*x", "x", inner="W")
    assert all(check_steps(d)) and d.verify().passed is True
    assert d.verify(order=2).passed is True


# the command line


def out(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    from matdiff.cli.app import run

    status = run(words)
    printed = capsys.readouterr()
    assert (status, printed.err) == (0, "")
    return str(printed.out)


def test_derive_check(capsys: pytest.CaptureFixture[str]) -> None:
    shown = out(capsys, "derive", "norm(A*x - b)^2", "--wrt", "x", "--check")
    numbered = [line for line in shown.splitlines() if line[:1].isdigit()]
    assert len(numbered) >= 3 and all(line.endswith(("✓", "[ok]")) for line in numbered)
    assert "exact: the identity holds" in shown
    assert "✓" not in out(capsys, "derive", "x'*x", "--wrt", "x", "--check", "--ascii")
    assert "✓" not in out(capsys, "derive", "x'*x", "--wrt", "x", "--check", "--format", "json")


def test_a_wrong_step_withholds_the_answer(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import matdiff.solution.steps
    from matdiff.cli.app import run

    monkeypatch.setattr(matdiff.solution.steps, "holds", lambda *args: False)
    assert run(["derive", "x'*x", "--wrt", "x", "--check"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and "✗ step 1: " in printed.err


def test_verify_prints_certificate_table_and_plot(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shown = out(capsys, "verify", "x'*A*x", "--wrt", "x", "--method", "richardson", "--plot", "-")
    first, second, *rest = shown.splitlines()
    assert first.startswith("verified: extrapolated differences")
    assert second.startswith("exact: the identity holds over a prime field (degree 3, error probability below 2e-18")
    assert any(line.startswith("Taylor test: ") for line in rest) and "best step" in rest[-1]
    claim = out(capsys, "verify", "x'*A*x", "--wrt", "x", "--claim", "(A + A')*x")
    assert claim.splitlines()[1].startswith("exact: ") and "Taylor" not in claim
    pytest.importorskip("matplotlib")
    out(capsys, "verify", "x'*A*x", "--wrt", "x", "--plot", str(tmp_path / "v.svg"))
    assert "<svg" in (tmp_path / "v.svg").read_text("utf-8")


@pytest.mark.parametrize(("method", "order"), [("forward", 1), ("backward", 1), ("central", 2)])
@pytest.mark.parametrize(("f", "x"), [("x'*A*x", "x"), ("logdet(X)", "X"), ("sum(exp(x))", "x"), ("inv(X)", "X")])
def test_the_order_is_that_of_the_method(f, x, method, order):
    found = md.derive(f, wrt=x).verify(method=method)
    assert (
        found.passed
        and abs(found.order - order) < 0.2
        and f"(observed order {order}." in str(found).replace("0.9", "1.0")
    )


FURTHER = [
    ("x_1 = W_1*x; x_2 = W_2*x_1; norm(x_2 - t)^2/2", "W_1,W_2", None),
    ("y = sigmoid(W*x + b); norm(y - t)^2/2", "W,b", None),
    ("norm(U*V - A)^2", "U,V", None),
    ("x'*A*y", "x,y", None),
    ("logdet(X) + s*tr(X)", "X,s", "s: scalar"),
    ("x'*S*x", "S,x", "S: n×n symmetric"),
    ("A*X*B", "X", None),
    ("inv(X)", "X", None),
    ("X*X'", "X", None),
    ("S^2", "S", "S: n×n symmetric"),
    ("Q*A", "Q", "Q: n×n orthogonal"),
    ("tanh(A*x)", "x", None),
    ("x/norm(x)", "x", None),
    ("x'*A", "x", None),
    ("expm(t*A)", "t", "t: scalar"),
    ("vec(X)", "X", None),
    ("X", "X", None),
    ("A*x", "A,x", None),
    ("kron(X, Z)", "X,Z", None),
]


@pytest.mark.parametrize(("f", "wrt", "let"), FURTHER)
def test_the_steps_go_on_to_what_is_read_off(f, wrt, let):
    """One group for each answer, ending in it, every line checked; and a group whose end is bent does not pass."""
    d = md.derive(f, wrt, let)
    order = 2 if d.kind == "gradient" and "S" not in wrt else 1
    found = d.further_steps(order)
    names = [X.name for X in d.wrt]
    wanted = [("gradient", (x,)) for x in names] if d.kind == "gradient" else []
    wanted += [(key, (x,)) for x in names for key in ("adjoint", "jacobian")] if d.kind != "gradient" else []
    wanted += [("hessian", (x, z)) for x in names for z in names] if order == 2 else []
    assert [(g.key, g.by) for g in found] == wanted
    for group in found:
        assert all(check_steps(group.of, group.steps)), group
        last = group.steps[-1]
        answer = {"gradient": lambda: d.gradient, "jacobian": lambda: d.jacobian, "hessian": lambda: d.hessian}
        if group.key in answer:
            said = answer[group.key]()
            said = said if not d.several else said[group.by if len(group.by) > 1 else group.by[0]]
        else:
            said = d.adjoint[group.by[0]].value if d.several else d.adjoint.value
        assert last.after == said
        bent = replace(last, after=Expr(last.after.node * number(2) + last.after.node, last.after.variables))
        if not is_zero(last.after.node):
            assert check_steps(group.of, (*group.steps[:-1], bent))[-1] is False


def test_the_steps_to_a_hessian_end_in_it():
    d = md.derive("logdet(X)", "X")
    assert all(check_steps(d.of_gradient, d.hessian_steps)) and d.hessian_steps[-1].after == d.hessian


@pytest.mark.parametrize(
    ("text", "wrt", "declare"),
    [
        ("tr(logm(A)*B)", "A", ""),
        ("tr(sqrtm(A)*B)", "A", ""),
        ("tr(A^0.3)", "A", ""),
        ("x'*S^p*y", "S", "S: n×n spd; p: scalar"),
        ("x'*S^p*y", "p", "S: n×n spd; p: scalar"),
    ],
)
def test_complex_steps_through_matrix_functions(text, wrt, declare):
    found = md.derive(text, wrt=wrt, declare=declare or None).verify(method="complex")
    assert found.passed and found.relative_error < 1e-11
