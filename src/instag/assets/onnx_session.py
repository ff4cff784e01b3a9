"""A session of onnxruntime for an ONNX file.

The file is read as bytes, so that it cannot name other files to read; its inputs are what the
caller asks them to be before anything runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from instag.errors import AssetDamaged

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

ERRORS_ONLY = 3


def onnx_session(model: bytes, *, threads: int | None = None) -> "InferenceSession":
    """A session on the CPU. threads: that it computes with; 1 for the caller's own, None for what
    onnxruntime chooses. Raises what onnxruntime raises."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    if threads is not None:
        options.intra_op_num_threads = options.inter_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def open_onnx(path: Path) -> "InferenceSession":
    """A session for somebody else's file. Raises AssetDamaged where it is no ONNX that onnxruntime
    runs."""
    try:
        return onnx_session(path.read_bytes())
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise AssetDamaged(
            f"{path} is no ONNX file, or is damaged ({reason}). Get it again: `instag assets list` "
            "says from where."
        ) from error
