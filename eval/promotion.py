"""A measured pipeline as a file for the service, with the evidence for it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval.ladder_result import Climbed, OnDataset
from eval.ladder_tables import winner_lines
from retrieval.config import load_pipeline
from retrieval.errors import ConfigError, InputError
from retrieval.toml_text import toml_value


def promote(found: Climbed, file: Path) -> None:
    """Write a ladder's winner as a pipeline file that says why. Raises: AssayError."""
    rung = found.ladder.rungs[found.winner.rung]
    today = datetime.now(UTC).date().isoformat()
    about = [
        f"{rung.name}: winner of {len(found.ladder.rungs)} rungs of ladder {found.ladder.name},"
        f" {today}",
        *winner_lines(found),
        *(_evidence(found, each) for each in found.datasets),
        *found.notes,
        f"pipeline key {rung.pipeline.key}",
    ]
    write_pipeline(file, rung.tables, about, rung.pipeline.key)


def checked_target(file: Path) -> Path:
    """Return a file that a pipeline can be written to. Raises: InputError."""
    if file.suffix != ".toml" or file.is_dir():
        raise InputError(f"{file}: a pipeline file ends in .toml.", "promote")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}.", "promote") from error
    return file


def write_pipeline(
    file: Path, tables: Sequence[Mapping[str, Any]], about: Sequence[str], key: str
) -> None:
    """Write a pipeline file, and check that it loads as what was measured.

    Raises: InputError where it cannot be written, ConfigError where its key is another one.
    """
    told = "\n".join(toml_value(line)[1:-1] for line in about)
    stages = "".join(f"    {toml_value(table)},\n" for table in tables)
    new = checked_target(file).with_name(f"{file.stem}.new.toml")
    try:
        new.write_text(f'about = """\n{told}"""\nstages = [\n{stages}]\n', encoding="utf-8")
        if load_pipeline(str(new)).key != key:
            new.unlink()
            raise ConfigError(
                f"{file} is not the pipeline that was measured: a file that it names has changed"
                " since."
            )
        new.replace(file)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}.", "promote") from error


def _evidence(found: Climbed, each: OnDataset) -> str:
    """Return what was measured on one dataset, as a line."""
    about, rung = each.about, found.winner.rung
    run, judged = each.runs[rung], each.judgements[rung]
    mean = found.measure(run)
    interval = "" if mean["low"] is None else f" [{mean['low']:.4f}, {mean['high']:.4f}]"
    line = (
        f"{about['name']} ({about['split']}, {about['queries']} queries, {about['hash'][:12]}):"
        f" {found.metric} {mean['mean']:.4f}{interval}"
    )
    base = judged.baseline
    if base is not None and base.low is not None and judged.p_baseline is not None:
        line += (
            f", against {found.ladder.rungs[0].name} {base.difference:+.4f}"
            f" [{base.low:+.4f}, {base.high:+.4f}], p {judged.p_baseline:.4f} (Holm)"
        )
    return f"{line}; fingerprint {run.manifest['system']['fingerprint']}"
