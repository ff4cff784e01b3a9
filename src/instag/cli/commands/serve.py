"""`instag serve`."""

from pathlib import Path
from typing import Annotated

import typer

from instag.app.live_options import LiveOptions
from instag.app.serve import ServeOptions
from instag.cli import options
from instag.cli.given_files import refuse_avatar
from instag.cli.terminal import Terminal

MICROPHONE = (
    "Browsers give pages the microphone on localhost and over https alone: give --tls-cert and "
    "--tls-key, or put a server with https before this one."
)


def serve(
    avatars: Annotated[list[Path], typer.Argument(help="Avatars that may be talked to.")],
    serving: ServeOptions,
    live: LiveOptions,
    terminal: Terminal,
    device: options.Device = "auto",
    threads: options.LiveThreads = None,
) -> None:
    """Let avatars talk live, in browsers: they say what a microphone hears, texts and sound
    files."""
    from instag.app.serve import check_extra

    check_extra()
    from instag.app.security import is_local
    from instag.app.serve import serve as serve_avatars
    from instag.runtime.threads import ready_for_live

    for avatar in avatars:
        refuse_avatar(avatar)
    ready_for_live(threads)
    if not is_local(serving.host) and serving.tls_cert is None:
        terminal.note(MICROPHONE)

    def ready(address: str) -> None:
        terminal.result(f"Open {address}  (Ctrl-C ends it)", {"address": address})

    serve_avatars(avatars, serving, live=live, device=device, ready=ready)
