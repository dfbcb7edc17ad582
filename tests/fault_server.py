"""A local web server that plays the faults of real ones; the address says which."""

import random
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = random.Random(0).randbytes(300_000)
WRONG = bytes(reversed(BODY))  # the right length
PAGE = b"<!DOCTYPE html><title>Sign in</title>"

REPLIES = {  # status, body, promised length
    "good": (200, BODY, len(BODY)),
    "wait": (200, BODY, len(BODY)),  # once `resume` is set
    "packing": (200, BODY, len(BODY)),  # calls a .gz file "gzip-encoded" for clients that unpack
    "missing": (404, PAGE, len(PAGE)),
    "broken": (503, PAGE, len(PAGE)),
    "page": (200, PAGE, len(PAGE)),
    "short": (200, BODY[:1000], 1000),
    "cut": (200, BODY[:1000], len(BODY)),
    "long": (200, BODY + b"!", len(BODY) + 1),
    "wrong": (200, WRONG, len(WRONG)),
    "stall midway": (200, BODY[: len(BODY) // 2], len(BODY)),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        fault = self.path.split("/")[1].replace("-", " ")
        self.server.requests[fault] += 1
        if fault in ("stall", "wait"):
            self.server.resume.wait(20)
        if fault == "broken once":
            fault = "broken" if self.server.requests[fault] == 1 else "good"
        if fault in REPLIES:  # else the connection is closed without a word
            self.reply(*REPLIES[fault])
        if fault == "stall midway":
            self.server.resume.wait(20)

    def reply(self, status: int, body: bytes, promised: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(promised))
        if "packing" in self.path and "gzip" in self.headers.get("Accept-Encoding", ""):
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *args) -> None:
        pass


class FaultServer(ThreadingHTTPServer):
    """`requests` counts what was asked for; `resume` lets the stalled answers go on."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: Counter[str] = Counter()
        self.resume = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, fault: str) -> str:
        port = self.server_port if fault != "refused" else free_port()
        scheme = "https" if fault == "no tls" else "http"
        return f"{scheme}://127.0.0.1:{port}/{fault.replace(' ', '-')}/images.gz"

    def stop(self) -> None:
        self.resume.set()
        self.shutdown()
        self.server_close()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
