"""POST and DELETE /documents: what goes in is found, what is refused is named."""

import json

import pytest

CATS = {"id": "cats.md", "text": "Cats sleep on warm window sills."}


def post(client, *documents, **more):
    return client.post("/documents", json={"index": "home", "documents": documents, **more})


def found(client, query="cats", **more):
    body = {"query": query, "index": "home", **more}
    return [hit["document_id"] for hit in client.post("/query", json=body).json()["hits"]]


def test_documents_are_found_as_soon_as_they_are_acknowledged(client):
    report = post(client, CATS).json()
    assert (report["created"], report["new"], report["chunks"]) == (True, 1, 1)
    assert found(client) == ["cats.md"]


def test_the_same_again_costs_nothing_and_a_change_replaces(client):
    post(client, CATS)
    again = post(client, CATS).json()
    assert (again["unchanged"], again["chunks"]) == (1, 0)
    changed = post(client, {**CATS, "text": "Dogs bark at night."}).json()
    assert (changed["changed"], changed["chunks_removed"]) == (1, 1)
    described = post(client, {**CATS, "text": "Dogs bark at night.", "domain": "pets"}).json()
    assert (described["described"], described["chunks"]) == (1, 0)
    assert found(client, filter={"field": "domain", "equals": "pets"}) == ["cats.md"]


def test_metadata_and_title_come_back_as_they_were_given(client):
    meta = {"year": 2020, "tags": ["a", "b"], "nested": {"deep": [1, None, True]}, "note": "ünï"}
    post(client, {**CATS, "title": "On cats", "metadata": meta})
    answer = client.post("/query", json={"query": "cats", "index": "home"}).json()
    assert answer["hits"][0]["metadata"] == {**meta, "title": "On cats"}


def test_the_chunker_and_what_is_embedded_are_chosen_once(client, problem_of):
    report = post(client, CATS, chunker={"use": "fixed", "tokens": 30}, embed="text")
    assert report.status_code == 200
    (index,) = [each for each in client.get("/indexes").json()["indexes"] if each["name"] == "home"]
    assert index["manifest"]["chunker"]["tokens"] == 30
    assert index["manifest"]["embed"] == "text"
    detail = problem_of(post(client, CATS, chunker="whole"), 409)["detail"]
    assert "fixed" in detail
    assert "whole" in detail


def test_what_cannot_be_used_is_listed_and_the_rest_is_ingested(client, problem_of):
    report = post(client, CATS, {"id": "blank.md", "text": " \n"}, CATS).json()
    assert report["documents"] == 1
    assert {each["source"] for each in report["failures"]} <= {"blank.md", "cats.md"}
    assert report["failed"] >= 1
    assert found(client) == ["cats.md"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"index": "home"}, "documents"),
        ({"index": "home", "documents": []}, "documents"),
        ({"index": "home", "documents": [CATS] * 1001}, "documents"),
        ({"index": "home", "documents": {"0": CATS}}, "documents"),
        ({"index": "a/b", "documents": [CATS]}, "index"),
        ({"index": "home", "documents": [{"text": "x"}]}, "documents[0].id"),
        ({"index": "home", "documents": [CATS, {"id": "", "text": "x"}]}, "documents[1].id"),
        ({"index": "home", "documents": [{"id": "x" * 1001, "text": "x"}]}, "documents[0].id"),
        ({"index": "home", "documents": [{"id": "a", "text": 5}]}, "documents[0].text"),
        ({"index": "home", "documents": [{**CATS, "meta": {}}]}, "documents[0].meta"),
        ({"index": "home", "documents": [{**CATS, "metadata": []}]}, "documents[0].metadata"),
        (
            {"index": "home", "documents": [{**CATS, "metadata": {"n": 2**63 + 1}}]},
            "documents[0].metadata",
        ),
        ({"index": "home", "documents": [CATS], "embed": "all"}, "embed"),
    ],
)
def test_bad_documents_are_refused_with_their_place(client, problem_of, body, field):
    fault = problem_of(client.post("/documents", json=body), 422)["errors"][0]
    assert fault["field"] == field
    assert fault["allowed"]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(client, problem_of, value):
    body = json.dumps({"index": "home", "documents": [{**CATS, "metadata": {"n": 0}}]})
    answer = client.post(
        "/documents",
        content=body.replace('"n": 0', f'"n": {value}'),
        headers={"Content-Type": "application/json"},
    )
    problem_of(answer, 422)


def test_an_unknown_chunker_is_refused_with_those_there_are(client, problem_of):
    for chunker in ("semantic", {"use": "fixed", "size": 3}):
        problem = problem_of(post(client, CATS, chunker=chunker), 422)
        assert problem["errors"][0]["field"] == "chunker"
        assert "fixed" in problem["detail"]


@pytest.mark.parametrize(
    "id",
    [
        *("a/b c/ü.md", "/leading", "trailing/", "//", "a//b"),
        *("100%", "a?b#c", "a&b=c;d+e", "\\", "{id}"),
        *(".", "..", "../x", "./x", "x/../y"),
        *(" ", " a ", "🦊", "e\u0301", "a\x00b"),
        *("a\nb", "\n", "a\n", "\na", "a\r\nb", "a\u2028b", "a\tb"),
    ],
)
def test_a_deleted_document_is_gone_alone_whatever_its_id_holds(client, problem_of, id):
    beside = [CATS["id"], id.strip() + "x"]
    post(client, *({"id": each, "text": "Cats sleep."} for each in (id, *beside)))
    quoted = "".join(f"%{byte:02X}" for byte in id.encode())
    answer = client.delete(f"/documents/{quoted}", params={"index": "home"})
    assert answer.json() == {"index": "home", "document_id": id, "chunks_removed": 1}
    assert sorted(found(client)) == sorted(beside)
    again = problem_of(client.delete(f"/documents/{quoted}", params={"index": "home"}), 404)
    assert again["detail"] == f"There is no document {id!r} in index 'home'."


def test_a_line_break_at_the_end_of_an_id_removes_no_other_document(client, problem_of):
    post(client, CATS)
    problem_of(client.delete("/documents/cats.md%0A", params={"index": "home"}), 404)
    assert found(client) == ["cats.md"]


def test_deleting_names_what_is_missing(client, problem_of):
    unknown = problem_of(client.delete("/documents/x", params={"index": "none"}), 404)
    assert unknown["errors"][0]["field"] == "index"
    unknown = problem_of(client.delete("/documents/x", params={"index": "demo"}), 404)
    assert unknown["errors"][0]["field"] == "id"
    missing = problem_of(client.delete("/documents/x"), 422)
    assert missing["errors"][0]["field"] == "index"


def test_a_stopping_service_ends_long_ingestion_and_keeps_what_is_stored(client, problem_of):
    client.app.state.assay.stop()
    answer = post(client, CATS)
    assert "stops" in problem_of(answer, 503)["detail"]
