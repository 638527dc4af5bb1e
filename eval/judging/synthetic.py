"""Questions that a language model writes to passages of a corpus, with the span that answers each.

They find regressions and compare pipelines where there are no real questions yet. They tell more
about how a model words things than about users: whoever sees a figure on them is told so.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path
from typing import Any

from eval.bench import Watch
from eval.judging.labels import RELEVANT
from eval.judging.llm_judge import grade
from eval.judging.model import Model, schema
from eval.judgments import Judgment, anchored
from ingestion.chunk import build_chunker, pieces
from ingestion.document import Document
from ingestion.load import LoadOptions, load
from ingestion.reading import Reading
from retrieval.errors import InputError, ProviderError
from retrieval.kit import Embedder, Prompt
from retrieval.types import Span

VERSION = "1"
PROMPT = """\
You write questions for testing a search engine. The user's message is a passage. Write one question
that somebody who has never seen the passage could ask, and that the passage answers fully. Use your
own words: do not copy phrases from the passage, do not say "the passage" or "the text", and name
what the question is about, so that it can be understood by itself. Then quote, letter by letter,
the shortest part of the passage that holds the answer.
Answer with JSON: {"question": "...", "quote": "..."}"""
TEXT = {"type": "string", "minLength": 1}
SCHEMA = schema(question=TEXT, quote=TEXT)
LEAST_CHARS = 200
"""Shorter passages are not asked about."""
LONGEST_RUN = 5
"""So many words in a row that a question shares with its passage are a copy."""
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Passage:
    """A part of a document that a question is written to."""

    document: Document
    span: Span

    @property
    def text(self) -> str:
        """Its text."""
        return self.document.text[self.span.start : self.span.end]


@dataclass(frozen=True)
class Written:
    """A question that passed, and where its answer stands."""

    question: str
    judgment: Judgment


@dataclass
class Questions:
    """What was written: questions that passed, why others did not, and an example of each."""

    documents: dict[str, Document] = field(default_factory=dict)
    written: list[Written] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def refuse(self, why: str, example: str) -> None:
        """Count a question that does not pass."""
        self.refused[why] += 1
        self.examples.setdefault(why, example)


def passages(paths: Sequence[Path], embedder: Embedder, count: int, seed: int = 0) -> list[Passage]:
    """Return a sample of passages, every one as likely as another, none of them very short.

    Raises: InputError where there is none.
    """
    chunker = build_chunker("structure")
    found = []
    for loaded in load(list(paths), LoadOptions()):
        if isinstance(loaded.item, Document):
            cut = pieces(chunker, Reading(loaded.item, embedder, "text"))
            found += [Passage(loaded.item, span) for span, _ in cut]
    found = [each for each in found if len(each.text.strip()) >= LEAST_CHARS]
    if not found:
        raise InputError(
            f"{', '.join(map(str, paths))}: no passage of {LEAST_CHARS} characters or more.", "path"
        )
    random.Random(seed).shuffle(found)
    return found[:count]


def write_questions(sample: Sequence[Passage], model: Model, watch: Watch) -> Questions:
    """Return the questions that a model writes to passages, those that pass.

    One passes if its quote stands in the passage; if it shares no LONGEST_RUN words in a row with
    it (leakage: BM25 would find it by its own words); if nobody asked it before; and if the same
    model, as a judge, gives the passage at least RELEVANT for it (answerable).
    """
    found = Questions()
    seen: set[str] = set()
    for passage, made in model.each(sample, lambda each: _ask(model, each), watch):
        if isinstance(made, ProviderError):
            found.refuse("the model failed", str(made))
            continue
        question, quote, given = made
        place = Judgment("", passage.document.id, 1, Span(0, max(1, len(quote))), quote)
        held = anchored(place, passage.text)
        if held is None or held.span is None:
            found.refuse("its quote is not in the passage", quote)
        elif longest_run(question, passage.text) >= LONGEST_RUN:
            found.refuse(f"it copies the passage ({LONGEST_RUN} words or more)", question)
        elif " ".join(question.lower().split()) in seen:
            found.refuse("it was asked before", question)
        elif given < RELEVANT:
            found.refuse("the passage does not answer it", question)
        else:
            seen.add(" ".join(question.lower().split()))
            start = passage.span.start
            span = Span(start + held.span.start, start + held.span.end)
            text = passage.document.text[span.start : span.end]
            judgment = Judgment(f"s{len(found.written) + 1}", passage.document.id, 1, span, text)
            found.written.append(Written(question, judgment))
            found.documents[passage.document.id] = passage.document
    return found


def _ask(model: Model, passage: Passage) -> tuple[str, str, int]:
    """Return a question, its quote, and the grade of the passage for it. Raises: ProviderError."""
    prompt = Prompt("questions", PROMPT, passage.text, VERSION, schema=SCHEMA, max_tokens=400)
    data = model.reply(prompt, f"{passage.document.id} {[*passage.span]}").data
    question, quote = data["question"].strip(), data["quote"].strip()
    return question, quote, grade(model, question, passage.text) if question else 0


def longest_run(question: str, passage: str) -> int:
    """Return how many words in a row a question shares with a passage, letter case aside."""
    one, other = (WORD.findall(text.lower()) for text in (question, passage))
    return SequenceMatcher(None, one, other, autojunk=False).find_longest_match().size


def write_dataset(found: Questions, paths: Sequence[Path], folder: Path, made_by: str) -> int:
    """Write the questions as a dataset in the form of spans, with the whole corpus; count them.

    Every question is marked as synthetic, with the model's name.

    Raises: InputError where no question passed, and for a folder that holds something.
    """
    if not found.written:
        why = "; ".join(f"{reason}: {count}" for reason, count in found.refused.most_common())
        raise InputError(f"No question passed. {why}", "count")
    folder.mkdir(parents=True, exist_ok=True)
    if next(islice(folder.iterdir(), 1), None):
        raise InputError(f"{folder} is not empty; give a new folder.", "out")
    about = {"synthetic": True, "model": made_by}
    documents = (each.item for each in load(list(paths), LoadOptions()))
    _write(
        folder / "corpus.jsonl",
        (
            {"_id": each.id, "title": each.title, "text": each.text}
            for each in documents
            if isinstance(each, Document)
        ),
    )
    _write(
        folder / "queries.jsonl",
        (
            {"_id": each.judgment.query_id, "text": each.question, "metadata": about}
            for each in found.written
        ),
    )
    _write(folder / "judgments.jsonl", (_line(each.judgment) for each in found.written))
    return len(found.written)


def _line(judgment: Judgment) -> dict[str, Any]:
    span = judgment.span or Span(0, 0)
    return {
        "query_id": judgment.query_id,
        "document_id": judgment.document_id,
        "start": span.start,
        "end": span.end,
        "quote": judgment.quote,
        "grade": judgment.grade,
    }


def _write(file: Path, lines: Any) -> None:
    with file.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
