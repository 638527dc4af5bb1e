"""Several ways to fit a router, each judged on the same questions: one table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.router_examples import Example, Reading, labelled
from eval.router_report import RouterReport, report
from eval.router_training import METHODS, Fit, Labelled, Training, check_classes, train
from retrieval.kit import Embedder

DOMAINS = "domains"


@dataclass(frozen=True)
class Comparison:
    """What routers are fitted on, what sets their temperature and threshold, what judges them.

    `reading` says where labels are; where it names a finer class, each method is fitted on domains
    and on classes. `fit` is that of every method but for the method itself.
    """

    reading: Reading
    training: Sequence[Path]
    validation: Sequence[Path]
    test: Sequence[Path]
    fit: Fit

    def reports(self, embedder: Embedder) -> list[RouterReport]:
        """Return a report for each method, the default one on the finest classes first.

        Every text is embedded once. Raises: InputError for what cannot be learned.
        """
        examples = self._inside(self.training, self.reading)
        check_classes([(each.domain, each.kind) for each in examples])
        questions = replace(self.reading, kind="", documents=False, most=0)
        held = self._inside(self.validation, questions) if self.validation else []
        test = labelled(questions.examples(self.test), questions, embedder)
        fitted_on = labelled(examples, self.reading, embedder)
        held_out = labelled(held, questions, embedder) if held else None
        found = []
        for name, classes in self._classes(fitted_on).items():
            for method in METHODS:
                training = Training(
                    replace(self.fit, method=method),
                    embedder.identity,
                    self.reading.about(self.training, examples),
                )
                router = train(training, replace(fitted_on, classes=classes), held_out)
                found.append(report(f"{method}, {name}", router, test, self.reading.none))
        return found

    def _inside(self, files: Sequence[Path], reading: Reading) -> list[Example]:
        return [each for each in reading.examples(files) if each.domain != self.reading.none]

    def _classes(self, examples: Labelled) -> dict[str, tuple[str, ...]]:
        """Return the classes of the examples by what they are, the finest first."""
        found = {self.reading.kind: examples.classes} if self.reading.kind else {}
        return found | {DOMAINS: examples.domains}
