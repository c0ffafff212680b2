"""What is wrong in a claim about a function of complex variables: a conjugate forgotten or too many, no projection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from matdiff.core.node import Apply, Node, Symbol
from matdiff.errors import MatdiffError
from matdiff.graph.rewrite import rebuild
from matdiff.ops.algebra import TRANSPOSE, is_op, transpose
from matdiff.ops.complexes import CONJ, SELFADJOINT, is_real
from matdiff.printing import to_text

Arrays = dict[Symbol, Any]
Words = tuple[Node, str]
MOST = 60
"""Most places of a claim that are looked at."""
SETS = {
    "unitary": "it is ½(G − {0} Gᴴ {0})",
    "hermitian": "it is ½(G + Gᴴ)",
    "hpd": "it is ½(G + Gᴴ)",
}
"""The gradient in a set from the one in all of space."""


def edited(node: Node, edit: Callable[[Node], Words | None], path: int = 0) -> Iterator[Words]:
    """The claim with one of its parts changed, each place by itself, and what was changed."""
    made = edit(node)
    if made is not None:
        yield made
    if isinstance(node, Apply) and path < MOST:
        for k, a in enumerate(node.args):
            for part, said in edited(a, edit, path + 1):
                args = (*node.args[:k], part, *node.args[k + 1 :])
                yield rebuild(node, args), said


def _adjoint(node: Node) -> Words | None:
    """Aᵀ where Aᴴ should be."""
    if not is_op(node, TRANSPOSE) or is_real(node) or is_op(node.children[0], CONJ):
        return None
    made = transpose(CONJ(node.children[0]))
    return made, f"{to_text(node)} should be {to_text(made)}, since an adjoint is the conjugate transpose"


def _conjugate(node: Node) -> Words | None:
    """z where z̄ should be."""
    if not isinstance(node, Symbol) or is_real(node) or node.body is not None:
        return None
    made = CONJ(node)
    return made, f"{to_text(node)} should be {to_text(made)}: a conjugate is forgotten"


def _plain(node: Node) -> Words | None:
    """z̄ where z should be."""
    if not is_op(node, CONJ):
        return None
    return node.children[0], f"{to_text(node)} should be {to_text(node.children[0])}: a conjugate too many"


def candidates(claim: Node) -> Iterator[Words]:
    """Claims that differ in one conjugate, the likeliest mistakes first; and with all transposes conjugate ones."""
    yield from edited(claim, _adjoint)
    whole = claim
    for _ in range(MOST):
        first = next(edited(whole, _adjoint), None)
        if first is None:
            break
        whole = first[0]
    if whole is not claim:
        yield whole, "the transposes should be conjugate transposes, since an adjoint is one"
    yield from edited(claim, _plain)
    yield from edited(claim, _conjugate)


def mistake(d: Any, what: str, claim: Node, truth: Node, places: Sequence[Mapping[Symbol, Any]]) -> str:
    """In words what is wrong in a claim; empty where that is not found."""
    if what == "gradient" and d.convention == "torch":
        for X in d.wrt:
            word = next((w for w in SETS if w in X.attributes), None)
            if word is not None and equal(d, d.analysis.free[X], claim, places):
                which = "hermitian" if X.attributes & SELFADJOINT else word
                return f"this is the Euclidean gradient G; {X.name} is {which}, and {SETS[word].format(X.name)}"
    for k, (node, said) in enumerate(candidates(claim)):
        if k > MOST:
            break
        if node.shape == truth.shape and equal(d, node, truth, places):
            return said
    return ""


def equal(d: Any, one: Node, other: Node, places: Sequence[Mapping[Symbol, Any]]) -> bool:
    """Have two expressions the same values at all places?"""
    for at in places:
        try:
            a, b = (np.asarray(v).reshape(-1) for v in d.values([one, other], at))
        except (MatdiffError, np.linalg.LinAlgError):
            return False
        if a.shape != b.shape or np.abs(a - b).max(initial=0.0) > 1e-6 * max(1e-12, float(np.abs(b).max(initial=0.0))):
            return False
    return bool(places)


def numbers(true: Any, said: Any) -> str:
    """The entry that is furthest off, with what it should be."""
    k = int(np.argmax(np.abs(true - said)))
    entry = f"entry {k + 1} (of all in rows) " if true.size > 1 else "it "
    return f"at a random point {entry}is {shown(said[k])}, but should be {shown(true[k])}"


def shown(x: Any) -> str:
    x = complex(x)
    if abs(x.imag) <= 1e-9 * max(abs(x), 1e-12):
        return f"{x.real:.4g}"
    return f"{x.real:.4g} {'+' if x.imag > 0 else '−'} {abs(x.imag):.4g}i"
