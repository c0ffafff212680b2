"""Lines to answer: from a terminal, with editing, history and completion, or from a pipe.

prompt_toolkit completes while it shows the choices and edits well on Windows, but costs as much to import as NumPy;
where it is not installed (the extra `repl`), Python's own readline does the same in plainer clothes.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer

Candidates = Callable[[], list[str]]

PROMPT = "∂ "
HISTORY = 1000
"""Lines remembered from one conversation to the next."""


def lines(candidates: Candidates) -> Iterator[str]:
    """Lines until the end of input or Ctrl-D; Ctrl-C drops the line that is being typed."""
    if not sys.stdin.isatty():
        yield from piped()
        return
    ask = prompted(candidates) if find_spec("prompt_toolkit") else plain(candidates)
    while True:
        try:
            yield ask(prompt())
        except KeyboardInterrupt:
            print()
        except EOFError:
            print()
            return


def prompt() -> str:
    from matdiff.report.notation import unicode_output

    return PROMPT if unicode_output() else "> "


def piped() -> Iterator[str]:
    """Bytes that are no UTF-8 become signs that no name has, so that the line is refused with its place."""
    for raw in sys.stdin.buffer:
        yield raw.decode("utf-8", "replace").lstrip("\ufeff").rstrip("\r\n")


def prompted(candidates: Candidates) -> Callable[[str], str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    path = history()
    session: PromptSession[str] = PromptSession(
        history=FileHistory(str(path)) if path else InMemoryHistory(),
        completer=completer(candidates),
        complete_while_typing=False,
    )
    return session.prompt


def completer(candidates: Candidates) -> Completer:
    """Completes the last word before the cursor, which the pattern finds in the text read backwards."""
    from prompt_toolkit.completion import WordCompleter

    return WordCompleter(candidates, pattern=re.compile(r"\w+:?|:"))


def plain(candidates: Candidates) -> Callable[[str], str]:
    """`input`, with readline where Python has it."""
    try:
        import readline
    except ImportError:
        return input
    import atexit

    readline.set_completer_delims(" \t\n()[]{}<>,;=+-*/\\^.'⟨⟩")
    readline.set_completer(lambda prefix, i: completion(candidates(), prefix, i))
    # On macOS readline is libedit, whose commands are spelt differently.
    readline.parse_and_bind("bind ^I rl_complete" if "libedit" in (readline.__doc__ or "") else "tab: complete")
    path = history()
    if path:
        with_history(readline, path)
        readline.set_history_length(HISTORY)
        atexit.register(readline.write_history_file, path)
    return input


def with_history(readline: object, path: Path) -> None:
    try:
        readline.read_history_file(path)  # type: ignore[attr-defined]
    except OSError:
        path.touch()


def completion(candidates: list[str], prefix: str, i: int) -> str | None:
    """The i-th word that begins so, as readline asks for it.

    >>> completion([":steps", "tr(", "tril("], "tr", 1)
    'tril('
    """
    return dict(enumerate(w for w in candidates if w.startswith(prefix))).get(i)


def history() -> Path | None:
    """Where lines are kept; None where nothing can be written."""
    base = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".local" / "state"
    path = Path(base) / "matdiff" / "history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError:
        return None
    return path
