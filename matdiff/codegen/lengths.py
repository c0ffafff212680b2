"""Lengths of vectors as one function, which keeps the squares of large and of small entries in range."""

from __future__ import annotations

from collections.abc import Container, Sequence

from matdiff.codegen.kernels import kernel, run
from matdiff.codegen.plan.sharing import rebuilt
from matdiff.core.node import Node, Number, Value, apply, number, topological
from matdiff.core.shape import ONE
from matdiff.ops.algebra import ADD, INNER, MATMUL, POWER, SCALE, TRANSPOSE, power
from matdiff.ops.elementwise import sqrt
from matdiff.ops.reductions import norm, sum_, tr

ROOT_OF_SUM = kernel(
    "root_of_sum",
    "(),(...)->()",
    "root_of_sum({0}, {1})",
    julia="root_of_sum({0}, {1})",
    torch="torch.sqrt({0} + torch.sum({1} * {1}))",
    c="= root_of_sum({0}, {s1}, {1})",
)
"""√(c + ⟨u,u⟩) for a number c > 0."""
HYPOT = kernel(
    "hypot_norm",
    "(),(...)->()",
    "hypot_norm({0}, {1})",
    julia="hypot_norm({0}, {1})",
    torch="torch.sqrt({0} ** 2 + torch.sum({1} * {1}))",
    c="= hypot_norm({0}, {s1}, {1})",
)
"""√(s² + ⟨u,u⟩)."""
DOT_OVER = kernel(
    "dot_over",
    "(...),(...),()->()",
    "dot_over({0}, {1}, {2})",
    julia="dot_over({0}, {1}, {2})",
    torch="torch.sum({0} * {1}) / {2}",
    domain=("", "", "nonzero"),
    c="= dot_over({s0}, {0}, {1}, {2})",
)
"""⟨u,v⟩/s."""
MOST_DIVISIONS = 4
MOST_FACTORS = 16


def lengths(roots: Sequence[Node]) -> list[Node]:
    """The roots with √⟨u,u⟩ as a norm; linear in distinct nodes."""
    order = topological(*roots)
    if not any(n.op is sqrt for n in order):
        return list(roots)
    new: dict[Node, Node] = {}
    for node in order:
        made = rebuilt(node, new)
        new[node] = root(made) if made.op is sqrt and made.kind == "scalar" else made
    return [new[r] for r in roots]


def quotients(roots: Sequence[Node]) -> list[Node]:
    """The roots with nothing divided by a power of a norm or a product of two; linear in distinct nodes."""
    order = topological(*roots)
    known = {n.children[0] for n in order if n.op is norm}
    if not known:
        return list(roots)
    new: dict[Node, Node] = {}
    for node in order:
        made = rebuilt(node, new)
        new[node] = divided(made, known) if made.op is SCALE and made.kind == "scalar" else made
    return [new[r] for r in roots]


def root(node: Node) -> Node:
    """√⟨u,u⟩ = ‖u‖, and the root of such a sum with a number or one square."""
    (a,) = node.children
    u = squared(a)
    if u is not None:
        return norm(u)
    if a.op is not ADD or len(a.children) != 2:
        return node
    for one, other in (a.children, a.children[::-1]):
        u = squared(other)
        if u is not None and isinstance(one, Number) and one.value > 0:
            return run(ROOT_OF_SUM, (one, u), "scalar", ONE, ONE)
        if u is not None and one.op is POWER and isinstance(p := one.children[1], Number) and p.value == 2:
            return run(HYPOT, (one.children[0], u), "scalar", ONE, ONE)
    return node


def squared(a: Node) -> Node | None:
    """The u of ⟨u,u⟩, however that is written; None for anything else."""
    if a.op is INNER or (a.op is MATMUL and a.kind == "scalar"):
        x, y = a.children
        return y if x is y or x is y.T else None
    if a.op is tr and (product := a.children[0]).op is MATMUL:
        x, y = product.children
        return (x if y.op is TRANSPOSE else y) if x is y.T else None
    if a.op is sum_ and (square := a.children[0]).op is POWER:
        p = square.children[1]
        return square.children[0] if isinstance(p, Number) and p.value == 2 else None
    if a.op is POWER and a.children[0].op is norm and isinstance(p := a.children[1], Number) and p.value == 2:
        return a.children[0].children[0]
    return None


def divided(node: Node, known: Container[Node | None]) -> Node:
    """A product of scalars with ‖u‖⁻ᵏ as one division after the other, the first of an inner product ⟨u,v⟩."""
    factors = opened(node, known)
    below = [(f, -int(e)) for f, e in factors if f.op is norm and isinstance(e, int) and -MOST_DIVISIONS <= e < 0]
    above = [(f, e) for f, e in factors if (f, -e) not in below]
    if not below or all(isinstance(f, Number) for f, _ in above):
        return node
    divisors = [n for n, k in below for _ in range(k)]
    parts = [f if e == 1 else power(f, number(e)) for f, e in above]
    for i, f in enumerate(parts):
        one = next(
            (n for n in divisors if is_pairing(f) and n.children[0] in (f.children[0], f.children[0].T, f.children[1])),
            None,
        )
        if one is not None:
            divisors.remove(one)
            parts[i] = run(DOT_OVER, (*vectors(f), one), "scalar", ONE, ONE)
    if len(divisors) < 2 and all(a is b for a, (b, _) in zip(parts, above, strict=True)):
        return node
    return product([*parts, *(power(n, number(-1)) for n in divisors)])


def opened(node: Node, known: Container[Node | None]) -> list[tuple[Node, Value]]:
    """The factors of a product of scalars with their powers; products in powers too, and ⟨u,u⟩ as a known ‖u‖²."""
    found: list[tuple[Node, Value]] = []
    stack: list[tuple[Node, Value]] = [(node, 1)]
    while stack:
        if len(found) + len(stack) > MOST_FACTORS:
            return []
        top, e = stack.pop()
        if top.op is SCALE:
            stack += [(c, e) for c in reversed(top.children)]
        elif top.op is POWER and isinstance(p := top.children[1], Number) and isinstance(p.value, int):
            stack.append((top.children[0], e * p.value))
        elif e < 0 and (u := squared(top)) is not None and u in known:
            found.append((norm(u), 2 * e))
        else:
            found.append((top, e))
    return found


def is_pairing(f: Node) -> bool:
    """⟨u,v⟩ or uᵀv."""
    return f.op is INNER or (f.op is MATMUL and f.kind == "scalar" and f.children[0].op is TRANSPOSE)


def vectors(f: Node) -> tuple[Node, Node]:
    u, v = f.children
    return (u, v) if f.op is INNER else (u.T, v)


def product(parts: Sequence[Node]) -> Node:
    """The product of scalars from left to right."""
    total = parts[0]
    for f in parts[1:]:
        total = apply(SCALE, (total, f), (), "scalar", ONE, ONE)
    return total
