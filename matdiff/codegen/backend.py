"""What differs between array libraries: a namespace, and the deviations of single functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from matdiff.errors import UnsupportedError
from matdiff.op import Op


@dataclass(frozen=True, slots=True, eq=False)
class Backend:
    """One array library.

    prefix    how its namespace is called in generated code
    rewrites  pattern and replacement, applied to templates and helpers written for NumPy
    imports   the import line for each module that generated code may mention, inner modules first
    column    how a record of a function spells its deviation: the field `numpy`, `jax` or `torch`
    instead   templates that replace those of the records, by the function's name
    """

    name: str
    prefix: str
    rewrites: tuple[tuple[str, str], ...]
    imports: tuple[tuple[str, str], ...]
    column: str
    instead: Mapping[str, str] = field(default_factory=dict)

    def template(self, op: Op) -> str:
        """The code of a function; UnsupportedError where it has none here."""
        own: str = self.instead.get(op.name) or getattr(op, self.column)
        if own == "-" or not (own or op.numpy):
            raise UnsupportedError(f"{op.name} has no code for {self.name}")
        return own or self.translate(op.numpy)

    def translate(self, code: str) -> str:
        for pattern, replacement in self.rewrites:
            code = re.sub(pattern, replacement, code)
        return code


NUMPY = Backend(
    "numpy",
    "np",
    (),
    (
        (r"\bnp\.", "import numpy as np"),
        (r"\bscipy\.linalg\.", "import scipy.linalg"),
        (r"\bscipy\.special\.", "import scipy.special"),
    ),
    "numpy",
    {"frechet_expm": "frechet_expm({0}, {1})", "polygamma": "polygamma({0}, {1})"},
)

JAX = Backend(
    "jax",
    "jnp",
    ((r"\bnp\.", "jnp."), (r"\bscipy\.", "jax.scipy.")),
    (
        (r"\bjax\.(nn|lax)\.", "import jax"),
        (r"\bjnp\.", "import jax.numpy as jnp"),
        (r"\bjax\.scipy\.linalg\.", "import jax.scipy.linalg"),
        (r"\bjax\.scipy\.special\.", "import jax.scipy.special"),
    ),
    "jax",
    {"adj": "svd_adjugate({0})", "cof": "svd_adjugate({0}).T"},
)

BACKENDS = {b.name: b for b in (NUMPY, JAX)}


@lru_cache
def backend_named(name: str) -> Backend:
    if name == "torch":
        raise UnsupportedError("code for torch is not written yet; numpy and jax are")
    if name not in BACKENDS:
        raise UnsupportedError(f"there is no backend {name!r}; choose one of {', '.join(BACKENDS)}")
    return BACKENDS[name]
