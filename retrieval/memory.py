"""What one request remembers, so that nothing is embedded or searched twice."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False)
class Memory:
    """What all stages of one request share.

    `vectors` of questions by their text; how many `searches` the store was asked for; what a leg
    has found `ahead` for the next one, by the variants that it belongs to; the chunks that were
    `read` around hits, with their documents, by id. Parts of a question are searched in threads: a
    slot is one look-up, and what is missed is searched again.
    """

    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    searches: int = 0
    read: dict[str, str] = field(default_factory=dict)
    _ahead: dict[int, tuple[object, Any]] = field(default_factory=dict)

    def keep(self, variants: object, found: Any) -> None:
        """Keep what was found for the leg that searches these very variants next."""
        self._ahead[id(variants)] = (variants, found)

    def kept(self, variants: object) -> Any:
        """Return what was kept for these very variants, once; None where that is nothing."""
        return self._ahead.pop(id(variants), (None, None))[1]
