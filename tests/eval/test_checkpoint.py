"""Answers on disk: they come back as they were, and a torn line costs one question."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.answers import Answer
from eval.checkpoint import Checkpoint, Line, Spent, _read, _written, write
from eval.questions import Query
from retrieval.errors import InputError
from retrieval.types import Chunk, Hit, Score, Span

QUERIES = [Query("q1", "one"), Query("q2", "two"), Query("q3", "three")]
TEXT = st.text(max_size=5)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
HITS = st.builds(
    lambda id, start, scores: Hit(
        Chunk(id, f"d{id}", "", Span(start, start + 7)), tuple(Score(*each) for each in scores)
    ),
    TEXT,
    st.integers(0, 9),
    st.lists(st.tuples(TEXT, NUMBER), min_size=1, max_size=3),
)
ANSWERS = st.builds(
    Answer,
    st.lists(HITS, max_size=3).map(tuple),
    NUMBER,
    st.lists(st.tuples(TEXT, NUMBER), max_size=2).map(tuple),
    st.lists(TEXT, max_size=3).map(tuple),
    st.booleans(),
    st.dictionaries(TEXT, NUMBER, max_size=2),
)


@given(TEXT, ANSWERS, NUMBER)
def test_a_line_comes_back_as_it_was(query_id, answer, seconds) -> None:
    line = Line(query_id, answer, Spent(seconds, 0.5))
    assert _read(json.dumps(_written(line), ensure_ascii=False)) == line


def answered(number: int) -> Answer:
    hit = Hit(Chunk(f"c{number}", f"d{number}", "", Span(0, 5)), (Score("dense", number / 3),))
    return Answer((hit,), 1.5, (("dense", 1.0), ("fuse", 0.5)), (f"d{number}",), False)


def filled(folder, counts) -> Checkpoint:
    """A checkpoint whose rungs have answered so many questions."""
    checkpoint = Checkpoint(tuple(folder / f"{n}.jsonl" for n in range(len(counts))), QUERIES)
    for file, count in zip(checkpoint.open(), counts, strict=True):
        with file:
            for number, query in enumerate(QUERIES[:count]):
                write(file, Line(query.id, answered(number), Spent(0.25, 0.125)))
    return checkpoint


def test_the_questions_that_all_rungs_have_answered_are_kept(tmp_path) -> None:
    checkpoint = filled(tmp_path, [3, 2, 2])
    with checkpoint.files[1].open("a") as file:
        file.write('{"query_id": "q3", "torn')
    assert checkpoint.recovered() == 2
    for file in checkpoint.files:
        assert [line.query_id for line in checkpoint.lines(file)] == ["q1", "q2"]
    found, spent = checkpoint.answers(checkpoint.files[1])
    assert found == {"q1": answered(0), "q2": answered(1)}
    assert spent == Spent(0.5, 0.25)
    assert checkpoint.recovered() == 2
    checkpoint.remove()
    assert checkpoint.recovered() == 0
    assert not list(tmp_path.iterdir())


def test_a_rung_that_has_answered_nothing_begins_anew_for_all(tmp_path) -> None:
    checkpoint = filled(tmp_path, [2, 1])
    checkpoint.files[1].unlink()
    assert checkpoint.recovered() == 0
    assert checkpoint.files[0].read_bytes() == b""


def test_answers_to_other_questions_are_refused(tmp_path) -> None:
    checkpoint = filled(tmp_path, [2, 2])
    other = Checkpoint(checkpoint.files, [Query("q9", "nine"), *QUERIES])
    with pytest.raises(InputError, match="holds answers to other questions"):
        other.recovered()
