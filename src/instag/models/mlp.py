"""A multi-layer perceptron without biases, ReLU between its layers (METHOD 3)."""

from torch import nn


def mlp(*widths: int) -> nn.Sequential:
    """`mlp(36, 32, 32)`: two linear layers, 36 in, 32 hidden, 32 out."""
    layers: list[nn.Module] = []
    for index, (inner, outer) in enumerate(zip(widths, widths[1:], strict=False)):
        layers += [nn.ReLU()] * (index > 0) + [nn.Linear(inner, outer, bias=False)]
    return nn.Sequential(*layers)
