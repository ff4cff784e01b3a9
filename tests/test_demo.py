import numpy as np
import pytest

from instag.demo import best_lag, can_show


@pytest.mark.parametrize("late", [-3, 0, 2])
def test_the_best_lag_is_the_shift_that_was_made(late):
    random = np.random.default_rng(0)
    wave = np.convolve(random.normal(size=200), np.ones(4) / 4, mode="same")
    correlation, lag = best_lag(np.roll(wave, late), wave)
    assert lag == late
    assert (correlation > 0.99) == (late == 0)


def test_lips_that_never_move_do_not_follow():
    assert best_lag(np.zeros(50), np.sin(np.arange(50.0))) == (0.0, 0)


@pytest.mark.parametrize(
    ("environment", "shown"), [({}, False), ({"DISPLAY": ":0"}, True), ({"DISPLAY": ":0", "SSH_CONNECTION": "a b"}, False), ({"WAYLAND_DISPLAY": "w"}, True)]
)
def test_a_browser_opens_only_where_there_is_a_display(environment, shown, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert can_show() is shown
