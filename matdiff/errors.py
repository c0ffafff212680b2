"""Errors: what is wrong, where (a caret into the text), and how to mend it."""

from __future__ import annotations

import re

WIDTH = 100
"""Longest stretch of the input that a caret line shows."""
WORD = 200
"""Longest word of a message, all of which may be a name of the user's."""
MESSAGE = 2000

LONG_WORD = rf"(\S{{{WORD // 2}}})\S{{{WORD // 2},}}"


class MatdiffError(Exception):
    """Any refusal of matdiff.

    `text` and `span` (start, end; character offsets) say where; `hint` says what to do.
    """

    def __init__(
        self, message: str, *, text: str | None = None, span: tuple[int, int] | None = None, hint: str = ""
    ) -> None:
        super().__init__(message)
        self.message = shortened(message)
        self.text = text
        self.span = span
        self.hint = shortened(hint)

    def located(self, text: str, span: tuple[int, int]) -> MatdiffError:
        """Fill in the place unless a deeper one is known already; returns itself, to be raised."""
        if self.text is None:
            self.text, self.span = text, span
        return self

    def __str__(self) -> str:
        parts = [self.message]
        if self.text is not None and self.span is not None:
            parts.append(caret(self.text, self.span))
        if self.hint:
            parts.append(self.hint)
        return "\n".join(parts)


class ParseError(MatdiffError):
    """Syntax, unknown names and functions, contradictory declarations, a bad `wrt`."""


class ShapeError(MatdiffError):
    """Shapes that do not fit, an index or a size out of range."""


class ArgumentError(MatdiffError, TypeError):
    """A function was called with an array missing, under an unknown name, or of a kind that it does not take."""


class MisfitError(ArgumentError, ShapeError):
    """A function was called with an array of the wrong shape."""


class DomainError(MatdiffError):
    """A function is not defined, or not differentiable, at the arrays given."""


class UnsupportedError(MatdiffError):
    """Well formed, but outside what matdiff does."""


def shortened(message: str) -> str:
    """A message in which no repeated input of the user's drowns what is said.

    >>> shortened("no " + "x" * 90000) == "no " + "x" * 100 + "…"
    True
    """
    if len(message) >= WORD:
        message = re.sub(LONG_WORD, r"\1…", message)
    return message if len(message) <= MESSAGE else message[:MESSAGE] + "…"


def caret(text: str, span: tuple[int, int]) -> str:
    """The line of `text` around `span` with carets under it."""
    start = max(0, min(span[0], len(text)))
    begin = text.rfind("\n", 0, start) + 1
    end = text.find("\n", begin)
    end = len(text) if end < 0 else end
    stop = max(start + 1, min(span[1], end))
    left = max(begin, start - WIDTH // 2)
    right = min(end, left + WIDTH)
    line = "".join(c if c.isprintable() else "�" for c in text[left:right])
    marks = "^" * max(1, min(stop, right) - start)
    return f"  {line}\n  {' ' * (start - left)}{marks}"
