"""Refuses an array of another shape."""
function expect(A, shape, name)
    size(A) == shape || throw(DimensionMismatch("$name must have the size $shape, and has $(size(A))"))
end

"""1/(1 + exp(-x)), without overflow."""
function sigmoid(x)
    e = exp(-abs(x))
    return x >= 0 ? 1 / (1 + e) : e / (1 + e)
end

"""log(1 + exp(x)), without overflow."""
function softplus(x)
    return max(x, 0) + log1p(exp(-abs(x)))
end

"""-log(1 + exp(-x)), without overflow."""
function log_sigmoid(x)
    return min(x, 0) - log1p(exp(-abs(x)))
end

"""log(exp(x) + exp(y)), without overflow."""
function logaddexp(x, y)
    top = max(x, y)
    return isinf(top) ? top : top + log1p(exp(-abs(x - y)))
end

"""1 - tanh(u)^2 without cancellation."""
function sech2(u)
    e = exp(-2 * abs(u))
    return 4 * e / (1 + e)^2
end

"""x where it is positive, else 1."""
function positive_or_one(x)
    return x > 0 ? x : one(x)
end

"""<x, y>/s, the division first where the product leaves the range of floats."""
function dot_over(x, y, s)
    total = dot(x, y)
    return 1e-30 < abs(total) < Inf ? total / s : dot(x / s, y)
end

"""sqrt(c + |X|^2) for c > 0."""
function root_of_sum(c, X)
    return hypot(sqrt(c), norm(X))
end

"""sqrt(s^2 + |X|^2)."""
function hypot_norm(s, X)
    return hypot(s, norm(X))
end

"""exp(x) divided by its sum, without overflow."""
function softmax(x)
    weights = exp.(x .- maximum(x))
    return weights / sum(weights)
end

"""The logarithm of the sum of exp over all entries, without overflow."""
function logsumexp(X)
    top = maximum(X)
    return isinf(top) ? top : top + log(sum(exp.(X .- top)))
end

"""exp(X) with each row divided by its largest entry."""
function row_exp(X)
    return exp.(X .- maximum(X, dims=2))
end

"""exp(X) divided by its row sums, without overflow."""
function row_softmax(X)
    weights = row_exp(X)
    return weights ./ sum(weights, dims=2)
end

"""The logarithm of the row sums of exp, without overflow."""
function row_logsumexp(X)
    return [logsumexp(row) for row in eachrow(X)]
end

"""Column i of the identity."""
function unit(n, i)
    return float.((1:n) .== i)
end

"""The K with K vec(A) = vec(A') for A: m x n."""
function commutation(m, n)
    places = vec(permutedims(reshape(1:(m * n), m, n)))
    return Matrix(1.0I, m * n, m * n)[places, :]
end

"""The D with D vech(A) = vec(A) for symmetric A: n x n."""
function duplication(n)
    count = n * (n + 1) ÷ 2
    places = vec(unvech(collect(1:count), n))
    return float.(places .== (1:count)')
end

"""The columns of the lower triangle stacked."""
function vech(A)
    n = size(A, 1)
    return [A[i, j] for j in 1:n for i in j:n]
end

"""The symmetric matrix whose lower triangle has the columns x."""
function unvech(x, n)
    place(i, j) = (j - 1) * n - (j - 1) * (j - 2) ÷ 2 + i - j + 1
    return [x[place(max(i, j), min(i, j))] for i in 1:n, j in 1:n]
end

"""The lower triangular matrix with the columns x."""
function unvech_lower(x, n)
    return tril(unvech(x, n))
end

"""The adjoint of A -> kron(A, B) for A: m x n, applied to Y: the <block i, j of Y, B>."""
function unkron_left(Y, B, m, n)
    p, q = size(B)
    return [dot(Y[(i * p - p + 1):(i * p), (j * q - q + 1):(j * q)], B) for i in 1:m, j in 1:n]
end

"""The adjoint of B -> kron(A, B) for B: p x q, applied to Y: the blocks of Y weighted by A."""
function unkron_right(A, Y, p, q)
    m, n = size(A)
    return sum(A[i, j] * Y[(i * p - p + 1):(i * p), (j * q - q + 1):(j * q)] for i in 1:m, j in 1:n)
end

"""The Kronecker products of the columns of A and B."""
function khatri_rao(A, B)
    return reduce(hcat, [kron(a, b) for (a, b) in zip(eachcol(A), eachcol(B))])
end

"""det(A)^p, also where det(A) is too small or too large for a float."""
function det_power(A, p)
    size, sign = logabsdet(A)
    return sign^p * exp(p * size)
end

"""log det(X' X) from the triangular factor of X."""
function gram_logdet(X)
    size(X, 1) < size(X, 2) && return -Inf
    return 2 * sum(log.(abs.(diag(qr(X).R))))
end

"""det(X) inv(X), from the singular values, defined for singular X too."""
function adjugate(X)
    U, s, V = svd(X)
    others = [prod(s[[1:(i - 1); (i + 1):end]]) for i in eachindex(s)]
    return det(U) * det(V) * V * Diagonal(others) * U'
end

"""The products of all entries but those of i and j, with zeros on the diagonal."""
function left_out(s)
    n = length(s)
    return [i == j ? 0.0 : prod(s[k] for k in 1:n if k != i && k != j; init=1.0) for i in 1:n, j in 1:n]
end

"""The derivative of det(X) inv(X) along D, defined for singular X too."""
function adjugate_along(X, D)
    U, s, V = svd(X)
    others = left_out(s)
    M = U' * D * V
    return det(U) * det(V) * V * (Diagonal(others * diag(M)) - others .* M) * U'
end

"""The second derivatives of det(X) by vec(X), defined for singular X too."""
function det_second(X)
    U, s, V = svd(X)
    n = size(X, 1)
    others = left_out(s)
    H = zeros(n * n, n * n)
    for i in 1:n, j in 1:n
        a, b = kron(V[:, i], U[:, i]), kron(V[:, j], U[:, j])
        c, d = kron(V[:, j], U[:, i]), kron(V[:, i], U[:, j])
        H += others[i, j] * (a * b' - c * d')
    end
    return det(U) * det(V) * H
end

"""The eigenvalues of a symmetric matrix, in ascending order."""
function eigenvalues(S)
    return eigvals(Symmetric((S + S') / 2))
end

"""The eigenvectors of a symmetric matrix, in the order of its eigenvalues."""
function eigenvectors(S)
    return eigvecs(Symmetric((S + S') / 2))
end

"""The i-th smallest eigenvalue of a symmetric matrix."""
function eigenvalue(S, i)
    return eigenvalues(S)[Int(i)]
end

"""The unit eigenvector of the i-th smallest eigenvalue of a symmetric matrix."""
function eigenvector(S, i)
    return eigenvectors(S)[:, Int(i)]
end

"""The pseudoinverse of w I - S for the i-th smallest eigenvalue w of a symmetric matrix, which must be simple."""
function reduced_resolvent(S, i)
    values, Q = eigen(Symmetric((S + S') / 2))
    gaps = [j == i ? Inf : values[Int(i)] - values[j] for j in eachindex(values)]
    minimum(abs.(gaps)) > 1e-12 * maximum(abs.(values)) || throw(DomainError(i, "this eigenvalue is not simple"))
    return (Q ./ gaps') * Q'
end

"""1/(v_j - v_i), with zeros on the diagonal and wherever values are equal."""
function eiggaps(v)
    return [a == b ? 0.0 : 1 / (b - a) for a in v, b in v]
end

"""The i-th largest singular value; 0 where it is no more than rounding."""
function singular_value(A, i)
    s = svdvals(A)
    found = s[Int(i)]
    return found > eps() * maximum(size(A)) * s[1] ? found : 0.0
end

"""The orthogonal factor U V' of A = U S V'."""
function polar(A)
    U, _, V = svd(A)
    return U * V'
end

"""Singular vectors of A = U S V'; the entry of largest absolute value in every column of V is positive."""
function svd_factors(A)
    tall(A)
    U, _, V = svd(A)
    signs = [v[argmax(abs.(v))] < 0 ? -1.0 : 1.0 for v in eachcol(V)]
    return U * Diagonal(signs), V * Diagonal(signs)
end

"""Q with orthonormal columns and R upper triangular with a positive diagonal, Q R = A."""
function qr_factors(A)
    tall(A)
    factors = qr(A)
    signs = [r < 0 ? -1.0 : 1.0 for r in diag(factors.R)]
    return Matrix(factors.Q) * Diagonal(signs), Diagonal(signs) * factors.R
end

"""L and U with L U = A, L with ones on its diagonal; no rows are exchanged."""
function lu_factors(A)
    n = size(A, 1)
    L, U = Matrix(1.0I, n, n), A
    for k in 1:(n - 1)
        column = [i > k ? U[i, k] / U[k, k] : 0.0 for i in 1:n]
        L += column * unit(n, k)'
        U -= column * U[k, :]'
    end
    return L, triu(U)
end

"""Refuses a matrix with more columns than rows."""
function tall(A)
    size(A, 1) >= size(A, 2) || throw(DimensionMismatch("a matrix of the size $(size(A)) has more columns than rows"))
end

"""The last k columns, the last one first."""
function lastcols(X, k)
    return X[:, end:-1:(end - k + 1)]
end

"""1 at the largest entry, by rows the first of equal ones, 0 elsewhere."""
function largest(X)
    X isa Number && return 1.0
    X isa AbstractVector && return unit(length(X), argmax(X))
    place = argmax(permutedims(X))
    return [float(i == place[2] && j == place[1]) for i in axes(X, 1), j in axes(X, 2)]
end

"""1 at the largest entry of every row, 0 elsewhere."""
function rowlargest(X)
    return reduce(vcat, [unit(length(row), argmax(row))' for row in eachrow(X)])
end

"""F as a real matrix; NaN where it is not real."""
function real_part(F)
    eltype(F) <: Real && return Matrix(F)
    return maximum(abs.(imag.(F))) <= 1e-8 * maximum(abs.(F)) ? real.(F) : fill(NaN, size(F))
end

"""The principal square root; NaN where that is not real."""
function real_sqrtm(X)
    return real_part(sqrt(Matrix(X)))
end

"""The principal logarithm; NaN where that is not real."""
function real_logm(X)
    return real_part(log(Matrix(X)))
end

"""A^p: by products for a whole p, else the principal power; NaN where that is not real."""
function matrix_power(A, p)
    isinteger(p) && return Matrix(A)^Int(p)
    return real_part(Matrix(A)^p)
end

"""The derivative of a function of matrices at A in the direction V: the corner of f([A V; 0 A])."""
function frechet_block(f, A, V, size)
    n = LinearAlgebra.checksquare(A)
    scale = size * norm(A) / max(norm(V), floatmin())
    0 < scale < Inf || (scale = 1.0)
    return f([A scale * V; zero(A) A])[1:n, (n + 1):end] / scale
end

"""The derivative of the matrix exponential at A in the direction V."""
function frechet_expm(A, V)
    return frechet_block(exp, A, V, 1)
end

"""The derivative of the logarithm at A in the direction V."""
function frechet_logm(A, V)
    return frechet_block(real_logm, A, V, 1e-3)
end

"""The derivative of the cosine of a matrix at A in the direction V."""
function frechet_cosm(A, V)
    return frechet_block(cos, A, V, 1)
end

"""The derivative of the sine of a matrix at A in the direction V."""
function frechet_sinm(A, V)
    return frechet_block(sin, A, V, 1)
end

"""The derivative of A^p by A in the direction V."""
function frechet_mpower(A, V, p)
    return frechet_block(X -> matrix_power(X, p), A, V, 1)
end

"""The values of a linear function at every column, as columns."""
function map_columns(f, C)
    return reduce(hcat, [vec(f(collect(c))) for c in eachcol(C)])
end
