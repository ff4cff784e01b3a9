"""Several evaluations side by side: one table, and who is best in each row."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from instag.errors import BadArgument
from instag.evaluation.html_page import Block, Heading, Page, Paragraph, Table, write_page
from instag.evaluation.metrics_files import load_metrics
from instag.evaluation.metrics_table import Metrics, Number, Row
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.number_format import brief, unmeasured
from instag.evaluation.report import HEADLINE

BEST = "\N{BLACK STAR}"


def compare_reports(folders: Sequence[Path], output: Path) -> Path:
    """Read the metrics of several reports and write one page. Raises BadArgument, FileMissing,
    DiskFull."""
    if len(folders) < 2:
        raise BadArgument("Give two or more folders that instag evaluate wrote.")
    return write_page(
        comparison_page([(_name(folder, folders), load_metrics(folder)) for folder in folders]),
        output,
    )


def comparison_page(entries: Sequence[tuple[str, Metrics]]) -> Page:
    """Each evaluation a column."""
    names = [name for name, _ in entries]
    rows = {row.key: row for _, metrics in entries for row in metrics.rows}
    blocks: list[Block] = []
    truths = {metrics.about.get("truth", "") for _, metrics in entries}
    if len(truths) > 1:
        blocks.append(
            Paragraph(
                text="These were not measured against the same frames: "
                + "; ".join(sorted(truths))
                + ". Compare with care."
            )
        )
    for group, members in groupby(rows.values(), key=lambda row: row.group):
        compared = [
            _compared(row, [metrics.row(row.key) for _, metrics in entries]) for row in members
        ]
        blocks += [Heading(text=group), Table(head=("", *names, "truth"), rows=compared)]
        blocks += [
            Paragraph(text=f"{name}. {text}", small=True)
            for name, metrics in entries
            for text in unmeasured([row for row in metrics.rows if row.group == group])
        ]
    about = list(dict.fromkeys(key for _, metrics in entries for key in metrics.about))
    blocks += [
        Heading(text="Made with"),
        Table(
            head=("", *names),
            rows=[(key, *(metrics.about.get(key, "") for _, metrics in entries)) for key in about],
        ),
    ]
    return Page(
        title="Side by side",
        lead=f"{BEST} marks the best of each row, where one is better than the others.",
        blocks=blocks,
    )


def headline_table(entries: Sequence[tuple[str, Metrics]]) -> list[tuple[str, ...]]:
    """The rows that matter most, as text."""
    return [
        (label, *(brief(row.value) if (row := metrics.row(key)) else "-" for _, metrics in entries))
        for key, label in HEADLINE
    ]


def best_of(
    row: Row,
    values: Sequence[Number | None],
    truths: Sequence[Number | None],
) -> int | None:
    """The place of the best value, or None where none is better than the others."""
    far = [_badness(row, value, truth) for value, truth in zip(values, truths, strict=True)]
    known = sorted(one for one in far if one is not None)
    return far.index(known[0]) if len(known) > 1 and known[0] < known[1] else None


def _badness(row: Row, value: Number | None, truth: Number | None) -> float | None:
    """Distance from the best value, less is better; None where that is undefined."""
    if value is None or isinstance(value, NotMeasured) or not row.better:
        return None
    if row.better == "truth":
        return None if truth is None or isinstance(truth, NotMeasured) else abs(value - truth)
    return {"more": -value, "less": value, "one": abs(value - 1), "zero": abs(value)}[row.better]


def _compared(row: Row, cells: Sequence[Row | None]) -> tuple[str, ...]:
    """The row's name, its values, and the truth's where all were measured against the same.

    Rows of different names were measured in different ways, such as AUE over other units: none of
    them is best. Nor is one that reads like another.
    """
    values, truths = (
        [cell.value if cell else None for cell in cells],
        [cell.truth if cell else None for cell in cells],
    )
    labels = list(dict.fromkeys(cell.label for cell in cells if cell))
    best = best_of(row, values, truths) if len(labels) == 1 else None
    texts = [brief(value) or "-" for value in values]
    if best is not None and texts.count(texts[best]) == 1:
        texts[best] += f"\N{NO-BREAK SPACE}{BEST}"
    true = {brief(cell.truth) for cell in cells if cell}
    named = " | ".join(labels)
    return (
        f"{named} ({row.unit})" if row.unit else named,
        *texts,
        true.pop() if len(true) == 1 else "differs",
    )


def _name(folder: Path, folders: Sequence[Path]) -> str:
    """The folder's name, or its path where two have the same."""
    return (
        folder.resolve().name
        if sum(other.resolve().name == folder.resolve().name for other in folders) == 1
        else str(folder)
    )
