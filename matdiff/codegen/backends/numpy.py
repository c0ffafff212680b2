"""Functions that generated code brings along where it uses them, because no array library has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

SOURCES = (
    '''
def norm(X):
    """The root of the sum of squares, scaled where squares leave the range of floats."""
    square = np.vdot(X, X)
    if 1e-30 < square < np.inf:
        return np.sqrt(square)
    largest = np.max(np.abs(X), initial=0)
    if 0 < largest < np.inf:
        X = X / largest
        return largest * np.sqrt(np.vdot(X, X))
    return largest
''',
    '''
def dot_over(x, y, s):
    """<x, y>/s, the division first where the product leaves the range of floats."""
    total = np.vdot(x, y)
    return total / s if 1e-30 < abs(total) < np.inf else np.vdot(x / s, y)
''',
    '''
def hypot_norm(s, X):
    """sqrt(s^2 + |X|^2), scaled likewise."""
    total = s * s + np.vdot(X, X)
    return np.sqrt(total) if 1e-30 < total < np.inf else np.hypot(s, norm(X))
''',
    '''
def root_of_sum(c, X):
    """sqrt(c + |X|^2), scaled likewise, for c > 0."""
    total = c + np.vdot(X, X)
    return np.sqrt(total) if total < np.inf else np.hypot(np.sqrt(c), norm(X)).astype(X.dtype)
''',
    '''
def floats(*values):
    """The inputs as floating-point arrays of one type: single if all are, else double."""
    doubles = []
    for v in values:
        if isinstance(v, float):
            v = np.float64(v)
        elif type(v) is not np.ndarray or v.dtype != float:
            break
        doubles.append(v)
    else:
        return doubles
    values = [float(v) if isinstance(v, (int, float)) else np.asarray(v) for v in values]
    dtype = np.result_type(*values, 0.0)
    return [np.asarray(v, dtype=dtype) for v in values]
''',
    '''
def sech2(u):
    """1 - tanh(u)**2 without cancellation."""
    e = np.exp(-2 * np.abs(u))
    return 4 * e / (1 + e) ** 2
''',
    '''
def gram_logdet(X):
    """log det(X' X) from the triangular factor of X, whose condition is the root of that of X' X."""
    if X.shape[0] < X.shape[1]:
        return np.sum(X) * 0 - np.inf
    return 2 * np.sum(np.log(np.abs(np.diagonal(np.linalg.qr(X)[1]))))
''',
    '''
def gram_root(X):
    """The lower triangular L with L L' = X' X, from the triangular factor of X."""
    R = np.linalg.qr(X)[1]
    return (np.where(np.diagonal(R) < 0, -1, 1)[:, None] * R).T
''',
    '''
def singular_value(A, i):
    """The i-th largest singular value; 0 where it is no more than rounding."""
    s = np.linalg.svd(A, compute_uv=False)
    return s[i - 1] * (s[i - 1] > np.finfo(s.dtype).eps * max(A.shape) * s[0])
''',
    '''
def softmax(x):
    """exp(x) divided by its sum, without overflow."""
    weights = x - x.max(initial=-np.inf)
    np.exp(weights, out=weights)
    weights /= weights.sum()
    return weights
''',
    '''
def logsumexp(X):
    """The logarithm of the sum of exp over all entries, without overflow."""
    top = X.max(initial=-np.inf)
    if not np.isfinite(top):
        return top
    weights = X - top
    return top + np.log(np.exp(weights, out=weights).sum())
''',
    '''
def row_softmax(X):
    """exp(X) divided by its row sums, without overflow."""
    weights = X - X.max(axis=1, keepdims=True, initial=-np.inf)
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights
''',
    '''
def row_logsumexp(X):
    """The logarithm of the row sums of exp, without overflow."""
    top = X.max(axis=1, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    weights = X - top[:, None]
    return top + np.log(np.exp(weights, out=weights).sum(axis=1))
''',
    '''
def row_exp(X):
    """exp(X) with each row divided by its largest entry."""
    weights = X - X.max(axis=1, keepdims=True, initial=-np.inf)
    return np.exp(weights, out=weights)
''',
    '''
def add_diagonal(A, s):
    """A + s I, or A with a vector s added to its diagonal; overwrites A."""
    A.flat[:: A.shape[0] + 1] += s
    return A
''',
    '''
def kron(A, B):
    """The Kronecker product."""
    K = A[:, None, :, None] * B[:, None, :]
    return K.reshape(A.shape[0] * B.shape[0], A.shape[1] * B.shape[1])
''',
    '''
def kron_eye(A, n):
    """The Kronecker product of A with the identity n x n."""
    K = np.zeros((A.shape[0], n, A.shape[1], n), A.dtype)
    np.einsum("iaja->aij", K)[:] = A
    return K.reshape(A.shape[0] * n, A.shape[1] * n)
''',
    '''
def eye_kron(n, A):
    """The Kronecker product of the identity n x n with A."""
    K = np.zeros((n, A.shape[0], n, A.shape[1]), A.dtype)
    np.einsum("aiaj->aij", K)[:] = A
    return K.reshape(n * A.shape[0], n * A.shape[1])
''',
    '''
def khatri_rao(A, B):
    """The Kronecker products of the columns of A and B."""
    return (A[:, None, :] * B).reshape(A.shape[0] * B.shape[0], A.shape[1])
''',
    '''
def weighted_products(A, C, B):
    """A Diag(c) B' for each row c of C, stacked."""
    if C.shape[0] < B.shape[0]:
        return (C[:, None, :] * A) @ B.T
    pairs = (A[:, None, :] * B).reshape(A.shape[0] * B.shape[0], A.shape[1])
    return (C @ pairs.T).reshape(C.shape[0], A.shape[0], B.shape[0])
''',
    '''
def blocks(A, C, B, spec):
    """A Diag(c) B' for each row c of C, as the blocks of a matrix that is zero elsewhere."""
    k, m, n = C.shape[0], A.shape[0], B.shape[0]
    H = np.zeros((m, k, n, k) if spec == "iaja->aij" else (k, m, k, n), A.dtype)
    np.einsum(spec, H)[:] = weighted_products(A, C, B)
    return H.reshape(m * k, n * k)
''',
    '''
def add_blocks(H, A, C, B, spec):
    """H with A Diag(c) B' added in the block of each row c of C; overwrites H."""
    k, m, n = C.shape[0], A.shape[0], B.shape[0]
    view = H.reshape((m, k, n, k) if spec == "iaja->aij" else (k, m, k, n))
    np.einsum(spec, view)[:] += weighted_products(A, C, B)
    return H
''',
    '''
def scatter(spec, shape, values):
    """An array that is zero but where the axes with one letter agree, and there has the values."""
    H = np.zeros(shape, values.dtype)
    np.einsum(spec, H)[:] = values
    return H
''',
    '''
def add_scatter(H, spec, shape, values):
    """H with the values added where the axes with one letter agree; overwrites H."""
    np.einsum(spec, H.reshape(shape))[:] += values
    return H
''',
    '''
def lapack(name, A):
    """The LAPACK function for the precision of A, of which there are two."""
    if A.dtype.char not in "fd":
        raise TypeError(f"LAPACK has no {A.dtype}")
    return getattr(scipy.linalg.lapack, ("s" if A.dtype.char == "f" else "d") + name)
''',
    '''
def lu_factor(A):
    """The LU factors of A' and their pivots: LAPACK reads row-major arrays as transposes."""
    lu, pivots, info = lapack("getrf", A)(A.T)
    if info > 0:
        raise np.linalg.LinAlgError("singular matrix")
    return lu, pivots
''',
    '''
def lu_solve(factors, B, trans=0):
    """The solution of A X = B, or with trans=1 of A' X = B, from the factors of A."""
    return lapack("getrs", factors[0])(*factors, B, trans=1 - trans)[0]
''',
    '''
def solve_lower(L, B, trans=0):
    """The solution of L X = B, or with trans=1 of L' X = B, for lower triangular L."""
    X, info = lapack("trtrs", L)(L.T, B, lower=0, trans=1 - trans)
    if info > 0:
        raise np.linalg.LinAlgError("singular matrix")
    return X.reshape(B.shape)
''',
    '''
def lu_inverse(factors):
    """The inverse of A from its factors."""
    return lapack("getri", factors[0])(*factors)[0].T
''',
    '''
def lu_det(factors):
    """The determinant of A from its factors."""
    lu, pivots = factors
    return np.prod(np.diagonal(lu)) * (1 - 2 * int(np.sum(pivots != np.arange(len(pivots))) % 2))
''',
    '''
def cholesky(A):
    """The lower triangular L with L L' = A; LAPACK reads row-major arrays as transposes."""
    L, info = (scipy.linalg.lapack.dpotrf if A.dtype.char == "d" else lapack("potrf", A))(A.T, 0)
    if info > 0:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    return L.T
''',
    '''
def cholesky_solve(L, B):
    """The solution of L L' X = B."""
    solve = scipy.linalg.lapack.dpotrs if L.dtype.char == "d" else lapack("potrs", L)
    return solve(L.T, B, 0)[0]
''',
    '''
def cholesky_inverse(L):
    """The inverse of L L'."""
    upper = (scipy.linalg.lapack.dpotri if L.dtype.char == "d" else lapack("potri", L))(L.T, 0)[0]
    return upper.T + np.triu(upper, 1)
''',
    '''
def inverse_trace(L):
    """The trace of the inverse of L L': the sum of squares of the inverse of L."""
    invert = scipy.linalg.lapack.dtrtri if L.dtype.char == "d" else lapack("trtri", L)
    inverse = invert(L.T, 0)[0].T
    return np.vdot(inverse, inverse)
''',
    '''
def commutation(m, n, dtype=float):
    """The K with K vec(A) = vec(A.T) for A: m x n."""
    return np.eye(m * n, dtype=dtype)[np.arange(m * n).reshape(n, m).T.reshape(-1)]
''',
    '''
def duplication(n, dtype=float):
    """The D with D vech(A) = vec(A) for symmetric A: n x n."""
    j, i = np.triu_indices(n)
    units = np.eye(n * n, dtype=dtype)
    return (units[i + n * j] + units[j + n * i] * (i != j)[:, None]).T
''',
    '''
def unit(n, i, dtype=float):
    """Column i of the identity, counted from 0."""
    return (np.arange(n) == i).astype(dtype)
''',
    '''
def unkron_left(Y, B, m, n):
    """The adjoint of A -> kron(A, B) for A: m x n, applied to Y: the <block i, j of Y, B>."""
    return np.einsum("ipjq,pq->ij", Y.reshape(m, B.shape[0], n, B.shape[1]), B)
''',
    '''
def unkron_right(A, Y, p, q):
    """The adjoint of B -> kron(A, B) for B: p x q, applied to Y: the blocks of Y weighted by A."""
    return np.einsum("ipjq,ij->pq", Y.reshape(A.shape[0], p, A.shape[1], q), A)
''',
    '''
def vech(A):
    """The columns of the lower triangle stacked."""
    j, i = np.triu_indices(A.shape[0])
    return A[i, j]
''',
    '''
def unvech(x, n):
    """The symmetric matrix whose lower triangle has the columns x."""
    i, j = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    i, j = np.maximum(i, j), np.minimum(i, j)
    return x[j * n - j * (j - 1) // 2 + i - j]
''',
    '''
def unvech_lower(x, n):
    """The lower triangular matrix with the columns x: the adjoint of vech."""
    return np.tril(unvech(x, n))
''',
    '''
def adjugate(X):
    """det(X) inv(X), defined for singular X too."""
    try:
        inverse = np.linalg.inv(X)
        if np.linalg.norm(X) * np.linalg.norm(inverse) < np.finfo(X.dtype).eps ** (-1 / 3):
            return np.linalg.det(X) * inverse
    except np.linalg.LinAlgError:
        pass
    return svd_adjugate(X)
''',
    '''
def svd_adjugate(X):
    """det(X) inv(X) from the singular values, without division."""
    U, s, Vt = np.linalg.svd(X)
    one = np.ones_like(s[:1])
    before = np.cumprod(np.concatenate([one, s[:-1]]))
    after = np.cumprod(np.concatenate([one, s[:0:-1]]))[::-1]
    return np.linalg.det(U) * np.linalg.det(Vt) * (Vt.T * (before * after)) @ U.T
''',
    '''
def left_out(s):
    """The products of all entries but those of i and j, with zeros on the diagonal."""
    n = s.shape[0]
    others = s[:, None] * 0 + 1 - np.eye(n, dtype=s.dtype)
    for k in range(n):
        apart = (np.arange(n) != k) * 1
        keep = apart[:, None] * apart[None, :]
        others = others * (keep * s[k] + (1 - keep))
    return others
''',
    '''
def adjugate_along(X, V):
    """The derivative of det(X) inv(X) along V, defined for singular X too."""
    U, s, Vt = np.linalg.svd(X)
    M, others = U.T @ V @ Vt.T, left_out(s)
    inside = np.diag(others @ np.diagonal(M)) - others * M
    return np.linalg.det(U) * np.linalg.det(Vt) * (Vt.T @ inside @ U.T)
''',
    '''
def det_second(X):
    """The second derivatives of det(X) by vec(X), defined for singular X too."""
    U, s, Vt = np.linalg.svd(X)
    n, others = s.shape[0], left_out(s)
    T = np.einsum("ij,ai,ib,cj,jd->badc", others, U, Vt, U, Vt)
    T = T - np.einsum("ij,ai,jb,cj,id->badc", others, U, Vt, U, Vt)
    return np.linalg.det(U) * np.linalg.det(Vt) * T.reshape(n * n, n * n)
''',
    '''
def det_power(A, p):
    """det(A)**p, also where det(A) is too small or too large for a float."""
    sign, size = np.linalg.slogdet(A)
    return sign**p * np.exp(p * size)
''',
    '''
def real_part(F, X):
    """F as a real matrix of the type of X; nan where it is not real."""
    if np.iscomplexobj(F):
        small = np.abs(F.imag).max(initial=0) <= 1e-8 * np.abs(F).max(initial=0)
        F = F.real if small else np.full(F.shape, np.nan)
    return F.astype(X.dtype)
''',
    '''
def real_sqrtm(X):
    """The principal square root; nan where an eigenvalue is negative."""
    if np.isrealobj(X) and (X == X.T).all():
        values, Q = np.linalg.eigh(X)
        rounding = values.size * np.finfo(values.dtype).eps * np.abs(values).max(initial=0)
        return (Q * np.where(values < -rounding, np.nan, np.sqrt(np.abs(values)))) @ Q.T
    return real_part(scipy.linalg.sqrtm(X), X)
''',
    '''
def real_logm(X):
    """The principal logarithm; nan where an eigenvalue is not positive."""
    if np.isrealobj(X) and (X == X.T).all():
        values, Q = np.linalg.eigh(X)
        return (Q * np.log(np.where(values > 0, values, np.nan))) @ Q.T
    return real_part(scipy.linalg.logm(X), X)
''',
    '''
def mpower(A, p):
    """A**p: by products for a whole p, else the principal power; nan where that is not real."""
    if p == np.round(p):
        return np.linalg.matrix_power(A, int(p))
    if (A == A.T).all():
        values, Q = np.linalg.eigh(A)
        return (Q * np.where(values > 0, np.abs(values) ** p, np.nan)) @ Q.T
    return real_part(scipy.linalg.fractional_matrix_power(A, p), A)
''',
    '''
def frechet_mpower(A, V, p):
    """The derivative of A**p by A in the direction V: the corner of [A, V; 0, A]**p."""
    n = A.shape[0]
    scale = np.linalg.norm(A) / (np.linalg.norm(V) or 1.0) or 1.0
    both = np.block([[A, scale * V], [np.zeros_like(A), A]])
    return mpower(both, p)[:n, n:] / scale
''',
    '''
def frechet_expm(A, V):
    """The derivative of the matrix exponential at A in the direction V, in the precision of V."""
    return scipy.linalg.expm_frechet(A, V, compute_expm=False).astype(V.dtype)
''',
    '''
def polygamma(k, x):
    """The derivative of order k of the digamma function, in the precision of x."""
    return np.asarray(scipy.special.polygamma(int(k), x), dtype=np.result_type(x, 0.0))[()]
''',
    '''
def eiggaps(v):
    """1/(v_j - v_i), with zeros on the diagonal and wherever values are equal."""
    gaps = v[None, :] - v[:, None]
    equal = v[None, :] == v[:, None]
    return np.where(equal, 0 * gaps, 1 / (gaps + equal))
''',
    '''
def lu_factors(A):
    """L and U with L U = A, L with ones on its diagonal; no rows are exchanged."""
    U, L = np.array(A), np.eye(A.shape[0], dtype=A.dtype)
    for k in range(A.shape[0] - 1):
        L[k + 1 :, k] = U[k + 1 :, k] / U[k, k]
        U[k + 1 :] = U[k + 1 :] - np.outer(L[k + 1 :, k], U[k])
    return L, np.triu(U)
''',
    '''
def qr_factors(A):
    """Q with orthonormal columns and R upper triangular with a positive diagonal, Q R = A."""
    Q, R = np.linalg.qr(A)
    signs = 1 - 2 * (np.diagonal(R) < 0)
    return Q * signs, R * signs[:, None]
''',
    '''
def svd_factors(A):
    """U, s, V with A = U diag(s) V'; the entry of largest absolute value in every column of V is positive."""
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    largest = np.argmax(np.abs(Vt), axis=1)
    signs = 1 - 2 * (Vt[np.arange(Vt.shape[0]), largest] < 0)
    return U * signs, s, Vt.T * signs
''',
    '''
def place(i, A):
    """Where the i-th row of A stands, i counted from 1."""
    if i != int(i) or not 1 <= i <= len(A):
        raise IndexError(f"the index {i:g} is none of 1 to {len(A)}")
    return int(i) - 1
''',
    '''
def gaps_from(values, i, what):
    """What all values are below the i-th, which must differ from the others."""
    at = place(i, values)
    gaps = values[at] - values
    gaps[at] = np.inf
    if np.min(np.abs(gaps)) <= 1e-12 * np.max(np.abs(values)):
        raise ValueError(f"{what} number {int(i)} is not simple")
    return gaps
''',
    '''
def simple_at(S, i):
    """S, if its i-th eigenvalue is simple."""
    gaps_from(np.linalg.eigvalsh(S), i, "eigenvalue")
    return S
''',
    '''
def simple_singular_at(A, i):
    """A, if its i-th singular value is simple and not 0."""
    values = np.linalg.svd(A, compute_uv=False)
    if values[place(i, values)] <= 1e-14 * values[0]:
        raise ValueError(f"singular value number {int(i)} is 0")
    gaps_from(values**2, i, "singular value")
    return A
''',
    '''
def reduced_resolvent(S, i):
    """The pseudoinverse of w I - S for the i-th eigenvalue w of S."""
    values, Q = np.linalg.eigh(S)
    return (Q / gaps_from(values, i, "eigenvalue")) @ Q.T
''',
    '''
def polar(A):
    """The orthogonal factor U V' of A = U S V'."""
    U, _, Vt = np.linalg.svd(A, full_matrices=False)
    return U @ Vt
''',
    '''
def peak(X):
    """1 at the entry of largest absolute value, 0 elsewhere."""
    flat = np.abs(X).reshape(-1)
    return (np.arange(flat.shape[0]) == np.argmax(flat)).astype(X.dtype).reshape(X.shape)
''',
    '''
def largest(X):
    """1 at the largest entry, 0 elsewhere."""
    flat = X.reshape(-1)
    return (np.arange(flat.shape[0]) == np.argmax(flat)).astype(X.dtype).reshape(X.shape)
''',
    '''
def rowlargest(X):
    """1 at the largest entry of every row, 0 elsewhere."""
    return (np.arange(X.shape[1]) == np.argmax(X, axis=1)[:, None]).astype(X.dtype)
''',
    '''
def frechet_logm(A, V):
    """The derivative of logm at A in the direction V: the corner of log [A, V; 0, A]."""
    n = A.shape[0]
    size = np.linalg.norm(V) or 1.0
    scale = 1e-3 * np.linalg.norm(A) / size
    both = np.block([[A, scale * V], [np.zeros_like(A), A]])
    return real_logm(both)[:n, n:] / scale
''',
)


def _name(text: str) -> str:
    found = re.match(r"\s*def (\w+)\(", text)
    assert found
    return found[1]


def table(sources: Iterable[str]) -> dict[str, str]:
    """Functions by their names."""
    return {_name(text): text.strip() for text in sources}


HELPERS = table(SOURCES)

NUMPY = table(
    (
        '''
def gram_root(X):
    """The lower triangular L with L L' = X' X, from the triangular factor of X."""
    R = np.linalg.qr(X, mode="r")
    d = np.abs(np.diagonal(R))
    if X.shape[0] < X.shape[1] or not (d.min(initial=1.0) > len(d) * np.finfo(X.dtype).eps * d.max(initial=0.0)):
        raise np.linalg.LinAlgError("the matrix does not have full column rank")
    return (np.where(np.diagonal(R) < 0, -1, 1).astype(X.dtype)[:, None] * R).T
''',
        '''
def gram_logdet(X):
    """log det(X' X) from the triangular factor of X, whose condition is the root of that of X' X."""
    if X.shape[0] < X.shape[1]:
        return X.dtype.type(-np.inf)
    return 2 * np.sum(np.log(np.abs(np.diagonal(np.linalg.qr(X, mode="r")))))
''',
        '''
def outer(x, y):
    """x y', in half the time of np.outer."""
    return np.dot(x[:, None], y[None, :])
''',
        '''
def kron(A, B):
    """The Kronecker product."""
    K = np.multiply(A[:, None, :, None], B[:, None, :], order="C")
    return K.reshape(A.shape[0] * B.shape[0], A.shape[1] * B.shape[1])
''',
        '''
def khatri_rao(A, B):
    """The Kronecker products of the columns of A and B."""
    return np.multiply(A[:, None, :], B, order="C").reshape(A.shape[0] * B.shape[0], A.shape[1])
''',
    )
)
"""Those for NumPy alone: what is made of transposes would be column-major, and reshaping it a slow copy."""


def called(text: str, helpers: Mapping[str, str]) -> list[str]:
    """The text of the helpers that a piece of code calls, and of those that they call, in the order of the table."""
    names = tuple(helpers)
    found: set[str] = set()
    waiting = _calls(names).findall(text)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _called_by(helpers[name], names)
    return [text for name, text in helpers.items() if name in found]


@cache
def _calls(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(r"(?<![\w.])(" + "|".join(names) + r")\(")


@cache
def _called_by(helper: str, names: tuple[str, ...]) -> list[str]:
    found: list[str] = _calls(names).findall(helper)
    return found


def mentions(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None
