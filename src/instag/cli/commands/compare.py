"""`instag compare`."""

from pathlib import Path
from typing import Annotated

import typer

from instag.cli.given_files import refuse_report
from instag.cli.terminal import Terminal
from instag.errors import BadArgument


def compare(
    reports: Annotated[list[Path], typer.Argument(help="Folders that `evaluate` wrote.")],
    terminal: Terminal,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path(
        "comparison.html"
    ),
) -> None:
    """Put several reports side by side."""
    if len(reports) < 2:
        raise BadArgument("Give two or more folders that instag evaluate wrote.")
    for folder in reports:
        refuse_report(folder)
    from instag.evaluation.compare import compare_reports, headline_table
    from instag.evaluation.metrics_files import load_metrics

    page = compare_reports(reports, output)
    names = [folder.resolve().name for folder in reports]
    table = [
        ("", *names),
        *headline_table([(str(folder), load_metrics(folder)) for folder in reports]),
    ]
    terminal.result("\n".join([*aligned(table), f"{page}"]), {"comparison": page})


def aligned(table: list[tuple[str, ...]]) -> list[str]:
    """Rows as lines: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            [
                f"{label:<{widths[0]}}",
                *(f"{value:>{width}}" for value, width in zip(values, widths[1:], strict=True)),
            ]
        )
        for label, *values in table
    ]
