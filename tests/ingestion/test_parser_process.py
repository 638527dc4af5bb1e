import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingestion.document import Document, Failure, Heading
from ingestion.parser_process import ParserProcess
from ingestion.sources import LoadOptions, Source
from retrieval.errors import InputError

Ask = Callable[[str], list[Document | Failure]]

PARSER = """
import os, signal, time
from ingestion.document import Document, Failure, Heading
from retrieval.errors import InputError

def load(file, source, options):
    word = file.read().decode()
    if word == "hang":
        time.sleep(60)
    elif word == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif word == "exit":
        raise SystemExit("gone for good")
    elif word == "eat":
        bytes(3_000_000_000)
    elif word == "grow":
        kept.append(bytes(150_000_000))
    elif word == "deep":
        deeper()
    elif word == "raise":
        raise TypeError("a bug")
    elif word == "refuse":
        raise InputError("not today")
    yield Document(str(os.getpid()), word, "T", (Heading(0, 1, word),), None, {"n": [1, None]})
    yield Failure(source.name, "a part")

kept = []

def deeper():
    deeper()
"""


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    (tmp_path / "odd_parser.py").write_text(PARSER)
    monkeypatch.syspath_prepend(tmp_path)
    with ParserProcess(LoadOptions(timeout_s=2, max_memory_mb=600)) as process:

        def answer(word: str) -> list[Document | Failure]:
            path = tmp_path / "file"
            path.write_text(word)
            return process.parse("odd_parser", Source(path, "file", len(word)))

        yield answer


def process_id(items: list[Document | Failure]) -> int:
    assert isinstance(items[0], Document)
    return int(items[0].id)


def test_documents_and_failures_come_back_as_they_were(ask: Ask) -> None:
    document, failure = ask("words")
    assert document == Document(
        document.id, "words", "T", (Heading(0, 1, "words"),), None, {"n": [1, None]}
    )
    assert failure == Failure("file", "a part")
    assert process_id([document]) != os.getpid()


def test_one_process_parses_file_after_file(ask: Ask) -> None:
    assert process_id(ask("a")) == process_id(ask("b"))
    with pytest.raises(InputError, match="not today"):
        ask("refuse")
    with pytest.raises(InputError, match=r"its parser failed \(TypeError: a bug\)"):
        ask("raise")
    with pytest.raises(InputError, match="nested too deep"):
        ask("deep")
    assert process_id(ask("a")) == process_id(ask("c"))


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("hang", "parsing took longer than 2 s"),
        ("crash", r"its parser crashed \(SIGSEGV\)"),
        ("exit", r"its parser crashed \(gone for good\)"),
        ("eat", "parsing needs more than 600 MB of memory"),
    ],
)
def test_a_file_that_breaks_the_parser_is_told_and_the_next_gets_a_fresh_one(
    ask: Ask, word: str, reason: str
) -> None:
    first = process_id(ask("good"))
    with pytest.raises(InputError, match=reason):
        ask(word)
    second = process_id(ask("good"))
    assert second != first
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_a_file_does_not_pay_for_what_was_parsed_before_it(ask: Ask) -> None:
    first = process_id(ask("grow"))
    found = {process_id(ask("grow")) for _ in range(5)}
    assert found - {first}


def test_a_process_that_died_in_between_is_replaced(ask: Ask) -> None:
    os.kill(process_id(ask("good")), signal.SIGKILL)
    assert ask("good")


def test_the_process_ends_with_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<p>Text")
    options = LoadOptions(timeout_s=30)
    with ParserProcess(options) as process:
        assert process.parse("ingestion.loaders.html", Source(path, "page.html", 7))
        running = process._running
        assert running is not None
    assert running._process.returncode is not None


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with (
        ParserProcess(LoadOptions()) as process,
        pytest.raises(InputError, match="FileNotFoundError"),
    ):
        process.parse("ingestion.loaders.html", Source(tmp_path / "none", "none", 1))
