"""FrameBatch: observed frames, cut to windows of one size, on the device that they are used on."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from torch import Tensor

from instag.ops.halving import means_of_four
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

    def halved(self) -> "FrameBatch":
        """The same at half the width and height: colours and shares are means of four pixels,
        labels and geometry are those of one. An odd last row or column is left out."""
        camera, Ks = self.camera, self.camera.Ks.clone()
        Ks[:, :2] /= 2
        return replace(
            self,
            image=means_of_four(self.image),
            regions=one_of_four(self.regions),
            background=means_of_four(self.background),
            alpha=means_of_four(self.alpha[..., None])[..., 0],
            lips=one_of_four(self.lips),
            camera=replace(camera, Ks=Ks, width=camera.width // 2, height=camera.height // 2),
            depth=None if self.depth is None else one_of_four(self.depth),
            normal=None if self.normal is None else one_of_four(self.normal),
            surface_valid=None if self.surface_valid is None else one_of_four(self.surface_valid),
        )

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


def one_of_four(pixels: Shaped[Tensor, "b h w *c"]) -> Shaped[Tensor, "b h2 w2 *c"]:
    """Of each square of four pixels, the first."""
    height, width = pixels.shape[1] // 2, pixels.shape[2] // 2
    return pixels[:, : 2 * height : 2, : 2 * width : 2]
