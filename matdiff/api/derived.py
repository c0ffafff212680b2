"""A function of variables that are not random, an inner product: read and checked, they are a Derivation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from matdiff.api.derivation import Derivation
from matdiff.api.expr import Expr
from matdiff.api.wrt import as_typed, chosen_names, one_member, suggestion, whole_families
from matdiff.calculus.existence import singular_at_zero
from matdiff.calculus.implicit import partial
from matdiff.calculus.tangent import check_movable, tangent
from matdiff.core.node import Node, Symbol, describe, symbol, topological
from matdiff.errors import MatdiffError, ParseError, ShapeError, UnsupportedError
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import substitute
from matdiff.ops.complexes import COMPLEX, imaginary_in
from matdiff.ops.constants import is_zero, zeros_like
from matdiff.ops.sets import AFFINE, GRASSMANN, METRICS, curved_set
from matdiff.simplify.normal import normal

if TYPE_CHECKING:
    from matdiff.inference import Typed


def derived(
    function: str | Expr,
    wrt: str | Expr | Sequence[str | Expr],
    declare: str | Sequence[str] | None = None,
    dialect: str = "auto",
    inner: str | Expr | None = None,
    metric: str = "euclidean",
    convention: str = "torch",
) -> Derivation[Any]:
    """As `derive`, and raises what it raises, where nothing is random."""
    from matdiff.api.reading import agree, read
    from matdiff.inference.names import check_defined

    names, known = chosen_names(wrt)
    source: Node | None = None
    remarks: tuple[str, ...] = ()
    if isinstance(function, Expr):
        agree(function, declare)
        check_defined(function.node, {})
        expr, types = function, function.types
        variables = {v.name: v for v in function.variables}
        names = as_typed(names, list(variables))
    else:
        typed = read(function, declare, dialect, known, names, implicit=True)
        if not typed.systems and (sized := _sized_by(inner, typed.variables, names)):
            with suppress(MatdiffError):
                typed = read(function, declare, dialect, {**known, **sized}, names)
        names = as_typed(names, list(typed.variables))
        if typed.families and (member := one_member(names, typed.variables, typed.families)):
            from matdiff.api.members import by_member

            whole = derived(
                function,
                typed.families.get(base := member.rpartition("_")[0], base),
                declare,
                dialect,
                inner,
                metric,
                convention,
            )
            return by_member(whole, member, {base: base, **typed.families})  # type: ignore[return-value]
        names = whole_families(names, typed.variables, typed.families)
        if typed.systems:
            refuse_complex_parts(typed)
            found: Derivation = implicit(typed, names, inner)
            return found
        refuse_differentials(typed.function, names)
        variables, source = dict(typed.variables), typed.kept
        remarks = tuple(dict.fromkeys((*typed.remarks, *(typed.changed[n] for n in names if n in typed.changed))))
        expr, types = Expr(typed.function, tuple(variables.values())), typed.declarations
    for name in names:
        if name not in variables:
            raise not_a_variable(name, expr.node, list(variables))
        if known.get(name, variables[name]) is not variables[name]:
            there, here = describe(variables[name]), describe(known[name])
            raise ParseError(f"{name} is {there} in the function, and {here} in wrt")
    chosen = tuple(variables[n] for n in names)
    if not chosen:
        raise ParseError("no variable to differentiate by", hint='give its name: wrt="X"')
    for X in chosen:
        check_movable(X)
    if not COMPLEX.isdisjoint(a for v in expr.variables for a in v.attributes) or imaginary_in(expr.node):
        from matdiff.api.complexes import complex_derivation, placed, spoken, undeclared

        if inner is not None or metric != "euclidean":
            raise UnsupportedError("weights and metrics of inner products go with real variables")
        if isinstance(function, str):
            remarks = (*remarks, *spoken(expr, source or expr.node, undeclared(function, declare, expr.variables)))
        try:
            return complex_derivation(expr, chosen, types, source, remarks, convention, len(chosen) > 1)
        except UnsupportedError as error:
            raise error if not isinstance(function, str) else placed(error, function) from None
    if convention != "torch":
        raise UnsupportedError(f"the convention {convention} is of complex variables, and all variables are real")
    affine = is_affine(metric, expr.node, chosen)
    W = None if inner is None else weight(inner, chosen, types)
    if W is not None:
        expr = Expr(expr.node, tuple(dict.fromkeys((*expr.variables, *W.variables))))
        types = expr.types
    weighted = None if W is None else W.node
    derivation = Derivation(expr, chosen, types, len(chosen) > 1, weighted, source, remarks, affine)
    _ = derivation.raw_differential
    for X, space in derivation.curved.items():
        if space is GRASSMANN:
            from matdiff.codegen.evaluate import evaluate
            from matdiff.verify.invariance import check_invariant

            check_invariant(expr.node, expr.variables, X, evaluate)
    suspects = [n for n in derivation.differentials if singular_at_zero(n)]
    if suspects:
        from matdiff.verify.nowhere import check_somewhere

        check_somewhere(derivation, suspects)
    return derivation


def _sized_by(inner: Any, variables: Mapping[str, Symbol], names: Sequence[str]) -> dict[str, Symbol]:
    """The variable as long as a declared weight of the inner product, where nothing else says its size."""
    W = variables.get(inner) if isinstance(inner, str) else None
    X = variables.get(names[0]) if len(names) == 1 else None
    if W is None or X is None or X.kind == "scalar" or W.rows is not W.cols or W.rows is X.rows:
        return {}
    cols = W.rows if X.cols is X.rows else X.cols
    found = symbol(X.name, X.kind, W.rows, cols, X.attributes)
    return {X.name: found} if isinstance(found, Symbol) else {}


def refuse_complex_parts(typed: Typed) -> None:
    """Raises UnsupportedError for equations with complex variables, whose rules are real."""
    z = next((n for n, v in typed.variables.items() if not COMPLEX.isdisjoint(v.attributes)), None)
    if z is not None or imaginary_in(typed.function):
        raise UnsupportedError(
            "equations go with real variables" + f", and {z} is complex" * bool(z),
            hint="write the solution: inv(A)*b",
        )


def implicit(typed: Typed, names: Sequence[str], inner: Any) -> Any:
    """The derivation of a function of unknowns.

    Raises ParseError for a name that is no variable, UnsupportedError for an equation that determines nothing.
    """
    from matdiff.api.implicit import Implicit
    from matdiff.verify.implicit import undetermined

    if inner is not None:
        raise UnsupportedError("a weighted inner product goes with functions without equations")
    unknowns = {x.name: s for s in typed.systems for x in s.unknowns}
    variables = {n: v for n, v in typed.variables.items() if n not in unknowns}
    for root in (typed.function, *(F for s in typed.systems for F in s.residuals)):
        refuse_differentials(root, [*names, *unknowns])
    for name in names:
        if name in unknowns:
            hint = f"differentiate by one of {', '.join(variables)}"
            raise ParseError(f"{name} is determined by an equation, and so no variable of the function", hint=hint)
        if name not in variables:
            raise not_a_variable(name, typed.function, list(variables))
    chosen = tuple(variables[n] for n in names)
    for X in chosen:
        check_movable(X)
    remarks = tuple(dict.fromkeys((*typed.remarks, *(typed.changed[n] for n in names if n in typed.changed))))
    expr = Expr(typed.function, tuple(typed.variables.values()))
    d = Implicit(expr, typed.systems, chosen, typed.declarations, len(chosen) > 1, remarks)
    _ = d.adjoints.gradients, d.adjoints.linear_parts
    lost = undetermined(typed.systems, expr.variables)
    if lost is not None:
        names_ = " and ".join(x.name for x in lost.unknowns)
        raise UnsupportedError(
            f"the equation does not determine {names_}: its Jacobian by {names_} is singular everywhere",
            text=typed.text,
            span=lost.span,
            hint="a condition is missing, or one follows from the others",
        )
    refuse_homogeneous(typed)
    return d


def refuse_homogeneous(typed: Typed) -> None:
    """Raises UnsupportedError for a linear system that 0 solves whatever the variables are: nobody asks for 0."""
    for s in typed.systems:
        zero = {x: zeros_like(x) for x in s.unknowns}
        linear = not any(x in topological(partial(F, s.unknowns)) for F in s.residuals for x in s.unknowns)
        if linear and all(is_zero(normal(substitute(F, zero))) for F in s.residuals):
            names = " and ".join(x.name for x in s.unknowns)
            raise UnsupportedError(
                f"0 solves this equation whatever the variables are, so {names} is 0",
                text=typed.text,
                span=s.span,
                hint="eigenvalues and eigenvectors are functions: lambda_max(S), eigval(S, 1), of a symmetric S",
            )


def is_affine(metric: str, function: Node, wrt: Sequence[Symbol]) -> bool:
    """Is it the affine-invariant metric?  Raises where the word is another, or there is nothing to which it belongs."""
    if metric not in METRICS:
        raise ParseError(f"{metric!r} is no metric", hint=f"metrics are {', '.join(METRICS)}")
    if metric == "euclidean":
        return False
    if not any(curved_set(X, affine=True) is AFFINE for X in wrt):
        X = wrt[0]
        square = X.kind == "matrix" and X.rows is X.cols
        raise UnsupportedError(
            f"the affine metric belongs to symmetric positive definite matrices, which {X.name} is not declared to be",
            hint=f'declare it: "{X.name}: {X.rows}×{X.rows} spd"' if square else "leave out the metric",
        )
    if function.kind != "scalar":
        raise UnsupportedError("the affine metric is for gradients and Hessians, and so for scalar functions")
    return True


def not_a_variable(name: str, function: Node, variables: list[str]) -> ParseError:
    if any(isinstance(n, Symbol) and n.body is not None and n.name == name for n in topological(function)):
        hint = f"declare {name} instead of defining it, or differentiate by one of {', '.join(variables)}"
        return ParseError(f"{name} is defined in the function, and so no variable of it", hint=hint)
    return ParseError(f"{name} is not a variable of the function", hint=suggestion(name, variables))


def refuse_differentials(function: Node, names: Sequence[str]) -> None:
    """In text, dx is the differential of x, which a function of x has none of."""
    for n in topological(function):
        if isinstance(n, Symbol) and n.of is not None and n.of.name in names:
            raise ParseError(
                f"{n.name} is the differential of {n.of.name}, and a function of {n.of.name} has none",
                hint=f"write the function itself; a variable of that name is declared: `{n.name}: …`",
            )


def weight(inner: str | Expr, wrt: Sequence[Symbol], types: str) -> Expr:
    """The weight W of an inner product, checked: square, as large as the variable is long, known to be spd."""
    (X, *others) = wrt
    if others or tangent(X) is not None:
        raise UnsupportedError("a weighted inner product goes with one variable that moves freely")
    if not isinstance(inner, str | Expr):
        raise ParseError(f"inner takes a matrix or its name, not {type(inner).__name__}", hint='for instance inner="W"')
    if isinstance(inner, str):
        from matdiff.api.reading import read

        declared = [types]
        if inner.isidentifier() and not any(part.strip().startswith(f"{inner}:") for part in types.split(";")):
            declared.append(f"{inner}: {X.rows}×{X.rows} spd")
        typed = read(inner, declared, "auto", {})
        inner = Expr(typed.function)
    W = inner.node
    if W.rows is not X.rows or W.cols is not X.rows or X.kind == "scalar":
        raise ShapeError(f"the weight of the inner product is {describe(W)}, but {X.name} is {describe(X)}")
    if "spd" not in Known()(W):
        raise UnsupportedError(
            "the weight of an inner product must be symmetric positive definite, and this one is not known to be",
            hint=f'declare it: "{inner}: {X.rows}×{X.rows} spd"',
        )
    return inner
