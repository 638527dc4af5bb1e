"""Pools and labels over HTTP, and the page in a real browser where there is one."""

import json
import shutil
import threading
from pathlib import Path

import pytest
import uvicorn

from eval.judging.labels import read_labels
from eval.judging.pool import Pooled, write_pool
from retrieval.offline_tools import OfflineTools
from retrieval.settings import Settings
from retrieval.types import Span
from service.app import create_app

POOL = [
    Pooled("q1", "who <b>sleeps</b>?", "cat.md", Span(0, 20), "Cats", "<script>x</script> A cat."),
    Pooled("q1", "who <b>sleeps</b>?", "dog.md", None, "", "A dog.", {"dense": 1}),
]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
ARGS += ["--disable-background-networking", "--disable-component-update"]


@pytest.fixture
def pool(settings: Settings) -> Path:
    file = settings.data_dir / "pools" / "animals.jsonl"
    write_pool(POOL, file)
    return file


def given(grade, **more):
    label = {"pool": "animals", "query_id": "q1", "document_id": "cat.md", "span": [0, 20]}
    return label | {"grade": grade, "by": "ada"} | more


def test_pools_are_listed_with_their_labels(client, pool):
    assert client.post("/judge/labels", json=given(3)).status_code == 200
    found = client.get("/judge/pools").json()
    assert found["pools"] == [{"name": "animals", "passages": 2, "labels": {"ada": 1}}]
    assert len(found["grades"]) == 4


def test_a_pool_is_shown_blind_with_the_labels_of_one_judge(client, pool):
    client.post("/judge/labels", json=given(3))
    client.post("/judge/labels", json=given(1, by="bob"))
    passages = client.get("/judge/pools/animals", params={"by": "ada"}).json()["passages"]
    assert [each["grade"] for each in passages] == [3, None]
    assert all("found" not in each for each in passages)


def test_a_label_is_on_the_disk_and_null_takes_it_back(client, pool):
    client.post("/judge/labels", json=given(2))
    file = pool.with_name("animals.labels.jsonl")
    assert [*read_labels(file).values()] == [2]
    assert client.post("/judge/labels", json=given(None)).json()["grade"] is None
    assert read_labels(file) == {}


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (given(4), 422, "grade"),
        (given(1, by=" "), 422, "by"),
        (given(1, pool="../secrets"), 404, "pool"),
        (given(1, document_id="gone.md"), 404, "document_id"),
        ({"pool": "animals"}, 422, "query_id"),
    ],
)
def test_a_label_that_cannot_be_kept_is_refused(client, pool, problem_of, body, status, field):
    problem = problem_of(client.post("/judge/labels", json=body), status)
    assert field in json.dumps(problem.get("errors", problem["detail"])) or status == 404


def test_only_the_empty_page_needs_no_key(keyed):
    with keyed() as client:
        assert client.get("/judge").status_code == 200
        assert client.get("/judge/pools").status_code == 401


@pytest.fixture
def url(settings, pool):
    """A real server on a free port."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings, OfflineTools(settings)), port=0, log_level="error")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")
def test_the_page_judges_by_keys_and_shows_markup_as_text(url, pool):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: .[browser]")
    said = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{url}/judge?pool=animals")
        page.fill("#by", "ada")
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-grade]")
        assert page.inner_text("#text") == "<script>x</script> A cat."
        assert page.inner_text("#query") == "who <b>sleeps</b>?"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.keyboard.press("3")
        page.locator("#text", has_text="A dog.").wait_for()
        page.keyboard.press("u")
        page.locator("#done", has_text="0 of 2").wait_for()
        page.keyboard.press("1")
        page.locator("#text", has_text="A dog.").wait_for()
        page.click("[data-grade='0']")
        page.wait_for_selector("#end:not([hidden])")
        browser.close()
    labels = read_labels(pool.with_name("animals.labels.jsonl"))
    assert {place[1]: grade for (_, place), grade in labels.items()} == {"cat.md": 1, "dog.md": 0}
    assert said == []
