"""A bundled network: one of the ONNX files inside the package, run by onnxruntime in the calling
thread alone.
"""

from pathlib import Path
from typing import final

import numpy as np
import onnxruntime

BUNDLED = Path(__file__).parents[1] / "bundled"
ERRORS_ALONE = 3


@final
class BundledNetwork:
    """Arrays in, arrays out. Several threads may call one at the same time. shape: of its input."""

    def __init__(self, model: str | bytes) -> None:
        """A file of `bundled/` by its name without .onnx, or the bytes of an ONNX file."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS_ALONE
        source = model if isinstance(model, bytes) else str(BUNDLED / f"{model}.onnx")
        self._session = onnxruntime.InferenceSession(
            source, options, providers=["CPUExecutionProvider"]
        )
        given = self._session.get_inputs()[0]
        self._input, self.shape = given.name, tuple(given.shape)
        self._outputs = [output.name for output in self._session.get_outputs()]

    def __call__(self, given: np.ndarray) -> list[np.ndarray]:
        """The outputs in the file's order."""
        return [
            np.asarray(answer) for answer in self._session.run(self._outputs, {self._input: given})
        ]
