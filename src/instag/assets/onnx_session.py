"""An ONNX file of somebody else's, opened by onnxruntime.

The file is read as bytes, so that it cannot name other files to read; its inputs are what the
caller asks them to be before anything runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from instag.errors import AssetDamaged

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

ERRORS_ONLY = 3


def open_onnx(path: Path) -> "InferenceSession":
    """A session on the CPU. Raises AssetDamaged where the file is no ONNX that onnxruntime runs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise AssetDamaged(
            f"{path} is no ONNX file, or is damaged ({reason}). Get it again: `instag assets list` "
            "says from where."
        ) from error
