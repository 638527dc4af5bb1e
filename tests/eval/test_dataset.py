"""Datasets: both forms, and every way in which one can be wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.corpus import Corpus, judged
from eval.dataset import load_dataset
from eval.judgments import Judgment
from ingestion.document import Document, Failure
from ingestion.load import Loaded
from retrieval.errors import InputError, NotFoundError
from retrieval.manifest import digest
from retrieval.types import Span


def lines(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def beir(folder: Path, queries: list[dict[str, Any]], qrels: str, split: str = "test") -> Path:
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    (folder / "corpus.jsonl").write_text(lines([{"_id": "d1", "text": "one"}]))
    (folder / "queries.jsonl").write_text(lines(queries))
    (folder / "qrels" / f"{split}.tsv").write_text(qrels)
    return folder


def spans(folder: Path, queries: list[dict[str, Any]], judgments: list[dict[str, Any]]) -> Path:
    (folder / "corpus").mkdir(parents=True)
    (folder / "queries.jsonl").write_text(lines(queries))
    (folder / "judgments.jsonl").write_text(lines(judgments))
    return folder


def query(id: str, text: str = "why?", **meta: Any) -> dict[str, Any]:
    return {"_id": id, "text": text, "metadata": meta}


def notes(dataset: Any) -> list[str]:
    return [each.line for each in dataset.findings]


def test_a_beir_folder_asks_the_judged_queries_of_its_split(tmp_path: Path) -> None:
    queries = [query("q1", "why?"), query("q2"), query("q3")]
    folder = beir(tmp_path / "set", queries, "query-id\tcorpus-id\tscore\nq3\td1\t1\nq1\td1\t2\n")
    found = load_dataset(folder)
    assert (found.name, found.form, found.split) == ("set", "documents", "test")
    assert [each.id for each in found.queries] == ["q1", "q3"]
    assert found.judgments["q1"] == (Judgment("q1", "d1", 2),)
    assert found.corpus == folder / "corpus.jsonl"
    assert notes(found) == ["1 queries have no judgment in 'test' (not asked), such as q2"]


def test_what_is_wrong_with_judgments_is_counted_with_examples(tmp_path: Path) -> None:
    qrels = "q1 d1 0\nq1 d1 2\nq1 d1 1\nq9 d1 1\nq2 d1 0\nq3 d1 1\n"
    found = load_dataset(beir(tmp_path, [query("q1"), query("q2"), query("q3", " ")], qrels))
    assert found.judgments["q1"] == (Judgment("q1", "d1", 2),)
    assert notes(found) == [
        "1 judgments name queries that are not there (left out), such as q9 -> d1",
        "2 judgments repeat a place (highest grade kept), such as q1 -> d1; q1 -> d1",
        "1 queries are empty (count 0), such as q3",
        "1 queries have only irrelevant judgments (count 0, as in trec_eval -c), such as q2",
    ]


def test_the_span_form_knows_unanswerable_queries(tmp_path: Path) -> None:
    judgment = {"query_id": "q1", "document_id": "a.md", "start": 0, "end": 3, "quote": "one"}
    queries = [query("q1"), query("q2", answerable=False), query("q3", answerable=True)]
    against = judgment | {"query_id": "q2"}
    found = load_dataset(spans(tmp_path / "set", queries, [judgment, against]))
    assert (found.form, found.split) == ("spans", "all")
    assert [(each.id, each.answerable) for each in found.queries] == [("q1", True), ("q2", False)]
    assert found.corpus == tmp_path / "set" / "corpus"
    assert notes(found) == [
        "1 judgments on queries marked as unanswerable (ignored), such as q2 -> a.md",
        "1 queries have no judgment in 'all' (not asked), such as q3",
    ]


def test_references_are_spans_unless_a_split_is_named(tmp_path: Path) -> None:
    reference = {"content": "one", "start_index": 0, "end_index": 3}
    queries = [query("q1", corpus_id="d1", references=[reference])]
    folder = beir(tmp_path, queries, "q1 d1 1\n")
    assert load_dataset(folder).judgments["q1"] == (Judgment("q1", "d1", 1, Span(0, 3), "one"),)
    assert load_dataset(folder, "test").form == "documents"


def test_whole_documents_may_be_judged_in_groups_but_not_beside_spans(tmp_path: Path) -> None:
    whole = [{"query_id": "q1", "document_id": id, "group": "g"} for id in ("a", "b")]
    found = load_dataset(spans(tmp_path / "set", [query("q1")], whole))
    assert (found.form, found.split) == ("documents", "all")
    assert found.judgments["q1"] == tuple(Judgment("q1", id, group="g") for id in ("a", "b"))
    span = {"query_id": "q1", "document_id": "a", "start": 0, "end": 3}
    with pytest.raises(InputError, match="2 judgments are on whole documents, such as q1 -> a"):
        load_dataset(spans(tmp_path / "mixed", [query("q1")], [*whole, span]))


def test_the_hashes_follow_content_and_not_order(tmp_path: Path) -> None:
    first = load_dataset(beir(tmp_path / "a", [query("q1"), query("q2")], "q1 d1 1\nq2 d1 1\n"))
    other = load_dataset(beir(tmp_path / "b", [query("q2"), query("q1")], "q2 d1 1\nq1 d1 1\n"))
    graded = load_dataset(beir(tmp_path / "c", [query("q1"), query("q2")], "q1 d1 2\nq2 d1 1\n"))
    asked = load_dataset(beir(tmp_path / "d", [query("q1", "?"), query("q2")], "q1 d1 1\nq2 d1 1"))
    assert first.hashes == other.hashes
    assert first.hashes["judgments"] != graded.hashes["judgments"]
    assert first.hashes["queries"] == graded.hashes["queries"] != asked.hashes["queries"]


def test_what_is_missing_is_named_with_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is no folder"):
        load_dataset(tmp_path / "nowhere")
    with pytest.raises(NotFoundError, match=r"corpus.jsonl is not there.*judgments.jsonl"):
        load_dataset(tmp_path)
    folder = beir(tmp_path / "set", [query("q1")], "q1 d1 1\n", "dev")
    with pytest.raises(NotFoundError, match=r"qrels/test.tsv is not there. Its splits are: dev"):
        load_dataset(folder)
    (folder / "queries.jsonl").unlink()
    with pytest.raises(NotFoundError, match=r"questions are not there.*queries.jsonl and qrels"):
        load_dataset(folder)


def test_an_empty_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no query in it"):
        load_dataset(beir(tmp_path / "a", [], "q1 d1 1\n"))
    with pytest.raises(InputError, match="none of 0 judgments"):
        load_dataset(beir(tmp_path / "b", [query("q1")], "query-id\tcorpus-id\tscore\n"))
    with pytest.raises(InputError, match=r"none of 1 judgments \(test\) is of one of the 1"):
        load_dataset(beir(tmp_path / "c", [query("q1")], "q2 d1 1\n"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"_id": "q1"', r"queries.jsonl:1: no JSON"),
        ('{"_id": "q1"}', r"queries.jsonl:1: 'text' is needed as a string, got None"),
        ('{"text": "x"}', r"queries.jsonl:1: 'id' is needed"),
        ('{"_id": "q1", "text": "x", "metadata": [1]}', r"queries.jsonl:1: metadata must be"),
        ('{"_id": "q1", "text": "x"}\n' * 2, r"queries.jsonl:2: query 'q1' is already at .*:1"),
    ],
)
def test_a_bad_query_is_named(tmp_path: Path, text: str, said: str) -> None:
    folder = beir(tmp_path, [], "q1 d1 1\n")
    (folder / "queries.jsonl").write_text(text)
    with pytest.raises(InputError, match=said):
        load_dataset(folder)


def seen(*documents: Document, wanted: tuple[str, ...] = ()) -> Corpus:
    corpus = Corpus(wanted)
    loaded = [Loaded(each, "corpus.jsonl", 0) for each in documents]
    assert list(corpus.seen(loaded)) == loaded
    return corpus


def test_unknown_documents_stay_relevant_and_are_reported(tmp_path: Path) -> None:
    dataset = load_dataset(beir(tmp_path, [query("q1")], "q1 d1 1\nq1 gone 1\n"))
    kept = judged(dataset, seen(Document("d1", "one")))
    assert kept.judgments["q1"] == (Judgment("q1", "d1"), Judgment("q1", "gone"))
    assert notes(kept) == [
        "1 judged documents are not in the corpus (relevant, but nobody can find them),"
        " such as q1 -> gone"
    ]


def test_what_cannot_be_loaded_is_a_finding(tmp_path: Path) -> None:
    dataset = load_dataset(beir(tmp_path, [query("q1")], "q1 d1 1\n"))
    corpus = seen(Document("d1", "one"))
    list(corpus.seen([Loaded(Failure("corpus.jsonl, line 2", "no JSON"), "corpus.jsonl", 0)]))
    assert notes(judged(dataset, corpus)) == [
        "1 parts of the corpus cannot be read, such as corpus.jsonl, line 2: no JSON"
    ]


def test_a_corpus_without_any_judged_document_is_refused(tmp_path: Path) -> None:
    dataset = load_dataset(beir(tmp_path, [query("q1")], "q1 d1 1\n"))
    with pytest.raises(InputError, match="no judgment holds in the corpus of 1 documents"):
        judged(dataset, seen(Document("other", "one")))
    with pytest.raises(InputError, match="the corpus holds no document"):
        judged(dataset, seen())


def test_spans_follow_their_text_and_stale_ones_take_their_query_along(tmp_path: Path) -> None:
    def place(query_id: str, document_id: str, quote: str, grade: int = 1) -> dict[str, Any]:
        return {
            "query_id": query_id,
            "document_id": document_id,
            "start": 0,
            "end": len(quote),
            "quote": quote,
            "grade": grade,
        }

    places = [
        place("moved", "a", "cat"),
        place("half", "a", "cat"),
        place("half", "a", "horse"),
        place("stale", "a", "horse"),
        place("stale", "a", "cat", 0),
        place("gone", "b", "cat"),
        place("irrelevant", "a", "cat", 0),
    ]
    queries = [query(each) for each in ("moved", "half", "stale", "gone", "irrelevant")]
    dataset = load_dataset(spans(tmp_path / "set", queries, places))
    kept = judged(dataset, seen(Document("a", "the cat"), wanted=("a", "b")))
    assert [each.id for each in kept.queries] == ["moved", "half", "irrelevant"]
    assert kept.judgments["moved"] == (Judgment("moved", "a", 1, Span(4, 7), "cat"),)
    assert [each.quote for each in kept.judgments["half"]] == ["cat"]
    assert notes(kept)[1:] == [
        "4 judged spans moved with their text (found again), such as moved -> a 'cat';"
        " half -> a 'cat'; stale -> a 'cat'",
        "2 judged spans are stale: not in the text (left out), such as half -> a 'horse';"
        " stale -> a 'horse'",
        "1 judged spans are stale: no such document (left out), such as gone -> b 'cat'",
        "2 queries have only stale judgments (not scored), such as stale; gone",
    ]


def test_the_corpus_hash_follows_ids_and_content_and_not_order_or_metadata() -> None:
    first, second = Document("a", "one"), Document("b", "two", "title")
    known = seen(first, second).hash
    assert seen(second, first).hash == known
    assert seen(first, Document("b", "two", "title", meta={"year": 1})).hash == known
    assert seen(first, Document("b", "two")).hash != known
    assert seen(Document("c", "one"), second).hash != known


def test_quotes_without_a_place_are_found_in_the_whole_corpus(tmp_path: Path) -> None:
    quotes = [
        {"query_id": "one", "quote": "the  cat", "grade": 2},
        {"query_id": "many", "quote": "cat"},
        {"query_id": "many", "quote": "dog", "document_id": "b"},
        {"query_id": "none", "quote": "horse"},
        {"query_id": "none", "quote": "cat", "grade": 0},
    ]
    queries = [query(each) for each in ("one", "many", "none")]
    dataset = load_dataset(spans(tmp_path / "set", queries, quotes))
    assert "" in dataset.judged_documents
    documents = (Document("a", "the cat"), Document("b", "cat and dog"))
    kept = judged(dataset, seen(*documents, wanted=tuple(dataset.judged_documents)))
    assert kept.judgments["one"] == (Judgment("one", "a", 2, Span(0, 7), "the  cat"),)
    assert [each.group for each in kept.judgments["many"]] == ["cat", "cat", None]
    assert notes(kept) == [
        "2 judged quotes stand in several places (any of them), such as many -> anywhere 'cat';"
        " none -> anywhere 'cat'",
        "1 judged spans are stale: not in the text (left out), such as none -> anywhere 'horse'",
        "1 queries have only stale judgments (not scored), such as none",
    ]


def test_a_file_of_other_words_asks_the_ids_that_it_names(tmp_path: Path) -> None:
    queries = [query("q1", "why?", kind="a"), query("q2", "how?"), query("q3", "who?")]
    folder = beir(tmp_path / "set", queries, "q1 d1 1\nq2 d1 1\nq3 d1 1\n")
    file = tmp_path / "reworded.jsonl"
    file.write_text(lines([{"_id": "q2"}, {"_id": "q1", "text": "for what reason?"}, query("q9")]))
    found = load_dataset(folder, queries=file)
    assert [(each.id, each.text) for each in found.queries] == [
        ("q1", "for what reason?"),
        ("q2", "how?"),
    ]
    assert found.queries[0].meta == {"kind": "a"}
    assert set(found.judgments) == {"q1", "q2"}
    assert found.wording == "reworded.jsonl"
    assert found.hashes["queries"] != load_dataset(folder).hashes["queries"]
    assert notes(found) == [
        "1 ids in reworded.jsonl are no queries of the dataset (left out), such as q9",
        "1 queries are not in reworded.jsonl (not asked), such as q3",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"_id": "q9", "text": "a"}', "none of its 1 ids is a query of the dataset"),
        ('{"_id": "q1"}\n{"_id": "q1"}', "'q1' is there twice"),
        ('{"text": "a"}', "words.jsonl:1"),
        ("", "none of its 0 ids"),
    ],
)
def test_a_file_of_other_words_that_cannot_be_used_is_named(
    tmp_path: Path, text: str, said: str
) -> None:
    folder = beir(tmp_path / "set", [query("q1")], "q1 d1 1\n")
    file = tmp_path / "words.jsonl"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        load_dataset(folder, queries=file)
    with pytest.raises(NotFoundError, match=r"gone.jsonl is not there"):
        load_dataset(folder, queries=tmp_path / "gone.jsonl")


def test_alternatives_on_documents_have_a_hash_of_their_own(tmp_path: Path) -> None:
    """Runs of versions that asked for each of them are not compared with those of now."""
    one = [{"query_id": "q1", "document_id": id, "group": "x"} for id in ("d1", "d2")]
    two = [{**each, "group": each["document_id"]} for each in one]
    found = []
    for name, lines in (("one", one), ("two", two)):
        dataset = load_dataset(spans(tmp_path / name, [query("q1")], lines))
        places = [["q1", each["document_id"], 1, None, "", each["group"]] for each in lines]
        found.append(dataset.hashes["judgments"] == digest(sorted(places, key=repr)))
    assert found == [False, True]
