"""Routes of recordings: a page sends pieces while it records, and finds again what was cut off."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from instag.app.recordings import Recordings


def recording_router(recordings: Recordings) -> APIRouter:
    """/api/recordings."""
    router = APIRouter(prefix="/api/recordings")

    @router.get("")
    def over() -> dict[str, Any]:
        found = [each for each in recordings.all() if each.is_over and each.pieces]
        return {"recordings": [asdict(each) for each in found]}

    @router.post("", status_code=201)
    def begin(ending: str) -> dict[str, Any]:
        return asdict(recordings.begin(ending))

    @router.put("/{identifier}/piece", status_code=204)
    async def piece(request: Request, identifier: str, number: int) -> None:
        await run_in_threadpool(recordings.add, identifier, number, await request.body())

    @router.get("/{identifier}/file")
    def file(identifier: str) -> StreamingResponse:
        kind = f"video/{recordings.recording(identifier).ending[1:]}"
        headers = {"Cache-Control": "private, no-store"}
        return StreamingResponse(recordings.content(identifier), media_type=kind, headers=headers)

    @router.delete("/{identifier}", status_code=204)
    def remove(identifier: str) -> None:
        recordings.remove(identifier)

    return router
