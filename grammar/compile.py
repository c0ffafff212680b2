"""Compile expression.lark to expression.json, the parse table that is shipped: `python grammar/compile.py`.

Lark is needed here and in the tests only; matdiff reads the table, which spares Lark's import at every start.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lark import Lark
from lark.lexer import Lexer
from lark.parsers.lalr_analysis import Shift

HERE = Path(__file__).parent
STARTS = ("expression", "left", "names", "declaration", "laws")
"""What may be read by itself; no other rule refers to one of these."""


class _NoLexer(Lexer):  # type: ignore[misc, unused-ignore]
    """Terminals come from matdiff.text."""

    def __init__(self, conf: Any) -> None:
        pass

    def lex(self, lexer_state: Any, parser_state: Any) -> Any:
        raise NotImplementedError


def compile_table(source: str) -> dict[str, Any]:
    """The LALR(1) table; raises on any conflict.

    starts  what may be read by itself → the state that its reading begins in
    rules   [left side, length, action or null for a rule that hands its only child on]
    states  symbol → state to go to, or -1-r to reduce by rule r
    """
    lark = Lark(source, parser="lalr", lexer=_NoLexer, strict=True, start=list(STARTS))
    table = lark.parser.parser._parse_table
    number = {rule: i for i, rule in enumerate(lark.rules)}
    states: list[dict[str, int]] = [{} for _ in table.states]
    for state, actions in table.states.items():
        for symbol, (action, target) in sorted(actions.items()):
            states[state][symbol] = target if action is Shift else -1 - number[target]
    rules = [[str(rule.origin.name), len(rule.expansion), rule.alias and str(rule.alias)] for rule in lark.rules]
    return {"starts": {name: table.start_states[name] for name in STARTS}, "rules": rules, "states": states}


def canonical(table: dict[str, Any]) -> dict[str, Any]:
    """States and rules renumbered in the order of reaching, so that the file changes only with the grammar."""
    rules = sorted(table["rules"], key=lambda r: (r[0], str(r[2]), r[1]))
    fresh_rule = {i: rules.index(r) for i, r in enumerate(table["rules"])}
    order = list(table["starts"].values())
    seen = set(order)
    for state in order:
        for _, target in sorted(table["states"][state].items()):
            if target >= 0 and target not in seen:
                seen.add(target)
                order.append(target)
    fresh = {old: new for new, old in enumerate(order)}
    states = [
        {s: fresh[t] if t >= 0 else -1 - fresh_rule[-1 - t] for s, t in sorted(table["states"][old].items())}
        for old in order
    ]
    starts = {name: fresh[state] for name, state in table["starts"].items()}
    return {"starts": starts, "rules": rules, "states": states}


def text(source: str) -> str:
    """The file's content, one rule or state a line."""
    table = canonical(compile_table(source))
    lines = []
    for key, value in table.items():
        if isinstance(value, list):
            inner = ",\n".join(json.dumps(v, separators=(",", ":")) for v in value)
            lines.append(f'"{key}":[\n{inner}\n]')
        else:
            lines.append(f'"{key}":{json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    (HERE / "expression.json").write_text(text((HERE / "expression.lark").read_text("utf-8")), "utf-8")
