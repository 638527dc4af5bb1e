"""How much faster the encoder is than plain sentence-transformers on this CPU."""

import statistics
import sys
from collections.abc import Sequence

from eval.performance.measure import Figure, percentile, ratio, seconds
from retrieval.clock import Clock
from retrieval.errors import ConfigError
from retrieval.kit import Embedder
from retrieval.open_kit import Tools
from retrieval.settings import Settings

WORDS = 100
"""About 140 tokens of English prose."""
QUESTIONS = [f"which gene number {i} takes part in the repair of cells?" for i in range(200)]


def encoder_figures(settings: Settings, texts: Sequence[str]) -> list[Figure]:
    """Return the ratio of throughputs (median of 3, in turn) and the latency of one question."""
    ours = Tools(settings).embedder
    plain = Tools(settings.model_copy(update={"backend": "torch", "precision": "fp32"})).embedder
    ours.passages(texts[:64])
    plain.passages(texts[:64])
    short = [" ".join(text.split()[:WORDS]) for text in texts]
    faster = ratio(lambda: plain.passages(short), lambda: ours.passages(short))
    longer = ratio(lambda: plain.passages(texts), lambda: ours.passages(texts))
    taken = [seconds(lambda q=q: ours.queries([q], Clock())) * 1000 for q in QUESTIONS]  # type: ignore[misc]
    rate = len(short) / seconds(lambda: ours.passages(short))
    return [
        Figure(
            "encoder: times plain torch fp32, 100 words", statistics.median(faster), "x", 3, True
        ),
        Figure("encoder: times plain torch fp32, whole texts", statistics.median(longer), "x"),
        *_in_int8(settings, plain, short),
        Figure("encoder: passages of 100 words", rate, "/s"),
        Figure("encoder: one question, p50", percentile(taken, 50), "ms"),
    ]


def _in_int8(settings: Settings, plain: Embedder, texts: Sequence[str]) -> list[Figure]:
    """The same ratio with weights in int8; nothing where that cannot run."""
    try:
        small = Tools(settings.model_copy(update={"precision": "int8"})).embedder
    except ConfigError as error:
        print(f"int8: skipped. {error}", file=sys.stderr)  # noqa: T201
        return []
    small.passages(texts[:64])
    faster = ratio(lambda: plain.passages(texts), lambda: small.passages(texts))
    return [Figure("... with precision int8, 100 words", statistics.median(faster), "x", 3, True)]
