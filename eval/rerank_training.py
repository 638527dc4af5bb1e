"""Weights for the learned reranker, fitted on judged questions and proven on held-out ones.

Pairs of hits of one question, one judged better than the other, say which features tell them
apart. What is reported is measured on questions that the weights were not fitted on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

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
RIDGE = 1e-3
STEPS = 100
SMALL = 1e-9


@dataclass(frozen=True)
class Training:
    """What weights are fitted on: folders with their splits, and the pipeline before rerank."""

    datasets: tuple[tuple[Path, str | None], ...]
    pipeline: str = "hybrid"
    depth: int = 50
    blend: float = 0.5
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
    """Fitted weights, how they vary between samplings, and what they gain on held-out questions."""

    weights: Values
    spread: Values
    fusion: Mapping[str, Any]
    sets: Sequence[Mapping[str, Any]]

    def as_toml(self) -> str:
        """Return the weights as a file."""
        sets = [f"{each['name']}: {each['queries']} questions" for each in self.sets]
        return as_toml(list(self.weights), self.fusion, {"fitted_on": sets})

    def as_json(self) -> dict[str, Any]:
        """Return the weights, their spread and the held-out gains."""
        return {
            "weights": dict(zip(FEATURES, map(float, self.weights), strict=True)),
            "spread": dict(zip(FEATURES, map(float, self.spread), strict=True)),
            "fusion": dict(self.fusion),
            "held_out": list(self.sets),
        }

    def lines(self) -> list[str]:
        """Return the weights, the largest first, and the held-out gains as lines to print."""
        order = np.argsort(-np.abs(self.weights), kind="stable")
        found = ["Weights, and how far they vary between samplings:"]
        found += [f"  {FEATURES[i]:15}{self.weights[i]:+.3f} ±{self.spread[i]:.3f}" for i in order]
        found.append(f"{MEASURE} of held-out questions, without and with reranking:")
        return found + [f"  {_gain(each)}" for each in self.sets]


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
    weights, spread = fitted([each for one in sets for each in one.lists.values()], training)
    folds = held_out(sets, training)
    gains = [_gained(one, folds[i], training.blend) for i, one in enumerate(sets)]
    return Trained(weights, spread, fusion, gains)


def fitted(lists: Sequence[Listed], training: Training) -> tuple[Values, Values]:
    """Return the mean weights over the samplings, and their standard deviation.

    Raises: InputError where no question has a better and a worse hit.
    """
    random = np.random.default_rng(training.seed)
    telling = [each for each in lists if len(set(each.grades)) > 1]
    if not telling:
        raise InputError(
            "No question has both a better and a worse judged hit among its first"
            f" {training.depth}: there is nothing to learn from.",
            "dataset",
        )
    found = []
    for _ in range(training.samplings):
        pairs = np.vstack([_pairs(each, random) for each in telling])
        found.append(logistic(pairs))
    return np.mean(found, axis=0), np.std(found, axis=0)


def logistic(pairs: Values) -> Values:
    """Return the weights w that minimise the mean of ln(1 + exp(-w x)) + (ridge / 2) w w.

    `pairs` has a row for each pair: the better one's features less the worse one's.

    Source: Newton's method as in Hastie, Tibshirani and Friedman 2009, section 4.4.1; a logistic
    loss over pairs: Burges et al. 2005, ICML (RankNet), section 3, with a linear model.
    """
    weights = np.zeros(pairs.shape[1])
    for _ in range(STEPS):
        worse = 1 / (1 + np.exp(np.clip(pairs @ weights, -500, 500)))
        slope = RIDGE * weights - pairs.T @ worse / len(pairs)
        curve = (pairs.T * (worse * (1 - worse))) @ pairs / len(pairs)
        step = np.linalg.solve(curve + RIDGE * np.eye(len(weights)), slope)
        weights = weights - step
        if np.abs(step).max() < SMALL:
            break
    return weights


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
        others = [
            sets[i].lists[id] for (i, id), own in zip(names, dealt, strict=True) if own != fold
        ]
        weights, _ = fitted(others, training)
        for (i, id), own in zip(names, dealt, strict=True):
            if own == fold:
                found[i][id] = weights
    return found


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
