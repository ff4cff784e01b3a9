"""The pictures of an avatar as they are stored: torso frames as WebP, the backdrop as PNG."""

import cv2
import numpy as np
from jaxtyping import UInt8

from instag.errors import NotAnArtefact
from instag.runtime.picture_file import decode_picture

TORSO_QUALITY = 92


def encode_torso(rgba: UInt8[np.ndarray, "h w 4"]) -> bytes:
    """As WebP: a tenth of a PNG's size, alpha without loss."""
    return cv2.imencode(
        ".webp", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_WEBP_QUALITY, TORSO_QUALITY]
    )[1].tobytes()


def decode_torso(data: bytes, size: int | None = None) -> UInt8[np.ndarray, "h w 4"]:
    """The inverse of `encode_torso`, but for what WebP loses of the colours. size: the side that it
    must have. Raises NotAnArtefact."""
    try:
        decoded = decode_picture(data, cv2.IMREAD_UNCHANGED, None if size is None else (size, size))
        if decoded.ndim != 3 or decoded.shape[2] not in (3, 4):
            raise ValueError("it has no colours")
    except ValueError as error:
        raise NotAnArtefact(
            f"A torso frame of the avatar is damaged ({error}). Copy the file again, or learn it "
            "again."
        ) from error
    opaque = decoded.shape[2] == 3  # WebP leaves out an alpha that is full everywhere
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGBA if opaque else cv2.COLOR_BGRA2RGBA)


def encode_backdrop(rgb: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """As PNG."""
    return cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


def decode_backdrop(data: bytes, size: int | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """The inverse of `encode_backdrop`. size: the side that it must have. Raises ValueError."""
    try:
        picture = decode_picture(data, cv2.IMREAD_COLOR, None if size is None else (size, size))
    except ValueError as error:
        raise ValueError(f"backdrop.png: {error}") from error
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
