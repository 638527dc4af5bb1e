"""Judgments: how they are read, and how they follow their text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.judgments import Judgment, anchored, located, read_qrels, read_references, read_spans
from retrieval.errors import InputError, NotFoundError
from retrieval.types import Span


def written(folder: Path, text: str, name: str = "test.tsv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "text",
    [
        "query-id\tcorpus-id\tscore\nq1\td 1\t2\n",
        "q1\td 1\t2\n",
        "q1\t0\td 1\t2\n",
        "\ufeffq1\td 1\t2\r\n\r\n",
        "q1\td 1\t2.0",
    ],
)
def test_qrels_with_a_header_or_without_in_three_columns_or_four(tmp_path: Path, text: str) -> None:
    assert list(read_qrels(written(tmp_path, text))) == [Judgment("q1", "d 1", 2)]


def test_qrels_may_be_separated_by_spaces(tmp_path: Path) -> None:
    found = list(read_qrels(written(tmp_path, "q1 d1 1\nq1   0  d2  0\nq2 d1 -1\n")))
    assert [each.document_id for each in found] == ["d1", "d2", "d1"]
    assert [each.grade for each in found] == [1, 0, 0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("q1\td1\t1\nq2\td1\n", r"test.tsv:2: query, document and grade are needed"),
        ("q1 d1\n", r"test.tsv:1: query, document and grade are needed"),
        ("q1\td1\tgood\n", r"test.tsv:1: the grade must be a whole number, got 'good'"),
        ("q1\td1\t1\nq1\td2\tnan\n", r"test.tsv:2: the grade must be a whole number"),
        ("q1\td1\t0.5\n", r"test.tsv:1: the grade must be a whole number"),
        ("q1\t\t1\n", r"test.tsv:1: query, document and grade are needed"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        list(read_qrels(written(tmp_path, text)))


def test_a_missing_file_and_one_that_is_no_utf8_are_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"nothing.tsv is not there"):
        list(read_qrels(tmp_path / "nothing.tsv"))
    (tmp_path / "latin.tsv").write_bytes(b"q\xe9\td\t1\n")
    with pytest.raises(InputError, match="no UTF-8"):
        list(read_qrels(tmp_path / "latin.tsv"))


def test_span_judgments_are_read(tmp_path: Path) -> None:
    text = (
        '{"query_id": 7, "document_id": "a", "start": 3, "end": 5, "quote": "xy", "group": 1}\n'
        '{"query_id": "7", "document_id": "a", "quote": "only text", "grade": 2}\n'
        '{"query_id": "7", "quote": "anywhere"}\n'
        '{"query_id": "7", "document_id": "whole", "group": "x"}\n'
    )
    assert list(read_spans(written(tmp_path, text))) == [
        Judgment("7", "a", 1, Span(3, 5), "xy", "1"),
        Judgment("7", "a", 2, None, "only text", None),
        Judgment("7", "", 1, None, "anywhere", None),
        Judgment("7", "whole", 1, None, "", "x"),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"query_id": "q", "document_id": "a", "end": 5}', "'start' must be a whole number"),
        ('{"query_id": "q", "document_id": "a", "start": 5, "end": 5}', "0 <= start < end"),
        ('{"query_id": "q", "start": 0, "end": 5}', "'document_id' is needed"),
        ('{"query_id": "q", "start": 0, "end": 5, "quote": "a"}', "'document_id' is needed"),
        ('{"document_id": "q", "start": 0, "end": 5}', "'query_id' is needed"),
        ('{"query_id": "q", "document_id": "a", "start": 0, "end": 5', "no JSON"),
        ('["q"]', "a JSON object is needed, got list"),
        ('{"query_id": "q", "document_id": "a", "quote": 3}', "'quote' must be a string"),
    ],
)
def test_a_bad_span_judgment_is_named(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(InputError, match=f"test.tsv:1: .*{said}"):
        list(read_spans(written(tmp_path, line)))


def test_references_in_the_metadata_of_a_query_are_judgments() -> None:
    meta = {"corpus_id": "a", "references": [{"content": "xy", "start_index": 3, "end_index": 5}]}
    assert list(read_references("q", meta, "queries.jsonl:1")) == [
        Judgment("q", "a", 1, Span(3, 5), "xy")
    ]
    with pytest.raises(InputError, match=r"queries.jsonl:1: metadata.references"):
        list(read_references("q", {"references": "x"}, "queries.jsonl:1"))


def quoted(quote: str, start: int) -> Judgment:
    return Judgment("q", "a", 1, Span(start, start + len(quote)), quote)


def test_a_quote_in_its_place_is_left_alone() -> None:
    judgment = quoted("cat", 4)
    assert anchored(judgment, "the cat sat") is judgment


def test_a_quote_that_moved_is_found_nearest_to_its_old_place() -> None:
    text = "cat " + "x" * 100 + " cat " + "x" * 100 + " cat"
    assert anchored(quoted("cat", 120), text).span == Span(105, 108)
    assert anchored(quoted("cat", 0), "  " + text).span == Span(2, 5)


def test_a_quote_is_found_under_other_white_space() -> None:
    found = anchored(quoted("a cat\nsat on (it).", 0), "So: a  cat sat\n\ton (it). End")
    assert found.span == Span(4, 24)
    assert found.quote == "a cat\nsat on (it)."


def test_a_quote_that_is_gone_is_stale() -> None:
    assert anchored(quoted("cat", 4), "the dog sat") is None
    assert anchored(quoted("cat", 4), "") is None


def test_a_span_without_a_quote_is_believed_within_the_text() -> None:
    judgment = Judgment("q", "a", 1, Span(0, 5))
    assert anchored(judgment, "12345") is judgment
    assert anchored(judgment, "1234") is None


def test_a_quote_without_a_place_stands_wherever_the_corpus_holds_it() -> None:
    texts = {"a": "the cat sat", "b": "a cat, a cat", "c": "no dog"}
    once = Judgment("q", "", 2, None, "the cat")
    assert located(once, texts) == [Judgment("q", "a", 2, Span(0, 7), "the cat")]
    often = located(Judgment("q", "", 1, None, "cat"), texts)
    assert [(each.document_id, each.span) for each in often] == [
        ("a", Span(4, 7)),
        ("b", Span(2, 5)),
        ("b", Span(9, 12)),
    ]
    assert {each.group for each in often} == {"cat"}
    named = located(Judgment("q", "b", 1, None, "cat", "1"), texts)
    assert [(each.span, each.group) for each in named] == [(Span(2, 5), "1"), (Span(9, 12), "1")]
    assert located(Judgment("q", "", 1, None, "horse"), texts) == []
    assert located(Judgment("q", "gone", 1, None, "cat"), texts) == []


def test_other_white_space_counts_only_where_no_place_holds_a_quote_exactly() -> None:
    texts = {"a": "the\ncat", "b": "the cat"}
    quote = Judgment("q", "", 1, None, "the cat")
    assert [each.document_id for each in located(quote, texts)] == ["b"]
    assert [each.document_id for each in located(quote, {"a": texts["a"]})] == ["a"]


@given(st.text("ab \n", min_size=1), st.text("xy", max_size=5), st.text("xy", max_size=5))
def test_an_anchored_span_holds_its_quote_but_for_white_space(quote, before, after) -> None:
    found = anchored(quoted(quote, 7), before + quote + after)
    if found is None or not quote.strip():
        assert not quote.strip()
    else:
        text = (before + quote + after)[found.span.start : found.span.end]
        assert text.split() == quote.split()
