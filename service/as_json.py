"""Our own types as JSON values: the same for the service and for `--json` on the command line."""

from typing import Any

from retrieval.as_json import stage_json, step_json
from retrieval.config import DEFAULT_PIPELINE
from retrieval.errors import ConfigError
from retrieval.inside import asks_model
from retrieval.kit import Indexes
from retrieval.pipeline import Pipeline
from retrieval.types import Domain, Hit, Search, flat


def hit_json(hit: Hit) -> dict[str, Any]:
    """Return a passage with its place, its scores and its metadata."""
    chunk = hit.chunk
    return {
        "id": chunk.id,
        "document_id": chunk.document_id,
        "text": chunk.text,
        "span": [*chunk.span],
        "heading": [*chunk.heading],
        "domain": chunk.domain,
        "score": hit.score,
        "scores": [{"by": by, "value": value} for by, value in hit.scores],
        "metadata": {**chunk.meta},
    }


def domain_json(domain: Domain) -> dict[str, Any]:
    """Return a domain that a route found, with what the operator says of it."""
    return {
        "name": domain.name,
        "probability": round(domain.probability, 6),
        "metadata": {**domain.meta},
    }


def stages_ms(search: Search) -> dict[str, float]:
    """Return the milliseconds of each stage, those inside others left out; repeats are summed."""
    found: dict[str, float] = {}
    for step in search.trace:
        found[step.stage] = round(found.get(step.stage, 0.0) + step.ms, 3)
    return found


def timings_json(search: Search, total_ms: float) -> dict[str, Any]:
    """Return where the time went: all of it, by stage, and by tool (what stages waited for)."""
    tools: dict[str, float] = {}
    for step in flat(search.trace):
        for name, value in step.cost.items():
            tool, _, unit = name.rpartition("_")
            if unit == "ms":
                tools[tool] = round(tools.get(tool, 0.0) + value, 3)
    return {
        "total_ms": round(total_ms, 3),
        "stages_ms": stages_ms(search),
        "tools_ms": tools,
    }


def answer_json(search: Search, explain: bool) -> dict[str, Any]:
    """Return the part of an answer that the search itself holds."""
    answer: dict[str, Any] = {
        "hits": [hit_json(hit) for hit in search.hits],
        "domains": [domain_json(each) for each in search.domains],
        "degraded": [*search.degraded],
    }
    if explain:
        answer["trace"] = [step_json(step) for step in search.trace]
    return answer


def pipeline_json(pipeline: Pipeline) -> dict[str, Any]:
    """Return a pipeline's name, what it is for, key and stages, and if it asks a model."""
    return {
        "name": pipeline.name,
        "about": pipeline.about,
        "asks_model": asks_model(pipeline),
        "default": pipeline.name == DEFAULT_PIPELINE,
        "key": pipeline.key,
        "stages": [stage_json(stage) for stage in pipeline.stages],
    }


def index_json(indexes: Indexes, name: str) -> dict[str, Any]:
    """Return an index as it is described, or why it cannot be used."""
    try:
        store = indexes.open(name)
        return {
            "name": name,
            "chunks": store.count(),
            "manifest": store.manifest.as_json(),
            "fingerprint": store.manifest.fingerprint,
        }
    except ConfigError as error:
        return {"name": name, "error": str(error)}
