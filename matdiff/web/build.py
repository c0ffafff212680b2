"""`matdiff web build DIR`: the page as files, with Python for browsers among them, so that it needs no server.

Python comes from Pyodide's npm package, which has the interpreter and the standard library and no NumPy: answers are
verified with the small one in `offline`, on arrays of few entries.  `--wheel` adds NumPy and SciPy built for Pyodide
where somebody has them, which then take its place.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import click

from matdiff import __version__
from matdiff.errors import MatdiffError, UnsupportedError
from matdiff.web.server import STATIC
from matdiff.web.service import ask

PYODIDE = "314"
"""Major version of Pyodide (Python 3.14) that the page is tried with."""
OFFLINE = Path(__file__).with_name("offline")
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
LEFT_OUT = ("__pycache__", "static", "offline")
POLICY = (
    "default-src 'none'; script-src 'self' blob: 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'"
)
FIRST: tuple[tuple[str, dict[str, object]], ...] = (
    ("page", {"function": "norm(A*x - b)^2/2", "declare": [], "parts": ["steps"], "target": "numpy"}),
    ("about", {}),
)
"""What the page asks when it opens (`begin` in page.js)."""
FROM_FILES = "Open index.html, from a folder or by a server of files; no other host is asked for anything."


@click.group("web")
def command() -> None:
    """The page of `matdiff serve` as files."""


@command.command("build")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--pyodide",
    metavar="PATH",
    type=click.Path(exists=True, path_type=Path),
    help="Pyodide's npm package, packed or unpacked.  [default: `npm pack pyodide` is run]",
)
@click.option(
    "--wheel",
    "wheels",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="NumPy's or SciPy's wheel for Pyodide, instead of the small ones in Python.  May be repeated.",
)
def build(folder: Path, pyodide: Path | None, wheels: tuple[Path, ...]) -> int:
    """Write the page into DIR, with Python for browsers: it then needs no server and no network."""
    for wheel in wheels:
        if wheel.suffix != ".whl" or "wasm32" not in wheel.name:
            raise MatdiffError(f"{wheel.name} is no wheel for browsers", hint="its name ends with wasm32.whl")
    with tempfile.TemporaryDirectory() as scratch:
        source = unpacked(pyodide, Path(scratch))
        python = folder / "python"
        python.mkdir(parents=True, exist_ok=True)
        for name in RUNTIME:
            shutil.copyfile(source / name, python / name)
        (python / "lock.json").write_text(lock(source), encoding="utf-8")
        shutil.copyfile(OFFLINE / "worker.js", python / "worker.js")
        (python / "matdiff.zip").write_bytes(archive(small=not wheels))
        for wheel in wheels:
            shutil.copyfile(wheel, python / wheel.name)
        quick = not wheels and image(source, python)
    names = [*RUNTIME, "lock.json", "worker.js", "matdiff.zip", *(["memory.gz"] if quick else ())]
    names += [wheel.name for wheel in wheels]
    for name in names:
        (python / f"{name}.js").write_text(scripted(name, (python / name).read_bytes()), encoding="ascii")
    write_page(folder, names)
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6
    click.echo(f"{folder}: {size:.0f} MB.  {FROM_FILES}")
    if not quick:
        why = "with wheels" if wheels else "node is not installed"
        click.echo(f"{why}: the page opens slower, since Python starts and compiles matdiff each time")
    return 0


def unpacked(pyodide: Path | None, scratch: Path) -> Path:
    """The folder of Pyodide's package.  Raises MatdiffError where there is none, or one of another version."""
    if pyodide is None:
        pyodide = fetched(scratch)
    if pyodide.is_file():
        try:
            with tarfile.open(pyodide) as packed:
                packed.extractall(scratch, filter="data")
        except (tarfile.TarError, OSError) as error:
            raise MatdiffError(f"{pyodide.name} is no npm package: {error}") from None
        pyodide = scratch / "package"
    missing = [name for name in (*RUNTIME, "package.json", "pyodide-lock.json") if not (pyodide / name).is_file()]
    if missing:
        raise MatdiffError(f"{pyodide} is not Pyodide's npm package: {missing[0]} is missing", hint="npm pack pyodide")
    version = json.loads((pyodide / "package.json").read_text(encoding="utf-8"))["version"]
    if version.split(".")[0] != PYODIDE:
        raise UnsupportedError(f"this is Pyodide {version}", hint=f"take {PYODIDE}: npm pack pyodide@{PYODIDE}")
    return pyodide


def fetched(scratch: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise UnsupportedError(
            "npm, which brings Python for browsers, is not installed",
            hint="take Pyodide's npm package to this machine and name it: --pyodide pyodide-314.0.7.tgz",
        )
    command = [npm, "pack", f"pyodide@{PYODIDE}", "--silent", "--pack-destination", str(scratch)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MatdiffError(f"npm pack pyodide failed: {done.stderr.strip()[-300:]}")
    return scratch / done.stdout.split()[-1]


def lock(source: Path) -> str:
    """What Pyodide wants to know of itself; it lists no package, so that none can be fetched."""
    found = json.loads((source / "pyodide-lock.json").read_text(encoding="utf-8"))
    return json.dumps({**found, "packages": {}})


def places() -> dict[str, Path]:
    """The folders that Python imports from in the page; SymPy, which deriving does not need, is left out."""
    package = STATIC.parents[1]
    folders = (package, package.parent)
    own = {f"matdiff/{name}": f / name for name in ("cli", "grammar") for f in folders if (f / name).is_dir()}
    return {"matdiff": package, **own, "click": Path(click.__file__).parent}


def modules() -> Iterator[tuple[str, Path]]:
    """The Python files and data that the page needs, by the paths under which they are imported."""
    for name, place in places().items():
        for file in sorted(place.rglob("*")):
            inside = file.relative_to(place)
            if file.is_file() and file.suffix != ".pyc" and not set(LEFT_OUT) & set(inside.parts):
                yield f"{name}/{inside.as_posix()}", file


def archive(small: bool = True) -> bytes:
    """What the page imports; with the small NumPy and SciPy where there are no others."""
    out, files = io.BytesIO(), dict(modules())
    if small:
        files |= {f"numpy/{file.name}": file for file in sorted((OFFLINE / "small_numpy").glob("*.py"))}
        files["scipy/__init__.py"] = OFFLINE / "small_scipy.py"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, file in files.items():
            # The same bytes each time: no date.
            packed.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), file.read_bytes(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def image(source: Path, python: Path) -> bool:
    """Python's memory with all imported, by the page's own Python; False where there is no node to run it."""
    node = shutil.which("node")
    if node is None:
        return False
    command = [node, str(OFFLINE / "image.mjs"), str(source), str(python / "matdiff.zip"), str(python / "memory.gz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MatdiffError(f"the page's Python does not run here: {done.stderr.strip()[-300:]}")
    return True


def scripted(name: str, content: bytes) -> str:
    """A file as a script, for pages that are opened as files, which may fetch nothing."""
    return f'payload("{name}", "{base64.b64encode(content).decode()}");\n'


def write_page(folder: Path, names: list[str]) -> None:
    for file in STATIC.iterdir():
        if file.name not in ("index.html", "engine.js"):
            shutil.copyfile(file, folder / file.name)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    page = (STATIC / "index.html").read_text(encoding="utf-8").replace("<!-- policy -->", policy)
    (folder / "index.html").write_text(page, encoding="utf-8")
    listed = json.dumps(names)
    engine = (OFFLINE / "engine.js").read_text(encoding="utf-8").replace("/* files */ []", listed)
    engine = engine.replace("/* known */ {}", known())
    (folder / "engine.js").write_text(engine, encoding="utf-8")
    own = sorted({"index.html", "engine.js", *(f.name for f in STATIC.iterdir())})
    paths = ["./", *own, *(f"python/{name}" for name in names)]
    digest = hashlib.sha256(b"".join((folder / p).read_bytes() for p in paths[1:])).hexdigest()[:16]
    keep = (OFFLINE / "offline.js").read_text(encoding="utf-8")
    keep = keep.replace("/* name */", f"matdiff-{__version__}-{digest}").replace("/* files */ []", json.dumps(paths))
    (folder / "offline.js").write_text(keep, encoding="utf-8")


def known() -> str:
    """Answers to the first questions, by these as JavaScript writes them."""
    found = {}
    for name, asked in FIRST:
        key = json.dumps([name, asked], ensure_ascii=False, separators=(",", ":"))
        found[key] = list(ask(name, asked))
    return json.dumps(found, ensure_ascii=False)


def hosts(folder: Path) -> set[str]:
    """Hosts that the page's own files name, but for names of XML; there are none but the one that answers nothing."""
    texts = [p.read_text(encoding="utf-8") for p in folder.iterdir() if p.suffix in (".js", ".html", ".css")]
    return {h for t in texts for h in re.findall(r"https?://([\w.-]+)", t)} - {"www.w3.org"}
