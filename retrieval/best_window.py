"""The part of a long passage that a reranker reads."""

from retrieval.features import WORD, matching
from retrieval.kit import Kit


def best_window(query: str, text: str, tokens: int, kit: Kit) -> str:
    """Return a text of at most `tokens` tokens of the encoder, special ones left out.

    A longer text is seen in windows of that length, each half a window after the one before, the
    last one at the end; the one with the most distinct terms of the question is taken, the first
    of equal ones.
    """
    if len(text) <= tokens:
        return text
    spans = kit.embedder.token_spans(text)
    if len(spans) <= tokens:
        return text
    words = [(found.start(), found.end(), found[0].lower()) for found in WORD.finditer(text)]
    asked = WORD.findall(query.lower())
    term_of = matching(asked, {word for _, _, word in words}, kit.sparse)
    starts = [*range(0, len(spans) - tokens, max(1, tokens // 2)), len(spans) - tokens]
    windows = [(spans[first].start, spans[first + tokens - 1].end) for first in starts]
    seen = [(start, end, term_of[word]) for start, end, word in words if word in term_of]

    def terms(window: tuple[int, int]) -> int:
        return len({term for start, end, term in seen if window[0] <= start and end <= window[1]})

    start, end = max(windows, key=terms)
    return text[start:end]
