"""LiveDesk: what live routes share: a studio, its avatars, and the connections of its sessions."""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from typing import Any, final

import numpy as np
from fastapi import HTTPException, WebSocket, WebSocketDisconnect

from instag.app.avatar_shelf import AvatarShelf
from instag.app.ice_servers import IceServer
from instag.app.offer import Offer, check_offer
from instag.app.socket_stream import SocketStream
from instag.app.voice import Voice
from instag.errors import BadArgument
from instag.runtime.untrusted import reason_of
from instag.synthesis.live.session import LiveSession
from instag.synthesis.live.studio import Studio
from instag.types import FPS, SAMPLE_RATE

MOST_SAID_S = 3600.0
"""Of sound that waits to be said."""
MOST_STREAMS = 8
"""WebSockets of one session: each has its pictures coded."""
NO_SESSION, TRY_LATER = 4404, 1013
"""A WebSocket's codes for a session that is not there, and for one that is looked at enough."""


@final
class LiveDesk:
    """One studio with the avatars that it may show, and its connections."""

    def __init__(
        self,
        studio: Studio,
        shelf: AvatarShelf,
        *,
        voice: Voice | None = None,
        size: int | None = None,
        ice_servers: tuple[IceServer, ...] = (),
    ) -> None:
        """size: of pictures where a session asks for none, the avatar's own if not given.
        ice_servers: that both ends of WebRTC use."""
        self.studio, self.shelf, self.voice, self._size = studio, shelf, voice, size
        self._ice_servers = ice_servers
        self._shown: dict[str, str] = {}
        self._links: dict[str, Any] = {}
        self._streams: Counter[str] = Counter()
        self._opening = asyncio.Lock()

    async def open(self, avatar: str, size: int | None = None) -> LiveSession:
        """A new session; the first of an avatar takes some seconds. size: None for the desk's."""
        async with self._opening:
            for name in [each for each in self._links if not self._is_open(each)]:
                await self._leave(name)
            return await asyncio.to_thread(self._open, avatar, size)

    def _open(self, avatar: str, size: int | None) -> LiveSession:
        session = self.studio.open(self.shelf.open(avatar, size or self._size))
        self._shown = {name: kept for name, kept in self._shown.items() if self._is_open(name)}
        self._shown[session.name] = avatar
        return session

    def _is_open(self, name: str) -> bool:
        return self.studio.session(name) is not None

    def session(self, name: str) -> LiveSession:
        """Raises HTTPException where there is none."""
        session = self.studio.session(name)
        if session is None:
            raise HTTPException(404, "There is no such session any more. Open another one.")
        return session

    def about(self, session: LiveSession) -> dict[str, object]:
        """A session as the routes describe it."""
        return {
            "id": session.name,
            "avatar": self._shown.get(session.name, ""),
            "size": session.size,
            "fps": FPS,
            "sample_rate": SAMPLE_RATE,
            "state": session.state,
            "ice_servers": [server.described() for server in self._ice_servers],
        }

    async def connect(self, session: LiveSession, offer: Offer) -> dict[str, str]:
        """Answer a browser's offer; a session has one WebRTC connection, the last. Raises
        HTTPException."""
        try:
            from aiortc import RTCSessionDescription

            from instag.app.webrtc import WebRtcLink
        except ImportError as error:
            raise HTTPException(
                501, "WebRTC needs aiortc: pip install 'instag[app]'. WebSocket works."
            ) from error
        check_offer(offer.sdp)
        link = WebRtcLink(session, self._ice_servers)
        try:
            answer = await link.answer(RTCSessionDescription(sdp=offer.sdp, type=offer.type))
            self.session(session.name)  # it may have ended meanwhile
        except HTTPException:
            await link.close()
            raise
        except Exception as error:
            await link.close()
            reason = reason_of(error)
            raise HTTPException(400, f"This offer cannot be answered: {reason}.") from error
        # Nothing is awaited between these two: offers may come together.
        before, self._links[session.name] = self._links.get(session.name), link
        if before is not None:
            await before.close()
        return {"sdp": answer.sdp, "type": answer.type}

    async def end(self, session: LiveSession) -> None:
        """Close a session with its connection."""
        self.studio.end(session.name)
        await self._leave(session.name)

    async def close(self) -> None:
        """Close all connections, and the voice."""
        if self.voice is not None:
            self.voice.close()
        for name in list(self._links):
            await self._leave(name)

    async def _leave(self, name: str) -> None:
        link = self._links.pop(name, None)
        if link is not None:
            await link.close()

    async def stream(self, socket: WebSocket, name: str) -> None:
        """Serve a session's WebSocket until either side leaves it."""
        session = self.studio.session(name)
        if session is None:
            await refuse(socket, NO_SESSION, "There is no such session any more.")
        elif self._streams[name] >= MOST_STREAMS:
            await refuse(socket, TRY_LATER, f"{MOST_STREAMS} look at this session already.")
        else:
            self._streams[name] += 1
            try:
                await SocketStream(socket, session).run()
            finally:
                self._streams[name] -= 1
                self._streams += Counter()  # forget sessions at which nobody looks

    def say(self, session: LiveSession, samples: np.ndarray) -> dict[str, float]:
        """Let a session say sound, after all that it has to say."""
        seconds = len(samples) / SAMPLE_RATE
        if session.waiting_s + seconds > MOST_SAID_S:
            raise BadArgument(f"More than {MOST_SAID_S:.0f} s wait to be said. Interrupt it first.")
        session.push_audio(samples)
        session.end_of_audio()
        return {"seconds": round(seconds, 3)}

    def metrics(self) -> dict[str, object]:
        """How well the sessions run; times in ms."""
        return {
            "places": self.studio.most_sessions,
            "parts_ms": asdict(self.studio.times),
            "sessions": [
                {
                    "id": session.name,
                    "frames": session.metrics.frames,
                    "skipped": session.metrics.skipped,
                    "interval_ms": asdict(session.metrics.intervals_ms),
                    "skew_ms": asdict(session.metrics.skews_ms),
                    "queue_ms": round(1e3 * session.waiting_s),
                }
                for session in self.studio.sessions
            ],
        }


async def refuse(socket: WebSocket, code: int, reason: str) -> None:
    """Close a WebSocket with a reason, which browsers show of accepted ones alone."""
    with suppress(RuntimeError, OSError, WebSocketDisconnect):
        await socket.accept()
        await socket.close(code, reason)


def load_webrtc() -> None:
    """Load what WebRTC needs, if it is installed, so that no session waits for it."""
    with suppress(ImportError):
        import instag.app.webrtc  # noqa: F401
