"""JAX: pure functions that `jit` and `vmap` take; no Python `if` asks for a value."""

from __future__ import annotations

from matdiff.codegen.backends.base import Backend
from matdiff.codegen.backends.numpy import table

SOURCES = (
    '''
def floats(*values):
    """The inputs as floating-point arrays of one type: single if all are, else double."""
    values = [v if isinstance(v, (int, float)) else jnp.asarray(v) for v in values]
    dtype = jnp.result_type(*values, 0.0)
    return [jnp.asarray(v, dtype=dtype) for v in values]
''',
    '''
def lu_factors(A):
    """L and U with L U = A, L with ones on its diagonal; no rows are exchanged."""
    n = A.shape[0]

    def step(k, state):
        L, U = state
        factors = jnp.where(jnp.arange(n) > k, U[:, k] / U[k, k], 0)
        return L.at[:, k].add(factors), U - jnp.outer(factors, U[k])

    L, U = jax.lax.fori_loop(0, n - 1, step, (jnp.eye(n, dtype=A.dtype), A))
    return L, jnp.triu(U)
''',
    '''
def place(i, A):
    """Where the i-th row of A stands, i counted from 1."""
    return jnp.asarray(i).astype(int) - 1
''',
    '''
def reduced_resolvent(S, i):
    """The pseudoinverse of w I - S for the i-th eigenvalue w of S."""
    values, Q = jnp.linalg.eigh(S)
    at = place(i, values)
    gaps = (values[at] - values).at[at].set(jnp.inf)
    return (Q / gaps) @ Q.T
''',
    '''
def scaled_norm(X):
    """The root of the sum of squares of entries divided by the largest."""
    largest = jnp.max(jnp.abs(X), initial=0)
    scale = jnp.where((largest > 0) & (largest < jnp.inf), largest, 1)
    return scale * jnp.sqrt(jnp.sum((X / scale) ** 2))
''',
    '''
def norm(X):
    """The root of the sum of squares, scaled where squares leave the range of floats."""
    square = jnp.sum(X * X)
    usual = (square > 1e-30) & (square < jnp.inf)
    return jax.lax.cond(usual, lambda: jnp.sqrt(square), lambda: scaled_norm(X))
''',
    '''
def dot_over(x, y, s):
    """<x, y>/s, the division first where the product leaves the range of floats."""
    total = jnp.sum(x * y)
    usual = (abs(total) > 1e-30) & (abs(total) < jnp.inf)
    return jax.lax.cond(usual, lambda: total / s, lambda: jnp.sum(x / s * y))
''',
    '''
def hypot_norm(s, X):
    """sqrt(s^2 + |X|^2), scaled likewise."""
    total = s * s + jnp.sum(X * X)
    usual = (total > 1e-30) & (total < jnp.inf)
    return jax.lax.cond(usual, lambda: jnp.sqrt(total), lambda: jnp.hypot(s, scaled_norm(X)))
''',
    '''
def root_of_sum(c, X):
    """sqrt(c + |X|^2), scaled likewise, for c > 0."""
    total = c + jnp.sum(X * X)
    return jax.lax.cond(total < jnp.inf, lambda: jnp.sqrt(total), lambda: jnp.hypot(c**0.5, scaled_norm(X)))
''',
    '''
def add_diagonal(A, s):
    """A + s I."""
    return A + s * jnp.eye(A.shape[0], dtype=A.dtype)
''',
    '''
def inverse_trace(L):
    """The trace of the inverse of L L': the sum of squares of the inverse of L."""
    eye = jnp.eye(L.shape[0], dtype=L.dtype)
    return jnp.sum(jax.scipy.linalg.solve_triangular(L, eye, lower=True) ** 2)
''',
    '''
def kron_eye(A, n):
    """The Kronecker product of A with the identity n x n."""
    K = jnp.where(jnp.eye(n, dtype=bool)[:, None, :], A[:, None, :, None], 0)
    return K.reshape(A.shape[0] * n, A.shape[1] * n)
''',
    '''
def eye_kron(n, A):
    """The Kronecker product of the identity n x n with A."""
    K = jnp.where(jnp.eye(n, dtype=bool)[:, None, :, None], A[:, None, :], 0)
    return K.reshape(n * A.shape[0], n * A.shape[1])
''',
    '''
def scatter(spec, shape, values):
    """An array that is zero but where the axes with one letter agree, and there has the values."""
    axes, letters = spec.split("->")
    places = [[-1 if x == letter else 1 for x in letters] for letter in axes]
    index = tuple(jnp.arange(d).reshape(at) for d, at in zip(shape, places))
    return jnp.zeros(shape, values.dtype).at[index].set(values)
''',
    '''
def add_scatter(H, spec, shape, values):
    """H with the values added where the axes with one letter agree."""
    return H + scatter(spec, shape, values).reshape(H.shape)
''',
    '''
def blocks(A, C, B, spec):
    """A Diag(c) B' for each row c of C, as the blocks of a matrix that is zero elsewhere."""
    m, n, k = A.shape[0], B.shape[0], C.shape[0]
    pairs = (A[:, None, :] * B).reshape(m * n, A.shape[1])
    parts = (pairs @ C.T).reshape(m, n, k)
    eye = jnp.eye(k, dtype=bool)
    if spec == "iaja->aij":
        H = jnp.where(eye[:, None, :], parts.transpose(0, 2, 1)[:, :, :, None], 0)
    else:
        H = jnp.where(eye[:, None, :, None], parts.transpose(2, 0, 1)[:, :, None, :], 0)
    return H.reshape(m * k, n * k)
''',
    '''
def add_blocks(H, A, C, B, spec):
    """H with A Diag(c) B' added in the block of each row c of C."""
    return H + blocks(A, C, B, spec)
''',
    '''
def solve_lower(L, B, trans=0):
    """The solution of L X = B, or with trans=1 of L' X = B, for lower triangular L."""
    return jax.scipy.linalg.solve_triangular(L, B, trans=trans, lower=True)
''',
    '''
def lu_inverse(factors):
    """The inverse of A from its LU factors."""
    return jax.scipy.linalg.lu_solve(factors, jnp.eye(factors[0].shape[0], dtype=factors[0].dtype))
''',
    '''
def lu_det(factors):
    """The determinant of A from its LU factors."""
    lu, pivots = factors
    return jnp.prod(jnp.diagonal(lu)) * (1 - 2 * (jnp.sum(pivots != jnp.arange(lu.shape[0])) % 2))
''',
    '''
def cholesky_inverse(L):
    """The inverse of L L'."""
    return jax.scipy.linalg.cho_solve((L, True), jnp.eye(L.shape[0], dtype=L.dtype))
''',
    '''
def sqrt_product(X):
    """The principal square root by the Denman-Beavers iteration, scaled by determinants."""
    n = X.shape[0]
    eye = jnp.eye(n, dtype=X.dtype)

    def unfinished(state):
        return (state[2] > 1e-28 * n) & (state[3] < 40)

    def step(state):
        M, Y, change, k = state
        inverse = jnp.linalg.inv(M)
        scale = jnp.where(change > 1e-2, jnp.exp(-jnp.linalg.slogdet(M)[1] / (2 * n)), 1.0)
        scale = scale.astype(X.dtype)
        Y = scale * Y @ (eye + inverse / scale**2) / 2
        M = (eye + (scale**2 * M + inverse / scale**2) / 2) / 2
        return M, Y, jnp.sum((M - eye) ** 2), k + 1

    return jax.lax.while_loop(unfinished, step, (X, X, jnp.sum((X - eye) ** 2) + 1, 0))[1]
''',
    '''
def real_sqrtm(X):
    """The principal square root; nan where an eigenvalue is not positive."""
    root = sqrt_product(X)
    wrong = jnp.linalg.norm(root @ root - X) > jnp.finfo(X.dtype).eps ** 0.5 * jnp.linalg.norm(X)
    return jnp.where(wrong, jnp.nan, root)
''',
    '''
def real_logm(X):
    """Square roots until X is near I, then Gauss-Legendre (Higham 2008, eq. 11.18)."""
    eye = jnp.eye(X.shape[0], dtype=X.dtype)

    def unfinished(state):
        return (jnp.linalg.norm(state[0] - eye) > 0.25) & (state[1] < 60)

    X, k = jax.lax.while_loop(unfinished, lambda s: (real_sqrtm(s[0]), s[1] + 1), (X, 0))
    nodes, weights = np.polynomial.legendre.leggauss(8)
    E = X - eye
    pairs = zip(nodes.tolist(), weights.tolist())
    return 2.0**k * sum(w / 2 * jnp.linalg.solve(eye + (x + 1) / 2 * E, E) for x, w in pairs)
''',
    '''
def whole_power(A, k):
    """A**k for a whole k, which is not known before it runs."""
    k = jnp.asarray(k)
    A = jax.lax.cond(k < 0, lambda: jnp.linalg.inv(A), lambda: A)

    def step(state):
        P, B, k = state
        return jnp.where(k % 2 == 1, P @ B, P), B @ B, k // 2

    state = jnp.eye(A.shape[0], dtype=A.dtype), A, jnp.abs(k)
    return jax.lax.while_loop(lambda state: state[2] > 0, step, state)[0]
''',
    '''
def mpower(A, p):
    """A**p: by products for a whole p, else exp(p log A)."""
    p = jnp.asarray(p, dtype=A.dtype)
    return jax.lax.cond(
        p == jnp.round(p), lambda: whole_power(A, p), lambda: jax.scipy.linalg.expm(p * real_logm(A))
    )
''',
    '''
def frechet_mpower(A, V, p):
    """The derivative of A**p by A in the direction V: the corner of [A, V; 0, A]**p."""
    n = A.shape[0]
    both = jnp.block([[A, V], [jnp.zeros_like(A), A]])
    return mpower(both, p)[:n, n:]
''',
    '''
def frechet_logm(A, V):
    """The derivative of logm at A in the direction V: the corner of log [A, V; 0, A]."""
    n = A.shape[0]
    scale = 1e-3 * jnp.linalg.norm(A) / (jnp.linalg.norm(V) + jnp.finfo(V.dtype).tiny)
    both = jnp.block([[A, scale * V], [jnp.zeros_like(A), A]])
    return real_logm(both)[:n, n:] / scale
''',
    '''
def solve_sylvester(A, B, C):
    """The X with A X + X B = C, by the linear system of its columns."""
    m, n = C.shape
    system = jnp.kron(jnp.eye(n, dtype=C.dtype), A) + jnp.kron(B.T, jnp.eye(m, dtype=C.dtype))
    return jnp.linalg.solve(system, C.T.reshape(-1)).reshape(n, m).T
''',
)

BACKEND = Backend(
    "jax",
    "JAX",
    "jnp",
    ((r"(?<![\w.])np\.", "jnp."), (r"(?<![\w.])scipy\.", "jax.scipy.")),
    (
        (r"(?<![\w.])np\.", "import numpy as np"),
        (r"\bjax\.(nn|lax)\.", "import jax"),
        (r"\bjnp\.", "import jax.numpy as jnp"),
        (r"\bjax\.scipy\.linalg\.", "import jax.scipy.linalg"),
        (r"\bjax\.scipy\.special\.", "import jax.scipy.special"),
    ),
    "jax",
    {
        "simple_at": "{0}",
        "simple_singular_at": "{0}",
        "sigma_at": "jnp.linalg.svd({0}, compute_uv=False)[place({1}, {0})]",
        "lu": "jax.scipy.linalg.lu_factor({0})",
        "lu_solve": "jax.scipy.linalg.lu_solve({0}, {1})",
        "lu_solve_t": "jax.scipy.linalg.lu_solve({0}, {1}, trans=1)",
        "inverse_trace": "inverse_trace({0})",
        "cholesky_solve": "jax.scipy.linalg.cho_solve(({0}, True), {1})",
        "cholesky": "jnp.linalg.cholesky({0})",
    },
    table(SOURCES),
    inverses=True,
)
