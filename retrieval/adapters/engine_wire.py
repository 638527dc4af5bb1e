"""What the engine process and its clients say to each other, over a local socket.

A message is its length (8 bytes) and a marshalled tuple of plain values: the fastest form between
two processes of the same user, who alone can reach the socket. A client asks `(operation,
arguments)` and waits for `(OK, answer)` or `(name of an error, text)`. The first question on a
connection is `hello`, answered by `(PROTOCOL, process id)`.
"""

import marshal
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

PROTOCOL = 5
OK = "ok"
LENGTH = struct.Struct("!Q")
LARGEST = 2**30
MARSHAL = 4
"""Readable by every Python from 3.4 on, should two of them share a data directory."""
Ranked = tuple[list[int], list[int], list[float]]
"""What a probe finds: points by the numbers of their ids, their versions, their scores."""
Row = Sequence[Any]
"""A point's id and the values of `points.SHOWN`."""


def packed(message: tuple[Any, ...]) -> bytes:
    """Return a message as it is sent."""
    body = marshal.dumps(message, MARSHAL)
    return LENGTH.pack(len(body)) + body


def unpacked(received: bytearray) -> tuple[Any, ...] | None:
    """Take the first message out of what was received, or return None if it is not whole yet.

    Raises: ValueError for what is no message.
    """
    if len(received) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack_from(received)
    if size > LARGEST:
        raise ValueError(f"a message of {size} bytes")
    end = LENGTH.size + size
    if len(received) < end:
        return None
    with memoryview(received) as view, view[LENGTH.size : end] as body:
        message = loaded(body)
    del received[:end]
    return message


def loaded(body: memoryview | bytearray) -> tuple[Any, ...]:
    """Return the message that a body holds. Raises: ValueError for what is none."""
    try:
        message = marshal.loads(body)
    except (EOFError, TypeError) as error:
        raise ValueError(f"no message: {error}") from error
    if not isinstance(message, tuple) or len(message) != 2:
        raise ValueError("no message: a pair is needed")
    return message


def receive(connection: socket.socket, end: float | None) -> tuple[Any, ...]:
    """Wait for one message until `end` (monotonic; None: for ever).

    Raises: TimeoutError; OSError or EOFError where the other side is gone; ValueError.
    """
    (size,) = LENGTH.unpack(_exactly(connection, LENGTH.size, end))
    if size > LARGEST:
        raise ValueError(f"a message of {size} bytes")
    return loaded(_exactly(connection, size, end))


def _exactly(connection: socket.socket, size: int, end: float | None) -> bytearray:
    received = bytearray(size)
    view = memoryview(received)
    while view:
        connection.settimeout(left(end))
        count = connection.recv_into(view)
        if not count:
            raise EOFError("the connection was closed")
        view = view[count:]
    return received


def left(end: float | None) -> float | None:
    """Return the seconds until `end`. Raises: TimeoutError when there are none."""
    if end is None:
        return None
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
