"""What a chat endpoint answers, checked: a completion, a complete text, JSON of the schema."""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

import fastjsonschema
from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import from_json

from retrieval.adapters.llm_limits import LlmError
from retrieval.kit import Prompt

LARGEST = 262_144
"""Bytes of the longest answer that is read; far more than any prompt here asks for."""
SHOWN = 100


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


def _or_none(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Return what a count is, or None where it is none: that makes no answer unusable."""
    try:
        return handler(value)
    except ValidationError:
        return None


Count = Annotated[Annotated[int, Field(ge=0)] | None, WrapValidator(_or_none)]


class Usage(BaseModel):
    """The tokens of a call, as the endpoint counts them; None where it does not."""

    prompt_tokens: Count = None
    completion_tokens: Count = None


class Completion(BaseModel):
    """The body of a response."""

    choices: list[_Choice] = Field(min_length=1)
    usage: Annotated[Usage | None, WrapValidator(_or_none)] = None


class Tokens(NamedTuple):
    """The tokens of a call: those of the prompt, and those of its answer."""

    read: int
    written: int


class Answer(NamedTuple):
    """What a model wrote; `data` is None where no schema was asked for."""

    text: str
    data: Any


def completion(body: bytes) -> Completion:
    """Return what the body of a response holds. Raises: LlmError."""
    try:
        return Completion.model_validate_json(body)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the body"
        raise LlmError(
            f"the endpoint's answer is no chat completion ({where}: {fault['msg'][:SHOWN]})",
            well=False,
        ) from error


def counted(given: Completion, most: Tokens) -> Tokens:
    """Return what the endpoint counts; what it does not count is taken at its most."""
    usage = given.usage or Usage()
    read, written = usage.prompt_tokens, usage.completion_tokens
    return Tokens(most.read if read is None else read, most.written if written is None else written)


def answer(given: Completion, prompt: Prompt) -> Answer:
    """Return the checked answer. Raises: LlmError."""
    choice = given.choices[0]
    if choice.message.refusal or choice.finish_reason == "content_filter":
        raise LlmError("the model refused to answer", well=True)
    text = (choice.message.content or "").strip()
    if not text:
        raise LlmError(f"the model's answer is empty{_cut(choice, prompt)}", well=True)
    if prompt.schema is None:
        return Answer(text, None)
    try:
        return Answer(text, checked(text, prompt))
    except LlmError as error:
        raise LlmError(f"{error}{_cut(choice, prompt)}", well=True) from error


def checked(text: str, prompt: Prompt) -> Any:
    """Return the JSON of a text if it is as the prompt's schema says. Raises: LlmError."""
    try:
        data = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise LlmError(
            f"the model's answer is not JSON ({text[:SHOWN]!r}); does the endpoint support"
            " response_format json_schema?"
        ) from error
    return validated(data, prompt)


def validated(data: Any, prompt: Prompt) -> Any:
    """Return JSON if it is as the prompt's schema says, where it has one. Raises: LlmError."""
    if prompt.schema is None:
        return data
    try:
        _validator(json.dumps(prompt.schema))(data)
    except fastjsonschema.JsonSchemaValueException as error:
        raise LlmError(
            f"the JSON is not what was asked for ({error.message[:SHOWN]})", well=True
        ) from error
    return data


@lru_cache(maxsize=64)
def _validator(schema: str) -> Callable[[Any], Any]:
    # Defaults would be filled in, and a format would be Python's idea of it.
    found: Callable[[Any], Any] = fastjsonschema.compile(
        json.loads(schema), use_default=False, use_formats=False
    )
    return found


def _cut(choice: _Choice, prompt: Prompt) -> str:
    cut = choice.finish_reason == "length"
    return f"; it was cut at {prompt.max_tokens} tokens" if cut else ""
