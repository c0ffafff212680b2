"""The words and signs around an answer: its labels and conventions, in Unicode, ASCII and LaTeX."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Literal

Style = Literal["unicode", "ascii", "latex"]

LABELS: dict[str, tuple[str, str, str]] = {
    "function": ("{f}", "{f}", "{f}"),
    "differential": ("d{f}", "d{f}", "d{f}"),
    "gradient": ("∇{f}", "grad {f}", r"\nabla {f}"),
    "partial gradient": ("∇{f} by {x}", "grad {f} by {x}", r"\nabla_{{{x}}} {f}"),
    "jacobian": ("J", "J", "J"),
    "partial jacobian": ("J by {x}", "J by {x}", r"J_{{{x}}}"),
    "derivative": ("d{f}/d{x}", "d{f}/d{x}", r"\frac{{d{f}}}{{d{x}}}"),
    "hessian": ("H", "H", "H"),
}

CONVENTIONS = {
    "gradient": "gradient, the shape of {x}{shape}, for ⟨A,B⟩ = tr(AᵀB)",
    "partial gradient": "gradients, each the shape of its variable, for ⟨A,B⟩ = tr(AᵀB)",
    "weighted": "gradient, the shape of {x}{shape}, for ⟨x,y⟩ = xᵀ({inner})y",
    "jacobian": "Jacobian by {x}{shape}, for vec(d{f}) = J vec(d{x}), vec stacking columns",
    "vector jacobian": "Jacobian by {x}{shape}, J_ij = ∂{f}_i/∂{x}_j",
    "operator": "d{f} is the derivative, a linear map of d{x}{shape}",
    "derivative": "derivative by the scalar {x}",
    "hessian": "Hessian H, for d²{f} = ⟨H[d{x}₁],d{x}₂⟩",
}

ASCII = {
    "ᵀ": "'",
    "⟨": "<",
    "⟩": ">",
    "∇": "grad ",
    "∂": "d",
    "×": "x",
    "²": "^2",
    "₁": "_1",
    "₂": "_2",
    "−": "-",
    "…": "...",
}


def plain(text: str) -> str:
    """The signs that matdiff itself puts around formulas, in ASCII."""
    return "".join(ASCII.get(c, c) for c in text)


def show(thing: Any, style: Style) -> str:
    """An expression, or a text of the calculus, in a style."""
    if isinstance(thing, str):
        return plain(thing) if style == "ascii" else thing
    if style == "latex":
        return str(thing.latex())
    return str(thing.text(ascii=style == "ascii"))


def label(key: str, style: Style, f: str, x: str) -> str:
    return LABELS[key][("unicode", "ascii", "latex").index(style)].format(f=f, x=x)


def unicode_output() -> bool:
    """Whether standard output can carry the signs that answers are written with."""
    try:
        "∇ᵀ⁻¹⊗⟨⟩".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an answer: `label = body`."""

    key: str
    f: str
    x: str
    body: Any

    def left(self, style: Style) -> str:
        return label(self.key, style, self.f, self.x)

    def right(self, style: Style) -> str:
        return show(self.body, style)
