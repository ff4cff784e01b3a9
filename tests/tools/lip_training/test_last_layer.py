"""The last layer of a lip network, solved over all lessons."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[3] / "tools"))

from lip_training.last_layer import OUTPUTS, RESTING_WEIGHT, lesson_rows, with_solved_head
from lip_training.lessons import EDGE, LIVE_TAUGHT, Learned, Variant
from lip_training.people import Observed
from lip_training.sounds import LEAD, REST

from instag.motion.landmark_motion import LandmarkMotion
from instag.speech.lips.live_features import LIVE_STEPS
from instag.speech.lips.network import LipNet

FRAMES, WINDOWS = 200, 8
COMPONENTS = 8


def somebody(seed: int) -> Learned:
    """Noise in place of a voice and of what lips did; rest in the middle."""
    generator = torch.Generator().manual_seed(seed)
    length = LEAD + FRAMES + REST

    def noise(*size: int) -> torch.Tensor:
        return torch.randn(size, generator=generator)

    rest = torch.zeros(length)
    rest[LEAD + 80 : LEAD + 120] = 1
    ends = torch.arange(1.0, WINDOWS + 1) * 2 * FRAMES / (WINDOWS + 2) + 2 * LEAD
    variant = Variant(
        whole=noise(COMPONENTS, 2 * length),
        live=noise(WINDOWS, COMPONENTS, LIVE_STEPS),
        ends=ends,
        stretch=1.0,
        target=noise(OUTPUTS + 1, length),
        rest=rest,
    )
    motion = LandmarkMotion(
        points=torch.zeros(468, 3),
        shift=torch.zeros(FRAMES, 468, 2),
        rest=torch.zeros(468, 2),
        speaks=torch.arange(3),
    )
    observed = Observed(
        name=f"{seed}",
        person=f"{seed}",
        motion=motion,
        curves=torch.zeros(FRAMES, 3),
        sound=torch.zeros(FRAMES * 640),
        size=0.1,
    )
    return Learned(observed=observed, variants=[variant], unit=torch.zeros(FRAMES, OUTPUTS))


PEOPLE = [somebody(0), somebody(1)]


@pytest.fixture
def net() -> LipNet:
    torch.manual_seed(0)
    made = LipNet(components=COMPONENTS, width=8, outputs=OUTPUTS + 1)
    return made.eval().requires_grad_(False)


def squared_error(net: LipNet, people: list[Learned]) -> float:
    """Over all lessons, each frame at its weight."""
    total = 0.0
    for person in people:
        for rows in lesson_rows(net, person):
            found = net.head(rows.hidden.T[None])[0, :OUTPUTS].T
            total += float(((found - rows.target).square().mean(1) * rows.weight).sum())
    return total


def test_rows_are_those_of_the_file_then_of_live_sound(net: LipNet) -> None:
    whole, live = lesson_rows(net, PEOPLE[0])
    assert len(whole.hidden) == FRAMES
    assert len(live.hidden) == WINDOWS * LIVE_TAUGHT
    assert not whole.weight[:EDGE].any()
    assert float(whole.weight[100]) == pytest.approx(RESTING_WEIGHT)
    assert float(whole.weight[50]) == 1
    torch.testing.assert_close(whole.target, PEOPLE[0].variants[0].target[:-1, LEAD:-REST].T)


def test_no_last_layer_has_less_error(net: LipNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lip_training.last_layer.PENALTY", 0.0)
    person = PEOPLE[0]
    solved = with_solved_head(net, [person])
    least = squared_error(solved, [person])
    assert least < 0.9 * squared_error(net, [person])
    other = with_solved_head(net, [person])
    other.head.weight[:OUTPUTS] += 0.01 * torch.randn_like(other.head.weight[:OUTPUTS])
    assert squared_error(other, [person]) > least


def test_hidden_features_and_the_voice_stay(net: LipNet) -> None:
    solved = with_solved_head(net, PEOPLE)
    inputs = torch.randn(1, COMPONENTS, 80)
    torch.testing.assert_close(solved.hidden(inputs), net.hidden(inputs), atol=0, rtol=0)
    torch.testing.assert_close(solved(inputs)[:, -1], net(inputs)[:, -1])
    assert (solved(inputs)[:, :-1] - net(inputs)[:, :-1]).abs().max() > 0.01


def test_what_is_linear_in_the_features_is_found(
    net: LipNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lip_training.last_layer.PENALTY", 0.0)
    person, truth = PEOPLE[0], torch.randn(OUTPUTS, 8, generator=torch.Generator().manual_seed(1))
    variant, (whole, _) = person.variants[0], lesson_rows(net, person)
    target = variant.target.clone()
    target[:OUTPUTS, LEAD : LEAD + FRAMES] = truth @ whole.hidden.T
    from_file = replace(variant, target=target, live=variant.live[:0], ends=variant.ends[:0])
    lesson = Learned(observed=person.observed, variants=[from_file], unit=person.unit)
    solved = with_solved_head(net, [lesson])
    torch.testing.assert_close(solved.head.weight[:OUTPUTS, :, 0], truth, atol=1e-3, rtol=1e-3)
