"""The engine process: one a data directory, shared, restarted after a crash, gone when idle."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.adapters import engine_lock, engine_wire
from retrieval.adapters.engine_lock import Lock, Owner
from retrieval.adapters.store_embedded import EmbeddedIndexes
from retrieval.clock import Clock
from retrieval.errors import BusyError, DeadlineError, StoreError, UnavailableError
from retrieval.kit import Kit, Store
from retrieval.offline import HashEmbedder, WordSparse, documents, offline_manifest, passage
from retrieval.settings import Settings

ROOT = Path(__file__).parents[3]
TEXTS = {"a": "cats chase mice", "b": "dogs chase cats", "c": "mice eat cheese"}
OTHER_COMMAND = """
import sys
from pathlib import Path
from retrieval.adapters.store_embedded import EmbeddedIndexes
from retrieval.settings import Settings
indexes = EmbeddedIndexes(Settings(data_dir=Path(sys.argv[1])), linger_s=30)
store = indexes.open("demo")
print(store.count(), indexes.stats("demo")["engine_pid"])
indexes.close()
"""
STRANGER = """
import fcntl, os, sys, time
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(descriptor, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def indexes(tmp_path: Path) -> Iterator[EmbeddedIndexes]:
    """Indexes of a new data directory; their engine process is ended after the test."""
    found = EmbeddedIndexes(Settings(data_dir=tmp_path / "data"), linger_s=0.3)
    yield found
    found.close()
    pid = found.engine_pid()
    if pid is not None and pid != os.getpid():
        os.kill(pid, signal.SIGKILL)


def filled(indexes: EmbeddedIndexes, name: str = "demo") -> Store:
    """An index with three documents."""
    store = indexes.create(offline_manifest(name, 3.0))
    kit = Kit(HashEmbedder(), WordSparse(), store)
    store.replace(documents(kit, [passage(*item) for item in TEXTS.items()], 3.0))
    return store


def found(store: Store, text: str, clock: Clock | None = None) -> list[tuple[str, float]]:
    """What a text's vector finds."""
    probe = HashEmbedder().passages([text])[0]
    (matches,) = store.search([probe], None, 3, clock or Clock())
    return [(match.chunk.document_id, match.score) for match in matches]


def engine(indexes: EmbeddedIndexes) -> int:
    """The id of the running engine process."""
    pid = indexes.engine_pid()
    assert pid is not None
    return pid


def kill(indexes: EmbeddedIndexes) -> None:
    """End the engine process as a crash does, between two questions."""
    os.kill(engine(indexes), signal.SIGKILL)
    wait_until(lambda: indexes.engine_pid() is None)
    indexes.close()


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def command(code: str, *arguments: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_nothing_runs_before_it_is_needed(indexes: EmbeddedIndexes, tmp_path: Path) -> None:
    assert indexes.names() == []
    assert indexes.engine_pid() is None
    assert not (tmp_path / "data").exists()


def test_the_engine_is_another_process_in_a_session_of_its_own(indexes: EmbeddedIndexes) -> None:
    filled(indexes)
    pid = engine(indexes)
    assert pid != os.getpid()
    assert os.getsid(pid) == pid
    assert indexes.stats("demo")["engine_pid"] == pid


def test_only_the_user_can_reach_it(indexes: EmbeddedIndexes, tmp_path: Path) -> None:
    filled(indexes)
    place = tmp_path / "data" / "engine"
    assert place.stat().st_mode & 0o777 == 0o700
    assert (place / "socket").stat().st_mode & 0o777 == 0o600


def test_a_request_that_meets_a_crash_fails_at_once_and_the_next_one_works(
    indexes: EmbeddedIndexes,
) -> None:
    store = filled(indexes)
    before = found(store, "cats")
    pid = engine(indexes)
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(found, store, "cats")
        time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(UnavailableError) as raised:
            asked.result(timeout=5)
    assert raised.value.retry_after_s > 0
    assert found(store, "cats") == before
    assert engine(indexes) != pid


def test_acknowledged_chunks_survive_a_kill(indexes: EmbeddedIndexes) -> None:
    store = filled(indexes)
    ids = [passage(*item).id for item in TEXTS.items()]
    before = store.vectors(ids)
    store.describe("b", "dogs", {"year": 2020})
    store.replace({"c": []})
    kill(indexes)
    assert store.count() == 2
    after = store.vectors(ids)
    assert sorted(after) == sorted(ids[:2])
    assert all(np.array_equal(after[id], before[id]) for id in after)
    assert store.chunks("b")[0].meta == {"year": 2020}
    assert [name for name, _ in found(store, "cats")] == ["a", "b"]


def test_a_stopped_engine_ends_a_search_at_its_deadline(indexes: EmbeddedIndexes) -> None:
    store = filled(indexes)
    pid = engine(indexes)
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(DeadlineError):
        found(store, "cats", Clock(0.2))
    with pytest.raises((UnavailableError, DeadlineError)):
        found(store, "cats", Clock(0.2))
    assert time.monotonic() - began < 5
    os.kill(pid, signal.SIGCONT)
    assert len(found(store, "cats")) == 3


def test_two_commands_share_one_engine(indexes: EmbeddedIndexes, tmp_path: Path) -> None:
    filled(indexes)
    output, _ = command(OTHER_COMMAND, tmp_path / "data").communicate(timeout=30)
    assert output.split() == ["3", str(engine(indexes))]


def test_commands_that_start_together_share_one_engine(
    indexes: EmbeddedIndexes, tmp_path: Path
) -> None:
    filled(indexes)
    kill(indexes)
    children = [command(OTHER_COMMAND, tmp_path / "data") for _ in range(3)]
    answers = {child.communicate(timeout=30)[0] for child in children}
    assert len(answers) == 1
    assert answers.pop().startswith("3 ")


def test_it_outlives_the_command_that_started_it(indexes: EmbeddedIndexes, tmp_path: Path) -> None:
    filled(indexes)
    indexes.close()
    wait_until(lambda: indexes.engine_pid() is None)
    output, _ = command(OTHER_COMMAND, tmp_path / "data").communicate(timeout=30)
    assert indexes.open("demo").count() == 3
    assert engine(indexes) == int(output.split()[1])


def test_it_ends_some_time_after_its_last_client(indexes: EmbeddedIndexes, tmp_path: Path) -> None:
    filled(indexes)
    place = tmp_path / "data" / "engine"
    indexes.close()
    wait_until(lambda: indexes.engine_pid() is None)
    assert sorted(path.name for path in place.iterdir()) == ["lock", "log"]
    assert (place / "log").read_text() == ""


def test_asked_to_end_it_ends_between_two_questions(indexes: EmbeddedIndexes) -> None:
    store = filled(indexes)
    pid = engine(indexes)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: indexes.engine_pid() is None)
    assert store.count() == 3


def test_a_strangers_lock_is_respected(indexes: EmbeddedIndexes, tmp_path: Path) -> None:
    store = filled(indexes)
    kill(indexes)
    stranger = command(STRANGER, tmp_path / "data" / "engine" / "lock")
    assert stranger.stdout is not None
    assert stranger.stdout.readline() == "held\n"
    before = {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()}
    try:
        with pytest.raises(BusyError, match=rf"process {stranger.pid}\b.*data_dir"):
            store.count()
    finally:
        stranger.kill()
        stranger.communicate()
    assert {path: path.read_bytes() for path in before} == before
    assert store.count() == 3


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Callable[[str], socket.socket]]:
    """Makes this very process the owner of the data directory, in the state that is given."""
    with Lock(tmp_path / "data") as lock, engine_lock.listening(lock.place) as listener:
        assert lock.take()

        def own(state: str) -> socket.socket:
            lock.record(Owner(os.getpid(), listener.getsockname(), state, os.getpid()))
            return listener

        yield own


def test_an_engine_that_builds_an_index_is_not_waited_for(
    indexes: EmbeddedIndexes, owner: Callable[[str], socket.socket]
) -> None:
    owner(engine_lock.BUILDING)
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="building an index") as raised:
        indexes.create(offline_manifest("demo"))
    assert raised.value.retry_after_s >= 5
    assert time.monotonic() - began < 2


def test_an_engine_of_another_version_is_left_alone(
    indexes: EmbeddedIndexes, owner: Callable[[str], socket.socket]
) -> None:
    listener = owner(engine_lock.SERVING)

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            assert engine_wire.receive(connection, None) == ("hello", ())
            connection.sendall(engine_wire.packed((engine_wire.OK, (0, os.getpid()))))

    thread = threading.Thread(target=answer)
    thread.start()
    with pytest.raises(BusyError, match="another version"):
        indexes.create(offline_manifest("demo"))
    thread.join()


def test_a_place_too_deep_for_a_socket_has_it_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90)
    indexes = EmbeddedIndexes(Settings(data_dir=deep), linger_s=0.1)
    assert filled(indexes).count() == 3
    address = Path(json.loads((deep / "engine" / "lock").read_text())["address"])
    assert address.parent.stat().st_mode & 0o777 == 0o700
    assert not address.is_relative_to(tmp_path)
    indexes.close()
    wait_until(lambda: indexes.engine_pid() is None)
    assert not address.parent.exists()


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    indexes = EmbeddedIndexes(Settings(data_dir=tmp_path / "file"))
    with pytest.raises(StoreError, match=r"file.*data_dir"):
        indexes.create(offline_manifest("demo"))
    assert (tmp_path / "file").read_text() == "mine"


def test_many_threads_find_what_one_does(indexes: EmbeddedIndexes) -> None:
    store = filled(indexes)
    texts = [*TEXTS.values(), "cheese", "cats"]
    expected = [found(store, text) for text in texts]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            assert list(threads.map(lambda text: found(store, text), texts)) == expected
