"""Losses: for everything that was judged and is not in the answer, the one stage that lost it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from eval.bench import Watch
from eval.jsonl import records
from eval.losses.causes import CAUSES, lost
from eval.losses.changes import Change, changes
from eval.losses.classes import classes_of, label_names, overlap_class
from eval.losses.effects import Effect, corrected, effect
from eval.losses.run_index import measured_system
from eval.losses.terms import terms_of
from eval.losses.way import Way
from eval.losses.why import Fate, fate
from eval.results import PER_QUERY, Run, read_run
from eval.standing import Stood
from retrieval.errors import InputError
from retrieval.kit import Kit
from retrieval.open_kit import Tools
from retrieval.pipeline import Pipeline
from retrieval.types import Chunk, Search

ORDER = {cause: place for place, cause in enumerate(CAUSES)}


@dataclass(frozen=True)
class Asked:
    """A question of a run, and where each of its judged places stood."""

    id: str
    text: str
    labels: Mapping[str, Any]
    stood: tuple[Stood, ...]

    @property
    def groups(self) -> dict[str, list[Stood]]:
        """The places by group: one of each group is enough."""
        found: dict[str, list[Stood]] = {}
        for each in self.stood:
            found.setdefault(each.group, []).append(each)
        return found


@dataclass(frozen=True)
class Item:
    """A group of judged places that had to be found: `fate` is that of the one that got furthest.

    It is lost only where every place of it is.
    """

    asked: Asked
    group: str
    fate: Fate
    classes: Mapping[str, str] = field(default_factory=dict)

    @property
    def cause(self) -> str | None:
        """Why it is lost; None where it is in the answer."""
        return self.fate.cause


@dataclass(frozen=True)
class Losses:
    """What a run lost of its first `limit` hits, and what changes would bring back.

    `refused` are changes that the pipeline does not allow.
    """

    run: Run
    limit: int
    items: tuple[Item, ...]
    effects: tuple[Effect, ...]
    refused: tuple[str, ...] = ()

    @property
    def most(self) -> int:
        """How many items fit into the answers: a question may have more of them than hits."""
        counts = Counter(item.asked.id for item in self.items)
        return sum(min(count, self.limit) for count in counts.values())

    def by_cause(self) -> dict[str, list[Item]]:
        """Return the lost items by cause, in the order of the way; causes that lost any."""
        found: dict[str, list[Item]] = {cause: [] for cause in CAUSES}
        for item in self.items:
            if item.cause is not None:
                found[item.cause].append(item)
        return {cause: its for cause, its in found.items() if its}


def find_losses(folder: Path, tools: Tools, limit: int = 10, watch: Watch | None = None) -> Losses:
    """Return what the run of a folder lost, and what changes of its pipeline would bring back.

    Questions with something lost are asked again, to look between the stages; then all of them,
    once for every change that is tried.

    Raises: InputError where the run has not what is needed, or where pipeline, index or answers are
    not those of the run any more; NotFoundError where run or index are gone.
    """
    run, watch = read_run(folder), watch or Watch()
    depth = max(run.manifest["options"]["cutoffs"])
    if not 1 <= limit <= depth:
        raise InputError(f"limit: 1 to {depth}, as deep as the run asked; got {limit}.", "limit")
    asked = questions_of(run)
    pipeline, kit = measured_system(run, tools)
    ways = _Ways(run, pipeline, kit, limit)
    labels = label_names([each.labels for each in asked])
    items: list[tuple[Item, ...]] = []
    for number, each in enumerate(asked, 1):
        items.append(tuple(_items(each, ways.of(each), labels)))
        watch.asked(number, 2 * len(asked))
    fates = [item.fate for its in items for item in its if item.cause is not None]
    tried, refused = changes(pipeline, fates, limit)
    tried = [each for each in tried if each.limit <= depth]
    after: list[list[dict[str, bool]]] = [[] for _ in tried]
    for number, each in enumerate(asked if tried else (), 1):
        way = ways.of(each)
        for found, change in zip(after, tried, strict=True):
            found.append(_found(each, way, change))
        watch.asked(len(asked) + number, 2 * len(asked))
    before = [{item.group: item.cause for item in its} for its in items]
    effects = [effect(one, before, found) for one, found in zip(tried, after, strict=True)]
    whole = tuple(chain(*items))
    return Losses(run, limit, whole, corrected(effects, limit), tuple(refused))


def questions_of(run: Run) -> list[Asked]:
    """Return the scored questions of a run. Raises: InputError for a run of an earlier Assay."""
    found = []
    for where, row in records(run.folder / PER_QUERY):
        if row["measures"]:
            if "judged" not in row:
                raise InputError(
                    f"{where}: this run does not say where judged places stood; measure again.",
                    "run",
                )
            stood = tuple(Stood.of(row["query_id"], each) for each in row["judged"])
            found.append(Asked(row["query_id"], row["query"], row["labels"], stood))
    return found


class _Ways:
    """The ways of a run's questions, asked as the run asked them."""

    def __init__(self, run: Run, pipeline: Pipeline, kit: Kit, limit: int) -> None:
        self._options = run.manifest["options"]
        self._pipeline, self._kit, self._limit = pipeline, kit, limit

    def of(self, asked: Asked) -> Way:
        drop, id = self._options["drop_self"], asked.id

        def kept(chunk: Chunk) -> bool:
            return not drop or chunk.document_id != id

        start = Search.of(asked.text, max(self._options["cutoffs"]))
        return Way(self._pipeline, self._kit, start, self._limit, kept)


def _items(asked: Asked, way: Way, labels: Sequence[str]) -> Iterator[Item]:
    """Give the groups of a question with their fates; only where something is lost is it asked."""
    own = classes_of(asked.text) | {name: str(asked.labels.get(name, "none")) for name in labels}
    for group, places in asked.groups.items():
        found = [each for each in places if lost(each.ranks, way.limit) is None]
        if not found:
            _check_same(asked, way)
        fates = [_fate(asked, way, each) for each in found or places]
        furthest = max(fates, key=_progress)
        yield Item(asked, group, furthest, own | _place_classes(asked, way, places))


def _progress(fate: Fate) -> tuple[int, int]:
    """How far a place got on the way: the cause, then the best rank in any list."""
    best = min((rank for _, rank in fate.stood.ranks if rank is not None), default=0)
    return ORDER.get(fate.cause or "", len(ORDER)), -best


def _fate(asked: Asked, way: Way, stood: Stood) -> Fate:
    if not asked.text.strip():
        return Fate(stood, "candidates", "", "The question is empty.")
    return fate(way, stood)


def _check_same(asked: Asked, way: Way) -> None:
    """Refuse to say what a run lost where the pipeline does not answer as it did."""
    if not asked.text.strip():
        return
    now = [way.stood(each.judgment).ranks for each in asked.stood]
    if now != [each.ranks for each in asked.stood]:
        raise InputError(
            f"Query {asked.id!r} is answered otherwise now than in the run, as by a model that is"
            " asked anew. Record it in a cassette, and measure again.",
            "run",
        )


def _place_classes(asked: Asked, way: Way, places: Sequence[Stood]) -> dict[str, str]:
    """Return the classes of a group of places: the domain, and the words shared with a passage."""
    held = [chunks for each in places if (chunks := way.passages(each.judgment))]
    shares = [terms_of(asked.text, chunks, way.kit.sparse).share for chunks in held]
    domains = [chunks[0].domain for chunks in held if chunks[0].domain]
    return {
        "domain": domains[0] if domains else "none",
        "overlap": overlap_class(max(shares)) if shares else "no passage",
    }


def _found(asked: Asked, way: Way, change: Change) -> dict[str, bool]:
    """Return which groups are among the first hits where the pipeline is changed."""
    if not asked.text.strip():
        return dict.fromkeys(asked.groups, False)
    other = way.through(change.pipeline, change.limit)
    return {
        group: any(lost(other.stood(each.judgment).ranks, other.limit) is None for each in places)
        for group, places in asked.groups.items()
    }
