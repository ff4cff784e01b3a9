"""Pictures as messages of a WebSocket."""

import av
import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra `app` is not installed")

from instag.app.picture_coder import CHUNK, HEAD, PICTURE, H264Coder, JpegCoder
from instag.synthesis.live.frame_mailbox import PictureFrame


def frames() -> list[PictureFrame]:
    """A soft picture that moves; not every number has one."""
    rows, columns = np.mgrid[:96, :64]
    looks = [np.stack([2 * rows, 3 * columns, rows + columns + step], 2) for step in range(6)]
    numbers = (3, 4, 5, 8, 9, 12)
    return [
        PictureFrame(number=number, picture=look.astype(np.uint8))
        for number, look in zip(numbers, looks, strict=True)
    ]


def test_each_jpeg_stands_by_itself():
    for frame in frames():
        message = JpegCoder().message(frame)
        assert HEAD.unpack_from(message) == (PICTURE, 1, frame.number)
        picture = cv2.imdecode(np.frombuffer(message, np.uint8, offset=HEAD.size), cv2.IMREAD_COLOR)
        assert picture is not None
        np.testing.assert_allclose(picture[..., ::-1], frame.picture, atol=24)


def test_h264_gives_each_picture_at_once():
    coder, decoder = H264Coder(), av.CodecContext.create("h264", "r")
    for place, frame in enumerate(frames()):
        message = coder.message(frame)
        assert HEAD.unpack_from(message) == (CHUNK, place == 0, frame.number)
        (decoded,) = decoder.decode(av.Packet(message[HEAD.size :]))
        error = decoded.to_ndarray(format="rgb24").astype(int) - frame.picture
        assert np.abs(error).mean() < 6
