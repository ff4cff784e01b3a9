"""A multi-layer perceptron without biases, ReLU between its layers (docs/method.md#networks)."""

from itertools import pairwise

from torch import nn


def mlp(*widths: int) -> nn.Sequential:
    """`mlp(36, 32, 32)`: two linear layers, 36 in, 32 hidden, 32 out."""
    layers: list[nn.Module] = []
    for index, (inner, outer) in enumerate(pairwise(widths)):
        layers += [nn.ReLU()] * (index > 0) + [nn.Linear(inner, outer, bias=False)]
    return nn.Sequential(*layers)
