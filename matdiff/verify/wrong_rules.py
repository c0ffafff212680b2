"""Rules as they are often misremembered: the derivation is done again with each, and compared with the claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from matdiff.core.node import Apply, Node, apply, number, topological
from matdiff.core.op import Nonlinear, Op, registry
from matdiff.errors import MatdiffError
from matdiff.graph.rewrite import inline, transformed
from matdiff.ops.algebra import inner, matmul, mpow, scale
from matdiff.ops.linalg import inv
from matdiff.ops.matrix_functions import expm
from matdiff.ops.reductions import norm, softmax, tr
from matdiff.verify.case import Case, Sample, apart, derivative
from matdiff.verify.edits import Pair
from matdiff.verify.factors import CLOSE


@dataclass(frozen=True)
class Misremembered:
    """A wrong differential of the function `name`, how it reads, and the right one."""

    name: str
    differential: Callable[..., Node]
    reads: str
    right: str


def square_inverse(X: Node) -> Node:
    return matmul(inv(X), inv(X))


WRONG = (
    Misremembered("inv", lambda X, dX: -(square_inverse(X) @ dX), "d(X⁻¹) = −X⁻² dX", "−X⁻¹ dX X⁻¹"),
    Misremembered("inv", lambda X, dX: -(dX @ square_inverse(X)), "d(X⁻¹) = −dX X⁻²", "−X⁻¹ dX X⁻¹"),
    Misremembered("inv", lambda X, dX: -inv(X) @ dX @ inv(X).T, "d(X⁻¹) = −X⁻¹ dX X⁻ᵀ", "−X⁻¹ dX X⁻¹"),
    Misremembered("inv", lambda X, dX: inv(X) @ dX @ inv(X), "d(X⁻¹) = X⁻¹ dX X⁻¹", "−X⁻¹ dX X⁻¹"),
    Misremembered("det", lambda X, dX: tr(inv(X) @ dX), "d det X = tr(X⁻¹ dX)", "det(X) tr(X⁻¹ dX)"),
    Misremembered("logdet", lambda X, dX: tr(inv(X).T @ dX), "d log det X = tr(X⁻ᵀ dX)", "tr(X⁻¹ dX)"),
    Misremembered(
        "mpow",
        lambda X, dX, k: scale(number(k), mpow(X, k - 1) @ dX),
        "d(Xᵏ) = k Xᵏ⁻¹ dX",
        "the sum of Xⁱ dX Xᵏ⁻¹⁻ⁱ over i from 0 to k − 1",
    ),
    Misremembered("expm", lambda X, dX: expm(X) @ dX, "d expm(X) = expm(X) dX", "the Fréchet map of expm"),
    Misremembered("norm", lambda u, du: inner(u, du), "d‖u‖ = ⟨u, du⟩", "⟨u, du⟩/‖u‖"),
    Misremembered("norm", lambda u, du: 2 * inner(u, du) / norm(u), "d‖u‖ = 2⟨u, du⟩/‖u‖", "⟨u, du⟩/‖u‖"),
    Misremembered(
        "softmax",
        lambda x, dx: softmax(x) * (1 - softmax(x)) * dx,
        "ds = s ⊙ (1 − s) ⊙ du for s = softmax(u), as if it were entrywise",
        "s ⊙ du − (sᵀdu) s",
    ),
)


def wrong_rule(case: Case, pair: Pair, samples: Sequence[Sample]) -> str:
    """The claim is what a misremembered rule gives."""
    used = {n.op.name for n in topological(pair.function) if isinstance(n, Apply)}
    for rule in WRONG:
        if rule.name not in used:
            continue
        try:
            node = derived(case, pair, rule)
        except MatdiffError:
            continue
        (values,) = case.values([node], samples) if node is not None else [None]
        if values is not None and all(
            s.claimed is not None and v.shape == s.claimed.shape and apart(v, s.claimed) <= CLOSE
            for v, s in zip(values, samples, strict=True)
        ):
            return f"it comes of {rule.reads}, but that differential is {rule.right}"
    return ""


def derived(case: Case, pair: Pair, rule: Misremembered) -> Node | None:
    """What the derivation gives with the wrong rule; None for second derivatives."""
    right = registry[rule.name]
    wrong = replace(right, rules=(Nonlinear(rule.differential),))
    d = case.d.having(exchanged(inline(pair.function), right, wrong))
    if case.what == "differential":
        return exchanged(d.differential.node, wrong, right)
    if case.what not in ("gradient", "Jacobian") or pair.about is None:
        return None
    return exchanged(derivative(d, 1, pair.about)[1], wrong, right)


def exchanged(root: Node, old: Op, new: Op) -> Node:
    """The expression with one function put for another."""

    def other(node: Apply, args: tuple[Node, ...]) -> Node | None:
        return apply(new, args, node.params, node.kind, node.rows, node.cols) if node.op is old else None

    return transformed(root, other)
