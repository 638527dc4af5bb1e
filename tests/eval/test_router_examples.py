import json
from pathlib import Path

import numpy as np
import pytest

from eval.router_examples import Reading, labelled
from retrieval.errors import InputError, NotFoundError
from retrieval.offline import HashEmbedder

LONG = "word " * 20 + "end"


def written(folder: Path, *records) -> Path:
    file = folder / "examples.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in records))
    return file


def test_questions_with_a_label_are_read_in_order(tmp_path: Path) -> None:
    file = written(tmp_path, {"text": "one", "label": "a"}, {"text": "two", "label": "b"})
    found = Reading().examples([file, file])
    assert [(each.text, each.domain, each.kind) for each in found] == [
        ("one", "a", "a"),
        ("two", "b", "b"),
    ] * 2


def test_label_and_class_may_be_nested(tmp_path: Path) -> None:
    file = written(tmp_path, {"text": "x", "metadata": {"domain": "a", "intent": "a1"}})
    (found,) = Reading("metadata.domain", "metadata.intent").examples([file])
    assert (found.domain, found.kind) == ("a", "a1")


def test_a_record_without_its_label_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, {"text": "x", "label": "a"}, {"text": "x", "metadata": {}})
    with pytest.raises(InputError, match=r"examples.jsonl:2: 'label' is needed.*text, metadata"):
        Reading().examples([file])
    with pytest.raises(InputError, match=r"examples.jsonl:1: 'metadata.domain' is needed"):
        Reading("metadata.domain").examples([file])


def test_blank_texts_are_left_out_and_nothing_left_is_an_error(tmp_path: Path) -> None:
    file = written(tmp_path, {"text": " ", "label": "a"})
    with pytest.raises(InputError, match=r"No example in .*examples.jsonl"):
        Reading().examples([file])
    with pytest.raises(NotFoundError):
        Reading().examples([tmp_path / "gone.jsonl"])


def test_documents_are_passages_and_their_openings_are_questions_too(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        {"title": "Cats", "text": "They sleep.", "label": "a"},
        {"text": LONG, "label": "b"},
        {"title": "Only a title", "text": "", "label": "b"},
    )
    reading, embedder = Reading(documents=True), HashEmbedder()
    found = labelled(reading.examples([file]), reading, embedder)
    assert found.domains == ("a", "b", "b") * 2
    texts = ["Cats They sleep.", LONG, "Only a title ", "Cats", "word " * 20, "Only a title"]
    assert np.array_equal(found.vectors, embedder.passages(texts))
    assert found.sources == (0, 1, 2) * 2
    assert labelled(reading.examples([file]), Reading(), embedder).sources == ()


def test_titles_of_questions_are_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, {"title": "Cats", "text": "They sleep.", "label": "a"})
    found = labelled(Reading().examples([file]), Reading(), HashEmbedder())
    assert np.array_equal(found.vectors, HashEmbedder().passages(["They sleep."]))


def test_at_most_so_many_of_each_domain_are_kept_in_order(tmp_path: Path) -> None:
    records = [{"text": f"{n}", "label": "a" if n % 5 else "b"} for n in range(50)]
    file = written(tmp_path, *records)
    found = Reading(most=7).examples([file])
    assert [each.domain for each in found].count("a") == 7
    assert [each.domain for each in found].count("b") == 7
    assert [int(each.text) for each in found] == sorted(int(each.text) for each in found)
    assert found == Reading(most=7).examples([file])
    assert found != Reading(most=7, seed=1).examples([file])
    with pytest.raises(InputError, match="most: 0 or more"):
        Reading(most=-1)


def test_what_is_recorded_changes_with_the_examples(tmp_path: Path) -> None:
    file = written(tmp_path, {"text": "one", "label": "a"})
    reading = Reading()
    about = reading.about([file], reading.examples([file]))
    assert about["files"] == ["examples.jsonl"]
    assert about["embedded"] == "queries"
    written(tmp_path, {"text": "other", "label": "a"})
    assert (
        reading.about([file], reading.examples([file]))["examples_sha256"]
        != about["examples_sha256"]
    )
