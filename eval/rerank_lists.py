"""Judged questions with the hits that a reranker sees: what weights are fitted and proven on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.answers import Answer
from eval.bench import Watch
from eval.corpus import Corpus, Judged, judged
from eval.dataset import load_dataset
from eval.indexing import cut_of, index_corpus, index_for
from eval.scoring import score
from ingestion.load import LoadOptions, load
from retrieval.features import FEATURES, features, standard
from retrieval.kit import Kit
from retrieval.open_kit import Tools
from retrieval.pipeline import Pipeline, run
from retrieval.stages.rerank import blended
from retrieval.types import Hit, Search

Values = NDArray[np.float64]
MEASURE = "nDCG@10"
CUTOFF = 10


@dataclass(frozen=True)
class Asked:
    """How a dataset's questions are asked: its folder and split, the pipeline, how deep."""

    folder: Path
    split: str | None
    pipeline: Pipeline
    depth: int


@dataclass(frozen=True)
class Listed:
    """The first hits of one question, best first.

    `columns` are their features in standard deviations, of shape (hits, features); `grades` what
    the hits are worth.
    """

    hits: tuple[Hit, ...]
    columns: Values
    grades: tuple[int, ...] = ()

    def reordered(self, weights: Values, blend: float) -> list[Hit]:
        """Return the hits as the learned reranker orders them."""
        if not self.hits:
            return []
        mixed = blended([hit.score for hit in self.hits], list(self.columns @ weights), blend)
        order = sorted(range(len(mixed)), key=lambda i: (-mixed[i], self.hits[i].chunk.id))
        return [self.hits[i] for i in order]


@dataclass(frozen=True)
class JudgedSet:
    """A dataset's answerable questions with their hits, by the question's id.

    `questions` is the hash by which they are known again.
    """

    name: str
    kept: Judged
    lists: Mapping[str, Listed]
    questions: str = ""

    def scored(self, orders: Mapping[str, Sequence[Hit]]) -> Values:
        """Return nDCG@10 of each question, in order, from hits by the question's id."""
        answers = {id: _answer(hits) for id, hits in orders.items()}
        return score(self.kept, answers, (CUTOFF,)).scores.of(MEASURE)


def collected(asked: Asked, tools: Tools, watch: Watch) -> JudgedSet:
    """Ask a dataset's questions. The corpus is indexed first, where it is not yet.

    Raises: AssayError where something is missing, cannot be used, or fails.
    """
    dataset = load_dataset(asked.folder, asked.split)
    corpus = Corpus(dataset.judged_documents)
    cut = cut_of(dataset, None, None)
    name = index_for(dataset, cut, tools)
    items = corpus.seen(load([dataset.corpus], LoadOptions()))
    index_corpus(items, (name, cut), tools, watch.indexing)
    kept = judged(dataset, corpus)
    kit = tools.kit(name)
    lists = {}
    for number, query in enumerate(kept.queries, 1):
        lists[query.id] = _listed(query.text, asked, kit.at(None, None, strict=True))
        watch.asked(number, len(kept.queries))
    answers = {id: _answer(each.hits) for id, each in lists.items()}
    grades = score(kept, answers, (CUTOFF,)).grades
    split = f" ({asked.split})" if asked.split else ""
    return JudgedSet(
        f"{dataset.name}{split}",
        kept,
        {id: Listed(it.hits, it.columns, tuple(grades[id])) for id, it in lists.items()},
        dataset.question_digest,
    )


def _listed(query: str, asked: Asked, kit: Kit) -> Listed:
    """An empty question finds nothing."""
    if not query.strip():
        return Listed((), np.empty((0, len(FEATURES))))
    search = run(asked.pipeline, Search.of(query, asked.depth), kit)
    return Listed(search.hits, standard(features(search, search.hits, kit)))


def _answer(hits: Sequence[Hit]) -> Answer:
    return Answer(tuple(hits), documents=tuple(dict.fromkeys(h.chunk.document_id for h in hits)))
