"""Any sentence-transformers model: tiny random ones of many makes, against the plain library."""

import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from retrieval.adapters.embedder_cache import Exports
from retrieval.adapters.embedder_model import ModelFiles
from retrieval.adapters.embedder_open import open_model
from retrieval.clock import Clock
from retrieval.errors import ConfigError, ProviderError
from retrieval.settings import Settings

LIMIT = 64
SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
VOCABULARY = (*SPECIAL, *SIGNS, *".,;:!?", *(f"##{sign}" for sign in SIGNS), "the", "cat", "train")
TEXTS = [
    "the cat",
    "",
    "a train of 12 cats!",
    "Ünïcödé 東京",
    "the cat sleeps in the train " * 30,
    "cat: the train",
]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Tracing a model warns of its branches, and torch of what it deprecates in itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def tokenizer() -> Tokenizer:
    words = {word: place for place, word in enumerate(VOCABULARY)}
    found = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    found.normalizer = normalizers.BertNormalizer()
    found.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    found.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return found


def transformer(folder: Path, kind: str = "bert") -> Any:
    """A random transformer of two layers as a module: BERT, or Llama, which is padded left."""
    import torch
    from sentence_transformers.sentence_transformer.modules import Transformer
    from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

    torch.manual_seed(7)
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=LIMIT,
        initializer_range=0.3,
    )
    AutoModel.from_config(config).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer(),
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=LIMIT,
        padding_side="left" if kind == "llama" else "right",
    ).save_pretrained(folder)
    return Transformer(str(folder))


def saved(folder: Path, make: str) -> tuple[Path, Any]:
    """A model of a make, and where it was saved."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import (
        Dense,
        Normalize,
        Pooling,
        StaticEmbedding,
    )

    prompts: dict[str, str] = {}
    if make == "static":
        parts: list[Any] = [StaticEmbedding(tokenizer(), embedding_dim=16)]
    elif make == "mean, normalized":
        parts = [transformer(folder / "bert"), Pooling(32, "mean"), Normalize()]
    elif make == "first token":
        parts = [transformer(folder / "bert"), Pooling(32, "cls")]
    elif make == "last token, padded left":
        parts = [transformer(folder / "llama", "llama"), Pooling(32, "lasttoken")]
    elif make == "dense with prompts":
        parts = [transformer(folder / "bert"), Pooling(32, "max"), Dense(32, 16)]
        prompts = {"query": "the query: ", "passage": "cat: "}
    else:
        parts = [transformer(folder / "bert"), Pooling(32, "mean", include_prompt=False)]
        prompts = {"query": "the query: "}
    model = SentenceTransformer(modules=parts, prompts=prompts, device="cpu")
    model.save(str(folder / "model"))
    return folder / "model", model


def here(model: ModelFiles, backend: str, building: Path) -> dict[str, Any]:
    """Convert in this process, where torch is loaded already."""
    from retrieval.adapters.embedder_export import export

    return export(model.folder, backend, building)


def like(found: Any, model: Any, prompt: str) -> float:
    """The least cosine; a vector of zeros is like any."""
    truth = model.encode(TEXTS, prompt=prompt, batch_size=2)
    norms = np.linalg.norm(truth, axis=1)
    cosines = (found * truth).sum(axis=1)[norms > 0] / norms[norms > 0]
    return float(cosines.min())


def least_like(found: list[Any], model: Any, prompt: str) -> float:
    """The least cosine of a token's vector to the library's; the special ones are cut off."""
    least = 1.0
    for text, rows in zip(TEXTS, found, strict=True):
        whole = model.encode([text], prompt=prompt, output_value="token_embeddings")[0].numpy()
        before = len(tokenizer().encode(prompt, add_special_tokens=False).ids)
        truth = whole[1 + before : -1]
        assert rows.shape[0] == truth.shape[0]
        cosines = (rows * truth).sum(axis=1) / np.linalg.norm(truth, axis=1)
        least = min(least, float(cosines.min(initial=1.0)))
    return least


@pytest.mark.parametrize(
    ("make", "backend"),
    [
        ("mean, normalized", "openvino"),
        ("first token", "openvino"),
        ("last token, padded left", "openvino"),
        ("last token, padded left", "onnx"),
        ("dense with prompts", "openvino"),
    ],
)
def test_a_model_of_any_make_gives_what_the_library_gives(
    make: str, backend: str, tmp_path: Path
) -> None:
    for package in ("onnxruntime", "onnx", "onnxscript") if backend == "onnx" else ("openvino",):
        if not find_spec(package):
            pytest.skip(f"{package} is not installed")
    folder, model = saved(tmp_path, make)
    where = Settings(data_dir=tmp_path, encoder=str(folder), backend=backend)
    embedder = open_model(where, Exports(tmp_path / "models", here))
    query, passage = ("the query: ", "cat: ") if "prompts" in make else ("", "")
    identity = embedder.identity
    assert (identity["query_prompt"], identity["passage_prompt"]) == (query, passage)
    assert (identity["name"], identity["limit"]) == ("model", LIMIT)
    assert like(embedder.queries(TEXTS, Clock()), model, query) > 0.99999
    found = embedder.passages(TEXTS)
    assert like(found, model, passage) > 0.999
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-6)
    for kind, prompt in (("query", query), ("passage", passage)):
        tokens = embedder.token_vectors(TEXTS, kind, Clock())  # type: ignore[arg-type]
        assert least_like(tokens, model, prompt) > (0.99999 if kind == "query" else 0.995)


@pytest.mark.parametrize(
    ("make", "query", "reason"),
    [
        ("static", "", "StaticEmbedding, is no transformer"),
        ("prompt left out", "the query: ", "prompt out"),
    ],
)
def test_a_model_that_cannot_be_converted_runs_on_torch_and_says_why(
    make: str, query: str, reason: str, tmp_path: Path
) -> None:
    folder, model = saved(tmp_path, make)
    where = Settings(data_dir=tmp_path, encoder=str(folder))
    exports = Exports(tmp_path / "models", here)
    embedder = open_model(where, exports)
    said = embedder.describe()
    assert said["backend"] == "torch"
    assert reason in said["fallback"]
    assert like(embedder.passages(TEXTS), model, "") > 0.99999
    if make == "static":
        with pytest.raises(ProviderError, match="without vectors of tokens"):
            embedder.token_vectors(TEXTS, "passage", Clock())
    else:
        assert least_like(embedder.token_vectors(TEXTS, "passage", Clock()), model, "") > 0.99999
    assert like(embedder.queries(TEXTS, Clock()), model, query) > 0.99999
    with pytest.raises(ConfigError, match="Set backend and precision to auto"):
        open_model(where.model_copy(update={"backend": "openvino"}), exports)
