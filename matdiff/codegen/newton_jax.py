"""What generated JAX code has of its own to solve equations: its functions are written there as they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jax
    import jax.numpy as jnp
    import jax.scipy.linalg


def zeros(count: int, like: Any) -> Any:
    """Where the solution starts."""
    return jnp.zeros(count, dtype=jnp.result_type(like, 0.0))


def stacked(values: Sequence[Any]) -> Any:
    """vec of several arrays, one below the other."""
    return jnp.concatenate([jnp.ravel(v, order="F") for v in values])


def reshaped(vector: Any, *shape: int) -> Any:
    """The array whose vec this is."""
    return jnp.reshape(vector, shape, order="F")


def assembled(blocks: Sequence[Any], rows: Sequence[int], cols: Sequence[int]) -> Any:
    """The matrix of its blocks, which come row by row."""
    parts = iter(blocks)
    return jnp.block([[jnp.reshape(next(parts), (r, c), order="F") for c in cols] for r in rows])


def back(factors: Any, right: Any, trans: int = 0) -> Any:
    """J⁻¹ right, with trans=1 J⁻ᵀ right, from the factors of J."""
    return jax.scipy.linalg.lu_solve(factors, right, trans=trans)


def one_step(residual: Callable[[Any], Any], matrix: Callable[[Any], Any], u: Any) -> tuple[Any, Any]:
    """The zero of an affine residual, and the LU factors of its matrix."""
    factors = jax.scipy.linalg.lu_factor(matrix(u))
    return u - back(factors, residual(u)), factors


def iterated(function: Callable[[Any], Any], u: Any) -> Any:
    """The limit of u, function(u), …, or u where there is none."""

    def further(state: Any) -> Any:
        x, after, count = state
        apart, size = jnp.linalg.norm(after - x), jnp.linalg.norm(after)
        return (count < 2000) & (size < 1e12) & (apart > 1e-6 * size)

    _, after, count = jax.lax.while_loop(further, lambda s: (s[1], function(s[1]), s[2] + 1), (u, function(u), 1))
    return jnp.where((count < 2000) & (jnp.linalg.norm(after) < 1e12), after, u)


def newton(residual: Callable[[Any], Any], matrix: Callable[[Any], Any], u: Any) -> tuple[Any, Any]:
    """A zero of the residual by Newton's method with step halving, NaN where it does not converge, and LU factors."""
    near = jnp.finfo(u.dtype).eps ** 0.5

    def full(u: Any) -> Any:
        return back(jax.scipy.linalg.lu_factor(matrix(u)), residual(u))

    def further(state: Any) -> Any:
        u, step, count = state
        return (count < 100) & (jnp.linalg.norm(step) > near * jnp.linalg.norm(u))

    def halved(state: Any) -> Any:
        u, step, count = state
        now = jnp.linalg.norm(residual(u))

        def long(t: Any) -> Any:
            falls = jnp.linalg.norm(residual(u - t * step)) < (1 - 1e-4 * t) * now
            return ~falls & (t > 1e-12)

        u = u - jax.lax.while_loop(long, lambda t: t / 2, jnp.ones((), u.dtype)) * step
        return u, full(u), count + 1

    u, step, count = jax.lax.while_loop(further, halved, (u, full(u), 0))
    u = u - step
    u = jnp.where(count < 100, u - full(u), jnp.nan)
    return u, jax.scipy.linalg.lu_factor(matrix(u))
