"""What a comparison of chunkers found: their measures, and paired tests against a baseline."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from eval.compare import SIGNIFICANT, Difference, difference
from eval.results import Run, summary
from eval.scores import Scores
from eval.statistics import RESAMPLES, holm

CHARACTERS, HITS, OMEGA = "characters", "hits", "span_precision_omega"
ON_SPANS = ("span_recall", "span_precision", OMEGA, "span_iou", "R", "nDCG")
ON_DOCUMENTS = ("R", "nDCG")
TESTED = ("span_recall", "span_iou", "R", "nDCG")


@dataclass(frozen=True)
class Contender:
    """One chunker, measured.

    `scores` are those of its run, and beside them what was read and the best precision there could
    be. `mean_size` is that of its `chunks` in characters. `seconds` of indexing are None where
    the index was there already. `note` is what its user should know.
    """

    spec: str
    run: Run
    scores: Scores
    chunks: int
    mean_size: float
    seconds: float | None
    note: str = ""

    @property
    def cutoff(self) -> str:
        """The one cutoff of its measures."""
        return self.scores.measures[0].partition("@")[2]

    @cached_property
    def measures(self) -> dict[str, dict[str, float | None]]:
        """Mean and 95% interval by measure, without the cutoff."""
        found = summary(self.scores, RESAMPLES, 0)
        return {name.partition("@")[0]: values for name, values in found.items()}

    def mean(self, measure: str) -> float:
        """Return the mean of a measure."""
        return float(self.measures[measure]["mean"] or 0.0)


class Tested(NamedTuple):
    """A contender's difference to the baseline, and its p corrected for the other contenders."""

    difference: Difference
    p: float

    @property
    def sure(self) -> float:
        """The change where it is significant at the 5% level, else 0."""
        return self.difference.difference if self.p < SIGNIFICANT else 0.0


@dataclass(frozen=True)
class Chunking:
    """The contenders in the order they were named, and how they are compared.

    `named` is the baseline that was asked for.
    """

    folder: Path
    contenders: tuple[Contender, ...]
    named: str | None
    limit: int
    budget: int | None

    @property
    def shown(self) -> tuple[str, ...]:
        """The measures that are shown; the first one decides: span recall, or that of documents."""
        spans = ON_SPANS[0] in self.contenders[0].measures
        return ON_SPANS if spans else ON_DOCUMENTS

    @cached_property
    def baseline(self) -> Contender:
        """The named one, or that with the highest recall; of equal ones that which reads least."""
        return max(self.contenders, key=self._rank)

    def _rank(self, each: Contender) -> tuple[bool, float, float]:
        return each.spec == self.named, each.mean(self.shown[0]), -each.mean(CHARACTERS)

    @cached_property
    def tests(self) -> dict[str, dict[str, Tested]]:
        """By contender and measure: the paired difference; Holm's correction is by measure."""
        others = [each for each in self.contenders if each is not self.baseline]
        found: dict[str, dict[str, Tested]] = {each.spec: {} for each in others}
        for measure in (each for each in TESTED if each in self.shown):
            name = f"{measure}@{self.baseline.cutoff}"
            base = self.baseline.scores.of(name)
            differences = [difference(measure, base, each.scores.of(name)) for each in others]
            corrected = holm([each.p for each in differences])
            for each, one, p in zip(others, differences, corrected, strict=True):
                found[each.spec][measure] = Tested(one, p)
        return found

    @property
    def notes(self) -> list[str]:
        """What a reader should know before believing the figures, each once."""
        own = [each.note for each in self.contenders if each.note]
        return list(dict.fromkeys([*own, *(x for each in self.contenders for x in each.run.notes)]))

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "dataset": self.baseline.run.manifest["dataset"],
            "read": {"limit": self.limit, "budget": self.budget},
            "baseline": self.baseline.spec,
            "notes": self.notes,
            "chunkers": [self._json(each) for each in self.contenders],
        }

    def _json(self, each: Contender) -> dict[str, Any]:
        system = each.run.manifest["system"]
        return {
            "spec": each.spec,
            "run": str(each.run.folder),
            "chunker": system["index"]["chunker"],
            "embedded": system["index"]["embed"],
            "pipeline": system["name"],
            "fingerprint": system["fingerprint"],
            "chunks": each.chunks,
            "mean_size": each.mean_size,
            "note": each.note,
            "indexing_seconds": each.seconds,
            "latency": each.run.metrics["latency"],
            "measures": each.measures,
            "against_baseline": {
                measure: asdict(tested.difference) | {"p_holm": tested.p}
                for measure, tested in self.tests.get(each.spec, {}).items()
            },
        }
