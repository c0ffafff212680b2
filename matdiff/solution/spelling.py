"""Words of an answer: which are names of the problem, in another spelling or run together, and which are prose."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from matdiff.core.op import spellings, words
from matdiff.inference.names import RESERVED
from matdiff.printing.names import GREEK, VARIANTS
from matdiff.text.habits import MODULES

RAISED = "ᵀ⁰¹²³⁴⁵⁶⁷⁸⁹"
PART = rf"[^\W{RAISED}]"
MODULE = rf"(?:{'|'.join(sorted(MODULES))})\.[a-z]"
BEGIN = rf"(?:(?<!{PART})(?<![\\.])|(?<=\d)(?<![\w.]\d)|(?<=\d\d)(?<![\w.]\d\d))"
WORD = re.compile(rf"(?!{MODULE}){BEGIN}[^\W\d_{RAISED}]{PART}*")
"""A word that is no module (np.trace); raised signs end one (AᵀAx), and a number may stand before it (2αx)."""
LEAD = r"(?:[A-Za-z]{2,}|I(?=\s+[a-z]{2}|'))(?:'[a-z]+)?[,:]?\s+"
LEADING = re.compile(rf"^(?:{LEAD})+(?=\S)")
FORMULA = re.compile(r"[*/^\\=<>|\[\]{}+⟨⟩⊙⊗∇∂ᵀ⁻²‖−√]|\w\(|(?<!\w)\w'|\.T\b|\d")
SHORT = "so we by is it at if in of to as an on or be do no my he"
KEPT = "minus plus times half twice negative not "
KEPT += "gradient jacobian hessian differential derivative grad hess answer result solution"


@cache
def language() -> frozenset[str]:
    """The words that mean something in a formula."""
    letters = {*GREEK.values(), *GREEK, *VARIANTS}
    return frozenset({*words, *spellings, *RESERVED, *letters, *(f"d{c}" for c in letters), "softmax", "norm"})


def canonical(name: str) -> str:
    """One spelling for Σ, Sigma; ε, varepsilon; w_1, w1, w₁.

    >>> canonical("Σ_1") == canonical("Sigma₁"), canonical("ε") == canonical("varepsilon")
    (True, True)
    """
    name = re.sub(r"^(d?)(lamb?d?a?_?|lmbda|eps)$", lambda m: m[1] + ("epsilon" if m[2] == "eps" else "lambda"), name)
    name = re.sub(r"^(d?)var(?=epsilon|theta|kappa|pi|rho|sigma|phi)", r"\1", name)
    plain = "".join(GREEK.get(c) or VARIANTS.get(c) or {"µ": "mu"}.get(c) or c for c in name)
    return plain.translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")).replace("_", "")


CALLED = r"(?:sinh?|cosh?|tanh?|exp|log|ln|sqrt|tr|det|sigmoid|softmax|logdet|σ)"


def functions(text: str) -> str:
    """Calls as a calculator or a hand writes them: √(x), tanh²(u), cos x, norm(X, 'fro').

    >>> functions("X/√tr(X'*X) + tanh²(B*x)"), functions("cos x"), functions("√2")
    ("X/sqrt(tr(X'*X)) + (tanh(B*x)).^2", 'cos(x)', 'sqrt(2)')
    """
    text = re.sub(r",\s*(?:ord\s*=\s*)?(['\"])fro\1(?=\s*\))", "", text)
    text = re.sub(rf"(?<![\w\\.])({CALLED})\s+([^\W\d_])(?=\s*(?:$|[+\-−),;]))", r"\1(\2)", text)
    while found := re.search(rf"√\s*(\(|{CALLED}\(|\w+)", text):
        end = closed(text, found.end()) if found[1].endswith("(") else found.end()
        inside = text[found.start(1) : end]
        inside = inside if found[1] == "(" else f"({inside})"
        text = f"{text[: found.start()]}sqrt{inside}{text[end:]}"
    text = re.sub(r"(?<![\w.])e\s*\.\^\s*\(", "exp(", text)
    while found := re.search(r"(?<![\w\\.])(sinh?|cosh?|tanh?|sech|log|ln|exp)(?:²|\^2)\s*\(", text):
        end = closed(text, found.end())
        text = f"{text[: found.start()]}({found[1]}({text[found.end() : end]}).^2{text[end:]}"
    while found := re.search(r"(?<![\w\\.])sech\(", text):
        end = closed(text, found.end())
        text = f"{text[: found.start()]}(1 ./ cosh({text[found.end() : end]}){text[end:]}"
    return WEIGHTED.sub(r"(\1)'*\3*(\2)", text)


WEIGHTED = re.compile(r"[<⟨]([^<>⟨⟩,]*),([^<>⟨⟩,]*)[>⟩]_([A-Z])(?!\w)")
BRACKETED = re.compile(r"(['ᵀ)]|\^T)\s*\[([^\[\]:,;]*[+\-−][^\[\]:,;]*)\](?!\w)")
"""Square brackets as parentheses: Aᵀ[Ax − b]."""
UNIT = re.compile(r"(?<![\w\\.])(?:Id(?:_\w+)?|I_?(?:\d|ₙ|(?<=_)[nmpqkd]))(?![\w(])")
"""The identity under its other names."""


def closed(text: str, start: int) -> int:
    """Behind the parenthesis that closes the one before `start`."""
    depth = 1
    for i in range(start, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if not depth:
            return i + 1
    return len(text)


class Vocabulary:
    """The names that an answer may use; it grows with the answer's own definitions."""

    def __init__(self, names: Iterable[str], variable: str) -> None:
        self.names, self.variable = {*names}, variable

    def __contains__(self, word: str) -> bool:
        return word in self.names or (word[:1] == "d" and word[1:] in self.names) or word in language()

    def strange(self, text: str) -> list[str]:
        """Words of at least two letters that no formula has."""
        found = (w for w in WORD.findall(text) if w not in self and self.meant(w) == w)
        return [w for w in found if len(w) > 2 or w.lower() in SHORT.split()]

    def prose(self, text: str) -> bool:
        """Is this a sentence and no formula?"""
        if not re.search(r"\w", text):
            return True
        spoken = re.sub(r"(?:[A-Za-z]{2,}|I)'[a-z]+", "word", text)
        return not FORMULA.search(spoken) and bool(self.strange(spoken) or re.fullmatch(r"(?:\w\.)+\w?", text.strip()))

    def without_words(self, line: str) -> str:
        """The line without words before its formula, such as `Using the chain rule,`."""
        found = LEADING.match(line)
        if not found or re.match(r"\s*(?:=|is\b)", line[found.end() :]):
            return line
        words = re.findall(r"[A-Za-z]+(?:'[a-z]+)?", found[0])
        kept = next((i for i, w in enumerate(words) if self.means(w)), len(words))
        for _ in range(kept):
            line = re.sub(rf"^{LEAD}", "", line)
        return line

    def means(self, word: str) -> bool:
        """May a formula or its label begin with this word?"""
        named = word.lower() in KEPT.split() or word in self or self.meant(word) != word
        return named and word != "I"

    def meant(self, word: str) -> str:
        """A name in the problem's spelling; letters run together are set apart: BA is B A."""
        if word in self.names or (word[:1] == "d" and word[1:] in self.names):
            return word
        for d, rest in (("", word), ("d", word[1:])):
            same = [n for n in self.names if rest and word.startswith(d) and canonical(n) == canonical(rest)]
            if len(same) == 1:
                return d + same[0]
        return word if word in language() else " ".join(self.letters(word)) or word

    def meant_alone(self, letter: str) -> bool:
        """Is a Greek letter the problem's, in another form?"""
        return not letter.isascii() and any(canonical(n) == canonical(letter) for n in self.names)

    def letters(self, word: str) -> list[str]:
        """The one-letter names, I and differentials that a word is made of; empty if it is not."""
        found: list[str] = []
        while word:
            first = next((word[:k] for k in (2, 1) if self.single(word[:k])), "")
            if not first or len(found) > 8:
                return []
            found.append(self.meant(first))
            word = word[len(first) :]
        return found

    def single(self, name: str) -> bool:
        return (len(name) == 1 and (name in self.names or name == "I" or self.meant_alone(name))) or (
            len(name) == 2 and name[0] == "d" and name[1] in self.names and "d" not in self.names
        )

    def respelled(self, text: str) -> str:
        """A plain formula in the problem's spelling."""
        text = BRACKETED.sub(r"\1(\2)", functions(text))
        text = UNIT.sub(lambda m: m[0] if m[0] in self.names else "I", text)
        text = re.sub(r"\^T(?=[^\W\d_])", "^T ", text) if "T" not in self.names else text
        text = re.sub(r"\^t(?!\w)", "'", text) if "t" not in self.names else text
        text = re.sub(rf"(?<![\w\\])([fF])\(\s*{re.escape(self.variable)}\s*\)", r"\1", text)
        return WORD.sub(lambda m: self.word(m[0], text[m.end() : m.end() + 1]), text)

    def word(self, word: str, after: str) -> str:
        """A longer word before a parenthesis is a function; a_ before a brace has an index."""
        called = after == "(" and len(word) > 2
        return word if called or (after == "{" and word[-1] == "_") else self.meant(word)
