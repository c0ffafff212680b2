"""Elementwise functions of the user's own, added to the language and taken away again."""

from __future__ import annotations

from collections.abc import Callable

from matdiff.api.expr import Expr, function
from matdiff.calculus.userdefined import FORMULAS, added, own
from matdiff.core.node import Kind
from matdiff.core.op import columns, registry, spelled, spellings, words
from matdiff.errors import ParseError


def elementwise(name: str, formula: str) -> Callable[..., Expr]:
    """Add an elementwise function of one's own, by a formula in one scalar; text may call it by its name from then on.

    >>> swish = elementwise("swish", "t/(1+exp(-t))")
    >>> from matdiff import derive
    >>> print(derive("sum(swish(x))", wrt="x").gradient)
    (1 .+ x + exp(x)) ⊙ exp(x) ./ (1 .+ exp(x)).^2
    >>> forget("swish")

    Raises ParseError for a name that is taken or a formula that is not in one variable.
    """
    from matdiff.api.reading import read
    from matdiff.inference.names import is_reserved

    if not isinstance(name, str) or not isinstance(formula, str):
        raise ParseError("a function of one's own takes its name and its formula as texts")
    if FORMULAS.get(name) == formula:
        return function(words[name])
    if not name.isidentifier() or is_reserved(name):
        raise ParseError(
            f"{name} is reserved" if name.isidentifier() else f"{name!r} is not a name", hint="choose another name"
        )
    t = parameter(name, formula)
    typed = read(formula, f"{t}: scalar", "plain", {})
    if typed.function.kind != "scalar":
        raise ParseError(f"the formula of {name} is not a scalar")
    body = typed.function
    added(own(name, body, typed.variables[t], formula))
    return function(words[name])


def forget(name: str) -> None:
    """Take a function away that `elementwise`, `linear` or `nonlinear` added; expressions that have it keep it.

    Raises ParseError where there is none.
    """
    if name not in registry:
        raise ParseError(f"there is no function {name}")
    op = registry[name]
    kinds: tuple[Kind, ...] = ("matrix", "vector")
    gone = [op, *{c for slot in range(len(op.rules)) for kind in kinds if (c := columns(op, slot, kind))}]
    for record in gone:
        del registry[record.name]
    FORMULAS.pop(name, None)
    for word, records in list(words.items()):
        words[word] = [r for r in records if r not in gone]
        if not words[word]:
            del words[word]
    for alias in spelled(op, name):
        spellings.pop(alias, None)


def parameter(name: str, formula: str) -> str:
    """The one variable of a formula."""
    from matdiff.text.parser import parse_program
    from matdiff.text.tree import walk

    program = parse_program(formula, "plain")
    if program.function is None:
        raise ParseError(f"the formula of {name} is empty")
    trees = walk(program.function)
    found = dict.fromkeys(str(t.value) for t in trees if t.head == "name" and t.value not in ("pi", "π", "I"))
    names = [n for n in found if n not in words]
    if len(names) != 1:
        raise ParseError(
            f"the formula of {name} has the variables {', '.join(names)}" if names else f"{name} is constant",
            hint=f'write it in one variable: elementwise("{name}", "t/(1 + exp(-t))")',
        )
    return names[0]
