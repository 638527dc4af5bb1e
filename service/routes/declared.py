"""What each operation declares in the API's description: its body, its answer, its problems."""

from typing import Any

from starlette.responses import Response

from service.problems import MEDIA_TYPE

PROBLEMS = {
    401: "The API key is missing or wrong.",
    404: "The index, the pipeline or the document is not there.",
    409: "The index was built otherwise than the settings or the request say.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "A field cannot be used; `errors` names it and says what is allowed.",
    500: "Something broke; the log knows it by `detail`'s id.",
    502: "A model or its endpoint failed.",
    503: "The service or its index cannot answer now; ask again after `Retry-After` seconds.",
    504: "The deadline passed.",
}


class Json(Response):
    """An answer whose content is JSON already."""

    media_type = "application/json"


def ref(name: str) -> dict[str, str]:
    """Return a reference to a schema of the description."""
    return {"$ref": f"#/components/schemas/{name}"}


def answers(model: str, *problems: int) -> dict[int | str, dict[str, Any]]:
    """Return what an operation answers: a model, and problems by status (401 and 500 always)."""
    found: dict[int | str, dict[str, Any]] = {
        200: {"description": "Done.", "content": {Json.media_type: {"schema": ref(model)}}}
    }
    for status in sorted({401, 500, *problems}):
        content = {MEDIA_TYPE: {"schema": ref("Problem")}}
        found[status] = {"description": PROBLEMS[status], "content": content}
        if status == 503:
            wait = {"description": "Seconds.", "schema": {"type": "integer"}}
            found[status]["headers"] = {"Retry-After": wait}
    return found


def takes(model: str, examples: dict[str, Any]) -> dict[str, Any]:
    """Return the declaration of a JSON body, with examples that run as they are."""
    named = {name: {"value": value} for name, value in examples.items()}
    content = {"application/json": {"schema": ref(model), "examples": named}}
    return {"requestBody": {"required": True, "content": content}}
