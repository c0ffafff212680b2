"""The values of a differential equation's derivative: SciPy's integrators, forth for the state and back for v."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from inspect import getsource
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from matdiff.api import passes_jax
from matdiff.calculus.evolution import TIME, Evolution
from matdiff.codegen import sources
from matdiff.codegen.emit.names import identifier, lookup
from matdiff.codegen.evaluate import evaluate, is_function, runner
from matdiff.core.node import Node, Symbol, symbols
from matdiff.errors import DomainError, MatdiffError
from matdiff.graph.rewrite import inline
from matdiff.ops.constants import is_zero
from matdiff.ops.unknown import has_unknown
from matdiff.printing.integrals import Pen
from matdiff.verify.report import Verification, undecided
from matdiff.verify.ridges import with_sizes
from matdiff.verify.sampling import names, point, ways
from matdiff.verify.sets import by_entries, direction, move
from matdiff.verify.unknown import Bare, concrete

if TYPE_CHECKING:
    from collections.abc import Iterator

# The two passes of the adjoint method, as they stand in the modules that `source` writes.

# mypy: allow-untyped-defs, allow-untyped-calls


def passes(initial, until, rates, final, adjoint, terminal, running, start, end, state, multiplier, names, arrays):
    """G and the list of its gradients: the state forth, then the multiplier back over the state's dense output."""
    from scipy.integrate import solve_ivp

    first = np.asarray(initial(**arrays), dtype=float)
    T, n = float(until(**arrays)), first.size
    options = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-13, "dense_output": True}

    def at(t, y, v=None):
        values = {**arrays, "t": t, state: y[:n].reshape(first.shape)}
        return values if v is None else {**values, multiplier: v[:n].reshape(first.shape)}

    def forth(t, y):
        return np.concatenate([np.ravel(part) for part in rates(**at(t, y))])

    path = solve_ivp(forth, (0.0, T), np.append(first.ravel(), 0.0), **options)
    assert path.success, path.message
    last = path.y[:, -1]

    def back(t, y):
        here = at(t, path.sol(t), y)
        return np.concatenate([np.ravel(adjoint(**here)), *(-np.ravel(part) for part in running(**here))])

    shapes = [np.shape(arrays[name]) for name in names]
    sizes = [int(np.prod(shape)) for shape in shapes]
    begun = np.append(np.ravel(terminal(**at(T, last))), np.zeros(sum(sizes)))
    found = solve_ivp(back, (T, 0.0), begun, **options)
    assert found.success, found.message
    v = found.y[:, -1]
    parts = np.split(v[n:], np.cumsum(sizes)[:-1])
    added = zip(parts, shapes, start(**at(0.0, path.y[:, 0], v)), end(**at(T, last)), strict=True)
    gradients = [np.reshape(part, shape) + at_start + at_end for part, shape, at_start, at_end in added]
    return float(last[n] + final(**at(T, last))), gradients


Array = Any

CALLS = 60_000
"""Most evaluations of a right-hand side in one pass; more are wanted only where an equation is stiff."""
TRIES = 24
"""Random points that are tried until enough of them have a solution."""
POINTS = 2
STEPS = (2e-3, 1e-4, 1e-5)
FEW = 4_000
"""The same bound for a random problem, which is left for another one beyond it."""
LARGE = 1e6
SMALL = 1e-8
CALM = 1e3
"""A gradient that is smaller beside the value than one to this is lost in the differences of values."""
AGREE = 1e-6
"""How far differences of values of an integrator may be from the derivative, relative to it."""


class Stiff(MatdiffError):
    """An integration that takes too many evaluations."""


class Problem(Protocol):
    """What a run needs of a differential equation."""

    @property
    def evolution(self) -> Evolution: ...
    @property
    def until(self) -> Node: ...
    @property
    def variables(self) -> tuple[Symbol, ...]: ...
    @property
    def several(self) -> bool: ...
    def run(self, arrays: Mapping[str, Any], calls: int, method: str = ...) -> Any: ...


class Run:
    """One problem with its arrays: values at a time, and passes over the whole of it."""

    def __init__(
        self, d: Problem, arrays: Mapping[str, Any], method: str, rtol: float, atol: float, calls: int = CALLS
    ) -> None:
        self.d, self.e, self.calls = d, d.evolution, calls
        self.options: dict[str, Any] = {"method": method, "rtol": rtol, "atol": atol}
        self.given = self._given(arrays)
        start = self._value(self.e.initial)
        self.shape = np.shape(start)
        self.start = np.ravel(start)
        self.end = float(self._value(d.until))
        if not self.end > 0 or not np.isfinite(self.end):
            raise DomainError(f"the time runs from 0 to a positive end, not to {self.end:g}")
        first = {self.e.state.name: np.reshape(self.start, self.shape), TIME: 0.0}
        names = {v.name for v in (*self.d.variables, *symbols(self.e.rhs, self.e.objective))}
        used = {n: a for n, a in {**self.given, **first}.items() if n in names or is_function(a)}
        evaluate([self.e.rhs, self.e.objective], self.d.variables, used)

    def again(self, arrays: Mapping[str, Any]) -> Run:
        """The same with other arrays."""
        o = self.options
        return Run(self.d, arrays, o["method"], o["rtol"], o["atol"], self.calls)

    def _given(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """The arrays by the names of their variables.  Raises MatdiffError for one that is missing."""
        found: dict[str, Any] = {n: a for n, a in arrays.items() if is_function(a)}
        e = self.e
        needed = {*symbols(e.rhs, e.initial, e.objective, e.final, self.d.until), *e.wrt} - {e.state}
        for v in dict.fromkeys((*self.d.variables, *needed)):
            key = lookup(v.name, arrays)
            if v is e.state or v.name == TIME:
                continue
            if key is not None:
                found[v.name] = np.asarray(arrays[key], dtype=float)
            elif v in needed:
                raise MatdiffError(f"the array {v.name} is missing", hint=f"pass it by name, solve({v.name}=…)")
        return found

    def _value(self, node: Node, **others: Any) -> Any:
        return evaluate(node, self.parameters, {**self.given, **others})

    @cached_property
    def parameters(self) -> tuple[Symbol, ...]:
        """What is given for the whole of the time; from these constants such as zeros(n) have their sizes."""
        return tuple(v for v in self.d.variables if v.name in self.given)

    def _compiled(self, *nodes: Node) -> Callable[..., tuple[Any, ...]]:
        return runner(list(nodes), self.parameters, self.given)

    def integrate(self, rate: Callable[[float, Array], Array], start: Array, back: bool = False) -> Any:
        """SciPy's solution with dense output.  Raises MatdiffError where it does not come to the end."""
        from scipy.integrate import solve_ivp

        calls = 0

        def counted(t: float, y: Array) -> Array:
            nonlocal calls
            calls += 1
            if calls > self.calls:
                raise Stiff(
                    f"the integration takes over {self.calls:,} evaluations: the equation may be stiff",
                    hint='try solve(method="Radau", …), or a larger rtol',
                )
            found = rate(t, y)
            if not np.isfinite(t):
                raise DomainError("the integration fails: the right-hand side has no finite value")
            return found

        span = (self.end, 0.0) if back else (0.0, self.end)
        try:
            with np.errstate(all="ignore"):
                found = solve_ivp(counted, span, start, dense_output=True, **self.options)
        except ValueError as error:
            raise DomainError(f"the integration fails: {error}") from None
        if found.status != 0 or not np.all(np.isfinite(found.y[:, -1])):
            raise DomainError(
                f"the integration stops at t = {found.t[-1]:.6g}, before {span[1]:g}: the solution may leave every "
                "bound there",
                hint="choose an earlier end of the time, or other parameters",
            )
        return found

    def state(self) -> tuple[Any, float]:
        """The state over the time, and G."""
        u, n = self.e.state.name, self.start.size
        both = self._compiled(self.e.rhs, self.e.objective)

        def rate(t: float, y: Array) -> Array:
            f, J = both(**{u: self._shaped(y[:n]), TIME: t})
            return np.append(np.ravel(f), J)

        found = self.integrate(rate, np.append(self.start, 0.0))
        end = {u: self._shaped(found.y[:n, -1]), TIME: self.end}
        return found, float(found.y[n, -1]) + float(self._value(self.e.final, **end))

    def _shaped(self, y: Array) -> Array:
        return np.reshape(y, self.shape) if self.shape else float(y[0])

    def gradient(self, mode: str = "adjoint") -> tuple[float, dict[str, Any]]:
        path, value = self.state()
        found = self._back(path) if mode == "adjoint" else by_entries(self.e.wrt, self.given, self.along)
        return value, found

    def _back(self, path: Any) -> dict[str, Any]:
        """v from the end to the start, and the integrals of the gradients with it."""
        e, n = self.e, self.start.size
        u, v = e.state.name, e.multiplier.name
        read = list(e.gradients.values())
        rates = self._compiled(e.adjoint, *(r.running for r in read))
        at_end = {u: self._shaped(path.y[:n, -1]), TIME: self.end}
        last = np.ravel(self._value(e.terminal, **at_end))
        shapes = [np.shape(self.given[p.name]) for p in e.wrt]

        def rate(t: float, y: Array) -> Array:
            here = {u: self._shaped(path.sol(t)[:n]), v: self._shaped(y[:n]), TIME: t}
            first, *rest = rates(**here)
            return np.concatenate([np.ravel(first), *(-np.ravel(r) for r in rest)])

        sizes = [int(np.prod(s)) for s in shapes]
        found = self.integrate(rate, np.concatenate([last, np.zeros(sum(sizes))]), back=True)
        begun = self._shaped(found.y[:n, -1])
        at = np.cumsum([n, *sizes])
        answers = {}
        for i, (p, r) in enumerate(zip(e.wrt, read, strict=True)):
            whole = np.reshape(found.y[at[i] : at[i + 1], -1], shapes[i])
            whole = whole + self._value(r.start, **{v: begun}) + self._value(r.end, **at_end)
            answers[p.name] = whole if shapes[i] else float(whole)
        return answers

    def along(self, V: Mapping[str, Any]) -> float:
        """dG in a direction of the parameters, by the sensitivity equation."""
        e, n = self.e, self.start.size
        u, du = e.state.name, e.direction.name
        dp = {d.name: V.get(p.name, np.zeros(np.shape(self.given[p.name]))) for p, d in e.directions.items()}
        rates = self._compiled(e.rhs, e.sensitivity, e.change)

        def rate(t: float, y: Array) -> Array:
            parts = rates(**dp, **{u: self._shaped(y[:n]), du: self._shaped(y[n : 2 * n]), TIME: t})
            return np.concatenate([np.ravel(part) for part in parts])

        first = np.ravel(self._value(e.initial_sensitivity, **dp))
        found = self.integrate(rate, np.concatenate([self.start, first, [0.0]]))
        last = found.y[:, -1]
        end = {u: self._shaped(last[:n]), du: self._shaped(last[n : 2 * n]), TIME: self.end, **dp}
        return float(last[-1]) + float(self._value(e.final_change, **end))


def verified(d: Problem, seed: int) -> Verification:
    """The adjoint gradient, the sensitivities and differences of values, each by integrations of its own."""
    rng = np.random.default_rng(seed)
    d = concretised(d, seed)
    errors: list[float] = []
    reason = "no random parameters were found with which the equation has a solution to the end"
    for arrays in samples(d, rng):
        try:
            with np.errstate(all="ignore"):
                error = compared(d, arrays, rng)
        except MatdiffError as failed:
            reason = failed.message
            continue
        errors.append(error)
        if error > AGREE:
            return Verification(False, error, reason=f"adjoint, sensitivity and differences differ by {error:.0e}")
        if len(errors) == POINTS:
            break
    if not errors:
        return undecided(reason)
    return Verification(True, max(errors), points=len(errors), method="solutions")


def compared(d: Problem, arrays: dict[str, Any], rng: np.random.Generator) -> float:
    """How far apart the three are; a stiff equation is integrated by LSODA."""
    try:
        return disagreement(d.run(arrays, FEW), rng)
    except Stiff:
        if isinstance(d.until, Symbol):
            raise
        return disagreement(d.run(arrays, 5 * FEW, "LSODA"), rng)


def concretised(d: Any, seed: int) -> Any:
    """The problem with smooth random functions for unknown ones, in its equation and in all that was derived."""
    e = d.evolution
    roots = [inline(r) for r in (e.rhs, e.initial, e.objective, e.final)]
    if not has_unknown(roots):
        return d
    bare = Bare(roots[0], d.variables)
    sized = frozenset(names(d.variables))

    def made(node: Any) -> Any:
        return with_sizes(concrete(node, seed, bare), sized)

    state, wrt = made(e.state), tuple(map(made, e.wrt))
    rhs, initial, objective, final = map(made, roots)
    found = replace(e, rhs=rhs, state=state, wrt=wrt, initial=initial, objective=objective, final=final)
    for part in ("sensitivity", "initial_sensitivity", "change", "final_change", "adjoint", "terminal"):
        found.__dict__[part] = made(getattr(e, part))
    found.__dict__["gradients"] = {
        made(p): type(r)(made(r.running), made(r.start), made(r.end)) for p, r in e.gradients.items()
    }
    return replace(d, evolution=found, variables=tuple(map(made, d.variables)))


def samples(d: Problem, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Random parameters, small ones and a short time, shorter and shorter, where most equations have solutions."""
    e = d.evolution
    known = list(dict.fromkeys(v for v in (*d.variables, *e.wrt) if v.name not in (TIME, getattr(d, "index", ""))))
    for i, way in zip(range(TRIES), ways(e.rhs, known, {}), strict=False):
        arrays = {v.name: 0.6 * a if not v.attributes else a for v, a in point(known, way, rng).items()}
        if hasattr(d, "expanded"):
            arrays = d.expanded(arrays, rng)
        elif isinstance(d.until, Symbol):
            arrays[d.until.name] = np.asarray(rng.uniform(0.5, 1) / 4 ** (i // 4))
        yield arrays


def disagreement(run: Run, rng: np.random.Generator) -> float:
    """How far the three are apart, relative to the size of the gradient.

    Differences are taken with two steps: near the end of what exists a solution bends within the longer one.
    """
    e = run.e
    value, G = run.gradient()
    V = {p.name: np.asarray(direction(p, run.given[p.name], rng)) for p in e.wrt}
    adjoint = sum(float(np.vdot(G[x], V[x])) for x in V)
    forth = run.along(V)
    size = sum(float(np.linalg.norm(G[x])) * float(np.linalg.norm(V[x])) for x in V) + 1e-3
    if size - 1e-3 < SMALL and any(not is_zero(n) for r in e.gradients.values() for n in (r.running, r.start, r.end)):
        raise DomainError("the gradient vanishes at random parameters, which proves nothing")
    if not abs(value) < LARGE or not size < LARGE:
        raise DomainError("the solutions at random parameters are too large to compare")
    error = np.inf
    for h in STEPS:
        differences = (4 * slope(run, V, h) - slope(run, V, 2 * h)) / 3
        error = min(error, abs(adjoint - differences) / size)
        if error < AGREE:
            break
    if error > AGREE and abs(value) > CALM * size:
        raise DomainError("the differences of solutions at random parameters drown in rounding")
    return max(abs(adjoint - forth) / size, error)


def slope(run: Run, V: Mapping[str, Any], h: float) -> float:
    """The central difference of G along curves in the sets of the parameters."""
    values = []
    for step in (h, -h):
        moved = {p.name: move(p, run.given[p.name], V[p.name], step) for p in run.e.wrt}
        values.append(run.again({**run.given, **moved}).state()[1])
    return (values[0] - values[1]) / (2 * h)


def source(d: Problem, backend: str) -> str:
    """The functions of the problem, and the two passes that put them together, as one module."""
    e, T = d.evolution, Pen().show(d.until)
    read = e.gradients
    gradients = {p.name: [r.running, r.start, r.end] for p, r in read.items()}
    said: dict[str, tuple[Any, str]] = {
        "initial": (e.initial, f"The state at 0: {e.initial!r}"),
        "until": (d.until, "The end of the time."),
        "rates": ([e.rhs, e.objective], f"The state's derivative {e.rhs!r}, and what is integrated."),
        "final": (e.final, f"What the end adds: {e.final!r}"),
        "adjoint": (e.adjoint, f"The derivative of {e.multiplier.name}: {e.adjoint!r}"),
        "terminal": (e.terminal, f"{e.multiplier.name}({T}) = {e.terminal!r}"),
    }
    for part, i in (("running", 0), ("start", 1), ("end", 2)):
        said[f"{part}_gradients"] = (
            [g[i] for g in gradients.values()],
            f"The {part} parts, by {', '.join(gradients)}.",
        )
    code = sources(said, [v for v in d.variables if v is not e.state and v.name != TIME], backend)
    names = ", ".join(f'"{identifier(x)}"' for x in gradients)
    state, v = identifier(e.state.name), identifier(e.multiplier.name)
    several = "gradients" if d.several else "gradients[0]"
    if backend == "jax":
        return jax_source(code, state, v, names, several, ", ".join(gradients))
    tail = f"""
def value_and_grad(**arrays):
    \"\"\"G and its gradient by {", ".join(gradients)}.\"\"\"
    value, gradients = passes(
        initial, until, rates, final, adjoint, terminal, running_gradients, start_gradients, end_gradients,
        "{state}", "{v}", ({names},), arrays,
    )
    return value, {several}
""".replace('\\"', '"')
    return f"{code.rstrip()}\n\n\n{getsource(passes)}\n{tail}"


def jax_source(code: str, state: str, multiplier: str, names: str, several: str, by: str) -> str:
    """The same for JAX, its integrators those of Diffrax."""
    tail = f'''
def value_and_grad(rtol=1e-11, atol=1e-12, most=100_000, **arrays):
    """G and its gradient by {by}; `most` is the number of steps that there may be."""
    functions = (
        initial, until, rates, final, adjoint, terminal, running_gradients, start_gradients, end_gradients,
    )
    value, gradients = passes(functions, "{state}", "{multiplier}", ({names},), arrays, rtol, atol, most)
    return value, {several}
'''
    head, rest = code.split("\n", 1)
    return f"import diffrax\n{head}\n{rest.rstrip()}\n\n\n{getsource(passes_jax.passes)}\n{tail}"
