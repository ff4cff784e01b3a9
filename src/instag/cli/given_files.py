"""Files in the wrong place, or missing: what a file is, seen by its first bytes, and what to do
with it where a command wants another kind. Nothing is loaded for it: a wrong name is told at
once."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from instag.errors import (
    BadArgument,
    BadLayout,
    CaptureError,
    FileMissing,
    MediaError,
    NotAnArtefact,
)

CLIP, AVATAR, PRIOR, PHOTO, TEXT = "clip", "avatar", "prior", "photo", "text"
METRICS = "metrics.json"
"""What a report's folder holds."""
FRAMES = ("ori_imgs", "gt_imgs")
"""Folders of pictures of which data of other programs hold one."""
PRIOR_NAMES = ("bundled", "none")
PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")
FAMILIES = (b"heic", b"heix", b"mif1", b"avif", b"WEBP")
"""Of pictures that name their family at byte 8."""

NO_VIDEO = {
    CLIP: "{path} is a clip, prepared already. Learn a head from it: instag adapt {path} -o "
    "{stem}.avatar",
    AVATAR: "{path} is an avatar, learned already. Let it speak: instag speak {path} SOUND -o "
    "out.mp4",
    PRIOR: "{path} is a prior. Give a video, and the prior as --prior {path}",
    PHOTO: "{path} is a photo. A head is learned from a video of some seconds in which one person "
    "speaks: give that.",
    TEXT: "{path} is a text, not a video. Give an mp4 (or mov, mkv, webm) of some seconds in which "
    "one person speaks.",
}
NO_SOUND = {
    CLIP: "{path} is a clip. Give a sound file, for example the clip's own: {path}/speech.wav",
    AVATAR: "{path} is an avatar. Give what it says: a sound file, or a video with sound.",
    PRIOR: "{path} is a prior. Give a sound file, or a video with sound.",
    PHOTO: "{path} is a photo and has no sound. Give a sound file, or a video with sound.",
    TEXT: "{path} is a text. Heads speak sound: let a program for text to speech read it into a "
    "file, for example: espeak-ng -f {path} -w {stem}.wav",
}
NO_AVATAR = {
    CLIP: "{path} is a clip, not an avatar. Learn one from it: instag adapt {path} -o "
    "{stem}.avatar",
    PRIOR: "{path} is a prior, not an avatar. Learn one with it: instag create VIDEO -o me.avatar "
    "--prior {path}",
    PHOTO: "{path} is a photo, not an avatar. Learn one from a video: instag create VIDEO -o "
    "me.avatar",
    TEXT: "{path} is a text, not an avatar. Learn one from a video: instag create VIDEO -o "
    "me.avatar",
}
NO_CLIP = {
    AVATAR: "{path} is an avatar, not a clip. Clips lie beside avatars that `create` made: "
    "{stem}.clip",
    PRIOR: "{path} is a prior, not a clip. Make a clip with: instag prepare VIDEO -o me.clip",
    PHOTO: "{path} is a photo, not a clip. Make a clip with: instag prepare VIDEO -o me.clip",
    TEXT: "{path} is a text, not a clip. Make a clip with: instag prepare VIDEO -o me.clip",
}

NO_FOOTAGE = {
    CLIP: "{path} is a clip. Measure the avatar that was learned from it: instag evaluate AVATAR "
    "{path}",
    AVATAR: "{path} is an avatar, not a video. Measure it on its clip: instag evaluate {path} "
    "{stem}.clip",
    PRIOR: "{path} is a prior, not a video. Give a video, or a folder of numbered pictures.",
    TEXT: "{path} is a text, not a video. Give a video, or a folder of numbered pictures.",
}
NO_REPORT = {
    CLIP: "{path} is a clip, not a report. Write one with: instag evaluate AVATAR {path} -o report",
    AVATAR: "{path} is an avatar, not a report. Write one with: instag evaluate {path} "
    "{stem}.clip -o report",
    PRIOR: "{path} is a prior, not a report. Give folders that instag evaluate wrote.",
}
NO_PRIOR = {
    CLIP: "{path} is a clip, not a prior. Learn one from several people's: instag pretrain {path} "
    "CLIP... -o my.prior",
    AVATAR: "{path} is an avatar, not a prior. Leave --prior out for the bundled one, or learn one "
    "with: instag pretrain CLIP... -o my.prior",
    TEXT: "{path} is a text, not a prior. Leave --prior out for the bundled one.",
    PHOTO: "{path} is a photo, not a prior. Leave --prior out for the bundled one.",
}
NO_CHECKPOINT = {
    PRIOR: "{path} is a prior already. Use it: instag adapt CLIP --prior {path} -o me.avatar",
    AVATAR: "{path} is an avatar. Give the original's chkpnt_ema_face_latest.pth and "
    "chkpnt_ema_mouth_latest.pth.",
    TEXT: "{path} is a text. Give the original's chkpnt_ema_face_latest.pth and "
    "chkpnt_ema_mouth_latest.pth.",
}
NO_LAYOUT = {
    CLIP: "{path} is a clip already. Learn a head from it: instag adapt {path} -o {stem}.avatar",
}


def kind_of(path: Path) -> str:
    """What lies at a path, where that is none of sound or video; else nothing. Raises nothing."""
    try:
        if path.is_dir():
            return CLIP if (path / "clip.json").is_file() else ""
        if not path.is_file():
            return ""
        with path.open("rb") as handle:
            head = handle.read(4096)
        if head.startswith(b"PK"):
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
            return next((kind for kind in (AVATAR, PRIOR) if f"{kind}.json" in names), "")
    except (OSError, ValueError, zipfile.BadZipFile):
        return ""
    if head.startswith(PICTURES) or head[8:12] in FAMILIES:
        return PHOTO
    return TEXT if _is_text(head) else ""


def _is_text(head: bytes) -> bool:
    """Of printed letters alone, in UTF-8; a letter may be cut at the end."""
    text = head.decode(errors="ignore")
    whole = len(text.encode()) > len(head) - 4
    return bool(text) and whole and all(each.isprintable() or each.isspace() for each in text)


def refuse_video(path: Path) -> None:
    """Raises MediaError where nothing, or something else than a video, lies there."""
    _refuse(path, NO_VIDEO, MediaError, missing=FileMissing.media)


def refuse_sound(path: Path) -> None:
    """Raises MediaError where nothing, or something else than sound, lies there."""
    _refuse(path, NO_SOUND, MediaError, missing=FileMissing.media)


def refuse_clip(path: Path) -> None:
    """Raises CaptureError where something else lies there than a clip, NotAnArtefact where nothing
    does."""
    _refuse(path, NO_CLIP, CaptureError, missing=NotAnArtefact.clip)
    if path.is_file() and not kind_of(path):
        raise CaptureError(
            f"{path} is a file, not a clip. If it is a video, make a clip of it: instag prepare "
            f"{path} -o {path.stem}.clip"
        )


def refuse_avatar(path: Path) -> None:
    """Raises NotAnArtefact where something else lies there than an avatar, FileMissing where
    nothing does."""
    _refuse(path, NO_AVATAR, NotAnArtefact, missing=FileMissing.avatar)


def refuse_footage(path: Path) -> None:
    """Raises MediaError where nothing, or neither a video nor pictures, lies there."""
    _refuse(path, NO_FOOTAGE, MediaError, missing=FileMissing.footage)


def refuse_missing(path: Path) -> None:
    """Raises FileMissing where nothing lies there."""
    _refuse(path, {}, FileMissing, missing=FileMissing.media)


def refuse_report(folder: Path) -> None:
    """Raises FileMissing where no report of `evaluate` lies there."""
    _refuse(folder, NO_REPORT, FileMissing, missing=FileMissing.metrics)
    if not (folder / METRICS).is_file():
        raise FileMissing.metrics(folder)


def refuse_prior(path: Path | None) -> None:
    """Raises NotAnArtefact where something else lies there than a prior, FileMissing where nothing
    does. Names of priors that come with instag pass."""
    if path is not None and str(path) not in PRIOR_NAMES:
        _refuse(path, NO_PRIOR, NotAnArtefact, missing=FileMissing.prior)
        if path.is_dir():
            raise FileMissing.prior(path)


def refuse_checkpoint(path: Path) -> None:
    """Raises NotAnArtefact where something else lies there than the original's weights, FileMissing
    where nothing does."""
    _refuse(path, NO_CHECKPOINT, NotAnArtefact, missing=FileMissing.checkpoint)
    if path.is_dir():
        raise FileMissing(f"{path} is a folder. Give the file of weights in it.")


def refuse_layout(folder: Path) -> None:
    """Raises BadLayout where no folder of another program lies there."""
    _refuse(folder, NO_LAYOUT, BadLayout, missing=BadLayout.folder)
    if not folder.is_dir():
        raise BadLayout.folder(folder)
    if not any((folder / name).is_dir() for name in FRAMES):
        raise BadLayout.frames(folder)


def refuse_swapped(command: str, first: Path, second: Path) -> None:
    """Raises BadArgument where the avatar is given second."""
    if kind_of(second) == AVATAR and kind_of(first) != AVATAR:
        raise BadArgument(f"The avatar comes first: instag {command} {second} {first} -o OUTPUT")


def _is_there(path: Path) -> bool:
    """Whether a name leads anywhere; one that no file can have is for the reader to refuse. Raises
    FileMissing where the system does not tell."""
    try:
        path.lstat()
    except PermissionError as error:
        raise FileMissing(
            f"{path} may not be read: a folder on the way to it is closed to you. Copy it to a "
            "folder of yours, or ask its owner."
        ) from error
    except OSError:
        return False
    except ValueError:
        return True
    return True


def _refuse(
    path: Path,
    sentences: Mapping[str, str],
    error: type[Exception],
    *,
    missing: Callable[[Path], Exception],
) -> None:
    sentence = sentences.get(kind_of(path))
    if sentence is not None:
        raise error(sentence.format(path=path, stem=path.with_suffix("")))
    if not _is_there(path):
        raise missing(path)
