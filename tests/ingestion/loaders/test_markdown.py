from collections.abc import Callable
from typing import Any

import pytest

from ingestion.document import Heading
from ingestion.loaders import markdown

SOURCE = """Words before.

# The *first* [part](url) `code`

Under it.

Second part
-----------

```
# a comment of code
```

> # a quoted one

- # a listed one

    # indented code

### Third { #third }
#### Empty below
#
"""


def test_headings_are_those_of_the_document_in_plain_words(read: Callable[..., Any]) -> None:
    (document,) = read(markdown, SOURCE)
    assert document.text == SOURCE
    assert document.title == "The first part code"
    assert [(each.level, each.text) for each in document.headings] == [
        (1, "The first part code"),
        (2, "Second part"),
        (3, "Third"),
        (4, "Empty below"),
    ]
    assert [SOURCE[each.start :].partition("\n")[0] for each in document.headings] == [
        "# The *first* [part](url) `code`",
        "Second part",
        "### Third { #third }",
        "#### Empty below",
    ]


def test_front_matter_is_metadata_and_no_text(read: Callable[..., Any]) -> None:
    matter = "---\ntitle: A title\ntags: [a, b]\nyear: 2024\ndate: 2024-05-06\nnot: .nan\n---\n\n"
    (document,) = read(markdown, matter + "# Heading\n\nText.")
    assert document.text == "# Heading\n\nText."
    assert document.title == "A title"
    assert document.headings == (Heading(0, 1, "Heading"),)
    assert document.meta == {
        "tags": ["a", "b"],
        "year": 2024,
        "date": "2024-05-06",
        "not": "nan",
    }


@pytest.mark.parametrize(
    "text",
    [
        "---\n\nA break above, and one below.\n\n---\n\nMore.",
        "---\n: [broken\n---\nText.",
        "---\na: 2024-02-31\n---\nText.",
        "---\na: &x [1, 1]\nb: [*x, *x]\n---\nText.",
        "---\njust words\n---\nText.",
        "---\nnever: closed\n",
    ],
)
def test_what_is_no_front_matter_stays_text(read: Callable[..., Any], text: str) -> None:
    (document,) = read(markdown, text)
    assert document.text == text
    assert document.meta == {}


def test_offsets_count_characters_after_newlines_are_normalised(read: Callable[..., Any]) -> None:
    (document,) = read(markdown, "Été 🎉\r\n\r\n## Über\r\n\r\n文\r\n\r\n## 二\r\n")
    starts = [document.text[each.start :].split("\n")[0] for each in document.headings]
    assert starts == ["## Über", "## 二"]
