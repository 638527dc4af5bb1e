"""`assay serve`: the service on a port, until it is told to stop."""

import signal
import socket
from concurrent.futures import Future
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.console import note, settings_of

if TYPE_CHECKING:
    import uvicorn

    from retrieval.settings import Settings
    from service.state import State

GRACE_S = 10
BACKLOG = 512
HELLO = """Assay listens on {url}, and answers once its models are loaded.
  read: {url}/docs    ready: {url}/readyz    stop: Ctrl-C"""
READY = """Ready. Indexes: {names}. Ask one:
  curl -s {url}/query -H 'Content-Type: application/json'{key} \\
    -d '{{"query": "How do I ...?", "index": "{index}"}}'"""
EMPTY = "Ready, but there is no index yet: assay ingest PATH --index NAME, or POST {url}/documents."


def serve(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option(help="The address; any but this machine's own needs an API key.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.")] = None,
    access_log: Annotated[bool, typer.Option("--access-log", help="Log every request.")] = False,
) -> None:
    """Serve queries and documents over HTTP; models load while it already listens.

    Ctrl-C and SIGTERM stop it: no new requests, ingestion ends at its next batch, other requests
    get 10 seconds to end. /livez answers at once, /readyz when questions can be answered.

    Example: `assay serve --port 9000`

    Example: `ASSAY_API_KEY=secret assay serve --host 0.0.0.0`
    """
    import uvicorn

    from retrieval.errors import ConfigError
    from service.app import create_app
    from service.auth import check_host
    from service.server import Server

    settings = settings_of(context, host=host, port=port)
    check_host(settings)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        log_level="info" if access_log else "warning",
        access_log=access_log,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = Server(config, app.state.assay.stop)
    with listening(settings) as listener:
        url = url_of(settings.host, listener)
        note(HELLO.format(url=url))
        opening = app.state.assay.opening.begin()
        opening.add_done_callback(lambda done: _opened(done, server, app.state.assay, url))
        # The server raises the signal again once it has stopped in peace: that is no failure.
        signal.signal(signal.SIGTERM, lambda *_: None)
        server.run([listener])
    error = opening.exception() if opening.done() else None
    if isinstance(error, ConfigError):
        raise error


def listening(settings: "Settings") -> socket.socket:
    """Return a socket on the address of the settings. Raises: ConfigError."""
    from retrieval.errors import ConfigError

    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Only a socket that names its protocol is served without Nagle's 40 ms between two packets.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
        return listener
    except OSError as error:
        listener.close()
        why = error.strerror or error
        raise ConfigError(
            f"port: cannot listen on {settings.host}:{settings.port}: {why}. Choose another with"
            " --port; 0 takes a free one."
        ) from error


def url_of(host: str, listener: socket.socket) -> str:
    """Return the address of a listening socket as people type it."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def _opened(opening: "Future[None]", server: "uvicorn.Server", state: "State", url: str) -> None:
    """Say how to ask; stop a service whose settings cannot work. What may pass is tried again."""
    from retrieval.errors import ConfigError
    from service.auth import api_key

    error = opening.exception()
    if isinstance(error, ConfigError):
        server.should_exit = True
    elif error is None:
        names = state.tools.indexes.names()
        key = ' -H "Authorization: Bearer $ASSAY_API_KEY"' if api_key(state.settings) else ""
        said = READY if names else EMPTY
        first = names[0] if names else ""
        note(said.format(names=", ".join(names), url=url, key=key, index=first))
