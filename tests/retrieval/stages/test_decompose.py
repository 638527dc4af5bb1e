import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Barrier
from typing import Any, ClassVar

import pytest

from retrieval.config import build_pipeline
from retrieval.errors import ConfigError, ProviderError
from retrieval.kit import Kit
from retrieval.offline import offline_kit, passage
from retrieval.pipeline import Pipeline, run, stage_key
from retrieval.stages.decompose import Decompose
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.sparse import Sparse
from retrieval.types import Search

LEGS = (Sparse(), Fuse())
SEVERAL = "how is bread baked, and what is the fastest train?"
STEPS = "who wrote the book that was printed in the town of Ulm?"
BOOKS = {
    "ulm": "The Star Atlas was printed in the town of Ulm.",
    "atlas": "The Star Atlas is a book by Ann Smith.",
    "smith": "Ann Smith was born in Riga.",
    "numbers": "The sign #1 and the sign #2 stand for numbers in a list.",
}
Listed = Callable[..., Any]


def split(stage: Decompose) -> Pipeline:
    return Pipeline("p", (*LEGS, replace(stage, each=LEGS)))


def documents(search: Search) -> list[str]:
    return [hit.chunk.document_id for hit in search.hits]


def part_queries(search: Search) -> list[str]:
    return [each.text for each in search.variants if each.kind == "sub_question"]


def searched_parts(search: Search) -> set[str]:
    """The parts that gave a hit a score."""
    names = {score.by for hit in search.hits for score in hit.scores}
    return {name.partition("/")[0] for name in names if "/" in name}


@pytest.fixture
def books() -> Kit:
    """A small library; each document's title is its id in capitals."""
    chunks = [replace(passage(id, text), meta={"title": id.upper()}) for id, text in BOOKS.items()]
    return offline_kit(chunks)


def test_every_part_of_a_question_is_represented(kit: Kit) -> None:
    plain = run(Pipeline("p", LEGS), Search.of(SEVERAL), kit)
    found = run(split(Decompose(how="rules")), Search.of(SEVERAL, limit=3), kit)
    assert part_queries(found) == ["how is bread baked?", "what is the fastest train?"]
    best = [
        documents(run(Pipeline("p", LEGS), Search.of(each), kit))[0] for each in part_queries(found)
    ]
    assert {documents(plain)[0], *best} <= set(documents(found))


def test_every_hit_says_which_part_found_it_and_where(kit: Kit) -> None:
    found = run(split(Decompose(how="rules", merge="ranks")), Search.of(SEVERAL), kit)
    by_document = {h.chunk.document_id: [s.by for s in h.scores] for h in found.hits}
    assert "part-2/sparse:original" in by_document["trains/speed.md"]
    assert all(names[-1] == "decompose" for names in by_document.values())
    assert [hit.score for hit in found.hits] == [1 / (i + 1) for i in range(len(found.hits))]


def test_parts_of_rules_share_the_score_with_the_question_itself(kit: Kit) -> None:
    plain = run(Pipeline("p", LEGS), Search.of(SEVERAL), kit)
    half, most = (
        run(split(Decompose(how="rules", whole=whole)), Search.of(SEVERAL), kit)
        for whole in (0.5, 1.0)
    )
    assert documents(most)[: len(plain.hits)] == documents(plain)
    assert half.hits[0].score <= 1.0
    assert {hit.score for hit in half.hits} != {hit.score for hit in most.hits}
    parts = part_queries(half)
    first = {documents(run(Pipeline("p", LEGS), Search.of(each), kit))[0] for each in parts}
    scores = {hit.chunk.document_id: hit.score for hit in half.hits}
    assert all(scores[each] >= 0.5 for each in first)


def test_each_part_has_its_own_steps_in_the_trace(kit: Kit) -> None:
    found = run(split(Decompose(how="rules")), Search.of(SEVERAL), kit)
    step = found.trace[-1]
    assert [each.stage for each in step.steps] == ["part-1", "part-2"]
    assert [each.stage for each in step.steps[1].steps] == ["sparse", "fuse"]
    assert step.notes == ("part-1: how is bread baked?", "part-2: what is the fastest train?")


@pytest.mark.parametrize("stage", [Decompose(how="rules"), Decompose()])
def test_a_plain_question_passes_untouched_at_no_cost(kit: Kit, stage: Decompose) -> None:
    search = Search.of("where do cats sleep?")
    found = run(split(stage), search, kit)
    assert found.hits == run(Pipeline("p", LEGS), search, kit).hits
    assert found.trace[-1].changed == {}
    assert found.trace[-1].cost == {}


def test_a_question_that_the_model_finds_plain_keeps_its_hits(kit: Kit, listed: Listed) -> None:
    kit = replace(kit, llm=listed({("decompose", 0): {"questions": [SEVERAL]}}))
    found = run(split(Decompose()), Search.of(SEVERAL), kit)
    assert found.hits == run(Pipeline("p", LEGS), Search.of(SEVERAL), kit).hits
    assert found.trace[-1].cost["calls"] == 1


def test_always_asks_about_plain_questions_too(kit: Kit, listed: Listed) -> None:
    kit = replace(kit, llm=listed({("decompose", 0): {"questions": ["one?", "bread?"]}}))
    found = run(split(Decompose(always=True)), Search.of("cats?"), kit)
    assert part_queries(found) == ["one?", "bread?"]


def test_steps_run_in_order_with_what_was_found_filled_in(books: Kit, listed: Listed) -> None:
    answers = {
        ("decompose", 0): {"questions": ["book printed in Ulm?", "who wrote #1?", "#2 born?"]},
        ("decompose", 1): {"answer": "Star Atlas"},
        ("decompose", 2): {"answer": " Ann Smith \n"},
    }
    kit = replace(books, llm=listed(answers))
    found = run(split(Decompose()), Search.of(STEPS), kit)
    assert part_queries(found) == [
        "book printed in Ulm?",
        "who wrote Star Atlas?",
        "Ann Smith born?",
    ]
    assert set(documents(found)[:3]) == {"ulm", "atlas", "smith"}
    assert found.trace[-1].cost["calls"] == 3


def test_the_answer_is_read_in_the_first_passages_which_are_data(
    books: Kit, listed: Listed
) -> None:
    questions = {"questions": ["book printed in Ulm?", "who wrote #1?"]}
    llm = listed({("decompose", 0): questions, ("decompose", 1): {"answer": "Star Atlas"}})
    run(split(Decompose(read=2)), Search.of(STEPS), replace(books, llm=llm))
    _, reading = llm.asked
    data = json.loads(reading.text)
    assert data["question"] == "book printed in Ulm?"
    assert data["passages"][0] == BOOKS["ulm"]
    assert len(data["passages"]) <= 2
    assert "Ulm" not in reading.instructions


@pytest.mark.parametrize("answer", ["", " \n"])
def test_a_reference_without_an_answer_is_never_searched(
    books: Kit, listed: Listed, answer: str
) -> None:
    questions = {"questions": ["book printed in Ulm?", "who wrote #1?", "#2 born?"]}
    llm = listed({("decompose", 0): questions, ("decompose", 1): {"answer": answer}})
    found = run(split(Decompose()), Search.of(STEPS), replace(books, llm=llm))
    assert part_queries(found) == ["book printed in Ulm?"]
    assert searched_parts(found) == {"part-1"}
    assert "not searched, for want of an answer: who wrote #1?" in found.trace[-1].notes


@pytest.mark.parametrize("bad", ["#1 itself?", "#2 later?", "#9 nowhere?", "#0 nothing?"])
def test_a_reference_that_points_nowhere_is_never_searched(
    books: Kit, listed: Listed, bad: str
) -> None:
    llm = listed({("decompose", 0): {"questions": [bad, "#1 again?", "printed in Ulm?"]}})
    found = run(split(Decompose()), Search.of(STEPS), replace(books, llm=llm))
    assert part_queries(found) == ["printed in Ulm?"]
    assert searched_parts(found) == {"part-3"}


def test_an_answer_that_looks_like_a_reference_is_words(books: Kit, listed: Listed) -> None:
    questions = {"questions": ["which sign?", "what does #1 stand for?"]}
    llm = listed({("decompose", 0): questions, ("decompose", 1): {"answer": "the sign #2"}})
    found = run(split(Decompose()), Search.of(STEPS), replace(books, llm=llm))
    assert part_queries(found)[1] == "what does the sign #2 stand for?"


def test_without_a_model_the_answer_is_a_title_that_the_part_does_not_hold(
    books: Kit, listed: Listed
) -> None:
    llm = listed({("decompose", 0): {"questions": ["Ulm book?", "who wrote #1?"]}})
    found = run(split(Decompose(answers="title")), Search.of(STEPS), replace(books, llm=llm))
    # 'ULM', the best passage's title, is what is asked about; the next one's is 'ATLAS'.
    assert part_queries(found) == ["Ulm book?", "who wrote ATLAS?"]
    assert len(llm.asked) == 1


def test_parts_that_wait_for_nothing_run_at_the_same_time(kit: Kit) -> None:
    both = Barrier(2, timeout=5)

    @dataclass(frozen=True)
    class Meeting:
        """A stage that goes on only when another one has come to it."""

        reads: ClassVar[tuple[str, ...]] = ()
        writes: ClassVar[tuple[str, ...]] = ()
        optional: ClassVar[bool] = False

        def __call__(self, search: Search, kit: Kit) -> Search:
            both.wait()
            return search

    stage = Decompose(how="rules", each=(Meeting(), *LEGS))
    assert len(part_queries(run(Pipeline("p", (*LEGS, stage)), Search.of(SEVERAL), kit))) == 2


def test_parts_keep_filter_limit_and_domains(kit: Kit) -> None:
    seen: list[Search] = []

    @dataclass(frozen=True)
    class Seeing:
        """A stage that keeps what comes to it."""

        reads: ClassVar[tuple[str, ...]] = ()
        writes: ClassVar[tuple[str, ...]] = ()
        optional: ClassVar[bool] = False

        def __call__(self, search: Search, kit: Kit) -> Search:
            seen.append(search)
            return search

    search = Search.of(SEVERAL, limit=7)
    run(Pipeline("p", (*LEGS, Decompose(how="rules", each=(Seeing(), *LEGS)))), search, kit)
    assert {each.limit for each in seen} == {7}
    assert {each.query for each in seen} == {"how is bread baked?", "what is the fastest train?"}


def test_a_failing_stage_inside_is_named_by_the_service(kit: Kit) -> None:
    from retrieval.stages.hyde import Hyde

    stage = Decompose(how="rules", each=(Hyde(), *LEGS))
    found = run(Pipeline("p", (*LEGS, stage)), Search.of(SEVERAL), kit.at(None, None))
    assert [each.partition(":")[0] for each in found.degraded] == ["hyde", "hyde"]
    with pytest.raises(ConfigError, match="hyde: no language model"):
        run(Pipeline("p", (*LEGS, stage)), Search.of(SEVERAL), kit)


def test_a_failing_model_leaves_the_hits_as_they_were(kit: Kit) -> None:
    class Failing:
        def reply(self, *given: Any) -> Any:
            raise ProviderError("decompose: the model is away")

    failing = replace(kit, llm=Failing())
    found = run(split(Decompose()), Search.of(SEVERAL), failing.at(None, None))
    assert found.hits == run(Pipeline("p", LEGS), Search.of(SEVERAL), kit).hits
    assert found.degraded == ("decompose: the model is away",)


def test_a_pipeline_file_holds_the_stages_for_each_part(kit: Kit) -> None:
    inside = [{"use": "dense", "limit": 5}, {"use": "fuse"}]
    tables = [*inside, {"use": "decompose", "how": "rules", "each": inside}]
    found = run(build_pipeline("p", tables), Search.of(SEVERAL), kit)
    assert [each.stage for each in found.trace[-1].steps[0].steps] == ["dense", "fuse"]


def test_the_stages_inside_are_checked_and_part_of_the_key() -> None:
    with pytest.raises(ConfigError, match=r"decompose.each.*hits"):
        Decompose(each=(Dense(),))
    assert stage_key(Decompose(each=LEGS)) != stage_key(Decompose())
    assert stage_key(Decompose(answer_prompt="Other.")) != stage_key(Decompose())


@pytest.mark.parametrize("given", [{"most": 1}, {"most": 11}, {"read": 0}])
def test_a_parameter_out_of_range_is_named(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"decompose.{next(iter(given))}"):
        Decompose(**given)


@pytest.mark.parametrize(
    "text", ["🦊", "猫はどこで?それは何?", "why? " * 10_000, "#1 and #2 of what?"]
)
def test_odd_questions_are_answered(kit: Kit, text: str) -> None:
    found = run(Pipeline("p", (Dense(), Fuse(), Decompose(how="rules"))), Search.of(text), kit)
    assert found.hits
    assert len(part_queries(found)) <= 5


def test_rules_take_a_number_sign_of_the_question_as_it_is(kit: Kit) -> None:
    asked = "How fast is the fastest train? Which train was #1 in France?"
    found = run(split(Decompose(how="rules")), Search.of(asked), kit)
    assert len(part_queries(found)) == 2
    assert "#1" in part_queries(found)[1]
    assert not found.degraded


def test_parts_beyond_the_most_are_noted(kit: Kit) -> None:
    asked = "where do cats sleep? what is bread? how fast are trains?"
    found = run(split(Decompose(how="rules", most=2)), Search.of(asked), kit)
    assert len(part_queries(found)) == 2
    notes = found.trace[-1].notes
    assert [each for each in notes if "beyond the first 2: how fast are trains?" in each]
