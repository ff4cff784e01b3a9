"""A bundled network: an ONNX file of the package, which onnxruntime runs in the calling thread."""

from pathlib import Path
from typing import final

import numpy as np

from instag.assets.onnx_session import onnx_session

BUNDLED = Path(__file__).parents[1] / "bundled"


@final
class BundledNetwork:
    """A network from one array to several. Threads may call it at the same time. shape: of its
    input."""

    def __init__(self, model: str | bytes) -> None:
        """model: the name of a file in `bundled/` without .onnx, or the bytes of an ONNX file."""
        read = model if isinstance(model, bytes) else (BUNDLED / f"{model}.onnx").read_bytes()
        self._session = onnx_session(read, threads=1)
        declared = self._session.get_inputs()[0]
        self._input, self.shape = declared.name, tuple(declared.shape)
        self._outputs = [output.name for output in self._session.get_outputs()]

    def __call__(self, values: np.ndarray) -> list[np.ndarray]:
        """The outputs, in the file's order."""
        return [
            np.asarray(output) for output in self._session.run(self._outputs, {self._input: values})
        ]
