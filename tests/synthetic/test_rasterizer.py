import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from instag.synthetic.rasterizer import point_normals, rasterize


def seen(points, triangles, size=24, focal=24.0):
    return rasterize(
        points.astype(np.float32),
        triangles.astype(np.int32),
        np.float32(focal),
        np.float32(size / 2),
        np.float32(size / 2),
        size,
        size,
    )


def brute_force(points, triangles, size=24, focal=24.0):
    """Each pixel centre against each triangle, in double precision."""
    nearest, margin = np.zeros((size, size)), np.full((size, size), np.inf)
    screen = points[:, :2] / points[:, 2:] * focal + size / 2
    for triangle in triangles:
        (ax, ay), (bx, by), (cx, cy) = screen[triangle]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9:
            continue
        y, x = np.mgrid[:size, :size] + 0.5
        wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
        wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
        weights = np.stack([1 - wb - wc, wb, wc])
        inverse = (weights * (1 / points[triangle, 2])[:, None, None]).sum(0)
        inside = (weights >= 0).all(0)
        margin = np.minimum(margin, np.abs(weights).min(0))
        nearest = np.where(inside & (inverse > nearest), inverse, nearest)
    return nearest, margin


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 12))
def test_it_agrees_with_testing_every_pixel(seed, count):
    random = np.random.default_rng(seed)
    points = (
        random.uniform((-0.8, -0.8, 0.8), (0.8, 0.8, 2.0), (3 * count, 3))
        .astype(np.float32)
        .astype(np.float64)
    )
    triangles = np.arange(3 * count).reshape(-1, 3)
    numbers, nearest = seen(points, triangles)
    expected, margin = brute_force(points, triangles)
    clear = margin > 1e-4
    np.testing.assert_allclose(nearest[clear], expected[clear], rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal((numbers >= 0)[clear], (expected > 0)[clear])


def test_what_is_outside_the_picture_is_not_seen():
    points = np.array([[5.0, 0, 1], [6, 0, 1], [5, 1, 1]])
    numbers, nearest = seen(points, np.array([[0, 1, 2]]))
    assert (numbers == -1).all()
    assert (nearest == 0).all()


def test_normals_of_a_square_point_out_of_it():
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    normals = point_normals(points, np.array([[0, 1, 2], [0, 2, 3]], np.int32), 4)
    np.testing.assert_allclose(normals, np.tile([0, 0, 1], (4, 1)), atol=1e-6)
