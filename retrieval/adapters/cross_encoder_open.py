"""Opens a cross-encoder with the runtime that suits the machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.adapters.cross_encoder import PairScorer
from retrieval.adapters.cross_encoder_loading import load_cross_encoder
from retrieval.adapters.cross_encoder_pairs import PairPadding, PairTokens
from retrieval.adapters.embedder_batches import Runtime
from retrieval.adapters.embedder_cache import Export, Exports, Refusal, converted_by
from retrieval.adapters.embedder_model import ModelFiles, find_model
from retrieval.adapters.embedder_open import backend_of
from retrieval.clock import Clock
from retrieval.errors import ConfigError, ProviderError
from retrieval.kit import Scorer
from retrieval.settings import Settings

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

ORGANISATION = "cross-encoder/"
LEAST_BF16 = 0.99
"""What bf16 must agree with torch by to be used unasked."""
TORCH_BATCH = 8
WAYS_OUT = (
    "Set rerank.model to the path of a sentence-transformers cross-encoder (that of a package that"
    " carries one will do), or to the name of one on a model hub that can be reached, or use a"
    " pipeline without it."
)


def open_cross_encoder(model: str, settings: Settings) -> Scorer:
    """Return a cross-encoder on this machine.

    Raises: ConfigError with the ways out for one that is not there or cannot be used.
    """
    try:
        place = settings.data_dir / "models" / "cross_encoders"
        exports = Exports(place, converted_by("cross_encoder_export"))
        files = _files(model, exports)
        backend = backend_of(settings)
        found = None if backend == "torch" else exports.get(files, backend)
    except OSError as error:
        raise ConfigError(
            f"Cross-encoder {model!r}: {error}. Its files must be readable, and data_dir"
            f" {settings.data_dir} writable, since converted models are kept there."
        ) from error
    if isinstance(found, Export):
        return _exported(found, settings)
    if isinstance(found, Refusal) and settings.backend != "auto":
        raise ConfigError(
            f"Cross-encoder {model!r} cannot run with backend {backend}: {found.reason}. Set"
            " backend to auto or torch."
        )
    return TorchScorer(load_cross_encoder(files.folder, _device()))


class TorchScorer:
    """A cross-encoder run by sentence-transformers itself."""

    def __init__(self, model: "CrossEncoder") -> None:
        """Take a loaded model."""
        self._model = model

    def scores(self, query: str, passages: Sequence[str], clock: Clock) -> list[float]:
        """Return one score a passage, in order. Raises: DeadlineError, ProviderError."""
        found: list[float] = []
        for start in range(0, len(passages), TORCH_BATCH):
            clock.remaining()
            pairs = [(query, each) for each in passages[start : start + TORCH_BATCH]]
            try:
                rows = self._model.predict(pairs, show_progress_bar=False)
            except RuntimeError as error:
                raise ProviderError(f"Torch failed on {len(pairs)} pairs: {error}") from error
            found += map(float, rows)
        return found


def _files(model: str, exports: Exports) -> ModelFiles:
    """The files of a model, found as an encoder's are; a name without a slash is of the hub's own.

    The encoder's error says how to set another encoder: only its reason is kept.
    """
    path = Path(model).expanduser()
    local = path.is_absolute() or model.startswith((".", "~")) or path.is_dir()
    try:
        return find_model(model if local or "/" in model else ORGANISATION + model, exports.digests)
    except ConfigError as error:
        reason = str(error).partition(": ")[2].partition(" Set encoder")[0]
        raise ConfigError(f"Cross-encoder {model!r}: {reason} {WAYS_OUT}") from error


def _device() -> str:
    from retrieval.adapters.embedder_torch import cuda

    return "cuda" if cuda() else "cpu"


def _exported(export: Export, settings: Settings) -> PairScorer:
    from tokenizers import Tokenizer

    padding = PairPadding(export.padding.inputs, export.padding.pad_id, export.padding.pad_left)
    tokens = PairTokens(Tokenizer.from_file(str(export.tokenizer)), export.traits.limit)
    scorer = PairScorer(tokens, _runtime(export, padding, settings))
    # OpenVINO's binding can lock up for ever if the first inference of a process is two at once.
    scorer.scores("warm", ["up"], Clock())
    return scorer


def _runtime(export: Export, padding: PairPadding, settings: Settings) -> Runtime:
    if export.backend == "onnx":
        from retrieval.adapters.embedder_onnx import OnnxRuntime

        return OnnxRuntime(export.folder, padding, settings.threads)
    from retrieval.adapters.embedder_openvino import OpenvinoRuntime

    agreement = export.agreement.get("bf16")
    wanted = settings.precision == "bf16" or (agreement or 0.0) >= LEAST_BF16
    bf16 = wanted and agreement is not None and settings.precision != "fp32"
    return OpenvinoRuntime(export.folder, padding, settings.threads, "bf16" if bf16 else "fp32")
