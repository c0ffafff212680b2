"""A worksheet as blocks: what the students get, and what the solution shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from matdiff.api.expr import Expr
from matdiff.ops.complexes import COMPLEX
from matdiff.printing.names import latex_name
from matdiff.report.blocks import Block, Derived, Figure, Formula, Hint, HowTo, Room, Start, Text, Verdict, worded
from matdiff.solution.problem import Problem
from matdiff.worksheet.document import Prose, Worksheet
from matdiff.worksheet.solution import Solution, along
from matdiff.worksheet.systems import SystemSolution, is_system

Plot = Callable[[Solution], Figure | None]

ASKED = {
    "gradient": "the gradient",
    "jacobian": "the Jacobian matrix",
    "hessian": "the Hessian matrix",
    "differential": "the differential",
    "derivative": "the derivative",
}


def sheet(ws: Worksheet) -> Iterator[Block]:
    """The students' sheet: problems with hints and room to answer; it says its seed where it is not seen."""
    if ws.problems:
        yield HowTo()
    if ws.seed is not None:
        yield Text(f"<!-- matdiff worksheet {ws.name}, seed {ws.seed} -->")
    for part in ws.parts:
        if isinstance(part, Prose):
            yield Text(part.text)
        else:
            if is_system(part):
                system = SystemSolution(part)
                yield from system.statement(spoken)
                yield from system.hints()
                yield system.room()
                continue
            each = [Solution(p) for p in part.single]
            yield from statement(each[0], part)
            yield from hints(*each)
            first = [labels(s)[0] + f" by {s.problem.wrt}" * (len(each) > 1) for s in each]
            yield Room(part.number, part.space, " = \n".join(first))


def solutions(ws: Worksheet, plot: Plot) -> Iterator[Block]:
    """The solution: problems, derivations with each line checked, answers, verification, error plots."""
    for part in ws.parts:
        if isinstance(part, Prose):
            yield Text(part.text)
        else:
            if is_system(part):
                system = SystemSolution(part)
                yield from system.statement(spoken)
                yield from system.solved()
                continue
            each = [Solution(p) for p in part.single]
            yield from statement(each[0], part)
            for solution in each:
                if len(each) > 1:
                    yield Text(f"**By ${latex_name(solution.problem.wrt)}$.**")
                yield from solved(solution, plot)


def statement(solution: Solution, problem: Problem) -> Iterator[Block]:
    """What is asked; of a problem by several variables the solution is that by the first."""
    d = solution.d
    yield Start(problem.number, problem.source)
    yield Text(heading(problem))
    f = letter(solution)
    x = "$ and $".join(latex_name(p.wrt if len(problem.single) > 1 else d.wrt[0].name) for p in problem.single)
    what = "derivative" if by_scalar(solution) else solution.ask
    yield Text(f"Find {ASKED[what]} by ${x}$ of")
    yield Formula(f, d.function)
    product = weighted(solution)
    yield Text(f"where {declared(d.types)}{product}.")


def weighted(solution: Solution) -> str:
    """Says which inner product the gradient is for, where it is not the plain one."""
    if solution.d.affine:
        S = latex_name(solution.d.wrt[0].name)
        return rf", for the affine metric $\langle U, V\rangle = \operatorname{{tr}}({S}^{{-1}} U {S}^{{-1}} V)$"
    if solution.d.metric is None:
        return ""
    W = Expr(solution.d.metric).latex()
    return rf", for the inner product $\langle u, v\rangle = u^\top {W} v$"


def heading(problem: Problem) -> str:
    points = f"{problem.points:g} point{'s' * (problem.points != 1)}"
    title = f"Problem {problem.number}" + (f": {problem.title}" if problem.title else "")
    return f"### {title} ({points})"


def letter(solution: Solution) -> str:
    """A name for the function that is none of its variables'."""
    taken = {v.name for v in solution.d.function.variables}
    letters = "fgφψ" if solution.d.function.kind == "scalar" else "FGΦΨ"
    return latex_name(next((c for c in letters if c not in taken), letters[0]))


def by_scalar(solution: Solution) -> bool:
    return solution.ask in ("gradient", "jacobian") and solution.d.wrt[0].kind == "scalar"


def labels(solution: Solution) -> tuple[str, str]:
    """What stands left of the answer: as a student types it, and in LaTeX."""
    f, x = letter(solution), solution.d.wrt[0].name
    if by_scalar(solution):
        return f"d{f.strip(chr(92))}/d{x}", read_off(solution)
    if solution.ask == "differential":
        return f"d{f.strip(chr(92))}", rf"\mathrm{{d}}{f}"
    if solution.ask == "hessian" and along(solution.d):
        return "hessian", rf"H[\mathrm{{d}}{x}]"
    return solution.ask, {"gradient": rf"\nabla {f}", "jacobian": "J", "hessian": "H"}[solution.ask]


def read_off(solution: Solution) -> str:
    """The first derivative of a scalar function in LaTeX."""
    f, x = letter(solution), solution.d.wrt[0]
    return rf"\frac{{\mathrm{{d}}{f}}}{{\mathrm{{d}}{latex_name(x.name)}}}" if x.kind == "scalar" else rf"\nabla {f}"


SPOKEN = {
    "spd": "symmetric positive definite",
    "hermitian": "Hermitian",
    "hpd": "Hermitian positive definite",
    "lower": "lower triangular",
    "upper": "upper triangular",
    "orthonormal": "with orthonormal columns",
    "grassmann": "with orthonormal columns, as a basis of a subspace,",
    "simplex": "in the simplex",
}


def declared(types: str) -> str:
    r"""Declarations as prose.

    >>> declared("A: m×n; S: n×n symmetric; t: scalar")
    '$A \\in \\mathbb{R}^{m \\times n}$, $S \\in \\mathbb{R}^{n \\times n}$ symmetric, $t \\in \\mathbb{R}$'
    """
    said = []
    for declaration in filter(None, types.split(";")):
        name, _, rest = declaration.strip().partition(":")
        shape, *attributes = rest.split()
        x = latex_name(name)
        if "->" in rest:
            taken, value = (part.strip().strip("()").split(", ") for part in rest.split("->"))
            sets = r" \times ".join(map(space, taken))
            said.append(rf"${x} : {sets} \to {space(value[0])}$")
            continue
        if shape == "elementwise":
            said.append(f"${x}$ acts entry by entry")
            continue
        field = "C" if not COMPLEX.isdisjoint(attributes) else "R"
        words = [SPOKEN.get(a, a) for a in attributes if a != "complex"]
        said.append(" ".join([rf"${x} \in {space(shape, field)}$", *words]))
    return ", ".join(said)


def spoken(types: str) -> str:
    """Declarations as prose, functions of x among them."""
    said = []
    for text in filter(None, types.split(";")):
        name, _, rest = text.strip().partition(":")
        shape, mark, x = rest.partition("function of")
        if not mark:
            said.append(declared(text.strip()))
        else:
            values = f" with values in ${space(shape.strip())}$" if shape.strip() else ""
            said.append(f"${latex_name(name.strip())}$ is a function of ${latex_name(x.strip())}${values}")
    return ", ".join(said)


def space(shape: str, field: str = "R") -> str:
    r"""The set of all arrays of a shape.

    >>> space("m×n"), space("scalar")
    ('\\mathbb{R}^{m \\times n}', '\\mathbb{R}')
    """
    dims = r" \times ".join(latex_dim(d) for d in shape.split("×"))
    return rf"\mathbb{{{field}}}" if shape == "scalar" else rf"\mathbb{{{field}}}^{{{dims}}}"


def latex_dim(dim: str) -> str:
    return dim.replace("*", r"\,")


def hints(*each: Solution) -> Iterator[Hint]:
    """The author's, then from the derivation: first the rule, then the line.  Never the last line, the answer."""
    given = [(Text(text),) for text in each[0].problem.hint]
    derived = [hint for solution in each for hint in derived_hints(solution)]
    for number, inside in enumerate([*given, *derived], 1):
        yield Hint(f"Hint {number}", inside)


def derived_hints(solution: Solution) -> Iterator[tuple[Text | Hint, ...]]:
    """Rules of the derivation, each with the line that it gives folded below it; of the last, the answer, the rule."""
    lines = [line for line in solution.lines if line.relation == "="]
    for number, line in enumerate(lines[: solution.problem.hints], 1):
        said = Text(f"Use this rule: {line.rule}.")
        told = line is not lines[-1] and line.after.node is not solution.derived.node
        yield (said, Hint("Show the line", (Derived(solution.d.function, "", (line,), number),))) if told else (said,)


def solved(solution: Solution, plot: Plot) -> Iterator[Block]:
    """Derivation, answer, verification, plot."""
    solution.confirm()
    yield Text("**Solution.**")
    words = worded(solution.d, 2 if solution.ask == "hessian" else 1)
    if solution.lines:
        lines: Any = words.steps(cast("Any", solution.lines))
        yield Derived(solution.d.function, read_off(solution), tuple(lines))
    if solution.d.metric is not None:
        W = Expr(solution.d.metric).latex()
        yield Text(rf"For every $g$ it is $g^\top \mathrm{{d}}x = ({W}^{{-1}}g)^\top {W}\,\mathrm{{d}}x$, and thus")
    if not (solution.lines and solution.lines[-1].after.node is solution.result.node):
        yield Formula(labels(solution)[1], words.of(solution.result))
    if solution.problem.form and solution.derived.text() != solution.result.text():
        yield Text("or, as it was derived,")
        yield Formula(labels(solution)[1], words.of(solution.derived))
    yield from (Text(f"({note})") for note in solution.d.notes)
    yield Verdict(str(solution.verification), solution.verification.passed)
    figure = plot(solution)
    if figure is not None:
        yield figure
