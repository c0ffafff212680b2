"""Functions that a reader may look for and that the language does not have: why, and the nearest thing that works."""

from __future__ import annotations

from matdiff.errors import UnsupportedError

_choice = "it chooses by the data, which no single formula differentiates"
_index = "its value is an index, which has no derivative"
_constant = "it is constant almost everywhere and jumps in between"
_jumps = "it jumps, and its derivative is 0 wherever it has one"
_derivative = "derivatives are asked for with `wrt`"
_product = "the product over all entries has no formula where an entry is 0"
_definitions = "several definitions are in use"
_complex = "a general matrix has complex eigenvalues"
_several = "it is several functions at once"
_sizes = "sizes come from declarations"

_refused = (
    ("argmax argsort find", _index, "softmax(x) is its smooth form"),
    ("argmin", _index, "softmax(-x) is its smooth form"),
    ("rank", _constant, "nuclear(X) is its convex envelope on the unit ball"),
    ("nnz norm0 card", _constant, "norm1(x) is its convex envelope on the unit box"),
    ("floor", _jumps, "leave it out, or declare it: `floor: elementwise`"),
    ("ceil", _jumps, "leave it out, or declare it: `ceil: elementwise`"),
    ("round", _jumps, "leave it out, or declare it: `round: elementwise`"),
    ("mod", _jumps, "write the remainder on the branch that is meant"),
    ("step indicator", _jumps, "sigmoid(x) is its smooth form; heaviside(x) is the step itself"),
    ("if", _choice, "write each branch by itself; relu(x), abs(x) and sign(x) are defined"),
    ("where", _choice, "multiply by a 0-1 mask with .*; relu(x), abs(x) and sign(x) are defined"),
    ("sort", _choice, "norm1(x), sum(x) and logsumexp(x) do not depend on the order"),
    ("median", _choice, "mean(x) is defined"),
    ("complex", "a variable is declared so", "z: n complex; the imaginary unit is 1i"),
    ("cross", "it is defined for three components only", "write a×b as S*b with the skew 3×3 matrix S of a"),
    (
        "pfaffian pf",
        "its sign is not a function of the entries that the language has",
        "sqrt(det(X)) is its absolute value",
    ),
    ("permanent", "no polynomial rule for it is known", "det(X) is defined"),
    (
        "int integral integrate",
        "integrals of unknown functions are what `matdiff vary` is for",
        'write matdiff vary "int(u^2, x, 0, 1)" --wrt u --let "u: function of x" --ends fixed; else the integrand',
    ),
    ("limit lim", "limits are not part of the language", "insert the value"),
    (
        "diff grad gradient derivative jacobian hessian",
        _derivative,
        "derive the gradient, and derive the result again for the next order",
    ),
    ("laplacian divergence div", _derivative, "tr of the Hessian or Jacobian that it gives"),
    ("expectation expect prob", "expectations are not part of the language", "mean(x) is the mean of all entries"),
    ("prod", _product, "exp(sum(log(x))) for positive x"),
    ("cumprod", _product, "exp(tril(ones(n,n))*log(x)) for positive x: n"),
    ("var", _definitions, "write mean((x .- mean(x)).^2)"),
    ("std", _definitions, "write sqrt(mean((x .- mean(x)).^2))"),
    ("cov covariance", _definitions, "with samples as the rows of X: m×n, write X'*(eye(m) - ones(m,m)/m)*X/m"),
    ("corr corrcoef", _definitions, "of centred vectors it is x'*y/(norm(x)*norm(y))"),
    (
        "eig eigs eigh eigvalsh eigenvalues eigenvalue eigenvectors spectrum",
        _complex,
        "for a symmetric S: eigvals(S), eigvecs(S), eigval(S,1), lambda_max(S); for any X: det(X), tr(X), sigma_max(X)",
    ),
    ("spectral_radius specrad", _complex, "lambda_max(S) of a symmetric S; sigma_max(X) is a bound for it"),
    ("eigmax eigmin maxeig mineig", _complex, "for a symmetric S: lambda_max(S), lambda_min(S)"),
    (
        "svd svds singular_values svals singularvalues",
        _several,
        "its parts are svd_U(A), svdvals(A) and svd_V(A); sigma_max(A) is the largest singular value",
    ),
    ("qr", _several, "its factors are qr_Q(X) and qr_R(X), R with a positive diagonal"),
    ("lu", _several, "its factors, without exchanged rows, are lu_L(A) and lu_U(A)"),
    ("schur", _several, "for a symmetric S: eigvals(S), eigvecs(S)"),
    ("null", "it is not unique", "eye(n) - pinv(X)*X is the projection onto the null space of X: m×n"),
    (
        "proj project projection",
        "it does not say onto what",
        "A*pinv(A)*x is the projection of x onto the columns of A, relu(x) onto x ≥ 0",
    ),
    ("erfc", "it is 1 minus erf", "write 1 .- erf(x)"),
    ("sinc", "it is 0/0 at 0", "write sin(x) ./ x, for x that is nowhere 0"),
    (
        "erfinv norminv zeta besselj lambertw",
        "no rule for it is known here",
        "declare it as a function of your own, by its name: `h: elementwise`",
    ),
    ("factorial gammafn tgamma", "its logarithm lgamma is", "exp(lgamma(x .+ 1)) is x!, exp(lgamma(x)) is Γ(x)"),
    ("huber", _definitions, "x.^2/2 - relu(abs(x) .- 1).^2/2 has its corners at -1 and 1; sum it for a loss"),
    ("hinge", _definitions, "relu(1 .- x) is it for margins x; sum it for a loss"),
    (
        "circshift roll flip fliplr flipud rot90 permute",
        "it only moves entries",
        "multiply by a permutation matrix, declared as P: n×n: P*x",
    ),
    (
        "toeplitz hankel vander circulant",
        "a matrix is declared as a whole, not built from its entries",
        "declare `T: n×n`; a sum c*A + d*B of fixed patterns A and B keeps one",
    ),
    (
        "blkdiag block_diag blockdiag",
        "its zeros need sizes",
        "write [A, zeros(m,q); zeros(p,n), B] with A: m×n; B: p×q",
    ),
    ("repmat tile repeat", "it needs no word", "x*vector(1)' has x in every column, vector(1)*x' in every row"),
    ("cumsum trapz", _sizes, "tril(ones(n,n))*x sums up to each entry of x: n"),
    ("length len", _sizes, "declare x: n and write n"),
    ("size shape ndims", _sizes, "declare X: m×n and write m or n"),
    ("numel", _sizes, "declare X: m×n and write m*n"),
    ("einsum tensordot", "sums over indices are not read", "write x'*y, A*B, tr(A*B), A.*B, kron(A,B)"),
    ("conv fft ifft", "it is linear", "multiply by its matrix, declared as F: n×n: F*x"),
)

REFUSALS = {name: (why, instead) for names, why, instead in _refused for name in names.split()}
"""Name → why it is refused, and the nearest thing that works."""

_spoken = {
    "A'": "permutedims",
    "inv(A)": "matrixinverse",
    "A' or adj(A)": "adjoint",
    "x'*y or <A, B>": "inner innerproduct",
    "A*B": "mul mm mv",
    "A.*B": "times",
    "A ./ B": "divide rdivide",
    "A + B": "add plus",
    "A - B": "subtract minus sub",
    "-A": "negative neg",
    "kron(A,B)": "tensor tensorproduct",
    "pinv(A)*b": "lstsq lsqr",
    "x.^2": "square sq sqr",
    "x.^2 or X^2": "pow power",
    "x.^3": "cube",
    "x.^(1/3)": "cbrt",
    "1 ./ sqrt(x)": "rsqrt",
    "1 ./ x": "reciprocal",
    "exp(x*log(2))": "exp2",
    "exp(x*log(10))": "exp10",
    "log(x + sqrt(x.^2 .+ 1))": "arcsinh asinh arsinh",
    "log(x + sqrt(x.^2 .- 1))": "arccosh acosh arcosh",
    "log((1 .+ x) ./ (1 .- x))/2": "arctanh atanh artanh",
    "log(x ./ (1 .- x))": "logit",
    "x.*sigmoid(x)": "silu swish",
    "x.*(1 .+ erf(x/sqrt(2)))/2": "gelu",
    "x ./ (1 .+ abs(x))": "softsign",
    "x.*tanh(softplus(x))": "mish",
    "x .- logsumexp(x)": "log_softmax logsoftmax",
    "softmax(-x)": "softmin",
    "-softplus(-x)": "logsigmoid log_sigmoid",
    "relu(x) - 0.01*relu(-x)": "leaky_relu leakyrelu",
    "relu(x) - relu(x .- 1)": "clip clamp",
    "sign(x).*relu(abs(x) .- 1)": "soft_threshold softthreshold shrink",
    "-sum(x.*log(x))": "entropy",
    "sum(x.*log(x ./ y))": "kl kl_div",
    "-sum(y.*log(x))": "cross_entropy crossentropy",
    "mean((x - y).^2)": "mse",
    "mean(abs(x - y))": "mae",
    "sqrt(mean(x.^2))": "rms",
    "x'*x": "sumsq sum_squares",
    "norm(x - y)": "dist distance pdist",
    "x/norm(x)": "normalize",
    "x'*y/(norm(x)*norm(y))": "cosine cos_sim cosine_similarity",
    "x'*A*x": "quad quad_form quadform",
    "A*B - B*A": "commutator",
    "normF(X)": "fro frob frobenius norm_fro norm_f normfro fnorm frobenius_norm",
    "sigma_max(X)": "spectral spectralnorm spectral_norm",
    "norm1(x)": "l1 norm_1 l1norm",
    "norm(x)": "l2 norm_2 l2norm",
    "nuclear(X)": "norm_nuc nucnorm nuclearnorm nuclear_norm tracenorm trace_norm",
    "norminf(x)": "norm_inf",
    "logdet(X)": "slogdet",
    "cond2(A)": "condition",
    "chol(A)": "cholesky potrf",
    "eye(n)": "ident id",
    "[A, B] or [A; B]": "concat concatenate cat",
    "[A, B]": "hstack horzcat",
    "[A; B]": "vstack vertcat stack",
    "mean(x)": "avg",
    "sum(x)": "total",
    "digamma(x)": "psi",
    "exp(lgamma(x))": "gamma",
    "lgamma(x)": "lngamma",
    "unvec(x,m,n)": "reshape mat unstack devec",
    "vec(X)": "flatten ravel vectorize",
    "diag(X)": "diagonal diagflat",
    "X - Diag(X)": "offdiag",
    "sym(X)": "symmetrize",
}
INSTEAD = {name: expression for expression, names in _spoken.items() for name in names.split()}
"""What other languages and books call it, in lower case, and an expression that does it; names that are read as they
are stand in the records, as their `spellings`."""


def refused(name: str) -> UnsupportedError | None:
    """The refusal of a known word that is not in the language, or None."""
    found = REFUSALS.get(name)
    return None if found is None else UnsupportedError(f"{name} is not in the language: {found[0]}", hint=found[1])
