"""What is installed: the packages, their data, nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

import matdiff

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PLACES = ("matdiff.cli", "matdiff.grammar")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A copy of the repository, and the folder into which its wheel was installed."""
    copy, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    copy_sources(copy)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", str(target), str(copy)], check=True, capture_output=True)
    return copy, target


@pytest.fixture(scope="module")
def target(installed):
    return installed[1]


def copy_sources(to: Path) -> None:
    import shutil

    for name in ("matdiff", "cli", "grammar"):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, to)


def test_every_package_is_listed():
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    found = {"matdiff"} | set(PLACES)
    places = {p.parent.relative_to(ROOT).parts for p in (ROOT / "matdiff").rglob("__init__.py")}
    # What stands in for NumPy in the page without a server is data of the page here.
    found |= {".".join(p) for p in places if "offline" not in p}
    assert listed == found


def test_the_wheel_holds_everything_once(installed):
    source, target = installed
    assert {p.name for p in target.iterdir() if not p.name.endswith(".dist-info")} == {"matdiff", "bin"}
    for package in ("matdiff", *PLACES):
        place = source / package.rpartition(".")[2]
        there = target.joinpath(*package.split("."))
        for file in place.rglob("*"):
            if file.suffix in {".py", ".lark", ".json", ".md", ".typed"} and "__pycache__" not in file.parts:
                assert there.joinpath(file.relative_to(place)).is_file(), f"{file} is not installed"
    assert list((target / "matdiff" / "grammar").glob("*.lark"))


def test_the_wheel_works_by_itself(target, tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import matdiff as md; assert md.__file__.startswith(sys.argv[1])\n"
        "from matdiff.cli.app import run; sys.exit(run(sys.argv[2:]))"
    )
    derive = ["derive", "tr(A*X*B)", "--wrt", "X", "--ascii", "--no-verify"]
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(target), *derive], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "grad f = A'*B'" in done.stdout


@pytest.mark.parametrize("name", ["cli", "grammar", "ops", "tests"])
def test_nothing_generic_becomes_importable(target, tmp_path, name):
    code = f"import sys; sys.path.append({str(target)!r}); import {name}"
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert "ModuleNotFoundError" in done.stderr


def test_the_lock_file_is_of_this_project():
    """Where this fails, `uv lock` writes it anew."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    (own,) = (p for p in lock["package"] if p["name"] == "matdiff")
    assert own["version"] == PROJECT["project"]["version"]
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = {name(d) for d in (*PROJECT["project"]["dependencies"], *(d for ds in extras.values() for d in ds))}
    assert {d["name"] for d in own["metadata"]["requires-dist"]} == wanted
    assert set(own["metadata"]["provides-extras"]) == set(extras)
    assert {p["source"]["registry"] for p in lock["package"] if "registry" in p["source"]} == {
        "https://pypi.org/simple"
    }


def name(requirement: str) -> str:
    """What is required, without versions and extras."""
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def test_one_version():
    import matdiff

    assert matdiff.__version__ == PROJECT["project"]["version"]


def test_importing_loads_nothing_heavy():
    code = "import sys, matdiff; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"numpy", "scipy", "sympy", "lark", "click", "rich"}


def test_the_readme_tests_as_the_checks_do():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    checks = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = re.findall(r"^python3 -m venv .*$", readme, re.M)
    assert len(commands) == 2
    install, test = (part.strip().replace(".venv/bin", '"$bin"') for part in commands[1].split("&&")[1:])
    for command in (install, test):
        program, _, rest = command.partition('"$bin"/')[2].partition(" ")
        assert f'"$bin/{program}" {rest}' in checks


@pytest.mark.parametrize("file", sorted((ROOT / "examples" / "typed").glob("*.py")), ids=lambda p: p.name)
def test_typed_examples_run(file):
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_api_reference_has_all_names_and_no_broken_link(tmp_path):
    if find_spec("pdoc") is None:
        pytest.skip("pdoc, which makes the reference, is not installed")
    command = ["bash", str(ROOT / ".ci" / "docs"), str(tmp_path)]
    env = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    script = re.compile(r"<script.*?</script>", re.DOTALL)
    pages = {p: script.sub("", p.read_text(encoding="utf-8")) for p in tmp_path.rglob("*.html")}
    ids = {p: set(re.findall(r'\bid="([^"]+)"', text)) for p, text in pages.items()}
    assert set(matdiff.__all__) <= ids[tmp_path / "matdiff.html"]
    broken = []
    for page, text in pages.items():
        for link in re.findall(r'href="([^"]+)"', text):
            file, _, at = link.partition("#")
            to = (page.parent / file).resolve() if file else page
            own = not re.match(r"https?:|data:", link)
            if own and (to not in pages or (at and at not in ids[to])):
                broken.append((page.name, link))
    assert broken == []
