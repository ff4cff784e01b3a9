"""`instag app`."""

from typing import Annotated

import typer

from instag.app.app_options import AppOptions
from instag.app.live_options import LiveOptions
from instag.cli import options
from instag.cli.terminal import Terminal


def app(
    page: AppOptions,
    live: LiveOptions,
    terminal: Terminal,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open the page in a browser.")
    ] = False,
    device: options.Device = "auto",
    threads: options.LiveThreads = None,
) -> None:
    """Open one page in a browser: record yourself, watch the avatar being learned, talk to it."""
    from instag.app.serve import check_extra

    check_extra()
    import webbrowser

    from instag.app.page_server import run_page
    from instag.runtime.display import can_show
    from instag.runtime.threads import ready_for_live

    ready_for_live(threads)

    def ready(address: str) -> None:
        sentence = f"Open {address}  (Ctrl-C ends it). Avatars are kept in {page.folder}."
        terminal.result(sentence, {"address": address, "library": page.folder})
        if not no_browser and can_show():
            webbrowser.open(address)

    run_page(page, live=live, device=device, ready=ready)
