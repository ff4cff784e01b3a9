"""Lessons of the lip networks: live crops end where the sound does, and targets go with them."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[3] / "tools"))

from lip_training.basis import Basis, basis_of, code_of, learned_basis
from lip_training.folds import folds_of, people_sizes
from lip_training.lessons import (
    CROP,
    LIVE_TAUGHT,
    Learned,
    drawn_live,
    drawn_whole,
    interpolate_all,
    last_heard,
    learned,
    live_inputs,
    shares_of,
    whole_inputs,
)
from lip_training.people import Observed, hear, principal_components
from lip_training.scores import LOOK_AHEADS, score, summary
from lip_training.sounds import LEAD, REST, Draw
from lip_training.training import Recipe, train

from instag.motion.landmark_motion import LandmarkMotion, linear_motion
from instag.speech.lips.network import (
    CODES,
    CURVES,
    MARGIN_FRAMES,
    interpolate_at,
    load_lip_model,
)
from instag.speech.whisper import load_whisper_encoder

FRAMES = 80
BASIS = basis_of(load_lip_model())
ENCODER = load_whisper_encoder()


def somebody(name: str, person: str, seed: int) -> Observed:
    """Lips whose opening is the loudness of a noise."""
    generator = torch.Generator().manual_seed(seed)
    loud = torch.rand(FRAMES // 4, generator=generator).repeat_interleave(4)
    noise = torch.randn(FRAMES * 640, generator=generator)
    shift = torch.zeros(FRAMES, 468, 2)
    shift[:, 14, 1] = -0.01 * loud
    shift[:, BASIS.points, 1] -= 0.004 * loud[:, None]
    shift += 1e-5 * torch.randn(shift.shape, generator=generator)
    motion = LandmarkMotion(
        points=torch.zeros(468, 3), shift=shift, rest=torch.zeros(468, 2), speaks=BASIS.points
    )
    return Observed(
        name=name,
        person=person,
        motion=motion,
        curves=loud[:, None] + 0.05 * torch.randn(FRAMES, 3, generator=generator),
        sound=0.1 * noise * loud.repeat_interleave(640),
        size=0.09,
    )


PEOPLE = [somebody("a_1", "a", 0), somebody("a_2", "a", 1), somebody("b", "b", 2)]


@pytest.fixture(scope="module")
def group() -> list[Learned]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lip_training.people.VARIANTS", 6)
        heard = [hear(each, [PEOPLE[2].sound], ENCODER, seed=0) for each in PEOPLE]
    mean, components = principal_components(heard)
    return [
        learned(each, variants, BASIS, mean, components)
        for each, variants in zip(PEOPLE, heard, strict=True)
    ]


def test_targets_are_what_was_seen_and_then_rest(group: list[Learned]) -> None:
    person = group[0]
    target = person.variants[0].target
    assert target.shape == (CURVES + CODES + 1, LEAD + FRAMES + REST)
    torch.testing.assert_close(
        target[:-1, LEAD : LEAD + FRAMES], person.unit.T, atol=1e-5, rtol=1e-5
    )
    resting = target[CURVES:-1, -1] * 1.0
    torch.testing.assert_close(target[CURVES:-1, 0], resting)
    assert target[0, -1] < target[0, LEAD : LEAD + FRAMES].mean()
    assert target[-1, -1] == 0
    assert target[-1, LEAD : LEAD + FRAMES].mean() > 0.9


def test_beyond_what_was_heard_live_input_is_zero(group: list[Learned]) -> None:
    person, variant = group[0], group[0].variants[0]
    last = last_heard(person, variant, 1)
    inputs = live_inputs(person, variant, 1, last - 11.0, 2 * MARGIN_FRAMES)
    steps = inputs.abs().sum(0) > 0
    assert steps[: 2 * 11].all()
    assert not steps[2 * 12 :].any()


def test_live_input_lies_at_the_time_of_the_file(group: list[Learned]) -> None:
    person, variant = group[0], group[0].variants[0]
    start = last_heard(person, variant, 1) - 16
    live = live_inputs(person, variant, 1, start, 8).flatten().numpy()

    def together(shift: float) -> float:
        whole = whole_inputs(person, variant, start + shift, 8).flatten().numpy()
        return float(np.corrcoef(live, whole)[0, 1])

    assert together(0) > max(together(-1), together(1)) + 0.1


def test_crops_have_frames_for_their_steps(group: list[Learned]) -> None:
    shares, draw = shares_of(group), Draw(torch.Generator().manual_seed(0))
    whole = drawn_whole(group, shares, 3, draw)
    assert whole.inputs.shape[0] == 3
    assert whole.inputs.shape[2] == 2 * CROP
    assert whole.target.shape == (3, CURVES + CODES + 1, CROP)
    live = drawn_live(group, shares, 5, draw)
    assert live.known[..., :LIVE_TAUGHT].sum() == 0
    assert live.known[..., 2 * LIVE_TAUGHT :].sum() == 0
    assert live.known[..., LIVE_TAUGHT : 2 * LIVE_TAUGHT].mean() > 0.5


def test_variants_without_live_windows_are_left_out(group: list[Learned]) -> None:
    shares, draw = shares_of(group), Draw(torch.Generator().manual_seed(0))
    of_files = [
        replace(variant, live=variant.live[:0], ends=variant.ends[:0])
        for variant in group[0].variants
    ]
    first = replace(group[0], variants=of_files)
    assert 0 < len(drawn_live([first, *group[1:]], shares, 20, draw).inputs) < 20
    with pytest.raises(ValueError, match="live window"):
        drawn_live([first], shares[:1], 3, draw)


def test_sequences_are_interpolated_together_as_one_by_one() -> None:
    generator = torch.Generator().manual_seed(0)
    sequences = [torch.randn(3, length, generator=generator) for length in (1, 5, 40)]
    places = 50 * torch.rand(3, 20, generator=generator) - 5
    together = interpolate_all(sequences, places)
    for one, each, row in zip(together, sequences, places, strict=True):
        torch.testing.assert_close(one, interpolate_at(each, row))


def test_people_count_by_the_root_of_their_seconds(group: list[Learned]) -> None:
    shares = shares_of(group)
    assert float(shares[:2].sum() / shares[2]) == pytest.approx(2**0.5)


def test_a_person_lies_in_one_fold() -> None:
    folds = folds_of(PEOPLE)
    assert folds["a_1"] == folds["a_2"] != folds["b"]


def test_a_learned_basis_reads_its_own_motion() -> None:
    basis = learned_basis(PEOPLE)
    assert isinstance(basis, Basis)
    code = torch.randn(4, CODES, generator=torch.Generator().manual_seed(0))
    moved = linear_motion(code, basis.basis)
    again = moved.flatten(1) @ basis.projection.flatten(0, 1)
    torch.testing.assert_close(again, code, atol=1e-4, rtol=1e-4)
    assert code_of(PEOPLE[0], basis).shape == (FRAMES, CODES)


def test_training_learns_and_is_reproducible(group: list[Learned]) -> None:
    recipe = Recipe(steps=30, whole=4, live=4)
    net, same = (train(group, recipe, seed=0) for _ in range(2))
    torch.testing.assert_close(net.head.weight, same.head.weight)
    size, middle = people_sizes(PEOPLE, BASIS)
    scores = [score([net], each, BASIS, size, middle) for each in group]
    assert np.mean([each.correlation[0] for each in scores]) > 0.4
    assert set(scores[0].live) == set(LOOK_AHEADS)
    assert "corr" in summary(scores)
