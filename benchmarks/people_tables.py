"""Tables over people: a row each, then the mean and the worst of all; and what changed since an
earlier run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.people_columns import TABLES, Column

from instag.types import FPS


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one head reached. numbers: by the keys of metrics.json. adapt_s: seconds of learning.
    error: why there are no numbers; empty where there are. recipe, device, date (UTC): how
    and when; empty in results of earlier versions."""

    name: str
    seed: int
    taught: int = 0
    tested: int = 0
    adapt_s: float = 0.0
    numbers: dict[str, float]
    error: str = ""
    recipe: str = ""
    device: str = ""
    date: str = ""


Means = dict[str, dict[str, float]]
"""Numbers of each person by name, means over seeds."""


def person_means(results: Sequence[Result]) -> Means:
    """Failed heads are left out."""
    people: dict[str, list[Result]] = {}
    for result in results:
        if not result.error:
            people.setdefault(result.name, []).append(result)
    return {
        name: {
            key: fmean([run.numbers[key] for run in runs if key in run.numbers])
            for key in {key for run in runs for key in run.numbers}
        }
        for name, runs in people.items()
    }


def table(results: Sequence[Result], columns: Sequence[Column]) -> str:
    """Rows of people (means over seeds), then the mean and the worst of all people."""
    lengths = {run.name: f"{run.taught / FPS:.0f} s, {run.tested / FPS:.0f} s" for run in results}
    return _table(person_means(results), columns, cell, lengths)


def comparison(now: Sequence[Result], before: Sequence[Result], columns: Sequence[Column]) -> str:
    """The changes of people whom both runs have: of each, of the mean, and of the worst."""
    new, old = person_means(now), person_means(before)
    both = [name for name in new if name in old]
    changes: Means = {
        name: {key: new[name][key] - old[name][key] for key in new[name] if key in old[name]}
        for name in both
    }
    lines = _table(changes, columns, changed).splitlines()[:-1]
    worst = []
    for column in columns:
        pairs = [
            (new[name][column.key], old[name][column.key])
            for name in both
            if column.key in changes[name]
        ]
        ends = [_worst(column, list(values)) for values in zip(*pairs, strict=True)]
        worst.append(changed(column, ends[0] - ends[1] if len(ends) == 2 else None))
    return "\n".join([*lines, _row(["**worst**", *worst])])


def all_tables(results: Sequence[Result]) -> str:
    """Every table under its heading, without those in which nothing was measured."""
    measured = {key for run in results for key in run.numbers}
    parts = [
        f"## {title}\n\n{table(results, columns)}"
        for title, columns in TABLES.items()
        if measured & {column.key for column in columns}
    ]
    failed = [f"- {run.name}, seed {run.seed}: {run.error}" for run in results if run.error]
    return "\n\n".join([*parts, *(["## Failed", "\n".join(failed)] if failed else [])])


def cell(column: Column, value: float | None) -> str:
    """A number; a dash where nothing was measured."""
    text = "-" if value is None else f"{value:.{column.digits}f}"
    return text.removeprefix("0") if text.startswith("0.") else text


def changed(column: Column, value: float | None) -> str:
    """A change with its sign, and a mark where it is for the worse by more than its last digit."""
    if value is None:
        return "-"
    text = f"{value:+.{column.digits}f}"
    worse = column.more is not None and (value < 0) == column.more and float(text) != 0
    return f"{text} !" if worse else text


def mean_and_worst(
    means: Means,
    columns: Sequence[Column],
    written: Callable[[Column, float | None], str] = cell,
) -> tuple[list[str], list[str]]:
    """The cells of the last two rows."""
    values = [
        [each[column.key] for each in means.values() if column.key in each] for column in columns
    ]
    mean = [fmean(each) if each else None for each in values]
    worst = [
        _worst(column, each) if each and column.more is not None else None
        for column, each in zip(columns, values, strict=True)
    ]
    return (
        [written(column, value) for column, value in zip(columns, mean, strict=True)],
        [written(column, value) for column, value in zip(columns, worst, strict=True)],
    )


def _table(
    means: Means,
    columns: Sequence[Column],
    written: Callable[[Column, float | None], str],
    lengths: dict[str, str] | None = None,
) -> str:
    more = [] if lengths is None else ["taught, tested"]
    titles = ["person", *more, *(column.title for column in columns)]
    lines = [_row(titles), "|---" * len(titles) + "|"]
    for name, numbers in means.items():
        length = [] if lengths is None else [lengths[name]]
        lines.append(
            _row([name, *length, *(written(column, numbers.get(column.key)) for column in columns)])
        )
    blank = [""] * len(more)
    mean, worst = mean_and_worst(means, columns, written)
    lines += [_row(["**mean**", *blank, *mean]), _row(["**worst**", *blank, *worst])]
    return "\n".join(lines)


def _worst(column: Column, values: list[float]) -> float:
    return min(values) if column.more else max(values)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")
