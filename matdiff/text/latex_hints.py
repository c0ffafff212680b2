"""What is said of a command that is not read."""

from __future__ import annotations

from matdiff.core.patterns import deferred
from matdiff.text.latex import commands as words
from matdiff.text.tokens import words as split

INSTEAD = {
    "star": r"Write \cdot for a product, \odot for one entry by entry, \otimes for one of Kronecker.",
    "top": r"A transpose is an exponent: X^\top, X^{-\top}.",
    "intercal": r"A transpose is an exponent: X^\top.",
    "dagger": r"The pseudoinverse is an exponent: X^\dagger.",
    "vect": r"Write \operatorname{vec}(X) for the columns one below the other, \mathbf{x} for a vector.",
    "mat": r"Write \mathbf{X} for a matrix.",
    "braket": r"Write x^\top y.", "bra": r"Write x^\top A x.", "ket": r"Write x^\top A x.",
    "over": r"Write \frac{a}{b}.", "half": r"Write \frac12.",
    "mid": "Blocks are written [A, B]; what is given is left out.",
    "wedge": "Only matrix, elementwise and Kronecker products are in the language.", "%": "Write 0.5 for 50\\%.",
    "lg": r"Write \log(x)/\log(10).",
    "perp": "Declare a name for the complement.",
    "overset": "Leave out what stands above.", "stackrel": "Leave out what stands above.",
    "R": "Sets are not part of the function; sizes are declared: x: n; A: m×n.",
    "E": "Expectations are not in the language; write the function inside, or a mean over the data.",
}  # fmt: skip
BOLD = deferred(r"(?:b|bf|bs|bm|v|m|vec|mat|mbf|bb|c|cal)([A-Za-z])\Z")
"""How papers abbreviate \\mathbf{x}: \\bx, \\vx, \\mX."""
KNOWN = (
    words.IGNORED | words.STYLES | words.UPRIGHT | words.FUNCTIONS | words.OPERATORS.keys() | words.ACCENTS.keys()
    | words.LETTERS.keys() | words.BARS.keys() | words.NOT_READ.keys() | {"frac", "sqrt", "begin", "norm"}
)  # fmt: skip


def unknown(command: str, divides: bool, opens: bool) -> str:
    """The hint; `divides`: a left division can be meant, `opens`: a group follows."""
    if divides:
        return "A left division is written A \\ b, with a space."
    if hint := INSTEAD.get(command):
        return hint
    if bold := BOLD.match(command):
        return f"If the paper defines it for a letter in bold, write \\mathbf{{{bold[1]}}}."
    close = _nearest(command)
    if close:
        return f"Did you mean \\{close}?"
    if opens:
        return "Write out what it stands for; functions are written \\operatorname{name}(…)."
    return "If the paper defines it, write out what it stands for."


def spectral(name: str, sub: str, written: str, vector: bool) -> tuple[str, str]:
    r"""\sigma_i(X), \lambda_1(S), \sigma_1(Wx): what is asked, and the readings that are offered."""
    product = f"for a product write {written} \\cdot (…)"
    if sub == "min":
        return f"{written} is not in the language", r"Write \sqrt{\lambda_{\min}(X^\top X)}."
    if vector:
        declared = f"declare `{name}_{sub}: elementwise` for a function of vectors"
        return f"{written} before a vector: a function or a factor?", f"{declared[0].upper()}{declared[1:]}; {product}."
    if name == "sigma":
        return f"{written} before a matrix: which singular value?", f"Write \\sigma_1(X), counted downward; {product}."
    count = sub if sub.isdigit() else "1"
    ends = f"\\lambda_{{\\max}}(S) is the largest, \\operatorname{{eigval}}(S,{count}) counts upward from the smallest"
    return f"is {written} counted from the largest eigenvalue or from the smallest?", f"{ends}; {product}."


TEXT = ("text, not part of the function", "Leave it out; definitions stand before the function, separated by `;`.")
PROBLEM = ("an optimisation problem, not a function", words.INSTEAD["an optimisation problem"])
DIVERGENCE = ("not in the language", r"Write it out: p^\top(\log p - \log q) for discrete ones.")
PHRASES = {
    **dict.fromkeys(split("with where and if for otherwise when given such subject st else"), TEXT),
    **dict.fromkeys(split("minimize minimise maximize maximise minimum maximum"), PROBLEM),
    **dict.fromkeys(("const", "constant", "cst"), ("a constant without a name", "Leave it out: its derivative is 0.")),
    **dict.fromkeys(("kl", "d_kl", "js", "jsd"), DIVERGENCE),
}  # fmt: skip
"""Upright words that are no names: what they are, and what to do."""


def _nearest(command: str) -> str:
    from difflib import get_close_matches

    long = [k for k in KNOWN if len(k) > 3]
    found = get_close_matches(command, sorted(long), 1, 0.8) if 4 <= len(command) < 30 else []
    return found[0] if found else ""
