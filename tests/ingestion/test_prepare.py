import shutil
from pathlib import Path

import pytest

from ingestion.document import Document, Failure
from ingestion.ingest import ingest
from ingestion.job import Job
from ingestion.load import Loaded
from tests.ingestion.conftest import Shelf, write


@pytest.mark.parametrize("recorded", ["absolute", "relative"])
def test_a_path_does_not_take_the_id_of_another_file_that_is_there(
    shelf: Shelf, recorded: str
) -> None:
    write("A/README.md", "Of A.")
    write("B/README.md", "Of B.")
    write("B/more.md", "More of B.")
    shelf.add("A")
    if recorded == "relative":
        shelf.record(**{"README.md": "A/README.md"})
    known = shelf.sources()["README.md"]
    report = shelf.add("B")
    assert (report.new, report.changed, report.unchanged, report.failed) == (1, 0, 0, 1)
    assert report.failures == (
        Failure(
            "B/README.md",
            f"its id 'README.md' is that of {known}, which is still there: give a folder that"
            " holds both, name the ids of rows with --id-field, or use another index",
        ),
    )
    assert shelf.texts() == {"README.md": "Of A.", "more.md": "More of B."}
    assert shelf.sources()["README.md"] == known


def test_a_copy_of_a_file_that_is_there_changes_nothing(shelf: Shelf) -> None:
    write("A/README.md", "Of A.")
    shelf.add("A")
    known = shelf.sources()
    shutil.copytree("A", "B")
    report = shelf.add("B")
    assert (report.unchanged, report.failed) == (1, 0)
    assert shelf.sources() == known


def test_rows_that_their_file_names_do_not_take_the_ids_of_another_file(shelf: Shelf) -> None:
    for folder in "AB":
        write(f"{folder}/rows.jsonl", f'{{"text": "Of {folder}."}}')
    shelf.add("A")
    assert shelf.add("B").failed == 1
    assert shelf.texts() == {"rows.jsonl#1": "Of A."}


def test_an_empty_file_does_not_remove_the_document_of_another_one(shelf: Shelf) -> None:
    write("A/README.md", "Of A.")
    write("B/README.md", "")
    shelf.add("A")
    report = shelf.add("B")
    assert (report.removed, report.failures) == (0, (Failure("B/README.md", "the file is empty"),))
    assert shelf.texts() == {"README.md": "Of A."}


def test_sync_gives_an_id_to_the_file_that_is_given(shelf: Shelf) -> None:
    write("A/README.md", "Of A.")
    write("B/README.md", "Of B.")
    shelf.add("A")
    assert shelf.add("B", sync=True).changed == 1
    assert shelf.texts() == {"README.md": "Of B."}


def test_a_file_is_the_same_by_any_spelling_of_its_path(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("A/README.md", "Of A.")
    Path("link").symlink_to("A")
    shelf.add("A")
    spellings = (Path("A").absolute(), "link", "A/../A", "A/README.md", "link/README.md")
    for number, path in enumerate(spellings):
        assert shelf.add(path).unchanged == 1
        write("A/README.md", f"Version {number}.")
        assert shelf.add(path).changed == 1
    monkeypatch.chdir("A")
    assert shelf.add(".").unchanged == 1
    assert shelf.sources() == {"README.md": str(Path("README.md").absolute())}


def test_a_moved_file_replaces_its_document(shelf: Shelf) -> None:
    write("A/README.md", "Of A.")
    shelf.add("A")
    Path("A").rename("B")
    assert shelf.add("B").unchanged == 1
    write("B/README.md", "Of B.")
    Path("B").rename("C")
    assert shelf.add("C").changed == 1
    assert shelf.texts() == {"README.md": "Of B."}


@pytest.mark.parametrize("id_field", [None, "id", "key"])
def test_an_id_of_a_field_is_replaced_whatever_file_it_comes_from(
    shelf: Shelf, id_field: str | None
) -> None:
    for name, text in (("may", "Old."), ("june", "New.")):
        write(f"{name}.jsonl", f'{{"id": "x", "key": "x", "text": "{text}"}}')
    shelf.add("may.jsonl", id_field=id_field)
    assert shelf.add("june.jsonl", id_field=id_field).changed == 1
    # Without a text it says nothing of the row of another file, as long as that is there.
    write("july.jsonl", '{"id": "x", "key": "x", "text": ""}')
    assert shelf.add("july.jsonl", id_field=id_field).removed == 0
    Path("june.jsonl").unlink()
    assert shelf.add("july.jsonl", id_field=id_field).removed == 1


def test_a_document_without_a_source_replaces_any_and_is_replaced(shelf: Shelf) -> None:
    write("README.md", "Of a file.")
    shelf.add("README.md")
    posted = [Loaded(Document("README.md", "Of a request."), "", 0)]
    assert ingest(Job(posted, "docs"), shelf.tools).changed == 1
    assert shelf.sources() == {"README.md": ""}
    assert shelf.add("README.md").changed == 1


def test_what_the_store_refuses_is_reported_by_its_path_as_given(shelf: Shelf) -> None:
    bad = [Loaded(Document("a", "Text.", meta={"n": float("inf")}), "in/a.txt", 0)]
    good = [Loaded(Document("b", "Text."), "in/b.txt", 0)]
    report = ingest(Job([*bad, *good], "docs"), shelf.tools)
    assert [each.source for each in report.failures] == ["in/a.txt"]


def test_an_empty_file_does_not_remove_a_document_without_a_source(shelf: Shelf) -> None:
    posted = [Loaded(Document("notes.txt", "Of a request."), "", 0)]
    ingest(Job(posted, "docs"), shelf.tools, lambda _: None)
    write("up/notes.txt", "")
    write("up/z.txt", "Of z.")
    assert shelf.add("up").removed == 0
    assert shelf.texts() == {"notes.txt": "Of a request.", "z.txt": "Of z."}
