"""Recordings: what a page records, kept piece by piece while it does, so that a killed tab loses no
more than a second.

recordings/ID/recording.json   when it began, and the ending of its file
recordings/ID/000000.piece     and so on: the file's bytes, a second or more in each
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import final

from instag.app.names import checked_identifier, new_identifier
from instag.app.stored_record import folders_in, stored_record
from instag.errors import BadArgument, FileMissing
from instag.runtime.files import atomic_folder, remove_folder, write_atomic

ABOUT = "recording.json"
ENDINGS = (".webm", ".mp4")
MOST_PIECES = 1_000
KEPT_S = 7 * 24 * 3600.0
"""Recordings that nobody used for so long are removed."""
QUIET_S = 5.0
"""A recording that gets no pieces for so long is over."""


@final
@dataclass(frozen=True, kw_only=True)
class Recording:
    """made: seconds since 1970. seconds: from then to the last piece. is_over: whether no more
    pieces come."""

    id: str
    made: float
    ending: str
    pieces: int
    seconds: float
    is_over: bool


@final
@dataclass(frozen=True, kw_only=True)
class About:
    """What recording.json holds."""

    made: float
    ending: str


@final
class Recordings:
    """Those in a folder. Methods that take an identifier raise FileMissing where there is none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, ending: str) -> Recording:
        """A new one. Raises BadArgument for an ending that no browser records."""
        if ending not in ENDINGS:
            raise BadArgument(f"A recording ends with {' or '.join(ENDINGS)}, not {ending!r}.")
        identifier, made = new_identifier(), time.time()
        with atomic_folder(self.folder / identifier) as folder:
            (folder / ABOUT).write_text(json.dumps(asdict(About(made=made, ending=ending))))
        return self.recording(identifier)

    def add(self, identifier: str, number: int, content: bytes) -> None:
        """A piece; one that was sent before is replaced. Raises BadArgument."""
        found = self.recording(identifier)
        if not 0 <= number <= found.pieces or number >= MOST_PIECES or not content:
            raise BadArgument(f"Piece {number} does not follow. Send the recording as a whole.")
        write_atomic(self.folder / found.id / piece_name(number), content)

    def all(self) -> list[Recording]:
        """The newest first."""
        found = (_read(path) for path in folders_in(self.folder))
        return sorted((each for each in found if each), key=lambda each: -each.made)

    def recording(self, identifier: str) -> Recording:
        """Raises FileMissing where there is none."""
        found = _read(self.folder / checked_identifier(identifier))
        if found is None:
            raise FileMissing("There is no such recording any more. Record anew.")
        return found

    def content(self, identifier: str) -> Iterator[bytes]:
        """The bytes of its file."""
        found = self.recording(identifier)
        for number in range(found.pieces):
            yield (self.folder / found.id / piece_name(number)).read_bytes()

    @contextmanager
    def as_file(self, identifier: str, folder: Path) -> Iterator[Path]:
        """Its file in another folder, removed after the block unless the block moved it."""
        found = self.recording(identifier)
        path = folder / f"{new_identifier()}{found.ending}"
        try:
            with path.open("wb") as file:
                file.writelines(self.content(identifier))
            yield path
        finally:
            path.unlink(missing_ok=True)

    def remove(self, identifier: str) -> None:
        """With its pieces. Raises FileMissing."""
        remove_folder(self.folder / self.recording(identifier).id)

    def tidy(self) -> None:
        """Remove those that nobody used."""
        for each in self.all():
            if time.time() - each.made > KEPT_S:
                self.remove(each.id)


def piece_name(number: int) -> str:
    """The file of a piece."""
    return f"{number:06d}.piece"


def _read(folder: Path) -> Recording | None:
    """The recording of a folder; None where it holds none."""
    stored = stored_record(folder / ABOUT, About)
    if stored is None or stored.ending not in ENDINGS:
        return None
    made, ending, last = stored.made, stored.ending, folder.stat().st_mtime
    there = {path.name for path in folder.glob("*.piece")}
    pieces = next(number for number in count() if piece_name(number) not in there)
    return Recording(
        id=folder.name,
        made=made,
        ending=ending,
        pieces=pieces,
        seconds=max(0.0, last - made),
        is_over=time.time() - last > QUIET_S,
    )
