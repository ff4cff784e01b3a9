"""Which renderer a device gets."""

import torch

from instag.rendering.cpu.renderer import CpuRenderer
from instag.rendering.reference import ReferenceRenderer
from instag.rendering.registry import renderer_for


def test_the_fast_one_on_the_cpu_and_one_that_works_elsewhere():
    assert isinstance(renderer_for("cpu"), CpuRenderer)
    assert isinstance(renderer_for(torch.device("meta")), ReferenceRenderer)
