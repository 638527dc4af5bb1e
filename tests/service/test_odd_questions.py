"""Questions that nobody expects, through every pipeline that comes with Assay."""

import pytest

QUESTIONS = {
    "emoji": "🦊",
    "signs": "?!… ???",
    "Chinese": "如何解析JSON？为什么？",
    "Russian": "Как разобрать JSON? И почему?",
    "Arabic, right to left": "كيف يتم تحليل JSON؟",
    "a control character": "JSON\x00 parsing",
    "many questions": "how is JSON parsed, and why? " * 60,
    "one long word": "json" * 1900,
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_odd_question_is_answered_by_every_pipeline(client, name):
    for pipeline in client.app.state.assay.pipelines:
        asked = {"query": QUESTIONS[name], "index": "demo", "pipeline": pipeline, "limit": 3}
        answer = client.post("/query", json=asked)
        assert answer.status_code == 200, (pipeline, answer.text)
        found = [hit["id"] for hit in answer.json()["hits"]]
        assert len(found) == len(set(found)) <= 3


def test_ten_thousand_words_are_refused_with_the_setting_that_says_so(client, problem_of):
    asked = {"query": "why is that so? " * 2500, "index": "demo"}
    assert "max_query_chars" in problem_of(client.post("/query", json=asked), 422)["detail"]


def test_ten_thousand_words_are_answered_where_the_operator_allows_them(client):
    state = client.app.state.assay
    state.settings = state.settings.model_copy(update={"max_query_chars": 100_000})
    for pipeline in state.pipelines:
        asked = {"query": "why is that so? " * 2500, "index": "demo", "pipeline": pipeline}
        assert client.post("/query", json=asked).status_code == 200, pipeline
