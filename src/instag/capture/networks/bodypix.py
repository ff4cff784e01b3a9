"""Parts of a body by BodyPix with a MobileNetV1: an ONNX file with the outputs `segments` and
`part_heatmaps`, run by onnxruntime.

Pre- and postprocessing are those of TensorFlow.js: RGB in [-1, 1], an output for every 16th pixel,
a sigmoid, resized to the frame bilinearly. G. Papandreou et al., "PersonLab", ECCV 2018; 24 parts
as the published code orders them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch.nn.functional import interpolate

from instag.assets.onnx_session import open_onnx, running
from instag.errors import AssetDamaged

SIZE = 513
"""Side of the network's input: a multiple of 16 and one, so that the corners of its outputs are the
picture's."""
OUTPUTS = {"segments": 1, "part_heatmaps": 24}
"""Names and channels of the network's outputs."""
HEAD, ARMS, TRUNK = (0, 1), tuple(range(2, 12)), (12, 13)
"""Left and right half of the head; upper and lower arms and hands; chest and back. The other parts
are legs and feet."""


@dataclass(frozen=True, kw_only=True)
class Body:
    """Probabilities in [0, 1] of any person; and, given a person, of the head, of an arm or hand,
    and of the trunk."""

    person: Float[np.ndarray, "h w"]
    head: Float[np.ndarray, "h w"]
    arms: Float[np.ndarray, "h w"]
    trunk: Float[np.ndarray, "h w"]


@final
class BodyPix:
    """The network with its pre- and postprocessing. Raises AssetDamaged where the file contains
    another network."""

    def __init__(self, path: Path) -> None:
        self._session, self._path = open_onnx(path), path
        inputs = [(given.type, given.shape[-1:]) for given in self._session.get_inputs()]
        channels = {output.name: output.shape[-1:] for output in self._session.get_outputs()}
        found = {name: channels.get(name, []) for name in OUTPUTS}
        if inputs != [("tensor(float)", [3])] or found != {n: [c] for n, c in OUTPUTS.items()}:
            expected = " and ".join(f"{name} of {count}" for name, count in OUTPUTS.items())
            raise AssetDamaged(
                f"{path} is another network's: its input should have 3 channels, and its outputs "
                f"{expected} channels. It has "
                f"{', '.join(f'{name} of {n}' for name, n in found.items())}."
            )
        self._input = self._session.get_inputs()[0].name

    def __call__(self, frame: UInt8[np.ndarray, "h w 3"]) -> Body:
        """The parts of the person in an RGB frame."""
        small = cv2.resize(
            frame,
            (SIZE, SIZE),
            interpolation=cv2.INTER_AREA if len(frame) > SIZE else cv2.INTER_LINEAR,
        )
        picture = small[None].astype(np.float32) / np.float32(127.5) - 1
        with running(self._path):
            person, parts = (
                torch.sigmoid(torch.from_numpy(np.asarray(logits)).permute(0, 3, 1, 2))
                for logits in self._session.run(list(OUTPUTS), {self._input: picture})
            )
        kinds = torch.cat(
            [person, *(parts[:, list(part)].amax(1, keepdim=True) for part in (HEAD, ARMS, TRUNK))],
            1,
        )
        whole = (
            interpolate(kinds, (SIZE, SIZE), mode="bilinear", align_corners=True)[0]
            .permute(1, 2, 0)
            .numpy()
        )
        resized = cv2.resize(whole, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return Body(
            person=resized[..., 0],
            head=resized[..., 1],
            arms=resized[..., 2],
            trunk=resized[..., 3],
        )
