"""POST /why: what it answers, what it refuses, and that it is the command's answer too."""

import pytest

ASKED = {"query": "read rows of a csv file", "index": "demo", "document_id": "library/json.md"}


def test_a_document_that_is_missed_has_a_cause_and_what_it_rests_on(client):
    found = client.post("/why", json={**ASKED, "limit": 1}).json()
    assert (found["found"], found["cause"]) == (False, "limit")
    assert [row["name"] for row in found["stood"]] == [
        "dense:original",
        "sparse:original",
        "fuse",
        "answer",
    ]
    assert found["stood"][-1]["rank"] is None
    assert found["passage"]["excerpt"].startswith("The json module parses")
    assert found["terms"]["lacks"]
    longer = found["remedies"][-1]
    assert longer["change"] == f"limit = {longer['limit']}"
    assert longer["rank"] == found["stood"][-2]["rank"] <= longer["limit"]
    asked = client.post("/query", json={k: ASKED[k] for k in ("query", "index")}).json()
    assert found["pipeline"] == asked["pipeline"]


def test_what_the_answer_has_is_found_at_the_same_rank(client):
    asked = client.post("/query", json={k: ASKED[k] for k in ("query", "index")}).json()
    for rank, hit in enumerate(asked["hits"], 1):
        found = client.post("/why", json={**ASKED, "document_id": hit["document_id"]}).json()
        assert found["found"]
        assert found["stood"][-1] == {
            "name": "answer",
            "rank": rank,
            "size": len(asked["hits"]),
            "score": hit["score"],
        }


def test_a_filter_and_a_document_that_is_not_there_are_causes_and_no_errors(client):
    filter = {"field": "domain", "equals": "reference"}
    hidden = client.post("/why", json={**ASKED, "filter": filter}).json()
    assert hidden["cause"] == "filter"
    assert hidden["advice"]
    gone = client.post("/why", json={**ASKED, "document_id": "nosuch"}).json()
    assert (gone["cause"], gone["passage"], gone["passages"]) == ("not_ingested", None, 0)
    apart = client.post("/why", json={**ASKED, "span": [0, 10_000]}).json()
    assert apart["cause"] == "chunking"


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"index": "nosuch"}, 404, "index"),
        ({"pipeline": "nosuch"}, 404, "pipeline"),
        ({"document_id": ""}, 422, "document_id"),
        ({"span": [3]}, 422, "span"),
        ({"span": [-1, 3]}, 422, "span[0]"),
        ({"span": [3, 3]}, 422, "span"),
        ({"query": " "}, 422, "query"),
        ({"limit": 0}, 422, "limit"),
        ({"filter": {"field": "x"}}, 422, "filter"),
        ({"timeout_s": 1e9}, 422, "timeout_s"),
        ({"document": "x"}, 422, "document"),
    ],
)
def test_what_cannot_be_used_is_a_problem_that_names_its_field(
    client, problem_of, change, status, field
):
    found = problem_of(client.post("/why", json={**ASKED, **change}), status)
    assert field in [each["field"] for each in found["errors"]]


def test_the_deadline_holds_for_all_that_is_tried(client, problem_of):
    problem_of(client.post("/why", json={**ASKED, "timeout_s": 1e-6}), 504)


def test_without_the_key_nothing_is_said(keyed, problem_of):
    problem_of(keyed().post("/why", json=ASKED), 401)
