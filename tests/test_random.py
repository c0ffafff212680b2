"""Random functions: means as books have them, estimators, what is refused, the command line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.api.random import RandomFunction
from matdiff.core.node import Node
from matdiff.inference import infer
from matdiff.text.parser import parse_declarations, parse_program
from matdiff.verify.random import batch, compared, places

MEANS = tomllib.loads(Path(__file__).with_name("random_means.toml").read_text(encoding="utf-8"))["means"]


def place(f: RandomFunction, seed: int = 1) -> Any:
    return next(iter(places(f.variables, f.laws, np.random.default_rng(seed))))


def book(text: str, f: RandomFunction) -> Node:
    """A formula in the variables of f, sizes among them."""
    dims = sorted({n for v in (*f.variables, *(r.symbol for r in f.laws)) for d in (v.rows, v.cols) for n in d.names})
    sizes = parse_declarations("; ".join(f"size{i}: {d}" for i, d in enumerate(dims)))
    return infer(parse_program(text, "plain", sizes), sizes, {v.name: v for v in f.variables}).function


@pytest.mark.parametrize(("text", "said", "mean"), MEANS, ids=[f"{t} | {d}" for t, d, _ in MEANS])
def test_a_mean_is_what_the_book_has(text: str, said: str, mean: str) -> None:
    f = md.random(text, declare=said)
    assert f.closed, f.notes
    fixed, sizes = place(f)
    expected, ours = (batch(n, fixed, sizes)[0] for n in (book(mean, f), f.expectation.node))
    assert np.allclose(ours, expected, rtol=1e-9, atol=1e-9 * (1 + np.abs(expected).max()))
    for body, closed in f.pieces:
        made = compared(body, closed, f.laws, fixed, sizes, 0)
        assert made is not None
        assert made.passed, (made, f.expectation)
