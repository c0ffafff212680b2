"""The derivation of a gradient by complex variables, told in lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matdiff.api.expr import ComplexExpr
from matdiff.api.steps import READ_OFF, Step
from matdiff.calculus.complexes import shown
from matdiff.calculus.markers import SO, pairing
from matdiff.calculus.markers import d as mark
from matdiff.core.node import Apply, Node, topological
from matdiff.core.op import Nonlinear
from matdiff.ops.algebra import HADAMARD, INNER, MATMUL, MPOW, POWER, add
from matdiff.ops.complexes import RE, is_real
from matdiff.ops.elementwise import abs_
from matdiff.ops.reductions import norm

if TYPE_CHECKING:
    from matdiff.calculus.derivation import ComplexDerivation

REWRITE = "‖u‖² = uᴴu, |u|² = conj(u) u: in a form easier to differentiate"
ONE_SIDE = "z + conj(z) = 2re(z): a real function has a real differential"
MOVED = "⟨Y, A V⟩ = ⟨AᴴY, V⟩: an adjoint is the conjugate transpose"
CONVERTED = {
    "jax": "the conjugate of the gradient, as JAX returns it",
    "wirtinger": "half the gradient, ∂f/∂conj(z)",
}


def narrative(d: ComplexDerivation) -> tuple[Step, ...]:
    """From the function to its differential, and for a real function of one variable to its gradient."""
    variables = d.function.variables

    def expr(node: Node) -> ComplexExpr:
        return ComplexExpr(node, variables, ())

    f = d.function.node
    steps: list[Step] = []
    start = shown(d.prepared) if _rewritten(d) else f
    if _rewritten(d):
        steps.append(Step(REWRITE, expr(f), expr(start)))
    raw = shown(d.analysis.simplest(d.raw_differential))
    steps.append(Step(_laws(d), expr(mark(start)), expr(raw)))
    found = d.differential.node
    if d.kind != "gradient":
        return tuple(steps)
    if found is not raw:
        steps.append(Step(ONE_SIDE, expr(raw), expr(found)))
    if d.several:
        sides = [pairing(d.gradients_torch[X], d.directions[X]) for X in d.wrt]
        total = add(*(s if is_real(X) else RE.build((s,)) for X, s in zip(d.wrt, sides, strict=True)))
        steps.append(
            Step(f"{MOVED}; a gradient stands beside the differential of each variable", expr(found), expr(total))
        )
        return tuple(steps)
    (X,) = d.wrt
    G = d.gradients_torch[X]
    rule = (
        "⟨A, V⟩ = tr(AᵀV) for real variables"
        if is_real(X)
        else "⟨Y, A V⟩ = ⟨AᴴY, V⟩: an adjoint is the conjugate transpose"
    )
    side = pairing(G, d.directions[X])
    steps.append(Step(rule, expr(found), expr(side if is_real(X) else RE.build((side,)))))
    last = steps[-1].after
    if is_real(X) or d.convention == "torch":
        steps.append(Step(READ_OFF, last, expr(G), SO))
    else:
        steps.append(Step(f"{READ_OFF}; {CONVERTED[d.convention]}", last, d.gradient, SO))
    return tuple(steps)


def _rewritten(d: ComplexDerivation) -> bool:
    """Did squares of moduli and norms stand in the function?"""
    inside = [
        n
        for n in topological(d.function.node)
        if isinstance(n, Apply) and n.op is POWER and isinstance(n.args[0], Apply) and n.args[0].op in (norm, abs_)
    ]
    return bool(inside) and shown(d.prepared) is not d.function.node


def _laws(d: ComplexDerivation) -> str:
    """The names of the rules that were applied, the outermost first."""
    names: dict[str, None] = {}
    for node in reversed(topological(d.prepared)):
        if isinstance(node, Apply) and node in d.differentials and node.op.law:
            rules = node.op.rules
            if node.op in (MATMUL, HADAMARD, INNER, MPOW) or any(isinstance(r, Nonlinear) for r in rules):
                names[node.op.law] = None
    return "; ".join([*names][:3]) or "the function is linear"
