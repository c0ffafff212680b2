"""Answers printed in textbooks: the same value as matdiff's, and matdiff's form about as short."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.core.node import Symbol, topological
from matdiff.report.answer import Answer
from matdiff.report.steps import all_rows
from matdiff.simplify.normal import normal

LIMIT = 1.2
"""matdiff's form may be longer than the book's by this factor."""
POINTS = 2
"""Points of the domain at which the two answers are compared."""
DRAWS = 24
"""Points tried for these."""
SIZES = ((4, 3, 2, 5, 6), (2, 3, 4, 5, 6))
"""Free dimensions in order of appearance: tall and wide matrices in turn."""

Entry = dict[str, str]

IDENTITIES: list[Entry] = tomllib.loads((Path(__file__).parents[1] / "textbook.toml").read_text("utf-8"))["identity"]

WORKED: list[dict[str, Any]] = tomllib.loads((Path(__file__).parents[1] / "worked.toml").read_text("utf-8"))["example"]
"""Worked examples of books with the lines that they take there."""
WIDEST = 100
"""Most characters of a line of a derivation."""
MOST = 1.5
"""A derivation may have more lines than the book's by this factor."""

_token = re.compile(
    r"(?P<call>[^\W\d]\w*\()|[^\W\d]\w*|\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.[-+*/^]|(?P<open>\()|(?P<close>\))|[^\s\w*,;.]"
)


def symbols(text: str) -> int:
    """The tokens of ASCII text in the plain language, without `*`, separators and the parentheses of calls.

    >>> symbols("tr(A*B)'"), symbols("2*(A + B)*x"), symbols("P = inv(X); a .* P*b"), symbols("X[1,:]")
    (4, 7, 8, 5)
    """
    count = 0
    calls: list[bool] = []
    for token in _token.finditer(text):
        if token["call"] or token["open"]:
            calls.append(bool(token["call"]))
            count += 1
        elif token["close"]:
            count += not calls.pop()
        else:
            count += 1
    return count


@cache
def derivation(text: str, declare: str, wrt: str) -> md.Derivation:
    return md.derive(text, wrt=wrt, declare=declare or None)


def ours(entry: Entry) -> md.Expr:
    """matdiff's answer to the question of an entry."""
    found = derivation(entry["text"], entry["declare"], entry["wrt"])
    answer: md.Expr = getattr(found, entry["kind"])
    return answer


def printed(entry: Entry) -> str:
    """matdiff's answer as it is printed for people, with names for what is repeated, as in the book's."""
    d = derivation(entry["text"], entry["declare"], entry["wrt"])
    answer = Answer(d, 2 if entry["kind"] == "hessian" else 1)
    line = next(line for line in answer.lines() if line.key in KEYS[entry["kind"]])
    names = [s for s in topological(line.body.node) if isinstance(s, Symbol) and s.body is not None]
    parts = [f"{s.name} = {md.Expr(s.body).text(ascii=True, defined=False)}" for s in names if s.body is not None]
    return "; ".join([*parts, md.Expr(line.body.node).text(ascii=True, defined=False)])


KEYS = {
    "gradient": ("gradient", "derivative"),
    "jacobian": ("jacobian", "derivative"),
    "differential": ("differential",),
    "hessian": ("hessian",),
}


def ratio(entry: Entry) -> float:
    """Symbols of matdiff's answer for one of the book's."""
    plain = symbols(ours(entry).text(ascii=True))
    named = symbols(printed(entry)) if plain > symbols(entry["answer"]) else plain
    return min(plain, named) / symbols(entry["answer"])


def size(text: str, sizes: dict[str, int]) -> int:
    """A dimension such as `n`, `3` or `m*n`, a new name taking the next size."""
    pattern = sizes.setdefault("pattern", 0)
    product = 1
    for factor in text.split("*"):
        if factor.isdigit():
            product *= int(factor)
        else:
            product *= sizes.setdefault(factor, SIZES[pattern][len(sizes) - 1])
    return product


def matrix(words: list[str], rows: int, cols: int, flavour: int, rng: np.random.Generator) -> Any:
    """A matrix with the declared attributes."""
    M = (
        rng.standard_normal((rows, cols))
        if flavour % 2
        else np.eye(rows, cols) + 0.3 * rng.standard_normal((rows, cols))
    )
    if "positive" in words:
        M = abs(M) + 0.1
    if "spd" in words:
        return M @ M.T + np.eye(rows)
    if "orthogonal" in words:
        return np.linalg.qr(M)[0]
    if "skew" in words:
        return M - M.T
    if "diagonal" in words:
        return np.diag(np.diag(M))
    M = np.tril(M) if "lower" in words else np.triu(M) if "upper" in words else M
    return (M + M.T) / 2 if "symmetric" in words else M


def vector(words: list[str], length: int, flavour: int, rng: np.random.Generator) -> Any:
    v = rng.standard_normal(length) if flavour % 2 else rng.uniform(0.1, 0.9, length)
    if "positive" in words:
        v = abs(v) + 0.1
    if "simplex" in words:
        return abs(v) / np.sum(abs(v))
    return v / np.linalg.norm(v) if "unit" in words else v


def point(types: str, draw: int) -> dict[str, Any]:
    """Arrays for declarations as matdiff prints them, and a direction dX for each variable X."""
    rng = np.random.default_rng(draw)
    arrays: dict[str, Any] = {}
    sizes = {"pattern": draw // 2 % 2}
    for part in types.split("; "):
        name, _, spec = part.partition(": ")
        dims, *words = spec.split(" ")
        tangent = ["symmetric" if w == "spd" else w for w in words if w not in ("positive", "unit", "orthogonal")]
        for key, kept in ((name, words), (f"d{name}", tangent)):
            if dims == "scalar":
                arrays[key] = float(vector(kept, 1, draw, rng)[0])
            elif "×" in dims:
                rows, cols = (size(d, sizes) for d in dims.split("×"))
                arrays[key] = matrix(kept, rows, cols, draw, rng)
            else:
                arrays[key] = vector(kept, size(dims, sizes), draw, rng)
    return arrays


def pairs(entry: Entry) -> Iterator[tuple[Any, Any]]:
    """matdiff's answer and the book's at points of the domain of both."""
    types = derivation(entry["text"], entry["declare"], entry["wrt"]).types
    mine, book = ours(entry), md.parse(entry["answer"], declare=types)
    found = 0
    for draw in range(DRAWS):
        arrays = point(types, draw)
        try:
            yield mine.evaluate(**arrays), book.evaluate(**arrays)
        except md.DomainError:
            continue
        found += 1
        if found == POINTS:
            return
    raise AssertionError(f"no {POINTS} points of the domain in {DRAWS} draws")


def named(entries: list[Entry]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", [pytest.param(e, id=e["id"]) for e in entries])


@named(IDENTITIES)
def test_value(entry: Entry) -> None:
    for mine, book in pairs(entry):
        assert np.shape(mine) == np.shape(book)
        np.testing.assert_allclose(mine, book, rtol=1e-7, atol=1e-7 * float(np.max(np.abs(book), initial=0)))


@named(IDENTITIES)
def test_printed_form_reads_back(entry: Entry) -> None:
    types = derivation(entry["text"], entry["declare"], entry["wrt"]).types
    for ascii in (True, False):
        assert md.parse(ours(entry).text(ascii=ascii), declare=types) == ours(entry)


@named([e for e in IDENTITIES if "longer" not in e])
def test_form_is_about_as_short(entry: Entry) -> None:
    assert ratio(entry) <= LIMIT, f"{ours(entry).text(ascii=True)}   against   {entry['answer']}"


@named([e for e in IDENTITIES if "longer" in e])
def test_exception_is_needed(entry: Entry) -> None:
    assert ratio(entry) > LIMIT


def board(text: str, declare: str, wrt: str, order: int) -> tuple[list[str], list[tuple[str, str]]]:
    """The derivation's lines as they are printed, and of each its rule with the part that it is used on."""
    told = Answer(derivation(text, declare, wrt), order, steps=True).board
    lines = [f"{row.before} = {row.after}".lstrip() for row in all_rows(told, "unicode", set())]
    return lines, [(s.rule, s.before.text()) for steps, _ in told for s in steps if s.relation == "="]


@named(IDENTITIES)
def test_derivations_have_short_lines_and_use_no_rule_twice(entry: Entry) -> None:
    order = 2 if entry["kind"] == "hessian" else 1
    lines, uses = board(entry["text"], entry["declare"], entry["wrt"], order)
    assert max(map(len, lines)) <= WIDEST, max(lines, key=len)
    assert len(set(uses)) == len(uses), uses


@pytest.mark.parametrize("example", [pytest.param(e, id=f"{e['text']} by {e['wrt']}"[-60:]) for e in WORKED])
def test_derivations_take_about_as_many_lines_as_in_the_book(example: dict[str, Any]) -> None:
    lines, _ = board(example["text"], example.get("declare", ""), example["wrt"], example.get("order", 1))
    assert len(lines) <= MOST * example["lines"], "\n".join(lines)


def test_worked_examples_are_many() -> None:
    assert all(e["source"] and e["counted"] for e in WORKED)
    assert sum("page" in e or "address" in e for e in WORKED) >= 40


def test_exceptions_are_few() -> None:
    assert sum("longer" in e for e in IDENTITIES) < 0.01 * len(IDENTITIES)


def test_identities_are_many_and_distinct() -> None:
    gradients = sum(e["kind"] == "gradient" for e in IDENTITIES)
    assert gradients >= 150
    assert len(IDENTITIES) - gradients >= 80
    assert len({e["id"] for e in IDENTITIES}) == len(IDENTITIES)


@pytest.mark.parametrize(
    ("text", "jacobian"),
    [
        ("X\\X", "zeros(n*n,n*n)"),
        ("X\\X\\X", "eye(n*n)"),
        ("inv(X)*X*A", "zeros(n*n,n*n)"),
        ("X*A*inv(A)*inv(X)*X", "eye(n*n)"),
        ("inv(inv(X))*A", "kron(A', eye(n))"),
        ("x .* x .* x .* x .* x", "5*Diag(x.^4)"),
        ("Diag(x)^2*b", "2*Diag(x .* b)"),
        ("Diag(x)*A*Diag(x)*b", "Diag(A*(x .* b)) + Diag(x)*A*Diag(b)"),
        ("inv(Diag(x))*b", "-Diag(b ./ x.^2)"),
        (" .* ".join(["x"] * 2_000), "2000*Diag(x.^1999)"),
    ],
    ids=lambda text: text[:24],
)
def test_what_cancels_and_merges_in_the_jacobian(text: str, jacobian: str) -> None:
    X = "X" if "X" in text else "x"
    assert md.derive(text, wrt=X, declare="X: n×n; A: n×n; x: n; b: n").jacobian.text(ascii=True) == jacobian


@pytest.mark.parametrize(
    "text",
    [
        "kron(x, B)*v",
        "kron(A, u)*b",
        "kron(B, x)*E",
        "B*kron(y', E)",
        "B*kron(E, y')",
        "u*kron(x', y')",
        "kron(x', y')*kron(A, C)",
        "kron(A, B)*vec(X)",
        "u*kron(x, y)'",
        "kron(x, y)*u'",
        "kron(x, y)*kron(u, v)'",
        "kron(x, kron(y', B))",
        "kron(x', kron(y, B))",
        "kron(x', B)*vec(B'*u*a')",
        "vec(v*y')'*vec(X)",
        "vec(X')'*vec(C*A*X')",
        "kron(eye(1), B)*v",
        "kron(eye(3), u)*kron(x', C)",
        "kron(u, eye(3))*kron(x', y)",
        "kron(x, y')*kron(eye(3), u')",
        "kron(x', E)*kron(u', eye(8))",
        "inv(N)*kron(u', P)",
        "kron(y', E)*kron(x', vec(L)*v')",
        "kron(v*vec(L)', x)*kron(y, B)",
        "kron(u, P)*inv(N)",
    ],
)
def test_products_of_kronecker_products_keep_their_value_and_sides(text: str) -> None:
    """The normal form as a Hessian would show it, at sizes that are all different."""
    sizes = {"x": (2,), "a": (2,), "y": (3,), "b": (3,), "u": (4,), "v": (5,)}
    sizes |= {"A": (2, 3), "B": (4, 5), "C": (3, 2), "E": (5, 4), "X": (5, 3)}
    sizes |= {"N": (3, 3), "P": (3, 3), "L": (4, 3)}
    rng = np.random.default_rng(0)
    arrays = {name: rng.standard_normal(shape) for name, shape in sizes.items()}
    function = md.parse(text, declare="; ".join(f"{n}: {'×'.join(map(str, s))}" for n, s in sizes.items()))
    simple = md.Expr(normal(function.node), function.variables)
    np.testing.assert_allclose(simple.evaluate(**arrays), function.evaluate(**arrays))
    assert normal(simple.node) is simple.node


@pytest.mark.parametrize(
    ("text", "wrt", "declare", "hessian"),
    [
        ("b'*X'*D*X*c", "X", "X: m×n; D: m×m; b: n; c: n", "kron(b*c', D) + kron(c*b', D')"),
        ("(X*b + c)'*D*(X*b + c)", "X", "X: m×n; D: m×m; b: n; c: m", "kron(b*b', D + D')"),
        ("tr(kron(X, X))", "X", "X: n×n", "2*vec(eye(n))*vec(eye(n))'"),
        ("norm(x)^3", "x", "x: n", "3*(norm(x)*I + x*x'/norm(x))"),
        ("norm(x)^5", "x", "x: n", "5*norm(x)*(norm(x)^2*I + 3*x*x')"),
    ],
)
def test_hessians_are_as_short_as_their_simplest_differential(text: str, wrt: str, declare: str, hessian: str) -> None:
    assert md.derive(text, wrt=wrt, declare=declare).hessian.text(ascii=True) == hessian
