import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingestion import prepare
from ingestion import target as target_module
from ingestion.document import Document, Failure, Heading
from ingestion.ingest import delete_documents, drop_index, ingest
from ingestion.job import Job, Progress
from ingestion.ledger import Entry, Ledger, ledger_file
from ingestion.load import Loaded
from ingestion.report import Report
from retrieval.clock import Clock
from retrieval.errors import (
    ConfigError,
    InputError,
    NotFoundError,
    ProviderError,
    StoreError,
    UnavailableError,
)
from retrieval.filters import Equals
from retrieval.kit import Compared, Point, Vectors
from retrieval.offline import HashEmbedder, WordSparse
from retrieval.offline_store import ListIndexes, ListStore
from retrieval.open_kit import Tools
from retrieval.settings import load_settings


class CountingEmbedder(HashEmbedder):
    """Counts the passages that it was given; fails at a text, if asked to."""

    def __init__(self, fails_at: str = "\0", **others: Any) -> None:
        super().__init__(**others)
        object.__setattr__(self, "embedded", 0)
        object.__setattr__(self, "fails_at", fails_at)

    embedded: int
    fails_at: str

    def passages(self, texts: Sequence[str]) -> Vectors:
        if any(self.fails_at in text for text in texts):
            raise ProviderError("The encoder broke.")
        object.__setattr__(self, "embedded", self.embedded + len(texts))
        return super().passages(texts)


def offline_tools(data_dir: Path, **others: Any) -> Tools:
    tools = Tools(load_settings(data_dir=data_dir))
    kinds = {"indexes": ListIndexes(), "embedder": CountingEmbedder(), "sparse": WordSparse()}
    vars(tools).update(kinds | others)
    return tools


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return offline_tools(tmp_path)


def loaded(*items: Document | Failure, source: str = "folder/file") -> list[Loaded]:
    return [Loaded(item, source, 100 * number) for number, item in enumerate(items, 1)]


def document(id: str, text: str = "Some text.", **others: Any) -> Document:
    return Document(id, text, **others)


def run(tools: Tools, *items: Document | Failure, **options: Any) -> Report:
    return ingest(Job(loaded(*items), "docs", **options), tools)


def texts(tools: Tools, id: str, tenant: str = "default") -> list[str]:
    store = tools.indexes.open("docs").scoped(tenant)
    return [chunk.text for chunk in store.chunks(id)]


def embedded(tools: Tools) -> int:
    return int(tools.embedder.embedded)  # type: ignore[attr-defined]


def entries(tools: Tools, tenant: str = "default") -> dict[str, Entry]:
    manifest = tools.indexes.open("docs").manifest
    ledger = Ledger(ledger_file(tools.settings.data_dir, manifest.id), tenant)
    found = {entry.id: entry for entry in ledger.entries()}
    ledger.close()
    return found


def test_a_new_index_holds_the_documents_and_says_what_it_was_built_with(tools: Tools) -> None:
    report = run(
        tools,
        document("a", "One two three.", title="First", meta={"year": 2020, "tag": ["x"]}),
        document("b", "Four five.", domain="law", meta={"year": 2021}),
        chunker={"use": "fixed", "tokens": 2},
        embed="text",
        domain="misc",
        fields={"year": "float"},
    )
    assert (report.created, report.documents, report.new, report.chunks) == (True, 2, 2, 4)
    assert (report.tokens, report.bytes, report.failed) == (4 + 3 + 4 * 2, 200, 0)
    store = tools.indexes.open("docs")
    assert store.manifest.chunker == {"use": "fixed", "tokens": 2, "overlap": 0}
    assert store.manifest.embed == "text"
    assert store.manifest.fields == {"year": "float", "tag": "str"}
    assert store.manifest.average_length == 5 / 4
    assert [chunk.text for chunk in store.chunks("a")] == ["One two", "three."]
    assert [chunk.span for chunk in store.chunks("a")] == [(0, 7), (8, 14)]
    assert store.chunks("a")[0].meta == {"year": 2020, "tag": ["x"], "title": "First"}
    assert [store.chunks(id)[0].domain for id in "ab"] == ["misc", "law"]


def test_the_title_or_the_headings_are_embedded_with_the_text(tools: Tools) -> None:
    text = "# A\nx one\n## B\ny two"
    headings = (Heading(0, 1, "A"), Heading(10, 2, "B"))
    options = {"chunker": {"use": "fixed", "tokens": 3}}
    item = document("a", text, title="Title", headings=headings)
    for embed, said in (
        ("text", ["# A\nx", "one\n##", "B\ny two"]),
        ("title+text", ["Title # A\nx", "Title one\n##", "Title B\ny two"]),
        ("heading+text", ["# A\nx", "A\none\n##", "A > B\nB\ny two"]),
    ):
        run_tools = offline_tools(tools.settings.data_dir)
        ingest(Job(loaded(item), "docs", embed=embed, **options), run_tools)  # type: ignore[arg-type]
        store = run_tools.indexes.open("docs")
        vectors = store.vectors([chunk.id for chunk in store.chunks("a")])
        wanted = HashEmbedder().passages(said)
        assert np.allclose([vectors[chunk.id] for chunk in store.chunks("a")], wanted)
        for chunk, probe in zip(store.chunks("a"), said, strict=True):
            [[match]] = store.search([WordSparse().query(probe)], None, 1, Clock())
            assert match.chunk.id == chunk.id


def test_the_same_documents_again_change_nothing_and_embed_nothing(tools: Tools) -> None:
    items = [document(f"d{i}", f"Text number {i}.", meta={"i": i}) for i in range(20)]
    run(tools, *items)
    before = embedded(tools)
    report = run(tools, *items)
    assert (report.unchanged, report.documents, report.chunks) == (20, 20, 0)
    assert report.bytes == 2000
    assert embedded(tools) == before
    assert not report.created


def test_a_changed_document_replaces_its_chunks_and_leaves_none_behind(tools: Tools) -> None:
    options = {"chunker": {"use": "fixed", "tokens": 2}}
    run(tools, document("a", "One two three four."), document("b"), **options)
    report = run(tools, document("a", "Five six."), document("b"))
    assert (report.changed, report.unchanged, report.chunks, report.chunks_removed) == (1, 1, 2, 3)
    assert texts(tools, "a") == ["Five six", "."]
    assert tools.indexes.open("docs").count() == 4


def test_changed_metadata_or_domain_is_updated_without_embedding(tools: Tools) -> None:
    run(tools, document("a", meta={"year": 2000}), document("b"))
    before = embedded(tools)
    report = run(tools, document("a", meta={"year": 2001}), document("b", domain="law"))
    assert (report.described, report.chunks, report.changed) == (2, 0, 0)
    assert embedded(tools) == before
    store = tools.indexes.open("docs")
    assert store.chunks("a")[0].meta == {"year": 2001}
    assert store.chunks("b")[0].domain == "law"
    assert (
        run(tools, document("a", meta={"year": 2001}), document("b", domain="law")).unchanged == 2
    )


def test_a_title_has_a_vector_of_its_own_at_the_first_chunk(tools: Tools) -> None:
    ingest(Job(loaded(document("d", title="Cats"), document("e", "Other")), "t"), tools)
    (own,) = HashEmbedder().passages(["Cats"])
    store = tools.indexes.open("t")
    _, titles = store.cosines(Compared([], 3, ["d", "e"], own), Clock())()
    assert titles == {"d": pytest.approx(1)}


def test_titles_get_no_vectors_where_none_are_asked_for(tools: Tools) -> None:
    asked = loaded(document("d", title="Cats", text="they sleep"))
    report = ingest(Job(asked, "t", titles=False), tools)
    assert embedded(tools) == 1
    assert not any("titles" in line for line in report.lines())
    (own,) = HashEmbedder().passages(["Cats"])
    store = tools.indexes.open("t")
    assert store.cosines(Compared([], 3, ["d"], own), Clock())() == ({}, {})
    assert store.chunks("d")[0].meta == {"title": "Cats"}
    again = ingest(Job(loaded(document("e", title="Dogs")), "t"), tools)
    assert embedded(tools) == 2
    assert any("no vectors of titles" in line for line in again.lines())


def test_a_new_title_is_new_content(tools: Tools) -> None:
    run(tools, document("a", title="One"))
    assert run(tools, document("a", title="Two")).changed == 1
    assert tools.indexes.open("docs").chunks("a")[0].meta == {"title": "Two"}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (document("x", " \n "), "document 'x': no text in it"),
        (document("", "text"), "its id has 0 characters, 1 to 1,000 are allowed"),
        (document("x" * 1001, "text"), "its id has 1,001 characters"),
        (document("x", "half \ud800"), "half of a surrogate pair"),
        (document("x", meta={"a": {1, 2}}), "metadata has to be JSON"),
        (document("x", meta={"a": float("nan")}), "Metadata has to be JSON"),
        (document("a", "again"), "its id 'a' is already that of one from folder/file"),
    ],
)
def test_a_document_that_cannot_be_stored_stops_nothing(
    tools: Tools, bad: Document, why: str
) -> None:
    report = run(tools, document("a"), bad, document("z"))
    assert (report.documents, report.new, report.failed) == (2, 2, 1)
    assert why in report.failures[0].reason
    assert report.failures[0].source == "folder/file"
    assert set(entries(tools)) == {"a", "z"}


def test_what_could_not_be_read_is_reported(tools: Tools) -> None:
    report = run(tools, Failure("a.pdf", "it is encrypted"), document("a"))
    assert (report.failed, report.failures) == (1, (Failure("a.pdf", "it is encrypted"),))


def test_without_any_text_no_index_is_made(tools: Tools) -> None:
    report = run(tools, Failure("a.pdf", "it is empty"), document("a", ""))
    assert (report.created, report.failed) == (False, 2)
    assert tools.indexes.names() == []
    assert not report.exists
    assert "not made" in next(report.lines())
    assert not list((tools.settings.data_dir / "ledgers").glob("*.sqlite"))


def test_what_the_encoder_cuts_off_is_counted(tmp_path: Path) -> None:
    tools = offline_tools(tmp_path, embedder=CountingEmbedder(limit=10))
    report = run(tools, document("a", "w " * 20), document("b", "w " * 8), chunker="whole")
    assert (report.cut_chunks, report.cut_tokens, report.tokens) == (1, 12, 22 + 10)
    assert "Cut at the encoder's limit: 1 chunks, 12 tokens" in "\n".join(report.lines())


@pytest.mark.parametrize(
    ("tokens", "embed", "said"),
    [
        (8, "text", ""),
        (9, "text", "9 tokens asked for: the encoder reads 10 at once, which leaves a chunk 8."),
        (20, "heading+text", "which leaves a chunk 8, and less behind a heading."),
    ],
)
def test_chunks_that_the_encoder_keeps_smaller_than_asked_are_told(
    tmp_path: Path, tokens: int, embed: str, said: str
) -> None:
    tools = offline_tools(tmp_path, embedder=CountingEmbedder(limit=10))
    chunker = {"use": "fixed", "tokens": tokens}
    for _ in range(2):
        report = run(tools, document("a", "w " * 30), chunker=chunker, embed=embed)
        assert len(report.notes) == bool(said)
        assert said in "\n".join(report.lines())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"chunker": "whole"}, "built with chunker {'use': 'fixed', 'tokens': 50, 'overlap': 0}"),
        ({"chunker": {"use": "fixed", "tokens": 9}}, "this job says {'use': 'fixed', 'tokens': 9"),
        ({"embed": "text"}, "built with embed title+text, this job says text"),
        (
            {"fields": {"year": "str"}},
            "built with fields {'year': 'int'}, this job says {'year': 'str'",
        ),
        ({"fields": {"other": "str"}}, "built with fields {'other': None}"),
        ({"titles": False}, "built with titles True, this job says False"),
    ],
)
def test_an_index_that_was_built_otherwise_is_refused(
    tools: Tools, options: Any, said: str
) -> None:
    first = document("a", meta={"year": 1})
    run(tools, first, chunker={"use": "fixed", "tokens": 50})
    same = {"chunker": {"use": "fixed", "tokens": 50}, "embed": "title+text"}
    assert run(tools, first, **same, fields={"year": "int"}).unchanged == 1
    with pytest.raises(ConfigError) as error:
        run(tools, first, **options)
    assert said in str(error.value)


def test_an_index_of_another_encoder_is_refused(tools: Tools) -> None:
    run(tools, document("a"))
    vars(tools)["embedder"] = CountingEmbedder(dimension=32)
    with pytest.raises(ConfigError, match="built with encoder"):
        run(tools, document("a"))


def test_a_wrong_name_or_chunker_is_refused_before_anything_is_read(tools: Tools) -> None:
    def never() -> Iterator[Loaded]:
        raise AssertionError
        yield

    with pytest.raises(InputError, match="Index name 'a/b'"):
        ingest(Job(never(), "a/b"), tools)
    with pytest.raises(ConfigError, match="embed: 'words' is none of text, title"):
        ingest(Job(never(), "docs", embed="words"), tools)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="No chunker 'nothing'"):
        ingest(Job(never(), "docs", chunker="nothing"), tools)


def test_sync_removes_what_the_items_do_not_hold(tools: Tools) -> None:
    run(tools, *(document(f"d{i}") for i in range(600)))
    report = run(tools, document("d7"), sync=True)
    assert (report.removed, report.unchanged, report.chunks_removed) == (599, 1, 599)
    assert set(entries(tools)) == {"d7"}
    assert tools.indexes.open("docs").count() == 1


def test_sync_keeps_the_documents_of_sources_that_failed(tools: Tools) -> None:
    def items(source: str, *found: Document | Failure) -> list[Loaded]:
        return loaded(*found, source=source)

    held = [
        *items("in/a.txt", document("a.txt")),
        *items("in/sub/b.txt", document("sub/b.txt")),
        *items("in/c.jsonl", document("c1"), document("c2")),
        *items("in/d.txt", document("d.txt")),
        *items("in/e.txt", document("e.txt")),
    ]
    ingest(Job(held, "docs"), tools)
    now = [
        *items("in/a.txt", Failure("in/a.txt", "timed out")),
        *items("in/sub", Failure("in/sub", "permission denied")),
        *items("in/c.jsonl", document("c1"), Failure("in/c.jsonl:2", "not JSON")),
        *items("in/e.txt", document("e.txt", " ")),
    ]
    report = ingest(Job(now, "docs", sync=True), tools)
    assert report.removed == 1
    assert set(entries(tools)) == {"a.txt", "sub/b.txt", "c1", "c2", "e.txt"}
    assert "3 documents of sources that could not be read were kept." in report.notes


def test_a_document_that_moved_is_known_by_its_new_source(tools: Tools) -> None:
    ingest(Job(loaded(document("a"), source="old/a"), "docs"), tools)
    moved = ingest(Job(loaded(document("a"), source="new/a"), "docs"), tools)
    assert (moved.unchanged, moved.chunks) == (1, 0)
    assert entries(tools)["a"].source == str(Path("new/a").absolute())


def test_sync_removes_nothing_if_nothing_was_read(tools: Tools) -> None:
    run(tools, document("a"))
    report = ingest(Job([], "docs", sync=True), tools)
    assert report.removed == 0
    assert "Nothing was removed" in report.notes[0]
    assert texts(tools, "a") == ["Some text."]


def test_tenants_share_an_index_and_nothing_else(tools: Tools) -> None:
    run(tools, document("a", "Of one."), document("b"), tenant="one")
    assert run(tools, document("a", "Of two."), tenant="two", sync=True).new == 1
    assert (texts(tools, "a", "one"), texts(tools, "a", "two")) == (["Of one."], ["Of two."])
    assert set(entries(tools, "one")) == {"a", "b"}
    assert delete_documents(tools, "docs", ["a"], "one") == 1
    assert texts(tools, "a", "two") == ["Of two."]


def test_deleting_removes_chunks_and_entries_or_nothing(tools: Tools) -> None:
    run(tools, *map(document, "abc"))
    with pytest.raises(NotFoundError, match="no document 'x' in index 'docs'"):
        delete_documents(tools, "docs", ["a", "x"], "default")
    assert texts(tools, "a") == ["Some text."]
    assert delete_documents(tools, "docs", ["a", "c", "a"], "default") == 2
    assert set(entries(tools)) == {"b"}
    assert texts(tools, "a") == []
    with pytest.raises(NotFoundError):
        delete_documents(tools, "docs", ["a"], "default")
    with pytest.raises(NotFoundError, match="no index 'other'"):
        delete_documents(tools, "other", ["a"], "default")
    assert run(tools, *map(document, "abc")).new == 2


def test_a_document_that_only_the_store_knows_can_be_deleted(tools: Tools) -> None:
    run(tools, document("a"))
    manifest = tools.indexes.open("docs").manifest
    ledger_file(tools.settings.data_dir, manifest.id).unlink()
    assert delete_documents(tools, "docs", ["a"], "default") == 1


DISK_FULL = StoreError("The disk is full.")


@dataclass(frozen=True)
class FailingStore(ListStore):
    """Raises instead of one call, numbered from 0, or ends it after the work is done."""

    calls: list[int] = None  # type: ignore[assignment]
    fail_at: int = -1
    error: StoreError = DISK_FULL
    after: bool = False

    def replace(self, documents: Mapping[str, Sequence[Point]]) -> None:
        self.calls.append(len(documents))
        fails = len(self.calls) - 1 == self.fail_at
        if fails and not self.after:
            raise self.error
        super().replace(documents)
        if fails:
            raise self.error


class FailingIndexes(ListIndexes):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options, self.calls = options, []  # type: ignore[var-annotated]

    def open(self, name: str) -> ListStore:
        found = super().open(name)
        return FailingStore(
            found.manifest,
            found.tenant,
            found._tenants,
            found._lock,
            calls=self.calls,
            **self.options,
        )


def contents(tools: Tools) -> dict[str, list[tuple[str, str]]]:
    store = tools.indexes.open("docs")
    return {
        id: [(chunk.id, chunk.text) for chunk in store.chunks(id)] for id in sorted(entries(tools))
    }


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("fail_at", [0, 1, 3])
def test_a_job_that_fails_has_recorded_what_was_stored_and_the_next_does_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail_at: int, after: bool
) -> None:
    monkeypatch.setattr(prepare, "BATCH_CHUNKS", 32)
    items = [document(f"d{i}", f"Text {i}. " * 20) for i in range(60)]
    options: dict[str, Any] = {"chunker": {"use": "fixed", "tokens": 20}}
    whole = offline_tools(tmp_path / "whole")
    run(whole, *items, **options)
    tools = offline_tools(tmp_path / "cut", indexes=FailingIndexes(fail_at=fail_at, after=after))
    with pytest.raises(StoreError, match="disk is full"):
        run(tools, *items, **options)
    recorded = {id for id, entry in entries(tools).items() if entry.content}
    assert len(recorded) == sum(tools.indexes.calls[:fail_at])  # type: ignore[attr-defined]
    for id in recorded:
        assert texts(tools, id) == texts(whole, id)
    report = run(tools, *items, **options)
    assert (report.unchanged, report.new) == (len(recorded), 60 - len(recorded))
    assert contents(tools) == contents(whole)
    assert tools.indexes.open("docs").count() == whole.indexes.open("docs").count()
    assert run(tools, *items, **options).unchanged == 60


def test_a_document_that_changed_back_after_a_crash_is_stored_again(tmp_path: Path) -> None:
    indexes = FailingIndexes(fail_at=1, after=True)
    tools = offline_tools(tmp_path, indexes=indexes)
    run(tools, document("a", "One."))
    with pytest.raises(StoreError):
        run(tools, document("a", "Two."))
    assert texts(tools, "a") == ["Two."]
    assert run(tools, document("a", "One.")).new == 1
    assert texts(tools, "a") == ["One."]


def test_a_document_that_came_back_after_a_crash_in_its_removal_is_stored_again(
    tmp_path: Path,
) -> None:
    tools = offline_tools(tmp_path, indexes=FailingIndexes(fail_at=1, after=True))
    run(tools, document("a"), document("b"))
    with pytest.raises(StoreError):
        run(tools, document("a"), sync=True)
    assert texts(tools, "b") == []
    assert run(tools, document("a"), document("b")).new == 1
    assert texts(tools, "b") == ["Some text."]


def test_a_store_that_is_down_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    error = UnavailableError("Down.", retry_after_s=0.01)
    tools = offline_tools(tmp_path, indexes=FailingIndexes(fail_at=0, error=error))
    assert run(tools, document("a")).new == 1
    tools = offline_tools(tmp_path / "b", indexes=FailingIndexes(fail_at=0, error=error))
    with pytest.raises(UnavailableError, match="Down"):
        run(tools, document("a"), wait_s=0.0)


def test_one_document_that_the_store_refuses_does_not_take_others_with_it(tools: Tools) -> None:
    bad = document("b", meta={"n": float("inf")})
    run(tools, document("b"))
    report = run(tools, document("a"), replace(bad, text="New."), document("c"))
    assert (report.new, report.failed) == (2, 1)
    assert texts(tools, "b") == ["Some text."]
    report = run(tools, document("a"), bad, document("c"))
    assert (report.unchanged, report.failed) == (2, 1)
    assert run(tools, document("a"), document("b"), document("c")).documents == 3


@pytest.mark.parametrize("where", ["items", "encoder", "progress"])
def test_a_failure_anywhere_ends_the_job_and_keeps_what_was_stored(
    tmp_path: Path, where: str
) -> None:
    class BrokenError(Exception):
        pass

    count = 3_000

    def items() -> Iterator[Loaded]:
        for i in range(count):
            if where == "items" and i == count - 1:
                raise BrokenError
            last = where == "encoder" and i == count - 1
            yield from loaded(document(f"d{i}", "poison" if last else f"Text {i}."))

    def progress(now: Progress) -> None:
        if where == "progress" and now.chunks > 1000:
            raise BrokenError

    embedder = CountingEmbedder(fails_at="poison")
    tools = offline_tools(tmp_path, embedder=embedder)
    run(tools, document("first"), chunker="whole")
    threads = threading.active_count()
    with pytest.raises(ProviderError if where == "encoder" else BrokenError):
        ingest(Job(items(), "docs"), tools, progress)
    assert threading.active_count() == threads
    held = entries(tools)
    assert tools.indexes.open("docs").count() == len(held) > 1
    assert all(entry.content for entry in held.values())


def test_an_interrupt_leaves_a_consistent_index(tools: Tools) -> None:
    def progress(now: Progress) -> None:
        if now.chunks:
            raise KeyboardInterrupt

    items = [document(f"d{i}", f"Text {i}.") for i in range(3000)]
    with pytest.raises(KeyboardInterrupt):
        ingest(Job(loaded(*items), "docs", chunker="whole"), tools, progress)
    report = run(tools, *items)
    assert report.documents == 3000
    assert tools.indexes.open("docs").count() == 3000


def test_a_generator_of_items_is_closed_when_the_job_fails(tmp_path: Path) -> None:
    closed: list[str] = []

    def items() -> Iterator[Loaded]:
        try:
            while True:
                yield from loaded(document(f"d{len(closed)}-{id(object())}", "poison"))
        finally:
            closed.append(threading.current_thread().name)

    tools = offline_tools(tmp_path, embedder=CountingEmbedder(fails_at="poison"))
    with pytest.raises(ProviderError):
        ingest(Job(items(), "docs"), tools)
    assert len(closed) == 1


def test_chunks_that_the_store_lost_are_noticed_and_made_again(tools: Tools) -> None:
    run(tools, *map(document, "abc"))
    tools.indexes.open("docs").replace({"b": []})
    report = run(tools, *map(document, "abc"))
    assert (report.new, report.unchanged) == (1, 2)
    assert "lost chunks of 1 documents (3 recorded, 2 there)" in report.notes[0]
    assert texts(tools, "b") == ["Some text."]
    assert run(tools, *map(document, "abc")).notes == ()


def test_an_index_whose_ledger_is_lost_is_ingested_again_without_doubles(tools: Tools) -> None:
    run(tools, *map(document, "abc"))
    manifest = tools.indexes.open("docs").manifest
    ledger_file(tools.settings.data_dir, manifest.id).unlink()
    report = run(tools, *map(document, "abc"))
    assert report.new == 3
    assert "holds 3 chunks that the ledger here does not know" in report.notes[0]
    assert tools.indexes.open("docs").count() == 3


def test_an_index_that_was_dropped_and_made_again_starts_with_a_new_ledger(tools: Tools) -> None:
    run(tools, document("a"))
    tools.indexes.drop("docs")
    report = run(tools, document("a"))
    assert (report.created, report.new, report.notes) == (True, 1, ())


def test_a_dropped_index_takes_its_ledger_along(tools: Tools) -> None:
    run(tools, document("a"))
    drop_index(tools, "docs")
    assert tools.indexes.names() == []
    assert not list((tools.settings.data_dir / "ledgers").glob("*.sqlite*"))
    with pytest.raises(NotFoundError):
        drop_index(tools, "docs")


def test_values_get_the_types_of_their_fields(tools: Tools) -> None:
    run(tools, document("a", meta={"year": "2019", "n": 7}), fields={"year": "int", "n": "str"})
    run(tools, document("b", meta={"year": 2020.0, "n": ["x", 8]}))
    store = tools.indexes.open("docs")
    assert store.count(Equals("year", 2019)) == store.count(Equals("n", "8")) == 1
    assert store.chunks("a")[0].meta == {"year": 2019, "n": "7"}


def test_two_jobs_at_a_time_lose_nothing(tools: Tools) -> None:
    reports: list[Report] = []

    def work(start: int) -> None:
        items = loaded(*(document(f"d{i}", f"Text {i}.") for i in range(start, start + 1500)))
        reports.append(ingest(Job(items, "docs", chunker="whole"), tools))

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 1000, 2000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.created for report in reports) == 1
    assert tools.indexes.open("docs").count() == 3500
    assert len(entries(tools)) == 3500
    assert run(tools, *(document(f"d{i}", f"Text {i}.") for i in range(3500))).unchanged == 3500


def test_progress_is_told_in_the_calling_thread_and_ends_with_all(tools: Tools) -> None:
    told: list[Progress] = []
    here = threading.current_thread()

    def progress(now: Progress) -> None:
        assert threading.current_thread() is here
        told.append(now)

    items = [document(f"d{i}", f"Text {i}.") for i in range(700)]
    report = ingest(Job(loaded(*items), "docs", chunker="whole"), tools, progress)
    assert told[-1][:3] == (700, 700, 70_000)
    assert told == sorted(told)
    assert report.seconds >= told[-1].seconds
    assert report.rate == pytest.approx(700 / report.seconds)


def test_a_new_index_is_fitted_to_its_first_chunks_alone(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target_module, "SAMPLE_CHUNKS", 512)
    short = [document(f"s{i}", "two words") for i in range(512)]
    long = [document(f"l{i}", "four words are here", meta={"late": 1}) for i in range(512)]
    report = run(tools, *short, *long, chunker="whole")
    manifest = tools.indexes.open("docs").manifest
    assert manifest.average_length == report.index_average_length == 2.0
    assert report.average_length == 3.0
    assert report.drift == 0.5
    assert "late" not in manifest.fields
    assert "(+50%)" in "\n".join(report.lines())


def test_batches_hold_whole_documents_and_are_the_same_each_time(tmp_path: Path) -> None:
    calls: list[list[list[str]]] = []
    for name in ("one", "two"):
        seen: list[list[str]] = []

        class Recording(CountingEmbedder):
            def passages(self, texts: Sequence[str], seen: list[list[str]] = seen) -> Vectors:
                seen.append(list(texts))
                return super().passages(texts)

        items: Iterable[Document] = (document(f"d{i}", f"Text {i}. " * 30) for i in range(300))
        tools = offline_tools(tmp_path / name, embedder=Recording())
        run(tools, *items, chunker={"use": "fixed", "tokens": 20})
        calls.append(seen)
    assert calls[0] == calls[1]
    assert 512 <= len(calls[0][0]) < 520


def test_a_report_says_all_that_happened_as_json_and_in_words(tools: Tools) -> None:
    run(tools, document("a"), document("b"), document("c"), document("d"))
    items = [
        *loaded(document("a", "Changed."), document("b", meta={"x": 1}), document("c")),
        *loaded(document("e"), source="e.txt"),
        *loaded(Failure("f.pdf", "it is encrypted"), source="f.pdf"),
    ]
    report = ingest(Job(items, "docs", sync=True), tools)
    said = "\n".join(report.lines())
    for part in ("1 new", "1 replaced", "1 changed in metadata alone", "1 unchanged", "1 removed"):
        assert part in said
    assert "Failed: f.pdf: it is encrypted" in said
    data = report.as_json()
    assert data["failures"] == [{"source": "f.pdf", "reason": "it is encrypted"}]
    assert (data["documents"], data["rate"]) == (4, report.rate)
