"""A table of questions and quotes: read, located in the corpus, and never guessed."""

from pathlib import Path

import pytest

from eval.corpus import Corpus, judged
from eval.dataset import load_dataset
from ingestion.load import LoadOptions, load
from retrieval.errors import InputError
from retrieval.types import Span

TEXT = (
    "The cat sat on the mat. The dog barked at the postman."
    " It began on 1 May 1921. It ended on 2 May 1921."
)


def written(folder: Path, text: str) -> Path:
    (folder / "corpus").mkdir(exist_ok=True)
    (folder / "corpus" / "a.txt").write_text(TEXT)
    (folder / "corpus" / "b.txt").write_text("The dog barked at the postman. And so on.")
    (folder / "quotes.csv").write_text(text, encoding="utf-8")
    return folder


def kept(folder: Path):
    dataset = load_dataset(folder)
    corpus = Corpus(dataset.judged_documents)
    list(corpus.seen(load([dataset.corpus], LoadOptions())))
    return judged(dataset, corpus)


def test_rows_become_questions_and_located_evidence(tmp_path: Path) -> None:
    rows = (
        "Question,Document,Quote,Grade,Group\n"
        'where?,a.txt,"The cat sat\non the mat",2,x\n'
        "where?,a.txt,teh dog barked at the postman,,\n"
        "who?,,And so on.,,\n"
        "what else?,,,,\n"
    )
    found = kept(written(tmp_path, rows))
    assert [(each.id, each.text) for each in found.queries] == [("q1", "where?"), ("q2", "who?")]
    assert [each.text for each in found.unanswerable] == ["what else?"]
    assert [(each.span, each.grade, each.group) for each in found.judgments["q1"]] == [
        (Span(0, 22), 2, "x"),
        (Span(24, 53), 1, None),
    ]
    assert [each.document_id for each in found.judgments["q2"]] == ["b.txt"]
    assert [each.line for each in found.findings] == [
        "1 judged quotes differ from the text by up to 10% of their characters (found), such as"
        " q1 -> a.txt 'teh dog barked at the postman'"
    ]


def test_quotes_that_are_nowhere_or_near_to_two_places_are_reported(tmp_path: Path) -> None:
    rows = (
        "question;document;quote\n"
        "twice?;;The dog barked at the postman.\n"
        "when?;a.txt;It begann on 1 May 1921.\n"
        "date?;a.txt;on 7 May 1921\n"
        "what?;a.txt;A horse is a horse\n"
        "who?;c.txt;The cat\n"
    )
    found = kept(written(tmp_path, rows))
    assert [each.text for each in found.queries] == ["twice?", "when?"]
    assert [each.document_id for each in found.judgments["q1"]] == ["a.txt", "b.txt"]
    assert [each.line for each in found.findings] == [
        "1 judged quotes stand in several places (any of them), such as"
        " q1 -> anywhere 'The dog barked at the postman.'",
        "1 judged quotes differ from the text by up to 10% of their characters (found), such as"
        " q2 -> a.txt 'It begann on 1 May 1921.'",
        "1 judged quotes are as near to several different places (left out), such as"
        " q3 -> a.txt 'on 7 May 1921'",
        "1 judged spans are stale: not in the text (left out), such as"
        " q4 -> a.txt 'A horse is a horse'",
        "1 judged spans are stale: no such document (left out), such as q5 -> c.txt 'The cat'",
        "3 queries have only stale judgments (not scored), such as q3; q4; q5",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "quotes.csv is empty"),
        ("question,quote\nwhy?,x\n", "column 'document' is needed in the first line; there are"),
        ("question,query,document,quote\n", "two columns are the question"),
        ("question,document,quote\n,a.txt,x\n", "quotes.csv:2: the question is empty"),
        ("question,document,quote,grade\nwhy?,a.txt,x,good\n", "quotes.csv:2: the grade must be"),
        ('question,document,quote\nwhy?,a.txt,"x\n', r"quotes.csv:2: no CSV"),
        ("question,document,quote\nwhy?,a.txt,x\nwhy?,,\n", "has rows with evidence, and one"),
        ("id,question,document,quote\n1,why?,a,x\n1,how?,a,x\n", "'1' is already the id of 'why"),
    ],
)
def test_a_bad_table_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_dataset(written(tmp_path, text))


def test_a_table_without_quotes_judges_documents(tmp_path: Path) -> None:
    found = load_dataset(written(tmp_path, "question,document,quote\nwhy?,a.txt,\n"))
    assert found.form == "documents"
