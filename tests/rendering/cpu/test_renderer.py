"""What the CPU renderer alone promises: the same bits on any number of cores, nothing kept, nothing
said."""

import gc
import warnings
import weakref

import pytest
import torch

from instag.rendering.cpu.renderer import CpuRenderer
from rendering.scenes import MOVING, pictures, ready, render, scene


def test_the_same_bits_on_one_core_and_on_two():
    def gradients(threads: int) -> list[torch.Tensor]:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        values = ready(scene(3, frames=2, count=500, width=100, height=70), torch.float32)
        seen = render(CpuRenderer(), values, 100, 70)
        pictures(seen).square().sum().backward()
        torch.set_num_threads(before)
        found = [values[name].grad for name in MOVING]
        return [pictures(seen), *found]  # pyright: ignore[reportReturnType]

    first, second, third = gradients(1), gradients(2), gradients(2)
    assert all(
        torch.equal(a, b) and torch.equal(b, c)
        for a, b, c in zip(first, second, third, strict=True)
    )


def test_nothing_is_kept_once_a_picture_is_forgotten():
    seen = render(CpuRenderer(), ready(scene(6), torch.float32), 40, 30)
    trace = weakref.ref(seen.colors)
    gc.disable()
    del seen
    gone = trace() is None
    gc.enable()
    assert gone


@pytest.mark.parametrize("shape", [(1, 1), (64, 16), (65, 17), (16, 64)])
def test_no_warning_reaches_the_user(shape: tuple[int, int]):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        render(CpuRenderer(), {name: value.float() for name, value in scene(7).items()}, *shape)
