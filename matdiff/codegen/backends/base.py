"""What differs between array libraries: a namespace, and the deviations of single functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from types import MappingProxyType

from matdiff.codegen.backends.numpy import HELPERS
from matdiff.codegen.backends.numpy import NUMPY as NUMPY_HELPERS
from matdiff.core.op import Op
from matdiff.errors import UnsupportedError
from matdiff.ops.unknown import Unknown


@dataclass(frozen=True, slots=True, eq=False)
class Backend:
    """One array library.

    title     its name in messages
    prefix    how its namespace is called in generated code
    rewrites  pattern and replacement, applied to templates and helpers written for NumPy
    imports   the import line for each module that generated code may mention, inner modules first
    column    how a record of a function spells its deviation: the field `numpy`, `jax` or `torch`
    instead   templates of the steps of plans that no record of the language is of; "-": not available
    helpers   functions that replace the helpers of NumPy, by name
    like      what makes a new array one of the type, and on the device, of the inputs
    double    its type of double precision, where there is no input to take the type from
    lifted    how a number that no array entered becomes a value that the library's functions take
    inverses  whether multiplying by an inverse is faster than solving for a matrix
    lowered   how a function's value at one becomes such a number again
    returned  how one is returned, in the type of the inputs
    copied    what makes of an array that is somebody else's one's own; "" where arrays cannot be changed
    """

    name: str
    title: str
    prefix: str
    rewrites: tuple[tuple[str, str], ...]
    imports: tuple[tuple[str, str], ...]
    column: str
    instead: Mapping[str, str] = field(default_factory=dict)
    helpers: Mapping[str, str] = field(default_factory=dict)
    like: str = "dtype=dtype"
    double: str = "float"
    lifted: str = "{0}"
    lowered: str = "{0}"
    returned: str = "np.asarray({0}, dtype=dtype)"
    copied: str = ""
    inverses: bool = False

    def template(self, op: Op) -> str:
        """The code of a function; UnsupportedError where it has none here."""
        if isinstance(op, Unknown):
            hint = f"evaluate takes it as a function of arrays: evaluate({op.of.base}=…)"
            raise UnsupportedError(f"{op.of.base} is an unknown function, which has no code", hint=hint)
        formula = getattr(op, "formula", None)
        if formula is not None:
            made: str = formula.code(self.template)
            return made
        own: str = self.instead.get(op.name) or getattr(op, self.column)
        if own == "-" or not (own or op.numpy):
            raise UnsupportedError(f"{self.title} has no {op.name}")
        return own or self.translate(op.numpy)

    @property
    def all_helpers(self) -> Mapping[str, str]:
        """The functions that generated code may bring along; those of NumPy first."""
        return _all_helpers(self)

    def translate(self, code: str) -> str:
        for pattern, replacement in self.rewrites:
            code = re.sub(pattern, replacement, code)
        return code


@cache
def _all_helpers(backend: Backend) -> Mapping[str, str]:
    translated = {name: backend.translate(text) for name, text in HELPERS.items()}
    return MappingProxyType(translated | dict(backend.helpers))


NUMPY = Backend(
    "numpy",
    "NumPy",
    "np",
    (),
    (
        (r"\bnp\.", "import numpy as np"),
        (r"\bscipy\.linalg\.", "import scipy.linalg"),
        (r"\bscipy\.special\.", "import scipy.special"),
    ),
    "numpy",
    {},
    NUMPY_HELPERS,
    lowered="float({0})",
    returned="dtype.type({0})",
    copied=".copy()",
)

NAMES = ("numpy", "jax", "torch")
COLUMN_MAJOR = ("julia", "octave")
"""Languages that code is written for as text, and not run; Octave's is MATLAB's too."""


@cache
def backend_named(name: str) -> Backend:
    if name == "c":
        raise UnsupportedError(
            "C is made as source text, which a C compiler takes", hint='source("c"), or matdiff codegen --target c'
        )
    if name in COLUMN_MAJOR:
        title = "Julia" if name == "julia" else "Octave and MATLAB"
        raise UnsupportedError(
            f"code for {title} is source text of functions of real variables without equations",
            hint=f'.source("{name}") of an expression, d.{name}() of a derivation, matdiff codegen --target {name}',
        )
    if name not in NAMES:
        raise UnsupportedError(
            f"there is no backend {name!r}; choose one of {', '.join(NAMES)}, numba; for source text also c, "
            + ", ".join(COLUMN_MAJOR)
        )
    if name == "numpy":
        return NUMPY
    found: Backend = import_module(f"matdiff.codegen.backends.{name}").BACKEND
    return found


def require(backend: Backend) -> None:
    """Raises UnsupportedError where the library is not installed: source text can be had without it, functions not."""
    installed(backend.name, backend.title)


def require_numba() -> None:
    """Raises UnsupportedError where Numba is not installed."""
    installed("numba", "Numba")


def installed(name: str, title: str) -> None:
    try:
        import_module(name)
    except ImportError:
        raise UnsupportedError(
            f"{title} is not installed, and compiled functions run on it",
            hint=f'pip install "matdiff[{name}]"; source text can be had without it',
        ) from None
