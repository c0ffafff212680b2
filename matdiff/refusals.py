"""Functions that a reader may look for and that the language does not have: why, and the nearest thing that works."""

from __future__ import annotations

from matdiff.errors import UnsupportedError

_piecewise = "it jumps, and its derivative is 0 wherever it has one"
_choice = "it chooses by the data, which no single formula differentiates"

REFUSALS: dict[str, tuple[str, str]] = {
    "max": (_choice, "max(x,0) is relu(x); logsumexp(x) is a smooth maximum"),
    "min": (_choice, "min(x,0) is -relu(-x); -logsumexp(-x) is a smooth minimum"),
    "maximum": (_choice, "max(a,b) is b + relu(a - b)"),
    "minimum": (_choice, "min(a,b) is a - relu(a - b)"),
    "argmax": ("its value is an index, which has no derivative", "softmax(x) is its smooth form"),
    "argmin": ("its value is an index, which has no derivative", "softmax(-x) is its smooth form"),
    "rank": (
        "it is constant almost everywhere and jumps in between",
        "nuclear(X) is its convex envelope on the unit ball",
    ),
    "floor": (_piecewise, "leave it out, or declare it: `floor: elementwise`"),
    "ceil": (_piecewise, "leave it out, or declare it: `ceil: elementwise`"),
    "round": (_piecewise, "leave it out, or declare it: `round: elementwise`"),
    "mod": (_piecewise, "write the remainder on the branch that is meant"),
    "heaviside": (_piecewise, "sigmoid(x) is its smooth form; (1 .+ sign(x))/2 is the step itself"),
    "step": (_piecewise, "sigmoid(x) is its smooth form; (1 .+ sign(x))/2 is the step itself"),
    "if": (_choice, "write each branch by itself; relu(x), abs(x) and sign(x) are defined"),
    "where": (_choice, "multiply by a 0-1 mask with .*; relu(x), abs(x) and sign(x) are defined"),
    "sort": (_choice, "norm1(x), sum(x) and logsumexp(x) do not depend on the order"),
    "median": (_choice, "mean(x) is defined"),
    "complex": ("every variable is real", "write the real and the imaginary part as two variables"),
    "conj": ("every variable is real", "leave it out"),
    "real": ("every variable is real", "leave it out"),
    "imag": ("every variable is real", "leave it out"),
    "arg": ("every variable is real", "sign(x) tells the sign"),
    "cross": ("it is defined for three components only", "write a×b as S*b with the skew 3×3 matrix S of a"),
    "pfaffian": (
        "its sign is not a function of the entries that the language has",
        "sqrt(det(X)) is its absolute value",
    ),
    "pf": ("its sign is not a function of the entries that the language has", "sqrt(det(X)) is its absolute value"),
    "permanent": ("no polynomial rule for it is known", "det(X) is defined"),
    "integral": ("integrals are not part of the language", "differentiate the integrand"),
    "limit": ("limits are not part of the language", "insert the value"),
    "diff": (
        "derivatives are asked for with `wrt`",
        "derive the gradient, and derive the result again for the next order",
    ),
    "grad": (
        "derivatives are asked for with `wrt`",
        "derive the gradient, and derive the result again for the next order",
    ),
    "prod": ("the product over all entries has no formula where an entry is 0", "exp(sum(log(x))) for positive x"),
    "var": ("several definitions are in use", "write mean((x .- mean(x)).^2)"),
    "std": ("several definitions are in use", "write sqrt(mean((x .- mean(x)).^2))"),
    "cov": ("several definitions are in use", "write it with X, ones(n) and transposes"),
    "eig": ("a general matrix has complex eigenvalues", "eigvals(S) of a symmetric S, det(X), tr(X)"),
    "svd": ("it is several functions at once", "svdvals(A) are the singular values"),
    "qr": ("it is several functions at once", "chol(X'*X) is the transpose of its R up to signs"),
    "lu": ("it is several functions at once", "inv(X), A\\b and det(X) use it where it helps"),
    "null": ("it is not unique", "eye(n) - pinv(X)*X is the projection onto the null space"),
}


def refused(name: str) -> UnsupportedError | None:
    """The refusal of a known word that is not in the language, or None."""
    found = REFUSALS.get(name)
    return None if found is None else UnsupportedError(f"{name} is not in the language: {found[0]}", hint=found[1])
