import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ingestion.ledger import PAGE, Entry, Ledger, ledger_file, remove_ledger
from retrieval.errors import StoreError

KILLED = """
import os, sys
from pathlib import Path
from ingestion.ledger import Entry, Ledger
ledger = Ledger(Path(sys.argv[1]), "t")
ledger.record([Entry("a", "c", "m", 1, "s")])
ledger.record([Entry("b", "", "", 0, "s")])
os._exit(9)
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(ledger_file(tmp_path, "abc"), "t")


def test_an_entry_is_what_was_recorded_last(ledger: Ledger) -> None:
    assert ledger.get("a") is None
    ledger.record([Entry("a", "c1", "m1", 2, "s"), Entry("b", "c", "m", 1, "s")])
    ledger.record([Entry("a", "c2", "m2", 3, "s2")])
    assert ledger.get("a") == Entry("a", "c2", "m2", 3, "s2")
    ledger.remove(["a", "unknown"])
    assert ledger.get("a") is None
    assert list(ledger.entries()) == [Entry("b", "c", "m", 1, "s")]


def test_a_moved_document_changes_in_its_source_alone(ledger: Ledger) -> None:
    ledger.record([Entry("a", "c", "m", 2, "old")])
    ledger.move([Entry("a", "x", "y", 9, "new"), Entry("unknown", source="new")])
    assert list(ledger.entries()) == [Entry("a", "c", "m", 2, "new")]


def test_unsettled_documents_are_told_apart_and_their_chunks_not_counted(ledger: Ledger) -> None:
    assert ledger.chunks() == 0
    ledger.record([Entry("a", "c", "m", 2), Entry("b", "c", "m", 5), Entry("c", "c", "", 1)])
    ledger.record([Entry("b", "", "", 5)])
    assert ledger.unsettled() == [Entry("b", "", "", 5)]
    assert ledger.chunks() == 3


def test_a_ledger_is_the_same_when_opened_again_and_shows_one_tenant(tmp_path: Path) -> None:
    file = ledger_file(tmp_path, "abc")
    for tenant in ("one", "two"):
        ledger = Ledger(file, tenant)
        ledger.record([Entry("a", tenant, "m", 1)])
        ledger.close()
    assert [entry.content for entry in Ledger(file, "one").entries()] == ["one"]
    assert Ledger(file, "three").chunks() == 0


def test_entries_come_by_id_whatever_changes_meanwhile(ledger: Ledger) -> None:
    ledger.record(Entry(f"{i:05}", "c", "m", 1) for i in range(2 * PAGE + 5))
    found = []
    for entry in ledger.entries():
        found.append(entry.id)
        if len(found) % 500 == 0:
            ledger.remove(found)
    assert found == [f"{i:05}" for i in range(2 * PAGE + 5)]


def test_a_killed_process_has_recorded_all_that_it_said(tmp_path: Path) -> None:
    file = ledger_file(tmp_path, "abc")
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", KILLED, str(file)], cwd=root, timeout=60)
    assert ended.returncode == 9
    ledger = Ledger(file, "t")
    assert ledger.get("a") == Entry("a", "c", "m", 1, "s")
    assert [entry.id for entry in ledger.unsettled()] == ["b"]


def test_threads_and_connections_may_write_at_the_same_time(tmp_path: Path) -> None:
    file = ledger_file(tmp_path, "abc")
    shared = Ledger(file, "t")

    def work(ledger: Ledger, name: str) -> None:
        for i in range(50):
            ledger.record([Entry(f"{name}{i}", "c", "m", 1)])

    threads = [
        threading.Thread(target=work, args=(shared, "a")),
        threading.Thread(target=work, args=(shared, "b")),
        threading.Thread(target=work, args=(Ledger(file, "t"), "c")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shared.chunks() == 150


def test_a_failed_change_changes_nothing(ledger: Ledger) -> None:
    bad = Entry("b", "c", "m", 1)._replace(source=None)  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="NOT NULL"):
        ledger.record([Entry("a", "c", "m", 1), bad])
    assert list(ledger.entries()) == []
    ledger.record([Entry("a", "c", "m", 1)])


def test_a_file_that_is_no_ledger_is_named_with_the_way_out(tmp_path: Path) -> None:
    file = ledger_file(tmp_path, "abc")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"something else" * 100)
    with pytest.raises(StoreError, match=r"abc.sqlite cannot be used.*remove it"):
        Ledger(file, "t")


def test_a_ledger_of_another_layout_is_refused(tmp_path: Path) -> None:
    file = ledger_file(tmp_path, "abc")
    Ledger(file, "t").close()
    rows = sqlite3.connect(file)
    rows.execute("PRAGMA user_version = 7")
    rows.close()
    with pytest.raises(StoreError, match="layout 7, this Assay reads 1"):
        Ledger(file, "t")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        Ledger(ledger_file(tmp_path, "abc"), "t")


def test_a_removed_ledger_leaves_nothing_behind(tmp_path: Path) -> None:
    ledger = Ledger(ledger_file(tmp_path, "abc"), "t")
    ledger.record([Entry("a", "c", "m", 1)])
    remove_ledger(tmp_path, "abc")
    assert list((tmp_path / "ledgers").iterdir()) == []
    remove_ledger(tmp_path, "abc")
    ledger.close()
