"""Lexical retrieval: the chunks that share weighted terms with the question (BM25)."""

from dataclasses import dataclass
from typing import ClassVar

from retrieval.kit import Kit, SparseVector
from retrieval.legs import Asked, checked_depth, depth_of, found_ahead, retrieve, unranked
from retrieval.types import Search, Variant


@dataclass(frozen=True)
class Sparse:
    """One ranking for each variant, by BM25, at most `limit` chunks deep.

    A hypothetical variant is seen only through its weighted terms. A question without a term that
    the index knows finds nothing: an empty ranking, not an error.

    Source: Robertson and Zaragoza 2009, Foundations and Trends in IR 3(4), section 3.
    Differs: idf is ln(1 + (N - n + 0.5) / (n + 0.5)), as in the engine, so that no term counts
    against a chunk; the average length is the one frozen in the manifest.
    """

    limit: int = 100
    reads: ClassVar[tuple[str, ...]] = ("variants",)
    writes: ClassVar[tuple[str, ...]] = ("rankings",)
    optional: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the depth."""
        checked_depth("sparse", self.limit)

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Turn the variants that have no sparse ranking yet into terms, and search them."""
        found = found_ahead(search, kit)
        if found is not None:
            return found
        asked = self.asks(search, kit)
        return retrieve(search, kit, asked) if asked.probes else search

    def asks(self, search: Search, kit: Kit) -> Asked:
        """Return the terms that it searches, by the variants that have no sparse ranking yet."""
        variants = unranked(search, "sparse")
        probes = [terms(each, kit) for each in variants.values()]
        return Asked(variants, [*probes], depth_of(self.limit, search))


def terms(variant: Variant, kit: Kit) -> SparseVector:
    """Return the terms that a variant is searched by."""
    text = "" if variant.kind == "hypothetical" else variant.text
    return kit.sparse.query(text, variant.terms)
