"""Curvature beyond composition: signs of polynomials and quotients, functions of one part, and homogeneous ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise, product

from matdiff.calculus.claims import Claims, exact
from matdiff.calculus.differential import differentials
from matdiff.core.node import Apply, Node, Number, Symbol, number, symbol, topological
from matdiff.core.op import Joint, Linear
from matdiff.graph.rewrite import rebuild, substitute
from matdiff.ops.algebra import ADD, HADAMARD, MATMUL, MPOW, POWER, SCALE, TRANSPOSE, is_op, power, transpose
from matdiff.ops.constants import is_eye, is_ones, is_zero
from matdiff.ops.elementwise import abs_, cos, relu, sin, sqrt
from matdiff.ops.extremes import maximum
from matdiff.ops.linalg import inv
from matdiff.ops.reductions import norm
from matdiff.simplify.normal import normal

Monomial = tuple[tuple[Symbol, int], ...]
Polynomial = dict[Monomial, Fraction]
MOST = 120
"""Most terms of a polynomial, and the highest exponent, that are looked at."""
HIGHEST = 16
PIECES = 3
"""Most kinks of a function of one number, each of which doubles the cases."""


# polynomials and quotients of them


def sign_of_quotient(node: Node, positive: Iterable[Symbol] = ()) -> int:
    """+1 where an expression in scalar symbols is ≥ 0 for all their values, −1 where it is ≤ 0, 0 where it is not seen.

    `positive` are symbols that are > 0 besides those declared so.
    """
    found = _quotient(node)
    if found is None:
        return 0
    over, under = found
    above = frozenset(positive) | {s for p in found for m in p for s, _ in m if "positive" in s.attributes}
    signs = []
    for p in (over, under):
        if _nonnegative(p, above):
            signs.append(1)
        elif _nonnegative({m: -c for m, c in p.items()}, above):
            signs.append(-1)
        else:
            return 0
    return signs[0] * signs[1]


def _quotient(root: Node) -> tuple[Polynomial, Polynomial] | None:
    """Numerator and denominator; any other function in it counts as a letter, for all values that it might have."""
    made: dict[Node, tuple[Polynomial, Polynomial]] = {}
    signs = Claims(root)
    one: Polynomial = {(): Fraction(1)}
    for node in topological(root):
        if isinstance(node, Number):
            value = Fraction(node.value)
            made[node] = ({(): value} if value else {}, one)
        elif isinstance(node, Symbol) and node.kind == "scalar":
            made[node] = ({((node, 1),): Fraction(1)}, one)
        elif isinstance(node, Apply) and node.op is ADD:
            over, under = made[node.args[0]]
            for a in node.args[1:]:
                p, q = made[a]
                if q == under:
                    over = _sum(over, p)
                else:
                    over, under = _sum(_product(over, q), _product(p, under)), _product(under, q)
            made[node] = over, under
        elif is_op(node, SCALE) or is_op(node, HADAMARD):
            (p, q), (r, s) = (made[a] for a in node.children)
            made[node] = _product(p, r), _product(q, s)
        elif is_op(node, POWER):
            e = exact(node.children[1])
            if e is None or e.denominator != 1 or abs(e) > HIGHEST:
                made[node] = _unread(node, signs), one
                continue
            p, q = made[node.children[0]] if e > 0 else made[node.children[0]][::-1]
            over, under = one, one
            for _ in range(abs(e.numerator)):
                over, under = _product(over, p), _product(under, q)
                if max(len(over), len(under)) > MOST:
                    return None
            made[node] = over, under
        elif node.kind == "scalar":
            made[node] = _unread(node, signs), one
        else:
            return None
        if max(map(len, made[node])) > MOST or not made[node][1]:
            return None
    return made[root]


def _unread(node: Node, signs: Claims) -> Polynomial:
    attributes = frozenset({"positive"} if signs.has(node, "> 0") else ())
    return {((symbol(f"({node})", "scalar", attributes=attributes), 1),): Fraction(1)}


def _sum(a: Polynomial, b: Polynomial) -> Polynomial:
    out = dict(a)
    for m, c in b.items():
        out[m] = out.get(m, Fraction(0)) + c
    return {m: c for m, c in out.items() if c}


def _product(a: Polynomial, b: Polynomial) -> Polynomial:
    out: Polynomial = {}
    for (m, c), (k, d) in product(a.items(), b.items()):
        powers = dict(m)
        for s, e in k:
            powers[s] = powers.get(s, 0) + e
        key = tuple(sorted(powers.items(), key=lambda p: p[0].name))
        out[key] = out.get(key, Fraction(0)) + c * d
    return {m: c for m, c in out.items() if c}


def _nonnegative(p: Polynomial, positive: frozenset[Symbol]) -> bool:
    """Seen by even powers and the inequality of the means, or exactly where it is a polynomial in one number."""
    return _by_means(p, positive) or _by_roots(p, positive)


def _by_means(p: Polynomial, positive: frozenset[Symbol]) -> bool:
    """a m + b n ≥ 2 √(ab) √(mn) pays for every term that may be negative."""
    budget, owed = {}, []
    for m, c in p.items():
        even = all(e % 2 == 0 or s in positive for s, e in m)
        if even and c > 0:
            budget[m] = c
        else:
            owed.append((m, abs(c)))
    for m, c in owed:
        twice = {s: 2 * e for s, e in m}
        for one in list(budget):
            rest = {s: twice.get(s, 0) - dict(one).get(s, 0) for s in {*twice, *dict(one)}}
            key = tuple(sorted(((s, e) for s, e in rest.items() if e), key=lambda x: x[0].name))
            if budget[one] <= 0 or key not in budget or key == one:
                continue
            wanted = c * c / (4 * budget[one])
            if wanted <= budget[key]:
                budget[one] = Fraction(0)
                budget[key] -= wanted
                break
        else:
            return False
    return True


def _by_roots(p: Polynomial, positive: frozenset[Symbol]) -> bool:
    """A polynomial in one number, or a form in two: it is ≥ 0 where it has no roots of odd order."""
    symbols = sorted({s for m in p for s, _ in m}, key=lambda s: s.name)
    if not 1 <= len(symbols) <= 2:
        return False
    x = symbols[-1]
    if len(symbols) == 2:
        degrees = {sum(e for _, e in m) for m in p}
        if len(degrees) > 1 or (symbols[0] not in positive and degrees.pop() % 2):
            return False
    top = max(dict(m).get(x, 0) for m in p)
    coefficients = [Fraction(0)] * (top + 1)
    for m, c in p.items():
        coefficients[dict(m).get(x, 0)] += c
    if x not in positive:
        return coefficients[-1] > 0 and not _crossings(coefficients, whole=True)
    return coefficients[-1] > 0 and not _crossings(coefficients, whole=False)


def _crossings(p: list[Fraction], whole: bool) -> bool:
    """Does a polynomial (coefficients from the lowest) change its sign on the real numbers, or on those > 0?"""
    rest = _common(p, _slope(p))
    simple = _divided(p, rest)[0]
    odd = True
    while len(simple) > 1:
        # The square-free factors of order 1, 2, 3, … one after the other (Yun 1976).
        common = _common(simple, rest)
        if odd and _roots(_divided(simple, common)[0], whole) > 0:
            return True
        simple, rest, odd = common, _divided(rest, common)[0], not odd
    return False


def _slope(p: list[Fraction]) -> list[Fraction]:
    return [k * c for k, c in enumerate(p)][1:] or [Fraction(0)]


def _trimmed(p: list[Fraction]) -> list[Fraction]:
    while len(p) > 1 and not p[-1]:
        p = p[:-1]
    return p


def _divided(a: list[Fraction], b: list[Fraction]) -> tuple[list[Fraction], list[Fraction]]:
    a, b = _trimmed(list(a)), _trimmed(list(b))
    out = [Fraction(0)] * max(len(a) - len(b) + 1, 1)
    while len(a) >= len(b) and any(a):
        k, c = len(a) - len(b), a[-1] / b[-1]
        out[k] = c
        a = _trimmed([x - c * b[i - k] if i >= k else x for i, x in enumerate(a)][:-1] or [Fraction(0)])
    return _trimmed(out), a


def _common(a: list[Fraction], b: list[Fraction]) -> list[Fraction]:
    a, b = _trimmed(a), _trimmed(b)
    while any(b):
        a, b = b, _divided(a, b)[1]
    return [c / a[-1] for c in a]


def _roots(p: list[Fraction], whole: bool) -> int:
    """How many different real roots, or roots > 0, it has (Sturm 1829)."""
    p = _trimmed(p)
    if not whole and not p[0]:
        p = p[1:]
    chain = [p, _slope(p)]
    while len(chain[-1]) > 1:
        rest = _divided(chain[-2], chain[-1])[1]
        if not any(rest):
            break
        chain.append([-c for c in rest])
    upper = [c[-1] for c in chain]
    lower = [c[-1] * (-1) ** (len(c) - 1) for c in chain] if whole else [c[0] for c in chain]
    return _changes(lower) - _changes(upper)


def _changes(values: Sequence[Fraction]) -> int:
    signs = [v > 0 for v in values if v]
    return sum(a != b for a, b in pairwise(signs))


def at_least_its_waves(node: Node) -> int:
    """+1 (−1) where a number outweighs what sines and cosines can take away from it (or add)."""
    terms = node.children if is_op(node, ADD) else (node,)
    fixed, moving = Fraction(0), Fraction(0)
    for t in terms:
        c, factors = Fraction(1), [t]
        while factors:
            f = factors.pop()
            if isinstance(f, Number):
                c *= Fraction(f.value)
            elif is_op(f, SCALE) or is_op(f, HADAMARD):
                factors += f.children
            elif is_op(f, POWER) and (e := exact(f.children[1])) is not None and e > 0 and e.denominator == 1:
                if not (is_op(f.children[0], sin) or is_op(f.children[0], cos)):
                    return 0
            elif not (is_op(f, sin) or is_op(f, cos)):
                return 0
        if isinstance(t, Number):
            fixed += c
        else:
            moving += abs(c)
    return (fixed > 0) - (fixed < 0) if abs(fixed) >= moving else 0


# functions of one part


def one_part(known: Claims, node: Apply) -> Iterator[tuple[str, Node, str]]:
    """Of φ(s), all of whose dependence is by one part s that is no affine one: the curvature, s, and why.

    φ convex and increasing of a convex s ≥ 0, and the like, where φ is no composition that rules know.
    """
    below = [n for n in topological(node) if isinstance(n, Apply) and n is not node]
    for s in reversed(below):
        if known.has(s, "constant") or known.has(s, "affine") or not known.has(s, "≥ 0"):
            continue
        if not (known.has(s, "convex") or known.has(s, "concave")) or (s.kind, s.rows, s.cols) != _type(node):
            continue
        u = symbol("u#", "scalar", attributes=frozenset({"positive"}))
        phi = _of_number(known, node, s, u)
        if phi is None:
            continue
        yield from _bent(known, phi, s, u)


def _type(node: Node) -> tuple[object, ...]:
    return node.kind, node.rows, node.cols


def _bent(known: Claims, phi: Node, s: Node, u: Symbol) -> Iterator[tuple[str, Node, str]]:
    cases = list(_pieces(phi, u))
    first = {case: normal(_slope_by(case, u)) for case, _ in cases}
    start = next((first[case] for case, here in cases if here), None)
    if start is None:
        return
    at_zero = _at_zero(start, u)
    second = [normal(_slope_by(f, u)) for f in first.values()]
    for word, bent, turned in (("convex", "≥ 0", "≤ 0"), ("concave", "≤ 0", "≥ 0")):
        if not all(signed(h, bent) for h in second):
            continue
        # φ' is monotone: its sign at 0 is that everywhere, and the other one must be seen everywhere.
        if known.has(s, "convex") and (signed(start, bent) or (at_zero is not None and signed(at_zero, bent))):
            trend = "increasing" if word == "convex" else "decreasing"
            yield word, s, f"{word} and {trend} in this part ≥ 0"
        if known.has(s, "concave") and len(cases) == 1 and signed(start, turned):
            trend = "decreasing" if word == "convex" else "increasing"
            yield word, s, f"{word} and {trend} in this part ≥ 0"


def _slope_by(value: Node, u: Symbol) -> Node:
    return differentials(value, {u: number(1)}).get(value) or number(0)


def _pieces(phi: Node, u: Symbol) -> Iterator[tuple[Node, bool]]:
    """What a function is between its kinks, where all of them are powers ≥ 2 of relu, and which piece 0 is in."""
    kinks = [n for n in topological(phi) if is_op(n, relu) or (is_op(n, maximum) and n.children[1] is number(0))]
    if len(kinks) > PIECES:
        return
    for n in topological(phi):
        if isinstance(n, Apply):
            squared = n.op is POWER and (e := exact(n.args[1])) is not None and e >= 2
            if any(a in kinks for a in n.args) and not squared:
                return
    for active in product((True, False), repeat=len(kinks)):
        chosen = {k: k.children[0] if on else number(0) for k, on in zip(kinks, active, strict=True)}
        here = True
        for k, on in zip(kinks, active, strict=True):
            start = _at_zero(k.children[0], u)
            here = here and start is not None and signed(start, "≥ 0" if on else "≤ 0")
        yield substitute(phi, chosen) if chosen else phi, here


def _at_zero(node: Node, u: Symbol) -> Node | None:
    try:
        return normal(substitute(node, {u: number(0)}))
    except ArithmeticError:
        return None


def signed(node: Node, word: str, positive: Iterable[Symbol] = ()) -> bool:
    """Is an expression in numbers ≥ 0 or ≤ 0 wherever it is defined?"""
    if isinstance(node, Number):
        return node.value >= 0 if word == "≥ 0" else node.value <= 0
    if Claims(node).has(node, word):
        return True
    wanted = 1 if word == "≥ 0" else -1
    return sign_of_quotient(node, positive) == wanted or at_least_its_waves(node) == wanted


def _of_number(known: Claims, root: Node, s: Node, u: Symbol) -> Node | None:
    """φ with φ(s) the expression, entry by entry; None where it depends on more than s, or is not smooth."""
    made: dict[Node, Node] = {s: u}
    stack = [root]
    while stack:
        top = stack[-1]
        if top in made:
            stack.pop()
            continue
        if known.has(top, "constant"):
            found = _letter(known, top, f"k#{len(made)}")
        elif not isinstance(top, Apply):
            return None
        elif (e := _even_power(top, s)) is not None:
            found = power(u, number(e))
        else:
            smooth = not top.op.smooth or top.op is relu or top.op is maximum
            entry = top.op in (ADD, SCALE, HADAMARD, POWER, maximum) or (top.op.elementwise and len(top.args) == 1)
            if not (smooth and entry) or len(made) > MOST:
                return None
            waiting = [a for a in top.args if a not in made]
            if waiting:
                stack += waiting
                continue
            found = rebuild(top, tuple(made[a] for a in top.args))
        if found is None:
            return None
        made[top] = found
        stack.pop()
    return made[root] if isinstance(made[root], Apply) else None


def _even_power(node: Apply, s: Node) -> Fraction | None:
    """The p of v^p where s is |v| and p is even, 2 of vᵀv where s is ‖v‖."""
    if is_op(s, abs_) and node.op is POWER and node.args[0] is s.children[0]:
        e = exact(node.args[1])
        return e if e is not None and e.denominator == 1 and e % 2 == 0 else None
    if is_op(s, abs_) and node.op is HADAMARD and node.args == (s.children[0], s.children[0]):
        return Fraction(2)
    if is_op(s, norm) and node.op is MATMUL and node.kind == "scalar" and node.args[1] is s.children[0]:
        return Fraction(2) if transpose(node.args[0]) is node.args[1] else None
    return None


def _letter(known: Claims, node: Node, name: str) -> Node | None:
    if isinstance(node, Number):
        return node
    if is_ones(node):
        return number(1)
    if is_zero(node):
        return number(0)
    if known.has(node, "> 0"):
        return symbol(name, "scalar", attributes=frozenset({"positive"}))
    if known.has(node, "< 0"):
        return -symbol(name, "scalar", attributes=frozenset({"positive"}))
    return power(symbol(name, "scalar"), number(2)) if known.has(node, "≥ 0") else symbol(name, "scalar")


# functions of eigenvalues


def of_eigenvalues(known: Claims, node: Node) -> tuple[Node, Node, Symbol] | None:
    """Of a matrix f(S), made of one affine symmetric S alone: f of a number, S, and that number."""
    inside = [n for n in topological(node) if n.kind == "matrix" and not known.has(n, "constant")]
    S = next((n for n in reversed(inside) if known.has(n, "affine") and "symmetric" in known.known(n)), None)
    if S is None or S is node:
        return None
    s = symbol("s#", "scalar", attributes=frozenset({"positive"} if known.has(S, "≻ 0") else ()))
    made: dict[Node, Node] = {S: s}
    stack = [node]
    while stack:
        top = stack[-1]
        if top in made:
            stack.pop()
            continue
        found: Node | None
        if top.kind == "scalar" and known.has(top, "constant"):
            found = _letter(known, top, f"k#{len(made)}")
        elif is_eye(top):
            found = number(1)
        elif not isinstance(top, Apply) or top.kind != "matrix":
            return None
        else:
            args = top.args if top.op in (ADD, SCALE, MATMUL, MPOW, TRANSPOSE, *_primary(top)) else None
            if args is None or len(made) > MOST:
                return None
            waiting = [a for a in args if a not in made]
            if waiting:
                stack += waiting
                continue
            values = [made[a] for a in args]
            found = _number_of(top, values)
        if found is None:
            return None
        made[top] = found
        stack.pop()
    return made[node], S, s


def _primary(node: Apply) -> tuple[object, ...]:
    return (node.op,) if "primary" in node.op.traits.split() else ()


def _number_of(node: Apply, values: list[Node]) -> Node | None:
    if node.op is MATMUL:
        return values[0] * values[1]
    if node.op is MPOW:
        return power(values[0], number(node.params[0]))
    if node.op is TRANSPOSE:
        return values[0]
    if node.op in (ADD, SCALE):
        return rebuild(node, tuple(values))
    return node.op.scalar(*values, *node.params) if node.op.scalar is not None else None


# homogeneous functions


def degree_of(known: Claims, degrees: dict[Node, Fraction], node: Node) -> Fraction | None:
    """The d with f(tx) = tᵈ f(x) for t > 0, from the degrees of the arguments; None where there is none."""
    if known.has(node, "constant"):
        return Fraction(0)
    if not isinstance(node, Apply):
        return Fraction(1)
    op = node.op
    if op is POWER:
        p, d = exact(node.args[1]), degrees.get(node.args[0])
        return None if p is None or d is None else p * d
    found = [degrees.get(a) for a in node.args]
    if any(d is None for d in found):
        return None
    values = [d for d in found if d is not None]
    if op is sqrt:
        return values[0] / 2
    if op is inv:
        return -values[0]
    if isinstance(op.rule(0), Joint) or "homogeneous" in op.traits.split():
        return values[0] if len(set(values)) == 1 else None
    if all(isinstance(op.rule(i), Linear) for i in range(len(node.args))):
        return sum(values, Fraction(0))
    return None
