"""Names in generated code: the one place that turns a user's name into a Python identifier."""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Callable, Collection, Iterable

from matdiff.printing.names import ascii_name, typed_name

RESERVED = frozenset({"np", "scipy", "jnp", "jax", "torch", "float", "check", "dtype", "device", "int", "min", "_"})
"""What generated code calls by name, besides its helpers."""


def identifier(name: str) -> str:
    """A valid identifier for any name; the name itself wherever Python reads it unchanged.

    Python replaces some letters by others (NFKC: `ϕ` becomes `φ`) and keeps `lambda` for itself.

    >>> identifier("x1"), identifier("lambda"), identifier("ϕ")
    ('x1', 'lambda_', 'u3d5')
    """
    text = "".join(c if _kept(c) else f"u{ord(c):x}" for c in name)
    if unicodedata.normalize("NFKC", text) != text or not text.isidentifier():
        text = "v_" + "".join(c if c.isascii() else f"u{ord(c):x}" for c in text)
    return text + "_" if keyword.iskeyword(text) or text.startswith("__") else text


def _kept(c: str) -> bool:
    return c == "_" or (c.isalnum() and f"a{c}".isidentifier() and unicodedata.normalize("NFKC", c) == c)


def lookup(name: str, given: Iterable[str]) -> str | None:
    """The key under which an array for `name` was given: as typed, or in another spelling of the name.

    >>> lookup("x_1", {"x₁": 0}), lookup("λ", {"lambda": 0})
    ('x₁', 'lambda')
    """
    if name in given:
        return name
    folded = unicodedata.normalize("NFKC", name)
    if folded in given:
        return folded
    word = ascii_name(name)
    found = next((k for k in given if ascii_name(typed_name(k)) == word), None)
    # `lambda` cannot be a keyword argument in Python, so that `lambda_` is what a call can say.
    return "lambda_" if found is None and word == "lambda" and "lambda_" in given else found


class Names:
    """Distinct local names, spelled as a language takes them; a wish that is taken gets a number."""

    def __init__(
        self,
        taken: Iterable[str] = (),
        spelled: Callable[[str], str] = identifier,
        reserved: Collection[str] = RESERVED,
    ) -> None:
        self.taken = {*taken, *reserved}
        self.spelled = spelled
        self.counts: dict[str, int] = {}

    def fresh(self, wish: str) -> str:
        name = self.spelled(wish)
        stem = name
        while name in self.taken:
            self.counts[stem] = self.counts.get(stem, 0) + 1
            name = f"{stem}_{self.counts[stem]}"
        self.taken.add(name)
        return name

    def numbered(self, stem: str = "t") -> str:
        """t1, t2 …"""
        while True:
            self.counts[stem] = self.counts.get(stem, 0) + 1
            name = f"{stem}{self.counts[stem]}"
            if name not in self.taken:
                self.taken.add(name)
                return name
