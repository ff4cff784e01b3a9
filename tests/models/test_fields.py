"""The motion fields: shapes, the zero field, gradients, and the parameter counts that
docs/method.md#networks implies."""

import pytest
import torch
from torch import nn

from instag.models.aligner import face_aligner, mouth_aligner
from instag.models.conditioning_encoders import SpeechEncoder
from instag.models.face_field import (
    MotionField,
    personalized_face_field,
    personalized_mouth_field,
    universal_face_field,
)
from instag.models.mouth_field import HOOK_SCALE, FixedPointsMouth, MouthField, hook
from instag.types import BLINK, EXPRESSION_UNITS, Condition, Conditioning

FRAMES, POINTS = 3, 17
MEL = Conditioning(kind="audio", channels=80, steps=16)


def condition(channels: int = 80, *, seed: int = 0) -> Condition:
    generator = torch.Generator().manual_seed(seed)
    return Condition(
        speech=torch.randn(FRAMES, 8, channels, 16, generator=generator),
        expression=torch.rand(FRAMES, 6, generator=generator) * 3,
    )


def points(seed: int = 0) -> torch.Tensor:
    return torch.rand(POINTS, 3, generator=torch.Generator().manual_seed(seed)) * 0.2 - 0.1


def count(module: nn.Module | None) -> int:
    assert module is not None
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("channels", [29, 44, 80, 1024])
def test_speech_encoder_makes_one_vector_a_frame(channels):
    assert SpeechEncoder(channels)(condition(channels).speech).shape == (FRAMES, 32)


def test_speech_encoder_frames_do_not_mix():
    encoder, heard = SpeechEncoder(80), condition()
    together = encoder(heard.speech)
    torch.testing.assert_close(together[1:2], encoder(heard.speech[1:2]), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    "field",
    [universal_face_field(MEL), personalized_face_field(MEL), personalized_mouth_field(MEL)],
)
def test_field_moves_every_point_in_every_frame(field: MotionField):
    motion = field(points(), condition())
    assert motion.shift.shape == motion.scale.shape == (FRAMES, POINTS, 3)
    assert motion.rotation.shape == (FRAMES, POINTS, 4)


def test_split_first_layer_equals_the_plain_network():
    field = universal_face_field(MEL)
    nn.init.uniform_(field.encoding.entries, -1, 1)
    features, codes = field.features(points()), field.encode_conditioning(condition())
    gated = torch.cat([features.speech_gate, features.expression_gate], -1) * codes[:, None]
    plain = field.motion(torch.cat([features.encoding.expand(FRAMES, -1, -1), gated], -1))
    motion = field.deform(features, codes)
    torch.testing.assert_close(motion.shift, plain[..., :3] * 1e-2)
    torch.testing.assert_close(motion.rotation, plain[..., 3:7])
    torch.testing.assert_close(motion.scale, plain[..., 8:11])


def test_expression_stronger_than_any_seen_counts_as_the_strongest():
    field = universal_face_field(MEL)
    nn.init.uniform_(field.encoding.entries, -1, 1)
    usual = condition()
    field.expression_range.copy_(torch.stack([usual.expression.amin(0), usual.expression.amax(0)]))
    wild = Condition(speech=usual.speech, expression=torch.full_like(usual.expression, 5.0))
    strongest = Condition(
        speech=usual.speech, expression=usual.expression.amax(0).expand_as(usual.expression)
    )
    assert torch.equal(field(points(), wild).shift, field(points(), strongest).shift)


def test_zero_field_is_still():
    field = universal_face_field(MEL)
    nn.init.zeros_(field.motion.get_parameter("4.weight"))
    motion = field(points(), condition())
    assert not motion.shift.any()
    assert not motion.rotation.any()
    assert not motion.scale.any()


def test_gradients_reach_each_part_of_the_field():
    field = universal_face_field(MEL)
    nn.init.uniform_(next(field.encoding.parameters()), -1, 1)
    motion = field(points(), condition())
    (
        motion.shift.square().sum() + motion.rotation.square().sum() + motion.scale.square().sum()
    ).backward()
    for name, parameter in field.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_blinks_beyond_two_are_clipped():
    field, heard = universal_face_field(MEL), condition()
    wide = heard.expression.clone()
    wide[:, 5] = 2
    wider = wide.clone()
    wider[:, 5] = 4
    same = [
        field.encode_conditioning(Condition(speech=heard.speech, expression=expression))
        for expression in (wide, wider)
    ]
    torch.testing.assert_close(same[0], same[1])


def test_parameter_counts_are_the_papers():
    face = universal_face_field(MEL)
    assert count(face.motion) == 74 * 64 + 64 * 64 + 64 * 11
    assert count(face.speech_gate) == 36 * 32 + 32 * 32
    assert count(face.expression_gate) == 36 * 16 + 16 * 6
    assert count(face.expression) == 5 * 16 + 16 * 5
    assert count(personalized_face_field(MEL).motion) == 74 * 32 + 32 * 32 + 32 * 11
    assert count(personalized_mouth_field(MEL).motion) == 68 * 16 + 16 * 16 + 16 * 7
    mouth = MouthField(MEL)
    assert count(mouth.motion) == 71 * 32 + 32 * 32 + 32 * 7
    assert count(mouth.strength) == 39 * 16 + 16 * 16 + 16 * 1
    assert count(face_aligner().network) == 36 * 32 + 32 * 6
    assert count(mouth_aligner().network) == 36 * 16 + 16 * 6


def test_mouth_field_answers_to_its_hook_and_moves_mostly_down():
    field = MouthField(MEL)
    nn.init.uniform_(next(field.encoding.parameters()), -1, 1)
    encoding, speech = field.encoding(points()), torch.randn(2, 32)
    still, deform = (
        field.shift(encoding, speech, torch.zeros(2, 3)),
        field.shift(encoding, speech, torch.ones(2, 3)),
    )
    assert still.shape == (2, POINTS, 3)
    assert (still - deform).abs().max() > 0


def test_hook_reads_the_ranked_vertical_shifts_without_gradient():
    shift = torch.zeros(1, 30, 3, requires_grad=True)
    with torch.no_grad():
        shift[0, :, 1] = torch.arange(30) * 1e-3
    move = hook(shift, rank=10)
    torch.testing.assert_close(move, torch.tensor([[20e-3, 9e-3, 11e-3]]) * HOOK_SCALE)
    assert not move.requires_grad


def test_hook_survives_fewer_points_than_its_rank():
    assert hook(torch.zeros(2, 3, 3)).shape == (2, 3)


def test_fresh_aligner_asks_nearly_where_the_point_is():
    alignment = face_aligner()(points())
    assert alignment.offset.abs().max() < 1e-4
    torch.testing.assert_close(alignment.gain, torch.ones_like(alignment.gain), atol=1e-3, rtol=0)


def test_expression_units_are_found_by_name():
    """The same numbers under the same names move a field alike, in whatever order they come."""
    units = (BLINK, *EXPRESSION_UNITS[:-1])
    torch.manual_seed(0)
    blink_last = universal_face_field(MEL)
    torch.manual_seed(0)
    blink_first = universal_face_field(MEL, units)
    given = condition()
    columns = [EXPRESSION_UNITS.index(unit) for unit in units]
    reordered = Condition(speech=given.speech, expression=given.expression[:, columns])
    torch.testing.assert_close(
        blink_first.encode_conditioning(reordered), blink_last.encode_conditioning(given)
    )


@pytest.mark.parametrize("units", [("AU01",), ("AU01", "AU12"), (*EXPRESSION_UNITS, "AU12")])
def test_a_field_is_built_for_any_number_of_units(units):
    field = universal_face_field(MEL, units)
    given = Condition(speech=condition().speech, expression=torch.rand(FRAMES, len(units)))
    assert field(points(), given).shift.shape == (FRAMES, POINTS, 3)


@torch.no_grad()
def test_a_mouth_of_fixed_points_shifts_them_alike():
    generator = torch.Generator().manual_seed(0)
    field = MouthField(Conditioning(kind="lip_codes", channels=12, steps=1))
    encoding, speech, opened = (
        torch.randn(shape, generator=generator) for shape in ((50, 36), (3, 32), (3, 3))
    )
    expected = field.shift(encoding, speech, opened)
    found = FixedPointsMouth(field, encoding).shift(speech, opened)
    torch.testing.assert_close(found, expected, atol=1e-7, rtol=1e-4)
