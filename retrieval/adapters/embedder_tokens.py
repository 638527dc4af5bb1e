"""Texts to token ids, counts and character spans, by a model's own tokenizer."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from tokenizers import Tokenizer

from retrieval.types import Span

GROUP_CHARS = 1_000_000


class Tokens:
    """A tokenizer, cut at a limit for encoding and uncut for counting."""

    def __init__(self, tokenizer: Tokenizer, limit: int) -> None:
        """Take a copy of a tokenizer. `limit` includes special tokens."""
        self._whole = Tokenizer.from_str(tokenizer.to_str())
        self._whole.no_padding()
        self._whole.no_truncation()
        self._cut = Tokenizer.from_str(tokenizer.to_str())
        self._cut.no_padding()
        direction = (self._cut.truncation or {}).get("direction", "right")
        self._cut.enable_truncation(limit, direction=direction)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of texts, special tokens included, cut at the limit."""
        return [ids for group in _groups(texts) for ids in _ids(self._cut, group)]

    def own(self, text: str, prompt: str) -> list[int]:
        """Return the places, among the ids of a prompt and a text, of the text's own tokens."""
        found = self._cut.encode(encodable(prompt + text))
        rows = zip(found.special_tokens_mask, found.offsets, strict=True)
        return [
            i
            for i, (special, (start, _)) in enumerate(rows)
            if not special and start >= len(prompt)
        ]

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens texts have without a cut, special tokens included."""
        return [len(ids) for group in _groups(texts) for ids in _ids(self._whole, group)]

    def spans(self, text: str) -> list[Span]:
        """Return the character spans of a text's tokens, special tokens left out.

        Starts and ends never decrease; tokens that share one character share its span.
        """
        found = self._whole.encode(encodable(text), add_special_tokens=False).offsets
        starts = accumulate((start for start, _ in found), max)
        ends = accumulate((end for _, end in found), max)
        return [Span(start, end) for start, end in zip(starts, ends, strict=True)]


def encodable(text: str) -> str:
    """Return a text with every half of a surrogate pair replaced, lengths unchanged."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _ids(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    return [found.ids for found in tokenizer.encode_batch_fast(texts)]


def _groups(texts: Sequence[str]) -> Iterator[list[str]]:
    """Texts in order, in groups of bounded size: what a tokenizer holds at a time."""
    group: list[str] = []
    chars = 0
    for text in texts:
        if group and chars + len(text) > GROUP_CHARS:
            yield group
            group, chars = [], 0
        group.append(encodable(text))
        chars += len(text)
    if group:
        yield group
