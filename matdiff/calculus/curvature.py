"""Is a function convex?  Curvature by composition: what is known of every part, from its record and its arguments.

The rules are those of Boyd & Vandenberghe 2004, §3.2 and §3.5, entry by entry and, for symmetric matrices, in the
semidefinite order (§3.6).  A claim is made only with its reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fractions import Fraction
from functools import reduce

from matdiff.calculus.claims import Claim, Claims, core, exact
from matdiff.calculus.compositions import degree_of, of_eigenvalues, one_part, signed
from matdiff.calculus.eigencurvature import of_matrices
from matdiff.calculus.entrywise import entrywise
from matdiff.core.node import Apply, Node, Number, Symbol, number, symbol, topological
from matdiff.core.op import Joint, Linear, Nonlinear, Op
from matdiff.graph.rewrite import substitute
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
    inner,
    is_op,
    matrix_product,
    power,
    scale,
    size,
    transpose,
)
from matdiff.ops.constants import is_eye, is_ones
from matdiff.ops.elementwise import erf, exp, log, relu, sqrt
from matdiff.ops.linalg import det, inv, logdet
from matdiff.ops.matrix_functions import sqrtm
from matdiff.ops.reductions import mean, norm, prod, sum_, tr
from matdiff.simplify.normal import normal

LONGEST = 12
"""Most factors of a product that is looked at as a whole."""
TRIES = 12
"""Most parts whose second derivatives are looked at."""
FLIPPED = {"convex": "concave", "concave": "convex", "convex⪰": "concave⪰", "concave⪰": "convex⪰"}


class Curvature(Claims):
    """The claims about every part, with those of curvature; `outside` are the parts whose domain may not be convex."""

    def __init__(self, root: Node, variables: Collection[Symbol], assumed: Collection[Claim] = ()) -> None:
        self.outside: dict[Node, str] = {}
        self.degrees: dict[Node, Fraction] = {}
        """The degrees of parts that are positively homogeneous."""
        self._tries = 0
        self._parts = 0
        super().__init__(root, variables, assumed)

    def _look(self, node: Node) -> None:
        super()._look(node)
        degree = degree_of(self, self.degrees, node)
        if degree is not None:
            self.degrees[node] = degree
            if degree < 0 and self.has(node, "convex") and self.has(node, "> 0"):
                # f^(1/d) is concave, and the logarithm of f is d of its logarithm.
                rule = f"convex and homogeneous of degree {degree}"
                self.say(node, "log convex", rule, (node, "convex"), (node, "> 0"))

    def _rules(self, node: Apply) -> None:
        self._linear(node)
        if node.op is ADD:
            self._complement(node)
        self._products(node)
        self._powers(node)
        self._record(node)
        self._special(node)
        if not self.has(node, "constant"):
            self._homogeneous(node)
            self._domain(node)
            self._entrywise(node)
            self._one_part(node)
            self._of_matrices(node)

    def _of_matrices(self, node: Apply) -> None:
        if all(self.has(node, w) for w in ("convex", "concave")):
            return
        for word, rule, premises in of_matrices(self, node, Curvature, self.monomial, self.chain):
            self.say(node, word, rule, *premises)

    # sums, and functions linear in an argument

    def _linear(self, node: Apply) -> None:
        op, args = node.op, node.args
        moving = [i for i, a in enumerate(args) if not self.has(a, "constant")]
        if not moving:
            return
        if isinstance(op.rule(moving[0]), Joint):
            self._jointly(node)
        elif len(moving) == 1 and isinstance(op.rule(moving[0]), Linear):
            self._in_one(node, moving[0])

    def _jointly(self, node: Apply) -> None:
        words = node.op.curvature.split()
        every = ["affine"]
        if "increasing" in words:
            every += ["convex", "concave", "√ convex", "log convex"]
        if "increasing⪰" in words:
            every += ["convex⪰", "concave⪰"]
        moving = [a for a in node.args if not self.has(a, "constant")]
        for word in every:
            if word == "√ convex" and all(self.has(a, word) for a in moving):
                for a in node.args:
                    self.want(a, word if a in moving else "≥ 0")
            if all(self.has(a, word) for a in node.args):
                name = "sum" if node.op is ADD else "blocks"
                self.say(node, word, f"{name} of {word} parts", *((a, word) for a in moving))
        if node.op is ADD and not self.has(node, "convex"):
            self._largest(node)
            self._schwarz(node)
            self._log_sum(node)
        if node.op is ADD:
            self._normal_distribution(node)

    def _normal_distribution(self, node: Apply) -> None:
        """c (1 ± erf u), a distribution function whose density is log-concave (Boyd & Vandenberghe 2004, §3.5.2)."""
        if len(node.args) != 2:
            return
        for one, other in (node.args, node.args[::-1]):
            (c, ones), (k, m) = _numbered(one), _numbered(other)
            if not (isinstance(ones, Number) or is_ones(ones)) or not is_op(m, erf) or not 0 < c == abs(k):
                continue
            bent = "concave" if k > 0 else "convex"
            if self.has(m.children[0], bent):
                self.say(node, "> 0", "erf is between −1 and 1")
                self.say(node, "log concave", "1 ± erf is log-concave", (m.children[0], bent))

    def _schwarz(self, node: Apply) -> None:
        """c ⟨u, u⟩ − k (wᵀ u)² with c ≥ k ‖w‖², by Cauchy and Schwarz, beside other convex terms."""
        if len(node.args) > LONGEST or node.kind != "scalar":
            return
        room: dict[Node, list[Node]] = {}
        for t in node.args:
            if self.has(t, "constant"):
                continue
            part = self._square_of(t)
            if part is not None:
                room.setdefault(part[0], []).append(part[1])
            elif not self.has(t, "convex"):
                return
        if not room or not all(_known_sign(normal(add(*rest)), "≥ 0") for rest in room.values()):
            return
        premises = [(t, "convex") for t in node.args if self.has(t, "convex") and not self.has(t, "constant")]
        self.say(node, "convex", "Cauchy–Schwarz: (wᵀu)² ≤ ‖w‖²‖u‖²", *premises)

    def _projects(self, factors: list[tuple[Node, bool]]) -> bool:
        """Is a product of constants the projection L (LᵀL)⁻¹ Lᵀ?"""
        if len(factors) < 3 or len(factors) % 2 == 0 or not all(self.has(f, "constant") for f, _ in factors):
            return False
        k = len(factors) // 2
        left, middle, right = factors[:k], factors[k][0], factors[k + 1 :]
        if right != [self._mirror(f) for f in reversed(left)] or not is_op(middle, inv):
            return False
        return self.chain(middle.children[0]) == [*right, *left]

    def _complement(self, node: Apply) -> None:
        """I − L (LᵀL)⁻¹ Lᵀ ⪰ 0."""
        if node.kind != "matrix" or len(node.args) != 2 or not self.has(node, "constant"):
            return
        for one, other in (node.args, node.args[::-1]):
            less = is_eye(one) and is_op(other, SCALE) and other.children[0] is number(-1)
            if less and self._projects(self.chain(other.children[1])):
                self.say(node, "⪰ 0", "I less a projection")

    def _log_sum(self, node: Apply) -> None:
        """Σ xᵢ log xᵢ − s log s with s = Σ xᵢ, convex (Cover & Thomas 2006, thm 2.7.1), beside other convex terms."""
        for word, turned in (("convex", 1), ("concave", -1)):
            gains: dict[Node, Node] = {}
            costs: dict[Node, Node] = {}
            rest: list[Claim] = []
            for t in node.args:
                found = self._entropy(t)
                if found is None:
                    if not self.has(t, word):
                        break
                    rest.append((t, word))
                    continue
                x, c, whole = found
                kept = costs if whole else gains
                kept[x] = add(kept[x], c) if x in kept else c
            else:
                if costs and all(
                    x in gains
                    and _known_sign(normal(scale(number(turned), add(c, gains[x]))), "≥ 0")
                    and _known_sign(normal(scale(number(turned), c)), "≤ 0")
                    for x, c in costs.items()
                ):
                    self.say(node, word, "log sum inequality: Σ xᵢ log xᵢ ≥ s log(s/n), s = Σ xᵢ", *rest)
                    return

    def _entropy(self, t: Node) -> tuple[Node, Node, bool] | None:
        """Of c Σ xᵢ log xᵢ the x, c and False; of c s log s with s = Σ xᵢ the x, c and True."""
        parts = self.monomial(t)
        moving = [p for p in parts if not self.has(p[0], "constant")]
        one: Node = number(1)
        c = reduce(scale, [power(b, number(e)) for b, e in parts if self.has(b, "constant")], one)
        if any(e != 1 for _, e in moving):
            return None
        bases = [b for b, _ in moving]
        if len(bases) == 2:
            for s, other in (bases, bases[::-1]):
                if is_op(other, log) and other.children[0] is s and is_op(s, sum_):
                    x = s.children[0]
                    return (x, c, True) if self.has(x, "affine") else None
        if len(bases) == 1:
            (b,) = bases
            pair: tuple[Node, ...] = ()
            if is_op(b, MATMUL) and b.children[0].kind == "row":
                pair = (transpose(b.children[0]), b.children[1])
            elif is_op(b, INNER):
                pair = b.children
            elif is_op(b, sum_) and is_op(b.children[0], HADAMARD):
                pair = b.children[0].children
            for x, other in (pair, pair[::-1]) if len(pair) == 2 else ():
                if is_op(other, log) and other.children[0] is x:
                    return (x, c, False) if self.has(x, "affine") else None
        return None

    def _square_of(self, t: Node) -> tuple[Node, Node] | None:
        """Of c ⟨u, u⟩ the u and c; of k (wᵀ u)² the u and k ‖w‖², where k < 0."""
        parts = self.monomial(t)
        moving = [p for p in parts if not self.has(p[0], "constant")]
        factors = [power(b, number(e)) for b, e in parts if self.has(b, "constant")]
        one: Node = number(1)
        k = reduce(scale, factors, one)
        if len(moving) != 1:
            return None
        (q, e) = moving[0]
        if is_op(q, norm) and e == 2 and self.has(q.children[0], "affine"):
            return q.children[0], k
        if is_op(q, sum_) and e == 1 and is_op(q.children[0], POWER) and exact(q.children[0].children[1]) == 2:
            u = q.children[0].children[0]
            return (u, k) if self.has(u, "affine") else None
        if is_op(q, MATMUL) and e == 1:
            chain = self.chain(q)
            if len(chain) > 2 and chain[0] == self._mirror(chain[-1]) and self._projects(chain[1:-1]):
                u = chain[-1][0]
                return (
                    (u, k) if u.kind == "vector" and self.has(u, "affine") and _known_sign(normal(k), "≤ 0") else None
                )
            a, u = q.children
            return (u, k) if transpose(a) is u and u.kind == "vector" and self.has(u, "affine") else None
        if e != 2 or not _known_sign(normal(k), "≤ 0"):
            return None
        if is_op(q, sum_) and self.has(q.children[0], "affine"):
            u = q.children[0]
            return u, scale(k, size(u.rows * u.cols))
        if is_op(q, MATMUL) and self.has(q.children[0], "constant") and q.children[0].kind == "row":
            w, u = transpose(q.children[0]), q.children[1]
            square = size(w.rows) if is_ones(w) else inner(w, w)
            return (u, scale(k, square)) if self.has(u, "affine") else None
        return None

    def _largest(self, node: Apply) -> None:
        """b + relu(a − b), the larger of a and b."""
        for t in node.args:
            rest = [a for a in node.args if a is not t]
            if not is_op(t, relu) or not rest or self._tries >= TRIES:
                continue
            self._tries += 1
            larger = normal(add(t.children[0], *rest))
            if all(self.has(a, "convex") for a in rest):
                c = Curvature(larger, self.variables, [(n, w) for n, words in self.assumed.items() for w in words])
                if c.has(larger, "convex") and not c.outside:
                    rule = f"the larger of {larger} and the rest, both convex"
                    self.say(node, "convex", rule, *((a, "convex") for a in rest if not self.has(a, "constant")))

    def _in_one(self, node: Apply, slot: int) -> None:
        """Linear in the one argument that moves, and monotone where the others have a sign."""
        moving = node.args[slot]
        words = node.op.curvature.split()
        rest = [a for i, a in enumerate(node.args) if i != slot]
        if self.has(moving, "affine"):
            self.say(node, "affine", "linear map", (moving, "affine"))
            return
        for order, up, down in (("", "≥ 0", "≤ 0"), ("⪰", "⪰ 0", "⪯ 0")):
            if f"increasing{order}" not in words or (order and not self._ordered(node, moving)):
                continue
            for word in (f"convex{order}", f"concave{order}"):
                if self.has(moving, word):
                    self._carried(node, word.rstrip("⪰"), moving, rest, word, (up, down))
        if "increasing" in words and all(self.has(a, "≥ 0") for a in rest):
            for word in ("√ convex", *(("log convex",) if all(self.has(a, "> 0") for a in rest) else ())):
                if self.has(moving, word) and (word == "√ convex" or node.kind == "scalar" or node.op is TRANSPOSE):
                    self.say(node, word, "multiple or sum", (moving, word), *((a, "≥ 0") for a in rest))
            positive = all(self.has(a, "> 0") for a in rest)
            if positive and self.has(moving, "log concave") and node.op in (SCALE, TRANSPOSE):
                self.say(node, "log concave", "multiple", (moving, "log concave"), *((a, "> 0") for a in rest))

    def _carried(
        self, node: Apply, word: str, moving: Node, rest: list[Node], had: str, signs: tuple[str, str]
    ) -> None:
        """The curvature of the part that moves, kept or turned round by the sign of the others."""
        up, down = signs
        if not rest:
            self.say(node, self._in_order(node, word, had), "monotone linear map", (moving, had))
            return
        (c,) = rest
        if c.kind != "matrix":
            up, down = up.replace("⪰", "≥"), down.replace("⪯", "≤")
        if self.has(c, up):
            self.say(node, self._in_order(node, word, had), f"times a part {up}", (c, up), (moving, had))
        elif self.has(c, down):
            turned = self._in_order(node, FLIPPED[word], had)
            self.say(node, turned, f"times a part {down}", (c, down), (moving, had))
        else:
            self._want_definite(c, up)
            self._want_definite(c, down)

    @staticmethod
    def _in_order(node: Node, word: str, had: str) -> str:
        return f"{word}⪰" if had.endswith("⪰") and node.kind == "matrix" else word

    def _ordered(self, node: Apply, moving: Node) -> bool:
        """Are its arguments symmetric matrices, and its value too?"""
        return moving.kind == "matrix" and "symmetric" in self.known(moving)

    # products

    def _products(self, node: Apply) -> None:
        if self.has(node, "constant"):
            if node.op in (MATMUL, MPOW, INNER):
                self._quadratic(node)
            return
        if node.op in (MATMUL, MPOW, INNER, tr):
            self._quadratic(node)
        if node.op is tr:
            self._trace(node)
            self._repeated(node)
        if node.op in (SCALE, HADAMARD, POWER, sqrt):
            self._monomial(node)
        if node.op is SCALE and not self.has(node.args[0], "constant"):
            self._perspective(node)
        if node.op is SCALE and node.kind == "matrix":
            s, M = node.args
            if self.has(M, "constant"):
                for word in ("convex", "concave"):
                    if self.has(s, word) and self._want_definite(M, "⪰ 0"):
                        self.say(node, f"{word}⪰", "times a matrix ⪰ 0", (s, word), (M, "⪰ 0"))

    def chain(self, node: Node) -> list[tuple[Node, bool]]:
        """The factors of a matrix product left to right, and whether each stands there transposed; [] if too long."""
        out: list[tuple[Node, bool]] = []
        stack = [(node, False)]
        while stack:
            top, turned = stack.pop()
            if is_op(top, TRANSPOSE):
                stack.append((top.children[0], not turned))
            elif is_op(top, MATMUL):
                a, b = top.children
                stack += [(a, turned), (b, turned)] if turned else [(b, turned), (a, turned)]
            elif isinstance(top, Apply) and top.op is MPOW and top.params[0] <= LONGEST:
                stack += [(top.args[0], turned)] * top.params[0]
            else:
                out.append(self._factor(top, turned))
            if len(out) + len(stack) > LONGEST:
                return []
        return out

    def _factor(self, node: Node, turned: bool) -> tuple[Node, bool]:
        return node, turned and not (node.kind == "matrix" and "symmetric" in self.known(node))

    def _mirror(self, factor: tuple[Node, bool]) -> tuple[Node, bool]:
        return self._factor(factor[0], not factor[1])

    def _quadratic(self, node: Apply) -> None:
        """uᵀ S u, Aᵀ S A, and what is cyclically so under a trace."""
        if node.op in (MATMUL, MPOW):
            self._congruence(node, self.chain(node))
            return
        if node.op is tr:
            (a,) = node.args
            factors = self.chain(a)
        else:
            one, other = map(self.chain, node.args)
            factors = [*map(self._mirror, reversed(one)), *other] if one and other else []
        if 2 <= len(factors) <= LONGEST:
            self._cyclic(node, factors)

    def _congruence(self, node: Apply, factors: list[tuple[Node, bool]]) -> None:
        if len(factors) < 2 or node.rows is not node.cols:
            return
        found = self._split(factors)
        if found is not None:
            self._say_quadratic(node, *found, [])

    def _cyclic(self, node: Apply, factors: list[tuple[Node, bool]]) -> None:
        """tr(Lᵀ S L T) with S and T semidefinite."""
        k = len(factors)
        if k == 2:
            self._weighted(node, *(f[0] for f in factors))
        for turn in range(k):
            turned = factors[turn:] + factors[:turn]
            for head in range(k, 0, -1):
                tail = turned[head:]
                if any(not self.has(f[0], "constant") for f in tail):
                    continue
                found = self._split(turned[:head])
                if found is None or (head == 1 and not found[1]):
                    continue
                if not tail or self._semidefinite(tail, head != 1):
                    self._say_quadratic(node, *found, tail)
                    if self.has(node, "convex") or self.has(node, "concave"):
                        return

    def _weighted(self, node: Apply, a: Node, b: Node) -> None:
        """tr(C M) with a constant C and an M with a curvature of its own."""
        M, C = (a, b) if self.has(b, "constant") else (b, a)
        if not self.has(C, "constant") or self.has(M, "constant") or self.has(M, "affine") or M.kind != "matrix":
            return
        for word in ("convex", "concave"):
            if self.has(M, f"{word}⪰"):
                self._carried(node, word, M, [C], f"{word}⪰", ("⪰ 0", "⪯ 0"))

    def _split(
        self, factors: list[tuple[Node, bool]]
    ) -> tuple[list[tuple[Node, bool]], list[tuple[Node, bool]]] | None:
        """The L and the S of a product Lᵀ S L, L as long as it can be."""
        depth = 0
        while 2 * (depth + 1) <= len(factors) and factors[depth] == self._mirror(factors[-1 - depth]):
            depth += 1
        middle = factors[depth : len(factors) - depth]
        if depth == 0 and len(middle) != 1:
            return None
        return factors[len(factors) - depth :], middle

    def _semidefinite(self, factors: list[tuple[Node, bool]], ask: bool = True) -> bool:
        """Is a product of constants Lᵀ S L with S ⪰ 0?"""
        found = self._split(factors)
        if found is None:
            return False
        middle = found[1]
        if not middle:
            return True
        S = middle[0][0]
        return len(middle) == 1 and (self._want_definite(S, "⪰ 0") if ask else self.has(S, "⪰ 0"))

    def _want_definite(self, S: Node, word: str) -> bool:
        """Is a constant semidefinite?  It is asked for only of a symmetric matrix (of a number: its sign)."""
        if S.kind == "matrix" and word in ("⪰ 0", "⪯ 0") and "symmetric" not in self.known(S):
            return False
        return self.want(S, word)

    def _say_quadratic(
        self,
        node: Apply,
        outer: list[tuple[Node, bool]],
        middle: list[tuple[Node, bool]],
        tail: list[tuple[Node, bool]],
    ) -> None:
        moving = [f[0] for f in outer if not self.has(f[0], "constant")]
        still = all(self.has(f[0], "constant") for f in middle)
        order = "⪰" if node.kind == "matrix" else ""
        sums: list[Claim] = [(f[0], "⪰ 0") for f in tail if self.has(f[0], "⪰ 0")]
        if len(moving) > 1 or (moving and not self.has(moving[0], "affine")):
            u = moving[0]
            free = not middle and not tail and len(outer) == 1 and not order
            if free and self.has(u, "convex") and self.has(u, "≥ 0"):
                self.say(node, "√ convex", "squares of convex functions ≥ 0", (u, "convex"), (u, "≥ 0"))
            if free:
                self.say(node, "≥ 0", "sum of squares")
            elif not middle and not tail:
                self.say(node, "⪰ 0" if order else "≥ 0", "square")
            return
        if not middle:
            self._say_square(node, moving, [], sums, order)
            return
        if still:
            self._constant_middle(node, moving, middle, sums, order)
        elif len(middle) == 1:
            self._moving_middle(node, moving, middle[0][0], sums, order)

    def _constant_middle(
        self, node: Apply, moving: list[Node], middle: list[tuple[Node, bool]], sums: list[Claim], order: str
    ) -> None:
        S = matrix_product([transpose(n) if t else n for n, t in middle])
        if S.kind != "matrix" or (order and "symmetric" not in self.known(S)):
            return
        if self._is(S, "⪰ 0"):
            self._say_square(node, moving, [(S, "⪰ 0")], sums, order)
        elif self._is(S, "⪯ 0"):
            if moving:
                self.say(node, f"concave{order}", "quadratic form", (moving[0], "affine"), (S, "⪯ 0"))
        elif moving:
            self.wanted[S, "⪰ 0"] = None
            self.wanted[S, "⪯ 0"] = None

    def _is(self, S: Node, word: str) -> bool:
        """Is a constant semidefinite, or the symmetric part of one?  It may be a product made here."""
        return word in self.assumed.get(S, ()) or word in self.claims.get(S, {})

    def _moving_middle(self, node: Apply, moving: list[Node], S: Node, sums: list[Claim], order: str) -> None:
        if not moving:
            for word in ("convex", "concave"):
                if self.has(S, f"{word}⪰"):
                    self.say(node, f"{word}{order}", "congruence", (S, f"{word}⪰"), *sums)
            if self.has(S, "⪰ 0"):
                self.say(node, "⪰ 0" if order else "≥ 0", "congruence", (S, "⪰ 0"), *sums)
        elif is_op(S, inv) and self.has(S.children[0], "concave⪰") and self.has(S.children[0], "≻ 0"):
            inside = S.children[0]
            premises = ((moving[0], "affine"), (inside, "concave⪰"), (inside, "≻ 0"))
            self.say(node, f"convex{order}", "matrix fraction uᵀ S⁻¹ u (Boyd & Vandenberghe 2004, ex. 3.4)", *premises)
            self.say(node, "⪰ 0" if order else "≥ 0", "congruence")

    def _say_square(self, node: Apply, moving: list[Node], middle: list[Claim], sums: list[Claim], order: str) -> None:
        if not moving:
            self.say(node, "⪰ 0" if order else "≥ 0", "square", *middle)
            return
        premises = ((moving[0], "affine"), *middle, *sums)
        name = "quadratic form" if middle else "square"
        if order:
            self.say(node, "convex⪰", name, *premises)
            self.say(node, "⪰ 0", name, *middle)
        else:
            self.say(node, "√ convex", name, *premises)

    # products and powers of numbers, entry by entry

    def monomial(self, node: Node) -> list[tuple[Node, Fraction]]:
        """The bases and exponents of a product entry by entry; [] if there are too many."""
        out: dict[Node, Fraction] = {}
        stack = [(node, Fraction(1))]
        while stack:
            top, e = stack.pop()
            if is_op(top, SCALE) or is_op(top, HADAMARD):
                stack += [(a, e) for a in top.children]
            elif is_op(top, POWER) and (p := exact(top.children[1])) is not None and self._splits(top.children[0], p):
                stack.append((top.children[0], e * p))
            elif is_op(top, sqrt):
                stack.append((top.children[0], e / 2))
            else:
                out[top] = out.get(top, Fraction(0)) + e
            if len(out) + len(stack) > LONGEST:
                return []
        return [(b, e) for b, e in out.items() if e]

    def _splits(self, base: Node, p: Fraction) -> bool:
        """(ab)^p = a^p b^p where both are ≥ 0, or p is whole."""
        return p.denominator == 1 or not (is_op(base, SCALE) or is_op(base, HADAMARD)) or self.has(base, "≥ 0")

    def _monomial(self, node: Apply) -> None:
        parts = self.monomial(node)
        signs = [p for p in parts if self.has(p[0], "constant")]
        bases = [p for p in parts if not self.has(p[0], "constant")]
        if not bases or (len(bases) == 1 and node.op in (POWER, sqrt)):
            return
        if any(e.denominator != 1 and not self.has(b, "≥ 0") for b, e in parts):
            return
        sign = self._sign_of(signs)
        if sign is None:
            return
        premises = tuple((b, "≥ 0") for b, _ in signs if self.has(b, "≥ 0"))
        self._log_rule(node, bases, sign, premises)
        self._geometric(node, bases, sign, premises)

    def _sign_of(self, constants: list[tuple[Node, Fraction]]) -> int | None:
        """+1, −1, or None where the sign of a product of constants is not known (a power of them ≥ 0 counts as +1)."""
        sign = 1
        for b, e in constants:
            if self.has(b, "≥ 0") or (e.denominator == 1 and e % 2 == 0):
                continue
            if not self.has(b, "≤ 0"):
                return None
            sign = -sign
        return sign

    def _log_rule(self, node: Node, bases: list[tuple[Node, Fraction]], sign: int, premises: tuple[Claim, ...]) -> None:
        """The logarithm of a product is the sum of logarithms."""
        if sign < 0:
            return
        for word in ("log convex", "log concave"):
            words = [
                word if e > 0 else {"log convex": "log concave", "log concave": "log convex"}[word] for _, e in bases
            ]
            if all(self.has(b, w) for (b, _), w in zip(bases, words, strict=True)):
                if all(self.has(c, "> 0") for c, _ in premises):
                    claims = tuple((b, w) for (b, _), w in zip(bases, words, strict=True))
                    self.say(node, word, f"product of powers of {word} parts", *claims)
                elif word == "log convex":
                    self.say(node, "convex", "product of powers of log convex parts", *premises)

    def _geometric(
        self, node: Node, bases: list[tuple[Node, Fraction]], sign: int, premises: tuple[Claim, ...]
    ) -> None:
        """Π uᵢ^αᵢ: concave for concave uᵢ ≥ 0, αᵢ ≥ 0, Σ αᵢ ≤ 1; convex for one u^p over others, p ≥ 1 + Σ qᵢ."""
        up, down = [p for p in bases if p[1] > 0], [p for p in bases if p[1] < 0]
        if len(bases) == len(up) == 1 and (claim := self._grows(*up[0], Fraction(0))):
            self.say(node, ("√ convex" if up[0][1] >= 2 else "convex") if sign > 0 else "concave", "power", *claim)
        if (
            not down
            and sum(e for _, e in up) <= 1
            and all(self.has(b, "concave") and self.has(b, "≥ 0") for b, _ in up)
        ):
            claims = tuple((b, w) for b, _ in up for w in ("concave", "≥ 0"))
            self.say(node, "concave" if sign > 0 else "convex", "geometric mean", *claims, *premises)
        if len(up) != 1 or not down or not all(self.has(b, "concave") and self.has(b, "> 0") for b, _ in down):
            return
        (u, p), q = up[0], sum((-e for _, e in down), Fraction(0))
        claim = self._grows(u, p, q)
        if claim:
            claims = tuple((b, w) for b, _ in down for w in ("concave", "> 0"))
            rule = "u^p/v^q with p ≥ 1 + q, u ≥ 0 convex, v > 0 concave"
            self.say(node, "convex" if sign > 0 else "concave", rule, *claim, *claims, *premises)

    def _grows(self, u: Node, p: Fraction, q: Fraction) -> tuple[Claim, ...]:
        """Why u^p is the (1 + q)th power, or a higher one, of a convex function ≥ 0."""
        if p >= 1 + q and self.has(u, "convex") and self.has(u, "≥ 0"):
            return (u, "convex"), (u, "≥ 0")
        if p >= 1 + q and p.denominator == 1 and p % 2 == 0 and self.has(u, "affine"):
            return ((u, "affine"),)
        if 2 * p >= 1 + q and self.has(u, "√ convex"):
            return ((u, "√ convex"),)
        return ()

    def _powers(self, node: Apply) -> None:
        if node.op is not POWER or self.has(node, "constant"):
            return
        u, exponent = node.args
        p = exact(exponent)
        if not self.has(exponent, "constant"):
            if self.has(u, "constant") and self.has(u, "> 0") and self.has(exponent, "affine"):
                self.say(node, "log convex", "exponential", (exponent, "affine"), (u, "> 0"))
                self.say(node, "log concave", "exponential", (exponent, "affine"), (u, "> 0"))
            return
        self._mean_of_product(node)
        if p is None:
            self._unknown_power(node)
            return
        self._power_mean(node, p)
        S = self._inverse_form(u) if p == -1 else None
        if S is not None:
            self.say(node, "concave", "1/tr(Lᵀ S⁻¹ L), the parallel sum, grows with S", (S, "concave⪰"), (S, "≻ 0"))
        whole = p.denominator == 1
        inside = not whole or self.has(u, "≥ 0")
        if (
            whole
            and p > 0
            and p % 2 == 0
            and (self.has(u, "affine") or (self.has(u, "concave") and self.has(u, "≤ 0")))
        ):
            word = "affine" if self.has(u, "affine") else "concave"
            self.say(node, "√ convex", "even power", (u, word), *(((u, "≤ 0"),) if word == "concave" else ()))
        if p >= 1 and inside and self.has(u, "convex"):
            premises = ((u, "convex"), *(((u, "≥ 0"),) if self.has(u, "≥ 0") else ()))
            self.say(node, "√ convex" if p >= 2 else "convex", f"power {p} ≥ 1 of a part ≥ 0", *premises)
        if 2 * p >= 1 and self.has(u, "√ convex"):
            self.say(node, "√ convex" if p >= 1 else "convex", f"power {2 * p} of the root", (u, "√ convex"))
        if 0 < p < 1 and self.has(u, "concave"):
            self.say(node, "concave", f"power {p} between 0 and 1", (u, "concave"))
        if p < 0 and self.has(u, "concave") and (not whole or self.has(u, "> 0")):
            self.say(node, "log convex" if self.has(u, "> 0") else "convex", "negative power", (u, "concave"))
        for word, other in (("log convex", "log concave"), ("log concave", "log convex")):
            had = word if p > 0 else other
            if self.has(u, had):
                self.say(node, word, f"power {p}", (u, had))

    def _inverse_form(self, u: Node) -> Node | None:
        """The S of a number cᵀ S⁻¹ c or tr(Lᵀ S⁻¹ L) that is not 0, with S concave and ≻ 0."""
        factors = self.chain(u.children[0] if is_op(u, tr) else u)
        found = [f for f, _ in factors if not self.has(f, "constant")]
        if len(found) != 1 or not is_op(found[0], inv) or u.kind != "scalar":
            return None
        S = found[0].children[0]
        if not (self.has(S, "concave⪰") and self.has(S, "≻ 0")):
            return None
        for turn in range(len(factors) if is_op(u, tr) else 1):
            split = self._split(factors[turn:] + factors[:turn])
            if split is not None and [f for f, _ in split[1]] == found:
                return S
        return None

    def _unknown_power(self, node: Apply) -> None:
        """u^p with a parameter p, for u ≥ 0."""
        u, p = node.args
        if p.kind != "scalar" or not self.has(u, "≥ 0"):
            return
        if self.has(u, "convex") and self.want(p, "≥ 1"):
            self.say(node, "convex", "power ≥ 1 of a part ≥ 0", (u, "convex"), (u, "≥ 0"), (p, "≥ 1"))
        if self.has(u, "concave") and self.has(p, "> 0") and self.want(p, "≤ 1"):
            self.say(node, "concave", "power between 0 and 1", (u, "concave"), (u, "≥ 0"), (p, "≤ 1"))

    def _mean_of_product(self, node: Apply) -> None:
        """(Π uᵢ)^(1/n), the geometric mean of n entries, and det(S)^(1/n), that of the eigenvalues; or lower powers."""
        u, p = node.args
        if not (is_op(u, det) or is_op(u, prod)):
            return
        v = u.children[0]
        count = v.rows if is_op(u, det) else v.rows * v.cols
        e, n = exact(p), count.number
        if not (p is power(size(count), number(-1)) or (e is not None and n is not None and 0 < e * n <= 1)):
            return
        if is_op(u, det) and self.has(v, "concave⪰") and self.has(v, "≻ 0"):
            self.say(node, "concave", "geometric mean of the eigenvalues", (v, "concave⪰"), (v, "≻ 0"))
        if is_op(u, prod) and self.has(v, "concave") and self.has(v, "> 0"):
            self.say(node, "concave", "geometric mean", (v, "concave"), (v, "> 0"))

    # second derivatives, entry by entry

    def _entrywise(self, node: Apply) -> None:
        """Of a product or sum that is no composition: the second derivative by the affine parts that it is made of."""
        if any(self.has(node, w) for w in ("convex", "concave", "convex⪰", "concave⪰")) or self._tries >= TRIES:
            return
        for deep in (True, False):
            found = entrywise(self, node, deep)
            if found is None:
                continue
            self._tries += 1
            for word, sign in (("convex", "≥ 0"), ("concave", "≤ 0")):
                if found.semidefinite(sign):
                    self.say(node, word, found.reason(sign), *((a, "affine") for a in found.atoms))
            if self.has(node, "convex") or self.has(node, "concave"):
                return

    def _power_mean(self, node: Apply, q: Fraction) -> None:
        """(Σ uᵢ^p)^(1/p): convex for p ≥ 1 and convex uᵢ ≥ 0, concave for p < 1 and concave uᵢ > 0."""
        u = node.args[0]
        terms = u.children if is_op(u, ADD) or is_op(u, sum_) else ()
        p = 1 / q
        claims: list[Claim] = []
        for t in terms if len(terms) <= LONGEST else ():
            parts = self.monomial(t)
            moving = [b for b, e in parts if not self.has(b, "constant") and e == p]
            still = [b for b, _ in parts if self.has(b, "constant")]
            if len(moving) != 1 or len(still) + 1 != len(parts) or not all(self.has(b, "≥ 0") for b in still):
                return
            wanted = ("convex", "≥ 0") if p >= 1 else ("concave", "> 0")
            if not all(self.has(moving[0], w) for w in wanted):
                return
            claims += [(moving[0], w) for w in wanted]
        if claims:
            self.say(node, "convex" if p >= 1 else "concave", f"power mean with the exponent {p}", *claims)

    def _one_part(self, node: Apply) -> None:
        if any(self.has(node, w) for w in ("convex", "concave")) or self._parts >= TRIES or node.kind == "matrix":
            return
        for word, s, rule in one_part(self, node):
            self._parts += 1
            self.say(node, word, rule, (s, "convex" if self.has(s, "convex") else "concave"), (s, "≥ 0"))
            return

    def _homogeneous(self, node: Apply) -> None:
        """A power of degree 1 of what is ≥ 0, convex and homogeneous is convex (Rockafellar 1970, cor. 15.3.1).

        Level sets tell it all: f ≥ 0 of degree 1 is convex where {f ≤ 1} is, concave where {f ≥ 1} is.
        """
        if node.op not in (POWER, sqrt):
            return
        u = node.args[0]
        d = self.degrees.get(u)
        p = Fraction(1, 2) if node.op is sqrt else exact(node.args[1])
        if d is None or p is None or p * d != 1 or u in self.granted:
            return
        for word, turned in (("convex", "concave"), ("concave", "convex")):
            strict = word == "concave" or p < 0
            if not self.has(u, "> 0" if strict else "≥ 0"):
                continue
            for had in (word, f"log {word}") if p > 0 else (turned, f"log {turned}"):
                if self.has(u, had):
                    rule = f"power {p} of a part homogeneous of degree {d}"
                    self.say(node, word, rule, (u, had), (u, "> 0" if strict else "≥ 0"))

    def _perspective(self, node: Apply) -> None:
        """t g(u/t), jointly convex where g is and t > 0 (Boyd & Vandenberghe 2004, §3.2.6)."""
        t, g = node.args
        if t not in self.variables or not self.has(t, "> 0") or self._tries >= TRIES:
            return
        under = power(t, number(-1))
        ratios = [n for n in topological(g) if isinstance(n, Apply) and n.op is SCALE and under in n.args]
        outer = {n: n.args[1] if n.args[0] is under else n.args[0] for n in ratios}
        # Names that cannot be typed, so that they are no names of parameters.
        values = {n: symbol(f"#{i}", n.kind, n.rows, n.cols, self._sort(u)) for i, (n, u) in enumerate(outer.items())}
        if not values or len(values) > LONGEST or not all(self.has(u, "affine") for u in outer.values()):
            return
        self._tries += 1
        bare = substitute(g, values)
        if any(n in self.variables for n in topological(bare)):
            return
        c = Curvature(bare, values.values())
        for word in ("convex", "concave"):
            if c.has(bare, word) and not c.outside:
                claims = [(u, "affine") for u in outer.values()]
                self.say(node, word, f"perspective of a {word} function", (t, "> 0"), *claims)

    def _sort(self, u: Node) -> frozenset[str]:
        """What a letter for an affine part is declared."""
        if u.kind == "matrix" and "symmetric" in self.known(u):
            return frozenset({"spd" if self.has(u, "≻ 0") else "symmetric"})
        return frozenset({"positive"} if self.has(u, "> 0") else ())

    def _repeated(self, node: Apply) -> None:
        """tr (LᵀL)^k for an affine L: the trace of a power is convex and increasing on matrices ⪰ 0."""
        factors = self.chain(node.args[0])
        for length in (2, 4):
            block = factors[:length]
            k = len(factors) // length
            if k < 2 or factors != block * k:
                continue
            found = self._split(block)
            moving = [] if found is None else [f[0] for f in found[0] if not self.has(f[0], "constant")]
            if found is not None and not found[1] and len(moving) == 1 and self.has(moving[0], "affine"):
                self.say(node, "convex", f"trace of the power {k} of a convex matrix ⪰ 0", (moving[0], "affine"))

    def _trace(self, node: Apply) -> None:
        """tr √(LᵀL), the nuclear norm; tr f(S), convex where f is (Davis 1957): powers, and what records call so."""
        (u,) = node.args
        if not isinstance(u, Apply):
            return
        if u.op is sqrtm and (L := self._gram(u.args[0])) is not None:
            self.say(node, "convex", "tr √(LᵀL) is the nuclear norm of L", (L, "affine"))
        self._of_eigenvalues(node, u)
        if len(u.args) != 1:
            return
        (S,) = u.args
        if S.kind != "matrix" or "symmetric" not in self.known(S):
            return
        if u.op is MPOW and self.has(S, "convex⪰") and self.has(S, "⪰ 0"):
            self.say(node, "convex", "trace of a power of a convex matrix ⪰ 0", (S, "convex⪰"), (S, "⪰ 0"))
        if not self.has(S, "affine"):
            return
        powers = u.op is MPOW and (u.params[0] % 2 == 0 or self.has(S, "⪰ 0"))
        if powers or "traceconvex" in u.op.curvature.split():
            self.say(node, "convex", "trace of a convex function of a symmetric matrix", (S, "affine"))

    def _of_eigenvalues(self, node: Apply, u: Apply) -> None:
        """tr f(S) = Σ f(λᵢ) for an f made of several functions of the same S."""
        if self._tries >= TRIES or self.has(u, "constant") or self.has(u, "affine"):
            return
        found = of_eigenvalues(self, u)
        if found is None:
            return
        self._tries += 1
        f, S, s = found
        c = Curvature(f, [s])
        for word in ("convex", "concave"):
            if c.has(f, word) and not c.outside:
                rule = f"trace of a function of a symmetric matrix, {word} in its eigenvalues (Davis 1957)"
                self.say(node, word, rule, (S, "affine"))

    # what the records say

    def _record(self, node: Apply) -> None:
        words = node.op.curvature.split()
        if len(node.args) == 2 and words and not self.has(node, "constant") and isinstance(node.op.rule(0), Nonlinear):
            self._of_two(node, words)
        if len(node.args) != 1 or self.has(node, "constant") or isinstance(node.op.rule(0), (Linear, Joint)):
            return
        (u,) = node.args
        self._composed(node, u, set(self._here(words, u)), "")
        definite = self.has(u, "≻ 0") or node.op.domain == ("symmetric",)
        if any(w.endswith("⪰") for w in words) and self._ordered(node, u) and definite:
            here = {w[:-1] for w in words if w.endswith("⪰")}
            self._composed(node, u, here, "⪰")

    def _of_two(self, node: Apply, words: list[str]) -> None:
        """The larger or the smaller of two parts: convex and increasing in both together, or concave."""
        moving = [a for a in node.args if not self.has(a, "constant")]
        for word in ("convex", "concave"):
            if {word, "increasing"} <= set(words) and all(self.has(a, word) for a in moving):
                self.say(node, word, f"{node.op.name} is {word} and increasing", *((a, word) for a in moving))

    def _here(self, words: list[str], u: Node) -> Iterator[str]:
        """The words that hold for what is known of the argument's sign."""
        for word in words:
            if word.endswith(("-", "+")):
                if self.has(u, "≤ 0" if word.endswith("-") else "≥ 0"):
                    yield word[:-1]
            elif not word.endswith("⪰"):
                yield word

    def _composed(self, node: Apply, u: Node, words: set[str], order: str) -> None:
        name = node.op.name
        for word in ("convex", "concave", "logconvex", "logconcave"):
            if word not in words:
                continue
            bent = "convex" if word.endswith("convex") else "concave"
            value = word.replace("log", "log ")
            if order and node.kind == "matrix":
                value += "⪰"
            trend = " and ".join(w for w in ("increasing", "decreasing") if w in words)
            if self.has(u, "affine"):
                self.say(node, value, f"{name} of an affine part", (u, "affine"))
                continue
            for monotone, within in (("increasing", bent), ("decreasing", FLIPPED[bent])):
                if monotone in words and self.has(u, within + order):
                    rule = f"{name} is {word.replace('log', 'log-')} and {trend}"
                    self.say(node, value, rule, (u, within + order))

    def _special(self, node: Apply) -> None:
        """Roots and logarithms of what is known to have a convex root or logarithm."""
        if self.has(node, "constant"):
            return
        u = node.args[0]
        if node.op is norm and u.kind == "matrix" and self.has(u, "convex⪰") and self.has(u, "⪰ 0"):
            self.say(node, "convex", "the norm increases in the order ⪰ 0", (u, "convex⪰"), (u, "⪰ 0"))
        if node.op is sqrt:
            if self.has(u, "√ convex"):
                self.say(node, "convex", "root", (u, "√ convex"))
            if self.has(u, "> 0"):
                self.say(node, "> 0", "root", (u, "> 0"))
            for word in ("log convex", "log concave"):
                if self.has(u, word):
                    self.say(node, word, "root", (u, word))
        if node.op in (logdet, det) and is_op(u, inv) and self.has(u.children[0], "concave⪰") and self.has(u, "≻ 0"):
            S = u.children[0]
            word = "convex" if node.op is logdet else "log convex"
            self.say(node, word, "log det S⁻¹ = −log det S", (S, "concave⪰"), (u, "≻ 0"))
        elif node.op is log:
            for word in ("log convex", "log concave"):
                if self.has(u, word):
                    self.say(node, word[4:], "logarithm", (u, word))
            if is_op(u, tr) and isinstance(a := u.children[0], Apply) and "logtraceconvex" in a.op.curvature.split():
                S = a.args[0]
                if self.has(S, "affine") and "symmetric" in self.known(S):
                    self.say(node, "convex", "log tr exp of an affine symmetric matrix", (S, "affine"))
        elif node.op is exp:
            if self.has(u, "convex"):
                self.say(node, "log convex", "exp of a convex part", (u, "convex"))
            self._exp_of_logarithms(node, u)
        if node.op is logdet and not (self.has(node, "convex") or self.has(node, "concave")):
            self._logdet_of_product(node, u)

    def _exp_of_logarithms(self, node: Apply, u: Node) -> None:
        """exp Σ wᵢ log vᵢ with wᵢ ≥ 0, Σ wᵢ ≤ 1: a weighted geometric mean."""
        total: Node = number(0)
        claims: list[Claim] = []
        for t in u.children if is_op(u, ADD) else (u,):
            if self.has(t, "constant"):
                continue
            factors = self.monomial(t)
            moving = [(b, e) for b, e in factors if not self.has(b, "constant")]
            still = [power(b, number(e)) for b, e in factors if self.has(b, "constant")]
            if len(moving) != 1 or moving[0][1] != 1:
                return
            m = inside = moving[0][0]
            one: Node = number(1)
            weight = reduce(scale, still, one)
            if isinstance(m, Apply) and m.op in (sum_, mean):
                inside = m.args[0]
                weight = weight if m.op is mean else scale(weight, size(inside.rows * inside.cols))
            if not is_op(inside, log) or not self.has(inside.children[0], "concave"):
                return
            if not _known_sign(normal(weight), "≥ 0"):
                return
            total = add(total, weight)
            claims += [(inside.children[0], "concave"), (inside.children[0], "> 0")]
        if claims and _known_sign(normal(number(1) - total), "≥ 0"):
            self.say(node, "concave", "geometric mean", *claims)

    def _logdet_of_product(self, node: Apply, u: Node) -> None:
        """log det of a product of matrices ≻ 0: the sum of theirs."""
        factors = [f for f, _ in self.chain(u)]
        if len(factors) < 2 or not all(self.has(f, "≻ 0") for f in factors):
            return
        words: set[str] = set()
        claims: list[Claim] = []
        for f in factors:
            if self.has(f, "constant"):
                continue
            inside, word = (f.children[0], "convex") if is_op(f, inv) else (f, "concave")
            if not self.has(inside, "concave⪰"):
                return
            words.add(word)
            claims += [(inside, "concave⪰"), (inside, "≻ 0")]
        if len(words) == 1:
            self.say(node, words.pop(), "log det of a product is the sum of the log dets", *claims)

    # domains

    def _domain(self, node: Apply) -> None:
        """Is the set where a part is defined convex?"""
        op = node.op
        if op is POWER:
            self._domain_of_power(node)
            return
        for i, word in enumerate(op.domain):
            u = node.args[min(i, len(node.args) - 1)]
            if word and not self.has(u, "constant") and not self._convex_domain(op, word, u):
                self.outside[node] = word

    def _convex_domain(self, op: Op, word: str, u: Node) -> bool:
        if word == "positive":
            fine = self._positive(u, op is sqrt) or self.has(core(u, self.known), "concave")
            return fine or self._inverse_form(u) is not None
        if word in ("invertible", "posdet", "spectrum"):
            factors = self.chain(u) if word == "posdet" else []
            if factors and all(self.has(f, "≻ 0") and f not in self.granted for f, _ in factors):
                return True
            if word == "spectrum" and is_op(u, MATMUL) and self._gram(u) is not None:
                return True
            return self.has(u, "≻ 0") and (u not in self.granted or self.has(u, "concave⪰"))
        if word == "spd":
            return self.has(u, "≻ 0") or self.has(u, "concave⪰")
        if word == "inside":
            return self.has(u, "affine")
        return word in ("symmetric", "nonzero", "fullrank")

    def _gram(self, u: Node) -> Node | None:
        """The affine L of a product LᵀL."""
        factors = self.chain(u)
        found = self._split(factors) if len(factors) == 2 else None
        if found is None or found[1] or found[0][0][1] or not self.has(found[0][0][0], "affine"):
            return None
        return found[0][0][0]

    def _positive(self, u: Node, weakly: bool = False) -> bool:
        """Is a part > 0 (≥ 0), and not only because the function is defined nowhere else?"""
        return u not in self.granted and (self.has(u, "> 0") or (weakly and self.has(u, "≥ 0")))

    def _domain_of_power(self, node: Apply) -> None:
        u, exponent = node.args
        p = exact(exponent)
        if not self.has(exponent, "constant") or p is None:
            still = self.has(exponent, "constant")
            weakly = still and (self.has(exponent, "> 0") or self.has(exponent, "≥ 1"))
            fine = self._positive(u, weakly) or (still and self.has(u, "concave"))
        elif p.denominator == 1:
            fine = p > 0 or self.has(u, "> 0") or self.has(u, "< 0") or self._inverse_form(u) is not None
        else:
            fine = self.has(u, "concave") or self._positive(u, p > 0)
        if not fine:
            self.outside[node] = "power"


def _numbered(node: Node) -> tuple[Fraction, Node]:
    """A number in front, and what it multiplies; 1 for a number alone."""
    c = Fraction(1)
    while is_op(node, SCALE) and (value := exact(node.children[0])) is not None:
        c, node = c * value, node.children[1]
    value = exact(node)
    return (c * value, number(1)) if value is not None else (c, node)


def _known_sign(node: Node, word: str) -> bool:
    """Is the sign of a number without variables known?"""
    if isinstance(node, Number) and node.value == 0:
        return True
    squares = {n: power(norm(n.children[1]), number(2)) for n in topological(node) if _is_square(n)}
    node = normal(substitute(node, squares)) if squares else node
    return signed(node, word) or Curvature(node, ()).has(node, word)


def _is_square(node: Node) -> bool:
    return is_op(node, MATMUL) and node.kind == "scalar" and transpose(node.children[0]) is node.children[1]
