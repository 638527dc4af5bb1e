"""Acronyms that a corpus explains itself."""

import pytest

from eval.benchmarks.acronyms import acronyms, explained, main
from retrieval.synonyms import load_synonyms


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("by polymerase chain reaction (PCR) of", [("PCR", "polymerase chain reaction")]),
        ("the World Health Organization (WHO)", [("WHO", "World Health Organization")]),
        ("with heat shock protein 70 (HSP70)", [("HSP70", "heat shock protein 70")]),
        ("In mice, interleukin-6 (IL-6) rose", [("IL-6", "interleukin-6")]),
        ("magnetic resonance imaging (MRI) and CT (CT)", [("MRI", "magnetic resonance imaging")]),
        ("a result (Figure) of the study (USA)", []),
        ("no words (XYZ)", []),
        ("(ABC)", []),
    ],
)
def test_the_shortest_words_that_hold_the_letters_are_taken(
    text: str, found: list[tuple[str, str]]
) -> None:
    assert [each for each in explained(text) if each[1] != each[0]] == found


def test_the_words_that_most_texts_use_are_kept_and_those_of_one_text_are_not() -> None:
    texts = ["acute renal failure (ARF)"] * 2 + ["a rare fever (ARF)", "blood pressure (BP)"]
    assert acronyms(texts) == {"ARF": "acute renal failure"}


def test_a_corpus_gives_a_list_that_expand_reads(tmp_path, capsys) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("Use the polymerase chain reaction (PCR).")
    main(str(tmp_path))
    (tmp_path / "list").write_text(capsys.readouterr().out)
    assert load_synonyms(tmp_path / "list").entries["PCR"] == ("polymerase chain reaction",)
