"""Live motion: it never ends, never jumps, and moves less while nothing is said."""

from dataclasses import replace
from itertools import pairwise

import torch

from instag.models.avatar import Avatar
from instag.synthesis.controls import FrameControls
from instag.synthesis.live.motion import LiveControls, LiveMotion, Moment
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


def at(avatar: Avatar, some: list[Moment]) -> FrameControls:
    return LiveControls.of(avatar)([0] * len(some), some)


def moments(avatar: Avatar, speaking: list[bool]) -> list[Moment]:
    motion = LiveMotion(LiveControls.of(avatar).start)
    return [motion.next_moment(speaking=each) for each in speaking]


def test_it_moves_less_while_nothing_is_said():
    avatar = nodding()
    controls = at(avatar, moments(avatar, [False] * 100 + [True] * 100))
    moved = controls.head_pose[:, 0, 3].diff().abs()
    assert 0 < moved[:99].mean() < 0.6 * moved[100:].mean()
    assert moved.max() < 0.003


def test_lids_close_now_and_then(monkeypatch):
    monkeypatch.setattr("instag.models.head.Head.can_blink", lambda head: True)
    avatar = nodding()
    blink = at(avatar, moments(avatar, [False] * 500)).blink
    assert blink is not None
    closed = blink.tolist()
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
    controls = at(replace(avatar, expression=expression), moments(avatar, [False] * 100))
    assert controls.expression[:, column].max() < 0.2


def test_heads_and_moments_give_together_what_they_give_alone():
    first, second = LiveControls.of(nodding()), LiveControls.of(earlier())
    second = replace(second, blinks=torch.tensor([True]))
    several = [Moment(place=0.35 * number, number=number) for number in (1, 60, 100_000, 62)]
    together = LiveControls.together([first, second])([0, 1, 1, 0], several)
    assert together.blink is not None
    for row, (controls, moment) in enumerate(
        zip([first, second, second, first], several, strict=True)
    ):
        alone = controls([0], [moment])
        assert torch.equal(together.head_pose[row], alone.head_pose[0])
        assert torch.equal(together.expression[row], alone.expression[0])
        assert together.torso[row] == alone.torso[0]
        blink = 0.0 if alone.blink is None else float(alone.blink[0])
        assert float(together.blink[row]) == blink
