from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.config import build_pipeline
from retrieval.errors import ConfigError, ProviderError
from retrieval.filters import And, AnyOf, Equals
from retrieval.kit import Kit
from retrieval.offline import HashEmbedder, offline_kit, passage
from retrieval.pipeline import Pipeline, run, stage_key
from retrieval.router import Router
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.route import Route
from retrieval.stages.sparse import Sparse
from retrieval.types import Chunk, Domain, Hit, Ranking, Score, Search
from retrieval.votes import elected, pooled

LEGS = (Dense(), Sparse(), Fuse())
TEXTS = {
    "cats": ["Cats sleep on warm window sills.", "A grown cat eats two small meals."],
    "bread": ["Bread dough is flour and water.", "Bake the bread in a hot oven."],
    "trains": ["The fastest train on rails.", "Trains run between warm windows and rails."],
}
ABOUT = (("cats", "pets and how they live"), ("bread", "baking"))


def chunks() -> list[Chunk]:
    return [
        replace(passage(f"{domain}/{number}", text), domain=domain)
        for domain, texts in TEXTS.items()
        for number, text in enumerate(texts)
    ]


@pytest.fixture
def kit() -> Kit:
    """Six passages in three domains."""
    return offline_kit(chunks())


def router_of(texts: dict[str, str], **changes: Any) -> Router:
    """A router that sends a question to the domain whose text is most like it."""
    embedder = HashEmbedder()
    nothing = np.zeros((0, 0), np.float32)
    router = Router(
        encoder=embedder.identity,
        labels=tuple(sorted(texts)),
        weights=embedder.passages([texts[name] for name in sorted(texts)]),
        bias=np.zeros(len(texts), np.float32),
        owners=np.arange(len(texts), dtype=np.int32),
        temperature=0.1,
        threshold=0.2,
        familiarity="score",
        near=nothing,
        near_means=nothing,
        far=nothing,
        far_mean=nothing,
        trained={},
    )
    return replace(router, **changes)


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A saved router of the three domains."""
    found = tmp_path / "three.router"
    router_of({"cats": "cats cat sleep", "bread": "bread dough", "trains": "train rails"}).save(
        found
    )
    return str(found)


def domains(search: Search) -> list[str]:
    return [each.name for each in search.domains]


def test_a_sure_route_narrows_the_filter_to_its_domain(kit: Kit, file: str) -> None:
    found = run(Pipeline("p", (Route(file), *LEGS)), Search.of("where does a cat sleep?"), kit)
    assert domains(found)[0] == "cats"
    assert found.domains[0].probability > 0.9
    assert sum(each.probability for each in found.domains) == pytest.approx(1.0, abs=1e-5)
    assert found.filter == AnyOf("domain", ("cats",))
    assert {hit.chunk.domain for hit in found.hits} == {"cats"}
    assert found.trace[0].notes[0].startswith("cats: ")
    assert found.trace[0].notes[-1] == "narrowed to cats"


def test_a_filter_that_came_with_the_question_still_holds(kit: Kit, file: str) -> None:
    own = Equals("document_id", "cats/0")
    search = Search.of("where does a cat sleep?", filter=own)
    found = run(Pipeline("p", (Route(file), *LEGS)), search, kit)
    assert found.filter == And((own, AnyOf("domain", ("cats",))))
    assert [hit.chunk.document_id for hit in found.hits] == ["cats/0"]


def test_a_doubtful_route_narrows_nothing(kit: Kit, file: str) -> None:
    search = Search.of("a cat on a train on rails")
    found = Route(file, confidence=0.95, most=1)(search, kit)
    assert len(found.domains) == 3
    assert found.filter is None
    assert found.notes[-1] == "searched everywhere"


def test_several_domains_may_reach_the_confidence_together(kit: Kit, file: str) -> None:
    search = Search.of("a cat on a train on rails")
    found = Route(file, confidence=0.95, most=2)(search, kit)
    assert found.domains[0].probability < 0.95 < sum(each.probability for each in found.domains[:2])
    assert found.filter == AnyOf("domain", ("cats", "trains"))


def test_what_is_none_of_the_domains_is_searched_everywhere(kit: Kit, file: str) -> None:
    for how in (Route(file), Route(file, confidence=0.001)):
        found = how(Search.of("🦊"), kit)
        assert found.domains == ()
        assert found.filter is None
        assert found.notes == ("none of the domains", "searched everywhere")


def test_a_soft_route_adds_its_share_of_the_range_of_the_scores() -> None:
    hits = tuple(
        Hit(replace(passage(name, name), domain=domain), (Score("fuse", value),))
        for name, domain, value in [("a", "cats", 3.0), ("b", "bread", 2.0), ("c", None, 1.0)]
    )
    search = replace(
        Search.of("q"),
        rankings=(Ranking("dense:original", hits),),
        hits=hits,
        domains=(Domain("bread", 0.75), Domain("cats", 0.25)),
    )
    found = Route(how="soft", boost=1.5)(search, offline_kit())
    # The range is 2, so a domain adds 1.5 * 2 * p: bread 2 + 2.25, cats 3 + 0.75.
    assert [(hit.chunk.document_id, hit.score) for hit in found.hits] == [
        ("b", 4.25),
        ("a", 3.75),
        ("c", 1.0),
    ]
    assert found.hits[0].scores == (Score("fuse", 2.0), Score("route", 4.25))


def test_equal_scores_are_told_apart_by_a_soft_route(kit: Kit) -> None:
    hits = tuple(Hit(each, (Score("fuse", 0.0),)) for each in chunks())
    search = replace(Search.of("q"), hits=hits, domains=(Domain("trains", 0.5),))
    found = Route(how="soft", boost=0.5)(search, kit)
    assert [(hit.chunk.domain, hit.score) for hit in found.hits[:2]] == [("trains", 0.25)] * 2


def test_a_soft_route_leaves_out_no_hit(kit: Kit, file: str) -> None:
    search = Search.of("a cat on a train on rails")
    plain = run(Pipeline("p", LEGS), search, kit)
    soft = run(Pipeline("p", (*LEGS, Route(file, how="soft", boost=5.0))), search, kit)
    assert {hit.chunk.id for hit in soft.hits} == {hit.chunk.id for hit in plain.hits}
    assert soft.filter is None
    assert soft.hits[0].chunk.domain == soft.domains[0].name


def test_a_soft_route_uses_the_domains_of_a_hard_one(kit: Kit, file: str) -> None:
    stages = (Route(file), *LEGS, Route(how="soft"))
    found = run(Pipeline("p", stages), Search.of("where does a cat sleep?"), kit)
    assert found.hits[0].scores[-1].by == "route"
    assert "domains" not in found.trace[-1].changed


@pytest.mark.parametrize(
    ("tables", "match"),
    [
        (
            [{"use": "route", "how": "soft"}, {"use": "dense"}, {"use": "fuse"}],
            "'route' reads hits",
        ),
        ([{"use": "route"}, {"use": "dense"}], "no stage writes hits"),
    ],
)
def test_a_route_in_the_wrong_place_is_refused_when_it_is_built(tables: Any, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        build_pipeline("p", tables)


def test_a_hard_route_after_a_search_is_refused(kit: Kit, file: str) -> None:
    with pytest.raises(ConfigError, match="put it before 'dense'"):
        Pipeline("p", (Dense(), Route(file), Fuse()))
    with pytest.raises(ConfigError, match="put it first"):
        Route(file)(Dense()(Search.of("cat"), kit), kit)


def test_another_encoder_is_refused(kit: Kit, tmp_path: Path) -> None:
    router_of({"a": "a", "b": "b"}, encoder={"name": "other"}).save(tmp_path / "r")
    with pytest.raises(ConfigError, match=r"trained with the encoder.*other"):
        Route(str(tmp_path / "r"))(Search.of("a"), kit)


def test_a_domain_that_no_index_has_is_named(kit: Kit, tmp_path: Path) -> None:
    router_of({"dogs": "cat", "bread": "bread"}).save(tmp_path / "r")
    pipeline = Pipeline("p", (Route(str(tmp_path / "r")), *LEGS))
    with pytest.raises(
        ConfigError, match=r"'offline' holds nothing of the domain 'dogs'.*--domain"
    ):
        run(pipeline, Search.of("cat"), kit)
    served = run(pipeline, Search.of("cat"), kit.at(None, None))
    assert served.degraded[0].startswith("route: ")
    assert served.hits == run(Pipeline("p", LEGS), Search.of("cat"), kit).hits


def test_a_missing_router_is_an_error_when_the_pipeline_is_built() -> None:
    with pytest.raises(ConfigError, match=r"gone.router: it is not there"):
        build_pipeline("p", [{"use": "route", "router": "gone.router"}, {"use": "dense"}])


def test_the_router_is_part_of_the_key_by_what_it_holds(file: str) -> None:
    before = stage_key(Route(file))
    router_of({"cats": "cats", "bread": "bread"}).save(Path(file))
    assert stage_key(Route(file)) != before
    assert stage_key(Route()) != stage_key(Route(prompt="Other. {domains}"))


BY_VOTE = Route(votes=4)


def test_the_first_hits_of_a_first_pass_vote_and_narrow(kit: Kit) -> None:
    search = Search.of("bread dough in a hot oven")
    plain = run(Pipeline("p", LEGS), search, kit)
    found = run(Pipeline("p", (replace(BY_VOTE, confidence=0.6, most=1), *LEGS)), search, kit)
    assert found.domains == elected(plain.hits, 4)
    assert found.domains[0].name == "bread"
    assert found.filter == AnyOf("domain", ("bread",))
    assert {hit.chunk.domain for hit in found.hits} == {"bread"}
    assert [step.stage for step in found.trace[0].steps] == ["dense", "sparse", "fuse"]


def test_as_many_vote_where_more_hits_are_asked_for(kit: Kit) -> None:
    one, most = (BY_VOTE(Search.of("warm windows and rails", limit), kit) for limit in (1, 1000))
    assert one.domains == most.domains


def test_a_soft_vote_is_that_of_the_hits_that_are_there(kit: Kit) -> None:
    soft = Route(votes=2, how="soft", boost=0.5)
    found = run(Pipeline("p", (*LEGS, soft)), Search.of("trains on rails"), kit)
    assert [each.name for each in found.domains] == ["trains"]
    assert found.trace[-1].steps == ()


def test_where_no_hit_has_a_domain_everything_is_searched() -> None:
    found = Route(votes=3)(
        Search.of("cats"), offline_kit([passage("a", "cats"), passage("b", "b")])
    )
    assert found.domains == ()
    assert found.notes[-2:] == ("no first hit has a domain", "searched everywhere")


def test_a_question_is_embedded_once(kit: Kit, file: str) -> None:
    class Counting(HashEmbedder):
        asked = 0

        def queries(self, texts: Any, clock: Any) -> Any:
            type(self).asked += len(texts)
            return super().queries(texts, clock)

    plain = run(Pipeline("p", LEGS), Search.of("cats sleep"), kit)
    for route in (Route(file, confidence=1.0), Route(votes=4, confidence=1.0, most=1)):
        Counting.asked = 0
        found = run(
            Pipeline("p", (route, *LEGS)),
            Search.of("cats sleep"),
            replace(kit, embedder=Counting()),
        )
        assert Counting.asked == 1
        assert found.hits == plain.hits


def test_a_first_pass_that_gives_no_hits_is_refused_when_it_is_built() -> None:
    with pytest.raises(ConfigError, match="no stage writes hits"):
        build_pipeline("p", [{"use": "route", "votes": 5, "first": [{"use": "dense"}]}])


def test_votes_and_a_router_file_speak_together(kit: Kit, file: str) -> None:
    search = Search.of("warm windows and rails")
    voted, routed, both = (
        route(search, kit).domains for route in (BY_VOTE, Route(file), Route(file, votes=4))
    )
    assert both == pooled(voted, routed)
    assert {each.name for each in both} == {"bread", "cats", "trains"}
    unfamiliar = Search.of("🦊")
    assert Route(file, votes=4)(unfamiliar, kit).domains == BY_VOTE(unfamiliar, kit).domains


def answers(listed: Callable[..., Any], kit: Kit, answer: Any) -> Kit:
    return replace(kit, llm=listed({("route", 0): answer}))


def test_a_model_is_told_the_domains_and_its_answer_narrows(
    kit: Kit, listed: Callable[..., Any]
) -> None:
    asked = answers(listed, kit, {"domain": "bread", "confidence": 0.95})
    found = Route(domains=ABOUT)(Search.of("what is dough?"), asked)
    assert found.domains == (Domain("bread", 0.95, {"about": "baking"}),)
    assert found.filter == AnyOf("domain", ("bread",))
    assert found.notes == ("bread: 0.950", "narrowed to bread")
    (prompt,) = asked.llm.asked  # type: ignore[union-attr]
    assert "- cats: pets and how they live\n- bread: baking" in prompt.instructions
    assert "what is dough?" not in prompt.instructions
    assert prompt.schema["properties"]["domain"]["enum"] == ["cats", "bread", "none"]


@pytest.mark.parametrize("answer", [{"domain": "none", "confidence": 1.0}, "none"])
def test_a_model_may_say_none(kit: Kit, listed: Callable[..., Any], answer: Any) -> None:
    found = Route(domains=ABOUT)(Search.of("tulips?"), answers(listed, kit, answer))
    assert found.domains == ()
    assert found.filter is None


def test_a_model_that_is_not_sure_narrows_nothing(kit: Kit, listed: Callable[..., Any]) -> None:
    asked = answers(listed, kit, {"domain": "bread", "confidence": 0.5})
    assert Route(domains=ABOUT)(Search.of("what is dough?"), asked).filter is None


def test_an_imported_plain_answer_is_sure_and_a_strange_one_is_an_error(
    kit: Kit, listed: Callable[..., Any]
) -> None:
    found = Route(domains=ABOUT)(Search.of("dough?"), answers(listed, kit, " bread\n"))
    assert found.domains == (Domain("bread", 1.0, {"about": "baking"}),)
    with pytest.raises(ProviderError, match="named 'the bread one' for 'dough"):
        Route(domains=ABOUT)(Search.of("dough?"), answers(listed, kit, "the bread one"))


def test_without_router_and_domains_it_says_what_is_needed(kit: Kit) -> None:
    with pytest.raises(ConfigError, match="a router file, or domains"):
        Route()(Search.of("q"), kit)
    with pytest.raises(ConfigError, match="no language model is set"):
        Route(domains=ABOUT)(Search.of("q"), kit)


def test_a_pipeline_file_gives_the_domains_as_a_table(kit: Kit, file: str) -> None:
    table = {"use": "route", "router": file, "domains": {"cats": "pets"}}
    with pytest.raises(ConfigError, match="two or more"):
        build_pipeline("p", [table, *({"use": use} for use in ("dense", "fuse"))])
    table["domains"] = {"cats": "pets", "bread": "baking"}
    built = build_pipeline("p", [table, *({"use": use} for use in ("dense", "fuse"))])
    found = run(built, Search.of("where does a cat sleep?"), kit)
    assert found.domains[0].meta == {"about": "pets"}


@pytest.mark.parametrize(
    "given",
    [
        {"confidence": 0.0},
        {"confidence": 1.1},
        {"most": 0},
        {"votes": -1},
        {"votes": 101},
        {"boost": -1.0},
        {"domains": (("a", ""),)},
        {"domains": (("a", ""), ("none", ""))},
    ],
)
def test_a_parameter_out_of_range_is_named(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"route.{next(iter(given))}"):
        Route(**given)


def test_a_description_of_a_domain_that_the_router_does_not_know_is_refused(file: str) -> None:
    with pytest.raises(ConfigError, match=r"knows bread, cats, trains; not \['dogs'\]"):
        Route(file, domains=(("cats", ""), ("dogs", "")))


@pytest.mark.parametrize("text", ["🦊", "猫はどこで寝ますか", "why " * 10_000])
def test_odd_questions_are_answered(kit: Kit, file: str, text: str) -> None:
    assert run(Pipeline("p", (Route(file), *LEGS)), Search.of(text), kit).hits


def test_a_label_says_the_domains_and_narrows_nothing(kit: Kit, file: str) -> None:
    plain = run(Pipeline("p", LEGS), Search.of("where does a cat sleep?"), kit)
    for route in (Route(file, how="label"), Route(votes=3, how="label")):
        found = run(Pipeline("p", (route, *LEGS)), Search.of("where does a cat sleep?"), kit)
        assert found.domains[0].name == "cats"
        assert found.filter is None
        assert found.hits == plain.hits


def test_a_soft_route_after_one_that_found_nothing_changes_nothing(kit: Kit) -> None:
    search = replace(Search.of("cats"), hits=tuple(Hit(c, (Score("f", 1.0),)) for c in chunks()))
    found = Route(how="soft")(search, kit)
    assert found.hits == search.hits
    assert found.notes == ("no domains were found before",)


def test_a_soft_route_that_nothing_tells_the_domains_is_refused_when_it_is_built() -> None:
    legs = [{"use": "dense"}, {"use": "fuse"}]
    with pytest.raises(ConfigError, match=r"votes .10., a router file, or domains"):
        build_pipeline("p", [*legs, {"use": "route", "how": "soft"}])
    build_pipeline("p", [{"use": "route", "votes": 3}, *legs, {"use": "route", "how": "soft"}])


def test_only_a_route_by_descriptions_alone_asks_a_model(file: str) -> None:
    routes = [Route(file), Route(votes=3, domains=ABOUT), Route(how="soft"), Route(domains=ABOUT)]
    assert [each.asks_model for each in routes] == [False, False, False, True]


def test_a_filter_that_leaves_nothing_of_the_domain_goes_before_the_route(
    kit: Kit, file: str
) -> None:
    search = Search.of("where does a cat sleep?", filter=Equals("domain", "bread"))
    found = run(Pipeline("p", (Route(file), *LEGS)), search, kit)
    assert found.filter == search.filter
    assert {hit.chunk.domain for hit in found.hits} == {"bread"}
    assert found.trace[0].notes[-1] == "the filter leaves nothing of cats: not narrowed"
