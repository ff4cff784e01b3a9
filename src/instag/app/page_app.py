"""The page as an app: live heads, beside a library with its jobs and recordings."""

from fastapi import FastAPI

from instag.app.check_routes import check_router
from instag.app.job_queue import JobQueue
from instag.app.job_routes import job_router
from instag.app.library import Library
from instag.app.library_routes import library_router
from instag.app.library_shelf import LibraryShelf
from instag.app.live_desk import LiveDesk
from instag.app.recording_routes import recording_router
from instag.app.security import Security
from instag.app.server import STATIC, create_app
from instag.app.uploads import MOST_BYTES
from instag.app.voice import Voice
from instag.synthesis.live.studio import Studio


def page_app(studio: Studio, library: Library, queue: JobQueue, voice: Voice | None) -> FastAPI:
    """The routes of the page, with the page itself. voice: what says texts."""
    return create_app(
        LiveDesk(studio, LibraryShelf(library), voice=voice),
        Security(most_bytes=MOST_BYTES),
        routers=(
            library_router(library),
            job_router(library, queue, voice),
            recording_router(library.recordings),
            check_router(library),
        ),
        page=STATIC / "index.html",
    )
