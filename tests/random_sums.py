"""Random sums over an index, typed in LaTeX and in plain text, against the same sums evaluated by loops.

Run as a script: python tests/random_sums.py --count 2000 --seed 1
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np

import matdiff as md

N, M, D = 4, 3, 2
SIZES = {"N": N, "M": M}
At = dict[str, int]
Value = Callable[[At], Any]
Piece = tuple[str, str, Value]
"""LaTeX, plain text, and the value for given indices."""

FUNCTIONS = (
    (r"\tanh({})", "tanh({})", np.tanh),
    (r"\sin({})", "sin({})", np.sin),
    (r"e^{{{}/4}}", "exp({}/4)", lambda v: np.exp(v / 4)),
    (r"\log(1+({})^2)", "log(1+({})^2)", lambda v: np.log(1 + v**2)),
    (r"\sqrt{{2+({})^2}}", "sqrt(2+({})^2)", lambda v: np.sqrt(2 + v**2)),
    (r"({})^2", "({})^2", lambda v: v**2),
    (r"({})^3", "({})^3", lambda v: v**3),
    (r"\max(0,{})", "max(0,{})", lambda v: np.maximum(0, v)),
    (r"\frac{{1}}{{3+({})^2}}", "1/(3+({})^2)", lambda v: 1 / (3 + v**2)),
    (r"\sigma({}+0)", "sigmoid({})", lambda v: 1 / (1 + np.exp(-v))),
)
RELATIONS: dict[str, Callable[[int, int], bool]] = {
    r"\neq": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    r"\le": lambda a, b: a <= b,
}


class Sums:
    """One random function of families X (rows x_i), Z (rows z_k), y, t, W, R, and of w, A, c."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        rng = np.random.default_rng(seed)
        shapes: dict[str, tuple[int, ...]] = {
            "X": (N, D), "Z": (M, D), "y": (N,), "v": (M,), "W": (N, N), "R": (N, M), "w": (D,), "A": (D, D), "c": (),
            "Omega": (N, M), "B": (N, D, D),
        }  # fmt: skip
        self.arrays: dict[str, Any] = {name: rng.normal(size=shape) for name, shape in shapes.items()}
        self.arrays["Omega"] = (self.arrays["Omega"] > 0).astype(float)
        self.arrays["c"] = float(self.arrays["c"])
        self.used: dict[str, None] = {}

    def pick(self, *some: Any) -> Any:
        return self.random.choice(some)

    def array(self, name: str) -> Any:
        self.used[name] = None
        return self.arrays[name]

    # vectors and scalars under the indices around them, each index of length N ("N") or M

    def vector(self, at: dict[str, str], depth: int) -> Piece:
        kind = self.pick("member", "member", "member", "fixed", "image", "difference", "scaled")
        if kind == "fixed" or not at or depth <= 0:
            if at and kind != "fixed":
                return self.member(at)
            w = self.array("w")
            return "w", "w", lambda _: w
        if kind == "member":
            return self.member(at)
        a = self.vector(at, depth - 1)
        if kind == "image":
            A = self.array("A")
            return f"A({a[0]})" if " " in a[0] else f"A {a[0]}", f"A*({a[1]})", lambda i: A @ a[2](i)
        if kind == "scaled":
            s = self.scalar(at, 0)
            return f"({s[0]}) \\cdot ({a[0]})", f"({s[1]})*({a[1]})", lambda i: s[2](i) * a[2](i)
        b = self.vector(at, depth - 1)
        return f"({a[0]} - {b[0]})", f"({a[1]} - {b[1]})", lambda i: a[2](i) - b[2](i)

    def member(self, at: dict[str, str]) -> Piece:
        index = self.pick(*at)
        name = "X" if at[index] == "N" else "Z"
        array = self.array(name)
        typed = f"{name.lower()}_{index}"
        return typed, typed, lambda i: array[i[index]]

    def entry(self, at: dict[str, str]) -> Piece:
        index = self.pick(*at)
        others = [j for j in at if at[j] == "M"] if at[index] == "N" else []
        if at[index] == "N" and self.random.random() < 0.25:
            return self.written(index, at)
        if others and self.random.random() < 0.5:
            array, j = self.array("R"), self.pick(*others)
            return f"r_{{{index}{j}}}", f"r_{index}{j}", lambda i: array[i[index], i[j]]
        if at[index] == "N" and self.random.random() < 0.3:
            array, j = self.array("W"), self.pick(*(j for j in at if at[j] == "N"))
            typed = self.pick(f"w_{{{index}{j}}}", f"w_{{{index},{j}}}")
            return typed, f"w_{index}{j}", lambda i: array[i[index], i[j]]
        name = "y" if at[index] == "N" else "v"
        array = self.array(name)
        return f"{name}_{index}", f"{name}_{index}", lambda i: array[i[index]]

    def written(self, i: str, at: dict[str, str]) -> Piece:
        """Entries of expressions, the index as a number, forms of matrices with an index, three indices."""
        kind = self.pick("image", "number", "form", "trace", "three", "positive")
        if kind == "image":
            W, y = self.array("W"), self.array("y")
            return f"(W y)_{{{i}}}", NONE, lambda p: (W @ y)[p[i]]
        if kind == "number":
            return f"{i}/4", f"{i}/4", lambda p: (p[i] + 1) / 4
        if kind in ("form", "trace"):
            B, X = self.array("B"), self.array("X")
            if kind == "trace":
                A = self.array("A")
                return f"\\operatorname{{tr}}(B_{i} A)", NONE, lambda p: np.trace(B[p[i]] @ A)
            w = self.array("w")
            return f"x_{i}^\\top B_{i} w", NONE, lambda p: X[p[i]] @ B[p[i]] @ w
        if kind == "three":
            R, j = self.array("R"), self.pick(*(j for j in at if at[j] == "N"))
            m = next(c for c in "mnpq" if c not in at)
            v = self.array("v")
            typed = f"(\\sum_{{{m}=1}}^M r_{{{i}{m}}} v_{m} r_{{{j}{m}}})"
            return typed, NONE, lambda p: R[p[i]] @ (v * R[p[j]])
        y = self.array("y")
        return (
            f"\\begin{{cases}} y_{i} & y_{i} \\le 0.1 \\\\ 1 - y_{i}^2 & \\text{{otherwise}} \\end{{cases}}", NONE,
            lambda p: y[p[i]] if y[p[i]] <= 0.1 else 1 - y[p[i]] ** 2,
        )  # fmt: skip

    def scalar(self, at: dict[str, str], depth: int) -> Piece:
        kinds = ["entry", "inner", "entry"] if at else ["c"]
        if depth > 0:
            kinds += ["plus", "times", "function", "function", "norm", "form"]
            kinds += ["sum"] * 2 if len(at) < 2 else []
            kinds += ["larger", "largest"] if at else []
        kind = self.pick(*kinds)
        if kind == "c":
            c = self.array("c")
            return "c", "c", lambda _: c
        if kind == "entry":
            return self.entry(at)
        if kind == "sum":
            return self.sum(at, depth - 1)
        if kind == "largest" and len(at) == 1:
            j = next(c for c in "rst" if c not in at)
            a = self.scalar({**at, j: "M"}, depth - 1)
            values = [*range(M)]
            return f"(\\max_{j} {wrapped(a[0])} + \\sum_{{{j}=1}}^M v_{j})", NONE, self.most(a[2], j, values)
        if kind in ("plus", "times", "larger", "largest"):
            a, b = self.scalar(at, depth - 1), self.scalar(at, depth - 1)
            if kind[0] == "l":
                return f"\\max({a[0]}, {b[0]})", f"max({a[1]}, {b[1]})", lambda i: np.maximum(a[2](i), b[2](i))
            if kind == "plus":
                sign = self.pick("+", "-")
                one = 1 if sign == "+" else -1
                return f"({a[0]} {sign} {b[0]})", f"({a[1]} {sign} {b[1]})", lambda i: a[2](i) + one * b[2](i)
            return f"{wrapped(a[0])} {wrapped(b[0])}", f"({a[1]})*({b[1]})", lambda i: a[2](i) * b[2](i)
        if kind == "function":
            latex, plain, f = self.pick(*FUNCTIONS)
            a = self.scalar(at, depth - 1)
            return latex.format(a[0]), plain.format(a[1]), lambda i: f(a[2](i))
        u, v = self.vector(at, depth - 1), self.vector(at, depth - 1)
        if kind == "norm":
            return f"\\|{u[0]}\\|^2", f"norm({u[1]})^2", lambda i: np.sum(u[2](i) ** 2)
        if kind == "form":
            A = self.array("A")
            return f"({u[0]})^\\top A ({v[0]})", f"({u[1]})'*A*({v[1]})", lambda i: u[2](i) @ A @ v[2](i)
        return f"({u[0]})^\\top ({v[0]})", f"({u[1]})'*({v[1]})", lambda i: u[2](i) @ v[2](i)

    def most(self, f: Value, j: str, values: list[int]) -> Value:
        v = self.array("v")
        return lambda p: max(f({**p, j: k}) for k in values) + np.sum(v)

    def sum(self, at: dict[str, str], depth: int) -> Piece:
        """A sum over a new index, over two, or over one that is related to one around it."""
        free = [letter for letter in "ijkl" if letter not in at]
        kind = self.pick("one", "one", "one", "pair", "related", "shifted", "mask", "product", "far", "where")
        if kind == "shifted" and "N" not in at.values():
            return self.shifted(free[0])
        if kind == "mask" and not at:
            i, j = free[:2]
            body, mask = self.scalar({i: "N", j: "M"}, depth), self.array("Omega")
            value = self.looped(lambda p: mask[p[i], p[j]] * body[2](p), {i: N, j: M}, lambda p: True)
            return f"(\\sum_{{({i},{j})\\in\\Omega}} {wrapped(body[0])})", NONE, value
        if kind == "product" and not at:
            i = free[0]
            body = self.scalar({i: "N"}, min(depth, 1))
            value = self.looped(body[2], {i: N}, lambda p: True, product=True)
            plain = f"prod({body[1]}, {i}=1..N)" if whole(body[1]) else NONE
            return f"(\\prod_{{{i}=1}}^N {wrapped(body[0])})", plain, value
        if kind == "far" and (around := [j for j in at if at[j] == "N"]):
            j, i = free[0], self.pick(*around)
            body = self.scalar({**at, j: "N"}, depth)
            value = self.looped(
                lambda p: body[2](p) / (1 + np.sqrt(np.sum((self.arrays["X"][p[i]] - self.arrays["X"][p[j]]) ** 2))),
                {j: N}, lambda p: p[j] != p[i],
            )  # fmt: skip
            self.array("X")
            below = f"\\frac{{1}}{{1 + \\|x_{i}-x_{j}\\|}}"
            return f"(\\sum_{{{j}=1,{j}\\neq {i}}}^N {below} {wrapped(body[0])})", NONE, value
        if kind == "where" and (around := [j for j in at if at[j] == "N"]):
            j, i, y = free[0], self.pick(*around), self.array("y")
            body = self.scalar({**at, j: "N"}, depth)
            value = self.looped(body[2], {j: N}, lambda p: y[p[j]] >= y[p[i]])
            return f"(\\sum_{{{j}:y_{j}\\ge y_{i}}} {wrapped(body[0])})", NONE, value
        if kind == "related" and (around := [j for j in at if at[j] == "N"]):
            j, i, relation = free[0], self.pick(*around), self.pick(*RELATIONS)
            body = self.scalar({**at, j: "N"}, depth)
            holds = RELATIONS[relation]
            value = self.looped(body[2], {j: N}, lambda p: holds(p[j], p[i]))
            return f"(\\sum_{{{j} {relation} {i}}} {wrapped(body[0])})", NONE, value
        if kind == "pair" and not at:
            i, j = free[:2]
            relation = self.pick("", *RELATIONS)
            body = self.scalar({**at, i: "N", j: "N"}, depth)
            holds = RELATIONS.get(relation, lambda a, b: True)
            below = f"{i} {relation} {j}" if relation else f"{i},{j}=1"
            above = "" if relation == "<" else "^N"
            plain = NONE if relation else f"sum({body[1]}, {i}=1..N, {j}=1..N)"
            value = self.looped(body[2], {i: N, j: N}, lambda p: holds(p[i], p[j]))
            return f"(\\sum_{{{below}}}{above} {wrapped(body[0])})", plain, value
        i, length = free[0], self.pick("N", "N", "M")
        body = self.scalar({**at, i: length}, depth)
        value = self.looped(body[2], {i: SIZES[length]}, lambda p: True)
        return (
            f"(\\sum_{{{i}=1}}^{{{length}}} {wrapped(body[0])})",
            f"sum({body[1]}, {i}=1..{length})" if whole(body[1]) else NONE,
            value,
        )

    def shifted(self, i: str) -> Piece:
        """A sum up to N-1 of members and the next ones."""
        X, y = self.array("X"), self.array("y")
        latex, _, f = self.pick(*FUNCTIONS)
        inside = f"(y_{{{i}+1}} - y_{i} + x_{i}^\\top x_{{{i}+1}})"

        def body(p: At) -> Any:
            return f(y[p[i] + 1] - y[p[i]] + X[p[i]] @ X[p[i] + 1])

        return f"(\\sum_{{{i}=1}}^{{N-1}} {latex.format(inside)})", NONE, self.looped(body, {i: N - 1}, lambda p: True)

    def looped(
        self, body: Value, lengths: dict[str, int], counts: Callable[[At], bool], product: bool = False
    ) -> Value:
        def value(at: At) -> Any:
            total = float(product)
            names = list(lengths)
            for place in np.ndindex(*lengths.values()):
                here = {**at, **dict(zip(names, place, strict=True))}
                if counts(here):
                    total = total * body(here) if product else total + body(here)
            return total

        return value


NONE = "@"
"""In the place of plain text that there is not."""


def whole(plain: str) -> bool:
    return bool(plain) and NONE not in plain


def wrapped(latex: str) -> str:
    return f"\\left({latex}\\right)"


DECLARED = "Omega: N×M; X: N×d; Z: M×d; y: N; v: M; W: N×N; R: N×M; w: d; A: d×d; c: scalar"


def check(seed: int) -> str:
    """ok, or refused with the reason; AssertionError where value or gradient are not those of the loops."""
    sums = Sums(seed)
    latex, plain, value = sums.sum({}, sums.pick(1, 2, 2, 3))
    text, dialect = (latex, "latex") if not whole(plain) or seed % 2 else (plain, "plain")
    used = list(sums.used)
    declare = "; ".join(part for part in DECLARED.split("; ") if part.split(":")[0] in used)
    by = next((n for n in used if n not in ("c", "Omega")), "c")
    handed = {n: a.transpose(0, 2, 1).reshape(N, -1) if np.ndim(a) == 3 else a for n, a in sums.arrays.items()}
    try:
        e = md.parse(text, declare=declare if seed % 3 else "w: d", dialect=dialect)
        found = e.evaluate(**{s.name: handed[s.name] for s in e.variables})
    except md.MatdiffError as error:
        return f"refused: {str(error).splitlines()[0]}"
    wanted = value({})
    assert np.allclose(found, wanted, rtol=1e-8, atol=1e-9), (seed, text, found, wanted)
    variables = [s.name for s in e.variables]
    by = by if by in variables else variables[0]
    gradient = md.derive(text, wrt=by, declare=declare if seed % 3 else "w: d", dialect=dialect).gradient
    g = np.asarray(gradient.evaluate(**{s.name: handed[s.name] for s in gradient.variables}))
    if np.ndim(sums.arrays[by]) == 3:
        g = g.reshape(N, D, D).transpose(0, 2, 1)
    direction = np.random.default_rng(seed + 1).normal(size=np.shape(sums.arrays[by]))
    slope = float(np.sum(np.asarray(g) * direction))
    differences = []
    for h in (1e-4, 1e-5):
        there = []
        for sign in (1, -1):
            moved = sums.arrays[by] + sign * h * direction
            kept, sums.arrays[by] = sums.arrays[by], moved
            there.append(rebuilt(seed, by, moved))
            sums.arrays[by] = kept
        differences.append((there[0] - there[1]) / (2 * h))
    scale = 1 + abs(slope)
    assert math.isclose(slope, differences[0], rel_tol=1e-4, abs_tol=1e-4 * scale) or math.isclose(
        slope, differences[1], rel_tol=1e-4, abs_tol=1e-4 * scale
    ), (seed, text, by, slope, differences)
    return "ok"


def rebuilt(seed: int, name: str, array: Any) -> float:
    """The value of the same random sum by loops with another array."""
    sums = Sums(seed)
    sums.arrays[name] = array
    _, _, value = sums.sum({}, sums.pick(1, 2, 2, 3))
    return float(value({}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    counts: dict[str, int] = {}
    for seed in range(args.seed, args.seed + args.count):
        said = check(seed)
        counts[said] = counts.get(said, 0) + 1
    for said, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"{count:6}  {said}")


if __name__ == "__main__":
    main()
