"""Weights of the learned reranker: a small file that says what it was fitted on."""

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.errors import ConfigError
from retrieval.features import FEATURES
from retrieval.manifest import digest
from retrieval.pipeline import Pipeline, Stage, stage_name

SHIPPED = Path(__file__).with_name("rerank_weights.toml")
REFIT = (
    "Refit: `assay rerank train --dataset DATASET --pipeline FILE --out weights.toml`, where FILE"
    " is this pipeline without its rerank stage, and name the new file in rerank.weights."
)
