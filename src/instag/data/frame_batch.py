"""FrameBatch: observed frames, cut to windows of one size, on the device that they are used on."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from instag.runtime.device_copy import to_device_async
from instag.types import Camera, Condition, Region


@dataclass(frozen=True, kw_only=True)
class CropWindow:
    """Where in the picture a batch was cut: left and top of each frame, one size for all,
    pixels."""

    left: Int[Tensor, " b"]
    top: Int[Tensor, " b"]
    width: int
    height: int

    def rows(self, rows: Int[Tensor, " c"]) -> "CropWindow":
        """The windows of some of the frames."""
        return CropWindow(
            left=self.left[rows], top=self.top[rows], width=self.width, height=self.height
        )

    def to(self, device: torch.device) -> "CropWindow":
        """The same on a device."""
        return CropWindow(
            left=to_device_async(self.left, device),
            top=to_device_async(self.top, device),
            width=self.width,
            height=self.height,
        )


@dataclass(frozen=True, kw_only=True)
class FrameBatch:
    """A batch of observed frames, cut to a window.

    background: torso over backdrop. alpha: the head's share of each pixel (face and hair, not the
    inside of the mouth), of 255. lips: the square around the lips, as a mask. depth: metres,
    normal: camera axes (x right, y up, z toward the camera), both zero where `surface_valid` is
    not.
    """

    indices: Int[Tensor, " b"]
    image: UInt8[Tensor, "b h w 3"]
    regions: UInt8[Tensor, "b h w"]
    background: UInt8[Tensor, "b h w 3"]
    alpha: UInt8[Tensor, "b h w"]
    lips: Bool[Tensor, "b h w"]
    camera: Camera
    condition: Condition
    depth: Float[Tensor, "b h w"] | None
    normal: Float[Tensor, "b h w 3"] | None
    surface_valid: Bool[Tensor, "b h w"] | None

    def is_region(self, *labels: Region) -> Bool[Tensor, "b h w"]:
        """Where the frame shows any of these."""
        mask = torch.zeros_like(self.regions, dtype=torch.bool)
        for label in labels:
            mask |= self.regions == int(label)
        return mask

    def head_alpha(self, *, hair: bool = True) -> Float[Tensor, "b h w"]:
        """The head's share of each pixel in [0, 1]; without hair, that of the face's pixels
        alone."""
        alpha = self.alpha.float() / 255
        return (
            alpha
            if hair
            else torch.where(self.is_region(Region.FACE), alpha, torch.zeros_like(alpha))
        )

    def head_over(
        self, color: Float[Tensor, "b #h #w 3"], *, hair: bool = True
    ) -> Float[Tensor, "b h w 3"]:
        """The head alone over a colour, in [0, 1]: what lies behind is taken out of the mixed
        pixels (I - (1 - a) B, within what a share of a can be)."""
        alpha = self.head_alpha(hair=hair)[..., None]
        own = (
            (self.image.float() / 255 - (1 - alpha) * (self.background.float() / 255))
            .clamp_min(0)
            .minimum(alpha)
        )
        return own + (1 - alpha) * color

    def is_hair(self) -> Bool[Tensor, "b h w"]:
        """Where hair is, or the soft outline of the head reaches out of its regions."""
        return self.is_region(Region.HAIR) | ((self.alpha > 0) & ~self.is_region(Region.FACE))
