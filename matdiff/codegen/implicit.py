"""Source for functions of unknowns: pieces as all code is generated, and between them one factorisation a system."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from importlib.resources import files

from matdiff.calculus.implicit import Adjoint, System, blocks, free
from matdiff.codegen import sources
from matdiff.codegen.backends.base import backend_named
from matdiff.codegen.emit.names import identifier
from matdiff.core.node import Node, Symbol, number, symbols
from matdiff.core.shape import Dim
from matdiff.errors import UnsupportedError

SHAPE = {"numpy": "np.shape({})", "jax": "jnp.shape({})", "torch": "{}.shape"}
IMPORTS = {
    "numpy": ("import numpy as np", "import scipy.linalg"),
    "jax": ("import jax", "import jax.numpy as jnp", "import jax.scipy.linalg"),
    "torch": ("import torch",),
}


def module(
    adjoints: Adjoint, variables: Sequence[Symbol], simple: Callable[[Node, Symbol], Node], backend: str, note: str
) -> str:
    """`solve`, `value` and (of a scalar function) `value_and_gradient`, which take the arrays by name.

    For JAX and PyTorch `value` has its own rule for derivatives by all arrays.
    Raises UnsupportedError for unknowns whose sizes no array has, and there for a function that is not scalar.
    """
    backend = backend_named(backend).name
    given = [v for v in variables if v not in adjoints.unknowns]
    every = (*given, *adjoints.unknowns, *(v for vs in adjoints.multipliers for v in vs))
    scalar = adjoints.covector is number(1)
    if backend != "numpy" and not scalar:
        raise UnsupportedError(f"for {backend} the code is that of scalar functions", hint="ask for NumPy")
    wanted = adjoints if backend == "numpy" else adjoints.by(given)
    parts: dict[str, tuple[list[Node] | dict[str, Node] | Node, str]] = {}
    linear = []
    for k, s in enumerate(adjoints.systems, 1):
        found = [[free(b, s.unknowns) for b in row] for row in blocks(s)]
        linear.append(not any(x.name in names(found) for x in s.unknowns))
        parts[f"_residual_{k}"] = [free(F, s.unknowns) for F in s.residuals], f"What is 0 in system {k}."
        parts[f"_blocks_{k}"] = [b for row in found for b in row], f"The Jacobian of system {k}, row by row."
        if s.fixed_point and not linear[-1]:
            parts[f"_map_{k}"] = [free(s.sides[0][1], s.unknowns)], f"The right of system {k}, which is iterated."
        if scalar:
            right = list(adjoints.right[k - 1].values())
            parts[f"_right_{k}"] = right, f"The right of the adjoint equation of system {k}."
    parts["_value"] = adjoints.function, "The function at the solution."
    if scalar:
        gradients = {identifier(X.name): simple(G, X) for X, G in wanted.gradients.items()}
        parts["_gradient"] = gradients, "The gradients at solution and adjoint."
    code = Code(backend, given)
    iterated = any(name.startswith("_map") for name in parts)
    pieces = [*kernels(backend, all(linear), any(linear), iterated)]
    pieces += [code.system(k, s) for k, s in enumerate(adjoints.systems, 1)]
    pieces.append(code.solve(adjoints.systems, linear, note))
    pieces += code.outer(adjoints, wanted.wrt, adjoints.wrt) if scalar else [VALUE]
    body = [p for p in sources(parts, every, backend).split("\n\n\n") if not p.startswith(("import", "from"))]
    return "\n\n\n".join(["\n".join(IMPORTS[backend]), *body[:-1], body[-1].rstrip(), *pieces]) + "\n"


def names(rows: Sequence[Sequence[Node]]) -> set[str]:
    return {s.name for row in rows for b in row for s in symbols(b)}


def kernels(backend: str, direct: bool, some: bool, iterated: bool) -> list[str]:
    """The functions of `newton_numpy` and its like, without annotations."""
    text = files(__package__).joinpath(f"newton_{backend}.py").read_text("utf-8")
    unused = {"newton"} if direct else set() if some else {"one_step"}
    unused |= set() if iterated else {"iterated"}
    found = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name not in unused:
            found.append(ast.unparse(Bare().visit(node)))
    return found


class Bare(ast.NodeTransformer):
    """Functions without annotations."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        for a in (*node.args.args, *node.args.kwonlyargs, node.args.vararg):
            if a is not None:
                a.annotation = None
        self.generic_visit(node)
        return node


class Code:
    """The lines between the pieces."""

    def __init__(self, backend: str, given: Sequence[Symbol]) -> None:
        self.backend = backend
        self.given = given

    def size(self, dim: Dim) -> str:
        """A dimension as code, from the shape of an array that has it."""
        if dim.number is not None:
            return str(dim.number)
        for v in self.given:
            for axis, its in enumerate(v.shape):
                if its is dim:
                    array = f"arrays['{identifier(v.name)}']"
                    return f"{SHAPE[self.backend].format(array)}[{axis}]"
        if len(dim.terms) > 1 or any(len(names) > 1 or factor != 1 for names, factor in dim.terms):
            products = ((*map(self.size, map(Dim.of, names)), str(factor)) for names, factor in dim.terms)
            return f"({' + '.join(' * '.join(p) for p in products)})"
        raise UnsupportedError(f"no array tells the size {dim}", hint="declare it as a number")

    def count(self, x: Node) -> str:
        return " * ".join(map(self.size, x.shape)) or "1"

    def shaped(self, x: Symbol, part: str) -> str:
        if x.kind == "scalar":
            return f"{part}[0]"
        return part if x.kind == "vector" else f"reshaped({part}, {self.size(x.rows)}, {self.size(x.cols)})"

    def unpack(self, targets: Sequence[Symbol]) -> list[str]:
        """Lines that put the parts of a vector u into the arrays."""
        if len(targets) == 1:
            return [f"    arrays['{identifier(targets[0].name)}'] = {self.shaped(targets[0], 'u')}"]
        lines = ["    at = 0"]
        for x in targets:
            lines.append(f"    count = {self.count(x)}")
            lines.append(f"    arrays['{identifier(x.name)}'] = {self.shaped(x, 'u[at : at + count]')}")
            lines.append("    at += count")
        return lines

    def system(self, k: int, s: System) -> str:
        """How a vector is put into the unknowns of a system, its matrix, and where the solution starts."""
        rows, cols = (", ".join(map(self.count, part)) for part in (s.residuals, s.unknowns))
        total = " + ".join(map(self.count, s.unknowns))
        like = f"arrays['{identifier(self.given[0].name)}']"
        lines = [
            f"def _with_{k}(arrays, u):",
            f'    """The arrays with the unknowns of system {k} from a vector."""',
            "    arrays = dict(arrays)",
            *self.unpack(s.unknowns),
            "    return arrays",
            "",
            "",
            f"def _matrix_{k}(arrays):",
            f'    """The Jacobian of system {k} as one matrix."""',
            f"    return assembled(_blocks_{k}(**arrays), [{rows}], [{cols}])",
            "",
            "",
            f"def _start_{k}(arrays):",
            f'    """Where the solution of system {k} starts."""',
            f"    return zeros({total}, {like})",
        ]
        return "\n".join(lines)

    def solve(self, systems: Sequence[System], linear: Sequence[bool], note: str) -> str:
        said = "\n    ".join(note.splitlines())
        lines = [
            "def solve(*, start=None, **arrays):",
            '    """The arrays with the unknowns, and the LU factors of each system.',
            "",
            "    `start` has arrays from which Newton's method starts, by the names of the unknowns.",
            f"    {said}",
            '    """',
            "    factors = []",
        ]
        for k, (s, direct) in enumerate(zip(systems, linear, strict=True), 1):
            unknowns = ", ".join(repr(identifier(x.name)) for x in s.unknowns)
            start = f"_start_{k}(arrays)"
            if s.fixed_point and not direct:
                start = f"iterated(lambda u: stacked(_map_{k}(**_with_{k}(arrays, u))), {start})"
            if not direct:
                start = f"{start} if start is None else stacked([start[name] for name in ({unknowns},)])"
            lines += [
                f"    u, lu = {'one_step' if direct else 'newton'}(",
                f"        lambda u: stacked(_residual_{k}(**_with_{k}(arrays, u))),",
                f"        lambda u: _matrix_{k}(_with_{k}(arrays, u)),",
                f"        {start},",
                "    )",
                f"    arrays = _with_{k}(arrays, u)",
                "    factors.append(lu)",
            ]
        return "\n".join([*lines, "    return arrays, factors"])

    def outer(self, adjoints: Adjoint, every: Sequence[Symbol], wrt: Sequence[Symbol]) -> list[str]:
        """The adjoint solve, and the functions that users call."""
        lines = [
            "def adjoint(arrays, factors):",
            '    """The gradients at a solution: the factors of the solution serve again, transposed."""',
            "    arrays = dict(arrays)",
        ]
        for k in range(len(adjoints.systems), 0, -1):
            lines.append(f"    u = back(factors[{k - 1}], stacked(_right_{k}(**arrays)), trans=1)")
            lines += self.unpack(adjoints.multipliers[k - 1])
        known = ", ".join(repr(identifier(X.name)) for X in every)
        asked = [identifier(X.name) for X in wrt]
        found = (
            f"found[{asked[0]!r}]"
            if len(asked) == 1
            else f"{{name: found[name] for name in ({', '.join(map(repr, asked))})}}"
        )
        head = "\n".join([*lines, "    return _gradient(**arrays)"])
        outer = {"numpy": NUMPY, "jax": JAX, "torch": TORCH}[self.backend]
        return [head, *(p.strip("\n").replace("KNOWN", f"({known},)").replace("FOUND", found) for p in outer)]


VALUE = '''def value(*, start=None, **arrays):
    """The value of the function, the equations solved."""
    return _value(**solve(start=start, **arrays)[0])'''
BOTH = '''
def value_and_gradient(*, start=None, **arrays):
    """Value and gradient by the adjoint method, with one factorisation for each system."""
    arrays, factors = solve(start=start, **arrays)
    found = adjoint(arrays, factors)
    return _value(**arrays), FOUND
'''
NUMPY = (VALUE, BOTH)
JAX = (
    """
@jax.custom_vjp
def _implicit(arrays, start):
    return _value(**solve(start=start, **arrays)[0])
""",
    """
def _forward(arrays, start):
    found, factors = solve(start=start, **arrays)
    return _value(**found), (found, factors, start)
""",
    """
def _backward(saved, y):
    arrays, factors, start = saved
    found = adjoint(arrays, factors)
    return {name: y * found[name] for name in found}, jax.tree_util.tree_map(jnp.zeros_like, start)
""",
    """
_implicit.defvjp(_forward, _backward)
""",
    '''
def value(*, start=None, **arrays):
    """The value of the function, the equations solved; JAX differentiates it by the adjoint method."""
    return _implicit({name: jnp.asarray(arrays[name]) for name in KNOWN}, start)
''',
    BOTH,
)
TORCH = (
    '''
class Implicit(torch.autograd.Function):
    """The value of the function by all its arrays, with the adjoint method as its derivative."""

    @staticmethod
    def forward(ctx, start, *values):
        ctx.arrays, ctx.factors = solve(start=start, **dict(zip(KNOWN, values)))
        return _value(**ctx.arrays)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, y):
        found = adjoint(ctx.arrays, ctx.factors)
        return (None, *(y * found[name] for name in KNOWN))
''',
    '''
def value(*, start=None, **arrays):
    """The value of the function, the equations solved; PyTorch differentiates it by the adjoint method."""
    return Implicit.apply(start, *(arrays[name] for name in KNOWN))
''',
    BOTH,
)
