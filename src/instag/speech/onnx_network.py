"""A speech network in an ONNX file, run by onnxruntime: the way for a DeepSpeech graph that was
converted once (docs/guide.md#what-drives-the-head)."""

from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from instag.assets.onnx_session import open_onnx, running
from instag.runtime.untrusted import check_array


@final
class OnnxNetwork:
    """Takes [n, 494], gives [n, letters]. The file's inputs: the steps of one recording [1, n,
    494], and their number [1] if it asks for it."""

    def __init__(self, path: Path) -> None:
        """Raises AssetDamaged where onnxruntime cannot run the file."""
        self.session, self._path = open_onnx(path), path

    def __call__(self, steps: Float[Tensor, "n 494"]) -> Float[Tensor, "n letters"]:
        """Raises AssetDamaged where the file does not run."""
        given = {}
        for wanted in self.session.get_inputs():
            if wanted.type == "tensor(float)":
                given[wanted.name] = (
                    steps.numpy()[None] if len(wanted.shape) == 3 else steps.numpy()
                )
            else:
                given[wanted.name] = np.array(
                    [len(steps)], np.int64 if "64" in wanted.type else np.int32
                )
        with running(self._path):
            logits = np.asarray(self.session.run(None, given)[0], np.float32)
            rows = logits.reshape(len(steps), -1)
            return torch.from_numpy(check_array("its result", rows, (None, None)))
