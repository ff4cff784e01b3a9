"""Teeth laid over regions: only within face and mouth, and the old ones become mouth."""

import numpy as np

from instag.capture.segmentation.parsed import with_hair, with_teeth, with_teeth_by_color
from instag.types import Region


def test_other_teeth_replace_the_old_ones() -> None:
    regions = np.array(
        [[Region.TEETH, Region.MOUTH, Region.FACE, Region.TORSO, Region.HAIR]], np.uint8
    )
    found = with_teeth(regions, np.array([[False, True, True, True, True]]))
    assert found.tolist() == [[Region.MOUTH, Region.TEETH, Region.TEETH, Region.TORSO, Region.HAIR]]


def test_bright_and_pale_inside_the_mouth_is_teeth() -> None:
    regions = np.full((60, 60), Region.FACE, np.uint8)
    regions[20:40, 15:45] = Region.MOUTH
    frame = np.full((60, 60, 3), (200, 140, 120), np.uint8)
    frame[20:40, 15:45] = (60, 10, 10)
    frame[20:28, 20:40] = (230, 225, 215)
    found = with_teeth_by_color(frame, regions)
    assert (found[22:26, 24:36] == Region.TEETH).all()
    assert (found[32:38, 20:40] == Region.MOUTH).all()
    assert (found[:15] == Region.FACE).all()


def test_no_mouth_no_teeth() -> None:
    regions = np.full((20, 20), Region.FACE, np.uint8)
    assert np.array_equal(with_teeth_by_color(np.zeros((20, 20, 3), np.uint8), regions), regions)


def test_hair_moves_its_border_and_leaves_the_outline() -> None:
    """Hair over face; the finder sees it ten rows lower, and nothing in the outermost row, where
    hair stays as no skin is near."""
    regions = np.full((60, 60), Region.FACE, np.uint8)
    regions[:5], regions[5:25], regions[50:] = Region.BACKGROUND, Region.HAIR, Region.MOUTH
    hair = np.zeros((60, 60), np.float32)
    hair[6:35] = 0.9
    found = with_hair(regions, hair)
    assert np.array_equal(found == Region.BACKGROUND, regions == Region.BACKGROUND)
    assert np.array_equal(found == Region.MOUTH, regions == Region.MOUTH)
    assert (found[5:35] == Region.HAIR).all()
    assert (found[36:50] == Region.FACE).all()


def test_hair_that_is_not_seen_becomes_face_where_skin_is_nearer() -> None:
    regions = np.full((60, 60), Region.FACE, np.uint8)
    regions[:30] = Region.HAIR
    hair = np.zeros((60, 60), np.float32)
    hair[:10] = 1
    found = with_hair(regions, hair)
    assert (found[:15] == Region.HAIR).all()
    assert (found[25:] == Region.FACE).all()
