"""Functions applied entry by entry; each states its derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matdiff.core.node import Apply, Node, Number, constant, number, operators
from matdiff.core.op import Facts, Nonlinear, Op, Type, elementwise, macro, register, registry
from matdiff.errors import UnsupportedError
from matdiff.ops.algebra import POWER, power, whole
from matdiff.ops.constants import ones_like, zeros_like

pi = constant("pi", "scalar")
real: list[Callable[[Node], bool]] = []
"""Is an expression real by its form?  What may be complex has logarithms and roots that do not undo exp and powers."""


def _simpler_abs(known: Facts, node: Apply, u: Node) -> Node | None:
    """|u| = u, sign(u) = 1 and so relu(u) = u of what is positive; relu(u) and |u| of what is 0 or more.

    relu(sign u) is the step of u.
    """
    properties = known(u)
    if node.op is relu and u.op is sign:
        return heaviside(u.children[0])
    if node.op in (sign, heaviside):
        return ones_like(u) if "positive" in properties else None
    return u if "nonnegative" in properties else None


def _simpler_sqrt(known: Facts, node: Apply, a: Node) -> Node | None:
    """√(u^p) = u^(p/2) of what is 0 or more, for an even p."""
    if a.op is not POWER or "nonnegative" not in known(a.children[0]):
        return None
    p = whole(a.children[1])
    return power(a.children[0], number(p // 2)) if p is not None and p % 2 == 0 else None


def _simpler_exp(known: Facts, node: Apply, u: Node) -> Node | None:
    if isinstance(u, Number) and u.value == 0:
        return number(1)
    return u.children[0] if u.op is log else None


def _simpler_log(known: Facts, node: Apply, u: Node) -> Node | None:
    if u.op is registry["det"]:
        return registry["logdet"](u.children[0])
    if isinstance(u, Number) and u.value == 1:
        return number(0)
    return u.children[0] if u.op is exp and all(known(u.children[0]) for known in real) else None


exp: Op = elementwise(
    "exp",
    lambda x: exp(x),
    gives="positive",
    numpy="np.exp({0})",
    julia="exp.({0})",
    latex=r"\exp({0})",
    spellings="expm1=exp({0}).-1",
    whole="expm",
    sympy="exp",
    maxima="exp({0})",
    law="d eᵘ = eᵘ du",
    proof=(
        "exp(x + dx) = exp(x).*exp(dx) | the functional equation",
        "d(exp(x)) = exp(x).*dx | exp(h) = 1 + h + O(h²)",
    ),
    curvature="convex increasing logconvex logconcave",
    c="exp({0})",
    simplify=_simpler_exp,
    modular=lambda F: (F.exp, F.exp),
    analytic="exp",
)
log: Op = elementwise(
    "log",
    lambda x: 1 / x,
    numpy="np.log({0})",
    julia="log.({0})",
    octave="reallog({0})",
    latex=r"\log({0})",
    domain="positive",
    spellings="ln log10=log({0})/log(10) log2=log({0})/log(2) log1p=log(1.+{0})",
    whole="logm",
    sympy="log",
    maxima="log({0})",
    law="d log u = du/u",
    proof=(
        "exp(log(x)) = x | the logarithm undoes exp",
        "exp(log(x)).*d(log(x)) = dx | d eᵘ = eᵘ du",
        "d(log(x)) = dx./x | divide",
    ),
    curvature="concave increasing",
    c="log({0})",
    simplify=_simpler_log,
    surplus="scalar vector: the logarithm to another base is log({0})/log(2)",
    modular=lambda F: (F.log, F.reciprocal),
    analytic="log",
)
sqrt: Op = elementwise(
    "sqrt",
    lambda x: 1 / (2 * sqrt(x)),
    where="nonnegative",
    gives="nonnegative",
    numpy="np.sqrt({0})",
    julia="sqrt.({0})",
    octave="realsqrt({0})",
    latex=r"\sqrt{{{0}}}",
    domain="positive",
    whole="sqrtm",
    sympy="sqrt",
    maxima="sqrt({0})",
    law="d √u = du/(2√u)",
    proof=(
        "sqrt(x).*sqrt(x) = x | what a root is",
        "2*sqrt(x).*d(sqrt(x)) = dx | product rule",
        "d(sqrt(x)) = dx./(2*sqrt(x)) | divide",
    ),
    curvature="concave increasing",
    c="sqrt({0})",
    simplify=_simpler_sqrt,
    modular=lambda F: (F.root, lambda a: F.reciprocal(2 * F.root(a))),
    analytic="sqrt",
)
abs_: Op = elementwise(
    "abs",
    lambda x: sign(x),
    gives="nonnegative",
    numpy="np.abs({0})",
    julia="abs.({0})",
    latex=r"\lvert {0} \rvert",
    smooth="where an entry of {0} is 0",
    spellings="fabs absolute",
    sympy="Abs",
    maxima="abs({0})",
    law="d |u| = sign(u) du",
    proof=(
        "abs(x) = sign(x).*x | what it is",
        "d(abs(x)) = sign(x).*dx | the sign is constant around u ≠ 0",
    ),
    curvature="convex decreasing- increasing+",
    traits="homogeneous barred",
    c="fabs({0})",
    simplify=_simpler_abs,
)
sign: Op = elementwise(
    "sign",
    zeros_like,
    numpy="np.sign({0})",
    julia="sign.({0})",
    smooth="where an entry of {0} is 0",
    spellings="sgn signum",
    sympy="sign",
    maxima="signum({0})",
    law="sign is constant around u ≠ 0",
    proof=(
        "sign(x + dx) = sign(x) | for every dx smaller than x ≠ 0",
        "d(sign(x)) = 0*dx | a constant has no differential",
    ),
    c="sign({0})",
    simplify=_simpler_abs,
)
sin: Op = elementwise(
    "sin",
    lambda x: cos(x),
    numpy="np.sin({0})",
    julia="sin.({0})",
    latex=r"\sin({0})",
    spellings="csc=1./sin({0})",
    whole="sinm",
    sympy="sin",
    maxima="sin({0})",
    law="d sin u = cos u du",
    proof=(
        "sin(x + dx) = sin(x).*cos(dx) + cos(x).*sin(dx) | addition theorem",
        "d(sin(x)) = cos(x).*dx | cos h = 1 + O(h²), sin h = h + O(h³)",
    ),
    c="sin({0})",
    modular=lambda F: (lambda a: F.half_angle(a)[0], lambda a: F.half_angle(a)[1]),
    analytic="sin",
)
cos: Op = elementwise(
    "cos",
    lambda x: -sin(x),
    numpy="np.cos({0})",
    julia="cos.({0})",
    latex=r"\cos({0})",
    spellings="sec=1./cos({0})",
    whole="cosm",
    sympy="cos",
    maxima="cos({0})",
    law="d cos u = −sin u du",
    proof=(
        "cos(x + dx) = cos(x).*cos(dx) - sin(x).*sin(dx) | addition theorem",
        "d(cos(x)) = -sin(x).*dx | cos h = 1 + O(h²), sin h = h + O(h³)",
    ),
    c="cos({0})",
    modular=lambda F: (lambda a: F.half_angle(a)[1], lambda a: -F.half_angle(a)[0]),
    analytic="cos",
)
tan: Op = elementwise(
    "tan",
    lambda x: 1 + tan(x) ** 2,
    numpy="np.tan({0})",
    julia="tan.({0})",
    latex=r"\tan({0})",
    whole="tanm",
    sympy="tan",
    maxima="tan({0})",
    spellings="cot=1./tan({0})",
    law="d tan u = (1 + tan² u) du",
    proof=(
        "tan(x) = sin(x)./cos(x) | what the tangent is",
        "d(tan(x)) = (cos(x).*cos(x) + sin(x).*sin(x))./cos(x).^2 .* dx | quotient rule",
        "d(tan(x)) = (1 .+ tan(x).^2).*dx | divide",
    ),
    c="tan({0})",
    modular=lambda F: (
        lambda a: F.half_angle(a)[0] * F.reciprocal(F.half_angle(a)[1]),
        lambda a: F.reciprocal(F.half_angle(a)[1] ** 2),
    ),
    analytic="tan",
)
asin: Op = elementwise(
    "asin",
    lambda x: 1 / sqrt(1 - x**2),
    within="strictly inside",
    numpy="np.arcsin({0})",
    julia="asin.({0})",
    octave="real_asin({0})",
    latex=r"\arcsin({0})",
    domain="inside",
    spellings="arcsin",
    sympy="asin",
    maxima="asin({0})",
    law="d asin u = du/√(1 − u²)",
    proof=(
        "sin(asin(x)) = x | the inverse function",
        "cos(asin(x)).*d(asin(x)) = dx | d sin u = cos u du",
        "d(asin(x)) = dx./sqrt(1 .- x.^2) | cos² = 1 − sin²",
    ),
    curvature="increasing concave- convex+",
    c="asin({0})",
    modular=lambda F: (lambda a: F.free("asin", a), lambda a: F.reciprocal(F.root(1 - a * a))),
    analytic="arcsin",
)
acos: Op = elementwise(
    "acos",
    lambda x: -1 / sqrt(1 - x**2),
    within="strictly inside",
    numpy="np.arccos({0})",
    julia="acos.({0})",
    octave="real_acos({0})",
    latex=r"\arccos({0})",
    domain="inside",
    spellings="arccos",
    sympy="acos",
    maxima="acos({0})",
    law="d acos u = −du/√(1 − u²)",
    proof=(
        "cos(acos(x)) = x | the inverse function",
        "-sin(acos(x)).*d(acos(x)) = dx | d cos u = −sin u du",
        "d(acos(x)) = -dx./sqrt(1 .- x.^2) | sin² = 1 − cos²",
    ),
    curvature="decreasing convex- concave+",
    c="acos({0})",
    modular=lambda F: (lambda a: F.free("acos", a), lambda a: -F.reciprocal(F.root(1 - a * a))),
    analytic="arccos",
)
atan: Op = elementwise(
    "atan",
    lambda x: 1 / (1 + x**2),
    numpy="np.arctan({0})",
    julia="atan.({0})",
    latex=r"\arctan({0})",
    spellings="arctan",
    sympy="atan",
    maxima="atan({0})",
    law="d atan u = du/(1 + u²)",
    proof=(
        "tan(atan(x)) = x | the inverse function",
        "(1 .+ x.^2).*d(atan(x)) = dx | d tan u = (1 + tan² u) du",
        "d(atan(x)) = dx./(1 .+ x.^2) | divide",
    ),
    curvature="increasing convex- concave+",
    c="atan({0})",
    modular=lambda F: (lambda a: F.odd("atan", a), lambda a: F.reciprocal(1 + a * a)),
    analytic="arctan",
)
sinh: Op = elementwise(
    "sinh",
    lambda x: cosh(x),
    numpy="np.sinh({0})",
    julia="sinh.({0})",
    latex=r"\sinh({0})",
    spellings="csch=1./sinh({0})",
    whole="sinhm",
    sympy="sinh",
    maxima="sinh({0})",
    law="d sinh u = cosh u du",
    proof=(
        "sinh(x) = (exp(x) - exp(-x))/2 | what it is",
        "d(sinh(x)) = (exp(x) + exp(-x))/2 .* dx | d eᵘ = eᵘ du",
        "d(sinh(x)) = cosh(x).*dx | what cosh is",
    ),
    curvature="increasing concave- convex+",
    c="sinh({0})",
    modular=lambda F: (F.sinh, F.cosh),
    analytic="sinh",
)
cosh: Op = elementwise(
    "cosh",
    lambda x: sinh(x),
    gives="positive",
    numpy="np.cosh({0})",
    julia="cosh.({0})",
    latex=r"\cosh({0})",
    spellings="sech=1./cosh({0})",
    whole="coshm",
    sympy="cosh",
    maxima="cosh({0})",
    law="d cosh u = sinh u du",
    proof=(
        "cosh(x) = (exp(x) + exp(-x))/2 | what it is",
        "d(cosh(x)) = (exp(x) - exp(-x))/2 .* dx | d eᵘ = eᵘ du",
        "d(cosh(x)) = sinh(x).*dx | what sinh is",
    ),
    curvature="convex logconvex decreasing- increasing+",
    c="cosh({0})",
    modular=lambda F: (F.cosh, F.sinh),
    analytic="cosh",
)
tanh: Op = elementwise(
    "tanh",
    lambda x: 1 - tanh(x) ** 2,
    numpy="np.tanh({0})",
    julia="tanh.({0})",
    latex=r"\tanh({0})",
    spellings="coth=1./tanh({0})",
    sympy="tanh",
    maxima="tanh({0})",
    law="d tanh u = (1 − tanh² u) du",
    proof=(
        "tanh(x) = sinh(x)./cosh(x) | what it is",
        "d(tanh(x)) = (cosh(x).^2 - sinh(x).^2)./cosh(x).^2 .* dx | quotient rule",
        "d(tanh(x)) = (1 .- tanh(x).^2).*dx | divide",
    ),
    curvature="increasing convex- concave+",
    c="tanh({0})",
    modular=lambda F: (lambda a: F.sinh(a) * F.reciprocal(F.cosh(a)), lambda a: F.reciprocal(F.cosh(a) ** 2)),
    analytic="tanh",
)
QUOTIENTS: tuple[tuple[Op, Op, Op], ...] = ((sinh, cosh, tanh), (sin, cos, tan))
"""Functions that are the quotient of two others: sinh over cosh is tanh."""
sigmoid: Op = elementwise(
    "sigmoid",
    lambda x: sigmoid(x) * (1 - sigmoid(x)),
    gives="positive",
    numpy="scipy.special.expit({0})",
    julia="sigmoid.({0})",
    jax="jax.nn.sigmoid({0})",
    torch="torch.sigmoid({0})",
    latex=r"\sigma({0})",
    spellings="logistic expit sigm",
    law="σ′ = σ(1 − σ)",
    summary="1/(1 + exp(-x)), also σ(x) and sigma(x)",
    definition=lambda x: 1 / (1 + exp(-x)),
    curvature="increasing convex- concave+ logconcave",
    c="sigmoid({0})",
    modular=lambda F: (F.sigmoid, lambda a: F.sigmoid(a) * (1 - F.sigmoid(a))),
)
softplus: Op = elementwise(
    "softplus",
    lambda x: sigmoid(x),
    gives="positive",
    numpy="np.logaddexp(0, {0})",
    julia="softplus.({0})",
    jax="jax.nn.softplus({0})",
    torch="torch.nn.functional.softplus({0}, threshold=40)",
    law="softplus′ = σ",
    summary="log(1 + exp(x))",
    definition=lambda x: log(1 + exp(x)),
    curvature="convex increasing logconcave",
    c="logaddexp(0.0, {0})",
    modular=lambda F: (lambda a: F.free("softplus", a), F.sigmoid),
)
relu: Op = elementwise(
    "relu",
    lambda x: heaviside(x),
    gives="nonnegative",
    numpy="np.maximum({0}, 0)",
    julia="max.({0}, 0)",
    torch="torch.relu({0})",
    smooth="where an entry of {0} is 0",
    law="relu′(u) = 1 for u > 0, else 0",
    proof=(
        "relu(x) = (abs(x) + x)/2 | what it is",
        "d(relu(x)) = (sign(x).*dx + dx)/2 | d |u| = sign(u) du",
    ),
    summary="max(x, 0)",
    curvature="convex increasing",
    traits="homogeneous",
    c="larger({0}, 0.0)",
    simplify=_simpler_abs,
)
heaviside: Op = elementwise(
    "heaviside",
    zeros_like,
    scalar=lambda x: number(int(x.value > 0)) if isinstance(x, Number) else heaviside.build((x,)),
    gives="nonnegative",
    numpy="({0} > 0).astype({0}.dtype)",
    julia="float.({0} .> 0)",
    octave="double({0} > 0)",
    torch="({0} > 0).to({0}.dtype)",
    smooth="where an entry of {0} is 0",
    law="the step is constant around u ≠ 0",
    summary="1 for x > 0, else 0: the derivative of relu",
    definition=lambda x: relu(sign(x)),
    curvature="increasing",
    c="step({0})",
    simplify=_simpler_abs,
)
erf: Op = elementwise(
    "erf",
    lambda x: 2 / sqrt(pi) * exp(-(x**2)),
    numpy="scipy.special.erf({0})",
    julia="erf.({0})",
    torch="torch.erf({0})",
    sympy="erf",
    maxima="erf({0})",
    law="d erf u = (2/√π) exp(−u²) du",
    proof=(
        "erf(-x) = -erf(x) | the integral from 0 of an even function",
        "d(erf(x)) = 2/sqrt(pi)*exp(-x.^2).*dx | the derivative of an integral is the integrand",
    ),
    source="DLMF 7.2.1",
    curvature="increasing convex- concave+",
    c="erf({0})",
    modular=lambda F: (lambda a: F.odd("erf", a), lambda a: 2 * F.reciprocal(F.root(F.PI)) * F.exp(-a * a)),
    analytic=lambda np, scipy, x: scipy.special.erf(x),
)
macro(
    "normcdf",
    "(...)->(...)",
    lambda x: (1 + erf(x / sqrt(number(2)))) / 2,
    summary="(1 + erf(x/√2))/2, the distribution function of the standard normal law",
)
lgamma: Op = elementwise(
    "lgamma",
    lambda x: digamma(x),
    numpy="scipy.special.gammaln({0})",
    julia="loggamma.({0})",
    octave="gammaln({0})",
    torch="torch.lgamma({0})",
    domain="positive",
    spellings="gammaln loggamma",
    sympy="loggamma",
    law="d log Γ(u) = ψ(u) du",
    proof=(
        "lgamma(x .+ 1) = lgamma(x) + log(x) | Γ(u + 1) = u Γ(u)",
        "d(lgamma(x)) = digamma(x).*dx | what ψ is",
    ),
    source="DLMF 5.2.2",
    curvature="convex",
    c="lgamma({0})",
    modular=lambda F: (lambda a: F.free("lgamma", a), lambda a: F.free("polygamma0", a)),
    analytic=lambda np, scipy, x: scipy.special.loggamma(x),
)
digamma: Op = elementwise(
    "digamma",
    lambda x: polygamma(number(1), x),
    numpy="scipy.special.digamma({0})",
    julia="digamma.({0})",
    octave="psi({0})",
    torch="torch.digamma({0})",
    domain="positive",
    sympy="digamma",
    law="ψ′ = polygamma(1, ·)",
    proof=(
        "digamma(x .+ 1) = digamma(x) + 1 ./ x | ψ(u + 1) = ψ(u) + 1/u",
        "d(digamma(x)) = polygamma(1, x).*dx | what polygamma is",
    ),
    source="DLMF 5.15",
    curvature="concave increasing",
    c="digamma({0})",
    modular=lambda F: (lambda a: F.free("polygamma0", a), lambda a: F.free("polygamma1", a)),
    analytic=lambda np, scipy, x: scipy.special.psi(x),
)


def _polygamma_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    k, x = args
    if isinstance(k, Number) and not (isinstance(k.value, int) and k.value >= 0):
        raise UnsupportedError(
            "the order of polygamma(k, x) is a whole number from 0 on", hint="for instance polygamma(1, x)"
        )
    return x.kind, x.rows, x.cols


polygamma: Op = register(
    Op(
        "polygamma",
        "(),(...)->(...)",
        (None, Nonlinear(lambda k, x, dx: polygamma(k + 1, x) * dx)),
        _polygamma_type,
        numpy="polygamma({0}, {1})",
        julia="polygamma.({0}, {1})",
        octave="psi({0}, {1})",
        jax="jax.scipy.special.polygamma({0}, {1})",
        torch="torch.polygamma({0}, {1})",
        domain=("whole", "positive"),
        law="d polygamma(k, u) = polygamma(k + 1, u) du",
        proof=(
            "polygamma(1, b .+ 1) = polygamma(1, b) - 1 ./ b.^2 | the derivative of ψ(u + 1) = ψ(u) + 1/u",
            "d(polygamma(1, b)) = polygamma(2, b).*db | what polygamma is",
        ),
        source="DLMF 5.15",
        elementwise=True,
        c="polygamma({0}, {1})",
    )
)
macro("trigamma", "(...)->(...)", lambda x: polygamma(number(1), x), summary="polygamma(1, x)")

operators["log"] = log


def reciprocal(x: Node) -> Node:
    return power(x, number(-1))


VANISHING = (sin, tan, asin, atan, sinh, tanh, erf, abs_, relu)
"""Those with |f(u)| at most in proportion to |u| around 0."""
