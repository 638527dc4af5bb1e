"""From folders to a report: what it says, before anything is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.report.about import Row, about, warnings
from eval.report.curve import Curve, curve
from eval.report.figures import Figure, cutoff, figures, kind, label, main_measure
from eval.report.ladder import LADDER, Ladder, read_ladder
from eval.report.latency import Latency, latency
from eval.report.losses import Losses, losses
from eval.report.material import Measured, Question, read_measured
from eval.report.movement import Movement, movement
from eval.report.pair import Pair, pair
from eval.report.words import change
from eval.results import few
from eval.scores import known_measure
from retrieval.errors import InputError

MANY = 0.05
"""The share of questions that find something but not all, from which a title says so."""


@dataclass(frozen=True)
class Wanted:
    """How a report is made: its measure, the main one if None, and how many questions it traces."""

    metric: str | None = None
    traces: int = 20

    def __post_init__(self) -> None:
        """Check the number. Raises: InputError."""
        if not 0 <= self.traces <= 200:
            raise InputError(f"traces: 0 to 200 are possible, got {self.traces}.", "traces")


@dataclass(frozen=True)
class Part:
    """What a report says of one run. None: the run does not hold what it needs.

    `worst` are the scored questions with the lowest `measure`.
    """

    name: str
    measured: Measured
    measure: str
    figures: tuple[Figure, ...]
    about: tuple[Row, ...]
    warnings: tuple[str, ...]
    findings: tuple[str, ...]
    curve: Curve | None
    latency: Latency | None
    losses: Losses | None
    movement: Movement | None
    worst: tuple[Question, ...]

    @property
    def kind(self) -> str:
        """What is judged: document or passage."""
        return kind(self.measured)


@dataclass(frozen=True)
class Report:
    """A report: its finding as a title, a line below it, its runs, and what joins them.

    With a ladder, the runs are those of its baseline and its winner on the first dataset.
    """

    title: str
    lead: str
    parts: tuple[Part, ...]
    pair: Pair | None = None
    ladder: Ladder | None = None

    @property
    def warnings(self) -> list[str]:
        """What a reader should know before believing the numbers, each once."""
        found = [text for each in self.parts for text in each.warnings]
        for each in self.ladder.datasets[1:] if self.ladder else ():
            found += [f"{each.name}: {text}" for text in few(each.queries)]
        return list(dict.fromkeys(found))


def report(paths: Sequence[Path], wanted: Wanted | None = None) -> Report:
    """Return the report of one run, of two, the baseline first, or of a ladder.

    Raises: NotFoundError for a folder that is no run, InputError for one that is not whole, for
    two runs that cannot be compared, and for more than two.
    """
    wanted = wanted or Wanted()
    if any((path / LADDER).is_file() for path in paths):
        return _of_ladder(paths, wanted)
    if not 1 <= len(paths) <= 2:
        raise InputError(
            "A report is of one run, of two (the baseline first), or of a ladder; got"
            f" {len(paths)} folders.",
            "path",
        )
    runs = _named([read_measured(path) for path in paths])
    parts = tuple(part(each, wanted) for each in runs)
    if len(parts) == 1:
        return Report(_title(parts[0]), _lead(parts[0]), parts)
    joined = pair((runs[0], runs[1]), wanted.metric, max(1, wanted.traces // 2))
    lead = f"{_evidence(joined)}. {_lead(parts[1])}"
    return Report(_verdict(joined, runs), lead, parts, joined)


def _of_ladder(paths: Sequence[Path], wanted: Wanted) -> Report:
    """Return the report of a ladder. Raises: InputError where it is not alone."""
    if len(paths) > 1:
        raise InputError("A ladder has a report of its own: name its folder alone.", "path")
    found = read_ladder(paths[0])
    metric = wanted.metric or found.metric
    runs = report(found.runs(), Wanted(metric, wanted.traces))
    return Report(_ascent(found), _ground(found), runs.parts, runs.pair, found)


def part(measured: Measured, wanted: Wanted) -> Part:
    """Return what a report says of one run. Raises: InputError for an unknown measure."""
    measures = measured.run.scores.measures
    main = main_measure(dict.fromkeys(measures))
    measure = known_measure(wanted.metric, measures) if wanted.metric else main
    places, dataset = measured.places, measured.run.manifest["dataset"]
    k = cutoff(measured.run.metrics["measures"])
    return Part(
        name=measured.name,
        measured=measured,
        measure=measure,
        figures=figures(measured),
        about=about(measured.run),
        warnings=warnings(measured),
        findings=tuple(each["line"] for each in dataset.get("findings") or ()),
        curve=curve(measured),
        latency=latency(measured.questions),
        losses=losses(measured.run.folder, measured.scored, k),
        movement=movement(places) if places else None,
        worst=tuple(worst(measured.scored, measure)[: wanted.traces]),
    )


def worst(questions: Sequence[Question], measure: str) -> list[Question]:
    """Return the questions by rising value of a measure; of equal ones by its deepest cutoff's."""
    family = measure.partition("@")[0]
    cutoffs = [each for each in questions[0].measures if each.partition("@")[0] == family]
    return sorted(questions, key=lambda q: (q.measures[measure], q.measures[cutoffs[-1]]))


def _named(runs: Sequence[Measured]) -> list[Measured]:
    """Return the runs by names that tell them apart: their systems', else their folders'."""
    systems = [str(each.run.manifest["system"]["name"]) for each in runs]
    folders = [each.run.name for each in runs]
    names = next(
        (each for each in (systems, folders) if len(set(each)) == len(each)),
        [f"{name} ({number})" for number, name in enumerate(systems, 1)],
    )
    return [Measured(e.run, e.questions, name) for e, name in zip(runs, names, strict=True)]


def _ascent(found: Ladder) -> str:
    """Return the finding of a ladder as a sentence."""
    rungs = found.datasets[0].rungs
    kept = sum(each.verdict == "keep" for each in rungs)
    names = ", ".join(each.name for each in found.datasets)
    won = found.won
    if won is None:
        return f"{len(rungs)} rungs on {names}: {kept} worth keeping"
    gain = "" if won.gain is None else f", {won.gain.difference:+.3f} over {rungs[0].name}"
    return f"{won.name} wins on {names}: {label(found.metric)} {won.mean:.3f}{gain}"


def _ground(found: Ladder) -> str:
    """Return what the choice of a ladder's winner rests on."""
    rungs, queries = found.datasets[0].rungs, sum(each.queries for each in found.datasets)
    said = [f"{len(rungs)} rungs, {queries:,} questions"]
    if len(found.datasets) > 1:
        said[0] += f"; the mean over {len(found.datasets)} datasets, each counting the same"
    if found.won and found.won.gain:
        said.append(f"Change over {rungs[0].name}: {change(found.won.gain, 3)}")
    if found.won and found.won.held_out:
        mean, low, high = found.won.held_out
        ends = "" if low is None or high is None else f" [{low:.3f}, {high:.3f}]"
        said.append(
            "It was chosen on these very questions; chosen on four fifths of them and measured on"
            f" the others, the rule gives {mean:.3f}{ends}"
        )
    return ". ".join(said)


def _title(found: Part) -> str:
    """Return the finding of one run as a sentence."""
    measures: dict[str, Any] = found.measured.run.metrics["measures"]
    k, queries = cutoff(measures), found.measured.run.metrics["queries"]
    if f"Success@{k}" not in measures:
        mean = measures[found.measure]["mean"]
        return f"{found.name}: {label(found.measure)} {mean:.3f} over {queries:,} questions"
    right = round(measures[f"Success@{k}"]["mean"] * queries)
    said = f"{found.name} finds a right {found.kind} among the first {k} for {right:,} of"
    said += f" {queries:,} questions"
    whole = round(measures.get(f"full_recall@{k}", {"mean": 1.0})["mean"] * queries)
    if right - whole > MANY * queries:
        said += f", and all that is needed for {whole:,}"
    return said


def _verdict(found: Pair, runs: Sequence[Measured]) -> str:
    """Return the finding of two runs as a sentence."""
    each = found.difference
    before, after = (one.name for one in runs)
    change = f"{label(found.measure)} {each.difference:+.3f}"
    return {
        "candidate is better": f"{after} is better than {before}: {change}",
        "candidate is worse": f"{after} is worse than {before}: {change}",
        "one query: no test": f"{after} against {before} on one question: no test is possible",
    }.get(each.verdict, f"No significant difference between {before} and {after}: {change}")


def _evidence(found: Pair) -> str:
    """Return what the verdict on two runs rests on."""
    each = found.difference
    means = f"{label(each.measure)} {each.baseline:.3f} → {each.candidate:.3f}"
    if each.low is None or each.high is None:
        return means
    p = f"p = {each.p:.2g}".replace(" ", "\N{NO-BREAK SPACE}")
    return f"{means}, 95% interval of the change {each.low:+.3f} to {each.high:+.3f}, {p}"


def _lead(found: Part) -> str:
    """Return what was asked, and when."""
    dataset = found.measured.run.manifest["dataset"]
    created = str(found.measured.run.manifest.get("created", ""))[:10]
    documents = f" over {dataset['documents']:,} documents" if "documents" in dataset else ""
    return (
        f"{found.measured.run.metrics['queries']:,} questions of {dataset['name']}"
        f" ({dataset['split']}){documents}; measured {created}"
    )
