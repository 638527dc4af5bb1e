"""The encoder is sentence-transformers': every runtime gives what the plain library gives."""

import shutil
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest

from retrieval.adapters.embedder import ModelEmbedder, open_embedder
from retrieval.adapters.embedder_model import Digests, find_model
from retrieval.clock import Clock
from retrieval.errors import ConfigError, DeadlineError
from retrieval.offline import HashEmbedder
from retrieval.settings import DEFAULT_ENCODER, Settings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TEXTS = [
    "where do cats sleep?",
    "",
    "Bread dough is flour, water, salt and yeast, kneaded until it is smooth.",
    "Ünïcödé, 東京, 3.14 and\n\nanother line",
    "The first public railway with steam trains opened in England in 1825. " * 40,
    "cat",
]
CANONICAL = {0: 0.124870, 1: 0.024957, 2: -0.033846, 3: 0.081876, 383: 0.028398}
"""Components of the first text's vector, from sentence-transformers on torch in fp32."""


def settings(folder: Path, **changes: Any) -> Settings:
    return Settings(data_dir=folder, **changes)


def opened(folder: Path, **changes: Any) -> ModelEmbedder:
    found = open_embedder(settings(folder, **changes))
    assert isinstance(found, ModelEmbedder)
    return found


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def default(data_dir: Path) -> ModelEmbedder:
    """The default encoder as a fresh machine makes it, with the runtime that suits it."""
    return opened(data_dir)


@pytest.fixture(scope="module")
def plain(data_dir: Path) -> Iterator["SentenceTransformer"]:
    """The same model in the plain library."""
    from sentence_transformers import SentenceTransformer

    folder = find_model(DEFAULT_ENCODER, Digests(data_dir / "digests.json")).folder
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def cosines(left: Any, right: Any) -> Any:
    scale = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return (left * right).sum(axis=1) / scale


def runs(backend: str, precision: str) -> None:
    """Skip what this machine cannot run."""
    needed = {"onnx": ("onnxruntime", "onnx", "onnxscript"), "openvino": ("openvino",)}
    for package in needed.get(backend, ()):
        if not find_spec(package):
            pytest.skip(f"{package} is not installed")
    if backend == "openvino":
        from retrieval.adapters.embedder_openvino import Precision, has

        if precision in get_args(Precision) and not has(precision):  # type: ignore[arg-type]
            pytest.skip(f"this processor has no {precision}")


@pytest.mark.parametrize(
    ("backend", "precision", "least"),
    [
        ("openvino", "fp32", 0.99999),
        ("openvino", "bf16", 0.999),
        ("openvino", "int8", 0.997),
        ("onnx", "fp32", 0.99999),
        ("torch", "fp32", 0.99999),
        ("torch", "bf16", 0.999),
    ],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_every_backend_gives_the_vectors_of_the_plain_library(
    backend: str, precision: str, least: float, data_dir: Path, plain: "SentenceTransformer"
) -> None:
    runs(backend, precision)
    embedder = opened(data_dir, backend=backend, precision=precision)
    truth = plain.encode(TEXTS)
    assert cosines(embedder.passages(TEXTS), truth).min() >= least
    assert cosines(embedder.queries(TEXTS, Clock()), truth).min() >= 0.99999
    said = embedder.describe()
    assert (said["backend"], said["precision"]) == (backend, precision)
    assert "fallback" not in said


def test_the_default_model_gives_its_canonical_values(default: ModelEmbedder) -> None:
    (found,) = default.queries(TEXTS[:1], Clock())
    assert {place: float(found[place]) for place in CANONICAL} == pytest.approx(CANONICAL, abs=1e-3)


def test_vectors_have_unit_length_and_their_order(default: ModelEmbedder) -> None:
    found = default.passages(TEXTS)
    assert (found.shape, found.dtype) == ((6, 384), np.float32)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(6), abs=1e-6)
    alone = np.concatenate([default.passages([text]) for text in TEXTS])
    assert cosines(found, alone).min() > 0.999


def test_nothing_in_gives_nothing_out(default: ModelEmbedder) -> None:
    assert default.passages([]).shape == (0, 384)
    assert default.queries([], Clock()).shape == (0, 384)
    assert default.token_counts([]) == []
    assert default.token_spans("") == []


def test_the_identity_tells_what_makes_vectors_comparable(default: ModelEmbedder) -> None:
    identity = dict(default.identity)
    assert len(identity.pop("hash")) == 64
    assert identity == {
        "name": "all-MiniLM-L6-v2",
        "dimension": 384,
        "query_prompt": "",
        "passage_prompt": "",
        "limit": 256,
    }
    assert (default.dimension, default.limit) == (384, 256)


def test_the_same_model_has_the_same_identity_by_any_of_its_names(
    data_dir: Path, default: ModelEmbedder, tmp_path: Path
) -> None:
    digests = Digests(tmp_path / "digests.json")
    packaged = find_model(DEFAULT_ENCODER, digests)
    for name in ("sentence-transformers/all-MiniLM-L6-v2", str(packaged.folder)):
        assert find_model(name, digests).hash == packaged.hash == default.identity["hash"]


def test_questions_have_the_same_vectors_alone_and_beside_passages(
    default: ModelEmbedder,
) -> None:
    questions = [f"question {number} about {'cats ' * (number % 7)}" for number in range(24)]
    alone = [default.queries([question], Clock())[0] for question in questions]
    found: dict[int, Any] = {}
    ingesting = threading.Thread(target=default.passages, args=([TEXTS[4]] * 12,))
    asking = [
        threading.Thread(
            target=lambda place: found.update(
                {place: default.queries([questions[place]], Clock())}
            ),
            args=(place,),
        )
        for place in range(len(questions))
    ]
    for thread in (ingesting, *asking):
        thread.start()
    for thread in (ingesting, *asking):
        thread.join()
    assert max(np.abs(found[place][0] - alone[place]).max() for place in found) < 1e-6
    assert len(found) == len(questions)


def test_prompts_of_the_settings_stand_before_the_texts(
    data_dir: Path, default: ModelEmbedder
) -> None:
    prompted = opened(data_dir, query_prompt="query: ", passage_prompt="passage: ", threads=1)
    asked = prompted.queries(["cats"], Clock())
    assert np.abs(asked - default.queries(["query: cats"], Clock())).max() < 1e-6
    assert cosines(prompted.passages(["cats"]), default.passages(["passage: cats"]))[0] > 0.9999
    assert prompted.token_counts(["cats"]) == default.token_counts(["passage: cats"])
    assert prompted.token_spans("cats") == default.token_spans("cats")
    assert prompted.identity["query_prompt"] == "query: "
    assert prompted.describe()["threads"] == 1


def test_a_second_start_needs_no_torch(data_dir: Path, default: ModelEmbedder) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from retrieval.adapters.embedder import open_embedder\n"
        "from retrieval.kit import Clock; from retrieval.settings import Settings\n"
        "embedder = open_embedder(Settings(data_dir=Path(sys.argv[1])))\n"
        "embedder.queries(['cats'], Clock())\n"
        "slow = {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)\n"
        "print(embedder.describe()['cache'], sorted(slow))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script, str(data_dir)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split("\n")[0] == "hit []"


def test_a_text_without_time_is_refused_before_it_is_computed(default: ModelEmbedder) -> None:
    for embed in (default.queries, default.passages):
        with pytest.raises(DeadlineError):
            embed(["cats"], Clock(0.0))


@pytest.mark.parametrize(
    "encoder", ["./no-such-folder", "no-such-organisation/no-such-model", "not a name"]
)
def test_an_unknown_model_is_refused_with_the_ways_out(
    encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match=r"path of .* package .* another encoder") as caught:
        open_embedder(settings(tmp_path, encoder=encoder))
    assert repr(encoder) in str(caught.value)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="holds no model weights"):
        open_embedder(settings(tmp_path, encoder=str(tmp_path)))


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("broken", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_model_with_a_broken_file_is_refused(broken: str, tmp_path: Path) -> None:
    model = find_model(DEFAULT_ENCODER, Digests(tmp_path / "digests.json"))
    folder = tmp_path / "model"
    shutil.copytree(model.folder, folder)
    with (folder / broken).open("r+b") as file:
        file.truncate(100)
    with pytest.raises(ConfigError, match="complete model"):
        open_embedder(settings(tmp_path, encoder=str(folder), backend="torch"))


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="data_dir"):
        open_embedder(settings(tmp_path / "file"))


def test_bf16_on_onnx_is_refused(tmp_path: Path) -> None:
    runs("onnx", "bf16")
    with pytest.raises(ConfigError, match="onnx has fp32 only"):
        open_embedder(settings(tmp_path, backend="onnx", precision="bf16"))


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_int8_is_openvinos_alone(backend: str, tmp_path: Path) -> None:
    runs(backend, "int8")
    with pytest.raises(ConfigError, match=r"int8: backend \w+ has .*Set precision to auto or fp32"):
        open_embedder(settings(tmp_path, backend=backend, precision="int8"))


def test_hash_is_the_offline_encoder(tmp_path: Path) -> None:
    assert isinstance(open_embedder(settings(tmp_path, encoder="hash")), HashEmbedder)
