import uuid

from hypothesis import given
from hypothesis import strategies as st

from retrieval import types
from retrieval.types import Chunk, Hit, Score, Search, Span, Step, Variant


def hit(id: str, *values: float) -> Hit:
    return Hit(Chunk(id, "d", "t", Span(0, 1)), tuple(Score("x", value) for value in values))


def test_a_chunk_id_is_the_same_uuid_for_the_same_input() -> None:
    first = types.chunk_id("default", "a/b.md", Span(0, 5), "hello")
    assert first == types.chunk_id("default", "a/b.md", Span(0, 5), "hello")
    assert uuid.UUID(first).version == 5


def test_a_chunk_id_differs_with_each_of_its_parts() -> None:
    parts = [
        ("default", "a", Span(0, 5), "hello"),
        ("other", "a", Span(0, 5), "hello"),
        ("default", "b", Span(0, 5), "hello"),
        ("default", "a", Span(1, 5), "hello"),
        ("default", "a", Span(0, 6), "hello"),
        ("default", "a", Span(0, 5), "title hello"),
    ]
    assert len({types.chunk_id(*each) for each in parts}) == len(parts)


def test_the_last_score_orders() -> None:
    found = types.ordered([hit("a", 9.0, 1.0), hit("b", 0.0, 2.0)])
    assert [each.chunk.id for each in found] == ["b", "a"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([0.0, 0.5, 1.0])), max_size=9))
def test_order_does_not_depend_on_the_order_of_arrival(found: list[tuple[str, float]]) -> None:
    hits = [hit(id, value) for id, value in dict(found).items()]
    assert types.ordered(hits) == types.ordered(hits[::-1])


def test_scored_keeps_the_older_scores() -> None:
    assert hit("a", 1.0).scored("fuse", 0.5).scores == (Score("x", 1.0), Score("fuse", 0.5))


def test_labels_number_the_second_of_a_kind() -> None:
    variants = [Variant("q"), Variant("p", "paraphrase"), Variant("r", "paraphrase")]
    assert types.labels(variants) == ["original", "paraphrase", "paraphrase-2"]


def test_a_question_starts_as_its_own_variant() -> None:
    assert Search.of("why?").variants == (Variant("why?", "original"),)


def test_degraded_names_failed_stages_also_inside_others() -> None:
    inner = Step("hyde", {}, 1.0, error="no answer")
    search = Search("q", trace=(Step("gate", {}, 1.0, steps=(inner,)),))
    assert search.degraded == ("hyde: no answer",)
    assert [step.stage for step in types.flat(search.trace)] == ["gate", "hyde"]
