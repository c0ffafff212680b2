"""Jupyter: what is shown of results, the magics, and the notebook in examples/ that is executed as it stands."""

from __future__ import annotations

import asyncio
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import matdiff as md
from matdiff.errors import ParseError
from matdiff.worksheet.ipython import Answer, magic

TOUR = Path(__file__).parents[2] / "examples" / "tour.ipynb"


def test_expressions_are_shown_as_latex() -> None:
    assert md.parse("A'*B")._repr_latex_() == "$\\displaystyle A^{\\top}B$"
    shown = md.parse("A'*B")._repr_mimebundle_()
    assert shown == {"text/latex": "$\\displaystyle A^{\\top}B$", "text/plain": "Aᵀ B"}


@pytest.mark.parametrize(
    ("f", "wrt", "has"),
    [
        ("tr(A*X*B)", "X", (r"\text{the trace is linear}", r"\nabla f &= A^{\top}B^{\top}")),
        ("A*x/norm(x)", "x", (r"\text{product rule}", "J &= ")),
        ("norm(X - U*V')^2", "U,V", (r"\nabla_{U} f &= ", r"\nabla_{V} f &= ")),
        ("r = A*x - b; r'*r/2", "x", ("r = Ax - b", r"\mathrm{d}r")),
        ("expm(X)", "X", (r"\mathrm{d}",)),
        ("A*b + x - x", "x", ()),
    ],
)
def test_derivations_are_shown_as_aligned_lines_with_their_rules(f: str, wrt: str, has: tuple[str, ...]) -> None:
    shown = md.derive(f, wrt=wrt)._repr_mimebundle_()
    latex = shown["text/latex"]
    assert set(shown) == {"text/latex", "text/plain"} and shown["text/plain"]
    assert latex.startswith("$$\n\\begin{aligned}\n") and latex.endswith("\n\\end{aligned}\n$$")
    assert all(part in latex for part in has)
    assert latex.count("{") - latex.count(r"\{") == latex.count("}") - latex.count(r"\}")
    assert latex.replace("é", "").isascii()


@pytest.mark.parametrize(
    ("f", "wrt", "says"),
    [
        ("norm(y - X*beta)^2", "beta", "beta is read as a vector"),
        ("norm(y - X*w)^2/N", "w", "N is read as a scalar"),
        ("X*theta", "X", "theta is read as a vector"),
        ("norm(X - U*V')^2/N", "U,V", "N is read as a scalar"),
        ("det(t*I - A)", "t", "t is read as a scalar"),
    ],
)
def test_remarks_show_in_every_form_of_a_derivation(f: str, wrt: str, says: str) -> None:
    d = md.derive(f, wrt=wrt)
    shown = d._repr_mimebundle_()
    assert all(says in form for form in (str(d), repr(d), shown["text/plain"]))
    words = says.replace("beta", r"$\beta$").replace("theta", r"$\theta$")
    for latex in (shown["text/latex"], d._repr_latex_()):
        assert says in latex or words in latex


def test_definitions_stand_in_the_order_of_the_text() -> None:
    names = "pqrstu"
    chain = "; ".join(["p = exp(x)", *(f"{b} = sin({a})" for a, b in pairwise(names))])
    shown = md.derive(f"{chain}; sum(u)", wrt="x", declare="x: n")._repr_latex_()
    places = [shown.index(f"{{}} & {name} = ") for name in names]
    assert places == sorted(places)


def test_the_magic_on_a_line() -> None:
    assert str(magic("tr(A*X*B) --wrt X --ask gradient")) == str(md.derive("tr(A*X*B)", wrt="X").gradient)
    found = magic('x\'*S*x --wrt x --let "S: n×n symmetric" --ask gradient')
    assert str(found) == "2S x"
    assert isinstance(magic("-x'*x --wrt x"), md.Derivation)


def test_the_magic_over_a_cell() -> None:
    assert str(magic("--wrt x --ask jacobian", "u = B*x\nA*u\n")) == "A B"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tr(X)", "the variable is missing"),
        ("tr(X) --wrt X --ask beauty", "'beauty' cannot be asked for"),
        ("tr(X) --wrt X --colour red", "there is no option --colour"),
    ],
)
def test_the_magic_refuses(line: str, said: str) -> None:
    with pytest.raises(ParseError, match=re.escape(said)):
        magic(line)


def test_an_answer_is_typeset_as_it_is_read() -> None:
    answer = magic("answer 1", "df = tr(A*dX*B)\ngradient = A'*\n")
    assert isinstance(answer, Answer)
    typeset, wrong = answer._repr_markdown_().split("  \n")
    assert typeset == "`df =` $\\displaystyle \\operatorname{tr}(A\\mathrm{d}XB)$"
    assert wrong.startswith("`gradient = A'*` (not understood by itself: ")


class Shell:
    """As much of IPython as loading the extension needs."""

    def __init__(self) -> None:
        self.magics: dict[str, Any] = {}
        self.handlers: dict[type, Any] = {}

    def register_magic_function(self, function: Any, kind: str, name: str) -> None:
        self.magics[name] = (function, kind)

    def set_custom_exc(self, kinds: tuple[type, ...], handler: Any) -> None:
        self.handlers.update(dict.fromkeys(kinds, handler))


def test_loading_the_extension(capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell()
    md.load_ipython_extension(shell)
    assert shell.magics["matdiff"][1] == "line_cell"
    shell.handlers[md.MatdiffError](shell, ParseError, ParseError("no", hint="yes"), None)
    assert capsys.readouterr().out == "ParseError: no\nyes\n"


def outputs(notebook: Any) -> list[list[str]]:
    """The kinds of what each code cell shows, and the results that are formulas."""
    shown = []
    for cell in (c for c in notebook.cells if c.cell_type == "code"):
        latex = [out["data"].get("text/latex", "") for out in cell.outputs if "data" in out]
        shown.append([out.output_type for out in cell.outputs[:1]] + [s for s in latex if s.startswith("$\\")])
    return shown


def test_the_tour_shows_what_it_says() -> None:
    """The notebook is stored executed, and executing it again shows the same results."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    stored = nbformat.read(TOUR, as_version=4)
    nbformat.validate(stored)
    again = nbformat.read(TOUR, as_version=4)
    asyncio.run(nbclient.NotebookClient(again, timeout=120, kernel_name="python3").async_execute())
    assert outputs(again) == outputs(stored)
    assert sum(map(bool, outputs(stored))) >= 9
    assert ["error"] not in outputs(stored)
