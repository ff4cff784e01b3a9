"""Runs of the benches of speed, as documents show them: on one of two machines, with one course."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.command_run import CommandRun
from benchmarks.whole_commands import Timed

COURSE = {"recipe": "few", "size": 512, "seconds": 5}
"""What the documents show."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A column of the documents. place: of the column. device: how the name of the machine's device
    ends. threads: None for any number."""

    title: str
    place: int
    device: str
    threads: int | None


CPU = Machine(title="2 cores", place=1, device="cpu", threads=2)
GPU = Machine(title="H200", place=2, device="H200", threads=None)


@dataclass(frozen=True, kw_only=True)
class TimedRun:
    """versions: of Python, torch and gsplat. commands: what benchmarks.whole_commands timed.
    speaking: rows of `python -m benchmarks`, by batch."""

    path: Path
    date: str
    versions: dict[str, str | None]
    commands: list[Timed] = field(default_factory=list)
    speaking: dict[int, dict[str, float]] = field(default_factory=dict)


def read_runs(paths: Sequence[Path], machine: Machine) -> list[TimedRun]:
    """From JSON files of `python -m benchmarks.whole_commands` and `python -m benchmarks`. Raises
    SystemExit for others, and where machine or course are not those of the documents."""
    return [_read(path, machine) for path in paths]


def _read(path: Path, machine: Machine) -> TimedRun:
    content: Any = json.loads(path.read_text())
    try:
        _check(path, content, machine)
        return TimedRun(
            path=path,
            date=content["date"],
            versions={name: content[name.lower()] for name in ("Python", "torch", "gsplat")},
            commands=[
                Timed(**row | {"run": CommandRun(**row["run"])})
                for row in content.get("commands", [])
            ],
            speaking={row["batch"]: row for row in content.get("speaking", [])},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise SystemExit(
            f"{path} is no result of benchmarks.whole_commands or benchmarks: {error!r}"
        ) from error


def _check(path: Path, content: dict[str, Any], machine: Machine) -> None:
    name, threads = content["machine"]["name"], content["threads"]
    if not name.endswith(machine.device) or machine.threads not in (None, threads):
        raise SystemExit(
            f'{path} was measured on {name} with {threads} threads, not on "{machine.title}".'
        )
    for key, wanted in COURSE.items():
        found = content[key] if key != "seconds" else content.get(key, wanted)
        if found != wanted:
            raise SystemExit(f"{path} has {key} {found}; the documents show {wanted}.")
