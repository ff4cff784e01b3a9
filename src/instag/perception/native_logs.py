"""Silence of the native libraries under MediaPipe, which write notes for their own developers to
standard error."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def native_logs_hidden() -> Iterator[None]:
    """Send what native code writes to standard error to nowhere while the block runs (the whole
    process's, so keep it short).

    Put a graph's construction and its first picture in it: that is when TensorFlow Lite and absl
    speak. Python's own exceptions pass through unharmed, as they are printed after the block.
    """
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
