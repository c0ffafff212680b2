"""What is said around formulas, the names of rules above all, in the letters that LaTeX has."""

from __future__ import annotations

import re

from matdiff.printing.names import GREEK, latex_name

SIGNS = {
    "⟨": r"\langle ",
    "⟩": r"\rangle ",
    "∂": r"\partial ",
    "∇": r"\nabla ",
    "∈": r"\in ",
    "×": r"\times ",
    "−": "-",
    "±": r"\pm ",
    "·": r"\cdot ",
    "≤": r"\le ",
    "≥": r"\ge ",
    "≈": r"\approx ",
    "⊙": r"\odot ",
    "∘": r"\circ ",
    "⊗": r"\otimes ",
    "√": r"\surd ",
    "∞": r"\infty ",
    "‖": r"\|",
    "≠": r"\neq ",
    "⇒": r"\Rightarrow ",
    "↦": r"\mapsto ",
    "→": r"\to ",
    "′": "'",
    "½": r"\tfrac12 ",
    "✓": r"\checkmark ",
    "∑": r"\sum ",
    "Σ": r"\Sigma ",
}
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ᵀᵘ", [*"0123456789-+", r"\top ", "u"], strict=True))
LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉ᵢⱼ", [*"0123456789ij"], strict=True))
ESCAPES = {c: f"\\{c}" for c in "&_#%$"} | {
    "{": r"\{",
    "}": r"\}",
    "^": r"\^{}",
    "~": r"\~{}",
    "\\": r"\textbackslash{}",
}


def latex_prose(text: str) -> str:
    """Plain text with mathematical signs, as text in LaTeX.

    >>> print(latex_prose("d(X⁻¹) = −X⁻¹ dX"))
    d(X$^{-1}$) = $-$X$^{-1}$ dX
    """
    parts = re.split(f"([{''.join(RAISED)}]+|[{''.join(LOWERED)}]+)", text)
    return "".join(_script(p) if i % 2 else "".join(map(_letter, p)) for i, p in enumerate(parts))


def _script(run: str) -> str:
    table, sign = (RAISED, "^") if run[0] in RAISED else (LOWERED, "_")
    return f"${sign}{{{''.join(table[c] for c in run).strip()}}}$"


def _letter(c: str) -> str:
    if c in SIGNS:
        return f"${SIGNS[c].strip()}$"
    return f"${latex_name(c)}$" if c in GREEK else ESCAPES.get(c, c)
