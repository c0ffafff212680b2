"""Answers of students marked from a program, with types.  `mypy --strict` accepts this file."""

from __future__ import annotations

from dataclasses import dataclass

import matdiff as md


@dataclass(frozen=True)
class Marked:
    claim: str
    right: bool | None
    why: str


def marked(function: str, wrt: str, claim: str, declare: str | None = None) -> Marked:
    """Right, wrong (and why), or None where that is not decided or the claim cannot be read."""
    try:
        found = md.check_claim(function, claim, wrt, declare)
    except md.MatdiffError as error:
        return Marked(claim, None, error.message)
    return Marked(claim, found.passed, found.message)


def main() -> None:
    claims = ("(A + A')*x", "2*A*x", "A*y")
    table = [marked("x'*A*x", "x", claim) for claim in claims]
    assert [m.right for m in table] == [True, False, None]
    for m in table:
        print(m.claim, m.right, m.why)


if __name__ == "__main__":
    main()
