import json
from pathlib import Path

import numpy as np
import pytest

from eval.corpus import Judged
from eval.dataset import load_dataset
from eval.judgments import Judgment
from eval.questions import Query
from eval.rerank_lists import JudgedSet, Listed
from eval.rerank_training import RIDGE, Training, fitted, held_out, left_out, logistic, train
from retrieval.errors import ConfigError, InputError
from retrieval.features import FEATURES
from retrieval.open_kit import Tools
from retrieval.pipeline import Pipeline
from retrieval.rerank_weights import load_weights
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.rerank import Rerank
from retrieval.stages.sparse import Sparse
from retrieval.types import Chunk, Hit, Score, Span

TRAINING = Training(())


def listed(best: int, seed: int) -> Listed:
    """Five hits in reverse order of merit, which column 0 knows; column 1 is noise."""
    random = np.random.default_rng(seed)
    hits = tuple(
        Hit(Chunk(f"{seed}-{i}", f"{seed}-{i}", "", Span(0, 0)), (Score("fused", 5.0 - i),))
        for i in range(5)
    )
    columns = np.column_stack([np.arange(5.0) == best, random.normal(size=5)])
    return Listed(hits, columns, tuple(int(i == best) for i in range(5)))


def judged_set(count: int) -> JudgedSet:
    lists = {f"q{seed}": listed(seed % 5, seed) for seed in range(count)}
    judgments: dict[str, tuple[Judgment, ...]] = {
        id: (Judgment(id, f"{id[1:]}-{each.grades.index(1)}"),) for id, each in lists.items()
    }
    return JudgedSet("made", Judged(tuple(Query(id, id) for id in lists), (), judgments, ()), lists)


def evenly(pairs: np.ndarray) -> np.ndarray:
    return np.full(len(pairs), 1 / len(pairs))


def test_logistic_regression_stops_where_its_slope_is_zero_or_leads_below_zero() -> None:
    pairs = np.random.default_rng(0).normal((0.5, 0.3, -0.2), 1.0, (200, 3))
    weights = logistic(pairs, evenly(pairs))
    wrong = 1 / (1 + np.exp(pairs @ weights))
    slope = RIDGE * weights - (pairs * wrong[:, None]).mean(axis=0)
    assert np.abs(slope[:2]).max() < 1e-5
    assert weights[0] > weights[1] > weights[2] == 0.0
    assert slope[2] > 0


def test_a_pair_counts_by_its_share() -> None:
    pairs = np.array([[1.0], [-1.0]])
    # The slope at w is ridge w - s1 / (1 + e^w) + s2 / (1 + e^-w), and has to be 0.
    (weight,) = logistic(pairs, np.array([0.75, 0.25]))
    assert RIDGE * weight - 0.75 / (1 + np.exp(weight)) + 0.25 / (1 + np.exp(-weight)) == (
        pytest.approx(0.0, abs=1e-6)
    )
    assert logistic(pairs, np.array([0.5, 0.5])).tolist() == [0.0]


def test_separable_pairs_give_finite_weights() -> None:
    pairs = np.array([[1.0, 0.0], [2.0, 0.0]])
    weights = logistic(pairs, evenly(pairs))
    assert np.isfinite(weights).all()
    assert weights[0] > 1
    assert weights[1] == 0


def test_what_tells_hits_apart_gets_the_weight_and_the_same_seed_gives_the_same() -> None:
    lists = [listed(seed % 5, seed) for seed in range(20)]
    weights, spread = fitted([lists], TRAINING)
    assert weights[0] > 5 * weights[1]
    assert spread[0] > 0
    again, _ = fitted([lists], TRAINING)
    assert again.tolist() == weights.tolist()


def test_questions_whose_hits_are_all_alike_teach_nothing() -> None:
    alike = Listed((), np.ones((2, 2)), (1, 1))
    with pytest.raises(InputError, match="nothing to learn"):
        fitted([[alike, Listed((), np.empty((0, 2)))], []], TRAINING)


def test_a_question_is_never_measured_with_weights_that_saw_it() -> None:
    made = judged_set(20)
    weights = held_out([made], TRAINING)[0]
    folds = {tuple(each) for each in weights.values()}
    assert len(folds) == 5
    for fold in folds:
        others = [each for id, each in made.lists.items() if tuple(weights[id]) != fold]
        assert len(others) == 16
        assert tuple(fitted([others], TRAINING)[0]) == fold


def test_a_small_set_counts_as_much_as_a_large_one() -> None:
    def telling(column: int, seed: int) -> Listed:
        found = listed(seed % 5, seed)
        other = np.roll(found.columns, column, axis=1)
        return Listed(found.hits, np.where(other == other.max(axis=0), 1.0, 0.0), found.grades)

    large = [telling(0, seed) for seed in range(40)]
    small = [telling(1, seed) for seed in range(4)]
    apart, _ = fitted([large, small], TRAINING)
    thrown_together, _ = fitted([large + small], TRAINING)
    assert apart[1] / apart[0] > 2 * thrown_together[1] / thrown_together[0]


def test_a_set_is_measured_with_weights_of_the_others_where_they_teach_something() -> None:
    one, other = judged_set(6), judged_set(8)
    found = left_out([one, other], TRAINING)
    assert found[0].keys() == one.lists.keys()
    assert found[0]["q0"].tolist() == fitted([list(other.lists.values())], TRAINING)[0].tolist()
    assert found[1]["q0"].tolist() == fitted([list(one.lists.values())], TRAINING)[0].tolist()
    nothing = JudgedSet("alike", one.kept, {"q": Listed((), np.ones((2, 2)), (1, 1))})
    assert list(left_out([one, nothing], TRAINING)) == [1]
    assert left_out([one], TRAINING) == {}


def test_reordered_hits_score_better_where_the_first_was_wrong() -> None:
    made = judged_set(5)
    before = made.scored({id: each.hits for id, each in made.lists.items()})
    after = made.scored(
        {id: each.reordered(np.array([1.0, 0.0]), 1.0) for id, each in made.lists.items()}
    )
    assert before.tolist() == pytest.approx([1 / np.log2(rank + 1) for rank in range(1, 6)])
    assert after.tolist() == [1.0] * 5


def test_too_few_questions_for_the_folds_are_refused() -> None:
    with pytest.raises(InputError, match="5 folds need"):
        held_out([judged_set(4)], TRAINING)


@pytest.mark.parametrize("wrong", [{"depth": 1}, {"samplings": 0}, {"folds": 1}])
def test_a_wrong_number_is_named(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Training((), **wrong)  # type: ignore[arg-type]


def test_weights_from_files_are_written_read_and_belong_to_their_fusion(
    tools: Tools, animals: Path, guide: Path, tmp_path: Path
) -> None:
    own = tmp_path / "half.toml"
    own.write_text(
        'stages = [{ use = "dense" }, { use = "sparse" }, { use = "fuse", alpha = 0.25 }]'
    )
    training = Training(((animals, "test"), (guide, None)), str(own), folds=2)
    found = train(training, tools)
    assert [each["name"] for each in found.sets] == ["animals (test)", "guide"]
    assert [each["queries"] for each in found.sets] == [4, 2]
    assert [each["name"] for each in found.left_out] == ["animals (test)", "guide"]
    assert "of each set, with weights of the others alone:" in "\n".join(found.lines())
    json.dumps(found.as_json(), allow_nan=False)
    assert any(line.strip().startswith("animals (test): ") for line in found.lines())
    file = tmp_path / "weights.toml"
    file.write_text(found.as_toml())
    weights = load_weights(str(file))
    assert weights.values == pytest.approx(list(found.weights), abs=1e-4)
    assert len(weights.values) == len(FEATURES)
    assert weights.fitted_on == {
        load_dataset(animals, "test").question_digest: "animals (test): 4 questions",
        load_dataset(guide).question_digest: "guide: 2 questions",
    }
    Pipeline("own", (Dense(), Sparse(), Fuse(alpha=0.25), Rerank(weights=str(file))))
    with pytest.raises(ConfigError, match="rerank train"):
        Pipeline("other", (Dense(), Sparse(), Fuse(), Rerank(weights=str(file))))


def test_a_pipeline_that_reranks_already_is_refused(tools: Tools, animals: Path) -> None:
    with pytest.raises(ConfigError, match="without rerank"):
        train(Training(((animals, None),), "learned"), tools)
