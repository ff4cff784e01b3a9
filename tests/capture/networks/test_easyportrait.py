"""EasyPortrait: mmsegmentation's names and shapes fit without it, and class 7 is teeth."""

from pathlib import Path

import numpy as np
import pytest
import torch

from capture.networks.published_shapes import easyportrait, parameters, random_weights, save
from instag.capture.networks.easyportrait import EasyPortrait, _Network
from instag.errors import AssetDamaged

CPU = torch.device("cpu")
SHAPES = easyportrait()
META = {
    "mmseg_version": "0.30.0",
    "CLASSES": ("background", "skin"),
    "PALETTE": [[0, 0, 0], [1, 2, 3]],
}
FRAME = np.random.default_rng(1).integers(0, 256, (70, 94, 3)).astype(np.uint8)


def test_the_published_size_and_names() -> None:
    """28.5 million, as EasyPortrait's table says."""
    assert abs(parameters(SHAPES) / 1e6 - 28.5) < 0.05
    assert {name: tuple(value.shape) for name, value in _Network().state_dict().items()} == SHAPES


def test_frames_of_any_size_are_looked_at_as_they_are(tmp_path: Path) -> None:
    find = EasyPortrait(
        save(tmp_path / "fpn.pth", random_weights(SHAPES), meta=META, optimizer={}), CPU
    )
    teeth = find(FRAME)
    assert (teeth.shape, teeth.dtype) == ((70, 94), np.bool_)


@pytest.mark.parametrize("number", [6, 7])
def test_teeth_are_the_seventh_class(tmp_path: Path, number: int) -> None:
    state = random_weights(SHAPES)
    state["decode_head.conv_seg.bias"][number] = 1e6
    assert EasyPortrait(save(tmp_path / "fpn.pth", state, meta=META), CPU)(FRAME).all() == (
        number == 7
    )


def test_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetDamaged, match="another network's"):
        EasyPortrait(
            save(
                tmp_path / "fpn.pth", {"backbone.conv1.weight": torch.zeros(64, 3, 7, 7)}, meta=META
            ),
            CPU,
        )
