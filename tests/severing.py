"""A proxy on the loopback interface before a PostgreSQL server, which severs a connection at a chosen message."""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = "127.0.0.1"
# Requests to encrypt come before the message that begins a session, and have no letter of their kind either.
TO_ENCRYPT = (80877103, 80877104)
SENDS_SQL = (b"Q", b"P")
ENDS = (b"Q", b"S")
SENDS_QUERY = b"\x03"
Side = Literal["before", "during", "after"]


@dataclass
class SeveringProxy:
    """A running proxy.

    Attributes:
        begins: What the statement begins with at which the connection is severed, in lower case.
        number: Which of these statements it is, from 1 on.
        side: "before": the server never receives the statement. "during": it has just received it. "after": it has
            executed it, and its answer is lost.
        meanwhile: Called at that moment, while the sender waits.
        is_silent: Whether nobody is let through any more once the connection was severed.
        severed: Set once that has happened.
        seen: How many of these statements there were.
    """

    server: int
    begins: bytes
    number: int = 1
    side: Side = "before"
    meanwhile: Callable[[], object] = lambda: None
    is_silent: bool = False
    severed: Event = field(default_factory=Event)
    port: int = 0
    seen: int = 0

    def url(self, direct: str) -> str:
        """The URL of a database of the server, through the proxy."""
        return direct.replace(f":{self.server}/", f":{self.port}/")

    def serve(self, listener: socket.socket) -> None:
        """Serve until the listener is closed."""
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            if self.is_silent and self.severed.is_set():
                client.close()
                continue
            Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection((HOST, self.server)) as server:
            swallowing = Event()
            back = Thread(target=_pump, args=(server, client, swallowing), daemon=True)
            back.start()
            with suppress(OSError, EOFError):
                self._forward(client, server, swallowing)
            if swallowing.is_set():
                # The server has answered, which the client never learns.
                back.join()
                self.meanwhile()
                self.severed.set()
            for each in (client, server):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _forward(self, client: socket.socket, server: socket.socket, swallowing: Event) -> None:
        is_started = False
        while True:
            kind = _received(client, 1) if is_started else b""
            length = _received(client, 4)
            body = _received(client, int.from_bytes(length, "big") - 4)
            if not is_started:
                is_started = int.from_bytes(body[:4], "big") not in TO_ENCRYPT
            elif kind in SENDS_SQL and self._is_chosen(kind, body):
                if self.side == "after":
                    swallowing.set()
                if self.side != "before":
                    server.sendall(kind + length + body)
                # The server executes what was prepared, and answers, when it is told that no more follows.
                while self.side == "after" and kind not in ENDS:
                    kind, length = _received(client, 1), _received(client, 4)
                    server.sendall(kind + length + _received(client, int.from_bytes(length, "big") - 4))
                if self.side != "after":
                    self.meanwhile()
                    self.severed.set()
                return
            server.sendall(kind + length + body)

    def _is_chosen(self, kind: bytes, body: bytes) -> bool:
        # A statement to prepare is preceded by its name.
        text = body if kind == b"Q" else body.partition(b"\0")[2]
        if not text.lower().startswith(self.begins):
            return False
        self.seen += 1
        return self.seen == self.number


class MysqlSeveringProxy(SeveringProxy):
    """The same before a MySQL or MariaDB server, to which connections are not encrypted."""

    def _forward(self, client: socket.socket, server: socket.socket, swallowing: Event) -> None:
        while True:
            head = _received(client, 4)
            body = _received(client, int.from_bytes(head[:3], "little"))
            if head[3] == 0 and body[:1] == SENDS_QUERY and self._is_chosen(SENDS_SQL[0], body[1:]):
                self.meanwhile()
                if self.side == "before":
                    self.severed.set()
                    return
                swallowing.set()
                server.sendall(head + body)
                return
            server.sendall(head + body)


@contextmanager
def severing_proxy(
    server: int, begins: bytes, make: type[SeveringProxy] | None = None, **options: Any
) -> Iterator[SeveringProxy]:
    """Run a proxy before the server on that port; `make`: of which protocol; options as of `SeveringProxy`."""
    with socket.create_server((HOST, 0)) as listener:
        proxy = (make or SeveringProxy)(server, begins, **options)
        proxy.port = listener.getsockname()[1]
        Thread(target=proxy.serve, args=(listener,), daemon=True).start()
        try:
            yield proxy
        finally:
            # Closing alone would not wake the thread that accepts.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _pump(source: socket.socket, sink: socket.socket, swallowing: Event) -> None:
    """Hand on what the server says; what comes first after `swallowing` is the last that is read."""
    with suppress(OSError):
        while data := source.recv(1 << 16):
            if swallowing.is_set():
                return
            sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def _received(source: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = source.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found
