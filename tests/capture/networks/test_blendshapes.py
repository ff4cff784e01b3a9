"""Action units from blendshapes: the usual face is rest, a closed eye is a full blink, and the
network sees a synthetic speaker blink."""

from pathlib import Path

import numpy as np
import pytest

from instag.capture.networks.blendshapes import (
    FULL_BLINK,
    SCORES,
    blendshape_action_units,
    from_scores,
)
from instag.data.clip import Clip
from shared_files import copied_clip

NAMES = [name for names in SCORES.values() for name in names]


def still(**changed: np.ndarray) -> dict[str, np.ndarray]:
    return {name: changed.get(name, np.full(40, 0.3, np.float32)) for name in NAMES}


def test_the_usual_face_is_rest_whatever_its_scores() -> None:
    assert all(not values.any() for values in from_scores(still()).values())


def test_a_closed_eye_is_a_full_blink() -> None:
    eye = np.full(40, 0.12, np.float32)
    eye[20:23] = 0.6
    table = from_scores(still(eyeBlinkLeft=eye, eyeBlinkRight=eye))
    assert table["AU45"][21] == pytest.approx(FULL_BLINK)
    assert not table["AU45"][[0, 10, 30]].any()


def test_a_raised_brow_counts_from_where_the_brow_usually_is() -> None:
    low, high = (
        np.where(np.arange(40) < 30, base, raised) for base, raised in ((0.001, 0.05), (0.4, 0.97))
    )
    for scores in (low, high):
        brow = from_scores(still(browInnerUp=scores.astype(np.float32)))["AU01"]
        assert brow[:25].max() < 0.1
        assert 1 < brow[35] < 3


def test_extreme_scores_stay_in_range() -> None:
    switched = np.where(np.arange(40) < 30, 0.0, 1.0).astype(np.float32)
    table = from_scores(still(**dict.fromkeys(NAMES, switched)))
    assert all(
        np.isfinite(values).all() and values.min() >= 0 and values.max() <= 5
        for values in table.values()
    )


def test_the_network_sees_a_synthetic_speaker_blink(tmp_path: Path) -> None:
    clip = copied_clip(tmp_path / "me.clip", frames=40, size=192)
    true = clip.action_units()["AU45"]
    assert true.max() > 1
    blendshape_action_units(clip)
    seen = Clip.open(clip.folder).action_units()
    assert set(seen) >= {"AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU25", "AU26", "AU45"}
    assert seen["AU25"].std() > 0.05
    assert np.corrcoef(true, seen["AU45"])[0, 1] > 0.4
