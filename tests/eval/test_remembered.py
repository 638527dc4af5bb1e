from eval.remembered import Remembered
from retrieval.clock import Clock
from retrieval.offline import HashEmbedder


class Counting(HashEmbedder):
    """An encoder that counts its calls."""

    calls = 0

    def queries(self, texts, clock):
        self.calls += 1
        return HashEmbedder().queries(texts, clock)

    def passages(self, texts, *clock):
        self.calls += 1
        return super().passages(texts)


def test_a_call_is_made_once_and_gives_the_encoders_own_vectors() -> None:
    encoder = Counting()
    known = Remembered(encoder)
    for _ in range(2):
        assert (known.queries(["cats"], Clock()) == HashEmbedder().queries(["cats"], Clock())).all()
        assert (known.passages(["cats", "dogs"]) == HashEmbedder().passages(["cats", "dogs"])).all()
    assert encoder.calls == 2
    known.passages(["cats"])  # in other company: in bf16 it might be another vector
    assert encoder.calls == 3


def test_all_else_is_the_encoders() -> None:
    encoder = HashEmbedder()
    known = Remembered(encoder)
    assert (known.identity, known.dimension, known.limit) == (
        encoder.identity,
        encoder.dimension,
        encoder.limit,
    )
    assert known.token_counts(["a b"]) == encoder.token_counts(["a b"])
    assert known.token_spans("a b") == encoder.token_spans("a b")
