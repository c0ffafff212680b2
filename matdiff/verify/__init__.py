"""Verification by numbers: of a derivation by differences of its function, of a claim by comparison with it."""
