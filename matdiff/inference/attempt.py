"""One attempt to type a program, certain names being what they do not look like; and the message where it fails."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from matdiff.core.node import Kind
from matdiff.core.shape import Dim
from matdiff.errors import MatdiffError
from matdiff.inference import equations
from matdiff.inference.check import Checker
from matdiff.inference.declarations import spell
from matdiff.inference.evidence import Guess
from matdiff.inference.misfit import Misfit, grouped, source
from matdiff.inference.names import is_greek
from matdiff.inference.operators import SCALAR
from matdiff.inference.scope import Scope
from matdiff.inference.types import UNKNOWN, Solver, Type
from matdiff.text.tree import Tree, walk

# Names for the dimensions that inference leaves open: m×n for the first matrix, n for a square or a vector.

LETTERS = ("n", "m", "p", "q", "k", "r", "s", "l")


def name_unknowns(types: Iterable[Type], solver: Solver, taken: Collection[str]) -> dict[str, Dim]:
    """A name for each unknown in the types; none is in `taken`."""
    out: dict[str, Dim] = {}
    free = _names(taken)
    values = [(kind, solver.value(rows), solver.value(cols)) for kind, rows, cols in types]
    for kind, rows, cols in values:
        if kind == "matrix" and rows in UNKNOWN and cols in UNKNOWN and rows is not cols:
            n, m = next(free), next(free)
            out[str(rows)], out[str(cols)] = (
                (Dim.of("m"), Dim.of("n")) if (n, m) == ("n", "m") else (Dim.of(n), Dim.of(m))
            )
            break
    for _, rows, cols in values:
        for dim in (rows, cols):
            for name in sorted(dim.names):
                if name[0] == "?" and name not in out:
                    out[name] = Dim.of(next(free))
    return out


def _names(taken: Collection[str]) -> Iterator[str]:
    yield from (name for name in LETTERS if name not in taken)
    i = 1
    while True:
        if f"n{i}" not in taken:
            yield f"n{i}"
        i += 1


def settled(dim: Dim, solver: Solver, names: Mapping[str, Dim]) -> Dim:
    return solver.value(dim).substitute(names)


@dataclass(slots=True, eq=False, repr=False)
class Attempt:
    """Types and solver of a success; of a failure the misfit too."""

    env: dict[str, Type]
    solver: Solver
    checker: Checker
    changed: frozenset[str]
    misfit: Misfit | None = None
    calculus: bool = False
    """Whether all names are scalars because powers of vectors make no sense."""


def attempt(scope: Scope, changed: Iterable[str] = ()) -> Attempt:
    """Type all roots.  Errors that no choice of kinds mends are raised; misfits are kept."""
    solver = Solver()
    chosen = frozenset(changed)
    env = scope.types(solver, chosen)
    checker = Checker(env, solver, scope.functions, scope.dividing)
    checker.types = {} if scope.watched else None
    out = Attempt(env, solver, checker, chosen)
    try:
        for root in scope.roots:
            result = checker.run(root)
            if root.name and not root.parameter:
                env[root.name] = result
                env.update({n: result for n, (of, _) in scope.aliases.items() if of == root.name})
        equations.count(scope.program, env, solver)
        stuck = Guess(env, solver, scope.functions).settle() if solver.deferred else None
        if stuck is not None:
            out.misfit = _undecided(stuck)
    except Misfit as misfit:
        out.misfit = misfit
    except MatdiffError as error:
        raise _located(error, scope.text, solver.place) from None
    return out


def _undecided(stuck: tuple[Dim, Dim, object]) -> Misfit:
    a, b, place = stuck
    assert isinstance(place, Tree)
    types: tuple[Type, ...] = (("vector", a, a), ("vector", b, b))
    return Misfit(
        place, "the sizes here are not decided, or do not fit", types, "declare the dimensions of the names here", ()
    )


def _located(error: MatdiffError, text: str, place: object) -> MatdiffError:
    if error.span is not None and error.text is None:
        error.text = text
    return error.located(text, place.span) if isinstance(place, Tree) else error


def explain(scope: Scope, failed: Attempt) -> MatdiffError:
    """The misfit in words, with what each name involved was declared or inferred to be."""
    misfit, solver = failed.misfit, failed.solver
    assert misfit is not None
    types = [*failed.env.values(), *misfit.types]
    names = name_unknowns(types, solver, {n for t in types for d in t[1:] for n in d.names})

    def show(t: Type) -> str:
        return in_words(t[0], settled(t[1], solver, names), settled(t[2], solver, names))

    origins = {}
    for name, (kind, rows, cols) in failed.env.items():
        if equations.hidden(name):
            continue
        dims = (settled(rows, solver, names), settled(cols, solver, names))
        shown = () if kind == "scalar" else dims[:1] if kind == "vector" else dims
        origins[name] = f"{spell(name, kind, shown, scope.attributes(name))} ({scope.origin(name)})"
    error = misfit.error(scope.text, show, origins)
    if misfit.tree.head == "/" and [t[0] for t in misfit.types[1:]] == ["row"]:
        error.hint = f"{error.hint}\n{_denominator(scope, failed.env, misfit.tree)}".strip()
    near = {t.value for t in walk(misfit.tree) if t.head == "name"}
    greek = [
        n
        for n in scope.variables
        if n in near and is_greek(n) and failed.env[n][0] == "scalar" and scope.origin(n) == "inferred"
    ]
    if greek:
        error.hint = "\n".join(h for h in error.hint.split("\n") if "vector(1)" not in h)
        error.hint += f"\nGreek names are scalars unless they are declared: `{greek[0]}: n` or `{greek[0]}: n×n`"
    return error


def _denominator(scope: Scope, env: Mapping[str, Type], quotient: Tree) -> str:
    """2*x/x'*x is (2*x/x')*x: what follows the row x', up to a vector, belongs to the denominator."""
    users = {t.args[0]: t for root in scope.roots for t in root.plan if t.head == "*"}
    above, row = quotient.args
    whole = quotient
    while whole in users and whole.span[0] == above.span[0]:
        whole = users[whole]
        if env.get(str(whole.args[1].value), SCALAR)[0] == "vector":
            break
    if whole is quotient or whole.span[0] != above.span[0]:
        return ""
    below = scope.text[row.span[0] : whole.span[1]].strip()
    return f"put the denominator in parentheses: {grouped(above, source(above, scope.text))}/({below})"


def in_words(kind: Kind, rows: Dim, cols: Dim) -> str:
    if kind == "scalar":
        return "a scalar"
    if kind == "vector":
        return f"a vector of length {rows}"
    if kind == "row":
        return f"a row of length {cols} (1×{cols})"
    return f"a matrix {rows}×{cols}"
