"""Evaluation with checks: arrays against their declarations, functions against their domains."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from string import ascii_lowercase
from typing import Any, NamedTuple

import numpy as np

from matdiff.calculus.existence import guard, settled
from matdiff.codegen import Program, Request, checks, compile_, compiled, factored
from matdiff.codegen.arguments import Argument, check_sizes, differential_names, missing, refuse_kind, refuse_unknown
from matdiff.codegen.emit.module import Nodes, outputs
from matdiff.codegen.emit.names import lookup
from matdiff.codegen.finite import finite
from matdiff.core.node import Apply, Constant, Node, Symbol, describe, symbol, symbols, topological
from matdiff.core.shape import Dim
from matdiff.errors import DomainError, MatdiffError, ShapeError, UnsupportedError
from matdiff.graph.rewrite import inline, substitute
from matdiff.ops.unknown import Derivative, Unknown, has_unknown

# Values of unknown functions of arrays, from functions that the caller hands over: h=(value, derivative).

Valued = Callable[[Node, Sequence[Symbol], Mapping[str, Any]], Any]


def bound(
    roots: Sequence[Node], variables: Sequence[Symbol], arrays: Mapping[str, Any], value: Valued
) -> tuple[list[Node], tuple[Symbol, ...], dict[str, Any]]:
    """The expressions with a variable, and its array, for every value of an unknown function.

    `value` evaluates what stands inside.  Raises MatdiffError for a function or a derivative that is not given,
    ShapeError for a value of another shape than is declared.
    """
    roots = [inline(r) for r in roots]
    known, given = list(variables), dict(arrays)
    found: dict[Node, Node] = {}
    for node in topological(*roots):
        if isinstance(node, Apply) and isinstance(node.op, Unknown):
            inside = [value(substitute(a, found), known, given) for a in node.args]
            name = f"value_of_{node.op.of.base}_{len(found)}"
            made = symbol(name, node.kind, node.rows, node.cols)
            given[name] = paired(node.op, arrays, inside)
            known.append(made)
            found[node] = made
    return [substitute(r, found) for r in roots], tuple(known), given


def paired(op: Unknown, arrays: Mapping[str, Any], inside: Sequence[Any]) -> Any:
    """The derivative as the caller's function has it, paired with the arrays behind the arguments."""
    import numpy as np

    of, many = op.of, len(op.of.arrow.inputs)
    tensor = np.asarray(handed(of, arrays)(*inside[:many]), dtype=float)
    letters = iter(ascii_lowercase)
    axes = {g: "".join(next(letters) for _ in of.shape(g)) for g in range(len(of.order) + 1)}
    if tensor.ndim != len("".join(axes.values())):
        raise ShapeError(f"the function given for {of.name()} has a value with {tensor.ndim} axes, not {_axes(of)}")
    blocks = ["".join(axes[g] for g in block) for block in op.blocks]
    result = "".join(axes[g] for g in op.value)
    try:
        return np.einsum(f"{','.join([''.join(axes.values()), *blocks])}->{result}", tensor, *inside[many:])
    except ValueError:
        message = f"the value of the function given for {of.name()} does not fit {of.base}: {of.arrow}"
        raise ShapeError(
            message, hint=f"it has the axes of the value and then those of the arguments: {_axes(of)}"
        ) from None


def _axes(of: Derivative) -> str:
    return "×".join(str(d) for g in range(len(of.order) + 1) for d in of.shape(g)) or "none"


def handed(of: Derivative, arrays: Mapping[str, Any]) -> Callable[..., Any]:
    """The caller's function: of (value, first, second) the one that is asked for, one per argument where several."""
    slots = (*of.times, *of.order)
    given = arrays.get(of.base)
    if given is None:
        hint = f"give it as a function of arrays, {of.base}=…, or as (value, derivative, second derivative)"
        raise MatdiffError(f"{of.base} is an unknown function, which has no values", hint=hint)
    parts = given if isinstance(given, tuple) else (given,)
    found: Any = parts[len(slots)] if len(slots) < len(parts) else None
    if len(of.arrow.inputs) > 1:
        for slot in slots:
            found = found[slot] if isinstance(found, Sequence) and slot < len(found) else None
    if found is None or not callable(found):
        words = ("value", "derivative", "second derivative", "third derivative")[: len(slots) + 1]
        each = ", one for each argument" if len(of.arrow.inputs) > 1 else ""
        hint = f"give {of.base}=({', '.join(words)}), functions of arrays{each}"
        raise MatdiffError(f"{of.name()} is asked for, and not given", hint=hint)
    handed_over: Callable[..., Any] = found
    return handed_over


def evaluate(
    node: Nodes,
    variables: Sequence[Symbol],
    arrays: Mapping[str, Any],
    *,
    smooth: bool = False,
    guards: Sequence[Node] = (),
) -> Any:
    """The value, or a tuple or dict of values, in double precision.

    With `smooth` a function must be differentiable at the arrays, not only defined; `guards` must be defined too.
    Raises MatdiffError for a missing array, ShapeError for a wrong shape, DomainError where a function is not defined.
    """
    roots, keys, single = outputs(node)
    if _unknown((*roots, *guards)):
        every, variables, arrays = bound((*roots, *guards), variables, arrays, evaluate)
        roots, guards = tuple(every[: len(roots)]), tuple(every[len(roots) :])
    ready = _prepared(roots, tuple(guards), tuple(variables), smooth, tuple(arrays))
    with factored.kept():
        values = _evaluated(ready, roots, arrays)
    if single:
        return values[0]
    return tuple(values) if keys is None else dict(zip(keys, values, strict=True))


_unknown = lru_cache(maxsize=64)(has_unknown)


class Prepared(NamedTuple):
    """What is asked of a function alone: the programs of its values and guards, and which array is which variable's."""

    program: Program
    guarded: Program | None
    given: tuple[tuple[Symbol, str], ...]


@lru_cache(maxsize=64)
def _prepared(
    roots: tuple[Node, ...],
    guards: tuple[Node, ...],
    variables: tuple[Symbol, ...],
    smooth: bool,
    names: tuple[str, ...],
) -> Prepared:
    """A function is evaluated at many points: this is found for the first of them."""
    loose, columns = settled(roots, guards)
    rest = beside(roots, tuple(map(guard, known_guards((*guards, *columns), names)))) if guards or columns else ()
    program = compiled(Request(roots, None, False, variables, checked=True, strict=smooth, settled=loose))
    given = keys_of(program, variables, names)
    if not rest:
        return Prepared(program, None, tuple(given.items()))
    guarded = compiled(Request(rest, None, False, variables, checked=True, strict=smooth, settled=loose))
    return Prepared(program, guarded, tuple({**keys_of(guarded, variables, names), **given}.items()))


def _evaluated(ready: Prepared, roots: tuple[Node, ...], arrays: Mapping[str, Any]) -> list[Any]:
    given = {v: as_array(v, arrays[key]) for v, key in ready.given}
    fitting(roots, tuple((v, array.shape) for v, array in given.items()))
    for variable, value in given.items():
        check_attributes(variable, value, given.values())
    for program in (ready.guarded, ready.program):
        if program is not None:
            found = run(program, {name: given[v] for v, name in program.inputs})
    values = [finished(r, v) for r, v in zip(roots, found, strict=True)]
    if not all(finite(v) for v in values) and all(finite(v) for v in given.values()):
        raise DomainError("the value is not a finite number at these arrays: a function leaves its domain or overflows")
    return values


def beside(roots: Sequence[Node], guards: tuple[Node, ...]) -> tuple[Node, ...]:
    """The guards that are no parts of what is computed, the outermost of them; they have their own program.

    Beside the roots they would change the plan for these: an inverse that is there is used where solving is exacter.
    """
    if not guards:
        return ()
    within = set(topological(*roots))
    inside = {c for g in guards for n in topological(g) for c in n.children}
    return tuple(g for g in dict.fromkeys(guards) if g not in within and g not in inside)


def refuse_strangers(roots: Sequence[Node], variables: Sequence[Symbol], arrays: Mapping[str, Any]) -> None:
    """Raises ArgumentError for an array that is neither a variable's nor the differential of one.

    An unknown function that is handed over may be one that a derivative has lost.
    """
    if not arrays.keys() <= {v.name for v in variables}:
        free = list(dict.fromkeys([*variables, *symbols(*roots)]))
        given = [name for name, value in arrays.items() if not is_function(value)]
        refuse_unknown([v.name for v in free], differential_names(free), given)


def is_function(value: Any) -> bool:
    """A callable, or one with its derivatives, in tuples or lists."""
    return callable(value) or (isinstance(value, (tuple, list)) and bool(value) and all(map(is_function, value)))


def known_guards(guards: Sequence[Node], arrays: Iterable[str]) -> list[Node]:
    """Those that the arrays suffice for: a gradient may have lost variables that its function has."""
    return [g for g in guards if all(lookup(v.name, arrays) is not None for v in symbols(g))]


def keys_of(program: Program, variables: Sequence[Symbol], names: Iterable[str]) -> dict[Symbol, str]:
    """The names under which arrays are given for all variables and for those that are needed."""
    found: dict[Symbol, str] = {}
    needed = {v for v, _ in program.inputs}
    for variable in dict.fromkeys([*(v for v, _ in program.inputs), *variables]):
        key = lookup(variable.name, names)
        if key is not None:
            found[variable] = key
        elif variable in needed:
            raise missing(variable.name, describe(variable))
    return found


def gather(program: Program, variables: Sequence[Symbol], arrays: Mapping[str, Any]) -> dict[Symbol, np.ndarray]:
    """The arrays of all variables that were given, and of those that are needed."""
    return {v: as_array(v, arrays[key]) for v, key in keys_of(program, variables, arrays).items()}


def as_array(variable: Symbol, value: Any) -> np.ndarray:
    """The array in double precision, with the right number of axes (rows become 1-D later)."""
    if type(value) is np.ndarray and value.dtype == float and value.ndim == len(Argument.of(variable).dims):
        return value if variable.kind != "row" else value[None, :]
    name = variable.name
    refuse_kind(name, value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = np.asarray(value)
    except Exception as error:
        raise ShapeError(f"{name} is not an array: {error}") from None
    if array.dtype.kind == "c":
        raise DomainError(f"{name} must be real, but the array given is complex")
    if array.dtype.kind not in "fiub":
        array = exact(name, array)
    if variable.kind == "row" and array.ndim == 1:
        array = array[None, :]
    Argument.of(variable).shape(array)
    return array.astype(np.float64, copy=False)


LARGEST = 2**28
"""Entries of the largest array that is formed."""


def exact(name: str, array: np.ndarray) -> np.ndarray:
    """Fractions and the like as floats; everything else is refused."""
    if array.dtype.kind == "O" and all(isinstance(v, numbers.Real) for v in array.flat):
        try:
            return array.astype(np.float64)
        except OverflowError:
            raise DomainError(f"{name} holds a number too large for a float") from None
    raise DomainError(f"{name} must be an array of real numbers, but its entries are of type {array.dtype}")


def sizes_of(given: Mapping[Symbol, np.ndarray]) -> dict[str, int]:
    """The dimensions' sizes; ShapeError names the variable that does not fit."""
    arguments = [(Argument.of(v), array) for v, array in given.items()]
    return check_sizes([(a, a.shape(array)) for a, array in arguments])


Shapes = tuple[tuple[Symbol, tuple[int, ...]], ...]


@lru_cache(maxsize=64)
def fitting(roots: tuple[Node, ...], shapes: Shapes) -> None:
    """Raises where arrays of these shapes do not fit, or values are too large; what passed once passes again."""
    sizes = _sizes(shapes)
    check_indices(roots, sizes)
    check_room(roots, sizes)


@lru_cache(maxsize=64)
def _sizes(shapes: Shapes) -> Mapping[str, int]:
    return check_sizes([(Argument.of(v), shape[1:] if v.kind == "row" else shape) for v, shape in shapes])


def check_attributes(variable: Symbol, value: np.ndarray, given: Iterable[np.ndarray]) -> None:
    """Raises DomainError for an array that is not what its declaration says; a direction may be rounding alone."""
    if variable.attributes:
        checks.check_attributes(variable, value, checks.rounding(given) if variable.of else 0.0)


def check_indices(roots: Sequence[Node], sizes: Mapping[str, int]) -> None:
    """Indices and slices of symbolic dimensions, now that these are known."""
    for node in topological(*roots):
        if isinstance(node, Constant) and node.name == "e":
            check_index(node.index, node.dims[0], sizes)
        elif isinstance(node, Apply) and node.op.name in ("entry", "getrow", "getcol"):
            a = node.args[0]
            for index, dim in zip(node.params, {"getcol": (a.cols,)}.get(node.op.name, (a.rows, a.cols)), strict=False):
                check_index(index, dim, sizes)
        elif isinstance(node, Apply) and node.op.name == "slice":
            a, (r0, r1, c0, c1) = node.args[0], node.params
            for low, high, dim in ((r0, r1, a.rows), (c0, c1, a.cols)):
                check_slice(low, high, dim, sizes)


def check_room(roots: Sequence[Node], sizes: Mapping[str, int]) -> None:
    """Raises UnsupportedError, before anything is computed, for a value of over 2 GiB: a Jacobian grows like n⁴."""
    for root in roots:
        if (root.rows.names | root.cols.names) <= sizes.keys():
            rows, cols = root.rows.evaluate(sizes), root.cols.evaluate(sizes)
            if rows * cols > LARGEST:
                raise UnsupportedError(
                    f"the value is {rows:,}×{cols:,}, {rows * cols * 8 / 2**30:,.0f} GiB of numbers, "
                    f"and at most {LARGEST * 8 >> 30} are formed",
                    hint="products with it need no matrix: use .jvp, .vjp or .hvp",
                )


def check_index(index: int, dim: Dim, sizes: Mapping[str, int]) -> None:
    if dim.number is None and dim.names <= sizes.keys() and index > dim.evaluate(sizes):
        raise ShapeError(f"index {index} is out of range: {dim} is {dim.evaluate(sizes)}")


def check_slice(low: Dim, high: Dim, dim: Dim, sizes: Mapping[str, int]) -> None:
    if (low.names | high.names | dim.names) <= sizes.keys():
        start, stop, size = (d.evaluate(sizes) for d in (low, high, dim))
        if not 0 <= start <= stop <= size:
            raise ShapeError(f"the slice {start + 1}:{stop} is out of range for a dimension of {size}")


def run(program: Program, inputs: Mapping[str, np.ndarray]) -> tuple[Any, ...]:
    """The program's values; what NumPy and SciPy raise or warn of becomes a DomainError."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            values: tuple[Any, ...] = program.function(**inputs)
        except MatdiffError:
            raise
        except MemoryError:
            raise ShapeError("the value does not fit into memory at these sizes") from None
        except (ArithmeticError, ValueError, IndexError) as error:
            raise DomainError(f"a function is not defined at these arrays: {error}") from None
    return values


def finished(root: Node, value: Any) -> Any:
    """A float, or an array that shares no memory with the inputs."""
    if np.iscomplexobj(value):
        raise DomainError("the value is not real at these arrays")
    return float(value) if root.kind == "scalar" else np.array(value, dtype=np.float64)


__all__ = ["evaluate"]


def runner(roots: Sequence[Node], variables: Sequence[Symbol], given: Mapping[str, Any]) -> Callable[..., Any]:
    """A function of what changes that gives the values of the roots; what is given stays.

    Compiled, unless unknown functions of arrays stand in them, which are among what is given.
    """
    if not has_unknown([inline(r) for r in roots]):
        made = compile_(list(roots), variables, unchecked=True)
        arrays = {n: a for n, a in given.items() if not is_function(a)}
        return lambda **changing: made(**arrays, **changing)
    known = tuple(dict.fromkeys((*variables, *symbols(*roots))))
    return lambda **changing: evaluate(list(roots), known, {**given, **changing})
