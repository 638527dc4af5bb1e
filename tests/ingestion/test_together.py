import threading
import time

import pytest

from ingestion.lane import Lane, LaneStopped
from ingestion.together import together


class BrokenError(Exception):
    pass


def test_items_come_in_order_and_the_lane_holds_no_more_than_its_capacity() -> None:
    lane: Lane[int] = Lane(3)
    most = 0

    def put() -> None:
        for i in range(100):
            lane.put(i, 1)
        lane.finish()

    thread = threading.Thread(target=put)
    thread.start()
    found = []
    for item in lane:
        most = max(most, len(lane._items))
        found.append(item)
    thread.join()
    assert found == list(range(100))
    assert most <= 3


def test_an_item_heavier_than_the_capacity_passes_alone() -> None:
    lane: Lane[str] = Lane(3)
    lane.put("heavy", 10)
    thread = threading.Thread(target=lane.put, args=("light", 1))
    thread.start()
    assert lane.take() == ("heavy",)
    assert lane.take() == ("light",)
    thread.join()


def test_taking_from_an_empty_lane_ends_in_time() -> None:
    lane: Lane[int] = Lane(3)
    assert lane.take(0.01) == ()
    assert not lane.drained
    lane.finish()
    assert lane.take() == ()
    assert lane.drained


def test_a_stopped_lane_wakes_both_sides() -> None:
    lane: Lane[int] = Lane(1)
    lane.put(1, 1)
    failures = []

    def put() -> None:
        try:
            lane.put(2, 1)
        except LaneStopped:
            failures.append("put")

    thread = threading.Thread(target=put)
    thread.start()
    lane.stop()
    thread.join()
    with pytest.raises(LaneStopped):
        lane.take()
    assert failures == ["put"]


def works(stopped: threading.Event, fails: bool = False) -> None:
    if fails:
        raise BrokenError
    if not stopped.wait(10):
        raise AssertionError("nobody stopped it")
    raise LaneStopped


def test_the_failure_of_a_worker_stops_the_others_and_is_raised() -> None:
    stopped = threading.Event()
    with pytest.raises(BrokenError):
        together(
            lambda: works(stopped),
            [lambda: works(stopped), lambda: works(stopped, fails=True)],
            stopped.set,
            lambda: None,
        )


def test_the_failure_of_main_stops_the_workers_and_is_raised() -> None:
    stopped = threading.Event()
    with pytest.raises(BrokenError):
        together(
            lambda: works(stopped, fails=True),
            [lambda: works(stopped)],
            stopped.set,
            lambda: None,
        )
    assert stopped.is_set()


def test_main_ticks_until_the_last_worker_is_done() -> None:
    ticks: list[float] = []
    stopped: list[bool] = []
    together(
        lambda: None,
        [lambda: time.sleep(0.5)],
        lambda: stopped.append(True),
        lambda: ticks.append(time.monotonic()),
    )
    assert ticks
    assert stopped == []
