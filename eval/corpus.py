"""The corpus under the judgments: what its documents are, and which labels still match them."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from eval.dataset import Dataset
from eval.judgments import Judgment, located
from eval.questions import Finding, Query, findings
from eval.quotes import TOLERANCE, closest
from ingestion.document import Failure
from ingestion.load import Loaded
from retrieval.errors import InputError

SHOWN = 60
"""How many characters of a quote an example shows."""


class Corpus:
    """What is kept of documents on their way into an index: ids, judged texts, failures, a hash.

    `wanted` are the ids of documents whose text is kept, since judged spans are looked for in it;
    the empty id is that of every document.
    """

    def __init__(self, wanted: Iterable[str] = ()) -> None:
        """Start without documents."""
        self.ids: set[str] = set()
        self.texts: dict[str, str] = {}
        self.failures: list[Failure] = []
        self._wanted = frozenset(wanted)
        self._sum = 0

    def seen(self, items: Iterable[Loaded]) -> Iterator[Loaded]:
        """Give the same items, and note the documents and failures among them."""
        for each in items:
            item = each.item
            if isinstance(item, Failure):
                self.failures.append(item)
            elif item.id not in self.ids:
                self.ids.add(item.id)
                self._sum += content_sum(item.id, item.content_hash)
                if item.id in self._wanted or "" in self._wanted:
                    self.texts[item.id] = item.text
            yield each

    @property
    def hash(self) -> str:
        """The hash of ids, texts, titles and headings, whatever their order."""
        return hash_of(self._sum)


def content_sum(id: str, content_hash: str) -> int:
    """Return what a document adds to the sum that a corpus' hash is made of."""
    return int.from_bytes(hashlib.sha256(f"{id}\x1f{content_hash}".encode()).digest())


def hash_of(sum: int) -> str:
    """Return the hash of a corpus from the sum over its documents."""
    return f"{sum % 2**256:064x}"


@dataclass(frozen=True)
class Judged:
    """A dataset against its corpus: what is asked, scored, and left out.

    `queries` are scored; `unanswerable` ones are asked only. `judgments` by query: spans stand
    where their quotes do, stale ones are gone.
    """

    queries: tuple[Query, ...]
    unanswerable: tuple[Query, ...]
    judgments: dict[str, tuple[Judgment, ...]]
    findings: tuple[Finding, ...]


def judged(dataset: Dataset, corpus: Corpus) -> Judged:
    """Return a dataset's judgments as they hold in a corpus.

    A judged document that the corpus lacks stays relevant, so that nobody can find it (as in
    trec_eval); a span whose quote is nowhere in its document, or whose document is gone, is
    stale: it is left out, and with it a query that has nothing else to find.

    Raises: InputError where the corpus is empty, or none of the judgments holds in it.
    """
    if not corpus.ids:
        raise InputError(f"{dataset.corpus}: the corpus holds no document.", "dataset")
    kept = _documents(dataset, corpus) if dataset.form == "documents" else _spans(dataset, corpus)
    failed = (f"{each.source}: {each.reason}" for each in corpus.failures)
    kept = replace(
        kept, findings=findings("parts of the corpus cannot be read", failed) + kept.findings
    )
    if not kept.queries:
        raise InputError(
            f"{dataset.folder}: no judgment holds in the corpus of {len(corpus.ids)} documents:"
            f" {'; '.join(each.line for each in kept.findings)}.",
            "dataset",
        )
    return kept


def _documents(dataset: Dataset, corpus: Corpus) -> Judged:
    """Judgments on documents: unknown ones are found out and stay."""
    every = [each for found in dataset.judgments.values() for each in found]
    unknown = [each for each in every if each.document_id not in corpus.ids]
    what = "judged documents are not in the corpus (relevant, but nobody can find them)"
    found = findings(what, (f"{each.query_id} -> {each.document_id}" for each in unknown))
    scored = [q for q in dataset.queries if q.answerable] if len(unknown) < len(every) else []
    return Judged(
        tuple(scored), _unanswerable(dataset), dict(dataset.judgments), dataset.findings + found
    )


PLACED = {
    "moved": "judged spans moved with their text (found again)",
    "several": "judged quotes stand in several places (any of them)",
    "near": f"judged quotes differ from the text by up to {TOLERANCE:.0%} of their characters"
    " (found)",
    "unsure": "judged quotes are as near to several different places (left out)",
    "stale": "judged spans are stale: not in the text (left out)",
    "gone": "judged spans are stale: no such document (left out)",
}
"""How a judged span or quote may stand in a corpus, and what is said of it."""


def _spans(dataset: Dataset, corpus: Corpus) -> Judged:
    """Judgments on spans: those that moved are found again, stale ones and their queries go."""
    said: dict[str, list[str]] = {how: [] for how in PLACED}
    held = {}
    for query_id, judgments in dataset.judgments.items():
        kept: list[Judgment] = []
        lost = False
        for each in judgments:
            how, places = _placed(each, corpus.texts)
            if how:
                said[how].append(_shown(each))
            kept += places
            lost = lost or not places
        if not lost or any(each.grade > 0 for each in kept):
            held[query_id] = tuple(kept)
    asked = [query for query in dataset.queries if query.answerable]
    return Judged(
        tuple(query for query in asked if query.id in held),
        _unanswerable(dataset),
        held,
        (
            *dataset.findings,
            *(each for how, what in PLACED.items() for each in findings(what, said[how])),
            *findings(
                "queries have only stale judgments (not scored)",
                (query.id for query in asked if query.id not in held),
            ),
        ),
    )


def _placed(judgment: Judgment, texts: Mapping[str, str]) -> tuple[str, list[Judgment]]:
    """Return how a judgment stands in the texts, as in `PLACED`, empty for as it says; and where.

    Equal texts in several places are alternatives. Different ones that are equally near to a quote
    are no judgment: which of them was meant would be a guess.
    """
    found = located(judgment, texts)
    if found:
        moved = judgment.span is not None and found[0].span != judgment.span
        return ("several" if len(found) > 1 else "moved" if moved else ""), found
    if judgment.document_id and judgment.document_id not in texts:
        return "gone", []
    if judgment.span is not None:
        return "stale", []
    found = closest(judgment, texts)
    held = {texts[each.document_id][slice(*(each.span or ()))] for each in found}
    if len(held) > 1:
        return "unsure", []
    return ("near" if found else "stale"), found


def _unanswerable(dataset: Dataset) -> tuple[Query, ...]:
    return tuple(query for query in dataset.queries if not query.answerable)


def _shown(judgment: Judgment) -> str:
    quote = " ".join(judgment.quote.split())
    short = quote if len(quote) <= SHOWN else f"{quote[:SHOWN]}..."
    return f"{judgment.query_id} -> {judgment.document_id or 'anywhere'} {short!r}"
