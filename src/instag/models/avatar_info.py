"""AvatarInfo: what avatar.json says of an avatar."""

from dataclasses import dataclass, field

from instag.runtime.untrusted import real_number, record, whole_number, words
from instag.types import EXPRESSION_UNITS, FPS, Conditioning

FORMAT_VERSION = 4
"""1 and 2 do not name `conditioning` and `expression_units`, and call the adapter a voice; heads of
1 to 3 have no pose shapes."""
MOST_FRAMES = 10_000
"""Of an avatar that somebody else wrote."""
MOST_SIDE = 4096
"""Pixels of the side of a picture that an avatar may have."""
MOST_SPLATS = 2_000_000
HIGHEST_DEGREE = 3
"""Of spherical harmonics."""


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


def checked_info(info: AvatarInfo) -> AvatarInfo:
    """The same. Raises ValueError where no avatar can have it."""
    for name in ("source", "recipe"):
        words(name, getattr(info, name))
    whole_number("size", info.size, 16, MOST_SIDE)
    real_number("focal", info.focal, 1.0, 100.0 * info.size)
    whole_number("fps", info.fps, FPS, FPS)
    whole_number("degree", info.degree, 0, HIGHEST_DEGREE)
    whole_number("frames", info.frames, 1, MOST_FRAMES)
    for part in ("face", "mouth"):
        whole_number(f"splats of {part}", record("splats", info.splats)[part], 1, MOST_SPLATS)
    held_back = info.training.get("test")
    if held_back is not None:
        if not isinstance(held_back, list) or len(held_back) != 2:
            raise ValueError("its training names no first and last frame of the test")
        for frame in held_back:
            whole_number("a test frame", frame, 0, 2**31)
    return info
