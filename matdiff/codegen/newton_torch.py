"""What generated PyTorch code has of its own to solve equations: its functions are written there as they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def zeros(count: int, like: Any) -> Any:
    """Where the solution starts."""
    return torch.zeros(count, dtype=like.dtype, device=like.device)


def stacked(values: Sequence[Any]) -> Any:
    """vec of several arrays, one below the other."""
    return torch.cat([torch.as_tensor(v).mT.reshape(-1) if v.ndim == 2 else v.reshape(-1) for v in values])


def reshaped(vector: Any, *shape: int) -> Any:
    """The array whose vec this is."""
    return vector.reshape(*shape[::-1]).mT if len(shape) == 2 else vector.reshape(*shape)


def assembled(blocks: Sequence[Any], rows: Sequence[int], cols: Sequence[int]) -> Any:
    """The matrix of its blocks, which come row by row."""
    parts = iter(blocks)
    return torch.cat([torch.cat([block(next(parts), r, c) for c in cols], dim=1) for r in rows])


def block(value: Any, rows: int, cols: int) -> Any:
    """A block as a matrix; the derivative of an array by a scalar is a column."""
    return value if value.shape == (rows, cols) else stacked([value]).reshape(cols, rows).mT


def back(factors: Any, right: Any, trans: int = 0) -> Any:
    """J⁻¹ right, with trans=1 J⁻ᵀ right, from the factors of J."""
    return torch.linalg.lu_solve(*factors, right[:, None], adjoint=bool(trans))[:, 0]


def one_step(residual: Callable[[Any], Any], matrix: Callable[[Any], Any], u: Any) -> tuple[Any, Any]:
    """The zero of an affine residual, and the LU factors of its matrix."""
    factors = torch.linalg.lu_factor(matrix(u))
    return u - back(factors, residual(u)), factors


def iterated(function: Callable[[Any], Any], u: Any) -> Any:
    """The limit of u, function(u), …, or u where there is none."""
    x = u
    for _ in range(2000):
        after = function(x)
        if not torch.linalg.norm(after) < 1e12:
            return u
        if torch.linalg.norm(after - x) <= 1e-6 * torch.linalg.norm(after):
            return after
        x = after
    return u


def newton(residual: Callable[[Any], Any], matrix: Callable[[Any], Any], u: Any) -> tuple[Any, Any]:
    """A zero of the residual by Newton's method with step halving, and the LU factors of its Jacobian there."""
    near = torch.finfo(u.dtype).eps ** 0.5
    for _ in range(100):
        r = residual(u)
        step = back(torch.linalg.lu_factor(matrix(u)), r)
        if torch.linalg.norm(step) <= near * torch.linalg.norm(u) or not r.any():
            u = u - step
            u = u - back(torch.linalg.lu_factor(matrix(u)), residual(u))
            return u, torch.linalg.lu_factor(matrix(u))
        t = 1.0
        while not torch.linalg.norm(residual(u - t * step)) < (1 - 1e-4 * t) * torch.linalg.norm(r):
            t /= 2
            if t < 1e-12:
                raise ArithmeticError("Newton's method does not converge: start elsewhere")
        u = u - t * step
    raise ArithmeticError("Newton's method does not converge: start elsewhere")
