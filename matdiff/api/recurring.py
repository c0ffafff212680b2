"""Values of recurrences: one run forth, which keeps the states, and one back; and source that does the same."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from inspect import getsource
from typing import Any

import numpy as np

from matdiff.api import passes_jax, recurringpasses
from matdiff.codegen import sources
from matdiff.codegen.emit.names import identifier, lookup
from matdiff.codegen.evaluate import evaluate, is_function, runner
from matdiff.core.node import Node, Symbol, symbols
from matdiff.errors import DomainError, MatdiffError, ShapeError, UnsupportedError
from matdiff.verify.sets import by_entries

Array = Any
ROOM = 2**27
"""Most numbers that the states of a run may be."""


class Run:
    """One recurrence with its arrays."""

    def __init__(self, d: Any, arrays: Mapping[str, Any], most: int) -> None:
        self.d, self.e, self.most = d, d.evolution, most
        self.sequences = {s.name for s in d.sequences}
        self.given = self._given(arrays)
        self.fixed = {n: a for n, a in self.given.items() if n not in self.sequences}
        self.steps = self._steps()
        self.start = np.asarray(self._value(self.e.initial))
        if self.steps * max(self.start.size, 1) > ROOM:
            raise UnsupportedError(f"the states of {self.steps:,} steps are too many to keep", hint="run fewer steps")
        first = {self.e.state.name: self.start, d.index: 0.0, **self._members(0)}
        named = {v.name for v in (*d.variables, *symbols(self.e.rhs, self.e.objective))}
        used = {n: a for n, a in {**self.fixed, **first}.items() if n in named or is_function(a)}
        evaluate([self.e.rhs, self.e.objective], d.variables, used)

    def again(self, arrays: Mapping[str, Any]) -> Run:
        """The same with other arrays."""
        return Run(self.d, arrays, self.most)

    def _given(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {n: a for n, a in arrays.items() if is_function(a)}
        e = self.e
        needed = {*symbols(e.rhs, e.initial, e.objective, e.final), *e.wrt} - {e.state}
        for v in dict.fromkeys((*self.d.variables, *needed, *symbols(self.d.until))):
            if v is e.state or v.name == self.d.index:
                continue
            key = lookup(v.name, arrays)
            if key is not None:
                found[v.name] = np.asarray(arrays[key], dtype=float)
            elif v in needed:
                raise MatdiffError(f"the array {v.name} is missing", hint=f"pass it by name, solve({v.name}=…)")
        return found

    def _steps(self) -> int:
        """How many steps there are: as it is said, and as many as sequences have members."""
        lengths = {}
        for s in self.d.sequences:
            a = self.given[s.name]
            if a.ndim != len(s.shape) + 1:
                raise ShapeError(
                    f"{s.name} has {a.ndim} axes", hint=f"a sequence has {len(s.shape) + 1}, the first for the steps"
                )
            lengths[s.name] = a.shape[0]
        if any(v.name not in self.given for v in symbols(self.d.until)):
            if not lengths:
                raise MatdiffError("the number of steps is not said", hint="pass it by name, solve(N=…)")
            count = float(next(iter(lengths.values())))
        else:
            count = float(evaluate(self.d.until, tuple(symbols(self.d.until)), self.fixed))
        if count != int(count) or count < 1:
            raise DomainError(f"the number of steps is a whole number, not {count:g}")
        for name, length in lengths.items():
            if length != count:
                raise ShapeError(f"{name} has {length} members, but there are {int(count)} steps")
        if count > self.most:
            raise UnsupportedError(f"{int(count):,} steps are more than are run", hint="run fewer steps")
        return int(count)

    def _members(self, k: int) -> dict[str, Any]:
        return {n: self.given[n][k] for n in self.sequences}

    def _value(self, node: Node, **others: Any) -> Any:
        return evaluate(node, self.parameters, {**self.fixed, **others})

    @cached_property
    def parameters(self) -> tuple[Symbol, ...]:
        return tuple(v for v in self.d.variables if v.name in self.fixed)

    def _runner(self, *nodes: Node) -> Any:
        made = runner(list(nodes), self.parameters, self.fixed)

        def at(k: int, **changing: Any) -> Any:
            with np.errstate(all="ignore"):
                return made(**self._members(k), **{self.d.index: float(k)}, **changing)

        return at

    @cached_property
    def path(self) -> tuple[list[Any], float]:
        """All states, and the sum of the objective."""
        u = self.e.state.name
        both = self._runner(self.e.rhs, self.e.objective)
        states, total = [self.start], 0.0
        for k in range(self.steps):
            after, J = both(k, **{u: states[-1]})
            total += float(J)
            states.append(np.asarray(after))
            if not np.isfinite(states[-1]).all():
                raise DomainError(f"the values leave every bound at step {k + 1}", hint="run fewer steps")
        return states, total

    def state(self) -> tuple[list[Any], float]:
        """The states, and G."""
        states, total = self.path
        return states, total + float(self._value(self.e.final, **{self.e.state.name: states[-1]}))

    def gradient(self, mode: str = "adjoint") -> tuple[float, dict[str, Any]]:
        _, value = self.state()
        return value, self._back() if mode == "adjoint" else by_entries(self.e.wrt, self.given, self.along)

    def _back(self) -> dict[str, Any]:
        e = self.e
        u, v = e.state.name, e.multiplier.name
        states, _ = self.path
        read = e.gradients
        rates = self._runner(self.d.back, *(r.running for r in read.values()))
        end = {u: states[-1]}
        moving = np.asarray(self._value(e.terminal, **end))
        sums = {p.name: np.zeros(np.shape(self.given[p.name])) for p in e.wrt}
        for k in reversed(range(self.steps)):
            before, *terms = rates(k, **{u: states[k], v: moving})
            for p, term in zip(read, terms, strict=True):
                if p.name in self.sequences:
                    sums[p.name][k] = term
                else:
                    sums[p.name] = sums[p.name] + term
            moving = np.asarray(before)
        for p, r in read.items():
            if p.name not in self.sequences:
                sums[p.name] = sums[p.name] + self._value(r.start, **{v: moving}) + self._value(r.end, **end)
        return {n: a if np.shape(a) else float(a) for n, a in sums.items()}

    def along(self, V: Mapping[str, Any]) -> float:
        """dG in a direction of the parameters."""
        e = self.e
        u, du = e.state.name, e.direction.name
        names = {p.name: d.name for p, d in e.directions.items()}
        full = {n: np.asarray(V.get(n, np.zeros(np.shape(self.given[n])))) for n in names}
        fixed = {names[n]: a for n, a in full.items() if n not in self.sequences}
        states, _ = self.path
        rates = self._runner(e.sensitivity, e.change)
        moving, total = np.asarray(self._value(e.initial_sensitivity, **fixed)), 0.0
        for k in range(self.steps):
            own = {names[n]: a[k] for n, a in full.items() if n in self.sequences}
            after, J = rates(k, **fixed, **own, **{u: states[k], du: moving})
            moving, total = np.asarray(after), total + float(J)
        return total + float(self._value(e.final_change, **{u: states[-1], du: moving, **fixed}))


def source(d: Any, backend: str) -> str:
    """The functions of the recurrence, and the runs that put them together, as one module."""
    if backend not in ("numpy", "jax"):
        raise UnsupportedError(f"the code of a recurrence is written for NumPy and JAX, not for {backend}")
    e = d.evolution
    read = e.gradients
    said: dict[str, tuple[Any, str]] = {
        "initial": (e.initial, f"The state at 0: {e.initial!r}"),
        "step": ([e.rhs, e.objective], f"The next state {e.rhs!r}, and what is added up."),
        "final": (e.final, f"What the end adds: {e.final!r}"),
        "adjoint": (d.back, f"The {e.multiplier.name} of the step before: {d.back!r}"),
        "terminal": (e.terminal, f"The last {e.multiplier.name}: {e.terminal!r}"),
        "running_gradients": ([r.running for r in read.values()], "What each step adds to the gradients."),
        "start_gradients": ([r.start for r in read.values()], "What the start adds."),
        "end_gradients": ([r.end for r in read.values()], "What the end adds."),
    }
    code = sources(said, [v for v in d.variables if v is not e.state and v.name != d.index], backend)
    names = ", ".join(f'"{identifier(p.name)}"' for p in read)
    rows = ", ".join(f'"{identifier(s.name)}"' for s in d.sequences) + "," * bool(d.sequences)
    count = next((f'arrays["{s.name}"]' for s in symbols(d.until)), repr(d.until))
    if d.sequences:
        count = f'len(arrays["{identifier(d.sequences[0].name)}"])'
    several = "gradients" if d.several else "gradients[0]"
    tail = f'''
def value_and_grad(**arrays):
    """G and its gradient by {", ".join(p.name for p in read)}."""
    functions = (
        initial, step, final, adjoint, terminal, running_gradients, start_gradients, end_gradients,
    )
    value, gradients = runs(
        functions, "{identifier(e.state.name)}", "{identifier(e.multiplier.name)}", "{d.index}",
        ({names},), ({rows}), int({count}), arrays,
    )
    return value, {several}
'''
    body = getsource(recurringpasses.runs if backend == "numpy" else passes_jax.runs)
    first = "import jax\n" if backend == "jax" and not code.startswith("import jax\n") else ""
    return f"{first}{code.rstrip()}\n\n\n{body}\n{tail}"
