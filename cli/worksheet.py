"""`matdiff worksheet`: sheets and solutions from lessons, marks for answers."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from matdiff.errors import MatdiffError, ParseError
from matdiff.worksheet.build import FORMATS

TABLES = ("text", "json", "csv", "gradebook", "moodle", "canvas", "nbgrader")
PATHS = {"nargs": -1, "required": True, "type": click.Path(path_type=Path)}


@click.group("worksheet")
def command() -> None:
    """Worksheets: Markdown with `matdiff` blocks.

    `build` makes sheets and solutions, `check` marks answers, `export` makes questions for Moodle and nbgrader.
    """


@command.command("build")
@click.argument("files", metavar="FILE...", **PATHS)  # type: ignore[arg-type]
@click.option("--to", type=click.Choice(FORMATS), default="html", show_default=True, help="The format.")
@click.option("--solutions", is_flag=True, help="The solution instead of the students' sheet.")
@click.option("--seed", metavar="SEED", help="Choose the words of parametrised problems by this, a name or a number.")
@click.option("--allow-check", is_flag=True, help="In a notebook: `%%matdiff check 1` tells students right or wrong.")
@click.option("--out", type=click.Path(path_type=Path), help="File or folder to write to; - is standard output.")
def build_command(
    files: tuple[Path, ...], to: str, solutions: bool, seed: str | None, allow_check: bool, out: Path | None
) -> int:
    """Make the students' sheet of each FILE, or with --solutions its solution.

    Without --out it is written beside FILE, as `lesson-sheet.html` or `lesson-solutions.html`.
    """
    from matdiff.worksheet.build import build

    if allow_check and to != "ipynb":
        raise click.UsageError("--allow-check goes with --to ipynb")
    for path in files:
        made = build(read(path), to, path.name, seed, solutions, allow_check)
        if str(out) == "-":
            sys.stdout.buffer.write(made)
            continue
        target = target_of(path, to, solutions, seed, out, len(files) > 1)
        if target.resolve() == path.resolve():
            raise MatdiffError(f"{path} would be overwritten by its own sheet", hint="give another name: --out FILE")
        write(target, made)
    return 0


def write(target: Path, made: bytes) -> None:
    """Write a sheet and say where; folders are made."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(made)
    except OSError as error:
        raise MatdiffError(f"{target} cannot be written: {error.strerror}") from None
    click.echo(f"{target}")


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ParseError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ParseError(f"{path} is not UTF-8 text (byte {error.start + 1})") from None


def target_of(
    path: Path, to: str, solutions: bool, seed: str | None, out: Path | None, several: bool, kind: str = "sheet"
) -> Path:
    """Where a sheet is written."""
    marked = f"-{''.join(c if c.isalnum() else '_' for c in seed)}" if seed is not None else ""
    name = f"{path.stem}{marked}-{'solutions' if solutions else kind}.{to}"
    if out is None:
        return path.with_name(name)
    if several or out.is_dir() or not out.suffix:
        return out / name
    return out


@command.command("export")
@click.argument("files", metavar="FILE...", **PATHS)  # type: ignore[arg-type]
@click.option("--to", type=click.Choice(["moodle-xml", "nbgrader"]), required=True, help="The system.")
@click.option("--seed", "seeds", metavar="SEED", multiple=True, help="Choose words by this; may be repeated.")
@click.option("--variants", type=click.IntRange(1, 200), help="So many seeds: 1, 2, …")
@click.option("--out", type=click.Path(path_type=Path), help="File or folder to write to; - is standard output.")
def export_command(
    files: tuple[Path, ...], to: str, seeds: tuple[str, ...], variants: int | None, out: Path | None
) -> int:
    """Questions for Moodle (STACK, cloze, essay), or a source notebook for nbgrader, from each FILE.

    With several seeds the variants of a problem are a category of Moodle, from which a quiz takes one at random;
    for nbgrader each seed is a notebook.
    """
    from matdiff.worksheet.export import moodle, nbgrader

    if seeds and variants:
        raise click.UsageError("--seed or --variants, not both")
    chosen = list(seeds) or [str(i) for i in range(1, (variants or 0) + 1)]
    suffix = "xml" if to == "moodle-xml" else "ipynb"
    for path in files:
        text = read(path)
        sets: list[list[str]] = [chosen] if to == "moodle-xml" or not chosen else [[s] for s in chosen]
        for seeds_ in sets:
            one = seeds_[0] if to == "nbgrader" and seeds_ else None
            made = moodle(text, path.name, seeds_) if to == "moodle-xml" else nbgrader(text, path.name, one)
            if str(out) == "-":
                sys.stdout.buffer.write(made)
                continue
            write(target_of(path, suffix, False, one, out, len(files) * len(sets) > 1, to.partition("-")[0]), made)
    return 0


@command.command("check")
@click.argument("files", metavar="FILE...", **PATHS)  # type: ignore[arg-type]
@click.option("--lesson", type=click.Path(path_type=Path), help="Take the problems from here, not from the answers.")
@click.option("--seed", metavar="SEED", help="With --lesson: the seed that the sheets were made with.")
@click.option("--any-layout", is_flag=True, help="An answer that is right when transposed is right.")
@click.option("--to", type=click.Choice(TABLES), default="text", show_default=True, help="The format.")
@click.option("--feedback", type=click.Path(path_type=Path), help="A folder for a page to each student.")
@click.option("--with-solution", is_flag=True, help="With --feedback: show the solution of what is not right.")
@click.option("--timeout", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds for a submission.")
def check_command(
    files: tuple[Path, ...],
    lesson: Path | None,
    seed: str | None,
    any_layout: bool,
    to: str,
    feedback: Path | None,
    with_solution: bool,
    timeout: float,
) -> int:
    """Mark the answers in each FILE (Markdown, a notebook, LaTeX, Word, text) or in all of a folder.

    `gradebook`, `moodle`, `canvas` and `nbgrader` are CSV with a row a student, whose name is read from the folders
    and files that these systems make.
    Nothing in a submission is executed.  The exit status is 0 only if all answers are right.
    """
    from matdiff.worksheet import folder, report
    from matdiff.worksheet.worker import Result

    found = folder.files(files)
    given = None if lesson is None else (read(lesson), lesson.name, seed)
    results: list[Result | None] = [None] * len(found)
    with click.progressbar(length=len(found), label="checking", file=sys.stderr, hidden=quiet(found)) as bar:
        for i, result in folder.check_all(found, given, timeout):
            results[i] = result
            bar.update(1)
    done = [r for r in results if r is not None]
    if len(done) == 1 and done[0].error and not done[0].marks:
        raise ParseError(done[0].error)
    from matdiff.worksheet import classes

    roots = [p for p in files if p.is_dir()]
    people = [classes.student_of(p, next((r for r in roots if p.is_relative_to(r)), p.parent)) for p in found]
    if feedback is not None or to not in ("text", "json", "csv"):
        rows = classes.rows(list(zip(people, done, strict=True)))
        title = lesson.stem if lesson is not None else "worksheet"
        if feedback is not None:
            try:
                made = classes.write_feedback(rows, feedback, any_layout, with_solution, title)
            except OSError as error:
                raise MatdiffError(f"{feedback} cannot be written: {error.strerror}") from None
            click.echo(f"{len(made)} files in {feedback}", err=True)
        if to not in ("text", "json", "csv"):
            click.echo(classes.gradebook(rows, to, any_layout, title).rstrip("\n"))
            return 0 if all(r.passed(any_layout) for r in done) else 1
    alike = [r.name for r in done]
    for who, result in zip(people, done, strict=True):
        if alike.count(result.name) > 1:
            result.name = f"{who.name}/{result.name}"
    table = {"text": report.as_text, "json": report.as_json, "csv": report.as_csv}[to]
    click.echo(table(done, any_layout).rstrip("\n"))
    return 0 if all(r.passed(any_layout) for r in done) else 1


def quiet(found: list[Path]) -> bool:
    """No bar for one file, nor where nobody watches."""
    return len(found) < 2 or not sys.stderr.isatty()
