"""What the README shows is what happens: its sessions are run and compared."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

from matdiff.cli.app import run

README = Path(__file__).resolve().parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")
SESSIONS = re.findall(r"^```\n\$ matdiff (.*)\n((?:.*\n)*?)```$", TEXT, re.M)
COMMANDS = re.findall(r"^matdiff (.*?)   .*$", TEXT, re.M)


def rounded(text: str) -> str:
    """Without the errors of a verification, which differ from machine to machine."""
    return re.sub(r"\de-\d+", "…", text)


@pytest.mark.parametrize(("command", "shown"), SESSIONS)
def test_sessions(capsys, command, shown):
    run(shlex.split(command))
    captured = capsys.readouterr()
    assert rounded(captured.out + captured.err) == rounded(shown)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(capsys, command):
    assert run(shlex.split(command)) in (0, 1)
    captured = capsys.readouterr()
    assert captured.out
    assert captured.err == ""


def test_python():
    assert len(SESSIONS) == 3
    assert len(COMMANDS) == 7
    (example,) = re.findall(r"^```python\n(>>>.*?)^```", TEXT, re.M | re.S)
    found = doctest.DocTestParser().get_doctest(example, {}, "README", str(README), 0)
    assert doctest.DocTestRunner().run(found).failed == 0
