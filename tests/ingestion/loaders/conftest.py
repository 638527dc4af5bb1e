import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingestion.document import Document, Failure
from ingestion.load import Loader
from ingestion.sources import LoadOptions, Source

Item = Document | Failure


@pytest.fixture
def read() -> Callable[..., list[Item]]:
    def items(loader: Loader, data: bytes | str, **options: Any) -> list[Item]:
        data = data.encode() if isinstance(data, str) else data
        name = f"folder/file{loader.SUFFIXES[0]}"
        source = Source(Path(name), name, len(data))
        return list(loader.load(io.BytesIO(data), source, LoadOptions(**options)))

    return items
