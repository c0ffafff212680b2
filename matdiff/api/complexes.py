"""Derivatives by complex variables: gradients for Re⟨A,B⟩ = Re tr(AᴴB), Wirtinger operators, jvp and vjp."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from matdiff.api.derivation import Derivation
from matdiff.api.expr import ComplexExpr, Expr
from matdiff.api.operators import Operator, letter
from matdiff.calculus.complexes import Gradients, check_variable, real, same, shown, working
from matdiff.calculus.differential import differentials
from matdiff.codegen.complexes import Checked, evaluate, source
from matdiff.core.node import Apply, Node, Symbol, describe, number, symbol, topological
from matdiff.errors import DomainError, MatdiffError, ParseError, ShapeError, UnsupportedError
from matdiff.graph.rewrite import substitute
from matdiff.ops.algebra import ADD, SCALE, TRANSPOSE, add, is_op, power, scale
from matdiff.ops.complexes import CONJ, IM, RE, conjugate, imaginary, is_real
from matdiff.ops.constants import zeros_like
from matdiff.ops.reductions import norm, tr
from matdiff.ops.structure import HALF

if TYPE_CHECKING:
    from matdiff.api.steps import Group, Step
    from matdiff.verify.report import Verification

CONVENTIONS = ("torch", "jax", "wirtinger")


@dataclass(frozen=True, repr=False)
class ComplexDerivation(Derivation):
    """A function of complex variables, or of real ones through complex values, and its derivatives.

    A real f has the gradient G with df = Re⟨G, dz⟩ (torch); `convention="jax"` gives its conjugate, `"wirtinger"`
    ∂f/∂z̄ = G/2.  Gradients by real variables are the same in all three.
    """

    convention: str = "torch"

    @cached_property
    def analysis(self) -> Gradients:
        return Gradients(self.source or self.function.node, self.wrt)

    @cached_property
    def prepared(self) -> Node:
        return self.analysis.function

    @cached_property
    def directions(self) -> dict[Symbol, Symbol]:
        return self.analysis.directions

    @cached_property
    def differentials(self) -> dict[Node, Node]:
        return self.analysis.differentials

    @cached_property
    def raw_differential(self) -> Node:
        return self.analysis.differential

    @cached_property
    def real_valued(self) -> bool:
        """Is the function real by its form?"""
        return real(self.analysis.function)

    @cached_property
    def kind(self) -> str:
        return "gradient" if self.function.kind == "scalar" and self.real_valued else "jacobian"

    def simplified(self, node: Node) -> Node:
        """The form to print, in the words of the language."""
        found = self._simplest.get(node)
        if found is None:
            found = self._simplest[node] = self._pretty(self.analysis.simplest(node))
        return found

    def _pretty(self, node: Node) -> Node:
        """Terms and their conjugates together, and uᴴu as ‖u‖² for norms of the function."""
        return replaced(shown(paired(node)), self.squares)

    @cached_property
    def squares(self) -> dict[Node, Node]:
        """uᴴu as ‖u‖² for every norm that stood in the function."""
        found: dict[Node, Node] = {}
        for node in topological(self.function.node):
            if is_op(node, norm) and not is_real(node.children[0]):
                u = self.analysis.simplest(working(node.children[0]))
                if u.kind == "vector":
                    u = shown(u)
                    found[CONJ(u).T @ u] = power(norm(u), number(2))
        return found

    def _answer(self, node: Node) -> Expr:
        return ComplexExpr(self.simplified(node), self.function.variables, ())

    @cached_property
    def gradients_torch(self) -> dict[Symbol, Node]:
        """The G with df = Σ Re⟨G, dX⟩, whatever the convention, as they are printed."""
        self._check_gradient()
        return {X: self.simplified(G) for X, G in self.raw_gradients.items()}

    def _check_gradient(self) -> None:
        f = self.function.node
        if f.kind != "scalar":
            raise ShapeError(
                f"the function is {describe(f)}, so it has no gradient",
                hint="use .holomorphic and .antiholomorphic, .jvp and .vjp",
            )
        if not self.real_valued:
            text = Expr(f).text(defined=False)
            raise UnsupportedError(
                "the function is not known to be real, and only real functions have gradients",
                hint=f"write re({text}) for its real part, abs({text}) for its modulus"
                + "; conjugate transposes are written ^H" * any(map(_plainly_transposed, topological(f)))
                + "; the two Wirtinger operators of "
                "the function as it stands are .holomorphic and .antiholomorphic",
            )

    @cached_property
    def raw_gradients(self) -> dict[Symbol, Node]:
        self._check_gradient()
        return self.analysis.pulled(number(1))

    @cached_property
    def gradient(self) -> Any:
        """The gradient of a real function by the derivation's convention; a dict by name for several variables.

        Raises UnsupportedError for a function that is not known to be real, ShapeError for one that is not scalar.
        """
        answers = {X.name: self._answer(self.converted(G, X)) for X, G in self.raw_gradients.items()}
        return answers if self.several else answers[self.wrt[0].name]

    def converted(self, G: Node, X: Symbol) -> Node:
        """What the convention calls the gradient."""
        if is_real(X) or self.convention == "torch":
            return G
        return conjugate(G) if self.convention == "jax" else scale(HALF, G)

    @cached_property
    def differential(self) -> Expr:
        """dF, linear over the real numbers in dX; of a real function Re⟨G, dX⟩."""
        if self.kind != "gradient":
            return self._answer(self.raw_differential)
        terms = []
        for X, G in self.raw_gradients.items():
            dX = self.directions[X]
            G = self.analysis.simplest(G)
            bar = conjugate(G)
            if X.kind == "scalar":
                pair = scale(bar, dX)
            elif X.kind == "matrix":
                pair = tr(bar.T @ dX)
            else:
                pair = bar.T @ dX if X.kind == "vector" else dX @ bar.T
            pair = self.analysis.simplest(pair)
            terms.append(self.simplified(pair if is_real(X) else RE(pair)))
        return ComplexExpr(add(*terms), self.function.variables, ())

    def differential_of(self, node: Node) -> Node:
        """The differential of an expression in the variables of the derivation."""
        ready = working(node)
        return shown(differentials(ready, self.directions).get(ready) or zeros_like(ready))

    @property
    def holomorphic(self) -> Operator:
        """∂F/∂X as a linear map: the part of dF that is linear in dX over the complex numbers."""
        return self._wirtinger(False)

    @property
    def antiholomorphic(self) -> Operator:
        """∂F/∂X̄ as a map of dX: the part of dF that is linear in its conjugate.  0 of a holomorphic function."""
        return self._wirtinger(True)

    def _wirtinger(self, conjugated: bool) -> Operator:
        if self.several:
            raise UnsupportedError("the Wirtinger operators are told of one variable", hint="derive by one variable")
        (X,) = self.wrt
        value = self._answer(self.analysis.part(X, conjugated))
        return ComplexOperator(("∂̄" if conjugated else "∂") + letter(self), self.wrt, (self.directions[X],), value)

    @property
    def jacobian(self) -> Any:
        """Raises UnsupportedError: over the complex numbers there are two operators."""
        raise UnsupportedError(
            "a function of complex variables has two Jacobians, by the variable and by its conjugate",
            hint="use .holomorphic and .antiholomorphic",
        )

    jacobian_free = jacobian

    @property
    def hessian(self) -> Any:
        """Raises UnsupportedError: the second derivative of a real function is linear over the real numbers alone."""
        raise UnsupportedError(
            "the Hessian by complex variables is linear over the real numbers alone and has no complex matrix",
            hint="use .hessian_operator and .hvp",
        )

    @property
    def bilinear(self) -> Any:
        return self.hessian

    @property
    def convexity(self) -> Any:
        """Raises UnsupportedError: convexity is judged of functions of real variables."""
        raise UnsupportedError("convexity is judged of functions of real variables")

    @cached_property
    def products(self) -> dict[Symbol, Node]:
        """The differential of each gradient along all directions, by the torch convention."""
        if any("unitary" in X.attributes for X in self.wrt):
            raise UnsupportedError("Hessians on the set of unitary matrices have no form here")
        found = {}
        for X, G in self.raw_gradients.items():
            form = self.analysis.simplest(G)
            dG = differentials(form, self.directions).get(form) or zeros_like(form)
            found[X] = self.simplified(dG)
        return found

    @property
    def hessian_operator(self) -> Any:
        """H[dX] = d∇f, linear over the real numbers; a dict by name for several variables."""
        answers = {}
        for X, product in self.products.items():
            value = ComplexExpr(product, self.function.variables, ())
            by = (X,) if self.several else ()
            answers[X.name] = ComplexOperator("H", (), tuple(self.directions.values()), value, False, by)
        return answers if self.several else answers[self.wrt[0].name]

    def hvp(self, V: Any, /, **arrays: Any) -> Any:
        """The derivative of the gradient along V; V has the shape of X (dicts for several variables)."""
        values = self._values(list(self.products.values()), {**arrays, **self._directions(V)})
        return dict(zip((X.name for X in self.wrt), values, strict=True)) if self.several else values[0]

    @cached_property
    def covector(self) -> Symbol:
        name = "Y"
        while any(v.name == name for v in self.function.variables):
            name += "_"
        f = self.function.node
        return symbol(name, f.kind, f.rows, f.cols, frozenset() if self.real_valued else frozenset({"complex"}))

    @cached_property
    def pullback(self) -> dict[Symbol, Node]:
        """F'(X)*[Y] for Re⟨·,·⟩, for each variable."""
        return {X: self.simplified(G) for X, G in self.analysis.pulled(self.covector).items()}

    @property
    def adjoint(self) -> Any:
        """The adjoint for Re⟨·,·⟩ as a formula, F'(X)*[Y]; a dict by name for several variables."""
        known = (*self.function.variables, self.covector)
        answers = {}
        for X, G in self.pullback.items():
            by = (X,) if self.several else ()
            value = ComplexExpr(G, known, ())
            answers[X.name] = ComplexOperator(f"{letter(self)}'", self.wrt, (self.covector,), value, True, by)
        return answers if self.several else answers[self.wrt[0].name]

    @property
    def operator(self) -> Operator:
        return ComplexOperator(f"{letter(self)}'", self.wrt, tuple(self.directions.values()), self.differential)

    # values

    def values(self, nodes: Sequence[Node], at: Mapping[Symbol, Any]) -> list[Any]:
        """Values at arrays by symbol."""
        return self._values(nodes, {v.name: a for v, a in at.items()}, tuple(at))

    def _values(self, nodes: Sequence[Node], arrays: Mapping[str, Any], extra: Sequence[Symbol] = ()) -> list[Any]:
        known = [*self.function.variables]
        names = {v.name for v in known}
        known += [v for v in (*extra, *self.directions.values()) if v.name in arrays and v.name not in names]
        checked: Checked = "value" if all(n is self.function.node for n in nodes) else "derivative"
        reals = [self._is_real(n) for n in nodes]
        found: list[Any] = evaluate(nodes, list(dict.fromkeys(known)), arrays, reals, checked)
        return found

    def _is_real(self, node: Node) -> bool:
        if node is self.function.node:
            return self.real_valued
        memo = self._realness
        if node not in memo:
            memo[node] = real(working(node))
        return memo[node]

    @cached_property
    def _realness(self) -> dict[Node, bool]:
        return {}

    def _directions(self, V: Any) -> dict[str, Any]:
        given = V if self.several else {self.wrt[0].name: V}
        if not isinstance(given, Mapping) or any(X.name not in given for X in self.wrt):
            raise MatdiffError("a direction is given for each variable", hint="pass a dict by the names of variables")
        return {dX.name: given[X.name] for X, dX in self.directions.items()}

    def evaluate(self, /, **arrays: Any) -> Any:
        """The function's value."""
        self._refuse_strangers(arrays)
        return self._values([self.function.node], arrays)[0]

    def _refuse_strangers(self, arrays: Mapping[str, Any]) -> None:
        from matdiff.codegen.evaluate import refuse_strangers

        refuse_strangers([self.function.node], (*self.function.variables, *self.directions.values()), arrays)

    def value_and_grad(self, /, **arrays: Any) -> tuple[Any, Any]:
        """The value of a real function and its gradient by the convention (a dict for several variables)."""
        self._refuse_strangers(arrays)
        gradients = self.gradient if self.several else {"": self.gradient}
        value, *rest = self._values([self.function.node, *(g.node for g in gradients.values())], arrays)
        return value, dict(zip(gradients, rest, strict=True)) if self.several else rest[0]

    def jvp(self, V: Any, /, **arrays: Any) -> Any:
        """F'(X)[V], the shape of F."""
        along = self._directions(V)
        try:
            return self._values([self.differential.node], {**arrays, **along})[0]
        except DomainError:  # Σ f(λᵢ) is smooth where the single λᵢ of its differential are not
            if self.kind != "gradient":
                raise
            slopes = self._values(list(self.gradients_torch.values()), {**arrays, **along})
            pairs = zip(slopes, self.directions.values(), strict=True)
            return sum((G.conjugate() * along[dX.name]).sum().real for G, dX in pairs)

    def vjp(self, Y: Any, /, **arrays: Any) -> Any:
        """F'(X)*[Y] for Re⟨·,·⟩, the shape of X; Y has the shape of F."""
        values = self._values(list(self.pullback.values()), {**arrays, self.covector.name: Y}, (self.covector,))
        return dict(zip((X.name for X in self.wrt), values, strict=True)) if self.several else values[0]

    def code(
        self, mode: str = "value_and_grad", backend: str = "numpy", custom: bool = False, notes: Sequence[str] = ()
    ) -> str:
        """Source text of a function that returns the value and the gradients by the convention.

        Raises UnsupportedError for the code of single maps, which real variables have.
        """
        if mode != "value_and_grad" or custom:
            raise UnsupportedError("of complex variables there is code of the value and the gradients alone")
        gradients = self.gradient.values() if self.several else [self.gradient]
        return source([self.function.node, *(g.node for g in gradients)], self.function.variables, backend, mode)

    def verify(
        self, seed: int = 0, sizes: Mapping[str, int] | None = None, claim: Any = None, **options: Any
    ) -> Verification:
        """Check the derivative by differences along real, imaginary and complex directions; or a claimed gradient."""
        from matdiff.verify import complexes

        if claim is None:
            return complexes.verify(self, seed, sizes, int(options.get("points", 3)), int(options.get("order", 1)))
        claims = claim if isinstance(claim, Mapping) else {self.wrt[0].name: claim}
        if not isinstance(claim, Mapping) and self.several:
            raise ParseError("the derivation is by several variables, so a claim is a dict by their names")
        read = {X: self._claimed(claims[X.name]) for X in self.wrt if X.name in claims}
        return complexes.judge(self, read, seed, sizes)

    def _claimed(self, claim: Any) -> Node:
        if isinstance(claim, Expr):
            return claim.node
        from matdiff.api.reading import read

        typed = read(str(claim), None, "auto", {v.name: v for v in self.function.variables})
        return typed.function

    @cached_property
    def notes(self) -> tuple[str, ...]:
        found = dict.fromkeys(self.remarks)
        for node in topological(self.prepared):
            if isinstance(node, Apply) and node.op.smooth and node in self.differentials:
                places = [Expr(shown(a)).text() for a in node.args]
                where = node.op.smooth
                if node.args[-1].kind == "scalar":
                    where = where.replace("an entry of ", "")
                found[f"not differentiable {where.format(*places)}"] = None
        return tuple(found)

    @cached_property
    def guards(self) -> tuple[Node, ...]:
        return ()

    def abbreviations(self, answers: Sequence[Expr]) -> list[Expr]:
        return list(answers)

    def abbreviated(self, answer: Expr) -> Expr:
        return answer

    def named(self, answers: Sequence[Expr]) -> list[Expr]:
        return list(answers)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """From the function to its differential, and for a real function of one variable to its gradient."""
        from matdiff.api.complexsteps import narrative

        return narrative(self)

    @property
    def all_steps(self) -> tuple[Step, ...]:
        return self.steps

    def further_steps(self, order: int = 1) -> tuple[Group, ...]:
        return ()

    def scipy(self, /, **fixed: Any) -> Any:
        """Raises UnsupportedError: SciPy minimises over real vectors."""
        raise UnsupportedError("SciPy minimises over real vectors", hint="value_and_grad gives the complex gradient")

    def pymanopt(self, /, **fixed: Any) -> Any:
        """Raises UnsupportedError."""
        raise UnsupportedError("problems for Pymanopt are made of functions of real variables")

    @property
    def independent_gradient(self) -> Any:
        raise UnsupportedError("the convention 2G − G∘I is for real symmetric variables")

    def convention_of(self, X: Symbol) -> str:
        """The convention in which a gradient is given; empty for a real variable, of which there is but one."""
        return "" if is_real(X) else self.convention

    @property
    def said(self) -> list[str]:
        """Which convention the answer is in, in sentences."""
        X = self.wrt[0]
        x = X.name if not self.several else "z"
        if self.kind != "gradient":
            return [
                f"d{letter(self)} is linear over the real numbers; adjoint for Re⟨A,B⟩ = Re tr(AᴴB)",
                "the first operator is linear in the differential, the second in its conjugate (Wirtinger)",
            ]
        if all(is_real(v) for v in self.wrt):
            return ["gradient by real variables, for ⟨A,B⟩ = tr(AᵀB)"]
        words = {
            "torch": f"gradient G = 2∂f/∂{bar(x)}, for df = Re⟨G, d{x}⟩ with ⟨A,B⟩ = tr(AᴴB): PyTorch's; JAX returns "
            "its conjugate (--convention jax)",
            "jax": f"2∂f/∂{x}, the conjugate of the G with df = Re⟨G, d{x}⟩: what JAX returns; PyTorch returns G",
            "wirtinger": f"∂f/∂{bar(x)}, half the G with df = Re⟨G, d{x}⟩ that PyTorch returns; JAX returns 2∂f/∂{x}",
        }
        said = [words[self.convention]]
        if any(is_real(v) for v in self.wrt):
            said.append("gradients by real variables are real")
        return said


class ComplexOperator(Operator):
    """An operator of complex directions."""

    def evaluate(self, /, **arrays: Any) -> Any:
        """The value; the directions are arrays as well, by their names: `dz=…`, `Y=…`."""
        known = (*self.value.variables, *self.directions)
        return ComplexExpr(self.value.node, tuple(dict.fromkeys(known))).evaluate(**arrays)


def bar(name: str) -> str:
    return f"conj({name})"


def paired(node: Node) -> Node:
    """t + t̄ = 2 re(t) among the terms of a sum."""
    factor: Node = number(1)
    inside = node
    turned = False
    while is_op(inside, SCALE) and (is_real(inside.children[0]) or inside.children[0] is imaginary()):
        s, inside = inside.children
        if is_real(s):
            factor = scale(factor, s)
        else:
            turned = not turned
            factor = factor if turned else scale(number(-1), factor)
    if not is_op(inside, ADD) or len(inside.children) > 12:
        return node
    terms = [scale(imaginary(), t) if turned else t for t in inside.children]
    kept: list[Node] = []
    while terms:
        t = terms.pop(0)
        if not is_real(t):
            bar_ = conjugate(t)
            other = next((u for u in terms if not is_real(u) and same(bar_, u)), None)
            if other is not None:
                terms.remove(other)
                first = min((t, other), key=_conjugates)
                kept.append(scale(number(2), _real_part(first)))
                continue
        kept.append(t)
    if len(kept) == len(inside.children):
        return node
    return scale(factor, add(*kept))


def _real_part(t: Node) -> Node:
    """re(t); re(i u) is −im(u)."""
    factors: list[Node] = []
    while is_op(t, SCALE):
        factors.append(t.children[0])
        t = t.children[1]
    factors.append(t)
    unit = imaginary()
    if factors.count(unit) != 1:
        made = factors[-1]
        for s in reversed(factors[:-1]):
            made = scale(s, made)
        return RE(made)
    factors.remove(unit)
    made = factors[-1] if factors else number(1)
    for s in reversed(factors[:-1]):
        made = scale(s, made)
    return scale(number(-1), IM(made))


def _conjugates(node: Node) -> int:
    return sum(is_op(n, CONJ) for n in topological(node))


def replaced(root: Node, values: Mapping[Node, Node]) -> Node:
    return substitute(root, dict(values)) if values else root


def placed(error: UnsupportedError, text: str) -> UnsupportedError:
    """The refusal of a function with the place where it is called, if it is called by that name."""
    name = str(error.message).partition(" ")[0]
    found = re.search(rf"(?<![\w\\]){re.escape(name)}\s*\(|\\{re.escape(name)}(?![A-Za-z])", text)
    if found is not None:
        error.located(text, (found.start(), found.start() + len(name)))
    return error


def undeclared(text: str, declare: Any, variables: Sequence[Symbol]) -> list[str]:
    """The variables that no declaration speaks of."""
    from matdiff.api.reading import texts
    from matdiff.text.parser import parse_declarations

    said = {d.name for t in texts(declare) for d in parse_declarations(t)}
    heads = re.findall(r"([^;\n]+?)(?::|∈|\\in\b)", text)
    said |= {name for head in heads for name in re.findall(r"[^\W\d]\w*", head)}
    return [v.name for v in variables if v.name not in said]


def spoken(expr: Expr, node: Node, loose: Sequence[str]) -> tuple[str, ...]:
    """What may surprise in how a function with complex variables was read."""
    found = []
    plain = next((n for n in topological(node) if _plainly_transposed(n)), None)
    if plain is not None:
        shown_ = Expr(plain.args[0]).text(defined=False)
        found.append(
            f"the transpose of {shown_} is the plain one, without conjugation; the conjugate transpose is written ^H"
        )
    complex_ = {v.name for v in expr.variables if not is_real(v)}
    indices = {v.name for v in expr.variables if "index" in v.attributes}
    loose = [name for name in loose if name not in complex_ | indices]
    if loose and complex_:
        verb = "is" if len(loose) == 1 else "are"
        found.append(f"{', '.join(loose)} {verb} real, as nothing else is declared")
    return tuple(found)


def _plainly_transposed(n: Node) -> bool:
    """Aᵀ of complex A, where it is not that of a conjugate."""
    if not is_op(n, TRANSPOSE) or is_real(n):
        return False
    (a,) = n.children
    return not is_op(a, CONJ) and not (isinstance(a, Symbol) and hermitian_symbol(a))


def hermitian_symbol(a: Symbol) -> bool:
    return not a.attributes.isdisjoint({"hermitian", "hpd"})


def complex_derivation(
    expr: Expr,
    wrt: tuple[Symbol, ...],
    types: str,
    source_: Node | None,
    remarks: tuple[str, ...],
    convention: str,
    several: bool,
) -> ComplexDerivation:
    """The derivation, its rules applied so that what has no derivative is refused at once."""
    if convention not in CONVENTIONS:
        raise ParseError(f"{convention!r} is no convention", hint=f"conventions are {', '.join(CONVENTIONS)}")
    for X in wrt:
        check_variable(X)
    d = ComplexDerivation(
        ComplexExpr(expr.node, expr.variables), wrt, types, several, None, source_, remarks, False, convention
    )
    _ = d.raw_differential
    return d
