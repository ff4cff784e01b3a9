"""The program of a voice, run until it ends, takes too long or writes too much."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from typing import BinaryIO, final

from instag.errors import VoiceFailed

MOST_S = 60
"""Seconds that a synthesiser may take."""
MOST_BYTES = 256 << 20
"""That it may write: an hour of sound at 32 kHz, 16 bit."""
LOOK_EVERY_S = 0.2
REASON = 200
"""Letters of its own words that are told."""


@final
@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a program ended: its code, and the end of what it wrote to its standard error."""

    code: int
    reason: str


@final
class Programs:
    """The programs that run now, until `close` ends them: they take no part in Ctrl-C."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._changing, self._closed = Lock(), False

    def run(
        self, words: Sequence[str], text: str, folder: Path, *, also: Path
    ) -> tuple[Path, Ended]:
        """Run a program that gets a text on its standard input. Returns the file of its standard
        output, in `folder`, and how it ended.

        also: another file that it may write. Its streams are files: what it starts itself could
        hold a pipe open after its end. Raises VoiceFailed.
        """
        given, output, errors = (folder / name for name in ("text", "output", "errors"))
        given.write_text(text, encoding="utf-8", newline="")
        with given.open("rb") as stdin, output.open("wb") as stdout, errors.open("wb") as stderr:
            process = self._started(words, stdin, stdout, stderr)
        try:
            watch = _Watch(process, (output, errors, also))
            code = process.wait()
            trouble = watch.end()
        finally:
            with self._changing:
                self._running.discard(process)
        if trouble is not None:
            raise VoiceFailed(trouble)
        return output, Ended(code=code, reason=_end_of(errors))

    def close(self) -> None:
        """End all, and begin no more."""
        with self._changing:
            self._closed = True
            for process in self._running:
                _kill(process)

    def _started(
        self, words: Sequence[str], stdin: BinaryIO, stdout: BinaryIO, stderr: BinaryIO
    ) -> "subprocess.Popen[bytes]":
        with self._changing:
            if self._closed:
                raise VoiceFailed("The voice says nothing more: its server ends.")
            try:
                process = subprocess.Popen(  # noqa: S603 - the command is the operator's own
                    words,
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,  # with all that it starts
                )
            except (OSError, ValueError) as error:
                raise VoiceFailed(f"The voice did not answer: {error}.") from error
            self._running.add(process)
        return process


def _end_of(errors: Path) -> str:
    """The last of what a program wrote there."""
    with errors.open("rb") as file:
        file.seek(max(0, errors.stat().st_size - 4 * REASON))
        return file.read().decode(errors="replace").strip()[-REASON:]


@final
class _Watch:
    """Ends a program with all that it started, where it takes too long or writes too much."""

    def __init__(self, process: "subprocess.Popen[bytes]", files: Sequence[Path]) -> None:
        self._process, self._files = process, files
        self._ended, self._trouble = Event(), ""
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> str | None:
        """The program has ended. Why it was made to, None where it was not."""
        self._ended.set()
        self._thread.join()
        return self._trouble or None

    def _look(self) -> None:
        ends = time.monotonic() + MOST_S
        while not self._ended.wait(LOOK_EVERY_S):
            if time.monotonic() > ends:
                self._trouble = f"The voice did not answer within {MOST_S} s."
            elif sum(file.stat().st_size for file in self._files if file.is_file()) > MOST_BYTES:
                self._trouble = f"The voice wrote more than {MOST_BYTES >> 20} MiB."
            if self._trouble:
                _kill(self._process)
                return


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
