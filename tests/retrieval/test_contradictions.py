"""Pipelines whose stages contradict each other are refused when they are built, in one sentence."""

from typing import Any

import pytest

from retrieval.config import build_pipeline
from retrieval.errors import ConfigError

DENSE, SPARSE, FUSE = {"use": "dense"}, {"use": "sparse"}, {"use": "fuse"}
HYDE, PACK, RERANK = {"use": "hyde"}, {"use": "pack"}, {"use": "rerank"}
LEGS = [DENSE, SPARSE, FUSE]
ROUTE = {"use": "route", "domains": {"a": "cats", "b": "dogs"}}


def gate(*stages: dict[str, Any]) -> dict[str, Any]:
    return {"use": "gate", "then": [*stages]}


@pytest.mark.parametrize(
    ("stages", "named"),
    [
        ([FUSE], "'fuse' reads rankings, which no stage before it writes"),
        ([DENSE, SPARSE], "no stage writes hits"),
        ([gate(*LEGS), *LEGS], "'gate' reads rankings, hits"),
        ([*LEGS, HYDE], "'hyde' writes variants and rankings, which no stage after it reads"),
        ([*LEGS, {"use": "expand", "how": "rm3"}], "'expand' writes variants and rankings"),
        ([DENSE, FUSE, SPARSE], "'sparse' writes rankings, which no stage after it reads"),
        ([*LEGS, PACK, RERANK], "'rerank' changes the hits after 'pack'"),
        ([*LEGS, PACK, gate(*LEGS)], "'gate' changes the hits after 'pack'"),
        ([*LEGS, ROUTE], "route: how = 'hard' narrows what is searched: put it before 'dense'"),
        ([DENSE, ROUTE, FUSE], "put it before 'dense'"),
        ([*LEGS, {"use": "self_query"}], "self_query narrows what is searched: put it before"),
        ([*LEGS, gate({"use": "self_query"})], "self_query narrows what is searched"),
        ([{"use": "expand", "how": "rm3"}, DENSE, FUSE], "expand: rm3 changes the sparse leg"),
        ([{"use": "expand", "how": "vector"}, SPARSE, FUSE], "vector changes the dense leg"),
        (
            [DENSE, FUSE, gate({"use": "expand", "how": "rm3"}, DENSE, FUSE)],
            "rm3 changes the sparse",
        ),
        ([{**HYDE, "sparse_weight": 0}, SPARSE, FUSE], "no stage 'dense' comes after it"),
        ([{"use": "expand", "how": "rm3", "prompt": "x"}, *LEGS], "expand.prompt: for paraphrase"),
        ([*LEGS, {"use": "decompose", "how": "rules", "always": True}], "decompose.always: for"),
        ([*LEGS, {"use": "decompose", "how": "rules", "each": [DENSE]}], "no stage writes hits"),
    ],
)
def test_a_contradiction_is_named(stages: list[dict[str, Any]], named: str) -> None:
    with pytest.raises(ConfigError) as refused:
        build_pipeline("mine", stages)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    "stages",
    [
        [HYDE, ROUTE, *LEGS],
        [HYDE, SPARSE, FUSE],
        [{"use": "expand", "how": "rm3"}, {"use": "self_query"}],
        [ROUTE, {"use": "self_query"}, PACK],
        [{"use": "self_query", "then": [HYDE, *LEGS]}, RERANK, PACK],
        [*LEGS, gate(HYDE, *LEGS), RERANK, PACK],
        [*LEGS, {**ROUTE, "how": "soft"}, {"use": "decompose"}, {"use": "rules"}, PACK],
        [DENSE, FUSE, gate(SPARSE, FUSE)],
    ],
)
def test_what_makes_sense_is_built(stages: list[dict[str, Any]]) -> None:
    assert build_pipeline("mine", stages).key
