"""Functions of one's own: declared without saying what they are, `h: elementwise`, with h', h'', …; or defined."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from matdiff.core.node import Node
from matdiff.core.op import Nonlinear, Op, words
from matdiff.errors import ShapeError
from matdiff.ops.algebra import hadamard
from matdiff.text.tree import Tree

if TYPE_CHECKING:
    from matdiff.inference.types import Root


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
