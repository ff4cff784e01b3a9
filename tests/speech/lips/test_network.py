"""The lip networks' files, and what they read: the basis and its inverse, two steps a frame."""

import torch

from instag.motion.landmark_motion import linear_motion
from instag.speech.lips.network import (
    CODES,
    COMPONENTS,
    MARGIN_FRAMES,
    STEPS_PER_FRAME,
    interpolate_at,
    lip_model_from_state,
    lip_model_state,
    load_lip_model,
    network_features,
)
from instag.speech.whisper import load_whisper_encoder

MODEL = load_lip_model()
ENCODER = load_whisper_encoder()


def test_basis_and_reader_are_inverse() -> None:
    code = torch.randn(5, CODES, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        MODEL.code(linear_motion(code, MODEL.basis)), code, atol=1e-4, rtol=1e-4
    )
    assert MODEL.aperture.shape == (CODES,)
    assert len(MODEL.points) > 150


def test_width_is_what_the_corners_draw_apart() -> None:
    code = torch.randn(5, CODES, generator=torch.Generator().manual_seed(1))
    right, left = ((MODEL.points == corner).nonzero()[0, 0] for corner in (61, 291))
    motion = linear_motion(code, MODEL.basis)
    torch.testing.assert_close(
        code @ MODEL.mouth_width, motion[:, left, 0] - motion[:, right, 0], atol=1e-4, rtol=1e-4
    )


def test_what_is_stored_comes_back() -> None:
    again = lip_model_from_state(lip_model_state(MODEL))
    heard = torch.randn(
        COMPONENTS,
        STEPS_PER_FRAME * (2 * MARGIN_FRAMES + 20),
        generator=torch.Generator().manual_seed(0),
    )
    torch.testing.assert_close(again.hidden(heard), MODEL.hidden(heard))
    width = sum(network.head.in_channels for network in MODEL.networks)
    assert MODEL.hidden(heard).shape == (20, width)


def test_two_steps_a_frame_and_margins() -> None:
    for samples in (1, 640, 641, 9_999):
        heard = network_features(ENCODER, MODEL, torch.zeros(samples))
        assert heard.shape == (
            COMPONENTS,
            STEPS_PER_FRAME * (-(-samples // 640) + 2 * MARGIN_FRAMES),
        )


def test_reading_between_steps() -> None:
    ramp = torch.arange(10.0)[None]
    torch.testing.assert_close(
        interpolate_at(ramp, torch.tensor([-3.0, 0.25, 8.5, 9.0, 20.0])),
        torch.tensor([[0.0, 0.25, 8.5, 9.0, 9.0]]),
    )
