"""A small pooler: clients share sessions of a server, as they do behind PgBouncer.

In transaction mode a session goes back to the pool as soon as no transaction is open in it; in
session mode only when its client goes. It knows as much of the protocol as that takes.
"""

import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from queue import LifoQueue
from typing import IO

import psycopg

_SSL_REQUEST = 80877103
_GSS_REQUEST = 80877104
_INVENTED_PID = 4_000_000
_TOLD = ("server_version", "server_encoding", "client_encoding", "standard_conforming_strings")
_MORE = ("DateStyle", "TimeZone", "integer_datetimes", "is_superuser", "session_authorization")


class PoolingProxy:
    """Lends sessions of one database, the one that was given back last first."""

    def __init__(self, url: str, *, sessions: int, by_transaction: bool) -> None:
        self._by_transaction = by_transaction
        self._owners = [psycopg.connect(url, sslmode="disable") for _ in range(sessions)]
        self._pool: LifoQueue[socket.socket] = LifoQueue()
        self._sockets: list[socket.socket] = []
        for owner in self._owners:
            session = socket.socket(fileno=os.dup(owner.pgconn.socket))
            session.setblocking(True)
            self._sockets.append(session)
            self._pool.put(session)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for _ in self._threads:
            self._pool.put(self._listener)
        for thread in self._threads:
            thread.join(timeout=5)
        for owner in self._owners:
            owner.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError, EOFError), closing(client), client.makefile("rb") as said:
            if not _greeted(said, client):
                return
            client.sendall(_message(b"R", struct.pack("!i", 0)) + self._parameters())
            self._answer(said, client)

    def _parameters(self) -> bytes:
        known = self._owners[0].info
        texts = {name: known.parameter_status(name) or "" for name in (*_TOLD, *_MORE)}
        told = [f"{name}\0{text}\0".encode() for name, text in texts.items()]
        key = _message(b"K", struct.pack("!ii", _INVENTED_PID + len(self._threads), 0))
        return b"".join(_message(b"S", one) for one in told) + key + _message(b"Z", b"I")

    def _answer(self, said: IO[bytes], client: socket.socket) -> None:
        lent: socket.socket | None = None
        try:
            while (asked := _read(said))[0] != b"X":
                lent = lent or self._pool.get()
                lent.sendall(_message(*asked))
                if asked[0] not in b"QS":
                    continue
                if _passed_on(lent, client) == b"I" and self._by_transaction:
                    self._pool.put(lent)
                    lent = None
        finally:
            if lent is not None:
                for statement in (b"ROLLBACK\0", b"DISCARD ALL\0"):
                    lent.sendall(_message(b"Q", statement))
                    _passed_on(lent, None)
                self._pool.put(lent)


def _greeted(said: IO[bytes], client: socket.socket) -> bool:
    """Read the start of a session; a request to cancel something is none."""
    while True:
        size = struct.unpack("!i", _exactly(said, 4))[0]
        body = _exactly(said, size - 4)
        code = struct.unpack("!i", body[:4])[0]
        if code not in (_SSL_REQUEST, _GSS_REQUEST):
            return bool(code >> 16 == 3)
        client.sendall(b"N")


def _passed_on(session: socket.socket, client: socket.socket | None) -> bytes:
    """Pass on what a session says until it is ready; return whether a transaction is open."""
    with session.makefile("rb", buffering=0) as says:
        while True:
            kind, body = _read(says)
            if client is not None:
                client.sendall(_message(kind, body))
            if kind == b"Z":
                return body


def _read(stream: IO[bytes]) -> tuple[bytes, bytes]:
    kind = _exactly(stream, 1)
    size = struct.unpack("!i", _exactly(stream, 4))[0]
    return kind, _exactly(stream, size - 4)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


@contextmanager
def pooling_proxy(url: str, *, by_transaction: bool, sessions: int = 4) -> Iterator[PoolingProxy]:
    proxy = PoolingProxy(url, sessions=sessions, by_transaction=by_transaction)
    try:
        yield proxy
    finally:
        proxy.close()
