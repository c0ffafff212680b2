"""A derivation as a person writes it, read and checked line by line."""
