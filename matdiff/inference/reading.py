"""The program as straight plans: every tree in evaluation order, its names, its definitions in order of dependence."""

from __future__ import annotations

from collections.abc import Collection

from matdiff.core.op import parameters, words
from matdiff.core.shape import signature
from matdiff.errors import ParseError
from matdiff.inference.literals import as_fixed
from matdiff.inference.names import CONSTANTS
from matdiff.inference.special import split_primes
from matdiff.inference.types import Root
from matdiff.ops.constants import LONG
from matdiff.text.tree import Program, Tree


def operands(tree: Tree) -> tuple[Tree, ...]:
    """The arguments that are expressions; indices, sizes and the like are not."""
    head = tree.head
    if head == "index":
        return tree.args[:1]
    if head != "call":
        return tree.args
    name = tree.value
    if name in CONSTANTS:
        return ()
    if name == "frechet":
        return tree.args[1:]
    for record in words.get(str(name), ()):
        given = parameters(record.signature)
        if given and len(signature(record.signature)[0]) + len(given) == len(tree.args) and as_fixed(given, tree.args):
            return tree.args[: -len(given)]
    return tree.args


def postorder(tree: Tree, values: Collection[str] = (), own: Collection[str] = ()) -> list[Tree]:
    """Trees in evaluation order.

    A bare `eye` is I, a call of a name in `values` (a variable) is a product, and σ(x) is sigmoid(x) unless the
    program has its `own`.
    """
    order: list[Tree] = []
    stack = [tree]
    while stack:
        t = stack.pop()
        if t.value == "eye" and t.head == "name":
            t.value = "I"
        if t.args:
            head = t.head
            if head == "call":
                if t.value in values and len(t.args) == 1:
                    name = str(t.value)
                    t.head, t.value = "*", ""
                    t.args = (Tree("name", (), name, (t.span[0], t.span[0] + len(name))), t.args[0])
                elif t.value in ("sigma", "σ") and t.value not in own:
                    t.value = "sigmoid" if len(t.args) == 1 else "sigma"
                else:
                    t.value = LONG.get(str(t.value), t.value)
                stack.extend(operands(t))
            elif head == "index":
                stack.append(t.args[0])
            else:
                stack.extend(t.args)
        order.append(t)
    order.reverse()
    return order


def roots(program: Program, values: Collection[str], functions: Collection[str]) -> list[Root]:
    """Definitions before those that use them, the function last.

    Raises ParseError for redefinitions and for definitions that refer to themselves, even in a circle.
    """
    defined: dict[str, Root] = {}
    for d in program.definitions:
        if d.name in defined:
            raise ParseError(
                f"{d.name} is defined twice", text=program.text, span=d.span, hint="keep one, or rename one"
            )
        defined[d.name] = Root(d.name, d.body, [], d.parameter, d.span)
    names = {*values, *(n for n, r in defined.items() if not r.parameter)}
    own = {*functions, *(n for n, r in defined.items() if r.parameter)}
    for root in defined.values():
        root.plan = postorder(root.tree, names - {root.parameter}, own)
        root.uses = {u for t in root.plan if (u := _mentions(t, defined, root.parameter))}
    out = _ordered(defined, program.text)
    if program.function is not None:
        out.append(Root("", program.function, postorder(program.function, names, own)))
    return out


def _mentions(tree: Tree, defined: dict[str, Root], parameter: str) -> str:
    """The definition that a tree refers to itself, or an empty string."""
    if tree.head == "name" and tree.value != parameter:
        name = str(tree.value)
        if name in defined:
            return name
        of = name[1:].partition("_")[0] if name[:1] == "d" else ""
        return name[1:] if name[:1] == "d" and name[1:] in defined else of if of in defined else ""
    if tree.head == "call":
        base = split_primes(str(tree.value))[0]
        return base if base in defined else ""
    return ""


def _ordered(defined: dict[str, Root], text: str) -> list[Root]:
    out: list[Root] = []
    state: dict[str, int] = {}
    for start in defined:
        stack = [start]
        while stack:
            name = stack[-1]
            if state.get(name) == 2:
                stack.pop()
            elif state.get(name) == 1 and all(state.get(u) == 2 for u in defined[name].uses):
                state[name] = 2
                out.append(defined[name])
                stack.pop()
            else:
                if state.get(name) == 1:
                    raise _circle(name, defined, text)
                state[name] = 1
                stack.extend(sorted(u for u in defined[name].uses if state.get(u) != 2))
    return out


def _circle(name: str, defined: dict[str, Root], text: str) -> ParseError:
    way = " → ".join([name, *sorted(defined[name].uses - {name}), name])
    return ParseError(
        f"{name} is defined by itself: {way}", text=text, span=defined[name].span, hint="rename one of the two"
    )
