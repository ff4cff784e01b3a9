"""The info of a Clip: what its clip.json says of the video and of the stages that made it."""

from dataclasses import dataclass, field
from typing import Any

from instag.observed import FPS
from instag.runtime.picture_file import MOST_SIDE
from instag.runtime.untrusted import in_one_line, real_number, record, whole_number, words

FORMAT_VERSION = 1
MOST_FRAMES = 100 * 3600 * FPS
"""Of a clip that somebody else wrote: a hundred hours."""
MOST_SECONDS = MOST_FRAMES / FPS


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """Who made a stage, with which settings, in how many seconds."""

    made_by: str
    settings: dict[str, object]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ClipInfo:
    """What clip.json holds. Lengths in pixels of the crop, delay in ms; `crop` is x, y, size in the
    source's pixels.

    first_frame: where the clip begins in the source, in frames at 25 a second. shots: first frame
    and the one after the last of each of the source's shots. jumps: frames of the source at which
    the picture jumps within a shot. quality: the verdict of capture.quality on the clip.
    test_frames: how many frames at the end are kept for testing; None where nobody said.
    delay_found: what the lips told of the sound's delay (ms; fit and margin as in AudioOffset),
    whether it was believed or not; None where the delay was given, or nothing could be told. flaws:
    of the source file, as the stages `video` and `sound` met them: aspect, share of the time,
    message.
    """

    format_version: int = FORMAT_VERSION
    source: str
    source_sha256: str
    width: int
    height: int
    fps: int = 25
    frame_count: int
    focal: float | None = None
    crop: tuple[float, float, float]
    first_frame: int = 0
    shots: tuple[tuple[int, int], ...] = ()
    jumps: tuple[int, ...] = ()
    delay_ms: int = 0
    delay_found: dict[str, float] | None = None
    test_frames: int | None = None
    quality: dict[str, object] | None = None
    stages: dict[str, StageRecord] = field(default_factory=dict)
    flaws: dict[str, list[list[object]]] = field(default_factory=dict)

    @property
    def asked_for(self) -> tuple[int, int]:
        """First frame, and the one after the last, of what was to be observed: the shot that the
        clip lies in, or so many seconds of it as `prepare --seconds` named."""
        begin = self.first_frame
        lies_in = (shot for shot in self.shots if shot[0] <= begin < shot[1])
        first, end = next(lies_in, (begin, begin + self.frame_count))
        seconds = self.stages["video"].settings.get("seconds") if "video" in self.stages else None
        if isinstance(seconds, int | float):
            end = min(end, first + round(seconds * self.fps))
        return first, end

    @property
    def is_part(self) -> bool:
        """Whether the clip leaves out frames of what was looked through of the source: other shots,
        or frames without a face."""
        return bool(self.shots) and self.frame_count < self.shots[-1][1]


def info_of(content: dict[str, Any]) -> ClipInfo:
    """The info that clip.json holds. Raises ValueError, KeyError, TypeError."""
    content = {name: _in_lines(value) for name, value in content.items()}
    stages = {
        words("a stage", name): StageRecord(**record(name, made))
        for name, made in record("stages", content.pop("stages", {})).items()
    }
    for stage in stages.values():
        words("made_by", stage.made_by)
        real_number("seconds of a stage", stage.seconds, 0, MOST_SECONDS)
        seconds = record("settings", stage.settings).get("seconds")
        if seconds is not None:
            real_number("seconds of the settings", seconds, 0, MOST_SECONDS)
    info = ClipInfo(
        **content
        | {
            "crop": tuple(content["crop"]),
            "shots": tuple((first, end) for first, end in content.get("shots", ())),
            "jumps": tuple(content.get("jumps", ())),
        },
        stages=stages,
    )
    _check(info)
    return info


def _in_lines(value: Any) -> Any:
    """The value with every text in it on one printable line: names of files, and what was told of
    them, may hold any letters."""
    if isinstance(value, str):
        return in_one_line(value)
    if isinstance(value, list):
        return [_in_lines(each) for each in value]
    return {n: _in_lines(v) for n, v in value.items()} if isinstance(value, dict) else value


def _check(info: ClipInfo) -> None:
    """Raises ValueError, TypeError."""
    words("source", info.source)
    words("source_sha256", info.source_sha256, 64)
    for name, least, most in (
        ("width", 16, MOST_SIDE),
        ("height", 16, MOST_SIDE),
        ("fps", FPS, FPS),
        ("frame_count", 0, MOST_FRAMES),
        ("first_frame", 0, MOST_FRAMES),
        ("delay_ms", -3_600_000, 3_600_000),
    ):
        whole_number(name, getattr(info, name), least, most)
    if info.width != info.height:
        raise ValueError(f"its pictures are {info.width} x {info.height}, not square")
    if info.focal is not None:
        real_number("focal", info.focal, 1.0, 100.0 * info.width)
    if info.test_frames is not None:
        whole_number("test_frames", info.test_frames, 0, MOST_FRAMES)
    if len(info.crop) != 3:
        raise ValueError("crop is not x, y and size")
    for number in info.crop:
        real_number("crop", number, -1e6, 1e6)
    for frame in [*info.jumps, *(end for shot in info.shots for end in shot)]:
        whole_number("a frame of shots or jumps", frame, 0, 2**31)
    if info.delay_found is not None:
        for name in ("ms", "fit", "margin"):
            real_number(name, record("delay_found", info.delay_found)[name], -1e6, 1e6)
    _check_verdict(info)


def _check_verdict(info: ClipInfo) -> None:
    """Check the quality and the flaws, where there are any. Raises ValueError, KeyError,
    TypeError."""
    quality = record("quality", {} if info.quality is None else info.quality)
    if quality:
        words("the grade", quality["grade"])
        for finding in quality["findings"]:
            for name in ("aspect", "grade", "says"):
                words(name, record("a finding", finding)[name])
    for flaws in record("flaws", info.flaws).values():
        for aspect, share, message in flaws:
            words("the aspect of a flaw", aspect)
            real_number("the share of a flaw", share, 0, 1)
            words("a flaw", message)
