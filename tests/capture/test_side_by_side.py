"""Stages side by side: what they wait for, what they change, and what a failure leaves. Stages here
wait for each other and write a word."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from bare_clip import bare_info
from instag.capture.side_by_side import REPORT_S, SIDE_BY_SIDE, Ended, run_side_by_side
from instag.capture.stage import Stage
from instag.capture.stages import STAGES
from instag.data.clip import Clip
from instag.errors import Cancelled
from instag.runtime.progress import Report

LONG_S = 60.0
Work = Callable[[Report], dict[str, object]]


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    info = bare_info(0)
    return Clip(folder=tmp_path, info=info)


class Log:
    """Runs stages whose work is given, and notes what was begun and ended."""

    def __init__(self, clip: Clip, **works: Work) -> None:
        self.clip, self.works = clip, works
        self.begun, self.ended, self.shares = list[str](), list[str](), list[float]()

    def run(self, *stages: Stage, report: Callable[[float], None] | None = None) -> Clip:
        return run_side_by_side(
            stages,
            self.clip,
            self._work,
            begin=self._begin,
            end=self._end,
            report=report or self.shares.append,
        )

    def _work(self, stage: Stage, clip: Clip, report: Report) -> Clip:
        made: dict[str, Any] = self.works[stage.name](report)
        return replace(clip, info=replace(clip.info, **made))

    def _begin(self, clip: Clip, stage: Stage) -> Clip:
        self.begun.append(stage.name)
        return clip

    def _end(self, clip: Clip, ended: Ended) -> Clip:
        self.ended.append(ended.stage.name)
        return replace(clip, info=replace(clip.info, **ended.changes))


def stage(name: str, *needs: str, share: float = 1.0) -> Stage:
    return Stage(name=name, run=pytest.fail, needs=needs, share=share)


def gives(**changes: object) -> Work:
    return lambda report: changes


def meets(mine: Event, other: Event, **changes: object) -> Work:
    """Work that ends only where the other is done at the same time."""

    def work(report: Report) -> dict[str, object]:
        mine.set()
        assert other.wait(LONG_S)
        return changes

    return work


def goes_on(seen: Event) -> Work:
    """Work that ends only by being stopped."""

    def work(report: Report) -> dict[str, object]:
        while not seen.wait(REPORT_S / 10):
            report(1, 2)
        raise AssertionError("it was not stopped")

    return work


def fails(error: BaseException) -> Work:
    def work(report: Report) -> dict[str, object]:
        raise error

    return work


def test_two_run_at_a_time_and_both_change_the_clip(clip: Clip) -> None:
    one, other = Event(), Event()
    log = Log(
        clip,
        sound=meets(one, other, delay_ms=40),
        tracking=meets(other, one, focal=900.0),
        last=gives(frame_count=7),
    )
    made = log.run(stage("sound"), stage("tracking"), stage("last", "sound", "tracking"))
    assert SIDE_BY_SIDE == 2
    assert made.info == replace(clip.info, delay_ms=40, focal=900.0, frame_count=7)
    assert log.begun == ["sound", "tracking", "last"]
    assert log.shares == sorted(log.shares)
    assert log.shares[-1] == 1


def test_each_begins_after_all_that_it_needs(clip: Clip) -> None:
    log = Log(clip, **{each.name: gives() for each in STAGES})

    def run(stage: Stage, clip: Clip, report: Report) -> Clip:
        assert set(stage.needs) <= set(log.ended)
        return clip

    log._work = run
    log.run(*STAGES)
    assert set(log.begun) == set(log.ended) == {stage.name for stage in STAGES}


def test_a_later_one_stops_where_an_earlier_one_fails(clip: Clip) -> None:
    log = Log(clip, first=fails(ValueError("first")), second=goes_on(Event()), third=gives())
    with pytest.raises(ValueError, match="first"):
        log.run(stage("first"), stage("second"), stage("third", "first"))
    assert log.begun == ["first", "second"]
    assert not log.ended


def test_an_earlier_one_goes_on_where_a_later_one_fails(clip: Clip) -> None:
    failing = Event()

    def fail(report: Report) -> dict[str, object]:
        failing.set()
        raise ValueError("second")

    def slow(report: Report) -> dict[str, object]:
        assert failing.wait(LONG_S)
        for _ in range(3):
            report(1, 1)
        return {"focal": 1.0}

    log = Log(clip, first=slow, second=fail, third=gives())
    with pytest.raises(ValueError, match="second"):
        log.run(stage("first"), stage("second"), stage("third", "first"))
    assert log.ended == ["first"]


def test_of_two_failures_the_first_in_order_is_raised(clip: Clip) -> None:
    one, other = Event(), Event()

    def fail(mine: Event, other: Event, name: str) -> Work:
        def work(report: Report) -> dict[str, object]:
            mine.set()
            assert other.wait(LONG_S)
            raise ValueError(name)

        return work

    log = Log(clip, first=fail(one, other, "first"), second=fail(other, one, "second"))
    with pytest.raises(ValueError, match="first"):
        log.run(stage("first"), stage("second"))


@pytest.mark.parametrize("error", [Cancelled("cancelled"), KeyboardInterrupt()])
def test_all_stop_where_the_report_raises(clip: Clip, error: BaseException) -> None:
    log = Log(clip, first=goes_on(Event()), second=goes_on(Event()), third=gives())

    def cancelled(share: float) -> None:
        if 0 < share < 1:
            raise error

    with pytest.raises(type(error)):
        log.run(stage("first"), stage("second"), stage("third", "first"), report=cancelled)
    assert log.begun == ["first", "second"]
    assert not log.ended
