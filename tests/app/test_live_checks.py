"""Live checks tell what is wrong with a picture, in the words of the quality report."""

import numpy as np
import pytest

from instag.app.live_checks import Checks, LiveChecks
from instag.assets.sample_speech import recording
from instag.synthetic import Speaker, perform


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return perform(Speaker(0, size=256), recording("speech_one"), seconds=0.04, size=256).picture(0)


@pytest.fixture(scope="module")
def check() -> LiveChecks:
    return LiveChecks()


def grades(found: Checks) -> dict[str, str]:
    return {each.aspect: each.grade for each in found.checks}


def test_a_good_picture_passes(check: LiveChecks, face: np.ndarray) -> None:
    found = check(face, 2.0)
    assert set(grades(found).values()) == {"good"}
    assert found.box is not None
    left, top, right, bottom = found.box
    assert 0.2 < left < 0.5 < right < 0.8
    assert 0.1 < top < 0.5 < bottom < 0.9


def test_no_face_and_two_faces(check: LiveChecks, face: np.ndarray) -> None:
    empty = check(np.full((120, 160, 3), 128, np.uint8))
    assert grades(empty) == {"face": "poor"}
    assert empty.box is None
    both = check(np.concatenate([face, face], axis=1), 2.0)
    assert grades(both)["face"] == "poor"
    assert "2 faces" in both.checks[0].message


def test_distance_light_and_framing(check: LiveChecks, face: np.ndarray) -> None:
    assert grades(check(face, 0.5))["face size"] == "poor"
    dark = check((face * 0.18).astype(np.uint8), 2.0)
    assert grades(dark)["light"] in ("fair", "poor")
    assert any("dark" in each.message for each in dark.checks)
    cut = check(np.ascontiguousarray(face[:, 110:]), 2.0)
    assert grades(cut).get("framing", "poor") != "good"
