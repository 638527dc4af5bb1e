"""Tools in memory, and small datasets of both forms, written as files."""

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from retrieval.offline import HashEmbedder
from retrieval.offline_tools import OfflineTools
from retrieval.open_kit import Tools
from retrieval.settings import Settings

ANIMALS = {
    "cat": "The cat sleeps on the warm window sill.",
    "dog": "The dog barks at the postman every morning.",
    "owl": "The owl hunts mice at night without a sound.",
    "bee": "The bee dances to show where flowers are.",
    "ant": "The ant carries leaves into its nest.",
}
GUIDE = """# Animals

## Cats

Cats sleep sixteen hours a day. They were first kept in the Near East to guard grain.

## Dogs

Dogs hear four times as far as people. They descend from wolves.

## Bees

A bee visits a hundred flowers on a flight. Bees see ultraviolet light.
"""
FARM = """# Farm

Wolves were tamed long ago, and every dog descends from them.

Cows eat grass for eight hours a day.
"""


class CountingEmbedder(HashEmbedder):
    """The hash encoder, with how many passages it has embedded."""

    embedded = 0

    def passages(self, texts, *clock):
        type(self).embedded += len(texts)
        return super().passages(texts, *clock)


class CountingTools(OfflineTools):
    """Tools in memory, which count what is embedded."""

    @cached_property
    def embedder(self):
        return CountingEmbedder()


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return CountingTools(Settings(data_dir=tmp_path / "data", encoder="hash"))


def lines(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """A BEIR folder: five documents, four judged questions, one of them with a gone document."""
    folder = tmp_path / "animals"
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": id, "title": id.title(), "text": text} for id, text in ANIMALS.items()]
    questions = {
        "q1": "who sleeps on the sill",
        "q2": "barks at the postman",
        "q3": "xylophone",
        "owl": "hunts mice",
        "unjudged": "anything",
    }
    (folder / "corpus.jsonl").write_text(lines(corpus))
    (folder / "queries.jsonl").write_text(
        lines([{"_id": id, "text": text} for id, text in questions.items()])
    )
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\tcat\t2\nq1\tdog\t1\nq2\tdog\t1\nq2\tgone\t1\n"
        "q3\tbee\t1\nowl\towl\t1\n"
    )
    return folder


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    """A folder of spans: two files, an AND, an OR, a moved quote, a stale one, one unanswerable."""
    folder = tmp_path / "guide"
    (folder / "corpus" / "more").mkdir(parents=True)
    (folder / "corpus" / "guide.md").write_text(GUIDE)
    (folder / "corpus" / "more" / "the farm.md").write_text(FARM)

    def place(query_id: str, quote: str, group: int, moved: int = 0) -> dict[str, Any]:
        document, text = ("guide.md", GUIDE) if quote in GUIDE else ("more/the farm.md", FARM)
        start = text.find(quote) + moved
        found = {"query_id": query_id, "document_id": document, "start": start}
        return found | {"end": start + len(quote), "quote": quote, "grade": 1, "group": group}

    judgments = [
        place("sleep", "Cats sleep sixteen hours a day.", 1, moved=7),
        place("both", "They descend from wolves.", 1),
        place("both", "every dog descends from them", 1),
        place("both", "Bees see ultraviolet light.", 2),
        place("stale", "Cats bark.", 1) | {"start": 0, "end": 10},
    ]
    queries = [
        {"_id": "sleep", "text": "how long do cats sleep", "metadata": {"kind": "fact"}},
        {"_id": "both", "text": "dogs descend from wolves and bees see which light"},
        {"_id": "stale", "text": "do cats bark"},
        {"_id": "none", "text": "stock price of tulips", "metadata": {"answerable": False}},
    ]
    (folder / "queries.jsonl").write_text(lines(queries))
    (folder / "judgments.jsonl").write_text(lines(judgments))
    return folder


@pytest.fixture
def read() -> Callable[[Path], list[dict[str, Any]]]:
    """A function that reads JSON lines."""
    return lambda file: [json.loads(line) for line in file.read_text().splitlines()]
