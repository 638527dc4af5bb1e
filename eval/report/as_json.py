"""A report as JSON values, for machines: what the page says, without drawings."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from eval.report.build import Part, Report


def report_json(report: Report) -> dict[str, Any]:
    """Return a report as JSON values."""
    return {
        "title": report.title,
        "lead": report.lead,
        "warnings": list(report.warnings),
        "runs": [_part(each) for each in report.parts],
        "pair": None if report.pair is None else _plain(report.pair),
        "ladder": None if report.ladder is None else _plain(report.ladder),
    }


def _part(part: Part) -> dict[str, Any]:
    found = {name: _plain(value) for name, value in vars(part).items() if name != "measured"}
    run = part.measured.run
    return found | {
        "about": dict(part.about),
        "run": str(run.folder),
        "manifest": _plain(run.manifest),
        "metrics": _plain(run.metrics),
    }


def _plain(value: Any) -> Any:
    """Return a value made of what JSON has; sets in order."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value
