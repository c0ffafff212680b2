"""The Markdown around problems, through markdown-it; its mathematics through latex2mathml."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from matdiff.errors import UnsupportedError

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


def missing(error: ImportError) -> UnsupportedError:
    return UnsupportedError(
        f"worksheets need the package {error.name}, which is not installed", hint='pip install "matdiff[worksheet]"'
    )


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


def readable(latex: str) -> str:
    r"""LaTeX as the library sets it well: an upright d, and brackets that belong to what they enclose.

    >>> print(readable(r"\mathrm{d}f = \lVert x\rVert"))
    \text{d}f = \left\lVert x\right\rVert
    """
    latex = latex.replace(r"\mathrm{d}", r"\text{d}")
    pairs = re.sub(r"\\(l|r)(Vert|vert|angle)(?![a-zA-Z])", _paired, latex)
    return pairs if r"\left" not in latex else latex


def _paired(found: re.Match[str]) -> str:
    return rf"\{'left' if found[1] == 'l' else 'right'}{found[0]}"


def mathml(latex: str, kind: str) -> str:
    """A `<math>` element.  LaTeX that the library cannot read is shown as it stands."""
    try:
        from latex2mathml.converter import convert
    except ImportError as error:
        raise missing(error) from None
    display = "inline" if kind == "math_inline" else "block"
    try:
        found: Any = convert(readable(latex.strip()), display=display)
    except Exception:
        # The library raises many kinds of errors; a formula that it cannot read must not cost the sheet.
        escaped = latex.replace("&", "&amp;").replace("<", "&lt;")
        return f"<code>{escaped}</code>"
    return f'<div class="formula">{found}</div>' if display == "block" else str(found)
