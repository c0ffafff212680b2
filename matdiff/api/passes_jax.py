# mypy: allow-untyped-defs, allow-untyped-calls
"""The passes of the adjoint method in JAX, as they stand in the modules that `source("jax")` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import diffrax
    import jax
    import jax.numpy as jnp


def runs(functions, state, multiplier, index, names, sequences, count, arrays):
    """G and the list of its gradients: `jax.lax.scan` forth, which keeps the states, and back over them."""
    initial, step, final, adjoint, terminal, running, start, end = functions
    fixed = {name: jnp.asarray(a) for name, a in arrays.items() if name not in sequences}
    rows = {name: jnp.asarray(arrays[name]) for name in sequences}
    steps = (jnp.arange(count, dtype=float), rows)

    def forth(carry, here):
        u, value = carry
        after, added = step(**fixed, **here[1], **{index: here[0], state: u})
        return (after, value + added), u

    begun = jnp.asarray(initial(**fixed), dtype=float)
    (ended, value), states = jax.lax.scan(forth, (begun, jnp.zeros(())), steps)
    last = {**fixed, state: ended}
    added = [i for i, name in enumerate(names) if name not in sequences]

    def back(carry, here):
        v, sums = carry
        at, u = here
        given = {**fixed, **at[1], index: at[0], state: u, multiplier: v}
        terms = running(**given)
        kept = [term for name, term in zip(names, terms, strict=True) if name in sequences]
        return (adjoint(**given), [s + terms[i] for s, i in zip(sums, added, strict=True)]), kept

    zeros = [jnp.zeros(jnp.shape(arrays[names[i]])) for i in added]
    (v, sums), kept = jax.lax.scan(back, (terminal(**last), zeros), (steps, states), reverse=True)
    first, final_parts = start(**{**fixed, multiplier: v}), end(**last)
    whole = {names[i]: s + first[i] + final_parts[i] for s, i in zip(sums, added, strict=True)}
    whole |= dict(zip([name for name in names if name in sequences], kept, strict=True))
    return value + final(**last), [whole[name] for name in names]


def passes(functions, state, multiplier, names, arrays, rtol, atol, most):
    """G and the list of its gradients: the state forth, then the multiplier back over the state's dense output."""
    initial, until, rates, final, adjoint, terminal, running, start, end = functions
    arrays = {name: jnp.asarray(a) for name, a in arrays.items()}
    T = jnp.asarray(until(**arrays), dtype=float)
    options = {
        "dt0": None,
        "stepsize_controller": diffrax.PIDController(rtol=rtol, atol=atol),
        "max_steps": most,
        "saveat": diffrax.SaveAt(t1=True, dense=True),
    }

    def forth(t, y, _):
        f, J = rates(**arrays, **{"t": t, state: y[0]})
        return jnp.asarray(f, dtype=float), jnp.asarray(J, dtype=float)

    begun = jnp.asarray(initial(**arrays), dtype=float), jnp.zeros(())
    path = diffrax.diffeqsolve(diffrax.ODETerm(forth), diffrax.Dopri8(), 0.0, T, y0=begun, **options)
    last = path.ys[0][-1]
    at_end = {**arrays, "t": T, state: last}

    def back(s, y, _):
        t = T - s
        here = {**arrays, "t": t, state: path.evaluate(t)[0], multiplier: y[0]}
        return -jnp.asarray(adjoint(**here)), [jnp.asarray(part, dtype=float) for part in running(**here)]

    begun = jnp.asarray(terminal(**at_end), dtype=float), [jnp.zeros(jnp.shape(arrays[name])) for name in names]
    found = diffrax.diffeqsolve(diffrax.ODETerm(back), diffrax.Dopri8(), 0.0, T, y0=begun, **options)
    v, parts = found.ys[0][-1], [part[-1] for part in found.ys[1]]
    at_start = {**arrays, multiplier: v}
    added = zip(parts, start(**at_start), end(**at_end), strict=True)
    return path.ys[1][-1] + final(**at_end), [a + b + c for a, b, c in added]
