"""Easing: ways from 0 to 1 without a jerk."""

from typing import TypeVar

import numpy as np
from torch import Tensor

Share = TypeVar("Share", float, np.ndarray, Tensor)


def smoothstep(share: Share) -> Share:
    """Level at both ends, 3 x^2 - 2 x^3. share: 0 to 1."""
    return share * share * (3 - 2 * share)
