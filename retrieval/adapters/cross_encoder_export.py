"""Converts a cross-encoder for a fast runtime: `python -m` this file, in a process of its own.

The whole model is traced, its activation included, and compared with torch before it is used.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from sentence_transformers import CrossEncoder

from retrieval.adapters.cross_encoder_loading import load_cross_encoder, pair_limit, pair_tokenizer
from retrieval.adapters.cross_encoder_pairs import PairPadding, PairTokens
from retrieval.adapters.embedder_batches import Runtime
from retrieval.adapters.embedder_cache import TOKENIZER
from retrieval.adapters.embedder_loading import Traits
from retrieval.adapters.export_program import INPUTS, Arrays, convert, main, no_arrays, runtimes
from retrieval.errors import ProviderError

LEAST = 0.999
"""What fp32 must agree with torch by."""
QUESTION = "Where do cats sleep?"
PASSAGES = (
    "",
    "Cats sleep on warm window sills, sixteen hours a day.",
    "The first public railway with steam trains opened in England in 1825.",
    "  Ünïcödé, 東京 and 3.14; e-mail: someone@example.org\n\n(a second line) ",
    "Bread dough is flour, water, salt and yeast. " * 60,
)


def refusal(model: CrossEncoder) -> str | None:
    """Return why a model cannot be a function of token arrays, or None."""
    if model.default_prompt_name or pair_tokenizer(model) is None:
        return "it puts a prompt before a pair, or has no fast tokenizer"
    return no_arrays(model[0])


def export(source: Path, kind: str, target: Path) -> dict[str, Any]:
    """Write a model for a runtime; return its traits and how well it agrees with torch."""
    model = load_cross_encoder(source, "cpu")
    reason = refusal(model)
    tokenizer = pair_tokenizer(model)
    if reason or tokenizer is None:
        return {"refused": reason}
    tokenizer.save(str(target / TOKENIZER))
    given = model.preprocess([(QUESTION, PASSAGES[1]), (QUESTION, PASSAGES[2])])
    example = {name: given[name] for name in INPUTS if name in given}
    activation: Any = model.activation_fn
    arrays = Arrays(model, list(example), lambda found: activation(found["scores"]))
    reason = convert(arrays, example, kind, target)
    if reason:
        return {"refused": reason}
    pad_id = getattr(model.tokenizer, "pad_token_id", None) or 0
    pad_left = getattr(model.tokenizer, "padding_side", "right") == "left"
    own = Traits(1, pair_limit(model), "", "", pad_id, pad_left)
    compared = runtimes(kind, target, PairPadding(tuple(example), pad_id, pad_left))
    tokens = PairTokens(tokenizer, own.limit)
    try:
        agreement = {name: _agreement(model, tokens, each) for name, each in compared.items()}
    except ProviderError as error:
        return {"refused": f"converted, {error}"}
    if agreement["fp32"] < LEAST:
        return {"refused": "converted, its scores differ from torch's"}
    return {"traits": asdict(own), "inputs": list(example), "agreement": agreement}


def _agreement(model: CrossEncoder, tokens: PairTokens, runtime: Runtime) -> float:
    """1 less the largest difference from torch's scores, alone and in a batch.

    The difference is a share of the scores' range, or of 1 where they lie closer.
    """
    truth = model.predict([(QUESTION, each) for each in PASSAGES], batch_size=1)
    items = tokens.pairs(QUESTION, PASSAGES)
    alone = np.concatenate([runtime.run([item], "passage") for item in items])
    together = runtime.run(items, "passage")
    worst = max(float(np.abs(rows[:, 0] - truth).max()) for rows in (alone, together))
    agreement = 1 - worst / max(1.0, float(np.ptp(truth)))
    return agreement if np.isfinite(agreement) else 0.0


if __name__ == "__main__":
    main(export)
