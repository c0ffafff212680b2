"""Means of random expressions in matrix notation, by joint cumulants.

A polynomial in random arrays is a sum of monomials, each a network of arrays; its mean is a sum over the partitions of
the random factors into blocks of one variable each, a block of one being a mean and one of more a cumulant (Isserlis
1918 and Wick for Gaussians; Letac & Massam 2004 for the cycles of a Wishart matrix; McCullagh 1987, §3.2).
What all means alone give is the function at the means, and is written so: E‖Ax − b‖² = ‖Am − b‖² + tr(AᵀA S).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product

from matdiff.calculus import gaussian
from matdiff.calculus.adjoint import adjoint
from matdiff.calculus.differential import differentials
from matdiff.calculus.evolution import simplified
from matdiff.calculus.network import Network, NoFormula, Shape, Tensor
from matdiff.core.node import Apply, Node, Number, Symbol, number, symbol, symbols, topological
from matdiff.core.op import Joint, Linear, Op
from matdiff.core.shape import Dim
from matdiff.errors import MatdiffError, UnsupportedError
from matdiff.graph.rewrite import inline, prepared, rebuild, substitute
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    INNER,
    MATMUL,
    MPOW,
    POWER,
    SCALE,
    TRANSPOSE,
    add,
    hadamard,
    is_op,
    matmul,
    power,
    product_nodes,
    scale,
    size,
    transpose,
)
from matdiff.ops.constants import commutation, eye, is_eye, is_one, is_ones, is_zero, ones_like, unit, zeros_like
from matdiff.ops.elementwise import VANISHING, abs_, cos, erf, exp, heaviside, log, pi, relu, sign, sin, sqrt
from matdiff.ops.indexing import COLUMN, ENTRY, ROW
from matdiff.ops.kronecker import kron, kronv
from matdiff.ops.linalg import det, inv, logdet
from matdiff.ops.random import (
    EXPECTATION,
    INVERSE_WISHART,
    LAPLACE,
    MATRIX_NORMAL,
    MULTINORMAL,
    NORMAL,
    WISHART,
    Legs,
    Random,
    antiderivative,
    spread,
)
from matdiff.ops.reductions import mean as mean_of
from matdiff.ops.reductions import norm, norm1, prod, sum_, tr
from matdiff.ops.structure import Diag, diag, vec
from matdiff.printing import to_text
from matdiff.printing.length import length
from matdiff.simplify.normal import normal
from matdiff.simplify.terms import split

MOST_TERMS = 4000
"""Most summands of one mean."""
MOST_POINTS = 3
"""Most two-point variables over which a function that is no polynomial is summed."""
DEEPEST = 100
"""Most functions within each other through which a mean is looked for."""
GAUSSIAN = gaussian.GAUSSIAN


@dataclass(frozen=True, slots=True)
class Monomial:
    """factor · Π arrays · Π random arrays, on places 0 … of these sizes; `out` are those of the value."""

    factor: Node
    dims: tuple[Dim, ...]
    tensors: tuple[Tensor, ...]
    random: tuple[tuple[Symbol, Legs], ...]
    same: tuple[Legs, ...]
    out: Legs

    def times(self, other: Monomial) -> tuple[Monomial, Legs]:
        """Both side by side, and where the places of the other's value are."""
        k = len(self.dims)

        def moved(legs: Legs) -> Legs:
            return tuple(i + k for i in legs)

        made = Monomial(
            scale(self.factor, other.factor),
            self.dims + other.dims,
            self.tensors + tuple((t, moved(legs)) for t, legs in other.tensors),
            self.random + tuple((x, moved(legs)) for x, legs in other.random),
            self.same + tuple(map(moved, other.same)),
            self.out,
        )
        return made, moved(other.out)

    def with_out(self, out: Legs, *same: Legs) -> Monomial:
        return Monomial(self.factor, self.dims, self.tensors, self.random, (*self.same, *same), out)


Polynomial = tuple[Monomial, ...]


@dataclass
class Means:
    """Takes the mean over some independent random variables; `conditions` are those under which it exists."""

    laws: tuple[Random, ...]
    conditions: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    """Why a part has no closed form."""

    def __post_init__(self) -> None:
        self.of = {r.symbol: r for r in self.laws}
        self.memo: dict[Node, Polynomial] = {}
        self.shown: dict[Node, Node] = {}
        """The function as it was before it was made ready: the form in which it is shown at the means."""
        self.depth = 0
        self.touched: dict[Node, frozenset[Symbol]] = {}

    # which variables

    def inside(self, node: Node) -> frozenset[Symbol]:
        """The random variables in an expression."""
        if node not in self.touched:
            for n in topological(node, done=self.touched):
                below = [self.touched[c] for c in n.children]
                own = frozenset({n}) if isinstance(n, Symbol) and n in self.of else frozenset()
                self.touched[n] = own.union(*below)
        return self.touched[node]

    # the mean

    def mean(self, node: Node) -> Node:
        """E[node]; what has no closed form stays an expectation."""
        before = normal(inline(node))
        ready = prepared(before)
        self.shown = {ready: before}
        self.conditions.clear()
        found = simplified(folded(self._inverted(ready)))
        if not has_expectation(found):
            self.reasons.clear()
        return found

    def _inverted(self, node: Node) -> Node:
        """The mean, inverses of Wishart matrices being variables of their own where they stand alone."""
        made: dict[Node, Node] = {}
        laws = dict(self.of)
        turned = {WISHART: INVERSE_WISHART, INVERSE_WISHART: WISHART}
        for n in topological(node):
            if is_op(n, inv) and isinstance(x := n.children[0], Symbol) and x in laws and laws[x].law in turned:
                made[n] = symbol(f"{x.name}⁻¹", "matrix", x.rows, x.cols, frozenset({"spd"}))
        for n, z in made.items():
            rest = substitute(node, {n: z})
            x = n.children[0]
            assert isinstance(x, Symbol) and isinstance(z, Symbol)
            if x not in set(symbols(rest)):
                dof, V = laws[x].parameters
                other = Means(
                    (*(r for s, r in laws.items() if s is not x), Random(z, turned[laws[x].law], (dof, inv(V))))
                )
                found = other._inverted(rest)
                self.conditions += other.conditions
                self.reasons += other.reasons
                return substitute(found, {z: n})
        return self._mean(node)

    def _mean(self, node: Node) -> Node:
        if not self.inside(node):
            return node
        self.depth += 1
        try:
            return self._found(node) if self.depth < DEEPEST else EXPECTATION.build((node,), ())
        finally:
            self.depth -= 1

    def _found(self, node: Node) -> Node:
        try:
            return self._polynomial_mean(node)
        except (NoFormula, UnsupportedError) as why:
            self._note(str(why) if isinstance(why, NoFormula) else why.message)
        for rule in (self._linear, self._factors, self._outer, self._tilted, self._entrywise, self._points):
            found = rule(node)
            if found is not None and not is_op(found, EXPECTATION):
                return found
        for further in (gaussian.radial, gaussian.capped, gaussian.stepped, gaussian.opened):
            found = further(self, node)
            if found is not None:
                return simplified(found)
        return EXPECTATION.build((node,), ())

    def _note(self, why: str) -> None:
        if why and why not in self.reasons:
            self.reasons.append(why)

    def closed(self, node: Node) -> Node | None:
        """The mean, None where a part of it has no closed form."""
        found = self._mean(node)
        return None if has_expectation(found) else found

    def _linear(self, node: Node) -> Node | None:
        """Through sums, and functions linear in the one argument that is random."""
        if not isinstance(node, Apply):
            return None
        if is_op(node, norm1):
            return self._mean(sum_(abs_(node.children[0])))
        if is_op(node, ADD):
            return self._sum(node)
        slots = [i for i, a in enumerate(node.args) if self.inside(a)]
        if len(slots) == 1 and isinstance(node.op.rule(slots[0]), (Linear, Joint)):
            (i,) = slots
            args = list(node.args)
            args[i] = self._mean(args[i])
            if has_expectation(args[i]) and (node.op is not SCALE or args[i].kind != "scalar"):
                return EXPECTATION.build((node,), ())
            return rebuild(node, tuple(args))
        if all(isinstance(node.op.rule(i), Joint) for i in slots):
            return rebuild(node, tuple(self._mean(a) if i in slots else a for i, a in enumerate(node.args)))
        return None

    def _sum(self, node: Apply) -> Node:
        """Terms that have a closed form, and one mean of the others."""
        polynomial, others = [], []
        for t in node.args:
            try:
                self.polynomial(t)
                polynomial.append(t)
            except (NoFormula, UnsupportedError):
                others.append(t)
        found = [self._mean(add(*polynomial))] if polynomial and others else []
        if not found:
            found, others = [], list(node.args)
        kept: list[Node] = []
        for t in others:
            m = self._mean(t)
            for part in m.children if is_op(m, ADD) else (m,):
                (kept if is_op(part, EXPECTATION) else found).append(part)
        if kept:
            found.append(EXPECTATION.build((add(*(k.children[0] for k in kept)),), ()))
        return add(*found)

    def _factors(self, node: Node) -> Node | None:
        """Of a product of independent factors the product of the means."""
        if not isinstance(node, Apply) or len(node.args) != 2:
            return None
        a, b = node.args
        bilinear = all(isinstance(node.op.rule(i), Linear) for i in (0, 1))
        if is_op(node, kronv):
            return self._mean(vec(matmul(b, transpose(a))))
        if bilinear and not self.inside(a) & self.inside(b):
            first, second = self.closed(a), self.closed(b)
            return None if first is None or second is None else rebuild(node, (first, second))
        return None

    def _outer(self, node: Node) -> Node | None:
        """abᵀ ⊗ cdᵀ of vectors affine in Gaussians, vec X vec Xᵀ (Magnus & Neudecker 2019, §10.5; Isserlis 1918)."""
        if is_op(node, MATMUL):
            left, right = node.children[0], transpose(node.children[1])
            x = left.children[0] if is_op(left, vec) else None
            if x is None or left is not right or x not in self.of or self.of[x].law is not MATRIX_NORMAL:
                return None
            M, U, V = self.of[x].parameters
            return add(kron(V, U), matmul(vec(M), transpose(vec(M))))
        if not is_op(node, kron):
            return None
        sides = [product_nodes(c, 3) for c in node.children]
        if any(len(s) != 2 or s[0].kind != "vector" or s[1].kind != "row" for s in sides):
            return None
        (a, b), (c, d) = ((s[0], transpose(s[1])) for s in sides)
        if not all(self.affine(u, GAUSSIAN) for u in (a, b, c, d)):
            return None

        def second(u: Node, v: Node) -> Node:
            return self._mean(matmul(u, transpose(v)))

        turned = matmul(kron(second(a, d), second(c, b)), commutation(d.rows, b.rows))
        crossed = matmul(vec(second(c, a)), transpose(vec(second(d, b))))
        means = [self._mean(u) for u in (a, b, c, d)]
        less = kron(matmul(means[0], transpose(means[1])), matmul(means[2], transpose(means[3])))
        return add(kron(second(a, b), second(c, d)), turned, crossed, scale(number(-2), less))

    # polynomials

    def _polynomial_mean(self, node: Node) -> Node:
        terms = self.polynomial(node)
        arrays = any(x.kind != "scalar" for t in terms for x, _ in t.random)
        forms = []
        if not arrays:
            forms.append(self._raw(node, terms))
        if arrays or len(terms) <= 60:
            try:
                forms.append(self._centred(node, terms))
            except NoFormula:
                if not forms:
                    raise
        return min((simplified(f) for f in forms), key=length)

    def _raw(self, node: Node, terms: Polynomial) -> Node:
        """Of scalars by their moments."""
        found = []
        for t in terms:
            counts: dict[Symbol, int] = {}
            for x, _ in t.random:
                counts[x] = counts.get(x, 0) + 1
            factor = t.factor
            for x, k in counts.items():
                r = self.of[x]
                if r.law.moment is None:
                    raise NoFormula(f"the moments of {r.name}, {r.law.name}, have no formula here")
                factor = scale(r.law.moment(k, *r.parameters), factor)
            found.append(self._read(node, t, factor, t.tensors, ()))
        return add(*found) if found else zeros_like(node)

    def _centred(self, node: Node, terms: Polynomial) -> Node:
        """The function at the means, and what cumulants of two and more factors add."""
        means = {}
        for x in self.inside(node):
            m = self.of[x].mean
            if m is None:
                raise NoFormula(f"the mean of {x.name} has no formula here")
            means[x] = m
        first = folded(substitute(self.shown.get(node, node), means))
        return add(first, *together(self._corrections(node, terms, means)))

    def corrections(self, node: Node) -> Node:
        """E[node] less node at the means."""
        terms = self.polynomial(node)
        means = {x: m for x in self.inside(node) if (m := self.of[x].mean) is not None}
        return simplified(add(zeros_like(node), *together(self._corrections(node, terms, means))))

    def _corrections(self, node: Node, terms: Polynomial, means: Mapping[Symbol, Node]) -> Iterator[Node]:
        count = 0
        for t in terms:
            by: dict[Symbol, list[Legs]] = {}
            for x, legs in t.random:
                by.setdefault(x, []).append(legs)
            for x, all_legs in by.items():
                law = self.of[x].law
                if law.exists:
                    self.require(law.exists[min(len(all_legs), len(law.exists)) - 1], self.of[x])
                if len(all_legs) > law.most:
                    raise NoFormula(
                        f"the joint moment of {len(all_legs)} entries of {x.name}, {law.name}, is not known here"
                    )
            ways = [list(self._ways(x, all_legs, means[x])) for x, all_legs in by.items()]
            for chosen in product(*ways):
                if not any(higher for _, _, _, higher in chosen):
                    continue
                count += 1
                if count > MOST_TERMS:
                    raise NoFormula(f"its mean has more than {MOST_TERMS:,} terms")
                factor = t.factor
                tensors, same = list(t.tensors), list(t.same)
                for f, arrays, alike, _ in chosen:
                    factor = scale(f, factor)
                    tensors += arrays
                    same += alike
                yield self._read(node, t, factor, tensors, same)

    def _ways(
        self, x: Symbol, legs: Sequence[Legs], mean: Node
    ) -> Iterator[tuple[Node, list[Tensor], list[Legs], bool]]:
        """The partitions of the factors of one variable with what each contributes, and whether a block has two."""
        r = self.of[x]
        widest = 2 if r.law in GAUSSIAN else len(legs)
        for blocks in partitions(list(range(len(legs))), widest, not is_zero(mean)):
            found: list[tuple[Node, list[Tensor], list[Legs]]] = [(number(1), [], [])]
            for block in blocks:
                if len(block) == 1:
                    parts: list[tuple[Node, tuple[Tensor, ...], tuple[Legs, ...]]] = [_mean_part(mean, legs[block[0]])]
                else:
                    parts = list(r.cumulant([legs[i] for i in block]))
                found = [(scale(f, g), [*a, *arrays], [*s, *same]) for f, a, s in found for g, arrays, same in parts]
            higher = any(len(b) > 1 for b in blocks)
            for f, a, s in found:
                yield f, a, s, higher

    def _read(self, node: Node, t: Monomial, factor: Node, tensors: Sequence[Tensor], same: Sequence[Legs]) -> Node:
        joined = (*t.same, *same) if same is not t.same else t.same
        shape = Shape(node.kind, node.rows, node.cols)
        return Network(t.dims, tensors, joined, t.out, factor).read(shape)

    def polynomial(self, node: Node) -> Polynomial:
        """The expression as a sum of monomials in the random variables.  Raises NoFormula where it is none."""
        for n in topological(node, into_bodies=False, done=self.memo):
            if n in self.memo:
                continue
            if not self.inside(n):
                self.memo[n] = () if is_zero(n) else (_fixed(n),)
            elif isinstance(n, Symbol):
                self.memo[n] = (_variable(n),)
            else:
                assert isinstance(n, Apply)
                try:
                    self.memo[n] = self._apply(n)
                except KeyError:
                    raise NoFormula(f"{n.op.name} of random variables has no closed form here") from None
                if len(self.memo[n]) > MOST_TERMS:
                    raise NoFormula(f"it has more than {MOST_TERMS:,} terms when it is multiplied out")
        return self.memo[node]

    def _apply(self, n: Apply) -> Polynomial:
        args = [self.memo[a] for a in n.args if a in self.memo]
        if len(args) < len(n.args):
            raise KeyError(n)
        op = n.op
        if op is ADD:
            return tuple(t.with_out(_as(n, a, t.out)) for a, p in zip(n.args, args, strict=True) for t in p)
        if op is SCALE:
            return _product(args[0], args[1], lambda s, a: (a, ()))
        if op is MATMUL:
            return _matmul(n, args[0], args[1])
        if op is HADAMARD:
            return _product(args[0], args[1], lambda a, b: (a, tuple(zip(a, b, strict=True))))
        if op is INNER:
            return _product(args[0], args[1], lambda a, b: ((), tuple(zip(a, b, strict=True))))
        if op is TRANSPOSE:
            return tuple(t.with_out(t.out[::-1]) for t in args[0])
        if op in (POWER, MPOW):
            return self._power(n)
        closing = CLOSED.get(op)
        if closing is not None:
            return tuple(t.with_out(*closing(t.out)) for t in args[0])
        if op in (ENTRY, ROW, COLUMN):
            return tuple(_indexed(n, t) for t in args[0])
        if op.definition is not None:
            body = op.definition(*n.args, *n.params)
            if n not in set(topological(body)):
                return self.polynomial(body)
        raise KeyError(n)

    def _power(self, n: Apply) -> Polynomial:
        a = n.args[0]
        k = n.params[0] if n.op is MPOW else n.args[1].value if isinstance(n.args[1], Number) else None
        if not isinstance(k, int) or not 1 <= k <= 12:
            raise KeyError(n)
        out = a
        for _ in range(k - 1):
            out = (
                matmul(out, a)
                if n.op is MPOW
                else HADAMARD.build((out, a))
                if a.kind != "scalar"
                else SCALE.build((out, a))
            )
        return self.polynomial(out)

    # exponentials and others of affine functions

    def affine(self, u: Node, of: Iterable[object] | None = None) -> bool:
        """Whether u is affine in its random variables, whose laws are of those."""
        allowed = None if of is None else set(of)
        if allowed is not None and any(self.of[x].law not in allowed for x in self.inside(u)):
            return False
        try:
            return all(len(t.random) <= 1 for t in self.polynomial(u))
        except (NoFormula, UnsupportedError):
            return False

    def moments(self, u: Node) -> tuple[Node, Node]:
        """Mean and variance, entry by entry, of an affine function of Gaussians."""
        m = self._polynomial_mean(u)
        square = scale(u, u) if u.kind == "scalar" else HADAMARD.build((u, u))
        return m, self.corrections(square)

    def _entrywise(self, node: Node) -> Node | None:
        """A function applied to each entry of an affine function of random variables."""
        if not isinstance(node, Apply):
            return None
        u = node.args[0]
        if node.op is POWER and isinstance(u, Number) and u.value > 0:
            return self._entrywise(exp.build((scale(log(u), node.args[1]),)))
        if not self.inside(u):
            return None
        if node.op is POWER and is_op(u, log):
            return self._log_power(node, u.children[0])
        if node.op is POWER and is_op(u, sqrt) and isinstance(p := node.args[1], Number) and p.value < 0:
            return self._entrywise(POWER.build((u.children[0], number(Fraction(p.value) / 2))))
        if node.op in (det, logdet) and isinstance(u, Symbol):
            return self._determinant(node, u)
        if node.op in GAUSSIAN_MEANS and self.affine(u, GAUSSIAN):
            return GAUSSIAN_MEANS[node.op](*self.moments(u))
        if node.op is exp and u.kind == "scalar" and (wishart := self._generated_wishart(u)) is not None:
            return wishart
        if node.op is exp and u.kind == "scalar":
            made = self._generated(u) if self.affine(u) else self._quadratic(u)
            if made is not None:
                return made
        inside = self.inside(u)
        if len(inside) != 1:
            return None
        (x,) = inside
        r = self.of[x]
        if x.kind == u.kind and self.affine(u):
            c, d = self._coefficients(u, x)
            if d is not None:
                return self._by_law(node, r, c, d)
        return None

    def _generated_wishart(self, u: Node) -> Node | None:
        """E[exp(c + tr(A W))] = eᶜ det(I − 2 sym(A) V)^(−n/2) of W ~ wishart(n, V) (Muirhead 1982, thm 3.2.3)."""
        found = self.inside(u)
        if len(found) != 1 or self.of[next(iter(found))].law is not WISHART or not self.affine(u):
            return None
        (W,) = found
        n, V = self.of[W].parameters
        dW = symbol(f"d{W.name}", "matrix", W.rows, W.cols)
        along = differentials(u, {W: dW}).get(u)
        if along is None:
            return None
        A = adjoint(along, number(1), [dW])[dW]
        inside = normal(add(eye(W.rows), scale(number(-1), matmul(add(A, transpose(A)), V))))
        self.require(f"I - 2*A*{to_text(V)} with positive eigenvalues, A = {to_text(normal(A))}", self.of[W])
        c = normal(substitute(u, {W: zeros_like(W)}))
        return exp(c) * power(det(inside), scale(number(Fraction(-1, 2)), n))

    def _determinant(self, node: Apply, x: Symbol) -> Node | None:
        """Of a random matrix with a formula for it."""
        r = self.of[x]
        if node.op is logdet:
            return None if r.law.logdeterminant is None else r.law.logdeterminant(x, *r.parameters)
        if r.law.determinant is None:
            return None
        found, condition = r.law.determinant(x, *r.parameters)
        self.require(condition, r)
        return found

    def _by_law(self, node: Apply, r: Random, c: Node, d: Node) -> Node | None:
        """E[g(c + d ⊙ x)] where the law has a formula for it."""
        if r.law.logarithm is not None and node.op is log and is_zero(c):
            return add(log(d) if not is_one(d) else zeros_like(d), spread(r.law.logarithm(*r.parameters), node))
        if r.law.powers is not None and is_zero(c) and node.op in (POWER, sqrt):
            p = Fraction(1, 2) if node.op is sqrt else e.value if isinstance(e := node.args[1], Number) else None
            if isinstance(p, int | Fraction) and not (isinstance(p, int) and r.law.negative is not None):
                found, condition = r.law.powers(number(p), *r.parameters)
                if p < 0:
                    self.require(condition.replace("{p}", str(-p)), r)
                front = power(d, number(p))
                return scale(front, found) if node.kind == "scalar" else hadamard(front, spread(found, node))
        if node.op is POWER and is_zero(c) and r.law.negative is not None:
            k = node.args[1]
            if isinstance(k, Number) and isinstance(k.value, int) and -3 <= k.value < 0:
                found, condition = r.law.negative(-k.value, *r.parameters)
                self.require(condition, r)
                return (
                    hadamard(power(d, k), spread(found, node)) if node.kind != "scalar" else scale(power(d, k), found)
                )
        if r.law.name == "uniform":
            a, b = (spread(p, node) for p in r.parameters)
            low, high = (normal(add(c, hadamard(d, e))) for e in (a, b))
            exponent = node.args[1] if node.op is POWER else None
            first, last = (antiderivative(node.op, exponent, e) for e in (low, high))
            return None if first is None or last is None else (last - first) / hadamard(d, b - a)
        return None

    def _log_power(self, node: Apply, u: Node) -> Node | None:
        """E[logᵏ(c + d x)] of a uniform x: ∫ logᵏ = x logᵏ x − k ∫ logᵏ⁻¹."""
        k, inside = node.args[1], self.inside(u)
        if len(inside) != 1 or not isinstance(k, Number) or not isinstance(k.value, int) or not 1 <= k.value <= 4:
            return None
        (x,) = inside
        r = self.of[x]
        if r.law.name != "uniform" or x.kind != u.kind or not self.affine(u):
            return None
        c, d = self._coefficients(u, x)
        if d is None:
            return None
        ends = []
        for e in r.parameters:
            y = normal(add(c, hadamard(d, spread(e, node))))
            total = y
            for i in range(1, k.value + 1):
                total = add(y if is_zero(y) else hadamard(y, power(log(y), number(i))), scale(number(-i), total))
            ends.append(folded(total))
        a, b = (spread(p, node) for p in r.parameters)
        return (ends[1] - ends[0]) / hadamard(d, b - a)

    def under(self, x: Symbol, law: Random) -> Means:
        """The same with another law of one variable, conditions and reasons being shared."""
        laws = tuple(law if s is x else r for s, r in self.of.items())
        return Means(laws, self.conditions, self.reasons)

    def positive(self, node: Node) -> None:
        """The mean exists, or is this one, where a number is positive."""
        if not gaussian.positive(node) and (said := f"{to_text(node)} > 0") not in self.conditions:
            self.conditions.append(said)

    def require(self, condition: str, r: Random) -> None:
        values = [to_text(p) for p in r.parameters]
        said = condition.format(*values, rows=r.symbol.rows) if "{" in condition else condition
        if said and said not in self.conditions:
            self.conditions.append(said)

    def _coefficients(self, u: Node, x: Symbol) -> tuple[Node, Node | None]:
        """c and d of u = c + d ⊙ x."""
        c = normal(substitute(u, {x: zeros_like(x)}))
        if x.kind == "scalar":
            return c, normal(add(substitute(u, {x: number(1)}), scale(number(-1), c)))
        if u.shape != x.shape:
            return c, None
        rest = normal(add(substitute(u, {x: ones_like(x)}), scale(number(-1), c)))
        entry = normal(add(u, scale(number(-1), c)))
        # Affine entry by entry where the value at x is the value at ones times x.
        same = simplified(add(entry, scale(number(-1), hadamard(rest, x))))
        return c, rest if is_zero(same) else None

    def _generated(self, u: Node) -> Node | None:
        """E[exp u] of a scalar u affine in independent variables, from the generating functions of their laws."""
        gaussian = [x for x in self.inside(u) if self.of[x].law in GAUSSIAN]
        terms = self.polynomial(u)
        fixed = [t for t in terms if not t.random]
        total = self._read_all(u, fixed)
        factors: list[Node] = []
        for x in self.inside(u):
            if x in gaussian:
                continue
            r = self.of[x]
            if r.law.generating is None:
                self._note(f"the generating function of {r.name}, {r.law.name}, has no formula here")
                return None
            own = [t for t in terms if t.random and t.random[0][0] is x]
            t = add(
                *(
                    Network(m.dims, m.tensors, m.same, m.random[0][1], m.factor).read(Shape(x.kind, x.rows, x.cols))
                    for m in own
                )
            )
            t = simplified(t)
            parameters = tuple(spread(p, x) for p in r.parameters)
            if r.law.finite:
                self.require(r.law.finite.replace("{t}", to_text(t)), r)
            made = r.law.generating(t, *parameters)
            factors.append(made if made.kind == "scalar" else prod(made))
        if gaussian:
            part = add(*(self._linear_part(u, x, terms) for x in gaussian))
            m, v = self.moments(part)
            total = add(total, m, v / 2)
        out = exp(simplified(total))
        for f in factors:
            out = scale(f, out)
        return out

    def _quadratic(self, u: Node) -> Node | None:
        """E[exp u] of a u quadratic in one Gaussian."""
        found = self.tilt(u)
        return None if found is None else found[0]

    def tilt(self, u: Node) -> tuple[Node, Symbol, Node, Node] | None:
        """Of a u quadratic in one Gaussian E[exp u], the variable, and its mean and covariance under exp(u).

        With x = m + y, u = u(m) + gᵀy + yᵀQy and M = I − S(Q + Qᵀ) the first is exp(u(m)) det(M)^(−½) exp(½ gᵀM⁻¹S g)
        (Mathai & Provost 1992, thm 3.2a.1), the covariance M⁻¹S and the mean m + M⁻¹S g.
        """
        inside = self.inside(u)
        try:
            terms = self.polynomial(u)
        except (NoFormula, UnsupportedError):
            return None
        if len(inside) != 1 or any(len(t.random) > 2 for t in terms):
            return None
        (x,) = inside
        if self.of[x].law is not MULTINORMAL and (self.of[x].law is not NORMAL or x.kind != "scalar"):
            return None
        m, S = self.of[x].parameters
        number_ = x.kind == "scalar"

        def read(degree: int, shape: Shape) -> list[Node]:
            found = []
            for t in terms:
                if len(t.random) == degree:
                    out = tuple(leg for _, legs in t.random for leg in legs)
                    found.append(Network(t.dims, t.tensors, t.same, out, t.factor).read(shape))
            return found

        square, line = (
            (Shape("scalar", x.rows, x.rows),) * 2
            if number_
            else (
                Shape("matrix", x.rows, x.rows),
                Shape("vector", x.rows),
            )
        )
        Q = add(number(0) if number_ else zeros_like(matmul(x, transpose(x))), *read(2, square))
        g = add(zeros_like(x), *read(1, line))
        twice = simplified(add(Q, Q if number_ else transpose(Q)))
        one = number(1) if number_ else eye(x.rows)
        if number_:
            g = simplified(add(g, scale(twice, m)))
            M = simplified(add(one, scale(number(-1), scale(S, twice))))
            if not gaussian.positive(M):
                self.require(f"{to_text(M)} > 0", self.of[x])
            covariance, root_ = S / M, power(M, number(Fraction(-1, 2)))
            exponent = scale(covariance, g**2) / 2
            mean = add(m, scale(covariance, g))
        else:
            g = simplified(add(g, matmul(twice, m)))
            M = simplified(add(one, scale(number(-1), matmul(S, twice))))
            said = to_text(simplified(add(inv(S), scale(number(-1), twice))))
            self.require(f"{said} positive definite", self.of[x])
            covariance, root_ = matmul(inv(M), S), power(det(M), number(Fraction(-1, 2)))
            exponent = number(0)
            if not is_zero(g):
                exponent = matmul(matmul(transpose(g), inv(M)), matmul(S, g)) / 2
            mean = add(m, matmul(covariance, g))
        power_ = add(folded(substitute(u, {x: m})), exponent)
        return scale(root_, exp(simplified(power_))), x, simplified(mean), simplified(covariance)

    def _linear_part(self, u: Node, x: Symbol, terms: Polynomial) -> Node:
        """The part of a scalar affine u in one variable, as ⟨t, x⟩."""
        own = [t for t in terms if t.random and t.random[0][0] is x]
        t = add(
            *(
                Network(m.dims, m.tensors, m.same, m.random[0][1], m.factor).read(Shape(x.kind, x.rows, x.cols))
                for m in own
            )
        )
        if x.kind == "scalar":
            return scale(t, x)
        return matmul(transpose(t), x) if x.kind == "vector" else INNER.build((t, x))

    def _read_all(self, like: Node, terms: Sequence[Monomial]) -> Node:
        return add(zeros_like(like), *(self._read(like, t, t.factor, t.tensors, t.same) for t in terms))

    def _tilted(self, node: Node) -> Node | None:
        """E[p(x) exp(u)] with u affine in Gaussians: exp(u) moves the mean by the covariance with u."""
        term = split(normal(node))
        found = [(b, k) for b, k in term.scalars.items() if is_op(b, exp) and self.inside(b)]
        if not found:
            return None
        u = simplified(add(*(scale(number(k), b.children[0]) for b, k in found)))
        rest = [power(b, number(k)) for b, k in term.scalars.items() if (b, k) not in found]
        other: Node = number(term.number) if term.core is None else scale(number(term.number), term.core)
        for s in rest:
            other = scale(s, other)
        if not self.affine(u):
            return gaussian.tilted(self, u, other) if self.inside(other) else None
        if not self.inside(other):
            out = self._generated(u)
            return None if out is None else scale(out, other)
        shared = self.inside(u) & self.inside(other)
        if any(self.of[x].law not in GAUSSIAN for x in shared):
            return None
        moved = {x: add(x, self.corrections(scale(u, x))) for x in shared}
        generated, mean = self._generated(u), self.closed(normal(substitute(other, moved)))
        return None if generated is None or mean is None else scale(generated, mean)

    def _points(self, node: Node) -> Node | None:
        """Any function of a few scalars with two values each: the sum over all cases."""
        inside = sorted(self.inside(node), key=lambda x: x.name)
        if len(inside) > MOST_POINTS or any(x.kind != "scalar" for x in inside):
            return None
        cases: list[list[tuple[Node, Node]]] = []
        for x in inside:
            values = self.of[x].law.points
            if values is None:
                return None
            cases.append(values(*self.of[x].parameters))
        terms = []
        for case in product(*cases):
            weight: Node = number(1)
            for w, _ in case:
                weight = scale(w, weight)
            try:
                value = substitute(node, {x: v for x, (_, v) in zip(inside, case, strict=True)})
            except MatdiffError:
                return None
            terms.append(scale(weight, value))
        return add(*terms)


def singular(root: Node, laws: Iterable[Random]) -> tuple[str, str]:
    """Why the mean of an expression is not finite, and where it is: one of the two, or neither if none is seen.

    A power u⁻ᵖ of one affine function of one random variable, through which alone and linearly the expression is
    singular: its mean is finite just for p below the critical exponent of the law where u is 0; for a norm of n
    Gaussian numbers that is n, since r⁻ᵖ rⁿ⁻¹ is integrable at 0 for p < n.
    """
    of = {r.symbol: r for r in laws}
    order = topological(root)
    random: dict[Node, frozenset[Symbol]] = {}
    for n in order:
        own = frozenset({n}) if isinstance(n, Symbol) and n in of else frozenset()
        random[n] = own.union(*(random[c] for c in n.children)) if n.children else own
    powers = [n for n in order if is_op(n, POWER) and random[n] and _falling(n) > 0]
    if len(powers) != 1:
        return "", ""
    (P,) = powers
    u, p = P.children[0], _falling(P)
    beside = next((n for n in order if is_op(n, SCALE) and is_op(u, norm) and u.children[0] is n.children[1]), None)
    if beside is not None and P in topological(beside.children[0]):
        p -= 1
    if not _linear_way(root, P if beside is None else beside, random):
        return "", ""
    while is_op(u, sqrt) or is_op(u, abs_):
        p, u = (p / 2 if is_op(u, sqrt) else p), u.children[0]
    squared = is_op(u, INNER) and u.children[0] is u.children[1]
    squared = squared or (is_op(u, MATMUL) and u.kind == "scalar" and u.children[0] is transpose(u.children[1]))
    if squared or is_op(u, norm):
        p, u = (2 * p if squared else p), u.children[-1]
        moving = [c for c in (u.children if is_op(u, ADD) else (u,)) if random[c]]
        if len(moving) != 1 or moving[0] not in of or of[moving[0]].law not in GAUSSIAN:
            return "", ""
        count = (u.rows * u.cols).number
        if count is None:
            return "", f"{u.rows * u.cols} > {p}"
        return (f"the norm of {count} Gaussian numbers is near 0 too often", "") if p >= count else ("", "")
    found = random[u]
    if len(found) != 1:
        return "", ""
    (x,) = found
    r = of[x]
    if r.law.critical is None or not _affine_in(u, x):
        return "", ""
    if not is_zero(normal(substitute(u, {x: zeros_like(x)}))) and r.law not in (*GAUSSIAN, LAPLACE):
        return "", ""
    critical = r.law.critical(*r.parameters)
    if critical is None:
        return "", ""
    if isinstance(critical, Number):
        why = f"{to_text(P)} is too large near the zero of {to_text(u)}, where {r.law.name} has a positive density"
        return (why, "") if p >= critical.value else ("", "")
    return "", f"{to_text(critical)} > {p}"


def _falling(n: Node) -> Fraction:
    """The p of u⁻ᵖ; 0 for other exponents."""
    e = n.children[1]
    if not isinstance(e, Number) or isinstance(e.value, float) or e.value >= 0:
        return Fraction(0)
    return -Fraction(e.value)


def _linear_way(root: Node, at: Node, random: Mapping[Node, frozenset[Symbol]]) -> bool:
    """Does an expression depend linearly on a part, with factors that are independent of what is random in it?"""
    above: dict[Node, bool] = {at: True}
    for n in topological(root):
        if n is at or not any(c in above for c in n.children):
            continue
        if isinstance(n, Symbol):
            above[n] = all(above[c] for c in n.children)
            continue
        assert isinstance(n, Apply)
        slots = [i for i, a in enumerate(n.args) if a in above]
        joint = all(isinstance(n.op.rule(i), Joint) for i in slots)
        linear = len(slots) == 1 and isinstance(n.op.rule(slots[0]), (Linear, Joint))
        free = n.op is ADD or all(not random[a] & random[at] for i, a in enumerate(n.args) if i not in slots)
        above[n] = (joint or linear) and free and all(above[n.args[i]] for i in slots)
    return above.get(root, False)


def _affine_in(u: Node, x: Symbol) -> bool:
    """Is u affine in x: sums, multiples and products with what does not depend on it?"""
    held: dict[Node, bool] = {}
    for n in topological(u):
        if n is x:
            held[n] = True
        elif isinstance(n, Symbol):
            if n.body is not None and n.body in held:
                held[n] = held[n.body]
        elif isinstance(n, Apply):
            slots = [i for i, a in enumerate(n.args) if a in held]
            if slots:
                joint = all(isinstance(n.op.rule(i), Joint) for i in slots)
                one = len(slots) == 1 and isinstance(n.op.rule(slots[0]), (Linear, Joint))
                held[n] = (joint or one) and all(held[n.args[i]] for i in slots)
    return held.get(u, False)


def has_expectation(node: Node) -> bool:
    """Whether a mean without a closed form stands in an expression."""
    return any(is_op(n, EXPECTATION) for n in topological(node))


def folded(root: Node) -> Node:
    """Functions of 0 and 1 that are 0 or 1, as where a mean is 0: exp(0) = 1, sqrt(1) = 1, 0.^2 = 0."""
    memo: dict[Node, Node] = {}
    for n in topological(root, into_bodies=False):
        memo[n] = n
        if isinstance(n, Apply):
            made = rebuild(n, tuple(memo[a] for a in n.args))
            if isinstance(made, Apply) and made.op in (mean_of, sum_) and is_ones(a := made.args[0]):
                made = number(1) if made.op is mean_of else size(a.rows * a.cols)
            if isinstance(made, Apply) and made.op is det:
                s, a = made.args[0].children if is_op(made.args[0], SCALE) else (number(1), made.args[0])
                made = power(s, size(a.rows)) if is_eye(a) else made
            if isinstance(made, Apply) and made.op is norm:
                a = made.args[0]
                made = (
                    number(0) if is_zero(a) else norm(-a) if is_op(a, SCALE) and a.children[0] is number(-1) else made
                )
            memo[n] = made
            if isinstance(made, Apply) and (made.op.elementwise or made.op is POWER):
                a = made.args[0]
                if is_zero(a):
                    memo[n] = _at_zero(made)
                elif is_ones(a) and made.op in (POWER, sqrt, log):
                    memo[n] = zeros_like(a) if made.op is log else a
    return memo[root]


def _at_zero(n: Apply) -> Node:
    if n.op in (exp, cos):
        return ones_like(n)
    p = n.args[1] if n.op is POWER else None
    positive = isinstance(p, Number) and p.value > 0
    return zeros_like(n) if positive or n.op in (*VANISHING, sqrt, sign) else n


def together(terms: Iterable[Node]) -> list[Node]:
    """The terms, all multiples of I being one."""
    factors: dict[Node, list[Node]] = {}
    others = []
    for t in terms:
        s, a = (t.children[0], t.children[1]) if is_op(t, SCALE) else (number(1), t)
        if is_eye(a):
            factors.setdefault(a, []).append(s)
        else:
            others.append(t)
    return [*others, *(scale(simplified(add(*s)), a) for a, s in factors.items())]


def partitions(items: list[int], widest: int, singles: bool) -> Iterator[list[list[int]]]:
    """All ways to cut a list into blocks of at most so many, blocks of one only where asked for."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for k in range(0 if singles else 1, min(widest, len(items))):
        for others in subsets(rest, k):
            left = [i for i in rest if i not in others]
            for cut in partitions(left, widest, singles):
                yield [[first, *others], *cut]


def subsets(items: list[int], k: int) -> Iterator[tuple[int, ...]]:
    from itertools import combinations

    return combinations(items, k)


def _mean_part(mean: Node, legs: Legs) -> tuple[Node, tuple[Tensor, ...], tuple[Legs, ...]]:
    if mean.kind == "scalar" and not legs:
        return mean, (), ()
    s, a = (mean.children[0], mean.children[1]) if is_op(mean, SCALE) else (number(1), mean)
    return s, ((a, legs),), ()


def _axes(n: Node) -> tuple[Dim, ...]:
    return {"scalar": (), "vector": (n.rows,), "row": (n.cols,)}.get(n.kind, (n.rows, n.cols))


def _fixed(n: Node) -> Monomial:
    if n.kind == "scalar":
        return Monomial(n, (), (), (), (), ())
    s, a = (n.children[0], n.children[1]) if is_op(n, SCALE) else (number(1), n)
    legs = tuple(range(len(_axes(n))))
    return Monomial(s, _axes(n), ((transpose(a) if n.kind == "row" else a, legs),), (), (), legs)


def _variable(x: Symbol) -> Monomial:
    legs = tuple(range(len(_axes(x))))
    return Monomial(number(1), _axes(x), (), ((x, legs),), (), legs)


def _as(n: Node, a: Node, out: Legs) -> Legs:
    if n.kind != a.kind:
        raise NoFormula("a sum of a row and a matrix")
    return out


def _product(p: Polynomial, q: Polynomial, joined: Callable[[Legs, Legs], tuple[Legs, tuple[Legs, ...]]]) -> Polynomial:
    if len(p) * len(q) > MOST_TERMS:
        raise NoFormula(f"it has more than {MOST_TERMS:,} terms when it is multiplied out")
    found = []
    for a in p:
        for b in q:
            made, moved = a.times(b)
            out, same = joined(a.out, moved)
            found.append(made.with_out(out, *same))
    return tuple(found)


def _matmul(n: Apply, p: Polynomial, q: Polynomial) -> Polynomial:
    left, right = n.args[0].kind, n.args[1].kind
    if left == "vector" and right == "row":
        return _product(p, q, lambda a, b: ((*a, *b), ()))
    if left not in ("row", "matrix") or right not in ("vector", "matrix"):
        raise KeyError(n)
    return _product(p, q, lambda a, b: ((*a[:-1], *b[1:]), ((a[-1], b[0]),)))


CLOSED: dict[Op, Callable[[Legs], tuple[Legs, ...]]] = {
    tr: lambda out: ((), out),
    sum_: lambda out: ((),),
    diag: lambda out: (out[:1], out),
    Diag: lambda out: ((out[0], out[0]),),
}
"""What these functions do to the places of their argument: those of the value, and those that become one."""


def _indexed(n: Apply, t: Monomial) -> Monomial:
    a = n.args[0]
    if a.kind == "vector":
        return Monomial(t.factor, t.dims, (*t.tensors, (unit(a.rows, n.params[0]), t.out)), t.random, t.same, ())
    i, j = t.out
    tensors, out = list(t.tensors), t.out
    if n.op in (ENTRY, ROW):
        tensors.append((unit(a.rows, n.params[0]), (i,)))
        out = (j,)
    if n.op in (ENTRY, COLUMN):
        tensors.append((unit(a.cols, n.params[-1]), (j,)))
        out = tuple(k for k in out if k != j)
    return Monomial(t.factor, t.dims, tuple(tensors), t.random, t.same, out)


def _absolute(m: Node, v: Node) -> Node:
    spread_ = sqrt(scale(2 / pi, v))
    if is_zero(m):
        return spread_
    return hadamard(spread_, exp(-(m**2 / (2 * v)))) + hadamard(m, erf(m / sqrt(2 * v)))


GAUSSIAN_MEANS: dict[Op, Callable[[Node, Node], Node]] = {
    exp: lambda m, v: exp(m + v / 2),
    cos: lambda m, v: hadamard(exp(-v / 2), cos(m)),
    sin: lambda m, v: hadamard(exp(-v / 2), sin(m)),
    abs_: _absolute,
    relu: lambda m, v: (m + _absolute(m, v)) / 2,
    sign: lambda m, v: erf(m / sqrt(2 * v)),
    heaviside: lambda m, v: (ones_like(m) + erf(m / sqrt(2 * v))) / 2,
    erf: lambda m, v: erf(m / sqrt(ones_like(m) + 2 * v)),
}
"""E[g(u)] of a Gaussian u with mean m and variance v, entry by entry."""

__all__ = ["Means", "NoFormula", "folded", "has_expectation"]
