"""Random functions: what is asked by `random` and by E[…] in a text, checked and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matdiff.api.derivation import Derivation
from matdiff.api.derived import not_a_variable
from matdiff.api.estimators import DerivationOfMean, Estimators, InfiniteMean
from matdiff.api.expr import Expr
from matdiff.api.laws import Understood, understand
from matdiff.api.wrt import as_typed, chosen_names
from matdiff.calculus.evolution import simplified
from matdiff.calculus.expectation import folded, has_expectation
from matdiff.core.node import Node, Symbol, symbols, topological
from matdiff.errors import ParseError, UnsupportedError
from matdiff.graph.rewrite import inline, substitute
from matdiff.ops.algebra import is_op
from matdiff.ops.constants import is_zero, zeros_like
from matdiff.ops.random import EXPECTATION, Random
from matdiff.printing.integrals import Pen, Style
from matdiff.printing.length import length

if TYPE_CHECKING:
    from matdiff.verify.report import Verification

LONGEST = 60
"""Symbols of the longest variance that is printed as a formula."""


@dataclass(frozen=True)
class RandomFunction(Estimators):
    """A function of random variables, its mean and derivatives (those of `Estimators`), checked and told."""

    def verify(self, seed: int = 0, **options: Any) -> Verification:
        """The mean and all estimators against quadrature over the laws or samples, at random parameters."""
        from matdiff.api.randomcheck import second, verified

        if options.get("claim") is not None:
            raise UnsupportedError(self._no_closed_form, hint="claims are judged where the mean has a closed form")
        found = verified(self, seed)
        if max(self.order, options.get("order", 1)) < 2 or found.passed is not True:
            return found
        later = second(self, seed)
        return found if later is None else later

    # what is told

    def pen(self, style: Style) -> Pen:
        return Pen(style, (), tuple(v.name for v in self._all))

    @property
    def letter(self) -> str:
        taken = {v.name for v in self._all}
        return next((c for c in ("fgFGJ" if self.outer.kind == "scalar" else "FGHJ") if c not in taken), "f")

    def sections(self, pen: Pen) -> list[tuple[str, list[str]]]:
        f = self.letter
        mean = pen.pick(f"E[{f}]", f"E[{f}]", rf"\mathbb{{E}}[{f}]")
        if not self.implied:
            told = [("", [pen.equation(f, pen.show(self.outer))])]
            mean = f
        else:
            told = [("", [pen.equation(f, pen.show(self.outer))])]
        told.append(("the mean", [pen.equation(mean, pen.show(self.expectation.node))]))
        if not self.wrt:
            return told
        for name, found in self.available.items():
            if any(not is_zero(node) for node, _ in found.values()) or name == "pathwise":
                lines = [pen.equation(self._left(pen, f, X), pen.show(node)) for X, (node, _) in found.items()]
                told.append((self._heading(name, found), lines))
        left = "gradient" if self.outer.kind == "scalar" and any(X.kind != "scalar" for X in self.wrt) else "derivative"
        answers = self.gradient if self.several else {self.wrt[0].name: self.gradient}
        named = {X.name: X for X in self.wrt}
        lines = [pen.equation(self._left(pen, mean, named[x]), pen.show(g.node)) for x, g in answers.items()]
        told.append((f"the {left} of the mean", lines))
        if self.order > 1:
            H = "H" if all(X.name != "H" for X in self._all) else "∇²"
            told.append(("the Hessian of the mean", [pen.equation(H, pen.show(self.hessian.node))]))
        if lines := self._variances(pen):
            told.append(("variance of one sample", lines))
        return told

    def _heading(self, name: str, found: Mapping[Symbol, tuple[Node, tuple[Random, ...]]]) -> str:
        if name == "score":
            return "score: the function times the derivative of the log density"
        if name == "flip":
            moving = {r for X in found for r in self.moving(X, self.sample_node)}
            return "flip: " + ", ".join(f"{r.name}: {r.law.flip.says}" for r in moving if r.law.flip)
        noise = [r for _, laws in found.values() for r in laws if r not in self.laws]
        if not noise:
            return f"pathwise: the derivative of the sample, {', '.join(r.name for r in self.laws)} held fast"
        lines = []
        for r in dict.fromkeys(noise):
            of = next(o for X in found for o in self.moving(X, self.sample_node) if o.law is r.law)
            assert of.law.drawn is not None
            drawn = Expr(simplified(folded(of.law.drawn(r.symbol, *of.parameters))))
            lines.append(f"{of.name} = {drawn} with {law_text(r)}")
        return "pathwise: the derivative of the sample, " + ", ".join(dict.fromkeys(lines))

    def _left(self, pen: Pen, f: str, X: Symbol) -> str:
        x = pen.show(X)
        if X.kind == "scalar":
            return pen.pick(f"∂{f}/∂{x}", f"d{f}/d{x}", rf"\partial {f}/\partial {x}")
        by = self.several or self.outer.kind != "scalar"
        word = "∇" if self.outer.kind == "scalar" else "J"
        if not by:
            return pen.pick(f"∇{f}", f"grad {f}", rf"\nabla {f}")
        return pen.pick(f"{word}{f} by {x}", f"{'grad' if word == '∇' else 'J'} {f} by {x}", rf"\nabla_{{{x}}} {f}")

    def _variances(self, pen: Pen) -> list[str]:
        """By scalars, as formulas where they are short; numbers at a place else."""
        lines = []
        rest = False
        for name, found in self.available.items():
            formulas = self.variance(name)
            for X in found:
                v = formulas[X.name] if self.several else formulas
                if v is None or length(v.node) > LONGEST:
                    rest = True
                    continue
                word = f"{name} by {X.name}" if self.several else name
                lines.append(pen.equation(pen.pick(word, word, rf"\text{{{word}}}"), pen.show(v.node)))
        if rest or not lines:
            lines += self._numbers(pen)
        return lines

    def _numbers(self, pen: Pen) -> list[str]:
        from matdiff.api.randomcheck import numbers

        at, found = numbers(self)
        if not found:
            return []
        parts = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
        where = f" at {at}" if at else " at a random place"
        if any(X.kind != "scalar" for X in self.wrt):
            where += ", all entries together"
        text = f"{parts}{where}"
        return [rf"&\text{{{text}}}" if pen.style == "latex" else text]

    def record(self, pen: Pen) -> dict[str, Any]:
        """What the keys of JSON hold."""
        found: dict[str, Any] = {
            "function": pen.show(self.outer),
            "laws": {r.name: law_text(r, pen).partition(" ~ ")[2] for r in self.laws},
            "wrt": ",".join(X.name for X in self.wrt),
            "expectation": pen.show(self.expectation.node),
            "closed": self.closed,
        }
        if self.wrt:
            answers = self.gradient

            def one(e: Expr) -> str:
                return pen.show(e.node)

            found["gradient"] = {x: one(g) for x, g in answers.items()} if self.several else one(answers)
            for name, each in self.available.items():
                shown = {X.name: pen.show(node) for X, (node, _) in each.items()}
                found[name] = shown if self.several else shown[self.wrt[0].name]
        return found

    def __str__(self) -> str:
        lines = []
        for sentence, formulas in self.sections(self.pen("unicode")):
            lines += [sentence] * bool(sentence) + [f"  {f}" if sentence else f for f in formulas]
        return "\n".join(lines)


def law_text(r: Random, pen: Pen | None = None) -> str:
    """`z ~ normal(0, I)`."""
    pen = pen or Pen()
    shown = []
    for p in r.parameters:
        bare = "0" if is_zero(p) else pen.show(p)
        shown.append("I" if bare.startswith(("eye(", "I_")) and bare.count("(") < 2 and " " not in bare else bare)
    word = (
        r.law.name.replace("multivariate ", "")
        .replace("matrix normal", "matrixnormal")
        .replace("inverse wishart", "invwishart")
    )
    return f"{pen.name(r.name)} ~ {word}({', '.join(shown)})"


def random(
    text: str,
    wrt: str | Expr | Sequence[str | Expr] | None = None,
    declare: str | Sequence[str] | None = None,
    dialect: str = "auto",
) -> RandomFunction:
    """A function of random variables, `declare="z ~ normal(0, I)"`, and the derivative of its mean by `wrt`.

    Laws stand among the declarations or in the text; without E[…] in it the mean of the whole text is meant.
    Raises ParseError, ShapeError, UnsupportedError.

    >>> r = random("-p*log(1 - w)", wrt="p", declare="w ~ uniform(0,1); p: scalar")
    >>> str(r.expectation), str(r.pathwise), str(r.gradient)
    ('p', '−log(1 − w)', '1')
    >>> str(random("z'*A*z", wrt="m", declare="z ~ normal(m, S)").gradient)
    '(A + Aᵀ) m'
    """
    names, known = chosen_names(wrt) if wrt not in (None, "", ()) else ([], {})
    found = understand(text, declare, dialect, names, known)
    return made(found, names)


def made(found: Understood, names: Sequence[str]) -> RandomFunction:
    """The random function of a text that is understood.  Raises ParseError."""
    typed, text = found.typed, found.text
    if not found.laws:
        raise ParseError(
            "nothing is random here",
            text=text,
            span=(0, len(text)),
            hint="say what is: z ~ normal(0, I), w ~ uniform(0, 1), X ~ bernoulli(p)",
        )
    random_symbols = {r.symbol for r in found.laws}
    variables = tuple(v for v in typed.variables.values() if v not in random_symbols)
    names = as_typed(list(names), [v.name for v in typed.variables.values()])
    chosen = []
    for name in names:
        X = typed.variables.get(name)
        if X is None:
            raise not_a_variable(name, typed.function, [v.name for v in variables])
        if X in random_symbols:
            raise ParseError(
                f"{name} is random, and no variable of the mean",
                hint=f"it has {', '.join(v.name for v in variables) or 'no variables'}",
            )
        chosen.append(X)
    implied = not has_expectation(inline(typed.function))
    if not implied:
        outside(inline(typed.function), found)
    names_random = {r.name for r in found.laws}
    kept = [d for d in typed.declarations.split("; ") if d.partition(":")[0] not in names_random]
    arrays = [d for d in typed.declarations.split("; ") if d.partition(":")[0] in names_random]
    types = "; ".join([*(law_text(r) for r in found.laws), *arrays, *kept])
    made_ = RandomFunction(
        typed.function, found.laws, variables, tuple(chosen), len(chosen) > 1, types, found.notes, implied
    )
    with suppress(InfiniteMean):
        _ = made_.expectation
    return made_


def outside(root: Node, found: Understood) -> None:
    """Raises ParseError for a random variable that stands in no E[…]."""
    hidden = substitute(root, {n: zeros_like(n) for n in topological(root) if is_op(n, EXPECTATION)})
    loose = [r.name for r in found.laws if r.symbol in set(symbols(hidden))]
    if loose:
        raise ParseError(
            f"{loose[0]} is random and stands outside E[…]",
            text=found.text,
            span=(0, len(found.text)),
            hint="put E[…] around the whole",
        )


def expected(
    text: str, declare: Any, dialect: str, names: Sequence[str], known: Mapping[str, Symbol]
) -> Derivation | RandomFunction:
    """The derivation of a function with E[…]; where no closed form is known, the random function itself.

    Raises ParseError where something is random and no mean is taken.
    """
    found = understand(text, declare, dialect, names, known)
    if not found.laws:
        at = text.find("E")
        raise ParseError(
            "E[…] is the expectation, and nothing here is random",
            text=text,
            span=(max(at, 0), max(at, 0) + 1),
            hint="say what is: z ~ normal(0, I); a matrix E is declared, E: m×n",
        )
    f = made(found, names)
    if f.implied:
        raise ParseError(
            f"{f.laws[0].name} is random, so what is differentiated: a sample, or the mean?",
            text=text,
            span=(0, len(text)),
            hint="write E[…] for the mean, or ask for both by matdiff random, md.random(…)",
        )
    if not f.closed:
        return f
    d, pen = f.derivation, Pen()
    laws = ", ".join(law_text(r) for r in f.laws)
    said = f"{pen.show(f.outer)} = {pen.show(f.expectation.node)} for {laws}"
    return DerivationOfMean(d.function, d.wrt, d.types, d.several, remarks=(said, *d.remarks), mean=f)


__all__ = ["RandomFunction", "expected", "random"]
