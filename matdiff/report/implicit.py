"""What `derive` prints of a function of unknowns: equations, their differentials and adjoints, the gradient."""

from __future__ import annotations

from typing import Any

from matdiff.core.node import Symbol
from matdiff.core.shape import ONE
from matdiff.report.notation import CONVENTIONS, Style, prose, spelled

WIDTH = 60
"""Widest formula that has its remark beside it; of a wider one it stands below."""
MODES = ("adjoint", "forward", "both")


def lines(d: Any, mode: str, order: int) -> list[Any]:
    """The lines of the derivation by the forward or the adjoint method, or both."""
    found = list(d.steps)
    opening = [line for line in found if not line.key][: 2 + len(d.multipliers)]
    if d.kind != "gradient":
        return found
    if mode == "forward":
        return opening
    return found + (list(d.second_order) if order > 1 else [])


def forward(d: Any) -> str:
    """What the forward method costs."""
    names = ", ".join(X.name for X in d.wrt)
    if len(d.wrt) == 1 and d.wrt[0].kind == "scalar":
        return "forward: one solve"
    if len(d.wrt) == 1:
        (X,) = d.wrt
        return f"forward: a solve for each of the {entries(X)} entries of {names}, with one factorisation"
    return f"forward: a solve for each entry of {names}, with one factorisation"


def entries(X: Symbol) -> str:
    """How many entries, as `n²`."""
    if X.cols is ONE:
        return str(X.rows)
    return f"{X.rows}²" if X.rows is X.cols else str(X.rows * X.cols)


def notes(d: Any, mode: str, verdicts: list[str]) -> list[str]:
    said = [forward(d)] if mode != "adjoint" or d.kind != "gradient" else []
    if d.kind == "gradient" and mode != "forward":
        said.append(convention(d))
    return [*said, *d.notes, *verdicts]


def convention(d: Any) -> str:
    """What the gradient is, in the words of explicit functions."""
    (X, *others) = d.wrt
    shape = f" ({'×'.join(map(str, X.shape))})" if X.shape else ""
    key = "partial gradient" if others else "gradient" if X.shape else "derivative"
    return CONVENTIONS[key].format(x=X.name, shape=shape)


def render(d: Any, form: str, style: Style, mode: str, order: int, verdicts: list[str]) -> str:
    """The answer in one of the formats."""
    told = lines(d, mode, order)
    if form == "json":
        return json_text(d, style, told, verdicts)
    said = notes(d, mode, verdicts)
    if form == "text":
        return text(d, style, told, said)
    return markdown(told, said, d) if form == "markdown" else spelled(latex(told, said, d), form)


def text(d: Any, style: Style, told: list[Any], said: list[str]) -> str:
    """Formulas with their remarks beside them."""
    rows = [(" = ".join(line.sides(style)), remark(d, line, style)) for line in told]
    width = max((len(a) for a, _ in rows if len(a) <= WIDTH), default=0)
    out = []
    for formula, rule in rows:
        out += [f"{formula:<{width}}   {rule}"] if len(formula) <= WIDTH else [formula, f"{'':<{width}}   {rule}"]
    with_ = [f"with {prose(d.types, style)}"] if d.types else []
    return "\n".join([*out, *with_, *(prose(note, style) for note in said)])


def remark(d: Any, line: Any, style: Style) -> str:
    """The rule of a line; that of the function says what its unknowns solve, in the same spelling."""
    return d.where_in(style) if line.left == "function" else prose(line.rule, style)


def latex(told: list[Any], said: list[str], d: Any) -> str:
    """An `align*`, and what is no formula in comments below it."""
    rows = [f"  {' &= '.join(line.sides('latex'))} && {beside(d, line)}" for line in told]
    comments = [f"% {row}" for note in [f"with {d.types}", *said] for row in note.splitlines()]
    return "\n".join([r"\begin{align*}", " \\\\\n".join(rows), r"\end{align*}", *comments])


def markdown(told: list[Any], said: list[str], d: Any) -> str:
    rows = [f"{' &= '.join(line.sides('latex'))} && {beside(d, line)}" for line in told]
    body = "\n".join([r"$$\begin{aligned}", " \\\\\n".join(rows), r"\end{aligned}$$"])
    return "\n\n".join([body, *([f"with {d.types}"] if d.types else []), *said])


def beside(d: Any, line: Any) -> str:
    """The remark of a line in LaTeX."""
    if line.left == "function":
        return str(d.where_in("latex"))
    return rf"\text{{{prose(line.rule, 'latex')}}}"


def json_text(d: Any, style: Style, told: list[Any], verdicts: list[str]) -> str:
    import json

    return json.dumps(record(d, style, told, verdicts), ensure_ascii=style == "ascii", indent=2)


def record(d: Any, style: Style, told: list[Any], verdicts: list[str]) -> dict[str, Any]:
    """The keys of `derive --format json`, and what equations add to them."""
    plain = style == "ascii"
    many = [e if isinstance(e, tuple) else (e,) for e in (d.forward_equation, d.adjoint_equation)]
    found: dict[str, Any] = {
        "function": d.function.text(ascii=plain),
        "wrt": ",".join(X.name for X in d.wrt),
        "types": prose(d.types, style),
        "unknowns": [x.name for x in d.unknowns],
        "equations": [e.text(ascii=plain) for e in d.equations],
        "forward_equation": [e.text(ascii=plain) for e in many[0]],
        "adjoint_equation": [e.text(ascii=plain) for e in many[1]],
        "differential": d.differential.text(ascii=plain),
    }
    if d.kind == "gradient":
        found["gradient"] = each(d, lambda g: g.text(ascii=plain))
        found["latex"] = each(d, lambda g: g.latex())
    elif any(line.left == "jacobian" for line in told):
        J = d.jacobian if d.several else {"": d.jacobian}
        shown = {x: each_.text(ascii=plain) for x, each_ in J.items()}
        found["jacobian"] = shown if d.several else shown[""]
    found["steps"] = [
        {"rule": prose(line.rule, style), "before": a, "after": b} for line in told for a, b in (line.sides(style),)
    ]
    if d.notes:
        found["remarks"] = [prose(note, style) for note in d.notes]
    found["verification"] = {"passed": verdicts[0].startswith("verified"), "said": prose("\n".join(verdicts), style)}
    return found


def each(d: Any, show: Any) -> Any:
    return {x: show(g) for x, g in d.gradient.items()} if d.several else show(d.gradient)
