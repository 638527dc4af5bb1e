"""Rank movement: bands, best legs, and that nothing gets lost between two lists."""

from hypothesis import given
from hypothesis import strategies as st

from eval.report.material import Place
from eval.report.movement import ABSENT, BEST, band, movement, shown


def places(*ranks: dict[str, int | None]) -> list[Place]:
    return [Place(f"d{n}", f"#{n}", 1, tuple(each.items())) for n, each in enumerate(ranks)]


def test_bands_end_where_readers_look() -> None:
    assert [band(rank) for rank in (1, 2, 3, 4, 10, 11, 30, 31, 100, 101, 5000)] == [
        0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5,
    ]  # fmt: skip
    assert band(None) == ABSENT


def test_what_follows_several_legs_is_compared_with_the_best_of_them() -> None:
    found = movement(
        places(
            {"dense:original": 1, "sparse:original": 50, "fuse": 2, "answer": 2},
            {"dense:original": None, "sparse:original": 12, "fuse": 5, "answer": 5},
            {"dense:original": None, "sparse:original": None, "fuse": None, "answer": None},
        )
    )
    names = [column.name for column in found.columns]
    assert names == ["dense:original", "sparse:original", BEST, "fuse", "answer"]
    assert [column.leg for column in found.columns] == [True, True, False, False, False]
    assert found.columns[2].counts == (1, 0, 0, 1, 0, 0, 1)
    assert {(f.before, f.after, f.count) for f in found.flows if f.column == 2} == {
        (0, 1, 1), (3, 2, 1), (ABSENT, ABSENT, 1),
    }  # fmt: skip
    fuse = found.steps[0]
    assert (fuse.name, fuse.rose, fuse.fell, fuse.stayed) == ("fuse", 1, 1, 1)
    assert (fuse.into, fuse.out_of) == (1, 0)


def test_a_single_leg_is_the_first_list() -> None:
    found = movement(places({"dense:original": 1, "answer": 1}))
    assert [column.name for column in found.columns] == ["dense:original", "answer"]
    assert shown(found.columns[0].name) == "dense"
    assert [flow.count for flow in found.flows] == [1]


def test_lists_of_some_questions_are_left_out() -> None:
    found = movement(
        places({"dense:original": 3, "gate": 1, "answer": 1}, {"dense:original": 2, "answer": 2})
    )
    assert [column.name for column in found.columns] == ["dense:original", "answer"]


def test_one_list_is_no_movement() -> None:
    assert movement([]) is None
    assert movement(places({"answer": 1})) is None


RANK = st.none() | st.integers(1, 300)


@given(st.lists(st.tuples(RANK, RANK, RANK, RANK), min_size=1, max_size=30))
def test_every_place_stands_somewhere_in_every_list(rows) -> None:
    names = ("dense:original", "sparse:original", "fuse", "answer")
    found = movement(places(*(dict(zip(names, row, strict=True)) for row in rows)))
    for column in found.columns:
        assert sum(column.counts) == len(rows)
    for at, after in ((2, 3), (3, 4)):
        flows = [flow for flow in found.flows if flow.column == at]
        for number in range(ABSENT + 1):
            left = sum(flow.count for flow in flows if flow.before == number)
            came = sum(flow.count for flow in flows if flow.after == number)
            assert left == found.columns[at].counts[number]
            assert came == found.columns[after].counts[number]
