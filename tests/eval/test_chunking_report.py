"""What a comparison of chunkers says: the baseline, the tests, the verdict."""

from pathlib import Path
from typing import Any

import numpy as np

from eval.chunking_report import lines, markdown, verdict
from eval.chunking_result import Chunking, Contender
from eval.results import Run
from eval.scores import Scores

NAMES = ("span_recall", "span_precision", "span_precision_omega", "span_iou", "R", "nDCG")
MANIFEST = {"dataset": {"name": "set", "documents": 3, "findings": []}, "system": {"name": "dense"}}


def contender(spec: str, recall: list[float], characters: float = 100.0) -> Contender:
    columns = [[each] * len(NAMES) + [characters, 5.0] for each in recall]
    ids = tuple(f"q{number}" for number in range(len(recall)))
    names = tuple(f"{name}@5" for name in (*NAMES, "characters", "hits"))
    scores = Scores(ids, names, np.array(columns))
    metrics: dict[str, Any] = {"queries": len(recall), "latency": {"p50_ms": 1.0}}
    return Contender(spec, Run(Path(spec), MANIFEST, metrics, scores), scores, 10, 99.5, 2.0)


def compared(*contenders: Contender, named: str | None = None, budget: int | None = None):
    return Chunking(Path("out"), contenders, named, 5, budget)


HALF = [0.0, 1.0] * 10
ALL = [1.0] * 20
NEARLY = [0.0, *[1.0] * 19]


def test_the_baseline_is_the_named_one_or_the_best_that_reads_least() -> None:
    both = (contender("a", HALF), contender("b", ALL), contender("c", ALL, 50.0))
    assert compared(*both).baseline.spec == "c"
    assert compared(*both, named="a").baseline.spec == "a"


def test_p_is_corrected_for_the_number_of_chunkers() -> None:
    found = compared(contender("a", HALF), contender("b", ALL), contender("c", NEARLY), named="a")
    b, c = (found.tests[spec]["span_recall"] for spec in ("b", "c"))
    # Of 10 queries that differ all are better: 2 of 2^10 assignments are as far; then 9 of 9.
    assert (b.difference.p, c.difference.p) == (2 / 2**10, 2 / 2**9)
    assert (b.p, c.p) == (2 * 2 / 2**10, 2 / 2**9)
    assert (b.sure, c.sure) == (0.5, 0.45)


def test_the_verdict_tells_better_worse_and_undecided() -> None:
    contenders = (
        contender("a", NEARLY, 80.0),
        contender("b", ALL, 70.0),
        contender("c", HALF, 10.0),
    )
    said = list(verdict(compared(*contenders, named="a")))
    assert said[0] == "Highest span recall: b, 1.000 [1.000, 1.000]."
    assert said[1] == "Worse than a: c (-0.450)."
    assert said[2].startswith("No significant difference to a: b (so many queries show a change")
    assert said[3:] == ["Reads least of those not worse than a: b, 70 characters a question."]
    said = list(verdict(compared(*contenders, named="c", budget=10)))
    assert said[1:] == ["Better than c: a (+0.450), b (+0.500)."]
    assert list(verdict(compared(*contenders)))[-1] == (
        "b is the best on these questions: its own figure is a bit too good."
    )


def test_one_chunker_or_one_query_claims_nothing() -> None:
    one = compared(contender("a", HALF))
    assert list(verdict(one)) == ["One chunker alone: nothing is compared."]
    assert not any("minus" in line for line in lines(one))
    single = compared(contender("a", [1.0]), contender("b", [0.0]))
    assert list(verdict(single)) == ["One query only: nothing is tested."]
    assert "[" not in "\n".join(lines(single)[:6])


def test_where_nothing_differs_it_is_not_known_what_so_many_queries_show() -> None:
    said = list(verdict(compared(contender("a", ALL), contender("b", ALL), named="a")))
    assert said[1] == (
        "No significant difference to a: b (how small a change so many queries show is not known)."
    )


def test_few_queries_are_noted_in_lines_and_markdown() -> None:
    said = "20 queries are few: intervals are narrower than true."
    found = compared(contender("a", HALF), contender("b", ALL))
    assert lines(found).count(f"note: {said}") == 1
    assert markdown(found).count(f"- {said}\n") == 1
    many = compared(contender("a", HALF * 2), contender("b", ALL * 2))
    assert "are few" not in "\n".join([*lines(many), markdown(many)])


def test_the_tables_are_lines_and_markdown() -> None:
    found = compared(contender("a", HALF), contender("b", ALL), named="a")
    text = "\n".join(lines(found))
    assert "set: 20 queries, 3 documents; read are the first 5 hits" in text
    assert "passage recall" in text
    assert "minus a" in text
    assert "| b | +0.500 [+0.300, +0.700] | 0.0020 |" in markdown(found)
