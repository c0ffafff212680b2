"""The emitter of native code: a planned expression graph becomes loops, entry by entry where nothing keeps a value.

What it writes is the part of Python that `backends.translate` turns into C99 and that Numba compiles: whole numbers,
doubles, one-dimensional arrays.  A value is a place in memory with its strides, or a rule for its entries that is
written into the loop which reads it.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from matdiff.codegen import routines
from matdiff.codegen.emit.names import Names
from matdiff.codegen.emit.pieces import ATOM
from matdiff.codegen.emit.writer import ordered, polynomial
from matdiff.codegen.plan.variants import costs, plans
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, Value, topological
from matdiff.core.op import Columns, Op, registry
from matdiff.core.shape import ONE, ZERO, Dim, signature
from matdiff.errors import UnsupportedError
from matdiff.graph.rewrite import substitute
from matdiff.ops.algebra import TRANSPOSE, is_op
from matdiff.ops.unknown import Unknown

HEAVY = 12
"""Most operations that an entry is computed with before it is kept."""
TERMS = 8
"""Most terms of one sum in a line."""
INLINE = 64
"""Most multiplications of a product of known sizes that is written as loops and not called."""
MOST_UNROLLED = 4096

Entry = Callable[[str, str], str]
MATH = {*(f.__name__ for f in routines.FUNCTIONS), *routines.CONSTANTS, "Array"}
"""What the routines take as given."""
TITLES = {"c": "C", "numba": "Numba"}


@dataclass(frozen=True, slots=True)
class Place:
    """Memory of a value: an array, where it begins there, the distances between rows and between columns."""

    array: str
    start: Dim
    down: Dim
    right: Dim


@dataclass(frozen=True, slots=True)
class Held:
    """A value: the text of its entry i, j, the operations in it, and where it lies if it does."""

    rows: Dim
    cols: Dim
    at: Entry
    weight: int = 0
    place: Place | None = None


@dataclass
class Native:
    """A function in the restricted language, and what its parameters are.

    sizes    dimensions by name, and the parameter of each that is not fixed
    inputs   variables and their parameters, scalars as numbers
    outputs  results and the arrays that they are written to
    work     how many doubles of memory it needs
    """

    name: str
    text: str
    sizes: dict[str, str]
    inputs: dict[Symbol, str]
    outputs: list[tuple[Node, str]]
    work: Dim
    fixed: dict[str, int]

    def size(self, dim: Dim) -> str:
        return polynomial(resolved(dim, self.fixed), self.sizes).text


def resolved(dim: Dim, fixed: Mapping[str, int]) -> Dim:
    return dim.substitute({n: Dim.of(k) for n, k in fixed.items()}) if fixed and dim.names else dim


def native(
    roots: Sequence[Node],
    outputs: Sequence[str],
    variables: Sequence[Symbol],
    name: str,
    *,
    order: str = "F",
    fixed: Mapping[str, int] | None = None,
    title: str = "C",
    doc: str = "",
) -> Native:
    """The function that writes the roots to arrays of these names; matrices are column-major (`F`) or row-major (`C`).

    Raises UnsupportedError, with its name, for a function that has no native code.
    """
    known = [expanded(r) for r in roots]
    ways = plans(known)
    sizes = dict(fixed or {})
    if len(ways) > 1 and all(n in sizes for c in costs(ways) for n in c.names):
        totals = [c.evaluate(sizes) for c in costs(ways)]
        ways = [ways[totals.index(min(totals))]]
    return Loops(ways, list(outputs), variables, name, order, sizes, title, doc).made()


def expanded(root: Node) -> Node:
    """The root with functions that have no native code, but a definition, written by what defines them."""
    for _ in range(8):
        found: dict[Node, Node] = {}
        for node in topological(root):
            if isinstance(node, Apply) and node.op.definition is not None and not node.op.c and not in_core(node.op):
                found[node] = node.op.definition(*node.args, *node.params)
        if not found:
            return root
        root = substitute(root, found)
    return root


def in_core(op: Op) -> bool:
    return hasattr(Loops, f"do_{op.name}")


def supported(op: Op) -> bool:
    """Has a function native code?"""
    if isinstance(op, Columns):
        return True
    return not isinstance(op, Unknown) and (bool(op.c) or in_core(op) or op.definition is not None)


@dataclass
class Loops:
    """The state of one emission."""

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
        form = getattr(self, f"do_{op.name}", None)
        if form is not None:
            found: Held = form(values, params, rows, cols, node)
            return found
        if isinstance(op, Columns):
            return self.columns(op, values, params, rows, cols)
        if op.c:
            return self.by_template(op, values, params, rows, cols, node)
        if isinstance(op, Unknown):
            hint = f"evaluate takes it as a function of arrays: evaluate({op.of.base}=…)"
            raise UnsupportedError(f"{op.of.base} is an unknown function, which has no code", hint=hint)
        raise UnsupportedError(
            f"{self.title} has no {op.name}", hint="give its record the field c, or a definition by other functions"
        )

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

    # functions by the template of their record

    def by_template(
        self, op: Op, values: list[Held], params: tuple[Any, ...], rows: Dim, cols: Dim, node: Node | None
    ) -> Held:
        """`exp({0})` entry by entry, `= norm({s0}, {0})` a number, `-> chol({m0}, {0}, {out})` an array."""
        code = op.c
        if code == "{0}":
            return values[0]
        if code[0] not in "=-":
            weight = 1 + sum(v.weight for v in values)
            if len(re.findall(r"\{\d\}", code)) > len(values):
                values = [self.light(v) for v in values]

            def entry(i: str, j: str) -> str:
                filled = code
                for k, v in enumerate(values):
                    filled = filled.replace(f"{{{k}}}", v.at(i, j))
                return filled

            return Held(rows, cols, entry, weight)
        sign, _, call = code.partition(" ")
        name = call.partition("(")[0]
        out = self.room(rows, cols, node) if "{out}" in call else None

        def filled(match: re.Match[str]) -> str:
            word = match[1]
            if word == "out":
                assert out is not None
                return self.pointer(out)
            if word.isdigit():
                v = values[int(word)]
                return v.at("0", "0") if is_number(op, int(word)) else self.dense(v)
            if word[0] == "p" and word[1:].isdigit():
                p = params[int(word[1:])]
                return self.size(p) if isinstance(p, Dim) else str(p)
            if word.startswith("work:"):
                spare = self.names.numbered("w")
                self.take(spare, count(word[5:], values, rows, cols))
                return spare
            if word[0] == "q":
                v = values[int(word[1:])]
                return self.size(v.cols if v.rows is values[0].rows else v.rows)
            return self.size(dimension(word, values, rows, cols))

        extra = re.search(r"\{out:(.*?)\}", call)
        if extra:
            storage = self.names.numbered("f")
            self.take(storage, count(extra[1], values, rows, cols))
            call = call.replace(extra[0], storage)
            out = Place(storage, ZERO, ONE, rows)
        text = re.sub(r"\{([^}]*)\}", filled, call)
        if sign == "=":
            return self.kept_scalar(Held(ONE, ONE, lambda i, j: text, 1))
        assert out is not None
        fallible = routines.ROUTINES[name].__annotations__.get("return") in (int, "int")
        self.put(f"if {text} != 0:" if fallible else text)
        if fallible:
            self.put("    return 1")
        return self.lying(out, rows, cols)

    def columns(self, op: Columns, values: list[Held], params: tuple[Any, ...], rows: Dim, cols: Dim) -> Held:
        """A linear function of one column after the other."""
        base_name, slot = op.name.partition("_columns")[0], op.slot
        base = registry[base_name]
        own = params[: len(params) - len(op.dims)]
        shape = [self.dim(p) for p in params[len(own) :]] or [values[slot].rows, ONE]
        C = self.stored(values[slot])
        assert C.place is not None
        flat = C if self.is_dense(C.place, C.rows, C.cols) else None
        if flat is None:
            target = self.room(C.rows, C.cols)
            self.store(C, target)
            flat = self.lying(target, C.rows, C.cols)
        assert flat.place is not None
        others = [v if k == slot else self.stored(v) if v.rows is not ONE or v.cols is not ONE else v
                  for k, v in enumerate(values)]  # fmt: skip
        column = self.names.numbered("v")
        self.take(column, C.rows)
        out = self.room(rows, cols)
        with self.loop("k", cols) as k:
            at = self.index(flat.place, "0", k)
            self.put(f"copy({self.size(C.rows)}, {flat.place.array}[{at}:], {column})")
            others[slot] = self.lying(self.strided(column, shape[0], shape[1]), shape[0], shape[1])
            inner_rows, inner_cols = (rows, ONE)
            spec = signature(base.signature)[1]
            if spec is not None and len(spec) == 2:
                bound = dict(zip(op.dims, shape, strict=False))
                inner_rows, inner_cols = (d.substitute(bound) for d in spec)
            elif spec is None:
                inner_rows, inner_cols = shape[0], shape[1]
            v = self.apply(base, others, own, inner_rows, inner_cols)
            size = self.dim(inner_rows)
            shown = self.index(out, "0", k)
            with self.loop("j", self.dim(inner_cols)) as j, self.loop("i", size) as i:
                inner = f"({i}) + ({j}) * {self.size(size)}"
                self.put(f"{out.array}[{shown} + {inner}] = {v.at(i, j)}")
        return self.lying(out, rows, cols)

    # sums and products entry by entry

    def do_add(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        while len(values) > TERMS:
            part = self.do_add(values[:TERMS], params, rows, cols, None)
            scalars = all(v.rows is ONE and v.cols is ONE for v in values[:TERMS])
            values = [self.kept_scalar(part) if scalars else self.stored(part), *values[TERMS:]]

        def entry(i: str, j: str) -> str:
            text = values[0].at(i, j)
            for v in values[1:]:
                term = v.at(i, j)
                text += f" - {term[2:-1]}" if term.startswith("(-") and closes(term) else f" + {term}"
            return f"({text})"

        return Held(rows, cols, entry, sum(v.weight for v in values) + len(values) - 1)

    do_plus = do_add

    def do_scale(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        s, a = values
        factor = s.at("0", "0")

        def entry(i: str, j: str) -> str:
            if factor in ("-1.0", "(-1.0)"):
                return f"(-{a.at(i, j)})"
            if factor.startswith("(-") and re.fullmatch(r"\(-[\d.e+]+\)", factor):
                return f"(-({factor[2:-1]} * {a.at(i, j)}))"
            return f"({factor} * {a.at(i, j)})"

        return Held(rows, cols, entry, a.weight + 1)

    def do_hadamard(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        a, b = values
        if a is b:
            a = b = self.light(a)
        return Held(rows, cols, lambda i, j: f"({a.at(i, j)} * {b.at(i, j)})", a.weight + b.weight + 1)

    def do_power(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        a, p = values
        if p.rows is not ONE or p.cols is not ONE:
            return Held(rows, cols, lambda i, j: f"pow({a.at(i, j)}, {p.at(i, j)})", a.weight + p.weight + 3)
        exponent = p.at("0", "0")
        half = {"(1.0 / 2.0)": "sqrt({})", "0.5": "sqrt({})", "(-(1.0 / 2.0))": "(1.0 / sqrt({}))",
                "(-0.5)": "(1.0 / sqrt({}))", "(-1.0)": "(1.0 / {})"}  # fmt: skip
        if exponent in half:
            form = half[exponent]
            return Held(rows, cols, lambda i, j: form.format(a.at(i, j)), a.weight + 1)
        whole = re.fullmatch(r"\(?(-?\d+)\.0\)?", exponent)
        if whole and whole[1] == "2":
            if a.weight or (a.rows is ONE and a.cols is ONE):
                return Held(rows, cols, lambda i, j: f"square({a.at(i, j)})", a.weight + 1)
            return Held(rows, cols, lambda i, j: f"({a.at(i, j)} * {a.at(i, j)})", 1)
        if whole and abs(int(whole[1])) < 2**31:
            k = whole[1]
            return Held(rows, cols, lambda i, j: f"whole({a.at(i, j)}, {k})", a.weight + 2)
        return Held(rows, cols, lambda i, j: f"pow({a.at(i, j)}, {exponent})", a.weight + 3)

    def do_scale_rows(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        v, a = self.light(values[0]), values[1]
        return Held(rows, cols, lambda i, j: f"({along(v, i)} * {a.at(i, j)})", a.weight + 1)

    def do_scale_columns(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        a, v = values[0], self.light(values[1])
        return Held(rows, cols, lambda i, j: f"({a.at(i, j)} * {along(v, j)})", a.weight + 1)

    def do_add_diagonal(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        a, s = values[0], self.light(values[1])
        return Held(rows, cols, lambda i, j: f"({a.at(i, j)} + ({along(s, i)} if {i} == {j} else 0.0))", a.weight + 2)

    # arrangements

    def do_transpose(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        (a,) = values
        place = None if a.place is None else Place(a.place.array, a.place.start, a.place.right, a.place.down)
        return Held(rows, cols, lambda i, j: a.at(j, i), a.weight, place)

    def shifted(self, a: Held, row: Dim, col: Dim, rows: Dim, cols: Dim) -> Held:
        """The part of a value that begins at a row and a column."""
        row, col = self.dim(row), self.dim(col)
        if a.place is not None:
            p = a.place
            start = p.start + row * self.dim(p.down) + col * self.dim(p.right)
            return self.lying(Place(p.array, start, p.down, p.right), rows, cols)

        def entry(i: str, j: str) -> str:
            return a.at(*(at if d is ZERO else f"({at} + {self.size(d)})" for at, d in ((i, row), (j, col))))

        return Held(rows, cols, entry, a.weight)

    def do_entry(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        i, j = params
        return self.shifted(values[0], Dim.of(i - 1), Dim.of(j - 1), ONE, ONE)

    def do_getrow(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        a = values[0]
        row = self.shifted(a, Dim.of(params[0] - 1), ZERO, ONE, a.cols)
        return self.do_transpose([row], (), a.cols, ONE, None)

    def do_getcol(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        return self.shifted(values[0], ZERO, Dim.of(params[0] - 1), values[0].rows, ONE)

    def do_slice(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        r0, _, c0, _ = params
        return self.shifted(values[0], r0, c0, rows, cols)

    def do_lastcols(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        a = values[0]
        last = self.size(a.cols - ONE)
        return Held(rows, cols, lambda i, j: a.at(i, f"({last} - {j})"), a.weight)

    def do_hcat(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        return self.pasted(values, rows, cols, node, across=True)

    def do_vcat(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        return self.pasted(values, rows, cols, node, across=False)

    def pasted(self, values: list[Held], rows: Dim, cols: Dim, node: Node | None, across: bool) -> Held:
        out = self.room(rows, cols, node, dense=False)
        at = ZERO
        for v in values:
            start = out.start + self.dim(at * (out.right if across else out.down))
            self.store(v, Place(out.array, start, out.down, out.right))
            at = at + (v.cols if across else v.rows)
        return self.lying(out, rows, cols)

    def do_vec(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        return self.reshaped(values[0], rows, cols)

    def do_unvec(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        return self.reshaped(values[0], rows, cols)

    def reshaped(self, a: Held, rows: Dim, cols: Dim) -> Held:
        """The same entries, column by column."""
        if a.cols is ONE and cols is ONE:
            return a
        if a.place is None or not self.is_dense(a.place, a.rows, a.cols):
            target = self.room(a.rows, a.cols)
            self.store(a, target)
            a = self.lying(target, a.rows, a.cols)
        assert a.place is not None
        return self.lying(Place(a.place.array, a.place.start, ONE, rows), rows, cols)

    def do_diag(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        (a,) = values
        if a.place is not None:
            p = a.place
            return self.lying(Place(p.array, p.start, self.dim(p.down) + self.dim(p.right), ONE), rows, cols)
        return Held(rows, cols, lambda i, j: a.at(i, i), a.weight)

    def do_Diag(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        v = self.light(values[0])
        return Held(rows, cols, lambda i, j: f"({along(v, i)} if {i} == {j} else 0.0)", 1)

    def do_tril(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        (a,) = values
        return Held(rows, cols, lambda i, j: f"({a.at(i, j)} if {i} >= {j} else 0.0)", a.weight + 1)

    def do_triu(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        (a,) = values
        return Held(rows, cols, lambda i, j: f"({a.at(i, j)} if {i} <= {j} else 0.0)", a.weight + 1)

    def do_sym(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        a = self.light(values[0])
        return Held(rows, cols, lambda i, j: f"(({a.at(i, j)} + {a.at(j, i)}) / 2.0)", 2)

    def do_skew(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        a = self.light(values[0])
        return Held(rows, cols, lambda i, j: f"(({a.at(i, j)} - {a.at(j, i)}) / 2.0)", 2)

    # reductions

    def do_sum(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        (a,) = values
        if a.place is not None and self.is_dense(a.place, a.rows, a.cols) and not self.small(a.rows, a.cols):
            return self.kept_scalar(self.scalar(f"total({self.size(a.rows * a.cols)}, {self.pointer(a.place)})"))
        return self.summed(a.at, a.rows, a.cols)

    do_total = do_sum

    def do_mean(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        s = self.do_sum(values, params, rows, cols, None).at("0", "0")
        return self.scalar(f"({s} / float({self.size(values[0].rows * values[0].cols)}))")

    def do_tr(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        (a,) = values
        return self.summed(lambda i, j: a.at(i, i), a.rows, ONE)

    def do_inner(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        a, b = values
        dense = all(v.place is not None and self.is_dense(v.place, v.rows, v.cols) for v in values)
        if dense and not self.small(a.rows, a.cols):
            count = self.size(a.rows * a.cols)
            return self.kept_scalar(self.scalar(f"dot({count}, {self.dense(a)}, {self.dense(b)})"))
        if a is b and a.weight:
            return self.summed(lambda i, j: f"square({a.at(i, j)})", a.rows, a.cols)
        flip = a.rows is not b.rows and a.rows is b.cols and a.cols is b.rows
        return self.summed(lambda i, j: f"{a.at(i, j)} * {b.at(j, i) if flip else b.at(i, j)}", a.rows, a.cols)

    def do_trace_product(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        a, b = values
        return self.summed(lambda i, j: f"{a.at(i, j)} * {b.at(j, i)}", a.rows, a.cols)

    def lines_of(self, text: Entry, outer: Dim, inner: Dim, by_rows: bool, node: Node | None) -> Held:
        """For each row, or column, the sum along it."""
        out = self.room(outer, ONE, node)
        self.store(Held(outer, ONE, lambda i, j: "0.0"), out)
        first, second = (("j", inner), ("i", outer)) if by_rows else (("j", outer), ("i", inner))
        with self.loop(*first) as j, self.loop(*second) as i:
            at = i if by_rows else j
            self.put(f"{out.array}[{self.index(out, at, '0')}] += {text(i, j)}")
        return self.lying(out, outer, ONE)

    def do_row_sums(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        (a,) = values
        return self.lines_of(a.at, a.rows, a.cols, True, node)

    def do_column_sums(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        (a,) = values
        return self.lines_of(a.at, a.cols, a.rows, False, node)

    def do_row_dots(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        a, b = values
        return self.lines_of(lambda i, j: f"{a.at(i, j)} * {b.at(i, j)}", a.rows, a.cols, True, node)

    def do_column_dots(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        a, b = values
        return self.lines_of(lambda i, j: f"{a.at(i, j)} * {b.at(i, j)}", a.cols, a.rows, False, node)

    # parts of decompositions

    def part_of(self, f: Held, start: Dim, rows: Dim, cols: Dim) -> Held:
        assert f.place is not None
        return self.lying(Place(f.place.array, f.place.start + self.dim(start), ONE, rows), rows, cols)

    def do_eigvecs_part(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        return self.part_of(values[0], ZERO, rows, cols)

    def do_eigvals_part(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        return self.part_of(values[0], values[0].rows * values[0].rows, rows, cols)

    def do_eigval_part(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        n = values[0].rows
        i = params[0] if isinstance(params[0], Dim) else Dim.of(params[0])
        return self.part_of(values[0], n * n + i - ONE, ONE, ONE)

    def do_lambda_max_part(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        n = values[0].rows
        return self.part_of(values[0], n * n + n - ONE, ONE, ONE)

    def do_lambda_min_part(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        n = values[0].rows
        return self.part_of(values[0], n * n, ONE, ONE)

    def do_polar_part(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        out = self.room(rows, cols, node)
        self.put(f"polar_part({self.size(rows)}, {self.size(cols)}, {self.dense(values[0])}, {self.pointer(out)})")
        return self.lying(out, rows, cols)

    def do_nuclear_part(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        m, n = values[0].rows, values[0].cols
        call = f"nuclear_part({self.size(m)}, {self.size(n)}, {self.dense(values[0])})"
        return self.kept_scalar(Held(ONE, ONE, lambda i, j: call, 1))

    # products of matrices

    def do_matmul(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        a, b = values
        inner = a.cols
        if inner is ONE:
            a, b = self.light(a), self.light(b)
            return Held(rows, cols, lambda i, j: f"({a.at(i, '0')} * {b.at('0', j)})", 1)
        if rows is ONE and cols is ONE:
            return self.do_inner([self.do_transpose([a], (), inner, ONE, None), b], (), ONE, ONE, None)
        a, b = self.stored(a), self.stored(b)
        if self.small(rows, cols, inner):
            return self.written_product(a, b, rows, cols, node)
        out = self.room(rows, cols, node, dense=cols is ONE or rows is ONE)
        assert a.place is not None and b.place is not None
        if cols is ONE or rows is ONE:
            if rows is ONE:
                a, b = (self.do_transpose([v], (), v.cols, v.rows, None) for v in (b, a))
            assert a.place is not None and b.place is not None
            down, right, step = (self.size(d) for d in (a.place.down, a.place.right, b.place.down))
            self.put(
                f"gemv({self.size(a.rows)}, {self.size(a.cols)}, {self.pointer(a.place)}, {down}, {right}, "
                f"{self.pointer(b.place)}, {step}, {self.pointer(out)})"
            )
            return self.lying(out, rows, cols)
        assert a.place is not None and b.place is not None
        m, n, x, y, z = rows, cols, a.place, b.place, out
        if out.down is not ONE:
            m, n = n, m
            x, y, z = (Place(p.array, p.start, p.right, p.down) for p in (y, x, z))
        parts = [f"{self.pointer(p)}, {self.size(p.down)}, {self.size(p.right)}" for p in (x, y, z)]
        self.put(f"gemm({self.size(m)}, {self.size(n)}, {self.size(inner)}, {', '.join(parts)})")
        return self.lying(out, rows, cols)

    def written_product(self, a: Held, b: Held, rows: Dim, cols: Dim, node: Node | None) -> Held:
        out = self.room(rows, cols, node, dense=False)
        name = self.names.numbered("s")
        with self.loop("j", cols) as j, self.loop("i", rows) as i:
            self.put(f"{name} = 0.0")
            with self.loop("k", a.cols) as k:
                self.put(f"{name} += {a.at(i, k)} * {b.at(k, j)}")
            self.put(f"{out.array}[{self.index(out, i, j)}] = {name}")
        return self.lying(out, rows, cols)

    def do_mpow(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        out = self.room(rows, cols, node)
        a, n = self.dense(values[0]), self.size(rows)
        spare = self.names.numbered("w")
        self.take(spare, rows * rows * Dim.of(3) + rows)
        exponent = params[0]
        if exponent >= 0:
            self.put(f"mpow({n}, {exponent}, {a}, {self.pointer(out)}, {spare})")
        else:
            base = self.names.numbered("w")
            self.take(base, rows * rows)
            self.put(f"if inverse({n}, {a}, {base}, {spare}) != 0:")
            self.put("    return 1")
            self.put(f"mpow({n}, {-exponent}, {base}, {self.pointer(out)}, {spare})")
        return self.lying(out, rows, cols)

    # arrays of more axes

    def do_blocks(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        out = self.room(rows, cols)
        self.put(f"fill({self.size(rows * cols)}, 0.0, {self.pointer(out)})")
        return self.with_blocks(out, values, params, rows, cols)

    def do_add_blocks(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        out = self.room(rows, cols)
        self.store(values[0], out)
        return self.with_blocks(out, values[1:], params, rows, cols)

    def with_blocks(self, out: Place, values: list[Held], params: Any, rows: Dim, cols: Dim) -> Held:
        a, c, b = values
        sizes = ", ".join(self.size(d) for d in (a.rows, b.rows, c.rows, a.cols))
        arrays = ", ".join(self.dense(v) for v in values)
        self.put(f"blocks({sizes}, {1 if params[0] else 0}, {arrays}, {self.pointer(out)})")
        return self.lying(out, rows, cols)

    def do_broadcast(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        out = self.room(rows, cols)
        axes = params[0]
        if len(set(axes)) < len(axes):
            self.put(f"fill({self.size(rows * cols)}, 0.0, {self.pointer(out)})")
        return self.spread(out, values, params, rows, cols, "=")

    def do_add_broadcast(self, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
        out = self.room(rows, cols)
        self.store(values[0], out)
        return self.spread(out, values[1:], params, rows, cols, "+=")

    def spread(self, out: Place, values: list[Held], params: Any, rows: Dim, cols: Dim, sign: str) -> Held:
        """A product of entries for all values of the indices, at its place."""
        axes, dims, places, count = params
        dims = [self.dim(d) for d in dims]
        size = dict(zip(axes, dims, strict=True))
        letters = {axis: f"i{axis}" for axis in size}
        factors = [self.light(v) for v in values]

        def flat(part: Sequence[int], sizes: Sequence[Dim]) -> str:
            text = "0"
            for axis, d in zip(part, sizes, strict=True):
                text = f"({text}) * {self.size(d)} + {letters[axis]}" if text != "0" else letters[axis]
            return text

        kept = sorted(size, reverse=True)
        for axis in kept:
            self.put(f"for {letters[axis]} in range({self.size(size[axis])}):")
            self.depth += 1
        terms = []
        for v, at in zip(factors, places, strict=True):
            where = [letters[x] for x in at]
            terms.append(v.at(*where) if len(where) == 2 else along(v, where[0]) if where else v.at("0", "0"))
        i, j = flat(axes[:count], dims[:count]), flat(axes[count:], dims[count:])
        self.put(f"{out.array}[{self.index(out, i, j)}] {sign} {' * '.join(terms)}")
        self.depth -= len(kept)
        return self.lying(out, rows, cols)


def used_lines(lines: Sequence[str]) -> list[str]:
    """The lines without pointers to memory that nothing uses."""
    words = Counter(w for line in lines for w in re.findall(r"\w+", line))
    return [line for line in lines if not ((m := re.match(r" *(\w+) = work\[", line)) and words[m[1]] == 1)]


def names_in(params: Any) -> set[str]:
    if isinstance(params, Dim):
        return set(params.names)
    return {n for p in params for n in names_in(p)} if isinstance(params, tuple) else set()


def along(v: Held, i: str) -> str:
    """The entry i of a vector or a row; of a number itself."""
    return v.at(i, "0") if v.cols is ONE else v.at("0", i)


def closes(term: str) -> bool:
    """Does the first parenthesis close with the last?"""
    depth = 0
    for k, c in enumerate(term):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return k == len(term) - 1
    return False


def largest(a: Dim, b: Dim) -> Dim:
    """A polynomial that is at least both: coefficient by coefficient."""
    parts = dict(a.terms)
    for m, c in b.terms:
        parts[m] = max(parts.get(m, 0), c)
    return Dim.collect(parts)


def number_text(value: Value) -> str:
    if isinstance(value, Fraction):
        if max(abs(value.numerator), value.denominator) < 2**53:
            text = f"({abs(value.numerator)}.0 / {value.denominator}.0)"
            return text if value > 0 else f"(-{text})"
        value = rounded(value)
    if isinstance(value, int):
        value = rounded(Fraction(value))
    text = repr(float(abs(value)))
    return f"(-{text})" if value < 0 else text


def rounded(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def is_number(op: Op, slot: int) -> bool:
    """Is an argument a scalar by the signature?"""
    inputs = signature(op.signature)[0]
    return inputs[min(slot, len(inputs) - 1)] == ()


def dimension(word: str, values: Sequence[Held], rows: Dim, cols: Dim) -> Dim:
    """`m0`, `n0`, `s0`: rows, columns, entries of an argument; `m`, `n`, `s` those of the value; `k0` the lesser."""
    v_rows, v_cols = (values[int(word[1:])].rows, values[int(word[1:])].cols) if word[1:] else (rows, cols)
    return {"m": v_rows, "n": v_cols, "s": v_rows * v_cols}[word[0]]


def count(text: str, values: Sequence[Held], rows: Dim, cols: Dim) -> Dim:
    """`4*m0*m0+m0` as a dimension."""
    total = ZERO
    for term in text.split("+"):
        product = ONE
        for factor in term.split("*"):
            product = product * (Dim.of(int(factor)) if factor.isdigit() else dimension(factor, values, rows, cols))
        total = total + product
    return total
