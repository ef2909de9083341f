"""A receiver of alerts on loopback: what a team's chat or pager would be."""

import json
import queue
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Self

from typing_extensions import override

_LONGEST_BODY = 1 << 20  # bytes
_POLL_INTERVAL = 0.05  # seconds


@dataclass(frozen=True, slots=True)
class ReceivedAlert:
    """The text of one alert as it came over HTTP."""

    title: str
    message: str


class AlertReceiver:
    """Takes Apprise ``json://`` messages on a free port of 127.0.0.1 inside a ``with`` block."""

    def __init__(self) -> None:
        """Open the port; messages are taken once the ``with`` block is entered."""
        self._received: queue.Queue[ReceivedAlert] = queue.Queue()
        self._server = HTTPServer(("127.0.0.1", 0), _handler_into(self._received))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_INTERVAL,), daemon=True
        )

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address to give to a channel."""
        return f"json://127.0.0.1:{self._server.server_port}/alerts"

    def wait(self, seconds: float) -> ReceivedAlert | None:
        """Return the next alert, or None if none arrives in that time."""
        try:
            return self._received.get(timeout=seconds)
        except queue.Empty:
            return None


def _handler_into(received: queue.Queue[ReceivedAlert]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Puts every message into the queue."""

        def do_POST(self) -> None:
            """Take one message."""
            length = min(int(self.headers.get("Content-Length", 0)), _LONGEST_BODY)
            message = json.loads(self.rfile.read(length))
            self.send_response(200)
            self.end_headers()
            received.put(ReceivedAlert(str(message["title"]), str(message["message"])))

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Stay silent: the story prints what arrived."""

    return Handler
