"""Indexing and calls as Python writes them: from 0, half-open, with values for parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from matdiff.core.node import Apply, Node, Symbol, describe, number, topological
from matdiff.core.op import Record, registry
from matdiff.core.shape import ZERO, Dim
from matdiff.errors import MatdiffError, ParseError, ShapeError
from matdiff.inference.calls import accepts, anatomy
from matdiff.inference.declarations import declarations_text
from matdiff.ops.indexing import COLUMN, ROW, entry, slice_
from matdiff.ops.unknown import Arrow, Unknown


def declaration_text(variables: Iterable[Symbol], *nodes: Node) -> str:
    """The declarations of variables, and of the unknown functions in `nodes`, as text."""
    ops = dict.fromkeys(n.op for n in topological(*nodes) if isinstance(n, Apply))
    own: dict[str, Arrow | None] = {}
    own |= dict.fromkeys(op.name.rstrip("'") for op in ops if op.elementwise and op.name not in registry)
    own |= {op.of.base: op.of.arrow for op in ops if isinstance(op, Unknown)}
    return declarations_text({s.name: s for s in variables}, own)


def numpy_index(a: Node, key: Any) -> Node:
    """`x[i]`, `A[i]` (a row), `A[i, j]`, `A[:, j]`, `A[i:j, k:l]`.  Raises ShapeError out of range."""
    keys = key if isinstance(key, tuple) else (key,)
    wanted = {"scalar": 0, "vector": 1}.get(a.kind, 2)
    if not 1 <= len(keys) <= wanted:
        raise ShapeError(f"{describe(a)} takes {wanted} ind{'ex' if wanted == 1 else 'ices'}, not {len(keys)}")
    rows = _subscript(keys[0], a.rows)
    if wanted == 1:
        return entry(a, rows) if isinstance(rows, int) else slice_(a, *rows)
    cols = _subscript(keys[1] if len(keys) == 2 else slice(None), a.cols)
    if isinstance(rows, int):
        if isinstance(cols, int):
            return entry(a, rows, cols)
        return slice_(ROW.build((a,), (rows,)), *cols)
    if isinstance(cols, int):
        return slice_(COLUMN.build((a,), (cols,)), *rows)
    return slice_(a, *rows, *cols)


def _subscript(key: Any, size: Dim) -> int | tuple[Dim, Dim]:
    """An index counted from 1, or a half-open range counted from 0."""
    if isinstance(key, slice):
        if key.step not in (None, 1):
            raise ShapeError("slices have no step", hint="multiply by a selection of the columns of eye(n)")
        low = ZERO if key.start is None else _bound(key.start, size)
        high = size if key.stop is None else _bound(key.stop, size)
        numbers = low.number, high.number
        if numbers[0] is not None and numbers[1] is not None and numbers[0] >= numbers[1]:
            raise ShapeError(f"the slice {low}:{high} is empty")
        return low, high
    at = _bound(key, size).number
    if at is None or (size.number is not None and at >= size.number):
        raise ShapeError(f"index {key} is out of range: there are {size}, counted from 0")
    return at + 1


def _bound(value: Any, size: Dim) -> Dim:
    if isinstance(value, str | Dim):
        return Dim.of(value)
    try:
        at: int = value.__index__()
    except AttributeError:
        raise ShapeError(f"an index is a whole number or a slice, not {value!r}") from None
    if at < 0:
        if size.number is None:
            raise ShapeError(f"the index {at} counts from the end of {size} entries, which only a number can tell")
        at += size.number
    if at < 0:
        raise ShapeError(f"index {value} is out of range: there are {size}")
    return Dim.of(at)


def call_record(records: Sequence[Record], values: Sequence[Any]) -> Node:
    """The first record that the values fit: nodes and numbers for arguments, then sizes and indices for parameters."""
    fitting = False
    for record in records:
        inputs, _, given, dims = anatomy(record.signature)
        variadic = record.name in ("hcat", "vcat")
        if len(values) != len(inputs) + len(given) and not (variadic and values):
            continue
        if any(p.isdigit() and v != int(p) for p, v in zip(given, values[len(inputs) :], strict=False)):
            continue
        fitting = True
        args = tuple(_lifted(v, record) for v in values[: len(values) - len(given)])
        scalar = record.scalar is not None and all(a.kind == "scalar" for a in args)
        if variadic or scalar or all(accepts(spec, a.kind) for spec, a in zip(inputs, args, strict=True)):
            return record(*args, params=_parameters(given, dims, values[len(args) :], record))
    name = records[0].name
    takes = " or ".join(dict.fromkeys(r.signature.split("->")[0] for r in records))
    if not fitting:
        raise ParseError(f"{name} takes {takes}, not {len(values)} argument{'s' * (len(values) != 1)}")
    got = " and ".join(describe(v) if isinstance(v, Node) else repr(v) for v in values)
    raise ShapeError(f"{name} takes {takes}, not {got}")


def _lifted(value: Any, record: Record) -> Node:
    if isinstance(value, Node):
        return value
    try:
        if isinstance(value, Fraction):
            return number(value)
        return number(int(value.__index__()) if hasattr(value, "__index__") else float(value))
    except (TypeError, ValueError):
        raise MatdiffError(f"{record.name} takes expressions and numbers, not {type(value).__name__}") from None


def _parameters(given: tuple[str, ...], dims: frozenset[str], values: Sequence[Any], record: Record) -> tuple[Any, ...]:
    out: list[Any] = []
    for name, value in zip(given, values, strict=True):
        if name.isdigit():
            continue
        if name in dims and isinstance(value, int | str | Dim):
            out.append(Dim.of(value))
        elif name not in dims and isinstance(value, int) and value >= 0:
            out.append(value)
        else:
            raise ShapeError(f"the {name} of {record.name} must be a whole number{' or a dimension' * (name in dims)}")
    return tuple(out)
