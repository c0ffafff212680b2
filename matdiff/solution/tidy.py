"""An answer's lines as they are meant: without the dress of Markdown and LaTeX, and without the prose around them."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from matdiff.errors import MatdiffError, ShapeError
from matdiff.solution.spelling import KEPT, Vocabulary
from matdiff.text.characters import LATEX_MARKS
from matdiff.text.parser import parse_program
from matdiff.text.ranges import summed
from matdiff.text.tree import Declaration, Head, Tree, walk

# LaTeX as plain text, so that an answer may mix the two: parsed, and written again with every bracket.

LATEX = re.compile(LATEX_MARKS)
UPRIGHT = re.compile(
    r"\\(?:mathrm|operatorname|text|textrm|mathsf|rm)\s*(?:\{\s*d\s*\}|\s+d(?![A-Za-z]))\s*|\{\s*\\rm\s+d\s*\}\s*"
)
MARK = Declaration("d", (), ("elementwise",))
"""Makes the parser read `d(u)` as a call."""


def plain(text: str, moving: Iterable[str], matrices: Container[str]) -> str:
    r"""A formula in LaTeX as plain text, any other as it stands; so are sums over an index and what cannot be read.

    >>> plain(r"\frac{1}{2}\operatorname{tr}(A\,dX)", "X", "AX")
    '1/2 tr(A dX)'
    """
    if not LATEX.search(text) or summed(text):
        return text
    try:
        found = parse_program(differentials(text, moving), "latex", [MARK])
        if found.function is None or found.definitions:
            return text
        return written(dotted(found.function, differentials(text, moving)), matrices)
    except (MatdiffError, RecursionError):
        return text


def differentials(text: str, names: Iterable[str]) -> str:
    r"""dX as \mathrm{d}X: in LaTeX it would be the product of d and X."""
    if "d" in names:
        return text
    text = UPRIGHT.sub(r"\\mathrm{d}", text)
    letters = "|".join(rf"\\{n}(?![A-Za-z])" if len(n) > 1 else re.escape(n) for n in names if n.isalpha())
    pattern = re.compile(rf"\\(?:mathrm|operatorname|text)\s*\{{[^}}]*\}}|\\[A-Za-z]+|d\s*(?=(?:{letters or '$.'}))")
    return pattern.sub(lambda m: m[0] if m[0][0] == "\\" else r"\mathrm{d}", text)


DOT = re.compile(r"[·⋅∙•]|\\cdot(?![A-Za-z])")
"""A raised dot: a product, between vectors the inner one."""


def dotted(root: Tree, text: str) -> Tree:
    """The tree with the products that are written by a raised dot marked as such."""
    for t in walk(root):
        if t.head == "*" and DOT.search(text[t.args[0].span[1] : t.args[1].span[0]]):
            t.value = "·"
    return root


INFIX = {"*": " ", "@": " @ ", "/": "/", "\\": "\\", ".*": " .* ", "./": " ./ ", "⊗": " ⊗ ", "^": "^", ".^": ".^"}
BINDING = {"+": 1, ".+": 1, "neg": 2, "^": 4, ".^": 4, "'": 5} | dict.fromkeys(
    ("*", "@", "/", "\\", ".*", "./", "⊗"), 3
)
ATOM = 6
"""How tightly what has a head holds together; what is not named is an atom."""


def written(t: Tree, matrices: Container[str], least: int = 0) -> str:
    """A tree as plain text, in parentheses where it binds less than what it stands in needs."""
    found = inside(t, matrices)
    return f"({found})" if BINDING.get(t.head, ATOM) < least else found


def inside(t: Tree, matrices: Container[str]) -> str:
    args = [written(a, matrices) for a in t.args] if t.head not in BINDING else []
    match t.head:
        case "name":
            return str(t.value)
        case "number":
            bare = isinstance(t.value, int) and t.value >= 0
            return f"{t.value}" if bare else f"({t.value})"
        case "call":
            return f"{called(t, matrices)}({', '.join(args)})"
        case "neg":
            return f"-{written(t.args[0], matrices, 3)}"
        case "'":
            return f"{written(t.args[0], matrices, 5)}'"
        case "+" | ".+":
            sign, minus = (" .+ ", " .- ") if t.head == ".+" else (" + ", " - ")
            terms = [(minus, a.args[0]) if a.head == "neg" else (sign, a) for a in t.args[1:]]
            return written(t.args[0], matrices, 2) + "".join(s + written(a, matrices, 3) for s, a in terms)
        case "norm":
            return f"‖{args[0]}‖" + (f"_{t.value}" if t.value else "")
        case "abs":
            return f"|{args[0]}|" if "|" not in args[0] else f"abs({args[0]})"
        case "inner":
            return f"⟨{args[0]}, {args[1]}⟩"
        case "index":
            return f"{args[0]}[{', '.join(args[1:])}]"
        case "slice":
            return ":".join(args) or ":"
        case "block":
            return f"[{'; '.join(args)}]"
        case "row":
            return ", ".join(args)
    left, right = t.args
    here = BINDING[t.head]
    sign = " · " if t.head == "*" and t.value == "·" else INFIX[t.head]
    return written(left, matrices, here + (here == 4)) + sign + written(right, matrices, here + 1)


def called(t: Tree, matrices: Container[str]) -> str:
    """The function's name; the exponential in e^… is one of entries or of a matrix."""
    if t.value != "e^":
        return str(t.value)
    names = {str(n.value) for n in walk(t.args[0]) if n.head == "name"}
    inside = names and all(n in matrices or (len(n) == 1 and n.islower() and n in "tsk") for n in names)
    return "expm" if inside and any(n in matrices for n in names) else "exp"


# Other readings of an answer that does not fit as it stands: entry by entry, as NumPy means it, and bars as norms.
#
# A student writes `1 - p` for a vector p, `p*(1 - p)` in NumPy, |X| for a determinant.  Such a reading is tried only
# where the answer as written is not right, and counts only if it is right: what is wrong keeps its reason.

NUMPY = re.compile(r"@|(?<![\w.])(?:np|numpy|jnp|torch|scipy|tf|math)\.")
ENTRYWISE: dict[Head, Head] = {"+": ".+", "/": "./"}
STATED = re.compile(r"([^\W\d]\w*)\s*=(?!=)(.*)", re.DOTALL)
BARS = ("det", "norm")


def readings(given: Sequence[str], said: Sequence[str], claim: str, matrices: Container[str]) -> Iterator[list[str]]:
    """The statements of a claim read otherwise, the claim last; `given` are the problem's own definitions."""
    numpy = any(NUMPY.search(text) for text in (*said, claim))
    try:
        first = [f"{name} = {written(tree, matrices)}" for name, tree in map(parsed, given)]
    except (MatdiffError, RecursionError, ValueError):
        return
    tried = ["\n".join([*given, *said, claim])]
    for bars in ("", *BARS):
        try:
            own = [(name, written(turned(tree, numpy, bars), matrices)) for name, tree in map(parsed, (*said, claim))]
        except (MatdiffError, RecursionError, ValueError):
            return
        found = [*first, *(f"{name} = {text}" if name else text for name, text in own)]
        if "\n".join(found) not in tried:
            tried.append("\n".join(found))
            yield found


def parsed(text: str) -> tuple[str, Tree]:
    """A definition's name (empty for a claim), and the tree of its right side."""
    found = STATED.fullmatch(text.strip())
    name, right = (found[1], found[2].strip()) if found else ("", text)
    if summed(right):
        raise ValueError("sums over an index are read as they stand")
    program = parse_program(right, "auto", [MARK])
    if program.function is None or program.definitions or program.declarations:
        raise ValueError("this is no expression")
    return name, program.function


def turned(root: Tree, numpy: bool, bars: str) -> Tree:
    """The tree with sums and quotients entry by entry, in NumPy products too; bars as the function named."""
    for t in walk(root):
        if t.head == "^" and t.args[0].head == "call" and t.args[1].head == "number" and t.args[1].value != -1:
            t.head = ".^"
        elif t.head == "*" and numpy:
            t.head, t.value = ".*", ""
        elif t.head in ENTRYWISE:
            t.head = ENTRYWISE[t.head]
        elif bars and t.head == "abs":
            t.head, t.value = "call", bars
    return root


TIGHT = re.compile(
    r"/\s*((?:\d+(?:\.\d+)?\s?)?(?:[^\W\d_](?:['′ᵀ²³⁴⊤]|\^\{?(?:T|\\top|[234])\}?|\*\*[234])*\s?){1,4})(?![\w(\[^'])"
)
"""Factors that stand close behind a stroke: all are below it where people write x'Ax/x'x or n/2t."""
MENDS = 12
"""Places of a formula that are read entry by entry, or as an inner product, until it is given up."""


def below(text: str) -> str:
    """The text with factors that stand close behind a stroke in parentheses.

    >>> below("n/2t - x'x/2t^2"), below("x'Ax/x'x")
    ("n/(2t) - x'x/(2t^2)", "x'Ax/(x'x)")
    """
    return TIGHT.sub(lambda m: f"/({m[1].rstrip()}){m[1][len(m[1].rstrip()) :]}", text)


ADJOINT = re.compile(
    r"\^\s*(?:\{\s*(?:\*|\\ast|\\star|\\dagger|†)\s*\}|\*(?![\w*(])|\*(?=\s*\()|\\(?:ast|star|dagger)(?![A-Za-z])|†)|†"
)


def variants(text: str, complex_: bool) -> Iterator[str]:
    """Other texts that an answer may mean: A^* and A† as the adjoint, close factors below a stroke."""
    tried = {text}
    adjoint = ADJOINT.sub("^H " if complex_ else "^T ", text)
    for other in (below(text), adjoint, below(adjoint)):
        if other not in tried:
            tried.add(other)
            yield other


def mended(error: MatdiffError, matrices: Container[str], norms: bool = True) -> str:
    """The text of an error about shapes, read entry by entry, or x·y as xᵀy, where it does not fit; empty if it cannot.

    Bars are norms of vectors, or, without `norms`, absolute values.  The place is the error's.  Whoever asks tries
    again, and takes the reading only if what it says is right.
    """
    if not isinstance(error, ShapeError) or error.text is None or error.span is None:
        return ""
    text, span = error.text, tuple(error.span)
    try:
        program = parse_program(text, "auto", [MARK])
    except (MatdiffError, RecursionError):
        return ""
    roots = [*(d.body for d in program.definitions), *([program.function] if program.function is not None else [])]
    here = (t for root in roots for t in walk(root) if tuple(t.span) == span)
    node = next((t for t in here if refit(t, text, error, norms)), None)
    if node is None:
        return ""
    try:
        return f"{text[: span[0]]}({written(node, matrices)}){text[span[1] :]}"
    except (MatdiffError, RecursionError, ValueError):
        return ""


def refit(t: Tree, text: str, error: ShapeError, norms: bool) -> bool:
    """Change an operation so that it goes entry by entry, or is an inner product; False where it is none of these."""
    barred = [a for a in t.args if a.head == "abs"] if t.head in ("+", "*", "/", "^") and norms else []
    if barred:
        of_matrix = "(a matrix" in error.message
        for a in barred:
            a.head, a.value = ("call", "det") if of_matrix else ("norm", "")
    elif t.head == "*" and DOT.search(text[t.args[0].span[1] : t.args[1].span[0]]):
        t.args = (Tree("'", t.args[:1], "", t.args[0].span), *t.args[1:])
        t.value = ""
    elif t.head == "*" and error.message.count("(a vector of length") == 2:
        t.head, t.value = ".*", ""
    elif t.head in ENTRYWISE:
        t.head = ENTRYWISE[t.head]
    elif t.head == "^" and "(a vector" in error.message:
        t.head = ".^"
    else:
        return False
    return True


MARKUP = re.compile(
    r"\\(?:begin|end)\s*\{(?![^}]*(?:matrix|array))[^}]*\}(?:\[[^\]]*\])?|\$+|\\[][()](?!\w*\])|(?<!\\)&|`+|(?<![\w)\]'])\*\*|\*\*(?!\s*[\d(.−-]|[A-Za-z](?!\w))|\\(?:nonumber|notag|square|blacksquare|checkmark)"
    r"(?![A-Za-z])|\\(?:tag|label)\{[^}]*\}|\\(?:display|text|script)style(?![A-Za-z])|[✓∎□■]"
)
ROW = re.compile(r"\\begin\s*\{[^}]*(?:matrix|array)\}.*?\\end\s*\{[^}]*\}|\\\\(?:\[[^\]]*\])?")
"""A row's end; those inside a matrix are none of the line."""
COMMENT = re.compile(r"(?<!\\)[#%].*|<!--.*?-->|(?<!:)//\s.*")
ARROW = re.compile(r"^\s*(?:[⇒→∴➔]|=>|==>|->|\\(?:Rightarrow|implies|therefore|to)(?![A-Za-z]))\s*")
INNER_ARROW = re.compile(r"\s(?:⇒|=>|==>|⇔|<=>|\\(?:Rightarrow|implies|Leftrightarrow|iff)(?![A-Za-z]))\s*")
REMARK = re.compile(r"\s*\\q?quad\s*\\(?:text\w*|mbox)\{.*$|\s+\\(?:text|textrm|mbox)\{[^{}]*[a-z]{3}[^{}]*\}.*$")
BOXED = re.compile(r"\\(?:boxed|fbox|underline|displaystyle)\s*\{")
BULLET = re.compile(r"^(?:[-*•]|\(?(?:\d{1,2}|[a-h])[.)])\s+(?=[^=]*=)")
OPENS, CLOSES = "([{⟨", ")]}⟩"
SIGNS = "+-−*/⊙∘⊗·@"
ASIDES = re.compile(
    r"\s+(?:where|with|for|since|because|by|using|as|if|from|due|so|hence|thus|when|whenever|provided|and|mit|wobei|avec|où)\s+(?=\S)"
)


@dataclass(frozen=True)
class Line:
    """A statement on a line of the answer; an aside (`where r = …`) only says what a name means."""

    at: int
    text: str
    aside: bool = False


def tidied(text: str, known: Vocabulary) -> list[Line]:
    """The statements of an answer."""
    lines: list[Line] = []
    if VARIED.search(text):
        text = re.sub(r"(?:\\delta(?![A-Za-z])|δ)\s*(?=[^\W\d_])", "d", text)
    for at, raw in enumerate(text.splitlines(), 1):
        for i, piece in enumerate(cut(stripped(raw), ";")):
            line = bare(worded(piece, known), known)
            if line and lines and not i and goes_on(lines[-1].text, line):
                lines[-1] = Line(lines[-1].at, f"{lines[-1].text} {line}")
            elif line:
                lines.append(Line(at, BULLET.sub("", line)))
    found = (part for line in lines for part in told_apart(line))
    return [line for line in found if not known.prose(line.text)]


def stripped(line: str) -> str:
    r"""Without comments, fences of formulas, alignment and boxes; rows of LaTeX on one line become statements."""
    line = spoken(COMMENT.sub("", habitual(line)))
    line = ROW.sub(lambda m: m[0] if m[0][1] != "\\" else " ; ", line)
    line = SOLVED.sub(lambda _: "\\ (", line) if "\\)" not in line else line
    line = REMARK.sub("", MARKUP.sub(" ", line))
    while found := BOXED.search(line):
        end = closing(line, found.end())
        line = f"{line[: found.start()]}{line[found.end() : end]}{line[end + 1 :]}"
    line = re.sub(r"\.\s+(?=[A-Za-z]{2}|(?:∇|\\nabla|[A-Za-z])[^=.]{0,12}=)", " ; ", line)
    line = "" if re.fullmatch(r"\s*[-=_*~.?]{2,}\s*", line) else line
    return re.sub(r"(?<![=<>!:])(?::=|==|≡)(?!=)", "=", line).strip()


VARIED = re.compile(r"(?:\\delta|δ)\s*[fFLJ]\s*(?:\([^=]*\))?\s*&?=")
"""The differential written as a variation, δf = … δx."""
MEMBER = re.compile(
    r"\s*(?:∈|\\in(?![A-Za-z]))\s*(?:ℝ|\\mathbb\s*\{?\s*R\s*\}?|\\R(?![A-Za-z])|R(?=\s*\^))"
    r"\s*(?:\^\s*(?:\{[^}]*\}|\w+(?:\s*[x×]\s*\w+)?)|[ⁿᵐᵖᵏᵈ×ˣ])*"
)
SIZED = re.compile(r"\s+[\[(]\s*[nmpqkdNM\d]\s*(?:x|×|\\times|by|,)\s*[nmpqkdNM\d]\s*[\])](?=[\s.]*$)")
"""The size of an answer said behind it: (n x 1), [m × p]."""
RAISED_WORD = re.compile(
    r"\^\s*(?:\{\s*(?:\\(?:mathrm|text|textrm|rm|operatorname)\s*\{?\s*)?(?:tr|transp?|t)\s*\}\s*\}?|(?<=[A-Z)]\^)tr(?![A-Za-z]))"
)


def habitual(line: str) -> str:
    r"""Signs of other hands: ⊺ and ^{tr} transpose, R's %*% and <-, the size or the space of a result behind it.

    >>> habitual("gradient <- t(A) %*% r"), habitual("A^{tr} r   (n x 1)"), habitual(r"G = A \in \mathbb{R}^{n}")
    ('gradient = transpose(A) @ r', 'A^T r', 'G = A')
    """
    line = re.sub(r"^(\s*[A-Za-z][\w.]*\s*)(?:<-|←)(?=\s*\S)", r"\1=", line)
    if "%*%" in line:
        line = re.sub(r"(?<![\w.])t\(", "transpose(", line.replace("%*%", "@"))
    line = SIZED.sub("", MEMBER.sub("", RAISED_WORD.sub("^T ", line)))
    line = re.sub(r"(?<=[\w)])\.mT(?!\w)", ".T", re.sub(r"([^\W\d]\w*)\.I(?!\w)", r"inv(\1)", line))
    line = line.replace("″", "''").replace("‴", "'''")
    return re.sub("[⊺ᵗ]", "ᵀ", line).replace("^ᵀ", "ᵀ").replace("´", "'")


SIGNS_SAID = (
    (r"(?<=[\w)\]'ᵀ])\s+transposed?(?![\w(])(?!\s*\()", "'"),
    (r"(?<=[\w)\]'ᵀ])\s+inversed?(?!\w)(?!\s*(?:\(|of\b))", "^-1"),
    (r"(?<=[\w)\]'ᵀ])\s+squared(?!\w)", "^2"),
    (r"(?<=[\w)\]'ᵀ])\s+times\s+(?![\w]{2})", " * "),
    (r"(?<=[\w)\]'ᵀ])\s+plus\s+(?![\w]{2})", " + "),
    (r"(?<=[\w)\]'ᵀ])\s+minus\s+(?![\w]{2})", " - "),
)


def worded(line: str, known: Vocabulary) -> str:
    """A formula said in words, `A transposed times r`, as `A' * r`, where nothing else is in it but names."""
    said = line
    for word, sign in SIGNS_SAID:
        said = re.sub(word, sign, said)
    strange = {w.lower() for w in known.strange(bare(said, known))} if said != line else set()
    return said if strange <= set(KEPT.split()) else line


SOLVED = re.compile(r"(?<=[\w)\]'])\\\((?!\\)")
r"""A\(B x): the solution of a system, where no `\)` makes it LaTeX."""
ASKED = r"gradient|jacobian|hessian|differential|derivative"
SAYS = re.compile(
    rf"(?:\b(?:the|my|its|our)\s+)?\b(?P<asked>{ASKED})\b[^=;.,]{{0,60}}?"
    r"\s+(?:is|equals|becomes)\s+(?:(?:just|simply|thus|then|therefore|given by|equal to)\s+)*"
    r"(?:[a-z]{4,}(?::|\s+and\s+(?:equals|is))\s+)?(?=\S)",
    re.IGNORECASE,
)
NO_FORMULA = re.compile(r"(?:the|a|an|not|wrong|right|in|zero)\b|[a-z]{3,},?\s+[a-z]{2,}\b")
GIVES = re.compile(
    r",?\s+(?:we|i|one)\s+(?:get|have|find|obtain)s?(?:\s+that)?\s+(?=\S.*=)|:\s+(?=[A-Za-z∇][\w ]*=)", re.IGNORECASE
)
DESCRIBED = re.compile(r"(?<=where )([^\W\d_])\s+is\s+(?:the|a|an)\s+[a-z -]{3,40}?\s+(?=(?:diag|Diag|eye)\()")
EXPLAINED = re.compile(r"(?<=[\w)\]'])\s+is\s+(?:the|a|an)\s+[a-z ,]+\.?$")


def spoken(line: str) -> str:
    """Sentences that say the answer as equations; what is said before, and after, apart.

    >>> spoken("With u = x'x the gradient is -u*x"), spoken("Since r = A*x we get df = r'*dr")
    ("With u = x'x ; gradient = -u*x", "Since r = A*x ; df = r'*dr")
    """
    line = EXPLAINED.sub("", DESCRIBED.sub(r"\1 = ", line))
    line = GIVES.sub(" ; ", line)
    line = (
        re.sub(
            r"(?i)^\s*(?:(?:the|my|our)\s+)?(?:final\s+)?(answer|result|solution)\s+(?!is\b|equals\b|of\b|to\b)(?=[^\s\w]|\S(?!\w)|\S\w?[^\w\s])",
            r"\1 = ",
            line,
        )
        if "=" not in line
        else line
    )
    found = None if "\\text" in line else SAYS.search(line)
    if found is None or NO_FORMULA.match(line[found.end() :]):
        return line
    before = line[: found.start()].rstrip(" ,:")
    return f"{before} ; " * bool(before) + f"{found['asked'].lower()} = {line[found.end() :]}"


def closing(text: str, start: int) -> int:
    """Where the brace closes that opens before `start`."""
    depth = 1
    for i in range(start, len(text)):
        depth += (text[i] == "{") - (text[i] == "}")
        if not depth:
            return i
    return len(text)


def bare(line: str, known: Vocabulary) -> str:
    """Without words before the formula, arrows, and a full stop or a remark in parentheses behind it."""
    line = ARROW.sub("", line.strip())
    line = known.without_words(re.sub(r"[.,!\s]+$", "", line))
    found = re.search(r"\s+[(\[]([^()\[\]]*)[)\]]$", line)
    return line[: found.start()] if found and known.prose(found[1]) else ARROW.sub("", line)


def goes_on(before: str, line: str) -> bool:
    """Does a line go on with the one before: inside brackets, or after or with a sign?"""
    if "=" in line and not (line[0] in SIGNS and not BULLET.match(line)):
        return False
    if line[0] in f"{SIGNS}.)]" or re.match(r"\\(?:c?dot|odot|otimes|times)(?![A-Za-z])", line):
        return True
    return depths(before)[-1] > 0 or bool(re.search(rf"[=({re.escape(SIGNS)}]$|\\(?:cdot|odot|otimes)$", before))


def told_apart(line: Line) -> Iterator[Line]:
    """What a line states, and what it says aside: after a comma, an arrow, or words such as `where`."""
    first, *rest = cut(line.text, ",")
    pieces = [p for part in (first, *rest) for q in INNER_ARROW.split(part) for p in ASIDES.split(q)]
    for i, piece in enumerate(pieces):
        piece = re.sub(r"^(?:\\q?quad(?![A-Za-z])|\\[,;: ]|~|\s)+", "", piece)
        piece = re.sub(r"^(?:where|with|so|and|hence|thus)\s+", "", piece.strip())
        if piece and (i == 0 or "=" in piece):
            yield Line(line.at, piece, i > 0)


def depths(text: str) -> list[int]:
    r"""How deep each place is in brackets, and the end; \langle and < open as well, where they close again."""
    angles = text.count("<") == text.count(">") and "=>" not in text
    found, depth, i = [], 0, 0
    while i < len(text):
        step = 1
        if text[i] == "\\":
            word = re.match(r"\\(?:[A-Za-z]+|.)?", text[i:])
            step = max(1, word.end()) if word else 1
            depth += text.startswith("\\langle", i) - text.startswith("\\rangle", i)
        else:
            depth += (text[i] in OPENS) - (text[i] in CLOSES) + angles * ((text[i] == "<") - (text[i] == ">"))
        found += [max(depth, step > 1)] * step
        i += step
    return [*found, depth]


def cut(text: str, mark: str) -> list[str]:
    """The text cut at a mark outside of brackets and commands."""
    places = [i for i, depth in enumerate(depths(text)[:-1]) if depth <= 0 and text[i] == mark]
    return [text[a + 1 : b] for a, b in zip([-1, *places], [*places, len(text)], strict=True)]
