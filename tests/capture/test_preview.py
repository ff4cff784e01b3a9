from pathlib import Path

import cv2
import numpy as np

from instag.capture.geometry.from_mesh import render_surface
from instag.capture.preview import draw_preview, tint_regions
from instag.capture.preview_strips import COLUMNS, TILE
from instag.capture.segmentation.background import build_backdrop
from instag.capture.segmentation.torso import cut_torso
from instag.types import Region
from painted_head import painted_clip


def picture(path: Path) -> np.ndarray:
    read = cv2.imread(str(path))
    assert read is not None
    return read


def test_a_clip_that_is_only_begun_can_be_drawn(tmp_path) -> None:
    clip = painted_clip(tmp_path / "begun", 3)
    draw_preview(clip, tmp_path / "sheet.png")
    assert picture(tmp_path / "sheet.png").shape[1] >= COLUMNS * TILE


def test_a_whole_clip_is_drawn_with_curves_and_sound(tmp_path) -> None:
    clip = painted_clip(tmp_path / "whole", 8)
    build_backdrop(clip)
    cut_torso(clip)
    render_surface(clip)
    begun = tmp_path / "begun.png"
    draw_preview(clip, begun)
    clip.save_action_units({"AU01": np.linspace(0, 5, 8), "AU25": np.zeros(8)}, np.ones(8, bool))
    clip.save_speech(np.sin(np.arange(8 * 640) / 20).astype(np.float32))
    clip.save_features("mel", np.random.default_rng(0).random((8, 80, 16), np.float32))
    draw_preview(clip, tmp_path / "whole.png")
    assert len(picture(tmp_path / "whole.png")) > len(picture(begun))


def test_each_region_has_its_own_tint() -> None:
    regions = np.arange(7, dtype=np.uint8)[None]
    tinted = tint_regions(np.full((1, 7, 3), 100, np.uint8), regions)
    assert len(np.unique(tinted[0], axis=0)) == len(Region)
