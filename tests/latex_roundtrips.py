"""What LaTeX says reads back as itself, with names of all forms.

    python tests/latex_roundtrips.py --count 2000 --seed 1

writes how many random programs round-trip: the function, its definitions, the differential, and the gradient or the
Jacobian.  Program i of a seed is always the same.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from random_expressions import below, expression

import matdiff as md
from matdiff.inference.names import is_reserved
from matdiff.printing.names import GREEK, ascii_name

BASES = [
    *"abcfghjlqrstuvwxyzABCFGHJLNQRSTUVWXYZ",
    *"dDeEiIkKoOpPMT",
    "loss",
    "weights",
    "Sig",
    "Tr",
    "Ab",
    "hat",
    "logits",
]
GREEK_LETTERS = [c for c in GREEK if c not in "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο"]
GREEK_WORDS = ["alpha", "beta", "lambda", "sigma", "omicron", "Omega", "Alpha", "varphi", "epsilon", "pi"]
ENDS = [
    "", "", "1", "2", "10", "01", "1y", "1x2", "_1", "_2", "_12", "_01", "_i", "_ij", "_k", "_T", "_max", "_top",
    "_star",
    "_kp1", "_1a", "_alpha", "_α", "_Omega", "_hat", "_tilde", "_bar", "_dot", "_vec", "_check", "_prime", "_hat_1",
    "_hat_tilde", "_1_hat", "_max_1", "_1_2", "_a_b", "_a_b_c", "1_2", "_", "__x", "_x_",
]  # fmt: skip
SIZES = ["m", "n", "p", "n1", "n_1", "N", "N_tr", "batch", "d_in", "ν", "k_12"]


def names(rng: random.Random, taken: Collection[str] = ()) -> Iterator[str]:
    """Names of random forms; no two are one name, and none is the differential of another."""
    seen = {ascii_name(n) for n in taken}
    while True:
        base = rng.choice(rng.choice([BASES, BASES, GREEK_LETTERS, GREEK_WORDS]))
        name = base + rng.choice(ENDS)
        word = ascii_name(name)
        near = {word, f"d{word}", word[1:], f"d{word}".rpartition("_")[0], word[1:].rpartition("_")[0]}
        if not is_reserved(name) and name not in ("pi", "π") and not near & seen:
            seen.add(word)
            yield name


def renamed(text: str, new: Mapping[str, str]) -> str:
    """A text with other names; the constants e(n,i), K(m,n), D(n) and A^-T keep theirs."""
    if not new:
        return text
    kept = {**dict.fromkeys("eKD", r"{}(?!\()"), "T": r"(?<!\^)(?<!\^-){}"}
    words = "|".join(kept.get(n, "{}").format(re.escape(n)) for n in new)
    return re.sub(rf"(?<![A-Za-z0-9_])(?:{words})(?![A-Za-z0-9_])", lambda m: new[m[0]], text)


def program(seed: int) -> tuple[str, str, str]:
    """Text, declarations and variable of a random program."""
    e = expression(seed, 6)
    rng = random.Random(f"names {seed}")
    fresh = names(rng, SIZES)
    variables = {v: next(fresh) for v in e.variables}
    new = {v.name: name for v, name in variables.items()}
    parts = {t.name: next(fresh) for t in below(e.term) if t.name}
    sizes = dict(zip("mnp", rng.sample(SIZES, 3), strict=True))
    every = {**new, **parts, **sizes}
    return renamed(e.text, every), renamed(e.declare, every), new[e.wrt.name]


def answers(d: md.Derivation) -> Iterator[tuple[str, md.Expr]]:
    yield "function", d.function
    yield "differential", d.differential
    if d.function.kind == "scalar" and not d.several:
        yield "gradient", d.gradient


def complaint(e: md.Expr, types: str) -> str:
    """What does not read back, or an empty string."""
    shown = e.latex()
    try:
        back = md.parse(shown, declare=types, dialect="latex")
    except md.MatdiffError as error:
        return f"is not read: {shown}\n    {error}"
    return "" if back == e else f"reads differently: {shown}\n    as {back}"


def examine(seed: int) -> str:
    """`right`, `refused`, or what is wrong with a program."""
    text, declare, wrt = program(seed)
    try:
        found = list(answers(d := md.derive(text, wrt=wrt, declare=declare)))
    except (md.UnsupportedError, md.DomainError):
        return "refused"
    except md.MatdiffError as error:
        return f"{text}\n    {declare}\n    {error}"
    for what, e in found:
        if said := complaint(e, d.types):
            return f"{text}\n    {declare}\n    the {what} {said}"
    return "right"


def main() -> int:
    options = argparse.ArgumentParser(description="Random programs with names of all forms, to LaTeX and back.")
    options.add_argument("--count", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    found = {i: examine(given.seed * 1_000_000 + i) for i in range(given.count)}
    wrong = {i: said for i, said in found.items() if said not in ("right", "refused")}
    for i, said in wrong.items():
        print(f"{i}: {said}\n")
    right = sum(said == "right" for said in found.values())
    print(f"{right} right, {len(found) - right - len(wrong)} refused, {len(wrong)} wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
