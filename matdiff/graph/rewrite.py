"""Passes over whole expressions: substitution, inlining of definitions, and the rewriting before d."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from matdiff.core.node import Apply, Node, Number, Symbol, number, symbol, topological
from matdiff.core.op import Op
from matdiff.errors import UnsupportedError
from matdiff.ops.algebra import (
    ADD,
    CONSTRUCTORS,
    MATMUL,
    POWER,
    SCALE,
    add,
    hadamard,
    matmul,
    matrix_product,
    power,
    product_nodes,
    scale,
    transpose,
)
from matdiff.ops.algebra import inner as pair
from matdiff.ops.constants import is_ones
from matdiff.ops.elementwise import exp, log, softplus
from matdiff.ops.indexing import COLUMN, ENTRY, VCAT
from matdiff.ops.linalg import det, logdet, pinv
from matdiff.ops.reductions import logsumexp, norm, softmax
from matdiff.ops.spectral import one_column
from matdiff.ops.structure import Diag

LONGEST = 24
"""Most factors of a product that is split."""


def rebuild(node: Apply, args: tuple[Node, ...]) -> Node:
    """The application with other arguments, through the constructor that simplifies on the way."""
    if args == node.args:
        return node
    build = CONSTRUCTORS.get(node.op.name)
    return build(*args) if build else node.op(*args, params=node.params)


def respelled(node: Apply, args: tuple[Node, ...]) -> Node:
    """The application to equal arguments; as it was where their form hides what the function needs to see of them."""
    try:
        return rebuild(node, args)
    except UnsupportedError:
        return node


def substitute(root: Node, values: Mapping[Any, Node], into_bodies: bool = False) -> Node:
    """Every occurrence of a key replaced by its value, at once."""
    memo: dict[Node, Node] = {}
    for node in topological(root, into_bodies=into_bodies):
        found = values.get(node)
        if found is not None:
            memo[node] = found
        elif isinstance(node, Apply):
            memo[node] = rebuild(node, tuple(memo[a] for a in node.args))
        elif into_bodies and isinstance(node, Symbol) and node.body is not None and memo[node.body] is not node.body:
            memo[node] = symbol(node.name, node.kind, node.rows, node.cols, node.attributes, memo[node.body], node.of)
        else:
            memo[node] = node
    return memo[root]


def transformed(root: Node, rule: Callable[[Apply, tuple[Node, ...]], Node | None]) -> Node:
    """The expression built anew: every application to what its arguments became by `rule`, or as it was where None."""
    memo: dict[Node, Node] = {}
    for node in topological(root):
        if isinstance(node, Apply):
            args = tuple(memo[a] for a in node.args)
            memo[node] = rule(node, args) or rebuild(node, args)
        else:
            memo[node] = node
    return memo[root]


def inline(root: Node) -> Node:
    """Definitions replaced by their bodies."""
    order = topological(root)
    for node in order:
        if isinstance(node, Symbol) and node.body is not None:
            break
    else:
        return root
    memo: dict[Node, Node] = {}
    for node in order:
        if isinstance(node, Apply):
            memo[node] = rebuild(node, tuple(memo[a] for a in node.args))
        elif isinstance(node, Symbol) and node.body is not None:
            memo[node] = memo[node.body]
        else:
            memo[node] = node
    return memo[root]


def defined(root: Node, known: Callable[[Op], bool]) -> Node:
    """The expression in terms of functions that are known: others are replaced by the definition in their record.

    One whose definition has others that are not known stays.  Raises UnsupportedError where one leads back to itself.
    """
    return _defined(root, known, ())


def _defined(root: Node, known: Callable[[Op], bool], inside: tuple[Op, ...]) -> Node:
    memo: dict[Node, Node] = {}
    for node in topological(root):
        if not isinstance(node, Apply):
            memo[node] = memo[node.body] if isinstance(node, Symbol) and node.body is not None else node
            continue
        args = tuple(memo[a] for a in node.args)
        if node.op.definition is None or known(node.op):
            memo[node] = rebuild(node, args)
        elif node.op in inside:
            raise UnsupportedError(f"the definition of {node.op.name} leads back to {node.op.name}")
        else:
            formal = tuple(symbol(f"_{i}", a.kind, a.rows, a.cols) for i, a in enumerate(args))
            body = _defined(node.op.definition(*formal, *node.params), known, (*inside, node.op))
            told = all(known(n.op) for n in topological(body) if isinstance(n, Apply))
            memo[node] = substitute(body, dict(zip(formal, args, strict=True))) if told else rebuild(node, args)
    return memo[root]


def prepared(root: Node) -> Node:
    """The expression as it is differentiated: ‖u‖² is ⟨u,u⟩, smooth at 0, log(1 + eᵘ) is softplus(u), and the log of
    an entry of softmax(u) is that of u less logsumexp(u).
    """
    memo: dict[Node, Node] = {}
    for node in topological(root):
        if isinstance(node, Apply):
            made = rebuild(node, tuple([memo[a] for a in node.args]))
            memo[node] = _smoother(made) if made.op in ROUGH else made
        elif isinstance(node, Symbol) and node.body is not None:
            body = memo[node.body]
            same = body is node.body
            memo[node] = node if same else symbol(node.name, node.kind, node.rows, node.cols, body=body)
        else:
            memo[node] = node
    return memo[root]


ROUGH = frozenset({POWER, pinv, COLUMN, MATMUL, log, det, logdet})
"""The functions of which some applications are written in another way."""


def _smoother(node: Node) -> Node:
    if node.op is POWER and node.children[0].op is norm:
        p, u = node.children[1], node.children[0].children[0]
        if isinstance(p, Number) and isinstance(p.value, int) and p.value > 0 and p.value % 2 == 0:
            square = matmul(u.T, u) if u.kind == "vector" else pair(u, u)
            return power(square, number(p.value // 2))
    if node.op is pinv:
        return _pseudoinverse(node)
    if node.op in (det, logdet):
        return _two_by_two(node)
    if node.op is COLUMN:
        return one_column(node) or node
    if node.op is MATMUL and node.children[0].op is Diag and node.kind == "vector":
        return hadamard(node.children[0].children[0], node.children[1])
    if node.op is log and (e := node.children[0]).op is ENTRY and e.children[0].op is softmax:
        assert isinstance(e, Apply)
        (u,) = e.children[0].children
        return ENTRY.build((u,), e.params) - logsumexp(u)
    if node.op is log and node.children[0].op is ADD and len(node.children[0].children) == 2:
        a, b = node.children[0].children
        for one, e in ((a, b), (b, a)):
            if e.op is exp and is_ones(one):
                return softplus(e.children[0])
    return node


def _two_by_two(node: Node) -> Node:
    """det [p, q; r, s] = p s − q r of scalars, smooth where the matrix is singular too."""
    (M,) = node.children
    rows = [row.children for row in M.children] if M.op is VCAT else []
    if len(rows) != 2 or not all(len(row) == 2 and all(a.kind == "scalar" for a in row) for row in rows):
        return node
    (p, q), (r, s) = rows
    value = p * s - q * r
    return value if node.op is det else log(value)


def _pseudoinverse(node: Node) -> Node:
    """(u vᵀ)⁺ = v uᵀ/(‖u‖²‖v‖²), and (AB)⁺ = B⁺A⁺ for A with fewer columns than rows and B the other way."""
    (a,) = node.children
    if a.op is SCALE:
        return scale(power(a.children[0], number(-1)), _pseudoinverse(pinv(a.children[1])))
    parts = product_nodes(a, LONGEST)
    for i in range(1, len(parts)):
        left, right = matrix_product(parts[:i]), matrix_product(parts[i:])
        if left.kind == "vector" and right.kind == "row":
            u, v = left, transpose(right)
            return scale(power(pair(u, u) * pair(v, v), number(-1)), matmul(v, transpose(u)))
        rows, inside, cols = a.rows.number, left.cols.number, a.cols.number
        if rows is not None and inside is not None and cols is not None and inside < min(rows, cols):
            return matmul(_pseudoinverse(pinv(right)), _pseudoinverse(pinv(left)))
    return node


FACTORS = 24
"""Most factors of a product that names are looked for in."""


def in_terms_of(root: Node, body: Node, name: Node) -> Node:
    """An expression with a name in the place of what it stands for.

    A sum may be some of the terms of a larger one, a product some factors of a longer one, and either be transposed;
    the negative of a sum is −name.
    """
    if body.op is ADD:
        terms, turned = set(body.children), {t.T for t in body.children}
        opposite = {_negative(t) for t in body.children}
    else:
        terms = turned = opposite = set()
    run = product_nodes(body, FACTORS) if body.op is MATMUL else []
    runs = {tuple(f.T for f in reversed(run)): name.T, tuple(run): name} if run else {}
    memo: dict[Node, Node] = {}
    for n in topological(root, into_bodies=False):
        if n is body:
            memo[n] = name
        elif n is body.T:
            memo[n] = name.T
        elif n.op is ADD and opposite and opposite == set(n.children):
            memo[n] = scale(number(-1), name)
        elif n.op is ADD and terms and terms < set(n.children):
            memo[n] = add(name, *(memo[c] for c in n.children if c not in terms))
        elif n.op is ADD and turned and turned < set(n.children):
            memo[n] = add(name.T, *(memo[c] for c in n.children if c not in turned))
        elif runs and n.op is MATMUL:
            memo[n] = in_runs(n, runs, memo)
        elif isinstance(n, Apply):
            args = tuple(memo[a] for a in n.args)
            if n.op is ADD and args != n.args and is_negative(args[0]):
                args = tuple(sorted(args, key=is_negative))
            memo[n] = rebuild(n, args)
        else:
            memo[n] = n
    return memo[root]


def is_negative(a: Node) -> bool:
    """Has it a minus sign in front?"""
    return a.op is SCALE and isinstance(a.children[0], Number) and a.children[0].value < 0


def _negative(a: Node) -> Node:
    return a.children[1] if a.op is SCALE and a.children[0] is number(-1) else scale(number(-1), a)


def in_runs(product: Node, runs: Mapping[tuple[Node, ...], Node], memo: Mapping[Node, Node]) -> Node:
    """A product with names in the place of some of its factors that stand side by side."""
    factors = product_nodes(product, FACTORS)
    found: list[Node] = []
    i = 0
    while i < len(factors):
        run = next((r for r in runs if tuple(factors[i : i + len(r)]) == r), None)
        found.append(memo.get(factors[i], factors[i]) if run is None else runs[run])
        i += 1 if run is None else len(run)
    return matrix_product(found)
