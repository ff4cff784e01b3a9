"""A lip network as products of matrices computes what its convolutions do."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[3] / "tools"))

from lip_training.matrix_net import matrix_outputs

from instag.speech.lips.network import LipNet


@pytest.fixture
def net() -> LipNet:
    torch.manual_seed(0)
    return LipNet(components=8, width=16, outputs=5, dropout=0.3)


@pytest.mark.parametrize("learning", [False, True])
def test_outputs_and_dropout_are_those_of_the_network(net: LipNet, learning: bool) -> None:
    net.train(learning)
    inputs = torch.randn(3, 8, 40)
    torch.manual_seed(1)
    expected = net(inputs)
    torch.manual_seed(1)
    torch.testing.assert_close(matrix_outputs(net, inputs), expected)


def test_gradients_are_those_of_the_network(net: LipNet) -> None:
    net.eval()
    inputs = torch.randn(2, 8, 30)
    ours, theirs = (
        torch.autograd.grad(function(inputs).square().sum(), list(net.parameters()))
        for function in (lambda x: matrix_outputs(net, x), net)
    )
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)
