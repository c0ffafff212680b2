"""What a user of Python touches: expressions, derivations, functions of one's own."""
