"""One record per function of the language.

A function states exactly one rule per argument: linear in it, its adjoint; otherwise, its differential.
Everything else (gradients, Jacobians, Hessians, steps, checks, code) is derived from that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple, Protocol

from matdiff.core.node import Apply, Kind, Node, apply, constant, describe, symbol
from matdiff.core.shape import ONE, Dim, Spec, signature
from matdiff.errors import MatdiffError, ShapeError

Type = tuple[Kind, Dim, Dim]


class Linear(NamedTuple):
    """Linear in this argument: `adjoint(Y, *args, *params)` is L*Y in ⟨Y, L[V]⟩ = ⟨L*Y, V⟩."""

    adjoint: Callable[..., Node]


class Joint(NamedTuple):
    """Linear in all arguments together (sums, blocks): `adjoint(Y, slot, *args, *params)`."""

    adjoint: Callable[..., Node]


class Nonlinear(NamedTuple):
    """`differential(*args, dX, *params)`: what dX in this argument does to the value, linear in dX."""

    differential: Callable[..., Node]


class Mistake(NamedTuple):
    """A rule as it is often misremembered: `differential(*args, dX, *params)`, how it reads, and the right one."""

    differential: Callable[..., Node]
    reads: str
    right: str


class Facts(Protocol):
    """What an identity may ask: the properties of a node, and its transpose, which is A where A is symmetric."""

    def __call__(self, node: Node) -> frozenset[str]: ...

    def transposed(self, node: Node) -> Node: ...


Rule = Linear | Joint | Nonlinear | None
"""None: an argument that cannot be differentiated through."""


@dataclass(slots=True, eq=False, repr=False)
class Op:
    """A function of the language.

    name        as it is called in text
    signature   shapes, as in NumPy's generalised ufuncs; `(...)` is one and the same any shape; after a `;` what a
                call gives besides, a number being what it must be: the 2 of softmax(X, 2)
    rules       one per argument; the last repeats for functions of any number of arguments
    typing      overrides the signature where shapes alone do not tell: (args, params) -> type
    scalar      what the function is of a scalar, where the signature wants a matrix
    numpy       code, `{0}` the first argument; jax and torch where they deviate ("-": not available there)
    julia       code for Julia; octave for Octave and MATLAB where it deviates by more than the dots after names
    c           code for C and Numba: `exp({0})` entry by entry, `= det({m0}, {0}, {work:m0*m0+m0})` a number,
                `-> expm({m0}, {0}, {out}, {work:…})` an array; the call is one of `codegen.routines`, {m0} {n0} {s0}
                are rows, columns and entries of an argument, {m} {n} {s} of the value
    latex       likewise; text is `name(arguments)` unless the printers know better
    domain      where it is defined, one word per argument: positive invertible spd symmetric nonzero …
    where       the word for where it has a value, where that is on more than `domain`; "": everywhere
    within      the word for where it is differentiable, where that is on other arguments than `domain`
    jointly     what the generated code checks on a line of its own: the word, and the arguments that it is of, where
                they are several or the code does not mention them
    smooth      where it is not differentiable, in words; empty if it is wherever it is defined
    guard       what must be defined for a derivative to exist, of the arguments, where that is more than the value
    simplify    `simplify(known, node, *args)`: its identities, a simpler form of the application `node` to arguments in
                normal form, or None
    keeps       properties of the argument that the value has as well: "symmetric spd diagonal …"
    gives       properties that the value always has
    law, source the name of the rule and where it is found in books
    proof       why the law holds, in lines "left = right | reason" of the language with dX and d(…), each of which is
                checked; a first line "let q = …" names parts; not needed where linearity or the definition proves it
    mistakes    the rule as it is often misremembered: where a person's derivative comes of one, that is said
    pairing     of an operator: how it moves across ⟨Y, ·⟩, in the words of a step
    spoken      what a call in text may say for it; the name alone unless given; () for operators
    surplus     what to write instead of a call with more arguments, and for which kinds of the first one:
                "matrix: write colsum({0}) for …"
    spellings   what others call it, read where nothing of that name is declared: "ln" or "log10=log({0})/log(10)",
                with an expression where it is more than a name; `.dot=…` after a module or an operand
    elementwise applied entry by entry
    curvature   "convex concave increasing decreasing", and "logconvex logconcave" of its logarithm: words in the order
                of entries; with `-` or `+`, where the argument is ≤ 0 or ≥ 0; with `⪰`, of symmetric matrices in the
                semidefinite order (`positive⪰`: > 0 of definite ones).  Of a function linear in each
                argument: increasing in one where the others are ≥ 0.  `nonnegative`: everywhere, `positive+`: at > 0;
                `traceconvex`: its trace, of symmetric matrices, `logtraceconvex` the logarithm of that
    traits      `homogeneous`: f(tx) = t f(x) for t > 0; `primary`: of a symmetric matrix `scalar` of its eigenvalues;
                `unordered`: a number in which the order of the entries does not matter;
                `indexed`: its parameters count entries from 1; `view`: the value may lie in the argument's memory;
                `iterative`: found by iteration, at tens of products;
                `barred`: printed with bars that mean something else, or nothing, around a matrix;
                `quiet`: d passes through it, and a pairing moves, without a line of a derivation;
                `factors`: of a matrix, as a library keeps them
    derivative  of a Fréchet map L(A; V): the function f′(A) with L(A; V) = V f′(A) where A and V commute
    matrix      of a linear function: `matrix(node, slot)` is the M with vec(node) = M vec(node.args[slot]); where it
                is not given, it is found from the definition, or from what the code makes of unit matrices
    cost        multiplications and additions, in the words of `c`: "2*m0*n0*n1", a term may end in `/3`; where it is
                not given, n³ of a matrix with a domain, else an operation for every entry
    maxima      how Maxima writes it, `{0}` the first argument, with the few words that `interop.maxima` defines
    analytic    the name of NumPy's function that has its values at complex arrays, without conjugation; or the value by
                the two modules, `analytic(np, scipy, *arrays)`, from arrays of two axes
    modular     of a function applied entry by entry: `modular(F)`, its value and its derivative over the prime field of
                certificates by the module F of what that field has; stated again on purpose, as what judges the rule
    sympy       the name that SymPy has for a function applied entry by entry; of another one `sympy(sp, node, *args,
                *params)`, the matrix expression by SymPy's module
    definition  `definition(*args, *params)`: the function in terms of others, sums, products, inverses, determinants,
                entrywise functions, which serves exact certificates, complex steps, entries and SymPy
    stack       `stack(many, *arrays, *params)`: the value for many problems at once, each array with the index of the
                problem in front, by `many`, the module `codegen.stacks`; without it one problem follows the other
    entries     `entries(np, *arrays, *params)`: the value from arrays of two axes of whatever numbers, by NumPy's
                module; of a function linear in each argument or in all, it serves certificates, complex steps and
                entries; of another one, entries that are formulas
    whole       of a function applied entry by entry: the word for the function of a whole matrix, exp → expm
    entry       of a function of all eigenvalues or the like: the word for one of them, by a number or a letter
    factor      of a factor of a matrix, "L = L*U": its letter, and what the matrix is
    remark      a choice that other languages make otherwise, said with the answer; `{0}` as for a macro
    """

    name: str
    signature: str
    rules: tuple[Rule, ...]
    typing: Callable[[tuple[Node, ...], tuple[Any, ...]], Type] | None = None
    scalar: Callable[..., Node] | None = None
    numpy: str = ""
    jax: str = ""
    torch: str = ""
    julia: str = ""
    octave: str = ""
    c: str = ""
    latex: str = ""
    domain: tuple[str, ...] = ()
    jointly: str = ""
    smooth: str = ""
    guard: Callable[..., Node] | None = None
    simplify: Callable[..., Node | None] | None = None
    keeps: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    law: str = ""
    source: str = ""
    proof: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    pairing: str = ""
    spoken: tuple[str, ...] | None = None
    surplus: str = ""
    spellings: str = ""
    elementwise: bool = False
    curvature: str = ""
    traits: str = ""
    whole: str = ""
    summary: str = ""
    remark: str = ""
    matrix: Callable[[Apply, int], Node] | None = None
    derivative: Callable[..., Node] | None = None
    definition: Callable[..., Node] | None = None
    entries: Callable[..., Any] | None = None
    analytic: str | Callable[..., Any] = ""
    modular: Callable[[Any], tuple[Callable[[int], int], Callable[[int], int]]] | None = None
    stack: Callable[..., Any] | None = None
    sympy: str | Callable[..., Any] = ""
    entry: str = ""
    factor: str = ""
    cost: str = ""
    maxima: str = ""
    where: str | None = None
    within: str | None = None

    def rule(self, slot: int) -> Rule:
        """The rule of one argument; None for functions that only generated code knows."""
        return None if not self.rules else self.rules[min(slot, len(self.rules) - 1)]

    def __call__(self, *args: Node, params: tuple[Any, ...] = ()) -> Node:
        """The function applied.  Raises ShapeError where shapes do not fit."""
        if self.scalar is not None and all(a.kind == "scalar" for a in args):
            return self.scalar(*args, *params)
        return self.build(args, params)

    def build(self, args: tuple[Node, ...], params: tuple[Any, ...] = ()) -> Apply:
        kind, rows, cols = self.typing(args, params) if self.typing else fit(self, args, params)
        return apply(self, args, params, kind, rows, cols)

    def __repr__(self) -> str:
        return f"<{self.name} {self.signature}>"


class Macro(NamedTuple):
    """A word of the language that stands for other functions: `rowsum(X)` is `X*ones(n)`.

    `expand(*args, *params)` makes the expression; the signature is what the reader of text is told.  `remark` is said
    with the answer, `{0}` being the first argument as it was typed: a choice that other languages make otherwise.
    """

    name: str
    signature: str
    expand: Callable[..., Node]
    scalar: Callable[..., Node] | None = None
    spellings: str = ""
    summary: str = ""
    remark: str = ""

    def __call__(self, *args: Node, params: tuple[Any, ...] = ()) -> Node:
        if self.scalar is not None and all(a.kind == "scalar" for a in args):
            return self.scalar(*args, *params)
        return self.expand(*args, *params)


Record = Op | Macro

registry: dict[str, Op] = {}
"""Every function by its name."""

words: dict[str, list[Record]] = {}
"""What a call in text may say, and the records it may mean; the first whose kinds of arguments fit is taken."""

spellings: dict[str, str] = {}
"""What others call a function of the language → its name here, or an expression with `{0}` for the argument."""


along: dict[str, tuple[str, str]] = {}
"""What a function with an axis is down the columns and along the rows: sum(X, axis=0) is colsum(X)."""


def macro(name: str, sig: str, expand: Callable[..., Node], **fields: Any) -> Macro:
    record = Macro(name, sig, expand, **fields)
    words.setdefault(name, []).append(record)
    spellings.update(spelled(record, name))
    return record


def spelled(record: Record, name: str) -> dict[str, str]:
    """The spellings of a record that is called by this name."""
    parts = (item.partition("=") for item in record.spellings.split())
    return {alias: expression or name for alias, _, expression in parts}


@cache
def parameters(sig: str) -> tuple[str, ...]:
    """The parameters of a signature, after its `;`: dimensions where they occur in it, whole numbers otherwise.

    >>> parameters("(m*n);m,n->(m,n)"), parameters("(n,n);i->()"), parameters("(n,n)->()")
    (('m', 'n'), ('i',), ())
    """
    return tuple(p for p in sig.split("->")[0].partition(";")[2].split(",") if p)


def fit(op: Op, args: tuple[Node, ...], params: tuple[Any, ...] = ()) -> Type:
    """The type of an application from the signature alone."""
    inputs, _ = signature(op.signature)
    if len(args) != len(inputs):
        raise ShapeError(f"{op.name} takes {len(inputs)} argument{'s' * (len(inputs) != 1)}, not {len(args)}")
    found = fitted(op, tuple((a.kind, a.rows, a.cols) for a in args), params)
    if found is None:
        raise misfit(op, args)
    return found


@lru_cache(maxsize=4096)
def fitted(op: Op, types: tuple[Type, ...], params: tuple[Any, ...]) -> Type | None:
    """The type for arguments of these types; None where they do not fit.

    Remembered: long expressions are built of few types, and arithmetic on dimensions is slow.
    """
    inputs, output = signature(op.signature)
    given = (p for p in parameters(op.signature) if not p.isdigit())
    bound = {p: v for p, v in zip(given, params, strict=True) if isinstance(v, Dim)}
    like: Type | None = None
    sums: list[tuple[Dim, Dim]] = []
    for spec, (kind, rows, cols) in zip(inputs, types, strict=True):
        if spec is None:
            if like is not None and (rows is not like[1] or cols is not like[2]):
                return None
            like = kind, rows, cols
            continue
        if (len(spec) == 0 and kind != "scalar") or (len(spec) == 1 and kind != "vector"):
            return None
        for dim, actual in zip(spec, (rows, cols), strict=False):
            name = dim.name
            if name is None:
                sums.append((dim, actual))
            elif bound.setdefault(name, actual) is not actual:
                return None
    if any(dim.substitute(bound) is not actual for dim, actual in sums):
        return None
    if output is None:
        assert like is not None
        return like
    return typed(output, bound)


def typed(spec: Spec, bound: dict[str, Dim]) -> Type:
    """The type that a signature's output is, dimensions bound."""
    assert spec is not None
    dims = [d.substitute(bound) for d in spec]
    if not dims:
        return "scalar", ONE, ONE
    if len(dims) == 1:
        return "vector", dims[0], ONE
    return ("row" if spec[0] is ONE else "matrix"), dims[0], dims[1]


def misfit(op: Op, args: tuple[Node, ...]) -> ShapeError:
    got = " and ".join(describe(a) for a in args)
    return ShapeError(f"{op.name} takes {op.signature.split('->')[0]}, but got {got}")


def register(op: Op) -> Op:
    """Add a record after checking it.  Raises MatdiffError for a taken name, a bad signature, missing rules."""
    if op.name in registry:
        raise MatdiffError(f"the name {op.name} is taken")
    try:
        inputs, output = signature(op.signature)
    except ValueError:
        raise MatdiffError(f"{op.name}: {op.signature!r} is not a signature such as '(m,n),(n)->(m)'") from None
    if op.typing is None:
        bound = {n for spec in inputs for d in spec or () for n in d.names} | set(parameters(op.signature))
        free = {n for d in output or () for n in d.names} - bound
        if free or (output is None and None not in inputs):
            raise MatdiffError(f"{op.name}: no argument gives the size of the result in {op.signature!r}")
        if len(op.rules) != len(inputs):
            raise MatdiffError(f"{op.name}: {len(inputs)} arguments in {op.signature!r}, but {len(op.rules)} rules")
    for rule in op.rules:
        if rule is not None and not callable(rule.differential if isinstance(rule, Nonlinear) else rule.adjoint):
            raise MatdiffError(f"{op.name}: a rule must be a function")
    registry[op.name] = op
    called = (op.name,) if op.spoken is None else op.spoken
    for word in called:
        words.setdefault(word, []).append(op)
    spellings.update(spelled(op, called[0] if called else ""))
    return op


def linear(name: str, sig: str, *adjoints: Callable[..., Node], **fields: Any) -> Op:
    """A function linear in each argument; `adjoints[i](Y, *args, *params)` for argument i.

    One that has code, but neither `matrix` nor `definition`, brings along the functions of its `columns`.
    """
    op = register(Op(name, sig, tuple(Linear(a) for a in adjoints), **_words(fields)))
    if op.matrix is None and op.definition is None:
        for slot in range(len(adjoints)):
            _register_columns(op, slot)
    return op


def nonlinear(name: str, sig: str, *differentials: Callable[..., Node] | Rule, **fields: Any) -> Op:
    """A function with differentials `differentials[i](*args, dX, *params)`; a slot may be a ready rule."""
    rules = tuple(d if isinstance(d, (Linear, Joint, Nonlinear)) or d is None else Nonlinear(d) for d in differentials)
    return register(Op(name, sig, rules, **_words(fields)))


def elementwise(name: str, derivative: Callable[[Node], Node], **fields: Any) -> Op:
    """A function applied entry by entry: d f(x) = f'(x) ⊙ dx."""
    return register(
        Op(name, "(...)->(...)", (Nonlinear(lambda x, dx: derivative(x) * dx),), elementwise=True, **_words(fields))
    )


@dataclass(slots=True, eq=False, repr=False)
class Columns(Op):
    """`f_columns(C, m, n)`: a linear f of every column of C, each as a matrix m×n; of I it is the matrix of f."""

    slot: int = 0
    dims: tuple[str, ...] = ()

    def matrix_at(self, args: tuple[Node, ...], params: tuple[Any, ...], size: Dim) -> Node:
        """The M with vec(f(…, V, …)) = M vec(V) for a V of so many entries, the other arguments as given."""
        identity = constant("I", "matrix", size, size, (size,))
        return self(*args[: self.slot], identity, *args[self.slot + 1 :], params=params)


def columns(op: Op, slot: int, kind: Kind) -> Columns | None:
    """The function that maps columns as a linear function of one argument of a kind does; None where it has none."""
    found = registry.get(_columns_name(op, slot, kind))
    return found if isinstance(found, Columns) else None


def _columns_name(op: Op, slot: int, kind: Kind) -> str:
    any_shape = signature(op.signature)[0][slot] is None
    return f"{op.name}_columns" + f"_{slot + 1}" * (len(op.rules) > 1) + "_v" * (any_shape and kind != "matrix")


def _register_columns(op: Op, slot: int) -> None:
    """For a function that has code, and arguments whose dimensions have names of their own."""
    if not op.numpy or op.typing is not None:
        return
    kinds: dict[Kind, str] = {"matrix": "(m,n)", "vector": "(n)"}
    if None in signature(op.signature)[0]:
        for kind, shape in kinds.items():
            _register_columns_of(op, slot, kind, op.signature.replace("(...)", shape))
    else:
        _register_columns_of(op, slot, "matrix", op.signature)


def _register_columns_of(op: Op, slot: int, kind: Kind, sig: str) -> None:
    inputs, output = signature(sig)
    spec = inputs[slot] or ()
    if not spec or not output or any(d.name is None for d in (*spec, *output)):
        return
    dims = tuple(d.name or "" for d in spec) if len(spec) == 2 else ()
    own = parameters(sig)
    taken = {n for s in (*inputs, output) for d in s or () for n in d.names} | set(own)
    count = next(c for c in "klpqrsuvw" if c not in taken)
    shapes = [f"({','.join(map(str, s or ()))})" for s in inputs]
    shapes[slot] = f"({'*'.join(map(str, spec))},{count})"
    given = ",".join((*own, *dims))

    def adjoint(Y: Node, *rest: Any) -> Node:
        return made.matrix_at(rest[: len(inputs)], rest[len(inputs) :], rest[slot].rows).T @ Y

    rules: list[Rule] = [None] * len(inputs)
    rules[slot] = Linear(adjoint)
    code = [_columns_code(op, library, slot, len(dims), len(output)) for library in ("numpy", "jax", "torch")]
    made = Columns(
        _columns_name(op, slot, kind),
        f"{','.join(shapes)}{';' * bool(given)}{given}->({'*'.join(map(str, output))},{count})",
        tuple(rules),
        law=f"{op.name} is linear",
        summary=f"{op.name} of every column of a matrix; of I, the matrix of {op.name}",
        slot=slot,
        dims=dims,
        numpy=code[0],
        jax=code[1],
        torch=code[2],
        julia=_column_by_column(op.julia, "c_ -> ", op, slot, len(dims)),
        octave=_column_by_column(op.octave, "@(c_) ", op, slot, len(dims)),
    )
    register(made)


def _columns_code(op: Op, library: str, slot: int, dims: int, out: int) -> str:
    """The code of a function at one column after the other."""
    own: str = getattr(op, library)
    if own in ("", "-"):
        return own
    last = len(parameters(op.signature))
    column = f"_column.reshape({{p{last + 1}}}, {{p{last}}}).T" if dims else "_column"
    value = own.replace(f"{{{slot}}}", column)
    prefix = {"numpy": "np", "jax": "jnp"}.get(library, library)
    return f"{prefix}.stack([({value}){'.T.reshape(-1)' * (out == 2)} for _column in {{{slot}}}.T]).T"


def _column_by_column(own: str, takes: str, op: Op, slot: int, dims: int) -> str:
    """The same for languages of column-major arrays."""
    if not own:
        return ""
    last = len(parameters(op.signature))
    column = f"reshape(c_, {{p{last}}}, {{p{last + 1}}})" if dims else "c_"
    return f"map_columns({takes}{own.replace(f'{{{slot}}}', column)}, {{{slot}}})"


def _words(fields: dict[str, Any]) -> dict[str, Any]:
    if isinstance(fields.get("domain"), str):
        fields["domain"] = (fields["domain"],)
    for word in ("keeps", "gives"):
        if isinstance(fields.get(word), str):
            fields[word] = frozenset(fields[word].split())
    return fields


def differential_symbol(of: Any, index: int = 0) -> Node:
    """dX for a variable X: same shape, the attributes of the tangent space, not of the set."""
    words = {"symmetric" if a == "spd" else a for a in of.attributes}
    attributes = frozenset(words & {"symmetric", "skew", "diagonal", "lower", "upper"})
    name = f"d{of.name}" + (f"_{index}" if index else "")
    return symbol(name, of.kind, of.rows, of.cols, attributes, None, of, index)


__all__ = [
    "Facts",
    "Joint",
    "Linear",
    "Macro",
    "Mistake",
    "Nonlinear",
    "Op",
    "Record",
    "Rule",
    "differential_symbol",
    "elementwise",
    "linear",
    "macro",
    "nonlinear",
    "parameters",
    "register",
    "registry",
    "spelled",
    "spellings",
    "words",
]
