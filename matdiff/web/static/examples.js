"use strict";
/* From the lessons that come with matdiff: title, function, variable, declarations. */
const EXAMPLES = [
  ["First steps", [
    ["A linear function", "tr(A*X*B)", "X"],
    ["A quadratic form", "x'*A*x", "x"],
    ["Least squares", "norm(A*x - b)^2/2", "x"],
    ["An inner product", "<A, X*X'>", "X"],
    ["In LaTeX", "\\frac{1}{2} \\lVert A x - b \\rVert_2^2 + \\lambda \\lVert x \\rVert_2^2", "x"],
  ]],
  ["Traces, determinants, inverses", [
    ["Log-determinant", "logdet(X'*X)", "X"],
    ["The inverse, a Jacobian", "inv(X)", "X"],
    ["Inverse of a spd matrix", "tr(inv(S)*C)", "S", { S: "n×n spd", C: "n×n symmetric" }],
    ["Determinant", "det(X)", "X"],
    ["Square of a matrix", "X^2", "X"],
  ]],
  ["Regression and learning", [
    ["A sum over data", "\\sum_{i=1}^N (y_i - w^\\top x_i)^2", "w"],
    ["Logistic regression", "sum(log(1 .+ exp(-y .* (X*w))))", "w"],
    ["Ridge regression", "norm(X*w - y)^2 + λ*norm(w)^2", "w"],
    ["Softmax cross-entropy", "logsumexp(W*x) - y'*W*x", "W"],
    ["Two layers", "norm(y - W*tanh(V*x))^2/2", "V"],
    ["Matrix factorisation", "norm(X - U*V')^2", "U,V"],
    ["Gaussian likelihood", "logdet(S) + (x - μ)'*inv(S)*(x - μ)", "S", { S: "n×n spd" }],
  ]],
  ["Structure and curved sets", [
    ["Log-determinant, symmetric", "logdet(S)", "S", { S: "n×n symmetric" }],
    ["Rayleigh quotient on the sphere", "x'*A*x", "x", { x: "n unit", A: "n×n symmetric" }],
    ["Orthonormal columns", "tr(X'*A*X)", "X", { X: "n×p orthonormal", A: "n×n symmetric" }],
    ["Largest eigenvalue", "lambda_max(S)", "S", { S: "n×n symmetric" }],
  ]],
  ["Kronecker products and entries", [
    ["Kronecker product", "kron(A, X)", "X"],
    ["Entry by entry", "sum(tanh(W*x + b))", "W"],
    ["Hadamard product", "tr(A'*(X .* X))", "X"],
  ]],
  ["Equations and unknown functions", [
    ["Implicit function", "A*x = b for x; norm(x - y)^2/2", "A"],
    ["A fixed point", "x = tanh(W*x + b) for x; c'*x", "b"],
    ["Chain rule", "h: n -> p; phi: p -> scalar; phi(h(x))", "x"],
    ["Definitions", "r = A*x - b; r'*r/2", "x"],
  ]],
];
