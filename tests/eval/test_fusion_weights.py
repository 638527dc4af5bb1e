"""Shares of the dense leg by domain: chosen by hand-made grids, and fitted on a small dataset."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.bench import Bench
from eval.fusion_weights import (
    AS_GIVEN,
    BY_LABEL,
    BY_ROUTE,
    ONE,
    SHARES,
    FusionTraining,
    fit_fusion,
    shares_of,
)
from retrieval.config import build_pipeline
from retrieval.errors import ConfigError, InputError

VOTES = {"use": "route", "how": "label", "votes": 3}
TEXTS = {
    "pets": ["the cat sleeps on the sill", "the dog barks at the cat", "a bird sings at dawn"],
    "food": ["bread is baked in the oven", "the cook salts the soup", "hot dog with mustard"],
}


def grid_of(*peaks: float) -> np.ndarray[Any, Any]:
    """The measure of questions that falls by 1 for each 1 of distance to their best share."""
    return np.array([[1 - abs(share - peak) for peak in peaks] for share in SHARES])


def test_a_domain_has_the_share_that_is_best_for_its_questions() -> None:
    found = shares_of(grid_of(0.2, 0.2, 0.8), ["a", "a", "b"], prior=0)
    assert found.domains == {"a": 0.2, "b": 0.8}
    assert found.alpha == 0.2  # the median of the peaks is best for all


def test_few_questions_count_little_beside_all() -> None:
    # b's one question pulls to .8 with weight 1; the prior to the mean of all, whose best is .2,
    # with weight 3 * (2/3 - 1/3) = 1 below .8: at a prior of more than 3 it stays at .2.
    grid = grid_of(0.2, 0.2, 0.8)
    assert shares_of(grid, ["a", "a", "b"], prior=2.9).domains["b"] == 0.8
    assert shares_of(grid, ["a", "a", "b"], prior=3.1).domains["b"] == 0.2


def test_of_equally_good_shares_the_middle_one_is_taken() -> None:
    flat = np.ones((len(SHARES), 2))
    found = shares_of(flat, ["a", "b"], prior=0)
    assert (found.alpha, found.domains) == (0.5, {"a": 0.5, "b": 0.5})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A BEIR folder of two domains: each document is asked for by its first words."""
    found = tmp_path / "two"
    (found / "qrels").mkdir(parents=True)
    rows = [(f"{d}{n}", d, text) for d, texts in TEXTS.items() for n, text in enumerate(texts)]
    for name, cut in (("corpus", 99), ("queries", 3)):
        records = [
            {"_id": id, "text": " ".join(text.split()[:cut]), "metadata": {"domain": d}}
            for id, d, text in rows
        ]
        (found / f"{name}.jsonl").write_text("\n".join(map(json.dumps, records)))
    judged = "".join(f"{id}\t{id}\t1\n" for id, _, _ in rows)
    (found / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    return found


def test_the_file_holds_the_shares_behind_a_route_that_says_the_domains(folder, tools) -> None:
    found = fit_fusion(FusionTraining(Bench(folder), VOTES), tools)
    assert [each["use"] for each in found.tables] == ["route", "dense", "sparse", "fuse"]
    assert found.tables[0] == VOTES
    assert set(found.tables[-1]["domains"]) == {"pets", "food"}
    assert build_pipeline("p", found.tables).key == found.key
    assert list(found.against) == [AS_GIVEN, ONE, BY_ROUTE, BY_LABEL]
    assert found.against[AS_GIVEN].difference == 0
    assert found.counts == {"food": 3, "pets": 3}
    text = "\n".join(found.lines())
    assert "each fused by the shares of the other half" in text
    assert found.as_json()["fitted"]["domains"] == dict(found.fitted.domains)


def test_a_route_that_the_pipeline_has_is_kept(folder, tools, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        "stages = [{ use = 'route', votes = 2 }, { use = 'dense' }, { use = 'sparse' },"
        " { use = 'fuse' }]"
    )
    found = fit_fusion(FusionTraining(Bench(folder, str(own)), VOTES), tools)
    assert found.tables[0] == {"use": "route", "votes": 2}


def test_what_cannot_be_fitted_is_refused(folder, tools, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="prior: 0 or more"):
        FusionTraining(Bench(folder), VOTES, prior=-1)
    twice = tmp_path / "twice.toml"
    twice.write_text("stages = [{ use = 'dense' }, { use = 'fuse' }, { use = 'fuse' }]")
    with pytest.raises(ConfigError, match="one 'fuse' behind the legs is needed"):
        fit_fusion(FusionTraining(Bench(folder, str(twice)), VOTES), tools)
    with pytest.raises(InputError, match=r"query pets0: 'metadata.kind' is needed"):
        fit_fusion(FusionTraining(Bench(folder), VOTES, "metadata.kind"), tools)
