"""How long matdiff's answers are, in symbols, against those printed in textbooks.

    python tests/benchmarks/textbook.py [kind]

Every identity of tests/textbook.toml, or those of one kind (gradient, jacobian, differential, hessian), the worst
ratio first, and the median; the goal is a median of at most 1.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.simplify.test_textbook import IDENTITIES, LIMIT, ours, ratio


def main(kind: str = "") -> None:
    rows = sorted(((ratio(e), e) for e in IDENTITIES if e["kind"].startswith(kind)), key=lambda row: -row[0])
    for value, entry in rows:
        excused = f"   ({entry['longer']})" if "longer" in entry else ""
        print(f"{value:5.2f}  {entry['id']}{excused}")
        if value > 1:
            print(f"       ours {ours(entry).text(ascii=True)}\n       book {entry['answer']}")
    ratios = [value for value, _ in rows]
    over = sum(value > LIMIT for value in ratios)
    print(f"\n{len(rows)} identities, median ratio {statistics.median(ratios):.2f}, {over} over {LIMIT}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
