"""The conversation: what it remembers, what its commands say, and that nothing ends it but its end."""

from __future__ import annotations

import io
import subprocess
import sys
from types import SimpleNamespace

import pytest

from matdiff.cli import lines as reading
from matdiff.cli.app import run
from matdiff.cli.session import COMMANDS, Session
from matdiff.errors import MatdiffError, ParseError


@pytest.fixture
def session():
    return Session()


def spoken(monkeypatch, capsys, *typed):
    """Standard output and standard error of a conversation from a pipe."""
    pipe = SimpleNamespace(isatty=lambda: False, buffer=io.BytesIO("\n".join(typed).encode()))
    monkeypatch.setattr("sys.stdin", pipe)
    assert run(["repl"]) == 0
    return capsys.readouterr()


def test_an_expression_is_differentiated(session):
    said = session.run("x'*A*x")
    assert said.startswith("f = xᵀ A x        with x: n; A: n×n\n")
    assert "∇f = (A + Aᵀ) x\n" in said
    assert said.splitlines()[-1].startswith("verified")


def test_declarations_and_definitions_are_kept(session):
    assert session.run("A: m×n; b: m") == "A: m×n\nb: m"
    assert session.run("r = A*x - b") == "r = A*x - b        with A: m×n; x: n; b: m"
    assert session.run("s(t) = t/(1+exp(-t))") == "s(t) = t/(1+exp(-t))"
    said = session.run("r'*r")
    assert "where r = A x − b" in said
    assert "∇f = 2Aᵀ r" in said
    assert "f = sum(" in session.run("sum(s(x))")
    assert session.run(":types").splitlines()[:3] == ["A: m×n", "b: m", "r = A*x - b"]


def test_what_an_expression_does_not_use_is_left_out(session):
    session.run("Q: 3×3; k = Q*v")
    assert "with x: n\n" in session.run("x'*x")


def test_the_newer_meaning_of_a_name_holds(session):
    session.run("A: 2×3")
    session.run("A: n×n symmetric")
    assert "∇f = 2A x" in session.run("x'*A*x")
    session.run("A = B'*B")
    assert "where A = Bᵀ B" in session.run("x'*A*x")
    session.run("A: n×n")
    assert "∇f = (A + Aᵀ) x" in session.run("x'*A*x")


def test_a_defined_name_is_what_it_stands_for(session):
    session.run("f = x'*A*x; g = f")
    assert session.run("f").startswith("f = xᵀ A x        with")
    assert session.run("g").startswith("f = xᵀ A x        with")
    assert "= ⟨(A + Aᵀ) x, dx⟩" in session.run(":steps")
    session.run("A: n×n symmetric")
    assert "∇f = 2A x" in session.run("f")
    session.run("f = x'*x")
    assert "∇f = 2x" in session.run("g")


def test_the_order(session):
    assert session.run(":order") == "order 1: gradients"
    assert session.run(":order 2") == "order 2: gradients and Hessians"
    assert "H = A + Aᵀ" in session.run("x'*A*x")
    assert "read off the Hessian" in session.run(":steps")
    assert "J = A" in session.run("A*x")
    with pytest.raises(MatdiffError, match="no scalar"):
        session.run(":hessian")
    session.run("x'*x")
    assert "H = " not in session.run(":order 1")
    with pytest.raises(ParseError, match="the order is 1 or 2"):
        session.run(":order 3")


@pytest.mark.parametrize("typed", ["help", "?", ":?", ":HELP", ": help"])
def test_help_is_found(session, typed):
    assert ":quit" in session.run(typed)


@pytest.mark.parametrize("typed", ["quit", "exit", "exit()", ":exit", ":q"])
def test_ways_out(session, typed):
    assert session.run(typed) == "" and session.over


def test_such_words_may_be_names(session):
    session.run("exit: 2×2")
    assert "dF = dexit" in session.run("exit") and not session.over


def test_nothing_to_tell(session):
    session.run("A*x")
    assert session.run("x") and session.run(":steps") == "there is no step between: it is read off at once"


def test_choosing_the_variable(session):
    assert session.run(":wrt") == "by the only variable, or by x or X"
    assert session.run("tr(A*B)") == "by which of A, B?  Choose, for instance :wrt A"
    assert "∇f = Aᵀ" in session.run(":wrt B")
    assert "∇f = Aᵀ" in session.run("tr(A*B)")
    assert "∇f by A = Bᵀ" in session.run(":wrt A, B")
    assert "∇f by A = Bᵀ" in session.run(":wrt A B")
    assert "no variable Q" in session.run(":wrt Q")
    session.run("A: n×n spd")
    assert "A: n×n spd; B: n×n" in session.run(":wrt B")
    assert "∇f = 2Q" in session.run("norm(Q)^2")


def test_commands_about_the_last_answer(session):
    session.run("r = A*x - b; r'*r")
    assert "1.  d(r) = A dx" in session.run(":steps")
    assert session.run(":st") == session.run(":steps")
    assert "H = 2Aᵀ A" in session.run(":hessian")
    assert r"\nabla f &= 2A^{\top}r" in session.run(":latex")
    assert "grad f = 2*A'*r" in session.run(":ascii")
    assert session.run(":ascii").isascii()
    assert "def gradient(*, A, x, b, **_):" in session.run(":code numpy")
    assert "import jax.numpy" in session.run(":code jax")
    assert session.run(":verify").startswith("verified")
    assert session.run(":verify 2*A'*(A*x - b)").startswith("verified")
    assert session.run(":verify 2*A'*r").startswith("verified")
    assert "failed" in session.run(":verify A'*(A*x - b)")
    assert "inferred: A: m×n; x: n; b: m" in session.run(":types")


def test_let_and_forget(session):
    session.run(":let S: n×n spd")
    session.run("k = tr(S)")
    assert session.run(":types") == "S: n×n spd\nk = tr(S)"
    assert session.run(":forget k") == "forgotten: k"
    assert session.run(":forget") == "forgotten: S"
    assert session.run(":types") == "nothing is declared"
    assert session.run(":forget") == "nothing was declared"
    with pytest.raises(ParseError, match="neither declared nor defined"):
        session.run(":forget S")
    with pytest.raises(ParseError, match="missing"):
        session.run(":let")


def test_help_lists_every_command(session):
    said = session.run(":help")
    assert all(f"  :{name} " in said for name in COMMANDS)
    assert all(callable(getattr(session, f"on_{name}")) for name in COMMANDS)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tr(A*", "Close it"),
        ("x'*(A", "Close it"),
        (":stepz", "did you mean :steps?"),
        (":frobnicate", ":help lists"),
        (":l", "did you mean :latex or :let?"),
        (":", ":help lists"),
        (":steps 2", ":steps takes nothing after it, not '2'"),
        ("f(x) = x'*A*x", "takes whole arrays"),
        (":steps", "nothing has been differentiated yet"),
        ("B: 2×3; r = Q*B", "cannot multiply"),
        ("1 + 1", "no variables"),
        (":rules logdte", "logdet"),
    ],
)
def test_wrong_lines_change_nothing(session, line, said):
    session.run("Q: 3×3")
    with pytest.raises(MatdiffError, match=said):
        session.run(line)
    assert session.run(":types") == "Q: 3×3"


def test_errors_do_not_end_it(monkeypatch, capsys):
    captured = spoken(monkeypatch, capsys, "tr(A*", ":nothing", "", "# a comment", "\0", "x'*x", ":quit", "y'*y")
    assert captured.err.count("error: ") == 3
    assert captured.out.count("∇f = 2x") == 1
    assert "2y" not in captured.out


def test_faults_and_interruptions_do_not_end_it(monkeypatch, capsys):
    raised = iter([KeyboardInterrupt(), ZeroDivisionError("oops")])

    def fails(self, **options):
        raise next(raised)

    monkeypatch.setattr("matdiff.api.derivation.Derivation.verify", fails)
    captured = spoken(monkeypatch, capsys, "x'*x", "x'*x", ":types")
    assert "error: interrupted" in captured.err
    assert "error: matdiff itself failed (ZeroDivisionError: oops)" in captured.err
    assert captured.out == "nothing is declared\n"


def test_a_wrong_derivative_is_not_shown(monkeypatch, capsys):
    from matdiff.verify.report import Verification

    monkeypatch.setattr("matdiff.api.derivation.Derivation.verify", lambda self, **_: Verification(False, reason="off"))
    captured = spoken(monkeypatch, capsys, "x'*x")
    assert captured.out == ""
    assert "failed its verification" in captured.err


def test_from_a_real_pipe():
    typed = "A: n×n symmetric\nx'*A*x\n:quit\n".encode()
    done = subprocess.run([sys.executable, "-m", "matdiff", "repl", "--ascii"], input=typed, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"grad f = 2*A*x" in done.stdout


def test_completion(session):
    session.run("Sigma: n×n spd; r = Sigma*x")
    session.run("r'*y")
    found = session.candidates()
    assert {":steps", "Sigma", "r", "y", "logdet("} <= set(found)
    assert reading.completion(found, "log", 0) == "log("
    assert reading.completion(found, "log", 99) is None


def test_prompt_toolkit_completes_commands_and_names(session):
    pytest.importorskip("prompt_toolkit")
    from prompt_toolkit.document import Document

    session.run("Sigma: n×n")
    completer = reading.completer(session.candidates)
    for typed, meant in ((":ste", ":steps"), ("tr(Sig", "Sigma"), ("x'*logd", "logdet(")):
        found = [c.text for c in completer.get_completions(Document(typed), None)]
        assert meant in found


class Keys:
    """A terminal at which these lines are typed; an exception is a key that raises it."""

    def __init__(self, *keys):
        self.keys = iter([*keys, EOFError()])

    def __call__(self, prompt):
        key = next(self.keys)
        if isinstance(key, BaseException):
            raise key
        return key


def test_keys_that_interrupt(monkeypatch, capsys, session):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    keys = Keys("x'*x", KeyboardInterrupt(), ":types")
    monkeypatch.setattr(reading, "prompted", lambda candidates: keys)
    monkeypatch.setattr(reading, "plain", lambda candidates: keys)
    assert list(reading.lines(session.candidates)) == ["x'*x", ":types"]


def test_history_is_kept_where_it_belongs(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert reading.history() == tmp_path / "matdiff" / "history"
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    assert reading.history() is None
