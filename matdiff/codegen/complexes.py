"""Code of functions of complex arrays: a line for what is used twice, the rest in place; and its evaluation, checked.

The planner's rewritings assume real numbers (a Gram matrix AᵀA, ⟨a,b⟩ as a dot product), so none is used here but the
order of products and solving instead of inverting.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from matdiff.calculus.complexes import hermitian, working
from matdiff.codegen import checks
from matdiff.codegen.arguments import Argument, check_sizes, missing, refuse_kind
from matdiff.codegen.backends.base import Backend, backend_named, require
from matdiff.codegen.emit.names import identifier, lookup
from matdiff.codegen.execute import run
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, describe, topological
from matdiff.core.shape import Dim
from matdiff.errors import DomainError, ShapeError, UnsupportedError
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import inline
from matdiff.ops.algebra import ADD, HADAMARD, INNER, MATMUL, MPOW, POWER, SCALE, TRANSPOSE, is_op
from matdiff.ops.complexes import CODE, COMPLEX, JAX, NOT_REAL, SPECTRUM, TORCH, is_real
from matdiff.ops.linalg import inv

DEEPEST = 6
"""Nested calls on one line."""
LONGEST = 70

_HELPERS = {
    "eigprojector": '''def eigprojector(H, i):
    """q q^H for the i-th unit eigenvector, counted from 0."""
    q = np.linalg.eigh(H)[1][:, i]
    return q[:, None] * np.conj(q)[None, :]
''',
    "eigresolvent": '''def eigresolvent(H, i):
    """(w_i I - H)^+ for the i-th eigenvalue w_i, counted from 0."""
    w, Q = np.linalg.eigh(H)
    gaps = w[i] - w
    weights = np.where(gaps == 0, 0.0, 1 / np.where(gaps == 0, 1.0, gaps))
    return (Q * weights[None, :]) @ np.conj(Q).T
''',
    "svddiag": '''def svddiag(A, B):
    """diag(U^H B V) for the singular vectors U, V of A."""
    U, _, Vh = np.linalg.svd(A, full_matrices=False)
    return np.sum(np.conj(U) * ((B + 0 * A) @ np.conj(Vh).T), 0)
''',
    "svdsum": '''def svdsum(A, y):
    """U Diag(y) V^H for the singular vectors U, V of A."""
    U, _, Vh = np.linalg.svd(A, full_matrices=False)
    return (U * y[None, :]) @ (Vh + 0 * y[:, None])
''',
    "eigdiag": '''def eigdiag(H, V):
    """diag(Q^H V Q) for the eigenvectors Q of H."""
    Q = np.linalg.eigh(H)[1]
    return np.sum(np.conj(Q) * (V @ Q), 0)
''',
    "eigsum": '''def eigsum(H, v):
    """Q Diag(v) Q^H for the eigenvectors Q of H."""
    Q = np.linalg.eigh(H)[1]
    return (Q * v[None, :]) @ np.conj(Q).T
''',
    "polar_factor": '''def polar_factor(A):
    """U V^H of the singular value decomposition."""
    U, _, Vh = np.linalg.svd(A, full_matrices=False)
    return U @ Vh
''',
    "corner": '''def corner(f, A, V):
    """The derivative of a matrix function along V: the corner of f([A, V; 0, A])."""
    n = A.shape[0]
    zero = 0 * A
    big = np.concatenate((np.concatenate((A, V), 1), np.concatenate((zero, A + 0 * V), 1)), 0)
    return f(big)[:n, n:]
''',
    "hermitian_function": '''def hermitian_function(f, H):
    """A function of a Hermitian matrix by its eigenvalues."""
    w, Q = np.linalg.eigh(H)
    return (Q * f(w)[None, :]) @ np.conj(Q).T
''',
    "hermitian_log_derivative": '''def hermitian_log_derivative(H, V):
    """The derivative of log H along V, from divided differences of the eigenvalues."""
    w, Q = np.linalg.eigh(H)
    d = w[:, None] - w[None, :]
    near = np.abs(d) < 1e-7 * (w[:, None] + w[None, :])
    apart = np.log(w[:, None] / w[None, :]) / np.where(near, 1 + 0 * d, d)
    slopes = np.where(near, 2 / (w[:, None] + w[None, :]), apart)
    return Q @ (slopes * (np.conj(Q).T @ (V + 0 * Q) @ Q)) @ np.conj(Q).T
''',
    "sylvester_solution": '''def sylvester_solution(A, B, C):
    """The X with A X + X B = C, as one linear system."""
    m, n = C.shape
    K = np.kron(np.eye(n), A) + np.kron(B.T + 0 * B.T, np.eye(m))
    return np.linalg.solve(K + 0 * C[0, 0], C.T.reshape(-1)).reshape((n, m)).T
''',
}

_CHECKED_HELPERS = {
    "regular_inverse": '''def regular_inverse(A):
    """The inverse; LinAlgError where A is singular up to rounding."""
    if not np.linalg.cond(A) < 1e14:
        raise np.linalg.LinAlgError("a matrix is singular")
    return np.linalg.inv(A)
''',
    "regular_solve": '''def regular_solve(A, b):
    """The solution of A x = b; LinAlgError where A is singular up to rounding."""
    if not np.linalg.cond(A) < 1e14:
        raise np.linalg.LinAlgError("a matrix is singular")
    return np.linalg.solve(A, b)
''',
    "full_rank_pinv": '''def full_rank_pinv(A):
    """The pseudoinverse; LinAlgError where its rank is about to change."""
    s = np.linalg.svd(A, compute_uv=False)
    if s.size and not s[-1] > 1e-13 * s[0]:
        raise np.linalg.LinAlgError("a matrix does not have full rank")
    return np.linalg.pinv(A)
''',
    "apart": '''def apart(w, i):
    """LinAlgError where the i-th of ascending eigenvalues is not simple."""
    gaps = np.abs(np.delete(w, i) - w[i])
    if gaps.size and not gaps.min() > 1e-12 * np.abs(w).max():
        raise np.linalg.LinAlgError("the eigenvalue that is used is not simple")
''',
    "alike": '''def alike(w, y, least=None):
    """LinAlgError where equal values w have unequal weights y, so that their vectors matter; or small ones any."""
    equal = np.abs(np.diff(w)) <= 1e-12 * np.abs(w).max()
    far = np.abs(np.diff(y)) > 1e-8 * np.abs(y).max()
    if (equal & far).any():
        raise np.linalg.LinAlgError("values of a spectrum coincide, and are not treated alike")
    if least is not None and (np.abs(y[w <= least]) > 1e-8 * np.abs(y).max()).any():
        raise np.linalg.LinAlgError("a matrix does not have full rank")
''',
    "eigprojector": '''def eigprojector(H, i):
    """q q^H for the i-th unit eigenvector, counted from 0."""
    w, Q = np.linalg.eigh(H)
    apart(w, i)
    q = Q[:, i]
    return q[:, None] * np.conj(q)[None, :]
''',
    "eigresolvent": '''def eigresolvent(H, i):
    """(w_i I - H)^+ for the i-th eigenvalue w_i, counted from 0."""
    w, Q = np.linalg.eigh(H)
    apart(w, i)
    gaps = w[i] - w
    gaps[i] = np.inf
    return (Q / gaps[None, :]) @ np.conj(Q).T
''',
    "eigdiag": '''def eigdiag(H, V):
    """diag(Q^H V Q) for the eigenvectors Q of H, whose eigenvalues must be simple."""
    w, Q = np.linalg.eigh(H)
    alike(w, np.arange(len(w)) + 1.0)
    return np.sum(np.conj(Q) * (V @ Q), 0)
''',
    "eigsum": '''def eigsum(H, v):
    """Q Diag(v) Q^H for the eigenvectors Q of H."""
    w, Q = np.linalg.eigh(H)
    alike(w, v)
    return (Q * v[None, :]) @ np.conj(Q).T
''',
    "svddiag": '''def svddiag(A, B):
    """diag(U^H B V) for the singular vectors U, V of A, whose singular values must be simple."""
    U, s, Vh = np.linalg.svd(A, full_matrices=False)
    alike(s, np.arange(len(s)) + 1.0, 1e-13 * s[0])
    return np.sum(np.conj(U) * (B @ np.conj(Vh).T), 0)
''',
    "svdsum": '''def svdsum(A, y):
    """U Diag(y) V^H for the singular vectors U, V of A."""
    U, s, Vh = np.linalg.svd(A, full_matrices=False)
    alike(s, y, 1e-13 * s[0])
    return (U * y[None, :]) @ Vh
''',
    "polar_factor": '''def polar_factor(A):
    """U V^H of the singular value decomposition, of full rank."""
    U, s, Vh = np.linalg.svd(A, full_matrices=False)
    alike(s, np.ones(len(s)), 1e-13 * s[0])
    return U @ Vh
''',
}
"""In the place of these where a value is to be one that the formula has: where it has none they raise LinAlgError."""

_TORCH_HELPERS = {
    "matmul": '''def matmul(a, b):
    """The product, in the wider of the two types."""
    kind = torch.promote_types(a.dtype, b.dtype)
    return a.to(kind) @ b.to(kind)
''',
    "solve": '''def solve(A, b):
    """The solution of A x = b, in the wider of the two types."""
    kind = torch.promote_types(A.dtype, b.dtype)
    return torch.linalg.solve(A.to(kind), b.to(kind))
''',
    "sylvester_solution": '''def sylvester_solution(A, B, C):
    """The X with A X + X B = C, as one linear system."""
    m, n = C.shape
    A, B, C = A + 0 * C[0, 0], B + 0 * C[0, 0], C + 0 * A[0, 0] * B[0, 0]
    one = lambda k: torch.eye(k, dtype=A.dtype, device=A.device)
    K = torch.kron(one(n), A) + torch.kron(B.T.contiguous(), one(m))
    return torch.linalg.solve(K, C.T.reshape(-1)).reshape((n, m)).T
''',
    "corner": '''def corner(f, A, V):
    """The derivative of a matrix function along V: the corner of f([A, V; 0, A])."""
    n = A.shape[0]
    A, V = A + 0 * V[0, 0], V + 0 * A[0, 0]
    return f(torch.cat((torch.cat((A, V), 1), torch.cat((0 * A, A), 1)), 0))[:n, n:]
''',
}


Checked = Literal["", "value", "derivative"]
"""Whether code is of values that are checked; in derivatives a pseudoinverse must have full rank."""


class _Writer:
    def __init__(self, target: Backend, variables: Sequence[Symbol], checked: Checked = "") -> None:
        self.checked = checked
        self.target = target
        self.np = target.prefix
        self.lines: list[str] = []
        self.code: dict[Node, str] = {}
        self.depth: dict[Node, int] = {}
        self.count = 0
        self.inputs = {v: identifier(v.name) for v in variables}
        self.taken = set(self.inputs.values())
        self.sizes: dict[str, str] = {}
        for v, name in self.inputs.items():
            for axis, dim in enumerate(v.shape):
                if dim.name and dim.name not in self.sizes:
                    self.sizes[dim.name] = f"{name}.shape[{axis}]"

    def size(self, dim: Dim) -> str:
        if dim.number is not None:
            return str(dim.number)
        if lost := dim.names - self.sizes.keys():
            raise ShapeError(
                f"the size {min(lost)} does not follow from the shapes of the variables",
                hint="give it as a number in the declarations",
            )
        terms = ["*".join([str(c), *(self.sizes[n] for n in m)]) for m, c in dim.terms]
        whole = " + ".join(terms)
        return self.sizes[dim.name] if dim.name else f"int({whole})"

    def run(self, roots: Sequence[Node]) -> None:
        order = topological(*roots)
        uses = Counter(roots)
        for node in order:
            uses.update(node.children)
        for node in order:
            text = self.node(node, uses)
            deep = 1 + max((self.depth[c] for c in node.children), default=0)
            again = uses[node] > 1 and isinstance(node, Apply) and not text.isidentifier()
            if isinstance(node, Apply) and (again or deep > DEEPEST or len(text) > LONGEST):
                text, deep = self.named(text), 0
            self.code[node], self.depth[node] = text, deep if isinstance(node, Apply) else 0

    def named(self, text: str) -> str:
        while True:
            self.count += 1
            name = f"t{self.count}"
            if name not in self.taken:
                break
        self.lines.append(f"{name} = {text}")
        return name

    def node(self, node: Node, uses: Counter[Node]) -> str:
        if isinstance(node, Symbol):
            return self.inputs.setdefault(node, identifier(node.name))
        if isinstance(node, Number):
            value = node.value
            if isinstance(value, (int, float)):
                return repr(value) if value >= 0 else f"({value!r})"
            return f"({value.numerator} / {value.denominator})"
        if isinstance(node, Constant):
            return self.constant(node)
        assert isinstance(node, Apply)
        return self.apply(node, uses)

    def new(self, call: str) -> str:
        """An array that no input enters, in double precision."""
        return f"{self.np}.{call}, dtype={self.np}.float64)"

    def constant(self, node: Constant) -> str:
        dims = [self.size(d) for d in node.dims]
        match node.name:
            case "imaginary_unit":
                return "1j"
            case "pi":
                return "3.141592653589793"
            case "size":
                return dims[0]
            case "I":
                return self.new(f"eye({dims[0]}")
            case "zeros" | "ones":
                shape = ", ".join(dims) if node.kind == "matrix" else dims[-1] if node.kind == "row" else dims[0]
                return self.new(f"{node.name}(({shape},)")
            case "e":
                return self.new(f"eye({dims[0]}") + f"[{node.index - 1}]"
        raise UnsupportedError(f"{node.name}(…) has no code with complex arrays")

    def flat(self, node: Node) -> bool:
        return node.kind in ("vector", "row")

    def as_matrix(self, node: Node) -> str:
        text = self.code[node]
        if node.kind == "vector":
            return f"({text})[:, None]"
        if node.kind == "row":
            return f"({text})[None, :]"
        return f"({text})"

    def apply(self, node: Apply, uses: Counter[Node]) -> str:
        op, args = node.op, node.args
        code = [self.code[a] for a in args]
        if op is ADD:
            mixed = node.kind == "matrix" and any(self.flat(a) for a in args)
            return "(" + " + ".join(self.as_matrix(a) if mixed else self.code[a] for a in args) + ")"
        if op is SCALE or op is HADAMARD:
            mixed = op is HADAMARD and node.kind == "matrix" and any(self.flat(a) for a in args)
            a, b = (self.as_matrix(a) if mixed else self.code[a] for a in args)
            if op is SCALE and is_op(args[0], POWER) and _minus_one(args[0].children[1]) and uses[args[0]] == 1:
                return f"({b} / {self.code[args[0].children[0]]})"
            return f"(-{b})" if a == "(-1)" else f"({a} * {b})"
        if op is INNER:
            return f"{self.np}.sum({self.np}.conj({code[0]}) * {code[1]})"
        if op is TRANSPOSE:
            return code[0] if self.flat(args[0]) else f"({code[0]}).T"
        if op is MATMUL:
            return self.product(node, uses)
        if op is POWER:
            return self.power(args, code)
        if op is MPOW:
            return f"{self.np}.linalg.matrix_power({code[0]}, {node.params[0]})"
        if op is inv:
            return f"regular_inverse({code[0]})" if self.checked else f"{self.np}.linalg.inv({code[0]})"
        if op.name in ("hcat", "vcat"):
            return self.blocks(node)
        if op.name in ("entry", "getrow", "getcol", "slice"):
            return self.part(node)
        return self.template(node, code)

    def power(self, args: Sequence[Node], code: Sequence[str]) -> str:
        base, exponent = code
        value = args[1].value if isinstance(args[1], Number) else None
        if value == -1:
            return f"(1 / {base})"
        if value is not None and value * 2 == 1:
            return f"({base}) ** 0.5"
        if value is not None and value == 2:
            return f"({base}) ** 2"
        return f"({base}) ** ({exponent})" if value is None or value > 0 else f"(1 / ({base}) ** {_shown(-value)})"

    def product(self, node: Apply, uses: Counter[Node]) -> str:
        """From the vector inward; an inverse at a vector, or that nothing else wants, is a solution."""
        factors: list[Node] = []
        stack: list[Node] = [node]
        while stack:
            top = stack.pop()
            if is_op(top, MATMUL) and (top is node or (uses[top] == 1 and top.kind != "scalar")):
                stack += reversed(top.children)
            else:
                factors.append(top)
        right = factors[-1].kind in ("vector",) and factors[0].kind != "row"
        if right or (factors[-1].kind == "vector" and len(factors) > 2):
            total, kind = self.code[factors[-1]], "vector"
            for f in reversed(factors[:-1]):
                total, kind = self.pair(self.code[f], f.kind, total, kind, f, uses)
            return total
        total, kind = self.code[factors[0]], str(factors[0].kind)
        for f in factors[1:]:
            total, kind = self.pair(total, kind, self.code[f], f.kind, None, uses)
        return total

    def pair(self, a: str, left: str, b: str, right: str, factor: Node | None, uses: Counter[Node]) -> tuple[str, str]:
        if factor is not None and is_op(factor, inv) and uses[factor] == 1 and right == "vector":
            solve = "solve" if self.np == "torch" else f"{self.np}.linalg.solve"
            solve = "regular_solve" if self.checked else solve
            return f"{solve}({self.code[factor.children[0]]}, {b})", "vector"
        if left == "vector" and right == "row":
            return f"(({a})[:, None] * ({b})[None, :])", "matrix"
        if left == "vector" or (right == "row" and left == "matrix"):
            a = f"({a})[:, None]" if left == "vector" else a
            b = f"({b})[None, :]" if right == "row" else b
            return self.dot(a, b), "matrix"
        kind = {("row", "vector"): "scalar", ("row", "matrix"): "row", ("matrix", "vector"): "vector"}
        return self.dot(a, b), kind.get((left, right), "matrix")

    def dot(self, a: str, b: str) -> str:
        return f"matmul({a}, {b})" if self.np == "torch" else f"({a} @ {b})"

    def blocks(self, node: Apply) -> str:
        wide = node.op.name == "hcat"
        if node.kind in ("vector", "row"):
            parts = [f"({self.code[a]}).reshape(-1)" if a.kind != "scalar" else self.lone(a) for a in node.args]
            return f"{self.np}.concatenate(({', '.join(parts)},))".replace("torch.concatenate", "torch.cat")
        parts = [f"{self.lone(a)}.reshape((1, 1))" if a.kind == "scalar" else self.as_matrix(a) for a in node.args]
        text = f"{self.np}.concatenate(({', '.join(parts)},), {int(wide)})"
        return text.replace("torch.concatenate", "torch.cat")

    def lone(self, a: Node) -> str:
        if self.np == "torch":
            return f"torch.as_tensor({self.code[a]}).reshape(1)"
        return f"{self.np}.asarray({self.code[a]}).reshape(1)"

    def part(self, node: Apply) -> str:
        (a,) = node.args
        text = self.code[a]
        if node.op.name == "entry":
            i, j = node.params
            if a.kind == "scalar":
                return text
            return (
                f"({text})[{(i if a.kind == 'vector' else j) - 1}]" if self.flat(a) else f"({text})[{i - 1}, {j - 1}]"
            )
        if a.kind == "scalar":
            raise UnsupportedError(f"{node.op.name} of a number has no code with complex arrays")
        if node.op.name in ("getrow", "getcol"):
            (i,) = node.params
            row = node.op.name == "getrow"
            if self.flat(a):
                return text if (a.kind == "row") == row else f"({text})[{i - 1}:{i}]"
            return f"({text})[{i - 1}]" if row else f"({text})[:, {i - 1}]"
        r0, r1, c0, c1 = (self.size(d) for d in node.params)
        if self.flat(a):
            return f"({text})[{r0}:{r1}]" if a.kind == "vector" else f"({text})[{c0}:{c1}]"
        return f"({text})[{r0}:{r1}, {c0}:{c1}]"

    def template(self, node: Apply, code: Sequence[str]) -> str:
        name, target = node.op.name, self.target.name
        own = {"torch": TORCH, "jax": JAX}.get(target, {}).get(name)
        if name in SPECTRUM:
            if is_hermitian(node.args[0]):
                own = SPECTRUM[name]
            elif target != "numpy":
                raise UnsupportedError(f"{self.target.title} has no {name} of matrices that are not Hermitian")
        if own is None:
            own = (NOT_REAL.get(name) if not is_real(node) else None) or CODE.get(name)
            own = self.target.translate(own) if own else self.target.template(node.op)
        fields = {str(i): c for i, c in enumerate(code)}
        wants = {"diag", "tr", "inv", "det", "kron"}
        for i, a in enumerate(node.args):
            if name in wants and self.flat(a):
                fields[str(i)] = self.as_matrix(a)
        for i, p in enumerate(node.params):
            fields[f"p{i}"] = self.size(p) if isinstance(p, Dim) else str(int(p))
        if name == "pinv" and self.checked == "derivative":
            own = "full_rank_pinv({0})"
        own = re.sub(r"(?<![\w.])np\.", f"{self.np}.", own)
        text = re.sub(r"\{(p?\d+)\}", lambda m: fields[m[1]], own)
        return text if _closed(own) else f"({text})"


def _closed(template: str) -> bool:
    """Is it one call, which binds tighter than any operator?"""
    return re.fullmatch(r"[\w.]+\([^()]*\)(\[[^\]]*\])?", template) is not None


def is_hermitian(node: Node) -> bool:
    if is_real(node):
        return "symmetric" in Known()(node)
    return hermitian(working(node))


def _minus_one(p: Node) -> bool:
    return isinstance(p, Number) and p.value == -1


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, (int, float)) else f"({value.numerator} / {value.denominator})"


Outputs = tuple[tuple[Node, ...], tuple[Symbol, ...], str, str, bool]


@lru_cache(maxsize=64)
def _source(
    roots: tuple[Node, ...], variables: tuple[Symbol, ...], backend: str, name: str, single: bool, checked: Checked = ""
) -> str:
    target = backend_named(backend)
    done = tuple(map(inline, roots))
    writer = _Writer(target, variables, checked)
    writer.run(done)
    used = {n for n in topological(*done) if isinstance(n, Symbol)}
    results = [writer.code[r] for r in done]
    body = list(writer.lines)
    body.append(f"return {results[0] if single else ', '.join(results) + ','}")
    every = [n for v, n in writer.inputs.items() if v in used or v in variables]
    head = f"def {identifier(name)}(*, {', '.join(dict.fromkeys(every))}):" if every else f"def {identifier(name)}():"
    text = "\n".join([head, *(f"    {line}" for line in body)]) + "\n"
    helpers = {k: v.replace("np.", f"{target.prefix}.") for k, v in _HELPERS.items()}
    if backend == "torch":
        helpers |= _TORCH_HELPERS
    if checked:
        helpers |= _CHECKED_HELPERS
    helpers = {**target.all_helpers, **helpers}
    found: dict[str, str] = {}
    waiting = [text]
    while waiting:
        at = waiting.pop()
        for word in re.findall(r"(?<![.\w])([A-Za-z_]\w*)(?=\()|(?<![.\w])corner\(([a-z_]+),", at):
            key = word[0]
            if key in helpers and key not in found:
                found[key] = helpers[key]
                waiting.append(helpers[key])
    body_text = "\n\n".join([*found.values(), text])
    imports = [line for pattern, line in target.imports if re.search(pattern, body_text)]
    return "\n".join(sorted(set(imports))) + "\n\n\n" + body_text


def source(roots: Sequence[Node], variables: Sequence[Symbol], backend: str = "numpy", name: str = "f") -> str:
    """The text of a function of the variables, by keyword: one value, or a tuple of several."""
    return _source(tuple(roots), tuple(variables), backend, name, len(roots) == 1)


@lru_cache(maxsize=64)
def _executed(text: str, name: str) -> Callable[..., Any]:
    return run(text, name, {})


def compiled(roots: Sequence[Node], variables: Sequence[Symbol], backend: str = "numpy") -> Callable[..., Any]:
    """The function itself, of arrays by name; surplus names of variables are ignored."""
    require(backend_named(backend))
    free = dict.fromkeys([*variables, *(n for r in roots for n in topological(r) if isinstance(n, Symbol))])
    names = {v.name: identifier(v.name) for v in free if v.body is None}
    function = _executed(source(roots, tuple(variables), backend), "f")

    def call(**arrays: Any) -> Any:
        given = {}
        for name, parameter in names.items():
            key = lookup(name, arrays)
            if key is not None:
                given[parameter] = arrays[key]
        wanted = function.__kwdefaults__ or {}
        code = function.__code__
        needed = code.co_varnames[: code.co_kwonlyargcount]
        for parameter in needed:
            if parameter not in given and parameter not in wanted:
                raise missing(next(n for n, p in names.items() if p == parameter), "an array")
        return function(**{p: given[p] for p in needed})

    return call


def as_array(variable: Symbol, value: Any) -> np.ndarray:
    """The array in double precision, complex where the variable is declared so.

    Raises DomainError for a complex array of a real variable, and for one that lacks what is declared of it.
    """
    refuse_kind(variable.name, value)
    array = np.asarray(value)
    if array.dtype.kind not in "fiubc":
        raise DomainError(f"{variable.name} must be an array of numbers, but its entries are of type {array.dtype}")
    if is_real(variable):
        if array.dtype.kind == "c":
            raise DomainError(
                f"{variable.name} is real as nothing else is declared, but the array given is complex",
                hint=f"declare it: `{variable.name}: {_shape(variable)} complex`",
            )
        array = array.astype(np.float64)
    else:
        array = array.astype(np.complex128)
    if variable.kind == "row" and array.ndim == 1:
        array = array[None, :]
    Argument.of(variable).shape(array)
    _check(variable, array)
    return array.reshape(-1) if variable.kind == "row" else array


def _shape(v: Symbol) -> str:
    return "×".join(map(str, v.shape)) or "scalar"


TOLERANCE = 1e-8


def _check(variable: Symbol, array: np.ndarray) -> None:
    words = variable.attributes if variable.of is None else frozenset()
    if not words & COMPLEX and words:
        checks.check_attributes(variable, array, 0.0)
        return
    size = max(1.0, float(np.abs(array).max(initial=0.0)))
    if words & {"hermitian", "hpd"} and np.abs(array - array.conj().T).max(initial=0.0) > TOLERANCE * size:
        raise DomainError(f"{variable.name} is declared {min(words)}, but the array given is not Hermitian")
    if "hpd" in words and not np.linalg.eigvalsh(array).min(initial=1.0) > 0:
        raise DomainError(f"{variable.name} is declared hpd, but the array given is not positive definite")
    if "unitary" in words and np.abs(array.conj().T @ array - np.eye(len(array))).max(initial=0.0) > TOLERANCE:
        raise DomainError(f"{variable.name} is declared unitary, but the array given is not")
    if "tall" in words and array.shape[0] < array.shape[1]:
        raise DomainError(f"{variable.name} is declared tall, but the array given has more columns than rows")
    parts = {
        "symmetric": lambda a: a - a.T,
        "skew": lambda a: a + a.T,
        "diagonal": lambda a: a - np.diag(np.diag(a)),
        "lower": lambda a: a - np.tril(a),
        "upper": lambda a: a - np.triu(a),
    }
    for word in words & parts.keys():
        if np.abs(parts[word](array)).max(initial=0.0) > TOLERANCE * size:
            raise DomainError(f"{variable.name} is declared {word}, but the array given is not")


def evaluate(
    roots: Sequence[Node],
    variables: Sequence[Symbol],
    arrays: Mapping[str, Any],
    real: Sequence[bool],
    checked: Checked = "value",
) -> Any:
    """The values in double precision; those known to be real are.

    Raises ArgumentError for a missing array, ShapeError for a wrong shape, DomainError where a value is not finite, or
    where one that is real by its form is not: a root or a logarithm of a negative number.
    """
    used = {n for r in roots for n in topological(r) if isinstance(n, Symbol) and n.body is None}
    given: dict[Symbol, np.ndarray] = {}
    for v in dict.fromkeys([*variables, *used]):
        key = lookup(v.name, arrays)
        if key is not None:
            given[v] = as_array(v, arrays[key])
        elif v in used:
            raise missing(v.name, describe(v))
    check_sizes([(Argument.of(v), a.shape if v.kind != "row" else (1, *a.shape)) for v, a in given.items()])
    everything = tuple(dict.fromkeys([*variables, *used]))
    text = _source(tuple(roots), everything, "numpy", "f", len(roots) == 1, checked)
    function = _executed(text, "f")
    names = {identifier(v.name): a for v, a in given.items()}
    code = function.__code__
    with np.errstate(all="ignore"):
        try:
            found = function(**{p: names[p] for p in code.co_varnames[: code.co_kwonlyargcount] if p in names})
        except np.linalg.LinAlgError as error:
            raise DomainError(f"a function leaves its domain at these arrays: {error}") from None
    values = found if len(roots) > 1 else (found,)
    return [_finished(r, v, known) for r, v, known in zip(roots, values, real, strict=True)]


def _finished(node: Node, value: Any, real: bool) -> Any:
    array = np.asarray(value)
    if not np.isfinite(array).all():
        raise DomainError("the value is not a finite number at these arrays: a function leaves its domain or overflows")
    if array.dtype.kind == "c" and real:
        size = max(1.0, float(np.abs(array).max(initial=0.0)))
        if np.abs(array.imag).max(initial=0.0) > 1e-6 * size:
            raise DomainError("a root or a logarithm of a negative number stands in a function that should be real")
        array = array.real
    if node.kind == "scalar":
        return array.reshape(()).item()
    return array
