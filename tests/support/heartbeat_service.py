"""A service like Healthchecks on loopback: it keeps what it is told, and can misbehave."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from orchestrator.model.secret import Secret

TOKEN = "0c8983c9-9d73-446f-adb5-0641fdacc9d4"


@dataclass
class HeartbeatService:
    """Keeps path and body of each POST; answers with ``status``, ``headers``, after ``let_go``."""

    server: ThreadingHTTPServer
    received: list[tuple[str, str]] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    let_go: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> Secret:
        host, port = self.server.server_address[:2]
        return Secret(f"http://{host!s}:{port}/{TOKEN}", "${env:BEAT}")

    @property
    def verdicts(self) -> list[tuple[bool, str]]:
        return [(path == f"/{TOKEN}", body) for path, body in self.received]


@contextmanager
def heartbeat_service() -> Iterator[HeartbeatService]:
    """A service that lasts for the ``with`` block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            service.received.append((self.path, body))
            service.let_go.wait(30)
            self.send_response(service.status)
            for name, value in service.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        service = HeartbeatService(server)
        service.let_go.set()
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield service
        finally:
            service.let_go.set()
            server.shutdown()
            thread.join()
