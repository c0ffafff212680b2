"""What the page and the questions of programs take, over a bare calculation of the same machine in the same run.

python tests/benchmarks/web.py [CLAIMS.toml]

The yardstick is a loop of 200,000 additions in Python.  With Playwright and Chromium: from the last key to the formula,
for every example of the page, cold (a text never asked before) and remembered; and from opening the page to its first
answer.  The claims of CLAIMS.toml are asked by the tool `verify`; `warm` was computed before by
one of the processes, `remembered` is told from the answers that are kept.
"""

from __future__ import annotations

import re
import shutil
import statistics
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterable

from matdiff.web.pool import Pool
from matdiff.web.server import STATIC, Server

PAIR = re.compile(r'\["((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)", "([^"]*)"(?:, (\{[^}]*\}))?\]')
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def examples() -> list[dict[str, object]]:
    """The questions of the page's examples."""
    found = []
    for _, text, wrt, declared in PAIR.findall((STATIC / "examples.js").read_text(encoding="utf-8")):
        let = re.findall(r'(\w+): "([^"]*)"', declared)
        declare = [f"{name}: {said}" for name, said in let]
        found.append({"function": text.replace("\\\\", "\\"), "wrt": wrt, "declare": declare, "parts": ["steps"]})
    return found


def yardstick() -> float:
    begin = time.perf_counter()
    total = 0
    for i in range(200_000):
        total += i
    return time.perf_counter() - begin


def timed(do: Callable[[], object]) -> float:
    begin = time.perf_counter()
    do()
    return time.perf_counter() - begin


def told(name: str, times: Iterable[float]) -> None:
    found = sorted(times)
    unit = statistics.median(yardstick() for _ in range(7))
    p50, p95 = found[len(found) // 2], found[min(len(found) - 1, int(0.95 * len(found)))]
    print(f"{name:<46}{len(found):>5}{1e3 * p50:>9.0f}{1e3 * p95:>9.0f}{p95 / unit:>9.1f}")


def by_pool(pool: Pool, name: str, questions: list[dict[str, object]]) -> None:
    for turn in ("cold", "warm", "remembered"):
        if turn != "remembered":
            pool.known.clear()
        told(f"{name}, {turn}", [timed(lambda q=q: list(pool.ask(*asked(name, q)))) for q in questions])  # type: ignore[misc]


def asked(name: str, question: dict[str, object]) -> tuple[str, dict[str, object]]:
    return ("page" if "parts" in question else name), question


def claims(path: str) -> list[dict[str, object]]:
    with open(path, "rb") as file:
        rows = tomllib.load(file)["claim"]
    return [
        {"function": c["text"], "wrt": c["wrt"], "declare": [c["declare"]] if c["declare"] else [], "claim": c["claim"]}
        for c in rows
    ]


def in_browser(server: Server) -> None:
    from playwright.sync_api import sync_playwright

    script = """([f, by, declared]) => new Promise((done) => {
        state.by = by; state.let = declared; input.value = f;
        const begin = performance.now();
        const seen = () => last && last.asked === f && last.answer && $('stale').hidden && $('input-error').hidden;
        last = null;
        const look = () => seen() ? requestAnimationFrame(() => done(performance.now() - begin)) : setTimeout(look, 1);
        input.dispatchEvent(new Event('input')); look(); })"""
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        firsts = []
        for _ in range(5):
            page = browser.new_page()
            begin = time.perf_counter()
            page.goto(server.url)
            page.wait_for_selector("#result math")
            firsts.append(time.perf_counter() - begin)
            page.close()
        told("browser, opening to first answer", firsts)
        page = browser.new_page()
        page.goto(server.url)
        page.wait_for_selector("#result math")
        rows = page.evaluate("EXAMPLES.flatMap(([, list]) => list).map(([t, f, by, d]) => [f, by, d ?? {}])")
        server.pool.known.clear()
        for turn in ("cold", "remembered"):
            told(f"browser, key to formula, {turn}", [page.evaluate(script, row) / 1e3 for row in rows])
        browser.close()


def main(arguments: list[str]) -> None:
    print(f"{'':<46}{'n':>5}{'p50 ms':>9}{'p95 ms':>9}{'p95 ratio':>10}")
    with Server(seconds=20) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.pool.answer("about", {})
        if CHROMIUM is None:
            print("the browser is left out: apt-get install chromium")
        else:
            try:
                in_browser(server)
            except ImportError:
                print("the browser is left out: pip install playwright")
        by_pool(server.pool, "page", examples())
        if arguments:
            by_pool(server.pool, "verify", claims(arguments[0]))
        server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
