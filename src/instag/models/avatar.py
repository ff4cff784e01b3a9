"""The Avatar: all that speaking needs, in one file (the third of the three artefacts).

A zip of `avatar.json` (AvatarInfo), `head.safetensors` (both sets of Gaussians, fields, aligners),
`drive.safetensors` (viewmats and expressions of the frames that it was learned from),
`speaker_adapter.safetensors` (where lip codes drive it: how they follow the person's voice),
`baked.safetensors` (where it was baked: a BakedHead),
`seen.safetensors` (which of its Gaussians show in small pictures, where they were found),
`consent.json` (where it was given: a Consent),
`torso/00000.webp` (RGBA) and `backdrop.png`. No pickle.
"""

import json
import zipfile
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from safetensors.torch import load, save
from torch import Tensor

from instag.errors import FileMissing
from instag.models.archive import (
    MOST_INFO,
    MOST_PICTURE,
    MOST_TENSORS,
    opened_archive,
    read_info,
    read_member,
)
from instag.models.avatar_info import FORMAT_VERSION, HIGHEST_DEGREE, AvatarInfo, checked_info
from instag.models.avatar_pictures import (
    decode_backdrop,
    decode_torso,
    encode_backdrop,
)
from instag.models.baked_head import BakedHead, check_baked_head
from instag.models.consent import Consent, consent_of
from instag.models.gaussians import random_gaussians
from instag.models.head import Head, load_head, new_head
from instag.models.seen_gaussians import (
    SeenGaussians,
    check_seen_gaussians,
    seen_as_tensors,
    seen_of_tensors,
)
from instag.runtime.files import atomic_path
from instag.runtime.picture_file import check_picture
from instag.runtime.untrusted import (
    check_rotations,
    check_shape,
    check_tensors,
    real_number,
    whole_number,
)
from instag.types import EXPRESSION_UNITS, LIP_CODES, Camera, Conditioning

BAKED_HEAD = "baked.safetensors"
SEEN_GAUSSIANS = "seen.safetensors"
CONSENT = "consent.json"
SPEAKER_ADAPTER, EARLIER_SPEAKER_ADAPTER = "speaker_adapter.safetensors", "voice.safetensors"
MOST_DRIVE_FRAMES = 1_500
"""Frames of poses, expressions and torso that an avatar keeps: one minute, there and back two."""


@final
@dataclass(frozen=True, kw_only=True)
class Avatar:
    """A talking head and what it needs to speak. Torso frames stay compressed until they are asked
    for.

    viewmats: world to camera, OpenCV. expression: intensities of `info.expression_units`. backdrop:
    RGB. speaker_adapter: state of a `speech.lips` SpeakerAdapter, where lip codes drive the head.
    baked: of this head, as its `head_id` tells; `baked_cache.baked_head_of` finds one for any.
    seen: of its pictures and of smaller ones, with that baked head, each as its `basis` tells;
    `seen_cache.seen_gaussians_of` finds them for any.
    consent: of the person, where the avatar was made with one.
    """

    info: AvatarInfo
    head: Head
    viewmats: Float[Tensor, "f 4 4"]
    expression: Float[Tensor, "f u"]
    torso_files: list[bytes]
    backdrop: UInt8[np.ndarray, "h w 3"]
    speaker_adapter: dict[str, Tensor] | None = None
    baked: BakedHead | None = None
    seen: tuple[SeenGaussians, ...] = ()
    consent: Consent | None = None

    def __len__(self) -> int:
        """Frames of poses, expressions and torso."""
        return len(self.viewmats)

    @property
    def conditioning(self) -> Conditioning:
        """What drives the head."""
        return self.info.conditioning

    @property
    def intrinsics(self) -> Float[Tensor, "3 3"]:
        """Those of whole pictures, pixels; on the CPU."""
        focal, middle = self.info.focal, self.info.size / 2
        return torch.tensor([[focal, 0, middle], [0, focal, middle], [0, 0, 1]])

    def camera(self, viewmats: Float[Tensor, "b 4 4"]) -> Camera:
        """Cameras of whole pictures, on the device of their poses."""
        size = self.info.size
        Ks = self.intrinsics.to(viewmats.device).expand(len(viewmats), 3, 3)
        return Camera(viewmats=viewmats, Ks=Ks, width=size, height=size)

    def torso(self, index: int) -> UInt8[np.ndarray, "h w 4"]:
        """RGBA, colours not multiplied by alpha."""
        return decode_torso(self.torso_files[index], self.info.size)

    def to(self, device: torch.device | str) -> "Avatar":
        """A copy whose head, poses and expressions lie on `device`; torso frames and backdrop are
        shared and stay on the host."""
        return replace(
            self,
            head=deepcopy(self.head).to(device),
            viewmats=self.viewmats.to(device),
            expression=self.expression.to(device),
        )

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all. Raises DiskFull."""
        with (
            atomic_path(Path(path), lasting=True) as temporary,
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
        ):
            archive.writestr("avatar.json", json.dumps(asdict(self.info), indent=1))
            archive.writestr(
                "head.safetensors", save(stored(self.head.state_dict())), zipfile.ZIP_DEFLATED
            )
            drive = {"viewmats": self.viewmats, "expression": self.expression}
            archive.writestr("drive.safetensors", save(stored(drive)))
            if self.speaker_adapter is not None:
                archive.writestr(SPEAKER_ADAPTER, save(stored(self.speaker_adapter)))
            if self.baked is not None:
                content = save(stored(self.baked.tensors()))
                archive.writestr(BAKED_HEAD, content, zipfile.ZIP_DEFLATED)
            if self.seen:
                content = save(seen_as_tensors(self.seen))
                archive.writestr(SEEN_GAUSSIANS, content, zipfile.ZIP_DEFLATED)
            if self.consent is not None:
                archive.writestr(CONSENT, self.consent.as_json())
            archive.writestr("backdrop.png", encode_backdrop(self.backdrop))
            for index, torso in enumerate(self.torso_files):
                archive.writestr(f"torso/{index:05d}.webp", torso)

    @classmethod
    def open(cls, path: Path | str) -> "Avatar":
        """Raises FileMissing, NotAnArtefact, NewerFormat."""
        path = Path(path)
        if not path.is_file():
            raise FileMissing(
                f"There is no file {path}. Make an avatar with: instag create VIDEO -o {path}"
            )
        remedy = f"Make it again with: instag create VIDEO -o {path}"
        with opened_archive(path, "an avatar", remedy) as archive:
            info = checked_info(
                AvatarInfo(**read_info(archive, "avatar.json", path, FORMAT_VERSION))
            )
            head = _read_head(archive, info)
            drive = load(read_member(archive, "drive.safetensors", MOST_TENSORS))
            check_drive(drive, info)
            return cls(
                info=info,
                head=head.requires_grad_(False).eval(),
                viewmats=drive["viewmats"],
                expression=drive["expression"],
                torso_files=[
                    _read_torso(archive, f"torso/{index:05d}.webp", info.size)
                    for index in range(info.frames)
                ],
                backdrop=decode_backdrop(
                    read_member(archive, "backdrop.png", MOST_PICTURE), info.size
                ),
                speaker_adapter=_read_speaker_adapter(archive, info.conditioning),
                baked=_read_baked_head(archive, info),
                seen=_read_seen_gaussians(archive, info),
                consent=_read_consent(archive),
            )


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


def _read_head(archive: zipfile.ZipFile, info: AvatarInfo) -> Head:
    """The head, as large as its header says. Raises ValueError, and what safetensors raises."""
    state = load(read_member(archive, "head.safetensors", MOST_TENSORS))
    posed = any(name.startswith("face.pose_shapes.") for name in state)
    head = head_template(info.conditioning, info.expression_units, pose_shapes=posed)
    check_tensors(state, head_shapes(head, state, info))
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


def _read_torso(archive: zipfile.ZipFile, name: str, size: int) -> bytes:
    """A torso frame, still compressed. Raises ValueError where its header names another size."""
    data = read_member(archive, name, MOST_PICTURE)
    try:
        check_picture(data, (size, size))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return data


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


def stored(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same as safetensors can store them."""
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def _read_speaker_adapter(
    archive: zipfile.ZipFile, conditioning: Conditioning
) -> dict[str, Tensor] | None:
    if conditioning.kind != "lip_codes":
        return None
    named = SPEAKER_ADAPTER in archive.namelist()
    name = SPEAKER_ADAPTER if named else EARLIER_SPEAKER_ADAPTER
    state = load(read_member(archive, name, MOST_TENSORS))
    check_speaker_adapter(state)
    return state


def _read_baked_head(archive: zipfile.ZipFile, info: AvatarInfo) -> BakedHead | None:
    """None in avatars that were written before heads were baked."""
    if info.conditioning.kind != "lip_codes" or BAKED_HEAD not in archive.namelist():
        return None
    tensors = load(read_member(archive, BAKED_HEAD, MOST_TENSORS))
    check_baked_head(tensors, info.splats["face"])
    return BakedHead.of_tensors(tensors)


def _read_seen_gaussians(archive: zipfile.ZipFile, info: AvatarInfo) -> tuple[SeenGaussians, ...]:
    """None of them in avatars that were written before they were kept."""
    if SEEN_GAUSSIANS not in archive.namelist():
        return ()
    tensors = load(read_member(archive, SEEN_GAUSSIANS, MOST_TENSORS))
    check_seen_gaussians(tensors, (info.splats["face"], info.splats["mouth"]))
    return seen_of_tensors(tensors)


def _read_consent(archive: zipfile.ZipFile) -> Consent | None:
    """None in avatars that were made without one, or before it was kept."""
    if CONSENT not in archive.namelist():
        return None
    return consent_of(read_member(archive, CONSENT, MOST_INFO))


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
    if not len(state["gaps"]):
        raise ValueError("gaps is empty")
    real_number("late", float(state["late"]), -10_000, 10_000)
