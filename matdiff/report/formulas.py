"""The LaTeX that authors type between dollars: what of it becomes MathML, and what may stand in a LaTeX document.

Both sides have a list of what is let through; what is not on it is left out or shown as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from matdiff.errors import UnsupportedError
from matdiff.text.tokens import words

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ELEMENTS = words(
    "menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle msub msubsup msup"
    " mtable mtd mtext mtr munder munderover"
)
ATTRIBUTES = words(
    "accent columnalign columnlines columnspacing depth displaystyle fence form height largeop linethickness lspace"
    " mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits notation rowlines rowspacing rspace"
    " scriptlevel stretchy voffset width"
)
"""Those that say how a formula is set; no link, class, style or name among them."""

_value = re.compile(r"[\w .,+#%-]*")
_reference = re.compile(r"&#x([0-9A-F]{4,6});")
"""How the library writes signs in its tree, where they are still text."""


def missing(error: ImportError) -> UnsupportedError:
    return UnsupportedError(
        f"worksheets need the package {error.name}, which is not installed", hint='pip install "matdiff[worksheet]"'
    )


def readable(latex: str) -> str:
    r"""LaTeX as the library sets it well: an upright d, and brackets that belong to what they enclose.

    >>> print(readable(r"\mathrm{d}f = \lVert x\rVert"))
    \text{d}f = \left\lVert x\right\rVert
    """
    latex = latex.replace(r"\mathrm{d}", r"\text{d}")
    latex = re.sub(r"\\epsilon(?![a-zA-Z])", r"\\varepsilon", latex)  # one sign, that of the other formulas
    pairs = re.sub(r"\\(l|r)(Vert|vert|angle)(?![a-zA-Z])", _paired, latex)
    return pairs if r"\left" not in latex else latex


def _paired(found: re.Match[str]) -> str:
    return rf"\{'left' if found[1] == 'l' else 'right'}{found[0]}"


def mathml(latex: str, kind: str) -> str:
    r"""A `<math>` element.  LaTeX that cannot be read, or that makes definitions, is shown as it stands.

    >>> print(mathml(r"\text{<b>}", "math_inline"))
    <math display="inline"><mrow><mtext>&lt;b&gt;</mtext></mrow></math>
    """
    try:
        from latex2mathml.converter import convert_to_element
    except ImportError as error:
        raise missing(error) from None
    display = "inline" if kind == "math_inline" else "block"
    try:
        if _commands(latex) & DEFINE:
            raise ValueError("definitions may multiply without end")
        tree: Any = convert_to_element(readable(latex), display=display)
        found = f'<math display="{display}">{"".join(map(_written, tree))}</math>'
    except Exception:
        # The library raises many kinds of errors; a formula that it cannot read must not cost the sheet.
        return f"<code>{escape(latex)}</code>"
    return f'<div class="formula">{found}</div>' if display == "block" else found


def _written(element: Element) -> str:
    """An element and what is in it, escaped; others than those of mathematics become rows."""
    tag = element.tag if element.tag in ELEMENTS else "mrow"
    kept = {k: v for k, v in element.attrib.items() if k in ATTRIBUTES and _value.fullmatch(v)}
    attributes = "".join(f' {k}="{v}"' for k, v in kept.items())
    signs = _reference.sub(lambda m: chr(int(m[1], 16)), element.text or "")
    return f"<{tag}{attributes}>{escape(signs)}{''.join(map(_written, element))}</{tag}>"


DEFINE = words(
    r"\DeclareMathOperator \def \edef \gdef \let \newcommand \newenvironment \providecommand"
    r" \renewcommand \xdef"
)
NOT_SET = DEFINE | frozenset((r"\class", r"\href", r"\style", r"\unicode", r"\verb", r"\begin", r"\end"))
"""Commands that the library reads and that do other things than setting mathematics."""

ENVIRONMENTS = words(
    "Bmatrix Vmatrix aligned alignedat array bmatrix cases gathered matrix pmatrix smallmatrix split vmatrix"
)
_environment = re.compile(r"\\(begin|end)\s*\{([^{}]*)\}")
_command = re.compile(r"\\(?:[A-Za-z]+|.)", re.DOTALL)
_comment = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*")


def _commands(latex: str) -> frozenset[str]:
    return frozenset(_command.findall(latex))


@cache
def vocabulary() -> frozenset[str]:
    """The commands that only set mathematics: those that the library knows, without the ones of other uses."""
    try:
        from latex2mathml import commands
        from latex2mathml.symbols_parser import SYMBOLS
    except ImportError as error:
        raise missing(error) from None
    known = {word for value in (*vars(commands).values(), SYMBOLS) for word in _texts(value)}
    return frozenset(word for word in known if _command.fullmatch(word)) - NOT_SET


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | tuple | list | set | frozenset):
        for item in value:
            yield from _texts(item)


def typeset(latex: str) -> str | None:
    r"""The formula without comments, where it stands in a LaTeX document and does nothing but set mathematics.

    >>> typeset(r"\frac{1}{2} % a half"), typeset(r"\input{secret}"), typeset("^^5cinput x"), typeset("}")
    ('\\frac{1}{2}', None, None, None)
    """
    latex = _comment.sub(r"\1", latex).strip()
    latex += " " * (_command.sub("", latex)[-1:] == "\\")  # the space of a last `\ `
    bare = _environment.sub(lambda m: "" if m[2] in ENVIRONMENTS else m[0], latex)
    only = all(c in vocabulary() or not c[1].isalpha() for c in _commands(bare))
    return latex if only and "^^" not in latex and _balanced(latex) else None


def _balanced(latex: str) -> bool:
    """Does every brace and every environment close?"""
    depth, environments = 0, [""]
    for token in re.findall(r"\\(?:begin|end)\s*\{[^{}]*\}|\\.|[{}]", latex, re.DOTALL):
        if found := _environment.fullmatch(token):
            if found[1] == "begin":
                environments.append(found[2])
            elif environments.pop() != found[2]:
                return False
        depth += (token == "{") - (token == "}")
        if depth < 0:
            return False
    return not depth and environments == [""]
