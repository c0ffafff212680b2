"""Verification: right derivatives pass, wrong ones never do, and what cannot be checked says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

import matdiff as md
from matdiff.api.checking import check_claim
from matdiff.api.derivation import Derivation
from matdiff.api.derive import derive
from matdiff.api.expr import Expr
from matdiff.core.node import Kind, Node, Symbol, number, symbol
from matdiff.core.op import Joint, Linear, Nonlinear, Op, Rule, parameters, registry
from matdiff.core.shape import ONE, Dim, signature
from matdiff.inference.special import unknown
from matdiff.ops.algebra import scale
from matdiff.ops.reductions import sum_
from matdiff.solution.judge import verify
from matdiff.verify import subject as subjects
from matdiff.verify.report import Verification

RIGHT = [
    ("tr(A*X*B)", "X", "A: m×n; X: n×p; B: p×m"),
    ("x'*A*x", "x", None),
    ("norm(A*x - b)^2/2", "x", None),
    ("norm(A*x - b)", "x", None),
    ("logdet(A*X*B)", "X", "A: m×n; X: n×p; B: p×m"),
    ("tr(inv(A'*A))", "A", "A: m×n"),
    ("sum(log(b - A*x))", "x", "A: m×n; x: n; b: m"),
    ("log(1 - x'*x)", "x", "x: n"),
    ("sum(asin(x))", "x", "x: n"),
    ("tr(X^(1/2))", "X", None),
    ("norm1(A*x - b)", "x", "A: m×n; x: n; b: m"),
    ("sum(relu(A*x))", "x", "A: m×n; x: n"),
    ("exp(-x'*x)", "x", "x: n"),
    ("norm(X - U*V')^2", "U,V", None),
    ("x[7]*x[1]", "x", "x: n"),
    ("tr(X)", "X", "X: n×n"),
    ("3", "X", "X: n×n"),
    ("t*exp(t)", "t", "t: scalar"),
    ("t*A", "t", "t: scalar; A: m×n"),
    ("A*X*B", "X", "A: m×n; X: n×p; B: p×q"),
    ("inv(X)", "X", None),
    ("x/norm(x)", "x", None),
    ("softmax(A*x)", "x", None),
    ("x'*A", "x", "x: n; A: n×m"),
    ("tr(A*S*B)", "S", "S: n×n symmetric; A: n×n; B: n×n"),
    ("tr(A*S)^2", "S", "S: n×n skew; A: n×n"),
    ("logdet(S)", "S", "S: n×n spd"),
    ("tr(A*D*A'*D)", "D", "D: n×n diagonal; A: n×n"),
    ("sum(log(diag(L)))", "L", "L: n×n lower"),
    ("tr(A*Q*B*Q')", "Q", "A: n×n; B: n×n; Q: n×n orthogonal"),
    ("x'*A*x", "x", "A: n×n; x: n unit"),
    ("sum(log(x))", "x", "x: n positive"),
    ("y - X*inv(X'*X)*X'*y", "y", None),
    ("y'*(I - X*inv(X'*X)*X')*y", "y", None),
    ("X*inv(X'*X)*X'", "X", None),
    ("(I - X*pinv(X))*b", "X", None),
]


@pytest.mark.parametrize(("function", "wrt", "declare"), RIGHT)
def test_right_derivatives_pass(function: str, wrt: str, declare: str | None) -> None:
    v = derive(function, wrt=wrt, declare=declare).verify()
    assert v.passed is True, str(v)
    assert v.relative_error is not None and v.relative_error < 1e-7
    assert v.points == 3 and v.reason == ""
    assert v.order is None or v.order >= 1.8


@pytest.mark.parametrize(("function", "wrt", "declare"), RIGHT)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_other_points_agree(function: str, wrt: str, declare: str | None, seed: int) -> None:
    assert derive(function, wrt=wrt, declare=declare).verify(seed=seed).passed is True


def test_second_order() -> None:
    for function, wrt, declare in [
        ("x'*A*x", "x", None),
        ("logdet(X)", "X", None),
        ("logdet(S)", "S", "S: n×n spd"),
        ("t^4", "t", "t: scalar"),
        ("norm(X - u*v')^2", "u,v", "X: m×n; u: m; v: n"),
    ]:
        v = derive(function, wrt=wrt, declare=declare).verify(order=2)
        assert v.passed is True, (function, str(v))


def test_unknown_functions_are_replaced_by_random_ones() -> None:
    x, A = md.vector("x", "n"), md.matrix("A", "m", "n")
    f = Expr(sum_(unknown("h")(A.node @ x.node)))
    assert derive(f, wrt=x).verify().passed is True
    assert derive(Expr(unknown("h")(x.node)), wrt=x).verify().passed is True
    assert wrong(derive(f, wrt=x)).verify().passed is False


def test_definitions() -> None:
    assert derive("A: m×n; b: m; r = A*x - b; r'*r/2", wrt="x").verify().passed is True


# wrong derivatives


def wrong(d: Derivation, factor: float = 1.001) -> Derivation:
    """The derivation with a gradient wrong by 0.1 %."""
    answer = {k: Expr(number(factor) * g.node, g.variables) for k, g in gradients(d).items()}
    changed = replace(d)
    changed.__dict__["gradient"] = answer if d.several else next(iter(answer.values()))
    return changed


def gradients(d: Derivation) -> dict[str, Expr]:
    return d.gradient if d.several else {d.wrt[0].name: d.gradient}


SCALAR = [r for r in RIGHT if r[0] != "3" and derive(r[0], wrt=r[1], declare=r[2]).kind == "gradient"]


@pytest.mark.parametrize(("function", "wrt", "declare"), SCALAR)
def test_gradients_wrong_by_a_thousandth_fail(function: str, wrt: str, declare: str | None) -> None:
    v = wrong(derive(function, wrt=wrt, declare=declare)).verify()
    assert v.passed is False
    assert "relative error" in v.reason
    assert str(v).startswith("verification failed: ")


def test_wrong_in_one_of_several() -> None:
    d = derive("norm(X - U*V')^2", wrt="U,V")
    changed = replace(d)
    changed.__dict__["gradient"] = {"U": d.gradient["U"], "V": Expr(number(1.001) * d.gradient["V"].node)}
    assert changed.verify().passed is False


def test_gradient_outside_the_tangent_space() -> None:
    d = derive("tr(A*S)", wrt="S", declare="S: n×n symmetric; A: n×n")
    changed = replace(d)
    changed.__dict__["gradient"] = Expr(d.raw_gradients[d.wrt[0]], d.function.variables)
    v = changed.verify()
    assert v.passed is False and "tangent" in v.reason


def by(factor: float, rule: Rule) -> Rule:
    """A rule whose result is wrong by a factor."""

    def off(f: Callable[..., Node]) -> Callable[..., Node]:
        return lambda *args: scale(number(factor), f(*args))

    match rule:
        case Linear(adjoint):
            return Linear(off(adjoint))
        case Joint(adjoint):
            return Joint(off(adjoint))
        case Nonlinear(differential):
            return Nonlinear(off(differential))
    return None


@contextmanager
def perturbed(op: Op, slot: int) -> Iterator[None]:
    rules = op.rules
    changed = tuple(by(1.001, r) if i == slot else r for i, r in enumerate(rules))
    object.__setattr__(op, "rules", changed)
    try:
        yield
    finally:
        object.__setattr__(op, "rules", rules)


X = symbol("X", "matrix", Dim.of("m"), Dim.of("n"))
M = symbol("M", "matrix", Dim.of("m"), Dim.of("n"))
TALL = symbol("T", "matrix", Dim.of(4), Dim.of(3))
Z = symbol("Z", "matrix", Dim.of("n"), Dim.of("n"))
S = symbol("S", "matrix", Dim.of("n"), Dim.of("n"), frozenset({"symmetric"}))
s = symbol("s", "scalar")
p = symbol("p", "scalar")

BY_HAND: dict[str, tuple[tuple[Node, ...], tuple[Any, ...]]] = {
    "add": ((Z, Z.T), ()),
    "scale": ((s, X), ()),
    "power": ((X, p), ()),
    "hadamard": ((X, M), ()),
    "mpow": ((Z,), (3,)),
    "polar": ((TALL,), ()),
    "svdvals": ((TALL,), ()),
    "svd_U": ((TALL,), ()),
    "svd_V": ((TALL,), ()),
    "polygamma": ((number(1), X), ()),
    "entry": ((X,), (1, 2)),
    "getrow": ((X,), (2,)),
    "getcol": ((X,), (1,)),
    "slice": ((X,), (Dim.of(0), Dim.of(1), Dim.of(1), Dim.of(2))),
    "eigval": ((S,), (1,)),
    "eigvals": ((S,), ()),
    "eigvecs": ((S,), ()),
    "lambda_max": ((S,), ()),
    "lambda_min": ((S,), ()),
    "sigma": ((X,), (1,)),
}
NO_SLOPE = {"sign", "heaviside", "peak", "largest", "rowlargest"}
"""Constant between the places where they jump."""


def arguments(op: Op) -> tuple[tuple[Node, ...], tuple[Any, ...]]:
    """Symbols that fit the signature."""
    if op.name in BY_HAND:
        return BY_HAND[op.name]
    inputs, _ = signature(op.signature)
    args = []
    for i, spec in enumerate(inputs):
        dims = (Dim.of("n"),) if spec is None else spec
        kind: Kind = ("scalar", "vector", "matrix")[len(dims)]
        rows, cols = (*dims, ONE, ONE)[:2]
        words = {"spd", "symmetric"} & set(op.domain) if kind == "matrix" else set()
        words |= {"symmetric"} if "distinct" in op.domain else set()
        args.append(symbol(f"X{i}", kind, rows, cols, frozenset(words)))
    return tuple(args), tuple(Dim.of(q) for q in parameters(op.signature) if not q.isdigit())


def cases() -> list[tuple[str, int]]:
    found = []
    for op in registry.values():
        for slot, rule in enumerate(op.rules):
            if rule is not None and op.name not in NO_SLOPE:
                found.append((op.name, slot))
    return found


def of_record(name: str, slot: int) -> Derivation:
    op = registry[name]
    args, params = arguments(op)
    X = args[slot]
    assert isinstance(X, Symbol)
    f = op.build(args, params)
    sized = symbol("sized", "matrix", Dim.of("m"), Dim.of("n"))
    return derive(Expr(f, (*(a for a in args if isinstance(a, Symbol)), sized)), wrt=Expr(X))


@pytest.mark.parametrize(("name", "slot"), cases())
def test_every_rule_is_right(name: str, slot: int) -> None:
    v = of_record(name, slot).verify()
    assert v.passed is True, str(v)


@pytest.mark.parametrize(("name", "slot"), cases())
def test_every_rule_wrong_by_a_thousandth_is_caught(name: str, slot: int) -> None:
    with perturbed(registry[name], slot):
        d = of_record(name, slot)
        v = d.verify()
    assert v.passed is False, str(v)


# what cannot be checked


def test_no_point_in_the_domain() -> None:
    v = derive("log(-exp(x'*x))", wrt="x", declare="x: n").verify()
    assert v.passed is None
    assert str(v) == "not verified: no point found where the function is defined and smooth (log is not defined here)"


def test_kinks_at_rounding_prove_nothing() -> None:
    """Of p pᵀ all eigenvalues but one are 0, and 1e-17 or -1e-17 as computed: their sign is noise."""
    v = derive("p = A*x; p'*erf(sign(eigvals(p*p')))", wrt="x", declare="A: n×m; x: m unit").verify()
    assert v.passed is None and "rounding" in v.reason


def test_too_large() -> None:
    d = derive("x'*A*x", wrt="x")
    calls = counted(d, lambda: d.verify(sizes={"n": 3000}))
    assert calls == (0, 0)
    assert "too large" in d.verify(sizes={"n": 3000}).reason
    assert derive("norm(X)^2", wrt="X", declare="X: 4000×4000").verify().passed is None


def test_sizes_are_checked() -> None:
    d = derive("x'*A*x", wrt="x")
    with pytest.raises(md.MatdiffError, match="there is no dimension q"):
        d.verify(sizes={"q": 3})
    with pytest.raises(md.ShapeError):
        d.verify(sizes={"n": 0})
    with pytest.raises(md.MatdiffError, match="no method"):
        d.verify(method="guess")
    assert d.verify(sizes={"n": 1}).passed is True


def test_values_that_underflow_prove_nothing() -> None:
    v = derive("exp(-1000*(5 + x'*x))", wrt="x", declare="x: n").verify()
    assert v.passed is None and "too small" in v.reason


def test_flat_points_are_not_taken_for_a_proof() -> None:
    d = derive("relu(t)", wrt="t", declare="t: scalar")
    for seed in range(8):
        assert wrong(d).verify(seed=seed).passed is False
        assert d.verify(seed=seed).passed is True


def test_large_and_small_multiples() -> None:
    for factor in ("10^9", "10^-12"):
        d = derive(f"{factor}*x'*x", wrt="x", declare="x: n")
        assert d.verify().passed is True
        assert wrong(d).verify().passed is False


def test_long_products_do_not_fail() -> None:
    assert derive("*".join(["A"] * 200) + "*x", wrt="x", declare="A: n×n; x: n").verify().passed is not False


def test_an_offset_that_hides_the_function_is_not_verified() -> None:
    assert derive("x'*x + 10^15", wrt="x", declare="x: n").verify().passed is None


# cost


def counted(d: Derivation, run: Callable[[], object]) -> tuple[int, int]:
    """Evaluations of the function and of its derivative."""
    seen = {"value": 0, "state": 0}
    with pytest.MonkeyPatch.context() as patch:
        for name in seen:
            original = getattr(subjects.Subject, name)

            def spy(self: Any, *args: Any, _name: str = name, _original: Any = original) -> Any:
                seen[_name] += 1
                return _original(self, *args)

            patch.setattr(subjects.Subject, name, spy)
        run()
    return seen["value"], seen["state"]


@pytest.mark.parametrize(
    ("function", "wrt", "declare", "sizes"),
    [
        ("x'*A*x", "x", None, {"n": 100}),
        ("norm1(A*x - b)", "x", "A: m×n; x: n; b: m", {"m": 50, "n": 100}),
        ("logdet(S)", "S", "S: n×n spd", {"n": 100}),
        ("sum(log(A*x))", "x", "A: m×n; x: n", {"n": 100, "m": 20}),
        ("log(-exp(x'*x))", "x", "x: n", {"n": 4}),
        ("inv(X)", "X", None, {"n": 30}),
    ],
)
def test_cost(function: str, wrt: str, declare: str | None, sizes: dict[str, int]) -> None:
    d = derive(function, wrt=wrt, declare=declare)
    values, derivatives = counted(d, lambda: d.verify(sizes=sizes))
    assert values <= 40 and derivatives <= 3
    assert d.verify(sizes=sizes).passed is (None if "-exp" in function else True)


# claims


def judged(function: str, claim: str, wrt: str, declare: str | None = None, order: int = 1) -> Verification:
    return check_claim(function, claim, wrt, declare, order)


@pytest.mark.parametrize(
    ("function", "wrt", "declare", "claim"),
    [
        ("tr(A*X*B)", "X", "A: m×n; X: n×p; B: p×m", "(B*A)'"),
        ("tr(X)", "X", "X: n×n", "I"),
        ("3", "X", "X: n×n", "0"),
        ("x'*A*x", "x", None, "dx'*A*x + x'*A*dx"),
        ("X'*X", "X", None, "dX'*X + X'*dX"),
        ("logdet(X)", "X", None, "inv(X')"),
        ("inv(X)", "X", None, "-(X^-T ⊗ X^-1)"),
        ("softmax(x)", "x", None, "diag(softmax(x)) - softmax(x)*softmax(x)'"),
        ("det(X)", "X", None, "adj(X')"),
        ("sum(h(A*x))", "x", "h: elementwise; A: m×n; x: n", "A'*h'(A*x)"),
        ("10^9*x'*x", "x", "x: n", "2*10^9*x"),
        ("norm(A*x - b)^2", "x", None, r"2A^\top(Ax-b)"),
        ("X*X'", "X", "X: m×n", "X ⊗ I + (I ⊗ X)*K(m,n)"),
        ("logdet(S)", "S", "S: n×n spd", "inv(S)"),
        ("norm(X - U*V')^2", "U,V", None, "-2*<X - U*V', dU*V' + U*dV'>"),
    ],
)
def test_right_claims(function: str, wrt: str, declare: str | None, claim: str) -> None:
    v = judged(function, claim, wrt, declare)
    assert v.passed is True, str(v)


@pytest.mark.parametrize(
    ("function", "wrt", "declare", "claim", "says"),
    [
        ("norm(A*x - b)^2", "x", "A: m×n; x: n; b: m", "A'*(A*x - b)", "a factor 2 is missing"),
        ("norm(A*x - b)^2", "x", "A: n×n; x: n; b: n", "2*A*(A*x - b)", "a transpose is missing"),
        ("-exp(-x'*x)", "x", "x: n", "-2*exp(-x'*x)*x", "the sign is wrong"),
        ("x'*A*x", "x", "A: n×n; x: n", "A*x", "the term Aᵀ x is missing"),
        ("tr(X'*A*X)", "X", "X: m×n; A: m×m", "2*A*X", "right only where A is symmetric"),
        ("tr(A*X*B)", "X", "A: m×n; X: n×p; B: p×m", "B*A", "right only in the transposed layout"),
        ("logdet(X)", "X", "X: n×n", "inv(X)", "right only in the transposed layout"),
        ("tr(A*S)", "S", "A: n×n; S: n×n symmetric", "A'", "not in the tangent space"),
        ("logdet(S)", "S", "S: n×n spd", "2*inv(S) - inv(S).*eye(n)", "2G − G∘I"),
        ("sin(norm(x))", "x", "x: n", "cos(norm(x))*x", "the factor 1/‖x‖ is missing"),
        ("sum(sin(A*x))", "x", "A: n×n; x: n", "cos(A*x)", "the factor Aᵀ is missing"),
        ("mean(x.*x)", "x", "x: n", "2*x", "the factor 1/n is missing"),
        ("mean(x.*x)", "x", "x: n", "2/3*x", "missing"),
        ("inv(X)", "X", "X: n×n", "-X^-2*dX", "it comes of d(X⁻¹) = −X⁻² dX"),
        ("x/norm(x)", "x", "x: n", "eye(n)/norm(x)", "is missing"),
        ("x'*x", "x", "x: n", "x*x'", "the gradient has the shape of x"),
        ("x'*x", "x", "x: n", "0", "it is 0"),
        ("3", "X", "X: n×n", "I", "the gradient is 0"),
        ("sum(h(x))", "x", "h: elementwise; x: n", "h(x)", "entry"),
        ("A*X*B", "X", "A: n×n; X: n×n; B: n×n", "A ⊗ B'", "the factors of ⊗ are in the wrong order"),
        ("sum(exp(x))", "x", "x: n", "log(-exp(x))", "no value"),
        ("y'*(I - X*inv(X'*X)*X')*y", "y", None, "0*y", "it is 0"),
    ],
)
def test_wrong_claims_are_explained(function: str, wrt: str, declare: str | None, claim: str, says: str) -> None:
    v = judged(function, claim, wrt, declare)
    assert v.passed is False
    assert says in str(v), str(v)
    assert v.message


def test_second_order_claims() -> None:
    assert judged("x'*A*x", "A + A'", "x", order=2).passed is True
    assert judged("x'*A*x", "dx'*(A + A')*dx", "x", order=2).passed is True
    v = judged("x'*A*x", "2*A", "x", order=2)
    assert v.passed is False and "symmetric" in v.message


def test_claims_with_no_meaning_are_errors() -> None:
    for claim, error in [
        ("A*", md.ParseError),
        ("q*x", md.ParseError),
        ("x*x", md.ShapeError),
        ("dA*x", md.ParseError),
    ]:
        with pytest.raises(error):
            judged("x'*A*x", claim, "x", "A: n×n; x: n")


def test_claims_by_name_and_as_expressions() -> None:
    d = derive("norm(X - U*V')^2", wrt="U,V")
    assert verify(d, claim={"U": "-2*(X - U*V')*V"}).passed is True
    assert verify(d, claim={"U": "-2*(X - U*V')*V", "V": "U"}).passed is False
    assert verify(d, claim={"U": d.gradient["U"]}).passed is True
    with pytest.raises(md.ParseError, match="several variables"):
        verify(d, claim="-2*(X - U*V')*V")


def test_a_verification_is_no_truth_value() -> None:
    with pytest.raises(TypeError):
        bool(Verification(None))


def test_verification_text() -> None:
    v = Verification(True, 3e-11, 2.0, "", 3)
    assert str(v) == "verified: central differences agree to 3e-11 at 3 random points (observed order 2.0)"
