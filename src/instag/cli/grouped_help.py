"""Help texts in plain lines under headings. Typer's own need rich, which loads slower than all else
that help needs."""

from typing import Any, final

from typer.core import TyperCommand, TyperGroup

from instag.options import MACHINE

ARGUMENTS, OPTIONS = "Arguments", "Options"


@final
class GroupedCommand(TyperCommand):
    """A command whose options stand under the headings that they name."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Under headings."""
        write_options(self, ctx, formatter)


@final
class GroupedGroup(TyperGroup):
    """A command that has commands, listed with the first sentence of each."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """As a command's."""
        write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)


def write_options(command: Any, ctx: Any, formatter: Any) -> None:
    """Write arguments, plain options, the groups in the order of their first options, and at last
    those of machine and output."""
    rows = _grouped_rows(command, ctx)
    between = [name for name in rows if name not in (ARGUMENTS, OPTIONS, MACHINE)]
    for heading in (ARGUMENTS, OPTIONS, *between, MACHINE):
        if heading in rows:
            with formatter.section(heading):
                formatter.write_dl(rows[heading])


def _grouped_rows(command: Any, ctx: Any) -> dict[str, list[tuple[str, str]]]:
    """(option, help text) under each heading."""
    rows: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None:
            rows.setdefault(_heading(parameter), []).append(record)
    return rows


def _heading(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return ARGUMENTS
    return getattr(parameter, "rich_help_panel", None) or OPTIONS
