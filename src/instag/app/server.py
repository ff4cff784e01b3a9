"""The live server as an app: its routes, its pages and its security."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from starlette.requests import ClientDisconnect

from instag.app.error_answers import answer_error, answer_misfit, answer_nobody, answer_system
from instag.app.live_desk import LiveDesk
from instag.app.live_routes import live_router
from instag.app.security import Security, SecurityMiddleware
from instag.app.static_files import FRESH, FreshFiles
from instag.errors import InstagError
from instag.version import __version__

STATIC = Path(__file__).parent / "static"


def create_app(
    desk: LiveDesk,
    security: Security | None = None,
    *,
    routers: Iterable[APIRouter] = (),
    page: Path = STATIC / "talk.html",
) -> FastAPI:
    """The app of a server: live routes under /api, further ones, files under /static, and a page
    at /."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await desk.close()

    app = FastAPI(
        title="instag", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    for router in (live_router(desk), *routers):
        app.include_router(router)
    app.mount("/static", FreshFiles(directory=STATIC), name="static")
    app.add_exception_handler(InstagError, answer_error)
    app.add_exception_handler(OSError, answer_system)
    app.add_exception_handler(RequestValidationError, answer_misfit)
    app.add_exception_handler(ClientDisconnect, answer_nobody)
    app.add_middleware(SecurityMiddleware, security=security or Security())

    @app.get("/", include_in_schema=False)
    async def first_page() -> FileResponse:
        return FileResponse(page, headers=FRESH)

    return app
