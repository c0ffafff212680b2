"""What type checkers and editors are told of derivatives; `mypy --strict` accepts this file and no other types."""

from __future__ import annotations

from typing import assert_type

import matdiff as md

f = "norm(A*x - b)^2/2"

one = md.derive(f, wrt="x")
assert_type(one.gradient, md.Expr)
assert_type(one.jacobian, md.Expr)
assert_type(one.gradient.text(ascii=True), str)
assert_type(md.derive(f, wrt=md.vector("x", "n")).gradient, md.Expr)

both = md.derive(f, wrt=["x", "b"])
assert_type(both.gradient, dict[str, md.Expr])
assert_type(both.jacobian, dict[str, md.Expr])
assert_type(both.gradient["x"], md.Expr)
assert_type(md.derive(f, wrt=("x", "b")).gradient, dict[str, md.Expr])


def told(d: md.Derivation[md.Expr]) -> str:
    """A derivation by one variable may be asked for by its type."""
    return d.gradient.latex()


print(told(one), sorted(both.gradient))
