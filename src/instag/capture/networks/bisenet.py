"""Face parsing by BiSeNet with a ResNet-18: 19 classes of CelebAMask-HQ, read from the published
79999_iter.pth (zllrunning/face-parsing.PyTorch).

Preprocessing is that of the AD-NeRF family: the frame at 512 x 512, ImageNet's mean and deviation,
the likeliest class, resized to the frame by nearest neighbours. Yu et al., "BiSeNet: Bilateral
Segmentation Network for Real-time Semantic Segmentation", ECCV 2018.
"""

from pathlib import Path
from typing import final

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate, max_pool2d, relu

from instag.assets.checkpoints import load_weights
from instag.capture.networks.network_input import normalized, picture_of
from instag.types import Region

SIZE = 512
CLASSES = 19
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
REGIONS = np.full(CLASSES, Region.FACE, np.uint8)
"""Skin, brows, eyes, glasses, ears, earrings, nose, lips and hats (1-10, 12, 13, 18) are face, as
in the family's parsing."""
REGIONS[0], REGIONS[11], REGIONS[14], REGIONS[15], REGIONS[16], REGIONS[17] = (
    *(Region.BACKGROUND, Region.MOUTH, Region.NECK),
    *(Region.NECK, Region.TORSO, Region.HAIR),
)
"""Background; inside of the mouth; neck and necklace; cloth; hair."""


@final
class BiSeNet:
    """The network with its pre- and postprocessing. Raises AssetDamaged where the file contains
    another network."""

    def __init__(self, path: Path, device: torch.device) -> None:
        self._network = load_weights(_Network(), path).to(device)
        self._device = device

    @torch.no_grad()
    def __call__(self, frame: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w"]:
        """Regions of an RGB frame, without teeth."""
        picture = picture_of(frame, self._device)
        if frame.shape[:2] != (SIZE, SIZE):
            picture = (
                interpolate(
                    picture, (SIZE, SIZE), mode="bilinear", align_corners=False, antialias=True
                )
                .round()
                .clamp(0, 255)
            )
        scores = self._network(normalized(picture / 255, MEAN, DEVIATION))[0]
        classes = scores.argmax(0).byte().cpu().numpy()
        return REGIONS[cv2.resize(classes, frame.shape[1::-1], interpolation=cv2.INTER_NEAREST)]


class _ConvNorm(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h w"]:
        return relu(self.bn(self.conv(x)))


class _Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        changes = stride > 1 or inputs != outputs
        self.downsample = (
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
            if changes
            else nn.Identity()
        )

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        return relu(self.downsample(x) + self.bn2(self.conv2(relu(self.bn1(self.conv1(x))))))


class _Resnet18(nn.Module):
    """Features at an eighth, a sixteenth and a thirty-second of the picture's size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(_Residual(inputs, outputs, stride), _Residual(outputs, outputs, 1))
            for inputs, outputs, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))
        )

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, Tensor, Tensor]:
        eighth = self.layer2(self.layer1(max_pool2d(relu(self.bn1(self.conv1(x))), 3, 2, 1)))
        sixteenth = self.layer3(eighth)
        return eighth, sixteenth, self.layer4(sixteenth)


class _Refinement(nn.Module):
    """Attention: channels weighted by features of the whole picture."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv = _ConvNorm(inputs, 128)
        self.conv_atten = nn.Conv2d(128, 128, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(128)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b 128 h w"]:
        features = self.conv(x)
        return features * self.bn_atten(self.conv_atten(adaptive_avg_pool2d(features, 1))).sigmoid()


class _Context(nn.Module):
    """Deep features, upsampled to an eighth of the size."""

    def __init__(self) -> None:
        super().__init__()
        self.resnet = _Resnet18()
        self.arm16, self.arm32 = _Refinement(256), _Refinement(512)
        self.conv_head32, self.conv_head16 = _ConvNorm(128, 128), _ConvNorm(128, 128)
        self.conv_avg = _ConvNorm(512, 128, 1)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, Tensor]:
        eighth, sixteenth, deepest = self.resnet(x)
        deep = self.arm32(deepest) + self.conv_avg(adaptive_avg_pool2d(deepest, 1))
        middle = self.arm16(sixteenth) + self.conv_head32(
            interpolate(deep, sixteenth.shape[2:], mode="nearest")
        )
        return eighth, self.conv_head16(interpolate(middle, eighth.shape[2:], mode="nearest"))


class _Fusion(nn.Module):
    """Shallow and deep features joined, channels weighted again."""

    def __init__(self) -> None:
        super().__init__()
        self.convblk = _ConvNorm(256, 256, 1)
        self.conv1 = nn.Conv2d(256, 64, 1, bias=False)
        self.conv2 = nn.Conv2d(64, 256, 1, bias=False)

    def forward(
        self, shallow: Float[Tensor, "b 128 h w"], deep: Float[Tensor, "b 128 h w"]
    ) -> Float[Tensor, "b 256 h w"]:
        joined = self.convblk(torch.cat([shallow, deep], 1))
        return (
            joined + joined * self.conv2(relu(self.conv1(adaptive_avg_pool2d(joined, 1)))).sigmoid()
        )


class _Output(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = _ConvNorm(256, 256)
        self.conv_out = nn.Conv2d(256, CLASSES, 1, bias=False)

    def forward(self, x: Float[Tensor, "b 256 h w"]) -> Float[Tensor, "b k h w"]:
        return self.conv_out(self.conv(x))


class _Network(nn.Module):
    """The whole network without the two auxiliary outputs of its training. Names are the
    checkpoint's."""

    def __init__(self) -> None:
        super().__init__()
        self.cp = _Context()
        self.ffm = _Fusion()
        self.conv_out = _Output()

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b k h w"]:
        return interpolate(
            self.conv_out(self.ffm(*self.cp(x))), x.shape[2:], mode="bilinear", align_corners=True
        )
