"""What the stages of face and mouth have in common: how degree, aligner and rates go with the
steps."""

from dataclasses import replace

import pytest

from instag.rendering.reference import ReferenceRenderer
from instag.training.head_start import head_training
from instag.training.stages.adapt_face import FaceStage
from instag.training.stages.adapt_mouth import MouthStage
from instag.training.stages.layer_stage import LayerStage
from shared_files import shared_clip
from training.tiny_heads import TINY, inputs_of

TIMES = {
    "steps": 100,
    "degree": 2,
    "degree_every": 10,
    "aligner_after": 30,
    "warmup_steps": 5,
    "gaussian_rate": 3.0,
    "field_rate": 2.0,
    "field_rate_decay": 0.1,
    "slow_field_after": 50,
}


@pytest.fixture(scope="module", params=["face", "mouth"])
def stage(request: pytest.FixtureRequest) -> LayerStage:
    recipe = replace(TINY, face=replace(TINY.face, **TIMES), mouth=replace(TINY.mouth, **TIMES))
    inputs = inputs_of(shared_clip(frames=60), recipe, front_end="motion")
    training = head_training(inputs, recipe, None, ReferenceRenderer(), seed=0)
    if request.param == "face":
        return FaceStage(training, recipe.face)
    return MouthStage(training, recipe.mouth)


def test_the_degree_rises_to_the_recipes_and_the_aligner_comes_later(stage):
    assert [stage.degree(step) for step in (0, 9, 10, 20, 99)] == [0, 0, 1, 2, 2]
    assert [stage.aligned(step) for step in (0, 29, 30)] == [False, False, True]


def test_the_gaussians_learn_by_the_rates_of_3dgs_times_the_recipes(stage):
    rates = {group.name: group.rate for group in stage.parameter_groups().own[0]}
    assert rates["dc"](40) == pytest.approx(3 * 2.5e-3)
    extent = stage.person.extent
    assert rates["means"](0) == pytest.approx(3 * 1.6e-4 * extent)
    assert rates["means"](90) < rates["means"](10)


def test_the_field_warms_up_falls_and_all_but_rests(stage):
    groups = {group.name: group for group in stage.parameter_groups().own[0]}
    networks, encoding = groups["field.networks"].rate, groups["field.encoding"].rate
    assert encoding(0) == pytest.approx(0.1 * 5e-3)
    assert encoding(99) == pytest.approx(5e-3 * 0.1**0.99)
    assert networks(5) == pytest.approx(2 * 5e-4 * 0.1**0.05)
    assert networks(50) == pytest.approx(0.05 * 2 * 5e-4 * 0.1**0.5)
    aligner = next(group for name, group in groups.items() if name.startswith("aligner"))
    assert aligner.rate(0) == pytest.approx(10 * aligner.rate(100))
