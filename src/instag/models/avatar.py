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
from safetensors.torch import save
from torch import Tensor

from instag.errors import FileMissing
from instag.models.archive import MOST_PICTURE, opened_archive, read_info, read_member
from instag.models.avatar_info import FORMAT_VERSION, AvatarInfo, checked_info
from instag.models.avatar_members import (
    BACKDROP,
    BAKED_HEAD,
    CONSENT,
    DRIVE,
    HEAD,
    SEEN_GAUSSIANS,
    SPEAKER_ADAPTER,
    read_baked_head,
    read_consent,
    read_drive,
    read_head,
    read_seen_gaussians,
    read_speaker_adapter,
    read_torso,
    torso_name,
)
from instag.models.avatar_pictures import decode_backdrop, decode_torso, encode_backdrop
from instag.models.baked_head import BakedHead
from instag.models.consent import Consent
from instag.models.head import Head
from instag.models.seen_gaussians import SeenGaussians, seen_as_tensors
from instag.runtime.files import atomic_path
from instag.types import Camera, Conditioning

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
            content = save(stored(self.head.state_dict()))
            archive.writestr(HEAD, content, zipfile.ZIP_DEFLATED)
            drive = {"viewmats": self.viewmats, "expression": self.expression}
            archive.writestr(DRIVE, save(stored(drive)))
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
            archive.writestr(BACKDROP, encode_backdrop(self.backdrop))
            for index, torso in enumerate(self.torso_files):
                archive.writestr(torso_name(index), torso)

    @classmethod
    def open(cls, path: Path | str) -> "Avatar":
        """Raises FileMissing, NotAnArtefact, NewerFormat."""
        path = Path(path)
        if not path.is_file():
            raise FileMissing.avatar(path)
        remedy = f"Make it again with: instag create VIDEO -o {path}"
        with opened_archive(path, "an avatar", remedy) as archive:
            info = checked_info(
                AvatarInfo(**read_info(archive, "avatar.json", path, FORMAT_VERSION))
            )
            head = read_head(archive, info)
            drive = read_drive(archive, info)
            return cls(
                info=info,
                head=head.requires_grad_(False).eval(),
                viewmats=drive["viewmats"],
                expression=drive["expression"],
                torso_files=[
                    read_torso(archive, torso_name(index), info.size)
                    for index in range(info.frames)
                ],
                backdrop=decode_backdrop(read_member(archive, BACKDROP, MOST_PICTURE), info.size),
                speaker_adapter=read_speaker_adapter(archive, info.conditioning),
                baked=read_baked_head(archive, info),
                seen=read_seen_gaussians(archive, info),
                consent=read_consent(archive),
            )


def stored(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same as safetensors can store them."""
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
