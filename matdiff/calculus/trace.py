"""The computational graph: a function as rows, an edge the differential of a row by one of those it is made of.

Nothing underneath is new: forward mode evaluates the edges' differentials from the inputs on, reverse mode their
adjoints from the value back (Griewank & Walther 2008, ch. 3; Baydin et al. 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from matdiff.calculus.adjoint import adjoint, dependent
from matdiff.calculus.differential import differentials
from matdiff.core.node import Apply, Kind, Node, Number, Symbol, number, symbol, topological
from matdiff.core.op import differential_symbol
from matdiff.core.shape import ZERO, Dim
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import prepared, rebuild, substitute
from matdiff.ops.algebra import ADD, HADAMARD, INNER, MATMUL, POWER, SCALE, TRANSPOSE, add, is_op
from matdiff.ops.constants import zeros_like
from matdiff.ops.reductions import norm
from matdiff.simplify.normal import normal


@dataclass(frozen=True, slots=True)
class Edge:
    """From the row or input `source` to the row `target`: the differential of one by the other, and its adjoint.

    `along` is linear in the differential of `source`, `back` in the adjoint of `target`.
    """

    source: Symbol
    target: Symbol
    along: Node
    back: Node

    @property
    def factor(self) -> Node | None:
        """The local derivative, where both ends are scalars."""
        if self.source.kind != "scalar" or self.target.kind != "scalar":
            return None
        return normal(substitute(self.along, {tangent_of(self.source): number(1)}))


@dataclass(frozen=True, slots=True)
class Row:
    """A node of the graph: `name` is what `body` is, in the names of other rows; an input has no body.

    `node` is the same in terms of the function's variables.
    """

    name: Symbol
    body: Node | None
    node: Node
    edges: tuple[Edge, ...] = ()


def tangent_of(v: Symbol) -> Symbol:
    """The dv of forward mode."""
    found = differential_symbol(v)
    assert isinstance(found, Symbol)
    return found


def adjoint_of(v: Symbol) -> Symbol:
    """The v̄ of reverse mode, of the shape of v."""
    return symbol(f"{v.name}_bar", v.kind, v.rows, v.cols)


@dataclass(frozen=True)
class Trace:
    """The rows of a function, inputs first and the value last, every row below those it is made of."""

    rows: tuple[Row, ...]
    wrt: tuple[Symbol, ...]

    @property
    def value(self) -> Row:
        return self.rows[-1]

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        return tuple(e for row in self.rows for e in row.edges)

    @cached_property
    def moving(self) -> frozenset[Symbol]:
        """What depends on the variables."""
        found = set(self.wrt)
        for row in self.rows:
            if any(e.source in found for e in row.edges):
                found.add(row.name)
        return frozenset(found)

    @cached_property
    def live(self) -> tuple[Edge, ...]:
        """The edges that a derivative passes: from what moves to what the value is made of."""
        needed = {self.value.name}
        for row in reversed(self.rows):
            if row.name in needed:
                needed.update(e.source for e in row.edges)
        return tuple(e for e in self.edges if e.source in self.moving and e.target in needed)

    def forward(self) -> Iterator[tuple[Symbol, Node]]:
        """dv of every row that moves, in the dv of rows before it."""
        into = grouped(self.live, lambda e: e.target)
        for row in self.rows:
            if parts := into.get(row.name):
                yield row.name, _sum([e.along for e in parts])

    def reverse(self, seed: Node) -> Iterator[tuple[Symbol, Node]]:
        """v̄ of every row that moves, from the value, whose adjoint is the `seed`, back to the variables."""
        out = grouped(self.live, lambda e: e.source)
        yield self.value.name, seed
        for row in reversed(self.rows[:-1]):
            if row.name in self.moving:
                parts = out.get(row.name)
                yield row.name, _sum([e.back for e in reversed(parts)]) if parts else zeros_like(row.name)

    def forward_nodes(self) -> dict[Symbol, Node]:
        """Every dv in terms of the variables and their differentials."""
        place = {row.name: row.node for row in self.rows}
        found: dict[Node, Node] = {tangent_of(X): tangent_of(X) for X in self.wrt}
        for v, body in self.forward():
            found[tangent_of(v)] = substitute(body, {**within(body, place), **within(body, found)})
        return {row.name: found[tangent_of(row.name)] for row in self.rows if row.name in self.moving}

    def reverse_nodes(self, seed: Node) -> dict[Symbol, Node]:
        """Every v̄ in terms of the variables and the seed."""
        place = {row.name: row.node for row in self.rows}
        found: dict[Node, Node] = {}
        for v, body in self.reverse(seed):
            bars = within(body, found) if body is not seed else {}
            found[adjoint_of(v)] = substitute(body, {**within(body, place), **bars})
        return {row.name: found[adjoint_of(row.name)] for row in self.rows if row.name in self.moving}

    def paths(self, X: Symbol, most: int) -> list[tuple[Edge, ...]]:
        """The ways from a variable to the value, the first `most` of them."""
        out = grouped(self.live, lambda e: e.source)
        found: list[tuple[Edge, ...]] = []
        waiting: list[tuple[Symbol, tuple[Edge, ...]]] = [(X, ())]
        while waiting and len(found) < most:
            at, way = waiting.pop()
            if at is self.value.name:
                found.append(way)
                continue
            waiting += [(e.target, (*way, e)) for e in reversed(out.get(at, []))]
        return found

    def count(self, X: Symbol) -> int:
        """How many ways there are from a variable to the value."""
        ways: dict[Symbol, int] = {self.value.name: 1}
        out = grouped(self.live, lambda e: e.source)
        for row in reversed(self.rows[:-1]):
            ways[row.name] = sum(ways.get(e.target, 0) for e in out.get(row.name, []))
        return ways.get(X, 1 if X is self.value.name else 0)

    @cached_property
    def multiplications(self) -> tuple[Dim, Dim]:
        """Multiplications of numbers in one forward and in one reverse sweep, local derivatives given."""
        forward = backward = ZERO
        for e in self.live:
            forward = forward + products(e.along, tangent_of(e.source))
            backward = backward + products(e.back, adjoint_of(e.target))
        return forward, backward


def grouped(edges: Sequence[Edge], key: Callable[[Edge], Symbol]) -> dict[Symbol, list[Edge]]:
    found: dict[Symbol, list[Edge]] = {}
    for e in edges:
        found.setdefault(key(e), []).append(e)
    return found


def within(body: Node, place: Mapping[Symbol, Node] | Mapping[Node, Node]) -> dict[Node, Node]:
    """Of what names stand for, the part that an expression needs."""
    return {n: place[n] for n in topological(body, into_bodies=False) if isinstance(n, Symbol) and n in place}


def _sum(parts: Sequence[Node]) -> Node:
    return parts[0] if len(parts) == 1 else add(*parts)


def trace(function: Node, wrt: Sequence[Symbol], name: str, taken: Sequence[str]) -> Trace:
    """The graph of a function of the variables `wrt`; the value goes by `name`, and rows that have none by v_1, v_2 …

    What a person does in one line is one row: quotients, differences, squares of norms, transposes of factors.
    Raises UnsupportedError where a function has no rule for an argument that moves.
    """
    order = topological(function)
    root = function
    bodies = {n.body for n in order if isinstance(n, Symbol) and n.body is not None}
    folded = _folded(order, root, bodies)
    named: dict[Node, Symbol] = {}
    known = Known()
    used = {*taken, name, *(n.name for n in order if isinstance(n, Symbol))}
    stem = next(s for s in ("v", "w", "u", "z", "v_") if not any(u == s or u.startswith(f"{s}_") for u in used))
    count = 0
    inputs: list[Row] = []
    rows: list[Row] = []
    for node in order:
        if isinstance(node, Symbol) and node.body is None:
            named[node] = node
            inputs.append(Row(node, None, node))
            continue
        own = isinstance(node, Symbol) and node is not root
        if node is not root and not own and (not isinstance(node, Apply) or node in folded or node in bodies):
            continue
        inside = node.body if isinstance(node, Symbol) else node
        assert inside is not None
        if own:
            label = node.name  # type: ignore[attr-defined]
        elif node is root:
            label = node.name if isinstance(node, Symbol) else name
        else:
            count += 1
            label = f"{stem}_{count}"
        body = _named(inside, named)
        v = symbol(label, node.kind, node.rows, node.cols, frozenset(known(node)) & KEPT)
        named[node] = v
        rows.append(Row(v, body, node, tuple(_edges(v, body))))
    if not rows:
        v = symbol(name, root.kind, root.rows, root.cols)
        rows.append(Row(v, root, root, tuple(_edges(v, root))))
    rest = [r for r in inputs if r.name not in wrt]
    return Trace((*(Row(X, None, X) for X in wrt), *rest, *rows), tuple(wrt))


KEPT = frozenset({"symmetric", "spd", "skew", "diagonal", "lower", "upper", "orthogonal", "positive"})
"""What a row's name has to keep of what is known about the row: eigenvalues are asked of symmetric matrices."""


def _folded(order: Sequence[Node], root: Node, bodies: set[Node]) -> set[Node]:
    """Nodes that are written inside the row above them."""
    above: dict[Node, list[Node]] = {}
    for node in order:
        for child in node.children:
            above.setdefault(child, []).append(node)
    return {n for n in order if isinstance(n, Apply) and n is not root and n not in bodies and _is_folded(n, above[n])}


def _is_folded(node: Apply, above: Sequence[Node]) -> bool:
    if node.op is TRANSPOSE:
        return True
    if node.op is SCALE and isinstance(node.args[0], Number):
        return all(is_op(p, ADD) for p in above)
    if node.op is POWER and isinstance(node.args[1], Number) and node.args[1].value < 0:
        return all(is_op(p, SCALE) or is_op(p, HADAMARD) for p in above)
    if node.op is norm:
        return all(is_op(p, POWER) for p in above)
    return not any(isinstance(n, Symbol) for n in topological(node))


def _named(root: Node, named: Mapping[Node, Symbol]) -> Node:
    """An expression in the names of the rows below it."""
    found: dict[Node, Node] = {}
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if node in found:
            continue
        if node is not root and node in named:
            found[node] = named[node]
        elif not isinstance(node, Apply):
            found[node] = named.get(node, node)
        elif ready:
            found[node] = rebuild(node, tuple(found[a] for a in node.args))
        else:
            stack.append((node, True))
            stack += [(a, False) for a in node.args]
    return found[root]


def _edges(v: Symbol, body: Node) -> Iterator[Edge]:
    """The differential of one row by each that it is made of."""
    smooth = prepared(body)
    known = {normal(body): v} if isinstance(normal(body), Apply) else {}
    bar = adjoint_of(v)
    for u in (n for n in topological(body) if isinstance(n, Symbol)):
        du = tangent_of(u)
        raw = differentials(smooth, {u: du}).get(smooth)
        if raw is None:
            continue
        along, back = normal(raw), normal(adjoint(raw, bar, [du])[du])
        yield Edge(u, v, substitute(along, known), substitute(back, known))


def products(value: Node, moving: Symbol) -> Dim:
    """Multiplications of numbers in what is linear in a symbol, all that does not contain it being given.

    A factor ±1 costs none; a product of matrices m×n and n×p is m·n·p.
    """
    total = ZERO
    below = set(dependent(value, [moving]))
    for node in below:
        if not isinstance(node, Apply):
            continue
        if node.op is MATMUL:
            a, b = node.args
            total = total + a.rows * a.cols * b.cols
        elif node.op is SCALE:
            s, a = node.args
            if not (isinstance(s, Number) and abs(s.value) == 1):
                total = total + a.rows * a.cols
        elif node.op in (HADAMARD, INNER):
            total = total + node.args[0].rows * node.args[0].cols
    return total


__all__ = ["Edge", "Kind", "Row", "Trace", "adjoint_of", "products", "tangent_of", "trace"]
