"""Markdown: the source as it stands, without its front matter, with its headings."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import accumulate, pairwise
from math import isfinite
from typing import Any, BinaryIO

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ingestion.decoding import decoded
from ingestion.document import Document, Heading
from ingestion.sources import LoadOptions, Source

SUFFIXES = (".md", ".markdown")
READING = "apart"  # the tokens of a large file need many times its size

FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n+|\Z)", re.DOTALL)
LONGEST_FRONT_MATTER = 16_384
LONGEST_HEADING = 500
ATTRIBUTES = re.compile(r"\s*\{:?\s*[#.][^{}]*\}\s*$")
"""What MkDocs, Pandoc and others write behind a heading: `{ #anchor .class }`."""
MAX_INTEGER = 2**63
BLOCKS = MarkdownIt("commonmark").disable("inline")
INLINE = MarkdownIt("commonmark")


def load(file: BinaryIO, source: Source, options: LoadOptions) -> Iterator[Document]:
    """Return one document, its title from the front matter or the first heading of level 1.

    Raises: InputError if the file is not text.
    """
    found = decoded(file.read())
    meta, text = _front_matter(found.text)
    headings = tuple(_headings(text))
    first = next((heading.text for heading in headings if heading.level == 1), "")
    title = meta.pop("title", None) if isinstance(meta.get("title"), str) else None
    yield Document(source.name, text, title or first, headings, meta={**meta, **found.meta})


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The front matter's fields and the text behind it; all the text if there is none."""
    matter = FRONT_MATTER.match(text, 0, LONGEST_FRONT_MATTER)
    if matter is None:
        return {}, text
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(matter[1])):
            return {}, text  # aliases let a few lines stand for gigabytes
        fields = _plain(yaml.safe_load(matter[1]))
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, text
    return (fields, text[matter.end() :]) if isinstance(fields, dict) else ({}, text)


def _plain(value: Any) -> Any:
    """A value as JSON has it; dates as ISO text, what else JSON cannot hold as its text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, bool | str):
        return value
    holds = (isinstance(value, int) and -MAX_INTEGER <= value < MAX_INTEGER) or (
        isinstance(value, float) and isfinite(value)
    )
    return value if holds else str(value)


def _headings(text: str) -> Iterator[Heading]:
    """The headings that stand by themselves: none of code, quotes and lists."""
    tokens = BLOCKS.parse(text)
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            markup = ATTRIBUTES.sub("", inline.content)[:LONGEST_HEADING]
            words = " ".join(_words(markup).split())
            if words:
                yield Heading(starts[token.map[0]], int(token.tag[1:]), words)


def _words(markup: str) -> str:
    """The words of a heading without its markup."""
    children = [each for token in INLINE.parseInline(markup) for each in token.children or ()]
    return "".join(" " if each.type.endswith("break") else _shown(each) for each in children)


def _shown(token: Token) -> str:
    return token.content if token.type in ("text", "code_inline", "image") else ""
