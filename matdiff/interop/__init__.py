"""Expressions to and from other worlds: SymPy, single entries, SciPy."""
