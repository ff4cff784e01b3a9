"""Parsing colours: there and back, in both dialects, and read by the family's own formulas."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from instag.interop.adnerf.colors import from_parsing, is_swapped, to_parsing
from instag.types import Region

EVERY = np.array([[int(region) for region in Region]], np.uint8)


@given(st.integers(0, 2**31))
def test_regions_come_back(seed: int) -> None:
    regions = np.random.default_rng(seed).integers(0, 7, (6, 9)).astype(np.uint8)
    picture = to_parsing(regions)
    assert np.array_equal(from_parsing(picture, regions == Region.TEETH), regions)
    assert np.array_equal(
        from_parsing(picture), np.where(regions == Region.TEETH, Region.FACE, regions)
    )


def test_masks_are_what_the_trainers_compute() -> None:
    """As docs/method.md#observation has it: face is the head's colour but for the teeth, mouth is
    100 grey and the teeth, hair is black."""
    picture, teeth = to_parsing(EVERY).astype(int), EVERY == Region.TEETH
    red, green, blue = np.moveaxis(picture, -1, 0)
    face = ((blue > 254) & (red == 0) & (green == 0)) ^ teeth
    mouth = ((red == 100) & (green == 100) & (blue == 100)) | teeth
    assert np.array_equal(face, EVERY == Region.FACE)
    assert np.array_equal(mouth, (EVERY == Region.MOUTH) | (EVERY == Region.TEETH))
    assert np.array_equal((red < 1) & (green < 1) & (blue < 1), EVERY == Region.HAIR)


def test_older_trainers_see_one_head() -> None:
    picture = to_parsing(EVERY, labels_hair=False)
    assert [tuple(color) for color in picture[0].tolist()] == [
        (255, 255, 255),
        (255, 0, 0),
        (0, 255, 0),
    ] + 4 * [(0, 0, 255)]


def test_colours_in_between_count_as_the_nearest() -> None:
    assert from_parsing(
        np.array([[[250, 250, 252], [5, 240, 9], [96, 104, 99]]], np.uint8)
    ).tolist() == [[Region.BACKGROUND, Region.NECK, Region.MOUTH]]


def test_a_head_below_its_torso_is_a_swap() -> None:
    regions = np.repeat(
        np.array([[Region.BACKGROUND], [Region.FACE], [Region.NECK], [Region.TORSO]], np.uint8),
        4,
        axis=1,
    )
    picture = to_parsing(regions)
    assert not is_swapped([picture])
    assert is_swapped([np.ascontiguousarray(picture[..., ::-1])])
