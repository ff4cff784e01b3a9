# pyright: strict
"""The archive that holds an avatar or a prior: a zip of one JSON file and safetensors. No pickle.

Archives of every earlier format version open: what they do not name is derived from what they do.
"""

import json
import zipfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from instag.runtime.untrusted import check_format, parsing, record, whole_number, words
from instag.types import EXPRESSION_UNITS, Conditioning

LIP_CODE_FRONT_END = "motion"
"""The front end that computed lip codes before archives named their conditioning."""
ONE_STEP_FRONT_ENDS = (LIP_CODE_FRONT_END, "ave")
"""Front ends with windows of a single step; the windows of all others had AUDIO_STEPS."""
AUDIO_STEPS = 16
MOST_CHANNELS, MOST_STEPS, MOST_UNITS = 4096, 256, 64
"""Of a conditioning and an expression: HuBERT has 1,024 channels of 16 steps, OpenFace 17 units."""
MOST_BYTES = 2 * 2**30
"""Bytes of all members together, unpacked: a minute of torso at the largest size has 1 GiB."""
MOST_INFO, MOST_TENSORS, MOST_PICTURE = 2**22, 2**28, 2**26
"""Bytes of a JSON member, of a member of tensors (a million Gaussians have 2**27.8) and of a
picture."""


@contextmanager
def opened_archive(path: Path, noun: str, remedy: str) -> Generator[zipfile.ZipFile, None, None]:
    """The archive at `path`, to be read in the block. Raises NotAnArtefact, which says that `path`
    is not `noun` and to make it with the command `remedy`, where it cannot be read."""
    with parsing(path, noun, remedy), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        whole = sum(member.file_size for member in members)
        if whole > MOST_BYTES:
            raise ValueError(
                f"it unpacks to {whole / 2**30:.1f} GiB, and may to {MOST_BYTES / 2**30:g}"
            )
        if len({member.filename for member in members}) < len(members):
            raise ValueError("it holds two members of one name")
        yield archive


def read_member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """The bytes of a member. Raises ValueError where they are more than `most`, and what zipfile
    raises. No more is ever unpacked than the archive's directory names."""
    member = archive.getinfo(name)
    if member.file_size > most:
        raise ValueError(
            f"{name} unpacks to {member.file_size / 2**20:.1f} MiB, and may to {most / 2**20:g}"
        )
    with archive.open(member) as file:
        content = file.read(member.file_size)
    if len(content) != member.file_size:
        raise ValueError(f"{name} is cut off")
    return content


def read_info(archive: zipfile.ZipFile, name: str, path: Path, version: int) -> dict[str, Any]:
    """The fields of a JSON file as format `version` has them. Raises NewerFormat, ValueError."""
    content = record(name, json.loads(read_member(archive, name, MOST_INFO)))
    check_format(path, whole_number("format_version", content["format_version"], 1, 2**31), version)
    return upgraded_info(content) | {"format_version": version}


def upgraded_info(content: dict[str, Any]) -> dict[str, Any]:
    """The same with `conditioning` and `expression_units`, which early formats lack. Raises
    ValueError, KeyError."""
    content = dict(content)
    channels = content.pop("speech_channels", None)
    stored = content.get("conditioning")
    for name in ("made_by", "front_end"):
        words(name, content[name])
    record("training", content.get("training", {}))
    content["conditioning"] = checked_conditioning(
        conditioning_of(content["front_end"], channels)
        if stored is None
        else Conditioning(**record("conditioning", stored))
    )
    content["expression_units"] = checked_units(content.get("expression_units", EXPRESSION_UNITS))
    return content


def checked_conditioning(conditioning: Conditioning) -> Conditioning:
    """The same. Raises ValueError where no field can have it."""
    if conditioning.kind not in ("audio", "lip_codes"):
        raise ValueError(f"it is driven by {conditioning.kind!r}, neither audio nor lip_codes")
    whole_number("channels", conditioning.channels, 1, MOST_CHANNELS)
    whole_number("steps", conditioning.steps, 1, MOST_STEPS)
    if conditioning.kind == "lip_codes" and conditioning.steps != 1:
        raise ValueError(f"its lip codes have {conditioning.steps} steps, not one")
    return conditioning


def checked_units(units: Any) -> tuple[str, ...]:
    """Names of an expression's columns. Raises ValueError."""
    listed = cast("Sequence[Any]", units)
    if not isinstance(listed, list | tuple) or len(listed) > MOST_UNITS:
        raise ValueError("expression_units is no list of names")
    names = tuple(words("an expression unit", unit, 32) for unit in listed)
    if not names or len(set(names)) < len(names):
        raise ValueError("expression_units is empty, or names a unit twice")
    return names


def conditioning_of(front_end: str, channels: Any) -> Conditioning:
    """The conditioning of an archive that names only a front end and its channels. Raises
    ValueError."""
    return Conditioning(
        kind="lip_codes" if front_end == LIP_CODE_FRONT_END else "audio",
        channels=whole_number("speech_channels", channels, 1, MOST_CHANNELS),
        steps=1 if front_end in ONE_STEP_FRONT_ENDS else AUDIO_STEPS,
    )
