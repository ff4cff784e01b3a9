"""An ONNX file of somebody else's, opened by onnxruntime.

The file is read as bytes, so that it cannot name other files to read; its inputs are what the
caller asks them to be before anything runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from instag.assets.onnx_graph import check_onnx
from instag.errors import AssetDamaged
from instag.runtime.untrusted import parsing, read_at_most

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

ERRORS_ONLY = 3
MOST_BYTES = 2**31
"""Protocol buffers have no more."""


def open_onnx(path: Path) -> "InferenceSession":
    """A session on the CPU. Raises AssetDamaged where the file is no ONNX that onnxruntime runs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    remedy = "Get it again: `instag assets list` says from where."
    with parsing(path, "an ONNX file", remedy, error=AssetDamaged):
        with path.open("rb") as file:
            data = read_at_most(file, MOST_BYTES, path.name)
        check_onnx(data)
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
