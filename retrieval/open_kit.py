"""From settings to tools: the one place that knows which adapter serves which setting."""

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from threading import Lock

from retrieval.adapters.cassette_llm import close_llm, open_llm
from retrieval.adapters.sparse import Bm25Sparse
from retrieval.clock import Clock
from retrieval.inside import check_answers
from retrieval.kit import Embedder, Indexes, Kit, Llm, Scorers, Sparse
from retrieval.pipeline import Pipeline, stage_name
from retrieval.prompts import without_model
from retrieval.settings import Settings
from retrieval.stages.rerank import cross_encoders


@dataclass(frozen=True)
class Tools:
    """What all indexes of one place share: the place itself and the models, each opened once.

    Models load on first use, so that commands that need none start at once. `close` lets go of
    the connections to stores and endpoints.
    """

    settings: Settings

    @cached_property
    def indexes(self) -> Indexes:
        """The indexes: on a Qdrant server where a URL is set, else in the data directory."""
        if self.settings.qdrant_url:
            from retrieval.adapters.store_server import ServerIndexes

            return ServerIndexes(self.settings)
        from retrieval.adapters.store_embedded import EmbeddedIndexes

        return EmbeddedIndexes(self.settings)

    @cached_property
    def embedder(self) -> Embedder:
        """The encoder of the settings."""
        from retrieval.adapters.embedder import open_embedder

        return open_embedder(self.settings)

    @cached_property
    def sparse(self) -> Sparse:
        """The BM25 terms."""
        return Bm25Sparse()

    @cached_property
    def scorer(self) -> Scorers:
        """The cross-encoders that pipelines name."""
        from retrieval.adapters.cross_encoder import CrossEncoders
        from retrieval.adapters.cross_encoder_open import open_cross_encoder

        return CrossEncoders(partial(open_cross_encoder, settings=self.settings))

    @cached_property
    def llm(self) -> Llm | None:
        """The language model, or its recording; None where the settings name none."""
        return open_llm(self.settings)

    @cached_property
    def _kits(self) -> dict[str, Kit]:
        return {}

    @cached_property
    def _lock(self) -> Lock:
        return Lock()

    def kit(self, index: str) -> Kit:
        """Return the kit of an index, the same one while the index is the same.

        Raises: NotFoundError for an unknown index, ConfigError for one that was built otherwise.
        """
        with self._lock:
            store = self.indexes.open(index)
            known = self._kits.get(index)
            if known is None or known.store.manifest.id != store.manifest.id:
                known = Kit(
                    self.embedder, self.sparse, store, scorer=self.scorer, llm=self.llm
                ).checked()
                self._kits[index] = known
            return known

    def load_models(self, pipeline: Pipeline) -> None:
        """Load the cross-encoders of a pipeline, so that nothing long begins without them.

        Raises: ConfigError with the ways out, also where a stage of its own (one behind a gate may
            never be run) asks a language model and there is none, and where one asks for an answer
            that is longer than `llm_tokens`.
        """
        check_answers(pipeline.stages, self.settings)
        for stage in pipeline.stages:
            if getattr(stage, "asks_model", False) and self.llm is None:
                raise without_model(stage_name(stage))
        for model in cross_encoders([pipeline]):
            self.scorer(model).scores("", [], Clock())

    def replaying(self, cassette: Path) -> "Tools":
        """Return these tools with a recording for a language model; all others are the same ones.

        Close these alone.
        """
        recorded = {"cassette": cassette, "cassette_mode": "replay"}
        found = Tools(self.settings.model_copy(update=recorded))
        for name in ("indexes", "embedder", "sparse", "scorer"):
            found.__dict__[name] = getattr(self, name)
        return found

    def close(self) -> None:
        """Let go of the connections that were made."""
        if "llm" in self.__dict__:
            close_llm(self.llm)
        if "embedder" in self.__dict__:
            getattr(self.embedder, "close", lambda: None)()
        if "indexes" in self.__dict__:
            self.indexes.close()
