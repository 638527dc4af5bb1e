"""Fitting a router: from labelled questions or documents to a file that `route` reads.

What a saved router can be trusted for (its temperature, its threshold for "none of these") is set
on examples that were not fitted on: given ones, or each fold by a fit on the others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from retrieval.errors import InputError
from retrieval.router import Array, Router, softmax

Method = Literal["distance", "logistic", "centroid"]
METHODS: tuple[Method, ...] = ("distance", "logistic", "centroid")
FOLDS = 5
ITERATIONS = 2_000
SMALLEST_VARIANCE = 1e-6
SMALLEST_LIKELIHOOD = 1e-12
TEMPERATURES = (0.001, 100.0)


@dataclass(frozen=True)
class Fit:
    """How a router is fitted.

    `distance`: multinomial logistic regression, and relative Mahalanobis distance for "none".
    `logistic`: the same regression, and the best class's probability for "none". `centroid`: the
    cosine to the mean of each class decides both.

    `strength` is the inverse of the regression's L2 penalty. `shrinkage` is the share of the
    covariance that is a multiple of the identity. `acceptance` is the share of held-out examples
    that are not to be called "none".
    """

    method: Method = "distance"
    strength: float = 10.0
    shrinkage: float = 0.3
    acceptance: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges. Raises: InputError."""
        if self.method not in METHODS:
            raise InputError(f"method: one of {', '.join(METHODS)}, got {self.method!r}.")
        if not 0 < self.acceptance <= 1:
            raise InputError(f"acceptance: above 0, up to 1, got {self.acceptance}.")
        if self.strength <= 0 or not 0 <= self.shrinkage <= 1:
            raise InputError(
                f"strength: above 0; shrinkage: 0 to 1; got {self.strength} and {self.shrinkage}."
            )


@dataclass(frozen=True)
class Labelled:
    """Vectors (n, dimension) with the domain of each, and its class within the domain.

    `sources` say which rows are of one document, by a number for each row; without them, every row
    is an example by itself.
    """

    vectors: Array
    domains: tuple[str, ...]
    classes: tuple[str, ...]
    sources: tuple[int, ...] = ()

    def at(self, rows: NDArray[np.intp]) -> "Labelled":
        """Return the examples of these rows."""
        return Labelled(
            self.vectors[rows],
            tuple(self.domains[row] for row in rows),
            tuple(self.classes[row] for row in rows),
            tuple(self.sources[row] for row in rows) if self.sources else (),
        )

    @property
    def keys(self) -> list[tuple[str, str]]:
        """The domain and class of each row."""
        return list(zip(self.domains, self.classes, strict=True))

    def keys_by_source(self) -> dict[int, tuple[str, str]]:
        """Return the domain and class of each document by its number; a row's is its place."""
        return dict(zip(self.sources or range(len(self.domains)), self.keys, strict=True))


@dataclass(frozen=True)
class Training:
    """What a router is made from: how, by which encoder's vectors, and what they are of."""

    fit: Fit
    encoder: Mapping[str, Any]
    about: Mapping[str, Any]


def train(training: Training, examples: Labelled, held_out: Labelled | None = None) -> Router:
    """Return a router fitted on all examples, its temperature and threshold on others.

    Those are `held_out`; without them, the examples, each fold by a router fitted on the rest: all
    rows of a document are in one fold.

    Raises: InputError for fewer than two domains, or a class with a single example: a document is
    one.
    """
    check_classes(list(examples.keys_by_source().values()))
    if held_out is not None:
        unknown = sorted(set(held_out.domains) - set(examples.domains))
        if unknown:
            raise InputError(f"Validation: domains that were not trained on: {', '.join(unknown)}.")
    router = fitted(training, examples)
    if held_out is not None:
        scores, familiarity = looked_at(router, held_out)
        truth = held_out.domains
    else:
        scores, familiarity = _cross_fitted(training, examples)
        truth = examples.domains
    wanted = np.array([router.labels.index(each) for each in truth])
    temperature = _temperature(scores, router.owners == wanted[:, None])
    if router.familiarity == "probability":
        familiarity = softmax(scores / temperature).max(axis=1)
    threshold = float(np.quantile(familiarity, 1 - training.fit.acceptance))
    return replace(router, temperature=temperature, threshold=threshold)


def check_classes(keys: Sequence[tuple[str, str]]) -> None:
    """Check the domain and class of each example. Raises: InputError for what cannot be learned."""
    domains = sorted({domain for domain, _ in keys})
    if len(domains) < 2:
        found = f"only {domains[0]!r}" if domains else "no example"
        raise InputError(f"A router needs examples of two or more domains; there is {found}.")
    counts = Counter(keys)
    single = sorted(" / ".join(dict.fromkeys(key)) for key, count in counts.items() if count < 2)
    if single:
        raise InputError(
            f"A router needs two or more examples of each class; one is there of:"
            f" {', '.join(single[:10])}. Add some, or leave the class out."
        )


def fitted(training: Training, examples: Labelled) -> Router:
    """Return a router with temperature 1 and without a threshold."""
    keys = examples.keys
    classes = sorted(set(keys))
    labels = tuple(sorted(set(examples.domains)))
    row_of = {key: row for row, key in enumerate(classes)}
    numbers = np.array([row_of[key] for key in keys])
    vectors = examples.vectors.astype(np.float64)
    means = np.stack([vectors[numbers == row].mean(axis=0) for row in range(len(classes))])
    fit = training.fit
    if fit.method == "centroid":
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        weights, bias = means / np.maximum(lengths, SMALLEST_VARIANCE), np.zeros(len(classes))
    else:
        weights, bias = _regression(vectors, numbers, fit)
    empty = np.zeros((0, 0))
    near = near_means = far = far_mean = empty
    if fit.method == "distance":
        near = _whitening(vectors - means[numbers], fit.shrinkage)
        far = _whitening(vectors - vectors.mean(axis=0), fit.shrinkage)
        near_means, far_mean = means @ near, vectors.mean(axis=0) @ far
    counts = {label: examples.domains.count(label) for label in labels}
    return Router(
        encoder=dict(training.encoder),
        labels=labels,
        weights=weights.astype(np.float32),
        bias=bias.astype(np.float32),
        owners=np.array([labels.index(domain) for domain, _ in classes], dtype=np.int32),
        temperature=1.0,
        threshold=float("-inf"),
        familiarity={"distance": "distance", "logistic": "probability", "centroid": "score"}[
            fit.method
        ],  # type: ignore[arg-type]
        near=near.astype(np.float32),
        near_means=near_means.astype(np.float32),
        far=far.astype(np.float32),
        far_mean=far_mean.astype(np.float32),
        trained={"examples": counts, **training.about, "classes": len(classes), **asdict(fit)},
    )


def looked_at(router: Router, examples: Labelled) -> tuple[Array, Array]:
    """Return the classes' scores (n, classes) and the familiarity (n,) of examples."""
    scores: Array = examples.vectors @ router.weights.T + router.bias
    return scores, router.believes(examples.vectors).familiarity


def folds(classes: Sequence[object], seed: int, count: int = FOLDS) -> NDArray[np.intp]:
    """Return a fold for each example: each class is dealt out evenly, in an order drawn by seed."""
    random = np.random.default_rng(seed)
    found = np.zeros(len(classes), dtype=np.intp)
    places: dict[object, list[int]] = {}
    for row, each in enumerate(classes):
        places.setdefault(each, []).append(row)
    start = 0
    for rows in places.values():
        found[random.permutation(rows)] = (start + np.arange(len(rows))) % count
        start += len(rows)
    return found


def _cross_fitted(training: Training, examples: Labelled) -> tuple[Array, Array]:
    keys = examples.keys_by_source()
    classes = Counter(keys.values())
    count = min(FOLDS, min(classes.values()))
    dealt = folds(list(keys.values()), training.fit.seed, count)
    fold_of = dict(zip(keys, dealt, strict=True))
    rows = len(examples.domains)
    fold = np.array([fold_of[each] for each in examples.sources or range(rows)])
    scores = np.zeros((rows, len(classes)), dtype=np.float32)
    familiarity = np.zeros(rows, dtype=np.float32)
    for number in range(count):
        out = np.flatnonzero(fold == number)
        router = fitted(training, examples.at(np.flatnonzero(fold != number)))
        scores[out], familiarity[out] = looked_at(router, examples.at(out))
    return scores, familiarity


def _regression(
    vectors: NDArray[np.float64], numbers: NDArray[np.intp], fit: Fit
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights and the bias of each class, by multinomial logistic regression."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=fit.strength, class_weight="balanced", max_iter=ITERATIONS).fit(
        vectors, numbers
    )
    weights, bias = np.asarray(model.coef_), np.asarray(model.intercept_)
    if len(weights) == 1:
        weights, bias = np.concatenate([-weights, weights]) / 2, np.array([-bias[0], bias[0]]) / 2
    return weights, bias


def _whitening(centred: NDArray[np.float64], shrinkage: float) -> NDArray[np.float64]:
    """Return W with W Wᵀ the inverse of the shrunk covariance, so that |xW| is Mahalanobis'."""
    dimension = centred.shape[1]
    covariance = centred.T @ centred / len(centred)
    variance = max(float(np.trace(covariance)) / dimension, SMALLEST_VARIANCE)
    shrunk = (1 - shrinkage) * covariance + shrinkage * variance * np.eye(dimension)
    values, axes = np.linalg.eigh(shrunk)
    found: NDArray[np.float64] = axes / np.sqrt(np.maximum(values, SMALLEST_VARIANCE * variance))
    return found


def _temperature(scores: Array, right: NDArray[np.bool_]) -> float:
    """Return the temperature at which the true domain is likeliest; `right` marks its classes.

    Truth counts (n + 1) / (n + 2) of n examples, so that examples without a single mistake do not
    make the router endlessly sure.

    Source: Guo et al. 2017, arXiv 1706.04599, section 4.2; the + 1: Platt 1999, section 2.2.
    """
    raised = scores.astype(np.float64)
    truth = (len(scores) + 1) / (len(scores) + 2)

    def loss(logarithm: float) -> float:
        cooled = raised / np.exp(logarithm)
        cooled -= cooled.max(axis=1, keepdims=True)
        classes = np.exp(cooled)
        likely = (classes * right).sum(axis=1) / classes.sum(axis=1)
        likely = likely.clip(SMALLEST_LIKELIHOOD, 1 - SMALLEST_LIKELIHOOD)
        return float(-(truth * np.log(likely) + (1 - truth) * np.log(1 - likely)).mean())

    low, high = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))
