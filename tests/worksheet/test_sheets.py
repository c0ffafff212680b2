"""What students see on sheets: boxes, LaTeX to copy, numbered hints, one sign for ε; checks in notebooks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from matdiff.errors import ParseError
from matdiff.worksheet.answers import submission
from matdiff.worksheet.build import build
from matdiff.worksheet.ipython import PROBLEMS, Told, magic

for needed in ("markdown_it", "mdit_py_plugins", "latex2mathml"):
    pytest.importorskip(needed)

LESSON = """# Sheet

Let $\\epsilon > 0$ and $\\varepsilon < 1$.

```matdiff
f: logdet(S + ε*I)/2 - tr(S)
wrt: S
let: S: n×n spd; ε: scalar
hints: 3
```

```matdiff
f: tr(A*X)
wrt: X
```
"""


def test_html_has_boxes_and_latex_to_copy() -> None:
    made = build(LESSON, "html").decode()
    assert made.count("<textarea") == 2 and '<label for="answer-2">' in made
    assert ">gradient = </textarea>" in made and "Answer plainly" in made
    assert r"\log\det" in re.findall(r'<code class="latex">(.*?)</code>', made)[0]
    assert "<script" not in made and "Content-Security-Policy" in made


def test_a_solution_has_no_boxes() -> None:
    made = build(LESSON, "html", with_solutions=True).decode()
    assert "<textarea" not in made and 'class="latex"' in made


def test_epsilon_is_one_sign_and_a_half_stands_apart() -> None:
    made = build(LESSON, "html").decode()
    assert "ε" in made and "ϵ" not in re.sub("<code.*?</code>", "", made)
    assert "mfrac { margin" in made


def test_lines_of_hints_are_numbered_on() -> None:
    page, text = build(LESSON, "html").decode(), build(LESSON, "md").decode()
    assert re.findall(r'counter-reset: step (\d)"', page) == ["1"]
    first = text.index("Hint 2")
    assert re.search(r"^1\. ", text[:first], re.M) and re.search(r"^2\. ", text[first:], re.M)


def test_a_notebook_checks_answers_where_the_lecturer_allows_it(tmp_path: Path) -> None:
    pytest.importorskip("nbformat")
    PROBLEMS.clear()
    with pytest.raises(ParseError, match="does not check answers"):
        magic("check 2", "A'")
    assert "problems" not in build(LESSON, "ipynb").decode()
    cells = json.loads(build(LESSON, "ipynb", checks=True))["cells"]
    source = next(s for c in cells if (s := "".join(c["source"])).startswith("%%matdiff problems"))
    assert "form" not in source and magic("problems", source.partition("\n")[2]) is None
    right, wrong = magic("check 2", "gradient = A'"), magic("check 2", "gradient = 2*A'")
    assert isinstance(right, Told) and repr(right) == "✓ right"
    assert repr(wrong).startswith("✗ wrong\n") and "factor 2 too many" in repr(wrong)
    with pytest.raises(ParseError, match="which problem"):
        magic("check 9", "A'")
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": "%%matdiff check 2\nA'"}]}), encoding="utf-8")
    assert submission(path, (LESSON, "lesson.md", None)).answers[2].strip() == "A'"
