"""One cause from a place's ranks, worked out by hand and for any ranks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.losses.causes import CAUSES, Lost, Ranks, lost

NAMES = ("dense:original", "sparse:original", "fuse", "rerank", "rules", "answer")


def ranks(*values: int | None) -> Ranks:
    return list(zip(NAMES, values, strict=True))


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ((1, None, 3, 2, 2, 2), None),
        ((40, 50, 30, 20, 10, 10), None),
        ((None, None, None, None, None, None), Lost("absent", "")),
        ((4, None, 14, 13, 13, 13), Lost("fusion", "fuse")),
        ((None, 10, 11, 12, 12, None), Lost("fusion", "fuse")),
        ((4, 88, 9, 11, 11, 11), Lost("ranking", "rerank")),
        ((4, 88, 14, 8, 12, 12), Lost("ranking", "rules")),
        ((4, 88, 9, 8, None, None), Lost("removed", "rules")),
        ((40, 88, 30, 20, None, None), Lost("removed", "rules")),
        ((40, 88, 30, None, 14, 14), Lost("limit", "answer")),
        ((40, 88, 30, 20, 14, 14), Lost("limit", "answer")),
        ((40, 88, 130, 120, 114, None), Lost("limit", "answer")),
    ],
)
def test_the_first_list_of_hits_after_the_last_within_the_limit_lost_it(values, cause) -> None:
    assert lost(ranks(*values), 10) == cause


def test_a_second_pass_of_the_legs_loses_nothing() -> None:
    found = [
        ("dense:original", 30),
        ("fuse", 9),
        ("dense:hypothetical", 12),
        ("fuse (2)", 11),
        ("answer", 11),
    ]
    assert lost(found, 10) == Lost("ranking", "fuse (2)")


def test_a_hit_that_the_context_has_no_room_for_is_lost_to_the_budget() -> None:
    found = [("sparse:original", 2), ("fuse", 2), ("context", None), ("answer", 2)]
    assert lost(found, 10) == Lost("budget", "context")
    assert lost([*found[:2], ("context", 5), ("answer", 2)], 10) is None
    late = [("sparse:original", 12), ("fuse", 12), ("context", 5), ("answer", 12)]
    assert lost(late, 10) == Lost("limit", "answer")


def test_a_longer_list_is_lost_to_the_limit_where_only_that_cut_it() -> None:
    assert lost([("sparse:original", 2), ("fuse", 2), ("answer", None)], 10) == Lost(
        "limit", "answer"
    )


any_rank = st.none() | st.integers(1, 30)


@given(
    st.lists(st.tuples(st.sampled_from([*NAMES[:-1], "context"]), any_rank), max_size=8),
    any_rank,
    st.integers(1, 20),
)
def test_whatever_the_ranks_there_is_one_cause_or_none(made, answer, limit) -> None:
    found = lost([*made, ("answer", answer)], limit)
    contexts = [rank for name, rank in made if name == "context"]
    within = answer is not None and answer <= limit
    if found is None:
        assert within
    else:
        assert found.cause in {*CAUSES, "absent", "removed"}
        assert not within or (contexts and contexts[-1] is None)
    assert (found is None) == (within and (not contexts or contexts[-1] is not None))
