"""A live session over a WebSocket, for networks where UDP is closed: sound and pictures in binary
messages, the microphone in the other direction (docs/live.md#websocket)."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import final

import numpy as np
from fastapi import WebSocket, WebSocketDisconnect

from instag.app.picture_coder import CODERS, HEAD, JpegCoder, PictureCoder
from instag.errors import BadArgument
from instag.media.pcm import floats, pcm16
from instag.synthesis.live.frame_mailbox import FrameMailbox, MailboxClosed
from instag.synthesis.live.session import LiveSession
from instag.types import FPS, SAMPLE_RATE

SOUND = 1
"""The kind of a binary message; those of pictures are the coder's."""
MOST_MICROPHONE = SAMPLE_RATE * 2
"""Bytes of a message with sound: one second."""
MOST_TEXT = 1_000
"""Letters of a message that is a text."""
MESSAGES_A_SECOND, BURST = 200.0, 1_000.0
"""Of one socket: a microphone sends 50 to 100, and all that waited once a network goes on."""
LEFT, REFUSED = 1001, 1008
"""Codes of a WebSocket's end."""


@final
class Pace:
    """Counts messages against MESSAGES_A_SECOND, BURST of them at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._left, self._at = clock, BURST, clock()

    def count(self) -> None:
        """One more. Raises BadArgument where there are too many."""
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._at) * MESSAGES_A_SECOND) - 1
        self._at = now
        if self._left < 0:
            raise BadArgument(f"Too many messages: {MESSAGES_A_SECOND:.0f} a second are the most.")


@final
class SocketStream:
    """Serves one WebSocket until either side leaves it."""

    def __init__(self, socket: WebSocket, session: LiveSession) -> None:
        self._socket, self._session = socket, session
        self._mailbox, self._pace = FrameMailbox(), Pace()
        self._coder: PictureCoder = JpegCoder()
        self._end = LEFT, "The session has ended."

    async def run(self) -> None:
        """Send and receive."""
        with suppress(RuntimeError, OSError, WebSocketDisconnect):
            await self._greet()
            await self._serve()
            await self._socket.close(*self._end)

    async def _greet(self) -> None:
        await self._socket.accept()
        hello = {
            "type": "hello",
            "size": self._session.size,
            "fps": FPS,
            "sample_rate": SAMPLE_RATE,
        }
        await self._socket.send_text(json.dumps(hello))

    async def _serve(self) -> None:
        self._session.attach(self._mailbox)
        works = (self._send_sounds, self._send_pictures, self._send_messages, self._receive)
        tasks = [asyncio.create_task(work()) for work in works]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._session.detach(self._mailbox)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_sounds(self) -> None:
        with suppress(MailboxClosed, WebSocketDisconnect):
            while True:
                sound = await self._mailbox.next_sound()
                head = HEAD.pack(SOUND, 1, sound.number)
                await self._socket.send_bytes(head + pcm16(sound.samples).tobytes())

    async def _send_pictures(self) -> None:
        with suppress(MailboxClosed, WebSocketDisconnect):
            while True:
                frame = await self._mailbox.next_picture()
                message = await asyncio.to_thread(self._coder.message, frame)
                await self._socket.send_bytes(message)

    async def _send_messages(self) -> None:
        with suppress(MailboxClosed, WebSocketDisconnect):
            while True:
                message = await self._mailbox.next_message()
                await self._socket.send_text(json.dumps(message))

    async def _receive(self) -> None:
        """Until the other side leaves, or is refused."""
        try:
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                self._pace.count()
                if message.get("bytes"):
                    self._hear(message["bytes"])
                elif message.get("text"):
                    self._obey(message["text"])
        except BadArgument as refusal:
            self._end = REFUSED, str(refusal)

    def _hear(self, content: bytes) -> None:
        if len(content) % 2 or len(content) > MOST_MICROPHONE:
            raise BadArgument("The microphone sends s16le mono at 16 kHz, at most 1 s at once.")
        self._session.push_microphone(floats(np.frombuffer(content, "<i2")))

    def _obey(self, text: str) -> None:
        """What is not understood is passed over: newer pages may ask for more."""
        if len(text) > MOST_TEXT:
            raise BadArgument(f"A text has at most {MOST_TEXT:,} letters.")
        with suppress(ValueError, AttributeError, TypeError, RecursionError):
            asked = json.loads(text)
            kind = asked.get("type")
            if kind == "interrupt":
                self._session.clear_buffer()
            elif kind == "microphone":
                self._session.end_of_audio()
            elif kind == "pictures" and self._session.size % 2 == 0:
                self._coder = CODERS.get(asked.get("codec"), JpegCoder)()
