# mypy: allow-untyped-defs, allow-untyped-calls
"""The two passes of the adjoint method, as they stand in the modules that `source` writes."""

from __future__ import annotations

import numpy as np


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
