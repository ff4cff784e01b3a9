"""The motion encoder: hears the frame's own code at its level, and takes a far one for a less far
one."""

import torch

from instag.models.conditioning_encoders import LipCodeEncoder, SpeechEncoder, conditioning_encoder
from instag.models.face_field import universal_face_field
from instag.models.mouth_field import MouthField
from instag.speech.lips.network import CODES


def test_the_frame_itself_is_heard() -> None:
    encoder, windows = (
        LipCodeEncoder(),
        torch.randn(3, 8, CODES, 1, generator=torch.Generator().manual_seed(0)),
    )
    other = windows.clone()
    other[:, [0, 1, 2, 3, 5, 6, 7]] = 9.0
    torch.testing.assert_close(encoder(windows), encoder(other))
    assert encoder(windows).shape == (3, 32)


def test_levelled_codes_are_of_one_size() -> None:
    codes = (
        torch.randn(500, CODES, 1, generator=torch.Generator().manual_seed(0))
        * torch.linspace(1, 3, CODES)[:, None]
        + 4
    )
    encoder = LipCodeEncoder()
    encoder.level.copy_(encoder.level_of(codes))
    levelled = (codes[..., 0] - encoder.level[0]) / encoder.level[1]
    torch.testing.assert_close(levelled.mean(0), torch.zeros(CODES), atol=1e-5, rtol=0)
    torch.testing.assert_close(levelled.std(0), torch.ones(CODES))
    assert LipCodeEncoder.level_of(torch.zeros(5, CODES, 1))[1].min() > 0


def test_what_was_never_seen_is_bounded() -> None:
    encoder = LipCodeEncoder()
    far, farther = (encoder(torch.full((1, 8, CODES, 1), value)) for value in (50.0, 5000.0))
    torch.testing.assert_close(far, farther)


def test_fields_choose_by_what_they_hear() -> None:
    for field in (universal_face_field(CODES), MouthField(speech_channels=CODES)):
        assert isinstance(field.speech, LipCodeEncoder)
    assert isinstance(conditioning_encoder(80), SpeechEncoder)
