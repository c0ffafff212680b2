"""Routines that native code brings along: products, factorisations, decompositions, functions of matrices.

They are written once, in the part of Python that `backends.c` translates to C99 and that Numba compiles as it stands:
loops over ranges, numbers, one-dimensional arrays of doubles.  Matrices are column-major; nothing is allocated, `work`
is memory to write on, of the size that the record of the function states.  What cannot fail returns nothing, what can
returns 0 where it did not.
"""

from __future__ import annotations

from math import (
    acos,
    asin,
    atan,
    cos,
    cosh,
    erf,
    exp,
    expm1,
    fabs,
    floor,
    inf,
    isfinite,
    lgamma,
    log,
    log1p,
    nan,
    pi,
    pow,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)  # fmt: skip

Array = list[float]
"""Doubles in a row; a pointer in C, an array in Numba."""

# entries


def sign(x: float) -> float:
    """The sign of a number, 0 of 0."""
    return 1.0 if x > 0 else (-1.0 if x < 0 else x)


def step(x: float) -> float:
    """1 for x > 0, else 0."""
    return 1.0 if x > 0 else 0.0


def larger(x: float, y: float) -> float:
    """The maximum of two numbers; nan if one is."""
    return x if x > y or x != x else y


def smaller(x: float, y: float) -> float:
    """The minimum of two numbers; nan if one is."""
    return x if x < y or x != x else y


def positive_or_one(x: float) -> float:
    """x for x > 0, else 1."""
    return x if x > 0 else 1.0


def or_one(x: float) -> float:
    """x, and 1 where that is 0."""
    return 1.0 if x == 0 else x


def sigmoid(x: float) -> float:
    """1/(1 + exp(-x)) without overflow."""
    e = exp(-fabs(x))
    return 1 / (1 + e) if x >= 0 else e / (1 + e)


def log_sigmoid(x: float) -> float:
    """log(1/(1 + exp(-x)))."""
    return smaller(x, 0.0) - log1p(exp(-fabs(x)))


def logaddexp(x: float, y: float) -> float:
    """log(exp(x) + exp(y)) without overflow."""
    if x == y:
        return x + log(2.0)
    return larger(x, y) + log1p(exp(-fabs(x - y)))


def sech2(x: float) -> float:
    """1 - tanh(x)^2 without cancellation."""
    e = exp(-2 * fabs(x))
    return 4 * e / ((1 + e) * (1 + e))


def square(x: float) -> float:
    """x^2."""
    return x * x


def whole(x: float, k: int) -> float:
    """x^k by repeated squaring."""
    left = k if k >= 0 else -k
    base = x
    total = 1.0
    while left > 0:
        if left % 2 == 1:
            total = total * base
        base = base * base
        left = left // 2
    return total if k >= 0 else 1 / total


def digamma(x: float) -> float:
    """The derivative of lgamma: reflection, recurrence, then the asymptotic series (DLMF 5.5.2, 5.5.4, 5.11.2)."""
    if x <= 0 and x == floor(x):
        return nan
    shift = 0.0
    y = x
    if y < 0:
        shift = -pi * cos(pi * y) / sin(pi * y)
        y = 1 - y
    while y < 12:
        shift = shift - 1 / y
        y = y + 1
    r = 1 / (y * y)
    tail = r * (1 / 12.0 - r * (1 / 120.0 - r * (1 / 252.0 - r * (1 / 240.0 - r * (1 / 132.0 - r * 691 / 32760.0)))))
    return shift + log(y) - 0.5 / y - tail


def polygamma(k: float, x: float) -> float:
    """The derivative of order k of digamma: recurrence, then the asymptotic series (DLMF 5.15.1, 5.15.5, 5.15.8)."""
    order = int(k)
    if order == 0:
        return digamma(x)
    if x <= 0 and x == floor(x):
        return inf if order % 2 == 1 else nan
    odd = -1.0 if order % 2 == 0 else 1.0
    factorial = 1.0
    for j in range(2, order + 1):
        factorial = factorial * j
    total = 0.0
    y = x
    while y < 16 + order:
        total = total + 1 / whole(y, order + 1)
        y = y + 1
    total = total * factorial
    r = 1 / (y * y)
    power = 1 / whole(y, order)
    total = total + power * factorial / order + factorial * power / (2 * y)
    term = factorial * (order + 1) / 2 * power * r
    for j in range(1, 11):
        total = total + term * bernoulli(j)
        term = term * r * (order + 2 * j) * (order + 2 * j + 1) / ((2 * j + 1) * (2 * j + 2))
    return odd * total


def bernoulli(j: int) -> float:
    """B_2j for j = 1 … 10."""
    if j <= 3:
        return 1 / 6.0 if j == 1 else (-1 / 30.0 if j == 2 else 1 / 42.0)
    if j <= 6:
        return -1 / 30.0 if j == 4 else (5 / 66.0 if j == 5 else -691 / 2730.0)
    if j <= 8:
        return 7 / 6.0 if j == 7 else -3617 / 510.0
    return 43867 / 798.0 if j == 9 else -174611 / 330.0


# reductions


def total(count: int, x: Array) -> float:
    """The sum of all entries."""
    a = 0.0
    b = 0.0
    c = 0.0
    d = 0.0
    for i in range(count // 4):
        a += x[4 * i]
        b += x[4 * i + 1]
        c += x[4 * i + 2]
        d += x[4 * i + 3]
    for i in range(count - count % 4, count):
        a += x[i]
    return (a + b) + (c + d)


def dot(count: int, x: Array, y: Array) -> float:
    """The sum of products of entries."""
    a = 0.0
    b = 0.0
    c = 0.0
    d = 0.0
    for i in range(count // 4):
        a += x[4 * i] * y[4 * i]
        b += x[4 * i + 1] * y[4 * i + 1]
        c += x[4 * i + 2] * y[4 * i + 2]
        d += x[4 * i + 3] * y[4 * i + 3]
    for i in range(count - count % 4, count):
        a += x[i] * y[i]
    return (a + b) + (c + d)


def prod(count: int, x: Array) -> float:
    """The product of all entries."""
    p = 1.0
    for i in range(count):
        p *= x[i]
    return p


def absolute_sum(count: int, x: Array) -> float:
    """The sum of absolute values."""
    s = 0.0
    for i in range(count):
        s += fabs(x[i])
    return s


def absolute_max(count: int, x: Array) -> float:
    """The largest absolute value, 0 of nothing; nan if there is one."""
    top = 0.0
    for i in range(count):
        top = larger(fabs(x[i]), top)
    return top


def maximum(count: int, x: Array) -> float:
    """The largest entry."""
    top = -inf
    for i in range(count):
        top = larger(x[i], top)
    return top


def minimum(count: int, x: Array) -> float:
    """The smallest entry."""
    top = inf
    for i in range(count):
        top = smaller(x[i], top)
    return top


def scaled_norm(count: int, x: Array) -> float:
    """The root of the sum of squares of entries divided by the largest."""
    top = absolute_max(count, x)
    if not (top > 0 and top < inf):
        return top
    s = 0.0
    for i in range(count):
        s += (x[i] / top) * (x[i] / top)
    return top * sqrt(s)


def norm(count: int, x: Array) -> float:
    """The root of the sum of squares, scaled where squares leave the range of floats."""
    square = dot(count, x, x)
    return sqrt(square) if square > 1e-30 and square < inf else scaled_norm(count, x)


def hypotenuse(s: float, r: float) -> float:
    """sqrt(s^2 + r^2) without overflow."""
    top = larger(fabs(s), fabs(r))
    if not (top > 0 and top < inf):
        return top
    return top * sqrt((s / top) * (s / top) + (r / top) * (r / top))


def hypot_norm(s: float, count: int, x: Array) -> float:
    """sqrt(s^2 + |x|^2), scaled likewise."""
    square = s * s + dot(count, x, x)
    return sqrt(square) if square > 1e-30 and square < inf else hypotenuse(s, scaled_norm(count, x))


def root_of_sum(c: float, count: int, x: Array) -> float:
    """sqrt(c + |x|^2), scaled likewise, for c > 0."""
    square = c + dot(count, x, x)
    return sqrt(square) if square < inf else hypotenuse(sqrt(c), scaled_norm(count, x))


def dot_over(count: int, x: Array, y: Array, s: float) -> float:
    """<x, y>/s, the division first where the product leaves the range of floats."""
    product = dot(count, x, y)
    if fabs(product) > 1e-30 and fabs(product) < inf:
        return product / s
    product = 0.0
    for i in range(count):
        product += x[i] / s * y[i]
    return product


def logsumexp(count: int, x: Array) -> float:
    """The logarithm of the sum of exp over all entries, without overflow."""
    top = maximum(count, x)
    if not isfinite(top):
        return top
    s = 0.0
    for i in range(count):
        s += exp(x[i] - top)
    return top + log(s)


def softmax(count: int, x: Array, out: Array) -> None:
    """exp(x) divided by its sum, without overflow."""
    top = maximum(count, x)
    s = 0.0
    for i in range(count):
        out[i] = exp(x[i] - top)
        s += out[i]
    for i in range(count):
        out[i] /= s


def row_max(m: int, n: int, x: Array, out: Array) -> None:
    """The largest entry of every row."""
    for i in range(m):
        out[i] = -inf
    for j in range(n):
        for i in range(m):
            out[i] = larger(x[i + m * j], out[i])


def row_logsumexp(m: int, n: int, x: Array, out: Array) -> None:
    """The logarithm of the row sums of exp, without overflow."""
    for i in range(m):
        top = -inf
        for j in range(n):
            top = larger(x[i + m * j], top)
        s = 0.0
        if isfinite(top):
            for j in range(n):
                s += exp(x[i + m * j] - top)
            top = top + log(s)
        out[i] = top


def row_exp(m: int, n: int, x: Array, out: Array) -> None:
    """exp(X) with each row divided by its largest entry."""
    for i in range(m):
        top = -inf
        for j in range(n):
            top = larger(x[i + m * j], top)
        for j in range(n):
            out[i + m * j] = exp(x[i + m * j] - top)


def row_softmax(m: int, n: int, x: Array, out: Array) -> None:
    """exp(X) divided by its row sums, without overflow."""
    row_exp(m, n, x, out)
    for i in range(m):
        s = 0.0
        for j in range(n):
            s += out[i + m * j]
        for j in range(n):
            out[i + m * j] /= s


def row_norm(m: int, n: int, x: Array, out: Array) -> None:
    """The length of every row."""
    for i in range(m):
        s = 0.0
        for j in range(n):
            s += x[i + m * j] * x[i + m * j]
        out[i] = sqrt(s)


def norm21(m: int, n: int, x: Array) -> float:
    """The sum of the lengths of the rows."""
    s = 0.0
    for i in range(m):
        r = 0.0
        for j in range(n):
            r += x[i + m * j] * x[i + m * j]
        s += sqrt(r)
    return s


def peak(m: int, n: int, x: Array, out: Array) -> None:
    """1 at the entry of largest absolute value, the first along the rows, 0 elsewhere."""
    at = 0
    for i in range(m):
        for j in range(n):
            out[i + m * j] = 0.0
            if fabs(x[i + m * j]) > fabs(x[at]):
                at = i + m * j
    out[at] = 1.0


def largest(m: int, n: int, x: Array, out: Array) -> None:
    """1 at the largest entry, the first along the rows, 0 elsewhere."""
    at = 0
    for i in range(m):
        for j in range(n):
            out[i + m * j] = 0.0
            if x[i + m * j] > x[at]:
                at = i + m * j
    out[at] = 1.0


def row_largest(m: int, n: int, x: Array, out: Array) -> None:
    """1 at the largest entry of every row, 0 elsewhere."""
    for i in range(m):
        at = 0
        for j in range(n):
            out[i + m * j] = 0.0
            if x[i + m * j] > x[i + m * at]:
                at = j
        out[i + m * at] = 1.0


# arrangements


def fill(count: int, value: float, out: Array) -> None:
    """All entries the same."""
    for i in range(count):
        out[i] = value


def copy(count: int, x: Array, out: Array) -> None:
    """The entries of x."""
    for i in range(count):
        out[i] = x[i]


def transposed(m: int, n: int, x: Array, out: Array) -> None:
    """X' for X: m x n."""
    for i in range(m):
        for j in range(n):
            out[j + n * i] = x[i + m * j]


def kron(m: int, n: int, p: int, q: int, a: Array, b: Array, out: Array) -> None:
    """The Kronecker product of A: m x n and B: p x q."""
    for j in range(n):
        for s in range(q):
            for i in range(m):
                scale = a[i + m * j]
                at = i * p + m * p * (j * q + s)
                for r in range(p):
                    out[at + r] = scale * b[r + p * s]


def khatri_rao(m: int, n: int, p: int, a: Array, b: Array, out: Array) -> None:
    """The Kronecker products of the columns of A: m x n and B: p x n."""
    for j in range(n):
        kron(m, 1, p, 1, a[m * j :], b[p * j :], out[m * p * j :])


def kron_eye(m: int, n: int, k: int, a: Array, out: Array) -> None:
    """The Kronecker product of A: m x n with the identity k x k."""
    fill(m * n * k * k, 0.0, out)
    for j in range(n):
        for i in range(m):
            for r in range(k):
                out[i * k + r + m * k * (j * k + r)] = a[i + m * j]


def eye_kron(m: int, n: int, k: int, a: Array, out: Array) -> None:
    """The Kronecker product of the identity k x k with A: m x n."""
    fill(m * n * k * k, 0.0, out)
    for r in range(k):
        for j in range(n):
            for i in range(m):
                out[r * m + i + m * k * (r * n + j)] = a[i + m * j]


def unkron_left(m: int, n: int, p: int, q: int, y: Array, b: Array, out: Array) -> None:
    """The adjoint of A -> kron(A, B) for A: m x n, B: p x q, applied to Y."""
    for j in range(n):
        for i in range(m):
            s = 0.0
            for c in range(q):
                for r in range(p):
                    s += y[i * p + r + m * p * (j * q + c)] * b[r + p * c]
            out[i + m * j] = s


def unkron_right(m: int, n: int, p: int, q: int, a: Array, y: Array, out: Array) -> None:
    """The adjoint of B -> kron(A, B) for A: m x n, B: p x q, applied to Y."""
    fill(p * q, 0.0, out)
    for j in range(n):
        for i in range(m):
            for c in range(q):
                for r in range(p):
                    out[r + p * c] += y[i * p + r + m * p * (j * q + c)] * a[i + m * j]


def vech(n: int, x: Array, out: Array) -> None:
    """The columns of the lower triangle stacked."""
    at = 0
    for j in range(n):
        for i in range(j, n):
            out[at] = x[i + n * j]
            at += 1


def unvech(n: int, x: Array, out: Array) -> None:
    """The symmetric matrix whose lower triangle has the columns x."""
    at = 0
    for j in range(n):
        for i in range(j, n):
            out[i + n * j] = x[at]
            out[j + n * i] = x[at]
            at += 1


def unvech_lower(n: int, x: Array, out: Array) -> None:
    """The lower triangular matrix with the columns x."""
    fill(n * n, 0.0, out)
    at = 0
    for j in range(n):
        for i in range(j, n):
            out[i + n * j] = x[at]
            at += 1


def commutation(m: int, n: int, out: Array) -> None:
    """The K with K vec(A) = vec(A') for A: m x n."""
    fill(m * n * m * n, 0.0, out)
    for i in range(m):
        for j in range(n):
            out[i * n + j + m * n * (i + m * j)] = 1.0


def duplication(n: int, out: Array) -> None:
    """The D with D vech(A) = vec(A) for symmetric A: n x n."""
    fill(n * n * (n * (n + 1) // 2), 0.0, out)
    at = 0
    for j in range(n):
        for i in range(j, n):
            out[i + n * j + n * n * at] = 1.0
            out[j + n * i + n * n * at] = 1.0
            at += 1


def blocks(m: int, n: int, k: int, s: int, inner: int, a: Array, c: Array, b: Array, out: Array) -> None:
    """A Diag(c) B' for each of the k rows c of C, A: m x s and B: n x s, added in the blocks of a matrix."""
    for r in range(k):
        for j in range(n):
            for p in range(s):
                scale = c[r + k * p] * b[j + n * p]
                for i in range(m):
                    if inner == 1:
                        out[i * k + r + m * k * (j * k + r)] += scale * a[i + m * p]
                    else:
                        out[r * m + i + m * k * (r * n + j)] += scale * a[i + m * p]


def eiggaps(n: int, v: Array, out: Array) -> None:
    """1/(v_j - v_i), with zeros on the diagonal and wherever values are equal."""
    for j in range(n):
        for i in range(n):
            gap = v[j] - v[i]
            out[i + n * j] = 0.0 if gap == 0 else 1 / gap


# products


def gemv(m: int, n: int, a: Array, ra: int, ca: int, x: Array, sx: int, y: Array) -> None:
    """y = A x, the entries of A at distances ra down and ca to the right, those of x at a distance sx."""
    if ra == 1:
        fill(m, 0.0, y)
        for j in range(n):
            s = x[j * sx]
            at = j * ca
            for i in range(m):
                y[i] += s * a[at + i]
    elif ca == 1 and sx == 1:
        for i in range(m):
            y[i] = dot(n, a[i * ra :], x)
    else:
        for i in range(m):
            s = 0.0
            for j in range(n):
                s += a[i * ra + j * ca] * x[j * sx]
            y[i] = s


def gemm(
    m: int, n: int, k: int, a: Array, ra: int, ca: int, b: Array, rb: int, cb: int, c: Array, rc: int, cc: int
) -> None:
    """C = A B for A: m x k, their entries at distances r down and c to the right."""
    if rc == 1:
        for j in range(n):
            gemv(m, k, a, ra, ca, b[j * cb :], rb, c[j * cc :])
    else:
        for i in range(m):
            for j in range(n):
                s = 0.0
                for p in range(k):
                    s += a[i * ra + p * ca] * b[p * rb + j * cb]
                c[i * rc + j * cc] = s


def product(m: int, n: int, k: int, a: Array, b: Array, c: Array) -> None:
    """C = A B for dense A: m x k and B: k x n."""
    gemm(m, n, k, a, 1, m, b, 1, k, c, 1, m)


def mpow(n: int, k: int, a: Array, out: Array, work: Array) -> None:
    """A^k for k >= 0 by repeated squaring; work: 2 n^2."""
    base = work
    spare = work[n * n :]
    copy(n * n, a, base)
    identity(n, out)
    left = k
    while left > 0:
        if left % 2 == 1:
            product(n, n, n, base, out, spare)
            copy(n * n, spare, out)
        left = left // 2
        if left > 0:
            product(n, n, n, base, base, spare)
            copy(n * n, spare, base)


def identity(n: int, out: Array) -> None:
    """The identity n x n."""
    fill(n * n, 0.0, out)
    for i in range(n):
        out[i + n * i] = 1.0


# factorisations


def cholesky(n: int, a: Array, out: Array) -> int:
    """The lower triangular L with L L' = A; 1 where A is not positive definite."""
    for j in range(n):
        for i in range(j):
            out[i + n * j] = 0.0
        for i in range(j, n):
            out[i + n * j] = a[i + n * j]
        for k in range(j):
            s = out[j + n * k]
            for i in range(j, n):
                out[i + n * j] -= s * out[i + n * k]
        pivot = out[j + n * j]
        if not (pivot > 0 and pivot < inf):
            return 1
        pivot = sqrt(pivot)
        for i in range(j, n):
            out[i + n * j] /= pivot
    return 0


def lower_solve(n: int, count: int, a: Array, x: Array) -> int:
    """X overwritten by the solution of L X = X; 1 where L is singular."""
    for j in range(n):
        if a[j + n * j] == 0:
            return 1
    for c in range(count):
        for j in range(n):
            s = x[j + n * c] / a[j + n * j]
            x[j + n * c] = s
            for i in range(j + 1, n):
                x[i + n * c] -= s * a[i + n * j]
    return 0


def lower_solve_t(n: int, count: int, a: Array, x: Array) -> int:
    """X overwritten by the solution of L' X = X; 1 where L is singular."""
    for j in range(n):
        if a[j + n * j] == 0:
            return 1
    for c in range(count):
        for k in range(n):
            j = n - 1 - k
            s = x[j + n * c]
            for i in range(j + 1, n):
                s -= a[i + n * j] * x[i + n * c]
            x[j + n * c] = s / a[j + n * j]
    return 0


def solve_lower(n: int, count: int, a: Array, b: Array, out: Array) -> int:
    """The solution of L X = B; 1 where L is singular."""
    copy(n * count, b, out)
    return lower_solve(n, count, a, out)


def solve_lower_t(n: int, count: int, a: Array, b: Array, out: Array) -> int:
    """The solution of L' X = B; 1 where L is singular."""
    copy(n * count, b, out)
    return lower_solve_t(n, count, a, out)


def cholesky_solve(n: int, count: int, a: Array, b: Array, out: Array) -> int:
    """The solution of L L' X = B."""
    copy(n * count, b, out)
    if lower_solve(n, count, a, out) != 0:
        return 1
    return lower_solve_t(n, count, a, out)


def cholesky_inverse(n: int, a: Array, out: Array) -> int:
    """The inverse of L L'."""
    identity(n, out)
    if lower_solve(n, n, a, out) != 0:
        return 1
    return lower_solve_t(n, n, a, out)


def inverse_trace(n: int, a: Array, work: Array) -> float:
    """The trace of the inverse of L L': the sum of squares of the inverse of L; work: n^2."""
    identity(n, work)
    if lower_solve(n, n, a, work) != 0:
        return nan
    return dot(n * n, work, work)


def cholesky_logdet(n: int, a: Array) -> float:
    """log det(L L')."""
    s = 0.0
    for i in range(n):
        s += log(a[i + n * i])
    return 2 * s


def cholesky_det(n: int, a: Array) -> float:
    """det(L L')."""
    p = 1.0
    for i in range(n):
        p *= a[i + n * i]
    return p * p


def lu(n: int, a: Array, out: Array) -> int:
    """The factors of A with partial pivoting, then the n rows that were swapped; 1 where A is singular."""
    failed = 0
    copy(n * n, a, out)
    for j in range(n):
        at = j
        for i in range(j + 1, n):
            if fabs(out[i + n * j]) > fabs(out[at + n * j]):
                at = i
        out[n * n + j] = at
        if at != j:
            for k in range(n):
                spare = out[j + n * k]
                out[j + n * k] = out[at + n * k]
                out[at + n * k] = spare
        pivot = out[j + n * j]
        if pivot == 0 or pivot != pivot:
            failed = 1
        else:
            for i in range(j + 1, n):
                out[i + n * j] /= pivot
            for k in range(j + 1, n):
                s = out[j + n * k]
                for i in range(j + 1, n):
                    out[i + n * k] -= s * out[i + n * j]
    return failed


def lu_overwrite(n: int, count: int, f: Array, x: Array) -> None:
    """X overwritten by the solution of A X = X from the factors of A."""
    for c in range(count):
        for i in range(n):
            at = int(f[n * n + i])
            spare = x[i + n * c]
            x[i + n * c] = x[at + n * c]
            x[at + n * c] = spare
        for j in range(n):
            s = x[j + n * c]
            for i in range(j + 1, n):
                x[i + n * c] -= s * f[i + n * j]
        for k in range(n):
            j = n - 1 - k
            s = x[j + n * c] / f[j + n * j]
            x[j + n * c] = s
            for i in range(j):
                x[i + n * c] -= s * f[i + n * j]


def lu_solve(n: int, count: int, f: Array, b: Array, out: Array) -> None:
    """The solution of A X = B from the factors of A."""
    copy(n * count, b, out)
    lu_overwrite(n, count, f, out)


def lu_solve_t(n: int, count: int, f: Array, b: Array, out: Array) -> None:
    """The solution of A' X = B from the factors of A."""
    copy(n * count, b, out)
    for c in range(count):
        for j in range(n):
            s = out[j + n * c]
            for i in range(j):
                s -= f[i + n * j] * out[i + n * c]
            out[j + n * c] = s / f[j + n * j]
        for k in range(n):
            j = n - 1 - k
            s = out[j + n * c]
            for i in range(j + 1, n):
                s -= f[i + n * j] * out[i + n * c]
            out[j + n * c] = s
        for k in range(n):
            j = n - 1 - k
            at = int(f[n * n + j])
            spare = out[j + n * c]
            out[j + n * c] = out[at + n * c]
            out[at + n * c] = spare


def lu_inverse(n: int, f: Array, out: Array) -> None:
    """The inverse of A from its factors."""
    identity(n, out)
    lu_overwrite(n, n, f, out)


def lu_sign(n: int, f: Array) -> float:
    """The sign of the determinant of A from its factors."""
    s = 1.0
    for i in range(n):
        s = s * sign(f[i + n * i]) * (1.0 if int(f[n * n + i]) == i else -1.0)
    return s


def lu_det(n: int, f: Array) -> float:
    """The determinant of A from its factors."""
    p = 1.0
    for i in range(n):
        p = p * f[i + n * i] * (1.0 if int(f[n * n + i]) == i else -1.0)
    return p


def lu_logabsdet(n: int, f: Array) -> float:
    """log |det A| from the factors of A."""
    s = 0.0
    for i in range(n):
        s += log(fabs(f[i + n * i]))
    return s


def solve(n: int, count: int, a: Array, b: Array, out: Array, work: Array) -> int:
    """The solution of A X = B; 1 where A is singular; work: n^2 + n."""
    if lu(n, a, work) != 0:
        return 1
    lu_solve(n, count, work, b, out)
    return 0


def inverse(n: int, a: Array, out: Array, work: Array) -> int:
    """The inverse; 1 where A is singular; work: n^2 + n."""
    if lu(n, a, work) != 0:
        return 1
    lu_inverse(n, work, out)
    return 0


def det(n: int, a: Array, work: Array) -> float:
    """The determinant; work: n^2 + n."""
    return lu_det(n, work) if lu(n, a, work) == 0 else 0.0


def logabsdet(n: int, a: Array, work: Array) -> float:
    """log |det A|; work: n^2 + n."""
    return lu_logabsdet(n, work) if lu(n, a, work) == 0 else -inf


def signdet(n: int, a: Array, work: Array) -> float:
    """The sign of det A; work: n^2 + n."""
    return lu_sign(n, work) if lu(n, a, work) == 0 else 0.0


def det_power(n: int, a: Array, p: float, work: Array) -> float:
    """(det A)^p without det A; work: n^2 + n."""
    failed = lu(n, a, work)
    if failed != 0:
        return pow(0.0, p)
    return pow(lu_sign(n, work), p) * exp(p * lu_logabsdet(n, work))


def qr(m: int, n: int, a: Array) -> None:
    """A: m x n, m >= n, overwritten by its triangular factor and, below, by reflections (Golub & Van Loan, 5.2.1)."""
    for j in range(n):
        size = norm(m - j, a[j + m * j :])
        alpha = a[j + m * j]
        if size > 0:
            r = -size if alpha > 0 else size
            for i in range(j + 1, m):
                a[i + m * j] /= alpha - r
            tau = (r - alpha) / r
            a[j + m * j] = r
            for k in range(j + 1, n):
                s = a[j + m * k]
                for i in range(j + 1, m):
                    s += a[i + m * j] * a[i + m * k]
                s = s * tau
                a[j + m * k] -= s
                for i in range(j + 1, m):
                    a[i + m * k] -= s * a[i + m * j]


def gram_logdet(m: int, n: int, a: Array, work: Array) -> float:
    """log det(A' A) from the triangular factor of A; work: m n."""
    if m < n:
        return -inf
    copy(m * n, a, work)
    qr(m, n, work)
    s = 0.0
    for i in range(n):
        s += log(fabs(work[i + m * i]))
    return 2 * s


def gram_root(m: int, n: int, a: Array, out: Array, work: Array) -> int:
    """The lower triangular L with L L' = A' A from the triangular factor of A; 1 where its rank is less than n."""
    if m < n:
        return 1
    copy(m * n, a, work)
    qr(m, n, work)
    for i in range(n):
        r = work[i + m * i]
        if r == 0:
            return 1
        sign = -1.0 if r < 0 else 1.0
        for j in range(i):
            out[j + n * i] = 0.0
        for j in range(i, n):
            out[j + n * i] = sign * work[i + m * j]
    return 0


# spectra


def eigh(n: int, a: Array, out: Array, work: Array) -> int:
    """The eigenvectors of symmetric A, then its eigenvalues, which increase: Jacobi's method; work: n^2."""
    v = out
    w = out[n * n :]
    for j in range(n):
        for i in range(j, n):
            work[i + n * j] = a[i + n * j]
            work[j + n * i] = a[i + n * j]
    identity(n, v)
    size = scaled_norm(n * n, work)
    for sweep in range(60):
        off = 0.0
        for q in range(n):
            for p in range(q):
                off += (work[p + n * q] / or_one(size)) * (work[p + n * q] / or_one(size))
        if not (off > 1e-34) and sweep > 0:
            break
        for q in range(1, n):
            for p in range(q):
                apq = work[p + n * q]
                if apq != 0:
                    theta = (work[q + n * q] - work[p + n * p]) / (2 * apq)
                    t = 1 / (fabs(theta) + sqrt(theta * theta + 1)) if fabs(theta) < 1e150 else 0.5 / fabs(theta)
                    if theta < 0:
                        t = -t
                    c = 1 / sqrt(t * t + 1)
                    s = t * c
                    rotate(n, work[n * p :], work[n * q :], c, s)
                    for k in range(n):
                        x = work[p + n * k]
                        y = work[q + n * k]
                        work[p + n * k] = c * x - s * y
                        work[q + n * k] = s * x + c * y
                    work[p + n * q] = 0.0
                    work[q + n * p] = 0.0
                    rotate(n, v[n * p :], v[n * q :], c, s)
    for i in range(n):
        w[i] = work[i + n * i]
        if not isfinite(w[i]):
            return 1
    for i in range(n):
        at = i
        for j in range(i + 1, n):
            if w[j] < w[at]:
                at = j
        if at != i:
            x = w[i]
            w[i] = w[at]
            w[at] = x
            rotate(n, v[n * i :], v[n * at :], 0.0, 1.0)
    return 0


def rotate(n: int, x: Array, y: Array, c: float, s: float) -> None:
    """x, y := c x - s y, s x + c y."""
    for i in range(n):
        a = x[i]
        b = y[i]
        x[i] = c * a - s * b
        y[i] = s * a + c * b


def eigvals(n: int, a: Array, out: Array, work: Array) -> int:
    """The eigenvalues of symmetric A, which increase; work: 2 n^2 + n."""
    if eigh(n, a, work, work[n * n + n :]) != 0:
        return 1
    copy(n, work[n * n :], out)
    return 0


def eigvecs(n: int, a: Array, out: Array, work: Array) -> int:
    """The eigenvectors of symmetric A; work: 2 n^2 + n."""
    if eigh(n, a, work, work[n * n + n :]) != 0:
        return 1
    copy(n * n, work, out)
    return 0


def eigval(n: int, a: Array, i: int, work: Array) -> float:
    """The i-th eigenvalue of symmetric A, the first being the smallest; work: 2 n^2 + n."""
    if eigh(n, a, work, work[n * n + n :]) != 0:
        return nan
    return work[n * n + i - 1]


def eigval_at(n: int, a: Array, i: float, work: Array) -> float:
    """The i-th eigenvalue of symmetric A; work: 2 n^2 + n."""
    if i != floor(i) or i < 1 or i > n:
        return nan
    return eigval(n, a, int(i), work)


def eigvec(n: int, a: Array, i: float, out: Array, work: Array) -> int:
    """The eigenvector of the i-th eigenvalue of symmetric A, the first being the smallest; work: 2 n^2 + n."""
    if eigh(n, a, work, work[n * n + n :]) != 0:
        return 1
    if i != floor(i) or i < 1 or i > n:
        return 1
    copy(n, work[n * (int(i) - 1) :], out)
    return 0


def reduced_resolvent(n: int, a: Array, i: float, out: Array, work: Array) -> int:
    """The pseudoinverse of w I - A for the i-th eigenvalue w of symmetric A; work: 2 n^2 + n."""
    if eigh(n, a, work, work[n * n + n :]) != 0:
        return 1
    if i != floor(i) or i < 1 or i > n:
        return 1
    at = int(i) - 1
    fill(n * n, 0.0, out)
    for k in range(n):
        gap = work[n * n + at] - work[n * n + k]
        if k != at:
            if gap == 0:
                return 1
            for j in range(n):
                for p in range(n):
                    out[p + n * j] += work[p + n * k] * work[j + n * k] / gap
    return 0


def lu_upper(n: int, a: Array, out: Array) -> int:
    """The U of A = L U, L with ones on its diagonal, by elimination without exchanging rows."""
    copy(n * n, a, out)
    for k in range(n):
        if out[k + n * k] == 0 and k < n - 1:
            return 1
        for i in range(k + 1, n):
            factor = out[i + n * k] / out[k + n * k]
            for j in range(k, n):
                out[i + n * j] -= factor * out[k + n * j]
            out[i + n * k] = 0.0
    return 0


def lu_lower(n: int, a: Array, out: Array, work: Array) -> int:
    """The L of A = L U; work: n^2."""
    copy(n * n, a, work)
    identity(n, out)
    for k in range(n - 1):
        if work[k + n * k] == 0:
            return 1
        for i in range(k + 1, n):
            factor = work[i + n * k] / work[k + n * k]
            out[i + n * k] = factor
            for j in range(k, n):
                work[i + n * j] -= factor * work[k + n * j]
    return 0


def orthonormalised(m: int, n: int, q: Array, r: Array) -> int:
    """Q: m x n overwritten by orthonormal columns, R: n x n upper triangular, by Gram-Schmidt, twice a column."""
    fill(n * n, 0.0, r)
    for j in range(n):
        for _ in range(2):
            for i in range(j):
                part = dot(m, q[m * i :], q[m * j :])
                r[i + n * j] += part
                for p in range(m):
                    q[p + m * j] -= part * q[p + m * i]
        length = sqrt(dot(m, q[m * j :], q[m * j :]))
        if length == 0:
            return 1
        r[j + n * j] = length
        for p in range(m):
            q[p + m * j] /= length
    return 0


def qr_left(m: int, n: int, a: Array, out: Array, work: Array) -> int:
    """The Q of A = Q R, R with a positive diagonal; work: n^2."""
    copy(m * n, a, out)
    return orthonormalised(m, n, out, work)


def qr_right(m: int, n: int, a: Array, out: Array, work: Array) -> int:
    """The R of A = Q R with a positive diagonal; work: m n."""
    copy(m * n, a, work)
    return orthonormalised(m, n, work, out)


def turned_signs(n: int, k: int, v: Array, at: int) -> float:
    """-1 where the entry of largest absolute value of a column of V: n x k is negative, else 1."""
    best = 0.0
    for i in range(n):
        if fabs(v[i + n * at]) > fabs(best):
            best = v[i + n * at]
    return -1.0 if best < 0 else 1.0


def svd_left(m: int, n: int, a: Array, out: Array, work: Array) -> None:
    """The left singular vectors of A, signs as V asks for; work: k (m + n + 1)."""
    k = m if m < n else n
    svd(m, n, a, work)
    for j in range(k):
        sign = turned_signs(n, k, work[m * k + k :], j)
        for i in range(m):
            out[i + m * j] = sign * work[i + m * j]


def svd_right(m: int, n: int, a: Array, out: Array, work: Array) -> None:
    """The right singular vectors of A, their largest entries positive; work: k (m + n + 1)."""
    k = m if m < n else n
    svd(m, n, a, work)
    for j in range(k):
        sign = turned_signs(n, k, work[m * k + k :], j)
        for i in range(n):
            out[i + n * j] = sign * work[m * k + k + i + n * j]


def svd_tall(m: int, n: int, u: Array, s: Array, v: Array) -> None:
    """U: m x n, m >= n, overwritten by left singular vectors; s decreases; V: n x n (one-sided Jacobi, Hestenes)."""
    identity(n, v)
    for _ in range(60):
        rotated = 0
        for q in range(1, n):
            for p in range(q):
                alpha = dot(m, u[m * p :], u[m * p :])
                beta = dot(m, u[m * q :], u[m * q :])
                gamma = dot(m, u[m * p :], u[m * q :])
                if fabs(gamma) > 1e-16 * sqrt(alpha) * sqrt(beta) and gamma != 0:
                    rotated = 1
                    theta = (beta - alpha) / (2 * gamma)
                    t = 1 / (fabs(theta) + sqrt(theta * theta + 1)) if fabs(theta) < 1e150 else 0.5 / fabs(theta)
                    if theta < 0:
                        t = -t
                    c = 1 / sqrt(t * t + 1)
                    rotate(m, u[m * p :], u[m * q :], c, t * c)
                    rotate(n, v[n * p :], v[n * q :], c, t * c)
        if rotated == 0:
            break
    for j in range(n):
        s[j] = norm(m, u[m * j :])
    for i in range(n):
        at = i
        for j in range(i + 1, n):
            if s[j] > s[at]:
                at = j
        if at != i:
            x = s[i]
            s[i] = s[at]
            s[at] = x
            rotate(m, u[m * i :], u[m * at :], 0.0, 1.0)
            rotate(n, v[n * i :], v[n * at :], 0.0, 1.0)
    for j in range(n):
        if s[j] > 1e-300 and s[j] > 1e-17 * s[0]:
            for i in range(m):
                u[i + m * j] /= s[j]
        else:
            complete(m, j, u)


def complete(m: int, j: int, u: Array) -> None:
    """Column j a unit vector orthogonal to those before it."""
    best = 0
    least = inf
    for i in range(m):
        size = 0.0
        for k in range(j):
            size += u[i + m * k] * u[i + m * k]
        if size < least:
            least = size
            best = i
    for i in range(m):
        u[i + m * j] = 0.0
    u[best + m * j] = 1.0
    for _ in range(2):
        for k in range(j):
            s = dot(m, u[m * k :], u[m * j :])
            for i in range(m):
                u[i + m * j] -= s * u[i + m * k]
        size = norm(m, u[m * j :])
        for i in range(m):
            u[i + m * j] /= size


def svd(m: int, n: int, a: Array, out: Array) -> None:
    """U: m x k, the k singular values, V: n x k, one after the other, k = min(m, n), and A = U S V'."""
    if m >= n:
        copy(m * n, a, out)
        svd_tall(m, n, out, out[m * n :], out[m * n + n :])
    else:
        transposed(m, n, a, out[m * m + m :])
        svd_tall(n, m, out[m * m + m :], out[m * m :], out)


def svdvals(m: int, n: int, a: Array, out: Array, work: Array) -> None:
    """The singular values, which decrease; work: k (m + n + 1), k = min(m, n)."""
    k = m if m < n else n
    svd(m, n, a, work)
    copy(k, work[m * k :], out)


def sigma(m: int, n: int, a: Array, i: int, work: Array) -> float:
    """The i-th largest singular value; 0 where it is no more than rounding; work: k (m + n + 1), k = min(m, n)."""
    k = m if m < n else n
    most = m if m > n else n
    svd(m, n, a, work)
    s = work[m * k + i - 1]
    return s if s > 2.22e-16 * most * work[m * k] else 0.0


def sigma_at(m: int, n: int, a: Array, i: float, work: Array) -> float:
    """The i-th largest singular value; work: k (m + n + 1), k = min(m, n)."""
    if i != floor(i) or i < 1 or i > m or i > n:
        return nan
    return sigma(m, n, a, int(i), work)


def sigma_max(m: int, n: int, a: Array, work: Array) -> float:
    """The largest singular value; work: k (m + n + 1), k = min(m, n)."""
    k = m if m < n else n
    svd(m, n, a, work)
    return work[m * k]


def cond2(m: int, n: int, a: Array, work: Array) -> float:
    """The largest singular value divided by the smallest; work: k (m + n + 1), k = min(m, n)."""
    k = m if m < n else n
    svd(m, n, a, work)
    return work[m * k] / work[m * k + k - 1]


def nuclear_part(m: int, n: int, f: Array) -> float:
    """The sum of the singular values, from the decomposition."""
    k = m if m < n else n
    return total(k, f[m * k :])


def nuclear(m: int, n: int, a: Array, work: Array) -> float:
    """The sum of the singular values; work: k (m + n + 1), k = min(m, n)."""
    k = m if m < n else n
    svd(m, n, a, work)
    return total(k, work[m * k :])


def polar_part(m: int, n: int, f: Array, out: Array) -> None:
    """U V' from the singular value decomposition."""
    k = m if m < n else n
    gemm(m, n, k, f, 1, m, f[m * k + k :], n, 1, out, 1, m)


def polar(m: int, n: int, a: Array, out: Array, work: Array) -> None:
    """The orthogonal factor U V' of A = U S V'; work: k (m + n + 1), k = min(m, n)."""
    svd(m, n, a, work)
    polar_part(m, n, work, out)


def pinv(m: int, n: int, a: Array, out: Array, work: Array) -> None:
    """The Moore-Penrose inverse; work: k (m + n + 1), k = min(m, n)."""
    k = m if m < n else n
    svd(m, n, a, work)
    s = work[m * k :]
    v = work[m * k + k :]
    for j in range(k):
        scale = 1 / s[j] if s[j] > 1e-15 * s[0] else 0.0
        for i in range(n):
            v[i + n * j] *= scale
    gemm(n, m, k, v, 1, n, work, m, 1, out, 1, n)


def orthogonal_sign(n: int, a: Array, work: Array) -> float:
    """The determinant of an orthogonal matrix; work: n^2 + n."""
    return signdet(n, a, work)


def adjugate(n: int, a: Array, out: Array, work: Array) -> None:
    """det(X) inv(X) from the singular values, without division; work: 4 n^2 + 3 n."""
    u = work
    s = work[n * n :]
    v = work[n * n + n :]
    rest = work[2 * n * n + n :]
    svd(n, n, a, work)
    both = orthogonal_sign(n, u, rest) * orthogonal_sign(n, v, rest)
    for j in range(n):
        p = both
        for i in range(n):
            if i != j:
                p *= s[i]
        for i in range(n):
            rest[i + n * j] = v[i + n * j] * p
    gemm(n, n, n, rest, 1, n, u, n, 1, out, 1, n)


def left_out(n: int, s: Array, out: Array) -> None:
    """The products of all entries but those of i and j, with zeros on the diagonal."""
    for j in range(n):
        for i in range(n):
            p = 0.0 if i == j else 1.0
            for k in range(n):
                if k != i and k != j:
                    p *= s[k]
            out[i + n * j] = p


def adjugate_along(n: int, x: Array, d: Array, out: Array, work: Array) -> None:
    """The derivative of det(X) inv(X) along V, defined for singular X too; work: 6 n^2 + 3 n."""
    u = work
    s = work[n * n :]
    v = work[n * n + n :]
    others = work[2 * n * n + n :]
    turned = work[3 * n * n + n :]
    rest = work[4 * n * n + n :]
    svd(n, n, x, work)
    both = orthogonal_sign(n, u, rest) * orthogonal_sign(n, v, rest)
    left_out(n, s, others)
    gemm(n, n, n, u, n, 1, d, 1, n, rest, 1, n)
    gemm(n, n, n, rest, 1, n, v, 1, n, turned, 1, n)
    for j in range(n):
        for i in range(n):
            if i == j:
                t = 0.0
                for k in range(n):
                    t += others[i + n * k] * turned[k + n * k]
            else:
                t = -others[i + n * j] * turned[i + n * j]
            rest[i + n * j] = both * t
    gemm(n, n, n, v, 1, n, rest, 1, n, others, 1, n)
    gemm(n, n, n, others, 1, n, u, n, 1, out, 1, n)


def det_second(n: int, x: Array, out: Array, work: Array) -> None:
    """The second derivatives of det(X) by vec(X), defined for singular X too; work: 4 n^2 + 3 n."""
    u = work
    s = work[n * n :]
    v = work[n * n + n :]
    others = work[2 * n * n + n :]
    rest = work[3 * n * n + n :]
    svd(n, n, x, work)
    both = orthogonal_sign(n, u, rest) * orthogonal_sign(n, v, rest)
    left_out(n, s, others)
    size = n * n
    for a in range(n):
        for b in range(n):
            for c in range(n):
                for d in range(n):
                    t = 0.0
                    for i in range(n):
                        for j in range(n):
                            t += (
                                others[i + n * j]
                                * u[a + n * i]
                                * (
                                    v[b + n * i] * u[c + n * j] * v[d + n * j]
                                    - v[b + n * j] * u[c + n * j] * v[d + n * i]
                                )
                            )
                    out[a + n * b + size * (c + n * d)] = both * t


# functions of matrices


def expm(n: int, a: Array, out: Array, work: Array) -> int:
    """The exponential by scaling and squaring of the Pade approximant of degree 13 (Higham 2008, alg. 10.20).

    work: 7 n^2 + n.
    """
    size = n * n
    one = 0.0
    for j in range(n):
        s = 0.0
        for i in range(n):
            s += fabs(a[i + n * j])
        one = larger(s, one)
    if not isfinite(one):
        return 1
    squarings = 0
    scale = 1.0
    while one * scale > 4.0:
        scale = scale / 2
        squarings += 1
    x = work
    x2 = work[size:]
    x4 = work[2 * size :]
    x6 = work[3 * size :]
    p = work[4 * size :]
    q = work[5 * size :]
    rest = work[6 * size :]
    for i in range(size):
        x[i] = a[i] * scale
    product(n, n, n, x, x, x2)
    product(n, n, n, x2, x2, x4)
    product(n, n, n, x2, x4, x6)
    for i in range(size):
        rest[i] = x6[i] + 16380.0 * x4[i] + 40840800.0 * x2[i]
    product(n, n, n, x6, rest, p)
    for i in range(size):
        p[i] += 33522128640.0 * x6[i] + 10559470521600.0 * x4[i] + 1187353796428800.0 * x2[i]
    for i in range(n):
        p[i + n * i] += 32382376266240000.0
    product(n, n, n, x, p, q)
    for i in range(size):
        rest[i] = 182.0 * x6[i] + 960960.0 * x4[i] + 1323241920.0 * x2[i]
    product(n, n, n, x6, rest, p)
    for i in range(size):
        p[i] += 670442572800.0 * x6[i] + 129060195264000.0 * x4[i] + 7771770303897600.0 * x2[i]
    for i in range(n):
        p[i + n * i] += 64764752532480000.0
    for i in range(size):
        x2[i] = p[i] - q[i]
        x4[i] = p[i] + q[i]
    if solve(n, n, x2, x4, out, rest) != 0:
        return 1
    for _ in range(squarings):
        product(n, n, n, out, out, p)
        copy(size, p, out)
    return 0


def corner(n: int, a: Array, d: Array, scale: float, out: Array) -> None:
    """[A, scale D; 0, A]."""
    m = 2 * n
    fill(m * m, 0.0, out)
    for j in range(n):
        for i in range(n):
            out[i + m * j] = a[i + n * j]
            out[n + i + m * (n + j)] = a[i + n * j]
            out[i + m * (n + j)] = scale * d[i + n * j]


def cut(n: int, m: int, f: Array, row: int, col: int, scale: float, out: Array) -> None:
    """The n x n block of F: m x m that begins at a row and a column, divided by scale."""
    for j in range(n):
        for i in range(n):
            out[i + n * j] = f[row + i + m * (col + j)] / scale


def ratio(count: int, a: Array, d: Array) -> float:
    """The length of A divided by that of D; 1 where that is none."""
    r = norm(count, a) / or_one(norm(count, d))
    return r if r > 0 and isfinite(r) else 1.0


def frechet_expm(n: int, a: Array, d: Array, out: Array, work: Array) -> int:
    """The derivative of the exponential at A in the direction D: the corner of exp [A, D; 0, A].

    work: 36 n^2 + 2 n.
    """
    m = 2 * n
    scale = ratio(n * n, a, d)
    corner(n, a, d, scale, work)
    if expm(m, work, work[m * m :], work[2 * m * m :]) != 0:
        return 1
    cut(n, m, work[m * m :], 0, n, scale, out)
    return 0


def turning(n: int, a: Array, out: Array) -> None:
    """[0, -A; A, 0], whose exponential is [cos A, -sin A; sin A, cos A]."""
    m = 2 * n
    fill(m * m, 0.0, out)
    for j in range(n):
        for i in range(n):
            out[n + i + m * j] = a[i + n * j]
            out[i + m * (n + j)] = -a[i + n * j]


def turned(n: int, a: Array, row: int, out: Array, work: Array) -> int:
    """cos A for row = 0, sin A for row = n; work: 36 n^2 + 2 n."""
    m = 2 * n
    turning(n, a, work)
    if expm(m, work, work[m * m :], work[2 * m * m :]) != 0:
        return 1
    cut(n, m, work[m * m :], row, 0, 1.0, out)
    return 0


def frechet_turned(n: int, a: Array, d: Array, sine: int, out: Array, work: Array) -> int:
    """The derivative of cos, or sin, at A in the direction D: the corner of it at [A, D; 0, A]; work: 152 n^2 + 4 n."""
    m = 2 * n
    scale = ratio(n * n, a, d)
    corner(n, a, d, scale, work)
    if turned(m, work, m * sine, work[m * m :], work[2 * m * m :]) != 0:
        return 1
    cut(n, m, work[m * m :], 0, n, scale, out)
    return 0


def sqrtm(n: int, x: Array, out: Array, work: Array) -> int:
    """The principal square root: Denman and Beavers, scaled by determinants (Higham 2008, eq. 6.29); work: 4 n^2 + n.

    nan where an eigenvalue is not positive.
    """
    size = n * n
    m = work
    inv = work[size:]
    rest = work[2 * size :]
    copy(size, x, m)
    copy(size, x, out)
    change = inf
    for _ in range(60):
        if lu(n, m, rest) != 0:
            fill(size, nan, out)
            return 0
        lu_inverse(n, rest, inv)
        scale = exp(-lu_logabsdet(n, rest) / (2 * n)) if change > 1e-2 else 1.0
        square = scale * scale
        for i in range(size):
            rest[i] = inv[i] / square
        for i in range(n):
            rest[i + n * i] += 1.0
        product(n, n, n, out, rest, rest[size:])
        for i in range(size):
            out[i] = scale * rest[size + i] / 2
            m[i] = (square * m[i] + inv[i] / square) / 4
        for i in range(n):
            m[i + n * i] += 0.5
        before = change
        change = 0.0
        for j in range(n):
            for i in range(n):
                gap = m[i + n * j] - (1.0 if i == j else 0.0)
                change += gap * gap
        change = sqrt(change)
        if not (change > 1e-15 * n) or (change < 1e-10 and change >= before):
            break
    product(n, n, n, out, out, rest)
    gap = 0.0
    whole_size = 0.0
    for i in range(size):
        gap += (rest[i] - x[i]) * (rest[i] - x[i])
        whole_size += x[i] * x[i]
    if not (sqrt(gap) <= 1.5e-8 * sqrt(whole_size)):
        fill(size, nan, out)
    return 0


def legendre(k: int) -> float:
    """The positive nodes of the Gauss-Legendre rule of 8 points."""
    if k < 2:
        return 0.18343464249564980 if k == 0 else 0.52553240991632899
    return 0.79666647741362674 if k == 2 else 0.96028985649753623


def legendre_weight(k: int) -> float:
    """The weights of the Gauss-Legendre rule of 8 points."""
    if k < 2:
        return 0.36268378337836198 if k == 0 else 0.31370664587788729
    return 0.22238103445337447 if k == 2 else 0.10122853629037626


def logm(n: int, x: Array, out: Array, work: Array) -> int:
    """The principal logarithm: square roots until X is near I, then Gauss-Legendre (Higham 2008, eq. 11.18).

    nan where an eigenvalue is not positive; work: 6 n^2 + n.
    """
    size = n * n
    root = work
    rest = work[size:]
    copy(size, x, root)
    roots = 0
    for _ in range(60):
        gap = 0.0
        for j in range(n):
            for i in range(n):
                e = root[i + n * j] - (1.0 if i == j else 0.0)
                gap += e * e
        if not (gap > 0.0625):
            break
        if sqrtm(n, root, rest, rest[size:]) != 0:
            return 1
        copy(size, rest, root)
        roots += 1
    for i in range(n):
        root[i + n * i] -= 1.0
    factor = 1.0
    for _ in range(roots):
        factor *= 2
    fill(size, 0.0, out)
    for k in range(8):
        node = legendre(k // 2) if k % 2 == 0 else -legendre(k // 2)
        for i in range(size):
            rest[i] = (node + 1) / 2 * root[i]
        for i in range(n):
            rest[i + n * i] += 1.0
        if solve(n, n, rest, root, rest[size:], rest[2 * size :]) != 0:
            return 1
        for i in range(size):
            out[i] += factor * legendre_weight(k // 2) / 2 * rest[size + i]
    return 0


def frechet_logm(n: int, a: Array, d: Array, out: Array, work: Array) -> int:
    """The derivative of the logarithm at A in the direction D: the corner of log [A, D; 0, A]; work: 32 n^2 + 2 n."""
    m = 2 * n
    scale = 1e-3 * ratio(n * n, a, d)
    corner(n, a, d, scale, work)
    if logm(m, work, work[m * m :], work[2 * m * m :]) != 0:
        return 1
    cut(n, m, work[m * m :], 0, n, scale, out)
    return 0


def mpower(n: int, a: Array, p: float, out: Array, work: Array) -> int:
    """A^p: by products for a whole p, else exp(p log A); nan where that is not real; work: 8 n^2 + n."""
    size = n * n
    if p == floor(p) and fabs(p) < 1e9:
        if p >= 0:
            mpow(n, int(p), a, out, work)
            return 0
        if inverse(n, a, work, work[size:]) != 0:
            return 1
        mpow(n, int(-p), work, out, work[size:])
        return 0
    if logm(n, a, work, work[size:]) != 0:
        return 1
    for i in range(size):
        work[i] *= p
        if work[i] != work[i]:
            fill(size, nan, out)
            return 0
    return expm(n, work, out, work[size:])


def frechet_mpower(n: int, a: Array, d: Array, p: float, out: Array, work: Array) -> int:
    """The derivative of A^p by A in the direction D: the corner of [A, D; 0, A]^p; work: 40 n^2 + 2 n."""
    m = 2 * n
    scale = ratio(n * n, a, d)
    if p != floor(p):
        scale = scale * 1e-3
    corner(n, a, d, scale, work)
    if mpower(m, work, p, work[m * m :], work[2 * m * m :]) != 0:
        return 1
    cut(n, m, work[m * m :], 0, n, scale, out)
    return 0


def sylvester(m: int, n: int, a: Array, b: Array, c: Array, out: Array, work: Array) -> int:
    """The X with A X + X B = C, by the linear system of its columns; work: 2 (m n)^2 + m n."""
    size = m * n
    fill(size * size, 0.0, work)
    for j in range(n):
        for i in range(m):
            for k in range(m):
                work[i + m * j + size * (k + m * j)] += a[i + m * k]
            for k in range(n):
                work[i + m * j + size * (i + m * k)] += b[k + n * j]
    return solve(size, 1, work, c, out, work[size * size :])


FUNCTIONS = (
    acos, asin, atan, cos, cosh, erf, exp, expm1, fabs, floor, isfinite, lgamma, log, log1p, pow, sin, sinh, sqrt, tan,
    tanh,
)  # fmt: skip
"""Functions of C, in `math.h`, that the routines and what calls them use."""
CONSTANTS = {"inf": inf, "nan": nan, "pi": pi}
