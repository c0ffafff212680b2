"""Routines by BLAS and LAPACK, for C that may be linked with them: the same signatures as in `codegen.routines`."""

from __future__ import annotations

PROTOTYPES = """/* BLAS and LAPACK, whose whole numbers are int. */
extern double ddot_(const int *, const double *, const int *, const double *, const int *);
extern void dgemv_(const char *, const int *, const int *, const double *, const double *, const int *, const double *,
                   const int *, const double *, double *, const int *);
extern void dgemm_(const char *, const char *, const int *, const int *, const int *, const double *, const double *,
                   const int *, const double *, const int *, const double *, double *, const int *);
extern void dtrsm_(const char *, const char *, const char *, const char *, const int *, const int *, const double *,
                   const double *, const int *, double *, const int *);
extern void dpotrf_(const char *, const int *, double *, const int *, int *);
extern void dgetrf_(const int *, const int *, double *, const int *, int *, int *);"""

LAPACK = {
    "dot": """static double md_dot(
    ptrdiff_t count, const double *restrict x, const double *restrict y)
{
    int n = (int)count, one = 1;
    return ddot_(&n, x, &one, y, &one);
}""",
    "gemv": """static void md_gemv(
    ptrdiff_t m, ptrdiff_t n, const double *restrict a, ptrdiff_t ra, ptrdiff_t ca, const double
    *restrict x, ptrdiff_t sx, double *restrict y)
{
    if (m > 0 && n > 0 && (ra == 1 || ca == 1)) {
        int turned = ra != 1, rows = (int)(turned ? n : m), cols = (int)(turned ? m : n), step = (int)sx, one = 1;
        int lead = (int)(turned ? ra : ca);
        double scale = 1, zero = 0;
        if (lead < rows) lead = rows;
        dgemv_(turned ? "T" : "N", &rows, &cols, &scale, a, &lead, x, &step, &zero, y, &one);
        return;
    }
    for (ptrdiff_t i = 0; i < m; i++) {
        double s = 0;
        for (ptrdiff_t j = 0; j < n; j++) s += a[i * ra + j * ca] * x[j * sx];
        y[i] = s;
    }
}""",
    "gemm": """static void md_gemm(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const double *restrict a, ptrdiff_t ra, ptrdiff_t ca,
    const double *restrict b, ptrdiff_t rb, ptrdiff_t cb, double *restrict c, ptrdiff_t rc,
    ptrdiff_t cc)
{
    if (m > 0 && n > 0 && k > 0 && (ra == 1 || ca == 1) && (rb == 1 || cb == 1) && rc == 1) {
        int M = (int)m, N = (int)n, K = (int)k;
        int la = (int)(ra == 1 ? ca : ra), lb = (int)(rb == 1 ? cb : rb), lc = (int)cc;
        double one = 1, zero = 0;
        if (la < (ra == 1 ? M : K)) la = ra == 1 ? M : K;
        if (lb < (rb == 1 ? K : N)) lb = rb == 1 ? K : N;
        if (lc < M) lc = M;
        dgemm_(ra == 1 ? "N" : "T", rb == 1 ? "N" : "T", &M, &N, &K, &one, a, &la, b, &lb, &zero, c, &lc);
        return;
    }
    for (ptrdiff_t j = 0; j < n; j++) {
        for (ptrdiff_t i = 0; i < m; i++) {
            double s = 0;
            for (ptrdiff_t p = 0; p < k; p++) s += a[i * ra + p * ca] * b[p * rb + j * cb];
            c[i * rc + j * cc] = s;
        }
    }
}""",
    "cholesky": """static int md_cholesky(
    ptrdiff_t n, const double *restrict a, double *restrict out)
{
    int size = (int)n, info = 0;
    for (ptrdiff_t j = 0; j < n; j++) {
        for (ptrdiff_t i = 0; i < n; i++) out[i + n * j] = i < j ? 0 : a[i + n * j];
    }
    if (n > 0) dpotrf_("L", &size, out, &size, &info);
    return info != 0;
}""",
    "lower_solve": """static int md_lower_solve(
    ptrdiff_t n, ptrdiff_t count, const double *restrict a, double *restrict x)
{
    int size = (int)n, columns = (int)count;
    double one = 1;
    for (ptrdiff_t i = 0; i < n; i++) {
        if (a[i + n * i] == 0) return 1;
    }
    if (n > 0) dtrsm_("L", "L", "N", "N", &size, &columns, &one, a, &size, x, &size);
    return 0;
}""",
    "lower_solve_t": """static int md_lower_solve_t(
    ptrdiff_t n, ptrdiff_t count, const double *restrict a, double *restrict x)
{
    int size = (int)n, columns = (int)count;
    double one = 1;
    for (ptrdiff_t i = 0; i < n; i++) {
        if (a[i + n * i] == 0) return 1;
    }
    if (n > 0) dtrsm_("L", "L", "T", "N", &size, &columns, &one, a, &size, x, &size);
    return 0;
}""",
    "lu": """static int md_lu(ptrdiff_t n, const double *restrict a, double *restrict out)
{
    int size = (int)n, info = 0;
    int *pivots = (int *)(out + n * n);
    for (ptrdiff_t i = 0; i < n * n; i++) out[i] = a[i];
    if (n > 0) dgetrf_(&size, &size, out, &size, pivots, &info);
    for (ptrdiff_t i = n - 1; i >= 0; i--) {
        int at = pivots[i] - 1;
        out[n * n + i] = at;
    }
    return info != 0;
}""",
    "lu_overwrite": """static void md_lu_overwrite(
    ptrdiff_t n, ptrdiff_t count, const double *restrict f, double *restrict x)
{
    int size = (int)n, columns = (int)count;
    double one = 1;
    for (ptrdiff_t c = 0; c < count; c++) {
        for (ptrdiff_t i = 0; i < n; i++) {
            ptrdiff_t at = (ptrdiff_t)f[n * n + i];
            double spare = x[i + n * c];
            x[i + n * c] = x[at + n * c];
            x[at + n * c] = spare;
        }
    }
    if (n > 0) {
        dtrsm_("L", "L", "N", "U", &size, &columns, &one, f, &size, x, &size);
        dtrsm_("L", "U", "N", "N", &size, &columns, &one, f, &size, x, &size);
    }
}""",
    "lu_solve_t": """static void md_lu_solve_t(
    ptrdiff_t n, ptrdiff_t count, const double *restrict f, const double *restrict b, double
    *restrict out)
{
    int size = (int)n, columns = (int)count;
    double one = 1;
    for (ptrdiff_t i = 0; i < n * count; i++) out[i] = b[i];
    if (n > 0) {
        dtrsm_("L", "U", "T", "N", &size, &columns, &one, f, &size, out, &size);
        dtrsm_("L", "L", "T", "U", &size, &columns, &one, f, &size, out, &size);
    }
    for (ptrdiff_t c = 0; c < count; c++) {
        for (ptrdiff_t i = n - 1; i >= 0; i--) {
            ptrdiff_t at = (ptrdiff_t)f[n * n + i];
            double spare = out[i + n * c];
            out[i + n * c] = out[at + n * c];
            out[at + n * c] = spare;
        }
    }
}""",
}
"""C by the names of the routines that they stand for."""
