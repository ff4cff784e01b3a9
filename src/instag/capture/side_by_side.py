"""Stages of observation side by side: each begins as soon as what it reads is there, so that what
only one core can do leaves no other core idle."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, fields
from threading import Event
from typing import Any, final

from instag.capture.stage import Stage
from instag.data.clip import Clip
from instag.data.clip_info import ClipInfo
from instag.runtime.progress import Report

SIDE_BY_SIDE = 2
"""Stages at a time. Each uses both of a laptop's cores where it can."""
REPORT_S = 0.1
"""Between two reports of the progress, at most."""


@final
@dataclass(frozen=True, kw_only=True)
class Ended:
    """A stage that ended well. changes: the fields of ClipInfo that it changed."""

    stage: Stage
    changes: dict[str, Any]
    seconds: float


def run_side_by_side(
    stages: Sequence[Stage],
    clip: Clip,
    run: Callable[[Stage, Clip, Report], Clip],
    *,
    begin: Callable[[Clip, Stage], Clip],
    end: Callable[[Clip, Ended], Clip],
    report: Callable[[float], None],
) -> Clip:
    """Run stages in threads, SIDE_BY_SIDE of them at a time and the first of those that can begin
    before the others; returns the clip that they made.

    begin, end: called in the calling thread before and after each stage; they return the clip as it
    goes on. report: gets the share of the time that is done, in the calling thread; where it
    raises, all stages stop at their next report. Where a stage fails, those before it in `stages`
    go on to their end, those after it stop, and the first failure in that order is raised.
    """
    waiting, running, failed = list(stages), list[_Running](), list[_Running]()
    whole, done = sum(stage.share for stage in stages), 0.0
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool, _stopping(running):
        while waiting or running:
            for stage in _ready(waiting, running):
                waiting.remove(stage)
                clip = begin(clip, stage)
                running.append(_Running(stages.index(stage), stage, clip, run, pool))
            for each in _taken_out(running):
                if each.failure() is None:
                    clip = end(clip, each.ended())
                    done += each.stage.share
                else:
                    failed.append(each)
                    waiting.clear()
                    _stop(other for other in running if other.place > each.place)
            report((done + sum(each.stage.share * each.done for each in running)) / whole)
    for failure in sorted(failed, key=lambda each: each.place):
        failure.ended()
    return clip


class _Stopped(Exception):
    """Raised in a stage that need not go on."""


@final
class _Running:
    """A stage in a thread of its own. place: its number in the order of all. done: the share of it
    that is done, 0 to 1."""

    def __init__(
        self,
        place: int,
        stage: Stage,
        clip: Clip,
        run: Callable[[Stage, Clip, Report], Clip],
        pool: ThreadPoolExecutor,
    ) -> None:
        self.place, self.stage, self.done = place, stage, 0.0
        self._before, self._stop, self._started = clip.info, Event(), time.monotonic()
        self.future = pool.submit(run, stage, clip, self._report)

    def _report(self, done: int, total: int) -> None:
        if self._stop.is_set():
            raise _Stopped
        self.done = max(self.done, done / max(total, 1))

    def stop(self) -> None:
        """Let it end at its next report."""
        self._stop.set()

    def failure(self) -> BaseException | None:
        """What it raised."""
        return self.future.exception()

    def ended(self) -> Ended:
        """Raises what the stage raised."""
        after = self.future.result().info
        both = ((each.name, getattr(after, each.name)) for each in fields(ClipInfo))
        return Ended(
            stage=self.stage,
            changes={name: new for name, new in both if new is not getattr(self._before, name)},
            seconds=time.monotonic() - self._started,
        )


def _ready(waiting: Sequence[Stage], running: Sequence[_Running]) -> list[Stage]:
    """The stages that can begin now."""
    missing = {stage.name for stage in waiting} | {each.stage.name for each in running}
    ready = [stage for stage in waiting if not missing & set(stage.needs)]
    return ready[: SIDE_BY_SIDE - len(running)]


def _taken_out(running: list[_Running]) -> list[_Running]:
    """Wait until a stage has ended or the next report is due; take out those that have ended."""
    wait([each.future for each in running], REPORT_S, FIRST_COMPLETED)
    ended = [each for each in running if each.future.done()]
    running[:] = [each for each in running if each not in ended]
    return ended


def _stop(stages: Iterator[_Running]) -> None:
    for each in stages:
        each.stop()


@contextmanager
def _stopping(running: Sequence[_Running]) -> Iterator[None]:
    """A block that, where it raises, stops the stages that are running then."""
    try:
        yield
    except BaseException:
        _stop(iter(running))
        raise
