"""Functions by a formula in one scalar, entry by entry: the rules give the derivative, code spells it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache, reduce
from math import pi

from matdiff.calculus.differential import differentials
from matdiff.core.node import Apply, Node, Number, Symbol, number, symbols, topological
from matdiff.core.op import Nonlinear, Op, register, registry, words
from matdiff.errors import ParseError, UnsupportedError
from matdiff.graph.rewrite import inline, transformed
from matdiff.ops.algebra import broadcast_add, product
from matdiff.ops.algebra import power as entry_power
from matdiff.printing import to_text
from matdiff.printing.length import length
from matdiff.simplify.factor import quotient
from matdiff.simplify.forms import shortest
from matdiff.simplify.normal import normal

LONGEST = 4000
"""Characters of code that a formula may take."""


class Formula:
    """The body of a function in its parameter `t`, a scalar symbol; the text of a registered one."""

    def __init__(self, name: str, body: Node, t: Symbol, text: str | None = None) -> None:
        self.name, self.body, self.t, self.text = name, inline(body), t, text

    def at(self, x: Node) -> Node:
        """The function written out, applied to x entry by entry."""
        return entrywise(self.body, self.t, x)

    def slope(self, x: Node) -> Node:
        """The derivative, applied to x entry by entry."""
        return entrywise(self.derivative, self.t, x)

    @cached_property
    def derivative(self) -> Node:
        """In the parameter: the shortest form without new functions."""
        slope = normal(differentials(self.body, {self.t: number(1)}).get(self.body) or number(0))
        usual = functions(slope) | functions(self.body)
        forms = [slope, shortest(slope)]
        whole = quotient(slope)
        if whole is not None:
            whole = normal(whole)
            forms += [form for form in (whole, shortest(whole)) if length(form) < length(forms[1]) - 1]
        return min((form for form in forms if functions(form) <= usual), key=length)

    def code(self, template: Callable[[Op], str]) -> str:
        """The body as one expression of an array library, a template in {0}, of the templates of its functions."""
        text: dict[Node, str] = {self.t: "{0}"}
        for node in topological(self.body):
            if node is not self.t:
                text[node] = _code(node, [text[c] for c in node.children], template)
            if len(text[node]) > LONGEST:
                raise UnsupportedError(f"the formula of {self.name} is too long for one line of code")
        return text[self.body]


def functions(node: Node) -> set[Op]:
    return {n.op for n in topological(node) if isinstance(n, Apply)}


def entrywise(body: Node, t: Symbol, x: Node) -> Node:
    """A scalar expression in t with an array in its place, every operation acting entry by entry."""
    memo: dict[Node, Node] = {t: x}
    for node in topological(body):
        if isinstance(node, Apply):
            memo[node] = _entries(node, [memo[a] for a in node.args])
        else:
            memo.setdefault(node, node)
    value = memo[body]
    return value if value.kind == x.kind else broadcast_add(value, product(number(0), x))


def _entries(node: Apply, args: list[Node]) -> Node:
    match node.op.name:
        case "add":
            return reduce(broadcast_add, args)
        case "scale":
            return reduce(product, args)
        case "power":
            return entry_power(*args)
    return node.op(*args, params=node.params)


def _code(node: Node, args: list[str], template: Callable[[Op], str]) -> str:
    if isinstance(node, Number):
        value = node.value
        return f"({value.numerator}/{value.denominator})" if isinstance(value, Fraction) else f"({value!r})"
    if not isinstance(node, Apply):
        return repr(pi)
    signs = {"add": " + ", "scale": " * ", "power": " ** "}
    if node.op.name in signs:
        return "(" + signs[node.op.name].join(args) + ")"
    return template(node.op).format(*args)


def check_scalar(name: str, body: Node, t: Symbol) -> None:
    """Raises where a body is more than scalar operations on the parameter."""
    others = [s.name for s in symbols(body) if s is not t]
    if others:
        raise ParseError(f"the formula of {name} has more than one variable: {t.name} and {', '.join(others)}")
    for node in topological(body):
        if isinstance(node, Apply) and node.op.name not in ("add", "scale", "power") and not node.op.elementwise:
            raise UnsupportedError(f"{node.op.name} does not act entry by entry, so it cannot be part of {name}")


@dataclass(slots=True, eq=False, repr=False)
class Own(Op):
    """The record of a function by its formula."""

    formula: Formula | None = None


def written(root: Node) -> Node:
    """The expression with functions that a program defined written out; registered ones stay."""

    def out(node: Apply, args: tuple[Node, ...]) -> Node | None:
        op = node.op
        if not isinstance(op, Own) or op.formula is None or registry.get(op.name) is op:
            return None
        return op.formula.at(*args)

    return transformed(root, out)


@lru_cache(maxsize=256)
def own(name: str, body: Node, t: Symbol, text: str | None = None) -> Own:
    """The elementwise record of a formula, not registered; the same for the same."""
    check_scalar(name, body, t)
    formula = Formula(name, body, t, text)
    return Own(
        name,
        "(...)->(...)",
        (Nonlinear(lambda x, dx: formula.slope(x) * dx),),
        elementwise=True,
        law=f"{name}′ by the chain rule",
        summary=to_text(body),
        formula=formula,
        definition=formula.at,
    )


def added(op: Own) -> Own:
    """The record, registered."""
    register(op)
    FORMULAS[op.name] = (op.formula.text if op.formula else None) or ""
    return op


def brought(name: str, body: Node, t: Symbol, text: str | None) -> Own:
    """A function that came with an expression from another process; registered here as there, if the name is free."""
    here = registry.get(name)
    if isinstance(here, Own) and here.formula and (here.formula.body, here.formula.t) == (body, t) and text is not None:
        return here
    op = own(name, body, t, text)
    return added(op) if text is not None and here is None and name not in words else op


FORMULAS: dict[str, str] = {}
"""What was added, by name; adding it again is no mistake."""
