"""A ladder: pipelines one above the other on judged questions, to a verdict on each technique."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from eval.bench import Bench, Watch
from eval.course import Course
from eval.dataset import load_dataset
from eval.ladder_file import Rung, load_ladder
from eval.ladder_plan import check_plan, plan_of, slug, write_plan
from eval.ladder_result import Climbed, climbed
from eval.ladder_tables import markdown
from eval.ladder_verdict import MARGIN
from eval.prefixes import put_before
from eval.prepared import prepared
from retrieval.errors import AssayError, InputError
from retrieval.open_kit import Tools

RESULT, TABLE = "ladder.json", "ladder.md"


@dataclass(frozen=True)
class Climb:
    """What a ladder is asked to do.

    `benches` are its datasets, each as it is asked; `margin` is the smallest gain worth having.
    Their cutoffs hold that of `metric`.
    """

    ladder: str
    benches: tuple[Bench, ...]
    out: Path
    metric: str = "nDCG@10"
    margin: float = MARGIN
    drop_one: bool = False

    def __post_init__(self) -> None:
        """Check the margin and the datasets' names. Raises: InputError."""
        if not 0 <= self.margin <= 1:
            raise InputError(f"margin: 0 to 1, got {self.margin}.", "margin")
        if not self.benches:
            raise InputError("dataset: at least one is needed.", "dataset")
        names = [slug(each.dataset.resolve().name) for each in self.benches]
        for name in names:
            if names.count(name) > 1:
                raise InputError(
                    f"Two datasets are called {name!r}: rename a folder, or measure one of them"
                    " (or of its splits) in another ladder.",
                    "dataset",
                )


def run_ladder(climb: Climb, tools: Tools, watch: Watch | None = None) -> Climbed:
    """Climb a ladder on every dataset, write runs and results into its folder, and return them.

    The same call goes on where a killed one stopped. Rungs are built, corpora indexed, and every
    rung answers a question of every dataset before anything is measured.

    Raises: AssayError where something is missing, cannot be used, or fails.
    """
    watch = watch or Watch()
    ladder = load_ladder(climb.ladder, tools.settings.pipelines_dir, climb.drop_one)
    for rung in ladder.rungs:
        _load_models(rung, tools)
    for line in ladder.notes:
        watch.said(line)
    datasets = [(bench, load_dataset(bench.dataset, bench.split)) for bench in climb.benches]
    ready = [prepared(bench, dataset, tools, watch) for bench, dataset in datasets]
    metric, *_ = [each.measure(climb.metric) for each in ready]
    plan = plan_of(ladder, ready)
    check_plan(climb.out, plan)
    courses = [Course(climb.out / slug(each.name), ladder, each) for each in ready]
    for course in courses:
        course.rehearse()
    write_plan(climb.out, plan)
    for course in courses:
        course.climb(watch, metric)
    runs = [course.runs() for course in courses]
    found = climbed((climb.out, ladder), runs, metric, climb.margin)
    _write(climb.out / RESULT, [json.dumps(found.as_json(), ensure_ascii=False, indent=2)])
    _write(climb.out / TABLE, markdown(found))
    return found


def _load_models(rung: Rung, tools: Tools) -> None:
    try:
        tools.load_models(rung.pipeline)
    except AssayError as error:
        put_before(error, f"Rung {rung.name!r}")
        raise


def _write(file: Path, lines: Iterable[str]) -> None:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
