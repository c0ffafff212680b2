"""What students hand in: text out of Markdown, LaTeX, Word and HTML, whatever the file is called; none of it is run."""

from __future__ import annotations

import io
import re
import zipfile
from html.parser import HTMLParser
from xml.etree import ElementTree

from matdiff.errors import ParseError
from matdiff.worksheet.document import LARGEST

HEADING = re.compile(
    r"(?im)^[ \t]*(?:\\(?:sub)*section\*?\s*\{|\\textbf\s*\{|\\paragraph\*?\s*\{|#{1,6}\s*|\*\*)?\s*"
    r"(?:answer(?:[ \t]+to)?(?:[ \t]+problem)?|problem|question|exercise|task|aufgabe|ex\.?)"
    r"[ \t]*#?[ \t]*(\d{1,3})\b[ \t]*[.:)}*]*(?P<rest>[^\n]*)$"
)
BLOCK = re.compile(r"(?im)^\s{0,3}(?:`{3,}|~{3,})\s*\W{0,2}(?:answers?|matdiff)\b|<!-- matdiff problem")
"""What is a worksheet already."""
SAYS = re.compile(r"[=^*$\\ᵀ⁻]|\w\(\w|\)'|^\s*[^\W\d_]'")
"""What a formula has and the title of a problem has not: Problem 2: gradient = A', Answer 2: (S + eps*I)^-1."""
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FORMULA = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
MAGIC = ((b"%PDF", "a PDF"), (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"), (b"GIF8", "a picture"))


def text_of(raw: bytes, name: str) -> tuple[str, str]:
    """The text of a file, and whether it is `ipynb` or `text`.  Raises ParseError for what is none."""
    found = next((what for magic, what in MAGIC if raw.startswith(magic)), "")
    if found:
        raise ParseError(f"{name} is not read, for it is {found}: a person has to look at it")
    if raw.startswith(b"PK"):
        return docx_text(raw, name), "text"
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ParseError(f"{name} is not UTF-8 text (byte {error.start + 1})") from None
    named = name.lower().rpartition(".")[2] if "." in name else ""
    if named == "ipynb" or (not named and re.match(r'\s*\{\s*"(?:cells|metadata|nbformat)', text)):
        return text, "ipynb"
    if named in ("html", "htm") or re.match(r"\s*<(?:!doctype|html|p|div)\b", text, re.IGNORECASE):
        return html_text(text), "text"
    if "\\begin{document}" in text:
        text = text.partition("\\begin{document}")[2].partition("\\end{document}")[0]
    return text, "text"


def docx_text(raw: bytes, name: str) -> str:
    """The paragraphs of a Word document, its formulas as their letters in a row."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as box:
            if box.getinfo("word/document.xml").file_size > 4 * LARGEST:
                raise ParseError(f"{name} is longer than {4 * LARGEST // 1_000_000} MB")
            root = ElementTree.fromstring(box.read("word/document.xml"))
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, RuntimeError):
        raise ParseError(f"{name} is not read, for it is an archive and no Word document") from None
    marks = {f"{WORD}tab": "\t", f"{WORD}br": "\n"}
    lines = []
    for paragraph in root.iter(f"{WORD}p"):
        said = (
            n.text or "" if n.tag in (f"{WORD}t", f"{FORMULA}t") else marks.get(n.tag, "") for n in paragraph.iter()
        )
        lines.append("".join(said))
    return "\n".join(lines)


class Lines(HTMLParser):
    """The text of a page, a line for each of its blocks."""

    BLOCKS = frozenset(["p", "div", "br", "li", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "tr"])

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden += tag in ("script", "style")
        self.said += ["\n"] * (tag in self.BLOCKS)

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style")
        self.said += ["\n"] * (tag in self.BLOCKS)

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.said.append(data)


def html_text(text: str) -> str:
    reader = Lines()
    reader.feed(text)
    return re.sub(r"\n\s*\n+", "\n", "".join(reader.said)).strip()


def sectioned(text: str) -> str:
    """Text without answer blocks with one for each heading such as `Problem 2` or `\\section*{Problem 2}`.

    Raises ParseError for text in which no answer begins.

    >>> print(sectioned("Problem 1: gradient = A'"))
    ```answer 1
    gradient = A'
    ```
    """
    if BLOCK.search(text):
        return text
    found = list(HEADING.finditer(text))
    parts = []
    for i, heading in enumerate(found):
        end = found[i + 1].start() if i + 1 < len(found) else len(text)
        rest = heading["rest"].strip() if SAYS.search(heading["rest"]) else ""
        body = "\n".join(filter(None, [rest, text[heading.end() : end].strip("\n")]))
        fence = "`" * (3 + max(map(len, re.findall("`+", body)), default=0))
        parts.append(f"{fence}answer {heading[1]}\n{body}\n{fence}")
    if not parts and text.strip():
        hint = "begin each answer with a line such as `Answer 1`"
        raise ParseError("no answer begins in this text", hint=hint)
    return "\n\n".join(parts)
