"""A sentence-transformers cross-encoder in memory, and what must be known of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.adapters.embedder_loading import UNLIMITED, loading
from retrieval.errors import ConfigError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder
    from tokenizers import Tokenizer

LIMIT = 512


def load_cross_encoder(folder: Path, device: str) -> "CrossEncoder":
    """Return a model, from local files only and without running code that comes with it.

    Raises: ConfigError that names the folder.
    """
    from sentence_transformers import CrossEncoder

    what = f"Cross-encoder: sentence-transformers cannot load {folder}"
    with loading(what, "Set rerank.model to a complete model that needs no code of its own."):
        model: CrossEncoder = CrossEncoder(str(folder), device=device, local_files_only=True)
    if model.num_labels != 1:
        raise ConfigError(
            f"Cross-encoder: {folder} gives {model.num_labels} scores for a pair; one is needed."
            " Set rerank.model to a model for ranking."
        )
    model.float()
    model.eval()
    return model


def pair_limit(model: "CrossEncoder") -> int:
    """Return how many tokens of a pair a model reads, special ones included."""
    said = model.max_seq_length
    if isinstance(said, int) and 0 < said < UNLIMITED:
        return said
    positions = getattr(model.config, "max_position_embeddings", None)
    return positions if isinstance(positions, int) else LIMIT


def pair_tokenizer(model: "CrossEncoder") -> "Tokenizer | None":
    """Return a model's fast tokenizer, or None where it has another kind."""
    from tokenizers import Tokenizer

    found: Any = model.tokenizer
    backend = getattr(found, "backend_tokenizer", found)
    return backend if isinstance(backend, Tokenizer) else None
