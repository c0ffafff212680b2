"""`derive --check`: every line of the derivation with a mark that says whether it follows from the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from matdiff.report.answer import Answer

UNICODE: Mapping[bool | None, str] = {True: "  ✓", False: "  ✗", None: "  (not checked)"}
ASCII: Mapping[bool | None, str] = {True: "  [ok]", False: "  [wrong]", None: "  [not checked]"}
NONE: Mapping[bool | None, str] = {True: "", False: "", None: ""}


@dataclass
class Checked(Answer):
    """An answer whose steps have been checked; `wrong` says which of them do not follow."""

    marked: tuple[Any, ...] = ()
    marked_second: tuple[Any, ...] = ()
    """The steps to the Hessian."""
    groups: tuple[Any, ...] = ()
    wrong: str = ""

    @property
    def further(self) -> Any:
        return self.groups

    @property
    def told(self) -> Any:
        return self.marked

    @property
    def second(self) -> Any:
        return self.marked_second

    def verdicts(self) -> list[str]:
        """With what exact arithmetic says of each."""
        exact = [v.certificate for v in self.verifications if v.certificate]
        return [*super().verdicts(), *exact]


def checked(answer: Answer, marks: Mapping[bool | None, str]) -> Checked:
    """Check the steps of an answer and mark their rules."""
    from matdiff.solution.steps import check_steps

    told = judged(answer.told, check_steps(answer.d, tuple(answer.told)))
    groups = [(g, judged(g.steps, check_steps(g.of, g.steps))) for g in answer.further]
    last: Judged = []
    if answer.second:
        steps = tuple(s for s in answer.second if s.relation == "=")
        last = judged(steps, check_steps(answer.d.of_gradient, steps))
        passed = answer.verifications[-1].passed if len(answer.verifications) > 1 else None
        last += [(step, passed) for step in answer.second[len(steps) :]]

    def marks_of(pairs: Judged) -> tuple[Any, ...]:
        return tuple(replace(s, rule=s.rule + marks[v]) for s, v in pairs)

    every = [*told, *(pair for _, pairs in groups for pair in pairs), *last]
    wrong = [f"✗ step {i}: {step}" for i, (step, verdict) in enumerate(every, 1) if verdict is False]
    shared = {f.name: getattr(answer, f.name) for f in fields(answer)}
    redone = tuple(replace(g, steps=marks_of(pairs)) for g, pairs in groups)
    return Checked(**shared, marked=marks_of(told), marked_second=marks_of(last), groups=redone, wrong="\n".join(wrong))


Judged = list[tuple[Any, bool | None]]


def judged(steps: Sequence[Any], verdicts: Iterable[bool | None]) -> Judged:
    return list(zip(steps, verdicts, strict=True))
