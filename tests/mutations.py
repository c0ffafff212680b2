"""How much the verification is to be trusted: wrong derivatives by mutation, right ones at random.

    python tests/mutations.py [--share N] [--random N]

perturbs the rule of every record, alters the answers of textbook.toml in twelve named ways, keeps what an
independent evaluation finds different, and prints a table of how many of these were accepted (none may be);
then it verifies random functions (none may be refused).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

import matdiff as md
from matdiff.api.expr import Expr
from matdiff.core.node import Apply, Node, Number, Symbol, number, topological
from matdiff.core.op import Joint, Linear, Nonlinear, Op, Rule, registry
from matdiff.graph.rewrite import rebuild
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    MATMUL,
    MPOW,
    POWER,
    SCALE,
    TRANSPOSE,
    add,
    hadamard,
    matmul,
    mpow,
    power,
    scale,
    transpose,
)
from matdiff.ops.linalg import inv
from tests.simplify.test_textbook import IDENTITIES, Entry, derivation, point
from tests.verify.test_verify import cases, of_record

DIFFERENT = 1e-5
"""Relative difference from which on a mutant counts as wrong."""
DRAWS = 12
PER_WAY = 3
"""Mutants of one way for one answer."""

Maker = Callable[[Apply, tuple[Node, ...]], Node]


def edited(root: Node, at: Node, make: Maker) -> Node | None:
    """The expression with one node made anew; None where that does not fit."""
    memo: dict[Node, Node] = {}
    try:
        for node in topological(root):
            if isinstance(node, Apply):
                args = tuple(memo[a] for a in node.args)
                memo[node] = make(node, args) if node is at else rebuild(node, args)
            else:
                memo[node] = node
    except (md.MatdiffError, IndexError):
        return None
    new = memo[root]
    fits = (new.rows, new.cols, new.kind) == (root.rows, root.cols, root.kind)
    return new if fits and new is not root else None


def nodes(root: Node, *ops: Op) -> Iterator[Apply]:
    return (n for n in topological(root) if isinstance(n, Apply) and n.op in ops)


def each(root: Node, make: Maker, *ops: Op) -> Iterator[Node]:
    """The expression with one of the nodes of some functions made anew, for each of them."""
    return (new for n in nodes(root, *ops) if (new := edited(root, n, make)) is not None)


def without(args: tuple[Node, ...], i: int) -> tuple[Node, ...]:
    return args[:i] + args[i + 1 :]


def dropped_terms(root: Node) -> Iterator[Node]:
    for i in range(4):
        yield from each(root, lambda n, args, i=i: args[i] and add(*without(args, i)), ADD)  # type: ignore[misc]


def flipped_terms(root: Node) -> Iterator[Node]:
    for i in range(4):
        yield from each(root, lambda n, args, i=i: add(*without(args, i), scale(number(-1), args[i])), ADD)  # type: ignore[misc]


def transposed_symbols(root: Node) -> Iterator[Node]:
    """A square matrix transposed in one place."""
    for node in topological(root):
        if isinstance(node, Apply) and node.op is not TRANSPOSE:
            for i, a in enumerate(node.args):
                if isinstance(a, Symbol) and a.kind == "matrix":
                    new = edited(
                        root,
                        node,
                        lambda n, args, i=i: rebuild(n, (*args[:i], transpose(args[i]), *args[i + 1 :])),  # type: ignore[misc]
                    )
                    if new is not None:
                        yield new


def dropped_factors(root: Node) -> Iterator[Node]:
    for i in (0, 1):
        yield from each(root, lambda n, args, i=i: args[1 - i], MATMUL, HADAMARD)  # type: ignore[misc]


def changed_variables(root: Node) -> Iterator[Node]:
    """One variable put for another of the same type, wherever it stands."""
    from matdiff.graph.rewrite import substitute

    found = [n for n in topological(root) if isinstance(n, Symbol)]
    for a in found:
        for b in found:
            if a is not b and (a.rows, a.cols, a.kind) == (b.rows, b.cols, b.kind):
                yield substitute(root, {a: b})


def other_powers(root: Node) -> Iterator[Node]:
    def make(n: Apply, args: tuple[Node, ...]) -> Node:
        if n.op is MPOW:
            return mpow(args[0], n.params[0] + 1)
        p = args[1]
        return power(args[0], number(p.value + 1) if isinstance(p, Number) else p)

    return each(root, make, POWER, MPOW)


WAYS: dict[str, Callable[[Node], Iterator[Node]]] = {
    "sign": lambda G: iter([scale(number(-1), G)]),
    "factor 2": lambda G: iter([scale(number(2), G), scale(number(Fraction(1, 2)), G)]),
    "wrong by 0.1 %": lambda G: iter([scale(number(Fraction(1001, 1000)), G)]),
    "transpose dropped": lambda G: each(G, lambda n, args: args[0], TRANSPOSE),
    "transpose added": transposed_symbols,
    "order of factors": lambda G: each(G, lambda n, args: matmul(args[1], args[0]), MATMUL),
    "term dropped": dropped_terms,
    "sign of a term": flipped_terms,
    "kind of product": lambda G: (
        new
        for make, op in ((lambda n, args: hadamard(*args), MATMUL), (lambda n, args: matmul(*args), HADAMARD))
        for new in each(G, make, op)
    ),
    "inverse dropped": lambda G: each(G, lambda n, args: args[0], inv),
    "factor dropped": lambda G: (
        new for ways in (dropped_factors(G), each(G, lambda n, args: args[1], SCALE)) for new in ways
    ),
    "power or variable": lambda G: (new for ways in (other_powers(G), changed_variables(G)) for new in ways),
}
"""Twelve ways to be wrong; each gives some mutants of an answer, right ones among them."""


def mutants(entry: Entry) -> Iterator[tuple[str, md.Expr]]:
    """Altered answers that differ from the answer at a point where both are defined."""
    d = derivation(entry["text"], entry["declare"], entry["wrt"])
    answer = md.parse(entry["answer"], declare=d.types)
    for way, mutate in WAYS.items():
        kept = 0
        for node in dict.fromkeys(mutate(answer.node)):
            mutant = Expr(node, d.function.variables)
            if kept < PER_WAY and differs(mutant, answer, d.types):
                kept += 1
                yield way, mutant


def differs(mutant: md.Expr, answer: md.Expr, types: str) -> bool:
    """Does an evaluation at random arrays tell the two apart?"""
    for draw in range(DRAWS):
        arrays = point(types, draw)
        try:
            a, b = mutant.evaluate(**arrays), answer.evaluate(**arrays)
        except md.MatdiffError:
            continue
        size = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)))
        return bool(float(np.linalg.norm(np.subtract(a, b))) > DIFFERENT * size > 1e-8)
    return False


# rules


def off(rule: Rule, change: Callable[[Node], Node]) -> Rule:
    """A rule whose result is changed."""
    match rule:
        case Linear(f):
            return Linear(lambda *args: change(f(*args)))
        case Joint(f):
            return Joint(lambda *args: change(f(*args)))
        case Nonlinear(f):
            return Nonlinear(lambda *args: change(f(*args)))
    return None


CHANGES: dict[str, Callable[[Node], Node]] = {
    "sign": lambda u: scale(number(-1), u),
    "factor 2": lambda u: scale(number(2), u),
    "wrong by 0.1 %": lambda u: scale(number(Fraction(1001, 1000)), u),
    "transposed": lambda u: transpose(u) if u.rows is u.cols else scale(number(3), u),
}


@contextmanager
def perturbed(op: Op, slot: int, change: Callable[[Node], Node]) -> Iterator[None]:
    rules = op.rules
    changed = tuple(off(r, change) if i == slot else r for i, r in enumerate(rules))
    object.__setattr__(op, "rules", changed)
    try:
        yield
    finally:
        object.__setattr__(op, "rules", rules)


def derivatives(d: md.Derivation) -> list[Expr]:
    """What a derivation says: the gradient, or the differential and the adjoint."""
    if d.kind == "gradient":
        return [d.gradient]
    known = (*d.function.variables, *d.directions.values(), d.covector)
    return [Expr(d.differential.node, known), *(Expr(g, known) for g in d.pullback.values())]


def rule_mutants() -> Iterator[tuple[str, bool | None]]:
    """For each perturbed rule that changes the derivative of its record, whether the result was accepted."""
    for name, slot in cases():
        right = derivatives(of_record(name, slot))
        for way, change in CHANGES.items():
            with perturbed(registry[name], slot, change):
                d = of_record(name, slot)
                wrong = derivatives(d)
                accepted = d.verify().passed
            if any(parted(w, r) for w, r in zip(wrong, right, strict=True)):
                yield way, accepted


def parted(a: Expr, b: Expr) -> bool:
    """Do two expressions of the same symbols differ at random arrays?"""
    from matdiff.codegen.evaluate import evaluate
    from matdiff.verify.sampling import Way, names
    from matdiff.verify.sampling import point as draw

    variables = [v for v in dict.fromkeys((*a.variables, *b.variables)) if v.of is None]
    moving = [v for v in dict.fromkeys((*a.variables, *b.variables)) if v.of is not None]
    rng = np.random.default_rng(5)
    for flavour in ("definite", "identity", "positive", "small", "normal"):
        way = Way(dict.fromkeys(names(variables), 3), flavour)
        given = {v.name: x for v, x in draw(variables, way, rng).items()}
        given |= {v.name: x for v, x in draw(moving, way, rng).items()}
        try:
            x, y = (np.asarray(evaluate(e.node, (*variables, *moving), given)) for e in (a, b))
        except md.MatdiffError:
            continue
        if np.linalg.norm(x - y) > DIFFERENT * max(np.linalg.norm(x), np.linalg.norm(y)):
            return True
    return False


# the table


@dataclass
class Tally:
    wrong: Counter[str]
    accepted: Counter[str]
    open: Counter[str]

    def count(self, way: str, passed: bool | None) -> None:
        self.wrong[way] += 1
        self.accepted[way] += passed is True
        self.open[way] += passed is None

    def __str__(self) -> str:
        rows = [f"{'altered':<28}{'wrong':>8}{'refused':>9}{'undecided':>11}{'accepted':>10}"]
        for way, total in [*self.wrong.items(), ("all", sum(self.wrong.values()))]:
            good, undecided = (sum(c.values()) if way == "all" else c[way] for c in (self.accepted, self.open))
            rows.append(f"{way:<28}{total:>8}{total - good - undecided:>9}{undecided:>11}{good:>10}")
        return "\n".join(rows)


def claims(share: int = 1, start: int = 0) -> Iterator[tuple[Entry, str, md.Expr, bool | None]]:
    """Every mutant of every `share`-th answer of the table, and what the verification says of it."""
    for entry in IDENTITIES[start::share]:
        d = derivation(entry["text"], entry["declare"], entry["wrt"])
        order = 2 if entry["kind"] == "hessian" else 1
        try:
            altered = list(mutants(entry))
        except md.MatdiffError:
            continue
        for way, mutant in altered:
            try:
                yield entry, way, mutant, d.verify(claim=mutant, order=order).passed
            except md.MatdiffError:
                continue


def right(count: int, first: int = 0) -> Iterator[tuple[int, Any, Any]]:
    """What is said of random functions, and of their own derivatives as claims."""
    from random_expressions import expression

    for seed in range(first, first + count):
        e = expression(seed)
        try:
            d = md.derive(e.text, wrt=e.wrt.name, declare=e.declare)
            own = d.verify()
            claimed = d.verify(claim=d.gradient) if d.kind == "gradient" else own
        except md.MatdiffError:
            continue
        yield seed, own, claimed


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--share", type=int, default=1, help="only every N-th answer of the table")
    arguments.add_argument("--random", type=int, default=1000, help="how many random functions")
    asked = arguments.parse_args()
    tally = Tally(Counter(), Counter(), Counter())
    for way, passed in rule_mutants():
        tally.count(f"rule: {way}", passed)
    for entry, way, mutant, passed in claims(asked.share):
        tally.count(f"claim: {way}", passed)
        if passed:
            print(f"ACCEPTED {entry['id']} ({way}): {mutant}")
    print(tally)
    said: Counter[bool | None] = Counter()
    for seed, own, claimed in right(asked.random):
        said[own.passed] += 1
        if own.passed is False or claimed.passed is False:
            print(f"REFUSED seed {seed}: {own if own.passed is False else claimed}")
    print(f"right: {said[True]} accepted, {said[None]} undecided, {said[False]} refused")
    return 1 if sum(tally.accepted.values()) or said[False] else 0


if __name__ == "__main__":
    sys.exit(main())
