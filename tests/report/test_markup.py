"""What authors type reaches a page as text and mathematics only, and a LaTeX document as typesetting only."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from cases import CASES

import matdiff as md
from matdiff.printing.latex_mathml import from_latex
from matdiff.report.formulas import ATTRIBUTES, ELEMENTS, NOT_SET, typeset, vocabulary
from matdiff.report.html import POLICY, page
from matdiff.report.pdf import CHROMIUM, pdf
from matdiff.text.tokens import words
from matdiff.worksheet.build import build

for needed in ("html5lib", "markdown_it", "mdit_py_plugins", "latex2mathml"):
    pytest.importorskip(needed)

LESSONS = sorted((Path(__file__).parents[2] / "examples").glob("[0-9]*.md"))

HTML = words(
    "html head meta title style body main h1 h2 h3 h4 p em strong code pre a ul ol li blockquote hr br table thead"
    " tbody tr th td div span label textarea input button details summary figure figcaption math"
)
SVG = words("svg defs g path rect use clipPath metadata RDF Work type format creator Agent title")
ALLOWED = words(
    "charset name content http-equiv lang href class start display aria-label aria-hidden style for id rows cols"
    " readonly spellcheck type placeholder"
)
STYLES = re.compile(r"--lines: \d+|counter-reset: step \d+|text-align:(?:left|right|center)")

WRITTEN = [
    "<b>x</b>",
    "<script>document.title='run'</script>",
    "<img src=x onerror=document.title='run'>",
    "</math><p class=c>",
    "</style></title><b>",
    "&lt;b&gt;",
    "&#60;b&#62;",
    "&amp;amp;",
    '" onclick="x',
    "<!-- <b> -->x<b>"[9:],
]
IN_FORMULAS = [rf"\{c}{{{w}}}" for c in ("text", "mbox", "textbf", "textrm", "hbox", "fbox", "texttt") for w in WRITTEN]
COMMANDS = [
    r"\href{javascript:document.title='run'}{x}",
    r"\href{http://example.org/}{x}",
    r"\style{background: url(http://example.org/)}{x}",
    r"\class{verdict}{x}",
    r"\color{red;background:url(x)}{x}",
    r"\textcolor{\"onload=x}{x}",
    r"\colorbox{url(http://example.org)}{x}",
    r"\unicode{3c;<b>x</b>}",
    r"\operatorname{a}<b>x</b>",
    r"\tag{<b>x</b>}",
    r"\verb|<b>x</b>|",
    r"\begin{array}{c}<b>\end{array}",
    r"\hskip<b>",
    r"\left<b>x</b>\right>",
    "<b>x</b>",
    r"\def\a{\href{x}{y}}\a",
]


def lesson(formula: str, *, title: str = "", hint: str = "") -> str:
    block = f"```matdiff\ntitle: {title}\nf: x'*x\nwrt: x\nhint: {hint or 'none'}\n```"
    table = f"| a |\n|---|\n| ${formula.replace('|', ' ')}$ |"
    return f"# A sheet\n\nSee ${formula}$.\n\n$$\n{formula}\n$$\n\n{table}\n\n{block}\n"


def elements(html: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name and attributes of every element, by the parser of the standard."""
    import html5lib

    for e in html5lib.parse(html).iter():
        if isinstance(e.tag, str):
            space, _, name = e.tag.removeprefix("{").partition("}")
            yield space.rpartition("/")[2], name, {str(k): v for k, v in e.attrib.items()}


def check(html: str) -> None:
    """Nothing but what the writers of pages are meant to write."""
    for space, name, attributes in elements(html):
        if space == "svg":
            assert name in SVG, name
            assert not any(k.startswith("on") for k in attributes)
        elif space == "MathML":
            assert name in ELEMENTS | {"math"}, name
            assert set(attributes) <= ATTRIBUTES | {"display"}, attributes
        else:
            assert name in HTML, name
            assert set(attributes) <= ALLOWED, attributes
            assert STYLES.fullmatch(attributes.get("style", "--lines: 1"))
            assert not re.match(r"\s*(?:javascript|data|vbscript|file):", attributes.get("href", ""))


def shown(html: str) -> str:
    """The text of a page."""
    import html5lib

    return "".join(html5lib.parse(html).itertext())


@pytest.mark.parametrize("written", WRITTEN)
def test_text_in_formulas_shows_its_characters(written: str) -> None:
    for command in ("text", "mbox", "textbf", "textrm", "texttt"):
        formula = rf"\{command}{{{written}}}"
        html = build(lesson(formula, title=f"${formula}$", hint=f"${formula}$"), "html").decode()
        check(html)
        assert shown(html).replace("\xa0", " ").count(written) == 5


@pytest.mark.parametrize("formula", [*IN_FORMULAS, *COMMANDS])
def test_formulas_become_mathematics_only(formula: str) -> None:
    check(build(lesson(formula, title=f"${formula}$", hint=f"${formula}$"), "html").decode())


@pytest.mark.parametrize("text", WRITTEN)
def test_text_around_formulas_shows_its_characters(text: str) -> None:
    check(build(f"# {text}\n\n{text} `{text}` [{text}](<{text}>)\n\n```\n{text}\n```\n", "html").decode())
    check(build(lesson("x", title=text, hint=text), "html").decode())


def test_labels_and_records_are_escaped() -> None:
    assert from_latex("a < b & c") == "<mi>a</mi><mo>&lt;</mo><mi>b</mi><mo>&amp;</mo><mi>c</mi>"


@pytest.mark.share(2)
@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_pages_of_the_course(path: Path) -> None:
    check(build(path.read_text(), "html").decode())


def test_the_check_sees_markup() -> None:
    links = (
        "<math><mtext href='x'>a</mtext></math>",
        "<a href='javascript:x'>y</a>",
        "<math><maction>x</maction></math>",
    )
    for markup in ("<b>x</b>", "<p onclick=x>", "<p style='color: red'>", *links):
        with pytest.raises(AssertionError):
            check(page([], "t").replace("<main>", f"<main>{markup}"))


def test_every_page_says_what_browsers_may_do() -> None:
    for with_solutions in (False, True):
        html = build(lesson("x"), "html", with_solutions=with_solutions).decode()
        found = [a["content"] for _, n, a in elements(html) if a.get("http-equiv") == "Content-Security-Policy"]
        assert found == [POLICY]
        assert html.index("Content-Security-Policy") < html.index("<title>") < html.index("<style>")
    rules = dict(rule.strip().split(" ", 1) for rule in POLICY.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert not {"script-src", "connect-src", "object-src"} & set(rules) and "http" not in POLICY


# in a browser

browser = next(filter(None, map(shutil.which, CHROMIUM)), "")
in_chromium = pytest.mark.skipif(not browser, reason="Chromium is not installed (Debian: apt-get install chromium)")


def loaded(html: str, folder: Path) -> str:
    """The page as Chromium holds it, when its scripts have run."""
    path = folder / "page.html"
    path.write_text(html)
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    return subprocess.run(
        [browser, *options, path.as_uri()], capture_output=True, check=True, timeout=60
    ).stdout.decode()


@in_chromium
def test_in_chromium_the_characters_are_shown(tmp_path: Path) -> None:
    text = "\n\n".join(lesson(f, title=f"${f}$", hint=f"${f}$") for f in (*IN_FORMULAS, *COMMANDS))
    html = loaded(build(text, "html").decode(), tmp_path)
    check(html)
    assert "<title>A sheet</title>" in html
    assert all(w in shown(html).replace("\xa0", " ") for w in WRITTEN)


@in_chromium
def test_in_chromium_no_script_runs_and_no_other_host_is_asked(tmp_path: Path) -> None:
    script = "<p id=a>before</p><script>document.getElementById('a').textContent = 'run'</script>"
    assert ">run<" in loaded(f"<!DOCTYPE html><title>t</title>{script}", tmp_path)
    html = page([], "t").replace("<main>", f"<main>{script}<p onclick='x'>y</p>")
    assert ">before<" in loaded(html, tmp_path)


@in_chromium
def test_the_pdf_is_made_with_scripts_off() -> None:
    script = "<script>document.body.style.height = '50000px'</script>"
    found = [pdf(f"<!DOCTYPE html><title>t</title><body>x{s}", "html", browser) for s in ("", script)]
    assert [raw.count(b"/Type /Page\n") for raw in found] == [1, 1]


# LaTeX documents

READING = sorted(
    words(r"""
    \input \include \includeonly \openin \openout \read \readline \write \immediate \special \edef \def \gdef \xdef \let
    \futurelet \catcode \csname \endcsname \expandafter \newcommand \renewcommand \providecommand \usepackage
    \documentclass \directlua \loop \scantokens \everymath \newread \newwrite \verbatiminput \lstinputlisting
    \includegraphics \InputIfFileExists \IfFileExists \makeatletter \href \url \char \chardef \begingroup \endgroup
    \bgroup \egroup \aftergroup \jobname \shipout \output \uppercase \toks \the \message \errmessage \batchmode \meaning
    \string \noexpand \par \primitive \verb \end \begin \ShellEscape \pdffiledump \lccode \DeclareMathOperator
""")
)


@cache
def commands(tex: str) -> frozenset[str]:
    """What TeX would run: the commands outside of verbatim."""
    body = tex[tex.index(r"\begin{document}") :]
    outside = re.sub(r"\\begin\{verbatim\}\n.*?\\end\{verbatim\}\n", "", body, flags=re.DOTALL)
    assert "^^" not in outside
    return frozenset(re.findall(r"\\[A-Za-z]+", outside))


PLAIN = {r"\input", r"\include", r"\def", r"\read", r"\catcode", r"\csname", r"\write", r"\verb", r"\openin"}


@pytest.mark.parametrize("command", READING)
def test_commands_that_do_more_than_setting_are_shown(command: str) -> None:
    assert command not in vocabulary()
    for formula in (
        f"{command}{{secret}}",
        f"x + {command} secret",
        rf"\text{{{command}{{secret}}}}",
        rf"\begin{{array}}{{@{{{command} x}}}}1\end{{array}}",
    ):
        assert typeset(formula) is None, formula
        tex = build(lesson(formula, title=f"${formula}$", hint=f"${formula}$"), "tex").decode()
        assert "secret" not in tex or rf"\textbackslash{{}}{command[1:]}" in tex
        assert not commands(tex) & PLAIN


UNCLOSED = [
    "}", "{", r"}\end{document}{", r"\begin{aligned}", r"\end{aligned}", r"\begin{split}}{\end{split}", "^^5cinput x",
    r"\begin{filecontents}x\end{filecontents}", "x^^M", r"\begin{bmatrix}1\end{pmatrix}",
]  # fmt: skip


@pytest.mark.parametrize("formula", UNCLOSED)
def test_formulas_that_do_not_close_are_shown(formula: str) -> None:
    assert typeset(formula) is None


def test_comments_and_last_spaces_do_not_take_the_end_of_a_formula() -> None:
    assert typeset("a % b") == "a"
    assert typeset(r"a \% b") == r"a \% b"
    assert typeset("a\\\\% b\n c") == "a\\\\\n c"
    assert typeset("a\\ ") == "a\\ "
    assert typeset(r"a \\") == r"a \\"


CODE = [
    r"\end{verbatim}",
    r"\end{verbatim}\input{secret}",
    r"x \end{verbatim} y",
    "^^5cinput{secret}",
    r"\input{secret}",
    "```",
    "%",
    "",
]


@pytest.mark.parametrize("line", CODE)
def test_code_stays_code(line: str) -> None:
    text = f"~~~~\nfirst\n{line}\nlast\n~~~~\n\n    {line}\n    last\n\n`a {line}`\n"
    tex = build(text, "tex").decode()
    assert not commands(tex) & PLAIN
    assert tex.count("\\begin{verbatim}\n") == tex.count("\\end{verbatim}\n")
    assert tex.rstrip().endswith(r"\end{document}") and tex.count(r"\end{document}") == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://example.org/a%20b#c", r"\href{https://example.org/a\%20b\#c}{here}"),
        ("notes.pdf", r"\href{notes.pdf}{here}"),
        ("run:calc", "{here}"),
        ("FILE:x", "[here]"),
    ],
)
def test_links_of_a_document(url: str, said: str) -> None:
    assert said in build(f"[here]({url})", "tex").decode()


def test_what_matdiff_prints_is_typeset() -> None:
    for c in CASES:
        d = md.derive(c.text, wrt=c.wrt, declare=c.declare)
        assert typeset(d.differential.latex()), d.differential.latex()


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_the_courses_formulas_are_typeset(path: Path) -> None:
    text = path.read_text()
    for formula in re.findall(r"(?<!\$)\$([^$\n]+)\$(?!\$)|\$\$(.+?)\$\$", text, re.DOTALL):
        assert typeset("".join(formula)) is not None, formula


def test_words_that_are_not_set_are_named_once() -> None:
    assert not NOT_SET & vocabulary() and len(vocabulary()) > 1000
