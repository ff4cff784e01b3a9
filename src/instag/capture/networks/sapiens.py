"""Depth and normals by Sapiens (Khirodkar et al., ECCV 2024), as the TorchScript files that Meta
published.

Pre- and postprocessing are those of Sapiens' demo: the frame stretched to 768 x 1024 (width x
height), mean 123.5, 116.5, 103.5, deviation 58.5, 57, 57.5, and the output resized bilinearly.
Depth is relative, greater is farther; normals are in the camera's axes.
"""

from pathlib import Path
from typing import final

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from instag.assets.checkpoints import load_torchscript
from instag.capture.geometry.predicted import Prediction
from instag.capture.networks.network_input import normalized, picture_of
from instag.errors import AssetDamaged

HEIGHT, WIDTH = 1024, 768
MEAN, DEVIATION = (123.5, 116.5, 103.5), (58.5, 57.0, 57.5)


@final
class Sapiens:
    """The networks for depth and for normals. Raises AssetDamaged where a file is no
    TorchScript."""

    def __init__(self, depth: Path, normal: Path, device: torch.device) -> None:
        self._depth = load_torchscript(depth, device)
        self._normal = load_torchscript(normal, device)
        self._paths, self._device = (depth, normal), device

    @torch.inference_mode()
    def __call__(self, frame: UInt8[np.ndarray, "h w 3"]) -> Prediction:
        """Depth and unit normals of an RGB frame, at its size. Raises AssetDamaged where a network
        returns something else."""
        picture = preprocess(frame).to(self._device)
        depth = self._resized(self._depth(picture), 1, self._paths[0], frame)
        normal = self._resized(self._normal(picture), 3, self._paths[1], frame)
        return Prediction(
            depth=depth[..., 0],
            normal=normal / (np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-5),
        )

    @staticmethod
    def _resized(
        output: Tensor, channels: int, path: Path, frame: UInt8[np.ndarray, "h w 3"]
    ) -> Float[np.ndarray, "h w c"]:
        if not isinstance(output, Tensor) or output.ndim != 4 or output.shape[1] != channels:
            shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise AssetDamaged(
                f"{path} returns {shape}, not {channels} channels of a picture: it is another "
                "network of Sapiens."
            )
        full = interpolate(output.float(), frame.shape[:2], mode="bilinear", align_corners=False)
        return full[0].permute(1, 2, 0).cpu().numpy()


def preprocess(frame: UInt8[np.ndarray, "h w 3"]) -> Float[Tensor, "1 3 1024 768"]:
    """The networks' input for an RGB frame."""
    resized = cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return normalized(picture_of(resized), MEAN, DEVIATION)
