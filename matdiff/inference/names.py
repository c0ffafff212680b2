"""What an undeclared name is, by its look; and what to say of one that cannot be guessed."""

from __future__ import annotations

import re

from matdiff.errors import ParseError
from matdiff.node import Kind
from matdiff.op import words
from matdiff.parsing.stream import GREEK

CONSTANTS = frozenset({"eye", "ones", "zeros", "e", "K", "D", "vector", "matrix"})
"""Constants that are called like functions."""

RESERVED = frozenset({"I", "pi", "eye", "ones", "zeros", "vector", "matrix", "hcat", "vcat", "max", "frechet"})
"""Reserved beside the functions of the language."""

FREE = frozenset({"K", "e", "D", "sigma", "σ"})
"""Functions by these names are meant only before a parenthesis."""

_shape = re.compile(r"([^\W\d_]+)(\d*)((?:_\w*)?)\Z")


def is_reserved(name: str) -> bool:
    return name not in FREE and (name in RESERVED or name in words)


def default_kind(name: str) -> Kind | None:
    """Upper-case letter a matrix, Greek a scalar, lower-case a vector; None for a longer name."""
    first = name[0]
    if not first.isalpha():
        return None
    base = first
    if len(name) > 1:
        found = _shape.match(name)
        if found is None:
            return None
        base = found[1]
    if len(base) > 1:
        return "scalar" if base in GREEK else None
    if "Ͱ" <= first <= "Ͽ":
        return "scalar"
    return "matrix" if first.isupper() else "vector"


INSTEAD = {
    "transpose": "write A'", "trans": "write A'", "ctranspose": "write A'", "inverse": "write inv(A)",
    "ln": "write log(x)", "log10": "write log(x)/log(10)", "log2": "write log(x)/log(2)",
    "dot": "write x'*y", "inner": "write x'*y or <A, B>", "outer": "write x*y'", "matmul": "write A*B",
    "mul": "write A*B", "hadamard": "write A.*B", "multiply": "write A.*B", "square": "write x.^2",
    "pow": "write x.^p", "power": "write x.^p", "cot": "write 1/tan(x)", "sec": "write 1/cos(x)",
    "csc": "write 1/sin(x)", "cbrt": "write x.^(1/3)", "silu": "write x.*sigmoid(x)", "swish": "write x.*sigmoid(x)",
    "fro": "write normF(X)", "frob": "write normF(X)", "frobenius": "write normF(X)", "sgn": "write sign(x)",
    "lse": "write logsumexp(x)", "cholesky": "write chol(A)", "eig": "write eigvals(S)", "identity": "write eye(n)",
    "ident": "write eye(n)", "concat": "write [A, B] or [A; B]", "len": "declare x: n and write n",
    "length": "declare x: n and write n", "size": "declare X: m×n and write m or n", "logit": "write log(p/(1 - p))",
    "fabs": "write abs(x)", "cond": "write cond2(A)", "spectral": "write sigma_max(A)", "determinant": "write det(A)",
    "average": "write mean(x)", "total": "write sum(x)", "mse": "write mean((x - y).^2)", "id": "write eye(n)",
    "logistic": "write sigmoid(x)", "expit": "write sigmoid(x)", "gamma": "write exp(lgamma(x))",
    "loggamma": "write lgamma(x)", "gammaln": "write lgamma(x)", "psi": "write digamma(x)",
    "reshape": "write unvec(x,m,n)", "hstack": "write hcat(A,B)", "vstack": "write vcat(A,B)",
    "diagonal": "write diag(X)", "arcsin": "write asin(x)", "arccos": "write acos(x)", "arctan": "write atan(x)",
}  # fmt: skip
"""What other languages and books call it, in lower case."""


def unknown_name(name: str) -> ParseError:
    """The error for an undeclared longer name, with the likely mending first."""
    if is_reserved(name):
        return ParseError(
            f"{name} is the name of a function",
            hint=f"write {name}(x), a power of it {name}(x)^2; a variable needs another name",
        )
    hints = []
    close = nearest(name)
    if 2 <= len(name) <= 4 and name.isalpha() and not close:
        hints.append(f"for a product write {'*'.join(name)}")
    if close:
        hints.append(f"for the function {close} write {close}(…)")
    shown = name if len(name) <= LONGEST else "it"
    hints.append(f"declare it, for instance `{shown}: m×n`, `{shown}: n` or `{shown}: scalar`")
    return ParseError(f"{shorten(name)} is not declared, and only single letters have a default", hint="; ".join(hints))


LONGEST = 30
"""Longest name that a message repeats as a whole."""


def shorten(name: str) -> str:
    return name if len(name) <= LONGEST else name[:LONGEST] + "…"


def unknown_function(name: str) -> ParseError:
    close = nearest(name)
    if name.lower() in INSTEAD:
        hint = INSTEAD[name.lower()]
    elif close:
        hint = f"did you mean {close}?"
    elif len(name) > LONGEST:
        hint = "see `matdiff rules` for the functions that there are"
    else:
        hint = f"write {name}*(…) for a product, declare `{name}: elementwise`, or see `matdiff rules`"
    return ParseError(f"there is no function {shorten(name)}", hint=hint)


def nearest(name: str) -> str:
    """The function whose name is closest, or an empty string."""
    if name.lower() in words:
        return name.lower()
    if not 3 <= len(name) <= LONGEST:
        return ""
    from difflib import get_close_matches

    found = get_close_matches(name.lower(), [*words, *CONSTANTS, "max"], 1, 0.76)
    return found[0] if found else ""
