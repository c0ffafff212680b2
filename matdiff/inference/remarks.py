"""What a reader may not have meant: letters that are read as scalars although they look like something else."""

from __future__ import annotations

from matdiff.inference.attempt import Attempt
from matdiff.inference.scope import Scope


def remarks(scope: Scope, found: Attempt) -> tuple[str, ...]:
    """A sentence for each name that the rules make a scalar and its place or its letter does not."""
    said = []
    bases = {t.args[0].value for root in scope.roots for t in root.plan if t.head in ("^", ".^")}
    for name, usual in scope.choices.items():
        if found.env[name][0] != "scalar":
            continue
        if name == "e" and name in bases:
            said.append("e is a variable here: the exponential is exp(x)")
        elif usual == "matrix":
            said.append(f"{name} is read as a scalar, since as a matrix it does not fit: `{name}: m×n` tells why")
        elif usual == "scalar" and name[0].isupper():
            said.append(f"{name} is a scalar, as Greek names are: declare `{name}: n×n` if it is a matrix")
        elif usual == "scalar" and name in scope.turned_in_sums:
            said.append(f"{name} is a scalar, as Greek names are: declare `{name}: n` if it is a vector")
        elif usual == "vector" and name in scope.turned_in_sums:
            said.append(f"{name} is read as a scalar, since as a vector it does not fit: `{name}: n` tells why")
    return tuple(said)
