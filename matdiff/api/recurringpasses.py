# mypy: allow-untyped-defs, allow-untyped-calls, ignore-errors
"""The runs of a recurrence forth and back, as they stand in the modules that `source` writes."""

from __future__ import annotations

import numpy as np


def runs(functions, state, multiplier, index, names, sequences, count, arrays):
    """G and the list of its gradients: all states forth, then the multiplier back over them."""
    initial, step, final, adjoint, terminal, running, start, end = functions
    fixed = {name: a for name, a in arrays.items() if name not in sequences}

    def at(k, **moving):
        return {**fixed, **{name: arrays[name][k] for name in sequences}, index: float(k), **moving}

    states, value = [np.asarray(initial(**fixed), dtype=float)], 0.0
    for k in range(count):
        after, added = step(**at(k, **{state: states[-1]}))
        states.append(np.asarray(after))
        value += added
    last = {**fixed, state: states[-1]}
    v = terminal(**last)
    gradients = [np.zeros(np.shape(arrays[name])) for name in names]
    for k in reversed(range(count)):
        here = at(k, **{state: states[k], multiplier: v})
        for i, term in enumerate(running(**here)):
            if names[i] in sequences:
                gradients[i][k] = term
            else:
                gradients[i] = gradients[i] + term
        v = adjoint(**here)
    for i, parts in enumerate(zip(start(**{**fixed, multiplier: v}), end(**last), strict=True)):
        if names[i] not in sequences:
            gradients[i] = gradients[i] + parts[0] + parts[1]
    return float(value + final(**last)), gradients
