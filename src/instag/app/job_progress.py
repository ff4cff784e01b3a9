"""Progress of a job as its process writes it and a page shows it: stage, time left, pictures."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import final

import numpy as np

from instag.app.stored_record import stored_record
from instag.runtime.files import write_atomic

PROGRESS = "progress.json"
WRITE_EVERY_S, PREVIEW_EVERY_S = 0.25, 3.0
"""Seconds between two files. Previews have a screen of another colour each: faster ones flicker."""
SURE_AFTER_S = 3.0
"""Seconds of a stage before its speed is believed."""
MILESTONES = (0.0, 0.3, 0.33, 0.38, 0.46, 0.58, 0.75, 0.92)
"""Shares of the work at which a preview is kept for good."""
FINISH = "finish"
"""The stage after training: baking, the portrait, moving into the library."""


@final
@dataclass(frozen=True, kw_only=True)
class Progress:
    """share: of all work that is done, 0 to 1. left_s: seconds left of all work; None where nothing
    is measured yet. preview: number of the newest picture, 0 for none; kept: numbers of those that
    show how it came about, one for each of the `passed` milestones. notes: sentences about the
    video."""

    stage: str = ""
    share: float = 0.0
    left_s: float | None = None
    preview: int = 0
    kept: tuple[int, ...] = ()
    passed: int = 0
    notes: tuple[str, ...] = ()


def read_progress(folder: Path) -> Progress:
    """What a job's process wrote last; nothing done where it wrote nothing."""
    return stored_record(folder / PROGRESS, Progress, whole=True) or Progress()


def preview_path(folder: Path, number: int) -> Path:
    """Where the picture of this number lies."""
    return folder / f"preview-{number}.jpg"


@final
@dataclass(kw_only=True)
class TimeLeft:
    """Estimates the time left of work in stages from their expected shares of the time and from the
    speed of the stage that runs."""

    shares: Mapping[str, float]
    clock: Callable[[], float] = time.monotonic
    _stage: str = ""
    _began: float = 0.0
    _first: float = 0.0

    def __call__(self, stage: str, fraction: float) -> tuple[float, float | None]:
        """The share of all work that is done, and the seconds left of all. fraction: of the stage;
        a resumed one does not begin at 0."""
        now = self.clock()
        if stage != self._stage:
            self._stage, self._began, self._first = stage, now, fraction
        names, whole = list(self.shares), sum(self.shares.values())
        at = names.index(stage)
        before = sum(self.shares[name] for name in names[:at])
        done = (before + self.shares[stage] * fraction) / whole
        moved, spent = fraction - self._first, now - self._began
        if spent < SURE_AFTER_S or moved <= 0:
            return done, None
        later = sum(self.shares[name] for name in names[at + 1 :]) / self.shares[stage]
        return done, spent / moved * (1 - fraction + later)


@final
class ProgressWriter:
    """Writes progress.json and pictures into a job's folder. picture: makes a JPEG of RGB."""

    def __init__(
        self,
        folder: Path,
        shares: Mapping[str, float],
        picture: Callable[[np.ndarray], bytes],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._shares, self._picture, self._clock = folder, shares, picture, clock
        self._left = TimeLeft(shares=shares, clock=clock)
        earlier = read_progress(folder)
        self.now = replace(earlier, left_s=None)
        self._written = -WRITE_EVERY_S
        self._previewed = -PREVIEW_EVERY_S
        self._ends: float | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        """A StageReport; the end of the last stage before `finish` begins that."""
        names = list(self._shares)
        if done >= total and names[-1] == FINISH and stage == names[-2]:
            stage, done = FINISH, 0
        share, measured = self._left(stage, done / max(total, 1))
        begun, left = stage != self.now.stage, self._left_now(measured)
        self.now = replace(self.now, stage=stage, share=round(share, 4), left_s=left)
        if begun or share >= 1 or self._clock() - self._written >= WRITE_EVERY_S:
            self._write()

    def preview(self, stage: str, step: int, picture: np.ndarray) -> None:
        """A Preview of Trainer: the newest picture replaces the one before, unless that is kept;
        what comes too soon is passed over."""
        if self._clock() - self._previewed < PREVIEW_EVERY_S:
            return
        self._previewed = self._clock()
        number, kept = self.now.preview + 1, self.now.kept
        write_atomic(preview_path(self._folder, number), self._picture(picture))
        passed = sum(self.now.share >= milestone for milestone in MILESTONES)
        if passed > self.now.passed:
            kept = (*kept, number)
        self.now = replace(self.now, preview=number, kept=kept, passed=passed)
        self._write()
        if number - 2 not in kept:  # a page may still be fetching the one before
            preview_path(self._folder, number - 2).unlink(missing_ok=True)

    def note(self, sentences: tuple[str, ...]) -> None:
        """Show sentences about the clip."""
        self.now = replace(self.now, notes=sentences)
        self._write()

    def _left_now(self, measured: float | None) -> float | None:
        """What was measured; else, while a new stage shows no speed yet, what the last measurement
        leaves."""
        if measured is not None:
            self._ends = self._clock() + measured
        return None if self._ends is None else round(max(0.0, self._ends - self._clock()), 1)

    def _write(self) -> None:
        self._written = self._clock()
        write_atomic(self._folder / PROGRESS, json.dumps(asdict(self.now)))
