"""Sheets as Jupyter notebooks: prose in Markdown cells, answers in cells of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matdiff.report import markdown
from matdiff.report.blocks import Block, Room
from matdiff.report.formulas import missing


def notebook(blocks: Iterable[Block]) -> str:
    """The file.  Answer cells begin with a magic that typesets what is typed; the first cell loads it."""
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


TAG = {"tags": ["answer"]}
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
