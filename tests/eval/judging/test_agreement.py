import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from eval.judging.agreement import agreement, kappa
from eval.judging.pool import Place
from retrieval.errors import InputError


def test_kappa_is_agreement_beyond_chance() -> None:
    # 2x2 of 20, 5, 10, 15: observed 35/50, by chance (25*30 + 25*20) / 2500.
    one = np.array([1] * 25 + [0] * 25)
    other = np.array([1] * 20 + [0] * 5 + [1] * 10 + [0] * 15)
    found = kappa(one, other)
    assert found.value == pytest.approx((0.7 - 0.5) / (1 - 0.5))
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.4 < found.high


def test_weights_forgive_what_is_near() -> None:
    one, near, far = np.array([0, 1, 2, 3]), np.array([1, 1, 2, 3]), np.array([3, 1, 2, 3])
    assert kappa(one, near, "quadratic").value > kappa(one, far, "quadratic").value
    # Squared distances: seen 1; by chance 15 + 5 + 3 + 9 over the 16 pairs, for 4 passages 8.
    assert kappa(one, near, "quadratic").value == pytest.approx(1 - 1 / 8)


@pytest.mark.parametrize("weights", [None, "quadratic"])
def test_kappa_is_that_of_sklearn(weights: str | None) -> None:
    random = np.random.default_rng(5)
    for _ in range(20):
        one, other = random.integers(0, 4, (2, 30))
        expected = cohen_kappa_score(one, other, weights=weights)
        assert kappa(one, other, weights).value == pytest.approx(expected)


def test_two_judges_who_say_one_thing_only_have_no_kappa() -> None:
    assert kappa(np.array([2, 2]), np.array([2, 2])).value is None


def labels(**judges: str) -> dict[tuple[str, Place], int]:
    return {
        (by, ("q1", f"d{i}", None)): int(grade)
        for by, grades in judges.items()
        for i, grade in enumerate(grades)
        if grade != "-"
    }


def test_only_what_both_labelled_is_compared() -> None:
    found = agreement(labels(ada="0123-", llm="01-30"), ("ada", "llm"))
    assert (found.passages, found.same) == (3, 3)
    assert found.confusion[3][3] == 1
    assert sum(map(sum, found.confusion)) == 3


def test_a_judge_without_labels_is_refused_with_those_who_have_some() -> None:
    with pytest.raises(InputError, match=r"by 'eve'. Labels are by: ada, llm"):
        agreement(labels(ada="01", llm="10"), ("ada", "eve"))
    with pytest.raises(InputError, match="no passage both"):
        agreement(labels(ada="0-", llm="-1"), ("ada", "llm"))
