"""Derivatives of typed graphs, nodes in and nodes out: differential, adjoint, Jacobian, tangent spaces, steps."""
