"""Functions of many arrays at once: a leading axis on some of the variables, and on the results.

NumPy evaluates the plan with stacks of arrays, by its batched linear algebra; what has no batched form runs for one
array after the other.  JAX and PyTorch map their functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from matdiff.codegen import stacks
from matdiff.codegen.arguments import Argument, check_sizes, differential_names, missing, refuse_kind, refuse_unknown
from matdiff.codegen.backends.base import NUMPY
from matdiff.codegen.backends.numpy import HELPERS
from matdiff.codegen.emit.emitter import Emitter
from matdiff.codegen.emit.module import generate
from matdiff.codegen.emit.names import lookup
from matdiff.codegen.execute import executed, run
from matdiff.codegen.plan.variants import costs, plans
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, apply, symbol, symbols, topological
from matdiff.core.shape import Dim, signature
from matdiff.errors import ArgumentError, MatdiffError, MisfitError, UnsupportedError
from matdiff.ops.unknown import has_unknown

Array = Any
AXES = {"scalar": 0, "vector": 1, "row": 1, "matrix": 2}


def chosen(batch: Sequence[str] | str, variables: Sequence[Symbol]) -> list[Symbol]:
    """The variables that have a leading axis.  Raises ArgumentError for a name that is none's."""
    names = [batch] if isinstance(batch, str) else list(batch)
    found = []
    for name in names:
        key = lookup(name, [v.name for v in variables])
        if key is None:
            hint = f"its variables are {', '.join(v.name for v in variables)}"
            raise ArgumentError(f"{name} is no variable of the function", hint=hint)
        found.append(next(v for v in variables if v.name == key))
    if not found:
        raise ArgumentError("batch names no variable", hint='for instance batch=("x", "y")')
    return found


def batched(
    roots: Sequence[Node],
    arrange: Callable[[Sequence[Any]], Any],
    variables: Sequence[Symbol],
    backend: str,
    batch: Sequence[str] | str,
    core: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    """The function of arrays by name.  `core` is the function of one problem, by JAX or PyTorch, with its own names."""
    every = list(dict.fromkeys([*variables, *symbols(*roots)]))
    stacked = frozenset(chosen(batch, every))
    if backend == "numpy":
        if has_unknown(roots):
            raise UnsupportedError("unknown functions have no code")
        return Stacked(roots, arrange, every, stacked)
    assert core is not None
    return Mapped(core, every, stacked, backend, tuple(symbols(*roots)))


class Batch:
    """What all batched functions ask of their arrays."""

    def __init__(self, variables: Sequence[Symbol], stacked: frozenset[Symbol], used: Sequence[Symbol]) -> None:
        self.variables, self.stacked = tuple(variables), stacked
        self.used = frozenset(used)
        self.names = [v.name for v in self.variables]
        self.surplus = differential_names(self.variables)

    def gathered(self, arrays: Mapping[str, Any]) -> tuple[dict[Symbol, Any], dict[str, int], int]:
        """The arrays by variable, the sizes, the length of the leading axis.  Raises ArgumentError, MisfitError."""
        given: dict[Symbol, Any] = {}
        for v in self.variables:
            key = v.name if v.name in arrays else lookup(v.name, arrays)
            if key is not None:
                given[v] = arrays[key]
            elif v in self.used:
                a = Argument.of(v)
                raise missing(a.name, a.described)
        if len(given) < len(arrays) or not arrays.keys() <= set(self.names):
            refuse_unknown(self.names, self.surplus, arrays)
        shapes, lengths = [], {}
        for v, value in given.items():
            if type(value) is not np.ndarray:
                refuse_kind(v.name, value)
            shape = tuple(np.shape(value))
            if v in self.stacked:
                if not shape:
                    raise MisfitError(f"{v.name} is one of a batch, so it takes an array with a leading axis")
                lengths[v.name], shape = shape[0], shape[1:]
            argument = Argument.of(v)
            shapes.append((argument, argument.shape(np.empty(shape))))
        if not lengths:
            raise ArgumentError(f"no array of the batch is there: {', '.join(v.name for v in self.stacked)}")
        if len(set(lengths.values())) > 1:
            (one, other), *_ = [(x, y) for x in lengths for y in lengths if lengths[x] != lengths[y]]
            raise MisfitError(f"{one} holds {lengths[one]} arrays and {other} holds {lengths[other]}")
        return given, check_sizes(shapes), next(iter(lengths.values()))


class Mapped(Batch):
    """A function of JAX or PyTorch mapped over the leading axes."""

    def __init__(
        self, core: Callable[..., Any], variables: Sequence[Symbol], stacked: frozenset[Symbol], backend: str,
        used: Sequence[Symbol],
    ) -> None:  # fmt: skip
        super().__init__(variables, stacked, used)
        self.core, self.backend = core, backend
        self.mapped: dict[tuple[int | None, ...], Callable[..., Any]] = {}

    def __call__(self, /, **arrays: Any) -> Any:
        given, _, length = self.gathered(arrays)
        values = {v.name: given.get(v, 0.0) for v in self.variables}
        axes = {v.name: 0 if v in self.stacked and v in given else None for v in self.variables}
        return self.by_jax(axes)(values) if self.backend == "jax" else self.by_torch(values, axes, length)

    def by_jax(self, axes: dict[str, int | None]) -> Callable[..., Any]:
        import jax

        key = tuple(axes.values())
        if key not in self.mapped:
            self.mapped[key] = jax.jit(jax.vmap(lambda values: self.core(**values), in_axes=(axes,)))
        return self.mapped[key]

    def by_torch(self, values: dict[str, Any], axes: dict[str, int | None], length: int) -> Any:
        import torch

        ready = {k: v if isinstance(v, torch.Tensor) else torch.as_tensor(np.asarray(v)) for k, v in values.items()}
        try:
            return torch.func.vmap(lambda values: self.core(**values), in_dims=(axes,))(ready)
        except (RuntimeError, ValueError):
            # what writes on arrays, or asks for values, cannot be mapped
            found = [self.core(**{k: v if axes[k] is None else v[b] for k, v in ready.items()}) for b in range(length)]
            return joined(found, torch.stack)


def joined(found: Sequence[Any], stack: Callable[[list[Any]], Any]) -> Any:
    """Results of one problem each as results of all."""
    first = found[0] if found else None
    if isinstance(first, dict):
        return {k: joined([f[k] for f in found], stack) for k in first}
    if isinstance(first, (tuple, list)):
        return type(first)(joined([f[i] for f in found], stack) for i in range(len(first)))
    return stack(list(found))


class Stacked(Batch):
    """NumPy: each step of the plan for all problems at once."""

    def __init__(
        self, roots: Sequence[Node], arrange: Callable[[Sequence[Any]], Any], variables: Sequence[Symbol],
        stacked: frozenset[Symbol],
    ) -> None:  # fmt: skip
        super().__init__(variables, stacked, tuple(symbols(*roots)))
        self.arrange = arrange
        self.ways = plans(roots, orthogonal=False)
        self.costs = costs(self.ways) if len(self.ways) > 1 else []
        self.orders = [schedule(way) for way in self.ways]
        self.dims = {n for node, _ in self.orders[0] for d in (node.rows, node.cols) for n in d.names}

    def __call__(self, /, **arrays: Any) -> Any:
        given, sizes, length = self.gathered(arrays)
        values = {v: np.asarray(a) for v, a in given.items()}
        dtype = np.result_type(*values.values(), np.float32)
        if dtype.kind != "f":
            raise MatdiffError(f"the arrays must be real, not {dtype}")
        unknown = sorted(self.dims - sizes.keys())
        if unknown:
            raise MatdiffError(f"nothing tells how large {unknown[0]} is", hint="pass all arrays that the function has")
        totals = [c.evaluate(sizes) for c in self.costs]
        way = totals.index(min(totals)) if totals else 0
        roots, order = self.ways[way], self.orders[way]
        largest = max(n.rows.evaluate(sizes) * n.cols.evaluate(sizes) for n, _ in order)
        small = largest <= stacks.FEW**2 and length >= stacks.MANY
        some = max(stacks.MANY, CACHE // (dtype.itemsize * largest or 1))
        found: list[Array] = []
        with np.errstate(all="ignore"):
            for start in range(0, max(length, 1), some):
                here = {v: a[start : start + some] if v in self.stacked else a for v, a in values.items()}
                count = min(some, length - start)
                held: dict[Node, Held] = {}
                for node, done in order:
                    for n in done:
                        held[n].free = isinstance(n, Apply) and n.op.name == "matmul"
                    held[node] = self.value(node, held, here, sizes, dtype, count, small)
                    for n in done:
                        del held[n]
                if not found:
                    found = [np.empty((length, *full_shape(r, held[r])), dtype) for r in roots]
                for r, whole in zip(roots, found, strict=True):
                    value = held[r].value
                    whole[start : start + count] = value.reshape(-1, *whole.shape[1:]) if held[r].many else value
        return self.arrange(found)

    def value(
        self, node: Node, held: Mapping[Node, Held], values: Mapping[Symbol, Array], sizes: Mapping[str, int],
        dtype: Any, length: int, small: bool,
    ) -> Held:  # fmt: skip
        if isinstance(node, Symbol):
            if node.body is not None:
                body = held[node.body]
                return Held(body.value, body.many, body.kind)
            array, many = values[node].astype(dtype, copy=False), node in self.stacked
            if node.kind == "row":
                array = array.reshape(*array.shape[:1], -1) if many else array.reshape(-1)
            return Held(stacks.spread(array) if many and small else array, many, node.kind)
        if isinstance(node, Number):
            return Held(np.asarray(float_of(node.value), dtype), False, "scalar")
        if isinstance(node, Constant):
            return Held(constant(node, sizes, dtype), False, node.kind)
        assert isinstance(node, Apply)
        args = [held[a] for a in node.args]
        many = any(a.many for a in args)
        if node.op.numpy == "{0}" and args[0].kind == node.kind:
            return Held(args[0].value, args[0].many, node.kind)
        if "factors" in node.op.traits.split():
            assert node.op.stack is not None
            return Held(node.op.stack(stacks, args[0].stack()), many, FACTORS)
        if not many:
            if any(a.kind == FACTORS for a in args):
                return Held(recorded(node, args, sizes)[0], False, node.kind)
            return Held(one(node, sizes)(*[a.value for a in args]), False, node.kind)
        form = FORMS.get(node.op.name)
        if form is not None:
            return Held(form(node, args, sizes), True, node.kind)
        if node.op.stack is not None:
            return Held(recorded(node, args, sizes), True, node.kind)
        if node.op.elementwise and len(args) == 1:
            value = args[0].value
            X = stacks.last(value) if stacks.along(value) else value
            Y = np.asarray(entrywise(node)(X.reshape(-1))).reshape(X.shape)
            return Held(stacks.first(Y) if X is not value else Y, True, node.kind)
        function = one(node, sizes)
        found = [np.asarray(function(*[a.value[b] if a.many else a.value for a in args])) for b in range(length)]
        return Held(np.stack(found) if found else np.zeros((0, *shape_of(node, sizes))), True, node.kind)


def schedule(roots: Sequence[Node]) -> list[tuple[Node, list[Node]]]:
    """The nodes in their order, and with each those that nothing needs after it."""
    order = topological(*roots)
    last = {a: node for node in order for a in node.children}
    ends: dict[Node, list[Node]] = {}
    for a, node in last.items():
        if a not in roots:
            ends.setdefault(node, []).append(a)
    return [(node, ends.get(node, [])) for node in order]


FACTORS = "factors"
"""The kind of a value that is no array: a decomposition of all matrices, or of the one that they share."""


class Held:
    """An array, or a stack of them, and what each is; `free` to be overwritten by what comes next, or not."""

    __slots__ = ("free", "kind", "many", "value")

    def __init__(self, value: Any, many: bool, kind: str) -> None:
        self.value, self.many, self.kind, self.free = value, many, kind, False

    def stack(self) -> Any:
        """With a leading axis, of length 1 for what all problems share."""
        if self.kind == FACTORS:
            return self.value
        return np.asarray(self.value if self.many else self.value[None])

    def as_(self, kind: str) -> Array:
        """A stack of another kind: scalars spread, vectors as columns."""
        value = self.stack()
        if self.kind == kind or (kind == "vector" and self.kind == "row") or (kind == "row" and self.kind == "vector"):
            return value
        if self.kind == "scalar":
            return value.reshape(-1, *[1] * AXES[kind])
        return value[:, :, None] if self.kind == "vector" else value[:, None, :]


def full_shape(root: Node, h: Held) -> tuple[int, ...]:
    """The shape of one of the results: a row is a matrix."""
    shape = np.shape(h.value)[1:] if h.many else np.shape(h.value)
    return (1, shape[-1]) if root.kind == "row" else shape


def float_of(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def shape_of(node: Node, sizes: Mapping[str, int]) -> tuple[int, ...]:
    rows, cols = node.rows.evaluate(sizes), node.cols.evaluate(sizes)
    return {"scalar": (), "vector": (rows,), "row": (cols,)}.get(node.kind, (rows, cols))


def constant(node: Constant, sizes: Mapping[str, int], dtype: Any) -> Any:
    dims = [d.evaluate(sizes) for d in node.dims]
    match node.name:
        case "pi":
            return np.asarray(np.pi, dtype)
        case "size":
            return np.asarray(dims[0], dtype)
        case "I":
            return np.eye(dims[0], dtype=dtype)
        case "zeros" | "ones":
            return np.full(shape_of(node, sizes), float(node.name == "ones"), dtype)
        case "e":
            return (np.arange(dims[0]) == node.index - 1).astype(dtype)
    name = "commutation" if node.name == "K" else "duplication"
    return run(HELPERS[name], name, {"np": np})(*dims, dtype)


_functions: dict[Any, Callable[..., Any]] = {}


def one(node: Apply, sizes: Mapping[str, int]) -> Callable[..., Any]:
    """One application as a function of its arguments' values, at these sizes."""
    known = {n: Dim.of(k) for n, k in sizes.items()}

    def at(d: Any) -> Any:
        return tuple(map(at, d)) if isinstance(d, tuple) else d.substitute(known) if isinstance(d, Dim) else d

    inputs = [symbol(f"a{i}", a.kind, at(a.rows), at(a.cols)) for i, a in enumerate(node.args)]
    again = apply(node.op, tuple(inputs), at(node.params), node.kind, at(node.rows), at(node.cols))
    if again not in _functions:
        text = generate([[again]], None, True, Emitter(NUMPY, inputs), "f", "").text
        _functions[again] = partial(by_position, executed(text, "f"), node.kind == "row")
    return _functions[again]


def by_position(function: Callable[..., Any], flat: bool, *values: Any) -> Any:
    found = function(**{f"a{i}": v for i, v in enumerate(values)})
    return found.reshape(-1) if flat else found


def entrywise(node: Apply) -> Callable[..., Any]:
    """The function of a vector, whose entries are those of all problems."""
    x = symbol("a0", "vector", Dim.of("n"))
    return one(apply(node.op, (x,), node.params, "vector", Dim.of("n"), Dim.of(1)), {})


def recorded(node: Apply, args: Sequence[Held], sizes: Mapping[str, int]) -> Array:
    """By the record of a function, whose signature says which arguments are matrices."""
    assert node.op.stack is not None
    specs, _ = signature(node.op.signature)
    arrays = [
        a.as_("matrix") if spec is not None and len(spec) == 2 and a.kind != FACTORS else a.stack()
        for spec, a in zip(specs, args, strict=True)
    ]
    params = [p.evaluate(sizes) if isinstance(p, Dim) else p for p in node.params]
    value = np.asarray(node.op.stack(stacks, *arrays, *params))
    return placed(node, value) if value.ndim == 3 else value


CACHE = 2**20
"""Bytes of a stack that are worked on at once: near when the next step needs them, and many to a call of NumPy."""

# what NumPy does for the constructs of the core vocabulary

Form = Callable[[Apply, list[Held], Mapping[str, int]], Any]


def added(node: Apply, args: list[Held], sizes: Any) -> Any:
    total = args[0].as_(node.kind)
    for a in args[1:]:
        total = total + a.as_(node.kind)
    return total


def scaled(node: Apply, args: list[Held], sizes: Any) -> Any:
    s, a = args
    factor, value = s.as_(node.kind), a.as_(node.kind)
    if a.free and a.many and a.kind == node.kind and factor.dtype == value.dtype:
        value *= factor
        return value
    return factor * value


def raised(node: Apply, args: list[Held], sizes: Any) -> Any:
    a, p = args
    value = a.as_(node.kind)
    exponent = node.args[1]
    if isinstance(exponent, Number):
        e = exponent.value
        if e == 2:
            return value * value
        if e == -1:
            return 1 / value
        if float(e) in (0.5, -0.5):
            return np.sqrt(value) if e > 0 else 1 / np.sqrt(value)
    return value ** p.as_(node.kind)


def multiplied(node: Apply, args: list[Held], sizes: Any) -> Any:
    a, b = args
    x, y = a.stack(), b.stack()
    match a.kind, b.kind:
        case "matrix", "matrix":
            return stacks.times(x, y)
        case "matrix", "vector":
            return stacks.times_vectors(x, y)
        case "row", "matrix":
            return stacks.times_vectors(y.swapaxes(1, 2), x)
        case "row", "vector":
            return np.einsum("bi,bi->b", *np.broadcast_arrays(x, y))
        case "vector", "row":
            return x[:, :, None] * y[:, None, :]
    return placed(node, a.as_("matrix") @ b.as_("matrix"))


def placed(node: Apply, value: Array) -> Array:
    """Matrices of one row or column as the kind of the node."""
    if node.kind == "scalar":
        return value[:, 0, 0]
    if node.kind == "vector":
        return value[:, :, 0]
    return value[:, 0, :] if node.kind == "row" else value


def turned(node: Apply, args: list[Held], sizes: Any) -> Any:
    (a,) = args
    return a.value.swapaxes(1, 2) if a.kind == "matrix" else a.value


def entry(node: Apply, args: list[Held], sizes: Any) -> Any:
    i, j = node.params
    return args[0].as_("matrix")[:, i - 1, j - 1]


def row(node: Apply, args: list[Held], sizes: Any) -> Any:
    return args[0].as_("matrix")[:, node.params[0] - 1, :]


def column(node: Apply, args: list[Held], sizes: Any) -> Any:
    return args[0].as_("matrix")[:, :, node.params[0] - 1]


def part(node: Apply, args: list[Held], sizes: Any) -> Any:
    r0, r1, c0, c1 = (p.evaluate(sizes) for p in node.params)
    return placed(node, args[0].as_("matrix")[:, r0:r1, c0:c1])


def beside(axis: int) -> Form:
    def pasted(node: Apply, args: list[Held], sizes: Any) -> Any:
        parts = [a.as_("matrix") for a in args]
        length = max(map(len, parts))
        return placed(node, np.concatenate([np.broadcast_to(p, (length, *p.shape[1:])) for p in parts], axis=axis))

    return pasted


FORMS: dict[str, Form] = {
    "add": added, "plus": added, "scale": scaled, "hadamard": scaled, "power": raised, "matmul": multiplied,
    "transpose": turned, "entry": entry, "getrow": row, "getcol": column, "slice": part, "hcat": beside(2),
    "vcat": beside(1),
}  # fmt: skip
"""The constructs of the core vocabulary; all other functions are written in their records."""
