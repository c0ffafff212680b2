"""An answer's lines as they are meant: without the dress of Markdown and LaTeX, and without the prose around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from matdiff.solution.spelling import KEPT, Vocabulary

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
