"""The pipelines that can be named, all of them loaded and checked."""

from retrieval.config import load_pipeline, pipeline_files
from retrieval.pipeline import Pipeline
from retrieval.settings import Settings


def load_pipelines(settings: Settings) -> dict[str, Pipeline]:
    """Return every pipeline by name, sorted. Raises: ConfigError for one that cannot work."""
    own = settings.pipelines_dir
    return {name: load_pipeline(name, own) for name in sorted(pipeline_files(own))}
