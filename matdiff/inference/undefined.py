"""Functions that are defined nowhere: something divided by what is 0, the logarithm of −1."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from matdiff.core.node import Apply, Node, Number, Symbol, topological
from matdiff.core.op import Op
from matdiff.errors import DomainError
from matdiff.ops.algebra import HADAMARD, INNER, MATMUL, POWER, SCALE, TRANSPOSE, is_op
from matdiff.ops.constants import is_zero
from matdiff.ops.elementwise import sqrt
from matdiff.ops.linalg import inv
from matdiff.simplify.normal import normal_forms
from matdiff.text.tree import Span

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
