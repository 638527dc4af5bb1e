from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.config import build_pipeline
from retrieval.errors import ConfigError, ProviderError
from retrieval.kit import Kit
from retrieval.offline import passage
from retrieval.pipeline import Pipeline, Stage, run, stage_key
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.gate import Gate, query_class, signals
from retrieval.stages.self_query import SelfQuery
from retrieval.stages.sparse import Sparse
from retrieval.types import Hit, Ranking, Score, Search

LEGS = (Dense(), Sparse(), Fuse())
PLAIN = "where do cats sleep?"
SEVERAL = "how is bread baked, and what is the fastest train?"


@dataclass(frozen=True)
class Costly:
    """Turns the hits around."""

    reads: ClassVar[tuple[str, ...]] = ("hits",)
    writes: ClassVar[tuple[str, ...]] = ("hits",)
    optional: ClassVar[bool] = True

    def __call__(self, search: Search, kit: Kit) -> Search:
        turned = [hit.scored("costly", float(i)) for i, hit in enumerate(search.hits)]
        return replace(search, hits=tuple(reversed(turned))).spent(calls=1)


@dataclass(frozen=True)
class Away(Costly):
    """A stage whose provider is away."""

    def __call__(self, search: Search, kit: Kit) -> Search:
        raise ProviderError("the model is away")


def gated(gate: Gate, *then: Stage) -> Pipeline:
    return Pipeline("p", (*LEGS, replace(gate, then=then or (Costly(),))))


def listed(by: str, scored: dict[str, float]) -> Ranking:
    return Ranking(by, tuple(Hit(passage(id, id), (Score(by, s),)) for id, s in scored.items()))


def with_hits(*scores: float) -> Search:
    ranking = listed("fuse", {str(i): score for i, score in enumerate(scores)})
    return replace(Search.of(PLAIN), hits=ranking.hits)


@pytest.mark.parametrize(
    ("scores", "margin"),
    [
        ((), 0.0),
        ((0.7,), 1.0),
        ((0.7, 0.7), 0.0),
        ((10.0, 7.0, 6.0, 0.0), (10 - 7) / (10 - 0)),
        ((-1.0, -2.0, -5.0), (-1 + 2) / (-1 + 5)),
    ],
)
def test_the_margin_is_a_share_of_the_first_hits_distance(
    scores: tuple[float, ...], margin: float
) -> None:
    assert signals(with_hits(*scores), 10).margin == margin


def test_only_the_first_hits_count() -> None:
    assert signals(with_hits(10.0, 7.0, 4.0, 0.0), 3).margin == (10 - 7) / (10 - 4)


def test_agreement_is_what_two_legs_have_in_common() -> None:
    dense = listed("dense:original", {"a": 4, "b": 3, "c": 2, "x": 1})
    other = listed("dense:paraphrase", {"y": 1})
    sparse = listed("sparse:original", {"c": 4, "a": 3})
    search = replace(Search.of(PLAIN), rankings=(dense, other, sparse))
    assert signals(search, 3).agreement == 2 / 3  # {a, b, c} and {c, a}
    assert signals(search, 2).agreement == 1 / 2  # {a, b} and {c, a}


def test_a_leg_that_found_nothing_agrees_with_none_and_one_leg_has_no_agreement() -> None:
    dense = listed("dense:original", {"a": 4})
    empty = listed("sparse:original", {})
    search = replace(Search.of(PLAIN), rankings=(dense, empty))
    assert signals(search, 3).agreement == 0
    assert signals(replace(search, rankings=(dense,)), 3).agreement is None
    assert signals(replace(search, rankings=(empty, listed("x:o", {}))), 3).agreement == 0


def test_support_is_the_first_hits_share_of_each_legs_scores() -> None:
    dense = listed("dense:original", {"a": 0.9, "b": 0.7, "c": 0.5})
    sparse = listed("sparse:original", {"c": 8, "a": 6, "x": 4})
    search = replace(Search.of(PLAIN), rankings=(dense, sparse), hits=dense.hits)
    # a is 1 of the dense scores' range, and (6 - 4) / (8 - 4) of the sparse ones'.
    assert signals(search, 10).support == pytest.approx((1 + 0.5) / 2)
    gone = replace(search, hits=listed("rerank", {"other": 1}).hits)
    assert signals(gone, 10).support == 0
    assert signals(replace(search, hits=()), 10).support == 0
    assert signals(replace(search, rankings=(dense,)), 10).support is None


def test_similarity_is_the_best_of_the_dense_leg() -> None:
    dense = listed("dense:original", {"a": 0.9, "b": 0.7})
    search = replace(Search.of(PLAIN), rankings=(listed("sparse:original", {"c": 8}), dense))
    assert signals(search, 10).similarity == 0.9
    assert signals(replace(search, rankings=search.rankings[:1]), 10).similarity is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("cats", "keywords"),
        ("steam train england", "keywords"),
        ("where cats", "keywords"),
        ("where do cats sleep", "question"),
        ("cats sleep where?", "question"),
        ("أين ينام القط؟", "question"),
        (SEVERAL, "several"),
        ("🦊", "keywords"),
    ],
)
def test_a_text_has_a_class(query: str, expected: str) -> None:
    found = signals(Search.of(query), 10)
    assert found.query_class == expected
    assert query_class(query, found.questions) == expected


@pytest.mark.parametrize(
    ("gate", "query", "runs"),
    [
        (Gate(support=0, margin=1.0), PLAIN, True),
        (Gate(support=0), PLAIN, False),
        (Gate(support=0, agreement=1.0), PLAIN, True),
        (Gate(support=1.0), PLAIN, True),
        (Gate(support=0, similarity=1.0), PLAIN, True),
        (Gate(support=0, words=3), PLAIN, True),
        (Gate(support=0, words=4), PLAIN, False),
        (Gate(support=0), SEVERAL, True),
        (Gate(support=0, questions=3), SEVERAL, False),
        (Gate(support=0, questions=0), SEVERAL, False),
        (Gate(support=0, always=("question",)), PLAIN, True),
        (Gate(support=0, margin=1.0, never=("question",)), PLAIN, False),
        (Gate(support=0, margin=1.0, never=("several",)), SEVERAL, False),
    ],
)
def test_the_stages_run_where_a_signal_says_so(
    gate: Gate, query: str, runs: bool, kit: Kit
) -> None:
    found = run(gated(gate), Search.of(query), kit)
    step = found.trace[-1]
    assert [each.stage for each in step.steps] == (["test_gate"] if runs else [])
    assert (found.hits[0].scores[-1].by == "costly") == runs
    assert step.notes[0].startswith("open: " if runs else "closed")


def test_a_closed_gate_leaves_the_search_as_it_was(kit: Kit) -> None:
    before = run(Pipeline("p", LEGS), Search.of(PLAIN), kit)
    found = run(gated(Gate(support=0)), Search.of(PLAIN), kit)
    assert found.hits == before.hits
    assert found.trace[-1].changed == {}


def test_the_decision_and_the_signals_are_noted(kit: Kit) -> None:
    notes = run(gated(Gate(support=0, margin=1.0)), Search.of(PLAIN), kit).trace[-1].notes
    assert notes[0] == "open: margin below 1.0"
    names = [note.partition(":")[0] for note in notes[1:]]
    counts = ["words", "questions", "query_class"]
    assert names == ["margin", "agreement", "support", "similarity", *counts]
    assert notes[5:] == ("words: 4", "questions: 1", "query_class: question")


def test_the_costs_of_the_stages_inside_are_in_their_steps(kit: Kit) -> None:
    step = run(gated(Gate(support=0, margin=1.0)), Search.of(PLAIN), kit).trace[-1]
    assert step.steps[0].cost == {"calls": 1}


def test_a_stage_inside_that_fails_is_left_out_and_named(kit: Kit) -> None:
    found = run(
        gated(Gate(support=0, margin=1.0), Away(), Costly()), Search.of(PLAIN), kit.at(None, None)
    )
    assert found.degraded == ("test_gate: the model is away",)
    assert found.hits[0].scores[-1].by == "costly"
    with pytest.raises(ProviderError):
        run(gated(Gate(support=0, margin=1.0), Away()), Search.of(PLAIN), kit)


def test_a_second_retrieval_may_stand_inside(kit: Kit) -> None:
    first = (Dense(), Fuse())
    found = run(
        Pipeline("p", (*first, Gate((Sparse(), Fuse()), margin=1.0))), Search.of(PLAIN), kit
    )
    assert found.hits == run(Pipeline("p", LEGS), Search.of(PLAIN), kit).hits
    assert [ranking.leg for ranking in found.rankings] == ["dense", "sparse"]


def test_what_the_stages_inside_read_is_checked_when_the_pipeline_is_built() -> None:
    assert Gate((Sparse(), Fuse())).writes == ("hits", "rankings")
    assert Gate.writes == ("hits",)

    @dataclass(frozen=True)
    class Reader(Costly):
        reads: ClassVar[tuple[str, ...]] = ("context",)

    with pytest.raises(ConfigError, match="'gate' reads context"):
        Pipeline("p", (*LEGS, Gate((Gate((Reader(),)),))))


def test_a_stage_inside_sees_the_stages_before_it_when_the_pipeline_is_built() -> None:
    seen: list[tuple[Stage, ...]] = []

    @dataclass(frozen=True)
    class Looking(Costly):
        def check(self, before: tuple[Stage, ...]) -> None:
            seen.append(before)

    Pipeline("p", (*LEGS, Gate((Costly(), Gate((Looking(),))))))
    Pipeline("p", (SelfQuery(then=(*LEGS, Looking())),))
    assert seen == [(*LEGS, Costly()), LEGS]


def test_the_key_holds_the_stages_inside() -> None:
    keys = {stage_key(each) for each in (Gate(), Gate((Sparse(),)), Gate((Sparse(5),)))}
    assert len(keys) == 3
    assert Gate((Sparse(),)) == Gate((Sparse(),))


@given(
    st.lists(st.floats(-1e6, 1e6), max_size=20).map(lambda s: sorted(s, reverse=True)),
    st.integers(2, 20),
)
def test_signals_stay_within_their_ranges(scores: list[float], first: int) -> None:
    found = signals(with_hits(*scores), first)
    assert 0 <= found.margin <= 1


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"margin": 1.5}, "gate.margin"),
        ({"agreement": -0.1}, "gate.agreement"),
        ({"first": 1}, "gate.first"),
        ({"words": -1}, "gate.words"),
        ({"always": ["several"], "never": ["several"]}, "several is in"),
        ({"always": ["hard"]}, "always"),
        ({"then": [{"use": "nothing"}]}, "no stage 'nothing'"),
    ],
)
def test_what_cannot_work_is_a_config_error(table: dict[str, Any], why: str) -> None:
    legs = [{"use": "dense"}, {"use": "sparse"}, {"use": "fuse"}]
    with pytest.raises(ConfigError, match=why):
        build_pipeline("p", [*legs, {"use": "gate", **table}])
