from collections.abc import Callable
from typing import Any

import pytest

from ingestion.document import Document
from ingestion.loaders import text
from retrieval.errors import InputError


def test_text_stands_as_it_is_but_for_its_newlines(read: Callable[..., Any]) -> None:
    found = read(text, "  One.\r\n\r\nTwo.\rThree.\n")
    assert found == [Document("folder/file.txt", "  One.\n\nTwo.\nThree.\n")]


def test_another_encoding_than_utf_8_is_told(read: Callable[..., Any]) -> None:
    (document,) = read(text, "Le café est très agréable à Besançon.".encode("latin-1"))
    assert document.text == "Le café est très agréable à Besançon."
    assert document.meta == {"encoding": "cp1252"}


def test_binary_content_under_a_text_name_is_refused(read: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match="binary content"):
        read(text, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0")
