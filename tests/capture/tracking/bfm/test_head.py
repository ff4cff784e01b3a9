"""Tracking with a face model on a person made with it: what was put in is found, from landmarks,
pictures and both."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from capture.tracking.bfm import faces
from instag.capture.tracking.bfm.fit import Fit
from instag.capture.tracking.bfm.head import LandmarkTrack68, track_face
from instag.capture.tracking.bfm.outline import Outline
from instag.capture.tracking.bfm.shading import ambient
from instag.capture.tracking.bfm.skin import Skin, blurred, visible

SIZE, FRAMES = 224, 20
FOCAL = 1150 / 512 * SIZE
FACE = faces.model()
TRUTH = faces.truth(FACE, FRAMES, SIZE, FOCAL)
TEXTURE = torch.tensor([0.8, -0.5, 0.3, 1.0, 0.0, -0.7]).double()


def lit() -> torch.Tensor:
    light = ambient(1, TEXTURE)[0]
    light[1:4] = torch.tensor([0.1, 0.25, -0.2])[:, None]
    return light


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return faces.pictures(FACE, TRUTH, SIZE, TEXTURE, lit())


def seen(jitter: float = 0.0) -> LandmarkTrack68:
    landmarks = faces.landmarks(FACE, TRUTH, SIZE)
    return LandmarkTrack68(
        landmarks=landmarks + jitter * np.random.default_rng(0).normal(size=landmarks.shape),
        found=np.ones(FRAMES, bool),
        size=SIZE,
    )


def start() -> np.ndarray:
    return (
        Rotation.from_matrix(TRUTH.rotations.numpy()) * Rotation.from_rotvec([0.1, -0.12, 0.05])
    ).as_matrix()


def degrees(fit: Fit) -> np.ndarray:
    return np.degrees(
        (
            Rotation.from_matrix(fit.rotations.numpy())
            * Rotation.from_matrix(TRUTH.rotations.numpy()).inv()
        ).magnitude()
    )


def residuals(fit: Fit) -> np.ndarray:
    pixels = Outline.of(FACE, SIZE).landmarks(fit, faces.center_of(SIZE))[1].pixels.numpy()
    return np.linalg.norm(pixels - faces.landmarks(FACE, TRUTH, SIZE), axis=-1)


def test_the_person_is_found(pictures: list[np.ndarray]) -> None:
    told: list[tuple[int, int]] = []
    face = track_face(
        FACE,
        seen(),
        lambda index: pictures[index],
        start(),
        lambda done, total: told.append((done, total)),
    )
    assert degrees(face.fit).mean() < 0.3
    assert residuals(face.fit).mean() < 0.5
    assert face.fit.focal == pytest.approx(FOCAL, rel=0.05)
    assert (
        np.abs(face.fit.translations.numpy() - TRUTH.translations.numpy())[:, :2].mean() < 5e-4
    ), "metres"
    assert (face.fit.identity - TRUTH.identity).abs().mean() < 0.25
    assert (face.fit.expressions - TRUTH.expressions).abs().mean() < 0.15
    assert (face.texture - TEXTURE).abs().mean() < 0.35
    assert face.color_error.max() < 0.03
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_pictures_make_up_for_trembling_landmarks(pictures: list[np.ndarray]) -> None:
    """Landmarks that err by 0.6 pixels of a face 110 wide, once with the pictures and once with
    grey ones, which tell nothing."""
    grey = np.full((SIZE, SIZE, 3), 115, np.uint8)
    by_both = track_face(FACE, seen(0.6), lambda index: pictures[index], start())
    alone = track_face(FACE, seen(0.6), lambda index: grey, start())
    assert degrees(by_both.fit).mean() < 0.7 * degrees(alone.fit).mean()
    assert residuals(by_both.fit).mean() < 0.3


def test_frames_without_landmarks_follow_their_neighbours(pictures: list[np.ndarray]) -> None:
    whole = seen()
    landmarks, found, measured = whole.landmarks.copy(), whole.found.copy(), start()
    landmarks[8:11] += 25
    measured[8:11] = np.eye(3)
    found[8:11] = False
    face = track_face(
        FACE,
        replace(whole, landmarks=landmarks, found=found),
        lambda index: pictures[index],
        measured,
    )
    assert degrees(face.fit).max() < 1.5


def test_what_is_hidden_is_not_seen() -> None:
    """A face in profile hides its far side, and everything that is seen faces the camera."""
    side = TRUTH.select(slice(0, 1))
    side = replace(side, rotations=torch.tensor(Rotation.from_rotvec([[0, 1.2, 0]]).as_matrix()))
    seen, normals = visible(FACE, side, faces.center_of(SIZE))
    across = FACE.shape.mean[:, 0]
    assert (
        seen[0, across < -0.045].float().mean() > 0.5 > 0.1 > seen[0, across > 0.045].float().mean()
    )
    assert (normals[0, seen[0], 2] > 0).all()
    torch.testing.assert_close(
        normals.norm(dim=-1), torch.ones_like(normals[..., 0]), atol=1e-3, rtol=0
    )


def test_at_the_truth_colours_draw_nowhere(pictures: list[np.ndarray]) -> None:
    skin, center = Skin.of(FACE, SIZE), faces.center_of(SIZE)
    frames, light = blurred(pictures, torch.device("cpu")), lit().expand(FRAMES, -1, -1)
    observation = skin.observe(TRUTH, frames, torch.ones(FRAMES).double(), center)
    measurements = skin.measurements(TRUTH, observation, frames, TEXTURE, light, center)
    shift = torch.linalg.solve(measurements.information.sum(1), measurements.gradient.sum(1))
    assert shift.norm(dim=-1).max() < 0.15
    assert skin.error(observation, TEXTURE, light).max() < 0.03
