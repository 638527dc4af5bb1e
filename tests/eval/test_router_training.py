"""Routers fitted on clouds of points: what they learn, what they refuse, and what they record."""

from dataclasses import replace

import numpy as np
import pytest

from eval.router_training import METHODS, Fit, Labelled, Training, folds, train
from retrieval.errors import InputError

ENCODER = {"name": "cloud", "dimension": 4}
CENTRES = {
    ("north", "pole"): (3, 0, 0, 0),
    ("north", "cape"): (0, 3, 0, 0),
    ("south", "sea"): (0, 0, 3, 0),
}


def cloud(count: int, seed: int = 0, centres=CENTRES) -> Labelled:
    """So many points around each centre, as unit vectors."""
    random = np.random.default_rng(seed)
    keys = [key for key in centres for _ in range(count)]
    rows = np.array([centres[key] for key in keys]) + random.normal(size=(len(keys), 4)) * 0.5
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Labelled(
        rows.astype(np.float32), tuple(each for each, _ in keys), tuple(kind for _, kind in keys)
    )


def training(**fit) -> Training:
    return Training(Fit(**fit), ENCODER, {"files": ["cloud.jsonl"]})


def called(router, examples: Labelled) -> list[str]:
    best = router.believes(examples.vectors).probabilities.argmax(axis=1)
    return [router.labels[each] for each in best]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_tells_the_domains_apart_and_rejects_what_is_far(method) -> None:
    router = train(training(method=method), cloud(40), cloud(40, seed=1))
    fresh = cloud(40, seed=2)
    assert called(router, fresh) == list(fresh.domains)
    accepted = router.believes(fresh.vectors).familiarity >= router.threshold
    assert accepted.mean() > 0.8
    far = np.array([[0, 0, 0, 1], [-1, -1, -1, 0]], np.float32)
    far /= np.linalg.norm(far, axis=1, keepdims=True)
    assert (router.believes(far).familiarity < router.threshold).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_threshold_accepts_the_share_of_held_out_examples(method) -> None:
    held_out = cloud(100, seed=1)
    router = train(training(method=method, acceptance=0.9), cloud(40), held_out)
    accepted = router.believes(held_out.vectors).familiarity >= router.threshold
    assert accepted.mean() == pytest.approx(0.9, abs=0.01)


def test_distance_is_the_relative_mahalanobis_distance_of_the_paper() -> None:
    examples, fresh = cloud(40), cloud(5, seed=3)
    router = train(training(shrinkage=0.0), examples)
    rows = examples.vectors.astype(float)
    keys = np.array(
        ["/".join(each) for each in zip(examples.domains, examples.classes, strict=True)]
    )
    means = {key: rows[keys == key].mean(axis=0) for key in keys}
    inside = rows - np.array([means[key] for key in keys])
    shared, whole = inside.T @ inside / len(rows), np.cov(rows.T, bias=True)

    def squared(x, mean, covariance) -> float:
        return (x - mean) @ np.linalg.inv(covariance) @ (x - mean)

    for x, found in zip(fresh.vectors, router.believes(fresh.vectors).familiarity, strict=True):
        nearest = min(squared(x, mean, shared) for mean in means.values())
        assert found == pytest.approx(squared(x, rows.mean(axis=0), whole) - nearest, abs=1e-3)


def test_the_temperature_makes_probabilities_as_right_as_they_say() -> None:
    close = {key: np.array(centre) * 0.2 for key, centre in CENTRES.items()}
    fresh = cloud(400, 2, close)
    router = train(training(strength=1000.0), cloud(30, 0, close), cloud(400, 1, close))
    sure = router.believes(fresh.vectors).probabilities.max(axis=1).mean()
    right = np.mean([a == b for a, b in zip(called(router, fresh), fresh.domains, strict=True)])
    assert sure == pytest.approx(right, abs=0.04)
    assert router.temperature > 1.2


def test_examples_without_a_mistake_do_not_make_it_endlessly_sure() -> None:
    far = {key: np.array(centre) * 10 for key, centre in CENTRES.items()}
    router = train(training(), cloud(20, 0, far), cloud(20, 1, far))
    sure = router.believes(cloud(20, 2, far).vectors).probabilities.max(axis=1)
    assert 0.9 < sure.mean() < 0.995


def test_rare_domains_are_not_outvoted_by_large_ones() -> None:
    close = {key: np.array(centre) * 0.2 for key, centre in CENTRES.items()}
    many, few = cloud(300, 0, close), cloud(300, 1, close)
    rows = np.array([d == "north" or i % 10 == 0 for i, d in enumerate(many.domains)])
    router = train(training(), many.at(np.flatnonzero(rows)))
    south = [c for c, d in zip(called(router, few), few.domains, strict=True) if d == "south"]
    assert south.count("south") / len(south) > 0.5


def test_without_held_out_examples_the_folds_are_used_and_it_is_repeatable() -> None:
    first, second = (train(training(seed=4), cloud(20)) for _ in range(2))
    assert first.digest == second.digest
    inside = first.believes(cloud(20).vectors).familiarity >= first.threshold
    assert inside.mean() > 0.9
    assert train(training(seed=5), cloud(20)).threshold != first.threshold


def documents(count: int, seed: int) -> Labelled:
    """Documents of two domains, their passages and then their openings, which are much like them.

    Documents of one domain are much less like each other.
    """
    random = np.random.default_rng(seed)
    names = ("north", "south") * count
    centres = np.array([np.eye(40)[("north", "south").index(each)] for each in names])
    passages = centres + random.normal(size=centres.shape) * 0.15
    openings = passages + random.normal(size=centres.shape) * 0.02
    rows = np.concatenate([passages, openings])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Labelled(rows.astype(np.float32), names * 2, names * 2, (*range(2 * count),) * 2)


@pytest.mark.parametrize("method", ["distance", "logistic"])
def test_no_opening_is_judged_by_what_was_fitted_on_its_own_passage(method) -> None:
    fresh = documents(500, seed=1)
    router = train(training(method=method), documents(60, seed=0))
    accepted = router.believes(fresh.vectors).familiarity >= router.threshold
    assert accepted.mean() == pytest.approx(0.95, abs=0.04)


def test_rows_that_are_documents_by_themselves_are_fitted_as_examples_are() -> None:
    examples = cloud(20)
    alone = replace(examples, sources=tuple(range(100, 160)))
    assert train(training(), alone).digest == train(training(), examples).digest


def test_a_class_with_one_document_is_refused_though_it_has_two_rows() -> None:
    found = documents(5, seed=0)
    few = found.at(np.array([0, 1, 2, 4, 10, 11, 12, 14]))
    assert few.domains.count("south") == 2
    assert few.sources == (0, 1, 2, 4) * 2
    with pytest.raises(InputError, match="one is there of: south"):
        train(training(), few)


def test_two_classes_with_two_examples_each_are_enough() -> None:
    small = cloud(2, centres={("a", "a"): (1, 0, 0, 0), ("b", "b"): (0, 1, 0, 0)})
    for method in METHODS:
        router = train(training(method=method), small)
        assert called(router, small) == list(small.domains)


def test_equal_vectors_are_no_reason_to_fail() -> None:
    rows = np.zeros((4, 3), np.float32)
    rows[:, 0] = 1
    router = train(training(), Labelled(rows, ("a", "a", "b", "b"), ("a", "a", "b", "b")))
    assert np.isfinite(router.believes(rows).familiarity).all()


def test_the_router_records_what_it_was_trained_on() -> None:
    router = train(training(acceptance=0.8), cloud(10))
    assert router.encoder == ENCODER
    assert router.labels == ("north", "south")
    assert router.trained["files"] == ["cloud.jsonl"]
    assert router.trained["examples"] == {"north": 20, "south": 10}
    assert router.trained["classes"] == 3
    assert router.trained["acceptance"] == 0.8


def test_one_domain_and_none_are_refused() -> None:
    one = cloud(5, centres={("only", "x"): (1, 0, 0, 0), ("only", "y"): (0, 1, 0, 0)})
    with pytest.raises(InputError, match="two or more domains; there is only 'only'"):
        train(training(), one)
    with pytest.raises(InputError, match="there is no example"):
        train(training(), Labelled(np.zeros((0, 4), np.float32), (), ()))


def test_a_class_with_one_example_is_named() -> None:
    rows = [0, 1, *range(10, 15), *range(20, 25)]
    examples = cloud(10).at(np.array(rows[1:]))
    with pytest.raises(InputError, match=r"one is there of: north / pole. Add some"):
        train(training(), examples)
    single = Labelled(examples.vectors[:3], ("a", "a", "b"), ("a", "a", "b"))
    with pytest.raises(InputError, match=r"one is there of: b. Add"):
        train(training(), single)


def test_validation_of_other_domains_is_refused() -> None:
    with pytest.raises(InputError, match="not trained on: west"):
        train(training(), cloud(5), Labelled(cloud(1).vectors[:1], ("west",), ("west",)))


@pytest.mark.parametrize(
    "given",
    [
        {"method": "magic"},
        {"acceptance": 0.0},
        {"acceptance": 1.1},
        {"strength": 0.0},
        {"shrinkage": 2.0},
    ],
)
def test_a_fit_out_of_range_is_named(given) -> None:
    with pytest.raises(InputError, match=next(iter(given))):
        Fit(**given)


def test_folds_hold_a_share_of_every_class() -> None:
    found = folds(["a"] * 10 + ["b"] * 7, seed=1)
    assert sorted(np.bincount(found[:10])) == [2, 2, 2, 2, 2]
    assert sorted(np.bincount(found[10:])) == [1, 1, 1, 2, 2]
