"""When a mouth that is shown in a browser has come to rest."""

import numpy as np
import pytest
from benchmarks.live_page import at_rest_ms


def seen(eased_ms: float, open_by: float = 40.0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures, 40 ms apart, of a mouth that eases shut from 1000 ms on, on a head that drifts."""
    times = np.arange(0.0, 2000.0, 40.0)
    left = np.clip(1 - (times - 1000.0) / eased_ms, 0, 1)
    opened = np.zeros(144)
    opened[60:84] = open_by
    drift = np.outer(times / 1000, np.sin(np.arange(144)))
    return times, 100 + left[:, None] * opened + drift


@pytest.mark.parametrize("eased_ms", [120.0, 240.0])
def test_a_mouth_rests_once_it_looks_as_it_does_later(eased_ms: float) -> None:
    late = at_rest_ms(*seen(eased_ms), stop=1000.0)
    assert late == pytest.approx(0.8 * eased_ms, abs=40)


def test_a_mouth_that_was_closed_tells_nothing() -> None:
    assert np.isnan(at_rest_ms(*seen(120.0, open_by=1.0), stop=1000.0))
