"""The server of `assay serve`: what runs hears of a stop at its beginning, not at its end."""

import socket
from collections.abc import Callable

import uvicorn


class Server(uvicorn.Server):
    """A server that says it stops before it waits for the requests that run.

    The end of the application's lifespan comes too late for that: by then they have ended, or were
    cancelled.
    """

    def __init__(self, config: uvicorn.Config, stop: Callable[[], None]) -> None:
        """Serve what `config` says; `stop` is called once the server is told to stop."""
        super().__init__(config)
        self._stop = stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Call `stop`, let running requests end, cancel those that last too long."""
        self._stop()
        await super().shutdown(sockets)
