"""Imports go one way, from package to package; those that do not yet are listed in layers.toml, which only shrinks.

    python tests/test_layers.py            takes out of the list what is gone
    python tests/test_layers.py --grow     writes it anew, with what has come as well

An import counts wherever it stands: in a function, under TYPE_CHECKING, or by its name in a string.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LISTED = Path(__file__).with_name("layers.toml")

BASE = ("errors", "core", "ops", "graph", "printing", "simplify", "calculus")
READING = (*BASE, "text", "inference")
MIDDLE = (*READING, "codegen", "verify", "interop")
ALLOWED: dict[str, tuple[str, ...]] = {
    **{package: BASE[:i] for i, package in enumerate(BASE)},
    "grammar": (),
    "text": ("errors", "core", "ops", "printing", "grammar"),
    "inference": (*BASE, "text"),
    "codegen": BASE,
    "verify": (*READING, "codegen"),
    "interop": (*READING, "codegen"),
    "solution": MIDDLE,
    "report": (*MIDDLE, "solution"),
    "api": (*MIDDLE, "solution", "report"),
    "worksheet": (*MIDDLE, "solution", "report", "api", "matdiff"),
    "cli": (*MIDDLE, "solution", "report", "api", "worksheet", "grammar", "matdiff"),
    "web": (*MIDDLE, "solution", "report", "api", "worksheet", "cli", "matdiff"),
    "matdiff": (*MIDDLE, "solution", "report", "api", "worksheet", "cli"),
}
"""What each package may import besides itself; `matdiff` are the files at its root, which users touch."""
FREE = ("api", "cli", "matdiff")
"""Where start-up needs imports inside functions."""


@cache
def listed() -> dict[str, list[str] | list[list[str]]]:
    return tomllib.loads(LISTED.read_text(encoding="utf-8"))


def package(name: str) -> str:
    """The package of a module: `ops` of matdiff.ops.linalg; `errors` is one of its own."""
    parts = name.split(".")
    return parts[1] if len(parts) > 2 or name == "matdiff.errors" or (parts[1:] and parts[1] in ALLOWED) else "matdiff"


@cache
def files() -> dict[str, Path]:
    """Every module by its name as installed."""
    found = {}
    for folder in ("matdiff", "cli", "grammar"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            parts = parts if folder == "matdiff" else ("matdiff", *parts)
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(tree: ast.AST, lazy: bool = False) -> Iterator[tuple[str, bool]]:
    """Every module that a file names, and whether inside a function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((name, lazy) for a in node.names if (name := resolved(a.name)))
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((name, lazy) for a in node.names if (name := resolved(f"{node.module}.{a.name}")))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            yield from ((node.value, True) for _ in range(node.value in files()))
        else:
            inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from imports(node, lazy or inside)


def resolved(name: str) -> str:
    """The module that an import of this name is of, or nothing if it is none of ours."""
    return name if name in files() else name.rpartition(".")[0] if name.rpartition(".")[0] in files() else ""


@cache
def edges() -> dict[tuple[str, str], bool]:
    """Which module imports which, in the names of the new layout, and whether inside a function only."""
    found: dict[tuple[str, str], bool] = {}
    for name, path in files().items():
        for other, lazy in imports(ast.parse(path.read_text(encoding="utf-8"))):
            edge = name, other
            if edge[0] != edge[1]:
                found[edge] = found.get(edge, True) and lazy
    return found


def upward() -> list[str]:
    """Imports against the direction."""
    pairs = ((a, b) for a, b in edges() if package(b) not in (package(a), *ALLOWED.get(package(a), ())))
    return sorted(f"{a} -> {b}" for a, b in pairs)


def lazy() -> list[str]:
    """Imports inside functions, but for those that start-up needs."""
    return sorted(f"{a} -> {b}" for (a, b), inside in edges().items() if inside and package(a) not in FREE)


def circles() -> list[list[str]]:
    """Modules that import each other, in turn (Tarjan's strongly connected components), without recursion."""
    below: dict[str, list[str]] = {}
    for a, b in edges():
        below.setdefault(a, []).append(b)
        below.setdefault(b, [])
    return sorted(sorted(c) for c in components(below) if len(c) > 1)


def components(below: Mapping[str, list[str]]) -> Iterator[list[str]]:
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    for start in below:
        stack = [(start, iter(below[start]))] if start not in number else []
        while stack:
            node, rest = stack[-1]
            if node not in number:
                number[node] = low[node] = len(number)
                path.append(node)
            for other in rest:
                if other not in number:
                    stack.append((other, iter(below[other])))
                    break
                if other in path:
                    low[node] = min(low[node], low[other])
            else:
                stack.pop()
                if stack:
                    low[stack[-1][0]] = min(low[stack[-1][0]], low[node])
                if low[node] == number[node]:
                    place = path.index(node)
                    yield path[place:]
                    del path[place:]


def test_every_package_has_its_place() -> None:
    assert {package(name) for name in files()} <= set(ALLOWED)


def test_no_import_goes_upward_but_the_listed_ones() -> None:
    assert [e for e in upward() if e not in listed()["upward"]] == []


def test_no_import_stands_in_a_function_but_the_listed_ones() -> None:
    assert [e for e in lazy() if e not in listed()["lazy"]] == []


def test_no_modules_import_each_other_but_the_listed_ones() -> None:
    assert [c for c in circles() if not any(set(c) <= set(old) for old in listed()["circles"])] == []


def test_the_list_only_shrinks() -> None:
    """What is gone is taken out of it: python tests/test_layers.py."""
    assert [e for e in listed()["upward"] if e not in upward()] == []
    assert [e for e in listed()["lazy"] if e not in lazy()] == []
    assert [c for c in listed()["circles"] if c not in circles()] == []


def test_circles_and_places_of_imports_are_seen() -> None:
    below = {"a": ["b"], "b": ["c", "d"], "c": ["a"], "d": ["e"], "e": []}
    assert sorted(map(sorted, components(below))) == [["a", "b", "c"], ["d"], ["e"]]
    text = "import matdiff.errors\nif TYPE_CHECKING:\n    from matdiff import ops\n"
    text += "def f():\n    from matdiff.ops import linalg\n"
    assert list(imports(ast.parse(text))) == [
        ("matdiff.errors", False), ("matdiff.ops", False), ("matdiff.ops.linalg", True)
    ]  # fmt: skip
    assert list(imports(ast.parse("TABLE = {'X': 'matdiff.errors'}"))) == [("matdiff.errors", True)]


def written(grow: bool) -> str:
    """The list as it is to be: shorter, or with `grow` as things stand."""
    old = listed()
    circle = [c for c in circles() if grow or any(set(c) <= set(o) for o in old["circles"])]
    out = ["# Imports that do not go one way yet: this list may only shrink (tests/test_layers.py).", ""]
    for name, now in (("upward", upward()), ("lazy", lazy())):
        out += [f"{name} = [", *(f'    "{e}",' for e in now if grow or e in old[name]), "]", ""]
    out += ["circles = ["]
    for c in circle:
        out += ["    [", *(f'        "{m}",' for m in c), "    ],"]
    return "\n".join([*out, "]", ""])


if __name__ == "__main__":
    LISTED.write_text(written("--grow" in sys.argv), encoding="utf-8")
