"""Why one document is not in one answer: what is said, and what it rests on."""

from dataclasses import dataclass, replace
from typing import ClassVar

from eval.judgments import Judgment
from eval.losses.explanation import Explanation, explain
from eval.losses.explanation_text import explanation_lines
from eval.losses.terms import terms_of
from eval.losses.way import Way
from retrieval.config import build_pipeline, load_pipeline
from retrieval.errors import ProviderError
from retrieval.kit import Kit
from retrieval.offline import offline_kit, passage
from retrieval.pipeline import Pipeline
from retrieval.types import Search, Span

CATS = {f"cats-{n}": f"{'cat ' * n}and {'dog ' * (9 - n)}" for n in range(1, 9)}


def explained(query: str, place: str | Judgment, kit: Kit, limit: int = 2) -> Explanation:
    judgment = Judgment("q", place) if isinstance(place, str) else place
    pipeline = build_pipeline("p", [{"use": "sparse", "limit": 3}, {"use": "fuse"}])
    return explain(Way(pipeline, kit, Search.of(query, limit), limit), judgment)


def test_what_is_found_says_so_and_needs_no_remedy() -> None:
    found = explained("cat", "cats-8", offline_kit(CATS))
    data = found.as_json()
    assert (data["found"], data["cause"], data["remedies"], data["advice"]) == (True, None, [], "")
    assert [(row["name"], row["rank"], row["size"]) for row in data["stood"]] == [
        ("sparse:original", 1, 3),
        ("fuse", 1, 3),
        ("answer", 1, 2),
    ]
    assert data["stood"][0]["score"] == data["stood"][2]["score"] > 0
    assert explanation_lines(found)[:2] == [
        "cats-8 is among the first 2 of p in offline",
        "  It is hit 1.",
    ]


def test_remedies_are_changes_that_were_tried_and_hold() -> None:
    kit = offline_kit(CATS)
    found = explained("cat", "cats-6", kit)
    assert found.fate.cause == "limit"
    assert ("limit = 4", 3, 4) in found.remedies
    assert not [each for each in found.remedies if each.change == "limit = 10"]
    for each in found.remedies:
        assert each.rank <= each.limit
    again = explain(replace(found.way, start=Search.of("cat", 4), limit=4), Judgment("q", "cats-6"))
    assert again.fate.cause is None
    text = "\n".join(explanation_lines(found))
    assert "found, but never near the top" in text
    assert "limit = 4" in text


def test_a_deeper_leg_is_tried_where_no_leg_has_it() -> None:
    found = explained("cat", "cats-2", offline_kit(CATS), limit=1)
    assert found.fate.cause == "candidates"
    assert "sparse:original" in {each.by for each in found.depths}
    text = "\n".join(explanation_lines(found))
    assert "dense:original (not in the pipeline)" in text
    assert "not in 3" in text


def test_words_that_the_best_passage_has_others_have_and_none_has() -> None:
    chunks = [passage("d", "Cats sleep."), passage("d", "A window sill is warm.", 20)]
    found = explained("the cat: on which window sill, and why? cats!", "d", offline_kit(chunks))
    assert found.passage == chunks[1]
    assert found.passages == 2
    words = found.as_json()["terms"]
    assert words["has"] == ["window", "sill"]
    assert words["elsewhere"] == ["cats"]
    assert words["lacks"] == ["the", "cat", "on", "which", "and", "why"]
    text = "\n".join(explanation_lines(found))
    assert "Words of the question in its best passage of 2, [20:42]" in text
    assert "  elsewhere in the document: cats" in text
    assert "it begins: A window sill is warm." in text


def test_a_span_is_its_passage_and_what_is_not_there_has_none() -> None:
    chunks = [passage("d", "Cats sleep."), passage("d", "A window sill is warm.", 20)]
    kit = offline_kit(chunks)
    found = explained("cats", Judgment("q", "d", span=Span(20, 30)), kit)
    assert (found.passage, found.passages) == (chunks[1], 1)
    assert explanation_lines(found)[0].startswith("d [20:30] is ")
    gone = explained("cats", "e", kit)
    assert gone.as_json()["terms"] is None
    assert gone.depths == ()
    assert "Ingest it" in "\n".join(explanation_lines(gone))


@dataclass(frozen=True)
class Failing:
    """An optional stage whose provider is down."""

    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ("variants",)
    optional: ClassVar[bool] = True

    def __call__(self, search: Search, kit: object) -> Search:
        raise ProviderError("down")


def test_a_stage_that_was_left_out_is_named() -> None:
    pipeline = Pipeline("p", (Failing(), *load_pipeline("sparse").stages))
    kit = replace(offline_kit(CATS), strict=False)
    found = explain(Way(pipeline, kit, Search.of("cat", 2), 2), Judgment("q", "cats-8"))
    assert found.as_json()["degraded"] == ["test_explanation: down"]
    assert "Without the stage test_explanation: down" in explanation_lines(found)


def test_terms_without_a_word_are_none() -> None:
    kit = offline_kit(CATS)
    terms = terms_of("?!", kit.store.chunks("cats-1"), kit.sparse)
    assert (terms.has, terms.lacks, terms.share) == ((), (), 0.0)
