"""The avatar's file: what is written is read, and what is not an avatar is told apart."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from instag.errors import FileMissing, NewerFormat, NotAnArtefact
from instag.models.avatar import Avatar
from instag.models.avatar_info import AvatarInfo
from instag.models.avatar_members import BAKED_HEAD, SEEN_GAUSSIANS
from instag.models.avatar_pictures import encode_torso
from instag.models.gaussians import random_gaussians
from instag.models.head import new_head
from instag.models.seen_search import search_seen_gaussians
from instag.types import Conditioning
from models.baking import baked, earlier


@pytest.fixture(params=[False, True], ids=["rigid", "pose_shapes"])
def avatar(request: pytest.FixtureRequest) -> Avatar:
    generator = torch.Generator().manual_seed(0)
    head = new_head(
        face=random_gaussians(7, 1, generator),
        mouth=random_gaussians(5, 1, generator, mouth=True),
        conditioning=Conditioning(kind="audio", channels=80, steps=16),
        pose_shapes=request.param,
    )
    torso = np.zeros((32, 32, 4), np.uint8)
    torso[16:] = (200, 30, 40, 255)
    info = AvatarInfo(
        made_by="instag test",
        source="me.mp4",
        recipe="draft",
        front_end="mel",
        conditioning=Conditioning(kind="audio", channels=80, steps=16),
        size=32,
        focal=75.0,
        fps=25,
        degree=1,
        frames=2,
        splats={"face": 7, "mouth": 5},
    )
    return Avatar(
        info=info,
        head=head,
        viewmats=torch.eye(4).repeat(2, 1, 1),
        expression=torch.rand(2, 6),
        torso_files=[encode_torso(torso)] * 2,
        backdrop=np.full((32, 32, 3), 90, np.uint8),
    )


def test_round_trip(avatar, tmp_path):
    avatar.save(tmp_path / "me.avatar")
    again = Avatar.open(tmp_path / "me.avatar")
    assert again.info == avatar.info
    assert len(again) == 2
    for name, value in avatar.head.state_dict().items():
        torch.testing.assert_close(again.head.state_dict()[name], value)
    torch.testing.assert_close(again.expression, avatar.expression)
    np.testing.assert_array_equal(again.backdrop, avatar.backdrop)
    np.testing.assert_array_equal(again.torso(1)[..., 3], avatar.torso(1)[..., 3])
    assert np.abs(again.torso(0)[20, 20].astype(int) - (200, 30, 40, 255)).max() < 12


def test_holds_no_pickle(avatar, tmp_path):
    avatar.save(tmp_path / "me.avatar")
    with zipfile.ZipFile(tmp_path / "me.avatar") as package:
        assert {name.rsplit(".")[-1] for name in package.namelist()} == {
            "json",
            "safetensors",
            "webp",
            "png",
        }


def test_newer_format_is_refused(avatar, tmp_path):
    avatar.save(tmp_path / "me.avatar")
    with zipfile.ZipFile(tmp_path / "me.avatar") as package:
        parts = {name: package.read(name) for name in package.namelist()}
    content = json.loads(parts["avatar.json"]) | {"format_version": 99, "unheard_of": 1}
    with zipfile.ZipFile(tmp_path / "newer.avatar", "w") as package:
        for name, data in (parts | {"avatar.json": json.dumps(content).encode()}).items():
            package.writestr(name, data)
    with pytest.raises(NewerFormat, match="format version 99"):
        Avatar.open(tmp_path / "newer.avatar")


def test_damaged_and_missing_files_are_told_apart(avatar, tmp_path):
    avatar.save(tmp_path / "me.avatar")
    whole = (tmp_path / "me.avatar").read_bytes()
    (tmp_path / "half.avatar").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(NotAnArtefact, match=r"half\.avatar"):
        Avatar.open(tmp_path / "half.avatar")
    with pytest.raises(FileMissing, match="instag create"):
        Avatar.open(tmp_path / "none.avatar")


def rewritten(path: Path, member: str, change: Callable[[bytes], bytes | None]) -> Path:
    """The file with one member changed, or without it."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    changed = change(parts.pop(member))
    with zipfile.ZipFile(path, "w") as package:
        for name, data in parts.items():
            package.writestr(name, data)
        if changed is not None:
            package.writestr(member, changed)
    return path


@pytest.fixture
def with_baked(tmp_path: Path) -> Path:
    seen = (search_seen_gaussians(earlier(), baked()),)
    replace(earlier(), baked=baked(), seen=seen).save(tmp_path / "me.avatar")
    return tmp_path / "me.avatar"


def test_an_avatar_without_a_baked_head_opens(with_baked):
    assert Avatar.open(with_baked).baked is not None
    assert Avatar.open(rewritten(with_baked, BAKED_HEAD, lambda _: None)).baked is None


def test_a_baked_head_of_another_size_is_refused(with_baked):
    def smaller(data: bytes) -> bytes:
        tensors = load(data)
        return save(tensors | {"mean": tensors["mean"][:-1].contiguous()})

    with pytest.raises(NotAnArtefact, match="mean is 149 x 10, not 150 x 10"):
        Avatar.open(rewritten(with_baked, BAKED_HEAD, smaller))


def test_a_baked_head_with_numbers_that_are_none_is_refused(with_baked):
    def spoiled(data: bytes) -> bytes:
        tensors = load(data)
        tensors["steps"][0, 0] = torch.nan
        return save(tensors)

    with pytest.raises(NotAnArtefact, match="steps"):
        Avatar.open(rewritten(with_baked, BAKED_HEAD, spoiled))


def test_an_avatar_without_seen_gaussians_opens(with_baked):
    assert len(Avatar.open(with_baked).seen) == 1
    assert Avatar.open(rewritten(with_baked, SEEN_GAUSSIANS, lambda _: None)).seen == ()


def test_seen_gaussians_of_another_head_are_refused(with_baked):
    def fewer(data: bytes) -> bytes:
        tensors = load(data)
        return save(tensors | {"face": tensors["face"][:, :-1].contiguous()})

    with pytest.raises(NotAnArtefact, match="face is 1 x 149, not 1 x 150"):
        Avatar.open(rewritten(with_baked, SEEN_GAUSSIANS, fewer))


def test_seen_gaussians_that_are_no_truths_are_refused(with_baked):
    def spoiled(data: bytes) -> bytes:
        kept = load(data)["face"].numpy().tobytes()
        assert data.count(kept) == 1
        return data.replace(kept, b"\x07" + kept[1:])

    with pytest.raises(NotAnArtefact, match="neither true nor false"):
        Avatar.open(rewritten(with_baked, SEEN_GAUSSIANS, spoiled))
