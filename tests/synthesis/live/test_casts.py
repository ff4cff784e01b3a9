"""Casts: made once for each avatar, kept while they are shown, and the last few afterwards."""

from dataclasses import replace

import pytest
import torch

from instag.models.avatar import Avatar
from instag.synthesis.live import casts
from instag.synthesis.live.casts import Casts
from instag.synthesis.live.painter import LivePainter
from models.baking import earlier


@pytest.fixture
def kept() -> Casts:
    cpu = torch.device("cpu")
    return Casts(cpu, LivePainter(cpu), look_ahead_s=0.2)


def another(number: int) -> Avatar:
    return replace(earlier(), info=replace(earlier().info, source=str(number)))


def test_an_avatar_is_made_ready_once(kept: Casts) -> None:
    first = kept.of(earlier())
    assert kept.of(earlier()) is first
    assert kept.of(another(0)) is not first
    assert first.ear() is not first.ear(), "each session hears for itself"
    kept.close()


def test_the_last_few_stay_ready(kept: Casts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(casts, "KEPT_CASTS", 1)
    avatars = [another(number) for number in range(3)]
    shown, old, new = (kept.of(avatar) for avatar in avatars)
    kept.keep([shown])
    assert kept.of(avatars[0]) is shown
    assert kept.of(avatars[2]) is new
    assert kept.of(avatars[1]) is not old
    kept.close()
