"""The parser proper: shift and reduce by the table that Lark makes of grammar/expression.lark.

Lark's own loop does the same; this one needs no import of Lark (half of the time of a start)
and hashes no rule objects, which makes it twice as fast on long sums.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import Any

from matdiff.text.actions import actions

Action = Any
Starts = dict[str, int]
Rules = list[tuple[str, int, Action]]
States = list[dict[str, int]]


class Stuck(Exception):
    """No action for the token at this index."""

    def __init__(self, index: int) -> None:
        self.index = index


def read(folder: str) -> dict[str, Any]:
    """Raises OSError where it is not there; by the loader, since matdiff may be imported from a zip."""
    loader: Any = __spec__.loader
    found: dict[str, Any] = json.loads(loader.get_data(os.path.join(folder, "grammar", "expression.json")))
    return found


@lru_cache(maxsize=1)
def tables() -> tuple[Starts, Rules, States]:
    """Installed, the grammar is matdiff/grammar; in a checkout it stands beside matdiff."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    try:
        table = read(package)
    except OSError:
        table = read(os.path.dirname(package))
    rules = [(lhs, size, name and actions[name]) for lhs, size, name in table["rules"]]
    return table["starts"], rules, table["states"]


def run(kinds: list[str], values: list[Any], start: str = "expression") -> Any:
    """What the action of `start` makes of tokens, of which the last is END: of an expression its tree.

    Raises Stuck; the time is linear.
    """
    starts, rules, states = tables()
    stack = [starts[start]]
    done: list[Any] = []
    for i, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        while True:
            step = states[stack[-1]].get(kind)
            if step is None:
                raise Stuck(i) from None
            if step >= 0:
                stack.append(step)
                done.append(value)
                break
            lhs, size, action = rules[-1 - step]
            if action is None:
                stack[-1] = states[stack[-2]][lhs]
                continue
            parts = done[-size:]
            del stack[-size:], done[-size:]
            done.append(action(parts))
            if lhs == start:
                return done[0]
            stack.append(states[stack[-1]][lhs])
    raise AssertionError("the last token is END")
