"""What a demo makes, without its minutes: an avatar of an earlier version, whose lips are acted."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from instag.demo.lip_check import Sync
from instag.evaluation.lip_sync import curve_sync
from instag.models.avatar import Avatar

TRUE = 0.1 + 0.1 * np.sin(np.arange(50) / 3)
"""Apertures of a speaker's lips."""


def learned(test: range) -> Avatar:
    """A head of 64 pixels that was not taught some frames."""
    avatar = Avatar.open(Path(__file__).parents[1] / "artefacts" / "lip_codes.avatar")
    training = avatar.info.training | {"test": [test.start, test.stop]}
    return replace(avatar, info=replace(avatar.info, training=training))


def late_lips(frames: int) -> Sync:
    """Lips that come after the voice."""
    measured = np.roll(TRUE, frames)
    return Sync(measured=measured, true=TRUE, fit=curve_sync(measured, TRUE))


def no_face() -> Sync:
    """Lips that nobody finds."""
    measured = np.full(len(TRUE), np.nan)
    return Sync(measured=measured, true=TRUE, fit=curve_sync(measured, TRUE))
