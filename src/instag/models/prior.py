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
from safetensors.torch import load, save
from torch import Tensor, nn

from instag.errors import FileMissing
from instag.models.archive import MOST_TENSORS, opened_archive, read_info, read_member
from instag.models.face_field import MotionField, universal_face_field
from instag.models.head import Head
from instag.models.mouth_field import MouthField
from instag.runtime.files import atomic_path
from instag.runtime.untrusted import check_tensors, whole_number, words
from instag.types import EXPRESSION_UNITS, Conditioning

FORMAT_VERSION = 2
"""1 does not name `conditioning` and `expression_units`."""
BUNDLED = "bundled"
"""In place of a file's name: the prior that comes with instag."""


@dataclass(frozen=True, kw_only=True)
class PriorInfo:
    """The content of prior.json. hears: identity of the front end, its version and weights; empty
    where it is unknown. expression_units: names of the expression's columns. people: how many it
    was learned from."""

    format_version: int = FORMAT_VERSION
    made_by: str
    front_end: str
    hears: str
    conditioning: Conditioning
    expression_units: tuple[str, ...] = EXPRESSION_UNITS
    people: int
    training: dict[str, object] = field(default_factory=dict)


@final
@dataclass(frozen=True, kw_only=True)
class Prior:
    """The universal motion fields of faces and mouths."""

    info: PriorInfo
    face: MotionField
    mouth: MouthField

    @property
    def conditioning(self) -> Conditioning:
        """What drives both fields."""
        return self.info.conditioning

    def state(self) -> dict[str, Tensor]:
        """Both fields, flat: `face.` and `mouth.` before their own names."""
        parts = {"face": self.face, "mouth": self.mouth}
        return {
            f"{part}.{name}": value.detach()
            for part, module in parts.items()
            for name, value in module.state_dict().items()
        }

    def digest(self) -> str:
        """A hash of all its numbers, which identifies the prior."""
        return hashlib.sha256(
            save({name: value.cpu().contiguous() for name, value in self.state().items()})
        ).hexdigest()

    def to(self, device: torch.device | str) -> "Prior":
        """A copy on `device`."""
        return replace(
            self, face=deepcopy(self.face).to(device), mouth=deepcopy(self.mouth).to(device)
        )

    def begin(self, head: Head) -> None:
        """Start a head from these fields. It keeps its own range of expressions: while fields adapt
        to a person, they forget stronger expressions. Raises ValueError where its fields have other
        shapes; see `conditioning`."""
        own = head.face.field.expression_range.clone()
        _begin(head.face.field, self.face)
        head.face.field.expression_range.copy_(own)
        _begin(head.mouth.field, self.mouth)

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all. Raises DiskFull."""
        state = {name: value.cpu().contiguous() for name, value in self.state().items()}
        with (
            atomic_path(Path(path), lasting=True) as temporary,
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            archive.writestr("prior.json", json.dumps(asdict(self.info), indent=1))
            archive.writestr("fields.safetensors", save(state))

    @classmethod
    def open(cls, path: Path | str) -> "Prior":
        """From a file, or BUNDLED. Raises FileMissing, NotAnArtefact, NewerFormat."""
        path = Path(path)
        if str(path) == BUNDLED:
            return load_bundled_prior()
        if not path.is_file():
            raise FileMissing.prior(path)
        remedy = f"Make one with: instag pretrain CLIP... -o {path}"
        with opened_archive(path, "a prior", remedy) as archive:
            info = PriorInfo(**read_info(archive, "prior.json", path, FORMAT_VERSION))
            words("hears", info.hears)
            whole_number("people", info.people, 0, 2**31)
            state = load(read_member(archive, "fields.safetensors", MOST_TENSORS))
            face, mouth = empty_fields(info.conditioning, info.expression_units)
            check_tensors(state, field_shapes(face, mouth), real=True)
            face.load_state_dict(part_of(state, "face."))
            mouth.load_state_dict(part_of(state, "mouth."))
        return cls(info=info, face=face, mouth=mouth)


def part_of(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The values whose names begin with `prefix`, by the rest of their names."""
    return {
        name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)
    }


def field_shapes(face: MotionField, mouth: MouthField) -> dict[str, tuple[int, ...]]:
    """Shapes of a prior's tensors by their names in the file."""
    return {
        f"{part}.{name}": tuple(value.shape)
        for part, module in {"face": face, "mouth": mouth}.items()
        for name, value in module.state_dict().items()
    }


def load_bundled_prior() -> Prior:
    """The prior that comes with instag: learned from twelve people, driven by lip codes."""
    with as_file(files("instag").joinpath("bundled", "usual.prior")) as path:
        return Prior.open(path)


def _begin(field: nn.Module, learned: nn.Module) -> None:
    try:
        field.load_state_dict(learned.state_dict())
    except RuntimeError as error:
        raise ValueError(
            f"the head's fields have other shapes than the prior's: {error}"
        ) from error


def empty_fields(
    conditioning: Conditioning, units: tuple[str, ...] = EXPRESSION_UNITS
) -> tuple[MotionField, MouthField]:
    """Both universal fields, fresh and at rest; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        face, mouth = universal_face_field(conditioning, units), MouthField(conditioning)
    return face.requires_grad_(False).eval(), mouth.requires_grad_(False).eval()
