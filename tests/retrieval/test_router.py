"""Routers with numbers worked out by hand, and files that are none."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retrieval.errors import ConfigError
from retrieval.router import Router, load_router

ENCODER = {"name": "plane", "dimension": 2}
NOTHING = np.zeros((0, 0), np.float32)


def plane(**changes) -> Router:
    """Two domains in the plane; `north` has two classes, (0, 1) and (-1, 0); `east` is (1, 0)."""
    router = Router(
        encoder=ENCODER,
        labels=("east", "north"),
        weights=np.array([[1, 0], [0, 1], [-1, 0]], np.float32),
        bias=np.zeros(3, np.float32),
        owners=np.array([0, 1, 1], np.int32),
        temperature=1.0,
        threshold=-np.inf,
        familiarity="score",
        near=NOTHING,
        near_means=NOTHING,
        far=NOTHING,
        far_mean=NOTHING,
        trained={"method": "hand"},
    )
    return replace(router, **changes)


def vectors(*rows: tuple[float, float]):
    return np.array(rows, np.float32)


def test_a_domain_has_the_probability_of_all_its_classes() -> None:
    # e^1, e^0, e^-1 over their sum: 0.6652, 0.2447, 0.0900.
    found = plane().believes(vectors((1, 0)))
    assert found.probabilities[0] == pytest.approx([0.6652, 0.3348], abs=1e-4)
    assert plane().domains(vectors((1, 0))[0])[0].probability == pytest.approx(0.6652, abs=1e-4)


def test_a_temperature_sharpens_and_changes_no_order() -> None:
    # e^2, e^0, e^-2 over their sum.
    found = plane(temperature=0.5).believes(vectors((1, 0)))
    assert found.probabilities[0] == pytest.approx([0.8668, 0.1332], abs=1e-4)


def test_equal_domains_stand_in_the_order_of_their_names() -> None:
    router = plane(
        weights=vectors((1, 0), (1, 0)), bias=np.zeros(2, np.float32), owners=np.array([1, 0])
    )
    assert [each.name for each in router.domains(vectors((1, 0))[0])] == ["east", "north"]


def test_familiarity_is_the_best_score_or_probability() -> None:
    asked = vectors((1, 0), (0.5, 0))
    assert plane().believes(asked).familiarity == pytest.approx([1.0, 0.5])
    by_probability = plane(familiarity="probability").believes(asked).familiarity
    # e^0.5 over e^0.5 + e^0 + e^-0.5.
    assert by_probability == pytest.approx([0.6652, 0.5065], abs=1e-4)


def test_distance_is_how_much_nearer_the_next_class_is_than_everything() -> None:
    router = plane(
        familiarity="distance",
        near=2 * np.eye(2, dtype=np.float32),
        near_means=2 * vectors((1, 0), (0, 1), (-1, 0)),
        far=np.eye(2, dtype=np.float32),
        far_mean=vectors((0, 1))[0],
    )
    # (1, 0): from (0, 1) 2, from the class 0. (1, 1): from (0, 1) 1, from a class |2 (0, 1)|² = 4.
    assert router.believes(vectors((1, 0), (1, 1))).familiarity == pytest.approx([2.0, -3.0])


def test_below_the_threshold_it_is_none_of_the_domains() -> None:
    router = plane(threshold=0.75)
    assert router.domains(vectors((1, 0))[0])
    assert router.domains(vectors((0.5, 0))[0]) == ()


def test_a_saved_router_is_the_same_again(tmp_path: Path) -> None:
    file = tmp_path / "new" / "plane.router"
    plane(threshold=0.25).save(file)
    again = load_router(file)
    assert again.digest == plane(threshold=0.25).digest
    assert again.labels == ("east", "north")
    assert again.trained == {"method": "hand"}
    assert np.array_equal(again.weights, plane().weights)


def test_minus_infinity_survives_the_file(tmp_path: Path) -> None:
    plane().save(tmp_path / "r")
    assert load_router(tmp_path / "r").threshold == -np.inf


def test_whatever_decides_a_route_changes_the_digest() -> None:
    changed = [
        plane(temperature=2.0),
        plane(threshold=0.1),
        plane(labels=("east", "west")),
        plane(bias=np.ones(3, np.float32)),
        plane(trained={}),
        plane(encoder={"name": "other"}),
    ]
    assert len({each.digest for each in [plane(), *changed]}) == 7


def test_another_encoder_is_refused_with_both_sides_named() -> None:
    assert plane().checked(ENCODER)
    with pytest.raises(ConfigError, match=r"'plane'.*'other'.*assay router train"):
        plane().checked({"name": "other", "dimension": 2})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone.router: it is not there. Train one: assay router"):
        load_router(tmp_path / "gone.router")


def plain() -> bytes:
    found = io.BytesIO()
    np.save(found, np.zeros(3))
    return found.getvalue()


def packed(**arrays) -> bytes:
    found = io.BytesIO()
    np.savez(found, **arrays)
    return found.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no router",
        b"PK\x03\x04 cut off",
        plain(),
        packed(weights=np.zeros(2)),
        packed(header=np.array([{"a": 1}], dtype=object)),
    ],
)
def test_a_file_that_is_no_router_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.router"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"x.router: it is no saved router"):
        load_router(file)


def test_a_folder_is_no_router(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no saved router"):
        load_router(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"bias": np.zeros(2, np.float32)},
        {"weights": np.zeros(3, np.float32)},
        {"owners": np.array([0, 0, 0], np.int32)},
        {"owners": np.array([0, 1, 7], np.int32)},
        {"familiarity": "distance"},
        {"familiarity": "feeling"},
        {"temperature": 0.0},
    ],
)
def test_parts_that_do_not_fit_together_are_refused(tmp_path: Path, changes) -> None:
    plane(**changes).save(tmp_path / "x.router")
    with pytest.raises(ConfigError, match="does not fit together"):
        load_router(tmp_path / "x.router")


def test_a_router_of_another_schema_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.router"
    plane().save(file)
    with np.load(file) as stored:
        arrays = dict(stored)
    header = json.loads(arrays["header"].tobytes()) | {"schema": 99}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    file.write_bytes(packed(**arrays))
    with pytest.raises(ConfigError, match="not of schema 1"):
        load_router(file)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        plane().save(tmp_path / "file" / "x.router")
