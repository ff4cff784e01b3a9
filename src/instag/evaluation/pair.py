"""A painted frame beside the true one."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import UInt8


@final
@dataclass(frozen=True, kw_only=True)
class Pair:
    """Both RGB and of one size. index: the true frame's number."""

    index: int
    painted: UInt8[np.ndarray, "h w 3"]
    truth: UInt8[np.ndarray, "h w 3"]
