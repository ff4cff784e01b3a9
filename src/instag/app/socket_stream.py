"""A live session over a WebSocket, for networks where UDP is closed: sound and pictures in binary
messages, the microphone in the other direction (docs/live.md#websocket)."""

import asyncio
import json
import struct
from contextlib import suppress
from typing import final

import cv2
import numpy as np
from fastapi import WebSocket, WebSocketDisconnect

from instag.errors import BadArgument
from instag.media.pcm import floats, pcm16
from instag.synthesis.live.frame_mailbox import FrameMailbox, MailboxClosed, PictureFrame
from instag.synthesis.live.session import LiveSession
from instag.types import FPS, SAMPLE_RATE

SOUND, PICTURE = 1, 2
HEAD = struct.Struct("<B3xI")
"""Of a binary message: its kind, and its frame's number."""
JPEG_QUALITY = 88
MOST_MICROPHONE = SAMPLE_RATE * 2
"""Bytes of a message with sound: one second."""
LEFT = 1001


@final
class SocketStream:
    """Serves one WebSocket until either side leaves it."""

    def __init__(self, socket: WebSocket, session: LiveSession) -> None:
        self._socket, self._session = socket, session
        self._mailbox = FrameMailbox()

    async def run(self) -> None:
        """Send and receive."""
        await self._socket.accept()
        hello = {
            "type": "hello",
            "size": self._session.size,
            "fps": FPS,
            "sample_rate": SAMPLE_RATE,
        }
        await self._socket.send_text(json.dumps(hello))
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
            with suppress(RuntimeError):
                await self._socket.close(LEFT, "The session has ended.")

    async def _send_sounds(self) -> None:
        with suppress(MailboxClosed, WebSocketDisconnect):
            while True:
                sound = await self._mailbox.next_sound()
                head = HEAD.pack(SOUND, sound.number)
                await self._socket.send_bytes(head + pcm16(sound.samples).tobytes())

    async def _send_pictures(self) -> None:
        with suppress(MailboxClosed, WebSocketDisconnect):
            while True:
                frame = await self._mailbox.next_picture()
                await self._socket.send_bytes(await asyncio.to_thread(jpeg_message, frame))

    async def _send_messages(self) -> None:
        with suppress(MailboxClosed, WebSocketDisconnect):
            while True:
                message = await self._mailbox.next_message()
                await self._socket.send_text(json.dumps(message))

    async def _receive(self) -> None:
        with suppress(WebSocketDisconnect, BadArgument):
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                if message.get("bytes") is not None:
                    self._hear(message["bytes"])
                elif message.get("text"):
                    self._obey(message["text"])

    def _hear(self, content: bytes) -> None:
        if len(content) % 2 or len(content) > MOST_MICROPHONE:
            raise BadArgument("The microphone sends s16le mono at 16 kHz, at most 1 s at once.")
        self._session.push_microphone(floats(np.frombuffer(content, "<i2")))

    def _obey(self, text: str) -> None:
        with suppress(ValueError, AttributeError):
            kind = json.loads(text).get("type")
            if kind == "interrupt":
                self._session.clear_buffer()
            elif kind == "microphone":
                self._session.end_of_audio()


def jpeg_message(frame: PictureFrame) -> bytes:
    """A picture as a binary message."""
    picture = cv2.cvtColor(frame.picture, cv2.COLOR_RGB2BGR)
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return HEAD.pack(PICTURE, frame.number) + coded.tobytes()
