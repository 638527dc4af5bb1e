"""What an exception of the `openai` client means: whose fault it is, and whether to try again."""

import httpx2
import openai

from retrieval.adapters.endpoint import Refusal, unreached
from retrieval.adapters.llm_limits import LlmError

QUESTION_FAULTS = (400, 413, 422)
"""Refusals that a question can provoke: they say nothing bad about the endpoint."""
HINTS = {
    401: "; is llm_api_key right?",
    403: "; is llm_api_key right?",
    404: "; are llm_url and llm_model right?",
}
GIVEN_UP = (408, 502, 504)
"""Nobody waited any longer for what may have been written."""


def failed(error: Exception) -> LlmError:
    """Return the failure that an exception of the client is."""
    if not isinstance(error, openai.APIStatusError):
        return LlmError(f"the endpoint {unreached(error)}", well=False, again_s=0.0)
    status, reason, again_s = Refusal.of(error)
    said = f"the endpoint answers {status} ({reason}){HINTS.get(status, '')}"
    return LlmError(said, status in QUESTION_FAULTS, again_s)


def unbilled(error: Exception) -> bool:
    """Return whether a call cost nothing: refused, or the endpoint was not connected to.

    What a gateway gave up waiting for may be billed all the same.
    """
    if isinstance(error, openai.APIStatusError):
        return error.status_code not in GIVEN_UP
    return isinstance(error.__cause__, httpx2.ConnectError)


def newer(error: Exception) -> bool:
    """Return whether a model refused `max_tokens` or a temperature, as newer ones of OpenAI do."""
    return (
        isinstance(error, openai.BadRequestError)
        and error.param in ("max_tokens", "temperature")
        and error.code in ("unsupported_parameter", "unsupported_value")
    )
