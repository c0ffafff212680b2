"""What each rule of the grammar makes of its parts: trees.

A sum under construction is a Tree whose args are a list, so that 10,000 terms are one node made in linear time;
the rule `close` turns it into a tuple.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matdiff.core.op import along
from matdiff.errors import ParseError
from matdiff.text.ranges import as_over
from matdiff.text.tokens import place_of
from matdiff.text.tree import AXIS, RAISED, Declaration, Declared, Distribution, Head, Left, Shape, Span, Stated, Tree

Parts = list[Any]
"""Trees, and for operators and brackets their spans."""
ORDERS = {1: "1", 2: "2", "inf": "inf", "Inf": "inf"}
"""The second argument of norm(x, 1) and what stands below the bars of ‖x‖₁ for it."""


def binary(head: Head) -> Callable[[Parts], Tree]:
    def make(parts: Parts) -> Tree:
        a, _, b = parts
        return Tree(head, (a, b), "", (a.span[0], b.span[1]))

    return make


def juxtapose(parts: Parts) -> Tree:
    a, b = parts
    return Tree("*", (a, b), "", (a.span[0], b.span[1]))


def term(head: Head, negative: bool) -> Callable[[Parts], Tree]:
    def make(parts: Parts) -> Tree:
        total, sign, b = parts
        if negative:
            b = Tree("neg", (b,), "", (sign[0], b.span[1]))
        if type(total.args) is tuple:
            return Tree(head, [total, b])  # type: ignore[arg-type]
        if total.head == head:
            total.args.append(b)
            return total  # type: ignore[no-any-return]
        return Tree(head, [close([total]), b])  # type: ignore[arg-type]

    return make


def close(parts: Parts) -> Tree:
    tree: Tree = parts[0]
    if type(tree.args) is not tuple:
        tree.span = (tree.args[0].span[0], tree.args[-1].span[1])
        tree.args = tuple(tree.args)
    return tree


def negate(parts: Parts) -> Tree:
    """A negative number is one node, so that X^-1 and X⁻¹ are the same tree."""
    sign, a = parts
    if a.head == "number":
        return Tree("number", (), -a.value, (sign[0], a.span[1]))
    return Tree("neg", (a,), "", (sign[0], a.span[1]))


def apply(parts: Parts) -> Tree:
    function, a = parts
    return raised(Tree("call", (a,), function.value, (function.span[0], a.span[1]), function.mark), function)


def raised(call: Tree, function: Tree) -> Tree:
    r"""The power that a function's name carries in LaTeX: \sin^2 x."""
    return Tree(".^", (call, function.args[0]), "", call.span, RAISED) if function.args else call


def big(parts: Parts) -> Tree:
    sign, body = parts
    sign.args, sign.span = (body,), (sign.span[0], body.span[1])
    return sign  # type: ignore[no-any-return]


def transpose(parts: Parts) -> Tree:
    a, mark = parts
    return Tree("'", (a,), "", (a.span[0], mark[1]))


def power(head: Head) -> Callable[[Parts], Tree]:
    """a^b, and a² with the mark as the number; a^b^c is (a^b)^c to MATLAB and a^(b^c) to everybody else."""

    def make(parts: Parts) -> Tree:
        a, *_, b = parts
        if a.head in ("^", ".^") and a.span[0] == a.args[0].span[0]:
            hint = "Put parentheses around the one that comes first."
            raise ParseError("a power of a power without parentheses", span=(a.args[1].span[0], b.span[1]), hint=hint)
        return Tree(head, (a, b), "", (a.span[0], b.span[1]))

    return make


def inverse_transpose(parts: Parts) -> Tree:
    a, mark = parts
    span = (a.span[0], mark[1])
    return Tree("'", (Tree("^", (a, Tree("number", (), -1, mark)), "", span),), "", span)


def pseudoinverse(parts: Parts) -> Tree:
    a, mark = parts
    return Tree("call", (a,), "pinv", (a.span[0], mark[1]))


def index(parts: Parts) -> Tree:
    a, _, subscripts, bracket = parts
    return Tree("index", (a, *subscripts), "", (a.span[0], bracket[1]))


def paren(parts: Parts) -> Tree:
    left, tree, right = parts
    tree.span = (left[0], right[1])
    return tree  # type: ignore[no-any-return]


def call(parts: Parts) -> Tree:
    function, _, arguments, right = parts
    if (
        function.value.rpartition(".")[2] == "norm"
        and len(arguments) == 2
        and (order := ORDERS.get(arguments[1].value))
    ):
        return Tree("norm", (arguments[0],), order, (function.span[0], right[1]))
    made = Tree("call", tuple(arguments), function.value, (function.span[0], right[1]), function.mark)
    return as_over(made) if function.value.startswith(("sum", "prod")) else raised(made, function)


def method(parts: Parts) -> Tree:
    """X.trace() and x.dot(y): a call whose first argument stands before it."""
    a, function, *arguments, right = parts
    return Tree("call", (a, *(arguments[0] if arguments else ())), function.value, (a.span[0], right[1]))


def python_power(parts: Parts) -> Tree:
    """a ** b, which goes entry by entry."""
    made = power(".^")(parts)
    made.value = "**"
    return made


def call_along(parts: Parts) -> Tree:
    """sum(X, axis=0) is colsum(X): the axis comes as the number of a dimension."""
    function, _, arguments, axis, right = parts
    word = function.value.lstrip(".")
    name = along[word][axis.value - 1] if word in along else f"{word} {AXIS}"
    return Tree("call", tuple(arguments), name, (function.span[0], right[1]))


def norm(parts: Parts) -> Tree:
    """The closing bar comes with its subscript; the nuclear norm ‖X‖_* is a function."""
    left, a, (right, which) = parts
    span = (left[0], right[1])
    return Tree("call", (a,), "nuclear", span) if which == "*" else Tree("norm", (a,), which, span)


def absolute(parts: Parts) -> Tree:
    left, a, right = parts
    return Tree("abs", (a,), "", (left[0], right[1]))


def inner(parts: Parts) -> Tree:
    left, a, _, b, right = parts
    return Tree("inner", (a, b), "", (left[0], right[1]))


def block(parts: Parts) -> Tree:
    """[[1, 2], [3, 4]] is one row to MATLAB, and two to Python."""
    left, rows, right = parts
    if len(rows) == 1 and len(items := rows[0].args) > 1 and all(a.head == "block" and len(a.args) == 1 for a in items):
        hint = "Rows end with a semicolon: [1, 2; 3, 4]; one row has no inner brackets: [1, 2, 3, 4]."
        raise ParseError("are these several rows, or parts of one?", span=(left[0], right[1]), hint=hint)
    return Tree("block", tuple(rows), "", (left[0], right[1]))


def row(items: list[Tree]) -> Tree:
    return Tree("row", tuple(items), "", (items[0].span[0], items[-1].span[1]))


def append(parts: Parts) -> list[Any]:
    items: list[Any] = parts[0]
    items.append(parts[2])
    return items


def beside(parts: Parts) -> list[Any]:
    items: list[Any] = parts[0]
    items.append(parts[1])
    return items


def left(parts: Parts) -> Left:
    """r, and s(t) with its parameters."""
    name, *rest = parts
    return Left(str(name.value), tuple(str(p.value) for p in rest[1]) if rest else (), name.span)


def left_primed(parts: Parts) -> Left:
    name, primes = parts
    return Left(str(name.value), (), name.span, len(primes))


def extent(parts: Parts) -> Shape:
    (dim,) = parts
    return Shape((str(dim.value),), (), dim.span)


def joined(parts: Parts) -> Tree:
    """2*n, and 2*(n+1): a dimension is text."""
    a, sign, *rest = parts
    if isinstance(a, Shape):
        if len(a.dims) != 1 or a.words:
            raise ParseError("a product of several sizes", span=a.span, hint="Sizes are written m×n, as in 2*(n+1)×m.")
        a = Tree("name", (), f"({a.dims[0]})", a.span)
    written = rest[0].value if len(rest) == 1 else f"({rest[1].value})"
    return Tree("name", (), f"{a.value}{sign.value}{written}", (a.span[0], place_of(rest[-1])[1]))


def group(parts: Parts) -> Shape:
    """(m, n) and (m×n): one shape, or what a function takes."""
    left, shapes, right = parts
    return together(shapes, (left[0], right[1]), tuple(shapes))


def together(shapes: Parts, span: Span, inside: tuple[Shape, ...] = ()) -> Shape:
    return Shape(tuple(d for s in shapes for d in s.dims), tuple(w for s in shapes for w in s.words), span, inside)


def enlarged(parts: Parts) -> Shape:
    a, _, b = parts
    return together([a, b], (a.span[0], b.span[1]))


def space(parts: Parts) -> Shape:
    """ℝ^n, ℝ^{m×n}; ℝ alone is of scalars."""
    field, *rest = parts
    inside = [] if not rest else [rest[1]] if len(rest) == 2 else rest[2]
    found = together(inside, (field.span[0], [field, *inside][-1].span[1] + (len(rest) == 4)))
    found.words = (*["scalar"] * (not rest), *["complex"] * (field.value == "C"), *found.words)
    return found


def shape(parts: Parts) -> Shape:
    size, *words = parts
    return described(words[0], size) if words else size


def described(words: list[Tree], size: Shape | None = None) -> Shape:
    """Sizes and words, `n×n symmetric`, or words alone."""
    dims, before, start = (size.dims, size.words, size.span[0]) if size else ((), (), words[0].span[0])
    return Shape(dims, (*before, *(str(w.value) for w in words)), (start, words[-1].span[1]))


def complex_shape(parts: Parts) -> Shape:
    word, *rest = parts
    found = shape(rest)
    return Shape(found.dims, (str(word.value), *found.words), (word.span[0], found.span[1]))


def mapping(parts: Parts) -> Declared:
    """h: (n, k) -> m; what it takes stands in parentheses or not."""
    names, _, taken, _, value = parts
    return Declared(names, value, taken[0].inside if len(taken) == 1 and taken[0].inside else tuple(taken))


def depending(parts: Parts) -> Declared:
    """u: n function of x."""
    names, _, *size, _, _, variable = parts
    return Declared(names, size[0] if size else Shape((), ("scalar",), variable.span), of=str(variable.value))


def distribution(parts: Parts) -> Distribution:
    """normal(m, v), uniform(sphere), rademacher."""
    words, *rest = parts
    if len(rest) < 3:
        return Distribution(words, [])
    return Distribution(words, rest[1], False) if type(rest[1]) is list else Distribution(words, [], True)


def stated(parts: Parts) -> Stated:
    names, place, law = parts
    declared = [n for n in names if isinstance(n, Declaration)]
    return Stated([(n.name, n.span) for n in declared] or [(str(n.value), n.span) for n in names], declared, law, place)


def append_row(parts: Parts) -> list[Tree]:
    rows: list[Tree] = parts[0]
    rows.append(row(parts[2]))
    return rows


def slice_(parts: Parts) -> Tree:
    low, _, high = parts
    return Tree("slice", (low, high), "", (low.span[0], high.span[1]))


actions: dict[str, Callable[[Parts], Any]] = {
    "whole": lambda parts: parts[0],
    "close": close,
    "plus": term("+", False),
    "minus": term("+", True),
    "dot_plus": term(".+", False),
    "dot_minus": term(".+", True),
    "times": binary("*"),
    "at": binary("@"),
    "over": binary("/"),
    "left_divide": binary("\\"),
    "hadamard": binary(".*"),
    "dot_over": binary("./"),
    "kron": binary("⊗"),
    "juxtapose": juxtapose,
    "big": big,
    "negate": negate,
    "second": lambda parts: parts[1],
    "apply": apply,
    "transpose": transpose,
    "inverse_transpose": inverse_transpose,
    "superscript": power("^"),
    "pseudoinverse": pseudoinverse,
    "power": power("^"),
    "dot_power": power(".^"),
    "python_power": python_power,
    "method": method,
    "index": index,
    "paren": paren,
    "call": call,
    "call_along": call_along,
    "norm": norm,
    "absolute": absolute,
    "inner": inner,
    "block": block,
    "first": lambda parts: [parts[0]],
    "more": append,
    "beside": beside,
    "left": left,
    "left_primed": left_primed,
    "extent": extent,
    "joined": joined,
    "group": group,
    "measured": lambda parts: parts[0],
    "enlarged": enlarged,
    "space": space,
    "shape": shape,
    "described": lambda parts: described(parts[0]),
    "complex_shape": complex_shape,
    "declared": lambda parts: Declared(parts[0], parts[2]),
    "mapping": mapping,
    "depending": depending,
    "distribution": distribution,
    "stated": stated,
    "first_row": lambda parts: [row(parts[0])],
    "more_rows": append_row,
    "pair": lambda parts: [parts[0], parts[2]],
    "everything": lambda parts: Tree("slice", (), "", parts[0]),
    "slice": slice_,
}
"""By the aliases in grammar/expression.lark."""
