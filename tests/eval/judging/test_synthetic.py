import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.bench import Bench, Watch
from eval.dataset import load_dataset
from eval.judging.model import Model
from eval.judging.synthetic import longest_run, passages, write_dataset, write_questions
from eval.run import run_benchmark
from retrieval.errors import InputError
from retrieval.offline import HashEmbedder
from retrieval.open_kit import Tools

TEXT = (
    "# Bread\n\nBread rises because yeast turns sugar into gas, which the dough holds back. A warm"
    " kitchen makes it rise in one hour, a cool one in three. Salt slows the yeast down, and gives"
    " the bread its taste; two spoons are enough for a kilogram of flour.\n"
)
QUOTE = "Salt slows the yeast down"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "bread.md").write_text(TEXT)
    return tmp_path / "docs"


@pytest.fixture
def model(chat: Any, tmp_path: Path) -> Any:
    tools = Tools(chat.settings(data_dir=tmp_path, llm_concurrency=1))
    yield Model(tools)
    tools.close()


def written(question: str, quote: str = QUOTE) -> str:
    return json.dumps({"question": question, "quote": quote})


def test_a_question_that_passes_becomes_a_judged_span(
    corpus: Path, model: Model, chat: Any, says: Callable[..., Any], tmp_path: Path
) -> None:
    chat.script.extend([says(written("What holds fermentation back?")), says('{"grade": 3}')])
    found = write_questions(passages([corpus], HashEmbedder(), 5), model, Watch())
    assert write_dataset(found, [corpus], tmp_path / "new", model.name) == 1
    dataset = load_dataset(tmp_path / "new")
    judgment = dataset.judgments["s1"][0]
    assert judgment.quote == QUOTE
    assert judgment.span is not None
    assert TEXT[judgment.span.start : judgment.span.end] == QUOTE
    assert dataset.queries[0].meta == {"synthetic": True, "model": "small"}


def test_figures_on_synthetic_questions_say_so(
    corpus: Path, model: Model, chat: Any, says: Any, tmp_path: Path, tools: Tools
) -> None:
    chat.script.extend([says(written("What holds fermentation back?")), says('{"grade": 3}')])
    found = write_questions(passages([corpus], HashEmbedder(), 5), model, Watch())
    write_dataset(found, [corpus], tmp_path / "new", model.name)
    run = run_benchmark(Bench(tmp_path / "new", "sparse", out=tmp_path / "run"), tools)
    assert any("synthetic" in line and "s1 by small" in line for line in run.lines())


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([written("What slows?", "Sugar slows the yeast down")], "its quote is not in the passage"),
        ([written("Is it true that salt slows the yeast down?")], "it copies the passage"),
        ([written("What holds fermentation back?"), '{"grade": 1}'], "does not answer it"),
        (["no JSON", "no JSON", "no JSON"], "the model failed"),
    ],
)
def test_what_does_not_pass_is_counted_with_its_reason(
    corpus: Path, model: Model, chat: Any, says: Any, answers: list[str], why: str
) -> None:
    chat.script.extend([says(each) for each in [*answers, '{"grade": 3}']][: len(answers) + 1])
    found = write_questions(passages([corpus], HashEmbedder(), 5), model, Watch())
    assert not found.written
    assert sum(found.refused.values()) == 1
    assert why in next(iter(found.refused))
    with pytest.raises(InputError, match="No question passed"):
        write_dataset(found, [corpus], corpus / "new", model.name)


def test_the_longest_run_is_of_words_in_a_row() -> None:
    assert longest_run("Why does salt slow the yeast?", TEXT) == 2
    assert longest_run("SALT slows the yeast down, why?", TEXT) == 5
    assert longest_run("", TEXT) == 0


def test_a_sample_is_the_same_for_a_seed_and_short_passages_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "short.md").write_text("Short.")
    with pytest.raises(InputError, match="no passage of 200 characters"):
        passages([tmp_path], HashEmbedder(), 5)
