"""LaTeX as papers have it, turned into tokens of the language."""
