"""Runs of other systems: in trec_eval's order, and every way in which one can be wrong."""

from pathlib import Path

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.documents import document_scores
from eval.run_file import read_run_file
from retrieval.errors import InputError, NotFoundError


def written(folder: Path, text: str, name: str = "system.trec") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def documents(folder: Path, text: str) -> list[str]:
    return [hit.chunk.document_id for hit in read_run_file(written(folder, text)).hits["q"]]


def notes(folder: Path, text: str) -> list[str]:
    return [each.line for each in read_run_file(written(folder, text)).findings]


def test_a_trec_run_is_read_with_tabs_or_spaces(tmp_path: Path) -> None:
    found = read_run_file(written(tmp_path, "q Q0 a 1 2.5 tag\nq\tQ0\td 1\t2\t1e-1\ttag\n\n"))
    assert [(hit.chunk.document_id, hit.score) for hit in found.hits["q"]] == [
        ("a", 2.5),
        ("d 1", 0.1),
    ]
    assert (found.name, found.has_spans, found.findings) == ("tag", False, ())
    assert found.describe()["kind"] == "run file"


def test_scores_order_and_not_ranks_and_that_is_said(tmp_path: Path) -> None:
    text = "q Q0 low 1 0.1 t\nq Q0 high 2 0.9 t\n"
    assert documents(tmp_path, text) == ["high", "low"]
    assert notes(tmp_path, text) == [
        "1 queries of the run have ranks that disagree with the order of their scores (scores"
        " order, ties by descending id, as in trec_eval), such as q"
    ]
    assert notes(tmp_path, text.replace(" 1 0", " x 0")) == []


def test_ties_are_broken_by_descending_id_also_where_float32_makes_them(tmp_path: Path) -> None:
    assert documents(tmp_path, "q Q0 a 0 1 t\nq Q0 c 0 1 t\nq Q0 b 0 1 t\n") == ["c", "b", "a"]
    assert documents(tmp_path, "q Q0 a 0 1.00000001 t\nq Q0 b 0 1 t\n") == ["b", "a"]


ids = st.sampled_from(["a", "b", "d10", "d9", "é", "Z"])
scores = st.sampled_from([0.0, -1.5, 0.25, 1.0, 1.00000001, 1e9, 1e9 + 1])


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(ids, scores, min_size=1), st.dictionaries(ids, st.integers(0, 3)))
def test_the_order_is_trec_evals_for_any_scores(tmp_path_factory, found, judged) -> None:
    lines = "".join(f"q Q0 {id} 1 {score!r} t\n" for id, score in found.items())
    file = written(tmp_path_factory.getbasetemp(), lines)
    order = [hit.chunk.document_id for hit in read_run_file(file).hits["q"]]
    ours = document_scores({"q": judged}, {"q": order}, (1, 2, 5))
    if judged:
        evaluator = pytrec_eval.RelevanceEvaluator({"q": judged}, {"ndcg_cut.1,2,5", "map_cut.5"})
        theirs = evaluator.evaluate({"q": found})["q"]
        for k in (1, 2, 5):
            assert ours.of(f"nDCG@{k}")[0] == pytest.approx(theirs[f"ndcg_cut_{k}"], abs=1e-6)
        assert ours.of("AP@5")[0] == pytest.approx(theirs["map_cut_5"], abs=1e-6)


def test_a_repeated_document_counts_at_its_best_line_and_tags_are_told(tmp_path: Path) -> None:
    text = "q Q0 a 1 3 one\nq Q0 b 2 2 one\nq Q0 a 3 1 two\n"
    assert documents(tmp_path, text) == ["a", "b"]
    assert notes(tmp_path, text) == [
        "1 further tags are in the run file (the first names it), such as two",
        "1 lines of the run repeat a query's document (its best line counts), such as q -> a",
    ]


def test_places_are_read_from_json_lines(tmp_path: Path) -> None:
    lines = [
        '{"query_id": "q", "document_id": "a", "start": 5, "end": 9, "score": 1}',
        '{"query_id": "q", "document_id": "a", "start": 0, "end": 5, "score": 1}',
        '{"query_id": "q", "document_id": "b", "start": 0, "end": 5, "score": 2}',
    ]
    found = read_run_file(written(tmp_path, "\n".join(lines), "other.jsonl"))
    assert (found.name, found.has_spans) == ("other", True)
    assert [(hit.chunk.document_id, *hit.chunk.span) for hit in found.hits["q"]] == [
        ("b", 0, 5),
        ("a", 0, 5),
        ("a", 5, 9),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no line"),
        ("q Q0 a 1 2.5 t\nq a 1 2.5\n", r"system.trec:2: 6 columns are needed .* got 4: 'q a"),
        ("q Q0 a 1 2.5 my tag\n", "6 columns are needed .* got 7"),
        ("q Q0 a 1 high t\n", "system.trec:1: the score must be a number, got 'high'"),
        ("q Q0 a 1 nan t\n", "system.trec:1: the score is nan"),
        ("q Q0 a 1 -inf t\n", "system.trec:1: the score is -inf"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_run_file(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"query_id": "q", "document_id": "a"}', "other.jsonl:1: the score must be a number"),
        ('{"query_id": "q", "document_id": "a", "score": NaN}', "the score is nan"),
        ('{"query_id": "q", "score": 1}', "'document_id' is needed"),
        ('{"query_id": "q", "document_id": "a", "score": 1, "end": 3}', "'start' must be"),
        (
            '{"query_id": "q", "document_id": "a", "score": 1}\n'
            '{"query_id": "q", "document_id": "a", "score": 1, "start": 0, "end": 3}',
            "other.jsonl:2: start and end are needed in every line or in none",
        ),
    ],
)
def test_a_bad_json_line_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_run_file(written(tmp_path, text, "other.jsonl"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"nothing.trec is not there"):
        read_run_file(tmp_path / "nothing.trec")
