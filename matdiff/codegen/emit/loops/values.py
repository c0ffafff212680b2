"""Values of an emission, where they lie, and how their entries are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from matdiff.codegen import routines
from matdiff.codegen.emit.writer import polynomial
from matdiff.core.node import Node, Symbol, Value
from matdiff.core.op import Op
from matdiff.core.shape import ONE, ZERO, Dim, signature

HEAVY = 12
"""Most operations that an entry is computed with before it is kept."""
TERMS = 8
"""Most terms of one sum in a line."""
INLINE = 64
"""Most multiplications of a product of known sizes that is written as loops and not called."""
MOST_UNROLLED = 4096

Entry = Callable[[str, str], str]
MATH = {*(f.__name__ for f in routines.FUNCTIONS), *routines.CONSTANTS, "Array"}
"""What the routines take as given."""
TITLES = {"c": "C", "numba": "Numba"}


@dataclass(frozen=True, slots=True)
class Place:
    """Memory of a value: an array, where it begins there, the distances between rows and between columns."""

    array: str
    start: Dim
    down: Dim
    right: Dim


@dataclass(frozen=True, slots=True)
class Held:
    """A value: the text of its entry i, j, the operations in it, and where it lies if it does."""

    rows: Dim
    cols: Dim
    at: Entry
    weight: int = 0
    place: Place | None = None


@dataclass
class Native:
    """A function in the restricted language, and what its parameters are.

    sizes    dimensions by name, and the parameter of each that is not fixed
    inputs   variables and their parameters, scalars as numbers
    outputs  results and the arrays that they are written to
    work     how many doubles of memory it needs
    """

    name: str
    text: str
    sizes: dict[str, str]
    inputs: dict[Symbol, str]
    outputs: list[tuple[Node, str]]
    work: Dim
    fixed: dict[str, int]

    def size(self, dim: Dim) -> str:
        return polynomial(resolved(dim, self.fixed), self.sizes).text


def resolved(dim: Dim, fixed: Mapping[str, int]) -> Dim:
    return dim.substitute({n: Dim.of(k) for n, k in fixed.items()}) if fixed and dim.names else dim


def used_lines(lines: Sequence[str]) -> list[str]:
    """The lines without pointers to memory that nothing uses."""
    words = Counter(w for line in lines for w in re.findall(r"\w+", line))
    return [line for line in lines if not ((m := re.match(r" *(\w+) = work\[", line)) and words[m[1]] == 1)]


def names_in(params: Any) -> set[str]:
    if isinstance(params, Dim):
        return set(params.names)
    return {n for p in params for n in names_in(p)} if isinstance(params, tuple) else set()


def along(v: Held, i: str) -> str:
    """The entry i of a vector or a row; of a number itself."""
    return v.at(i, "0") if v.cols is ONE else v.at("0", i)


def closes(term: str) -> bool:
    """Does the first parenthesis close with the last?"""
    depth = 0
    for k, c in enumerate(term):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return k == len(term) - 1
    return False


def largest(a: Dim, b: Dim) -> Dim:
    """A polynomial that is at least both: coefficient by coefficient."""
    parts = dict(a.terms)
    for m, c in b.terms:
        parts[m] = max(parts.get(m, 0), c)
    return Dim.collect(parts)


def number_text(value: Value) -> str:
    if isinstance(value, Fraction):
        if max(abs(value.numerator), value.denominator) < 2**53:
            text = f"({abs(value.numerator)}.0 / {value.denominator}.0)"
            return text if value > 0 else f"(-{text})"
        value = rounded(value)
    if isinstance(value, int):
        value = rounded(Fraction(value))
    text = repr(float(abs(value)))
    return f"(-{text})" if value < 0 else text


def rounded(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def is_number(op: Op, slot: int) -> bool:
    """Is an argument a scalar by the signature?"""
    inputs = signature(op.signature)[0]
    return inputs[min(slot, len(inputs) - 1)] == ()


def dimension(word: str, values: Sequence[Held], rows: Dim, cols: Dim) -> Dim:
    """`m0`, `n0`, `s0`: rows, columns, entries of an argument; `m`, `n`, `s` those of the value; `k0` the lesser."""
    v_rows, v_cols = (values[int(word[1:])].rows, values[int(word[1:])].cols) if word[1:] else (rows, cols)
    return {"m": v_rows, "n": v_cols, "s": v_rows * v_cols}[word[0]]


def count(text: str, values: Sequence[Held], rows: Dim, cols: Dim) -> Dim:
    """`4*m0*m0+m0` as a dimension."""
    total = ZERO
    for term in text.split("+"):
        product = ONE
        for factor in term.split("*"):
            product = product * (Dim.of(int(factor)) if factor.isdigit() else dimension(factor, values, rows, cols))
        total = total + product
    return total
