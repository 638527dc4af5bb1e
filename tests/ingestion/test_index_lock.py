import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ingestion.index_lock import index_lock
from retrieval.errors import StoreError, UnavailableError

HOLDS = """
import sys
from pathlib import Path
from ingestion.index_lock import index_lock
with index_lock(Path(sys.argv[1]), "docs", 1):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_thread_waits_and_then_is_told_to_come_again(tmp_path: Path) -> None:
    order = []

    def work() -> None:
        with index_lock(tmp_path, "docs", 10):
            order.append("second")

    with index_lock(tmp_path, "docs", 0):
        thread = threading.Thread(target=work)
        thread.start()
        with (
            pytest.raises(UnavailableError, match="'docs' is being written to") as error,
            index_lock(tmp_path, "docs", 0.05),
        ):
            pytest.fail("the lock is held")
        assert error.value.retry_after_s == 1.0
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_another_index_is_not_waited_for(tmp_path: Path) -> None:
    with index_lock(tmp_path, "one", 0), index_lock(tmp_path, "two", 0):
        pass


def test_another_process_is_waited_for_until_it_ends_however(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UnavailableError), index_lock(tmp_path, "docs", 0):
            pytest.fail("the lock is held")
        holder.kill()
    with index_lock(tmp_path, "docs", 5):
        pass


def test_a_place_without_room_for_a_lock_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledgers").write_text("a file")
    with pytest.raises(StoreError, match="Set data_dir"), index_lock(tmp_path, "docs", 0):
        pytest.fail("there can be no lock")
