"""A tiny random cross-encoder, saved as any other is, against what sentence-transformers says."""

import threading
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from retrieval.adapters.cross_encoder import RETRY_S, CrossEncoders, Loading
from retrieval.adapters.cross_encoder_loading import load_cross_encoder
from retrieval.adapters.cross_encoder_open import open_cross_encoder
from retrieval.clock import Clock
from retrieval.errors import ConfigError, DeadlineError, ProviderError
from retrieval.kit import Scorer
from retrieval.settings import Settings

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

QUESTION = "where do cats sleep?"
PASSAGES = [
    "cats sleep on warm sills",
    "bread is baked in an oven " * 30,
    "",
    "東京 and 🦊",
    "trains",
    "a cat " * 7,
]


def saved(folder: Path, labels: int = 1) -> Path:
    """Write a cross-encoder of two small layers with random weights."""
    import torch
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    letters = "abcdefghijklmnopqrstuvwxyz?"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cats", "sleep", *letters]
    folder.mkdir()
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join([*words, *(f"##{letter}" for letter in letters)]))
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(words) + len(letters),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=96,
        num_labels=labels,
        initializer_range=0.5,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        BertForSequenceClassification(config).save_pretrained(folder)
        BertTokenizerFast(vocab_file=str(vocabulary)).save_pretrained(folder)
        CrossEncoder(str(folder), device="cpu", local_files_only=True).save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def truth(model: Path) -> Any:
    loaded: CrossEncoder = load_cross_encoder(model, "cpu")
    return loaded.predict([(QUESTION, each) for each in PASSAGES], batch_size=1)


def settings(data_dir: Path, **others: Any) -> Settings:
    return Settings(data_dir=data_dir, encoder="hash", **others)


@pytest.mark.parametrize(
    ("others", "correlation", "difference"),
    [
        ({}, 0.995, 1e-2),  # bf16, where the processor has it
        ({"precision": "fp32"}, 0.9999, 1e-3),
        ({"backend": "torch"}, 0.9999, 1e-4),
    ],
)
def test_scores_are_those_of_sentence_transformers(
    others: dict[str, str],
    correlation: float,
    difference: float,
    model: Path,
    data_dir: Path,
    truth: Any,
) -> None:
    scorer = open_cross_encoder(str(model), settings(data_dir, **others))
    found = scorer.scores(QUESTION, PASSAGES, Clock())
    assert np.ptp(truth) > 0.05
    assert np.corrcoef(found, truth)[0, 1] >= correlation
    assert np.abs(found - truth).max() <= difference


def test_fp32_agrees_to_a_thousandth_alone_and_in_a_batch(
    model: Path, data_dir: Path, truth: Any
) -> None:
    scorer = open_cross_encoder(str(model), settings(data_dir, precision="fp32"))
    together = scorer.scores(QUESTION, PASSAGES, Clock())
    alone = [scorer.scores(QUESTION, [each], Clock())[0] for each in PASSAGES]
    assert np.abs(together - truth).max() <= 1e-3
    assert np.abs(np.subtract(alone, truth)).max() <= 1e-3
    assert scorer.scores(QUESTION, [], Clock()) == []


def test_the_converted_model_is_kept(model: Path, data_dir: Path) -> None:
    open_cross_encoder(str(model), settings(data_dir))
    kept = [each for each in (data_dir / "models" / "cross_encoders").iterdir() if each.is_dir()]
    before = {each: each.stat().st_mtime_ns for each in kept}
    assert before
    open_cross_encoder(str(model), settings(data_dir))
    assert {each: each.stat().st_mtime_ns for each in kept} == before


def test_a_deadline_that_passed_ends_the_scoring(model: Path, data_dir: Path) -> None:
    scorer = open_cross_encoder(str(model), settings(data_dir))
    with pytest.raises(DeadlineError):
        scorer.scores(QUESTION, PASSAGES, Clock(0.0))


@pytest.mark.parametrize("model", ["./nowhere", "/nowhere/at/all"])
def test_an_unknown_folder_is_named_with_the_ways_out(model: str, data_dir: Path) -> None:
    with pytest.raises(ConfigError) as failed:
        open_cross_encoder(model, settings(data_dir))
    said = str(failed.value)
    assert said.startswith(f"Cross-encoder {model!r}: there is no such folder.")
    assert "rerank.model" in said
    assert "Set encoder" not in said


def test_a_folder_without_weights_is_named(tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="holds no model weights"):
        open_cross_encoder(str(tmp_path), settings(data_dir))


def test_a_classifier_with_several_labels_is_refused(tmp_path: Path, data_dir: Path) -> None:
    with pytest.raises(ConfigError, match="3 scores for a pair"):
        open_cross_encoder(str(saved(tmp_path / "three", 3)), settings(data_dir, backend="torch"))


class Counted:
    """A load that fails as often as it is told, and counts."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.loads = 0

    def __call__(self) -> Scorer:
        self.loads += 1
        if self.loads <= self.failures:
            raise ConfigError("no such model")
        return self

    def scores(self, query: str, passages: Sequence[str], clock: Clock) -> list[float]:
        return [0.0] * len(passages)


def test_a_model_is_loaded_once_and_a_failure_is_tried_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = Counted(failures=1)
    loading = Loading("m", load)
    for _ in range(2):
        with pytest.raises(ConfigError, match="no such model"):
            loading.scores(QUESTION, ["a"], Clock())
    assert load.loads == 1
    now = time.monotonic()
    monkeypatch.setattr("time.monotonic", lambda: now + RETRY_S + 1)
    assert loading.scores(QUESTION, ["a"], Clock()) == [0.0]
    assert loading.scores(QUESTION, ["a"], Clock()) == [0.0]
    assert load.loads == 2


def test_a_question_does_not_wait_for_a_slow_load_beyond_its_time() -> None:
    going = threading.Event()

    def load() -> Scorer:
        going.wait()
        return Counted(0)

    loading = Loading("slow", load)
    try:
        with pytest.raises(ProviderError, match="'slow' is still being loaded"):
            loading.scores(QUESTION, ["a"], Clock(0.1))
    finally:
        going.set()
    assert loading.scores(QUESTION, ["a"], Clock()) == [0.0]


def test_cross_encoders_are_found_by_name() -> None:
    known = CrossEncoders(lambda model: Counted(0))
    assert known("a") is known("a")
    assert known("a") is not known("b")


def test_what_is_loaded_beforehand_scores_without_loading_again() -> None:
    going = threading.Event()
    opened: list[str] = []

    def open_slowly(model: str) -> Scorer:
        opened.append(model)
        going.wait()
        return Counted(0)

    known = CrossEncoders(open_slowly)
    assert known.loading() == []
    known.load(["b", "a"])
    assert known.loading() == ["a", "b"]
    going.set()
    assert known("a").scores(QUESTION, ["x"], Clock()) == [0.0]
    assert known("b").scores(QUESTION, ["x"], Clock()) == [0.0]
    assert known.loading() == []
    assert sorted(opened) == ["a", "b"]


def test_a_model_that_cannot_be_used_is_told_when_it_is_loaded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    known = CrossEncoders(lambda model: Counted(1)())
    known.load(["a"])
    with pytest.raises(ConfigError, match="no such model"):
        known("a").scores(QUESTION, ["x"], Clock())
    assert "no such model" in caplog.text
