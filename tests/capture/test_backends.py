"""Backends: what is missing is named before any work, and the chosen rows do the work."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capture.networks.published_shapes import (
    bisenet,
    easyportrait,
    random_weights,
    save,
    save_torchscript,
)
from instag.assets import store
from instag.capture.backends import CHOICES, without_defaults
from instag.capture.options import DEFAULTS, CaptureOptions, check_backends
from instag.capture.stage import Stage
from instag.capture.stages import STAGES, replace_track
from instag.data.clip import Clip
from instag.errors import AssetDamaged, AssetMissing, BadArgument
from instag.runtime.progress import silent
from instag.types import Region
from shared_files import copied_clip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of assets."""
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "assets"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")
    return tmp_path / "assets"


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    return copied_clip(tmp_path / "me.clip", frames=3)


def settings_of(options: CaptureOptions, stage: str) -> dict[str, object]:
    return stage_named(stage).settings(options)


def stage_named(name: str) -> Stage:
    return next(stage for stage in STAGES if stage.name == name)


def find_regions(clip: Clip, options: CaptureOptions) -> None:
    stage = stage_named("regions")
    stage.run(clip, silent, **stage.values(options, Path()))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            CaptureOptions(parsing="bisenet"),
            "--parsing bisenet needs 79999_iter.pth (50.8 MiB, MIT",
        ),
        (CaptureOptions(teeth="easyportrait"), "instag assets get easyportrait"),
        (CaptureOptions(surface="sapiens"), "instag assets get sapiens-depth-0.3b"),
        (
            CaptureOptions(surface="sapiens-2b"),
            "sapiens_2b_render_people_epoch_25_torchscript.pt2",
        ),
        (CaptureOptions(hair="mediapipe"), "hair/hair_segmentation.tflite"),
        (CaptureOptions(arms="bodypix"), "bodypix/bodypix_x050_stride16.onnx"),
        (CaptureOptions(points="fan"), "fan/2DFAN4-cd938726ad.zip"),
        (CaptureOptions(tracker="bfm"), "instag assets convert-bfm 01_MorphableModel.mat"),
    ],
)
def test_a_missing_file_is_named_with_how_to_get_it(
    home: Path, options: CaptureOptions, words: str
) -> None:
    with pytest.raises(AssetMissing) as caught:
        check_backends(options)
    assert words in str(caught.value)
    assert re.search(
        r"by hand: download https://|register at https://faces\.dmi\.unibas\.ch", str(caught.value)
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"parsing": "bisnet"},
        {"teeth": "x"},
        {"surface": "sapiens-9b"},
        {"points": "dlib"},
        {"tracker": "flame"},
        {"arms": "yolo"},
        {"au": "none.csv"},
    ],
)
def test_unknown_names_are_bad_arguments(home: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadArgument, match=r"^--"):
        check_backends(CaptureOptions(**wrong))


def test_the_default_needs_nothing_and_leaves_older_clips_good(home: Path) -> None:
    check_backends(DEFAULTS)
    assert all(
        settings_of(DEFAULTS, stage) == {}
        for stage in ("tracking", "action_units", "regions", "surface")
    )
    teeth = CaptureOptions(teeth="easyportrait")
    assert settings_of(teeth, "regions") == {"teeth": "easyportrait"}
    assert settings_of(teeth, "surface") == {}


def test_old_names_of_default_rows_mean_the_same(home: Path) -> None:
    assert CaptureOptions(parsing="embedded", tracker="embedded") == DEFAULTS
    assert without_defaults({"parsing": "embedded", "teeth": "easyportrait", "size": 512}) == {
        "teeth": "easyportrait",
        "size": 512,
    }


def test_help_names_every_row() -> None:
    for choice in CHOICES:
        for row in choice.rows:
            assert f"{row.name} ({row.help})" in choice.full_help


def test_parsing_and_teeth_by_networks(home: Path, clip: Clip, tmp_path: Path) -> None:
    """Every pixel is mouth, and teeth are everywhere: what one network says passes through the
    other."""
    parser, teeth = random_weights(bisenet()), random_weights(easyportrait())
    parser["conv_out.conv_out.weight"][:] = -1
    parser["conv_out.conv_out.weight"][11] = 1
    teeth["decode_head.conv_seg.bias"][7] = 1e6
    store.fetch("bisenet", given=[save(tmp_path / "a.pth", parser)])
    store.fetch("easyportrait", given=[save(tmp_path / "b.pth", teeth, meta={"epoch": 1})])
    find_regions(clip, CaptureOptions(parsing="bisenet"))
    assert (clip.regions(1) == Region.MOUTH).all()
    find_regions(clip, CaptureOptions(parsing="bisenet", teeth="easyportrait"))
    assert (clip.regions(1) == Region.TEETH).all()


def test_points_by_fan_replace_ours_alone(home: Path, clip: Clip, tmp_path: Path) -> None:
    store.fetch("fan", given=[save_torchscript(tmp_path / "fan.zip", 68)], trust=True)
    assert store.check("fan") == home / "fan" / "2DFAN4-cd938726ad.zip"
    before = clip.track()
    after = replace_track(clip, before, silent, points="fan", tracker="builtin")
    assert np.array_equal(clip.track().landmarks68, after.landmarks68)
    assert after.landmarks68.shape == before.landmarks68.shape
    assert not np.array_equal(after.landmarks68, before.landmarks68)
    assert np.array_equal(after.landmarks, before.landmarks)


def test_torchscript_is_known_by_what_is_in_it(home: Path, tmp_path: Path) -> None:
    with pytest.raises(AssetDamaged, match="no torchscript archive"):
        (tmp_path / "x.zip").write_text("<html>")
        store.fetch("fan", given=[tmp_path / "x.zip"])
    with pytest.raises(AssetDamaged, match=r"there is no constants\.pkl in it|no constants"):
        store.fetch("fan", given=[save(tmp_path / "y.zip", random_weights({"a": (2, 2)}))])
    assert store.find("fan") is None


@pytest.mark.parametrize("name", ["fan", "sapiens-depth-0.3b"])
def test_code_without_a_known_digest_is_not_taken(home: Path, tmp_path: Path, name: str) -> None:
    theirs = save_torchscript(tmp_path / "theirs.zip", 68)
    with pytest.raises(BadArgument, match=f"assets get {name} --from .*theirs.zip --trust"):
        store.fetch(name, given=[theirs])
    assert store.find(name) is None


def test_code_of_the_published_digest_is_taken(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_torchscript(tmp_path / "fan.zip", 68)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    known = replace(store.named("fan").sources[0], sha256=digest)
    monkeypatch.setattr(store, "ASSETS", (replace(store.named("fan"), sources=(known,)),))
    assert store.fetch("fan", given=[path]).read_bytes() == path.read_bytes()


def test_sapiens_files_are_both_needed(home: Path, tmp_path: Path) -> None:
    store.fetch("sapiens-depth-0.3b", given=[save_torchscript(tmp_path / "d.pt2", 1)], trust=True)
    with pytest.raises(AssetMissing, match=r"sapiens-normal-0\.3b"):
        check_backends(CaptureOptions(surface="sapiens"))
    store.fetch("sapiens-normal-0.3b", given=[save_torchscript(tmp_path / "n.pt2", 3)], trust=True)
    check_backends(CaptureOptions(surface="sapiens-0.3b"))
