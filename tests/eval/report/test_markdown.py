"""A report as Markdown: text stays text, and tables stay tables."""

from pathlib import Path

import pytest

from eval.report.build import report
from eval.report.markdown import escaped, markdown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<b>a</b> & b", "&lt;b&gt;a&lt;/b&gt; &amp; b"),
        ("a | b\nc", r"a \| b c"),
        ("`x` *y* ~z~ \\", r"\`x\` \*y\* \~z\~ \\"),
        ("_so_ snake_case", r"\_so\_ snake_case"),
        ("![a](http://b)", r"![a]\(http://b)"),
        ("@you nDCG@10 #12", "@<!-- -->you nDCG@10 #<!-- -->12"),
    ],
)
def test_text_is_no_markup(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_two_runs_have_a_table_of_differences_and_named_questions(runs: tuple[Path, Path]) -> None:
    text = markdown(report(list(runs)))
    assert "| measure | sparse | hybrid | change [95% interval] | p | helped | hurt |" in text
    assert "<script>" not in text
    rows = [line for line in text.splitlines() if line.startswith("| nDCG@10")]
    assert len(rows) == 1
    assert "things to find" in text
    assert "- Fingerprint: " in text


def test_a_ladder_has_a_row_for_each_rung(ladder: Path) -> None:
    text = markdown(report([ladder]))
    assert "### hostile, 16 questions" in text
    assert "| sparse | 0." in text
    assert "| not enough queries |" in text


def test_one_run_names_its_worst_questions(runs: tuple[Path, Path]) -> None:
    text = markdown(report([runs[0]]))
    assert "Lowest nDCG@10:" in text
    assert "| hit rate@10 | " in text
