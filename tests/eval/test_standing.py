"""Where judged places stood in each list, worked out by hand."""

from dataclasses import dataclass, replace
from typing import ClassVar

from eval.judgments import Judgment
from eval.standing import Listed, Stood, listed, standing
from retrieval.config import build_pipeline, load_pipeline
from retrieval.kit import Kit
from retrieval.offline import offline_kit
from retrieval.pipeline import Pipeline, run, states
from retrieval.types import Chunk, Search, Span, chunk_id, ordered


def chunk(document_id: str, start: int = 0, end: int = 10, text: str = "") -> Chunk:
    span = Span(start, end)
    return Chunk(chunk_id("default", document_id, span, text), document_id, text, span)


def judged(document_id: str, *span: int, **more: object) -> Judgment:
    return replace(Judgment("q", document_id, span=Span(*span) if span else None), **more)


LISTS = [
    Listed("dense:original", (chunk("b"), chunk("a", 20, 30), chunk("a"))),
    Listed("fuse", (chunk("a"), chunk("b"))),
    Listed("answer", (chunk("a"),)),
]


def test_a_documents_rank_is_that_of_its_first_chunk_and_a_spans_of_the_first_that_holds_half() -> (
    None
):
    asked = [judged("a"), judged("a", 5, 15), judged("a", 6, 16), judged("c"), judged("b", grade=0)]
    found = standing(asked, LISTS)
    names = ("dense:original", "fuse", "answer")
    assert [(each.group, each.ranks) for each in found] == [
        ("#0", tuple(zip(names, (2, 1, 1), strict=True))),
        ("#1", tuple(zip(names, (3, 1, 1), strict=True))),
        ("#2", tuple(zip(names, (None, None, None), strict=True))),
        ("#3", tuple(zip(names, (None, None, None), strict=True))),
    ]


def test_alternatives_keep_the_name_of_their_group() -> None:
    found = standing([judged("a", group="one"), judged("b", group="one"), judged("b")], LISTS)
    assert [each.group for each in found] == ["one", "one", "#2"]
    assert [Stood.of("q", each.as_json()).as_json() for each in found] == [
        each.as_json() for each in found
    ]


def test_lists_come_in_the_pipelines_order_and_the_answer_is_cut() -> None:
    kit = offline_kit([chunk(str(i), 0, 9, f"cat {'dog ' * i}") for i in range(5)])
    stages = [{"use": "dense"}, {"use": "sparse"}, {"use": "fuse"}, {"use": "rules", "mmr": 0.5}]
    pipeline = build_pipeline("p", [*stages, {"use": "pack"}])
    found = listed(states(pipeline, Search.of("cat", 3), kit))
    assert [(name, len(chunks)) for name, chunks, _ in found[:-2]] == [
        ("dense:original", 5),
        ("sparse:original", 5),
        ("fuse", 5),
        ("rules", 5),
    ]
    assert [name for name, _, _ in found[-2:]] == ["context", "answer"]
    assert len(found[-1].chunks) == 3
    assert [each.state for each in found] == [0, 1, 2, 3, 4, 5]


@dataclass(frozen=True)
class Again:
    """A stage that puts the hits in the same order once more, and cuts the ranking's last."""

    reads: ClassVar[tuple[str, ...]] = ("hits",)
    writes: ClassVar[tuple[str, ...]] = ("hits", "rankings")
    optional: ClassVar[bool] = True

    def __call__(self, search: Search, kit: Kit) -> Search:
        first = replace(search.rankings[0], hits=search.rankings[0].hits[:-1])
        return replace(search, hits=ordered(search.hits), rankings=(first,))


def test_a_name_that_comes_again_is_numbered() -> None:
    kit = offline_kit([chunk("a", text="cat"), chunk("b", text="cat dog")])
    pipeline = Pipeline("p", (*load_pipeline("dense").stages, Again(), Again()))
    found = listed(states(pipeline, Search.of("cat"), kit))
    assert [each.name for each in found] == [
        "dense:original",
        "fuse",
        "dense:original (2)",
        "test_standing",
        "dense:original (3)",
        "test_standing (2)",
        "answer",
    ]


def test_what_is_not_kept_takes_no_rank() -> None:
    kit = offline_kit([chunk("a", text="cat"), chunk("b", text="cat dog")])
    found = listed(
        states(load_pipeline("sparse"), Search.of("cat"), kit), lambda c: c.document_id != "a"
    )
    assert all(each.chunks == (found[-1].chunks[0],) for each in found)
    assert found[-1].chunks[0].document_id == "b"


def test_the_last_state_is_what_run_gives() -> None:
    kit = offline_kit([chunk(str(i), text=f"cat {'dog ' * i}") for i in range(5)])
    found = states(load_pipeline("hybrid"), Search.of("cat", 2), kit)
    served = run(load_pipeline("hybrid"), Search.of("cat", 2), kit)
    assert found[-1].hits == served.hits
    assert [len(each.trace) for each in found] == [1, 2, 3, 3]
    assert len(found[-2].hits) == 5
