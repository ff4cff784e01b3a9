import cv2
import numpy as np

from instag.capture.segmentation.teeth import mouth_inside, teeth_likeness, teeth_mask
from instag.types import Region
from painted_head import COLORS, SIZE, paint

SKIN = cv2.cvtColor(np.array([[COLORS[Region.FACE]]], np.uint8), cv2.COLOR_RGB2YCrCb)[0, 0].astype(
    np.float32
)


def test_teeth_are_the_bright_part_of_the_open_mouth() -> None:
    painted = paint(opening=2.0)
    mouth = mouth_inside(painted.landmarks, (SIZE, SIZE))
    teeth = teeth_mask(teeth_likeness(painted.frame, mouth, SKIN))
    true = painted.regions == Region.TEETH
    assert (teeth & true).sum() / (teeth | true).sum() > 0.6
    assert not (teeth & (mouth == 0)).any()


def test_a_closed_mouth_has_no_inside_and_no_teeth() -> None:
    painted = paint(opening=0.0)
    mouth = mouth_inside(painted.landmarks, (SIZE, SIZE))
    assert not mouth.any()
    assert not teeth_mask(teeth_likeness(painted.frame, mouth, SKIN)).any()


def test_red_flesh_and_darkness_are_no_teeth() -> None:
    painted = paint(opening=2.0)
    mouth = mouth_inside(painted.landmarks, (SIZE, SIZE))
    for color in ((190, 90, 90), (25, 20, 20)):
        frame = painted.frame.copy()
        frame[mouth > 0] = color
        assert not teeth_mask(teeth_likeness(frame, mouth, SKIN)).any()
