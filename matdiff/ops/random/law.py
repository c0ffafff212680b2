"""What a distribution states: moments, density, flips, sampler, quadrature; and the register of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from matdiff.core.node import Node, number
from matdiff.ops.algebra import hadamard, power, scale
from matdiff.ops.constants import ones_like

Leg = int
Legs = tuple[Leg, ...]
Part = tuple[Node, tuple[tuple[Node, Legs], ...], tuple[Legs, ...]]
"""A summand of a joint cumulant: a factor, arrays on the axes of the variables, and axes that must be equal."""


def whole(x: int) -> Node:
    return number(x)


def spread(p: Node, x: Node) -> Node:
    """A parameter as an array of the shape of x."""
    return p if p.kind == x.kind else scale(p, ones_like(x))


@cache
def stirling(n: int, k: int) -> int:
    """Stirling numbers of the second kind: xⁿ = Σ S(n,k) x(x−1)…(x−k+1)."""
    return int(n == k) if n == 0 or k == 0 else k * stirling(n - 1, k) + stirling(n - 1, k - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Flip:
    """What a small increase of a parameter does to a sample that jumps: `weight(x, *params)` and `moved(x)`."""

    weight: Callable[..., Node]
    moved: Callable[[Node], Node]
    parameter: int
    says: str
    guarded: Callable[[Node], Node] | None = None
    """`moved` where a weight of 0 stands before a value that need not exist, as f(0) of a law that begins with 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """A distribution.

    name, spellings   as it is called in declarations
    takes             what each parameter is: `real`, `positive`, `probability`, `count`, `vector`, `covariance`, `dof`,
                      `weights` (a vector of positive numbers), `chances` (on the simplex)
    shape             `entries` (a number, or every entry of an array), `vector` or `matrix`
    says              the convention of its parameters, in words
    mean              of the parameters, given the variable
    moment            of an entry: E[xᵏ]
    cumulant          of arrays: the joint cumulant of entries at these axes, as `Part`s
    density           log of the density or probability, a scalar; `moving` parameters change where it is positive
    drawn             the variable in terms of the same law with standard parameters (`standard`), whose law is `base`
    flip              of a law on whole numbers
    generating        E[exp(t x)] of an entry, and where it is finite, in words
    sample            `sample(rng, shape, *params)` in NumPy, `shape` with the number of samples in front
    axes              of arrays: `axes(count, shape, *params)`, rules for independent numbers, and the arrays of them
    points            of a law with two values: (probability, value) of both
    logarithm         E[log x] of an entry
    negative          `negative(k, *params)`: E[x⁻ᵏ] of an entry, and where it is finite, in words
    powers            `powers(p, *params)`: E[xᵖ] of a positive entry, and where it is finite for p < 0
    critical          E|x|⁻ᵖ of an entry is finite for p below this, of the parameters; None: always, or not known
    determinant       of a random matrix: E[det x] of (x, *params), and where it is finite, in words
    logdeterminant    E[log det x] likewise
    rule              of an entry: `rule(count, *params)`, points and weights, exact for polynomials, or all
    """

    name: str
    spellings: str
    takes: tuple[str, ...]
    says: str
    sample: Callable[..., Any]
    shape: str = "entries"
    mean: Callable[..., Node] | None = None
    moment: Callable[..., Node] | None = None
    cumulant: Callable[..., Iterator[Part]] | None = None
    density: Callable[..., Node] | None = None
    moving: tuple[int, ...] = ()
    drawn: Callable[..., Node] | None = None
    standard: tuple[Any, ...] = ()
    base: str = ""
    free: tuple[int, ...] = ()
    """Parameters that `drawn` leaves in the standard law: those by which there is no pathwise derivative."""
    flip: Flip | None = None
    generating: Callable[..., Node] | None = None
    finite: str = ""
    discrete: bool = False
    rule: Callable[..., tuple[Any, Any]] | None = None
    axes: Callable[..., tuple[list[tuple[Any, Any]], Callable[[Any], Any]]] | None = None
    exists: tuple[str, ...] = ()
    """Where moments of the order 1, 2, … are finite, `{0}` being the first parameter and `{rows}` the size."""
    points: Callable[..., list[tuple[Node, Node]]] | None = None
    logarithm: Callable[..., Node] | None = None
    negative: Callable[..., tuple[Node, str]] | None = None
    powers: Callable[..., tuple[Node, str]] | None = None
    critical: Callable[..., Node | None] | None = None
    determinant: Callable[..., tuple[Node, str]] | None = None
    logdeterminant: Callable[..., Node] | None = None
    most: int = 8
    """Highest joint moment."""

    def __repr__(self) -> str:
        return f"<law {self.name}>"


laws: dict[str, Law] = {}
"""By every spelling, in lower case and without underscores."""


def law(name: str, spellings: str, takes: str, says: str, sample: Callable[..., Any], **fields: Any) -> Law:
    made = Law(name, spellings, tuple(takes.split()), says, sample, **fields)
    for word in (name, *spellings.split()):
        laws[word.lower().replace("_", "")] = made
    return made


def raised(a: Node, k: int) -> Node:
    return ones_like(a) if k == 0 else power(a, number(k))


def rising(a: Node, k: int) -> Node:
    out = ones_like(a)
    for i in range(k):
        out = hadamard(out, a + i)
    return out


def falling(n: Node, j: int) -> Node:
    out = ones_like(n)
    for i in range(j):
        out = hadamard(out, n - i)
    return out


def rounded(n: Any) -> Any:
    import numpy as np

    return np.rint(n).astype(int)
