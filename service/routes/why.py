"""POST /why: why a document is not in the answer to a question."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic_core import to_json

from eval.judgments import Judgment
from eval.losses.explanation import explain
from eval.losses.way import Way
from retrieval.errors import InputError
from retrieval.filters import parse
from retrieval.types import Search, Span
from service.bodies import body_of
from service.routes.declared import Json, answers, takes
from service.routes.query import check_limits
from service.schemas_why import WhyRequest
from service.state import State, Timer, state_of

router = APIRouter(tags=["query"])
EXAMPLES: dict[str, Any] = {
    "a document": {
        "query": "How do I parse JSON?",
        "index": "demo-structure",
        "document_id": "library/csv.md",
        "limit": 1,
    },
    "a part of one": {
        "query": "How do I parse JSON?",
        "index": "demo-structure",
        "document_id": "library/json.md",
        "span": [0, 40],
        "pipeline": "hybrid",
        "filter": {"field": "domain", "equals": "reference"},
        "timeout_s": 5.0,
    },
}


@router.post(
    "/why",
    response_class=Json,
    responses=answers("WhyAnswer", 404, 409, 413, 415, 422, 502, 503, 504),
    openapi_extra=takes("WhyRequest", EXAMPLES),
)
async def why(request: Request) -> Json:
    """Say why a document, or a part of it, is not in the answer to a question.

    `cause` is one of: `not_ingested`, `chunking` (no passage holds half of the part), `filter`,
    `candidates` (in no leg's candidates), `fusion`, `ranking` (demoted by a later stage),
    `duplicate`, `limit` (found, but never near the top), `budget` (no room in the context). Beside
    it stand its rank after every stage, how deep it lies in each leg, the question's words that it
    has, and the changes of the pipeline that were tried and bring it back.

    It asks the question more than once, and costs several times what `/query` does.
    """
    timer = Timer()
    state = state_of(request)
    body = await body_of(WhyRequest, request, state.schemas)
    check_limits(body, state)
    return Json(await state.ask(lambda: answer(body, state, timer)))


def answer(body: WhyRequest, state: State, timer: Timer) -> bytes:
    """Return the answer as JSON. Raises: AssayError."""
    pipeline = state.pipeline(body.pipeline)
    kit = state.tools.kit(body.index)
    timeout_s = body.timeout_s or state.settings.timeout_s
    start = Search.of(body.query, body.limit, None if body.filter is None else parse(body.filter))
    way = Way(pipeline, kit.at(None, timeout_s - timer.seconds), start, body.limit)
    judgment = Judgment(body.query, body.document_id, span=_span(body))
    return to_json(explain(way, judgment).as_json())


def _span(body: WhyRequest) -> Span | None:
    if body.span is None:
        return None
    start, end = body.span
    if start >= end:
        raise InputError(f"span: the start has to be before the end, got {body.span}.", "span")
    return Span(start, end)
