import os
import sys
from pathlib import Path

import pytest

from ingestion.document import Failure
from ingestion.sources import Source, count_sources, find_sources


def made(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def names(*paths: Path) -> list[str]:
    return [found.name for found in find_sources(paths) if isinstance(found, Source)]


def failures(*paths: Path) -> list[Failure]:
    return [found for found in find_sources(paths) if isinstance(found, Failure)]


def test_files_are_named_by_their_path_in_the_given_folder_in_one_order(tmp_path: Path) -> None:
    made(tmp_path, "b.txt", "a/z.txt", "a/b/c.txt", "a.txt", "Z.txt")
    assert names(tmp_path) == ["Z.txt", "a/b/c.txt", "a/z.txt", "a.txt", "b.txt"]
    assert names(tmp_path / "b.txt", tmp_path / "a") == ["b.txt", "b/c.txt", "z.txt"]


def test_hidden_files_are_left_out_and_counted_unless_they_are_given(tmp_path: Path) -> None:
    made(tmp_path, "a.txt", ".git/config", ".env", "sub/.cache")
    assert names(tmp_path) == ["a.txt"]
    assert count_sources([tmp_path]) == (1, 5, 3)
    assert names(tmp_path / ".env", tmp_path / ".git") == [".env", "config"]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    assert failures(tmp_path) == [Failure(str(tmp_path), "the folder holds no files")]
    made(tmp_path, ".hidden")
    assert failures(tmp_path)[0].reason == (
        "the folder holds no files but 1 hidden ones, which are left out"
    )


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    made(tmp_path, "a.txt")
    missing = tmp_path / "no.txt"
    assert failures(missing, tmp_path) == [Failure(str(missing), "no such file or directory")]
    assert names(missing, tmp_path) == ["a.txt"]
    assert failures(Path("a\0b"))[0].reason == "embedded null byte"


def test_links_are_followed_but_never_in_a_circle(tmp_path: Path) -> None:
    made(tmp_path, "in/a.txt", "out/b.txt")
    (tmp_path / "in/up").symlink_to(tmp_path / "in")
    (tmp_path / "in/other").symlink_to(tmp_path / "out")
    (tmp_path / "in/dead").symlink_to(tmp_path / "nowhere")
    assert names(tmp_path / "in") == ["a.txt", "other/b.txt"]
    assert [(Path(each.source).name, each.reason) for each in failures(tmp_path / "in")] == [
        ("dead", "no such file or directory"),
        ("up", "a link to a folder that holds it: left out"),
    ]


def test_what_is_no_file_is_told_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert failures(tmp_path)[0].reason == "neither a file nor a folder: left out"


@pytest.mark.skipif(sys.platform == "darwin", reason="names are UTF-8 there")
def test_names_with_odd_characters_are_ids_that_can_be_stored(tmp_path: Path) -> None:
    made(tmp_path, "a b#?%.txt", "日本.txt", "new\nline.txt")
    (tmp_path / os.fsdecode(b"latin-\xe9.txt")).write_text("x")
    found = names(tmp_path)
    assert found == ["a b#?%.txt", "latin-\\xe9.txt", "new\nline.txt", "日本.txt"]
    assert all(name.encode() for name in found)
