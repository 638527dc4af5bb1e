import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from retrieval.clock import Clock
from retrieval.config import load_pipeline
from retrieval.errors import ConfigError, ProviderError
from retrieval.features import FEATURES
from retrieval.kit import Kit, Scorer
from retrieval.pipeline import Pipeline, Stage, run, stage_key
from retrieval.rerank_weights import as_toml, fusion_of, load_weights
from retrieval.stages.decompose import Decompose
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.gate import Gate
from retrieval.stages.rerank import Rerank, blended
from retrieval.stages.self_query import SelfQuery
from retrieval.stages.sparse import Sparse
from retrieval.types import Search

LEGS = (Dense(), Sparse(), Fuse())
READ = Rerank(kind="cross_encoder", model="listed", depth=3, blend=1.0)


@dataclass(frozen=True)
class Listed:
    """A cross-encoder that gives these scores, whatever it reads."""

    values: tuple[float, ...]

    def __call__(self, model: str) -> Scorer:
        assert model == "listed"
        return self

    def scores(self, query: str, passages: Sequence[str], clock: Clock) -> list[float]:
        return list(self.values)


def reranked(stage: Rerank, kit: Kit, query: str = "where do cats sleep?") -> tuple[Search, Search]:
    """The search before and after."""
    before = run(Pipeline("before", LEGS), Search.of(query, limit=12), kit)
    return before, run(Pipeline("after", (*LEGS, stage)), Search.of(query, limit=12), kit)


def ids(search: Search) -> list[str]:
    return [hit.chunk.id for hit in search.hits]


def weights_file(folder: Path, fuse: Fuse, **weights: float) -> str:
    """A weights file with 0 for every feature that is not named."""
    fusion = fusion_of((Dense(), Sparse(), fuse))
    assert fusion is not None
    file = folder / "weights.toml"
    file.write_text(as_toml([weights.get(name, 0.0) for name in FEATURES], fusion, {}))
    return str(file)


def test_the_first_hits_follow_the_cross_encoder_and_the_rest_stay_below(kit: Kit) -> None:
    before, after = reranked(READ, replace(kit, scorer=Listed((1.0, 3.0, 2.0))))
    first, second, third, *rest = ids(before)
    assert ids(after) == [second, third, first, *rest]
    assert [hit.score for hit in after.hits[:3]] == [1.0, 0.5, 0.0]
    assert all(hit.score <= -1 for hit in after.hits[3:])
    assert after.hits[0].scores[-2:] == (("rerank:cross_encoder", 3.0), ("rerank", 1.0))


def test_blend_is_the_share_of_the_new_score() -> None:
    assert blended([9.0, 5.0, 1.0], [0.0, 4.0, 1.0], 0.25) == pytest.approx(
        [0.75 * 1 + 0.25 * 0, 0.75 * 0.5 + 0.25 * 1, 0.75 * 0 + 0.25 * 0.25]
    )


@pytest.mark.parametrize("values", [(1.0, math.nan, 2.0), (1.0, math.inf, 2.0), (1.0,), ()])
def test_scores_that_are_missing_or_no_numbers_leave_the_fused_order(
    kit: Kit, values: tuple[float, ...]
) -> None:
    broken = replace(kit, scorer=Listed(values))
    with pytest.raises(ProviderError, match="usable scores for 3 passages"):
        reranked(READ, broken)
    served = broken.at(None, None, strict=False)
    before, after = reranked(READ, served)
    assert after.hits == before.hits
    assert [each.partition(":")[0] for each in after.degraded] == ["rerank"]


def test_a_kit_without_cross_encoders_says_so(kit: Kit) -> None:
    with pytest.raises(ProviderError, match="no cross-encoder"):
        reranked(READ, kit)


def test_the_learned_model_is_a_weighted_sum_of_standardised_features(
    kit: Kit, tmp_path: Path
) -> None:
    stage = Rerank(weights=weights_file(tmp_path, Fuse(), dense=-2.0), blend=1.0, depth=12)
    _, after = reranked(stage, kit)
    dense = [hit.scores[0].value for hit in after.hits]
    assert dense == sorted(dense)
    assert after.hits[0].scores[-2].value == pytest.approx(
        -2 * (dense[0] - np.mean(dense)) / np.std(dense)
    )


def test_the_features_of_the_first_hits_are_noted(kit: Kit) -> None:
    before, after = reranked(Rerank(), kit)
    notes = after.trace[-1].notes
    assert len(notes) == 3
    assert notes[0].startswith(f"1. was {ids(before).index(ids(after)[0]) + 1}: dense ")
    assert all(f"{name} " in notes[0] for name in FEATURES)


def test_an_index_without_titles_is_said_to_have_none(kit: Kit) -> None:
    older = replace(kit.store, manifest=replace(kit.store.manifest, schema=1))  # type: ignore[type-var]
    _, after = reranked(Rerank(), replace(kit, store=older))
    assert after.trace[-1].notes[-1].startswith("this index keeps no vectors of titles")


def test_maxsim_orders_by_the_nearest_tokens_and_needs_no_fitted_fusion(kit: Kit) -> None:
    stage = Rerank(kind="maxsim", depth=12, blend=1.0)
    _, after = reranked(stage, kit, "steam gives a crust")
    assert after.hits[0].chunk.document_id == "bread/oven.md"
    by, value = after.hits[0].scores[-2]
    assert by == "rerank:maxsim"
    assert value == pytest.approx(1, abs=0.2)
    scores = [hit.scores[-2].value for hit in after.hits]
    assert scores == sorted(scores, reverse=True)
    Pipeline("rrf", (Dense(), Fuse(how="rrf"), stage))


def test_nothing_found_and_one_hit_are_no_error(kit: Kit) -> None:
    empty = Search("cats", hits=())
    assert Rerank()(empty, kit) is empty
    before, after = reranked(Rerank(), kit)
    one = replace(before, hits=before.hits[:1], trace=())
    assert ids(Rerank()(one, kit)) == ids(one)
    assert set(ids(after)) == set(ids(before))


@pytest.mark.parametrize(
    "fuse", [Fuse(how="rrf"), Fuse(alpha=0.6), Fuse(norm="z"), Fuse(how="distribution")]
)
def test_another_fusion_is_refused_with_the_command_to_refit(fuse: Fuse, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="assay rerank train") as failed:
        Pipeline("other", (Dense(), Sparse(), fuse, Rerank()))
    assert 'how = "convex"' in str(failed.value)
    Pipeline("refit", (Dense(), Sparse(), fuse, Rerank(weights=weights_file(tmp_path, fuse))))


RRF = (Dense(), Sparse(), Fuse(how="rrf"))


@pytest.mark.parametrize(
    "stages",
    [
        (*RRF, Gate(then=(Rerank(),))),
        (SelfQuery(then=(*RRF, Rerank())),),
        (SelfQuery(then=RRF), Rerank()),
        (SelfQuery(then=(*RRF, Gate(then=(Rerank(),)))),),
        (*LEGS, Decompose(how="rules", each=LEGS), Gate(then=(Fuse(how="rrf"),)), Rerank()),
    ],
)
def test_another_fusion_is_refused_wherever_rerank_stands(stages: tuple[Stage, ...]) -> None:
    with pytest.raises(ConfigError, match="assay rerank train"):
        Pipeline("other", stages)


def test_another_fusion_is_refused_where_each_part_is_reranked() -> None:
    with pytest.raises(ConfigError, match="assay rerank train"):
        Decompose(how="rules", each=(*RRF, Rerank()))


def test_the_fusion_that_counts_is_the_last_one_before() -> None:
    Pipeline("gated", (*RRF, Gate(then=(Fuse(), Rerank()))))
    Pipeline("parts", (*LEGS, Decompose(how="rules", each=RRF), Rerank()))
    Pipeline("inside", (SelfQuery(then=(*LEGS, Rerank())),))


def test_a_parameter_that_the_fusion_does_not_use_does_not_matter() -> None:
    Pipeline("same", (Dense(), Sparse(), Fuse(k=10), Rerank()))


def test_a_missing_leg_is_another_fusion_and_a_cross_encoder_takes_any() -> None:
    with pytest.raises(ConfigError, match='legs = \\["dense"\\]'):
        Pipeline("dense", (Dense(), Fuse(), Rerank()))
    Pipeline("dense", (Dense(), Fuse(), Rerank(kind="cross_encoder", model="any")))


@pytest.mark.parametrize(
    "parameters",
    [
        {"blend": 1.5},
        {"depth": 1},
        {"tokens": 5},
        {"kind": "cross_encoder"},
        {"model": "a"},
        {"kind": "cross_encoder", "model": "a", "weights": "w.toml"},
        {"weights": "not-there.toml"},
        {"kind": "maxsim"},
        {"kind": "maxsim", "depth": 20, "model": "a"},
        {"kind": "maxsim", "depth": 20, "weights": "w.toml"},
    ],
)
def test_a_wrong_parameter_is_named(parameters: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"rerank\.(blend|depth|tokens|model|weights)"):
        Rerank(**parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("x = ", "cannot be read"),
        ("[features]\ndense = 1.0", "needs the tables"),
        ("[fusion]\n[features]\nluck = 1.0", "luck"),
        (as_toml([math.nan] * len(FEATURES), {}, {}), "no number"),
    ],
)
def test_a_weights_file_that_cannot_be_used_is_named(
    content: str, named: str, tmp_path: Path
) -> None:
    file = tmp_path / "weights.toml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=named):
        load_weights(str(file))


def test_the_questions_that_weights_were_fitted_on_are_read_and_change_no_key(
    tmp_path: Path,
) -> None:
    file = Path(weights_file(tmp_path, Fuse(), dense=1.0))
    before = Rerank(weights=str(file))
    assert before.fitted_on == {}
    file.write_text(file.read_text() + '0a1b = "mine: 3 questions"\n')
    after = Rerank(weights=str(file))
    assert after.fitted_on == {"0a1b": "mine: 3 questions"}
    assert stage_key(after) == stage_key(before)
    file.write_text("questions = 3\n" + file.read_text().partition("[questions]")[0])
    with pytest.raises(ConfigError, match=r"\[questions\] is no table"):
        load_weights(str(file))
    assert Rerank(kind="cross_encoder", model="any").fitted_on == {}


def test_weights_of_an_earlier_version_name_no_questions(tmp_path: Path) -> None:
    file = Path(weights_file(tmp_path, Fuse(), dense=1.0))
    file.write_text(file.read_text().partition("[questions]")[0])
    assert load_weights(str(file)).fitted_on == {}


def test_the_key_follows_the_weights_and_the_models_files(tmp_path: Path) -> None:
    file = weights_file(tmp_path, Fuse(), dense=1.0)
    keys = [stage_key(Rerank(weights=file))]
    weights_file(tmp_path, Fuse(), dense=2.0)
    keys.append(stage_key(Rerank(weights=file)))
    for content in ("one", "other"):
        (tmp_path / "model.bin").write_text(content)
        keys.append(stage_key(Rerank(kind="cross_encoder", model=str(tmp_path))))
    assert len(set(keys)) == 4


def test_the_shipped_pipeline_fits_the_shipped_weights() -> None:
    stages = load_pipeline("learned").stages
    assert fusion_of(stages) == dict(load_weights("").fusion)
