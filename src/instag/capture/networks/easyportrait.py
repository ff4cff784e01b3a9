"""Teeth by EasyPortrait's face parsing, an FPN over a ResNet-50, read from the published
fpn-fp-512.pth without mmseg or mmcv.

Preprocessing is that of the AD-NeRF family: the frame at its own size, EasyPortrait's mean and
deviation, class 7 where it is the likeliest. Kapitanov et al., "EasyPortrait: Face Parsing and
Portrait Segmentation Dataset", WACV 2024; Kirillov et al., "Panoptic Feature Pyramid Networks",
CVPR 2019.
"""

from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d, relu

from instag.assets.checkpoints import load_weights
from instag.capture.networks.network_input import normalized, picture_of

MEAN, DEVIATION = (143.55267075, 132.96705975, 126.94924335), (60.2625333, 60.32740275, 59.30988645)
CLASSES = 8
"""Background, skin, left brow, right brow, left eye, right eye, lips, teeth."""
TEETH = 7
DEPTHS = (3, 4, 6, 3)
WIDTHS = (256, 512, 1024, 2048)


@final
class EasyPortrait:
    """The network with its pre- and postprocessing. Raises AssetDamaged where the file contains
    another network."""

    def __init__(self, path: Path, device: torch.device) -> None:
        self._network = load_weights(_Network(), path).to(device)
        self._device = device

    @torch.no_grad()
    def __call__(self, frame: UInt8[np.ndarray, "h w 3"]) -> Bool[np.ndarray, "h w"]:
        """The mask of teeth in an RGB frame."""
        picture = normalized(picture_of(frame, self._device), MEAN, DEVIATION)
        return (self._network(picture)[0].argmax(0) == TEETH).cpu().numpy()


class _Bottleneck(nn.Module):
    """1 x 1, 3 x 3 (with the stride) and 1 x 1 beside a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int, *, first: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = (
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.downsample = (
            nn.Sequential(
                nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )
            if first
            else nn.Identity()
        )

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        inner = relu(self.bn2(self.conv2(relu(self.bn1(self.conv1(x))))))
        return relu(self.bn3(self.conv3(inner)) + self.downsample(x))


class _Resnet50(nn.Module):
    """ResNet-50 whose first convolution is three of 3 x 3 (V1c). Features at 1/4, 1/8, 1/16 and
    1/32 of the size."""

    def __init__(self) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        for inputs, outputs, stride in ((3, 32, 2), (32, 32, 1), (32, 64, 1)):
            steps += [
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
        self.stem = nn.Sequential(*steps)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(
                *(
                    _Bottleneck(
                        inputs if block == 0 else width,
                        width // 4,
                        stride if block == 0 else 1,
                        first=block == 0,
                    )
                    for block in range(depth)
                )
            )
            for inputs, width, stride, depth in zip(
                (64, *WIDTHS[:3]), WIDTHS, (1, 2, 2, 2), DEPTHS, strict=True
            )
        )

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        x = max_pool2d(self.stem(x), 3, 2, 1)
        levels = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            levels.append(x)
        return levels


class _Bare(nn.Module):
    """A convolution, wrapped so that its weights have the checkpoint's name."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h w"]:
        return self.conv(x)


class _Pyramid(nn.Module):
    """A feature pyramid: each level plus the upsampled deeper ones."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral_convs = nn.ModuleList(_Bare(width, 256, 1) for width in WIDTHS)
        self.fpn_convs = nn.ModuleList(_Bare(256, 256, 3) for _ in WIDTHS)

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        sides = [conv(level) for conv, level in zip(self.lateral_convs, levels, strict=True)]
        for index in range(len(sides) - 1, 0, -1):
            sides[index - 1] = sides[index - 1] + interpolate(
                sides[index], sides[index - 1].shape[2:], mode="nearest"
            )
        return [conv(side) for conv, side in zip(self.fpn_convs, sides, strict=True)]


class _Block(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, 128, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(128)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b 128 h w"]:
        return relu(self.bn(self.conv(x)))


class _Head(nn.Module):
    """All levels brought to a quarter of the size in steps of two, added, and classified."""

    def __init__(self) -> None:
        super().__init__()
        heads: list[nn.Module] = [nn.Sequential(_Block(256))]
        for doublings in (1, 2, 3):
            steps: list[nn.Module] = []
            for step in range(doublings):
                steps += [
                    _Block(256 if step == 0 else 128),
                    nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
                ]
            heads.append(nn.Sequential(*steps))
        self.scale_heads = nn.ModuleList(heads)
        self.conv_seg = nn.Conv2d(128, CLASSES, 1)

    def forward(self, levels: list[Tensor]) -> Float[Tensor, "b k h w"]:
        total = self.scale_heads[0](levels[0])
        for head, level in zip(list(self.scale_heads)[1:], levels[1:], strict=True):
            total = total + interpolate(
                head(level), total.shape[2:], mode="bilinear", align_corners=False
            )
        return self.conv_seg(total)


class _Network(nn.Module):
    """Names are the checkpoint's."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = _Resnet50()
        self.neck = _Pyramid()
        self.decode_head = _Head()

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b k h w"]:
        return interpolate(
            self.decode_head(self.neck(self.backbone(x))),
            x.shape[2:],
            mode="bilinear",
            align_corners=False,
        )
