"""Typed nodes from trees whose types are known: one pass, arguments before their user, nothing searched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from matdiff.errors import MatdiffError, ShapeError, UnsupportedError
from matdiff.inference.calls import (
    call_params,
    choose,
    constant_sizes,
    duplication_size,
    frechet_op,
    relu_argument,
)
from matdiff.inference.literals import literal
from matdiff.inference.names import CONSTANTS
from matdiff.inference.own import split_primes, unknown
from matdiff.inference.reading import Root, operands
from matdiff.inference.subscripts import index_node
from matdiff.node import Node, Number, constant, describe, number
from matdiff.ops.algebra import (
    add,
    commutation,
    eye,
    hadamard,
    inner,
    matmul,
    mpow,
    ones,
    ones_like,
    power,
    scale,
    transpose,
    unit,
    zeros,
)
from matdiff.ops.indexing import HCAT, VCAT
from matdiff.shape import Dim
from matdiff.syntax import Tree

MAX_UNFOLDED = 200_000
"""Most trees that applying the user's own functions may visit: s(s(…)) grows without end."""

MINUS = number(-1)
Handler = Callable[["Builder", Tree, list[Node]], Node]


class Builder:
    def __init__(
        self,
        env: dict[str, Node],
        functions: Mapping[str, Root | None],
        loose: Mapping[Tree, tuple[Dim, ...]],
        text: str,
    ) -> None:
        self.env = env
        self.functions = functions
        self.loose = loose
        self.text = text
        self.unfolded = 0
        self.applied: dict[tuple[str, Node], Node] = {}

    def run(self, root: Root) -> Node:
        return self._frames(_Frame(root.plan, self.env))

    def _frames(self, frame: _Frame) -> Node:
        """Evaluate a plan; the call of an own function suspends it for the plan of that function."""
        frames = [frame]
        while True:
            frame = frames[-1]
            called = self._advance(frame)
            if called is None:
                frames.pop()
                value = frame.stack[-1]
                if frame.key is not None:
                    if frame.key[1].kind != "scalar" and value.kind == "scalar":
                        value = scale(value, ones_like(frame.key[1]))
                    self.applied[frame.key] = value
                if not frames:
                    return value
                frames[-1].stack.append(value)
            else:
                frames.append(called)

    def _advance(self, frame: _Frame) -> _Frame | None:
        """Run a frame to its end (None), or to a call of an own function that was not made before."""
        plan, env, stack, varying = frame.plan, frame.env, frame.stack, frame.varying
        at, end = frame.at, len(plan)
        while at < end:
            t = plan[at]
            at += 1
            head = t.head
            try:
                if head == "name":
                    stack.append(env.get(t.value) or self._constant(t))  # type: ignore[arg-type]
                elif head == "number":
                    stack.append(number(t.value))  # type: ignore[arg-type]
                elif head == "*" and not varying:
                    b = stack.pop()
                    stack[-1] = matmul(stack[-1], b)
                else:
                    n = len(t.args) if head not in ("call", "index") else len(operands(t))
                    first = len(stack) - n
                    args = stack[first:]
                    del stack[first:]
                    if head == "call" and self.functions.get(str(t.value)) is not None:
                        frame.at = at
                        entered = self._enter(str(t.value), args[0])
                        if isinstance(entered, _Frame):
                            return entered
                        stack.append(entered)
                    elif varying and t in varying:
                        stack.append(entrywise(self, t, args))
                    else:
                        stack.append(HANDLERS[head](self, t, args))
            except MatdiffError as error:
                raise error.located(self.text, t.span) from None
        return None

    def _constant(self, t: Tree) -> Node:
        return eye(self.loose[t][0]) if t.value == "I" else constant("pi", "scalar")

    def _enter(self, name: str, argument: Node) -> _Frame | Node:
        """An own function applied: the value if it is known, else the plan to run for it."""
        key = (name, argument)
        if key in self.applied:
            return self.applied[key]
        root = self.functions[name]
        assert root is not None
        self.unfolded += len(root.plan)
        if self.unfolded > MAX_UNFOLDED:
            raise UnsupportedError(
                f"{name}(…) written out has over {MAX_UNFOLDED:,} operations", hint="apply it less often"
            )
        varying = frozenset() if argument.kind == "scalar" else _varying(root, self.functions)
        return _Frame(root.plan, {**self.env, root.parameter: argument}, varying, key)


class _Frame:
    __slots__ = ("at", "env", "key", "plan", "stack", "varying")

    def __init__(
        self,
        plan: list[Tree],
        env: dict[str, Node],
        varying: frozenset[Tree] = frozenset(),
        key: tuple[str, Node] | None = None,
    ) -> None:
        self.plan = plan
        self.env = env
        self.varying = varying
        self.key = key
        self.at = 0
        self.stack: list[Node] = []


def _varying(root: Root, functions: Mapping[str, Root | None]) -> frozenset[Tree]:
    """Trees of a body that depend on its parameter: these act entry by entry, the others are plain algebra."""
    out: set[Tree] = set()
    for t in root.plan:
        if (t.head == "name" and t.value == root.parameter) or any(a in out for a in t.args):
            out.add(t)
    return frozenset(out)


# applied to an array, operations on scalars act entry by entry


def entrywise(b: Builder, t: Tree, args: list[Node]) -> Node:
    head = t.head
    if head in ("+", ".+"):
        return _broadcast_sum(b, t, args)
    if head == "neg":
        return scale(MINUS, args[0])
    if head in ("*", ".*"):
        return hadamard(args[0], args[1])
    if head in ("/", "./"):
        return hadamard(args[0], power(args[1], MINUS))
    if head in ("^", ".^"):
        return power(args[0], args[1])
    if head == "'":
        return args[0]
    if head == "abs" or head == "norm":
        return word("abs", args)
    if head == "call":
        return _entrywise_call(b, t, args)
    raise UnsupportedError(
        "a function of one's own that is applied to an array must be made of scalar operations",
        hint="use + - * / ^ and elementwise functions of the parameter",
    )


def _entrywise_call(b: Builder, t: Tree, args: list[Node]) -> Node:
    name = str(t.value)
    if name in ("max", "e^") or split_primes(name)[0] in b.functions:
        return _call(b, t, args) if name != "e^" else word("exp", args)
    record = choose(name, ["scalar"] * len(args), len(t.args))
    if record is not None and getattr(record, "elementwise", False):
        return record(*args, params=call_params(t, record))
    if record is not None and record.scalar is not None:
        return record.scalar(*args, *call_params(t, record))
    raise UnsupportedError(
        f"{name} does not act entry by entry, so it cannot be part of a function applied to an array"
    )


# plain algebra


def word(name: str, args: list[Node], params: tuple[Any, ...] = ()) -> Node:
    record = choose(name, [a.kind for a in args], len(args) + len(params))
    if record is None:
        raise UnsupportedError(f"{name} is not defined for these arguments")
    return record(*args, params=params)


def _sum(b: Builder, t: Tree, args: list[Node]) -> Node:
    return add(*args)


def _broadcast_sum(b: Builder, t: Tree, args: list[Node]) -> Node:
    like = next((a for a in args if a.kind != "scalar"), None)
    if like is None:
        return add(*args)
    return add(*(scale(a, ones_like(like)) if a.kind == "scalar" else a for a in args))


def _quotient(b: Builder, t: Tree, args: list[Node]) -> Node:
    a, s = args
    if isinstance(s, Number) and s.value:
        return scale(number(1 / s.value if isinstance(s.value, float) else 1 / Fraction(s.value)), a)
    return scale(power(s, MINUS), a) if a.kind != "scalar" else scale(a, power(s, MINUS))


def _solve(b: Builder, t: Tree, args: list[Node]) -> Node:
    a, v = args
    return matmul(power(a, MINUS) if a.kind == "scalar" else word("inv", [a]), v)


def _divide_entries(b: Builder, t: Tree, args: list[Node]) -> Node:
    if args[1].kind == "scalar":
        return _quotient(b, t, args)
    return hadamard(args[0], power(args[1], MINUS))


def _hadamard(b: Builder, t: Tree, args: list[Node]) -> Node:
    return hadamard(args[0], args[1])


def _power(b: Builder, t: Tree, args: list[Node]) -> Node:
    a, p = args
    if a.kind == "scalar":
        return power(a, p)
    value = literal(t.args[1])
    assert value is not None and not isinstance(value, str)
    base = word("inv", [a]) if value < 0 else a
    return mpow(base, abs(int(value))) if value == int(value) else word("sqrtm", [base])


def _entry_power(b: Builder, t: Tree, args: list[Node]) -> Node:
    return power(args[0], args[1])


def _norm(b: Builder, t: Tree, args: list[Node]) -> Node:
    a = transpose(args[0]) if args[0].kind == "row" else args[0]
    return word({"1": "norm1", "inf": "norminf", "*": "nuclear"}.get(str(t.value), "norm"), [a])


def _row(b: Builder, t: Tree, args: list[Node]) -> Node:
    return args[0] if len(args) == 1 else HCAT(*args)


def _block(b: Builder, t: Tree, args: list[Node]) -> Node:
    return args[0] if len(args) == 1 else VCAT(*args)


def _call(b: Builder, t: Tree, args: list[Node]) -> Node:
    name = str(t.value)
    base, primes = split_primes(name)
    if base in b.functions:
        return unknown(base, primes)(args[0])
    special = SPECIAL.get(name)
    if special is not None:
        return special(b, t, args)
    record = choose(name, [a.kind for a in args], len(t.args))
    if record is None:
        if name not in CONSTANTS:
            raise ShapeError(f"{name} does not take {' and '.join(map(describe, args))}")
        return _constant(b, t)
    return record(*args, params=call_params(t, record) if len(t.args) > len(args) else ())


def _exponential(b: Builder, t: Tree, args: list[Node]) -> Node:
    return word("exp" if args[0].kind == "scalar" else "expm", args)


def _relu(b: Builder, t: Tree, args: list[Node]) -> Node:
    return word("relu", [args[relu_argument(t) or 0]])


def _frechet(b: Builder, t: Tree, args: list[Node]) -> Node:
    return frechet_op(t)(*args)


SPECIAL: dict[str, Handler] = {"max": _relu, "e^": _exponential, "frechet": _frechet, "hcat": _row, "vcat": _block}


def _constant(b: Builder, t: Tree) -> Node:
    loose = b.loose.get(t)
    if loose is not None:
        value = literal(t.args[0])
        assert value is not None
        return scale(number(value), ones("vector" if len(loose) == 1 else "matrix", *loose))
    sizes = constant_sizes(t)
    match t.value:
        case "eye":
            return eye(sizes[0])
        case "K":
            return commutation(*sizes)
        case "D":
            n = duplication_size(sizes[0])
            return constant("D", "matrix", Dim.of(n * n), Dim.of(n * (n + 1) // 2), (sizes[0],))
        case "e":
            return unit(sizes[0], int(literal(t.args[1]) or 1))
        case _:
            return (ones if t.value == "ones" else zeros)("vector" if len(sizes) == 1 else "matrix", *sizes)


HANDLERS: dict[str, Handler] = {
    "+": _sum,
    ".+": _broadcast_sum,
    "neg": lambda b, t, args: scale(MINUS, args[0]),
    "*": lambda b, t, args: matmul(args[0], args[1]),
    "/": _quotient,
    "\\": _solve,
    ".*": _hadamard,
    "./": _divide_entries,
    "⊗": lambda b, t, args: word("kron", args),
    "^": _power,
    ".^": _entry_power,
    "'": lambda b, t, args: transpose(args[0]),
    "norm": _norm,
    "inner": lambda b, t, args: inner(args[0], args[1]),
    "index": lambda b, t, args: index_node(t, args[0]),
    "row": _row,
    "block": _block,
    "abs": lambda b, t, args: word("abs", args),
    "call": _call,
}
