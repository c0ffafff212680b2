"""The emitter: a planned expression graph becomes lines of Python, shared parts named once."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from matdiff.codegen.backends.base import Backend
from matdiff.codegen.emit.forms import FORMS, constant_code
from matdiff.codegen.emit.memory import in_place, rank
from matdiff.codegen.emit.names import Names
from matdiff.codegen.emit.pieces import ATOM, PRODUCT, SUM, Code, as_kind, literal, template
from matdiff.codegen.emit.sizes import Recipe, Recipes, recipes
from matdiff.codegen.emit.writer import Writer, ordered, polynomial, root
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, Value, topological
from matdiff.core.shape import ONE, Dim, signature
from matdiff.errors import ShapeError
from matdiff.ops.algebra import ADD, INNER, POWER, SCALE

PLAIN = (ADD, SCALE, INNER)
"""Functions that are operators of Python on numbers."""


class Check(NamedTuple):
    """A check in generated code: the function that asks, the word that tells what, the node it concerns."""

    function: str
    node: Node


class Emitter(Writer):
    """An emission of Python for one array library."""

    def __init__(
        self,
        backend: Backend,
        variables: Sequence[Symbol],
        check: bool = False,
        strict: bool = False,
        settled: bool = False,
    ) -> None:
        super().__init__(Names(backend.all_helpers))
        self.backend = backend
        self.check = check
        self.strict = strict
        self.settled = settled
        self.variables = tuple(variables)
        self.shared: dict[Node, Code] = {}
        self.checks: list[Check] = []
        self.typed = False
        self.plain: set[Node] = set()
        self.reuse = False
        self.largest = 0

    # nodes

    def emit(self, *plans: Sequence[Node]) -> None:
        """The lines of everything that all of several plans compute, or of one plan."""
        order = topological(*(root for roots in plans for root in roots))
        self.inputs = {v: self.names.fresh(v.name) for v in ordered(self.variables, order)}
        self.results = frozenset(root for roots in plans for root in roots)
        self.largest = max(map(rank, order), default=0)
        orders = [topological(*roots) for roots in plans]
        for own, roots in zip(orders, plans, strict=True):
            self.uses |= self.count(own, roots)
        self.carry_on(set(orders[0]).intersection(*orders[1:]), orders[0])
        self.shared = dict(self.code)

    def branch(self, roots: Sequence[Node]) -> list[str]:
        """The lines of what one plan computes besides."""
        before, self.lines = self.lines, []
        self.code = dict(self.shared)
        order = topological(*roots)
        self.carry_on({n for n in order if n not in self.code}, order)
        lines, self.lines = self.lines, before
        return lines

    def carry_on(self, wanted: Container[Node], order: Sequence[Node]) -> None:
        for node in order:
            if node in wanted:
                if node.kind == "scalar" and self.is_plain(node):
                    self.plain.add(node)
                self.code[node] = self.node_code(node)

    def is_plain(self, node: Node) -> bool:
        """A number that no array enters, which generated code computes as a Python float."""
        if isinstance(node, Apply):
            return (node.op in PLAIN or node.op.elementwise) and all(a in self.plain for a in node.args)
        return isinstance(node, (Number, Constant)) or (isinstance(node, Symbol) and node.body in self.plain)

    def repeats(self, node: Node, child: Node) -> int:
        if isinstance(node, Apply) and node.op.name not in FORMS:
            uses = template(self.backend.template(node.op)).uses
            return max(1, *(uses[str(i)] for i, a in enumerate(node.args) if a is child))
        return 1

    def node_code(self, node: Node) -> Code:
        if not isinstance(node, Apply):
            return self.leaf(node)
        if self.reuse and (memory := in_place(self, node)) is not None:
            return memory
        form = FORMS.get(node.op.name)
        return self.kept(node, form(self, node) if form else self.template_code(node))

    def literal(self, value: Value) -> Code:
        return literal(value)

    def constant(self, node: Constant) -> Code:
        return constant_code(self, node)

    def hint(self, node: Apply) -> str:
        return hint(node, self.code)

    def template_code(self, node: Apply) -> Code:
        """A function from the template in its record."""
        if self.check and node.op.jointly:
            word, *slots = node.op.jointly.split()
            self.guard(word, node, [node.args[int(i)] for i in slots])
        inputs, _ = signature(node.op.signature)
        fields: dict[str, Code] = {}
        free = {a.kind for a, spec in zip(node.args, inputs, strict=False) if spec is None}
        for i, arg in enumerate(node.args):
            spec = inputs[min(i, len(inputs) - 1)]
            square = len(spec) == 2 if spec is not None else len(free) > 1
            code = self.checked(self.word(node, i), node, arg)
            if arg in self.plain and not (node.op.name == "polygamma" and i == 0):
                code = self.lift(arg, code)
            fields[str(i)] = as_kind(self, code, arg.kind, "matrix") if square else code
        for i, parameter in enumerate(node.params):
            fields[f"p{i}"] = self.size_code(parameter) if isinstance(parameter, Dim) else literal(int(parameter))
        code = template(self.backend.template(node.op)).fill(fields)
        return Code(self.backend.lowered.format(code.text), ATOM, code.depth + 1) if node in self.plain else code

    def lift(self, arg: Node, code: Code) -> Code:
        """A number that no array entered as a float, and as a value that functions of the library take."""
        if isinstance(arg, Number) and isinstance(arg.value, int):
            code = (
                code if not code.text.lstrip("-").isdecimal() else Code(f"{code.text}.0", code.precedence, code.depth)
            )
        elif not (isinstance(arg, Apply) and arg.op.elementwise and arg.op is not POWER):
            code = Code(f"1.0 * {code.at(PRODUCT)}", PRODUCT, code.depth + 1)
        if self.backend.lifted == "{0}":
            return code
        self.typed = True
        return Code(self.backend.lifted.format(code.text), ATOM, code.depth + 1)

    # checks

    def word(self, node: Apply, slot: int) -> str:
        """What the function asks of an argument."""
        domain = node.op.domain
        word = domain[slot] if slot < len(domain) else ""
        if word.startswith("simple"):
            (i,) = node.params
            return f"{word} #{i if isinstance(i, int) else '{' + self.size(i) + '}'}"
        if word == "distinct" and self.settled:
            return "symmetric"
        other = node.op.within if self.strict else node.op.where
        return word if other is None else other

    def checked(self, word: str, node: Apply, arg: Node) -> Code:
        code = self.code[arg]
        if not (self.check and word):
            return code
        text = f'check({"f" * ("{" in word)}"{word}", {self.label(node.op.name, arg)}, {code.text})'
        return Code(text, ATOM, code.depth + 1)

    def guard(self, word: str, node: Apply, arguments: Sequence[Node]) -> None:
        """A check on a line of its own; what it concerns gets a name."""
        for a in arguments:
            self.code[a] = self.named(self.code[a])
        shown = ", ".join(self.code[a].text for a in arguments)
        self.lines.append(f'check("{word}", {self.label(node.op.name, arguments[0])}, {shown})')

    def label(self, function: str, node: Node) -> int:
        self.checks.append(Check(function, node))
        return len(self.checks) - 1

    # parts that are written differently inside sums and quotients

    def reciprocal(self, node: Node) -> Code | None:
        if super().reciprocal(node) is None:
            return None
        assert isinstance(node, Apply)
        return self.checked("nonzero", node, node.args[0])

    # sizes

    def dtype(self) -> str:
        self.typed = True
        return self.backend.like

    def span(self, low: Dim, high: Dim, size: Dim) -> str:
        return f"{'' if low.number == 0 else self.size(low)}:{'' if high is size else self.size(high)}"

    def preamble(self) -> list[str]:
        """The lines that make floats of the inputs and read sizes off their shapes."""
        candidates = [*self.inputs, *(v for v in self.variables if v not in self.inputs)]
        found = recipes(candidates, self.sizes)
        if found is None:
            raise ShapeError(
                f"the sizes {', '.join(sorted(self.sizes))} do not follow from the shapes of the variables",
                hint="give them as numbers in the declarations",
            )
        for recipe in found.values():
            self.need(recipe.variable)
        if self.typed and not self.inputs and self.variables:
            self.need(self.variables[0])
        lines = self.conversion()
        lines += self.size_lines(found)
        if self.typed:
            first = next(iter(self.inputs.values()), None)
            lines.append(f"dtype = {first}.dtype" if first else f"dtype = {self.backend.double}")
            if "device" in self.backend.like:
                lines.append(f"device = {first}.device" if first else "device = None")
        return lines

    def size_lines(self, found: Recipes) -> list[str]:
        """`m, n = A.shape`, `k = x.shape[0] - n`."""
        lines: list[str] = []
        done: set[str] = set()
        for name in found:
            if name not in self.sizes:
                self.sizes[name] = self.names.fresh(name)
        for name, recipe in found.items():
            if name in done:
                continue
            both = [k for k, other in found.items() if other.variable is recipe.variable and other.plain]
            if recipe.plain and len(both) == 2:
                first, second = sorted(both, key=lambda k: found[k].axis)
                lines.append(f"{self.sizes[first]}, {self.sizes[second]} = {self.inputs[recipe.variable]}.shape")
                done.update(both)
            else:
                lines.append(f"{self.sizes[name]} = {self.quotient(recipe)}")
        return lines

    def need(self, variable: Symbol) -> None:
        if variable not in self.inputs:
            self.inputs[variable] = self.names.fresh(variable.name)

    def conversion(self) -> list[str]:
        if not self.inputs:
            return []
        names = list(self.inputs.values())
        target = ", ".join(names) if len(names) > 1 else f"({names[0]},)"
        rows = [name for v, name in self.inputs.items() if v.kind == "row"]
        return [f"{target} = floats({', '.join(names)})"] + [f"{name} = {name}.reshape(-1)" for name in rows]

    def quotient(self, recipe: Recipe) -> str:
        """(shape - rest) // factor, or the root of a quadratic polynomial."""
        text = f"{self.inputs[recipe.variable]}.shape[{recipe.axis}]"
        if recipe.square:
            return root(recipe, text)
        code = Code(text)
        if recipe.rest.terms:
            code = Code(f"{text} - {polynomial(recipe.rest, self.sizes).at(PRODUCT)}", SUM)
        if recipe.factor is ONE:
            return code.text
        return f"{code.at(PRODUCT)} // {polynomial(recipe.factor, self.sizes).at(ATOM)}"


def hint(node: Apply, code: Mapping[Node, Code]) -> str:
    """A readable name for a value, made of its arguments' names; empty where that gets long or they are numbered."""
    if not node.op.name.isidentifier() or len(node.args) > 2:
        return ""
    parts = [code[a].text.replace(".T", "t") for a in node.args if not isinstance(a, Number)]
    if not all(p.isidentifier() and len(p) <= 6 and not p[1:].isdecimal() for p in parts):
        return ""
    if node.op.name == "matmul":
        return "".join(parts) if sum(map(len, parts)) <= 6 else "_".join(parts)
    if node.op.name in FORMS:
        return ""
    return f"{node.op.name}_{'_'.join(parts)}"
