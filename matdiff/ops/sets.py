"""The curved sets that a variable may move in, each as one record: all that any part of the program knows of it.

A set has a gradient and a Hessian of its own, made of those of all of space, ∇f and V ↦ ∇²f[V]: on a set with the
metric of the space around it the projections P(∇f) and P(∇²f[V] + the bending of the set along V).
Sources: Absil, Mahony & Sepulchre 2008 (AMS); Boumal 2023 (B).

Formulas are of nodes.  Functions of arrays take numpy as their first argument, so that reading a formula need not
load it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from matdiff.core.node import Kind, Node, Symbol
from matdiff.ops.algebra import inner, matmul, scale
from matdiff.ops.constants import ones_like
from matdiff.ops.linalg import inverse
from matdiff.ops.reductions import mean
from matdiff.ops.structure import HALF, Diag, diag

Array = Any


class CurvedSet(NamedTuple):
    """One set: its word in declarations, formulas of nodes, and functions of arrays.

    word       the attribute; `spelled` is how a declaration writes it, `also` what else is read
    says       what an array that is not in it is not
    kind       vector or matrix; `tall`: with at least as many rows as columns; `square`
    project    (X, Z) ↦ the part of Z in the tangent space at X
    law        how a step of a derivation says so
    bend       (X, V, G) ↦ what is added to ∇²f[V], G = ∇f: before the projection, or `aside` if it is tangent itself
    bending    how a step says so, projection included
    raised     (X, G) ↦ the gradient for another metric than ⟨A,B⟩, from the projected one; `lowered` takes it back
    raising    how a step says so
    connected  (X, V, G) ↦ what is added to the raised ∇²f[V], G = ∇f projected
    member     (np, X) ↦ whether an array is in the set
    outside    (np, X, V) ↦ an array that is 0 for tangent V alone; `condition` says so of an X
    onto       (np, A) ↦ a point of the set made of an array
    manopt     what Pymanopt calls the set, empty where it has none
    retract    (np, X, V) ↦ c(1) of a curve c(t) with c(0) = X, c'(0) = V and no acceleration inside the set at 0:
               a retraction of second order
    """

    word: str
    says: str
    kind: Kind
    project: Callable[[Node, Node], Node]
    law: str
    bending: str
    member: Callable[[Any, Array], bool]
    outside: Callable[[Any, Array, Array], Array]
    condition: str
    onto: Callable[[Any, Array], Array]
    retract: Callable[[Any, Array, Array], Array]
    projected: Callable[[Any, Array, Array], Array]
    bend: Callable[[Node, Node, Node], Node] | None = None
    raised: Callable[[Node, Node], Node] | None = None
    lowered: Callable[[Node, Node], Node] | None = None
    raising: str = ""
    connected: Callable[[Node, Node, Node], Node] | None = None
    spelled: str = ""
    also: tuple[str, ...] = ()
    aside: bool = False
    tall: bool = False
    square: bool = False
    manopt: str = ""
    source: str = ""

    @property
    def written(self) -> str:
        """How a declaration writes it."""
        return self.spelled or self.word

    def hessian(self, X: Node, V: Node, G: Node, DG: Node) -> Node:
        """Hess f[V] of tangent V, from G = ∇f and DG = ∇²f[V]."""
        bent = None if self.bend is None else self.bend(X, V, G)
        along = self.project(X, DG if bent is None or self.aside else DG + bent)
        along = along + bent if bent is not None and self.aside else along
        if self.raised is None or self.connected is None:
            return along
        return self.raised(X, along) + self.connected(X, V, self.project(X, G))


TOLERANCE = 1e-8
"""How far an array may be from a set."""


def _half(M: Node) -> Node:
    """½(M + Mᵀ)."""
    return scale(HALF, M + M.T)


def _sym(M: Array) -> Array:
    return (M + M.T) / 2


def _orthonormal(np: Any, X: Array) -> bool:
    return bool(np.abs(X.T @ X - np.eye(X.shape[1])).max(initial=0) <= TOLERANCE)


def _columns(np: Any, A: Array) -> Array:
    """The factor of A = QR with a positive diagonal of R."""
    q, r = np.linalg.qr(A)
    return q * np.where(np.diagonal(r) < 0, -1.0, 1.0)


def _polar(np: Any, X: Array, V: Array) -> Array:
    """The orthonormal factor of X + V, the nearest point (Absil & Malick 2012: of second order)."""
    u, _, vt = np.linalg.svd(X + V, full_matrices=False)
    return u @ vt


def _lengths(np: Any, A: Array) -> Array:
    return np.sqrt((A * A).sum(axis=0))


SPHERE = CurvedSet(
    "unit",
    "of length 1",
    "vector",
    project=lambda x, z: z - inner(x, z) * x,
    law="project onto the tangent space of the sphere: (I − xxᵀ)g",
    bend=lambda x, v, g: -(inner(x, g) * v),
    aside=True,
    bending="the Hessian on the sphere, P(∇²f[v] − (xᵀ∇f) v) with P = I − xxᵀ",
    member=lambda np, x: bool(abs(np.linalg.norm(x) - 1) <= TOLERANCE),
    outside=lambda np, x, v: np.asarray(x @ v),
    condition="{X}'*V is not 0",
    onto=lambda np, a: a / np.linalg.norm(a),
    retract=lambda np, x, v: (x + v) / np.linalg.norm(x + v),
    projected=lambda np, x, z: z - (x @ z) * x,
    manopt="Sphere",
    source="B, prop. 3.35, ex. 5.17",
)
"""xᵀx = 1."""

ORTHOGONAL = CurvedSet(
    "orthogonal",
    "orthogonal",
    "matrix",
    project=lambda X, Z: scale(HALF, Z - X @ Z.T @ X),
    law="project onto the tangent space of the orthogonal matrices: (G − QGᵀQ)/2",
    bend=lambda X, V, G: -(V @ _half(X.T @ G)),
    bending="the Hessian on the orthogonal matrices, P(∇²f[V] − V sym(Qᵀ∇f)) with P(Z) = (Z − QZᵀQ)/2",
    member=_orthonormal,
    outside=lambda np, X, V: X.T @ V + V.T @ X,
    condition="{X}'*V is not skew-symmetric",
    onto=_columns,
    retract=_polar,
    projected=lambda np, X, Z: Z - X @ _sym(X.T @ Z),
    square=True,
    manopt="SpecialOrthogonalGroup",
    source="AMS, ex. 3.5.3, §5.3.3",
)
"""QᵀQ = I, and square."""

STIEFEL = CurvedSet(
    "orthonormal",
    "of orthonormal columns",
    "matrix",
    project=lambda X, Z: Z - X @ _half(X.T @ Z),
    law="project onto the tangent space of the matrices with XᵀX = I: G − X sym(XᵀG)",
    bend=lambda X, V, G: -(V @ _half(X.T @ G)),
    bending="the Hessian on the matrices with XᵀX = I, P(∇²f[V] − V sym(Xᵀ∇f)) with P(Z) = Z − X sym(XᵀZ)",
    member=_orthonormal,
    outside=ORTHOGONAL.outside,
    condition=ORTHOGONAL.condition,
    onto=_columns,
    retract=_polar,
    projected=ORTHOGONAL.projected,
    also=("stiefel",),
    tall=True,
    manopt="Stiefel",
    source="AMS, ex. 3.6.2; B, §7.3",
)
"""n×p with XᵀX = I, and the metric of the space around."""

GRASSMANN = CurvedSet(
    "grassmann",
    "of orthonormal columns",
    "matrix",
    project=lambda X, Z: Z - X @ (X.T @ Z),
    law="project onto the horizontal space of the Grassmann manifold: (I − XXᵀ)G",
    bend=lambda X, V, G: -(V @ (X.T @ G)),
    aside=True,
    bending="the Hessian on the Grassmann manifold, (I − XXᵀ)∇²f[V] − V Xᵀ∇f",
    member=_orthonormal,
    outside=lambda np, X, V: X.T @ V,
    condition="{X}'*V is not 0",
    onto=_columns,
    retract=_polar,
    projected=lambda np, X, Z: Z - X @ (X.T @ Z),
    tall=True,
    manopt="Grassmann",
    source="AMS, §3.6.2, §5.3.4; B, §9.16",
)
"""Subspaces, by bases with XᵀX = I: for functions of XXᵀ; tangents are horizontal, XᵀV = 0."""

OBLIQUE = CurvedSet(
    "oblique",
    "of columns of length 1",
    "matrix",
    project=lambda X, Z: Z - X @ Diag(diag(X.T @ Z)),
    law="project each column onto the tangent space of its sphere: G − X Diag(diag(XᵀG))",
    bend=lambda X, V, G: -(V @ Diag(diag(X.T @ G))),
    aside=True,
    bending="the Hessian for columns of length 1, P(∇²f[V] − V Diag(diag(Xᵀ∇f))) with P(Z) = Z − X Diag(diag(XᵀZ))",
    member=lambda np, X: bool(np.abs(_lengths(np, X) - 1).max(initial=0) <= TOLERANCE),
    outside=lambda np, X, V: (X * V).sum(axis=0),
    condition="diag({X}'*V) is not 0",
    onto=lambda np, A: A / _lengths(np, A),
    retract=lambda np, X, V: (X + V) / _lengths(np, X + V),
    projected=lambda np, X, Z: Z - X * (X * Z).sum(axis=0),
    spelled="unit columns",
    manopt="Oblique",
    source="Absil & Gallivan 2006; B, §7.2",
)
"""diag(XᵀX) = 1: every column on a sphere."""

SIMPLEX = CurvedSet(
    "simplex",
    "of positive entries with sum 1",
    "vector",
    project=lambda x, z: z - scale(mean(z), ones_like(x)),
    law="project onto the vectors with sum 0: g − mean(g) 1",
    bending="project onto the vectors with sum 0: ∇²f[v] − mean(∇²f[v]) 1",
    member=lambda np, x: bool((x > 0).all() and abs(x.sum() - 1) <= TOLERANCE),
    outside=lambda np, x, v: np.asarray(v.sum()),
    condition="sum(V) is not 0",
    onto=lambda np, a: (np.abs(a) + 0.1) / (np.abs(a) + 0.1).sum(),
    retract=lambda np, x, v: x + v,
    projected=lambda np, x, z: z - z.mean(),
    source="the inside of a face of a plane, with the metric of the space around",
)
"""Positive entries with sum 1, with the Euclidean metric: a part of a plane."""

AFFINE = CurvedSet(
    "spd",
    "symmetric positive definite",
    "matrix",
    project=lambda S, Z: _half(Z),
    law="project onto the symmetric matrices",
    bending="the Hessian for the affine-invariant metric, S sym(∇²f[V]) S + sym(V sym(∇f) S)",
    raised=lambda S, G: S @ G @ S,
    raising="the gradient for the affine metric tr(S⁻¹ U S⁻¹ V): S sym(∇f) S",
    lowered=lambda S, G: matmul(matmul(inverse(S), G), inverse(S)),
    connected=lambda S, V, G: _half(V @ G @ S),
    member=lambda np, S: bool(np.abs(S - S.T).max(initial=0) <= TOLERANCE and (np.linalg.eigvalsh(S) > 0).all()),
    outside=lambda np, S, V: V - V.T,
    condition="V is not symmetric",
    onto=lambda np, A: A @ A.T / A.shape[0] + 0.5 * np.eye(A.shape[0]),
    retract=lambda np, S, V: S + V + _sym(V @ np.linalg.solve(S, V)) / 2,
    projected=lambda np, S, Z: _sym(Z),
    square=True,
    manopt="SymmetricPositiveDefinite",
    source="Pennec, Fillard & Ayache 2006; B, §11.7",
)
"""Positive definite matrices with the affine-invariant metric ⟨U,V⟩ at S, tr(S⁻¹ U S⁻¹ V)."""

CURVED: dict[str, CurvedSet] = {s.word: s for s in (ORTHOGONAL, SPHERE, STIEFEL, GRASSMANN, OBLIQUE, SIMPLEX)}
"""By the attribute; the affine metric is no attribute but a choice for an `spd` variable."""

SPELLED: dict[str, str] = {name: s.word for s in CURVED.values() for name in (s.word, *s.also)}
"""Words of declarations, and the attribute of each."""

METRICS = ("euclidean", "affine")

LINEAR: dict[str, Callable[[Any, Array], Array]] = {
    "diagonal": lambda np, G: np.diag(np.diagonal(G)),
    "symmetric": lambda np, G: (G + G.T) / 2,
    "skew": lambda np, G: (G - G.T) / 2,
    "lower": lambda np, G: np.tril(G),
    "upper": lambda np, G: np.triu(G),
}
"""The linear sets, by the projection of arrays onto each; a diagonal matrix is symmetric too, so that comes first."""


def linear_set(attributes: Iterable[str]) -> str:
    """The name of the linear set of a variable, empty for all of space."""
    words = set(attributes)
    if {"lower", "upper"} <= words:
        return "diagonal"
    return next((w for w in LINEAR if w in words or (w == "symmetric" and "spd" in words)), "")


def curved_set(X: Symbol, affine: bool = False) -> CurvedSet | None:
    """The curved set that a variable moves in, None for a linear one."""
    if not X.attributes:
        return None
    if affine and "spd" in X.attributes:
        return AFFINE
    if linear_set(X.attributes):
        return None
    return next((s for word, s in CURVED.items() if word in X.attributes), None)
