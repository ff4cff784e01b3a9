"""A video device of Linux that other programs read as a camera: one that v4l2loopback makes
(docs/live.md#a-camera-for-other-programs)."""

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import final

import cv2
import numpy as np
from jaxtyping import UInt8

from instag.errors import BadArgument, NotWritable
from instag.runtime.closable import Closable

Ioctl = Callable[[int, int, bytearray], int]
"""As fcntl.ioctl, which changes the bytes."""
CAPABILITY, FORMAT = struct.Struct("16s32s32s6I"), struct.Struct("I4x12I152x")
"""struct v4l2_capability and v4l2_format of linux/videodev2.h, where pointers have 8 bytes."""
QUERY, SET_FORMAT = 0x80685600, 0xC0D05605
"""VIDIOC_QUERYCAP and VIDIOC_S_FMT: direction, bytes of the struct, 'V' and a number."""
VIDEO_OUTPUT, HAS_DEVICE_CAPABILITIES = 0x2, 0x80000000
OUTPUT, NO_FIELDS, SRGB = 2, 1, 8
"""V4L2_BUF_TYPE_VIDEO_OUTPUT, V4L2_FIELD_NONE and V4L2_COLORSPACE_SRGB."""
CONVERSIONS = {b"YU12": cv2.COLOR_RGB2YUV_I420, b"YV12": cv2.COLOR_RGB2YUV_YV12, b"RGB3": None}
"""How RGB becomes what a device takes; the first is asked for."""


@final
class VideoDevice(Closable):
    """Takes pictures of one size; used in a `with` block. Raises BadArgument where the path is no
    device that pictures can be written to, or takes no such pictures; NotWritable."""

    def __init__(self, path: Path, size: tuple[int, int], ioctl: Ioctl | None = None) -> None:
        """size: width and height of the pictures, even numbers."""
        self._path, self._size = path, size
        ioctl = ioctl or _system_ioctl(path)
        self._file = _opened(path)
        try:
            self._check_output(ioctl)
            self._pixels = self._agreed_pixels(ioctl)
        except OSError as error:
            self.close()
            raise BadArgument(f"{path} is no video device: {error.strerror}. {_ADVICE}") from error
        except BadArgument:
            self.close()
            raise

    def write(self, picture: UInt8[np.ndarray, "h w 3"]) -> None:
        """Show a picture, RGB. Raises NotWritable."""
        conversion = CONVERSIONS[self._pixels]
        shown = picture if conversion is None else cv2.cvtColor(picture, conversion)
        try:
            os.write(self._file, np.ascontiguousarray(shown).data)
        except OSError as error:
            raise NotWritable(
                f"{self._path} takes no more pictures: {error.strerror}. Was it removed?"
            ) from error

    def close(self) -> None:
        """Leave the device."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _check_output(self, ioctl: Ioctl) -> None:
        answer = bytearray(CAPABILITY.size)
        ioctl(self._file, QUERY, answer)
        *_, everything, device, _, _, _ = CAPABILITY.unpack(answer)
        can = device if everything & HAS_DEVICE_CAPABILITIES else everything
        if not can & VIDEO_OUTPUT:
            raise BadArgument(f"{self._path} gives pictures and takes none: a camera? {_ADVICE}")

    def _agreed_pixels(self, ioctl: Ioctl) -> bytes:
        """The layout of pixels that the device takes. It may answer with another than it is asked
        for, or with another size."""
        (across, down), wanted = self._size, int.from_bytes(next(iter(CONVERSIONS)), "little")
        layout = (wanted, NO_FIELDS, across, across * down * 3 // 2, SRGB)
        asked = bytearray(FORMAT.pack(OUTPUT, across, down, *layout, 0, 0, 0, 0, 0))
        ioctl(self._file, SET_FORMAT, asked)
        _, width, height, pixels, *_ = FORMAT.unpack(asked)
        code = pixels.to_bytes(4, "little")
        if (width, height) == self._size and code in CONVERSIONS:
            return code
        raise BadArgument(
            f"{self._path} is fixed at {width} x {height} pixels ({code.decode('latin-1')}), not "
            f"{across} x {down}. Close the programs that read it, and try again."
        )


_ADVICE = "Make one: sudo modprobe v4l2loopback exclusive_caps=1"


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR)
    except FileNotFoundError as error:
        raise BadArgument(f"There is no video device {path}. {_ADVICE}") from error
    except OSError as error:
        raise NotWritable(
            f"{path} cannot be opened: {error.strerror}. Are you in the group video?"
        ) from error


def _system_ioctl(path: Path) -> Ioctl:
    try:
        from fcntl import ioctl
    except ImportError as error:
        raise BadArgument(f"{path}: only Linux has such video devices.") from error
    return ioctl
