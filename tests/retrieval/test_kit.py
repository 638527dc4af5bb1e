from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from retrieval.kit import Clock, Kit, Vectors
from retrieval.offline import HashEmbedder


@dataclass(frozen=True)
class Counted(HashEmbedder):
    asked: list[str] = field(default_factory=list)

    def queries(self, texts: Sequence[str], clock: Clock) -> Vectors:
        self.asked.extend(texts)
        return super().queries(texts, clock)


def test_a_request_embeds_a_question_once_and_the_next_request_again(kit: Kit) -> None:
    counted = Counted()
    kit = replace(kit, embedder=counted)
    request = kit.at(None, None)
    first = request.queries(["cats", "dogs"])
    again = request.queries(["dogs", "birds", "dogs"])
    assert counted.asked == ["cats", "dogs", "birds"]
    np.testing.assert_array_equal(again[0], first[1])
    np.testing.assert_array_equal(again, HashEmbedder().passages(["dogs", "birds", "dogs"]))
    kit.at(None, None).queries(["cats"])
    assert counted.asked[3:] == ["cats"]
