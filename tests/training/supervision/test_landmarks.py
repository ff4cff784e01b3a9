"""Pseudo-labels: what is augmented from lip codes is what the codes mean, and no lips lie in each
other; and which frames are drawn."""

import torch

from instag.motion.landmark_motion import LandmarkMotion
from instag.speech.lips.codes import LipCodes
from instag.speech.lips.network import CODES, load_lip_model
from instag.training.supervision.landmarks import BLINK_SHARE, frame_cdf, sample_frames
from instag.training.supervision.pseudo_labels import LipCodePseudoLabeler

MODEL = load_lip_model()


def test_landmarks_do_what_the_code_says() -> None:
    draw = torch.Generator().manual_seed(0)
    motion = LandmarkMotion(
        points=torch.zeros(468, 3),
        shift=torch.zeros(40, 468, 2),
        rest=torch.full((468, 2), 0.001),
        speaks=MODEL.points,
    )
    codes = LipCodes(
        code=torch.randn(40, CODES, generator=draw) * 0.1,
        points=MODEL.points,
        basis=MODEL.basis * 0.09,
        rest_aperture=0.0,
        aperture=MODEL.aperture,
    )
    seen = torch.randn(40, 468, 2, generator=draw)
    labeler = LipCodePseudoLabeler(
        motion=motion, codes=codes, spread=codes.code.std(0), spoken=codes.code[:5]
    )
    features = codes.code[:, None, :, None].expand(-1, 8, -1, -1)
    labels = labeler.augment(features, seen, draw)
    said = labels.features[:, 4, :, 0]
    torch.testing.assert_close(labels.shift[:, MODEL.points], 0.001 + codes.motion(said))
    assert (said @ MODEL.aperture >= -1e-4).all()
    above = torch.ones(468, dtype=torch.bool)
    above[MODEL.points] = False
    torch.testing.assert_close(labels.shift[:, above], seen[:, above])
    assert labels.features.shape == features.shape
    assert (said - codes.code).abs().max() > 0.05


def test_blinks_are_drawn_more_often_than_they_are_seen() -> None:
    blink = torch.zeros(100)
    blink[[40, 41]] = torch.tensor([1.0, 2.0])
    rows = sample_frames(frame_cdf(blink), 30_000, torch.Generator().manual_seed(0))
    share = torch.bincount(rows, minlength=100) / len(rows)
    assert abs(share[41] - ((1 - BLINK_SHARE) / 100 + BLINK_SHARE * 2 / 3)) < 0.01
    assert abs(share[40] - ((1 - BLINK_SHARE) / 100 + BLINK_SHARE / 3)) < 0.01
    assert share[:40].min() > 0


def test_without_a_blink_all_frames_are_drawn_alike() -> None:
    torch.testing.assert_close(frame_cdf(torch.zeros(50)), torch.arange(1, 51) / 50)
