"""A problem solved: what is asked for, the derivation with each line checked, and the verification."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from matdiff.api.derive import derive, explicit
from matdiff.api.expr import Expr
from matdiff.calculus.differential import differentials
from matdiff.calculus.markers import PAIRING, D
from matdiff.calculus.tangent import lowered
from matdiff.core.node import Node, topological
from matdiff.errors import MatdiffError, ParseError
from matdiff.graph.rewrite import inline, prepared, substitute
from matdiff.ops.algebra import inner, is_op, matmul, scale
from matdiff.ops.constants import is_zero, zeros_like
from matdiff.ops.structure import vector_of
from matdiff.report.blocks import Line
from matdiff.solution.problem import Problem
from matdiff.verify.case import Case
from matdiff.verify.claims import StrangeName, read_claim
from matdiff.verify.complexes import wrong_step

if TYPE_CHECKING:
    from matdiff.api.derivation import Derivation
    from matdiff.verify.report import Verification

OF_SYSTEMS = ("adjoint", "terminal", "boundary")
POINTS = 2
"""Random points at which a line is checked."""


class Solution:
    """The solution of a problem.  Raises MatdiffError, with the block's place, where there is none."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        try:
            self.d: Derivation = derivation(problem)
            self.ask = problem.ask or self.d.kind
            if self.ask in OF_SYSTEMS:
                hint = "it is asked for of equations, with state: or with ends:"
                raise ParseError(f"the function has no {self.ask} that could be asked for", hint=hint)
            self.derived: Expr = answer(self.d, self.ask)
            self.result = self._wanted() if problem.form else self.derived
        except MatdiffError as error:
            error.message = f"{problem.where}: {error.message}"
            raise

    def _wanted(self) -> Expr:
        """The answer in the form that the author wants, checked to be equal."""
        found = claimed(self.d, self.ask, self.problem.form)
        if found.passed is not True:
            raise ParseError(f"the wanted form is not the {self.ask}: {found.message or found.reason}")
        return Expr(read_claim(self.d, self.problem.form, None), self.d.function.variables)

    @cached_property
    def verification(self) -> Verification:
        return self.d.verify(order=2 if self.ask == "hessian" else 1)

    def confirm(self) -> None:
        """Raises MatdiffError where a line or the result does not pass its check: such a solution is never shown."""
        wrong = next((i for i, line in enumerate(self.lines, 1) if line.right is False), None)
        if wrong is None and self.verification.passed is not False:
            return
        what = self.verification.reason if wrong is None else f"line {wrong} of the derivation is not right"
        raise MatdiffError(
            f"{self.problem.where}: the solution does not pass its check: {what}",
            hint="this is a fault of matdiff: please report it with the problem",
        )

    @cached_property
    def lines(self) -> list[Line]:
        """The derivation, through the gradient to the Hessian where that is asked.

        For a weighted inner product it ends with the plain one, from which W⁻¹ leads to the gradient.
        """
        if self.d.metric is not None:
            return [line for line in checked(replace(self.d, metric=None)) if line.relation == "="]
        found = list(checked(self.d))
        if self.ask == "differential":
            pushed = [i for i, line in enumerate(found) if any(is_op(n, D) for n in topological(line.before.node))]
            return found[: pushed[-1] + 1] if pushed else []
        return [*found, *curved(self.d)] if self.ask == "hessian" else found


def derivation(problem: Problem) -> Derivation:
    if "," in problem.wrt:
        raise ParseError("a problem is by one variable", hint="write a problem for each of them")
    metric = problem.metric or "euclidean"
    let, inner = list(problem.let), problem.inner or None
    return explicit(derive(problem.f, wrt=problem.wrt, declare=let, inner=inner, metric=metric))


def answer(d: Derivation, ask: str) -> Expr:
    """What is asked for; a Hessian on a curved set of matrices is a map of dX."""
    found = d.hessian_operator.value if ask == "hessian" and along(d) else getattr(d, ask)
    assert isinstance(found, Expr)
    return found


def along(d: Derivation) -> bool:
    """Is the Hessian a map of tangent directions that has no matrix here?"""
    return any(space.kind == "matrix" for space in d.curved.values())


def claimed(d: Derivation, ask: str, text: str) -> Verification:
    """Is the text what is asked for?  A gradient is not right as the differential, nor the other way round."""
    node = read_claim(d, text, None)
    moving = any(getattr(n, "of", None) is not None for n in topological(node))
    if ask == "differential" and not moving and not is_zero(node):
        raise StrangeName(f"this has no d{d.wrt[0].name} in it, but the differential is asked for")
    if ask != "differential" and moving and not (ask == "hessian" and d.curved):
        raise StrangeName(f"this has a d{d.wrt[0].name} in it: it is a differential, but the {ask} is asked for")
    return d.verify(claim=text, order=2 if ask == "hessian" else 1)


def checked(d: Derivation) -> Iterator[Line]:
    """The steps of a derivation, each compared on both sides at random points."""
    if hasattr(d, "convention_of"):
        wrong = wrong_step(d)
        yield from (Line(s.before, s.relation, s.after, s.rule, s is not wrong) for s in d.steps)
        return
    for step in d.steps:
        relation = getattr(step, "relation", "=")
        # The last line says ⟨G, dX⟩ ⇒ ∇f = G.
        (X,) = d.wrt
        read = lowered(step.after.node, X, d.affine)
        after = step.after.node if relation == "=" else inner(read, d.directions[X])
        right = agree(d, step.before.node, after)
        yield Line(step.before, relation, step.after, step.rule, right)


def curved(d: Derivation) -> Iterator[Line]:
    """The steps from the gradient to the Hessian, compared in the same way; the last says vec(d∇f) = H vec(dX)."""
    again = d.of_gradient
    dX = again.directions[d.wrt[0]]
    for step in d.hessian_steps:
        if step.relation == "=":
            yield Line(step.before, "=", step.after, step.rule, agree(again, step.before.node, step.after.node))
        elif d.curved:
            yield Line(step.before, step.relation, step.after, step.rule, d.verify(order=2).passed)
        else:
            moved = scale(step.after.node, dX) if dX.kind == "scalar" else matmul(step.after.node, vector_of(dX))
            right = agree(again, vector_of(step.before.node) if dX.kind == "matrix" else step.before.node, moved)
            yield Line(step.before, step.relation, step.after, step.rule, right)


def agree(d: Derivation, before: Node, after: Node) -> bool | None:
    """Are the two sides of a line equal, d(u) being the differential of u and ⟨Y, V⟩ the inner product?"""
    try:
        left, right = plain(d, before), plain(d, after)
        if left is right:
            return True
        case = Case(d, "line", right, left, None, 0)
        _, samples = case.draw({}, POINTS)
    except MatdiffError:
        return None
    return all(case.agrees(s) for s in samples) if samples else None


def plain(d: Derivation, node: Node) -> Node:
    """A line of a derivation without the marks of the calculus."""
    values: dict[Node, Node] = {}
    for n in topological(node, into_bodies=False):
        if is_op(n, D):
            values[n] = differential(d, n.children[0])
    node = inline(substitute(node, values))
    pairs = {n: inner(*n.children) for n in topological(node) if is_op(n, PAIRING)}
    return substitute(node, dict(pairs)) if pairs else node


def differential(d: Derivation, u: Node) -> Node:
    ready = prepared(u)
    return differentials(ready, d.directions).get(ready) or zeros_like(u)
