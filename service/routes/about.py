"""GET /indexes and /pipelines: what can be asked, and how it was made."""

import json

from fastapi import APIRouter, Request

from service.as_json import index_json, pipeline_json
from service.routes.declared import Json, answers
from service.state import state_of

router = APIRouter(tags=["about"])


@router.get("/indexes", response_class=Json, responses=answers("Indexes", 503))
async def indexes(request: Request) -> Json:
    """List the indexes: their chunks, what they were built with, their fingerprint."""
    state = state_of(request)

    def listed() -> bytes:
        all_of_them = state.tools.indexes
        found = [index_json(all_of_them, name) for name in all_of_them.names()]
        return json.dumps({"indexes": found}).encode()

    return Json(await state.ask(listed))


@router.get("/pipelines", response_class=Json, responses=answers("Pipelines"))
async def pipelines(request: Request) -> Json:
    """List the pipelines: their stages in order, with every parameter."""
    found = [pipeline_json(each) for each in state_of(request).pipelines.values()]
    return Json(json.dumps({"pipelines": found}).encode())
