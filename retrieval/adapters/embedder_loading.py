"""A sentence-transformers model in memory, and what an embedder must know of it."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.errors import ConfigError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

UNLOADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ImportError,
    RuntimeError,
)
"""What the libraries raise for files that are no model, or one that asks for code of its own."""
UNLIMITED = 100_000
"""The limit of a model that has none: a number, as manifests and chunkers want."""


@dataclass(frozen=True)
class Traits:
    """What a model's own files say. `limit` counts tokens, special ones included."""

    dimension: int
    limit: int
    query_prompt: str
    passage_prompt: str
    pad_id: int = 0
    pad_left: bool = False


@contextmanager
def loading(what: str, way_out: str) -> Iterator[None]:
    """Load a model in here, without the libraries' notes and progress bars.

    Raises: ConfigError that begins with `what` for files that are no model.
    """
    from safetensors import SafetensorError
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (*UNLOADABLE, SafetensorError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise ConfigError(f"{what} ({reason}). {way_out}") from error


def load(folder: Path, device: str) -> "SentenceTransformer":
    """Return a model, from local files only and without running code that comes with it.

    Raises: ConfigError that names the folder.
    """
    from sentence_transformers import SentenceTransformer

    what = f"Encoder: sentence-transformers cannot load {folder}"
    with loading(what, "Set encoder to a complete model that needs no code of its own."):
        model = SentenceTransformer(str(folder), device=device, local_files_only=True)
    if isinstance(model.max_seq_length, int) and model.max_seq_length >= UNLIMITED:
        model.max_seq_length = traits(model).limit
    return model.float().eval()


def traits(model: "SentenceTransformer") -> Traits:
    """Return what a loaded model says of itself. Raises: ConfigError without a dimension."""
    dimension = model.get_embedding_dimension()
    if dimension is None:
        raise ConfigError("Encoder: the model does not say how long its vectors are.")
    tokenizer = model.tokenizer
    return Traits(
        dimension,
        _limit(model),
        _prompt(model, "query"),
        _prompt(model, "document", "passage", "corpus"),
        getattr(tokenizer, "pad_token_id", None) or 0,
        getattr(tokenizer, "padding_side", "right") == "left",
    )


def fast_tokenizer(model: "SentenceTransformer") -> "Tokenizer":
    """Return a copy of a model's tokenizer that cuts where the model does.

    Raises: ConfigError if it is of a kind that gives no character offsets.
    """
    from tokenizers import Tokenizer

    found: Any = model.tokenizer
    backend = getattr(found, "backend_tokenizer", found)
    if not isinstance(backend, Tokenizer):
        raise ConfigError(
            f"Encoder: its tokenizer {type(found).__name__} gives no character offsets, which"
            " chunkers need. Set encoder to a model with a fast tokenizer (tokenizer.json)."
        )
    copy = Tokenizer.from_str(backend.to_str())
    side = getattr(found, "truncation_side", "right")
    copy.enable_truncation(traits(model).limit, direction=side)
    return copy


def _limit(model: "SentenceTransformer") -> int:
    """What the model reads, where it says so; else the positions it has, if they are numbered."""
    said = model.max_seq_length
    if said is not None and 0 < said < UNLIMITED:
        return int(said)
    positions = getattr(model.config, "max_position_embeddings", None)
    return positions if isinstance(positions, int) else UNLIMITED


def _prompt(model: "SentenceTransformer", *names: str) -> str:
    """The first that says something: the library fills in empty ones that a model has not."""
    found = (model.prompts.get(name) for name in names)
    return next((prompt for prompt in found if prompt), "")
