"""What deriving costs, from text to `d.gradient`, without printing.

    python tests/benchmarks/derive.py [growth] [table]

`growth`: three families of n parts, n = 1 … 1000, best of five, and the exponent fitted to n = 30 … 1000.
`table`: gradients of textbook functions, each on texts not seen before, SymPy beside it where it can.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import matdiff as md

SIZES = (1, 3, 10, 30, 100, 300, 1000)
FITTED = 30
"""Least size that the exponent is fitted to."""


def sum_of_traces(n: int, tag: str) -> tuple[str, str, str]:
    """n terms tr(A_i X B_i X'), with distinct names."""
    text = " + ".join(f"tr(A{tag}_{i}*X*B{tag}_{i}*X')" for i in range(n))
    declare = "; ".join(f"A{tag}_{i}: m×m; B{tag}_{i}: n×n" for i in range(n)) + "; X: m×n"
    return text, "X", declare


def chain(n: int, tag: str) -> tuple[str, str, str]:
    """tr(A_1 X A_2 X … A_n X)."""
    text = "tr(" + "*".join(f"A{tag}_{i}*X" for i in range(n)) + ")"
    declare = "; ".join(f"A{tag}_{i}: n×m" for i in range(n)) + "; X: m×n"
    return text, "X", declare


def layers(n: int, tag: str) -> tuple[str, str, str]:
    """n nested layers, sum(tanh(W_n*…tanh(W_1*x))); the sum apart, as text may nest 1,000 deep."""
    text = f"h{tag} = " + "".join(f"tanh(W{tag}_{i}*" for i in range(n)) + "x" + ")" * n + f"; sum(h{tag})"
    declare = "; ".join(f"W{tag}_{i}: n×n" for i in range(n)) + "; x: n"
    return text, "x", declare


FAMILIES: dict[str, Callable[[int, str], tuple[str, str, str]]] = {
    "sum of tr(A X B X')": sum_of_traces,
    "tr(A X A X ... A X)": chain,
    "nested tanh(W ...)": layers,
}

TABLE = [
    ("{x}'*{x}", "{x}", "x"),
    ("{w}'*{x}", "{x}", "wx"),
    ("{x}'*{A}*{x}", "{x}", "Ax"),
    ("({A}*{x}-{b})'*({A}*{x}-{b})", "{x}", "Axb"),
    ("({A}*{x}-{b})'*({A}*{x}-{b})", "{A}", "Axb"),
    ("norm({A}*{x}-{b})^2/2", "{x}", "Axb"),
    ("1/2*{x}'*{A}*{x} + {b}'*{x} + {c}", "{x}", "Axbc"),
    ("-exp(-{x}'*{x})", "{x}", "x"),
    ("log(1+exp({a}'*{x}))", "{x}", "ax"),
    ("{A}: n×n spd; log({x}'*{A}*{x})", "{x}", "Ax"),
    ("norm({x})", "{x}", "x"),
    ("norm({A})", "{A}", "A"),
    ("{x}'*{A}*{y}", "{A}", "xAy"),
    ("tr({X})", "{X}", "X"),
    ("tr({A}*{X}*{B})", "{X}", "AXB"),
    ("tr({A}^2)", "{A}", "A"),
    ("det({X})", "{X}", "X"),
    ("log(det({X}))", "{X}", "X"),
    ("<{S},{X}> - log(det({X}))", "{X}", "SX"),
    ("{t}: scalar; det({t}*I - {A})", "{t}", "tA"),
    ("tr({X}'*{A}*{X}*{B})", "{X}", "XAB"),
    ("{a}'*inv({X})*{b}", "{X}", "aXb"),
    ("logdet({X}'*{X})", "{X}", "X"),
    ("sum(log(1 .+ exp(-{y}.*({X}*{w}))))", "{w}", "yXw"),
    ("norm({Y} - {X}*{B})^2/2 + lambda/2*norm({B})^2", "{B}", "YXB"),
    ("sum(({M}.*({U}*{V}'-{T})).^2)", "{U}", "MUVT"),
    ("{A}: n×n symmetric; {x}'*{A}*{x}/({x}'*{x})", "{x}", "Ax"),
    ("sum(tanh({W}*tanh({Z}*{x})))", "{Z}", "WZx"),
]
"""Function, variable and the names to vary."""


def timed(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def best(family: Callable[[int, str], tuple[str, str, str]], n: int, runs: int = 5) -> float:
    """Seconds for one derivation of size n; every run has names of its own, so that nothing is remembered."""
    found = []
    for run in range(runs):
        text, wrt, declare = family(n, f"{n}r{run}")
        found.append(timed(lambda t=text, w=wrt, d=declare: md.derive(t, wrt=w, declare=d).gradient))  # type: ignore[misc]
    return min(found)


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """The slope of log seconds over log size, by least squares."""
    x, y = [math.log(n) for n in sizes], [math.log(s) for s in seconds]
    mx, my = statistics.mean(x), statistics.mean(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sum((a - mx) ** 2 for a in x)


def growth() -> None:
    print(f"{'ms':<22}" + "".join(f"{n:>9}" for n in SIZES) + "   exponent")
    for name, family in FAMILIES.items():
        seconds = [best(family, n) for n in SIZES]
        fitted = [(n, s) for n, s in zip(SIZES, seconds, strict=True) if n >= FITTED]
        slope = exponent([n for n, _ in fitted], [s for _, s in fitted])
        print(f"{name:<22}" + "".join(f"{1e3 * s:>9.2f}" for s in seconds) + f"{slope:>11.2f}")


def sympy_functions() -> dict[str, Callable[[str], Any]]:
    """What SymPy differentiates of the table, each with fresh names.

    It leaves det(X) as it stands, finds 0 for log(det(X)), and has no gradients of norms and elementwise functions.
    """
    import sympy as sp
    from sympy import Inverse, MatrixSymbol, Trace

    n = sp.Symbol("n", integer=True, positive=True)

    def square(name: str) -> Any:
        return MatrixSymbol(name, n, n)

    def column(name: str) -> Any:
        return MatrixSymbol(name, n, 1)

    def residual(k: str) -> Any:
        return square("A" + k) * column("x" + k) - column("b" + k)

    return {
        "{x}'*{x}": lambda k: (column("x" + k).T * column("x" + k)).diff(column("x" + k)),
        "{w}'*{x}": lambda k: (column("w" + k).T * column("x" + k)).diff(column("x" + k)),
        "{x}'*{A}*{x}": lambda k: (column("x" + k).T * square("A" + k) * column("x" + k)).diff(column("x" + k)),
        "({A}*{x}-{b})'*({A}*{x}-{b})": lambda k: (residual(k).T * residual(k)).diff(column("x" + k)),
        "{x}'*{A}*{y}": lambda k: (column("x" + k).T * square("A" + k) * column("y" + k)).diff(square("A" + k)),
        "tr({X})": lambda k: Trace(square("X" + k)).diff(square("X" + k)),
        "tr({A}*{X}*{B})": lambda k: Trace(square("A" + k) * square("X" + k) * square("B" + k)).diff(square("X" + k)),
        "tr({A}^2)": lambda k: Trace(square("A" + k) ** 2).diff(square("A" + k)),
        "tr({X}'*{A}*{X}*{B})": lambda k: Trace(
            square("X" + k).T * square("A" + k) * square("X" + k) * square("B" + k)
        ).diff(square("X" + k)),
        "{a}'*inv({X})*{b}": lambda k: (column("a" + k).T * Inverse(square("X" + k)) * column("b" + k)).diff(
            square("X" + k)
        ),
    }


def median_ms(work: Callable[[str], Any], tags: list[str]) -> float:
    """Median milliseconds over fresh names."""
    return 1e3 * statistics.median(timed(lambda k=k: work(k)) for k in tags)  # type: ignore[misc]


def named(text: str, wrt: str, letters: str, tag: str) -> tuple[str, str]:
    names = {c: f"{c}{tag}" for c in letters}
    return text.format(**names), wrt.format(**names)


def gradient(text: str, wrt: str, letters: str) -> Callable[[str], Any]:
    def work(tag: str) -> Any:
        function, variable = named(text, wrt, letters, tag)
        return md.derive(function, wrt=variable).gradient

    return work


def table(runs: int = 9) -> None:
    md.derive("tr(X)", wrt="X").gradient  # noqa: B018  what a first use imports is start-up
    sympy = sympy_functions()
    times: list[float] = []
    print(f"{'median ms':<52}{'matdiff':>9}{'SymPy':>9}")
    for row, (text, wrt, letters) in enumerate(TABLE):
        tags = [f"{row + 1}{i:02}" for i in range(runs)]
        peer = sympy.pop(text) if text in sympy else None
        label = text.replace("{", "").replace("}", "") + " by " + wrt.strip("{}")
        try:
            times.append(median_ms(gradient(text, wrt, letters), tags))
            shown = f"{times[-1]:>9.2f}"
        except md.MatdiffError as error:
            shown = f"  {type(error).__name__}: {error.message}"
        print(f"{label:<52}{shown}" + (f"{median_ms(peer, tags):>9.2f}" if peer else ""))
    if times:
        print(f"{f'median of {len(times)}, largest':<52}{statistics.median(times):>9.2f}{max(times):>9.2f}")


if __name__ == "__main__":
    chosen = sys.argv[1:] or ["growth", "table"]
    if "growth" in chosen:
        growth()
    if "table" in chosen:
        table()
