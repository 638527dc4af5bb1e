import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from retrieval.adapters.llm import ChatLlm
from retrieval.config import build_pipeline
from retrieval.errors import ConfigError, ProviderError, StoreError
from retrieval.filters import Equals, Range, matches
from retrieval.kit import Kit
from retrieval.offline import offline_kit, passage
from retrieval.pipeline import Pipeline, run, stage_key
from retrieval.records import record
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.self_query import SelfQuery
from retrieval.stages.sparse import Sparse
from retrieval.types import Search

LEGS = (Dense(), Sparse(), Fuse())
REPORTS = {
    "travel-2018": ("How we travel: by train.", {"date": "2018-06-01", "kind": "Policy"}),
    "travel-2023": ("How we travel: by bike.", {"date": "2023-06-01", "kind": "Policy"}),
    "travel-memo": ("A memo on how we travel.", {"date": "2024-02-10", "kind": "memo"}),
    "travel-undated": ("How we travel, they say.", {}),
}
Listed = Callable[..., Any]


@pytest.fixture
def reports() -> Kit:
    chunks = [replace(passage(id, text), meta=meta) for id, (text, meta) in REPORTS.items()]
    return offline_kit(chunks, {"kind": "str"})


def pipeline(**parameters: Any) -> Pipeline:
    return Pipeline("p", (SelfQuery(today="2024-03-15", **parameters),))


def documents(search: Search) -> set[str]:
    return {hit.chunk.document_id for hit in search.hits}


def says(*conditions: tuple[str, str, str]) -> dict[tuple[str, int], Any]:
    given = [dict(zip(("field", "operator", "value"), each, strict=True)) for each in conditions]
    return {("self_query", 0): {"conditions": given}}


def test_a_question_without_conditions_is_searched_as_it_is(reports: Kit) -> None:
    found = run(pipeline(), Search.of("how do we travel?"), reports)
    assert found.hits == run(Pipeline("p", LEGS), Search.of("how do we travel?"), reports).hits
    assert found.filter is None
    assert found.trace[0].steps[0].notes == ("no condition",)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("how did we travel before 2019?", {"travel-2018"}),
        ("how did we travel since 2023", {"travel-2023", "travel-memo"}),
        ("how did we travel no later than 2023?", {"travel-2018", "travel-2023"}),
        ("how did we travel on or after 2023-06-01", {"travel-2023", "travel-memo"}),
        ("how did we travel last month?", {"travel-memo"}),
        ("kind:policy how do we travel?", {"travel-2018", "travel-2023"}),
        ("kind:policy since 2020", {"travel-2023"}),
    ],
)
def test_conditions_narrow_what_is_found(question: str, expected: set[str], reports: Kit) -> None:
    assert documents(run(pipeline(), Search.of(question), reports)) == expected


def test_the_trace_tells_the_conditions_the_day_and_the_stages_inside(reports: Kit) -> None:
    found = run(pipeline(), Search.of("how did we travel last month?"), reports)
    (step,) = found.trace
    assert [each.stage for each in step.steps] == ["self_query", "dense", "sparse", "fuse"]
    assert step.steps[0].notes == ("today: 2024-03-15", "condition: date is 'last month'")


def test_the_filter_that_came_in_holds_too(reports: Kit) -> None:
    given = Equals("kind", "memo")
    for question in ("travel since 2018", "travel before 2019", "kind:policy travel"):
        found = run(pipeline(), Search.of(question, filter=given), reports)
        assert all(matches(given, record(hit.chunk)) for hit in found.hits)
        assert documents(found) == {"travel-memo"}


def test_an_empty_result_is_searched_again_without_the_conditions(reports: Kit) -> None:
    search = Search.of("how did we travel before 1990?")
    found = run(pipeline(), search, reports)
    assert found.hits == run(Pipeline("p", LEGS), search, reports).hits
    assert found.filter is None
    assert "searched again without them" in found.trace[0].notes[0]
    stages = [each.stage for each in found.trace[0].steps]
    assert stages == ["self_query", "dense", "sparse", "fuse", "dense", "sparse", "fuse"]


def test_nothing_within_the_given_filter_is_not_searched_without_that(reports: Kit) -> None:
    found = run(pipeline(), Search.of("travel since 2018", filter=Equals("kind", "x")), reports)
    assert found.hits == ()


def test_dates_may_be_about_another_field(reports: Kit) -> None:
    chunks = [
        replace(passage(str(year), "A report."), meta={"year": year}) for year in (2018, 2020)
    ]
    kit = offline_kit(chunks, {"year": "int"})
    assert documents(run(pipeline(), Search.of("report before 2019"), kit)) == {"2018"}
    found = run(pipeline(date="updated"), Search.of("report before 2019"), kit)
    assert documents(found) == {"2018", "2020"}


def test_only_the_named_fields_are_asked_for(reports: Kit) -> None:
    found = run(pipeline(fields=("date",)), Search.of("kind:memo travel since 2018"), reports)
    assert documents(found) == {"travel-2018", "travel-2023", "travel-memo"}
    found = run(pipeline(fields=("author",)), Search.of("kind:memo travel"), reports)
    assert found.trace[0].steps[0].notes == ("the index has none of author",)


def test_a_model_names_the_conditions_and_code_works_out_the_date(
    reports: Kit, listed: Listed
) -> None:
    llm = listed(says(("date", "is", "Last month"), ("kind", "is", "MEMO")))
    found = run(
        pipeline(how="llm"),
        Search.of("which memos of last month say how we travel?"),
        replace(reports, llm=llm),
    )
    assert documents(found) == {"travel-memo"}
    asked = json.loads(llm.asked[0].text)
    assert asked["fields"] == {"date": "date", "kind": "str"}
    assert "travel" not in llm.asked[0].instructions
    assert found.trace[0].steps[0].cost["calls"] == 1


def test_a_date_that_the_question_does_not_say_is_not_believed(
    reports: Kit, listed: Listed
) -> None:
    llm = listed(says(("date", ">=", "2024"), ("secret", "is", "x"), ("kind", "<", "y")))
    search = Search.of("how did we travel last month? (T20245)")
    found = run(pipeline(how="llm"), search, replace(reports, llm=llm))
    assert found.filter is None
    assert found.trace[0].steps[0].notes == (
        "not in the question: date >= '2024'",
        "not understood: secret is 'x'",
        "not understood: kind < 'y'",
        "no condition",
    )


def test_without_a_model_the_search_goes_on_and_says_so(reports: Kit) -> None:
    search = Search.of("how did we travel before 2019?")
    found = run(pipeline(how="llm"), search, reports.at(None, None))
    assert [each.partition(":")[0] for each in found.degraded] == ["self_query"]
    assert found.hits == run(Pipeline("p", LEGS), search, reports).hits
    with pytest.raises(ConfigError, match="no language model"):
        run(pipeline(how="llm"), search, reports)


def test_a_fault_of_the_model_leaves_the_hits_of_the_pipeline_without_it(
    reports: Kit, chat: Any, fault: Callable[..., None]
) -> None:
    chat.always = fault
    search = Search.of("how did we travel before 2019?")
    llm = ChatLlm(chat.settings())
    try:
        kit = replace(reports, llm=llm)
        found = run(pipeline(how="llm"), search, kit.at(None, 0.8))
        (why,) = found.degraded
        assert why.startswith("self_query: ")
        assert found.hits == run(Pipeline("p", LEGS), search, kit).hits
        with pytest.raises(ProviderError):
            run(pipeline(how="llm"), search, kit.at(None, 0.8, strict=True))
    finally:
        llm.close()


def test_a_failing_retriever_inside_is_not_left_out(reports: Kit) -> None:
    class Broken:
        manifest = reports.store.manifest

        def search(self, *_: Any) -> Any:
            raise StoreError("gone")

    broken = replace(reports, store=Broken())  # type: ignore[arg-type]
    with pytest.raises(StoreError):
        run(pipeline(), Search.of("travel"), broken.at(None, None))


def test_the_key_holds_the_day_the_prompt_and_the_stages_inside() -> None:
    stages = [
        SelfQuery(),
        SelfQuery(today="2024-03-15"),
        SelfQuery(how="llm"),
        SelfQuery(how="llm", prompt="Say what you find."),
        SelfQuery(then=(Dense(5), Fuse())),
    ]
    assert len({stage_key(each) for each in stages}) == len(stages)


def test_a_range_of_days_reaches_the_store(reports: Kit) -> None:
    found = run(pipeline(), Search.of("travel in 2023"), reports)
    assert isinstance(found.filter, Range)
    assert found.filter.dated


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"then": [{"use": "dense"}]}, "writes hits"),
        ({"today": "soon"}, "self_query.today"),
        ({"prompt": "x"}, "self_query.prompt"),
        ({"then": [{"use": "fuse"}]}, "reads rankings"),
    ],
)
def test_what_cannot_work_is_a_config_error(table: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        build_pipeline("p", [{"use": "self_query", **table}])
