"""What people see: passages keep their lines, traces their depth, and markup in texts is text."""

import io

from rich.console import Console

from ingestion.job import Progress
from service.progress import Shown
from service.show import shortened, show_domains, show_hits, show_pairs, show_table, show_trace

HIT = {
    "id": "1",
    "document_id": "a [bold]b[/bold].md",
    "text": "def f():\n    return [red]1[/red]\n",
    "span": [3, 40],
    "heading": ["Functions", "Returning"],
    "domain": None,
    "score": 0.5,
    "scores": [{"by": "dense:original", "value": 0.25}, {"by": "fuse:rrf", "value": 0.5}],
    "metadata": {},
}
STEP = {
    "stage": "dense",
    "params": {"limit": 100},
    "ms": 1.25,
    "changed": {"rankings": 1},
    "top": [],
    "notes": ["exact: [no] index"],
    "cost": {"store_ms": 1.0, "tokens": 12},
    "error": None,
    "steps": [],
}


def console():
    return Console(file=io.StringIO(), width=100, highlight=False)


def printed(show, *values):
    out = console()
    show(out, *values)
    return out.file.getvalue()


def test_a_passage_is_shown_with_rank_score_place_headings_and_its_own_lines():
    assert printed(show_hits, [HIT], False).splitlines() == [
        " 1  0.5000  a [bold]b[/bold].md  [3:40]",
        "    Functions › Returning",
        "    def f():",
        "        return [red]1[/red]",
        "",
    ]


def test_explained_passages_show_every_score():
    assert "scores: dense:original 0.2500  fuse:rrf 0.5000" in printed(show_hits, [HIT], True)


def test_a_long_text_ends_after_five_lines_within_the_width():
    lines = shortened("word " * 500, 60).splitlines()
    assert len(lines) == 5
    assert all(line.startswith("    ") and len(line) <= 60 for line in lines)
    assert lines[-1].endswith(" …")
    assert shortened("short", 60) == "    short"
    assert shortened("", 60) == ""


def test_a_trace_shows_stages_inside_stages_notes_costs_and_errors():
    inner = {**STEP, "stage": "rerank", "error": "the [model] is away"}
    said = printed(show_trace, [{**STEP, "steps": [inner]}])
    assert "dense" in said
    assert "  rerank" in said
    assert "exact: [no] index; store 1.00 ms; tokens 12" in said
    assert "left out: the [model] is away" in said
    assert "Together 1.25 ms." in said


def test_tables_and_pairs_keep_what_looks_like_markup():
    assert "[x]" in printed(show_table, ("name", "count"), [("[x]", 3), (None, 4)])
    assert "[x]" in printed(show_pairs, {"name": "[x]", "nested": {"a": [1]}})
    assert printed(show_pairs, {}) == ""


def test_progress_outside_a_terminal_is_a_line_now_and_then():
    out = console()
    shown = Shown(out, total=1000)
    with shown.running():
        shown.indexing(Progress(1, 10, 100, 1.0))
        shown._said_at -= 11
        shown.indexing(Progress(5, 50, 500, 2.0))
        shown.asked(1, 10)
        shown.said("a [line]")
    lines = out.file.getvalue().splitlines()
    assert lines == ["Ingesting 50%: 5 documents, 50 chunks, 25/s, 0.0 MB", "a [line]"]


def test_progress_in_a_terminal_is_a_bar_with_rate_and_time_left():
    out = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    shown = Shown(out, total=1000)
    with shown.running():
        shown.indexing(Progress(5, 50, 500, 2.0))
        shown._bar.refresh()
        shown.asked(3, 10)
        shown._bar.refresh()
    said = out.file.getvalue()
    assert "50%" in said
    assert "25/s" in said
    assert "3 of 10 questions" in said


def test_a_domain_stands_with_its_probability_and_what_is_known_of_it():
    known = {"owner": "[b]us[/b]"}
    domains = [
        {"name": "law", "probability": 0.75, "metadata": known},
        {"name": "tax", "probability": 0.25, "metadata": {}},
    ]
    assert printed(show_domains, domains) == '0.750  law  {"owner": "[b]us[/b]"}\n0.250  tax\n'
