"""Answers on disk: they come back as they were, and a torn line costs one question."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.answers import Answer
from eval.checkpoint import Checkpoint, Line, _read, _written, write
from eval.corpus import Judged
from eval.judgments import Judgment
from eval.prefixes import Spent
from eval.questions import Query
from eval.standing import Stood, standing
from retrieval.errors import InputError
from retrieval.types import Chunk, Hit, Score, Span, Step

QUERIES = (Query("q1", "one"), Query("q2", "two"), Query("q3", "three"))
JUDGED = (Judgment("q1", "d1", 2), Judgment("q1", "d2", 0), Judgment("q1", "d3", 1, Span(2, 9)))
KEPT = Judged(QUERIES, (), {"q1": JUDGED}, ())
TEXT = st.text(max_size=5)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.lists(TEXT, max_size=2).map(tuple)
HITS = st.builds(
    lambda id, start, scores: Hit(
        Chunk(id, f"d{id}", "begins", Span(start, start + 7)),
        tuple(Score(*each) for each in scores),
    ),
    TEXT,
    st.integers(0, 9),
    st.lists(st.tuples(TEXT, NUMBER), min_size=1, max_size=2),
)
STEPS = st.recursive(
    st.builds(Step, TEXT, st.just({}), NUMBER, top=TEXTS, notes=TEXTS),
    lambda inner: st.builds(
        Step,
        TEXT,
        st.just({}),
        NUMBER,
        st.just({"hits": 3}),
        cost=st.just({"usd": 0.5}),
        error=st.none() | TEXT,
        steps=st.lists(inner, max_size=2).map(tuple),
    ),
    max_leaves=3,
)
RANKS = st.lists(st.tuples(TEXT, st.none() | st.integers(1, 9)), max_size=2).map(tuple)
ANSWERS = st.builds(
    Answer,
    st.lists(HITS, max_size=2).map(tuple),
    NUMBER,
    st.lists(STEPS, max_size=2).map(tuple),
    TEXTS,
    st.booleans(),
    st.dictionaries(TEXT, NUMBER, max_size=2),
    RANKS.map(lambda ranks: (Stood("#0", JUDGED[0], ranks), Stood("#2", JUDGED[2], ()))),
)


@settings(max_examples=25)
@given(TEXT, ANSWERS, NUMBER)
def test_a_line_comes_back_as_it_was(query_id, answer, seconds) -> None:
    line = Line(query_id, answer, Spent(seconds, 0.5))
    assert _read(json.dumps(_written(line)), JUDGED) == line


def answered(number: int) -> Answer:
    hit = Hit(Chunk(f"c{number}", f"d{number}", "", Span(0, 5)), (Score("dense", number / 3),))
    judged = standing(KEPT.judgments["q1"], ()) if number == 0 else ()
    return Answer((hit,), 1.5, (Step("dense", {}, 1.5),), (f"d{number}",), False, {}, judged)


def filled(folder, counts) -> Checkpoint:
    """A checkpoint whose rungs have answered so many questions."""
    checkpoint = Checkpoint(tuple(folder / f"{n}.jsonl" for n in range(len(counts))), KEPT)
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
    before = checkpoint.files[0].read_bytes()
    turned = replace(KEPT, queries=QUERIES[::-1], judgments={"q3": JUDGED})
    with pytest.raises(InputError, match="holds answers to other questions"):
        Checkpoint(checkpoint.files, turned).recovered()
    assert checkpoint.files[0].read_bytes() == before
    with pytest.raises(InputError, match="holds something else; remove it"):
        Checkpoint(checkpoint.files, replace(KEPT, judgments={})).recovered()
