"""Convexity: verdicts against a table of known ones, certificates and counter-examples by values, records by NumPy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.calculus import compositions
from matdiff.cli.app import run
from matdiff.core.op import Op, registry
from matdiff.verify import convexity

TABLE = [
    ("convex", "x'*P*x", "x", "P: n×n spd"),
    ("convex", "norm(A*x - b)^2", "x", ""),
    ("convex", "(A*x - b)'*(A*x - b)", "x", ""),
    ("convex", "sum((A*x - b).^2)", "x", ""),
    ("convex", "logsumexp(A*x)", "x", ""),
    ("convex", "log(sum(exp(A*x)))", "x", ""),
    ("convex", "sum(rowlogsumexp(X*W)) - tr(Y'*X*W)", "W", ""),
    ("convex", "sum(rownorm(X)) + norm21(X*B)", "X", "X: m×n"),
    ("convex", "max(rowmax(A*X))", "X", "X: n×k"),
    ("convex", "norm(X'*X)", "X", "X: m×n"),
    ("convex", "norm(X*X')^2 + norm(X)", "X", "X: m×n"),
    ("convex", "tr(X'*X*X'*X)", "X", "X: m×n"),
    ("convex", "tr((X'*X)^3)", "X", "X: m×n"),
    ("neither", "norm(X'*X - eye(n))", "X", "X: m×n"),
    ("concave", "min(A*x)", "x", ""),
    ("convex", "sum(max(A*x, x.^2))", "x", "A: n×n; x: n"),
    ("concave", "sum(min(x, log(x)))", "x", "x: n"),
    ("convex", "sqrt(1 + x'*x)", "x", ""),
    ("convex", "x'*x/t", "x,t", "t: scalar positive"),
    ("convex", "x'*x/t", "x", "t: scalar positive; x: n"),
    ("convex", "sum(x.*log(x))", "x", "x: n positive"),
    ("convex", "x'*log(x)", "x", "x: n"),
    ("convex", "sum(x.*log(x./y))", "x,y", "x: n positive; y: n positive"),
    ("convex", "sum(x.*(log(x) - log(y)))", "x,y", "x: n positive; y: n positive"),
    ("convex", "x'*log(x) - x'*log(y)", "x,y", "x: n positive; y: n positive"),
    ("convex", "sum(x.*log(x./y) - x + y)", "x,y", "x: n positive; y: n positive"),
    ("convex", "tr(V'*P*V)", "V", "P: n×n spd; V: n×k"),
    ("convex", "sum(log(1 .+ exp(-y.*(X*w))))", "w", "X: m×n"),
    ("convex", "log(1 + exp(-t*(w'*x)))", "w", "t: scalar; x: n; w: n"),
    ("convex", "-logdet(X)", "X", "X: n×n spd"),
    ("convex", "logdet(inv(X))", "X", "X: n×n spd"),
    ("convex", "tr(inv(X))", "X", "X: n×n spd"),
    ("convex", "c'*inv(X)*c", "X", "X: n×n spd; c: n"),
    ("convex", "x'*x + 1/(c'*y)", "x,y", "c: n positive; y: n positive; x: n"),
    ("convex", "softplus(x'*P*x)", "x", "P: n×n spd"),
    ("convex", "norm(x)^3", "x", "x: n"),
    ("convex", "norm(x)^1.5", "x", "x: n"),
    ("convex", "(x'*x)^2", "x", "x: n"),
    ("convex", "(x'*x)^(3/2)", "x", "x: n"),
    ("convex", "sum(y.*exp(y))", "y", "y: n positive"),
    ("convex", "y'*exp(y)", "y", "y: n positive"),
    ("affine", "(x+1)^2 - x^2", "x", "x: scalar"),
    ("affine", "c'*x + 2", "x", ""),
    ("affine", "tr(A*X)", "X", ""),
    ("convex", "norm(x)^2 - 2*x'*y + norm(y)^2", "x,y", "x: n; y: n"),
    ("convex", "norm(x - y)^2", "x,y", "x: n; y: n"),
    ("convex", "x'*x - 2*b'*x + 5", "x", ""),
    ("convex", "x'*A'*A*x", "x", ""),
    ("convex", "x'*(A'*A + lambda*eye(n))*x", "x", "A: m×n; lambda: scalar positive"),
    ("convex", "x'*diag(p)*x", "x", "p: n positive"),
    ("convex", "norm(A*x-b)^2 + lambda*norm(x)^2", "x", "lambda: scalar positive; x: n"),
    ("convex", "norm(A*x-b)^2/2 + lambda*norm1(x)", "x", "lambda: scalar positive"),
    ("unknown", "norm(A*x-b)^2 + lambda*norm(x)^2", "x", "lambda: scalar; x: n"),
    ("convex", "max(1 - y*(w'*x), 0)", "w", "y: scalar; x: n; w: n"),
    ("convex", "b'*x + relu(a'*x - b'*x)", "x", ""),
    ("convex", "norm(X - B)^2", "X", ""),
    ("convex", "tr((A*X-B)'*(A*X-B))", "X", ""),
    ("convex", "nuclear(A*X - B)", "X", "A: m×n; X: n×k; B: m×k"),
    ("convex", "sigma_max(X)^2", "X", "X: m×n"),
    ("convex", "lambda_max(X)", "X", "X: n×n symmetric"),
    ("concave", "lambda_min(X)", "X", "X: n×n symmetric"),
    ("convex", "lambda_max(X'*X)", "X", "X: m×n"),
    ("convex", "lambda_max(A + diag(x))", "x", "A: n×n symmetric"),
    ("concave", "logdet(A + diag(x))", "x", "A: n×n spd; x: n positive"),
    ("concave", "logdet(X) - tr(S*X)", "X", "X: n×n spd; S: n×n symmetric"),
    ("concave", "log(det(X))", "X", "X: n×n spd"),
    ("concave", "det(X)^(1/n)", "X", "X: n×n spd"),
    ("concave", "prod(x)^(1/n)", "x", "x: n positive"),
    ("concave", "sqrt(x*y)", "x,y", "x: scalar positive; y: scalar positive"),
    ("concave", "-sum(x.*log(x))", "x", "x: n"),
    ("concave", "sum(log(x))", "x", "x: n"),
    ("concave", "sum(sqrt(x))", "x", "x: n"),
    ("concave", "sqrt(1 - x'*x)", "x", "x: n"),
    ("concave", "log(1 - x'*x)", "x", "x: n"),
    ("concave", "sum(log(sigmoid(X*w)))", "w", ""),
    ("convex", "-sum(log(b - A*x))", "x", ""),
    ("convex", "1/x", "x", "x: scalar positive"),
    ("convex", "1/(x*y)", "x,y", "x: scalar positive; y: scalar positive"),
    ("convex", "x^2/y", "x,y", "x: scalar; y: scalar positive"),
    ("convex", "(x - y)^2/(x + y)", "x,y", "x: scalar positive; y: scalar positive"),
    ("convex", "x'*inv(P)*x", "x,P", "P: n×n spd; x: n"),
    ("convex", "tr(X'*inv(S)*X)", "X,S", "X: n×m; S: n×n spd"),
    ("convex", "tr(X'*P*X*Q)", "X", "X: m×n; P: m×m spd; Q: n×n spd"),
    ("convex", "sum(log(cosh(A*x - b)))", "x", ""),
    ("convex", "sum(sqrt((A*x - b).^2 .+ epsilon))", "x", "epsilon: scalar positive"),
    ("convex", "exp(x'*x)", "x", "x: n"),
    ("convex", "2^x", "x", "x: scalar"),
    ("convex", "x^4", "x", "x: scalar"),
    ("convex", "abs(x)^3", "x", "x: scalar"),
    ("convex", "x^3", "x", "x: scalar positive"),
    ("convex", "norm(relu(A*x))^2", "x", ""),
    ("convex", "sum(relu(A*x - b).^2)", "x", ""),
    ("convex", "norminf(A*x - b)", "x", ""),
    ("convex", "sum(lgamma(x))", "x", "x: n"),
    ("convex", "exp(x) + exp(-x)", "x", "x: scalar"),
    ("convex", "log(exp(x) + exp(y))", "x,y", "x: scalar; y: scalar"),
    ("convex", "sum(exp(A*x)) - b'*(A*x)", "x", ""),
    ("convex", "logsumexp(W*x) - c'*(W*x)", "W", ""),
    ("convex", "x'*x + y'*y + x'*y", "x,y", "x: n; y: n"),
    ("convex", "x^2 + x*y + y^2", "x,y", "x: scalar; y: scalar"),
    ("convex", "exp(x)/y", "x,y", "x: scalar; y: scalar positive"),
    ("convex", "x*log(x) + (1-x)*log(1-x)", "x", "x: scalar"),
    ("convex", "sum(y.*softplus(x)) - y'*x", "x", "x: n; y: n positive"),
    ("convex", "mean((X*w - y).^2)", "w", ""),
    ("convex", "tr(X*inv(Y))", "Y", "X: n×n spd; Y: n×n spd"),
    ("convex", "a'*inv(A + diag(x))*a", "x", "A: n×n spd; x: n positive"),
    ("convex", "norm(U*V - B)^2", "V", ""),
    ("neither", "norm(U*V - B)^2", "U,V", ""),
    ("neither", "(x'*P*x)*(1 + x'*x)", "x", "P: n×n spd"),
    ("neither", "norm(relu(W*x) - y)^2", "x", ""),
    ("unknown", "x'*A*x", "x", ""),
    ("unknown", "x'*A*x", "x", "A: n×n symmetric"),
    ("neither", "x*y", "x,y", "x: scalar; y: scalar"),
    ("neither", "x'*y", "x,y", "x: n; y: n"),
    ("neither", "1/norm(x)", "x", "x: n"),
    ("neither", "tr(inv(X))", "X", "X: n×n"),
    ("neither", "det(X)", "X", "X: n×n"),
    ("neither", "logdet(X)", "X", "X: n×n"),
    ("neither", "1/x", "x", "x: scalar"),
    ("neither", "x^3", "x", "x: scalar"),
    ("neither", "sin(x)", "x", "x: scalar"),
    ("neither", "exp(-x'*x)", "x", "x: n"),
    ("neither", "log(x'*x)", "x", "x: n"),
    ("neither", "log(1 + x'*x)", "x", "x: n"),
    ("neither", "sigma_max(X) - nuclear(X)", "X", "X: m×n"),
    ("neither", "sum(sigmoid(x))", "x", "x: n"),
    ("neither", "norm(x)^2*exp(-norm(x)^2)", "x", "x: n"),
    ("neither", "(norm(x)^2 - 1)^2", "x", "x: n"),
    ("neither", "x^2/y", "x,y", "x: scalar; y: scalar"),
    ("neither", "abs(abs(x) - 1)", "x", "x: scalar"),
    ("neither", "sqrt(abs(x))", "x", "x: scalar"),
    ("neither", "x*exp(x)", "x", "x: scalar"),
    ("neither", "exp(x)*y", "x,y", "x: scalar; y: scalar positive"),
    ("neither", "norm(x)^2/norm(y)^2", "x,y", "x: n; y: n"),
    ("neither", "x'*P*x/(x'*x)", "x", "P: n×n spd"),
    ("neither", "tan(x)^2", "x", "x: scalar"),
    ("neither", "lambda_max(X) - lambda_min(X)*tr(X)", "X", "X: n×n symmetric"),
    ("unknown", "t*norm(x)^2", "x", "t: scalar; x: n"),
    ("concave", "x - x^3", "x", "x: scalar positive"),
    ("neither", "x^2*y^2", "x,y", "x: scalar; y: scalar"),
    ("neither", "norm(x)", "x", "x: n unit"),
    ("neither", "log(x)^2", "x", "x: scalar"),
    ("neither", "tr(X*X)", "X", "X: n×n"),
    ("convex", "tr(X*X)", "X", "X: n×n symmetric"),
    ("neither", "tr(X^3)", "X", "X: n×n symmetric"),
    ("convex", "tr(X^2)", "X", "X: n×n symmetric"),
    ("neither", "eigval(X,2)", "X", "X: 3×3 symmetric"),
    ("neither", "sum(cos(x))", "x", "x: n"),
    ("concave", "logdet(X) - logdet(X + A)", "X", "X: n×n spd; A: n×n spd"),
    ("concave", "2*logdet(X) - logdet(X + A) - logdet(X + B)", "X", "X: n×n spd; A: n×n spd; B: n×n spd"),
    ("neither", "logdet(X) - 2*logdet(X + A)", "X", "X: n×n spd; A: n×n spd"),
    ("convex", "logdet(C + H*inv(X)*H')", "X", "X: n×n spd; C: m×m spd; H: m×n"),
    ("convex", "tr(X*(logm(X) - logm(Y)))", "X,Y", "X: n×n spd; Y: n×n spd"),
    ("convex", "<X, logm(X) - logm(Y)> - tr(X) + tr(Y)", "X,Y", "X: n×n spd; Y: n×n spd"),
    ("concave", "tr(A'*sqrtm(X)*A*sqrtm(Y))", "X,Y", "X: n×n spd; Y: m×m spd"),
    ("concave", "tr(expm(A + logm(X)))", "X", "X: n×n spd; A: n×n symmetric"),
    ("convex", "sum(eigvals(X).^2)", "X", "X: n×n symmetric"),
    ("concave", "sum(log(eigvals(X)))", "X", "X: n×n spd"),
    ("convex", "sum(sqrt(1 .+ svdvals(X).^2))", "X", "X: 4×3"),
    ("neither", "sum(log(1 .+ svdvals(X)))", "X", "X: 4×3"),
    ("concave", "eigvals(X)[1] + eigvals(X)[2]", "X", "X: n×n symmetric"),
    ("convex", "eigval(X,n) + eigval(X,n-1)", "X", "X: n×n symmetric"),
    ("convex", "2*eigval(X,3) + eigval(X,2)", "X", "X: 3×3 symmetric"),
    ("neither", "eigval(X,3) + 2*eigval(X,2)", "X", "X: 3×3 symmetric"),
    ("convex", "sigma(X,1) + sigma(X,2)", "X", "X: m×n"),
    ("neither", "sigma(X,1) + 2*sigma(X,2)", "X", "X: 3×3"),
    ("convex", "tr(sqrtm(X'*X))", "X", "X: m×n"),
    ("convex", "log(c'*inv(X)*c)", "X", "X: n×n spd"),
    ("concave", "t*logdet(X/t)", "X,t", "X: n×n spd; t: scalar positive"),
    ("concave", "prod(x)^(1/3)", "x", "x: 3 positive"),
    ("neither", "prod(x)^(1/2)", "x", "x: 3 positive"),
    ("convex", "sum(x.^2) - sum(x)^2/n", "x", "x: n"),
    ("concave", "sum(log(normcdf(y.*(X*w))))", "w", ""),
    ("unknown", "x'*A*x + 2*x'*B*y + y'*C*y", "x,y", "A: n×n; B: n×m; C: m×m"),
    ("neither", "norm(x)*norm(y)", "x,y", "x: n; y: n"),
    ("convex", "\\lVert Ax - b\\rVert^2", "x", ""),
    ("convex", "\\frac12 x^\\top P x + q^\\top x", "x", "P: n×n spd; q: n"),
    ("convex", "tr(X'*X)", "X", "X: m×n"),
    ("convex", "tr(A'*X*B*X'*A)", "X", "B: n×n spd; X: m×n; A: m×k"),
    ("convex", "-logdet(X) + tr(S*X)", "X", "X: n×n spd; S: n×n spd"),
    ("convex", "tr(S*inv(X)) + logdet(inv(X))", "X", "X: n×n spd; S: n×n spd"),
    ("convex", "-2*sum(log(diag(L)))", "L", "L: n×n lower"),
    ("convex", "-log(det(X))", "X", "X: n×n spd"),
    ("convex", "1/det(X)", "X", "X: n×n spd"),
    ("convex", "det(inv(X))", "X", "X: n×n spd"),
    ("convex", "-lambda_min(X)", "X", "X: n×n symmetric"),
    ("convex", "lambda_max(X) - lambda_min(X)", "X", "X: n×n symmetric"),
    ("convex", "sum(abs(X))", "X", ""),
    ("convex", "norm(x - mean(x)*ones(n))^2", "x", "x: n"),
    ("convex", "x'*x/n - (ones(n)'*x/n)^2", "x", "x: n"),
    ("convex", "x'*x - (ones(n)'*x)^2/n", "x", "x: n"),
    ("convex", "norm(A*x-b)^2/norm(c)^2", "x", ""),
    ("convex", "(a'*x - b)^4", "x", "b: scalar; a: n; x: n"),
    ("convex", "exp(a'*x + b)", "x", "b: scalar; a: n; x: n"),
    ("convex", "(x'*x)/(1 + y)", "x,y", "y: scalar positive; x: n"),
    ("convex", "norm(x)/t", "x", "t: scalar positive; x: n"),
    ("convex", "log(1 + exp(-y*(w'*x + b)))", "w,b", "y: scalar; b: scalar; x: n; w: n"),
    ("convex", "sum(log(1 .+ exp(X*w)) - y.*(X*w))", "w", ""),
    ("convex", "sum(exp(X*w) - y.*(X*w))", "w", ""),
    ("convex", "sum(exp(-y.*(X*w)))", "w", ""),
    ("convex", "sum(relu(1 .- y.*(X*w))) + lambda*norm(w)^2/2", "w", "lambda: scalar positive"),
    ("convex", "norm(x)^4", "x", "x: n"),
    ("convex", "(x'*P*x)^2", "x", "P: n×n spd"),
    ("convex", "sqrt(x'*P*x)", "x", "P: n×n spd"),
    ("convex", "sqrt(x'*P*x + 1)", "x", "P: n×n spd"),
    ("convex", "log(sum(exp(x))) + x'*x", "x", "x: n"),
    ("convex", "softplus(a'*x)", "x", ""),
    ("convex", "-sum(log(x)) + c'*x", "x", "x: n positive"),
    ("convex", "-log(b - a'*x)", "x", "b: scalar; a: n; x: n"),
    ("convex", "-log(1 - x'*x)", "x", "x: n"),
    ("neither", "1/(1 - x^2)", "x", "x: scalar"),
    ("convex", "x'*diag(d)*x", "x", "d: n positive"),
    ("convex", "x'*L*x + norm(x - y)^2", "x", "L: n×n spd"),
    ("convex", "norm(x-y)^2 + norm(D*x)^2", "x", "D: m×n"),
    ("convex", "sum(sqrt(1 .+ (x - y).^2))", "x", "x: n; y: n"),
    ("convex", "norm1(D*x)", "x", "D: m×n"),
    ("convex", "sum(log(cosh(x)))", "x", "x: n"),
    ("convex", "x*log(x/y)", "x,y", "x: scalar positive; y: scalar positive"),
    ("convex", "x*log(x/y) - x + y", "x,y", "x: scalar positive; y: scalar positive"),
    ("convex", "-log(x) - log(y)", "x,y", "x: scalar; y: scalar"),
    ("concave", "x^0.3*y^0.7", "x,y", "x: scalar positive; y: scalar positive"),
    ("concave", "(x*y*z)^(1/3)", "x,y,z", "x: scalar positive; y: scalar positive; z: scalar positive"),
    ("convex", "x^3/y^2", "x,y", "x: scalar positive; y: scalar positive"),
    ("concave", "1/(1/x + 1/y)", "x,y", "x: scalar positive; y: scalar positive"),
    ("concave", "x*y/(x+y)", "x,y", "x: scalar positive; y: scalar positive"),
    ("concave", "log(a'*x + b)", "x", "b: scalar; a: n; x: n"),
    ("concave", "lambda_min(A + X)", "X", "X: n×n symmetric; A: n×n symmetric"),
    ("concave", "tr(sqrtm(X))", "X", "X: n×n spd"),
    ("concave", "-tr(inv(A + X))", "X", "X: n×n spd; A: n×n spd"),
    ("concave", "logdet(A + B*X*B')", "X", "X: n×n spd; A: m×m spd; B: m×n"),
    ("convex", "-logdet(eye(n) + diag(x))", "x", "x: n positive"),
    ("convex", "tr(inv(A + B'*X*B))", "X", "X: n×n spd; A: m×m spd; B: n×m"),
    ("convex", "b'*inv(A'*diag(x)*A + eye(n))*b", "x", "x: m positive; A: m×n"),
    ("convex", "sigma_max(A + X*B)", "X", ""),
    ("convex", "nuclear(X) + norm(X - Y)^2/2", "X", "X: m×n; Y: m×n"),
    ("convex", "norm(X - Y)^2 + lambda*norm1(X)", "X", "lambda: scalar positive; X: m×n"),
    ("convex", "sum(X.*log(X./Y))", "X", "X: m×n positive; Y: m×n positive"),
    ("convex", "sum(X.*log(X))", "X", "X: m×n"),
    ("convex", "tr(C'*X) + epsilon*sum(X.*log(X))", "X", "epsilon: scalar positive; X: m×n; C: m×n"),
    ("convex", "-sum(log(X))", "X", "X: m×n positive"),
    ("convex", "lambda_max(A'*diag(x)*A)", "x", ""),
    ("convex", "norm(W*X - Y)^2 + lambda*norm(W)^2", "W", "lambda: scalar positive; W: k×m; X: m×n"),
    ("convex", "logsumexp(A*x + b)/t", "x", "t: scalar positive"),
    ("convex", "t*logsumexp(x/t)", "x,t", "t: scalar positive; x: n"),
    ("convex", "exp(x)*exp(y)", "x,y", "x: scalar; y: scalar"),
    ("convex", "exp(x'*x)*exp(norm(x))", "x", "x: n"),
    ("convex", "relu(x)^2", "x", "x: scalar"),
    ("convex", "abs(a'*x - b)", "x", "b: scalar; a: n; x: n"),
    ("convex", "norminf(x)^2 + norm1(x)^2", "x", "x: n"),
    ("convex", "norm(exp(x))", "x", "x: n"),
    ("convex", "sum(x.^(-1))", "x", "x: n positive"),
    ("convex", "tr(X^(-1))", "X", "X: n×n spd"),
    ("convex", "tr(X^4)", "X", "X: n×n symmetric"),
    ("convex", "norm(x - y)", "x,y", "x: n; y: n"),
    ("convex", "norm(A*x + B*y - c)^2", "x,y", ""),
    ("convex", "kron(x,x)'*kron(x,x)", "x", "x: n"),
    ("convex", "x'*x/(a'*x + 1)", "x", "x: n positive; a: n positive"),
    ("convex", "sum(x.^2 ./ y)", "x,y", "x: n; y: n positive"),
    ("neither", "sum(x ./ y)", "x,y", "x: n positive; y: n positive"),
    ("neither", "log(x'*P*x + 1)", "x", "P: n×n spd"),
    ("neither", "x'*P*x - (c'*x)^4", "x", "P: n×n spd; c: n"),
    ("neither", "norm(x)^2 - norm(A*x)^2", "x", ""),
    ("neither", "tr(A*X*B*X)", "X", "X: n×n"),
    ("neither", "tr(inv(X)*Y)", "X,Y", "X: n×n spd; Y: n×n spd"),
    ("neither", "logdet(X'*X)", "X", "X: m×n"),
    ("neither", "logdet(X*X' + A)", "X", "X: n×m; A: n×n spd"),
    ("neither", "norm(x.*y)^2", "x,y", "x: n; y: n"),
    ("neither", "x'*A*y", "x,y", ""),
    ("neither", "norm(tanh(W*x) - y)^2", "x", ""),
    ("neither", "norm(A*X*B - X*X)", "X", "X: n×n"),
    ("neither", "det(X)^2", "X", "X: n×n"),
    ("neither", "exp(-norm(x))", "x", "x: n"),
    ("neither", "sigmoid(a'*x)", "x", ""),
    ("neither", "log(norm(x))", "x", "x: n"),
    ("neither", "max(x - y^2, 0)", "x,y", "x: scalar; y: scalar"),
    ("neither", "sqrt(norm(x))", "x", "x: n"),
    ("neither", "lambda_max(X)*lambda_min(X)", "X", "X: n×n symmetric"),
    ("convex", "norm(x)^2 - sum(x)^2/n", "x", "x: n"),
    ("convex", "norm(x)^2 - sum(x)^2/(2*n) + norm1(x)", "x", "x: n"),
    ("neither", "norm(x)^2 - 2*sum(x)^2/n", "x", "x: n"),
    ("neither", "norm(x)^2 - (c'*x)^2", "x", "x: n"),
    ("convex", "norm(c)^2*norm(x)^2 - (c'*x)^2", "x", "x: n"),
    ("convex", "t*exp(x/t)", "x,t", "t: scalar positive; x: scalar"),
    ("concave", "t*log(x/t)", "x,t", "t: scalar positive; x: scalar positive"),
    ("convex", "t*norm(x/t)^2", "x,t", "t: scalar positive; x: n"),
    ("neither", "t*exp(x/t)*x", "x,t", "t: scalar positive; x: scalar"),
    ("convex", "tr(X^3)", "X", "X: n×n spd"),
    ("convex", "(x^3 + y^3)^(1/3)", "x,y", "x: scalar positive; y: scalar positive"),
    ("concave", "(x^0.5 + y^0.5)^2", "x,y", "x: scalar positive; y: scalar positive"),
    ("concave", "sum(x.^0.5)^2", "x", "x: n positive"),
    ("convex", "sum(x.^3)^(1/3)", "x", "x: n positive"),
    ("neither", "(x^0.5 + y^0.5)^3", "x,y", "x: scalar positive; y: scalar positive"),
    ("concave", "sum(1./x)^(-1)", "x", "x: n positive"),
    ("convex", "sum(x.*log(x./y))", "x", "x: n; y: n positive"),
    ("convex", "sum(x.*log(x./y))", "x,y", "x: n; y: n positive"),
    ("concave", "sum(log(p.*x))", "x", "x: n; p: n positive"),
    ("convex", "sum((A*x-b).^2/2 - relu(abs(A*x-b) .- 1).^2/2)", "x", ""),
    ("convex", "sum((A*x-b).^2/2 - max(abs(A*x-b) .- delta, 0).^2/2)", "x", "delta: scalar positive"),
    ("concave", "exp(mean(log(x)))", "x", "x: n positive"),
    ("concave", "exp(0.3*log(x) + 0.7*log(y))", "x,y", "x: scalar; y: scalar"),
    ("neither", "exp(0.6*log(x) + 0.7*log(y))", "x,y", "x: scalar; y: scalar"),
    ("concave", "1/(c'*inv(X)*c)", "X", "X: n×n spd; c: n"),
    ("neither", "exp(-log(x)^2)", "x", "x: scalar positive"),
    ("convex", "exp(log(x)^2)", "x", "x: scalar positive"),
    ("concave", "1/tr(inv(A + X))", "X", "X: n×n spd; A: n×n spd"),
    ("convex", "(1 + x'*x)*log(1 + x'*x)", "x", "x: n"),
    ("convex", "(x'*P*x)*(1 + x'*P*x)", "x", "P: n×n spd"),
    ("convex", "norm(x)*exp(norm(x))", "x", "x: n"),
    ("neither", "norm(x)*exp(-norm(x))", "x", "x: n"),
    ("convex", "x^2 + cos(x)", "x", "x: scalar"),
    ("neither", "x^2/3 + cos(x)", "x", "x: scalar"),
    ("convex", "x^4 - 2*x^3 + 3*x^2", "x", "x: scalar"),
    ("neither", "x^4 - 3*x^3 + 3*x^2", "x", "x: scalar"),
    ("convex", "x^4 + x^2*y^2 + y^4", "x,y", "x: scalar; y: scalar"),
    ("neither", "x^4 - 3*x^2*y^2 + y^4", "x,y", "x: scalar; y: scalar"),
    ("convex", "tr(X*logm(X))", "X", "X: n×n spd"),
    ("neither", "tr(X*sinm(X))", "X", "X: n×n symmetric"),
    ("convex", "log(tr(expm(X)))", "X", "X: n×n symmetric"),
    ("concave", "logdet(A'*diag(x)*A)", "x", "A: m×n; x: m positive"),
    ("concave", "tr(sqrtm(A*X*A))", "X", "X: n×n spd; A: n×n spd"),
    ("convex", "tr(X*inv(Y)) - logdet(X*inv(Y))", "X", "X: n×n spd; Y: n×n spd"),
    ("convex", "sum(x.*log(x)) - sum(x)*log(sum(x))", "x", "x: n positive"),
    ("neither", "sum(x.*log(x)) - 2*sum(x)*log(sum(x))", "x", "x: n positive"),
    ("convex", "x'*x - x'*A*inv(A'*A)*A'*x", "x", ""),
    ("convex", "x'*(I - A*inv(A'*A)*A')*x", "x", "A: m×n"),
    ("convex", "norm(x)^2 - (a'*x)^2/(a'*a)", "x", "x: n"),
    ("neither", "log(x*y)", "x,y", "x: scalar; y: scalar"),
]
"""The verdict that is true, the function, the variables, the declarations."""
OPEN = {"kron(x,x)'*kron(x,x)"}
"""Those that are not found: `unknown` is right enough there, and nowhere else."""


@pytest.fixture(autouse=True)
def fewer_trials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(convexity, "TRIALS", 20)
    monkeypatch.setattr(convexity, "ENOUGH", 20)
    yield


@pytest.mark.parametrize(("verdict", "text", "wrt", "declare"), TABLE, ids=lambda v: str(v))
def test_the_verdict_is_the_true_one(verdict: str, text: str, wrt: str, declare: str) -> None:
    d = md.derive(text, wrt=wrt, declare=declare or None)
    found = d.convexity
    assert found.verdict == ("unknown" if text in OPEN else verdict), found.text()
    if text in OPEN:
        return
    assert (found.verdict == "unknown") == bool(found.condition)
    if verdict == "neither" and found.point is not None:
        shows(d, found)
    if verdict in ("convex", "concave", "affine"):
        assert found.proof[0].claim.endswith(verdict) and found.tried == 20


def shows(d: md.Derivation, found: Any) -> None:
    """The point and the direction show it by the function's own values, or that the domain has a gap."""
    at = {name: np.array(value) for name, value in found.point.items()}
    move = {name: np.array(value) for name, value in found.direction.items()}
    assert move.keys() == {X.name for X in d.wrt}

    def value(t: float) -> float:
        moved = {name: a + t * move[name] if name in move else a for name, a in at.items()}
        return float(d.evaluate(**moved))

    if "domain" in found.reason:
        assert np.isfinite([value(1), value(-1)]).all()
        with pytest.raises(md.DomainError):
            value(0)
    else:
        assert value(1) + value(-1) < 2 * value(0)


TRUE_VALUES: list[tuple[str, str, str, Callable[..., float]]] = [
    ("x*y", "x,y", "x: scalar; y: scalar", lambda x, y: x * y),
    ("(x'*P*x)*(1 + x'*x)", "x", "P: n×n spd", lambda x, P: (x @ P @ x) * (1 + x @ x)),
    ("norm(relu(W*x) - y)^2", "x", "", lambda x, W, y: float(np.sum((np.maximum(W @ x, 0) - y) ** 2))),
    ("norm(U*V - B)^2", "U,V", "", lambda U, V, B: float(np.sum((U @ V - B) ** 2))),
    ("tr(inv(X))", "X", "X: n×n", lambda X: float(np.trace(np.linalg.inv(X)))),
    ("exp(-x'*x)", "x", "x: n", lambda x: float(np.exp(-x @ x))),
]


@pytest.mark.parametrize(
    ("text", "wrt", "declare", "value"), TRUE_VALUES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_counter_example_holds_by_numpy(text: str, wrt: str, declare: str, value: Callable[..., float]) -> None:
    found = md.convex(text, wrt, declare or None)
    assert found.point is not None and found.direction is not None
    at = {k: np.array(v) for k, v in found.point.items()}
    values = [
        value(**{k: a + t * np.array(found.direction[k]) if k in found.direction else a for k, a in at.items()})
        for t in (1, -1, 0)
    ]
    assert values[0] + values[1] < 2 * values[2]


CONDITIONS = [
    ("x'*A*x", "x", "", "convex if A + Aᵀ ⪰ 0, concave if A + Aᵀ ⪯ 0"),
    ("x'*A*x", "x", "A: n×n symmetric", "convex if A ⪰ 0, concave if A ⪯ 0"),
    ("log(1 + exp(x'*A*x))", "x", "", "convex if A + Aᵀ ⪰ 0"),
    ("x'*P*Q*x", "x", "P: n×n spd; Q: n×n spd", "convex if P Q + Q P ⪰ 0, concave if P Q + Q P ⪯ 0"),
    ("t*norm(x)^2", "x", "t: scalar; x: n", "convex if t ≥ 0, concave if t ≤ 0"),
    ("norm(A*x)^2 + t*norm(x)^2", "x", "t: scalar", "convex if t ≥ 0"),
    ("abs(x)^p", "x", "x: scalar; p: scalar positive", "convex if p ≥ 1"),
    ("x^p", "x", "x: scalar positive; p: scalar positive", "convex if p ≥ 1, concave if p ≤ 1"),
    ("norm(A*x - b)^p", "x", "p: scalar positive", "convex if p ≥ 1"),
    ("sqrt(t + x'*x)", "x", "t: scalar; x: n", "convex if t ≥ 0"),
    ("tr(C*inv(X))", "X", "X: n×n spd; C: n×n symmetric", "convex if C ⪰ 0, concave if C ⪯ 0"),
]


@pytest.mark.parametrize(("text", "wrt", "declare", "condition"), CONDITIONS)
def test_what_depends_on_parameters_has_a_condition(text: str, wrt: str, declare: str, condition: str) -> None:
    found = md.convex(text, wrt, declare or None)
    assert (found.verdict, found.condition) == ("unknown", condition)


def test_a_proof_that_values_contradict_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record with a false word: the trial catches what the rules then prove."""
    wrong = registry["sin"]
    monkeypatch.setattr(type(wrong), "__setattr__", object.__setattr__, raising=False)
    object.__setattr__(wrong, "curvature", "convex")
    try:
        found = md.convex("sum(sin(x))", "x", "x: n")
    finally:
        object.__setattr__(wrong, "curvature", "")
    assert found.verdict == "unknown" and "random point" in found.reason and not found.proof


@pytest.mark.parametrize("goal", ["convex", "concave", "affine"])
def test_the_trial_refutes_what_is_wrong(goal: str) -> None:
    d = md.derive("norm(x)^2 - norm(y)^2", wrt="x,y")
    f = convexity.Function(d.function.node, d.function.variables, d.wrt, d._value)
    goals = ["convex", "concave"] if goal == "affine" else [goal]
    assert convexity.tried(f, goals)[1]


# the words of the records

WORDS = [op for op in registry.values() if op.curvature]
RANGES = {"positive": (0.05, 4.0), "inside": (-0.95, 0.95)}


def holds(word: str, a: Any, b: Any, f: Callable[[Any], Any], least: Callable[[Any], float]) -> bool:
    """Does a word hold for f at a, b and between, in the order that `least` tells: the smallest of the differences."""
    bend = (f(a) + f(b)) / 2 - f((a + b) / 2)
    size = 1e-9 * (1 + float(np.max(np.abs(f(a)))) + float(np.max(np.abs(f(b)))))
    if word.startswith("log"):
        logs = (np.log(f(a)) + np.log(f(b))) / 2 - np.log(f((a + b) / 2))
        return least(logs if word == "logconvex" else -logs) >= -1e-9
    if word in ("convex", "concave"):
        return least(bend if word == "convex" else -bend) >= -size
    return least(f(b) - f(a) if word == "increasing" else f(a) - f(b)) >= -size


def value_of(op: Op) -> Callable[[Any], Any]:
    text = f"{op.name}(X)"

    def value(X: Any) -> Any:
        n = np.ndim(X)
        declare = "X: scalar" if n == 0 else "X: n" if n == 1 else "X: m×n"
        if n == 2 and X.shape[0] == X.shape[1]:
            declare = "X: n×n symmetric"
        return np.asarray(md.parse(text, declare=declare).evaluate(X=X))

    return value


ENTRYWISE = [op for op in WORDS if op.elementwise]


@pytest.mark.parametrize("op", ENTRYWISE, ids=lambda op: op.name)
def test_the_words_of_functions_of_numbers_hold(op: Op) -> None:
    low, high = RANGES.get(op.domain[0] if op.domain else "", (-4.0, 4.0))
    f = value_of(op)
    for word in op.curvature.split():
        sides = {"-": (low, min(0.0, high)), "+": (max(0.0, low), high)}
        start, stop = sides.get(word[-1], (low, high))
        grid = np.linspace(start, stop, 41)
        for step in (1, 7):
            a, b = grid[:-step], grid[step:]
            assert holds(word.rstrip("+-"), a, b, f, lambda D: float(np.min(D))), word


HOMOGENEOUS = [op for op in registry.values() if "homogeneous" in op.traits and op.signature.count("(") == 2]


@pytest.mark.parametrize("op", HOMOGENEOUS, ids=lambda op: op.name)
def test_what_is_called_homogeneous_is(op: Op) -> None:
    f, X = value_of(op), np.random.default_rng(0).normal(size=(3, 3))
    assert np.allclose(f(2.5 * (X + X.T)), 2.5 * f(X + X.T))


PRIMARY = [op for op in registry.values() if "primary" in op.traits]


@pytest.mark.parametrize("op", PRIMARY, ids=lambda op: op.name)
def test_what_is_called_primary_acts_on_eigenvalues(op: Op) -> None:
    X = np.random.default_rng(0).normal(size=(3, 3))
    X = X @ X.T + np.eye(3)
    w, Q = np.linalg.eigh(X)
    d = [float(md.parse(f"{op.name}(x)", declare="x: scalar").evaluate(x=v)) for v in w]
    assert np.allclose(value_of(op)(X), Q * d @ Q.T)


def test_the_sign_of_a_polynomial_is_that_of_its_values() -> None:
    """Seen to be ≥ 0: never where a value is negative; missed: never in one number."""
    rng = np.random.default_rng(1)
    x, y = (md.scalar(v) for v in "xy")
    grid = np.linspace(-4, 4, 801)
    for _ in range(60):
        c = [int(v) for v in rng.integers(-3, 4, size=3)]
        p = (x**2 + c[0] * x + 2) * (x - c[1]) ** 2 * (x**2 + c[2])
        low = min(p.evaluate(x=float(v)) for v in grid[::8])
        sign = compositions.sign_of_quotient(p.node)
        assert sign == (1 if c[0] ** 2 <= 8 and c[2] >= 0 else 0) and (sign < 1 or low >= 0)
        q = x**4 + c[0] * x**3 * y + c[1] * x**2 * y**2 + 2 * y**4
        if compositions.sign_of_quotient(q.node) == 1:
            assert min(q.evaluate(x=float(v), y=1.0) for v in grid[::8]) >= 0


NORMS = [op for op in WORDS if not op.elementwise and op.spoken is None and "convex" in op.curvature.split()]


@pytest.mark.parametrize("op", NORMS, ids=lambda op: op.name)
def test_the_words_of_norms_hold(op: Op) -> None:
    rng, f = np.random.default_rng(0), value_of(op)
    least = lambda D: float(np.min(D))  # noqa: E731
    shape = (3, 2) if op.signature.startswith("(m,n)") else (4,)
    for _ in range(40):
        a, b = rng.normal(size=(2, *shape))
        assert holds("convex", a, b, f, least)
        assert (f(a) >= 0).all() or "nonnegative" not in op.curvature
        if "increasing+" in op.curvature:
            assert holds("increasing", abs(a), abs(a) + abs(b), f, least)
        elif "increasing" in op.curvature.split():
            assert holds("increasing", a, a + abs(b), f, least)


ORDERED = [op for op in WORDS if "convex⪰" in op.curvature or "concave⪰" in op.curvature]


@pytest.mark.parametrize("op", ORDERED, ids=lambda op: op.name)
def test_the_words_of_functions_of_definite_matrices_hold(op: Op) -> None:
    rng, f = np.random.default_rng(0), value_of(op)
    least = lambda D: float(np.min(np.linalg.eigvalsh(D))) if np.ndim(D) else float(D)  # noqa: E731
    for _ in range(40):
        M, N = rng.normal(size=(2, 3, 3))
        A, B = M @ M.T + 0.1 * np.eye(3), N @ N.T + 0.1 * np.eye(3)
        for word in op.curvature.split():
            if word == "positive⪰":
                assert f(A) > 0
            elif word in ("increasing⪰", "decreasing⪰"):
                assert holds(word[:-1], A, A + B, f, least), word
            else:
                assert holds(word[:-1], A, B, f, least), word


# what users touch


def test_a_function_that_is_not_scalar_is_refused() -> None:
    with pytest.raises(md.ShapeError, match="convexity is asked of a scalar function"):
        md.convex("A*x", "x")


def test_what_has_no_value_is_not_known() -> None:
    assert md.convex("h: elementwise; sum(h(x))", "x").verdict == "unknown"


def test_a_curved_set_is_not_convex() -> None:
    assert md.convex("norm(x - b)", "x", "x: n unit").verdict == "neither"


@pytest.mark.parametrize("text", ["norm(A*x - b)^2", "x'*A*x", "exp(-x'*x)", "sum(x.*log(x))", "b'*x"])
def test_the_command_has_its_keys_and_status_0(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convex", text, "--wrt", "x", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"verdict", "proof", "condition", "point", "direction"} <= found.keys()
    assert found["verdict"] == md.convex(text, "x").verdict


@pytest.mark.parametrize("form", ["text", "latex", "markdown"])
def test_the_command_prints_the_proof(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convex", "logsumexp(A*x - b)", "--wrt", "x", "--format", form]) == 0
    out = capsys.readouterr().out
    assert "convex" in out and "affine" in out


def test_ascii_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("A*x", "x'*A*x", "sqrt(1 + x'*P*x)", "c'*inv(X)*c"):
        wrt = "X" if "X" in text else "x"
        run(
            [
                "convex",
                text,
                "--wrt",
                wrt,
                "--let",
                "X: n×n spd" if wrt == "X" else "P: n×n spd" if "P" in text else "b: n",
                "--ascii",
            ]
        )
        out = capsys.readouterr().out
        assert out.isascii() and "\\u" not in out


def test_a_long_chain_is_no_recursion() -> None:
    x = md.scalar("x")
    f = x
    for _ in range(1500):
        f = md.softplus(f)
    assert md.convex(f, "x").verdict == "convex"
