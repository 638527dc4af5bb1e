"""GET /judge and what its page asks: pools of passages, and labels on them."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from eval.judging.labels import GRADES, append, label_of, labels_file, read_labels
from eval.judging.pool import Pooled, read_pool
from retrieval.errors import NotFoundError
from retrieval.types import Span
from service.bodies import body_of
from service.routes.declared import Json, answers, takes
from service.schemas_judge import LabelRequest
from service.state import State, state_of

router = APIRouter(tags=["judge"])
EXAMPLES: dict[str, Any] = {
    "a grade": {
        "pool": "handbook",
        "query_id": "q1",
        "document_id": "holidays.md",
        "span": [0, 120],
        "grade": 3,
        "by": "ada",
    },
}
SAFE = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)


@router.get("/judge", include_in_schema=False)
async def page() -> HTMLResponse:
    """Return the page on which people judge; what it shows it asks for itself, with the key."""
    text = (files("service") / "page" / "judge.html").read_text(encoding="utf-8")
    return HTMLResponse(text, headers={"Content-Security-Policy": SAFE})


@router.get("/judge/pools", response_class=Json, responses=answers("Pools", 422))
async def pools(request: Request) -> Json:
    """List the pools of the data directory, and how many labels each judge gave."""
    state = state_of(request)
    return Json(await state.judge(lambda: _listed(state)))


@router.get("/judge/pools/{name}", response_class=Json, responses=answers("PoolAnswer", 404, 422))
async def pool(
    name: str,
    request: Request,
    by: Annotated[str, Query(description="Whose labels are shown.", max_length=100)] = "",
) -> Json:
    """Return a pool's passages in their order, with the labels of one judge; not who found them."""
    state = state_of(request)
    return Json(await state.judge(lambda: _shown(_file(state, name), by)))


@router.post(
    "/judge/labels",
    response_class=Json,
    responses=answers("Labelled", 404, 413, 415, 422),
    openapi_extra=takes("LabelRequest", EXAMPLES),
)
async def label(request: Request) -> Json:
    """Keep a grade that a judge gives a passage of a pool; null takes an earlier one back.

    Once this answers, the label is on the disk.
    """
    state = state_of(request)
    body = await body_of(LabelRequest, request, state.schemas)
    return Json(await state.judge(lambda: _labelled(body, state)))


def _pools(state: State) -> dict[str, Path]:
    folder = state.settings.data_dir / "pools"
    found = sorted(folder.glob("*.jsonl"))
    return {file.stem: file for file in found if not file.name.endswith(".labels.jsonl")}


def _file(state: State, name: str) -> Path:
    """Return the file of a pool: one that is listed, never a path. Raises: NotFoundError."""
    found = _pools(state)
    if name not in found:
        there = ", ".join(found) or "none yet"
        raise NotFoundError(
            f"There is no pool {name!r}. There are: {there}. `assay judge pool` makes one.", "pool"
        )
    return found[name]


def _listed(state: State) -> bytes:
    listed = []
    for name, file in _pools(state).items():
        judges: dict[str, int] = {}
        for by, _ in read_labels(labels_file(file)):
            judges[by] = judges.get(by, 0) + 1
        listed.append({"name": name, "passages": len(read_pool(file)), "labels": judges})
    return json.dumps({"pools": listed, "grades": [*GRADES.values()]}).encode()


def _shown(file: Path, by: str) -> bytes:
    labels = read_labels(labels_file(file), by)
    passages = [
        {name: value for name, value in each.as_json().items() if name != "found"}
        | {"grade": labels.get((by, each.place))}
        for each in read_pool(file)
    ]
    return json.dumps({"name": file.stem, "passages": passages}).encode()


def _labelled(body: LabelRequest, state: State) -> bytes:
    file = _file(state, body.pool)
    span = None if body.span is None else Span(*body.span)
    passage = Pooled(body.query_id, "", body.document_id, span)
    if all(each.place != passage.place for each in read_pool(file)):
        raise NotFoundError(f"Pool {body.pool!r} has no such passage.", "document_id")
    append(label_of(passage, body.grade, body.by), labels_file(file))
    return json.dumps({"pool": body.pool, "grade": body.grade, "by": body.by}).encode()
