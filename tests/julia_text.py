"""A small evaluator of the Julia that matdiff writes, for machines without Julia.

It reads the tree of tree-sitter-julia and keeps to Julia's rules of shapes: vectors have one axis and matrices two,
`+` and `-` take equal shapes, `*` is the product of matrices, dotted operators align axes from the first, indices count
from 1 down the columns, I has no size, the transpose of a vector is a row.  What it does not know is an error.  It is
no Julia: the tests run Julia itself where that is installed.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import scipy.linalg
import scipy.special

Env = dict[str, Any]


class JuliaError(Exception):
    """What Julia would refuse, or what is not known here."""


class Returned(Exception):
    """The value that a function returns."""


class Eye:
    """I, times a number."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor


class Row(np.ndarray):
    """The transpose of a vector."""


def array(x: Any) -> Any:
    return np.asarray(x, dtype=complex if np.iscomplexobj(x) else float)


def ndim(x: Any) -> int:
    return int(np.ndim(x))


def product(a: Any, b: Any) -> Any:
    if isinstance(a, Eye) or isinstance(b, Eye):
        eye, s = (a, b) if isinstance(a, Eye) else (b, a)
        return s if ndim(s) else Eye(eye.factor * s)
    if not ndim(a) or not ndim(b):
        return a * b
    if ndim(a) == 1 and ndim(b) == 2 and len(b) == 1:
        return np.outer(a, np.asarray(b)[0])
    if ndim(a) == 1 or a.shape[1] != b.shape[0]:
        raise JuliaError(f"* of {np.shape(a)} and {np.shape(b)}")
    found = np.asarray(a) @ np.asarray(b)
    if isinstance(a, Row):
        return float(found[0]) if ndim(b) == 1 else found.view(Row)
    return found


def sums(sign: int) -> Callable[[Any, Any], Any]:
    def add(a: Any, b: Any) -> Any:
        if isinstance(b, Eye) or isinstance(a, Eye):
            a, b = (x.factor * np.eye(len(y)) if isinstance(x, Eye) else x for x, y in ((a, b), (b, a)))
        if np.shape(a) != np.shape(b):
            raise JuliaError(f"+ of {np.shape(a)} and {np.shape(b)}")
        return np.asarray(a + sign * b) if ndim(a) else a + sign * b

    return add


def quotient(a: Any, b: Any) -> Any:
    if ndim(b):
        raise JuliaError("/ by an array")
    if not ndim(a):
        return a / b if b else math.copysign(math.inf, a) if a else math.nan
    return a / b


def power(a: Any, b: Any) -> Any:
    if ndim(b):
        raise JuliaError("^ by an array")
    if ndim(a):
        return np.linalg.matrix_power(a, b) if isinstance(b, int) else scipy.linalg.fractional_matrix_power(a, b)
    if isinstance(a, int) and isinstance(b, int) and b < 0:
        raise JuliaError("an integer to a negative power")
    if a < 0 and b != int(b):
        raise JuliaError("a negative number to a power that is not whole")
    return a**b


def dotted(f: Callable[..., Any]) -> Callable[..., Any]:
    def apply(*args: Any) -> Any:
        most = max(map(ndim, args))
        given = [a if ndim(a) in (0, most) else np.asarray(a)[:, None] for a in args]
        given = [np.array(a, object) if isinstance(a, list) else a for a in given]
        if not most:
            return f(*args)
        found = np.vectorize(f, otypes=[object])(*given)
        return array(found.tolist()).reshape(found.shape)

    return apply


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "*": product, "+": sums(1), "-": sums(-1), "/": quotient, "^": power, "÷": operator.floordiv,
    "\\": lambda a, b: np.linalg.solve(a, b), "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
    "<=": operator.le, ">=": operator.ge, "isa": lambda x, kind: kind(x), "<:": lambda x, kind: kind(x),
    "=>": lambda k, v: (k, v),
}  # fmt: skip
SCALAR = {"*": operator.mul, "+": operator.add, "-": operator.sub, "/": quotient, "^": power}


def stacked(args: Sequence[Any], axis: int) -> Any:
    if all(ndim(a) == 0 for a in args) or (axis == 0 and all(ndim(a) < 2 for a in args)):
        flat = np.concatenate([np.atleast_1d(array(a)) for a in args])
        return flat if axis == 0 else flat[None, :]
    return np.concatenate([np.reshape(a, (-1, 1)) if ndim(a) < 2 else np.asarray(a) for a in args], axis)


def reduced(f: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(*args: Any, dims: int = 0, init: Any = None) -> Any:
        *maps, A = args
        A = list(A) if isinstance(A, Iterator) else A
        if init is not None and len(A) == 0:
            return init
        values = A if not maps else dotted(maps[0])(array(A))
        if isinstance(values, list) and values and ndim(values[0]):
            return sum(values[1:], values[0])
        return f(array(values), axis=dims - 1, keepdims=True) if dims else f(array(values))

    return reduce


def reshaped(A: Any, *shape: Any) -> Any:
    return np.reshape(np.asarray(A), [-1 if isinstance(s, slice) else s for s in shape], order="F")


def largest_place(A: Any) -> Any:
    k = int(np.argmax(np.ravel(A, order="F")))
    return k + 1 if ndim(A) == 1 else [k % A.shape[0] + 1, k // A.shape[0] + 1]


def svd(A: Any) -> Any:
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    return U, s, Vt.T


def logabsdet(A: Any) -> Any:
    sign, size = np.linalg.slogdet(A)
    return size, sign


def expect(A: Any, shape: tuple[int, ...], name: str) -> None:
    if np.shape(A) != tuple(shape):
        raise JuliaError(f"{name} has the shape {np.shape(A)}")


def matrix(A: Any, *sizes: int) -> Any:
    return A.factor * np.eye(*sizes) if isinstance(A, Eye) else np.array(A)


def scalar_or_matrix(f: Callable[[Any], Any], of_matrix: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: of_matrix(np.asarray(x)) if ndim(x) == 2 else float(f(x))


def vector(A: Any) -> Any:
    return np.ravel(np.asarray(A), order="F")


def whole(x: Any) -> int:
    if x != int(x):
        raise JuliaError(f"{x} is no whole number")
    return int(x)


class Factor(dict[str, Any]):
    """A factorisation, whose parts are its fields."""


BASE: Env = {
    "I": Eye(), "pi": math.pi, "Inf": math.inf, "NaN": math.nan, "Number": lambda x: ndim(x) == 0, "LinearAlgebra": {},
    "AbstractVector": lambda x: ndim(x) == 1, "Real": lambda kind: kind is float, "Int": whole,
    "eltype": lambda A: complex if np.iscomplexobj(A) else float, "expect": expect, "float": lambda x: array(x)[()],
    "size": lambda A, k=0: np.shape(A)[k - 1] if k else tuple(np.shape(A)), "length": np.size, "copy": np.copy,
    "collect": lambda x: np.array(x), "vec": vector, "reshape": reshaped, "permutedims": np.transpose,
    "Matrix": matrix, "Diagonal": np.diag, "diagm": np.diag, "Symmetric": lambda A, part=None: np.asarray(A),
    "dot": lambda a, b: float(vector(a) @ vector(b)), "tr": np.trace, "inv": np.linalg.inv, "det": np.linalg.det,
    "pinv": np.linalg.pinv, "logabsdet": logabsdet, "svd": svd, "svdvals": lambda A: np.linalg.svd(A)[1],
    "qr": lambda A: Factor(zip("QR", np.linalg.qr(A), strict=True)), "cond": np.linalg.cond,
    "cholesky": lambda A: Factor(L=np.linalg.cholesky(A)), "eigen": np.linalg.eigh,
    "eigvals": np.linalg.eigvalsh, "eigvecs": lambda S: np.linalg.eigh(S)[1],
    "opnorm": lambda A: np.linalg.norm(A, 2), "norm": lambda A: float(np.linalg.norm(vector(A))), "diag": np.diagonal,
    "tril": np.tril, "triu": np.triu, "sylvester": lambda A, B, C: scipy.linalg.solve_sylvester(A, B, -C),
    "kron": np.kron, "hcat": lambda *a: stacked(a, 1), "vcat": lambda *a: stacked(a, 0),
    "reduce": lambda f, parts: f(*parts), "zeros": lambda *n: np.zeros(n), "ones": lambda *n: np.ones(n),
    "fill": lambda x, *n: np.full(n, x), "zero": np.zeros_like, "one": lambda x: 1.0, "eps": lambda: 2.0**-52,
    "sum": reduced(np.sum), "prod": reduced(np.prod), "maximum": reduced(np.max), "minimum": reduced(np.min),
    "max": max, "min": min, "abs": abs, "sign": np.sign, "hypot": math.hypot, "isinf": math.isinf, "imag": np.imag,
    "real": np.real, "round": lambda kind, x: kind(round(x)), "isinteger": lambda x: float(x).is_integer(),
    "floatmin": lambda: 2.2250738585072014e-308, "argmax": largest_place,
    "axes": lambda A, k: range(1, A.shape[k - 1] + 1),
    "eachindex": lambda s: range(1, len(s) + 1), "eachrow": lambda A: list(np.asarray(A)), "zip": zip,
    "eachcol": lambda A: list(np.asarray(A).T), "checksquare": len, "Dict": lambda *pairs: dict(pairs),
    "sqrt": scalar_or_matrix(math.sqrt, scipy.linalg.sqrtm), "exp": scalar_or_matrix(np.exp, scipy.linalg.expm),
    "log": scalar_or_matrix(math.log, scipy.linalg.logm), "cos": scalar_or_matrix(math.cos, scipy.linalg.cosm),
    "sin": scalar_or_matrix(math.sin, scipy.linalg.sinm), "loggamma": scipy.special.gammaln,
    "digamma": scipy.special.digamma, "polygamma": scipy.special.polygamma, "erf": math.erf,
    **{f: getattr(math, f) for f in ["tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "log1p", "expm1"]},
}  # fmt: skip


class Program:
    """The functions of a text, which are called by their names."""

    def __init__(self, text: str) -> None:
        import tree_sitter
        import tree_sitter_julia

        self.tree = tree_sitter.Parser(tree_sitter.Language(tree_sitter_julia.language())).parse(text.encode())
        self.env: Env = dict(BASE)
        for node in self.tree.root_node.named_children:
            for part in [node, *node.named_children]:
                if part.type == "function_definition":
                    self.define(part, self.env)

    def call(self, name: str, *args: Any) -> Any:
        return self.env[name](*args)

    def define(self, node: Any, env: Env) -> None:
        signature, *body = node.named_children
        head = signature.named_children[0]
        env[text(head.named_children[0])] = self.function(names(head.named_children[1]), body, env)

    def function(self, parameters: list[str], body: Sequence[Any], env: Env) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            if len(args) != len(parameters):
                raise JuliaError(f"{len(args)} arguments for {parameters}")
            inner = {**env, **dict(zip(parameters, args, strict=True))}
            value = None
            try:
                for line in body:
                    value = self.value(line, inner)
            except Returned as found:
                return found.args[0]
            return value

        return run

    def value(self, node: Any, env: Env) -> Any:
        kind = getattr(self, f"do_{node.type}", None)
        if kind is None:
            raise JuliaError(f"{node.type} is not known: {text(node)}")
        return kind(node, env)

    def values(self, nodes: Sequence[Any], env: Env) -> list[Any]:
        return [self.value(n, env) for n in nodes]

    def do_identifier(self, node: Any, env: Env) -> Any:
        if text(node) not in env:
            raise JuliaError(f"{text(node)} is not defined")
        return env[text(node)]

    def do_integer_literal(self, node: Any, env: Env) -> Any:
        return int(text(node))

    def do_float_literal(self, node: Any, env: Env) -> Any:
        return float(text(node))

    def do_string_literal(self, node: Any, env: Env) -> Any:
        return text(node)

    do_quote_expression = do_string_literal

    def do_parenthesized_expression(self, node: Any, env: Env) -> Any:
        return self.values(node.named_children, env)[-1]

    def do_juxtaposition_expression(self, node: Any, env: Env) -> Any:
        return product(*self.values(node.named_children, env))

    def do_unary_expression(self, node: Any, env: Env) -> Any:
        sign, inside = node.children
        x = self.value(inside, env)
        if text(sign) != "-":
            raise JuliaError(text(node))
        return Eye(-x.factor) if isinstance(x, Eye) else -x

    def do_adjoint_expression(self, node: Any, env: Env) -> Any:
        x = self.value(node.named_children[0], env)
        if isinstance(x, Row):
            return np.asarray(x)[0]
        return np.asarray(x)[None, :].view(Row) if ndim(x) == 1 else np.asarray(x).T if ndim(x) else x

    def do_binary_expression(self, node: Any, env: Env) -> Any:
        left, sign, right = node.children
        name = text(sign)
        if name in ("&&", "||"):
            first = self.value(left, env)
            return self.value(right, env) if bool(first) is (name == "&&") else first
        if left.type == "binary_expression" and text(left.children[1]) in ("<", "<=") and name in ("<", "<="):
            middle = self.value(left.children[2], env)  # a chain of comparisons
            return self.value(left, env) and BINARY[name](middle, self.value(right, env))
        a, b = self.values([left, right], env)
        if name.startswith("."):
            return dotted(SCALAR.get(name[1:]) or BINARY[name[1:]])(a, b)
        if name not in BINARY:
            raise JuliaError(f"the operator {name}")
        return BINARY[name](a, b)

    def do_ternary_expression(self, node: Any, env: Env) -> Any:
        asked, yes, no = node.named_children
        return self.value(yes if self.value(asked, env) else no, env)

    def do_call_expression(self, node: Any, env: Env) -> Any:
        head, given = node.named_children
        if head.type == "operator":
            return BINARY["*"](-1, *self.arguments(given, env))
        name = text(head).rpartition(".")[2]
        f = env.get(name)
        if f is None:
            raise JuliaError(f"{name} is not defined")
        return f(*self.arguments(given, env), **self.named(given, env))

    def do_broadcast_call_expression(self, node: Any, env: Env) -> Any:
        f = self.value(node.named_children[0], env)
        args = self.arguments(node.named_children[1], env)
        if len(args) == 1 and isinstance(args[0], list):
            return array([f(a) for a in args[0]])
        return dotted(f)(*args)

    def arguments(self, given: Any, env: Env) -> list[Any]:
        clauses = [c for c in given.named_children if c.type in ("for_clause", "if_clause")]
        rest = [c for c in given.named_children if c not in clauses and c.type != "named_argument"]
        if clauses:
            return [[self.value(rest[0], inner) for inner in self.loops(clauses, env)]]
        return self.values(rest, env)

    def named(self, given: Any, env: Env) -> dict[str, Any]:
        parts = [c for c in given.named_children if c.type == "named_argument"]
        return {text(c.named_children[0]): self.value(c.named_children[-1], env) for c in parts}

    def loops(self, clauses: Sequence[Any], env: Env) -> Iterator[Env]:
        """Every binding of the variables, that of the first clause outermost."""
        if not clauses:
            yield env
            return
        first, *rest = clauses
        if first.type == "if_clause":
            if self.value(first.named_children[0], env):
                yield from self.loops(rest, env)
        elif first.type == "for_clause":
            yield from self.loops([*first.named_children, *rest], env)
        else:
            target, _, source = first.named_children
            for item in self.value(source, env):
                inner = dict(env)
                bind(target, item, inner)
                yield from self.loops(rest, inner)

    def do_comprehension_expression(self, node: Any, env: Env) -> Any:
        body, *clauses = node.named_children
        found = [self.value(body, inner) for inner in self.loops(clauses, env)]
        bindings = clauses[0].named_children
        if len(bindings) == 1:
            return found if found and ndim(found[0]) else array(found)
        sizes = [len(self.value(b.named_children[2], env)) for b in bindings]
        return np.reshape(array(found), sizes)

    def do_range_expression(self, node: Any, env: Env) -> Any:
        first, last = self.values(node.named_children, env)
        if isinstance(first, tuple):  # start:step:stop
            return np.arange(first[0], last + np.sign(first[1]), first[1])
        if node.parent.type == "range_expression":
            return first, last
        return np.arange(first, last + 1)

    def do_vector_expression(self, node: Any, env: Env) -> Any:
        return array(self.values(node.named_children, env))

    def do_matrix_expression(self, node: Any, env: Env) -> Any:
        rows = [self.values(row.named_children, env) for row in node.named_children]
        if all(len(row) == 1 for row in rows):
            return np.concatenate([np.atleast_1d(row[0]) for row in rows])
        return np.block(rows)

    def do_index_expression(self, node: Any, env: Env) -> Any:
        base, brackets = node.named_children
        A = self.value(base, env)
        if isinstance(A, (tuple, list)):
            (place,) = self.values(brackets.named_children, {**env, "end": len(A)})
            return A[place - 1]
        places = brackets.named_children
        if len(places) == 1 and ndim(A) == 2:
            A = vector(A)
        if len(places) != ndim(A):
            raise JuliaError(f"{len(places)} indices of {np.shape(A)}: {text(node)}")
        at: list[Any] = []
        for size, place in zip(A.shape, places, strict=True):
            i = slice(None) if text(place) == ":" else self.value(place, {**env, "end": size})
            if not isinstance(i, slice):
                i = np.asarray(i).astype(int)
                if np.any(i < 1) or np.any(i > size):
                    raise JuliaError(f"an index outside of 1:{size}: {text(node)}")
                i = i - 1
            at.append(i)
        found = np.asarray(A)
        for axis in reversed(range(len(at))):
            found = found[(slice(None),) * axis + (at[axis],)]
        return found[()]

    def do_operator(self, node: Any, env: Env) -> Any:
        return slice(None)

    def do_field_expression(self, node: Any, env: Env) -> Any:
        return self.value(node.named_children[0], env)[text(node.named_children[1])]

    def do_tuple_expression(self, node: Any, env: Env) -> Any:
        named = [c for c in node.named_children if c.type == "named_field"]
        if named:
            return {text(c.named_children[0]): self.value(c.named_children[-1], env) for c in named}
        return tuple(self.values(node.named_children, env))

    do_open_tuple = do_tuple_expression

    def do_arrow_function_expression(self, node: Any, env: Env) -> Any:
        parameter, body = node.named_children
        return self.function([text(parameter)], [body], env)

    def do_assignment(self, node: Any, env: Env) -> Any:
        target, _, source = node.named_children
        if target.type == "call_expression":
            name, given = target.named_children
            env[text(name)] = self.function(names(given), [source], env)
            return None
        value = self.value(source, env)
        bind(target, value, env)
        return value

    def do_compound_assignment_expression(self, node: Any, env: Env) -> Any:
        target, sign, source = node.children
        env[text(target)] = BINARY[text(sign)[:-1]](env[text(target)], self.value(source, env))

    def do_for_statement(self, node: Any, env: Env) -> Any:
        bindings = [c for c in node.named_children if c.type == "for_binding"]
        body = [c for c in node.named_children if c.type != "for_binding"]
        for inner in self.loops(bindings, env):
            inside = {**env, **{k: v for k, v in inner.items() if k not in env}}
            for line in body[0].named_children if body[0].type == "block" else body:
                self.value(line, inside)
            env.update({k: v for k, v in inside.items() if k in env})

    def do_return_statement(self, node: Any, env: Env) -> Any:
        raise Returned(self.value(node.named_children[0], env))


def text(node: Any) -> str:
    return str(node.text.decode())


def names(node: Any) -> list[str]:
    return [text(c) for c in node.named_children]


def bind(target: Any, value: Any, env: Env) -> None:
    if target.type in ("open_tuple", "tuple_expression"):
        for part, item in zip(target.named_children, value, strict=True):
            bind(part, item, env)
    else:
        env[text(target)] = value
