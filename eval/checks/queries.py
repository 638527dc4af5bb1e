"""Queries that are empty, few, or say the same as others."""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil

from eval.case import Case, Symptom, symptoms, words
from eval.questions import Query

NEAR = 0.9
"""Two queries are near duplicates if they share so many of all their words."""
FEW = 50


def check(case: Case) -> Iterator[Symptom]:
    """Give what is wrong with queries."""
    yield from symptoms(
        "wrong",
        "queries are empty (count 0)",
        (each.id for each in case.asked if not each.text.strip()),
        "Write them, or leave them out.",
    )
    if case.asked and len(case.asked) < FEW:
        what = "queries only: intervals are wide, and most differences do not show"
        remedy = "Judge more; with 50 a difference in nDCG of about 0.1 shows (bench compare)."
        yield Symptom("note", what, len(case.asked), (), remedy)
    pairs = near_duplicates([each for each in case.read.queries if each.text.strip()])
    asked = {each.id for each in case.asked}
    judged: dict[str, set[str]] = {}
    for each in case.positives:
        judged.setdefault(each.query_id, set()).add(each.document_id)
    within = [pair for pair in pairs if asked.issuperset(pair)]
    apart = [(a, b) for a, b in within if not judged.get(a, set()) & judged.get(b, set())]
    told = set(apart)
    yield from symptoms(
        "doubtful",
        "near duplicate queries have no relevant document in common",
        (_shown(case, pair) for pair in apart),
        "Judge them alike: what answers one answers the other.",
    )
    yield from symptoms(
        "note",
        "near duplicate queries are asked twice (intervals take them for two)",
        (_shown(case, pair) for pair in within if pair not in told),
        "Keep one of each.",
    )
    yield from _in_splits(case, pairs)


def _in_splits(case: Case, pairs: Sequence[tuple[str, str]]) -> Iterator[Symptom]:
    asked = {each.id for each in case.asked}
    others = {id: name for name, ids in case.splits.items() for id in ids}
    remedy = "Do not train or tune on that split, or remove them from it."
    yield from symptoms(
        "doubtful",
        "queries of this split are in another one too",
        (f"{each.id} in {others[each.id]}" for each in case.asked if each.id in others),
        remedy,
    )
    crossing = [(a, b) if a in asked else (b, a) for a, b in pairs if (a in asked) != (b in asked)]
    yield from symptoms(
        "doubtful",
        "queries of this split have a near duplicate in another one",
        (f"{_shown(case, (a, b))} in {others[b]}" for a, b in crossing if b in others),
        remedy,
    )


def _shown(case: Case, pair: tuple[str, str]) -> str:
    one, other = (case.queries[id] for id in pair)
    text = " ".join(one.text.split())
    return f"{one.id} = {other.id} {text[:60]!r}"


def near_duplicates(queries: Sequence[Query]) -> list[tuple[str, str]]:
    """Return the pairs of queries that share 90% of all their words, the earlier one first.

    Two such sets share a word among the rarest ones of each, so that only those are looked up.

    Source: Bayardo, Ma and Srikant 2007, WWW, section 3 (prefix filtering).
    """
    sets = [words(query.text) for query in queries]
    often = Counter(word for each in sets for word in each)
    holding: dict[str, list[int]] = {}
    pairs = []
    for number, each in enumerate(sets):
        rarest = sorted(each, key=lambda word: (often[word], word))
        prefix = rarest[: len(each) - ceil(NEAR * len(each)) + 1]
        earlier = dict.fromkeys(i for word in prefix for i in holding.get(word, ()))
        for i in sorted(earlier):
            if len(each & sets[i]) >= NEAR * len(each | sets[i]):
                pairs.append((queries[i].id, queries[number].id))
        for word in prefix:
            holding.setdefault(word, []).append(number)
    return pairs
