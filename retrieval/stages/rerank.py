"""Reranking: the first hits in a better order, by a second look at question and passage."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from retrieval.best_window import best_window
from retrieval.embedded_text import embedded_prefix
from retrieval.errors import ConfigError, ProviderError
from retrieval.features import FEATURES, features, standard
from retrieval.inside import every_stage
from retrieval.kit import Kit
from retrieval.late_interaction import maxsim_scores
from retrieval.pipeline import Stage
from retrieval.rerank_weights import Weights, check_fusion, folder_digest, load_weights
from retrieval.stages.fuse import min_max
from retrieval.types import Chunk, Hit, Search, ordered

NOTED = 3
ENCODED = 20
"""How many passages may be encoded for one question."""


@dataclass(frozen=True)
class Rerank:
    """The first `depth` hits by a mixture of two scores: `blend` is the share of the new one.

    Both scores are brought to [0, 1] over these hits (min-max). Hits below keep their order below,
    with scores under 0. A score that is missing or no number is an error: the fused order stays.

    `kind`: `learned`: a linear model over cheap features (see `retrieval/features`), each in
    standard deviations over these hits; `weights` is a file of `assay rerank train`, '' the one
    that comes with Assay. It belongs to one fusion, and a pipeline with another is refused.
    `cross_encoder`: the sentence-transformers cross-encoder `model`, by name or path, reads the
    question and at most `tokens` tokens of each passage (see `retrieval/best_window`).
    `maxsim`: each of the question's tokens looks for its nearest token in that part of the passage,
    by the index's own encoder (see `retrieval/late_interaction`), which encodes every passage anew:
    `depth` is 20 or less. An encoder is trained for the vectors of whole texts, not for this, so
    that it takes a small `blend`, as 0.3, and a measurement.

    Source: `learned`: the features and the pairwise fit are ours, after Joachims 2002, KDD
    (ranking from pairs); `cross_encoder`: Nogueira and Cho 2019, arXiv 1901.04085; `maxsim`:
    Khattab and Zaharia 2020, arXiv 2004.12832; mixing: as the convex fusion of Bruch, Gai and
    Ingber 2022, arXiv 2210.11934.
    """

    kind: Literal["learned", "cross_encoder", "maxsim"] = "learned"
    model: str = ""
    blend: float = 0.7
    depth: int = 50
    tokens: int = 192
    weights: str = ""
    reads: ClassVar[tuple[str, ...]] = ("query", "rankings", "hits")
    writes: ClassVar[tuple[str, ...]] = ("hits",)
    optional: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the ranges, and read the weights."""
        if not 0 <= self.blend <= 1:
            raise ConfigError(f"rerank.blend: 0 to 1, got {self.blend}.")
        for name, least, most in (("depth", 2, 1000), ("tokens", 16, 8192)):
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"rerank.{name}: {least} to {most}, got {getattr(self, name)}.")
        if bool(self.model) != (self.kind == "cross_encoder"):
            raise ConfigError(
                "rerank.model: the name or path of a cross-encoder, for kind = 'cross_encoder' and"
                f" no other; got {self.model!r} with kind = {self.kind!r}."
            )
        if self.kind == "maxsim" and self.depth > ENCODED:
            raise ConfigError(
                f"rerank.depth: at most {ENCODED} for kind = 'maxsim', which encodes every passage"
                f" again; got {self.depth}."
            )
        if self.weights and self.kind != "learned":
            raise ConfigError("rerank.weights: for kind = 'learned' only.")
        if self.kind == "learned":
            _ = self._weights

    @property
    def depends(self) -> dict[str, Any]:
        """What the weights file says, or what is in the model's folder if it is one."""
        if self.kind == "learned":
            return {"weights": self._weights.digest}
        return {"model": self._model_digest} if self.model else {}

    @property
    def fitted_on(self) -> Mapping[str, str]:
        """The sets of questions that its weights were fitted on: a name by the questions' hash."""
        return self._weights.fitted_on if self.kind == "learned" else {}

    def check(self, before: Sequence[Stage]) -> None:
        """Refuse a fusion that the weights were not fitted on. Raises: ConfigError."""
        if self.kind == "learned":
            check_fusion(self._weights, before)

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Reorder the first hits."""
        hits, rest = search.hits[: self.depth], search.hits[self.depth :]
        if not hits:
            return search
        by, columns = f"rerank:{self.kind}", None
        if self.kind == "learned":
            columns = features(search, hits, kit)
            scores = learned(columns, self._weights.values)
        else:
            scores = self._read(search, hits, kit)
        _checked(scores, hits, self.model or self.kind)
        mixed = blended([hit.score for hit in hits], scores, self.blend)
        new = [
            hit.scored(by, score).scored("rerank", value)
            for hit, score, value in zip(hits, scores, mixed, strict=True)
        ]
        found = replace(search, hits=(*ordered(new), *_below(hits, rest)))
        if columns is None:
            return found
        return found.noted(*_explained(found.hits, hits, columns), *_missing(kit))

    @cached_property
    def _weights(self) -> Weights:
        return load_weights(self.weights)

    @cached_property
    def _model_digest(self) -> str:
        return folder_digest(Path(self.model).expanduser())

    def _read(self, search: Search, hits: Sequence[Hit], kit: Kit) -> list[float]:
        texts = [self._text(search.query, hit.chunk, kit) for hit in hits]
        if self.kind == "maxsim":
            return maxsim_scores(search.query, texts, kit)
        if kit.scorer is None:
            raise ProviderError("rerank: these tools have no cross-encoder.")
        return list(kit.scorer(self.model).scores(search.query, texts, kit.clock))

    def _text(self, query: str, chunk: Chunk, kit: Kit) -> str:
        title = str(chunk.meta.get("title") or "")
        before = embedded_prefix(kit.store.manifest.embed, title, chunk.heading)
        return before + best_window(query, chunk.text, self.tokens, kit)


def cross_encoders(stages: Sequence[Stage]) -> list[str]:
    """Return the names of the cross-encoders that stages need, sorted, each once."""
    found = (stage.model for stage in every_stage(stages) if isinstance(stage, Rerank))
    return sorted({model for model in found if model})


def needs_tokens(stages: Sequence[Stage]) -> bool:
    """Return whether stages compare the vectors of tokens."""
    return any(isinstance(each, Rerank) and each.kind == "maxsim" for each in every_stage(stages))


def learned(columns: np.ndarray, weights: Sequence[float]) -> list[float]:
    """Return the linear model's score of each hit."""
    found: list[float] = (standard(columns) @ np.asarray(weights)).tolist()
    return found


def blended(fused: Sequence[float], scores: Sequence[float], blend: float) -> list[float]:
    """Return the mixture of two scores of each hit, in [0, 1]; `blend` is the second's share."""
    pairs = zip(min_max(fused), min_max(scores), strict=True)
    return [(1 - blend) * old + blend * new for old, new in pairs]


def _checked(scores: Sequence[float], hits: Sequence[Hit], what: str) -> None:
    """Raises: ProviderError where there is not one number for each hit."""
    fine = sum(map(math.isfinite, scores))
    if fine < len(hits) or len(scores) != len(hits):
        raise ProviderError(
            f"rerank: {what} gave {fine} usable scores for {len(hits)} passages; the order stays"
            " that of the stage before."
        )


def _below(hits: Sequence[Hit], rest: Sequence[Hit]) -> list[Hit]:
    """Return the hits that were not looked at, their scores as far below 0 as they were apart."""
    low = hits[-1].score
    return [hit.scored("rerank", hit.score - low - 1) for hit in rest]


def _missing(kit: Kit) -> list[str]:
    """Say what an index without vectors of titles does not tell."""
    if kit.store.manifest.titled:
        return []
    return ["this index keeps no vectors of titles: ingest into a new one to have them counted"]


def _explained(new: Sequence[Hit], old: Sequence[Hit], columns: np.ndarray) -> list[str]:
    """Return the features of the first hits, as notes of the trace."""
    rows = {hit.chunk.id: row for hit, row in zip(old, columns, strict=True)}
    places = {hit.chunk.id: rank for rank, hit in enumerate(old, 1)}
    return [
        f"{rank}. was {places[hit.chunk.id]}: "
        + ", ".join(f"{n} {v:.3g}" for n, v in zip(FEATURES, rows[hit.chunk.id], strict=True))
        for rank, hit in enumerate(new[: min(NOTED, len(old))], 1)
    ]
