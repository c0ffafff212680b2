"""How an answer is spelt: labels, conventions and prose in Unicode, ASCII and LaTeX."""

from __future__ import annotations

import sys
from typing import Any, Literal, NamedTuple

from matdiff.core.node import Apply, Constant, Node, topological

Style = Literal["unicode", "ascii", "latex"]
STYLES = ("unicode", "ascii", "latex")

LABELS = {
    "function": ("{f}", "{f}", "{f}"),
    "differential": ("d{f}", "d{f}", r"\mathrm{{d}}{f}"),
    "gradient": ("∇{f}", "grad {f}", r"\nabla {f}"),
    "partial gradient": ("∇{f} by {x}", "grad {f} by {x}", r"\nabla_{{{x}}} {f}"),
    "jacobian": ("J", "J", "J"),
    "partial jacobian": ("J by {x}", "J by {x}", r"J_{{{x}}}"),
    "independent": ("∂{f}/∂{x}", "d{f}/d{x}", r"\frac{{\partial {f}}}{{\partial {x}}}"),
    "adjoint": ("{f}'({x})*[{on}]", "{f}'({x})*[{on}]", "{f}'({x})^*[{on}]"),
    "partial adjoint": ("{f}'*[{on}] by {x}", "{f}'*[{on}] by {x}", r"{f}'_{{{x}}}{{}}^*[{on}]"),
    "wirtinger": ("∂{f}/∂conj({x})", "d{f}/dconj({x})", r"\frac{{\partial {f}}}{{\partial \overline{{{x}}}}}"),
    "jax": ("2∂{f}/∂{x}", "2 d{f}/d{x}", r"2\frac{{\partial {f}}}{{\partial {x}}}"),
    "holomorphic": ("∂{f}[d{x}]", "d_{f}[d{x}]", r"\partial {f}[\mathrm{{d}}{x}]"),
    "antiholomorphic": ("∂̄{f}[d{x}]", "dbar_{f}[d{x}]", r"\bar\partial {f}[\mathrm{{d}}{x}]"),
    "derivative": ("d{f}/d{x}", "d{f}/d{x}", r"\frac{{\mathrm{{d}}{f}}}{{\mathrm{{d}}{x}}}"),
    "hessian": ("H", "H", "H"),
    "second": (
        "{f}''({x})[d{x}₁,d{x}₂]",
        "{f}''({x})[d{x}_1,d{x}_2]",
        r"{f}''({x})[\mathrm{{d}}{x}_1,\mathrm{{d}}{x}_2]",
    ),
    "partial second": ("{f}'' by {x}", "{f}'' by {x}", "{f}''_{{{x}}}"),
    "partial hessian": ("H by {x}", "H by {x}", r"H_{{{x}}}"),
    "hessian operator": ("H[d{x}]", "H[d{x}]", r"H[\mathrm{{d}}{x}]"),
    "partial hessian operator": ("d∇{f} by {x}", "d grad {f} by {x}", r"\mathrm{{d}}\nabla_{{{x}}} {f}"),
}

CONVENTIONS = {
    "gradient": "gradient, the shape of {x}{shape}, for ⟨A,B⟩ = tr(AᵀB)",
    "partial gradient": "gradients, each the shape of its variable, for ⟨A,B⟩ = tr(AᵀB)",
    "weighted": "gradient, the shape of {x}{shape}, for ⟨A,B⟩ = tr(AᵀWB){inner}",
    "affine": "gradient, the shape of {x}{shape}, for the affine metric ⟨A,B⟩ = tr({x}⁻¹ A {x}⁻¹ B)",
    "jacobian": "Jacobian by {x}{shape}, for vec(d{f}) = J vec(d{x}), vec stacking columns",
    "partial jacobian": "Jacobians, for vec(d{f}) = the sum of (J by X) vec(dX) over the variables X",
    "vector jacobian": "Jacobian by {x}{shape}, J_ij = ∂{f}_i/∂{x}_j",
    "operator": "d{f} is the derivative, a linear map of d{x}{shape}",
    "adjoint": "adjoint, for ⟨{on}, d{f}⟩ = ⟨{f}'({x})*[{on}], d{x}⟩",
    "partial adjoint": "adjoints, for ⟨{on}, d{f}⟩ = the sum of ⟨{f}'*[{on}] by X, dX⟩ over the variables X",
    "other": (
        "other convention in books, entries of the upper triangle independent: 2G − G∘I (--convention independent)"
    ),
    "independent": "∂{f}/∂{x}: entries of the upper triangle independent, 2G − G∘I for the gradient G",
    "derivative": "derivative by the scalar {x}",
    "hessian": "Hessian, for d²{f} = ⟨H[d{x}₁],d{x}₂⟩",
    "hessian operator": "Hessian, as the differential of the gradient",
    "curved hessian": (
        "Hessian on the set, a map of tangent directions: its pairing with the direction is d²/dt² {f} along geodesics"
    ),
    "second": "second derivative, bilinear: d²{f} = {f}''({x})[d{x},d{x}]",
    "partial second": "second derivatives, bilinear: d²{f} is the sum of ({f}'' by X,Z)[dX₁,dZ₂] over the pairs X,Z",
    "weighted hessian": "Hessian, the derivative of this gradient: vec(d∇{f}) = H vec(d{x})",
    "partial hessian": "Hessian, in blocks: d²{f} is the sum of vec(dX)ᵀ H vec(dZ) over the pairs X,Z of variables",
    "matrix hessian": "Hessian, for d²{f} = vec(d{x})ᵀ H vec(d{x}), vec stacking columns",
}

ASCII = {
    "⁻¹": "^-1",
    "⁻ᵀ": "^-T",
    "ᵀ": "'",
    "ᴴ": "^H",
    "ᵘ": "^u",
    "⟨": "<",
    "⟩": ">",
    "∇²": "grad^2 ",
    "∇": "grad ",
    "∂": "d",
    "×": "x",
    "−": "-",
    "–": "-",
    "·": "*",
    "⊙": ".*",
    "∘": ".*",
    "⊗": " kron ",
    "√": "sqrt",
    "∞": "inf",
    "‖": "||",
    "≠": "!=",
    "≥": ">=",
    "≤": "<=",
    "⪰ 0": "psd",
    "≻ 0": "pd",
    "⪯ 0": "nsd",
    "⪰": "_psd",
    "↦": "->",
    "→": "->",
    "′": "'",
    "⁺": "^+",
    "⁻": "^-",
    "½": "1/2",
    "§": "sec. ",
    "…": "...",
    "é": "e",
    **{c: f"^{i}" for i, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{c: f"_{i}" for i, c in enumerate("₀₁₂₃₄₅₆₇₈₉")},
}

LATEX = {
    "⁻¹": "$^{-1}$",
    "⁻ᵀ": r"$^{-\top}$",
    "ᵀ": r"$^\top$",
    "ᴴ": "$^H$",
    "ᵘ": "$^u$",
    "⟨": r"$\langle$",
    "⟩": r"$\rangle$",
    "∂": r"$\partial$",
    "∇": r"$\nabla$",
    "×": r"$\times$",
    "−": "$-$",
    "–": "--",
    "·": r"$\cdot$",
    "⊙": r"$\odot$",
    "∘": r"$\circ$",
    "⊗": r"$\otimes$",
    "√": r"$\surd$",
    "∞": r"$\infty$",
    "‖": r"$\|$",
    "≠": r"$\neq$",
    "≥": r"$\ge$",
    "≤": r"$\le$",
    "⪰": r"$\succeq$",
    "≻": r"$\succ$",
    "⪯": r"$\preceq$",
    "↦": r"$\mapsto$",
    "→": r"$\to$",
    "′": "$'$",
    "⁺": "$^+$",
    "⁻": "$^-$",
    "½": r"$\frac12$",
    "…": r"\ldots{}",
    **{c: f"$^{i}$" for i, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{c: f"$_{i}$" for i, c in enumerate("₀₁₂₃₄₅₆₇₈₉")},
}


def prose(text: str, style: Style) -> str:
    """What is said around formulas, in a style: names of rules, conventions, declarations."""
    if style == "unicode":
        return text
    if style == "latex":
        for sign in "&_^#%":
            text = text.replace(sign, f"\\{sign}{{}}" if sign == "^" else f"\\{sign}")
    signs, spell = (ASCII, ascii_letter) if style == "ascii" else (LATEX, latex_letter)
    for sign, instead in signs.items():
        text = text.replace(sign, instead)
    return text if text.isascii() else "".join(c if c.isascii() else spell(c) for c in text)


def ascii_letter(letter: str) -> str:
    from matdiff.printing.names import ascii_name

    return ascii_name(letter).encode("ascii", "backslashreplace").decode()


def latex_letter(letter: str) -> str:
    from matdiff.printing.names import GREEK, latex_name

    return f"${latex_name(letter)}$" if letter in GREEK else letter


def name(variable: str, style: Style) -> str:
    """A variable's name as the printers of formulas spell it."""
    from matdiff.printing.names import ascii_name, latex_name, unicode_name

    return (unicode_name, ascii_name, latex_name)[STYLES.index(style)](variable)


def show(expression: Any, style: Style) -> str:
    """An expression in a style."""
    return str(expression.latex() if style == "latex" else expression.text(ascii=style == "ascii"))


def spelled(latex: str, form: str) -> str:
    """An answer in LaTeX as it stands, or in Typst."""
    if form != "typst" or not latex:
        return latex
    from matdiff.printing.typst import document

    return document(latex)


def statements(source: str) -> list[str]:
    """The statements of a printed program, split at the semicolons outside brackets.

    >>> statements("P = [x; y]; P' P")
    ['P = [x; y]', "P' P"]
    """
    parts, depth, start = [], 0, 0
    for i, c in enumerate(source):
        depth += (c in "([{⟨") - (c in ")]}⟩")
        if c == ";" and depth == 0:
            parts.append(source[start:i])
            start = i + 1
    return [part.replace(r"\quad", "").strip() for part in [*parts, source[start:]]]


def unicode_output() -> bool:
    """Whether standard output can carry the signs that answers are written with."""
    try:
        "∇ᵀ⁻¹⊗⟨⟩".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


class Line(NamedTuple):
    """One line of an answer, `label = body`; f is a letter for the function, x the variables, `on` an argument."""

    key: str
    f: str
    x: tuple[str, ...]
    body: Any
    on: str = ""
    shared: tuple[str, ...] = ()
    """Names in the body for what several lines have in common."""

    def left(self, style: Style) -> str:
        names = ",".join(name(x, style) for x in self.x)
        words = {"f": name(self.f, style), "x": names, "on": self.on and name(self.on, style)}
        return LABELS[self.key][STYLES.index(style)].format(**words)

    def right(self, style: Style) -> str:
        return show(self.body, style)


def bookish(node: Node) -> bool:
    """Is there something in an expression that books write otherwise than the language?  They are asked for then."""
    return any(
        isinstance(n, Constant)
        or (
            isinstance(n, Apply)
            and (n.op.name in ("heaviside", "eigvecs", "eigvec", "eigval", "reduced_resolvent") or n.op.factor != "")
        )
        for n in topological(node)
    )
