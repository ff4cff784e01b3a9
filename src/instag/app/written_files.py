"""The record of files that a library wrote: one line of JSON for each, with its SHA-256.

Lines are only added: a file that was deleted is still recognised.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, final

from instag.app.stored_record import record_of
from instag.runtime.files import sha256_of
from instag.runtime.write_errors import explain_refusal


@final
@dataclass(frozen=True, kw_only=True)
class WrittenFile:
    """kind: what was written. name: of the avatar, as it was then. made: seconds since 1970."""

    sha256: str
    kind: Literal["video", "avatar"]
    name: str
    made: float


@final
class WrittenFiles:
    """The record in a file, which several processes may extend at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, file: Path, kind: Literal["video", "avatar"], name: str, made: float) -> None:
        """Record a file that is whole. Raises DiskFull, NotWritable."""
        row = WrittenFile(sha256=sha256_of(file), kind=kind, name=name, made=made)
        line = json.dumps(asdict(row)) + "\n"
        with explain_refusal(self.path), self.path.open("ab") as record:
            record.write(line.encode())  # one write at the end: lines of two processes do not mix
            record.flush()
            os.fsync(record.fileno())

    def find(self, sha256: str) -> WrittenFile | None:
        """The first record of this content."""
        if not self.path.is_file():
            return None
        with self.path.open("rb") as record:
            return next((row for line in record if (row := _row(line, sha256))), None)


def _row(line: bytes, sha256: str) -> WrittenFile | None:
    """A line of this content; None for any other, and for one that a failure of power cut off."""
    row = record_of(line, WrittenFile)
    return row if row is not None and row.sha256 == sha256 else None
