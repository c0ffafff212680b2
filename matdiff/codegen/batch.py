"""Functions of many arrays at once: a leading axis on some of the variables, and on the results.

NumPy evaluates the plan with stacks of arrays, by its batched linear algebra; what has no batched form runs for one
array after the other.  JAX and PyTorch map their functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from matdiff.codegen.arguments import Argument, check_sizes, differential_names, missing, refuse_kind, refuse_unknown
from matdiff.codegen.backends.base import NUMPY
from matdiff.codegen.backends.numpy import HELPERS
from matdiff.codegen.emit.emitter import Emitter
from matdiff.codegen.emit.module import generate
from matdiff.codegen.emit.names import lookup
from matdiff.codegen.execute import executed, run
from matdiff.codegen.plan.variants import costs, plans
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, apply, symbol, symbols, topological
from matdiff.core.shape import Dim
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
        self.used = tuple(used)

    def gathered(self, arrays: Mapping[str, Any]) -> tuple[dict[Symbol, Any], dict[str, int], int]:
        """The arrays by variable, the sizes, the length of the leading axis.  Raises ArgumentError, MisfitError."""
        given: dict[Symbol, Any] = {}
        for v in self.variables:
            key = lookup(v.name, arrays)
            if key is not None:
                given[v] = arrays[key]
            elif v in self.used:
                a = Argument.of(v)
                raise missing(a.name, a.described)
        refuse_unknown([v.name for v in self.variables], differential_names(self.variables), arrays)
        shapes, lengths = [], {}
        for v, value in given.items():
            refuse_kind(v.name, value)
            shape = tuple(np.shape(value))
            if v in self.stacked:
                if not shape:
                    raise MisfitError(f"{v.name} is one of a batch, so it takes an array with a leading axis")
                lengths[v.name], shape = shape[0], shape[1:]
            argument = Argument.of(v)
            shapes.append((argument, argument.shape(np.broadcast_to(0.0, shape))))
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
        self.mapped: dict[tuple[str, ...], Callable[..., Any]] = {}

    def __call__(self, /, **arrays: Any) -> Any:
        given, _, length = self.gathered(arrays)
        values = {v.name: a for v, a in given.items() if v in self.used}
        key = tuple(values)
        if not any(v.name in values for v in self.stacked):
            return self.repeated(self.core(**values), length)
        if self.backend == "jax":
            return self.by_jax(key)(values)
        return self.by_torch(values, length)

    def axes(self, key: Sequence[str]) -> dict[str, int | None]:
        names = {v.name for v in self.stacked}
        return {k: 0 if k in names else None for k in key}

    def by_jax(self, key: tuple[str, ...]) -> Callable[..., Any]:
        import jax

        if key not in self.mapped:
            self.mapped[key] = jax.jit(jax.vmap(lambda values: self.core(**values), in_axes=(self.axes(key),)))
        return self.mapped[key]

    def by_torch(self, values: dict[str, Any], length: int) -> Any:
        import torch

        ready = {k: v if isinstance(v, torch.Tensor) else torch.as_tensor(np.asarray(v)) for k, v in values.items()}
        axes = self.axes(tuple(ready))
        try:
            return torch.func.vmap(lambda values: self.core(**values), in_dims=(axes,))(ready)
        except (RuntimeError, ValueError):
            # what writes on arrays, or asks for values, cannot be mapped
            found = [self.core(**{k: v if axes[k] is None else v[b] for k, v in ready.items()}) for b in range(length)]
            return joined(found, torch.stack)

    def repeated(self, value: Any, length: int) -> Any:
        """A result that no array of the batch enters."""
        library = import_module("jax.numpy" if self.backend == "jax" else "torch")
        return joined([value] * length, lambda parts: library.stack([library.asarray(p) for p in parts]))


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
        order = topological(*roots)
        self.names = {n for node in order for d in (node.rows, node.cols) for n in d.names}

    def __call__(self, /, **arrays: Any) -> Any:
        given, sizes, length = self.gathered(arrays)
        values = {v: np.asarray(a) for v, a in given.items()}
        dtype = np.result_type(*values.values(), np.float32)
        if dtype.kind != "f":
            raise MatdiffError(f"the arrays must be real, not {dtype}")
        unknown = sorted(self.names - sizes.keys())
        if unknown:
            raise MatdiffError(f"nothing tells how large {unknown[0]} is", hint="pass all arrays that the function has")
        totals = [c.evaluate(sizes) for c in self.costs]
        roots = self.ways[totals.index(min(totals))] if totals else self.ways[0]
        order = topological(*roots)
        largest = max(n.rows.evaluate(sizes) * n.cols.evaluate(sizes) for n in order)
        some = max(MANY, CACHE // (dtype.itemsize * largest or 1))
        found: list[Array] = []
        with np.errstate(all="ignore"):
            for start in range(0, max(length, 1), some):
                here = {v: a[start : start + some] if v in self.stacked else a for v, a in values.items()}
                count = min(some, length - start)
                held: dict[Node, Held] = {}
                for node in order:
                    held[node] = self.value(node, held, here, sizes, dtype, count)
                if not found:
                    found = [np.empty((length, *full_shape(r, held[r])), dtype) for r in roots]
                for r, whole in zip(roots, found, strict=True):
                    value = held[r].value
                    whole[start : start + count] = value.reshape(-1, *whole.shape[1:]) if held[r].many else value
        return self.arrange(found)

    def value(
        self, node: Node, held: Mapping[Node, Held], values: Mapping[Symbol, Array], sizes: Mapping[str, int],
        dtype: Any, length: int,
    ) -> Held:  # fmt: skip
        if isinstance(node, Symbol):
            if node.body is not None:
                return held[node.body]
            array, many = values[node].astype(dtype, copy=False), node in self.stacked
            if node.kind == "row":
                array = array.reshape(*array.shape[:1], -1) if many else array.reshape(-1)
            return Held(array, many, node.kind)
        if isinstance(node, Number):
            return Held(np.asarray(float_of(node.value), dtype), False, "scalar")
        if isinstance(node, Constant):
            return Held(constant(node, sizes, dtype), False, node.kind)
        assert isinstance(node, Apply)
        args = [held[a] for a in node.args]
        if node.op.name in WHOLE:
            return args[0]
        if not any(a.many for a in args):
            if any(isinstance(a, Apply) and a.op.name in WHOLE for a in node.args):
                return Held(FORMS[node.op.name](node, args, sizes)[0], False, node.kind)
            return Held(one(node, sizes)(*[a.value for a in args]), False, node.kind)
        form = FORMS.get(node.op.name)
        if form is not None:
            return Held(form(node, args, sizes), True, node.kind)
        if node.op.elementwise and len(args) == 1:
            flat = args[0].value
            return Held(np.asarray(entrywise(node)(flat.reshape(-1))).reshape(flat.shape), True, node.kind)
        function = one(node, sizes)
        found = [np.asarray(function(*[a.value[b] if a.many else a.value for a in args])) for b in range(length)]
        return Held(np.stack(found) if found else np.zeros((0, *shape_of(node, sizes))), True, node.kind)


class Held:
    """An array, or a stack of them, and what each is."""

    __slots__ = ("kind", "made", "many", "value")

    def __init__(self, value: Any, many: bool, kind: str) -> None:
        self.value, self.many, self.kind = value, many, kind
        self.made: Any = None

    def stack(self) -> Array:
        """With a leading axis, of length 1 for what all problems share."""
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


# what NumPy does for stacks

Form = Callable[[Apply, list[Held], Mapping[str, int]], Any]


def added(node: Apply, args: list[Held], sizes: Any) -> Any:
    total = args[0].as_(node.kind)
    for a in args[1:]:
        total = total + a.as_(node.kind)
    return total


def scaled(node: Apply, args: list[Held], sizes: Any) -> Any:
    s, a = args
    return s.as_(node.kind) * a.as_(node.kind)


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
            return x @ y
        case "matrix", "vector":
            return (x @ y[:, :, None])[:, :, 0] if x.shape[0] > 1 else y @ x[0].T
        case "row", "matrix":
            return (x[:, None, :] @ y)[:, 0, :] if y.shape[0] > 1 else x @ y[0]
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


def paired(node: Apply, args: list[Held], sizes: Any) -> Any:
    a, b = args
    kind = a.kind if a.kind == b.kind else "matrix"
    x, y = a.as_(kind), b.as_(kind)
    return (x * y).reshape(max(len(x), len(y)), -1).sum(axis=1)


def turned(node: Apply, args: list[Held], sizes: Any) -> Any:
    (a,) = args
    return a.value.swapaxes(1, 2) if a.kind == "matrix" else a.value


def flat(a: Held) -> Array:
    value = a.stack()
    return value.reshape(len(value), -1)


def reduced(function: Callable[[Array], Array]) -> Form:
    """A number of all entries."""
    return lambda node, args, sizes: function(flat(args[0]))


def of_stack(function: Callable[..., Any]) -> Form:
    """What NumPy does for stacks of matrices as it stands."""
    return lambda node, args, sizes: function(*[a.stack() for a in args])


def norms(X: Array) -> Array:
    square = np.einsum("bi,bi->b", X, X)
    if ((square > 1e-30) & (square < np.inf)).all():
        return np.sqrt(square)
    top = np.abs(X).max(axis=1, initial=0)
    scale = np.where((top > 0) & (top < np.inf), top, 1)
    return scale * np.sqrt(np.sum((X / scale[:, None]) ** 2, axis=1))


def peaks(X: Array) -> Array:
    top = X.max(axis=1, initial=-np.inf)
    return np.where(np.isfinite(top), top, 0)


def logsums(X: Array) -> Array:
    top = peaks(X)
    return top + np.log(np.exp(X - top[:, None]).sum(axis=1))


def shares(node: Apply, args: list[Held], sizes: Any) -> Any:
    X = flat(args[0])
    weights = np.exp(X - X.max(axis=1, keepdims=True, initial=-np.inf))
    return weights / weights.sum(axis=1, keepdims=True)


def row_shares(node: Apply, args: list[Held], sizes: Any) -> Any:
    X = args[0].stack()
    weights = np.exp(X - X.max(axis=2, keepdims=True, initial=-np.inf))
    return weights / weights.sum(axis=2, keepdims=True)


CACHE = 2**19
"""Bytes of a stack that are worked on at once, so that they are near when the next step needs them."""
FEW, MANY = 16, 64
"""The largest matrices and the least number of them for which a loop over columns beats a loop over problems."""


def last(X: Array) -> Array:
    """The index of the problem as the last, along which NumPy then computes."""
    return np.ascontiguousarray(np.moveaxis(X, 0, -1))


def first(X: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(X, -1, 0))


def worth(X: Array) -> bool:
    return X.shape[1] <= FEW and len(X) >= MANY


def cholesky(X: Array) -> Array:
    """Lower triangular factors of a stack.  Raises LinAlgError where one has none."""
    if not worth(X):
        return np.linalg.cholesky(X)
    L = last(X)
    n = len(L)
    for j in range(n):
        for k in range(j):
            L[j:, j] -= L[j:, k] * L[j, k]
        if not (L[j, j] > 0).all():
            raise np.linalg.LinAlgError("the matrix is not positive definite")
        L[j:, j] /= np.sqrt(L[j, j])
        L[:j, j] = 0
    return first(L)


def forward(L: Array, X: Array, unit: bool = False) -> None:
    """X overwritten by the solution of L X = X, the index of the problem the last."""
    for k in range(len(L)):
        if not unit:
            X[k] /= L[k, k]
        X[k + 1 :] -= L[k + 1 :, k, None] * X[k]


def backward(U: Array, X: Array, unit: bool = False) -> None:
    """X overwritten by the solution of U X = X for upper triangular U."""
    for k in reversed(range(len(U))):
        if not unit:
            X[k] /= U[k, k]
        X[:k] -= U[:k, k, None] * X[k]


def exchange(X: Array, j: int, rows: Array, where: Array) -> None:
    """Row j swapped with one of the rows in each of some problems."""
    row = X[j][..., where]
    X[j][..., where] = X[rows, ..., where].T
    X[rows, ..., where] = row.T


class Factors:
    """The LU factors of a stack of matrices, made once, the index of the problem the last."""

    def __init__(self, X: Array) -> None:
        self.A = last(X)
        n, length = len(self.A), len(X)
        index = np.arange(length)
        self.order = np.tile(np.arange(n)[:, None], length)
        for j in range(n):
            at = np.abs(self.A[j:, j]).argmax(axis=0) if j + 1 < n else index[:0]
            where = at.nonzero()[0]
            if len(where):
                exchange(self.A, j, j + at[where], where)
                exchange(self.order, j, j + at[where], where)
            if not self.A[j, j].all():
                raise np.linalg.LinAlgError("singular matrix")
            self.A[j + 1 :, j] /= self.A[j, j]
            self.A[j + 1 :, j + 1 :] -= self.A[j + 1 :, j, None] * self.A[j, j + 1 :]

    def solve(self, B: Array, flip: bool = False) -> Array:
        """The solutions of A X = B, or of A' X = B, for a stack of B with the problem's index first."""
        X = last(np.broadcast_to(B, (self.A.shape[-1], *B.shape[1:])))
        order = np.broadcast_to(self.order[:, None], X.shape)
        if flip:
            turned = self.A.swapaxes(0, 1)
            forward(turned, X)
            backward(turned, X, unit=True)
            found = np.empty_like(X)
            np.put_along_axis(found, order, X, axis=0)
            return first(found)
        X = np.take_along_axis(X, order, axis=0)
        forward(self.A, X, unit=True)
        backward(self.A, X)
        return first(X)


def factors(A: Held) -> Factors | None:
    """The factors of a stack, where it is worth to make them so."""
    if not A.many or not worth(A.value):
        return None
    if A.made is None:
        A.made = Factors(A.value)
    made: Factors = A.made
    return made


def solved(node: Apply, args: list[Held], sizes: Any, flip: bool = False) -> Any:
    A, b = args
    y = b.stack() if b.kind == "matrix" else b.stack()[:, :, None]
    made = factors(A)
    if made is not None:
        x = made.solve(y, flip)
    else:
        M = A.stack().swapaxes(1, 2) if flip else A.stack()
        if len(M) == 1 and b.kind != "matrix":
            return np.linalg.solve(M[0], y[:, :, 0].T).T
        x = np.linalg.solve(M, np.broadcast_to(y, (max(len(M), len(y)), *y.shape[1:])))
    return x if b.kind == "matrix" else x[:, :, 0]


def triangular(node: Apply, args: list[Held], sizes: Any, flip: bool = False) -> Any:
    """L⁻¹B or L⁻ᵀB."""
    L, b = args
    M = L.stack()
    if not worth(M) or not L.many:
        return solved(node, args, sizes, flip)
    y = b.stack() if b.kind == "matrix" else b.stack()[:, :, None]
    X, K = last(np.broadcast_to(y, (len(M), *y.shape[1:]))), last(M)
    if flip:
        backward(K.swapaxes(0, 1), X)
    else:
        forward(K, X)
    return first(X) if b.kind == "matrix" else first(X)[:, :, 0]


def cholesky_solved(node: Apply, args: list[Held], sizes: Any) -> Any:
    half = triangular(node, args, sizes)
    return triangular(node, [args[0], Held(half, True, args[1].kind)], sizes, flip=True)


def lower_inverses(L: Held) -> Array:
    n = L.value.shape[-1]
    return np.asarray(triangular(None, [L, Held(np.eye(n), False, "matrix")], {}))  # type: ignore[arg-type]


def inverses(node: Apply, args: list[Held], sizes: Any) -> Any:
    made = factors(args[0])
    return np.linalg.inv(args[0].stack()) if made is None else made.solve(np.eye(len(made.A))[None])


def adjugates(X: Array) -> Array:
    """det(X) X⁻¹ of each, from singular values where X is ill-conditioned."""
    n = X.shape[-1]
    with np.errstate(all="ignore"):
        try:
            inverse = np.linalg.inv(X)
        except np.linalg.LinAlgError:
            inverse = np.full(X.shape, np.nan, X.dtype)
        size = norms(X.reshape(len(X), -1)) * norms(inverse.reshape(len(X), -1))
        found = np.linalg.det(X)[:, None, None] * inverse
    (bad,) = (~(size < np.finfo(X.dtype).eps ** (-1 / 3))).nonzero()
    if len(bad):
        U, s, Vt = np.linalg.svd(X[bad])
        others = np.stack([np.delete(s, k, axis=1).prod(axis=1) for k in range(n)], axis=1)
        signs = np.linalg.det(U) * np.linalg.det(Vt)
        found[bad] = signs[:, None, None] * (Vt.swapaxes(1, 2) * others[:, None, :]) @ U.swapaxes(1, 2)
    return found


def cholesky_inverted(node: Apply, args: list[Held], sizes: Any) -> Any:
    inverse = lower_inverses(args[0])
    return inverse.swapaxes(1, 2) @ inverse


def inverse_traces(node: Apply, args: list[Held], sizes: Any) -> Any:
    inverse = lower_inverses(args[0])
    return np.einsum("bij,bij->b", inverse, inverse)


def exponentials(X: Array) -> Array:
    """The exponentials of a stack: scaling, the Padé approximant of degree 13, squaring (Higham 2008, alg. 10.20)."""
    size = np.abs(X).sum(axis=1).max(axis=1, initial=0)
    turns = np.ceil(np.log2(np.maximum(size, 4) / 4)).astype(int)
    X = X / 2.0 ** turns[:, None, None]
    one = np.eye(X.shape[1], dtype=X.dtype)
    whole = [
        64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
        670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
    ]  # fmt: skip
    b: list[float] = [float(c) for c in whole]
    X2 = X @ X
    X4 = X2 @ X2
    X6 = X4 @ X2
    odd = X6 @ (b[13] * X6 + b[11] * X4 + b[9] * X2) + b[7] * X6 + b[5] * X4 + b[3] * X2 + b[1] * one
    even = X6 @ (b[12] * X6 + b[10] * X4 + b[8] * X2) + b[6] * X6 + b[4] * X4 + b[2] * X2 + b[0] * one
    odd = X @ odd
    E = np.linalg.solve(even - odd, even + odd)
    for k in range(int(turns.max(initial=0))):
        E = np.where((turns > k)[:, None, None], E @ E, E)
    return E


def frechet_exponentials(node: Apply, args: list[Held], sizes: Any) -> Any:
    """The corner of exp [A, V; 0, A]."""
    A, V = np.broadcast_arrays(args[0].stack(), args[1].stack())
    n = A.shape[1]
    both = np.concatenate([np.concatenate([A, V], 2), np.concatenate([np.zeros_like(A), A], 2)], 1)
    return exponentials(both)[:, :n, n:]


def log_diagonals(node: Apply, args: list[Held], sizes: Any) -> Any:
    return 2 * np.log(np.diagonal(args[0].stack(), axis1=1, axis2=2)).sum(axis=1)


def with_diagonal(node: Apply, args: list[Held], sizes: Any) -> Any:
    A, s = args
    X, d = A.stack(), s.stack()
    n = X.shape[1]
    out = np.array(np.broadcast_to(X, (max(len(X), len(d)), n, n)))
    index = np.arange(n)
    out[:, index, index] += d if d.ndim == 2 else d[:, None]
    return out


def vec(node: Apply, args: list[Held], sizes: Any) -> Any:
    (a,) = args
    value = a.stack()
    return value.swapaxes(1, 2).reshape(len(value), -1) if a.kind == "matrix" else value.reshape(len(value), -1)


def unvec(node: Apply, args: list[Held], sizes: Any) -> Any:
    rows, cols = node.rows.evaluate(sizes), node.cols.evaluate(sizes)
    value = args[0].stack()
    return placed(node, value.reshape(len(value), cols, rows).swapaxes(1, 2))


def kron(node: Apply, args: list[Held], sizes: Any) -> Any:
    a, b = (x.as_("matrix") for x in args)
    K = a[:, :, None, :, None] * b[:, None, :, None, :]
    return placed(node, K.reshape(len(K), a.shape[1] * b.shape[1], a.shape[2] * b.shape[2]))


def diagonals(node: Apply, args: list[Held], sizes: Any) -> Any:
    return np.diagonal(args[0].stack(), axis1=1, axis2=2)


def diagonal_matrices(node: Apply, args: list[Held], sizes: Any) -> Any:
    x = args[0].stack()
    out = np.zeros((*x.shape, x.shape[1]), x.dtype)
    index = np.arange(x.shape[1])
    out[:, index, index] = x
    return out


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


def along(pattern: str) -> Form:
    """A sum of products, `b` the index of the problem."""
    inputs, output = pattern.split("->")

    def contracted(node: Apply, args: list[Held], sizes: Any) -> Any:
        spec = (p if a.many else p.replace("b", "") for p, a in zip(inputs.split(","), args, strict=True))
        return np.einsum(f"{','.join(spec)}->{output}", *(a.value for a in args))

    return contracted


def from_eigh(which: Callable[[Apply], Any]) -> Form:
    """What is read off eigenvalues; the stack of matrices stands for its decomposition."""

    def read(node: Apply, args: list[Held], sizes: Any) -> Any:
        return np.linalg.eigvalsh(args[0].stack())[:, which(node)]

    return read


def polar(X: Array) -> Array:
    U, _, Vt = np.linalg.svd(X, full_matrices=False)
    return U @ Vt


def triangle(function: Callable[..., Any]) -> Form:
    return lambda node, args, sizes: function(args[0].stack())


def symmetric(sign: int) -> Form:
    return lambda node, args, sizes: (args[0].stack() + sign * args[0].stack().swapaxes(1, 2)) / 2


def extreme(function: Callable[..., Any]) -> Form:
    return lambda node, args, sizes: function(args[0].as_(node.kind), args[1].as_(node.kind))


WHOLE = frozenset({"lu", "eigh", "svd"})
"""Decompositions, for which their matrix stands: NumPy has no stacks of factors."""
FORMS: dict[str, Form] = {
    "add": added, "plus": added, "scale": scaled, "hadamard": scaled, "power": raised, "matmul": multiplied,
    "inner": paired, "transpose": turned, "sum": reduced(lambda X: X.sum(axis=1)),
    "total": reduced(lambda X: X.sum(axis=1)), "polar_part": of_stack(polar), "polar": of_stack(polar),
    "nuclear": of_stack(lambda X: np.linalg.svd(X, compute_uv=False).sum(axis=1)),
    "nuclear_part": of_stack(lambda X: np.linalg.svd(X, compute_uv=False).sum(axis=1)),
    "mean": reduced(lambda X: X.mean(axis=1)), "prod": reduced(lambda X: X.prod(axis=1)), "norm": reduced(norms),
    "norm1": reduced(lambda X: np.abs(X).sum(axis=1)), "norminf": reduced(lambda X: np.abs(X).max(axis=1)),
    "max": reduced(lambda X: X.max(axis=1)), "min": reduced(lambda X: X.min(axis=1)), "logsumexp": reduced(logsums),
    "softmax": shares, "row_softmax": row_shares, "solve": solved, "lu_solve": solved,
    "lu_solve_t": partial(solved, flip=True), "lu_inverse": inverses, "inv": inverses,
    "adj": of_stack(adjugates), "cof": of_stack(lambda X: adjugates(X).swapaxes(1, 2)),
    "expm": of_stack(exponentials), "frechet_expm": frechet_exponentials,
    "det": of_stack(np.linalg.det), "logdet": of_stack(lambda X: np.linalg.slogdet(X)[1]),
    "logabsdet": of_stack(lambda X: np.linalg.slogdet(X)[1]), "signdet": of_stack(lambda X: np.linalg.slogdet(X)[0]),
    "lu_det": lambda node, args, sizes: np.linalg.det(args[1].stack()),
    "lu_logdet": lambda node, args, sizes: np.linalg.slogdet(args[1].stack())[1],
    "lu_logabsdet": lambda node, args, sizes: np.linalg.slogdet(args[1].stack())[1],
    "cholesky": of_stack(cholesky), "chol": of_stack(cholesky), "cholesky_solve": cholesky_solved,
    "cholesky_inverse": cholesky_inverted, "inverse_trace": inverse_traces, "cholesky_logdet": log_diagonals,
    "solve_lower": triangular, "solve_lower_t": partial(triangular, flip=True),
    "cholesky_det": lambda node, args, sizes: np.diagonal(args[0].stack(), axis1=1, axis2=2).prod(axis=1) ** 2,
    "tr": along("bii->b"), "diag": diagonals, "Diag": diagonal_matrices, "add_diagonal": with_diagonal,
    "scale_rows": lambda node, args, sizes: args[0].stack()[:, :, None] * args[1].as_("matrix"),
    "scale_columns": lambda node, args, sizes: args[0].as_("matrix") * args[1].stack()[:, None, :],
    "trace_product": along("bij,bji->b"), "row_dots": along("bij,bij->bi"), "column_dots": along("bij,bij->bj"),
    "row_sums": along("bij->bi"), "column_sums": along("bij->bj"), "vec": vec, "unvec": unvec, "kron": kron,
    "kronv": kron, "entry": entry, "getrow": row, "getcol": column, "slice": part, "hcat": beside(2), "vcat": beside(1),
    "pinv": of_stack(np.linalg.pinv), "svdvals": of_stack(lambda X: np.linalg.svd(X, compute_uv=False)),
    "sigma_max": of_stack(lambda X: np.linalg.svd(X, compute_uv=False)[:, 0]), "eigvals": of_stack(np.linalg.eigvalsh),
    "eigvecs": of_stack(lambda X: np.linalg.eigh(X)[1]), "lambda_max": from_eigh(lambda node: -1),
    "lambda_min": from_eigh(lambda node: 0), "eigval": from_eigh(lambda node: node.params[0] - 1),
    "eigvals_part": of_stack(np.linalg.eigvalsh), "eigvecs_part": of_stack(lambda X: np.linalg.eigh(X)[1]),
    "lambda_max_part": from_eigh(lambda node: -1), "lambda_min_part": from_eigh(lambda node: 0),
    "eigval_part": from_eigh(lambda node: node.params[0] - 1), "tril": triangle(np.tril), "triu": triangle(np.triu),
    "sym": symmetric(1), "skew": symmetric(-1), "maximum": extreme(np.maximum), "minimum": extreme(np.minimum),
    "mpow": lambda node, args, sizes: np.linalg.matrix_power(args[0].stack(), node.params[0]),
}  # fmt: skip
"""Steps of plans that have a batched form; all others run for one problem after the other."""
