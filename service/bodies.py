"""Request bodies: bounded while they are read, checked against a schema before they are used."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import Refusal, fault

Model = TypeVar("Model", bound=BaseModel)
Schema = Mapping[str, Any]
WORDS = ("title", "description", "examples", "default")
"""The parts of a schema that do not say what is allowed."""
MOST_FAULTS = 20
DRAINED_BYTES = 200_000_000
DRAINED_S = 5.0


class BodyLimit:
    """Refuses a body that is too large: at once where its length is told, else while it is read."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        """Wrap an application."""
        self.app = app
        self.limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with a counter in its body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self.limit_bytes:
            if int(length) <= DRAINED_BYTES and "expect" not in headers:
                await _drain(receive)
            await self._refusal.response(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.limit_bytes:
                if message.get("more_body", False):
                    await _drain(receive)
                raise self._refusal
            return message

        await self.app(scope, counted, send)

    @property
    def _refusal(self) -> Refusal:
        allowed = f"at most {self.limit_bytes} bytes"
        return Refusal(
            413,
            f"The body is too large: {allowed} are allowed. Send fewer documents at a time, or set"
            " ASSAY_MAX_BODY_MB.",
            [fault("body", "too large", allowed)],
            {"Connection": "close"},
        )


async def _drain(receive: Receive) -> None:
    """Read on, up to a limit, and keep nothing.

    Most clients send all of a body before they look for an answer; where the connection is closed
    before that, they never see why.
    """
    size = 0
    try:
        async with asyncio.timeout(DRAINED_S):
            while size < DRAINED_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


async def body_of(model: type[Model], request: Request, schemas: Mapping[str, Schema]) -> Model:
    """Return the body of a request as a model.

    `schemas` are the components of the API's own description, which say what is allowed.

    Raises: Refusal (415 or 422) that names every field at fault.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(
            415,
            f"The body must be JSON, but Content-Type is {kind or 'not set'!r}.",
            [fault("Content-Type", "not JSON", "application/json")],
        )
    data = await request.body()
    try:
        # Refuses NaN, lone surrogates and bottomless nesting, which `json.loads` lets through.
        values = from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise Refusal(
            422, f"The body is not JSON: {error}.", [fault("body", str(error), "JSON in UTF-8")]
        ) from error
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = [
            _fault(each, schemas[model.__name__], schemas)
            for each in error.errors(include_url=False, include_input=False)[:MOST_FAULTS]
        ]
        detail = "; ".join(f"{each['field']}: {each['detail']}" for each in faults[:3])
        raise Refusal(422, detail, faults) from error


def _fault(error: Any, schema: Schema, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """Return a validation error with what the schema allows at its place."""
    where: Sequence[str | int] = error["loc"]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    field, message = field.lstrip(".") or "body", error["msg"]
    if error["type"] == "extra_forbidden":
        around = _at(schema, where[:-1], schemas)
        return fault(field, "there is no such field", sorted(around.get("properties", {})))
    found = _at(schema, where, schemas)
    return fault(field, message, {k: v for k, v in found.items() if k not in WORDS} or None)


def _at(schema: Schema, where: Sequence[str | int], schemas: Mapping[str, Schema]) -> Schema:
    """Return the part of a schema that a place in the data is checked against."""
    for part in where:
        schema = _plain(schema, schemas)
        inner = schema.get("items" if isinstance(part, int) else "properties", {})
        schema = inner if isinstance(part, int) else inner.get(part, {})
    return _plain(schema, schemas)


def _plain(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    """Return a schema behind a reference."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return schemas[name] if name else schema
