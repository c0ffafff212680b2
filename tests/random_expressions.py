"""Random well-typed expressions, and an oracle for their derivatives that shares nothing with the package.

    python tests/random_expressions.py --count 3000 --seed 1

writes a table: how many derivatives are right, how many expressions had no usable sample point, were refused,
are wrong, or let an exception escape that is no MatdiffError.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from grammar_table import ATOM, PRODUCTIONS, SUBKINDS, Production

import matdiff as md

Goal = tuple[str, ...]
Array = Any

LARGEST = 1e4
"""Largest entry of an intermediate value at a sample point; beyond it differences lose their digits."""
STEP = 4e-3
TOLERANCE = 1e-6
FORMS = ("text", "ascii", "latex")
NAMES = {
    "s": ["r", "s", "t", "alpha", "beta", "gamma", "theta"],
    "v": [*"abcdfghjlquvwxyz"],
    "M": [*"ABCDFGHJLMNOPQRSTUVWXYZ"],
}
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "s": ("",),
    "s+": ("", "positive"),
    "v": ("", "", "", "unit"),
    "v+": ("", "positive", "simplex"),
    "sym": ("symmetric", "symmetric", "diagonal"),
    "spd": ("spd", "spd", "diagonal positive"),
    "inv": ("", "", "orthogonal", "spd"),
    "M": ("", "", "", "", "symmetric", "skew", "diagonal", "lower", "upper", "orthogonal"),
}
PREAMBLE = "swish(t) = t*sigmoid(t)\n"


@dataclass(frozen=True, eq=False)
class Variable:
    name: str
    kind: str
    dims: tuple[str, ...]
    attribute: str = ""

    @property
    def declaration(self) -> str:
        shape = "×".join(self.dims) or "scalar"
        return f"{self.name}: {shape} {self.attribute}".strip()


@dataclass(eq=False)
class Term:
    """A node of the generator's tree: a variable, or a production applied to parts."""

    variable: Variable | None = None
    production: Production | None = None
    dims: dict[str, str] = field(default_factory=dict)
    parts: tuple[Term, ...] = ()
    name: str = ""


class Piece(str):
    """Text that puts itself into parentheses where the level asked for is above its own."""

    level: int

    def __new__(cls, text: str, level: int) -> Piece:
        made = super().__new__(cls, text)
        made.level = level
        return made

    def __format__(self, spec: str) -> str:
        return f"({self})" if spec and self.level < int(spec) else str(self)


def text(term: Term) -> Piece:
    """The expression in the language; parts with a name stand for themselves."""
    if term.name:
        return Piece(term.name, ATOM)
    return body(term)


def body(term: Term) -> Piece:
    if term.variable is not None:
        return Piece(term.variable.name, ATOM)
    assert term.production is not None
    parts = [text(p) for p in term.parts]
    return Piece(term.production.template.format(*parts, **term.dims), term.production.level)


def evaluate(term: Term, arrays: dict[str, Array], sizes: dict[str, int], memo: dict[int, Array]) -> Array:
    """The value by NumPy; ArithmeticError where it is too large or not finite."""
    if term.variable is not None:
        return arrays[term.variable.name]
    if id(term) not in memo:
        production = term.production
        assert production is not None
        parts = [evaluate(p, arrays, sizes, memo) for p in term.parts]
        value = production.value(*(sizes[term.dims[d]] for d in production.sizes), *parts)
        if np.iscomplexobj(value) or not np.all(np.abs(value) < LARGEST):
            raise ArithmeticError("the point is not usable")
        memo[id(term)] = value
    return memo[id(term)]


class Generator:
    """Grows terms; the same seed grows the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.variables: list[Variable] = []
        self.grown: dict[Goal, list[Term]] = {}
        self.count = 0

    def grow(self, goal: Goal, depth: int) -> Term:
        rng = self.random
        shared = self.grown.get(goal, [])
        if shared and rng.random() < 0.12:
            term = rng.choice(shared)
            term.name = term.name or f"part_{len([t for g in self.grown.values() for t in g if t.name]) + 1}"
            return term
        self.count += 1
        fitting = [(p, b) for p in PRODUCTIONS if (b := match(p, goal)) is not None and (depth > 0 or not p.parts)]
        if depth <= 0 or self.count > 45 or rng.random() < 0.12 or not fitting:
            return self.leaf(goal)
        production, dims = rng.choices(fitting, [p.weight for p, _ in fitting])[0]
        for letter in sorted({d for part in production.parts for d in part[1:]} | set(production.sizes)):
            dims.setdefault(letter, rng.choice("mnp"))
        parts = tuple(self.grow((p[0], *(dims[d] for d in p[1:])), depth - 1) for p in production.parts)
        term = Term(production=production, dims=dims, parts=parts)
        if parts:
            self.grown.setdefault(goal, []).append(term)
        return term

    def leaf(self, goal: Goal) -> Term:
        """A variable of the kind: an earlier one more often than a new one."""
        kind, dims = goal[0], goal[1:]
        known = [v for v in self.variables if v.kind == kind and v.dims == dims]
        if known and self.random.random() < 0.65:
            return Term(variable=self.random.choice(known))
        letter = {"s": "s", "v": "v"}.get(kind[0] if kind[:1] in "sv" and kind not in ("sym", "spd") else "", "M")
        taken = {v.name for v in self.variables}
        free = [c for c in NAMES[letter] if c not in taken] or [f"{NAMES[letter][0]}_{len(taken)}"]
        choices = ATTRIBUTES.get(kind, ("",))
        square = len(dims) == 2 and dims[0] == dims[1]
        attribute = self.random.choice(choices) if square or letter != "M" else ""
        variable = Variable(self.random.choice(free), kind, dims, attribute)
        self.variables.append(variable)
        return Term(variable=variable)


def match(production: Production, goal: Goal) -> dict[str, str] | None:
    """The dimensions of a production that reaches the goal."""
    kind, *dims = production.goal
    if kind not in SUBKINDS.get(goal[0], (goal[0],)) or len(dims) != len(goal) - 1:
        return None
    bound: dict[str, str] = {}
    for letter, actual in zip(dims, goal[1:], strict=True):
        if bound.setdefault(letter, actual) != actual:
            return None
    return bound


@dataclass(eq=False)
class Expression:
    """A function of the language: its text, its declarations, the variable to differentiate by, and its tree."""

    term: Term
    variables: list[Variable]
    wrt: Variable

    @property
    def declare(self) -> str:
        return "; ".join(v.declaration for v in self.variables)

    @property
    def text(self) -> str:
        lines = [f"{t.name} = {body(t)}" for t in definitions(self.term)]
        program = "\n".join([*lines, str(text(self.term))])
        return PREAMBLE + program if "swish" in program else program


def below(term: Term) -> Iterator[Term]:
    """Distinct parts, children before parents."""
    seen: set[int] = set()

    def visit(t: Term) -> Iterator[Term]:
        if id(t) not in seen:
            seen.add(id(t))
            for p in t.parts:
                yield from visit(p)
            yield t

    yield from visit(term)


def definitions(term: Term) -> list[Term]:
    return [t for t in below(term) if t.name]


GOALS: list[tuple[Goal, float]] = [
    (("s",), 8),
    (("v", "n"), 1),
    (("v", "m"), 0.5),
    (("M", "m", "n"), 1),
    (("M", "n", "n"), 1),
]


def expression(seed: int, depth: int = 8) -> Expression:
    """The expression of a seed; it has a variable, and one to differentiate by."""
    for attempt in range(100):
        generator = Generator(seed * 100 + attempt)
        rng = generator.random
        goal = rng.choices([g for g, _ in GOALS], [w for _, w in GOALS])[0]
        term = generator.grow(goal, rng.randint(2, depth))
        used = {t.variable for t in below(term) if t.variable is not None}
        variables = [v for v in generator.variables if v in used]
        if variables and term.parts and sizes_of(term) <= {d for v in variables for d in v.dims}:
            weights = [1 if v.attribute else 2 for v in variables]
            return Expression(term, variables, rng.choices(variables, weights)[0])
    raise AssertionError("no expression grew")


def sizes_of(term: Term) -> set[str]:
    """The dimensions that the text names."""
    return {
        t.dims[d] for t in below(term) if t.production is not None for d in "mnp" if f"{{{d}}}" in t.production.template
    }


# sample points


def draw(v: Variable, sizes: dict[str, int], rng: np.random.Generator) -> Array:
    """An array that has the attribute and the sign that its place in the expression needs."""
    shape = tuple(sizes[d] for d in v.dims)
    Z = rng.normal(size=shape)
    if "+" in v.kind or v.attribute == "positive":
        Z = rng.uniform(0.3, 2.0, size=shape)
    elif "1" in v.kind:
        Z = rng.uniform(-0.8, 0.8, size=shape)
    n = shape[0] if shape else 1
    if v.kind == "inv" and not v.attribute:
        return 3 * np.eye(n) + rng.uniform(-1, 1, size=shape)
    if v.attribute == "spd":
        return Z @ Z.T / n + np.eye(n)
    if v.attribute == "diagonal positive":
        return np.diag(rng.uniform(0.3, 2.0, size=n))
    if v.attribute == "orthogonal":
        return np.linalg.qr(Z)[0]
    if v.attribute == "unit":
        return Z / np.linalg.norm(Z)
    if v.attribute == "simplex":
        return Z / np.sum(Z)
    return float(Z) if not shape else tangent_part(v.attribute, Z, Z)


def tangent_part(attribute: str, X: Array, V: Array) -> Array:
    """V projected onto the tangent space at X."""
    match attribute:
        case "symmetric" | "spd":
            return (V + V.T) / 2
        case "skew":
            return (V - V.T) / 2
        case "diagonal" | "diagonal positive":
            return np.diag(np.diag(V))
        case "lower":
            return np.tril(V)
        case "upper":
            return np.triu(V)
        case "orthogonal":
            return (V - X @ V.T @ X) / 2
        case "unit":
            return V - (X @ V) * X
        case "simplex":
            return V - np.mean(V)
        case _:
            return V


def moved(v: Variable, X: Array, V: Array, t: float) -> Array:
    """The point at time t of a curve in the variable's set that starts at X with velocity V."""
    if v.attribute == "orthogonal":
        import scipy.linalg

        return X @ scipy.linalg.expm(t * X.T @ V)
    if v.attribute == "unit":
        speed = np.linalg.norm(V)
        return np.cos(speed * t) * X + np.sin(speed * t) * V / speed if speed else X
    return X + t * V


@dataclass
class Sample:
    sizes: dict[str, int]
    arrays: dict[str, Array]
    direction: Array
    value: Array
    along: Array
    error: float


def sample(e: Expression, rng: np.random.Generator, tries: int = 12) -> Sample | None:
    """A point at which differences of the function converge, with its derivative along a direction."""
    for _ in range(tries):
        sizes = {"m": int(rng.integers(2, 4)), "n": int(rng.integers(2, 5)), "p": int(rng.integers(2, 4))}
        arrays = {v.name: draw(v, sizes, rng) for v in e.variables}
        X = arrays[e.wrt.name]
        V = tangent_part(e.wrt.attribute, X, rng.normal(size=np.shape(X)))
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                value = evaluate(e.term, arrays, sizes, {})
                along, error = differences(e, arrays, sizes, V)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            continue
        if np.all(np.isfinite(along)) and error <= TOLERANCE / 20 * (1e-2 + np.max(np.abs(along))):
            return Sample(sizes, arrays, V, value, along, error)
    return None


def differences(e: Expression, arrays: dict[str, Array], sizes: dict[str, int], V: Array) -> tuple[Array, float]:
    """The derivative along V by Richardson's extrapolation of central differences, and what its last step changed."""

    def central(h: float) -> Array:
        ends = []
        for t in (h, -h):
            at = {**arrays, e.wrt.name: moved(e.wrt, arrays[e.wrt.name], V, t)}
            ends.append(np.asarray(evaluate(e.term, at, sizes, {}), dtype=float))
        return (ends[0] - ends[1]) / (2 * h)

    a, b, c = central(STEP), central(STEP / 2), central(STEP / 4)
    first, second = (4 * b - a) / 3, (4 * c - b) / 3
    return second, float(np.max(np.abs(first - second)))


# the examination


@dataclass
class Outcome:
    """`verdict`: right, no point, refused, wrong, escaped; `reason` says more."""

    verdict: str
    reason: str = ""
    seconds: float = 0.0


def examine(e: Expression, seed: int, forms: Sequence[str] = FORMS) -> Outcome:
    """Is the derivative of an expression right, and does it survive being printed?"""
    rng = np.random.default_rng(seed)
    started = time.perf_counter()
    try:
        found = sample(e, rng)
        started = time.perf_counter()
        d = md.derive(e.text, wrt=e.wrt.name, declare=e.declare)
        complaint = "" if found is None else compare(d, e, found, rng)
        complaint = complaint or printed(d, forms)
        seconds = time.perf_counter() - started
    except (md.ParseError, md.ShapeError) as error:
        return Outcome("wrong", f"well typed, yet {type(error).__name__}: {error}", time.perf_counter() - started)
    except md.MatdiffError as error:
        return Outcome("refused", f"{type(error).__name__}: {error.message}", time.perf_counter() - started)
    except Exception:
        return Outcome("escaped", traceback.format_exc(limit=-3), time.perf_counter() - started)
    if complaint:
        return Outcome("wrong", complaint, seconds)
    return Outcome("no point" if found is None else "right", "", seconds)


def compare(d: md.Derivation, e: Expression, at: Sample, rng: np.random.Generator) -> str:
    """What is wrong with the value or the derivative, or an empty string."""
    if not close(d.evaluate(**at.arrays), at.value, np.max(np.abs(at.value))):
        return f"value: got {d.evaluate(**at.arrays)}, expected {at.value}"
    if d.function.kind == "scalar":
        G = d.gradient.evaluate(**at.arrays)
        if np.shape(G) != np.shape(at.direction):
            return f"the gradient has the shape {np.shape(G)}"
        if not close(np.vdot(G, at.direction), at.along, np.linalg.norm(G) * np.linalg.norm(at.direction)):
            return f"gradient: got {np.vdot(G, at.direction)}, expected {at.along}"
        return ""
    forward = d.jvp(at.direction, **at.arrays)
    if not close(forward, at.along, np.max(np.abs(at.along))):
        return f"jvp: got {forward}, expected {at.along}"
    Y = rng.normal(size=np.shape(at.value))
    back = d.vjp(Y, **at.arrays)
    if not close(np.vdot(back, at.direction), np.vdot(Y, forward), np.linalg.norm(back) * np.linalg.norm(at.direction)):
        return f"vjp: got {np.vdot(back, at.direction)}, expected {np.vdot(Y, forward)}"
    return jacobian(d, at, forward)


def jacobian(d: md.Derivation, at: Sample, forward: Array) -> str:
    try:
        J = d.jacobian.evaluate(**at.arrays)
    except md.UnsupportedError:
        return ""
    if np.ndim(at.direction) == 0:
        got = J * at.direction
    else:
        got = np.reshape(J @ np.ravel(at.direction, order="F"), np.shape(forward), order="F")
    return "" if close(got, forward, np.max(np.abs(forward))) else f"jacobian: got {got}, expected {forward}"


def close(got: Array, expected: Array, scale: Any) -> bool:
    return bool(np.shape(got) == np.shape(expected) and np.all(np.abs(got - expected) <= TOLERANCE * (1e-2 + scale)))


def printed(d: md.Derivation, wanted: Sequence[str]) -> str:
    """What does not survive being printed and read again, or an empty string."""
    answers = {"function": d.function, "differential": d.differential}
    if d.function.kind == "scalar":
        answers["gradient"] = d.gradient
    for name, answer in answers.items():
        forms = {
            "text": (str(answer), "plain"),
            "ascii": (answer.text(ascii=True), "plain"),
            "latex": (answer.latex(), "latex"),
        }
        for form in wanted:
            shown, dialect = forms[form]
            try:
                back = md.parse(shown, declare=d.types, dialect=dialect)
            except md.MatdiffError as error:
                return f"{name} as {form} is not read: {shown}\n    {error}"
            if back != answer:
                return f"{name} as {form} reads differently: {shown}\n    as {back}"
    return ""


def shrunk(e: Expression, seed: int, forms: Sequence[str], tries: int = 60) -> tuple[Expression, Outcome]:
    """The smallest part of an expression that fails in the same way."""
    outcome = examine(e, seed, forms)
    failing = category(outcome)
    terms = sorted((t for t in below(e.term) if t.parts), key=lambda t: len(body(t)))
    for term in terms[:tries]:
        used = {t.variable for t in below(term) if t.variable is not None}
        variables = [v for v in e.variables if v in used]
        for wrt in [e.wrt, *variables] if e.wrt in used else variables:
            smaller = Expression(term, variables, wrt)
            found = examine(smaller, seed, forms)
            if category(found) == failing:
                return smaller, found
    return e, outcome


def category(o: Outcome) -> str:
    """A wrong outcome up to the first colon of its reason, an escaped one up to the exception."""
    where = o.reason.strip().splitlines()
    return f"{o.verdict} {(where[-1] if o.verdict == 'escaped' else where[0] if where else '').split(':')[0]}"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--count", type=int, default=3000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--depth", type=int, default=8)
    options.add_argument("--forms", default=",".join(FORMS), help="printed forms that are read back, or none")
    options.add_argument("--show", type=int, help="one expression of the run, and what is said of it")
    given = options.parse_args()
    first = given.seed * 1_000_000
    forms = [f for f in FORMS if f in given.forms.split(",")]
    numbers = [given.show] if given.show is not None else range(given.count)
    outcomes = {}
    for i in numbers:
        e = expression(first + i, given.depth)
        outcomes[i] = examine(e, first + i, forms)
        if given.show is not None:
            print(f"declare={e.declare!r}, wrt={e.wrt.name!r}\n{e.text}")
    return report(outcomes, first, given.depth, forms)


def report(outcomes: dict[int, Outcome], first: int, depth: int, forms: Sequence[str]) -> int:
    counts = Counter(o.verdict for o in outcomes.values())
    for verdict in ("right", "no point", "refused", "wrong", "escaped"):
        print(f"{verdict:10} {counts[verdict]:6}  {counts[verdict] / len(outcomes):6.1%}")
    reasons = Counter(o.reason.splitlines()[0][:110] for o in outcomes.values() if o.verdict == "refused")
    for reason, count in reasons.most_common():
        print(f"  refused {count:4}: {reason}")
    for i, o in outcomes.items():
        if o.verdict in ("wrong", "escaped"):
            e, o = shrunk(expression(first + i, depth), first + i, forms)
            print(f"\n{o.verdict.upper()} {i}: declare={e.declare!r}, wrt={e.wrt.name!r}\n  {e.text!r}\n  {o.reason}")
    slowest = sorted(outcomes.items(), key=lambda item: -item[1].seconds)[:5]
    print("slowest: " + ", ".join(f"{i}: {o.seconds:.2f} s" for i, o in slowest))
    return 1 if counts["wrong"] or counts["escaped"] else 0


if __name__ == "__main__":
    sys.exit(main())
