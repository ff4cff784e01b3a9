"""Action units of a head of points that blinks, raises its brows and opens its mouth while it
turns."""

import numpy as np
import pytest

from capture.heads import SIZE, head_poses, head_shape, nodding, seen
from instag.capture.tracking.fit_head import fit_head
from instag.perception.action_units import (
    CHIN,
    EARLIER_ONSET,
    FULL_BLINK,
    INNER_BROWS,
    LOWER_LIDS,
    LOWER_LIP,
    OUTER_BROWS,
    UPPER_LIDS,
    UPPER_LIP,
    action_units,
    are_measured,
)
from instag.types import Track

FRAMES = 100


def performance() -> np.ndarray:
    """Shapes (f, 478, 3): brows raised in frames 20..29, a blink in 50..53, mouth open in
    70..79."""
    rest = head_shape()
    rest[list(UPPER_LIDS)] = [[x, 0.031, 0.03] for x in (-0.035, -0.03, -0.025, 0.025, 0.03, 0.035)]
    rest[list(LOWER_LIDS)] = [[x, 0.021, 0.03] for x in (-0.035, -0.03, -0.025, 0.025, 0.03, 0.035)]
    rest[[*UPPER_LIP, *LOWER_LIP]] = [[x, -0.045, 0.05] for x in (-0.01, 0, 0.01)] * 2
    shapes = np.repeat(rest[None], FRAMES, axis=0)
    shapes[20:30, [*INNER_BROWS, *OUTER_BROWS], 1] += 0.006
    shapes[50:54, list(UPPER_LIDS), 1] -= 0.0095
    shapes[70:80, [*LOWER_LIP, *CHIN], 1] -= 0.010
    return shapes


@pytest.fixture(scope="module")
def track() -> Track:
    return fit_head(
        seen(performance(), head_poses(nodding(FRAMES, 0.15)), 600.0, jitter=0.05), SIZE, SIZE
    )


@pytest.fixture(scope="module")
def table(track: Track) -> dict[str, np.ndarray]:
    return action_units(track, SIZE, SIZE)


def test_units_from_elsewhere_are_told_from_those_measured(track, table):
    written = {name: values.round(2) for name, values in table.items()}
    assert are_measured(written, track, SIZE, SIZE)
    assert not are_measured(written | {"AU45": written["AU45"] * 0.9}, track, SIZE, SIZE)
    assert not are_measured({"AU01": written["AU01"]}, track, SIZE, SIZE)


@pytest.fixture(scope="module")
def drooping() -> Track:
    """The same with lids that are half open in frames 82..89."""
    shapes = performance()
    shapes[82:90, list(UPPER_LIDS), 1] -= 0.004
    return fit_head(seen(shapes, head_poses(nodding(FRAMES, 0.15)), 600.0, jitter=0.05), SIZE, SIZE)


def test_half_open_lids_blink_by_half(drooping: Track) -> None:
    blink = action_units(drooping, SIZE, SIZE)["AU45"]
    assert blink[82:90].min() > 0.3 * FULL_BLINK
    assert blink[82:90].max() < 0.7 * FULL_BLINK


def test_clips_observed_with_the_earlier_onset_are_measured_too(drooping: Track) -> None:
    earlier = action_units(drooping, SIZE, SIZE, blink_onset=EARLIER_ONSET)
    assert earlier["AU45"][85] < action_units(drooping, SIZE, SIZE)["AU45"][85] - 0.3
    assert are_measured(earlier, drooping, SIZE, SIZE)


def test_range_and_names(table: dict[str, np.ndarray]) -> None:
    assert set(table) == {"AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU25", "AU26", "AU45"}
    for column in table.values():
        assert column.shape == (FRAMES,)
        assert ((column >= 0) & (column < 5)).all()


def test_blink_is_full_and_short(table: dict[str, np.ndarray]) -> None:
    assert table["AU45"][51:53].min() > 0.9 * FULL_BLINK
    assert np.delete(table["AU45"], np.arange(48, 56)).max() < 0.1


def test_brows_rise_alone(table: dict[str, np.ndarray]) -> None:
    for name in ("AU01", "AU02"):
        assert table[name][22:28].min() > 2
        assert np.delete(table[name], np.arange(17, 33)).max() < 0.8
    assert table["AU25"][22:28].max() < 0.5


def test_mouth_opens_in_proportion(table: dict[str, np.ndarray]) -> None:
    assert table["AU25"][72:78].min() > 1.5
    assert table["AU26"][72:78].min() > 1
    assert np.delete(table["AU25"], np.arange(67, 83)).max() < 0.5


def test_a_turn_is_no_expression() -> None:
    shape = performance()[:1]
    track = fit_head(
        seen(np.repeat(shape, FRAMES, axis=0), head_poses(nodding(FRAMES, 0.35)), 600.0), SIZE, SIZE
    )
    for name, column in action_units(track, SIZE, SIZE).items():
        assert column.max() < 0.5, name
