"""Chunkers compared: how they are named, what is read, and a whole comparison on a small set."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.chunking import ChunkingBench, Spec, compare_chunkers
from eval.chunking_report import as_json, lines, write
from retrieval.errors import ConfigError, InputError, NotFoundError
from retrieval.types import Chunk, Hit, Score, Span


@pytest.fixture
def guide(guide: Path) -> Path:
    """The folder of spans with its corpus as rows, which are read faster than files."""
    ids = ("guide.md", "more/the farm.md")
    rows = [{"_id": id, "text": (guide / "corpus" / id).read_text()} for id in ids]
    (guide / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return guide


@pytest.mark.parametrize(
    ("text", "table", "pipeline"),
    [
        ("whole", {"use": "whole"}, "dense"),
        ("fixed:250/125", {"use": "fixed", "tokens": 250, "overlap": 125}, "dense"),
        ("structure:100/0@hybrid", {"use": "structure", "tokens": 100}, "hybrid"),
        ("sentences@my/own.toml", {"use": "sentences"}, "my/own.toml"),
    ],
)
def test_a_spec_names_chunker_sizes_and_pipeline(
    text: str, table: dict[str, Any], pipeline: str
) -> None:
    assert Spec.read(text, "dense") == Spec(text, table, pipeline)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fixed:", "NAME:TOKENS/OVERLAP"),
        ("fixed:a/b", "NAME:TOKENS/OVERLAP"),
        ("fix:20", "Did you mean 'fixed'"),
        ("fixed:0", "at least 1, got 0"),
        ("fixed:20/15", r"half of tokens \(10\)"),
        ("structure:20/5", "no parameter 'overlap'"),
    ],
)
def test_a_wrong_spec_is_refused_with_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises((InputError, ConfigError), match=said):
        Spec.read(text, "dense")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"chunkers": ()}, "none is named"),
        ({"chunkers": ("fixed", "whole", "fixed")}, "'fixed' is named twice"),
        ({"limit": 0}, "1 to 100 hits, got 0"),
        ({"budget": 0}, "at least 1 character, got 0"),
        ({"baseline": "sentences"}, "'sentences' is none of fixed"),
    ],
)
def test_a_comparison_that_makes_no_sense_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ChunkingBench(**({"dataset": Path(), "chunkers": ("fixed",)} | wrong))


def hits(*sizes: int) -> list[Hit]:
    return [
        Hit(Chunk(str(i), "d", "", Span(100 * i, 100 * i + size)), (Score("s", 1.0),))
        for i, size in enumerate(sizes)
    ]


def test_the_last_hit_is_cut_where_the_budget_ends() -> None:
    def read(budget: int | None, limit: int = 2) -> list[tuple[int, int]]:
        bench = ChunkingBench(Path(), ("fixed",), limit=limit, budget=budget)
        return [hit.chunk.span for hit in bench.read(hits(30, 40, 50))]

    assert read(None) == [(0, 30), (100, 140)]
    assert read(100) == [(0, 30), (100, 140), (200, 230)]
    assert read(70) == [(0, 30), (100, 140)]
    assert read(10) == [(0, 10)]
    assert read(1000) == [(0, 30), (100, 140), (200, 250)]


def test_chunkers_are_measured_on_the_same_questions(guide: Path, tools, tmp_path: Path) -> None:
    specs = ("whole@sparse", "sentences:12@sparse", "sentences:6@sparse")
    bench = ChunkingBench(guide, specs, limit=2, baseline="whole@sparse", out=tmp_path / "out")
    found = compare_chunkers(bench, tools)
    write(found)
    whole, middle, small = found.contenders
    assert [each.run.folder.name for each in found.contenders] == [
        "whole-sparse",
        "sentences-12-sparse",
        "sentences-6-sparse",
    ]
    assert (whole.chunks, whole.seconds is not None) == (2, True)
    assert whole.chunks < middle.chunks < small.chunks
    assert whole.mean_size > middle.mean_size > small.mean_size
    assert whole.mean("span_recall") == 1.0
    assert whole.mean("characters") > middle.mean("characters") > small.mean("characters")
    assert whole.mean("span_precision_omega") < small.mean("span_precision_omega") <= 1.0
    values = json.loads((tmp_path / "out" / "chunking.json").read_text())
    assert values == json.loads(json.dumps(as_json(found), default=str))
    assert [each["spec"] for each in values["chunkers"]] == list(specs)
    assert set(values["chunkers"][1]["against_baseline"]) == {
        *("span_recall", "span_iou", "R", "nDCG")
    }
    assert "| sentences:6@sparse |" in (tmp_path / "out" / "chunking.md").read_text()
    assert any("judged spans are stale" in line for line in lines(found))


def test_an_index_is_built_once(guide: Path, tools, tmp_path: Path) -> None:
    specs = ("sentences:12", "sentences:6")
    bench = ChunkingBench(guide, specs, "sparse", out=tmp_path / "out")
    first = compare_chunkers(bench, tools)
    embedded = tools.embedder.embedded
    again = compare_chunkers(bench, tools)
    assert tools.embedder.embedded == embedded
    assert [each.seconds for each in again.contenders] == [None, None]
    assert [each.measures for each in again.contenders] == [
        each.measures for each in first.contenders
    ]


def test_with_a_budget_all_read_the_same_or_it_is_said_who_has_not_enough(
    guide: Path, tools
) -> None:
    bench = ChunkingBench(guide, ("whole", "sentences:12"), budget=60)
    found = compare_chunkers(bench, tools)
    assert [each.mean("characters") for each in found.contenders] == [60.0, 60.0]
    lots = ChunkingBench(guide, ("whole", "sentences:12"), budget=10_000)
    said = lines(compare_chunkers(lots, tools))
    assert sum("finds too little to fill the budget" in line for line in said) == 2


def test_a_size_that_the_encoder_cannot_read_is_said(guide: Path, tools) -> None:
    found = compare_chunkers(ChunkingBench(guide, ("fixed:254", "fixed:255"), "sparse"), tools)
    assert [each.note for each in found.contenders] == [
        "",
        "fixed:255: the encoder reads 256 tokens at once, 2 of them its own, so its chunks are"
        " no larger",
    ]
    assert f"note: {found.contenders[1].note}" in lines(found)


def test_documents_that_are_judged_whole_are_counted_by_document(animals: Path, tools) -> None:
    bench = ChunkingBench(animals, ("whole", "sentences:4"), "sparse", limit=3, baseline="whole")
    found = compare_chunkers(bench, tools)
    assert found.shown == ("R", "nDCG") == tuple(found.tests["sentences:4"])
    # q1 finds both of its documents, q2 the one that is not gone, q3 none, owl its own.
    assert found.contenders[0].measures["R"]["mean"] == (1.0 + 0.5 + 0.0 + 1.0) / 4


def test_a_wrong_pipeline_is_found_before_anything_is_indexed(guide: Path, tools) -> None:
    with pytest.raises((ConfigError, NotFoundError), match="nowhere"):
        compare_chunkers(ChunkingBench(guide, ("whole", "fixed@nowhere")), tools)
    assert tools.indexes.names() == []
