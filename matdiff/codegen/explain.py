"""What a plan costs: each step with its operations, and what fixed orders of multiplication would have cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matdiff.codegen import Nodes, outputs
from matdiff.codegen.backend import NUMPY
from matdiff.codegen.chains import ASSUMED, guess
from matdiff.codegen.emit import Emitter
from matdiff.codegen.plan import plan
from matdiff.node import Apply, Node, Symbol, topological
from matdiff.ops.algebra import TRANSPOSE

WIDTH = 60
HEAVY = 20
"""Operations per n³ that decompositions by iteration are counted with."""


def explain(nodes: Nodes, variables: Sequence[Symbol]) -> str:
    """The plan as a table of code, shape and operations; then its sum against the orders of the two modes of AD."""
    roots = outputs(nodes)[0]
    planned = plan(roots)
    emitter = Emitter(NUMPY, variables)
    emitter.emit(planned)
    rows = [
        (shortened(emitter.code[n].text), "×".join(map(str, n.shape)) or "scalar", operations(n))
        for n in topological(*planned)
        if isinstance(n, Apply) and n.op is not TRANSPOSE and operations(n)
    ]
    names = sorted({name for r in roots for n in topological(r) for name in n.rows.names | n.cols.names})
    sizes = f", {' = '.join(names)} = {ASSUMED}" if names else ""
    left = max((len(r[0]) for r in rows), default=0)
    middle = max((len(r[1]) for r in rows), default=0)
    lines = [f"plan (operations{sizes})"]
    lines += [f"  {code:<{left}}  {shape:<{middle}}  {count:>15,}" for code, shape, count in rows]
    best = total(planned)
    for text, order in (("left to right, as reverse mode", "left"), ("right to left, as forward mode", "right")):
        count = total(plan(roots, order))  # type: ignore[arg-type]
        lines.append(f"multiplied {text}: {count:,} ({count / max(best, 1):.2f} times)")
    return "\n".join([*lines[: len(rows) + 1], f"in all: {best:,}", *lines[len(rows) + 1 :]])


def shortened(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def total(planned: Sequence[Node]) -> int:
    return sum(operations(n) for n in topological(*planned) if isinstance(n, Apply))


def operations(node: Apply) -> int:
    """Multiplications and additions of one function, dimensions without a number taken as ASSUMED."""
    count = COUNTS.get(node.op.name)
    if count is not None:
        return count(node)
    if node.op.domain or node.op.name in ITERATIVE:
        square = [a for a in node.args if a.kind == "matrix"]
        return HEAVY * max((guess(a.rows) ** 2 * guess(a.cols) for a in square), default=1) if square else size(node)
    return max([size(node), *(size(a) for a in node.args)])


ITERATIVE = ("expm", "eigvals", "eigvecs", "sigma_max", "frechet_expm", "frechet_logm", "sylvester", "polar")


def size(a: Node) -> int:
    return guess(a.rows) * guess(a.cols)


def product(node: Apply) -> int:
    a, b = node.args
    return 2 * guess(a.rows) * guess(a.cols) * guess(b.cols)


def cubic(numerator: int, denominator: int) -> Callable[[Apply], int]:
    """A fraction of n³."""
    return lambda node: numerator * guess(node.args[0].rows) ** 3 // denominator


def system(node: Apply) -> int:
    """Two triangular systems."""
    n = guess(node.args[0].rows)
    return 2 * n * size(node)


COUNTS: dict[str, Callable[[Apply], int]] = {
    "matmul": product,
    "solve": lambda node: 2 * guess(node.args[0].rows) ** 3 // 3 + system(node),
    "solve_lower": lambda node: system(node) // 2,
    "solve_lower_t": lambda node: system(node) // 2,
    "inv": cubic(2, 1),
    "det": cubic(2, 3),
    "logdet": cubic(2, 3),
    "lu": cubic(2, 3),
    "cholesky": cubic(1, 3),
    "chol": cubic(1, 3),
    "lu_solve": system,
    "lu_solve_t": system,
    "cholesky_solve": system,
    "lu_inverse": cubic(4, 3),
    "cholesky_inverse": cubic(2, 3),
    "lu_logdet": lambda node: guess(node.args[0].rows),
    "lu_det": lambda node: guess(node.args[0].rows),
    "cholesky_logdet": lambda node: guess(node.args[0].rows),
    "cholesky_det": lambda node: guess(node.args[0].rows),
    "add_diagonal": lambda node: guess(node.rows),
    "inner": lambda node: 2 * size(node.args[0]),
    "trace_product": lambda node: 2 * size(node.args[0]),
    "tr": lambda node: guess(node.args[0].rows),
    "kron_eye": lambda node: size(node.args[0]) * guess(node.params[0]),
    "eye_kron": lambda node: size(node.args[0]) * guess(node.params[0]),
    "blocks": lambda node: blocks(*node.args),
    "add_blocks": lambda node: blocks(*node.args[1:]),
    "vec": lambda node: 0,
    "unvec": lambda node: 0,
    "getrow": lambda node: 0,
    "getcol": lambda node: 0,
    "entry": lambda node: 0,
    "slice": lambda node: 0,
    "diag": lambda node: 0,
}


def blocks(A: Node, C: Node, B: Node) -> int:
    return 2 * guess(C.rows) * guess(A.rows) * guess(B.rows) * guess(A.cols)
