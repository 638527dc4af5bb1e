"""A folder to work in, and an offline index that files are ingested into."""

from pathlib import Path

import pytest

from ingestion.ingest import ingest
from ingestion.job import Job
from ingestion.ledger import Entry, Ledger, ledger_file
from ingestion.load import LoadOptions, load
from ingestion.report import Report
from retrieval.offline import HashEmbedder, WordSparse
from retrieval.offline_store import ListIndexes
from retrieval.open_kit import Tools
from retrieval.settings import load_settings


class Shelf:
    """An index, and what it holds."""

    def __init__(self, data_dir: Path) -> None:
        self.tools = Tools(load_settings(data_dir=data_dir))
        vars(self.tools).update(indexes=ListIndexes(), embedder=HashEmbedder(), sparse=WordSparse())

    def add(self, *paths: Path | str, sync: bool = False, id_field: str | None = None) -> Report:
        """Ingest files and folders."""
        items = load([Path(each) for each in paths], LoadOptions(id_field=id_field))
        return ingest(Job(items, "docs", sync=sync), self.tools)

    def texts(self) -> dict[str, str]:
        """The text of each document that the ledger knows, as the store has it."""
        store = self.tools.indexes.open("docs")
        return {each.id: store.chunks(each.id)[0].text for each in self._entries()}

    def sources(self) -> dict[str, str]:
        """Where each document came from, as the ledger has it."""
        return {each.id: each.source for each in self._entries()}

    def chunks(self) -> int:
        """How many chunks the store holds."""
        return self.tools.indexes.open("docs").count()

    def record(self, **sources: str) -> None:
        """Write where documents came from, as an earlier version did."""
        ledger = self._ledger()
        ledger.move(Entry(id, source=source) for id, source in sources.items())
        ledger.close()

    def _entries(self) -> list[Entry]:
        ledger = self._ledger()
        found = list(ledger.entries())
        ledger.close()
        return found

    def _ledger(self) -> Ledger:
        manifest = self.tools.indexes.open("docs").manifest
        return Ledger(ledger_file(self.tools.settings.data_dir, manifest.id), "default")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """An empty index; the test works in a folder of its own."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return Shelf(tmp_path / "data")


def write(path: str, text: str) -> None:
    """Write a file below the current folder."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
