"""What an undeclared name is, by its look; and what to say of one that cannot be guessed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from matdiff.core.node import Apply, Kind, Node, Number, Symbol, topological
from matdiff.core.op import Op, spellings, words
from matdiff.core.patterns import deferred
from matdiff.errors import DomainError, ParseError
from matdiff.ops.algebra import HADAMARD, INNER, MATMUL, POWER, SCALE, TRANSPOSE, is_op
from matdiff.ops.constants import is_zero
from matdiff.ops.elementwise import sqrt
from matdiff.ops.linalg import inv
from matdiff.printing.names import ascii_name
from matdiff.simplify.normal import normal_forms
from matdiff.text.advice import INSTEAD, REFUSALS
from matdiff.text.tokens import GREEK
from matdiff.text.tree import Declaration, Program, Span, Tree, walk

# Functions that are defined nowhere: something divided by what is 0, the logarithm of −1.

ORDINARY = frozenset({"symmetric", "spd", "positive", "diagonal", "lower", "upper", "invertible"})
"""Properties of variables whose products are not constant, as those of orthogonal and skew matrices may be."""
PRODUCTS = (MATMUL, SCALE, TRANSPOSE, HADAMARD, INNER)
FEW = 8
"""So many arguments are looked at one by one; of more the normal forms are found at once, in time linear in all."""
WITHOUT_ZERO = ("invertible", "posdet", "positive")
"""Words for domains in which there is no 0; √0 is 0, though it has no derivative there."""


def check_defined(function: Node, divisors: Mapping[Node, Span], text: str = "", parts: Collection[Node] = ()) -> None:
    """Raises DomainError where the function divides by what is 0 whatever the variables are, or leaves the reals.

    `divisors` are what the text divides by, with their places; `parts` what it has besides, 0 times which is gone.
    """
    asked = list(_asked(function, *parts))
    below = list(divisors)
    if len(asked) + len(below) <= FEW:
        asked = [(n, word, a) for n, word, a in asked if not _varies(a)]
        below = [a for a in below if not _varies(a)]
        if not asked and not below:
            return
    forms = normal_forms(*below, *(a for _, _, a in asked))
    for a, span in divisors.items():
        if is_zero(forms.get(a, a)):
            raise DomainError("division by zero", hint=_why(a, forms)).located(text, span)
    for n, word, a in asked:
        if _undefined(n, word, forms[a]):
            divides = is_zero(forms[a]) and (n.op is POWER or is_op(n, inv))
            raise DomainError("division by zero" if divides else f"{n} is not a real number", hint=_why(a, forms))


def _why(a: Node, forms: Mapping[Node, Node]) -> str:
    return "" if a is forms[a] else f"{a} is {forms[a]}"


def _asked(*roots: Node) -> Iterator[tuple[Apply, str, Node]]:
    """What is not defined everywhere: the function, the word for its domain, and its argument if that can be told."""
    for n in topological(*roots):
        if isinstance(n, Apply) and isinstance(n.op, Op):
            if n.op is POWER:
                p = n.args[1]
                if isinstance(p, Number) and not (isinstance(p.value, int) and p.value > 0):
                    yield n, "", n.args[0]
            elif n.op.domain:
                yield from ((n, w, a) for w, a in zip(n.op.domain, n.args, strict=False) if w in WITHOUT_ZERO)


def _varies(a: Node) -> bool:
    """Whether a value is plainly no constant: nothing in it is 0 or stands apart, and its variables cannot cancel.

    They cannot where each stands there but once, and where there are but products, norms and powers.
    """
    moving: set[Node] = set()
    cancels = False
    uses = 0
    for n in topological(a):
        if isinstance(n, Symbol) and n.body is None:
            if not n.attributes <= ORDINARY:
                return False
        elif isinstance(n, Number):
            if not n.value:
                return False
            continue
        elif n.children:
            below = [c for c in n.children if not isinstance(c, Number)]
            if not moving.intersection(below) or not (
                isinstance(n, Symbol) or (isinstance(n, Apply) and isinstance(n.op, Op))
            ):
                return False
            uses += sum(c in moving for c in below)
            cancels = cancels or not _multiplies(n)
        else:
            continue
        moving.add(n)
    return bool(moving) and (uses < len(moving) or not cancels)


def _multiplies(n: Node) -> bool:
    if is_op(n, POWER):
        exponent = n.children[1]
        return isinstance(exponent, Number) and exponent.value > 0
    return isinstance(n, Symbol) or (isinstance(n, Apply) and n.op in PRODUCTS)


def _undefined(n: Apply, word: str, value: Node) -> bool:
    below = isinstance(value, Number) and value.value < 0
    if n.op is not POWER:
        return (is_zero(value) and word in WITHOUT_ZERO and not is_op(n, sqrt)) or (below and word == "positive")
    p = n.children[1]
    assert isinstance(p, Number)
    return (is_zero(value) and p.value < 0) or (below and p.value != int(p.value))


# Greek letters go by their names as well: α and alpha are one name in a program.

_words = deferred(r"[^\W\d]\w*")


def unified(
    program: Program, declared: Sequence[Declaration], known: Collection[str]
) -> tuple[Program, Sequence[Declaration]]:
    """Program and declarations with one spelling a name: that of what is known, else the first that is typed.

    Raises ParseError where two letters of one name are mixed, as φ and ϕ.
    """
    plain = program.text.isascii()
    if plain and not (declared or program.declarations or program.definitions or known):
        return program, declared
    everything = [*declared, *program.declarations]
    sizes = [word for d in everything for dim in d.dims for word in _words.findall(dim)]
    said = [*known, *(d.name for d in everything), *sizes, *(d.name for d in program.definitions)]
    if plain and all(map(str.isascii, said)):
        return program, declared
    chosen: dict[str, str] = {}
    for name in said:
        _choose(chosen, name, program.text)
    trees = [
        t for root in _roots(program) for t in walk(root) if t.head in ("name", "call") and isinstance(t.value, str)
    ]
    for t in trees:
        t.value = _spelled(str(t.value), chosen, program.text)
    for e in program.equations:
        e.unknowns = [(_spelled(name, chosen, program.text), span) for name, span in e.unknowns]
    for d in program.definitions:
        d.name, d.parameter = (_spelled(n, chosen, program.text) if n else n for n in (d.name, d.parameter))
    program.declarations = [_renamed(d, chosen) for d in program.declarations]
    return program, [_renamed(d, chosen) for d in declared]


def _renamed(d: Declaration, chosen: dict[str, str]) -> Declaration:
    dims = tuple(_words.sub(lambda m: chosen[ascii_name(m[0])], dim) for dim in d.dims)
    return replace(d, name=chosen[ascii_name(d.name)], dims=dims)


def _roots(program: Program) -> list[Tree]:
    sides = [side for e in program.equations for pair in e.sides for side in pair]
    return [*sides, *(d.body for d in program.definitions)] + (
        [program.function] if program.function is not None else []
    )


def _spelled(name: str, chosen: dict[str, str], text: str) -> str:
    """The spelling of a name, of the name in a differential, or of the function whose derivative it is."""
    bare = name.rstrip("'")
    if ascii_name(bare) not in chosen and bare[0] == "d":
        of, _, index = bare[1:].rpartition("_")
        if ascii_name(bare[1:]) in chosen:
            return "d" + chosen[ascii_name(bare[1:])]
        if index.isdecimal() and ascii_name(of) in chosen:
            return f"d{chosen[ascii_name(of)]}_{index}"
    return _choose(chosen, bare, text) + name[len(bare) :]


def _choose(chosen: dict[str, str], name: str, text: str) -> str:
    spelling = chosen.setdefault(ascii_name(name), name)
    if spelling != name and not spelling.isascii() and not name.isascii():
        raise ParseError(
            f"{spelling} and {name} are two spellings of {ascii_name(name)}, and so one name",
            text=text,
            hint="use one of them, or rename one of the two",
        )
    return spelling


CONSTANTS = frozenset({"eye", "ones", "zeros", "e", "K", "D", "vector", "matrix"})
"""Constants that are called like functions."""

RESERVED = frozenset({"I", "pi", "eye", "ones", "zeros", "vector", "matrix", "frechet"})
"""Reserved beside the functions of the language."""

FREE = frozenset({"K", "e", "D", "sigma", "σ"})
"""Functions by these names are meant only before a parenthesis."""

_letter = deferred(r"\b[A-Za-z]\b")
_shape = deferred(r"([^\W\d_]+)(\d*)((?:_\w*)?)\Z")


def is_reserved(name: str) -> bool:
    return name not in FREE and (name in RESERVED or name in words)


def default_kind(name: str) -> Kind | None:
    """Upper-case letter a matrix, lower-case Greek a scalar, lower-case a vector; None for a longer name."""
    first = name[0]
    if not first.isalpha():
        return None
    base = first
    if len(name) > 1:
        found = _shape.match(name)
        if found is None:
            return None
        base = found[1]
    if len(base) > 1 and base not in GREEK:
        return None
    if first.isupper():
        return "matrix"
    return "scalar" if is_greek(name) else "vector"


def is_greek(name: str) -> bool:
    """α, alpha, Σ_1, sigma2: a letter of the Greek alphabet, or its name."""
    if not name[1:2].isalpha():
        return "Ͱ" <= name[0] <= "Ͽ"
    found = _shape.match(name)
    return "Ͱ" <= name[0] <= "Ͽ" or (found is not None and found[1] in GREEK)


def unknown_name(name: str) -> ParseError:
    """The error for an undeclared longer name, with the likely mending first."""
    if is_reserved(name):
        hint = f"write {(of := _usage(name))}, a power of it {of}.^2; a variable needs another name"
        if name in CONSTANTS:
            hint = f"write {name}(n) with its size, or vector(1) for ones and I for the identity of the size that fits"
        return ParseError(f"{name} is the name of a function", hint=hint)
    close, elsewhere = nearest(name), _elsewhere(name.lower())
    hints = [elsewhere] if elsewhere else []
    if not elsewhere and len(name) > 3 and (greek := closest(name.lower(), sorted(GREEK), 0.75)):
        close, elsewhere = "", f"for the Greek letter write {greek}"
        hints.append(elsewhere)
    if 2 <= len(name) <= 4 and name.isalpha() and not close and not elsewhere and name not in REFUSALS:
        hints.append(f"for a product write {'*'.join(name)}")
    if close and not elsewhere:
        hints.append(f"for the function {close} write {close}(…)")
    shown = name if len(name) <= LONGEST else "it"
    hints.append(f"declare it, for instance `{shown}: m×n`, `{shown}: n` or `{shown}: scalar`")
    if name.lower() in REFUSALS:
        hints.append(f"of the function see `matdiff rules {name.lower()}`")
    return ParseError(f"{shorten(name)} is not declared, and only single letters have a default", hint="; ".join(hints))


def _usage(name: str) -> str:
    """tr(X), sin(x)."""
    return f"{name}({'X' if all(r.signature[:2] in ('(n', '(m') for r in words.get(name, ())) else 'x'})"


def _elsewhere(word: str) -> str:
    """What a word that means something in other languages, or in declarations, is here."""
    if there := elsewhere(word):
        return f"for the function {word} write {there}"
    return OUTSIDE.get(word, "")


def elsewhere(word: str) -> str:
    """The expression for a function that others call so, or an empty string."""
    meant = spellings.get(word, "")
    if "{" in meant:
        return meant.format("A", "B")
    return INSTEAD.get(word, "") if meant in ("", "?") else _usage(meant)


_attribute = "words like it stand in declarations: `X: n×n symmetric`"
_infinite = "there is no infinity; the largest absolute value is norminf(x)"
_statement = "a program is declarations, definitions and one function, without other words"
OUTSIDE = {
    **dict.fromkeys(("symmetric", "spd", "psd", "orthogonal", "diagonal", "skew", "positive"), _attribute),
    **dict.fromkeys(("scalar", "elementwise"), "words like it stand in declarations: `t: scalar`"),
    **dict.fromkeys(("inf", "infty", "infinity"), _infinite),
    **dict.fromkeys(("np", "numpy", "scipy", "torch", "math"), "there are no modules: write inv(X), tr(A*X)"),
    **dict.fromkeys(("axis", "dim", "keepdims"), "sums along one axis are colsum(X) and rowsum(X)"),
    **dict.fromkeys(("return", "import", "def", "let", "subject", "such", "where", "for", "given"), _statement),
    "true": "there are no truth values", "false": "there are no truth values", "nan": "all variables are real numbers",
}  # fmt: skip
"""Words that are no functions, in lower case, and what to do."""

LONGEST = 30
"""Longest name that a message repeats as a whole."""


def shorten(name: str) -> str:
    return name if len(name) <= LONGEST else name[:LONGEST] + "…"


def unknown_function(name: str, arguments: Sequence[str] = ()) -> ParseError:
    """The error for a call of what is no function; `arguments` are names, or empty."""
    close = nearest(name)
    if name.lower() in INSTEAD:
        hint = " or ".join(_applied(e, arguments) for e in f"write {INSTEAD[name.lower()]}".split(" or "))
    elif close:
        hint = f"did you mean {close}?"
    elif len(name) > LONGEST:
        hint = "see `matdiff rules` for the functions that there are"
    else:
        declared = f"`{name}: elementwise` (of arrays: `{name}: n -> m`)"
        hint = f"write {name}*(…) for a product, declare {declared}, or see `matdiff rules`"
    return ParseError(f"there is no function {shorten(name)}", hint=hint)


def _applied(expression: str, arguments: Sequence[str]) -> str:
    """The expression with the user's arguments for its letters, where these are as many names."""
    letters = list(dict.fromkeys(_letter.findall(expression)))
    if len(letters) != len(arguments) or not all(arguments):
        return expression
    renamed = dict(zip(letters, arguments, strict=True))
    return _letter.sub(lambda m: renamed[m[0]], expression)


def nearest(name: str) -> str:
    """The function whose name is closest, or an empty string."""
    if same := [w for w in words if w.lower() == name.lower()]:
        return same[0]
    if not 3 <= len(name) <= LONGEST:
        return ""
    return closest(name.lower(), [*words, *CONSTANTS], 0.76)


def closest(name: str, known: Iterable[str], cutoff: float) -> str:
    from difflib import get_close_matches

    found = get_close_matches(name[:LONGEST], [*known], 1, cutoff)
    return found[0] if found else ""
