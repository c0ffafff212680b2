"""The Markdown around problems, through markdown-it; its mathematics through latex2mathml."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from matdiff.report.formulas import mathml, missing

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token


@cache
def reader() -> MarkdownIt:
    """CommonMark with tables and dollars.  Raises UnsupportedError where the libraries are not installed."""
    try:
        from markdown_it import MarkdownIt
        from mdit_py_plugins.dollarmath import dollarmath_plugin
    except ImportError as error:
        raise missing(error) from None
    return MarkdownIt("commonmark", {"html": False}).enable("table").use(dollarmath_plugin, double_inline=True)


def tokens(markdown: str) -> list[Token]:
    """The stream of a text, without its HTML comments."""
    return reader().parse(re.sub(r"<!--.*?-->", "", markdown, flags=re.DOTALL))


def html(markdown: str) -> str:
    """HTML with MathML; raw HTML in the text is shown, not run."""
    stream = tokens(markdown)
    for token in (t for s in stream for t in (s, *(s.children or ()))):
        if token.type.startswith("math_"):
            token.content = mathml(token.content, token.type)
            token.type = "html_block" if token.type.startswith("math_block") else "html_inline"
    renderer = reader()
    return str(renderer.renderer.render(stream, renderer.options, {}))
