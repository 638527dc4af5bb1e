"""Judgments: which document, or which span of it, answers a question, and how well."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.jsonl import records, string, text_lines, whole_number
from retrieval.errors import InputError
from retrieval.types import Span

GRADE_NAMES = ("score", "relevance", "rel", "grade", "label", "judgment", "judgement")


@dataclass(frozen=True, slots=True)
class Judgment:
    """One judged place: a whole document, or a span of it with the text it was judged on.

    With a quote and no span it is wherever the quote stands in the document; without a document
    (its id is empty), wherever that is in the corpus. `grade` is 0 for irrelevant, higher is
    better. Within one query, all groups are needed (AND) and one judgment of a group is enough
    (OR); a judgment without a group is a group of its own.
    """

    query_id: str
    document_id: str
    grade: int = 1
    span: Span | None = None
    quote: str = ""
    group: str | None = None

    @property
    def whole(self) -> bool:
        """Whether it is on a whole document."""
        return self.span is None and not self.quote.strip()


def positives(judgments: Sequence[Judgment]) -> list[tuple[str, Judgment]]:
    """Return the judgments above grade 0, each with the name of its group, in order.

    One without a group is named `#` and its place among all judgments, from 0.
    """
    return [
        (each.group if each.group is not None else f"#{number}", each)
        for number, each in enumerate(judgments)
        if each.grade > 0
    ]


def read_qrels(file: Path) -> Iterator[Judgment]:
    """Return the judgments of a qrels file, with a header or without, in the file's order.

    Columns: query, document, grade (BEIR) or query, iteration, document, grade (TREC), separated
    by tabs, or by white space in a line without a tab. A grade below 0 counts as 0, as trec_eval
    treats it in every measure used here.

    Raises: InputError that names file and line.
    """
    for number, (where, line) in enumerate(text_lines(file)):
        cells = [cell.strip() for cell in (line.split("\t") if "\t" in line else line.split())]
        if number == 0 and cells[-1].lower() in GRADE_NAMES:
            continue
        if len(cells) not in (3, 4) or not (cells[0] and cells[-2]):
            raise InputError(
                f"{where}: query, document and grade are needed, separated by tabs or spaces"
                f" (or query, iteration, document, grade), got {line!r}."
            )
        yield Judgment(cells[0], cells[-2], max(0, whole_number(cells[-1], "the grade", where)))


def read_spans(file: Path) -> Iterator[Judgment]:
    """Return the judgments of a `judgments.jsonl`, in its order.

    Needed: `query_id`, `document_id`, and `quote`, or `start` and `end`, or all three; without any
    of them the whole document is judged. A quote without a place may leave its document out too:
    it is looked for in all. `grade` is 1 where it is not given.

    Raises: InputError that names file and line.
    """
    for where, record in records(file):
        yield _span_judgment(record, string(record, "query_id", where), where)


def read_references(query_id: str, meta: Mapping[str, Any], where: str) -> Iterator[Judgment]:
    """Return the judgments in a query's own metadata: all of the references are needed.

    `corpus_id` names the document, `references` holds `content`, `start_index` and `end_index`:
    the form of the data of "Evaluating Chunking Strategies for Retrieval".

    Raises: InputError that names file and line.
    """
    references = meta["references"]
    if not isinstance(references, list) or not all(isinstance(each, dict) for each in references):
        raise InputError(f"{where}: metadata.references must be a list of objects.")
    for each in references:
        record = {
            "document_id": each.get("document_id", meta.get("corpus_id")),
            "start": each.get("start_index"),
            "end": each.get("end_index"),
            "quote": each.get("content", ""),
        }
        yield _span_judgment(record, query_id, where)


def _span_judgment(record: Mapping[str, Any], query_id: str, where: str) -> Judgment:
    quote, group = record.get("quote") or "", record.get("group")
    start, end = record.get("start"), record.get("end")
    if not isinstance(quote, str):
        raise InputError(f"{where}: 'quote' must be a string, got {quote!r}.")
    span = read_span(start, end, where)
    anywhere = span is None and bool(quote.strip()) and record.get("document_id") is None
    return Judgment(
        query_id,
        "" if anywhere else string(record, "document_id", where),
        max(0, whole_number(record.get("grade", 1), "'grade'", where)),
        span,
        quote,
        None if group is None else str(group),
    )


def read_span(start: Any, end: Any, where: str) -> Span | None:
    """Return the span of two numbers, None where there are none. Raises: InputError."""
    if start is None and end is None:
        return None
    first, last = whole_number(start, "'start'", where), whole_number(end, "'end'", where)
    if not 0 <= first < last:
        raise InputError(f"{where}: 0 <= start < end is needed, got {first} and {last}.")
    return Span(first, last)


def located(judgment: Judgment, texts: Mapping[str, str]) -> list[Judgment]:
    """Return a judgment where it holds in the texts of documents by id; nothing if it is stale.

    A quote without a span stands in every place that holds it exactly, or, where none does, with
    any white space between its words. Several places are alternatives: one group, named by the
    quote where it has no name.
    """
    if judgment.span is not None:
        text = texts.get(judgment.document_id)
        found = None if text is None else anchored(judgment, text)
        return [] if found is None else [found]
    own = {id: text for id, text in texts.items() if judgment.document_id in ("", id)}
    for pattern in _patterns(judgment.quote):
        places = [
            (id, Span(*match.span()))
            for id, text in own.items()
            for match in pattern.finditer(text)
        ]
        if places:
            alone = judgment.group is not None or len(places) == 1
            group = judgment.group if alone else judgment.quote
            return [
                replace(judgment, document_id=id, span=span, group=group) for id, span in places
            ]
    return []


def _patterns(quote: str) -> tuple[re.Pattern[str], ...]:
    """Return what finds a quote as it is, and with any white space between its words."""
    spaced = r"\s+".join(map(re.escape, quote.split()))
    return re.compile(re.escape(quote)), re.compile(spaced)


def anchored(judgment: Judgment, text: str) -> Judgment | None:
    """Return a judgment with its span where its quote stands in `text`, or None if it is stale.

    Where the span does not hold the quote, the quote is looked for exactly, then with any white
    space between its words; of several places the one nearest to the old start is taken. Without
    a quote the span is believed as long as it lies within the text.
    """
    span = judgment.span
    if span is None:
        return judgment
    if not judgment.quote.strip():
        return judgment if span.end <= len(text) else None
    if text[span.start : span.end] == judgment.quote:
        return judgment
    for pattern in _patterns(judgment.quote):
        found = [Span(*match.span()) for match in pattern.finditer(text)]
        if found:
            nearest = min(found, key=lambda each: abs(each.start - span.start))
            return replace(judgment, span=nearest)
    return None
