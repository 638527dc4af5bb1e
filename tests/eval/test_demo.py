"""The demo corpus is readable, repeatable and complete; its judgments point at what they say."""

import ast
import json
import re
import sys
import sysconfig
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from eval.demo.corpus import documents, write_corpus

ROOT = Path(__file__).parents[2]
JUDGED_ON = (3, 11, 7)
KINDS = {"lookup", "howto", "compare", "error", "multi", "unanswerable"}


def lines_of(name: str) -> list[dict[str, Any]]:
    text = (ROOT / "eval" / "demo" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def reading() -> tuple[dict[str, str], set[str]]:
    """Return the corpus, and the modules that were imported while it was read."""
    ast.get_docstring(ast.parse(""))
    sysconfig.get_paths()  # both import a module of their own at first use
    before = set(sys.modules)
    return documents(), set(sys.modules) - before


@pytest.fixture(scope="module")
def texts(reading) -> dict[str, str]:
    return reading[0]


@pytest.fixture(scope="module")
def queries() -> list[dict[str, Any]]:
    return lines_of("queries.jsonl")


@pytest.fixture(scope="module")
def judgments() -> list[dict[str, Any]]:
    return lines_of("judgments.jsonl")


# --- the corpus


def test_two_writes_give_the_same_files_and_leave_nothing_stale(tmp_path, texts):
    folder = tmp_path / "corpus"
    (folder / "library").mkdir(parents=True)
    (folder / "library" / "stale.md").write_text("from an earlier Python", encoding="utf-8")
    assert write_corpus(folder) == len(texts)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    assert [path.relative_to(folder).as_posix() for path in paths] == sorted(texts)
    for path in paths:
        written = path.read_bytes()
        assert written == texts[path.relative_to(folder).as_posix()].encode()
        assert b"\r" not in written
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_a_folder_with_other_things_in_it_is_not_replaced(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work", encoding="utf-8")
    with pytest.raises(FileExistsError, match="not a demo corpus"):
        write_corpus(tmp_path)
    assert (tmp_path / "thesis.docx").exists()


def test_the_corpus_holds_the_reference_and_the_public_library(texts):
    folders = Counter(document_id.split("/")[0] for document_id in texts)
    assert folders["reference"] >= 70
    assert folders["library"] >= 200
    assert {"library/json.decoder.md", "library/asyncio.tasks.md", "reference/with.md"} <= {*texts}
    stems = [part for document_id in texts for part in document_id[:-3].split("/")[1].split(".")]
    assert not [stem for stem in stems if stem.startswith("_") or stem in ("test", "idlelib")]


def test_what_a_module_takes_from_a_private_twin_is_in_its_document(texts):
    assert "## class datetime(date)" in texts["library/datetime.md"]
    assert "### quantize(self, exp" in texts["library/decimal.md"]
    assert "### resolve(self, strict=False)" in texts["library/pathlib.md"]


def test_a_parser_sees_exactly_the_headings_that_were_written(texts):
    parser = MarkdownIt("commonmark").disable("inline")
    for document_id, text in texts.items():
        tokens = parser.parse(text)
        parsed = [
            (int(token.tag[1]), following.content)
            for token, following in pairwise(tokens)
            if token.type == "heading_open"
        ]
        written = re.findall(r"^(#{1,6}) (.+)$", text, re.MULTILINE)
        assert parsed == [(len(marks), title) for marks, title in written], document_id
        assert parsed[0][0] == 1, document_id


def test_reading_the_corpus_imports_no_module(reading):
    texts, imported = reading
    assert imported == set()
    modules = {document_id[len("library/") : -3] for document_id in texts}
    assert len(modules - set(sys.modules)) > 100


# --- the judged questions


def test_there_are_enough_questions_of_every_kind(queries, judgments):
    groups = defaultdict(set)
    for judgment in judgments:
        groups[judgment["query_id"]].add(judgment["group"])
    answerable = [query["_id"] for query in queries if query["metadata"]["answerable"]]
    assert len(answerable) >= 80
    assert sum(len(groups[query_id]) > 1 for query_id in answerable) >= 24
    assert {query["metadata"]["kind"] for query in queries} == KINDS
    assert len({judgment["document_id"] for judgment in judgments}) >= 45


def test_exactly_ten_questions_have_no_answer_and_no_judgment(queries, judgments):
    judged = {judgment["query_id"] for judgment in judgments}
    empty = [query for query in queries if query["_id"] not in judged]
    assert len(empty) == 10
    for query in queries:
        unanswerable = query["metadata"]["kind"] == "unanswerable"
        assert unanswerable == (query in empty) == (not query["metadata"]["answerable"])


def test_questions_are_well_formed_and_asked_once(queries):
    assert [query["_id"] for query in queries] == [f"q{n + 1:03d}" for n in range(len(queries))]
    assert len({query["text"].casefold() for query in queries}) == len(queries)
    for query in queries:
        assert set(query) == {"_id", "text", "metadata"}
        assert query["text"].strip() == query["text"] != ""


def test_every_judgment_is_well_formed_and_names_a_question(queries, judgments):
    ids = {query["_id"] for query in queries}
    fields = {"query_id", "document_id", "start", "end", "quote", "grade", "group"}
    seen = set()
    for judgment in judgments:
        assert set(judgment) == fields
        assert judgment["query_id"] in ids
        assert judgment["grade"] in (1, 2)
        assert judgment["end"] - judgment["start"] == len(judgment["quote"]) > 0
        seen.add(tuple(judgment[name] for name in ("query_id", "document_id", "start", "group")))
    assert len(seen) == len(judgments)


def test_the_groups_of_a_question_count_from_one_and_each_can_be_answered(judgments):
    answers = defaultdict(set)
    for judgment in judgments:
        answers[judgment["query_id"]] |= {(judgment["group"], judgment["grade"])}
    for query_id, pairs in answers.items():
        groups = {group for group, _ in pairs}
        assert groups == set(range(1, len(groups) + 1)), query_id
        assert all((group, 2) in pairs for group in groups), query_id


def test_quotes_are_found_in_the_corpus_of_this_python(texts, judgments):
    plain = {document_id: " ".join(text.split()) for document_id, text in texts.items()}
    found = [
        " ".join(judgment["quote"].split()) in plain.get(judgment["document_id"], "")
        for judgment in judgments
    ]
    assert sum(found) >= 0.9 * len(found)


@pytest.mark.skipif(sys.version_info[:3] != JUDGED_ON, reason="spans are those of another Python")
def test_every_quote_is_exactly_at_its_span(texts, judgments):
    for judgment in judgments:
        text = texts[judgment["document_id"]]
        assert text[judgment["start"] : judgment["end"]] == judgment["quote"]


@pytest.mark.skipif(sys.version_info[:3] != JUDGED_ON, reason="spans are those of another Python")
def test_the_same_words_elsewhere_are_judged_the_same(texts, judgments):
    judged = defaultdict(list)
    for judgment in judgments:
        words = " ".join(judgment["quote"].split())
        judged[judgment["query_id"], judgment["group"], words].append(judgment["document_id"])
    plain = {document_id: " ".join(text.split()) for document_id, text in texts.items()}
    for (query_id, _, words), places in judged.items():
        everywhere = [name for name, text in plain.items() for _ in range(text.count(words))]
        assert sorted(places) == sorted(everywhere), (query_id, words)
