import cv2
import numpy as np

from evaluation.talk import SIZE, take
from instag.evaluation.parts import OUTLINE_REACH, outline_band, part_masks
from instag.types import Region


def figure() -> np.ndarray:
    """A round head of hair and face on a neck and a torso."""
    regions = np.zeros((512, 512), np.uint8)
    regions[380:, 100:412] = Region.TORSO
    regions[300:380, 220:292] = Region.NECK
    cv2.circle(regions, (256, 200), 120, int(Region.HAIR), -1)
    cv2.circle(regions, (256, 220), 90, int(Region.FACE), -1)
    return regions


def test_the_outline_is_a_band_on_the_edge_of_the_head():
    band = outline_band(figure(), None)
    assert OUTLINE_REACH * 512 == 10
    rows, columns = np.nonzero(band)
    distance = np.hypot(columns - 256, rows - 200)
    assert 108 < distance.min() < distance.max() < 132
    assert band[200, 256 - 120]
    assert not band[330:, 256].any(), "where the head meets the neck there is no outline"
    assert not band[370:].any(), "the torso's edge is none of the head's"


def test_the_matte_moves_the_outline():
    matte = cv2.circle(np.zeros((512, 512), np.uint8), (256, 200), 130, 255, -1)
    matte[figure() != Region.BACKGROUND] = 255
    band = outline_band(figure(), matte)
    assert band[200, 256 - 139]
    assert not outline_band(figure(), None)[200, 256 - 139]


def test_a_picture_without_a_person_has_no_parts():
    assert part_masks((64, 64), None, np.zeros((64, 64), np.uint8)) == {}
    assert part_masks((64, 64)) == {}


def test_parts_of_a_true_frame_lie_where_they_are():
    regions, landmarks = take().regions[0], take().performance.truth(0).landmarks
    masks = part_masks((SIZE, SIZE), landmarks, regions)
    assert set(masks) == {"outline", "hair", "eyes", "neck"}
    assert (regions[masks["hair"]] == Region.HAIR).all()
    rows, columns = np.nonzero(masks["eyes"])
    for corner in (33, 133, 362, 263):
        x, y = landmarks[corner, :2].astype(int)
        assert masks["eyes"][y, x]
    assert rows.max() < landmarks[1, 1], "eyes are above the tip of the nose"
    assert np.ptp(columns) < 0.6 * SIZE
