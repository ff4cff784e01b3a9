"""From a video to a Clip: the stages of observation run once each, as soon as what they read is
there; a stopped run goes on where it was."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from instag.capture.backends import ACTION_UNITS, without_defaults
from instag.capture.extract_frames import MIN_DURATION_S
from instag.capture.face_crop import Crop, check_crop
from instag.capture.lost_files import lost
from instag.capture.openface import read_rows
from instag.capture.options import DEFAULTS, CaptureOptions, check_backends
from instag.capture.side_by_side import Ended, run_side_by_side
from instag.capture.stage import FOLDERS, Stage
from instag.capture.stages import STAGES
from instag.capture.warm_up import load_stages
from instag.data.clip import Clip
from instag.data.clip_info import ClipInfo, StageRecord
from instag.data.features_path import check_features
from instag.data.kept_pictures import KeptPictures
from instag.errors import BadArgument, CaptureError, MediaError, NoSound, TooShort
from instag.media.reader import MediaInfo, check_picture, check_sound, find_sound, probe
from instag.runtime.files import sha256_of, sweep
from instag.runtime.folder_in_use import alone_in
from instag.runtime.progress import Report, silent
from instag.runtime.threads import one_thread_each, short_turns
from instag.runtime.untrusted import in_one_line
from instag.version import __version__


def prepare(
    video: Path | str,
    output: Path | str,
    options: CaptureOptions = DEFAULTS,
    *,
    only: str | Sequence[str] | None = None,
    start_from: str | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> Clip:
    """Observe the person in `video` and write a Clip into the folder `output`.

    Stages that clip.json records for the same file and the same settings are not run again; the
    others are, and those that read their results. A run that was stopped at any moment is completed
    by the next one.

    only: run these stages again and no others. start_from: run this stage and all after it again.
    overwrite: in place of another video's clip too, which is refused otherwise. `report` gets
    thousandths of the whole work. Raises MediaError, CaptureError, BadArgument, AssetMissing,
    DiskFull, NewerFormat.
    """
    video, folder = Path(video), Path(output)
    check_backends(options)
    media = _check(video, options)
    check_features(folder, options.speech)
    repeated = _stages_to_repeat(only, start_from)
    fresh = not (folder / "clip.json").is_file()
    begun = _open_or_begin(video, folder, options, media, overwrite=overwrite)
    clip = replace(begun, kept=KeptPictures())
    work = _stages_to_run(clip, options, repeated, only)
    report(0 if work else 1000, 1000)
    for swept in (clip.folder, *(clip.folder / name for name in FOLDERS)) if work else ():
        sweep(swept)
    _check_needs(work, clip)
    try:
        with alone_in(folder, "instag prepare"), one_thread_each(), short_turns():
            if work and work[0] is not STAGES[0]:  # which warms up
                load_stages()
            clip = run_side_by_side(
                work,
                clip,
                lambda stage, clip, report: stage.run(clip, report, **stage.values(options, video)),
                begin=lambda clip, stage: _without_records(clip, _followers(stage.name, only)),
                end=lambda clip, ended: _recorded(clip, ended, options),
                report=lambda share: report(round(1000 * share), 1000),
            )
    except (BadArgument, CaptureError, MediaError):
        if fresh and not Clip.open(folder).info.stages:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return replace(clip, kept=None)


def _recorded(clip: Clip, ended: Ended, options: CaptureOptions) -> Clip:
    """The clip with what a stage changed, recorded in clip.json in the order of the stages."""
    record = StageRecord(
        made_by=f"instag {__version__}",
        settings=ended.stage.settings(options),
        seconds=round(ended.seconds, 2),
    )
    stages = {**clip.info.stages, ended.stage.name: record}
    places = {stage.name: place for place, stage in enumerate(STAGES)}
    ordered = sorted(stages.items(), key=lambda item: places.get(item[0], len(places)))
    return clip.save_info(replace(clip.info, **ended.changes, stages=dict(ordered)))


def _without_records(clip: Clip, names: set[str]) -> Clip:
    """The clip without the records of these stages, so that a stop leaves them to be run."""
    stages = {name: record for name, record in clip.info.stages.items() if name not in names}
    return clip.save_info(replace(clip.info, stages=stages))


def _check(video: Path, options: CaptureOptions) -> MediaInfo:
    """Raise at once what would fail later: MediaError, BadArgument, TableMismatch."""
    media = probe(video)
    if options.sound is not None:
        find_sound(options.sound)
    check_picture(video)
    if not media.has_sound and options.sound is None:
        raise NoSound(
            f"{video} has no sound track. Give a video with speech in it, or the file that holds "
            "its sound: --sound FILE."
        )
    if options.sound is None:
        check_sound(video)
    first, end = options.window
    wanted = min(end, media.seconds) - first
    if 0 < min(media.seconds, wanted, options.seconds or wanted) < MIN_DURATION_S - 0.1:
        asked = min(wanted, options.seconds or wanted)
        of_it = f", of which {asked:.1f} s are asked for" if asked < media.seconds else ""
        raise TooShort(
            f"{video} holds {media.seconds:.1f} s{of_it}; at least {MIN_DURATION_S:g} s are "
            "needed, and 5 s or more make a good head. Record a longer video."
        )
    if options.crop is not None:
        check_crop(Crop(*options.crop), media)
    if ACTION_UNITS.row(options.au) is ACTION_UNITS.file:
        read_rows(Path(options.au))
    return media


def _stages_to_repeat(only: str | Sequence[str] | None, start_from: str | None) -> set[str]:
    """The stages that the user asks to run again. Raises BadArgument."""
    names = [stage.name for stage in STAGES]
    wanted = [only] if isinstance(only, str) else list(only or [])
    for name in [*wanted, *([start_from] if start_from else [])]:
        if name not in names:
            raise BadArgument(f"There is no stage {name!r}. The stages are: {', '.join(names)}.")
    return set(wanted) | (set(names[names.index(start_from) :]) if start_from else set())


def _stages_to_run(
    clip: Clip, options: CaptureOptions, repeated: set[str], only: str | Sequence[str] | None
) -> list[Stage]:
    """The repeated stages, those that are not recorded with these options, and those that read
    their results."""
    chosen = [stage for stage in STAGES if only is None or stage.name in repeated]
    repeated = repeated | (lost(clip, STAGES) if only is None else set())
    stale = {
        stage.name
        for stage in chosen
        if stage.name in repeated or not _is_done(stage, clip, options)
    }
    for stage in chosen:
        if stale & set(stage.needs):
            stale.add(stage.name)
    return [stage for stage in chosen if stage.name in stale]


def _open_or_begin(
    video: Path, folder: Path, options: CaptureOptions, media: MediaInfo, *, overwrite: bool
) -> Clip:
    """The Clip in the folder, if it is of the same video; else a new one. Raises BadArgument."""
    digest = sha256_of(video)
    if (folder / "clip.json").is_file():
        clip = Clip.open(folder)
        if clip.info.source_sha256 == digest:
            return clip
        if clip.info.stages and not overwrite:
            raise BadArgument(
                f"{folder} is the clip of another video, {clip.info.source}. Choose a new folder, "
                "or replace that clip: --overwrite"
            )
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
        source=in_one_line(video.name),
        source_sha256=digest,
        width=options.size,
        height=options.size,
        frame_count=0,
        crop=(0.0, 0.0, float(media.width)),
    )
    return Clip(folder=folder, info=info).save_info(info)


def _is_done(stage: Stage, clip: Clip, options: CaptureOptions) -> bool:
    record = clip.info.stages.get(stage.name)
    return record is not None and without_defaults(record.settings) == stage.settings(options)


def _check_needs(work: list[Stage], clip: Clip) -> None:
    """Raises BadArgument where a stage reads what neither the clip nor the work has."""
    there = {*clip.info.stages, *(stage.name for stage in work)}
    for stage in work:
        missing = [name for name in stage.needs if name not in there]
        if missing:
            raise BadArgument(
                f"Stage {stage.name!r} reads what {missing[0]!r} makes, which {clip.folder} does "
                f"not have. Run: instag prepare VIDEO -o {clip.folder}"
            )


def _followers(name: str, only: str | Sequence[str] | None) -> set[str]:
    """The stage and all that read its result, directly or not; with `only` the others keep their
    records."""
    found = {name}
    for stage in STAGES:
        if only is None and found & set(stage.needs):
            found.add(stage.name)
    return found
