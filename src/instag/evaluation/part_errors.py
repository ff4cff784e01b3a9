"""Errors of a prediction within the parts of the true pictures, pooled over frames."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from instag.evaluation.image import decibels
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.parts import PARTS, Part
from instag.ops.lpips import Lpips

NO_LPIPS = NotMeasured(
    "the weights of LPIPS are not on this machine. Get them with: instag assets get lpips"
)


@final
@dataclass(frozen=True, kw_only=True)
class PartError:
    """psnr: dB, of the mean squared error over the part's pixels in all frames. lpips: mean over
    frames of the distance within the part. per_frame: PSNR of each frame, NaN where the part is not
    seen."""

    psnr: float | NotMeasured
    lpips: float | NotMeasured
    per_frame: Float[np.ndarray, " f"]


@final
class PartMeter:
    """Sums errors within parts over a stream of pictures; `errors` returns the measurement so far.

    LPIPS of a part is the mean of LPIPS' maps over it: each layer's map of the whole picture is
    weighted by the share of the part in each of its cells.
    """

    def __init__(self, lpips: Lpips | None, device: torch.device | str = "cpu") -> None:
        self._lpips, self._device = lpips, device
        self._squares: list[dict[Part, tuple[float, int]]] = []
        self._distances: dict[Part, list[float]] = {part: [] for part in PARTS}

    def add(
        self,
        picture: UInt8[np.ndarray, "h w 3"],
        truth: UInt8[np.ndarray, "h w 3"],
        masks: Mapping[Part, Bool[np.ndarray, "h w"]],
    ) -> None:
        """The next frame, predicted and true, RGB, and the parts of the true one."""
        errors = ((picture.astype(np.float32) - truth) / 255) ** 2
        self._squares.append(
            {
                part: (float(errors[mask].mean(dtype=np.float64)), int(mask.sum()))
                for part, mask in masks.items()
            }
        )
        if self._lpips is not None and masks:
            for part, distance in self._distances_within(self._lpips, picture, truth, masks):
                self._distances[part].append(distance)

    def errors(self) -> dict[Part, PartError]:
        """What was measured so far."""
        return {part: self._error(part) for part in PARTS}

    def _error(self, part: Part) -> PartError:
        seen = [frame[part] for frame in self._squares if part in frame]
        per_frame = np.array(
            [decibels(frame[part][0]) if part in frame else np.nan for frame in self._squares]
        )
        if not seen:
            nowhere = NotMeasured(f"the {part} is known in no true frame")
            return PartError(psnr=nowhere, lpips=nowhere, per_frame=per_frame)
        pooled = sum(mean * count for mean, count in seen) / sum(count for _, count in seen)
        distances = self._distances[part]
        return PartError(
            psnr=decibels(pooled),
            lpips=float(np.mean(distances)) if distances else NO_LPIPS,
            per_frame=per_frame,
        )

    @torch.inference_mode()
    def _distances_within(
        self,
        lpips: Lpips,
        picture: UInt8[np.ndarray, "h w 3"],
        truth: UInt8[np.ndarray, "h w 3"],
        masks: Mapping[Part, Bool[np.ndarray, "h w"]],
    ) -> list[tuple[Part, float]]:
        one, other = (
            torch.from_numpy(np.ascontiguousarray(image)).to(self._device)[None].float() / 255
            for image in (picture, truth)
        )
        inside = torch.from_numpy(np.stack(list(masks.values()))).to(self._device).float()
        distances = weighted_distances(lpips.maps(one, other), inside)
        return list(zip(masks, distances.tolist(), strict=True))


def weighted_distances(
    maps: list[Float[Tensor, "1 _ _"]], masks: Float[Tensor, "p h w"]
) -> Float[Tensor, " p"]:
    """LPIPS within each of some masks, from the maps of its layers."""
    distances = masks.new_zeros(len(masks))
    for each in maps:
        shares = torch.nn.functional.interpolate(masks[:, None], each.shape[1:], mode="area")[:, 0]
        weights = shares.sum((1, 2)).clamp_min(1e-9)
        distances = distances + (each * shares).sum((1, 2)) / weights
    return distances
