"""`derive --check`: every line of the derivation with a mark that says whether it follows from the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from matdiff.cli.answer import Answer

UNICODE: Mapping[bool | None, str] = {True: "  ✓", False: "  ✗", None: "  (not checked)"}
ASCII: Mapping[bool | None, str] = {True: "  [ok]", False: "  [wrong]", None: "  [not checked]"}
NONE: Mapping[bool | None, str] = {True: "", False: "", None: ""}


@dataclass
class Checked(Answer):
    """An answer whose steps have been checked; `wrong` says which of them do not follow."""

    marked: tuple[Any, ...] = ()
    wrong: str = ""

    @property
    def told(self) -> Any:
        return self.marked

    def verdicts(self) -> list[str]:
        """With what exact arithmetic says of each."""
        exact = [v.certificate for v in self.verifications if v.certificate]
        return [*super().verdicts(), *exact]


def checked(answer: Answer, marks: Mapping[bool | None, str]) -> Checked:
    """Check the steps of an answer and mark their rules."""
    from matdiff.verify import check_steps

    steps = tuple(answer.told)
    pairs = list(zip(steps, check_steps(answer.d, steps), strict=True))
    marked = tuple(replace(step, rule=step.rule + marks[verdict]) for step, verdict in pairs)
    wrong = [f"✗ step {i}: {step}" for i, (step, verdict) in enumerate(pairs, 1) if verdict is False]
    shared = {f.name: getattr(answer, f.name) for f in fields(answer)}
    return Checked(**shared, marked=marked, wrong="\n".join(wrong))
