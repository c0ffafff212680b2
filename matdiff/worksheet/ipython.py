"""Jupyter: `%load_ext matdiff` gives `%matdiff` and `%%matdiff`, whose results are typeset.

    %matdiff tr(A*X*B) --wrt X
    %matdiff logdet(S) --wrt S --let "S: n×n spd" --ask gradient

    %%matdiff --wrt x
    r = A*x - b
    r'*r/2

Without `--ask` the result is the derivation, with `--ask` that derivative; as with every result it is in `_`.
`%%matdiff answer 1` stands over an answer on a worksheet, and shows how it is read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from matdiff.api.derive import derive
from matdiff.api.reading import parse
from matdiff.errors import MatdiffError, ParseError
from matdiff.solution.labels import last_side
from matdiff.solution.problem import read_block
from matdiff.worksheet.answers import PROBLEM
from matdiff.worksheet.check import mark
from matdiff.worksheet.report import SIGNS, WORDS, reason

if TYPE_CHECKING:
    from matdiff.api.derivation import Derivation
    from matdiff.api.expr import Expr

OPTION = re.compile(r"(?:^|\s)--([a-z]+)\s+(\"[^\"]*\"|\S+)")
KNOWN = ("wrt", "let", "ask")
ASKS = ("gradient", "jacobian", "hessian", "differential")


def register(shell: Any) -> None:
    """Give an IPython shell the magics, and errors in words instead of tracebacks."""
    shell.register_magic_function(magic, "line_cell", "matdiff")
    shell.set_custom_exc((MatdiffError,), explain)


def explain(shell: Any, kind: Any, error: BaseException, trace: Any, tb_offset: int | None = None) -> list[str]:
    """What is wrong, where, and how to mend it."""
    text = f"{type(error).__name__}: {error}"
    print(text)
    return [text]


def magic(line: str, cell: str | None = None) -> Derivation | Expr | Answer | Told | None:
    """`%matdiff EXPR --wrt X [--let DECLARATION]… [--ask WHAT]`; of a cell, EXPR is what stands below the line.

    >>> magic("x'*A*x --wrt x --ask gradient").text()
    '(A + Aᵀ) x'
    """
    if cell is not None and line.split()[:1] == ["answer"]:
        return Answer(cell)
    if cell is not None and line.split()[:1] in (["check"], ["problems"]):
        return checking(line, cell)
    options: dict[str, list[str]] = {}
    for name, value in OPTION.findall(line):
        if name not in KNOWN:
            raise ParseError(f"there is no option --{name}", hint=f"the options are --{', --'.join(KNOWN)}")
        options.setdefault(name, []).append(value.strip('"'))
    text = cell if cell is not None else OPTION.sub("", line).strip()
    return derived(text, options)


def derived(text: str, options: dict[str, list[str]]) -> Derivation | Expr:
    if "wrt" not in options:
        raise ParseError("the variable is missing", hint="for instance %matdiff tr(A*X*B) --wrt X")
    d = derive(text, wrt=options["wrt"][-1], declare=options.get("let"))
    if "ask" not in options:
        return d
    ask = options["ask"][-1]
    if ask not in ASKS:
        raise ParseError(f"{ask!r} cannot be asked for", hint=f"ask for one of {', '.join(ASKS)}")
    found: Expr = getattr(d, ask)
    return found


PROBLEMS: dict[int, Any] = {}
"""The problems of the sheet, which its cell `%%matdiff problems` makes known."""


def checking(line: str, cell: str) -> Told | None:
    """`%%matdiff problems` makes problems known, `%%matdiff check 1` marks an answer.

    Raises ParseError where the sheet does not allow it, or has no such problem.
    """
    if line.split()[0] == "problems":
        found = list(PROBLEM.finditer(f"{cell.rstrip()}\n"))
        PROBLEMS.clear()
        PROBLEMS.update({int(m[1]): read_block("sheet", 1, m[2].split("\n")).problem(int(m[1]), {}) for m in found})
        return None
    number = re.search(r"\d+", line)
    if not PROBLEMS:
        raise ParseError(
            "this sheet does not check answers", hint="where it does, run the cell %%matdiff problems first"
        )
    if number is None or int(number[0]) not in PROBLEMS:
        raise ParseError("which problem?", hint=f"write %%matdiff check and one of {', '.join(map(str, PROBLEMS))}")
    return Told(mark(PROBLEMS[int(number[0])], cell))


class Told:
    """The mark of an answer for its student: right, or wrong with the first wrong line and why; never the solution."""

    def __init__(self, mark: Any) -> None:
        self.mark = mark

    def __repr__(self) -> str:
        return "\n".join([f"{SIGNS[self.mark.status]} {WORDS[self.mark.status]}", *reason(self.mark)])


class Answer:
    """An answer on a worksheet: typeset as it is read, or as it was typed."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text.strip()

    def _repr_markdown_(self) -> str:
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return "  \n".join(map(read_line, lines))


def read_line(line: str) -> str:
    """The last formula of a line typeset behind what stands before it."""
    formula = last_side(line)
    if not formula:
        return f"`{line}` …"
    try:
        return f"`{line.removesuffix(formula).strip() or ' '}` $\\displaystyle {parse(formula).latex()}$"
    except MatdiffError as error:
        return f"`{line}` (not understood by itself: {error.message})"
