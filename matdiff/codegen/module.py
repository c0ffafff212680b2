"""The text of a generated module: imports, helpers, and the function with its docstring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from matdiff.codegen import helpers
from matdiff.codegen.emit import Check, Emitter
from matdiff.codegen.forms import as_kind, literal
from matdiff.errors import MatdiffError
from matdiff.node import Node, Number, Symbol, describe


@dataclass(frozen=True, slots=True)
class Generated:
    """Source and what is needed to run it: `inputs` maps variables to parameters of the function."""

    text: str
    inputs: dict[Symbol, str]
    checks: tuple[Check, ...]


def generate(
    roots: Sequence[Node], keys: Sequence[str] | None, single: bool, emitter: Emitter, name: str, doc: str
) -> Generated:
    """The module text: imports, helpers, the function."""
    emitter.emit(roots)
    values = [
        as_kind(emitter, emitter.code[r], r.kind, "matrix").text if r.kind == "row" else returned(emitter, r)
        for r in roots
    ]
    body = emitter.preamble() + emitter.lines
    body.append(f"return {result(values, keys, single)}")
    parameters = ", ".join(["*", *emitter.inputs.values()]) + ", " if emitter.inputs else ""
    described = docstring(doc, roots, emitter.inputs)
    function = "\n".join(
        [f"def {name}({parameters}**_):", *("    " + line if line else "" for line in described + body)]
    )
    function = emitter.backend.translate(function)
    text = "\n\n\n".join([*helpers.called(function, emitter.backend.all_helpers), function])
    imports = [line for pattern, line in emitter.backend.imports if helpers.mentions(pattern, text)]
    head = "\n".join(imports) + "\n\n\n" if imports else ""
    return Generated(head + text + "\n", dict(emitter.inputs), tuple(emitter.checks))


def returned(emitter: Emitter, root: Node) -> str:
    """A result; whole numbers become floats."""
    if isinstance(root, Number) and isinstance(root.value, int):
        return literal(Fraction(root.value)).text if abs(root.value) >= 2**53 else f"{root.value}.0"
    return emitter.code[root].text


def result(values: Sequence[str], keys: Sequence[str] | None, single: bool) -> str:
    if single:
        return values[0]
    if keys is None:
        return f"({', '.join(values)}{',' if len(values) == 1 else ''})"
    return "{" + ", ".join(f"{quoted(k)}: {v}" for k, v in zip(keys, values, strict=True)) + "}"


def quoted(key: str) -> str:
    if not all(c.isalnum() or c in "_'" for c in key):
        raise MatdiffError(f"{key!r} cannot be the name of a result")
    return repr(key)


def docstring(doc: str, roots: Sequence[Node], inputs: Mapping[Symbol, str]) -> list[str]:
    """What comes back and what goes in, in the language's words."""
    outcome = f"Return {' and '.join(describe(r) for r in roots)}."
    takes = "; ".join(f"{name}: {describe(v)}" for v, name in inputs.items())
    head = harmless(doc)
    lines = [head] * bool(head) + [harmless(outcome)] + [harmless(f"Takes {takes}.")] * bool(takes)
    first = f'"""{lines[0]}'
    if len(lines) == 1:
        return [first + '"""']
    return [first, "", *lines[1:], '"""'] if head else [first, *lines[1:], '"""']


def harmless(text: str) -> str:
    """Text that cannot end a docstring or escape in it."""
    return "".join(c if c.isprintable() and c not in '\\"' else " " for c in text).strip()
