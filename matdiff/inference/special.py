"""Words with a grammar of their own: e^A, frechet(expm,A,V), and the constants with their sizes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from matdiff.core.node import Node
from matdiff.core.op import Nonlinear, Op, Record, registry, words
from matdiff.core.shape import ONE, Dim, triangular
from matdiff.errors import ParseError, ShapeError
from matdiff.inference.literals import literal, size, whole
from matdiff.inference.misfit import Misfit
from matdiff.inference.types import Type
from matdiff.ops.algebra import hadamard
from matdiff.text.tree import Tree

if TYPE_CHECKING:
    from matdiff.inference.types import Checking, Root

# Functions of one's own: declared without saying what they are, `h: elementwise`, with h', h'', …; or defined.


@cache
def unknown(name: str, order: int = 0) -> Op:
    """The elementwise function `name`, or its derivative of that order; the same name is the same function."""

    def differential(x: Node, dx: Node) -> Node:
        return hadamard(unknown(name, order + 1)(x), dx)

    return Op(
        name + "'" * order,
        "(...)->(...)",
        (Nonlinear(differential),),
        law="chain rule",
        elementwise=True,
        summary="an unknown elementwise function",
    )


def split_primes(name: str) -> tuple[str, int]:
    """`h''` is the second derivative of h."""
    base = name.rstrip("'")
    return base, len(name) - len(base)


def entrywise(root: Root, call: Tree) -> None:
    """Refuse the call f(A) of f(X) = tr(X): in a definition with a parameter that is an entry, and its trace itself.

    Raises ShapeError.
    """
    found = _for_arrays(root)
    if found is None:
        return
    x = root.parameter
    inside = x if found.args[0].head == "name" else "…"
    said = {"call": f"{found.value}({inside})", "'": f"{inside}'", "norm": f"‖{inside}‖", "index": "[…]"}[found.head]
    given = str(call.args[0].value) if call.args[0].head == "name" else "r"
    hint = "a definition without a parameter takes whole arrays: "
    hint += f"f = {found.value}({given}); f" if found is root.tree and found.head == "call" else "r = A*x - b; r'*r"
    raise ShapeError(
        f"{root.name}({x}) is a function of each entry: there {x} is a scalar, and so is {said}", hint=hint
    )


def _for_arrays(root: Root) -> Tree | None:
    """What is for vectors and matrices, of all that the parameter is put into."""
    varying: set[Tree] = set()
    for t in root.plan:
        if (t.head == "name" and t.value == root.parameter) or not varying.isdisjoint(t.args):
            varying.add(t)
            entries = [r.signature.endswith("->(...)") for r in words.get(str(t.value), ())] if t.head == "call" else []
            if t.head in ("'", "norm", "index") or (entries and not any(entries)):
                return t
    return None


def _exponential(c: Checking, t: Tree, args: list[Type]) -> Type:
    a = args[0]
    if a[0] == "matrix" and not c.solver.equate(a[1], a[2]):
        raise Misfit(t, "e^X needs a square matrix, not {}", (a,), "write exp({0}) entry by entry")
    return a


def _frechet(c: Checking, t: Tree, args: list[Type]) -> Type:
    op = frechet_op(t)
    power = op.name == "frechet_mpower"
    if len(args) != 2 + power:
        raise ParseError(
            "frechet takes a matrix function and two matrices: frechet(expm,A,V); of a power the exponent as well: "
            "frechet(mpower,A,V,k)"
        )
    if power and args[2][0] != "scalar":
        raise Misfit(t, "the exponent in frechet(mpower,A,V,k) is a scalar, not {}", tuple(args[2:]), "", t.args[3:])
    for a in args[:2]:
        if a[0] != "matrix" or not c.solver.equate(a[1], a[2]) or not c.same(args[0], a):
            raise Misfit(t, f"{op.name} takes two square matrices, not {{}} and {{}}", tuple(args[:2]), "", t.args[1:3])
    return args[0]


def frechet_op(t: Tree) -> Record:
    return frechet_of(str(t.args[0].value) if t.args else "")


def frechet_of(function: str) -> Record:
    """The Fréchet derivative of a matrix function by its name.  Raises ParseError where there is none."""
    name = f"frechet_{function}"
    if name not in registry:
        known = ", ".join(n.removeprefix("frechet_") for n in registry if n.startswith("frechet_"))
        raise ParseError(f"the first argument of frechet is one of {known}")
    return registry[name]


SPECIAL = {
    "e^": _exponential,
    "frechet": _frechet,
}


_SIZES = {"eye": (1,), "ones": (1, 2), "zeros": (1, 2), "K": (2,), "D": (1,), "e": (2,), "vector": (1,), "matrix": (1,)}


def constant_sizes(t: Tree) -> list[Dim]:
    """The sizes in `ones(m,n)`; of e(n,i) the n.  Raises ParseError for a wrong number of them."""
    name = str(t.value)
    if len(t.args) not in _SIZES[name]:
        many = " or ".join(map(str, _SIZES[name]))
        usage = {"e": "e(n,i), the i-th unit vector", "K": "K(m,n)", "D": "D(n)"}.get(name, f"{name}(n)")
        usage = f"{name}(n) or {name}(m,n)" if _SIZES[name] == (1, 2) else usage
        raise ParseError(f"{name} takes {many} argument{'s' * (many != '1')}, not {len(t.args)}", hint=f"write {usage}")
    if name in ("vector", "matrix"):
        if literal(t.args[0]) is None:
            raise ParseError(f"{name}(1) is an array of ones: its argument is a number")
        return []
    if name == "e":
        n, i = size(t.args[0]), whole(t.args[1], "the index of e(n,i)")
        if n.number is not None and i > n.number:
            raise ShapeError(f"index {i} is out of range: e({n},i) has {n} entries, counted from 1")
        return [n]
    return [size(a) for a in t.args]


def constant_type(c: Checking, t: Tree) -> Type:
    sizes = constant_sizes(t)
    match t.value:
        case "vector" | "matrix":
            rows = c.solver.fresh()
            cols = ONE if t.value == "vector" else c.solver.fresh()
            c.loose[t] = (rows,) if t.value == "vector" else (rows, cols)
            return ("vector" if t.value == "vector" else "matrix"), rows, cols
        case "eye":
            return "matrix", sizes[0], sizes[0]
        case "K":
            side = sizes[0] * sizes[1]
            return "matrix", side, side
        case "D":
            return "matrix", sizes[0] * sizes[0], triangular(sizes[0])
        case _:
            return ("vector", sizes[0], ONE) if len(sizes) == 1 else ("matrix", sizes[0], sizes[1])
