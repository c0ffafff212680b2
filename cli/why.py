"""`derive --steps --why`: the proofs of the rules that a derivation used."""

from __future__ import annotations

from typing import Any

from matdiff.api.proofs import Proof, proof
from matdiff.core.node import Apply, topological
from matdiff.errors import MatdiffError
from matdiff.report.answer import Answer
from matdiff.report.notation import Style, prose


def proofs(answer: Answer) -> list[Proof]:
    """Of each function whose own rule a step names, in the order of the steps; those of products are too plain."""
    d = answer.d
    laws = {n.op.law: n.op for n in topological(d.prepared) if isinstance(n, Apply) and n.op.law}
    every = [*answer.told, *(s for g in answer.further for s in g.steps), *answer.second]
    ops = [laws[law] for law in dict.fromkeys(s.rule.split("  ")[0] for s in every) if law in laws]
    found = []
    for op in ops:
        try:
            found.append(proof(op))
        except MatdiffError:
            continue
    return [p for p in found if p.holds is not False]


def text(answer: Answer, style: Style) -> str:
    """The proofs as lines below an answer."""
    lines: list[str] = []
    for p in proofs(answer):
        shown = [line.text(ascii=style == "ascii") for line in p.lines]
        width = min(max(map(len, shown)), 60)
        lines += ["", prose(f"why {p.law}", style)]
        lines += [f"    where {name} = {e.text(ascii=style == 'ascii', defined=False)}" for name, e in p.where]
        lines += [f"  {left:<{width}}   {prose(line.reason, style)}" for left, line in zip(shown, p.lines, strict=True)]
    return "\n".join(lines)


def markdown(answer: Answer) -> str:
    parts = []
    for p in proofs(answer):
        where = "".join(f", where ${name} = {e.latex(defined=False)}$" for name, e in p.where)
        items = [f"{i}. ${line.latex()}$ ({line.reason})" for i, line in enumerate(p.lines, 1)]
        parts.append("\n".join([f"Why {p.law}{where}:", "", *items]))
    return "\n\n".join(["", "", *parts]) if parts else ""


def latex(answer: Answer) -> str:
    rows = [rf"  {line.latex()} && \text{{{prose(line.reason, 'latex')}}}" for p in proofs(answer) for line in p.lines]
    joined = " \\\\\n".join(rows)
    return f"\n\\begin{{align*}}\n{joined}\n\\end{{align*}}" if rows else ""


def record(answer: Answer, style: Style) -> list[dict[str, Any]]:
    """What JSON says of them."""
    ascii = style == "ascii"
    return [
        {
            "rule": prose(p.law, style),
            "where": {name: e.text(ascii=ascii, defined=False) for name, e in p.where},
            "lines": [{"line": s.text(ascii=ascii), "reason": prose(s.reason, style)} for s in p.lines],
        }
        for p in proofs(answer)
    ]
