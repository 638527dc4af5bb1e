from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from retrieval.clock import Clock
from retrieval.kit import Kit, Prompt, Reply, Vectors
from retrieval.offline import HashEmbedder
from retrieval.pipeline import Pipeline, run
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.rules import Rules
from retrieval.stages.sparse import Sparse
from retrieval.types import Search


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


class Silent:
    """A language model that is never asked."""

    def reply(self, prompt: Prompt, query: str, clock: Clock) -> Reply:
        raise AssertionError(query)


def test_a_question_is_embedded_once_also_where_a_language_model_is_set(kit: Kit) -> None:
    counted = Counted()
    request = replace(kit, embedder=counted, llm=Silent()).at(None, None)
    pipeline = Pipeline("p", (Dense(), Sparse(), Fuse(), Rules(pinned=("bread/dough.md",))))
    run(pipeline, Search.of("where do cats sleep?"), request)
    assert counted.asked == ["where do cats sleep?"]
