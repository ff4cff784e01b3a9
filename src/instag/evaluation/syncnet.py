"""SyncNet: a network for faces and one for speech, whose embeddings are close where both belong
together.

Chung & Zisserman, "Out of time: automated lip sync in the wild", ACCV workshops 2016; the layers
and the names of the published weights, `syncnet_v2.model`. The published network convolves in 3D,
but only its first layer spans more than one frame, and it spans all five: here they are the
channels of 2D convolutions, which CPUs compute faster.
"""

from pathlib import Path
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from instag.assets import store
from instag.assets.tensor_files import read_tensors
from instag.errors import AssetDamaged
from instag.evaluation.not_measured import NotMeasured

FRAMES = 5
"""Frames of one embedding of a face."""
CROP = 224
"""Width and height in pixels of a face crop."""
STEPS = 20
"""Steps of MFCC, 10 ms each, of one embedding of speech: five frames."""
WIDTH = 1024
COUNTERS = "num_batches_tracked"
AGAIN = "Get it again: instag assets get syncnet"


def _layer(convolution: nn.Conv2d, pool: nn.MaxPool2d | None = None) -> list[nn.Module]:
    return [
        convolution,
        nn.BatchNorm2d(convolution.out_channels),
        nn.ReLU(inplace=True),
        *([pool] if pool is not None else []),
    ]


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, WIDTH))


@final
class SyncNet(nn.Module):
    """Embeddings of faces and of speech. Frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_layer(nn.Conv2d(1, 64, 3, padding=1), nn.MaxPool2d(1)),
            *_layer(nn.Conv2d(64, 192, 3, padding=1), nn.MaxPool2d(3, stride=(1, 2))),
            *_layer(nn.Conv2d(192, 384, 3, padding=1)),
            *_layer(nn.Conv2d(384, 256, 3, padding=1)),
            *_layer(nn.Conv2d(256, 256, 3, padding=1), nn.MaxPool2d(3, stride=2)),
            *_layer(nn.Conv2d(256, 512, (5, 4))),
        )
        self.netcnnlip = nn.Sequential(
            *_layer(nn.Conv2d(3 * FRAMES, 96, 7, stride=2), nn.MaxPool2d(3, stride=2)),
            *_layer(
                nn.Conv2d(96, 256, 5, stride=2, padding=1), nn.MaxPool2d(3, stride=2, padding=1)
            ),
            *_layer(nn.Conv2d(256, 256, 3, padding=1)),
            *_layer(nn.Conv2d(256, 256, 3, padding=1)),
            *_layer(nn.Conv2d(256, 256, 3, padding=1), nn.MaxPool2d(3, stride=2)),
            *_layer(nn.Conv2d(256, 512, 6)),
        )
        self.netfcaud, self.netfclip = _head(), _head()
        self.requires_grad_(False).eval()

    def embed_faces(
        self, crops: Float[Tensor, "frames 3 224 224"]
    ) -> Float[Tensor, "windows 1024"]:
        """Embeddings of all windows of five successive face crops (windows = frames - 4): blue,
        green, red, in 0..255."""
        windows = (
            crops.unfold(0, FRAMES, 1)
            .permute(0, 1, 4, 2, 3)
            .flatten(1, 2)
            .contiguous(memory_format=torch.channels_last)
        )
        return self.netfclip(self.netcnnlip(windows).flatten(1))

    def embed_speech(
        self, windows: Float[Tensor, "windows 13 20"]
    ) -> Float[Tensor, "windows 1024"]:
        """Embeddings of windows of MFCC, coefficients first."""
        return self.netfcaud(self.netcnnaud(windows[:, None]).flatten(1))


def load(path: Path) -> SyncNet:
    """SyncNet over its published weights, or any state dict of the same names and shapes.

    Raises AssetDamaged where the file contains other weights.
    """
    network = SyncNet()
    expected = {
        name: value for name, value in network.state_dict().items() if not name.endswith(COUNTERS)
    }
    stored = read_tensors(path)
    absent = sorted(set(expected) - set(stored))
    if absent:
        raise AssetDamaged(
            f"{path} holds no weights of SyncNet: {len(absent)} of {len(expected)} tensors are "
            f"missing, among them {absent[0]}. {AGAIN}"
        )
    for name, value in expected.items():
        given = (
            stored[name].flatten(1, 2)
            if name.startswith("netcnnlip") and stored[name].ndim == 5
            else stored[name]
        )
        if given.shape != value.shape:
            raise AssetDamaged(
                f"{path} is another network: {name} is {_sizes(stored[name])}, and should be "
                f"{_sizes(value)}. {AGAIN}"
            )
        value.copy_(given)
    _fold(network.netcnnlip)
    _fold(network.netcnnaud)
    return network


def _fold(layers: nn.Sequential) -> None:
    """Fold each frozen normalization into the convolution before it: the same function, a fifth
    faster."""
    for index, layer in enumerate(layers):
        follower = layers[index + 1] if index + 1 < len(layers) else None
        if isinstance(layer, nn.Conv2d) and isinstance(follower, nn.BatchNorm2d):
            layers[index], layers[index + 1] = (
                fuse_conv_bn_eval(layer, follower).requires_grad_(False),
                nn.Identity(),
            )


def find() -> SyncNet | NotMeasured:
    """SyncNet, where its weights are on this machine. Raises AssetDamaged."""
    path = store.find("syncnet")
    return (
        load(path)
        if path is not None
        else NotMeasured("SyncNet's weights are not on this machine: instag assets get syncnet")
    )


def _sizes(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"
