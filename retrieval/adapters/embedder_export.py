"""Converts an encoder for a fast runtime: `python -m` this file, in a process of its own.

The whole model is traced, pooling and all; what comes out is compared with what torch gives before
anybody uses it.
"""

from dataclasses import asdict, replace
from itertools import product
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer

from retrieval.adapters.embedder_batches import (
    LEAST_COSINE,
    Item,
    Kind,
    Padding,
    Runtime,
    unit,
)
from retrieval.adapters.embedder_cache import TOKENIZER
from retrieval.adapters.embedder_loading import Traits, fast_tokenizer, load, traits
from retrieval.adapters.embedder_tokens import Tokens
from retrieval.adapters.export_program import INPUTS, Arrays, convert, main, no_arrays, runtimes
from retrieval.errors import ProviderError

KINDS: tuple[Kind, ...] = ("passage", "query")
SAMPLES = (
    "",
    "Cats sleep.",
    "The first public railway with steam trains opened in England in 1825.",
    "  Ünïcödé, 東京 and 3.14; e-mail: someone@example.org\n\n(a second line) ",
    "Bread dough is flour, water, salt and yeast. " * 12,
)
LONG = "A text that is longer than most models read, so that its end is cut off. "
LONG_TOKENS = 512


def refusal(model: SentenceTransformer) -> str | None:
    """Return why a model cannot be a function of token arrays, or None."""
    first = model[0]
    reason = no_arrays(first)
    if reason or not isinstance(first, Transformer):
        return reason
    if first.query_length or first.document_length or first.query_expansion:
        return "it reads questions and passages up to different lengths"
    if any(not getattr(module, "include_prompt", True) for module in model):
        return "it leaves the prompt out of its pooling"
    return None


def export(source: Path, kind: str, target: Path) -> dict[str, Any]:
    """Write a model for a runtime; return its traits and how well it agrees with torch."""
    model = load(source, "cpu")
    reason = refusal(model)
    if reason:
        return {"refused": reason}
    fast_tokenizer(model).save(str(target / TOKENIZER))
    given = model.preprocess(["Cats sleep.", "Cats were first kept in the Near East."])
    example = {name: given[name] for name in INPUTS if name in given}
    arrays = Arrays(model, list(example), itemgetter("sentence_embedding", "token_embeddings"))
    reason = convert(arrays, example, kind, target)
    if reason:
        return {"refused": reason}
    return _proven(model, kind, target, list(example))


def _proven(
    model: SentenceTransformer, kind: str, target: Path, inputs: list[str]
) -> dict[str, Any]:
    """Compare with torch, padded on the model's own side, else on the other.

    A position that sees nothing but padding to its left is not a number in some runtimes.
    """
    own = traits(model)
    reason = "converted, its vectors differ from torch's"
    for found in (own, replace(own, pad_left=not own.pad_left)):
        padding = Padding(tuple(inputs), found.pad_id, found.pad_left)
        try:
            agreement = _agreement(model, found, runtimes(kind, target, padding))
        except ProviderError as error:
            reason = f"converted, {error}"
            continue
        if agreement["fp32"] >= LEAST_COSINE:
            return {"traits": asdict(found), "inputs": inputs, "agreement": agreement}
    return {"refused": reason}


def _agreement(
    model: SentenceTransformer, found: Traits, compared: dict[str, Runtime]
) -> dict[str, float]:
    """The least cosine between torch's and each runtime's vectors, alone and in a batch."""
    texts = [*SAMPLES, LONG * (min(found.limit, LONG_TOKENS) // 10)]
    tokens = Tokens(fast_tokenizer(model), found.limit)
    least = dict.fromkeys(compared, 1.0)
    for prompt in {found.passage_prompt, found.query_prompt}:
        truth = unit(model.encode(texts, prompt=prompt, batch_size=1), "torch")
        ids = tokens.ids([prompt + text for text in texts])
        items = [Item(text, its) for text, its in zip(texts, ids, strict=True)]
        for (name, runtime), kind in product(compared.items(), KINDS):
            alone = np.concatenate([runtime.run([item], kind) for item in items])
            for rows in (alone, runtime.run(items, kind)):
                cosines = (unit(rows, name) * truth).sum(axis=1)
                least[name] = min(least[name], float(cosines.min()))
    return least


if __name__ == "__main__":
    main(export)
