"""The small NumPy of the page without a server, call by call beside NumPy: the same value, shape and kind, or refused.

What it lacks must be refused by an exception that the page takes for "not verified"; a value of its own is a fault.
"""

from __future__ import annotations

import copy
import importlib.util
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from matdiff.web.build import OFFLINE

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
NOT_VERIFIED = (ImportError, AttributeError, TypeError, ValueError)
"""What `matdiff.web.view.attempted` takes for a check that cannot be made."""
TYPES = {"f": float, "i": int, "b": bool, "c": complex}
SHAPES = [(), (1,), (3,), (2, 3), (3, 3), (3, 1), (2, 3, 2), (0,), (0, 3)]
Call = tuple[str, Callable[..., Any], tuple[Any, ...]]


@pytest.fixture(scope="module")
def small():
    place = OFFLINE / "small_numpy"
    spec = importlib.util.spec_from_file_location(
        "small_numpy", place / "__init__.py", submodule_search_locations=[str(place)]
    )
    made = importlib.util.module_from_spec(spec)
    sys.modules["small_numpy"] = made
    spec.loader.exec_module(made)
    yield made
    for name in [n for n in sys.modules if n.split(".")[0] == "small_numpy"]:
        del sys.modules[name]


class Draw:
    """Arrays of each kind, `s` with infinities, zeros of both signs and what is no number."""

    def __init__(self, seed: int) -> None:
        self.rng, self.pick = np.random.default_rng(seed), random.Random(seed)

    def __call__(self, shape: tuple[int, ...], kind: str = "f") -> np.ndarray:
        A = np.array(np.round(self.rng.normal(size=shape), 2))
        if kind == "i":
            return np.array(self.rng.integers(-3, 4, size=shape))
        if kind == "b":
            return A > 0
        if kind == "c":
            return A + 1j * np.round(self.rng.normal(size=shape), 2)
        if kind == "s":
            for i in range(A.size):
                if self.pick.random() < 0.4:
                    A.flat[i] = self.pick.choice([0.0, -0.0, np.inf, -np.inf, np.nan])
        return A


def own(small: Any, x: Any) -> Any:
    """An argument with the other's arrays."""
    if isinstance(x, (np.ndarray, np.generic)):
        return small.zeros(x.shape, TYPES[x.dtype.kind]) if not x.size else small.array(x.tolist(), TYPES[x.dtype.kind])
    return type(x)(own(small, y) for y in x) if isinstance(x, (list, tuple)) else x


def parts(x: Any) -> list[tuple[str, tuple[int, ...], np.ndarray]]:
    """Kinds, shapes and values."""
    if isinstance(x, (list, tuple)):
        return [p for y in x for p in parts(y)]
    if not hasattr(x, "dtype"):
        x = np.asarray(x)
    return [(x.dtype.kind, tuple(x.shape), np.array(x.tolist(), dtype=complex).reshape(x.shape))]


def complaints(small: Any, calls: Iterator[Call]) -> Iterator[str]:
    for name, f, args in calls:
        given = own(small, args)
        try:
            with np.errstate(all="ignore"):
                right = parts(f(np, *copy.deepcopy(args)))
        except Exception:
            right = None
        try:
            found = parts(f(small, *given))
        except Exception as error:
            if right is not None and not isinstance(error, NOT_VERIFIED):
                yield f"{name}{args}: {error!r}"
            continue
        if right is None:
            yield f"{name}{args}: NumPy refuses it, and this says {found}"
        elif [p[:2] for p in found] != [p[:2] for p in right] or not all(map(close, found, right)):
            yield f"{name}{args}: {found} is {right}"


def close(a: Any, b: Any) -> bool:
    """Of complex numbers that are not finite it is not told which infinity or what is no number they are."""
    x, y = (np.where(np.isfinite(p[2]) | (p[0] != "c"), p[2], np.nan) for p in (a, b))
    return np.allclose(x, y, rtol=1e-7, atol=1e-9, equal_nan=True)


UNARY = """sqrt exp log log1p expm1 sin cos tan sinh cosh tanh arcsin arccos arctan arcsinh arccosh arctanh floor ceil
    rint sign abs square reciprocal isfinite isnan isinf conj angle logical_not negative log2 log10 fabs nan_to_num real
    imag transpose tril triu diag trace ravel flip atleast_1d atleast_2d zeros_like ones_like nonzero argwhere copy
    squeeze sort argsort unique diff median ptp count_nonzero cumsum cumprod sum prod mean max min argmax argmin std var
    any all"""
HALF = (
    "sqrt exp log log1p expm1 sin cos tan sinh cosh tanh arcsin arccos arctan arcsinh arccosh arctanh rint log2 log10"
)
"""Of booleans these have half precision in NumPy alone."""
BINARY = """add subtract multiply divide power maximum minimum greater less greater_equal less_equal equal not_equal
    logical_and logical_or logaddexp arctan2 hypot copysign"""


def unary(draw: Draw) -> Iterator[Call]:
    for name in UNARY.split():
        for kind in "fics" + "b" * (name not in HALF.split()):
            # Complex products with infinity are told differently by machine and by C.
            yield name, lambda np, a, n=name: getattr(np, n)(a), (draw(draw.pick.choice(SHAPES), kind),)


def binary(draw: Draw) -> Iterator[Call]:
    for name in BINARY.split():
        for _ in range(5):
            s = draw.pick.choice([(3,), (2, 3), (3, 3)])
            t = draw.pick.choice([s, s[-1:], (), (1,) * len(s), (*s[:-1], 1)])
            kinds = draw.pick.choice(["ff", "fi", "ii", "bi", "ss", "cf", "fs", "ci"])
            yield name, lambda np, a, b, n=name: getattr(np, n)(a, b), (draw(s, kinds[0]), draw(t, kinds[1]))
    for sign in ("+", "-", "*", "/", "//", "%", "**", "@", "<", ">=", "==", "&", "|"):
        of = eval(f"lambda np, a, b: a {sign} b")
        for kinds in ("ff", "fi", "ii", "bb", "ss", "cf"):
            s = draw.pick.choice([(3,), (3, 3)])
            yield sign, of, (draw(s, kinds[0]), draw(s, kinds[1]))
        for number in (2, -1, 0, 0.5, 1j):
            yield sign, of, (draw((2, 3), draw.pick.choice("fi")), number)
            yield sign, lambda np, a, b, of=of: of(np, b, a), (draw((2, 3), draw.pick.choice("fi")), number)


def along_axes(draw: Draw) -> Iterator[Call]:
    for name in [
        "sum",
        "prod",
        "mean",
        "max",
        "min",
        "any",
        "all",
        "std",
        "var",
        "argmax",
        "argmin",
        "cumsum",
        "cumprod",
        "sort",
        "argsort",
        "diff",
        "flip",
    ]:
        for axis in (0, -1, 1, 2, None):
            shape = draw.pick.choice([(3,), (2, 3), (2, 3, 2), (0, 3)])
            yield (
                name,
                lambda np, a, k, n=name: getattr(np, n)(a, axis=k),
                (draw(shape, draw.pick.choice("fibs")), axis),
            )
        if name in "sum prod mean max min any all std var":
            yield name, lambda np, a, n=name: getattr(np, n)(a, axis=0, keepdims=True), (draw((2, 3)),)
    for axis in (0, 1, -1, None):
        for name in ["concatenate", "stack"]:
            yield (
                name,
                lambda np, a, b, k, n=name: getattr(np, n)([a, b], axis=k),
                (draw((2, 3)), draw((2, 3), "i"), axis),
            )
        yield "append", lambda np, a, k: np.append(a, a, axis=k), (draw((2, 3)), axis)
        yield "delete", lambda np, a, k: np.delete(a, 1, k), (draw((3, 3)), axis)
        yield "repeat", lambda np, a, k: np.repeat(a, 2, axis=k), (draw((2, 3)), axis)
        yield "split", lambda np, a, k: np.split(a, 3, axis=k), (draw((3, 3)), axis)
    for k in (-1, 0, 1, 2):
        for name in ["tril", "triu", "diag", "diagonal", "trace", "tile", "repeat", "array_split", "split", "round"]:
            yield (
                name,
                lambda np, a, k, n=name: getattr(np, n)(a, k),
                (draw(draw.pick.choice([(3, 3), (2, 3), (7,)])), k),
            )
    for name in ["hstack", "vstack", "column_stack", "block"]:
        for s in ((3,), (2, 3)):
            yield name, lambda np, a, b, n=name: getattr(np, n)([a, b]), (draw(s), draw(s, "i"))


def products(draw: Draw) -> Iterator[Call]:
    for name in ["matmul", "dot", "vdot", "inner", "outer", "kron", "tensordot"]:
        for _ in range(8):
            s, t = (draw.pick.choice([(3,), (3, 3), (2, 3), (3, 2), ()]) for _ in range(2))
            arrays = draw(s, draw.pick.choice("fic")), draw(t, draw.pick.choice("fic"))
            yield name, lambda np, a, b, n=name: getattr(np, n)(a, b), arrays
    for said, shapes in {
        "ij,jk->ik": [(2, 3), (3, 2)], "ii": [(3, 3)], "ij->ji": [(2, 3)], "ij,ij->": [(2, 3), (2, 3)],
        "i,j->ij": [(3,), (2,)], "ijk,k->ij": [(2, 3, 2), (2,)], "iij->j": [(3, 3, 2)], "...i,i": [(2, 3), (3,)],
        "ij,jk,kl->il": [(2, 3), (3, 2), (2, 2)], "ij,jk": [(2, 3), (2, 2)],
    }.items():  # fmt: skip
        yield said, lambda np, *a, s=said: np.einsum(s, *a), tuple(draw(s, draw.pick.choice("fic")) for s in shapes)


def algebra(draw: Draw) -> Iterator[Call]:
    for n in (1, 2, 3, 5):
        for kind in "fic":
            A, b, B = draw((n, n), kind), draw((n,)), draw((n, draw.pick.choice([1, 2, 4])), kind)
            S, P = A + A.conj().T, A @ A.conj().T + np.eye(n)
            for name, M in (("inv", P), ("det", A), ("slogdet", A), ("cholesky", P), ("cholesky", -P), ("eigvalsh", S),
                            ("pinv", B), ("matrix_rank", B @ B.conj().T), ("cond", P), ("inv", 0 * A)):  # fmt: skip
                yield (
                    name,
                    lambda np, M, k=name: tuple(np.linalg.slogdet(M)) if k == "slogdet" else getattr(np.linalg, k)(M),
                    (M,),
                )
            yield "solve", lambda np, A, b: np.linalg.solve(A, b), (P, b)
            yield "solve", lambda np, A, b: np.linalg.solve(A, b), (np.ones((n, n)) * (n > 1), b)
            yield "solve", lambda np, A, b: np.linalg.solve(A, b), (P, draw((n + 1,)))
            yield "lstsq", lambda np, A, b: np.linalg.lstsq(A, b, rcond=None)[0], (B, b)
            yield "qr", lambda np, A: [(q @ r, abs(r)) for q, r in [np.linalg.qr(A)]], (B,)
            yield "eigh", lambda np, A: [(w, (v * w) @ v.T) for w, v in [np.linalg.eigh(A)]], (S,)
            yield "svd", lambda np, A: [((u * s) @ v, s) for u, s, v in [np.linalg.svd(A, full_matrices=False)]], (B,)
            yield "svd", lambda np, A: [(u @ u.T, s, v @ v.T) for u, s, v in [np.linalg.svd(A)]], (B,)
            yield "eigvals", lambda np, A: np.sort(abs(np.linalg.eigvals(A))), (A,)
            for k in (-2, 0, 3):
                yield "matrix_power", lambda np, A, k: np.linalg.matrix_power(A, k), (P, k)
            for order in (None, "fro", 1, 2, -1, -2, np.inf, -np.inf, "nuc", 0, 3):
                yield "norm", lambda np, A, k: np.linalg.norm(A, k), (draw.pick.choice([B, b]), order)
            yield "norm", lambda np, A, k: np.linalg.norm(A, axis=k, keepdims=True), (B, draw.pick.choice([0, 1, -1]))


KEYS = [
    (slice(None), 0), 0, -1, slice(1, None), slice(None, None, -1), (slice(0, 3, 2), slice(None)), (..., 0), None,
    [0, 2], ([0, 1], [1, 2]), (slice(None), [2, 0]), (1, 2), np.array([True, False, True]), 5, slice(5, 9),
    (np.array([0, -1]), slice(None)), (slice(None), slice(None), None), np.array([[0, 1], [1, 0]]), (0, 0, 0),
]  # fmt: skip


def places(draw: Draw) -> Iterator[Call]:
    for key in KEYS:
        for kind in "fi":
            yield "get", lambda np, A, k: A[k], (draw((3, 3), kind), key)
            for value in (7, 2.5):
                yield "set", lambda np, A, k, x: (A.__setitem__(k, x), A)[1], (draw((3, 3), kind), key, value)
    yield "mask", lambda np, A: (A.__setitem__(A > 0, 0), A)[1], (draw((3, 3)),)
    for s in SHAPES:
        for wanted in ((3, 2), (-1,), 6, (6, 1)):
            for order in "CF":
                yield "reshape", lambda np, A, t, o: A.reshape(t, order=o), (draw(s), wanted, order)
        yield "ravel", lambda np, A: (A.ravel(order="F"), A.flatten("F"), A.T, A.size, A.ndim), (draw(s),)
        yield "astype", lambda np, A: (A.astype(int), A.astype(complex), A.tolist()), (draw(s),)


def writing(np: Any) -> Iterator[tuple[Any, Any]]:
    """What is written through views, and what is not."""
    for write in (
        lambda A: A[0].__setitem__(slice(None), 9),
        lambda A: A.T.__setitem__((0, 1), 9),
        lambda A: A[1:].T[0].__iadd__(5),
        lambda A: A.reshape(4, 3)[1].fill(2),
        lambda A: A[:, ::2].__imul__(2),
        lambda A: A.ravel().__setitem__(3, 7),
        lambda A: A[[0, 1]].__setitem__(0, 7),
        lambda A: A.flatten().__setitem__(3, 7),
        lambda A: A[A > 3].__iadd__(1),
        lambda A: np.fill_diagonal(A[:3, :3], 0),
        lambda A: np.einsum("ii->i", A[:3, :3]).__setitem__(slice(None), 1),
        lambda A: np.negative(A[0], out=A[1]),
        lambda A: np.add.at(A[0], [0, 0], 1),
        lambda A: A.copy().__iadd__(1),
        lambda A: np.sort(A, axis=0).__iadd__(1),
        lambda A: np.cumsum(A, axis=0).__iadd__(1),
        lambda A: A[1][2:].fill(-1),
        lambda A: np.expand_dims(A, 0)[0, 0].fill(1),
        lambda A: A.flat.__setitem__(5, 1),
        lambda A: np.moveaxis(A, 0, 1)[2].fill(0),
    ):
        A = np.array(np.arange(12.0).reshape(3, 4))
        row, turned = A[1], A.T
        write(A)
        yield A, (row, turned)


@pytest.mark.parametrize("calls", [unary, binary, along_axes, products, algebra, places], ids=lambda f: f.__name__)
def test_its_values_are_numpys(small, calls):
    assert list(complaints(small, calls(Draw(7)))) == []


def test_views_are_written_and_read_through(small):
    for (found, seen), (right, theirs) in zip(writing(small), writing(np), strict=True):
        assert found.tolist() == right.tolist()
        assert [x.tolist() for x in seen] == [x.tolist() for x in theirs]


def test_it_does_what_is_asked_of_it(small):
    """Of the calls above it answers most: a refusal is right everywhere, and of no use."""
    draw, refused, made = Draw(7), 0, 0
    for f in (along_axes, places, products):
        for _, call, args in f(draw):
            made += 1
            try:
                call(small, *own(small, args))
            except Exception:
                try:
                    call(np, *args)
                except Exception:
                    made -= 1
                else:
                    refused += 1
    assert made > 300 and refused < made / 20
