"""Every record by construction: its value, its differential, its adjoint; and that these checks would notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import matdiff.ops  # noqa: F401  the functions register themselves
from matdiff.codegen.evaluate import evaluate
from matdiff.core.node import Kind, Node, Symbol, number, symbol
from matdiff.core.op import Joint, Linear, Nonlinear, Op, Rule, linear, nonlinear, parameters, register, registry, words
from matdiff.core.shape import ONE, Dim, Spec, signature
from matdiff.errors import MatdiffError
from matdiff.ops.algebra import scale

TALL = {"svdvals": {"m": 3, "n": 2}}
"""Sizes of functions that want at least as many rows as columns."""
SIZES = {"m": 2, "n": 3, "p": 4, "q": 2, "k": 2}
PARAMS: dict[str, tuple[Any, ...]] = {
    "mpow": (3,),
    "slice": (Dim.of(0), Dim.of(1), Dim.of(1), Dim.of(3)),
    "embed": (Dim.of(1), Dim.of(0), Dim.of(6), Dim.of(5)),
    "lastcols": (Dim.of(2),),
    "polygamma": (),
}
"""Parameters that the signature does not tell."""

STEP = 1e-3
TOLERANCE = 1e-6
GENERIC = {"matrix": ("m", "n"), "vector": ("n",), "scalar": ()}
Arrays = dict[Symbol, Any]


@dataclass(frozen=True)
class Case:
    """A record applied to symbols, and arrays for them inside its domain."""

    op: Op
    args: tuple[Node, ...]
    params: tuple[Any, ...]
    arrays: Arrays

    def value(self, arrays: Arrays) -> Any:
        return run(self.op.build(self.args, self.params), arrays)


def run(node: Node, arrays: Arrays) -> Any:
    return evaluate(node, tuple(arrays), {s.name: a for s, a in arrays.items()}, smooth=True)


def cases(op: Op) -> Iterator[Case]:
    """The record with every kind of argument that `(...)` may be."""
    inputs, _ = signature(op.signature)
    kinds = list(GENERIC) if None in inputs and op.name != "inner" else ["matrix", "vector"] if None in inputs else [""]
    for kind in kinds:
        if op.scalar is not None and kind == "scalar":
            continue
        yield case(op, inputs, kind)


def case(op: Op, inputs: tuple[Spec, ...], kind: str) -> Case:
    rng = np.random.default_rng(sum(map(ord, op.name + kind)))
    args: list[Node] = []
    arrays: Arrays = {}
    for i, spec in enumerate(inputs):
        word = op.domain[i] if i < len(op.domain) else ""
        dims = GENERIC[kind] if spec is None else spec
        shape = tuple(Dim.of(d).evaluate(SIZES | TALL.get(op.name, {})) for d in dims)
        if op.name == "polygamma" and i == 0:
            args.append(number(1))
            continue
        if word == "index":
            args.append(number(2))
            continue
        attributes = frozenset({"symmetric"}) if word in ("symmetric", "distinct", "spd") else frozenset[str]()
        made = argument("ABCD"[i], shape, attributes)
        args.append(made)
        arrays[made] = draw(word if word or op.name != "power" else "positive", shape, rng)
    return Case(op, tuple(args), sized(op), arrays)


def argument(name: str, shape: tuple[int, ...], attributes: frozenset[str]) -> Symbol:
    rows, cols = ([Dim.of(s) for s in shape] + [ONE, ONE])[:2]
    kinds: tuple[Kind, ...] = ("scalar", "vector", "matrix")
    return symbol(name, kinds[len(shape)], rows, cols, attributes)


def sized(op: Op) -> tuple[Any, ...]:
    """The parameters: sizes where they are dimensions of the signature, 2 for an index."""
    if op.name in PARAMS:
        return PARAMS[op.name]
    dims = {name for spec in signature(op.signature)[0] for d in spec or () for name in d.names}
    given = (p for p in parameters(op.signature) if not p.isdigit())
    return tuple(Dim.of(SIZES[p]) if p in dims else 2 for p in given)


def draw(word: str, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    Z = rng.uniform(-0.9, 0.9, size=shape)
    if word in ("positive", "power") or not shape:
        Z = rng.uniform(0.2, 0.9, size=shape)
    elif len(shape) == 2 and shape[0] == shape[1]:
        Z = Z + 3 * np.eye(shape[0])
        if word in ("symmetric", "distinct", "spd"):
            Z = (Z + Z.T) / 2 + np.diag(np.arange(shape[0]))
    return Z if shape else float(Z)


def direction(A: Node, rng: np.random.Generator) -> Any:
    assert isinstance(A, Symbol)
    V = rng.normal(size=tuple(d.evaluate({}) for d in A.shape))
    return (V + V.T) / 2 if "symmetric" in A.attributes else V


def moving(op: Op) -> list[int]:
    inputs, _ = signature(op.signature)
    return [i for i in range(len(inputs)) if op.rule(i) is not None]


def check(c: Case, slot: int, rule: Rule) -> None:
    """The rule of one argument against differences of the value, and its adjoint.  Raises AssertionError."""
    rng = np.random.default_rng(slot)
    A = c.args[slot]
    assert isinstance(A, Symbol)
    V = direction(A, rng)
    exact = differences(c, A, V)
    dA = symbol("V", A.kind, A.rows, A.cols, A.attributes)
    if isinstance(rule, Nonlinear):
        agree(run(rule.differential(*c.args, dA, *c.params), {**c.arrays, dA: V}), exact)
        return
    value = c.op.build(c.args, c.params)
    Y = symbol("Y", value.kind, value.rows, value.cols)
    y = rng.normal(size=np.shape(exact))
    assert isinstance(rule, (Linear, Joint))
    extra = (slot,) if isinstance(rule, Joint) else ()
    back = rule.adjoint(Y, *extra, *c.args, *c.params)
    assert (back.rows, back.cols) == (A.rows, A.cols)
    agree(np.vdot(run(back, {**c.arrays, Y: y}), V), np.vdot(y, exact))


def differences(c: Case, A: Symbol, V: Any) -> Any:
    """The derivative along V by Richardson's extrapolation of central differences."""

    def central(h: float) -> Any:
        ends = [np.asarray(c.value({**c.arrays, A: c.arrays[A] + s * h * V})) for s in (1, -1)]
        return (ends[0] - ends[1]) / (2 * h)

    return (4 * central(STEP / 2) - central(STEP)) / 3


def agree(got: Any, expected: Any) -> None:
    assert np.shape(got) == np.shape(expected)
    scale_ = np.max(np.abs(expected), initial=1e-2)
    assert np.max(np.abs(got - expected), initial=0) <= TOLERANCE * scale_, f"got {got}, expected {expected}"


def perturbed(rule: Rule) -> Rule:
    """The rule 0.1 % wrong."""

    def wrong(f: Callable[..., Node]) -> Callable[..., Node]:
        return lambda *args: scale(number(1.001), f(*args))

    if isinstance(rule, Nonlinear):
        return Nonlinear(wrong(rule.differential))
    assert isinstance(rule, (Linear, Joint))
    return type(rule)(wrong(rule.adjoint))


SLOTS = [(c, slot) for op in registry.values() for c in cases(op) for slot in moving(op)]
NAMES = [f"{c.op.name}-{slot}-{c.args[slot].kind}" for c, slot in SLOTS]


@pytest.mark.parametrize(("c", "slot"), SLOTS, ids=NAMES)
def test_a_rule_agrees_with_the_value(c: Case, slot: int) -> None:
    check(c, slot, c.op.rule(slot))


CONSTANT = {"sign", "heaviside", "peak", "largest", "rowlargest", "maximum", "minimum"}
"""Functions whose differential is zero, or is of scalars where the other argument is the larger one."""


@pytest.mark.parametrize(("c", "slot"), SLOTS, ids=NAMES)
def test_a_rule_that_is_slightly_wrong_is_noticed(c: Case, slot: int) -> None:
    rule = c.op.rule(slot)
    if c.op.name in CONSTANT:
        wrong: Rule = Nonlinear(lambda *args: scale(number(0.001), args[-1]))
    else:
        wrong = perturbed(rule)
    with pytest.raises(AssertionError):
        check(c, slot, wrong)


def test_every_record_is_checked() -> None:
    assert {c.op for c, _ in SLOTS} == {op for op in registry.values() if any(op.rules)}


@pytest.mark.parametrize("op", registry.values(), ids=str)
def test_a_record_says_how_it_is_written_and_where_it_is_found(op: Op) -> None:
    assert op.law or not any(op.rules)


def test_values_have_the_properties_that_records_claim() -> None:
    for op in registry.values():
        for c in cases(op):
            value = np.asarray(c.value(c.arrays))
            for claim in op.gives:
                assert PROPERTIES[claim](value), f"{op.name} is not {claim}"


PROPERTIES: dict[str, Callable[[Any], bool]] = {
    "positive": lambda X: bool(np.all(X > 0)),
    "simplex": lambda X: bool(np.all(X >= 0) and np.isclose(X.sum(), 1)),
    "nonnegative": lambda X: bool(np.all(X >= 0)),
    "symmetric": lambda X: bool(np.allclose(X, X.T)),
    "skew": lambda X: bool(np.allclose(X, -X.T)),
    "diagonal": lambda X: bool(np.allclose(X, np.diag(np.diag(X)))),
    "lower": lambda X: bool(np.allclose(X, np.tril(X))),
    "upper": lambda X: bool(np.allclose(X, np.triu(X))),
    "orthogonal": lambda X: bool(np.allclose(X.T @ X, np.eye(X.shape[1]))),
    "orthonormal": lambda X: np.allclose(X.T @ X, np.eye(X.shape[1])),
    "spd": lambda X: bool(np.allclose(X, X.T) and np.linalg.eigvalsh(X)[0] > 0),
    "invertible": lambda X: bool(abs(np.linalg.det(X)) > 1e-12),
}


@pytest.fixture
def kept() -> Iterator[None]:
    """The registry as it was, whatever a test registers."""
    ops, spoken = dict(registry), {w: list(r) for w, r in words.items()}
    yield
    registry.clear()
    registry.update(ops)
    words.clear()
    words.update(spoken)


BAD: dict[str, Callable[[], object]] = {
    "a taken name": lambda: linear("tr", "(n,n)->()", lambda y, X: X),
    "too few adjoints": lambda: linear("record_a", "(m,n),(n,p)->(m,p)", lambda Y, A, B: Y),
    "too many differentials": lambda: nonlinear("record_b", "(n)->(n)", lambda x, dx: dx, lambda x, dx: dx),
    "no arrow": lambda: linear("record_c", "(m,n)", lambda Y, A: Y),
    "no parentheses": lambda: linear("record_d", "m,n->m", lambda Y, A: Y),
    "unbalanced": lambda: linear("record_e", "(m,n->(m,n)", lambda Y, A: Y),
    "an unknown dimension": lambda: linear("record_f", "(m,n)->(q)", lambda Y, A: Y),
    "no function": lambda: register(Op("record_g", "(m,n)->(m,n)", (Linear(None),))),  # type: ignore[arg-type]
    "no differential": lambda: register(Op("record_h", "(m,n)->(m,n)", (Nonlinear(None),))),  # type: ignore[arg-type]
}


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_bad_record_cannot_be_registered(make: Callable[[], object]) -> None:
    before = dict(registry)
    with pytest.raises(MatdiffError):
        make()
    assert registry == before
