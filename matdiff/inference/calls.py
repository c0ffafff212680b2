"""Calls: which record a word means, the types it gives, and the constants that are called like functions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from matdiff.core.node import Kind
from matdiff.core.op import Op, Record, along, parameters, words
from matdiff.core.shape import ONE, Dim, Spec, signature
from matdiff.errors import ParseError, UnsupportedError
from matdiff.inference.arrows import arrow_type, derivative_named
from matdiff.inference.literals import as_fixed, literal, size, whole
from matdiff.inference.misfit import Misfit
from matdiff.inference.names import CONSTANTS, unknown_function
from matdiff.inference.special import SPECIAL, constant_type, entrywise, split_primes
from matdiff.inference.types import Root, Type
from matdiff.text.advice import refused
from matdiff.text.tree import AXIS, Tree

if TYPE_CHECKING:
    from matdiff.inference.types import Checking


MAX_FACTORS = 64
"""Most dimensions whose product is a size: kron(A,kron(A,…)) has as many as factors."""


@cache
def anatomy(sig: str) -> tuple[tuple[Spec, ...], Spec, tuple[str, ...], frozenset[str]]:
    """Inputs, output, parameters, and those of the parameters that are dimensions."""
    inputs, output = signature(sig)
    names = frozenset(n for spec in (*inputs, output) if spec for d in spec for n in d.names)
    given = parameters(sig)
    return inputs, output, given, names.intersection(given)


def accepts(spec: Spec, kind: Kind) -> bool:
    """Whether an argument of this kind may stand for `spec`; a row is a matrix, never a square one, and (1,n) a row."""
    if spec is None:
        return True
    if len(spec) == 2:
        return kind == "row" and spec[0] is not spec[1] if kind != "matrix" else spec[0] is not ONE
    return kind == ("vector" if spec else "scalar")


def records(name: str, trees: Sequence[Tree]) -> list[Record]:
    """The records of a word that take so many arguments, parameters included."""
    out = []
    for record in words.get(name, ()):
        inputs, _, given, _ = anatomy(record.signature)
        if len(inputs) + len(given) == len(trees) and as_fixed(given, trees):
            out.append(record)
    return out


def elementwise(name: str) -> bool:
    """Whether a word acts entry by entry: all its records of one argument do."""
    every = [anatomy(record.signature) for record in words.get(name, ())]
    found = [(inputs, output) for inputs, output, given, _ in every if len(inputs) + len(given) == 1]
    return bool(found) and all(inputs == (None,) and output is None for inputs, output in found)


def choose(name: str, kinds: Sequence[Kind], count: int, trees: Sequence[Tree] = ()) -> Record | None:
    """The first record whose kinds of arguments fit; scalars also where the record says what they mean."""
    for record in words.get(name, ()):
        inputs, _, given, _ = anatomy(record.signature)
        if len(inputs) + len(given) == count and (not given or as_fixed(given, trees)):
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
        if name.isdigit():
            continue
        out.append(size(tree) if name in dims else whole(tree, f"the {name} of {t.value}", 0 if name == "k" else 1))
    return tuple(out)


def check_call(c: Checking, t: Tree, args: list[Type]) -> Type:
    name = str(t.value)
    if name in ("max", "min") and args[0][0] == "matrix" and len(args) == 2 and literal(t.args[1]) in (1, 2):
        raise _axis_or_entries(t, name, args)
    if name in words and name not in c.functions:
        return call_type(c, t, name, args, ())
    special = SPECIAL.get(name)
    if special is not None and name not in c.functions:
        return special(c, t, args)
    if name in CONSTANTS:
        return constant_type(c, t)
    if (of := derivative_named(c.functions, name)) is not None:
        return arrow_type(c.solver, t, of, args)
    base, primes = split_primes(name)
    if base in c.functions:
        if primes and c.functions[base] is not None:
            raise UnsupportedError(f"{base} is defined, so its derivative is asked for with `wrt`, not written {name}")
        if len(args) != 1:
            raise ParseError(f"{name} takes one argument, not {len(args)}")
        if args[0][0] != "scalar" and isinstance(root := c.functions[base], Root):
            entrywise(root, t)
        return args[0]
    if name.endswith(AXIS):
        raise ParseError(f"{name.removesuffix(AXIS)}takes no axis", hint=f"an axis is for {', '.join(along)}")
    named = [str(a.value) if a.head == "name" else "" for a in t.args]
    raise refused(name) or refused(name.lower()) or unknown_function(name, named)


def _axis_or_entries(t: Tree, name: str, args: list[Type]) -> Misfit:
    """max(X, 2): with the number, or along the dimension?"""
    hint = f"write row{name}({{0}}) or {name}({{0}}, axis=1) along the rows, col{name}({{0}}) down the columns, "
    hint += f"{name}({{0}}, {{1}}*matrix(1)) with the number"
    return Misfit(t, f"{name} of a matrix and {literal(t.args[1])} has two meanings", tuple(args), hint)


def call_type(c: Checking, t: Tree, name: str, args: list[Type], params: tuple[Any, ...]) -> Type:
    kinds = [a[0] for a in args]
    count = len(t.args)
    record = choose(name, kinds, count, t.args)
    if record is None:
        raise _no_record(t, name, args, count)
    inputs, output, given, dims = anatomy(record.signature)
    if args and all(k == "scalar" for k in kinds) and any(inputs):
        return "scalar", ONE, ONE
    bound: dict[str, Dim] = {}
    if dims:
        bound = {p: v for p, v in zip(given, call_params(t, record), strict=True) if p in dims}
    like = _bind(c, t, record, args, bound)
    if output is None:
        assert like is not None
        return like
    shape = [_known(c, d.substitute(bound)) for d in output]
    if any(len(m) > MAX_FACTORS for d in shape for m, _ in d.terms):
        raise UnsupportedError(f"a size is the product of over {MAX_FACTORS} dimensions", hint="use fewer factors")
    if len(shape) == 2:
        return ("row" if output[0] is ONE else "matrix"), shape[0], shape[1]
    return ("vector", shape[0], ONE) if shape else ("scalar", ONE, ONE)


def _known(c: Checking, d: Dim) -> Dim:
    return d if d.name is not None else c.solver.value(d)


def _bind(c: Checking, t: Tree, record: Record, args: list[Type], bound: dict[str, Dim]) -> Type | None:
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
        for free in dim.names - bound.keys():
            bound[free] = c.solver.fresh()
        if not equate(dim.substitute(bound), actual):
            raise _misfit(t, record, args)
    return like


def _misfit(t: Tree, record: Record, args: list[Type]) -> Misfit:
    spec = anatomy(record.signature)[0][0]
    if len(args) == 1 and spec and len(spec) == 2 and spec[0] is spec[1]:
        hint = "pinv({0}) is the pseudoinverse" if t.value == "inv" else ""
        return Misfit(t, f"{t.value} needs a square matrix, not {{}}", tuple(args), hint)
    takes = ",".join(f"({','.join(map(str, s))})" if s is not None else "(...)" for s in anatomy(record.signature)[0])
    return Misfit(t, f"{t.value or record.name} takes {takes}, not {' and '.join(['{}'] * len(args))}", tuple(args))


def _no_record(t: Tree, name: str, args: list[Type], count: int) -> Exception:
    known = words[name]
    fitting = records(name, t.args)
    if not fitting and any(p.isdigit() for r in known for p in anatomy(r.signature)[2]) and count == 2:
        hint = f"{name}(…, 1) goes down the columns, {name}(…, 2) along the rows"
        return ParseError(f"the second argument of {name} is the dimension 1 or 2", hint=hint)
    if not fitting:
        counts = sorted({len(anatomy(r.signature)[0]) + len(anatomy(r.signature)[2]) for r in known})
        many = " or ".join(map(str, counts))
        hint = _surplus(t, args) or "write " + " or ".join(dict.fromkeys(_usage(name, r) for r in known))
        return ParseError(f"{name} takes {many} argument{'s' * (counts != [1])}, not {count}", hint=hint)
    takes = " or ".join(dict.fromkeys(_in_words(r) for r in fitting))
    hint = _remedy(name, [a[0] for a in args])
    return Misfit(t, f"{name} takes {takes}, not {' and '.join(['{}'] * len(args))}", tuple(args), hint)


NORMS: dict[tuple[str, Kind], str] = {
    ("1", "vector"): "norm1({0})", ("2", "vector"): "norm({0})", ("inf", "vector"): "norminf({0})",
    ("1", "matrix"): "norm1({0}) for the sum of all absolute values", ("2", "matrix"): "sigma_max({0})",
    ("inf", "matrix"): "norminf({0}) for the largest absolute value",
}  # fmt: skip
_norms = "norm(x) is the 2-norm of a vector and the Frobenius norm of a matrix; others are norm1, norminf, sigma_max"


def _surplus(t: Tree, args: list[Type]) -> str:
    """What sum(X,1), norm(X,2), log(x,2) are here, or an empty string."""
    if len(t.args) != 2 or t.value != "norm":
        said = (op.surplus for op in words.get(str(t.value), ()) if isinstance(op, Op) and op.surplus)
        kinds, _, text = next(said, "").partition(": ")
        hint = text if len(t.args) > 1 and args and args[0][0] in kinds.split() else ""
    else:
        hint = _norm_hint(t.args[1], args[0][0])
    first = t.args[0]
    return hint.format(first.value if first.head == "name" else "xX"[args[0][0] == "matrix"])


def _norm_hint(order: Tree, kind: Kind) -> str:
    found = NORMS.get((str(order.value), kind))
    if found is None and kind == "vector" and isinstance(order.value, int):
        found = f"sum(abs({{0}}).^{order.value})^(1/{order.value})"
    return f"write {found}" if found else _norms


def _usage(name: str, record: Record) -> str:
    """`eigval(A,i)`: a call with letters for the arguments."""
    inputs, _, given, _ = anatomy(record.signature)
    letters = {0: iter("stuv"), 1: iter("xyzw"), 2: iter("ABCD")}
    domain = (*getattr(record, "domain", ()), *[""] * len(inputs))
    written = [
        "i" if word == "index" else next(letters[1 if spec is None else len(spec)])
        for spec, word in zip(inputs, domain, strict=False)
    ]
    return f"{name}({','.join([*written, *given])})"


def _in_words(record: Record) -> str:
    out = []
    for spec in anatomy(record.signature)[0]:
        if spec is None:
            out.append("anything")
        elif len(spec) == 2:
            out.append("a row" if spec[0] is ONE else "a square matrix" if spec[0] is spec[1] else "a matrix")
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
    if name == "softmax" and kinds == ["matrix"]:
        return (
            "of every row it is softmax({0}, 2), of every column softmax({0}, 1), of all entries exp({0})/sum(exp({0}))"
        )
    return ""
