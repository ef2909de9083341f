"""A TCP proxy that stops forwarding but keeps its connections: its kernel goes on to ACK (M11)."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_MOST_QUEUED = 20
_CONNECT_SECONDS = 0.3


class FreezingProxy:
    """Forwards to a port of this machine until it is told to freeze.

    ``pace`` is how many seconds 64 KiB are held up.
    """

    pace: float = 0.0

    def __init__(self, target_port: int) -> None:
        self._target = target_port
        self._frozen, self._cut = threading.Event(), threading.Event()
        self._closing = threading.Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def freeze(self) -> None:
        self._frozen.set()

    def cut(self) -> None:
        """Swallow what arrives, as a network that was cut: new connections get no answer either.

        What the kernel has no more room for, it drops without a word; so its queues are filled.
        """
        self._frozen.set()
        self._cut.set()
        self._listener.listen(0)
        for _ in range(_MOST_QUEUED):
            waiting = socket.socket()
            waiting.settimeout(_CONNECT_SECONDS)
            self._sockets.append(waiting)
            try:
                waiting.connect(("127.0.0.1", self.port))
            except TimeoutError:
                return
        raise AssertionError("the kernel goes on to accept connections")

    def close(self) -> None:
        self._closing.set()
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(timeout=5)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._cut.is_set():
                self._sockets.append(client)
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [client, server]
            for source, sink in ((client, server), (server, client)):
                thread = threading.Thread(target=self._forward, args=(source, sink))
                self._threads.append(thread)
                thread.start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if self._frozen.is_set():
                    self._closing.wait()
                    return
                if self.pace:
                    time.sleep(self.pace * len(data) / 65536)
                sink.sendall(data)
            if self._frozen.is_set():
                # An end is not forwarded either: whoever was killed is not missed.
                self._closing.wait()
                return
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            if self._frozen.is_set():
                self._closing.wait()
                return
            # Whoever sends hears that nobody listens any more, as without a proxy. It takes a
            # reset: after `shutdown` the kernel goes on to take what arrives, until it has no
            # more room, and a server that still has something to write waits there for ever.
            with suppress(OSError):
                source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                source.close()


@contextmanager
def freezing_proxy(target_port: int) -> Iterator[FreezingProxy]:
    proxy = FreezingProxy(target_port)
    try:
        yield proxy
    finally:
        proxy.close()
