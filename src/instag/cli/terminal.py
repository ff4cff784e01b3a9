"""Output of a command: progress and errors on standard error, results on standard output."""

import json
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

import typer

from instag.errors import InstagError, NotWritable
from instag.options import MACHINE, option
from instag.runtime.progress import Report, silent

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""
PIPE_INTERVAL_S = 10.0
"""Seconds between lines of progress where standard error is a file or a pipe."""
DRAW_INTERVAL_S = 0.1
JOINERS = "\u200c\u200d"
"""Letters without a picture of their own, which some scripts and emoji need."""


@final
@dataclass(frozen=True, kw_only=True)
class Terminal:
    """How much is printed, and in which form."""

    quiet: bool = option(False, "Print nothing but errors.", flag="--quiet -q", group=MACHINE)
    as_json: bool = option(
        False,
        "Print the result as one JSON object, and nothing else, on standard output.",
        flag="--json",
        group=MACHINE,
    )

    @contextmanager
    def progress(
        self, title: str, unit: str = "", remaining: Callable[[float], float] | None = None
    ) -> Iterator[Report]:
        """Show the work inside the block; calls of the report move the bar.

        A bar with remaining time on a terminal, a line each ten seconds in a pipe, nothing when
        quiet. With a unit, also what is done and how many units a second; without one, the
        percentage. remaining: seconds left of all work, given those of this; without it, those of
        this are shown.
        """
        started = time.monotonic()
        if self.quiet:
            yield silent
            return
        if not sys.stderr.isatty():
            yield _Lines(title, unit, remaining)
        else:
            with _bar(title, unit, remaining) as report:
                yield report
        self.note(f"{title}: {duration(time.monotonic() - started)}")

    @contextmanager
    def stages(
        self,
        title: str,
        plain: Mapping[str, str] | None = None,
        shares: Mapping[str, float] | None = None,
    ) -> Iterator[Callable[[str, int, int], None]]:
        """The same for work in stages: its report takes (stage, done, total) and begins a new bar
        with each stage.

        plain: stages that have titles of their own, and are shown as percentages. shares: expected
        times of all stages in their order, in any unit, by which the time left is that of all.
        """
        titles, ahead = plain or {}, _Ahead(shares or {})
        with ExitStack() as shown:
            current: tuple[str, Report] = ("", silent)

            def report(stage: str, done: int, total: int) -> None:
                nonlocal current
                if stage != current[0]:
                    shown.close()
                    unit = "" if stage in titles else "steps"
                    named = titles.get(stage, f"{title}, {stage}")
                    remaining = ahead.begin(stage)
                    current = (stage, shown.enter_context(self.progress(named, unit, remaining)))
                current[1](done, total)

            yield report

    def note(self, sentence: str) -> None:
        """A line for a person, on standard error."""
        if not self.quiet:
            print(shown(sentence), file=sys.stderr, flush=True)

    def result(
        self, sentence: str, values: dict[str, object], *, beside_output: bool = False
    ) -> None:
        """The command's outcome on standard output: a sentence, or `values` as JSON.
        beside_output: on standard error, where standard output holds what the command made."""
        file = sys.stderr if beside_output else sys.stdout
        if self.as_json:
            print(json.dumps(values, default=_plain), file=file, flush=True)
        elif not self.quiet:
            print("\n".join(map(shown, sentence.split("\n"))), file=file, flush=True)


@contextmanager
def exit_on_error(on_interrupt: str) -> Iterator[None]:
    """Print an InstagError as one line and exit with its code; other exceptions keep their
    traceback, but those of the system and of numba's compiled kernels."""
    from instag.runtime.memory import explain_device_full

    try:
        with _explain_system(), explain_device_full():
            yield
    except InstagError as error:
        print(f"error: {shown(str(error))}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        print(f"\nStopped. {on_interrupt}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _explain_system() -> Iterator[None]:
    """Turn what the system refuses, and damaged files of compiled kernels, into errors that name
    the file."""
    from instag.runtime.kernel_cache import forget_damaged
    from instag.runtime.write_errors import explain_refusal

    try:
        yield
    except InstagError:
        raise
    except Exception as error:
        damaged = forget_damaged(error)
        if damaged is not None:
            message = (
                f"{damaged} held compiled kernels and was damaged. It was removed: run the same "
                "command again."
            )
            raise NotWritable(message) from error
        if "no locator available" in str(error):
            message = (
                "There is no place for compiled kernels. Name a folder that can be written: "
                "NUMBA_CACHE_DIR=FOLDER instag ..."
            )
            raise NotWritable(message) from error
        named = getattr(error, "filename", None)
        if isinstance(error, PermissionError) and isinstance(named, str):
            raise NotWritable(
                f"{named} may not be read or written. Change its permissions, or choose another."
            ) from error
        with explain_refusal(Path(named) if isinstance(named, str) else Path.cwd()):
            raise


def shown(line: str) -> str:
    """A line with codes in place of letters that move a terminal's cursor, colour it or turn its
    direction: names of files may hold them."""
    return "".join(
        letter
        if letter.isprintable() or letter in JOINERS or unicodedata.category(letter) == "Zs"
        else letter.encode("unicode_escape").decode()
        for letter in line
    )


def duration(seconds: float) -> str:
    """4.2 s, 3:05 min, 1:02:03 h."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} h" if hours else f"{minutes}:{rest:02d} min"


@final
class _Ahead:
    """The time that stages will take, by the times of those before and by their expected shares."""

    def __init__(self, shares: Mapping[str, float]) -> None:
        self._shares = shares

    def begin(self, stage: str) -> Callable[[float], float] | None:
        """From the seconds left of the stage that begins now to those of all."""
        if stage not in self._shares:
            return None
        names, begun = list(self._shares), time.monotonic()
        later = sum(self._shares[name] for name in names[names.index(stage) + 1 :])

        def remaining(of_this: float) -> float:
            whole = time.monotonic() - begun + of_this
            return of_this + later * whole / self._shares[stage]

        return remaining


class _Lines:
    """Progress as plain lines, a few a minute."""

    def __init__(
        self, title: str, unit: str, remaining: Callable[[float], float] | None = None
    ) -> None:
        self._title, self._unit, self._remaining = title, unit, remaining
        self._started = self._last_print = time.monotonic()
        self._first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        self._first = done if self._first is None else self._first
        if now - self._last_print < PIPE_INTERVAL_S:
            return
        self._last_print = now
        rate = (done - self._first) / (now - self._started)
        state = (
            f"{done} of {total} {self._unit}, {rate:.1f} a second"
            if self._unit
            else f"{100 * done / max(total, 1):.0f} %"
        )
        rest = f", {left((total - done) / rate, self._remaining)}" if rate > 0 else ""
        print(shown(f"{self._title}: {state}{rest}"), file=sys.stderr, flush=True)


def left(seconds: float, remaining: Callable[[float], float] | None) -> str:
    """The time left: of this work, or of all of which it is a part."""
    if remaining is None:
        return f"{duration(seconds)} left"
    return f"{duration(remaining(seconds))} left in all"


@contextmanager
def _bar(
    title: str, unit: str, remaining: Callable[[float], float] | None = None
) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    counted = (MofNCompleteColumn(), TextColumn("{task.fields[rate]}", style="progress.data.speed"))
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *(counted if unit else (TaskProgressColumn(),)),
        TextColumn("{task.fields[left]}") if remaining else TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=Console(stderr=True), transient=True, speed_estimate_period=20.0
    ) as progress:
        task = progress.add_task(shown(title), total=None, rate="", left="")
        drawn = 0.0

        def report(done: int, total: int) -> None:
            nonlocal drawn
            now = time.monotonic()
            if now - drawn > DRAW_INTERVAL_S or done >= total:
                drawn = now
                speed = progress.tasks[task].speed
                progress.update(
                    task,
                    completed=done,
                    total=total,
                    rate=f"{speed:.1f} {unit}/s" if speed else "",
                    left=left((total - done) / speed, remaining) if speed else "",
                )

        yield report


def _plain(value: object) -> object:
    """Paths as text, numbers of NumPy and Torch as Python's."""
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)
