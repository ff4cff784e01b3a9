"""A frame mailbox: frames of a live session, brought from the studio into an event loop."""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Float, UInt8

from instag.synthesis.live.output import LiveOutput, State
from instag.types import SAMPLES

MOST_WAITING = 25
"""Frames of sound, and messages, that wait for a transport; older ones of one that does not take
them are dropped."""


@final
@dataclass(frozen=True, kw_only=True)
class SoundFrame:
    """640 samples, 16 kHz. said: whether they are part of what the session says."""

    number: int
    samples: Float[np.ndarray, " 640"]
    said: bool = True


@final
@dataclass(frozen=True, kw_only=True)
class PictureFrame:
    """RGB."""

    number: int
    picture: UInt8[np.ndarray, "h w 3"]


class MailboxClosed(Exception):
    """The session has ended."""


@final
class FrameMailbox(LiveOutput):
    """All sounds in their order, the latest picture, and the messages in between. Read by one task
    for each kind, in the event loop in which it was made."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sounds: deque[SoundFrame] = deque(maxlen=MOST_WAITING)
        self._picture: PictureFrame | None = None
        self._messages: deque[dict[str, object]] = deque(maxlen=MOST_WAITING)
        self._changed = asyncio.Condition()
        self._is_closed, self._first, self._was_cleared = False, 0, False

    @property
    def first(self) -> int:
        """The frame with which what is to be played begins: somebody interrupted before it."""
        return self._first

    def sound(self, number: int, samples: Float[np.ndarray, " 640"]) -> None:
        self._post(self._add_sound, SoundFrame(number=number, samples=samples))

    def silence(self, number: int) -> None:
        samples = np.zeros(SAMPLES, np.float32)
        self._post(self._add_sound, SoundFrame(number=number, samples=samples, said=False))

    def picture(self, number: int, picture: UInt8[np.ndarray, "h w 3"]) -> None:
        self._post(self._set_picture, PictureFrame(number=number, picture=picture))

    def cleared(self, number: int) -> None:
        self._post(self._clear, number)

    def state(self, state: State) -> None:
        self._post(self._messages.append, {"type": "state", "state": state})

    def closed(self) -> None:
        self._post(self._close, None)

    async def next_sound(self) -> SoundFrame:
        """Raises MailboxClosed."""
        await self._until(lambda: bool(self._sounds))
        return self._sounds.popleft()

    async def next_picture(self) -> PictureFrame:
        """Raises MailboxClosed."""
        await self._until(lambda: self._picture is not None)
        picture, self._picture = self._picture, None
        assert picture is not None
        return picture

    async def next_frame(self) -> SoundFrame | PictureFrame:
        """The next sound, else the latest picture: for one task that takes both. Raises
        MailboxClosed."""
        await self._until(lambda: bool(self._sounds) or self._picture is not None)
        return self._sounds.popleft() if self._sounds else await self.next_picture()

    async def next_message(self) -> dict[str, object]:
        """Raises MailboxClosed."""
        await self._until(lambda: bool(self._messages))
        return self._messages.popleft()

    async def _until(self, there) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: there() or self._is_closed)
        if self._is_closed:
            raise MailboxClosed

    def _add_sound(self, frame: SoundFrame) -> None:
        """A frame that was planned before somebody interrupted may come after that."""
        if frame.number < self._first:
            frame = replace(frame, samples=np.zeros(SAMPLES, np.float32), said=False)
        if frame.said and self._was_cleared:
            self._was_cleared = False
            self._messages.append({"type": "said", "frame": frame.number})
        self._sounds.append(frame)

    def _set_picture(self, frame: PictureFrame) -> None:
        self._picture = frame

    def _clear(self, number: int) -> None:
        self._first, self._was_cleared = number, True
        self._sounds.clear()
        self._picture = None
        self._messages.append({"type": "cleared", "frame": number})

    def _close(self, _: None) -> None:
        self._is_closed = True

    def _post(self, change, value) -> None:
        """Change something in the event loop, if that still runs."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._apply, change, value)

    def _apply(self, change, value) -> None:
        change(value)
        self._loop.create_task(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
