"""Hostile avatars and priors: what contradicts its header, is not finite or asks for too much is
refused with one error that names the file, and nothing of it reaches the renderer."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save

from instag.errors import InstagError, NotAnArtefact
from instag.models.archive import read_member
from instag.models.avatar import Avatar
from instag.models.avatar_pictures import decode_torso, encode_torso
from instag.models.prior import Prior

ARTEFACTS = Path(__file__).parents[1] / "artefacts"
AVATAR, PRIOR = ARTEFACTS / "audio.avatar", ARTEFACTS / "lip_codes.prior"


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


Artefact = TypeVar("Artefact", Avatar, Prior)
GOOD = members(AVATAR)


def written(path: Path, content: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def with_info(**changes: object) -> dict[str, bytes]:
    info = json.loads(GOOD["avatar.json"]) | changes
    return GOOD | {"avatar.json": json.dumps(info).encode()}


def with_tensors(
    member: str, change: Callable[[dict[str, torch.Tensor]], None]
) -> dict[str, bytes]:
    tensors = load(GOOD[member])
    change(tensors)
    return GOOD | {member: save({name: value.contiguous() for name, value in tensors.items()})}


def png(side: int) -> bytes:
    return cv2.imencode(".png", np.zeros((side, side, 3), np.uint8))[1].tobytes()


def with_torsos(data: bytes) -> dict[str, bytes]:
    return GOOD | {name: data for name in GOOD if name.startswith("torso/")}


def refused(tmp_path: Path, content: dict[str, bytes], *words: str) -> str:
    path = written(tmp_path / "theirs.avatar", content)
    with pytest.raises(NotAnArtefact) as told:
        Avatar.open(path)
    message = str(told.value)
    for word in ("theirs.avatar", "Make it again with: instag create", *words):
        assert word in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("side", [2, 4096])
def test_a_torso_of_another_size_is_refused(tmp_path: Path, side: int) -> None:
    small = encode_torso(np.full((side, side, 4), 255, np.uint8))
    refused(tmp_path, with_torsos(small), "torso/00000.webp", f"{side} x {side}")


@pytest.mark.parametrize("side", [16, 4096])
def test_a_backdrop_of_another_size_is_refused(tmp_path: Path, side: int) -> None:
    refused(tmp_path, GOOD | {"backdrop.png": png(side)}, "backdrop.png", f"{side} x {side}")


def test_a_picture_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, GOOD | {"backdrop.png": png(64)[:40]}, "backdrop.png")
    torso = GOOD["torso/00000.webp"]
    path = written(tmp_path / "cut.avatar", with_torsos(torso[: len(torso) // 2]))
    with pytest.raises(NotAnArtefact, match="torso frame"):
        Avatar.open(path).torso(0)


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_what_is_no_picture_is_refused(tmp_path: Path, data: bytes) -> None:
    refused(tmp_path, GOOD | {"backdrop.png": data}, "backdrop.png")
    refused(tmp_path, with_torsos(data), "torso/00000.webp")


@pytest.mark.parametrize(
    "changes",
    [
        {"size": 0},
        {"size": -64},
        {"size": 64.5},
        {"size": 40_000},
        {"size": 10**9},
        {"size": True},
        {"frames": 0},
        {"frames": 10**9},
        {"frames": 3},
        {"fps": 0},
        {"focal": float("nan")},
        {"focal": 0},
        {"focal": "75"},
        {"degree": 99},
        {"degree": -1},
        {"format_version": float("inf")},
        {"format_version": 0},
        {"speech_channels": 10**8, "conditioning": None},
        {"conditioning": {"kind": "audio", "channels": 10**8, "steps": 16}},
        {"conditioning": {"kind": "audio", "channels": -1, "steps": 16}},
        {"conditioning": {"kind": "thoughts", "channels": 80, "steps": 16}},
        {"conditioning": [80]},
        {"expression_units": ["AU01"] * 6},
        {"expression_units": 6},
        {"splats": {"face": 3}},
        {"splats": {"face": 10**9, "mouth": 1}},
        {"source": "a\nb"},
        {"source": 5},
        {"training": []},
        {"training": {"test": "all"}},
        {"unheard_of": 1},
    ],
)
def test_headers_that_cannot_be_are_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    refused(tmp_path, with_info(**changes))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
@pytest.mark.parametrize(
    "part", ["means", "opacity", "rotation", "scale", "dc", "entries", "level"]
)
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, part: str, value: float) -> None:
    def spoil(tensors: dict[str, torch.Tensor]) -> None:
        name = next(name for name in tensors if part in name)
        tensors[name].view(-1)[-1] = value

    refused(tmp_path, with_tensors("head.safetensors", spoil), part)


@pytest.mark.parametrize("value", [float("nan"), 1e30, 0.5])
def test_poses_that_are_none_are_refused(tmp_path: Path, value: float) -> None:
    def spoil(tensors: dict[str, torch.Tensor]) -> None:
        tensors["viewmats"][1, 0, 0] = value

    refused(tmp_path, with_tensors("drive.safetensors", spoil))


@pytest.mark.parametrize(
    "member, change",
    [
        ("drive.safetensors", lambda t: t.update(viewmats=t["viewmats"][:1])),
        ("drive.safetensors", lambda t: t.update(viewmats=t["viewmats"].repeat(3, 1, 1))),
        ("drive.safetensors", lambda t: t.update(viewmats=t["viewmats"][:, :3, :3])),
        ("drive.safetensors", lambda t: t.update(viewmats=t["viewmats"].double())),
        ("drive.safetensors", lambda t: t.update(expression=torch.zeros(50, 9))),
        ("drive.safetensors", lambda t: t.pop("viewmats")),
        ("head.safetensors", lambda t: t.update(more=torch.zeros(1))),
        ("head.safetensors", lambda t: t.pop("face.gaussians.means")),
        (
            "head.safetensors",
            lambda t: t.update({"face.gaussians.means": t["face.gaussians.means"][:3]}),
        ),
        (
            "head.safetensors",
            lambda t: t.update(
                {name: value[:0] for name, value in t.items() if "gaussians" in name}
            ),
        ),
        (
            "head.safetensors",
            lambda t: t.update({"face.gaussians.rest": t["face.gaussians.rest"][:, :0]}),
        ),
    ],
)
def test_tables_that_contradict_the_header_are_refused(
    tmp_path: Path, member: str, change: Callable
) -> None:
    refused(tmp_path, with_tensors(member, change))


def test_an_archive_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    """The directory alone names the sizes; nothing is unpacked."""
    path = written(tmp_path / "theirs.avatar", GOOD)
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, entry + 24, 2**32 - 2)
    path.write_bytes(data)
    with pytest.raises(NotAnArtefact, match=r"unpacks to 4\.0 GiB"):
        Avatar.open(path)


def test_no_more_is_unpacked_than_the_directory_names() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(2**20))
    data = bytearray(packed.getvalue())
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 24, 100)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        with pytest.raises((ValueError, zipfile.BadZipFile)):
            read_member(archive, "a", 1000)
        with pytest.raises(ValueError, match="may to"):
            read_member(archive, "a", 50)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_one_name_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "theirs.avatar", GOOD)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("avatar.json", b"{}")
    with pytest.raises(NotAnArtefact, match="two members of one name"):
        Avatar.open(path)


def test_a_torso_without_any_transparent_pixel_is_opaque() -> None:
    torso = np.full((32, 32, 4), 255, np.uint8)
    np.testing.assert_array_equal(decode_torso(encode_torso(torso))[..., 3], 255)


def opened(opening: Callable[[Path], Artefact], path: Path) -> Artefact | None:
    """What is read; None where it is refused by name. Anything else that is raised is a bug."""
    told = ""
    try:
        return opening(path)
    except InstagError as error:
        told = str(error)
    assert path.name in told
    return None


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)


@given(
    name=st.sampled_from([*json.loads(GOOD["avatar.json"]), "conditioning", "expression_units"]),
    value=VALUES,
)
def test_any_header_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: object
) -> None:
    path = written(tmp_path_factory.mktemp("any") / "theirs.avatar", with_info(**{name: value}))
    avatar = opened(Avatar.open, path)
    if avatar is None:
        return
    assert avatar.backdrop.shape[0] == avatar.info.size == len(avatar.torso(0))
    assert len(avatar.viewmats) == avatar.info.frames == len(avatar.torso_files)


@given(
    name=st.sampled_from(list(json.loads(members(PRIOR)["prior.json"]))),
    value=VALUES,
)
def test_any_header_of_a_prior_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: object
) -> None:
    content = members(PRIOR)
    info = json.loads(content["prior.json"]) | {name: value}
    path = written(
        tmp_path_factory.mktemp("any") / "theirs.prior",
        content | {"prior.json": json.dumps(info).encode()},
    )
    prior = opened(Prior.open, path)
    if prior is None:
        return
    assert all(torch.isfinite(value).all() for value in prior.state().values())


def test_a_prior_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    content = members(PRIOR)
    tensors = load(content["fields.safetensors"])
    next(iter(tensors.values())).view(-1)[0] = float("nan")
    path = written(tmp_path / "theirs.prior", content | {"fields.safetensors": save(tensors)})
    with pytest.raises(NotAnArtefact, match="not finite"):
        Prior.open(path)


@pytest.mark.parametrize("kind", [torch.int64, torch.float64, torch.float16, torch.bool])
@pytest.mark.parametrize("name", ["weights", "bias", "opening", "gaps", "closed", "seen"])
def test_an_adapter_of_other_numbers_is_refused(
    tmp_path: Path, name: str, kind: torch.dtype
) -> None:
    """They would meet others in the middle of speaking."""
    content = members(ARTEFACTS / "lip_codes.avatar")
    state = load(content["voice.safetensors"])
    content["voice.safetensors"] = save(state | {name: state[name].to(kind)})
    refused(tmp_path, content, f"{name} holds numbers of type {kind}")


@pytest.mark.parametrize("kind", [torch.int64, torch.bool])
def test_fields_and_gaussians_of_whole_numbers_are_refused(
    tmp_path: Path, kind: torch.dtype
) -> None:
    name = "face.gaussians.means"

    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors[name] = tensors[name].to(kind)

    refused(tmp_path, with_tensors("head.safetensors", change), f"{name} holds numbers")
    content = members(PRIOR)
    state = load(content["fields.safetensors"])
    name = next(iter(state))
    content["fields.safetensors"] = save(state | {name: state[name].to(kind)})
    with pytest.raises(NotAnArtefact, match="holds numbers of type"):
        Prior.open(written(tmp_path / "theirs.prior", content))
