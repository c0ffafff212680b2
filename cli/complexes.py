"""What `derive` prints of a function of complex variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matdiff.errors import UnsupportedError
from matdiff.report.answer import Answer
from matdiff.report.notation import Line


@dataclass
class ComplexAnswer(Answer):
    """The answer with the lines that complex variables have."""

    checked: bool = False

    @property
    def kind(self) -> str:
        """gradient of a real function, operator of another."""
        return "gradient" if self.d.kind == "gradient" else "operator"

    def lines(self) -> list[Line]:
        """Function, differential, and gradients by the convention, or the two operators and the adjoint."""
        found = [self.line("function", self.d.function), self.line("differential", self.d.differential)]
        if self.kind == "gradient":
            return [*found, *self.gradients(), *self.second_lines()]
        if not self.d.several:
            for key in ("holomorphic", "antiholomorphic"):
                try:
                    found.append(Line(key, self.f, self.names, getattr(self.d, key).value))
                except UnsupportedError:
                    break
        return [*found, *self.parts("adjoint", self.adjoint, self.d.covector.name)]

    def gradients(self) -> list[Line]:
        given = self.d.gradient if self.d.several else {self.names[0]: self.d.gradient}
        found = []
        for X in self.d.wrt:
            free = self.d.convention_of(X)
            key = free if free in ("jax", "wirtinger") else "partial gradient" if self.d.several else "gradient"
            key = "derivative" if key == "gradient" and X.kind == "scalar" and self.d.convention_of(X) == "" else key
            found.append(Line(key, self.f, (X.name,), given[X.name]))
        return found

    def second_lines(self) -> list[Line]:
        """H[dX], the differential of the gradient."""
        if self.order < 2:
            return []
        maps = self.d.hessian_operator
        found = {x: each.value for x, each in maps.items()} if isinstance(maps, Mapping) else maps.value
        return self.parts("hessian operator", found)

    @property
    def second(self) -> Any:
        return ()

    @property
    def outcome(self) -> Line:
        return self.gradients()[0] if self.kind == "gradient" else self.lines()[-1]

    @property
    def operators(self) -> bool:
        return self.kind == "operator"

    def notes(self) -> list[str]:
        """The convention, and what else is to be said."""
        further = ["Hessian, as the differential of the gradient G"] if self.order > 1 else []
        return [*self.d.said, *further, *self.d.notes]
