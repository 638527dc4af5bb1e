"""Who may ask: one API key for everybody, and no open port without one."""

import hmac
import ipaddress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from retrieval.errors import ConfigError
from retrieval.settings import Settings
from service.problems import problem

OPEN_PATHS = frozenset({"/livez", "/judge"})
"""What answers without a key, since it says nothing about what the service holds: that the process
lives, and the empty page on which people judge, which asks for the key itself."""


def is_loopback(host: str) -> bool:
    """Return whether an address is reached from this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def api_key(settings: Settings) -> str | None:
    """Return the key that requests must carry; an empty one is none."""
    return (settings.api_key.get_secret_value() if settings.api_key else "") or None


def check_host(settings: Settings) -> None:
    """Check that nobody else can reach a service without a key. Raises: ConfigError."""
    if not is_loopback(settings.host) and api_key(settings) is None:
        raise ConfigError(
            f"host {settings.host!r} can be reached from other machines, so an API key is needed:"
            " set ASSAY_API_KEY (or api_key in assay.toml), or listen on 127.0.0.1."
        )


class ApiKey:
    """Lets requests through that carry the key as `Authorization: Bearer`; before anything else."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        """Wrap an application."""
        self.app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 401 without reading its body."""
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
            # Compared even when the scheme is wrong, so that every refusal takes the same time.
            same = hmac.compare_digest(given.strip().encode("latin-1"), self._key)
            if scheme.lower() != "bearer" or not same:
                why = "The API key is wrong." if given else "An API key is needed."
                refused = problem(
                    401,
                    f"{why} Send it as 'Authorization: Bearer KEY'.",
                    headers={"WWW-Authenticate": 'Bearer realm="assay"'},
                )
                await refused(scope, receive, send)
                return
        await self.app(scope, receive, send)
