"""A record alone is enough: functions of a user's own, each given as one record, go through every engine.

    python tests/ops/test_whole_records.py            takes out of tables.toml what is gone
    python tests/ops/test_whole_records.py --grow     writes it anew, with what has come as well

tables.toml lists the tables outside matdiff/ops that name functions, and why they stay; it may only shrink.
"""

from __future__ import annotations

import ast
import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.cli.rules import about
from matdiff.codegen.emit.module import begins_with_argument
from matdiff.codegen.explain import operations
from matdiff.core.node import Apply, Node
from matdiff.core.op import Facts, Mistake, Op, elementwise, linear, nonlinear, registry, words
from matdiff.interop.explicit import explicit, named
from matdiff.ops.algebra import inner, size
from matdiff.ops.constants import ones
from matdiff.ops.elementwise import exp
from matdiff.ops.linalg import det, inv
from matdiff.ops.structure import Diag, diag
from matdiff.solution.steps import check_steps
from matdiff.verify.exact import certify
from tests.test_layers import files

STEP = 1e-3
SIZES = {"m": 3, "n": 2}


def centred(X: Node) -> Node:
    one = ones("vector", X.rows)
    return X - one @ (one.T @ X) / size(X.rows)


def logvol_differential(X: Node, dX: Node) -> Node:
    volume = det(X.T @ X)
    return 2 * volume / (1 + volume) * inner(X @ inv(X.T @ X), dX)


def made() -> dict[str, Op]:
    """One record each, as a user writes them; `defined` have a definition, the others code alone."""
    own: dict[str, Op] = {}
    rows = "({0} - {0}.mean(axis=0))"
    own["cen"] = linear("cen", "(m,n)->(m,n)", lambda Y, X: own["cen"](Y), numpy=rows)
    own["cendef"] = linear("cendef", "(m,n)->(m,n)", lambda Y, X: own["cendef"](Y), numpy=rows, definition=centred)
    turned = "{0}[::-1]"
    own["flip"] = linear(
        "flip", "(n)->(n)", lambda y, x: own["flip"](y), numpy=turned, torch="{0}.flip(0)", law="flip is linear"
    )
    own["twice"] = linear("twice", "(...)->(...)", lambda Y, X: own["twice"](Y), numpy="2 * {0}")
    own["spread"] = linear("spread", "(),(n)->(n)", lambda y, s, x: y.T @ x, lambda y, s, x: s * y, numpy="{0} * {1}")
    code = "({0}.T * {1}).T"
    adjoints = lambda name: (lambda Y, A, x: own[name](Y, x), lambda Y, A, x: diag(Y @ A.T))  # noqa: E731
    own["weigh"] = linear("weigh", "(m,n),(m)->(m,n)", *adjoints("weigh"), numpy=code)
    own["weighdef"] = linear(
        "weighdef", "(m,n),(m)->(m,n)", *adjoints("weighdef"), numpy=code, definition=lambda A, x: Diag(x) @ A
    )
    own["logvol"] = nonlinear(
        "logvol",
        "(m,n)->()",
        logvol_differential,
        numpy="np.log(1 + np.linalg.det({0}.T @ {0}))",
        torch="torch.log(1 + torch.linalg.det({0}.T @ {0}))",
        definition=lambda X: registry["log"](1 + det(X.T @ X)),
        law="d log(1 + det XᵀX)",
    )
    own["gram"] = nonlinear(
        "gram",
        "(m,n)->(n,n)",
        lambda X, dX: dX.T @ X + X.T @ dX,
        numpy="{0}.T @ {0}",
        gives="symmetric",
        definition=lambda X: X.T @ X,
    )
    own["bump"] = elementwise(
        "bump",
        lambda x: -2 * x * own["bump"](x),
        numpy="np.exp(-({0} ** 2))",
        definition=lambda x: exp(-(x**2)),
        gives="positive",
    )
    return own


@pytest.fixture(scope="module", autouse=True)
def own() -> Iterator[dict[str, Op]]:
    ops, spoken = dict(registry), {w: list(r) for w, r in words.items()}
    yield made()
    for table, before in ((registry, ops), (words, spoken)):
        table.clear()  # type: ignore[attr-defined]
        table.update(before)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Case:
    """A function of the user's own by a variable, and its value by NumPy."""

    text: str
    wrt: str
    declare: str
    value: Callable[..., Any]
    defined: bool = True


X, AX = "X: m×n", "A: m×n; x: m"
CASES = [
    Case("cen(X)", "X", X, lambda X: X - X.mean(axis=0), False),
    Case("norm(cen(X))^2/2", "X", X, lambda X: np.sum((X - X.mean(axis=0)) ** 2) / 2, False),
    Case("cendef(X)*y", "X", "X: m×n; y: n", lambda X, y: (X - X.mean(axis=0)) @ y),
    Case("norm(cendef(X))^2/2", "X", X, lambda X: np.sum((X - X.mean(axis=0)) ** 2) / 2),
    Case("flip(x .* x)", "x", "x: n", lambda x: (x * x)[::-1], False),
    Case("x'*flip(x)", "x", "x: n", lambda x: x @ x[::-1], False),
    Case("twice(X)", "X", X, lambda X: 2 * X, False),
    Case("twice(x)", "x", "x: n", lambda x: 2 * x, False),
    Case("twice(x')*A", "x", "x: n; A: n×m", lambda x, A: (2 * x @ A)[None, :], False),
    Case("norm(spread(t*t,x))^2", "t", "t: scalar; x: n", lambda t, x: t**4 * x @ x, False),
    Case("spread(t,x)", "t", "t: scalar; x: n", lambda t, x: t * x, False),
    Case("spread(x'*x,x)", "x", "x: n", lambda x: x @ x * x, False),
    Case("weigh(A,x)", "x", AX, lambda A, x: A * x[:, None], False),
    Case("weigh(A,x)", "A", AX, lambda A, x: A * x[:, None], False),
    Case("norm(weigh(A,x))^2/2", "x", AX, lambda A, x: np.sum((A * x[:, None]) ** 2) / 2, False),
    Case("weighdef(A,x)", "A", AX, lambda A, x: A * x[:, None]),
    Case("norm(weighdef(A,x))^2/2", "x", AX, lambda A, x: np.sum((A * x[:, None]) ** 2) / 2),
    Case("logvol(X)", "X", X, lambda X: np.log(1 + np.linalg.det(X.T @ X))),
    Case("a'*gram(X)*a", "X", "X: m×n; a: n", lambda X, a: a @ X.T @ X @ a),
    Case("gram(X)", "X", X, lambda X: X.T @ X),
    Case("sum(bump(A'*x))", "x", AX, lambda A, x: np.sum(np.exp(-((A.T @ x) ** 2)))),
    Case("bump(x)", "x", "x: m", lambda x: np.exp(-(x**2))),
]
each = pytest.mark.parametrize("c", CASES, ids=lambda c: f"{c.text} by {c.wrt}")


@cache
def derivation(c: Case) -> md.Derivation:
    return md.derive(c.text, wrt=c.wrt, declare=c.declare)


def arrays(c: Case) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    shapes = (d.split(":") for d in c.declare.split(";"))
    dims = {n.strip(): s.strip().split("×") for n, s in shapes}
    return {n: rng.normal(size=[] if s == ["scalar"] else [SIZES[k] for k in s]) for n, s in dims.items()}


def is_scalar(c: Case) -> bool:
    return derivation(c).function.kind == "scalar"


def matrix_of(f: Callable[[Any], Any], at: Any) -> Any:
    """The Jacobian by differences, one column an entry of the argument, by columns."""
    columns = []
    for k in range(at.size):
        V = np.reshape(np.eye(at.size)[k], at.shape, order="F")

        def central(h: float, V: Any = V) -> Any:
            return (np.asarray(f(at + h * V)) - np.asarray(f(at - h * V))) / (2 * h)

        columns.append(np.ravel((4 * central(STEP / 2) - central(STEP)) / 3, order="F"))
    return np.array(columns).T


def agree(got: Any, expected: Any, tolerance: float = 1e-7) -> None:
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * max(1.0, np.max(np.abs(expected))))


def by(c: Case, f: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda V: f(**{**arrays(c), c.wrt: V})


@each
def test_values_and_the_jacobian(c: Case) -> None:
    d, at = derivation(c), arrays(c)
    agree(d.evaluate(**at), c.value(**at), 1e-12)
    J, expected = d.jacobian.evaluate(**at), matrix_of(by(c, c.value), at[c.wrt])
    agree(np.reshape(J, expected.shape, order="F") if np.ndim(at[c.wrt]) == 0 else np.atleast_2d(J), expected)


@each
def test_the_hessian(c: Case) -> None:
    d, at = derivation(c), arrays(c)
    if not is_scalar(c):
        assert d.verify(order=1).passed
        return
    agree(d.hessian.evaluate(**at), matrix_of(by(c, d.gradient.evaluate), at[c.wrt]))
    assert d.verify(order=2).passed


@each
def test_the_steps(c: Case) -> None:
    d = derivation(c)
    assert d.steps
    assert all(ok is True for ok in check_steps(d))


@each
@pytest.mark.parametrize("form", ["text", "ascii", "latex"])
def test_printed_and_read_again(c: Case, form: str) -> None:
    d = derivation(c)
    for e in (d.function, d.differential, d.jacobian, *((d.gradient, d.hessian) if is_scalar(c) else ())):
        shown = e.latex() if form == "latex" else e.text(ascii=form == "ascii")
        assert md.parse(shown, declare=d.types, dialect="latex" if form == "latex" else "plain") == e, shown


@each
def test_the_certificate(c: Case) -> None:
    """Where there is no definition, nothing is said but which function it is for."""
    found = certify(derivation(c))
    assert found.holds is (True if c.defined else None), str(found)
    assert c.defined or found.why.split()[0] in c.text


@each
def test_the_complex_step(c: Case) -> None:
    assert derivation(c).verify(method="complex").passed


@each
def test_the_entries(c: Case) -> None:
    d = md.derive(c.text, wrt=c.wrt, declare=c.declare.replace("m", "3").replace("n", "2"))
    if not c.defined and any(name in str(d.jacobian) for name in ("cen", "flip", "weigh", "twice", "spread")):
        with pytest.raises(md.UnsupportedError, match="no formula for its entries"):
            explicit(d)
        return
    at, J = arrays(c), explicit(d)
    expected = (d.gradient if is_scalar(c) else d.jacobian).evaluate(**at)
    numbers = {s: x for v, M in named(d).items() for s, x in zip(M, at[v.name].ravel(), strict=True)}
    agree(np.array(J.subs(numbers).evalf(), dtype=float).reshape(np.shape(expected)), expected)


@each
def test_sympy(c: Case) -> None:
    d = derivation(c)
    if not c.defined:
        with pytest.raises(md.UnsupportedError, match="SymPy has no matrix expression for"):
            d.function.to_sympy()
        return
    back = md.from_sympy(d.function.to_sympy())
    agree(back.evaluate(**arrays(c)), c.value(**arrays(c)), 1e-12)


@each
@pytest.mark.parametrize("library", ["numpy", "jax", "torch"])
def test_code(c: Case, library: str) -> None:
    d, at = derivation(c), arrays(c)
    if library != "numpy":
        module = pytest.importorskip(library)
        if library == "jax":
            module.config.update("jax_enable_x64", True)
    taken = {k: module.as_tensor(a) for k, a in at.items()} if library == "torch" else at
    for e in (d.function, d.jacobian, *((d.gradient, d.hessian) if is_scalar(c) else ())):
        call = e.compile(library)
        agree(np.asarray(call(**{v.name: taken[v.name] for v in e.variables})), e.evaluate(**at), 1e-9)


VIEWED = ["{0}", "{0}[::-1]", "{0}.T.T", "np.asarray({0})", "np.flip({0}).reshape(-1)", "np.flip(np.ravel({0}))"]


@pytest.mark.parametrize("code", VIEWED)
def test_results_share_no_memory_with_what_was_given(code: str) -> None:
    linear("viewed", "(n)->(n)", lambda y, x: y, numpy=code)
    try:
        x = np.ones(3)
        for text in ("viewed(x)", "viewed(viewed(x))"):
            assert not np.shares_memory(md.parse(text, declare="x: n").compile()(x=x), x)
    finally:
        md.forget("viewed")


@pytest.mark.parametrize(
    "code", ["2 * {0}", "np.sin({0})", "{0} @ {0}.T", "np.linalg.inv({0})[0]", "np.dot({0}, {0}).T"]
)
def test_what_makes_an_array_is_not_copied(code: str) -> None:
    assert not begins_with_argument(code.format("field_0"))


def test_the_rules_page(own: dict[str, Op]) -> None:
    for name, op in own.items():
        assert name in about(None)
        assert op.signature in about(name)


def test_a_wrong_rule_is_refused_by_every_witness() -> None:
    rules = {
        "off": linear("off", "(n)->(n)", lambda y, x: 2 * y, numpy="3*{0}", definition=lambda x: 3 * x),
        "steep": elementwise("steep", lambda x: x**2, numpy="{0}**2", definition=lambda x: x**2),
    }
    for name in rules:
        d = md.derive(f"sum({name}(x))", wrt="x", declare="x: n")
        assert d.verify().passed is False
        assert d.verify(method="complex").passed is False
        assert certify(d).holds is False


def test_a_definition_that_leads_back_is_refused() -> None:
    record: dict[str, Op] = {}
    record["round"] = nonlinear(
        "circular", "(n)->(n)", lambda x, dx: dx, numpy="{0}", definition=lambda x: record["round"](x)
    )
    with pytest.raises(md.UnsupportedError, match="the definition of circular leads back to circular"):
        md.derive("circular(x)", wrt="x", declare="x: n").verify(method="complex")


def test_by_a_formula() -> None:
    md.elementwise("swish", "t/(1 + exp(-t))")
    try:
        d = md.derive("sum(swish(A*x))", wrt="x")
        assert d.verify(method="complex").passed
        assert certify(d).holds is True
        d = md.derive("swish(x)", wrt="x", declare="x: 2")
        assert "exp" in str(explicit(d))
    finally:
        md.forget("swish")


def test_by_the_entries_of_its_value() -> None:
    """In place of a definition: certificates, complex steps, entries; what is written wrong is refused."""
    fields = {"numpy": "{0}[::-1]", "entries": lambda np, x: x[::-1]}
    turned = linear("turned", "(n)->(n)", lambda y, x: turned(y), **fields)
    linear("misturned", "(n)->(n)", lambda y, x: y, **fields)
    try:
        d = md.derive("x'*turned(x)", wrt="x", declare="x: 3")
        assert certify(d).holds is True
        assert d.verify(method="complex").passed
        assert str(explicit(d).tolist()) == "[[2*x3], [2*x2], [2*x1]]"
        assert certify(md.derive("x'*misturned(x)", wrt="x", declare="x: 3")).holds is False
    finally:
        md.forget("turned")
        md.forget("misturned")


def test_by_its_value_over_a_prime_field() -> None:
    fields = {
        "numpy": "np.arctan({0})",
        "modular": lambda F: (lambda a: F.odd("arc", a), lambda a: F.reciprocal(1 + a * a)),
    }
    elementwise("arc", lambda x: 1 / (1 + x**2), analytic="arctan", **fields)
    elementwise("misarc", lambda x: 1 / (1 + x), **fields)
    try:
        found = certify(md.derive("sum(arc(A*x))", wrt="x"))
        assert found.holds is True and found.free == ("arc",)
        assert md.derive("sum(arc(A*x))", wrt="x").verify(method="complex").passed
        assert certify(md.derive("sum(misarc(A*x))", wrt="x")).holds is None
    finally:
        md.forget("arc")
        md.forget("misarc")


def test_by_an_expression_of_sympy() -> None:
    twofold = linear(
        "twofold", "(m,n)->(m,n)", lambda Y, X: twofold(Y), numpy="2*{0}", sympy=lambda sp, node, X: sp.MatMul(2, X)
    )
    try:
        e = md.parse("A*twofold(X)", declare="A: p×m; X: m×n")
        assert md.from_sympy(e.to_sympy()) == md.parse("2*A*X", declare="A: p×m; X: m×n")
    finally:
        md.forget("twofold")


def test_identities_costs_and_mistakes() -> None:
    """What a record says is simpler, how much it costs, and which wrong rule is told."""

    def simpler(known: Facts, node: Apply, x: Node) -> Node | None:
        return x.children[0] if x.op is node.op else None

    reads = Mistake(lambda x, dx: dx, "d cubed(u) = du", "3u² ⊙ du")
    turned = linear("turned", "(n)->(n)", lambda y, x: turned(y), numpy="{0}[::-1]", simplify=simpler, cost="2*m0*m/3")
    elementwise("cubed", lambda x: 3 * x**2, numpy="{0}**3", definition=lambda x: x**3, mistakes=(reads,))
    try:
        d = md.derive("y'*turned(x)", wrt="x", declare="x: n; y: n")
        assert isinstance(d.gradient.node, Apply) and operations(d.gradient.node, lambda n: 7) == 2 * 7 * 7 // 3
        assert str(md.derive("turned(y)'*turned(x)", wrt="x", declare="x: n; y: n").gradient) == "y"
        found = md.check_claim("sum(cubed(x))", "ones(n)", "x", "x: n")
        assert "d cubed(u) = du" in str(found)
    finally:
        md.forget("turned")
        md.forget("cubed")


def test_what_a_record_brings_along_is_forgotten_with_it() -> None:
    linear("brief", "(m,n)->(m,n)", lambda Y, X: Y, numpy="{0}")
    assert "brief_columns" in registry and "brief_columns" in words
    md.forget("brief")
    assert "brief_columns" not in registry and "brief_columns" not in words


# the tables


LISTED = Path(__file__).parents[1] / "tables.toml"
NAMES = frozenset(registry)
"""The functions of the language, whatever a test registers later on."""
FEW = 2
"""Names of functions that make a table."""


@cache
def sections() -> dict[str, dict[str, dict[str, Any]]]:
    return tomllib.loads(LISTED.read_text(encoding="utf-8"))


@cache
def listed() -> dict[str, list[str]]:
    return {table: entry["names"] for section in sections().values() for table, entry in section.items()}


def tables() -> dict[str, list[str]]:
    """Assignments at the head of modules outside matdiff/ops whose literals name functions of the language."""
    found: dict[str, list[str]] = {}
    for module, path in files().items():
        if ".ops" in module:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                said = sorted(spoken(node.value) & NAMES)
                if len(said) >= FEW:
                    name = f"{module}.{ast.unparse(target)}"
                    found[name] = sorted({*said, *found.get(name, ())})
    return found


def spoken(value: ast.AST) -> set[str]:
    """The words of the strings in a table: "sin cos tan" names three."""
    texts = (n.value for n in ast.walk(value) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return {w for text in texts if all(w.isidentifier() for w in text.split()) for w in text.split()}


def test_no_table_outside_of_the_records_names_functions_but_the_listed_ones() -> None:
    new = {table: sorted(set(said) - set(listed().get(table, ()))) for table, said in tables().items()}
    assert {table: said for table, said in new.items() if said} == {}


def test_each_table_that_stays_says_why() -> None:
    assert [t for section in sections().values() for t, entry in section.items() if len(entry["why"].split()) < 3] == []


def test_the_list_of_tables_only_shrinks() -> None:
    """What is gone is taken out of it: python tests/ops/test_whole_records.py."""
    now = tables()
    gone = {t: sorted(set(said) - set(now.get(t, ()))) for t, said in listed().items()}
    assert {t: said for t, said in gone.items() if said} == {}


HEADINGS = {
    "functions": "Tables outside matdiff/ops that name functions: this list may only shrink.",
    "words": "Tables of words, of LaTeX's commands or of heads of trees, some of which are names of functions as well.",
}


def written(grow: bool) -> str:
    now, lines = tables(), []
    place = {table: section for section, entries in sections().items() for table in entries}
    for section, heading in HEADINGS.items():
        lines += [f"# {heading}", ""]
        for table, said in sorted(now.items()):
            kept = [name for name in said if grow or name in listed().get(table, ())]
            if len(kept) >= FEW and place.get(table, "functions") == section:
                why = sections()[section][table]["why"] if table in place else ""
                lines += [
                    f'[{section}."{table}"]',
                    f"names = {json.dumps(kept)}",
                    f"why = {json.dumps(why, ensure_ascii=False)}",
                    "",
                ]
    return "\n".join(lines)


if __name__ == "__main__":
    LISTED.write_text(written("--grow" in sys.argv), encoding="utf-8")
