"""Generations that exist already: put in by question, whatever is wrong with them named."""

import json
from pathlib import Path
from typing import Any

import pytest

from retrieval.adapters.cassette import Cassette
from retrieval.adapters.cassette_import import Imported, import_generations
from retrieval.errors import InputError, NotFoundError

QUESTIONS = [
    {"_id": "1", "text": "where do cats sleep?"},
    {"_id": "2", "text": "what do cats eat?"},
    {"_id": "3", "text": "where do cats sleep?"},
]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    write(tmp_path / "set" / "queries.jsonl", QUESTIONS)
    return tmp_path / "set"


@pytest.fixture
def cassette(tmp_path: Path) -> Cassette:
    return Cassette(tmp_path / "cassette.jsonl")


def write(file: Path, records: list[Any]) -> Path:
    file.write_text("".join(f"{json.dumps(each)}\n" for each in records))
    return file


def taken(cassette: Cassette) -> dict[tuple[str, int], Any]:
    found = Cassette(cassette.path)
    assert all(take.imported for take in found)
    return {(take.query, take.step): take.answer for take in found}


def test_texts_json_and_steps_are_told_apart(dataset: Path, cassette: Cassette) -> None:
    file = write(
        dataset / "given.jsonl",
        [
            {"_id": "1", "text": "On window sills."},
            {"_id": "2", "text": '{"passages": ["Meat."]}'},
            {"_id": "2", "step": 1, "text": "[1, 2]"},
        ],
    )
    assert import_generations(file, dataset, "hyde", cassette) == Imported(3)
    assert taken(cassette) == {
        ("where do cats sleep?", 0): "On window sills.",
        ("what do cats eat?", 0): {"passages": ["Meat."]},
        ("what do cats eat?", 1): "[1, 2]",
    }


def test_a_recorded_decomposition_gives_its_questions_and_the_answer_of_each(
    dataset: Path, cassette: Cassette
) -> None:
    steps = [{"question": "who?", "answer": "Ann"}, {"question": "#1's cat?", "answer": "Tom"}]
    file = write(dataset / "given.jsonl", [{"_id": "2", "steps": steps}])
    assert import_generations(file, dataset, "decompose", cassette).answers == 3
    assert taken(cassette) == {
        ("what do cats eat?", 0): {"questions": ["who?", "#1's cat?"]},
        ("what do cats eat?", 1): {"answer": "Ann"},
        ("what do cats eat?", 2): {"answer": "Tom"},
    }


def test_unknown_ids_and_questions_given_twice_are_reported(
    dataset: Path, cassette: Cassette
) -> None:
    records = [{"_id": id, "text": f"answer {id}"} for id in ("1", "9", "3")]
    file = write(dataset / "given.jsonl", records)
    assert import_generations(file, dataset, "hyde", cassette) == Imported(1, ("9",), ("3",))
    assert taken(cassette) == {("where do cats sleep?", 0): "answer 3"}


def test_a_second_import_replaces_and_another_stage_joins(
    dataset: Path, cassette: Cassette
) -> None:
    for stage, text in (("hyde", "a"), ("hyde", "b"), ("expand", "c")):
        file = write(dataset / "given.jsonl", [{"_id": "2", "text": text}])
        import_generations(file, dataset / "queries.jsonl", stage, cassette)
    assert [take.answer for take in Cassette(cassette.path)] == ["c", "b"]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('{"_id": "1", "text"', r"given.jsonl:1: broken JSON"),
        ("[1]", r"given.jsonl:1: an object"),
        ('{"text": "a"}', "_id must be a text"),
        ('{"_id": "1"}', "text must be a text"),
        ('{"_id": "1", "text": "a", "step": -1}', "step must be"),
        ('{"_id": "1", "steps": "a"}', "steps must be"),
        ('{"_id": "1", "steps": [{"question": "a"}]}', "answer must be a text"),
        ('{"_id": "9", "text": "a"}', "none of its ids.*such as 9"),
        ("", "none of its ids"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_nothing_is_written(
    dataset: Path, cassette: Cassette, line: str, named: str
) -> None:
    file = dataset / "given.jsonl"
    file.write_text(line)
    with pytest.raises(InputError, match=named):
        import_generations(file, dataset, "hyde", cassette)
    assert not cassette.path.exists()


def test_what_is_not_there_is_named(dataset: Path, cassette: Cassette) -> None:
    file = write(dataset / "given.jsonl", [{"_id": "1", "text": "a"}])
    with pytest.raises(NotFoundError, match=r"gone.jsonl is not there"):
        import_generations(dataset / "gone.jsonl", dataset, "hyde", cassette)
    with pytest.raises(NotFoundError, match=r"none.queries.jsonl is not there|none is not there"):
        import_generations(file, dataset / "none", "hyde", cassette)
    with pytest.raises(InputError, match=r"No stage 'hide'.*hyde"):
        import_generations(file, dataset, "hide", cassette)
