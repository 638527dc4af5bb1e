from dataclasses import replace

import pytest

from retrieval.offline import passage
from retrieval.types import Domain, Hit, Score
from retrieval.votes import elected, pooled


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


def test_a_router_counts_half_beside_the_votes() -> None:
    found = pooled([Domain("a", 0.6), Domain("b", 0.4)], [Domain("b", 0.81), Domain("c", 0.09)])
    # a: .61 * sqrt(1/2), which the router would say of any of its two; b: .41 * .9; c: .01 * .3.
    values = {"a": 0.61 * 0.5**0.5, "b": 0.41 * 0.9, "c": 0.01 * 0.3}
    whole = sum(values.values())
    assert {each.name: each.probability for each in found} == {
        name: pytest.approx(value / whole) for name, value in values.items()
    }
    assert [each.name for each in found] == ["a", "b", "c"]


def test_votes_for_no_domain_stay_so() -> None:
    found = pooled([Domain("a", 0.3)], [Domain("a", 0.5), Domain("b", 0.5)])
    assert sum(each.probability for each in found) == pytest.approx(0.3)


def test_without_one_of_the_two_the_other_stands() -> None:
    alone = (Domain("a", 1.0),)
    assert pooled(alone, ()) == pooled((), alone) == alone
