"""The conditioning encoders: chosen by kind; the one of lip codes reads the frame's own code,
normalised and bounded."""

import pytest
import torch

from instag.models.conditioning_encoders import LipCodeEncoder, SpeechEncoder, conditioning_encoder
from instag.models.face_field import universal_face_field
from instag.models.mouth_field import MouthField
from instag.types import LIP_CODES, Conditioning


def test_the_frame_itself_is_heard() -> None:
    encoder, windows = (
        LipCodeEncoder(),
        torch.randn(3, 8, LIP_CODES, 1, generator=torch.Generator().manual_seed(0)),
    )
    other = windows.clone()
    other[:, [0, 1, 2, 3, 5, 6, 7]] = 9.0
    torch.testing.assert_close(encoder(windows), encoder(other))
    assert encoder(windows).shape == (3, 32)


def test_levelled_codes_are_of_one_size() -> None:
    codes = (
        torch.randn(500, LIP_CODES, 1, generator=torch.Generator().manual_seed(0))
        * torch.linspace(1, 3, LIP_CODES)[:, None]
        + 4
    )
    encoder = LipCodeEncoder()
    encoder.level.copy_(encoder.level_of(codes))
    levelled = (codes[..., 0] - encoder.level[0]) / encoder.level[1]
    torch.testing.assert_close(levelled.mean(0), torch.zeros(LIP_CODES), atol=1e-5, rtol=0)
    torch.testing.assert_close(levelled.std(0), torch.ones(LIP_CODES))
    assert LipCodeEncoder.level_of(torch.zeros(5, LIP_CODES, 1))[1].min() > 0


def test_what_was_never_seen_is_bounded() -> None:
    encoder = LipCodeEncoder()
    far, farther = (encoder(torch.full((1, 8, LIP_CODES, 1), value)) for value in (50.0, 5000.0))
    torch.testing.assert_close(far, farther)


@pytest.mark.parametrize("channels", [LIP_CODES, 80])
def test_the_encoder_is_chosen_by_kind_and_not_by_channels(channels: int) -> None:
    codes = Conditioning(kind="lip_codes", channels=channels, steps=1)
    for field in (universal_face_field(codes), MouthField(codes)):
        assert isinstance(field.speech, LipCodeEncoder)
    audio = Conditioning(kind="audio", channels=channels, steps=16)
    assert isinstance(conditioning_encoder(audio), SpeechEncoder)
