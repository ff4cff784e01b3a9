"""Alignment of one picture with a texture."""

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from capture.painted_face import DISTANCE, INTRINSICS, face_at_rest, paint
from instag.capture.tracking.photometric import (
    ImageGradients,
    Pose,
    align_image,
    linearize,
    look,
)
from instag.capture.tracking.skin_features import Texture, detail, estimate_texture, sample_points

POINTS = sample_points(face_at_rest(), 1500)
TRUE = Pose(
    rotation=Rotation.from_rotvec([0.1, -0.15, 0.05]).as_matrix(),
    translation=np.array([0.01, -0.01, -DISTANCE]),
)
STEP = np.array([0.02, -0.025, 0.015, 0.003, -0.002, 0.01])


def updated(pose: Pose, step: np.ndarray) -> Pose:
    """R <- exp(w) R, t <- t + dt."""
    return Pose(
        rotation=Rotation.from_rotvec(step[:3]).as_matrix() @ pose.rotation,
        translation=pose.translation + step[3:],
    )


def gradients(picture: np.ndarray) -> ImageGradients:
    return ImageGradients.of(
        detail(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.array([[20.0, 15.0], [108.0, 115.0]]))
    )


def texture() -> Texture:
    """As the true pose shows it, to one level of grey."""
    seen = look(gradients(paint(TRUE)), POINTS, None, TRUE, INTRINSICS)
    assert (seen.weights > 0).mean() > 0.7
    return Texture(values=seen.values, variances=np.where(seen.weights > 0, 1.0, np.inf))


def error(pose: Pose) -> tuple[float, float]:
    """Degrees, and millimetres across the line of sight at the head."""
    turn = np.degrees(
        (
            Rotation.from_matrix(pose.rotation) * Rotation.from_matrix(TRUE.rotation).inv()
        ).magnitude()
    )
    return float(turn), 1e3 * float(np.linalg.norm((pose.translation - TRUE.translation)[:2]))


def test_gradient_is_that_of_the_cost() -> None:
    """The gradient is the derivative of the cost, up to its weights."""
    seen, visible = gradients(paint(TRUE)), texture()
    pose = updated(TRUE, STEP / 10)
    gradient, step = linearize(seen, POINTS, visible, pose, INTRINSICS).gradient, 1e-4

    def cost(changed: Pose) -> float:
        return linearize(seen, POINTS, visible, changed, INTRINSICS).cost

    slope = np.array(
        [
            (cost(updated(pose, step * axis)) - cost(updated(pose, -step * axis))) / (2 * step)
            for axis in np.eye(6)
        ]
    )
    assert slope @ -gradient / np.linalg.norm(slope) / np.linalg.norm(gradient) > 0.95


def test_displaced_pose_is_found() -> None:
    found = align_image(
        gradients(paint(TRUE)), POINTS, texture(), updated(TRUE, STEP), INTRINSICS, iterations=8
    )
    assert error(updated(TRUE, STEP))[0] > 1.5
    assert error(found)[0] < 0.1
    assert error(found)[1] < 0.2


def test_exposure_does_not_matter() -> None:
    found = align_image(
        gradients(paint(TRUE, contrast=0.7, shade=30)),
        POINTS,
        texture(),
        updated(TRUE, STEP),
        INTRINSICS,
        iterations=8,
    )
    assert error(found)[0] < 0.1


def test_a_hand_before_the_cheek_does_not_matter() -> None:
    picture = paint(TRUE)
    picture[70:110, 20:60] = np.random.default_rng(0).integers(0, 255, (40, 40, 1))
    found = align_image(
        gradients(picture), POINTS, texture(), updated(TRUE, STEP), INTRINSICS, iterations=10
    )
    assert error(found)[0] < 0.4 * error(updated(TRUE, STEP))[0]


def test_a_face_outside_the_picture_has_no_information() -> None:
    away = Pose(rotation=TRUE.rotation, translation=np.array([3.0, 0, -DISTANCE]))
    seen = look(gradients(paint(TRUE)), POINTS, texture(), away, INTRINSICS)
    assert not seen.weights.any()
    found = linearize(gradients(paint(TRUE)), POINTS, texture(), away, INTRINSICS)
    assert not found.hessian.any()
    assert not estimate_texture(seen.values[None], seen.weights[None]).values.any()
    assert (
        align_image(
            gradients(paint(TRUE)), POINTS, texture(), away, INTRINSICS, iterations=2
        ).translation[0]
        == 3.0
    )


def test_a_known_first_linearization_changes_nothing() -> None:
    seen, visible, start = gradients(paint(TRUE)), texture(), updated(TRUE, STEP)
    first = linearize(seen, POINTS, visible, start, INTRINSICS)
    found, again = (
        align_image(seen, POINTS, visible, start, INTRINSICS, iterations=3, first=known)
        for known in (None, first)
    )
    np.testing.assert_array_equal(found.rotation, again.rotation)
    np.testing.assert_array_equal(found.translation, again.translation)


def test_what_is_seen_is_compared_at_the_texture_s_contrast() -> None:
    picture = paint(TRUE)
    dimmer = np.rint(0.8 * picture.astype(np.float64)).astype(np.uint8)
    seen = look(gradients(dimmer), POINTS, texture(), TRUE, INTRINSICS)
    visible = seen.weights > 0
    np.testing.assert_allclose(seen.values[visible], texture().values[visible], atol=2)
    bare = look(gradients(dimmer), POINTS, None, TRUE, INTRINSICS)
    np.testing.assert_allclose(bare.values / 0.8, seen.values, atol=0.2)
