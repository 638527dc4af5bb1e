"""POST and DELETE /documents: into an index and out of it, through the same door as `ingest`."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.convertors import PathConvertor, register_url_convertor

from ingestion.chunk import build_chunker
from ingestion.document import Document
from ingestion.ingest import delete_documents, ingest
from ingestion.job import Job
from ingestion.load import Loaded
from retrieval.adapters.points import DEFAULT_TENANT
from retrieval.errors import ConfigError, InputError
from service.bodies import body_of
from service.problems import Refusal, fault
from service.routes.declared import Json, answers, takes
from service.schemas import DocumentsRequest, Ingested
from service.state import State, state_of

router = APIRouter(tags=["documents"])
WAIT_S = 10.0
"""How long a request waits for another writer of the index, or for a store that is down."""
EXAMPLES: dict[str, Any] = {
    "two documents": {
        "index": "notes",
        "documents": [
            {
                "id": "library/json.md",
                "title": "json",
                "text": "json.loads parses JSON text and returns Python objects.",
                "domain": "library",
                "metadata": {"year": 2008},
            },
            {"id": "library/csv.md", "text": "csv.reader gives the rows of a file."},
        ],
    },
}


class AnyText(PathConvertor):
    """The rest of a path, whatever it holds: the convertor `path` ends at a line break."""

    regex = "(?s:.*)"


register_url_convertor("any_text", AnyText())


@router.post(
    "/documents",
    response_class=Json,
    responses=answers("Ingested", 404, 409, 413, 415, 422, 502, 503),
    openapi_extra=takes("DocumentsRequest", EXAMPLES),
)
async def add(request: Request) -> Json:
    """Put documents into an index; each replaces the one with its id, all of its chunks at once.

    The index is made if it is not there; `chunker`, `embed` and `titles` then say how. A document
    that is there already costs nothing. One that cannot be used is listed in `failures`, and the
    others are ingested; where none can, the answer is a 422. Once this answers, queries find them.
    """
    state = state_of(request)
    body = await body_of(DocumentsRequest, request, state.schemas)
    return Json(await state.write(lambda: _add(body, state)))


def _add(body: DocumentsRequest, state: State) -> bytes:
    _check_chunker(body)
    job = Job(
        _items(body),
        body.index,
        chunker=body.chunker,
        embed=body.embed,
        titles=body.titles,
        optimize=False,
        wait_s=WAIT_S,
    )
    report = ingest(job, state.tools, lambda _: state.check_running())
    if not report.documents:
        faults = [fault("documents", f"{each.source}: {each.reason}") for each in report.failures]
        raise Refusal(422, "; ".join(each["detail"] for each in faults[:3]), faults)
    values = report.as_json()
    return json.dumps({name: values[name] for name in Ingested.model_fields}).encode()


def _check_chunker(body: DocumentsRequest) -> None:
    """Refuse a chunker that is not there, as part of the request. Raises: InputError."""
    try:
        if body.chunker is not None:
            build_chunker(body.chunker)
    except ConfigError as error:
        raise InputError(str(error), "chunker") from error


def _items(body: DocumentsRequest) -> Iterator[Loaded]:
    size = 0
    for each in body.documents:
        size += len(each.text)
        document = Document(
            each.id, each.text, title=each.title, domain=each.domain, meta=each.metadata
        )
        yield Loaded(document, "", size)


@router.delete(
    "/documents/{id:any_text}",
    response_class=Json,
    responses=answers("Deleted", 404, 409, 422, 503),
)
async def remove(
    id: str,
    request: Request,
    index: Annotated[str, Query(description="The index that holds it.")],
) -> Json:
    """Remove a document with its chunks; its id stands percent-encoded in the path."""
    state = state_of(request)
    chunks = await state.write(lambda: delete_documents(state.tools, index, [id], DEFAULT_TENANT))
    gone = {"index": index, "document_id": id, "chunks_removed": chunks}
    return Json(json.dumps(gone).encode())
