"""Generations that exist already: put in by question, whatever is wrong with them named."""

import json
from pathlib import Path
from typing import Any

import pytest

from retrieval.adapters.cassette import Cassette
from retrieval.adapters.cassette_import import Generations, Imported, import_generations
from retrieval.errors import InputError, NotFoundError

QUESTIONS = [
    {"_id": "1", "text": "where do cats sleep?"},
    {"_id": "2", "text": "what do cats eat?"},
    {"_id": "3", "text": "where do cats sleep?"},
]
STEPS = [{"question": "who?", "answer": "Ann"}, {"question": "#1's cat?", "answer": "Tom"}]


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


def put(stage: str, cassette: Cassette, dataset: Path, *files: Path, step: int = 0) -> Imported:
    return import_generations(Generations(files, dataset, stage, step), cassette)


def taken(cassette: Cassette) -> dict[tuple[str, int], Any]:
    found = Cassette(cassette.path)
    assert all(take.imported for take in found)
    return {(take.query, take.step): take.answer for take in found}


def test_texts_and_json_are_told_apart(dataset: Path, cassette: Cassette) -> None:
    file = write(
        dataset / "given.jsonl",
        [{"_id": "1", "text": "[1, 2]"}, {"_id": "2", "text": '{"passages": ["Meat."]}'}],
    )
    assert put("hyde", cassette, dataset, file) == Imported(2)
    assert taken(cassette) == {
        ("where do cats sleep?", 0): "[1, 2]",
        ("what do cats eat?", 0): {"passages": ["Meat."]},
    }


def test_a_step_is_said_in_the_line_or_for_all_lines(dataset: Path, cassette: Cassette) -> None:
    records = [{"_id": "1", "text": "nap, bed"}, {"_id": "2", "text": "what is eaten?", "step": 0}]
    file = write(dataset / "given.jsonl", records)
    put("expand", cassette, dataset, file, step=1)
    assert taken(cassette) == {
        ("where do cats sleep?", 1): "nap, bed",
        ("what do cats eat?", 0): "what is eaten?",
    }


def test_a_recorded_decomposition_gives_its_questions_and_the_answer_of_each(
    dataset: Path, cassette: Cassette
) -> None:
    file = write(dataset / "given.jsonl", [{"_id": "2", "steps": STEPS}])
    assert put("decompose", cassette, dataset, file).answers == 3
    assert taken(cassette) == {
        ("what do cats eat?", 0): {"questions": ["who?", "#1's cat?"]},
        ("what do cats eat?", 1): {"answer": "Ann"},
        ("what do cats eat?", 2): {"answer": "Tom"},
    }


def test_several_files_about_a_question_are_one_list(dataset: Path, cassette: Cassette) -> None:
    first = write(dataset / "a.jsonl", [{"_id": "1", "text": "a"}, {"_id": "2", "text": "b"}])
    lists = json.dumps({"paraphrases": ["c", "d"]})
    second = write(dataset / "b.jsonl", [{"_id": "2", "text": lists}])
    assert put("expand", cassette, dataset, first, second).answers == 2
    assert taken(cassette) == {
        ("where do cats sleep?", 0): "a",
        ("what do cats eat?", 0): {"paraphrases": ["b", "c", "d"]},
    }


def test_two_decompositions_of_a_question_cannot_be_joined(
    dataset: Path, cassette: Cassette
) -> None:
    file = write(dataset / "given.jsonl", [{"_id": "2", "steps": STEPS}])
    with pytest.raises(InputError, match="two files have an answer to 'what do cats eat"):
        put("decompose", cassette, dataset, file, file)
    assert not cassette.path.exists()


def test_what_is_not_as_expected_is_reported(dataset: Path, cassette: Cassette) -> None:
    records = [{"_id": id, "text": f"answer {id}"} for id in ("1", "9", "3")]
    file = write(dataset / "given.jsonl", [*records, {"_id": "2", "text": "  "}])
    assert put("hyde", cassette, dataset, file) == Imported(1, ("9",), ("3",), ("2",))
    assert taken(cassette) == {("where do cats sleep?", 0): "answer 3"}


def test_a_second_import_replaces_and_another_stage_joins(
    dataset: Path, cassette: Cassette
) -> None:
    for stage, text in (("hyde", "a"), ("hyde", "b"), ("expand", "c")):
        file = write(dataset / "given.jsonl", [{"_id": "2", "text": text}])
        put(stage, cassette, dataset / "queries.jsonl", file)
    assert [take.answer for take in Cassette(cassette.path)] == ["c", "b"]


@pytest.mark.parametrize(
    ("stage", "line", "named"),
    [
        ("hyde", '{"_id": "1", "text"', r"given.jsonl:1: broken JSON"),
        ("hyde", "[1]", r"given.jsonl:1: an object"),
        ("hyde", '{"text": "a"}', "_id must be a text"),
        ("hyde", '{"_id": "1"}', "text must be a text"),
        ("hyde", '{"_id": "1", "text": "a", "step": -1}', "step must be"),
        ("hyde", '{"_id": "1", "text": "a", "step": 1}', "hyde has no step 1, only 0"),
        ("hyde", '{"_id": "1", "steps": "a"}', "steps must be"),
        ("hyde", '{"_id": "9", "text": "a"}', "none of the ids.*such as 9"),
        ("hyde", "", "none of the ids"),
        ("hyde", '{"_id": "1", "text": "{\\"answer\\": 1}"}', "given.jsonl:1: hyde cannot read it"),
        ("decompose", '{"_id": "1", "text": "a"}', "decompose reads JSON with questions"),
        ("decompose", '{"_id": "1", "steps": [{"question": "a"}]}', "answer must be a text"),
        ("self_query", '{"_id": "1", "text": "year is 2019"}', "reads JSON with conditions"),
        ("route", '{"_id": "1", "text": "{\\"domain\\": \\"a\\"}"}', "route cannot read it"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_nothing_is_written(
    dataset: Path, cassette: Cassette, stage: str, line: str, named: str
) -> None:
    file = dataset / "given.jsonl"
    file.write_text(line)
    with pytest.raises(InputError, match=named):
        put(stage, cassette, dataset, file)
    assert not cassette.path.exists()


def test_what_is_not_there_is_named(dataset: Path, cassette: Cassette) -> None:
    file = write(dataset / "given.jsonl", [{"_id": "1", "text": "a"}])
    with pytest.raises(NotFoundError, match=r"gone.jsonl is not there"):
        put("hyde", cassette, dataset, dataset / "gone.jsonl")
    with pytest.raises(NotFoundError, match=r"none.queries.jsonl is not there|none is not there"):
        put("hyde", cassette, dataset / "none", file)
    with pytest.raises(InputError, match=r"Stage 'hide' is not there.*expand, hyde"):
        put("hide", cassette, dataset, file)
    with pytest.raises(InputError, match=r"Stage 'dense' asks no language model"):
        put("dense", cassette, dataset, file)
