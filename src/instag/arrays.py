"""Arrays in files that several threads read: one at a time.

numpy parses the header of each array as Python, in which the parser of Python 3.11 now and then loses count of its depth where threads take turns, and
raises SystemError (python/cpython#106905).
"""

from pathlib import Path
from threading import Lock

import numpy as np

_READING = Lock()


def read_array(path: Path) -> np.ndarray:
    """The array of an .npy file. Raises what numpy.load raises; objects are refused."""
    with _READING:
        return np.load(path, allow_pickle=False)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by their names. Raises what numpy.load raises; objects are refused."""
    with _READING, np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
