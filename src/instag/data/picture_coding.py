"""How a clip's pictures are coded: frames as JPEG of high quality, all others as PNG."""

from pathlib import Path

import cv2
import numpy as np

from instag.runtime.files import write_atomic

FRAME_JPEG = (
    cv2.IMWRITE_JPEG_QUALITY,
    97,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)
PNG_FILTER, PLAIN, FROM_ABOVE = 19, 8, 32
"""cv2.IMWRITE_PNG_FILTER and two of its values by number: OpenCV 4.10 has no names for them, and
passes them over."""
QUICK_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, PNG_FILTER)
LABEL_PNG = (*QUICK_PNG, PLAIN)
"""The quickest compression, all rows filtered in one way. OpenCV's choice of a filter for each row
takes three times as long and saves nothing here."""
TORSO_PNG = (*QUICK_PNG, FROM_ABOVE)
"""The same, for colours."""
DEFAULT_PNG = ()
"""What OpenCV chooses: for a single picture, not one a frame."""


def write_picture(path: Path, image: np.ndarray, coding: tuple[int, ...]) -> None:
    """Write a picture in OpenCV's order of channels, coded as its suffix says. Raises DiskFull,
    NotWritable."""
    worked, data = cv2.imencode(path.suffix, image, list(coding))
    assert worked, f"OpenCV could not encode {path}"
    write_atomic(path, data.tobytes())
