"""The note of a command that has begun to write an avatar and has not yet tested it.

A run that is killed between the two leaves it beside the clip; the same command goes on with the
test instead of refusing an avatar that exists.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import final

from instag.errors import InstagError
from instag.runtime.files import write_atomic


@final
@dataclass(frozen=True, kw_only=True)
class Untested:
    """note: its file. avatar: the output. options: what the command was asked for, as text."""

    note: Path
    avatar: Path
    options: str

    def goes_on(self) -> bool:
        """Whether a run with the same options has written the avatar and was stopped before its
        end."""
        try:
            stored = json.loads(self.note.read_text())
            return (
                self.avatar.is_file()
                and stored["options"] == self.options
                and stored["before"] != _stamp(self.avatar)
            )
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def begin(self) -> None:
        """Note that the avatar is about to be written. A place that cannot be written gets no
        note."""
        content = {"options": self.options, "before": _stamp(self.avatar)}
        with suppress(InstagError, OSError):
            write_atomic(self.note, json.dumps(content))

    def end(self) -> None:
        """The avatar was tested."""
        with suppress(OSError):
            self.note.unlink(missing_ok=True)


def untested(avatar: Path, clip: Path, options: object) -> Untested:
    """That of an avatar that is learned from a clip."""
    return Untested(
        note=clip / "training" / avatar.stem / "untested.json",
        avatar=avatar,
        options=repr((avatar.resolve(), clip.resolve(), options)),
    )


def _stamp(path: Path) -> list[int] | None:
    """What tells a file from the one that was there before."""
    if not path.is_file():
        return None
    about = path.stat()
    return [about.st_ino, about.st_mtime_ns, about.st_size]
