"""What a verification says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verification:
    """The outcome of a check.

    passed          True, False, or None where the check could not be made
    relative_error  the largest one seen, relative to what was compared
    order           how fast the method's error falls with the step: 1 of forward and backward differences; of the
                    others how fast the first-order remainder does, 2; None where it is rounding alone
    reason          why it failed or could not be made; empty if it passed
    points          how many random points were compared
    method          how: `central` and other differences, `complex` step, `dual` numbers, `comparison` with the
                    derivative, or `zero`
    message         for a wrong claim, what is wrong with it
    region          on which edges of the function, as zeros of a norm, the derivative was found right or has no value
    certificate     what exact arithmetic over a prime field says; empty where it was not asked
    """

    passed: bool | None
    relative_error: float | None = None
    order: float | None = None
    reason: str = ""
    points: int = 0
    method: str = "central"
    message: str = ""
    certificate: str = ""
    region: str = ""

    def __str__(self) -> str:
        if self.passed is None:
            return f"not verified: {self.reason}"
        if not self.passed:
            return f"verification failed: {self.reason}"
        places = f"{self.points} random point{'s' * (self.points != 1)}"
        there = f", {self.region}" if self.region else ""
        if self.method == "zero":
            return f"verified: the function is 0 everywhere: it is 0 at {places}, and its derivative is 0"
        error = 0.0 if self.relative_error is None else self.relative_error
        if self.method in TOLD:
            return f"verified: {TOLD[self.method].format(error=f'{error:.0e}', count=self.points)}{there}"
        if self.method == "comparison":
            return f"verified: the claim is right; it agrees to {error:.0e} at {places}"
        seen = "remainder at rounding" if self.order is None else f"observed order {self.order:.1f}"
        if self.method == "complex":
            return f"verified: the complex step agrees to {error:.0e} at {places}{there}"
        if self.method == "dual":
            return f"verified: dual numbers agree to {error:.0e} at {places}{there}"
        how = "extrapolated differences" if self.method == "richardson" else f"{self.method} differences"
        return f"verified: {how} agree to {error:.0e} at {places} ({seen}){there}"

    def __bool__(self) -> bool:
        raise TypeError("a verification may also be undecided: ask `.passed is True`")


TOLD = {
    "model": "what the model leaves of the function falls as it should ({count} random points, {error} at the last)",
    "stationary": "the equations are ∇f = 0 to {error} at {count} random points",
    "complex directions": (
        "differences along real, imaginary and complex directions agree to {error} at {count} random points"
    ),
    "solutions": "adjoint, sensitivity equation and differences of solutions agree to {error} ({count} problems)",
    "moments": "means over the laws by quadrature agree to {error} at {count} random points",
    "crossing": "one-sided differences agree to {error} at {count} random points at which the eigenvalues meet",
    "samples": "means of 100,000 samples agree within 4 standard errors at {count} random points",
    "mixed": "means over the laws by quadrature agree to {error}, those of 100,000 samples within 4 standard errors",
    "quadrature": "differences of the integral agree with the gradient to {error} ({count} random functions)",
}
"""What was compared, by methods that are not of points."""


def undecided(reason: str, method: str = "central") -> Verification:
    return Verification(None, reason=reason, method=method)
