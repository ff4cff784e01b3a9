"""A session of onnxruntime for an ONNX file.

The file is read as bytes, so that it cannot name other files to read; its inputs are what the
caller asks them to be before anything runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from instag.assets.onnx_graph import check_onnx
from instag.errors import AssetDamaged
from instag.runtime.untrusted import parsing, read_at_most

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FATAL_ONLY = 4
"""Errors are raised as well."""
AGAIN = "Get it again: `instag assets list` says from where."
MOST_BYTES = 2**31
"""Protocol buffers have no more."""


def onnx_session(model: bytes, *, threads: int | None = None) -> "InferenceSession":
    """A session on the CPU. threads: that it computes with; 1 for the caller's own, None for what
    onnxruntime chooses. Raises what onnxruntime raises."""
    import onnxruntime

    if hasattr(onnxruntime, "disable_telemetry_events"):  # Windows has no variable
        onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL_ONLY
    if threads is not None:
        options.intra_op_num_threads = options.inter_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def open_onnx(path: Path) -> "InferenceSession":
    """A session for somebody else's file. Raises AssetDamaged where it is no ONNX that onnxruntime
    runs."""
    with parsing(path, "an ONNX file", AGAIN, error=AssetDamaged):
        with path.open("rb") as file:
            data = read_at_most(file, MOST_BYTES, path.name)
        check_onnx(data)
        return onnx_session(data)


@contextmanager
def running(path: Path) -> Iterator[None]:
    """Let whatever somebody else's file raises while it runs in the block become AssetDamaged."""
    with parsing(path, "a network of the kind that is needed here", AGAIN, error=AssetDamaged):
        yield
