"""Equations among the statements: `A*x = b for x` is typed as the difference of its sides, beside the definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NoReturn

from matdiff.calculus.implicit import System, depends
from matdiff.core.node import Node, Symbol, describe, number
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.errors import ParseError, ShapeError, UnsupportedError
from matdiff.inference.types import UNKNOWN, Solver, Type
from matdiff.text.tree import EQUATED, Definition, Equations, Program, Tree, walk

SIDES = ("left", "right")
MOST = 2
"""Most open sizes that the count of equations and unknowns alone decides."""


def refuse(program: Program) -> NoReturn:
    """Where a program with equations has no meaning: an unknown is no variable."""
    raise UnsupportedError(
        "equations are understood where a function is differentiated",
        text=program.text,
        span=program.equations[0].span,
        hint="matdiff derive, verify and codegen take them, and md.derive(…)",
    )


def with_residuals(program: Program) -> Program:
    """The program with the sides of its equations as definitions that no one can type."""
    if not program.equations:
        return program
    check(program)
    made: list[Definition] = []
    for i, (left, right), span in _numbered(program):
        names = [_name(i, side) for side in SIDES]
        zero = right.head == "number" and right.value == 0
        sides = [left] if zero else [left, right]
        made += [Definition(n, t, "", t.span) for n, t in zip(names, sides, strict=False)]
        a, *b = (Tree("name", (), n, t.span) for n, t in zip(names, sides, strict=False))
        residual = Tree("+", (a, Tree("neg", (b[0],), "", b[0].span)), "", span, EQUATED) if b else a
        made.append(Definition(_name(i), residual, "", span))
    return replace(program, definitions=[*program.definitions, *made], equations=program.equations)


def _numbered(program: Program) -> Iterator[tuple[int, tuple[Tree, Tree], tuple[int, int]]]:
    i = 0
    for system in program.equations:
        for pair in system.sides:
            yield i, pair, (pair[0].span[0], pair[1].span[1])
            i += 1


def _name(i: int, side: str = "") -> str:
    return f"equation {i + 1} {side}".strip()


def hidden(name: str) -> bool:
    """Whether a name is one that no one has typed: of an equation, of an index as a number."""
    return " " in name or "@" in name


def check(program: Program) -> None:
    """Raises ParseError for an unknown that is defined, determined twice, or used before its equation."""
    text = program.text
    defined = {d.name for d in program.definitions}
    seen: set[str] = set()
    for system in program.equations:
        for name, span in system.unknowns:
            if name in seen:
                hint = "equations that hold together stand in one statement: A*x = b, B*z = x for x, z"
                raise ParseError(f"{name} is determined twice", text=text, span=span, hint=hint)
            if name in defined:
                hint = f"leave out the definition, or what stands behind `for` is not {name}"
                raise ParseError(f"{name} is defined, so no equation determines it", text=text, span=span, hint=hint)
            seen.add(name)
            _check_order(program, system, name)
    last = program.equations[-1].span[1]
    if program.function is not None and program.function.span[1] < last:
        hint = "the function comes last, behind the equations"
        raise ParseError("an equation behind the function", text=text, span=program.equations[-1].span, hint=hint)


def _check_used(program: Program) -> None:
    """Raises ParseError for equations whose unknowns stand nowhere else: another function was meant."""
    if program.function is None:
        return
    trees = [program.function, *(d.body for d in program.definitions if not hidden(d.name))]
    for system in program.equations:
        rest = [side for other in program.equations if other is not system for pair in other.sides for side in pair]
        used = {t.value for tree in (*trees, *rest) for t in walk(tree) if t.head == "name"}
        if used.isdisjoint(name for name, _ in system.unknowns):
            names = " and ".join(name for name, _ in system.unknowns)
            raise ParseError(
                f"the equation determines {names}, and nothing is made of it",
                text=program.text,
                span=system.span,
                hint=f"use {names} in the function, or leave out the equation",
            )


def _check_order(program: Program, system: Equations, name: str) -> None:
    before = [t for d in program.definitions if d.span[0] < system.span[0] for t in walk(d.body)]
    for other in program.equations:
        if other.span[0] < system.span[0]:
            before += [t for pair in other.sides for side in pair for t in walk(side)]
    if program.function is not None and program.function.span[1] < system.span[0]:
        before += walk(program.function)
    for t in before:
        if t.head == "name" and t.value == name:
            hint = f"put the equation for {name} first; equations that hold together are one: …, … for y, {name}"
            raise ParseError(
                f"{name} is used before the equation that determines it", text=program.text, span=t.span, hint=hint
            )


def count(program: Program, env: Mapping[str, Type], solver: Solver) -> None:
    """Sizes that nothing else tells: there are as many equations as unknowns."""
    i = 0
    for system in program.equations:
        rows = [env[_name(i + k)] for k in range(len(system.sides))]
        i += len(rows)
        cols = [env[name] for name, _ in system.unknowns if name in env]
        if len(cols) < len(system.unknowns):
            continue
        missing = solver.value(_total(rows)) - solver.value(_total(cols))
        if len([n for n in missing.names if Dim.of(n) in UNKNOWN]) > MOST:
            for a, b in zip(rows, cols, strict=False):
                _ = a[0] == b[0] and solver.equate(a[1], b[1]) and solver.equate(a[2], b[2])
        waiting = list(solver.deferred)
        solver.equate(_total(rows), _total(cols))
        solver.deferred = waiting


def _total(types: list[Type]) -> Dim:
    total = ZERO
    for _, rows, cols in types:
        total = total + rows * cols
    return total


def systems(program: Program, variables: Mapping[str, Symbol], definitions: dict[str, Symbol]) -> tuple[System, ...]:
    """The equations, typed; their sides are taken out of the definitions.

    Raises ShapeError where they are not as many as the unknowns, ParseError for an unknown that is in none of them.
    """
    out = []
    i = 0
    for system in program.equations:
        unknowns = tuple(_unknown(program, name, span, variables) for name, span in system.unknowns)
        sides = []
        for _ in system.sides:
            left, right = (definitions.pop(_name(i, side), None) for side in SIDES)
            residual = definitions.pop(_name(i))
            assert left is not None and left.body is not None and residual.body is not None
            zero: Node = number(0)
            sides.append((left.body, zero if right is None or right.body is None else right.body))
            i += 1
        made = System(unknowns, tuple(sides), system.span)
        _check_count(program, made)
        for x, (_, span) in zip(unknowns, system.unknowns, strict=True):
            if not any(depends(F, x) for F in made.residuals):
                raise _absent(program, x, span)
        out.append(made)
    _check_used(program)
    return tuple(out)


def _unknown(program: Program, name: str, span: tuple[int, int], variables: Mapping[str, Symbol]) -> Symbol:
    if name not in variables:
        hint = "an unknown is a name that the equation contains"
        raise ParseError(f"the equation does not contain {name}", text=program.text, span=span, hint=hint)
    return variables[name]


def _absent(program: Program, x: Symbol, span: tuple[int, int]) -> ParseError:
    return ParseError(
        f"{x.name} is in no equation of this system, so nothing determines it",
        text=program.text,
        span=span,
        hint=f"leave out `for {x.name}`, or write the equation that {x.name} solves",
    )


def _check_count(program: Program, system: System) -> None:
    rows, cols = ZERO, ZERO
    for F in system.residuals:
        rows = rows + F.rows * F.cols
    for x in system.unknowns:
        cols = cols + x.rows * x.cols
    if rows is cols:
        return
    names = " and ".join(x.name for x in system.unknowns)
    many = "equation" if rows is ONE else "equations"
    hint = f"for {cols} unknowns declare sizes that agree"
    if len(system.residuals) == 1 and system.residuals[0].kind == "vector":
        hint += ", or solve the normal equations: A'*A*x = A'*b for x"
    shown = ", ".join(f"{x.name} is {describe(x)}" for x in system.unknowns)
    raise ShapeError(
        f"{rows} {many} cannot determine the {cols} entries of {names}: {shown}",
        text=program.text,
        span=system.span,
        hint=hint,
    )
