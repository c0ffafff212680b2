"""matdiff: derivatives of functions of scalars, vectors and matrices, in matrix notation.

>>> import matdiff as md
>>> str(md.derive("x'*A*x", wrt="x").gradient)
'(A + Aᵀ) x'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matdiff.errors import DomainError, MatdiffError, ParseError, ShapeError, UnsupportedError

if TYPE_CHECKING:
    from matdiff.api.checking import check_claim, check_derivation
    from matdiff.api.derivation import Derivation
    from matdiff.api.derive import convex, derive
    from matdiff.api.dual import Dual
    from matdiff.api.equal import equal
    from matdiff.api.expr import Expr
    from matdiff.api.reading import from_sympy, function, matrix, parse, scalar, vector
    from matdiff.api.userdefined import elementwise, forget

__version__ = "0.1.0"

__all__ = [
    "Derivation",
    "DomainError",
    "Dual",
    "Expr",
    "MatdiffError",
    "ParseError",
    "ShapeError",
    "UnsupportedError",
    "check_claim",
    "check_derivation",
    "convex",
    "derive",
    "elementwise",
    "equal",
    "forget",
    "from_sympy",
    "function",
    "matrix",
    "parse",
    "scalar",
    "vector",
]

_HOMES = {
    "derive": "api.derive",
    "convex": "api.derive",
    "equal": "api.equal",
    "check_claim": "api.checking",
    "check_derivation": "api.checking",
    "Derivation": "api.derivation",
    "Expr": "api.expr",
    "parse": "api.reading",
    "matrix": "api.reading",
    "vector": "api.reading",
    "scalar": "api.reading",
    "from_sympy": "api.reading",
    "elementwise": "api.userdefined",
    "forget": "api.userdefined",
    "ode": "api.rates",
    "recurrence": "api.recurrence",
    "vary": "api.vary",
    "random": "api.random",
    "Dual": "api.dual",
    "proof": "api.proofs",
    "function": "api.reading",
    **dict.fromkeys(("eye", "ones", "zeros", "e", "K", "D", "pi", "frechet", "sigma"), "api.specials"),
}


def __dir__() -> list[str]:
    """The public names, whether they are loaded yet or not."""
    return sorted({*__all__, *_HOMES, "__version__", "ops"})


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext matdiff` gives `%matdiff` and `%%matdiff`."""
    from matdiff.worksheet.ipython import register

    register(shell)


def __getattr__(name: str) -> Any:
    """Public names on first use, so that importing the package costs next to nothing; then the language's functions."""
    from importlib import import_module

    if name in _HOMES:
        found = getattr(import_module(f"matdiff.{_HOMES[name]}"), name)
    elif name == "ops":
        found = import_module("matdiff.ops")
    else:
        import matdiff.ops  # noqa: F401  the functions register themselves
        from matdiff.core.op import words

        if name not in words:
            raise AttributeError(f"module 'matdiff' has no attribute {name!r}")
        from matdiff.api.expr import function as called

        return called(words[name])
    globals()[name] = found
    return found
