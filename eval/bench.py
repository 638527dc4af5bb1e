"""What a benchmark is asked to do, and what it says while it runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eval.scores import CUTOFFS
from ingestion.job import Progress
from retrieval.config import DEFAULT_PIPELINE
from retrieval.errors import InputError
from retrieval.legs import DEEPEST
from retrieval.manifest import EmbedText


@dataclass(frozen=True)
class Bench:
    """What is measured, and on what.

    `split` names qrels; None is spans where the folder has them, else `test`. `queries` is a file
    of other texts for the same queries. `chunker` and `embed` are chosen by the form of the
    judgments where they are None. `out` is a folder for the
    run, one is made under the data directory where it is None. `drop_self` leaves out a document
    whose id is the query's. `reference` measures rank_bm25 instead of a pipeline. Where
    it is not `timed`, since other work goes on beside it, no latency is claimed.
    """

    dataset: Path
    pipeline: str = DEFAULT_PIPELINE
    chunker: str | Mapping[str, Any] | None = None
    embed: EmbedText | None = None
    split: str | None = None
    queries: Path | None = None
    out: Path | None = None
    cutoffs: tuple[int, ...] = CUTOFFS
    drop_self: bool = False
    reference: Literal["bm25"] | None = None
    seed: int = 0
    timed: bool = True

    def __post_init__(self) -> None:
        """Check the cutoffs and the reference. Raises: InputError."""
        ascending = list(self.cutoffs) == sorted(set(self.cutoffs))
        if not self.cutoffs or not ascending or not 1 <= self.cutoffs[0] <= self.depth <= DEEPEST:
            raise InputError(
                f"Cutoffs: ascending numbers from 1 to {DEEPEST} are needed, got {self.cutoffs}."
            )
        if self.reference not in (None, "bm25"):
            raise InputError(f"reference: 'bm25' is allowed, got {self.reference!r}.", "reference")

    @property
    def depth(self) -> int:
        """How many documents the deepest measure asks for."""
        return self.cutoffs[-1]


class Watch:
    """Hears what a benchmark says while it runs; this one shows nothing."""

    def indexing(self, progress: Progress) -> None:
        """Hear how far the corpus is indexed, a few times a second."""

    def read(self, documents: int, done: int) -> None:
        """Hear how many documents of a corpus are read, and how many of its bytes."""

    def said(self, line: str) -> None:
        """Hear something that a user should read."""

    def asked(self, done: int, total: int) -> None:
        """Hear how many questions are answered."""

    def standing(self, table: Sequence[Sequence[str]]) -> None:
        """Hear the table of a ladder so far: rows of cells, the header first."""

    def tuned(self, done: int, total: int, best: str) -> None:
        """Hear how many combinations of parameters were tried, and which is the best so far."""
