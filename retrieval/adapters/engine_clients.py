"""The clients of the engine process: their connections, and whose question is next.

Nothing here waits: a client that sends or reads slowly, or not at all, delays nobody.
"""

import selectors
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from retrieval.adapters import engine_wire

WRITES = frozenset({"create", "drop", "stage", "replace", "describe", "flush", "optimize"})
LONGEST_WAIT_S = 0.5
"""A write that waits longer goes before the searches, or its turn might never come."""
FIRST_S = 5.0
"""How long the first client may take to come, beyond the linger time."""
BLOCK = 2**20


@dataclass(eq=False)
class Client:
    """One connection: what it sent, what it has still to be sent, and its question."""

    connection: socket.socket
    received: bytearray = field(default_factory=bytearray)
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    question: tuple[str, tuple[Any, ...]] | None = None
    since: float = 0.0

    @property
    def writes(self) -> bool:
        """Whether its question changes an index."""
        return self.question is not None and self.question[0] in WRITES


class Clients:
    """All connections of the process."""

    def __init__(self, selector: selectors.BaseSelector, listener: socket.socket) -> None:
        """Watch the listener; whoever watches the selector calls what is registered with it."""
        self._selector = selector
        self._listener = listener
        self._connected: set[Client] = set()
        self._asking: list[Client] = []
        self.alone_since: float | None = time.monotonic() + FIRST_S
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ, self._accept)

    @property
    def count(self) -> int:
        """How many are connected."""
        return len(self._connected)

    @property
    def asking(self) -> bool:
        """Whether a question waits for its answer."""
        return bool(self._asking)

    def next(self) -> Client | None:
        """Take the oldest question out of the queue, searches before writes."""
        if not self._asking:
            return None
        late = time.monotonic() - LONGEST_WAIT_S
        found = min(self._asking, key=lambda each: (each.writes and each.since > late, each.since))
        self._asking.remove(found)
        return found

    def reply(self, client: Client, reply: bytes) -> None:
        """Answer a client, if it is still there."""
        client.question = None
        client.unsent = memoryview(reply)
        self._send(client)

    def close(self) -> None:
        """Let nobody in any more, and hang up."""
        self._selector.unregister(self._listener)
        self._listener.close()
        for client in list(self._connected):
            self._leave(client)

    def _accept(self, events: int) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        client = Client(connection)
        self._connected.add(client)
        self.alone_since = None
        self._selector.register(
            connection, selectors.EVENT_READ, lambda happened: self._serve(client, happened)
        )

    def _serve(self, client: Client, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._send(client)
        if events & selectors.EVENT_READ and client in self._connected:
            self._receive(client)

    def _receive(self, client: Client) -> None:
        try:
            data = client.connection.recv(BLOCK)
            client.received += data
            question = engine_wire.unpacked(client.received) if client.question is None else None
        except BlockingIOError:
            return
        except (OSError, ValueError):
            self._leave(client)
            return
        if not data:
            self._leave(client)
        elif question is not None:
            client.question = question
            client.since = time.monotonic()
            self._asking.append(client)

    def _send(self, client: Client) -> None:
        """Send what the connection takes now, and the rest when it takes more."""
        if client not in self._connected:
            return
        try:
            while client.unsent:
                client.unsent = client.unsent[client.connection.send(client.unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._leave(client)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
        known = self._selector.get_key(client.connection)
        if known.events != events:
            self._selector.modify(client.connection, events, known.data)

    def _leave(self, client: Client) -> None:
        """Forget a client: its search is not made any more, its write is."""
        self._selector.unregister(client.connection)
        client.connection.close()
        self._connected.discard(client)
        if not self._connected:
            self.alone_since = time.monotonic()
        if client in self._asking and not client.writes:
            self._asking.remove(client)
