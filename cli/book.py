"""Answers in the words of books, for those who knew them here; they are in the report now."""

from matdiff.report.book import Book, BookExpr, BookLayout, adjoint_solves, book

__all__ = ["Book", "BookExpr", "BookLayout", "adjoint_solves", "book"]
