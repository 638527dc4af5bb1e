"""Which of several runs is better, as two judges see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from eval.corpus import Corpus
from eval.corpus import judged as among
from eval.dataset import Dataset
from eval.jsonl import records
from eval.judging.labels import as_judgments, check_kind
from eval.judging.pool import Place, dataset_of
from eval.judgments import Judgment
from eval.passages import Place as Hit
from eval.passages import coverage, covers, passage_scores
from eval.results import PER_QUERY, Run
from eval.scoring import on_documents
from ingestion.load import LoadOptions, load
from retrieval.errors import InputError
from retrieval.types import Span

MEASURE, CUTOFF = "nDCG@10", 10
Ranked = Mapping[str, Sequence[Hit]]
"""Places of hits by question, best first."""


@dataclass(frozen=True)
class Systems:
    """Runs scored by each judge; `tau` of Kendall, `tau_ap` weighs the top more.

    `labelled` counts the questions that both judges labelled, `held` those of them in each run,
    `questions` those in every run: they are scored.
    """

    names: tuple[str, ...]
    one: tuple[float, ...]
    other: tuple[float, ...]
    tau: float | None
    tau_ap: float | None
    labelled: int
    held: tuple[int, ...]
    questions: int


def systems(runs: Sequence[Run], one: Mapping[Place, int], other: Mapping[Place, int]) -> Systems:
    """Score runs by the labels of two judges, each beside the judgments that the dataset has.

    Pools leave out what is judged already, so that labels alone would punish the run that found
    most of that. Grades count as `assay judge merge` writes them. Where a judge labelled what the
    dataset has a judgment on, the label counts: the same document, or a passage that holds half of
    the judged span. What has neither is irrelevant.

    Raises: InputError for runs over different datasets, labels of another one, a run that holds no
    question that both labelled, and where no such question is in all runs.
    """
    labelled = {place[0] for place in one} & {place[0] for place in other}
    ranked = [_ranked(run, labelled) for run in runs]
    for run, its in zip(runs, ranked, strict=True):
        if not its:
            raise InputError(
                f"{run.folder} holds none of the {len(labelled)} questions that both judges"
                " labelled; leave it out.",
                "run",
            )
    asked = sorted(labelled.intersection(*ranked))
    if not asked:
        raise InputError("No question that both judges labelled is in all of these runs.", "run")
    dataset = _dataset(runs)
    check_kind({**one, **other}, dataset)
    known = _known(dataset)
    means: list[list[float]] = []
    for labels in (one, other):
        judged = _judged(labels, known, asked)
        means.append([_mean(judged, its, dataset.form == "documents") for its in ranked])
    tau = stats.kendalltau(*means).statistic
    return Systems(
        tuple(run.name for run in runs),
        tuple(means[0]),
        tuple(means[1]),
        None if np.isnan(tau) else float(tau),
        tau_ap(*means),
        len(labelled),
        tuple(map(len, ranked)),
        len(asked),
    )


def _ranked(run: Run, labelled: set[str]) -> dict[str, list[Hit]]:
    """Return what a run found for labelled questions."""
    return {
        row["query_id"]: [Hit(hit["document_id"], Span(*hit["span"])) for hit in row["hits"]]
        for _, row in records(run.folder / PER_QUERY)
        if row["query_id"] in labelled
    }


def _dataset(runs: Sequence[Run]) -> Dataset:
    """Return the dataset of runs. Raises: InputError where they have not the same."""
    about = [run.manifest["dataset"] for run in runs]
    if len({(each["folder"], each["split"], each["hashes"]["corpus"]) for each in about}) > 1:
        named = dict.fromkeys(f"{each['folder']} ({each['split']})" for each in about)
        raise InputError(
            f"These runs are not over the same dataset: {', '.join(named)}, or its documents"
            " have changed in between. Measure them on the same one.",
            "run",
        )
    return dataset_of(runs[0])


def _known(dataset: Dataset) -> Mapping[str, Sequence[Judgment]]:
    """Return the judgments of a dataset; those on spans as they hold in its corpus."""
    if dataset.form == "documents":
        return dataset.judgments
    corpus = Corpus(dataset.judged_documents)
    for _ in corpus.seen(load([dataset.corpus], LoadOptions())):
        pass  # the corpus keeps what it has seen
    return among(dataset, corpus).judgments


def _judged(
    labels: Mapping[Place, int], known: Mapping[str, Sequence[Judgment]], asked: Sequence[str]
) -> dict[str, list[Judgment]]:
    """Return a judge's labels by question, and the judgments that none of them replaces."""
    found: dict[str, list[Judgment]] = {id: [] for id in asked}
    for each in as_judgments(labels):
        if each.query_id in found:
            found[each.query_id].append(each)
    for id, given in found.items():
        rest = []
        for old in known.get(id, ()):
            places = [place for place, new in enumerate(given) if _replaces(new, old)]
            for place in places:
                given[place] = replace(given[place], group=old.group)
            rest += [] if places else [old]
        given += rest
    return found


def _replaces(label: Judgment, old: Judgment) -> bool:
    if label.span is None:
        return label.document_id == old.document_id
    return covers(Hit(label.document_id, label.span), old)


def _mean(judged: Mapping[str, Sequence[Judgment]], ranked: Ranked, whole: bool) -> float:
    """Return the mean of the measure over the judged questions."""
    if whole:
        documents = {id: [hit.document_id for hit in ranked[id]] for id in judged}
        found = on_documents(judged, documents, (CUTOFF,))
    else:
        hits = {id: list(dict.fromkeys(ranked[id])) for id in judged}
        found = passage_scores({id: coverage(judged[id], hits[id]) for id in judged}, (CUTOFF,))
    return float(found.of(MEASURE).mean())


def tau_ap(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return the AP correlation of two rankings of systems by their scores, in [-1, 1].

    The mean of both directions, so that neither ranking is the true one. In a direction, the
    systems with the best score are left out; for each of the others, the share of those with a
    better score that the other ranking has above it too, where a tie is not above. The mean share
    s becomes 2 s - 1. None where all scores of a ranking are the same, as with Kendall's tau.

    Source: tau_AP,b of Urbano and Marrero 2017, ICTIR, "The Treatment of Ties in AP Correlation",
    after Yilmaz, Aslam and Robertson 2008, SIGIR, section 3.
    Differs: Yilmaz et al. have no ties, and one direction, from an estimated ranking to the true
    one; without ties, this is the mean of both of theirs.
    """
    if len(set(one)) < 2 or len(set(other)) < 2:
        return None
    return (_shares(one, other) + _shares(other, one)) - 1


def _shares(ranking: Sequence[float], other: Sequence[float]) -> float:
    """Return the mean, over the systems below the top, of how many above them stay there."""
    shares = []
    for each, score in enumerate(ranking):
        above = [i for i, better in enumerate(ranking) if better > score]
        if above:
            shares.append(sum(other[i] > other[each] for i in above) / len(above))
    return sum(shares) / len(shares)
