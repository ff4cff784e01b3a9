# pyright: strict
"""The archive that holds an avatar or a prior: a zip of one JSON file and safetensors. No pickle.

Archives of every earlier format version open: what they do not name is derived from what they do.
"""

import json
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from instag.errors import NotAnArtefact
from instag.runtime.files import check_format
from instag.types import EXPRESSION_UNITS, Conditioning

LIP_CODE_FRONT_END = "motion"
"""The front end that computed lip codes before archives named their conditioning."""
ONE_STEP_FRONT_ENDS = (LIP_CODE_FRONT_END, "ave")
"""Front ends with windows of a single step; the windows of all others had AUDIO_STEPS."""
AUDIO_STEPS = 16


@contextmanager
def opened_archive(path: Path, noun: str, remedy: str) -> Generator[zipfile.ZipFile, None, None]:
    """The archive at `path`, to be read in the block. Raises NotAnArtefact, which says that `path`
    is not `noun` and to make it with the command `remedy`, where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (
        zipfile.BadZipFile,
        KeyError,
        TypeError,
        ValueError,
        RuntimeError,
        SafetensorError,
    ) as error:
        raise NotAnArtefact(f"{path} is not {noun}, or is damaged ({error}). {remedy}") from error


def read_info(archive: zipfile.ZipFile, name: str, path: Path, version: int) -> dict[str, Any]:
    """The fields of a JSON file as format `version` has them. Raises NewerFormat."""
    content = json.loads(archive.read(name))
    check_format(path, int(content["format_version"]), version)
    return upgraded_info(content) | {"format_version": version}


def upgraded_info(content: dict[str, Any]) -> dict[str, Any]:
    """The same with `conditioning` and `expression_units`, which early formats lack."""
    content = dict(content)
    channels = content.pop("speech_channels", None)
    stored = content.get("conditioning")
    content["conditioning"] = (
        conditioning_of(content["front_end"], int(channels))
        if stored is None
        else Conditioning(**stored)
    )
    content["expression_units"] = tuple(content.get("expression_units", EXPRESSION_UNITS))
    return content


def conditioning_of(front_end: str, channels: int) -> Conditioning:
    """The conditioning of an archive that names only a front end and its channels."""
    return Conditioning(
        kind="lip_codes" if front_end == LIP_CODE_FRONT_END else "audio",
        channels=channels,
        steps=1 if front_end in ONE_STEP_FRONT_ENDS else AUDIO_STEPS,
    )
