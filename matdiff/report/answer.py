"""What there is to print of a derivation, before any format: lines, steps, types, conventions, the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from matdiff.core.node import Apply, Symbol, size_names, symbol, topological
from matdiff.errors import UnsupportedError
from matdiff.graph.properties import closure
from matdiff.graph.rewrite import substitute
from matdiff.ops.unknown import has_unknown
from matdiff.printing.length import length
from matdiff.report.notation import CONVENTIONS, Line, bookish

LETTERS = {"scalar": "fgφψ", "other": "FGΦΨ"}
"""Names for the function; the first that is none of its variables is taken."""

SHORT = 18
"""Symbols below which an answer has no part that is worth a name."""
MANY, LARGE = 100, 2000
"""Lines, and parts of one, from which on no names are looked for."""

ALONG = ("second", "hessian operator")
"""Lines that are functions of directions, so that a part of them with a name may move with these."""

FAULT = """\
the derivative failed its verification, so it is not printed
{why}
this is a fault of matdiff: please report it with the command"""


@dataclass
class Answer:
    """A derivation `d`, and how much of it is asked for."""

    d: Any
    order: int = 1
    steps: bool = False
    inner: str | None = None
    independent: bool = False
    verbose: bool = False
    verifications: tuple[Any, ...] = ()
    printed: dict[Any, Any] | None = None
    """What the answer's lines print in the place of results: in the user's names, with common factors named."""

    @cached_property
    def kind(self) -> str:
        """gradient or jacobian; operator where a linear map has no matrix in the language."""
        try:
            _ = getattr(self.d, self.d.kind)
        except UnsupportedError:
            return "operator"
        return str(self.d.kind)

    @cached_property
    def result(self) -> Any:
        """The derivative: an expression, or several by the names of their variables."""
        return self.d.differential if self.kind == "operator" else getattr(self.d, self.kind)

    @cached_property
    def f(self) -> str:
        """A letter for the function."""
        letters = LETTERS["scalar" if self.d.function.kind == "scalar" else "other"]
        taken = {v.name for v in self.d.function.variables}
        return next((c for c in letters if c not in taken and f"d{c}" not in taken), letters[0])

    @property
    def x(self) -> str:
        """The variables, as `wrt` has them."""
        return ",".join(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(v.name for v in self.d.wrt)

    @property
    def by_scalar(self) -> bool:
        return len(self.d.wrt) == 1 and self.d.wrt[0].kind == "scalar"

    @property
    def told(self) -> Any:
        """The steps; with `verbose` those of the algebra too, where the derivation tells them."""
        return getattr(self.d, "all_steps", self.d.steps) if self.verbose else self.d.steps

    @property
    def second(self) -> Any:
        """The steps from the gradient to the Hessian, where that is asked for by one variable."""
        return self.d.hessian_steps if self.order > 1 and self.scalar and not (self.d.several or self.mapped) else ()

    @property
    def mapped(self) -> bool:
        """Whether the Hessian is told as a linear map: unknown functions of matrices have no matrix for theirs."""
        if self.order < 2 or not has_unknown((self.d.function.node,)):
            return False
        try:
            return self.d.hessian is None
        except UnsupportedError:
            return True

    @property
    def hessian(self) -> Any:
        """The Hessian, or what it does to dX."""
        if not self.mapped:
            return self.d.hessian
        found = self.d.hessian_operator
        return {x: each.value for x, each in found.items()} if isinstance(found, Mapping) else found.value

    @property
    def board(self) -> list[tuple[Any, Line]]:
        """What is derived in steps, one after the other, each with the line that it ends in."""
        return [
            (tuple(replace(s, before=self.shortened(s.before), after=self.shortened(s.after)) for s in steps), line)
            for steps, line in self.in_full
        ]

    @cached_property
    def in_full(self) -> list[tuple[Any, Line]]:
        """The same without names for what makes lines too long."""
        groups = [(g.steps, self.read_off(g)) for g in self.further]
        found = [(self.told, self.outcome), *groups]
        shown: set[Any] = set()
        return [(once(self.told_in_words(steps), shown), line) for steps, line in self._to_hessians(found)]

    def told_in_words(self, steps: Any) -> Any:
        """Steps with results as the answer prints them, without those that change nothing then."""
        found = [replace(s, before=self.as_printed(s.before), after=self.as_printed(s.after)) for s in steps]
        return tuple(s for s in found if s.relation != "=" or s.before.node is not s.after.node)

    def as_printed(self, e: Any) -> Any:
        """An expression with results in it as the lines of the answer have them."""
        if self.printed is None:
            _ = self.worded
        node = substitute(e.node, self.printed or {}) if self.printed else e.node
        booked = self.booked(e if node is e.node else e.having(node))
        if self.solving:
            from matdiff.report.book import BookExpr

            return BookExpr(booked, self.book)
        return booked

    def _to_hessians(self, found: list[tuple[Any, Line]]) -> list[tuple[Any, Line]]:
        """With the steps to the Hessian, where that is asked for."""
        for line in self.hessians if self.second else ():
            rest = [s for s in self.second if s.relation != "⇒ H =" or line.key == "hessian"]
            found.append((rest if line.key != "hessian" or not self.d.curved else rest[-1:], line))
        return found

    @property
    def further(self) -> Any:
        """Where the steps go on: to gradients by several variables, adjoints and Jacobians, blocks of a Hessian."""
        return self.d.further_steps(self.order) if self.steps else ()

    def read_off(self, group: Any) -> Line:
        """The line of the answer that a group of steps ends in."""
        key, body = group.key, group.steps[-1].after
        on = self.d.covector.name if key == "adjoint" else ""
        if self.d.several or key == "hessian":
            return Line(f"partial {key}", self.f, group.by, body, on)
        return Line(self.named if key == "jacobian" else key, self.f, self.names, body, on)

    @property
    def outcome(self) -> Line:
        """The line of the derivative by one variable, with which its steps end."""
        return self.line(self.named, self.result)

    def lines(self) -> list[Line]:
        """Function, differential, result, and the Hessian when asked; what makes a line too long has a name."""
        function, *found = self.worded
        return [function, *(line._replace(body=self.shortened(line.body)) for line in found)]

    def shortened(self, e: Any) -> Any:
        """An expression in terms of the names for what makes lines too long."""
        if not self.shorter:
            return e
        from matdiff.report.book import BookExpr, within

        node = within(e.node, self.shorter)
        return e if node is e.node else BookExpr.of(node, e, self.book)

    @cached_property
    def shorter(self) -> Any:
        """Names for parts of lines that are too long."""
        if not self.steps and all(length(line.body.node) < SHORT for line in self.worded[1:]):
            return {}
        from matdiff.report.book import short_names, within

        # The differential by several variables is long, and nobody names a part for it.
        told = [line for line in self.worded[1:] if not (self.d.several and line.key == "differential")]
        rows: list[tuple[Any, ...]] = [(line.body.node,) for line in told]
        widths = [len(line.left("unicode")) + 3 for line in told]
        answers = len(rows)
        for steps, line in self.in_full if self.steps else ():
            last = None
            for s in steps:
                read = s.relation != "="
                first = read or s.before.node is last
                rows.append((s.after.node,) if first else (s.before.node, s.after.node))
                widths.append(len(line.left("unicode")) * read + 3)
                last = s.after.node
        shared = {name for line in self.worded for name in line.shared}
        order = topological(*(n for row in rows for n in row))
        bodies = [(n, n.body) for n in order if isinstance(n, Symbol) and n.body is not None and n.name in shared]
        rows += [(body,) for _, body in bodies]
        widths += [len(f"    where {n.name} = ") for n, _ in bodies]
        formulas = [n for row in rows for n in row]
        known = {n.name for n in topological(*formulas) if isinstance(n, Symbol)} | size_names(*formulas)
        if len(rows) > MANY or any(len(topological(*row)) > LARGE for row in rows):
            return {}
        taken = known | {v.name for v in self.d.function.variables} | {self.f}
        along = {i for i, line in enumerate(told) if line.key.removeprefix("partial ") in ALONG}
        names = short_names(rows, taken, widths, answers, along)
        for n, body in bodies if names else ():
            inside = within(body, names)
            if inside is not body:
                names[n] = symbol(n.name, n.kind, n.rows, n.cols, n.attributes, inside)
        return names

    @cached_property
    def worded(self) -> list[Line]:
        """The lines of the answer; long ones by the function's definitions."""
        found = [self.line("differential", self.d.differential)]
        if self.kind != "operator":
            found += self.parts(self.named, self.result)
        if self.independent:
            found.append(self.line("independent", self.d.independent_gradient))
        if self.operators:
            found += self.parts("adjoint", self.adjoint, self.d.covector.name)
        if self.order > 1:
            found += self.hessians if self.scalar else self.parts("second", self.bilinear)
        bodies = self.d.abbreviations(self.in_value([line.body for line in found]))
        short = [line._replace(body=body) for line, body in zip(found, bodies, strict=True)]
        named = self.with_names([*short])
        final = self.in_words(named)
        self.printed = {
            line.body.node: last.body.node
            for lines in (found, short, named)
            for line, last in zip(lines, final, strict=True)
            if line.key != "differential" and line.body.node is not last.body.node
        }
        return [self.line("function", self.d.function), *final]

    def in_value(self, bodies: list[Any]) -> list[Any]:
        """Answers about a scalar function in terms of its value, where that is much of them."""
        if self.d.kind != "gradient" or self.solving or self.by_scalar or not isinstance(self.d.function.node, Apply):
            return bodies
        if self.steps and self.d.several:
            return bodies  # The steps read the gradients off in the names of their common factors.
        from matdiff.report.book import in_value

        nodes = in_value([e.node for e in bodies], self.d, self.f)
        return [e if n is e.node else e.having(n) for e, n in zip(bodies, nodes, strict=True)]

    def in_words(self, lines: list[Line]) -> list[Line]:
        """The lines as books write eigenvectors, steps and identities."""
        if self.solving:
            from matdiff.report.book import BookExpr, adjoint_solves

            bodies = adjoint_solves(self.book, [line.body for line in lines], self.d.function.node)
            return [line._replace(body=BookExpr(e, self.book)) for line, e in zip(lines, bodies, strict=True)]
        return [line._replace(body=self.booked(line.body)) for line in lines]

    @property
    def solving(self) -> bool:
        """Whether a scalar function defines a solution x = A⁻¹ b and is differentiated by A, to first order."""

        if self.d.kind != "gradient":
            return False
        bodies = [n.body for n in topological(self.d.function.node) if isinstance(n, Symbol) and n.body is not None]
        heads = [b.children[0] for b in bodies if b.children and b.kind == "vector"]
        return any(getattr(getattr(h, "op", None), "name", "") == "inv" for h in heads)

    def booked(self, e: Any) -> Any:
        """An expression as books write it, where it has what they write otherwise."""
        return self.words.of(e) if bookish(e.node) else e

    @cached_property
    def words(self) -> Any:
        """How answers and steps are written for people."""
        from matdiff.report.book import Words

        return Words(self.d, self.order)

    @property
    def book(self) -> Any:
        """The names that books give to parts of the answer and its steps."""
        return self.words.book

    def with_names(self, lines: list[Line]) -> list[Line]:
        """The lines with what gradients by several variables share named once."""
        places = [i for i, line in enumerate(lines) if line.key in ("gradient", "partial gradient")]
        for i, body in zip(places, self.d.named([lines[i].body for i in places]), strict=True):
            lines[i] = lines[i]._replace(body=body, shared=fresh(lines[i].body, body))
        return self.with_common_parts(lines)

    def with_common_parts(self, lines: list[Line]) -> list[Line]:
        """The lines with what several blocks of a Hessian share named once."""
        places = [i for i, line in enumerate(lines) if line.key == "partial hessian"]
        blocks = [lines[i].body.node for i in places]
        if not blocks or sum(map(length, blocks)) > LARGE:
            return lines
        from matdiff.report.book import common_names, within

        symbols = [n for n in topological(*(line.body.node for line in lines)) if isinstance(n, Symbol)]
        shared = {name for line in lines for name in line.shared}
        names: dict[Any, Any] = {n.body: n for n in symbols if n.name in shared}
        taken = {n.name for n in symbols} | {v.name for v in self.d.function.variables} | {self.f}
        names |= common_names([within(n, names) for n in blocks], taken)
        for i in places:
            body = lines[i].body.having(within(lines[i].body.node, names))
            lines[i] = lines[i]._replace(body=body, shared=fresh(lines[i].body, body))
        return lines

    @property
    def hessians(self) -> list[Line]:
        """The Hessian's matrix; on a curved set the map of tangent directions, and the matrix where there is one."""
        if not self.d.curved:
            return self.parts("hessian operator" if self.mapped else "hessian", self.hessian)
        maps = self.d.hessian_operator if self.d.several else {self.names[0]: self.d.hessian_operator}
        found = {x: each.value for x, each in maps.items()}
        lines = self.parts("hessian operator", found if self.d.several else found[self.names[0]])
        return lines + (self.parts("hessian", self.d.hessian) if self.matrix else [])

    @property
    def matrix(self) -> bool:
        """Whether the Hessian has a matrix: on curved sets that of vectors alone."""
        return all(space.kind == "vector" for space in self.d.curved.values())

    @property
    def named(self) -> str:
        """Which label the derivative has."""
        return "derivative" if self.by_scalar else self.kind

    @property
    def operators(self) -> bool:
        """Whether the adjoint says more than a Jacobian: where a matrix goes in or comes out of a map."""
        kinds = {self.d.function.kind, *(v.kind for v in self.d.wrt)}
        return self.kind == "operator" or (self.kind == "jacobian" and "scalar" not in kinds and kinds != {"vector"})

    @property
    def scalar(self) -> bool:
        """Whether the second derivative is a matrix: of a scalar function."""
        return bool(self.d.kind == "gradient")

    @property
    def bilinear(self) -> Any:
        """F''(X)[dX₁,dX₂], or one for each pair of variables."""
        found = self.d.bilinear
        return {pair: each.value for pair, each in found.items()} if isinstance(found, Mapping) else found.value

    @property
    def adjoint(self) -> Any:
        """F'(X)*[Y] as an expression in Y, or several by the names of their variables."""
        found = self.d.adjoint
        return {x: each.value for x, each in found.items()} if isinstance(found, Mapping) else found.value

    @property
    def symmetric(self) -> bool:
        """Whether books disagree about the gradient: by one symmetric variable."""
        (X, *others) = self.d.wrt
        return (
            self.kind == "gradient"
            and not others
            and not self.d.affine
            and closure(X.attributes) & {"symmetric", "diagonal"} == {"symmetric"}
        )

    def parts(self, key: str, result: Any, on: str = "") -> list[Line]:
        """A line, or one for each variable (for a Hessian: each pair) where there are several."""
        if not isinstance(result, Mapping):
            return [Line(key, self.f, self.names, result, on)]
        return [Line(f"partial {key}", self.f, (x,) if isinstance(x, str) else x, g, on) for x, g in result.items()]

    def line(self, key: str, body: Any) -> Line:
        return Line(key, self.f, self.names, body)

    def notes(self) -> list[str]:
        """What the result is, by which convention, and where it does not hold."""
        inner = "" if self.inner in (None, "W") else f" with W = {self.inner}"
        words = {"f": self.f, "x": self.x, "shape": self.shape, "inner": inner, "on": self.d.covector.name}
        keys = [self.convention]
        if self.symmetric:
            keys.append("independent" if self.independent else "other")
        if self.operators:
            keys.append("partial adjoint" if self.d.several else "adjoint")
        if self.order > 1 and not self.scalar:
            keys.append("partial second" if self.d.several else "second")
        elif self.order > 1:
            matrix = self.d.wrt[0].kind == "matrix"
            plain = "partial hessian" if self.d.several else "matrix hessian" if matrix else "hessian"
            curved = "curved hessian" if self.d.curved else plain
            keys.append("hessian operator" if self.mapped else "weighted hessian" if self.inner else curved)
        return [*(CONVENTIONS[key].format(**words) for key in keys), *getattr(self.d, "notes", ())]

    @property
    def shape(self) -> str:
        """The shape of the variable, in parentheses: ` (n×p)`."""
        dims = [str(d) for d in self.d.wrt[0].shape] if len(self.d.wrt) == 1 else []
        return f" ({'×'.join(dims)})" if dims else ""

    def verify(self) -> None:
        """Check everything that is to be printed: the derivative, and the Hessian when asked."""
        orders = range(1, self.order + 1)
        self.verifications = tuple(self.d.verify() if order == 1 else self.d.verify(order=order) for order in orders)

    @property
    def fault(self) -> str:
        """Why the answer may not be shown: the verdict of a check that failed, or nothing."""
        failed = (verdict(v) for v in self.verifications if v.passed is False)
        return next(failed, "")

    def verdicts(self) -> list[str]:
        """A line, or two where the Hessian was asked for."""
        if not self.verifications:
            return ["not verified: --no-verify was given"]
        first, *second = map(verdict, self.verifications)
        word = "Hessian" if self.scalar else "second derivative"
        return [first, *(f"{word} {said}" for said in second)]

    @property
    def convention(self) -> str:
        if self.by_scalar and self.kind != "operator":
            return "derivative"
        if self.kind == "gradient":
            if self.d.affine and not self.d.several:
                return "affine"
            return "weighted" if self.inner else "partial gradient" if self.d.several else "gradient"
        if self.d.several and self.kind == "jacobian":
            return "partial jacobian"
        vectors = self.d.function.kind == "vector" and self.d.wrt[0].kind == "vector"
        return "vector jacobian" if self.kind == "jacobian" and vectors else self.kind


def once(steps: Any, shown: set[Any]) -> Any:
    """The steps without the lines that were shown before."""
    found = tuple(s for s in steps if s.relation != "=" or (s.before.node, s.after.node) not in shown)
    shown.update((s.before.node, s.after.node) for s in found)
    return found


def values(found: Any) -> list[Any]:
    return list(found.values()) if isinstance(found, Mapping) else [found]


def fresh(before: Any, after: Any) -> tuple[str, ...]:
    """The names of definitions that an expression has after it was written with them, and not before."""
    old, new = (
        {n.name for n in topological(e.node) if isinstance(n, Symbol) and n.body is not None} for e in (before, after)
    )
    return tuple(sorted(new - old))


def verdict(verification: Any) -> str:
    """`verified: …`, or `not verified: …` and why; of a wrong claim also what is wrong with it."""
    said, message = str(verification), verification.message
    return f"{said}\n{message}" if message and message not in said else said
