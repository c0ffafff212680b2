"""Newton's step as source text that runs without matdiff: the parts by the emitter, the solver as it stands."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence

from matdiff.codegen import sources
from matdiff.codegen.recipes import Call, Form, leaves
from matdiff.codegen.solvers import MODULES
from matdiff.core.node import Node, Symbol


def newton_source(form: Form, variables: Sequence[Symbol], doc: str) -> str:
    """A module with `newton_step(**arrays)`, the s with H s = −∇f, for a Hessian of known form."""
    nodes = (form.right, *leaves(form.solver))
    parts = sources({"parts": (list(nodes), f"What the step is made of.\n{doc}")}, variables)
    count = [0]
    built = written(form.solver, count)
    step = [
        "",
        "",
        "def newton_step(**arrays):",
        f'    r"""{doc}"""',
        "    found = parts(**arrays)",
        f"    solver = {built}",
        "    return solver.solve(-found[0])",
        "",
    ]
    return "\n".join([*library({form.solver.name, *inside(form.solver)}), "", parts.rstrip("\n"), *step])


def written(value: object, count: list[int]) -> str:
    """A recipe as an expression; nodes are taken from the parts in order."""
    if isinstance(value, Call):
        return f"{value.name}({', '.join(written(a, count) for a in value.args)})"
    if isinstance(value, Node):
        count[0] += 1
        return f"found[{count[0]}]"
    if isinstance(value, tuple):
        return f"[{', '.join(written(a, count) for a in value)}]"
    return repr(value)


def inside(value: object) -> set[str]:
    """The solvers that a recipe calls."""
    if isinstance(value, Call):
        return {value.name, *(name for a in value.args for name in inside(a))}
    if isinstance(value, tuple):
        return {name for a in value for name in inside(a)}
    return set()


def library(wanted: set[str]) -> list[str]:
    """The solvers of those names, and what they use, as they stand in the modules of `solvers`."""
    pieces = [(node, text) for text in map(inspect.getsource, MODULES) for node in ast.parse(text).body]
    defined = {name: node for node, _ in pieces for name in names_of(node)}
    taken: set[str] = set()
    waiting = sorted(wanted)
    while waiting:
        name = waiting.pop()
        if name in taken or name not in defined:
            continue
        taken.add(name)
        waiting += [n.id for n in ast.walk(defined[name]) if isinstance(n, ast.Name)]
    kept = [(node, text.split("\n")) for node, text in pieces if taken & set(names_of(node))]
    head = ["from __future__ import annotations", "", "from typing import Any", ""]
    head += ["import numpy as np", "import scipy.linalg", "import scipy.sparse"]
    out = head
    for node, lines in kept:
        blank = ["", ""] if isinstance(node, (ast.ClassDef, ast.FunctionDef)) else [""]
        out += [*blank, *lines[node.lineno - 1 : node.end_lineno]]
    return [*out, ""]


def names_of(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [t.id for t in node.targets if isinstance(t, ast.Name)]
    return []
