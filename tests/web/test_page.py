"""The page in a browser: Playwright (`pip install playwright`) with a Chromium that stands on this machine.

The check for accessibility needs axe-core (`npm install --no-save axe-core`, or its file in MATDIFF_AXE), that of the
page as files Pyodide's npm package, packed, by its path in MATDIFF_PYODIDE.  What is not there is skipped; `.ci/page`
brings all.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

from matdiff.cli.app import run
from matdiff.web.server import Server
from tests.web.test_web import HOSTILE

ROOT = Path(__file__).resolve().parents[2]
AXE = Path(os.environ.get("MATDIFF_AXE") or ROOT / "node_modules" / "axe-core" / "axe.min.js")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PYODIDE = os.environ.get("MATDIFF_PYODIDE", "")
SETTLED = "last?.answer && last.asked === input.value && state.f === input.value && $('stale').hidden"
"""The answer that is shown is that to the text."""
SPD = "logdet(S) + tr(inv(S)*C)"

playwright = pytest.importorskip(
    "playwright.sync_api", reason="the page is tested with Playwright: pip install playwright"
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the page is tested in Chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as p:
        found = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def url():
    server = Server(seconds=20)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.pool.answer("about", {})
    yield server.url
    server.shutdown()
    server.server_close()


@pytest.fixture
def opened(browser, url):
    """Opens the page in a state; whatever it complains of fails the test."""
    contexts, complaints = [], []

    def open_(options=None, **state):
        context = browser.new_context(viewport={"width": 1100, "height": 900}, **(options or {}))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: complaints.append(str(e)))
        page.on("dialog", lambda d: (complaints.append(f"dialog {d.message}"), d.dismiss()))
        page.goto(url + (f"#{urlencode(state, doseq=True)}" if state else ""))
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def until(page, condition: str, arg: object = None, seconds: float = 20) -> None:
    """Waits; Playwright's own way to wait makes code of text, which the page's policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(f"arg => Boolean({condition})", arg):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(30)


def gradient(page) -> str:
    """What the answer's last formula says, once it is the answer to the text that stands there."""
    until(page, SETTLED)
    return page.evaluate("last.answer.lines.at(-1).text")


def test_it_opens_with_an_answer_that_is_verified(opened):
    page = opened()
    page.wait_for_selector("#result math")
    assert gradient(page) == "Aᵀ(A x − b)"
    assert page.inner_text("#verdict").startswith("✓ verified: central differences agree")
    assert page.locator("#result math msup").count() >= 1
    page.wait_for_selector(".steps li")
    assert page.locator(".steps .ok").count() == page.locator(".steps li").count() >= 3
    assert page.evaluate("document.activeElement.id") == "input"


def test_a_pause_in_typing_asks_once(opened):
    page = opened()
    gradient(page)
    asked = []
    page.on("request", lambda r: asked.append(r.url) if r.url.endswith("/api/page") else None)
    typed = """text => { for (let i = 1; i <= text.length; i++) {
        input.value = text.slice(0, i); input.dispatchEvent(new Event('input')); } }"""
    page.evaluate(typed, "x'*A*x")
    until(page, "last?.answer.lines.at(-1).text === '(A + Aᵀ) x'")
    assert len(asked) == 1


def test_an_error_stands_at_its_place_and_the_last_answer_stays(opened):
    page = opened()
    gradient(page)
    page.fill("#input", "norm(A*x - b")
    page.wait_for_selector("#input-error:not([hidden])")
    assert page.inner_text("#input-error mark") == "("
    assert page.get_attribute("#input", "aria-invalid") == "true"
    assert page.locator("#result math").count() and page.is_visible("#stale")
    look_of = "e => getComputedStyle(document.querySelector(e)).color"
    assert page.evaluate(look_of, "#sections .steps") == page.evaluate(look_of, "#stale"), "steps are the last answer's"
    page.fill("#input", "tr(A*X*B)")
    until(page, "last.answer.lines.at(-1).text === 'Aᵀ Bᵀ'")
    assert not page.is_visible("#input-error") and not page.is_visible("#stale")


def test_the_type_of_a_name_is_changed_by_keys(opened):
    page = opened(f="logdet(S)", by="S")
    assert gradient(page) == "S⁻ᵀ"
    page.focus("#types button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#editor:not([hidden])")
    assert page.evaluate("document.activeElement.id") == "edit-kind"
    page.check("#editor input[value=spd]")
    page.click("#editor button[type=submit]")
    until(page, "last.answer.lines.at(-1).text === 'S⁻¹'")
    assert "spd" in page.inner_text("#types .own")
    assert "let=S%3A+n%C3%97n+spd" in page.url
    page.click("#types button")
    page.fill("#edit-rows", "2")
    page.fill("#edit-cols", "3")
    page.click("#editor button[type=submit]")
    page.wait_for_selector("#types-error:not([hidden])")
    assert "square" in page.inner_text("#types-error")
    page.click("#types button")
    page.click("#editor button:has-text('As inferred')")
    until(page, "last.answer.lines.at(-1).text === 'S⁻ᵀ' && $('stale').hidden")
    page.click("#types button")
    page.keyboard.press("Escape")
    assert not page.is_visible("#editor")


def test_the_variables_are_chosen(opened):
    page = opened(f="norm(X - U*V')^2", by="U")
    gradient(page)
    page.click("#by label:has(input[value=V])")
    until(page, "last.reading.wrt === 'V'")
    page.focus("#by input[value=U]")
    page.keyboard.press("Space")
    until(page, "last.reading.wrt === 'U,V'")
    assert page.evaluate("document.activeElement.value") == "U"


def test_tabs_and_sections_open_by_keys(opened):
    page = opened(open="")
    gradient(page)
    page.focus("#tab-first")
    page.keyboard.press("ArrowLeft")
    until(page, "last.parts.hessian")
    assert page.get_attribute("#tab-hessian", "aria-selected") == "true"
    until(page, "document.querySelector('#verdict').innerText.includes('Hessian verified')")
    for part, found in (("steps", ".steps li"), ("verification", ".plot path"), ("convexity", ".headline")):
        page.focus(f"details[data-part={part}] summary")
        page.keyboard.press("Enter")
        page.wait_for_selector(f"details[data-part={part}] {found}", state="attached")
    assert page.inner_text(".headline").startswith("convex")
    assert "smallest error" in page.get_attribute(".plot", "aria-label")
    page.click("details[data-part=code] summary")
    page.wait_for_selector("#source pre")
    page.click("#targets button:has-text('JAX')")
    until(page, "document.querySelector('#source pre')?.innerText.includes('jax')")


def test_an_answer_is_checked_line_by_line(opened):
    page = opened(f="norm(A*x - b)^2/2", by="x")
    gradient(page)
    page.click("details[data-part=check] summary")
    page.fill("#mine", "df = (A*x - b)'*A*dx\n= <A*(A*x - b), dx>")
    page.focus("#mine")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#marks li.wrong")
    assert page.inner_text("#marks .says >> nth=0") == "✗ Not right"
    assert page.locator("#marks li").nth(0).locator(".right").count() == 1
    assert page.locator("#marks li").nth(1).get_attribute("class") == "wrong"
    page.click("#hint")
    page.wait_for_selector("#hints li")
    page.click("#hint")
    page.wait_for_selector("#hints math")
    page.fill("#mine", r"\nabla f = A^\top (A x - b)")
    page.click("#check")
    until(page, "document.querySelector('#marks .says').innerText === '✓ Right'")


def test_an_address_brings_back_the_whole_page(opened, browser):
    page = opened(
        f=SPD, by="S", let=["S: n×n spd", "C: n×n symmetric"], tab="hessian", open="steps,convexity", mine="inv(S)"
    )
    gradient(page)
    page.wait_for_selector(".headline")
    again = opened()
    again.goto(page.url)
    again.reload()
    assert gradient(again) == gradient(page) == "S⁻¹ − S⁻¹ C S⁻¹"
    again.wait_for_selector(".headline")
    assert again.get_attribute("#tab-hessian", "aria-selected") == "true"
    assert again.input_value("#mine") == "inv(S)"
    assert again.url == page.url


def test_examples_and_history(opened):
    page = opened()
    gradient(page)
    page.click("#examples-button")
    page.click("#examples button:has-text('Rayleigh')")
    until(page, "last.reading.types.some(t => t.attributes.includes('unit'))")
    assert not page.is_visible("#examples")
    until(page, 'kept().length >= 1 && kept()[0].f === "x\'*A*x"')
    page.click("#history-button")
    assert "x'*A*x" in page.inner_text("#history")
    page.keyboard.press("Escape")
    assert not page.is_visible("#history")


def test_every_example_is_answered(opened):
    page = opened(open="")
    gradient(page)
    examples = page.evaluate("EXAMPLES.flatMap(([, list]) => list)")
    assert len(examples) >= 25
    for title, function, by, *declared in examples:
        page.evaluate("([f, by, let_]) => load(f, by, let_)", [function, by, declared[0] if declared else {}])
        until(page, f"({SETTLED} && last.reading.wrt === arg) || !$('input-error').hidden", by)
        assert not page.is_visible("#input-error"), title


def test_copies_reach_the_clipboard(opened, url):
    page = opened(options={"permissions": ["clipboard-read", "clipboard-write"]}, f="norm(A*x - b)^2/2", open="code")
    gradient(page)
    page.click("#result button:has-text('LaTeX')")
    until(page, "document.querySelector('#toast').innerText === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == r"A^{\top}(Ax - b)"
    page.click("#forms button:has-text('Markdown')")
    until(page, "navigator.clipboard.readText().then(t => t.includes('$$'))")


def test_it_fits_a_phone(opened):
    page = opened(options={"device_scale_factor": 2}, f=SPD, by="S", open="steps,verification,convexity,check,code")
    page.set_viewport_size({"width": 375, "height": 800})
    page.wait_for_selector("#source pre")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_it_prints_dark_on_white(opened):
    page = opened(options={"color_scheme": "dark"}, f=SPD, by="S")
    gradient(page)
    page.emulate_media(media="print")
    look_of = "(e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor])(document.body)"
    assert page.evaluate(look_of) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert not page.is_visible("nav") and page.is_visible(".steps li >> nth=0")


def test_what_is_hostile_stays_text(opened):
    page = opened(open="steps")
    gradient(page)
    elements = set(page.evaluate("[...new Set([...document.querySelectorAll('*')].map(e => e.localName))]"))
    for i, text in enumerate(HOSTILE):
        page.evaluate("t => { input.value = t; state.by = t; state.let = { A: t }; $('mine').value = t; run(); }", text)
        if i % 20 == 0:
            page.evaluate("run()")
            page.wait_for_selector("#input-error:not([hidden]), #types-error:not([hidden])")
    page.wait_for_timeout(300)
    now = set(page.evaluate("[...new Set([...document.querySelectorAll('*')].map(e => e.localName))]"))
    assert now - elements <= {"mark", "p", "pre", "strong", "code"}
    assert page.locator("script").count() == 3
    markup = page.evaluate("""markup => {
        const box = document.createElement('div'); box.append(mathNode(markup));
        return [...box.querySelectorAll('*')].map(e => [e.localName, e.namespaceURI, e.attributes.length]) }""",
        "<mi>x</mi><script>alert(1)</script><img src=x onerror=alert(1)><mi onclick=\"a()\" href>y</mi>")  # fmt: skip
    assert {e[1] for e in markup} == {"http://www.w3.org/1998/Math/MathML"}
    assert not {"script", "img"} & {e[0] for e in markup}
    assert max(e[2] for e in markup[1:]) == 0


@pytest.mark.skipif(not AXE.is_file(), reason="accessibility is checked with axe-core: npm install --no-save axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 375])
def test_axe_finds_no_violation(opened, scheme, width):
    options = {"color_scheme": scheme, "bypass_csp": True, "reduced_motion": "reduce"}
    state = {
        "f": SPD,
        "by": "S",
        "let": "S: n×n spd",
        "open": "steps,verification,convexity,check,code",
        "mine": "inv(C)",
    }
    page = opened(options=options, **state)
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_selector("#source pre")
    page.click("#check")
    page.wait_for_selector("#marks li")
    page.click("#types button")
    page.click("#examples-button")
    found = look(page)
    page.fill("#input", "tr(")
    page.wait_for_selector("#input-error:not([hidden])")
    page.wait_for_timeout(100)
    assert found + look(page) == []


def look(page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    rows = page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 120))]))")
    return [f"{name}: {nodes}" for name, nodes in rows]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if not PYODIDE:
        pytest.skip("the page as files is tested with Pyodide's npm package: MATDIFF_PYODIDE=pyodide-314.0.7.tgz")
    folder = tmp_path_factory.mktemp("site")
    assert run(["web", "build", str(folder), "--pyodide", PYODIDE]) == 0
    return folder


def test_the_page_as_files_answers_without_a_server(browser, site):
    page = browser.new_page()
    asked = []
    page.on("request", lambda r: asked.append(r.url))
    page.goto(f"file://{site}/index.html")
    page.wait_for_selector("#result math", timeout=120_000)
    assert page.evaluate("last.answer.lines.at(-1).text") == "Aᵀ(A x − b)"
    assert "verified: central differences agree" in page.inner_text("#verdict")
    page.fill("#input", "tr(A*X*B)")
    until(page, "last.answer.lines.at(-1).text === 'Aᵀ Bᵀ'", seconds=20)
    assert all(u.startswith(("file://", "blob:")) for u in asked)
    page.close()


def test_the_page_as_files_opens_offline_after_the_first_load(browser, site):
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    page.wait_for_selector("#result math", timeout=120_000)
    page.evaluate("navigator.serviceWorker.ready.then(() => 1)")
    server.shutdown()
    server.server_close()
    page.reload()
    page.wait_for_selector("#result math", timeout=120_000)
    context.close()
