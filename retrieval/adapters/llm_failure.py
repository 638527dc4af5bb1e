"""What an exception of the `openai` client means: whose fault it is, and whether to try again."""

import openai

from retrieval.adapters.llm_limits import LlmError

QUESTION_FAULTS = (400, 413, 422)
"""Refusals that a question can provoke: they say nothing bad about the endpoint."""
PASSING = (408, 409, 425, 429)
"""Refusals that a later try may not meet, as those from 500 on."""
SHOWN = 200


def failed(error: Exception) -> LlmError:
    """Return the failure that an exception of the client is."""
    if isinstance(error, openai.APIStatusError):
        return _refused(error)
    why = f"{type(error).__name__}: {str(error.__cause__ or error)[:SHOWN]}"
    return LlmError(f"the endpoint cannot be reached ({why})", well=False, again_s=0.0)


def newer(error: Exception) -> bool:
    """Return whether a model refused `max_tokens` or a temperature, as newer ones of OpenAI do."""
    return (
        isinstance(error, openai.BadRequestError)
        and error.param in ("max_tokens", "temperature")
        and error.code in ("unsupported_parameter", "unsupported_value")
    )


def _refused(error: openai.APIStatusError) -> LlmError:
    status = error.status_code
    text = f"the endpoint answers {status} ({_reason(error)})"
    if status in (401, 403):
        text += "; is llm_api_key right?"
    if status == 404:
        text += "; are llm_url and llm_model right?"
    passing = status >= 500 or status in PASSING
    return LlmError(text, status in QUESTION_FAULTS, _told(error) if passing else None)


def _reason(error: openai.APIStatusError) -> str:
    """The message in the body of a refusal, or its beginning."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    return str(message or error.message)[:SHOWN]


def _told(error: openai.APIStatusError) -> float:
    """The wait in seconds that the endpoint asks for, 0 where it says none."""
    value = error.response.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0
