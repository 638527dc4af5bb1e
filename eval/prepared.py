"""A dataset that is ready to be asked: indexed, its judgments held against its corpus."""

from dataclasses import dataclass, replace

from eval.answers import Answer, Asking
from eval.bench import Bench, Watch
from eval.corpus import Corpus, judged
from eval.dataset import Dataset
from eval.indexing import cut_of, index_corpus, index_for
from eval.measured import Asked
from eval.scores import CUTOFFS, LABELS, known_measure
from eval.scoring import score
from ingestion.load import LoadOptions, load
from retrieval.errors import InputError
from retrieval.kit import Kit
from retrieval.open_kit import Tools


@dataclass(frozen=True)
class Prepared:
    """What is asked of which corpus, and the tools of its index."""

    asked: Asked
    kit: Kit

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.asked.dataset.name

    @property
    def asking(self) -> Asking:
        """How its questions are asked."""
        bench = self.asked.bench
        documents = len(self.asked.corpus.ids)
        return Asking(bench.depth, bench.drop_self, self.asked.kept.judgments, documents)

    def measure(self, name: str) -> str:
        """Return the measure of a name. Raises: InputError that lists those of this dataset."""
        kept = replace(self.asked.kept, queries=self.asked.kept.queries[:1])
        nothing = {query.id: Answer() for query in kept.queries}
        try:
            return known_measure(
                name, score(kept, nothing, self.asked.bench.cutoffs).scores.measures
            )
        except InputError as error:
            raise InputError(f"{self.name}: {error}", "metric") from error


def prepared(bench: Bench, dataset: Dataset, tools: Tools, watch: Watch) -> Prepared:
    """Return a dataset that is ready; its corpus is indexed first, where it is not yet.

    Raises: AssayError where something is missing or cannot be used.
    """
    corpus = Corpus(dataset.judged_documents)
    cut = cut_of(dataset, bench.chunker, bench.embed)
    index = index_for(dataset, cut, tools)
    items = corpus.seen(load([dataset.corpus], LoadOptions()))
    report = index_corpus(items, (index, cut), tools, watch.indexing)
    for line in report.lines():
        watch.said(line)
    also = {
        "encoder": getattr(tools.embedder, "describe", dict)(),
        "indexed": report.as_json(),
    }
    return Prepared(Asked(bench, dataset, corpus, judged(dataset, corpus), also), tools.kit(index))


def cutoffs_with(metric: str, cutoffs: tuple[int, ...] = CUTOFFS) -> tuple[int, ...]:
    """Return the cutoffs with that of a measure among them.

    Raises: InputError for a measure that no dataset has: before anything is indexed.
    """
    _, at, cutoff = metric.rpartition("@")
    if not at or not cutoff.isdecimal() or not int(cutoff):
        raise InputError(f"metric: a measure at a cutoff, as nDCG@10, got {metric!r}.", "metric")
    known_measure(metric, [f"{family}@{cutoff}" for family in LABELS])
    return tuple(sorted({*cutoffs, int(cutoff)}))
