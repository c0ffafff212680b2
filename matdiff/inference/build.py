"""Typed nodes from trees whose types are known: one pass, arguments before their user, nothing searched."""

from __future__ import annotations

from collections.abc import Mapping

from matdiff.core.node import Node, constant, number
from matdiff.errors import MatdiffError, UnsupportedError
from matdiff.inference.calls import call_params, choose
from matdiff.inference.nodes import HANDLERS, MINUS, Building, broadcast_sum, call, word
from matdiff.inference.reading import operands
from matdiff.inference.special import split_primes
from matdiff.inference.types import Root
from matdiff.ops.algebra import hadamard, matmul, power, scale
from matdiff.ops.constants import eye, ones_like
from matdiff.ops.unknown import Arrow
from matdiff.text.tree import Tree


def entrywise(b: Building, t: Tree, args: list[Node]) -> Node:
    head = t.head
    if head in ("+", ".+"):
        return broadcast_sum(b, t, args)
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


def _entrywise_call(b: Building, t: Tree, args: list[Node]) -> Node:
    name = str(t.value)
    if name in ("max", "min") and len(args) == 1:
        return args[0]
    if name in ("max", "min", "e^") or split_primes(name)[0] in b.functions:
        return call(b, t, args) if name != "e^" else word("exp", args)
    record = choose(name, ["scalar"] * len(args), len(t.args), t.args)
    if record is not None and getattr(record, "elementwise", False):
        return record(*args, params=call_params(t, record))
    if record is not None and record.scalar is not None:
        return record.scalar(*args, *call_params(t, record))
    raise UnsupportedError(
        f"{name} does not act entry by entry, so it cannot be part of a function applied to an array"
    )


MAX_UNFOLDED = 200_000
"""Most trees that applying the user's own functions may visit: s(s(…)) grows without end."""


class Builder(Building):
    """Runs the plans, those of functions of one's own where they are called."""

    def formula(self, root: Root, t: Node) -> Node:
        """The body of an own function in its parameter."""
        return self._frames(_Frame(root.plan, {**self.env, root.parameter: t}))

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
                    if t.value and "scalar" not in (b.kind, stack[-1].kind):
                        self.remark(f"{{0}}*{{1}} goes entry by entry, as in {t.value}", *t.args)
                        stack[-1] = hadamard(stack[-1], b)
                    else:
                        stack[-1] = matmul(stack[-1], b)
                else:
                    n = len(t.args) if head not in ("call", "index") else len(operands(t))
                    first = len(stack) - n
                    args = stack[first:]
                    del stack[first:]
                    if (divisor := _divisor(t)) is not None:
                        self.divisors.setdefault(args[divisor], t.args[divisor].span)
                    if head == "call" and isinstance(self.functions.get(str(t.value)), Root):
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
        if name in self.kept:
            return self.kept[name](argument)
        root = self.functions[name]
        assert isinstance(root, Root)
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


def _varying(root: Root, functions: Mapping[str, Root | Arrow | None]) -> frozenset[Tree]:
    """Trees of a body that depend on its parameter: these act entry by entry, the others are plain algebra."""
    out: set[Tree] = set()
    for t in root.plan:
        if (t.head == "name" and t.value == root.parameter) or any(a in out for a in t.args):
            out.add(t)
    return frozenset(out)


def _divisor(t: Tree) -> int | None:
    """Which operand is divided by."""
    if t.head in ("/", "./"):
        return 1
    divides = t.head == "\\" or (t.head == "call" and t.value == "inv")
    return 0 if divides or (t.head in ("^", ".^") and _negative(t.args[1])) else None


def _negative(exponent: Tree) -> bool:
    """Is it a negative number that is written out?"""
    number = exponent.args[0] if exponent.head == "neg" else exponent
    return number.head == "number" and (number is not exponent or str(number.value).startswith("-"))
