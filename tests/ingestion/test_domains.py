from pathlib import Path
from typing import Any

import pytest

from ingestion.document import Document, Failure
from ingestion.domains import domain_of
from ingestion.load import load
from ingestion.sources import LoadOptions
from retrieval.errors import InputError


@pytest.mark.parametrize(
    ("meta", "options", "domain"),
    [
        ({}, {}, None),
        ({}, {"domain": "all"}, "all"),
        ({"domain": "law"}, {}, "law"),
        ({"domain": "law"}, {"domain": "all"}, "law"),
        ({"domain": " law\n"}, {}, "law"),
        ({"domain": 7}, {}, "7"),
        ({"domain": "law", "topic": "tax"}, {"domain_field": "topic"}, "tax"),
        ({"topic": "tax"}, {"domain_field": "metadata.topic"}, "tax"),
        ({"from": {"desk": "tax"}}, {"domain_field": "from.desk"}, "tax"),
        ({"from": "tax"}, {"domain_field": "from.desk", "domain": "all"}, "all"),
    ],
)
def test_the_domain_is_in_the_metadata_else_in_the_options(
    meta: Any, options: Any, domain: Any
) -> None:
    assert domain_of(meta, LoadOptions(**options)) == domain


@pytest.mark.parametrize("value", ["", " ", None, True, 1.5, ["law"], {"law": 1}, "x" * 201])
def test_what_is_no_name_is_no_domain(value: Any) -> None:
    assert domain_of({"domain": value}, LoadOptions()) is None
    with pytest.raises(InputError, match=r"domain field 'domain' .*\(domain\).*--domain"):
        domain_of({"domain": value}, LoadOptions(domain_field="domain"))


def test_a_document_without_the_domain_that_was_asked_for_is_a_failure(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "a", "topic": "tax"}\n{"text": "b", "tpic": "tax"}\n')
    first, second = (each.item for each in load([rows], LoadOptions(domain_field="topic")))
    assert isinstance(first, Document)
    assert first.domain == "tax"
    assert first.meta == {"topic": "tax"}
    assert isinstance(second, Failure)
    assert "no name in the domain field 'topic' of its metadata (tpic)" in second.reason
