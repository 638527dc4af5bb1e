from pathlib import Path

import pytest

from retrieval.errors import ConfigError
from retrieval.synonyms import Synonyms, load_synonyms

LIST = """\
# what our people write
AD, Alzheimer's disease, Alzheimer disease
k8s => kubernetes, container cluster   # one way
dotnet, .NET, C#
heart attack, myocardial infarction
heart, cardiac
IT, information technology
"""


@pytest.fixture
def synonyms(tmp_path: Path) -> Synonyms:
    file = tmp_path / "list.txt"
    file.write_text(LIST, encoding="utf-8")
    return load_synonyms(file)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("AD in mice", "AD (Alzheimer's disease, Alzheimer disease) in mice"),
        ("alzheimer's disease?", "alzheimer's disease (AD, Alzheimer disease)?"),
        ("scale K8s", "scale K8s (kubernetes, container cluster)"),
        ("after a heart attack", "after a heart attack (myocardial infarction)"),
        ("a Heart and IT", "a Heart (cardiac) and IT (information technology)"),
        ("heart or cardiac", None),
        ("kubernetes", None),
        ("ad in it", None),
        ("vitamin C", None),
        ("in dotnet", "in dotnet (.NET, C#)"),
        ("headache, hearts", None),
        ("", None),
        ("🦊", None),
    ],
)
def test_entries_are_spelled_out(synonyms: Synonyms, text: str, spelled: str | None) -> None:
    assert synonyms.spelled_out(text) == spelled


def test_an_entry_given_twice_stands_for_both(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("a, b\na, c\na, b\n")
    assert load_synonyms(file).entries["a"] == ("b", "c")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("alone", "line 1: 'alone' must be"),
        ("a =>", "line 1"),
        ("=> b", "line 1"),
        ("# nothing\n\n", "has no entry"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, line: str, named: str) -> None:
    file = tmp_path / "list.txt"
    file.write_text(line)
    with pytest.raises(ConfigError, match=named):
        load_synonyms(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for name in ("gone.txt", "bytes", "."):
        with pytest.raises(ConfigError, match="cannot be read"):
            load_synonyms(tmp_path / name)


def test_a_byte_order_mark_is_no_part_of_an_entry(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("AD, Alzheimer", encoding="utf-8-sig")
    assert load_synonyms(file).spelled_out("what is AD?") == "what is AD (Alzheimer)?"
