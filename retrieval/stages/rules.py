"""Rules: what a team knows about its documents, applied to the hits after they were found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

from retrieval.diversity import diversified
from retrieval.errors import ConfigError
from retrieval.filters import And, Equals
from retrieval.inside import in_place
from retrieval.kit import Kit
from retrieval.periods import checked_day, midnight, moment, reference_day
from retrieval.pipeline import Stage, stage_name
from retrieval.records import values
from retrieval.types import Hit, Score, Search, ordered
from retrieval.variants import vector

Value = str | int | float | bool
MOST_PINNED = 20
SEARCHING = ("fuse", "decompose")
"""The stages that make hits of new rankings."""
NOTED = 5
LEAST_STEP = 1e-9


@dataclass(frozen=True)
class Rules:
    """The hits reordered, and some of them left out, by rules; in this order, each off by default.

    `blocked`: documents that never appear; an id, or what ids begin with, as `drafts/*`.

    `recency` (a weight) adds recency · spread · 2^(-age / `half_life_days`). The age is that of the
    field `date` (the latest of several; a year or a month counts from its first day) in days before
    the end of `today`, an ISO date; '' is the clock's day in UTC. A date to come has the age 0, and
    without a date nothing is added. The stage's key holds the parameter, not the day: the day that
    was used is in the notes, and a benchmark that has to come out the same next year sets it.

    `boosts`: (field, value, weight): adds weight · spread where the field has the value, or begins
    with it: `["document_id", "manual/*", 0.2]`; a weight below 0 takes away. The spread is the
    first score minus the last of all hits that come in (1 where these are equal), so that a weight
    of 1 lifts the last hit to the first.

    `pinned`: documents whose best hit goes on top, in this order: neither `mmr` nor `most` moves
    it. Its score is best + spread · place, the best of all others, its place counted from below. A
    document that was not found is searched by the question's vector, within the filter.

    `mmr` is lambda of maximal marginal relevance; 1 is off. One after the other, the hit with the
    highest lambda · relevance - (1 - lambda) · similarity is taken: relevance is the score scaled
    to [0, 1] over the hits, similarity the highest cosine to a hit taken before (at least 0).
    Beyond the first 200 hits the similarity counts as 1.

    `most` hits are kept for each value of the field `per`, pinned ones counted; 0 keeps all. A hit
    without the field is kept.

    A rule gives a score, `rules:<its name>`, to each hit that it changes; the last one orders.

    Source: `mmr`: Carbonell and Goldstein 1998, SIGIR, section 2; `recency`: ours, after the
    exponential prior of Li and Croft 2003, CIKM; the rest: ours.
    """

    blocked: tuple[str, ...] = ()
    recency: float = 0.0
    date: str = "date"
    half_life_days: float = 365.0
    today: str = ""
    boosts: tuple[tuple[str, Value, float], ...] = ()
    mmr: float = 1.0
    most: int = 0
    per: str = "document_id"
    pinned: tuple[str, ...] = ()
    reads: ClassVar[tuple[str, ...]] = ("variants", "filter", "hits")
    writes: ClassVar[tuple[str, ...]] = ("hits",)
    optional: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        checked_day("rules.today", self.today)
        for name, value, least, most in (
            ("recency", self.recency, 0, 100),
            ("half_life_days", self.half_life_days, 0.001, 1e6),
            ("mmr", self.mmr, 0, 1),
            ("most", self.most, 0, 10_000),
            *((f"boosts, {field!r}", weight, -100, 100) for field, _, weight in self.boosts),
        ):
            if not least <= value <= most:
                raise ConfigError(f"rules.{name}: {least} to {most}, got {value}.")
        if len(set(self.pinned)) != len(self.pinned) or len(self.pinned) > MOST_PINNED:
            raise ConfigError(f"rules.pinned: up to {MOST_PINNED} documents, each once.")
        if both := [each for each in self.pinned if self._blocks(each)]:
            raise ConfigError(f"rules: {both[0]!r} is pinned and blocked.")

    def check_after(self, later: Sequence[Stage]) -> None:
        """Refuse a later stage that would bring blocked documents back. Raises: ConfigError."""
        stages = in_place(later) if self.blocked else []
        for place, each in enumerate(stages):
            again = any(
                self._is_in(it) for it in (*stages[place + 1 :], *getattr(each, "each", ()))
            )
            if stage_name(each) in SEARCHING and not again:
                raise ConfigError(
                    f"rules: {stage_name(each)!r} would bring blocked documents back: put rules"
                    " after it."
                )

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Apply the rules that are on."""
        search = search.noted(*self._idle(search.hits))
        hits = [hit for hit in search.hits if not self._blocks(hit.chunk.document_id)]
        search = _left_out(search, "blocked", search.hits, hits)
        spread = _spread(hits)
        if self.recency:
            hits = self._recent(hits, spread)
            search = search.noted(f"today: {reference_day(self.today)}")
        hits = list(ordered([self._boosted(hit, spread) for hit in hits]))
        pins = self._pins(hits, search, kit)
        ids = {pin.chunk.id for pin in pins}
        hits = [hit for hit in hits if hit.chunk.id not in ids]
        if self.mmr < 1:
            hits = diversified(hits, self.mmr, "rules:mmr", kit)
        kept = self._capped(hits, pins)
        search = _left_out(search, f"more than {self.most} of one {self.per}", hits, kept)
        return replace(search, hits=(*_raised(pins, kept, spread), *kept))

    def _idle(self, hits: Sequence[Hit]) -> list[str]:
        """Say which fields no hit has: a rule on them does nothing here."""
        fields = [field for field, _, _ in self.boosts]
        fields += [self.date] if self.recency else []
        fields += [self.per] if self.most else []
        return [
            f"no hit has the field {field}"
            for field in dict.fromkeys(fields)
            if hits and not any(values(hit.chunk, field) for hit in hits)
        ]

    def _is_in(self, stage: Stage) -> bool:
        """Whether a stage blocks all that this one does."""
        return isinstance(stage, Rules) and set(self.blocked) <= set(stage.blocked)

    def _blocks(self, document_id: str) -> bool:
        return any(_has(document_id, pattern) for pattern in self.blocked)

    def _recent(self, hits: list[Hit], spread: float) -> list[Hit]:
        end = midnight(reference_day(self.today)) + timedelta(days=1)
        found = []
        for hit in hits:
            dates = [day for each in values(hit.chunk, self.date) if (day := moment(each))]
            if dates:
                age = max((end - max(dates)) / timedelta(days=1), 0.0)
                added = self.recency * spread * 2 ** (-age / self.half_life_days)
                hit = hit.scored("rules:recency", hit.score + added)
            found.append(hit)
        return found

    def _boosted(self, hit: Hit, spread: float) -> Hit:
        for field, value, weight in self.boosts:
            if any(_has(each, value) for each in values(hit.chunk, field)):
                hit = hit.scored(f"rules:boost:{field}", hit.score + weight * spread)
        return hit

    def _capped(self, hits: list[Hit], pins: list[Hit]) -> list[Hit]:
        if not self.most:
            return hits
        counts: Counter[Value] = Counter()
        for pin in pins:
            counts.update(set(values(pin.chunk, self.per)))
        kept = []
        for hit in hits:
            its = set(values(hit.chunk, self.per))
            if all(counts[each] < self.most for each in its):
                counts.update(its)
                kept.append(hit)
        return kept

    def _pins(self, hits: list[Hit], search: Search, kit: Kit) -> list[Hit]:
        """Return the best hit of each pinned document, in their order."""
        best = {hit.chunk.document_id: hit for hit in reversed(hits)}
        missing = [each for each in self.pinned if each not in best]
        if missing:
            probe = vector(search.variants[0], kit)
            for document_id in missing:
                own = Equals("document_id", document_id)
                filter = own if search.filter is None else And((search.filter, own))
                for chunk, score in kit.search([probe], filter, 1)[0]:
                    best[document_id] = Hit(chunk, (Score("dense:pinned", score),))
        return [best[each] for each in self.pinned if each in best]


def _raised(pins: list[Hit], hits: list[Hit], spread: float) -> list[Hit]:
    """Return pinned hits with scores above those of all others, also where these hardly differ."""
    top = max((hit.score for hit in hits), default=0.0)
    step = max(spread, LEAST_STEP * max(1.0, abs(top)))
    places = range(len(pins), 0, -1)
    return [
        pin.scored("rules:pinned", top + step * place)
        for pin, place in zip(pins, places, strict=True)
    ]


def _has(found: object, wanted: Value) -> bool:
    """Whether a value is the one that is wanted, or begins with it if that ends with a star."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, str) and isinstance(wanted, str) and wanted.endswith("*"):
        return found.startswith(wanted[:-1])
    return found == wanted


def _spread(hits: list[Hit]) -> float:
    """How far the first score is from the last; hits are ordered."""
    return (hits[0].score - hits[-1].score if hits else 0.0) or 1.0


def _left_out(search: Search, why: str, before: Sequence[Hit], after: Sequence[Hit]) -> Search:
    """Return the search with a note of what a rule left out."""
    kept = {hit.chunk.id for hit in after}
    gone = [hit.chunk.document_id for hit in before if hit.chunk.id not in kept]
    if not gone:
        return search
    return search.noted(f"{why}: {len(gone)} left out, such as {', '.join(gone[:NOTED])}")
