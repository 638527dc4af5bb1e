"""The real service on the offline kit, with a small index that is made through its own door."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from retrieval.offline_tools import OfflineTools
from retrieval.open_kit import Tools
from retrieval.settings import Settings
from service.app import create_app

PASSAGES = {
    "library/json.md": ("json", "The json module parses JSON text: json.loads reads a string."),
    "library/csv.md": ("csv", "The csv module reads rows of comma separated values from a file."),
    "library/re.md": ("re", "Regular expressions match patterns in text; re.search finds one."),
    "reference/with.md": ("with", "The with statement enters a context and leaves it at the end."),
    "reference/try.md": ("try", "The try statement handles exceptions; finally always runs."),
}
YEARS = {"json": 2006, "csv": 2003, "re": 1997, "with": 2005, "try": 1994}


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"ASSAY_{name.upper()}", raising=False)


@pytest.fixture
def documents():
    """The documents of the small index, as POST /documents takes them."""
    return [
        {
            "id": id,
            "text": text,
            "title": title,
            "domain": id.partition("/")[0],
            "metadata": {"year": YEARS[title], "title": title},
        }
        for id, (title, text) in PASSAGES.items()
    ]


@pytest.fixture
def fill(documents):
    """A function that puts the documents into an index."""

    def filled(client, index="demo"):
        answer = client.post("/documents", json={"index": index, "documents": documents})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return filled


@pytest.fixture
def problem_of():
    """A function that gives the problem that an answer is, after checking that it is one."""

    def problem(answer, status):
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        found = json.loads(answer.content)
        assert found["status"] == status
        assert found["type"] == "about:blank"
        assert found["title"]
        assert found["detail"]
        return found

    return problem


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", encoder="hash", max_body_mb=0.2)


@pytest.fixture
def tools(settings: Settings) -> Tools:
    return OfflineTools(settings)


@pytest.fixture
def client(settings: Settings, tools: Tools, fill) -> Iterator[TestClient]:
    with TestClient(create_app(settings, tools), raise_server_exceptions=False) as client:
        fill(client)
        yield client


@pytest.fixture
def keyed(tmp_path: Path):
    """A function that gives a client, without a key, of a service that asks for one."""

    def made(key="sesame"):
        settings = Settings(data_dir=tmp_path, encoder="hash", api_key=SecretStr(key))
        return TestClient(create_app(settings, OfflineTools(settings)))

    return made
