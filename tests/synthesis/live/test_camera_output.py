"""A camera output: pictures of a live session on a device."""

import numpy as np
import pytest

from instag.errors import NotWritable
from instag.synthesis.live import camera_output
from instag.synthesis.live.camera_output import CameraOutput
from models.baking import earlier
from synthesis.live.stage import play, quiet_studio


class Device:
    """Takes two pictures, then breaks."""

    def __init__(self, path, size) -> None:
        self.path, self.size, self.shown, self.is_closed = path, size, [], False

    def write(self, picture: np.ndarray) -> None:
        if len(self.shown) == 2:
            raise NotWritable("gone")
        self.shown.append(picture)

    def close(self) -> None:
        self.is_closed = True


def test_a_device_shows_the_session_until_it_breaks(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr(camera_output, "VideoDevice", Device)
    with quiet_studio() as studio:
        session = studio.open(earlier())
        session.attach(output := CameraOutput(tmp_path / "video0", session.size))
        play(studio, 2)
        assert output.failure is None
        play(studio, 2)
        assert str(output.failure) == "gone"
        studio.end(session.name)
    device = output._device
    assert isinstance(device, Device)
    assert (device.size, len(device.shown), device.is_closed) == ((64, 64), 2, True)
    assert device.shown[0].shape == (64, 64, 3)
