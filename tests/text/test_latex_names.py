"""Names: one spelling a name in LaTeX, read back as typed; α and alpha are one name."""

from __future__ import annotations

import random
from itertools import islice

import numpy as np
import pytest
from latex_roundtrips import BASES, ENDS, GREEK_LETTERS, GREEK_WORDS, SIZES, complaint, examine, names

import matdiff as md
from matdiff.inference.names import is_reserved
from matdiff.printing.names import ascii_name, latex_name

EVERY = [
    base + end
    for base in (*BASES, *GREEK_LETTERS, *GREEK_WORDS)
    for end in dict.fromkeys(ENDS)
    if not is_reserved(base + end) and base + end not in ("pi", "π")
]


def test_every_name_is_spelled_so_that_it_is_read() -> None:
    for name in EVERY:
        (read,) = md.parse(latex_name(name), declare=f"{name}: n", dialect="latex").variables
        assert read.name == name, (name, latex_name(name))


def test_no_two_names_are_spelled_alike() -> None:
    spelled: dict[str, str] = {}
    for name in EVERY:
        other = spelled.setdefault(latex_name(name), name)
        assert ascii_name(other) == ascii_name(name)
    for one, other in (
        ("W1", "W_1"),
        ("x_vec", "x"),
        ("x_hat_1", "x_1_hat"),
        ("omicron", "o"),
        ("x_", "x"),
        ("A_12", "A_1_2"),
    ):
        assert latex_name(one) != latex_name(other)


@pytest.mark.parametrize("end", dict.fromkeys(ENDS))
def test_differentials_keep_the_whole_name(end: str) -> None:
    """dw_2 is the differential of w_2, and no entry of dw."""
    for base in ("w", "W", "β", "beta", "loss", "d"):
        name = base + end
        d = md.derive(f"{name}'*B*{name}", wrt=name, declare=f"{name}: 3; B: 3×3; w0: 3")
        for e in (d.function, d.differential, d.gradient, d.hessian):
            assert not complaint(e, d.types)


def test_two_that_differ_by_an_underscore_stand_side_by_side() -> None:
    d = md.derive("W1*x + W_1*x", wrt="W1", declare="W1: m×n; W_1: m×n; x: n")
    assert d.function.latex() == r"\mathrm{W1}x + W_{1}x"
    assert d.differential.latex() == r"\mathrm{d}\mathrm{W1}x"
    assert not complaint(d.differential, d.types) and not complaint(d.function, d.types)


@pytest.mark.parametrize("size", SIZES)
def test_sizes_of_all_forms(size: str) -> None:
    for program in (f"x: {size}; x'*x*{size}", f"A: {size}×k; vec(A)'*K(k,{size})*vec(A')", f"X: {size}×{size}; tr(X)"):
        e = md.parse(program)
        assert not complaint(e, e.types)
    d = md.derive(f"x: {size}; {size}*(1 + x'*x)^2", wrt="x")
    assert not complaint(d.gradient, d.types) and not complaint(d.hessian, d.types)


@pytest.mark.parametrize("name", ["h", "h1", "h_1", "act", "act_1", "φ", "phi", "ψ_1", "psi1"])
def test_functions_of_all_forms(name: str) -> None:
    d = md.derive(f"sum({name}(A*x))", wrt="x", declare=f"{name}: elementwise; A: m×n; x: n")
    types = f"{d.types}; {name}: elementwise" if f"{name}: elementwise" not in d.types else d.types
    for e in (d.function, d.differential, d.gradient, d.hessian):
        assert not complaint(e, types)


@pytest.mark.share(2)
@pytest.mark.parametrize("seed", range(60))
def test_random_programs_to_latex_and_back(seed: int) -> None:
    assert examine(7_000_000 + seed) in ("right", "refused")


def test_definitions_may_be_called_like_a_function_in_another_case() -> None:
    e = md.parse("Tr = A*x; Tr'*Tr")
    assert not complaint(e, e.types)


def test_exponents_of_two_kinds_come_together() -> None:
    d = md.derive("t = 2*y; y.^P .* y.^1.5 .* y.^s", wrt="P", declare="y: n positive; P: n; s: scalar")
    assert not complaint(d.differential, d.types) and d.verify().passed


def test_random_names_are_names() -> None:
    for name in islice(names(random.Random(1)), 300):
        assert md.parse(f"{name}'*{name}", declare=f"{name}: n").variables[0].name == name


# Greek letters


@pytest.mark.parametrize(
    ("letter", "word"), [("α", "alpha"), ("λ", "lambda"), ("Σ", "Sigma"), ("ω_1", "omega_1"), ("x_β", "x_beta")]
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_letter_and_its_word_are_one_name(letter: str, word: str, turned: bool) -> None:
    first, second = (word, letter) if turned else (letter, word)
    d = md.derive(f"{first}*x'*x + {second}*b'*x", wrt="x", declare=f"{first}: scalar; x: n; b: n")
    assert {v.name for v in d.function.variables} == {first, "x", "b"}
    given = {second: 2.0, "x": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}
    np.testing.assert_allclose(d.gradient.evaluate(**given), [10.0, 16.0])
    by = md.derive(f"{first}^2*x'*x", wrt=second, declare=f"{first}: scalar; x: n")
    assert by.wrt[0].name == first and by.gradient == md.parse(f"2*{first}*x'*x", declare=f"{first}: scalar; x: n")
    assert d.verify(claim=f"2*{second}*x + {second}*b").passed


def test_declared_one_way_and_typed_the_other() -> None:
    assert md.derive("α*x'*x", wrt="x", declare="alpha: scalar").types == "alpha: scalar; x: n"
    assert str(md.derive("φ: elementwise; sum(phi(x))", wrt="x").gradient) == "φ'(x)"
    assert str(md.derive("s(α) = alpha^2; sum(s(x))", wrt="x").gradient) == "2x"
    assert md.parse("x: ν; A: nu×nu; x'*A*x + nu").types == "x: ν; A: ν×ν"
    assert str(md.parse(r"\mathrm{d}\alpha", declare="α: n")) == "dα"


def test_two_letters_of_one_word_are_not_mixed() -> None:
    with pytest.raises(md.ParseError, match="φ and ϕ are two spellings of phi"):
        md.parse("φ*x'*x + ϕ*b'*x")
    with pytest.raises(md.ParseError, match="wrt names a variable twice"):
        md.derive("α*x'*x", wrt="α,alpha")
