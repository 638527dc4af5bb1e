from collections.abc import Callable
from typing import Any

import pytest

from ingestion.document import Document, Failure
from ingestion.loaders import json_file
from retrieval.errors import InputError


def test_an_array_is_a_document_an_object(read: Callable[..., Any]) -> None:
    found = read(json_file, '[{"id": "a", "text": "one"}, {"text": "two"}, {"no": 1}]')
    assert found[:2] == [Document("a", "one"), Document("folder/file.json#2", "two")]
    assert isinstance(found[2], Failure)
    assert found[2].source == "folder/file.json item 3"


def test_an_object_is_one_document(read: Callable[..., Any]) -> None:
    assert read(json_file, '{\n"text": "one",\n"n": 1}') == [
        Document("folder/file.json", "one", meta={"n": 1})
    ]


def test_json_lines_under_this_name_are_read(read: Callable[..., Any]) -> None:
    found = read(json_file, '{"text": "one"}\n{"text": "two"\n{"text": "three"}\n')
    assert [getattr(each, "text", None) for each in found] == ["one", None, "three"]


def test_broken_json_is_refused(read: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match="not JSON: Expecting"):
        read(json_file, '[{"text": "one"},')
