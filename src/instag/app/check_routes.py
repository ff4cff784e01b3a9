"""Routes of what a page asks about files: live checks of a picture, and where a file comes from."""

from dataclasses import asdict
from threading import Lock
from typing import Annotated, Any, final

import cv2
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from instag.app.library import Library
from instag.app.live_checks import LiveChecks
from instag.app.script import CONFIRMED, CONSENT, ENOUGH_S, LEAST_S, SCRIPT
from instag.app.uploads import ending_of, received
from instag.app.verification import verify
from instag.errors import BadArgument
from instag.runtime.picture_file import decode_picture


def check_router(library: Library) -> APIRouter:
    """/api/script, /api/checks, /api/verify."""
    router = APIRouter(prefix="/api")
    check = _OneAtATime()

    @router.get("/script")
    def script() -> dict[str, Any]:
        return {
            "consent": CONSENT,
            "confirmed": CONFIRMED,
            "lines": SCRIPT,
            "least_s": LEAST_S,
            "enough_s": ENOUGH_S,
        }

    @router.post("/checks")
    async def checks(
        request: Request, scale: Annotated[float, Query(gt=0, le=16)] = 1.0
    ) -> dict[str, Any]:
        picture = await request.body()
        return await run_in_threadpool(check, picture, scale)

    @router.post("/verify")
    async def verdict(request: Request, file: str = "") -> dict[str, Any]:
        async with received(request, library.incoming, ending_of(file)) as given:
            found = await run_in_threadpool(verify, given, library.written)
            return {**asdict(found), "sentence": found.sentence}

    return router


@final
class _OneAtATime:
    """LiveChecks, made when they are first used; a picture waits for the one before."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._checks: LiveChecks | None = None

    def __call__(self, data: bytes, scale: float) -> dict[str, Any]:
        try:
            picture = cv2.cvtColor(decode_picture(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        except ValueError as error:
            raise BadArgument(f"This is no picture that can be checked ({error}).") from error
        with self._lock:
            if self._checks is None:
                self._checks = LiveChecks()
            return asdict(self._checks(picture, scale))
