"""The service: the routes, the edges around them, and what they share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from retrieval.open_kit import Tools
from retrieval.settings import Settings
from service import problems
from service.auth import ApiKey, api_key
from service.bodies import BodyLimit
from service.description import described
from service.pipelines import load_pipelines
from service.problems import Outermost
from service.routes import about, docs, documents, health, judge, query, why
from service.state import State
from service.version import installed_version

ABOUT = """Retrieval for RAG, with the proof of how good it is.

Errors are `application/problem+json`: `detail` is for people, `errors` names each field at fault
and what is allowed there."""
MEGABYTE = 1_000_000


def create_app(settings: Settings, tools: Tools | None = None) -> FastAPI:
    """Return the service on the tools of the settings, or on others.

    Its models are opened beside it once it runs. Raises: ConfigError for a pipeline that cannot
    work.
    """
    state = State(settings, tools or Tools(settings), load_pipelines(settings))

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        state.opening.begin()
        yield
        await asyncio.to_thread(state.close)

    app = FastAPI(
        title="Assay",
        version=installed_version(),
        description=ABOUT,
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.assay = state
    for each in (query, why, documents, about, judge, health, docs):
        app.include_router(each.router)
    problems.install(app)
    _wrap(app, state)
    app.openapi = lambda: described(app, state)  # type: ignore[method-assign]
    return app


def _wrap(app: FastAPI, state: State) -> None:
    """Put the edges around the routes; the last one added is met first."""
    app.add_middleware(BodyLimit, limit_bytes=int(state.settings.max_body_mb * MEGABYTE))
    key = api_key(state.settings)
    if key is not None:
        app.add_middleware(ApiKey, key=key)
    app.add_middleware(Outermost, stopping=lambda: state.stopping)
