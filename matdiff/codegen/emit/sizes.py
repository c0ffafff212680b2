"""Dimensions found from the shapes of arrays: names, sums and products of these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from matdiff.core.node import Symbol
from matdiff.core.shape import ONE, ZERO, Coefficient, Dim


def axes(variable: Symbol) -> tuple[Dim, ...]:
    """The dimensions of the array that a variable holds in generated code, where a row is 1-D."""
    return {"scalar": (), "vector": (variable.rows,), "row": (variable.cols,)}.get(
        variable.kind, (variable.rows, variable.cols)
    )


def cofactor(dim: Dim, known: Iterable[str]) -> tuple[str, Dim, Dim] | None:
    """`(name, f, rest)` with dim = f*name + rest, f and rest in known names."""
    unknown = dim.names - set(known)
    if len(unknown) != 1:
        return None
    (name,) = unknown
    factor, rest = Dim.of(0), Dim.of(0)
    for monomial, c in dim.terms:
        count = monomial.count(name)
        if count > 1:
            return None
        if count:
            others = tuple(n for n in monomial if n != name)
            factor = factor + Dim(((others, c),))
        else:
            rest = rest + Dim(((monomial, c),))
    return name, factor, rest


class Recipe(NamedTuple):
    """How a name follows: variable.shape[axis] = square·name² + factor·name + rest."""

    variable: Symbol
    axis: int
    factor: Dim = ONE
    rest: Dim = ZERO
    square: Coefficient = 0

    @property
    def plain(self) -> bool:
        """The name is the shape itself."""
        return self.factor is ONE and self.rest is ZERO and not self.square


Recipes = dict[str, Recipe]


def recipes(variables: Sequence[Symbol], needed: Iterable[str]) -> Recipes | None:
    """For each needed name how it follows from a shape.

    In an order in which each uses only names before it; earlier variables are preferred.  None where a name
    does not follow from the shapes.
    """
    found: Recipes = {}
    places = [(v, axis, dim) for v in variables for axis, dim in enumerate(axes(v)) if dim.number is None]
    for v, axis, dim in places:
        if dim.name is not None:
            found.setdefault(dim.name, Recipe(v, axis))
    progress = True
    while progress:
        progress = False
        for v, axis, dim in places:
            solved = cofactor(dim, found)
            if solved is not None:
                name, factor, rest = solved
                found[name] = Recipe(v, axis, factor, rest)
                progress = True
        if not progress:
            progress = squares(places, found)
    wanted = set()
    stack = list(needed)
    while stack:
        name = stack.pop()
        if name not in found:
            return None
        if name not in wanted:
            wanted.add(name)
            stack.extend(found[name].factor.names | found[name].rest.names)
    return {name: recipe for name, recipe in found.items() if name in wanted}


def squares(places: Iterable[tuple[Symbol, int, Dim]], found: Recipes) -> bool:
    """Names found as roots: n of n² or of n(n+1)/2, the length of vech."""
    for v, axis, dim in places:
        parts = dict(dim.terms)
        (name, *others) = dim.names
        monomials = ((name, name), (name,), ())
        if name not in found and not others and parts.keys() <= set(monomials) and (name, name) in parts:
            square, factor, rest = (parts.get(m, 0) for m in monomials)
            if square > 0 and factor >= 0:
                found[name] = Recipe(v, axis, constant(factor), constant(rest), square)
                return True
    return False


def constant(value: Coefficient) -> Dim:
    return Dim.collect({(): value})


def bind(facts: Iterable[tuple[Dim, int]]) -> dict[str, int]:
    """The sizes that follow from `dimension = number` facts; ValueError(dim, got) where one cannot hold."""
    sizes: dict[str, int] = {}
    rest = list(facts)
    seen: dict[Dim, int] = {}
    for dim, got in rest:
        if seen.setdefault(dim, got) != got:
            raise Misfit(dim, got, {str(dim): seen[dim]})
    while rest:
        later: list[tuple[Dim, int]] = []
        for dim, got in rest:
            if not dim.names <= sizes.keys():
                solved = solve(dim, got, sizes)
                if solved is None:
                    later.append((dim, got))
                    continue
                sizes.update(solved)
            elif dim.evaluate(sizes) != got:
                raise Misfit(dim, got, sizes)
        if len(later) == len(rest):
            return sizes
        rest = later
    return sizes


class Misfit(ValueError):
    """A dimension that cannot be the number that came."""

    def __init__(self, dim: Dim, got: int, sizes: Mapping[str, int]) -> None:
        super().__init__(f"{dim} = {got}")
        self.dim, self.got, self.sizes = dim, got, dict(sizes)


def solve(dim: Dim, got: int, sizes: Mapping[str, int]) -> dict[str, int] | None:
    """The one unknown name of `dim = got`; None where two are unknown; Misfit where no whole number fits."""
    if dim.name is not None:
        return {dim.name: got}
    unknown = dim.names - sizes.keys()
    if len(unknown) != 1:
        return None
    (name,) = unknown
    low, high = 0, max(1, got)
    linear = cofactor(dim.substitute({n: Dim.of(s) for n, s in sizes.items()}), ())
    if linear is not None and linear[1].evaluate({}):
        _, factor, rest = linear
        value, left = divmod(got - rest.evaluate({}), factor.evaluate({}))
        if left or value < 0:
            raise Misfit(dim, got, sizes)
        return {name: value}
    while low < high:
        middle = (low + high) // 2
        if dim.evaluate({**sizes, name: middle}) < got:
            low = middle + 1
        else:
            high = middle
    if dim.evaluate({**sizes, name: low}) != got:
        raise Misfit(dim, got, sizes)
    return {name: low}
