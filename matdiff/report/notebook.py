"""Sheets as Jupyter notebooks: prose in Markdown cells, answers in cells of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matdiff.report import markdown
from matdiff.report.blocks import Block, Room, Start
from matdiff.report.formulas import missing


def notebook(blocks: Iterable[Block], checks: bool = False) -> str:
    """The file.  Answer cells begin with a magic that typesets what is typed; the first cell loads it.

    With `checks` a cell makes the problems known, so that `%%matdiff check 1` tells right, wrong and why.
    """
    try:
        import nbformat
        from nbformat import v4
    except ImportError as error:
        raise missing(error) from None
    blocks = list(blocks)
    cells: list[Any] = []
    prose: list[str] = []
    if any(isinstance(b, Room) for b in blocks):
        cells.append(v4.new_code_cell("%load_ext matdiff"))
        if checks:
            said = "\n".join(markdown.comment(b.number, b.source) for b in blocks if isinstance(b, Start))
            cells.append(v4.new_markdown_cell(CHECKS))
            cells.append(v4.new_code_cell(f"%%matdiff problems\n{said}"))
    for b in blocks:
        if isinstance(b, Room):
            cells.append(v4.new_markdown_cell("\n\n".join(prose)))
            cells.append(v4.new_code_cell(f"%%matdiff answer {b.number}\n{b.first} = ", metadata=TAG))
            prose = []
        elif text := markdown.block(b).strip("\n"):
            prose.append(text)
    if prose:
        cells.append(v4.new_markdown_cell("\n\n".join(prose)))
    found = v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for i, cell in enumerate(found.cells):
        cell.id = f"cell-{i}"
    return str(nbformat.writes(found)) + "\n"


CHECKS = (
    "Run the two cells around this one first. In a cell that begins with `%%matdiff answer 1`, write `check` for "
    "`answer` and run it to be told whether your answer is right, and if not, which line is wrong and why."
)
TAG = {"tags": ["answer"]}
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
