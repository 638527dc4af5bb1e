"""A comparison of chunkers as tables, and in words what follows from its tests."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eval.chunking_result import (
    CHARACTERS,
    HITS,
    OMEGA,
    ON_DOCUMENTS,
    ON_SPANS,
    Chunking,
    Contender,
    Tested,
)
from eval.results import few, grid
from eval.scores import LABELS

JSON_FILE, MARKDOWN_FILE = "chunking.json", "chunking.md"
HEADS = LABELS | {OMEGA: "precision Ω"}
ENOUGH = 0.95
"""A contender that reads less than this share of a budget is named."""
NOTE = (
    "Brackets: 95% bootstrap interval over queries. p: paired randomisation test, corrected by"
    " Holm for the number of chunkers. precision Ω: span precision if just the chunks that hold"
    " what was asked for were read."
)


def lines(found: Chunking) -> list[str]:
    """Return a comparison as lines to print."""
    run = found.baseline.run
    dataset = run.manifest["dataset"]
    tables = [["", *grid(table)] for table in _tables(found)]
    return [
        f"{dataset['name']}: {run.metrics['queries']} queries, {dataset['documents']} documents;"
        f" read are {_reading(found)}",
        *(f"note: {each['line']}" for each in dataset["findings"]),
        *(f"note: {each}" for each in found.notes),
        *(f"note: {each}" for each in few(run.metrics["queries"])),
        *(line for table in tables for line in table),
        "",
        NOTE,
        "",
        *verdict(found),
        f"runs: {found.folder}",
    ]


def markdown(found: Chunking) -> str:
    """Return a comparison as Markdown."""
    run = found.baseline.run
    name = run.manifest["dataset"]["name"]
    said = [f"# Chunkers on {name}", "", f"Read are {_reading(found)}.", ""]
    said += [f"- {line}" for line in verdict(found)]
    said += [f"- {each}." for each in found.notes]
    said += [f"- {each}" for each in few(run.metrics["queries"])]
    for table in _tables(found):
        said += ["", *_pipes(table)]
    return "\n".join([*said, "", NOTE, ""])


def as_json(found: Chunking) -> dict[str, Any]:
    """Return a comparison and its verdict as JSON values."""
    return found.as_json() | {"verdict": list(verdict(found))}


def write(found: Chunking) -> None:
    """Write `chunking.json` and `chunking.md` beside the runs."""
    text = json.dumps(as_json(found), ensure_ascii=False, indent=2, default=str)
    (found.folder / JSON_FILE).write_text(text + "\n", encoding="utf-8")
    (found.folder / MARKDOWN_FILE).write_text(markdown(found), encoding="utf-8")


def verdict(found: Chunking) -> Iterator[str]:
    """Yield what follows from the tests of the deciding measure, at the 5% level."""
    measure, base = found.shown[0], found.baseline
    tests = {spec: each[measure] for spec, each in found.tests.items()}
    if not tests:
        yield "One chunker alone: nothing is compared."
        return
    if base.measures[measure]["low"] is None:
        yield "One query only: nothing is tested."
        return
    best = max(found.contenders, key=lambda each: each.mean(measure))
    yield f"Highest {HEADS[measure]}: {best.spec}, {_cell(best.measures[measure])}."
    signs = (("Better", 1), ("Worse", -1))
    for said, sign in signs:
        which = [
            f"{spec} ({each.sure:+.3f})" for spec, each in tests.items() if each.sure * sign > 0
        ]
        if which:
            yield f"{said} than {base.spec}: {', '.join(which)}."
    yield from _undecided(base, {spec: each for spec, each in tests.items() if not each.sure})
    yield from _read(found, {spec for spec, each in tests.items() if each.sure < 0})
    if found.named is None:
        yield f"{base.spec} is the best on these questions: its own figure is a bit too good."


def _undecided(base: Contender, tests: Mapping[str, Tested]) -> Iterator[str]:
    if tests:
        shown = [each.difference.detectable for each in tests.values()]
        known = [each for each in shown if each is not None]
        least = "how small a change so many queries show is not known"
        if len(known) == len(shown):
            least = f"so many queries show a change of {max(known):.3f} four times out of five"
        yield f"No significant difference to {base.spec}: {', '.join(tests)} ({least})."


def _read(found: Chunking, worse: set[str]) -> Iterator[str]:
    """Yield what the reading costs: who reads least and is not worse, or who has not enough."""
    if found.budget is None:
        kept = [each for each in found.contenders if each.spec not in worse]
        least = min(kept, key=lambda each: each.mean(CHARACTERS))
        if least is not found.baseline:
            yield (
                f"Reads least of those not worse than {found.baseline.spec}: {least.spec},"
                f" {least.mean(CHARACTERS):,.0f} characters a question."
            )
        return
    for each in found.contenders:
        if each.mean(CHARACTERS) < ENOUGH * found.budget:
            yield f"{each.spec} finds too little to fill the budget: its hits hold no more."


def _reading(found: Chunking) -> str:
    if found.budget is None:
        return f"the first {found.limit} hits"
    return f"the first {found.budget:,} characters of the hits"


def _tables(found: Chunking) -> Iterator[list[list[str]]]:
    """Yield tables as rows of cells, the header first: quality, cost, and differences if any."""
    quality = [["", *(_head(found, each) for each in found.shown)]]
    cost = [["", "chunks", "mean size", "characters read", "hits", "indexed in", "p50"]]
    for each in found.contenders:
        quality.append([each.spec, *(_cell(each.measures[name]) for name in found.shown)])
        seconds = "was there" if each.seconds is None else f"{each.seconds:,.1f} s"
        size, read, hits = each.mean_size, each.measures[CHARACTERS], each.mean(HITS)
        p50 = each.run.metrics["latency"].get("p50_ms", 0.0)
        counts = [f"{each.chunks:,}", f"{size:,.0f}", _cell(read, ",.0f"), f"{hits:.1f}"]
        cost.append([each.spec, *counts, seconds, f"{p50:.1f} ms"])
    yield from (quality, cost)
    if found.tests:
        yield _differences(found)


def _differences(found: Chunking) -> list[list[str]]:
    measures = list(next(iter(found.tests.values())))
    heads = [cell for each in measures for cell in (_head(found, each), "p")]
    rows = [[f"minus {found.baseline.spec}", *heads]]
    for spec, tests in found.tests.items():
        rows.append([spec, *(cell for each in measures for cell in _change(tests[each]))])
    return rows


def _head(found: Chunking, measure: str) -> str:
    """Return what a measure is called; on spans, recall and nDCG are those of passages."""
    passages = found.shown == ON_SPANS and measure in ON_DOCUMENTS
    return f"passage {HEADS[measure]}" if passages else HEADS[measure]


def _cell(measure: Mapping[str, float | None], form: str = ".3f") -> str:
    mean, low, high = measure["mean"], measure["low"], measure["high"]
    return f"{mean:{form}}" if low is None else f"{mean:{form}} [{low:{form}}, {high:{form}}]"


def _change(tested: Tested) -> tuple[str, str]:
    found = tested.difference
    interval = "" if found.low is None else f" [{found.low:+.3f}, {found.high:+.3f}]"
    return f"{found.difference:+.3f}{interval}", f"{tested.p:.4f}"


def _pipes(rows: Sequence[Sequence[str]]) -> list[str]:
    found = [f"| {' | '.join(row)} |" for row in rows]
    return [found[0], f"|{'---|' * len(rows[0])}", *found[1:]]
