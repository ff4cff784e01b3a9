"""A lip network as products of matrices, for learning: on one core these take two thirds of the
time of convolutions."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import dropout1d, gelu, layer_norm, pad

from instag.speech.lips.network import LipNet


def matrix_outputs(
    net: LipNet, features: Float[Tensor, "b c steps"]
) -> Float[Tensor, "b outputs frames"]:
    """What the network computes, with the same draws of dropout, except for rounding."""
    flow = features.mT
    for layer, norm in zip(net.stem, net.norms, strict=False):
        flow = _dropped(net, gelu(_normed(_convolved(layer, flow), norm)))
    for wide, mix, norm in zip(net.wide, net.mix, net.norms[len(net.stem) :], strict=True):
        around = _dropped(net, gelu(_convolved(wide, _normed(flow, norm))))
        flow = flow + _convolved(mix, around)
    return _convolved(net.head, gelu(flow)).mT


def _convolved(layer: nn.Module, flow: Float[Tensor, "b n c"]) -> Float[Tensor, "b m k"]:
    """Of the inputs that a step depends on, side by side."""
    assert isinstance(layer, nn.Conv1d)
    (taps,), (stride,), (dilation,) = layer.kernel_size, layer.stride, layer.dilation
    length = flow.shape[1]
    if taps > 1:
        reach = taps // 2 * dilation
        padded = pad(flow, (0, 0, reach, reach))
        firsts = range(0, taps * dilation, dilation)
        flow = torch.cat([padded[:, first : first + length : stride] for first in firsts], dim=2)
    weight = layer.weight.permute(2, 1, 0).flatten(0, 1)
    assert layer.bias is not None
    return torch.addmm(layer.bias, flow.flatten(0, 1), weight).unflatten(0, flow.shape[:2])


def _normed(values: Float[Tensor, "b n c"], norm: Float[Tensor, "2 c"]) -> Float[Tensor, "b n c"]:
    return layer_norm(values, values.shape[-1:], norm[0], norm[1])


def _dropped(net: LipNet, values: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
    if not (net.training and net.dropout):
        return values
    kept = torch.ones(len(values), values.shape[2], 1)
    return values * dropout1d(kept, net.dropout).mT
