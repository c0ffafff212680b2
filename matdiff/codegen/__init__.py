"""Code from expressions: what is asked for, planned, emitted, and made a function.

NumPy, SciPy and JAX are imported only when a compiled function is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from matdiff.codegen.arguments import Argument, Entry, differential_names
from matdiff.codegen.backends.base import COLUMN_MAJOR, backend_named, require, require_numba
from matdiff.codegen.emit.emitter import Check, Emitter
from matdiff.codegen.emit.module import Key, Nodes, generate, module, outputs, result
from matdiff.codegen.emit.names import identifier, lookup
from matdiff.codegen.execute import executed, run
from matdiff.codegen.plan.balance import evaluators
from matdiff.codegen.plan.variants import plans
from matdiff.core.node import Node, Symbol

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation


class Request(NamedTuple):
    """What code is asked for: `checked` to refuse arrays outside a domain, `strict` also where nothing is smooth,
    `settled` where eigenvalues need not all be distinct."""

    roots: tuple[Node, ...]
    keys: tuple[Key, ...] | None
    single: bool
    variables: tuple[Symbol, ...]
    backend: str = "numpy"
    name: str = "f"
    doc: str = ""
    checked: bool = False
    strict: bool = False
    settled: bool = False


class Program(NamedTuple):
    """A compiled expression: its source, its function, and which variables that takes under which names."""

    text: str
    function: Callable[..., Any]
    inputs: tuple[tuple[Symbol, str], ...]
    checks: tuple[Check, ...]


def source(
    node: Nodes,
    variables: Sequence[Symbol],
    backend: str = "numpy",
    *,
    name: str = "f",
    doc: str = "",
    checked: bool = False,
) -> str:
    """Readable source of a function of the variables, by keyword.

    Several outputs return a tuple, or a dict where `node` is one; a first key "" stands before the dict, and keys
    that are pairs are in a dict of their own: `(value, {"U": …}, {("U", "U"): …})`.  Only variables that the values,
    their sizes or their type depend on are parameters; surplus keywords are ignored.  Without a `doc` the docstring
    begins with the expression.
    """
    backend = "octave" if backend == "matlab" else backend
    known = doc or (repr(node) if isinstance(node, Node) else "")
    if backend in ("c", "numba", *COLUMN_MAJOR):
        return sources({name: (node, known)}, variables, backend)
    return written(Request(*outputs(node), tuple(variables), backend, name, known, checked))[0]


def sources(functions: Mapping[str, tuple[Nodes, str]], variables: Sequence[Symbol], backend: str = "numpy") -> str:
    """One module with several functions: by name, what each computes and what its docstring says."""
    if backend in COLUMN_MAJOR:
        columns: Any = import_module(f"{__name__}.backends.columns")
        return str(columns.sources(functions, variables, backend))
    if backend == "c":
        from matdiff.codegen.backends.c import unit

        return unit(functions, variables).source()
    if backend == "numba":
        from matdiff.codegen.backends import numba

        return numba.module(functions, variables)
    target = backend_named(backend)
    parts = []
    for name, (node, doc) in functions.items():
        roots, keys, single = outputs(node)
        planned = plans(roots, target.inverses)
        parts.append(generate(planned, keys, single, Emitter(target, variables), identifier(name), doc))
    return module(parts)


def compile_(
    node: Nodes,
    variables: Sequence[Symbol],
    backend: str = "numpy",
    *,
    name: str = "f",
    doc: str = "",
    unchecked: bool = False,
    batch: Sequence[str] | str = (),
) -> Callable[..., Any]:
    """The function itself; for JAX under `jax.jit`.  It takes names as the user typed them: `f(**{"lambda": 0.1})`.

    It raises ArgumentError, which is a TypeError, for arrays of wrong shapes and for unknown names, unless `unchecked`.
    The variables that `batch` names have a leading axis, and so have all results.
    """
    if batch:
        return mapped(node, variables, backend, name, doc, batch)
    if backend == "numba":
        from matdiff.codegen.backends import numba

        text, given = numba.written(*outputs(node), variables, identifier(name), doc)
        inputs = tuple(given.items())
        busy = numba.busy(outputs(node)[0], given)
    else:
        text, inputs, _ = written(Request(*outputs(node), tuple(variables), backend, name, doc))
    arguments = tuple(Argument.of(v, parameter) for v, parameter in inputs)
    free = dict.fromkeys([*variables, *(v for v, _ in inputs)])
    names = None if unchecked else (tuple(v.name for v in free), tuple(differential_names(free)))
    if backend == "numba" and busy:
        other, its, _ = written(Request(*outputs(node), tuple(variables), "numpy", name, doc))
        large = other, identifier(name), tuple(Argument.of(v, p) for v, p in its), "numpy", names
        return ready(text, identifier(name), arguments, backend, names, busy, large)
    return ready(text, identifier(name), arguments, backend, names)


def mapped(
    node: Nodes, variables: Sequence[Symbol], backend: str, name: str, doc: str, batch: Sequence[str] | str
) -> Callable[..., Any]:
    """The function of many problems at once."""
    from matdiff.codegen.batch import batched

    roots, keys, single = outputs(node)
    if backend == "numba":
        from matdiff.codegen.backends import numba

        require_numba()
        return numba.mapped(roots, keys, single, variables, identifier(name), doc, batch)
    core = None if backend == "numpy" else compile_(node, variables, backend, name=name, doc=doc, unchecked=True)
    return batched(roots, arranger(keys, single), variables, backend, batch, core)


def arranger(keys: tuple[Key, ...] | None, single: bool) -> Callable[[Sequence[Any]], Any]:
    """What gives results the form that was asked for."""
    text = result([f"values[{k}]" for k in range(len(keys or ()))], keys, False) if keys else "tuple(values)"
    return run(f"def arranged(values):\n    return {'values[0]' if single else text}\n", "arranged", {})


class Compiled(partial[Any]):
    """A compiled function, which is pickled as its source."""

    recipe: tuple[Any, ...]
    core: Callable[..., Any]
    """The function without the checks on entry."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.core, name)

    def __repr__(self) -> str:
        return f"<compiled function {self.__name__}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return ready, self.recipe


def ready(
    text: str,
    name: str,
    arguments: tuple[Argument, ...],
    backend: str,
    names: tuple[tuple[str, ...], tuple[str, ...]] | None,
    busy: str = "",
    large: tuple[Any, ...] = (),
) -> Compiled:
    """The function of that name in a source, which takes arrays under the names that the user typed.

    It checks shapes and names, of which it ignores surplus ones of the variables and of some others; None: it does not.
    Where `busy` holds, native code calls the function that is made of `large`.
    """
    if backend == "numba":
        require_numba()
        from matdiff.codegen.backends import numba

        made = Compiled(numba.function(text, name, arguments, names, busy, ready(*large) if busy else None))
        made.core = made.func
        made.recipe = text, name, arguments, backend, names, busy, large
        made.__doc__ = made.func.__doc__
        return made
    require(backend_named(backend))
    core = function = executed(text, name)
    if backend == "jax":
        import jax

        core = function = jax.jit(core)
    if names is not None:
        function = run(*Entry(arguments, *names).text(name, core))
    elif any(a.name != a.parameter for a in arguments):
        function = renaming(core, arguments)
    made = Compiled(function)
    made.core = core
    made.recipe = text, name, arguments, backend, names
    made.__doc__ = core.__doc__
    return made


def renaming(function: Callable[..., Any], arguments: tuple[Argument, ...]) -> Callable[..., Any]:
    """The function under the names that the user typed, where Python spells them differently."""

    def renamed(**arrays: Any) -> Any:
        found = ((a.parameter, lookup(a.name, arrays)) for a in arguments)
        return function(**{parameter: arrays[key] for parameter, key in found if key is not None})

    return renamed


Written = tuple[str, tuple[tuple[Symbol, str], ...], tuple[Check, ...]]


@lru_cache(maxsize=64)
def written(request: Request) -> Written:
    target = backend_named(request.backend)
    emitter = Emitter(target, request.variables, request.checked, request.strict, request.settled)
    planned = _planned(request.roots, target.inverses, request.checked)
    made = generate(planned, request.keys, request.single, emitter, identifier(request.name), request.doc)
    return made.text, tuple(made.inputs.items()), made.checks


_planned = lru_cache(maxsize=64)(plans)
"""One plan serves the checks of what is defined and of what is smooth."""


def values(nodes: Sequence[Node], arrays: Mapping[Symbol, Any]) -> Sequence[Any]:
    """The values of some expressions by code that is not planned."""
    made = generate([nodes], None, False, Emitter(backend_named("numpy"), tuple(arrays)), "f", "")
    given = {name: arrays[v] for v, name in made.inputs.items()}
    found: Sequence[Any] = run(made.text, "f", {})(**given)
    return found


evaluators["numpy"] = values


@lru_cache(maxsize=64)
def compiled(request: Request) -> Program:
    text, inputs, checks = written(request)
    if not request.checked:
        return Program(text, executed(text, identifier(request.name)), inputs, checks)
    from matdiff.codegen.checks import checker
    from matdiff.codegen.factored import using

    made = run(text, identifier(request.name), {"check": checker(checks)})
    return Program(text, using(made), inputs, checks)


def second_order(derivation: Derivation) -> Nodes:
    """Value, gradient and Hessian of a scalar function as the outputs of one function, which shares everything.

    For several variables gradients by name and Hessians by pairs of names.
    """
    value, gradient, hessian = derivation.function.node, derivation.gradient, derivation.hessian
    if not derivation.several:
        return [value, gradient.node, hessian.node]
    parts = {"": value, **{x: g.node for x, g in gradient.items()}, **{pair: H.node for pair, H in hessian.items()}}
    return cast(Nodes, parts)


def value_grad_hessian(derivation: Derivation, backend: str = "numpy") -> Callable[..., Any]:
    """The compiled function of the arrays by name that returns `(value, gradient, Hessian)`."""
    return compile_(second_order(derivation), derivation.function.variables, backend, name="value_grad_hessian")


__all__ = [
    "Program",
    "Request",
    "compile_",
    "compiled",
    "outputs",
    "second_order",
    "source",
    "sources",
    "value_grad_hessian",
]
