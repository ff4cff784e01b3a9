"""The live server: routes, pages and security as one app, and the program that serves it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from instag.app.live_routes import LiveDesk, live_router
from instag.app.security import Security, SecurityMiddleware
from instag.errors import BadArgument, FileMissing, InstagError, MediaError, StudioFull, VoiceFailed
from instag.version import __version__

STATIC = Path(__file__).parent / "static"
RETRY_S = 30
STATUS: dict[type[InstagError], int] = {
    StudioFull: 503,
    VoiceFailed: 502,
    FileMissing: 404,
    MediaError: 400,
    BadArgument: 400,
}
"""What an error is over HTTP; 500 for others."""


def create_app(desk: LiveDesk, security: Security | None = None) -> FastAPI:
    """The app that `instag serve` runs: /api, /static, and a page to talk at /."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await desk.close()

    app = FastAPI(title="instag", version=__version__, lifespan=lifespan, docs_url=None)
    app.include_router(live_router(desk))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(InstagError, answer_error)
    app.add_middleware(SecurityMiddleware, security=security or Security())

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "talk.html")

    return app


async def answer_error(_: Request, error: Exception) -> JSONResponse:
    """An error of instag's as its sentence."""
    kinds = (kind for kind in STATUS if isinstance(error, kind))
    status = STATUS.get(next(kinds, InstagError), 500)
    headers = {"Retry-After": str(RETRY_S)} if status == 503 else None
    return JSONResponse({"detail": str(error)}, status, headers)
