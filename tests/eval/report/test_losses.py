"""Losses as a report shows them: by group, and nothing counted twice."""

import json
from pathlib import Path

import pytest

from eval.report.losses import Losses, losses
from eval.report.material import Place, Question
from retrieval.errors import InputError

NOWHERE = Path("nowhere")


def by_ranks(questions: list[Question], limit: int) -> Losses | None:
    return losses(NOWHERE, questions, limit)


def place(group: str, **ranks: int | None) -> Place:
    named = {"dense": "dense:original", "sparse": "sparse:original"}
    return Place("d", group, 1, tuple((named.get(k, k), rank) for k, rank in ranks.items()))


def asked(*places: Place) -> Question:
    return Question("q", "q", {"nDCG@10": 0.0}, places=places)


def test_every_group_is_found_or_lost_once() -> None:
    found = by_ranks(
        [
            asked(place("a", dense=1, fuse=1, answer=1)),
            asked(place("b", dense=None, fuse=None, answer=None)),
            asked(
                place("c", dense=3, fuse=14, answer=14), place("d", dense=40, fuse=40, answer=40)
            ),
        ],
        limit=10,
    )
    assert (found.judged, found.found) == (4, 1)
    assert [(each.cause, each.count) for each in found.blocks] == [
        ("absent", 1), ("fusion", 1), ("limit", 1),
    ]  # fmt: skip


def test_one_place_of_a_group_is_enough() -> None:
    found = by_ranks(
        [asked(place("a", dense=1, answer=1), place("a", dense=None, answer=None))], 10
    )
    assert (found.judged, found.found, found.blocks) == (1, 1, ())


def test_a_lost_group_is_lost_by_what_the_furthest_of_its_places_was() -> None:
    found = by_ranks(
        [asked(place("a", dense=None, answer=None), place("a", dense=30, fuse=30, answer=30))], 10
    )
    assert [each.cause for each in found.blocks] == ["limit"]


def test_runs_without_ranks_have_no_losses() -> None:
    assert by_ranks([Question("q", "q", {"nDCG@10": 0.0})], 10) is None
    assert by_ranks([asked()], 10) is None


def changed(name: str, gain: int, limit: int = 5) -> dict[str, object]:
    recall = {"difference": gain / 9, "low": 0.0, "high": 0.5, "p": 0.5}
    found = {"change": name, "limit": limit, "recovered": gain + 1, "loses": 1, "gain": gain}
    return found | {"recall": recall}


def test_what_the_index_was_asked_goes_before_what_ranks_tell(tmp_path: Path) -> None:
    found = {
        "limit": 5,
        "judged": 9,
        "waterfall": [
            {"cause": "candidates", "lost": 2, "stages": {}},
            {"cause": "ranking", "lost": 1, "stages": {"rerank": 1}},
        ],
        "changes": [
            changed("longer", 9, limit=10),
            changed("worse", -1),
            changed("b", 1),
            changed("c", 2),
        ],
        "classes": {"numbers": {"none": {"judged": 9, "found": 6}}},
    }
    (tmp_path / "losses.json").write_text(json.dumps(found))
    read = losses(tmp_path, [], 10)
    assert (read.exact, read.limit, read.found) == (True, 5, 6)
    assert read.blocks[1].label == "demoted by a later stage (rerank)"
    assert [each.change for each in read.remedies] == ["c", "b", "longer"]
    assert [(each.name, each.judged, each.found) for each in read.classes] == [("numbers", 9, 6)]
    (tmp_path / "losses.json").write_text("[]")
    with pytest.raises(InputError, match="cannot be read as losses"):
        losses(tmp_path, [], 10)
