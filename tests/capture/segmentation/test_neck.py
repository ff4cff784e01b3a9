import numpy as np
import pytest

from instag.capture.segmentation.neck import SeenNeck, with_all_the_neck
from instag.capture.segmentation.torso import torso_layer
from instag.types import Region
from painted_head import COLORS, paint


def _large() -> tuple[np.ndarray, np.ndarray]:
    """Frame and regions of the painted head, 512 pixels high."""
    painted = paint()
    frame, regions = (
        np.repeat(np.repeat(each, 4, 0), 4, 1) for each in (painted.frame, painted.regions)
    )
    return frame, regions


def test_what_the_label_takes_in_of_the_chin_does_not_stay_under_it() -> None:
    frame, regions = _large()
    rims = SeenNeck.of(regions).rims(1.0)
    assert rims.any(0).sum() > 80
    assert rims.sum(0).max() == 10
    assert (regions[rims] == Region.NECK).all()
    beard = frame.copy()
    beard[rims] = (250, 250, 250)
    layer = torso_layer(beard, regions)
    assert np.abs(layer[rims][:, :3].astype(int) - COLORS[Region.NECK]).max() < 4
    hidden = (layer[..., 3] == 255) & (regions == Region.FACE)
    assert hidden.any()
    assert layer[hidden][:, :3].max() <= max(COLORS[Region.NECK])


def test_a_short_neck_keeps_its_lower_half() -> None:
    regions = np.full((40, 6), Region.TORSO, np.uint8)
    regions[:10], regions[10:16] = Region.FACE, Region.NECK
    np.testing.assert_array_equal(SeenNeck.of(regions).rims(1.0).sum(0), 3)
    regions[10:16] = Region.TORSO
    assert not SeenNeck.of(regions).rims(1.0).any()


def _lit_side(color: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frame and regions in which the neck's right half has another colour and is called cloth, and
    that half."""
    frame, regions = _large()
    side = (regions == Region.NECK) & (np.arange(512) > 256)
    frame[side], regions[side] = color, Region.TORSO
    return frame, regions, side


def test_a_neck_lit_from_the_side_is_one_neck() -> None:
    frame, regions, side = _lit_side((255, 205, 178))
    grown = with_all_the_neck(frame, regions, 1.0)
    assert (grown[side] == Region.NECK).mean() > 0.97
    np.testing.assert_array_equal(grown[~side], regions[~side])
    layer = torso_layer(frame, regions)
    chin = int(np.nonzero(regions[:, 300] == Region.FACE)[0].max())
    assert layer[chin - 10 : chin, 300, 1].min() > 0.75 * 205, "light goes on under the chin"


def test_long_hair_of_the_necks_colour_is_none_of_it() -> None:
    """What hangs beside the neck, below hair, is called cloth, and may have the colour of skin."""
    frame, regions, side = _lit_side((255, 205, 178))
    hair = np.zeros_like(side)
    hair[:, 290:] = True
    regions[hair & (regions == Region.FACE)] = Region.HAIR
    grown = with_all_the_neck(frame, regions, 1.0)
    assert (grown[side & ~hair] == Region.NECK).mean() > 0.97
    assert (grown[side & hair] == Region.TORSO).all()


def test_a_collar_beside_the_neck_is_none_of_it() -> None:
    for cloth in ((250, 245, 240), (30, 30, 60), (120, 130, 190)):
        frame, regions, side = _lit_side(cloth)
        grown = with_all_the_neck(frame, regions, 1.0)
        beyond = side & (np.arange(512) > 258)
        assert not (grown[beyond] == Region.NECK).any(), cloth


def test_a_jaws_rim_along_a_collar_is_none_of_the_neck() -> None:
    frame, regions, side = _lit_side((250, 245, 240))
    rows = np.arange(512)[:, None]
    starts = np.where(side.any(0), side.argmax(0), 512)
    rim = side & (rows < starts + 5)
    frame[rim] = COLORS[Region.NECK]
    assert not (
        with_all_the_neck(frame, regions, 1.0)[rim & (np.arange(512) > 266)] == Region.NECK
    ).any()


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_what_is_a_rim_depends_on_the_pictures_size(factor: float) -> None:
    """Skin below the chin, beside the neck: a rim that is narrower than 10 / 512 of the picture,
    or as broad a strip as that and more."""
    frame, regions, side = _lit_side((250, 245, 240))
    starts = np.where(side.any(0), side.argmax(0), 512)
    rows, beyond = np.arange(512)[:, None], np.arange(512) > 266
    for breadth, neck in ((6, False), (16, True)):
        lit = frame.copy()
        strip = side & (rows < starts + breadth)
        lit[strip] = COLORS[Region.NECK]
        size = round(512 * factor)
        places = ((np.arange(size) + 0.5) / factor).astype(int)
        small = np.ix_(places, places)
        grown = with_all_the_neck(lit[small], regions[small], factor)
        found = (grown == Region.NECK)[(strip & beyond)[small]]
        assert found.mean() > 0.7 if neck else not found.any()


def test_no_neck_leaves_the_regions_as_they_are() -> None:
    frame, regions = _large()
    regions[regions == Region.NECK] = Region.TORSO
    assert with_all_the_neck(frame, regions, 1.0) is regions
    where, colors = SeenNeck.of(regions).under_head(
        frame, regions, np.zeros(regions.shape, bool), cloth=8.0, scale=1.0
    )
    assert not where.any()
    assert not colors.any()
