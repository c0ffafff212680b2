"""Expressions as interned typed graphs, their shapes, and the records of functions."""
