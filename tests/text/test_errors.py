"""Mistakes and what is said of them; wrong use from Python; and anything at all, typed at random."""

from __future__ import annotations

import importlib.util
import re
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from counting import at_most

import matdiff as md
from matdiff.text.advice import INSTEAD

HERE = Path(__file__).parents[1]
MISTAKES: list[dict[str, Any]] = tomllib.loads((HERE / "errors.toml").read_text("utf-8"))["case"]


@pytest.mark.parametrize("case", MISTAKES, ids=lambda c: f"{c['text'][:40]} {c.get('declare', '')}".strip())
def test_mistakes(case: dict[str, Any]) -> None:
    with pytest.raises(md.MatdiffError) as caught:
        d = md.derive(case["text"], wrt=case["wrt"], declare=case.get("declare"))
        _ = d.gradient if d.function.kind == "scalar" else d.jacobian
    assert type(caught.value).__name__ == case["error"]
    assert str(caught.value).split("\n") == case["says"]


def test_there_are_enough_mistakes_and_almost_all_point_at_their_place() -> None:
    assert len(MISTAKES) >= 150
    without = [c for c in MISTAKES if not any(set(line.strip()) == {"^"} for line in c["says"])]
    assert {c["text"] for c in without} == {"x'*x", "lambda*x'*x"}, "only a wrong wrt has no place in the text"


@pytest.mark.parametrize("expression", sorted({e for said in INSTEAD.values() for e in said.split(" or ")}))
def test_what_is_to_be_written_instead_works(expression: str) -> None:
    md.parse(expression)


@pytest.mark.parametrize("case", MISTAKES, ids=lambda c: f"{c['text'][:40]} {c.get('declare', '')}".strip())
def test_a_declaration_that_a_message_writes_can_be_read(case: dict[str, Any]) -> None:
    for written in re.findall(r"Write `([^`]*)`", "\n".join(case["says"])):
        md.parse("1", declare=written)


f = md.parse("x'*A*x")
d = md.derive("x'*A*x", wrt="x")
A, x = np.eye(3), np.ones(3)

MISUSE: dict[str, Callable[[], object]] = {
    "a number for a text": lambda: md.derive(3, wrt="x"),  # type: ignore[arg-type]
    "bytes for a text": lambda: md.parse(b"x"),  # type: ignore[arg-type]
    "no text": lambda: md.derive(None, wrt="x"),  # type: ignore[arg-type]
    "no variable": lambda: md.derive("x'*x", wrt=[]),
    "an empty variable": lambda: md.derive("x'*x", wrt=""),
    "another variable": lambda: md.derive(f, wrt="zz"),
    "an expression as variable": lambda: md.derive(f, wrt=f),
    "a dialect": lambda: md.derive("x'*x", wrt="x", dialect="tex"),
    "declarations that are none": lambda: md.parse("x", declare="x"),
    "contradictory declarations": lambda: md.parse("x", declare=["x: n", "x: m"]),
    "a declaration that is a number": lambda: md.parse("x", declare=[3]),  # type: ignore[list-item]
    "a product with a number": lambda: f @ 3,  # type: ignore[operator]
    "an index of a scalar": lambda: f[99],
    "a text as index": lambda: md.parse("x")["a"],
    "a trace of a text": lambda: md.tr("x"),
    "a trace of a vector": lambda: md.tr(md.parse("x")),
    "a trace of nothing": lambda: md.tr(),
    "a size of 0": lambda: md.matrix("A", 0, 2),
    "a size of 2.5": lambda: md.matrix("A", 2.5, 2),  # type: ignore[arg-type]
    "a name with a digit first": lambda: md.vector("1x", "n"),
    "two names": lambda: md.scalar("a b"),
    "a reserved name": lambda: md.scalar("tr"),
    "a missing array": lambda: f.evaluate(x=x),
    "a text for an array": lambda: f.evaluate(x="abc", A=A),
    "None for an array": lambda: f.evaluate(x=None, A=A),
    "objects in an array": lambda: f.evaluate(x=np.array([object()] * 3), A=A),
    "a huge whole number": lambda: f.evaluate(x=[10**400] * 3, A=A),
    "a ragged array": lambda: f.evaluate(x=[[1], [2, 3]], A=A),
    "complex numbers": lambda: f.evaluate(x=[1j] * 3, A=A),
    "a number for a vector": lambda: f.evaluate(x=3, A=A),
    "a matrix for a vector": lambda: f.evaluate(x=A, A=A),
    "three axes": lambda: f.evaluate(x=x, A=np.zeros((3, 3, 3))),
    "another length": lambda: f.evaluate(x=np.ones(4), A=A),
    "a direction of another length": lambda: d.jvp(np.ones(4), x=x, A=A),
    "no direction": lambda: d.jvp(None, x=x, A=A),
    "a covector of another shape": lambda: d.vjp(x, x=x, A=A),
    "sizes that are none": lambda: d.verify(sizes={"n": -1}),
    "sizes of nothing": lambda: d.verify(sizes={"zz": 3}),
    "an unreadable claim": lambda: d.verify(claim="2*("),
    "a claim with a strange name": lambda: d.verify(claim="2*foo"),
    "an unknown backend": lambda: f.compile("fortran"),
    "the gradient of a vector": lambda: md.derive("A*x", wrt="x").gradient,
}


@pytest.mark.parametrize("wrong", MISUSE.values(), ids=MISUSE.keys())
def test_wrong_use_from_python(wrong: Callable[[], object]) -> None:
    with pytest.raises(md.MatdiffError) as caught:
        wrong()
    assert len(str(caught.value)) < 1000


def chained(start: str, step: str, end: str, n: int = 1000) -> str:
    """Definitions a1 … an, each made of the one before."""
    return (
        f"a0 = {start}; " + "; ".join(step.format(f"a{i + 1}", f"a{i}") for i in range(n)) + "; " + end.format(f"a{n}")
    )


HOSTILE: dict[str, tuple[str, str, str | None]] = {
    "a megabyte": ("x+" * 500_000 + "x", "x", None),
    "parentheses": ("(" * 49_000 + "x" + ")" * 49_000, "x", None),
    "bars": ("|" * 90_000, "x", None),
    "fractions": ("\\frac{" * 15_000, "x", None),
    "hats": ("\\hat{" * 15_000 + "x", "x", None),
    "environments": ("\\begin{bmatrix}" * 6_000, "x", None),
    "subscripts": ("x_{" * 30_000, "x", None),
    "minus signs": ("-" * 33_000 + "x", "x", None),
    "transposes": ("x" + "'" * 33_000, "x", None),
    "commas": ("," * 90_000, "x", None),
    "semicolons": (";" * 90_000, "x", None),
    "a power": ("X^1000000000", "X", None),
    "a tower": ("9^9^9^9", "x", "x: n"),
    "a float": ("1e999*x", "x", None),
    "digits": ("9" * 90_000 + "*x", "x", None),
    "a null byte": ("x\0'*x", "x", None),
    "a surrogate": ("x\ud800*x", "x", None),
    "a surrogate declared": ("x'*x", "x", "x: n\ud800"),
    "Cyrillic": ("х'*х", "x", None),
    "large constants": ("x'*ones(1000000000,1000000000)*x", "x", None),
    "a large commutation": ("sum(K(100000,100000)*x)", "x", None),
    "a long name": ("x" * 90_000, "x", None),
    "a long function": ("f" * 90_000 + "(x)", "x", None),
    "a long attribute": ("x", "x", "x: n " + "a" * 90_000),
    "long dimensions": ("x'*x", "x", "x: " + "n*" * 1_000 + "n"),
    "doubled products": (chained("x", "{0} = {1}.*{1}", "sum({0})", 300), "x", None),
    "doubled sums": (chained("x", "{0} = {1}+{1}", "sum({0})"), "x", None),
    "doubled Kronecker products": (chained("x", "{0} = kron({1},{1})", "sum({0})"), "x", None),
    "nested functions": ("sin(" * 900 + "t" + ")" * 900, "t", "t: scalar"),
    "nested inverses": ("tr(" + "inv(" * 900 + "X" + ")" * 901, "X", None),
    "own functions": (";".join(f"s{i + 1}(t)=s{i}(s{i}(t))" for i in range(40)) + ";s0(t)=sin(t);s40(x)", "x", None),
    "Kronecker factors": ("⊗".join(["x"] * 5_000), "x", None),
    "Kronecker factors of a known size": ("⊗".join(["x"] * 12_000), "x", "x: 3"),
    "squares of doubles": (chained("x", "{0} = 2*{1}.*{1}", "sum({0})", 300), "x", None),
    "powers of powers": ("X" + "'^2" * 1_300, "X", None),
    "long powers": ("tr(" + "*".join(f"X^{k}*A{k}" for k in range(100, 250)) + ")", "X", None),
    "equal factors": (" .* ".join(["A*x"] * 1_000), "x", None),
    "quotients": ("X\\" * 1_000 + "X", "X", None),
    "many scalars": ("+".join(f"c{i}*x{i}'*x" for i in range(700)), "x", None),
}


@pytest.mark.parametrize(("text", "wrt", "declare"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_input_is_done_or_refused_in_bounded_work(text: str, wrt: str, declare: str | None) -> None:
    """In at most twice what the costliest takes; `tests/benchmarks/hostile.py` says the seconds."""
    with at_most(8_000_000 if text == HOSTILE["own functions"][0] else 4_000_000):
        derived_or_refused(text, wrt, declare)


# As long as a text may be.
LONG: dict[str, tuple[str, str, str | None]] = {
    "equal factors": (" .* ".join(["A*x"] * 3_000), "x", None),
    "minus signs": ("-" * 99_000 + "x", "x", None),
    "transposes": ("x" + "'" * 99_000, "x", None),
    "long dimensions": ("x'*x", "x", "x: " + "n*" * 3_000 + "n"),
    "doubled products": (chained("x", "{0} = {1}.*{1}", "sum({0})"), "x", None),
    "squares of doubles": (chained("x", "{0} = 2*{1}.*{1}", "sum({0})"), "x", None),
    "powers of powers": ("X" + "'^2" * 4_000, "X", None),
    "quotients": ("X\\" * 3_000 + "X", "X", None),
    "many scalars": ("+".join(f"c{i}*x{i}'*x" for i in range(2_000)), "x", None),
}


@pytest.mark.share(9)
@pytest.mark.parametrize(("text", "wrt", "declare"), LONG.values(), ids=LONG.keys())
def test_long_input_is_done_or_refused_in_bounded_work(text: str, wrt: str, declare: str | None) -> None:
    with at_most(12_000_000):
        derived_or_refused(text, wrt, declare)


def derived_or_refused(text: str, wrt: str, declare: str | None) -> None:
    try:
        derivation = md.derive(text, wrt=wrt, declare=declare)
        answer = derivation.gradient if derivation.function.kind == "scalar" else derivation.jacobian
        answer.text()
    except md.MatdiffError as error:
        assert len(str(error)) < 2_000


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz", HERE / "fuzz.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.share(3)
@pytest.mark.parametrize("first", range(0, 1_000, 100))
def test_random_input_ends_in_a_result_or_a_refusal(fuzz: ModuleType, first: int) -> None:
    """`python tests/fuzz.py` does more, and takes the time."""
    tally = fuzz.fuzz(0, range(first, first + 100), seconds=None)
    assert tally.failures == []
    assert tally.counts["result"] > 15


def test_the_script_sees_what_escapes(fuzz: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(md, "derive", fail)
    assert fuzz.outcome("x'*x", "x", None) == "FAILED: RecursionError: too deep"
    monkeypatch.setattr(md, "derive", lambda *args, **options: time.sleep(0) or [0 for _ in iter(int, 1)])
    assert fuzz.outcome("x'*x", "x", None, 0.2) == "FAILED: over 0.2 s"


def test_what_is_no_variable_is_said_to_be_what_it_is() -> None:
    with pytest.raises(md.ParseError, match="r is defined in the function"):
        md.derive("r = A*x - b; r'*r", wrt="r")
    with pytest.raises(md.ParseError, match="dx is the differential of x"):
        md.derive("dx'*x", wrt="x")
    assert md.derive("dx'*x", wrt="x", declare="x: n; dx: n").gradient.text() == "dx"
