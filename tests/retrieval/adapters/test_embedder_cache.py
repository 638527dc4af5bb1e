"""Converted models: made once, kept whole, made again when anything changed."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from retrieval.adapters.embedder_cache import Export, Exports, Refusal, converted_by
from retrieval.adapters.embedder_model import Digests, ModelFiles
from retrieval.errors import ConfigError

MODEL = ModelFiles("a model", Path("nowhere"), "0123456789abcdef" * 4)
SUMMARY = {
    "traits": {
        "dimension": 8,
        "limit": 16,
        "query_prompt": "",
        "passage_prompt": "",
        "pad_id": 1,
        "pad_left": True,
    },
    "inputs": ["input_ids", "attention_mask"],
    "agreement": {"fp32": 1.0},
}


class Converter:
    """Writes two small files, slowly enough for others to come meanwhile; counts how often."""

    def __init__(self, summary: dict[str, Any] = SUMMARY) -> None:
        self.summary = summary
        self.calls = 0

    def __call__(self, model: ModelFiles, backend: str, building: Path) -> dict[str, Any]:
        self.calls += 1
        time.sleep(0.02)
        (building / "model.bin").write_bytes(b"weights")
        (building / "tokenizer.json").write_text("{}")
        return dict(self.summary)


def got(exports: Exports) -> Export:
    found = exports.get(MODEL, "openvino")
    assert isinstance(found, Export)
    return found


def test_a_model_is_converted_once_and_found_by_the_next_process(tmp_path: Path) -> None:
    convert = Converter()
    first = got(Exports(tmp_path, convert))
    second = got(Exports(tmp_path, convert))
    assert (first.hit, second.hit, convert.calls) == (False, True, 1)
    assert first.folder == second.folder
    assert second.tokenizer.read_text() == "{}"
    assert (second.traits.dimension, second.padding.pad_id, second.padding.pad_left) == (8, 1, True)
    assert second.agreement == {"fp32": 1.0}


def test_those_who_want_it_at_the_same_time_make_it_once(tmp_path: Path) -> None:
    convert = Converter()
    found: list[Export] = []
    threads = [
        threading.Thread(target=lambda: found.append(got(Exports(tmp_path, convert))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert convert.calls == 1
    assert sorted(each.hit for each in found) == [False, True, True, True]


@pytest.mark.parametrize("damage", ["changed", "cut", "missing", "unreadable", "versions"])
def test_what_is_not_whole_or_not_up_to_date_is_made_again(damage: str, tmp_path: Path) -> None:
    convert = Converter()
    folder = got(Exports(tmp_path, convert)).folder
    if damage == "changed":
        (folder / "model.bin").write_bytes(b"weightz")
    elif damage == "cut":
        (folder / "model.bin").write_bytes(b"weight")
    elif damage == "missing":
        (folder / "tokenizer.json").unlink()
    elif damage == "unreadable":
        (folder / "export.json").write_text('{"traits":')
    else:
        record = json.loads((folder / "export.json").read_text())
        record["made"]["openvino"] = "1.0"
        (folder / "export.json").write_text(json.dumps(record))
    again = got(Exports(tmp_path, convert))
    assert (again.hit, convert.calls) == (False, 2)
    assert (again.folder / "model.bin").read_bytes() == b"weights"
    assert got(Exports(tmp_path, convert)).hit


def test_what_a_killed_conversion_left_is_cleared(tmp_path: Path) -> None:
    left = tmp_path / ".building-0123456789abcdef-openvino"
    left.mkdir()
    (left / "model.bin").write_bytes(b"half")
    assert not got(Exports(tmp_path, Converter())).hit
    assert not left.exists()


def test_a_refusal_is_kept_and_a_crash_is_not(tmp_path: Path) -> None:
    refusing = Converter({"refused": "it is odd"})
    for _ in range(2):
        assert Exports(tmp_path, refusing).get(MODEL, "openvino") == Refusal("it is odd")
    crashing = Converter({"crashed": "out of memory"})
    for _ in range(2):
        assert Exports(tmp_path, crashing).get(MODEL, "onnx") == Refusal("out of memory")
    assert (refusing.calls, crashing.calls) == (1, 2)


def test_a_model_that_cannot_be_loaded_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no weights"):
        Exports(tmp_path, Converter({"error": "no weights"})).get(MODEL, "openvino")
    assert got(Exports(tmp_path, Converter())).traits.limit == 16


def test_a_process_that_cannot_load_the_model_says_why(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "building").mkdir()
    model = ModelFiles("broken", tmp_path, "0" * 64)
    summary = converted_by("embedder_export")(model, "openvino", tmp_path / "building")
    assert str(tmp_path) in summary["error"]


def test_digests_follow_the_content_of_a_file(tmp_path: Path) -> None:
    file, record = tmp_path / "file", tmp_path / "digests.json"
    file.write_text("one")
    digests = Digests(record)
    one = digests.of(file)
    assert Digests(record).of(file) == one
    file.write_text("three")
    assert digests.of(file) == Digests(record).of(file) != one
    record.write_text("[broken")
    assert Digests(record).of(file) == digests.of(file)
