"""MediaPipe's hair segmentation: what is no such file is refused, and the real one finds a
synthetic speaker's hair."""

from pathlib import Path

import numpy as np
import pytest

from instag.assets import store
from instag.capture.networks.hair import HairSegmenter
from instag.errors import AssetDamaged
from instag.synthetic import write_clip
from instag.types import Region

MODEL = Path(__file__).parents[4] / "shared" / "models" / "hair_segmentation.tflite"


def test_what_is_no_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "assets"))
    (tmp_path / "x.tflite").write_bytes(b"no model at all")
    with pytest.raises(AssetDamaged, match="no tflite file"):
        store.fetch("hair", given=[tmp_path / "x.tflite"])
    with pytest.raises(AssetDamaged, match=r"x\.tflite is damaged"):
        HairSegmenter(tmp_path / "x.tflite")


@pytest.mark.skipif(not MODEL.is_file(), reason="MediaPipe's hair segmentation is not here")
def test_the_real_model_answers_for_each_frame(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "me.clip", frames=3, size=128)
    segment = HairSegmenter(MODEL)
    answers = [segment(clip.frame(index)) for index in range(3)]
    for index, hair in enumerate(answers):
        assert hair.shape == (128, 128)
        assert hair.min() >= 0
        assert hair.max() <= 1
        regions = clip.regions(index)
        if (regions == Region.HAIR).sum() > 200:
            assert hair[regions == Region.HAIR].mean() > hair[regions == Region.TORSO].mean()
    assert np.abs(answers[1] - answers[2]).mean() < 0.05
