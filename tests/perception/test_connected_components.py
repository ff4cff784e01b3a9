import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from instag.perception.connected_components import (
    AREA,
    Components,
    fill_holes,
    largest_component,
    small_components,
)

masks = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))
stretches = st.builds(
    lambda mask, times, end: np.repeat(mask, times, axis=1)[:, : end or None],
    masks,
    st.integers(3, 9),
    st.integers(-2, 0),
)
"""Masks of long stretches, of all widths, as those of pictures are."""


@given(masks | stretches)
def test_components_are_opencvs(mask: np.ndarray) -> None:
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=4
    )
    found = Components.of(mask)
    np.testing.assert_array_equal(found.table[1:], statistics[1:])
    for component in range(1, len(statistics)):
        chosen = np.arange(len(statistics)) == component
        np.testing.assert_array_equal(found.where(chosen), labels == component)


@given(masks)
def test_touched_components_are_those_with_a_pixel_in_the_other_mask(mask: np.ndarray) -> None:
    other = np.zeros_like(mask)
    other[0] = True
    found = Components.of(mask)
    touched = found.touched(other)
    assert not (found.where(~touched) & other).any()
    assert all(found.table[touched, 1] == 0)


@given(masks)
def test_largest_part_is_one_part_and_no_other_is_larger(mask: np.ndarray) -> None:
    largest = largest_component(mask)
    assert not (largest & ~mask).any()
    assert len(Components.of(largest).table) - 1 == int(mask.any())
    assert largest.sum() == max(Components.of(mask).table[1:, AREA], default=0)


@given(masks, st.integers(0, 20))
def test_parts_that_are_left_are_large_enough(mask: np.ndarray, under: int) -> None:
    left = mask & ~small_components(mask, under)
    assert all(Components.of(left).table[1:, AREA] >= under)


def test_a_small_hole_is_filled_and_a_large_one_kept() -> None:
    mask = np.ones((20, 20), bool)
    mask[2, 2] = False
    mask[8:14, 8:14] = False
    filled = fill_holes(mask, 10)
    assert filled[2, 2]
    assert not filled[10, 10]
