"""Which renderer a device gets."""

import torch

from instag.rendering.backends import renderer_for
from instag.rendering.cpu import CpuRenderer
from instag.rendering.torch_oracle import TorchOracle


def test_the_fast_one_on_the_cpu_and_one_that_works_elsewhere():
    assert isinstance(renderer_for("cpu"), CpuRenderer)
    assert isinstance(renderer_for(torch.device("meta")), TorchOracle)
