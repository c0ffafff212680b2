"""What a rule finds: the Hessian's terms that it looks at, and the solver it names with its data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from matdiff.calculus.quadratic import Part, parts
from matdiff.core.node import Node, Symbol
from matdiff.graph.properties import Known

Simplify = Callable[[Node], Node]
Sizes = Mapping[str, int]
Count = Callable[[Sizes], float]


@dataclass(frozen=True)
class Call:
    """A solver by name and its arguments: nodes to be computed, calls, tuples of these, words and numbers."""

    name: str
    args: tuple[object, ...] = ()


@dataclass(frozen=True)
class Form:
    """What was found: the solver, −right the right-hand side, the form in words, the operations of one solve."""

    solver: Call
    right: Node
    words: Callable[[Sizes], str]
    count: Count
    notes: tuple[str, ...] = ()


@dataclass
class Hessian:
    """What the rules look at: H[dX] and its terms, the gradient, how answers are simplified."""

    X: Symbol
    dX: Symbol
    value: Node
    gradient: Node
    simplify: Simplify
    known: Known = field(default_factory=Known)

    def __post_init__(self) -> None:
        self.parts: list[Part] | None = None
        if self.X.kind != "scalar":
            self.parts = parts(self.value, self.dX, self.known)


def leaves(value: object) -> Iterator[Node]:
    """The nodes that a recipe needs computed, each once for every place."""
    if isinstance(value, Node):
        yield value
    elif isinstance(value, Call):
        yield from leaves(value.args)
    elif isinstance(value, tuple):
        for v in value:
            yield from leaves(v)
