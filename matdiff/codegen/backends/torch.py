"""PyTorch: tensors on the device of the inputs, through which autograd finds its way."""

from __future__ import annotations

from matdiff.codegen.backends.base import Backend
from matdiff.codegen.backends.numpy import table

SOURCES = (
    '''
def lu_factors(A):
    """L and U with L U = A, L with ones on its diagonal; no rows are exchanged."""
    rest, columns, rows = A, [], []
    for k in range(A.shape[0]):
        columns.append(rest[:, k] / rest[k, k])
        rows.append(rest[k])
        rest = rest - torch.outer(columns[-1], rows[-1])
    return torch.tril(torch.stack(columns, 1)), torch.triu(torch.stack(rows))
''',
    '''
def svd_factors(A):
    """U, s, V with A = U diag(s) V'; the entry of largest absolute value in every column of V is positive."""
    U, s, Vt = torch.linalg.svd(A, full_matrices=False)
    largest = torch.argmax(torch.abs(Vt), 1)
    signs = 1 - 2 * (Vt[torch.arange(Vt.shape[0], device=A.device), largest] < 0).to(A.dtype)
    return U * signs, s, Vt.T * signs
''',
    '''
def qr_factors(A):
    """Q with orthonormal columns and R upper triangular with a positive diagonal, Q R = A."""
    Q, R = torch.linalg.qr(A)
    signs = 1 - 2 * (torch.diagonal(R) < 0).to(A.dtype)
    return Q * signs, R * signs[:, None]
''',
    '''
def reduced_resolvent(S, i):
    """The pseudoinverse of w I - S for the i-th eigenvalue w of S."""
    values, Q = torch.linalg.eigh(S)
    at = place(i, values)
    gaps = torch.where(torch.arange(len(values), device=S.device) == at, torch.inf, values[at] - values)
    if torch.min(torch.abs(gaps)) <= 1e-12 * torch.max(torch.abs(values)):
        raise ValueError(f"eigenvalue number {int(i)} is not simple")
    return (Q / gaps) @ Q.T
''',
    '''
def add_diagonal(A, s):
    """A + s I."""
    return A + s * torch.eye(A.shape[0], dtype=A.dtype, device=A.device)
''',
    '''
def floats(*values):
    """The inputs as floating-point tensors of one type on one device: single only if all are."""
    weak = [isinstance(v, (int, float)) for v in values]
    types = [torch.float64 if w else None for w in weak]
    tensors = [torch.as_tensor(v, dtype=t) for v, t in zip(values, types)]
    device = next((v.device for v in values if isinstance(v, torch.Tensor)), None)
    strong = [t.dtype for w, t in zip(weak, tensors) if not w]
    strong = [t if t.is_floating_point else torch.float64 for t in strong]
    dtype = torch.float64 if not strong or torch.float64 in strong else strong[0]
    return [t.to(device=device, dtype=dtype) for t in tensors]
''',
    '''
def array(entries, dtype, device):
    """Numbers and tensors of one entry, nested in lists, as a tensor."""
    if isinstance(entries, list):
        return torch.stack([array(e, dtype, device) for e in entries])
    return torch.as_tensor(entries, dtype=dtype, device=device)
''',
    '''
def commutation(m, n, dtype, device):
    """The K with K vec(A) = vec(A.T) for A: m x n."""
    places = torch.arange(m * n).reshape(n, m).T.reshape(-1)
    return torch.eye(m * n, dtype=dtype, device=device)[places]
''',
    '''
def duplication(n, dtype, device):
    """The D with D vech(A) = vec(A) for symmetric A: n x n."""
    j, i = torch.triu_indices(n, n)
    units = torch.eye(n * n, dtype=dtype, device=device)
    return (units[i + n * j] + units[j + n * i] * (i != j).to(units)[:, None]).T
''',
    '''
def unit(n, i, dtype, device):
    """Column i of the identity, counted from 0."""
    return torch.eye(n, dtype=dtype, device=device)[i]
''',
    '''
def vech(A):
    """The columns of the lower triangle stacked."""
    j, i = torch.triu_indices(A.shape[0], A.shape[0])
    return A[i, j]
''',
    '''
def unvech(x, n):
    """The symmetric matrix whose lower triangle has the columns x."""
    i, j = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
    i, j = torch.maximum(i, j), torch.minimum(i, j)
    return x[j * n - j * (j - 1) // 2 + i - j]
''',
    '''
def svd_adjugate(X):
    """det(X) inv(X) from the singular values, without division."""
    U, s, Vt = torch.linalg.svd(X)
    one = torch.ones_like(s[:1])
    before = torch.cumprod(torch.cat([one, s[:-1]]), 0)
    after = torch.flip(torch.cumprod(torch.cat([one, torch.flip(s[1:], (0,))]), 0), (0,))
    return torch.linalg.det(U) * torch.linalg.det(Vt) * (Vt.T * (before * after)) @ U.T
''',
    '''
def frechet_expm(A, V):
    """The derivative of expm at A in the direction V: the corner of exp [A, V; 0, A]."""
    n = A.shape[0]
    both = torch.cat([torch.cat([A, V], 1), torch.cat([torch.zeros_like(A), A], 1)])
    return torch.linalg.matrix_exp(both)[:n, n:]
''',
    '''
def sqrt_product(X):
    """The principal square root by the Denman-Beavers iteration, scaled by determinants."""
    n = X.shape[0]
    eye = torch.eye(n, dtype=X.dtype, device=X.device)
    M = Y = X
    for _ in range(40):
        change = torch.sum((M - eye) ** 2).item()
        if not change > 1e-28 * n:
            break
        inverse = torch.linalg.inv(M)
        scale = torch.exp(-torch.linalg.slogdet(M)[1] / (2 * n)) if change > 1e-2 else torch.ones_like(M[0, 0])
        Y = scale * Y @ (eye + inverse / scale**2) / 2
        M = (eye + (scale**2 * M + inverse / scale**2) / 2) / 2
    return Y
''',
    '''
def real_sqrtm(X):
    """The principal square root; nan where an eigenvalue is not positive."""
    root = sqrt_product(X)
    wrong = torch.linalg.norm(root @ root - X) > torch.finfo(X.dtype).eps ** 0.5 * torch.linalg.norm(X)
    return torch.where(wrong, torch.nan, root)
''',
    '''
def real_logm(X):
    """Square roots until X is near I, then Gauss-Legendre (Higham 2008, eq. 11.18)."""
    eye = torch.eye(X.shape[0], dtype=X.dtype, device=X.device)
    k = 0
    while k < 60 and torch.linalg.norm(X - eye) > 0.25:
        X, k = real_sqrtm(X), k + 1
    nodes, weights = np.polynomial.legendre.leggauss(8)
    E = X - eye
    pairs = zip(nodes.tolist(), weights.tolist())
    return 2.0**k * sum(w / 2 * torch.linalg.solve(eye + (x + 1) / 2 * E, E) for x, w in pairs)
''',
    '''
def frechet_logm(A, V):
    """The derivative of logm at A in the direction V: the corner of log [A, V; 0, A]."""
    n = A.shape[0]
    scale = 1e-3 * torch.linalg.norm(A) / (torch.linalg.norm(V) + torch.finfo(V.dtype).tiny)
    both = torch.cat([torch.cat([A, scale * V], 1), torch.cat([torch.zeros_like(A), A], 1)])
    return real_logm(both)[:n, n:] / scale
''',
    '''
def mpower(A, p):
    """A**p: by products for a whole p, else exp(p log A)."""
    if float(p).is_integer():
        return torch.linalg.matrix_power(A, int(p))
    return torch.linalg.matrix_exp(p * real_logm(A))
''',
    '''
def frechet_mpower(A, V, p):
    """The derivative of A**p by A in the direction V: the corner of [A, V; 0, A]**p."""
    n = A.shape[0]
    both = torch.cat([torch.cat([A, V], 1), torch.cat([torch.zeros_like(A), A], 1)])
    return mpower(both, p)[:n, n:]
''',
    '''
def solve_sylvester(A, B, C):
    """The X with A X + X B = C, by the linear system of its columns."""
    m, n = C.shape
    one = torch.eye(m, dtype=C.dtype, device=C.device), torch.eye(n, dtype=C.dtype, device=C.device)
    system = kron(one[1], A) + kron(B.T, one[0])
    return torch.linalg.solve(system, C.T.reshape(-1)).reshape(n, m).T
''',
    '''
def eiggaps(v):
    """1/(v_j - v_i), with zeros on the diagonal."""
    eye = torch.eye(v.shape[0], dtype=v.dtype, device=v.device)
    return 1 / (v[None, :] - v[:, None] + eye) - eye
''',
    '''
def peak(X):
    """1 at the entry of largest absolute value, 0 elsewhere."""
    flat = torch.abs(X).reshape(-1)
    return torch.nn.functional.one_hot(torch.argmax(flat), flat.shape[0]).to(X).reshape(X.shape)
''',
    '''
def largest(X):
    """1 at the largest entry, 0 elsewhere."""
    flat = X.reshape(-1)
    return torch.nn.functional.one_hot(torch.argmax(flat), flat.shape[0]).to(X).reshape(X.shape)
''',
    '''
def rowlargest(X):
    """1 at the largest entry of every row, 0 elsewhere."""
    return torch.nn.functional.one_hot(torch.argmax(X, 1), X.shape[1]).to(X)
''',
    '''
def lu_solve(factors, B, trans=0):
    """The solution of A X = B, or with trans=1 of A' X = B, from the LU factors of A."""
    columns = B if B.ndim == 2 else B[:, None]
    return torch.linalg.lu_solve(*factors, columns, adjoint=bool(trans)).reshape(B.shape)
''',
    '''
def solve_lower(L, B, trans=0):
    """The solution of L X = B, or with trans=1 of L' X = B, for lower triangular L."""
    columns = B if B.ndim == 2 else B[:, None]
    X = torch.linalg.solve_triangular(L.T if trans else L, columns, upper=bool(trans))
    return X.reshape(B.shape)
''',
    '''
def lu_inverse(factors):
    """The inverse of A from its LU factors."""
    eye = torch.eye(factors[0].shape[0], dtype=factors[0].dtype, device=factors[0].device)
    return torch.linalg.lu_solve(*factors, eye)
''',
    '''
def lu_det(factors):
    """The determinant of A from its LU factors."""
    lu, pivots = factors
    swaps = torch.sum(pivots != torch.arange(1, len(pivots) + 1, device=lu.device))
    return torch.prod(torch.diagonal(lu)) * (1 - 2 * (swaps % 2))
''',
    '''
def cholesky_solve(L, B):
    """The solution of L L' X = B."""
    return torch.cholesky_solve(B if B.ndim == 2 else B[:, None], L).reshape(B.shape)
''',
    '''
def kron(A, B):
    """The Kronecker product; torch.kron fails where an argument is a transpose."""
    K = A.contiguous()[:, None, :, None] * B.contiguous()[:, None, :]
    return K.reshape(A.shape[0] * B.shape[0], A.shape[1] * B.shape[1])
''',
    '''
def kron_eye(A, n):
    """The Kronecker product of A with the identity n x n."""
    return torch.kron(A.contiguous(), torch.eye(n, dtype=A.dtype, device=A.device))
''',
    '''
def eye_kron(n, A):
    """The Kronecker product of the identity n x n with A."""
    return torch.kron(torch.eye(n, dtype=A.dtype, device=A.device), A.contiguous())
''',
    '''
def scatter(spec, shape, values):
    """An array that is zero but where the axes with one letter agree, and there has the values."""
    axes, letters = spec.split("->")
    places = [[-1 if x == letter else 1 for x in letters] for letter in axes]
    index = tuple(torch.arange(d, device=values.device).reshape(at) for d, at in zip(shape, places))
    H = torch.zeros(shape, dtype=values.dtype, device=values.device)
    H[index] = values
    return H
''',
    '''
def add_scatter(H, spec, shape, values):
    """H with the values added where the axes with one letter agree."""
    return H + scatter(spec, shape, values).reshape(H.shape)
''',
    '''
def blocks(A, C, B, spec):
    """A Diag(c) B' for each row c of C, as the blocks of a matrix that is zero elsewhere."""
    parts = torch.einsum("is,as,js->aij", A, C, B)
    eye = torch.eye(C.shape[0], dtype=A.dtype, device=A.device)
    H = torch.einsum("aij,ab->iajb" if spec == "iaja->aij" else "aij,ab->aibj", parts, eye)
    return H.reshape(A.shape[0] * C.shape[0], B.shape[0] * C.shape[0])
''',
    '''
def add_blocks(H, A, C, B, spec):
    """H with A Diag(c) B' added in the block of each row c of C."""
    return H + blocks(A, C, B, spec)
''',
)

BACKEND = Backend(
    "torch",
    "PyTorch",
    "torch",
    (
        (r"(?<![\w.])np\.array\(", "array("),
        (r"(?<![\w.])np\.concatenate\(", "torch.cat("),
        (r"(?<![\w.])np\.", "torch."),
        (r"\baxis=", "dim="),
    ),
    ((r"(?<![\w.])np\.", "import numpy as np"), (r"\btorch\.", "import torch")),
    "torch",
    {"inverse_trace": "torch.trace(torch.cholesky_inverse({0}))"},
    table(SOURCES),
    "dtype=dtype, device=device",
    "torch.float64",
    "torch.tensor({0}, dtype=dtype, device=device)",
    "{0}.item()",
    returned="torch.tensor({0}, dtype=dtype, device=device)",
    copied=".clone()",
)
