import pytest

from retrieval.embedded_text import embedded_prefix, embedded_text
from retrieval.manifest import EmbedText


@pytest.mark.parametrize(
    ("embed", "title", "heading", "embedded"),
    [
        ("text", "Title", ("A", "B"), "Words."),
        ("title+text", "Title", ("A", "B"), "Title Words."),
        ("title+text", "", ("A", "B"), "Words."),
        ("heading+text", "Title", ("A", "B"), "A > B\nWords."),
        ("heading+text", "Title", (), "Words."),
    ],
)
def test_what_is_embedded_is_the_text_below_what_the_index_puts_before_it(
    embed: EmbedText, title: str, heading: tuple[str, ...], embedded: str
) -> None:
    assert embedded_text(embed, title, heading, "Words.") == embedded
    assert embedded_prefix(embed, title, heading) + "Words." == embedded
