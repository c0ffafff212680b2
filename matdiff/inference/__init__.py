"""From the untyped tree to typed nodes: names, kinds, dimensions, and then one pass that builds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import matdiff.ops  # noqa: F401  (fills the table of words)
from matdiff.core.node import Node, Symbol, constant, symbol
from matdiff.core.op import Op, differential_symbol
from matdiff.core.shape import ONE, Dim
from matdiff.errors import MatdiffError, ParseError
from matdiff.inference.attempt import Attempt, attempt
from matdiff.inference.build import Builder
from matdiff.inference.declarations import Declared, declarations_text, gather, read
from matdiff.inference.own import unknown
from matdiff.inference.python import call_record, declaration_text, numpy_index
from matdiff.inference.readings import settle
from matdiff.inference.remarks import quiet, remarks
from matdiff.inference.scope import Scope
from matdiff.inference.search import search
from matdiff.inference.sizes import name_unknowns, settled
from matdiff.inference.spelling import unified
from matdiff.inference.undefined import check_defined
from matdiff.ops.algebra import size
from matdiff.text.tree import Declaration, Definition, Program

Function: TypeAlias = Op | Definition


@dataclass(frozen=True)
class Typed:
    """A program understood.

    function      definitions are Symbols with a body
    variables     free variables in order of first appearance, then those declared but not used; for a dX its X
    functions     elementwise functions: an Op where only declared, the Definition where defined
    declarations  all that is declared or inferred, as text that reads back
    definitions   the Symbols with a body, by name
    kept          the function as it is differentiated, with functions of one's own not written out
    remarks       what in this reading may surprise, in sentences
    families      what sums run over: the names of members and their bases → the array of all of them
    changed       names that are read as something else than they look like, each with a sentence
    """

    function: Node
    variables: dict[str, Symbol]
    functions: dict[str, Function]
    declarations: str
    definitions: dict[str, Symbol] = field(default_factory=dict)
    kept: Node | None = None
    remarks: tuple[str, ...] = ()
    changed: dict[str, str] = field(default_factory=dict)
    families: dict[str, str] = field(default_factory=dict)


def infer(
    program: Program,
    declared: Sequence[Declaration] = (),
    known: Mapping[str, Symbol] | None = None,
    wrt: Collection[str] = (),
) -> Typed:
    """Type a program that is differentiated by `wrt`.

    Raises ParseError, ShapeError or UnsupportedError, each with its place.
    """
    if program.function is None:
        return _last_definition(program, declared, known or {}, wrt)
    known = dict(known or {})
    program, declared = unified(program, declared, known)
    said = gather(program.text, program.declarations, declared)

    def typed(program: Program, said: Mapping[str, Declared]) -> Typed:
        scope = Scope(program, said, known, wrt)
        _agree(scope, program)
        found = search(scope, attempt(scope))
        return _build(program, scope, found, settle(scope, found))

    if program.summed:
        from matdiff.inference.sums import understood

        found: Typed | None = understood(program, said, known, typed)
        if found is not None:
            return found
    return typed(program, said)


def _last_definition(
    program: Program, declared: Sequence[Declaration], known: Mapping[str, Symbol], wrt: Collection[str]
) -> Typed:
    """f = x'*A*x at the end of a program is its function; the t of f(t) = t/(1+exp(-t)) a scalar, where no vector."""
    if not program.definitions:
        place = (0, len(program.text))
        raise ParseError("there is no expression", text=program.text, span=place, hint="end with the function")
    *others, last = program.definitions
    whole = replace(program, definitions=others, function=last.body)
    try:
        return infer(whole, declared, known, wrt)
    except MatdiffError:
        if not last.parameter or any(d.name == last.parameter for d in (*program.declarations, *declared)):
            raise
        scalar = Declaration(last.parameter, (), ("scalar",), last.span)
        try:
            return infer(replace(whole, declarations=[*program.declarations, scalar]), declared, known, wrt)
        except MatdiffError:
            pass
        raise


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
        fits = (said.kind in (None, s.kind)) and (not said.dims or said.dims == s.shape) and not said.elementwise
        if not fits or not said.attributes <= s.attributes:
            error = ParseError(f"{name} is declared differently from what it is already", hint="remove the declaration")
            raise error.located(program.text, spans[name]) if name in spans else error


def _build(program: Program, scope: Scope, found: Attempt, said: tuple[str, ...]) -> Typed:
    solver = found.solver
    types = [found.env[n] for n in scope.variables]
    loose = found.checker.loose
    everything = [*types, *(("matrix", d, d) for dims in loose.values() for d in dims)]
    names = name_unknowns(everything, solver, scope.taken(program)) if solver.count else {}
    cache: dict[Dim, Dim] = {}

    def final(dim: Dim) -> Dim:
        if dim not in cache:
            cache[dim] = settled(dim, solver, names)
        return cache[dim]

    variables = {
        n: scope.known.get(n) or symbol(n, kind, final(rows), final(cols), scope.attributes(n))
        for n, (kind, rows, cols) in zip(scope.variables, types, strict=True)
    }
    env: dict[str, Node] = {**{n: size(d) for n, d in scope.sizes.items()}, **variables}
    members: dict[str, Node] = program.sums.symbols(variables) if program.sums else {}
    env.update(members)
    _differentials(scope, env, variables)
    dims = {t: tuple(map(final, dims)) for t, dims in loose.items()}
    builder = Builder(env, scope.functions, dims, scope.text)
    definitions: dict[str, Symbol] = {}
    function = _run(scope, builder, definitions)
    if not program.sums:
        check_defined(function, builder.divisors, scope.text)
    formulas = _formulas(scope, builder)
    kept = _run(scope, Builder(env, scope.functions, dims, scope.text, formulas), {}) if formulas else None
    functions = _functions(program, scope)
    text = declarations_text(variables, (n for n, f in functions.items() if isinstance(f, Op)))
    changed = remarks(scope, found)
    spoken = (sentence for name, sentence in changed.items() if not quiet(name, sentence))
    typed = Typed(function, variables, functions, text, definitions, kept, (*scope.remarks, *spoken, *said), changed)
    return program.sums.lift(typed, members) if program.sums else typed


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
    from matdiff.api.userdefined import own

    out: dict[str, Op] = {}
    for root in scope.roots:
        if root.parameter:
            t = symbol(root.parameter, "scalar")
            with suppress(MatdiffError):
                out[root.name] = own(root.name, builder.formula(root, t), t)
    return out


def _differentials(scope: Scope, env: dict[str, Node], of: Mapping[str, Symbol]) -> None:
    for name, (base, index) in scope.aliases.items():
        if base in of and name not in env:
            env[name] = differential_symbol(of[base], index)


def _functions(program: Program, scope: Scope) -> dict[str, Function]:
    defined = {d.name: d for d in program.definitions}
    return {n: unknown(n) if root is None else defined[n] for n, root in scope.functions.items()}


__all__ = ["Typed", "call_record", "declaration_text", "declared_symbol", "infer", "numpy_index"]
