"""`instag assets`: the optional model files, which are here, and how to get them."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from instag.assets import store
from instag.assets.download import MIB
from instag.cli.command import SETTINGS, reporting_errors
from instag.cli.grouped_help import GroupedCommand, GroupedGroup
from instag.cli.option_groups import unfolded
from instag.cli.terminal import Terminal
from instag.runtime.progress import Report

assets = typer.Typer(
    name="assets",
    cls=GroupedGroup,
    help="Optional model files: list them, get them, check them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=SETTINGS,
)
Name = Annotated[
    str, typer.Argument(help=f"One of: {', '.join(asset.name for asset in store.ASSETS)}.")
]


def command(name: str, on_interrupt: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds a function to the commands of `assets`."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        assets.command(name, cls=GroupedCommand)(reporting_errors(unfolded(function), on_interrupt))
        return function

    return add


@command("list", "")
def show(terminal: Terminal) -> None:
    """List what each model file is for, where it comes from, under which licence, and whether it is
    here."""
    lines = [line for asset in store.ASSETS for line in _lines(asset)]
    lines.append(
        f"Looked for in {' and '.join(map(str, store.folders()))}; set ${store.VARIABLE} to keep "
        "them elsewhere."
    )
    terminal.result("\n".join(lines), {"assets": [_values(asset) for asset in store.ASSETS]})


@command("get", "Run the same command again: the download goes on where it was.")
def get(
    name: Name,
    terminal: Terminal,
    given: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            help="A file that is here already, instead of a download; may be given several times.",
            metavar="FILE",
        ),
    ] = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Take a file of code that cannot be told from a changed one.",
        ),
    ] = False,
) -> None:
    """Download a model file, or take it from files that were brought here, and put it where instag
    finds it."""
    with terminal.progress(f"Getting {name}", "MiB") as report:
        path = store.fetch(name, given=given or (), trust=trust, report=_in_mib(report))
    terminal.result(f"{path}", {"name": name, "path": path})


@command("convert-bfm", "Run the same command again.")
def convert_bfm(
    model: Annotated[
        Path, typer.Argument(help="01_MorphableModel.mat, the Basel face model of 2009.")
    ],
    terminal: Terminal,
    tables: Annotated[
        Path | None,
        typer.Option(
            help=(
                "The folder with AD-NeRF's exp_info.npy, keys_info.npy and topology_info.npy; "
                "beside the model if not given, else downloaded."
            ),
            metavar="FOLDER",
        ),
    ] = None,
) -> None:
    """Make of the Basel face model and AD-NeRF's index tables the file that `prepare --tracker bfm`
    reads."""
    from instag.capture.tracking.bfm.conversion import convert, find_tables, target

    with terminal.progress("Getting AD-NeRF's tables", "MiB") as report:
        found = find_tables(model, tables, _in_mib(report))
    path = convert(model, found, target())
    terminal.result(
        f"{path}",
        {
            "name": "bfm",
            "path": path,
            "tables": {name: str(where) for name, where in found.items()},
        },
    )


@command("check", "")
def check(terminal: Terminal) -> None:
    """Read each model file that is here. Exits with 1 if one is damaged."""
    here = [asset.name for asset in store.ASSETS if store.find(asset.name) is not None]
    found = [store.check(name) for name in here]
    lines = [f"{path}: whole" for path in found] or ["None are here."]
    terminal.result("\n".join(lines), {"whole": found})


def _lines(asset: store.Asset) -> list[str]:
    path = store.find(asset.name)
    return [
        f"{asset.name}: {asset.purpose}",
        f"  here: {path}" if path else f"  not here; get it: {asset.way}",
        *(
            f"  from {source.address} ({source.mib:.3g} MiB, {source.licence})"
            for source in asset.sources
        ),
    ]


def _values(asset: store.Asset) -> dict[str, object]:
    sources = [
        {"address": s.address, "sha256": s.sha256, "mib": s.mib, "licence": s.licence}
        for s in asset.sources
    ]
    return {
        "name": asset.name,
        "file": asset.file,
        "purpose": asset.purpose,
        "path": store.find(asset.name),
        "sources": sources,
    }


def _in_mib(report: Report) -> Report:
    """A report of bytes that shows MiB."""
    return lambda done, total: report(done // MIB, max(1, total // MIB))
