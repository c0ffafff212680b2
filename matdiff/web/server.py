"""The page and the questions by HTTP, for this machine alone: the standard library's server before the pool.

What another page in the browser may try is refused: a Host that is not this one (DNS rebinding), an Origin that is
another, a question that is not JSON (which a form could send).  There are no CORS headers.
"""

from __future__ import annotations

import json
import mimetypes
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from matdiff import __version__
from matdiff.web.pool import MEGABYTES, SECONDS, Pool
from matdiff.web.schema import PAGE, QUESTIONS, openapi

LARGEST = 256_000
"""Bytes of a question."""
IDLE = 60.0
"""Seconds after which a connection on which nothing is said is closed."""
WAITING = 512
"""Connections that may wait to be taken."""
CONNECTIONS = 1024
"""Connections at a time, each with a thread."""
ADDRESS = "127.0.0.1"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""No script but the page's own files, none inside HTML, and no text that becomes HTML."""
SHEET = POLICY.replace("style-src 'self'", "style-src 'unsafe-inline'")
"""Of a sheet, which has its style in it."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
}
STATIC = Path(__file__).with_name("static")
JSON = "application/json; charset=utf-8"
LINES = "application/x-ndjson; charset=utf-8"
STATUS = {"QuestionError": 400, "TooLong": 503, "TooLarge": 503, "Died": 503, "Busy": 503, "Closed": 503, "Fault": 500}
"""Of a refused question; every other refusal is 422: the input was wrong."""
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}


def page_files() -> dict[str, tuple[str, bytes]]:
    """The page's files by their paths: content type and content."""
    found = {}
    for file in STATIC.iterdir():
        suffix = file.name[file.name.rfind(".") :]
        kind = TYPES.get(suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        found[f"/{file.name}"] = kind, file.read_bytes()
    return {"/": found["/index.html"], **found}


class Server(ThreadingHTTPServer):
    """The page (unless `page` is false), the questions and their OpenAPI document, on a port of 127.0.0.1; 0: any."""

    daemon_threads = True
    request_queue_size = WAITING

    def __init__(
        self, port: int = 0, page: bool = True, processes: int = 2, seconds: float = SECONDS, megabytes: int = MEGABYTES
    ) -> None:
        super().__init__((ADDRESS, port), Handler)
        self.pool = Pool(processes, seconds, megabytes)
        self.files = page_files() if page else {}
        self.sheets: dict[str, dict[int, str]] = {}
        """The blocks of the problems of each sheet, by its path."""
        self.document = json.dumps(openapi(__version__), ensure_ascii=False, indent=2).encode()
        self.room = threading.BoundedSemaphore(CONNECTIONS)

    def add_sheet(self, name: str, content: bytes, blocks: Mapping[int, str]) -> str:
        """Serve a sheet whose answers may be checked; its address."""
        taken = {*self.sheets, *self.files}
        path = next(p for p in (f"/{name}{i}.html" for i in ("", *(f"-{k}" for k in range(2, 1000)))) if p not in taken)
        self.sheets[path] = dict(blocks)
        self.files[path] = "text/html; charset=utf-8", content
        return f"{self.url}{path[1:]}"

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_port}/"

    @property
    def hosts(self) -> frozenset[str]:
        """What the Host header may say."""
        names = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}
        return frozenset(names | ({ADDRESS, "localhost"} if self.server_port == 80 else set()))

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self.room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that leaves in the middle is no error."""

    def server_close(self) -> None:
        super().server_close()
        self.pool.close()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    server_version = "matdiff"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = IDLE
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if not self.admitted():
            return
        path = urlsplit(self.path).path
        if path == "/api/openapi.json":
            self.send(200, JSON, self.server.document)
        elif path in self.server.files:
            kind, content = self.server.files[path]
            self.send(200, kind, content, {"Content-Security-Policy": SHEET} if path in self.server.sheets else {})
        elif path.removeprefix("/api/") in {*QUESTIONS, *PAGE}:
            self.refuse(405, "questions are sent by POST, as JSON")
        else:
            self.refuse(404, "there is nothing here")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        name = urlsplit(self.path).path.removeprefix("/api/")
        if not self.admitted():
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or len(length) > 12:
            self.refuse(411, "the length of the question is missing", close=True)
        elif int(length) > LARGEST:
            self.refuse(413, f"a question has at most {LARGEST // 1000} kB", close=True)
        elif self.headers.get_content_type() != "application/json":
            self.rfile.read(int(length))
            self.refuse(415, "a question is application/json")
        else:
            self.question(name, self.rfile.read(int(length)))

    def question(self, name: str, body: bytes) -> None:
        if name not in QUESTIONS and not (name in PAGE and self.server.files):
            self.refuse(404, "there is nothing here")
            return
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            self.refuse(400, "the question is not JSON")
            return
        if name == "sheet":
            self.sheet(asked)
            return
        if name in QUESTIONS:
            found = self.server.pool.answer(name, asked)
            self.tell(STATUS.get(found["error"]["kind"], 422) if "error" in found else 200, found)
            return
        session = self.headers.get("X-Session", "")[:64]
        # The page asks by several boxes at a time; of each only the newest question counts.
        self.stream(self.server.pool.ask(name, asked, f"{session}/{name}" if session else ""))

    def sheet(self, asked: Any) -> None:
        """An answer to a problem of a sheet, which the sheet's path and the number say."""
        known = asked if isinstance(asked, dict) else {}
        path, number, answer = (known.get(key) for key in ("sheet", "problem", "answer"))
        blocks = self.server.sheets.get(path, {}) if isinstance(path, str) else {}
        block = blocks.get(number) if type(number) is int else None
        if block is None or not isinstance(answer, str):
            self.refuse(404, "there is no such problem")
            return
        found = self.server.pool.answer("sheet", {"block": block, "problem": number, "answer": answer})
        self.tell(STATUS.get(found["error"]["kind"], 422) if "error" in found else 200, found)

    def admitted(self) -> bool:
        """Is it this page that asks, or a program on this machine?  Answers what is not."""
        hosts = self.headers.get_all("Host", [])
        origin = self.headers.get("Origin")
        site = self.headers.get("Sec-Fetch-Site", "none")
        if len(hosts) != 1 or hosts[0].lower() not in self.server.hosts:
            self.refuse(421, f"this is {self.server.url}, and nothing else", close=True)
            return False
        if origin is not None and urlsplit(origin).netloc.lower() not in self.server.hosts:
            self.refuse(403, "another page may not ask here", close=True)
            return False
        if self.command == "POST" and site not in ("same-origin", "none"):
            self.refuse(403, "another page may not ask here", close=True)
            return False
        if self.headers.get("Transfer-Encoding"):
            self.refuse(411, "the length of the question is missing", close=True)
            return False
        return True

    def send(self, status: int, kind: str, content: bytes, headers: Mapping[str, str] = {}) -> None:
        self.head(status, {"Content-Type": kind, "Content-Length": str(len(content)), **headers})
        if self.command != "HEAD":
            self.wfile.write(content)

    def tell(self, status: int, found: dict[str, Any]) -> None:
        self.send(status, JSON, json.dumps(found, ensure_ascii=False).encode())

    def refuse(self, status: int, why: str, close: bool = False) -> None:
        self.close_connection = self.close_connection or close
        found = {"error": {"kind": HTTPStatus(status).phrase, "message": why, "hint": "", "said": why}}
        self.tell(status, found)

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, **headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def stream(self, events: Iterable[dict[str, Any]]) -> None:
        """A line for each event, as it comes."""
        self.head(200, {"Content-Type": LINES, "Transfer-Encoding": "chunked"})
        for line in chunks(events):
            self.wfile.write(line)
            self.wfile.flush()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the library itself refuses: words of no request come back as HTML."""
        self.close_connection = True
        self.requestline = getattr(self, "requestline", "")
        self.command = getattr(self, "command", None) or "GET"
        self.request_version = "HTTP/1.1"
        self.refuse(code, HTTPStatus(code).phrase)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing that was typed is written down."""


def chunks(events: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    for event in events:
        line = json.dumps(event, ensure_ascii=False).encode() + b"\n"
        yield b"%x\r\n%b\r\n" % (len(line), line)
    yield b"0\r\n\r\n"


def free(port: int) -> bool:
    """May a server be bound to this port?"""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((ADDRESS, port))
        except OSError:
            return False
    return True
