"""Torch runs the encoder through sentence-transformers itself: on CUDA, and for unusual models."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.adapters.embedder_batches import Item, Kind
from retrieval.errors import ProviderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

CPU_BATCH_TOKENS = 1024
CUDA_BATCH_TOKENS = 16_384


@dataclass(frozen=True)
class TorchRuntime:
    """A loaded model. It cuts and pads by itself, and sees each text without its prompt."""

    model: "SentenceTransformer"
    query_prompt: str
    passage_prompt: str
    bf16: bool
    streams = 1

    @property
    def batch_tokens(self) -> int:
        """How many padded tokens a batch should have."""
        return CUDA_BATCH_TOKENS if self.model.device.type == "cuda" else CPU_BATCH_TOKENS

    def run(self, items: Sequence[Item], kind: Kind) -> NDArray[np.float32]:
        """Return one row an item, in order."""
        return np.asarray(self._encoded(items, kind), dtype=np.float32)

    def tokens(self, items: Sequence[Item], kind: Kind) -> list[NDArray[np.float32]]:
        """Return for each item one row a token; those that fill up on the left are left out."""
        try:
            found = self._encoded(items, kind, output_value="token_embeddings")
        except KeyError as error:
            raise ProviderError("The encoder is a model without vectors of tokens.") from error
        rows = [each.float().cpu().numpy() for each in found]
        return [each[-len(item.ids) :] for each, item in zip(rows, items, strict=True)]

    def _encoded(self, items: Sequence[Item], kind: Kind, **others: Any) -> Any:
        query = kind == "query"
        try:
            with self._precision(kind):
                return self.model.encode(
                    [item.text for item in items],
                    prompt=self.query_prompt if query else self.passage_prompt,
                    batch_size=len(items),
                    show_progress_bar=False,
                    task="query" if query else "document",
                    **others,
                )
        except RuntimeError as error:
            raise ProviderError(f"Torch failed on {len(items)} texts: {error}") from error

    def describe(self) -> dict[str, Any]:
        """Return what runs the model."""
        import torch

        return {
            "backend": "torch",
            "device": str(self.model.device),
            "precision": "bf16" if self.bf16 else "fp32",
            "threads": torch.get_num_threads(),
        }

    def _precision(self, kind: Kind) -> AbstractContextManager[Any]:
        import torch

        if not self.bf16 or kind == "query":
            return nullcontext()
        return torch.autocast(self.model.device.type, dtype=torch.bfloat16)


def cuda() -> bool:
    """Return whether torch can compute on CUDA; a machine without a driver is told at once."""
    import ctypes
    import sys
    from importlib.metadata import version

    try:
        if "+cpu" in version("torch"):
            return False
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except (ImportError, OSError):
        return False
    import torch

    return torch.cuda.is_available()


def cuda_has_bf16() -> bool:
    """Return whether the CUDA device computes in bf16 natively."""
    import torch

    return bool(torch.cuda.is_bf16_supported())
