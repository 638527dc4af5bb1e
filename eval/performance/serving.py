"""What `POST /query` costs: latency, the service's own share, memory, agreement of two clients."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.performance.measure import Figure, memory_mb, percentile
from eval.performance.server import Client, Reply, server


def serving_figures(data_dir: Path, index: str, questions: Sequence[str]) -> list[Figure]:
    """Return latency on a small index, the own share, growth over 3,000 queries, agreement."""
    with server(data_dir) as (port, pid):
        client = Client(port)
        for question in questions[:50]:
            ask(client, index, question)
        asked = [ask(client, index, question) for question in questions]
        agree = _agreement(port, index, questions)
        growth = _growth_mb(client, index, questions, pid)
    total = [each.ms for each in asked]
    spent = [each.answer["timings"]["tools_ms"] for each in asked]
    encode, store = ([each[tool] for each in spent] for tool in ("encode", "store"))
    client_ms = [each.own_ms for each in asked]
    # By question: a percentile of differences, not a difference of percentiles.
    parts = zip(total, encode, store, client_ms, strict=True)
    own = percentile([ms - sum(others) for ms, *others in parts], 50)
    return [
        Figure("POST /query, hybrid, limit 10: p50", percentile(total, 50), "ms", 10),
        Figure("POST /query, hybrid, limit 10: p95", percentile(total, 95), "ms"),
        Figure("... of it the encoder: p50", percentile(encode, 50), "ms"),
        Figure("... of it the store, both legs: p50", percentile(store, 50), "ms"),
        Figure("... of it the client's own work: p50", percentile(client_ms, 50), "ms"),
        Figure("... of it the service's own share, with the way: all else", own, "ms", 2),
        Figure("two concurrent clients: answers that differ", agree, "of 100", 0),
        Figure("memory after 3,000 queries above that after 1,000", growth, "MB", 20),
    ]


def ask(client: Client, index: str, question: str) -> Reply:
    """Return the answer to a question and what it took."""
    return client.post("/query", {"query": question, "index": index, "limit": 10})


def _agreement(port: int, index: str, questions: Sequence[str]) -> int:
    """How many of 100 questions two clients, asking at the same time, saw answered otherwise."""
    seen: list[list[Any]] = [[], []]

    def work(answers: list[Any]) -> None:
        client = Client(port)
        answers += [ask(client, index, question).answer["hits"] for question in questions[:100]]

    threads = [threading.Thread(target=work, args=(answers,)) for answers in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(not _same(one, other) for one, other in zip(*seen, strict=True))


def _same(one: Any, other: Any) -> bool:
    """The same ids in the same order, scores within 1e-6."""
    return len(one) == len(other) and all(
        a["id"] == b["id"] and abs(a["score"] - b["score"]) <= 1e-6
        for a, b in zip(one, other, strict=True)
    )


def _growth_mb(client: Client, index: str, questions: Sequence[str], pid: int) -> float:
    after = {}
    for count in range(1, 3001):
        ask(client, index, f"{questions[count % len(questions)]} {count}")
        if count in (1000, 3000):
            after[count] = memory_mb(pid)
    return after[3000] - after[1000]
