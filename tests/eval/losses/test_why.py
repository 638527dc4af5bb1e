"""Why a place is not found: every cause made on purpose, and its sentence."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from eval.judgments import Judgment
from eval.losses.way import Way
from eval.losses.why import Fate, fate
from retrieval.config import build_pipeline
from retrieval.filters import Equals
from retrieval.kit import Kit
from retrieval.offline import offline_kit, passage
from retrieval.types import Chunk, Search, Span, Variant

SPARSE = [{"use": "sparse", "limit": 2}, {"use": "fuse"}]
CATS = {f"cats-{n}": f"{'cat ' * n}and {'dog ' * (9 - n)}" for n in range(1, 9)}
"""Of eight documents, cats-8 has most of cats, and cats-1 least."""


def way_of(stages: Sequence[dict[str, Any]], search: Search, kit: Kit) -> Way:
    return Way(build_pipeline("p", list(stages)), kit, search, search.limit)


def why(stages: Sequence[dict[str, Any]], search: Search, kit: Kit, place: str | Judgment) -> Fate:
    judgment = Judgment("q", place) if isinstance(place, str) else place
    way = way_of(stages, search, kit)
    return fate(way, way.stood(judgment))


def cats(limit: int = 2) -> Search:
    return Search.of("cat", limit)


def test_what_is_found_has_no_cause() -> None:
    found = why(SPARSE, cats(), offline_kit(CATS), "cats-7")
    assert (found.cause, found.why) == (None, "It is hit 2.")


def test_a_document_that_is_not_in_the_index() -> None:
    found = why(SPARSE, cats(), offline_kit(CATS), "dogs")
    assert (found.cause, found.stage) == ("not_ingested", "")
    assert found.why == "Index 'offline' has nothing of its document."


def test_a_span_that_no_chunk_holds_half_of() -> None:
    text = "a cat sat on a mat and ate a rat"
    kit = offline_kit(
        [passage("d", text[:12]), passage("d", text[12:22], 12), passage("d", "x", 40)]
    )
    found = why(SPARSE, cats(), kit, Judgment("q", "d", span=Span(7, 32)))
    assert found.cause == "chunking"
    assert found.why == (
        "No passage holds half of its 25 characters: they lie in 2, and the most in one is 40%."
    )
    nowhere = why(SPARSE, cats(), kit, Judgment("q", "d", span=Span(30, 35)))
    assert (nowhere.cause, nowhere.why) == (
        "chunking",
        "No passage of its document has any of it.",
    )


def test_in_no_legs_candidates_with_its_true_depth_in_both_legs() -> None:
    found = why(SPARSE, cats(), offline_kit(CATS), "cats-2")
    assert found.cause == "candidates"
    depths = {each.by: each.rank for each in found.depths}
    assert set(depths) == {"dense:original", "sparse:original"}
    assert depths["sparse:original"] == 7
    assert "sparse:original has it at 7 (of 2 looked at)" in found.why
    assert "(which the pipeline does not ask)" in found.why
    apart = why(SPARSE, Search.of("bird", 2), offline_kit(CATS), "cats-2")
    assert "sparse:original has nothing in common with it" in apart.why


def test_a_depth_is_counted_within_the_filter_and_the_best_chunk_of_a_document_counts() -> None:
    chunks = [replace(passage(id, text), domain=id[-1]) for id, text in CATS.items()]
    chunks += [replace(passage("more", "cat and dog dog dog", n), domain="1") for n in (0, 50)]
    kit = offline_kit(chunks)
    one = replace(cats(1), filter=Equals("domain", "1"))
    found = why([{"use": "sparse", "limit": 1}, {"use": "fuse"}], one, kit, "cats-1")
    assert {each.by: each.rank for each in found.depths}["sparse:original"] == 3
    more = why([{"use": "sparse", "limit": 1}, {"use": "fuse"}], cats(1), kit, "more")
    assert more.cause == "candidates"
    assert {each.by: each.rank for each in more.depths}["sparse:original"] == 8


def test_what_a_filter_hides_is_found_without_it() -> None:
    chunks = [replace(passage(id, text), domain=id[-1]) for id, text in CATS.items()]
    search = replace(cats(), filter=Equals("domain", "5"))
    found = why(SPARSE, search, offline_kit(chunks), "cats-7")
    assert (found.cause, found.stage) == ("filter", "")
    assert found.why.startswith("The question's filter leaves it out; without it, ")
    assert "sparse:original has it at 2" in found.why


def test_what_a_stage_filters_is_laid_to_that_stage() -> None:
    chunks = [replace(passage(id, text), meta={"year": int(id[-1])}) for id, text in CATS.items()]
    kit = offline_kit(chunks, {"year": "int"})
    stages = [{"use": "self_query", "then": SPARSE}]
    found = why(stages, Search.of("cat year:5", 2), kit, "cats-7")
    assert (found.cause, found.stage) == ("filter", "self_query")
    assert found.why.startswith("The filter that self_query set leaves it out; without it, ")


def test_the_benchmarks_own_filter_is_one_too() -> None:
    way = way_of(SPARSE, cats(), offline_kit(CATS))
    way = replace(way, kept=lambda chunk: chunk.document_id != "cats-7")
    found = fate(way, way.stood(Judgment("q", "cats-7")))
    assert (found.cause, found.stage) == ("filter", "drop_self")


def test_what_a_leg_had_and_the_fused_list_has_not_is_lost_in_fusion() -> None:
    # Only "a" has the word; the vector of "b" is nearer, since it has nothing else.
    kit = offline_kit({"a": "the many grey cats of the long street", "b": "cat"})
    stages = [{"use": "dense"}, {"use": "sparse"}, {"use": "fuse", "alpha": 0.9}]
    search = replace(Search.of("cats", 1), variants=(Variant("cat", terms=(("cats", 5.0),)),))
    found = why(stages, search, kit, "a")
    assert (found.cause, found.stage) == ("fusion", "fuse")
    assert found.why == (
        "It stood at 2 in dense:original and 1 in sparse:original; fuse put it at 2."
    )


@pytest.mark.parametrize(
    ("rules", "cause", "said"),
    [
        ({"boosts": [["document_id", "cats-1", 2.0]]}, "ranking", "Without boosts = "),
        ({"blocked": ["cats-7"]}, "filter", "rules left it out. Without blocked = ('cats-7',)"),
        ({"pinned": ["cats-1"]}, "ranking", "rules put it at 3. Without pinned = "),
        (
            {"boosts": [["document_id", "cats-1", 2.0], ["document_id", "cats-2", 2.0]]},
            "ranking",
            "It stood at 2 in fuse; rules put it at 4.",
        ),
    ],
)
def test_a_rule_that_moves_a_place_out_is_named(rules, cause, said) -> None:
    stages = [{"use": "sparse"}, {"use": "fuse"}, {"use": "rules", **rules}]
    found = why(stages, cats(), offline_kit(CATS), "cats-7")
    assert (found.cause, found.stage) == (cause, "rules")
    assert said in found.why


def test_what_a_rule_leaves_out_far_from_the_top_is_lost_to_the_limit() -> None:
    stages = [{"use": "sparse"}, {"use": "fuse"}, {"use": "rules", "blocked": ["cats-5"]}]
    found = why(stages, cats(), offline_kit(CATS), "cats-5")
    assert (found.cause, found.stage) == ("limit", "rules")
    assert found.why == (
        "It stood at 4 in fuse; rules left it out. It never was among the first 2."
    )


def test_duplicates_are_those_of_a_document_and_those_that_say_the_same() -> None:
    chunks: list[Chunk] = [passage("d", "cat " * 5, n) for n in (0, 50)]
    kit = offline_kit([*chunks, passage("e", "cat cat dog dog dog")])
    second = Judgment("q", "d", span=max(chunks, key=lambda each: each.id).span)
    most = [{"use": "sparse"}, {"use": "fuse"}, {"use": "rules", "most": 1}]
    found = why(most, cats(), kit, second)
    assert (found.cause, found.stage) == ("duplicate", "rules")
    assert found.why.endswith("left it out. Without most = 1 it would be among the first 2.")
    mmr = [{"use": "sparse"}, {"use": "fuse"}, {"use": "rules", "mmr": 0.1}]
    found = why(mmr, cats(), kit, second)
    assert (found.cause, found.stage) == ("duplicate", "rules")
    assert found.why.endswith("put it at 3. Without mmr = 0.1 it would be among the first 2.")


def test_what_was_never_within_the_limit_is_lost_to_it() -> None:
    found = why([{"use": "sparse"}, {"use": "fuse"}], cats(), offline_kit(CATS), "cats-5")
    assert (found.cause, found.stage) == ("limit", "answer")
    assert found.why == "It is found, at 4 in the end, but never among the first 2."


def test_a_hit_without_room_in_the_context_is_lost_to_the_budget() -> None:
    stages = [{"use": "sparse"}, {"use": "fuse"}, {"use": "pack", "tokens": 10}]
    found = why(stages, cats(), offline_kit(CATS), "cats-7")
    assert (found.cause, found.stage) == ("budget", "context")
    assert found.why == "It is hit 2, but the context has no room for it."
