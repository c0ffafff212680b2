"""What goes into a function: which arrays under which names, of which shapes.  Compiled functions ask it on entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from matdiff.codegen.emit.names import Names, identifier, lookup
from matdiff.codegen.emit.sizes import Misfit, axes, bind
from matdiff.codegen.emit.writer import polynomial
from matdiff.core.node import Symbol, describe
from matdiff.core.op import differential_symbol
from matdiff.core.shape import Dim
from matdiff.errors import ArgumentError, MisfitError, ShapeError

AXES = {0: "a number", 1: "a 1-D array", 2: "a 2-D array"}
NUMBERS = frozenset({float, int})
DENSE = {"torch": "to_dense", "jax": "todense", "sparse": "todense"}
"""How sparse arrays become dense, by their library where it is not `toarray`."""


class Argument(NamedTuple):
    """A variable as a function takes it: its name as typed, its parameter, what it is in words, its dimensions."""

    name: str
    parameter: str
    described: str
    kind: str
    dims: tuple[Dim, ...]

    @staticmethod
    @lru_cache(maxsize=256)
    def of(variable: Symbol, parameter: str = "") -> Argument:
        return Argument(variable.name, parameter, describe(variable), variable.kind, axes(variable))

    def shape(self, value: Any) -> tuple[int, ...]:
        """The shape of an array, where that of a row is 1-D.  Raises ArgumentError for another number of axes."""
        refuse_kind(self.name, value)
        found = shape_of(self.name, value)
        if self.kind == "row" and len(found) == 2 and found[0] == 1:
            found = found[1:]
        if len(found) != len(self.dims):
            takes = AXES[2 if self.kind == "row" else len(self.dims)]
            raise MisfitError(
                f"{self.name} is {self.described}, so it takes {takes}, but got {shape_text(found)}",
                hint=self._hint(found),
            )
        return found

    def _hint(self, found: tuple[int, ...]) -> str:
        if self.kind in ("vector", "row") and len(found) == 2 and 1 in found:
            return f"pass it as a vector: {self.name}.reshape(-1)"
        if self.kind == "matrix" and len(found) == 1:
            return f"a column is {self.name}[:, None], a row {self.name}[None, :]"
        if len(found) == len(self.dims) + 1:
            return "one call takes one array and no batch of them: call it for each, or map it (jax.vmap, torch.vmap)"
        return ""


def shape_of(name: str, value: Any) -> tuple[int, ...]:
    """The shape of an array, a number or nested lists."""
    import numpy as np

    try:
        return tuple(value.shape) if hasattr(value, "shape") else np.shape(value)
    except Exception as error:
        raise MisfitError(f"{name} is not an array: {error}") from None


def shape_text(shape: tuple[int, ...]) -> str:
    if not shape:
        return "a number"
    return f"an array of shape {'×'.join(map(str, shape))}" if len(shape) > 1 else f"a 1-D array of length {shape[0]}"


def refuse_kind(name: str, value: Any) -> None:
    """Raises ArgumentError for an array that is not one number an entry, all of them there: sparse or masked."""
    kind = type(value)
    if kind.__name__ == "ndarray" and kind.__module__ == "numpy":
        return
    layout = str(getattr(value, "layout", "torch.strided"))
    if hasattr(value, "nnz") or hasattr(value, "nse") or (kind.__module__ == "torch" and layout != "torch.strided"):
        raise ArgumentError(
            f"{name} is a sparse array ({kind.__name__}), and only dense ones are taken",
            hint=f"pass {name}.{DENSE.get(kind.__module__.partition('.')[0], 'toarray')}()",
        )
    if any(c.__module__.startswith("numpy.ma") for c in kind.__mro__):
        raise ArgumentError(
            f"{name} is a masked array, and what is masked has no value", hint=f"pass {name}.filled(…), or leave it out"
        )


def missing(name: str, described: str) -> ArgumentError:
    spelled = f"{name}=…" if identifier(name) == name else f'**{{"{name}": …}}'
    return ArgumentError(f"the array {name} is missing: {described}", hint=f"pass it by name, {spelled}")


def refuse_unknown(known: Sequence[str], surplus: Iterable[str], given: Iterable[str]) -> None:
    """Raises ArgumentError for a name that is no variable's, and none of the surplus ones that are ignored."""
    used = {lookup(name, given) for name in (*known, *surplus)}
    unknown = [key for key in given if key not in used]
    if unknown:
        raise ArgumentError(
            f"{unknown[0]} is no variable of the function",
            hint=f"its variables are {', '.join(known)}" if known else "it has no variables",
        )


def differential_names(variables: Iterable[Symbol]) -> list[str]:
    """dX, dX_1 and dX_2 for each variable X, which a differential may have lost."""
    found = [differential_symbol(v, k) for v in variables if v.of is None for k in (0, 1, 2)]
    return [d.name for d in found if isinstance(d, Symbol)]


def check_sizes(shapes: Sequence[tuple[Argument, tuple[int, ...]]]) -> dict[str, int]:
    """The dimensions' sizes; MisfitError names the variable that does not fit."""
    facts = [(d, s) for argument, shape in shapes for d, s in zip(argument.dims, shape, strict=True)]
    try:
        return bind(facts)
    except Misfit:
        raise first_misfit(shapes) from None


def first_misfit(shapes: Sequence[tuple[Argument, tuple[int, ...]]]) -> ShapeError:
    """The error at the first variable that contradicts those before it."""
    before: list[tuple[Dim, int]] = []
    for argument, shape in shapes:
        before += zip(argument.dims, shape, strict=True)
        try:
            bind(before)
        except Misfit as misfit:
            return misfit_error(argument, shape, misfit)
    raise AssertionError("the sizes fit after all")


def misfit_error(argument: Argument, shape: tuple[int, ...], misfit: Misfit) -> MisfitError:
    known = misfit.dim.names | {str(misfit.dim)}
    bound = ", ".join(f"{n} = {s}" for n, s in sorted(misfit.sizes.items()) if n in known)
    return MisfitError(
        f"{argument.name} is {argument.described}, but got {shape_text(shape)}" + (f" where {bound}" if bound else "")
    )


class Entry:
    """The entry of a compiled function: what it takes, and what it has seen that it takes."""

    def __init__(self, arguments: Sequence[Argument], known: Sequence[str], surplus: Sequence[str]) -> None:
        """`known` are the variables of the function, `surplus` what is ignored besides."""
        self.arguments = tuple(arguments)
        self.known, self.surplus = known, surplus
        self.plain: set[type] = set()
        """Types of arrays that are dense, which need not be looked at again."""

    def settled(self, values: Sequence[Any], rest: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values, found under another spelling where they were not given.  Raises ArgumentError."""
        found = []
        for argument, value in zip(self.arguments, values, strict=True):
            key = lookup(argument.name, rest) if value is None else None
            if value is None and key is None:
                raise missing(argument.name, argument.described)
            found.append(value if key is None else rest[key])
        refuse_unknown(self.known, self.surplus, rest)
        check_sizes([(a, a.shape(v)) for a, v in zip(self.arguments, found, strict=True)])
        self.plain |= {type(v) for v in found if hasattr(v, "shape")}
        return tuple(found)

    def explain(self, values: Sequence[Any]) -> None:
        """Raises ArgumentError for what computing did not take; sparse tensors are of the type of dense ones."""
        for argument, value in zip(self.arguments, values, strict=True):
            refuse_kind(argument.name, value)

    def text(self, name: str, compute: Callable[..., Any]) -> tuple[str, str, dict[str, Any]]:
        """The source of a function that asks for shapes and computes, and what it calls by name."""
        names = Names(a.parameter for a in self.arguments)
        called = {
            "plain": self.plain,
            "numbers": NUMBERS,
            "known": frozenset((*self.known, *self.surplus)),
            "settled": self.settled,
            "explain": self.explain,
            "compute": compute,
        }
        word = {role: names.fresh(role) for role in (*called, "rest", "fits")}
        bound, tests = shape_tests(self.arguments, names, word)
        text = self._text(name, bound, tests, word)
        return text, name, {word[role]: value for role, value in called.items()}

    def _text(self, name: str, bound: Sequence[str], tests: Sequence[str], word: Mapping[str, str]) -> str:
        rest, fits, known, settled = (word[role] for role in ("rest", "fits", "known", "settled"))
        typed = "".join(f"{a.parameter}=None, " for a in self.arguments if a.name == a.parameter)
        every = "".join(f"{a.parameter}, " for a in self.arguments)
        lines = [f"{a.parameter} = {rest}.pop({a.name!r}, None)" for a in self.arguments if a.name != a.parameter]
        lines += ["try:", *("    " + line for line in bound), f"    {fits} = {' and '.join(tests) or True}"]
        lines += ["except (AttributeError, TypeError, ValueError):", f"    {fits} = False"]
        lines += [f"if not {fits} or ({rest} and not {rest}.keys() <= {known}):"]
        lines += [f"    {every and every + '= '}{settled}(({every}), {rest})"]
        passed = ", ".join(f"{a.parameter}={a.parameter}" for a in self.arguments)
        lines += ["try:", f"    return {word['compute']}({passed})"]
        lines += ["except Exception:", f"    {word['explain']}(({every}))", "    raise"]
        return "\n    ".join([f"def {name}({typed and '*, ' + typed}**{rest}):", *lines])


def shape_tests(arguments: Sequence[Argument], names: Names, word: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The lines that read sizes off shapes, and what must then be true; where sizes are plain names they come first."""
    local: dict[Dim, str] = {}
    sizes: dict[str, str] = {}
    lines: list[str] = []
    tests: list[str] = []

    def known(dim: Dim) -> str:
        if dim.number is not None:
            return str(dim.number)
        return local.get(dim) or (polynomial(dim, sizes).text if dim.names <= sizes.keys() else "")

    for a in sorted(arguments, key=lambda a: any(d.number is None and d.name is None for d in a.dims)):
        p = a.parameter
        if not a.dims:
            tests.append(f"(type({p}) in {word['numbers']} or type({p}) in {word['plain']} and {p}.shape == ())")
            continue
        tests.append(f"type({p}) in {word['plain']}")
        shape = [known(d) for d in a.dims]
        if not all(shape):
            targets = [names.fresh(d.name or "size") for d in a.dims]
            lines.append(f"{', '.join(targets)}, = {p}.shape{'[-1:]' if a.kind == 'row' else ''}")
            for dim, target in zip(a.dims, targets, strict=True):
                if have := known(dim):
                    tests.append(f"{target} == {have}")
                    continue
                local[dim] = target
                if dim.name is not None:
                    sizes[dim.name] = target
            shape = [known(d) for d in a.dims] if a.kind == "row" else []
        if shape:
            written = f"({', '.join(shape)},)"
            tests.append(f"{p}.shape in ({written}, (1, {shape[0]}))" if a.kind == "row" else f"{p}.shape == {written}")
    return lines, tests
