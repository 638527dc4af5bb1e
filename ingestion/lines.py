"""The lines of a text file of any size, decoded one by one."""

import io
from typing import BinaryIO, Self

from ingestion.decoding import SAMPLE, encoding_of
from ingestion.sources import MEGABYTE
from retrieval.errors import InputError

ENDS = ("\n", "\r")


class Lines:
    """The lines of a file with their newlines; `number` is that of the last one, from 1.

    A line that does not fit an otherwise UTF-8 file is read as cp1252.
    """

    def __init__(self, file: BinaryIO, limit: int) -> None:
        """Read a file from its start; a line may have `limit` characters.

        Raises: InputError if it is not text, or in no known encoding.
        """
        encoding = encoding_of(file.read(SAMPLE))
        file.seek(0)
        errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
        self._file = io.TextIOWrapper(file, encoding, errors=errors, newline="")
        self._limit = limit
        self._again: list[str] = []
        self._taken: list[str] = []
        self.number = 0

    def __enter__(self) -> Self:
        """Return these lines."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the file, which stays open, unless an interruption closed it before."""
        if not self._file.closed:
            self._file.detach()

    def __iter__(self) -> Self:
        """Return the lines that are left."""
        return self

    def __next__(self) -> str:
        """Return the next line. Raises: InputError if it is too long; the one after it follows."""
        self.number += 1
        line = self._again.pop() if self._again else self._read()
        self._taken.append(line)
        return line

    def mark(self) -> int:
        """Remember this place, and return the number of the next line."""
        self._taken.clear()
        return self.number + 1

    def rewind(self, skip: int = 0) -> list[str]:
        """Go back to the marked place, or so many lines behind it, and return those skipped."""
        skipped, back = self._taken[:skip], self._taken[skip:]
        self._again += reversed(back)
        self._taken.clear()
        self.number -= len(back)
        return skipped

    def _read(self) -> str:
        line = self._file.readline(self._limit)
        if not line:
            self.number -= 1
            raise StopIteration
        if len(line) >= self._limit and not line.endswith(ENDS):
            while line and not line.endswith(ENDS):
                line = self._file.readline(self._limit)
            raise InputError(f"a row of more than {self._limit / MEGABYTE:g} MB")
        try:
            line.encode()
        except UnicodeEncodeError:
            return line.encode(errors="surrogateescape").decode("cp1252", errors="replace")
        return line
