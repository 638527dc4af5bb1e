"""The doctor: every malady is found in a dataset that has it, and none in a sound one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.case import Symptom, by_number
from eval.checks.queries import near_duplicates
from eval.damage import MOJIBAKE, damage
from eval.doctor import Diagnosis, checks, diagnosis
from eval.questions import Query
from retrieval.offline import HashEmbedder

PLACES = [
    "oslo",
    "rome",
    "lima",
    "cairo",
    "quito",
    "delhi",
    "paris",
    "tunis",
    "sofia",
    "dakar",
    "minsk",
    "hanoi",
]
THINGS = ["bridge", "tower", "market", "harbour", "library", "station"]
NAMES = [f"{place} {thing}" for place in PLACES for thing in THINGS]
"""60 subjects: each is what one document is about, and one query asks for."""


def write(folder: Path, **files: Any) -> Path:
    """Write a sound dataset of 60 documents and queries; files are replaced by name."""
    numbers = range(60)
    texts = {
        "corpus": [{"_id": f"d{i}", "text": f"the {NAMES[i]} was built of stone"} for i in numbers],
        "queries": [{"_id": f"q{i}", "text": f"who built the {NAMES[i]}"} for i in numbers],
        "qrels": [(f"q{i}", f"d{i}", 1) for i in numbers],
    } | {name: lines for name, lines in files.items() if name not in ("train", "judgments")}
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    for name in ("corpus", "queries"):
        lines = [json.dumps(each) for each in texts[name]]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, rows in (("test", texts["qrels"]), ("train", files.get("train", ()))):
        if rows:
            lines = ["\t".join(map(str, row)) for row in rows]
            (folder / "qrels" / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    if "judgments" in files:
        lines = [json.dumps(each) for each in files["judgments"]]
        (folder / "judgments.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def sound(**changes: Any) -> dict[str, list[Any]]:
    """The sound files with lines added to them."""
    numbers = range(60)
    files: dict[str, list[Any]] = {
        "corpus": [{"_id": f"d{i}", "text": f"the {NAMES[i]} was built of stone"} for i in numbers],
        "queries": [{"_id": f"q{i}", "text": f"who built the {NAMES[i]}"} for i in numbers],
        "qrels": [(f"q{i}", f"d{i}", 1) for i in numbers],
    }
    return {name: lines + changes.get(name, []) for name, lines in files.items()}


def only(found: Diagnosis) -> Symptom:
    (symptom,) = found.symptoms
    return symptom


def test_a_sound_dataset_has_no_symptoms(tmp_path: Path) -> None:
    found = diagnosis(write(tmp_path / "set"))
    assert found.symptoms == ()
    assert found.sound
    assert found.lines() == [
        "set (test): 60 documents, 60 queries, 60 asked, 60 with a positive, 0 unanswerable,"
        " 60 judgments (60 of grade 1)",
        "Nothing makes figures wrong.",
    ]


def test_the_folder_is_the_registry_and_every_check_is_documented() -> None:
    here = Path(__file__).parents[2] / "eval" / "checks"
    assert sorted(checks()) == sorted(file.stem for file in here.glob("[a-z]*.py"))
    assert all(check.__doc__ for check in checks().values())


@pytest.mark.parametrize(
    ("added", "severity", "said", "examples"),
    [
        ({"qrels": [("q0", "x9", 1)]}, "wrong", "judgments name documents that", "q0 -> x9"),
        ({"qrels": [("x", "d0", 1)]}, "wrong", "judgments name queries that are", "x -> d0"),
        ({"qrels": [("q0", "d0", 1)]}, "note", "judgments repeat an earlier", "q0 -> d0"),
        ({"qrels": [("q0", "d0", 2)]}, "doubtful", "judgments contradict", "q0 -> d0 1 and 2"),
        (
            {"corpus": [{"_id": "d3", "text": "again"}]},
            "wrong",
            "documents have the id of an earlier one",
            "id 'd3' is already that of",
        ),
        (
            {"corpus": [{"_id": "e", "text": " "}]},
            "doubtful",
            "documents have no text",
            "corpus.jsonl:61: no text",
        ),
        (
            {"corpus": [{"_id": "e", "text": f"the {NAMES[7]} was built  of stone"}]},
            "doubtful",
            "documents equal another whose judgments they do not have",
            "e = d7",
        ),
        (
            {"corpus": [{"_id": f"e{i}", "text": "two of a kind"} for i in (1, 2)]},
            "note",
            "documents equal an earlier one",
            "e2 = e1",
        ),
        (
            {"corpus": [{"_id": "e", "text": "the cafÃ© at the corner"}]},
            "doubtful",
            "documents hold letters of a wrong encoding",
            "e 'cafÃ©'",
        ),
        (
            {"corpus": [{"_id": "e", "text": "salt &amp; pepper"}]},
            "note",
            "documents hold HTML entities",
            "e 'salt &amp; pepper'",
        ),
        (
            {"queries": [{"_id": "e", "text": "what is a caf\ufffd"}], "qrels": [("e", "d0", 1)]},
            "doubtful",
            "queries hold replacement characters",
            "e 'hat is a caf\ufffd'",
        ),
        (
            {"queries": [{"_id": "e", "text": "a lake"}], "qrels": [("e", "d0", 0)]},
            "doubtful",
            "queries have only irrelevant judgments",
            "e",
        ),
        ({"queries": [{"_id": "e", "text": "a lake"}]}, "note", "queries have no judgment", "e"),
        (
            {"queries": [{"_id": "e", "text": " "}], "qrels": [("e", "d0", 1)]},
            "wrong",
            "queries are empty",
            "e",
        ),
        (
            {
                "queries": [{"_id": "e", "text": f"Who built the {NAMES[5]}?"}],
                "qrels": [("e", "d5", 1)],
            },
            "note",
            "near duplicate queries are asked twice",
            "q5 = e",
        ),
        (
            {
                "queries": [{"_id": "e", "text": f"Who built the {NAMES[5]}?"}],
                "qrels": [("e", "d6", 1)],
            },
            "doubtful",
            "near duplicate queries have no relevant document in common",
            "q5 = e",
        ),
    ],
)
def test_a_malady_is_found_with_an_example(
    tmp_path: Path, added: Any, severity: str, said: str, examples: str
) -> None:
    symptom = only(diagnosis(write(tmp_path, **sound(**added))))
    assert (symptom.severity, symptom.count) == (severity, 1)
    assert symptom.what.startswith(said)
    assert examples in symptom.examples[0]
    assert symptom.remedy


@pytest.mark.parametrize(
    ("qrels", "said"),
    [
        ([(f"q{i}", f"d{i + 1}", 1) for i in range(59)], "document row -1"),
        ([(f"q{i + 2}", f"d{i}", 1) for i in range(58)], "document row +2"),
    ],
)
def test_shifted_ids_are_found(tmp_path: Path, qrels: Any, said: str) -> None:
    found = diagnosis(write(tmp_path, qrels=qrels))
    symptom = next(each for each in found.symptoms if each.severity == "wrong")
    assert f"with the {said}: ids look shifted" in symptom.what
    assert "shares" in symptom.examples[0]
    assert not found.sound


def test_ids_shifted_by_number_in_a_file_of_another_order_are_found(tmp_path: Path) -> None:
    files = sound()
    order = np.random.default_rng(1).permutation(60)
    files["corpus"] = [files["corpus"][i] for i in order]
    files["qrels"] = [(f"q{i}", f"d{i - 1}", 1) for i in range(1, 60)]
    found = diagnosis(write(tmp_path, **files))
    assert "with the document number +1: ids look shifted" in found.symptoms[0].what


def test_judgments_of_another_corpus_look_drawn_at_random(tmp_path: Path) -> None:
    order = np.random.default_rng(2).permutation(60)
    symptom = only(
        diagnosis(write(tmp_path, qrels=[(f"q{i}", f"d{order[i]}", 1) for i in range(60)]))
    )
    assert symptom.severity == "doubtful"
    assert symptom.what.startswith("judgments share no more words with their query than")


def test_neighbours_that_are_relevant_too_are_no_shift(tmp_path: Path) -> None:
    qrels = [(f"q{i}", f"d{j}", 1) for i in range(59) for j in (i, i + 1)]
    assert diagnosis(write(tmp_path, qrels=qrels)).sound


def test_a_number_at_the_end_of_an_id_is_counted_up() -> None:
    assert by_number("d9", 1) == "d10"
    assert by_number("p00009", 1) == "p00010"
    assert by_number("31715818", -1) == "31715817"
    assert by_number("d0", -1) is None
    assert by_number("a.txt", 1) is None


def test_queries_that_are_documents_find_themselves(tmp_path: Path) -> None:
    files = sound(
        queries=[{"_id": "d4", "text": f"the {NAMES[4]} was built of stone"}],
        qrels=[("d4", "d5", 1)],
    )
    symptom = only(diagnosis(write(tmp_path, **files)))
    assert symptom.what == "queries have the id and the words of a document: they find themselves"
    assert symptom.remedy == "Measure with --drop-self."


def test_namesakes_of_other_words_are_no_reason_to_drop_them(tmp_path: Path) -> None:
    files = sound(queries=[{"_id": "d4", "text": "a lake in the north"}], qrels=[("d4", "d4", 1)])
    lost, namesake = diagnosis(write(tmp_path, **files)).symptoms
    assert (lost.severity, lost.examples) == ("doubtful", ("d4",))
    assert namesake.remedy.startswith("Do not use --drop-self")


def test_queries_in_two_splits_are_found(tmp_path: Path) -> None:
    files = sound(queries=[{"_id": "e", "text": f"Who built the {NAMES[5]}?"}])
    train = [("q1", "d1", 1), ("e", "d5", 1)]
    same, near = diagnosis(write(tmp_path, **files, train=train)).symptoms
    assert same.examples == ("q1 in train",)
    assert near.examples == ("q5 = e 'who built the oslo station' in train",)


def test_few_queries_are_noted(tmp_path: Path) -> None:
    qrels = [(f"q{i}", f"d{i}", 1) for i in range(20)]
    few, unasked = sorted(diagnosis(write(tmp_path, qrels=qrels)).symptoms, key=lambda s: s.count)
    assert (few.severity, few.count) == ("note", 20)
    assert (unasked.severity, unasked.count) == ("note", 40)


def test_stale_spans_are_wrong_and_what_cannot_be_measured_says_why(tmp_path: Path) -> None:
    place = {"query_id": "q0", "document_id": "d0", "start": 0, "end": 8, "quote": "the oslo"}
    stale = place | {"query_id": "q1", "quote": "the xxxx"}
    found = diagnosis(write(tmp_path / "a", judgments=[place, stale]))
    assert found.symptoms[0].what == "judged spans are stale: not in the text (left out)"
    nothing = diagnosis(write(tmp_path / "b", judgments=[stale]))
    assert "no judgment holds in the corpus" in nothing.symptoms[0].what
    assert not nothing.sound


def test_documents_beyond_the_encoders_limit_are_counted(tmp_path: Path) -> None:
    long = {"_id": "long", "text": "word " * 5000}
    symptom = only(diagnosis(write(tmp_path, **sound(corpus=[long])), None, HashEmbedder()))
    assert (symptom.count, symptom.examples) == (1, ("long",))
    assert f"longer than the {HashEmbedder().limit} tokens" in symptom.what


def test_near_duplicates_share_nine_words_of_ten() -> None:
    ten = "one two three four five six seven eight nine ten"
    texts = [ten, ten.upper() + "!", ten.replace("ten", "eleven"), f"{ten} eleven", "one two", ""]
    queries = [Query(str(number), text) for number, text in enumerate(texts)]
    assert near_duplicates(queries) == [("0", "1"), ("0", "3"), ("1", "3"), ("2", "3")]


@pytest.mark.parametrize(
    "text",
    ["naïve café – “quoted” 100 € ±0.5 µm", "β-catenin (α = 0.05)", "Größe: 5 ° C", "日本語"],
)
def test_sound_texts_are_not_damaged(text: str) -> None:
    assert damage(text) == {}


def test_damage_is_named_with_the_word() -> None:
    assert damage("the world’s cafÃ©") == {MOJIBAKE: "cafÃ©"}
    assert list(damage("a\x07b")) == ["control characters"]
