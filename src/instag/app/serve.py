"""Serving: avatars become a live server that runs until it is stopped."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from instag.errors import BadArgument, ExtraMissing
from instag.options import check_limits, option

LEAVE_S = 1
"""Seconds that open streams have to end when the server is stopped."""


@final
@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """How a live server is reached, and what it allows."""

    host: str = option("127.0.0.1", "The address to bind to; 0.0.0.0 for all networks.")
    port: int = option(8000, "The port.", minimum=0, maximum=65_535)
    token: str | None = option(
        None,
        "What others must know to use it. Off this machine one is made up if not given.",
        metavar="TEXT",
        show_default=False,
    )
    origin: str = option(
        "", "Pages of other servers that may use it: their addresses, with commas.", metavar="URLS"
    )
    tls_cert: Path | None = option(
        None, "A certificate, for https.", metavar="FILE", show_default=False
    )
    tls_key: Path | None = option(None, "Its key.", metavar="FILE", show_default=False)
    size: int | None = option(
        None,
        "Width and height of pictures in pixels; those of the avatar if not given.",
        minimum=64,
        maximum=1024,
        show_default=False,
    )
    sessions: int = option(2, "How many sessions may be open at once.", minimum=1, maximum=256)
    look_ahead: float = option(
        0.2,
        "Seconds of sound that lips look ahead: less is quicker and moves them less well.",
        minimum=0.08,
        maximum=0.2,
    )
    idle: float = option(
        60.0, "Seconds after which a session that nobody uses is closed.", minimum=1.0
    )
    voice_command: str = option(
        "",
        "A program that says texts: {text} and {wav} stand for the text and the sound file.",
        metavar="COMMAND",
    )
    voice_url: str = option("", "A service that answers a POST of text with sound.", metavar="URL")

    def __post_init__(self) -> None:
        check_limits(self)
        if (self.tls_cert is None) != (self.tls_key is None):
            raise BadArgument("--tls-cert and --tls-key belong together. Give both or neither.")


def check_extra() -> None:
    """Raises ExtraMissing where the packages of the server are not installed."""
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
        import websockets  # noqa: F401
    except ImportError as error:
        raise ExtraMissing(
            f"The server needs {error.name}, which is not installed. Install it: "
            "pip install 'instag[app]'"
        ) from error


def serve(
    avatars: list[Path],
    options: ServeOptions | None = None,
    *,
    device: str = "auto",
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Let avatars talk in browsers until the process is interrupted. ready: gets the address of the
    page, with the token. Raises ExtraMissing, BadArgument, and what Avatar.open raises."""
    check_extra()
    import uvicorn

    from instag.app.avatar_shelf import GivenAvatars
    from instag.app.live_routes import LiveDesk
    from instag.app.security import Security, is_local
    from instag.app.server import create_app
    from instag.app.voice import chosen_voice
    from instag.runtime.device import device_named
    from instag.synthesis.live.studio import Studio

    options = options or ServeOptions()
    local = is_local(options.host)
    token = options.token or (None if local else secrets.token_urlsafe(16))
    security = Security(
        token=token,
        origins=frozenset(each.strip() for each in options.origin.split(",") if each.strip()),
        local=local,
    )
    shelf = GivenAvatars(avatars)
    voice = chosen_voice(options.voice_command, options.voice_url)
    with Studio(
        device=device_named(device),
        look_ahead_s=options.look_ahead,
        most_sessions=options.sessions,
        idle_s=options.idle,
    ) as studio:
        app = create_app(LiveDesk(studio, shelf, voice=voice, size=options.size), security)
        config = uvicorn.Config(
            app,
            host=options.host,
            port=options.port,
            log_level="warning",
            ssl_certfile=options.tls_cert,
            ssl_keyfile=options.tls_key,
            ws_max_size=1 << 20,
            timeout_graceful_shutdown=LEAVE_S,
        )
        secure = "https" if options.tls_cert else "http"
        ready(f"{secure}://{options.host}:{options.port}/" + (f"?token={token}" if token else ""))
        uvicorn.Server(config).run()
