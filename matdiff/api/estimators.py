"""The mean of a random function in closed form, and its derivatives by samples, scores and flips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, Self

from matdiff.api.derivation import Derivation
from matdiff.api.derived import derived
from matdiff.api.expr import Expr
from matdiff.calculus.evolution import simplified
from matdiff.calculus.expectation import Means, NoFormula, folded, has_expectation, singular
from matdiff.core.node import Apply, Node, Symbol, describe, number, size_names, symbol, symbols, topological
from matdiff.core.op import Nonlinear
from matdiff.errors import ArgumentError, MatdiffError, ParseError, ShapeError, UnsupportedError
from matdiff.graph.rewrite import inline, substitute
from matdiff.ops.algebra import add, is_op, power, scale
from matdiff.ops.constants import eye, is_zero, zeros_like
from matdiff.ops.random import EXPECTATION, NORMAL, Random
from matdiff.printing.length import length
from matdiff.simplify.expand import expanded
from matdiff.simplify.normal import normal

if TYPE_CHECKING:
    from matdiff.verify.report import Verification

ESTIMATORS = ("pathwise", "score", "flip")
INSIDE = "; its derivative holds where the mean is finite and the derivative may be moved inside it"
LARGEST = 10_000_000
"""Most numbers in the samples that are handed out."""


class Checked(Protocol):
    """A random function, as far as the derivation of its mean asks it."""

    def verify(self, seed: int = 0, **options: Any) -> Verification: ...


class InfiniteMean(UnsupportedError):
    """Raised for a mean that is not finite, by the law near a singular point."""


class Sized(Expr):
    """A mean; the size of a random array, which is no argument, may be given by its name: `evaluate(n=3)`."""

    __slots__ = ()

    def evaluate(self, /, **arrays: Any) -> Any:
        """The value, as of any expression."""
        import numpy as np

        names = {v.name: v for v in self.variables}
        sizes = {n: k for n, k in arrays.items() if n not in names}
        given = {n: a for n, a in arrays.items() if n in names}
        told = {
            d.name: k
            for n, a in given.items()
            for d, k in zip(names[n].shape, np.shape(a), strict=False)
            if d.name is not None
        }
        for v in self.variables:
            own = {n for d in v.shape for n in d.names}
            if v.name not in given and own & sizes.keys() and own <= sizes.keys() | told.keys():
                shape = tuple(d.evaluate({**told, **sizes}) for d in v.shape)
                given[v.name] = np.eye(*shape) if len(shape) == 2 else np.zeros(shape)
                sizes = {n: k for n, k in sizes.items() if n not in own}
        return super().evaluate(**given, **sizes)


@dataclass(frozen=True, repr=False)
class DerivationOfMean(Derivation):
    """The derivation of a mean in closed form, which is verified against the laws as well."""

    mean: Checked | None = None

    def _answer(self, node: Node) -> Expr:
        found = super()._answer(node)
        return Sized(found.node, found.variables, found.guards)

    def verify(self, seed: int = 0, *given: Any, **options: Any) -> Verification:
        """As of any derivation; without a claim the closed form is first held against quadrature over the laws."""
        if self.mean is not None and not given and options.get("claim") is None and options.get("order", 1) == 1:
            first = self.mean.verify(seed)
            if first.passed is False:
                return first
        return super().verify(seed, *given, **options)


@dataclass(frozen=True)
class Estimators:
    """A function of random variables, by what it may be differentiated, and all that follows; found when asked for.

    `expectation` is E[f], with an E[…] left in it where there is no closed form; `gradient` the derivative of that (the
    Jacobian where f is an array); `pathwise`, `score` and `flip` are unbiased estimators of it, expressions in the
    samples (Mohamed, Rosca, Figurnov & Mnih 2020; for flips Arya et al. 2022).  Several variables give dicts.
    """

    outer: Node
    """The function with its E[…], as it is typed."""
    laws: tuple[Random, ...]
    variables: tuple[Symbol, ...]
    """What is not random."""
    wrt: tuple[Symbol, ...]
    several: bool
    types: str
    remarks: tuple[str, ...]
    implied: bool
    """Whether the mean is not typed, but asked for by `random`."""
    order: int = 1
    """2: the Hessian is told as well."""

    # the function and its mean

    @cached_property
    def _means(self) -> Means:
        return Means(self.laws)

    @property
    def function(self) -> Expr:
        """The function of a sample, or what is typed where it has E[…]."""
        return Expr(self.outer, self._all)

    @property
    def _all(self) -> tuple[Symbol, ...]:
        return (*self.variables, *(r.symbol for r in self.laws))

    @cached_property
    def expectation(self) -> Expr:
        """E[f]; an E[…] stands in it where there is no closed form."""
        if self.implied:
            return self._expr(self._finite(self._means.mean(self.outer)))
        memo: dict[Node, Node] = {}
        root = inline(self.outer)
        for n in topological(root):
            if is_op(n, EXPECTATION):
                memo[n] = self._finite(self._means.mean(substitute(n.children[0], memo)))
        return self._expr(simplified(normal(substitute(root, memo))))

    def _finite(self, mean: Node) -> Node:
        """A mean, of which what keeps its E[…] is known not to be infinite.  Raises UnsupportedError."""
        for n in topological(mean):
            if is_op(n, EXPECTATION):
                why, where = singular(n.children[0], self.laws)
                if why:
                    raise InfiniteMean(
                        f"the mean E[{Expr(n.children[0])}] is not finite: {why}",
                        hint="a law that keeps away from there has a mean, as uniform(1, 2) has of 1/x",
                    )
                if where and where not in self._means.conditions:
                    self._means.conditions.append(where)
        return mean

    @property
    def closed(self) -> bool:
        """Whether the mean has a closed form; a mean that is not finite has none."""
        try:
            return not has_expectation(self.expectation.node)
        except InfiniteMean:
            return False

    @cached_property
    def sample_node(self) -> Node:
        """f of one sample.  Raises UnsupportedError where what is typed is not linear in its means."""
        if self.implied:
            return inline(self.outer)
        root = inline(self.outer)
        stand: dict[Node, Node] = {}
        for n in topological(root):
            if is_op(n, EXPECTATION) and not any(is_op(c, EXPECTATION) for c in topological(n.children[0])):
                s = symbol(f"mean {len(stand)}", n.kind, n.rows, n.cols)
                stand[n] = s
        flat = substitute(root, stand)
        fake = Means(tuple(Random(s, NORMAL, (number(0), number(1))) for s in stand.values() if isinstance(s, Symbol)))
        linear = not has_expectation(flat)
        if linear:
            try:
                linear = all(len(t.random) <= 1 for t in fake.polynomial(normal(flat)))
            except (NoFormula, UnsupportedError):
                linear = is_op(root, EXPECTATION)
        if not linear:
            raise UnsupportedError(
                "this is no mean of samples: it is not linear in its E[…]",
                hint="estimators are those of one mean; the mean itself has a derivative where it has a closed form",
            )
        return substitute(root, {n: n.children[0] for n in stand})

    def _expr(self, node: Node) -> Expr:
        return Sized(node, self._known(node))

    def _known(self, *nodes: Node) -> tuple[Symbol, ...]:
        """What is not random, and random arrays of which a size stands in the answer that nothing else tells."""
        told = {n for v in self.variables for d in (v.rows, v.cols) for n in d.names}
        used = size_names(*nodes)
        found = list(self.variables)
        for r in self.laws:
            own = {n for d in (r.symbol.rows, r.symbol.cols) for n in d.names}
            if own & used - told:
                found.append(r.symbol)
                told |= own
        return tuple(found)

    @property
    def notes(self) -> tuple[str, ...]:
        found = list(self.remarks)
        _ = self.expectation
        found += [f"the mean is finite for {c}" for c in self._means.conditions]
        if not self.closed:
            found.append(self._no_closed_form)
        return tuple(dict.fromkeys(found))

    # derivatives

    @cached_property
    def derivation(self) -> Derivation:
        """The derivation of the closed form.  Raises UnsupportedError where there is none."""
        if not self.closed:
            raise UnsupportedError(self._no_closed_form)
        self._asked()
        d = derived(self.expectation, [Expr(X) for X in self.wrt])
        types = Expr(d.function.node, self.variables).types
        return DerivationOfMean(d.function, d.wrt, types, self.several, remarks=self.notes)

    @property
    def _no_closed_form(self) -> str:
        why = "; ".join(self._means.reasons)
        return "this mean has no closed form here" + (f": {why}" if why else "") + INSIDE * bool(self.wrt)

    def _asked(self) -> None:
        if not self.wrt:
            raise ParseError("no variable to differentiate by", hint='give its name: wrt="p"')

    @cached_property
    def gradient(self) -> Any:
        """The derivative of E[f]: in closed form, else with the derivative moved inside E[…]."""
        self._asked()
        if self.closed:
            return self.derivation.gradient if self.derivation.kind == "gradient" else self.derivation.jacobian
        return self._each({X: self._expr(self._inside(X)) for X in self.wrt})

    @cached_property
    def hessian(self) -> Any:
        """The second derivative of E[f]: in closed form, else that of the gradient moved inside E[…].

        Raises UnsupportedError for several variables without a closed form, ShapeError where f is no scalar.
        """
        self._asked()
        if self.outer.kind != "scalar":
            raise ShapeError("a Hessian belongs to a scalar function", hint="leave out --order 2")
        if self.closed:
            return self.derivation.hessian
        return self.slope.gradient

    @cached_property
    def slope(self) -> Self:
        """The gradient of a mean without a closed form, as a random function of its own."""
        if self.several:
            raise UnsupportedError(
                "the Hessian of a mean without a closed form is told by one variable", hint="name one variable in wrt"
            )
        G = self.gradient.node
        laws = tuple(self.sampled_from.values())
        return replace(self, outer=G, laws=laws, implied=False, order=1)

    def _each(self, found: Mapping[Symbol, Expr]) -> Any:
        return {X.name: e for X, e in found.items()} if self.several else found[self.wrt[0]]

    def _inside(self, X: Symbol) -> Node:
        """∂/∂X of what keeps an E[…]: what is outside, and each E[…] with the derivative inside."""
        root = self.expectation.node
        kept = [n for n in topological(root) if is_op(n, EXPECTATION)]
        stand = {n: symbol(f"mean {i}", n.kind, n.rows, n.cols) for i, n in enumerate(kept)}
        flat = substitute(root, dict(stand))
        if root.kind != "scalar" or any(n.kind != "scalar" for n in kept):
            if flat not in stand.values():
                raise UnsupportedError(
                    f"the derivative of a mean that is {describe(root)} and has no closed form is not told here",
                    hint="ask for .pathwise, or for the mean of a scalar",
                )
            return self._mean_of(self._estimate(kept[0].children[0], X))
        d = derived(Expr(flat, (*self.variables, *(s for s in symbols(flat) if s in stand.values()))), Expr(X))
        total = substitute(d.gradient.node, {s: n for n, s in stand.items()})
        for n, s in stand.items():
            outside = derived(Expr(flat, (*self.variables, *stand.values())), Expr(s)).gradient.node
            outside = substitute(outside, {s: n for n, s in stand.items()})
            total = add(total, scale(outside, self._mean_of(self._estimate(n.children[0], X))))
        return simplified(total)

    def _estimate(self, body: Node, X: Symbol) -> tuple[Node, tuple[Random, ...]]:
        """An unbiased estimator of ∂E[body]/∂X with the laws of its samples: the first that there is."""
        refused: list[str] = []
        for make in (self._pathwise, self._flip, self._score):
            try:
                return make(body, X)
            except UnsupportedError as why:
                refused.append(why.message)
        raise UnsupportedError(f"the derivative of this mean by {X.name} is not told here: {'; '.join(refused)}")

    def _mean_of(self, found: tuple[Node, tuple[Random, ...]]) -> Node:
        self.sampled_from.update({r.symbol: r for r in found[1]})
        return Means(found[1]).mean(found[0])

    @cached_property
    def sampled_from(self) -> dict[Symbol, Random]:
        """The laws of all variables that may stand in an E[…] of an answer."""
        return {r.symbol: r for r in self.laws}

    @cached_property
    def pieces(self) -> list[tuple[Node, Node]]:
        """Each innermost E[…] that is typed, what stands in it with its closed form, where it has one."""
        if self.implied:
            return [(inline(self.outer), self.expectation.node)] if self.closed else []
        inside = [
            n.children[0]
            for n in topological(inline(self.outer))
            if is_op(n, EXPECTATION) and not has_expectation(n.children[0])
        ]
        found = [(body, self._means.mean(body)) for body in inside]
        return [(body, mean) for body, mean in found if not has_expectation(mean)]

    # estimators

    @cached_property
    def pathwise(self) -> Any:
        """The derivative of the sample, its randomness held fast.

        Raises UnsupportedError where the sample jumps with the variable, or has no formula in fixed randomness.
        """
        return self._estimator("pathwise")

    @cached_property
    def score(self) -> Any:
        """f times the derivative of the log density, and the derivative of f.

        Raises UnsupportedError where the density has none, as at the moving ends of uniform(a, b).
        """
        return self._estimator("score")

    @cached_property
    def flip(self) -> Any:
        """For a law that jumps: the weight of a flip times what it changes, and the derivative of f.

        Raises UnsupportedError for laws that do not jump, and for arrays of numbers that do.
        """
        return self._estimator("flip")

    def _estimator(self, name: str) -> Any:
        self._asked()
        found = {}
        for X in self.wrt:
            node, laws = self.estimators(name)[X]
            found[X] = Expr(node, (*self.variables, *(r.symbol for r in laws)))
        return self._each(found)

    def estimators(self, name: str) -> dict[Symbol, tuple[Node, tuple[Random, ...]]]:
        """One estimator by each variable, with the laws of its samples."""
        make: Callable[[Node, Symbol], tuple[Node, tuple[Random, ...]]] = getattr(self, f"_{name}")
        found = {}
        for X in self.wrt:
            node, laws = make(self.sample_node, X)
            found[X] = simplified(folded(node)), laws
        return found

    @cached_property
    def available(self) -> dict[str, dict[Symbol, tuple[Node, tuple[Random, ...]]]]:
        """The estimators that there are."""
        found = {}
        for name in ESTIMATORS:
            with suppress(UnsupportedError):
                found[name] = self.estimators(name)
        return found

    def moving(self, X: Symbol, body: Node) -> list[Random]:
        """The laws that depend on a variable."""
        inside = set(symbols(body))
        return [r for r in self.laws if r.symbol in inside and any(X in set(symbols(p)) for p in r.parameters)]

    def _gradient(self, node: Node, X: Symbol, free: Sequence[Symbol]) -> Node:
        if X not in set(symbols(node)):
            shape = X if node.kind == "scalar" else node if X.kind == "scalar" else None
            if shape is None:
                raise UnsupportedError(f"the derivative of an array by {X.name} is told in closed form only")
            return zeros_like(shape)
        d = derived(Expr(node, tuple(dict.fromkeys((*self.variables, *free)))), Expr(X))
        found: Node = d.gradient.node if d.kind == "gradient" else d.jacobian.node
        return found

    def _pathwise(self, body: Node, X: Symbol) -> tuple[Node, tuple[Random, ...]]:
        moving = self.moving(X, body)
        laws = [r for r in self.laws if r not in moving]
        drawn: dict[Node, Node] = {}
        taken = {s.name for s in self._all}
        for r in moving:
            noise = self._noise(r, X, taken)
            taken.add(noise.name)
            laws.append(noise)
            assert r.law.drawn is not None
            drawn[r.symbol] = r.law.drawn(noise.symbol, *r.parameters)
        made = substitute(body, drawn)
        random = {r.symbol for r in laws}
        for n in topological(made):
            if isinstance(n, Apply) and steps(n) and random & set(symbols(n)) and X in set(symbols(n)):
                raise UnsupportedError(
                    f"the sample jumps with {X.name} in {n.op.name}, so its derivative does not see what the mean does",
                    hint="see .score, or write the jump as a law, X ~ bernoulli(p)",
                )
        found = self._gradient(made, X, [r.symbol for r in laws])
        return self._integrable(found, laws, "pathwise derivative"), tuple(laws)

    def _integrable(self, estimator: Node, laws: Sequence[Random], what: str) -> Node:
        """Raises UnsupportedError where an estimator has no finite mean."""
        if (why := singular(inline(estimator), laws)[0]) != "":
            raise UnsupportedError(f"the {what} has no finite mean: {why}")
        return estimator

    def _noise(self, r: Random, X: Symbol, taken: set[str]) -> Random:
        """The variable that does not depend on X, of which r is a function."""
        if r.law.drawn is None:
            if r.law.discrete:
                why = f"{r.name}, {r.law.name}, jumps, so its samples have no derivative by {X.name}"
                raise UnsupportedError(why, hint="see .flip and .score")
            raise UnsupportedError(
                f"samples of {r.law.name} are no formula in fixed randomness here, so there is no pathwise derivative",
                hint="see .score",
            )
        fixed = [r.parameters[i] for i in r.law.free]
        if any(X in set(symbols(p)) for p in fixed):
            raise UnsupportedError(
                f"samples of {r.law.name} are no formula in this parameter: no pathwise derivative by {X.name}",
                hint="see .score",
            )
        name = r.law.base
        while name in taken:
            name += "_"
        x = r.symbol
        attributes = x.attributes if "spd" in x.attributes else frozenset()
        s = symbol(name, x.kind, x.rows, x.cols, attributes)
        parameters = []
        for i, (p, standard) in enumerate(zip(r.parameters, r.law.standard, strict=True)):
            if standard is None:
                parameters.append(p)
            elif standard == "I":
                parameters.append(eye(x.cols if i == 2 else x.rows))
            else:
                parameters.append(zeros_like(x) if r.law.takes[i] in ("vector", "matrix") else number(standard))
        return Random(s, r.law, tuple(parameters))

    def _score(self, body: Node, X: Symbol) -> tuple[Node, tuple[Random, ...]]:
        moving = self.moving(X, body)
        if not moving:
            raise UnsupportedError(f"no law depends on {X.name}, so its score is 0", hint="see .pathwise")
        if body.kind != "scalar" and X.kind != "scalar":
            raise UnsupportedError("the score estimator is told of a scalar function, or by a scalar")
        random = [r.symbol for r in self.laws]
        total: Node = zeros_like(X)
        for r in moving:
            if r.law.density is None:
                raise UnsupportedError(f"the density of {r.law.name} is not told here, so there is no score")
            depends = [i for i, p in enumerate(r.parameters) if X in set(symbols(p))]
            if set(depends) & set(r.law.moving):
                raise UnsupportedError(
                    f"where {r.law.name} has a density depends on {X.name}, so the score is no estimator",
                    hint="see .pathwise",
                )
            if r.law.shape == "matrix" and set(depends) & set(r.law.free):
                raise UnsupportedError(f"the score of {r.law.name} by its degrees of freedom is not told here")
            total = add(total, self._gradient(r.law.density(r.symbol, *r.parameters), X, random))
        jumping = self._own(body, X, random)
        product = scale(body, total) if body.kind == "scalar" else scale(total, body)
        return add(product, jumping), self.laws

    def _own(self, body: Node, X: Symbol, random: Sequence[Symbol]) -> Node:
        """∂f/∂X at a fixed sample; refused where f jumps with X."""
        for n in topological(body):
            if isinstance(n, Apply) and steps(n) and X in set(symbols(n)) and set(random) & set(symbols(n)):
                raise UnsupportedError(f"the function jumps with {X.name} in {n.op.name}, so this estimator is biased")
        return self._gradient(body, X, random)

    def _flip(self, body: Node, X: Symbol) -> tuple[Node, tuple[Random, ...]]:
        moving = self.moving(X, body)
        if not moving:
            raise UnsupportedError(f"no law depends on {X.name}, so nothing flips", hint="see .pathwise")
        if body.kind != "scalar" and X.kind != "scalar":
            raise UnsupportedError("the flip estimator is told of a scalar function, or by a scalar")
        random = [r.symbol for r in self.laws]
        total = self._own(body, X, random)
        for r in moving:
            flip = r.law.flip
            if flip is None:
                raise UnsupportedError(f"{r.law.name} does not jump, so nothing flips", hint="see .pathwise and .score")
            depends = [i for i, p in enumerate(r.parameters) if X in set(symbols(p))]
            if depends != [flip.parameter]:
                raise UnsupportedError(f"flips of {r.law.name} are told by its parameter {flip.parameter + 1} only")
            if r.symbol.kind != "scalar":
                raise UnsupportedError(
                    f"{r.name} is an array, of which every entry flips by itself: this is a sum over all entries",
                    hint="see .score, and the closed form",
                )
            x = r.symbol
            moved = flip.moved(x) if flip.guarded is None or self._everywhere(body) else flip.guarded(x)
            change = add(substitute(body, {x: moved}), scale(number(-1), body))
            rate = self._gradient(r.parameters[flip.parameter], X, random)
            weight = flip.weight(x, *r.parameters)
            piece = scale(scale(weight, change), rate) if body.kind == "scalar" else scale(scale(rate, weight), change)
            total = add(total, piece)
        return total, self.laws

    def _everywhere(self, body: Node) -> bool:
        """Whether a function has a value at every number, as polynomials have."""
        try:
            return bool(Means(self.laws).polynomial(normal(body)))
        except (NoFormula, UnsupportedError):
            return False

    # numbers

    def sample(self, n: int = 1, seed: int = 0, of: str = "value", /, **arrays: Any) -> Any:
        """n independent samples of f, or `of` an estimator (`pathwise`, `score`, `flip`), the first axis theirs.

        Raises ArgumentError for a missing array, DomainError where a parameter is outside its law.
        """
        import numpy as np

        from matdiff.verify.random import sampled

        if not hasattr(n, "__index__") or n < 1:
            raise MatdiffError(f"the number of samples is a whole number from 1, not {n!r}")
        if of not in ("value", *ESTIMATORS):
            raise MatdiffError(f"there is no estimator {of!r}", hint=f"there are {', '.join(('value', *ESTIMATORS))}")
        if of == "value":
            jobs: dict[str, tuple[Node, tuple[Random, ...]]] = {"": (self.sample_node, self.laws)}
        else:
            jobs = {X.name: job for X, job in self.estimators(of).items()}
        fixed, sizes = self._given(arrays)
        found = {}
        for name, (node, laws) in jobs.items():
            entries = node.rows.evaluate(sizes) * node.cols.evaluate(sizes)
            if n * max(1, entries) > LARGEST:
                raise UnsupportedError(f"more than {LARGEST:,} numbers are not sampled at once")
            draws = sampled(laws, fixed, sizes, int(n), np.random.default_rng(seed))
            found[name] = np.array(draws.of(node))
        return found if len(found) > 1 else next(iter(found.values()))

    def _given(self, arrays: Mapping[str, Any]) -> tuple[dict[Symbol, Any], dict[str, int]]:
        """The arrays by symbol, with an axis of samples in front, and the sizes; sizes may be given by name."""
        from matdiff.codegen.emit.names import lookup
        from matdiff.codegen.evaluate import as_array, check_attributes, sizes_of

        given = {}
        used = set()
        for v in self.variables:
            key = lookup(v.name, arrays)
            if key is None:
                raise ArgumentError(f"{v.name} is missing", hint=f"{v.name} is {describe(v)}: pass it by name")
            used.add(key)
            given[v] = as_array(v, arrays[key])
        sizes = sizes_of(given)
        for v, a in given.items():
            check_attributes(v, a, given.values())
        dims = {n for v in self._all for d in (v.rows, v.cols) for n in d.names}
        for name, value in arrays.items():
            if name in used:
                continue
            if name not in dims:
                raise ArgumentError(
                    f"there is no {name}", hint=f"there are {', '.join(v.name for v in self.variables)}"
                )
            if sizes.setdefault(name, int(value)) != value:
                raise ArgumentError(f"{name} is {sizes[name]} by the arrays, not {value}")
        if missing := sorted(dims - sizes.keys()):
            raise ArgumentError(f"the size {missing[0]} is not known", hint=f"pass it by name: {missing[0]}=3")
        return {v: a[None] for v, a in given.items()}, sizes

    def variance(self, name: str) -> Any:
        """The variance of one sample of an estimator, in closed form; None where there is none.  By scalars."""
        self._asked()
        found: dict[Symbol, Expr | None] = {}
        for X, (node, laws) in self.estimators(name).items():
            found[X] = None
            if X.kind != "scalar" or node.kind != "scalar" or not self.closed:
                continue
            mean = self.gradient[X.name].node if self.several else self.gradient.node
            away = simplified(normal(expanded(normal(add(node, scale(number(-1), mean))))))
            forms = [Means(laws).mean(power(away, number(2)))]
            square = Means(laws).mean(scale(node, node))
            forms.append(simplified(add(square, scale(number(-1), scale(mean, mean)))))
            forms = [v for v in forms if not has_expectation(v)]
            if forms:
                found[X] = self._expr(min(forms, key=length))
        return {X.name: v for X, v in found.items()} if self.several else found[self.wrt[0]]

    def variances(self, seed: int = 0, /, **arrays: Any) -> dict[str, float]:
        """The variance of one sample of each estimator at these arrays, summed over entries, from 10,000 samples."""
        out = {}
        for name in self.available:
            drawn = self.sample(10_000, seed, name, **arrays)
            parts = drawn.values() if isinstance(drawn, dict) else [drawn]
            out[name] = float(sum(p.var(axis=0).sum() for p in parts))
        return out


def steps(n: Apply) -> bool:
    """Whether a function is constant but for jumps, as sign is: its record says that its differential is 0."""
    rule = n.op.rule(0)
    if not n.op.elementwise or not isinstance(rule, Nonlinear) or len(n.args) != 1:
        return False
    x = symbol("_x", "scalar")
    return is_zero(rule.differential(x, symbol("_dx", "scalar")))
