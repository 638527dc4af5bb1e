import json
import os
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ingestion.document import Document, Failure
from ingestion.load import LoadOptions, count_sources, load, loaders
from retrieval.errors import InputError

MARKUP = "<title>Page</title><p>Words of a page."


def items(*paths: Path, **options: Any) -> list[Document | Failure]:
    return [each.item for each in load(paths, LoadOptions(**options))]


def reasons(*paths: Path, **options: Any) -> dict[str, str]:
    found = items(*paths, **options)
    return {Path(each.source).name: each.reason for each in found if isinstance(each, Failure)}


@pytest.fixture
def bad_folder(tmp_path: Path) -> Path:
    """Every bad input, and a good file before and after."""
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "a-good.txt").write_text("Good.")
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 10)
    (folder / "blank.txt").write_text(" \n\n ")
    (folder / "broken.jsonl").write_text('{"text": "one"}\n{"text": \n{"text": "three"}\n')
    (folder / "cyrillic.txt").write_bytes("Привет, это текст.".encode("cp1251"))
    (folder / "empty.txt").touch()
    (folder / "latin.txt").write_bytes("Il était là, à l'été.".encode("latin-1"))
    (folder / "noname").write_bytes(b"\0\1\2\3")
    (folder / "page.xyz").write_text(MARKUP.replace("<title>", "<!DOCTYPE html><title>"))
    (folder / "plain.docx").write_text("not a zip")
    (folder / "plain.pdf").write_text("not a PDF")
    (folder / "plain.rst").write_text("Plain words.")
    (folder / "scan").write_text("%PDF-1.4")
    (folder / "sheet.xlsx").write_bytes(b"PK\3\4")
    (folder / "tags.xml").write_text("<a>b</a>")
    (folder / "utf16.txt").write_bytes("Größe".encode("utf-16"))
    with (folder / "vast.txt").open("wb") as file:
        file.truncate(200_000_000)
    (folder / "z-good.md").write_text("# Good\n\nToo.")
    return folder


def test_each_bad_input_has_its_reason_and_the_rest_is_done(bad_folder: Path) -> None:
    found = items(bad_folder)
    texts = {each.id: each.text for each in found if isinstance(each, Document)}
    assert texts == {
        "a-good.txt": "Good.",
        "broken.jsonl#1": "one",
        "broken.jsonl#3": "three",
        "latin.txt": "Il était là, à l'été.",
        "page.xyz": "Words of a page.",
        "plain.rst": "Plain words.",
        "utf16.txt": "Größe",
        "z-good.md": "# Good\n\nToo.",
    }
    told = {Path(each.source).name: each.reason for each in found if isinstance(each, Failure)}
    supported = f"supported are plain text and {', '.join(sorted(loaders()))}"
    assert told == {
        "binary.txt": "binary content, not text",
        "blank.txt": "no text in it",
        "broken.jsonl:2": "not JSON: Expecting value, column 9",
        "cyrillic.txt": "in an encoding that cannot be told, neither UTF-8, UTF-16 nor Western"
        " European: convert it to UTF-8 (`iconv -f ENCODING -t UTF-8`)",
        "empty.txt": "the file is empty",
        "noname": f"a binary file without a suffix is not a supported format; {supported}",
        "plain.docx": "not a DOCX, or cut off (File is not a zip file)",
        "plain.pdf": "not a PDF, or damaged, or cut off",
        "scan": "not a PDF, or damaged, or cut off",
        "sheet.xlsx": f".xlsx is not a supported format; {supported}",
        "tags.xml": f".xml is not a supported format; {supported}",
        "vast.txt": "200 MB, the limit is 64 MB: split it, or raise --max-file-mb",
    }


def test_the_same_folder_gives_the_same_items_in_the_same_order(bad_folder: Path) -> None:
    assert items(bad_folder) == items(bad_folder)


def test_progress_grows_from_item_to_item_to_all_bytes(bad_folder: Path) -> None:
    rows = [json.dumps({"text": f"Row {i} " * 50}) for i in range(500)]
    (bad_folder / "rows.jsonl").write_text("\n".join(rows))
    counted = count_sources([bad_folder])
    done = [each.bytes for each in load([bad_folder], LoadOptions())]
    assert done == sorted(done)
    assert done[-1] == counted.bytes
    within = [each.bytes for each in load([bad_folder / "rows.jsonl"], LoadOptions())]
    assert 0 < within[0] < within[250] < within[-1] == (bad_folder / "rows.jsonl").stat().st_size


def test_documents_are_loaded_only_as_they_are_asked_for(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(name)
    loading = load([tmp_path], LoadOptions())
    assert next(loading).source.endswith("a.txt")
    (tmp_path / "b.txt").write_text("changed")
    (tmp_path / "c.txt").unlink()
    changed, gone = (each.item for each in loading)
    assert changed.text == "changed"
    assert gone == Failure(str(tmp_path / "c.txt"), "no such file or directory")


def test_two_files_with_one_id_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name)
    first, second = tmp_path / "one", tmp_path / "two"
    with pytest.raises(InputError) as error:
        load([first, second], LoadOptions())
    assert str(error.value) == (
        f"{first / 'a.txt'} and {second / 'a.txt'} would both get the id 'a.txt':"
        " give a folder that holds both, or rename one."
    )
    documents = [each for each in items(tmp_path) if isinstance(each, Document)]
    assert [each.id for each in documents] == ["one/a.txt", "two/a.txt"]


def test_files_of_the_same_name_that_give_no_document_do_no_harm(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "logo.png").write_bytes(b"\x89PNG\0")
        (tmp_path / name / "notes.rst").write_text(name)
    found = items(tmp_path / "one", tmp_path / "two")
    first, later = tmp_path / "one" / "notes.rst", tmp_path / "two" / "notes.rst"
    assert found[1] == Document("notes.rst", "one")
    assert found[3] == Failure(str(later), f"its id 'notes.rst' is already that of {first}")


def test_a_row_with_the_id_of_an_earlier_one_is_told(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        rows = [{"_id": "x", "text": "one"}, {"_id": name, "text": "two"}]
        (tmp_path / name).write_text("\n".join(map(json.dumps, rows)))
    found = items(tmp_path)
    assert [getattr(each, "id", None) for each in found] == ["x", "a.jsonl", None, "b.jsonl"]
    first, later = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    assert found[2] == Failure(
        f"{later}, document 1", f"its id 'x' is already that of {first}, document 1"
    )


def test_the_domain_is_that_of_the_metadata_else_that_of_the_options(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.jsonl").write_text('{"text": "b", "metadata": {"domain": "law"}}')
    (tmp_path / "c.md").write_text("---\ndomain: physics\n---\nc")
    found = items(tmp_path, domain="medicine")
    assert [each.domain for each in found] == ["medicine", "law", "physics"]
    assert [each.domain for each in items(tmp_path)] == [None, "law", "physics"]


def test_nothing_that_cannot_be_stored_comes_out(tmp_path: Path) -> None:
    row = r'{"_id": "a\ud800", "text": "b\udfff c\u0000", "m": {"k\ud800": ["\ud801"]}}'
    (tmp_path / "a.jsonl").write_text(row)
    (tmp_path / "b.md").write_text("# A\udcff&#xD800;\n", errors="surrogatepass")
    for document in items(tmp_path):
        assert isinstance(document, Document)
        assert document.content_hash
        assert document.meta_hash
    (document, _) = items(tmp_path)
    assert (document.id, document.text) == ("a\ufffd", "b\ufffd c\ufffd")
    assert document.meta == {"m": {"k\ufffd": ["\ufffd"]}}


def test_failures_name_the_path_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = '[{"text": "one"}, 2]'
    for name in ("a.json", "b.jsonl", "c.html", "d.txt"):
        (tmp_path / name).write_text(rows if name == "a.json" else "")
    (tmp_path / "c.html").write_text("<p>")
    (tmp_path / "b.jsonl").write_text("2")
    names = ["a.json", "b.jsonl", "c.html", "d.txt"]
    found = items(*map(Path, names))
    told = [each.source for each in found if isinstance(each, Failure)]
    assert told == ["a.json item 2", "b.jsonl:1", "c.html", "d.txt"]


def test_the_id_of_an_empty_document_is_that_under_which_it_is_stored(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(r'{"_id": "a\ud800", "text": ""}')
    (tmp_path / "b.txt").write_text(" ")
    (tmp_path / "c.csv").write_text(" \n")
    (tmp_path / "d.txt").write_bytes(b"\0\1\2")
    found = items(tmp_path, id_field="_id")
    emptied = [each.emptied for each in found if isinstance(each, Failure)]
    assert emptied == ["a\ufffd", "b.txt", "c.csv", None]


def test_what_a_path_names_is_told_from_what_a_field_names(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n{"id": "x", "text": "b"}\n{"text": ""}')
    (tmp_path / "b.txt").write_text("b")
    found = list(load([tmp_path], LoadOptions()))
    assert [each.by_path for each in found] == [True, False, True, True]


def test_a_table_without_rows_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,n\n")
    assert reasons(tmp_path) == {"a.csv": "no documents in it"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "a.txt").chmod(0)
    assert reasons(tmp_path) == {"a.txt": "permission denied"}


def test_a_large_file_of_rows_is_read_whatever_its_size(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "words"}\n' * 200)
    assert len(items(tmp_path, max_file_mb=0.001)) == 200
    (tmp_path / "a.jsonl").rename(tmp_path / "a.txt")
    assert "the limit is 0.001 MB" in reasons(tmp_path, max_file_mb=0.001)["a.txt"]


def test_a_parser_that_overruns_is_told_and_the_next_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<div>" * 300_000)
    (tmp_path / "b.html").write_text(MARKUP)
    slow, fine = items(tmp_path, timeout_s=3)
    assert isinstance(slow, Failure)
    assert "longer than 3 s" in slow.reason
    assert fine == Document("b.html", "Words of a page.", "Page")


def test_a_bomb_costs_neither_memory_nor_time(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(100_000_000))
    assert "it unpacks to 100 MB" in reasons(tmp_path)["bomb.docx"]


@pytest.fixture(params=sorted({each.__name__ for each in loaders().values()}))
def loader(request: pytest.FixtureRequest) -> ModuleType:
    return next(each for each in loaders().values() if each.__name__ == request.param)


def test_every_loader_says_what_it_reads_and_how(loader: Any) -> None:
    assert loader.__doc__
    assert loader.load.__doc__
    assert loader.READING in ("streamed", "whole", "apart")
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in loader.SUFFIXES)
    assert {loaders()[suffix] for suffix in loader.SUFFIXES} == {loader}


def test_every_loader_answers_for_any_bytes(loader: Any, tmp_path: Path) -> None:
    samples = [
        b"x",
        b"\0",
        b"\xff\xfe",
        b"\n",
        bytes(range(256)),
        b"%PDF-1.7",
        b"PK\3\4",
        b'"',
        b"{",
    ]
    files = [tmp_path / f"{i}{loader.SUFFIXES[0]}" for i in range(len(samples))]
    for file, data in zip(files, samples, strict=True):
        file.write_bytes(data)
    found = list(load(files, LoadOptions()))
    assert {each.source for each in found} == set(map(str, files))
    told = [each.item.reason for each in found if isinstance(each.item, Failure)]
    assert not [each for each in told if "its parser" in each]
