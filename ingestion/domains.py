"""The domain of a document: what its own metadata says, else what the command says for all."""

from collections.abc import Mapping
from typing import Any

from ingestion.sources import LoadOptions
from retrieval.errors import InputError

FIELD = "domain"
LONGEST = 200
"""A longer text is no name; the HTTP interface has the same limit."""


def domain_of(meta: Mapping[str, Any], options: LoadOptions) -> str | None:
    """Return the domain that metadata names, or that of the options; whole numbers as digits.

    The field may be dotted where it is nested; `metadata.` in front, as BEIR's files have it, is
    left out. It stays in the metadata, so that it is shown and, under another name than `domain`,
    filtered by.

    Raises: InputError where a field was asked for and neither it nor a domain for all is there.
    """
    value: Any = meta
    for name in (options.domain_field or FIELD).removeprefix("metadata.").split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    text = str(value).strip() if type(value) in (str, int) else ""
    if 0 < len(text) <= LONGEST:
        return text
    if options.domain_field and options.domain is None:
        raise InputError(
            f"no name in the domain field {options.domain_field!r} of its metadata"
            f" ({', '.join(list(meta)[:12]) or 'none'}); --domain gives one to such documents"
        )
    return options.domain
