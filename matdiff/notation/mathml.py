"""MathML, which browsers typeset without a script: the third notation, and the small LaTeX that records bring."""

from __future__ import annotations

import re
from fractions import Fraction

from matdiff.node import Symbol, Value
from matdiff.notation import names
from matdiff.notation.tables import ATOM, LATEX, LEVELS, MIXED, POSTFIX, POWER, Form, Notation, template
from matdiff.shape import Dim

TIMES = "<mo>&#x2062;</mo>"
THIN = '<mspace width="0.17em"/>'
APPLY = "<mo>&#x2061;</mo>"
TOP = "<mi>⊤</mi>"
AND = '<mo>;</mo><mspace width="1em"/>'
"""What stands after a definition, and nowhere else."""

SIGNS = {
    **{command: c for c, word in names.GREEK.items() if not (command := f"\\{word}").startswith("\\mathrm")},
    r"\otimes": "⊗",
    r"\odot": "⊙",
    r"\nabla": "∇",
    r"\partial": "∂",
    r"\infty": "∞",
    r"\cdot": "·",
    r"\times": "×",
    r"\top": "⊤",
    r"\lVert": "‖",
    r"\rVert": "‖",
    r"\lvert": "|",
    r"\rvert": "|",
    r"\langle": "⟨",
    r"\rangle": "⟩",
}
LETTERS = frozenset("∇∂∞⊤") | frozenset(names.GREEK)
OPENING = {"(": "(", r"\lVert": "‖", r"\lvert": "|", r"\langle": "⟨", "[": "["}
CLOSING = frozenset((")", r"\rVert", r"\rvert", r"\rangle", "]"))
ARITY = {"^": 1, "_": 1, r"\sqrt": 1, r"\mathrm": 1, r"\operatorname": 1, r"\frac": 2, r"\tfrac": 2}
ACCENTS = {"hat": "^", "tilde": "~", "bar": "¯", "dot": "˙", "vec": "→"}


def _word(word: str) -> str:
    """A letter in italics, a longer word upright, as browsers do by themselves."""
    greek = SIGNS.get(f"\\{word}", word)
    return f"<mi>{_escape(greek)}</mi>"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("_", "&#95;")


def mathml_name(name: str) -> str:
    """`y_hat` is ŷ, `W_1` and `W1` are W with an index, `lambda` is λ."""
    head, *rest = name.split("_")
    found = re.fullmatch(r"(\D+)(\d+)", head)
    below = []
    if found:
        head, digits = found.groups()
        below.append(f"<mn>{digits}</mn>")
    out = _word(head or "_")
    for part in rest:
        if part in ACCENTS:
            out = f'<mover accent="true">{out}<mo stretchy="false">{ACCENTS[part]}</mo></mover>'
        elif part:
            below.append(f"<mn>{part}</mn>" if part.isdigit() else _word(part))
    return f"<msub>{out}<mrow>{'<mo>,</mo>'.join(below)}</mrow></msub>" if below else out


def _symbol(symbol: Symbol) -> str:
    if symbol.of is None:
        return mathml_name(symbol.name)
    moved = f'<mrow><mi mathvariant="normal">d</mi>{mathml_name(symbol.of.name)}</mrow>'
    return f"<msub>{moved}<mn>{symbol.index}</mn></msub>" if symbol.index else moved


def _number(value: Value) -> str:
    if isinstance(value, Fraction):
        return f"<mfrac><mn>{value.numerator}</mn><mn>{value.denominator}</mn></mfrac>"
    mantissa, e, exponent = (repr(value) if isinstance(value, float) else str(value)).partition("e")
    power = f"<mo>·</mo><msup><mn>10</mn><mn>{int(exponent)}</mn></msup>" if e else ""
    return f"<mn>{mantissa}</mn>{power}"


def _dim(dim: Dim) -> str:
    parts = re.findall(r"[^\W\d]\w*|\d+|[+*-]", str(dim))
    signs = {"*": TIMES, "-": "<mo>−</mo>", "+": "<mo>+</mo>"}
    return "".join(signs.get(p) or (f"<mn>{p}</mn>" if p.isdigit() else mathml_name(p)) for p in parts)


def _literal(text: str) -> str:
    return f"<mn>{text.replace('-', '−')}</mn>"


def _join(last: str, following: str, after_number: bool) -> str:
    """Factors stand beside each other, numbers with a dot between, words and differentials with a thin space."""
    if following.startswith(("<mn>", "<mfrac><mn>")) and last.endswith("</mn>"):
        return "<mo>·</mo>"
    return THIN if re.match(r'<mi>\w\w|<mrow><mi mathvariant="normal">d', following) else TIMES


def _call(name: str) -> str:
    bare = name.rstrip("'")
    primes = "".join("<mo>′</mo>" for _ in name[len(bare) :])
    return (f"<msup><mi>{_escape(bare)}</mi><mrow>{primes}</mrow></msup>" if primes else _word(bare)) + APPLY


def from_latex(text: str) -> str:
    r"""MathML of the LaTeX that records and labels are written in: scripts, fractions, roots, words, brackets.

    >>> from_latex(r"\nabla_{x} f")
    '<msub><mi>∇</mi><mrow><mi>x</mi></mrow></msub><mi>f</mi>'
    """
    return own_template(text.replace("{", "{{").replace("}", "}}"))


def own_template(latex: str) -> str:
    """A record's LaTeX template as a template of MathML."""
    frames: list[list[str]] = [[]]
    for token in _tokens(latex):
        if token == "{" or token in OPENING:
            frames.append([f"<mo>{OPENING[token]}</mo>"] if token in OPENING else [])
        elif token == "}" or token in CLOSING:
            inside = frames.pop()
            if token in CLOSING:
                inside.append(f"<mo>{SIGNS.get(token, token)}</mo>")
            _put(frames[-1], f"<mrow>{_beside(inside)}</mrow>")
        elif token in ARITY:
            frames[-1].append(token)
        else:
            _put(frames[-1], _atom(token))
    return _beside(frames[0])


def _tokens(latex: str) -> list[str]:
    spell = {level: letter for letter, level in LEVELS.items()}
    found: list[str] = []
    for part in template(latex):
        if isinstance(part, str):
            found += re.findall(r"\\[A-Za-z]+|[^\s]", part.replace(r"\,", ""))
        else:
            found.append(f"{{{part[0]}:{spell[part[1]]}}}")
    return found


def _atom(token: str) -> str:
    if token[0] == "{":
        return f"<mrow>{token}</mrow>"
    sign = SIGNS.get(token, token)
    if token[0] == "\\":
        return f"<mi>{sign}</mi>" if sign in LETTERS else f"<mo>{sign}</mo>" if sign != token else _function(token)
    return f"<mn>{token}</mn>" if token.isdigit() else f"<mi>{token}</mi>" if token.isalpha() else f"<mo>{token}</mo>"


def _function(command: str) -> str:
    return f"<mi>{command[1:]}</mi>"


def _put(frame: list[str], atom: str) -> None:
    """Add what has been read; a command or script sign before it takes it."""
    if len(frame) > 1 and frame[-2] in (r"\frac", r"\tfrac"):
        above = frame.pop()
        frame[-1] = f"<mfrac>{above}{atom}</mfrac>"
    elif frame and ARITY.get(frame[-1]) == 1:
        command = frame.pop()
        if command in ("^", "_"):
            base = frame.pop() if frame else "<mrow></mrow>"
            tag = "msup" if command == "^" else "msub"
            frame.append(f"<{tag}>{base}{atom}</{tag}>")
        elif command == r"\sqrt":
            frame.append(f"<msqrt>{atom}</msqrt>")
        else:
            word = re.sub("<[^>]*>", "", atom)
            frame.append(f'<mi mathvariant="normal">{word}</mi>' if len(word) == 1 else f"<mi>{word}</mi>")
    else:
        frame.append(atom)


def _beside(atoms: list[str]) -> str:
    """The atoms in a row, with a thin space after the name of a function that is not called with brackets."""
    out = []
    for atom, following in zip(atoms, [*atoms[1:], "<mo>"], strict=True):
        out.append(atom)
        if re.fullmatch(r"<mi>\w\w+</mi>", atom) and not following.startswith("<mo>"):
            out.append(APPLY if following.startswith("<mrow><mo>") else THIN)
    return "".join(out)


def _sup(exponent: str) -> str:
    return f"<msup><mrow>{{0:a}}</mrow>{exponent}</msup>"


def _sub(index: str) -> str:
    return f"<msub><mrow>{{0:a}}</mrow><mrow>{index}</mrow></msub>"


def _fenced(left: str, inside: str, right: str) -> str:
    return f"<mrow><mo>{left}</mo>{inside}<mo>{right}</mo></mrow>"


_FORMS: dict[str, Form] = {
    "fraction": (POWER, "<mfrac><mrow>{0:s}</mrow><mrow>{1:s}</mrow></mfrac>"),
    "sqrt": (ATOM, "<msqrt>{0:s}</msqrt>"),
    "power": (POWER, _sup("<mrow>{1:s}</mrow>")),
    "dot power": (POWER, _sup("<mrow><mo>⊙</mo>{1:s}</mrow>")),
    "dot over": (MIXED, "{0:m}<mo>⊘</mo>{1:p}"),
    "element": (ATOM, _sub("<mn>{1}</mn>")),
    "entry": (ATOM, _sub("<mn>{1}</mn><mo>,</mo><mn>{2}</mn>")),
    "getrow": (ATOM, _sub("<mn>{1}</mn><mo>,</mo><mo>:</mo>")),
    "getcol": (ATOM, _sub("<mo>:</mo><mo>,</mo><mn>{1}</mn>")),
    "part": (ATOM, _sub("{1}<mo>:</mo>{2}")),
    "slice": (ATOM, _sub("{1}<mo>:</mo>{2}<mo>,</mo>{3}<mo>:</mo>{4}")),
    "transpose": (POSTFIX, _sup(TOP)),
    "inv": (POSTFIX, _sup("<mrow><mo>−</mo><mn>1</mn></mrow>")),
    "inverse transpose": (POSTFIX, _sup(f"<mrow><mo>−</mo>{TOP}</mrow>")),
    "square": (POSTFIX, _sup("<mn>2</mn>")),
    "cube": (POSTFIX, _sup("<mn>3</mn>")),
    "hadamard": (MIXED, "{0:m}<mo>⊙</mo>{1:p}"),
    "kron": (MIXED, "{0:m}<mo>⊗</mo>{1:p}"),
    "norm": (ATOM, _fenced("&#x2016;", "{0:s}", "&#x2016;")),
    "norm call": (ATOM, _fenced("&#x2016;", "{0:s}", "&#x2016;")),
    "inner": (ATOM, _fenced("⟨", "{0:s}<mo>,</mo>{1:s}", "⟩")),
    "pairing": (ATOM, _fenced("⟨", "{0:s}<mo>,</mo>{1:s}", "⟩")),
    "d": (ATOM, f'<mrow><mi mathvariant="normal">d</mi>{THIN}{{0:a}}</mrow>'),
    "I": (ATOM, "<mi>I</mi>"),
    "eye": (ATOM, "<msub><mi>I</mi><mrow>{0}</mrow></msub>"),
    "ones": (ATOM, "<msub><mi>𝟏</mi><mrow>{0}</mrow></msub>"),
    "ones of": (ATOM, "<msub><mi>𝟏</mi><mrow>{0}<mo>×</mo>{1}</mrow></msub>"),
    "zeros": (ATOM, "<msub><mi>𝟎</mi><mrow>{0}</mrow></msub>"),
    "zeros of": (ATOM, "<msub><mi>𝟎</mi><mrow>{0}<mo>×</mo>{1}</mrow></msub>"),
    "e": (ATOM, "<msub><mi>e</mi><mn>{1}</mn></msub>"),
    "K": (ATOM, "<msub><mi>K</mi><mrow>{0}<mo>,</mo>{1}</mrow></msub>"),
    "D": (ATOM, "<msub><mi>D</mi><mrow>{0}</mrow></msub>"),
    "pi": (ATOM, "<mi>π</mi>"),
}

MATHML = Notation(
    symbol=_symbol,
    number=_number,
    dim=_dim,
    join=_join,
    fraction=_number,
    signs=("<mo>+</mo>", "<mo>−</mo>"),
    dotted=(),
    negative='<mo form="prefix">−</mo>',
    parentheses=("<mrow><mo>(</mo>", "<mo>)</mo></mrow>"),
    tall=("<mrow><mo>(</mo>", "<mo>)</mo></mrow>"),
    comma="<mo>,</mo>",
    block=(
        "<mrow><mo>[</mo><mtable><mtr><mtd>",
        "</mtd><mtd>",
        "</mtd></mtr><mtr><mtd>",
        "</mtd></mtr></mtable><mo>]</mo></mrow>",
    ),
    definition=("<mo>=</mo>", AND),
    ellipsis="<mo>…</mo>",
    call=_call,
    functions=LATEX.functions,
    forms=_FORMS,
    literal=_literal,
    own_templates=own_template,
    bracketed=False,
)
