"""Files in the wrong place, or missing: what a file is, seen by its first bytes, and what to do
with it where a command wants another kind. Nothing is loaded for it: a wrong name is told at
once."""

import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from instag.errors import BadArgument, CaptureError, FileMissing, MediaError, NotAnArtefact

CLIP, AVATAR, PRIOR, PHOTO, TEXT = "clip", "avatar", "prior", "photo", "text"
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


def refuse_swapped(command: str, first: Path, second: Path) -> None:
    """Raises BadArgument where the avatar is given second."""
    if kind_of(second) == AVATAR and kind_of(first) != AVATAR:
        raise BadArgument(f"The avatar comes first: instag {command} {second} {first} -o OUTPUT")


def _is_there(path: Path) -> bool:
    """Whether a name leads anywhere; one that no file can have is for the reader to refuse."""
    try:
        return os.path.lexists(path)
    except ValueError:
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
