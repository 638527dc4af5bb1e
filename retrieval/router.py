"""A router: which domain a question belongs to, how sure that is, or that it is none of them.

A linear classifier on the question's vector gives calibrated probabilities; a second look at the
same vector says how familiar it is, and below a threshold it is none of these. A saved router is
one file of plain arrays and JSON; reading it runs nothing. It knows nothing of how it was fitted.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ConfigError
from retrieval.types import Domain

Array = NDArray[np.float32]
Familiarity = Literal["distance", "probability", "score"]
SCHEMA = 1
HEADER = "header"
ARRAYS = ("weights", "bias", "owners", "near", "near_means", "far", "far_mean")
RETRAIN = "Train it again: assay router train."


class Belief(NamedTuple):
    """What a router thinks of texts: (n, domains) probabilities, and n familiarities."""

    probabilities: Array
    familiarity: Array


@dataclass(frozen=True, eq=False)
class Router:
    """A fitted classifier. Its classes are domains, or finer kinds of question within them.

    `encoder` is the identity of what makes the vectors. `weights` (classes, dimension), `bias` and
    `temperature` give the classes' probabilities: softmax((w·x + b) / temperature); a domain has
    the sum of its classes, of which `owners` gives each one's domain by number.

    What is less familiar than `threshold` is none of the domains. `familiarity` is one of
    `probability`: that of the best class; `score`: the best class's w·x + b; `distance`: how much
    nearer the vector is to the nearest class than to everything seen in training, both squared
    Mahalanobis distances: |x far - far_mean|² - min |x near - near_means|².

    `trained` records what it was fitted on and how.

    Source: `distance`: Ren et al. 2021, arXiv 2106.09022, section 3 (relative Mahalanobis);
    temperature: Guo et al. 2017, arXiv 1706.04599, section 4.2.
    """

    encoder: Mapping[str, Any]
    labels: tuple[str, ...]
    weights: Array
    bias: Array
    owners: NDArray[np.int32]
    temperature: float
    threshold: float
    familiarity: Familiarity
    near: Array
    near_means: Array
    far: Array
    far_mean: Array
    trained: Mapping[str, Any]

    @cached_property
    def digest(self) -> str:
        """The sha256 of everything that decides a route, and of what it was trained on."""
        found = hashlib.sha256(json.dumps(self._header, sort_keys=True).encode())
        for name in ARRAYS:
            found.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return found.hexdigest()

    def checked(self, encoder: Mapping[str, Any]) -> "Router":
        """Return this router if its vectors are that encoder's. Raises: ConfigError."""
        if dict(encoder) != dict(self.encoder):
            raise ConfigError(
                f"The router was trained with the encoder {dict(self.encoder)}, but the settings"
                f" say {dict(encoder)}. Set the same one. {RETRAIN}"
            )
        return self

    def believes(self, vectors: Array) -> Belief:
        """Return probabilities of the domains, and familiarities, for (n, dimension) vectors."""
        scores = vectors @ self.weights.T + self.bias
        classes = softmax(scores / self.temperature)
        domains = np.zeros((len(vectors), len(self.labels)), dtype=np.float32)
        for number in range(len(self.labels)):
            domains[:, number] = classes[:, self.owners == number].sum(axis=1)
        if self.familiarity == "distance":
            return Belief(domains, self._nearness(vectors))
        return Belief(domains, (classes if self.familiarity == "probability" else scores).max(1))

    def domains(self, vector: Array) -> tuple[Domain, ...]:
        """Return every domain with its probability, best first, ties by name; () for none."""
        probabilities, familiarity = self.believes(vector[None])
        if familiarity[0] < self.threshold:
            return ()
        found = zip(self.labels, map(float, probabilities[0]), strict=True)
        return tuple(Domain(*each) for each in sorted(found, key=lambda it: (-it[1], it[0])))

    def save(self, file: Path) -> None:
        """Write the router into a file. Raises: ConfigError where that cannot be written."""
        header = np.frombuffer(json.dumps(self._header).encode(), dtype=np.uint8)
        packed = io.BytesIO()
        arrays: dict[str, Any] = {name: getattr(self, name) for name in ARRAYS}
        np.savez(packed, allow_pickle=False, **arrays, **{HEADER: header})
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(packed.getvalue())
        except OSError as error:
            raise ConfigError(f"Router {file}: it cannot be written ({error.strerror}).") from error

    @property
    def _header(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "encoder": dict(self.encoder),
            "labels": list(self.labels),
            "temperature": self.temperature,
            "threshold": self.threshold,
            "familiarity": self.familiarity,
            "trained": dict(self.trained),
        }

    def _nearness(self, vectors: Array) -> Array:
        """A row at a time is enough for a question; training asks for thousands, in blocks."""
        near = vectors @ self.near
        far = ((vectors @ self.far - self.far_mean) ** 2).sum(axis=1)
        lengths = (self.near_means**2).sum(axis=1)
        to_means = lengths - 2 * near @ self.near_means.T
        nearest = (near**2).sum(axis=1) + to_means.min(axis=1)
        found: Array = (far - nearest).astype(np.float32)
        return found


def softmax(scores: Array) -> Array:
    """Return rows of probabilities."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: Array = (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)
    return found


def load_router(file: Path) -> Router:
    """Return a saved router. Raises: ConfigError that says what is wrong with the file."""
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
            header = json.loads(stored[HEADER].tobytes())
            arrays = {name: stored[name] for name in ARRAYS}
    except FileNotFoundError:
        raise ConfigError(
            f"Router {file}: it is not there. Train one: assay router train FILE --out {file}"
        ) from None
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ConfigError(f"Router {file}: it is no saved router ({error}). {RETRAIN}") from error
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        raise ConfigError(f"Router {file}: it is not of schema {SCHEMA}. {RETRAIN}")
    try:
        return _built(header, arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"Router {file}: it does not fit together ({error}). {RETRAIN}"
        ) from error


def _built(header: Mapping[str, Any], arrays: Mapping[str, Any]) -> Router:
    """Raises: KeyError, TypeError or ValueError where parts are missing or of other shapes."""
    labels: Sequence[str] = header["labels"]
    classes, dimension = arrays["weights"].shape
    shapes = {
        "bias": (classes,),
        "owners": (classes,),
        "near": (dimension, dimension),
        "near_means": (classes, dimension),
        "far": (dimension, dimension),
        "far_mean": (dimension,),
    }
    if header["familiarity"] != "distance":
        shapes = {name: shapes[name] for name in ("bias", "owners")}
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} is {arrays[name].shape}, not {shape}")
    if set(arrays["owners"].tolist()) != set(range(len(labels))):
        raise ValueError("its classes are not those of its domains")
    if header["familiarity"] not in get_args(Familiarity) or header["temperature"] <= 0:
        raise ValueError("familiarity or temperature is none")
    rest = {name: value for name, value in header.items() if name not in ("schema", "labels")}
    return Router(labels=tuple(labels), **rest, **arrays)
