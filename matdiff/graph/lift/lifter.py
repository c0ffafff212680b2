"""The pass over an expression: members become arrays, and sums over an index sums over an axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from matdiff.core.node import Apply, Node, Symbol, number, topological
from matdiff.core.op import Op
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.errors import UnsupportedError
from matdiff.graph.lift.arrays import collected, diagonal, row_totals, turned, without_diagonal
from matdiff.graph.lift.logarithms import without_logarithms
from matdiff.graph.lift.values import (
    FIXED,
    MOST,
    Lifted,
    Matrices,
    Member,
    Part,
    Rows,
    Scalars,
    Stack,
    Tensor,
    Vectors,
    as_fixed,
    axes_of,
    matrix_of,
    name_of,
    plain_sum,
    refuse,
    terms_of,
)
from matdiff.graph.rewrite import rebuild
from matdiff.ops.algebra import (
    MATMUL,
    POWER,
    add,
    hadamard,
    is_op,
    matmul,
    power,
    scale,
    size,
    transpose,
)
from matdiff.ops.constants import eye, is_eye, ones
from matdiff.ops.elementwise import sqrt
from matdiff.ops.indexing import slice_
from matdiff.ops.kronecker import kron
from matdiff.ops.reductions import norm
from matdiff.ops.structure import Diag, diag, tril, triu, unvec, vec
from matdiff.ops.sums import OVER, Axis, Index, Over, Relation


@dataclass
class Lifter:
    """`members` are the symbols that stand for members, `rules` what functions are for all values of the indices."""

    rules: Mapping[Op, Rule]
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
        rule = self.rules.get(node.op)
        if rule is not None:
            return rule(self, node, args)
        if node.op.elementwise and len(args) == 1:
            return self.entrywise(node, args[0], node.op)
        scalars = [a for a in args if isinstance(a, Scalars)]
        if len(scalars) == len(args) and node.op.signature.startswith("(...),(...)->(...)"):
            axes = self.union(*(a.axes for a in scalars))
            return Scalars(axes, node.op(*(self.spread(a, axes) for a in scalars)))
        refuse(f"{node.op.name} of members of a family")

    def entrywise(self, node: Apply, a: Lifted, function: Callable[[Node], Node]) -> Lifted:
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
                self.times(self.times(s, t), self.dotted(u, along, v, across))
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

    def dotted(self, u: Node, along: Axis | None, v: Node, across: Axis | None) -> Scalars:
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


Rule = Callable[[Lifter, Apply, list[Lifted]], Lifted]
"""What a function of such arguments is."""
