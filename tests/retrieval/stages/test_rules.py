import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.config import build_pipeline
from retrieval.errors import ConfigError
from retrieval.filters import Equals
from retrieval.kit import Kit
from retrieval.offline import offline_kit, passage
from retrieval.periods import reference_day
from retrieval.pipeline import Pipeline, run, stage_key
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.rules import Rules
from retrieval.types import Chunk, Hit, Score, Search, ordered

TODAY = "2024-03-15"
LEGS: list[dict[str, Any]] = [{"use": "dense"}, {"use": "sparse"}, {"use": "fuse"}]


def hits(**scored: tuple[float, Mapping[str, Any]]) -> tuple[Hit, ...]:
    """Hits by document id, with their score and metadata."""
    return ordered(
        [
            Hit(replace(passage(id, f"text of {id}"), meta=meta), (Score("fuse", score),))
            for id, (score, meta) in scored.items()
        ]
    )


def applied(rules: Rules, found: tuple[Hit, ...], kit: Kit | None = None) -> Search:
    search = replace(Search.of("which text?"), hits=found)
    return rules(search, kit or offline_kit([hit.chunk for hit in found]))


def order(search: Search) -> list[str]:
    return [hit.chunk.document_id for hit in search.hits]


def scores(search: Search, document_id: str) -> dict[str, float]:
    (hit,) = [hit for hit in search.hits if hit.chunk.document_id == document_id]
    return {score.by: score.value for score in hit.scores}


def test_without_rules_nothing_changes() -> None:
    found = hits(a=(3, {}), b=(2, {}))
    assert applied(Rules(), found).hits == found
    assert applied(Rules(), ()).hits == ()


def test_recency_halves_what_it_adds_with_every_half_life() -> None:
    rules = Rules(recency=0.5, half_life_days=10, today=TODAY)
    found = applied(
        rules,
        hits(
            old=(5, {"date": "2024-02-25"}),  # midnight: 20 days before the end of today
            new=(4, {"date": "2024-03-06T00:00:00+00:00"}),  # 10
            coming=(3, {"date": "2025-01-01"}),
            undated=(1, {}),
        ),
    )
    spread = 5 - 1
    assert scores(found, "old") == {"fuse": 5, "rules:recency": 5 + 0.5 * spread * 2**-2}
    assert scores(found, "new") == {"fuse": 4, "rules:recency": 4 + 0.5 * spread * 2**-1}
    assert scores(found, "coming") == {"fuse": 3, "rules:recency": 3 + 0.5 * spread * 1}
    assert scores(found, "undated") == {"fuse": 1}
    assert order(found) == ["old", "coming", "new", "undated"]  # 5.5, 5 by id, 5, 1
    assert found.notes == ("today: 2024-03-15",)


def test_recency_takes_the_latest_of_several_dates_and_years_too() -> None:
    rules = Rules(recency=1, date="years", half_life_days=366, today="2024-12-31")
    found = applied(rules, hits(a=(1, {"years": [2001, "2024", "soon"]}), b=(0, {"years": "x"})))
    assert scores(found, "a")["rules:recency"] == 1 + 1 * 2**-1
    assert "rules:recency" not in scores(found, "b")


def test_the_clocks_day_is_noted_and_the_key_holds_the_parameter() -> None:
    found = applied(Rules(recency=1), hits(a=(1, {"date": TODAY})))
    assert found.notes == (f"today: {reference_day('')}",)
    assert stage_key(Rules(recency=1)) != stage_key(Rules(recency=1, today=TODAY))


def test_boosts_add_their_share_of_the_spread() -> None:
    boosts = (("kind", "law", 0.5), ("document_id", "man*", 0.25), ("draft", True, -1.0))
    found = applied(
        Rules(boosts=boosts),
        hits(top=(9, {"draft": True}), law=(4, {"kind": ["law", "act"]}), manual=(1, {"draft": 1})),
    )
    assert scores(found, "law") == {"fuse": 4, "rules:boost:kind": 4 + 0.5 * 8}
    assert scores(found, "manual") == {"fuse": 1, "rules:boost:document_id": 1 + 0.25 * 8}
    assert scores(found, "top") == {"fuse": 9, "rules:boost:draft": 9 - 1.0 * 8}
    assert order(found) == ["law", "manual", "top"]


def test_a_boost_of_one_lifts_the_last_hit_to_the_first_on_any_scale() -> None:
    for scale, shift in ((1, 0), (1000, -5000), (0.01, 0)):
        found = hits(
            a=(3 * scale + shift, {}), b=(2 * scale + shift, {}), z=(scale + shift, {"x": 1})
        )
        lifted = applied(Rules(boosts=(("x", 1, 1.0),)), found)
        assert scores(lifted, "z")["rules:boost:x"] == pytest.approx(3 * scale + shift)


def test_equal_scores_have_a_spread_of_one() -> None:
    found = applied(Rules(boosts=(("x", 1, 0.5),)), hits(a=(2, {}), b=(2, {"x": 1})))
    assert order(found) == ["b", "a"]
    assert scores(found, "b")["rules:boost:x"] == 2.5


def test_a_field_that_no_hit_has_is_noted() -> None:
    found = hits(a=(2, {"year": 2020}), b=(1, {}))
    rules = Rules(boosts=(("yaer", 2020, 1.0),), recency=1, date="day", most=1, per="file")
    notes = [note for note in applied(rules, found).notes if note.startswith("no hit")]
    assert notes == [f"no hit has the field {each}" for each in ("yaer", "day", "file")]
    there = Rules(boosts=(("year", 2020, 1.0),), most=1)
    assert not any("no hit" in note for note in applied(there, found).notes)


def test_blocked_documents_never_appear_and_are_noted() -> None:
    found = applied(
        Rules(blocked=("drafts/*", "b")),
        hits(**{"a": (3, {}), "b": (2, {}), "drafts/x": (1, {}), "bb": (0, {})}),
    )
    assert order(found) == ["a", "bb"]
    assert found.notes == ("blocked: 2 left out, such as b, drafts/x",)


def test_a_cap_keeps_the_first_of_each_document() -> None:
    chunks = [passage("a", f"text {i}", 100 * i) for i in range(3)] + [passage("b", "other")]
    found = tuple(Hit(c, (Score("fuse", 9.0 - i),)) for i, c in enumerate(chunks))
    capped = applied(Rules(most=2), found)
    assert capped.hits == (found[0], found[1], found[3])
    assert capped.notes == ("more than 2 of one document_id: 1 left out, such as a",)


def test_a_cap_counts_every_value_of_a_list_and_keeps_what_has_none() -> None:
    found = hits(
        a=(5, {"tag": ["x", "y"]}),
        b=(4, {"tag": "x"}),
        c=(3, {"tag": "z"}),
        d=(2, {}),
        e=(1, {"tag": [["x"]]}),
    )
    assert order(applied(Rules(most=1, per="tag"), found)) == ["a", "c", "d", "e"]


def test_maximal_marginal_relevance_is_worked_by_hand() -> None:
    texts = {"a": "cats sleep", "b": "cats sleep", "c": "bread oven", "d": "rails"}
    chunks = [passage(id, text) for id, text in texts.items()]
    kit = offline_kit(chunks)
    found = tuple(
        Hit(c, (Score("fuse", s),)) for c, s in zip(chunks, (4.0, 3.0, 2.0, 0.0), strict=True)
    )
    result = applied(Rules(mmr=0.5), found, kit)
    assert order(result)[0] == "a"
    assert order(result).index("c") < order(result).index("b")  # b says what a does
    vectors = kit.store.vectors([c.id for c in chunks])
    taken: list[Chunk] = []
    for hit in result.hits:
        relevance = (hit.scores[0].value - 0.0) / 4.0
        cosines = [float(vectors[hit.chunk.id] @ vectors[c.id]) for c in taken]
        value = 0.5 * relevance - 0.5 * min(max([0.0, *cosines]), 1.0)
        assert hit.scores[-1].by == "rules:mmr"
        assert hit.score == pytest.approx(value, abs=1e-6)
        taken.append(hit.chunk)


def test_hits_behind_the_first_two_hundred_stay_behind_them() -> None:
    chunks = [passage(f"{i:03}", f"word{i % 7} word{i}") for i in range(230)]
    found = ordered([Hit(c, (Score("fuse", -float(i)),)) for i, c in enumerate(chunks)])
    result = applied(Rules(mmr=0.3), found)
    assert order(result)[200:] == [f"{i:03}" for i in range(200, 230)]
    assert result.hits == ordered(result.hits)


def test_hits_that_the_store_no_longer_has_are_similar_to_nothing(kit: Kit) -> None:
    assert order(applied(Rules(mmr=0.5), hits(a=(2, {}), b=(1, {})), kit)) == ["a", "b"]


def test_pinned_documents_go_on_top_in_their_order() -> None:
    found = applied(Rules(pinned=("c", "b")), hits(a=(5, {}), b=(3, {}), c=(1, {})))
    assert order(found) == ["c", "b", "a"]
    assert scores(found, "c") == {"fuse": 1, "rules:pinned": 5 + 4 * 2}
    assert scores(found, "b") == {"fuse": 3, "rules:pinned": 5 + 4 * 1}


def test_a_pinned_hit_stands_above_hits_that_hardly_differ() -> None:
    found = applied(Rules(pinned=("b",), mmr=0.5), hits(a=(2.8e-130, {}), b=(0.0, {})))
    assert [hit.chunk.document_id for hit in found.hits] == ["b", "a"]
    assert found.hits[0].score > found.hits[1].score


def test_pinned_hits_are_not_moved_by_diversity_and_count_for_caps() -> None:
    chunks = [passage("a", "cats sleep", 0), passage("a", "cats sleep", 20), passage("b", "rails")]
    found = tuple(Hit(c, (Score("fuse", 9.0 - i),)) for i, c in enumerate(chunks))
    result = applied(Rules(pinned=("a",), mmr=0.1, most=1), found)
    assert [hit.chunk for hit in result.hits] == [chunks[0], chunks[2]]
    assert [score.by for score in result.hits[0].scores] == ["fuse", "rules:pinned"]


def test_a_pinned_document_that_was_not_found_is_searched_within_the_filter(kit: Kit) -> None:
    legs = (Dense(2), Fuse())
    pinned = Pipeline("p", (*legs, Rules(pinned=("stars/sun.md", "nowhere"))))
    question = "where do cats sleep?"
    found = run(pinned, Search.of(question, 2), kit)
    assert order(found)[0] == "stars/sun.md"
    assert [score.by for score in found.hits[0].scores] == ["dense:pinned", "rules:pinned"]
    only = Equals("document_id", "cats/food.md")
    assert order(run(pinned, Search.of(question, 2, only), kit)) == ["cats/food.md"]


def test_pinned_documents_are_found_where_nothing_else_is() -> None:
    kit = offline_kit({"a": "text"})
    search = Search.of("what?")
    assert order(Rules(pinned=("a",))(search, kit)) == ["a"]


DATES = st.sampled_from([{}, {"date": "2024-01-01"}, {"date": "2020-05-05", "kind": "law"}])
FOUND = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.floats(-1e3, 1e3), DATES), max_size=12
).map(
    lambda rows: ordered(
        [
            Hit(replace(passage(id, f"{id} text {i}", 100 * i), meta=meta), (Score("fuse", score),))
            for i, (id, score, meta) in enumerate(rows)
        ]
    )
)
RULES = st.builds(
    Rules,
    blocked=st.sampled_from([(), ("a",), ("b*",)]),
    recency=st.floats(0, 2),
    today=st.just(TODAY),
    boosts=st.sampled_from([(), (("kind", "law", 0.5),), (("document_id", "c", -2.0),)]),
    mmr=st.floats(0, 1),
    most=st.integers(0, 3),
    pinned=st.sampled_from([(), ("c",), ("d", "e")]),
)


@given(FOUND, RULES)
def test_rules_neither_lose_nor_double_a_hit_but_by_blocks_and_caps(
    found: tuple[Hit, ...], rules: Rules
) -> None:
    result = applied(rules, found)
    ids = Counter(hit.chunk.id for hit in result.hits)
    assert set(ids.values()) <= {1}
    assert result.hits == ordered(result.hits)
    before = {hit.chunk.id: hit for hit in found}
    assert set(ids) <= set(before)
    documents = Counter(hit.chunk.document_id for hit in result.hits)
    for hit in found:
        document_id = hit.chunk.document_id
        if hit.chunk.id not in ids:
            blocked = document_id == "a" or document_id.startswith("b")
            assert (blocked and rules.blocked) or documents[document_id] == rules.most > 0
    for hit in result.hits:
        old = before[hit.chunk.id].scores
        assert hit.scores[: len(old)] == old
        assert all(score.by.startswith("rules:") for score in hit.scores[len(old) :])
        assert all(math.isfinite(score.value) for score in hit.scores)


def test_a_pipeline_file_says_every_rule() -> None:
    table = {
        "use": "rules",
        "blocked": ["drafts/*"],
        "recency": 0.2,
        "boosts": [["kind", "law", 0.5], ["year", 2024, 1]],
        "mmr": 0.7,
        "most": 3,
        "pinned": ["faq"],
    }
    built = build_pipeline("p", [{"use": "dense"}, {"use": "fuse"}, table]).stages[-1]
    assert built == Rules(
        blocked=("drafts/*",),
        recency=0.2,
        boosts=(("kind", "law", 0.5), ("year", 2024, 1)),
        mmr=0.7,
        most=3,
        pinned=("faq",),
    )


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"recency": -1.0}, "recency: 0 to"),
        ({"recency": math.nan}, "recency: 0 to"),
        ({"half_life_days": 0.0}, "half_life_days"),
        ({"today": "soon"}, "today"),
        ({"mmr": 1.5}, "mmr: 0 to 1"),
        ({"most": -1}, "most: 0 to"),
        ({"boosts": (("kind", "law", math.inf),)}, "boosts, 'kind'"),
        ({"pinned": ("a", "a")}, "each once"),
        ({"pinned": ("drafts/x",), "blocked": ("drafts/*",)}, "pinned and blocked"),
    ],
)
def test_what_cannot_work_is_a_config_error(parameters: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Rules(**parameters)


@pytest.mark.parametrize(
    "later",
    [
        {"use": "decompose", "how": "rules"},
        {"use": "gate", "then": [{"use": "expand", "how": "rm3"}, *LEGS]},
    ],
)
def test_what_would_bring_blocked_documents_back_is_refused(later: dict[str, Any]) -> None:
    tables = [*LEGS, {"use": "rules", "blocked": ["drafts/*"]}, later]
    with pytest.raises(ConfigError, match="would bring blocked documents back"):
        build_pipeline("p", tables)
    build_pipeline("p", [*LEGS, {"use": "rules", "most": 1}, later])
    more = {"use": "rules", "blocked": ["old/*", "drafts/*"]}
    build_pipeline("p", [*tables, more])


def test_parts_that_block_by_themselves_bring_nothing_back() -> None:
    rules = {"use": "rules", "blocked": ["drafts/*"]}
    parts = {"use": "decompose", "how": "rules", "each": [*LEGS, rules]}
    assert build_pipeline("p", [*LEGS, rules, parts])
