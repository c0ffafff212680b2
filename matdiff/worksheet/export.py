"""Worksheets for the systems that teachers use: question banks of Moodle, assignments of nbgrader.

Moodle's format is described at docs.moodle.org/en/Moodle_XML_format, STACK's part of it by the questions that its
repository ships (samplequestions/).  A problem becomes the first of these that can hold its answer:

1. a STACK question about entries, where all sizes are numbers: the answer is what Maxima finds equivalent to it;
2. a STACK question about a formula in names, `transpose(A) . (A . x - b)`: what is typed and the answer are compared at
   two random points, at other sizes each;
3. a cloze question that asks for the entries at a point of small whole numbers;
4. an essay, with the solution for who marks it.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from matdiff.codegen.evaluate import evaluate
from matdiff.core.node import Node, Symbol, symbols
from matdiff.errors import MatdiffError, UnsupportedError
from matdiff.graph.properties import closure
from matdiff.graph.rewrite import inline
from matdiff.interop import maxima
from matdiff.interop.explicit import entries, named
from matdiff.interop.maxima import COMPARED, DEFINITIONS, WORDS
from matdiff.ops.complexes import COMPLEX
from matdiff.printing.names import latex_name
from matdiff.report import markdown
from matdiff.report.blocks import Block, Hint, HowTo, Room, Start, Text
from matdiff.report.prose import reader, tokens
from matdiff.solution.problem import Problem, read_block
from matdiff.verify.sampling import names, point, ways
from matdiff.worksheet.check import mark
from matdiff.worksheet.document import Prose, Worksheet, worksheet
from matdiff.worksheet.sheet import heading, hints, labels, solved, spoken, statement
from matdiff.worksheet.solution import Solution
from matdiff.worksheet.systems import SystemSolution, is_system

TARGETS = ("moodle-xml", "nbgrader")
POINTS = 2
TRIES = 60
MOST = 16
"""Entries of an answer that somebody types one by one."""
Given = tuple[list[str], str]
"""A point for Maxima, and the value there."""

HOW_FORMULA = (
    "Type `A . x` for products of arrays, `transpose(A)`, `inv(A)`, `det(A)`, `tr(A)`, `a*b` for multiples and for "
    "products entry by entry, `eye(n)`, `ones(n)`, `diagm(x)` for a vector on a diagonal, `diagv(A)` for the diagonal "
    "of a matrix, `kron(A, B)`, `vec(A)`, `total(x)` for the sum of all entries. Vectors are columns."
)


def moodle(text: str, name: str = "worksheet", seeds: Sequence[str] = ()) -> bytes:
    """The questions of a lesson as Moodle XML; what seeds choose differently is a category of variants a problem.

    A quiz takes one of a category at random.  Raises ParseError with file and line for a block that cannot be read.

    >>> b'type="stack"' in moodle("# A\\n```matdiff\\nf: x^2*y\\nwrt: x\\nlet: x: scalar; y: scalar\\n```\\n")
    True
    """
    sheets = [worksheet(text, name, s) for s in seeds] or [worksheet(text, name, None)]
    first, quiz, prose = sheets[0], Element("quiz"), 0
    categories(quiz, first.title)
    for part in first.parts:
        if isinstance(part, Prose):
            if part.text.strip():
                prose += 1
                description(quiz, f"{first.title}: text {prose}", part.text)
            continue
        found = variants(part.number, sheets)
        if len(found) > 1:
            categories(quiz, first.title, called(part))
        for seed, problem in found:
            quiz.append(question(problem, called(problem) + (f" ({seed})" if len(found) > 1 else "")))
        if len(found) > 1:
            categories(quiz, first.title)
    indent(quiz)
    return b"\n".join([b'<?xml version="1.0" encoding="UTF-8"?>', bytes(tostring(quiz, encoding="utf-8")), b""])


def called(problem: Problem) -> str:
    return f"Problem {problem.number}" + (f": {plain(problem.title)}" if problem.title else "")


def plain(title: str) -> str:
    return " ".join(title.replace("$", "").split())


def variants(number: int, sheets: Sequence[Worksheet]) -> list[tuple[str, Problem]]:
    """The different problems of one number, each with the first seed that chooses it."""
    found: dict[str, tuple[str, Problem]] = {}
    for sheet in sheets:
        problem = next(p for p in sheet.problems if p.number == number)
        found.setdefault(problem.source, (sheet.seed or "", problem))
    return list(found.values())


def categories(quiz: Element, *path: str) -> None:
    made = SubElement(quiz, "question", type="category")
    put(made, "category", "/".join(["$course$", "top", *(plain(p).replace("/", "//") for p in path)]))


def description(quiz: Element, name: str, said: str) -> None:
    made = SubElement(quiz, "question", type="description")
    begin(made, name, tex(said), "", 0)


def put(parent: Element, tag: str, text: str, **attributes: str) -> Element:
    """An element with its text in a `text`, as Moodle has them."""
    made = SubElement(parent, tag, attributes)
    SubElement(made, "text").text = text
    return made


def fields(parent: Element, **values: object) -> None:
    for tag, value in values.items():
        SubElement(parent, tag).text = f"{value:g}" if isinstance(value, float) else str(value)


def begin(made: Element, name: str, text: str, feedback: str, points: float) -> None:
    """What every question begins with."""
    put(made, "name", name)
    put(made, "questiontext", text, format="html")
    put(made, "generalfeedback", feedback, format="html")
    fields(made, defaultgrade=float(points), penalty=0.1, hidden=0)


def tex(said: str) -> str:
    r"""Markdown as HTML with LaTeX as Moodle's filters look for it.

    >>> print(tex("Find $x$ < *y*.").strip())
    <p>Find \(x\) &lt; <em>y</em>.</p>
    """
    stream = tokens(said)
    for token in (t for s in stream for t in (s, *(s.children or ()))):
        if token.type.startswith("math_"):
            display = token.type != "math_inline"
            inside = escape(token.content.strip(), quote=False)
            token.content = rf"\[{inside}\]" if display else rf"\({inside}\)"
            token.type = "html_block" if token.type.startswith("math_block") else "html_inline"
    return str(reader().renderer.render(stream, reader().options, {}))


def html(blocks: Sequence[Block]) -> str:
    return tex("\n\n".join(filter(None, (markdown.block(b).strip("\n") for b in blocks))))


class Asked:
    """A problem with its solutions, as text for a question."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.system = SystemSolution(problem) if is_system(problem) else None
        self.each = [] if self.system else [Solution(p) for p in problem.single]
        told = self.system.statement(spoken) if self.system else statement(self.each[0], problem)
        self.text = html([b for b in told if not (isinstance(b, Start) or b == Text(heading(problem)))])

    def hints(self) -> Iterator[str]:
        found = self.system.hints() if self.system else hints(*self.each)
        for hint in found:
            yield tex("\n\n".join(unfolded(hint)))

    def solution(self) -> str:
        """The derivation with its lines checked.  Raises MatdiffError where one does not pass."""
        if self.system:
            return html(list(self.system.solved()))
        found: list[Block] = []
        for s in self.each:
            found += [Text(f"**By ${latex_name(s.problem.wrt)}$.**")] * (len(self.each) > 1)
            found += solved(s, lambda _: None)
        return html(found)

    def wanted(self) -> list[tuple[str, Solution]]:
        """What is asked for, each with what stands left of it."""
        if not self.each:
            raise UnsupportedError("an equation has no one formula for its answer")
        return [(labels(s)[1] + (f" ({s.problem.wrt})" if len(self.each) > 1 else ""), s) for s in self.each]

    def answer(self) -> str:
        """A right answer as it may be typed for `matdiff worksheet check`, empty where none can be told."""
        if self.system:
            return f"{self.system.room().first} = {self.problem.form}" if self.problem.form else ""
        by = [f" by {s.problem.wrt}" * (len(self.each) > 1) for s in self.each]
        said = zip(self.each, by, strict=True)
        return "\n".join(f"{labels(s)[0]}{x} = {s.result.text(ascii=True)}" for s, x in said)


def unfolded(hint: Hint) -> Iterator[str]:
    for inside in hint.inside:
        if isinstance(inside, Hint):
            yield from unfolded(inside)
        else:
            yield markdown.block(inside)


def question(problem: Problem, name: str) -> Element:
    """The question; see the module for what becomes what."""
    asked = Asked(problem)
    for made in (by_entries, by_formula, by_numbers):
        try:
            return made(asked, name)
        except (UnsupportedError, RecursionError):
            continue
    return essay(asked, name)


# STACK


def by_entries(asked: Asked, name: str) -> Element:
    """A STACK question in which every entry is typed."""
    inputs: list[Input] = []
    said = [asked.text]
    for k, (label, s) in enumerate(asked.wanted(), 1):
        usual(s)
        if s.ask == "differential" or any(d.number is None for v in s.d.function.variables for d in (v.rows, v.cols)):
            raise UnsupportedError("entries need sizes that are numbers")
        arrays = named(s.d)
        found = entries(s.result, arrays)
        if s.result.kind != "scalar" and found.rows * found.cols > MOST:
            raise UnsupportedError("too many entries to type")
        if k == 1:
            shown = [rf"\({latex_name(v.name)} = {written(a)}\)" for v, a in arrays.items() if v.kind != "scalar"]
            names_ = {str(x) for a in arrays.values() for x in (a if v_is_array(a) else [a])}
            renamed = sorted(n for n in names_ if n.isidentifier() and maxima.spelled(n) != n)
            if shown:
                said.append(f"<p>with the entries {', '.join(shown)}.</p>")
            said.append(type_so([(n, maxima.spelled(n)) for n in renamed]))
        kind = "algebraic" if s.result.kind == "scalar" else "matrix"
        inputs.append((k, label, kind, maxima.entries(found), [], s))
    return stack(asked, name, said, inputs)


def v_is_array(a: Any) -> bool:
    return hasattr(a, "tolist")


def written(a: Any) -> str:
    rows = r" \\ ".join(" & ".join(map(str, row)) for row in a.tolist())
    return rf"\begin{{pmatrix}} {indexed(rows)} \end{{pmatrix}}"


def indexed(text: str) -> str:
    return re.sub(r"([A-Za-z])(\d+)(?:_(\d+))?", r"\1_{\2\3}", text)


def type_so(renamed: Sequence[tuple[str, str]]) -> str:
    said = ", ".join(f"<code>{escape(to)}</code> for \\({latex_name(n)}\\)" for n, to in renamed)
    return f"<p>Type {said}.</p>" if said else ""


def usual(s: Solution) -> None:
    """Raises UnsupportedError for answers that two points in Maxima would not tell apart."""
    d = s.d
    if any(not COMPLEX.isdisjoint(v.attributes) for v in d.function.variables):
        raise UnsupportedError("complex arrays are not compared in Maxima")


def by_formula(asked: Asked, name: str) -> Element:
    """A STACK question in which a formula in the names of the problem is typed."""
    inputs: list[Input] = []
    renamed: dict[str, str] = {}
    for k, (label, s) in enumerate(asked.wanted(), 1):
        usual(s)
        said = maxima.formula(s.result.node)
        variables = [*symbols(inline(s.result.node))]
        every = [*dict.fromkeys((*s.d.function.variables, *variables))]
        renamed |= {v.name: maxima.spelled(v.name) for v in every if maxima.spelled(v.name) != v.name}
        truths = list(truth(s, every))
        inputs.append((k, label, "algebraic", said, maxima.check(f"ans{k}", truths), s))
    return stack(asked, name, [asked.text, tex(HOW_FORMULA), type_so(sorted(renamed.items()))], inputs)


def truth(s: Solution, variables: Sequence[Symbol]) -> Iterator[Given]:
    """Random points with the value there, as Maxima reads them; at other sizes each where there are others."""
    rng, seen, root = np.random.default_rng(s.problem.number), [], inline(s.result.node)
    found = 0
    free = names(variables)
    if set(free) & {v.name for v in variables}:
        raise UnsupportedError("a size has the name of a variable")
    for tried, way in enumerate(ways(root, variables, {})):
        if tried == TRIES or found == POINTS:
            break
        if way.sizes in seen and tried < TRIES / 2 and free:
            continue
        try:
            arrays = {v: np.round(a, 9) for v, a in point(variables, way, rng).items()}
            value = value_at(root, variables, arrays)
            evaluate(inline(s.d.function.node), variables, {v.name: a for v, a in arrays.items()}, smooth=True)
        except (MatdiffError, ArithmeticError, np.linalg.LinAlgError):
            continue
        sizes = [f"{maxima.spelled(n)}={way.sizes[n]}" for n in free]
        given = [f"{maxima.spelled(v.name)}={maxima.array(column(v, a))}" for v, a in arrays.items()]
        seen.append(way.sizes)
        found += 1
        yield [*sizes, *given], maxima.array(column(s.result.node, value))
    if found < POINTS:
        raise UnsupportedError("no points were found at which the answer is defined")


def value_at(root: Node, variables: Sequence[Symbol], arrays: dict[Symbol, Any]) -> Any:
    """The value.  Raises UnsupportedError where it is not finite, or all 0."""
    value = np.asarray(evaluate(root, variables, {v.name: a for v, a in arrays.items()}))
    if np.iscomplexobj(value) or not np.isfinite(value).all():
        raise UnsupportedError("the value is not finite")
    return value


def column(node: Node, a: Any) -> Any:
    """An array as Maxima has it: a number, or a matrix."""
    a = np.asarray(a, dtype=float)
    if node.kind == "scalar":
        return float(a)
    return a.reshape(-1, 1) if node.kind == "vector" else a.reshape(1, -1) if node.kind == "row" else a


Input = tuple[int, str, str, str, list[str], Solution]
"""Its number, what stands left of it, its type, the answer, statements that compare, the solution."""


def stack(asked: Asked, name: str, said: Sequence[str], inputs: Sequence[Input]) -> Element:
    """The question with an input and a potential response tree for each of what is asked."""
    made = Element("question", type="stack")
    fields_ = [rf"<p>\({label} =\) [[input:ans{k}]] [[validation:ans{k}]]</p>" for k, label, *_ in inputs]
    text = "\n".join(filter(None, (*map(cas, said), *fields_)))
    begin(made, name, text, cas(asked.solution()), asked.problem.points)
    put(made, "stackversion", "2022060100")
    put(made, "questionvariables", "\n".join(f"ta{k}:{answer};" for k, _, _, answer, *_ in inputs))
    put(made, "specificfeedback", "".join(f"[[feedback:prt{k}]]" for k, *_ in inputs), format="html")
    put(made, "questionnote", name, format="html")
    fields(made, questionsimplify=1, assumepositive=0, assumereal=1)
    for tag, words in (
        ("prtcorrect", "Correct."),
        ("prtpartiallycorrect", "Partially correct."),
        ("prtincorrect", "Incorrect."),
    ):
        put(made, tag, f"<p>{words}</p>", format="html")
    fields(made, multiplicationsign="dot", sqrtsign=1, complexno="i", inversetrig="cos-1", matrixparens="(")
    SubElement(made, "variantsselectionseed")
    for k, _, kind, _, _, _ in inputs:
        one_input(made, k, kind)
    for k, _, _, _, compared, s in inputs:
        tree(made, k, compared, s)
    for number, right in enumerate((True, False), 1):
        trial(made, number, [i[0] for i in inputs], right)
    for hint in asked.hints():
        put(made, "hint", cas(hint), format="html")
    return made


def cas(text: str) -> str:
    """HTML in which nothing is a command of STACK."""
    return text.replace("[[", "[ [").replace("{@", "{ @").replace("{#", "{ #")


def one_input(made: Element, k: int, kind: str) -> None:
    one = SubElement(made, "input")
    fields(one, name=f"ans{k}", type=kind, tans=f"ta{k}", boxsize=15 if kind == "matrix" else 40, strictsyntax=1)
    fields(one, insertstars=0, syntaxhint="", syntaxattribute=0, forbidwords="", allowwords=", ".join(WORDS))
    fields(one, forbidfloat=0, requirelowestterms=0, checkanswertype=0, mustverify=1, showvalidation=1, options="")


def tree(made: Element, k: int, compared: Sequence[str], s: Solution) -> None:
    """Right, or right when it is transposed, which is said and has no points."""
    prt = SubElement(made, "prt")
    fields(prt, name=f"prt{k}", value=1.0, autosimplify=1, feedbackstyle=1)
    statements = [*DEFINITIONS.split("\n"), COMPARED.replace("and\n", "and "), *compared] if compared else []
    put(prt, "feedbackvariables", "\n".join(f"{line};" for t in statements for line in t.split("\n")))
    turned = s.result.kind != "scalar"
    right = (f"ans{k}ok", "true") if compared else (f"ans{k}", f"ta{k}")
    other = (f"ans{k}turned", "true") if compared else (f"ans{k}", f"transpose(ta{k})")
    node(prt, k, 0, right, 1.0, 1 if turned else -1, "")
    if turned:
        said = "This is right in the transposed layout only: transpose it."
        node(prt, k, 1, other, 0.0, -1, f"<p>{said}</p>")


def node(prt: Element, k: int, number: int, sides: tuple[str, str], score: float, other: int, said: str) -> None:
    one = SubElement(prt, "node")
    fields(one, name=number, description="", answertest="AlgEquiv", sans=sides[0], tans=sides[1], testoptions="")
    fields(one, quiet=1, truescoremode="=", truescore=score, truepenalty="", truenextnode=-1)
    fields(one, trueanswernote=f"prt{k}-{number + 1}-T")
    put(one, "truefeedback", said, format="html")
    fields(one, falsescoremode="=", falsescore=0.0, falsepenalty="", falsenextnode=other)
    fields(one, falseanswernote=f"prt{k}-{number + 1}-F")
    put(one, "falsefeedback", "", format="html")


def trial(made: Element, number: int, inputs: Sequence[int], right: bool) -> None:
    """What STACK itself runs to see that a question works: the answer is right, and twice the answer plus 1 is not."""
    one = SubElement(made, "qtest")
    fields(one, testcase=number, description="the answer" if right else "a wrong answer")
    for k in inputs:
        given = SubElement(one, "testinput")
        fields(given, name=f"ans{k}", value=f"ta{k}" if right else f"2*ta{k}+1")
    for k in inputs:
        expected = SubElement(one, "expected")
        fields(expected, name=f"prt{k}", expectedscore=float(right), expectedpenalty=0.0 if right else 0.1)
        fields(expected, expectedanswernote=f"prt{k}-1-{'T' if right else 'F'}")


# numbers and essays


def by_numbers(asked: Asked, name: str) -> Element:
    """A cloze question: the entries of the answer at a point of small whole numbers."""
    said = [asked.text]
    rng = random.Random(asked.problem.number)
    for label, s in asked.wanted():
        usual(s)
        root = inline(s.result.node)
        variables = [*dict.fromkeys((*s.d.function.variables, *symbols(root)))]
        arrays, value = whole_point(s, root, variables, rng)
        at = ", ".join(rf"\({symbol_latex(v)} = {numbers_latex(column(v, a))}\)" for v, a in arrays.items())
        said.append(f"<p>What is it at {at}?</p>\n{boxes(label, column(root, value))}")
    made = Element("question", type="cloze")
    put(made, "name", name)
    put(made, "questiontext", "\n".join(said), format="html")
    put(made, "generalfeedback", asked.solution(), format="html")
    fields(made, penalty=0.1, hidden=0)
    for hint in asked.hints():
        put(made, "hint", hint, format="html")
    return made


def whole_point(
    s: Solution, root: Node, variables: Sequence[Symbol], rng: random.Random
) -> tuple[dict[Symbol, Any], Any]:
    """Small whole numbers at which the answer is defined, and not all 0, with its value."""
    free = names(variables)
    for attempt in range(TRIES):
        sizes = {n: 3 if i == 0 and attempt % 2 == 0 else 2 for i, n in enumerate(free)}
        try:
            arrays = {v: whole(v, sizes, rng) for v in variables}
            value = value_at(root, variables, arrays)
            evaluate(inline(s.d.function.node), variables, {v.name: a for v, a in arrays.items()}, smooth=True)
        except UnsupportedError:
            raise
        except (MatdiffError, ArithmeticError, np.linalg.LinAlgError):
            continue
        if value.size > MOST:
            raise UnsupportedError("too many entries to type")
        if value.any():
            return arrays, value
    raise UnsupportedError("no point of whole numbers was found")


def whole(v: Symbol, sizes: dict[str, int], rng: random.Random) -> Any:
    """A small array with the attributes of a variable.  Raises UnsupportedError for sets that have none."""
    known = closure(v.attributes)
    m, n = v.rows.evaluate(sizes), v.cols.evaluate(sizes)
    least = 1 if known & {"positive", "nonnegative"} else -2
    a = np.array([[rng.randint(least, 3) for _ in range(n)] for _ in range(m)], dtype=float)
    if "spd" in known:
        a = a @ a.T + np.eye(m)
    elif "symmetric" in known and "diagonal" not in known:
        a = np.triu(a) + np.triu(a, 1).T
    elif "skew" in known:
        a = np.triu(a, 1) - np.triu(a, 1).T
    elif "diagonal" in known:
        a = np.diag(np.diag(a))
    elif known & {"lower", "upper"}:
        a = np.tril(a) if "lower" in known else np.triu(a)
    elif set(known) - {"positive", "nonnegative", "invertible", "square", "spd", "tall"}:
        raise UnsupportedError("there are no small whole numbers in this set")
    return a[0, 0] if v.kind == "scalar" else a[:, 0] if v.kind == "vector" else a


def symbol_latex(v: Symbol) -> str:
    return r"\mathrm{d}" + latex_name(v.of.name) if v.of is not None else latex_name(v.name)


def numbers_latex(a: Any) -> str:
    if not hasattr(a, "tolist"):
        return f"{a:g}"
    return (
        r"\begin{pmatrix} " + r" \\ ".join(" & ".join(f"{x:g}" for x in row) for row in a.tolist()) + r" \end{pmatrix}"
    )


def boxes(label: str, value: Any) -> str:
    """A table of boxes, each with the number that belongs there and a tolerance of a thousandth."""

    def box(x: float) -> str:
        return f"{{1:NUMERICAL:={round(x, 8):.10g}:{max(1e-3, 1e-3 * abs(x)):.3g}}}"

    rows = value.tolist() if hasattr(value, "tolist") else [[value]]
    cells = "\n".join("<tr>" + "".join(f"<td>{box(x)}</td>" for x in row) + "</tr>" for row in rows)
    return f"<p>\\({label} =\\)</p>\n<table>\n{cells}\n</table>"


def essay(asked: Asked, name: str) -> Element:
    """A question that a person marks, or `matdiff worksheet check` what is handed in."""
    made = Element("question", type="essay")
    begin(made, name, asked.text, asked.solution(), asked.problem.points)
    fields(made, responseformat="plain", responserequired=1, responsefieldlines=max(5, asked.problem.space))
    fields(made, minwordlimit="", maxwordlimit="", attachments=0, attachmentsrequired=0, maxbytes=0, filetypeslist="")
    answer = asked.answer()
    put(made, "graderinfo", f"<pre>{escape(answer)}</pre>" if answer else "", format="html")
    put(made, "responsetemplate", "", format="html")
    for hint in asked.hints():
        put(made, "hint", hint, format="html")
    return made


# nbgrader

SCHEMA = 3
"""Of the metadata of nbgrader's cells, since its version 0.6 (nbgrader/docs/source/contributor_guide/metadata.rst)."""


def nbgrader(text: str, name: str = "worksheet", seed: str | None = None) -> bytes:
    """A source notebook for nbgrader: read-only problems, solution regions, locked cells that give the points.

    `nbgrader generate_assignment` takes the solutions out; the cells that give points ask `matdiff`, which has to be
    installed where they are run, and tell what is wrong.

    >>> import json
    >>> cells = json.loads(nbgrader("# A\\n```matdiff\\nf: tr(A*X)\\nwrt: X\\npoints: 2\\n```\\n"))["cells"]
    >>> [c["metadata"]["nbgrader"].get("points") for c in cells]
    [None, None, 2.0]
    """
    ws = worksheet(text, name, seed)
    cells: list[dict[str, Any]] = []
    said: list[str] = []
    for part in ws.parts:
        if isinstance(part, Prose):
            said.append(part.text.strip("\n"))
            continue
        asked = Asked(part)
        told = asked.system.statement(spoken) if asked.system else statement(asked.each[0], part)
        told_hints = asked.system.hints() if asked.system else hints(*asked.each)
        blocks = [b for b in (*told, *told_hints) if not isinstance(b, (Room, HowTo))]
        said += [markdown.block(b).strip("\n") for b in blocks]
        said.append(HOW.format(n=part.number))
        n = part.number
        cells.append(cell("markdown", f"problem-{n}", "\n\n".join(filter(None, said))))
        said = []
        answer = asked.answer().replace('"""', "'''")
        source = f'### BEGIN SOLUTION\nanswer_{n} = r"""\n{answer}\n"""\n### END SOLUTION'
        cells.append(cell("code", f"answer-{n}", source, solution=True))
        lines = f"from matdiff.worksheet.export import points\n\npoints({json.dumps(part.source, ensure_ascii=False)}"
        cells.append(cell("code", f"points-{n}", f"{lines}, answer_{n})", worth=part.points))
    if any(s.strip() for s in said):
        cells.append(cell("markdown", "text", "\n\n".join(filter(None, said))))
    if ws.seed is not None and cells:
        cells[0]["source"] = f"<!-- matdiff worksheet {ws.name}, seed {ws.seed} -->\n\n{cells[0]['source']}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    found = {"cells": cells, "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}}}
    return (json.dumps({**found, "nbformat": 4, "nbformat_minor": 5}, indent=1, ensure_ascii=False) + "\n").encode()


HOW = (
    'Answer by a formula as text, with lines of a derivation before it if you like: `answer_{n} = r"""` on a line, the '
    'formulas, plain or in LaTeX, then `"""`.'
)


def cell(kind: str, name: str, source: str, solution: bool = False, worth: float | None = None) -> dict[str, Any]:
    """A cell with nbgrader's metadata; one with points is graded by what it returns."""
    grade = worth is not None
    marks: dict[str, Any] = {"schema_version": SCHEMA, "grade_id": name, "grade": grade, "solution": solution}
    marks |= {"locked": not solution, "task": False, "cell_type": kind} | ({"points": float(worth)} if grade else {})  # type: ignore[arg-type]
    made = {"cell_type": kind, "id": name, "metadata": {"nbgrader": marks}, "source": source}
    return made if kind == "markdown" else {**made, "execution_count": None, "outputs": []}


def points(source: str, answer: str) -> float:
    """The points of an answer to a problem, and what is wrong with it printed; in nbgrader's notebooks.

    >>> points("f: tr(A*X)\\nwrt: X\\npoints: 2", "gradient = A'")
    2.0
    >>> points("f: tr(A*X)\\nwrt: X\\npoints: 2", "gradient = A")
    right only in the transposed layout: the claim is a matrix m×n, but the gradient has the shape of X: a matrix n×m; transpose it
    0.0
    """  # noqa: E501
    problem = read_block("the problem", 0, source.split("\n")).problem(1, {})
    found = mark(problem, str(answer).strip("\n"))
    got = found.points(False)
    if got < found.of:
        place = [f"line {found.line}: {found.text}"] if found.line and found.line > 1 else []
        print(*place, *filter(None, [found.reason or found.status, found.counterexample]), sep="\n")
    return float(got)
