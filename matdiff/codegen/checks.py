"""Is a function defined at this array?  The checks that generated code makes while it is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, partial
from typing import Any

import numpy as np

from matdiff.codegen import factored
from matdiff.codegen.emit.emitter import Check
from matdiff.codegen.finite import finite as finite_everywhere
from matdiff.core.node import Apply, Node, Symbol, topological
from matdiff.core.op import registry
from matdiff.errors import DomainError
from matdiff.graph.properties import Known
from matdiff.ops.sets import CURVED

Array = Any

EPS = 2.3e-16
"""n×n counts as singular below max(n, 5) times this reciprocal condition number: rounding hides the difference."""
TOLERANCE = 1e-8
"""Relative size of what rounding may do to an attribute."""
REMAINDER = 1e-13
"""What remains of numbers of order 1 that cancel."""


def checker(checks: tuple[Check, ...]) -> Callable[..., Array]:
    """The `check(word, number, value)` of generated code: the value itself, or a DomainError."""

    @cache
    def definite(number: int) -> bool:
        """Is it to have a Cholesky factor, which then tells the condition and the determinant's sign too?"""
        return checks[number].function.startswith("cholesky") or "spd" in Known()(checks[number].node)

    def check(word: str, number: int, *values: Array) -> Array:
        name, _, index = word.partition(" #")
        test = TESTS.get(name, finite)
        if name in ("invertible", "posdet") and definite(number):
            factored.lower(values[0])
        complaint = test(*(np.asarray(v) for v in values), *([int(index)] if index else []))
        if complaint:
            raise refusal(checks[number], complaint)
        return values[0]

    return check


def refusal(check: Check, complaint: str) -> DomainError:
    shown = describe(check.node)
    names = {
        "power": "the power",
        "mpower": "the power",
        "frechet_mpower": "the power",
        "solve": "inv",
        "lu": "inv",
        "solve_lower": "inv",
        "scale": "the quotient",
        "dot_over": "the quotient",
    }
    names |= {
        "full_rank": "the derivative of pinv",
        "simple": "the derivative of an eigenvalue",
        "simple_singular": "the derivative of a singular value",
        "eigh": "eigvecs",
        "gram_logdet": "logdet",
        "gram_root": "inv",
        "positive_part": "the derivative",
        "hinge_or_one": "the derivative of norm",
        "logabsdet": "the logarithm",
        "lu_logabsdet": "the logarithm",
        "solve_lower_t": "inv",
        "lu_logdet": "logdet",
        "cholesky": "inv",
        "cholesky_logdet": "logdet",
    }
    function = names.get(check.function, check.function)
    return DomainError(f"{function} is not defined here: {shown} {complaint}")


def describe(node: Node) -> str:
    """The argument as the user would read it."""
    if isinstance(node, Symbol):
        return node.name
    if any(isinstance(n, Apply) and n.op.name not in registry for n in topological(node)):
        return "its argument"
    text = repr(node)
    return text if len(text) <= 60 else "its argument"


# each test returns what is wrong, or ""


def finite(*values: Array) -> str:
    return "" if all(map(finite_everywhere, values)) else "is not finite"


def positive(x: Array) -> str:
    return finite(x) or ("" if (x > 0).all() else worst("not positive", x, np.min(x)))


def nonnegative(x: Array) -> str:
    return finite(x) or ("" if (x >= 0).all() else worst("negative", x, np.min(x)))


def nonzero(x: Array) -> str:
    """For entries; division by them."""
    return finite(x) or (
        "" if (x != 0).all() else "is 0 (division by zero)" if x.ndim == 0 else "has an entry 0 (division by zero)"
    )


def not_zero(x: Array) -> str:
    """Some entry is not 0."""
    return finite(x) or ("" if (x != 0).any() else "is 0")


def inside(x: Array) -> str:
    return finite(x) or ("" if (np.abs(x) <= 1).all() else "leaves the interval from -1 to 1")


def strictly_inside(x: Array) -> str:
    return finite(x) or ("" if (np.abs(x) < 1).all() else "is not strictly between -1 and 1")


def worst(what: str, x: Array, value: Array) -> str:
    return f"is {what} ({value:.4g})" if x.ndim == 0 else f"has an entry that is {what} ({value:.4g})"


def hinge(x: Array) -> str:
    """max(x, 0) has an entry above 0, or is 0 all around."""
    return finite(x) or ("is 0 in its largest entry" if x.size and np.max(x) == 0 else "")


def invertible(X: Array) -> str:
    complaint = factored.finite(X)
    if complaint or not X.size:
        return complaint
    rcond = factored.rcond(X)
    if rcond is None:
        return "is singular"
    # an estimate is no more than a few times off
    if not rcond >= 1000 * EPS * max(len(X), 5):
        rcond = exact_rcond(X)
    return "" if rcond >= EPS * max(len(X), 5) else "is singular up to rounding"


def exact_rcond(X: Array) -> float:
    with np.errstate(all="ignore"):
        try:
            return float(1 / (np.linalg.norm(X, 1) * np.linalg.norm(np.linalg.inv(X), 1)))
        except np.linalg.LinAlgError:
            return 0.0


def posdet(X: Array) -> str:
    return invertible(X) or ("" if factored.sign(X) > 0 else "has a negative determinant")


def poskron(A: Array, B: Array) -> str:
    """det(A ⊗ B) = det(A)ⁿ det(B)ᵐ for A: m×m, B: n×n is positive."""
    complaint = invertible(A) or invertible(B)
    signs = [np.linalg.slogdet(X)[0] ** len(Y) for X, Y in ((A, B), (B, A))]
    return complaint or ("" if signs[0] * signs[1] > 0 else "makes a Kronecker product with a negative determinant")


def symmetric(X: Array) -> str:
    return finite(X) or ("" if close(X, X.T) else "is not symmetric")


def spd(X: Array) -> str:
    complaint = symmetric(X)
    if complaint:
        return complaint
    return "" if not X.size or factored.lower(X) is not None else "is not positive definite"


def full_rank(X: Array) -> str:
    complaint = finite(X)
    if complaint or not X.size:
        return complaint
    s = np.linalg.svd(X, compute_uv=False)
    return "" if s[-1] > 1e-13 * s[0] else "does not have full rank"


def full_columns(X: Array) -> str:
    return "does not have full column rank" if X.shape[0] < X.shape[1] else full_rank(X)


def spectrum(X: Array) -> str:
    """No eigenvalue on the closed negative real axis."""
    complaint = finite(X)
    if complaint or not X.size:
        return complaint
    values = np.linalg.eigvals(X)
    bad = (values.real <= 0) & (np.abs(values.imag) <= 1e-12 * np.abs(values).max())
    return "has an eigenvalue that is zero or negative" if bad.any() else ""


def simple_spectrum(S: Array) -> str:
    """Symmetric with distinct eigenvalues."""
    complaint = symmetric(S)
    if complaint or S.shape[0] < 2:
        return complaint
    values = np.linalg.eigvalsh(S)
    return "" if np.diff(values).min() > 1e-12 * np.abs(values).max() else "has equal eigenvalues"


def minors(A: Array) -> str:
    """No leading principal minor is 0, so that elimination needs no exchange of rows."""
    complaint = finite(A)
    rest = np.array(A)
    scale = np.abs(A).max(initial=0)
    for k in range(0 if complaint else len(A)):
        if abs(rest[k, k]) <= 1e-13 * scale:
            return f"has the leading principal minor 0 of order {k + 1}, so that its LU factors need rows exchanged"
        rest[k + 1 :] -= np.outer(rest[k + 1 :, k] / rest[k, k], rest[k])
    return complaint


def distinct_singular(A: Array) -> str:
    """Full rank and no singular value twice."""
    complaint = full_rank(A)
    if complaint or not A.size:
        return complaint
    s = np.linalg.svd(A, compute_uv=False)
    return "has equal singular values" if len(s) > 1 and np.diff(-s).min() <= 1e-12 * s[0] else ""


def simple(S: Array, i: int) -> str:
    """Symmetric with the i-th eigenvalue, from the top for a negative i, apart from the others."""
    complaint = symmetric(S)
    return complaint or alone(np.linalg.eigvalsh(S), i, "eigenvalues")


def simple_singular(A: Array, i: int) -> str:
    """The i-th singular value, counted upward or for a negative i from the top, is apart from the others."""
    return finite(A) or alone(np.linalg.svd(A, compute_uv=False)[::-1] ** 2, i, "singular values")


def alone(values: Array, i: int, name: str) -> str:
    """Is the i-th of ascending values apart from its neighbours by more than rounding?"""
    at = i - 1 if i > 0 else len(values) + i
    if not 0 <= at < len(values) or len(values) < 2:
        return ""
    gap = np.diff(values)[max(at - 1, 0) : at + 1].min()
    return "" if gap > 1e-12 * np.abs(values).max() else f"has equal {name}, the one that is used among them"


def power(base: Array, exponent: Array) -> str:
    """Real base and exponent with a real power."""
    complaint = finite(base, exponent)
    if complaint:
        return complaint
    if ((base < 0) & (exponent != np.round(exponent))).any():
        return "is negative, and its exponent is not whole"
    return "is 0, and its exponent negative" if ((base == 0) & (exponent < 0)).any() else ""


def disjoint(A: Array, B: Array, *_: Array) -> str:
    """AX + XB = C has one solution: no eigenvalue of A is the negative of one of B."""
    complaint = finite(A, B)
    if complaint or not (A.size and B.size):
        return complaint
    a, b = np.linalg.eigvals(A), np.linalg.eigvals(B)
    gap = np.abs(a[:, None] + b[None, :]).min()
    singular = gap <= 1e-14 * (np.abs(a).max() + np.abs(b).max())
    return "and the second argument make a singular system" if singular else ""


def exponent(X: Array, p: Array | float = 1.0) -> str:
    """X^p is real: p is whole, or no eigenvalue of X is on the closed negative real axis."""
    complaint = finite(X, np.asarray(p))
    if complaint or p == np.round(p):
        return complaint or (invertible(X) if p < 0 else "")
    complaint = spectrum(X)
    return f"{complaint}, and the exponent is not whole" if complaint else ""


def whole(x: Array) -> str:
    return "" if (x >= 0).all() and (x == np.round(x)).all() else "is no whole number from 0 on"


TESTS: dict[str, Callable[..., str]] = {
    "whole": whole,
    "positive": positive,
    "nonnegative": nonnegative,
    "nonzero": nonzero,
    "inside": inside,
    "strictly inside": strictly_inside,
    "invertible": invertible,
    "posdet": posdet,
    "poskron": poskron,
    "symmetric": symmetric,
    "spd": spd,
    "fullrank": full_rank,
    "fullcolumns": full_columns,
    "spectrum": spectrum,
    "distinct": simple_spectrum,
    "minors": minors,
    "distinct_singular": distinct_singular,
    "simple": simple,
    "simple_singular": simple_singular,
    "power": power,
    "disjoint": disjoint,
    "exponent": exponent,
    "notzero": not_zero,
    "hinge": hinge,
    "finite": finite,
}


# attributes of variables


def close(A: Array, B: Array) -> bool:
    scale = max(np.abs(A).max(initial=0), np.abs(B).max(initial=0))
    return bool(np.abs(A - B).max(initial=0) <= TOLERANCE * scale)


BLOCK = 256
SMALL_BLOCK = 128
"""Rows of a block of which a row and a column stay in the cache together."""
TINY = 1e-280
"""Below it squares lose digits."""


def asymmetry(X: Array) -> tuple[float, float]:
    """The largest |X − Xᵀ| and the largest |X|, block by block: whole matrices of differences take memory and time."""
    n = len(X)
    off = size = np.float64(0)
    for i in range(0, n, BLOCK):
        rows = X[i : i + BLOCK, i:]
        size = np.maximum(size, np.maximum(rows.max(initial=0), -rows.min(initial=0)))
        for j in range(i, n, BLOCK):
            there = X[j : j + BLOCK, i : i + BLOCK].T
            gap = X[i : i + BLOCK, j : j + BLOCK] - there
            off = np.maximum(off, np.maximum(gap.max(initial=0), -gap.min(initial=0)))
            size = np.maximum(size, np.maximum(there.max(initial=0), -there.min(initial=0)))
    return float(off), float(size)


MANY = 400
"""Rows from which on a product with each triangle is quicker than a look at every entry."""


def triangles_apart(X: Array) -> float:
    """The norm of D v, v drawn anew, D the symmetric matrix with the entries |X − Xᵀ| up to signs; inf for other types.

    The entries of v are at least 1 in size, so that one pair shows in full; that a D of norm d gives less than d/1000
    has a probability of the order of 1e-6 (a χ² variable of one or two degrees at worst).
    """
    if X.dtype != float or not X.flags.forc:
        return np.inf
    rng = np.random.default_rng()
    v = rng.uniform(1, 2, len(X)) * rng.choice((-1.0, 1.0), len(X))
    columns = X.T if X.flags.c_contiguous else X
    with np.errstate(all="ignore"):
        below, above = (factored.blas().dsymv(1.0, columns, v, lower=lower) for lower in (0, 1))
        gap = below - above
        return float(np.sqrt(gap @ gap)) if np.isfinite(gap).all() else np.inf


def symmetric_up_to(X: Array, tolerance: float) -> bool:
    """Is it symmetric?  Then every entry is finite: X − Xᵀ has one that is not where X has.

    As a rule the Frobenius norm of X − Xᵀ, for which every entry is looked at once, is small beside the diagonal; of a
    large X the two triangles are first compared by products, which take a fifth of the time.
    """
    n, least = len(X), float(np.abs(np.diagonal(X)).max(initial=0))
    if n >= MANY and triangles_apart(X) <= tolerance * least / 1000 < np.inf:
        return True
    total = 0.0
    with np.errstate(all="ignore"):
        for i in range(0, n, SMALL_BLOCK):
            for j in range(i, n, SMALL_BLOCK):
                gap = X[i : i + SMALL_BLOCK, j : j + SMALL_BLOCK] - X[j : j + SMALL_BLOCK, i : i + SMALL_BLOCK].T
                flat = gap.ravel(order="K")
                total += float(flat @ flat)
        if total <= (tolerance * least) ** 2 > TINY:
            return True
        off, size = asymmetry(X)
    return off <= tolerance * size < np.inf


LINEAR: dict[str, Callable[[Array], Array]] = {
    "symmetric": lambda X: X.T,
    "skew": lambda X: -X.T,
    "diagonal": lambda X: np.diag(np.diagonal(X)),
    "lower": np.tril,
    "upper": np.triu,
}
"""What a matrix of each kind is equal to."""


def equal_to(same: Callable[[Array], Array]) -> Callable[[Array], bool]:
    return lambda X: close(X, same(X))


ATTRIBUTES: dict[str, Callable[[Array], bool]] = {
    **{word: equal_to(same) for word, same in LINEAR.items()},
    "symmetric": lambda X: symmetric_up_to(X, TOLERANCE),
    "spd": lambda X: not spd(X),
    **{word: partial(space.member, np) for word, space in CURVED.items()},
    "positive": lambda x: bool((x > 0).all()),
    "tall": lambda X: X.shape[0] >= X.shape[1],
    "index": lambda x: bool((x >= 1).all() and (x == np.round(x)).all()),
}

WORDS = {
    "spd": "symmetric positive definite",
    "skew": "skew-symmetric",
    "lower": "lower triangular",
    "upper": "upper triangular",
    "index": "a whole number from 1 on",
    **{word: space.says for word, space in CURVED.items()},
}


def rounding(arrays: Iterable[Any]) -> float:
    """What remains of numbers of the size of the arrays that cancel: a gradient at a critical point is nothing else."""
    sizes = [1.0]
    for a in arrays:
        with suppress(TypeError, ValueError, OverflowError):
            sizes.append(float(np.linalg.norm(np.asarray(a, dtype=float).ravel())))
    return REMAINDER * max(s for s in sizes if np.isfinite(s))


def check_attributes(variable: Symbol, value: Array, allowed: float = 0.0) -> None:
    """Raises DomainError where an array is not what its declaration says, up to `allowed` and to 1e-8 of its size."""
    wanted = variable.attributes
    for attribute in sorted(wanted):
        test = ATTRIBUTES.get(attribute)
        if test is None or (attribute == "positive" and "diagonal" in wanted):
            continue
        if allowed and attribute in LINEAR and np.abs(value - LINEAR[attribute](value)).max(initial=0) <= allowed:
            continue
        if value.size and not test(value):
            word = WORDS.get(attribute, attribute)
            said = CURVED[attribute].written if attribute in CURVED else attribute
            raise DomainError(f"{variable.name} is declared {said}, but the array given is not {word}")
    if {"positive", "diagonal"} <= wanted and not (np.diagonal(value) > 0).all():
        raise DomainError(
            f"{variable.name} is declared diagonal positive, but an entry of its diagonal is not positive"
        )
