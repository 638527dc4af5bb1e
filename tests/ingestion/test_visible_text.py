from hypothesis import given
from hypothesis import strategies as st

from ingestion.document import Heading
from ingestion.visible_text import BREAKS, visible_text

PAGE = """<!doctype html><title> The\n title </title>
<nav>Home <a href=/>Start</a></nav><script>var a = "<p>no</p>";</script><style>p {}</style>
<h1>Big <b>head</b>ing<a class=headerlink href="#x">¶</a></h1>
<p>Hello   <i>wor</i>ld,
and on.<p>Line<br>break<div>one</div><div>two</div><span hidden>no</span>
<p style="color: red; display:none">no</p><div style="visibility: hidden">no</div>
<ul><li>a<li>b<ol start=3><li>c<li><p>d</p></ol></ul>
<h2>Table</h2>
<table><tr><th>k<th>v<th>w<tr><td><p>a</p><td><td>c<tr><td><td>b<tr><td><td></table>
<pre>
if x:
    y()
</pre>end<template><p>no</template><select><option>no</select>"""


def test_a_page_reads_as_a_browser_shows_it() -> None:
    page = visible_text(PAGE)
    assert page.text.split("\n\n") == [
        "Big heading",
        "Hello world, and on.",
        "Line\nbreak",
        "one\ntwo",
        "- a\n- b\n  3. c\n  4. d",
        "Table",
        "k | v | w\na | | c\n| b",
        "if x:\n    y()",
        "end",
    ]
    assert page.title == "The title"


def test_headings_stand_at_their_words() -> None:
    page = visible_text(PAGE)
    assert [(each.level, each.text) for each in page.headings] == [(1, "Big heading"), (2, "Table")]
    assert all(page.text[each.start :].startswith(each.text) for each in page.headings)


def test_the_first_heading_is_the_title_of_a_page_without_one() -> None:
    assert visible_text("<h2>b</h2><h1>a</h1><h1>c</h1>").title == "a"


def test_the_roles_of_accessible_pages_count() -> None:
    page = visible_text("<div role=heading aria-level=3>A</div><div role=navigation>no</div>b")
    assert page.text == "A\nb"
    assert page.headings == (Heading(0, 3, "A"),)


def test_characters_that_nobody_sees_are_left_out() -> None:
    assert visible_text("<p>hy&shy;phen a&nbsp;b z\u200bw").text == "hyphen a b zw"


def test_a_table_that_lays_out_a_page_keeps_its_paragraphs() -> None:
    page = visible_text("<table><tr><td>menu<td><h1>T</h1><p>One.</p><p>Two.</p></table>")
    assert page.text == "menu | T\n\nOne.\n\nTwo."
    assert page.headings == (Heading(7, 1, "T"),)


def test_the_rows_of_a_table_stay_together_whatever_is_in_its_cells() -> None:
    row = "<tr><td><p>a</p><td><p>b</p><p>c</p></tr>"
    assert visible_text(f"x<table>{row}{row}</table>y").text == ("x\n\na | b\n\nc\na | b\n\nc\n\ny")
    row = "<li><p>a</p><li><p>b</p>"
    assert visible_text(f"x<ul>{row}</ul>y").text == "x\n\n- a\n- b\n\ny"


def test_a_heading_that_is_never_closed_is_cut() -> None:
    (heading,) = visible_text("<h1>Title " + "and more words " * 1000).headings
    assert heading.text.startswith("Title and more words")
    assert len(heading.text) <= 500


def test_nesting_deeper_than_the_stack_is_read() -> None:
    assert visible_text("<b>" * 5_000 + "deep").text == "deep"


TAGS = st.sampled_from(sorted(BREAKS.keys() | {"td", "b", "br", "nav", "span"}))
MARKUP = st.lists(
    st.one_of(
        TAGS.map("<{}>".format), TAGS.map("</{}>".format), st.text("ab \n\u00ad¶", max_size=4)
    ),
    max_size=40,
)


@given(MARKUP)
def test_any_markup_gives_headings_that_ascend_and_begin_with_their_first_word(
    markup: list[str],
) -> None:
    page = visible_text("".join(markup))
    starts = [each.start for each in page.headings]
    assert starts == sorted(set(starts))
    for each in page.headings:
        assert page.text[each.start :].lstrip().startswith(each.text.split()[0])
