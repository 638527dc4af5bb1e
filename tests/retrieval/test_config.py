import json
from pathlib import Path

import pytest

from retrieval.config import (
    build_pipeline,
    load_pipeline,
    pipeline_files,
    stage_table,
    stage_types,
)
from retrieval.errors import AssayError, ConfigError, NotFoundError
from retrieval.pipeline import Pipeline
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse


def test_a_file_and_its_python_are_the_same_pipeline() -> None:
    tables = [{"use": "dense", "limit": 50}, {"use": "fuse", "how": "rrf", "k": 10}]
    assert build_pipeline("p", tables) == Pipeline("p", (Dense(limit=50), Fuse(how="rrf", k=10)))


def test_the_tables_of_a_pipelines_stages_build_it_again_also_after_json() -> None:
    inside = [{"use": "dense", "limit": 7}, {"use": "fuse"}]
    boost = ["document_id", "manual/*", 0.2]
    tables = [
        {"use": "self_query", "then": inside, "today": "2024-05-01"},
        {"use": "gate", "then": [{"use": "rules", "most": 2}], "always": ["several"]},
        {"use": "rules", "boosts": [boost], "mmr": 1},
        {"use": "decompose", "how": "rules", "each": inside},
    ]
    pipeline = build_pipeline("p", tables)
    again = json.loads(json.dumps([stage_table(stage) for stage in pipeline.stages]))
    assert build_pipeline("p", again) == pipeline
    assert build_pipeline("p", again).key == pipeline.key
    assert again[1]["then"][0] | {"most": 2, "use": "rules"} == again[1]["then"][0]


@pytest.mark.parametrize("name", sorted(pipeline_files()))
def test_every_shipped_pipeline_loads_and_says_what_it_is_for(name: str) -> None:
    assert load_pipeline(name).name == name
    assert "about" in pipeline_files()[name].read_text()


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ([], "a list of stages is needed"),
        ([{"limit": 3}], "a table with 'use' is needed"),
        ([{"use": "dens"}], "no stage 'dens'. Did you mean 'dense'?"),
        ([{"use": "dense", "limt": 3}], "no parameter 'limt'. Did you mean 'limit'?"),
        ([{"use": "dense", "limit": "3"}], "limit: Input should be a valid integer, got '3'"),
        ([{"use": "dense", "limit": True}], "valid integer"),
        ([{"use": "dense", "limit": 0}], "1 to 10000, got 0"),
        ([{"use": "dense"}, {"use": "fuse", "how": "sum"}], "'convex', 'rrf' or 'distribution'"),
        ([{"use": "fuse"}], "reads rankings, which no stage before it writes"),
        ([{"use": "dense"}], "no stage writes hits"),
    ],
)
def test_a_pipeline_that_cannot_work_is_refused_with_what_is_allowed(
    tables: list[dict[str, object]], text: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        build_pipeline("p", tables)
    assert text in str(caught.value)


def test_an_unknown_pipeline_lists_those_that_are_there() -> None:
    with pytest.raises(NotFoundError, match=r"dense, full, hybrid, learned, routed, sparse"):
        load_pipeline("hybird")


def test_own_pipelines_stand_beside_the_shipped_ones_and_go_first(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("stages = [{ use = 'dense' }, { use = 'fuse' }]")
    (tmp_path / "dense.toml").write_text("stages = [{use = 'dense', limit = 7}, {use = 'fuse'}]")
    assert load_pipeline("mine", tmp_path).stages[0] == Dense()
    assert load_pipeline("dense", tmp_path).stages[0] == Dense(limit=7)
    assert load_pipeline(str(tmp_path / "mine.toml")).name == "mine"


@pytest.mark.parametrize(
    "text", ["stages = [", "stage = []", "stages = []", "stages = 3", "x = 1\nstages = []", "\xff"]
)
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(AssayError, match="broken"):
        load_pipeline(str(file))


def test_every_stage_type_is_found_by_its_module() -> None:
    assert {"dense", "sparse", "fuse"} <= set(stage_types())
