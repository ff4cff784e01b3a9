import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from instag.synthetic.subdivision import harmonic_interpolation, loop_matrix

TETRAHEDRON = np.array([[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]])


@given(levels=st.integers(1, 3))
def test_each_level_quarters_the_triangles_and_weights_sum_to_one(levels):
    refine, triangles = loop_matrix(TETRAHEDRON, 4, levels)
    assert len(triangles) == 4 * 4**levels
    np.testing.assert_allclose(refine.sum(1), 1, atol=1e-12)
    assert refine.dot(np.ones(4)).size == triangles.max() + 1


def test_a_flat_cage_stays_flat_and_keeps_its_border_straight():
    points = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 0.5, 0]])
    refine, _ = loop_matrix(np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]]), 5, 2)
    fine = refine @ points
    assert np.abs(fine[:, 2]).max() == 0
    assert fine.min() >= 0
    assert fine.max() <= 1


def test_spread_keeps_what_is_given_and_lies_between():
    values = harmonic_interpolation(TETRAHEDRON, 4, {0: 0.0, 1: 1.0})
    np.testing.assert_allclose(values, [0, 1, 0.5, 0.5])
