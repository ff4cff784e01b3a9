"""16-bit sound: samples as whole numbers, as files, networks and other programs take them."""

import numpy as np
from jaxtyping import Float, Int16


def pcm16(sound: Float[np.ndarray, "samples *channels"]) -> Int16[np.ndarray, "samples *channels"]:
    """Of samples in [-1, 1]; louder ones are clipped. Little-endian."""
    return (np.clip(sound, -1, 1) * 32767).round().astype("<i2")


def floats(samples: Int16[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """In [-1, 1]."""
    return samples.astype(np.float32) / 32768
