"""The palette: how likely each colour is in each region of one clip, as smoothed histograms."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from scipy.ndimage import gaussian_filter

BINS = 32
"""Bins of each of red, green and blue."""


def bin_numbers(image: UInt8[np.ndarray, "*shape 3"]) -> np.ndarray:
    """The histogram bin of each pixel."""
    coarse = (image >> 3).astype(np.int32)
    return (coarse[..., 0] * BINS + coarse[..., 1]) * BINS + coarse[..., 2]


@dataclass(frozen=True, kw_only=True)
class Palette:
    """log_likelihood: log p(colour bin | class) + log(number of bins), so that 0 is what a flat histogram says."""

    log_likelihood: Float[np.ndarray, "bins c"]

    @classmethod
    def learn(cls, bins: np.ndarray, weights: Float[np.ndarray, "n c"], spread: float = 1.0, floor: float = 0.05) -> "Palette":
        """From pixels' bins and how much each belongs to each class.

        `spread`: how far a colour speaks for its neighbours, in bins. `floor`: share of a flat histogram, the caution.
        """
        columns = []
        for channel in range(weights.shape[1]):
            counts = np.bincount(bins.ravel(), weights[:, channel].ravel(), BINS**3).reshape(BINS, BINS, BINS)
            smooth = gaussian_filter(counts, spread, mode="constant").ravel()
            density = smooth / max(float(smooth.sum()), 1e-6) * BINS**3
            columns.append(np.log((1 - floor) * density + floor))
        return cls(log_likelihood=np.stack(columns, -1).astype(np.float32))

    def __call__(self, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w c"]:
        """Log likelihood of each class for each pixel."""
        return self.log_likelihood[bin_numbers(image)]
