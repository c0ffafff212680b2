"""Expressions that generated code is tested on, and arrays for them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from matdiff.core.node import Node, Symbol, number, symbol
from matdiff.core.op import registry
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.ops import algebra as al
from matdiff.ops import axes as ax
from matdiff.ops import constants as co
from matdiff.ops import elementwise as el
from matdiff.ops import extremes as ex
from matdiff.ops import indexing as ix
from matdiff.ops import kronecker as kr
from matdiff.ops import linalg as la
from matdiff.ops import matrix_functions as mf
from matdiff.ops import reductions as re_
from matdiff.ops import structure as st

m, n, p, q = map(Dim.of, "mnpq")
A = symbol("A", "matrix", m, n)
B = symbol("B", "matrix", n, p)
C = symbol("C", "matrix", p, m)
X = symbol("X", "matrix", n, n)
Y = symbol("Y", "matrix", n, n)
Z = symbol("Z", "matrix", m * p, n * q)
Q = symbol("Q", "matrix", p, q)
S = symbol("S", "matrix", n, n, frozenset({"spd"}))
x = symbol("x", "vector", n)
y = symbol("y", "vector", n)
b = symbol("b", "vector", m)
w = symbol("w", "vector", n * n)
t = symbol("t", "scalar")
W = symbol("W", "matrix", n, ONE)
VARIABLES = (A, B, C, X, Y, Z, Q, S, x, y, b, w, t, W)
SIZES = {"m": 4, "n": 3, "p": 2, "q": 5}


def arrays(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    out: dict[str, Any] = {v.name: rng.normal(size=[d.evaluate(SIZES) for d in v.shape]) for v in VARIABLES}
    out["S"] = out["X"] @ out["X"].T + np.eye(3)
    out["t"] = 0.7
    return out


def definition(name: str, body: Node) -> Symbol:
    return symbol(name, body.kind, body.rows, body.cols, body=body)


r = definition("r", A @ x - b)
P = definition("P", A @ B)
e2 = co.unit(n, 2)
ones = co.ones("vector", n)
half = number(Fraction(1, 2))
u = symbol("u", "vector", p)

CORE: dict[str, Node] = {
    "least squares": half * al.inner(r, r),
    "its gradient": A.T @ r,
    "row": x.T @ A.T @ A,
    "outer": x @ b.T,
    "column matrix": A @ W,
    "vector and column matrix": A @ W + b,
    "scalar and column": W @ x.T,
    "rows times columns": x @ W.T,
    "inner of mixed kinds": al.inner(W, x),
    "hadamard of mixed kinds": W * x,
    "sum of many": al.add(*(el.sin(number(k) * x) for k in range(2, 40))),
    "negatives": -x - 3 * y - half * x,
    "fractions": number(Fraction(-2, 3)) * x + number(Fraction(1, 7)) * y,
    "quotients": x / (1 + y * y) + 1 / (1 + x**2) + x / t + t / (2 + el.exp(x)),
    "powers": (x * x) ** half + (1 + x * x) ** number(Fraction(-1, 2)) + x**3 + (1 + x * x) ** number(-2),
    "powers by symbols": (1 + x * x) ** t + t**t,
    "big numbers": number(10**30) * x,
    "size": x / al.size(n) + al.size(m * n + ONE) * x,
    "pi": el.pi * x,
    "broadcast": 1 + X - t * co.ones_like(X),
    "broadcast alone": t * co.ones_like(X) + 2 * co.ones_like(X),
    "identity": co.eye(n) - 2 * X,
    "identity alone": co.eye(n),
    "zeros": co.zeros("matrix", m, n),
    "row of ones": co.ones("row", ONE, n) - x.T,
    "unit": e2 + x,
    "unit products": (A @ e2) * al.inner(e2, x) + A @ e2 * (e2.T @ X @ y),
    "row picked": e2.T @ X,
    "unit inner": e2.T @ x,
    "matrix unit": t * e2 @ co.unit(n, 3).T,
    "sums of rows": X @ ones,
    "sums of columns": (ones.T @ X).T,
    "total": ones.T @ x + ones.T @ X @ ones,
    "commutation": co.commutation(m, n),
    "commutation of a vector": co.commutation(m, n) @ st.vec(A),
    "commutation of any vector": co.commutation(n, n) @ w,
    "matrix power": al.mpow(X, 5),
    "entries": ix.entry(X, 1, 2) + ix.entry(x, 3) + ix.entry(x.T, 1, 2),
    "row and column": ix.ROW(A, params=(1,)) + A.T @ ix.COLUMN(A, params=(2,)),
    "column of a row": ix.COLUMN(x.T, params=(2,)),
    "row of a vector": ix.ROW(x, params=(2,)),
    "slice": ix.slice_(X, ONE, n, ZERO, Dim.of(2)),
    "slice of a vector": ix.slice_(x, ONE, Dim.of(3)),
    "slice of a row": ix.slice_(x.T, ZERO, ONE, ONE, n),
    "embed": ix.embed(A, ONE, p, m + p, n + p + ONE),
    "embed a vector": ix.embed(x, p, ZERO, n + p, ONE),
    "embed a row": ix.embed(x.T, ONE, ZERO, m, n),
    "hcat": ix.HCAT(A, b, A),
    "vcat": ix.VCAT(A, x.T, A),
    "vcat of vectors": ix.VCAT(x, t, b),
    "vcat of scalars": ix.VCAT(t, number(1), t),
    "hcat of scalars": ix.HCAT(t, number(1), x.T),
    "definition used twice": al.inner(P, P) + re_.tr(P @ C),
    "definition of a variable": definition("v", x) + x,
    "chain to a vector": A @ B @ B.T @ x,
    "chain to a scalar": b.T @ A @ B @ B.T @ x,
    "chain of outer products": x @ y.T @ X @ y,
    "chain with transposes": (A @ B).T @ b,
    "shared product": (A @ B).T @ (A @ (B @ (B.T @ y)) - b) + B.T @ A.T @ b,
    "trace of a product": re_.tr(X @ Y),
    "trace of a chain": re_.tr(A @ X @ B @ C),
    "trace of an outer product": re_.tr(X @ x @ y.T),
    "inner with a product": al.inner(X, Y @ X),
    "inner with an outer product": al.inner(X, x @ y.T),
    "inner of products": al.inner(X @ Y, Y @ X),
    "inner of vectors with products": al.inner(X @ x, Y @ y),
    "inner of rows": al.inner(x.T @ X, y.T @ Y),
    "solve": la.inv(X) @ x,
    "solve transposed": la.inv(X).T @ x,
    "solve from the right": x.T @ la.inv(X),
    "solve for a matrix": la.inv(X) @ Y + Y @ la.inv(X),
    "solve twice": la.inv(X) @ x + la.inv(X).T @ y,
    "inverse and solve": la.inv(X) + la.inv(X) @ x @ y.T,
    "inverse between": la.inv(X) @ Y @ la.inv(X),
    "trace with an inverse": re_.tr(la.inv(X) @ Y),
    "scaled rows": st.Diag(x) @ X,
    "scaled columns": X @ st.Diag(x),
    "scaled vector": st.Diag(x) @ y,
    "scaled row": y.T @ st.Diag(x),
    "two diagonals": st.Diag(x) @ st.Diag(y),
    "kron times vec": kr.kron(X, Y) @ st.vec(X),
    "kron times vector": kr.kron(X, Y) @ w,
    "row times kron": w.T @ kr.kron(X, Y),
    "kron of a row and a vector": kr.kron(x, x.T),
    "determinant and inverse": la.det(X) * la.inv(X).T,
    "log-determinant and solve": la.logdet(S) + al.inner(x, la.inv(S) @ x),
    "determinant in a product": t * (la.det(X) * (re_.tr(la.inv(X) @ Y) * (3 * Y))),
    "determinant and sum": la.det(X) * (t * la.inv(X).T + co.eye(n)) + la.det(X) * Y,
    "scalars": y - number(-2) * (t * (re_.norm(x) * (x + y))) - t * (el.exp(t) / (1 + t)) * x - (-t * x),
    "determinant and system": la.det(X) + al.inner(x, la.inv(X) @ x) + la.det(S) * re_.tr(la.inv(S)),
    "determinant alone": la.det(X.T @ X) + la.det(Y),
    "gram": la.logdet(X.T @ X) * (la.inv(X.T @ X) @ x) + la.inv(Y.T @ S @ Y + X.T @ X) @ y,
    "inverse powers": re_.tr(al.mpow(la.inv(S), 2)) + al.inner(x, al.mpow(la.inv(S), 2) @ x),
    "inverse and its transpose": la.inv(X) + la.inv(X.T) + la.inv(X).T * la.det(X),
    "stable forms": el.log(1 + el.exp(x)) + el.log(1 + x * x) + el.exp(x) - 1 + 1 / (1 + el.exp(-x)),
    "stable sums": el.log(re_.sum_(el.exp(x))) + el.log(el.exp(t) + el.exp(2 * t)) + el.log(la.det(S)),
    "stable quotient": el.exp(x) / re_.sum_(el.exp(x)) + x * re_.norm(x) ** 2,
    "diagonal power": al.mpow(st.Diag(x), 2) @ X + al.mpow(st.Diag(x), 3),
    "inverse power between": al.inner(x, al.mpow(la.inv(S), 3) @ x) + re_.tr(al.mpow(S, 2)),
    "kron with identity": 2 * kr.kron(A, co.eye(n)) + 3 * kr.kron(A, co.eye(n)),
    "identity kron": kr.kron(co.eye(p), X @ Y),
    "commuted kron": co.commutation(n, m) @ kr.kron(A, B) @ kr.kron(Q, Y),
    "krons with a common factor": kr.kron(X, Y) - 2 * kr.kron(X, X) + kr.kron(Y, X),
    "krons around a diagonal": kr.kron(B.T, co.eye(m)) @ st.Diag(st.vec(A)) @ kr.kron(B, co.eye(m)),
    "krons around a diagonal on the right": kr.kron(co.eye(n), A.T)
    @ st.Diag(st.vec(A) * st.vec(A))
    @ kr.kron(co.eye(n), A),
    "krons with a commutation between": kr.kron(B.T, co.eye(m))
    @ st.Diag(st.vec(A))
    @ co.commutation(n, m)
    @ kr.kron(C.T, co.eye(n)),
    "two layers": kr.kron(X, co.eye(m))
    @ (st.Diag(st.vec(A)) @ kr.kron(co.eye(n), b @ b.T) @ st.Diag(st.vec(A)) - 2 * st.Diag(st.vec(A)))
    @ kr.kron(X.T, co.eye(m)),
    "kron of other matrices": kr.kron(X, Y) @ st.Diag(w) @ kr.kron(Y, X),
    "grams": A.T @ st.Diag(el.exp(b)) @ A + (A @ B @ B.T).T @ A @ B @ B.T,
    "gram of a signed diagonal": A.T @ st.Diag(b) @ A,
    "gram of a row": A.T @ b @ b.T @ A,
    "diagonal less rank one": A.T @ (st.Diag(el.exp(b)) - b @ b.T) @ A,
    "rank one and identity": t * (X - 2 * x @ y.T - t * (y @ x.T + 3 * co.eye(n))),
    "shift of a variable": X + t * co.eye(n) + (X.T + 2 * co.eye(n)).T,
    "determinant and trace": 2 * la.det(X) * re_.tr(la.inv(X) @ Y),
}

RECORDS: dict[str, Node] = {
    "tr": re_.tr(X), "sum": re_.sum_(X), "mean": registry["mean"](X), "norm": re_.norm(X), "norm1": re_.norm1(X),
    "logsumexp": re_.logsumexp(X), "softmax": re_.softmax(x), "prod": re_.prod(x),
    "row_logsumexp": ax.row_logsumexp(A), "row_softmax": ax.row_softmax(A), "rownorm": ax.rownorm(A),
    "norm21": ax.norm21(A), "max": ex.max_(A), "min": ex.min_(x), "rowmax": ex.rowmax(A), "largest": ex.largest(A),
    "rowlargest": ex.rowlargest(A), "maximum": ex.maximum(x, y), "minimum": ex.minimum(X, Y),
    "khatrirao": kr.khatrirao(A, C.T @ C @ A),
    "mpower": mf.matrix_power(S, t), "frechet_mpower": mf.frechet_mpower(S, Y, 3 * t),
    "frechet of whole powers": mf.MPOWER(X, number(3)) + mf.frechet_mpower(X, Y, number(5)),
    "inv": la.inv(X), "det": la.det(X), "logdet": la.logdet(S), "adj": la.adj(X), "cof": la.cof(X),
    "pinv": la.pinv(A), "chol": la.chol(S),
    "diag": st.diag(X), "Diag": st.Diag(x), "tril": st.tril(X), "triu": st.triu(X), "sym": st.sym(X),
    "vech": st.vech(X), "unvech": st.unvech(st.vech(X), params=(n,)),
    "skew": st.skew(X), "vec": st.vec(A), "vec of a vector": st.vec(x), "unvec": st.unvec(w, params=(n, n)),
    "kron": kr.kron(A, Q), "kron of matrix and vector": kr.kron(A, x), "kronv": kr.kronv(x, b),
    "unkron_left": kr.unkron_left(Z, Q, params=(m, n)), "unkron_right": kr.unkron_right(A, Z, params=(p, q)),
    "expm": mf.expm(X), "logm": mf.logm(S), "sqrtm": mf.sqrtm(S),
    "frechet_expm": mf.frechet_expm(X, Y), "frechet_logm": mf.frechet_logm(S, Y),
    "cosm": mf.cosm(X), "sinm": mf.sinm(X),
    "frechet_cosm": mf.frechet_cosm(X, Y), "frechet_sinm": mf.frechet_sinm(X, Y),
    "sylvester": mf.solve_sylvester(S, S @ S, Y),
    "polygamma": el.polygamma(number(1), 1 + x * x),
    **{f: registry[f](x) for f in ("exp", "abs", "sign", "heaviside", "sin", "cos", "tan", "atan")},
    **{f: registry[f](x) for f in ("sinh", "cosh", "tanh")},
    **{f: registry[f](X) for f in ("sigmoid", "softplus", "relu", "erf")},
    **{f: registry[f](1 + x * x) for f in ("log", "sqrt", "lgamma", "digamma")},
    **{f: registry[f](x / (1 + x * x)) for f in ("asin", "acos")},
}  # fmt: skip

AUDITED = {
    "a'*X*X'*X*b": ("X", "a: m; X: m×n; b: n"),
    "b'*inv(X'*X)*X'*y": ("X", "X: m×n; y: m; b: n"),
    "y'*(eye(m)-X*inv(X'*X)*X')*y": ("X", "X: m×n; y: m"),
    "x'*A*x/(x'*B*x)": ("x", "A: n×n; B: n×n; x: n"),
    "x'*S*x/(x'*T*x)": ("x", "S: n×n symmetric; T: n×n symmetric; x: n"),
    "x'*A*x + b'*x": ("x", "A: n×n; x: n; b: n"),
    "x'*inv(A)*x": ("A,x", "A: n×n; x: n"),
    "tr(X'*L*X)/tr(X'*D*X)": ("X", "X: n×k; L: n×n; D: n×n"),
    "y'*inv(s*K+t*eye(n))*y + logdet(s*K+t*eye(n))": (
        "s,t",
        "K: n×n spd; y: n; s: scalar positive; t: scalar positive",
    ),
    "tr(inv(X'*A*X)*X'*B*X)": ("X", "X: n×k; A: n×n; B: n×n"),
    "exp(x'*A*y)": ("x,y", "x: m; y: n; A: m×n"),
    "sum(diag(X*A*X'))": ("X", "X: m×n; A: n×n"),
    "norm(diag(X*A*X') - b)^2": ("X", "X: m×n; A: n×n; b: m"),
    "logdet(X'*Diag(w)*X)": ("w,X", "X: m×n; w: m positive"),
    "norm(Diag(x)*A - A*Diag(y))^2": ("x,y", "x: n; y: n; A: n×n"),
    "x'*Diag(x)*A*Diag(x)*x": ("x", "x: n; A: n×n"),
    "tr(inv(A*Diag(x)*A'))": ("x", "A: n×m; x: m positive"),
    "tr(X^4)": ("X", "X: n×n"),
    "norm(inv(A)*b - c)^2": ("A", "A: n×n; b: n; c: n"),
    "log(sum(exp(A*x+b)))": ("A,x,b", "A: m×n; x: n; b: m"),
    "logdet(S)*tr(S)": ("S", "S: n×n spd"),
    "logdet(kron(A,B))": ("A,B", "A: m×m spd; B: n×n spd"),
    "tr(kron(A,X)*C) + tr(inv(kron(A,X)))": ("X", "A: 4×4; X: 3×3; C: 12×12"),
    "sum((A*X*B).*C)": ("X", "A: m×n; X: n×p; B: p×q; C: m×q"),
    "sum(A.*B.*(X*X'))": ("X", "A: m×m; B: m×m; X: m×n"),
    "logdet(S) + x'*inv(S)*x": ("S,x", "S: n×n spd; x: n"),
    "c'*inv(A)*b": ("A", "A: n×n; b: n; c: n"),
    "v'*inv(eye(n)-t*A)*b": ("A,t,v,b", "A: n×n; b: n; v: n; t: scalar"),
    "x'*inv(A)*B*inv(A)'*x": ("A,x", "A: n×n; B: n×n; x: n"),
    "(x'*y)^2/(norm(x)^2*norm(y)^2)": ("x,y", "x: n; y: n"),
    "tr(X'*A*X*B) + norm(A .* (x*y'))^2": ("A,x", "X: n×m; A: n×n; B: m×m; x: n; y: n"),
}
"""Functions whose code once had the wrong order of growth: text, by what, declarations."""
