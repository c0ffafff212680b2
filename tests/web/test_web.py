"""The questions, the processes that answer them, the server and the static page; the page itself is in test_page.py."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import matdiff as md
from matdiff.cli.app import run
from matdiff.web import build, schema, service, view
from matdiff.web.pool import Pool
from matdiff.web.server import LARGEST, POLICY, STATIC, Server

ROOT = Path(__file__).resolve().parents[2]
LONG = {"function": "*".join(f"inv(A_{i} + X)" for i in range(60)), "wrt": "X"}
"""Takes seconds."""
LEAST_SQUARES = {"function": "norm(A*x - b)^2/2", "wrt": "x"}


def asked(name: str, **fields: object) -> dict:
    """The one answer."""
    (found,) = service.ask(name, fields)
    return found


def page(**fields: object) -> dict[str, dict]:
    """The events of the page: the last reading, the answer, parts by their names, an error."""
    found: dict[str, dict] = {}
    for event in service.ask("page", fields):
        found[event.get("name") or event.get("event") or "error"] = event
    return found


# the questions


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        (["norm(A*x - b)^2/2", "--wrt", "x"], LEAST_SQUARES),
        (
            ["logdet(S)", "--wrt", "S", "--let", "S: n×n spd", "--order", "2"],
            {"function": "logdet(S)", "wrt": "S", "declare": ["S: n×n spd"], "order": 2},
        ),
        (["norm(X - U*V')^2", "--wrt", "U,V"], {"function": "norm(X - U*V')^2", "wrt": "U,V"}),
        (["A*x = b for x; c'*x", "--wrt", "A"], {"function": "A*x = b for x; c'*x", "wrt": "A"}),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else "",
)
def test_derive_answers_what_the_command_line_prints(capsys, arguments, fields):
    assert run(["derive", *arguments, "--steps", "--format", "json"]) == 0
    assert asked("derive", **fields) == json.loads(capsys.readouterr().out)


def test_convex_answers_what_the_command_line_prints(capsys):
    assert run(["convex", "x'*y", "--wrt", "x,y", "--format", "json"]) == 0
    found = asked("convex", function="x'*y", wrt="x,y")
    assert found.pop("said").startswith("neither")
    assert found == json.loads(capsys.readouterr().out)


def test_verify_says_what_is_wrong_and_shows_numbers():
    found = asked("verify", function="x'*A*x", wrt="x", claim="2*A*x")
    assert found["passed"] is False
    assert "symmetric" in found["message"]
    assert found["counterexample"].startswith("at A = ")
    assert asked("verify", function="x'*A*x", wrt="x", claim="(A + A')*x")["passed"] is True
    assert asked("verify", function="logdet(X)", wrt="X")["certificate"].startswith("exact")


def test_check_derivation_finds_the_first_wrong_line():
    text = "f = tr(A*X*B)\ndf = tr(A*dX*B)\n   = <A*B, dX>"
    found = asked("check-derivation", derivation=text, wrt="X", declare=["n: 3; X: n×n; A: n×n; B: n×n"])
    assert (found["passed"], found["line"]) == (False, 3)
    assert found["counterexample"]
    assert [row["passed"] for row in found["lines"]] == [True, True, False]


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("derive", {"function": "x'*x"}, "the field wrt is missing"),
        ("derive", {"function": 3, "wrt": "x"}, "function is a text"),
        ("derive", {"function": "x" * 20_001, "wrt": "x"}, "at most 20000"),
        ("derive", {**LEAST_SQUARES, "wrong": 1}, "there is no field wrong"),
        ("derive", {**LEAST_SQUARES, "order": 3}, "order is one of 1, 2"),
        ("derive", {**LEAST_SQUARES, "order": True}, "order is one of 1, 2"),
        ("derive", {**LEAST_SQUARES, "declare": "A: m×n"}, "declare is a list"),
        ("verify", {**LEAST_SQUARES, "seed": -1}, "whole number"),
        ("page", {"function": "x", "parts": ["__class__"]}, "parts is one of"),
        ("derive", [], "a JSON object"),
    ],
)
def test_what_is_no_question_is_refused(name, fields, said):
    (found,) = service.ask(name, fields)
    assert found["error"]["kind"] == "QuestionError"
    assert said in found["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "field", "marked"),
    [
        ({"function": "tr(A*X", "wrt": "X"}, "function", "("),
        ({"function": "tr(A*X)", "wrt": "X", "declare": ["A: 2×3", "X: m×m frob"]}, "declare.1", "frob"),
        ({"function": r"\lVert A x \rVert + \foo", "wrt": "x"}, "function", r"\foo"),
    ],
)
def test_a_refusal_says_in_which_field_and_where(fields, field, marked):
    error = asked("derive", **fields)["error"]
    assert (error["field"], error["text"][slice(*error["span"])]) == (field, marked)
    assert error["hint"] and error["said"].startswith(error["message"])


def test_a_fault_of_matdiff_is_told_as_one(monkeypatch):
    monkeypatch.setitem(service.ANSWERS, "derive", lambda asked: 1 / 0)
    assert asked("derive", **LEAST_SQUARES)["error"]["kind"] == "Fault"


# what the page shows


def test_the_page_chooses_a_variable_and_shows_types():
    found = page(function="norm(A*x - b)^2/2 + λ*norm(w)")
    assert found["reading"]["wrt"] == "x"
    types = {t["name"]: t["said"] for t in found["reading"]["types"]}
    assert types == {"A": "m×n", "x": "n", "b": "m", "λ": "scalar", "w": "p"}
    assert found["answer"]["verification"]["passed"] is True
    assert found["answer"]["lines"][-1]["text"] == "Aᵀ(A x − b)"


def test_declarations_of_the_page_and_of_the_text_are_told_apart():
    found = page(function="A: n×n symmetric; x'*A*x + b'*x", declare=["b: n positive"])
    assert {t["name"]: t["by"] for t in found["reading"]["types"]} == {"A": "text", "x": "", "b": "page"}
    b = next(t for t in found["reading"]["types"] if t["name"] == "b")
    assert (b["kind"], b["sizes"], b["attributes"]) == ("vector", ["n"], ["positive"])


def test_a_variable_that_the_text_has_lost_is_chosen_anew():
    found = page(function="tr(B*Z)", wrt="x")
    assert found["reading"]["wrt"] == "Z" and "answer" in found


def test_a_number_has_nothing_to_differentiate_by():
    assert "no name" in page(function="42")["error"]["error"]["message"]


def test_the_reading_is_shown_where_the_derivative_is_refused():
    found = page(function="b*(b'*x) = b for x; norm(x)^2", wrt="b")
    assert "error" in found and "formula" in found["reading"] and "answer" not in found


@pytest.mark.parametrize(
    "function",
    [
        "norm(A*x - b)^2/2",
        "inv(X)",
        "norm(X - U*V')^2",
        "A*x = b for x; norm(x - y)^2/2",
        "h: n -> p; phi: p -> scalar; phi(h(x))",
        "X: n×p orthonormal; A: n×n symmetric; tr(X'*A*X)",
        "t^2 + exp(t)",
    ],
)
def test_every_part_comes_or_says_why_not(function):
    found = page(function=function, parts=list(schema.PARTS))
    assert "error" not in found
    assert set(schema.PARTS) <= set(found)
    for name in ("copy", "verification"):
        assert "refused" not in found[name], found[name]
    assert found["steps"].get("rows") or found["steps"]["hint"]
    for part in found.values():
        assert "fault of matdiff" not in part.get("refused", "")


def test_steps_say_their_rules_where_they_are_found_and_whether_they_hold():
    rows = page(function="logdet(X'*X)", parts=["steps"])["steps"]["rows"]
    assert all(row["rule"] for row in rows) and all(row["ok"] is True for row in rows)
    assert any(row["proof"].startswith("logdet: Magnus & Neudecker") for row in rows)


def test_the_errors_of_differences_make_a_v():
    plot = page(**LEAST_SQUARES, parts=["verification"])["verification"]["plot"]
    central = next(c for c in plot["curves"] if c["method"] == "central")
    assert len(plot["steps"]) == len(central["errors"])
    errors = [e if e is not None else 1 for e in central["errors"]]
    assert min(errors) < 1e-8 < errors[-1] and 0 < central["best"] < len(errors) - 1


def test_a_wrong_derivative_is_never_shown(monkeypatch):
    wrong = md.derive("x'*A*x", wrt="x").verify(claim="A*x")
    monkeypatch.setattr("matdiff.api.derivation.Derivation.verify", lambda *a, **k: wrong)
    found = page(function="x'*A*x")
    assert "answer" not in found and "failed its verification" in found["error"]["error"]["message"]
    assert "failed its verification" in asked("derive", function="x'*A*x", wrt="x")["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "status", "line"),
    [
        ({**LEAST_SQUARES, "answer": "A'*(A*x - b)"}, "right", None),
        ({**LEAST_SQUARES, "answer": r"\nabla f = A^\top (A x - b)"}, "right", None),
        ({**LEAST_SQUARES, "answer": "A*(A*x - b)"}, "wrong", 1),
        ({**LEAST_SQUARES, "answer": "df = (A*x - b)'*A*dx\n= <A*(A*x - b), dx>"}, "wrong", 2),
        ({**LEAST_SQUARES, "answer": "A'*A", "ask": "hessian"}, "right", None),
        ({**LEAST_SQUARES, "answer": " "}, "missing", None),
        ({"function": "norm(X - U*V')^2", "wrt": "U,V", "answer": "df = -2*<X - U*V', dU*V' + U*dV'>"}, "right", None),
        ({"function": "A*x = b for x; c'*x", "wrt": "b", "answer": "c"}, "wrong", 1),
    ],
)
def test_answers_are_marked(fields, status, line):
    found = asked("check", **fields)
    assert (found["status"], found["line"]) == (status, line)


def test_what_has_no_numpy_says_that_it_is_not_verified():
    code = """
import sys
for name in ("numpy", "scipy", "sympy"): sys.modules[name] = None
from matdiff.web.service import ask
asked = {"function": "logdet(X'*X)", "parts": ["steps", "hessian", "copy", "code", "convexity"]}
found = {e.get("name") or e.get("event") or "error": e for e in ask("page", asked)}
assert found["answer"]["lines"][-1]["text"] == "2X (Xᵀ X)⁻¹", found
assert found["answer"]["verification"]["passed"] is None
assert "not verified" in found["answer"]["verification"]["said"][0]
assert found["steps"]["rows"] and found["hessian"]["lines"] and "∇f" in found["copy"]["texts"]["text"]
assert "not verified" in found["code"]["source"], found["code"]
assert "no NumPy" in found["convexity"]["refused"]
(refused,) = ask("verify", {"function": "x'*x", "wrt": "x"})
assert "needs NumPy" in refused["error"]["message"]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# hostile input: text stays text

SCRIPTS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "</math><script>a</script>",
    "<math><mi href='javascript:alert(1)'>x</mi></math>", "<iframe src=javascript:alert(1)>", "javascript:alert(1)",
    "\"><script>alert(1)</script>", "'-alert(1)-'", "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;",
    "<annotation-xml encoding='text/html'><script>alert(1)</script>", "<style>*{display:none}</style>", "<!--", "]]>",
    r"\href{javascript:alert(1)}{x}", r"\text{<script>alert(1)</script>}", "${alert(1)}", "{{7*7}}", "<%= 7*7 %>",
]  # fmt: skip
PLACES = ["{}", "tr(A*X) + {}", "{}: n×n; tr(A*X)", "norm({}) # {}", "f({})"]
HOSTILE = [place.replace("{}", script) for place in PLACES for script in SCRIPTS]
MARKUP = {"left", "right", "math", "formula", "where"}
ELEMENTS = "mfrac mi mn mo mover mrow mspace msqrt mroot msub msubsup msup mtable mtd mtext mtr munder munderover"


class Tags(HTMLParser):
    """The elements and attributes of a text read as HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def markup(found: object) -> list[str]:
    """Every text of an answer that the page sets as mathematics."""
    if isinstance(found, dict):
        own = [v for k, v in found.items() if k in MARKUP for v in (v if isinstance(v, list) else [v])]
        return [t for t in own if isinstance(t, str)] + [t for v in found.values() for t in markup(v)]
    return [t for v in found for t in markup(v)] if isinstance(found, list) else []


def test_there_are_a_hundred_hostile_inputs():
    assert len(set(HOSTILE)) == 100


@pytest.mark.parametrize("field", ["function", "wrt", "declare", "answer"])
def test_hostile_text_never_becomes_an_element(field):
    for text in HOSTILE:
        fields: dict = {"function": "t*t", "wrt": "t", field: [text] if field == "declare" else text}
        name = "check" if field == "answer" else "page"
        for event in service.ask(name, fields):
            for math in markup(event):
                said = Tags(math)
                assert said.tags <= set(ELEMENTS.split()), (text, math)
                assert said.attributes <= {"mathvariant", "width", "stretchy", "form", "accent"}, (text, math)


def test_the_page_makes_no_html_of_text():
    for file in STATIC.glob("*.js"):
        said = file.read_text(encoding="utf-8")
        assert not re.search(r"(inner|outer)HTML|insertAdjacent|document\.write|\beval\(|new Function|DOMParser", said)
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|\sstyle=|javascript:", html)
    assert "unsafe" not in POLICY and "default-src 'none'" in POLICY


# the processes


@pytest.fixture(scope="module")
def pool():
    found = Pool(processes=2, seconds=10)
    yield found
    found.close()


def test_the_newest_question_of_a_session_counts(pool):
    pool.answer("about", {})
    slow = {**LONG, "parts": ["hessian"]}
    before: list[dict] = []
    old = threading.Thread(target=lambda: before.extend(pool.ask("page", slow, "one")))
    old.start()
    while not pool.newest:
        time.sleep(0.01)
    now = list(pool.ask("page", LEAST_SQUARES, "one"))
    old.join()
    assert now[-1]["event"] == "answer"
    assert before[-1] == {"superseded": True}


def test_what_takes_too_long_is_ended_and_the_next_is_answered():
    pool = Pool(processes=1, seconds=0.2)
    try:
        found = pool.answer("derive", {**LONG, "order": 2})
        assert found["error"]["kind"] == "TooLong"
        assert pool.ended == 1
        pool.seconds = 10
        assert pool.answer("derive", LEAST_SQUARES)["gradient"] == "Aᵀ(A x − b)"
    finally:
        pool.close()
    assert pool.answer("derive", LEAST_SQUARES)["error"]["kind"] == "Closed"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the memory of a process so")
def test_what_takes_too_much_memory_is_refused(tmp_path):
    code = "import io, sys, matdiff.web.worker as w\n" + (
        "def big(asked):\n    bytearray(10**10)\n    yield {}\n"
        "w.ask.__globals__['ANSWERS']['about'] = big\n"
        'w.work(io.StringIO(\'["about", {}]\\n["about", {}]\\n\'), sys.stdout, 2000)'
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ready, error, end = map(json.loads, done.stdout.splitlines())
    assert ready == {"ready": True} and error["error"]["kind"] == "TooLarge" and end["spent"]


# the server


@pytest.fixture(scope="module")
def server():
    found = Server(seconds=10)
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()


def send(server, method: str, path: str, body: bytes | None = None, headers: dict | None = None, host: str = ""):
    """Status, headers and content."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    given = {"Content-Type": "application/json", **(headers or {})}
    if host:
        given["Host"] = host
    connection.request(method, path, body, given)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), content


def post(server, name: str, fields: object, **headers: str):
    status, _, content = send(server, "POST", f"/api/{name}", json.dumps(fields).encode(), headers)
    return status, json.loads(content)


SHEET = """# A sheet
```matdiff
f: tr(A*X*B)
wrt: X
form: A'*B'
```
"""


@pytest.fixture(scope="module")
def sheet(server, tmp_path_factory):
    from matdiff.web.serve import sheet as made

    path = tmp_path_factory.mktemp("sheet") / "lesson one.md"
    path.write_text(SHEET, encoding="utf-8")
    return urlsplit(server.add_sheet(*made(path, None))).path


def test_a_sheet_checks_answers_and_keeps_the_solution(server, sheet):
    pytest.importorskip("latex2mathml", reason="sheets are typeset by the extra worksheet")
    status, headers, content = send(server, "GET", sheet)
    page = content.decode()
    assert status == 200 and "script-src 'self'" in headers["Content-Security-Policy"] and sheet == "/lesson-one.html"
    assert 'data-problem="1">Check</button>' in page and '<script src="sheet.js" defer>' in page and "A'*B'" not in page
    told = []
    for answer in ("A'B'", "gradient = 2*A'*B'", "A'*(B", "<script>alert(1)</script>", ""):
        status, found = post(server, "sheet", {"sheet": sheet, "problem": 1, "answer": answer})
        assert status == 200 and "solution" not in found and "Aᵀ Bᵀ" not in json.dumps(found, ensure_ascii=False)
        told.append((found["status"], found["said"].splitlines()[0]))
    assert told[:3] == [("right", "✓ right"), ("wrong", "✗ wrong"), ("unread", "? not read")]
    assert {status for status, _ in told[3:]} <= {"missing", "unread"}


@pytest.mark.parametrize(
    "asked",
    [
        {"sheet": "/other.html", "problem": 1, "answer": "A"},
        {"problem": 2},
        {"problem": "1"},
        {"problem": True},
        {"answer": ["A"]},
        {"block": "f: x", "sheet": ""},
        [],
    ],
)
def test_there_is_no_other_problem(server, sheet, asked):
    whole = {"sheet": sheet, "problem": 1, "answer": "A", **asked} if isinstance(asked, dict) else asked
    assert post(server, "sheet", whole)[0] == 404


def test_it_is_for_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"


def test_the_page_comes_with_its_policy(server):
    for path in ("/", *(f"/{f.name}" for f in STATIC.iterdir())):
        status, headers, content = send(server, "GET", path)
        assert (status, headers["Content-Security-Policy"]) == (200, POLICY)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert not any(name.lower().startswith("access-control") for name in headers)
        assert content


@pytest.mark.parametrize("path", ["/../pyproject.toml", "/..%2fserver.py", "//etc/passwd", "/static/page.js", "/api"])
def test_there_is_nothing_else(server, path):
    assert send(server, "GET", path)[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", "[::1]"])
def test_another_host_is_refused(server, host):
    """A name that somebody points at this machine (DNS rebinding)."""
    assert send(server, "GET", "/", host=host)[0] == 421
    assert send(server, "POST", "/api/derive", b"{}", host=host)[0] == 421


def test_this_host_is_answered_by_both_its_names(server):
    for name in ("127.0.0.1", "localhost", "LOCALHOST"):
        assert send(server, "GET", "/", host=f"{name}:{server.server_port}")[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_other_pages_may_not_ask(server, headers, status):
    body = json.dumps(LEAST_SQUARES).encode()
    got, said, _ = send(server, "POST", "/api/derive", body, headers)
    assert got == status
    assert not any(name.lower().startswith("access-control") for name in said)
    assert send(server, "OPTIONS", "/api/derive")[0] == 501


def test_questions_are_bounded(server):
    assert send(server, "POST", "/api/derive", b" " * (LARGEST + 1))[0] == 413
    assert send(server, "POST", "/api/derive", b"{")[0] == 400
    assert send(server, "POST", "/api/derive", b"[" * 100_000)[0] == 400
    assert post(server, "derive", {"function": "x" * 30_000, "wrt": "x"})[0] == 400
    assert send(server, "GET", "/" + "a" * 70_000)[0] == 414


def test_statuses_of_questions(server):
    assert post(server, "derive", LEAST_SQUARES)[1]["gradient"] == "Aᵀ(A x − b)"
    assert post(server, "derive", {"function": "tr(A*X", "wrt": "X"})[0] == 422
    assert post(server, "derive", {"wrt": "X"})[0] == 400
    assert post(server, "nothing", {})[0] == 404
    assert send(server, "GET", "/api/derive")[0] == 405


def test_the_openapi_document_has_the_four_questions(server):
    status, _, content = send(server, "GET", "/api/openapi.json")
    found = json.loads(content)
    assert status == 200 and found["openapi"].startswith("3.1")
    assert set(found["paths"]) == {"/api/derive", "/api/verify", "/api/check-derivation", "/api/convex"}
    for path, item in found["paths"].items():
        told = item["post"]["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
        name = path.removeprefix("/api/")
        example = dict(LEAST_SQUARES)
        if name == "check-derivation":
            example = {"derivation": "f = x'*x\ndf = 2*x'*dx", "wrt": "x"}
        if name == "derive":
            told |= {"hessian_steps": {}, "further_steps": {}}
        assert set(post(server, name, example)[1]) <= set(told), name


def test_two_hundred_sessions_lose_nothing(server):
    found: list[tuple[int, str]] = []

    def one(i: int) -> None:
        asked = {"function": f"norm(A*x - b)^2/{i % 20 + 2}", "wrt": "x"}
        _, _, content = send(server, "POST", "/api/page", json.dumps(asked).encode(), {"X-Session": f"s{i}"})
        found.append((i, json.loads(content.splitlines()[-1])["event"]))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(200)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(found) == [(i, "answer") for i in range(200)]


def test_serve_runs_until_it_is_told_to_leave():
    command = [sys.executable, "-m", "matdiff", "serve", "--json", "--no-browser", "--processes", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/api/openapi\.json", url)[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/")
        assert connection.getresponse().status == 404, "with --json there is no page"
        connection.close()
        assert run(["serve", "--port", str(port), "--no-browser"]) == 2
        process.terminate()
        assert process.wait(20) == 0


# the tools


def test_the_tools_by_the_protocols_own_client():
    pytest.importorskip("mcp", reason="the tools need the package mcp (the extra mcp)")
    import asyncio

    from mcp import ClientSession, StdioServerParameters, stdio_client

    async def talk():
        parameters = StdioServerParameters(command=sys.executable, args=["-m", "matdiff", "mcp", "--seconds", "20"])
        async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
            await session.initialize()
            tools = {t.name: t for t in (await session.list_tools()).tools}
            assert {n: t.input_schema for n, t in tools.items()} == {n: q.schema for n, q in schema.QUESTIONS.items()}
            right = await session.call_tool("derive", LEAST_SQUARES)
            claim = await session.call_tool("verify", {"function": "x'*A*x", "wrt": "x", "claim": "2*A*x"})
            lines = {"derivation": "f = x'*x\ndf = x'*dx", "wrt": "x"}
            derivation = await session.call_tool("check-derivation", lines)
            convex = await session.call_tool("convex", LEAST_SQUARES)
            wrong = await session.call_tool("derive", {"function": "tr(A*X", "wrt": "X"})
            return right, claim, derivation, convex, wrong

    right, claim, derivation, convex, wrong = asyncio.run(talk())
    assert right.structured_content["gradient"] == "Aᵀ(A x − b)"
    assert json.loads(right.content[0].text) == right.structured_content
    assert claim.structured_content["passed"] is False
    assert derivation.structured_content["line"] == 2
    assert convex.structured_content["verdict"] == "convex"
    assert wrong.is_error and "unclosed" in wrong.content[0].text


def test_without_the_protocols_package_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mcp.server.stdio", None)
    assert run(["mcp"]) == 2
    assert "matdiff[mcp]" in capsys.readouterr().err


# the page as files


@pytest.fixture
def pyodide(tmp_path):
    """A folder that looks like Pyodide's npm package."""
    folder = tmp_path / "package"
    folder.mkdir()
    for name in build.RUNTIME:
        (folder / name).write_bytes(b"\x00runtime")
    (folder / "package.json").write_text('{"version": "314.0.7"}')
    lock = {"info": {"python": "3.14"}, "packages": {"numpy": {"file_name": "numpy.whl"}}}
    (folder / "pyodide-lock.json").write_text(json.dumps(lock))
    return folder


def test_the_static_page_has_all_it_needs_and_asks_no_other_host(tmp_path, pyodide, monkeypatch, capsys):
    monkeypatch.setattr(build, "image", lambda source, python: bool((python / "memory.gz").write_bytes(b"\x1f\x8b")))
    site = tmp_path / "site"
    assert run(["web", "build", str(site), "--pyodide", str(pyodide)]) == 0
    assert "no other host" in capsys.readouterr().out
    names = {p.name for p in site.iterdir()}
    assert {f.name for f in STATIC.iterdir()} | {"engine.js", "offline.js", "python"} == names
    listed = json.loads(re.search(r"const FILES = (\[.*\]);", (site / "engine.js").read_text())[1])
    for name in listed:
        assert (site / "python" / name).is_file()
        assert (site / "python" / f"{name}.js").read_text().startswith(f'payload("{name}", "')
    kept = json.loads(re.search(r"const FILES = (\[.*\]);", (site / "offline.js").read_text())[1])
    assert all((site / path).exists() for path in kept)
    assert json.loads((site / "python" / "lock.json").read_text())["packages"] == {}
    assert build.hosts(site) == set()
    first = json.loads(re.search(r"const KNOWN = (\{.*\});", (site / "engine.js").read_text())[1])
    (page, _) = first
    assert f'input.value = "{json.loads(page)[1]["function"]}"' in (site / "page.js").read_text()
    assert [e["event"] for e in first[page]][-2:] == ["answer", "part"]
    assert first[page][-2]["verification"]["passed"] is True
    html = (site / "index.html").read_text()
    assert "Content-Security-Policy" in html and "unsafe-inline" not in html
    inside = zipfile.ZipFile(site / "python" / "matdiff.zip").namelist()
    assert {
        "matdiff/web/service.py",
        "matdiff/cli/derive.py",
        "matdiff/grammar/expression.json",
        "click/core.py",
        "numpy/__init__.py",
        "scipy/__init__.py",
    } <= set(inside)
    assert not any("/static/" in name or "__pycache__" in name for name in inside)


VERIFIED = [
    ("norm(A*x - b)^2/2", ""),
    ("logdet(X'*X)", ""),
    ("tr(A*inv(X)) + det(X)", ""),
    ("inv(X)", ""),
    ("X'*A*X", ""),
    ("lambda_max(S)", "S: n×n symmetric"),
    ("tr(expm(X))", ""),
    ("tr(A*sqrtm(X))", "X: n×n spd"),
    ("nuclear(X)", "X: 3×2"),
    ("lgamma(t) + erf(t)", "t: scalar positive"),
    ("sum(log(1 .+ exp(X*w)))", ""),
    ("A*x = b for x; c'*x", ""),
]
WRONG = [("x'*A*x", "x", "2*A*x"), ("logdet(X)", "X", "inv(X)"), ("sum(exp(x))", "x", "exp(-x)")]


def test_what_the_small_numpy_lacks_is_no_fault(monkeypatch):
    """An answer that it cannot mark, a plot or a verdict that it cannot make."""

    def lacking(*args: object) -> object:
        raise TypeError("not here")

    monkeypatch.setattr(view.numbers, "SMALL", True)
    monkeypatch.setattr(view.numbers, "judgement", lacking)
    monkeypatch.setattr(view.numbers, "study", lacking)
    monkeypatch.setattr("matdiff.api.derivation.Derivation.convexity", property(lacking))
    assert asked("check", **LEAST_SQUARES, answer="A")["error"]["message"].startswith("not verified here")
    found = page(**LEAST_SQUARES, parts=["verification", "convexity"])
    assert found["verification"]["plot"] is None and found["convexity"]["refused"].startswith("not verified here")
    assert page(function="tr(A*X")["error"]["error"]["kind"] == "ParseError", "what is typed wrong is told as ever"


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """What was packed, asked by a Python that has nothing else, and not what Python for browsers lacks."""
    archive = tmp_path_factory.mktemp("packed") / "matdiff.zip"
    archive.write_bytes(build.archive())

    def ask_packed(questions: list[tuple[str, dict]]) -> list[list[dict]]:
        code = (
            "import sys, json, time; sys.path[:] = [sys.argv[1], *(p for p in sys.path if 'site-packages' not in p)]\n"
            "del time.thread_time, time.thread_time_ns\n"
            "from matdiff.web.service import ask\n"
            "print(sys.modules['matdiff'].__file__)\n"
            "for name, asked in json.load(sys.stdin): print(json.dumps(list(ask(name, asked))))"
        )
        command = [sys.executable, "-I", "-c", code, str(archive)]
        done = subprocess.run(command, input=json.dumps(questions), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        place, *lines = done.stdout.splitlines()
        assert str(archive) in place
        return list(map(json.loads, lines))

    return ask_packed


def test_what_was_packed_verifies_by_itself(packed):
    """With the small NumPy: the same verdicts, marks and curves."""
    parts = ["steps", "hessian", "verification", "convexity"]
    asked = [("page", {"function": f, "declare": [d] if d else [], "parts": parts[:2]}) for f, d in VERIFIED]
    page, *rest = packed([("page", {"function": "norm(A*x - b)^2/2", "parts": parts}), *asked[1:]])
    for (function, _), events in zip(VERIFIED[1:], rest, strict=True):
        found = {e.get("name") or e.get("event") or "error": e for e in events}
        assert found["answer"]["verification"]["passed"] is True, (function, found["answer"]["verification"])
        assert all(row["ok"] is not False for row in found["steps"].get("rows", ())), (function, found["steps"])
        assert "refused" not in found["steps"], (function, found["steps"])
    found = {e.get("name") or e.get("event"): e for e in page}
    assert [row["ok"] for row in found["steps"]["rows"]] == [True] * len(found["steps"]["rows"])
    assert min(c["best"] for c in found["verification"]["plot"]["curves"]) < 1e-6
    assert found["convexity"]["headline"].startswith("convex")


def test_what_was_packed_finds_wrong_answers(packed):
    asked = [("check", {"function": f, "wrt": x, "answer": claim}) for f, x, claim in WRONG]
    assert [events[-1]["status"] for events in packed(asked)] == ["wrong", "layout", "wrong"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("package.json", '{"version": "0.29.0"}', "this is Pyodide 0.29.0"),
        ("pyodide.mjs", None, "pyodide.mjs is missing"),
    ],
)
def test_another_package_is_refused(tmp_path, pyodide, capsys, name, content, said):
    (pyodide / name).unlink() if content is None else (pyodide / name).write_text(content)
    assert run(["web", "build", str(tmp_path / "site"), "--pyodide", str(pyodide)]) == 2
    assert said in capsys.readouterr().err


def test_other_wheels_are_refused(tmp_path, pyodide, capsys):
    wheel = tmp_path / "numpy-2.4.0-cp314-cp314-manylinux_2_27_x86_64.whl"
    wheel.touch()
    assert run(["web", "build", str(tmp_path / "site"), "--pyodide", str(pyodide), "--wheel", str(wheel)]) == 2
    assert "no wheel for browsers" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("node") is None, reason="node, which reads the scripts, is not installed")
@pytest.mark.parametrize("file", [*STATIC.glob("*.js"), *build.OFFLINE.glob("*.js")], ids=lambda f: f.name)
def test_the_scripts_can_be_read(file):
    subprocess.run(["node", "--check", str(file)], check=True, capture_output=True)
