"""Usage errors as one line: what is wrong with the arguments, and where they are explained."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

PYDANTIC_PREFIX = "Value error, "
"""Typer puts it before some of its own messages."""


@contextmanager
def one_line_usage_errors() -> Iterator[None]:
    """Print a usage error of Typer as one line, and exit with its code."""
    try:
        yield
    except USAGE_ERROR as error:
        line = usage_line(error)
        if line is None:
            error.show()
        else:
            print(line, file=sys.stderr)
        sys.exit(error.exit_code)


def usage_line(error: Any) -> str | None:
    """The line for a usage error; None where the error is a help text."""
    message = error.format_message().replace(PYDANTIC_PREFIX, "")
    if "\n" in message:
        return None
    command = "instag" if error.ctx is None else error.ctx.command_path
    end = "" if message.endswith(("?", ".")) else "."
    return f"error: {message}{end} See: {command} -h"


USAGE_ERROR: Any = typer.BadParameter.__mro__[1]
"""Typer's class of all usage errors, which it does not name itself."""
