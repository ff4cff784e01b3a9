"""Video devices: what is agreed with the driver, and what is written: to a file in these tests."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from instag.errors import BadArgument, NotWritable
from instag.media.video_device import CAPABILITY, FORMAT, QUERY, SET_FORMAT, VideoDevice

SIZE = (64, 48)


def driver(can: int = 0x2, answer: tuple = (), device: int = 0) -> Callable[..., int]:
    """A driver that can so much, and answers with another width, height and layout."""

    def ioctl(file: int, request: int, content: bytearray) -> int:
        if request == QUERY:
            content[:] = CAPABILITY.pack(b"fake", b"", b"", 6, can, device, 0, 0, 0)
            return 0
        assert request == SET_FORMAT
        kind, *fields = FORMAT.unpack(content)
        assert kind == 2
        assert fields[:4] == [*SIZE, int.from_bytes(b"YU12", "little"), 1]
        assert fields[4:6] == [64, 64 * 48 * 3 // 2]
        fields[: len(answer)] = answer
        content[:] = FORMAT.pack(kind, *fields)
        return 0

    return ioctl


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "video0"
    path.touch()
    return path


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


def test_sizes_are_those_of_linux():
    """Both are part of the requests' numbers."""
    assert (CAPABILITY.size, FORMAT.size) == (104, 208)
    assert QUERY >> 16 & 0x3FFF == 104
    assert SET_FORMAT >> 16 & 0x3FFF == 208


def test_pictures_are_written_as_planes(file: Path):
    with VideoDevice(file, SIZE, driver()) as device:
        device.write(picture())
        device.write(picture())
    expected = cv2.cvtColor(picture(), cv2.COLOR_RGB2YUV_I420).tobytes()
    assert file.read_bytes() == 2 * expected


def test_a_device_may_ask_for_another_layout(file: Path):
    rgb = (*SIZE, int.from_bytes(b"RGB3", "little"))
    with VideoDevice(file, SIZE, driver(answer=rgb)) as device:
        device.write(picture())
    assert file.read_bytes() == picture().tobytes()


@pytest.mark.parametrize("answer", [(640, 480), (*SIZE, int.from_bytes(b"MJPG", "little"))])
def test_a_device_that_takes_other_pictures_is_refused(file: Path, answer: tuple):
    with pytest.raises(BadArgument, match="fixed at"):
        VideoDevice(file, SIZE, driver(answer=answer))


def test_a_camera_is_refused(file: Path):
    with pytest.raises(BadArgument, match="takes none"):
        VideoDevice(file, SIZE, driver(can=0x1))
    with pytest.raises(BadArgument, match="takes none"):
        VideoDevice(file, SIZE, driver(can=0x80000003, device=0x1))
    VideoDevice(file, SIZE, driver(can=0x80000001, device=0x2)).close()


def test_what_is_no_device(file: Path, tmp_path: Path):
    with pytest.raises(BadArgument, match="modprobe v4l2loopback"):
        VideoDevice(tmp_path / "video9", SIZE)
    with pytest.raises(BadArgument, match="no video device"):
        VideoDevice(file, SIZE)
    with pytest.raises(NotWritable, match="cannot be opened"):
        VideoDevice(tmp_path, SIZE)


def test_a_device_that_goes_away(file: Path):
    device = VideoDevice(file, SIZE, driver())
    device.close()
    device.close()
    with pytest.raises(NotWritable, match="removed"):
        device.write(picture())
