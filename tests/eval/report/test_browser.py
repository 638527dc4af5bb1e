"""The page in a real browser: no errors, no network, no sideways scrolling, traces that open.

Skipped without Chromium and Playwright (`pip install .[browser]`).
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.report.build import report
from eval.report.page import page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: .[browser]")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")
ARGS = [
    f"--{each}"
    for each in (
        *("no-sandbox", "disable-gpu", "disable-quic", "no-first-run"),
        *("disable-background-networking", "disable-component-update", "disable-sync"),
    )
]
OUT_OF_PLACE = """() => [...document.querySelectorAll("body *")].filter(each =>
    !each.closest(".scroll, nav, .skip, svg") && each.getBoundingClientRect().right > innerWidth + 1
).map(each => each.outerHTML.slice(0, 120))"""
CONTRAST = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (c) => rgb(c).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (each) => {
    for (; each; each = each.parentElement) {
      const found = getComputedStyle(each).backgroundColor;
      if (!/, 0\\)$|transparent/.test(found)) return found;
    }
    return "rgb(255, 255, 255)";
  };
  const weak = [];
  for (const each of document.querySelectorAll("main *, header *, footer *")) {
    const own = [...each.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || each.closest("svg") || !each.checkVisibility()) continue;
    const pair = [light(getComputedStyle(each).color), light(behind(each))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) weak.push(each.textContent.trim().slice(0, 40) + " " + ratio);
  }
  return weak;
}"""


@pytest.fixture(scope="module")
def file(ladder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("page") / "report.html"
    found.write_text(page(report([ladder])), encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


class Opened:
    """A page that was opened, with what it said and asked for."""

    def __init__(self, browser: Any, file: Path, width: int, scheme: str = "light") -> None:
        self.page = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
        ).new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())

    def unfold(self) -> None:
        self.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_fails_nothing_is_fetched_nothing_sticks_out(chromium, file, width, scheme) -> None:
    opened = Opened(chromium, file, width, scheme)
    opened.unfold()
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.page.evaluate(OUT_OF_PLACE) == []
    assert opened.page.evaluate(CONTRAST) == []
    assert opened.page.evaluate("window.hacked") is None
    assert opened.said == []
    assert [each for each in opened.asked if not each.startswith("data:")] == [file.as_uri()]


def test_the_first_trace_opens_by_click_and_by_key(chromium, file) -> None:
    page = Opened(chromium, file, 390).page
    summary = page.locator(".trace > summary").first
    inside = page.locator(".trace .inside").first
    assert not inside.is_visible()
    summary.click()
    assert inside.is_visible()
    summary.focus()
    page.keyboard.press("Enter")
    assert not inside.is_visible()
    page.keyboard.press("Enter")
    assert inside.get_by_text("Where the right ones stood").first.is_visible()


def test_a_mark_says_its_questions_and_leads_to_a_trace(chromium, file) -> None:
    page = Opened(chromium, file, 1280).page
    mark = page.locator("#scatter a").filter(
        has=page.locator("[data-says*=helped], [data-says*=hurt]")
    )
    shape = mark.last.locator("[data-says]")
    shape.hover()
    shape.hover(
        force=True, position={"x": 3, "y": 3}
    )  # the first one scrolled, which takes the words away
    says = page.locator("#says")
    assert says.is_visible()
    assert "\N{RIGHTWARDS ARROW}" in says.inner_text()
    target = page.locator(mark.last.get_attribute("href"))
    shape.click()
    assert target.evaluate("each => each.tagName !== 'DETAILS' || each.open")
    assert target.is_visible()


def test_the_list_of_all_questions_is_searched_by_words(chromium, file) -> None:
    opened = Opened(chromium, file, 1280)
    opened.unfold()
    rows = opened.page.locator("#all tbody tr")
    assert rows.filter(visible=True).count() == 16
    opened.page.locator("input[type=search]").fill("CHESS number")
    assert rows.filter(visible=True).count() == 2
