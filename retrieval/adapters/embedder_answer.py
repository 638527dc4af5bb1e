"""What an `/embeddings` endpoint answers: vectors, or a failure and whether to try again."""

import base64
import json
import re
from typing import Any

import numpy as np
import openai
from numpy.typing import NDArray

from retrieval.adapters.endpoint import SHOWN, CallError, Refusal, unreached
from retrieval.kit import Vectors
from retrieval.types import Span

TOKEN = re.compile(r"[A-Za-z]{1,5}|\d{1,3}|\w|[^\w\s]")
OPERATOR_FAULTS = {
    401: "is embeddings_api_key right?",
    403: "is embeddings_api_key right?",
    404: "are embeddings_url and encoder right?",
}


class EmbeddingsError(CallError):
    """A call that failed. `refused` tells that the settings are wrong."""

    def __init__(self, message: str, again_s: float | None = None, refused: bool = False) -> None:
        """Keep the reason and what to do."""
        super().__init__(message, again_s)
        self.refused = refused


def approximate_spans(text: str) -> list[Span]:
    """Return the spans of words, cut after five letters or three digits, and of single signs."""
    return [Span(*found.span()) for found in TOKEN.finditer(text)]


def failed(error: Exception) -> EmbeddingsError:
    """Return the failure that an exception of the client is."""
    if not isinstance(error, openai.APIStatusError):
        return EmbeddingsError(f"it {unreached(error)}", again_s=0.0)
    status, reason, again_s = Refusal.of(error)
    text = f"it answers {status} ({reason})"
    if status in OPERATOR_FAULTS:
        return EmbeddingsError(f"{text}; {OPERATOR_FAULTS[status]}", refused=True)
    return EmbeddingsError(text, again_s)


def vectors(body: bytes, count: int) -> Vectors:
    """Return the vectors of an answer, ordered by `index`, not yet of unit length.

    Raises: EmbeddingsError unless there are `count` vectors of one length.
    """
    try:
        data = json.loads(body)["data"]
        rows = [_vector(each["embedding"]) for each in data]
        places = [each.get("index", place) for place, each in enumerate(data)]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"[:SHOWN]
        raise EmbeddingsError(f"its answer is no list of embeddings ({what})") from error
    if len(rows) != count or set(map(str, places)) != set(map(str, range(count))):
        raise EmbeddingsError(f"it gave {len(rows)} vectors at {places[:8]} for {count} texts")
    if len({len(row) for row in rows}) != 1 or not len(rows[0]):
        raise EmbeddingsError("its vectors differ in length, or are empty")
    found = np.empty((count, len(rows[0])), dtype=np.float32)
    found[[int(place) for place in places]] = rows
    if not found.any(axis=1).all():
        raise EmbeddingsError("it gave a vector of zeros")
    return found


def _vector(data: Any) -> NDArray[np.float32]:
    """A list of numbers, or the bytes of float32 numbers in base64, the least first."""
    if isinstance(data, str):
        return np.frombuffer(base64.b64decode(data, validate=True), dtype="<f4")
    with np.errstate(over="ignore"):
        row = np.asarray(data, dtype=np.float32)
    if row.ndim != 1:
        raise ValueError("an embedding is a list of numbers")
    return row
