"""Opens a model with the runtime that suits the machine, and says why it was not another."""

from importlib.util import find_spec
from typing import Any

from retrieval.adapters.embedder import Identity, ModelEmbedder
from retrieval.adapters.embedder_batches import LEAST_COSINE, Runtime
from retrieval.adapters.embedder_cache import Export, Exports, converted_by
from retrieval.adapters.embedder_loading import Traits
from retrieval.adapters.embedder_model import ModelFiles, find_model
from retrieval.adapters.embedder_tokens import Tokens
from retrieval.errors import ConfigError
from retrieval.settings import Settings

PACKAGES = {"openvino": "openvino", "onnx": "onnxruntime", "torch": "torch"}


def open_model(settings: Settings, exports: Exports | None = None) -> ModelEmbedder:
    """Return a model on this machine.

    Under `auto`, a model that the fast runtimes cannot run goes to torch, and `describe` says so.
    Raises: ConfigError for an unknown model, or one that the backend of the settings cannot run.
    """
    try:
        exports = exports or Exports(settings.data_dir / "models", converted_by("embedder_export"))
        model = find_model(settings.encoder, exports.digests)
        backend = backend_of(settings)
        found = None if backend == "torch" else exports.get(model, backend)
    except OSError as error:
        raise ConfigError(
            f"Encoder {settings.encoder!r}: {error}. Its files must be readable, and data_dir"
            f" {settings.data_dir} writable, since converted models are kept there."
        ) from error
    if found is None:
        return _with_torch(settings, model, {})
    if isinstance(found, Export):
        return _with_export(settings, model, found)
    if settings.backend != "auto" or settings.precision == "int8":
        raise ConfigError(
            f"Encoder {settings.encoder!r} cannot run with backend {backend}: {found.reason}."
            " Set backend and precision to auto."
        )
    return _with_torch(settings, model, {"fallback": f"not {backend}: {found.reason}"})


def backend_of(settings: Settings) -> str:
    """Return the backend of the settings, or under `auto` the one that suits the machine.

    Raises: ConfigError for one that cannot run here.
    """
    backend = _suitable(settings) if settings.backend == "auto" else settings.backend
    if not find_spec(PACKAGES[backend]):
        raise ConfigError(
            f"Backend {backend} needs the package {PACKAGES[backend]}, which is not installed."
            " Install it, or set backend and precision to auto."
        )
    allowed = {"onnx": ("auto", "fp32"), "torch": ("auto", "fp32", "bf16")}.get(backend)
    if allowed and settings.precision not in allowed:
        raise ConfigError(
            f"Precision {settings.precision}: backend {backend} has {' and '.join(allowed[1:])}"
            f" only. Set precision to {' or '.join(allowed)}, or backend to openvino."
        )
    return backend


def _suitable(settings: Settings) -> str:
    from retrieval.adapters.embedder_torch import cuda

    if settings.precision == "int8":
        return "openvino"
    if cuda():
        return "torch"
    if find_spec("openvino"):
        return "openvino"
    return "onnx" if find_spec("onnxruntime") and settings.precision != "bf16" else "torch"


def _with_export(settings: Settings, model: ModelFiles, export: Export) -> ModelEmbedder:
    from tokenizers import Tokenizer

    notes = {"cache": "hit" if export.hit else "built", "agreement": dict(export.agreement)}
    if export.backend == "openvino":
        runtime = _openvino(settings, export, notes)
    else:
        runtime = _onnx(settings, export)
    tokens = Tokens(Tokenizer.from_file(str(export.tokenizer)), export.traits.limit)
    return ModelEmbedder(_identity(settings, model, export.traits), tokens, runtime, notes)


def _openvino(settings: Settings, export: Export, notes: dict[str, Any]) -> Runtime:
    from retrieval.adapters.embedder_openvino import OpenvinoRuntime, Precision, has

    precision: Precision = "fp32"
    if settings.precision != "auto":
        precision = settings.precision
        if not has(precision):
            raise ConfigError(
                f"Precision {precision}: this processor has none. Set precision to auto or fp32."
            )
    elif has("bf16"):
        if export.agreement.get("bf16", 0.0) >= LEAST_COSINE:
            precision = "bf16"
        else:
            notes["fallback"] = f"not bf16: no cosine of {LEAST_COSINE} with torch was seen"
    return OpenvinoRuntime(export.folder, export.padding, settings.threads, precision)


def _onnx(settings: Settings, export: Export) -> Runtime:
    from retrieval.adapters.embedder_onnx import OnnxRuntime

    return OnnxRuntime(export.folder, export.padding, settings.threads)


def _with_torch(settings: Settings, model: ModelFiles, notes: dict[str, Any]) -> ModelEmbedder:
    """Torch on a processor computes in bf16 only where it is asked to: it is not always faster."""
    import torch

    from retrieval.adapters.embedder_loading import fast_tokenizer, load, traits
    from retrieval.adapters.embedder_torch import TorchRuntime, cuda, cuda_has_bf16

    device = "cuda" if cuda() else "cpu"
    if settings.threads:
        torch.set_num_threads(settings.threads)
    loaded = load(model.folder, device)
    identity = _identity(settings, model, traits(loaded))
    wanted = settings.precision == "auto" and device == "cuda" and cuda_has_bf16()
    runtime = TorchRuntime(
        loaded,
        identity.query_prompt,
        identity.passage_prompt,
        bf16=wanted or settings.precision == "bf16",
    )
    return ModelEmbedder(identity, Tokens(fast_tokenizer(loaded), identity.limit), runtime, notes)


def _identity(settings: Settings, model: ModelFiles, found: Traits) -> Identity:
    """Prompts of the settings go before those of the model."""
    return Identity(
        model.name,
        model.hash,
        found.dimension,
        settings.query_prompt or found.query_prompt,
        settings.passage_prompt or found.passage_prompt,
        found.limit,
    )
