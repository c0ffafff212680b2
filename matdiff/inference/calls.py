"""Calls: which record a word means, the types it gives, and the constants that are called like functions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from matdiff.errors import ParseError, ShapeError, UnsupportedError
from matdiff.inference.literals import literal, size, whole
from matdiff.inference.misfit import Misfit
from matdiff.inference.names import CONSTANTS, unknown_function
from matdiff.inference.own import split_primes
from matdiff.inference.unify import Type
from matdiff.node import Kind
from matdiff.op import Record, parameters, registry, words
from matdiff.refusals import refused
from matdiff.shape import ONE, Dim, Spec, signature
from matdiff.syntax import Tree

if TYPE_CHECKING:
    from matdiff.inference.check import Checker


@cache
def anatomy(sig: str) -> tuple[tuple[Spec, ...], Spec, tuple[str, ...], frozenset[str]]:
    """Inputs, output, parameters, and those of the parameters that are dimensions."""
    inputs, output = signature(sig)
    names = frozenset(n for spec in (*inputs, output) if spec for d in spec for n in d.names)
    given = parameters(sig)
    return inputs, output, given, names.intersection(given)


def accepts(spec: Spec, kind: Kind) -> bool:
    """Whether an argument of this kind may stand for `spec`; a row is a matrix, though never a square one."""
    if spec is None:
        return True
    if len(spec) == 2:
        return kind == "matrix" or (kind == "row" and spec[0] is not spec[1])
    return kind == ("vector" if spec else "scalar")


def records(name: str, count: int) -> list[Record]:
    """The records of a word that take so many arguments, parameters included."""
    out = []
    for record in words.get(name, ()):
        inputs, _, given, _ = anatomy(record.signature)
        if len(inputs) + len(given) == count:
            out.append(record)
    return out


def choose(name: str, kinds: Sequence[Kind], count: int) -> Record | None:
    """The first record whose kinds of arguments fit; scalars also where the record says what they mean."""
    for record in words.get(name, ()):
        inputs, _, given, _ = anatomy(record.signature)
        if len(inputs) + len(given) == count:
            for spec, kind in zip(inputs, kinds, strict=True):
                if not accepts(spec, kind):
                    break
            else:
                return record
            if record.scalar is not None and all(k == "scalar" for k in kinds):
                return record
    return None


def call_params(t: Tree, record: Record) -> tuple[Any, ...]:
    """The parameters that stand after the arguments: dimensions, or whole numbers."""
    _, _, given, dims = anatomy(record.signature)
    if not given:
        return ()
    out: list[Any] = []
    for name, tree in zip(given, t.args[-len(given) :], strict=True):
        out.append(size(tree) if name in dims else whole(tree, f"the {name} of {t.value}", 0 if name == "k" else 1))
    return tuple(out)


def check_call(c: Checker, t: Tree, args: list[Type]) -> Type:
    name = str(t.value)
    if name in words and name not in c.functions:
        return call_type(c, t, name, args, ())
    special = SPECIAL.get(name)
    if special is not None and name not in c.functions:
        return special(c, t, args)
    if name in CONSTANTS:
        return constant_type(c, t)
    base, primes = split_primes(name)
    if base in c.functions:
        if primes and c.functions[base] is not None:
            raise UnsupportedError(f"{base} is defined, so its derivative is asked for with `wrt`, not written {name}")
        if len(args) != 1:
            raise ParseError(f"{name} takes one argument, not {len(args)}")
        return args[0]
    raise refused(name) or unknown_function(name)


def call_type(c: Checker, t: Tree, name: str, args: list[Type], params: tuple[Any, ...]) -> Type:
    kinds = [a[0] for a in args]
    count = len(t.args)
    record = choose(name, kinds, count)
    if record is None:
        raise _no_record(t, name, args, count)
    inputs, output, given, dims = anatomy(record.signature)
    if args and all(k == "scalar" for k in kinds) and any(inputs):
        return "scalar", ONE, ONE
    bound: dict[str, Dim] = {}
    if given:
        bound = {p: v for p, v in zip(given, call_params(t, record), strict=True) if p in dims}
    like = _bind(c, t, record, args, bound)
    if output is None:
        assert like is not None
        return like
    shape = [_known(c, d.substitute(bound)) for d in output]
    if len(shape) == 2:
        return "matrix", shape[0], shape[1]
    return ("vector", shape[0], ONE) if shape else ("scalar", ONE, ONE)


def _known(c: Checker, d: Dim) -> Dim:
    return d if d.name is not None else c.solver.value(d)


def _bind(c: Checker, t: Tree, record: Record, args: list[Type], bound: dict[str, Dim]) -> Type | None:
    """Equations between the arguments and the signature; the argument that `(...)` stands for."""
    like: Type | None = None
    later: list[tuple[Dim, Dim]] = []
    equate = c.solver.equate
    for spec, arg in zip(anatomy(record.signature)[0], args, strict=True):
        if spec is None:
            if like is not None and not c.same(like, arg):
                raise _misfit(t, record, args)
            like = arg
            continue
        for dim, actual in zip(spec, arg[1:], strict=False):
            name = dim.name
            if name is None:
                later.append((dim, actual))
            elif not equate(bound.setdefault(name, actual), actual):
                raise _misfit(t, record, args)
    for dim, actual in later:
        if not equate(dim.substitute(bound), actual):
            raise _misfit(t, record, args)
    return like


def _misfit(t: Tree, record: Record, args: list[Type]) -> Misfit:
    spec = anatomy(record.signature)[0][0]
    if len(args) == 1 and spec and len(spec) == 2 and spec[0] is spec[1]:
        return Misfit(t, f"{t.value} needs a square matrix, not {{}}", tuple(args))
    takes = record.signature.split("->")[0].partition(";")[0]
    return Misfit(t, f"{t.value or record.name} takes {takes}, not {' and '.join(['{}'] * len(args))}", tuple(args))


def _no_record(t: Tree, name: str, args: list[Type], count: int) -> Exception:
    known = words[name]
    fitting = records(name, count)
    if not fitting:
        counts = sorted({len(anatomy(r.signature)[0]) + len(anatomy(r.signature)[2]) for r in known})
        many = " or ".join(map(str, counts))
        return ParseError(f"{name} takes {many} argument{'s' * (counts != [1])}, not {count}")
    takes = " or ".join(dict.fromkeys(_in_words(r) for r in fitting))
    hint = _remedy(name, [a[0] for a in args])
    return Misfit(t, f"{name} takes {takes}, not {' and '.join(['{}'] * len(args))}", tuple(args), hint)


def _in_words(record: Record) -> str:
    out = []
    for spec in anatomy(record.signature)[0]:
        if spec is None:
            out.append("anything")
        elif len(spec) == 2:
            out.append("a square matrix" if spec[0] is spec[1] else "a matrix")
        else:
            out.append("a vector" if spec else "a scalar")
    return " and ".join(out)


def _remedy(name: str, kinds: list[Kind]) -> str:
    if name in ("det", "tr", "trace", "logdet", "inv") and kinds == ["vector"]:
        return "a product of two vectors that is a matrix is written {0}*{0}'"
    if name in ("expm", "logm", "sqrtm") and kinds == ["vector"]:
        return f"entry by entry it is {name[:-1]}({{0}})"
    if name == "vec" and kinds == ["vector"]:
        return "a vector needs no vec"
    return ""


# words with a grammar of their own


def _maximum(c: Checker, t: Tree, args: list[Type]) -> Type:
    """max(x,0) and max(0,x) are relu(x)."""
    which = relu_argument(t)
    if which is None:
        raise refused("max") or ParseError("max takes two arguments, one of them 0")
    return args[which]


def relu_argument(t: Tree) -> int | None:
    if len(t.args) == 2:
        zero = [literal(a) == 0 for a in t.args]
        if zero[0] != zero[1]:
            return 0 if zero[1] else 1
        if zero[0]:
            return 0
    return None


def _exponential(c: Checker, t: Tree, args: list[Type]) -> Type:
    a = args[0]
    if a[0] not in ("scalar", "matrix"):
        raise Misfit(t, "e^x takes a scalar or a square matrix, not {}", (a,), "write exp({0}) entry by entry")
    if a[0] == "matrix" and not c.solver.equate(a[1], a[2]):
        raise Misfit(t, "e^X needs a square matrix, not {}", (a,), "write exp({0}) entry by entry")
    return a


def _frechet(c: Checker, t: Tree, args: list[Type]) -> Type:
    op = frechet_op(t)
    if len(args) != 2:
        raise ParseError("frechet takes a matrix function and two matrices: frechet(expm,A,V)")
    for a in args:
        if a[0] != "matrix" or not c.solver.equate(a[1], a[2]) or not c.same(args[0], a):
            raise Misfit(t, f"{op.name} takes two square matrices, not {{}} and {{}}", tuple(args), "", t.args[1:])
    return args[0]


def frechet_op(t: Tree) -> Record:
    name = f"frechet_{t.args[0].value}" if t.args else ""
    if name not in registry:
        known = ", ".join(n.removeprefix("frechet_") for n in registry if n.startswith("frechet_"))
        raise ParseError(f"the first argument of frechet is one of {known}")
    return registry[name]


def _beside(c: Checker, t: Tree, args: list[Type]) -> Type:
    from matdiff.inference.check import HANDLERS

    if not args:
        raise ParseError(f"{t.value} needs arguments")
    result = HANDLERS["row" if t.value == "hcat" else "block"](c, t, args)
    return result


SPECIAL = {"max": _maximum, "e^": _exponential, "frechet": _frechet, "hcat": _beside, "vcat": _beside}


# constants

_SIZES = {"eye": (1,), "ones": (1, 2), "zeros": (1, 2), "K": (2,), "D": (1,), "e": (2,), "vector": (1,), "matrix": (1,)}


def constant_sizes(t: Tree) -> list[Dim]:
    """The sizes in `ones(m,n)`; of e(n,i) the n.  Raises ParseError for a wrong number of them."""
    name = str(t.value)
    if len(t.args) not in _SIZES[name]:
        many = " or ".join(map(str, _SIZES[name]))
        raise ParseError(f"{name} takes {many} argument{'s' * (many != '1')}, not {len(t.args)}")
    if name in ("vector", "matrix"):
        if literal(t.args[0]) is None:
            raise ParseError(f"{name}(1) is an array of ones: its argument is a number")
        return []
    if name == "e":
        n, i = size(t.args[0]), whole(t.args[1], "the index of e(n,i)")
        if n.number is not None and i > n.number:
            raise ShapeError(f"index {i} is out of range: e({n},i) has {n} entries, counted from 1")
        return [n]
    return [size(a) for a in t.args]


def constant_type(c: Checker, t: Tree) -> Type:
    sizes = constant_sizes(t)
    match t.value:
        case "vector" | "matrix":
            rows = c.solver.fresh()
            cols = ONE if t.value == "vector" else c.solver.fresh()
            c.loose[t] = (rows,) if t.value == "vector" else (rows, cols)
            return ("vector" if t.value == "vector" else "matrix"), rows, cols
        case "eye":
            return "matrix", sizes[0], sizes[0]
        case "K":
            side = sizes[0] * sizes[1]
            return "matrix", side, side
        case "D":
            n = duplication_size(sizes[0])
            return "matrix", Dim.of(n * n), Dim.of(n * (n + 1) // 2)
        case _:
            return ("vector", sizes[0], ONE) if len(sizes) == 1 else ("matrix", sizes[0], sizes[1])


def duplication_size(n: Dim) -> int:
    if n.number is None:
        raise UnsupportedError(f"D({n}) has {n}*({n}+1)/2 columns, which only a number can say", hint="write D(3)")
    return n.number
