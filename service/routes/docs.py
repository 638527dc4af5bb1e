"""GET /docs: the API's description as a page of plain HTML, from the description itself.

No script and nothing from elsewhere, so it reads the same without a network.
"""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

router = APIRouter()
Schema = Mapping[str, Any]
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 54rem; margin: 2rem auto; padding: 0 1rem;
  color-scheme: light dark }
h2 { margin-top: 3rem; border-top: 1px solid #8886; padding-top: 1rem }
h2 code { font-size: 1.1rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; font-weight: normal }
td, p, h2 { overflow-wrap: anywhere }
td:first-child { overflow-wrap: normal }
pre { background: #8882; padding: .7rem; overflow-x: auto; border-radius: .3rem }
"""


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Show what can be asked, with an example of each."""
    return HTMLResponse(page(request.app.openapi(), str(request.base_url).rstrip("/")))


def page(description: Schema, url: str) -> str:
    """Return the page of an OpenAPI description, its examples asked of `url`."""
    title = f"{description['info']['title']} {description['info']['version']}"
    body = "".join(
        section
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
        for section in _operation(f"{method.upper()} {path}", operation, description, url)
    )
    about = "".join(f"<p>{_text(each)}</p>" for each in _paragraphs(description["info"]))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<h1>{escape(title)}</h1>{about}"
        f'<p>For machines: <a href="/openapi.json">/openapi.json</a></p>{body}</html>'
    )


def _operation(name: str, operation: Schema, description: Schema, url: str) -> Iterator[str]:
    yield f"<h2><code>{escape(name)}</code></h2>"
    yield from (f"<p>{_text(each)}</p>" for each in _paragraphs(operation))
    parameters = [
        (each["name"], each["schema"], each.get("description", ""), each.get("required", False))
        for each in operation.get("parameters", [])
    ]
    yield _table(parameters)
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is not None:
        yield _fields(content["schema"], description)
        yield from (
            f"<p>Example: {escape(label)}</p><pre>{escape(_curl(name, url, each['value']))}</pre>"
            for label, each in content["examples"].items()
        )
    answers = operation["responses"].items()
    yield "<p>Answers</p>" + _table(
        [(code, {}, each["description"], False) for code, each in answers]
    )
    done = operation["responses"].get("200", {}).get("content", {}).get("application/json")
    if done is not None:
        yield _fields(done["schema"], description)


def _fields(schema: Schema, description: Schema) -> str:
    """Return the fields of an object, one a line."""
    found = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    needed = found.get("required", [])
    return _table(
        [
            (name, each, each.get("description", ""), name in needed)
            for name, each in found.get("properties", {}).items()
        ]
    )


def _table(rows: list[tuple[str, Schema, str, bool]]) -> str:
    lines = "".join(
        f"<tr><td><code>{escape(name)}</code>{' *' if needed else ''}"
        f"<td><code>{escape(_kind(schema))}</code><td>{_text(about)}</tr>"
        for name, schema, about, needed in rows
    )
    return f"<table>{lines}</table>" if rows else ""


def _kind(schema: Schema) -> str:
    """Return what may stand in a field, in a few words."""
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    kind = str(schema.get("type", ""))
    if kind == "array":
        kind = f"list of {_kind(schema.get('items', {}))}"
    low = schema.get("minimum", schema.get("minLength"))
    high = schema.get("maximum", schema.get("maxLength"))
    bounds = f" {low if low is not None else ''}..{high}" if high is not None else ""
    default = f" = {json.dumps(schema['default'])}" if schema.get("default") is not None else ""
    return kind + bounds + default


def _curl(name: str, url: str, body: Any) -> str:
    method, _, path = name.partition(" ")
    text = json.dumps(body, indent=2, ensure_ascii=False).replace("'", "'\\''")
    return f"curl -X {method} {url}{path} -H 'Content-Type: application/json' -d '{text}'"


def _paragraphs(described: Schema) -> list[str]:
    return str(described.get("description", "")).split("\n\n")


def _text(text: str) -> str:
    """Return prose as HTML, what stands in backticks as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{each}</code>" if i % 2 else each for i, each in enumerate(parts))
