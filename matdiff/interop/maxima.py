"""What Maxima reads: formulas of arrays, and values and entries of them; importing this module imports SymPy.

In a formula products are written `A . x`, a function of a whole array by the words that `WORDS` explains.  Maxima knows
none of them, so they stand there as they were typed until numbers are put in; `DEFINITIONS` says what they are then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import sympy as sp
from sympy.printing.str import StrPrinter

from matdiff.core.node import Apply, Constant, Node, Number, Symbol, topological
from matdiff.core.op import Op
from matdiff.core.shape import Dim
from matdiff.errors import UnsupportedError
from matdiff.graph.rewrite import defined, inline
from matdiff.ops.algebra import ADD, HADAMARD, INNER, MATMUL, MPOW, POWER, SCALE, TRANSPOSE
from matdiff.printing.names import ascii_name

SUM, TIMES, DOT, ATOM = 1, 2, 3, 4
"""How tightly parts hold together: a + b, a*b, a . b, and what needs no parentheses."""
RESERVED = frozenset("e i j pi inf minf lambda gamma true false and or not if then else do in und ind E I D".split())  # noqa: SIM905
"""Names that mean something else to Maxima, or to STACK."""
DEFINITIONS = """\
inv(m0):=if matrixp(m0) then invert(m0) elseif numberp(m0) then 1/m0 else 'inv(m0)
det(m0):=if matrixp(m0) then determinant(m0) elseif numberp(m0) then m0 else 'det(m0)
tr(m0):=if matrixp(m0) then sum(m0[i0,i0],i0,1,length(m0)) elseif numberp(m0) then m0 else 'tr(m0)
total(m0):=if matrixp(m0) then apply("+",flatten(args(m0))) elseif numberp(m0) then m0 else 'total(m0)
diagm(m0):=if matrixp(m0) then genmatrix(lambda([i0,j0],if i0=j0 then m0[i0,1] else 0),length(m0),length(m0)) else 'diagm(m0)
diagv(m0):=if matrixp(m0) then genmatrix(lambda([i0,j0],m0[i0,i0]),length(m0),1) else 'diagv(m0)
kron(m0,n0):=if matrixp(m0) and matrixp(n0) then genmatrix(lambda([i0,j0],m0[1+quotient(i0-1,length(n0)),1+quotient(j0-1,length(n0[1]))]*n0[1+remainder(i0-1,length(n0)),1+remainder(j0-1,length(n0[1]))]),length(m0)*length(n0),length(m0[1])*length(n0[1])) else 'kron(m0,n0)
vec(m0):=if matrixp(m0) then genmatrix(lambda([i0,j0],m0[1+remainder(i0-1,length(m0)),1+quotient(i0-1,length(m0))]),length(m0)*length(m0[1]),1) else 'vec(m0)
eye(m0):=if integerp(m0) then ident(m0) else 'eye(m0)
ones(m0,[n0]):=if integerp(m0) then genmatrix(lambda([i0,j0],1),m0,if n0=[] then 1 else n0[1]) else apply('ones,cons(m0,n0))
zeros(m0,[n0]):=if integerp(m0) then genmatrix(lambda([i0,j0],0),m0,if n0=[] then 1 else n0[1]) else apply('zeros,cons(m0,n0))"""  # noqa: E501
WORDS = tuple(re.findall(r"^(\w+)\(", DEFINITIONS, re.MULTILINE))
"""Words for the functions of arrays, besides Maxima's own `transpose`."""


def spelled(name: str) -> str:
    """A variable's name for Maxima.  Raises UnsupportedError where it has none.

    >>> spelled("A"), spelled("λ"), spelled("e")
    ('A', 'lambda0', 'e0')
    """
    word = ascii_name(name)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", word):
        raise UnsupportedError(f"Maxima has no such name as {name}")
    return f"{word}0" if word in RESERVED or word in WORDS else word


def known(op: Op) -> bool:
    return bool(op.maxima) or op in STRUCTURAL


STRUCTURAL = (ADD, SCALE, MATMUL, TRANSPOSE, HADAMARD, INNER, POWER, MPOW)


def formula(root: Node) -> str:
    """An expression of arrays.  Raises UnsupportedError, with its name, for a function that has no word there.

    >>> from matdiff import derive
    >>> formula(derive("norm(A*x - b)^2/2", wrt="x").gradient.node)
    'transpose(A) . (A . x - b)'
    """
    done: dict[Node, tuple[str, int]] = {}
    root = defined(inline(root), known)
    for node in topological(root):
        done[node] = applied(node, [done[a] for a in node.args]) if isinstance(node, Apply) else leaf(node)
        if len(done[node][0]) > LONGEST:
            raise UnsupportedError("the formula is too long to be typed")
    return done[root][0]


LONGEST = 2000
"""Letters of a formula."""


def leaf(node: Node) -> tuple[str, int]:
    if isinstance(node, Symbol):
        return spelled(node.name), ATOM
    if isinstance(node, Number):
        return value_of(node.value)
    assert isinstance(node, Constant)
    if node.name == "pi":
        return "%pi", ATOM
    if node.name == "size":
        return size(node.dims[0])
    if node.name == "I":
        return f"eye({size(node.rows)[0]})", ATOM
    if node.name in ("zeros", "ones"):
        ends = [d for d in (node.rows, node.cols) if node.kind == "matrix" or d.number != 1]
        word = f"{node.name}({', '.join(size(d)[0] for d in ends)})"
        return (f"transpose({word})" if node.kind == "row" else word), ATOM
    raise UnsupportedError(f"Maxima has no word for {node.name}")


def value_of(value: Any) -> tuple[str, int]:
    said = str(value)
    return said, ATOM if said.isdigit() or re.fullmatch(r"\d+\.\d+", said) else SUM


def size(d: Dim) -> tuple[str, int]:
    terms = []
    for names, c in d.terms:
        factors = [spelled(n) for n in names]
        terms.append("*".join(([str(c)] if c != 1 or not factors else []) + factors))
    return "+".join(terms).replace("+-", "-") or "0", ATOM if len(terms) == 1 and terms[0].isalnum() else SUM


def held(part: tuple[str, int], level: int) -> str:
    said, tight = part
    return said if tight >= level else f"({said})"


def applied(node: Apply, args: list[tuple[str, int]]) -> tuple[str, int]:
    op = node.op
    if op is ADD:
        return " + ".join(held(a, SUM) for a in args).replace("+ -", "- "), SUM
    if op is SCALE:
        if args[0][0] == "-1":
            return f"-{held(args[1], TIMES)}", SUM
        return f"{held(args[0], TIMES)}*{held(args[1], TIMES)}", SUM if args[0][0].startswith("-") else TIMES
    if op is HADAMARD:
        return f"{held(args[0], TIMES)}*{held(args[1], TIMES)}", TIMES
    if op is MATMUL:
        return f"{held(args[0], DOT)} . {held(args[1], ATOM)}", DOT
    if op is TRANSPOSE:
        return f"transpose({args[0][0]})", ATOM
    if op is INNER:
        kind = node.args[0].kind
        if kind == "scalar":
            return f"{held(args[0], TIMES)}*{held(args[1], TIMES)}", TIMES
        product = f"transpose({args[0][0]}) . {held(args[1], ATOM)}"
        return (product, DOT) if kind == "vector" else (f"tr({product})", ATOM)
    if op is POWER:
        return f"{held(args[0], ATOM)}^{held(args[1], ATOM)}", DOT
    if op is MPOW:
        return f"{held(args[0], ATOM)}^^{held(value_of(node.params[0]), ATOM)}", DOT
    if op.maxima:
        said = op.maxima.format(*(held(a, ATOM) if f"{{{i}}}^" in op.maxima else a[0] for i, a in enumerate(args)))
        return said, ATOM
    raise UnsupportedError(f"Maxima has no word for {op.name}")


def array(a: Any, digits: int = 12) -> str:
    """Numbers: a scalar, a column for a vector, a matrix.

    >>> array([1.0, 0.5]), array([[1, 2]]), array(3)
    ('matrix([1.0], [0.5])', 'matrix([1, 2])', '3')
    """
    if hasattr(a, "tolist"):
        a = a.tolist()
    if not isinstance(a, list):
        return repr(round(a, digits)) if isinstance(a, float) else str(a)
    rows = [row if isinstance(row, list) else [row] for row in a]
    return f"matrix({', '.join('[' + ', '.join(array(x, digits) for x in row) + ']' for row in rows)})"


class Printer(StrPrinter):  # type: ignore[misc]
    """SymPy's own notation, but for names and functions."""

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        return str(super()._print_Pow(expr, rational)).replace("**", "^")

    def _print_Symbol(self, expr: Any) -> str:
        return spelled(expr.name)

    def _print_Pi(self, expr: Any) -> str:
        return "%pi"

    def _print_Exp1(self, expr: Any) -> str:
        return "%e"

    def _print_Function(self, expr: Any) -> str:
        if expr.func not in KNOWN:
            raise UnsupportedError(f"Maxima has no word for {expr.func}")
        word = "signum" if expr.func is sp.sign else expr.func.__name__.lower()
        return f"{word}({self.stringify(expr.args, ', ')})"

    _print_Abs = _print_sign = _print_Function

    def emptyPrinter(self, expr: Any) -> str:
        raise UnsupportedError(f"Maxima has no word for {type(expr).__name__}")


TRIGONOMETRIC = (sp.sin, sp.cos, sp.tan, sp.asin, sp.acos, sp.atan, sp.sinh, sp.cosh, sp.tanh)
KNOWN = frozenset([*TRIGONOMETRIC, sp.exp, sp.log, sp.erf, sp.Abs, sp.sign, sp.Max, sp.Min])
"""SymPy's functions that Maxima has, all but one by the same name."""


def entries(found: Any) -> str:
    """A scalar or a matrix of SymPy expressions.

    >>> entries(sp.Matrix([[sp.Symbol("x")**2, sp.pi]]))
    'matrix([x^2, %pi])'
    """
    if not hasattr(found, "tolist"):
        return str(Printer().doprint(found))
    return f"matrix({', '.join('[' + ', '.join(map(Printer().doprint, row)) + ']' for row in found.tolist())})"


def check(name: str, truths: Sequence[tuple[Iterable[str], str]]) -> list[str]:
    """Statements that make `{name}ok` and `{name}turned` (right when it is transposed) of an answer.

    Each truth is a point, `A=matrix(…)` for each name, and the value there.
    """
    said = []
    for i, (given, truth) in enumerate(truths, 1):
        point = "".join(f"{g}," for g in given)
        said += [
            f"{name}true{i}:{truth}",
            f"{name}at{i}:errcatch(ev(ev({name},{point}nouns,numer),{point}nouns,numer))",
        ]
    numbers = range(1, len(truths) + 1)
    said.append(f"{name}ok:{' and '.join(f'same0({name}at{i},{name}true{i})' for i in numbers)}")
    turned = " and ".join(f"same0({name}at{i},transpose({name}true{i}))" for i in numbers)
    return [*said, f"{name}turned:{turned}"]


COMPARED = """\
shape0(m0):=if matrixp(m0) then [length(m0),length(m0[1])] else [1,1]
big0(m0):=if matrixp(m0) then apply(max,map(abs,flatten(args(m0)))) else abs(m0)
near0(d0,s0):=is(d0#[] and numberp(first(d0)) and numberp(s0)) and is(first(d0)<=1.0e-6*(1+s0))
same0(l0,t0):=is(l0#[] and shape0(first(l0))=shape0(t0)) and
near0(errcatch(big0(float(first(l0)-t0))),big0(float(t0)))"""
"""Is the value that was caught, if any, the true one?"""
