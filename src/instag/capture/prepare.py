"""From a video to a Clip: the stages of observation in their order, each done once, each
resumable."""

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from instag.capture.backends import THE_EMBEDDED, CaptureBackends
from instag.capture.extract_frames import SHORTEST_S, extract_audio, extract_frames, read_landmarks
from instag.capture.face_crop import Crop, check_crop, find_crop, scan_video
from instag.capture.tracking.pose_refinement import track_head
from instag.data.clip import Clip, ClipInfo, StageRecord
from instag.data.speech_features import check_features, clip_features
from instag.errors import BadArgument, CaptureError, MediaError, NoSound, NotMedia, TooShort
from instag.media.reader import MediaInfo, probe
from instag.runtime.files import sweep
from instag.runtime.progress import Report, part, silent
from instag.speech.lips.audio_offset import audio_offset
from instag.version import __version__

FOLDERS = ("frames", "regions", "mattes", "torso", "surface", "features")
"""What `prepare` fills in a clip's folder."""
SIZES = (64, 2048)
"""Smallest and largest side of a Clip's frames in pixels."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the user chose. crop: x, y, size in the video's pixels, or None to look for the head.
    seconds: use no more of the video.

    shot: the number, from 1, of the stretch between cuts to use; None for the one that shows a face
    longest.
    """

    video: Path
    delay_ms: int | None
    size: int
    crop: tuple[float, float, float] | None
    seconds: float | None
    speech: str
    shot: int | None = None
    observers: CaptureBackends = THE_EMBEDDED


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of observation.

    run: does it and returns the Clip, whose info it may have changed. needs: stages whose result it
    reads. settings: what of the user's choice its result depends on. share: its part of the time,
    for progress.
    """

    name: str
    needs: tuple[str, ...]
    share: float
    settings: Callable[[Settings], dict[str, object]]
    run: Callable[[Clip, Settings, Report], Clip]


def prepare(
    video: Path | str,
    output: Path | str,
    *,
    delay_ms: int | None = None,
    size: int = 512,
    crop: tuple[float, float, float] | None = None,
    shot: int | None = None,
    only: str | Sequence[str] | None = None,
    start_from: str | None = None,
    seconds: float | None = None,
    speech: str = "mel",
    observers: CaptureBackends = THE_EMBEDDED,
    report: Report = silent,
) -> Clip:
    """Observe the person in `video` and write a Clip into the folder `output`.

    Stages that are recorded in clip.json, made from the same file with the same settings, are not
    done again; the others are, and those that read their results. A run that was stopped at any
    moment is completed by the next one.

    delay_ms: how much later the sound is than the lips; so much is cut from its start. None: as the
    lips say, where they say it surely. size: side of the square frames. shot: which stretch between
    the video's cuts, from 1; None: the one that shows a face longest. only: do these stages again
    and no others. start_from: do this stage again and all after it. observers: who looks for what.
    `report` gets thousandths of the whole work. Raises MediaError, CaptureError, BadArgument,
    AssetMissing, DiskFull, NewerFormat.
    """
    settings = Settings(
        video=Path(video),
        delay_ms=delay_ms,
        size=size,
        crop=crop,
        seconds=seconds,
        speech=speech,
        shot=shot,
        observers=observers,
    )
    observers.check()
    media = _check(settings)
    check_features(Path(output), speech)
    again = _stages_to_repeat(only, start_from)
    fresh = not (Path(output) / "clip.json").is_file()
    clip = _open_or_begin(settings, Path(output), media)
    chosen = [stage for stage in STAGES if only is None or stage.name in again]
    stale = {
        stage.name for stage in chosen if stage.name in again or not _is_done(stage, clip, settings)
    }
    for stage in chosen:
        if stale & set(stage.needs):
            stale.add(stage.name)
    work = [stage for stage in chosen if stage.name in stale]
    total, before = sum(stage.share for stage in work), 0.0
    report(0 if work else 1000, 1000)
    for folder in (clip.folder, *(clip.folder / name for name in FOLDERS)) if work else ():
        sweep(folder)
    for stage in work:
        _check_needs(stage, clip)
        clip = clip.save_info(
            replace(
                clip.info,
                stages={
                    name: record
                    for name, record in clip.info.stages.items()
                    if name not in _followers(stage.name, only)
                },
            )
        )
        started = time.monotonic()
        try:
            clip = stage.run(
                clip, settings, part(report, before / total, (before + stage.share) / total)
            )
        except (BadArgument, CaptureError, MediaError):
            if fresh and not clip.info.stages:
                shutil.rmtree(clip.folder)
            raise
        record = StageRecord(
            made_by=f"instag {__version__}",
            settings=stage.settings(settings),
            seconds=round(time.monotonic() - started, 2),
        )
        clip = clip.save_info(replace(clip.info, stages={**clip.info.stages, stage.name: record}))
        before += stage.share
        report(round(1000 * before / total), 1000)
    return clip


def _check(settings: Settings) -> MediaInfo:
    """Say at once what would fail later. Raises MediaError, BadArgument."""
    if not SIZES[0] <= settings.size <= SIZES[1] or settings.size % 2:
        raise BadArgument(
            f"--size {settings.size}: give an even number of pixels from {SIZES[0]} to {SIZES[1]}, "
            "for example 512."
        )
    media = probe(settings.video)
    if not media.has_picture:
        raise NotMedia(
            f"{settings.video} has no picture. Give a video file (mp4, mov, mkv, webm ...)."
        )
    if not media.has_sound:
        raise NoSound(f"{settings.video} has no sound track. Give a video with speech in it.")
    if 0 < min(media.seconds, settings.seconds or media.seconds) < SHORTEST_S - 0.1:
        raise TooShort(
            f"{settings.video} holds {media.seconds:.1f} s; at least {SHORTEST_S:g} s are needed, "
            "and 5 s or more make a good head. Record a longer video."
        )
    if settings.crop is not None:
        check_crop(Crop(*settings.crop), media)
    return media


def _stages_to_repeat(only: str | Sequence[str] | None, start_from: str | None) -> set[str]:
    names = [stage.name for stage in STAGES]
    wanted = [only] if isinstance(only, str) else list(only or [])
    for name in [*wanted, *([start_from] if start_from else [])]:
        if name not in names:
            raise BadArgument(f"There is no stage {name!r}. The stages are: {', '.join(names)}.")
    return set(wanted) | (set(names[names.index(start_from) :]) if start_from else set())


def _open_or_begin(settings: Settings, folder: Path, media: MediaInfo) -> Clip:
    """The Clip in the folder, if it is of the same video; else a new one in its place."""
    digest = _sha256(settings.video)
    if (folder / "clip.json").is_file():
        clip = Clip.open(folder)
        if clip.info.source_sha256 == digest:
            return clip
    elif folder.is_dir() and any(folder.iterdir()):
        raise BadArgument(
            f"{folder} holds other files and no clip. Choose a new folder for the clip."
        )
    elif folder.exists() and not folder.is_dir():
        raise BadArgument(
            f"{folder} is a file; a clip is a folder. Choose another name, for example "
            f"{folder.with_suffix('.clip')}."
        )
    folder.mkdir(parents=True, exist_ok=True)
    info = ClipInfo(
        source=settings.video.name,
        source_sha256=digest,
        width=settings.size,
        height=settings.size,
        frame_count=0,
        crop=(0.0, 0.0, float(media.width)),
    )
    return Clip(folder=folder, info=info).save_info(info)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _is_done(stage: Stage, clip: Clip, settings: Settings) -> bool:
    record = clip.info.stages.get(stage.name)
    return record is not None and record.settings == stage.settings(settings)


def _check_needs(stage: Stage, clip: Clip) -> None:
    missing = [name for name in stage.needs if name not in clip.info.stages]
    if missing:
        raise BadArgument(
            f"Stage {stage.name!r} reads what {missing[0]!r} makes, which {clip.folder} does not "
            f"have. Run: instag prepare VIDEO -o {clip.folder}"
        )


def _followers(name: str, only: str | Sequence[str] | None) -> set[str]:
    """The stage, and all that read its result, directly or not; with `only` the user keeps those as
    they are."""
    found = {name}
    for stage in STAGES:
        if only is None and found & set(stage.needs):
            found.add(stage.name)
    return found


def _video(clip: Clip, settings: Settings, report: Report) -> Clip:
    for name in FOLDERS:
        shutil.rmtree(clip.folder / name, ignore_errors=True)
    for name in ("landmarks.npz", "speech.wav", "backdrop.png", "track.npz", "au.csv"):
        (clip.folder / name).unlink(missing_ok=True)
    survey = scan_video(settings.video, seconds=settings.seconds, report=part(report, 0.0, 0.3))
    given = None if settings.crop is None else Crop(*settings.crop)
    shot = survey.choose(settings.shot, given)
    crop = given or find_crop(survey, shot)
    about = {
        "shots": tuple((known.first, known.end) for known in survey.shots.shots),
        "jumps": survey.shots.jumps,
    }
    info = replace(
        clip.info,
        width=settings.size,
        height=settings.size,
        crop=crop,
        frame_count=0,
        focal=None,
        quality=None,
        **about,
    )
    clip = Clip(folder=clip.folder, info=info)
    taken = extract_frames(clip, settings.video, crop, shot, part(report, 0.3, 1.0))
    return Clip(
        folder=clip.folder, info=replace(info, frame_count=len(taken), first_frame=taken.first)
    )


def _sound(clip: Clip, settings: Settings, report: Report) -> Clip:
    extract_audio(clip, settings.video, settings.delay_ms or 0)
    if settings.delay_ms is not None:
        return Clip(
            folder=clip.folder,
            info=replace(clip.info, delay_ms=settings.delay_ms, delay_found=None),
        )
    found = audio_offset(clip.speech(), read_landmarks(clip).points)
    delay = round(found.ms) if found is not None and found.sure else 0
    if delay:
        extract_audio(clip, settings.video, delay)
    about = (
        None if found is None else {name: round(value, 3) for name, value in asdict(found).items()}
    )
    return Clip(folder=clip.folder, info=replace(clip.info, delay_ms=delay, delay_found=about))


def _tracking(clip: Clip, settings: Settings, report: Report) -> Clip:
    track = settings.observers.find_points(
        clip, track_head(clip, read_landmarks(clip), part(report, 0.0, 0.5)), part(report, 0.5, 1.0)
    )
    return Clip(folder=clip.folder, info=replace(clip.info, focal=track.focal))


def _action_units(clip: Clip, settings: Settings, report: Report) -> Clip:
    settings.observers.find_action_units(
        clip, report, shortened=settings.seconds is not None or clip.info.is_part
    )
    return clip


def _regions(clip: Clip, settings: Settings, report: Report) -> Clip:
    settings.observers.find_regions(clip, report)
    return clip


def _backdrop(clip: Clip, settings: Settings, report: Report) -> Clip:
    from instag.capture.segmentation.background import build_backdrop

    build_backdrop(clip, report)
    return clip


def _mattes(clip: Clip, settings: Settings, report: Report) -> Clip:
    from instag.capture.segmentation.matting import cut_mattes

    cut_mattes(clip, report)
    return clip


def _torso(clip: Clip, settings: Settings, report: Report) -> Clip:
    from instag.capture.segmentation.torso import cut_torso

    cut_torso(clip, report)
    return clip


def _surface(clip: Clip, settings: Settings, report: Report) -> Clip:
    settings.observers.find_surface(clip, report)
    return clip


def _features(clip: Clip, settings: Settings, report: Report) -> Clip:
    clip_features(clip, settings.speech, fresh=True, report=report)
    return clip


def _quality(clip: Clip, settings: Settings, report: Report) -> Clip:
    from instag.capture.quality.report import assess

    return Clip(folder=clip.folder, info=replace(clip.info, quality=assess(clip, report).as_json()))


def _video_settings(settings: Settings) -> dict[str, object]:
    chosen = {
        "size": settings.size,
        "crop": list(settings.crop) if settings.crop else None,
        "seconds": settings.seconds,
    }
    return chosen if settings.shot is None else {**chosen, "shot": settings.shot}


def _nothing(settings: Settings) -> dict[str, object]:
    return {}


STAGES = (
    Stage(
        name="video",
        needs=(),
        share=14,
        settings=_video_settings,
        run=_video,
    ),
    Stage(
        name="sound",
        needs=("video",),
        share=0.5,
        settings=lambda chosen: {"delay_ms": chosen.delay_ms},
        run=_sound,
    ),
    Stage(
        name="tracking",
        needs=("video",),
        share=8,
        settings=lambda chosen: chosen.observers.settings("tracking"),
        run=_tracking,
    ),
    Stage(
        name="action_units",
        needs=("tracking",),
        share=0.3,
        settings=lambda chosen: chosen.observers.settings("action_units"),
        run=_action_units,
    ),
    Stage(
        name="regions",
        needs=("tracking",),
        share=40,
        settings=lambda chosen: chosen.observers.settings("regions"),
        run=_regions,
    ),
    Stage(
        name="backdrop",
        needs=("regions",),
        share=4,
        settings=lambda _: {"seen": True},
        run=_backdrop,
    ),
    Stage(name="mattes", needs=("regions", "backdrop"), share=8, settings=_nothing, run=_mattes),
    Stage(name="torso", needs=("regions", "mattes"), share=20, settings=_nothing, run=_torso),
    Stage(
        name="surface",
        needs=("tracking",),
        share=15,
        settings=lambda chosen: chosen.observers.settings("surface"),
        run=_surface,
    ),
    Stage(
        name="features",
        needs=("sound",),
        share=0.5,
        settings=lambda chosen: {"speech": chosen.speech},
        run=_features,
    ),
    Stage(
        name="quality",
        needs=("sound", "tracking", "regions"),
        share=3,
        settings=_nothing,
        run=_quality,
    ),
)
