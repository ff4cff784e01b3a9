"""The live routes: sessions of talking heads over HTTP (docs/live.md#routes)."""

import asyncio
import re
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from typing import Any, final

import numpy as np
from fastapi import APIRouter, HTTPException, Request, WebSocket, WebSocketDisconnect
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from instag.app.avatar_shelf import AvatarShelf
from instag.app.ice_servers import IceServer
from instag.app.letters import Letters
from instag.app.socket_stream import SocketStream
from instag.app.sound_bytes import sound_of
from instag.app.voice import MOST_TEXT, Voice, no_voice
from instag.errors import BadArgument
from instag.runtime.untrusted import reason_of
from instag.synthesis.live.session import LiveSession
from instag.synthesis.live.studio import Studio
from instag.types import FPS, SAMPLE_RATE

MOST_SAID_S = 3600.0
"""Of sound that waits to be said."""
MEDIA = re.compile("^m=", re.MULTILINE)
CANDIDATE = re.compile(r"^a=candidate:(?:\S+ +){5}(\S+)", re.MULTILINE)
"""A line of an offer that names an address; its port is the sixth word."""
MOST_PORT = 65_535
MOST_MEDIA = 16
"""Of an offer: a session has sound, pictures and a channel; each opens sockets."""
MOST_STREAMS = 8
"""WebSockets of one session: each has its pictures coded."""
NO_SESSION, TRY_LATER = 4404, 1013
"""A WebSocket's codes for a session that is not there, and for one that is looked at enough."""


class NewSession(BaseModel):
    """What a session shows."""

    avatar: Letters
    size: int | None = None


class Offer(BaseModel):
    """A browser's session description."""

    sdp: Letters = Field(max_length=200_000)
    type: Letters = "offer"


class Text(BaseModel):
    """What is to be said."""

    text: Letters = Field(min_length=1, max_length=MOST_TEXT)


@final
class LiveDesk:
    """What the routes share: the studio, its avatars, and the connections."""

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

    async def open(self, asked: NewSession) -> LiveSession:
        """A new session; the first of an avatar takes some seconds."""
        async with self._opening:
            for name in [each for each in self._links if not self._is_open(each)]:
                await self._leave(name)
            return await asyncio.to_thread(self._open, asked)

    def _open(self, asked: NewSession) -> LiveSession:
        avatar = self.shelf.open(asked.avatar, asked.size or self._size)
        session = self.studio.open(avatar)
        self._shown = {name: kept for name, kept in self._shown.items() if self._is_open(name)}
        self._shown[session.name] = asked.avatar
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


def check_offer(sdp: str) -> None:
    """Raises HTTPException for what aiortc would fall over later, or take for too much."""
    if len(MEDIA.findall(sdp)) > MOST_MEDIA:
        raise HTTPException(400, f"An offer has {MOST_MEDIA} media at most.")
    for port in CANDIDATE.findall(sdp):
        if not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > MOST_PORT:
            raise HTTPException(400, f"An offer's candidate has the port {port[:20]}.")


async def refuse(socket: WebSocket, code: int, reason: str) -> None:
    """Close a WebSocket with a reason, which browsers show of accepted ones alone."""
    with suppress(RuntimeError, OSError, WebSocketDisconnect):
        await socket.accept()
        await socket.close(code, reason)


def live_router(desk: LiveDesk) -> APIRouter:
    """The routes, for a server's app."""
    router = APIRouter(prefix="/api")
    _add_routes_of_the_server(router, desk)
    _add_routes_of_sessions(router, desk)
    _add_routes_of_what_is_said(router, desk)
    return router


def _add_routes_of_the_server(router: APIRouter, desk: LiveDesk) -> None:
    @router.get("/avatars")
    async def avatars() -> dict[str, object]:
        entries = await asyncio.to_thread(desk.shelf.entries)
        return {"avatars": [asdict(entry) for entry in entries]}

    @router.get("/voice")
    async def voice() -> dict[str, object]:
        found = desk.voice
        return {
            "voice": None if found is None else found.name,
            "detail": no_voice() if found is None else f"Texts are said by {found.name}.",
        }

    @router.get("/metrics")
    async def metrics() -> dict[str, object]:
        return desk.metrics()


def _add_routes_of_sessions(router: APIRouter, desk: LiveDesk) -> None:
    @router.post("/sessions", status_code=201)
    async def open_session(asked: NewSession) -> dict[str, object]:
        return desk.about(await desk.open(asked))

    @router.get("/sessions")
    async def sessions() -> dict[str, object]:
        return {"sessions": [desk.about(session) for session in desk.studio.sessions]}

    @router.get("/sessions/{name}")
    async def session(name: str) -> dict[str, object]:
        return desk.about(desk.session(name))

    @router.delete("/sessions/{name}", status_code=204)
    async def end_session(name: str) -> None:
        await desk.end(desk.session(name))

    @router.post("/sessions/{name}/offer")
    async def offer(name: str, given: Offer) -> dict[str, str]:
        return await desk.connect(desk.session(name), given)

    @router.websocket("/sessions/{name}/stream")
    async def stream(socket: WebSocket, name: str) -> None:
        with suppress(asyncio.CancelledError):
            await desk.stream(socket, name)


def _add_routes_of_what_is_said(router: APIRouter, desk: LiveDesk) -> None:
    @router.post("/sessions/{name}/say", status_code=202)
    async def say(name: str, given: Text) -> dict[str, float]:
        session = desk.session(name)
        if desk.voice is None:
            raise BadArgument(no_voice())
        # Not among the threads that code pictures: a voice may hang.
        samples = await run_in_threadpool(desk.voice.say, given.text)
        return desk.say(session, samples)

    @router.post("/sessions/{name}/audio", status_code=202)
    async def audio(name: str, request: Request) -> dict[str, float]:
        session, content = desk.session(name), await request.body()
        kind = request.headers.get("content-type", "")
        return desk.say(session, await asyncio.to_thread(sound_of, content, kind))

    @router.post("/sessions/{name}/interrupt", status_code=204)
    async def interrupt(name: str) -> None:
        desk.session(name).clear_buffer()


def load_webrtc() -> None:
    """Load what WebRTC needs, if it is installed, so that no session waits for it."""
    with suppress(ImportError):
        import instag.app.webrtc  # noqa: F401
