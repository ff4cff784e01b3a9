"""The page's server: a library, its jobs and live heads behind one page in a browser."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from instag.app.app_options import AppOptions
from instag.app.folder_lock import held
from instag.app.job_queue import Command, JobQueue, job_command
from instag.app.library import Library
from instag.app.live_options import LiveOptions
from instag.app.serve import check_extra
from instag.errors import BadArgument
from instag.runtime.garbage import loading_uncollected

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

HOST = "127.0.0.1"
GRACE_S = 2
"""Seconds that open connections get when the server ends."""


def run_page(
    options: AppOptions,
    *,
    live: LiveOptions | None = None,
    device: str = "auto",
    ready: Callable[[str], None] = lambda address: None,
    command: Command = job_command,
) -> None:
    """Serve the page on this machine until the process is interrupted. ready: gets its address.
    command: of the processes that learn and speak. Raises ExtraMissing, BadArgument where another
    server has the library or the port, NotWritable."""
    check_extra()
    with loading_uncollected():
        from instag.app.live_desk import load_webrtc
        from instag.app.page_app import page_app
        from instag.app.server_log import log_plainly
        from instag.app.voice import chosen_voice
        from instag.runtime.device import device_named
        from instag.synthesis.live.studio import Studio

        load_webrtc()

    live = live or LiveOptions()
    voice = chosen_voice(live.voice_command, live.voice_url)
    with (
        _own_library(options.folder) as library,
        _listening(options.port) as listener,
        _running(JobQueue(library, command)) as queue,
        Studio(device=device_named(device), most_sessions=live.sessions) as studio,
    ):
        app = page_app(studio, library, queue, voice)
        log_plainly()
        server = _server(app, queue)
        ready(f"http://{HOST}:{listener.getsockname()[1]}/")
        server.run([listener])


def _server(app: "FastAPI", queue: JobQueue) -> "uvicorn.Server":
    """A server of the app that ends the news of jobs when it is to end."""
    import uvicorn

    server = uvicorn.Server(
        uvicorn.Config(
            app, log_level="warning", ws_max_size=1 << 20, timeout_graceful_shutdown=GRACE_S
        )
    )
    stop = server.handle_exit

    def leave(sig: int, frame: FrameType | None) -> None:
        queue.leave()  # ends what is told to pages, which would keep the server up
        stop(sig, frame)

    server.handle_exit = leave
    return server


@contextmanager
def _own_library(folder: Path) -> Iterator[Library]:
    """The library, while no other server has it. Raises BadArgument, NotWritable."""
    library = Library(folder)
    with held(library.folder) as mine:
        if not mine:
            raise BadArgument(
                f"Another `instag app` uses {folder}. Use its page, or give another --library."
            )
        library.tidy()
        yield library


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """A socket that listens on this machine alone. Raises BadArgument."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise BadArgument(
                f"Port {port} cannot be used ({error.strerror}). Give another: --port {port + 1}"
            ) from error
        listener.listen(128)
        yield listener


@contextmanager
def _running(queue: JobQueue) -> Iterator[JobQueue]:
    queue.start()
    try:
        yield queue
    finally:
        queue.close()
