from ingestion.chunk import build_chunker, pieces
from ingestion.document import Document
from ingestion.reading import Reading
from retrieval.offline import HashEmbedder


def test_the_whole_text_is_one_chunk_without_the_space_around_it() -> None:
    reading = Reading(Document("d", "\n  One. Two.\n\nThree. \n"), HashEmbedder(limit=4), "text")
    assert list(pieces(build_chunker("whole"), reading)) == [((3, 20), ())]
