import shutil
from pathlib import Path

import pytest

from ingestion.report import Report
from tests.ingestion.conftest import Shelf, write

KEPT = "documents of sources that could not be read were kept."
EMPTY_PAGE = "<title>App</title><div></div><script>run()</script>"


def unmount(path: str) -> None:
    """Leave an empty folder where one was."""
    shutil.move(path, f"{path}-gone")
    Path(path).mkdir()


def reasons(report: Report) -> dict[str, str]:
    return {each.source: each.reason for each in report.failures}


@pytest.fixture
def two_folders(shelf: Shelf) -> Shelf:
    write("s/notes/a.txt", "Of a.")
    write("s/other/b.txt", "Of b.")
    write("s/other/c.txt", "Of c.")
    return shelf


def test_a_folder_that_is_not_there_is_known_by_any_spelling(
    two_folders: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_folders.add(Path("s/notes").absolute(), "s/../s/other")
    unmount("s/notes")
    Path("s/other/c.txt").unlink()
    monkeypatch.chdir("s")
    report = two_folders.add("notes", "other", sync=True)
    assert two_folders.texts() == {"a.txt": "Of a.", "b.txt": "Of b."}
    assert report.notes == (f"1 {KEPT}",)
    assert reasons(report) == {"notes": "the folder holds no files"}


@pytest.mark.parametrize(("first", "then"), [("s", "link"), ("link", "s")])
def test_a_folder_that_is_not_there_is_known_through_links(
    two_folders: Shelf, first: str, then: str
) -> None:
    Path("link").symlink_to("s")
    two_folders.add(f"{first}/notes", f"{first}/other")
    unmount("s/notes")
    assert two_folders.add(f"{then}/notes", f"{then}/other", sync=True).notes == (f"1 {KEPT}",)
    assert set(two_folders.texts()) == {"a.txt", "b.txt", "c.txt"}


def test_a_link_that_leads_nowhere_by_now_keeps_what_was_behind_it(two_folders: Shelf) -> None:
    Path("s/notes/disk").symlink_to(Path("s/other").absolute())
    two_folders.add("s/notes")
    shutil.rmtree("s/other")
    assert two_folders.add(Path("s/notes").absolute(), sync=True).removed == 0
    assert set(two_folders.texts()) == {"a.txt", "disk/b.txt", "disk/c.txt"}


def test_relative_sources_of_an_earlier_version_are_kept_while_a_folder_is_not_there(
    two_folders: Shelf,
) -> None:
    two_folders.add("s/notes", "s/other")
    two_folders.record(**{"a.txt": "notes/a.txt", "b.txt": "b.txt", "c.txt": "../c.txt"})
    unmount("s/notes")
    Path("s/other/c.txt").unlink()
    report = two_folders.add("s/notes", "s/other", sync=True)
    assert set(two_folders.texts()) == {"a.txt", "b.txt", "c.txt"}
    assert report.notes[0] == f"2 {KEPT}"
    assert "2 of them may be of other sources" in report.notes[1]
    assert two_folders.sources()["b.txt"] == str(Path("s/other/b.txt").absolute())


def test_relative_sources_are_not_kept_for_a_file_of_another_name(two_folders: Shelf) -> None:
    two_folders.add("s/other")
    two_folders.record(**{"b.txt": "other/b.txt", "c.txt": "other/c.txt"})
    Path("s/other/c.txt").unlink()
    Path("s/other/b.txt").write_bytes(bytes(range(256)))
    write("s/other/d.txt", "Of d.")
    assert two_folders.add("s/other", sync=True).removed == 1
    assert set(two_folders.texts()) == {"b.txt", "d.txt"}


@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize(
    ("name", "now", "reason"),
    [
        ("a.txt", "", "the file is empty"),
        ("a.txt", " \n\t\n", "no text in it"),
        ("a.rst", "", "the file is empty"),
        ("a.md", "---\ntitle: A\n---\n", "no text in it"),
        ("a.html", EMPTY_PAGE, "no visible text in it: is the page made by a script?"),
        ("a.json", "\n", "no documents in it"),
        ("a.json", '{"text": ""}', "no text in the field 'text'"),
    ],
)
def test_a_document_that_was_emptied_leaves_the_index(
    shelf: Shelf, sync: bool, name: str, now: str, reason: str
) -> None:
    write("in/b.txt", "Of b.")
    write(f"in/{name}", '{"text": "Old."}' if name.endswith("json") else "Old.")
    shelf.add("in")
    write(f"in/{name}", now)
    report = shelf.add(Path("in").absolute(), sync=sync)
    assert (report.removed, report.failed, report.chunks_removed) == (1, 1, 1)
    place = str(Path("in", name).absolute())
    assert reasons(report) == {place: f"{reason} (its document is removed)"}
    assert shelf.texts() == {"b.txt": "Of b."}
    assert shelf.chunks() == 1
    again = shelf.add("in", sync=sync)
    assert (again.removed, reasons(again)) == (0, {f"in/{name}": reason})


def test_the_last_document_may_leave_as_well(shelf: Shelf) -> None:
    write("a.txt", "Of a.")
    shelf.add("a.txt")
    write("a.txt", "")
    assert shelf.add("a.txt").removed == 1
    assert shelf.chunks() == 0


@pytest.mark.parametrize("ids", [("x", "y", "z"), (None, None, None)])
def test_a_row_that_was_emptied_leaves_the_index(shelf: Shelf, ids: tuple[str | None, ...]) -> None:
    def rows(*texts: str) -> None:
        named = [f'"id": "{id}", ' if id else "" for id in ids]
        lines = [f'{{{id}"text": "{text}"}}' for id, text in zip(named, texts, strict=True)]
        write("rows.jsonl", "\n".join(lines))

    rows("One.", "Two.", "Three.")
    shelf.add("rows.jsonl")
    rows("One.", " ", "Three.")
    report = shelf.add("rows.jsonl")
    assert (report.removed, report.failed, report.unchanged) == (1, 1, 2)
    reason = "no text in the field 'text' (its document is removed"
    assert reasons(report)["rows.jsonl:2"].startswith(reason)
    assert list(shelf.texts().values()) == ["One.", "Three."]


def test_a_row_whose_field_of_the_text_is_gone_is_not_emptied(shelf: Shelf) -> None:
    write("rows.jsonl", '{"id": "x", "text": "One."}\n{"id": "y", "text": "Two."}')
    shelf.add("rows.jsonl")
    write("rows.jsonl", '{"id": "x", "words": "One."}\n{"id": "y", "text": "Two."}')
    assert shelf.add("rows.jsonl", sync=True).removed == 0
    assert set(shelf.texts()) == {"x", "y"}


def test_an_empty_row_harms_no_other_row_of_its_id(shelf: Shelf) -> None:
    rows = ['{"id": "x", "text": ""}', '{"id": "x", "text": "Of x."}']
    for lines in (rows, rows[::-1]):
        write("rows.jsonl", "\n".join(lines))
        for _ in range(2):
            assert shelf.add("rows.jsonl").removed == 0
            assert shelf.texts() == {"x": "Of x."}


@pytest.mark.parametrize(
    ("name", "full", "left"),
    [
        ("rows.jsonl", '{"id": "x", "text": "One."}\n{"text": "Two."}', ""),
        ("rows.jsonl", '{"id": "x", "text": "One."}\n{"text": "Two."}', "\n"),
        ("rows.csv", "id,text\nx,One.\n,Two.\n", ""),
        ("rows.csv", "id,text\nx,One.\n,Two.\n", "id,text\n"),
        ("rows.json", '[{"id": "x", "text": "One."}, {"text": "Two."}]', "[]"),
    ],
)
def test_the_rows_of_a_file_that_was_emptied_go_with_sync_alone(
    shelf: Shelf, name: str, full: str, left: str
) -> None:
    write(name, full)
    write("other.txt", "Of another.")
    shelf.add(name, "other.txt")
    write(name, left)
    report = shelf.add(name)
    assert (report.removed, report.failed) == (0, 1)
    assert len(shelf.texts()) == 3
    report = shelf.add(name, sync=True)
    assert report.removed == 2
    assert report.notes == ("Nothing else was removed: the sources gave no document at all.",)
    assert shelf.texts() == {"other.txt": "Of another."}


@pytest.mark.parametrize("now", [b"\0\1\2" * 99, "Привет, это".encode("cp1251"), None])
def test_what_cannot_be_read_any_more_is_kept(shelf: Shelf, now: bytes | None) -> None:
    write("in/a.txt", "Of a.")
    write("in/b.txt", "Of b.")
    shelf.add("in/a.txt", "in/b.txt")
    Path("in/a.txt").unlink()
    if now:
        Path("in/a.txt").write_bytes(now)
    report = shelf.add("in/a.txt", "in/b.txt", sync=True)
    assert (report.removed, report.failed) == (0, 1)
    assert set(shelf.texts()) == {"a.txt", "b.txt"}


def test_an_empty_file_where_a_disk_is_not_mounted_removes_nothing(shelf: Shelf) -> None:
    write("disk/a.txt", "Of a.")
    shelf.add("disk")
    unmount("disk")
    Path("disk/not-mounted").touch()
    report = shelf.add("disk", sync=True)
    assert report.removed == 0
    assert report.notes == ("Nothing was removed: the sources gave no document at all.",)
    assert shelf.texts() == {"a.txt": "Of a."}


def test_a_link_that_leads_back_or_nowhere_holds_only_itself(two_folders: Shelf) -> None:
    Path("s/notes/self").symlink_to(".")
    Path("s/notes/latest").symlink_to("gone")
    two_folders.add("s", sync=True)
    Path("s/other/b.txt").unlink()
    report = two_folders.add("s", sync=True)
    assert report.removed == 1
    assert report.failed == 2
