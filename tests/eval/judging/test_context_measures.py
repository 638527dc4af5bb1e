import json
from pathlib import Path
from typing import Any

import pytest

from eval.bench import Bench, Watch
from eval.judging.context_measures import context_scores, precision, read_answers
from eval.judging.model import Model
from eval.run import run_benchmark
from retrieval.errors import InputError
from retrieval.open_kit import Tools


def test_precision_is_the_mean_over_helpful_ranks() -> None:
    assert precision([True, False, True]) == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert precision([False, True]) == pytest.approx(1 / 2)
    assert precision([True, True, False]) == 1.0
    assert precision([False, False]) == 0.0
    assert precision([]) == 0.0


@pytest.fixture
def model(chat: Any, tmp_path: Path) -> Any:
    tools = Tools(chat.settings(data_dir=tmp_path, llm_concurrency=1))
    yield Model(tools)
    tools.close()


def test_both_measures_of_a_run(
    animals: Path, tools: Tools, model: Model, chat: Any, says: Any, tmp_path: Path
) -> None:
    run = run_benchmark(Bench(animals, "dense", out=tmp_path / "run"), tools)
    facts = [{"statement": "a", "supported": True}, {"statement": "b", "supported": False}]
    chat.script.extend(
        says(json.dumps(each))
        for each in ({"useful": False}, {"useful": True}, {"statements": facts})
    )
    found = context_scores(run, {"q1": "the cat"}, 2, (model, Watch()))
    assert found.rows == {"q1": (0.5, 0.5)}
    assert found.precision.low is None
    assert found.queries == 1


def test_a_question_on_which_the_model_fails_is_in_no_mean(
    animals: Path, tools: Tools, model: Model, chat: Any, says: Any, tmp_path: Path
) -> None:
    run = run_benchmark(Bench(animals, "dense", out=tmp_path / "run"), tools)
    fine = [{"useful": True}, {"statements": [{"statement": "a", "supported": True}]}]
    chat.script.extend([says("no JSON"), *(says(json.dumps(each)) for each in fine)])
    found = context_scores(run, {"q1": "the cat", "q2": "the dog"}, 1, (model, Watch()))
    assert (found.queries, len(found.failures)) == (1, 1)
    assert found.failures[0].startswith("q1: ")
    assert found.recall.mean == 1.0


def test_answers_to_other_questions_are_refused(
    animals: Path, tools: Tools, model: Model, tmp_path: Path
) -> None:
    run = run_benchmark(Bench(animals, "dense", out=tmp_path / "run"), tools)
    with pytest.raises(InputError, match="None of the 1 answers"):
        context_scores(run, {"strange": "x"}, 2, (model, Watch()))
    (tmp_path / "a.jsonl").write_text('{"_id": "q", "answer": "x"}\n{"_id": "q", "answer": "y"}\n')
    with pytest.raises(InputError, match="twice"):
        read_answers(tmp_path / "a.jsonl")
