"""The Avatar: all that speaking needs, in one file (the third of the three artefacts).

A zip of `avatar.json` (AvatarInfo), `head.safetensors` (both sets of Gaussians, fields, aligners),
`drive.safetensors` (viewmats and expressions of the frames that it was learned from),
`voice.safetensors` (where it hears motion codes: how they follow the voice), `torso/00000.webp`
(RGBA) and `backdrop.png`. No pickle.
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
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from instag.errors import FileMissing, NotAnArtefact
from instag.models.gaussians import random_gaussians
from instag.models.head import Head, load_head, new_head
from instag.runtime.files import atomic_path, check_format
from instag.speech.front_end import FrontEnd
from instag.speech.lips.front_end import LipCodeFrontEnd, SpeakerAdapter
from instag.speech.registry import create
from instag.speech.whisper import load_whisper_encoder

FORMAT_VERSION = 2
MOST_DRIVE_FRAMES = 1_500
"""Frames of poses, expressions and torso that an avatar keeps: one minute, there and back two."""
TORSO_QUALITY = 92


@dataclass(frozen=True, kw_only=True)
class AvatarInfo:
    """What avatar.json holds. size: side of the picture in pixels; focal: pixels at that size;
    degree: of the spherical harmonics."""

    format_version: int = FORMAT_VERSION
    made_by: str
    source: str
    recipe: str
    front_end: str
    speech_channels: int
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

    viewmats: world to camera, OpenCV. expression: action units as in Condition. backdrop: RGB.
    voice: where the front end is `motion`.
    """

    info: AvatarInfo
    head: Head
    viewmats: Float[Tensor, "f 4 4"]
    expression: Float[Tensor, "f 6"]
    torso_files: list[bytes]
    backdrop: UInt8[np.ndarray, "h w 3"]
    voice: SpeakerAdapter | None = None

    def __len__(self) -> int:
        """Frames of poses, expressions and torso."""
        return len(self.viewmats)

    def torso(self, index: int) -> UInt8[np.ndarray, "h w 4"]:
        """RGBA, colours not multiplied by alpha."""
        return decode_torso(self.torso_files[index])

    def front_end(self, *, device: str = "cpu") -> FrontEnd:
        """What it hears with, on a device. Raises what front_ends.create raises."""
        return (
            create(self.info.front_end, device=device)
            if self.voice is None
            else LipCodeFrontEnd(self.voice, encoder=load_whisper_encoder().to(device))
        )

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
        state = {
            name: value.detach().cpu().contiguous()
            for name, value in self.head.state_dict().items()
        }
        drive = {
            "viewmats": self.viewmats.cpu().contiguous(),
            "expression": self.expression.cpu().contiguous(),
        }
        backdrop = cv2.imencode(".png", cv2.cvtColor(self.backdrop, cv2.COLOR_RGB2BGR))[1].tobytes()
        with (
            atomic_path(Path(path)) as temporary,
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as package,
        ):
            package.writestr("avatar.json", json.dumps(asdict(self.info), indent=1))
            package.writestr("head.safetensors", save(state), zipfile.ZIP_DEFLATED)
            package.writestr("drive.safetensors", save(drive))
            if self.voice is not None:
                package.writestr("voice.safetensors", save(self.voice.state()))
            package.writestr("backdrop.png", backdrop)
            for index, torso in enumerate(self.torso_files):
                package.writestr(f"torso/{index:05d}.webp", torso)

    @classmethod
    def open(cls, path: Path | str) -> "Avatar":
        """Raises FileMissing, NotAnArtefact, NewerFormat."""
        path = Path(path)
        if not path.is_file():
            raise FileMissing(
                f"There is no file {path}. Make an avatar with: instag create VIDEO -o {path}"
            )
        try:
            with zipfile.ZipFile(path) as package:
                content = json.loads(package.read("avatar.json"))
                check_format(path, int(content["format_version"]), FORMAT_VERSION)
                info = AvatarInfo(**content)
                state, drive = (
                    load(package.read("head.safetensors")),
                    load(package.read("drive.safetensors")),
                )
                voice = (
                    SpeakerAdapter.of_state(load(package.read("voice.safetensors")))
                    if info.front_end == LipCodeFrontEnd.name
                    else None
                )
                torso = [package.read(f"torso/{index:05d}.webp") for index in range(info.frames)]
                backdrop = cv2.imdecode(
                    np.frombuffer(package.read("backdrop.png"), np.uint8), cv2.IMREAD_COLOR
                )
            head = head_template(info.speech_channels)
            load_head(head, state)
        except (
            zipfile.BadZipFile,
            KeyError,
            TypeError,
            ValueError,
            RuntimeError,
            SafetensorError,
        ) as error:
            raise NotAnArtefact(
                f"{path} is not an avatar, or is damaged ({error}). Make it again with: instag "
                f"create VIDEO -o {path}"
            ) from error
        return cls(
            info=info,
            head=head.requires_grad_(False).eval(),
            viewmats=drive["viewmats"],
            expression=drive["expression"],
            torso_files=torso,
            backdrop=cv2.cvtColor(backdrop, cv2.COLOR_BGR2RGB),
            voice=voice,
        )


def head_template(speech_channels: int) -> Head:
    """A head of the right shapes to load a state into."""
    generator = torch.Generator().manual_seed(0)
    return new_head(
        face=random_gaussians(1, 0, generator),
        mouth=random_gaussians(1, 0, generator, mouth=True),
        speech_channels=speech_channels,
    )


def encode_torso(rgba: UInt8[np.ndarray, "h w 4"]) -> bytes:
    """WebP: a tenth of a PNG's size, alpha without loss."""
    return cv2.imencode(
        ".webp", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_WEBP_QUALITY, TORSO_QUALITY]
    )[1].tobytes()


def decode_torso(data: bytes) -> UInt8[np.ndarray, "h w 4"]:
    return cv2.cvtColor(
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA
    )
