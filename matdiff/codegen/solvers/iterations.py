"""Conjugate gradients in a few products: in single precision where that is quicker, corrected in double."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

BIG = 2**18
"""Entries of a matrix from which on products with it in single precision are quicker."""


LARGE = 300
"""Entries from which on products are tried before a factorisation."""


class Indefinite(ArithmeticError):
    """A direction of negative curvature was met."""


def conjugate_gradients(apply: Any, r: Any, most: int, goal: float) -> Any:
    """s, the number of products, the condition of H and its norm; None where `goal` is not reached in so many.

    The condition is read off the extreme eigenvalues of Lanczos' matrix, whose entries the iteration has
    (Golub & Van Loan 2013, sec. 11.3); a case that comes on too slowly is given up early.
    """
    s, rest = np.zeros_like(r), np.array(r)
    p, rr = rest.copy(), float(r @ r)
    first = rr
    below: list[float] = []
    beside: list[float] = []
    ratio, before = 0.0, 1.0
    for k in range(most):
        Hp = apply(p)
        bend = float(p @ Hp)
        if bend < 0:
            raise Indefinite("the Hessian is not positive definite")
        if not bend > 0 or not np.isfinite(bend):
            return None
        a = rr / bend
        below.append(1 / a + ratio / before)
        s += a * p
        rest -= a * Hp
        after = float(rest @ rest)
        if after <= goal**2 * first:
            values = scipy.linalg.lapack.dsterf(below, beside)[0] if beside else below
            return (s, k + 1, values[-1] / values[0], values[-1]) if values[0] > 0 else None
        if 4 * (k + 1) >= most and np.log(after / first) > 1.4 * np.log(goal) * (k + 1) / most:
            return None
        ratio, before, rr = after / rr, a, after
        beside.append(np.sqrt(ratio) / a)
        p = rest + ratio * p
    return None


CONDITION = 1e4
"""Condition number up to which a residual tells that the solution is exact."""


ERROR = 1e-10
"""Relative error of a solution at which products end, where a bound of the least eigenvalue from below proves it."""


LOW = 3e-6
"""Least relative residual at which a run in single precision ends."""


def by_products(apply: Any, r: Any, most: int, single: Any = None, least: float = 0.0) -> Any:
    """H s = r by conjugate gradients in about so many products, where H is conditioned well enough; None else.

    `single` has products in single precision, which take half the time: then residuals in double correct the solution.
    No eigenvalue of H is below `least`.  Without such a bound the residual falls to what rounding leaves: a small
    eigenvalue apart from the others shows in no other way, as r = H s has little of its eigenvector.
    """
    if single is None:
        found = conjugate_gradients(apply, r, most, 1e-13)
        return None if found is None or found[2] > CONDITION else found[0]
    s, rest = np.zeros(r.shape), r
    whole = size = float(np.linalg.norm(r))
    condition, norm, goal = 1.0, 0.0, LOW
    if not size:
        return s
    for _ in range(8):
        with np.errstate(all="ignore"):
            found = conjugate_gradients(single, (rest / size).astype(np.float32), most, goal)
        if found is None or found[2] > CONDITION or 2 * found[1] > most:
            return None
        s += size * found[0]
        condition, norm = max(condition, found[2]), max(norm, found[3])
        rest = r - apply(s)
        before, size = size, float(np.linalg.norm(rest))
        # As small as rounding leaves it, or so small that the error, at most as much larger as H's condition, is too.
        proven = max(2e-15 * norm, ERROR * least) * float(np.linalg.norm(s))
        enough = max(proven, min(1e-13, 1e-11 / condition) * whole)
        if size <= enough:
            return s
        if not size <= max(0.01, 4 * goal) * before:
            return None
        goal = min(0.1, max(LOW, 0.5 * enough / size))
    return None


def by_rows(of: Any, r: Any, most: int) -> Any:
    """H s = r for H = D + Σ c Lᵀ Diag(w) L + Σ c k kᵀ ≻ 0, D diagonal, on the side of the rows; None if slow.

    With V of all rows, weighted, D½ s = (I − Vᵀ(I + V Vᵀ)⁻¹V) D⁻½ r (Golub & Van Loan 2013, sec. 2.1.4): conjugate
    gradients in single precision with I + V Vᵀ, scaled to a diagonal of 1, and residuals of H in double precision.  As
    H − min(D) I is positive semidefinite, the error is at most the residual divided by min(D).
    """
    least = float(np.min(of.diag))
    weights = [np.asarray(c if W is None else c * W) for c, _, W in of.grams] + [np.asarray(c) for c, _, _ in of.ranks]
    if not least > 0 or any(k is not g for _, g, k in of.ranks) or not all(np.all(w >= 0) for w in weights):
        return None
    root = np.sqrt(of.diag)
    with np.errstate(all="ignore"):
        pieces = [divided(L, root) for L in (*(L for _, L, _ in of.grams), *(g[None, :] for _, g, _ in of.ranks))]
        if np.ndim(root) == 0:
            weights = [w / of.diag for w in weights]
        long = np.concatenate([np.einsum("ij,ij->i", A, A) for A in pieces])
        weight = np.concatenate([np.broadcast_to(w, len(A)) for w, A in zip(weights, pieces, strict=True)])
        first = 1 / (1 + weight * long)
        scales = np.split(np.sqrt(weight * first).astype(np.float32), np.cumsum([len(A) for A in pieces])[:-1])
        first = first.astype(np.float32)

    def up(t: Any) -> Any:
        found = [c * (A @ t) for A, c in zip(pieces, scales, strict=True)]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def down(z: Any) -> Any:
        out, at = None, 0
        for A, c in zip(pieces, scales, strict=True):
            part = (c * z[at : at + len(A)]) @ A
            out, at = part if out is None else out + part, at + len(A)
        return out

    s, rest, goal = np.zeros(r.shape), r, LOW
    size = float(np.linalg.norm(r))
    while size:
        with np.errstate(all="ignore"):
            t = (rest / (size * root)).astype(np.float32)
            right = up(t)
            if right.any():
                try:
                    found = conjugate_gradients(lambda z: first * z + up(down(z)), right, most, goal)
                except Indefinite:
                    return None
                if found is None:
                    return None
                most -= found[1]
                t -= down(found[0])
            s += size * (t / root)
            rest = r - of.apply(s)
        before, size = size, float(np.linalg.norm(rest))
        enough = ERROR * least * float(np.linalg.norm(s))
        if size <= enough:
            return s
        if not size <= 0.3 * before:
            return None
        goal = min(0.1, max(LOW, 0.5 * enough / size * min(1.0, goal * before / size)))
    return s


def divided(A: Any, root: Any) -> Any:
    """The columns of A divided, in single precision; A itself by a number, which is left to the weights."""
    if np.ndim(root) == 0:
        return np.asarray(A, dtype=np.float32)
    return np.divide(A, root, out=np.empty(A.shape, np.float32), casting="same_kind")
