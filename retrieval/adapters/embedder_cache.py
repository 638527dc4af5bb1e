"""Converted encoders, kept in the data directory: the next start needs neither torch nor time."""

import fcntl
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from retrieval.adapters.embedder_batches import Padding
from retrieval.adapters.embedder_loading import Traits
from retrieval.adapters.embedder_model import Digests, ModelFiles, write_json
from retrieval.errors import ConfigError

RECORD = "export.json"
SUMMARY = "summary.json"
TOKENIZER = "tokenizer.json"
FORMAT = 2
MADE_BY = (
    "onnx",
    "onnxruntime",
    "onnxscript",
    "openvino",
    "sentence-transformers",
    "torch",
    "transformers",
)
ROOT = Path(__file__).parents[2]
TIME_LIMIT_S = 1800
log = logging.getLogger("assay.embedder")
Convert = Callable[[ModelFiles, str, Path], dict[str, Any]]


@dataclass(frozen=True)
class Export:
    """A converted model: its folder, what it needs, and its least cosine with torch by precision.

    `hit` tells whether it was there already.
    """

    folder: Path
    backend: str
    traits: Traits
    padding: Padding
    agreement: Mapping[str, float]
    hit: bool

    @property
    def tokenizer(self) -> Path:
        """The file of its tokenizer."""
        return self.folder / TOKENIZER


@dataclass(frozen=True)
class Refusal:
    """Why a model cannot be converted."""

    reason: str


class Exports:
    """The converted models of one data directory. Processes that want the same one make it once."""

    def __init__(self, folder: Path, convert: Convert) -> None:
        """Keep them in this folder. Raises: OSError where it cannot be made."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder.resolve()
        self._convert = convert
        self.digests = Digests(self._folder / "digests.json")

    def get(self, model: ModelFiles, backend: str) -> Export | Refusal:
        """Return a model for a runtime, converted now if it is not there whole and up to date.

        Raises: ConfigError where the model can be used in no way at all.
        """
        place = self._folder / f"{model.hash[:16]}-{backend}"
        known = self._known(place)
        if known:
            return _export(place, known, hit=True)
        with self._locked():
            known = self._known(place)
            if known:
                return _export(place, known, hit=True)
            return _export(place, self._made(model, backend, place), hit=False)

    def _known(self, place: Path) -> dict[str, Any] | None:
        """The record of what is there, unless a file changed or other versions made it."""
        try:
            record: dict[str, Any] = json.loads((place / RECORD).read_text(encoding="utf-8"))
            whole = record["made"] == _made_by() and all(
                self.digests.of(place / name) == digest for name, digest in record["files"].items()
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return record if whole else None

    def _made(self, model: ModelFiles, backend: str, place: Path) -> dict[str, Any]:
        """The record of a conversion; one that crashed is not kept, so that it is tried again."""
        for left in self._folder.glob(".building-*"):
            shutil.rmtree(left, ignore_errors=True)
        building = self._folder / f".building-{place.name}"
        building.mkdir()
        summary = self._convert(model, backend, building)
        if "error" in summary or "crashed" in summary:
            shutil.rmtree(building)
            if "error" in summary:
                raise ConfigError(summary["error"])
            return {"refused": summary["crashed"]}
        files = {each.name: self.digests.of(each) for each in sorted(building.iterdir())}
        record = summary | {"backend": backend, "made": _made_by(), "files": files}
        write_json(building / RECORD, record)
        shutil.rmtree(place, ignore_errors=True)
        building.rename(place)
        return record

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def converted_by(program: str) -> Convert:
    """Return what converts by a program of this folder, named without its ending."""
    return partial(_converted, program)


def _converted(program: str, model: ModelFiles, backend: str, building: Path) -> dict[str, Any]:
    """Convert in another process; return the summary that it leaves, or how it crashed."""
    log.info("converting %s for %s, once: this takes some seconds", model.name, backend)
    command = [sys.executable, "-m", f"{__package__}.{program}"]
    command += [str(model.folder), backend, str(building)]
    try:
        ended = subprocess.run(
            command, cwd=ROOT, capture_output=True, timeout=TIME_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return {"crashed": f"converting took longer than {TIME_LIMIT_S} s"}
    if ended.returncode == 0:
        summary = building / SUMMARY
        found: dict[str, Any] = json.loads(summary.read_text(encoding="utf-8"))
        summary.unlink()
        return found
    said = ended.stderr.decode(errors="replace").strip().split("\n")[-1]
    return {"crashed": f"converting failed ({said or f'exit code {ended.returncode}'})"}


def _export(place: Path, record: Mapping[str, Any], hit: bool) -> Export | Refusal:
    if "refused" in record:
        return Refusal(record["refused"])
    said = Traits(**record["traits"])
    padding = Padding(tuple(record["inputs"]), said.pad_id, said.pad_left)
    return Export(place, record["backend"], said, padding, record["agreement"], hit)


def _made_by() -> dict[str, Any]:
    found: dict[str, Any] = {"format": FORMAT}
    for package in MADE_BY:
        try:
            found[package] = version(package)
        except ImportError:
            found[package] = None
    return found
