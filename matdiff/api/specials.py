"""What the language spells by rules of its own, from Python: constants with their sizes, frechet, sigma."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matdiff.api.expr import Expr, function
from matdiff.api.reading import parse
from matdiff.core.op import words
from matdiff.errors import ParseError
from matdiff.inference.special import frechet_of

Size = int | str


def _constant(name: str, *sizes: Size) -> Expr:
    for size in sizes:
        if isinstance(size, bool) or (not isinstance(size, str) and not hasattr(size, "__index__")):
            raise ParseError(f"{name} takes names and whole numbers, not {size!r}")
    return parse(f"{name}({', '.join(map(str, sizes))})", dialect="plain")


def eye(n: Size) -> Expr:
    """The n×n identity matrix.

    >>> import matdiff as md
    >>> A = md.matrix("A", "n", "n")
    >>> str(md.inv(A + md.eye("n")))
    '(A + I)⁻¹'
    """
    return _constant("eye", n)


def ones(*sizes: Size) -> Expr:
    """A vector or a matrix of ones."""
    return _constant("ones", *sizes)


def zeros(*sizes: Size) -> Expr:
    """A vector or a matrix of zeros."""
    return _constant("zeros", *sizes)


def e(n: Size, i: int) -> Expr:
    """The i-th unit vector of length n, i counted from 1 as in text."""
    return _constant("e", n, i)


def K(m: Size, n: Size) -> Expr:
    """The commutation matrix: K(m,n) vec(A) = vec(Aᵀ) for A: m×n (Magnus & Neudecker 2019, §3.7)."""
    return _constant("K", m, n)


def D(n: Size) -> Expr:
    """The duplication matrix: D(n) vech(S) = vec(S) for symmetric S: n×n (Magnus & Neudecker 2019, §3.8)."""
    return _constant("D", n)


def frechet(f: str, A: Expr, V: Expr, *k: Any) -> Expr:
    """The Fréchet derivative of a matrix function at A along V: frechet("expm", A, V) (Higham 2008, §3).

    Of a power it takes the exponent as well: frechet("mpower", A, V, k).
    """
    found: Expr = function([frechet_of(f)])(A, V, *k)
    return found


def sigma(a: Expr, i: int | None = None) -> Expr:
    """The i-th singular value of a matrix, counted downward; without i the sigmoid of every entry."""
    return _call("sigmoid")(a) if i is None else _call("sigma")(a, i)


def _call(name: str) -> Callable[..., Expr]:
    return function(words[name])


pi = parse("pi")
