"""Weights for the learned reranker, fitted on judged questions and proven on held-out ones.

Pairs of hits of one question, one judged better than the other, say which features tell them
apart. What is reported is measured on questions that the weights were not fitted on; where there
are several sets, also on each set with the weights of the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from eval.bench import Watch
from eval.rerank_lists import MEASURE, Asked, JudgedSet, Listed, Values, collected
from eval.statistics import intervals, paired_t
from retrieval.config import load_pipeline
from retrieval.errors import ConfigError, InputError
from retrieval.features import FEATURES
from retrieval.open_kit import Tools
from retrieval.rerank_weights import as_toml, fusion_of
from retrieval.stages.rerank import Rerank

PAIRS = 20
"""So many pairs of a question are drawn in a sampling, so that no question outweighs others."""
RIDGE = 1e-2
TOLERANCE = 1e-12


@dataclass(frozen=True)
class Training:
    """What weights are fitted on: folders with their splits, and the pipeline before rerank."""

    datasets: tuple[tuple[Path, str | None], ...]
    pipeline: str = "hybrid"
    depth: int = 50
    blend: float = 0.7
    samplings: int = 10
    folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges. Raises: InputError, ConfigError."""
        for name, least in (("depth", 2), ("samplings", 1), ("folds", 2)):
            if getattr(self, name) < least:
                raise InputError(f"{name}: {least} or more, got {getattr(self, name)}.", name)
        Rerank(blend=self.blend)


@dataclass(frozen=True)
class Trained:
    """Fitted weights, how they vary between samplings, and what they gain.

    `sets`: on held-out questions of each set; `left_out`: on each set with weights of the others,
    nothing where there is one set only. `fitted_on` are the sets by the hash of their questions.
    """

    weights: Values
    spread: Values
    fusion: Mapping[str, Any]
    sets: Sequence[Mapping[str, Any]]
    left_out: Sequence[Mapping[str, Any]]
    fitted_on: Mapping[str, str]

    def as_toml(self) -> str:
        """Return the weights as a file."""
        return as_toml(list(self.weights), self.fusion, self.fitted_on)

    def as_json(self) -> dict[str, Any]:
        """Return the weights, their spread and the held-out gains."""
        return {
            "weights": dict(zip(FEATURES, map(float, self.weights), strict=True)),
            "spread": dict(zip(FEATURES, map(float, self.spread), strict=True)),
            "fusion": dict(self.fusion),
            "held_out": list(self.sets),
            "left_out": list(self.left_out),
        }

    def lines(self) -> list[str]:
        """Return the weights, the largest first, and the held-out gains as lines to print."""
        order = np.argsort(-np.abs(self.weights), kind="stable")
        found = ["Weights, and how far they vary between samplings:"]
        found += [f"  {FEATURES[i]:15}{self.weights[i]:+.3f} ±{self.spread[i]:.3f}" for i in order]
        found.append(f"{MEASURE} of held-out questions, without and with reranking:")
        found += [f"  {_gain(each)}" for each in self.sets]
        if self.left_out:
            found.append(f"{MEASURE} of each set, with weights of the others alone:")
        return found + [f"  {_gain(each)}" for each in self.left_out]


def train(training: Training, tools: Tools, watch: Watch | None = None) -> Trained:
    """Return weights fitted on all questions, and what they gain by cross-validation.

    Raises: ConfigError for a pipeline that has no fusion or reranks already; InputError where too
    few questions have a better and a worse hit.
    """
    pipeline = load_pipeline(training.pipeline, tools.settings.pipelines_dir)
    fusion = fusion_of(pipeline.stages)
    if fusion is None or any(isinstance(stage, Rerank) for stage in pipeline.stages):
        raise ConfigError(
            f"Pipeline {pipeline.name!r}: weights are fitted on a pipeline with a fuse stage and"
            " without rerank. Take that stage out."
        )
    tools.load_models(pipeline)
    watch = watch or Watch()
    sets = [
        collected(Asked(folder, split, pipeline, training.depth), tools, watch)
        for folder, split in training.datasets
    ]
    weights, spread = fitted([list(one.lists.values()) for one in sets], training)
    folds, others = held_out(sets, training), left_out(sets, training)
    blend = training.blend
    held = [_gained(one, own, blend) for one, own in zip(sets, folds, strict=True)]
    apart = [_gained(sets[i], own, blend) for i, own in others.items()]
    names = {one.questions: f"{one.name}: {len(one.lists)} questions" for one in sets}
    return Trained(weights, spread, fusion, held, apart, names)


def fitted(sets: Sequence[Sequence[Listed]], training: Training) -> tuple[Values, Values]:
    """Return the mean weights over the samplings, and their standard deviation.

    Every set counts as much as any other, and every question of a set as any other of it.
    Raises: InputError where no question has a better and a worse hit.
    """
    random = np.random.default_rng(training.seed)
    telling = [each for each in _telling(sets) if each]
    if not telling:
        raise InputError(
            "No question has both a better and a worse judged hit among its first"
            f" {training.depth}: there is nothing to learn from.",
            "dataset",
        )
    found = []
    for _ in range(training.samplings):
        drawn = [[_pairs(each, random) for each in one] for one in telling]
        shares = [np.full(PAIRS * len(one), 1 / (PAIRS * len(one))) for one in drawn]
        pairs = np.vstack([each for one in drawn for each in one])
        found.append(logistic(pairs, np.concatenate(shares) / len(telling)))
    return np.mean(found, axis=0), np.std(found, axis=0)


def logistic(pairs: Values, shares: Values) -> Values:
    """Return the w >= 0 that minimise the sum of s ln(1 + exp(-w x)) + (ridge / 2) w w.

    `pairs` has a row x for each pair, the better one's features less the worse one's; `shares` are
    the s, with the sum 1. No weight is below 0: every feature is made to speak for a passage, and
    one that speaks against it does so by chance or for the sake of another.

    Source: Burges et al. 2005, ICML (RankNet), section 3, with a linear model.
    """

    def loss(weights: Values) -> tuple[float, Values]:
        margins = pairs @ weights
        value = shares @ np.logaddexp(0, -margins) + RIDGE / 2 * weights @ weights
        return float(value), RIDGE * weights - pairs.T @ (shares * expit(-margins))

    start, bounds = np.zeros(pairs.shape[1]), [(0, None)] * pairs.shape[1]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, tol=TOLERANCE)
    return np.asarray(found.x)


def held_out(sets: Sequence[JudgedSet], training: Training) -> list[dict[str, Values]]:
    """Return for each set the weights that each question is measured with: fitted without it.

    Every set's questions are dealt over the folds at random. Raises: InputError for fewer questions
    than folds.
    """
    random = np.random.default_rng(training.seed)
    names = [(i, id) for i, one in enumerate(sets) for id in one.lists]
    if len(names) < training.folds:
        raise InputError(
            f"{training.folds} folds need as many judged questions, got {len(names)}.", "folds"
        )
    dealt = random.permutation(len(names)) % training.folds
    found: list[dict[str, Values]] = [{} for _ in sets]
    for fold in range(training.folds):
        others: list[list[Listed]] = [[] for _ in sets]
        for (i, id), own in zip(names, dealt, strict=True):
            if own != fold:
                others[i].append(sets[i].lists[id])
        weights, _ = fitted(others, training)
        for (i, id), own in zip(names, dealt, strict=True):
            if own == fold:
                found[i][id] = weights
    return found


def left_out(sets: Sequence[JudgedSet], training: Training) -> dict[int, dict[str, Values]]:
    """Return by a set's place the weights of all others, for each of its questions.

    A set is left out where the others teach nothing, or there are none.
    """
    found = {}
    for place, one in enumerate(sets):
        others = [list(other.lists.values()) for other in sets if other is not one]
        if any(_telling(others)):
            found[place] = dict.fromkeys(one.lists, fitted(others, training)[0])
    return found


def _telling(sets: Sequence[Sequence[Listed]]) -> list[list[Listed]]:
    """The lists of each set that hold a better and a worse hit."""
    return [[each for each in one if len(set(each.grades)) > 1] for one in sets]


def _pairs(listed: Listed, random: np.random.Generator) -> Values:
    """Draw pairs of a question's hits, a better and a worse one, with replacement."""
    grades = np.array(listed.grades)
    better, worse = np.nonzero(grades[:, None] > grades[None, :])
    drawn = random.integers(0, len(better), PAIRS)
    return listed.columns[better[drawn]] - listed.columns[worse[drawn]]


def _gained(one: JudgedSet, weights: Mapping[str, Values], blend: float) -> dict[str, Any]:
    before = one.scored({id: each.hits for id, each in one.lists.items()})
    after = one.scored({id: it.reordered(weights[id], blend) for id, it in one.lists.items()})
    change = after - before
    low, high = (float(end[0]) for end in intervals(change[:, None]))
    return {
        "name": one.name,
        "queries": len(change),
        "before": float(before.mean()),
        "after": float(after.mean()),
        "change": float(change.mean()),
        "low": None if np.isnan(low) else low,
        "high": None if np.isnan(high) else high,
        "p": paired_t(change),
    }


def _gain(found: Mapping[str, Any]) -> str:
    p = "" if found["p"] is None else f", p {found['p']:.2g}"
    sure = "" if found["low"] is None else f" [{found['low']:+.4f}, {found['high']:+.4f}]"
    return (
        f"{found['name']}: {found['before']:.4f} -> {found['after']:.4f}, {found['change']:+.4f}"
        f"{sure}{p}, {found['queries']} questions"
    )
