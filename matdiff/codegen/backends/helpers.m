function x = number(x, name)
% A real number in double precision.
if ~isscalar(x) || ~(isnumeric(x) || islogical(x)) || ~isreal(x)
  error('matdiff:shape', '%s must be a real number', name);
end
x = double(x);
end

function x = column(x, name)
% A real vector as a column in double precision.
if ~(isvector(x) || isempty(x)) || ~(isnumeric(x) || islogical(x)) || ~isreal(x)
  error('matdiff:shape', '%s must be a real vector', name);
end
x = double(x(:));
end

function A = array(A, name)
% A real matrix in double precision.
if ~ismatrix(A) || ~(isnumeric(A) || islogical(A)) || ~isreal(A)
  error('matdiff:shape', '%s must be a real matrix', name);
end
A = double(A);
end

function expect(A, rows, cols, name)
% Refuses an array of another shape.
if size(A, 1) ~= rows || size(A, 2) ~= cols
  error('matdiff:shape', '%s must be %gx%g, and is %dx%d', name, rows, cols, size(A, 1), size(A, 2));
end
end

function y = real_asin(x)
% The arcsine of numbers from -1 to 1.
if any(any(abs(x) > 1)), error('matdiff:domain', 'asin takes numbers from -1 to 1'); end
y = asin(x);
end

function y = real_acos(x)
% The arccosine of numbers from -1 to 1.
if any(any(abs(x) > 1)), error('matdiff:domain', 'acos takes numbers from -1 to 1'); end
y = acos(x);
end

function y = sigmoid(x)
% 1/(1 + exp(-x)), without overflow.
e = exp(-abs(x));
y = ((x >= 0) + (x < 0) .* e) ./ (1 + e);
end

function y = softplus(x)
% log(1 + exp(x)), without overflow.
y = max(x, 0) + log1p(exp(-abs(x)));
end

function y = log_sigmoid(x)
% -log(1 + exp(-x)), without overflow.
y = min(x, 0) - log1p(exp(-abs(x)));
end

function z = logaddexp(x, y)
% log(exp(x) + exp(y)), without overflow.
top = max(x, y);
z = top + log1p(exp(-abs(x - y)));
z(isinf(top)) = top(isinf(top));
end

function y = sech2(u)
% 1 - tanh(u)^2 without cancellation.
e = exp(-2 * abs(u));
y = 4 * e ./ (1 + e) .^ 2;
end

function y = positive_or_one(x)
% x where it is positive, else 1.
y = x;
y(~(x > 0)) = 1;
end

function s = dot_over(x, y, s)
% <x, y>/s, the division first where the product leaves the range of floats.
total = sum(sum(x .* y));
if abs(total) > 1e-30 && abs(total) < Inf
  s = total / s;
else
  s = sum(sum((x / s) .* y));
end
end

function r = root_of_sum(c, X)
% sqrt(c + |X|^2) for c > 0.
r = hypot(sqrt(c), norm(X, 'fro'));
end

function r = hypot_norm(s, X)
% sqrt(s^2 + |X|^2).
r = hypot(s, norm(X, 'fro'));
end

function y = softmax(x)
% exp(x) divided by its sum, without overflow.
y = exp(x - max(x));
y = y / sum(y);
end

function s = logsumexp(X)
% The logarithm of the sum of exp over all entries, without overflow.
top = max(max(X));
if isinf(top), s = top; return; end
s = top + log(sum(sum(exp(X - top))));
end

function Y = row_exp(X)
% exp(X) with each row divided by its largest entry.
Y = exp(X - max(X, [], 2));
end

function Y = row_softmax(X)
% exp(X) divided by its row sums, without overflow.
Y = row_exp(X);
Y = Y ./ sum(Y, 2);
end

function y = row_logsumexp(X)
% The logarithm of the row sums of exp, without overflow.
top = max(X, [], 2);
top(isinf(top)) = 0;
y = top + log(sum(exp(X - top), 2));
end

function e = unit(n, i)
% Column i of the identity.
e = double((1:n)' == i);
end

function K = commutation(m, n)
% The K with K vec(A) = vec(A') for A: m x n.
K = eye(m * n);
K = K(reshape(reshape(1:m * n, m, n)', 1, []), :);
end

function D = duplication(n)
% The D with D vech(A) = vec(A) for symmetric A: n x n.
places = unvech((1:n * (n + 1) / 2)', n);
D = double(reshape(places, [], 1) == 1:n * (n + 1) / 2);
end

function x = vech(A)
% The columns of the lower triangle stacked.
x = A(tril(true(size(A))));
end

function A = unvech(x, n)
% The symmetric matrix whose lower triangle has the columns x.
A = unvech_lower(x, n);
A = A + tril(A, -1)';
end

function A = unvech_lower(x, n)
% The lower triangular matrix with the columns x.
A = zeros(n);
A(tril(true(n))) = x;
end

function A = unkron_left(Y, B, m, n)
% The adjoint of A -> kron(A, B) for A: m x n, applied to Y: the <block i, j of Y, B>.
[p, q] = size(B);
A = zeros(m, n);
for i = 1:m
  for j = 1:n
    A(i, j) = sum(sum(Y((i - 1) * p + (1:p), (j - 1) * q + (1:q)) .* B));
  end
end
end

function B = unkron_right(A, Y, p, q)
% The adjoint of B -> kron(A, B) for B: p x q, applied to Y: the blocks of Y weighted by A.
[m, n] = size(A);
B = zeros(p, q);
for i = 1:m
  for j = 1:n
    B = B + A(i, j) * Y((i - 1) * p + (1:p), (j - 1) * q + (1:q));
  end
end
end

function K = khatri_rao(A, B)
% The Kronecker products of the columns of A and B.
[m, s] = size(A);
p = size(B, 1);
K = reshape(reshape(B, p, 1, s) .* reshape(A, 1, m, s), m * p, s);
end

function s = logabsdet(A)
% The logarithm of |det(A)|.
[~, U, ~] = lu(A);
s = sum(log(abs(diag(U))));
end

function s = signdet(A)
% The sign of det(A).
[~, U, P] = lu(A);
s = det(P) * prod(sign(diag(U)));
end

function d = det_power(A, p)
% det(A)^p, also where det(A) is too small or too large for a float.
d = signdet(A) ^ p * exp(p * logabsdet(A));
end

function s = gram_logdet(X)
% log det(X' X) from the triangular factor of X.
if size(X, 1) < size(X, 2), s = -Inf; return; end
[~, R] = qr(X, 0);
s = 2 * sum(log(abs(diag(R))));
end

function Y = adjugate(X)
% det(X) inv(X), from the singular values, defined for singular X too.
[U, S, V] = svd(X);
s = diag(S);
n = numel(s);
others = ones(n, 1);
for i = 1:n
  others(i) = prod(s([1:i - 1, i + 1:n]));
end
Y = det(U) * det(V) * V * diag(others) * U';
end

function others = left_out(s)
% The products of all entries but those of i and j, with zeros on the diagonal.
n = numel(s);
others = zeros(n);
for i = 1:n
  for j = 1:n
    if i ~= j
      rest = s;
      rest([i, j]) = [];
      others(i, j) = prod(rest);
    end
  end
end
end

function Y = adjugate_along(X, D)
% The derivative of det(X) inv(X) along D, defined for singular X too.
[U, S, V] = svd(X);
others = left_out(diag(S));
M = U' * D * V;
Y = det(U) * det(V) * V * (diag(others * diag(M)) - others .* M) * U';
end

function H = det_second(X)
% The second derivatives of det(X) by vec(X), defined for singular X too.
[U, S, V] = svd(X);
n = size(X, 1);
others = left_out(diag(S));
H = zeros(n * n);
for i = 1:n
  for j = 1:n
    if i ~= j
      a = kron(V(:, i), U(:, i));
      b = kron(V(:, j), U(:, j));
      c = kron(V(:, j), U(:, i));
      d = kron(V(:, i), U(:, j));
      H = H + others(i, j) * (a * b' - c * d');
    end
  end
end
H = det(U) * det(V) * H;
end

function [Q, v] = symmetric_eig(S)
% Eigenvectors and eigenvalues of a symmetric matrix, in ascending order.
[Q, D] = eig((S + S') / 2);
[v, order] = sort(diag(D));
Q = Q(:, order);
end

function v = eigenvalues(S)
% The eigenvalues of a symmetric matrix, in ascending order.
[~, v] = symmetric_eig(S);
end

function v = eigenvalue(S, i)
% The i-th smallest eigenvalue of a symmetric matrix.
v = eigenvalues(S);
v = v(i);
end

function q = eigenvector(S, i)
% The unit eigenvector of the i-th smallest eigenvalue of a symmetric matrix.
Q = symmetric_eig(S);
q = Q(:, i);
end

function R = reduced_resolvent(S, i)
% The pseudoinverse of w I - S for the i-th smallest eigenvalue w of a symmetric matrix, which must be simple.
[Q, v] = symmetric_eig(S);
gaps = v(i) - v;
gaps(i) = Inf;
if min(abs(gaps)) <= 1e-12 * max(abs(v))
  error('matdiff:domain', 'eigenvalue number %d is not simple', i);
end
R = (Q ./ gaps') * Q';
end

function G = eiggaps(v)
% 1/(v_j - v_i), with zeros on the diagonal and wherever values are equal.
gaps = v' - v;
equal = gaps == 0;
G = 1 ./ (gaps + equal) .* ~equal;
end

function s = singular_value(A, i)
% The i-th largest singular value; 0 where it is no more than rounding.
s = svd(A);
s = s(i) * (s(i) > eps * max(size(A)) * s(1));
end

function Q = polar(A)
% The orthogonal factor U V' of A = U S V'.
[U, ~, V] = svd(A, 'econ');
Q = U * V';
end

function [U, V] = svd_factors(A)
% Singular vectors of A = U S V'; the entry of largest absolute value in every column of V is positive.
tall(A);
[U, ~, V] = svd(A, 'econ');
n = size(V, 1);
[~, k] = max(abs(V), [], 1);
signs = 1 - 2 * (V(k + n * (0:n - 1)) < 0);
U = U .* signs;
V = V .* signs;
end

function V = svd_right(A)
% The right singular vectors of A = U S V', with the signs of svd_factors.
[~, V] = svd_factors(A);
end

function [Q, R] = qr_factors(A)
% Q with orthonormal columns and R upper triangular with a positive diagonal, Q R = A.
tall(A);
[Q, R] = qr(A, 0);
signs = 1 - 2 * (diag(R) < 0);
Q = Q .* signs';
R = signs .* R;
end

function R = qr_right(A)
% The upper triangular factor with a positive diagonal of A = Q R.
[~, R] = qr_factors(A);
end

function [L, U] = lu_factors(A)
% L and U with L U = A, L with ones on its diagonal; no rows are exchanged.
n = size(A, 1);
L = eye(n);
U = A;
for k = 1:n - 1
  below = k + 1:n;
  L(below, k) = U(below, k) / U(k, k);
  U(below, :) = U(below, :) - L(below, k) * U(k, :);
end
U = triu(U);
end

function U = lu_upper(A)
% The upper triangular factor of A = L U, no rows being exchanged.
[~, U] = lu_factors(A);
end

function tall(A)
% Refuses a matrix with more columns than rows.
if size(A, 1) < size(A, 2)
  error('matdiff:shape', 'a %dx%d matrix has more columns than rows', size(A, 1), size(A, 2));
end
end

function Y = lastcols(X, k)
% The last k columns, the last one first.
Y = X(:, end:-1:end - k + 1);
end

function P = largest(X)
% 1 at the largest entry, by rows the first of equal ones, 0 elsewhere.
[~, k] = max(reshape(X', [], 1));
P = zeros(size(X'));
P(k) = 1;
P = P';
end

function P = rowlargest(X)
% 1 at the largest entry of every row, 0 elsewhere.
[~, k] = max(X, [], 2);
P = double(k == 1:size(X, 2));
end

function F = real_part(F)
% F as a real matrix; NaN where it is not real.
if ~isreal(F)
  if max(max(abs(imag(F)))) <= 1e-8 * max(max(abs(F)))
    F = real(F);
  else
    F = NaN(size(F));
  end
end
end

function F = real_sqrtm(X)
% The principal square root; NaN where that is not real.
F = real_part(sqrtm(X));
end

function F = real_logm(X)
% The principal logarithm; NaN where that is not real.
F = real_part(logm(X));
end

function F = matrix_power(A, p)
% A^p: by products for a whole p, else the principal power; NaN where that is not real.
if p == round(p)
  F = A ^ p;
elseif isequal(A, A')
  [Q, v] = symmetric_eig(A);
  v(v <= 0) = NaN;
  F = Q * diag(v .^ p) * Q';
else
  F = real_part(expm(p * logm(A)));
end
end

function F = frechet_block(f, A, V, size)
% The derivative of a function of matrices at A in the direction V: the corner of f([A, V; 0, A]).
n = rows_of(A);
scale = size * norm(A, 'fro') / max(norm(V, 'fro'), realmin);
if ~(scale > 0) || isinf(scale), scale = 1; end
F = f([A, scale * V; zeros(n), A]);
F = F(1:n, n + 1:end) / scale;
end

function n = rows_of(A)
% The number of rows.
n = size(A, 1);
end

function F = frechet_expm(A, V)
% The derivative of the matrix exponential at A in the direction V.
F = frechet_block(@expm, A, V, 1);
end

function F = frechet_logm(A, V)
% The derivative of the logarithm at A in the direction V.
F = frechet_block(@real_logm, A, V, 1e-3);
end

function F = frechet_cosm(A, V)
% The derivative of the cosine of a matrix at A in the direction V.
F = real(frechet_block(@expm, 1i * A, 1i * V, 1));
end

function F = frechet_sinm(A, V)
% The derivative of the sine of a matrix at A in the direction V.
F = imag(frechet_block(@expm, 1i * A, 1i * V, 1));
end

function F = frechet_mpower(A, V, p)
% The derivative of A^p by A in the direction V.
F = frechet_block(@(X) matrix_power(X, p), A, V, 1);
end

function Y = map_columns(f, C)
% The values of a linear function at every column, as columns.
Y = [];
for j = 1:size(C, 2)
  y = f(C(:, j));
  Y = [Y, y(:)];
end
end
