"""Probability distributions, one record each: moments, density, reparameterisation, flips, sampler, quadrature.

A univariate law is that of one number, or of the entries of an array, independently.  Moments and densities are
formulas in the parameters (Johnson, Kotz & Balakrishnan 1994–97; Muirhead 1982 for the laws of matrices); a flip is the
derivative of a law that jumps, a weight and where the sample goes (Arya, Schauer, Schäfer & Rackauckas 2022).
"""

from matdiff.ops.random.arrays import MULTINORMAL, parted
from matdiff.ops.random.counts import BERNOULLI
from matdiff.ops.random.entries import LAPLACE, LOGNORMAL, NORMAL, UNIFORM, antiderivative
from matdiff.ops.random.law import Law, Legs, laws, spread
from matdiff.ops.random.matrices import INVERSE_WISHART, MATRIX_NORMAL, WISHART
from matdiff.ops.random.spoken import EXPECTATION, SPOKEN, SPOKEN_SO
from matdiff.ops.random.variable import Random

__all__ = [
    "BERNOULLI",
    "EXPECTATION",
    "INVERSE_WISHART",
    "LAPLACE",
    "LOGNORMAL",
    "MATRIX_NORMAL",
    "MULTINORMAL",
    "NORMAL",
    "SPOKEN",
    "SPOKEN_SO",
    "UNIFORM",
    "WISHART",
    "Law",
    "Legs",
    "Random",
    "antiderivative",
    "laws",
    "parted",
    "spread",
]
