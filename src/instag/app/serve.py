"""Serving: avatars become a live server that runs until it is stopped."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from instag.app.live_options import LiveOptions
from instag.errors import BadArgument, ExtraMissing
from instag.options import check_limits, option
from instag.runtime.garbage import loading_uncollected

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from instag.app.security import Security

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
    look_ahead: float = option(
        0.2,
        "Seconds of sound that lips look ahead: less is quicker and moves them less well.",
        minimum=0.08,
        maximum=0.2,
    )
    idle: float = option(
        60.0, "Seconds after which a session that nobody uses is closed.", minimum=1.0
    )
    ice_server: str = option(
        "",
        "STUN and TURN servers for WebRTC through NATs, with commas: stun:HOST:PORT or "
        "turn:NAME:PASSWORD@HOST:PORT.",
        metavar="URLS",
    )

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
    live: LiveOptions | None = None,
    device: str = "auto",
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Let avatars talk in browsers until the process is interrupted. ready: gets the address of the
    page, with the token. Raises ExtraMissing, BadArgument, and what Avatar.open raises."""
    check_extra()
    with loading_uncollected():
        import uvicorn

        from instag.app.avatar_shelf import GivenAvatars
        from instag.app.ice_servers import ice_servers
        from instag.app.live_desk import LiveDesk, load_webrtc
        from instag.app.server import create_app
        from instag.app.server_log import log_plainly
        from instag.app.voice import chosen_voice
        from instag.runtime.device import device_named
        from instag.synthesis.live.studio import Studio

        load_webrtc()

    options, live = options or ServeOptions(), live or LiveOptions()
    servers = ice_servers(options.ice_server)
    security = _security(options)
    shelf = GivenAvatars(avatars)
    voice = chosen_voice(live.voice_command, live.voice_url)
    with Studio(
        device=device_named(device),
        look_ahead_s=options.look_ahead,
        most_sessions=live.sessions,
        idle_s=options.idle,
    ) as studio:
        desk = LiveDesk(studio, shelf, voice=voice, size=options.size, ice_servers=servers)
        app = create_app(desk, security)
        log_plainly()
        config = _server_config(app, options)
        ready(_address(options, security.token))
        uvicorn.Server(config).run()


def _security(options: ServeOptions) -> "Security":
    from instag.app.security import Security, is_local

    local = is_local(options.host)
    return Security(
        token=options.token or (None if local else secrets.token_urlsafe(16)),
        origins=frozenset(each.strip() for each in options.origin.split(",") if each.strip()),
        local=local,
    )


def _server_config(app: "FastAPI", options: ServeOptions) -> "uvicorn.Config":
    import uvicorn

    return uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        log_level="warning",
        ssl_certfile=options.tls_cert,
        ssl_keyfile=options.tls_key,
        ws_max_size=1 << 20,
        timeout_graceful_shutdown=LEAVE_S,
    )


def _address(options: ServeOptions, token: str | None) -> str:
    """Of the page, with the token."""
    secure = "https" if options.tls_cert else "http"
    return f"{secure}://{options.host}:{options.port}/" + (f"?token={token}" if token else "")
