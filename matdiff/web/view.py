"""What the page shows: formulas as MathML, types, steps, verdicts, code; an event for each part as soon as it is there.

MathML comes from matdiff's own printers, which escape every name.  Where NumPy is missing, as in a page without a
server, what needs no numbers is answered and the answer says that it is not verified.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from matdiff import __version__
from matdiff.api.derive import derive
from matdiff.api.expr import Expr
from matdiff.api.reading import read
from matdiff.cli import codegen
from matdiff.cli import derive as derive_command
from matdiff.cli.app import fault
from matdiff.cli.convex import record
from matdiff.cli.reference import domain, law, records
from matdiff.core.node import Symbol
from matdiff.errors import MatdiffError, ParseError, UnsupportedError
from matdiff.inference.declarations import ATTRIBUTES, SPELLED
from matdiff.printing.latex_mathml import from_latex
from matdiff.printing.mathml import mathml_name
from matdiff.report import implicit as implicit_lines
from matdiff.report.answer import FAULT, Answer, verdict
from matdiff.report.formats import render
from matdiff.report.html import parts as mathml
from matdiff.report.notation import Line
from matdiff.text.parser import parse_declarations, parse_program

try:
    from matdiff.web import numeric as numbers
except ImportError as missing:
    if missing.name not in ("numpy", "scipy"):
        raise
    numbers = None  # type: ignore[assignment]

OPTION = re.compile(r" \(--[^)]*\)")
"""What only the command line has."""

Asked = Mapping[str, Any]
Event = dict[str, Any]

LONGEST = 200_000
"""Characters of MathML of one formula, beyond which a browser has no use for it."""
USUAL = [
    "x",
    "X",
    "w",
    "W",
    "theta",
    "beta",
    "θ",
    "β",
    "S",
    "Q",
    "U",
    "V",
    "y",
    "Y",
    "z",
    "Z",
    "v",
    "u",
    "p",
    "q",
    "t",
    "A",
]
"""Names that functions are usually differentiated by, the likeliest first."""
UNVERIFIED = "not verified here: this page has no NumPy; `matdiff serve` checks every answer"
LACKING = "not verified here: the check needs more than the page's own small NumPy has; `matdiff serve` checks all"


def numeric() -> Any:
    """What needs NumPy.  Raises ImportError where it is missing."""
    if numbers is None:
        raise ImportError("NumPy is missing", name="numpy")
    return numbers


T = TypeVar("T")


def attempted(check: Callable[[], T]) -> T | None:
    """What a check says; None where the small NumPy of the page without a server lacks what it needs."""
    try:
        return check()
    except MatdiffError:
        raise
    except (ImportError, AttributeError, TypeError, ValueError):
        if numbers is None or not numbers.SMALL:
            raise
        return None


def lasting(marks: Iterator[bool | None]) -> Iterator[bool | None]:
    """Marks as long as they can be made."""
    while found := attempted(lambda: list(islice(marks, 1))):
        yield from found


def about(asked: Asked) -> Iterator[Event]:
    """What the page offers."""
    yield {
        "version": __version__,
        "formats": [f for f in choices(derive_command.command, "form") if f != "json"],
        "targets": choices(codegen.command, "target"),
        "attributes": [SPELLED.get(a, a) for a in ATTRIBUTES],
        "verifies": numbers is not None,
    }


def choices(command: Any, name: str) -> list[str]:
    return next(list(p.type.choices) for p in command.params if p.name == name)


def events(asked: Asked) -> Iterator[Event]:
    """The reading, the verified answer, then the parts that the page has open.  Raises MatdiffError."""
    text, declared, dialect = asked["function"], list(asked.get("declare", ())), asked.get("input", "auto")
    wrt = asked.get("wrt", "").strip()
    if not wrt:
        wrt, reading = chosen(text, declared, dialect)
        yield {"event": "reading", **reading, "wrt": wrt}
        if not wrt:
            raise ParseError("there is no name in it to differentiate by", hint="a function is, for instance, x'*A*x")
    try:
        d = derive(text, wrt=wrt, declare=declared, dialect=dialect)
    except MatdiffError:
        # The reading still helps to see what is wrong; and a variable that the text has lost is no reason to stop.
        guess, reading = chosen(text, declared, dialect)
        lost = not set(wrt.replace(" ", "").split(",")) <= set(reading["variables"])
        yield {"event": "reading", **reading, "wrt": guess if lost else wrt}
        if not lost or guess == wrt:
            raise
        d = derive(text, wrt=guess, declare=declared, dialect=dialect)
    shown = Equations(d) if hasattr(d, "systems") else Shown(d)
    yield {"event": "reading", **reading_of(d, text, declared, dialect), "wrt": ",".join(v.name for v in d.wrt)}
    yield {"event": "answer", **shown.answer()}
    for name in asked.get("parts", ()):
        try:
            yield {"event": "part", "name": name, **shown.part(name, asked)}
        except MatdiffError as error:
            yield {"event": "part", "name": name, "refused": error.message, "hint": error.hint}
        except MemoryError:
            raise
        except Exception as error:
            # A part that fails must not cost the answer; without NumPy there are parts that cannot be had.
            said = UNVERIFIED if isinstance(error, ImportError) else fault(error)
            yield {"event": "part", "name": name, "refused": said, "hint": ""}


def chosen(text: str, declared: Sequence[str], dialect: str) -> tuple[str, Event]:
    """A variable to begin with, and what is known of a text without one."""
    typed = read(text, list(declared), dialect, {}, (), implicit=True)
    unknown = {x.name for s in typed.systems for x in s.unknowns}
    variables = {n: v for n, v in typed.variables.items() if n not in unknown}
    likely = sorted(variables, key=lambda n: (USUAL.index(n) if n in USUAL else len(USUAL), n not in text))
    sized = [n for n in likely if n in USUAL or variables[n].kind != "scalar"]
    found = {
        "formula": clipped(mathml(Expr(typed.function))[-1]),
        "types": types(typed.declarations, typed.variables.values(), text, declared, dialect),
        "variables": list(variables),
        "remarks": list(typed.remarks),
    }
    return next(iter(sized or likely), ""), found


def reading_of(d: Any, text: str, declared: Sequence[str], dialect: str) -> Event:
    """How a text is read: the formula, the types of its names, the variables to choose from, what may surprise."""
    *where, body = mathml(d.function)
    unknown = {x.name for x in getattr(d, "unknowns", ())}
    return {
        "formula": clipped(body),
        "where": list(map(clipped, where)),
        "types": types(d.types, d.function.variables, text, declared, dialect),
        "variables": [v.name for v in d.function.variables if v.name not in unknown],
        "remarks": list(d.remarks),
    }


def types(said: str, variables: Collection[Symbol], text: str, declared: Sequence[str], dialect: str) -> list[Event]:
    """The names with what they are, for chips; `by` says who declared a name: the text, the page, or nobody."""
    known = {v.name: v for v in variables}
    own = {d.name for d in parse_program(text, dialect, declarations(declared)).declarations}
    given = {d.name for d in declarations(declared)}
    found = []
    for part in filter(None, said.split("; ")):
        name, _, shape = part.partition(": ")
        v = known.get(name)
        found.append(
            {
                "name": name,
                "math": mathml_name(name),
                "said": shape,
                "kind": v.kind if v is not None else "function",
                "sizes": list(map(str, v.shape)) if v is not None else [],
                "attributes": [SPELLED.get(a, a) for a in ATTRIBUTES if v is not None and a in v.attributes],
                "by": "text" if name in own else "page" if name in given else "",
            }
        )
    return found


def declarations(declared: Sequence[str]) -> list[Any]:
    return [d for t in declared for d in parse_declarations(t)]


def clipped(formula: str) -> str:
    if len(formula) > LONGEST:
        raise UnsupportedError("the formula is too long to be shown", hint="matdiff derive prints it on a terminal")
    return formula


def row(line: Line) -> Event:
    """One line of an answer."""
    *where, body = mathml(line.body)
    return {
        "key": line.key,
        "by": list(line.x),
        "left": from_latex(line.left("latex")),
        "right": clipped(body),
        "where": list(map(clipped, where)),
        "text": line.right("unicode"),
        "latex": line.right("latex"),
    }


class Shown:
    """A derivation, and what the page shows of it."""

    def __init__(self, d: Any) -> None:
        self.d = d
        self.first = Answer(d, 1, True)

    def answer(self) -> Event:
        """Differential and derivative, verified."""
        self.verify(self.first)
        rows = [row(line) for line in self.first.lines() if line.key != "function"]
        return {
            "kind": self.first.kind,
            "scalar": self.d.kind == "gradient",
            "lines": rows,
            "notes": [OPTION.sub("", note) for note in self.first.notes()],
            "verification": self.verification(self.first),
        }

    def verify(self, answer: Answer) -> None:
        """Raises UnsupportedError for an answer that fails: a wrong one is never shown."""
        if numbers is None or answer.verifications:
            return
        attempted(answer.verify)
        if answer.fault:
            raise UnsupportedError(FAULT.format(why=answer.fault))

    def verification(self, answer: Answer) -> Event:
        if numbers is None or not answer.verifications:
            return {"passed": None, "said": [UNVERIFIED if numbers is None else LACKING], "exact": []}
        exact = [v.certificate for v in answer.verifications if v.certificate]
        return {
            "passed": all(v.passed for v in answer.verifications) or None,
            "said": answer.verdicts(),
            "exact": exact,
        }

    def part(self, name: str, asked: Asked) -> Event:
        """One of the parts.  Raises MatdiffError where there is none."""
        find = {
            "steps": self.steps,
            "jacobian": self.jacobian,
            "hessian": self.hessian,
            "verification": self.study,
            "convexity": self.convexity,
            "code": self.code,
            "copy": self.copy,
        }[name]
        return find(asked)

    def second(self) -> Answer:
        answer = Answer(self.d, 2, True)
        answer.verifications = self.first.verifications
        if numbers is not None:
            second = attempted(lambda: self.d.verify(order=2))
            answer.verifications = (*answer.verifications[:1], second) if second is not None else ()
            if answer.fault:
                raise UnsupportedError(FAULT.format(why=answer.fault))
        return answer

    def steps(self, asked: Asked) -> Event:
        answer = self.second() if "hessian" in asked.get("parts", ()) and self.d.kind == "gradient" else self.first
        marks = lasting(numbers.step_marks(answer)) if numbers is not None else iter(())
        seen: set[str] = set(mathml(self.d.function)[:-1])
        return {"rows": [r for steps, line in answer.board for r in step_rows(steps, line, seen, marks)]}

    def jacobian(self, asked: Asked) -> Event:
        rows = self.first.parts("jacobian", self.d.jacobian)
        return {"lines": [row(line) for line in rows], "notes": ["the row of the partial derivatives: vec(G)ᵀ"]}

    def hessian(self, asked: Asked) -> Event:
        answer = self.second()
        keys = ("hessian", "hessian operator", "second")
        found = [row(x) for x in answer.lines() if x.key.removeprefix("partial ") in keys]
        notes = [n for n in answer.notes() if n not in self.first.notes()]
        return {"lines": found, "notes": notes, "verification": self.verification(answer)}

    def study(self, asked: Asked) -> Event:
        """The verdict, and the errors of differences by step where there is a point to take them at."""
        try:
            plot = attempted(lambda: numeric().study(self.d))
        except MatdiffError:
            plot = None
        return {**self.verification(self.first), "plot": plot}

    def convexity(self, asked: Asked) -> Event:
        numeric()
        found = attempted(lambda: self.d.convexity)
        if found is None:
            raise UnsupportedError(LACKING)
        proof = [
            {"depth": p.depth, "math": from_latex(p.latex) if p.latex else "", "text": p.expression, "claim": p.claim}
            | {"rule": p.rule}
            for p in found.proof
        ]
        return {**convexity_record(found), "headline": found.headline, "lines": proof}

    def code(self, asked: Asked) -> Event:
        self.verify(self.first)
        target = asked.get("target", "numpy")
        if target not in choices(codegen.command, "target"):
            raise UnsupportedError(f"there is no code for {target}")
        return {"target": target, "source": codegen.source(self.first, target)}

    def copy(self, asked: Asked) -> Event:
        forms = [f for f in choices(derive_command.command, "form") if f != "json"]
        return {"texts": {form: render(self.first, form, False) for form in forms}}


class Equations(Shown):
    """A derivation through equations."""

    def answer(self) -> Event:
        said = self.checked()
        rows = [self.row(line) for line in self.told() if line.key]
        notes = implicit_lines.notes(self.d, "adjoint", [])
        return {
            "kind": self.d.kind,
            "scalar": False,
            "lines": rows,
            "notes": [self.d.where, *notes],
            "verification": {"passed": True if said.startswith("verified") else None, "said": [said], "exact": []},
        }

    def told(self) -> list[Any]:
        return implicit_lines.lines(self.d, "adjoint", 1)

    def checked(self) -> str:
        if numbers is None:
            return UNVERIFIED
        found = attempted(self.d.verify)
        if found is None:
            return LACKING
        if found.passed is False:
            raise UnsupportedError(FAULT.format(why=verdict(found)))
        return verdict(found)

    def row(self, line: Any) -> Event:
        left = mathml(line.left)[-1] if not isinstance(line.left, str) else from_latex(line.label("latex"))
        also = f"<mo>=</mo>{mathml(line.also)[-1]}" if line.also is not None else ""
        return {
            "key": line.left if isinstance(line.left, str) else "equation",
            "by": [line.by] if line.by else [],
            "left": left,
            "right": clipped(mathml(line.right)[-1] + also),
            "where": [],
            "text": line.sides("unicode")[1],
            "latex": line.sides("latex")[1],
        }

    def steps(self, asked: Asked) -> Event:
        rows = [self.row(line) | {"rule": line.rule} for line in self.told()]
        return {
            "rows": [
                {"left": r["left"], "right": r["right"], "where": [], "rule": r["rule"], "proof": "", "ok": None}
                for r in rows
            ]
        }

    def jacobian(self, asked: Asked) -> Event:
        raise UnsupportedError("through equations, the Jacobian of a scalar function is its gradient as a row")

    def hessian(self, asked: Asked) -> Event:
        rows = [self.row(line) for line in implicit_lines.lines(self.d, "adjoint", 2)[len(self.told()) :]]
        return {"lines": rows, "notes": ["the product of the Hessian with a direction"]}

    def convexity(self, asked: Asked) -> Event:
        raise UnsupportedError("convexity is asked of functions without equations")

    def study(self, asked: Asked) -> Event:
        said = self.checked()
        return {"passed": said.startswith("verified") or None, "said": [said], "exact": [], "plot": None}

    def code(self, asked: Asked) -> Event:
        target = asked.get("target", "numpy")
        return {"target": target, "source": self.d.source(target, note=self.checked())}

    def copy(self, asked: Asked) -> Event:
        forms = [f for f in choices(derive_command.command, "form") if f != "json"]
        said = [self.checked()]
        return {"texts": {f: implicit_lines.render(self.d, f, "unicode", "adjoint", 1, said) for f in forms}}


def step_rows(steps: Any, result: Line, seen: set[str], marks: Iterator[bool | None]) -> Iterator[Event]:
    """A row a step: what it says, by which rule, where that is found, and whether it holds at random points."""
    last = ""
    for step in steps:
        *first, before = mathml(step.before)
        *second, after = mathml(step.after)
        new = [d for d in dict.fromkeys((*first, *second)) if d not in seen]
        seen.update(new)
        left = before if step.relation == "=" else from_latex(result.left("latex"))
        yield {
            "left": "" if left == last else clipped(left),
            "right": clipped(after),
            "where": new,
            "rule": step.rule,
            "proof": laws().get(step.rule, ""),
            "ok": next(marks, None),
        }
        last = after


@cache
def laws() -> dict[str, str]:
    """By the law of a function, where it is found in books, and for what it holds."""
    found = {}
    for named in records().values():
        for r in named:
            if source := getattr(r, "source", ""):
                found[law(r)] = f"{r.name}: {source}{f', for {domain(r)}' if domain(r) else ''}"
    return found


def convexity_record(found: Any) -> dict[str, Any]:
    return record(found)


def marked(asked: Asked) -> Iterator[Event]:
    """An answer marked, and each of its lines as it is read."""
    d = derive(
        asked["function"],
        wrt=asked["wrt"],
        declare=list(asked.get("declare", ())),
        dialect=asked.get("input", "auto"),
    )
    tool = numeric()
    lines = [
        {"text": t, "math": tool.line_reading(t, d.types) if t.strip() else ""} for t in asked["answer"].splitlines()
    ]
    found = attempted(lambda: tool.judgement(asked, d))
    if found is None:
        raise UnsupportedError(LACKING)
    yield {**found, "lines": lines}
