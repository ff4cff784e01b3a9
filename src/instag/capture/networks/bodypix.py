"""Parts of a body by BodyPix with a MobileNetV1, in an ONNX file with the outputs `segments` and
`part_heatmaps`.

Looked at as TensorFlow.js does: RGB in [-1, 1], answers at every 16th pixel, logistic, brought to
the frame's size linearly. G. Papandreou et al., "PersonLab", ECCV 2018; 24 parts as the published
code orders them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch.nn.functional import interpolate

from instag.capture.networks.onnx_chain import read_chain
from instag.errors import AssetDamaged

SIZE = 513
"""Side of the picture that is shown to it: a multiple of 16 and one, so that the answers' corners
are the picture's."""
HEADS = ("segments", "part_heatmaps")
PARTS = 24
HEAD, ARMS, TRUNK = (0, 1), tuple(range(2, 12)), (12, 13)
"""Left and right half of the head; upper and lower arms and hands; chest and back. The other parts
are legs and feet."""


@dataclass(frozen=True, kw_only=True)
class Body:
    """Probabilities in [0, 1]: of a person at all; and, there, of the head, of an arm or hand, of
    the trunk."""

    person: Float[np.ndarray, "h w"]
    head: Float[np.ndarray, "h w"]
    arms: Float[np.ndarray, "h w"]
    trunk: Float[np.ndarray, "h w"]


@final
class BodyPix:
    """The network and how it is looked through. Raises AssetDamaged where the file holds
    another."""

    def __init__(self, path: Path, device: torch.device) -> None:
        self._chain, self._device = read_chain(path, HEADS, device), device
        sizes = tuple(self._chain.heads[name].weight.shape[0] for name in HEADS)
        if sizes != (1, PARTS) or self._chain.trunk[0].weight.shape[1] != 3:
            raise AssetDamaged(
                f"{path} is another network's: segments and part_heatmaps have {sizes[0]} and "
                f"{sizes[1]} channels, not 1 and {PARTS}."
            )

    @torch.no_grad()
    def __call__(self, frame: UInt8[np.ndarray, "h w 3"]) -> Body:
        """The parts of the person in an RGB frame."""
        small = cv2.resize(
            frame,
            (SIZE, SIZE),
            interpolation=cv2.INTER_AREA if len(frame) > SIZE else cv2.INTER_LINEAR,
        )
        picture = (
            torch.from_numpy(small).to(self._device).permute(2, 0, 1)[None].float() / 127.5 - 1
        )
        answers = self._chain(picture)
        person, parts = (torch.sigmoid(answers[name]) for name in HEADS)
        kinds = torch.cat(
            [person, *(parts[:, list(part)].amax(1, keepdim=True) for part in (HEAD, ARMS, TRUNK))],
            1,
        )
        whole = (
            interpolate(kinds, (SIZE, SIZE), mode="bilinear", align_corners=True)[0]
            .permute(1, 2, 0)
            .cpu()
            .numpy()
        )
        grown = cv2.resize(whole, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return Body(
            person=grown[..., 0], head=grown[..., 1], arms=grown[..., 2], trunk=grown[..., 3]
        )
