"""GET /livez and /readyz: whether the process lives, and whether it can answer."""

from fastapi import APIRouter, Request

from service.routes.declared import Json, answers
from service.state import State, state_of

router = APIRouter(tags=["health"])
PATIENCE_S = 0.05
OK = b'{"status":"ok"}'


@router.get("/livez", response_class=Json, responses=answers("Health"))
async def livez() -> Json:
    """Say that the process lives; needs no key, asks nothing of anybody."""
    return Json(OK)


@router.get("/readyz", response_class=Json, responses=answers("Health", 502, 503))
async def readyz(request: Request) -> Json:
    """Say that the models are loaded and the index answers, or why not."""
    state = state_of(request)
    await state.health.run(lambda: _check(state))
    return Json(OK)


def _check(state: State) -> None:
    state.opening.check(PATIENCE_S)
    state.tools.indexes.names()
