"""Derivatives as linear maps: the pushforward, its adjoint, the Hessian as an operator and as a bilinear form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from matdiff.api.expr import Expr
from matdiff.calculus.differential import differentials
from matdiff.calculus.expression import Typeset
from matdiff.calculus.tangent import tangent
from matdiff.core.node import Node, Symbol
from matdiff.core.op import differential_symbol
from matdiff.errors import DomainError, UnsupportedError
from matdiff.graph.rewrite import inline, prepared, substitute
from matdiff.ops.algebra import add
from matdiff.ops.constants import zeros_like
from matdiff.ops.sets import curved_set
from matdiff.printing import to_text

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation
    from matdiff.verify.report import Verification


@dataclass(frozen=True)
class Operator(Typeset):
    """A linear or bilinear map as a formula: `name` at the point `at` applied to `directions` is `value`.

    >>> from matdiff import derive
    >>> d = derive("inv(X)", wrt="X")
    >>> print(d.operator, d.adjoint, sep="\\n")
    F'(X)[dX] = −X⁻¹ dX X⁻¹
    F'(X)*[Y] = −X⁻ᵀ Y X⁻ᵀ
    """

    name: str
    at: tuple[Symbol, ...]
    directions: tuple[Symbol, ...]
    value: Expr
    starred: bool = False
    by: tuple[Symbol, ...] = ()
    """The variables of a partial derivative, written as a subscript."""

    def text(self, ascii: bool = False) -> str:
        return self._written(lambda e: e.text(ascii=ascii), "*", "_{}")

    def latex(self) -> str:
        return self._written(Expr.latex, "^*", "_{{{}}}")

    def evaluate(self, /, **arrays: Any) -> Any:
        """The value; the directions are arrays as well, by their names: `dX=…`, `Y=…`, `dX_1=…`.

        Raises DomainError for a direction outside the tangent space of a curved set.
        """
        for dX in self.directions:
            if dX.of is not None and curved_set(dX.of) is not None and dX.name in arrays:
                check_directions([dX.of], {dX.of.name: arrays[dX.name]}, arrays)
        return self.value.evaluate(**arrays)

    def _written(self, write: Callable[[Expr], str], star: str, below: str) -> str:
        by = below.format(",".join(write(Expr(s)) for s in self.by)) if self.by else ""
        at = ", ".join(write(Expr(s)) for s in self.at)
        on = ", ".join(write(Expr(s)) for s in self.directions)
        point = f"({at})" if at else ""
        return f"{self.name}{by}{point}{star if self.starred else ''}[{on}] = {write(self.value)}"

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"Operator({self.text()!r})"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def letter(d: Derivation) -> str:
    """f for a scalar function, F for another; the first of a few letters that is no variable."""
    taken = {v.name for v in d.function.variables}
    letters = "fgφψ" if d.function.kind == "scalar" else "FGΦΨ"
    return next((c for c in letters if c not in taken), letters[0])


def pushforward(d: Derivation) -> Operator:
    """F'(X)[dX], by all variables at once."""
    return Operator(f"{letter(d)}'", d.wrt, tuple(d.directions.values()), d.differential)


def pullback(d: Derivation) -> Any:
    """F'(X)*[Y], the shape of X; a dict by name for several variables."""
    known = (*d.function.variables, d.covector)
    answers = {}
    for X, G in d.pullback.items():
        by = (X,) if d.several else ()
        answers[X.name] = Operator(f"{letter(d)}'", d.wrt, (d.covector,), Expr(G, known), True, by)
    return answers if d.several else answers[d.wrt[0].name]


def hessian_operator(d: Derivation) -> Any:
    """H[dX], the shape of X and inside its tangent space; a dict by name for several variables."""
    answers = {}
    for X, product in d.products.items():
        value, by = Expr(product, d.function.variables), (X,) if d.several else ()
        answers[X.name] = Operator("H", (), tuple(d.directions.values()), value, False, by)
    return answers if d.several else answers[d.wrt[0].name]


def bilinear(d: Derivation) -> Any:
    """f''(X)[dX₁, dX₂]; for several variables a dict by pairs of names.

    For a function of any shape.  Raises UnsupportedError on curved sets.
    """
    for X in d.wrt:
        if (space := tangent(X)) is not None and space.curved:
            raise UnsupportedError(
                f"the second derivative on the set that {X.name} moves in is not defined here: the set is curved"
            )
    answers = {(X.name, Z.name): _second(d, X, Z) for X in d.wrt for Z in d.wrt}
    return answers if d.several else answers[d.wrt[0].name, d.wrt[0].name]


def _second(d: Derivation, X: Symbol, Z: Symbol) -> Operator:
    one, two = differential_symbol(X, 1), differential_symbol(Z, 2)
    assert isinstance(one, Symbol) and isinstance(two, Symbol)
    first = prepared(along(d.prepared, {Z: two}))
    second = d.simplified(along(first, {X: one}))
    value = Expr(_first_first(second, one, two) if X is Z else second, d.function.variables)
    return Operator(f"{letter(d)}''", d.wrt, (one, two), value, False, (X, Z) if d.several else ())


def _first_first(form: Node, one: Symbol, two: Symbol) -> Node:
    """A symmetric form with its two directions exchanged where dX₂ would be read before dX₁."""
    turned = substitute(form, {one: two, two: one})
    text = to_text(form)
    return turned if text.find(Expr(two).text()) < text.find(Expr(one).text()) else form


def check_second(
    d: Derivation, seed: int = 0, sizes: Mapping[str, int] | None = None, points: int = 3, method: str = "central"
) -> Verification:
    """Is F''(X)[dX₁, dX₂] right?  Differences of dF along dX₁ against its differential, and that against the form."""
    from matdiff.verify.identity import compare

    again = d.of_differential
    found: Verification = again.verify(seed=seed, sizes=sizes, points=points, method=method)
    if found.passed is not True:
        return found
    said = compare(inline(add(*d.second_forms)), inline(again.differential.node), seed)
    if said.equal:
        return found
    if said.equal is None:
        return replace(found, passed=None, reason="no point was found at which the second derivative is defined")
    return replace(found, passed=False, reason="the bilinear form is not the differential of the differential")


def asymmetry(d: Derivation, seed: int = 0) -> float | None:
    """max |B(V,W) − B(W,V)| relative to |B|, over the pairs of variables at a random point; None without a point.

    A second derivative is symmetric, so anything but rounding is a fault of a differential.
    """
    import numpy as np

    from matdiff.verify import sampling, sets

    forms = d.bilinear if d.several else {(d.wrt[0].name,) * 2: d.bilinear}
    rng = np.random.default_rng(seed)
    for way in sampling.ways(d.function.node, d.function.variables, {}):
        point = sampling.point(d.function.variables, way, rng)
        V, W = ({X: sets.direction(X, point[X], rng) for X in d.wrt} for _ in range(2))
        try:
            return max(_apart(forms, X, Z, point, V, W) for X in d.wrt for Z in d.wrt)
        except DomainError:
            continue
    return None


def _apart(
    forms: Mapping[Any, Operator],
    X: Symbol,
    Z: Symbol,
    point: Mapping[Symbol, Any],
    V: Mapping[Symbol, Any],
    W: Mapping[Symbol, Any],
) -> float:
    """How far f''_XZ[V, W] is from f''_ZX[W, V]."""
    import numpy as np

    arrays = {v.name: a for v, a in point.items()}
    one, other = forms[X.name, Z.name], forms[Z.name, X.name]
    a = np.asarray(one.evaluate(**arrays, **{f"d{X.name}_1": V[X], f"d{Z.name}_2": W[Z]}))
    b = np.asarray(other.evaluate(**arrays, **{f"d{Z.name}_1": W[Z], f"d{X.name}_2": V[X]}))
    size = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)))
    return float(np.linalg.norm(a - b)) / size if size else 0.0


def along(F: Node, directions: Mapping[Symbol, Node]) -> Node:
    """The derivative of an expression along directions, definitions in place."""
    return inline(differentials(F, directions).get(F) or zeros_like(F))


def check_directions(variables: Sequence[Symbol], V: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Raises DomainError for a direction outside the tangent space at the arrays; misfits are left to evaluation."""
    from matdiff.codegen.emit.names import lookup

    for X in variables:
        key = lookup(X.name, arrays)
        why = "" if key is None or not X.attributes else _outside(X, V[X.name], arrays[key], arrays.values())
        if why:
            raise DomainError(f"the direction given for {X.name} is outside the tangent space: {why}")


def _outside(X: Symbol, V: Any, point: Any, arrays: Iterable[Any]) -> str:
    """What is wrong with a direction, up to the rounding of the point and of what was computed from the arrays."""
    import numpy as np

    from matdiff.codegen.checks import ATTRIBUTES, TOLERANCE, WORDS, rounding
    from matdiff.verify.sets import project

    try:
        v, x = np.asarray(V, dtype=float), np.asarray(point, dtype=float)
    except (TypeError, ValueError):
        return ""
    if v.shape != x.shape or v.ndim != len(X.shape) or not v.size or not np.isfinite(v).all():
        return ""
    space = curved_set(X)
    if space is not None and not space.member(np, x):
        return ""
    length = max(1.0, float(np.linalg.norm(x)))
    allowed = TOLERANCE * float(np.linalg.norm(v)) * length + length * rounding(arrays)
    if float(np.linalg.norm(v - project(X, x, v))) <= allowed:
        return ""
    dX = differential_symbol(X)
    assert isinstance(dX, Symbol)
    for word in sorted(dX.attributes):
        if v.shape[0] == v.shape[1] and not ATTRIBUTES[word](v):
            return f"it is not {WORDS.get(word, word)}"
    return space.condition.format(X=X.name) if space is not None else "it is not in the set of directions"
