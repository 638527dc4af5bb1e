"""What was measured, on what, and with which versions: what a number means nothing without."""

from collections.abc import Mapping, Sequence
from typing import Any

from eval.report.figures import kind
from eval.report.material import Measured
from eval.results import Run, few

Row = tuple[str, str]


def about(run: Run) -> tuple[Row, ...]:
    """Return names and values of what a run's manifest says, without what it does not."""
    dataset, system = run.manifest["dataset"], run.manifest["system"]
    index = system.get("index") or {}
    encoder = index.get("encoder") or {}
    rows = (
        ("Dataset", f"{dataset['name']} (split {dataset['split']})"),
        ("Hash of dataset", short(dataset.get("hash"))),
        ("Documents", _count(dataset.get("documents"))),
        ("Questions scored", _count(run.metrics["queries"])),
        ("Judgments", _judgments(dataset)),
        ("System", _system(system)),
        ("Stages", stages(system.get("stages") or ())),
        ("Pipeline key", short(system.get("key"))),
        ("Fingerprint", short(system.get("fingerprint"))),
        ("Index", short(system.get("index_fingerprint"))),
        ("Chunker", value(system.get("chunker") or index.get("chunker"))),
        ("Embedded text", value(system.get("embed") or index.get("embed"))),
        ("Encoder", value(encoder.get("name"))),
        ("Measured", value(run.manifest.get("created"))),
        ("On", _surroundings(run.manifest.get("surroundings") or {})),
        ("Versions", ", ".join(f"{k} {v}" for k, v in _packages(run).items())),
    )
    return tuple((name, text) for name, text in rows if text)


def beside(found: Sequence[Sequence[Row]]) -> list[tuple[str, list[str]]]:
    """Return the rows of several runs by name, with the value that each has for it."""
    tables = [dict(each) for each in found]
    names = dict.fromkeys(name for each in found for name, _ in each)
    return [(name, [each.get(name, "") for each in tables]) for name in names]


def stages(found: Sequence[Mapping[str, Any]]) -> str:
    """Return a pipeline's stages as one line: `dense limit=100 → fuse how=convex`."""
    return " \N{RIGHTWARDS ARROW} ".join(
        " ".join(
            [str(each.get("use")), *(f"{k}={value(v)}" for k, v in each.items() if k != "use")]
        )
        for each in found
    )


def value(found: Any) -> str:
    """Return a value of a manifest as text; a table with a name in front of its parameters."""
    if found is None:
        return ""
    if isinstance(found, Mapping):
        rest = (f"{k}={value(v)}" for k, v in found.items() if k not in ("use", "name"))
        return " ".join([str(found.get("use") or found.get("name") or ""), *rest]).strip()
    return str(found)


def short(digest: Any) -> str:
    """Return the beginning of a hash, as people compare it."""
    return str(digest or "")[:16]


def warnings(measured: Measured) -> tuple[str, ...]:
    """Return what a reader should know before believing the numbers."""
    run = measured.run
    found = [f"{measured.name}: {note}." for note in run.notes]
    found += few(run.metrics["queries"])
    if run.metrics.get("shallow"):
        found.append(
            f"{run.metrics['shallow']} questions have fewer {kind(measured)}s than the deepest"
            " measure asks for: the deepest search did not hold more."
        )
    if measured.places is None:
        found.append(
            "This run does not hold where judged places stood on the way (an older version, or"
            " another system, wrote it): losses and rank movement cannot be shown. Run it again."
        )
    return tuple(found)


def _count(number: Any) -> str:
    return "" if number is None else f"{number:,}"


def _judgments(dataset: Mapping[str, Any]) -> str:
    if "judgments" not in dataset:
        return ""
    return f"{dataset['judgments']:,} on {dataset.get('form', 'documents')}"


def _surroundings(found: Mapping[str, Any]) -> str:
    """Return the Python and the kind of machine, if a run says them."""
    parts = (f"Python {found['python']}" if "python" in found else "", found.get("system"))
    return ", ".join(str(each) for each in (*parts, found.get("machine")) if each)


def _system(system: Mapping[str, Any]) -> str:
    return f"{system['name']} ({system.get('kind', 'system')})"


def _packages(run: Run) -> Mapping[str, str]:
    return run.manifest.get("packages") or {}
