"""Numba: the loops of native code compiled where they are used, and kept on disk between processes."""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from matdiff.codegen import execute, routines
from matdiff.codegen.arguments import Argument, Entry
from matdiff.codegen.backends import translate
from matdiff.codegen.batch import Batch, chosen
from matdiff.codegen.emit.layout import folded
from matdiff.codegen.emit.loops import Native, native
from matdiff.codegen.emit.module import docstring, indented, outputs, result
from matdiff.codegen.emit.names import identifier, lookup
from matdiff.codegen.emit.sizes import Recipe, axes, recipes
from matdiff.codegen.emit.writer import polynomial, root
from matdiff.codegen.plan.variants import operations, plans
from matdiff.core.node import Apply, Node, Symbol, describe, symbols, topological
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.errors import ShapeError, UnsupportedError

LARGE = 4096
"""Multiplications from which on a product goes to BLAS."""
ASSOCIATIVE = ("dot", "total", "gemv", "gemm")
"""Routines whose sums may be taken in another order, as BLAS takes them."""

BLAS = {
    "dot": '''
def dot(count, x, y):
    """The sum of products of entries."""
    if count > 1024:
        return np.dot(x[:count], y[:count])
    s = 0.0
    for i in range(count):
        s += x[i] * y[i]
    return s
''',
    "gemv": '''
def gemv(m, n, a, ra, ca, x, sx, y):
    """y = A x, the entries of A at distances ra down and ca to the right, those of x at a distance sx."""
    if m * n > LARGE and sx == 1 and ra == 1 and ca == m:
        np.dot(a[: m * n].reshape(n, m).T, x[:n], y[:m])
    elif m * n > LARGE and sx == 1 and ca == 1 and ra == n:
        np.dot(a[: m * n].reshape(m, n), x[:n], y[:m])
    elif ra == 1:
        for i in range(m):
            y[i] = 0.0
        for j in range(n):
            s = x[j * sx]
            at = j * ca
            for i in range(m):
                y[i] += s * a[at + i]
    elif ca == 1 and sx == 1:
        for i in range(m):
            s = 0.0
            at = i * ra
            for j in range(n):
                s += a[at + j] * x[j]
            y[i] = s
    else:
        for i in range(m):
            s = 0.0
            for j in range(n):
                s += a[i * ra + j * ca] * x[j * sx]
            y[i] = s
''',
    "gemm": '''
def gemm(m, n, k, a, ra, ca, b, rb, cb, c, rc, cc):
    """C = A B for A: m x k, their entries at distances r down and c to the right."""
    plain = ((ra == 1 and ca == m) or (ca == 1 and ra == k)) and ((rb == 1 and cb == k) or (cb == 1 and rb == n))
    if m * n * k > LARGE and plain and rc == 1 and cc == m:
        C = c[: m * n].reshape(n, m)
        x = a[: m * k]
        y = b[: k * n]
        if ra == 1 and ca == m:
            if rb == 1 and cb == k:
                np.dot(y.reshape(n, k), x.reshape(k, m), C)
            else:
                np.dot(y.reshape(k, n).T, x.reshape(k, m), C)
        elif rb == 1 and cb == k:
            np.dot(y.reshape(n, k), x.reshape(m, k).T, C)
        else:
            np.dot(y.reshape(k, n).T, x.reshape(m, k).T, C)
    elif rc == 1:
        for j in range(n):
            gemv(m, k, a, ra, ca, b[j * cb :], rb, c[j * cc :])
    else:
        for i in range(m):
            for j in range(n):
                s = 0.0
                for p in range(k):
                    s += a[i * ra + p * ca] * b[p * rb + j * cb]
                c[i * rc + j * cc] = s
''',
    "cholesky": '''
def cholesky(n, a, out):
    """The lower triangular L with L L' = A; 1 where A is not positive definite."""
    width = n if n <= 48 else 32
    for j in range(n):
        for i in range(n):
            out[i + n * j] = a[i + n * j] if i >= j else 0.0
    first = 0
    while first < n:
        last = min(first + width, n)
        for j in range(first, last):
            for k in range(first, j):
                s = out[j + n * k]
                for i in range(j, n):
                    out[i + n * j] -= s * out[i + n * k]
            pivot = out[j + n * j]
            if not (pivot > 0 and pivot < inf):
                return 1
            pivot = sqrt(pivot)
            for i in range(j, n):
                out[i + n * j] /= pivot
        rest = n - last
        if rest > 0:
            panel = np.empty((last - first, rest))
            for k in range(first, last):
                for i in range(last, n):
                    panel[k - first, i - last] = out[i + n * k]
            at = last
            while at < n:
                end = min(at + 64, n)
                update = np.dot(np.ascontiguousarray(panel[:, at - last : end - last].T), panel[:, at - last :].copy())
                for j in range(at, end):
                    for i in range(j, n):
                        out[i + n * j] -= update[j - at, i - at]
                at = end
        first = last
    return 0
''',
    "lu": '''
def lu(n, a, out):
    """The factors of A with partial pivoting, then the n rows that were swapped; 1 where A is singular."""
    failed = 0
    for i in range(n * n):
        out[i] = a[i]
    width = n if n <= 48 else 32
    first = 0
    while first < n:
        last = min(first + width, n)
        for j in range(first, last):
            at = j
            for i in range(j + 1, n):
                if fabs(out[i + n * j]) > fabs(out[at + n * j]):
                    at = i
            out[n * n + j] = at
            if at != j:
                for k in range(n):
                    spare = out[j + n * k]
                    out[j + n * k] = out[at + n * k]
                    out[at + n * k] = spare
            pivot = out[j + n * j]
            if pivot == 0 or pivot != pivot:
                failed = 1
            else:
                for i in range(j + 1, n):
                    out[i + n * j] /= pivot
                for k in range(j + 1, last):
                    s = out[j + n * k]
                    for i in range(j + 1, n):
                        out[i + n * k] -= s * out[i + n * j]
        rest = n - last
        if rest > 0:
            size = last - first
            low = np.empty((size, rest))
            right = np.empty((rest, size))
            for k in range(last, n):
                for j in range(first, last):
                    s = out[j + n * k]
                    for i in range(j + 1, last):
                        out[i + n * k] -= s * out[i + n * j]
                for j in range(size):
                    right[k - last, j] = out[first + j + n * k]
            for j in range(size):
                for i in range(rest):
                    low[j, i] = out[last + i + n * (first + j)]
            update = np.dot(right, low)
            for k in range(rest):
                for i in range(rest):
                    out[last + i + n * (last + k)] -= update[k, i]
        first = last
    return failed
''',
    "lower_solve": '''
def lower_solve(n, count, a, x):
    """X overwritten by the solution of L X = X; 1 where L is singular."""
    for j in range(n):
        if a[j + n * j] == 0:
            return 1
    width = n if n <= 64 or count < 8 else 32
    first = 0
    while first < n:
        last = min(first + width, n)
        for c in range(count):
            for j in range(first, last):
                s = x[j + n * c] / a[j + n * j]
                x[j + n * c] = s
                for i in range(j + 1, last):
                    x[i + n * c] -= s * a[i + n * j]
        if last < n:
            subtract(n, count, first, last, last, n, a, x, False)
        first = last
    return 0
''',
    "lower_solve_t": '''
def lower_solve_t(n, count, a, x):
    """X overwritten by the solution of L' X = X; 1 where L is singular."""
    for j in range(n):
        if a[j + n * j] == 0:
            return 1
    width = n if n <= 64 or count < 8 else 32
    last = n
    while last > 0:
        first = max(last - width, 0)
        for c in range(count):
            for k in range(last - first):
                j = last - 1 - k
                s = x[j + n * c]
                for i in range(j + 1, last):
                    s -= a[i + n * j] * x[i + n * c]
                x[j + n * c] = s / a[j + n * j]
        if first > 0:
            subtract(n, count, first, last, 0, first, a, x, True)
        last = first
    return 0
''',
    "lu_overwrite": '''
def lu_overwrite(n, count, f, x):
    """X overwritten by the solution of A X = X from the factors of A."""
    for c in range(count):
        for i in range(n):
            at = int(f[n * n + i])
            spare = x[i + n * c]
            x[i + n * c] = x[at + n * c]
            x[at + n * c] = spare
    width = n if n <= 64 or count < 8 else 32
    first = 0
    while first < n:
        last = min(first + width, n)
        for c in range(count):
            for j in range(first, last):
                s = x[j + n * c]
                for i in range(j + 1, last):
                    x[i + n * c] -= s * f[i + n * j]
        if last < n:
            subtract(n, count, first, last, last, n, f, x, False)
        first = last
    last = n
    while last > 0:
        first = max(last - width, 0)
        for c in range(count):
            for k in range(last - first):
                j = last - 1 - k
                s = x[j + n * c] / f[j + n * j]
                x[j + n * c] = s
                for i in range(first, j):
                    x[i + n * c] -= s * f[i + n * j]
        if first > 0:
            subtract(n, count, first, last, 0, first, f, x, False)
        last = first
''',
}
"""Routines as NumPy's BLAS does the large ones."""
SUBTRACT = '''
def subtract(n, count, first, last, low, high, a, x, turned):
    """Rows low:high of X less A[low:high, first:last] X[first:last], or with the transpose of A's other block."""
    part = np.empty((count, last - first))
    for c in range(count):
        for j in range(last - first):
            part[c, j] = x[first + j + n * c]
    block = np.empty((last - first, high - low))
    for j in range(last - first):
        for i in range(high - low):
            block[j, i] = a[first + j + n * (low + i)] if turned else a[low + i + n * (first + j)]
    update = np.dot(part, block)
    for c in range(count):
        for i in range(high - low):
            x[low + i + n * c] -= update[c, i]
'''


def written(
    nodes: Sequence[Node], keys: Any, single: bool, variables: Sequence[Symbol], name: str, doc: str
) -> tuple[str, dict[Symbol, str]]:
    """The source of a module with the function, and its parameters.  Raises UnsupportedError for what has no loops."""
    trees, parts, inputs = one(nodes, keys, single, variables, name, doc)
    return assembled([trees], parts), inputs


def module(functions: Mapping[str, tuple[Any, str]], variables: Sequence[Symbol]) -> str:
    """One module with several functions: by name, what each computes and what its docstring says."""
    trees, parts = [], []
    for name, (node, doc) in functions.items():
        tree, texts, _ = one(*outputs(node), variables, identifier(name), doc)
        trees.append(tree)
        parts += texts
    return assembled(trees, parts)


def one(
    nodes: Sequence[Node], keys: Any, single: bool, variables: Sequence[Symbol], name: str, doc: str
) -> tuple[ast.Module, list[str], dict[Symbol, str]]:
    """One function: its loops, the texts of all its parts, its parameters."""
    outs = [f"out_{k + 1}" for k in range(len(nodes))]
    made = native(nodes, outs, variables, f"{name}_loops", order="C", title="Numba")
    inputs, lines = entry(made, variables, name)
    parts = [f'@njit(error_model="numpy")\n{plain(made.text)}', "\n".join(lines)]
    return ast.parse(made.text), parts + public(made, nodes, keys, single, inputs, name, doc), inputs


def assembled(trees: Sequence[ast.Module], parts: Sequence[str]) -> str:
    names = translate.called(ast.Module([s for t in trees for s in t.body], []))
    text = "\n\n\n".join([*routine_texts(names), *parts])
    words = translate_words(text)
    math = [n for n in (*(f.__name__ for f in routines.FUNCTIONS), *routines.CONSTANTS) if n in words]
    head = [f"from math import {', '.join(sorted(math))}", ""] if math else []
    head = [line for whole in [*head, "import numpy as np", "from numba import njit"] for line in folded_import(whole)]
    return "\n".join(head) + "\n\n\n" + text + "\n"


def folded_import(line: str) -> list[str]:
    return folded(line.replace("import ", "import (", 1) + ")") if len(line) > 99 else [line]


def translate_words(text: str) -> set[str]:
    return {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}


def plain(text: str) -> str:
    """The code without annotations, which Numba does not ask for."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for a in node.args.args:
                a.annotation = None
    return "\n".join(line for part in ast.unparse(tree).split("\n") for line in folded(part))


def routine_texts(names: Sequence[str]) -> list[str]:
    """The routines of these names, callees first, each with its decorator."""
    known = translate.library()
    wanted: dict[str, str] = {}

    def add(name: str) -> None:
        if name in wanted:
            return
        wanted[name] = ""
        text = BLAS.get(name) or inspect.getsource(routines.ROUTINES[name])
        text = plain(text).replace("LARGE", str(LARGE)) if name in BLAS else plain(text)
        tree = ast.parse(text)
        if "subtract(" in text and "subtract" not in wanted:
            wanted["subtract"] = f'@njit(error_model="numpy")\n{plain(SUBTRACT)}'
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known:
                add(node.func.id)
        fast = ', fastmath={"reassoc", "contract", "nsz"}' if name in ASSOCIATIVE else ""
        del wanted[name]
        wanted[name] = f'@njit(error_model="numpy"{fast})\n{text}'

    for name in names:
        add(name)
    return list(wanted.values())


def entry(
    made: Native, variables: Sequence[Symbol], name: str, many: frozenset[Symbol] = frozenset()
) -> tuple[dict[Symbol, str], list[str]]:
    """The compiled function that takes arrays, checks their shapes and makes room for the results.

    Of the variables in `many`, and of all results, it takes and makes stacks.
    """
    inputs = dict(made.inputs)
    words = translate_words(made.text)
    room = {n for d in [made.work, *(d for r, _ in made.outputs for d in (r.rows, r.cols))] for n in d.names}
    needed = [n for n, p in made.sizes.items() if p in words or n in room]
    candidates = [*inputs, *(v for v in variables if v not in inputs)]
    found = recipes(candidates, list(made.sizes)) or recipes(candidates, needed)
    if found is None:
        raise ShapeError(
            f"the sizes {', '.join(sorted(needed))} do not follow from the shapes of the variables",
            hint="give them as numbers in the declarations",
        )
    for recipe in found.values():
        if recipe.variable not in inputs and any(n in needed for n, r in found.items() if r is recipe):
            inputs[recipe.variable] = identifier(recipe.variable.name) + "_"
    found = {n: r for n, r in found.items() if r.variable in inputs}
    sizes = {n: made.sizes.get(n) or identifier(n) + "_" for n in found}
    types = ", ".join(signature_of(v, v in many) for v in inputs)
    lines = [f'@njit("({types}{"," * (len(inputs) == 1)})", error_model="numpy", cache=True)']
    lines.append(f"def {name}_compiled({', '.join(inputs.values())}):")
    body = [f"{sizes[n]} = {quotient(r, inputs, sizes, r.variable in many)}" for n, r in found.items()]
    tests = []
    for v, p in inputs.items():
        for axis, d in enumerate(axes(v)):
            if d.names <= found.keys():
                tests.append(f"{p}.shape[{axis + (v in many)}] != {polynomial(d, sizes).text if d.terms else 0}")
    tests = [t for t in tests if t.partition(" != ")[::2] not in {tuple(line.split(" = ")[::-1]) for line in body}]
    if tests:
        body += folded(f"if {' or '.join(tests)}:")
        body.append('    raise ValueError("shapes that do not fit")')
    stacks = [inputs[v] for v in inputs if v in many]
    if stacks:
        body.append(f"count_ = {stacks[0]}.shape[0]")
        if len(stacks) > 1:
            body += folded(f"if {' or '.join(f'{p}.shape[0] != count_' for p in stacks[1:])}:")
            body.append('    raise ValueError("shapes that do not fit")')
    for r, p in made.outputs:
        body.append(f"{p} = np.empty({'count_ * ' if stacks else ''}{entries(r, sizes)})")
    work = polynomial(made.work, sizes).text if made.work.terms else "0"
    body.append(f"work = np.empty({work})")
    passed = [sizes.get(n, "0") if n in found else "0" for n in made.sizes]
    for v in made.inputs:
        p = f"{inputs[v]}[b_]" if v in many else inputs[v]
        passed.append(f"{p}.reshape({p}.size)" if len(axes(v)) == 2 else p)
    passed += [
        f"{p}[b_ * {entries(r, sizes)} : (b_ + 1) * {entries(r, sizes)}]" if stacks else p for r, p in made.outputs
    ] + ["work"]
    lines_in = folded(f"if {made.name}({', '.join(passed)}) != 0:")
    lines_in.append('    raise np.linalg.LinAlgError("a matrix is singular, or not positive definite")')
    body += ["for b_ in range(count_):", *indented(lines_in)] if stacks else lines_in
    results = [shaped(r, p, sizes, bool(stacks)) for r, p in made.outputs]
    body += folded(f"return {results[0] if len(results) == 1 else '(' + ', '.join(results) + ')'}")
    return inputs, [*lines, *indented(body)]


def entries(r: Node, sizes: Mapping[str, str]) -> str:
    count = r.rows * r.cols
    return f"({polynomial(count, sizes).text})" if count.terms else "0"


def signature_of(v: Symbol, many: bool = False) -> str:
    return ("float64", "float64[::1]", "float64[:, ::1]", "float64[:, :, ::1]")[len(axes(v)) + many]


def shaped(r: Node, p: str, sizes: Mapping[str, str], many: bool = False) -> str:
    if many and r.kind != "scalar":
        dims = [r.rows] if r.kind == "vector" else [r.rows, r.cols]
        return f"{p}.reshape(count_, {', '.join(polynomial(d, sizes).text if d.terms else '0' for d in dims)})"
    if many:
        return p
    if r.kind == "scalar":
        return f"{p}[0]"
    if r.kind == "vector":
        return p
    rows, cols = (polynomial(d, sizes).text if d.terms else "0" for d in (r.rows, r.cols))
    return f"{p}.reshape({rows}, {cols})"


def quotient(recipe: Recipe, inputs: Mapping[Symbol, str], sizes: Mapping[str, str], many: bool = False) -> str:
    """A size from a shape."""
    text = f"{inputs[recipe.variable]}.shape[{recipe.axis + many}]"
    if recipe.square:
        return root(recipe, text)
    if recipe.rest is not ZERO:
        text = f"({text} - ({polynomial(recipe.rest, sizes).text}))"
    return text if recipe.factor is ONE else f"{text} // ({polynomial(recipe.factor, sizes).text})"


def public(
    made: Native, nodes: Sequence[Node], keys: Any, single: bool, inputs: Mapping[Symbol, str], name: str, doc: str
) -> list[str]:
    """What gives results the form that was asked for, and the function of keywords, for which all arrays do."""
    values = [f"values[{k}]" for k in range(len(nodes))] if len(nodes) > 1 else ["values"]
    given = result(values, keys, single)
    texts = []
    if given != "values":
        lines = [*folded(f"return {given}")]
        texts.append(
            "\n".join(
                [f"def {name}_arranged(values):", '    """The results as they were asked for."""', *indented(lines)]
            )
        )
    converted = [
        f"float({p})" if v.kind == "scalar" else
        f"np.ascontiguousarray({p}, dtype=np.float64)" + ".reshape(-1)" * (v.kind == "row")
        for v, p in inputs.items()
    ]  # fmt: skip
    call = f"{name}_compiled({', '.join(converted)})"
    parameters = ", ".join(["*", *inputs.values()]) + ", " if inputs else ""
    described = docstring(doc, result([describe(r) for r in nodes], keys, single), inputs)
    texts.append("\n".join([
        *folded(f"def {name}({parameters}**_):"), *indented(described),
        *indented(folded(f"return {f'{name}_arranged({call})' if given != 'values' else call}")),
    ]))  # fmt: skip
    return texts


def mapped(
    nodes: Sequence[Node], keys: Any, single: bool, variables: Sequence[Symbol], name: str, doc: str, batch: Any
) -> Callable[..., Any]:
    """The function of stacks of arrays."""
    return Stacks(nodes, keys, single, variables, name, batch)


class Stacks(Batch):
    """A loop over the problems, compiled with what it calls."""

    def __init__(
        self, nodes: Sequence[Node], keys: Any, single: bool, variables: Sequence[Symbol], name: str, batch: Any
    ) -> None:
        every = list(dict.fromkeys([*variables, *symbols(*nodes)]))
        outs = [f"out_{k + 1}" for k in range(len(nodes))]
        made = native(nodes, outs, variables, f"{name}_loops", order="C", title="Numba")
        stacked = frozenset(chosen(batch, every))
        inputs, lines = entry(made, variables, name, stacked)
        super().__init__(every, stacked, list(inputs))
        self.inputs, self.kinds = inputs, [n.kind for n in nodes]
        text = assembled([ast.parse(made.text)], [f'@njit(error_model="numpy")\n{plain(made.text)}', "\n".join(lines)])
        self.compiled = executed(text)[f"{name}_compiled"]
        values = [f"values[{k}]" for k in range(len(nodes))] if len(nodes) > 1 else ["values"]
        self.arranged = execute.run(
            f"def arranged(values):\n    return {result(values, keys, single)}\n", "arranged", {}
        )

    def __call__(self, /, **arrays: Any) -> Any:
        import numpy as np

        given, _, length = self.gathered(arrays)
        ready = []
        for v in self.inputs:
            array = np.require(given[v], np.float64, ["C", "W"])
            if v.kind == "row":
                array = array.reshape(length, -1) if v in self.stacked else array.reshape(-1)
            ready.append(float(array) if v.kind == "scalar" and v not in self.stacked else array)
        if not any(v in self.stacked for v in self.inputs):
            many = [np.repeat(np.asarray(x)[None], length, axis=0) for x in listed(self.compiled(*ready))]
            return self.arranged(tuple(many) if len(many) > 1 else many[0])
        return self.arranged(self.compiled(*ready))


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple) else [value]


# running


def folder() -> Path:
    """Where compiled functions are kept: MATDIFF_CACHE, else the user's cache; a temporary folder where none can be."""
    base = os.environ.get("MATDIFF_CACHE")
    home = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("XDG_CACHE_HOME")
    for place in (Path(base) if base else None, Path(home or Path.home() / ".cache") / "matdiff"):
        if place is None:
            continue
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.access(place, os.W_OK):
                return place
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="matdiff-"))


def executed(text: str) -> dict[str, Any]:
    """The module of a source, with routines that all functions share, compiled once."""
    tree = ast.parse(text)
    shared = {*translate.library(), "subtract"}
    own = [s for s in tree.body if not (isinstance(s, ast.FunctionDef) and s.name in shared)]
    if len(own) == len(tree.body):
        return run(text, {})
    return run(ast.unparse(ast.Module(own, [])), dict(vars(together())))


@cache
def together() -> ModuleType:
    """All routines, each compiled when a function first needs it, and kept on disk."""
    names = list(translate.library())
    texts = [
        t.replace('@njit(error_model="numpy"', '@njit(cache=True, error_model="numpy"') for t in routine_texts(names)
    ]
    text = "from math import *\n\nimport numpy as np\nfrom numba import njit\n\n\n" + "\n\n\n".join(texts) + "\n"
    return sys.modules[run(text, {})["__name__"]]


def run(text: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The module of a text, which may use what is given.

    It has a name and a file, by which Numba finds what it compiled in another process.
    """
    mark = hashlib.sha256(f"{text}{given.get('__name__', '')}".encode()).hexdigest()[:24]
    place = folder() / f"f_{mark}.py"
    try:
        if not place.exists() or place.read_text(encoding="utf-8") != text:
            fresh = place.with_suffix(f".{os.getpid()}")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(place)
    except OSError:
        raise UnsupportedError(
            f"compiled functions cannot be kept in {place.parent}",
            hint="name a folder that can be written in the environment variable MATDIFF_CACHE",
        ) from None
    made = ModuleType(f"matdiff_native_{mark}")
    vars(made).update({k: v for k, v in given.items() if not k.startswith("__")}, __file__=str(place))
    before = sys.modules.get(made.__name__)
    sys.modules[made.__name__] = made
    try:
        exec(compile(text, str(place), "exec"), vars(made))
    except BaseException:
        if before is not None:
            sys.modules[made.__name__] = before
        raise
    return vars(made)


BUSY = 30_000
"""Multiplications from which on NumPy's code, whose time is that of BLAS and LAPACK, is at least as fast."""
ENTRIES = 512
"""Entries of all arrays up to which multiplications are not counted."""


def busy(nodes: Sequence[Node], inputs: Mapping[Symbol, str]) -> str:
    """Whether at the sizes of the arrays there are so many multiplications, as code; empty where none tells a size."""
    order = [n for n in topological(*plans(nodes)[0]) if isinstance(n, Apply)]
    known = {
        d.name: f"{p}.shape[{axis}]"
        for v, p in inputs.items()
        if v.kind in ("vector", "matrix")
        for axis, d in enumerate(v.shape)
        if d.name
    }
    work = sum((multiplications(n) for n in order), ZERO)
    arrays = [f"{p}.size" for v, p in inputs.items() if v.kind != "scalar"]
    if not work.names <= known.keys() or not arrays:
        return ""
    doubles = "".join(f" and {a.removesuffix('size')}dtype == float64" for a in arrays)
    return f"{' + '.join(arrays)} > {ENTRIES} and {polynomial(work, known).text} > {BUSY}{doubles}"


def multiplications(node: Apply) -> Dim:
    """About how many: a factorisation, and an inverse from it, has a third of n³, or more."""
    first = node.args[0] if node.args else None
    if first is not None and first.kind == "matrix" and (node.op.domain or "inverse" in node.op.name):
        return first.rows * first.cols * first.cols
    return operations(node)


def function(
    text: str, name: str, arguments: tuple[Argument, ...], names: tuple[tuple[str, ...], tuple[str, ...]] | None,
    busy: str = "", large: Callable[..., Any] | None = None,
) -> Callable[..., Any]:  # fmt: skip
    """The function of arrays by the names that the user typed, which checks them unless `names` is None.

    Where `busy` holds, `large` is called instead.
    """
    import numpy as np

    space = executed(text)
    compiled, arranged = space[f"{name}_compiled"], space.get(f"{name}_arranged")
    asked = Entry(arguments, *names) if names is not None else None
    known = frozenset((*names[0], *names[1])) if names is not None else frozenset()
    scalars = [not a.dims for a in arguments]
    rows = [a.kind == "row" for a in arguments]

    def slow(values: tuple[Any, ...], rest: Mapping[str, Any]) -> Any:
        """For arrays of other types and layouts, other spellings of names, and to say what is wrong."""
        if asked is not None:
            values = asked.settled(values, rest)
        else:
            keys = [lookup(a.name, rest) if v is None else None for a, v in zip(arguments, values, strict=True)]
            values = tuple(v if k is None else rest[k] for v, k in zip(values, keys, strict=True))
        arrays = [np.asarray(v) for v in values]
        dtype = np.result_type(
            *(v if isinstance(v, (int, float)) else a for v, a in zip(values, arrays, strict=True)), 0.0
        )
        if dtype.kind != "f":
            raise TypeError(f"native code computes with real numbers, not {dtype}")
        ready = [
            float(a) if s else np.require(a.reshape(-1) if r else a, np.float64, ["C", "W"])
            for a, s, r in zip(arrays, scalars, rows, strict=True)
        ]
        found = compiled(*ready)
        if dtype != np.float64 and dtype.itemsize < 8:
            found = narrowed(found, dtype)
        return found if arranged is None else arranged(found)

    parameters = [a.parameter for a in arguments]
    typed = [p for a, p in zip(arguments, parameters, strict=True) if a.name == p]
    others = {a.name: p for a, p in zip(arguments, parameters, strict=True) if a.name != p}
    lines = [f"def {name}({'*, ' if typed else ''}{''.join(f'{p}=None, ' for p in typed)}**rest):"]
    lines += [f"    {p} = rest.pop({n!r}, None)" for n, p in others.items()]
    every = ", ".join(parameters)
    call = f"arranged(compiled({every}))" if arranged is not None else f"compiled({every})"
    if busy:
        given = "".join(f"{a.name!r}: {p}, " for a, p in zip(arguments, parameters, strict=True))
        lines += [
            "    try:",
            f"        many = {busy}",
            "    except (AttributeError, IndexError):",
            "        many = False",
        ]
        lines += ["    if many:", f"        return large(**{{{given}**rest}})"]
    # An array of a subclass, masked perhaps, is taken by Numba for its bare numbers.
    plain = "".join(f" and {p}.__class__ is ndarray" for p, s in zip(parameters, scalars, strict=True) if not s)
    lines += [f"    if (not rest or rest.keys() <= known){plain}:", "        try:", f"            return {call}"]
    lines += ["        except LinAlgError:", "            raise", "        except (TypeError, ValueError):"]
    lines += ["            pass", f"    return slow(({every}{',' * (len(parameters) == 1)}), rest)"]
    inside = {
        "compiled": compiled, "arranged": arranged, "slow": slow, "known": known, "LinAlgError": np.linalg.LinAlgError,
        "TypeError": TypeError, "ValueError": ValueError, "AttributeError": AttributeError, "IndexError": IndexError,
        "large": large, "float64": np.dtype(float), "ndarray": np.ndarray,
    }  # fmt: skip
    made = execute.run("\n".join(lines), name, inside)
    made.__doc__ = space[name].__doc__
    return made


def narrowed(value: Any, dtype: Any) -> Any:
    """Results in the precision of the inputs."""
    import numpy as np

    if isinstance(value, tuple):
        return tuple(narrowed(v, dtype) for v in value)
    return dtype.type(value) if np.ndim(value) == 0 else value.astype(dtype)


__all__ = ["function", "module", "written"]
