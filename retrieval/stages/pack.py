"""Packing: the passages that a language model will read, made of the ranked hits."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from retrieval.errors import ConfigError
from retrieval.kit import Kit
from retrieval.packing import Selection, around, best_at_edges, passages
from retrieval.records import passes
from retrieval.types import Chunk, Search

MOST_TOKENS = 100_000


@dataclass(frozen=True)
class Pack:
    """The context: the first hits and what stands around them, in at most `tokens` tokens.

    `around` a hit: `nothing`; `neighbours`: up to `n` chunks before it and after it; `section`: the
    chunks with the same path of headings, as far as they follow each other. The hits go first, by
    rank; one that does not fit any more is left out. What surrounds them then fills the rest, by
    rank of the hit, nearest first, up to the first chunk that does not fit. Where no hit
    fits, the beginning of the first is the context. Chunks that the search's filter would not let
    through are not added. The hits stay as they are, and hits beyond the limit are not read.

    Tokens are counted by the encoder's tokenizer, which the notes name (where the encoder is an
    endpoint: about), without special tokens and without what a prompt puts between passages.

    Overlapping and touching chunks become one passage whose text is the document's at its span.
    Between others lies white space that no chunk holds: they stay passages of their own, next to
    each other in the document's order. A passage of one chunk keeps its id; every one has the
    document's id and its span, to be cited by, and the headings that its chunks have in common.

    `order`: `rank`: what belongs to the best hit first; `edges`: the best first, the second best
    last, and so on towards the middle, which long contexts are read worst in.

    Source: Liu et al. 2023, arXiv 2307.03172 (position in long contexts); the rest: ours.
    """

    tokens: int = 3000
    around: Literal["nothing", "neighbours", "section"] = "neighbours"
    n: int = 1
    order: Literal["rank", "edges"] = "rank"
    reads: ClassVar[tuple[str, ...]] = ("limit", "filter", "hits")
    writes: ClassVar[tuple[str, ...]] = ("context",)
    optional: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 1 <= self.tokens <= MOST_TOKENS:
            raise ConfigError(f"pack.tokens: 1 to {MOST_TOKENS}, got {self.tokens}.")
        if not 1 <= self.n <= 50:
            raise ConfigError(f"pack.n: 1 to 50, got {self.n}.")

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Choose the chunks, merge them to passages, and put these in order."""
        hits = [hit.chunk for hit in search.hits[: search.limit]]
        selection = Selection(kit.embedder, self.tokens)
        chosen = [chunk for chunk in hits if selection.add(chunk)]
        cut = selection.beginning(hits[0]) if hits and not chosen else None
        if cut is not None and selection.add(cut):
            runs = [[cut]]
        else:
            runs = self._surrounded(chosen, search, selection, kit)
        groups = passages(runs)
        if self.order == "edges":
            groups = best_at_edges(groups)
        context = tuple(passage for group in groups for passage in group)
        name = kit.embedder.identity.get("name", "the encoder")
        search = search.noted(
            f"tokens: {selection.tokens} of {self.tokens}, by the tokenizer of {name}",
            f"hits: {len(chosen)} of {len(hits)}, passages: {len(context)}",
            *(("cut: no hit fits, the first one's beginning does",) if cut else ()),
        )
        return replace(search, context=context)

    def _surrounded(
        self, hits: list[Chunk], search: Search, selection: Selection, kit: Kit
    ) -> list[list[Chunk]]:
        """Return each hit with what stands around it, as long as there is room."""
        runs = [[hit] for hit in hits]
        # A chunk has a token at least, so that a section beyond so many chunks is never needed.
        most = self.n if self.around == "neighbours" else self.tokens
        for run in runs if self.around != "nothing" else ():
            kit.clock.remaining()
            near = around(run[0], most, self.around == "section", kit)
            wanted = [chunk for chunk in near if passes(chunk, search.filter)]
            taken = selection.fill(wanted)
            run += taken
            if len(taken) < len(wanted):
                break
        return runs
