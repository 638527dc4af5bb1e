from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retrieval.config import build_pipeline
from retrieval.domains import known_domains, likely, told
from retrieval.errors import ConfigError
from retrieval.kit import Kit
from retrieval.pipeline import stage_key
from retrieval.stages.decompose import Decompose
from retrieval.stages.expand import Expand
from retrieval.stages.hyde import Hyde
from retrieval.stages.route import Route
from retrieval.types import Domain, Search

FILE = """
cats = "pets and how they live"

[bread]
kind = "recipes of bakers"
glossary = { poolish = "a wet sponge", "00" = "fine flour" }
owner = { name = "the bakery", since = 2011-04-01 }
"""
KNOWN = {
    "cats": {"about": "pets and how they live"},
    "bread": {
        "kind": "recipes of bakers",
        "glossary": {"poolish": "a wet sponge", "00": "fine flour"},
        "owner": {"name": "the bakery", "since": "2011-04-01"},
    },
}
TERMS = "\nTerms used there: poolish: a wet sponge; 00: fine flour"


def searched(probability: float, name: str = "bread") -> Search:
    return replace(Search.of("what is dough?"), domains=(Domain(name, probability, KNOWN[name]),))


def test_a_file_and_a_table_of_a_pipeline_say_the_same(tmp_path: Path) -> None:
    file = tmp_path / "domains.toml"
    file.write_text(FILE)
    assert known_domains(str(file)) == KNOWN
    table = {"use": "route", "domains": {**KNOWN}}
    built = build_pipeline("p", [table, {"use": "dense"}, {"use": "fuse"}])
    assert known_domains(built.stages[0].domains) == KNOWN  # type: ignore[attr-defined]
    assert hash(built.stages[0])


def test_what_the_file_says_is_part_of_the_key(tmp_path: Path) -> None:
    file = tmp_path / "domains.toml"
    file.write_text(FILE)
    before = stage_key(Route(domains=str(file)))
    file.write_text(FILE.replace("bakers", "cooks"))
    assert stage_key(Route(domains=str(file))) != before


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("cats = 1", "cats: a text or a table is needed, as cats"),
        ("[cats]\nkind = 1", "cats: kind has to be a text"),
        ("[cats]\nglossary = [1]", "cats: glossary has to be a text or a table"),
        ("cats", "cannot be read"),
        ("", "names no domain"),
        ("cats = 'pets'", "two or more names"),
        ("cats = 'pets'\nnone = 'others'", "no 'none'"),
    ],
)
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, text: str, match: str) -> None:
    file = tmp_path / "domains.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=match):
        Route(domains=str(file))


def test_a_domain_is_told_of_only_where_it_is_likelier_than_all_others_together() -> None:
    assert likely(Search.of("q")) is None
    assert told(Search.of("q"), "passages") == ("passages", "")
    assert told(searched(0.5), "passages") == ("passages", "")
    assert told(searched(0.51), "passages") == ("recipes of bakers", TERMS)
    assert told(searched(0.9, "cats"), "passages") == ("passages", "")


@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        (Hyde(kind="texts"), {"passages": ["dough"]}),
        (Expand(kind="texts"), {"paraphrases": ["dough"]}),
        (Expand("keywords", kind="texts"), {"keywords": ["dough"]}),
        (Decompose(always=True, kind="texts"), {"questions": ["what is dough?"]}),
    ],
)
def test_the_stages_that_ask_a_model_tell_it_the_kind_of_the_domain(
    kit: Kit, listed: Callable[..., Any], stage: Any, answer: Any
) -> None:
    name = type(stage).__name__.lower()
    llm = listed({(name, 0): answer, (name, 1): answer})
    stage(searched(0.9), replace(kit, llm=llm))
    stage(Search.of("what is dough?"), replace(kit, llm=llm))
    routed, plain = (each.instructions for each in llm.asked)
    assert "recipes of bakers" in routed
    assert routed.endswith(TERMS)
    assert plain == routed.replace("recipes of bakers", "texts").removesuffix(TERMS)
