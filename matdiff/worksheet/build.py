"""From a worksheet's text to a sheet or a solution in one of the formats."""

from __future__ import annotations

from matdiff.errors import MatdiffError
from matdiff.report.blocks import Block, Figure
from matdiff.report.html import page
from matdiff.report.latex import document
from matdiff.report.markdown import markdown
from matdiff.report.notebook import notebook
from matdiff.report.pdf import engine, pdf
from matdiff.worksheet.document import worksheet
from matdiff.worksheet.plot import error_plot
from matdiff.worksheet.sheet import sheet, solutions
from matdiff.worksheet.solution import Solution

FORMATS = ("html", "ipynb", "md", "tex", "pdf")


def build(
    text: str,
    to: str,
    name: str = "worksheet",
    seed: str | None = None,
    with_solutions: bool = False,
    checks: bool = False,
) -> bytes:
    """The file that `matdiff worksheet build` writes; with `checks` a notebook in which students may check answers.

    With `checks` an HTML sheet has buttons for the server that `matdiff serve LESSON` starts.

    Raises ParseError with file and line for a block that cannot be read, UnsupportedError where a library or a
    program for PDF is not installed.

    >>> print(build("# A\\n```matdiff\\nf: tr(A*X)\\nwrt: X\\n```\\n", "md").decode()[:26])
    # A
    <BLANKLINE>
    <!-- matdiff problem
    """
    ws = worksheet(text, name, seed)
    title = f"{ws.title} – solutions" if with_solutions else ws.title
    blocks = list(solutions(ws, plot if to != "tex" else no_plot) if with_solutions else sheet(ws))
    if to == "pdf":
        kind, program = engine()
        return pdf(written(blocks, kind, title), kind, program)
    return written(blocks, to, title, checks and not with_solutions).encode()


def written(blocks: list[Block], to: str, title: str, checks: bool = False) -> str:
    """The blocks in a text format."""
    if to == "html":
        return page(blocks, title, checks)
    if to == "md":
        return markdown(blocks)
    if to == "tex":
        return document(blocks)
    if to == "ipynb":
        return notebook(blocks, checks)
    raise MatdiffError(f"there is no format {to!r}", hint=f"the formats are {', '.join(FORMATS)}")


def plot(solution: Solution) -> Figure | None:
    return error_plot(solution)


def no_plot(solution: Solution) -> None:
    """LaTeX sheets are one file of text, in which pictures have no place."""
