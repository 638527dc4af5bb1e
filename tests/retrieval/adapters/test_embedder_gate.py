"""Turns at the processor, with a runtime that waits to be told: questions go before passages."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers

from retrieval.adapters.embedder import Identity, ModelEmbedder
from retrieval.adapters.embedder_batches import Item, Kind
from retrieval.adapters.embedder_gate import Gate
from retrieval.adapters.embedder_tokens import Tokens
from retrieval.clock import Clock
from retrieval.errors import DeadlineError, ProviderError

WAIT_S = 10.0


class Held:
    """A runtime whose batches run until they are let go; it writes down what it is given."""

    batch_tokens = 8

    def __init__(self, streams: int = 1) -> None:
        self.streams = streams
        self.begun: list[tuple[Kind, list[str]]] = []
        self.running: list[Kind] = []
        self.most = 0
        self.steps = threading.Semaphore(0)
        self.changed = threading.Condition()

    def run(self, items: Sequence[Item], kind: Kind) -> NDArray[np.float32]:
        with self.changed:
            self.begun.append((kind, [item.text for item in items]))
            self.running.append(kind)
            self.most = max(self.most, len(self.running))
            self.changed.notify_all()
        assert self.steps.acquire(timeout=WAIT_S)
        with self.changed:
            self.running.remove(kind)
        if any("fail" in item.text for item in items):
            raise ProviderError("the model failed")
        return np.array([[len(item.text), 1.0] for item in items], dtype=np.float32)

    def describe(self) -> dict[str, Any]:
        return {"backend": "held"}

    def await_batches(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.begun) >= count, WAIT_S)

    def let_go(self, count: int = 1) -> None:
        self.steps.release(count)


def embedder(runtime: Held) -> ModelEmbedder:
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    identity = Identity("held", "", 2, "", "", 8)
    return ModelEmbedder(identity, Tokens(tokenizer, 8), runtime, {"why": "a test"})


def started(call: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    return thread


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def waiting(found: ModelEmbedder) -> int:
    return found._gate._waiting


def test_a_question_goes_before_passages_that_came_earlier() -> None:
    runtime = Held()
    found = embedder(runtime)
    ingesting = started(lambda: found.passages(["one", "two", "three"] * 8))
    runtime.await_batches(1)
    asking = started(lambda: found.queries(["question"], Clock()))
    until(lambda: waiting(found) == 1)
    runtime.let_go(100)
    asking.join()
    ingesting.join()
    kinds = [kind for kind, _ in runtime.begun]
    assert kinds[:2] == ["passage", "query"]
    assert set(kinds[2:]) == {"passage"}
    assert runtime.most == 1


def test_questions_that_wait_are_computed_together() -> None:
    runtime = Held()
    found = embedder(runtime)
    texts = ["a", "bb", "ccc", "dddd"]
    vectors: dict[str, Any] = {}

    def ask(text: str) -> None:
        vectors[text] = found.queries([text], Clock())[0]

    first = started(lambda: ask("first"))
    runtime.await_batches(1)
    threads = [started(lambda text=text: ask(text)) for text in texts]  # type: ignore[misc]
    until(lambda: waiting(found) == 4)
    runtime.let_go(2)
    for thread in (first, *threads):
        thread.join()
    assert [len(batch) for _, batch in runtime.begun] == [1, 4]
    for text in texts:
        assert vectors[text][0] / vectors[text][1] == pytest.approx(len(text))


def test_a_batch_of_questions_has_a_bounded_size() -> None:
    runtime = Held()
    found = embedder(runtime)
    first = started(lambda: found.queries(["first"], Clock()))
    runtime.await_batches(1)
    others = [started(lambda: found.queries(["a b c"], Clock())) for _ in range(5)]
    until(lambda: waiting(found) == 5)
    runtime.let_go(100)
    for thread in (first, *others):
        thread.join()
    assert [len(batch) for _, batch in runtime.begun] == [1, 2, 2, 1]


def test_one_caller_s_failure_is_not_another_s() -> None:
    runtime = Held()
    found = embedder(runtime)
    outcomes: list[str] = []

    def ask(text: str) -> None:
        try:
            found.queries([text], Clock())
            outcomes.append(text)
        except ProviderError:
            outcomes.append(f"{text}ed")

    first = started(lambda: ask("first"))
    runtime.await_batches(1)
    failing = started(lambda: ask("fail"))
    until(lambda: waiting(found) == 1)
    other = started(lambda: ask("other"))
    until(lambda: waiting(found) == 2)
    runtime.let_go(100)
    for thread in (first, failing, other):
        thread.join()
    assert "failed" in outcomes
    assert found.queries(["after"], Clock()).shape == (1, 2)


def test_a_question_gives_up_when_its_time_is_over() -> None:
    runtime = Held()
    found = embedder(runtime)
    ingesting = started(lambda: found.passages(["one"]))
    runtime.await_batches(1)
    with pytest.raises(DeadlineError):
        found.queries(["question"], Clock(0.03))
    runtime.let_go(2)
    ingesting.join()
    assert found.queries(["another"], Clock()).shape == (1, 2)
    assert [texts for _, texts in runtime.begun] == [["one"], ["another"]]


def test_passages_run_on_as_many_streams_as_there_are() -> None:
    runtime = Held(streams=3)
    found = embedder(runtime)
    ingesting = started(lambda: found.passages(["w " * 8] * 7))
    runtime.await_batches(3)
    time.sleep(0.02)
    assert len(runtime.begun) == 3
    runtime.let_go(100)
    ingesting.join()
    assert (len(runtime.begun), runtime.most) == (7, 3)


def test_passages_keep_their_order_through_batches_of_like_length() -> None:
    runtime = Held(streams=2)
    runtime.let_go(100)
    texts = ["w " * (number % 5) + "end" for number in range(50)]
    found = embedder(runtime).passages(texts)
    assert found[:, 0] / found[:, 1] == pytest.approx([len(text) for text in texts])


def test_batches_are_halved_where_questions_are_asked() -> None:
    runtime = Held()
    runtime.let_go(100)
    found = embedder(runtime)
    found.passages(["w w w w w"] * 4)
    quiet = len(runtime.begun)
    found.queries(["question"], Clock())
    runtime.begun.clear()
    found.passages(["w"] * 4)
    assert quiet == 4
    assert [len(texts) for _, texts in runtime.begun] == [1, 1, 1, 1]


def test_a_failure_ends_the_call_and_drops_the_batches_behind_it() -> None:
    runtime = Held()
    runtime.let_go(1)
    with pytest.raises(ProviderError, match="the model failed"):
        embedder(runtime).passages(["fail " * 8, *["w w"] * 50])
    assert len(runtime.begun) <= 3


def test_passages_get_their_turn_in_a_flood_of_questions() -> None:
    gate = Gate(1, patience_s=0.02)
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            with gate.question(Clock()):
                time.sleep(0.001)

    asking = [started(ask) for _ in range(3)]
    with gate.passages():
        over.set()
    for thread in asking:
        thread.join()


def test_notes_are_part_of_the_description() -> None:
    assert embedder(Held()).describe() == {"backend": "held", "why": "a test"}
