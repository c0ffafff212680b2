"""Anything may be typed: every input ends in a result or in a MatdiffError, within 2 s and 500 MB.

    python tests/fuzz.py [--count 100000] [--seed 0] [--jobs 2] [--show TEXT]

Inputs are random bytes, mutated programs, splices of two, deep and long ones.  Input i of a seed is always the same,
so that a failure is found again by its number; each goes through parser, inference, derivation and printing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import re
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).parent))

from counting import counted

import matdiff as md

SECONDS = 2.0
CALLS = 10_000_000
"""The bound of the tests, which know no seconds."""
MEGABYTES = 500

PLAIN = """
x'*A*x
x'*A*x/2 + b'*x + c
norm(A*x - b)^2/2 + lambda*norm(x)^2
(A*x-b)'*(A*x-b)
-exp(-x'*x)
log(1 + exp(a'*x))
sum(log(1 .+ exp(-y.*(X*w))))
tr(A*X*B)
tr(X'*A*X*B)
logdet(X) - tr(S*X)
log(det(X'*X))
a'*inv(X)*b
det(t*I - A)
A: n×n spd; log(x'*A*x)
A: n×n symmetric; x'*A*x/(x'*x)
sum((M.*(U*V'-T)).^2)
sum(tanh(W2*tanh(W1*x)))
r = A*x - b; r'*r
u = x'*x; v = sin(u); log(v^2)
t: scalar; exp(t^2)/t
s(t) = t/(1+exp(-t)); sum(s(W*x))
h: elementwise; sum(h(W*x - b))
tr(expm(A*X))
tr(logm(X))
tr(sqrtm(X)*A)
norm(X - U*V')^2
kron(A,B)*x
vec(A*X*B)
A⊗B + 2*C
[A, B; C, D]*x
[x; y]'*A*[x; y]
x[1]^2 + A[1,2]*x[2]
A[1,:]'*x + A[:,2]'*x
sum(A[1:2,:]*x)
‖A*x - b‖_1 + ‖x‖²
‖X‖_F^2/2
<A, X> + ⟨B, X⟩
softmax(A*x)'*b
logsumexp(A*x)
nuclear(X) + sigma_max(X)
S: n×n symmetric; lambda_max(S) + eigval(S,2)
S: n×n symmetric; sum(eigvals(S).^2)
sum(svdvals(A))
cond2(A)
diag(x)*A*diag(x)
diag(A)'*b
Diag(x)*A
tril(A)*x + triu(B)*y
sym(A)*x
skew(A)*x
sum(rowsum(X).*a) + sum(colsum(X).*b)
hcat(A,B)*x
vcat(A,B)'*x
chol(A)*x
pinv(A)*b
adj(X)*a + cof(X)*b
unvec(x,3,4)*y
vech(A)'*b
K(2,3)*vec(X)
e(3,1)'*x
eye(3)*x + ones(3)
ones(m,n)*x
zeros(4)'*x
vector(1)'*x + sum(matrix(1).*X)
max(x,0)'*y
relu(A*x)'*relu(B*x)
abs(x)'*sign(y)
erf(x)'*lgamma(y) + sum(digamma(z))
X^2 + X^-1 + X^(1/2)
X: n×n; tr(X^5)
(X')^-1*a
X⁻ᵀ*a + X⁻¹*b + Xᵀ*c
x.^3 + x.^(1/2) + 1./x
A\\b
2x + 3A(x+y)
α*x'*y + β
θ₁*x + θ₂*y
½*x'*x + ⅓*sum(x)
mean(X) + norminf(x)
frechet(expm,A,B)*x
polygamma(1,x)'*y
Q: n×n orthogonal; tr(Q'*A*Q)
x: n unit; x'*A*x
L: n×n lower; logdet(L*L')
D: n×n diagonal positive; x'*D*x
A: 3×4; x: 4; norm(A*x)
sum(exp(-(X*w).^2/2))
x'*x/(y'*y) + (x'*y)^2
sqrt(x'*A*x + 1)
sum(sigmoid(W*x .+ 1).*y)
tr(A*dX) + <B, dX>
x = y; x'*x
a = b'*b; c = a^2; c/a
A*x .- b'*y
exp(exp(exp(x)))
1e10*x + 1e-10*y
# a comment\nx'*x # another
x'*
(A*x
A: m×; x
c*x
""".strip().split("\n")

LATEX = r"""
\frac{1}{2}\|Ax-b\|_2^2
\tfrac12 x^\top A x + b^\top x
\operatorname{tr}(AXB)
\mathrm{tr}\left(X^{-1}A\right)
\log\det X - \operatorname{tr}(SX)
\mathbf{x}^T\mathbf{A}\mathbf{x}
\langle S, X\rangle
\lVert x\rVert_1 + \lambda\lVert x\rVert_2^2
A \odot B + C \otimes D
\mathbf{1}^\top x
e^{-\|x\|^2}
\sqrt{x^\top x + 1}
\sigma(Wx+b)
\exp(a^\top x)
\hat{y}^\top \tilde{X} w
-\frac{n}{2}\log\det\Sigma - \frac12\operatorname{tr}(\Sigma^{-1}S)
\begin{bmatrix} A & B \\ C & D \end{bmatrix} x
\left(\frac{a^\top x}{b^\top x}\right)^2
$x^{\top}X^{-\top}y$
\begin{aligned} \|Y - XB\|_F^2 + \lambda \|B\|_F^2 \end{aligned}
\left\lvert x \right\rvert
W_2\tanh(W_1 x + b_1)
A_{1,2} x_1
X_{1:2,1}
\ln\left(1+e^{-y w^\top x}\right)
\boldsymbol\beta^\top\boldsymbol\Sigma^{-1}\boldsymbol\beta
X^{\circ 2} + X^{\odot 3}
\sum_i x_i
\sqrt[3]{x^\top x}
I_n + 0_{m \times n}
\det(X)^2 \cdot \text{tr}(X)
x^\dagger + X^{+}
\frac{x}{\|x\|}
\operatorname{softmax}(Wx)
\mathbb{1}^\top \exp(Xw)
""".strip().split("\n")

DECLARATIONS = [
    None,
    "A: n×n; x: n; X: n×n",
    "A: m×n; x: n; b: m",
    "A: 3×3; B: 3×3; x: 3; X: 3×3; c: scalar",
    "A: n×n symmetric; S: n×n spd; X: n×n",
    "x: n×n; A: n",
    "X: n×n symmetric",
    "c: scalar; t: scalar; x: scalar",
    "A: m x n symetric",
    "X: 1×n; x: 1; A: 1×1",
]

PIECES = [
    *"+-*/\\^'.,;:=()[]{}<>|_#$&@!?%~\"` \n\t",
    *(".*", "./", ".^", ".+", ".-", "^-1", "^T", ".T", "⁻¹", "ᵀ", "²", "‖", "||", "\\|", "⟨", "⟩", "⊗", "⊙", "½"),
    *("0", "1", "2", "-1", "0.5", "1e308", "1e-308", "999999999999999999999", "1000000000", "3", "1/0", "0/0"),
    *(
        "x",
        "A",
        "X",
        "b",
        "c",
        "t",
        "alpha",
        "λ",
        "σ",
        "I",
        "pi",
        "e",
        "K",
        "D",
        "dX",
        "dx",
        "n",
        "m",
        "h",
        "W_1",
        "Ax",
    ),
    *("tr(", "det(", "inv(", "log(", "exp(", "norm(", "sum(", "vec(", "diag(", "kron(", "chol(", "expm(", "sqrtm("),
    *("eigvals(", "lambda_max(", "sigma(", "max(", "max(x,0)", "e(3,", "K(2,3)", "eye(", "ones(", "zeros(", "softmax("),
    *("unvec(x,2,3)", "A[1,2]", "x[1]", "x[1:2]", "[A, B]", "[x; y]", "hcat(", "vcat(", "pinv(", "frechet(expm,"),
    *(
        "\\frac{",
        "\\sqrt{",
        "\\left(",
        "\\right)",
        "\\top",
        "^{-1}",
        "^{",
        "_{",
        "\\mathbf{",
        "\\begin{bmatrix}",
        "\\\\",
    ),
    *("\\end{bmatrix}", "\\operatorname{", "\\lVert", "\\rVert", "\\langle", "\\sum_", "\\hat{", "\\text{", "\\alpha"),
    *("A: m×n;", "x: n;", "h: elementwise;", "r = A*x;", "s(t) = t^2;", "symmetric", "spd", "scalar", "×", "\n"),
    *("а", "Α", "\0", "\ud800", "\u202e", "é", "𝐱", "🙂", "\x7f", "１", "٣", "ﬁ", "\u0301", "⁹", "₉"),
]


ASCII = range(32, 127)


def mutated(rng: random.Random, text: str) -> str:
    """A few edits at random places."""
    for _ in range(rng.choice((1, 1, 1, 1, 2, 2, 4, 8))):
        i, j = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        kind = rng.randrange(6)
        if kind == 0:
            text = text[:i] + rng.choice(PIECES) + text[i:]
        elif kind == 1:
            text = text[:i] + text[min(j, i + 3) :]
        elif kind == 2:
            text = text[:i] + rng.choice(PIECES) + text[i + 1 :]
        elif kind == 3:
            text = text[:j] + text[i:j] + text[j:]
        elif kind == 4:
            text = re.sub(r"[A-Za-z]", lambda m: rng.choice("xAXbct") if rng.random() < 0.3 else m.group(), text)
        else:
            found = list(re.finditer(r"\d+|\w+\(|[-+*/^'.]+", text))
            if found:
                m = rng.choice(found)
                text = text[: m.start()] + rng.choice(PIECES) + text[m.end() :]
    return text


def swapped(rng: random.Random, text: str) -> str:
    """Names, numbers and operators exchanged for others of their kind: often a program still."""
    for pattern, others in (
        (r"(?<![A-Za-z\\])[A-Z](?![A-Za-z(])", "AXBSt"),
        (r"(?<![A-Za-z\\])[a-z](?![A-Za-z(])", "xbcytA"),
        (r"\b\d\b", "0123"),
        (r"(?<=\w) ?[-+*] ?(?=\w)", ("+", "-", "*", ".*", "/", "\\")),
        (
            r"\b(?:sin|exp|log|tanh|sum|tr|det|inv)\b(?=\()",
            ("exp", "log", "inv", "tr", "sum", "norm", "expm", "vec"),
        ),
    ):
        if rng.random() < 0.5:
            share = rng.random()
            text = re.sub(pattern, lambda m: rng.choice(others) if rng.random() < share else m.group(), text)  # noqa: B023
    return text


def deep(rng: random.Random) -> str:
    """Nesting, long sums and products, chains of definitions: up to the limits, and beyond."""
    n = rng.choice((10, 100, 500, 900, 1100, 5000))
    a, b = rng.choice(("x", "X", "t", "A*x", "x'*x")), rng.choice(("x", "A", "b", "2", "sin(x)", "X'"))
    form = rng.randrange(10)
    if form == 0:
        opening = rng.choice(
            ("(", "sin(", "tr(", "[", "‖", "-(", "exp(-", "inv(", "\\frac{1}{", "\\sqrt{", "{", "vec(")
        )
        closing = {"[": "]", "‖": "‖", "{": "}"}.get(opening[-1], ")")
        return opening * n + a + closing * rng.choice((n, n, n - 1))
    if form == 1:
        return rng.choice((" + ", " - ", "*", " .* ", ".+", " ", "⊗", "\\", "/")).join([a] * n)
    if form == 2:
        return ";".join(f"a{i + 1} = a{i}{rng.choice(('.*', '+', ' .+ '))}a{i}" for i in range(n)) + f"; sum(a{n})"
    if form == 3:
        return "a0 = x; " + ";".join(f"a{i + 1} = sin(a{i}) + a{i}" for i in range(n)) + f"; sum(a{n})"
    if form == 4:
        return a + rng.choice(("'", "^2", "^-1", ".^2", "ᵀ", "[1]", "²")) * n
    if form == 5:
        return rng.choice(("", "2", "x'*")) + rng.choice(("-", "+", "^", "(", "'", "A", "9", "\\", " ")) * n + a
    if form == 6:
        return f"{a}^{rng.choice((10, 1000, 10**9, '9^9^9', '(9^9^9^9)', '-1000000000', '0.3', '1e9', '(1/3)'))}"
    if form == 7:
        return " + ".join(f"{rng.choice('xyzbc')}{i}'*{b}*{a}" for i in range(min(n, 900)))
    if form == 8:
        return f"ones({10 ** rng.randrange(12)},{10 ** rng.randrange(12)})*x + eye({n})*{a}"
    return f"s(t) = {rng.choice(('t*t', 'sin(t)+t', 't/(1+t)'))}; " + "s(" * min(n, 900) + a + ")" * min(n, 900)


def make(seed: int, i: int) -> tuple[str, str, str | None]:
    """Input number i: text, wrt, declarations."""
    rng = random.Random(f"{seed}:{i}")
    seeds = [s.replace("\\n", "\n") for s in PLAIN] if rng.random() < 0.65 else LATEX
    kind = rng.random()
    if kind < 0.08:
        alphabet = rng.choice(
            (range(256), range(32, 127), (*range(32, 127), *range(0x370, 0x400), *range(0x2200, 0x2260)))
        )
        text = "".join(chr(rng.choice(alphabet)) for _ in range(rng.randrange(1, 60)))
    elif kind < 0.16:
        text = " ".join(rng.choice(PIECES) for _ in range(rng.randrange(1, 25)))
    elif kind < 0.18:
        text = deep(rng)
    elif kind < 0.3:
        one, other = rng.choice(seeds), rng.choice(seeds)
        joint = rng.choice((" + ", "*", " ", "; ", "\n", "/", "^", ".*", ", ", ""))
        text = mutated(rng, one + joint + other) if rng.random() < 0.5 else one + joint + other
    else:
        text = rng.choice(seeds)
        text = swapped(rng, text) if rng.random() < 0.4 else mutated(rng, text)
    names = re.findall(r"(?<![A-Za-z\\])(?:[A-Za-zα-ω](?:_?\d)?|lambda|alpha)(?![A-Za-z(])", text[:5000])
    wrt = rng.choice(names or ["x"]) if rng.random() < 0.97 else rng.choice((*PIECES, "x,A", "", "x,x"))
    return text, wrt, rng.choice(DECLARATIONS) if rng.random() < 0.15 else None


class _TooLong(BaseException):
    pass


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises _TooLong in the block after so many seconds of this process, whatever else the machine does."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise _TooLong

    previous = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)  # again, should a destructor have swallowed the first
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)


def drive(text: str, wrt: str, declare: str | None) -> None:
    """Everything that `derive` prints."""
    d = md.derive(text, wrt=wrt, declare=declare)
    answer = d.gradient if d.function.kind == "scalar" else d.jacobian
    d.differential.text(ascii=True)
    for e in answer.values() if isinstance(answer, dict) else [answer]:
        e.text()
        e.latex()


def outcome(text: str, wrt: str, declare: str | None, seconds: float | None = SECONDS) -> str:
    """`result`, the name of a MatdiffError, or `FAILED: …`."""
    try:
        with limited(seconds) if seconds else nullcontext():
            drive(text, wrt, declare)
        return "result"
    except md.MatdiffError as error:
        try:
            str(error).encode("utf-8", "surrogatepass")
        except Exception as second:
            return f"FAILED: the message of {type(error).__name__}: {second!r}"
        return type(error).__name__
    except _TooLong:
        return f"FAILED: over {seconds:g} s"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"FAILED: {type(error).__name__}: {str(error)[:200]}"


@dataclass
class Tally:
    counts: dict[str, int] = field(default_factory=dict)
    failures: list[tuple[int, str]] = field(default_factory=list)
    slowest: list[tuple[float, int]] = field(default_factory=list)
    peak: int = 0
    """Most memory that one input took beyond what was in use, in MB."""

    def add(self, i: int, found: str, seconds: float) -> None:
        kind = "FAILED" if found.startswith("FAILED") else found
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if kind == "FAILED":
            self.failures.append((i, found))
        self.slowest = sorted([*self.slowest, (seconds, i)], reverse=True)[:10]

    def merge(self, other: Tally) -> None:
        for kind, n in other.counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + n
        self.failures += other.failures
        self.slowest = sorted(self.slowest + other.slowest, reverse=True)[:10]
        self.peak = max(self.peak, other.peak)


def _peak() -> int:
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit


def fuzz(seed: int, numbers: range, current: object = None, seconds: float | None = SECONDS) -> Tally:
    """All inputs of these numbers, one after the other; without seconds, each in at most CALLS function calls."""
    tally = Tally()
    for i in numbers:
        if current is not None:
            current.value = i  # type: ignore[attr-defined]
        before, start = _peak(), time.process_time()
        if seconds is None:
            with counted() as count:
                found = outcome(*make(seed, i), None)
            found = f"FAILED: {count.calls:,} calls" if count.calls > CALLS else found
        else:
            found = outcome(*make(seed, i), seconds)
        tally.add(i, found, time.process_time() - start)
        grown = _peak() - before
        tally.peak = max(tally.peak, grown)
        if grown > MEGABYTES:
            tally.failures.append((i, f"FAILED: {grown} MB"))
    return tally


def _worker(seed: int, numbers: range, current: object, results: multiprocessing.Queue[Tally]) -> None:
    results.put(fuzz(seed, numbers, current))


def main() -> int:
    options = argparse.ArgumentParser(description="Random inputs: a result or a MatdiffError, nothing else.")
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--first", type=int, default=0, help="number of the first input")
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--show", type=int, help="print this input and what becomes of it")
    chosen = options.parse_args()
    if chosen.show is not None:
        made = make(chosen.seed, chosen.show)
        print(*map(ascii, made), outcome(*made), sep="\n")
        return 0
    total, died = _run(chosen.seed, chosen.first, chosen.count, chosen.jobs)
    return report(total, died, chosen.seed)


def _run(seed: int, first: int, count: int, jobs: int) -> tuple[Tally, list[int]]:
    """Each job takes every jobs-th input; of a job that dies, the input that killed it."""
    results: multiprocessing.Queue[Tally] = multiprocessing.Queue()
    workers = []
    for job in range(jobs):
        current = multiprocessing.Value("q", -1)
        numbers = range(first + job, first + count, jobs)
        worker = multiprocessing.Process(target=_worker, args=(seed, numbers, current, results))
        worker.start()
        workers.append((worker, current))
    total, waiting = Tally(), len(workers)
    died: list[int] = []
    while waiting:
        try:
            total.merge(results.get(timeout=5))
            waiting -= 1
        except Exception:
            gone = [c.value for w, c in workers if w.exitcode not in (None, 0)]
            if len(gone) > len(died):
                waiting -= len(gone) - len(died)
                died = gone
    return total, died


def report(total: Tally, died: list[int], seed: int) -> int:
    for kind, n in sorted(total.counts.items(), key=lambda item: -item[1]):
        print(f"{kind:<20}{n:>9}")
    print(f"most memory taken by one input: {total.peak} MB")
    print("slowest:")
    for seconds, i in total.slowest:
        print(f"  {seconds:6.2f} s  {i:>7}  {ascii(make(seed, i))[:120]}")
    for i, what in [*total.failures, *((i, "FAILED: the process died") for i in died)]:
        print(f"{i:>7}  {what}\n         {ascii(make(seed, i))[:300]}")
    return 1 if total.failures or died else 0


if __name__ == "__main__":
    sys.exit(main())
