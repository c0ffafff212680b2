"""A small NumPy in Python alone, for the page without a server: what checks need, on arrays of few entries.

It is imported as `numpy` there, where no other is to be had.  Arrays are lists of Python's own numbers with a shape;
views are windows on them.  What is not here raises ImportError, and the page says that it has not checked.
"""
# ruff: noqa: F403

from . import linalg, operators, random
from .arrays import *
from .arrays import asarray as ascontiguousarray
from .arrays import asarray as asfortranarray
from .functions import *
from .making import *
from .missing import missing
from .numbers import *
from .products import *
from .reductions import *
from .shaping import *

__version__ = "0"
__getattr__ = missing(__name__)
__all__ = ["ascontiguousarray", "asfortranarray", "linalg", "operators", "random"]
