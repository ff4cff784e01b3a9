"""The live routes: sessions of talking heads over HTTP (docs/live.md#routes)."""

import asyncio
from contextlib import suppress
from dataclasses import asdict

from fastapi import APIRouter, Request, WebSocket
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from instag.app.letters import Letters
from instag.app.live_desk import LiveDesk
from instag.app.offer import Offer
from instag.app.sound_bytes import sound_of
from instag.app.voice import MOST_TEXT, no_voice
from instag.errors import BadArgument


class NewSession(BaseModel):
    """What a session shows."""

    avatar: Letters
    size: int | None = None


class Text(BaseModel):
    """What is to be said."""

    text: Letters = Field(min_length=1, max_length=MOST_TEXT)


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
        return desk.about(await desk.open(asked.avatar, asked.size))

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
