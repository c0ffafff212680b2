r"""Typst, written from LaTeX: what records, labels and answers are in LaTeX says how they look, and Typst says it anew.

A record states no form for Typst: the one that it has for LaTeX is read token by token, so the two cannot disagree.
Signs are written as themselves where Typst has renamed their words between versions.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from matdiff.core.patterns import deferred
from matdiff.printing.names import COMMANDS

SIGNS = {
    **{command: word for word, command in COMMANDS.items()},
    r"\quad": "quad",
    r"\qquad": "wide",
    r"\,": "thin",
    r"\;": "med",
    r"\:": "med",
    r"\!": "",
    r"\ ": "space",
    r"\varepsilon": "epsilon",
    r"\epsilon": "epsilon",
    r"\int": "∫",
    r"\sum": "∑",
    r"\prod": "∏",
    r"\in": "∈",
    r"\langle": "⟨",
    r"\rangle": "⟩",
    r"\nabla": "∇",
    r"\partial": "∂",
    r"\infty": "∞",
    r"\top": "⊤",
    r"\dagger": "†",
    r"\otimes": "⊗",
    r"\odot": "⊙",
    r"\oslash": "⊘",
    r"\circ": "∘",
    r"\cdot": "⋅",
    r"\times": "×",
    r"\pm": "±",
    r"\le": "≤",
    r"\ge": "≥",
    r"\leq": "≤",
    r"\geq": "≥",
    r"\ne": "≠",
    r"\neq": "≠",
    r"\approx": "≈",
    r"\sim": "∼",
    r"\succeq": "⪰",
    r"\succ": "≻",
    r"\preceq": "⪯",
    r"\to": "→",
    r"\mapsto": "↦",
    r"\Rightarrow": "⇒",
    r"\Leftrightarrow": "⇔",
    r"\surd": "√",
    r"\checkmark": "✓",
    r"\dots": "…",
    r"\ldots": "…",
    r"\prime": "′",
    r"\lbrack": "[",
    r"\rbrack": "]",
    r"\|": "‖",
    r"\{": "{",
    r"\}": "}",
    r"\_": r"\_",
    r"\#": r"\#",
    r"\$": r"\$",
    r"\%": "%",
    r"\&": r"\&",
    "/": r"\/",
    "#": r"\#",
    "$": r"\$",
    '"': r"\"",
    "~": "space",
    "`": r"\`",
    "@": r"\@",
}
ONE = {
    r"\sqrt": "sqrt",
    r"\bar": "macron",
    r"\overline": "overline",
    r"\hat": "hat",
    r"\tilde": "tilde",
    r"\dot": "dot",
    r"\ddot": "dot.double",
    r"\vec": "arrow",
    r"\mathbf": "bold",
    r"\mathbb": "bb",
    r"\mathcal": "cal",
    r"\widehat": "hat",
    r"\widetilde": "tilde",
}
"""Commands of one argument, as functions of Typst."""

TWO = frozenset((r"\frac", r"\tfrac", r"\dfrac"))
WORDS = frozenset((r"\mathrm", r"\operatorname", r"\text", r"\textbf", r"\texttt", r"\textrm"))
"""Commands whose argument is read as it stands."""

BARS = {r"\lVert": "norm(", r"\lvert": "abs("}
ENDS = frozenset((r"\rVert", r"\rvert"))
INVISIBLE = frozenset((r"\left", r"\right", r"\limits", r"\nolimits", r"\displaystyle", r"\big", r"\Big"))
ROWS = r"\\"
ROW = "\0"
"""Stands for the end of a row of aligned formulas while it is being read."""

EMPTY = '""'
PROSE = {r"\ldots": "…", r"\textbackslash": "\\", r"\checkmark": "✓", r"\ ": " ", r"\,": " "}

_token = deferred(
    r"\\(?:begin|end)\s*\{[a-z*]+\}|\\[A-Za-z]+|\\.|\d+(?:\.\d*)?(?:e[+-]?\d+)?|\s+|[\s\S]",
)
_open_text = deferred(r"\s*\{")
_in_prose = deferred(r"\\[A-Za-z]+(?:\{\})?|\\\^\{\}|\\~\{\}|\\.|[{}]")


class Atom(NamedTuple):
    """Text in Typst.  `single`: it may be raised, or stand over a line, without parentheses.

    `scripts` are the signs of those that it has, "g" that it is more than one thing, which has to be held together.
    """

    text: str
    single: bool = True
    scripts: str = ""


class Frame:
    """What is being read between two braces or bars; `mark` is what opened it."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.atoms: list[Atom] = []
        self.waiting: list[tuple[str, int, list[Atom]]] = []

    def put(self, atom: Atom) -> None:
        """Add what has been read; a command or a script sign before it takes it."""
        while self.waiting:
            command, wanted, given = self.waiting[-1]
            given.append(atom)
            if len(given) < wanted:
                return
            self.waiting.pop()
            if command in "^_":
                self.script(command, atom)
                return
            atom = _applied(command, given)
        self.atoms.append(atom)

    def script(self, sign: str, atom: Atom) -> None:
        raised = atom.text if atom.single and atom.text else f"({atom.text})"
        base = self.atoms.pop() if self.atoms else Atom('""')
        if sign in base.scripts or "g" in base.scripts:
            place = "t" if sign == "^" else "b"
            self.atoms.append(Atom(f"attach({_argument(base.text)}, {place}: {raised})", False))
        else:
            self.atoms.append(Atom(f"{base.text or EMPTY}{sign}{raised}", False, base.scripts + sign))

    def text(self) -> str:
        return _beside([a.text for a in self.atoms if a.text])


def from_latex(latex: str) -> str:
    r"""Typst's mathematics for LaTeX that matdiff writes.

    >>> print(from_latex(r"\nabla_{x} f = \tfrac{1}{2}X^{-\top}\mathrm{d}x + \lVert Ax_{1}\rVert^{2}"))
    ∇_x f = 1/2 X^(-⊤) dif x + norm(A x_1)^2
    """
    frames = [Frame("")]
    at = 0
    while at < len(latex):
        found = _token.match(latex, at)
        assert found is not None
        token, at = found[0], found.end()
        frame = frames[-1]
        if token.isspace() or token in INVISIBLE:
            continue
        if token in WORDS:
            inside, at = _raw(latex, at)
            frame.put(_word(token, inside))
        elif token == "{" or token in BARS or token.startswith(r"\begin"):
            frames.append(Frame(token))
        elif token == "}" or token in ENDS or token.startswith(r"\end"):
            if len(frames) > 1:
                frames.pop()
                frames[-1].put(_closed(frame))
        elif token in "^_":
            frame.waiting.append((token, 1, []))
        elif token in ONE or token in TWO:
            frame.waiting.append((token, 2 if token in TWO else 1, []))
        elif token == "'" and frame.atoms and not frame.waiting:
            primed = frame.atoms.pop()
            frame.atoms.append(Atom(primed.text + "'", False, primed.scripts))
        else:
            frame.put(_sign(token, "bmatrix" in frame.mark))
    while len(frames) > 1:
        inner = frames.pop()
        frames[-1].put(_closed(inner))
    return frames[0].text()


def document(latex: str) -> str:
    r"""An answer in LaTeX, an `align*` with comments below it, as Typst: a block of mathematics with comments.

    >>> print(document("\\begin{align*}\n  f &= x \\\\\n  H &= 1\n\\end{align*}\n% with x: scalar"))
    $
      f &= x \
      H &= 1
    $
    // with x: scalar
    """
    out = []
    rows: list[str] | None = None
    for line in latex.splitlines():
        if line.startswith(r"\begin{align"):
            rows = []
        elif line.startswith(r"\end{align") and rows is not None:
            rows = [row.strip() for row in from_latex(" ".join(rows)).split(ROW)]
            out += ["$", *(f"  {row} \\" for row in rows[:-1]), *(f"  {row}" for row in rows[-1:]), "$"]
            rows = None
        elif rows is not None:
            rows.append(line)
        else:
            out.append(f"// {line.removeprefix('%').strip()}" if line.strip() else "")
    return "\n".join(out)


def _raw(latex: str, at: int) -> tuple[str, int]:
    """The argument in braces that begins here, and where it ends; braces within it are counted."""
    opening = _open_text.match(latex, at)
    if opening is None:
        return latex[at : at + 1], at + 1
    depth, start = 1, opening.end()
    at = start
    while at < len(latex) and depth:
        step = 2 if latex[at] == "\\" else 1
        depth += (latex[at] == "{") - (latex[at] == "}")
        at += step
    return latex[start : at - 1], at


def _word(command: str, inside: str) -> Atom:
    if command == r"\mathrm" and inside == "d":
        return Atom("dif", False)
    if command == r"\operatorname":
        return Atom(f"op({_quoted(inside)})")
    if "$" not in inside:
        word = _quoted(inside)
        return Atom(f"upright({word})" if len(inside) == 1 else f"bold({word})" if command == r"\textbf" else word)
    parts = [from_latex(p) if i % 2 else _quoted(p) for i, p in enumerate(inside.split("$")) if p]
    return Atom(" ".join(parts).replace(f" {EMPTY}^", "^").replace(f" {EMPTY}_", "_"), False)


def _quoted(prose: str) -> str:
    """Text of LaTeX as a string."""
    said = _in_prose.sub(_letter, prose).replace("--", "–")
    return '"' + said.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _letter(found: re.Match[str]) -> str:
    token = found[0].removesuffix("{}")
    if token in "{}":
        return ""
    return PROSE.get(token, token[1:])


def _sign(token: str, in_matrix: bool) -> Atom:
    if token == ROWS:
        return Atom(";" if in_matrix else ROW, False)
    if token == "&":
        return Atom("," if in_matrix else "&", False)
    if in_matrix and token in ",;":
        return Atom(f"\\{token}")
    if token[0].isdigit():
        mantissa, e, exponent = token.partition("e")
        return Atom(f"{mantissa} ⋅ 10^({int(exponent)})", False) if e else Atom(token)
    if token in SIGNS:
        return Atom(SIGNS[token])
    if token[0] == "\\":
        return Atom(f'op("{token[1:]}")')
    return Atom(token)


def _closed(frame: Frame) -> Atom:
    """What stood between braces, bars, or the ends of a matrix."""
    inside = frame.text()
    if "bmatrix" in frame.mark:
        return Atom(f'mat(delim: "[", {inside})')
    if frame.mark in BARS:
        return Atom(f"{BARS[frame.mark]}{_argument(inside)})")
    if len(frame.atoms) == 1 and not frame.atoms[0].scripts:
        return frame.atoms[0]
    return Atom(inside, False, "g" * bool(frame.atoms))


def _applied(command: str, given: list[Atom]) -> Atom:
    if command in TWO:
        above, below = (a.text if a.single and a.text else f"({a.text})" for a in given)
        return Atom(f"{above}/{below}", False, "g")
    return Atom(f"{ONE[command]}({_argument(given[0].text)})")


def _argument(inside: str) -> str:
    r"""What stands in the parentheses of a function: commas and semicolons outside of further ones are its own.

    >>> print(_argument("x, f(y, z)"))
    x\, f(y, z)
    """
    if "," not in inside and ";" not in inside and ":" not in inside:
        return inside
    out, depth, quoted, escaped = [], 0, False, False
    for c in inside:
        if escaped:
            escaped = False
        elif c == "\\":
            escaped = True
        elif c == '"':
            quoted = not quoted
        elif not quoted:
            depth += (c == "(") - (c == ")")
            if c in ",;:" and not depth:
                out.append("\\")
        out.append(c)
    return "".join(out)


def _beside(atoms: list[str]) -> str:
    """The atoms in a row; a space parts them but within parentheses, so that no two run together."""
    out: list[str] = []
    before = last = ""
    for atom in atoms:
        unary = last == "-" and (before in ("", "(", "[", "⟨", "=", ",", "\\,", "&") or before[-1:] == ROW)
        close = last in ("", "(", "[", "⟨") or atom[0] in ")]⟩,;" or atom == "\\,"
        if not (unary or close or (last == "&" and atom in ("&", "=", "≠"))):
            out.append(" ")
        out.append(atom)
        before, last = last, atom
    return "".join(out)
