from pathlib import Path

import torch

from evaluation.talk import avatar_of, unlearned
from instag.data.clip import Clip
from instag.evaluation.sweeps.sweep import STEPS, rest_of, sweeps_of
from instag.evaluation.taught_range import head_angles
from instag.models.avatar import Avatar


def artefact(name: str) -> Avatar:
    return Avatar.open(Path(__file__).parents[2] / "artefacts" / f"{name}.avatar")


def test_a_head_on_lip_codes_is_asked_for_each_number_of_them():
    avatar = artefact("lip_codes")
    sweeps = {sweep.name: sweep for sweep in sweeps_of(avatar)}
    level = avatar.head.face.field.speech.level
    for number in range(12):
        codes = sweeps[f"code {number}"].condition.speech[:, 0, :, 0]
        asked = (codes - level[0]) / level[1]
        torch.testing.assert_close(asked[:, number], torch.linspace(-2.5, 2.5, STEPS))
        others = torch.cat([asked[:, :number], asked[:, number + 1 :]], dim=1)
        assert others.abs().max() < 1e-4


def test_units_go_from_nothing_to_their_most():
    avatar = avatar_of(Clip.open(unlearned()[1]), taught=8)
    sweeps = {sweep.name: sweep for sweep in sweeps_of(avatar)}
    for column, unit in enumerate(avatar.info.expression_units):
        course = sweeps[unit].condition.expression[:, column]
        assert course[0] == 0
        assert course[-1] == (2 if unit == "AU45" else 5)
    assert not any(name.startswith("code") for name in sweeps), "this head is driven by sound"


def test_turns_are_about_the_mean_pose():
    avatar = avatar_of(Clip.open(unlearned()[1]), taught=8)
    sweeps = {sweep.name: sweep for sweep in sweeps_of(avatar)}
    rest = rest_of(avatar).viewmat
    for column, (name, most) in enumerate((("yaw", 15), ("pitch", 10), ("roll", 10))):
        turned = sweeps[name].viewmats
        angles = head_angles(turned)
        assert abs(abs(angles[0, column]) - most) < 0.01
        assert abs(angles[0, column] + angles[-1, column]) < 0.01
        torch.testing.assert_close(turned[STEPS // 2], rest)
        torch.testing.assert_close(turned[:, :3, 3], rest[:3, 3].expand(STEPS, 3))


def test_mixtures_depend_on_the_seed_alone():
    avatar = avatar_of(Clip.open(unlearned()[1]), taught=8)
    first, same, other = (sweeps_of(avatar, seed)[-1] for seed in (0, 0, 1))
    assert torch.equal(first.condition.expression, same.condition.expression)
    assert torch.equal(first.viewmats, same.viewmats)
    assert not torch.equal(first.viewmats, other.viewmats)
