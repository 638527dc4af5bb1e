"""What is embedded and weighed in terms: a chunk's text, with what stands above it put before.

Both legs see the same words. The index says which of the three forms it holds; ingestion and
every technique that embeds a passage at query time build it here.
"""

from collections.abc import Sequence

from retrieval.manifest import EmbedText


def embedded_prefix(embed: EmbedText, title: str, heading: Sequence[str]) -> str:
    """Return what is put before a chunk's text; empty where there is no title or heading.

    A title is followed by a space, as BEIR has it; a heading path is joined and ends its line.
    """
    if embed == "title+text" and title:
        return f"{title} "
    if embed == "heading+text" and heading:
        return " > ".join(heading) + "\n"
    return ""


def embedded_text(embed: EmbedText, title: str, heading: Sequence[str], text: str) -> str:
    """Return the text that is embedded for a chunk."""
    return embedded_prefix(embed, title, heading) + text
