"""The Prior: universal motion fields learned from several people, in one file (the second of the
three artefacts).

A zip of `prior.json` (PriorInfo) and `fields.safetensors`: the face's field and the mouth's, with
the level of the speech and the range of the expressions that they learned from. No pickle.
"""

import hashlib
import json
import zipfile
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import final

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from instag.errors import FileMissing, NotAnArtefact
from instag.models.face_field import MotionField, universal_face_field
from instag.models.head import Head
from instag.models.mouth_field import MouthField
from instag.runtime.files import atomic_path, check_format

FORMAT_VERSION = 1
BUNDLED = "bundled"
"""What a user says in place of a file for the prior that comes with instag."""


@dataclass(frozen=True, kw_only=True)
class PriorInfo:
    """What prior.json holds. hears: identity of the front end, its version and weights; empty where
    nobody knows. people: how many taught it."""

    format_version: int = FORMAT_VERSION
    made_by: str
    front_end: str
    hears: str
    speech_channels: int
    people: int
    training: dict[str, object] = field(default_factory=dict)


@final
@dataclass(frozen=True, kw_only=True)
class Prior:
    """What several people's faces and mouths do with their voices."""

    info: PriorInfo
    face: MotionField
    mouth: MouthField

    def state(self) -> dict[str, Tensor]:
        """Both fields, flat: `face.` and `mouth.` before their own names."""
        parts = {"face": self.face, "mouth": self.mouth}
        return {
            f"{part}.{name}": value.detach()
            for part, module in parts.items()
            for name, value in module.state_dict().items()
        }

    def digest(self) -> str:
        """Tells this prior from others: of all its numbers."""
        return hashlib.sha256(
            save({name: value.cpu().contiguous() for name, value in self.state().items()})
        ).hexdigest()

    def to(self, device: torch.device | str) -> "Prior":
        """A copy on `device`."""
        return replace(
            self, face=deepcopy(self.face).to(device), mouth=deepcopy(self.mouth).to(device)
        )

    def begin(self, head: Head) -> None:
        """Let a head start with these fields; the range of expressions stays its own, as the fields
        forget, while they learn a person, what stronger ones look like. Raises ValueError where its
        fields are of other shapes; see `info.speech_channels`."""
        own = head.face.field.expression_range.clone()
        _begin(head.face.field, self.face)
        head.face.field.expression_range.copy_(own)
        self.begin_mouth(head)

    def begin_mouth(self, head: Head) -> None:
        """Let the inside of a head's mouth alone start with these fields. Raises as `begin`
        does."""
        _begin(head.mouth.field, self.mouth)

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all. Raises DiskFull."""
        state = {name: value.cpu().contiguous() for name, value in self.state().items()}
        with (
            atomic_path(Path(path)) as temporary,
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as package,
        ):
            package.writestr("prior.json", json.dumps(asdict(self.info), indent=1))
            package.writestr("fields.safetensors", save(state))

    @classmethod
    def open(cls, path: Path | str) -> "Prior":
        """From a file, or BUNDLED. Raises FileMissing, NotAnArtefact, NewerFormat."""
        path = Path(path)
        if str(path) == BUNDLED:
            return load_bundled_prior()
        if not path.is_file():
            raise FileMissing(
                f"There is no file {path}. Make a prior with: instag pretrain CLIP... -o {path}"
            )
        try:
            with zipfile.ZipFile(path) as package:
                content = json.loads(package.read("prior.json"))
                check_format(path, int(content["format_version"]), FORMAT_VERSION)
                info = PriorInfo(**content)
                state = load(package.read("fields.safetensors"))
            face, mouth = empty_fields(info.speech_channels)
            for name, module in (("face", face), ("mouth", mouth)):
                module.load_state_dict(
                    {
                        key.removeprefix(f"{name}."): value
                        for key, value in state.items()
                        if key.startswith(f"{name}.")
                    }
                )
        except (
            zipfile.BadZipFile,
            KeyError,
            TypeError,
            ValueError,
            RuntimeError,
            SafetensorError,
        ) as error:
            raise NotAnArtefact(
                f"{path} is not a prior, or is damaged ({error}). Make one with: instag pretrain "
                f"CLIP... -o {path}"
            ) from error
        return cls(info=info, face=face, mouth=mouth)


def load_bundled_prior() -> Prior:
    """What comes with instag: twelve people's faces and mouths, for fields that hear motion
    codes."""
    with as_file(files("instag").joinpath("bundled", "usual.prior")) as path:
        return Prior.open(path)


def _begin(field: nn.Module, taught: nn.Module) -> None:
    try:
        field.load_state_dict(taught.state_dict())
    except RuntimeError as error:
        raise ValueError(
            f"the head's fields are of other shapes than the prior's: {error}"
        ) from error


def empty_fields(speech_channels: int) -> tuple[MotionField, MouthField]:
    """Both universal fields, fresh and at rest; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        face, mouth = (
            universal_face_field(speech_channels),
            MouthField(speech_channels=speech_channels),
        )
    return face.requires_grad_(False).eval(), mouth.requires_grad_(False).eval()
