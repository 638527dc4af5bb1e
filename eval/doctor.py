"""The doctor: what is wrong with a dataset, before anyone trusts a figure that was measured on it.

A check is a module in `eval/checks` with `check(case)`, which gives symptoms. The folder is the
list.
"""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from eval import checks as package
from eval import irds
from eval.bench import Watch
from eval.case import Case, Shelf, Symptom, wanted
from eval.corpus import Corpus, Judged, judged
from eval.dataset import form_of, forms, load_dataset
from eval.forms import beir
from eval.questions import Questions
from ingestion.load import LoadOptions, load
from retrieval.errors import InputError
from retrieval.kit import Embedder

Check = Callable[[Case], Iterator[Symptom]]
ORDER = ("wrong", "doubtful", "note")
EVERY = 1000
"""After so many documents a watch hears how far the corpus is read."""


@cache
def checks() -> dict[str, Check]:
    """Return every check by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    modules = {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
    return {name: cast(Check, module.check) for name, module in modules.items()}


@dataclass(frozen=True)
class Diagnosis:
    """What a doctor found: counts of what is there, and symptoms, the worst first."""

    dataset: str
    split: str
    counts: dict[str, Any]
    symptoms: tuple[Symptom, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing makes figures wrong."""
        return all(each.severity != "wrong" for each in self.symptoms)

    def as_json(self) -> dict[str, Any]:
        """Return the diagnosis as JSON values."""
        return {"sound": self.sound, **asdict(self)}

    def lines(self) -> list[str]:
        """Return the diagnosis as lines to print."""
        counts = dict(self.counts)
        grades = ", ".join(f"{n} of grade {grade}" for grade, n in counts.pop("grades").items())
        told = ", ".join(f"{n} {what.replace('_', ' ')}" for what, n in counts.items())
        wrong = sum(each.severity == "wrong" for each in self.symptoms)
        return [
            f"{self.dataset} ({self.split}): {told}{f' ({grades})' if grades else ''}",
            *(line for each in self.symptoms for line in _lines(each)),
            f"{wrong} symptoms make figures wrong." if wrong else "Nothing makes figures wrong.",
        ]


def _lines(each: Symptom) -> list[str]:
    shown = f", such as {'; '.join(each.examples)}" if each.examples else ""
    name = each.severity.upper() if each.severity == "wrong" else each.severity
    return [f"{name:8} {each.count} {each.what}{shown}", f"{'':8} -> {each.remedy}"]


def diagnosis(
    folder: Path,
    split: str | None = None,
    embedder: Embedder | None = None,
    watch: Watch | None = None,
) -> Diagnosis:
    """Return what is wrong with a dataset; lengths are looked at where there is an embedder.

    Raises: NotFoundError, InputError for files that are not there or cannot be read at all.
    """
    name = str(folder)
    if irds.is_named(folder):
        folder, split = irds.exported(folder, split)
    else:
        name = folder.resolve().name
    form = form_of(folder, split)
    read = form.read(folder, split)
    case = _case((folder, split), read, Shelf(wanted(read), embedder), watch or Watch())
    found = [each for check in checks().values() for each in check(case)]
    found.sort(key=lambda each: ORDER.index(each.severity))
    return Diagnosis(name, read.split, _counts(case), tuple(found))


def _case(place: tuple[Path, str | None], read: Questions, shelf: Shelf, watch: Watch) -> Case:
    folder, split = place
    on_spans = {each.document_id for each in read.judgments if not each.whole}
    corpus = Corpus(on_spans)
    file = folder / "corpus.jsonl"
    items = load([file if file.is_file() else folder / "corpus"], LoadOptions())
    for number, each in enumerate(shelf.seen(corpus.seen(items)), 1):
        if number % EVERY == 0:
            watch.read(number, each.bytes)
    kept, refusal = _kept(folder, split, corpus)
    return Case(folder, read, shelf, kept, refusal, _splits(folder, split, read))


def _kept(folder: Path, split: str | None, corpus: Corpus) -> tuple[Judged | None, str]:
    """Return the judgments as they hold in the corpus, or why nothing can be measured."""
    try:
        return judged(load_dataset(folder, split), corpus), ""
    except InputError as error:
        return None, str(error)


def _splits(folder: Path, split: str | None, read: Questions) -> dict[str, frozenset[str]]:
    """Return the queries of the other splits of a BEIR folder, by name; spans have no splits."""
    if form_of(folder, split) is not forms()["beir"]:
        return {}
    others = [name for name in beir.splits(folder) if name != read.split]
    return {
        name: frozenset(each.query_id for each in beir.read(folder, name).judgments)
        for name in others
    }


def _counts(case: Case) -> dict[str, Any]:
    """Return what is there."""
    grades = Counter(each.grade for each in case.read.judgments)
    return {
        "documents": len(case.shelf.rows),
        "queries": len(case.read.queries),
        "asked": len(case.asked),
        "with_a_positive": len({each.query_id for each in case.positives}),
        "unanswerable": sum(not each.answerable for each in case.asked),
        "judgments": len(case.read.judgments),
        "grades": {str(grade): grades[grade] for grade in sorted(grades)},
    }
