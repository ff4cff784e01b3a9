"""The blocks of documents that show times: a table of work by machine, and in front of the large
one what was measured when. Cells without a result keep their text."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from timed_runs import CPU, Machine, TimedRun

ADAPT = "adapt to 5 s, from a fresh process"
PRETRAIN = "pre-train at 256 px, 4 people x 16 frames (x 32)"
MANY = "render, 32 frames at once, before encoding"
ONE = "render, one frame at a time"
SPEAK = "speak a minute, start included"
ORIGINAL = {
    ADAPT: "519 s",
    PRETRAIN: "45 frames/s",
    MANY: "78 frames/s",
    ONE: "78 frames/s",
}
"""Of the last column: the original's code on an H200, measured once
(docs/experiments/2026-11-performance.md)."""
ORIGINAL_TITLE = "the original, H200"
MEASURED = re.compile(r"(Measured from \d{4}-\d\d-\d\d to )(\d{4}-\d\d-\d\d)")

Runs = Mapping[Machine, Sequence[TimedRun]]
"""Of the machines that have new results."""
Cell = Callable[[Sequence[TimedRun], Machine], str | None]
"""What a row shows of a machine's runs; None where they did not measure it."""


def observing(runs: Sequence[TimedRun], machine: Machine) -> str | None:
    found = walls(runs, "prepare", first=False)
    return duration(found) if found else None


def adapting(runs: Sequence[TimedRun], machine: Machine, *, short: bool = False) -> str | None:
    """With compiled kernels, and without."""
    found, first = (walls(runs, "adapt", first=each) for each in (False, True))
    if not found or not first:
        return None
    digits, why = (0, "") if short else (1, ": kernels are compiled" if machine is CPU else "")
    before = duration(first, digits).removesuffix(" min")
    return f"{duration(found, digits)} ({before} the first time{why})"


def memory(runs: Sequence[TimedRun], machine: Machine) -> str | None:
    """The most of adapting: the process's on a CPU, else the GPU's."""
    found = [row.run for run in runs for row in run.commands if row.command == "adapt"]
    held, tensors, reserved = (
        max((mb / 1024 for mb in each if mb is not None), default=None)
        for each in (
            [run.memory_mb for run in found],
            [run.tensors_mb for run in found],
            [run.reserved_mb for run in found],
        )
    )
    if machine is CPU:
        return None if held is None else f"{held:.1f} GB"
    if tensors is None or reserved is None:
        return None
    return f"{tensors:.1f} GB of the GPU's in tensors, {reserved:.1f} GB reserved"


def rendering(runs: Sequence[TimedRun], machine: Machine, *, batch: int) -> str | None:
    found = [run.speaking[batch]["rendering_fps"] for run in runs if batch in run.speaking]
    return rate(found) if found else None


def speaking(runs: Sequence[TimedRun], machine: Machine) -> str | None:
    rows = [row for run in runs for row in run.commands]
    found = [r.frames / r.run.wall_s for r in rows if r.command == "speak" and not r.first]
    return rate(found) if found else None


ROWS: dict[str, Cell | None] = {
    "observe 5 s of video": observing,
    ADAPT: adapting,
    "most memory of that": memory,
    PRETRAIN: None,
    MANY: partial(rendering, batch=32),
    ONE: partial(rendering, batch=1),
    SPEAK: speaking,
}
"""Of the large table."""
SHORT_ROWS: dict[str, Cell | None] = {
    "learn a head from 5 s": partial(adapting, short=True),
    SPEAK: speaking,
}
"""Of the README's."""


def main_block(old: str, runs: Runs) -> str:
    """The block of docs/performance.md. Raises ValueError where the old text lacks what has to
    change, or states versions that the runs have not."""
    if not MEASURED.search(old):
        raise ValueError("has no words of the form: Measured from 2026-11-23 to 2026-11-30")
    for machine, timed in runs.items():
        check_versions(old, machine, timed)
    newest = max(run.date for timed in runs.values() for run in timed)
    dated = MEASURED.sub(lambda found: found[1] + max(found[2], newest), old)
    return with_cells(dated, ROWS, runs, ORIGINAL)


def short_block(old: str, runs: Runs) -> str:
    """That of the README."""
    return with_cells(old, SHORT_ROWS, runs, {})


def check_versions(old: str, machine: Machine, runs: Sequence[TimedRun]) -> None:
    """Raises ValueError where the words on a machine state other versions: rows that are not
    measured anew stand under them too."""
    words = re.search(rf'"{machine.title}":[^"]*', old)
    if words is None:
        raise ValueError(f'does not say what "{machine.title}": is')
    for run in runs:
        for name, version in run.versions.items():
            stated = re.search(rf"{name} (\d+(?:\.\d+)*)", words[0])
            if stated and not f"{(version or 'none').split('+')[0]}.".startswith(f"{stated[1]}."):
                raise ValueError(
                    f'says {name} {stated[1]} of "{machine.title}", and {run.path} was measured '
                    f"with {version}: mend these words first"
                )


def with_cells(old: str, rows: Mapping[str, Cell | None], runs: Runs, last: dict[str, str]) -> str:
    """The text with new cells in the table's rows, found by their titles. last: of the last column.
    Raises ValueError where a row or a column is not there."""
    lines = old.splitlines()
    table = {cells[0]: number for number, line in enumerate(lines) if (cells := cells_of(line))}
    head = next((cells for line in lines if (cells := cells_of(line))), [])
    for machine in runs:
        if machine.title not in "".join(head[machine.place : machine.place + 1]):
            raise ValueError(f'has no column {machine.place} of "{machine.title}" in its table')
    if last and head[-1:] != [ORIGINAL_TITLE]:
        raise ValueError(f'has no last column "{ORIGINAL_TITLE}" in its table')
    for title, cell in rows.items():
        if title not in table:
            raise ValueError(f'has no row "{title}" in its table')
        cells = cells_of(lines[table[title]])
        for machine, timed in runs.items():
            cells[machine.place] = (cell and cell(timed, machine)) or cells[machine.place]
        if title in last:
            cells[-1] = last[title]
        lines[table[title]] = "|" + "".join(f" {each} |" if each else " |" for each in cells)
    return "\n".join(lines) + "\n"


def cells_of(line: str) -> list[str]:
    """Of a row of a table; none of other lines."""
    return [each.strip() for each in line.split("|")[1:-1]] if line.startswith("|") else []


def walls(runs: Sequence[TimedRun], command: str, *, first: bool) -> list[float]:
    """Seconds of a command in each run."""
    return [
        row.run.wall_s
        for run in runs
        for row in run.commands
        if (row.command, row.first) == (command, first)
    ]


def duration(seconds: Sequence[float], digits: int = 1) -> str:
    """15.1 s, or 16 to 20 s, or 7:05 min."""
    if max(seconds) >= 60:
        return f"{spread(seconds, minutes)} min"
    one = spread(seconds, lambda value: f"{value:.{digits}f}")
    return f"{spread(seconds, '{:.0f}'.format) if ' ' in one else one} s"


def minutes(seconds: float) -> str:
    whole, rest = divmod(round(seconds), 60)
    return f"{whole}:{rest:02d}"


def rate(values: Sequence[float]) -> str:
    return f"{spread(values, '{:,.0f}'.format)} frames/s"


def spread(values: Sequence[float], written: Callable[[float], str]) -> str:
    """The least and the most, one of them where they are written alike."""
    return " to ".join(dict.fromkeys(map(written, (min(values), max(values)))))
