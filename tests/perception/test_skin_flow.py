"""Flow on a picture that is shifted by a known part of a pixel."""

import cv2
import numpy as np

from instag.perception.skin_flow import SKIN, SkinFlow


def texture(shift: tuple[float, float]) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    image = cv2.normalize(smooth, np.empty_like(smooth), 0, 255, cv2.NORM_MINMAX)
    return cv2.warpAffine(image, np.array([[1, 0, shift[0]], [0, 1, shift[1]]], float), (256, 256))


def test_shift_is_measured_whatever_the_landmarks_say() -> None:
    generator = np.random.default_rng(1)
    points = generator.uniform(60, 190, (478, 3)).astype(np.float32)
    trembling = points + generator.normal(size=points.shape).astype(np.float32)
    flow = SkinFlow()
    assert np.isnan(flow.step(texture((0, 0)), points)).all()
    moved = flow.step(texture((1.3, -0.6)), trembling)
    assert moved.shape == (len(SKIN), 2)
    assert np.isfinite(moved).mean() > 0.9
    assert np.abs(np.nanmedian(moved, axis=0) - [1.3, -0.6]).max() < 0.1


def test_no_face_no_flow() -> None:
    points = np.full((478, 3), 100, np.float32)
    flow = SkinFlow()
    flow.step(texture((0, 0)), points)
    assert np.isnan(flow.step(texture((1, 0)), None)).all()
    assert np.isnan(flow.step(texture((2, 0)), points)).all()
