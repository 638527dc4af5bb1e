"""POST /query: a question in, passages with all their scores out."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic_core import to_json

from retrieval.errors import InputError
from retrieval.filters import parse
from retrieval.pipeline import run
from retrieval.types import Search
from service.as_json import answer_json, timings_json
from service.bodies import body_of
from service.routes.declared import Json, answers, takes
from service.schemas import QueryRequest
from service.schemas_why import WhyRequest
from service.state import State, Timer, state_of

router = APIRouter(tags=["query"])
EXAMPLES: dict[str, Any] = {
    "a question": {"query": "How do I parse JSON?", "index": "demo-structure"},
    "everything": {
        "query": "How do I parse JSON?",
        "index": "demo-structure",
        "pipeline": "hybrid",
        "limit": 3,
        "filter": {
            "and": [
                {"field": "domain", "equals": "library"},
                {"not": {"field": "year", "lt": 2008}},
            ]
        },
        "explain": True,
        "timeout_s": 5.0,
    },
}


@router.post(
    "/query",
    response_class=Json,
    responses=answers("QueryAnswer", 404, 409, 413, 415, 422, 502, 503, 504),
    openapi_extra=takes("QueryRequest", EXAMPLES),
)
async def query(request: Request) -> Json:
    """Find the passages of an index that answer a question, best first.

    The pipeline's fingerprint is that of a benchmark of the same pipeline on the same kind of
    index: what was measured is what is served. An empty list of hits means that nothing was found.
    """
    timer = Timer()
    state = state_of(request)
    body = await body_of(QueryRequest, request, state.schemas)
    check_limits(body, state)
    return Json(await state.ask(lambda: answer(body, state, timer)))


def answer(body: QueryRequest, state: State, timer: Timer) -> bytes:
    """Return the answer as JSON. Raises: AssayError."""
    waited_ms = timer.ms
    pipeline = state.pipeline(body.pipeline)
    filter = None if body.filter is None else parse(body.filter)
    kit = state.tools.kit(body.index)
    timeout_s = body.timeout_s or state.settings.timeout_s
    # The time in line counts: what waited past its deadline stops at the first stage.
    search = Search.of(body.query, body.limit, filter)
    found = run(pipeline, search, kit.at(None, timeout_s - timer.seconds))
    values = {
        "index": body.index,
        "pipeline": {"name": pipeline.name, "fingerprint": state.fingerprint(pipeline, kit)},
        **answer_json(found, body.explain),
        "timings": {**timings_json(found, timer.ms), "waiting_ms": waited_ms},
    }
    return to_json(values)


def check_limits(body: QueryRequest | WhyRequest, state: State) -> None:
    """Check what the settings bound. Raises: InputError that names the setting."""
    most = state.settings.max_query_chars
    if len(body.query) > most:
        raise InputError(
            f"query: {len(body.query)} characters, at most {most} are allowed (max_query_chars).",
            "query",
        )
    longest = state.settings.timeout_s
    if body.timeout_s is not None and body.timeout_s > longest:
        raise InputError(f"timeout_s: at most {longest} is allowed here (timeout_s).", "timeout_s")
