"""Modules with one mode of differentiation, jvp, vjp or hvp; for JAX and PyTorch also as a function that these
libraries differentiate by it: jax.custom_vjp, jax.custom_jvp, torch.autograd.Function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matdiff.codegen import sources
from matdiff.codegen.backends.base import backend_named
from matdiff.codegen.emit.module import Nodes
from matdiff.codegen.emit.names import identifier
from matdiff.core.node import Node, Symbol
from matdiff.errors import UnsupportedError

MODES = ("jvp", "vjp", "hvp")


@dataclass(frozen=True)
class Maps:
    """A function and its linear maps: `jvp` in the `directions`, `vjp` in the `covector`, by variable; `gradient` and
    `hvp` of a scalar function.
    """

    value: Node
    variables: tuple[Symbol, ...]
    directions: Mapping[Symbol, Symbol]
    covector: Symbol
    jvp: Node
    vjp: Mapping[Symbol, Node]
    gradient: Mapping[Symbol, Node]
    hvp: Mapping[Symbol, Node]


def module(maps: Maps, mode: str, backend: str, custom: bool, text: str, notes: Sequence[str]) -> str:
    """`value` and the map of the mode, which take the arrays by name; with `custom` also `function`.

    Raises UnsupportedError for a mode that there is not, and for NumPy with `custom`.
    """
    target = backend_named(backend).name
    if mode not in MODES:
        raise UnsupportedError(f"there is no mode {mode!r}", hint=f"the modes are {', '.join(MODES)}")
    if custom and target == "numpy":
        raise UnsupportedError(
            "NumPy differentiates nothing, so there is nothing to customize",
            hint='ask for JAX or PyTorch: --target jax, backend="jax"',
        )
    known = "\n".join(notes)
    by = ", ".join(X.name for X in maps.directions)
    parts: dict[str, tuple[Nodes, str]] = {"value": (maps.value, f"The value of {text}")}
    wanted = {mode} | ({"vjp"} if custom and target == "torch" and mode == "jvp" else set())
    if "jvp" in wanted:
        parts["jvp"] = maps.jvp, f"The differential by {by} along {_names(maps.directions)} of {text}\n{known}"
    if "vjp" in wanted:
        parts["vjp"] = (
            _keyed(maps.vjp, custom),
            f"The adjoint by {by}, paired with {maps.covector.name}, of {text}\n{known}",
        )
    if mode == "hvp":
        said = f"The Hessian by {by} times {_names(maps.directions)} of {text}\n{known}"
        parts["hvp"] = _keyed(maps.hvp, custom), said
        if custom:
            parts["gradient"] = _keyed(maps.gradient, True), f"The gradient by {by} of {text}"
    every = (*maps.variables, *maps.directions.values(), maps.covector)
    made = sources(parts, every, target)
    if not custom:
        return made
    arrays = ", ".join(repr(identifier(X.name)) for X in maps.directions)
    moving = ", ".join(f"{identifier(d.name)!r}: {{0}}[{identifier(X.name)!r}]" for X, d in maps.directions.items())
    shape = (JAX if target == "jax" else TORCH)[mode]
    signs = {"KNOWN": f"({arrays},)", "COVECTOR": identifier(maps.covector.name), "SAID": text.replace('"', "'")}
    for sign, instead in signs.items():
        shape = shape.replace(sign, instead)
    shape = shape.replace("MOVING", f"{{{moving.format('moving')}}}")
    first, rest = ("import jax\n", made) if target == "jax" else ("", made)
    if target == "jax" and "import jax.numpy as jnp" not in made:
        first += "import jax.numpy as jnp\n" + ("\n\n" if not made.startswith("import") else "")
    if target == "torch" and not made.startswith("import torch"):
        first = "import torch\n\n\n"
    return first + rest.rstrip("\n") + "\n\n\n" + shape.strip("\n") + "\n"


def _keyed(found: Mapping[Symbol, Node], always: bool) -> Nodes:
    if len(found) == 1 and not always:
        (node,) = found.values()
        return node
    return {identifier(X.name): node for X, node in found.items()}


def _names(directions: Mapping[Symbol, Symbol]) -> str:
    return ", ".join(identifier(d.name) for d in directions.values())


JAX = {
    "vjp": '''
@jax.custom_vjp
def _function(arrays):
    return value(**arrays)


def _forward(arrays):
    return value(**arrays), arrays


def _backward(arrays, y):
    return (vjp(**arrays, COVECTOR=y),)


_function.defvjp(_forward, _backward)


def function(**arrays):
    """SAID; JAX differentiates it by its adjoint."""
    return _function({name: jnp.asarray(arrays[name]) for name in KNOWN})
''',
    "jvp": '''
@jax.custom_jvp
def _function(arrays):
    return value(**arrays)


@_function.defjvp
def _tangent(arrays, moving):
    (arrays,), (moving,) = arrays, moving
    return value(**arrays), jvp(**arrays, **MOVING)


def function(**arrays):
    """SAID; JAX differentiates it by its differential."""
    return _function({name: jnp.asarray(arrays[name]) for name in KNOWN})
''',
    "hvp": '''
@jax.custom_vjp
def _gradient(arrays):
    return gradient(**arrays)


def _gradient_forward(arrays):
    return gradient(**arrays), arrays


def _gradient_backward(arrays, moving):
    return (hvp(**arrays, **MOVING),)


_gradient.defvjp(_gradient_forward, _gradient_backward)


@jax.custom_vjp
def _function(arrays):
    return value(**arrays)


def _forward(arrays):
    return value(**arrays), arrays


def _backward(arrays, y):
    found = _gradient(arrays)
    return ({name: y * found[name] for name in KNOWN},)


_function.defvjp(_forward, _backward)


def function(**arrays):
    """SAID; JAX differentiates it by its gradient, and that by the Hessian, which is symmetric."""
    return _function({name: jnp.asarray(arrays[name]) for name in KNOWN})
''',
}
TORCH = {
    "vjp": '''
class Function(torch.autograd.Function):
    """SAID, with its adjoint as its derivative."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*values):
        return value(**dict(zip(KNOWN, values)))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, y):
        found = vjp(**dict(zip(KNOWN, ctx.saved_tensors)), COVECTOR=y)
        return tuple(found[name] for name in KNOWN)


def function(**arrays):
    """SAID; PyTorch differentiates it by its adjoint."""
    return Function.apply(*(arrays[name] for name in KNOWN))
''',
    "jvp": '''
class Function(torch.autograd.Function):
    """SAID, with its differential for forward mode and its adjoint for reverse mode."""

    @staticmethod
    def forward(*values):
        return value(**dict(zip(KNOWN, values)))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, y):
        found = vjp(**dict(zip(KNOWN, ctx.saved_tensors)), COVECTOR=y)
        return tuple(found[name] for name in KNOWN)

    @staticmethod
    def jvp(ctx, *tangents):
        arrays = dict(zip(KNOWN, ctx.saved_tensors))
        moving = {
            name: torch.zeros_like(arrays[name]) if tangent is None else tangent
            for name, tangent in zip(KNOWN, tangents)
        }
        return jvp(**arrays, **MOVING)


def function(**arrays):
    """SAID; PyTorch differentiates it by its differential and its adjoint."""
    return Function.apply(*(arrays[name] for name in KNOWN))
''',
    "hvp": '''
class Gradient(torch.autograd.Function):
    """The gradient of SAID, with the Hessian as its derivative."""

    @staticmethod
    def forward(*values):
        found = gradient(**dict(zip(KNOWN, values)))
        return tuple(found[name] for name in KNOWN)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, *moving):
        moving = dict(zip(KNOWN, moving))
        found = hvp(**dict(zip(KNOWN, ctx.saved_tensors)), **MOVING)
        return tuple(found[name] for name in KNOWN)


class Function(torch.autograd.Function):
    """SAID, with its gradient as its derivative."""

    @staticmethod
    def forward(*values):
        return value(**dict(zip(KNOWN, values)))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, y):
        return tuple(y * g for g in Gradient.apply(*ctx.saved_tensors))


def function(**arrays):
    """SAID; PyTorch differentiates it by its gradient, and that by the Hessian, which is symmetric."""
    return Function.apply(*(arrays[name] for name in KNOWN))
''',
}
