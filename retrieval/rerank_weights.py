"""Weights of the learned reranker: a small file that says what they were fitted on."""

import hashlib
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.errors import ConfigError
from retrieval.features import FEATURES
from retrieval.inside import in_place
from retrieval.pipeline import Stage, stage_name
from retrieval.stages.fuse import Fuse
from retrieval.toml_text import toml_value

SHIPPED = Path(__file__).with_name("rerank_weights.toml")
LEGS = ("dense", "sparse")
QUESTIONS = b"\n[questions]\n"
"""Where a file begins to name questions: what stands before is what the weights' digest is of."""
Fusion = Mapping[str, Any]


@dataclass(frozen=True)
class Weights:
    """A weight for each feature, in the order of `FEATURES`, and the fusion they belong to.

    `fitted_on` are the sets of questions that they were fitted on: a name by a hash of the
    questions (`eval.questions.question_digest`). `digest` is that of the file without them, which
    change nothing that the weights do.
    """

    values: tuple[float, ...]
    fusion: Fusion
    digest: str
    fitted_on: Mapping[str, str]


def load_weights(file: str) -> Weights:
    """Return the weights of a file; '' is the one that comes with Assay.

    Raises: ConfigError that names the file and what is wrong with it.
    """
    path = Path(file) if file else SHIPPED
    try:
        content = path.read_bytes()
        data = tomllib.loads(content.decode("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"rerank.weights: {path} cannot be read: {error}.") from error
    given, fusion = data.get("features"), data.get("fusion")
    if not isinstance(given, dict) or not isinstance(fusion, dict):
        raise ConfigError(f"rerank.weights: {path} needs the tables [features] and [fusion].")
    if sorted(given) != sorted(FEATURES):
        raise ConfigError(
            f"rerank.weights: {path} has weights for {', '.join(given)}; the features are"
            f" {', '.join(FEATURES)}. Fit anew: assay rerank train."
        )
    values = tuple(given[name] for name in FEATURES)
    if not all(isinstance(each, int | float) and math.isfinite(each) for each in values):
        raise ConfigError(f"rerank.weights: {path} has a weight that is no number.")
    questions = data.get("questions", {})
    if not isinstance(questions, dict):
        raise ConfigError(f"rerank.weights: {path}: [questions] is no table of names by hash.")
    weights, _, named = content.partition(QUESTIONS)
    if b"\n[" in named:
        raise ConfigError(f"rerank.weights: {path}: [questions] has to be the last table.")
    digest = hashlib.sha256(weights).hexdigest()
    return Weights(values, fusion, digest, {hash: str(it) for hash, it in questions.items()})


def fusion_of(stages: Sequence[Stage]) -> dict[str, Any] | None:
    """Return what the last fusion among stages does: its legs, and the parameters that matter.

    None where there is none.
    """
    flat = in_place(stages)
    places = [place for place, stage in enumerate(flat) if isinstance(stage, Fuse)]
    if not places:
        return None
    fuse = flat[places[-1]]
    assert isinstance(fuse, Fuse)
    used = {stage_name(stage) for stage in flat[: places[-1]]}
    found: dict[str, Any] = {"legs": [leg for leg in LEGS if leg in used], "how": fuse.how}
    if fuse.how == "convex":
        found["norm"] = fuse.norm
    if fuse.how == "rrf":
        found["k"] = fuse.k
    if fuse.domains:
        found["domains"] = dict(fuse.domains)
    return found | {"alpha": fuse.alpha}


def check_fusion(weights: Weights, before: Sequence[Stage]) -> None:
    """Refuse weights that were fitted on another fusion. Raises: ConfigError with the way out."""
    found = fusion_of(before)
    if found is not None and found != dict(weights.fusion):
        raise ConfigError(
            f"rerank: its weights were fitted on the fusion {_shown(weights.fusion)}, and this"
            f" pipeline has {_shown(found)}. Fit others with `assay rerank train --dataset DATASET"
            " --pipeline FILE --out weights.toml`, where FILE is this pipeline without rerank, and"
            " set rerank.weights to the new file."
        )


def folder_digest(folder: Path) -> str:
    """Return the sha256 of a folder's files, or '' where there is no such folder."""
    total = hashlib.sha256()
    for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if file.is_file():
            with file.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            total.update(f"{file.relative_to(folder).as_posix()}\0{digest}\n".encode())
    return total.hexdigest() if folder.is_dir() else ""


def as_toml(values: Sequence[float], fusion: Fusion, fitted_on: Mapping[str, str]) -> str:
    """Return the text of a weights file; `fitted_on` are sets of questions, as `Weights` has them.

    The table of these sets is the last one.
    """
    lines = ["# Weights of the learned reranker, by `assay rerank train`.", ""]
    lines += [f"fitted_on = {toml_value(list(fitted_on.values()))}"]
    lines += ["", "[fusion]", *(f"{name} = {toml_value(value)}" for name, value in fusion.items())]
    lines += ["", "[features]"]
    lines += [f"{name} = {value:.4f}" for name, value in zip(FEATURES, values, strict=True)]
    lines += ["", "[questions]", "# By what its questions hash to, each set that was fitted on."]
    lines += [f"{hash} = {toml_value(name)}" for hash, name in fitted_on.items()]
    return "\n".join(lines) + "\n"


def _shown(fusion: Fusion) -> str:
    return ", ".join(f"{name} = {toml_value(value)}" for name, value in fusion.items())
