"""Is every entry of an array a finite number?"""

from __future__ import annotations

from typing import Any

import numpy as np


def finite(value: Any) -> bool:
    """Where the sum of squares is finite all entries are, and BLAS is quick with it: only else each is looked at."""
    with np.errstate(all="ignore"):
        if isinstance(value, np.ndarray) and value.dtype == float:
            flat = value.ravel(order="K")
            if np.isfinite(flat @ flat):
                return True
        return bool(np.isfinite(value).all())
