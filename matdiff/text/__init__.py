"""Reading text: statements, two lexers (text, LaTeX), one grammar, one table-driven parser."""
