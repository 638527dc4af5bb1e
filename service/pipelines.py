"""The pipelines that can be named, all of them loaded and checked."""

from retrieval.config import load_pipeline, pipeline_files
from retrieval.inside import check_answers
from retrieval.pipeline import Pipeline
from retrieval.settings import Settings


def load_pipelines(settings: Settings) -> dict[str, Pipeline]:
    """Return every pipeline by name, sorted. Raises: ConfigError for one that cannot work so."""
    own = settings.pipelines_dir
    found = {name: load_pipeline(name, own) for name in sorted(pipeline_files(own))}
    for pipeline in found.values():
        check_answers(pipeline.stages, settings)
    return found
