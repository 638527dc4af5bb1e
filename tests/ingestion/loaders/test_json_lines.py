import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from ingestion.document import Document, Failure
from ingestion.loaders import json_lines


def test_the_corpus_form_of_beir_is_read(read: Callable[..., Any]) -> None:
    row = {"_id": "4983", "title": "T", "text": "Words.", "metadata": {"year": 2020}, "url": "u"}
    assert read(json_lines, json.dumps(row)) == [
        Document("4983", "Words.", "T", meta={"year": 2020, "url": "u"})
    ]


def test_rows_without_an_id_are_named_by_file_and_line(read: Callable[..., Any]) -> None:
    found = read(
        json_lines, '{"text": "a"}\n\n{"id": 7, "Content": "b"}\n{"id": null, "body": "c"}'
    )
    assert [(each.id, each.text) for each in found] == [
        ("folder/file.jsonl#1", "a"),
        ("7", "b"),
        ("folder/file.jsonl#4", "c"),
    ]


def test_fields_can_be_named(read: Callable[..., Any]) -> None:
    row = '{"id": 1, "key": "k", "name": "n", "abstract": "a", "text": "t"}'
    found = read(json_lines, row, id_field="key", title_field="name", text_field="abstract")
    assert found == [Document("k", "a", "n", meta={"id": 1, "text": "t"})]


def test_a_row_with_a_title_alone_is_a_document_of_its_title(read: Callable[..., Any]) -> None:
    assert read(json_lines, '{"_id": "d", "title": "T", "text": ""}') == [Document("d", "T")]


def test_a_broken_line_is_told_and_the_rest_is_done(read: Callable[..., Any]) -> None:
    found = read(json_lines, '{"text": "a"}\n{"text": "b"\n[1]\n{"text": "c"}\n')
    assert [getattr(each, "text", None) for each in found] == ["a", None, None, "c"]
    assert found[1] == Failure(
        "folder/file.jsonl:2", "not JSON: Expecting ',' delimiter, column 13"
    )
    assert found[2] == Failure("folder/file.jsonl:3", "not a JSON object but a list")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{"sku": 1, "name": "x"}', "none of the fields text, content, body: .* sku, name"),
        ('{"text": "  "}', "no text in the field 'text'"),
        ('{"text": ["a"]}', "the field 'text' holds a list, no text"),
        ('{"text": "a", "title": {}}', "the field 'title' holds an object, no text"),
        ('{"text": "a", "id": true}', "the id field 'id' holds a boolean"),
        ('{"text": "a", "n": NaN}', "NaN is no JSON number"),
        ("[" * 100_000, "nested too deep"),
        ("null", "not a JSON object but null"),
        ('"x"', "not a JSON object but a text"),
        ("1", "not a JSON object but a number"),
        ("1.5", "not a JSON object but a number"),
        ("true", "not a JSON object but a boolean"),
        ("text", "not JSON: Expecting value, column 1"),
    ],
)
def test_a_row_that_cannot_be_used_is_told(read: Callable[..., Any], row: str, reason: str) -> None:
    first, second = read(json_lines, f'{row}\n{{"text": "good"}}')
    assert isinstance(first, Failure)
    assert re.search(reason, first.reason)
    assert second.text == "good"


def test_a_row_with_a_blank_text_is_told_apart_from_one_without(read: Callable[..., Any]) -> None:
    rows = ['{"id": 7, "text": ""}', '{"text": null}', '{"id": 8}', '{"id": [], "text": ""}']
    found = read(json_lines, "\n".join(rows))
    assert [each.emptied for each in found] == ["7", "folder/file.jsonl#2", None, None]


def test_a_missing_named_id_is_told(read: Callable[..., Any]) -> None:
    (found,) = read(json_lines, '{"text": "a", "id": "x"}', id_field="key")
    assert found.reason == "no value in the id field 'key'; its fields are text, id"


def test_numbers_that_no_64_bits_hold_stay_text(read: Callable[..., Any]) -> None:
    row = f'{{"text": "a", "n": {2**63}, "m": {-(2**63)}, "x": 1e999, "l": {"9" * 5000}}}'
    (found,) = read(json_lines, row)
    assert found.meta == {"n": str(2**63), "m": -(2**63), "x": "1e999", "l": "9" * 5000}


def test_a_line_beyond_the_limit_is_told_and_not_held(read: Callable[..., Any]) -> None:
    long = json.dumps({"text": "x" * 5000})
    found = read(json_lines, f'{long}\n{{"text": "b"}}\n{long}', max_file_mb=0.001)
    assert [getattr(each, "text", None) for each in found] == [None, "b", None]
    assert found[0] == Failure("folder/file.jsonl:1", "a row of more than 0.001 MB")
    assert found[2].source == "folder/file.jsonl:3"


def test_lines_of_other_encodings_are_read(read: Callable[..., Any]) -> None:
    rows = '{"text": "größer, länger"}\n'
    for encoding in ("utf-16", "utf-8-sig", "cp1252"):
        assert [each.text for each in read(json_lines, rows.encode(encoding))] == ["größer, länger"]
    mixed = rows.encode() * 4000 + rows.encode("cp1252")
    assert {each.text for each in read(json_lines, mixed)} == {"größer, länger"}
