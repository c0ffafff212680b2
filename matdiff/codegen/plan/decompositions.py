"""Eigenvalues and eigenvectors of one matrix share its decomposition; so do singular values and vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matdiff.codegen.kernels import kernel, run
from matdiff.codegen.plan.mirrors import rebuilt
from matdiff.core.node import Apply, Node, topological
from matdiff.core.op import Op
from matdiff.ops import spectral as sp


class Family(NamedTuple):
    """A decomposition, what needs all of it, and how its functions are read off."""

    whole: Op
    leaders: frozenset[Op]
    parts: Mapping[Op, Op]


def part(op: Op, numpy: str) -> Op:
    return kernel(f"{op.name}_part", "(m,n)->(...)", numpy, gives=op.gives)


def family(name: str, numpy: str, leaders: Sequence[Op], parts: Mapping[Op, str], c: str) -> Family:
    torch = numpy.replace("np.", "torch.")
    whole = kernel(name, "(m,n)->(m,n)", numpy, torch=torch, domain=leaders[0].domain, c=c, traits="iterative")
    return Family(whole, frozenset(leaders), {op: part(op, text) for op, text in parts.items()})


FAMILIES = (
    family(
        "eigh",
        "np.linalg.eigh({0})",
        (sp.eigvecs,),
        {
            sp.eigvecs: "{0}[1]",
            sp.eigvals: "{0}[0]",
            sp.eigval: "{0}[0][{p0} - 1]",
            sp.lambda_max: "{0}[0][-1]",
            sp.lambda_min: "{0}[0][0]",
        },
        "-> eigh({m0}, {0}, {out:m0*m0+m0}, {work:m0*m0})",
    ),
    family(
        "svd",
        "np.linalg.svd({0}, full_matrices=False)",
        (sp.polar,),
        {sp.polar: "{0}[0] @ {0}[2]", sp.nuclear: "np.sum({0}[1])"},
        "-> svd({m0}, {n0}, {0}, {out:2*m0*n0+m0})",
    ),
)


def decomposed(roots: Sequence[Node]) -> list[Node]:
    """The roots with one decomposition for each matrix of which several functions need it."""
    order = topological(*roots)
    ops: dict[Node, set[Op]] = {}
    for node in order:
        if isinstance(node, Apply) and node.args:
            ops.setdefault(node.args[0], set()).add(node.op)
    new: dict[Node, Node] = {}
    for node in order:
        made = rebuilt(node, new)
        if isinstance(node, Apply) and isinstance(made, Apply):
            made = read_off(made, ops[node.args[0]]) if node.args else made
        new[node] = made
    return [new[r] for r in roots]


def read_off(node: Apply, ops: set[Op]) -> Apply | Node:
    """A function of a matrix from its decomposition, which another one needs anyway."""
    for f in FAMILIES:
        if node.op in f.parts and f.leaders & ops and len(ops & f.parts.keys()) > 1:
            (A,) = node.args
            whole = run(f.whole, (A,), "matrix", A.rows, A.cols)
            return run(f.parts[node.op], (whole,), node.kind, node.rows, node.cols, node.params)
    return node
