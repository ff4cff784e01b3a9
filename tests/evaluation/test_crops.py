import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instag.evaluation.crops import MIN_MOUTH_SIDE, PLACES, Box, boxes
from instag.synthetic import Speaker, perform, recording
from instag.types import Region


@pytest.fixture(scope="module")
def truth():
    return perform(Speaker(0, size=96), recording(), seconds=0.2, size=96).truth(2)


def contains(outer: Box, points: np.ndarray) -> bool:
    return bool(
        (points >= [outer.left, outer.top]).all() and (points <= [outer.right, outer.bottom]).all()
    )


def test_each_box_holds_what_it_is_named_after(truth):
    found = boxes((96, 96), truth.landmarks, truth.regions)
    assert tuple(found) == PLACES
    assert found["full"] == Box(left=0, top=0, right=96, bottom=96)
    assert contains(found["face"], truth.landmarks[:, :2])
    assert contains(found["mouth"], truth.landmarks[[61, 291, 0, 17, 13, 14], :2])
    head = np.isin(truth.regions, (Region.FACE, Region.HAIR, Region.MOUTH, Region.TEETH))
    assert found["head"].cut(head).sum() == head.sum()
    assert head[found["head"].top].any()
    assert head[:, found["head"].right - 1].any()


def test_without_regions_the_head_is_guessed_from_the_face(truth):
    guess, known = (
        boxes((96, 96), truth.landmarks)["head"],
        boxes((96, 96), truth.landmarks, truth.regions)["head"],
    )
    shared = (min(guess.right, known.right) - max(guess.left, known.left)) * (
        min(guess.bottom, known.bottom) - max(guess.top, known.top)
    )
    assert shared / (guess.width * guess.height + known.width * known.height - shared) > 0.7


def test_what_can_not_be_known_is_left_out(truth):
    assert tuple(boxes((96, 96))) == ("full",)
    assert tuple(boxes((96, 96), np.full((478, 3), np.nan))) == ("full",)
    assert set(boxes((96, 96), None, truth.regions)) == {"full", "head"}
    assert tuple(boxes((96, 96), None, np.zeros((96, 96), np.uint8))) == ("full",)
    assert tuple(boxes((96, 96), truth.landmarks + 1000)) == ("full",)


@given(x=st.floats(-150, 150), y=st.floats(-150, 150), scale=st.floats(0.05, 4))
def test_boxes_lie_inside_the_picture_and_suit_lpips(truth, x, y, scale):
    landmarks = (truth.landmarks - 48) * np.array([scale, scale, scale], np.float32) + np.array(
        [48 + x, 48 + y, 0], np.float32
    )
    for place, box in boxes((96, 80), landmarks).items():
        assert 0 <= box.left < box.right <= 96
        assert 0 <= box.top < box.bottom <= 80
        assert place != "mouth" or min(box.width, box.height) >= MIN_MOUTH_SIDE
