"""The little LaTeX that records and labels are written in, as MathML: scripts, fractions, roots, words, brackets."""

from __future__ import annotations

import re
from html import escape

from matdiff.printing import names
from matdiff.printing.tables import LEVELS, template

THIN = '<mspace width="0.17em"/>'
APPLY = "<mo>&#x2061;</mo>"

SIGNS = {
    **{command: c for c, word in names.GREEK.items() if not (command := f"\\{word}").startswith("\\mathrm")},
    r"\otimes": "⊗",
    r"\odot": "⊙",
    r"\nabla": "∇",
    r"\partial": "∂",
    r"\infty": "∞",
    r"\cdot": "·",
    r"\times": "×",
    r"\top": "⊤",
    r"\lVert": "‖",
    r"\rVert": "‖",
    r"\lvert": "|",
    r"\rvert": "|",
    r"\langle": "⟨",
    r"\rangle": "⟩",
}
LETTERS = frozenset("∇∂∞⊤") | frozenset(names.GREEK)
OPENING = {"(": "(", r"\lVert": "‖", r"\lvert": "|", r"\langle": "⟨", "[": "["}
CLOSING = frozenset((")", r"\rVert", r"\rvert", r"\rangle", "]"))
ARITY = {"^": 1, "_": 1, r"\sqrt": 1, r"\mathrm": 1, r"\operatorname": 1, r"\frac": 2, r"\tfrac": 2}


def from_latex(text: str) -> str:
    r"""MathML of the LaTeX that records and labels are written in: scripts, fractions, roots, words, brackets.

    >>> from_latex(r"\nabla_{x} f")
    '<msub><mi>∇</mi><mrow><mi>x</mi></mrow></msub><mi>f</mi>'
    """
    return own_template(text.replace("{", "{{").replace("}", "}}"))


def own_template(latex: str) -> str:
    """A record's LaTeX template as a template of MathML."""
    frames: list[list[str]] = [[]]
    for token in _tokens(latex):
        if token == "{" or token in OPENING:
            frames.append([f"<mo>{OPENING[token]}</mo>"] if token in OPENING else [])
        elif token == "}" or token in CLOSING:
            inside = frames.pop()
            if token in CLOSING:
                inside.append(f"<mo>{SIGNS.get(token, token)}</mo>")
            _put(frames[-1], f"<mrow>{_beside(inside)}</mrow>")
        elif token in ARITY:
            frames[-1].append(token)
        else:
            _put(frames[-1], _atom(token))
    return _beside(frames[0])


def _tokens(latex: str) -> list[str]:
    spell = {level: letter for letter, level in LEVELS.items()}
    found: list[str] = []
    for part in template(latex):
        if isinstance(part, str):
            found += re.findall(r"\\[A-Za-z]+|[^\s]", part.replace(r"\,", ""))
        else:
            found.append(f"{{{part[0]}:{spell[part[1]]}}}")
    return found


def _atom(token: str) -> str:
    if token[0] == "{":
        return f"<mrow>{token}</mrow>"
    sign = escape(SIGNS.get(token, token))
    if token[0] == "\\":
        return f"<mi>{sign}</mi>" if sign in LETTERS else f"<mo>{sign}</mo>" if sign != token else _function(token)
    return f"<mn>{sign}</mn>" if token.isdigit() else f"<mi>{sign}</mi>" if token.isalpha() else f"<mo>{sign}</mo>"


def _function(command: str) -> str:
    return f"<mi>{command[1:]}</mi>"


def _put(frame: list[str], atom: str) -> None:
    """Add what has been read; a command or script sign before it takes it."""
    if len(frame) > 1 and frame[-2] in (r"\frac", r"\tfrac"):
        above = frame.pop()
        frame[-1] = f"<mfrac>{above}{atom}</mfrac>"
    elif frame and ARITY.get(frame[-1]) == 1:
        command = frame.pop()
        if command in ("^", "_"):
            base = frame.pop() if frame else "<mrow></mrow>"
            tag = "msup" if command == "^" else "msub"
            frame.append(f"<{tag}>{base}{atom}</{tag}>")
        elif command == r"\sqrt":
            frame.append(f"<msqrt>{atom}</msqrt>")
        else:
            word = re.sub("<[^>]*>", "", atom)
            frame.append(f'<mi mathvariant="normal">{word}</mi>' if len(word) == 1 else f"<mi>{word}</mi>")
    else:
        frame.append(atom)


def _beside(atoms: list[str]) -> str:
    """The atoms in a row, with a thin space after the name of a function that is not called with brackets."""
    out = []
    for atom, following in zip(atoms, [*atoms[1:], "<mo>"], strict=True):
        out.append(atom)
        if re.fullmatch(r"<mi>\w\w+</mi>", atom) and not following.startswith("<mo>"):
            out.append(APPLY if following.startswith("<mrow><mo>") else THIN)
    return "".join(out)
