"""Declarations: checked, combined, and written back as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from matdiff.core.node import Apply, Kind, Node, Symbol, describe, number, topological
from matdiff.core.op import Record, registry
from matdiff.core.patterns import deferred
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.errors import MatdiffError, ParseError, ShapeError
from matdiff.inference.calls import accepts, anatomy
from matdiff.inference.names import CONSTANTS, is_reserved
from matdiff.ops.complexes import COMPLEX
from matdiff.ops.indexing import COLUMN, ROW, entry, slice_
from matdiff.ops.sets import CURVED
from matdiff.ops.unknown import Arrow, Unknown
from matdiff.text.tree import Declaration

# Indexing and calls as Python writes them: from 0, half-open, with values for parameters.


def declaration_text(variables: Iterable[Symbol], *nodes: Node) -> str:
    """The declarations of variables, and of the unknown functions in `nodes`, as text."""
    ops = dict.fromkeys(n.op for n in topological(*nodes) if isinstance(n, Apply))
    own: dict[str, Arrow | None] = {}
    own |= dict.fromkeys(op.name.rstrip("'") for op in ops if op.elementwise and op.name not in registry)
    own |= {op.of.base: op.of.arrow for op in ops if isinstance(op, Unknown)}
    return declarations_text({s.name: s for s in variables}, own)


def numpy_index(a: Node, key: Any) -> Node:
    """`x[i]`, `A[i]` (a row), `A[i, j]`, `A[:, j]`, `A[i:j, k:l]`.  Raises ShapeError out of range."""
    keys = key if isinstance(key, tuple) else (key,)
    wanted = {"scalar": 0, "vector": 1}.get(a.kind, 2)
    if not 1 <= len(keys) <= wanted:
        raise ShapeError(f"{describe(a)} takes {wanted} ind{'ex' if wanted == 1 else 'ices'}, not {len(keys)}")
    rows = _subscript(keys[0], a.rows)
    if wanted == 1:
        return entry(a, rows) if isinstance(rows, int) else slice_(a, *rows)
    cols = _subscript(keys[1] if len(keys) == 2 else slice(None), a.cols)
    if isinstance(rows, int):
        if isinstance(cols, int):
            return entry(a, rows, cols)
        return slice_(ROW.build((a,), (rows,)), *cols)
    if isinstance(cols, int):
        return slice_(COLUMN.build((a,), (cols,)), *rows)
    return slice_(a, *rows, *cols)


def _subscript(key: Any, size: Dim) -> int | tuple[Dim, Dim]:
    """An index counted from 1, or a half-open range counted from 0."""
    if isinstance(key, slice):
        if key.step not in (None, 1):
            raise ShapeError("slices have no step", hint="multiply by a selection of the columns of eye(n)")
        low = ZERO if key.start is None else _bound(key.start, size)
        high = size if key.stop is None else _bound(key.stop, size)
        numbers = low.number, high.number
        if numbers[0] is not None and numbers[1] is not None and numbers[0] >= numbers[1]:
            raise ShapeError(f"the slice {low}:{high} is empty")
        return low, high
    at = _bound(key, size).number
    if at is None or (size.number is not None and at >= size.number):
        raise ShapeError(f"index {key} is out of range: there are {size}, counted from 0")
    return at + 1


def _bound(value: Any, size: Dim) -> Dim:
    if isinstance(value, str | Dim):
        return Dim.of(value)
    try:
        at: int = value.__index__()
    except AttributeError:
        raise ShapeError(f"an index is a whole number or a slice, not {value!r}") from None
    if at < 0:
        if size.number is None:
            raise ShapeError(f"the index {at} counts from the end of {size} entries, which only a number can tell")
        at += size.number
    if at < 0:
        raise ShapeError(f"index {value} is out of range: there are {size}")
    return Dim.of(at)


def call_record(records: Sequence[Record], values: Sequence[Any]) -> Node:
    """The first record that the values fit: nodes and numbers for arguments, then sizes and indices for parameters."""
    fitting = False
    for record in records:
        inputs, _, given, dims = anatomy(record.signature)
        variadic = record.name in ("hcat", "vcat")
        if len(values) != len(inputs) + len(given) and not (variadic and values):
            continue
        if any(p.isdigit() and v != int(p) for p, v in zip(given, values[len(inputs) :], strict=False)):
            continue
        fitting = True
        args = tuple(_lifted(v, record) for v in values[: len(values) - len(given)])
        scalar = record.scalar is not None and all(a.kind == "scalar" for a in args)
        if variadic or scalar or all(accepts(spec, a.kind) for spec, a in zip(inputs, args, strict=True)):
            return record(*args, params=_parameters(given, dims, values[len(args) :], record))
    name = records[0].name
    takes = " or ".join(dict.fromkeys(r.signature.split("->")[0] for r in records))
    if not fitting:
        raise ParseError(f"{name} takes {takes}, not {len(values)} argument{'s' * (len(values) != 1)}")
    got = " and ".join(describe(v) if isinstance(v, Node) else repr(v) for v in values)
    raise ShapeError(f"{name} takes {takes}, not {got}")


def _lifted(value: Any, record: Record) -> Node:
    if isinstance(value, Node):
        return value
    try:
        if isinstance(value, Fraction):
            return number(value)
        return number(int(value.__index__()) if hasattr(value, "__index__") else float(value))
    except (TypeError, ValueError):
        raise MatdiffError(f"{record.name} takes expressions and numbers, not {type(value).__name__}") from None


def _parameters(given: tuple[str, ...], dims: frozenset[str], values: Sequence[Any], record: Record) -> tuple[Any, ...]:
    out: list[Any] = []
    for name, value in zip(given, values, strict=True):
        if name.isdigit():
            continue
        if name in dims and isinstance(value, int | str | Dim):
            out.append(Dim.of(value))
        elif name not in dims and isinstance(value, int) and value >= 0:
            out.append(value)
        else:
            raise ShapeError(f"the {name} of {record.name} must be a whole number{' or a dimension' * (name in dims)}")
    return tuple(out)


ATTRIBUTES = (
    "symmetric",
    "skew",
    "diagonal",
    "lower",
    "upper",
    "spd",
    *CURVED,
    "positive",
    "index",
    "tall",
    *sorted(COMPLEX),
)
SQUARE = frozenset((*ATTRIBUTES[:7], *(COMPLEX - {"complex"})))
"""Of square matrices: the linear sets, spd, and `orthogonal`, the first of the curved sets."""
SPELLED = {word: space.written for word, space in CURVED.items()}
KINDS = ("scalar", "vector", "matrix", "elementwise")
EMPTY = frozenset({"symmetric", "spd", "diagonal", "lower", "upper", "positive"})
"""What no skew matrix but 0 can be."""


class Declared(NamedTuple):
    """What is said of a name; kind None and dims () where that is left to inference."""

    kind: Kind | None = None
    dims: tuple[Dim, ...] = ()
    attributes: frozenset[str] = frozenset()
    elementwise: bool = False
    arrow: Arrow | None = None

    @property
    def function(self) -> bool:
        return self.elementwise or self.arrow is not None


def read(declaration: Declaration) -> Declared:
    """One declaration, checked by itself.  Raises ParseError, or ShapeError for a size out of range."""
    name = declaration.name
    if is_reserved(name):
        raise ParseError(f"{name} is reserved and cannot be declared", hint="choose another name")
    if declaration.arrow is not None:
        if name in CONSTANTS:
            raise ParseError(f"{name}(…) is a constant of the language", hint="choose another name for the function")
        inputs, output = declaration.arrow
        return Declared(arrow=Arrow(tuple(_sizes(name, s) for s in inputs), _sizes(name, output)))
    kinds = [w for w in declaration.words if w in KINDS]
    attributes = {w for w in declaration.words if w not in KINDS}
    _known_words(attributes)
    dims = tuple(dimension(d) for d in declaration.dims)
    if len(dims) > 2:
        raise ParseError(
            f"{name} has {len(dims)} dimensions; there are scalars, vectors `{name}: n` and matrices `{name}: m×n`"
        )
    if len(set(kinds)) > 1:
        raise ParseError(f"{name} cannot be both {kinds[0]} and {kinds[1]}")
    if "elementwise" in kinds:
        if dims or attributes:
            raise ParseError(f"{name} is an elementwise function: it has neither a shape nor attributes")
        return Declared(elementwise=True)
    if "orthonormal" in attributes and len(dims) == 2 and dims[0] is dims[1]:
        attributes = attributes - {"orthonormal"} | {"orthogonal"}
    kind = _kind(name, kinds, dims, attributes)
    if kind is None and attributes in ({"complex"}, {"index"}):
        kind = "scalar"
    if "index" in attributes and (kind != "scalar" or len(attributes) > 1):
        raise ParseError(f"{name} is an index, which is a whole number", hint=f"write `{name}: index`")
    if not COMPLEX.isdisjoint(attributes):
        _fits_complex(name, attributes)
    _no_contradiction(name, kind, dims, attributes)
    return Declared(kind, dims, canonical(attributes))


def _sizes(name: str, said: Sequence[str]) -> tuple[Dim, ...]:
    """The shape of an argument or of the value of an unknown function."""
    dims = tuple(map(dimension, said))
    _at_least_one(name, dims)
    return dims


def _known_words(attributes: Iterable[str]) -> None:
    for word in sorted(attributes):
        if word not in ATTRIBUTES:
            raise ParseError(
                f"{word} is not an attribute",
                hint=f"attributes are {', '.join(SPELLED.get(a, a) for a in ATTRIBUTES)}; kinds are {', '.join(KINDS)}",
            )


def _kind(name: str, kinds: Sequence[str], dims: tuple[Dim, ...], attributes: set[str]) -> Kind | None:
    implied: Kind | None = "matrix" if "tall" in attributes else None
    if dims:
        implied = "vector" if len(dims) == 1 else "matrix"
    elif attributes & SQUARE:
        implied = "matrix"
    else:
        implied = next((CURVED[a].kind for a in sorted(attributes & CURVED.keys())), None)
    said: Kind | None = kinds[0] if kinds else None  # type: ignore[assignment]
    if said and implied and said != implied:
        because = "×".join(map(str, dims)) if dims else ", ".join(SPELLED.get(a, a) for a in sorted(attributes))
        raise ParseError(f"{name} cannot be both a {said} and {because}")
    return said or implied


def _no_contradiction(name: str, kind: Kind | None, dims: tuple[Dim, ...], attributes: set[str]) -> None:
    square = sorted(attributes & SQUARE)
    if square and (kind not in ("matrix", None) or (len(dims) == 2 and dims[0] is not dims[1])):
        shape = "×".join(map(str, dims)) or kind
        tall = f"for orthonormal columns declare `{name}: {shape} orthonormal`" if len(dims) == 2 else ""
        raise ParseError(
            f"{name} is declared {square[0]}, which only a square matrix can be, not {shape}",
            hint=tall if square == ["orthogonal"] else "",
        )
    _fits_its_set(name, kind, dims, attributes)
    _can_be_tall(name, kind, dims, attributes)
    both = sorted(attributes & EMPTY)
    if "skew" in attributes and both:
        raise ParseError(f"{name} cannot be both skew and {both[0]}")
    _at_least_one(name, dims)


def _fits_complex(name: str, attributes: set[str]) -> None:
    """Raises ParseError for what belongs to real arrays, or says two things of a complex one."""
    import matdiff.calculus.complexes  # noqa: F401  brings the proof that a matrix is Hermitian, only where it is asked

    others = attributes - {"complex"}
    for word, instead in (("spd", "hpd"), ("orthogonal", "unitary"), ("positive", "")):
        if word in others:
            hint = f"Hermitian positive definite is `{instead}`" if instead == "hpd" else ""
            hint = hint or (f"write `{instead}`" if instead else "leave one of the two out")
            raise ParseError(f"{name} cannot be both complex and {word}", hint=hint)
    told = others & COMPLEX
    if len(told) > 1 and told != {"hermitian", "hpd"}:
        raise ParseError(f"{name} cannot be both {' and '.join(sorted(told))} here", hint="keep one of the two")
    if told and others - told:
        raise ParseError(f"{name} cannot be both {min(told)} and {min(others - told)} here")


def _at_least_one(name: str, dims: Iterable[Dim]) -> None:
    for dim in dims:
        if dim.number is not None and dim.number < 1:
            raise ShapeError(f"a dimension of {name} is {dim}; dimensions are at least 1")


def _can_be_tall(name: str, kind: Kind | None, dims: tuple[Dim, ...], attributes: set[str]) -> None:
    """At least as many rows as columns, which is said of a matrix."""
    numbers = [d.number for d in dims]
    if "tall" in attributes and kind not in ("matrix", None):
        raise ParseError(f"{name} is declared tall, which only a matrix can be")
    if "tall" in attributes and len(dims) == 2 and None not in numbers and numbers[0] < numbers[1]:  # type: ignore[operator]
        raise ParseError(f"{name} is declared tall, but it has {numbers[0]} rows and {numbers[1]} columns")


def _fits_its_set(name: str, kind: Kind | None, dims: tuple[Dim, ...], attributes: set[str]) -> None:
    """A curved set is of vectors or of matrices, and is one alone."""
    words = sorted(attributes & CURVED.keys())
    for word in words:
        space = CURVED[word]
        if kind not in (space.kind, None):
            spherical = "for columns of length 1 say unit columns, for orthonormal ones orthonormal"
            raise ParseError(
                f"{name} is declared {space.written}, which only a {space.kind} can be",
                hint=spherical if word == "unit" and kind == "matrix" else "",
            )
        numbers = [d.number for d in dims]
        if space.tall and len(dims) == 2 and None not in numbers and numbers[0] < numbers[1]:  # type: ignore[operator]
            raise ParseError(
                f"{name} is declared {space.written}, but {numbers[1]} columns of length {numbers[0]} cannot be "
                "orthonormal"
            )
        others = [w for w in ATTRIBUTES if w in attributes and w != word and not _together(word, w)]
        if others:
            one, other = SPELLED[word], SPELLED.get(others[0], others[0])
            raise ParseError(f"{name} cannot be both {one} and {other} here", hint="keep one of the two")


def _together(curved: str, other: str) -> bool:
    """May a variable on a curved set have the other attribute as well?"""
    if curved in ("orthogonal", "unit"):
        return other not in CURVED
    return other == "positive" and curved in ("oblique", "simplex")


def canonical(attributes: Iterable[str]) -> frozenset[str]:
    """Attributes without those that others imply, so that equal sets are equal symbols."""
    out = set(attributes)
    if ("lower" in out and out & {"upper", "symmetric", "spd"}) or ("upper" in out and out & {"symmetric", "spd"}):
        out.add("diagonal")
    if "diagonal" in out:
        out -= {"symmetric", "lower", "upper"}
    if "spd" in out:
        out.discard("symmetric")
    if out & {"hermitian", "unitary", "hpd"}:
        out.discard("complex")
    if "hpd" in out:
        out.discard("hermitian")
    if "simplex" in out:
        out.discard("positive")
    return frozenset(out)


def dimension(text: str) -> Dim:
    """A dimension from text: a name, a whole number, products and sums of these; n*(n+1)/2.

    >>> dimension("2*n"), dimension("m*n+1"), dimension("n*(n+1)/2")
    (2*n, m*n+1, n*(n+1)/2)
    """
    total = Dim.of(0)
    for term in _PLUS.split(text.replace("·", "*")):
        body, _, divisor = term.partition("/")
        factor = ONE
        for part in _TIMES.split(body):
            word = part.strip()
            if word.isdecimal():
                factor = factor * Dim.of(int(word))
            elif word.isidentifier():
                factor = factor * Dim.of(word)
            elif word[:1] == "(" and word[-1:] == ")" and "(" not in word[1:]:
                factor = factor * dimension(word[1:-1])
            else:
                raise _no_dimension(text)
        if divisor.strip():
            if not divisor.strip().isdecimal() or not int(divisor):
                raise _no_dimension(text)
            factor = Dim.collect({m: Fraction(c) / int(divisor) for m, c in factor.terms})
        total = total + factor
    if not total.whole:
        raise ParseError(f"{text.strip()} is not a whole number for every size")
    return total


_PLUS, _TIMES = deferred(r"\+(?![^(]*\))"), deferred(r"\*(?![^(]*\))")


def _no_dimension(text: str) -> ParseError:
    return ParseError(
        f"{text.strip() or 'nothing'} is not a dimension",
        hint="a dimension is a name, a whole number from 1, or a product or sum of these",
    )


def gather(text: str, inside: Sequence[Declaration], outside: Sequence[Declaration]) -> dict[str, Declared]:
    """All declarations by name.  Raises ParseError where two contradict each other."""
    out: dict[str, Declared] = {}
    for place, declarations in ((None, outside), (text, inside)):
        for d in declarations:
            shown, span = (place, d.span) if place is not None else _rendered(d)
            try:
                said = read(d)
                if out.setdefault(d.name, said) != said:
                    one, other = (_short(d.name, s) for s in (out[d.name], said))
                    raise ParseError(
                        f"{d.name} is declared twice, as `{one}` and as `{other}`",
                        hint="keep one of the two declarations",
                    )
            except MatdiffError as error:
                raise error.located(shown, span) from None
    return out


def _short(name: str, said: Declared) -> str:
    if said.arrow is not None:
        return f"{name}: {said.arrow}"
    words = [SPELLED.get(a, a) for a in ATTRIBUTES if a in said.attributes]
    kind = "elementwise" if said.elementwise else "×".join(map(str, said.dims)) or str(said.kind or "")
    return f"{name}: {' '.join(filter(None, [kind, *words]))}"


def _rendered(d: Declaration) -> tuple[str, tuple[int, int]]:
    said = " ".join(["×".join(d.dims), *d.words]).strip()
    if d.arrow is not None:
        shapes = ["×".join(s) or "scalar" for s in (*d.arrow[0], d.arrow[1])]
        said = f"({', '.join(shapes[:-1])}) -> {shapes[-1]}"
    text = f"{d.name}: {said}"
    return text, (0, len(text))


def spell(name: str, kind: Kind, dims: tuple[Dim, ...], attributes: Iterable[str] = ()) -> str:
    """One declaration as text: `A: m×n symmetric`."""
    given = set(attributes)
    words = [SPELLED.get(a, a) for a in ATTRIBUTES if a in given] if given else []
    if words == ["index"]:
        return f"{name}: index"
    shape = "scalar" if kind == "scalar" else "×".join(map(str, dims))
    return f"{name}: {' '.join([shape, *words])}"


def declarations_text(variables: Mapping[str, Symbol], unknown_functions: Mapping[str, Arrow | None]) -> str:
    """Variables, and unknown functions: elementwise ones, and by their arrows those of arrays."""
    parts = [spell(s.name, s.kind, s.shape, s.attributes) for s in variables.values()]
    return "; ".join([*parts, *(f"{name}: {arrow or 'elementwise'}" for name, arrow in unknown_functions.items())])
