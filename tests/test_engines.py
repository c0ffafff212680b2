"""One table of functions through every engine: derivatives, matrices, code, printing, verification, steps."""

from __future__ import annotations

import inspect
import random
import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from cases import CASES, Case
from latex_roundtrips import SIZES as SIZES_OF_ALL_FORMS
from latex_roundtrips import complaint, names, renamed
from random_expressions import Variable, draw, moved, tangent_part

import matdiff as md
from matdiff.calculus.markers import PAIRING, D
from matdiff.core.node import Node, Symbol, topological
from matdiff.core.op import Op, registry, words
from matdiff.graph.rewrite import substitute
from matdiff.ops.algebra import inner, is_op

SIZES = {"m": 2, "n": 3, "p": 4}
STEP = 1e-3
NUMBERS = range(len(CASES))

Arrays = dict[str, Any]
Direction = dict[str, Any]


@cache
def derivation(number: int) -> md.Derivation:
    c = CASES[number]
    return md.derive(c.text, wrt=c.wrt, declare=c.declare)


@cache
def variables(number: int) -> dict[str, Variable]:
    c = CASES[number]
    return {(v := variable(d.strip(), c)).name: v for d in c.declare.split(";")}


def variable(declaration: str, c: Case) -> Variable:
    """Of `A: m×n symmetric`."""
    name, _, rest = declaration.partition(": ")
    shape, _, attribute = rest.partition(" ")
    dims = () if shape == "scalar" else tuple(shape.split("×"))
    return Variable(name, c.near.get(name, ""), dims, attribute)


@cache
def point(number: int) -> Arrays:
    rng = np.random.default_rng(number)
    return {v.name: np.asarray(draw(v, sizes(v), rng))[()] for v in variables(number).values()}


def sizes(v: Variable) -> dict[str, int]:
    return {d: eval(d, {}, SIZES) for d in v.dims}


def wrt(number: int) -> list[Variable]:
    return [variables(number)[w] for w in CASES[number].wrt.split(",")]


def direction(number: int, seed: int = 7) -> Direction:
    """A random direction in the tangent space of every variable of the derivation."""
    rng = np.random.default_rng(seed)
    at = point(number)
    return {
        v.name: tangent_part(v.attribute, at[v.name], rng.normal(size=np.shape(at[v.name])))[()] for v in wrt(number)
    }


def given(d: md.Derivation, V: Direction) -> Any:
    """Directions as jvp and hvp take them."""
    return V if d.several else V[d.wrt[0].name]


def parts(d: md.Derivation, answer: Any) -> Direction:
    return answer if d.several else {d.wrt[0].name: answer}


def value(number: int, arrays: Arrays) -> Any:
    """The function by NumPy."""
    f = CASES[number].value
    if f.__name__ != "<lambda>":
        return np.asarray(f(*arrays.values()))
    return np.asarray(f(**{k: arrays[k] for k in inspect.signature(f).parameters if k in arrays}))


def differences(number: int, f: Any, V: Direction) -> Any:
    """The derivative of f along V by Richardson's extrapolation, on curves in the variables' sets."""
    at = point(number)

    def central(h: float) -> Any:
        ends = [f({**at, **{v.name: moved(v, at[v.name], V[v.name], t) for v in wrt(number)}}) for t in (h, -h)]
        return (ends[0] - ends[1]) / (2 * h)

    return (4 * central(STEP / 2) - central(STEP)) / 3


def agree(got: Any, expected: Any, tolerance: float = 1e-6) -> None:
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    size = max(1e-2, np.max(np.abs(expected), initial=0), np.max(np.abs(got), initial=0))
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * size)


def pairing(A: Direction, B: Direction) -> float:
    return sum(float(np.vdot(A[k], B[k])) for k in B)


def flat(A: Any) -> Any:
    return np.ravel(np.asarray(A), order="F")


each = pytest.mark.parametrize("number", NUMBERS, ids=[c.text for c in CASES])
SCALAR = [i for i in NUMBERS if derivation(i).function.kind == "scalar"]
OTHER = [i for i in NUMBERS if i not in SCALAR]
each_scalar = pytest.mark.parametrize("number", SCALAR, ids=[CASES[i].text for i in SCALAR])
each_other = pytest.mark.parametrize("number", OTHER, ids=[CASES[i].text for i in OTHER])


@each
def test_value(number: int) -> None:
    agree(derivation(number).evaluate(**point(number)), value(number, point(number)), 1e-9)


@each
def test_differential(number: int) -> None:
    d, V = derivation(number), direction(number)
    agree(d.jvp(given(d, V), **point(number)), differences(number, lambda at: value(number, at), V))


@each
def test_adjoint(number: int) -> None:
    d, V = derivation(number), direction(number)
    L = d.jvp(given(d, V), **point(number))
    Y = np.random.default_rng(3).normal(size=np.shape(L))[()]
    back = parts(d, d.vjp(Y, **point(number)))
    agree(pairing(back, V), np.vdot(Y, L), 1e-10)
    for v in wrt(number):
        agree(tangent_part(v.attribute, point(number)[v.name], back[v.name]), back[v.name], 1e-10)


@each_scalar
def test_gradient(number: int) -> None:
    d, V, at = derivation(number), direction(number), point(number)
    G = {name: g.evaluate(**at) for name, g in parts(d, d.gradient).items()}
    agree(pairing(G, V), differences(number, lambda at: value(number, at), V))
    for v in wrt(number):
        agree(tangent_part(v.attribute, at[v.name], G[v.name]), G[v.name], 1e-10)
    found, gradients = d.value_and_grad(**at)
    agree(found, value(number, at), 1e-9)
    for name, g in parts(d, gradients).items():
        agree(g, G[name], 1e-10)


@each
def test_jacobian(number: int) -> None:
    d, V, at = derivation(number), direction(number), point(number)
    total: Any = 0
    for name, J in parts(d, d.jacobian).items():
        J = J.evaluate(**at)
        total = total + (J * V[name] if np.ndim(V[name]) == 0 else J @ flat(V[name]))
    agree(flat(total), flat(d.jvp(given(d, V), **at)), 1e-8)


@each_scalar
def test_hessian(number: int) -> None:
    d, V, at = derivation(number), direction(number), point(number)
    if "hessian" in CASES[number].lacks:
        with pytest.raises(md.UnsupportedError):
            _ = d.hessian
        return
    if d.curved:
        ((name, _),) = V.items()
        slope = differences(number, lambda at: np.asarray(d.gradient.evaluate(**at)), V)
        agree(d.hvp(given(d, V), **at), slope - at[name] * (at[name] @ slope), 1e-5)
        return
    product = parts(d, d.hvp(given(d, V), **at))
    for name, gradient in parts(d, d.gradient).items():
        agree(product[name], differences(number, lambda at, g=gradient: np.asarray(g.evaluate(**at)), V), 1e-5)
    matrices = d.hessian if d.several else {(d.wrt[0].name, d.wrt[0].name): d.hessian}
    rows: Direction = dict.fromkeys(V, 0)
    for (row, column), H in matrices.items():
        H = np.asarray(H.evaluate(**at))
        rows[row] = rows[row] + flat(H * V[column] if np.ndim(V[column]) == 0 else H @ flat(V[column]))
    for name in V:
        agree(flat(rows[name]), flat(product[name]), 1e-8)


@each
def test_code(number: int) -> None:
    d, at = derivation(number), point(number)
    for answer in (d.function, *parts(d, d.gradient if number in SCALAR else d.jacobian).values()):
        expected = answer.evaluate(**at)
        agree(answer.compile("numpy")(**at), expected, 1e-9)
        source = answer.source("numpy")
        assert "matdiff" not in source
        space: dict[str, Any] = {}
        exec(compile(source, "generated", "exec"), space)
        name = re.findall(r"^def (\w+)\(", source, re.M)[-1]
        takes = inspect.signature(space[name]).parameters
        agree(space[name](**{k: a for k, a in at.items() if k in takes}), expected, 1e-9)


THIN = ({"m": 1, "n": 1, "p": 1}, {"m": 1, "n": 3, "p": 2})
"""Sizes of 1, at which kinds and contractions are easily mistaken for each other."""
NOT_THIN = {"sigma_max(W*(A .* X))": "a skew matrix of size 1 is 0", "norm(x[2:3])^2*x": "there is no second entry"}


@pytest.mark.share(2)
@each
@pytest.mark.parametrize("thin", THIN, ids=["1×1", "1×3"])
def test_sizes_of_one(number: int, thin: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Value, differential, adjoint, matrices and code where dimensions are 1."""
    if CASES[number].text in NOT_THIN:
        return
    monkeypatch.setitem(globals(), "SIZES", {**SIZES, **thin})
    monkeypatch.setitem(globals(), "point", cache(point.__wrapped__))
    try:
        finite = np.all(np.isfinite(value(number, point(number))))
    except (ValueError, IndexError, np.linalg.LinAlgError):
        return  # no such entry, or no such point
    if finite:
        for check in (test_value, test_differential, test_adjoint, test_jacobian, test_code):
            check(number)
        if number in SCALAR:
            test_gradient(number)
            test_hessian(number)


def answers(number: int) -> list[md.Expr]:
    return every(derivation(number), "hessian" not in CASES[number].lacks)


def every(d: md.Derivation, hessian: bool) -> list[md.Expr]:
    """All that a derivation answers."""
    found = [d.function, d.differential, *parts(d, d.jacobian).values()]
    if d.function.kind == "scalar":
        found += parts(d, d.gradient).values()
        if hessian:
            found += d.hessian.values() if d.several else [d.hessian]
    return found


@each
@pytest.mark.parametrize("form", ["text", "ascii", "latex"])
def test_printing(number: int, form: str) -> None:
    for e in answers(number):
        shown = e.latex() if form == "latex" else e.text(ascii=form == "ascii")
        dialect = "latex" if form == "latex" else "plain"
        assert md.parse(shown, declare=derivation(number).types, dialect=dialect) == e, shown


@pytest.mark.share(3)
@each
def test_latex_with_names_of_all_forms(number: int) -> None:
    c = CASES[number]
    fresh = names(random.Random(number), SIZES_OF_ALL_FORMS)
    typed = [*variables(number), *re.findall(r"(?:^|;|\n) *(\w+) = ", c.text)]
    new = dict(zip(typed, fresh, strict=False))
    d = md.derive(renamed(c.text, new), wrt=renamed(c.wrt, new), declare=renamed(c.declare, new))
    for e in every(d, "hessian" not in c.lacks):
        assert not complaint(e, d.types)


@each
def test_verification(number: int) -> None:
    found = derivation(number).verify()
    assert found.passed is True, str(found)


@each
def test_steps(number: int) -> None:
    d, at, V = derivation(number), point(number), direction(number)
    steps = d.steps
    if number in SCALAR and not d.several:
        assert steps[-1].after == d.gradient
        steps = steps[:-1]
    assert steps
    known = {**at, **{f"d{name}": v for name, v in V.items()}}
    for step in steps:
        if explicit(step.before.node, d) and explicit(step.after.node, d):
            agree(evaluated(step.after.node, d, known), evaluated(step.before.node, d, known), 1e-8)


def explicit(node: Node, d: md.Derivation) -> bool:
    """Nothing but dX is left to differentiate."""
    return not any(is_op(n, D) for n in topological(node))


def evaluated(node: Node, d: md.Derivation, known: Arrays) -> Any:
    pairs = {n: inner(*n.children) for n in topological(node) if is_op(n, PAIRING)}
    free = [n for n in topological(node) if isinstance(n, Symbol) and n.body is None]
    return md.Expr(substitute(node, pairs), (*d.function.variables, *free)).evaluate(**known)


def test_every_word_of_the_language_is_in_the_table() -> None:
    used = {w for c in CASES for w in re.findall(r"\w+(?=\()", c.text)}
    other_spellings = {"frechet_logm", "frechet_cosm", "frechet_sinm", "frechet_mpower"}
    fixed = {w for w, records in words.items() if all(isinstance(r, Op) and r.rules == (None,) for r in records)}
    # What stays out of the registry is of complex arrays, and has its cases in tests/calculus/test_complex.py.
    complex_ones = {"ctranspose", "imaginary", "starred_conj"} | {
        w for w, records in words.items() if all(isinstance(r, Op) and registry.get(r.name) is not r for r in records)
    }
    assert set(words) - fixed - other_spellings - complex_ones <= used


def test_every_operator_is_in_the_table() -> None:
    sums, products = [" + ", " - ", ".+", ".-"], ["*", "/", "\\", ".*", "./", "⊗", "⊙", "<", "⟨"]
    others = [".^", "^", "'", "⁻¹", "⁻ᵀ", "²", "‖", "[A,", "[x;", "[:,", ",:]", "1:2", " = "]
    for sign in sums + products + others:
        assert any(sign in c.text for c in CASES), sign
