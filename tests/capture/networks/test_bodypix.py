"""BodyPix: run as it was published, other files are refused, and arms are no part of the head."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, pad

from capture.networks.onnx_files import write_chain
from instag.assets import store
from instag.capture.networks.bodypix import SIZE, Body, BodyPix
from instag.capture.options import CaptureOptions, check_backends
from instag.capture.segmentation.arms import arms_of, with_arms
from instag.capture.stages import STAGES
from instag.errors import AssetDamaged
from instag.runtime.progress import silent
from instag.synthetic import write_clip
from instag.types import Region
from shared_files import copied_clip

MODEL = Path(__file__).parents[4] / "shared" / "models" / "bodypix_x050_stride16.onnx"
STRIDES = (2, 1, 2, 1, 2, 1, 2, 1)


def layers() -> list[tuple[np.ndarray, np.ndarray, int, int]]:
    """A thin MobileNetV1: 3 x 3 for each channel and 1 x 1 across them in turn, a 16th of the size
    at the end."""
    generator = np.random.default_rng(0)
    made, width = (
        [(generator.normal(size=(4, 3, 3, 3)) * 0.3, generator.normal(size=4) + 1, 2, 1)],
        4,
    )
    for stride in STRIDES[1:]:
        made.append(
            (
                generator.normal(size=(width, 1, 3, 3)) * 0.4,
                generator.normal(size=width) + 1,
                stride,
                width,
            )
        )
        made.append(
            (
                generator.normal(size=(width + 2, width, 1, 1)) * 0.4,
                generator.normal(size=width + 2) + 1,
                1,
                1,
            )
        )
        width += 2
    return made


def heads(width: int = 18, parts: int = 24) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    generator = np.random.default_rng(1)
    return {
        name: (generator.normal(size=(count, width, 1, 1)), generator.normal(size=count))
        for name, count in (("segments", 1), ("part_heatmaps", parts))
    }


def test_parts_are_the_networks_sigmoids(tmp_path: Path) -> None:
    """At the corners of the outputs nothing is between them."""
    frame = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), np.uint8)
    body = BodyPix(write_chain(tmp_path / "a.onnx", layers(), heads()))(frame)
    x = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 127.5 - 1
    for weight, bias, stride, groups in layers():
        kernel, weight, bias = (
            weight.shape[2],
            torch.tensor(weight).float(),
            torch.tensor(bias).float(),
        )
        over = [
            max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[:1:-1]
        ]
        x = conv2d(
            pad(x, [over[0] // 2, over[0] - over[0] // 2, over[1] // 2, over[1] - over[1] // 2]),
            weight,
            bias,
            stride,
            groups=groups,
        ).clamp(0, 6)
    person, parts = (
        torch.sigmoid(conv2d(x, torch.tensor(weight).float(), torch.tensor(bias).float()))[0]
        for weight, bias in heads().values()
    )
    for found, wanted in (
        (body.person, person[0]),
        (body.head, parts[:2].amax(0)),
        (body.arms, parts[2:12].amax(0)),
        (body.trunk, parts[12:14].amax(0)),
    ):
        np.testing.assert_allclose(found[::16, ::16], wanted, atol=1e-5)


def test_answers_lie_over_the_frame(tmp_path: Path) -> None:
    network = BodyPix(write_chain(tmp_path / "a.onnx", layers(), heads()))
    body = network(np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8))
    for values in vars(body).values():
        assert values.shape == (96, 96)
        assert 0 <= values.min() <= values.max() <= 1
    assert SIZE % 16 == 1


def test_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "assets"))
    (tmp_path / "page.onnx").write_text("<html>")
    with pytest.raises(AssetDamaged, match="no ONNX file"):
        store.fetch("bodypix", given=[tmp_path / "page.onnx"])
    whole = write_chain(tmp_path / "a.onnx", layers(), heads()).read_bytes()
    for name, content in {
        "page": b"<html>",
        "empty": b"",
        "half": whole[: len(whole) // 2],
        "noise": whole[:40] + bytes(400),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(AssetDamaged, match=f"{name} is damaged, or is not an ONNX file"):
            BodyPix(tmp_path / name)
    with pytest.raises(AssetDamaged, match=r"segments of .1., part_heatmaps of .19."):
        BodyPix(write_chain(tmp_path / "b.onnx", layers(), heads(parts=19)))
    with pytest.raises(AssetDamaged, match=r"part_heatmaps of .."):
        BodyPix(write_chain(tmp_path / "c.onnx", layers(), {"segments": heads()["segments"]}))


def test_arms_before_the_face_are_none_of_it() -> None:
    none, arms = np.zeros((64, 64), np.float32), np.zeros((64, 64), np.float32)
    arms[30:50, 20:40], arms[2, 2] = 0.9, 0.9
    head = np.full((64, 64), 0.6, np.float32)
    head[45:] = 0.95
    found = arms_of(Body(person=np.ones((64, 64), np.float32), head=head, arms=arms, trunk=none))
    assert found[30:45, 20:40].all()
    assert found.sum() == 15 * 20, "not where the head is likelier, nor a lone pixel"
    regions = np.full((64, 64), Region.FACE, np.uint8)
    regions[:35] = Region.BACKGROUND
    marked = with_arms(regions, found)
    assert (marked[35:45, 20:40] == Region.TORSO).all()
    assert (marked[:35] == Region.BACKGROUND).all()
    assert not arms_of(Body(person=none, head=none, arms=arms, trunk=none)).any()


def test_prepare_asks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arms wherever a person is: everything becomes torso."""
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "assets"))
    everywhere = heads()
    for name, channels in (("segments", [0]), ("part_heatmaps", range(24))):
        weight, bias = everywhere[name]
        weight[:] = 0
        bias[:] = [
            9.0 if name == "segments" or channel in (5, 10) else -9.0 for channel in channels
        ]
    store.fetch("bodypix", given=[write_chain(tmp_path / "a.onnx", layers(), everywhere)])
    clip = copied_clip(tmp_path / "me.clip", frames=3)
    options = CaptureOptions(arms="bodypix")
    check_backends(options)
    (stage,) = (stage for stage in STAGES if stage.name == "regions")
    assert stage.settings(options) == {"arms": "bodypix"}
    stage.run(clip, silent, **stage.values(options, tmp_path))
    assert set(np.unique(clip.regions(0))) <= {Region.BACKGROUND, Region.TORSO}


@pytest.mark.skipif(not MODEL.is_file(), reason="BodyPix is not here")
def test_the_real_model_knows_a_person(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "me.clip", frames=1, size=256)
    body, regions = BodyPix(MODEL)(clip.frame(0)), clip.regions(0)
    face, torso, background = (
        regions == region for region in (Region.FACE, Region.TORSO, Region.BACKGROUND)
    )
    assert body.person[face].mean() > 0.8 > 0.3 > body.person[background].mean()
    assert body.head[face].mean() > body.head[torso].mean()
    assert body.trunk[torso].mean() > body.trunk[face].mean()
    assert arms_of(body)[face].mean() < 0.01
