"""`instag assets`: the optional model files, which are here, and how to get them."""

from pathlib import Path
from typing import Annotated

import typer

from instag.assets import store
from instag.assets.download import MIB
from instag.cli import options
from instag.cli.terminal import Terminal, exit_on_error

app = typer.Typer(
    help="Optional model files: list them, get them, check them.", no_args_is_help=True
)
Name = Annotated[
    str,
    typer.Argument(
        help=f"One of: {', '.join(asset.name for asset in store.ASSETS)}.", show_default=False
    ),
]


@app.command("list")
def show(as_json: options.Json = False) -> None:
    """Say what each model file is for, where it comes from, under which licence, and whether it is
    here."""
    lines, values = [], []
    for asset in store.ASSETS:
        path = store.find(asset.name)
        lines += [
            f"{asset.name}: {asset.purpose}",
            f"  here: {path}" if path else f"  not here; get it: {asset.way}",
        ]
        lines += [
            f"  from {source.address} ({source.mib:.3g} MiB, {source.licence})"
            for source in asset.sources
        ]
        sources = [
            {"address": s.address, "sha256": s.sha256, "mib": s.mib, "licence": s.licence}
            for s in asset.sources
        ]
        values.append(
            {
                "name": asset.name,
                "file": asset.file,
                "purpose": asset.purpose,
                "path": path,
                "sources": sources,
            }
        )
    lines.append(
        f"Looked for in {' and '.join(map(str, store.folders()))}; set ${store.VARIABLE} to keep "
        "them elsewhere."
    )
    Terminal(as_json=as_json).result("\n".join(lines), {"assets": values})


@app.command()
def get(
    name: Name,
    given: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            help="A file that is here already, instead of a download; may be given several times.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Download a model file, or take it from files that were brought here, and put it where instag
    finds it."""
    terminal = Terminal(quiet=quiet, as_json=as_json)
    with exit_on_error("Run the same command again: the download goes on where it was."):
        with terminal.progress(f"Getting {name}", "MiB") as report:
            path = store.fetch(
                name,
                given=given or (),
                report=lambda done, total: report(done // MIB, max(1, total // MIB)),
            )
        terminal.result(f"{path}", {"name": name, "path": path})


@app.command("convert-bfm")
def convert_bfm(
    model: Annotated[
        Path,
        typer.Argument(
            help="01_MorphableModel.mat, the Basel face model of 2009.", show_default=False
        ),
    ],
    tables: Annotated[
        Path | None,
        typer.Option(
            help=(
                "The folder with AD-NeRF's exp_info.npy, keys_info.npy and "
                "topology_info.npy; beside the model if not given, else downloaded."
            ),
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Make of the Basel face model and AD-NeRF's index tables the file that `prepare --tracker bfm`
    reads."""
    from instag.capture.tracking.bfm.conversion import convert, find_tables, target

    terminal = Terminal(quiet=quiet, as_json=as_json)
    with exit_on_error("Run the same command again."):
        with terminal.progress("Getting AD-NeRF's tables", "MiB") as report:
            found = find_tables(
                model, tables, lambda done, total: report(done // MIB, max(1, total // MIB))
            )
        path = convert(model, found, target())
        terminal.result(
            f"{path}",
            {
                "name": "bfm",
                "path": path,
                "tables": {name: str(where) for name, where in found.items()},
            },
        )


@app.command()
def check(as_json: options.Json = False) -> None:
    """Read each model file that is here. Exits with 1 if one is damaged."""
    with exit_on_error(""):
        found = [
            store.check(asset.name) for asset in store.ASSETS if store.find(asset.name) is not None
        ]
        Terminal(as_json=as_json).result(
            "\n".join(f"{path}: whole" for path in found) or "None are here.", {"whole": found}
        )
