"""Requests to a voice's service, each left alone where it takes too long or the server ends."""

import time
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, final

from instag.app.voice_program import MOST_BYTES, MOST_S
from instag.errors import VoiceFailed

PIECE_BYTES = 1 << 16
"""Of an answer that are read at once."""
Answer = bytes | Exception
"""What came of a request."""


@final
class Requests:
    """The requests that are waited for now, until `close`. Each has a thread of its own, which ends
    with the process: nothing wakes one that looks up a name or waits for an answer."""

    def __init__(self) -> None:
        self._answers: set[SimpleQueue[Answer]] = set()
        self._changing, self._closed = Lock(), False

    def ask(self, asked: urllib.request.Request) -> bytes:
        """The answer. Raises VoiceFailed."""
        coming: SimpleQueue[Answer] = SimpleQueue()
        with self._changing:
            if self._closed:
                raise _closed()
            self._answers.add(coming)
        Thread(target=_ask, args=(asked, coming), daemon=True).start()
        answer: Answer = TimeoutError(f"nothing came within {MOST_S} s")
        with suppress(Empty):
            answer = coming.get(timeout=MOST_S)
        with self._changing:
            self._answers.discard(coming)
        if isinstance(answer, VoiceFailed):
            raise answer
        if isinstance(answer, Exception):
            said = f"The voice at {asked.full_url} did not answer: {answer}."
            raise VoiceFailed(said) from answer
        return answer

    def close(self) -> None:
        """Wait for no answer any more."""
        with self._changing:
            self._closed = True
            for coming in self._answers:
                coming.put(_closed())


def _closed() -> VoiceFailed:
    return VoiceFailed("The voice says nothing more: its server ends.")


def _ask(asked: urllib.request.Request, coming: "SimpleQueue[Answer]") -> None:
    try:
        with urllib.request.urlopen(asked, timeout=MOST_S) as answer:  # noqa: S310 - checked before
            coming.put(_read(answer))
    except (VoiceFailed, OSError, HTTPException, ValueError) as error:
        coming.put(error)


def _read(answer: Any) -> bytes:
    """All of an answer, piece by piece as it comes. Raises VoiceFailed."""
    ends, content = time.monotonic() + MOST_S, bytearray()
    while piece := answer.read1(PIECE_BYTES):
        content += piece
        if len(content) > MOST_BYTES or time.monotonic() > ends:
            raise VoiceFailed("The voice gives too much, or too slowly. Say a shorter text.")
    return bytes(content)
