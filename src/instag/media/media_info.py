"""What the header of a sound or video file states."""

from dataclasses import dataclass
from pathlib import Path

from instag.errors import NotMedia
from instag.media.container import file_seconds, opened, undecodable, without_decoder
from instag.media.decoding import Decoder
from instag.media.picture_conversion import displayed_size
from instag.media.tracks import has_unknown_picture, picture_stream
from instag.observed import FPS


@dataclass(frozen=True, kw_only=True)
class MediaInfo:
    """The content of a file's header. width, height: pixels as displayed (rotated, square pixels),
    0 without a picture. seconds: as stated or guessed, 0 where unknown."""

    width: int
    height: int
    fps: float
    seconds: float
    has_picture: bool
    has_sound: bool


def probe(path: Path | str) -> MediaInfo:
    """Read the header of a sound or video file and one frame of its picture.

    Raises FileMissing, NotMedia, Truncated (also where an MP4's boxes reach past the end of the
    file).
    """
    path = Path(path)
    with opened(path) as container:
        stream = picture_stream(container)
        sound = bool(container.streams.audio)
        if stream is None:
            if not sound and has_unknown_picture(container):
                raise without_decoder(path)
            if not sound:
                raise NotMedia(
                    f"{path} holds neither a picture nor a sound track. Give a video or sound file "
                    "(mp4, mov, mkv, webm, wav, flac, mp3 ...)."
                )
            return MediaInfo(
                width=0,
                height=0,
                fps=0.0,
                seconds=file_seconds(container),
                has_picture=False,
                has_sound=True,
            )
        first = next(Decoder(container, stream, path).frames(), None)
        if first is None:
            raise undecodable(path)
        width, height = displayed_size(first, stream)
        return MediaInfo(
            width=width,
            height=height,
            fps=float(stream.average_rate or FPS),
            seconds=file_seconds(container),
            has_picture=True,
            has_sound=sound,
        )
