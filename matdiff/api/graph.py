"""The computational graph of a derivation: rows, edges, forward and reverse traces, paths, counts, pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from math import prod
from typing import Any, Literal

from matdiff.api.expr import Expr
from matdiff.calculus.derivation import Derivation
from matdiff.calculus.tangent import tangent
from matdiff.calculus.trace import Edge, Row, Trace, adjoint_of, tangent_of, trace, within
from matdiff.core.node import Node, Number, Symbol, describe, number
from matdiff.core.op import differential_symbol
from matdiff.core.shape import Dim
from matdiff.errors import MatdiffError, ParseError, UnsupportedError
from matdiff.graph.rewrite import substitute
from matdiff.ops.constants import zeros_like
from matdiff.printing import drawing
from matdiff.printing.emit import Emitter
from matdiff.printing.layout import Layout
from matdiff.printing.names import latex_name, unicode_name
from matdiff.printing.tables import ASCII, LATEX, TEXT
from matdiff.simplify.normal import normal

Style = Literal["unicode", "ascii", "latex"]

PATHS = 12
"""Most ways from a variable to the value that are written out."""
DRAWN = 300
"""Most boxes of a picture."""
POINTS = 40
"""Random points that are tried for one at which the function has a value."""
NOTATIONS = {"unicode": TEXT, "ascii": ASCII, "latex": LATEX}


@dataclass(frozen=True)
class Sweep:
    """The lines of one mode in order: `name` of a node, and its tangent or adjoint in those of nodes before.

    Calling it with arrays gives the numbers by node; forward mode takes the direction as dx=… as well (of one scalar
    variable it is 1).
    """

    graph: Graph
    mode: Literal["forward", "reverse"]
    lines: tuple[tuple[str, Expr], ...]

    def __iter__(self) -> Iterator[tuple[str, Expr]]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, at: str) -> Expr:
        """The line of a node by its name.  Raises KeyError for a node that does not move."""
        return dict(self.lines)[at]

    def __call__(self, /, **arrays: Any) -> dict[str, Any]:
        return self.graph.swept(self.mode, arrays)

    def __str__(self) -> str:
        return "\n".join(self.graph.sweep_text(self.mode, "unicode"))

    __repr__ = __str__


@dataclass(frozen=True)
class Graph:
    """The graph of `derivation.function`: a node for each variable and each part, in the user's names.

    >>> import matdiff as md
    >>> g = md.derive("a = sin(x); b = a/y; b + x", wrt="x,y", declare="x: scalar; y: scalar").graph()
    >>> [node.name for node in g.nodes]
    ['x', 'y', 'a', 'b', 'f']
    >>> {name: round(float(v), 6) + 0.0 for name, v in g.reverse(x=0.0, y=2.0).items()}
    {'f': 1.0, 'b': 1.0, 'a': 0.5, 'y': 0.0, 'x': 1.5}
    """

    derivation: Derivation
    name: str = "f"
    trace: Trace = field(init=False)

    def __post_init__(self) -> None:
        f = self.derivation.function
        taken = [v.name for v in f.variables]
        object.__setattr__(self, "trace", trace(f.node, self.derivation.wrt, self.name, taken))

    @property
    def nodes(self) -> tuple[GraphNode, ...]:
        return tuple(GraphNode(self, row) for row in self.trace.rows)

    @property
    def edges(self) -> tuple[GraphEdge, ...]:
        return tuple(GraphEdge(self, e) for e in self.trace.live)

    @property
    def seed(self) -> Node:
        """What reverse mode begins with: 1, or any Y of the shape of the value."""
        return number(1) if self.trace.value.name.kind == "scalar" else self.derivation.covector

    @cached_property
    def forward(self) -> Sweep:
        """Tangents from the variables on: dv of each node."""
        lines = tuple((v.name, self.expression(normal(body))) for v, body in self.trace.forward())
        return Sweep(self, "forward", lines)

    @cached_property
    def reverse(self) -> Sweep:
        """Adjoints from the value back: of a scalar function v̄ is the derivative of the value by v."""
        lines = tuple((v.name, self.expression(normal(body))) for v, body in self.trace.reverse(self.seed))
        return Sweep(self, "reverse", lines)

    def expression(self, node: Node) -> Expr:
        return Expr(node)

    @property
    def multiplications(self) -> dict[str, str]:
        """Multiplications of numbers in one sweep, as polynomials in the sizes; local derivatives are given."""
        forward, backward = self.trace.multiplications
        return {"forward": str(forward), "reverse": str(backward)}

    @property
    def sweeps(self) -> dict[str, str]:
        """How many sweeps the whole derivative takes: forward one an entry of the variables, reverse of the value."""
        entries = Dim.of(0)
        for X in self.derivation.wrt:
            entries = entries + X.rows * X.cols
        f = self.trace.value.name
        return {"forward": str(entries), "reverse": str(f.rows * f.cols)}

    def paths(self, wrt: str | None = None) -> tuple[tuple[GraphEdge, ...], ...]:
        """The ways from a variable to the value; the products of the derivatives along them add up to the derivative.

        Raises ParseError for a name that is none of the variables, UnsupportedError where there are over 1,000 ways.
        """
        X = self.variable(wrt)
        if self.trace.count(X) > 1000:
            raise UnsupportedError(f"there are {self.trace.count(X):.3g} ways from {X.name} to the value")
        return tuple(tuple(GraphEdge(self, e) for e in way) for way in self.trace.paths(X, 1000))

    def variable(self, name: str | None) -> Symbol:
        wrt = self.derivation.wrt
        if name is None and len(wrt) == 1:
            return wrt[0]
        for X in wrt:
            if X.name == name:
                return X
        raise ParseError(f"{name} is none of the variables {', '.join(X.name for X in wrt)}", hint="give one by name")

    def values(self, /, **arrays: Any) -> dict[str, Any]:
        """The value of every node, by its name."""
        found = self.derivation.evaluated([r.node for r in self.trace.rows], self.derivation.function.variables, arrays)
        return dict(zip((r.name.name for r in self.trace.rows), found, strict=True))

    def swept(self, mode: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """The numbers of one sweep by node."""
        d = self.derivation
        if mode == "reverse":
            nodes = self.trace.reverse_nodes(self.seed)
            names = [v for v, _ in self.trace.reverse(self.seed)]
            known = d.function.variables if isinstance(self.seed, Number) else (*d.function.variables, d.covector)
        else:
            nodes = self.trace.forward_nodes()
            names = list(nodes)
            known = (*d.function.variables, *d.directions.values())
            if len(d.wrt) == 1 and d.wrt[0].kind == "scalar":
                arrays = {d.directions[d.wrt[0]].name: 1.0, **arrays}
        found = d.evaluated([nodes[v] for v in names], known, arrays)
        return dict(zip((v.name for v in names), found, strict=True))

    def factors(self, /, **arrays: Any) -> dict[Edge, float]:
        """The numbers that the local derivatives between scalars are."""
        edges = [e for e in self.trace.live if e.factor is not None]
        place = {r.name: r.node for r in self.trace.rows}
        nodes = [substitute(g, within(g, place)) for e in edges if (g := e.factor) is not None]
        if not nodes:
            return {}
        found = self.derivation.evaluated(nodes, self.derivation.function.variables, arrays)
        return dict(zip(edges, map(float, found), strict=True))

    def difference(self, seed: int = 0) -> float | None:
        """The largest relative difference, at a random point and along a random direction, of path products (where
        all is scalar), adjoints, dual numbers and the derivative that is printed; None where no point was found.
        """
        import numpy as np

        from matdiff.verify import sampling, sets
        from matdiff.verify.unknown import concrete

        d, rng = self.derivation, np.random.default_rng(seed)
        f = concrete(d.function.node, seed, d.function)
        for way in islice(sampling.ways(f, d.function.variables, {}), POINTS):
            arrays = sampling.point(d.function.variables, way, rng)
            V = {X: sets.direction(X, arrays[X], rng) for X in d.wrt}
            try:
                return self._difference(arrays, V, way.sizes, seed, rng)
            except MatdiffError:
                continue
        return None

    def _difference(
        self, arrays: Mapping[Symbol, Any], V: Mapping[Symbol, Any], sizes: Mapping[str, int], seed: int, rng: Any
    ) -> float:
        import numpy as np

        from matdiff.codegen.evaluate import evaluate
        from matdiff.verify.unknown import concrete

        d, f = self.derivation, self.trace.value.name
        given = {v.name: a for v, a in arrays.items()}
        given |= {d.directions[X].name: v for X, v in V.items()}
        known = [*d.function.variables, *d.directions.values()]
        y: Any = 1.0
        if isinstance(self.seed, Symbol):
            y = rng.normal(size=tuple(s.evaluate(sizes) for s in f.shape))
            given[self.seed.name] = y
            known.append(self.seed)
        back = self.trace.reverse_nodes(self.seed)
        wanted = [d.raw_differential, self.trace.forward_nodes().get(f) or zeros_like(f)]
        wanted = [concrete(n, seed, d.function) for n in (*wanted, d.differential.node, *(back[X] for X in d.wrt))]
        rules, tangents, printed, *bars = evaluate(wanted, tuple(known), given)
        seen = [float(np.sum(y * np.asarray(a))) for a in (rules, tangents, printed)]
        seen.append(float(sum(np.sum(np.asarray(b) * V[X]) for b, X in zip(bars, d.wrt, strict=True))))
        parts = [float(np.sum(np.abs(np.asarray(b) * V[X]))) for b, X in zip(bars, d.wrt, strict=True)]
        # Terms may cancel: along (x, −y) the differential of x y is 0, and what is left of it is rounding.
        size = max(*map(abs, seen), *parts, float(np.linalg.norm(np.asarray(tangents))) * 1e-3, 1e-12)
        return (max(seen) - min(seen)) / size

    # how it is written

    def write(self, node: Node, style: Style = "unicode") -> str:
        """An expression of the graph; adjoints are written v̄."""
        names: dict[Node, str] = {}
        for row in self.trace.rows:
            names[adjoint_of(row.name)] = bar(row.name.name, style)
        taken = frozenset(v.name for v in self.derivation.function.variables)
        emitter = Emitter(Layout(NOTATIONS[style], names, taken))
        emitter.run(emitter.layout.piece(node))
        return emitter.text()

    def label(self, e: Edge, style: Style) -> str:
        """The local derivative: of scalars the number, else what is done to the differential."""
        return self.write(e.factor if e.factor is not None else e.along, style)

    def node_text(self, row: Row, style: Style) -> str:
        left = self.write(row.name, style)
        return left if row.body is None else f"{left} = {self.write(row.body, style)}"

    def sweep_text(self, mode: str, style: Style) -> list[str]:
        """The lines of a mode."""
        if mode == "forward":
            return [
                f"{self.write(tangent_of(v), style)} = {self.write(normal(b), style)}" for v, b in self.trace.forward()
            ]
        out = []
        for v, body in self.trace.reverse(self.seed):
            out.append(f"{bar(v.name, style)} = {self.write(normal(body), style)}")
        return out

    def path_text(self, X: Symbol, style: Style, factors: Mapping[Edge, float] | None = None) -> list[str]:
        """Each way from X to the value with the product along it, in numbers too where those of all edges are given."""
        arrow = " -> " if style == "ascii" else " → "
        lines, total = [], 0.0
        for way in self.trace.paths(X, PATHS):
            names = arrow.join([self.write(X, style), *(self.write(e.target, style) for e in way)])
            line = f"{names}:  {self.composed(X, way, style)}"
            if factors and all(e in factors for e in way):
                product = prod(factors[e] for e in way)
                total += product
                line += f" = {short(product)}" * (not line.endswith(f" {short(product)}"))
            lines.append(line)
        if (
            factors
            and len(lines) == self.trace.count(X) > 1
            and all(e in factors for w in self.trace.paths(X, PATHS) for e in w)
        ):
            lines.append(f"sum: {short(total)}")
        more = self.trace.count(X) - PATHS
        if more > 0:
            lines.append(f"and {more if more < 10**9 else f'{float(more):.1e}'} more")
        return lines

    def composed(self, X: Symbol, way: Sequence[Edge], style: Style) -> str:
        """The product of the local derivatives along a way, the last first; of arrays the composed map of dX."""
        if all(e.factor is not None for e in way):
            factors = [e.factor for e in reversed(way)]
            shown = [self.write(g, style) for g in factors if g is not None and g is not number(1)]
            dot = " * " if style == "ascii" else " · "
            return dot.join(f"({s})" if set(s[1:]) & set("+−-") else s for s in shown) or "1"
        value: Node = differential_symbol(X)
        for e in way:
            value = substitute(e.along, {tangent_of(e.source): value})
        return self.write(normal(value), style)

    @property
    def dot(self) -> str:
        """The graph in Graphviz's language.  Raises UnsupportedError for one of over 300 nodes."""
        return drawing.dot(*self.picture())

    @property
    def svg(self) -> str:
        """The graph as a picture, which follows the reader's light or dark scheme."""
        return drawing.svg(*self.picture(), title=f"graph of {self.derivation.function}"[:200])

    def _repr_svg_(self) -> str:
        return self.svg

    def picture(self, values: Mapping[str, Any] | None = None) -> tuple[list[drawing.Box], list[drawing.Arrow]]:
        """Boxes and arrows; with the values of the nodes in them where they are given."""
        rows = self.trace.rows
        if len(rows) > DRAWN:
            raise UnsupportedError(f"a picture of {len(rows)} nodes says nothing; at most {DRAWN} are drawn")
        wrt = set(self.derivation.wrt)
        boxes = []
        for row in rows:
            kind = "in" if row.name in wrt else "out" if row is rows[-1] else ""
            value = short(values[row.name.name]) if values is not None else ""
            boxes.append(drawing.Box(row.name.name, self.node_text(row, "unicode"), value, kind))
        live = set(self.trace.live)
        arrows = [
            drawing.Arrow(e.source.name, e.target.name, self.label(e, "unicode") if e in live else "")
            for e in self.trace.edges
        ]
        return boxes, arrows

    def record(self, style: Style = "unicode", arrays: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """All of it as what JSON can say."""
        found: dict[str, Any] = {
            "function": self.derivation.function.text(ascii=style == "ascii"),
            "wrt": [X.name for X in self.derivation.wrt],
            "types": self.derivation.types,
            "nodes": [
                {
                    "name": r.name.name,
                    "formula": None if r.body is None else self.write(r.body, style),
                    "shape": [str(s) for s in r.name.shape],
                }
                for r in self.trace.rows
            ],
            "edges": [
                {
                    "from": e.source.name,
                    "to": e.target.name,
                    "derivative": self.label(e, style),
                    "adjoint": self.write(e.back, style),
                }
                for e in self.trace.live
            ],
            "forward": {v.name: self.write(normal(b), style) for v, b in self.trace.forward()},
            "reverse": {v.name: self.write(normal(b), style) for v, b in self.trace.reverse(self.seed)},
            "paths": {X.name: self.path_text(X, style) for X in self.derivation.wrt},
            "multiplications": self.multiplications,
            "sweeps": self.sweeps,
        }
        if arrays is not None:
            plain = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in self.values(**arrays).items()}
            found["values"] = plain
            if isinstance(self.seed, Number):
                bars = self.swept("reverse", arrays)
                found["adjoints"] = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in bars.items()}
        return found

    def text(self, mode: str = "both", style: Style = "unicode", arrays: Mapping[str, Any] | None = None) -> str:
        """The graph, the traces of the modes and what they cost, in lines; with numbers where arrays are given."""
        values = self.values(**arrays) if arrays is not None else None
        rows = [
            (self.node_text(r, style), "" if values is None else short(values[r.name.name])) for r in self.trace.rows
        ]
        lines = ["nodes", *columns(rows)]
        arrow = "->" if style == "ascii" else "→"
        factors = self.factors(**arrays) if arrays is not None else {}
        edges = [
            (
                f"{self.write(e.source, style)} {arrow} {self.write(e.target, style)}",
                self.local(e, style),
                short(factors[e]) if e in factors else "",
            )
            for e in self.trace.live
        ]
        lines += ["", "edges, with the local derivative", *columns(edges)]
        if mode in ("forward", "both"):
            lines += ["", "forward mode, from the variables on", *self.numbered("forward", style, arrays)]
        if mode in ("reverse", "both"):
            lines += ["", "reverse mode, from the value back", *self.numbered("reverse", style, arrays)]
        for X in self.derivation.wrt:
            ways = self.path_text(X, style, factors)
            if ways:
                head = f"paths from {self.write(X, style)}; their sum is the derivative"
                lines += ["", head, *(f"  {way}" for way in ways)]
        return "\n".join([*lines, "", *self.costs(mode), *self.cautions()])

    def local(self, e: Edge, style: Style) -> str:
        """∂v/∂u = … between scalars, V ↦ … and its adjoint between arrays."""
        u, v = self.write(e.source, style), self.write(e.target, style)
        partial = "d" if style == "ascii" else "∂"
        if e.factor is not None:
            return f"{partial}{v}/{partial}{u} = {self.write(e.factor, style)}"
        to = "->" if style == "ascii" else "↦"
        there = f"{self.write(tangent_of(e.source), style)} {to} {self.write(e.along, style)}"
        return f"{there},  adjoint {bar(e.target.name, style)} {to} {self.write(e.back, style)}"

    def numbered(self, mode: str, style: Style, arrays: Mapping[str, Any] | None) -> list[str]:
        """The lines of a sweep, with their numbers where they can be had."""
        lines = self.sweep_text(mode, style)
        if arrays is None:
            return [f"  {line}" for line in lines]
        wrt = self.derivation.wrt
        if mode == "reverse" and isinstance(self.seed, Number):
            numbers = list(self.swept("reverse", arrays).values())
            return columns(list(zip(lines, map(short, numbers), strict=True)))
        if mode == "forward" and all(X.kind == "scalar" for X in wrt):
            return self.by_each(lines, style, arrays)
        return [f"  {line}" for line in lines]

    def by_each(self, lines: Sequence[str], style: Style, arrays: Mapping[str, Any]) -> list[str]:
        """Forward mode by scalars: a sweep for each of them."""
        wrt, directions = self.derivation.wrt, self.derivation.directions
        found = []
        for X in wrt:
            seeds = {directions[Z].name: float(Z is X) for Z in wrt}
            swept = self.swept("forward", {**arrays, **seeds})
            found.append([short(swept[v.name]) for v, _ in self.trace.forward()])
        heads = [f"{self.write(directions[X], style)} = 1" for X in wrt] if len(wrt) > 1 else []
        rows = [(line, *(column[i] for column in found)) for i, line in enumerate(lines)]
        return columns([("", *heads), *rows] if heads else rows)

    def costs(self, mode: str) -> list[str]:
        """Multiplications a sweep, and how many sweeps."""
        lines, many, count = [], self.multiplications, self.sweeps
        whole = "gradient" if isinstance(self.seed, Number) else "Jacobian"
        for each in ("forward", "reverse"):
            if mode in (each, "both"):
                per = "entry of the variables" if each == "forward" else "entry of the value"
                times = "1 sweep" if count[each] == "1" else f"{count[each]} sweeps, one for each {per},"
                lines.append(f"{each}: {many[each]} multiplications a sweep, {times} for the whole {whole}")
        return lines

    def cautions(self) -> list[str]:
        inside = [X.name for X in self.derivation.wrt if tangent(X) is not None]
        if not inside:
            return []
        return [f"the adjoint of {' and '.join(inside)} is for all of space; the gradient is its projection"]

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<graph of {len(self.trace.rows)} nodes, {len(self.trace.live)} edges>"


@dataclass(frozen=True)
class GraphNode:
    """A node by its name; `formula` says what it is in the names of others, None of an input."""

    graph: Graph
    row: Row

    @property
    def name(self) -> str:
        return self.row.name.name

    @property
    def formula(self) -> Expr | None:
        return None if self.row.body is None else Expr(self.row.body)

    @property
    def shape(self) -> tuple[str, ...]:
        return tuple(str(s) for s in self.row.name.shape)

    def __repr__(self) -> str:
        return f"<{self.graph.node_text(self.row, 'unicode')}: {describe(self.row.name)}>"


@dataclass(frozen=True)
class GraphEdge:
    """From one node to another: `derivative` is what is done to the differential of the first (of scalars the
    derivative itself), `adjoint` what is done to the adjoint of the second.
    """

    graph: Graph
    edge: Edge

    @property
    def source(self) -> str:
        return self.edge.source.name

    @property
    def target(self) -> str:
        return self.edge.target.name

    @property
    def derivative(self) -> Expr:
        return Expr(self.edge.along if self.edge.factor is None else self.edge.factor)

    @property
    def adjoint(self) -> Expr:
        return Expr(self.edge.back)

    def __repr__(self) -> str:
        return f"<{self.source} → {self.target}: {self.graph.label(self.edge, 'unicode')}>"


def bar(name: str, style: Style) -> str:
    """The adjoint of a node: v̄₁, v_1_bar, \\bar{v_{1}}."""
    if style == "ascii":
        return f"{name}_bar"
    if style == "latex":
        return rf"\bar{{{latex_name(name)}}}"
    shown = unicode_name(name)
    return f"{shown[0]}\u0304{shown[1:]}"


def short(value: Any) -> str:
    """A number or a small array in few digits."""
    import numpy as np

    a = np.asarray(value, dtype=float)
    if a.ndim == 0:
        return f"{float(a):.6g}"
    if a.size > 9:
        return f"array {'×'.join(map(str, a.shape))}"
    rows = [" ".join(f"{x:.6g}" for x in row) for row in np.atleast_2d(a)]
    return f"[{'; '.join(rows)}]"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with what belongs below each other aligned; combining marks take no room."""
    count = max(map(len, rows), default=0)
    widths = [max((wide(r[i]) for r in rows if i < len(r)), default=0) for i in range(count)]
    out = []
    for r in rows:
        cells = [cell + " " * (widths[i] - wide(cell)) for i, cell in enumerate(r)]
        out.append(("  " + "   ".join(cells)).rstrip())
    return out


def wide(text: str) -> int:
    return sum(c != "\u0304" for c in text)


def graph(d: Derivation, name: str = "") -> Graph:
    """The graph of a derivation; the value goes by a free letter."""
    taken = {v.name for v in d.function.variables}
    letters = "fgφψ" if d.function.kind == "scalar" else "FGΦΨ"
    return Graph(d, name or next((c for c in letters if c not in taken and f"d{c}" not in taken), letters[0]))


__all__ = ["Graph", "GraphEdge", "GraphNode", "Sweep", "graph"]
