"""TREC topics in their three forms, and what is said where one is wrong."""

from pathlib import Path

import pytest

from eval.questions import Query
from eval.topics import read_topics
from retrieval.errors import InputError

CLASSIC = """
<top>
<num> Number: 301
<title> International Organized Crime &amp; law

<desc> Description:
Identify organizations that
participate in it.

<narr> Narrative:
A relevant document must name one.
</top>

<top>
<num> Number: 302
<title> Topic: Poliomyelitis
<desc>
</top>
"""
XML = """<?xml version="1.0"?>
<topics task="COVIDSearch">
  <topic number="1"><query>coronavirus  origin</query><narrative>seeking</narrative></topic>
  <topic number="2">a text alone</topic>
</topics>
"""


def topics(folder: Path, text: str) -> tuple[Query, ...]:
    file = folder / "topics.txt"
    file.write_text(text, encoding="utf-8")
    return read_topics(file)


def test_classic_topics(tmp_path: Path) -> None:
    first, second = topics(tmp_path, CLASSIC)
    assert (first.id, first.text) == ("301", "International Organized Crime & law")
    assert first.meta == {
        "description": "Identify organizations that participate in it.",
        "narrative": "A relevant document must name one.",
    }
    assert (second.id, second.text, second.meta) == ("302", "Poliomyelitis", {"description": ""})


def test_xml_topics(tmp_path: Path) -> None:
    assert topics(tmp_path, XML) == (
        Query("1", "coronavirus origin", {"narrative": "seeking"}),
        Query("2", "a text alone"),
    )


@pytest.mark.parametrize("header", ["", "qid\tquery\n"])
def test_a_table_with_a_header_or_without(tmp_path: Path, header: str) -> None:
    found = topics(tmp_path, f"{header}1\twhy?\n\n2\thow, then?\n")
    assert found == (Query("1", "why?"), Query("2", "how, then?"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1\twhy?\n2 how?\n", r"topics.txt:2: an id, a tab and a text are needed, got '2 how\?'"),
        ("1\ta\n1\tb\n", r"topics.txt:2: topic '1' is there already"),
        ("<top>\n<title> a\n</top>", "topic 1: it has no number; it has title"),
        ("<top>\n<num> 1\n<desc> a\n</top>", "topic 1: it has no title or query; it has number"),
        ("<topics></topics>", "holds no topic"),
        ("<topics><topic>", r"no XML \("),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><topics/>", "defines entities"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        topics(tmp_path, text)
