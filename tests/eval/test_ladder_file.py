"""Ladder files: what they say is what is built, and what is wrong is named with its rung."""

from pathlib import Path

import pytest

from eval.ladder_file import SHIPPED, load_ladder
from retrieval.config import load_pipeline
from retrieval.errors import ConfigError, NotFoundError
from retrieval.pipeline import stage_name

BASE = """\
[[rungs]]
name = "hybrid"
stages = [{ use = "dense", limit = 20 }, { use = "sparse" }, { use = "fuse" }]
"""


@pytest.fixture
def written(tmp_path):
    """A function that writes a ladder file and gives its path."""

    def write(text: str) -> str:
        file = tmp_path / "mine.toml"
        file.write_text(text)
        return str(file)

    return write


def stages(ladder) -> dict[str, list[str]]:
    return {
        each.name: [stage_name(stage) for stage in each.pipeline.stages] for each in ladder.rungs
    }


def test_rungs_are_pipelines_stages_and_differences_to_the_rung_below(written, tmp_path) -> None:
    (tmp_path / "other.toml").write_text('stages = [{ use = "sparse" }, { use = "fuse" }]')
    text = """\
about = "all forms"
[[rungs]]
pipeline = "sparse"
[[rungs]]
name = "both"
add = { use = "dense" }
before = "sparse"
[[rungs]]
name = "rrf"
replace = "fuse"
with = { use = "fuse", how = "rrf" }
[[rungs]]
name = "more"
add = [{ use = "rules", most = 1 }, { use = "pack" }]
[[rungs]]
name = "expanded"
add = { use = "expand", how = "rm3" }
after = "dense"
on = "both"
[[rungs]]
name = "bare"
remove = ["pack", "rules"]
on = "more"
replace_not = 1
"""
    with pytest.raises(ConfigError, match="rung 6 'bare': 'replace_not' does not go with 'remove'"):
        load_ladder(written(text))
    text = text.replace('remove = ["pack", "rules"]', 'remove = ["pack", "dense"]')
    ladder = load_ladder(written(text.replace("replace_not = 1", "")))
    assert stages(ladder) == {
        "sparse": ["sparse", "fuse"],
        "both": ["dense", "sparse", "fuse"],
        "rrf": ["dense", "sparse", "fuse"],
        "more": ["dense", "sparse", "fuse", "rules", "pack"],
        "expanded": ["dense", "expand", "sparse", "fuse"],
        "bare": ["sparse", "fuse", "rules"],
    }
    assert [each.on for each in ladder.rungs] == [None, 0, 1, 2, 1, 3]
    assert ladder.rungs[2].pipeline.stages[-1].how == "rrf"
    assert ladder.rungs[0].pipeline.key == load_pipeline("sparse").key
    beside = load_ladder(written(BASE + '[[rungs]]\npipeline = "other.toml"\n'))
    assert stages(beside)["other"] == ["sparse", "fuse"]


@pytest.mark.parametrize(
    ("rung", "named"),
    [
        ('name = "x"', r"rung 2 'x': one of pipeline, stages, add, replace, remove is needed"),
        ('name = "x"\nadd = {}\nremove = "fuse"', "one of pipeline, stages, add"),
        ('add = { use = "rerank" }', "rung 2: 'name' is needed"),
        ('name = "x"\nadd = { use = "rerank" }\non = "gone"', "'gone' is no earlier rung"),
        ('name = "x"\nremove = "pack"', r"no stage 'pack' in 'hybrid', .* \(dense, sparse, fuse\)"),
        ('name = "x"\nreplace = "fuse"', "'replace' needs 'with'"),
        ('name = "x"\nadd = { use = "pack" }\nbefore = "fuse"\nafter = "fuse"', "not both"),
        ('name = "x"\nadd = { use = "rerenk" }', r"rung 2 'x' cannot be built.*no stage 'rerenk'"),
        ('name = "x"\nadd = { use = "rerank", blend = 2 }', "'x' cannot be built. rerank.blend"),
        ('name = "x"\nadd = { use = "pack" }\nbefore = "fuse"', "stage 'pack' reads hits, which"),
        ('name = "x"\nadd = "pack"', "a table with 'use' is needed, got 'pack'"),
        ('name = "x"\nreplace = "fuse"\nwith = { use = "fuse" }', "is the same pipeline as rung"),
        ('name = "hybrid"\npipeline = "sparse"', "an earlier rung has this name"),
        ('pipeline = "nosuch"', "Pipeline 'nosuch' is not there"),
        ('name = "x"\nstages = []', "'x' cannot be built.*a list of stages is needed"),
    ],
)
def test_what_is_wrong_is_named_with_its_rung(written, rung, named) -> None:
    with pytest.raises((ConfigError, NotFoundError), match=named):
        load_ladder(written(f"{BASE}[[rungs]]\n{rung}\n"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("rungs = 3", "a list 'rungs' is needed"),
        ("rungs = []", "a list 'rungs' is needed"),
        ("rungs = [3]", "rung 1: a table is needed, got 3"),
        (f"{BASE}[more]\n", "'about' allowed"),
        (BASE, "'mine' has one rung"),
        ('[[rungs]]\nname = "x"\nadd = { use = "dense" }', "the first rung is a 'pipeline' or"),
        ("rungs = [", "mine.toml: "),
    ],
)
def test_a_file_that_is_no_ladder_is_an_error(written, text, named) -> None:
    with pytest.raises(ConfigError, match=named):
        load_ladder(written(text))
    with pytest.raises(NotFoundError, match=r"There are: .*standard.*, and the pipelines .*hybrid"):
        load_ladder("nosuch")


def test_a_stage_that_stands_twice_cannot_be_named(written) -> None:
    twice = BASE.replace('{ use = "sparse" }', '{ use = "sparse" }, { use = "dense" }')
    with pytest.raises(ConfigError, match=r"2 stages 'dense' in 'hybrid'.*Write the rung out"):
        load_ladder(written(f'{twice}[[rungs]]\nname = "x"\nremove = "dense"\n'))


def test_drop_one_takes_the_last_rung_apart(written) -> None:
    text = BASE + '[[rungs]]\nname = "top"\nadd = { use = "rules", most = 1 }\n'
    ladder = load_ladder(written(text), drop_one=True)
    assert stages(ladder) == {
        "top": ["dense", "sparse", "fuse", "rules"],
        "without dense": ["sparse", "fuse", "rules"],
        "without sparse": ["dense", "fuse", "rules"],
        "without rules": ["dense", "sparse", "fuse"],
    }
    assert [each.on for each in ladder.rungs] == [None, 0, 0, 0]
    assert [each.without for each in ladder.rungs] == [None, "dense", "sparse", "rules"]
    (note,) = ladder.notes
    assert note.startswith("left out, without fuse: Pipeline 'without fuse': stage 'rules' reads")


def test_a_pipeline_is_a_ladder_of_one_rung_that_can_be_taken_apart(tmp_path) -> None:
    assert len(load_ladder("hybrid", drop_one=True).rungs) == 3
    file = tmp_path / "own.toml"
    file.write_text('about = "mine"\nstages = [{ use = "dense" }, { use = "fuse" }]')
    with pytest.raises(ConfigError, match="'own': no stage can be left out"):
        load_ladder(str(file), drop_one=True)
    with pytest.raises(ConfigError, match="--drop-one takes a pipeline apart"):
        load_ladder("hybrid")


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.toml")), ids=lambda file: file.stem)
def test_every_shipped_ladder_is_built(file: Path) -> None:
    assert len(load_ladder(file.stem).rungs) >= 3
