"""A question as a JSON object, an answer as one (of the page several, one after the other); nothing raises.

What is answered is what `--format json` of the command line says, from the same functions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from matdiff.api.derive import derive
from matdiff.cli.app import fault
from matdiff.errors import MatdiffError, UnsupportedError
from matdiff.report.answer import FAULT, Answer, verdict
from matdiff.report.formats import plain_value, record
from matdiff.report.implicit import lines
from matdiff.report.implicit import record as implicit_record
from matdiff.web import view
from matdiff.web.schema import PAGE, QUESTIONS

Asked = Mapping[str, Any]
Event = dict[str, Any]

WITHOUT = "this needs NumPy, which the page without a server does not have"


def ask(name: str, asked: Any) -> Iterator[Event]:
    """The events that answer a question; the last of them is the answer where there is one.

    >>> [e["gradient"] for e in ask("derive", {"function": "x'*A*x", "wrt": "x"})]
    ['(A + Aᵀ) x']
    >>> [e["error"]["span"] for e in ask("derive", {"function": "tr(A*X", "wrt": "X"})]
    [[2, 3]]
    """
    try:
        question = QUESTIONS.get(name) or PAGE[name]
        question.check(asked)
    except KeyError:
        yield {"error": {"kind": "ParseError", "message": f"nothing is called {name}", "hint": "", "said": ""}}
        return
    except MatdiffError as error:
        yield {"error": {**refusal(error, {}), "kind": "QuestionError"}}
        return
    try:
        yield from ANSWERS[name](asked)
    except MemoryError:
        raise
    except Exception as error:
        yield {"error": refusal(error, asked)}


def tell(name: str, asked: str, hear: Callable[[str], object]) -> None:
    """The question and each event as JSON, for the page without a server."""
    try:
        for event in ask(name, json.loads(asked)):
            hear(json.dumps(event, ensure_ascii=False))
    except MemoryError:
        said = "this takes more memory than a page has"
        hear(json.dumps({"error": {"kind": "TooLarge", "message": said, "hint": "", "said": said}}))


def refusal(error: Exception, asked: Asked) -> dict[str, Any]:
    """What is wrong, in which field of the question, where in it, and what to do."""
    if isinstance(error, ImportError) and error.name in ("numpy", "scipy", "sympy"):
        error = UnsupportedError(WITHOUT, hint="matdiff on a machine of your own answers it: matdiff serve")
    if not isinstance(error, MatdiffError):
        said = fault(error)
        return {"kind": "Fault", "message": said, "hint": "", "field": "", "text": "", "span": None, "said": said}
    at = None if error.span is None or error.text is None else list(error.span)
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "field": field_of(error.text, asked) if at else "",
        "text": error.text or "",
        "span": at,
        "said": str(error),
    }


def field_of(text: str | None, asked: Asked) -> str:
    """The field in which a text stands; `declare.2` is the third declaration."""
    for name, value in asked.items():
        if value == text:
            return name
        if isinstance(value, list) and text in value:
            return f"{name}.{value.index(text)}"
    return ""


def derivation(asked: Asked) -> Any:
    return derive(
        asked["function"],
        wrt=asked["wrt"],
        declare=list(asked.get("declare", ())),
        dialect=asked.get("input", "auto"),
        inner=asked.get("inner") or None,
        metric=asked.get("metric", "euclidean"),
    )


def derived(asked: Asked) -> Iterator[Event]:
    """As `matdiff derive --steps --format json`; what fails its verification is not told."""
    d, order = derivation(asked), asked.get("order", 1)
    if hasattr(d, "systems"):
        verification = d.verify()
        if verification.passed is False:
            raise withheld(str(verification))
        yield implicit_record(d, "unicode", lines(d, "adjoint", order), [verdict(verification)])
        return
    answer = Answer(d, order, True, asked.get("inner") or None)
    answer.verify()
    if answer.fault:
        raise withheld(answer.fault)
    yield record(answer, "unicode")


def withheld(why: str) -> UnsupportedError:
    return UnsupportedError(FAULT.format(why=why))


def verified(asked: Asked) -> Iterator[Event]:
    """As `matdiff verify`."""
    d = derivation(asked)
    options = {k: asked[k] for k in ("claim", "order", "method", "seed") if k in asked}
    found = d.verify(**options)
    fields = ("passed", "relative_error", "order")
    said = {name: plain_value(getattr(found, name)) for name in fields}
    example = ""
    if found.passed is False and "claim" in asked and not hasattr(d, "systems"):
        example = view.numeric().example(d, asked["claim"], asked.get("order", 1))
    yield {
        **said,
        "said": verdict(found),
        "reason": found.reason,
        "message": found.message,
        "points": found.points,
        "method": found.method,
        "certificate": found.certificate,
        "counterexample": example,
        "remarks": list(d.remarks),
    }


def checked(asked: Asked) -> Iterator[Event]:
    """As `md.check_derivation`."""
    function = asked.get("function") or None
    found = view.numeric().check_derivation(asked["derivation"], asked["wrt"], asked.get("declare"), function)
    rows = [{"line": c.number, "text": c.text, "passed": c.passed, "reason": c.reason} for c in found.checked]
    yield {
        "passed": found.passed,
        "said": str(found),
        "line": found.line,
        "reason": found.reason,
        "unread": found.unread,
        "counterexample": found.counterexample,
        "lines": rows,
    }


def sheet_checked(asked: Asked) -> Iterator[Event]:
    """An answer to a problem of a sheet, marked."""
    yield view.numeric().sheet_mark(asked)


def convex(asked: Asked) -> Iterator[Event]:
    """As `matdiff convex --format json`."""
    found = derivation(asked).convexity
    yield {**view.convexity_record(found), "said": found.text()}


ANSWERS: dict[str, Callable[[Asked], Iterator[Event]]] = {
    "derive": derived,
    "verify": verified,
    "check-derivation": checked,
    "convex": convex,
    "page": view.events,
    "check": view.marked,
    "sheet": sheet_checked,
    "about": view.about,
}
