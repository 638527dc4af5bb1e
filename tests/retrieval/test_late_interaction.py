import math
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from retrieval.errors import ConfigError
from retrieval.kit import Kit
from retrieval.late_interaction import maxsim, maxsim_scores


def rows(*angles: float) -> np.ndarray:
    """Unit vectors of the plane, by their angles in degrees."""
    radians = np.radians(angles)
    return np.column_stack([np.cos(radians), np.sin(radians)]).astype(np.float32)


def test_each_token_of_the_question_finds_its_nearest_and_the_mean_counts() -> None:
    # 0 is nearest to 60 (cos 60), 90 is nearest to 60 (cos 30); 200 is no use.
    expected = (math.cos(math.radians(60)) + math.cos(math.radians(30))) / 2
    assert maxsim(rows(0, 90), rows(200, 60)) == pytest.approx(expected)
    assert maxsim(rows(0), rows(180)) == pytest.approx(-1)
    assert maxsim(rows(30, 70), rows(70, 30, 5)) == pytest.approx(1)


def test_a_text_without_tokens_is_like_nothing() -> None:
    none = np.empty((0, 2), dtype=np.float32)
    assert maxsim(none, rows(0)) == maxsim(rows(0), none) == 0.0


def test_passages_are_scored_by_the_kits_encoder(kit: Kit) -> None:
    found = maxsim_scores("cats sleep", ["sleep, cats", "cats bark", "", "dogs run"], kit)
    assert found[0] == pytest.approx(1)
    assert found[0] > found[1] > found[3]
    assert found[2] == 0.0


def test_an_encoder_without_vectors_of_tokens_is_refused_with_the_ways_out(kit: Kit) -> None:
    class Endpoint:
        identity: ClassVar = {"name": "far-away"}

    with pytest.raises(ConfigError, match=r"far-away.*Set encoder to a model"):
        maxsim_scores("cats", ["cats"], replace(kit, embedder=Endpoint()))  # type: ignore[arg-type]
