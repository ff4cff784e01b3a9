"""The Avatar: all that speaking needs, in one file (the third of the three artefacts).

A zip of `avatar.json` (AvatarInfo), `head.safetensors` (both sets of Gaussians, fields, aligners),
`drive.safetensors` (viewmats and expressions of the frames that it was learned from),
`speaker_adapter.safetensors` (where lip codes drive it: how they follow the person's voice),
`torso/00000.webp` (RGBA) and `backdrop.png`. No pickle.
"""

import json
import zipfile
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import final

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from safetensors.torch import load, save
from torch import Tensor

from instag.errors import FileMissing, NotAnArtefact
from instag.models.archive import opened_archive, read_info
from instag.models.gaussians import random_gaussians
from instag.models.head import Head, load_head, new_head
from instag.runtime.files import atomic_path
from instag.types import EXPRESSION_UNITS, Conditioning

FORMAT_VERSION = 3
"""1 and 2 do not name `conditioning` and `expression_units`, and call the adapter a voice."""
SPEAKER_ADAPTER, EARLIER_SPEAKER_ADAPTER = "speaker_adapter.safetensors", "voice.safetensors"
MOST_DRIVE_FRAMES = 1_500
"""Frames of poses, expressions and torso that an avatar keeps: one minute, there and back two."""
TORSO_QUALITY = 92


@dataclass(frozen=True, kw_only=True)
class AvatarInfo:
    """The content of avatar.json. size: side of the picture in pixels; focal: pixels at that size;
    degree: of the spherical harmonics; expression_units: names of the expression's columns."""

    format_version: int = FORMAT_VERSION
    made_by: str
    source: str
    recipe: str
    front_end: str
    conditioning: Conditioning
    expression_units: tuple[str, ...] = EXPRESSION_UNITS
    size: int
    focal: float
    fps: int
    degree: int
    frames: int
    splats: dict[str, int]
    training: dict[str, object] = field(default_factory=dict)


@final
@dataclass(frozen=True, kw_only=True)
class Avatar:
    """A talking head and what it needs to speak. Torso frames stay compressed until they are asked
    for.

    viewmats: world to camera, OpenCV. expression: intensities of `info.expression_units`. backdrop:
    RGB. speaker_adapter: state of a `speech.lips` SpeakerAdapter, where lip codes drive the head.
    """

    info: AvatarInfo
    head: Head
    viewmats: Float[Tensor, "f 4 4"]
    expression: Float[Tensor, "f u"]
    torso_files: list[bytes]
    backdrop: UInt8[np.ndarray, "h w 3"]
    speaker_adapter: dict[str, Tensor] | None = None

    def __len__(self) -> int:
        """Frames of poses, expressions and torso."""
        return len(self.viewmats)

    @property
    def conditioning(self) -> Conditioning:
        """What drives the head."""
        return self.info.conditioning

    def torso(self, index: int) -> UInt8[np.ndarray, "h w 4"]:
        """RGBA, colours not multiplied by alpha."""
        return decode_torso(self.torso_files[index])

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
            atomic_path(Path(path)) as temporary,
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
            info = AvatarInfo(**read_info(archive, "avatar.json", path, FORMAT_VERSION))
            head = head_template(info.conditioning, info.expression_units)
            load_head(head, load(archive.read("head.safetensors")))
            drive = load(archive.read("drive.safetensors"))
            return cls(
                info=info,
                head=head.requires_grad_(False).eval(),
                viewmats=drive["viewmats"],
                expression=drive["expression"],
                torso_files=[
                    archive.read(f"torso/{index:05d}.webp") for index in range(info.frames)
                ],
                backdrop=decode_backdrop(archive.read("backdrop.png")),
                speaker_adapter=_read_speaker_adapter(archive, info.conditioning),
            )


def head_template(conditioning: Conditioning, units: tuple[str, ...] = EXPRESSION_UNITS) -> Head:
    """A head of the right shapes to load a state into."""
    generator = torch.Generator().manual_seed(0)
    return new_head(
        face=random_gaussians(1, 0, generator),
        mouth=random_gaussians(1, 0, generator, mouth=True),
        conditioning=conditioning,
        units=units,
    )


def stored(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same as safetensors can store them."""
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def encode_backdrop(rgb: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """As PNG."""
    return cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


def decode_backdrop(data: bytes) -> UInt8[np.ndarray, "h w 3"]:
    """The inverse of `encode_backdrop`. Raises ValueError where `data` is no picture."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise ValueError("backdrop.png is no picture")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _read_speaker_adapter(
    archive: zipfile.ZipFile, conditioning: Conditioning
) -> dict[str, Tensor] | None:
    if conditioning.kind != "lip_codes":
        return None
    named = SPEAKER_ADAPTER in archive.namelist()
    return load(archive.read(SPEAKER_ADAPTER if named else EARLIER_SPEAKER_ADAPTER))


def encode_torso(rgba: UInt8[np.ndarray, "h w 4"]) -> bytes:
    """As WebP: a tenth of a PNG's size, alpha without loss."""
    return cv2.imencode(
        ".webp", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_WEBP_QUALITY, TORSO_QUALITY]
    )[1].tobytes()


def decode_torso(data: bytes) -> UInt8[np.ndarray, "h w 4"]:
    """The inverse of `encode_torso`, but for what WebP loses of the colours. Raises
    NotAnArtefact."""
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise NotAnArtefact(
            "A torso frame of the avatar is damaged. Copy the file again, or learn it again."
        )
    return cv2.cvtColor(decoded, cv2.COLOR_BGRA2RGBA)
