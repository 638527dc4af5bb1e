from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.config import build_pipeline
from retrieval.errors import ConfigError
from retrieval.filters import Equals, Filter, Range
from retrieval.kit import Kit
from retrieval.offline import offline_kit, passage
from retrieval.packing import best_at_edges, merged
from retrieval.pipeline import Pipeline, run
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.pack import Pack
from retrieval.types import Chunk, Hit, Score, Search, Span

TEXT = "One cat. Two dogs. Three hens. Four pigs. Five cows. Six owls. Seven ants."
SENTENCES = [(0, 8), (9, 18), (19, 30), (31, 41), (42, 52), (53, 62), (63, 74)]
"""Three tokens each: two words and a full stop."""


def cut(text: str, spans: Sequence[tuple[int, int]], document_id: str = "farm") -> list[Chunk]:
    return [passage(document_id, text[start:end], start) for start, end in spans]


FARM = cut(TEXT, SENTENCES)


def search(hits: Sequence[Chunk], limit: int = 10, filter: Filter | None = None) -> Search:
    scored = tuple(Hit(c, (Score("fuse", -float(i)),)) for i, c in enumerate(hits))
    return replace(Search.of("who lives there?", limit, filter), hits=scored)


def packed(stage: Pack, hits: Sequence[Chunk], kit: Kit, **others: Any) -> Search:
    found = search(hits, **others)
    after = stage(found, kit)
    assert after.hits == found.hits
    return after


def texts(found: Search) -> list[str]:
    return [chunk.text for chunk in found.context]


@pytest.fixture
def farm() -> Kit:
    return offline_kit(FARM)


def test_hits_become_the_context_in_their_order(farm: Kit) -> None:
    found = packed(Pack(around="nothing"), [FARM[4], FARM[0]], farm)
    assert found.context == (FARM[4], FARM[0])
    assert found.notes == (
        "tokens: 6 of 3000, by the tokenizer of hash",
        "hits: 2 of 2, passages: 2",
    )


def test_no_hits_make_no_context(farm: Kit) -> None:
    assert packed(Pack(), [], farm).context == ()


def test_hits_beyond_the_limit_are_not_read(farm: Kit) -> None:
    assert packed(Pack(around="nothing"), FARM, farm, limit=2).context == tuple(FARM[:2])


def test_neighbours_stand_around_their_hit_in_the_documents_order(farm: Kit) -> None:
    assert packed(Pack(), [FARM[3]], farm).context == tuple(FARM[2:5])
    assert packed(Pack(n=2), [FARM[0]], farm).context == tuple(FARM[:3])
    assert packed(Pack(n=50), [FARM[3]], farm).context == tuple(FARM)


def test_hits_that_share_neighbours_are_one_stretch_of_the_better_rank(farm: Kit) -> None:
    other = passage("barn", "A barn.")
    kit = offline_kit([*FARM, other])
    found = packed(Pack(), [FARM[4], other, FARM[2]], kit)
    assert found.context == (*FARM[1:6], other)


def test_a_section_is_what_follows_each_other_under_the_same_headings() -> None:
    paths = [("A",), ("A", "x"), ("A", "x"), ("A", "x"), ("B",), ("A", "x"), ("A", "x")]
    chunks = [replace(c, heading=path) for c, path in zip(FARM, paths, strict=True)]
    found = packed(Pack(around="section"), [chunks[2]], offline_kit(chunks))
    assert found.context == tuple(chunks[1:4])


def test_a_long_section_is_found_beyond_the_first_look() -> None:
    words = [f"word{i} " * 100 for i in range(60)]
    starts = [sum(map(len, words[:i])) for i in range(60)]
    chunks = [passage("long", w, s) for w, s in zip(words, starts, strict=True)]
    found = packed(Pack(tokens=100_000, around="section"), [chunks[30]], offline_kit(chunks))
    assert texts(found) == ["".join(words)]


def test_overlapping_and_touching_chunks_become_one_passage_with_its_exact_span() -> None:
    chunks = cut(TEXT, [(0, 18), (9, 30), (30, 41), (42, 52)])
    chunks = [replace(c, heading=("Farm", str(i))) for i, c in enumerate(chunks)]
    found = packed(Pack(around="nothing"), [chunks[1], chunks[0], chunks[2]], offline_kit(chunks))
    (whole,) = found.context
    assert (whole.document_id, whole.span, whole.text) == ("farm", Span(0, 41), TEXT[:41])
    assert whole.heading == ("Farm",)
    assert whole.id not in {chunk.id for chunk in chunks}
    again = packed(Pack(around="nothing"), [chunks[0], chunks[1], chunks[2]], offline_kit(chunks))
    assert again.context[0].id == whole.id


def test_a_gap_leaves_two_passages(farm: Kit) -> None:
    found = packed(Pack(around="nothing"), [FARM[1], FARM[0]], farm)
    assert found.context == (FARM[1], FARM[0])


def test_chunks_whose_texts_disagree_stay_apart() -> None:
    chunks = [passage("a", "one two", 0), passage("a", "TWO three", 4)]
    assert merged(chunks) == chunks
    wrong = [replace(passage("a", "one two", 0), span=Span(0, 9)), passage("a", "three", 8)]
    assert merged(wrong) == wrong


def test_a_chunk_within_another_adds_nothing() -> None:
    chunks = cut(TEXT, [(0, 18), (9, 18), (4, 7)])
    assert merged(chunks) == [chunks[0]]


def test_the_budget_leaves_out_hits_that_do_not_fit_and_takes_later_ones() -> None:
    long, short = passage("long", "word " * 20), passage("short", "two words")
    found = packed(Pack(tokens=5), [FARM[0], long, short], offline_kit([*FARM, long, short]))
    assert texts(found) == ["One cat.", "two words"]
    assert found.notes[1] == "hits: 2 of 3, passages: 2"


def test_hits_go_before_what_surrounds_them_and_the_nearest_first(farm: Kit) -> None:
    assert packed(Pack(tokens=9), [FARM[3], FARM[6], FARM[0]], farm).context == (
        FARM[3],
        FARM[6],
        FARM[0],
    )
    found = packed(Pack(tokens=12, n=2), [FARM[3], FARM[0]], farm)
    assert found.context == (FARM[2], FARM[3], FARM[4], FARM[0])


def test_shared_text_is_counted_once() -> None:
    chunks = cut(TEXT, [(0, 30), (9, 41)])
    found = packed(Pack(tokens=12, around="nothing"), chunks, offline_kit(chunks))
    assert texts(found) == [TEXT[:41]]


def test_where_no_hit_fits_the_beginning_of_the_first_is_the_context(farm: Kit) -> None:
    found = packed(Pack(tokens=2), [FARM[2], FARM[3]], farm)
    (only,) = found.context
    assert (only.text, only.span) == ("Three hens", Span(19, 29))
    assert found.notes[-1] == "cut: no hit fits, the first one's beginning does"


def test_the_best_stand_at_the_edges() -> None:
    assert best_at_edges([[c] for c in FARM[:5]]) == [[FARM[i]] for i in (0, 2, 4, 3, 1)]
    ranked = [passage(name, f"text {name}") for name in "abcd"]
    found = packed(Pack(order="edges"), ranked, offline_kit(ranked))
    assert [chunk.document_id for chunk in found.context] == ["a", "c", "d", "b"]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [(Equals("document_id", "farm"), FARM[2:5]), (Range("start", gte=31), FARM[3:5])],
)
def test_the_filter_holds_for_what_surrounds_a_hit(
    filter: Filter, expected: list[Chunk], farm: Kit
) -> None:
    assert packed(Pack(), [FARM[3]], farm, filter=filter).context == tuple(expected)


def test_a_filter_on_positions_lets_no_neighbour_in(farm: Kit) -> None:
    assert packed(Pack(), [FARM[3]], farm, filter=Equals("position", 3)).context == (FARM[3],)


def test_another_tenants_chunks_never_surround_a_hit(farm: Kit) -> None:
    other = farm.at("someone else", None)
    assert packed(Pack(), [FARM[3]], other).context == (FARM[3],)


def test_a_pipeline_file_ends_in_a_context(kit: Kit) -> None:
    tables = [{"use": "dense"}, {"use": "fuse"}, {"use": "pack", "tokens": 40, "order": "edges"}]
    search = Search.of("where do cats sleep?", 3)
    found = run(build_pipeline("p", tables), search, kit)
    assert found.hits == run(Pipeline("p", (Dense(), Fuse())), search, kit).hits
    assert found.trace[-1].changed == {"context": len(found.context)}
    assert found.context


DOCUMENT = (
    "Ein Kätzchen, two dogs;\n\nthree 🐔 hens. Four pigs?  Five cows! Six... owls\tand ants." * 3
)


@st.composite
def cuts(draw: st.DrawFn) -> list[Chunk]:
    """Chunks of documents with ascending starts that overlap, touch or leave gaps."""
    chunks = []
    for document_id in draw(st.sampled_from([("a",), ("a", "b")])):
        starts = sorted(draw(st.sets(st.integers(0, len(DOCUMENT) - 1), min_size=1, max_size=12)))
        for start in starts:
            end = min(start + draw(st.integers(1, 60)), len(DOCUMENT))
            heading = (draw(st.sampled_from("xy")),)
            chunks.append(
                replace(passage(document_id, DOCUMENT[start:end], start), heading=heading)
            )
    return chunks


@given(cuts(), st.data())
def test_the_context_never_exceeds_its_budget_and_quotes_the_document(
    chunks: list[Chunk], data: st.DataObject
) -> None:
    hits = data.draw(st.lists(st.sampled_from(chunks), unique_by=lambda c: c.id, max_size=6))
    stage = Pack(
        tokens=data.draw(st.integers(1, 60)),
        around=data.draw(st.sampled_from(["nothing", "neighbours", "section"])),
        n=data.draw(st.integers(1, 4)),
        order=data.draw(st.sampled_from(["rank", "edges"])),
    )
    kit = offline_kit(chunks)
    found = packed(stage, hits, kit)
    tokens = [len(kit.embedder.token_spans(each.text)) for each in found.context]
    assert sum(tokens) <= stage.tokens
    assert found.notes[0].startswith(f"tokens: {sum(tokens)} of {stage.tokens},")
    for each in found.context:
        assert each.text == DOCUMENT[each.span.start : each.span.end]
    assert len({each.id for each in found.context}) == len(found.context)
    assert bool(found.context) or not any(map(kit.embedder.token_spans, [h.text for h in hits]))
    for document_id in "ab":
        own = sorted(each.span for each in found.context if each.document_id == document_id)
        assert all(left.end < right.start for left, right in pairwise(own))


@pytest.mark.parametrize(("parameters", "why"), [({"tokens": 0}, "tokens"), ({"n": 0}, "pack.n")])
def test_what_cannot_work_is_a_config_error(parameters: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Pack(**parameters)
