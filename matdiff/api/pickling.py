"""Expressions as flat lists of plain values and back, so that deep ones pickle too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matdiff.core.node import Apply, Constant, Node, Number, Symbol, apply, constant, number, symbol
from matdiff.core.op import Op, registry
from matdiff.errors import MatdiffError, UnsupportedError
from matdiff.ops.unknown import Unknown, record

Row = tuple[Any, ...]


def dump(roots: Sequence[Node]) -> tuple[list[Row], list[int]]:
    """One row for every distinct node, children first and told by their places; then the places of the roots."""
    places: dict[Node, int] = {}
    rows: list[Row] = []
    stack: list[tuple[Node, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if node in places:
            continue
        if ready:
            places[node] = len(rows)
            rows.append(_row(node, places))
        else:
            stack.append((node, True))
            stack += [(child, False) for child in _below(node)]
    return rows, [places[root] for root in roots]


def load(rows: Sequence[Row], roots: Sequence[int]) -> list[Node]:
    """The nodes again.  Raises MatdiffError for a function that does not exist here."""
    import matdiff.ops  # noqa: F401  the functions register themselves

    nodes: list[Node] = []
    for head, *rest in rows:
        nodes.append(_READERS[head](nodes, *rest))
    return [nodes[i] for i in roots]


def _below(node: Node) -> tuple[Node, ...]:
    """What a node is made of: its children, the variable of a differential, the formula of a function of one's own."""
    if isinstance(node, Symbol):
        return node.children if node.of is None else (*node.children, node.of)
    formula = getattr(node.op, "formula", None) if isinstance(node, Apply) else None
    return node.children if formula is None else (*node.children, formula.body, formula.t)


def _row(node: Node, places: dict[Node, int]) -> Row:
    type_ = (node.kind, node.rows, node.cols)
    match node:
        case Number():
            return "number", node.value
        case Constant():
            return "constant", node.name, *type_, node.dims, node.index
        case Symbol():
            body, of = (None if part is None else places[part] for part in (node.body, node.of))
            return "symbol", node.name, *type_, tuple(sorted(node.attributes)), body, of, node.index
        case Apply():
            return "apply", _op_row(node.op, places), [places[a] for a in node.args], node.params, *type_
    raise UnsupportedError(f"{type(node).__name__} cannot be pickled")


def _op_row(op: Op, places: dict[Node, int]) -> Row:
    """How a function is found again: by its formula, by its name, as an unknown one."""
    from matdiff.inference.special import split_primes, unknown

    formula = getattr(op, "formula", None)
    if formula is not None:
        return "formula", op.name, places[formula.body], places[formula.t], formula.text
    if isinstance(op, Unknown):
        return "arrays", op.name, op.of, op.value, op.blocks
    if registry.get(op.name) is op or _marker(op.name) is op:
        return "name", op.name
    if op.elementwise and unknown(*split_primes(op.name)) is op:
        return "unknown", *split_primes(op.name)
    raise UnsupportedError(f"{op.name} is not a registered function, so an expression with it cannot be pickled")


def _marker(name: str) -> Op | None:
    """The records that no text calls by their name: the marks of steps, what works on complex arrays."""
    from matdiff.calculus import markers
    from matdiff.ops import complexes

    every = (*vars(markers).values(), *vars(complexes).values())
    return next((op for op in every if isinstance(op, Op) and op.name == name), None)


def _op(nodes: Sequence[Node], how: str, name: str, *rest: Any) -> Op:
    from matdiff.inference.special import unknown

    if how == "arrays":
        return record(*rest)
    if how == "unknown":
        return unknown(name, *rest)
    if how == "formula":
        from matdiff.calculus.userdefined import brought

        body, t, text = rest
        return brought(name, nodes[body], nodes[t], text)
    found = registry.get(name) or _marker(name)
    if found is None:
        raise MatdiffError(f"there is no function {name} here", hint=f'add it first: elementwise("{name}", …)')
    return found


def _read_symbol(nodes: Sequence[Node], name: str, kind: Any, *rest: Any) -> Node:
    rows, cols, attributes, body, of, index = rest
    inside, variable = (None if i is None else nodes[i] for i in (body, of))
    assert variable is None or isinstance(variable, Symbol)
    return symbol(name, kind, rows, cols, frozenset(attributes), inside, variable, index)


def _read_apply(nodes: Sequence[Node], op: Row, args: Sequence[int], params: Row, *type_: Any) -> Node:
    return apply(_op(nodes, *op), tuple(nodes[i] for i in args), params, *type_)


_READERS: dict[str, Any] = {
    "number": lambda nodes, value: number(value),
    "constant": lambda nodes, *fields: constant(*fields),
    "symbol": _read_symbol,
    "apply": _read_apply,
}
