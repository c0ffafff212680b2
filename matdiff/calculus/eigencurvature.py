"""Curvature of functions of a symmetric matrix that no composition gives: eigenvalues in order, log det, entropies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from fractions import Fraction
from itertools import pairwise

from matdiff.calculus.claims import Claim, Claims, exact
from matdiff.core.node import Apply, Node, Symbol, number, symbol, topological
from matdiff.graph.rewrite import substitute
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    INNER,
    MATMUL,
    POWER,
    SCALE,
    TRANSPOSE,
    add,
    is_op,
    scale,
    size,
)
from matdiff.ops.constants import is_ones, is_zero
from matdiff.ops.elementwise import abs_
from matdiff.ops.indexing import ENTRY, SLICE
from matdiff.ops.linalg import inv, logdet
from matdiff.ops.matrix_functions import expm, logm, sqrtm
from matdiff.ops.reductions import sum_, tr
from matdiff.ops.spectral import eigval, eigval_at, eigvals, lambda_max, lambda_min, sigma, sigma_max, svdvals
from matdiff.simplify.normal import normal

Found = tuple[str, str, tuple[Claim, ...]]
"""What is claimed, by which rule, and of which premises."""
Judge = Callable[[Node, Collection[Symbol]], Claims]
LONGEST = 12
"""Most terms of a sum that are looked at."""
Factors = Callable[[Node], list[tuple[Node, Fraction]]]
Chain = Callable[[Node], list[tuple[Node, bool]]]


def of_matrices(known: Claims, node: Apply, judge: Judge, factors: Factors, chain: Chain) -> Iterator[Found]:
    """What is known of a number made of symmetric matrices; `factors` takes monomials apart, `chain` products."""
    if node.kind != "scalar" or known.has(node, "constant"):
        return
    yield from _in_order(known, node, factors)
    if node.op is logdet:
        yield from _schur(known, node, chain)
    elif node.op is tr:
        yield from _lieb(known, node, chain)
    if node.op in (ADD, tr, INNER):
        yield from _relative_entropy(known, node)
    if node.op is ADD:
        yield from _log_dets(known, node, factors)
    if not any(known.has(node, w) for w in ("convex", "concave")):
        yield from _of_spectrum(known, node, judge)


# eigenvalues and singular values


def _of_spectrum(known: Claims, node: Apply, judge: Judge) -> Iterator[Found]:
    """g(λ(S)) with a convex g that does not care for the order is convex (Davis 1957), of σ(X) where g(|σ|) is."""
    spectra = [n for n in topological(node) if is_op(n, eigvals) or is_op(n, svdvals)]
    spectra = [n for n in spectra if not known.has(n, "constant")]
    if len(spectra) != 1:
        return
    (spectrum,) = spectra
    (S,) = spectrum.children
    if not known.has(S, "affine") or (is_op(spectrum, eigvals) and "symmetric" not in known.known(S)):
        return
    positive = is_op(spectrum, eigvals) and "spd" in known.known(S)
    v = symbol("λ#", "vector", spectrum.rows, attributes=frozenset({"positive"} if positive else ()))
    g = substitute(node, {spectrum: v if is_op(spectrum, eigvals) else abs_(v)})
    if not _unordered(known, g, v):
        return
    c = judge(g, [v])
    for word in ("convex", "concave"):
        if c.has(g, word) and not getattr(c, "outside", ()):
            yield (
                word,
                f"a function of the {spectrum_name(spectrum)}, {word} and the same in any order",
                ((S, "affine"),),
            )


def spectrum_name(spectrum: Node) -> str:
    return "eigenvalues" if is_op(spectrum, eigvals) else "singular values"


def _unordered(known: Claims, root: Node, v: Symbol) -> bool:
    """Is a number made of the entries of v so that their order does not matter?"""
    kinds: dict[Node, str] = {v: "entries"}
    moving: set[Node] = {v}
    for n in topological(root):
        if n is v:
            continue
        args = n.args if isinstance(n, Apply) else ()
        if not any(a in moving for a in args):
            kinds[n] = "number" if n.kind == "scalar" else "entries" if is_ones(n) or is_zero(n) else ""
            if n.kind == "scalar" and n in known.claims and not known.has(n, "constant"):
                return False
            if is_op(n, SCALE) and kinds[n.children[0]] == "number":
                kinds[n] = kinds[n.children[1]]
            continue
        moving.add(n)
        kinds[n] = _unordered_kind(n, [kinds[a] for a in args])
        if not kinds[n]:
            return False
    return kinds[root] == "number"


def _unordered_kind(n: Node, kinds: list[str]) -> str:
    assert isinstance(n, Apply)
    if "" in kinds:
        return ""
    if n.op.elementwise or n.op in (ADD, SCALE, HADAMARD, POWER, TRANSPOSE):
        return "number" if n.kind == "scalar" else "entries"
    if n.kind == "scalar" and ("unordered" in n.op.traits.split() or n.op in (INNER, MATMUL)):
        return "number"
    return ""


Place = tuple[Node, bool]
"""A matrix, and whether its singular values are meant."""


def _in_order(known: Claims, node: Apply, factors: Factors) -> Iterator[Found]:
    """Σ wᵢ λᵢ with weights that grow with the eigenvalues is convex, with falling ones concave (Fan 1949).

    Σ wᵢ σᵢ is convex with weights ≥ 0 that are the larger the larger the singular value.
    """
    terms = node.args if node.op is ADD else (node,)
    if len(terms) > LONGEST:
        return
    weights: dict[Place, dict[tuple[str, int], Fraction]] = {}
    rest: list[Node] = []
    for t in terms:
        found = _weighted(known, t, factors)
        if found is None:
            rest.append(t)
            continue
        place, c, places = found
        mine = weights.setdefault(place, {})
        for p in places:
            mine[p] = mine.get(p, Fraction(0)) + c
    if not weights or (len(weights) == 1 and not rest and len(terms) > 1 and not any(weights.values())):
        return
    for word in ("convex", "concave"):
        every = all(_monotone(place, mine, word) for place, mine in weights.items())
        if every and all(known.has(t, word) for t in rest):
            premises = [(S, "affine") for S, _ in weights] + [(t, word) for t in rest if not known.has(t, "constant")]
            yield word, "eigenvalues in order, weighted (Fan 1949)", tuple(premises)


def _weighted(known: Claims, t: Node, factors: Factors) -> tuple[Place, Fraction, list[tuple[str, int]]] | None:
    """A multiple of one eigenvalue, or of a sum of some: the matrix, the factor and the places, from either end."""
    c, moving = Fraction(1), []
    for b, e in factors(t):
        value = exact(b)
        if value is not None and e.denominator == 1:
            c *= value**e.numerator
        else:
            moving.append((b, e))
    if len(moving) != 1 or moving[0][1] != 1 or not isinstance(n := moving[0][0], Apply):
        return None
    places: list[tuple[str, int]] = []
    whole: Node = n
    if is_op(n, sum_) and is_op(n.children[0], SLICE):
        part = n.children[0]
        assert isinstance(part, Apply)
        whole = part.args[0]
        low, high = (end if isinstance(end, int) else end.number for end in part.params[:2])
        length = whole.rows
        if low is not None and high is not None:
            places = [("low", i) for i in range(low + 1, high + 1)]
        else:
            count = part.rows.number
            ending = part.params[1] is length
            places = [("high", i) for i in range(count)] if ending and count is not None else []
    elif is_op(n, ENTRY):
        whole = n.children[0]
        i = n.params[0]
        number_ = i if isinstance(i, int) else i.number
        places = [("low", number_)] if number_ is not None else [("high", 0)] if i is whole.rows else []
    elif is_op(n, eigval) or is_op(n, sigma):
        places = [("low", int(n.params[0]) if isinstance(n.params[0], int) else n.params[0].number)]
    elif is_op(n, eigval_at):
        back = exact(normal(add(size(n.args[0].rows), scale(number(-1), n.args[1]))))
        places = [("high", int(back))] if back is not None and back >= 0 else []
    elif is_op(n, lambda_max) or is_op(n, lambda_min):
        places = [("high", 0)] if is_op(n, lambda_max) else [("low", 1)]
    elif is_op(n, sigma_max):
        places = [("low", 1)]
    if not places or any(i is None for _, i in places):
        return None
    inside = whole.children[0] if is_op(whole, eigvals) or is_op(whole, svdvals) else n.children[0]
    if whole is not n and not (is_op(whole, eigvals) or is_op(whole, svdvals)):
        return None
    singular = is_op(whole, svdvals) or n.op in (sigma, sigma_max)
    if not known.has(inside, "affine") or known.has(inside, "constant"):
        return None
    if not singular:
        many = inside.rows.number
        places = [("high", many - i) if kind == "low" and many is not None else (kind, i) for kind, i in places]
    return (inside, singular), c, places


def _monotone(place: Place, weights: Mapping[tuple[str, int], Fraction], word: str) -> bool:
    """Do weights grow (for concave: fall) with the eigenvalues, those that are not mentioned being 0?"""
    S, singular = place
    sign = 1 if word == "convex" else -1
    low = {i: sign * w for (kind, i), w in weights.items() if kind == "low"}
    high = {i: sign * w for (kind, i), w in weights.items() if kind == "high"}
    if singular:
        row = [low.get(i, Fraction(0)) for i in range(1, max(low, default=0) + 2)]
        return word == "convex" and all(a >= b >= 0 for a, b in pairwise(row))
    length = S.rows.number
    if length is not None:
        row = [high.get(i, Fraction(0)) for i in range(length)]
        return all(a >= b for a, b in pairwise(row))
    up = [low.get(i, Fraction(0)) for i in range(1, max(low, default=0) + 2)]
    down = [high.get(i, Fraction(0)) for i in range(max(high, default=-1) + 2)]
    return all(a <= b <= 0 for a, b in pairwise([*up, Fraction(0)])) and all(
        a >= b >= 0 for a, b in pairwise([*down, Fraction(0)])
    )


# log det


def _log_dets(known: Claims, node: Apply, factors: Factors) -> Iterator[Found]:
    """c log det S − k log det(S + A) with c ≥ k ≥ 0 and a constant A ⪰ 0 is concave.

    Its second derivative is k tr(QVQV) − c tr(PVPV) with Q = (S + A)⁻¹ ⪯ P = S⁻¹.
    """
    if len(node.args) > LONGEST:
        return
    found: list[tuple[Node, Fraction]] = []
    rest: list[Node] = []
    for t in node.args:
        c, moving = Fraction(1), []
        for b, e in factors(t):
            value = exact(b)
            if value is not None and e.denominator == 1:
                c *= value**e.numerator
            else:
                moving.append((b, e))
        U = moving[0][0].children[0] if len(moving) == 1 and moving[0][1] == 1 and is_op(moving[0][0], logdet) else None
        if U is not None and known.has(U, "affine") and not known.has(U, "constant") and known.has(U, "≻ 0"):
            found.append((U, c))
        else:
            rest.append(t)
    if len(found) < 2:
        return
    for word, sign in (("concave", 1), ("convex", -1)):
        gains = [(U, sign * c) for U, c in found if sign * c > 0]
        costs = [(U, -sign * c) for U, c in found if sign * c < 0]
        left = [c for _, c in gains]
        for V, k in costs:
            for i, (U, _) in enumerate(gains):
                if k > 0 and left[i] > 0 and _above(known, V, U):
                    paid = min(left[i], k)
                    left[i] -= paid
                    k -= paid
            if k > 0:
                break
        else:
            if costs and all(known.has(t, word) for t in rest):
                rule = "log det S less log det(S + A), A ⪰ 0: (S + A)⁻¹ ⪯ S⁻¹ in the second derivative"
                premises = [(U, "≻ 0") for U, _ in gains] + [(t, word) for t in rest if not known.has(t, "constant")]
                yield word, rule, tuple(premises)


def _above(known: Claims, V: Node, U: Node) -> bool:
    """Is V − U constant and ⪰ 0?"""
    difference = normal(add(V, scale(number(-1), U)))
    c = Claims(difference, known.variables)
    return is_zero(difference) or (c.has(difference, "constant") and c.has(difference, "⪰ 0"))


def _schur(known: Claims, node: Apply, chain: Chain) -> Iterator[Found]:
    """log det(C + L S⁻¹ Lᵀ) = log det(S + Lᵀ C⁻¹ L) − log det S + log det C, convex and falling in S ≻ 0."""
    (u,) = node.args
    if not is_op(u, ADD):
        return
    moving = [t for t in u.children if not known.has(t, "constant")]
    still = [t for t in u.children if known.has(t, "constant")]
    if len(moving) != 1 or not still or not all(known.has(t, "⪰ 0") for t in still):
        return
    m = moving[0]
    if is_op(m, SCALE) and known.has(m.children[0], "constant") and known.has(m.children[0], "≥ 0"):
        m = m.children[1]
    inside = [f for f, _ in chain(m) if not known.has(f, "constant")]
    if len(inside) != 1 or not is_op(inside[0], inv) or not (known.has(m, "⪰ 0") and known.has(m, "convex⪰")):
        return
    S = inside[0].children[0]
    if known.has(S, "concave⪰") and known.has(S, "≻ 0"):
        rule = "log det(C + L S⁻¹ Lᵀ) = log det(S + Lᵀ C⁻¹ L) − log det S + log det C"
        yield "convex", rule, ((S, "concave⪰"), (S, "≻ 0"))


# entropies


def _relative_entropy(known: Claims, node: Apply) -> Iterator[Found]:
    """Σ tr(S log S − S log T): jointly convex in S, T ≻ 0 (Lindblad 1974), beside other convex terms."""
    terms = list(_traces(node))
    if len(terms) > LONGEST:
        return
    for word, sign in (("convex", 1), ("concave", -1)):
        room: dict[Node, Fraction] = {}
        claims: dict[Claim, None] = {}
        fine, crossed = True, False
        for t, c, inside in terms:
            parts = _logarithms(known, t, c, inside)
            if parts is None:
                wanted = "affine" if inside else word
                fine = fine and known.has(t, wanted)
                if not known.has(t, "constant"):
                    claims[t, wanted] = None
                continue
            for S, T, k in parts:
                # What S log S has more than S log T takes is convex itself.
                room[S] = room.get(S, Fraction(0)) + sign * k
                fine = fine and (S is T or sign * k <= 0)
                crossed = crossed or S is not T
                claims |= {(S, "affine"): None, (T, "≻ 0"): None}
        if fine and crossed and all(c >= 0 for c in room.values()):
            yield word, "relative entropy of matrices ≻ 0 (Lindblad 1974)", tuple(claims)


def _traces(node: Apply) -> Iterator[tuple[Node, Fraction, bool]]:
    """The terms of a sum, and those of a trace in it with the factor before it; then True."""
    for t in node.args if node.op is ADD else (node,):
        c, inner = _stripped(t)
        if is_op(inner, tr) and is_op(inner.children[0], ADD):
            for m in inner.children[0].children:
                k, product = _stripped(m)
                yield product, c * k, True
        elif is_op(inner, tr) and is_op(inner.children[0], MATMUL):
            yield inner.children[0], c, True
        else:
            yield t, Fraction(1), False


def _stripped(t: Node) -> tuple[Fraction, Node]:
    """A number in front, and what it multiplies."""
    c = Fraction(1)
    while is_op(t, SCALE) and (value := exact(t.children[0])) is not None:
        c, t = c * value, t.children[1]
    return c, t


def _logarithms(known: Claims, t: Node, c: Fraction, inside: bool) -> list[tuple[Node, Node, Fraction]] | None:
    """Of a sum of cᵢ tr(S log Tᵢ) with one S: every S, Tᵢ and cᵢ where both move, affine and ≻ 0."""
    if not inside:
        k, t = _stripped(t)
        c = c * k
    whole = c
    pair = t.children if is_op(t, MATMUL if inside else INNER) else ()
    for S, M in (pair, pair[::-1]) if len(pair) == 2 else ():
        if S.kind != "matrix" or not (known.has(S, "affine") and known.has(S, "≻ 0")) or known.has(S, "constant"):
            continue
        found: list[tuple[Node, Node, Fraction]] = []
        for m in M.children if is_op(M, ADD) else (M,):
            k, m = _stripped(m)
            if known.has(m, "constant"):
                continue
            if not is_op(m, logm) or not (known.has(m.children[0], "affine") and known.has(m.children[0], "≻ 0")):
                break
            found.append((S, m.children[0], whole * k))
        else:
            if found:
                return found
    return None


def _lieb(known: Claims, node: Apply, chain: Chain) -> Iterator[Found]:
    """tr(Kᵀ √S K √T) is jointly concave in S, T ≻ 0, and tr exp(C + log S) in S (Lieb 1973)."""
    u = node.args[0]
    if is_op(u, expm) and is_op(u.children[0], ADD):
        moving = [t for t in u.children[0].children if not known.has(t, "constant")]
        still = [t for t in u.children[0].children if known.has(t, "constant")]
        if len(moving) == 1 and is_op(moving[0], logm) and all("symmetric" in known.known(t) for t in still):
            S = moving[0].children[0]
            if known.has(S, "concave⪰") and known.has(S, "≻ 0"):
                yield "concave", "tr exp(C + log S) (Lieb 1973, thm 6)", ((S, "concave⪰"), (S, "≻ 0"))
        return
    factors = chain(node.args[0])
    roots = [i for i, (f, _) in enumerate(factors) if is_op(f, sqrtm) and not known.has(f, "constant")]
    if len(roots) != 2 or any(not known.has(f, "constant") for i, (f, _) in enumerate(factors) if i not in roots):
        return
    i, j = roots
    between, around = factors[i + 1 : j], [*factors[j + 1 :], *factors[:i]]
    mirrored = [(f, not t if "symmetric" not in known.known(f) else t) for f, t in reversed(between)]
    S, T = (factors[k][0].children[0] for k in roots)
    if mirrored == around and all(known.has(U, "concave⪰") and known.has(U, "≻ 0") for U in (S, T)):
        yield "concave", "tr(Kᵀ √S K √T) (Lieb 1973)", ((S, "concave⪰"), (T, "concave⪰"))
