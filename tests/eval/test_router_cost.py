"""Routes on a small dataset of two domains: every way is measured with the real stage."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval.router_cost import route_costs
from eval.router_training import Fit, Labelled, Training, train
from eval.router_ways import RoutedDataset, with_routes
from retrieval.config import load_pipeline
from retrieval.errors import InputError
from retrieval.offline import HashEmbedder
from retrieval.router import load_router
from retrieval.stages.route import Route

DOCUMENTS = {
    "pets": ["the cat sleeps on the sill", "the dog barks at the cat", "a bird sings at dawn"],
    "food": ["bread is baked in the oven", "the cook salts the soup", "hot dog with the mustard"],
}
QUERIES = {
    "p1": ("pets", "cat sleeps sill", "pets-0"),
    "p2": ("pets", "dog barks cat", "pets-1"),
    "p3": ("pets", "bird sings dawn", "pets-2"),
    "p4": ("pets", "cat dog bird", "pets-1"),
    "f1": ("food", "bread baked oven", "food-0"),
    "f2": ("food", "cook salts soup", "food-1"),
    "f3": ("food", "mustard oven soup bread", "food-2"),
    "f4": ("food", "dog barks cat bird", "food-2"),
}
HARD, SOFT = Route(confidence=0.6, most=1), Route(how="soft")
ROUTES = {"hard": (HARD,), "soft": (SOFT,), "both": (HARD, SOFT)}


def lines(records) -> str:
    return "".join(json.dumps(each) + "\n" for each in records)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A BEIR folder whose documents and queries say their domain; `f4` looks like pets."""
    found = tmp_path / "two"
    (found / "qrels").mkdir(parents=True)
    (found / "corpus.jsonl").write_text(
        lines(
            {"_id": f"{domain}-{n}", "text": text, "metadata": {"domain": domain}}
            for domain, texts in DOCUMENTS.items()
            for n, text in enumerate(texts)
        )
    )
    (found / "queries.jsonl").write_text(
        lines(
            {"_id": id, "text": text, "metadata": {"domain": domain}}
            for id, (domain, text, _) in QUERIES.items()
        )
    )
    judged = "".join(f"{id}\t{document}\t1\n" for id, (_, _, document) in QUERIES.items())
    (found / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    return found


@pytest.fixture
def router(tmp_path: Path) -> Path:
    """A router that is trained on the documents, and accepts everything."""
    texts = [text for texts in DOCUMENTS.values() for text in texts]
    domains = tuple(domain for domain, texts in DOCUMENTS.items() for _ in texts)
    examples = Labelled(HashEmbedder().passages(texts), domains, domains)
    training = Training(Fit("centroid", acceptance=1.0), HashEmbedder().identity, {})
    file = tmp_path / "two.router"
    replace(train(training, examples), temperature=0.05, threshold=-1.0).save(file)
    return file


def test_a_wrong_hard_route_costs_what_it_shuts_out(folder, router, tools) -> None:
    found = route_costs(RoutedDataset(folder, ROUTES, router=router), tools)
    assert list(found.differences) == ["no route", "oracle", "hard", "soft", "both"]
    (wrong,) = found.wrong["hard"]
    assert (wrong.truth, wrong.called, wrong.queries) == ("food", "pets", 1)
    assert wrong.changes["R@100"] == -1.0
    ndcg, recall = found.differences["hard"]
    assert recall.measure == "R@100"
    assert recall.difference == pytest.approx(-1 / 8)
    assert ndcg.hurt == 1
    assert found.differences["soft"][1].difference == 0.0
    assert found.differences["oracle"][1].candidate == 1.0
    assert found.differences["oracle"][0].difference >= 0
    assert found.gaps["oracle"].share == 1.0
    oracle = found.differences["oracle"][0].difference
    assert found.gaps["hard"].share == pytest.approx(ndcg.difference / oracle)
    assert sum(found.narrowed["hard"].values()) == 8
    assert found.narrowed["hard"][1] >= 5


def test_a_doubtful_router_changes_nothing(folder, router, tools) -> None:
    routes = {"hard": (Route(confidence=1.0, most=1),)}
    replace(load_router(router), temperature=10.0).save(router)
    found = route_costs(RoutedDataset(folder, routes, router=router), tools)
    assert found.narrowed["hard"] == {0: 8}
    assert found.wrong["hard"] == ()
    assert all(each.difference == 0 for each in found.differences["hard"])
    assert "no wrong route" in found.lines()


def test_without_a_router_each_part_is_asked_with_one_of_the_other_parts(folder, tools) -> None:
    asked = RoutedDataset(folder, ROUTES, fold_count=2, fit=Fit("centroid"))
    first, second = route_costs(asked, tools), route_costs(asked, tools)
    assert first.as_json()["differences"] == second.as_json()["differences"]
    assert first.differences["hard"][0].queries == 8


def test_the_lines_hold_every_way(folder, router, tools) -> None:
    found = route_costs(RoutedDataset(folder, ROUTES, router=router), tools)
    text = "\n".join(found.lines())
    for word in ("no route", "oracle", "hard", "soft", "wrong: truth", "narrowed to 1 domain"):
        assert word in text


def test_a_query_without_its_label_is_named(folder, router, tools) -> None:
    with pytest.raises(InputError, match=r"query p1: 'metadata.kind' is needed"):
        route_costs(RoutedDataset(folder, ROUTES, "metadata.kind", router=router), tools)


def test_documents_without_a_domain_are_no_domain_to_route_to(folder, router, tools) -> None:
    corpus = folder / "corpus.jsonl"
    corpus.write_text(corpus.read_text().replace('"domain": "pets"', '"domain": null'))
    with pytest.raises(InputError, match="no document is of the domain pets"):
        route_costs(RoutedDataset(folder, ROUTES, router=router), tools)


def test_one_fold_is_refused(folder) -> None:
    with pytest.raises(InputError, match="folds: 2 or more, or 0, got 1"):
        RoutedDataset(folder, ROUTES, fold_count=1)


def test_a_hard_route_stands_first_and_a_soft_one_after_fuse() -> None:
    pipeline = load_pipeline("hybrid")
    hard, soft = Route(), Route(how="soft")
    assert with_routes(pipeline, [soft, hard]).stages == (hard, *pipeline.stages, soft)


def test_votes_need_no_router_and_are_judged_as_they_were_cast(folder, tools) -> None:
    hard = Route(votes=1, confidence=0.6, most=1)
    found = route_costs(RoutedDataset(folder, {"hard": (hard,)}), tools)
    # One vote is sure: `f4` looks like pets, and the first hit of `f3` may be of either.
    (report,) = found.reports
    assert report.bins[-1].examples == 8
    assert report.accuracy.of == 8
    assert sum(map(sum, report.confusion)) == 8
    wrong = sum(each.queries for each in found.wrong["hard"])
    assert report.accuracy.hits == 8 - wrong


def test_each_domain_has_its_share_of_foreign_hits(folder, router, tools) -> None:
    found = route_costs(RoutedDataset(folder, ROUTES, router=router), tools)
    pets, food = found.domains[1], found.domains[0]
    assert (pets.domain, pets.queries, food.queries) == ("pets", 4, 4)
    # All 6 documents are found without a route, and half of them are foreign.
    assert pets.foreign["no route"] == food.foreign["no route"] == 0.5
    assert pets.foreign["oracle"] == 0.0
    ndcg = (pets.ndcg["hard"] + food.ndcg["hard"]) / 2
    assert ndcg == pytest.approx(found.differences["hard"][0].candidate)
