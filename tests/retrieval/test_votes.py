from dataclasses import replace

import pytest

from retrieval.offline import passage
from retrieval.types import Domain, Hit, Score
from retrieval.votes import elected


def hits(*domains: str | None) -> list[Hit]:
    return [
        Hit(replace(passage(str(n), "text"), domain=domain), (Score("fuse", 0.0),))
        for n, domain in enumerate(domains)
    ]


def test_a_hit_has_one_vote_over_its_rank() -> None:
    # 1 + 1/3 for a, 1/2 for b, 1/4 for none: 25/12 together.
    found = elected(hits("a", "b", "a", None), 10)
    assert found == (
        Domain("a", pytest.approx((1 + 1 / 3) / (25 / 12))),
        Domain("b", pytest.approx((1 / 2) / (25 / 12))),
    )
    assert sum(each.probability for each in found) == pytest.approx(1 - (1 / 4) / (25 / 12))


def test_only_the_first_vote() -> None:
    assert elected(hits("a", "b", "b", "b"), 2) == (
        Domain("a", pytest.approx(2 / 3)),
        Domain("b", pytest.approx(1 / 3)),
    )


def test_equal_votes_stand_by_name() -> None:
    # 1/2 each: 1/2 for b, 1/3 + 1/6 for a.
    names = [each.name for each in elected(hits("c", "b", "a", None, None, "a"), 6)]
    assert names == ["c", "a", "b"]


def test_without_hits_or_domains_nothing_is_elected() -> None:
    assert elected([], 10) == ()
    assert elected(hits(None, None), 10) == ()
