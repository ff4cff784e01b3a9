"""The commands of `instag` in a table: a command's file is loaded when the command is run."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from instag.cli.command import SETTINGS, typer_command
from instag.cli.grouped_help import write_options
from instag.cli.usage_errors import one_line_usage_errors
from instag.version import __version__

START, MAKE, JUDGE, STEPS, OTHERS = (
    "Start here",
    "Make it talk",
    "Judge it",
    "Step by step",
    "Data of others",
)
"""Headings in the order in which help lists them."""
GOES_ON = "Run the same command again: it goes on where it was."
NOTHING_WRITTEN = "Nothing was written."


@final
@dataclass(frozen=True, kw_only=True)
class Command:
    """One row of the table. help: for the list of commands. on_interrupt: printed after Ctrl-C."""

    name: str
    heading: str
    help: str
    on_interrupt: str = GOES_ON

    def load(self) -> Any:
        """The command as Typer runs it; imports its file."""
        name = self.name.replace("-", "_")
        found = getattr(import_module(f"instag.cli.commands.{name}"), name)
        if isinstance(found, typer.Typer):
            return get_command(found)
        return typer_command(self.name, found, self.on_interrupt)


COMMANDS = (
    Command(
        name="demo",
        heading=START,
        help="Learn a synthetic speaker, let it speak, show both in a report.",
    ),
    Command(
        name="app",
        heading=START,
        help="One page in a browser: record, learn, talk.",
        on_interrupt="Work that was begun goes on when the same command is run again.",
    ),
    Command(name="doctor", heading=START, help="What works on this machine, and what to do."),
    Command(name="create", heading=MAKE, help="Learn a talking head from a video."),
    Command(
        name="speak",
        heading=MAKE,
        help="Let an avatar say what a sound file holds.",
        on_interrupt=NOTHING_WRITTEN,
    ),
    Command(
        name="serve",
        heading=MAKE,
        help="Let avatars talk live, in a browser.",
        on_interrupt="The sessions are closed.",
    ),
    Command(
        name="evaluate",
        heading=JUDGE,
        help="Measure an avatar, or a video against another.",
        on_interrupt=NOTHING_WRITTEN,
    ),
    Command(
        name="compare",
        heading=JUDGE,
        help="Put several reports side by side.",
        on_interrupt=NOTHING_WRITTEN,
    ),
    Command(name="prepare", heading=STEPS, help="Observe the person in a video: a clip."),
    Command(name="adapt", heading=STEPS, help="Learn a talking head from a clip: an avatar."),
    Command(name="pretrain", heading=STEPS, help="Learn from several people's clips: a prior."),
    Command(
        name="inspect",
        heading=STEPS,
        help="What a clip holds and how good a head it can become.",
        on_interrupt="Nothing was changed.",
    ),
    Command(
        name="features",
        heading=STEPS,
        help="Write the speech features of a sound file.",
        on_interrupt=NOTHING_WRITTEN,
    ),
    Command(name="assets", heading=STEPS, help="Optional model files: list, get, check them."),
    Command(
        name="import-prior",
        heading=OTHERS,
        help="Make a prior of the original's weights.",
        on_interrupt=NOTHING_WRITTEN,
    ),
    Command(
        name="import-clip",
        heading=OTHERS,
        help="Make a clip of data prepared for InsTaG or its relatives.",
        on_interrupt=NOTHING_WRITTEN,
    ),
    Command(
        name="export-clip",
        heading=OTHERS,
        help="Write a clip as InsTaG and its relatives read it.",
        on_interrupt="Run the same command again: it writes all anew.",
    ),
    Command(
        name="split",
        heading=OTHERS,
        help="Keep the last seconds of a clip for testing.",
        on_interrupt=NOTHING_WRITTEN,
    ),
)


@final
class LoadedCommands(Mapping[str, Any]):
    """The table by name; looking a command up loads it."""

    def __init__(self, rows: tuple[Command, ...]) -> None:
        self._rows = {row.name: row for row in rows}

    def __getitem__(self, name: str) -> Any:
        return self._rows[name].load()

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


@final
class CommandTable(TyperGroup):
    """`instag` itself: lists the table under its headings and loads what is run."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = LoadedCommands(COMMANDS)  # type: ignore[assignment]

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run a command; usage errors are one line."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **extra)
        with one_line_usage_errors():
            sys.exit(super().main(*args, standalone_mode=False, **extra))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The commands, and then the few options."""
        for heading in dict.fromkeys(row.heading for row in COMMANDS):
            with formatter.section(heading):
                formatter.write_dl(
                    [(row.name, row.help) for row in COMMANDS if row.heading == heading]
                )
        write_options(self, ctx, formatter)


app = typer.Typer(
    name="instag",
    cls=CommandTable,
    help="From a few seconds of video to a person-specific 3D talking head.",
    epilog="Start with: instag demo. If something does not work: instag doctor.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=SETTINGS,
)


def _show_version(wanted: bool | None) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


Version = Annotated[
    bool | None,
    typer.Option(
        "--version", callback=_show_version, is_eager=True, help="Print the version and leave."
    ),
]


@app.callback()
def instag_options(version: Version = None) -> None:
    """Options before the command."""
