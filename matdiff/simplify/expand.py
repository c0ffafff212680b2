"""Products multiplied out over sums, as far as a person would look: further forms to choose from, and to compare by."""

from __future__ import annotations

from collections.abc import Callable

from matdiff.core.node import Apply, Node, Value, number, topological
from matdiff.graph.rewrite import respelled
from matdiff.ops.algebra import (
    ADD,
    CONSTRUCTORS,
    HADAMARD,
    MATMUL,
    POWER,
    SCALE,
    TRANSPOSE,
    add,
    hadamard,
    power,
    scale,
    transpose,
)
from matdiff.ops.constants import zeros_like
from matdiff.simplify.terms import Term, entrywise, join, merged, root_power, split

MOST = 24
"""Most terms that a product is multiplied out to."""


def expanded(root: Node, entrywise: bool = False, outer: bool = False, inside: bool = False) -> Node:
    """Products, scalings and transposes of sums multiplied out; arguments of functions and outer products stay.

    With `entrywise` products entry by entry too: x ⊙ (1 − x) is what a person leaves.  With `outer` outer
    products as well, with `inside` the arguments of functions.
    """
    opened = (ADD, MATMUL, SCALE, TRANSPOSE, HADAMARD) if entrywise else (ADD, MATMUL, SCALE, TRANSPOSE)
    memo: dict[Node, Node] = {}
    for node in topological(root, into_bodies=False):
        if not isinstance(node, Apply):
            memo[node] = node
            continue
        if node.op not in opened:
            memo[node] = respelled(node, tuple(memo[a] for a in node.args)) if inside else node
            continue
        args = tuple([memo[a] for a in node.args])
        if args == node.args and all(a.op is not ADD for a in args):
            memo[node] = node
        elif node.op is ADD:
            memo[node] = add(*(t for a in args for t in terms(a)))
        elif node.op is TRANSPOSE:
            memo[node] = add(*map(transpose, terms(args[0]))) if outer or node.kind == "matrix" else transpose(args[0])
        else:
            memo[node] = _product(node, args[0], args[1], outer)
    return memo[root]


def terms(a: Node) -> tuple[Node, ...]:
    return a.children if a.op is ADD else (a,)


def _product(node: Apply, a: Node, b: Node, outer: bool) -> Node:
    build = CONSTRUCTORS[node.op.name]
    left, right = terms(a), terms(b)
    if len(left) * len(right) > MOST or (a.kind == "vector" and node.op is MATMUL and not outer):
        return build(a, b)
    return add(*(build(x, y) for x in left for y in right))


def cleared(root: Node) -> Node:
    """a ⊙ (b ./ a + c) as b + a ⊙ c and, of scalars, 1 − s/(1 + s) as 1/(1 + s): what rids of denominators."""
    memo: dict[Node, Node] = {}
    for node in topological(root, into_bodies=False):
        memo[node] = node
        if isinstance(node, Apply):
            made = respelled(node, tuple(memo[a] for a in node.args))
            rule = RULES.get(made.op.name) if isinstance(made, Apply) else None
            memo[node] = rule(made) if rule else made
    return memo[root]


def _cleared(product: Node) -> Node:
    factors = powers(product)
    for total, exponent in factors.items():
        if exponent != 1 or total.op is not ADD or len(total.children) > MOST:
            continue
        others = {base for base, e in factors.items() if base is not total and e > 0}
        if any(e < 0 and base in others for t in total.children for base, e in powers(t).items()):
            return add(*(substitute_factor(product, total, t) for t in total.children))
    return product


def _together(total: Node) -> Node:
    """A sum of scalars over that of its denominators which leaves the fewest terms above, if no more than before."""
    if len(total.children) > MOST:
        return total
    if total.kind != "scalar":
        divided = any((core := _core(t)).op is HADAMARD or core.op is POWER for t in total.children)
        return _over_entries(total) if divided else total
    scalars = [split(t).scalars for t in total.children]
    above = {d: _above(total, d) for found in scalars for d, e in found.items() if e < 0}
    below = min(above, key=lambda d: len(terms(above[d])), default=None)
    if below is None or len(terms(above[below])) > len(total.children):
        return total
    return scale(power(below, number(-1)), above[below])


def _core(term: Node) -> Node:
    """The array in a multiple of one."""
    while term.op is SCALE:
        term = term.children[1]
    return term


def _over_entries(total: Node) -> Node:
    """The same entry by entry, over the highest power of a denominator: 1 − r²/(1 + r²) is 1/(1 + r²)."""
    pieces = [(split(t), merged(split(t).core or t)) for t in total.children]
    best, fewest = total, len(pieces)
    for base in dict.fromkeys(b for _, e in pieces for b, k in e.scalars.items() if k < 0):
        least = min(e.scalars.get(base, 0) for _, e in pieces)
        times = [e.scalars.get(base, 0) - least for _, e in pieces]
        if all(k in (0, 1, 2) for k in times):
            above = [_raised_entry(p, e, base, k) for (p, e), k in zip(pieces, times, strict=True)]
            left = _like_entries(terms(expanded(add(*above), entrywise=True)))
            if len(left) < fewest:
                best, fewest = hadamard(add(*left), root_power(base, least)), len(left)
    return best


def _raised_entry(piece: Term, entries: Term, base: Node, times: Value) -> Node:
    """A term of which the power of one base is now `times`, multiplied out."""
    rest = Term(scalars={b: k for b, k in entries.scalars.items() if b is not base})
    assert piece.core is not None
    core = entrywise(rest, piece.core)
    for _ in range(int(times)):
        core = hadamard(core, base)
    return join(Term(piece.number, piece.scalars, core))


def _like_entries(parts: tuple[Node, ...]) -> list[Node]:
    """Terms equal up to the order of their factors in one; 0 where all cancel."""
    found: dict[object, Term] = {}
    for term in map(split, parts):
        key = frozenset(term.scalars.items()), frozenset(merged(term.core or parts[0]).scalars.items())
        same = found.setdefault(key, term)
        if same is not term:
            same.number = same.number + term.number
    return [join(t) for t in found.values() if t.number != 0] or [zeros_like(parts[0])]


def _above(total: Node, denominator: Node) -> Node:
    """A sum times one of its denominators, multiplied out, like terms in one."""
    found: dict[object, Term] = {}
    for t in map(split, total.children):
        if t.scalars.get(denominator, 0) < 0:
            t.multiply(denominator, 1)
            product = join(t)
        else:
            product = scale(join(t), denominator)
        for term in map(split, terms(expanded(product))):
            same = found.setdefault(term.key, term)
            if same is not term:
                same.number = same.number + term.number
    kept = [join(term) for term in found.values() if term.number != 0]
    return add(*kept) if kept else number(0)


RULES: dict[str, Callable[[Node], Node]] = {HADAMARD.name: _cleared, SCALE.name: _cleared, ADD.name: _together}


def powers(product: Node) -> dict[Node, Value]:
    """The bases of a product with their exponents: scalars, and the entries of its array."""
    term = split(product)
    return term.scalars if term.core is None else {**term.scalars, **merged(term.core).scalars}


def substitute_factor(product: Node, factor: Node, new: Node) -> Node:
    """The product with one of its factors replaced."""
    term = split(product)
    if factor in term.scalars:
        term.multiply(factor, -1)
        return scale(new, join(term))
    assert term.core is not None
    entries = merged(term.core)
    entries.multiply(factor, -1)
    rest = entrywise(entries, term.core) if entries.scalars else None
    term.core = new if rest is None else hadamard(rest, new)
    return join(term)
