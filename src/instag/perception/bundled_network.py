"""A bundled network: an ONNX file of the package, which onnxruntime runs in the calling thread."""

from pathlib import Path
from typing import final

import numpy as np

BUNDLED = Path(__file__).parents[1] / "bundled"
LOG_ERRORS_ONLY = 3
"""onnxruntime's severity level of errors."""


@final
class BundledNetwork:
    """A network from one array to several. Threads may call it at the same time. shape: of its
    input."""

    def __init__(self, model: str | bytes) -> None:
        """model: the name of a file in `bundled/` without .onnx, or the bytes of an ONNX file."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = LOG_ERRORS_ONLY
        source = model if isinstance(model, bytes) else str(BUNDLED / f"{model}.onnx")
        self._session = onnxruntime.InferenceSession(
            source, options, providers=["CPUExecutionProvider"]
        )
        declared = self._session.get_inputs()[0]
        self._input, self.shape = declared.name, tuple(declared.shape)
        self._outputs = [output.name for output in self._session.get_outputs()]

    def __call__(self, values: np.ndarray) -> list[np.ndarray]:
        """The outputs, in the file's order."""
        return [
            np.asarray(output) for output in self._session.run(self._outputs, {self._input: values})
        ]
