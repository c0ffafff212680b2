"""Where a derivative exists: the parts of a function that must be defined, and what is asked of eigenvalues."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from matdiff.core.node import Apply, Node, Number, topological
from matdiff.ops.algebra import ADD, HADAMARD, INNER, MATMUL, POWER, SCALE, TRANSPOSE
from matdiff.ops.constants import is_ones
from matdiff.ops.indexing import COLUMN, SLICE
from matdiff.ops.reductions import softmax
from matdiff.ops.spectral import SIMPLE, eiggaps, eigvals, eigvecs, svdvals
from matdiff.ops.structure import Diag, diag

WHOLE = (eigvals, svdvals)
"""Functions of all eigenvalues or singular values of a matrix, in their order."""
ENTRYWISE = (ADD, SCALE, HADAMARD, POWER, TRANSPOSE, softmax, Diag, diag)
"""Functions that give each eigenvalue its own entry again."""


def partial(node: Apply, moving: Container[Node]) -> bool:
    """Is the function undefined somewhere, or its derivative, as that of pinv where the rank jumps?"""
    if node.op.guard is not None or node.op in WHOLE:
        return node in moving
    if node.op is POWER:
        exponent = node.children[1]
        return not (isinstance(exponent, Number) and isinstance(exponent.value, int) and exponent.value > 0)
    return any(node.op.domain)


def guards(root: Node, moving: Container[Node]) -> Iterable[Node]:
    """What must be defined for the derivative of a function to be: parts of it that are not defined everywhere.

    The eigenvectors stand for eigenvalues that have to be distinct, their columns for one that has to be simple.
    """
    for node in topological(root):
        if isinstance(node, Apply) and partial(node, moving):
            if node.op is eigvecs and node in (columns := columns_of([root])):
                yield from columns[node]
            elif node.op in WHOLE and not symmetric_in(root, node):
                S = node.args[0]
                yield eigvecs(S if node.op is eigvals else S.T @ S)
            else:
                yield node


def guard(node: Node) -> Node:
    """What is evaluated to see that a derivative exists."""
    if node.op is COLUMN:
        return simple(node)
    assert isinstance(node, Apply)
    return node if node.op.guard is None else node.op.guard(*node.args, *node.params)


def singular_at_zero(node: Node) -> bool:
    """Is it a function of the entries of an array that has no derivative at 0, as a root?"""
    if not isinstance(node, Apply) or node.kind == "scalar" or not node.op.elementwise:
        return False
    if node.op is POWER:
        p = node.args[1]
        return node.args[0].kind == node.kind and isinstance(p, Number) and p.value < 1
    return node.op.domain == ("positive",)


def columns_of(roots: Sequence[Node]) -> dict[Node, list[Node]]:
    """The eigenvectors of which nothing but columns is used, with these."""
    order = topological(*roots)
    if not any(n.op is eigvecs for n in order):
        return {}
    found: dict[Node, list[Node]] = {n: [] for n in order if n.op is eigvecs and n not in roots}
    for node in order:
        for child in node.children:
            if node.op is not COLUMN and not (node.op is SLICE and one_column(node)):
                found.pop(child, None)
            elif node.op is COLUMN and (Q := vectors(child)) in found:
                found[Q].append(node)
    return found


def vectors(node: Node) -> Node:
    """The matrix from which one column was cut."""
    return node.children[0] if node.op is SLICE else node


def one_column(node: Node) -> bool:
    assert isinstance(node, Apply)
    low, high = node.params[2:]
    return bool((high - low).number == 1)


def simple(column: Node) -> Node:
    """The matrix of an eigenvector, asked to have that eigenvalue but once."""
    assert isinstance(column, Apply)
    (a,) = column.args
    (S,) = vectors(a).children
    return SIMPLE.build((S,), (a.params[3] if isinstance(a, Apply) and a.op is SLICE else column.params[0],))


def symmetric_in(root: Node, values: Node) -> bool:
    """Does the function not change when the eigenvalues change places?  Then it is smooth where they coincide."""
    tied: set[Node] = {values}
    for node in topological(root):
        if node is values or tied.isdisjoint(node.children):
            continue
        assert isinstance(node, Apply) or node.children
        if node.kind == "scalar" and not reduces(node, tied):
            return False
        if node.kind != "scalar":
            if not (isinstance(node, Apply) and (node.op.elementwise or node.op in ENTRYWISE)) or not alike(node, tied):
                return False
            tied.add(node)
    return root not in tied


def reduces(node: Node, tied: Container[Node]) -> bool:
    """Is it a sum or a norm of the values alone, and not their largest, which has an edge where values are equal?"""
    if not isinstance(node, Apply) or "share" in node.op.smooth:
        return False
    return (node.op in (INNER, MATMUL) or node.op.signature == "(...)->()") and alike(node, tied)


def alike(node: Node, tied: Container[Node]) -> bool:
    """Is every argument made of the values, a number, or the same in all entries?"""
    return all(c in tied or c.kind == "scalar" or is_ones(c) for c in node.children)


def settled(roots: Sequence[Node], given: Sequence[Node]) -> tuple[bool, list[Node]]:
    """Need eigenvalues not all be distinct for these values, the guards given, and which columns ask for one?"""
    order = topological(*roots)
    if not any(n.op is eigvecs for n in order):
        return True, []
    columns = columns_of(roots)
    asked = [c for found in columns.values() for c in found]
    rest = [n for n in order if n.op is eigvecs and n not in columns]
    if not rest:
        return True, asked
    if any(g.op is eigvecs for g in given):
        return False, []
    whole = any(isinstance(g, Apply) and g.op in WHOLE for g in given)
    known = whole or any(g.op is COLUMN or (isinstance(g, Apply) and is_simple(g)) for g in given)
    return known and not (whole and any(n.op is eiggaps for n in order)), []


def is_simple(node: Apply) -> bool:
    """Does its derivative ask for one simple eigenvalue or singular value?"""
    return node.op.guard is not None and "simple" in node.op.guard(*node.args, *node.params).op.name  # type: ignore[union-attr]
