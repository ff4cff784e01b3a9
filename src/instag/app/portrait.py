"""A portrait: one picture of an avatar at rest, for lists."""

import cv2
import numpy as np
import torch
from jaxtyping import UInt8

from instag.models.avatar import Avatar
from instag.synthesis.options import SpeakOptions
from instag.synthesis.speak import frames
from instag.types import SAMPLES

SIDE, PREVIEW_SIDE = 384, 512
"""Pixels, at most, of a portrait and of a picture that shows how an avatar is learned."""
QUALITY = 88


def portrait(avatar: Avatar) -> bytes:
    """A JPEG of at most SIDE pixels a side."""
    options = SpeakOptions(pose="still", expression="still", blinks=False)
    picture = next(frames(avatar, torch.zeros(SAMPLES), options, batch=1))
    return jpeg(picture, SIDE)


def jpeg(picture: UInt8[np.ndarray, "h w 3"], side: int) -> bytes:
    """An RGB picture as JPEG, at most `side` pixels wide and high."""
    scale = min(1.0, side / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
