"""Sums, products, powers, transposes: the functions that have operators.

The constructors do what a person does without noticing (1·x, x + 0, Aᵀᵀ); everything else is left to the normal form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import log2
from typing import Any

from matdiff.core.node import (
    Apply,
    Constant,
    Kind,
    Liftable,
    Node,
    Number,
    Value,
    constant,
    describe,
    number,
    operators,
)
from matdiff.core.op import Joint, Linear, Mistake, Nonlinear, Op, Type, register
from matdiff.core.shape import Dim
from matdiff.errors import ShapeError, UnsupportedError
from matdiff.ops.constants import (
    commutation,
    eye,
    is_eye,
    is_ones,
    is_zero,
    ones,
    ones_like,
    zeros,
    zeros_like,
)

MAX_POWER = 256
"""Largest matrix power whose differential, a sum of as many terms, is written out."""


def is_op(a: Node, op: Op) -> bool:
    return a.op is op


# sums


def _sum_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    first = args[0]
    kind = first.kind
    for a in args:
        if a.rows is not first.rows or a.cols is not first.cols or (a.kind == "scalar") != (first.kind == "scalar"):
            raise ShapeError(f"cannot add {describe(first)} and {describe(a)}")
        if a.kind != kind:
            kind = "matrix"
    return kind, first.rows, first.cols


ADD: Op = register(
    Op(
        "add",
        "(...),(...)->(...)",
        (Joint(lambda Y, slot, *args: Y),),
        _sum_type,
        law="sum rule",
        spoken=(),
        spellings=".add={0}+{1} .subtract={0}-{1} .sub={0}-{1} .negative=-({0}) .neg=-({0})",
        curvature="increasing increasing⪰",
        entries=lambda np, *args: sum(args[1:], args[0]),
        pairing="collect the terms",
        traits="quiet",
        matrix=lambda node, slot: eye(node.rows * node.cols),
        sympy=lambda sp, node, *args: (sp.Add if node.kind == "scalar" else sp.MatAdd)(*args),
    )
)


def add(*terms: Node) -> Node:
    """The sum, built in bulk; zeros vanish and numbers combine."""
    constants: list[Value] = []
    kept: list[Node] = []
    for t in terms:
        if isinstance(t, Number):
            constants.append(t.value)
        elif not is_zero(t) or t.kind != terms[0].kind:
            kept.append(t)
    if constants:
        total = constants[0]
        for c in constants[1:]:
            total = total + c
        if total != 0 or not kept:
            kept.insert(next((i for i, t in enumerate(terms) if isinstance(t, Number)), 0), number(total))
    if len(kept) == 1 and same_shape(kept[0], terms[0]):
        return kept[0]
    if not kept:
        return terms[0]
    if len(kept) < len(terms):
        _sum_type(terms, ())
    return ADD.build(tuple(kept))


def size(d: Dim | int | str) -> Node:
    """The number that a dimension is: the n in mean(x) = sum(x)/n; sums and products of names are taken apart."""
    d = Dim.of(d)
    terms = []
    for names, c in d.terms:
        term: Node = number(c)
        for name in names:
            term = scale(term, constant("size", "scalar", dims=(Dim.of(name),)))
        terms.append(term)
    return add(*terms) if terms else number(0)


def same_shape(a: Node, b: Node) -> bool:
    return a.rows is b.rows and a.cols is b.cols


# scaling and products


def _scale_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    s, a = args
    if s.kind != "scalar":
        raise ShapeError(f"the factor of a scaling must be a scalar, not {describe(s)}")
    return a.kind, a.rows, a.cols


SCALE: Op = register(
    Op(
        "scale",
        "(),(...)->(...)",
        (Linear(lambda Y, s, A: inner(Y, A)), Linear(lambda Y, s, A: scale(s, Y))),
        _scale_type,
        law="product rule",
        spoken=(),
        curvature="increasing increasing⪰",
        entries=lambda np, s, A: s[0, 0] * A,
        pairing="⟨Y, sV⟩ = ⟨sY, V⟩",
        traits="quiet",
        matrix=lambda node, slot: scale(node.args[0], eye(node.rows * node.cols)),
        sympy=lambda sp, node, s, A: s * A,
    )
)


def scale(s: Node, a: Node) -> Node:
    """s·A; the one product of scalars too.  Numbers are in front, and all scalars of an array are one product."""
    if isinstance(a, Number) and not isinstance(s, Number):
        s, a = a, s
    if isinstance(s, Number):
        if s.value == 1:
            return a
        if s.value == 0:
            return zeros_like(a)
        if s.value == -1:
            s = number(-1)
        if isinstance(a, Number):
            return number(s.value * a.value)
        if a.op is SCALE and isinstance(a.children[0], Number):
            return scale(number(s.value * a.children[0].value), a.children[1])
    elif s.op is SCALE and isinstance(s.children[0], Number):
        return scale(s.children[0], scale(s.children[1], a))
    elif a.op is SCALE and isinstance(a.children[0], Number):
        return scale(a.children[0], scale(s, a.children[1]))
    elif a.op is SCALE and a.kind != "scalar":
        return scale(scale(s, a.children[0]), a.children[1])
    if is_zero(a):
        return a
    return SCALE.build((s, a))


def _matmul_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    a, b = args
    if a.cols is not b.rows:
        raise ShapeError(f"cannot multiply {describe(a)} by {describe(b)}")
    return product_kind(a.kind, b.kind), a.rows, b.cols


def product_kind(a: Kind, b: Kind) -> Kind:
    """row·vector is a scalar, matrix·vector a vector, row·matrix a row, everything else a matrix."""
    if a == "row":
        return "scalar" if b == "vector" else "row"
    if a == "matrix" and b == "vector":
        return "vector"
    return "matrix"


def _times(node: Apply, slot: int) -> Node:
    """vec(V B) = (Bᵀ ⊗ I) vec V, vec(A V) = (I ⊗ A) vec V."""
    A, B = node.args
    if slot == 0:
        return B.T if A.kind == "row" else operators["⊗"](B.T, eye(A.rows))
    return A if B.kind == "vector" else operators["⊗"](eye(B.cols), A)


def _sympy_product(sp: Any, node: Apply, *args: Any) -> Any:
    """One of a row and a vector, a 1×1 matrix for SymPy, is its trace."""
    found = sp.MatMul(*(f for a in args for f in (a.args if isinstance(a, sp.MatMul) else (a,))))
    return sp.Trace(found) if node.kind == "scalar" else found


MATMUL: Op = register(
    Op(
        "matmul",
        "(m,n),(n,p)->(m,p)",
        (Linear(lambda Y, A, B: Y @ B.T), Linear(lambda Y, A, B: A.T @ Y)),
        _matmul_type,
        law="product rule",
        spoken=(),
        spellings="matmul={0}@{1} mtimes={0}*{1} .dot={0}@{1} .mm={0}@{1} .mv={0}@{1}",
        curvature="increasing",
        entries=lambda np, A, B: A @ B,
        pairing="move factors across the pairing: ⟨Y, A V B⟩ = ⟨AᵀYBᵀ, V⟩",
        cost="2*m0*n0*n1",
        matrix=_times,
        sympy=_sympy_product,
    )
)


def matmul(a: Node, b: Node) -> Node:
    """The matrix product; scalars scale and come to the front, I and 0 vanish."""
    if a.kind == "scalar":
        return scale(a, b)
    if b.kind == "scalar":
        return scale(b, a)
    if (a.word or b.word) and a.cols is b.rows:
        if is_eye(a):
            return b
        if is_eye(b):
            return a
    if a.op is SCALE:
        return scale(a.children[0], matmul(a.children[1], b))
    if b.op is SCALE:
        return scale(b.children[0], matmul(a, b.children[1]))
    if a.word == "zeros" or b.word == "zeros":
        return zeros(*_matmul_type((a, b), ()))
    return MATMUL.build((a, b))


def matrix_product(factors: Sequence[Node]) -> Node:
    """The product of one factor or more, associated to the left."""
    result = factors[0]
    for factor in factors[1:]:
        result = matmul(result, factor)
    return result


INSPECTED = 16
"""Longest product that is looked into for its form: A S Aᵀ, u vᵀ, A Diag(v) B."""


def product_nodes(node: Node, longest: int) -> list[Node]:
    """The factors of a matrix product left to right, or none if there are more than `longest`."""
    out: list[Node] = []
    stack = [node]
    while stack:
        top = stack.pop()
        if isinstance(top, Apply) and top.op is MATMUL:
            stack.extend(top.args)
            if len(out) + len(stack) > longest:
                return []
        else:
            out.append(top)
    return out[::-1]


def _transpose_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    (a,) = args
    kind: Kind = {"vector": "row", "row": "vector"}.get(a.kind, a.kind)  # type: ignore[assignment]
    return kind, a.cols, a.rows


def _transposed(node: Apply, slot: int) -> Node:
    (A,) = node.args
    return commutation(A.rows, A.cols) if A.kind == "matrix" else eye(A.rows * A.cols)


TRANSPOSE: Op = register(
    Op(
        "transpose",
        "(m,n)->(n,m)",
        (Linear(lambda Y, A: Y.T),),
        _transpose_type,
        traits="view quiet",
        law="transpose",
        spoken=(),
        spellings="transpose={0}' trans={0}' .t={0}'",
        curvature="increasing increasing⪰",
        entries=lambda np, A: A.T,
        pairing="⟨Y, Vᵀ⟩ = ⟨Yᵀ, V⟩",
        matrix=_transposed,
        sympy=lambda sp, node, A: sp.Transpose(A),
    )
)


def transpose(a: Node) -> Node:
    if a.kind == "scalar":
        return a
    if a.op is TRANSPOSE:
        return a.children[0]
    if a.op is SCALE:
        return scale(a.children[0], transpose(a.children[1]))
    if isinstance(a, Constant):
        if is_eye(a):
            return a
        if a.name in ("zeros", "ones"):
            kind, rows, cols = _transpose_type((a,), ())
            return (zeros if a.name == "zeros" else ones)(kind, rows, cols)
        if a.name == "K":
            return commutation(a.dims[1], a.dims[0])
    return TRANSPOSE.build((a,))


def _hadamard_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    a, b = args
    if not same_shape(a, b):
        raise ShapeError(f"an elementwise product needs equal shapes, not {describe(a)} and {describe(b)}")
    return (a.kind if a.kind == b.kind else "matrix"), a.rows, a.cols


HADAMARD: Op = register(
    Op(
        "hadamard",
        "(...),(...)->(...)",
        (Linear(lambda Y, A, B: Y * B), Linear(lambda Y, A, B: A * Y)),
        _hadamard_type,
        law="product rule",
        spoken=(),
        spellings="hadamard={0}.*{1} hadamardproduct={0}.*{1} multiply={0}.*{1} .mul={0}.*{1} .divide={0}./{1}",
        curvature="increasing increasing⪰",
        entries=lambda np, A, B: A * B,
        pairing="⟨Y, A ⊙ V⟩ = ⟨A ⊙ Y, V⟩",
        matrix=lambda node, slot: operators["Diag"](node.args[1 - slot]),
        sympy=lambda sp, node, A, B: sp.HadamardProduct(A, B),
    )
)


def hadamard(a: Node, b: Node) -> Node:
    """A ⊙ B; with a scalar it is scaling."""
    if a.kind == "scalar":
        return scale(a, b)
    if b.kind == "scalar":
        return scale(b, a)
    if same_shape(a, b):
        if is_ones(a) or is_zero(b):
            return b
        if is_ones(b) or is_zero(a):
            return a
    if a.op is SCALE:
        return scale(a.children[0], hadamard(a.children[1], b))
    if b.op is SCALE:
        return scale(b.children[0], hadamard(a, b.children[1]))
    return HADAMARD.build((a, b))


INNER: Op = register(
    Op(
        "inner",
        "(...),(...)->()",
        (Linear(lambda Y, A, B: scale(Y, B)), Linear(lambda Y, A, B: scale(Y, A))),
        scalar=lambda a, b: scale(a, b),
        law="product rule",
        source="⟨A,B⟩ = tr(AᵀB)",
        numpy="np.vdot({0}, {1})",
        spoken=(),
        curvature="increasing increasing⪰",
        entries=lambda np, A, B: (A * B).sum(keepdims=True),
        pairing="⟨y, ⟨A, V⟩⟩ = ⟨yA, V⟩",
        cost="2*s0",
        sympy=lambda sp, node, A, B: sp.Trace(sp.MatMul(sp.Transpose(A), B)),
        stack=lambda many, A, B: many.inner(A, B),
    )
)


def inner(a: Node, b: Node) -> Node:
    """⟨A,B⟩ = tr(AᵀB)."""
    if a.kind == "scalar" and b.kind == "scalar":
        return scale(a, b)
    if a.op is SCALE:
        return scale(a.children[0], inner(a.children[1], b))
    if b.op is SCALE:
        return scale(b.children[0], inner(a, b.children[1]))
    if is_zero(a) or is_zero(b):
        return number(0)
    return INNER.build((a, b))


# powers


def _power_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    a, p = args
    if p.kind != "scalar" and not same_shape(a, p):
        if a.kind == "scalar":
            return p.kind, p.rows, p.cols
        raise ShapeError(
            f"an elementwise power needs a scalar exponent or equal shapes, not {describe(a)} and {describe(p)}"
        )
    return a.kind, a.rows, a.cols


def _power_by_exponent(a: Node, p: Node, dp: Node) -> Node:
    log = operators["log"]
    return power(a, p) * log(a) * dp


def _sympy_power(sp: Any, node: Apply, base: Any, exponent: Any) -> Any:
    if node.args[1].kind != "scalar":
        raise UnsupportedError("SymPy has no elementwise power with an array for its exponent")
    if node.args[0].kind != "scalar":
        return sp.HadamardPower(base, exponent)
    return sp.Pow(base, exponent, evaluate=not (isinstance(base, sp.Pow) and isinstance(base.base, sp.Trace)))


def _analytic_power(np: Any, scipy: Any, a: Any, p: Any) -> Any:
    return a ** (int(p[0, 0].real) if p.size == 1 and p[0, 0].real.is_integer() else p)


POWER: Op = register(
    Op(
        "power",
        "(...),()->(...)",
        (Nonlinear(lambda a, p, da: p * power(a, p - 1) * da), Nonlinear(_power_by_exponent)),
        _power_type,
        law="power rule",
        proof=(
            "a.^b = exp(b*log(a)) | what a power is",
            "d(a.^b) = a.^b.*(db*log(a) + b*da./a) | d eᵘ = eᵘ du, d log u = du/u",
            "d(a.^b) = db*a.^b.*log(a) + b*a.^(b - 1).*da | multiply",
        ),
        spoken=(),
        entries=lambda np, a, p: a**p,
        spellings=".power={0}.^{1} .pow={0}.^{1} .square={0}.^2 .reciprocal=1./{0}",
        elementwise=True,
        sympy=_sympy_power,
        analytic=_analytic_power,
    )
)


def power(a: Node, p: Node) -> Node:
    """a^p entry by entry (for scalars the power); numbers are folded while they stay exact and small."""
    if p.kind != "scalar" and a.kind != "scalar":
        p = uniform(p)
    if isinstance(p, Number):
        if p.value == 1:
            return a
        if p.value == 0:
            return ones_like(a)
        if is_ones(a):
            return a
        if isinstance(a, Number):
            folded = fold_power(a.value, p.value)
            if folded is not None:
                return number(folded)
        inside = whole(a.children[1]) if a.op is POWER else None
        total = None if inside is None or not isinstance(p.value, int) else inside * p.value
        if total is not None and total.bit_length() < 64:
            return power(a.children[0], number(total))
        if a.op is SCALE and isinstance(a.children[0], Number) and isinstance(p.value, int):
            return scale(power(a.children[0], p), power(a.children[1], p))
    return POWER.build((a, p))


def uniform(a: Node) -> Node:
    """The scalar that every entry of an array is, where that shows; else the array."""
    if is_zero(a):
        return number(0)
    if is_ones(a):
        return number(1)
    return a.children[0] if a.op is SCALE and is_ones(a.children[1]) else a


def whole(a: Node) -> int | None:
    """The value of a whole number, else None."""
    return a.value if isinstance(a, Number) and isinstance(a.value, int) else None


LARGEST = 1000
"""Most binary digits before the point of a number that is written out, so that it has a floating-point value."""


def fold_power(base: Value, exponent: Value) -> Value | None:
    """base**exponent where that is exact, or in floating point to begin with; else None.

    Raises UnsupportedError where it is out of the range of floating point.
    """
    if base == 0 or isinstance(exponent, Fraction) or (isinstance(base, float) and base < 0):
        return base if base == 0 and exponent > 0 else None
    digits = abs(log2(base if base > 0 else -base) * exponent)
    if digits > LARGEST:
        raise UnsupportedError(f"the power {base}^{exponent} is out of the range of numbers")
    if isinstance(base, float) or isinstance(exponent, float):
        return float(base ** float(exponent)) if base > 0 else None
    return Fraction(base) ** exponent


def _mpow_differential(X: Node, dX: Node, k: int) -> Node:
    if k > MAX_POWER:
        raise UnsupportedError(
            f"the differential of a matrix power has as many terms as the exponent; {k} is over {MAX_POWER}"
        )
    return add(*(matmul(matmul(mpow(X, i), dX), mpow(X, k - 1 - i)) for i in range(k)))


def _repeated(X: Node, k: int) -> Node:
    """By squaring, from the highest binary digit of the exponent on."""
    out = X
    for digit in f"{k:b}"[1:]:
        out = matmul(out, out)
        out = matmul(out, X) if digit == "1" else out
    return out


MPOW: Op = register(
    Op(
        "mpow",
        "(n,n)->(n,n)",
        (Nonlinear(_mpow_differential),),
        lambda args, params: _square(args[0]),
        keeps=frozenset({"symmetric", "diagonal", "lower", "upper", "orthogonal", "spd"}),
        law="product rule",
        proof=(
            "(X + dX)*(X + dX) = X^2 + dX*X + X*dX + dX^2 | multiply out",
            "d(X^2) = dX*X + X*dX | drop what is of second order",
            "d(X^3) = d(X^2)*X + X^2*dX | X³ = X² X, product rule",
            "d(X^3) = dX*X^2 + X*dX*X + X^2*dX | and so on",
        ),
        numpy="np.linalg.matrix_power({0}, {p0})",
        definition=_repeated,
        latex="{0}^{{{1}}}",
        spoken=(),
        spellings="matrix_power={0}^{1} matrixpower={0}^{1} mpower={0}^{1}",
        mistakes=(
            Mistake(
                lambda X, dX, k: scale(number(k), mpow(X, k - 1) @ dX),
                "d(Xᵏ) = k Xᵏ⁻¹ dX",
                "the sum of Xⁱ dX Xᵏ⁻¹⁻ⁱ over i from 0 to k − 1",
            ),
        ),
        sympy=lambda sp, node, X, k: sp.MatPow(X, k),
        stack=lambda many, X, k: many.np.linalg.matrix_power(many.compact(X), k),
    )
)


def _square(a: Node) -> Type:
    if a.rows is not a.cols:
        raise ShapeError(f"a matrix power needs a square matrix, not {describe(a)}")
    return "matrix", a.rows, a.cols


def mpow(a: Node, k: int) -> Node:
    """A^k for k ≥ 0; for a scalar its power.  Raises UnsupportedError where k is no machine number."""
    if a.kind == "scalar":
        return power(a, number(k))
    if k.bit_length() > 63:
        raise UnsupportedError(f"a matrix power with an exponent of {k.bit_length()} binary digits comes up")
    if k == 0:
        return eye(_square(a)[1])
    if k == 1 or is_eye(a):
        return a
    if a.op is SCALE:
        return scale(power(a.children[0], number(k)), mpow(a.children[1], k))
    return MPOW.build((a,), (k,))


# operators on nodes


def lift(value: Liftable) -> Node:
    return value if isinstance(value, Node) else number(value)


def broadcast_add(a: Liftable, b: Liftable, sign: int = 1) -> Node:
    """a .+ b: equal shapes, or a scalar added to every entry (s·ones)."""
    a, b = lift(a), scale(number(sign), lift(b))
    if a.kind == "scalar" and b.kind != "scalar":
        a = scale(a, ones_like(b))
    elif b.kind == "scalar" and a.kind != "scalar":
        b = scale(b, ones_like(a))
    return add(a, b)


def product(a: Liftable, b: Liftable) -> Node:
    """a * b of rules: scaling by a scalar, Hadamard otherwise."""
    return hadamard(lift(a), lift(b))


def quotient(a: Liftable, b: Liftable) -> Node:
    return hadamard(lift(a), power(lift(b), number(-1)))


operators.update(
    {
        "+": broadcast_add,
        "-": lambda a, b: broadcast_add(a, b, -1),
        "*": product,
        "/": quotient,
        "@": matmul,
        "**": lambda a, p: power(lift(a), lift(p)),
        "T": transpose,
    }
)

CONSTRUCTORS: dict[str, Callable[..., Node]] = {
    "add": add,
    "scale": scale,
    "matmul": matmul,
    "transpose": transpose,
    "hadamard": hadamard,
    "inner": inner,
    "power": power,
}
"""The constructors that simplify on the way, by the name of their function."""
