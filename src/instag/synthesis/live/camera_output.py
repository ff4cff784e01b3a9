"""A camera output: the pictures of a live session on a video device, without their sound."""

from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float, UInt8

from instag.errors import NotWritable
from instag.media.video_device import VideoDevice
from instag.synthesis.live.output import LiveOutput


@final
class CameraOutput(LiveOutput):
    """session.attach(CameraOutput(Path("/dev/video0"), session.size)). failure: why it shows no
    more pictures. Raises what VideoDevice raises."""

    def __init__(self, path: Path, side: int) -> None:
        self._device = VideoDevice(path, (side, side))
        self.failure: NotWritable | None = None

    def sound(self, number: int, samples: Float[np.ndarray, " 640"]) -> None:
        pass

    def picture(self, number: int, picture: UInt8[np.ndarray, "h w 3"]) -> None:
        """A device that is removed ends this output, not the studio."""
        if self.failure is None:
            try:
                self._device.write(picture)
            except NotWritable as error:
                self.failure = error

    def closed(self) -> None:
        self._device.close()
