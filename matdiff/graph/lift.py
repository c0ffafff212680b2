"""Sums over an index in matrix notation: Σᵢ (yᵢ − wᵀxᵢ)² as ‖y − X w‖², with X of rows xᵢᵀ.

In comes an expression with members xᵢ of families and sums over their indices, out comes one without either.  Every
part is read for all values of its indices at once: a scalar as an array with an axis an index, a vector as a sum of
scalars times rows of matrices, a matrix as a sum of scalars times fixed matrices or outer products.  What would need
an array with three axes is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, TypeAlias

from matdiff.core.node import Apply, Node, Number, Symbol, Value, number, topological
from matdiff.core.op import Op
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.errors import UnsupportedError
from matdiff.graph.rewrite import rebuild
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    INNER,
    MATMUL,
    POWER,
    SCALE,
    TRANSPOSE,
    add,
    hadamard,
    inner,
    is_op,
    matmul,
    power,
    scale,
    size,
    transpose,
)
from matdiff.ops.complexes import ANGLE, CONJ, IM, RE, is_real
from matdiff.ops.constants import commutation, eye, is_eye, is_ones, is_zero, ones, unit
from matdiff.ops.elementwise import abs_, exp, log, sqrt
from matdiff.ops.extremes import max_, rowmax
from matdiff.ops.indexing import ENTRY, slice_
from matdiff.ops.kronecker import kron
from matdiff.ops.reductions import logsumexp, mean, norm, norm1, prod, sum_, tr
from matdiff.ops.structure import Diag, diag, tril, triu, unvec, vec
from matdiff.ops.sums import OVER, Axis, Index, Over, Relation

MOST = 24
"""Most products that a product of sums is multiplied out to."""


@dataclass(frozen=True, slots=True)
class Member:
    """x_{i+1} of a family: the vector of all scalars, the matrix with a row a vector, or the matrix of all w_ij."""

    family: Node
    places: tuple[tuple[Axis, Dim], ...]
    """The index of each axis and what is added to it."""


@dataclass(frozen=True, slots=True)
class Scalars:
    """A scalar for every value of its axes: a scalar, a vector or a matrix."""

    axes: tuple[Axis, ...]
    array: Node


Rows = tuple[Scalars, Node, Axis | None]
"""A scalar times a vector (no axis), or times the rows of a matrix."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """A sum of scalars times vectors; `row` where they lie."""

    terms: tuple[Rows, ...]
    row: bool = False


@dataclass(frozen=True, slots=True)
class Stack:
    """L A_i R for all i: the rows of `array` are vec(A_i)ᵀ, with A_i of so many rows and columns."""

    array: Node
    axis: Axis
    rows: Dim
    cols: Dim
    left: Node | None = None
    right: Node | None = None

    @property
    def transposed(self) -> Stack:
        """Rᵀ A_iᵀ Lᵀ, by the commutation matrix: vec(Aᵀ) = K vec(A)."""
        turned = matmul(self.array, transpose(commutation(self.rows, self.cols)))
        return Stack(turned, self.axis, self.cols, self.rows, *(s and transpose(s) for s in (self.right, self.left)))

    @property
    def whole(self) -> Node:
        """The array whose rows are vec(L A_i R)ᵀ = vec(A_i)ᵀ (R ⊗ Lᵀ)."""
        if self.left is None and self.right is None:
            return self.array
        left = eye(self.rows) if self.left is None else transpose(self.left)
        return matmul(self.array, kron(eye(self.cols) if self.right is None else self.right, left))

    @property
    def shape(self) -> tuple[Dim, Dim]:
        return (self.rows if self.left is None else self.left.rows), (
            self.cols if self.right is None else self.right.cols
        )


Outer = tuple[tuple[Node, Axis | None], tuple[Node, Axis | None]]


Part: TypeAlias = "Node | Outer | Stack"


@dataclass(frozen=True, slots=True)
class Matrices:
    """A sum of scalars times fixed matrices or outer products of rows."""

    terms: tuple[tuple[Scalars, Part], ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A scalar for every value of three axes or more: a sum of products, of which a sum over an index takes one."""

    terms: tuple[tuple[Scalars, ...], ...]


Lifted = Scalars | Vectors | Matrices | Tensor
FIXED = Scalars((), number(1))


@dataclass
class Lifter:
    """`members` are the symbols that stand for members, `overs` what all sums run over."""

    members: Mapping[Node, Member]
    indices: dict[Axis, Index] = field(default_factory=dict)
    relations: dict[frozenset[Axis], tuple[Axis, Axis, Relation]] = field(default_factory=dict)
    filled: set[Node] = field(default_factory=set)
    """Arrays with 1 in the place of excluded pairs."""

    def run(self, root: Node, entries: tuple[Axis, ...] = ()) -> Node:
        """The expression without sums over an index.

        Raises UnsupportedError for a member outside its sum and for what needs an array with three axes.
        """
        root = without_logarithms(root)
        order = topological(root)
        for node in order:
            if is_op(node, OVER):
                self._note(node)
        fixed: dict[Node, Node] = {}
        lifted: dict[Node, Lifted] = {}
        for node in order:
            if node in self.members:
                lifted[node] = self._member(node, self.members[node])
            elif isinstance(node, Symbol) and node.body is not None:
                if node.body in lifted:
                    lifted[node] = lifted[node.body]
                else:
                    fixed[node] = node if fixed[node.body] is node.body else fixed[node.body]
            elif isinstance(node, Apply):
                if node.op is OVER or any(a in lifted for a in node.args):
                    value = self._apply(node, [lifted[a] if a in lifted else as_fixed(fixed[a]) for a in node.args])
                    settled = self._settled(value)
                    if settled is None:
                        lifted[node] = value
                    else:
                        fixed[node] = settled
                else:
                    fixed[node] = rebuild(node, tuple(fixed[a] for a in node.args))
            else:
                fixed[node] = node
        if entries:
            return self._entries(lifted[root] if root in lifted else as_fixed(fixed[root]), entries)
        if root not in fixed:
            free = sorted(axes_of(lifted[root]))
            raise UnsupportedError(f"the index {free[0].split('#')[0]} stands outside its sum")
        return fixed[root]

    def _entries(self, value: Lifted, axes: tuple[Axis, ...]) -> Node:
        """All c_k as a vector, all c_ij as a matrix, vectors c_k as its rows."""
        if isinstance(value, Scalars) and set(value.axes) <= set(axes):
            return self.spread(value, axes)
        if isinstance(value, Vectors) and len(axes) == 1 and axes_of(value) <= set(axes):
            return self._stacked(value, axes[0])
        refuse("what depends on these indices")

    def _note(self, node: Node) -> None:
        assert isinstance(node, Apply)
        over: Over = node.params[0]
        for index in over.indices:
            self.indices[index.name] = index
        if over.relation and over.pair is not None:
            self.relations[frozenset(over.pair)] = (*over.pair, over.relation)

    def _settled(self, value: Lifted) -> Node | None:
        """The node of what has no axis left, else None."""
        if axes_of(value) or isinstance(value, Tensor):
            return None
        if isinstance(value, Scalars):
            return value.array
        if isinstance(value, Vectors):
            total = add(*(scale(s.array, u) for s, u, _ in value.terms))
            return transpose(total) if value.row else total
        return add(*(scale(s.array, matrix_of(p)) for s, p in value.terms))

    # members

    def _member(self, node: Node, member: Member) -> Lifted:
        family = member.family
        bounds: list[tuple[Dim, Dim]] = []
        for axis, shift in member.places:
            index = self.indices.get(axis)
            if index is None:
                raise UnsupportedError(f"the index {axis.split('#')[0]} stands outside its sum")
            bounds.append((index.first - ONE + shift, index.last + shift))
        axes = tuple(axis for axis, _ in member.places)
        if node.kind == "scalar":
            if len(axes) == 2 and axes[0] == axes[1]:
                array = diag(slice_(family, *bounds[0], *bounds[1]))
                return Scalars(axes[:1], array)
            array = slice_(family, *bounds[0], *bounds[1]) if len(axes) == 2 else slice_(family, *bounds[0])
            return Scalars(axes, array)
        if node.kind == "matrix" and len(axes) == 1:
            array = slice_(family, *bounds[0], ZERO, family.cols)
            return Matrices(((FIXED, Stack(array, axes[0], node.rows, node.cols)),))
        if node.kind == "vector" and len(axes) == 1:
            return Vectors(((FIXED, slice_(family, *bounds[0], ZERO, family.cols), axes[0]),))
        refuse(f"the family of {name_of(node)}")

    # applications

    def _apply(self, node: Apply, args: list[Lifted]) -> Lifted:
        rule = RULES.get(node.op)
        if rule is not None:
            return rule(self, node, args)
        if node.op.elementwise and len(args) == 1:
            return self._entrywise(node, args[0], node.op)
        scalars = [a for a in args if isinstance(a, Scalars)]
        if len(scalars) == len(args) and node.op.signature.startswith("(...),(...)->(...)"):
            axes = self.union(*(a.axes for a in scalars))
            return Scalars(axes, node.op(*(self.spread(a, axes) for a in scalars)))
        refuse(f"{node.op.name} of members of a family")

    def _entrywise(self, node: Apply, a: Lifted, function: Callable[[Node], Node]) -> Lifted:
        if isinstance(a, Tensor):
            names = ", ".join(sorted(x.split("#")[0] for x in axes_of(a)))
            refuse(f"{node.op.name} of a part that depends on {names} together")
        if isinstance(a, Scalars):
            return Scalars(a.axes, function(self.safe(a, node)))
        if isinstance(a, Vectors):
            U, axis = self.merged(a, node)
            return Vectors(((FIXED, function(U), axis),), a.row)
        refuse(f"{node.op.name} of a matrix that depends on an index")

    def safe(self, a: Scalars, node: Apply) -> Node:
        """The array, with 1 in the place of excluded pairs for a function that is not smooth or defined everywhere."""
        relation = self.related(a.axes)
        if not relation or not (any(node.op.domain) or node.op.smooth or node.op in (POWER, norm)):
            return a.array
        if a.array not in self.filled:
            whole = add(self.kept(a), self.excluded(a.axes))
            self.filled |= {whole, power(whole, number(-1)), sqrt(whole)}
            return whole
        self.filled |= {power(a.array, number(-1)), sqrt(a.array)}
        return a.array

    def kept(self, a: Scalars) -> Node:
        """The array with 0 in the place of excluded pairs."""
        S = a.array
        match self.related(a.axes):
            case "≠":
                return without_diagonal(S, S)
            case "<":
                return without_diagonal(triu(S), S)
            case ">":
                return without_diagonal(tril(S), S)
            case "≤":
                return triu(S)
            case "≥":
                return tril(S)
        return S

    def excluded(self, axes: tuple[Axis, ...]) -> Node:
        """1 in the place of excluded pairs, 0 elsewhere."""
        n = self.indices[axes[0]].length
        all_ones = ones("matrix", n, n)
        match self.related(axes):
            case "<":
                return tril(all_ones)
            case ">":
                return triu(all_ones)
            case "≤":
                return add(tril(all_ones), scale(number(-1), eye(n)))
            case "≥":
                return add(triu(all_ones), scale(number(-1), eye(n)))
        return eye(n)

    def related(self, axes: tuple[Axis, ...]) -> Relation:
        """How the index of the first axis stands to that of the second."""
        if len(axes) != 2 or (found := self.relations.get(frozenset(axes))) is None:
            return ""
        first, _, relation = found
        turned: dict[Relation, Relation] = {"<": ">", ">": "<", "≤": "≥", "≥": "≤"}
        return relation if first == axes[0] else turned.get(relation, relation)

    # broadcasting

    def spread(self, a: Scalars, axes: tuple[Axis, ...]) -> Node:
        """The array over more axes: the same wherever it does not depend on them."""
        if a.axes == axes:
            return a.array
        if len(axes) == 1:
            return scale(a.array, self.ones(axes[0]))
        if a.axes == axes[::-1]:
            return turned(a.array)
        if not a.axes:
            return scale(a.array, matmul(self.ones(axes[0]), transpose(self.ones(axes[1]))))
        if a.axes == axes[:1]:
            return matmul(a.array, transpose(self.ones(axes[1])))
        return matmul(self.ones(axes[0]), transpose(a.array))

    def ones(self, axis: Axis) -> Node:
        return ones("vector", self.indices[axis].length)

    def plus(self, parts: Sequence[Scalars | Tensor]) -> Scalars:
        """The sum; of parts that depend on three indices together a Tensor, which the rules look for."""
        if self.wide(*parts):
            return self.tensor([t for p in parts for t in terms_of(p)])
        arrays = [p for p in parts if isinstance(p, Scalars)]
        axes = self.union(*(p.axes for p in arrays))
        return Scalars(axes, collected([self.spread(p, axes) for p in arrays]))

    def wide(self, *parts: Scalars | Tensor) -> bool:
        """Whether these together depend on more than two indices."""
        return any(isinstance(p, Tensor) for p in parts) or len({x for p in parts for x in axes_of(p)}) > 2

    def tensor(self, terms: Sequence[tuple[Scalars, ...]]) -> Scalars:
        """A sum of products, by arrays again where it depends on two indices at most."""
        if len(terms) > MOST:
            refuse("a product of sums of so many terms")
        whole = Tensor(tuple(terms))
        if len(axes_of(whole)) > 2:
            return whole  # type: ignore[return-value]
        return self.plus([self.product(t) for t in terms])

    def product(self, factors: Sequence[Scalars]) -> Scalars:
        out = factors[0]
        for f in factors[1:]:
            out = self.times(out, f)
        return out

    def contracted(self, factors: tuple[Scalars, ...], axis: Axis) -> tuple[Scalars, ...]:
        """Σ over an axis of a product: of A_ik and B_kj the entries of A B."""
        other = self._around(Tensor((factors,)), axis)
        if other is not None:
            whole = Scalars((other, axis), self.spread(FIXED, (other, axis)))
            factors = (*factors, Scalars((other, axis), self.kept(whole)))
        rest = [f for f in factors if axis not in f.axes]
        groups: dict[Axis | None, Scalars] = {}
        for f in factors:
            if axis in f.axes:
                key = next((x for x in f.axes if x != axis), None)
                groups[key] = self.times(groups[key], f) if key in groups else f
        if not groups:
            return (*rest, Scalars((), size(self.indices[axis].length)))
        if None in groups and len(groups) > 1:
            weight = groups.pop(None)
            key = next(iter(groups))
            groups[key] = self.times(groups[key], weight)
        if len(groups) > 2:
            refuse(f"a sum over {axis.split('#')[0]} of a part that depends on three other indices")
        parts = list(groups.values())
        if len(parts) == 1:
            return (*rest, plain_sum(parts[0], axis))
        left, right = (p.array if p.axes[1] == axis else transpose(p.array) for p in parts)
        i, j = (next(x for x in p.axes if x != axis) for p in parts)
        return (*rest, Scalars((i, j), matmul(left, transpose(right))))

    def times(self, a: Scalars | Tensor, b: Scalars | Tensor) -> Scalars:
        """The product, likewise a Tensor where it depends on three indices."""
        if self.wide(a, b):
            return self.tensor([(*s, *t) for s in terms_of(a) for t in terms_of(b)])
        assert isinstance(a, Scalars) and isinstance(b, Scalars)
        if not a.axes:
            return Scalars(b.axes, scale(a.array, b.array))
        if not b.axes:
            return Scalars(a.axes, scale(b.array, a.array))
        if len(a.axes) == len(b.axes) == 1 and a.axes != b.axes:
            return Scalars(a.axes + b.axes, matmul(a.array, transpose(b.array)))
        axes = self.union(a.axes, b.axes)
        return Scalars(axes, hadamard(self.spread(a, axes), self.spread(b, axes)))

    def union(self, *several: tuple[Axis, ...]) -> tuple[Axis, ...]:
        longest = max(several, key=len)
        axes = tuple(dict.fromkeys(longest + tuple(a for axes in several for a in axes)))
        if len(axes) > 2:
            names = ", ".join(a.split("#")[0] for a in axes)
            refuse(f"a part that depends on {names} together")
        return axes

    # vectors

    def merged(self, a: Vectors, node: Apply) -> tuple[Node, Axis | None]:
        """One matrix with a row a value of the one index, or one vector."""
        axes = axes_of(a)
        if len(axes) > 1:
            refuse(f"{node.op.name or 'a function'} of vectors that depend on two indices")
        axis = next(iter(axes), None)
        return self._stacked(a, axis), axis

    def _stacked(self, a: Vectors, axis: Axis | None) -> Node:
        parts = []
        for s, u, along in a.terms:
            if axis is None:
                parts.append(scale(s.array, u))
            elif along is None:
                parts.append(matmul(self.spread(s, (axis,)), transpose(u)))
            else:
                parts.append(matmul(Diag(s.array), u) if s.axes else scale(s.array, u))
        return add(*parts)

    def dot(self, a: Vectors, b: Vectors) -> Scalars:
        """aᵀb for every value of the indices."""
        axes = axes_of(a) | axes_of(b)
        if len(axes) <= 1 or (len(axes_of(a)) <= 1 and len(axes_of(b)) <= 1):
            a, b = self.joined(a), self.joined(b)
        if len(a.terms) * len(b.terms) > MOST:
            refuse("a product of sums of so many terms")
        return self.plus(
            [
                self.times(self.times(s, t), self._dotted(u, along, v, across))
                for s, u, along in a.terms
                for t, v, across in b.terms
            ]
        )

    def joined(self, a: Vectors) -> Vectors:
        """The same as one term, where it depends on one index at most."""
        axes = axes_of(a)
        if len(axes) > 1 or len(a.terms) == 1:
            return a
        axis = next(iter(axes), None)
        return Vectors(((FIXED, self._stacked(a, axis), axis),), a.row)

    def _dotted(self, u: Node, along: Axis | None, v: Node, across: Axis | None) -> Scalars:
        if along is None and across is None:
            return Scalars((), matmul(transpose(u), v))
        if along is None or across is None:
            axis, rows, vector = (across, v, u) if along is None else (along, u, v)
            assert axis is not None
            if is_op(rows, MATMUL) and is_op(k := rows.children[1], kron) and is_eye(k.children[1]):
                w = k.children[0]
                if w.kind == "vector":
                    return Scalars((axis,), matmul(rows.children[0], vec(matmul(vector, transpose(w)))))
            return Scalars((axis,), matmul(rows, vector))
        if along == across:
            return Scalars((along,), matmul(hadamard(u, v), ones("vector", u.cols)))
        return Scalars((along, across), matmul(u, transpose(v)))

    # sums

    def summed(self, a: Lifted, axis: Axis) -> Lifted:
        """The sum over one index."""
        if isinstance(a, Tensor):
            return self.tensor([self.contracted(t, axis) for t in a.terms])
        if isinstance(a, Scalars):
            return self._sum_scalars(a, axis)
        if isinstance(a, Vectors):
            return Vectors(tuple(self._sum_rows(t, axis) for t in a.terms), a.row)
        return Matrices(tuple(part for t in a.terms for part in self._sum_matrices(t, axis)))

    def _around(self, a: Lifted, axis: Axis) -> Axis | None:
        """The other index that this one is related to, where only some pairs count."""
        for pair in self.relations:
            if axis in pair:
                (other,) = pair - {axis}
                return other
        return None

    def _sum_scalars(self, a: Scalars, axis: Axis) -> Scalars:
        other = self._around(a, axis)
        if other is not None:
            return self._sum_related(a, axis, other)
        index = self.indices[axis]
        if axis not in a.axes:
            return Scalars(a.axes, scale(size(index.length), a.array))
        return plain_sum(a, axis)

    def _sum_related(self, a: Scalars, axis: Axis, other: Axis) -> Scalars:
        axes = (other, axis)
        if self.indices[axis].length is not self.indices[other].length:
            refuse("a relation between indices of different ranges")
        relation = self.related(axes)
        n = self.indices[axis].length
        if relation == "≠" and axis not in a.axes:
            return Scalars(a.axes, scale(size(n - ONE), a.array))
        whole = Scalars(axes, self.spread(a, axes if set(a.axes) <= set(axes) else self.union(a.axes, axes)))
        S = whole.array
        if relation == "≠":
            return Scalars((other,), add(row_totals(S), scale(number(-1), diagonal(S))))
        return Scalars((other,), row_totals(self.kept(whole)))

    def _sum_rows(self, term: Rows, axis: Axis) -> Rows:
        s, u, along = term
        other = self._around(s, axis)
        if other is not None and (axis == along or axis in s.axes or other == along or other in s.axes):
            whole = Scalars((other, axis), self.spread(s, (other, axis)))
            weights = self.kept(whole)
            if along is None or along == other:
                return Scalars((other,), row_totals(weights)), u, along
            if along == axis:
                return FIXED, matmul(weights, u), other
            refuse("a sum of vectors over three indices")
        if along != axis:
            return self._sum_scalars(s, axis), u, along
        if not s.axes:
            return FIXED, scale(s.array, matmul(transpose(u), self.ones(axis))), None
        if s.axes == (axis,):
            return FIXED, matmul(transpose(u), s.array), None
        if axis not in s.axes:
            return s, matmul(transpose(u), self.ones(axis)), None
        weights = s.array if s.axes[1] == axis else transpose(s.array)
        rest = s.axes[0] if s.axes[1] == axis else s.axes[1]
        return FIXED, matmul(weights, u), rest

    def _sum_matrices(self, term: tuple[Scalars, Part], axis: Axis) -> list[tuple[Scalars, Part]]:
        s, part = term
        if isinstance(part, Node):
            return [(self._sum_scalars(s, axis), part)]
        if isinstance(part, Stack):
            return [self._sum_stack(s, part, axis)]
        (u, along), (v, across) = part
        if along == across == axis:
            if self._around(s, axis) is not None or set(s.axes) - {axis}:
                refuse("a sum of outer products with weights of two indices")
            weighted = u if not s.axes else matmul(Diag(s.array), u)
            front = s if not s.axes else FIXED
            return [(front, matmul(transpose(weighted), v))]
        if axis == across:
            t, w, rest = self._sum_rows((s, v, across), axis)
            return [(t, ((u, along), (w, rest)))]
        if axis == along:
            t, w, rest = self._sum_rows((s, u, along), axis)
            return [(t, ((w, rest), (v, across)))]
        return [(self._sum_scalars(s, axis), part)]

    def _sum_stack(self, s: Scalars, part: Stack, axis: Axis) -> tuple[Scalars, Part]:
        """Σ s_i A_i is the matrix whose vec is the weighted sum of rows."""
        if axis != part.axis:
            return self._sum_scalars(s, axis), part
        t, u, along = self._sum_rows((s, part.array, axis), axis)
        if along is not None:
            return t, Stack(u, along, part.rows, part.cols, part.left, part.right)
        found = unvec(u, params=(part.rows, part.cols))
        found = found if part.left is None else matmul(part.left, found)
        return t, (found if part.right is None else matmul(found, part.right))

    def weighted(self, stack: Stack, matrix: Node) -> Scalars:
        """⟨L A_i R, M⟩ for all i, which is vec(A_i)ᵀ vec(Lᵀ M Rᵀ)."""
        inside = matrix if stack.left is None else matmul(transpose(stack.left), matrix)
        inside = inside if stack.right is None else matmul(inside, transpose(stack.right))
        return Scalars((stack.axis,), matmul(stack.array, vec(inside)))

    def applied(self, stack: Stack, v: Node, along: Axis | None) -> Rows:
        """L A_i R v, or with the vector v_i: rows vec(A_i)ᵀ (v ⊗ I) Lᵀ."""
        if along is not None and along != stack.axis:
            refuse("a product of a matrix and a vector with different indices")
        if along is None:
            w = v if stack.right is None else matmul(stack.right, v)
            rows = matmul(stack.array, kron(w, eye(stack.rows)))
        else:
            w = v if stack.right is None else matmul(v, transpose(stack.right))
            repeated = kron(w, transpose(ones("vector", stack.rows)))
            gathered = kron(ones("vector", stack.cols), eye(stack.rows))
            rows = matmul(hadamard(stack.array, repeated), gathered)
        return FIXED, (rows if stack.left is None else matmul(rows, transpose(stack.left))), stack.axis


def lifted(root: Node, members: Mapping[Node, Member], free: tuple[Index, ...] = ()) -> Node:
    """An expression without sums over an index, its families as arrays; `free` are the indices of its entries or rows.

    Raises UnsupportedError; see `Lifter.run`.
    """
    return Lifter(members, {index.name: index for index in free}).run(root, tuple(index.name for index in free))


def without_logarithms(root: Node) -> Node:
    """The same with log(eᵘ/b) as u − log b, which is defined where the other is: a softmax and its cross-entropy."""
    order = topological(root)
    if not any(is_op(n, log) for n in order) or not any(is_op(n, exp) for n in order):
        return root
    if not all(is_real(n.children[0]) for n in order if is_op(n, log)):
        return root  # log exp u is u up to multiples of 2πi
    new: dict[Node, Node] = {}
    for node in order:
        made = node
        if isinstance(node, Apply):
            made = rebuild(node, tuple(new[a] for a in node.args))
            if is_op(made, log) and made.kind == "scalar":
                made = exponents_of(made.children[0]) or made
        new[node] = made
    return new[root]


def exponents_of(inside: Node) -> Node | None:
    """The logarithm of a product with an exponential in it; None for others."""
    terms: list[Node] = []
    rest: list[Node] = []
    stack: list[tuple[Node, Node]] = [(inside, number(1))]
    found = False
    while stack:
        node, p = stack.pop()
        if is_op(node, SCALE):
            stack += [(a, p) for a in node.children]
        elif is_op(node, POWER) and isinstance(node.children[1], Number) and node.children[1].value == -1:
            stack.append((node.children[0], scale(number(-1), p)))
        elif is_op(node, exp):
            terms.append(scale(p, node.children[0]))
            found = True
        else:
            rest.append(node if p is number(1) else power(node, number(-1)))
    if not found or not rest:
        return terms[0] if found and len(terms) == 1 else None
    if len(rest) == 1 and is_op(rest[0], POWER) and rest[0].children[1] is number(-1):
        return add(*terms, scale(number(-1), log(rest[0].children[0])))
    whole = rest[0]
    for factor in rest[1:]:
        whole = scale(factor, whole)
    return add(*terms, log(whole))


def refuse(what: str) -> NoReturn:
    raise UnsupportedError(
        f"{what} would need an array with three axes", hint="write this part in matrix notation, or split the sum"
    )


def name_of(node: Node) -> str:
    return node.name.split("#")[0] if isinstance(node, Symbol) else "a member"


def terms_of(value: Scalars | Tensor) -> list[tuple[Scalars, ...]]:
    return [(value,)] if isinstance(value, Scalars) else list(value.terms)


def plain_sum(a: Scalars, axis: Axis) -> Scalars:
    """The sum of an array over one of its axes, all of whose values count."""
    if len(a.axes) == 1:
        return Scalars((), total(a.array))
    across = a.array if a.axes[1] == axis else transpose(a.array)
    return Scalars(tuple(x for x in a.axes if x != axis), row_totals(across))


def axes_of(value: Lifted) -> set[Axis]:
    if isinstance(value, Scalars):
        return set(value.axes)
    if isinstance(value, Tensor):
        return {x for t in value.terms for f in t for x in f.axes}
    found: set[Axis] = set()
    for term in value.terms:
        found |= set(term[0].axes)
        part = term[1:]
        if isinstance(value, Vectors):
            found |= {part[1]} if part[1] is not None else set()  # type: ignore[misc]
        elif isinstance(part[0], Stack):
            found.add(part[0].axis)
        elif not isinstance(part[0], Node):
            found |= {axis for _, axis in part[0] if axis is not None}
    return found


def as_fixed(node: Node) -> Lifted:
    """What does not depend on an index, as what does."""
    if node.kind == "scalar":
        return Scalars((), node)
    if node.kind == "vector":
        return Vectors(((FIXED, node, None),))
    if node.kind == "row":
        return Vectors(((FIXED, transpose(node), None),), True)
    return Matrices(((FIXED, node),))


def matrix_of(part: Part) -> Node:
    if isinstance(part, Node):
        return part
    assert not isinstance(part, Stack)
    (u, _), (v, _) = part
    return matmul(u, transpose(v))


def total(array: Node) -> Node:
    """The sum of all entries, as it is written: ‖u‖² for that of squares, aᵀb for that of products."""
    if array.kind == "scalar":
        return array
    if is_op(array, SCALE):
        return scale(array.children[0], total(array.children[1]))
    if is_op(array, ADD):
        return add(*map(total, array.children))
    if is_ones(array):
        return size(array.rows * array.cols)
    if is_op(array, POWER) and isinstance(p := array.children[1], Number) and p.value == 2:
        u = array.children[0]
        if is_op(u, abs_) and not is_real(u.children[0]):
            return power(norm(u.children[0]), number(2))
        return power(norm(u), number(2)) if is_real(u) else sum_(array)
    if is_op(array, MATMUL):
        a, b = array.children
        if is_ones(b) and b.kind == "vector" and is_op(a, HADAMARD):
            return paired(*a.children)
        if a.kind == "vector":
            return scale(total(a), total(transpose(b)))
        if b.kind == "vector" and is_ones(b):
            return total(a)
    if is_op(array, HADAMARD):
        if (found := sides(array)) is not None:
            u, rest, v = found
            return matmul(matmul(transpose(u), rest), v)
        a, b = array.children
        for one, other in ((a, b), (b, a)):
            if is_op(other, MATMUL) and is_ones(other.children[1]) and is_op(other.children[0], HADAMARD):
                u, v = other.children[0].children
                return bilinear(matmul(Diag(one), u), v)
        return paired(a, b)
    return sum_(array)


def paired(a: Node, b: Node) -> Node:
    """Σ aᵢⱼ bᵢⱼ; ‖A‖² where both are the same, or one the conjugate of the other."""
    real = is_real(a)
    if a is b if real else CONJ(a) is b:
        return power(norm(b if is_op(a, CONJ) else a), number(2))
    return matmul(transpose(a), b) if a.kind == "vector" else bilinear(a, b)


def bilinear(a: Node, b: Node) -> Node:
    """tr(AᵀB), which is ⟨Ā, B⟩."""
    if is_real(a):
        return inner(a, b)
    return inner(b, a) if is_real(b) else inner(CONJ(a), b)


def sides(array: Node) -> tuple[Node, Node, Node] | None:
    """u, A and v of A ⊙ (u vᵀ), whose entries sum up to uᵀ A v and its rows to u ⊙ (A v); None for others."""
    stack, lefts, rights, rest = [array], [], [], []
    while stack:
        S = stack.pop()
        if is_op(S, HADAMARD):
            stack += reversed(S.children)
        elif is_op(S, MATMUL) and S.children[0].kind == "vector":
            lefts.append(S.children[0])
            rights.append(transpose(S.children[1]))
        else:
            rest.append(S)
    if not lefts or not rest or array.kind != "matrix":
        return None
    return multiplied(lefts), multiplied(rest), multiplied(rights)


def multiplied(factors: Sequence[Node]) -> Node:
    """The product entry by entry, without ones."""
    kept = [f for f in factors if not is_ones(f)] or [*factors[:1]]
    out = kept[0]
    for f in kept[1:]:
        out = hadamard(out, f)
    return out


def turned(S: Node) -> Node:
    """The transpose; U Uᵀ is its own."""
    if is_op(S, SCALE):
        return scale(S.children[0], turned(S.children[1]))
    if is_op(S, MATMUL) and is_op(S.children[1], TRANSPOSE) and S.children[1].children[0] is S.children[0]:
        return S
    return transpose(S)


def diagonal(S: Node) -> Node:
    """The diagonal of a square array, found term by term."""
    if is_op(S, ADD):
        return collected([diagonal(t) for t in S.children])
    if is_op(S, SCALE):
        return scale(S.children[0], diagonal(S.children[1]))
    if is_op(S, HADAMARD):
        return hadamard(*map(diagonal, S.children))
    if is_op(S, TRANSPOSE):
        return diagonal(S.children[0])
    if is_op(S, Diag):
        return S.children[0]
    if is_op(S, triu) or is_op(S, tril):
        return diagonal(S.children[0])
    if is_op(S, MATMUL) and is_op(S.children[1], TRANSPOSE):
        a, b = S.children[0], S.children[1].children[0]
        return row_totals(hadamard(a, b))
    if is_op(S, MATMUL) and is_ones(S.children[1]) and S.children[1].kind == "row":
        return S.children[0]
    if is_op(S, MATMUL) and is_ones(S.children[0]) and S.children[0].kind == "vector":
        return transpose(S.children[1])
    if isinstance(S, Apply) and S.op.elementwise and all(a.kind == "scalar" for a in S.args[1:]):
        inside = diagonal(S.args[0])
        if is_ones(inside) and S.op in (POWER, sqrt, abs_):
            return inside
        positive = S.op is POWER and isinstance(p := S.args[1], Number) and p.value > 0
        if is_zero(inside) and (positive or S.op is abs_):
            return inside
        return rebuild(S, (inside, *S.args[1:]))
    if is_ones(S) or is_eye(S):
        return ones("vector", S.rows)
    return diag(S)


def numbered(t: Node) -> tuple[Value, Node]:
    """The number before a term, and the rest."""
    if is_op(t, SCALE) and isinstance(front := t.children[0], Number):
        return front.value, t.children[1]
    return 1, t


def collected(terms: list[Node]) -> Node:
    """A sum with equal terms in one."""
    counts: dict[Node, Value] = {}
    for t in terms:
        value, core = numbered(t)
        counts[core] = counts.get(core, 0) + value
    return add(*(scale(number(c), t) for t, c in counts.items()))


def without_diagonal(a: Node, S: Node) -> Node:
    """An array less the diagonal of another."""
    d = diagonal(S)
    return a if is_zero(d) else add(a, scale(number(-1), Diag(d)))


def row_totals(S: Node) -> Node:
    """S·1, through sums and outer products."""
    if is_op(S, ADD):
        return add(*map(row_totals, S.children))
    if is_op(S, SCALE):
        return scale(S.children[0], row_totals(S.children[1]))
    if S.kind == "vector":
        return S
    if is_op(S, MATMUL) and S.children[0].kind == "vector":
        a, b = S.children
        return scale(total(transpose(b)), a)
    if is_op(S, Diag):
        return S.children[0]
    if (found := sides(S)) is not None:
        u, rest, v = found
        image = row_totals(rest) if is_ones(v) else matmul(rest, v)
        return image if is_ones(u) else hadamard(u, image)
    return matmul(S, ones("vector", S.cols))


# rules of functions


def _add(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    scalars = [a for a in args if isinstance(a, Scalars | Tensor)]
    vectors = [a for a in args if isinstance(a, Vectors)]
    matrices = [a for a in args if isinstance(a, Matrices)]
    if len(scalars) == len(args):
        return lift.plus(scalars)
    if len(vectors) == len(args):
        return Vectors(tuple(t for a in vectors for t in a.terms), vectors[0].row)
    if len(matrices) == len(args):
        return Matrices(tuple(t for a in matrices for t in a.terms))
    refuse("a sum of rows and columns")


def scaled(lift: Lifter, s: Scalars, a: Lifted) -> Lifted:
    if isinstance(a, Scalars | Tensor):
        return lift.times(s, a)
    if isinstance(a, Vectors):
        return Vectors(tuple((lift.times(s, t), u, axis) for t, u, axis in a.terms), a.row)
    return Matrices(tuple((lift.times(s, t), p) for t, p in a.terms))


def _scale(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    s: Any = args[0]
    a = args[1]
    if isinstance(s, Tensor) and not isinstance(a, Scalars | Tensor):
        refuse("a multiple of an array that depends on three indices together")
    return scaled(lift, s, a)


def _transpose(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    (a,) = args
    if isinstance(a, Vectors):
        return Vectors(a.terms, not a.row)
    assert isinstance(a, Matrices)
    return Matrices(tuple((s, _turned(p)) for s, p in a.terms))


def _turned(p: Part) -> Part:
    if isinstance(p, Stack):
        return p.transposed
    return transpose(p) if isinstance(p, Node) else p[::-1]


def _matmul(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    a, b = args
    if isinstance(a, Vectors) and isinstance(b, Vectors):
        if a.row:
            return lift.dot(a, b)
        a, b = lift.joined(a), lift.joined(b)
        pairs = [(lift.times(s, t), ((u, i), (v, j))) for s, u, i in a.terms for t, v, j in b.terms]
        return Matrices(tuple(pairs))
    if isinstance(a, Matrices) and isinstance(b, Vectors):
        return _applied(lift, a, b)
    if isinstance(a, Vectors) and isinstance(b, Matrices):
        turned = _transpose(lift, node, [b])
        assert isinstance(turned, Matrices)
        return Vectors(_applied(lift, turned, a).terms, True)
    if isinstance(a, Matrices) and isinstance(b, Matrices):
        return Matrices(tuple(_product(lift, s, p, t, q) for s, p in a.terms for t, q in b.terms))
    refuse("this product")


def _applied(lift: Lifter, a: Matrices, b: Vectors) -> Vectors:
    """A v, with v from the left of its rows."""
    terms: list[Rows] = []
    for s, p in a.terms:
        if isinstance(p, Stack):
            for t, u, axis in lift.joined(b).terms:
                found, rows, along = lift.applied(p, u, axis)
                terms.append((lift.times(lift.times(s, t), found), rows, along))
        elif isinstance(p, Node):
            for t, u, axis in b.terms:
                moved = matmul(p, u) if axis is None else matmul(u, transpose(p))
                terms.append((lift.times(s, t), moved, axis))
        else:
            (u, along), (v, across) = p
            terms.append((lift.times(s, lift.dot(Vectors(((FIXED, v, across),)), b)), u, along))
    return Vectors(tuple(terms), b.row)


def _product(lift: Lifter, s: Scalars, p: Part, t: Scalars, q: Part) -> tuple[Scalars, Part]:
    st = lift.times(s, t)
    if isinstance(p, Stack) and isinstance(q, Node):
        return st, replace(p, right=q if p.right is None else matmul(p.right, q))
    if isinstance(q, Stack) and isinstance(p, Node):
        return st, replace(q, left=p if q.left is None else matmul(p, q.left))
    if isinstance(p, Stack) or isinstance(q, Stack):
        if isinstance(p, Stack) and isinstance(q, Stack):
            refuse("a product of two matrices that depend on an index")
        return _outer_product(lift, st, p, q)
    if isinstance(p, Node) and isinstance(q, Node):
        return st, matmul(p, q)
    if isinstance(p, Node):
        assert not isinstance(q, Node)
        (u, along), right = q
        return st, ((matmul(p, u) if along is None else matmul(u, transpose(p)), along), right)
    left, (v, across) = p
    if isinstance(q, Node):
        return st, (left, (matmul(transpose(q), v) if across is None else matmul(v, q), across))
    (w, along), right = q
    middle = lift.dot(Vectors(((FIXED, v, across),)), Vectors(((FIXED, w, along),)))
    return lift.times(st, middle), (left, right)


def _outer_product(lift: Lifter, st: Scalars, p: Part, q: Part) -> tuple[Scalars, Part]:
    """A_i (u vᵀ) = (A_i u) vᵀ, and (u vᵀ) A_i = u (A_iᵀ v)ᵀ."""
    if isinstance(p, Stack):
        assert not isinstance(q, Node | Stack)
        (u, along), right = q
        _, rows, axis = lift.applied(p, u, along)
        return st, ((rows, axis), right)
    assert isinstance(q, Stack) and not isinstance(p, Node)
    left, (v, across) = p
    _, rows, axis = lift.applied(q.transposed, v, across)
    return st, (left, (rows, axis))


def _hadamard(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    a, b = args
    if not (isinstance(a, Vectors) and isinstance(b, Vectors)):
        refuse("an entrywise product of matrices that depend on an index")
    (U, i), (V, j) = lift.merged(a, node), lift.merged(b, node)
    if i is not None and j is not None and i != j:
        refuse("an entrywise product of vectors with different indices")
    if i == j:
        return Vectors(((FIXED, hadamard(U, V), i),), a.row)
    rows, fixed, axis = (U, V, i) if j is None else (V, U, j)
    return Vectors(((FIXED, matmul(rows, Diag(fixed)), axis),), a.row)


def conjugated(a: Lifted) -> Lifted:
    """The conjugate, which is that of all arrays."""
    if isinstance(a, Scalars):
        return Scalars(a.axes, CONJ(a.array))
    if isinstance(a, Tensor):
        return Tensor(tuple(tuple(Scalars(f.axes, CONJ(f.array)) for f in t) for t in a.terms))
    if isinstance(a, Vectors):
        return Vectors(tuple((Scalars(s.axes, CONJ(s.array)), CONJ(u), axis) for s, u, axis in a.terms), a.row)
    return Matrices(tuple((Scalars(s.axes, CONJ(s.array)), _barred(p)) for s, p in a.terms))


def _barred(p: Part) -> Part:
    if isinstance(p, Stack):
        left, right = (s and CONJ(s) for s in (p.left, p.right))
        return replace(p, array=CONJ(p.array), left=left, right=right)
    if isinstance(p, Node):
        return CONJ(p)
    (u, along), (v, across) = p
    return (CONJ(u), along), (CONJ(v), across)


def _conj(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    return conjugated(args[0])


def _part_of(op: Op) -> Rule:
    """Real and imaginary part, argument: entry by entry, no longer in terms."""
    return lambda lift, node, args: lift._entrywise(node, args[0], op)


def _inner(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    a, b = args
    if not is_real(node.args[0]):
        a = conjugated(a)
    if isinstance(a, Vectors) and isinstance(b, Vectors):
        return lift.dot(a, b)
    if isinstance(a, Matrices) and isinstance(b, Matrices):
        return lift.plus([_paired(lift, s, p, t, q) for s, p in a.terms for t, q in b.terms])
    assert isinstance(a, Scalars) and isinstance(b, Scalars)
    return lift.times(a, b)


def _paired(lift: Lifter, s: Scalars, p: Part, t: Scalars, q: Part) -> Scalars:
    st = lift.times(s, t)
    if isinstance(q, Stack) and not isinstance(p, Stack):
        p, q = q, p
    if isinstance(p, Stack):
        return lift.times(st, _paired_stack(lift, p, q))
    assert not isinstance(q, Stack)
    if isinstance(p, Node) and isinstance(q, Node):
        return lift.times(st, Scalars((), bilinear(p, q)))
    if isinstance(p, Node):
        p, q = q, p
    assert not isinstance(p, Node)
    (u, along), (v, across) = p
    right = _applied(lift, Matrices(((FIXED, q),)), Vectors(((FIXED, v, across),)))
    return lift.times(st, lift.dot(Vectors(((FIXED, u, along),)), right))


def _paired_stack(lift: Lifter, p: Stack, q: Part) -> Scalars:
    """⟨A_i, M⟩, ⟨A_i, B_j⟩ and ⟨A_i, u vᵀ⟩ = uᵀ A_i v."""
    if isinstance(q, Node):
        return lift.weighted(p, q)
    if isinstance(q, Stack):
        return lift._dotted(p.whole, p.axis, q.whole, q.axis)
    (u, along), (v, across) = q
    return lift.dot(Vectors(((FIXED, u, along),)), Vectors((lift.applied(p, v, across),)))


def _norm(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    (a,) = args
    squared = _squared(lift, a)
    if isinstance(squared, Tensor):
        refuse("a norm that depends on three indices together")
    return Scalars(squared.axes, sqrt(lift.safe(squared, node)))


def _squared(lift: Lifter, a: Lifted) -> Any:
    a = lift.joined(a) if isinstance(a, Vectors) else a
    bar: Any = conjugated(a)
    if isinstance(a, Tensor):
        return lift.times(bar, a)
    if isinstance(a, Vectors):
        return lift.dot(bar, a)
    if isinstance(a, Matrices):
        return lift.plus([_paired(lift, s, p, t, q) for s, p in bar.terms for t, q in a.terms])
    return Scalars(a.axes, power(a.array if is_real(a.array) else abs_(a.array), number(2)))


def _power(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    base, exponent = args
    if isinstance(base, Tensor):
        if isinstance(node.args[1], Number) and node.args[1].value == 2:
            return lift.times(base, base)
        refuse("a power of a part that depends on three indices together")
    assert isinstance(exponent, Scalars)
    inside = node.args[0]
    p = node.args[1]
    if is_op(inside, norm) and isinstance(p, Number) and isinstance(p.value, int) and p.value > 0 and p.value % 2 == 0:
        return node_power(lift, node, base, p.value // 2)
    if exponent.axes:
        assert isinstance(base, Scalars)
        if not base.axes:
            return Scalars(exponent.axes, power(base.array, exponent.array))
        axes = lift.union(base.axes, exponent.axes)
        filled = Scalars(base.axes, lift.safe(base, node))
        return Scalars(axes, power(lift.spread(filled, axes), lift.spread(exponent, axes)))
    if isinstance(base, Scalars):
        whole_number = isinstance(p, Number) and isinstance(p.value, int) and p.value >= 0
        return Scalars(base.axes, power(base.array if whole_number else lift.safe(base, node), exponent.array))
    if isinstance(base, Vectors):
        U, axis = lift.merged(base, node)
        return Vectors(((FIXED, power(U, exponent.array), axis),), base.row)
    refuse("a power of a matrix that depends on an index")


def node_power(lift: Lifter, node: Apply, base: Lifted, half: int) -> Scalars:
    """‖u‖^(2k), whose base is √(uᵀu) already."""
    assert isinstance(base, Scalars)
    array = base.array
    if is_op(array, sqrt):
        inside = array.children[0]
        return Scalars(base.axes, inside if half == 1 else power(inside, number(half)))
    return Scalars(base.axes, power(array, number(2 * half)))


def _over_entries(of: Callable[[Node], Node], node_name: str) -> Rule:
    """A scalar of a vector that sums its entries: sum, mean, norm1."""

    def rule(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
        (a,) = args
        if isinstance(a, Scalars):
            return Scalars(a.axes, of(a.array))
        if isinstance(a, Tensor):
            return a if of is _same else refuse(node_name)
        if not isinstance(a, Vectors):
            return (
                lift.plus([lift.times(s, _entry_sum(lift, p)) for s, p in a.terms])
                if of is _same
                else refuse(node_name)
            )
        if of is _same:
            return lift.plus([lift.times(s, _row_sum(u, axis)) for s, u, axis in a.terms])
        U, axis = lift.merged(a, node)
        return _row_sum(of(U), axis)

    return rule


def _same(a: Node) -> Node:
    return a


def _row_sum(u: Node, axis: Axis | None) -> Scalars:
    return Scalars((), total(u)) if axis is None else Scalars((axis,), row_totals(u))


def _entry_sum(lift: Lifter, p: Part) -> Scalars:
    if isinstance(p, Stack):
        return lift.weighted(p, ones("matrix", *p.shape))
    if isinstance(p, Node):
        return Scalars((), total(p))
    (u, along), (v, across) = p
    return lift.times(_row_sum(u, along), _row_sum(v, across))


def _mean(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    (a,) = args
    n = node.args[0].rows * node.args[0].cols
    found = RULES[sum_](lift, node, [a])
    assert isinstance(found, Scalars)
    return Scalars(found.axes, scale(power(size(n), number(-1)), found.array))


def _trace(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    (a,) = args
    assert isinstance(a, Matrices)
    parts = []
    for s, p in a.terms:
        if isinstance(p, Stack):
            sides = [transpose(x) for x in (p.left, p.right) if x is not None]
            inside = matmul(*sides) if len(sides) == 2 else sides[0] if sides else eye(p.rows)
            parts.append(lift.times(s, Scalars((p.axis,), matmul(p.array, vec(inside)))))
        elif isinstance(p, Node):
            parts.append(lift.times(s, Scalars((), tr(p))))
        else:
            (u, along), (v, across) = p
            parts.append(lift.times(s, lift._dotted(u, along, v, across)))
    return lift.plus(parts)


def _logsumexp(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    (a,) = args
    if not isinstance(a, Vectors):
        refuse("logsumexp of this")
    U, axis = lift.merged(a, node)
    if axis is None:
        return Scalars((), logsumexp(U))
    return Scalars((axis,), log(row_totals(exp(U))))


def _entry(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    (a,) = args
    if not isinstance(a, Vectors):
        refuse("an entry of a matrix that depends on an index")
    U, axis = lift.merged(a, node)
    if axis is None:
        return Scalars((), rebuild(node, (U,)))
    return Scalars((axis,), matmul(U, unit(U.cols, node.params[0])))


def _over(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    (a,) = args
    over: Over = node.params[0]
    if over.product:
        return _product_over(lift, a, over)
    if over.largest:
        return _largest_over(a, over)
    if over.mask is not None and isinstance(a, Tensor):
        mask = Scalars(tuple(index.name for index in over.indices), over.mask)
        a = lift.times(a, mask)
    elif over.mask is not None:
        if not isinstance(a, Scalars):
            refuse("a sum of vectors over a set of pairs")
        axes = tuple(index.name for index in over.indices)
        a = Scalars(axes, hadamard(over.mask, lift.spread(a, axes)))
    for index in reversed(over.indices):
        a = lift.summed(a, index.name)
        lift.relations = {pair: r for pair, r in lift.relations.items() if index.name not in pair}
    return a


def _product_over(lift: Lifter, a: Lifted, over: Over) -> Lifted:
    axes = tuple(index.name for index in over.indices)
    if not isinstance(a, Scalars):
        refuse("a product of arrays over an index")
    if set(a.axes) - set(axes) or any(set(axes) & pair for pair in lift.relations):
        refuse("a product over an index inside another sum")
    return Scalars((), prod(lift.spread(a, axes)))


def _largest_over(a: Lifted, over: Over) -> Scalars:
    """The largest for every value of the other index, by rows."""
    if not isinstance(a, Scalars):
        refuse("the largest of arrays")
    for index in reversed(over.indices):
        if index.name not in a.axes:
            continue
        S = scale(number(over.largest), a.array)
        across = S if len(a.axes) == 1 or a.axes[1] == index.name else transpose(S)
        found = max_(S) if len(a.axes) == 1 else rowmax(across)
        a = Scalars(tuple(x for x in a.axes if x != index.name), scale(number(over.largest), found))
    return a


Rule = Callable[[Lifter, Apply, list[Lifted]], Lifted]
RULES: dict[Op, Rule] = {
    OVER: _over,
    ADD: _add,
    SCALE: _scale,
    TRANSPOSE: _transpose,
    MATMUL: _matmul,
    HADAMARD: _hadamard,
    INNER: _inner,
    POWER: _power,
    norm: _norm,
    norm1: _over_entries(abs_, "norm1 of a matrix that depends on an index"),
    sum_: _over_entries(_same, "sum of this"),
    mean: _mean,
    tr: _trace,
    logsumexp: _logsumexp,
    ENTRY: _entry,
    CONJ: _conj,
    RE: _part_of(RE),
    IM: _part_of(IM),
    ANGLE: _part_of(ANGLE),
}
"""What the functions of the algebra are for all values of the indices at once; elementwise ones act entry by entry."""


# the way back: one row of an answer


@dataclass
class Picker:
    """Rows and entries k of arrays: X w − y as wᵀx_k − y_k, with `members` for the families and a unit vector e_k."""

    members: Mapping[Symbol, Symbol]
    unit: Symbol
    rows: dict[Node, Node] = field(default_factory=dict)
    columns: dict[Node, Node] = field(default_factory=dict)

    def row(self, root: Node) -> Node:
        """Entry k of a vector, row k of a matrix as a vector."""
        for node in topological(root):
            if node.rows is self.unit.rows and node.kind in ("vector", "matrix"):
                self.rows[node] = self._row(node)
            if node.cols is self.unit.rows and node.kind in ("row", "matrix"):
                self.columns[node] = self._column(node)
        return self.rows[root]

    def _row(self, node: Node) -> Node:
        e = self.unit
        if isinstance(node, Symbol) and node in self.members:
            return self.members[node]
        if is_ones(node):
            return number(1) if node.kind == "vector" else ones("vector", node.cols)
        if is_eye(node):
            return e
        if is_op(node, ADD):
            return add(*(self.rows[a] for a in node.children))
        if is_op(node, SCALE):
            return scale(node.children[0], self.rows[node.children[1]])
        if is_op(node, TRANSPOSE):
            return self.columns[node.children[0]]
        if is_op(node, HADAMARD):
            return hadamard(*(self.rows[a] for a in node.children))
        if is_op(node, Diag):
            return scale(self.rows[node.children[0]], e)
        if is_op(node, MATMUL):
            a, b = node.children
            if is_op(a, Diag):
                return scale(self.rows[a.children[0]], self.rows[b])
            left = self.rows[a]
            if a.kind == "vector":
                return scale(left, transpose(b))
            return matmul(transpose(left), b) if b.kind == "vector" else matmul(transpose(b), left)
        if (found := self._entrywise(node, self.rows)) is not None:
            return found
        return matmul(transpose(e), node) if node.kind == "vector" else matmul(transpose(node), e)

    def _column(self, node: Node) -> Node:
        """Column k of a matrix as a vector, entry k of a row."""
        e = self.unit
        if is_ones(node):
            return number(1) if node.kind == "row" else ones("vector", node.rows)
        if is_eye(node):
            return e
        if is_op(node, ADD):
            return add(*(self.columns[a] for a in node.children))
        if is_op(node, SCALE):
            return scale(node.children[0], self.columns[node.children[1]])
        if is_op(node, TRANSPOSE):
            return self.rows[node.children[0]]
        if is_op(node, HADAMARD):
            return hadamard(*(self.columns[a] for a in node.children))
        if is_op(node, Diag):
            return scale(self.rows[node.children[0]], e)
        if is_op(node, MATMUL):
            a, b = node.children
            right = self.columns[b]
            return scale(right, a) if a.kind == "vector" else matmul(a, right)
        if (found := self._entrywise(node, self.columns)) is not None:
            return found
        return matmul(node, e)

    def _entrywise(self, node: Node, picked: Mapping[Node, Node]) -> Node | None:
        if not isinstance(node, Apply) or not (node.op.elementwise or node.op is POWER):
            return None
        first, *rest = node.args
        if first not in picked or any(a.kind != "scalar" for a in rest):
            return None
        return node.op(picked[first], *rest, params=node.params)
