import math

import pytest
import torch

from instag.models.pose_shapes import (
    OFF_SKIN,
    ON_SKIN,
    TURN_UNIT,
    PoseShapes,
    mean_rotation,
    shifted,
)


def turned(degrees: float) -> torch.Tensor:
    """A view of a head that is turned about the vertical axis."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    view = torch.eye(4)
    view[:3, :3] = torch.tensor([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    return view


@pytest.fixture
def shapes() -> PoseShapes:
    """Of a face whose skin is one point, seen from -10 to 10 degrees."""
    torch.manual_seed(0)
    made = PoseShapes()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_()
    made.observe(torch.zeros(1, 3), torch.stack([turned(angle) for angle in range(-10, 11)]))
    return made


def test_a_turn_is_the_sine_of_its_angle_and_ends_where_none_was_seen(shapes: PoseShapes) -> None:
    turn = shapes.turn(torch.stack([turned(angle) for angle in (0, 5, -5, 60)]))
    sine = math.sin(math.radians(5)) / TURN_UNIT
    torch.testing.assert_close(turn[:3, 1], torch.tensor([0, sine, -sine]), atol=1e-5, rtol=0)
    assert turn[:, [0, 2]].abs().max() < 1e-5
    assert sine < turn[3, 1] <= math.sin(math.radians(10)) / TURN_UNIT


def test_skin_stays_and_what_is_off_it_shifts_in_proportion(shapes: PoseShapes) -> None:
    points = torch.tensor([[0, 0, 0.9 * ON_SKIN], [0, 0, 1.1 * OFF_SKIN]])
    once, twice = shifted(shapes.shapes(points), torch.tensor([[0.0, 1, 0], [0, 2, 0]]))
    assert once[0].abs().max() == 0
    assert once[1].abs().max() > 0
    torch.testing.assert_close(twice, 2 * once)


def test_shapes_begin_near_nothing() -> None:
    torch.manual_seed(0)
    made = PoseShapes()
    assert made.shapes(torch.full((5, 3), 0.1)).abs().max() < 1e-5


def test_the_mean_of_rotations_is_a_rotation() -> None:
    mean = mean_rotation(torch.stack([turned(angle)[:3, :3] for angle in (-20, 20, 5, -5)]))
    torch.testing.assert_close(mean, torch.eye(3), atol=1e-6, rtol=0)
