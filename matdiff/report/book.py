"""Answers in the words of books: q for an eigenvector, u vᵀ for singular vectors, 1[z > 0], I, v for an adjoint solve.

What is printed so need not read back; `d.gradient` in Python and `--format json` keep to the language.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any

from matdiff.calculus.derivation import Derivation, Step
from matdiff.calculus.expression import Expression
from matdiff.calculus.markers import LETTERS, PAIRING, D
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, number, size_names, symbol, topological
from matdiff.core.shape import ONE, Dim
from matdiff.errors import UnsupportedError
from matdiff.graph.rewrite import in_terms_of, inline, rebuild, substitute
from matdiff.ops.algebra import ADD, MATMUL, SCALE, TRANSPOSE, add, is_op, matrix_product, product_nodes, scale, size
from matdiff.ops.constants import eye, is_zero
from matdiff.ops.elementwise import heaviside
from matdiff.ops.indexing import COLUMN, SLICE, column_at
from matdiff.ops.linalg import inv, pinv
from matdiff.ops.spectral import (
    eigval,
    eigval_at,
    eigvals,
    eigvec,
    eigvecs,
    lambda_max,
    lambda_min,
    reduced_resolvent,
    sigma,
    sigma_at,
    sigma_max,
    svdvals,
)
from matdiff.ops.structure import Diag
from matdiff.printing import length, written
from matdiff.printing.layout import Layout
from matdiff.printing.piece import Hole, Piece, text
from matdiff.printing.tables import ASCII, ATOM, POWER, SUM
from matdiff.report.notation import Style, bookish
from matdiff.simplify.expand import expanded
from matdiff.simplify.forms import SMALL, shortest
from matdiff.simplify.normal import new_context, normal
from matdiff.simplify.terms import Term, join, plain, split

SINGULAR = (sigma_max, sigma)
VALUES = (eigval, lambda_max, lambda_min)


class BookLayout(Layout):
    """I without its size, but beside ⊗, where nothing else tells it; 0 for zeros; the step as an indicator."""

    def meaning(self, node: Node, in_bars: bool = False) -> Piece:
        if isinstance(node, Constant) and node.name == "I" and node.kind == "matrix":
            return self.form("I")
        if is_zero(node):
            return text("0")
        if isinstance(node, Apply) and node.op is heaviside:
            before, after = ("1[", " > 0]") if self.notation.bracketed else (r"\mathbf{1}[", " > 0]")
            return Piece(ATOM, (before, Hole(node.args[0], SUM), after))
        if is_op(node, pinv) and self.notation is not ASCII:
            return Piece(POWER, (Hole(node.children[0], ATOM), "⁺" if self.notation.bracketed else "^{+}"))
        if isinstance(node, Apply) and node.op.name in ("kron", "kronv"):
            return self.form("kron", *(self.sized(a) for a in node.args))
        return super().meaning(node, in_bars)

    def sized(self, a: Node) -> Node | Piece:
        return self.constant(a) if isinstance(a, Constant) and a.name == "I" else a


class BookExpr(Expression):
    """An expression whose definitions are said as equations: AᵀA q = λ q, ‖q‖ = 1."""

    __slots__ = ("book",)

    def __init__(self, e: Expression, book: Book) -> None:
        super().__init__(book.named(e.node), e.variables, e.guards)
        self.book = book

    @classmethod
    def of(cls, node: Node, e: Expression, book: Book) -> BookExpr:
        """An expression that has its names already."""
        found = cls.__new__(cls)
        Expression.__init__(found, node, e.variables, e.guards)
        found.book = book
        return found

    def text(self, ascii: bool = False, defined: bool = True) -> str:
        return self._written("ascii" if ascii else "unicode", defined)

    def latex(self, defined: bool = True) -> str:
        return self._written("latex", defined)

    def _written(self, style: Style, defined: bool) -> str:
        taken = [v.name for v in self.variables]
        found = written(self.node, style, BookLayout, taken, defined)
        told: set[str] = set()
        for v, (body, said) in self.book.meanings(style).items():
            if v in found:
                again = body + (r";\quad " if style == "latex" else "; ")
                found = found.replace(again, "") if said in told and again in found else found.replace(body, said)
                told |= {said} if said in found else set()
        return found


@dataclass
class Book:
    """The names for what stands in some expressions: `places` maps parts to symbols with bodies."""

    taken: set[str]
    places: dict[Node, Node] = field(default_factory=dict)
    says: dict[Symbol, tuple[Node, Node, tuple[Node, ...]]] = field(default_factory=dict)
    """Of each symbol the equation that it solves, left and right, and what has length 1."""
    products: dict[str, list[tuple[Symbol, Node]]] = field(default_factory=dict)
    """Factors of matrices, by the product that they make."""
    vectors: dict[Node, Node] = field(default_factory=dict)
    """By singular values the names of the vectors that are known of them."""
    solves: dict[tuple[Node, Node], Node] = field(default_factory=dict)
    """Two factors beside each other that are a solution by definition: A⁻¹ b is x, A⁻ᵀ(x − y) is v."""
    shortens: bool = False
    """Whether names bring factors that cancel: A v = σ u beside 1/σ."""

    def named(self, node: Node) -> Node:
        found = self._placed(node)
        if self.shortens and len(topological(node)) <= SMALL:
            # Multiplied out, A v is there to be σ u: A (v vᵀ/σ + w wᵀ/τ).
            found = min(found, self._placed(expanded(node)), key=length)
        return found

    def _placed(self, node: Node) -> Node:
        before = node
        node = in_factors(node, self.solves) if self.solves else node
        # What singular vectors make of products comes when all of them have their names.
        for part, name in sorted(self.places.items(), key=lambda place: is_op(place[0], MATMUL)):
            node = within(node, {part: name}) if is_op(part, MATMUL) else substitute(node, {part: name})
        return normal(node) if node is not before and self.shortens else node

    def meanings(self, style: Style) -> dict[str, tuple[str, str]]:
        """By the printed name: how its definition is printed, and what stands in its place."""
        found = {}
        for v, (left, right, units) in self.says.items():
            assert v.body is not None
            name = show(Expression(v, ()), style).rpartition("; " if style != "latex" else r";\quad ")[2]
            body = _bare(v.body, style)
            one = [{"unicode": "‖{}‖ = 1", "ascii": "norm({}) = 1", "latex": r"\lVert {}\rVert = 1"}[style]] * len(
                units
            )
            norms = [sign.format(_bare(u, style)) for sign, u in zip(one, units, strict=True)]
            equation = f"{_bare(left, style)} = {_bare(right, style)}"
            found[name] = f"{name} = {body}", ", ".join([equation, *norms])
        return found

    def fresh(self, *wanted: str) -> str:
        name = next((w for w in wanted if w not in self.taken), f"{wanted[0]}_0")
        self.taken.add(name)
        return name


class Words:
    """How the answers of a derivation, and its steps, are written for people, with `order` 2 the Hessian as well.

    Everything that displays a derivation goes by it: the command line, notebooks, worksheets.
    """

    def __init__(self, derivation: Derivation, order: int = 1) -> None:
        self.derivation = derivation
        self.order = order

    def of(self, e: Expression) -> Expression:
        """An expression as books write it, where it has what they write otherwise."""
        return BookExpr(e, self.book) if bookish(e.node) else e

    @cached_property
    def book(self) -> Book:
        """The names that books give to parts of the answers."""
        d = self.derivation
        results: list[Any] = [d.differential]
        for name in (d.kind, "hessian" if d.kind == "gradient" else "")[: self.order]:
            try:
                found = getattr(d, name) if name else d.bilinear
            except UnsupportedError:
                continue
            each = found.values() if isinstance(found, Mapping) else [found]
            results += [getattr(e, "value", e) for e in each]
        return book(results, (v.name for v in d.function.variables))

    def steps(self, steps: Iterable[Step]) -> tuple[Step, ...]:
        """Steps in these words, without those that say nothing in them.

        >>> from matdiff import derive
        >>> d = derive("S: n×n symmetric; lambda_max(S)", "S")
        >>> print(*(s.after.text(defined=False) for s in Words(d).steps(d.steps)), sep="; ")
        qᵀ dS q; ⟨q qᵀ, dS⟩; q qᵀ
        """
        told: Iterable[Any] = steps
        found = [replace(s, before=self.of(s.before), after=self.of(s.after)) for s in told]
        return tuple(s for s in found if s.relation != "=" or s.before.node is not s.after.node)


def in_value(nodes: Sequence[Node], derivation: Derivation, name: str) -> list[Node]:
    """Answers in terms of the function's own value, where that is a quotient of scalars and makes them clearly shorter:
    2(A x − f x)/(xᵀ x) for f = xᵀ A x/(xᵀ x).  An answer has the name, or what is above the fraction bar, never both.
    """
    value = split(substitute(normal(inline(derivation.prepared)), derivation.squares))
    if value.core is not None or len(value.scalars) < 2 or min(value.scalars.values()) >= 0:
        return list(nodes)
    f = symbol(name, "scalar", ONE, ONE)
    found = [_with_value(n, value, f) for n in nodes]
    found = [
        min(n, _with_value(normal(m.T), value, f).T, key=length) if m.kind == "matrix" else n
        for n, m in zip(found, nodes, strict=True)
    ]
    return found if sum(map(length, nodes)) - sum(map(length, found)) >= GAIN else list(nodes)


def _with_value(node: Node, value: Term, f: Node) -> Node:
    order = topological(node)
    if len(order) > SMALL or not value.scalars.keys() & set(order):
        return node
    found = [node]
    for form in dict.fromkeys((node, expanded(node), expanded(node, outer=True))):
        context = new_context()
        memo: dict[Node, Node] = {}
        for n in topological(context.normal(form)):
            again = rebuild(n, tuple(memo[a] for a in n.args)) if isinstance(n, Apply) else n
            memo[n] = _term_with(again, value, f) if n.op is SCALE or n.kind == "scalar" else again
        again = next(reversed(memo.values()))
        if f in (left := set(topological(again))) and not any(b in left for b, e in value.scalars.items() if e > 0):
            found.append(shortest(context.normal(again), context))
    return min(found, key=length)


def _term_with(n: Node, value: Term, f: Node) -> Node:
    """A term that has all factors of the value, with f for them."""
    term = split(n)
    times = min(int(term.scalars.get(b, 0) // e) for b, e in value.scalars.items())
    if times < 1:
        return n
    for b, e in value.scalars.items():
        term.multiply(b, plain(-e * times))
    number = plain(Fraction(1, 1) * term.number / value.number**times)
    return join(Term(number, {f: times, **term.scalars}, term.core))


GAIN = 4
"""Symbols that answers must lose where the function's value is named in them."""

WIDEST = 100
"""Most characters of a line."""
MOST_NAMES = 4
MOST_MOVING = 3
"""Most names besides, for parts that move."""


def short_names(
    lines: Sequence[tuple[Node, ...]],
    taken: Iterable[str],
    widths: Sequence[int],
    answers: int = 0,
    along: Container[int] = (),
) -> dict[Node, Node]:
    """Names for what stands in several places of lines that are too long, or makes up much of one of the first lines,
    the `answers`: of each line its formulas and `widths` characters beside them.

    Of the lines `along` a direction, by their places, parts that move with it have names as well.
    """
    taken = set(taken)
    names: dict[Node, Node] = {}
    rows = [list(row) for row in lines]
    known = {n.body: n for row in rows for n in topological(*row) if isinstance(n, Symbol) and n.body is not None}
    while len(names) < MOST_NAMES + MOST_MOVING:
        still = len(names) < MOST_NAMES
        long = [i for i, w in enumerate(widths) if w + sum(map(_width, rows[i])) > WIDEST]
        part = most_used([rows[i] for i in long]) if still else None
        part = part or most_used([rows[i] for i in long if i in along], moving=True)
        part = part or (most_repeated(rows[:answers], along) if still else None)
        name = known.get(part) or named(part, taken) if part is not None else None
        if part is None or name is None:
            break
        names[part] = name
        taken.add(name.name)
        rows = [[within(n, {part: name}) for n in row] for row in rows]
    return names


def named(part: Node, taken: Container[str]) -> Symbol | None:
    """A part by a letter of its kind that is free, and whose differential is; None where there is none."""
    letter = next((c for c in LETTERS[part.kind] if c not in taken and f"d{c}" not in taken), None)
    return None if letter is None else symbol(letter, part.kind, part.rows, part.cols, frozenset(), part)


def common_names(roots: Sequence[Node], taken: Iterable[str]) -> dict[Node, Node]:
    """Names for what stands in several expressions, where they make these shorter by more than they take themselves."""
    taken = set(taken)
    names: dict[Node, Node] = {}
    rows = [[n] for n in roots]
    while len(names) < MOST_NAMES:
        part = most_used(rows, widest=WIDEST)
        name = named(part, taken) if part is not None and length(part) >= WORTHY else None
        if part is None or name is None:
            break
        names[part] = name
        taken.add(name.name)
        rows = [[within(n, {part: name}) for n in row] for row in rows]
    return names


WORTHY = 6
"""Symbols from which on what several lines share is named."""


def within(node: Node, names: Mapping[Node, Node]) -> Node:
    """An expression in terms of names, which may stand for the transposes of what they name, and for factors."""
    for part, name in names.items():
        node = in_terms_of(node, part, name)
    return node


def _width(node: Node) -> int:
    return len(written(node, "unicode", BookLayout, (), False))


WORTH = 0.15
"""What a name must save of a line that is not too long, its definition counted: Aᵀ(I − r rᵀ/‖r‖²) A, r = A x − b."""


def most_repeated(rows: Sequence[Sequence[Node]], along: Container[int] = ()) -> Node | None:
    """What makes one line much shorter when it has a name."""
    for i, row in enumerate(rows):
        part = most_used([row], i in along)
        if part is not None:
            before = sum(map(length, row))
            after = sum(length(within(n, {part: symbol("_", part.kind, part.rows, part.cols)})) for n in row)
            if after + length(part) + 2 <= (1 - WORTH) * before:
                return part
    return None


def most_used(rows: Sequence[Sequence[Node]], moving: bool = False, widest: int = WIDEST // 2) -> Node | None:
    """What makes lines shorter most when it has a name: no mark of the calculus, and only if `moving` what moves.

    It is of at most `widest` characters itself.
    """
    uses: dict[Node, int] = {}
    for row in rows:
        for root in row:
            count = {root: 1}
            for n in reversed(topological(root, into_bodies=False)):
                for c in n.children if isinstance(n, Apply) else ():
                    count[c] = count.get(c, 0) + count[n]
            for n, k in count.items():
                uses[n] = uses.get(n, 0) + k
    best, most = None, 2
    marked: dict[Node, bool] = {}
    for n in topological(*uses, into_bodies=False):
        marked[n] = (isinstance(n, Symbol) and n.of is not None and not moving) or is_op(n, D) or is_op(n, PAIRING)
        marked[n] |= any(marked.get(c, False) for c in n.children)
        if marked[n] or not isinstance(n, Apply) or n.op.name in ("scale", "transpose") or uses.get(n, 0) < 2:
            continue
        gain = (uses[n] - 1) * (length(n) - 1) - 1
        if gain > most and _width(n) <= widest:
            best, most = n, gain
    return best


def show(e: Expression, style: Style) -> str:
    return e.latex() if style == "latex" else e.text(ascii=style == "ascii")


def _bare(node: Node, style: Style) -> str:
    """An expression without the definitions of the names in it."""
    return written(node, style, BookLayout, (), False)


def book(expressions: Iterable[Expression], taken: Iterable[str]) -> Book:
    """The names that books give to parts of some expressions; none where these have no such parts."""
    found = Book(set(taken))
    roots = [e.node for e in expressions]
    order = topological(*roots)
    found.taken |= {n.name for n in order if isinstance(n, Symbol)} | size_names(*roots)
    columns = [n for n in order if is_column(n)]
    single(found, order)
    below = {c for n in columns for c in topological(n) if c is not n and not is_op(c, eigvecs)}
    used = {c for n in order if n not in columns and n not in below for c in n.children}
    whole = [n for n in order if is_op(n, eigvecs) and n in used]
    for n in (c for c in columns if c not in found.places):
        S = matrix_of(n)
        A = half(S)
        if A is not None and (σ := singular_value(n, A, order)) is not None:
            singular(found, n, A, σ)
            continue
        value = value_of(n, S)
        λ = next((s for s in order if isinstance(s, Apply) and s.op in VALUES and _alike(s, value)), value)
        wanted: tuple[str, ...] = ("q", "q_1", "q_2", "q_3")
        if len(columns) > 1 and isinstance(λ, Apply) and λ.op is eigval:
            i = λ.params[0]
            wanted = (f"q_{i}", *wanted)
            found.places[λ] = symbol(found.fresh(f"λ_{i}", f"μ_{i}"), "scalar", ONE, ONE, frozenset(), λ)
            λ = found.places[λ]
        q = symbol(found.fresh(*wanted), n.kind, n.rows, n.cols, frozenset(), n)
        found.places[n] = q
        found.says[q] = (S @ q, scale(λ, q), (q,))
    for n in whole[:1]:
        decomposed(found, n)
    factored(found, order)
    return found


def factored(found: Book, order: list[Node]) -> None:
    """A = L U, A = Q R, A = U Diag(σ) Vᵀ: letters for the factors of one matrix of each kind."""
    done: dict[str, Node] = {}
    for n in order:
        if not isinstance(n, Apply) or not n.op.factor:
            continue
        (A,) = n.args
        letter, _, product = n.op.factor.partition(" = ")
        if done.setdefault(product, A) is not A or letter in found.taken:
            continue
        v = symbol(found.fresh(letter), n.kind, n.rows, n.cols, n.op.gives, n)
        found.places[n] = v
        found.products.setdefault(product, []).append((v, A))
    for product, group in found.products.items():
        A = group[0][1]
        parts = {v.name: v for v, _ in group}
        if "σ" in product:
            values = next((m for m in order if is_op(m, svdvals) and m.children[0] in (A, A.T)), svdvals(A))
            σ = symbol(found.fresh("σ", "s"), "vector", values.rows, ONE, frozenset(), values)
            found.places[values] = σ
            parts["σ"] = σ
        whole: list[Node] = [
            parts.get(w) or symbol(w, "matrix", A.rows, A.cols) for w in product.split("*") if w in "LUQR"
        ]
        if "σ" in product:
            U = parts.get("U") or symbol("U", "matrix", A.rows, parts["V"].cols)
            V = parts.get("V") or symbol("V", "matrix", A.cols, parts["U"].cols)
            whole = [U, Diag(parts["σ"]), V.T]
        elif product == "Q*R":
            Q = parts.get("Q") or symbol("Q", "matrix", A.rows, A.cols)
            whole = [Q, parts.get("R") or symbol("R", "matrix", A.cols, A.cols)]
        found.says[group[0][0]] = (A, matrix_product(whole), ())
        for v, _ in group[1:]:
            found.says[v] = found.says[group[0][0]]


def single(found: Book, order: list[Node]) -> None:
    """q and λ of one eigenvector, S q = λ q, and (λI − S)⁺ for its reduced resolvent; of a letter qᵢ and λᵢ."""
    resolvents = [n for n in order if is_op(n, reduced_resolvent)]
    for n in (n for n in order if is_op(n, eigvec)):
        S, i = n.children
        A = S.children[1] if is_op(S, MATMUL) and S.children[0] is S.children[1].T else None
        if A is not None and (value := singular_value(n, A, order)) is not None:
            singular(found, n, A, value)
            for R in resolvents:
                if R.children == n.children:
                    found.places[R] = pinv(scale(value**2, eye(S.rows)) - S)
            continue
        lower = f"_{i.name}" if isinstance(i, Symbol) else ""
        value = value_at(S, i)
        q = symbol(found.fresh(f"q{lower}", "q_1", "q_2"), n.kind, n.rows, n.cols, frozenset(), n)
        λ = symbol(found.fresh(f"λ{lower}", f"μ{lower}"), "scalar", ONE, ONE, frozenset(), value)
        if isinstance(i, Number | Constant):
            found.places[column_at(eigvecs(S), S.rows if isinstance(i, Constant) else Dim.of(int(i.value)))] = q
        found.places[n] = q
        found.says[q] = (S @ q, scale(λ, q), (q,))
        for R in resolvents:
            if R.children == n.children:
                found.places[R] = pinv(scale(λ, eye(S.rows)) - S)


def value_at(S: Node, i: Node) -> Node:
    """The eigenvalue that an eigenvector belongs to."""
    if isinstance(i, Constant):
        return lambda_max(S)
    if isinstance(i, Number):
        return eigval(S, params=(int(i.value),)) if i.value > 1 else lambda_min(S)
    return eigval_at(S, i)


def decomposed(found: Book, n: Node) -> None:
    """S = Q Diag(λ) Qᵀ."""
    (S,) = n.children
    values = eigvals(S)
    Q = symbol(found.fresh("Q", "Q_1"), n.kind, n.rows, n.cols, frozenset({"orthogonal"}), n)
    λ = symbol(found.fresh("λ", "μ"), "vector", values.rows, values.cols, frozenset(), values)
    found.places[n], found.places[values] = Q, λ
    found.says[Q] = (S, Q @ Diag(λ) @ Q.T, ())


def adjoint_solves(found: Book, lines: list[Expression], function: Node) -> list[Expression]:
    """Lines in what the function defines as x = A⁻¹ b, and in the adjoint solve v of Aᵀ v = w, df = … vᵀ dA x.

    The lines as they are where the function defines nothing so, or they have no such v.
    """
    order = topological(function)
    defined = [(n, n.body) for n in order if isinstance(n, Symbol) and n.body is not None and is_solve(n.body)]
    if not defined:
        return lines
    x, body = defined[-1]
    A, b = body.children[0].children[0], body.children[1]
    found.solves = {(inv(A), b): x, (b.T, inv(A).T): x.T}
    forms = [[in_factors(n, found.solves) for n in opened(e.node)] for e in lines]
    nodes = [n for n, *_ in forms]
    rights = list(dict.fromkeys(w for n in nodes for w in solved_for(n, A)))
    if not rights:
        return by_runs(found, nodes, lines, A)
    first = normal(next((w for w in rights if x in topological(w, into_bodies=False)), rights[0]))
    first = first if sign_of(first, x) > 0 else negative(first)
    v = symbol(found.fresh("v", "w", "u", "z"), "vector", A.rows, ONE, frozenset(), inv(A).T @ first)
    known = {terms(first): v, terms(negative(first)): scale(number(-1), v)}
    for w in dict.fromkeys((*(w for each in forms for n in each for w in solved_for(n, A)), first, negative(first))):
        named = known.get(terms(normal(w)))
        if named is not None:
            found.solves |= {(inv(A).T, w): named, (w.T, inv(A)): named.T}
    found.says[v] = (A.T @ v, first, ())
    shortest = [min((in_factors(n, found.solves) for n in each), key=length) for each in forms]
    return [Expression(n, e.variables, e.guards) for n, e in zip(shortest, lines, strict=True)]


def opened(node: Node) -> list[Node]:
    """A node, and a matrix multiplied out, where A⁻¹ may meet b."""
    if node.kind != "matrix" or len(topological(node)) > SMALL:
        return [node]
    return [node, *(new_context().normal(expanded(node, outer=outer)) for outer in (False, True))]


def by_runs(found: Book, nodes: Sequence[Node], lines: Sequence[Expression], A: Node) -> list[Expression]:
    """The same where several factors stand behind A⁻ᵀ: Aᵀ v = Bᵀ(y − z)."""
    rights = list(dict.fromkeys(w for n in nodes for w in run_behind(n, A)))
    if rights:
        w = next((w for w in rights if _begins_with_definition(w)), rights[0])
        v = symbol(found.fresh("v", "w", "u", "z"), "vector", A.rows, ONE, frozenset(), inv(A).T @ w)
        names = {inv(A).T @ w: v, inv(A).T @ opposite(w): scale(number(-1), v)}
        if all(u in (w, opposite(w)) for u in rights):
            found.says[v] = (A.T @ v, w, ())
            nodes = [normal(within(n, names)) for n in nodes]
    return [Expression(n, e.variables, e.guards) for n, e in zip(nodes, lines, strict=True)]


def _begins_with_definition(w: Node) -> bool:
    """Is it B (y − z) with a y that the function defines, not B (z − y)?"""
    last = product_nodes(w, MANY)[-1] if is_op(w, MATMUL) else w
    first = last.children[0] if is_op(last, ADD) else last
    return isinstance(first, Symbol) and first.body is not None


def run_behind(node: Node, A: Node) -> list[Node]:
    """The vectors that A⁻ᵀ is multiplied by, each a product."""
    found = []
    for n in topological(node, into_bodies=False):
        factors = product_nodes(n, MANY) if is_op(n, MATMUL) else []
        for i, f in enumerate(factors):
            if f is inv(A).T:
                behind = (matrix_product(factors[i + 1 : j]) for j in range(i + 2, len(factors) + 1))
                w = next((w for w in behind if w.kind == "vector"), None)
                found += [w] if w is not None else []
    return found


def opposite(w: Node) -> Node:
    """−w with the sign in the last factor that is a sum."""
    factors = product_nodes(w, MANY) if is_op(w, MATMUL) else [w]
    if not is_op(factors[-1], ADD):
        return scale(number(-1), w)
    turned = [scale(number(-1), t) for t in factors[-1].children]
    return matrix_product([*factors[:-1], add(*sorted(turned, key=lambda t: is_op(t, SCALE)))])


def terms(w: Node) -> frozenset[Node]:
    return frozenset(w.children if is_op(w, ADD) else (w,))


def negative(w: Node) -> Node:
    """−w, term by term."""
    return add(*(scale(number(-1), t) for t in (w.children if is_op(w, ADD) else (w,))))


def is_solve(body: Node) -> bool:
    return is_op(body, MATMUL) and is_op(body.children[0], inv) and body.kind == "vector"


def sign_of(w: Node, x: Node) -> int:
    """The sign that x has in a sum."""
    terms = w.children if is_op(w, ADD) else (w,)
    return -1 if any(is_op(t, SCALE) and t.children[1] is x for t in terms) else 1


def solved_for(node: Node, A: Node) -> list[Node]:
    """The w of A⁻ᵀ w and wᵀ A⁻¹ in an expression."""
    found = []
    for n in topological(node, into_bodies=False):
        factors = factors_of(n) if is_op(n, MATMUL) else []
        for left, right in pairwise(factors):
            if left is inv(A).T and right.kind == "vector":
                found.append(right)
            if right is inv(A) and left.kind == "row":
                found.append(left.T)
    return found


def factors_of(n: Node) -> list[Node]:
    """The factors of a product, (A⁻¹ u)ᵀ as two of them."""
    found: list[Node] = []
    for f in product_nodes(n, MANY):
        inside = f.children[0] if is_op(f, TRANSPOSE) else f
        found += [inside.children[1].T, inside.children[0].T] if is_op(f, TRANSPOSE) and is_solve(inside) else [f]
    return found


def in_factors(root: Node, pairs: Mapping[tuple[Node, Node], Node]) -> Node:
    """Two factors that stand beside each other in a product replaced by what they are together."""
    memo: dict[Node, Node] = {}
    for n in topological(root, into_bodies=False):
        if not isinstance(n, Apply):
            memo[n] = n
            continue
        if n.op is not MATMUL:
            memo[n] = rebuild(n, tuple(memo[a] for a in n.args))
            continue
        factors = [memo[f] if f in memo else in_factors(f, pairs) for f in factors_of(n)]
        i = 0
        while i + 1 < len(factors):
            together = pairs.get((factors[i], factors[i + 1]))
            if together is None:
                i += 1
            else:
                factors[i : i + 2] = [together]
        memo[n] = matrix_product(factors)
    return memo[root]


MANY = 24
"""Most factors of a product that is gone through."""


def half(S: Node) -> Node | None:
    """The A of AᵀA."""
    factors = product_nodes(S, MANY) if is_op(S, MATMUL) else []
    A = matrix_product(factors[len(factors) // 2 :]) if factors and len(factors) % 2 == 0 else None
    return A if A is not None and factors == [f.T for f in reversed(factors)] else None


def singular_value(n: Node, A: Node, order: Iterable[Node]) -> Node | None:
    """Of the singular values of A that occur, the one that the eigenvector n of AᵀA belongs to."""
    for s in order:
        if not (isinstance(s, Apply) and s.op in (*SINGULAR, sigma_at) and s.args[0] in (A, A.T)):
            continue
        if s.op is sigma_at:
            vectors = [eigvec(A.T @ A, size(A.cols) + 1 - s.args[1])]
        else:
            i = 1 if s.op is sigma_max else s.params[0]
            vectors = [column_at(eigvecs(A.T @ A), A.cols + ONE - Dim.of(i)), eigvec(A.T @ A, size(A.cols) + 1 - i)]
        if any(n in (v, normal(v)) for v in vectors):
            return s
    return None


def singular(found: Book, n: Node, A: Node, value: Node) -> None:
    """v, and u for A v/σ: σ u = A v; of an eigenvector u of AAᵀ the v."""
    if value in found.vectors:
        found.places[n] = found.vectors[value]
        return
    names = ("v", "u") if value.children[0] is A else ("u", "v")
    v, u = (found.fresh(c, f"{c}_1", f"{c}_2") for c in names)
    right = symbol(v, n.kind, n.rows, n.cols, frozenset(), n)
    left = symbol(u, "vector", A.rows, ONE, frozenset(), scale(value**-1, A @ n))
    found.places[n] = found.vectors[value] = right
    found.places[A @ right] = scale(value, left)
    found.places[right.T @ A.T] = scale(value, left.T)
    found.shortens = True
    found.says[right] = (A.T @ left, scale(value, right), (right,))
    found.says[left] = (A @ right, scale(value, left), (left,))


def is_column(n: Node) -> bool:
    """Is it a column of eigenvectors, by a number or the last?"""
    if not is_op(n, COLUMN):
        return False
    (inside,) = n.children
    inside = inside.children[0] if is_op(inside, SLICE) else inside
    return is_op(inside, eigvecs)


def matrix_of(n: Node) -> Node:
    (inside,) = n.children
    inside = inside.children[0] if is_op(inside, SLICE) else inside
    return inside.children[0]


def _alike(a: Apply, b: Node) -> bool:
    """Are two eigenvalues the same one, as eigval(S, 1) and lambda_min(S) are?"""
    smallest = [x.op is lambda_min or (x.op is eigval and x.params[0] == 1) for x in (a, b) if isinstance(x, Apply)]
    return a is b or (a.children == b.children and smallest == [True, True])


def value_of(n: Node, S: Node) -> Node:
    """The eigenvalue that a column belongs to."""
    assert isinstance(n, Apply)
    (inside,) = n.args
    i = n.params[0]
    if is_op(inside, SLICE):
        return lambda_max(S) if inside.params[3] is S.cols else eigval(S, params=(inside.params[3].number or i,))  # type: ignore[attr-defined]
    last = S.rows.number
    return lambda_min(S) if i == 1 else lambda_max(S) if i == last else eigval(S, params=(i,))
