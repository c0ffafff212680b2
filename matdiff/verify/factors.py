"""Wrong by a factor: a constant, or a scalar function of the variables."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from matdiff.core.node import Number, constant, number, topological
from matdiff.core.shape import Dim
from matdiff.ops.algebra import power
from matdiff.verify.case import Case, Sample
from matdiff.verify.edits import MAX_CANDIDATES, Pair, shown
from matdiff.verify.sampling import names

CLOSE = 1e-7
WHOLE = (1, -1, 2, -2)
EXPONENTS = (*WHOLE, Fraction(1, 2), Fraction(-1, 2))


def constant_factor(case: Case, pair: Pair, samples: Sequence[Sample]) -> str:
    """The claim is a multiple of the truth."""
    ratios = parallel(samples)
    if not ratios or np.ptp(ratios) > CLOSE * abs(ratios[0]):
        return ""
    k = ratios[0]
    return factor_text(k)


def factor_text(k: float) -> str:
    """What is said where truth = k · claim."""
    if abs(k + 1) < CLOSE:
        return "the sign is wrong: it needs the factor -1"
    sign = "" if k > 0 else "the sign is wrong, and "
    size = Fraction(abs(k)).limit_denominator(120)
    if abs(float(size) - abs(k)) > CLOSE * abs(k):
        return f"{sign}it differs by the constant factor {k:.6g}"
    if size == 1:
        return ""
    if size.denominator == 1:
        return f"{sign}a factor {size} is missing"
    return f"{sign}it has a factor {1 / size} too many" if size.numerator == 1 else f"{sign}it needs the factor {size}"


def parallel(samples: Sequence[Sample]) -> list[float]:
    """truth/claim at each sample, none where they are not parallel or vanish."""
    out = []
    for s in samples:
        assert s.claimed is not None
        c, t = s.claimed.ravel(), s.truth.ravel()
        size = float(c @ c)
        if size == 0 or not t.any():
            return []
        k = float(c @ t) / size
        if k == 0 or np.linalg.norm(t - k * c) > CLOSE * np.linalg.norm(t):
            return []
        out.append(k)
    return out


def scalar_factor(case: Case, pair: Pair, samples: Sequence[Sample]) -> str:
    """The claim is the truth but for a scalar function."""
    ratios = parallel(samples)
    if not ratios:
        return ""
    parts = [n for n in topological(pair.truth, pair.function, pair.claim) if n.kind == "scalar"]
    lengths = [constant("size", "scalar", dims=(Dim.of(n),)) for n in names(case.d.function.variables)]
    parts = [p for p in dict.fromkeys([*lengths, *parts]) if not isinstance(p, Number)][:MAX_CANDIDATES]
    for part, values in zip(parts, case.values(parts, samples), strict=True):
        if values is None or any(float(v) == 0 for v in values):
            continue
        for p in EXPONENTS if min(float(v) for v in values) > 0 else WHOLE:
            with np.errstate(all="ignore"):
                rest = np.array([k / float(v) ** float(p) for k, v in zip(ratios, values, strict=True)])
            if np.iscomplexobj(rest) or not np.isfinite(rest).all():
                continue
            if np.ptp(rest) <= CLOSE * abs(rest[0]) and abs(rest[0]) > CLOSE:
                also = factor_text(float(rest[0])) if abs(rest[0] - 1) > CLOSE else ""
                return f"the factor {shown(power(part, number(p)))} is missing{'; ' + also if also else ''}"
    if all(s.truth.size > 1 for s in samples):
        return "it is parallel to the truth, but a scalar factor is wrong (chain rule: is an inner derivative missing?)"
    return ""
