"""The lip fade: no jump where speech is cut, and rest within 120 ms."""

import torch

from instag.synthesis.live.lip_fade import FADE_FRAMES, LipFade
from instag.types import FPS, LIP_CODES


def test_an_interruption_closes_the_lips_within_120_ms():
    fade, wide, rest = LipFade(), torch.ones(LIP_CODES), torch.zeros(LIP_CODES)
    assert torch.equal(fade(wide), wide)
    fade.cut()
    shown = torch.stack([fade(rest) for _ in range(5)])[:, 0]
    assert FADE_FRAMES / FPS <= 0.12
    assert 0 < shown[0] < 1
    assert (shown.diff() <= 0).all()
    assert not shown[FADE_FRAMES - 1 :].any()


def test_without_a_cut_codes_pass_as_they_are():
    fade, codes = LipFade(), torch.randn(6, LIP_CODES)
    assert torch.equal(torch.stack([fade(code) for code in codes]), codes)
