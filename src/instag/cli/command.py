"""A function as a command: its options unfolded, its errors reported."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import typer
from typer.main import get_command

from instag.cli.grouped_help import GroupedCommand
from instag.cli.option_groups import unfolded
from instag.cli.terminal import exit_on_error

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 120}


def typer_command(name: str, function: Callable[..., None], on_interrupt: str) -> Any:
    """A function as a command of this name, as Typer runs it."""
    alone = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=SETTINGS,
    )
    alone.command(name, cls=GroupedCommand)(reporting_errors(unfolded(function), on_interrupt))
    return get_command(alone)


def reporting_errors(function: Callable[..., None], on_interrupt: str) -> Callable[..., None]:
    """The function inside `exit_on_error`."""

    @wraps(function)
    def called(**given: Any) -> None:
        with exit_on_error(on_interrupt):
            function(**given)

    called.__signature__ = function.__signature__  # type: ignore[attr-defined]
    return called
