"""What each operator builds of typed nodes; that they fit has been checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from matdiff.core.node import Constant, Node, Number, describe, number, topological
from matdiff.core.op import Op
from matdiff.core.patterns import deferred
from matdiff.core.shape import Dim
from matdiff.errors import ParseError, ShapeError, UnsupportedError
from matdiff.graph.properties import Known
from matdiff.inference.arrows import arrow_node, derivative_named
from matdiff.inference.calls import call_params, choose
from matdiff.inference.literals import literal
from matdiff.inference.misfit import grouped, source
from matdiff.inference.names import CONSTANTS
from matdiff.inference.operators import index_node
from matdiff.inference.special import constant_sizes, frechet_op, split_primes, unknown
from matdiff.inference.types import Root
from matdiff.ops.algebra import MATMUL, POWER, add, hadamard, inner, is_op, matmul, mpow, power, scale, transpose
from matdiff.ops.constants import commutation, duplication, eye, ones, ones_like, unit, zeros
from matdiff.ops.indexing import HCAT, VCAT
from matdiff.ops.matrix_functions import MPOWER, matrix_power
from matdiff.ops.unknown import Arrow
from matdiff.text.tree import EQUATED, Span, Tree

MINUS = number(-1)
_letter_t = deferred(r"\s*\^[\s{(]*-?1?\s*T[\s})]*")


class Building:
    """What is known while nodes are built: names, functions of one's own, the sizes of what is written without."""

    def __init__(
        self,
        env: dict[str, Node],
        functions: Mapping[str, Root | Arrow | None],
        loose: Mapping[Tree, tuple[Dim, ...]],
        text: str,
        kept: Mapping[str, Op] | None = None,
    ) -> None:
        """`kept` are own functions that are not written out."""
        self.env = env
        self.kept = kept or {}
        self.functions = functions
        self.loose = loose
        self.text = text
        self.unfolded = 0
        self.remarks: dict[str, None] = {}
        self.applied: dict[tuple[str, Node], Node] = {}
        self.divisors: dict[Node, Span] = {}
        """Where what is divided by stands."""
        self.constant: list[Node] = []
        """Functions of numbers."""

    def remark(self, sentence: str, *trees: Tree) -> None:
        """Something to be said with the answer; `{0}` is the first of the trees as it was typed."""
        if sentence:
            self.remarks[sentence.format(*(grouped(t, source(t, self.text)) for t in trees))] = None


Handler = Callable[["Building", Tree, list[Node]], Node]


def word(name: str, args: list[Node], params: tuple[Any, ...] = ()) -> Node:
    record = choose(name, [a.kind for a in args], len(args) + len(params))
    if record is None:
        raise UnsupportedError(f"{name} is not defined for these arguments")
    return record(*args, params=params)


def _sum(b: Building, t: Tree, args: list[Node]) -> Node:
    return broadcast_sum(b, t, args) if t.mark and t.mark != EQUATED else add(*args)


def broadcast_sum(b: Building, t: Tree, args: list[Node]) -> Node:
    like = next((a for a in args if a.kind != "scalar"), None)
    if like is None:
        return add(*args)
    return add(*(scale(a, ones_like(like)) if a.kind == "scalar" else a for a in args))


def _quotient(b: Building, t: Tree, args: list[Node]) -> Node:
    a, s = args
    if s.kind == "matrix":
        b.remark(
            "{0}/{1}: dividing by the matrix {1} is multiplying by inv({1}) from the right; entry by entry it is ./",
            *t.args,
        )
        return matmul(a, word("inv", [s]))
    if isinstance(s, Number) and s.value:
        return scale(number(1 / s.value if isinstance(s.value, float) else 1 / Fraction(s.value)), a)
    return scale(power(s, MINUS), a) if a.kind != "scalar" else scale(a, power(s, MINUS))


def _solve(b: Building, t: Tree, args: list[Node]) -> Node:
    a, v = args
    if a.kind != "scalar" and a.rows is not a.cols:
        b.remark(
            "{0}\\{1} is the least-squares solution pinv({0})*{1}, as {0} is " + f"{a.rows}×{a.cols}, not square",
            *t.args,
        )
        return matmul(word("pinv", [a]), v)
    return matmul(power(a, MINUS) if a.kind == "scalar" else word("inv", [a]), v)


def _at(b: Building, t: Tree, args: list[Node]) -> Node:
    left, right = args
    if left.kind != "vector":
        return matmul(left, right)
    if right.kind != "vector":
        return matmul(transpose(right), left)
    if is_op(left, MATMUL):
        A, x = left.children
        return matmul(matmul(transpose(x), transpose(A)), right)
    return matmul(transpose(left), right)


def _divide_entries(b: Building, t: Tree, args: list[Node]) -> Node:
    if args[1].kind == "scalar":
        return _quotient(b, t, args)
    return hadamard(args[0], power(args[1], MINUS))


def _hadamard(b: Building, t: Tree, args: list[Node]) -> Node:
    return hadamard(args[0], args[1])


def _power(b: Building, t: Tree, args: list[Node]) -> Node:
    a, p = args
    if a.kind == "scalar":
        return power(a, p)
    if isinstance(p, Number) and (p.value == int(p.value) or abs(p.value) == Fraction(1, 2)):
        base = word("inv", [a]) if p.value < 0 else a
        return mpow(base, abs(int(p.value))) if p.value == int(p.value) else word("sqrtm", [base])
    made = matrix_power(a, p)
    if is_op(made, MPOWER):
        b.remark(_exponent_remark(a, p), *t.args)
    return made


def _exponent_remark(a: Node, p: Node) -> str:
    """What a power of a matrix is where the exponent does not say it."""
    if "spd" in Known()(a) or isinstance(p, Constant):
        return ""
    if isinstance(p, Number):
        return "{0}^{1} is a matrix power, defined where no eigenvalue of {0} is 0 or negative, as of spd matrices"
    return (
        "{0}^{1} is a matrix power: the exponent is a whole number, or any real one where no eigenvalue of {0} is 0 or "
        "negative, as of spd matrices"
    )


def _entry_power(b: Building, t: Tree, args: list[Node]) -> Node:
    return power(args[0], args[1])


def _transposed(b: Building, t: Tree, args: list[Node]) -> Node:
    """Of a scalar ^T is no transpose to those who have an exponent T, or no array in it: (1 + r)^T."""
    (a,) = args
    if a.kind == "scalar":
        base = t.args[0] if t.args[0].span[1] < t.span[1] else t.args[0].args[0]
        sign = b.text[base.span[1] : t.span[1]]
        if _letter_t.fullmatch(sign) and ("T" in b.env or all(n.kind == "scalar" for n in topological(a))):
            shown = grouped(base, source(base, b.text))
            power = f"{shown}^{'-' * ('-' in sign)}N"
            hint = f"Give the exponent another name, {power}, or leave the transpose of a scalar out."
            raise ParseError("is this T an exponent or a transpose?", text=b.text, span=t.span, hint=hint)
    inside = t.args[0]
    if inside.head == ".^" and inside.span[1] == inside.args[1].span[1] and is_op(a, POWER):
        _refuse_transposed_exponent(b, t, a)
    return transpose(a)


def _refuse_transposed_exponent(b: Building, t: Tree, power: Node) -> None:
    """Of arrays x.^y' is (x.^y)' to some and x.^(y') to others.  Raises ParseError."""
    if all(n.kind != "scalar" for n in power.children):
        x, y = (grouped(part, source(part, b.text)) for part in t.args[0].args)
        hint = f"Write ({x}.^{y})' for the one, {x}.^({y}') for the other."
        raise ParseError("is the power transposed, or its exponent?", text=b.text, span=t.span, hint=hint)


def _norm(b: Building, t: Tree, args: list[Node]) -> Node:
    a = transpose(args[0]) if args[0].kind == "row" else args[0]
    return word({"1": "norm1", "inf": "norminf", "*": "nuclear"}.get(str(t.value), "norm"), [a])


def _row(b: Building, t: Tree, args: list[Node]) -> Node:
    return args[0] if len(args) == 1 else HCAT(*args)


def _block(b: Building, t: Tree, args: list[Node]) -> Node:
    return args[0] if len(args) == 1 else VCAT(*args)


def call(b: Building, t: Tree, args: list[Node]) -> Node:
    name = str(t.value)
    if (of := derivative_named(b.functions, name)) is not None:
        return arrow_node(of, name.endswith("*"), args)
    base, primes = split_primes(name)
    if base in b.functions:
        return unknown(base, primes)(args[0])
    special = SPECIAL.get(name)
    if special is not None:
        return special(b, t, args)
    record = choose(name, [a.kind for a in args], len(t.args), t.args)
    if record is None:
        if name not in CONSTANTS:
            raise ShapeError(f"{name} does not take {' and '.join(map(describe, args))}")
        return _constant(b, t)
    b.remark(record.remark, *t.args)
    made = record(*args, params=call_params(t, record) if len(t.args) > len(args) else ())
    if args and all(isinstance(a, Number) for a in args):
        b.constant.append(made)
    return made


def _exponential(b: Building, t: Tree, args: list[Node]) -> Node:
    return word("expm" if args[0].kind == "matrix" else "exp", args)


def _frechet(b: Building, t: Tree, args: list[Node]) -> Node:
    return frechet_op(t)(*args)


SPECIAL: dict[str, Handler] = {"e^": _exponential, "frechet": _frechet, "hcat": _row, "vcat": _block}


def _constant(b: Building, t: Tree) -> Node:
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
            return duplication(sizes[0])
        case "e":
            return unit(sizes[0], int(literal(t.args[1]) or 1))
        case _:
            return (ones if t.value == "ones" else zeros)("vector" if len(sizes) == 1 else "matrix", *sizes)


HANDLERS: dict[str, Handler] = {
    "+": _sum,
    ".+": broadcast_sum,
    "neg": lambda b, t, args: scale(MINUS, args[0]),
    "over": lambda b, t, args: t.build(args),  # type: ignore[attr-defined]
    "*": lambda b, t, args: matmul(args[0], args[1]),
    "@": _at,
    "/": _quotient,
    "\\": _solve,
    ".*": _hadamard,
    "./": _divide_entries,
    "⊗": lambda b, t, args: word("kron", args),
    "^": _power,
    ".^": _entry_power,
    "'": _transposed,
    "norm": _norm,
    "inner": lambda b, t, args: inner(args[0], args[1]),
    "index": lambda b, t, args: index_node(t, args[0]),
    "row": _row,
    "block": _block,
    "abs": lambda b, t, args: word("det" if t.mark and args[0].kind == "matrix" else "abs", args),
    "call": call,
}
