"""Why one document, or one span of it, is not in the answer to one question: all that is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from eval.judgments import Judgment
from eval.losses.causes import ADVICE, is_context, is_ranking, lost
from eval.losses.changes import changes
from eval.losses.depth import Depth
from eval.losses.terms import Terms, terms_of
from eval.losses.way import Way, only
from eval.losses.why import Fate, fate
from eval.standing import Listed
from retrieval.pipeline import fingerprint
from retrieval.types import Chunk

EXCERPT = 300
"""How many characters of a passage are shown."""
MOST_PASSAGES = 200
"""In so many passages of a document words are looked for that its best one lacks."""


class Standing(NamedTuple):
    """Where a place stood in a list of so many passages, and the score that put it there."""

    name: str
    rank: int | None
    size: int
    score: float | None


class Remedy(NamedTuple):
    """A change that was tried and brings the place back, its rank then, of how many hits."""

    change: str
    rank: int
    limit: int


@dataclass(frozen=True)
class Explanation:
    """What became of a place on a question's way: why, where it stood, how deep, with what words.

    `passage` is its best one of `passages` in the index; `elsewhere` are words of the question that
    this lacks and another passage of the document has.
    """

    way: Way
    fate: Fate
    stood: tuple[Standing, ...]
    depths: tuple[Depth, ...] = ()
    passage: Chunk | None = None
    passages: int = 0
    terms: Terms | None = None
    elsewhere: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()

    @property
    def advice(self) -> str:
        """What may help where no change that was tried does; '' where one does, or none has to."""
        return "" if self.remedies else ADVICE.get(self.fate.cause or "", "")

    def as_json(self) -> dict[str, Any]:
        """Return the explanation as JSON values."""
        way, judgment = self.way, self.fate.stood.judgment
        answered = way.states[-1]
        return {
            "index": way.kit.store.manifest.name,
            "pipeline": {
                "name": way.pipeline.name,
                "fingerprint": fingerprint(way.pipeline, way.kit),
            },
            "query": way.start.query,
            "document_id": judgment.document_id,
            "span": None if judgment.span is None else [*judgment.span],
            "limit": way.limit,
            "found": self.fate.cause is None,
            "cause": self.fate.cause,
            "stage": self.fate.stage,
            "why": self.fate.why,
            "stood": [each._asdict() for each in self.stood],
            "depths": [each._asdict() for each in self.depths],
            "passages": self.passages,
            "passage": None if self.passage is None else _passage_json(self.passage),
            "terms": None if self.terms is None else _terms_json(self.terms, self.elsewhere),
            "remedies": [each._asdict() for each in self.remedies],
            "advice": self.advice,
            "degraded": [*answered.degraded],
        }


def explain(way: Way, judgment: Judgment) -> Explanation:
    """Return what became of a document, or a span of it, on a question's way.

    Raises: AssayError where the pipeline fails.
    """
    stood = way.stood(judgment)
    found = fate(way, stood)
    rows = tuple(_standing(way, each, rank) for each, (_, rank) in _with_ranks(way, stood.ranks))
    passages = way.passages(judgment)
    if not passages:
        return Explanation(way, found, rows)
    depths = found.depths or way.deep.depths(only(judgment, passages), way.filter)
    best = _best(way, stood.ranks, depths, passages)
    terms = terms_of(way.start.query, [best], way.kit.sparse)
    rest = terms_of(way.start.query, passages[:MOST_PASSAGES], way.kit.sparse)
    elsewhere = tuple(word for word in terms.lacks if word in rest.has)
    return Explanation(
        way, found, rows, depths, best, len(passages), terms, elsewhere, _remedies(way, found)
    )


def _with_ranks(
    way: Way, ranks: Sequence[tuple[str, int | None]]
) -> list[tuple[Listed, tuple[str, int | None]]]:
    return list(zip(way.lists, ranks, strict=True))


def _standing(way: Way, made: Listed, rank: int | None) -> Standing:
    """Return a place's rank in a list, with the score of the hit that it is there."""
    if rank is None or is_context(made.name):
        return Standing(made.name, rank, len(made.chunks), None)
    state, id = way.states[made.state], made.chunks[rank - 1].id
    hits = state.hits
    if is_ranking(made.name):
        by = made.name.partition(" (")[0]
        hits = next(each.hits for each in state.rankings if each.by == by)
    score = next(hit.score for hit in hits if hit.chunk.id == id)
    return Standing(made.name, rank, len(made.chunks), score)


def _best(
    way: Way,
    ranks: Sequence[tuple[str, int | None]],
    depths: Sequence[Depth],
    passages: Sequence[Chunk],
) -> Chunk:
    """Return the passage that got furthest on the way, or that lies least deep."""
    for made, (name, rank) in reversed(_with_ranks(way, ranks)):
        if rank is not None and not is_context(name):
            return made.chunks[rank - 1]
    known = {chunk.id: chunk for chunk in passages}
    near = sorted((each for each in depths if each.rank), key=lambda each: each.rank or 0)
    return next((known[each.chunk_id] for each in near if each.chunk_id in known), passages[0])


def _remedies(way: Way, found: Fate) -> tuple[Remedy, ...]:
    """Return the changes that bring a lost place back, the best rank first, a longer list last."""
    if found.cause is None:
        return ()
    tried, _ = changes(way.pipeline, [found], way.limit)
    brought: list[Remedy] = []
    for each in sorted(tried, key=lambda change: change.limit):
        if each.limit > way.limit and brought and brought[-1].limit > way.limit:
            break
        other = way.through(each.pipeline, each.limit)
        ranks = other.stood(found.stood.judgment).ranks
        rank = ranks[-1][1]
        if rank is not None and lost(ranks, each.limit) is None:
            brought.append(Remedy(each.what, rank, each.limit))
    return tuple(sorted(brought, key=lambda remedy: (remedy.limit, remedy.rank)))


def _passage_json(chunk: Chunk) -> dict[str, Any]:
    return {
        "id": chunk.id,
        "span": [*chunk.span],
        "heading": [*chunk.heading],
        "title": str(chunk.meta.get("title") or ""),
        "excerpt": " ".join(chunk.text[: 2 * EXCERPT].split())[:EXCERPT],
    }


def _terms_json(terms: Terms, elsewhere: Sequence[str]) -> dict[str, list[str]]:
    lacks = [word for word in terms.lacks if word not in elsewhere]
    return {"has": [*terms.has], "elsewhere": [*elsewhere], "lacks": lacks}
