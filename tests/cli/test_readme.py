"""What the README shows is what happens: its sessions are run and compared."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

from matdiff.cli.app import run
from matdiff.cli.session import Session

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"^```\n\$ matdiff (.*)\n((?:.*\n)*?)```$", TEXT, re.M)
COMMANDS = re.findall(r"^matdiff (.*?)   .*$", TEXT, re.M)


@pytest.fixture(autouse=True)
def at_home(monkeypatch):
    monkeypatch.chdir(ROOT)


def rounded(text: str) -> str:
    """Without the errors of a verification, which differ from machine to machine."""
    return re.sub(r"\de-\d+", "…", text)


@pytest.mark.parametrize(("command", "shown"), [s for s in SESSIONS if s[0] != "repl"])
def test_sessions(capsys, command, shown):
    run(shlex.split(command))
    captured = capsys.readouterr()
    said, shown = rounded(captured.out + captured.err), rounded(shown)
    beginning = shown.removesuffix("...\n")
    assert said == shown if beginning == shown else said.startswith(beginning)


def test_the_conversation():
    ((_, shown),) = (s for s in SESSIONS if s[0] == "repl")
    session = Session()
    for typed, said in re.findall(r"^∂ (.*)\n((?:(?!∂).*\n)*)", shown, re.M):
        assert rounded(session.run(typed)) + "\n" == rounded(said)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(capsys, command):
    assert run(shlex.split(command)) == 0
    captured = capsys.readouterr()
    assert captured.out
    assert captured.err == ""


def test_python():
    examples = "".join(re.findall(r"^```python\n(>>>.*?)^```", TEXT, re.M | re.S))
    found = doctest.DocTestParser().get_doctest(examples, {}, "README", str(ROOT / "README.md"), 0)
    assert found.examples
    assert doctest.DocTestRunner().run(found).failed == 0


def test_the_record_is_the_one_that_is_used():
    (record,) = re.findall(r"^```python\n(logdet.*?)^```", TEXT, re.M | re.S)
    assert record in (ROOT / "matdiff" / "ops" / "linalg.py").read_text(encoding="utf-8")


def test_the_layout_names_what_there_is():
    (layout,) = re.findall(r"^## Layout\n\n```\n(.*?)^```", TEXT, re.M | re.S)
    named = set(re.findall(r"(?:^|  )([\w./]+/)(?= |$)", layout, re.M))
    for name in named:
        assert (ROOT / name).is_dir() or (ROOT / "matdiff" / name).is_dir(), name
    packages = {f"{p.name}/" for p in (ROOT / "matdiff").iterdir() if p.is_dir() and any(p.glob("*.py"))}
    assert packages <= named
    assert len(SESSIONS) == 11
    assert len(COMMANDS) == 17
