"""Real servers on loopback that take alerts, refuse them, or hang."""

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from typing_extensions import override


class Webhook(ThreadingHTTPServer):
    """Answers every POST with one status, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self, status: int = 200, location: str | None = None, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), WebhookRequest)
        self.status, self.location = status, location
        self.messages: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.answer = b"ok"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class WebhookRequest(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = cast("Webhook", self.server)
        length = int(self.headers["Content-Length"])
        server.requests.append(f"{self.command} {self.path}")
        server.messages.append(json.loads(self.rfile.read(length)))
        self.send_response(server.status)
        if server.location is not None:
            self.send_header("Location", server.location)
        self.send_header("Content-Length", str(len(server.answer)))
        self.end_headers()
        self.wfile.write(server.answer)

    def do_GET(self) -> None:
        cast("Webhook", self.server).requests.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def a_webhook(status: int = 200, location: str | None = None, port: int = 0) -> Iterator[Webhook]:
    with Webhook(status, location, port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def a_port_that_hangs() -> Iterator[str]:
    """A listener whose kernel completes connections that nobody ever answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def a_port_that_refuses() -> Iterator[str]:
    """A port that is taken, so that nobody else gets it, but does not listen."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{holder.getsockname()[1]}"


class Mailbox:
    """Keeps the messages that an SMTP server took, and whether they came encrypted."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.encrypted: list[bool] = []

    async def handle_DATA(self, _server: object, session: Any, envelope: Any) -> str:  # noqa: ANN401, N802 - aiosmtpd's names and untyped values
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.messages.append(cast("EmailMessage", message))
        self.encrypted.append(session.ssl is not None)
        return "250 OK"


@contextmanager
def a_mail_server(**options: Any) -> Iterator[tuple[Mailbox, str]]:  # noqa: ANN401 - aiosmtpd's
    mailbox = Mailbox()
    # Port 0 lets the system choose; aiosmtpd's own readiness probe would connect to port 0.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield mailbox, f"127.0.0.1:{port}"
    finally:
        controller.stop()


def make_certificate(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 that signs itself; its key lies beside it."""
    certificate = folder / "certificate.pem"
    openssl = shutil.which("openssl")
    assert openssl is not None, "openssl is needed to make a certificate"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=alerts", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(certificate.with_suffix(".key")), "-out", str(certificate)],
        check=True, capture_output=True, timeout=20,
    )  # fmt: skip
    return certificate


def with_starttls(certificate: Path) -> dict[str, object]:
    """Return the options of a mail server that takes nothing before STARTTLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return {"tls_context": context, "require_starttls": True}
