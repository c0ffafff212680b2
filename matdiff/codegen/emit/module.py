"""The text of a generated module: imports, helpers, and the function with its docstring."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from math import gcd
from typing import NamedTuple

from matdiff.codegen.backends import numpy as helpers
from matdiff.codegen.backends.base import Backend
from matdiff.codegen.emit.emitter import Check, Emitter
from matdiff.codegen.emit.layout import WIDTH, filled, folded
from matdiff.codegen.emit.pieces import Code, as_kind, literal, suffix
from matdiff.codegen.plan.variants import costs
from matdiff.core.node import Apply, Node, Number, Symbol, describe
from matdiff.core.op import Op
from matdiff.core.shape import Dim, signature
from matdiff.errors import MatdiffError, UnsupportedError

# Results are the caller's own: no input, no view of one, and no array twice.

VIEWING = re.compile(
    r"(?:np|torch)\.(?:asarray|atleast_\w+|broadcast_\w+|diagonal|expand_dims|flip\w*|imag|moveaxis|permute|ravel|real|"
    r"reshape|rot90|split|squeeze|swapaxes|transpose|unsqueeze|[hv]split)\("
)
"""How a call of the array libraries begins that may return its argument, or a view of it."""


@cache
def is_view(op: Op, backend: Backend) -> bool:
    """May the value lie in the memory of an argument?  The code tells: sums, products and most calls make an array."""
    return "view" in op.traits.split() or is_diagonal(op) or begins_with_argument(template_of(op, backend))


def begins_with_argument(code: str) -> bool:
    """Is it an argument, or are methods, parts and views of one all that there is?"""
    node = ast.parse(code, mode="eval").body
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Attribute) and is_value(node.func.value)):
            if not VIEWING.match(ast.unparse(node)):
                return False
            node = node.args[0]
        else:
            node = node.func if isinstance(node, ast.Call) else node.value
    return isinstance(node, ast.Name) and node.id.startswith("field_")


def is_value(node: ast.expr) -> bool:
    """Is it an array, whose method is called, and no module?"""
    while isinstance(node, ast.Attribute):
        node = node.value
    return not isinstance(node, ast.Name) or node.id.startswith("field_")


def template_of(op: Op, backend: Backend) -> str:
    try:
        return re.sub(r"\{(\w+)\}", r"field_\1", backend.template(op))
    except UnsupportedError:
        return "0"


def is_diagonal(op: Op) -> bool:
    """NumPy's diagonal of a matrix, a view that nobody may write on."""
    return op.numpy.startswith(("np.diagonal(", "np.diag(")) and len(signature(op.signature)[1] or ()) == 1


def borrowed(roots: Sequence[Node], emitter: Emitter) -> list[bool]:
    """Which results must be copied: views of inputs, of other results, and those that NumPy lets nobody write on."""
    if not emitter.backend.copied:
        return [False] * len(roots)
    taken: set[Node] = set()
    found = []
    for root in roots:
        owner, *between = below(root, emitter.backend)
        made = [n.op for n in between if isinstance(n, Apply)]
        given = isinstance(owner, Symbol)
        shared = any(isinstance(n, Apply) and len(n.args) > 1 for n in between)
        immutable = emitter.backend.name == "numpy" and root.kind == "scalar" and (bool(made) or not given)
        found.append(not immutable and (any(map(is_diagonal, made)) or owner in taken or given or shared))
        taken.add(owner)
    return found


def below(node: Node, backend: Backend) -> list[Node]:
    """What a value's memory belongs to, then all that stands between, from the inside out."""
    path = [node]
    while True:
        if isinstance(node, Symbol) and node.body is not None:
            node = node.body
        elif isinstance(node, Apply) and node.args and is_view(node.op, backend) and node.args[0].kind != "scalar":
            node = node.args[0]
        else:
            return path[::-1]
        path.append(node)


Key = str | tuple[str, str]
Nodes = Node | Mapping[str, Node] | Mapping[Key, Node] | Sequence[Node]
"""The name of one of several results; of a Hessian the names of two variables."""
ROOM = WIDTH - len('    """.')
"""The width of a docstring's lines."""


class Generated(NamedTuple):
    """One function and what is needed to run it: `inputs` maps variables to parameters of the function."""

    function: str
    backend: Backend
    inputs: dict[Symbol, str]
    checks: tuple[Check, ...]

    @property
    def text(self) -> str:
        return module([self])


def outputs(node: Nodes) -> tuple[tuple[Node, ...], tuple[Key, ...] | None, bool]:
    """The expressions, their keys if they have any, and whether it is one alone."""
    if isinstance(node, Node):
        return (node,), None, True
    if isinstance(node, Mapping):
        return tuple(node.values()), tuple(node), False
    return tuple(node), None, False


def module(parts: Sequence[Generated]) -> str:
    """The text of a module with several functions: imports, helpers, the functions."""
    backend = parts[0].backend
    functions = [part.function for part in parts]
    text = "\n\n\n".join([*helpers.called("\n".join(functions), backend.all_helpers), *functions])
    imports = [line for pattern, line in backend.imports if helpers.mentions(pattern, text)]
    return ("\n".join(imports) + "\n\n\n" if imports else "") + text + "\n"


def generate(
    plans: Sequence[Sequence[Node]], keys: Sequence[Key] | None, single: bool, emitter: Emitter, name: str, doc: str
) -> Generated:
    """The function that computes planned roots, by the plan that is cheapest at the sizes it is called with."""
    roots, *others = plans
    emitter.reuse = emitter.backend.name == "numpy"
    emitter.emit(*plans)
    first, asked = conditions(plans, emitter)
    lines = emitter.lines + first
    for line, other in zip(asked, others, strict=True):
        lines += [line, *("    " + text for text in finish(other, keys, single, emitter))]
    lines += finish(roots, keys, single, emitter)
    body = emitter.preamble() + lines
    parameters = ", ".join(["*", *emitter.inputs.values()]) + ", " if emitter.inputs else ""
    silent = emitter.check and not doc  # it is evaluated here, and nobody reads it
    described = [] if silent else docstring(doc, result([describe(r) for r in roots], keys, single), emitter.inputs)
    code = indented(emitter.backend.translate("\n".join(body)).split("\n"))
    lines = [
        *folded(f"def {name}({parameters}**_):"),
        *indented(described),
        *(t for line in code for t in folded(line)),
    ]
    return Generated("\n".join(lines), emitter.backend, dict(emitter.inputs), tuple(emitter.checks))


def indented(lines: Sequence[str]) -> list[str]:
    return ["    " + line if line else "" for line in lines]


def conditions(plans: Sequence[Sequence[Node]], emitter: Emitter) -> tuple[list[str], list[str]]:
    """The lines before the branches, and the line that asks for each plan but the first."""
    if len(plans) == 1:
        return [], []
    totals = condensed(costs(plans))
    if len(plans) == 2:
        return [], [f"if {emitter.size(totals[1])} < {emitter.size(totals[0])}:"]
    name = emitter.names.fresh("costs")
    asked = [f"if min({name}) == {name}[{k}] < {name}[0]:" for k in range(1, len(plans))]
    return [f"{name} = [{', '.join(map(emitter.size, totals))}]"], asked


def condensed(totals: Sequence[Dim]) -> list[Dim]:
    """Polynomials less what they have in common, and divided by the largest whole number that goes."""
    parts = [dict(t.terms) for t in totals]
    least = {m: min(part.get(m, 0) for part in parts) for part in parts for m in part}
    rests = [{m: part.get(m, 0) - c for m, c in least.items()} for part in parts]
    numbers = [c for rest in rests for c in rest.values()]
    divisor = gcd(*(c.numerator for c in numbers)) if all(c.denominator == 1 for c in numbers) else 1
    return [Dim.collect({m: c // divisor for m, c in rest.items()}) for rest in rests]


def finish(roots: Sequence[Node], keys: Sequence[Key] | None, single: bool, emitter: Emitter) -> list[str]:
    """The lines from what all plans share to the end."""
    lines = emitter.branch(roots)
    values = [returned(emitter, root, copy).text for root, copy in zip(roots, borrowed(roots, emitter), strict=True)]
    return [*lines, f"return {result(values, keys, single)}"]


def returned(emitter: Emitter, root: Node, copy: bool) -> Code:
    """A result: rows are matrices, numbers have the type of the inputs."""
    if root in emitter.plain:
        return number_code(emitter, root)
    code = as_kind(emitter, emitter.code[root], root.kind, "matrix" if root.kind == "row" else root.kind)
    return suffix(code, emitter.backend.copied) if copy else code


def number_code(emitter: Emitter, root: Node) -> Code:
    """A number that no array entered; whole ones become floats."""
    code = emitter.code[root]
    if isinstance(root, Number) and isinstance(root.value, int):
        code = literal(Fraction(root.value)) if abs(root.value) >= 2**53 else Code(f"{root.value}.0")
    if emitter.check or not emitter.variables:
        return code
    emitter.typed = True
    return Code(emitter.backend.returned.format(code.text))


def result(values: Sequence[str], keys: Sequence[Key] | None, single: bool) -> str:
    if single:
        return values[0]
    if not keys:
        return f"({', '.join(values)}{',' if len(values) == 1 else ''})"
    parts = [values[0]] if keys[0] == "" else []
    for kind in (str, tuple):
        named = [f"{quoted(k)}: {v}" for k, v in zip(keys, values, strict=True) if k and isinstance(k, kind)]
        parts += [f"{{{', '.join(named)}}}"] if named else []
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"


def quoted(key: Key) -> str:
    if isinstance(key, tuple):
        return f"({', '.join(map(quoted, key))})"
    if not all(c.isalnum() or c in "_'" for c in key):
        raise MatdiffError(f"{key!r} cannot be the name of a result")
    return f'"{key}"'


def docstring(doc: str, returns: str, inputs: Mapping[Symbol, str]) -> list[str]:
    """What it is; then what comes back and what goes in, in the language's words."""
    first, *known = [filled(harmless(line), ROOM) for line in doc.splitlines() if line.strip()] or [[]]
    takes = "; ".join(f"{name}: {describe(v)}" for v, name in inputs.items())
    lines = [*first, *[""] * bool(first), *(text for part in known for text in part)]
    lines += folded(f"Return {returns}.", ROOM)
    lines += filled(harmless(f"Takes {takes}."), ROOM) if takes else []
    return [f'"""{lines[0]}', *lines[1:], '"""'] if len(lines) > 1 else [f'"""{lines[0]}"""']


def harmless(text: str) -> str:
    """Text that cannot end a docstring or escape in it."""
    return "".join(c if c.isprintable() and c != '"' else " " for c in text).strip().replace("\\", r"\\")
