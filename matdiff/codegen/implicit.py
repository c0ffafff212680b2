"""Source for functions of unknowns: pieces as all code is generated, and between them one factorisation a system."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matdiff.calculus.implicit import Adjoint, System, blocks, free
from matdiff.codegen import newton, sources
from matdiff.codegen.emit.names import identifier
from matdiff.core.node import Node, Symbol, number, symbols
from matdiff.core.shape import Dim
from matdiff.errors import UnsupportedError

IMPORTS = "import scipy.linalg\n"


def module(
    adjoints: Adjoint, variables: Sequence[Symbol], gradients: Mapping[Symbol, Node], backend: str, note: str
) -> str:
    """`solve`, `value` and (of a scalar function) `value_and_gradient`, which take the arrays by name.

    Raises UnsupportedError for another backend than NumPy, and for unknowns whose sizes no array has.
    """
    if backend != "numpy":
        raise UnsupportedError(
            f"the code for unknowns that equations determine is not written for {backend}",
            hint="ask for NumPy: it factors once for the solution and its adjoint",
        )
    given = [v for v in variables if v not in adjoints.unknowns]
    every = (*given, *adjoints.unknowns, *(v for vs in adjoints.multipliers for v in vs))
    scalar = adjoints.covector is number(1)
    parts: dict[str, tuple[Any, str]] = {}
    linear = []
    for k, s in enumerate(adjoints.systems, 1):
        found = [[free(b, s.unknowns) for b in row] for row in blocks(s)]
        linear.append(not any(x.name in names(found) for x in s.unknowns))
        parts[f"_residual_{k}"] = [free(F, s.unknowns) for F in s.residuals], f"What is 0 in system {k}."
        parts[f"_blocks_{k}"] = [b for row in found for b in row], f"The Jacobian of system {k}, row by row."
        parts[f"_right_{k}"] = list(adjoints.right[k - 1].values()), f"The right of the adjoint equation of system {k}."
    parts["_value"] = adjoints.function, "The function at the solution."
    if scalar:
        parts["_gradient"] = {X.name: G for X, G in gradients.items()}, "The gradients at solution and adjoint."
    body = sources(parts, every)
    pieces = [_source(newton.one_step)] if any(linear) else []
    pieces += [_source(newton.newton)] if not all(linear) else []
    pieces += [_source(newton.stacked), *(_system(k, s, given) for k, s in enumerate(adjoints.systems, 1))]
    pieces.append(_solve(adjoints.systems, linear, note))
    pieces.append(VALUE)
    if scalar:
        pieces.append(_gradient(adjoints, next(iter(gradients)).name if len(gradients) == 1 else ""))
    head, rest = body.split("\n\n\n", 1) if body.startswith(("import", "from")) else ("", body)
    return "\n\n\n".join([head + "\n" + IMPORTS.strip(), rest.rstrip(), *(p.rstrip() for p in pieces)]) + "\n"


def names(rows: Sequence[Sequence[Node]]) -> set[str]:
    return {s.name for row in rows for b in row for s in symbols(b)}


def _source(function: Callable[..., Any]) -> str:
    """A function as it stands, without annotations."""
    lines = inspect.getsource(function).split("\n")
    head = f"def {function.__name__}({', '.join(inspect.signature(function).parameters)}):"
    return "\n".join([head, *lines[1:]])


def _size(dim: Dim, given: Sequence[Symbol]) -> str:
    """A dimension as code, from the shape of an array that has it."""
    if dim.number is not None:
        return str(dim.number)
    for v in given:
        for axis, its in enumerate(v.shape):
            if its is dim:
                return f"np.shape(arrays['{identifier(v.name)}'])[{axis}]"
    raise UnsupportedError(f"no array tells the size {dim}", hint="declare it as a number")


def _count(x: Node, given: Sequence[Symbol]) -> str:
    return " * ".join(_size(d, given) for d in x.shape) or "1"


def _shaped(x: Symbol, part: str, given: Sequence[Symbol]) -> str:
    if x.kind == "scalar":
        return f"float({part}[0])"
    if x.kind == "vector":
        return part
    return f"{part}.reshape(({_size(x.rows, given)}, {_size(x.cols, given)}), order='F')"


def _unpack(targets: Sequence[Symbol], given: Sequence[Symbol]) -> list[str]:
    """Lines that put the parts of a vector u into the arrays."""
    if len(targets) == 1:
        return [f"    arrays['{identifier(targets[0].name)}'] = {_shaped(targets[0], 'u', given)}"]
    lines = [f"    counts = np.cumsum([{', '.join(_count(x, given) for x in targets)}])"]
    lines.append("    parts = np.split(u, counts[:-1])")
    shaped = (_shaped(x, f"parts[{i}]", given) for i, x in enumerate(targets))
    return lines + [f"    arrays['{identifier(x.name)}'] = {code}" for x, code in zip(targets, shaped, strict=True)]


def _system(k: int, s: System, given: Sequence[Symbol]) -> str:
    """How a vector is put into the unknowns of a system, its residual, its matrix and where Newton starts."""
    rows, cols = ([_count(x, given) for x in part] for part in (s.residuals, s.unknowns))
    lines = [
        f"def _with_{k}(arrays, u):",
        f'    """The arrays with the unknowns of system {k} from a vector."""',
        "    arrays = dict(arrays)",
        *_unpack(s.unknowns, given),
        "    return arrays",
        "",
        "",
        f"def _matrix_{k}(arrays):",
        f'    """The Jacobian of system {k} as one matrix."""',
        f"    blocks = iter(_blocks_{k}(**arrays))",
        f"    rows, cols = [{', '.join(rows)}], [{', '.join(cols)}]",
        "    return np.block([[np.reshape(next(blocks), (r, c), order='F') for c in cols] for r in rows])",
        "",
        "",
        f"def _start_{k}(arrays):",
        f"    return np.zeros({' + '.join(cols)})",
    ]
    return "\n".join(lines)


def _solve(systems: Sequence[System], linear: Sequence[bool], note: str) -> str:
    said = "\n    ".join(note.splitlines())
    lines = [
        "def solve(*, start=None, **arrays):",
        '    """The arrays with the unknowns, and the LU factors of each system.',
        "",
        "    `start` has arrays from which Newton's method starts, by the names of the unknowns.",
        f"    {said}",
        '    """',
        "    factors = []",
    ]
    for k, (s, direct) in enumerate(zip(systems, linear, strict=True), 1):
        unknowns = ", ".join(repr(identifier(x.name)) for x in s.unknowns)
        start = f"_start_{k}(arrays)"
        if not direct:
            start = f"{start} if start is None else stacked([start[name] for name in ({unknowns},)])"
        lines += [
            f"    u, lu = {'one_step' if direct else 'newton'}(",
            f"        lambda u: stacked(_residual_{k}(**_with_{k}(arrays, u))),",
            f"        lambda u: _matrix_{k}(_with_{k}(arrays, u)),",
            f"        {start},",
            "    )",
            f"    arrays = _with_{k}(arrays, u)",
            "    factors.append(lu)",
        ]
    return "\n".join([*lines, "    return arrays, factors"])


VALUE = '''def value(*, start=None, **arrays):
    """The value of the function, the equations solved."""
    return _value(**solve(start=start, **arrays)[0])'''


def _gradient(adjoints: Adjoint, alone: str) -> str:
    given = [v for v in symbols(adjoints.function) if v not in adjoints.unknowns]
    given += [v for s in adjoints.systems for F in s.residuals for v in symbols(F) if v not in adjoints.unknowns]
    lines = [
        "def value_and_gradient(*, start=None, **arrays):",
        '    """Value and gradient by the adjoint method: the factors of the solution serve again."""',
        "    arrays, factors = solve(start=start, **arrays)",
    ]
    for k in range(len(adjoints.systems), 0, -1):
        lines.append(f"    u = scipy.linalg.lu_solve(factors[{k - 1}], stacked(_right_{k}(**arrays)), trans=1)")
        lines += _unpack(adjoints.multipliers[k - 1], given)
    found = f"_gradient(**arrays)[{alone!r}]" if alone else "_gradient(**arrays)"
    return "\n".join([*lines, f"    return _value(**arrays), {found}"])
