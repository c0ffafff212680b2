"""Is a claimed derivative right, in whatever equal form?  It is read, evaluated and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from matdiff.calculus.expression import Expression
from matdiff.calculus.tangent import lowered
from matdiff.core.node import Node, Symbol, describe, symbol, symbols
from matdiff.errors import MatdiffError, ParseError, UnsupportedError
from matdiff.graph.rewrite import inline
from matdiff.inference import infer
from matdiff.ops.algebra import add, inner
from matdiff.ops.complexes import COMPLEX
from matdiff.ops.constants import is_zero, zeros_like
from matdiff.printing.values import shown
from matdiff.text.parser import parse_declarations, parse_program
from matdiff.text.tree import Tree
from matdiff.verify import sampling
from matdiff.verify.case import Case, Sample, derivative
from matdiff.verify.complexes import compare_claim
from matdiff.verify.exact import Certificate, certify, same
from matdiff.verify.identity import difference
from matdiff.verify.mistakes import diagnose, transposed
from matdiff.verify.numeric import check
from matdiff.verify.report import Verification, undecided

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

Claim = str | Expression | Mapping[str, str | Expression]

ANCHOR = "claimed_value"


class StrangeName(ParseError):
    """A text that can be read, but speaks of what the function does not have."""


def unread(error: MatdiffError) -> bool:
    """Does an error say that a text cannot be read?  One that can be, and has no meaning here, is wrong instead."""
    return isinstance(error, ParseError | UnsupportedError) and not isinstance(error, StrangeName)


@dataclass(frozen=True)
class Question:
    """One claim beside the truth: what it is called, the variable that it is about (None for a differential)."""

    what: str
    claim: Node
    truth: Node
    about: Symbol | None


def judge(
    d: Derivation, claim: Claim, seed: int, sizes: Mapping[str, int] | None, points: int, order: int
) -> Verification:
    """Compare a claim with the derivative at random points, and say what is wrong with it.

    Raises ParseError or ShapeError where the claim cannot be read or has no meaning in itself.
    """
    if not isinstance(claim, Mapping):
        return answer(d, question(d, claim, order, None), seed, sizes, points)
    by_name = {X.name: X for X in d.wrt}
    strange = next((n for n in claim if n not in by_name), None)
    if strange is not None or not claim:
        raise ParseError(f"{strange} is not a variable of the derivation" if strange else "the claim is empty")
    found = [answer(d, question(d, c, order, by_name[n]), seed, sizes, points) for n, c in claim.items()]
    return next((v for v in found if v.passed is not True), found[0])


def question(d: Derivation, claim: str | Expression, order: int, about: Symbol | None) -> Question:
    """The claim read, and what it has to equal."""
    if about is None and not d.several:
        about = d.wrt[0]
    node = read_claim(d, claim, None)
    moving = [s for s in symbols(node) if s.of is not None]
    if moving:
        stray = next((s for s in moving if s not in d.directions.values()), None)
        if stray is not None:
            raise ParseError(f"{stray.name} is not the differential of a variable that is differentiated by")
        what, truth = differential(d, node, order, about)
        return Question(what, anchored(d, claim, node, truth), truth, None)
    if about is None:
        raise ParseError(
            "the derivation is by several variables",
            hint="claim the differential, or pass a dict with a claim for each variable",
        )
    what, truth = derivative(d, order, about)
    return Question(what, anchored(d, claim, node, truth), truth, about)


def differential(d: Derivation, node: Node, order: int, about: Symbol | None) -> tuple[str, Node]:
    """dF, or with order 2 the derivative of the gradient along dX, or d²f where the claim is a scalar."""
    if order == 1:
        return "differential", d.differential.node
    if node.kind == "scalar" and any(X.kind != "scalar" for X in d.wrt):
        terms = (inner(lowered(inline(c), X, d.affine), d.directions[X]) for X, c in d.curvature.items())
        return "second differential", add(*terms)
    if about is None:
        raise UnsupportedError("a second derivative by several variables is claimed as the second differential")
    return "Hessian of a direction" if d.curved else "differential of the gradient", inline(d.curvature[about])


def read_claim(d: Derivation, claim: str | Expression, anchor: Symbol | None) -> Node:
    """The claim as a node over the variables of the function.  Raises ParseError for a strange name."""
    known = {v.name: v for v in d.function.variables}
    if not isinstance(claim, str):
        node, used = claim.node, {s.name: s for s in symbols(claim.node) if s.of is None}
    else:
        node, used = typed(claim, d, known, anchor)
    for name, s in used.items():
        if known.get(name) is not s and s is not anchor:
            shown = ", ".join(known) or "none"
            raise StrangeName(
                f"the claim uses {name}, which is not a variable of the function", hint=f"those are {shown}"
            )
    return node


def typed(claim: str, d: Derivation, known: Mapping[str, Symbol], anchor: Symbol | None) -> tuple[Node, dict[str, Any]]:
    """The claim's text read with the declarations of the derivation; with an anchor, added to that."""
    declared = parse_declarations(d.types)
    program = parse_program(claim, "auto", declared)
    if anchor is not None and program.function is not None:
        name = Tree("name", (), anchor.name, program.function.span)
        program.function = Tree("+", (program.function, name), "", program.function.span)
        known = {**known, anchor.name: anchor}
    found = infer(program, declared, known)
    return found.function, found.variables


def anchored(d: Derivation, claim: str | Expression, node: Node, truth: Node) -> Node:
    """The claim with sizes that nothing in it tells (the n of `I`) taken from what it is compared with."""
    known = set(sampling.names(d.function.variables))
    if not isinstance(claim, str) or (node.rows.names | node.cols.names) <= known:
        return node
    anchor = symbol(ANCHOR, truth.kind, truth.rows, truth.cols)
    try:
        whole = read_claim(d, claim, anchor)
    except MatdiffError:
        return node
    rest = [c for c in whole.children if c is not anchor]
    return add(*rest) if rest and anchor in whole.children else node


def answer(d: Derivation, q: Question, seed: int, sizes: Mapping[str, int] | None, points: int) -> Verification:
    """The comparison of one claim with the truth."""
    if hasattr(d, "convention_of"):
        return compare_claim(d, q.what, q.claim, q.truth, seed, sizes)
    given = sampling.check_given(sizes, sampling.names(d.function.variables))
    if is_zero(q.claim) and q.claim.kind == "scalar":
        q = replace(q, claim=zeros_like(q.truth))
    case = Case(d, q.what, q.claim, q.truth, q.about, seed)
    shape = (q.claim.rows, q.claim.cols)
    if shape not in ((q.truth.rows, q.truth.cols), (q.truth.cols, q.truth.rows)):
        also = as_jacobian(d, q, seed, sizes, points)
        return wrong(f"the claim is {describe(q.claim)}, but {expected(q)}{also}", None, 0)
    large, samples = case.draw(given, points)
    if not samples:
        return undecided(large or case.why_none(), "comparison")
    if shape != (q.truth.rows, q.truth.cols):
        return misshapen(case, q, samples)
    undefined = next((s for s in samples if s.claimed is None), None)
    if undefined is not None and all(s.dull for s in samples) and not is_zero(q.truth):
        return undecided("the derivative is 0 at all points tried, and the claim has no value there", "comparison")
    if undefined is not None:
        return wrong(
            f"the claim has no value where the function is differentiable: {undefined.why}", None, len(samples)
        )
    error = max(s.error for s in samples)
    exact = compared(q, seed)
    if exact.holds is not False and all(exact.holds or case.agrees(s) for s in samples):
        return Verification(True, error, None, "", len(samples), "comparison", certificate=str(exact))
    order = 2 if q.what == "Hessian" else 1
    # Exact arithmetic is the quicker judge of the derivative, and the stricter one, where it has a verdict.
    if not certify(d, order, seed).holds:
        own = check(d, seed, sizes, points, order, "central")
        if own.passed is False:
            said = "the derivative that it would be compared with does not verify"
            return undecided(f"{said}: {own.reason}", "comparison")
    message = diagnose(case, samples)
    return wrong(f"the claimed {q.what} is not right: {message}", error, len(samples), message)


def counterexample(q: Question) -> str:
    """Small whole numbers at which a claim is wrong, with both values; empty where none were found."""
    if any(not COMPLEX.isdisjoint(v.attributes) for v in symbols(q.claim, q.truth)):
        return ""
    if q.what != "gradient" and q.about is not None and q.about.attributes:
        return ""
    found = difference(q.claim, q.truth)
    if found is None:
        return ""
    there = ", ".join(f"{name} = {shown(A)}" for name, A in {**found.beside, **found.arrays}.items())
    digits = 6 if shown(found.left) != shown(found.right) else 17
    said, true = (shown(A, digits=digits) for A in (found.left, found.right))
    return f"{f'at {there} ' if there else ''}it is {said}, but should be {true}"


def compared(q: Question, seed: int) -> Certificate:
    """Claim and truth in exact arithmetic; matrices of maps on a structured set are compared on that set alone."""
    if q.what != "gradient" and q.about is not None and q.about.attributes:
        return Certificate(None, why=f"{q.about.name} does not move freely")
    return same(q.claim, q.truth, seed)


def as_jacobian(d: Derivation, q: Question, seed: int, sizes: Mapping[str, int] | None, points: int) -> str:
    """Says that a claimed gradient is the Jacobian vec(G)', if it is."""
    if q.what != "gradient" or q.about is None:
        return ""
    found = d.jacobian[q.about.name] if d.several else d.jacobian
    if (q.claim.rows, q.claim.cols) not in ((found.node.rows, found.node.cols), (found.node.cols, found.node.rows)):
        return ""
    turned = q.claim if q.claim.cols is found.node.cols else transposed(q.claim)
    right = answer(d, Question("Jacobian", turned, found.node, q.about), seed, sizes, points).passed
    name = "vec(G)'" if turned is q.claim else "vec(G)"
    return f"; it is {name} of the gradient G" if right else ""


def expected(q: Question) -> str:
    """What shape the answer has."""
    if q.what == "gradient" and q.about is not None:
        return f"the gradient has the shape of {q.about.name}: {describe(q.truth)}"
    return f"the {q.what} is {describe(q.truth)}"


def misshapen(case: Case, q: Question, samples: list[Sample]) -> Verification:
    """The claim has the transposed shape of the answer."""
    shapes = f"the claim is {describe(q.claim)}, but {expected(q)}"
    turned = Case(case.d, q.what, transposed(q.claim), q.truth, q.about, case.seed)
    if turned.right_at(samples):
        message = f"right only in the transposed layout: {shapes}; transpose it"
        return wrong(message, None, len(samples), message)
    inner_ = turned.evaluated(samples)
    message = f"and its transpose is wrong too: {diagnose(turned, inner_)}" if inner_ else ""
    return wrong(f"{shapes}{', ' if message else ''}{message}", None, len(samples), message)


def wrong(reason: str, error: float | None, points: int, message: str = "") -> Verification:
    return Verification(False, error, None, reason, points, "comparison", message or reason)
