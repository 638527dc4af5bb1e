"""The API's own description (OpenAPI): FastAPI's, with our schemas, limits and key."""

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from retrieval.filters import BOUNDS, MAX_CONDITIONS
from retrieval.settings import Settings
from service.auth import api_key
from service.schemas import (
    Deleted,
    DocumentsRequest,
    Health,
    Indexes,
    Ingested,
    Pipelines,
    Problem,
    QueryAnswer,
    QueryRequest,
)
from service.schemas_judge import Labelled, LabelRequest, PoolAnswer, Pools
from service.schemas_why import WhyAnswer, WhyRequest

if TYPE_CHECKING:
    from service.state import State

MODELS: tuple[type[BaseModel], ...] = (
    QueryRequest,
    QueryAnswer,
    WhyRequest,
    WhyAnswer,
    DocumentsRequest,
    Ingested,
    Deleted,
    Indexes,
    Pipelines,
    Health,
    LabelRequest,
    Labelled,
    Pools,
    PoolAnswer,
    Problem,
)


def schemas(settings: Settings) -> dict[str, Any]:
    """Return the JSON schema of every model by name, with the settings' own limits in it."""
    both = [(model, "validation") for model in MODELS]
    _, found = models_json_schema(both, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    definitions: dict[str, Any] = found["$defs"]
    for name in ("QueryRequest", "WhyRequest"):
        definitions[name]["properties"]["query"]["maxLength"] = settings.max_query_chars
    return {**definitions, **filter_schemas()}


def filter_schemas() -> dict[str, Any]:
    """Return the JSON schema of `retrieval.filters`, which itself checks what is sent."""
    filter = {"$ref": "#/components/schemas/Filter"}
    scalar = {"type": ["string", "number", "boolean"]}
    bound = {"type": ["string", "number"], "description": "A number, or an ISO 8601 date."}
    choices = {"type": "array", "items": scalar, "minItems": 1, "maxItems": MAX_CONDITIONS}
    tests = {"equals": scalar, "any_of": choices, "exists": {"type": "boolean"}}
    parts = {"type": "array", "items": filter, "minItems": 1, "maxItems": MAX_CONDITIONS}
    groups = {"and": parts, "or": parts, "not": filter}
    conditions: list[dict[str, Any]] = [
        *({"required": ["field", test], "properties": {test: is_}} for test, is_ in tests.items()),
        {"required": ["field"], "minProperties": 2, "properties": dict.fromkeys(BOUNDS, bound)},
    ]
    for each in conditions:
        each["properties"] = {"field": {"type": "string", "minLength": 1}, **each["properties"]}
    conditions += [{"required": [word], "properties": {word: is_}} for word, is_ in groups.items()]
    options = [{"type": "object", "additionalProperties": False, **each} for each in conditions]
    return {"Filter": {"description": "Conditions on metadata.", "anyOf": options}}


def described(app: FastAPI, state: "State") -> dict[str, Any]:
    """Return the description of a service, made once."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        components = found.setdefault("components", {})
        components["schemas"] = {**components.get("schemas", {}), **state.schemas}
        if api_key(state.settings) is not None:
            components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            found["security"] = [{"key": []}]
            found["paths"]["/livez"]["get"]["security"] = []
        app.openapi_schema = found
    return app.openapi_schema
