import pytest

from ingestion.document import Document, Heading
from ingestion.reading import BLOCK, Reading, cluster_start
from retrieval.offline import HashEmbedder
from retrieval.types import Span

EMBEDDER = HashEmbedder(limit=10)


def read(text: str, **others: object) -> Reading:
    return Reading(Document("d", text, **others), EMBEDDER, "title+text")  # type: ignore[arg-type]


def test_a_text_is_tokenised_once_and_only_as_far_as_asked() -> None:
    asked: list[str] = []

    class Counting(HashEmbedder):
        def token_spans(self, text: str) -> list[Span]:
            asked.append(text)
            return super().token_spans(text)

    text = "word " * BLOCK
    reading = Reading(Document("d", text), Counting(), "text")
    assert reading.count(0, 10) == 2
    assert len(asked) == 1
    assert reading.count(0, len(text)) == BLOCK
    assert reading.count(5, len(text)) == BLOCK - 1
    assert "".join(asked) == text
    assert all(len(block) <= BLOCK for block in asked)


def test_a_token_counts_for_every_stretch_that_it_touches() -> None:
    reading = read("one, two")
    assert [reading.count(*span) for span in ((0, 3), (1, 2), (0, 4), (2, 6), (4, 5))] == [
        *(1, 1, 2, 3, 0)
    ]


def test_room_is_what_special_tokens_and_the_title_leave_and_at_least_half() -> None:
    assert read("x").room(0) == 8
    assert read("x", title="A b").room(0) == 6
    assert read("x", title="A b c d e f g").room(0) == 5


def test_a_fit_grows_with_the_tokens_until_the_end() -> None:
    reading = read("a b  c d")
    assert [reading.fit(0, n) for n in range(1, 6)] == [2, 5, 7, 8, 8]
    assert reading.fit(2, 1) == 5
    assert reading.fit(0, 0) == 2


def test_going_back_never_takes_more_tokens_than_asked() -> None:
    reading = read("a b  c d")
    assert [reading.back(7, n) for n in range(4)] == [7, 5, 2, 0]


def test_byte_pieces_of_one_character_are_all_counted() -> None:
    class Bytes(HashEmbedder):
        def token_spans(self, text: str) -> list[Span]:
            return [Span(i, i + 1) for i, c in enumerate(text) for _ in c.encode()]

    reading = Reading(Document("d", "a😀b"), Bytes(), "text")
    assert reading.count(0, 3) == 6
    assert reading.fit(0, 3) == 1
    assert reading.fit(1, 3) == 2
    assert reading.fit(1, 4) == 2


def test_the_path_of_an_offset_are_the_headings_above_it() -> None:
    text = "intro\n# A\na\n### B\nb\n## C\nc\n# D\n"
    headings = (Heading(6, 1, "A"), Heading(12, 3, "B"), Heading(20, 2, "C"), Heading(27, 1, "D"))
    reading = read(text, headings=headings)
    assert [reading.path(offset) for offset in (0, 6, 7, 12, 18, 20, 25, 27, 31)] == [
        *((), (), ("A",), ("A",), ("A", "B"), ("A",), ("A", "C"), (), ("D",))
    ]


@pytest.mark.parametrize(
    ("text", "offset", "start"),
    [
        ("ab", 1, 1),
        ("e\u0301x", 1, 0),
        ("e\u0301x", 2, 2),
        ("\r\n", 1, 0),
        ("a👩‍👧b", 2, 1),
        ("a👩‍👧b", 3, 1),
        ("a👩‍👧b", 4, 4),
        ("🇫🇷🇩🇪", 2, 2),
        ("🇫🇷🇩🇪", 3, 2),
        ("词语", 1, 1),
        ("각", 0, 0),
        ("ab", 0, 0),
        ("ab", 2, 2),
    ],
)
def test_a_cluster_starts_where_a_reader_sees_a_character_start(
    text: str, offset: int, start: int
) -> None:
    assert cluster_start(text, offset) == start


def test_a_syllable_of_an_unknown_run_counts_as_its_letters() -> None:
    reading = Reading(Document("d", "한국어" * 20), HashEmbedder(), "text")
    # Three letters, three and two: what an encoder may see once the run is cut.
    assert reading.count(0, 3) == 8
    assert reading.fit(0, 8) == 3
    assert reading.fit(0, 2) == 1
