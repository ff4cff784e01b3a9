"""The stages of observation: functions that do them, and the table that says what each reads.

`prepare` runs them in this order; each writes its part of the clip's folder. What only some of them
need is loaded when they run: Torch alone takes seconds, in which the video can be read.
"""

import shutil
from dataclasses import asdict, replace
from pathlib import Path

from instag.capture.backends import (
    ACTION_UNITS,
    ARMS,
    COEFFICIENTS,
    GEOMETRY,
    HAIR,
    LANDMARKS_68,
    PARSERS,
    TEETH,
    TRACKERS,
)
from instag.capture.extract_frames import extract_audio, extract_frames, read_landmarks
from instag.capture.face_crop import Crop, find_crop, scan_video
from instag.capture.options import CaptureOptions
from instag.capture.shots import Shot, Shots
from instag.capture.stage import FOLDERS, Stage
from instag.capture.warm_up import warming_up
from instag.data.clip import Clip
from instag.media.reader import Flaw, find_sound
from instag.observed import FPS, Track
from instag.runtime.progress import Report, part


def _video(
    clip: Clip,
    report: Report,
    *,
    video: Path,
    size: int,
    crop: tuple[float, float, float] | None,
    seconds: float | None,
    since: str | None,
    until: str | None,
    shot: int | None,
) -> Clip:
    """Frames and landmarks of one shot; all that was made of other frames is removed."""
    window = CaptureOptions(since=since, until=until).window
    for name in FOLDERS:
        _remove(clip.folder / name)
    if clip.kept is not None:
        clip.kept.clear()
    for name in ("landmarks.npz", "speech.wav", "backdrop.png", "track.npz", "au.csv"):
        (clip.folder / name).unlink(missing_ok=True)
    flaws: list[Flaw] = []
    with warming_up():
        scan = scan_video(video, window=window, report=part(report, 0.0, 0.3))
        given = None if crop is None else Crop(*crop)
        chosen = scan.choose(shot, given)
        flaws += _fades_beside(chosen, scan.shots)
        if seconds is not None:
            chosen = replace(chosen, end=min(chosen.end, chosen.first + round(seconds * FPS)))
        square = given or find_crop(scan, chosen)
        info = replace(
            clip.info,
            width=size,
            height=size,
            crop=square,
            frame_count=0,
            focal=None,
            quality=None,
            shots=tuple((each.first, each.end) for each in scan.shots.shots),
            jumps=scan.shots.jumps,
        )
        clip = replace(clip, info=info)
        kept = extract_frames(
            clip, video, square, chosen, part(report, 0.3, 1.0), flaws.append, scan.timeline
        )
    clip = _with(clip, frame_count=len(kept), first_frame=kept.first)
    return _with_flaws(clip, "video", flaws)


def _fades_beside(shot: Shot, found: Shots) -> list[Flaw]:
    """What is said of the fades before and after a shot."""
    return [
        Flaw(aspect="picture", message=f"The picture fades from {fade}: left out.")
        for fade in found.fades
        if fade.end == shot.first or fade.first == shot.end
    ]


def _remove(folder: Path) -> None:
    """Remove a folder with what it holds; of a link only the link itself."""
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _sound(
    clip: Clip, report: Report, *, video: Path, sound: Path | None, delay: int | None
) -> Clip:
    """Speech, shifted by the delay that is given or found from lips and voice."""
    from instag.speech.lips.audio_offset import audio_offset

    flaws: list[Flaw] = []
    source = sound or video
    choice = find_sound(source, notice=flaws.append)
    extract_audio(clip, source, delay or 0, flaws.append, choice)
    clip = _with_flaws(clip, "sound", flaws)
    if delay is not None:
        return _with(clip, delay_ms=delay, delay_found=None)
    found = audio_offset(clip.speech(), read_landmarks(clip).points)
    measured = round(found.ms) if found is not None and found.sure else 0
    if measured:
        extract_audio(clip, source, measured, choice=choice)
    about = (
        None if found is None else {key: round(value, 3) for key, value in asdict(found).items()}
    )
    return _with(clip, delay_ms=measured, delay_found=about)


def _tracking(clip: Clip, report: Report, *, points: str, tracker: str) -> Clip:
    """Poses, focal length and head shape."""
    from instag.capture.tracking.pose_refinement import track_head

    own = track_head(clip, read_landmarks(clip), part(report, 0.0, 0.5))
    chosen = replace_track(clip, own, part(report, 0.5, 1.0), points=points, tracker=tracker)
    return _with(clip, focal=chosen.focal)


def replace_track(clip: Clip, own: Track, report: Report, *, points: str, tracker: str) -> Track:
    """The track with landmarks, poses and focal length of the chosen backends, saved where they are
    not our own. Raises AssetMissing, AssetDamaged, CaptureError."""
    (clip.folder / COEFFICIENTS).unlink(missing_ok=True)
    track = LANDMARKS_68.load(points)(clip, own, part(report, 0.0, 0.3))
    track = TRACKERS.load(tracker)(clip, track, part(report, 0.3, 1.0))
    if track is not own:
        clip.save_track(track)
    return track


def _action_units(clip: Clip, report: Report, *, au: str) -> Clip:
    ACTION_UNITS.load(au)(clip, report)
    return clip


def _regions(clip: Clip, report: Report, *, parsing: str, teeth: str, hair: str, arms: str) -> Clip:
    """Regions by the parser; then hair, teeth and arms, where a backend of their own is chosen."""
    refined = [
        (choice, name)
        for choice, name in ((HAIR, hair), (TEETH, teeth), (ARMS, arms))
        if name != choice.default
    ]
    steps = [(PARSERS, parsing), *refined]
    for index, (choice, name) in enumerate(steps):
        choice.load(name)(clip, part(report, index / len(steps), (index + 1) / len(steps)))
    return clip


def _backdrop(clip: Clip, report: Report) -> Clip:
    from instag.capture.segmentation.background import build_backdrop

    build_backdrop(clip, report)
    return clip


def _mattes(clip: Clip, report: Report) -> Clip:
    from instag.capture.segmentation.matting import cut_mattes

    cut_mattes(clip, report)
    return clip


def _poses(clip: Clip, report: Report, *, tracker: str) -> Clip:
    """Our own poses, aligned with the whole head; those of another tracker stay."""
    from instag.capture.tracking.head_alignment import align_head

    if tracker == TRACKERS.default:
        clip.save_track(align_head(clip, read_landmarks(clip), report))
    return clip


def _torso(clip: Clip, report: Report) -> Clip:
    from instag.capture.segmentation.torso import cut_torso

    cut_torso(clip, report)
    return clip


def _surface(clip: Clip, report: Report, *, surface: str) -> Clip:
    GEOMETRY.load(surface)(clip, report)
    return clip


def _features(clip: Clip, report: Report, *, speech: str) -> Clip:
    from instag.data.speech_features import clip_features

    clip_features(clip, speech, fresh=True, report=report)
    return clip


def _quality(clip: Clip, report: Report) -> Clip:
    from instag.capture.quality.report import assess

    return _with(clip, quality=assess(clip, report).as_json())


def _with_flaws(clip: Clip, stage: str, flaws: list[Flaw]) -> Clip:
    """The clip with what a stage met in the source file, in place of what it met before."""
    met: list[list[object]] = [[each.aspect, round(each.share, 4), each.message] for each in flaws]
    others = {name: found for name, found in clip.info.flaws.items() if name != stage}
    return _with(clip, flaws=others | ({stage: met} if met else {}))


def _with(clip: Clip, **changes: object) -> Clip:
    """The clip with changed info; nothing is written."""
    return replace(clip, info=replace(clip.info, **changes))  # type: ignore[arg-type]


STAGES = (
    Stage(
        name="video",
        run=_video,
        writes=("frames", "landmarks.npz"),
        options=("size", "crop", "seconds", "since", "until", "shot"),
        share=14,
        video=True,
    ),
    Stage(
        name="sound",
        run=_sound,
        writes=("speech.wav",),
        needs=("video",),
        options=("sound", "delay"),
        share=0.5,
        video=True,
    ),
    Stage(
        name="tracking",
        run=_tracking,
        writes=("track.npz",),
        needs=("video",),
        options=("points", "tracker"),
        share=8,
    ),
    Stage(
        name="regions",
        run=_regions,
        writes=("regions",),
        needs=("tracking",),
        options=("parsing", "teeth", "hair", "arms"),
        share=40,
    ),
    Stage(
        name="backdrop",
        run=_backdrop,
        writes=("backdrop.png",),
        needs=("regions",),
        share=4,
        fixed={"seen": True},
    ),
    Stage(name="mattes", run=_mattes, writes=("mattes",), needs=("regions", "backdrop"), share=8),
    Stage(
        name="poses",
        run=_poses,
        writes=("track.npz",),
        needs=("tracking", "regions", "mattes"),
        options=("tracker",),
        share=10,
        fixed={"whole_head": True},
    ),
    Stage(
        name="action_units",
        run=_action_units,
        writes=("au.csv",),
        needs=("poses",),
        options=("au",),
        share=0.3,
    ),
    Stage(name="torso", run=_torso, writes=("torso",), needs=("regions", "mattes"), share=20),
    Stage(
        name="surface",
        run=_surface,
        writes=("surface",),
        needs=("poses",),
        options=("surface",),
        share=15,
    ),
    Stage(name="features", run=_features, needs=("sound",), options=("speech",), share=0.5),
    Stage(name="quality", run=_quality, needs=("sound", "poses", "regions"), share=3),
)
"""All stages in their order."""
