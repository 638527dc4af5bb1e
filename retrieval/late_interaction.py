"""Late interaction: question and passage, each encoded alone, are compared token by token."""

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from retrieval.clock import Clock
from retrieval.errors import ConfigError
from retrieval.kit import Embedder, Kit, Vectors

Kind = Literal["query", "passage"]


@runtime_checkable
class TokenEmbedder(Protocol):
    """An encoder that shows what it made of every token."""

    def token_vectors(self, texts: Sequence[str], kind: Kind, clock: Clock) -> list[Vectors]:
        """Return for each text the unit vectors of its tokens, in order.

        A text is cut at the encoder's limit. Special tokens and those of a prompt are left out, so
        that a text without words has none.
        """


def maxsim_scores(query: str, passages: Sequence[str], kit: Kit) -> list[float]:
    """Return how well each passage holds the question's tokens, in [-1, 1].

    Raises: ConfigError for an encoder without vectors of tokens.
    """
    embedder = _token_embedder(kit.embedder)
    (asked,) = embedder.token_vectors([query], "query", kit.clock)
    return [maxsim(asked, each) for each in embedder.token_vectors(passages, "passage", kit.clock)]


def warm_tokens(embedder: Embedder, text: str) -> None:
    """Make an encoder ready to show tokens, where it can."""
    if isinstance(embedder, TokenEmbedder):
        embedder.token_vectors([text], "query", Clock())
        embedder.token_vectors([text], "passage", Clock())


def maxsim(query: Vectors, passage: Vectors) -> float:
    """Return the mean over the question's tokens of the best cosine to a token of the passage.

    `query` has shape (n, dimension), `passage` (m, dimension), rows of unit length; 0 where either
    is empty.

    Source: Khattab and Zaharia 2020, arXiv 2004.12832, section 3.3, equation 3.
    Differs: the mean, not the sum, so that scores of questions compare; no markers, no masked
    tokens added to the question, and punctuation counts.
    """
    if not len(query) or not len(passage):
        return 0.0
    return float(np.mean((query @ passage.T).max(axis=1), dtype=np.float64))


def _token_embedder(embedder: Embedder) -> TokenEmbedder:
    if isinstance(embedder, TokenEmbedder):
        return embedder
    raise ConfigError(
        "rerank: kind = 'maxsim' needs the vectors of tokens, which this encoder"
        f" ({embedder.identity.get('name')}) does not give. Set encoder to a model that runs here,"
        " or use a pipeline without it."
    )
