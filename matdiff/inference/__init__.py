"""From the untyped tree to typed nodes: names, kinds, dimensions, and then one pass that builds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import matdiff.ops  # noqa: F401  (fills the table of words)
from matdiff.calculus.implicit import System
from matdiff.calculus.userdefined import own as by_formula
from matdiff.core.node import Node, Symbol, constant, describe, symbol
from matdiff.core.op import Op, differential_symbol
from matdiff.core.shape import ONE, Dim
from matdiff.errors import MatdiffError, ParseError, ShapeError
from matdiff.inference import equations
from matdiff.inference.arrows import declared
from matdiff.inference.attempt import Attempt, attempt, name_unknowns, settled
from matdiff.inference.build import Builder
from matdiff.inference.declarations import (
    Declared,
    call_record,
    declaration_text,
    declarations_text,
    gather,
    numpy_index,
    read,
)
from matdiff.inference.names import check_defined, unified
from matdiff.inference.readings import quiet, remarks, settle
from matdiff.inference.scope import Scope
from matdiff.inference.search import search
from matdiff.inference.types import Root
from matdiff.ops.algebra import size
from matdiff.ops.complexes import COMPLEX
from matdiff.text.tree import Declaration, Definition, Program

Function: TypeAlias = Op | Definition


class Typed(NamedTuple):
    """A program understood.

    function      definitions are Symbols with a body
    variables     free variables in order of first appearance, then those declared but not used; for a dX its X
    functions     functions of one's own: an Op where only declared, the Definition where defined
    declarations  all that is declared or inferred, as text that reads back
    definitions   the Symbols with a body, by name
    kept          the function as it is differentiated, with functions of one's own not written out
    remarks       what in this reading may surprise, in sentences
    families      what sums run over: the names of members and their bases → the array of all of them
    systems       what determines unknowns among the variables, in the order in which it is solved
    changed       names that are read as something else than they look like, each with a sentence
    """

    function: Node
    variables: dict[str, Symbol]
    functions: dict[str, Function]
    declarations: str
    definitions: dict[str, Symbol]
    kept: Node | None = None
    remarks: tuple[str, ...] = ()
    changed: Mapping[str, str] = MappingProxyType({})
    families: Mapping[str, str] = MappingProxyType({})
    systems: tuple[System, ...] = ()
    text: str = ""


def infer(
    program: Program,
    declared: Sequence[Declaration] = (),
    known: Mapping[str, Symbol] | None = None,
    wrt: Collection[str] = (),
    implicit: bool = False,
) -> Typed:
    """Type a program that is differentiated by `wrt`; with `implicit` it may have equations.

    Raises ParseError, ShapeError or UnsupportedError, each with its place.
    """
    if program.equations and not implicit:
        equations.refuse(program)
    if (signature := program.signature) is not None:
        declared = [d for d in declared if d.name != signature.name]
        program = replace(program, declarations=[d for d in program.declarations if d.name != signature.name])
    if program.function is None:
        return _last_definition(program, declared, known or {}, wrt, implicit)
    known = dict(known or {})
    program, declared = unified(program, declared, known)
    program = equations.with_residuals(program)
    said = gather(program.text, program.declarations, declared)

    def typed(program: Program, said: Mapping[str, Declared]) -> Typed:
        scope = Scope(program, said, known, wrt)
        _agree(scope, program)
        found = search(scope, attempt(scope))
        built = _build(program, scope, found, settle(scope, found))
        return built if program.signature is None else _of_values(program, program.signature, built, said)

    if program.summed and not program.equations:
        from matdiff.inference.sums import understood

        summed: Typed | None = understood(program, said, known, typed)
        if summed is not None:
            return summed
    return typed(program, said)


def _last_definition(
    program: Program,
    declared: Sequence[Declaration],
    known: Mapping[str, Symbol],
    wrt: Collection[str],
    implicit: bool = False,
) -> Typed:
    """f = x'*A*x at the end of a program is its function; the t of f(t) = t/(1+exp(-t)) a scalar, where no vector."""
    solved = max((e.span[1] for e in program.equations), default=0)
    if not program.definitions or program.definitions[-1].span[0] < solved:
        place = (0, len(program.text))
        hint = "end with the function" + ", for instance c'*x" * bool(program.equations)
        raise ParseError("there is no expression", text=program.text, span=place, hint=hint)
    *others, last = program.definitions
    whole = replace(program, definitions=others, function=last.body, left=last.name)
    try:
        return infer(whole, declared, known, wrt, implicit)
    except MatdiffError:
        if not last.parameter or any(d.name == last.parameter for d in (*program.declarations, *declared)):
            raise
        scalar = Declaration(last.parameter, (), ("scalar",), last.span)
        try:
            return infer(replace(whole, declarations=[*program.declarations, scalar]), declared, known, wrt, implicit)
        except MatdiffError:
            pass
        raise


def _of_values(program: Program, signature: Declaration, built: Typed, said: Mapping[str, Declared]) -> Typed:
    """Raises ShapeError where f(x) = … has other values than `f: n -> m` says."""
    assert signature.arrow is not None
    value = signature.arrow[1]
    shape, sizes = tuple(map(str, built.function.shape)), {str(n) for d in said.values() for n in d.dims}
    if len(shape) != len(value) or any(
        a != b and (a in sizes or a.isdigit()) for a, b in zip(shape, value, strict=True) if b.isalnum()
    ):
        place = program.function.span if program.function is not None else signature.span
        wanted = ("a scalar", "a vector of length {}", "a matrix {}×{}")[len(value)].format(*value)
        raise ShapeError(
            f"the value of {signature.name} is declared as {wanted}, but this is {describe(built.function)}",
            text=program.text,
            span=place,
            hint=f"change the declaration of {signature.name}, or leave it out",
        )
    return built


def declared_symbol(declaration: Declaration) -> Symbol:
    """The symbol that one declaration makes; its shape must be said.  Raises ParseError."""
    said = read(declaration)
    if said.kind is None or (said.kind != "scalar" and not said.dims):
        raise ParseError(f"the declaration of {declaration.name} does not say its shape", hint="give its dimensions")
    rows, cols = (*said.dims, ONE, ONE)[:2]
    return symbol(declaration.name, said.kind, rows, cols, said.attributes)


def _agree(scope: Scope, program: Program) -> None:
    """A name that is known already may be declared again only as what it is."""
    spans = {d.name: d.span for d in program.declarations}
    for name, s in scope.known.items():
        said = scope.declared.get(name)
        if said is None:
            continue
        fits = (said.kind in (None, s.kind)) and (not said.dims or said.dims == s.shape) and not said.function
        if not fits or not said.attributes <= s.attributes:
            error = ParseError(f"{name} is declared differently from what it is already", hint="remove the declaration")
            raise error.located(program.text, spans[name]) if name in spans else error


def _build(program: Program, scope: Scope, found: Attempt, said: tuple[str, ...]) -> Typed:
    solver = found.solver
    types = [found.env[n] for n in scope.variables]
    loose = found.checker.loose
    everything = [*types, *(("matrix", d, d) for dims in loose.values() for d in dims)]
    taken = scope.taken(program) | ({f.base for f in program.sums.families} if program.sums else set())
    names = name_unknowns(everything, solver, taken) if solver.count else {}
    cache: dict[Dim, Dim] = {}

    def final(dim: Dim) -> Dim:
        if dim not in cache:
            cache[dim] = settled(dim, solver, names)
        return cache[dim]

    variables = {
        n: scope.known.get(n) or symbol(n, kind, final(rows), final(cols), scope.attributes(n))
        for n, (kind, rows, cols) in zip(scope.variables, types, strict=True)
    }
    if program.conjugated is not None:
        _refuse_conjugate(program, scope, variables)
    env: dict[str, Node] = {**{n: size(d) for n, d in scope.sizes.items()}, **variables}
    members: dict[str, Node] = program.sums.symbols(variables) if program.sums else {}
    env.update(members)
    _differentials(scope, env, variables)
    dims = {t: tuple(map(final, dims)) for t, dims in loose.items()}
    builder = Builder(env, scope.functions, dims, scope.text)
    definitions: dict[str, Symbol] = {}
    function = _run(scope, builder, definitions)
    solved = equations.systems(program, variables, definitions)
    if not program.sums:
        check_defined(function, builder.divisors, scope.text, builder.constant)
    formulas = _formulas(scope, builder)
    kept = _run(scope, Builder(env, scope.functions, dims, scope.text, formulas), {}) if formulas else None
    functions = _functions(program, scope)
    text = declarations_text(variables, {n: scope.declared[n].arrow for n, f in functions.items() if isinstance(f, Op)})
    changed = remarks(scope, found)
    spoken = (sentence for name, sentence in changed.items() if not quiet(name, sentence))
    every = (*scope.remarks, *spoken, *builder.remarks, *said)
    typed = Typed(
        function, variables, functions, text, definitions, kept, every, changed, systems=solved, text=program.text
    )
    return program.sums.lift(typed, members) if program.sums else typed


def _refuse_conjugate(program: Program, scope: Scope, variables: Mapping[str, Symbol]) -> None:
    """Raises ParseError for a conjugate where all is real, if a name is not declared to be so."""
    if any(not COMPLEX.isdisjoint(v.attributes) for v in variables.values()):
        return
    lost = next((n for n in variables if n not in scope.declared and n not in scope.known), None)
    if lost is None:
        return
    v = variables[lost]
    shape = f"{lost}: {'×'.join(map(str, v.shape)) or 'scalar'}"
    raise ParseError(
        "this is a conjugate transpose or a conjugate, but nothing is declared complex",
        text=program.text,
        span=program.conjugated,
        hint=f"declare `{shape} complex`; or `{shape}` for a real one, of which it is the transpose",
    )


def _run(scope: Scope, builder: Builder, definitions: dict[str, Symbol]) -> Node:
    """The definitions, added to `definitions`, and the function."""
    function: Node = constant("pi", "scalar")
    for root in scope.roots:
        if root.parameter:
            continue
        function = builder.run(root)
        if root.name:
            made = symbol(root.name, function.kind, function.rows, function.cols, frozenset(), function)
            definitions[root.name] = builder.env[root.name] = made
            _differentials(scope, builder.env, definitions)
    return function


def _formulas(scope: Scope, builder: Builder) -> dict[str, Op]:
    """The functions of one's own that are formulas in their parameter alone."""
    out: dict[str, Op] = {}
    for root in scope.roots:
        if root.parameter:
            t = symbol(root.parameter, "scalar")
            with suppress(MatdiffError):
                out[root.name] = by_formula(root.name, builder.formula(root, t), t)
    return out


def _differentials(scope: Scope, env: dict[str, Node], of: Mapping[str, Symbol]) -> None:
    for name, (base, index) in scope.aliases.items():
        if base in of and name not in env:
            env[name] = differential_symbol(of[base], index)


def _functions(program: Program, scope: Scope) -> dict[str, Function]:
    defined = {d.name: d for d in program.definitions}
    return {n: defined[n] if isinstance(f, Root) else declared(n, f) for n, f in scope.functions.items()}


__all__ = ["Typed", "call_record", "declaration_text", "declared_symbol", "infer", "numpy_index"]
