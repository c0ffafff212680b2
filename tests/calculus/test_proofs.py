"""The proofs of the functions' rules: every line is checked, and a wrong one is seen."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import matdiff as md
import matdiff.ops
from matdiff.api.proofs import arguments, checked, proof
from matdiff.calculus.differential import apply_rules
from matdiff.calculus.markers import d
from matdiff.cli.app import run
from matdiff.core.op import Op, differential_symbol, registry
from matdiff.errors import MatdiffError

PROVEN = sorted(name for name, op in registry.items() if op.law)


@pytest.mark.parametrize("name", PROVEN)
def test_every_law_has_a_proof_of_two_to_four_lines_that_hold(name: str) -> None:
    found = proof(name)
    assert [line.holds for line in found.lines] == [True] * len(found.lines)
    assert 2 <= len(found.lines) <= 4


@pytest.mark.parametrize("name", ["inv", "logdet", "chol", "expm", "lambda_max", "sin", "softmax", "kron"])
def test_what_is_proven_is_the_rule_of_the_record(name: str) -> None:
    op = registry[name]
    args, params = arguments(op)
    value = op.build(args, params)
    rule = apply_rules(value, list(range(len(args))), {a: differential_symbol(a) for a in args})
    assert checked([(d(value), rule, "", ""), (d(value), 2 * rule, "", "")], args, value) == [True, False]


@pytest.mark.parametrize(
    ("name", "at", "line"),
    [
        ("inv", 1, "d(inv(X))*X - inv(X)*dX = 0 | product rule"),
        ("inv", 2, "d(inv(X)) = -inv(X)*inv(X)*dX | commuted"),
        ("sin", 1, "d(sin(x)) = -cos(x).*dx | a sign"),
        ("sin", 0, "sin(x + dx) = sin(x) + sin(dx) | linear"),
        ("lambda_max", 3, "d(lambda_max(S)) = tr(dS) | all of them"),
        ("chol", 4, "d(L) = L*tril(M) | without the half"),
    ],
)
def test_a_wrong_line_does_not_hold(name: str, at: int, line: str) -> None:
    lines = list(registry[name].proof)
    lines[at] = line
    assert proof(replace(registry[name], proof=tuple(lines))).holds is False


def test_a_proof_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(MatdiffError, match="no line of a proof"):
        proof(replace(registry["inv"], proof=("inv(X)*X",)))
    with pytest.raises(md.ParseError, match="no function"):
        md.proof("inverse_of")
    with pytest.raises(md.ParseError, match="rule of its own"):
        md.proof("outer")


def test_a_function_of_one_s_own_is_proven_by_its_definition() -> None:
    from matdiff.core.op import nonlinear

    op: Op = nonlinear(
        "sumsin", "(n)->()", lambda x, dx: md.ops.algebra.inner(registry["cos"](x), dx), law="d sumsin",
        numpy="np.sum(np.sin({0}))",
        definition=lambda x: registry["sum"](registry["sin"](x)),
    )  # fmt: skip
    try:
        assert proof(op).holds is True
    finally:
        md.forget("sumsin")


def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "inv"]) == 0
    assert "X⁻¹ X = I" in capsys.readouterr().out
    assert run(["rules", "inv", "--format", "markdown"]) == 0
    assert "what an inverse is" in capsys.readouterr().out
    assert run(["derive", "tr(inv(X)*A)", "--wrt", "X", "--steps", "--why", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [w["rule"] for w in found["why"]] == ["the trace is linear", "d(X⁻¹) = −X⁻¹ dX X⁻¹"]
    for form in ("text", "latex", "markdown"):
        assert run(["derive", "tr(inv(X)*A)", "--wrt", "X", "--why", "--format", form]) == 0
        assert "what an inverse is" in capsys.readouterr().out
    assert run(["derive", "tr(inv(X)*A)", "--wrt", "X", "--why", "--ascii"]) == 0
    assert capsys.readouterr().out.isascii()


def test_the_table_of_adjoints(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "--vjp"]) == 0
    said = capsys.readouterr().out
    rows = [tuple(line.split()[:1]) for line in said.splitlines()]
    assert len(rows) > 100 and any("−X⁻ᵀ Y X⁻ᵀ" in line for line in said.splitlines())
    assert run(["rules", "expm", "--vjp", "--format", "markdown"]) == 0
    assert "frechet(expm, Xᵀ, Y)" in capsys.readouterr().out
    assert run(["rules", "expmm", "--vjp"]) == 2
