"""Live motion: it never ends, never jumps, and moves less while nothing is said."""

from dataclasses import replace
from itertools import pairwise

import torch

from instag.models.avatar import Avatar
from instag.synthesis.controls import FrameControls
from instag.synthesis.live.motion import LiveMotion
from instag.types import EXPRESSION_UNITS
from models.baking import earlier


def nodding() -> Avatar:
    """Fifty poses along a line."""
    avatar = earlier()
    poses = avatar.viewmats[:1].repeat(50, 1, 1)
    poses[:, 0, 3] += torch.linspace(0, 0.05, 50)
    files = (avatar.torso_files * 50)[:50]
    return replace(
        avatar, viewmats=poses, expression=avatar.expression[:1].repeat(50, 1), torso_files=files
    )


def moved(frames: list[FrameControls]) -> torch.Tensor:
    return torch.cat([frame.head_pose for frame in frames])[:, 0, 3].diff().abs()


def test_it_moves_less_while_nothing_is_said():
    motion = LiveMotion(nodding())
    idle = moved([motion.next_frame(speaking=False) for _ in range(100)])
    speaking = moved([motion.next_frame(speaking=True) for _ in range(100)])
    assert 0 < idle.mean() < 0.6 * speaking.mean()
    assert torch.cat([idle, speaking]).max() < 0.003


def test_lids_close_now_and_then(monkeypatch):
    monkeypatch.setattr("instag.models.head.Head.can_blink", lambda head: True)
    motion = LiveMotion(nodding())
    blinks = [motion.next_frame(speaking=False).blink for _ in range(500)]
    closed = [float(blink) for blink in blinks if blink is not None]
    assert len(closed) == 500
    begun = sum(now > 0.5 >= before for before, now in pairwise(closed))
    assert 2 < begun < 9
    assert max(closed) > 0.95


def test_slow_blinks_of_the_clip_are_left_out(monkeypatch):
    monkeypatch.setattr("instag.models.head.Head.can_blink", lambda head: True)
    avatar = nodding()
    expression = avatar.expression.clone()
    column = EXPRESSION_UNITS.index("AU45")
    expression[:, column] = 0.1
    expression[20:24, column] = 2.0
    motion = LiveMotion(replace(avatar, expression=expression))
    shown = [motion.next_frame(speaking=False).expression[0, column] for _ in range(100)]
    assert max(shown) < 0.2
