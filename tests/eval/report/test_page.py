"""The page as text: escaped, self-contained, every name in it once."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.report.build import report
from eval.report.charts.svg import SAYS, number, one, rows
from eval.report.page import page


class Seen(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, name: str) -> list[str]:
        return [each[name] or "" for _, each in self.tags if name in each]


@pytest.fixture(scope="module")
def text(ladder: Path) -> str:
    return page(report([ladder]))


@pytest.fixture(scope="module")
def seen(text: str) -> Seen:
    return Seen(text)


def test_what_questions_and_documents_hold_is_text(seen: Seen) -> None:
    tags = [tag for tag, _ in seen.tags]
    assert tags.count("script") == 1
    assert "img" not in tags
    assert not any(name.startswith("on") for _, each in seen.tags for name in each)
    assert "<script>window.hacked=1</script>" in seen.text
    assert "{{ 7*7 }}" in seen.text
    assert any("<script>window.hacked=1</script>" in each for each in seen.all("data-says"))


def test_it_asks_nothing_of_the_network(seen: Seen, text: str) -> None:
    assert all(each.startswith(("#", "data:")) for each in seen.all("href"))
    assert seen.all("src") == seen.all("xlink:href") == []
    assert "@import" not in text
    assert "url(" not in text


def test_only_its_own_script_may_run(seen: Seen) -> None:
    (policy,) = [each for each in seen.all("content") if "script-src" in each]
    assert policy.startswith("default-src 'none'")
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/]{43}='", policy)
    assert "unsafe-eval" not in policy


def test_every_name_is_there_once_and_every_link_leads_somewhere(seen: Seen) -> None:
    ids = seen.all("id")
    assert len(ids) == len(set(ids))
    for each in seen.all("href"):
        assert each in ("#", "data:,") or each[1:] in ids, each


def test_sections_have_headings_and_charts_say_what_they_show(seen: Seen) -> None:
    ids = set(seen.all("id"))
    for tag, each in seen.tags:
        if tag == "section":
            assert each["aria-labelledby"] in ids
        if tag == "svg":
            assert each["role"] == "img"
            assert len(each["aria-label"] or "") > 20
    for section in ("ladder", "result", "change", "scatter", "losses", "ranks", "curve", "latency"):
        assert section in ids


def test_an_old_run_without_stages_still_gives_a_page(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    old = shutil.copytree(runs[1], tmp_path / "old")
    found = [json.loads(line) for line in (old / "per_query.jsonl").read_text().splitlines()]
    first = {"query_id", "query", "measures", "hits"}
    for row in found:
        row["hits"] = [{"document_id": hit["document_id"]} for hit in row["hits"]]
    (old / "per_query.jsonl").write_text(
        "\n".join(json.dumps({k: v for k, v in row.items() if k in first}) for row in found)
    )
    (old / "run.trec").unlink()
    seen = Seen(page(report([old])))
    assert not {"losses", "ranks", "curve", "latency"} & set(seen.all("id"))
    assert "does not hold where judged places stood" in seen.text
    assert seen.text.count("First 10 of ") == 16


def test_a_drawing_is_light_and_its_data_are_text() -> None:
    says = 'a 1.23456 <b> "b" & c'
    view = {
        "height": 60,
        "data": rows([{"x": 1 / 3, "says": says, "to": "#q-1"}, {"x": 1.0, "says": "", "to": "#"}]),
        "mark": "point",
        "encoding": {
            "x": number("x"),
            "description": SAYS,
            "href": {"field": "to", "type": "nominal"},
        },
    }
    drawn = str(one("two <points>", view).narrow)
    assert 'data-says="a 1.23456 &lt;b&gt; &quot;b&quot; &amp; c"' in drawn
    assert 'aria-label="two &lt;points&gt;"' in drawn
    assert 'href="#q-1"' in drawn
    assert "http" not in drawn
    assert not re.search(r'transform="[^"]*\.\d{3}', drawn)
