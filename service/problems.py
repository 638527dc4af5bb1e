"""Errors as `application/problem+json` (RFC 9457): what is wrong, in which field, what is allowed.

Every answer that is not a success is made here, from the project's own errors, from the router's,
and from whatever nobody expected: that one carries an id, and its traceback goes to the log alone.
"""

import asyncio
import json
import logging
import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retrieval import errors

MEDIA_TYPE = "application/problem+json"
STATUS: dict[type[errors.AssayError], int] = {
    errors.NotFoundError: 404,
    errors.InputError: 422,
    errors.ConfigError: 409,
    errors.DeadlineError: 504,
    errors.ProviderError: 502,
    errors.StoreError: 503,
    errors.AssayError: 500,
}
"""The status of each error; one that is not named has that of the class it is made from."""
RETRY_AFTER_S = 1.0
LONGEST_NAME = 200
STOPPED = "The service stops before this request is done; send it again."
log = logging.getLogger("assay.service")


class Refusal(Exception):
    """A request that is refused: a status, why, the fields at fault, headers."""

    def __init__(
        self,
        status: int,
        detail: str,
        faults: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the parts of the answer."""
        super().__init__(detail)
        self.status, self.detail, self.faults, self.headers = status, detail, faults, headers

    @property
    def response(self) -> Response:
        """The answer, as a problem."""
        return problem(self.status, self.detail, self.faults, self.headers)


def problem(
    status: int,
    detail: str,
    faults: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem; `faults` are `{field, detail, allowed}`, and `detail` is for people."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if faults:
        body["errors"] = list(faults)
    # ASCII only: a name that a client sent may hold what UTF-8 cannot.
    return Response(json.dumps(body).encode(), status, headers, MEDIA_TYPE)


def fault(field: str, detail: str, allowed: Any = None) -> dict[str, Any]:
    """Return one field at fault; `allowed` is what may stand there, where it can be said."""
    found = {"field": field[:LONGEST_NAME], "detail": detail}
    return found if allowed is None else {**found, "allowed": allowed}


def refusal(error: errors.AssayError) -> Refusal:
    """Return how a request is refused that met one of the project's errors."""
    status = next(STATUS[each] for each in type(error).__mro__ if each in STATUS)
    faults = []
    if isinstance(error, errors.InputError) and error.field:
        faults = [fault(error.field, str(error))]
    headers = None
    if status == 503:
        wait = getattr(error, "retry_after_s", RETRY_AFTER_S)
        headers = {"Retry-After": str(max(1, math.ceil(wait)))}
    return Refusal(status, str(error), faults, headers)


def install(app: FastAPI) -> None:
    """Make every error that an endpoint or the router raises a problem."""

    @app.exception_handler(errors.AssayError)
    async def assay_error(request: Request, error: errors.AssayError) -> Response:
        return refusal(error).response

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> Response:
        return error.response

    @app.exception_handler(HTTPException)
    async def router_error(request: Request, error: HTTPException) -> Response:
        detail = error.detail
        if error.status_code == 404:
            detail = f"Nothing is at {request.scope['path'][:LONGEST_NAME]!r}. See /docs."
        elif error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "none")
            detail = f"{request.method} is not allowed here. Allowed: {allowed}."
        return problem(error.status_code, detail, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def parameter_error(request: Request, error: RequestValidationError) -> Response:
        faults = [fault(str(each["loc"][-1]), each["msg"]) for each in error.errors()]
        return problem(422, "; ".join(f"{f['field']}: {f['detail']}" for f in faults), faults)


class Outermost:
    """The edge of the application: what nobody expected becomes a 500 with an id, and is logged.

    A request that is cancelled since the service stops becomes a 503. One whose client went away
    ends in silence: there is nobody to answer, and nothing failed.
    """

    def __init__(self, app: ASGIApp, stopping: Callable[[], bool]) -> None:
        """Wrap an application; `stopping` says whether it was told to stop."""
        self.app = app
        self.stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; answer in place of an application that broke before it did."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            return
        except asyncio.CancelledError:
            if started or not self.stopping():
                raise
            await refusal(errors.UnavailableError(STOPPED)).response(scope, receive, send)
        except Exception:
            id = str(uuid.uuid4())
            log.exception("%s %r failed: %s", scope["method"], scope["path"], id)
            if started:
                raise
            await problem(500, f"Something broke; the log says what, under {id}.")(
                scope, receive, send
            )
