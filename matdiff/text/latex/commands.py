"""LaTeX commands by what the reader does with them."""

from __future__ import annotations

from matdiff.text.tokens import GREEK, words

COMMAND = r"\\(?:(?:operatorname|norm|abs)\*|[A-Za-z]+)"
"""A command; a star belongs to these three only, since it is also the sign of a product."""

OPERATORS = {
    "cdot": "STAR", "times": "STAR", "ast": "STAR", "cdotp": "STAR", "bullet": "STAR", "div": "SLASH",
    "odot": "HADAMARD", "circ": "HADAMARD", "oslash": "DOTSLASH", "otimes": "KRON",
    "backslash": "BACKSLASH", "setminus": "BACKSLASH", "coloneqq": "EQUALS",
}  # fmt: skip

IGNORED = words(
    """, ; : ! > / quad qquad enspace thinspace medspace thickspace left right middle big Big bigg Bigg bigl bigr
    Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits nonumber
    notag mathopen mathclose mathord mathbin mathrel mathinner strut mathstrut allowbreak boxed fbox smash paren parens
    pqty qty hfill noindent normalfont unboldmath boldmath"""
) | {" ", "\n", "\t"}

SWITCHES = words("rm bf it sf tt cal mit sl em rmfamily bfseries itshape sffamily ttfamily upshape")
"""Fonts that hold up to the closing brace: {\\bf x}."""
STYLES = SWITCHES | words(
    "mathbf boldsymbol bm mathcal mathbb mathfrak mathscr mathit mathsf mathtt pmb symbf vec mathnormal"
    " textbf texttt ensuremath bold mathbfit mathbfsf bbm mathds mathbbm symbfit overrightarrow"
)
BOLD = words("mathbf boldsymbol bm pmb symbf textbf bf bfseries bold mathbfit mathbfsf symbfit")
TEXT = words("text textrm textnormal textsf textit textup mbox hbox textsl")
UPRIGHT = TEXT | words("mathrm operatorname operatorname* mathop symrm mathup symup rm rmfamily upshape")
"""Several letters in one of these are one name."""
FONTS = (STYLES - words("mathcal mathbb mathfrak mathscr cal vec ensuremath overrightarrow")) | UPRIGHT
"""Those in which functions are set."""

ACCENTS = {
    "hat": "hat", "widehat": "hat", "tilde": "tilde", "widetilde": "tilde", "bar": "bar", "overline": "bar",
    "dot": "dot", "ddot": "ddot", "check": "check", "breve": "breve", "acute": "acute", "grave": "grave",
    "underline": "underline", "mathring": "ring",
}  # fmt: skip

LETTERS = {
    **{g: g for g in GREEK},
    **{"var" + g: g for g in GREEK if g[0].isupper()},
    "ell": "ell",
    "imath": "i",
    "jmath": "j",
}

FUNCTIONS = words("log ln exp det sin cos tan sinh cosh tanh max arcsin arccos arctan tr Tr trace")

OPENING = {
    "langle": ("LANGLE", "RANGLE"),
    "lbrace": ("LPAR", "RPAR"),
    "{": ("LPAR", "RPAR"),
    "lbrack": ("LPAR", "RPAR"),
}
CLOSING = {"rangle": "RANGLE", "rbrace": "RPAR", "}": "RPAR", "rbrack": "RPAR"}
BARS = {"|": "N", "Vert": "N", "lVert": "LN", "rVert": "RN", "vert": "B", "lvert": "LB", "rvert": "RB"}
"""Norm or plain bar, with L or R where the side is told."""

FRACTIONS = words("frac tfrac dfrac cfrac sfrac nicefrac")
MATRICES = words("bmatrix pmatrix matrix Bmatrix smallmatrix bmatrix* pmatrix* matrix* bsmallmatrix psmallmatrix array")
WRAPPERS = words(
    "aligned align align* equation equation* gather gather* gathered split multline multline* displaymath math"
    " eqnarray eqnarray* flalign flalign* alignat alignat* alignedat subequations dmath dmath* center"
)

_kinds = {
    "index notation": "sum prod",
    "an integral": "int iint oint",
    "an optimisation problem": "arg argmin argmax min underset",
    "a supremum": "sup",
    "an infimum": "inf",
    "a limit": "lim",
    "a derivative": "nabla partial",
    "a probability": "Pr",
    "a relation": "in notin subset subseteq le leq ge geq ne neq lt gt approx sim simeq cong succ succeq prec preceq"
    " equiv propto triangleq doteq leqslant geqslant ll gg lesssim gtrsim",
    "an arrow": "to mapsto leftarrow rightarrow gets Rightarrow Leftarrow Leftrightarrow longrightarrow implies iff",
    "a rounding": "lfloor rfloor lceil rceil",
    "a choice of signs": "pm mp",
    "infinity": "infty",
    "an ellipsis": "ldots cdots dots vdots ddots",
    "a direct sum": "oplus bigoplus",
    "a quantifier": "forall exists",
    "a set operation": "cup cap",
    "a binomial coefficient": "binom",
    "a determinant or a norm": "vmatrix",
}
NOT_READ = {command: what for what, commands in _kinds.items() for command in commands.split()}
"""What the command begins, in words; none of it is in the language."""

INSTEAD = {
    "an optimisation problem": "Write only the function that is minimised or maximised.",
    "a derivative": "Write the function alone and name the variable by wrt; the derivative is what is computed.",
    "a relation": "Write the function alone; what the names are is said by declarations: x: n; A: n×n.",
    "infinity": "",
    "an ellipsis": "Write all terms, or sums as x'*y, sum(X).",
    "an arrow": "Write the function alone.",
    "a rounding": "Its derivative is 0 wherever it has one: leave it out.",
    "a choice of signs": "Write one of the two.",
    "a determinant or a norm": "Write \\det(X) or \\|X\\|.",
    "a limit": "Write the value.",
    "an integral": "Write the integrand; integrals of unknown functions are what `matdiff vary` is for.",
}
