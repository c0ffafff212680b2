"""What a plan costs: each step with its operations, and what fixed orders of multiplication would have cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from matdiff.codegen.backends.base import backend_named
from matdiff.codegen.emit.emitter import Emitter
from matdiff.codegen.emit.module import Nodes, outputs
from matdiff.codegen.emit.writer import polynomial
from matdiff.codegen.plan.order import ASSUMED, NO_SIZES, Sizes, guess
from matdiff.codegen.plan.products import plan
from matdiff.codegen.plan.variants import LARGE, SMALL, applied, costs, plans
from matdiff.core.node import Apply, Node, Symbol, topological
from matdiff.core.shape import Dim
from matdiff.ops.algebra import MATMUL, is_op

WIDTH = 60
HEAVY = 20
"""Operations per n³ that decompositions by iteration are counted with."""

Size = Callable[[Dim], int]
"""The number that a dimension is."""


def explain(nodes: Nodes, variables: Sequence[Symbol], backend: str = "numpy", sizes: Sizes = NO_SIZES) -> str:
    """The plan as a table of code, shape and operations; then its sum against fixed orders of multiplication.

    Dimensions that `sizes` does not name are ASSUMED.  Where the function chooses among orders when it is called,
    the plan is the one for these sizes, and the others follow with the sizes at which they are taken.
    """
    roots = outputs(nodes)[0]
    target = backend_named(backend)
    found = plans(roots, target.inverses)
    taken = cheapest(found, sizes)
    size: Size = lambda dim: guess(dim, sizes)  # noqa: E731
    texts = codes(found[taken], Emitter(target, variables))
    rows = [
        (shortened(texts[n]), "×".join(map(str, n.shape)) or "scalar", operations(n, size))
        for n in applied(found[taken])
        if operations(n, size)
    ]
    names = sorted({name for r in roots for n in topological(r) for name in n.rows.names | n.cols.names})
    left = max((len(r[0]) for r in rows), default=0)
    middle = max((len(r[1]) for r in rows), default=0)
    lines = [f"plan (operations{', ' * bool(names)}{stated(names, sizes)})"]
    lines += [f"  {code:<{left}}  {shape:<{middle}}  {count:>15,}" for code, shape, count in rows]
    best = total(found[taken], size)
    lines.append(f"in all: {best:,}")
    lines += orders(found, names, sizes, [codes(p, Emitter(target, variables)) for p in found])
    for text, order in (("left to right", "left"), ("right to left", "right")):
        count = total(plan(roots, order, target.inverses), size)  # type: ignore[arg-type]
        lines.append(f"multiplied {text}: {count:,} ({count / max(best, 1):.2f} times)")
    return "\n".join(lines)


def stated(names: Sequence[str], sizes: Sizes) -> str:
    """`m = 1000, n = p = 100`."""
    given = [f"{name} = {sizes[name]}" for name in names if name in sizes]
    rest = [name for name in names if name not in sizes]
    return ", ".join(given + [f"{' = '.join(rest)} = {ASSUMED}"] * bool(rest))


def cheapest(found: Sequence[Sequence[Node]], sizes: Sizes) -> int:
    """The plan that the function takes at these sizes."""
    totals = [guess(cost, sizes) for cost in costs(found)]
    return totals.index(min(totals))


def orders(
    found: Sequence[Sequence[Node]], names: Sequence[str], sizes: Sizes, texts: Sequence[dict[Node, str]]
) -> list[str]:
    """What the function chooses among when it is called; nothing where there is one plan."""
    if len(found) == 1:
        return []
    lines = [f"{len(found)} orders of multiplication; when called, the function takes the one with the least of"]
    every = costs(found)
    common = set.intersection(*(set(cost.terms) for cost in every))
    shared = set(applied(found[0])).intersection(*map(applied, found))
    here = cheapest(found, sizes)
    examples = {f"{name} = {s}": cheapest(found, {name: s}) for name in names for s in (SMALL, LARGE)}
    for k, planned in enumerate(found):
        cost = Dim.collect({m: c for m, c in every[k].terms if (m, c) not in common})
        own = [n for n in applied(planned) if is_op(n, MATMUL) and n not in shared]
        inside = {a for n in own for a in n.children}
        shown = "; ".join(shortened(texts[k][n]) for n in own if n not in inside)
        lines.append(f"  {polynomial(cost, {name: name for name in names}).text} = {guess(cost, sizes):,}: {shown}")
        where = [text for text, taken in examples.items() if taken == k]
        instances = f"for instance at {', at '.join(where)}, the others {ASSUMED}" if where else "where several differ"
        lines.append(f"    taken {'at these sizes' if k == here else instances}")
    return lines


def codes(planned: Sequence[Node], emitter: Emitter) -> dict[Node, str]:
    """The code of each node; of one that has a name `name = code`."""
    emitter.emit(planned)
    lines = {name: line for line in emitter.lines for name in [line.partition(" = ")[0]]}
    texts = {n: lines.get(code.text, code.text) for n, code in emitter.code.items()}
    return {n: emitter.backend.translate(text) for n, text in texts.items()}


def shortened(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def total(planned: Sequence[Node], size: Size) -> int:
    return sum(operations(n, size) for n in applied(planned))


def operations(node: Apply, size: Size) -> int:
    """Multiplications and additions of one function."""
    if node.op.cost:
        return counted(node.op.cost, node, size)
    if node.op.domain or "iterative" in node.op.traits.split():
        square = [a for a in node.args if a.kind == "matrix"]
        if square:
            return HEAVY * max(size(a.rows) ** 2 * size(a.cols) for a in square)
    return max(entries(a, size) for a in (node, *node.args))


def entries(a: Node, size: Size) -> int:
    return size(a.rows) * size(a.cols)


def counted(cost: str, node: Apply, size: Size) -> int:
    """The `cost` of a record in numbers."""

    def number(word: str) -> int:
        if word.isdigit():
            return int(word)
        if word[0] == "p":
            return size(node.params[int(word[1:])])
        a: Node = node.args[int(word[1:])] if word[1:] else node
        return entries(a, size) if word[0] == "s" else size(a.rows if word[0] == "m" else a.cols)

    parts = (term.partition("/") for term in cost.split("+"))
    return sum(prod(map(number, factors.split("*"))) // int(by or 1) for factors, _, by in parts)
