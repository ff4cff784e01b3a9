"""Closed lids in pictures: skin over the eye, nothing else changed."""

import pytest
import torch

from instag.data.frame_batch import FrameBatch
from instag.training.supervision import closed_lids
from instag.training.supervision.closed_lids import LidCloser, at_knots, drawn_closing, eye_outlines
from instag.types import BLINK, BLINK_LIMIT, EXPRESSION_UNITS, Camera, Condition

SIZE, LEFT, TOP = 160, 20, 10
SKIN, WHITE = 180.0, 250.0


def landmarks(turn: float) -> torch.Tensor:
    """Of a face whose eyes are 40 pixels wide and 14 high, turned in the picture, radians."""
    points = torch.zeros(478, 2)
    for eye, (outer, inner) in enumerate(((20.0, 60.0), (140.0, 100.0))):
        points[list(closed_lids.EYE_CORNERS[eye])] = torch.tensor([[outer, 80.0], [inner, 80.0]])
        share = torch.linspace(1 / 8, 7 / 8, 7)
        bow = 4 * share * (1 - share)
        x = outer + share * (inner - outer)
        points[list(closed_lids.UPPERS[eye])] = torch.stack([x, 80 - 9 * bow], dim=1)
        points[list(closed_lids.LOWERS[eye])] = torch.stack([x, 80 + 5 * bow], dim=1)
        brow = torch.linspace(outer, inner, 5)
        points[list(closed_lids.BROWS[eye])] = torch.stack([brow, torch.full((5,), 55.0)], dim=1)
    points[closed_lids.CROWN], points[closed_lids.CHIN] = (
        torch.tensor([80.0, 20.0]),
        torch.tensor([80.0, 150.0]),
    )
    c, s = torch.cos(torch.tensor(turn)), torch.sin(torch.tensor(turn))
    center = torch.tensor([80.0, 80.0])
    return (points - center) @ torch.stack([torch.stack([c, s]), torch.stack([-s, c])]) + center


def is_eye(points: torch.Tensor) -> torch.Tensor:
    """The pixels of a picture that lie between the lids."""
    outlines = eye_outlines(points[None])
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    places = torch.stack([x, y], dim=-1) + 0.5
    along, height = outlines.coordinates(places.expand(1, 2, SIZE, SIZE, 2))
    inside = (along > 0) & (along < 1)
    upper, lower = (closed_lids.at(curve, along) for curve in (outlines.upper, outlines.lower))
    return (inside & (height < upper) & (height > lower)).any(1)[0]


def frames(points: torch.Tensor, count: int) -> FrameBatch:
    """White eyes in grey skin, in a window of the picture."""
    picture = torch.where(is_eye(points), WHITE, SKIN)[TOP:, LEFT:]
    height, width = picture.shape
    ks = torch.eye(3).repeat(count, 1, 1)
    ks[:, 0, 2], ks[:, 1, 2] = SIZE / 2 - LEFT, SIZE / 2 - TOP
    nothing = torch.zeros(count, height, width, dtype=torch.uint8)
    return FrameBatch(
        indices=torch.zeros(count, dtype=torch.long),
        image=picture.byte()[None, ..., None].repeat(count, 1, 1, 3),
        regions=nothing,
        background=nothing[..., None].repeat(1, 1, 1, 3),
        alpha=nothing,
        lips=nothing.bool(),
        camera=Camera(viewmats=torch.eye(4).repeat(count, 1, 1), Ks=ks, width=width, height=height),
        condition=Condition(speech=torch.zeros(count, 8, 12, 1), expression=torch.zeros(count, 6)),
        depth=None,
        normal=None,
        surface_valid=None,
    )


@pytest.mark.parametrize("turn", [0.0, 0.3, -0.5])
def test_closed_lids_cover_the_eyes_and_leave_the_rest(turn):
    points = landmarks(turn)
    before = frames(points, 40)
    closing = drawn_closing(1.0, 40, torch.Generator().manual_seed(0))
    after = LidCloser(points[None], size=SIZE).close_some(before, closing)
    blink = after.condition.expression[:, EXPRESSION_UNITS.index(BLINK)]
    fully = blink == BLINK_LIMIT
    assert 10 < fully.sum() < 30
    eye = is_eye(points)[TOP:, LEFT:]
    assert (before.image[:, eye] > SKIN + 1).all()
    # At the very corners lids meet within a pixel.
    covered = (after.image[fully][:, eye].float() <= SKIN + 1).float().mean()
    assert covered > 0.97
    away = torch.ones_like(eye)
    away[40 - TOP : 110 - TOP] = False
    assert (after.image[:, away] == before.image[:, away]).all()
    part = ~fully & (blink > 0.6) & (blink < 1.4)
    left = (after.image[part][:, eye].float() > SKIN + 1).float().mean()
    assert 0.2 < left < 0.8


def test_so_many_frames_close_their_eyes_and_others_are_as_they_were():
    points = landmarks(0.1)
    before = frames(points, 200)
    closing = drawn_closing(0.25, 200, torch.Generator().manual_seed(1))
    lids = LidCloser(points[None], size=SIZE)
    after = lids.close_some(before, closing)
    column = EXPRESSION_UNITS.index(BLINK)
    changed = after.condition.expression[:, column] != before.condition.expression[:, column]
    assert 30 < changed.sum() < 70
    assert (after.image[~changed] == before.image[~changed]).all()
    assert (after.condition.expression[~changed] == before.condition.expression[~changed]).all()
    every = lids.close(before, torch.arange(200), closing)
    assert (every.image == after.image).all()
    assert (every.condition.expression == after.condition.expression).all()


def test_outlines_pass_through_their_points():
    along, height = torch.tensor([0.0, 0.5, 1.0]), torch.tensor([0.0, 2.0, 1.0])
    heights = at_knots(along.expand(1, 2, 3), height.expand(1, 2, 3))[0, 0]
    assert heights[[0, closed_lids.KNOTS // 2, -1]].tolist() == [0.0, 2.0, 1.0]
