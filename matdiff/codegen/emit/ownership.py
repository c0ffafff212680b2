"""Results are the caller's own: no input, no view of one, and no array twice."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from matdiff.core.node import Apply, Node, Symbol
from matdiff.core.op import Op
from matdiff.core.shape import signature
from matdiff.errors import UnsupportedError

if TYPE_CHECKING:
    from matdiff.codegen.backends.base import Backend
    from matdiff.codegen.emit.emitter import Emitter

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
