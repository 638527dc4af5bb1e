"""Files to documents, one by one, in an order that is always the same.

A format is a module in `ingestion/loaders`: the suffixes of its files, how they are read, and
`load(file, source, options)`. The folder is the list. What cannot be read is a failure with a
reason, and the next file follows.
"""

import importlib
import json
import pkgutil
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, Protocol, cast

from ingestion import loaders as folder
from ingestion.decoding import encoding_of
from ingestion.document import Document, Failure
from ingestion.domains import domain_of
from ingestion.parser_process import ParserProcess
from ingestion.seen import Seen
from ingestion.sources import MEGABYTE, Hidden, Source, find_sources, reason
from ingestion.sources import LoadOptions as LoadOptions
from ingestion.sources import count_sources as count_sources
from retrieval.errors import InputError

PLAIN = ".txt"
HEAD = 4096
RICH_TEXT = b"{\\rtf"
FOREIGN = frozenset((".eml", ".ipynb", ".mbox", ".ps", ".rtf", ".svg", ".xml"))
"""Formats that are written in text but would be garbage as such, until a loader reads them."""
UNSTORABLE = re.compile("[\ud800-\udfff\0]")


class Loaded(NamedTuple):
    """What was loaded, the file it came from, and how many bytes of all sources are done by it.

    `by_path`: the document's id is that of its path, not one that a field gives it.
    """

    item: Document | Failure
    source: str
    bytes: int
    by_path: bool = False


class Loader(Protocol):
    """A module in `ingestion/loaders`.

    `READING`: `streamed` files may have any size, `whole` ones are read at once, `apart` ones are
    too, by a parser that is run in a process of its own. `MAGIC`, if there is any, is how such
    files begin, in lower case: it tells those of an unknown suffix.
    """

    __name__: str
    SUFFIXES: tuple[str, ...]
    READING: Literal["streamed", "whole", "apart"]

    def load(
        self, file: BinaryIO, source: Source, options: LoadOptions
    ) -> Iterator[Document | Failure]:
        """Return the documents of a file in order, and a failure for each part that has none.

        Raises: InputError if the file as a whole cannot be read.
        """


@cache
def loaders() -> dict[str, Loader]:
    """Return the loader of each suffix."""
    names = sorted(module.name for module in pkgutil.iter_modules(folder.__path__))
    modules = [importlib.import_module(f"{folder.__name__}.{name}") for name in names]
    return {suffix: cast(Loader, each) for each in modules for suffix in each.SUFFIXES}


def load(paths: Sequence[Path], options: LoadOptions) -> Iterator[Loaded]:
    """Return the documents of files and folders, read one by one as they are asked for.

    A document's id is that of its row, else its path in the given folder (a given file: its name),
    with `#` and the number of the row. A second document with the same id is a failure.

    Raises: InputError, before anything is read, if the paths of two files give the same id.
    """
    with closing(Seen()) as seen:
        for found in find_sources(paths):
            if isinstance(found, Source) and _is_one_document(found):
                earlier = seen.earlier(found.name, str(found))
                if earlier:
                    raise InputError(
                        f"{earlier} and {found} would both get the id {found.name!r}:"
                        " give a folder that holds both, or rename one."
                    )
    return _all_loaded(paths, options)


def _is_one_document(source: Source) -> bool:
    loader = loaders().get(source.path.suffix.lower())
    return loader is not None and loader.READING != "streamed"


def _all_loaded(paths: Sequence[Path], options: LoadOptions) -> Iterator[Loaded]:
    done = 0
    with closing(Seen()) as seen, ParserProcess(options) as parser:
        for found in find_sources(paths):
            if isinstance(found, Hidden):
                continue
            if isinstance(found, Failure):
                yield Loaded(found, found.source, done)
                continue
            for number, (item, position) in enumerate(_items(found, options, parser), 1):
                if isinstance(item, Document):
                    place = str(found) if item.id == found.name else f"{found}, document {number}"
                    item = _checked(item, place, options, seen)
                if isinstance(item, Failure) and item.emptied:
                    item = item._replace(emptied=_clean(item.emptied))
                read = done + min(position, found.size)
                yield Loaded(item, str(found), read, _is_by_path(item, found))
            done += found.size


def _is_by_path(item: Document | Failure, source: Source) -> bool:
    id = item.id if isinstance(item, Document) else item.emptied or ""
    return id == source.name or id.startswith(f"{source.name}#")


def _items(
    source: Source, options: LoadOptions, parser: ParserProcess
) -> Iterator[tuple[Document | Failure, int]]:
    """What a file gives, never nothing, and how many of its bytes are read by then."""
    empty = True
    try:
        with source.path.open("rb") as file:
            if not source.size:
                yield Failure(str(source), "the file is empty", source.name), 0
                return
            loader = _loader(source, file, options)
            if loader.READING == "apart":
                items = iter(parser.parse(loader.__name__, source))
            else:
                items = loader.load(file, source, options)
            for item in items:
                empty = False
                yield item, file.tell() if loader.READING == "streamed" else source.size
        if empty:
            yield Failure(str(source), "no documents in it", source.name), source.size
    except InputError as error:
        yield Failure(str(source), str(error)), source.size
    except OSError as error:
        yield Failure(str(source), reason(error)), source.size


def _loader(source: Source, file: BinaryIO, options: LoadOptions) -> Loader:
    """The loader of a file, by its suffix, else by how it begins.

    Raises: InputError if there is none, or if the file is too large for it.
    """
    suffix = source.path.suffix.lower()
    loader = loaders().get(suffix) or _sniffed(suffix, file.read(HEAD))
    file.seek(0)
    if loader is None:
        raise InputError(
            f"{suffix or 'a binary file without a suffix'} is not a supported format;"
            f" supported are plain text and {', '.join(sorted(loaders()))}"
        )
    if loader.READING != "streamed" and source.size > options.max_bytes:
        raise InputError(
            f"{source.size / MEGABYTE:.0f} MB, the limit is {options.max_file_mb:g} MB:"
            " split it, or raise --max-file-mb"
        )
    return loader


def _sniffed(suffix: str, head: bytes) -> Loader | None:
    """The loader of a file with an unknown suffix: by its first bytes, else text if it is text."""
    beginning = head.removeprefix(BOM_UTF8).lstrip().lower()
    for loader in loaders().values():
        if beginning.startswith(getattr(loader, "MAGIC", ())):
            return loader
    if suffix in FOREIGN or beginning.startswith(RICH_TEXT):
        return None
    try:
        encoding_of(head)
    except InputError:
        return None
    return loaders()[PLAIN]


def _checked(
    document: Document, place: str, options: LoadOptions, seen: Seen
) -> Document | Failure:
    if not document.text.strip():
        return Failure(place, "no text in it", document.id)
    try:
        domain = domain_of(document.meta, options)
    except InputError as error:
        return Failure(place, str(error))
    document = _storable(replace(document, domain=domain))
    earlier = seen.earlier(document.id, place)
    if earlier:
        return Failure(place, f"its id {document.id!r} is already that of {earlier}")
    return document


def _storable(document: Document) -> Document:
    """A document with the characters replaced that UTF-8 or an index cannot hold, one for one."""
    headings = [each._replace(text=_clean(each.text)) for each in document.headings]
    return replace(
        document,
        id=_clean(document.id),
        text=_clean(document.text),
        title=_clean(document.title),
        headings=tuple(headings),
        meta=json.loads(_clean(json.dumps(dict(document.meta), ensure_ascii=False))),
    )


def _clean(text: str) -> str:
    return UNSTORABLE.sub("\ufffd", text)
