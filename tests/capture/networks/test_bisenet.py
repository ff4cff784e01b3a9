"""BiSeNet: the published names and shapes fit, classes become regions, and other files are
refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from capture.networks.published_shapes import bisenet, parameters, random_weights, save
from instag.capture.networks.bisenet import REGIONS, BiSeNet, _Network
from instag.errors import AssetDamaged
from instag.types import Region

CPU = torch.device("cpu")
SHAPES = bisenet()


def frame(side: int = 96) -> np.ndarray:
    """Dark on the left, coloured on the right."""
    picture = np.random.default_rng(1).integers(0, 40, (side, side, 3)).astype(np.uint8)
    picture[:, side // 2 :] += np.array([200, 90, 10], np.uint8)
    return picture


def test_the_published_size() -> None:
    """13.3 million, as the file's 53 MB say."""
    assert abs(parameters(SHAPES) / 1e6 - 13.3) < 0.05


def test_all_published_weights_but_the_training_outputs_are_used(tmp_path: Path) -> None:
    own = {name: tuple(value.shape) for name, value in _Network().state_dict().items()}
    assert own == {
        name: shape
        for name, shape in SHAPES.items()
        if not name.startswith(("conv_out16", "conv_out32"))
    }
    labels = BiSeNet(save(tmp_path / "79999_iter.pth", random_weights(SHAPES)), CPU)(frame())
    assert (labels.shape, labels.dtype) == ((96, 96), np.uint8)


def test_classes_are_regions() -> None:
    """As the family's parsing has it: hats, glasses and lips are face."""
    names = {
        0: Region.BACKGROUND,
        11: Region.MOUTH,
        14: Region.NECK,
        15: Region.NECK,
        16: Region.TORSO,
        17: Region.HAIR,
    }
    assert [names.get(number, Region.FACE) for number in range(19)] == REGIONS.tolist()


@pytest.mark.parametrize("number", [0, 11, 17])
def test_the_likeliest_class_counts(tmp_path: Path, number: int) -> None:
    """The last features are positive, so that a row of ones against rows of minus one decides."""
    state = random_weights(SHAPES)
    state["conv_out.conv_out.weight"] = torch.full_like(state["conv_out.conv_out.weight"], -1.0)
    state["conv_out.conv_out.weight"][number] = 1
    labels = BiSeNet(
        save(tmp_path / "x.pth", {f"module.{name}": value for name, value in state.items()}), CPU
    )(frame(64))
    assert np.unique(labels).tolist() == [REGIONS[number]]


def test_other_files_are_refused(tmp_path: Path) -> None:
    state = random_weights(SHAPES)
    del state["ffm.conv2.weight"]
    with pytest.raises(AssetDamaged, match=r"has no ffm\.conv2\.weight \(1 of"):
        BiSeNet(save(tmp_path / "x.pth", state), CPU)
    state = random_weights(SHAPES)
    state["conv_out.conv_out.weight"] = torch.zeros(21, 256, 1, 1)
    with pytest.raises(AssetDamaged, match=r"\(21, 256, 1, 1\), not \(19, 256, 1, 1\)"):
        BiSeNet(save(tmp_path / "x.pth", state), CPU)
    (tmp_path / "x.pth").write_text("<html>")
    with pytest.raises(AssetDamaged, match="damaged"):
        BiSeNet(tmp_path / "x.pth", CPU)
