"""From a run back to what was measured: its pipeline, and its index if that is still the same."""

from collections.abc import Mapping
from typing import Any

from eval.corpus import content_sum, hash_of
from eval.results import Run
from ingestion.ledger import Ledger, ledger_file
from retrieval.config import build_pipeline
from retrieval.errors import InputError
from retrieval.kit import Kit
from retrieval.manifest import Manifest
from retrieval.open_kit import Tools
from retrieval.pipeline import Pipeline, fingerprint

TENANT = "default"


def measured_system(run: Run, tools: Tools) -> tuple[Pipeline, Kit]:
    """Return the pipeline that a run measured, and the kit of the index that it asked.

    Raises: InputError where it measured something else than a pipeline, or where pipeline, models
    or documents are not those of the run any more; NotFoundError where the index is gone.
    """
    system = run.manifest["system"]
    if system.get("kind") != "pipeline":
        raise InputError(
            f"{run.folder} measured {system['name']}, which has no stages: losses are those of a"
            " pipeline. Measure one with `assay bench run`.",
            "run",
        )
    pipeline = build_pipeline(system["name"], system["stages"])
    name = system["index"]["name"]
    kit = tools.kit(name).at(None, None, strict=True)
    if fingerprint(pipeline, kit) != system["fingerprint"]:
        what = "pipeline" if pipeline.key != system["key"] else f"index {name!r}"
        raise _changed(run, f"its {what} is not what it was")
    _check_documents(run, kit.store.manifest, tools)
    return pipeline, kit


def _check_documents(run: Run, manifest: Manifest, tools: Tools) -> None:
    """Refuse an index whose ledger does not list the documents of the run's corpus."""
    file = ledger_file(tools.settings.data_dir, manifest.id)
    if not file.is_file():
        raise _changed(run, f"index {manifest.name!r} has no list of its documents here")
    ledger = Ledger(file, TENANT)
    try:
        held = hash_of(sum(content_sum(each.id, each.content) for each in ledger.entries()))
    finally:
        ledger.close()
    if held != _hashes(run)["corpus"]:
        raise _changed(run, f"index {manifest.name!r} holds other documents than it did then")


def _changed(run: Run, what: str) -> InputError:
    dataset, system = run.manifest["dataset"]["folder"], run.manifest["system"]["name"]
    return InputError(
        f"{run.folder}: {what}, so that it cannot be said what the run lost. Measure again: assay"
        f" bench run --dataset {dataset} --pipeline {system}",
        "run",
    )


def _hashes(run: Run) -> Mapping[str, Any]:
    found: Mapping[str, Any] = run.manifest["dataset"]["hashes"]
    return found
