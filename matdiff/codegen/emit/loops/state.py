"""The state of one emission: names, memory, lines, and functions by the template of their record."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from matdiff.codegen import routines
from matdiff.codegen.emit.loops.values import (
    HEAVY,
    INLINE,
    MATH,
    Held,
    Native,
    Place,
    largest,
    names_in,
    number_text,
    resolved,
    used_lines,
)
from matdiff.codegen.emit.names import Names
from matdiff.codegen.emit.pieces import ATOM
from matdiff.codegen.emit.writer import ordered, polynomial
from matdiff.codegen.plan.variants import costs
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, topological
from matdiff.core.op import Op
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.ops.algebra import TRANSPOSE, is_op


@dataclass
class Loops:
    """The state of one emission."""

    write: Write
    ways: list[list[Node]]
    results: list[str]
    variables: Sequence[Symbol]
    name: str
    order: str
    fixed: dict[str, int]
    title: str
    doc: str
    lines: list[str] = field(default_factory=list)
    depth: int = 1

    def __post_init__(self) -> None:
        reserved = {
            *routines.ROUTINES,
            *MATH,
            "work",
            "i",
            "j",
            "k",
            "range",
            "min",
            "max",
            "float",
            "int",
            "abs",
            "status",
        }
        self.names = Names(reserved)
        self.names.taken.add(self.name)
        every = topological(*(r for way in self.ways for r in way))
        free = ordered(self.variables, every)
        self.results = [self.names.fresh(r) for r in self.results]
        self.inputs = {v: self.names.fresh(v.name) for v in free}
        used = {n for v in free for d in (v.rows, v.cols) for n in d.names}
        for node in every:
            used |= node.rows.names | node.cols.names
            if isinstance(node, Constant):
                used |= {n for d in node.dims for n in d.names}
            if isinstance(node, Apply):
                used |= names_in(node.params)
        self.sizes = {n: self.names.fresh(n) for n in sorted(used - self.fixed.keys())}
        self.work = ZERO
        self.held: dict[Node, Held] = {}
        self.uses: Counter[Node] = Counter()
        self.targets: dict[Node, Place] = {}

    # the function

    def made(self) -> Native:
        room = ZERO
        if len(self.ways) == 1:
            self.way(self.ways[0])
            room = self.work
        else:
            totals = costs(self.ways)
            for k in range(len(self.ways)):
                others = [
                    f"{self.size(totals[k])} {'<' if m < k else '<='} {self.size(totals[m])}"
                    for m in range(len(self.ways))
                    if m != k
                ]
                self.put(f"if {' and '.join(others)}:")
                self.depth += 1
                self.work = ZERO
                self.way(self.ways[k])
                self.put("return 0")
                self.depth -= 1
                room = largest(room, self.work)
        self.put("return 0")
        parameters = [f"{p}: int" for p in self.sizes.values()]
        parameters += [f"{p}: {'float' if v.kind == 'scalar' else 'Array'}" for v, p in self.inputs.items()]
        parameters += [f"{p}: Array" for p in self.results] + ["work: Array"]
        head = [f"def {self.name}({', '.join(parameters)}) -> int:"]
        head += [f"    {self.doc!r}"] if self.doc else []
        text = ast.unparse(ast.parse("\n".join([*head, *used_lines(self.lines)])))
        outputs = list(zip(self.ways[0], self.results, strict=True))
        return Native(self.name, text, self.sizes, self.inputs, outputs, room, dict(self.fixed))

    def way(self, roots: Sequence[Node]) -> None:
        """The lines of one plan."""
        order = topological(*roots)
        self.held = {}
        self.uses = self.count(order, roots)
        self.targets = {}
        for root, name in zip(roots, self.results, strict=True):
            made = root
            while isinstance(made, Symbol) and made.body is not None:
                made = made.body
            if isinstance(made, Apply) and made.kind != "scalar" and made not in self.targets:
                self.targets[made] = self.strided(name, made.rows, made.cols, self.order)
        for node in order:
            self.held[node] = self.value(node)
        for root, name in zip(roots, self.results, strict=True):
            self.returned(self.held[root], name)

    def count(self, order: Sequence[Node], roots: Sequence[Node]) -> Counter[Node]:
        uses = Counter(roots)
        for node in reversed(order):
            through = is_op(node, TRANSPOSE) or isinstance(node, Symbol)
            for child in node.children:
                uses[child] += uses[node] if through else 1
        return uses

    def returned(self, v: Held, name: str) -> None:
        target = self.strided(name, v.rows, v.cols, self.order)
        if v.place != target:
            self.store(v, target)

    # nodes

    def value(self, node: Node) -> Held:
        if isinstance(node, Symbol):
            return self.held[node.body] if node.body is not None else self.variable(node)
        if isinstance(node, Number):
            return self.scalar(number_text(node.value))
        if isinstance(node, Constant):
            return self.constant(node)
        assert isinstance(node, Apply)
        found = self.apply(node.op, [self.held[a] for a in node.args], node.params, node.rows, node.cols, node)
        if node.kind == "scalar":
            return self.kept_scalar(found)
        if found.place is None and found.weight and (self.uses[node] > 1 or found.weight > HEAVY):
            return self.stored(found, node)
        return found

    def apply(
        self, op: Op, values: list[Held], params: tuple[Any, ...], rows: Dim, cols: Dim, node: Node | None = None
    ) -> Held:
        """A function of values; the node, if there is one, tells where its value may be wanted."""
        rows, cols = self.dim(rows), self.dim(cols)
        return self.write(self, op, values, params, rows, cols, node)

    def variable(self, v: Symbol) -> Held:
        if v.kind == "scalar":
            return self.scalar(self.inputs[v])
        rows, cols = self.dim(v.rows), self.dim(v.cols)
        return self.lying(self.strided(self.inputs[v], rows, cols, self.order), rows, cols)

    def constant(self, node: Constant) -> Held:
        rows, cols = self.dim(node.rows), self.dim(node.cols)
        sizes = [self.size(d) for d in node.dims]
        match node.name:
            case "pi":
                return self.scalar("pi")
            case "size":
                return self.scalar(f"float({sizes[0]})")
            case "zeros" | "ones":
                text = "0.0" if node.name == "zeros" else "1.0"
                return Held(rows, cols, lambda i, j: text)
            case "I":
                return Held(rows, cols, lambda i, j: f"(1.0 if {i} == {j} else 0.0)")
            case "e":
                at, column = node.index - 1, node.kind != "row"
                return Held(rows, cols, lambda i, j: f"(1.0 if {i if column else j} == {at} else 0.0)")
            case _:
                out = self.room(rows, cols)
                routine = "commutation" if node.name == "K" else "duplication"
                self.put(f"{routine}({', '.join(sizes)}, {self.pointer(out)})")
                return self.lying(out, rows, cols)

    # sizes and memory

    def dim(self, d: Dim) -> Dim:
        return resolved(d, self.fixed)

    def size(self, d: Dim) -> str:
        d = self.dim(d)
        return polynomial(d, self.sizes).at(ATOM) if d.terms else "0"

    def index(self, place: Place, i: str, j: str) -> str:
        terms = [] if place.start is ZERO else [self.size(place.start)]
        for at, stride in ((i, place.down), (j, place.right)):
            if at != "0":
                terms.append(f"({at})" if stride is ONE else f"({at}) * {self.size(stride)}")
        return " + ".join(terms) or "0"

    def lying(self, place: Place, rows: Dim, cols: Dim) -> Held:
        return Held(rows, cols, lambda i, j: f"{place.array}[{self.index(place, i, j)}]", 0, place)

    def scalar(self, text: str) -> Held:
        return Held(ONE, ONE, lambda i, j: text)

    def strided(self, array: str, rows: Dim, cols: Dim, order: str = "F") -> Place:
        rows, cols = self.dim(rows), self.dim(cols)
        return Place(array, ZERO, ONE, rows) if order == "F" else Place(array, ZERO, cols, ONE)

    def room(self, rows: Dim, cols: Dim, node: Node | None = None, dense: bool = True) -> Place:
        """New memory, column-major, or that of the result which the node is."""
        target = self.targets.get(node) if node is not None else None
        if target is not None and (not dense or self.is_dense(target, rows, cols)):
            return target
        name = self.names.numbered()
        self.take(name, rows * cols)
        return self.strided(name, rows, cols)

    def take(self, name: str, count: Dim) -> None:
        self.put(f"{name} = work[{self.size(self.work)}:]")
        self.work = self.work + self.dim(count)

    def pointer(self, place: Place) -> str:
        return place.array if place.start is ZERO else f"{place.array}[{self.size(place.start)}:]"

    def is_dense(self, place: Place, rows: Dim, cols: Dim) -> bool:
        return (place.down is ONE or rows is ONE) and (place.right is rows or cols is ONE)

    # lines

    def put(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def loop(self, name: str, count: Dim) -> Iterator[str]:
        """Lines within a loop; of one turn, without it."""
        if count is ONE:
            yield "0"
            return
        self.put(f"for {name} in range({self.size(count)}):")
        self.depth += 1
        yield name
        self.depth -= 1

    def store(self, v: Held, target: Place) -> None:
        """The entries of a value written to memory, along the columns or the rows of this."""
        if self.dim(target.right) is ONE and v.rows is not ONE:
            with self.loop("i", v.rows) as i, self.loop("j", v.cols) as j:
                self.put(f"{target.array}[{self.index(target, i, j)}] = {v.at(i, j)}")
        else:
            with self.loop("j", v.cols) as j, self.loop("i", v.rows) as i:
                self.put(f"{target.array}[{self.index(target, i, j)}] = {v.at(i, j)}")

    def stored(self, v: Held, node: Node | None = None) -> Held:
        """The value in memory, wherever it lies."""
        if v.place is not None:
            return v
        target = self.room(v.rows, v.cols, node, dense=False)
        self.store(v, target)
        return self.lying(target, v.rows, v.cols)

    def light(self, v: Held) -> Held:
        """The value as something that may be read more than once."""
        return self.stored(v) if v.weight and not (v.rows is ONE and v.cols is ONE) else v

    def dense(self, v: Held) -> str:
        """A pointer to its entries, column by column."""
        if v.place is None or not self.is_dense(v.place, v.rows, v.cols):
            target = self.room(v.rows, v.cols)
            self.store(v, target)
            return self.pointer(target)
        return self.pointer(v.place)

    def kept_scalar(self, v: Held) -> Held:
        text = v.at("0", "0")
        if re.fullmatch(r"\w+", text):
            return v
        name = self.names.numbered("s")
        self.put(f"{name} = {text}")
        return self.scalar(name)

    def summed(self, text: Callable[[str, str], str], rows: Dim, cols: Dim) -> Held:
        name = self.names.numbered("s")
        self.put(f"{name} = 0.0")
        with self.loop("j", cols) as j, self.loop("i", rows) as i:
            self.put(f"{name} += {text(i, j)}")
        return self.scalar(name)

    def small(self, *dims: Dim) -> bool:
        total = 1
        for d in dims:
            if d.number is None:
                return False
            total *= d.number
        return total <= INLINE


Form = Callable[["Loops", list[Held], Any, Dim, Dim, "Node | None"], Held]
"""What writes a function, of the state, the values, parameters and shape of a node, and the node."""
Write = Callable[["Loops", Op, list[Held], Any, Dim, Dim, "Node | None"], Held]
"""What writes any function."""
