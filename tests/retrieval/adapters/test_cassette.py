"""Recorded answers: found by what was asked, readable, and never lost or guessed."""

import dataclasses
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retrieval.adapters.cassette import Cassette, Take
from retrieval.adapters.cassette_fields import FIELDS, NEEDED
from retrieval.adapters.cassette_llm import CassetteLlm, close_llm, open_llm
from retrieval.clock import Clock
from retrieval.errors import ConfigError, DeadlineError, ProviderError
from retrieval.kit import Prompt
from retrieval.prompts import list_schema
from retrieval.settings import Settings

PLAIN = Prompt("hyde", "Write.", "where do cats sleep?")
LISTED = replace(PLAIN, stage="expand", schema=list_schema("paraphrases", 2))
ANSWERS = {("hyde", 0): "On window sills.", ("expand", 0): {"paraphrases": ["cat beds"]}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "cassette.jsonl"


def recorder(file: Path, live: Any, model: str = "small", replays: bool = True) -> CassetteLlm:
    return CassetteLlm(Cassette(file), model, live, replays)


def player(file: Path, model: str = "small") -> CassetteLlm:
    return CassetteLlm(Cassette(file), model)


def test_what_was_recorded_is_replayed_without_the_model_with_what_it_cost_then(
    file: Path, listed: Callable[..., Any]
) -> None:
    live = recorder(file, listed(ANSWERS))
    for prompt in (PLAIN, LISTED):
        recorded = live.reply(prompt, "q", Clock())
        assert recorded.cost["calls"] == 1
        replayed = player(file).reply(prompt, "q", Clock())
        assert replayed[:2] == recorded[:2]
        assert replayed.cost == {**recorded.cost, "replayed": 1.0}


def test_the_file_is_one_readable_line_an_answer_in_order(
    file: Path, listed: Callable[..., Any]
) -> None:
    live = recorder(file, listed({**ANSWERS, ("hyde", 0): "Auf dem Fensterbrett, 猫."}))
    for prompt in (PLAIN, LISTED):
        live.reply(prompt, "wo schläft die Katze?", Clock())
    close_llm(live)
    expand, hyde = file.read_text(encoding="utf-8").splitlines()
    assert json.loads(expand)["answer"] == {"paraphrases": ["cat beds"]}
    assert json.loads(hyde) == {
        "stage": "hyde",
        "query": "wo schläft die Katze?",
        "step": 0,
        "answer": "Auf dem Fensterbrett, 猫.",
        "model": "small",
        "prompt": json.loads(hyde)["prompt"],
        "temperature": 0.0,
        "max_tokens": 512,
        "input": "where do cats sleep?",
        "cost": {"calls": 1.0, "tokens_in": 10.0, "tokens_out": 5.0, "usd": 0.001},
    }
    assert "猫" in hyde
    assert file.stat().st_mode & 0o077


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAIN, stage="expand"),
        replace(PLAIN, instructions="Write more."),
        replace(PLAIN, version="2"),
        replace(PLAIN, step=1),
        replace(PLAIN, schema=list_schema("passages", 1)),
        replace(PLAIN, temperature=0.5),
        replace(PLAIN, max_tokens=9),
        replace(PLAIN, text="where do dogs sleep?"),
    ],
)
def test_another_prompt_is_a_miss_that_names_stage_and_question(
    file: Path, listed: Callable[..., Any], other: Prompt
) -> None:
    recorder(file, listed(ANSWERS)).reply(PLAIN, "q", Clock())
    with pytest.raises(ProviderError, match=f"{other.stage}, question 'q'.*no answer of small"):
        player(file).reply(other, "q", Clock())


def test_another_model_is_a_miss_and_no_model_stands_for_the_only_one(
    file: Path, listed: Callable[..., Any]
) -> None:
    recorder(file, listed(ANSWERS)).reply(PLAIN, "q", Clock())
    with pytest.raises(ProviderError, match="no answer of large"):
        player(file, "large").reply(PLAIN, "q", Clock())
    assert player(file, "").reply(PLAIN, "q", Clock()).text == "On window sills."
    recorder(file, listed({("hyde", 0): "In bed."}), "large").reply(PLAIN, "q", Clock())
    with pytest.raises(ProviderError, match="models large, small have answered: set llm_model"):
        player(file, "").reply(PLAIN, "q", Clock())
    assert player(file, "large").reply(PLAIN, "q", Clock()).text == "In bed."


def test_record_asks_again_and_the_later_answer_stays(
    file: Path, listed: Callable[..., Any]
) -> None:
    recorder(file, listed(ANSWERS)).reply(PLAIN, "q", Clock())
    again = recorder(file, listed({("hyde", 0): "In bed."}), replays=False)
    assert again.reply(PLAIN, "q", Clock()).text == "In bed."
    assert player(file).reply(PLAIN, "q", Clock()).text == "In bed."
    close_llm(again)
    assert len(file.read_text().splitlines()) == 1
    assert player(file).reply(PLAIN, "q", Clock()).text == "In bed."


def test_replay_or_record_asks_only_for_what_is_not_there(
    file: Path, listed: Callable[..., Any]
) -> None:
    model = listed(ANSWERS)
    live = recorder(file, model)
    for prompt in (PLAIN, PLAIN, LISTED, PLAIN):
        live.reply(prompt, "q", Clock())
    assert [each.stage for each in model.asked] == ["hyde", "expand"]


def test_a_failure_is_not_recorded(file: Path) -> None:
    class Failing:
        def reply(self, *given: Any) -> Any:
            raise ProviderError("away")

    with pytest.raises(ProviderError, match="away"):
        recorder(file, Failing()).reply(PLAIN, "q", Clock())
    assert not file.exists()


def test_an_imported_answer_matches_any_prompt_of_its_stage_question_and_step(
    file: Path, listed: Callable[..., Any]
) -> None:
    Cassette(file).tidy([Take("hyde", "q", 0, "Imported.", imported=True)])
    other = replace(PLAIN, instructions="Anything.", schema=list_schema("passages", 3))
    assert player(file).reply(PLAIN, "q", Clock())[:2] == ("Imported.", None)
    assert player(file).reply(other, "q", Clock())[:2] == ("Imported.", None)
    for miss, query in ((PLAIN, "r"), (replace(PLAIN, step=1), "q"), (LISTED, "q")):
        with pytest.raises(ProviderError, match="holds no answer"):
            player(file).reply(miss, query, Clock())
    recorder(file, listed(ANSWERS), replays=False).reply(PLAIN, "q", Clock())
    assert player(file).reply(PLAIN, "q", Clock()).text == "On window sills."
    assert player(file).reply(other, "q", Clock()).text == "Imported."
    assert '"imported": true' in file.read_text()


def test_imported_json_that_does_not_fit_the_schema_is_an_error(file: Path) -> None:
    Cassette(file).tidy([Take("expand", "q", 0, {"thoughts": []}, imported=True)])
    with pytest.raises(ProviderError, match=r"expand, question 'q'.*not what was asked for"):
        player(file).reply(LISTED, "q", Clock())


def test_a_broken_line_is_named(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('{"stage": "hyde", "query": "q", "step": 0, "answer": "a"}\n{"stage": "hy\n')
    with pytest.raises(ConfigError, match=r"line 2: no recorded answer.*Remove the line"):
        Cassette(file)
    file.write_text('{"stage": "hyde", "colour": "red"}\n')
    with pytest.raises(ConfigError, match="line 1"):
        Cassette(file)


@pytest.mark.parametrize(
    ("name", "value", "need"),
    [
        ("stage", 1, "a text is needed, got 1"),
        ("query", None, "a text is needed, got None"),
        ("step", "1", "a whole number from 0 on is needed, got '1'"),
        ("step", True, "a whole number from 0 on is needed, got True"),
        ("step", -1, "a whole number from 0 on is needed, got -1"),
        ("answer", None, "a text, an object or a list is needed, got None"),
        ("imported", "yes", "true or false is needed, got 'yes'"),
        ("model", ["small"], "a text is needed, got ['small']"),
        ("prompt", {}, "a text is needed, got {}"),
        ("temperature", "0", "a number from 0 on is needed, got '0'"),
        ("temperature", float("nan"), "a number from 0 on is needed, got nan"),
        ("max_tokens", 1.5, "a whole number from 0 on is needed, got 1.5"),
        ("input", 3, "a text is needed, got 3"),
        ("cost", "abc", "an object of numbers from 0 on is needed, got 'abc'"),
        ("cost", {"usd": "1"}, "an object of numbers from 0 on is needed, got {'usd': '1'}"),
        ("cost", {"usd": 10**400}, "an object of numbers from 0 on is needed, got {'usd': 1000"),
    ],
)
def test_a_field_that_is_not_as_needed_is_named_with_its_line(
    file: Path, name: str, value: Any, need: str
) -> None:
    good = vars(Take.of(PLAIN, "q", "small", "a")) | {"cost": {"calls": 1}}
    file.parent.mkdir()
    file.write_text(f"{json.dumps(good)}\n{json.dumps({**good, name: value})}\n")
    with pytest.raises(ConfigError) as error:
        Cassette(file)
    assert f"{file}, line 2: no recorded answer ({name}: {need}" in str(error.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", r"an object is needed, got \[1\]"),
        ("null", "an object is needed, got None"),
        ("[" * 100_000, "recursion"),
        ('{"stage": "hyde", "query": "q", "step": 0}', "answer: a text, .* got nothing"),
        (
            '{"stage": "hyde", "query": "q", "step": 0, "answer": "a", "colour": "red"}',
            "'colour' is none of its fields: stage, query",
        ),
    ],
)
def test_a_line_with_other_fields_is_named(file: Path, line: str, said: str) -> None:
    file.parent.mkdir()
    file.write_text(line)
    with pytest.raises(ConfigError, match=rf"line 1: no recorded answer \(.*{said}"):
        Cassette(file)


def test_the_fields_of_a_line_are_those_of_a_take() -> None:
    assert list(FIELDS) == [each.name for each in dataclasses.fields(Take)]
    required = [
        each.name for each in dataclasses.fields(Take) if each.default is dataclasses.MISSING
    ]
    assert list(NEEDED) == required


def test_an_answer_is_added_on_a_line_of_its_own_behind_one_without_an_end(
    file: Path, listed: Callable[..., Any]
) -> None:
    file.parent.mkdir()
    file.write_text(Take("hyde", "r", 0, "Imported.", imported=True).line.rstrip("\n"))
    recorder(file, listed(ANSWERS)).reply(PLAIN, "q", Clock())
    assert player(file).reply(PLAIN, "q", Clock()).text == "On window sills."
    assert player(file).reply(PLAIN, "r", Clock()).text == "Imported."
    assert [bool(line) for line in file.read_text().split("\n")] == [True, True, False]


def test_half_a_line_of_a_killed_process_takes_no_answer_with_it(
    file: Path, listed: Callable[..., Any]
) -> None:
    live = recorder(file, listed(ANSWERS))
    file.parent.mkdir()
    file.write_text('{"stage": "hyde", "query": "r", "st')
    live.reply(PLAIN, "q", Clock())
    with pytest.raises(ConfigError, match=r"line 1: no recorded answer.*Remove the line"):
        player(file)
    file.write_text(file.read_text().split("\n", 1)[1])
    assert player(file).reply(PLAIN, "q", Clock()).text == "On window sills."


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, listed: Callable[..., Any]) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    live = CassetteLlm(Cassette(tmp_path / "new" / "c.jsonl"), "small", listed(ANSWERS))
    (tmp_path / "new").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be written"):
        live.reply(PLAIN, "q", Clock())


def test_a_request_whose_time_is_over_is_not_replayed(file: Path) -> None:
    Cassette(file).tidy([Take("hyde", "q", 0, "Imported.", imported=True)])
    with pytest.raises(DeadlineError):
        player(file).reply(PLAIN, "q", Clock(0.0))


def test_the_digest_is_that_of_the_answers_not_of_their_order(tmp_path: Path) -> None:
    takes = [Take("hyde", query, 0, query, imported=True) for query in "abc"]
    one, other = Cassette(tmp_path / "one"), Cassette(tmp_path / "other")
    one.tidy(takes)
    for take in reversed(takes):
        other.add(take)
    assert one.digest == other.digest
    other.add(replace(takes[0], answer="else"))
    assert one.digest != other.digest


def test_threads_and_cassettes_of_one_file_lose_nothing(file: Path) -> None:
    def add(name: str) -> None:
        cassette = Cassette(file)
        for i in range(20):
            cassette.add(Take("hyde", f"{name} {i}", 0, "a" * 5000, imported=True))
            if i % 7 == 0:
                cassette.tidy()

    threads = [threading.Thread(target=add, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(Cassette(file))) == 80


ADD_MANY = """
import sys
from pathlib import Path
from retrieval.adapters.cassette import Cassette, Take

cassette = Cassette(Path(sys.argv[1]))
for i in range(20):
    cassette.add(Take("hyde", f"{sys.argv[2]} {i}", 0, "a", imported=True))
cassette.tidy()
"""


def test_processes_that_record_at_the_same_time_lose_nothing(file: Path) -> None:
    command = [sys.executable, "-c", ADD_MANY, str(file)]
    processes = [subprocess.Popen([*command, name]) for name in "ab"]
    assert [process.wait() for process in processes] == [0, 0]
    assert len(list(Cassette(file))) == 40


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"cassette_mode": "replay"}, "set cassette"),
        ({"cassette_mode": "replay", "cassette": "gone.jsonl"}, "no such file"),
        ({"cassette_mode": "record", "cassette": "c.jsonl"}, "set llm_url"),
        ({"cassette_mode": "replay-or-record", "cassette": "c.jsonl"}, "set llm_url"),
    ],
)
def test_settings_that_contradict_each_other_are_named(given: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        open_llm(Settings(**given))


def test_the_settings_name_the_model(chat: Any, file: Path) -> None:
    assert open_llm(Settings()) is None
    recording = open_llm(chat.settings(cassette=file, cassette_mode="replay-or-record"))
    assert recording is not None
    assert recording.reply(PLAIN, "q", Clock()).text == "plain words"
    close_llm(recording)
    replaying = open_llm(Settings(cassette=file, cassette_mode="replay"))
    assert replaying is not None
    assert replaying.reply(PLAIN, "q", Clock()).text == "plain words"
    live = open_llm(chat.settings())
    assert live is not None
    assert live.reply(PLAIN, "q", Clock()).text == "plain words"
    close_llm(live)
    close_llm(None)
    assert len(chat.requests) == 2
