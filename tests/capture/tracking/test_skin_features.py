"""Points on the skin, and what is learned of their looks."""

import numpy as np

from capture.painted_face import face_at_rest
from instag.capture.tracking.skin_features import (
    NOISE_SIGMA,
    detail,
    estimate_texture,
    sample_points,
)


def test_points_lie_on_the_skin_beside_eyes_and_lips() -> None:
    face = face_at_rest()
    points = sample_points(face, 500)
    assert np.linalg.norm(points.normals, axis=1).min() > 0.99
    assert (points.normals[:, 2] > 0).mean() > 0.9
    mouth, eye = face[[13, 14]].mean(0), face[[159, 145]].mean(0)
    assert np.linalg.norm(points.positions - mouth, axis=1).min() > 0.005
    assert np.linalg.norm(points.positions - eye, axis=1).min() > 0.004
    np.testing.assert_array_equal(points.positions, sample_points(face, 500).positions)


def test_light_is_no_detail() -> None:
    generator = np.random.default_rng(0)
    grey = generator.integers(60, 180, (64, 64)).astype(np.uint8)
    corners = np.array([[20.0, 20.0], [44.0, 44.0]])
    plain, bright = detail(grey, corners), detail(grey + np.uint8(50), corners)
    np.testing.assert_allclose(plain.image, bright.image, atol=1e-3)
    assert (plain.left, plain.top) == (4, 4)
    assert plain.image.shape == (56, 56)
    assert 1 < plain.image.std() < grey.std() / NOISE_SIGMA


def test_texture_is_the_robust_mean() -> None:
    """A hand before the face in a few pictures leaves no trace; a point that is hardly seen stays
    unknown; what flutters varies."""
    generator = np.random.default_rng(0)
    truth = generator.normal(0, 10, 50)
    values = truth + generator.normal(0, 1, (40, 50))
    values[:, :5] += generator.normal(0, 8, (40, 5))
    values[:4] = 100
    weights = np.ones_like(values)
    weights[4:, -1] = 0
    texture = estimate_texture(values, weights)
    np.testing.assert_allclose(texture.values[5:-1], truth[5:-1], atol=0.8)
    assert np.isinf(texture.variances[-1])
    assert np.isfinite(texture.variances[:-1]).all()
    assert texture.variances[:5].min() > 3 * np.median(texture.variances)


def test_nothing_seen_is_nothing_known() -> None:
    texture = estimate_texture(np.zeros((3, 4)), np.zeros((3, 4)))
    assert np.isinf(texture.variances).all()


def test_texture_is_the_median_of_the_pictures_that_show_a_point() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(10, 2, (41, 300))
    weights = (generator.random((41, 300)) < 0.7).astype(float)
    values[weights == 0] = 1e6
    values[:, 7], weights[:, 7] = np.nan, 0
    texture = estimate_texture(values, weights)
    shown = np.where(weights > 0, values, np.nan)[:, :7]
    squares = (shown - np.nanmedian(shown, axis=0)) ** 2
    true = np.nanmedian(squares, axis=0) / 0.455
    large = true > np.quantile(texture.variances[np.isfinite(texture.variances)], 0.25)
    np.testing.assert_array_equal(texture.variances[:7][large], true[large])
    assert np.isinf(texture.variances[7])
    assert abs(np.delete(texture.values, 7).mean() - 10) < 0.2
