"""The members of an avatar's archive, each read and checked against avatar.json: anybody may have
written the file."""

import zipfile

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor

from instag.models.archive import MOST_INFO, MOST_PICTURE, MOST_TENSORS, read_member
from instag.models.avatar_info import HIGHEST_DEGREE, AvatarInfo
from instag.models.baked_head import BakedHead, check_baked_head
from instag.models.consent import Consent, consent_of
from instag.models.gaussians import random_gaussians
from instag.models.head import Head, load_head, new_head
from instag.models.seen_gaussians import SeenGaussians, check_seen_gaussians, seen_of_tensors
from instag.runtime.picture_file import check_picture
from instag.runtime.untrusted import (
    check_rotations,
    check_shape,
    check_tensors,
    real_number,
    whole_number,
)
from instag.types import EXPRESSION_UNITS, LIP_CODES, Conditioning

HEAD = "head.safetensors"
DRIVE = "drive.safetensors"
BACKDROP = "backdrop.png"
BAKED_HEAD = "baked.safetensors"
SEEN_GAUSSIANS = "seen.safetensors"
CONSENT = "consent.json"
SPEAKER_ADAPTER, EARLIER_SPEAKER_ADAPTER = "speaker_adapter.safetensors", "voice.safetensors"

ADAPTER_NUMBERS = {"mark": (torch.int64,), "late": (torch.float32, torch.float64)}
"""Types of a speaker adapter's numbers; of all others float32."""


def torso_name(index: int) -> str:
    """The member that holds a torso frame."""
    return f"torso/{index:05d}.webp"


def read_head(archive: zipfile.ZipFile, info: AvatarInfo) -> Head:
    """The head, as large as its header says. Raises ValueError, and what safetensors raises."""
    state = load(read_member(archive, HEAD, MOST_TENSORS))
    posed = any(name.startswith("face.pose_shapes.") for name in state)
    head = head_template(info.conditioning, info.expression_units, pose_shapes=posed)
    check_tensors(state, head_shapes(head, state, info), real=True)
    load_head(head, {name: value.float() for name, value in state.items()})
    return head


def head_shapes(
    template: Head, state: dict[str, Tensor], info: AvatarInfo
) -> dict[str, tuple[int, ...]]:
    """Shapes of a head's tensors by its header. Raises ValueError where it has too few spherical
    harmonics."""
    shapes = {name: tuple(value.shape) for name, value in template.state_dict().items()}
    for part in ("face", "mouth"):
        start, count = f"{part}.gaussians.", info.splats[part]
        for name in [name for name in shapes if name.startswith(start)]:
            shapes[name] = (count, *shapes[name][1:])
        rest = state.get(start + "rest")
        if rest is None or rest.dim() != 3:
            raise ValueError(f"{start}rest is missing, or is no table of spherical harmonics")
        harmonics = whole_number(
            f"the number of harmonics in {start}rest",
            rest.shape[1],
            (info.degree + 1) ** 2 - 1,
            (HIGHEST_DEGREE + 1) ** 2 - 1,
        )
        shapes[start + "rest"] = (count, harmonics, 3)
    return shapes


def head_template(
    conditioning: Conditioning,
    units: tuple[str, ...] = EXPRESSION_UNITS,
    *,
    pose_shapes: bool = False,
) -> Head:
    """A head of the right shapes to load a state into."""
    generator = torch.Generator().manual_seed(0)
    return new_head(
        face=random_gaussians(1, 0, generator),
        mouth=random_gaussians(1, 0, generator, mouth=True),
        conditioning=conditioning,
        units=units,
        pose_shapes=pose_shapes,
    )


def read_drive(archive: zipfile.ZipFile, info: AvatarInfo) -> dict[str, Tensor]:
    """The viewmats and expressions of the driving frames. Raises ValueError."""
    drive = load(read_member(archive, DRIVE, MOST_TENSORS))
    check_drive(drive, info)
    return drive


def check_drive(drive: dict[str, Tensor], info: AvatarInfo) -> None:
    """Check poses and expressions against their header. Raises ValueError."""
    units = len(info.expression_units)
    check_tensors(drive, {"viewmats": (info.frames, 4, 4), "expression": (info.frames, units)})
    for name, tensor in drive.items():
        if tensor.dtype != torch.float32:
            raise ValueError(f"{name} holds numbers of type {tensor.dtype}")
    viewmats = drive["viewmats"].numpy()
    check_rotations("the pose", viewmats[:, :3, :3])
    if np.abs(viewmats[:, 3] - (0, 0, 0, 1)).max() > 1e-3:
        raise ValueError("a pose's last row is not 0, 0, 0, 1")


def read_torso(archive: zipfile.ZipFile, name: str, size: int) -> bytes:
    """A torso frame, still compressed. Raises ValueError where its header names another size."""
    data = read_member(archive, name, MOST_PICTURE)
    try:
        check_picture(data, (size, size))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return data


def read_speaker_adapter(
    archive: zipfile.ZipFile, conditioning: Conditioning
) -> dict[str, Tensor] | None:
    """None in avatars that lip codes do not drive. Raises ValueError, KeyError."""
    if conditioning.kind != "lip_codes":
        return None
    named = SPEAKER_ADAPTER in archive.namelist()
    name = SPEAKER_ADAPTER if named else EARLIER_SPEAKER_ADAPTER
    state = load(read_member(archive, name, MOST_TENSORS))
    check_speaker_adapter(state)
    return state


def check_speaker_adapter(state: dict[str, Tensor]) -> None:
    """Check the state of a SpeakerAdapter; those of earlier versions lack seen codes and the
    identity of the networks. Raises ValueError, KeyError."""
    check_tensors(state)
    codes = LIP_CODES
    wanted = {
        "weights": (None, codes),
        "bias": (codes,),
        "opening": (codes,),
        "gaps": (None, 2),
        "closed": (),
        "late": (),
    }
    for name, shape in wanted.items():
        check_shape(name, tuple(state[name].shape), shape)
    for name, shape in {"seen": (None, codes), "mark": ()}.items():
        if name in state:
            check_shape(name, tuple(state[name].shape), shape)
    for name, tensor in state.items():
        if tensor.dtype not in ADAPTER_NUMBERS.get(name, (torch.float32,)):
            raise ValueError(f"{name} holds numbers of type {tensor.dtype}")
    if not len(state["gaps"]):
        raise ValueError("gaps is empty")
    real_number("late", float(state["late"]), -10_000, 10_000)


def read_baked_head(archive: zipfile.ZipFile, info: AvatarInfo) -> BakedHead | None:
    """None in avatars that were written before heads were baked. Raises ValueError, KeyError."""
    if info.conditioning.kind != "lip_codes" or BAKED_HEAD not in archive.namelist():
        return None
    tensors = load(read_member(archive, BAKED_HEAD, MOST_TENSORS))
    check_baked_head(tensors, info.splats["face"])
    return BakedHead.of_tensors(tensors)


def read_seen_gaussians(archive: zipfile.ZipFile, info: AvatarInfo) -> tuple[SeenGaussians, ...]:
    """None of them in avatars that were written before they were kept. Raises ValueError,
    KeyError."""
    if SEEN_GAUSSIANS not in archive.namelist():
        return ()
    tensors = load(read_member(archive, SEEN_GAUSSIANS, MOST_TENSORS))
    check_seen_gaussians(tensors, (info.splats["face"], info.splats["mouth"]))
    return seen_of_tensors(tensors)


def read_consent(archive: zipfile.ZipFile) -> Consent | None:
    """None in avatars that were made without one, or before it was kept. Raises ValueError,
    KeyError."""
    if CONSENT not in archive.namelist():
        return None
    return consent_of(read_member(archive, CONSENT, MOST_INFO))
