"""LPIPS over its published weights, where they are; its shape over random ones."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from instag.ops import lpips

SHARED = Path(__file__).parents[2] / "shared" / "models" / "lpips"


def random_weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = {
        0: (64, 3, 11, 11),
        3: (192, 64, 5, 5),
        6: (384, 192, 3, 3),
        8: (256, 384, 3, 3),
        10: (256, 256, 3, 3),
    }
    weights = {}
    for number, (index, shape) in enumerate(shapes.items()):
        weights[f"features.{index}.weight"] = torch.randn(shape, generator=generator) * 0.05
        weights[f"features.{index}.bias"] = torch.zeros(shape[0])
        weights[f"lin{number}.model.1.weight"] = torch.rand(1, shape[0], 1, 1, generator=generator)
    return weights


def test_equal_pictures_do_not_differ():
    measure = lpips.Lpips(random_weights())
    picture = torch.rand(2, 64, 48, 3)
    assert measure(picture, picture).tolist() == [0, 0]
    assert (measure(picture, 1 - picture) > 0).all()


def test_weights_are_found_where_the_user_puts_them(tmp_path, monkeypatch):
    monkeypatch.setenv("INSTAG_ASSETS", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")
    assert lpips.find_weights() is None
    (tmp_path / "lpips").mkdir()
    weights: dict[str, Any] = {name: value.numpy() for name, value in random_weights().items()}
    np.savez(tmp_path / "lpips" / lpips.WEIGHTS, **weights)
    found = lpips.find_weights()
    assert found is not None
    assert lpips.load(found)(torch.rand(1, 64, 64, 3), torch.rand(1, 64, 64, 3)).shape == (1,)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the published weights are not here")
def test_published_examples():
    def picture(name: str) -> np.ndarray:
        read = cv2.imread(str(SHARED / f"ex_{name}.png"))
        assert read is not None
        return cv2.cvtColor(read, cv2.COLOR_BGR2RGB)

    measure = lpips.load(SHARED / lpips.WEIGHTS)
    reference, near, far = (
        torch.from_numpy(picture(name)).float()[None] / 255 for name in ("ref", "p0", "p1")
    )
    assert measure(reference, near).item() == pytest.approx(0.722, abs=1e-3)
    assert measure(reference, far).item() == pytest.approx(0.138, abs=1e-3)
