"""Functions that are defined nowhere: something divided by what is 0, the logarithm of −1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from matdiff.core.node import Apply, Node, Number, Symbol, topological
from matdiff.core.op import Op
from matdiff.errors import DomainError
from matdiff.ops.algebra import POWER, is_op
from matdiff.ops.constants import is_zero
from matdiff.ops.elementwise import sqrt
from matdiff.ops.linalg import inv
from matdiff.simplify.normal import normal_forms
from matdiff.text.tree import Span

WITHOUT_ZERO = ("invertible", "posdet", "positive")
"""Words for domains in which there is no 0; √0 is 0, though it has no derivative there."""


def check_defined(function: Node, divisors: Mapping[Node, Span], text: str = "") -> None:
    """Raises DomainError where the function divides by what is 0 whatever the variables are, or leaves the reals.

    `divisors` are what the text divides by, with their places.
    """
    asked = list(_asked(function))
    forms = normal_forms(*(a for a in divisors if not _free(a)), *(a for _, _, a in asked))
    for a, span in divisors.items():
        if is_zero(forms.get(a, a)):
            raise DomainError("division by zero", hint=_why(a, forms)).located(text, span)
    for n, word, a in asked:
        if _undefined(n, word, forms[a]):
            divides = is_zero(forms[a]) and (n.op is POWER or is_op(n, inv))
            raise DomainError("division by zero" if divides else f"{n} is not a real number", hint=_why(a, forms))


def _why(a: Node, forms: Mapping[Node, Node]) -> str:
    return "" if a is forms[a] else f"{a} is {forms[a]}"


def _asked(function: Node) -> Iterator[tuple[Apply, str, Node]]:
    """What is not defined everywhere: the function, the word for its domain, and its argument if that can be told."""
    for n in topological(function):
        if isinstance(n, Apply) and isinstance(n.op, Op):
            words = ("",) if n.op is POWER else n.op.domain
            yield from ((n, w, a) for w, a in zip(words, n.children, strict=False) if not _free(a))


def _free(a: Node) -> bool:
    return isinstance(a, Symbol) and a.body is None


def _undefined(n: Apply, word: str, value: Node) -> bool:
    below = isinstance(value, Number) and value.value < 0
    if n.op is not POWER:
        return (is_zero(value) and word in WITHOUT_ZERO and not is_op(n, sqrt)) or (below and word == "positive")
    p = n.children[1]
    if not isinstance(p, Number):
        return False
    return (is_zero(value) and p.value < 0) or (below and p.value != int(p.value))
