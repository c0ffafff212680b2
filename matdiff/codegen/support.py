"""Which function of the language has code in which library."""

from __future__ import annotations

from matdiff.codegen.backends.base import NAMES, Backend, backend_named
from matdiff.codegen.emit.forms import FORMS
from matdiff.core.op import Op, registry
from matdiff.errors import UnsupportedError


def support() -> dict[str, dict[str, str]]:
    """For every function of the language and every backend: "" where there is code, else why there is none."""
    return {name: {b: refusal(op, backend_named(b)) for b in NAMES} for name, op in registry.items()}


def refusal(op: Op, backend: Backend) -> str:
    """Why a library has no code for a function; empty where it has."""
    if op.name in FORMS:
        return ""
    try:
        backend.template(op)
    except UnsupportedError as error:
        return str(error)
    return ""


def support_table() -> str:
    """A line a function, a column a backend: `yes` or `-`."""
    rows = support()
    width = max(map(len, rows))
    lines = [f"{'':<{width}}  " + "  ".join(f"{b:<5}" for b in NAMES)]
    lines += [f"{n:<{width}}  " + "  ".join(f"{'-' if row[b] else 'yes':<5}" for b in NAMES) for n, row in rows.items()]
    return "\n".join(line.rstrip() for line in lines)
