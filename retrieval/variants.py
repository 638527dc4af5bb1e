"""What the stages that reword a question share: adding variants, and changing the question's own.

The first variant of a search is the question's own words. A change of it makes the legs that see
the change search again, also where a first pass has searched already.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from re import compile

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ConfigError
from retrieval.kit import Kit
from retrieval.types import Search, Variant, labels

WORD = compile(r"\w+")


def added(search: Search, variants: Sequence[Variant], weight: float) -> Search:
    """Return the search with variants that share `weight`; what was there keeps 1 - `weight`.

    At 1 only they are searched. The sum of all weights stays.
    """
    whole = sum(each.weight for each in search.variants)
    new = tuple(replace(each, weight=whole * weight / len(variants)) for each in variants)
    if weight == 1:
        return replace(search, variants=new, rankings=())
    old = tuple(replace(each, weight=each.weight * (1 - weight)) for each in search.variants)
    rankings = tuple(replace(each, weight=each.weight * (1 - weight)) for each in search.rankings)
    return replace(search, variants=old + new, rankings=rankings)


def renewed(search: Search, own: Variant) -> Search:
    """Return the search with the question's own variant changed; its legs search it again."""
    label, before = labels(search.variants)[0], search.variants[0]
    gone = set()
    if own.vector != before.vector:
        gone.add(f"dense:{label}")
    if own.terms != before.terms:
        gone.add(f"sparse:{label}")
    kept = tuple(each for each in search.rankings if each.by not in gone)
    return replace(search, variants=(own, *search.variants[1:]), rankings=kept)


def vector(variant: Variant, kit: Kit) -> NDArray[np.float32]:
    """Return what the dense leg searches a question's variant by: its vector, or its text's."""
    if variant.vector is not None:
        return np.array(variant.vector, dtype=np.float32)
    found: NDArray[np.float32] = kit.queries([variant.text])[0]
    return found


def as_unit(direction: NDArray[np.float32]) -> tuple[float, ...]:
    """Return a vector at unit length, as variants hold it; a zero stays what it is."""
    length = float(np.linalg.norm(direction))
    return tuple((direction / (length or 1.0)).astype(np.float32).tolist())


def words(text: str) -> Counter[str]:
    """Return the lower-case words of a text and how often each is there, in order of appearance."""
    return Counter(WORD.findall(text.lower()))


def checked_share(name: str, weight: float) -> None:
    """Check a weight that is a share. Raises: ConfigError."""
    if not 0 < weight <= 1:
        raise ConfigError(f"{name}: above 0, up to 1, got {weight}.")
