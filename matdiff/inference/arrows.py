"""Unknown functions of arrays where they are called: h(x), h'(x), ∇phi(x), ∂₁f(x, t), h'(X)[V], h'(X)*[Y]."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import product

from matdiff.core.node import Node
from matdiff.core.op import Op
from matdiff.core.patterns import deferred
from matdiff.core.shape import ONE, Spec
from matdiff.errors import ParseError
from matdiff.inference.misfit import Misfit
from matdiff.inference.special import unknown
from matdiff.inference.types import Solver, Type
from matdiff.ops.unknown import Arrow, Derivative, applied, pattern, record, shown
from matdiff.text.tokens import derived, unmarked
from matdiff.text.tree import Tree

_mark = deferred(r"(?:([∇∂])|(?:(nabla|d)(?=\d*_)))([₀-₉]*)(\d*)([²³⁴-⁹]?)_?")
_digits = str.maketrans("₀₁₂₃₄₅₆₇₈₉²³⁴⁵⁶⁷⁸⁹", "012345678923456789")


def declared(name: str, arrow: object) -> Op:
    """The record of a function that is only declared: elementwise, or of arrays."""
    if not isinstance(arrow, Arrow):
        return unknown(name)
    return record(Derivative(name, arrow), (0,) if arrow.output else (), ())


def derivative_named(functions: object, name: str) -> Derivative | None:
    """The derivative that a call's name asks for; None where it is of no unknown function of arrays."""
    if not functions or not isinstance(functions, Mapping):
        return None
    base = name if name in functions else unmarked(name)
    arrow = functions.get(base)
    if not isinstance(arrow, Arrow):
        return None
    of = Derivative(base, arrow)
    if name == base:
        return of
    prefix, _, primes = name.rstrip("*").partition(base)
    for slot in _slots(prefix, primes, arrow, name):
        of = of.by(slot)
    return of


def _slots(prefix: str, primes: str, arrow: Arrow, name: str) -> list[int]:
    """The arguments that are differentiated by, the first one first.  Raises ParseError for marks of another kind."""
    many = len(arrow.inputs)
    if primes:
        if many > 1 or (not arrow.output and arrow.inputs[0]) or prefix:
            base = name.strip("'*")
            way = f"∂₁{base}" if many > 1 else f"∇{base}"
            raise ParseError(f"{name} leaves open which derivative is meant", hint=f"write {way}(…)")
        return [0] * len(primes)
    found = []
    for m in _mark.finditer(prefix):
        lower, upper = m[3].translate(_digits), m[5].translate(_digits)
        nabla = m[1] == "∇" or m[2] == "nabla"
        if m[2] and many > 1:
            lower = m[4]
        elif m[2]:
            upper = m[4]
        if many > 1 and (upper or not lower or not 1 <= int(lower) <= many):
            raise ParseError(
                f"{name} does not say by which of its {many} arguments", hint="write ∂₁, ∂₂, … before the function"
            )
        if many == 1 and (lower or not nabla or arrow.output or not arrow.inputs[0]):
            raise ParseError(f"{name} is a function of one argument", hint=f"write {unmarked(name)}'(…)")
        found += [int(lower) - 1] if many > 1 else [0] * int(upper or 1)
    return found[::-1]


def derives(t: Tree) -> bool:
    """Whether this is a derivative h'(x) or ∂₁f(x, t), or the transpose of one."""
    while t.head == "'":
        (t,) = t.args
    return t.head == "call" and bool(derived(str(t.value)))


def arrow_type(solver: Solver, t: Tree, of: Derivative, args: Sequence[Type]) -> Type:
    """The type of a call, its arguments of the shapes that are declared.  Raises Misfit or ParseError."""
    name, many = of.name(), len(of.arrow.inputs)
    if len(args) < many or (len(args) > many and not (of.order or of.times)):
        takes = " and ".join(map(shown, of.arrow.inputs))
        message = f"{name} takes {many} argument{'s' * (many != 1)} ({takes}), not {len(args)}"
        raise ParseError(message, hint=f"it is declared {of.base}: {of.arrow}")
    found = pattern(of, str(t.value).endswith("*"), [_rank(a) for a in args[many:]])
    if found is None:
        raise _no_value(of, t, args[many:])
    value, blocks = found
    for i, (shape, arg) in enumerate(zip((*of.arrow.inputs, *(of.axes(b) for b in blocks)), args, strict=True)):
        same = (solver.equate(dim, actual) for dim, actual in zip(shape, arg[1:], strict=False))
        if arg[0] != ("scalar", "vector", "matrix")[len(shape)] or not all(same):
            message = f"{name} takes {shown(shape)}, not {{}}"
            raise Misfit(t, message, (arg,), f"it is declared {of.base}: {of.arrow}", (t.args[i],))
    axes = of.axes(value)
    if len(axes) == 2:
        return "matrix", axes[0], axes[1]
    return ("vector", axes[0], ONE) if axes else ("scalar", ONE, ONE)


def _rank(arg: Type) -> int:
    return {"scalar": 0, "vector": 1}.get(arg[0], 2)


def _no_value(of: Derivative, t: Tree, given: Sequence[Type]) -> Exception:
    """A derivative with more axes than a matrix is what it does to directions."""
    if not given:
        inside = "V" if len(of.order) == 1 or pattern(of, False, [of.rank((2,))]) else "U, V"
        hint = f"write {of.name()}(…)[{inside}] for what it does to directions, {of.name()}(…)*[Y] for its adjoint"
        return ParseError(f"{of.name()} has more axes than a matrix", hint=hint)
    message = f"{of.name()} of {of.base}: {of.arrow} does not take {' and '.join(['{}'] * len(given))}"
    return Misfit(t, message, tuple(given), "", t.args[-len(given) :])


def arrow_node(of: Derivative, starred: bool, args: Sequence[Node]) -> Node:
    """The call itself; that it fits has been checked."""
    many = len(of.arrow.inputs)
    found = pattern(of, starred, [len(a.shape) for a in args[many:]])
    assert found is not None
    return applied(of, found[0], found[1], args[:many], args[many:])


def arrow_specs(functions: Collection[str], name: str, count: int) -> list[tuple[tuple[Spec, ...], int]] | None:
    """The shapes that a call may have, with the number of axes of its value; None where it is of no such function."""
    of = derivative_named(functions, name)
    if of is None:
        return None
    more = count - len(of.arrow.inputs)
    out: list[tuple[tuple[Spec, ...], int]] = []
    for ranks in product((0, 1, 2), repeat=more) if 0 <= more <= 2 else ():
        found = pattern(of, name.endswith("*"), ranks)
        if found is not None:
            out.append(((*of.arrow.inputs, *(of.axes(b) for b in found[1])), of.rank(found[0])))
    return out
